"""What programs without errors become."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from qcompile.grammar.elaborate import Override
from qcompile.ir.initialisation import Init
from qcompile.ir.ops.arithmetic import SpecProduct, SpecScale, SpecShift, SpecSum
from qcompile.ir.ops.dropout import SpecDropout
from qcompile.ir.ops.linear import SpecLinear
from qcompile.ir.ops.mpo import SpecMpo
from qcompile.ir.ops.widths import SpecConcat, SpecSlice
from qcompile.ir.scalar import Apply, Constant, Variable, evaluate_scalar
from qcompile.ir.spec import Body, SpecCircuitValue
from qcompile.ir.spec_circuit import (
    AffineAngle,
    BankElement,
    DataElement,
    ForEach,
    Fresh,
    GateLayer,
    ListedPairs,
    MeasurePaulis,
    PairPattern,
    Repeat,
    WireRange,
)
from qcompile.ir.spec_node import SpecNode, TrainableSpec
from qcompile.ir.target import CouplingDevice, NamedDevice, NoiseModel
from tests.grammar.elaborated import adapter, body_of, circuit, codes_of, named, spec_of

EXAMPLES = Path(__file__).parents[2] / "examples"
UPDATE = "update linear({}, to: out_features, init: zero)"


def value(scalar: object) -> object:
    assert isinstance(scalar, Constant), scalar
    return scalar.value


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.qa")), ids=lambda path: path.stem)
def test_examples_elaborate_without_a_word(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# ") and "arXiv:" in text.partition("\n")[0]
    # Generated weights cannot start at zero and still learn: see the file.
    assert codes_of(text) == (["QA2159"] if path.stem in ("qpa", "vblora") else [])
    spec = spec_of(text)
    assert spec.model is not None and (EXAMPLES / spec.model.path).is_file()


def test_layer_in_a_block_may_have_the_angles() -> None:
    text = (
        "qa 1\nlayer turn() { ry }\n"
        "block quantum(v) {\nq = circuit(2 qubits) { encode angle(v[0:2]); turn(); measure z }\n"
        "return q\n}\n"
        'adapter a() {\nattach "*.q_proj"\n'
        "update linear(quantum(x), to: out_features, init: zero)\n}\n"
    )
    assert codes_of(text) == []


def test_names_of_tensors() -> None:
    body = body_of(
        "h = linear(x, to: rank)\n"
        "u = linear(h, to: 8) + linear(tanh(linear(h, to: 4)), to: 8)\n"
        "update 2 * mpo(linear(u, to: 64), to: out_features, sites: 2, bond: 2, init: zero)"
    )
    assert sorted(named(body)) == [
        "h",
        "u.linear1",
        "u.linear2",
        "u.linear3",
        "update.linear1",
        "update.mpo1",
    ]
    # Numbers follow the text: an outer call comes before the calls in its arguments.
    widths = {name: value(node.scalars[0]) for name, node in named(body).items() if "u.l" in name}
    assert widths == {"u.linear1": 8, "u.linear2": 8, "u.linear3": 4}


def test_loop_over_values_is_its_rounds_one_after_the_other() -> None:
    looped = body_of(
        "total = 0\nh = x\n"
        "for i in 1..3 {\ng = linear(h, to: 4 * i)\nh = tanh(linear(g, to: 8))\n"
        "for j in 0..i { total = total + j * h }\n}\n"
        "update linear(total, to: out_features, init: zero)"
    )
    rounds = [
        "g1 = linear(x, to: 4)\nh1 = tanh(linear(g1, to: 8))\nt1 = 0 + 0 * h1\n",
        "g2 = linear(h1, to: 8)\nh2 = tanh(linear(g2, to: 8))\n",
        "t2 = t1 + 0 * h2\nt3 = t2 + 1 * h2\n",
        "update linear(t3, to: out_features, init: zero)",
    ]
    written = body_of("".join(rounds))
    assert list(named(looped)) == ["g.0", "h.0.linear1", "g.1", "h.1.linear1", "update"]

    def unnamed(body: Body) -> list[SpecNode]:
        return [
            replace(node, name="") if isinstance(node, TrainableSpec) else node
            for node in body.nodes
        ]

    assert unnamed(looped) == unnamed(written)


def test_block_whose_argument_says_how_often_a_loop_runs_is_checked_once() -> None:
    text = (
        "qa 1\nblock tower(v, depth: int) {\nn = 1\nh = v\n"
        "for i in 0..depth { n = 2 * n; h = linear(h, to: n) + h[i] }\nreturn h\n}\n"
        'adapter a() {\nattach "*.q_proj"\n'
        "h = tower(x, depth: 3) + tower(x, depth: 3)\n"
        "update linear(h, to: out_features, init: zero)\n}\n"
    )
    body = spec_of(text).adapters[0].bodies[0]
    assert [name for name in named(body) if "tower2" in name] == [
        f"h.tower2.h.{i}.linear1" for i in range(3)
    ]
    assert codes_of(text.replace("+ h[i]", "+ nope")) == ["QA2001"]


def test_names_in_blocks_follow_the_call() -> None:
    text = (
        "qa 1\nblock inner(v) { return linear(v, to: 8) }\n"
        "block mlp(v) { a = linear(v, to: 8); b = inner(a); return silu(linear(b, to: 8)) }\n"
        'adapter a() { attach "*"\nm = mlp(x)\nu = mlp(m) + mlp(m)\n'
        "update linear(u, to: out_features, init: zero) }\n"
    )
    names = sorted(named(spec_of(text).adapters[0].bodies[0]))
    inner = ["a", "b.return", "return.linear1"]
    expected = [f"{p}.{n}" for p in ("m", "u.mlp1", "u.mlp2") for n in inner]
    assert names == sorted([*expected, "update"])


def test_a_bound_value_is_one_node() -> None:
    body = body_of("h = linear(x, to: 8)\n" + UPDATE.format("h * h + tanh(h)"))
    assert sum(isinstance(node, SpecLinear) for node in body.nodes) == 2
    product = next(node for node in body.nodes if isinstance(node, SpecProduct))
    assert product.operands[0] == product.operands[1]


def test_arithmetic_of_values_and_numbers() -> None:
    body = body_of("h = linear(x, to: 8)\n" + UPDATE.format("(3 - h) / 4 + (h - 1)"))
    scales = [value(node.factor) for node in body.nodes if isinstance(node, SpecScale)]
    shifts = [value(node.offset) for node in body.nodes if isinstance(node, SpecShift)]
    assert scales == [-1, 0.25]
    assert shifts == [3, -1]
    assert sum(isinstance(node, SpecSum) for node in body.nodes) == 1


def test_slices_and_concatenation() -> None:
    body = body_of("h = linear(x, to: 8)\n" + UPDATE.format("concat(h[2:5], h[:1], h[7], h[4:])"))
    slices = [
        (None if n.start is None else value(n.start), None if n.stop is None else value(n.stop))
        for n in body.nodes
        if isinstance(n, SpecSlice)
    ]
    assert slices == [(2, 5), (None, 1), (7, 8), (4, None)]
    assert any(isinstance(node, SpecConcat) for node in body.nodes)


def test_model_sizes_stay_symbolic() -> None:
    body = body_of(
        UPDATE.format("linear(x, to: n)"), head="adapter a(n: int = in_features // 2 + 1)"
    )
    node = named(body)["update.linear1"]
    assert body.parameters == (("n", None),)
    assert isinstance(node, SpecLinear)
    assert isinstance(node.to, Apply)
    assert evaluate_scalar(node.to, {"in_features": 9, "out_features": 1}) == 5
    last = named(body)["update"]
    assert isinstance(last, SpecLinear) and last.to == Variable(name="out_features")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 // 2 * 2 + 7 % 2", 7),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2 + 8", 4),
        ("2 - 3 - 4 + 10", 5),
        ("8 / 2", 4),
        ("2 * rank / rank", 2),
        ("ceil(log2(3584))", 12),
        ("max(1, min(9, 5, 7))", 5),
        ("max(5) + min(-2)", 3),
        ("3 if rank > 100 or not true else 4", 4),
        ("1 if rank == 0 else 8 // rank", 1),
        ("round(2.5) + floor(1.9)", 3),
        ("1 if rank == 8 and 1 < 2 and true != false else 2", 1),
        ("round(180deg / pi)", 1),
        ("10 if true or 1 // 0 == 1 else 3", 10),
    ],
)
def test_scalar_expressions(expression: str, expected: int) -> None:
    body = body_of(f"h = linear(x, to: {expression})\n" + UPDATE.format("h"))
    node = named(body)["h"]
    assert isinstance(node, SpecLinear)
    assert value(node.to) == expected
    assert type(value(node.to)) is int


def test_parameters_and_overrides() -> None:
    text = (
        "qa 1\nlet two = 2\n"
        'adapter a(r: int = 4, s: real = two * r, t: bool = true, u: text = "ry") {\n'
        'attach "*.q" with (r: r // 2)\nattach "*.v"\nattach "*.k" with (r: 2)\n'
        "h = linear(x, to: r, bias: t)\nq = circuit(2 qubits) { encode angle(h[0:2], gate: u)\n"
        "ry\nmeasure z }\n"
        f"{UPDATE.format('s * q')}\n}}\n"
    )
    spec = spec_of(text)
    adapter_spec = spec.adapters[0]
    assert [item.body for item in adapter_spec.attachments] == [0, 1, 0] or [
        item.body for item in adapter_spec.attachments
    ] == [1, 0, 1]
    assert dict(adapter_spec.bodies[0].parameters) == {"r": 4, "s": 8.0, "t": True, "u": "ry"}
    assert dict(adapter_spec.bodies[1].parameters)["s"] == 4.0
    given = spec_of(text, "r=6", "s=1e-1", "t=false", "a.u=rx").adapters[0].bodies[0]
    assert dict(given.parameters) == {"r": 6, "s": 0.1, "t": False, "u": "rx"}


@pytest.mark.parametrize("literal", ["four", "1.5", "", "1e400", "-", "0x10", "9" * 50, "8px"])
def test_malformed_overrides(literal: str) -> None:
    text = adapter("h = linear(x, to: rank)\n" + UPDATE.format("h"))
    assert codes_of(text, f"rank={literal}") == ["QA2054"]


def test_override_parses_adapter_and_value() -> None:
    assert Override.parse("a.rank=x=y") == Override("a", "rank", "x=y")
    assert Override.parse("rank=4") == Override(None, "rank", "4")


def test_parameter_given_by_every_with_needs_no_default() -> None:
    text = adapter("h = linear(x, to: n)\n" + UPDATE.format("h"), "adapter a(n: int)")
    assert codes_of(text) == ["QA2051"]
    spec = spec_of(text.replace('"*.q_proj"', '"*.q_proj" with (n: 3)'))
    assert [body.parameters for body in spec.adapters[0].bodies] == [(("n", 3),)]
    assert spec.adapters[0].attachments[0].body == 0


def test_dropout_of_zero_is_no_node() -> None:
    for p, expected in (("0", 0), ("0.1", 1)):
        body = body_of(UPDATE.format(f"dropout(x, {p})"))
        assert sum(isinstance(node, SpecDropout) for node in body.nodes) == expected


def test_mpo_with_modes() -> None:
    body = body_of(
        "a = mpo(x, to: 60, out_modes: [3, 4, 5], bonds: [2, 3], init: normal(0.5))\n"
        + UPDATE.format("a")
    )
    node = named(body)["a"]
    assert isinstance(node, SpecMpo)
    assert node.sites is None and node.in_modes is None
    assert tuple(map(value, node.out_modes or ())) == (3, 4, 5)
    assert tuple(map(value, node.bonds)) == (2, 3)
    assert node.init == Init(kind="normal", arguments=(0.5, 0.0))


def circuit_of(statements: str) -> SpecCircuitValue:
    body = spec_of(circuit(statements)).adapters[0].bodies[0]
    return next(node for node in body.nodes if isinstance(node, SpecCircuitValue))


def test_circuit_items() -> None:
    found = circuit_of(
        "angles t[3] init zero\n"
        "ry on 0..2\n"
        "repeat 2 {\nrot shared\ncrx pairs [(0, 2)] reversed\n}\n"
        "for i in 0..2 { rx(t[i] - 2 * v[i + 1] / 4 + pi) on i }\n"
        "for i in 2..4 { rz(v[i]) on i }\n"
        "cx ring reversed step 2\n"
        'measure "X3 Z0"\nmeasure probs on [0, 1]'
    ).circuit
    ry, rounds, loop, second, cx = found.items
    assert isinstance(ry, GateLayer) and isinstance(ry.wires, WireRange)
    assert ry.angles == Fresh(per_gate=True)
    assert isinstance(rounds, Repeat) and value(rounds.count) == 2
    rot, crx = rounds.items
    assert isinstance(rot, GateLayer) and rot.angles == Fresh(per_gate=False)
    assert isinstance(crx, GateLayer) and isinstance(crx.pairs, ListedPairs)
    assert [tuple(map(value, pair)) for pair in crx.pairs.pairs] == [(2, 0)]
    assert isinstance(loop, ForEach) and isinstance(second, ForEach)
    assert loop.variable == "i" and second.variable != "i"
    rx = loop.items[0]
    assert isinstance(rx, GateLayer) and isinstance(rx.angles, tuple)
    angle = rx.angles[0]
    assert isinstance(angle, AffineAngle) and value(angle.constant) == math.pi
    (one, bank), (minus, data) = angle.terms
    assert (value(one), value(minus)) == (1.0, -0.5)
    assert isinstance(bank, BankElement) and isinstance(data, DataElement)
    assert evaluate_scalar(data.index, {"i": 1}) == 2
    assert isinstance(cx, GateLayer) and isinstance(cx.pairs, PairPattern)
    assert (cx.pairs.kind, cx.pairs.reversed) == ("ring", True)
    paulis = found.measurements[0]
    assert isinstance(paulis, MeasurePaulis) and paulis.strings == (((0, "Z"), (3, "X")),)
    assert found.banks[0].init == Init(kind="zero")


def test_layers_are_written_out() -> None:
    text = circuit("brick(v, depth: 2)\nbrick(tanh(v))").replace(
        "qa 1\n",
        "qa 1\nlayer brick(d, depth: int = 1) { encode angle(d)\nrepeat depth { ry } }\n",
    )
    body = spec_of(text).adapters[0].bodies[0]
    node = next(node for node in body.nodes if isinstance(node, SpecCircuitValue))
    assert [type(item).__name__ for item in node.circuit.items] == [
        "EncodeAngle",
        "Repeat",
        "EncodeAngle",
        "Repeat",
    ]
    assert len(node.operands) == 2


def test_imports() -> None:
    files = {
        "lib/blocks.qa": 'qa 1\nimport "deep/more.qa"\nlet n = m * 2\n'
        "block f(v) { return linear(v, to: n) }\nlayer l() { ry }\ntarget t { shots: 9 }\n",
        "lib/deep/more.qa": "qa 1\nlet m = 3\n",
    }
    text = (
        'qa 1\nimport "lib/blocks.qa" (f as g, n, l, t as device)\n'
        'adapter a() on device { attach "*"\nh = g(x)\n'
        "q = circuit(n qubits) { encode angle(h)\nl()\nmeasure z }\n"
        "update linear(q, to: out_features, init: zero) }\n"
    )
    spec = spec_of(text, files=files)
    node = named(spec.adapters[0].bodies[0])["h.return"]
    assert isinstance(node, SpecLinear) and value(node.to) == 6
    assert spec.adapters[0].target == "t"
    assert [target.name for target in spec.targets] == ["t"]
    assert codes_of(text.replace("n qubits", "m qubits"), files=files) == ["QA2001"]


def test_targets() -> None:
    head = adapter("update linear(x, to: out_features, init: zero)", "adapter a()")
    one = 'target t { device: "fake_torino"; dtype: float64, shots: 10 }\n'
    two = (
        "target u {\ndevice: grid(2, 2)\nnoise: { two_qubit: 1pct, readout: [0.1, 0.2] }\n"
        "mitigate: readout\n}\n"
    )
    spec = spec_of(head + one)
    assert spec.adapters[0].target == "t"
    assert spec.targets[0].device == NamedDevice(name="fake_torino")
    assert (spec.targets[0].dtype, spec.targets[0].shots) == ("float64", 10)
    spec = spec_of(head + one + two)
    assert spec.adapters[0].target is None
    grid = spec.targets[1]
    assert grid.device == CouplingDevice(
        qubits=4, edges=((0, 1), (0, 2), (1, 3), (2, 3)), label="grid(2, 2)"
    )
    assert grid.noise == NoiseModel(two_qubit=0.01, readout=(0.1, 0.2))


def test_requirements_that_need_the_model_are_kept() -> None:
    body = body_of(
        'require rank >= 1\nrequire in_features >= rank, "wide"\n'
        + UPDATE.format("linear(x, to: rank)")
    )
    assert [item.message for item in body.requirements] == ["wide"]


def test_shape_decides_widths() -> None:
    text = (
        "qa 1\nadapter a() { shape 16 -> 4\n"
        "update linear(x, to: 16, init: zero)[0:4] + linear(x[0:4] * x[4:8], to: 4) }\n"
    )
    assert spec_of(text).adapters[0].shape is not None
    assert codes_of(text.replace("x[4:8]", "x")) == ["QA2151"]
    assert codes_of(text.replace("[0:4] +", " +")) == ["QA2151"]
