"""A circuit as a drawing in SVG, to stand inside a page."""

from __future__ import annotations

from html import escape

from qcompile.ir.circuit import AmplitudeState, Circuit, Gate, Probabilities
from qcompile.ir.circuit_text import gate_text, pauli_text
from qcompile.ir.gates import GATES
from qcompile.ir.svg_graph import drawing

MOST_COLUMNS = 60
"""What stands further to the right is left out, and counted."""
_DATA, _TRAINED, _FIXED = "#4c78a8", "#54a24b", "#888888"
_BOX, _STEP, _LINE, _LEFT = 38, 46, 34, 52


def circuit_svg(circuit: Circuit) -> str:
    """Wires from top to bottom, gates as early as they can act, the read-out at the end.

    Gates are blue where data are in their angles, green where trainable angles are (alone), else
    grey; the full gate is the title of its box.
    """
    columns = _columns(circuit)
    drawn = [(g, c) for g, c in zip(circuit.gates, columns, strict=True) if c < MOST_COLUMNS]
    end = _LEFT + _STEP * (max((c for _, c in drawn), default=-1) + 1)
    parts = []
    for qubit in range(circuit.qubits):
        y = _y(qubit)
        parts.append(
            f'<path d="M{_LEFT - 10} {y} H{end + 4}" stroke="currentColor" stroke-opacity="0.5"/>'
        )
    parts += _start(circuit)
    for gate, column in drawn:
        parts.append(_gate(gate, _LEFT + _STEP * column + _STEP // 2))
    left_out = len(circuit.gates) - len(drawn)
    texts = [*([f"… {left_out} more gates"] if left_out else []), *_readout(circuit)]
    for row, text in enumerate(texts):
        parts.append(_text(end + 10, _y(0) + 4 + 15 * row, text, "start"))
    width = end + 20 + 7 * max(len(text) for text in texts)
    height = max(_LINE * circuit.qubits, 15 * len(texts) + 10) + 10
    return drawing(width, height, parts)


def _columns(circuit: Circuit) -> list[int]:
    """The column of each gate; one that crosses wires needs those between as well."""
    free = [0] * circuit.qubits
    found = []
    for gate in circuit.gates:
        crossed = range(min(gate.qubits), max(gate.qubits) + 1)
        column = max(free[qubit] for qubit in crossed)
        for qubit in crossed:
            free[qubit] = column + 1
        found.append(column)
    return found


def _start(circuit: Circuit) -> list[str]:
    if isinstance(circuit.initial, AmplitudeState):
        initial = circuit.initial
        last = initial.offset + initial.width
        height = _LINE * (circuit.qubits - 1) + 24
        title = f"amplitudes x[{initial.offset}:{last}]"
        box = (
            f"<g><title>{escape(title)}</title>"
            f'<rect x="2" y="{_y(0) - 12}" width="{_LEFT - 12}" height="{height}" rx="3"'
            f' fill="{_DATA}" fill-opacity="0.3" stroke="{_DATA}"/>'
            f"{_text(_LEFT // 2 - 4, _y(0) + height // 2 - 8, f'x[{initial.width}]')}</g>"
        )
        return [box]
    return [_text(_LEFT - 14, _y(q) + 4, f"{q} |0⟩", "end") for q in range(circuit.qubits)]


def _gate(gate: Gate, x: int) -> str:
    colour = _colour(gate)
    inner = ""
    first, last = min(gate.qubits), max(gate.qubits)
    if first != last:
        inner += f'<path d="M{x} {_y(first)} V{_y(last)}" stroke="{colour}" stroke-width="1.5"/>'
    inner_gate = GATES[gate.name].controlled
    for position, qubit in enumerate(gate.qubits):
        if position == 0 and inner_gate:
            inner += f'<circle cx="{x}" cy="{_y(qubit)}" r="4" fill="{colour}"/>'
        else:
            inner += _box(x, _y(qubit), inner_gate or gate.name, colour)
    return f"<g><title>{escape(gate_text(gate))}</title>{inner}</g>"


def _colour(gate: Gate) -> str:
    if any(angle.data for angle in gate.angles):
        return _DATA
    return _TRAINED if any(angle.angles for angle in gate.angles) else _FIXED


def _box(x: int, y: int, text: str, colour: str) -> str:
    return (
        f'<rect x="{x - _BOX // 2}" y="{y - 11}" width="{_BOX}" height="22" rx="3"'
        f' fill="#ffffff" stroke="{colour}"/>'
        f'<rect x="{x - _BOX // 2}" y="{y - 11}" width="{_BOX}" height="22" rx="3"'
        f' fill="{colour}" fill-opacity="0.3"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="#000000">{escape(text)}</text>'
    )


def _readout(circuit: Circuit) -> list[str]:
    readout = circuit.readout
    if isinstance(readout, Probabilities):
        return [f"probabilities of {', '.join(map(str, readout.qubits))}"]
    shown = [f"⟨{pauli_text(pauli)}⟩" for pauli in readout.paulis[: circuit.qubits + 2]]
    more = len(readout.paulis) - len(shown)
    return [*shown, *([f"… {more} more"] if more else [])]


def _y(qubit: int) -> int:
    return 18 + _LINE * qubit


def _text(x: int, y: int, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
