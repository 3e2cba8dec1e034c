"""Generated and mutated programs through the command line: a result or a message, nothing else."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from qcompile.cli import main
from qcompile.cli.option_table import EMITTED
from qcompile.passes.registry import PASSES
from qcompile.testing.spec_strategies import mutated_texts, noise, valid_adapters

VALUES = st.one_of(
    st.sampled_from(("1", "4", "0", "-1", "1e9", "2.5", "true", "pi", "text", "", '"', "9" * 50)),
    st.text(max_size=5),
)
NAMES = st.sampled_from(("rank", "scale", "generated.rank", "other.rank", "rnak", "x", "1", "."))
OPTIONS: tuple[st.SearchStrategy[list[str]], ...] = (
    st.tuples(NAMES, VALUES).map(lambda pair: ["-D", f"{pair[0]}={pair[1]}"]),
    st.sampled_from(("0", "1", "2", "3", "4", "")).map(lambda level: [f"-O{level}"]),
    st.lists(st.sampled_from((*EMITTED, "all")), min_size=1, max_size=2).map(
        lambda levels: ["--emit", ",".join(levels)]
    ),
    st.lists(st.sampled_from((*PASSES, "cancel{x=1}", "")), max_size=4).map(
        lambda passes: ["--passes", ",".join(passes)]
    ),
    st.sampled_from(("1", "7", "100000", "0", "1099511627776")).map(lambda n: ["--tokens", n]),
    st.sampled_from(("1B", "2KiB", "1MiB", "8GiB", "x")).map(lambda n: ["--memory-limit", n]),
    st.sampled_from(("t", "lattice", "fake_torino", "")).map(lambda name: ["--target", name]),
    st.sampled_from(("--verify", "--time-passes", "-q", "-v")).map(lambda flag: [flag]),
    st.just(["--print-after", "all"]),
    st.just(["-W", "error"]),
)
TARGETS = """
target t { dtype: float64; evaluator: statevector }
target lattice { device: grid(2, 2); noise: { two_qubit: 1pct, readout: 2pct }; shots: 100 }
"""


def run(folder: Path, text: str, argv: list[str]) -> int:
    """`main` on the text; its messages are checked for their form."""
    path = folder / "case.qa"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        verb = argv[:1] if argv[:1] in (["report"], ["check"]) else []
        rest = argv[len(verb) :]
        output = [] if verb else ["-o", str(folder / "case.pt")]
        code = main([*verb, str(path), *output, *rest, "--message-format", "json"])
    assert code in (0, 1, 2), err.getvalue()
    errors = 0
    for line in err.getvalue().splitlines():
        if line.startswith('{"$message_type"'):
            message = json.loads(line)
            errors += message["level"] == "error"
            assert message["code"]["code"].startswith("QA") and message["message"]
            assert all(span["byte_start"] <= span["byte_end"] for span in message["spans"])
    assert (errors > 0) == (code != 0) or "-W" in argv
    event(f"exit code {code}")
    return code


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("command")


@settings(max_examples=150)
@given(
    text=valid_adapters(),
    options=st.lists(st.one_of(OPTIONS), max_size=4),
    verb=st.sampled_from(("", "", "report", "check")),
)
def test_valid_programs_with_any_options(
    text: str, options: list[list[str]], verb: str, folder: Path
) -> None:
    argv = [word for option in options for word in option]
    run(folder, text + TARGETS, [verb, *argv] if verb else argv)


@settings(max_examples=40)
@given(text=valid_adapters())
def test_valid_programs_compile(text: str, folder: Path) -> None:
    assert run(folder, text, ["--verify"]) == 0


@settings(max_examples=200)
@given(text=mutated_texts(), option=st.one_of(OPTIONS))
def test_mutated_programs(text: str, option: list[str], folder: Path) -> None:
    run(folder, text, option)


@settings(max_examples=100)
@given(text=noise())
def test_noise_inside_an_adapter(text: str, folder: Path) -> None:
    run(folder, f"qa 1\nadapter a() {{\nshape 4 -> 4\n{text}\nupdate linear(x, to: 4)\n}}\n", [])
