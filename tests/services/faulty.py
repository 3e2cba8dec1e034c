"""A device in the cloud with faults: it has its own memory, which a killed run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from qcompile.executors.constants import Constants
from qcompile.executors.measured.service import Placed
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities, ZeroState
from qcompile.ir.plan import StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.outcomes import Row, dense_rows
from qcompile.services.provider import Limits, Lost, Provider, Pub


class Killed(BaseException):
    """The process ends."""


@dataclass
class Cloud:
    """What the device's owner remembers, and bills."""

    jobs: dict[str, tuple[Pub, ...]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def circuits(self) -> int:
        """All that were paid for."""
        return sum(len(pub.bindings) * len(pub.copies) for pub in self.pubs)

    @property
    def pubs(self) -> list[Pub]:
        """The parts of all jobs."""
        return [pub for pubs in self.jobs.values() for pub in pubs]


class Faulty(Provider):
    """Raises what a test plans for a step, and changes what it returns."""

    exact = True

    def __init__(
        self,
        cloud: Cloud,
        *,
        bindings: int = 3,
        tagged: bool = True,
        limits: Limits | None = None,
    ) -> None:
        self.name = "cloud"
        self.limits = limits or Limits(bindings=bindings)
        self.cloud = cloud
        self.tagged = tagged
        self.steps: dict[str, list[Exception | BaseException | None]] = {}
        """What is raised at the next times a step is reached: `submit`, `accepted`, `rows`,
        `ready`."""
        self.change: Callable[[list[Row | None]], Sequence[Row | None]] | None = None

    def submit(self, pubs: Sequence[Pub], tag: str) -> str:
        self._step("submit")
        job = f"job{len(self.cloud.jobs)}"
        self.cloud.jobs[job] = tuple(pubs)
        self.cloud.tags[tag] = job
        self._step("accepted")
        return job

    def find(self, tag: str) -> str | None:
        return self.cloud.tags.get(tag) if self.tagged else None

    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        self._step("rows")
        if job not in self.cloud.jobs:
            raise Lost(f"no job {job}")
        rows: list[Row | None] = [row for pub in pubs for row in exact_rows(pub)]
        self._step("ready")
        return rows if self.change is None else self.change(rows)

    def _step(self, name: str) -> None:
        planned = self.steps.get(name)
        error = planned.pop(0) if planned else None
        if error is not None:
            raise error


def exact_rows(pub: Pub) -> list[Row]:
    """Probabilities, by the simulator; counts where shots are asked for, as near as integers."""
    circuit = pub.copies[0].circuit
    read = Circuit(
        qubits=circuit.qubits,
        data_width=circuit.data_width,
        angle_count=0,
        initial=circuit.initial,
        gates=circuit.gates,
        readout=Probabilities(qubits=measured_qubits(circuit)[::-1]),
    )
    evaluation = StatevectorEvaluation(circuit=read)
    evaluator = executor_of(evaluation).build(evaluation, DEFAULT_TARGET, Constants())
    with torch.no_grad():
        found = evaluator(torch.from_numpy(pub.bindings).flatten(0, 1), None).numpy()
    if pub.shots is not None:
        drawn = np.random.default_rng(0)
        found = drawn.multinomial(pub.shots, found / found.sum(1, keepdims=True)).astype(float)
    return dense_rows(found)


def turned(outputs: int = 2) -> Placed:
    """Two qubits, each turned by a slot, entangled; ⟨Z⟩ of each, or of both together."""
    slots = [Affine(data=((k, 1.0),)) for k in range(2)]
    strings = [Pauli(letters=((q, "Z"),)) for q in range(2)][:outputs]
    return Placed(
        circuit=Circuit(
            qubits=2,
            data_width=2,
            angle_count=0,
            initial=ZeroState(),
            gates=(
                Gate(name="ry", qubits=(0,), angles=(slots[0],)),
                Gate(name="ry", qubits=(1,), angles=(slots[1],)),
                Gate(name="cx", qubits=(0, 1)),
            ),
            readout=Expectations(paulis=tuple(strings)),
        )
    )


def expected(bindings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of `turned`."""
    first, second = np.cos(bindings).T
    return np.stack((first, first * second), 1)
