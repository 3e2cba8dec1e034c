"""The command line is read whole: every fault of it is said at once, with the nearest name."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qcompile.cli.arguments import Arguments
from qcompile.cli.command_line import parse_arguments
from qcompile.cli.option_table import OPTIONS, VERBS, help_text
from qcompile.diagnostics.errors import UsageError


def codes(*argv: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse_arguments(argv)
    assert caught.value.exit_code == 2
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_defaults() -> None:
    assert parse_arguments(["a.qa"]) == Arguments(command="compile", inputs=("a.qa",))
    assert parse_arguments(["compile", "a.qa"]) == parse_arguments(["a.qa"])
    assert parse_arguments(["./check"]).inputs == ("./check",)


def test_all_options_of_compilation() -> None:
    line = (
        "a.qa -o b.pt --model m -D rank=4 -D a.b=2 --target t -O3 --print-after all,x"
        " --print-after y --time-passes --verify --budget 9 --evaluator mps --emit plan,dot"
        " --emit ast --tokens 1_000 --memory-limit 2GiB --seed 7 -W error --message-format json"
        " --color never -q -v"
    )
    assert parse_arguments(line.split()) == Arguments(
        command="compile",
        inputs=("a.qa",),
        output="b.pt",
        model="m",
        definitions=("rank=4", "a.b=2"),
        target="t",
        optimisation=3,
        print_after=("all", "x", "y"),
        time_passes=True,
        verify=True,
        budget=9,
        evaluator="mps",
        emit=("plan", "dot", "ast"),
        tokens=1000,
        memory_limit=2 * 2**30,
        seed=7,
        warnings_are_errors=True,
        message_format="json",
        colour="never",
        quiet=True,
        verbose=True,
    )


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("", ["QA0005"]),
        ("check", ["QA0005"]),
        ("a.qa b.qa", ["QA0006"]),
        ("reprt a.qa", ["QA0061"]),
        ("chekc.qa a.qa", ["QA0006"]),
        ("a.qa --optput x", ["QA0006", "QA0007"]),
        ("a.qa --bogus", ["QA0007"]),
        ("check a.qa -o x", ["QA0007"]),
        ("a.qa -o", ["QA0008"]),
        ("a.qa --seed", ["QA0008"]),
        ("a.qa --color sometimes", ["QA0009"]),
        ("a.qa --message-format xml", ["QA0009"]),
        ("a.qa -O4", ["QA0009"]),
        ("a.qa -Ofast", ["QA0009"]),
        ("a.qa --tokens 0", ["QA0009"]),
        ("a.qa --tokens 1e3", ["QA0009"]),
        ("a.qa --seed=-1", ["QA0009"]),
        ("a.qa --seed 99999999999999999999999", ["QA0009"]),
        ("a.qa --memory-limit lots", ["QA0009"]),
        ("a.qa -W all", ["QA0009"]),
        ("report a.qa --format xml", ["QA0009"]),
        ("a.qa --verify=yes", ["QA0010"]),
        ("a.qa -O1 --passes cancel", ["QA0011"]),
        ("a.qa --emit programme", ["QA0017"]),
        ("a.qa --color x --seed y --emit z --more", ["QA0007", "QA0017", "QA0009", "QA0009"]),
    ],
)
def test_faults_are_named_all_at_once(argv: str, expected: list[str]) -> None:
    assert sorted(codes(*argv.split())) == sorted(expected)


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["a.qa", "--ouptut=x"], "--output"),
        (["a.qa", "--colour", "never"], "--color"),
        (["a.qa", "--emit", "plam"], "plan"),
        (["a.qa", "--color", "alway"], "always"),
        (["fmt", "--chek", "a.qa"], "--check"),
        (["chekc", "a.qa"], "check"),
    ],
)
def test_nearest_name_is_offered(argv: list[str], near: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean.*`{near}`"):
        parse_arguments(argv)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100", 100),
        ("3B", 3),
        ("2KiB", 2048),
        ("1 MiB", 2**20),
        ("5MB", 5 * 10**6),
        ("1TiB", 2**40),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_arguments(["a.qa", "--memory-limit", text]).memory_limit == size


def test_files_and_options_may_be_mixed() -> None:
    found = parse_arguments(["check", "a.qa", "-q", "b.qa", "-D", "rank=4", "-", "c.qa"])
    assert found.inputs == ("a.qa", "b.qa", "-", "c.qa")
    assert parse_arguments(["check", "--", "-q"]).inputs == ("-q",)


def test_versions_listings_and_help_need_no_input() -> None:
    assert parse_arguments(["--version"]) == Arguments(command="version")
    assert parse_arguments(["-v", "-V"]) == Arguments(command="version", verbose=True)
    assert parse_arguments(["--list-passes"]).listing == "passes"
    assert parse_arguments(["--list-targets"]).listing == "targets"
    for verb in VERBS:
        assert parse_arguments([verb, "--help"]).inputs == ("help", verb)
        assert parse_arguments([verb, "--help", "--bogus"]).command == "version"


@pytest.mark.parametrize("verb", VERBS)
def test_help_names_every_option_of_its_command(verb: str) -> None:
    text = help_text(verb)
    for option in OPTIONS:
        assert all(
            (name in text.split() or f"{name}," in text) == (verb in option.commands)
            for name in option.names
            if len(name) > 2
        )
    assert all(len(line) <= 100 for line in text.splitlines())


words = st.one_of(
    st.sampled_from([name for option in OPTIONS for name in option.names]),
    st.sampled_from(
        [*VERBS, "-", "--", "a.qa", "rank=4", "-D", "-Drank=4", "--emit=plan", "-x", "-1"]
    ),
    st.text(max_size=8),
    st.binary(max_size=6).map(lambda data: data.decode("utf-8", "surrogateescape")),
)


@given(argv=st.lists(words, max_size=7))
def test_any_command_line_is_read_or_refused(argv: list[str]) -> None:
    with contextlib.suppress(UsageError):
        parse_arguments(argv)
