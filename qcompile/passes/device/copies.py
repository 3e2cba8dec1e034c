"""Further places for a routed circuit, so that copies of it run side by side on a large device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device, gates_of
from qcompile.ir.light_cone import observables
from qcompile.ir.target import Copies
from qcompile.passes.device.equal_shapes import equal_shapes
from qcompile.passes.device.native import usable_qubits
from qcompile.passes.device.predict import predicted_error, rates_of

PLACES = 5000
"""That are looked at, at most."""


def places_of_copies(
    circuit: Circuit,
    physical: tuple[int, ...],
    device: Device,
    copies: Copies,
    *,
    mitigated: bool,
) -> tuple[tuple[int, ...], ...]:
    """Places besides `physical`, the least predicted error first.

    No two places have a qubit in common, and no coupling of the device joins two of them: between
    them lies at least one qubit that is not used. All native gates of the circuit are there.

    Args:
        circuit: In native gates, on qubits 0 to k - 1.
        physical: The device's qubit for each of them.
        device: Where it runs.
        copies: What is asked for.
        mitigated: Errors of reading are undone, and count little.
    """
    if copies.most == 1:
        return ()

    def error(place: tuple[int, ...]) -> float:
        return predicted_error(
            circuit.gates, circuit.readout, device, mitigated=mitigated, physical=place
        )

    present = gates_of(device)
    allowed = error(physical) * (1 + copies.tolerance)
    near = _neighbours(device)
    taken = _around(physical, near)
    found: list[tuple[int, ...]] = []
    for match in _ranked(circuit, device):
        if copies.most is not None and len(found) + 1 >= copies.most:
            break
        if not taken.isdisjoint(match.values()):
            continue
        place = _with_single_qubits(circuit, match, device, taken)
        if place is None or any(
            (gate.name, tuple(place[qubit] for qubit in gate.qubits)) not in present
            for gate in circuit.gates
        ):
            continue
        if error(place) <= allowed:
            found.append(place)
            taken |= _around(place, near)
    return tuple(sorted(found, key=error))


def _neighbours(device: Device) -> dict[int, set[int]]:
    near: dict[int, set[int]] = {qubit: set() for qubit in range(device.qubits)}
    for _, qubits in gates_of(device):
        for qubit in qubits:
            near[qubit].update(qubits)
    return near


def _around(place: tuple[int, ...], near: dict[int, set[int]]) -> set[int]:
    return set(place).union(*(near[qubit] for qubit in place))


def _ranked(circuit: Circuit, device: Device) -> Iterator[dict[int, int]]:
    """From the coupled qubits of a circuit to those of a place, by what couplings and reading
    lose there."""
    rates = rates_of(device)
    pairs = Counter(
        (min(gate.qubits), max(gate.qubits)) for gate in circuit.gates if len(gate.qubits) == 2
    )
    if not pairs:
        # Every qubit goes where there is room for it.
        yield from ({} for _ in range(device.qubits))
        return
    read = Counter(q for string in observables(circuit.readout) for q, _ in string.letters)

    def lost(match: dict[int, int]) -> tuple[float, tuple[int, ...]]:
        total = 0.0
        for (a, b), times in pairs.items():
            edge = min(match[a], match[b]), max(match[a], match[b])
            total += times * rates.pairs.get(edge, (0.0, 0.0))[0]
        total += sum(times * rates.reading[match[q]] for q, times in read.items() if q in match)
        return total, tuple(match.values())

    yield from sorted(islice(equal_shapes(pairs, device), PLACES), key=lost)


def _with_single_qubits(
    circuit: Circuit, match: dict[int, int], device: Device, taken: set[int]
) -> tuple[int, ...] | None:
    """The qubits without couplings go where reading loses least; None: there is no room."""
    place = dict(match)
    rates = rates_of(device)
    free = sorted(
        set(usable_qubits(device)) - taken - set(match.values()),
        key=lambda node: (rates.reading[node] + rates.turns.get(node, 0.0), node),
    )
    for qubit in range(circuit.qubits):
        if qubit not in place:
            if not free:
                return None
            place[qubit] = free.pop(0)
    return tuple(place[qubit] for qubit in range(circuit.qubits))
