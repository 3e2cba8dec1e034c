"""The gate vocabulary. Angles are radians; matrices in the basis |q0 q1⟩, q0 most significant.

Rotations: RP(t) = exp(-i t P / 2). Controlled gates: first qubit is the control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

PauliLetter = Literal["X", "Y", "Z"]

GateName = Literal[
    "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg",
    "rx", "ry", "rz", "phase", "rot",
    "cx", "cy", "cz", "ch", "swap", "iswap",
    "crx", "cry", "crz", "cphase",
    "rxx", "ryy", "rzz", "rzx",
]  # fmt: skip

GATE_NAMES: tuple[GateName, ...] = get_args(GateName)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateKind:
    """What every phase needs to know of a gate."""

    qubits: int
    angles: int
    diagonal: bool = False
    real: bool = False
    """All matrix entries are real (for every angle)."""
    clifford: bool = False
    """A Clifford gate whatever its angles: only angle-free gates."""
    symmetric: bool = False
    """Unchanged by exchanging its two qubits."""
    self_inverse: bool = False
    additive: bool = False
    """One angle, and G(a) G(b) = G(a + b), G(0) = 1."""
    meaning: str = ""


GATES: dict[GateName, GateKind] = {
    "x": GateKind(
        qubits=1, angles=0, real=True, clifford=True, self_inverse=True, meaning="Pauli X"
    ),
    "y": GateKind(qubits=1, angles=0, clifford=True, self_inverse=True, meaning="Pauli Y"),
    "z": GateKind(
        qubits=1,
        angles=0,
        diagonal=True,
        real=True,
        clifford=True,
        self_inverse=True,
        meaning="Pauli Z",
    ),
    "h": GateKind(
        qubits=1, angles=0, real=True, clifford=True, self_inverse=True, meaning="Hadamard"
    ),
    "s": GateKind(qubits=1, angles=0, diagonal=True, clifford=True, meaning="diag(1, i)"),
    "sdg": GateKind(qubits=1, angles=0, diagonal=True, clifford=True, meaning="diag(1, -i)"),
    "t": GateKind(qubits=1, angles=0, diagonal=True, meaning="diag(1, e^{iπ/4})"),
    "tdg": GateKind(qubits=1, angles=0, diagonal=True, meaning="diag(1, e^{-iπ/4})"),
    "sx": GateKind(qubits=1, angles=0, clifford=True, meaning="√X = ½[[1+i, 1-i], [1-i, 1+i]]"),
    "sxdg": GateKind(qubits=1, angles=0, clifford=True, meaning="(√X)†"),
    "rx": GateKind(qubits=1, angles=1, additive=True, meaning="exp(-i t X / 2)"),
    "ry": GateKind(qubits=1, angles=1, real=True, additive=True, meaning="exp(-i t Y / 2)"),
    "rz": GateKind(qubits=1, angles=1, diagonal=True, additive=True, meaning="exp(-i t Z / 2)"),
    "phase": GateKind(qubits=1, angles=1, diagonal=True, additive=True, meaning="diag(1, e^{it})"),
    "rot": GateKind(qubits=1, angles=3, meaning="RZ(c) RY(b) RZ(a): rz(a) acts first"),
    "cx": GateKind(
        qubits=2, angles=0, real=True, clifford=True, self_inverse=True, meaning="controlled X"
    ),
    "cy": GateKind(qubits=2, angles=0, clifford=True, self_inverse=True, meaning="controlled Y"),
    "cz": GateKind(
        qubits=2,
        angles=0,
        diagonal=True,
        real=True,
        clifford=True,
        symmetric=True,
        self_inverse=True,
        meaning="controlled Z",
    ),
    "ch": GateKind(qubits=2, angles=0, real=True, self_inverse=True, meaning="controlled Hadamard"),
    "swap": GateKind(
        qubits=2,
        angles=0,
        real=True,
        clifford=True,
        symmetric=True,
        self_inverse=True,
        meaning="exchange",
    ),
    "iswap": GateKind(
        qubits=2,
        angles=0,
        clifford=True,
        symmetric=True,
        meaning="exchange, with i on |01⟩ and |10⟩",
    ),
    "crx": GateKind(qubits=2, angles=1, additive=True, meaning="controlled RX(t)"),
    "cry": GateKind(qubits=2, angles=1, real=True, additive=True, meaning="controlled RY(t)"),
    "crz": GateKind(qubits=2, angles=1, diagonal=True, additive=True, meaning="controlled RZ(t)"),
    "cphase": GateKind(
        qubits=2,
        angles=1,
        diagonal=True,
        symmetric=True,
        additive=True,
        meaning="diag(1, 1, 1, e^{it})",
    ),
    "rxx": GateKind(qubits=2, angles=1, symmetric=True, additive=True, meaning="exp(-i t XX / 2)"),
    "ryy": GateKind(qubits=2, angles=1, symmetric=True, additive=True, meaning="exp(-i t YY / 2)"),
    "rzz": GateKind(
        qubits=2, angles=1, diagonal=True, symmetric=True, additive=True, meaning="exp(-i t ZZ / 2)"
    ),
    "rzx": GateKind(
        qubits=2, angles=1, additive=True, meaning="exp(-i t ZX / 2), Z on the first qubit"
    ),
}
