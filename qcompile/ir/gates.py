"""The gates: one row each, with everything that a phase asks of a gate.

Angles are radians; matrices in the basis |q0 q1⟩, q0 most significant; `t[0]` is a gate's first
angle. What follows from a gate's matrix is derived from it.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING

from qcompile.ir.extensions import Table
from qcompile.ir.matrices import (
    EXACT,
    PAULIS,
    Matrix,
    adjoint,
    all_strings,
    close,
    exchanged,
    identity,
    is_zero,
    kron,
    multiply,
    pauli_matrix,
    proportional,
    scaled,
    select,
    total,
    trace,
)

if TYPE_CHECKING:
    from qcompile.ir.circuit import Gate

GateName = str
"""A row of `GATES`."""

Mix = tuple[float, tuple[tuple[int, float], ...]]
"""(constant, (index, factor) of the gate's angles): a linear combination."""

Term = tuple[Matrix, Matrix, Matrix, Mix | None]
"""C, K, S and t of C + cos(t/2) K + sin(t/2) S; without t only C."""

GENERIC = (0.7, -1.1, 2.3, 0.4, -2.6, 1.9, -0.3, 3.1)
"""Angles at which nothing holds that does not hold for every angle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GateKind:
    """A gate, given by `matrix`, `axis`, `controlled` or `parts`; the first of them counts."""

    meaning: str
    qubits: int
    """1 or 2."""
    angles: int = 0
    matrix: Matrix | None = None
    """Of a gate without angles."""
    axis: str = ""
    """exp(-i t P / 2) for a Pauli string P, such as `ZX`; `N`: diag(1, e^{it})."""
    controlled: GateName = ""
    """The gate that acts on the second qubit where the first is |1⟩."""
    parts: str = ""
    """Equal gates up to a global phase, as `rz(0.5*t[0]) 1; cx 0 1`: with as few two-qubit gates as
    possible. Every two-qubit gate but cx and cz has some. An angle is a sum of numbers and
    multiples of the gate's angles t, such as `0.5 + -1.0*t[0] + t[1]`."""
    shorter: str = ""
    """Equal gates again, where there are fewer with other two-qubit gates among them."""
    tket: str = ""
    """pytket's OpType with the same angles, if there is one. Gates of other packages are written as
    their parts in every format."""
    tket_order: tuple[int, ...] = ()
    """Our angles in the order of pytket, and of Qiskit, where it is another one."""
    qiskit: str | None = None
    """Qiskit's name of the same gate; None: our own, where Qiskit has it; empty: it is written as
    its parts."""
    qasm2: str = ""
    """Name in the paper's qelib1.inc; later additions such as sx, swap, rxx are not portable."""
    qasm3: str = ""
    """Name in stdgates.inc."""
    aliases: tuple[str, ...] = ()
    """What other tools call the gate, for suggestions."""

    @cached_property
    def steps(self) -> tuple[Gate, ...]:
        """The parts; none where the gate has no other form."""
        from qcompile.ir.circuit_text import gates_from_text

        return gates_from_text(self.parts)

    @cached_property
    def short_steps(self) -> tuple[Gate, ...]:
        """The fewest parts."""
        from qcompile.ir.circuit_text import gates_from_text

        return gates_from_text(self.shorter) or self.steps

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The matrix as a product, first term acting first, up to the phase of `parts`."""
        unit = identity(2**self.qubits)
        null = scaled(0, unit)
        if self.matrix is not None:
            return ((self.matrix, null, null, None),)
        if self.axis == "N":
            one = (0, 0, 0, 1)
            return (((1, 0, 0, 0), one, scaled(1j, one), (0.0, ((0, 2.0),))),)
        if self.axis:
            return ((null, unit, scaled(-1j, pauli_matrix(self.axis)), (0.0, ((0, 1.0),))),)
        if self.controlled:
            return tuple(
                (select(identity(2), c), select((0,) * 4, k), select((0,) * 4, s), mix)
                for c, k, s, mix in GATES[self.controlled].terms
            )
        return _terms(self.short_steps, self.qubits)

    def at(self, *angles: float) -> Matrix:
        """The matrix at the first of the given angles."""
        return value_of_terms(self.terms, self.qubits, angles)

    @cached_property
    def generic(self) -> Matrix:
        """The matrix at generic angles."""
        return self.at(*GENERIC)

    @cached_property
    def diagonal(self) -> bool:
        size = 2**self.qubits
        return is_zero(tuple(e for k, e in enumerate(self.generic) if k % (size + 1)))

    @cached_property
    def real(self) -> bool:
        """All matrix entries are real, for every angle, and so are those of its parts."""
        return is_zero(tuple(complex(entry).imag for entry in self.generic)) and all(
            GATES[step.name].real for step in self.steps
        )

    @cached_property
    def symmetric(self) -> bool:
        """Unchanged by exchanging its two qubits."""
        return self.qubits == 2 and close(exchanged(self.generic), self.generic)

    @cached_property
    def keeps_zero(self) -> bool:
        """|0…0⟩ changes by a phase alone."""
        size = 2**self.qubits
        return is_zero(self.generic[size::size])

    @cached_property
    def conditional(self) -> bool:
        """Nothing happens where the first qubit is |0⟩."""
        return self.qubits == 2 and close(self.generic[:8], identity(4)[:8])

    @cached_property
    def starts_as_identity(self) -> bool:
        """Has angles, and is the identity where all are 0."""
        return self.angles > 0 and close(self.at(*(0.0,) * self.angles), identity(2**self.qubits))

    @cached_property
    def reversible(self) -> bool:
        """Has angles, and their opposites in the opposite order undo it."""
        back = self.at(*(-angle for angle in reversed(GENERIC[: self.angles])))
        return self.angles > 0 and close(multiply(back, self.generic), identity(2**self.qubits))

    @cached_property
    def additive(self) -> bool:
        """One angle, and G(a) G(b) = G(a + b), G(0) = 1."""
        a, b = GENERIC[:2]
        return self.angles == 1 and close(multiply(self.at(a), self.at(b)), self.at(a + b))

    @cached_property
    def turn(self) -> tuple[GateName, float] | None:
        """The additive gate of ours that this one is, and at which angle where it has none.

        Up to a global phase. None: it is none.
        """
        if self.angles and not self.additive:
            return None
        for name, kind in GATES.built_in.items():
            if kind.qubits == self.qubits and kind.additive:
                if self.angles and proportional(kind.generic, self.generic):
                    return name, 0.0
                for eighths in () if self.angles else (1, -1, 2, -2, 3, -3, 4):
                    if proportional(kind.at(eighths * (pi / 4)), self.generic):
                        return name, eighths * (pi / 4)
        return None

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """Pauli strings whose sum is the gate, for every angle: first letter, first qubit."""
        return tuple(
            string
            for string in all_strings(self.qubits)
            if abs(trace(multiply(pauli_matrix(string), self.generic))) > EXACT
        )

    @cached_property
    def images(self) -> dict[str, str] | None:
        """U† P U of every Pauli string P, as `+XZ`; None: no Clifford gate, or one with angles."""
        found: dict[str, str] = {}
        for string in () if self.angles else all_strings(self.qubits):
            image = multiply(adjoint(self.generic), multiply(pauli_matrix(string), self.generic))
            for other in all_strings(self.qubits):
                for sign, factor in (("+", 1), ("-", -1)):
                    if close(scaled(factor, pauli_matrix(other)), image):
                        found[string] = sign + other
        return found if len(found) == 4**self.qubits else None

    def undoes(self, other: GateKind) -> bool:
        """For gates without angles: whether one after the other is the identity."""
        return self.qubits == other.qubits and close(
            multiply(self.generic, other.generic), identity(2**self.qubits)
        )

    @property
    def clifford(self) -> bool:
        """A Clifford gate without angles."""
        return self.images is not None

    @property
    def exchanges(self) -> bool:
        """Exchanges its two qubits, up to phases of basis states."""
        found = self.images or {}
        return (found.get("ZI"), found.get("IZ")) == ("+IZ", "+ZI")


def _terms(steps: tuple[Gate, ...], qubits: int) -> tuple[Term, ...]:
    from qcompile.ir.circuit import Affine

    found: list[Term] = []
    for step in steps:
        for constant, cosine, sine, mix in GATES[step.name].terms:
            c, k, s = (_on_all(matrix, step.qubits, qubits) for matrix in (constant, cosine, sine))
            if mix is not None:
                angle = Affine(constant=mix[0], angles=mix[1]).substitute(step.angles)
                mix = angle.constant, angle.angles
            found.append((c, k, s, mix))
    return tuple(found)


def _on_all(matrix: Matrix, places: tuple[int, ...], qubits: int) -> Matrix:
    """The matrix of gates on some of one or two qubits, on all of them."""
    if len(places) == qubits:
        return exchanged(matrix) if places == (1, 0) else matrix
    return kron(matrix, identity(2)) if places == (0,) else kron(identity(2), matrix)


def value_of_terms(terms: tuple[Term, ...], qubits: int, angles: tuple[float, ...]) -> Matrix:
    found = identity(2**qubits)
    for matrix, cosine, sine, mix in terms:
        factor = matrix
        if mix is not None:
            half = 0.5 * (mix[0] + sum(c * angles[j] for j, c in mix[1]))
            factor = total(matrix, scaled(cmath.cos(half), cosine), scaled(cmath.sin(half), sine))
        found = multiply(factor, found)
    return found


def defect_of_gate(kind: GateKind) -> str | None:
    """Why a row of another package is not well formed."""
    from qcompile.ir.circuit_text import gate_text

    if kind.qubits not in (1, 2):
        return f"it acts on {kind.qubits} qubits; gates act on one or two"
    if not 0 <= kind.angles <= len(GENERIC):
        return f"it has {kind.angles} angles; {len(GENERIC)} are the most"
    if not kind.steps:
        return "it has no parts"
    for step in kind.steps + kind.short_steps:
        known = GATES.built_in.get(step.name)
        shown = f"its part `{gate_text(step)}`"
        if known is None:
            return f"{shown} is no gate of qcompile"
        if len(step.qubits) != known.qubits or len(step.angles) != known.angles:
            return f"{shown} has {known.qubits} qubits and {known.angles} angles"
        if len(set(step.qubits)) < known.qubits or max(step.qubits) >= kind.qubits:
            return f"{shown} acts on other qubits than 0 to {kind.qubits - 1}"
        if any(a.data or any(j >= kind.angles for j, _ in a.angles) for a in step.angles):
            return f"{shown} has other angles than numbers and t[0] to t[{kind.angles - 1}]"
    if kind.axis and kind.angles != 1:
        return "a gate about an axis has one angle"
    if kind.controlled:
        inner = GATES.built_in.get(kind.controlled)
        if inner is None or (inner.qubits, inner.angles) != (1, kind.angles):
            return f"it controls `{kind.controlled}`, no gate of one qubit with its angles"
    if kind.matrix is not None and (kind.angles or len(kind.matrix) != 4**kind.qubits):
        return f"a matrix has {4**kind.qubits} entries and no angles"
    if not close(multiply(adjoint(kind.generic), kind.generic), identity(2**kind.qubits)):
        return "its matrix is not unitary"
    for steps in (kind.steps, kind.short_steps):
        made = value_of_terms(_terms(steps, kind.qubits), kind.qubits, GENERIC[: kind.angles])
        # The sign of a real matrix is seen in a `unitary`.
        if not (close if kind.real else proportional)(made, kind.generic):
            return "its parts do not make its matrix"
    return None


_HALF = sqrt(0.5)
_T = cmath.exp(0.25j * pi)
_PLUS, _MINUS = 0.5 + 0.5j, 0.5 - 0.5j

_ROWS = {
    "x": GateKind(
        meaning="Pauli X", qubits=1, matrix=PAULIS["X"], aliases=("not",),
        tket="X", qasm2="x", qasm3="x",
    ),
    "y": GateKind(
        meaning="Pauli Y", qubits=1, matrix=PAULIS["Y"], tket="Y", qasm2="y", qasm3="y"
    ),
    "z": GateKind(
        meaning="Pauli Z", qubits=1, matrix=PAULIS["Z"], tket="Z", qasm2="z", qasm3="z"
    ),
    "h": GateKind(
        meaning="Hadamard", qubits=1, matrix=(_HALF, _HALF, _HALF, -_HALF), aliases=("hadamard",),
        tket="H", qasm2="h", qasm3="h",
    ),
    "s": GateKind(
        meaning="diag(1, i)", qubits=1, matrix=(1, 0, 0, 1j), tket="S", qasm2="s", qasm3="s"
    ),
    "sdg": GateKind(
        meaning="diag(1, -i)", qubits=1, matrix=(1, 0, 0, -1j),
        tket="Sdg", qasm2="sdg", qasm3="sdg",
    ),
    "t": GateKind(
        meaning="diag(1, e^{iπ/4})", qubits=1, matrix=(1, 0, 0, _T),
        tket="T", qasm2="t", qasm3="t",
    ),
    "tdg": GateKind(
        meaning="diag(1, e^{-iπ/4})", qubits=1, matrix=(1, 0, 0, _T.conjugate()),
        tket="Tdg", qasm2="tdg", qasm3="tdg",
    ),
    "sx": GateKind(
        meaning="√X = ½[[1+i, 1-i], [1-i, 1+i]]", qubits=1, matrix=(_PLUS, _MINUS, _MINUS, _PLUS),
        parts="h 0; s 0; h 0", tket="SX", qasm3="sx", aliases=("v",),
    ),
    "sxdg": GateKind(
        meaning="(√X)†", qubits=1, matrix=(_MINUS, _PLUS, _PLUS, _MINUS),
        parts="h 0; sdg 0; h 0", tket="SXdg",
    ),
    "rx": GateKind(
        meaning="exp(-i t X / 2)", qubits=1, angles=1, axis="X",
        tket="Rx", qasm2="rx", qasm3="rx",
    ),
    "ry": GateKind(
        meaning="exp(-i t Y / 2)", qubits=1, angles=1, axis="Y",
        tket="Ry", qasm2="ry", qasm3="ry",
    ),
    "rz": GateKind(
        meaning="exp(-i t Z / 2)", qubits=1, angles=1, axis="Z",
        tket="Rz", qasm2="rz", qasm3="rz",
    ),
    "phase": GateKind(
        meaning="diag(1, e^{it})", qubits=1, angles=1, axis="N", aliases=("p", "u1"),
        tket="U1", qiskit="p", qasm2="u1", qasm3="p",
    ),
    "rot": GateKind(
        meaning="RZ(c) RY(b) RZ(a): rz(a) acts first", qubits=1, angles=3,
        parts="rz(t[0]) 0; ry(t[1]) 0; rz(t[2]) 0", aliases=("u", "u3"),
        tket="U3", tket_order=(1, 2, 0), qiskit="u",
    ),
    "u2": GateKind(
        meaning="RZ(a) RY(π/2) RZ(b)", qubits=1, angles=2,
        parts=f"rz(t[1]) 0; ry({pi / 2}) 0; rz(t[0]) 0", tket="U2", qasm2="u2", qasm3="u2",
    ),
    "prx": GateKind(
        meaning="RZ(b) RX(a) RZ(-b)", qubits=1, angles=2,
        parts="rz(-1.0*t[1]) 0; rx(t[0]) 0; rz(t[1]) 0", aliases=("phasedx", "r"),
        tket="PhasedX", qiskit="r",
    ),
    "gpi": GateKind(
        meaning="RZ(t) X RZ(-t)", qubits=1, angles=1,
        parts="rz(-1.0*t[0]) 0; x 0; rz(t[0]) 0", tket="GPI", qiskit="",
    ),
    "gpi2": GateKind(
        meaning="RZ(t) RX(π/2) RZ(-t)", qubits=1, angles=1,
        parts=f"rz(-1.0*t[0]) 0; rx({pi / 2}) 0; rz(t[0]) 0", tket="GPI2", qiskit="",
    ),
    "cx": GateKind(
        meaning="controlled X", qubits=2, controlled="x", aliases=("cnot",),
        tket="CX", qasm2="cx", qasm3="cx",
    ),
    "cy": GateKind(
        meaning="controlled Y", qubits=2, controlled="y", parts="sdg 1; cx 0 1; s 1",
        tket="CY", qasm2="cy", qasm3="cy",
    ),
    "cz": GateKind(
        meaning="controlled Z", qubits=2, controlled="z", tket="CZ", qasm2="cz", qasm3="cz"
    ),
    # H = RY(π/4) Z RY(-π/4).
    "ch": GateKind(
        meaning="controlled Hadamard", qubits=2, controlled="h",
        parts=f"ry({-pi / 4}) 1; cz 0 1; ry({pi / 4}) 1", tket="CH", qasm2="ch", qasm3="ch",
    ),
    "swap": GateKind(
        meaning="exchange", qubits=2, matrix=(1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1),
        parts="cx 0 1; cx 1 0; cx 0 1", tket="SWAP", qasm3="swap",
    ),
    # iSWAP = (S⊗S)·CZ·SWAP; one entangler of the swap is spent on the CZ.
    "iswap": GateKind(
        meaning="exchange, with i on |01⟩ and |10⟩", qubits=2,
        matrix=(1, 0, 0, 0, 0, 0, 1j, 0, 0, 1j, 0, 0, 0, 0, 0, 1),
        parts="s 0; s 1; h 0; cx 0 1; cx 1 0; h 1", shorter=f"swap 0 1; rzz({pi / 2}) 0 1",
        tket="ISWAPMax",
    ),
    "ecr": GateKind(
        meaning="echoed cross-resonance: (XI - YX) / √2", qubits=2,
        matrix=tuple(_HALF * e for e in (0, 0, 1, 1j, 0, 0, 1j, 1, 1, -1j, 0, 0, -1j, 1, 0, 0)),
        parts="s 0; sx 1; cx 0 1; x 0", tket="ECR",
    ),
    "crx": GateKind(
        meaning="controlled RX(t)", qubits=2, angles=1, controlled="rx",
        parts="rx(0.5*t[0]) 1; cz 0 1; rx(-0.5*t[0]) 1; cz 0 1", tket="CRx", qasm3="crx",
    ),
    "cry": GateKind(
        meaning="controlled RY(t)", qubits=2, angles=1, controlled="ry",
        parts="ry(0.5*t[0]) 1; cz 0 1; ry(-0.5*t[0]) 1; cz 0 1", tket="CRy", qasm3="cry",
    ),
    "crz": GateKind(
        meaning="controlled RZ(t)", qubits=2, angles=1, controlled="rz", aliases=("crot",),
        parts="rz(0.5*t[0]) 1; cx 0 1; rz(-0.5*t[0]) 1; cx 0 1",
        tket="CRz", qasm2="crz", qasm3="crz",
    ),
    "cphase": GateKind(
        meaning="diag(1, 1, 1, e^{it})", qubits=2, angles=1, controlled="phase",
        parts="rz(0.5*t[0]) 0; rz(0.5*t[0]) 1; cx 0 1; rz(-0.5*t[0]) 1; cx 0 1",
        aliases=("cp",), tket="CU1", qiskit="cp", qasm2="cu1", qasm3="cp",
    ),
    "rxx": GateKind(
        meaning="exp(-i t XX / 2)", qubits=2, angles=1, axis="XX", aliases=("xx",),
        parts="cx 0 1; rx(t[0]) 0; cx 0 1", tket="XXPhase",
    ),
    "ryy": GateKind(
        meaning="exp(-i t YY / 2)", qubits=2, angles=1, axis="YY", aliases=("yy",),
        parts="sdg 0; sdg 1; cx 0 1; rx(t[0]) 0; cx 0 1; s 0; s 1", tket="YYPhase",
    ),
    "rzz": GateKind(
        meaning="exp(-i t ZZ / 2)", qubits=2, angles=1, axis="ZZ", aliases=("zz",),
        parts="cx 0 1; rz(t[0]) 1; cx 0 1", tket="ZZPhase",
    ),
    "ms": GateKind(
        meaning="Mølmer-Sørensen: (RZ(b) ⊗ RZ(c)) RXX(a) (RZ(-b) ⊗ RZ(-c))", qubits=2, angles=3,
        parts="rz(-1.0*t[1]) 0; rz(-1.0*t[2]) 1; cx 0 1; rx(t[0]) 0; cx 0 1"
        "; rz(t[1]) 0; rz(t[2]) 1",
        shorter="rz(-1.0*t[1]) 0; rz(-1.0*t[2]) 1; rxx(t[0]) 0 1; rz(t[1]) 0; rz(t[2]) 1",
        aliases=("aams",), tket="AAMS", qiskit="",
    ),
    "rzx": GateKind(
        meaning="exp(-i t ZX / 2), Z on the first qubit", qubits=2, angles=1, axis="ZX",
        parts="cz 0 1; rx(t[0]) 1; cz 0 1", shorter="h 1; rzz(t[0]) 0 1; h 1",
    ),
    # XX and YY commute; √X on both qubits and a cx turn them into X on the one and Z on the other.
    "rxy": GateKind(
        meaning="exp(-i t (XX + YY) / 4)", qubits=2, angles=1,
        parts="sx 0; sx 1; cx 0 1; rx(0.5*t[0]) 0; rz(0.5*t[0]) 1; cx 0 1; sxdg 0; sxdg 1",
        shorter="rxx(0.5*t[0]) 0 1; ryy(0.5*t[0]) 0 1", aliases=("xx_plus_yy", "xy"), qiskit="",
    ),
}  # fmt: skip

GATES = Table("qcompile.gates", GateKind, MappingProxyType(_ROWS), defect_of_gate)

GATE_NAMES: tuple[GateName, ...] = tuple(_ROWS)
"""Those of qcompile itself."""
