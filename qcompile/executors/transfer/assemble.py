"""From a routed circuit and its device's noise to the program that is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

from qcompile.executors.transfer.elements import Element, device_elements
from qcompile.executors.transfer.program import (
    AngleTurn,
    DataTurn,
    Factor,
    Fixed,
    Join,
    MatrixStep,
    OutcomeRead,
    Step,
    StringRead,
    TransferProgram,
)
from qcompile.ir.circuit import Circuit, Expectations, Probabilities
from qcompile.ir.light_cone import observables
from qcompile.ir.plan import TransferEvaluation
from qcompile.ir.target import Target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]


@dataclass(eq=False)
class Block:
    """Elements that become one step."""

    qubits: tuple[int, ...]
    elements: list[Element] = field(default_factory=list)
    on_data: bool = False


@lru_cache(maxsize=64)
def transfer_program(evaluation: TransferEvaluation, target: Target) -> TransferProgram:
    """What is executed; shots and mitigation come from `target`."""
    circuit, noise = evaluation.routed.circuit, evaluation.noise
    elements = _seen(list(device_elements(circuit, noise)), circuit)
    blocks = _blocks(elements)
    read = {qubit for pauli in observables(circuit.readout) for qubit, _ in pauli.letters}
    active = sorted({q for block in blocks for q in block.qubits} | read) or [0]
    steps, places = _placed(blocks, active)
    mitigated = target.mitigate == "readout" and any(map(any, noise.readout))
    return TransferProgram(
        parts=len(active),
        steps=tuple(steps),
        places=tuple(places),
        reads=_reads(circuit, mitigated and target.shots is not None),
        readout=(
            tuple((0.0, 0.0) for _ in noise.readout)
            if mitigated and target.shots is None
            else noise.readout
        ),
        mitigated=mitigated and target.shots is not None,
        shots=target.shots,
    )


def _seen(elements: list[Element], circuit: Circuit) -> list[Element]:
    """Without what no output can see: channels keep the trace."""
    cone = {qubit for pauli in observables(circuit.readout) for qubit, _ in pauli.letters}
    kept = []
    for element in reversed(elements):
        if not cone.isdisjoint(element.qubits):
            cone.update(element.qubits)
            kept.append(element)
    return kept[::-1]


def _blocks(elements: list[Element]) -> list[Block]:
    """Neighbours on the same qubit or pair become one; data stand alone."""
    numbers = count()
    blocks: dict[int, Block] = {}
    latest: dict[int, int] = {}
    for element in elements:
        before = [latest.get(qubit, -1) for qubit in element.qubits]
        last = blocks.get(before[0])
        same = len(set(before)) == 1 and last is not None and not last.on_data
        if not element.on_data and same and last is not None:
            last.elements.append(element)
            continue
        block = Block(element.qubits, on_data=element.on_data)
        if len(element.qubits) == 2:
            for index in before:
                earlier = blocks.get(index)
                if earlier is not None and len(earlier.qubits) == 1 and not earlier.on_data:
                    block.elements += blocks.pop(index).elements
        block.elements.append(element)
        index = next(numbers)
        blocks[index] = block
        latest.update(dict.fromkeys(element.qubits, index))
    return list(blocks.values())


def _placed(
    blocks: list[Block], active: list[int]
) -> tuple[list[Step], list[tuple[int, tuple[int, ...]]]]:
    """Blocks on parts of the state, which join where a block acts on two of them."""
    held = {part: [qubit] for part, qubit in enumerate(active)}
    part_of = {qubit: part for part, qubit in enumerate(active)}
    steps: list[Step] = []
    for block in blocks:
        part = part_of[block.qubits[0]]
        for qubit in block.qubits[1:]:
            other = part_of[qubit]
            if other != part:
                steps.append(Join(first=part, second=other))
                part_of.update(dict.fromkeys(held[other], part))
                held[part] += held.pop(other)
        if block.on_data:
            turn = block.elements[0].what
            assert isinstance(turn, AngleTurn)
            place = held[part].index(block.qubits[0])
            steps.append(DataTurn(part=part, place=place, axis=turn.axis, angle=turn.angle))
            continue
        qubits = block.qubits
        if set(held[part][: len(qubits)]) == set(qubits):
            qubits = tuple(held[part][: len(qubits)])
        rest = [qubit for qubit in held[part] if qubit not in qubits]
        order = tuple(held[part].index(qubit) for qubit in (*qubits, *rest))
        held[part] = [*qubits, *rest]
        steps.append(
            MatrixStep(
                part=part,
                qubits=len(qubits),
                order=None if order == tuple(range(len(order))) else order,
                factors=_factors(block.elements, qubits),
            )
        )
    return steps, [(part, tuple(qubits)) for part, qubits in held.items()]


def _factors(elements: list[Element], qubits: tuple[int, ...]) -> tuple[Factor, ...]:
    """On the qubits of a step; what is fixed is multiplied up."""
    found: list[Factor] = []
    for element in elements:
        what = element.what
        if isinstance(what, AngleTurn):
            place = qubits.index(element.qubits[what.place])
            found.append(AngleTurn(place=place, axis=what.axis, angle=what.angle))
            continue
        matrix = _spread(what.matrix, element.qubits, qubits)
        before = found[-1] if found else None
        if isinstance(before, Fixed):
            found[-1] = Fixed(matrix=matrix @ before.matrix)
        else:
            found.append(Fixed(matrix=matrix))
    return tuple(found)


def _spread(matrix: Real, acts: tuple[int, ...], qubits: tuple[int, ...]) -> Real:
    """A matrix on some of the qubits as one on all of them, in their order."""
    import numpy as np

    if acts == qubits:
        return matrix
    if len(acts) == 2:
        turned = matrix.reshape(4, 4, 4, 4).transpose(1, 0, 3, 2).reshape(16, 16)
        return np.asarray(turned)
    eye = np.eye(4)
    first = acts[0] == qubits[0]
    return np.asarray(np.kron(matrix, eye) if first else np.kron(eye, matrix))


def _reads(circuit: Circuit, sampled: bool) -> tuple[StringRead | OutcomeRead, ...]:
    """`sampled`: faulty outcomes are drawn, and their errors undone afterwards."""
    match circuit.readout:
        case Probabilities(qubits=qubits):
            return (OutcomeRead(letters=tuple((qubit, "Z") for qubit in qubits), sign=None),)
        case Expectations(paulis=paulis) if sampled:
            return tuple(OutcomeRead(letters=p.letters, sign=p.sign) for p in paulis)
        case Expectations(paulis=paulis):
            return (StringRead(paulis=paulis),)
