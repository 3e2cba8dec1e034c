"""Devices from pytket's `BackendInfo`; nothing of pytket is imported."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

from qcompile.backends.devices.measured import (
    MeasuredDevice,
    better_than_guessing,
    native_name,
    working_device,
)
from qcompile.ir.device import VIRTUAL, Device, NativeGate
from qcompile.ir.gates import GATES, GateName

FIXED = {"ZZMax": ("rzz", math.pi / 2)}
"""Operations that are one of our gates at one angle."""

MICRO, NANO = 1e-6, 1e-9
"""Seconds, of relaxation times and of durations in what pytket-qiskit adds."""


def device_from_info(info: Any) -> Device:
    """The device that a `BackendInfo` describes, its nodes numbered in their order.

    A gate takes the error of its own where the description has it, else that of its node or edge.
    Durations and relaxation times are those that pytket-qiskit puts into `misc`; pytket itself has
    none, and no date.

    Raises:
        CompileError: QA4203, QA4204.
    """
    nodes = sorted(info.architecture.nodes)
    number = {node: index for index, node in enumerate(nodes)}
    pairs = getattr(info.architecture, "coupling", None)
    coupled = permutations(nodes, 2) if pairs is None else pairs
    names, bounds = _names(_calibrated(info))
    places = [(node,) for node in nodes] + [tuple(pair) for pair in coupled]
    more = (getattr(info, "misc", None) or {}).get("characterisation") or {}
    durations = _durations(more)
    first, second = _times(more.get("t1times")), _times(more.get("t2times"))
    gates = []
    for operation, name in names.items():
        for place in (place for place in places if len(place) == GATES[name].qubits):
            qubits = tuple(number[node] for node in place)
            virtual = 0.0 if name in VIRTUAL else None
            gates.append(
                NativeGate(
                    name=name,
                    qubits=qubits,
                    error=_error(info, operation, name, place) if virtual is None else virtual,
                    duration=durations.get((name, qubits), virtual),
                )
            )
    return working_device(
        MeasuredDevice(
            name=str(info.device_name or info.name),
            qubits=len(nodes),
            gates=tuple(gates),
            readout_errors=tuple(_reading(info, node) for node in nodes),
            relaxation=tuple((first.get(q), second.get(q)) for q in range(len(nodes))),
            angle_bounds=bounds,
        )
    )


def _calibrated(info: Any) -> list[Any]:
    """The operations, without those that a table of errors of single operations leaves out.

    Simulators take many gates of which a noise model knows few; others would seem free of noise.
    """
    tables = (info.all_node_gate_errors, info.all_edge_gate_errors)
    listed = [{op for own in table.values() for op in own} if table else None for table in tables]
    ours = {kind.tket: name for name, kind in GATES.built_in.items() if kind.tket}

    def is_known(operation: Any) -> bool:
        name = FIXED[operation.name][0] if operation.name in FIXED else ours.get(operation.name)
        if name is None or name in VIRTUAL:
            return True
        known = listed[GATES[name].qubits - 1] if GATES[name].qubits <= len(listed) else None
        return known is None or operation in known

    return [operation for operation in info.gate_set if is_known(operation)]


def _names(
    operations: Any,
) -> tuple[dict[Any, GateName], tuple[tuple[GateName, float, float], ...]]:
    """Our names of pytket's operations, and the bounds of those at one angle."""
    ours = {kind.tket: name for name, kind in GATES.built_in.items() if kind.tket}
    found = {op: ours[op.name] for op in operations if op.name in ours}
    bounds: list[tuple[GateName, float, float]] = []
    for operation in operations:
        name, angle = FIXED.get(operation.name, ("", 0.0))
        if name and name not in found.values():
            found[operation] = name
            bounds.append((name, angle, angle))
    return dict(sorted(found.items(), key=lambda item: item[1])), tuple(bounds)


def _error(info: Any, operation: Any, name: GateName, place: tuple[Any, ...]) -> float | None:
    """Of a gate that is the same in both directions the less: pytket-qiskit doubles the other."""
    found = [_stated(info, operation, place)]
    if len(place) == 2 and GATES[name].symmetric:
        found.append(_stated(info, operation, place[::-1]))
    return min((error for error in found if error is not None), default=None)


def _stated(info: Any, operation: Any, place: tuple[Any, ...]) -> float | None:
    for table, key in _tables(info, place):
        found = (table or {}).get(key)
        if isinstance(found, Mapping):
            found = found.get(operation)
        if found is not None:
            return float(found)
    return None


def _tables(info: Any, place: tuple[Any, ...]) -> Iterator[tuple[Any, Any]]:
    if len(place) == 1:
        yield info.all_node_gate_errors, place[0]
        yield info.averaged_node_gate_errors, place[0]
    else:
        yield info.all_edge_gate_errors, place
        yield info.averaged_edge_gate_errors, place


def _reading(info: Any, node: Any) -> tuple[float, float] | None:
    """(P(read 1 | is 0), P(read 0 | is 1)) of a 2 × 2 matrix, whose rows or columns are what is."""
    table = (info.all_readout_errors or {}).get(node)
    if table is None:
        average = (info.averaged_readout_errors or {}).get(node)
        return better_than_guessing(average, average)
    rows = all(math.isclose(sum(row), 1.0, abs_tol=1e-6) for row in table)
    up, down = (table[0][1], table[1][0]) if rows else (table[1][0], table[0][1])
    return better_than_guessing(float(up), float(down))


def _durations(more: Any) -> dict[tuple[GateName, tuple[int, ...]], float]:
    """Seconds of gates, listed as [name of Qiskit, qubits, nanoseconds]."""
    found: dict[tuple[GateName, tuple[int, ...]], float] = {}
    for operation, qubits, time in more.get("GateTimes") or ():
        name = native_name(str(operation))
        if name is not None and time is not None:
            found[name, tuple(qubits)] = float(time) * NANO
    return found


def _times(listed: Any) -> dict[int, float]:
    """Seconds by qubit, listed as [qubit, microseconds]."""
    return {int(qubit): float(time) * MICRO for qubit, time in listed or () if time is not None}
