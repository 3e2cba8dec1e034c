"""What a compilation is for: simulator options, a device, noise, the objective of routing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from qcompile.diagnostics.source import Span
from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.limits import DEFAULT_BOND

DType = Literal["float32", "float64"]
Objective = Literal["gates", "depth", "fidelity"]

Validation = Literal["none", "show", "choose"]
"""What a simulation of the device's noise is for: nothing, figures, or to choose a candidate."""

IDEAL_GATES = ("rz", "sx", "x", "cz")
"""Of devices that are coupling maps and nothing else."""


CERTAIN = 1e-6
"""By how much two probabilities of reading 1 have to differ, for the errors to be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseModel:
    """Local depolarising noise after every gate and classical read-out error.

    Depolarising with probability p on k qubits: ρ → (1 - p) ρ + p · 1/2^k ⊗ tr_k ρ.
    """

    UNTAGGED: ClassVar[bool] = True
    """Files of version 0.1 know no other noise."""

    one_qubit: float = 0.0
    two_qubit: float = 0.0
    readout: tuple[float, float] = (0.0, 0.0)
    """(P(read 1 | is 0), P(read 0 | is 1)), the same on every qubit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedNoise:
    """That of the target's device on the routed circuit, by the device's calibration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDevice:
    """A device known by name, such as "fake_torino", or in a file, such as "torino.json"."""

    name: str
    file: str | None = field(default=None, compare=False, repr=False)
    """The path of the file; `name` is how it was named."""

    @classmethod
    def called(cls, name: str, folder: str = "") -> NamedDevice:
        """A name that ends in `.json` is a file, relative to `folder`."""
        if not name.endswith(".json"):
            return cls(name=name)
        return cls(name=name, file=os.path.normpath(os.path.join(folder, name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CouplingDevice:
    """An ideal device given by its coupling map."""

    qubits: int
    edges: tuple[tuple[int, int], ...]
    """Undirected, each as (smaller, larger), sorted, without repeats."""
    label: str
    """As written: `line(5)`, `grid(2, 3)`, …"""
    native: tuple[str, ...] = field(default=IDEAL_GATES, metadata=ADDED_LATER)
    """Names of gates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """How many copies of a circuit may run side by side on a device, and where."""

    most: int | None = None
    """The circuit itself included; None: as many as there are places for."""
    tolerance: float = 0.1
    """By how much the predicted error of a place may be above that of the circuit's own place, as
    a share of it."""


RunMitigation = Literal["zne", "twirling", "decoupling"]
"""What acts where circuits run on a device, and not in torch."""

MITIGATIONS = ("readout", "zne", "twirling", "decoupling")


DeviceChoice = NamedDevice | CouplingDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One `target` of a file."""

    name: str
    device: DeviceChoice | None = None
    dtype: DType = "float32"
    shots: int | None = None
    """Shots per expectation value in simulation, drawn from torch's generator; None: exact."""
    noise: NoiseModel | CalibratedNoise | None = None
    optimise: Objective = "gates"
    mitigate: Literal["none", "readout"] = "none"
    mitigate_runs: tuple[RunMitigation, ...] = field(default=(), metadata=ADDED_LATER)
    evaluator: str = "auto"
    """`auto`, or the name of an executor."""
    bond: int = field(default=DEFAULT_BOND, metadata=ADDED_LATER)
    """The largest bond dimension of matrix product states."""
    run: Literal["simulator", "device"] = field(default="simulator", metadata=ADDED_LATER)
    """Where `CompiledAdapter.on()` and `qcompile run` let circuits run, unless told otherwise."""
    copies: Copies | None = field(default=None, metadata=ADDED_LATER)
    """Side by side where circuits run on the device; None: as the service does by itself."""
    span: Span | None = field(default=None, compare=False, repr=False)
    places: tuple[tuple[str, Span], ...] = field(default=(), compare=False, repr=False)
    """Where the values of its fields are written."""

    @property
    def mitigations(self) -> tuple[str, ...]:
        """All that `mitigate` names."""
        return (*(("readout",) if self.mitigate == "readout" else ()), *self.mitigate_runs)

    @property
    def item_bytes(self) -> int:
        """Of one real number in the dtype of computation."""
        return 8 if self.dtype == "float64" else 4

    def is_written(self, name: str) -> bool:
        """Whether the field stands in the source."""
        return name in dict(self.places)

    def place(self, name: str) -> Span | None:
        """Where the value of a field is written; the whole target where it is not."""
        return dict(self.places).get(name, self.span)


DEFAULT_TARGET = Target(name="simulator")


def can_be_undone(errors: tuple[float, float]) -> bool:
    """Whether what is read depends on the state: (P(read 1 | is 0), P(read 0 | is 1)) that add up
    to 1 leave nothing of it."""
    return abs(1.0 - sum(errors)) > CERTAIN
