"""The verifier of specs refuses what breaks an invariant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.ops.arithmetic import SpecSum
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.ops.linear import SpecLinear
from qcompile.ir.scalar import Apply, Constant, Scalar, ScalarError, Variable, evaluate_scalar
from qcompile.ir.spec import AdapterSpec, Body, Shape, Spec, SpecCircuitValue
from qcompile.ir.spec_circuit import (
    AllWires,
    CircuitItem,
    EncodeAngle,
    Fresh,
    GateLayer,
    ListedWires,
    MeasureEach,
    Repeat,
    SpecCircuit,
)
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_spec import verify_spec

TWO = Constant(value=2)


def linear(operand: int = 0, name: str = "h", to: Scalar = TWO, init: Init = ZERO) -> SpecLinear:
    return SpecLinear(operand=operand, to=to, bias=False, init=init, name=name, share=None)


def circuit(*items: CircuitItem) -> SpecCircuitValue:
    measured = MeasureEach(letter="Z", wires=AllWires())
    inner = SpecCircuit(
        qubits=TWO, banks=(), items=items, measurements=(measured,), init=Init(kind="zero")
    )
    return SpecCircuitValue(operands=(0,), circuit=inner, name="q", share=None)


def spec(*nodes: SpecNode, result: int | None = None) -> Spec:
    body = Body(
        parameters=(),
        nodes=(SpecInput(), *nodes),
        result=len(nodes) if result is None else result,
        mode="add",
        requirements=(),
    )
    adapter = AdapterSpec(
        name="a",
        attachments=(),
        shape=Shape(in_features=2, out_features=2),
        bodies=(body,),
        target=None,
    )
    return Spec(adapters=(adapter,), targets=(), model=None)


RY = GateLayer(gate="ry", angles=Fresh(per_gate=True), wires=AllWires(), pairs=None)


def test_accepts_what_is_well_formed() -> None:
    encode = EncodeAngle(operand=0, gate="ry", scale=TWO, wires=AllWires())
    repeat = Repeat(count=TWO, items=(RY,))
    verify_spec(spec(linear(), circuit(encode, repeat), SpecSum(operands=(1, 2))))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (spec(linear(operand=1)), "precede"),
        (spec(linear(), linear(operand=1)), "one name"),
        (spec(linear(), result=5), "no node"),
        (spec(linear(to=Variable(name="rank"))), "unbound"),
        (spec(linear(to=Apply(operator="+", arguments=(TWO, TWO)))), "folded"),
        (spec(linear(init=Init(kind="normal"))), "arguments"),
        (spec(SpecSum(operands=())), "no operands"),
        (spec(SpecInput()), "two inputs"),
        (spec(circuit(replace(RY, wires=None))), "wires"),
        (spec(circuit(replace(RY, gate="x"))), "no angles"),
        (spec(circuit(replace(RY, angles=()))), "1 angles"),
        (spec(circuit(replace(RY, gate="cx", angles=()))), "pairs"),
        (spec(circuit(replace(RY, wires=ListedWires(wires=(Variable(name="i"),))))), "unbound"),
        (spec(circuit(EncodeAngle(operand=1, gate="ry", scale=TWO, wires=AllWires()))), "operand"),
        (replace(spec(linear()), adapters=spec(linear()).adapters * 2), "one name"),
        (
            replace(spec(), adapters=(replace(spec(linear()).adapters[0], target="t"),)),
            "unknown target",
        ),
        (replace(spec(), adapters=(replace(spec(linear()).adapters[0], shape=None),)), "shape"),
    ],
)
def test_refuses_what_is_not(broken: Spec, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        verify_spec(broken)


def test_branches_that_are_not_taken_need_no_value() -> None:
    zero = Constant(value=0)
    size = Variable(name="n")
    quotient = Apply(operator="//", arguments=(Constant(value=8), size))
    positive = Apply(operator=">", arguments=(size, zero))
    chosen = Apply(operator="if", arguments=(positive, quotient, zero))
    assert (evaluate_scalar(chosen, {"n": 0}), evaluate_scalar(chosen, {"n": 4})) == (0, 2)
    both = Apply(
        operator="and", arguments=(positive, Apply(operator="==", arguments=(quotient, TWO)))
    )
    assert (evaluate_scalar(both, {"n": 0}), evaluate_scalar(both, {"n": 4})) == (False, True)
    with pytest.raises(ScalarError):
        evaluate_scalar(quotient, {"n": 0})


def test_a_compilation_that_verifies_checks_its_spec() -> None:
    text = "qa 1\nadapter a() {\n    shape 2 -> 2\n    update linear(x, to: 2)\n}\n"
    source = Source("a.qa", text)

    def misplaced(found: Spec) -> Spec:
        (one,) = found.adapters
        (body,) = one.bodies
        nodes = tuple(linear(operand=9) if n.inputs else n for n in body.nodes)
        return replace(found, adapters=(replace(one, bodies=(replace(body, nodes=nodes),)),))

    with pytest.raises(VerificationError, match="an operand does not precede it"):
        compile_source(source, Options(verify=True), adjust=misplaced)
