"""`reset` and `measure` in the middle against density matrices that are reset and measured."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.diagnostics import CompileError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.ir.circuit import Circuit
from qcompile.ir.gates import GATES
from qcompile.ir.program import CircuitNode, Program
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.dense_oracle import dense_outputs, embed, gate_matrix, pauli_product
from tests.compiled import compilation

Complex = NDArray[np.complex128]
QUBITS = 3
TURNS = ("rx", "ry", "rz", "rzz", "cry", "rxy")


def program_of(body: str, start: str = "") -> Program:
    """The program of a circuit of three qubits with a bank `theta` of eight angles."""
    text = f"""qa 1
adapter a() {{
    shape 8 -> 8
    q = circuit({QUBITS} qubits) {{
        {start}
        angles theta[8]
        {body}
    }}
    update linear(q, to: out_features, init: zero)
}}
"""
    (program,) = compilation(Source("a.qa", text), Options()).lowered.programs
    return program


def circuits_of(program: Program) -> list[Circuit]:
    return [node.circuit for node in program.nodes if isinstance(node, CircuitNode)]


def on(letters: dict[int, str]) -> Complex:
    return pauli_product("".join(letters.get(q, "I") for q in range(QUBITS)))


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, tuple[int, ...]]]:
    """What happens, with the wires that it happens to."""
    kinds = ("turn", "turn", "cx", "reset", "z", "y", "string", "probs")
    found = []
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(kinds))
        name = draw(st.sampled_from(TURNS)) if kind == "turn" else kind
        two = name in ("cx", "string", "probs") or (kind == "turn" and GATES[name].qubits == 2)
        wires = draw(st.permutations(range(QUBITS)))[: 1 + two]
        found.append((name, tuple(wires)))
    taken = sum(name in ("reset", "z", "y", "string", "probs") for name, _ in found)
    # More qubits would make the dense matrices of the result large.
    return [*(found if taken <= 3 else found[:3]), ("cx", (0, 2))]


def text_of(name: str, wires: tuple[int, ...], angle: int) -> str:
    match name:
        case "reset":
            return f"reset on {wires[0]}"
        case "z" | "y":
            return f"measure {name} on {wires[0]}"
        case "string":
            return f'measure "X{wires[0]} Y{wires[1]}"'
        case "probs":
            return f"measure probs on [{wires[0]}, {wires[1]}]"
        case _:
            arguments = "" if name == "cx" else f"(theta[{angle}])"
            where = wires[0] if len(wires) == 1 else f"({wires[0]}, {wires[1]})"
            return f"{name}{arguments} on {where}"


def simulated(
    done: list[tuple[str, tuple[int, ...]]], angles: NDArray[np.float64], state: Complex
) -> list[float]:
    """The outcomes on average, in order."""
    found: list[float] = []

    def measured(string: Complex) -> None:
        nonlocal state
        found.append(float(np.trace(string @ state).real))
        state = (state + string @ state @ string) / 2

    for step, (name, wires) in enumerate(done):
        match name:
            case "reset":
                z, x = on({wires[0]: "Z"}), on({wires[0]: "X"})
                zero, one = (np.eye(8) + z) / 2, (np.eye(8) - z) / 2
                state = zero @ state @ zero + x @ one @ state @ one @ x
            case "z" | "y":
                measured(on({wires[0]: name.upper()}))
            case "string":
                measured(on({wires[0]: "X", wires[1]: "Y"}))
            case "probs":
                z, other = on({wires[0]: "Z"}), on({wires[1]: "Z"})
                left = np.zeros_like(state)
                for a in (1, -1):
                    for b in (1, -1):
                        kept = (np.eye(8) + a * z) @ (np.eye(8) + b * other) / 4
                        found.append(float(np.trace(kept @ state).real))
                        left += kept @ state @ kept
                state = left
            case _:
                matrix = gate_matrix(name, () if name == "cx" else (angles[step],))
                matrix = embed(matrix, wires, QUBITS)
                state = matrix @ state @ matrix.conj().T
    return [*found, *(float(np.trace(on({q: "X"}) @ state).real) for q in range(QUBITS))]


REUSED: list[tuple[str, tuple[int, ...]]] = [
    ("ry", (0,)),
    ("cry", (0, 1)),
    ("probs", (1, 0)),
    ("reset", (0,)),
    ("rx", (0,)),
    ("cx", (0, 2)),
]
"""A qubit that is measured and reset keeps its outcome, and its copy goes on."""


@example(done=REUSED, seed=1, amplitude=False)
@example(done=REUSED, seed=2, amplitude=True)
@settings(max_examples=40)
@given(done=steps(), seed=seeds, amplitude=st.booleans())
def test_the_averages_are_those_of_what_happens_in_the_middle(
    done: list[tuple[str, tuple[int, ...]]], seed: int, amplitude: bool
) -> None:
    lines = [text_of(name, wires, step) for step, (name, wires) in enumerate(done)]
    start = "encode amplitude(x)" if amplitude else ""
    program = program_of("; ".join([*lines, "measure x"]), start)
    generator = np.random.default_rng(seed)
    angles = generator.uniform(-math.pi, math.pi, 8)
    data = generator.normal(size=(1, 8 if amplitude else 0))
    vector = data[0] / np.linalg.norm(data[0]) if amplitude else np.eye(8)[0]
    state = np.outer(vector, vector).astype(np.complex128)
    found = [dense_outputs(circuit, data, angles)[0] for circuit in circuits_of(program)]
    assert np.concatenate(found) == pytest.approx(simulated(done, angles, state), abs=1e-10)


def test_a_reset_of_a_qubit_in_its_first_state_costs_nothing() -> None:
    (circuit,) = circuits_of(program_of("reset; ry; reset on 0..2; rx; measure z"))
    assert circuit.qubits == QUBITS + 2


def test_what_is_measured_and_reset_takes_one_qubit() -> None:
    (circuit,) = circuits_of(program_of("ry; measure z; reset; ry; measure z"))
    assert circuit.qubits == 2 * QUBITS
    assert not any(gate.name == "cx" for gate in circuit.gates)


def test_a_layer_and_a_loop_reset_as_well() -> None:
    (circuit,) = circuits_of(program_of("for i in 0..3 { ry on i; reset on i }; ry; measure z"))
    assert circuit.qubits == 2 * QUBITS


def test_more_than_all_qubits_are_refused() -> None:
    with pytest.raises(CompileError) as caught:
        program_of("repeat 42 { ry(theta[0]); reset }; measure z")
    assert [found.code for found in caught.value.diagnostics] == ["QA3214"]
