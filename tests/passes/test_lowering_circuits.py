"""Circuits expanded at concrete sizes, and what they compute."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from qcompile.diagnostics import Collector
from qcompile.ir.circuit import Affine, Circuit, Expectations, Pauli, Probabilities
from qcompile.ir.device import Device
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.ops.arithmetic import MultiplyNode
from qcompile.ir.ops.circuit_data import NormNode, PairProductNode
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.patterns import Half
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.scalar import Apply, Scalar, Variable
from qcompile.ir.spec import Spec, SpecCircuitValue
from qcompile.ir.spec_circuit import (
    AffineAngle,
    AllWires,
    Bank,
    BankElement,
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
    MeasureEach,
    MeasurePaulis,
    MeasureProbabilities,
    PairPattern,
    Repeat,
    WireRange,
)
from qcompile.ir.verify_program import verify_program
from qcompile.passes.lowering import lower
from qcompile.testing.dense_oracle import dense_outputs
from qcompile.testing.known_specs import (
    ANGLES,
    circuit,
    entangler,
    qaa_spec,
    rotations,
    spec_number,
    spec_of,
)
from qcompile.testing.reference import evaluate_program, random_tensors


def program_of(
    value: SpecCircuitValue, shape: tuple[int, int], device: Device | None = None
) -> Program:
    spec = spec_of(SpecInput(), value, shape=shape)
    devices: dict[str, Device] = {}
    if device is not None:
        spec = with_target(spec)
        devices["t"] = device
    collector = Collector()
    lowered = lower(spec, model=None, devices=devices, collector=collector)
    assert collector.diagnostics == ()
    assert lowered is not None
    (program,) = lowered.programs
    verify_program(program)
    return program


def with_target(spec: Spec) -> Spec:
    return replace(spec, adapters=(replace(spec.adapters[0], target="t"),))


def circuit_of(value: SpecCircuitValue, shape: tuple[int, int]) -> Circuit:
    nodes = [n for n in program_of(value, shape).nodes if isinstance(n, CircuitNode)]
    return nodes[0].circuit


def pairs_of(kind: str, qubits: int, **options: Scalar | bool | str) -> list[tuple[int, ...]]:
    pattern = replace(PairPattern(kind=kind), **options)  # type: ignore[arg-type]
    value = circuit(
        spec_number(qubits), (entangler("cx", pattern, trainable=False), rotations("ry"))
    )
    gates = circuit_of(value, (1, qubits)).gates
    return [gate.qubits for gate in gates if gate.name == "cx"]


@pytest.mark.parametrize(
    ("half", "qubits", "wires"),
    [
        ("even", 5, [0, 1, 2, 3]),
        ("odd", 5, [1, 2, 3, 4]),
        ("even", 4, [0, 1, 2, 3]),
        ("odd", 4, [1, 2]),
    ],
)
def test_one_qubit_gates_along_half_of_a_brickwork(
    half: Half, qubits: int, wires: list[int]
) -> None:
    layer = replace(rotations("ry"), wires=HalfBrickwork(half=half))
    gates = circuit_of(circuit(spec_number(qubits), (layer,)), (1, qubits)).gates
    assert [gate.qubits for gate in gates] == [(wire,) for wire in wires]


def test_patterns() -> None:
    assert pairs_of("ring", 4) == [(0, 1), (1, 2), (2, 3), (3, 0)]
    assert pairs_of("ring", 2) == [(0, 1), (1, 0)]
    assert pairs_of("ring", 4, reversed=True) == [(0, 3), (1, 0), (2, 1), (3, 2)]
    assert pairs_of("ring", 5, step=spec_number(2)) == [(0, 2), (1, 3), (2, 4), (3, 0), (4, 1)]
    assert pairs_of("line", 4) == [(0, 1), (1, 2), (2, 3)]
    assert pairs_of("line", 4, reversed=True) == [(1, 0), (2, 1), (3, 2)]
    assert pairs_of("line", 4, step=spec_number(2)) == [(0, 2), (1, 3)]
    assert pairs_of("brickwork", 5) == [(0, 1), (2, 3), (1, 2), (3, 4)]
    assert pairs_of("brickwork", 5, half="even") == [(0, 1), (2, 3)]
    assert pairs_of("brickwork", 5, half="odd") == [(1, 2), (3, 4)]
    assert pairs_of("brickwork", 4, half="odd", reversed=True) == [(2, 1)]
    assert pairs_of("all", 3) == [(0, 1), (0, 2), (1, 2)]


def test_native_takes_the_couplings_of_a_connected_part() -> None:
    star = Device(name="star", qubits=6, edges=((0, 5), (1, 5), (2, 5), (3, 4)), native=("cz",))
    value = circuit(spec_number(4), (entangler("cz", PairPattern(kind="native"), trainable=False),))
    program = program_of(value, (1, 4), star)
    (node,) = (n for n in program.nodes if isinstance(n, CircuitNode))
    # Physical qubits 0, 1, 2 and 5 in this order; 5 is the centre.
    assert [gate.qubits for gate in node.circuit.gates] == [(0, 3), (1, 3), (2, 3)]


def test_angles_are_laid_out_in_order_of_appearance() -> None:
    shared = GateLayer(gate="rot", angles=Fresh(per_gate=False), wires=AllWires(), pairs=None)
    layers = Repeat(count=spec_number(2), items=(rotations("ry"), shared))
    found = circuit_of(circuit(spec_number(2), (layers,)), (1, 2))
    indices = [[angle.angles[0][0] for angle in gate.angles] for gate in found.gates]
    assert indices == [[0], [1], [2, 3, 4], [2, 3, 4], [5], [6], [7, 8, 9], [7, 8, 9]]
    assert found.angle_count == 10


def test_loops_bind_their_variable_and_wires_may_use_it() -> None:
    last = Apply(operator="+", arguments=(Variable(name="i"), spec_number(1)))
    pair = ListedPairs(pairs=((Variable(name="i"), last),))
    body: tuple[CircuitItem, ...] = (
        GateLayer(gate="cx", angles=(), wires=None, pairs=pair),
        GateLayer(
            gate="h", angles=(), wires=WireRange(start=spec_number(0), stop=last), pairs=None
        ),
    )
    loop = ForEach(variable="i", start=spec_number(0), stop=spec_number(2), items=body)
    found = circuit_of(circuit(spec_number(3), (loop,)), (1, 3))
    assert [(g.name, *g.qubits) for g in found.gates] == [
        ("cx", 0, 1), ("h", 0), ("cx", 1, 2), ("h", 0), ("h", 1),
    ]  # fmt: skip


def test_banks_come_first_and_keep_their_own_initialisation() -> None:
    bank = Bank(name="theta", size=spec_number(3), init=ZERO)
    angle = AffineAngle(
        constant=spec_number(0.25),
        terms=(
            (spec_number(0.5), DataElement(operand=0, index=spec_number(2))),
            (spec_number(1), BankElement(bank=0, index=spec_number(1))),
        ),
    )
    listed = GateLayer(
        gate="ry", angles=(angle,), wires=ListedWires(wires=(spec_number(1),)), pairs=None
    )
    value = circuit(spec_number(2), (rotations("rx"), listed), operands=(0,))
    value = replace(value, circuit=replace(value.circuit, banks=(bank,)))
    program = program_of(value, (3, 2))
    (tensor,) = program.tensors
    assert tensor.name == "q.angles" and tensor.shape == (5,)
    assert tensor.segments == ((3, ZERO), (2, ANGLES))
    (node,) = (n for n in program.nodes if isinstance(n, CircuitNode))
    assert [g.angles for g in node.circuit.gates] == [
        (Affine(angles=((3, 1.0),)),),
        (Affine(angles=((4, 1.0),)),),
        (Affine(constant=0.25, data=((2, 0.5),), angles=((1, 1.0),)),),
    ]


def test_a_narrow_value_repeats_over_the_wires() -> None:
    encode = EncodeAngle(operand=0, gate="rx", scale=spec_number(2), wires=AllWires())
    found = circuit_of(circuit(spec_number(5), (encode,), operands=(0,)), (2, 5))
    assert [gate.angles[0].data for gate in found.gates] == [
        ((0, 2.0),), ((1, 2.0),), ((0, 2.0),), ((1, 2.0),), ((0, 2.0),),
    ]  # fmt: skip


def test_values_that_are_never_encoded_are_not_read() -> None:
    found = circuit_of(circuit(spec_number(2), (rotations("ry"),), operands=(0,)), (7, 2))
    assert found.data_width == 0


def test_basis_encoding_flips_where_positive() -> None:
    value = circuit(spec_number(3), (EncodeBasis(operand=0, wires=AllWires()),), operands=(0,))
    program = program_of(value, (3, 3))
    x = np.array([[0.4, -1.0, 0.0], [-0.1, 2.0, 3.0]])
    expected = np.array([[-1.0, 1.0, 1.0], [1.0, -1.0, -1.0]])
    assert np.allclose(evaluate_program(program, x, {}), expected, atol=1e-12)


def test_iqp_encoding_is_that_of_its_definition() -> None:
    pattern = PairPattern(kind="all")
    encode = EncodeIqp(operand=0, pairs=pattern)
    mix = GateLayer(gate="h", angles=(), wires=AllWires(), pairs=None)
    program = program_of(circuit(spec_number(3), (encode, mix), operands=(0,)), (3, 3))
    assert sum(isinstance(node, PairProductNode) for node in program.nodes) == 1
    x = np.random.default_rng(1).standard_normal((4, 3))

    hadamard = np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2.0)
    mixer = np.kron(hadamard, np.kron(hadamard, hadamard))
    signs = np.array([[1 - 2 * ((k >> (2 - q)) & 1) for q in range(3)] for k in range(8)])
    for row, found in zip(x, evaluate_program(program, x, {}), strict=True):
        phase = sum(row[q] * signs[:, q] for q in range(3))
        phase = phase + sum(
            row[i] * row[j] * signs[:, i] * signs[:, j] for i in range(3) for j in range(i + 1, 3)
        )
        state = mixer @ (np.exp(-0.5j * phase) * mixer[:, 0])
        assert np.allclose(found, np.abs(state) ** 2 @ signs, atol=1e-12)


def test_keep_norm_multiplies_the_readout_by_the_norm() -> None:
    def value(keep: bool) -> SpecCircuitValue:
        encode = EncodeAmplitude(operand=0, keep_norm=keep)
        return circuit(spec_number(2), (encode, rotations("ry")), operands=(0,))

    kept, dropped = program_of(value(True), (3, 2)), program_of(value(False), (3, 2))
    assert any(isinstance(node, NormNode) for node in kept.nodes)
    assert isinstance(kept.nodes[kept.result], MultiplyNode)
    x = np.random.default_rng(2).standard_normal((5, 3))
    tensors = random_tensors(kept)
    plain = evaluate_program(dropped, x, tensors)
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    assert np.allclose(evaluate_program(kept, x, tensors), plain * norm)
    assert np.allclose(evaluate_program(dropped, 3.0 * x, tensors), plain)


def test_readouts_are_concatenated() -> None:
    measurements = (
        MeasureEach(letter="X", wires=AllWires(parity="odd")),
        MeasurePaulis(strings=(((0, "Z"), (2, "Y")),)),
        MeasureProbabilities(wires=ListedWires(wires=(spec_number(2), spec_number(0)))),
    )
    value = circuit(spec_number(3), (rotations("ry"),), measurements=measurements)
    program = program_of(value, (1, 6))
    nodes = [n for n in program.nodes if isinstance(n, CircuitNode)]
    assert [n.circuit.readout for n in nodes] == [
        Expectations(paulis=(Pauli(letters=((1, "X"),)), Pauli(letters=((0, "Z"), (2, "Y"))))),
        Probabilities(qubits=(2, 0)),
    ]
    assert len(program.tensors) == 1
    tensors = random_tensors(program)
    found = evaluate_program(program, np.zeros((1, 1)), tensors)
    parts = [dense_outputs(n.circuit, np.zeros((1, 0)), tensors[0]) for n in nodes]
    assert np.allclose(found, np.concatenate(parts, axis=1))


@pytest.mark.parametrize("init", [Init(kind="normal", arguments=(0.1, 0.0)), ZERO])
def test_layers_without_banks_have_no_segments(init: Init) -> None:
    value = circuit(spec_number(2), (rotations("ry"),))
    value = replace(value, circuit=replace(value.circuit, init=init))
    (tensor,) = program_of(value, (1, 2)).tensors
    assert tensor.init == init and tensor.segments == ()


def test_qaa_starts_from_the_amplitudes() -> None:
    collector = Collector()
    lowered = lower(qaa_spec(4, 1, (16, 8)), model=None, devices={}, collector=collector)
    assert lowered is not None
    (node,) = (n for n in lowered.programs[0].nodes if isinstance(n, CircuitNode))
    names = [gate.name for gate in node.circuit.gates]
    assert names == ["ry"] * 4 + ["rz"] * 4 + ["cx"] * 4 + ["ry"] * 4


def test_growing_loops_are_expanded_in_full() -> None:
    """The size of a turn depends on the variable, so the first says nothing about the others."""
    growing = GateLayer(
        gate="h",
        angles=(),
        wires=WireRange(start=spec_number(0), stop=Variable(name="i")),
        pairs=None,
    )
    loop = ForEach(variable="i", start=spec_number(1), stop=spec_number(5), items=(growing,))
    found = circuit_of(circuit(spec_number(4), (loop,)), (1, 4))
    assert len(found.gates) == 1 + 2 + 3 + 4


def test_shrinking_loops_are_not_refused_for_their_first_turn() -> None:
    turn = Apply(operator="+", arguments=(Variable(name="i"), spec_number(1)))
    inner = Repeat(
        count=Apply(operator="//", arguments=(spec_number(8_000), turn)), items=(rotations("h"),)
    )
    loop = ForEach(variable="i", start=spec_number(0), stop=spec_number(30), items=(inner,))
    found = circuit_of(circuit(spec_number(1), (loop,)), (1, 1))
    assert len(found.gates) == sum(8_000 // (i + 1) for i in range(30))
