"""Exchanges of qubits: absorbed where they are free, merged with neighbours where they are not."""

from __future__ import annotations

from collections.abc import Iterable

from qcompile.ir.circuit import Gate
from qcompile.ir.decompose import to_cx_and_cz


def absorb_swaps(gates: Iterable[Gate], qubits: int) -> tuple[tuple[Gate, ...], tuple[int, ...]]:
    """Drop swaps by renaming wires.

    Returns the other gates on renamed wires, and for each qubit the wire that holds it at last.
    """
    wire = list(range(qubits))
    kept: list[Gate] = []
    for gate in gates:
        if gate.name == "swap":
            a, b = gate.qubits
            wire[a], wire[b] = wire[b], wire[a]
        else:
            placed = tuple(wire[qubit] for qubit in gate.qubits)
            kept.append(Gate(name=gate.name, qubits=placed, angles=gate.angles))
    return tuple(kept), tuple(wire)


def pairs_left(gates: Iterable[Gate]) -> int:
    """About how many entanglers are left of the gates once `expand_swaps` has merged swaps.

    Three for a swap, one for one that follows an entangler of its pair.
    """
    total = 0
    last: dict[int, Gate] = {}
    for gate in gates:
        if len(gate.qubits) == 2:
            first, second = gate.qubits
            before = last.get(first)
            merges = before is not None and before is last.get(second) and before.name != "swap"
            total += 1 if gate.name != "swap" or merges else 3
            last[first] = last[second] = gate
    return total


def expand_swaps(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    """Write each swap as three entanglers such that one cancels with a neighbouring entangler.

    One-qubit gates between the two are moved to the other side of the swap, on the other wire.
    """
    forward = _expand(tuple(gates), backward=False)
    return tuple(reversed(_expand(tuple(reversed(forward)), backward=True)))


def _expand(gates: tuple[Gate, ...], *, backward: bool) -> tuple[Gate, ...]:
    """Expand the swaps that follow an entangler on the same pair, in the given order.

    Going backward is the second and last visit: swaps without such a neighbour are expanded too.
    """
    done: list[Gate] = []
    for gate in gates:
        if gate.name != "swap":
            done.append(gate)
            continue
        neighbour, between = _last_entangler(done, gate.qubits)
        if neighbour is not None:
            for position in reversed(between):
                del done[position[0]]
            done += _oriented(gate, neighbour, backward=backward)
            done += [_exchanged(moved, gate.qubits) for _, moved in between]
        elif backward:
            done += to_cx_and_cz(gate)
        else:
            done.append(gate)
    return tuple(done)


def _last_entangler(
    done: list[Gate], pair: tuple[int, ...]
) -> tuple[Gate | None, list[tuple[int, Gate]]]:
    """The last entangler on both qubits, and what stands on either of them since, in order."""
    between: list[tuple[int, Gate]] = []
    for position in range(len(done) - 1, -1, -1):
        gate = done[position]
        if not set(gate.qubits) & set(pair):
            continue
        if len(gate.qubits) == 1:
            between.append((position, gate))
            continue
        if set(gate.qubits) == set(pair) and gate.name in ("cx", "cz"):
            return gate, between[::-1]
        return None, []
    return None, []


def _oriented(swap: Gate, neighbour: Gate, *, backward: bool) -> tuple[Gate, ...]:
    if neighbour.name == "cx":
        control, target = neighbour.qubits
        return to_cx_and_cz(Gate(name="swap", qubits=(control, target)))
    # SWAP = CZ · (S†⊗S†) · iSWAP, and the three commute.
    phases = tuple(Gate(name="sdg", qubits=(qubit,)) for qubit in swap.qubits)
    exchange = to_cx_and_cz(Gate(name="iswap", qubits=swap.qubits))
    if backward:
        exchange = exchange[::-1]
    return (Gate(name="cz", qubits=swap.qubits), *phases, *exchange)


def _exchanged(gate: Gate, pair: tuple[int, ...]) -> Gate:
    other = pair[1] if gate.qubits[0] == pair[0] else pair[0]
    return Gate(name=gate.name, qubits=(other,), angles=gate.angles)
