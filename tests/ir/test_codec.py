"""The JSON form of levels: exact, strict, stable."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.diagnostics import Source, Span
from qcompile.ir.circuit import Circuit
from qcompile.ir.codec import CodecError, canonical_json, decode, decode_json, encode
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.scalar import Apply, Constant, Scalar, Variable
from qcompile.ir.spec import Spec
from qcompile.ir.spec_circuit import CircuitItem, GateLayer, ListedWires, Repeat
from qcompile.ir.text import text_of
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_specs import circuit, lora_spec, qaa_spec, qtha_spec, spec_of
from qcompile.testing.program_strategies import programs


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    either: Left | Right
    maybe: Left | None
    mixed: bool | int | float | str
    word: Literal["a", 1, -1]
    pair: tuple[int, str]
    many: tuple[Left | Right, ...]
    angles: Left | tuple[float, ...]
    number: float
    hidden: int = field(default=0, compare=False)


VALUE = Everything(
    either=Right(size=2),
    maybe=None,
    mixed=True,
    word=-1,
    pair=(3, "ä"),
    many=(Left(size=1), Right(size=2)),
    angles=(0.5, 1e300),
    number=2.0,
)


def test_form() -> None:
    assert encode(VALUE) == {
        "either": {"@type": "Right", "size": 2},
        "maybe": None,
        "mixed": True,
        "word": -1,
        "pair": [3, "ä"],
        "many": [{"@type": "Left", "size": 1}, {"@type": "Right", "size": 2}],
        "angles": [0.5, 1e300],
        "number": 2.0,
    }
    assert decode(Everything, encode(VALUE)) == VALUE


@pytest.mark.parametrize("mixed", [False, 0, 1, 0.0, 1.0, "", "1"])
def test_scalars_keep_their_types(mixed: bool | int | float | str) -> None:
    value = Everything(**{**_fields(VALUE), "mixed": mixed})
    back = decode_json(Everything, canonical_json(value))
    assert back.mixed == mixed and type(back.mixed) is type(mixed)


def _fields(value: Everything) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


@pytest.mark.parametrize(
    ("path", "data", "where", "reason"),
    [
        (("number",), 1, "number", "expected float"),
        (("number",), float("nan"), "number", "finite"),
        (("number",), float("inf"), "number", "finite"),
        (("number",), True, "number", "expected float"),
        (("pair", 0), True, "pair[0]", "expected int"),
        (("pair", 0), 1.0, "pair[0]", "expected int"),
        (("pair", 0), 2**200, "pair[0]", "too large"),
        (("pair",), [1], "pair", "expected 2 items"),
        (("pair",), {"0": 1}, "pair", "expected an array"),
        (("pair", 1), "\ud800", "pair[1]", "Unicode"),
        (("word",), True, "word", "not among"),
        (("word",), "b", "word", "not among"),
        (("either",), {"size": 2}, "either.@type", "not among"),
        (("either", "@type"), "Everything", "either.@type", "not among"),
        (("either", "@type"), ["Left"], "either.@type", "not among"),
        (("either", "more"), 1, "either", "has no"),
        (("either",), None, "either", "none of the kinds"),
        (("maybe",), {"@type": "Left", "size": 1}, "maybe", "has no"),
        (("many", 1, "size"), "2", "many[1].size", "expected int"),
        (("mixed",), None, "mixed", "none of the kinds"),
        (("hidden",), 1, "", "has no"),
    ],
)
def test_every_mismatch_is_located(
    path: tuple[str | int, ...], data: object, where: str, reason: str
) -> None:
    whole: Any = encode(VALUE)
    inner = whole
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = data
    with pytest.raises(CodecError) as caught:
        decode(Everything, whole)
    assert caught.value.path == where
    assert reason in caught.value.reason


def test_missing_keys_and_wrong_roots() -> None:
    data = encode(VALUE)
    assert isinstance(data, dict)
    del data["word"]
    with pytest.raises(CodecError, match="without word"):
        decode(Everything, data)
    roots: tuple[object, ...] = ([], None, 3, "x")
    for root in roots:
        with pytest.raises(CodecError, match="expected a Everything"):
            decode(Everything, root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"size": NaN}',
        '{"size": Infinity}',
        '{"size": 1, "size": 1}',
        '{"size": 1' + "0" * 5000 + "}",
        '{"size": 1e999}',
    ],
)
def test_texts_that_are_no_json_form(text: str) -> None:
    with pytest.raises(CodecError):
        decode_json(Left, text)


def test_values_that_do_not_fit_their_hints_are_not_written() -> None:
    for size in (True, 1.5, "1", None, 2**300):
        with pytest.raises(CodecError, match="size"):
            canonical_json(Left(size=size))  # type: ignore[arg-type]


def test_deep_data_are_refused() -> None:
    data: Any = {"@type": "Constant", "value": 1}
    for _ in range(5000):
        data = {"@type": "Apply", "operator": "neg", "arguments": [data]}
    with pytest.raises(CodecError, match="deeply"):
        decode(Apply, {"operator": "neg", "arguments": [data]})


def test_values_as_deep_as_the_language_allows_are_written() -> None:
    size: Scalar = Variable(name="in_features")
    for _ in range(150):
        size = Apply(operator="+", arguments=(size, Constant(value=1)))
    item: CircuitItem = one_layer(ListedWires(wires=(size,)))
    for _ in range(100):
        item = Repeat(count=Constant(value=1), items=(item,))
    spec = spec_of(SpecInput(), circuit(Constant(value=2), (item,)), shape=(4, 2))
    assert canonical_json(spec).count('"name":"in_features"') == 1
    assert text_of(spec).count("repeat 1") == 100


def one_layer(wires: ListedWires) -> CircuitItem:
    return GateLayer(gate="h", angles=(), wires=wires, pairs=None)


def test_spans_are_never_written() -> None:
    span = Span(Source("a.qa", "secret"), 0, 3)
    plain = Apply(operator="+", arguments=(Constant(value=1), Variable(name="n")))
    placed = Apply(
        operator="+",
        arguments=(Constant(value=1, span=span), Variable(name="n", span=span)),
        span=span,
    )
    assert canonical_json(placed) == canonical_json(plain)


@settings(max_examples=150)
@given(programs())
def test_programs_return_unchanged(program: Program) -> None:
    text = canonical_json(program)
    back = decode_json(Program, text)
    assert back == program
    assert canonical_json(back) == text


@pytest.mark.parametrize(
    "spec", [lora_spec(4, ("*.q",)), qtha_spec(3, 2, shape=(12, 8)), qaa_spec(2, 1, (4, 2))]
)
def test_specs_return_unchanged(spec: Spec) -> None:
    assert decode_json(Spec, canonical_json(spec)) == spec


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.data(), programs(max_nodes=4))
def test_mutated_data_give_a_value_or_a_codec_error(data: st.DataObject, program: Program) -> None:
    whole: Any = copy.deepcopy(encode(program))
    holder, key = whole, data.draw(st.sampled_from(sorted(whole)))
    while data.draw(st.booleans()):
        inner = holder[key]
        if isinstance(inner, dict) and inner:
            holder, key = inner, data.draw(st.sampled_from(sorted(inner)))
        elif isinstance(inner, list) and inner:
            holder, key = inner, data.draw(st.integers(0, len(inner) - 1))
        else:
            break
    if data.draw(st.booleans()):
        holder[key] = data.draw(JSON)
    elif isinstance(holder, dict):
        holder[data.draw(st.text(max_size=3))] = holder.pop(key)
    else:
        del holder[key]
    try:
        back = decode(Program, whole)
    except CodecError:
        return
    # What was accepted is a Program, exactly the one that the data say.
    assert encode(back) == whole


@given(JSON)
def test_foreign_data_give_a_value_or_a_codec_error(data: object) -> None:
    with pytest.raises(CodecError):
        decode(Plan, data)


@given(circuits())
def test_circuits_return_unchanged(circuit: Circuit) -> None:
    assert decode(Circuit, encode(circuit)) == circuit


def test_text_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "from qcompile.testing.known_specs import qtha_spec\n"
        "from qcompile.ir.text import digest, text_of\n"
        "spec = qtha_spec(3, 2, shape=(12, 8))\n"
        "print(digest(spec), text_of(spec))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1


def test_canonical_text_is_compact_sorted_ascii() -> None:
    text = canonical_json(VALUE)
    assert text.isascii() and " " not in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)
