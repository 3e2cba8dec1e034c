"""Hypothesis strategy: small circuits with data and trainable angles."""

from __future__ import annotations

import math
from typing import get_args

from hypothesis import strategies as st

from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    InitialState,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.gates import GATE_NAMES, GATES, PauliLetter

FACTORS = st.sampled_from((-2.0, -1.0, -0.5, 0.25, 0.5, 1.0, 1.5, 3.0))


@st.composite
def small_circuits(
    draw: st.DrawFn, *, data_width: int = 2, max_qubits: int = 3, max_gates: int = 8
) -> Circuit:
    """A circuit over the whole gate vocabulary; every trainable angle is used by some gate."""
    qubits = draw(st.integers(1, max_qubits))
    gates: list[Gate] = []
    used = 0
    names = tuple(name for name in GATE_NAMES if GATES[name].qubits <= qubits)
    for _ in range(draw(st.integers(0, max_gates))):
        name = draw(st.sampled_from(names))
        kind = GATES[name]
        wires = tuple(draw(st.permutations(range(qubits)))[: kind.qubits])
        angles = []
        for _ in range(kind.angles):
            expression, used = draw(_affine(data_width, used))
            angles.append(expression)
        gates.append(Gate(name=name, qubits=wires, angles=tuple(angles)))
    initial: InitialState = ZeroState()
    reach = min(data_width, 2**qubits)
    if reach and draw(st.booleans()):
        width = draw(st.integers(1, reach))
        offset = draw(st.integers(0, data_width - width))
        initial = AmplitudeState(offset=offset, width=width)
    return Circuit(
        qubits=qubits,
        data_width=data_width,
        angle_count=used,
        initial=initial,
        gates=tuple(gates),
        readout=draw(_readouts(qubits)),
    )


@st.composite
def _affine(draw: st.DrawFn, data_width: int, used: int) -> tuple[Affine, int]:
    """An angle, and how many trainable angles are in use after it."""
    constant = draw(st.sampled_from((0.0, 0.3, -1.2, math.pi)))
    data: tuple[tuple[int, float], ...] = ()
    angles: tuple[tuple[int, float], ...] = ()
    if data_width and draw(st.booleans()):
        data = ((draw(st.integers(0, data_width - 1)), draw(FACTORS)),)
    if draw(st.booleans()):
        index = draw(st.integers(0, used))
        used = max(used, index + 1)
        angles = ((index, draw(FACTORS)),)
    return Affine(constant=constant, data=data, angles=angles), used


@st.composite
def _readouts(draw: st.DrawFn, qubits: int) -> Readout:
    if draw(st.booleans()):
        count = draw(st.integers(1, qubits))
        return Probabilities(qubits=tuple(draw(st.permutations(range(qubits)))[:count]))
    paulis = []
    for _ in range(draw(st.integers(1, 3))):
        wires = draw(st.lists(st.integers(0, qubits - 1), unique=True, max_size=qubits))
        letter = st.sampled_from(get_args(PauliLetter))
        letters = tuple((wire, draw(letter)) for wire in sorted(wires))
        paulis.append(Pauli(letters=letters, sign=draw(st.sampled_from((1, -1)))))
    return Expectations(paulis=tuple(paulis))
