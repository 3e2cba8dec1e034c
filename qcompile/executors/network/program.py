"""What the executor does for a circuit, as a value: counted by `count`, carried out by `build`.

The matrices of the gates are built side by side, then their conjugates, then each Pauli string's
network is contracted pair by pair, as matrix products. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qcompile.ir.circuit import Affine, Circuit, Gate
from qcompile.ir.circuit_network import (
    GateOperand,
    LetterOperand,
    ObservableOperands,
    ZeroOperand,
    observable_operands,
)
from qcompile.ir.gates import GATES, Term, value_of_terms
from qcompile.ir.matrices import Matrix, multiply
from qcompile.ir.network import BATCH
from qcompile.ir.plan import NetworkEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRotation:
    """C + cos(t/2) K + sin(t/2) S; without t only C."""

    constant: Matrix
    cosine: Matrix
    sine: Matrix
    angle: Affine | None

    @property
    def kind(self) -> str:
        """What the matrix depends on: rotations of one kind can be built side by side."""
        if self.angle is None:
            return "fixed"
        return "data" if self.angle.data else "trainable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixGroup:
    """Matrices of gates that are built side by side, (gates, tokens or 1, 2^k, 2^k) complex.

    They are products of rotations, alike in what they depend on.
    """

    qubits: int
    """k: 1 or 2."""
    factors: tuple[tuple[GateRotation, ...], ...]
    """The rotations of all gates for each place in the product, the first acting first."""

    @property
    def batched(self) -> bool:
        """There is a matrix for each token."""
        return any(rotations[0].kind == "data" for rotations in self.factors)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixOperand:
    """A gate's matrix or its complex conjugate, axes as `GateOperand` says."""

    group: int
    position: int
    conjugate: bool


Operand = MatrixOperand | LetterOperand | ZeroOperand


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A matrix product of two tensors of the working list; they leave it, the result comes last.

    Axes have extent 2 and are numbered without the batch axis, which comes first. It is that of
    the left tensor where only one has it. The result has the rows' axes, then the columns'.
    """

    left: int
    right: int
    batched: tuple[bool, bool]
    rows: tuple[int, ...]
    """Axes of the left tensor that stay."""
    summed: tuple[tuple[int, ...], tuple[int, ...]]
    """Axes of the left tensor, and those of the right one that they meet."""
    columns: tuple[int, ...]
    """Axes of the right tensor that stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contraction:
    """One Pauli string: sign · the contraction of the operands; sign alone where there are none."""

    operands: tuple[Operand, ...]
    pairs: tuple[Pair, ...]
    sign: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProgram:
    """data (B, w), angles (k,) → (B, outputs)."""

    data_width: int
    groups: tuple[MatrixGroup, ...]
    contractions: tuple[Contraction, ...]
    """In the order of the outputs."""


def network_program(evaluation: NetworkEvaluation) -> NetworkProgram:
    """Along the frozen paths."""
    circuit = evaluation.circuit
    networks = [
        (observable_operands(circuit, network.output), network.path)
        for network in sorted(evaluation.networks, key=lambda network: network.output)
    ]
    groups, places = _groups(circuit, (network for network, _ in networks))
    return NetworkProgram(
        data_width=circuit.data_width,
        groups=groups,
        contractions=tuple(_contraction(*network, places) for network in networks),
    )


def _groups(
    circuit: Circuit, networks: Iterable[ObservableOperands]
) -> tuple[tuple[MatrixGroup, ...], dict[int, tuple[int, int]]]:
    """The matrices of all gates in the networks, and where that of each gate is."""
    used = {o.gate for network in networks for o in network.operands if isinstance(o, GateOperand)}
    members: dict[tuple[int, tuple[str, ...]], list[tuple[GateRotation, ...]]] = {}
    found: dict[int, tuple[tuple[int, tuple[str, ...]], int]] = {}
    for index in sorted(used):
        rotations = _rotations(circuit.gates[index])
        key = len(circuit.gates[index].qubits), tuple(rotation.kind for rotation in rotations)
        group = members.setdefault(key, [])
        found[index] = key, len(group)
        group.append(rotations)
    order = list(members)
    return (
        tuple(
            MatrixGroup(qubits=qubits, factors=tuple(zip(*gates, strict=True)))
            for (qubits, _), gates in members.items()
        ),
        {index: (order.index(key), position) for index, (key, position) in found.items()},
    )


def _rotations(gate: Gate) -> tuple[GateRotation, ...]:
    """The gate's matrix up to a global phase; neighbours without angles are one."""
    found: list[GateRotation] = []
    for term in GATES[gate.name].terms:
        rotation = _rotation(term, gate)
        if found and found[-1].kind == rotation.kind == "fixed":
            rotation = _fixed(multiply(rotation.constant, found.pop().constant))
        found.append(rotation)
    return tuple(found)


def _rotation(term: Term, gate: Gate) -> GateRotation:
    constant, cosine, sine, mix = term
    if mix is None:
        return _fixed(constant)
    angle = Affine(constant=mix[0], angles=mix[1]).substitute(gate.angles)
    if angle.is_constant:
        turned = constant, cosine, sine, (angle.constant, ())
        return _fixed(value_of_terms((turned,), len(gate.qubits), ()))
    return GateRotation(constant=constant, cosine=cosine, sine=sine, angle=angle)


def _fixed(matrix: Matrix) -> GateRotation:
    return GateRotation(constant=matrix, cosine=(), sine=(), angle=None)


def _contraction(
    network: ObservableOperands,
    path: Sequence[tuple[int, int]],
    places: dict[int, tuple[int, int]],
) -> Contraction:
    operands: list[Operand] = []
    for operand in network.operands:
        if isinstance(operand, GateOperand):
            group, position = places[operand.gate]
            operands.append(
                MatrixOperand(group=group, position=position, conjugate=operand.conjugate)
            )
        else:
            operands.append(operand)
    working = list(network.labels)
    pairs: list[Pair] = []
    for low, high in map(sorted, path):
        taken = {low: working[low], high: working[high]}
        left, right = (
            (high, low) if BATCH in taken[high] and BATCH not in taken[low] else (low, high)
        )
        batched = BATCH in taken[left], BATCH in taken[right]
        first, second = (tuple(k for k in taken[place] if k != BATCH) for place in (left, right))
        summed = [label for label in first if label in second]
        rows = [label for label in first if label not in second]
        columns = [label for label in second if label not in first]
        pairs.append(
            Pair(
                left=left,
                right=right,
                batched=batched,
                rows=tuple(map(first.index, rows)),
                summed=(tuple(map(first.index, summed)), tuple(map(second.index, summed))),
                columns=tuple(map(second.index, columns)),
            )
        )
        working = [labels for place, labels in enumerate(working) if place not in taken]
        working.append((*((BATCH,) if batched[0] else ()), *rows, *columns))
    return Contraction(operands=tuple(operands), pairs=tuple(pairs), sign=network.sign)
