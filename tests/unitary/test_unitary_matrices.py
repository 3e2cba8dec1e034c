"""`unitary` is the dense matrix of its circuit, orthogonal at every width and level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator

from qcompile.backends.simulator.orthogonal import OrthogonalGates
from qcompile.executors.constants import Constants
from qcompile.ir.network import ContractionNode
from qcompile.ir.orthogonal import Orthogonal, UnitaryNode, block_places, circuit_of
from qcompile.ir.program import Program
from qcompile.passes.base import Context
from qcompile.passes.pipeline import Pipeline, run_pipeline
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.qiskit_oracle import qiskit_gates
from qcompile.testing.reference import evaluate_program, orthogonal_matrix, random_tensors
from qcompile.testing.small_orthogonals import small_orthogonals
from tests.unitary.matrices import compiled, expected, matrix, module_of, tensors_of, text

WIDTHS = (*range(2, 41), 48, 96, 100)
ORTHOGONAL = 1e-12


def two_design(width: int, adjoint: str = "false", depth: int = 1) -> str:
    update = f"unitary(x, to: out_features, adjoint: {adjoint}) {{ two_design(depth: {depth}) }}"
    return text(update, width, width)


@pytest.mark.parametrize("width", WIDTHS)
def test_orthogonal_with_determinant_one(width: int) -> None:
    module = module_of(compiled(two_design(width, depth=2)))
    u = matrix(module)
    np.testing.assert_allclose(u.T @ u, np.eye(width), atol=ORTHOGONAL)
    assert np.linalg.det(u) == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize("tokens", [1, 4096], ids=["per token", "hoisted"])
def test_a_wide_matrix_is_orthogonal_both_ways(tokens: int) -> None:
    compilation = compiled(two_design(768), tokens=tokens)
    kind = UnitaryNode if tokens == 1 else ContractionNode
    assert isinstance(compilation.planned.plans[0].nodes[1], kind)
    u = matrix(module_of(compilation))
    np.testing.assert_allclose(u.T @ u, np.eye(768), atol=ORTHOGONAL)
    sign, logarithm = np.linalg.slogdet(u)
    assert sign == 1.0 and abs(logarithm) < 1e-11


@pytest.mark.parametrize("width", [4, 12, 100])
def test_the_adjoint_is_the_transpose(width: int) -> None:
    forward = module_of(compiled(two_design(width)))
    adjoint = module_of(compiled(two_design(width, "true")))
    adjoint.load_state_dict(forward.state_dict())
    np.testing.assert_allclose(matrix(adjoint), matrix(forward).T, atol=1e-15)


@pytest.mark.parametrize(
    ("size", "gates", "sign"),
    [
        (2, "ry; z", -1.0),
        (3, "ry; z", 1.0),
        (4, "ry; cz on (0, 1)", -1.0),
        (4, "ry; z on 0", 1.0),
        (7, "ry; cx on (0, 1)", 1.0),
        (8, "ry; cz on (0, 1); z on 0", 1.0),
    ],
)
def test_determinant_of_few_qubits(size: int, gates: str, sign: float) -> None:
    """A reflection of one coordinate pair counts once in each of the blocks."""
    source = text(f"unitary(x, to: out_features) {{ {gates} }}", size, size)
    u = matrix(module_of(compiled(source)))
    assert np.linalg.det(u) == pytest.approx(sign, abs=1e-12)


@pytest.mark.parametrize("width", [5, 13, 33, 100])
def test_first_columns_reach_every_coordinate(width: int) -> None:
    u = matrix(module_of(compiled(two_design(width, depth=2))))
    assert (np.abs(u[:, :2]) > 1e-12).any(axis=1).all()


@settings(max_examples=60)
@given(data=st.data(), size=st.integers(2, 20), adjoint=st.booleans(), seed=seeds)
def test_random_real_circuits_agree_with_the_dense_oracle(
    data: st.DataObject, size: int, adjoint: bool, seed: int
) -> None:
    orthogonal = data.draw(small_orthogonals(size, max_gates=12))
    angles = np.random.default_rng(seed).normal(size=orthogonal.angle_count)
    u = orthogonal_matrix(orthogonal, angles)
    constants = Constants()
    gates = OrthogonalGates(orthogonal, constants, adjoint=adjoint)
    unit = torch.eye(size, dtype=torch.float64)
    found = gates(unit, torch.from_numpy(angles) if len(angles) else None)
    np.testing.assert_allclose(found, u.T if adjoint else u, atol=1e-13)


@settings(max_examples=25)
@given(data=st.data(), qubits=st.integers(1, 4), seed=seeds)
def test_random_real_circuits_agree_with_qiskit(
    data: st.DataObject, qubits: int, seed: int
) -> None:
    """Sign included: no global phase is lost."""
    orthogonal = data.draw(small_orthogonals(2**qubits, max_gates=12))
    angles = np.random.default_rng(seed).normal(size=orthogonal.angle_count)
    circuit = circuit_of(orthogonal.blocks[0], orthogonal.angle_count)
    native = QuantumCircuit(qubits)
    for _, gate, wires in qiskit_gates(circuit, np.zeros(0), angles):
        native.append(gate, wires)
    other = Operator(native).reverse_qargs().data
    gates = OrthogonalGates(orthogonal, Constants(), adjoint=False)
    unit = torch.eye(2**qubits, dtype=torch.float64)
    found = gates(unit, torch.from_numpy(angles) if len(angles) else None)
    np.testing.assert_allclose(found, other, atol=1e-12)


@pytest.mark.parametrize("size", range(2, 70))
def test_places_cover_all_coordinates(size: int) -> None:
    covered = {
        c for offset, qubits in block_places(size) for c in range(offset, offset + 2**qubits)
    }
    assert covered == set(range(size))
    assert len(block_places(size)) == (1 if size & (size - 1) == 0 else 2)


EVERY_GATE = """{
        ry; h on 0; cry ring; x on 1; ch line; swap on (0, 1); cx line reversed; z
        repeat 2 { cz brickwork even; ry brickwork even; cry(0.4) on (1, 0) }
    }"""


@pytest.mark.parametrize("adjoint", ["false", "true"])
@pytest.mark.parametrize(("inputs", "outputs"), [(8, 8), (20, 4), (4, 20), (33, 32), (1, 6)])
def test_every_level_agrees_with_the_oracle(inputs: int, outputs: int, adjoint: str) -> None:
    source = text(f"unitary(x, to: out_features, adjoint: {adjoint}) {EVERY_GATE}", inputs, outputs)
    for level in range(4):
        for tokens in (1, 4096):
            compilation = compiled(source, level=level, tokens=tokens)
            module = module_of(compilation)
            program = compilation.lowered.programs[0]
            wanted = expected(program, tensors_of(module))
            np.testing.assert_allclose(matrix(module), wanted, atol=1e-13)


def single(orthogonal: Orthogonal, angles: int | None) -> Program:
    """A program that is one unitary, from a text of its size."""
    size = orthogonal.size
    program = compiled(two_design(size)).lowered.programs[0]
    node = UnitaryNode(operand=0, orthogonal=orthogonal, angles=angles, adjoint=False, width=size)
    tensors = (
        () if angles is None else (replace(program.tensors[0], shape=(orthogonal.angle_count,)),)
    )
    return replace(program, nodes=(program.nodes[0], node), tensors=tensors)


@settings(max_examples=40)
@given(data=st.data(), size=st.integers(2, 12), seed=seeds)
def test_passes_on_circuits_keep_the_matrix(data: st.DataObject, size: int, seed: int) -> None:
    """Cancelling and fusing act; what relies on |0…0⟩ or a read-out does not, sign included."""
    orthogonal = data.draw(small_orthogonals(size, max_gates=16))
    program = single(orthogonal, 0 if orthogonal.angle_count else None)
    passes = Pipeline.parse(
        "light-cone,zero-state,cancel,fuse-rotations,commute-measurement,absorb-cliffords,cancel"
    )
    plan = run_pipeline(program, passes, Context(), verify=True)
    node = plan.nodes[1]
    assert isinstance(node, UnitaryNode)
    values = random_tensors(program, seed)
    before = evaluate_program(program, np.eye(size), values).T
    after = orthogonal_matrix(node.orthogonal, values.get(0, np.zeros(0)))
    np.testing.assert_allclose(after, before, atol=1e-12)


def test_passes_do_cancel_and_fuse() -> None:
    source = text("unitary(x, to: 8) { ry; ry; cz on (0, 1); cz on (0, 1); ry }", 8, 8)
    (plan,) = compiled(source, tokens=1).planned.plans
    node = plan.nodes[1]
    assert isinstance(node, UnitaryNode)
    (block,) = node.orthogonal.blocks
    assert [gate.name for gate in block.gates] == ["ry"] * 3
