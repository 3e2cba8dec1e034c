"""The pages of `qcompile explain` are true: what they call erroneous is, and the correction helps.

A page's examples are excerpts, so each is put into the smallest file in which it can stand.
"""

from __future__ import annotations

import re
import textwrap
from functools import cache
from pathlib import Path

import pytest

from qcompile.diagnostics import Collector, Message, QCompileError, Source
from qcompile.diagnostics.catalog import all_messages
from qcompile.grammar.frontend import load_spec
from qcompile.ir.compilation import ModelInfo

MODEL = Path(__file__).parents[2] / "examples" / "models" / "tiny-llama"

PARAMETERS = "rank: int = 8, bond: int = 8, bus: int = 64, alpha: real = 16.0"
STATEMENTS = ("attach", "shape", "update", "require", "angles", "control", "train")
GATES = r"(h|x|y|z|ry|rx|rz|rot|cx|cz|crz|cnot|brick)\b(?! *[=:])"
PLACED = r"(repeat|for|encode|measure|angles|adjoint|reset)\b"

LEFT_OUT = (
    ("{ … }", "{ shape 64 -> 64; update linear(x, to: out_features, init: zero) }"),
    ("{ …;", "{ shape 64 -> 64;"),
    ("; … }", "; update linear(h, to: out_features, init: zero) }"),
)
"""What the pages leave out, and what it may stand for."""


def _page(message: type[Message]) -> str:
    page = message.page()
    for dots, text in LEFT_OUT:
        page = page.replace(dots, text)
    return page


EXCERPTS = {
    code
    for code, message in all_messages().items()
    if not code.startswith(("QA1", "QA2", "QA3"))
    or re.search(r"…|\.\.\. |qcompile |<U\+FEFF>", _page(message).partition("Erroneous:")[2])
}
"""Codes whose examples are command lines, Python or leave something out."""

ELSEWHERE = {
    "QA1005": "a tab cannot be seen on a page",
    "QA2031": "other files",
    "QA2032": "other files",
    "QA2033": "other files",
    "QA2034": "other files",
    "QA2035": "other files",
    "QA1031": "a million lines",
    "QA2158": "ten blocks",
    "QA3151": "the limit is known to the planner alone",
    "QA3115": "a block used thousands of times",
    "QA3211": "needs a device",
    "QA3139": "needs a file with a tensor",
}


def examples(message: type[Message]) -> tuple[list[str], list[str]]:
    """(erroneous, corrected); what stands far apart on one line are two examples."""
    found = re.search(r"Erroneous:(.*?)\nCorrected:(.*?)(\n\n\S|\Z)", _page(message), re.DOTALL)
    assert found is not None
    wrong, right = (textwrap.dedent(" " * 10 + part) for part in found.groups()[:2])
    return _columns(wrong), _columns(right)


def _columns(text: str) -> list[str]:
    lines = [re.sub(r"\s{2,}(\(.*\)|#.*)$", "", line).rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(lines) == 1:
        return re.split(r"\s{2,}", lines[0].strip())
    return [textwrap.dedent("\n".join(lines))]


def whole(text: str, code: str) -> str:
    """A file around an excerpt."""
    if code == "QA1015":  # It is the missing version line.
        return text
    if re.match(r"(qa|adapter)\b", text):
        return text if text.startswith("qa") else f"qa 1\n{text}\n"
    if re.match(r"(import|model|let|block|layer|gate|target)\b", text) and not re.match(
        r"(target|gate) =", text
    ):
        used = "" if "adapter " in text else _adapter("")
        return f"qa 1\n{text}\n{used}"
    if re.match(r"[\d.]", text):
        return f"qa 1\nlet a = {text}\n{_adapter('')}"
    if re.match(r"\w+: *(int|real) = ", text):
        return "qa 1\n" + _adapter("").replace(PARAMETERS, text)
    if re.match(r"readout:", text):
        return f"qa 1\ntarget t {{ noise: {{ {text} }} }}\n{_adapter('')}"
    if re.match(r"device:", text):
        return f"qa 1\ntarget t {{ {text} }}\n{_adapter('')}"
    if re.match(PLACED, text) or (re.match(GATES, text) and "= linear" not in text):
        layer = "layer brick() { cz ring }\n"
        measured = "" if "measure" in text else "\nmeasure z"
        encoded = "encode angle(h)\n" if "encode" not in text and "h = h" not in text else ""
        body = f"{encoded}{text}{measured}"
        return f"qa 1\n{layer}" + _adapter(f"q = circuit(4 qubits) {{\n{body}\n}}")
    if not re.match(rf"({'|'.join(STATEMENTS)})\b|\w+\s*[=:] ", text):
        text = f"result = {text}"
    layer = "layer brick() { cz ring }\n" if "brick" in text else ""
    return f"qa 1\n{layer}" + _adapter(text)


def _adapter(body: str) -> str:
    defined = set(re.findall(r"^(\w+) *[=:] ", body, re.MULTILINE))
    place = "shape 512 -> 512\n" if body.endswith("* x") else "shape 3584 -> 512\n"
    if re.search(r"^(attach|shape)\b", body, re.MULTILINE):
        place = ""
    for name in ("h", "u", "g", "a"):
        if name not in defined and re.search(rf"\b{name}\b", body):
            width = "out_features" if "update" in body else "4"
            place += f"{name} = linear(x, to: {width})\n"
    last = re.findall(r"^(\w+) = ", body, re.MULTILINE)[-1:]
    update = f"\nupdate linear({(last or ['x'])[0]}, to: out_features, init: zero)"
    if re.search(r"^(update|prefix)\b", body, re.MULTILINE):
        update = ""
    return f"adapter page({PARAMETERS}) {{\n{place}{body}{update}\n}}\n"


@cache
def _model() -> ModelInfo:
    from qcompile.models.skeleton import read_model

    return read_model(str(MODEL))


def found_in(text: str, code: str) -> tuple[set[str], str]:
    """The codes of everything that elaboration and lowering find, and the errors."""
    from qcompile.passes.lowering import lower

    collector = Collector()
    try:
        spec = load_spec(Source("page.qa", text), (), collector)
        if spec is not None and not collector.has_errors:
            model = (
                _model() if "model " in text or ("attach" in text and code != "QA3001") else None
            )
            lower(spec, model=model, devices={}, collector=collector)
    except QCompileError as error:
        return {item.code for item in error.diagnostics}, str(error)
    errors = [item for item in collector.diagnostics if item.severity == "error"]
    shown = "\n".join(f"{item.code}: {item.title}" for item in errors)
    return {item.code for item in collector.diagnostics}, shown


@pytest.mark.parametrize("code", all_messages())
def test_every_page_has_an_erroneous_and_a_corrected_example(code: str) -> None:
    page = all_messages()[code].page()
    assert re.search(r"^Erroneous:", page, re.MULTILINE)
    assert re.search(r"^Corrected:", page, re.MULTILINE)


@pytest.mark.parametrize("code", sorted(set(all_messages()) - EXCERPTS - set(ELSEWHERE)))
def test_examples_are_what_the_page_says(code: str) -> None:
    wrong, right = examples(all_messages()[code])
    for example in wrong:
        codes, errors = found_in(whole(example, code), code)
        assert code in codes, f"{whole(example, code)}\n{errors}"
    for example in right:
        codes, errors = found_in(whole(example, code), code)
        assert code not in codes, whole(example, code)
        assert not errors, f"{whole(example, code)}\n{errors}"
