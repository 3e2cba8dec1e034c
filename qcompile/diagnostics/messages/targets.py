"""QA2xxx: the fields of targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label, Severity
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownField(Message):
    """A field that a target or record does not have."""

    code: ClassVar[str] = "QA2301"
    title: ClassVar[str] = "{owner} has no field `{name}`"
    label: ClassVar[str] = "unknown field"
    explanation: ClassVar[str] = """
    Targets have the fields device, dtype, shots, noise, optimise, mitigate and evaluator;
    noise has one_qubit, two_qubit and readout.

    Erroneous:  target t { shot: 4096 }
    Corrected:  target t { shots: 4096 }
    """

    owner: str
    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTwice(Message):
    """One field given twice."""

    code: ClassVar[str] = "QA2302"
    title: ClassVar[str] = "field `{name}` is given twice"
    label: ClassVar[str] = "given again"
    explanation: ClassVar[str] = """
    Every field has one value.

    Erroneous:  target t { shots: 1024, shots: 4096 }
    Corrected:  target t { shots: 4096 }
    """

    name: str
    first: Span | None = None

    def secondary(self) -> tuple[Label, ...]:
        return () if self.first is None else (Label(self.first, "first given here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDevice(Message):
    """Something that names no device."""

    code: ClassVar[str] = "QA2303"
    title: ClassVar[str] = "{found} is no device"
    label: ClassVar[str] = "expected a name or a coupling map"
    help: ClassVar[str | None] = (
        'write the name of a device in quotes, such as "fake_torino", or line(n), '
        "ring(n), grid(rows, columns), full(n), coupling([(0, 1), …])"
    )
    explanation: ClassVar[str] = """
    A device is known by name, or given as an ideal coupling map.

    Erroneous:  target t { device: fake_torino }
    Corrected:  target t { device: "fake_torino" }
    """

    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCoupling(Message):
    """A coupling that joins a qubit with itself, or no coupling at all."""

    code: ClassVar[str] = "QA2304"
    title: ClassVar[str] = "{reason}"
    label: ClassVar[str] = "not a coupling"
    explanation: ClassVar[str] = """
    Couplings join two different qubits, counted from 0.

    Erroneous:  target t { device: coupling([(0, 0)]) }
    Corrected:  target t { device: coupling([(0, 1)]) }
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToMitigate(Message):
    """Read-out mitigation without read-out errors."""

    code: ClassVar[str] = "QA2305"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "target `{name}` mitigates read-out errors but has none"
    label: ClassVar[str] = "has no effect"
    help: ClassVar[str | None] = "add `noise: {{ readout: … }}` or a device that has a noise model"
    explanation: ClassVar[str] = """
    `mitigate: readout` undoes the read-out errors of the noise model or of the device.

    Erroneous:  target t { mitigate: readout }
    Corrected:  target t { mitigate: readout, noise: { readout: 2pct } }
    """

    name: str
