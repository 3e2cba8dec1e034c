"""The circuits that are compiled: an encoding, layers with an entangler, ⟨Z⟩ on every qubit.

Angles are small, as those of a freshly trained adapter; data lie between 0 and π/2. `LIBRARY` has
circuits as MQT Bench (arXiv:2204.13719) makes them, without data, and with angles from 0 to 2π;
`MQT` those of mqt.json, MQT Bench's own, with their own measurements.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.gates import GateName
from qcompile.ir.light_cone import observables

SMALL, LARGE = 4, 16
"""Circuits of so few qubits have eight bindings, so that no single one decides; of the others those
of at most eight qubits and so many qubits times layers have three, the rest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One circuit of the benchmark, and the values that it is run with."""

    family: str
    qubits: int
    depth: int
    circuit: Circuit
    angles: tuple[float, float]
    """Between which they are drawn."""

    @property
    def measured(self) -> tuple[int, ...]:
        """The qubits whose ⟨Z⟩ are the outputs."""
        return tuple(pauli.letters[0][0] for pauli in observables(self.circuit.readout))

    @property
    def name(self) -> str:
        return f"{self.family} {self.qubits}x{self.depth}"

    def bindings(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(data, angles), drawn from the case's name."""
        large = 3 if self.qubits <= 8 and self.qubits * self.depth <= LARGE else 1
        count = 8 if self.qubits <= SMALL else large
        for index in range(count if self.circuit.data_width or self.circuit.angle_count else 1):
            drawn = np.random.default_rng(zlib.crc32(f"{self.name} {index}".encode()))
            data = drawn.uniform(0, np.pi / 2, self.circuit.data_width)
            yield data, drawn.uniform(*self.angles, self.circuit.angle_count)


class _Builder:
    def __init__(self, qubits: int) -> None:
        self.qubits = qubits
        self.gates: list[Gate] = []
        self.angles = 0

    def encode(self) -> None:
        for qubit in range(self.qubits):
            angle = Affine(data=((qubit, 1.0),))
            self.gates.append(Gate(name="ry", qubits=(qubit,), angles=(angle,)))

    def turn(self, *names: GateName) -> None:
        for name in names:
            for qubit in range(self.qubits):
                self.trained(name, qubit)

    def trained(self, name: GateName, *qubits: int) -> None:
        angle = Affine(angles=((self.angles, 1.0),))
        self.gates.append(Gate(name=name, qubits=qubits, angles=(angle,)))
        self.angles += 1

    def pair(self, name: GateName, first: int, second: int) -> None:
        self.gates.append(Gate(name=name, qubits=(first, second)))


def _ring(build: _Builder, depth: int) -> None:
    build.encode()
    for _ in range(depth):
        build.turn("ry", "rz")
        for qubit in range(build.qubits):
            build.pair("cx", qubit, (qubit + 1) % build.qubits)


def _brick(build: _Builder, depth: int) -> None:
    build.encode()
    for _ in range(depth):
        build.turn("ry", "rz")
        for start in (0, 1):
            for qubit in range(start, build.qubits - 1, 2):
                build.pair("cz", qubit, qubit + 1)


def _full(build: _Builder, depth: int) -> None:
    build.encode()
    for _ in range(depth):
        build.turn("ry", "rz")
        for first in range(build.qubits):
            for second in range(first + 1, build.qubits):
                build.pair("cx", first, second)


def _strong(build: _Builder, depth: int) -> None:
    """Schuld et al. 2018, arXiv:1804.00633, with PennyLane's default ranges."""
    build.encode()
    for layer in range(depth):
        for qubit in range(build.qubits):
            for name in ("rz", "ry", "rz"):
                build.trained(name, qubit)
        step = layer % (build.qubits - 1) + 1
        for qubit in range(build.qubits):
            build.pair("cx", qubit, (qubit + step) % build.qubits)


def _uploading(build: _Builder, depth: int) -> None:
    """The circuit of examples/qtha.qa, arXiv:2503.12790."""
    for _ in range(depth):
        build.encode()
        for step in (1, -1):
            for qubit in range(build.qubits):
                build.trained("crz", qubit, (qubit + step) % build.qubits)
            build.turn("ry")


FAMILIES: dict[str, Callable[[_Builder, int], None]] = {
    "ring": _ring,
    "brick": _brick,
    "full": _full,
    "strong": _strong,
    "qtha": _uploading,
}


def _su2(build: _Builder, depth: int) -> None:
    """`su2random`: Qiskit's EfficientSU2 with reverse linear entanglement."""
    build.turn("ry", "rz")
    for _ in range(depth):
        _reverse_linear(build)
        build.turn("ry", "rz")


def _real_amplitudes(build: _Builder, depth: int) -> None:
    """`realamprandom`: Qiskit's RealAmplitudes with reverse linear entanglement."""
    build.turn("ry")
    for _ in range(depth):
        _reverse_linear(build)
        build.turn("ry")


def _reverse_linear(build: _Builder) -> None:
    for qubit in reversed(range(build.qubits - 1)):
        build.pair("cx", qubit, qubit + 1)


LIBRARY: dict[str, Callable[[_Builder, int], None]] = {
    "su2": _su2,
    "real": _real_amplitudes,
}


MQT_FILE = Path(__file__).with_name("mqt.json")


def mqt_cases() -> Iterator[Case]:
    """Circuits of MQT Bench; `mqt_circuits.py` writes the file."""
    for name, entry in json.loads(MQT_FILE.read_text("utf-8")).items():
        gates = tuple(
            Gate(name=gate, qubits=tuple(qubits), angles=tuple(Affine(constant=a) for a in angles))
            for gate, qubits, angles in entry["gates"]
        )
        circuit = Circuit(
            qubits=entry["qubits"],
            data_width=0,
            angle_count=0,
            initial=ZeroState(),
            gates=gates,
            readout=Expectations(
                paulis=tuple(Pauli(letters=((q, "Z"),)) for q in entry["measured"])
            ),
        )
        family = f"mqt-{name.split()[0]}"
        yield Case(
            family=family, qubits=entry["qubits"], depth=1, circuit=circuit, angles=(0.0, 0.0)
        )


def case(family: str, qubits: int, depth: int) -> Case:
    build = _Builder(qubits)
    (FAMILIES | LIBRARY)[family](build, depth)
    circuit = Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=build.angles,
        initial=ZeroState(),
        gates=tuple(build.gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((q, "Z"),)) for q in range(qubits))),
    )
    angles = (0.0, 2 * np.pi) if family in LIBRARY else (-0.4, 0.4)
    return Case(family=family, qubits=qubits, depth=depth, circuit=circuit, angles=angles)
