"""Hypothesis strategies for circuits over the whole gate vocabulary, with their inputs."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

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
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.matrices import PauliLetter

CONSTANTS = (0.0, math.pi, -math.pi / 2, math.pi / 4, 0.3, -1.7)
COEFFICIENTS = (1.0, -1.0, 0.5, 2.0)
LETTERS: tuple[PauliLetter, ...] = ("X", "Y", "Z")


@st.composite
def affines(draw: st.DrawFn, data_width: int, angle_count: int) -> Affine:
    """Constant, data-dependent, trainable and mixed angles; zero is among them."""
    kind = draw(st.sampled_from(("constant", "trainable", "data", "mixed")))
    data, angles = kind in ("data", "mixed"), kind in ("trainable", "mixed")
    return Affine(
        constant=draw(st.sampled_from(CONSTANTS)) if kind in ("constant", "mixed") else 0.0,
        data=draw(_terms(data_width)) if data else (),
        angles=draw(_terms(angle_count)) if angles else (),
    )


def _terms(count: int) -> st.SearchStrategy[tuple[tuple[int, float], ...]]:
    if count == 0:
        return st.just(())
    return st.dictionaries(
        st.integers(0, count - 1), st.sampled_from(COEFFICIENTS), min_size=1, max_size=2
    ).map(lambda terms: tuple(sorted(terms.items())))


@st.composite
def gates(
    draw: st.DrawFn,
    qubits: int,
    data_width: int,
    angle_count: int,
    names: tuple[GateName, ...] = GATE_NAMES,
) -> Gate:
    """One gate on distinct qubits, in any order."""
    name = draw(st.sampled_from(tuple(n for n in names if GATES[n].qubits <= qubits)))
    first = draw(st.integers(0, qubits - 1))
    wires: tuple[int, ...] = (first,)
    if GATES[name].qubits == 2:
        wires = (first, (first + draw(st.integers(1, qubits - 1))) % qubits)
    angles = tuple(draw(affines(data_width, angle_count)) for _ in range(GATES[name].angles))
    return Gate(name=name, qubits=wires, angles=angles)


@st.composite
def pauli_strings(draw: st.DrawFn, qubits: int) -> Pauli:
    """Signed strings, the identity among them."""
    letters = draw(st.dictionaries(st.integers(0, qubits - 1), st.sampled_from(LETTERS)))
    return Pauli(letters=tuple(sorted(letters.items())), sign=draw(st.sampled_from((1, 1, -1))))


@st.composite
def z_strings(draw: st.DrawFn, qubits: int) -> Pauli:
    """Strings of Z only, not the identity."""
    wires = draw(st.sets(st.integers(0, qubits - 1), min_size=1))
    return Pauli(letters=tuple((wire, "Z") for wire in sorted(wires)))


@st.composite
def any_readouts(draw: st.DrawFn, qubits: int, probabilities: bool = True) -> Readout:
    """Arbitrary Pauli strings, Z strings, or probabilities on qubits in any order."""
    kinds = ("paulis", "z", "probabilities") if probabilities else ("paulis", "z")
    kind = draw(st.sampled_from(kinds))
    if kind == "probabilities":
        order = draw(st.permutations(range(qubits)))
        return Probabilities(qubits=tuple(order[: draw(st.integers(1, min(qubits, 4)))]))
    strings = pauli_strings(qubits) if kind == "paulis" else z_strings(qubits)
    return Expectations(paulis=tuple(draw(st.lists(strings, min_size=1, max_size=4))))


@st.composite
def circuits(
    draw: st.DrawFn,
    *,
    max_qubits: int = 4,
    max_gates: int = 12,
    max_data: int = 4,
    data_width: int | None = None,
    max_angles: int = 4,
    amplitude: bool = True,
    probabilities: bool = True,
    names: tuple[GateName, ...] = GATE_NAMES,
) -> Circuit:
    """Circuits of 1 to `max_qubits` qubits, with data and trainable angles or without."""
    qubits = draw(st.integers(1, max_qubits))
    if data_width is None:
        data_width = draw(st.integers(0, max_data))
    angle_count = draw(st.integers(0, max_angles))
    initial: InitialState = ZeroState()
    if amplitude and data_width > 0 and draw(st.booleans()):
        width = draw(st.integers(1, min(data_width, 2**qubits)))
        initial = AmplitudeState(offset=draw(st.integers(0, data_width - width)), width=width)
    gate = gates(qubits, data_width, angle_count, names)
    return Circuit(
        qubits=qubits,
        data_width=data_width,
        angle_count=angle_count,
        initial=initial,
        gates=tuple(draw(st.lists(gate, max_size=max_gates))),
        readout=draw(any_readouts(qubits, probabilities)),
    )


def sample_inputs(
    circuit: Circuit, seed: int, batch: int = 2
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Random float64 data (batch, data_width), the last row zero for odd seeds, and angles."""
    generator = np.random.default_rng(seed)
    data = generator.normal(size=(batch, circuit.data_width))
    if seed % 2 == 1:
        data[-1] = 0.0
    return data, generator.uniform(-math.pi, math.pi, size=circuit.angle_count)


seeds: st.SearchStrategy[int] = st.integers(0, 2**16)
"""Seeds for `sample_inputs`."""
