"""Gates that a file gives by their matrices, against these matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.ir.circuit import Gate
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.unitaries import distance, nearest_unitary
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.dense_oracle import dense_unitary, embed, gate_matrix
from tests.compiled import compilation

Complex = NDArray[np.complex128]
NOTHING = np.zeros(0)
UPDATE = "    update linear(q, to: out_features, init: zero)\n}\n"


def program_of(items: str, value: str, name: str = "a.qa") -> Program:
    text = f"qa 1\n{items}\nadapter a() {{\n    shape 8 -> 8\n    q = {value}\n{UPDATE}"
    (program,) = compilation(Source(name, text), Options()).lowered.programs
    return program


def gates_of(items: str, body: str, name: str = "a.qa") -> tuple[Gate, ...]:
    """The gates of these statements on three qubits."""
    program = program_of(items, f"circuit(3 qubits) {{ {body}; measure z }}", name)
    (node,) = (found for found in program.nodes if isinstance(found, CircuitNode))
    return node.circuit.gates


def matrix_of(gates: tuple[Gate, ...]) -> Complex:
    return dense_unitary(gates, 3, NOTHING, NOTHING)


def drawn(seed: int, size: int, *, real: bool = False) -> Complex:
    """A unitary matrix, some of them diagonal or an exchange of basis states with phases."""
    generator = np.random.default_rng(seed)
    phases = np.exp(2j * np.pi * generator.random(size))
    if seed % 4 == 0:
        return np.asarray(np.diag(phases.real / abs(phases.real) if real else phases))
    if seed % 4 == 1:
        exchanged = np.eye(size)[generator.permutation(size)]
        return np.asarray(exchanged * (np.sign(phases.real) if real else phases))
    table = generator.normal(size=(size, size)) + 1j * generator.normal(size=(size, size))
    found, _ = np.linalg.qr(table.real if real else table)
    return np.asarray(found, dtype=np.complex128)


def written(matrix: Complex, digits: int = 17) -> str:
    """As the language has it."""

    def entry(value: complex) -> str:
        return f"({value.real:.{digits}f}, {value.imag:.{digits}f})"

    rows = (", ".join(entry(value) for value in row) for row in matrix.tolist())
    return "[" + ", ".join(f"[{row}]" for row in rows) + "]"


def equal_up_to_phase(one: Complex, other: Complex, within: float = 1e-9) -> bool:
    return bool(abs(abs(np.trace(one.conj().T @ other)) - len(one)) < within)


@settings(max_examples=10)
@given(seed=seeds)
def test_a_matrix_of_one_qubit_acts_as_it_is_written(seed: int) -> None:
    matrix = drawn(seed, 2)
    found = matrix_of(gates_of(f"gate w = {written(matrix)}", "w on 1"))
    assert equal_up_to_phase(found, embed(matrix, (1,), 3))


@settings(max_examples=8)
@given(seed=seeds)
def test_a_matrix_of_two_qubits_acts_along_a_pattern(seed: int) -> None:
    matrix = drawn(seed, 4)
    item = f"gate w = {written(matrix)}"
    found = matrix_of(gates_of(item, "w ring reversed"))
    pairs = ((1, 0), (2, 1), (0, 2))
    expected = np.eye(8, dtype=np.complex128)
    for gate in gates_of("", "cx ring reversed"):
        assert gate.qubits in pairs
        expected = embed(matrix, gate.qubits, 3) @ expected
    assert equal_up_to_phase(found, np.asarray(expected))
    undone = matrix_of(gates_of(item, "w on (2, 0); adjoint { w on (2, 0) }"))
    assert equal_up_to_phase(undone, np.eye(8, dtype=np.complex128))


@settings(max_examples=8)
@given(seed=seeds, inner=st.sampled_from(("own", "t", "sx", "y")))
def test_controlled_minds_the_phase(seed: int, inner: str) -> None:
    matrix = drawn(seed, 2) if inner == "own" else gate_matrix(inner)
    items = f"gate own = {written(matrix)}\ngate held = controlled({inner})"
    body = "own on 2; held on (2, 0)" if inner != "own" else "held on (2, 0)"
    found = matrix_of(gates_of(items, f"h on 2; {body}"))
    controlled = np.eye(4, dtype=np.complex128)
    controlled[2:, 2:] = matrix
    expected = embed(controlled, (2, 0), 3)
    if inner != "own":
        expected = np.asarray(expected @ embed(matrix, (2,), 3))
    expected = np.asarray(expected @ embed(gate_matrix("h"), (2,), 3))
    assert equal_up_to_phase(found, expected)


@settings(max_examples=10)
@given(seed=seeds, one=st.booleans())
def test_a_real_matrix_acts_exactly_in_a_unitary(seed: int, one: bool) -> None:
    matrix = drawn(seed, 2 if one else 4, real=True)
    wires = (1,) if one else (2, 0)
    where = "on 1" if one else "on (2, 0)"
    program = program_of(f"gate w = {written(matrix)}", f"unitary(x, to: 8) {{ w {where} }}")
    (node,) = (found for found in program.nodes if isinstance(found, UnitaryNode))
    (block,) = node.orthogonal.blocks
    assert matrix_of(block.gates) == pytest.approx(embed(matrix, wires, 3), abs=1e-12)


@settings(max_examples=10)
@given(seed=seeds)
def test_the_nearest_unitary_matrix_is_that_of_the_singular_values(seed: int) -> None:
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(4, 4)) + 1j * generator.normal(size=(4, 4))
    left, values, right = np.linalg.svd(table)
    given_entries = tuple(complex(entry) for entry in table.flatten())
    nearest = nearest_unitary(given_entries)
    assert nearest is not None
    assert np.array(nearest).reshape(4, 4) == pytest.approx(left @ right, abs=1e-9)
    expected = float(np.sqrt(((values - 1) ** 2).sum()))
    assert distance(given_entries, nearest) == pytest.approx(expected, abs=1e-9)


def test_seven_digits_are_enough() -> None:
    matrix = drawn(6, 2)
    found = matrix_of(gates_of(f"gate w = {written(matrix, 7)}", "w on 0"))
    assert equal_up_to_phase(found, embed(matrix, (0,), 3), 1e-6)
    assert abs(found.conj().T @ found - np.eye(8)).max() < 1e-12


def test_a_gate_of_another_file_is_used_like_any_other(tmp_path: Path) -> None:
    matrix = drawn(7, 2)
    (tmp_path / "gates.qa").write_text(f"qa 1\ngate w = {written(matrix)}\n", encoding="utf-8")
    items = 'import "gates.qa" (w as mine)'
    layers = "layer part() { mine on even }"
    found = gates_of(f"{items}\n{layers}", "part()", str(tmp_path / "a.qa"))
    expected = embed(matrix, (0,), 3) @ embed(matrix, (2,), 3)
    assert equal_up_to_phase(matrix_of(found), np.asarray(expected))
