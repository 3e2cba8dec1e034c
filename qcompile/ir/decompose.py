"""Exact identities that express every gate in one-qubit gates and one kind of entangler.

All hold up to a global phase and keep angles affine. Derivations: Barenco et al. 1995
(quant-ph/9503016), Lemma 4.3 and corollaries, for the controlled rotations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.gates import GateName

Entangler = Literal["cx", "cz"]


def to_entangler(gates: Iterable[Gate], entangler: Entangler) -> tuple[Gate, ...]:
    """Rewrite two-qubit gates until only `entangler` is left; one-qubit gates stay."""
    result: list[Gate] = []
    for gate in gates:
        for simple in to_cx_and_cz(gate):
            if simple.name == "cx" and entangler == "cz":
                result += _conjugated(Gate(name="cz", qubits=simple.qubits), simple.qubits[1])
            elif simple.name == "cz" and entangler == "cx":
                result += _conjugated(Gate(name="cx", qubits=simple.qubits), simple.qubits[1])
            else:
                result.append(simple)
    return tuple(result)


def to_cx_and_cz(gate: Gate) -> tuple[Gate, ...]:
    """Rewrite a two-qubit gate in cx, cz and one-qubit gates; other gates stay."""
    if len(gate.qubits) == 1 or gate.name in ("cx", "cz"):
        return (gate,)
    a, b = gate.qubits
    cx = Gate(name="cx", qubits=(a, b))
    cz = Gate(name="cz", qubits=(a, b))
    match gate.name:
        case "cy":
            return (_plain("sdg", b), cx, _plain("s", b))
        case "ch":
            # H = RY(π/4) Z RY(-π/4).
            quarter = Affine(constant=math.pi / 4)
            return (_turn("ry", b, quarter.times(-1.0)), cz, _turn("ry", b, quarter))
        case "swap":
            return (cx, Gate(name="cx", qubits=(b, a)), cx)
        case "iswap":
            # iSWAP = (S⊗S)·CZ·SWAP; one entangler of the swap is spent on the CZ.
            back = Gate(name="cx", qubits=(b, a))
            return (_plain("s", a), _plain("s", b), _plain("h", a), cx, back, _plain("h", b))
        case "crx" | "cry":
            half = gate.angles[0].times(0.5)
            turn: GateName = "rx" if gate.name == "crx" else "ry"
            return (_turn(turn, b, half), cz, _turn(turn, b, half.times(-1.0)), cz)
        case "crz":
            half = gate.angles[0].times(0.5)
            return (_turn("rz", b, half), cx, _turn("rz", b, half.times(-1.0)), cx)
        case "cphase":
            half = gate.angles[0].times(0.5)
            return (
                _turn("rz", a, half),
                _turn("rz", b, half),
                cx,
                _turn("rz", b, half.times(-1.0)),
                cx,
            )
        case "rzz":
            return (cx, _turn("rz", b, gate.angles[0]), cx)
        case "rzx":
            return (cz, _turn("rx", b, gate.angles[0]), cz)
        case "rxx":
            return (cx, _turn("rx", a, gate.angles[0]), cx)
        case "ryy":
            into = (_plain("sdg", a), _plain("sdg", b))
            out = (_plain("s", a), _plain("s", b))
            return (*into, cx, _turn("rx", a, gate.angles[0]), cx, *out)
        case _:
            raise ValueError(f"no identity for {gate.name}")


def _conjugated(gate: Gate, qubit: int) -> tuple[Gate, ...]:
    return (_plain("h", qubit), gate, _plain("h", qubit))


def _plain(name: GateName, qubit: int) -> Gate:
    return Gate(name=name, qubits=(qubit,))


def _turn(name: GateName, qubit: int, angle: Affine) -> Gate:
    return Gate(name=name, qubits=(qubit,), angles=(angle,))
