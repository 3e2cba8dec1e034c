"""No command line and no file raises, or blames the compiler."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.cli import main
from qcompile.cli.option_table import OPTIONS, VERBS
from tests.cli.conftest import BROKEN, CIRCUIT, SHAPED

USUAL = {0, 1, 2}

WORDS = (
    "low.qa broken.qa missing.qa . out.pt out.dot rank=2 rank=-1 low.rank=x n=9 plan ast,spec"
    " qasm2 json short always error all cancel cancel{ 0 1 3 64MiB 1B fake_torino QA0001 - --"
    " config.json"
)
values = st.sampled_from(WORDS.split())
words = st.one_of(
    values,
    st.sampled_from([name for option in OPTIONS for name in option.names]),
    st.builds("{}={}".format, st.sampled_from([name for o in OPTIONS for name in o.names]), values),
    st.sampled_from(VERBS),
    st.text(max_size=6),
    st.binary(max_size=4).map(lambda data: data.decode("utf-8", "surrogateescape")),
)


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": 10000}')
    return folder


def run(folder: Path, argv: list[str], stdin: bytes = b"") -> int:
    for name, text in (("low.qa", SHAPED), ("wave.qa", CIRCUIT), ("broken.qa", BROKEN)):
        (folder / name).write_text(text)
    before = os.getcwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        patch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "utf-8"))
        try:
            os.chdir(folder)
            return main(argv)
        finally:
            os.chdir(before)


@settings(max_examples=150)
@given(argv=st.lists(words, max_size=7))
def test_any_command_line(argv: list[str], playground: Path) -> None:
    assert run(playground, argv) in USUAL


@settings(max_examples=100)
@given(data=st.binary(max_size=400), verb=st.sampled_from(VERBS[:4]))
def test_any_bytes(data: bytes, verb: str, playground: Path) -> None:
    (playground / "any.qa").write_bytes(data)
    assert run(playground, [verb, "any.qa"]) in USUAL
    assert run(playground, [verb, "-"], data) in USUAL


@settings(max_examples=100)
@given(
    text=st.sampled_from([SHAPED, CIRCUIT]),
    cuts=st.lists(
        st.tuples(
            st.integers(0, 250),
            st.integers(0, 12),
            st.sampled_from(
                ["", "0", "-1", "1e9", "x", "(", "}", "n", "qubits", "999999999", "zero", ":", "\n"]
            ),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_damaged_sources(text: str, cuts: list[tuple[int, int, str]], playground: Path) -> None:
    for place, length, new in cuts:
        text = text[:place] + new + text[place + length :]
    (playground / "damaged.qa").write_text(text)
    assert run(playground, ["damaged.qa", "-o", "damaged.pt"]) in USUAL
