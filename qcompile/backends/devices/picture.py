"""The coupling map of a device as a picture: errors of gates and of reading in colours."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from statistics import median

from qcompile.backends.devices.layout import DENSE, Point, qubit_positions
from qcompile.ir.device import Device, NativeGate, gates_of

COLOURS = ("#0d0887", "#7e03a8", "#cc4778", "#f89540")
"""From the least to the greatest error, also told apart by those who see no red or green."""

UNKNOWN = "#9a9a9a"
STEP, RADIUS, MARGIN, TOP = 46, 14, 34, 112
"""Pixels between coupled qubits, of a circle, around the map, above it for the legend."""

LETTER = 8
"""Pixels of a letter of the title, at most on average."""

BAR, PIECES = 180, 36
"""Pixels of a scale, and its rectangles."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """Colours of errors, by their logarithm between the least and the greatest."""

    title: str
    known: tuple[float, ...]

    @property
    def _ends(self) -> tuple[float, float]:
        positive = [value for value in self.known if value > 0.0]
        return (min(positive), max(positive)) if positive else (0.0, 0.0)

    def colour(self, value: float | None) -> str:
        if value is None:
            return UNKNOWN
        low, high = self._ends
        if value <= low or low == high:
            return COLOURS[0]
        return _mixed(math.log(value / low) / math.log(high / low))

    def legend(self, left: int, top: int) -> Iterator[str]:
        yield _text(left, top, self.title, "start")
        if not self.known:
            yield _text(left, top + 26, "unknown", "start")
            return
        width = BAR / PIECES
        for piece in range(PIECES):
            yield (
                f'<rect x="{left + piece * width:g}" y="{top + 6}" width="{width + 0.5:g}"'
                f' height="10" fill="{_mixed(piece / (PIECES - 1))}"/>'
            )
        low, high = min(self.known), max(self.known)
        yield _text(left, top + 30, f"{low:.2g}", "start")
        yield _text(left + BAR // 2, top + 30, f"median {median(self.known):.2g}", "middle")
        yield _text(left + BAR, top + 30, f"{high:.2g}", "end")


def device_svg(device: Device) -> str:
    """A picture that stands alone: couplings by the error of their best two-qubit gate, qubits by
    the mean of the two errors of reading; an arrow where a coupling has gates in one direction
    alone. Figures stand in the titles that browsers show.
    """
    points = tuple(
        (MARGIN + STEP * x, TOP + STEP * y) for x, y in _from_zero(qubit_positions(device))
    )
    rates = dict(device.gate_errors)
    links = [rates.get(edge) for edge in device.edges]
    reading = [(up + down) / 2 for up, down in device.readout_errors]
    read: list[float | None] = list(reading) or [None] * device.qubits
    alive = {qubit for gate in gates_of(device).values() for qubit in gate.qubits}
    coupling = _Scale("two-qubit gates", tuple(rate for rate in links if rate is not None))
    # What does not work would stretch the scale over those that do.
    usable = tuple(rate for qubit, rate in enumerate(reading) if qubit in alive)
    readout = _Scale("read-out", usable)
    lines = [
        _line(device, edge, points, coupling.colour(rate))
        for edge, rate in zip(device.edges, links, strict=True)
    ]
    circles = [
        _circle(device, qubit, points[qubit], readout.colour(read[qubit]), qubit in alive)
        for qubit in range(device.qubits)
    ]
    second = MARGIN + BAR + 40
    date = f", calibrated {device.calibrated[:10]}" if device.calibrated else ""
    title = f"{device.name}: {device.qubits} qubits, {len(device.edges)} couplings{date}"
    head = _text(MARGIN, 24, title, "start", size=14)
    wide = max(second + BAR, MARGIN + LETTER * len(title), max(x for x, _ in points))
    width = MARGIN + math.ceil(wide)
    height = MARGIN + math.ceil(max(y for _, y in points))
    legend = "".join((*coupling.legend(MARGIN, 44), *readout.legend(second, 44)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{head}\n<g id="legend">{legend}</g>\n'
        + _group("couplings", lines)
        + _group("qubits", circles)
        + "</svg>\n"
    )


def _from_zero(points: tuple[Point, ...]) -> Iterator[Point]:
    left, top = min(x for x, _ in points), min(y for _, y in points)
    for x, y in points:
        yield x - left, y - top


def _group(name: str, items: Iterable[str]) -> str:
    return f'<g id="{name}">\n' + "".join(f"{item}\n" for item in items) + "</g>\n"


def _line(device: Device, edge: tuple[int, int], points: tuple[Point, ...], colour: str) -> str:
    (x1, y1), (x2, y2) = points[edge[0]], points[edge[1]]
    thick = 2 if len(device.edges) > DENSE * device.qubits else 6
    gates = [gate for (_, qubits), gate in gates_of(device).items() if qubits in (edge, edge[::-1])]
    parts = [
        f'<g data-qubits="{edge[0]} {edge[1]}" stroke="{colour}" fill="{colour}">',
        f"<title>{escape('; '.join(map(_figures, gates)))}</title>",
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{thick}"/>',
    ]
    directions = {gate.qubits for gate in gates}
    if len(directions) == 1:
        (first, second) = directions.pop()
        parts.append(_arrow(points[first], points[second]))
    return "".join((*parts, "</g>"))


def _arrow(start: Point, end: Point) -> str:
    """A triangle in the middle, from the gate's first qubit to its second."""
    turn = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    return (
        f'<path d="M-4 -5 L5 0 L-4 5 Z" stroke-width="2"'
        f' transform="translate({x:.1f} {y:.1f}) rotate({turn:.1f})"/>'
    )


def _circle(device: Device, qubit: int, place: Point, colour: str, works: bool) -> str:
    x, y = place
    look = (
        f'fill="{colour}"'
        if works
        else f'fill="white" stroke="{UNKNOWN}" stroke-width="2" stroke-dasharray="4 3"'
    )
    ink = ("black" if _is_light(colour) else "white") if works else UNKNOWN
    return (
        f'<g data-qubit="{qubit}"><title>{escape(_about(device, qubit, works))}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" {look}/>'
        f"{_text(x, y + 4, str(qubit), 'middle', fill=ink)}</g>"
    )


def _about(device: Device, qubit: int, works: bool) -> str:
    found = [f"qubit {qubit}" if works else f"qubit {qubit}: not used, it does not work"]
    if device.readout_errors and works:
        up, down = device.readout_errors[qubit]
        found.append(f"reads 1 of 0: {up:.2g}, 0 of 1: {down:.2g}")
    gates = gates_of(device).values()
    found += [_figures(gate) for gate in gates if gate.qubits == (qubit,) and gate.error]
    times = device.relaxation[qubit] if device.relaxation else (None, None)
    for name, seconds in zip(("T1", "T2"), times, strict=True):
        if seconds is not None:
            found.append(f"{name} {seconds * 1e6:.3g} µs")
    return "; ".join(found)


def _figures(gate: NativeGate) -> str:
    where = " → ".join(map(str, gate.qubits)) if len(gate.qubits) > 1 else ""
    text = f"{gate.name} {where}".strip()
    if gate.error is not None:
        text += f": error {gate.error:.2g}"
    if gate.duration:
        text += f", {gate.duration * 1e9:.3g} ns"
    return text


def _mixed(share: float) -> str:
    """The colour at a share of the way from the first to the last."""
    place = min(max(share, 0.0), 1.0) * (len(COLOURS) - 1)
    index = min(int(place), len(COLOURS) - 2)
    part = place - index
    channels = zip(_channels(COLOURS[index]), _channels(COLOURS[index + 1]), strict=True)
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in channels)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _is_light(colour: str) -> bool:
    red, green, blue = _channels(colour)
    return 0.3 * red + 0.59 * green + 0.11 * blue > 140


def _text(
    x: float, y: float, text: str, anchor: str, *, fill: str = "black", size: int | None = None
) -> str:
    more = "" if size is None else f' font-size="{size}"'
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{more}>'
        f"{escape(text)}</text>"
    )
