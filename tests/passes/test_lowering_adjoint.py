"""`adjoint { … }` and `if` in circuits: what is placed undoes what it says, by dense matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.gates import GATE_NAMES, GATES
from qcompile.ir.program import CircuitNode
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.dense_oracle import dense_unitary
from tests.compiled import compilation

HEAD = "qa 1\nadapter a(deep: bool = true, n: int = 2) {\n    shape 8 -> 8\n"
TAIL = "    update linear(q, to: out_features, init: zero)\n}\n"


def circuit_of(body: str, qubits: int = 3, layers: str = "") -> Circuit:
    """The circuit of these statements as it is lowered, with data `h` that are so wide."""
    text = HEAD.replace("\nadapter", f"\n{layers}\nadapter")
    text += f"    h = linear(x, to: {qubits})\n    q = circuit({qubits} qubits) {{\n{body}\n"
    text += "measure z\n    }\n" + TAIL
    (program,) = compilation(Source("a.qa", text), Options()).lowered.programs
    (found,) = (node for node in program.nodes if isinstance(node, CircuitNode))
    return found.circuit


def matrix(gates: tuple[Gate, ...], circuit: Circuit, seed: int) -> NDArray[np.complex128]:
    generator = np.random.default_rng(seed)
    data = generator.normal(size=circuit.data_width)
    angles = generator.uniform(-math.pi, math.pi, circuit.angle_count)
    return dense_unitary(gates, circuit.qubits, data, angles)


def is_identity(found: NDArray[np.complex128]) -> bool:
    """Up to a phase."""
    return bool(abs(abs(np.trace(found)) - len(found)) < 1e-9)


def statement(name: str) -> str:
    kind = GATES[name]
    written = ", ".join(f"theta[{k}] + 0.3 * h[{k}]" for k in range(kind.angles))
    arguments = f"({written})" if kind.angles else ""
    return f"{name}{arguments}" + (" ring" if kind.qubits == 2 else "")


@pytest.mark.parametrize("name", GATE_NAMES)
def test_every_gate_is_undone(name: str) -> None:
    line = statement(name)
    body = f"angles theta[3]; ry(theta[0]); {line}; adjoint {{ {line} }}"
    circuit = circuit_of(body)
    assert is_identity(matrix(circuit.gates[3:], circuit, 1))
    alone = circuit_of(f"angles theta[3]; ry(theta[0]); {line}")
    assert not is_identity(matrix(alone.gates[3:], alone, 1))


@settings(max_examples=25)
@given(names=st.lists(st.sampled_from(GATE_NAMES), min_size=1, max_size=5), seed=seeds)
def test_blocks_are_undone_from_the_last_gate(names: list[str], seed: int) -> None:
    lines = "; ".join(["encode angle(h, gate: rx)", *map(statement, names)])
    inside = f"repeat n {{ {lines}; if deep {{ cx line }} }}"
    circuit = circuit_of(f"angles theta[3]\n{inside}\nadjoint {{ {inside} }}")
    assert is_identity(matrix(circuit.gates, circuit, seed))


def test_an_inverse_of_an_inverse_is_the_block_itself() -> None:
    body = "ry; cx ring; rot"
    assert circuit_of(body) == circuit_of(f"adjoint {{ adjoint {{ {body} }} }}")


def test_a_layer_inside_has_angles_of_its_own_in_the_order_of_the_text() -> None:
    layer = "layer part() { ry; rz on 0 }"
    once = circuit_of("part()", layers=layer)
    back = circuit_of("part(); adjoint { part() }", layers=layer)
    assert back.angle_count == 2 * once.angle_count
    shown = [(gate.name, gate.qubits, gate.angles[0].angles) for gate in back.gates[4:]]
    assert shown == [
        ("rz", (0,), ((7, -1.0),)),
        ("ry", (2,), ((6, -1.0),)),
        ("ry", (1,), ((5, -1.0),)),
        ("ry", (0,), ((4, -1.0),)),
    ]


@pytest.mark.parametrize(
    ("condition", "taken"),
    [("deep", True), ("not deep", False), ("n == 2 and in_features == 8", True),
     ("in_features > out_features", False)],
)  # fmt: skip
def test_a_choice_is_the_branch_that_it_takes(condition: str, taken: bool) -> None:
    chosen = circuit_of(f"ry; if {condition} {{ cx ring; rx }} else {{ rz(0.5) }}")
    assert chosen == circuit_of("ry; cx ring; rx" if taken else "ry; rz(0.5)")


def test_a_choice_may_depend_on_a_loop() -> None:
    looped = circuit_of("for i in 0..3 { if i < 2 { cx on (i, i + 1) } else if i > 1 { h } }")
    assert looped == circuit_of("cx line; h")


def test_a_choice_may_hold_the_read_out_and_the_start() -> None:
    text = (
        "if deep { encode amplitude(x) } else { encode angle(h) }\nry\n"
        "if n == 2 { measure x } else { measure probs }"
    )
    plain = "encode amplitude(x)\nry\nmeasure x"
    assert circuit_of(text) == circuit_of(plain)


def test_a_line_that_starts_with_if_and_has_an_else_goes_on() -> None:
    circuit = circuit_of("ry on 1\n    if deep else 0\nif deep\n{ h }")
    assert circuit == circuit_of("ry on 1; h")
