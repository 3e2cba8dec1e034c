"""How many sweeps over the state a run of gates takes, when neighbours that commute are merged.

A gate is a diagonal or a permutation between fixed one-qubit matrices. A sweep takes all
diagonals, all permutations, or the one-qubit matrices of up to `WIDEST_BLOCK` neighbouring qubits
at once; rotations of data that keep a real state real are a sweep each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from qcompile.ir.circuit import Gate
from qcompile.ir.circuit_analysis import depends_on_data
from qcompile.ir.gates import GATES

WIDEST_BLOCK = 5
"""Qubits whose one-qubit matrices are applied as one matrix."""

Kind = Literal["phase", "data-phase", "local", "turn", "permute"]
_Primitive = tuple[Kind, tuple[int, ...]]


@dataclass(slots=True)
class Stage:
    """Primitives of one kind that are applied together."""

    kind: Kind
    qubits: set[int] = field(default_factory=set)


def stages_of(gates: Iterable[Gate], *, real: bool) -> list[Stage]:
    """Each primitive joins the latest stage of its kind that it can commute back to."""
    stages: list[Stage] = []
    for gate in gates:
        for kind, qubits in _primitives(gate, real):
            for stage in reversed(stages):
                if stage.kind == kind:
                    stage.qubits.update(qubits)
                    break
                both_diagonal = "phase" in stage.kind and "phase" in kind
                if not both_diagonal and not stage.qubits.isdisjoint(qubits):
                    stages.append(Stage(kind, set(qubits)))
                    break
            else:
                stages.append(Stage(kind, set(qubits)))
    return stages


def blocks(qubits: set[int]) -> tuple[int, ...]:
    """Widths of the blocks of neighbours that hold `qubits`."""
    widths: list[int] = []
    end = -3
    for qubit in sorted(qubits):
        if qubit > end + 2 or widths[-1] + qubit - end > WIDEST_BLOCK:
            widths.append(1)
        else:
            widths[-1] += qubit - end
        end = qubit
    return tuple(widths)


def _primitives(gate: Gate, real: bool) -> tuple[_Primitive, ...]:
    on_data = depends_on_data(gate)
    qubits, target = gate.qubits, gate.qubits[-1:]
    phase: _Primitive = ("data-phase" if on_data else "phase", qubits)
    match gate.name:
        case "x" | "cx" | "swap":
            return (("permute", qubits),)
        case "iswap":
            return (("permute", qubits), phase)
        case "cy":
            return (("phase", target), ("permute", qubits), ("phase", target))
        case "ry" if on_data and real:
            return (("turn", qubits),)
        case "ry" | "rx" | "rot" if on_data:
            return (("local", qubits), phase, ("local", qubits))
        case "crx" | "cry" | "ch" | "rzx":
            return (("local", target), phase, ("local", target))
        case "rxx" | "ryy":
            around: tuple[_Primitive, ...] = tuple(("local", (qubit,)) for qubit in qubits)
            return (*around, phase, *around)
        case _ if GATES[gate.name].diagonal:
            return (phase,)
        case _:
            return (("local", qubits),)
