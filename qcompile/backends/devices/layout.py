"""Where to draw the qubits of a device."""

from __future__ import annotations

import cmath
import math

from qcompile.backends.devices.calibration import known_coordinates
from qcompile.ir.device import Device

Point = tuple[float, float]

LARGEST_EXACT = 160
"""Qubits of which all distances are brought to the plane; more are too slow, and pull at each
other instead."""

DENSE = 3
"""Couplings a qubit, above which a map is no lattice."""

PER_ROW = 16
"""Qubits without couplings."""


def qubit_positions(device: Device) -> tuple[Point, ...]:
    """One point a qubit, coupled ones about 1 apart, y downwards.

    On the chip where an installed calibration file says it, of this device or of one with the same
    lattice; otherwise as far apart as they are along couplings.
    """
    for points in known_coordinates(device.qubits):
        if all(math.dist(points[a], points[b]) == 1.0 for a, b in device.edges):
            return tuple((float(x), float(y)) for x, y in points)
    return _drawn(device)


def _drawn(device: Device) -> tuple[Point, ...]:
    """Connected parts from left to right, then qubits without couplings in rows."""
    import networkx as nx

    graph = nx.Graph(device.edges)
    found: dict[int, Point] = {}
    left = bottom = 0.0
    for part in sorted(nx.connected_components(graph), key=lambda nodes: (-len(nodes), min(nodes))):
        inner = graph.subgraph(sorted(part))
        # From the eigenvectors lattices unfold; from a circle some stay twisted. Some put qubits on
        # one point, which a little of the circle tells apart.
        circle = nx.circular_layout(sorted(part))
        start = {q: xy + 0.01 * circle[q] for q, xy in nx.spectral_layout(inner).items()}
        if inner.number_of_edges() > DENSE * len(part):
            # Nothing shows so many couplings well; a wide circle keeps them apart.
            placed = circle
        elif len(part) <= LARGEST_EXACT:
            placed = nx.kamada_kawai_layout(inner, pos=start)
        else:
            placed = nx.spring_layout(inner, pos=start, seed=0)
        points = {node: (float(x), float(y)) for node, (x, y) in placed.items()}
        for node, (x, y) in _upright(points, tuple(inner.edges)).items():
            found[node] = (left + x, y)
        left = 1.0 + max(found[node][0] for node in part)
        bottom = max(bottom, 1.0 + max(found[node][1] for node in part))
    alone = [qubit for qubit in range(device.qubits) if qubit not in found]
    for place, qubit in enumerate(alone):
        row, column = divmod(place, PER_ROW)
        found[qubit] = (float(column), bottom + row)
    return tuple(found[qubit] for qubit in range(device.qubits))


def _upright(points: dict[int, Point], edges: tuple[tuple[int, int], ...]) -> dict[int, Point]:
    """From (0, 0), couplings about 1 long and mostly level or plumb, the first qubit at the upper
    left.
    """
    turns = [
        cmath.exp(4j * cmath.phase(complex(*points[b]) - complex(*points[a]))) for a, b in edges
    ]
    turn = cmath.exp(-0.25j * cmath.phase(sum(turns)))
    turned = {node: complex(*point) * turn for node, point in points.items()}
    across, down = ([z.real for z in turned.values()], [z.imag for z in turned.values()])
    if max(down) - min(down) > 1.2 * (max(across) - min(across)):
        turned = {node: z * 1j for node, z in turned.items()}
    dense = len(edges) > DENSE * len(points)
    lengths = [abs(turned[a] - turned[b]) for a, b in edges]
    # Where couplings differ in length, the shortest still has room for two circles.
    unit = min(sum(lengths) / len(lengths), (0.6 if dense else 1.4) * min(lengths))
    middle = sum(turned.values()) / len(turned)
    first = turned[min(turned)] - middle
    flip_x, flip_y = (-1 if first.real > 0 else 1), (-1 if first.imag > 0 else 1)
    placed = {node: (z.real * flip_x / unit, z.imag * flip_y / unit) for node, z in turned.items()}
    left, top = min(x for x, _ in placed.values()), min(y for _, y in placed.values())
    return {node: (x - left, y - top) for node, (x, y) in placed.items()}
