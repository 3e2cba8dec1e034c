"""Back ends of Qiskit by its SamplerV2: jobs of PUBs, and BackendV2 objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any

import numpy as np

from qcompile.executors.measured.service import Placed
from qcompile.ir.device import Device
from qcompile.services.native import (
    REGISTER,
    on_places,
    ordered,
    placed_native,
    read_places,
    with_measurements,
)
from qcompile.services.outcomes import Errors, Row
from qcompile.services.provider import Limits, Lost, Provider, Pub
from qcompile.services.schedule import decoupling_defect, scheduled
from qcompile.services.side_by_side import bits_of, side_by_side
from qcompile.services.target import compact_target, sample_of


class SamplerProvider(Provider):
    """PUBs for a SamplerV2 of Qiskit: each a circuit with all its bindings."""

    def __init__(self, backend: Any, device: Device | None, name: str, limits: Limits) -> None:
        """Args:
        backend: A BackendV2.
        device: What circuits are routed for; None: the back end couples all qubits.
        name: What messages call it.
        limits: Of a job.
        """
        self.backend = backend
        self.device = device
        self.name = name
        self.limits = limits

    @abstractmethod
    def sampler(self, tag: str, *, decoupled: bool) -> Any:
        """A SamplerV2 whose jobs bear the tag, where jobs have tags.

        Args:
            tag: Of a job.
            decoupled: Qubits that wait are decoupled, where that is an option of the sampler.
        """

    def submit(self, pubs: Sequence[Pub], tag: str) -> str:
        sampler = self.sampler(tag, decoupled=pubs[0].copies[0].decoupled)
        return self.keep(sampler.run([self._pub(pub) for pub in pubs]))

    def keep(self, job: Any) -> str:
        """The id of a job that was handed in."""
        return str(job.job_id())

    def read_errors(self, placed: Placed) -> Errors | None:
        if self.device is None or placed.physical is None or not self.device.readout_errors:
            return None
        return [self.device.readout_errors[qubit] for qubit in read_places(placed)]

    def native(self, placed: Placed) -> Any:
        """A routed circuit on the qubits of the back end."""
        return placed_native(placed, self.backend.num_qubits)

    def _pub(self, pub: Pub) -> tuple[Any, Any, int]:
        placed = side_by_side(pub.copies)
        if self.device is None:
            from qiskit import transpile

            native = with_measurements(placed_native(placed, None), read_places(placed))
            native = transpile(native, self.backend, optimization_level=0)
        else:
            native = self.native(placed)
            native = with_measurements(native, read_places(placed))
        assert pub.shots is not None
        bindings = pub.bindings.reshape(len(pub.bindings), placed.circuit.data_width)
        return native, ordered(native, bindings), pub.shots


class BackendProvider(SamplerProvider):
    """Any BackendV2 with `run`. Its jobs are those of this process."""

    def __init__(self, backend: Any, device: Device | None, *, seed: int) -> None:
        name = backend.name or type(backend).__name__
        most = getattr(backend, "max_shots", None)
        limits = Limits(bindings=1000, circuit_shots=most if isinstance(most, int) else None)
        super().__init__(backend, device, name, limits)
        self.seed = seed
        self._jobs: dict[str, Future[Any]] = {}

    def sampler(self, tag: str, *, decoupled: bool) -> Any:
        from qiskit.primitives import BackendSamplerV2

        options = {}
        if hasattr(self.backend.options, "seed_simulator"):
            self.seed += 1
            options["seed_simulator"] = self.seed
        return BackendSamplerV2(backend=self.backend, options=options)

    def native(self, placed: Placed) -> Any:
        if not placed.decoupled:
            return super().native(placed)
        assert self.device is not None and placed.physical is not None
        small = compact_target(self.device, placed.physical, self.backend.target.pulse_alignment)
        native = scheduled(placed_native(placed, None), small, decoupled=True)
        return on_places(native, placed.physical, self.backend.num_qubits)

    def no_decoupling(self, placed: Placed) -> str:
        if "delay" not in self.backend.operation_names:
            return super().no_decoupling(placed)
        if self.device is not None and self.device.dt != sample_of(self.device):
            return "`decoupling` needs durations that are multiples of the back end's dt"
        return decoupling_defect(placed, self.device)

    def keep(self, job: Any) -> str:
        name = super().keep(job)
        self._jobs[name] = _awaited(job)
        return name

    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        if job not in self._jobs:
            raise Lost("a job of an earlier process has ended with it")
        awaited = self._jobs[job]
        if not wait((awaited,), timeout).done:
            raise TimeoutError
        failed = awaited.exception()
        if failed is not None:
            del self._jobs[job]
            raise Lost(str(failed).strip() or type(failed).__name__)
        found = list(pub_rows(awaited.result(), pubs))
        del self._jobs[job]
        return found


def _awaited(job: Any) -> Future[Any]:
    """The result of a job whose own `result` has no limit of time."""
    future: Future[Any] = Future()

    def wait_for() -> None:
        try:
            future.set_result(job.result())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=wait_for, daemon=True).start()
    return future


def pub_rows(result: Any, pubs: Sequence[Pub]) -> Iterator[Row]:
    """The counts of a sampler's result, of each PUB a row for each copy under each binding.

    Raises:
        ValueError: It has none.
    """
    for index, pub in enumerate(pubs):
        try:
            bits = result[index].data[REGISTER]
        except (AttributeError, IndexError, KeyError, TypeError):
            raise ValueError("a result has no counts of what was measured") from None
        copies = [bits.slice_bits(own) for own in bits_of(pub.copies)]
        for binding in np.ndindex(bits.shape):
            for copy in copies:
                counts = copy.get_int_counts(binding)
                yield Row(
                    codes=np.array(list(counts), np.int64),
                    weights=np.array(list(counts.values()), np.float64),
                )
