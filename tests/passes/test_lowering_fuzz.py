"""Random specs at random sizes give a well-formed program or diagnostics, never anything else."""

from __future__ import annotations

import numpy as np
from hypothesis import event, given, settings
from hypothesis import strategies as st

from qcompile.diagnostics import Collector
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.ir.initialisation import INIT_ARGUMENTS, INIT_KINDS, Init
from qcompile.ir.ops.arithmetic import SpecProduct, SpecScale, SpecShift, SpecSum
from qcompile.ir.ops.cayley import SpecCayley
from qcompile.ir.ops.dropout import SpecDropout
from qcompile.ir.ops.elementwise import SpecActivation
from qcompile.ir.ops.ends import SpecInput, SpecOutput
from qcompile.ir.ops.linear import SpecLinear
from qcompile.ir.ops.mpo import SpecMpo
from qcompile.ir.ops.tables import SpecVector
from qcompile.ir.ops.tensor_gates import GATE_PATTERNS, SpecTensorGates
from qcompile.ir.ops.widths import SpecConcat, SpecResize, SpecSlice
from qcompile.ir.patterns import PATTERNS
from qcompile.ir.scalar import OPERATORS, Apply, Scalar
from qcompile.ir.spec import SpecCircuitValue, SpecUnitary
from qcompile.ir.spec_circuit import (
    AffineAngle,
    AllWires,
    Angles,
    Bank,
    BankElement,
    Choose,
    CircuitItem,
    DataElement,
    EncodeAmplitude,
    EncodeAngle,
    EncodeBasis,
    EncodeIqp,
    ForEach,
    Fresh,
    GateLayer,
    HalfBrickwork,
    ListedPairs,
    ListedWires,
    MatrixLayer,
    MeasureEach,
    MeasurePaulis,
    MeasureProbabilities,
    PairPattern,
    Pairs,
    Repeat,
    SpecAdjoint,
    SpecCircuit,
    WireRange,
    Wires,
)
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.text import digest, text_of
from qcompile.ir.verify_program import verify_program
from qcompile.passes.lowering import lower
from qcompile.testing.known_specs import IN, OUT, spec_number, spec_of
from qcompile.testing.reference import evaluate_program, random_tensors
from qcompile.testing.small_orthogonals import REAL_GATES

SMALL = st.integers(0, 5).map(spec_number)
LEAVES = st.one_of(
    SMALL,
    st.sampled_from((-1, 0, 7, 10**9, 10**15, 0.5, 2.0, True)).map(spec_number),
    st.sampled_from((IN, OUT)),
)


@st.composite
def scalars(draw: st.DrawFn) -> Scalar:
    """Mostly sensible numbers, sometimes absurd ones or formulas without a value."""
    if draw(st.integers(0, 3)):
        return draw(st.one_of(SMALL, st.sampled_from((IN, OUT))))
    operator = draw(st.sampled_from(("+", "-", "*", "/", "//", "%", "**", "neg", "log2", "sqrt")))
    arity = OPERATORS[operator][0] or 2
    return Apply(operator=operator, arguments=tuple(draw(LEAVES) for _ in range(arity)))


ONE_QUBIT = ((0.6, 0.0), (0.0, 0.8), (0.0, 0.8), (0.6, 0.0))
TWO_QUBITS = tuple((float(k in (0, 6, 9)), float(k == 15)) for k in range(16))
"""An exchange, and a phase of |11⟩."""

INITS = st.sampled_from(INIT_KINDS).map(
    lambda kind: Init(
        kind=kind,
        arguments=tuple(0.5 if value is None else value for _, value in INIT_ARGUMENTS[kind]),
    )
)
SHARES = st.one_of(st.none(), st.none(), st.sampled_from(("k", "l")))


def wires() -> st.SearchStrategy[Wires]:
    return st.one_of(
        st.builds(AllWires, parity=st.sampled_from(("all", "even", "odd"))),
        st.lists(scalars(), max_size=3).map(lambda some: ListedWires(wires=tuple(some))),
        st.builds(WireRange, start=scalars(), stop=scalars()),
        st.builds(HalfBrickwork, half=st.sampled_from(("even", "odd"))),
    )


def pairs() -> st.SearchStrategy[Pairs]:
    return st.one_of(
        st.builds(
            PairPattern,
            kind=st.sampled_from(tuple(PATTERNS.built_in)),
            reversed=st.booleans(),
            step=st.none() | scalars(),
            half=st.sampled_from((None, "even", "odd")),
        ),
        st.lists(st.tuples(scalars(), scalars()), max_size=2).map(
            lambda some: ListedPairs(pairs=tuple(some))
        ),
    )


@st.composite
def angles(draw: st.DrawFn, count: int, operands: int, banks: int) -> Angles:
    if draw(st.booleans()):
        return Fresh(per_gate=draw(st.booleans()))
    elements: list[DataElement | BankElement] = [
        DataElement(operand=k, index=draw(scalars())) for k in range(operands)
    ]
    elements += [BankElement(bank=k, index=draw(scalars())) for k in range(banks)]
    terms = tuple((draw(scalars()), element) for element in elements)
    return tuple(AffineAngle(constant=draw(scalars()), terms=terms) for _ in range(count))


@st.composite
def items(
    draw: st.DrawFn, operands: int, banks: int, depth: int = 2, *, real: bool = False
) -> CircuitItem:
    kinds = ["layer", "layer"]
    if operands:
        kinds += ["angle", "basis", "iqp"]
    if depth:
        kinds += ["repeat", "for", "adjoint", "choose"]
    if not real:
        kinds.append("matrix")
    operand = draw(st.integers(0, max(0, operands - 1)))
    inner = items(operands, banks, depth - 1, real=real)
    match draw(st.sampled_from(kinds)):
        case "angle":
            return EncodeAngle(
                operand=operand,
                gate=draw(st.sampled_from(("rx", "ry", "rz"))),
                scale=draw(scalars()),
                wires=draw(wires()),
            )
        case "basis":
            return EncodeBasis(operand=operand, wires=draw(wires()))
        case "iqp":
            return EncodeIqp(operand=operand, pairs=draw(pairs()))
        case "repeat":
            inside = tuple(draw(st.lists(inner, max_size=2)))
            return Repeat(count=draw(scalars()), items=inside)
        case "for":
            inside = tuple(draw(st.lists(inner, max_size=2)))
            return ForEach(
                variable=f"i{depth}", start=draw(scalars()), stop=draw(scalars()), items=inside
            )
        case "matrix":
            two = draw(st.booleans())
            return MatrixLayer(
                gate="w",
                entries=TWO_QUBITS if two else ONE_QUBIT,
                wires=None if two else draw(wires()),
                pairs=draw(pairs()) if two else None,
            )
        case "adjoint":
            return SpecAdjoint(items=tuple(draw(st.lists(inner, max_size=2))))
        case "choose":
            compared = (draw(scalars()), draw(scalars()))
            return Choose(
                condition=Apply(operator="<", arguments=compared),
                items=tuple(draw(st.lists(inner, max_size=2))),
                otherwise=tuple(draw(st.lists(inner, max_size=2))),
            )
        case _:
            gate = draw(st.sampled_from(REAL_GATES if real else GATE_NAMES))
            two = GATES[gate].qubits == 2
            return GateLayer(
                gate=gate,
                angles=draw(angles(GATES[gate].angles, operands, banks)),
                wires=None if two else draw(wires()),
                pairs=draw(pairs()) if two else None,
            )


@st.composite
def circuit_values(draw: st.DrawFn, known: int, name: str) -> SpecCircuitValue:
    operands = tuple(draw(st.lists(st.integers(0, known - 1), max_size=2)))
    banks = tuple(
        Bank(name=f"b{k}", size=draw(scalars()), init=draw(st.none() | INITS))
        for k in range(draw(st.integers(0, 1)))
    )
    inside = draw(st.lists(items(len(operands), len(banks)), max_size=4))
    if len(operands) > 0 and draw(st.booleans()):
        inside.insert(0, EncodeAmplitude(operand=0, keep_norm=draw(st.booleans())))
    measurement = st.one_of(
        st.builds(MeasureEach, letter=st.sampled_from(("X", "Y", "Z")), wires=wires()),
        st.builds(MeasureProbabilities, wires=wires()),
        st.just(MeasurePaulis(strings=(((0, "Z"), (2, "X")), ((1, "Y"),)))),
    )
    circuit = SpecCircuit(
        qubits=draw(st.one_of(st.integers(1, 5).map(spec_number), scalars())),
        banks=banks,
        items=tuple(inside),
        measurements=tuple(draw(st.lists(measurement, min_size=1, max_size=2))),
        init=draw(INITS),
    )
    return SpecCircuitValue(operands=operands, circuit=circuit, name=name, share=draw(SHARES))


@st.composite
def unitaries(draw: st.DrawFn, operand: int, name: str) -> SpecUnitary:
    banks = tuple(
        Bank(name=f"b{k}", size=draw(scalars()), init=draw(st.none() | INITS))
        for k in range(draw(st.integers(0, 1)))
    )
    return SpecUnitary(
        operand=operand,
        to=draw(scalars()),
        adjoint=draw(st.booleans()),
        banks=banks,
        items=tuple(draw(st.lists(items(0, len(banks), real=True), max_size=4))),
        init=draw(INITS),
        name=name,
        share=draw(SHARES),
    )


@st.composite
def nodes(draw: st.DrawFn, known: int) -> SpecNode:
    operand = draw(st.integers(0, known - 1))
    others = tuple(draw(st.lists(st.integers(0, known - 1), min_size=2, max_size=3)))
    name = f"n{known}"
    match draw(st.integers(0, 15)):
        case 0:
            return SpecLinear(
                operand=operand,
                to=draw(scalars()),
                bias=draw(st.booleans()),
                init=draw(INITS),
                name=name,
                share=draw(SHARES),
            )
        case 1:
            modes = st.lists(scalars(), min_size=1, max_size=3)
            return SpecMpo(
                operand=operand,
                to=draw(scalars()),
                sites=draw(scalars()),
                in_modes=tuple(draw(modes)) if draw(st.booleans()) else None,
                out_modes=tuple(draw(modes)) if draw(st.booleans()) else None,
                bonds=tuple(draw(st.lists(scalars(), min_size=1, max_size=2))),
                init=draw(INITS),
                name=name,
                share=draw(SHARES),
            )
        case 2:
            return SpecVector(size=draw(scalars()), init=draw(INITS), name=name, share=draw(SHARES))
        case 3:
            return SpecSum(operands=others)
        case 4:
            return SpecProduct(operands=others)
        case 5:
            return SpecScale(operand=operand, factor=draw(scalars()))
        case 6:
            return SpecShift(operand=operand, offset=draw(scalars()))
        case 7:
            return SpecConcat(operands=others)
        case 8:
            bound = st.none() | scalars()
            return SpecSlice(operand=operand, start=draw(bound), stop=draw(bound))
        case 9:
            return SpecDropout(operand=operand, probability=draw(scalars()))
        case 10:
            return SpecActivation(operand=operand, kind=draw(st.sampled_from(("tanh", "step"))))
        case 11:
            return draw(unitaries(operand, name))
        case 11:
            axes = st.lists(scalars(), min_size=1, max_size=3)
            given_modes = tuple(draw(axes)) if draw(st.booleans()) else None
            return SpecTensorGates(
                operand=operand,
                to=draw(scalars()),
                sites=draw(scalars()) if given_modes is None else None,
                modes=given_modes,
                pattern=draw(st.sampled_from(GATE_PATTERNS)),
                init=draw(INITS),
                name=name,
                share=draw(SHARES),
            )
        case 12:
            return SpecCayley(
                operand=operand,
                block=draw(scalars()),
                powers=draw(scalars()),
                init=draw(INITS),
                name=name,
                share=draw(SHARES),
            )
        case 13:
            return SpecResize(operand=operand, to=draw(scalars()))
        case _:
            return draw(circuit_values(known, name))


@st.composite
def bodies(draw: st.DrawFn) -> tuple[SpecNode, ...]:
    found: list[SpecNode] = [SpecInput()]
    if draw(st.booleans()):
        found.append(SpecOutput())
    for _ in range(draw(st.integers(1, 4))):
        found.append(draw(nodes(len(found))))
    if draw(st.integers(0, 3)):
        last = SpecLinear(
            operand=len(found) - 1,
            to=OUT,
            bias=False,
            init=Init(kind="zero"),
            name="last",
            share=None,
        )
        found.append(last)
    return tuple(found)


@settings(max_examples=400)
@given(bodies(), st.integers(1, 9), st.integers(1, 9))
def test_a_program_or_diagnostics(body: tuple[SpecNode, ...], inp: int, out: int) -> None:
    spec = spec_of(*body, shape=(inp, out))
    collector = Collector()
    lowered = lower(spec, model=None, devices={}, collector=collector)
    assert (lowered is None) == collector.has_errors
    event("lowered" if lowered is not None else "refused")
    assert text_of(spec) and digest(spec)
    if lowered is None:
        return
    (program,) = lowered.programs
    verify_program(program)
    largest = max((tensor.size for tensor in program.tensors), default=0)
    small = all(node.width <= 64 for node in program.nodes) and len(program.nodes) < 40
    if small and largest <= 4096 and not text_of(program).count(" gates -> ") > 3:
        x = np.zeros((1, inp))
        with np.errstate(all="ignore"):
            found = evaluate_program(program, x, random_tensors(program))
        assert found.shape == (1, out)
