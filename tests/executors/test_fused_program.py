"""Gate programs as values: what they are made of, their text, their bounds, their counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qcompile
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.cost import fused_work
from qcompile.executors.fused.paulis import CliffordFrame, is_monomial
from qcompile.executors.fused.program import (
    Angle,
    FusedProgram,
    Phase,
    PhasePass,
    RotationPass,
    StartStep,
    StringRotation,
    verify_fused_program,
)
from qcompile.executors.fused.translate import StringTurn, turns_of
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    ZeroState,
)
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.ir.matrices import PauliLetter
from qcompile.ir.plan import EvaluationNode, FusedEvaluation
from qcompile.ir.verification import VerificationError
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_programs import qtha_circuit
from tests.backends.simulator_plans import trainable, uploading_circuit


def rotations_and_ring(qubits: int, depth: int) -> Circuit:
    """RY(data), then layers of a general rotation on every qubit and a ring of CX; ⟨Z_i⟩."""
    gates = [
        Gate(name="ry", qubits=(q,), angles=(Affine(data=((q, 1.0),)),)) for q in range(qubits)
    ]
    angles = 0
    for _ in range(depth):
        for q in range(qubits):
            three = tuple(a for k in range(3) for a in trainable(angles + k))
            gates.append(Gate(name="rot", qubits=(q,), angles=three))
            angles += 3
        gates += [Gate(name="cx", qubits=(q, (q + 1) % qubits)) for q in range(qubits)]
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=angles,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )


def test_text_of_a_program() -> None:
    assert fused_program(rotations_and_ring(3, 2)).text() == (
        "complex state of 3 bits\n"
        + "".join(f"d{k} = 1 x[{k}]\n" for k in range(3))
        + "".join(
            f"t{k} = 1 angles[{index}]\n"
            for k, index in enumerate((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 10, 13, 16))
        )
        + "".join(f"start: ry(d{k}) {2 - k}\n" for k in range(3))
        + "".join(
            f"start: r{axis}(t{3 * k + place}) {2 - k}\n"
            for k in range(3)
            for place, axis in enumerate("zyz")
        )
        + "phases: IZZ(t9); ZZI(t10); ZZZ(t11)\n"
        "rotate: XYZ(t12); ZYX(t13); YYY(-(t14))\n"
        "read: IIZ, ZIZ, IZI\n"
    )


def test_text_of_conditions_and_outcomes() -> None:
    circuit = Circuit(
        qubits=2,
        data_width=1,
        angle_count=1,
        initial=ZeroState(),
        gates=(
            Gate(name="ry", qubits=(0,), angles=(Affine(data=((0, -2.0),)),)),
            Gate(name="x", qubits=(0,)),
            Gate(name="cry", qubits=(0, 1), angles=(Affine(constant=0.5, angles=((0, 1.0),)),)),
        ),
        readout=Probabilities(qubits=(1, 0)),
    )
    assert fused_program(circuit).text() == (
        "real state of 3 bits\n"
        "d0 = 2 x[0]\n"
        "t0 = 0.5 + 1 angles[0]\n"
        "start: ry(-(d0)) 1\n"
        "rotate: IIY(t0) where IZI is even\n"
        "outcomes of: IIZ, -IZI\n"
    )


@pytest.mark.parametrize("name", [n for n in GATE_NAMES if not GATES[n].angles])
def test_gates_without_angles_leave_the_frame_or_a_rotation(name: str) -> None:
    """Monomial gates cost nothing; a gate about one axis costs one rotation."""
    frame = CliffordFrame(2)
    qubits = (0, 1)[: GATES[name].qubits]
    left = list(turns_of((Gate(name=name, qubits=qubits),), frame))
    expected = {"t": 1, "tdg": 1, "sx": 1, "sxdg": 1, "h": 1, "ch": 2, "ecr": 1}.get(name, 0)
    assert len(left) == expected
    assert is_monomial(name) == (expected == 0)


LETTERS: tuple[PauliLetter, ...] = ("X", "Y", "Z")
PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


@settings(max_examples=60, deadline=None)
@given(circuits(max_qubits=3, max_gates=8, names=("cx", "cz", "s", "swap", "iswap", "cy", "y")))
def test_a_frame_conjugates_strings(circuit: Circuit) -> None:
    """F† P F, against matrices."""
    n = circuit.qubits
    frame = CliffordFrame(n)
    assert not list(turns_of(circuit.gates, frame))
    whole = np.eye(2**n, dtype=complex)
    for gate in circuit.gates:
        matrix = np.array(GATES[gate.name].generic, dtype=complex)
        places = len(gate.qubits)
        tensor = matrix.reshape((2,) * (2 * places))
        state = whole.reshape((2,) * n + (2**n,))
        state = np.tensordot(tensor, state, (tuple(range(places, 2 * places)), gate.qubits))
        whole = np.moveaxis(state, range(places), gate.qubits).reshape(2**n, 2**n)
    for qubit in range(n):
        for letter in LETTERS:
            plain = np.eye(1)
            for other in range(n):
                plain = np.kron(plain, PAULI[letter if other == qubit else "I"])
            image = frame.image(((qubit, letter),))
            made = np.eye(1)
            for bit in reversed(range(n)):
                made = np.kron(made, PAULI["IXZY"[(image.x >> bit & 1) + 2 * (image.z >> bit & 1)]])
            made = -made if image.negative else made
            np.testing.assert_allclose(whole.conj().T @ plain @ whole, made, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(circuits(max_qubits=5))
def test_programs_are_well_formed(circuit: Circuit) -> None:
    program = fused_program(circuit)
    verify_fused_program(program)
    assert program.outputs == circuit.outputs
    assert program.text()
    work = fused_work(program)
    assert work.forward > 0 and work.states > 0


def test_moving_rotations_past_each_other() -> None:
    free, tied = CliffordFrame(2), CliffordFrame(2)
    tied.apply(Gate(name="cx", qubits=(0, 1)))
    x = StringTurn(string=free.image(((0, "X"),)), angle=Affine())
    assert x.commutes(StringTurn(string=free.image(((1, "Z"),)), angle=Affine()))
    # CX makes XX of X on its control.
    both = StringTurn(string=tied.image(((0, "X"),)), angle=Affine())
    assert not both.commutes(StringTurn(string=free.image(((1, "Z"),)), angle=Affine()))
    conditional = replace(x, condition=free.image(((1, "Z"),)))
    assert not conditional.commutes(StringTurn(string=free.image(((1, "Y"),)), angle=Affine()))


COUNTS = [
    # circuit, passes, numbers turned by rotations for a token
    (rotations_and_ring(4, 2), 3, 4 * 32),
    (rotations_and_ring(8, 2), 4, 8 * 512),
    (rotations_and_ring(12, 2), 5, 12 * 8192),
    (qtha_circuit(4, 4), 24, 36 * 32),
    (qtha_circuit(8, 8), 64, 128 * 512),
    (uploading_circuit(4, 2, "cry"), 24, 24 * 16),
    (uploading_circuit(8, 1, "cx"), 6, 16 * 256),
]


@pytest.mark.parametrize(("circuit", "passes", "numbers"), COUNTS)
def test_the_work_of_known_circuits_does_not_grow(
    circuit: Circuit, passes: int, numbers: int
) -> None:
    program = fused_program(circuit)
    assert len(program.passes) <= passes
    assert fused_work(program).numbers <= numbers


def test_phases_wait_for_rotations_that_can_move_to_the_front() -> None:
    """Amplitudes, then layers of RY and RZ: one pass of phases for each layer."""
    qubits, angles = 9, 0
    gates: list[Gate] = []
    for _ in range(2):
        for q in range(qubits):
            for name in ("ry", "rz"):
                gates.append(Gate(name=name, qubits=(q,), angles=trainable(angles)))
                angles += 1
        gates += [Gate(name="cx", qubits=(q, (q + 1) % qubits)) for q in range(qubits)]
    circuit = Circuit(
        qubits=qubits,
        data_width=2**qubits,
        angle_count=angles,
        initial=AmplitudeState(offset=0, width=2**qubits),
        gates=tuple(gates),
        readout=Expectations(paulis=(Pauli(letters=((0, "X"),)), Pauli(letters=((1, "Z"),)))),
    )
    program = fused_program(circuit)
    kinds = [isinstance(each, PhasePass) for each in program.passes]
    assert kinds[:4] == [False, False, False, True] and sum(kinds) == 2
    # Before the first phases a state is real, and half of its numbers are turned.
    rotations = sum(len(p.rotations) for p in program.passes[:3] if isinstance(p, RotationPass))
    rest = sum(len(p.rotations) for p in program.passes[4:] if isinstance(p, RotationPass))
    assert fused_work(program).numbers == 2**qubits * (rotations + 2 * rest)


def test_the_way_back_is_priced_by_counting() -> None:
    text = """qa 1
    adapter a() {
        shape 4 -> 4
        update circuit(4 qubits) {
            encode angle(x, gate: ry)
            repeat 2 { rot; cx ring }
            measure z
        }
    }"""
    ((_, part),) = qcompile.compile(text).parts()
    (node,) = (node for node in part.plan.nodes if isinstance(node, EvaluationNode))
    assert isinstance(node.evaluation, FusedEvaluation)
    work = fused_work(fused_program(node.evaluation.circuit))
    costs = part.plan.costs
    assert costs.forward_flops_per_token == pytest.approx(work.forward)
    # The library runs forward again, then back.
    assert costs.backward_flops_per_token == pytest.approx(work.forward + work.backward)


def small() -> FusedProgram:
    return fused_program(rotations_and_ring(3, 2))


def spoilt() -> list[FusedProgram]:
    program = small()
    phases, rotations = program.passes
    assert isinstance(rotations, RotationPass) and isinstance(phases, PhasePass)
    first = rotations.rotations[0]
    none = Angle()
    return [
        replace(program, bits=2),
        replace(program, bits=15),
        replace(program, data_width=0),
        replace(program, angle_count=3),
        replace(program, real=True),
        replace(program, start=(StartStep(bit=3, axis="Y", angle=none),)),
        replace(program, start=(StartStep(bit=0, axis="W", angle=none),)),
        replace(program, passes=(RotationPass(rotations=()),)),
        replace(program, passes=(RotationPass(rotations=(first, first)),)),
        replace(program, passes=(RotationPass(rotations=(replace(first, x=8),)),)),
        replace(program, passes=(RotationPass(rotations=(replace(first, x=0),)),)),
        replace(
            program,
            passes=(RotationPass(rotations=(StringRotation(x=1, z=0, angle=none, condition=1),)),),
        ),
        replace(program, passes=(PhasePass(phases=(Phase(z=1, angle=none),)),)),
        replace(program, passes=(PhasePass(phases=(Phase(z=1, angle=Angle(shared=99)),)),)),
    ]


@pytest.mark.parametrize("program", spoilt())
def test_bad_programs_are_refused(program: FusedProgram) -> None:
    with pytest.raises(VerificationError, match="gate program"):
        verify_fused_program(program)


@given(st.integers(1, 14))
def test_width_is_all_that_a_program_of_one_layer_grows_with(qubits: int) -> None:
    """One layer of rotations is a product: no pass at all."""
    assert fused_program(rotations_and_ring(qubits, 1)).passes == ()
