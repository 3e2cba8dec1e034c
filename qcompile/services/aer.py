"""Qiskit's simulator Aer: exact, by shots, and with the noise of a device on the qubits in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.services import ExactTooWide, NoTimes
from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Gate
from qcompile.ir.decompose import short_parts
from qcompile.ir.device import Device
from qcompile.ir.device_noise import untimed_gates
from qcompile.qiskit.observables import measured_qubits
from qcompile.qiskit.to_qiskit import name_of, to_qiskit
from qcompile.services.native import ordered, placed_native, read_places, with_measurements
from qcompile.services.outcomes import Errors, Row, dense_rows, with_errors
from qcompile.services.provider import Limits, Lost, Provider, Pub
from qcompile.services.schedule import decoupling_defect, scheduled
from qcompile.services.target import compact_target

DENSITY = 9
"""Most qubits of which a density matrix is kept: above, noise is sampled shot by shot."""

BOUND = (
    "h", "x", "y", "z", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "p", "cx", "cy",
    "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx",
)  # fmt: skip
"""What Aer gives values to in one run. It leaves controlled rotations without theirs (0.18), and
says nothing."""

KEPT = 64
"""Prepared circuits that are kept."""


class AerProvider(Provider):
    """Runs jobs at once, in this process.

    Without a device, and with one on few qubits, the probabilities of all outcomes are computed,
    and shots are drawn from them: the same distribution as by running every shot, and faster.
    Noise is what Aer makes of a calibration: depolarising and relaxation with every gate,
    relaxation while a qubit waits (gates as late as possible), and errors of reading.
    """

    limits = Limits(bindings=4096)
    exact = True
    remote = False

    def __init__(self, name: str, device: Device | None = None, *, seed: int = 0) -> None:
        """Args:
        name: What messages call it.
        device: Whose noise is simulated, as far as its calibration is known; None: no noise.
        seed: Of the shots.
        """
        self.name = name
        self.device = device
        self._drawn = np.random.default_rng(seed)
        self._prepared: dict[Placed, _Prepared] = {}
        self._done: dict[str, list[Row]] = {}

    def submit(self, pubs: Sequence[Pub], tag: str) -> str:
        self._done[tag] = [row for pub in pubs for row in self._pub_rows(pub)]
        return tag

    def _pub_rows(self, pub: Pub) -> Iterator[Row]:
        # The noise of a calibration knows no neighbours, so that copies are simulated one by one.
        found = [
            self._rows(placed, pub.bindings[:, number], pub.shots)
            for number, placed in enumerate(pub.copies)
        ]
        return (row for rows in zip(*found, strict=True) for row in rows)

    def _rows(
        self, placed: Placed, bindings: NDArray[np.float64], shots: int | None
    ) -> Sequence[Row]:
        prepared = self._prepare(placed)
        if prepared.dense:
            weights = prepared.probabilities(bindings)
            if shots is not None:
                weights = self._drawn.multinomial(shots, weights).astype(np.float64)
            return dense_rows(weights)
        assert shots is not None, "it was refused"
        return prepared.counts(bindings, shots, int(self._drawn.integers(2**31)))

    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        if job not in self._done:
            raise Lost("the simulator of an earlier process has ended")
        return self._done.pop(job)

    def refusal(self, placed: Placed, shots: int | None) -> Message | None:
        qubits = placed.circuit.qubits
        if shots is not None or self.device is None or placed.physical is None or qubits <= DENSITY:
            return None
        return ExactTooWide(service=self.name, qubits=qubits, most=DENSITY)

    def remarks(self, circuits: Iterable[Placed]) -> Iterator[Message]:
        device = self.device
        if device is None or not device.relaxation:
            return
        untimed = sorted(
            {
                name
                for placed in circuits
                if placed.physical is not None
                for name in untimed_gates(placed.circuit, placed.physical, device)
            }
        )
        if untimed:
            yield NoTimes(device=self.name, gates=tuple(untimed))

    def no_decoupling(self, placed: Placed) -> str:
        return decoupling_defect(placed, self.device)

    def read_errors(self, placed: Placed) -> Errors | None:
        if placed.physical is None or self.device is None or not self.device.readout_errors:
            return None
        return [self.device.readout_errors[qubit] for qubit in read_places(placed)]

    def _prepare(self, placed: Placed) -> _Prepared:
        if placed not in self._prepared:
            if len(self._prepared) >= KEPT:
                self._prepared.pop(next(iter(self._prepared)))
            self._prepared[placed] = _Prepared(placed, self.device, self.read_errors(placed))
        return self._prepared[placed]


class _Prepared:
    """A circuit for Aer, on the qubits in use."""

    def __init__(self, placed: Placed, device: Device | None, errors: Errors | None) -> None:
        from qiskit_aer import AerSimulator

        noisy = device is not None and placed.physical is not None
        self.qubits = placed.circuit.qubits
        self.read = measured_qubits(placed.circuit)
        self.errors = errors if noisy else None
        self.dense = not noisy or self.qubits <= DENSITY
        options: dict[str, Any] = {"method": "statevector"}
        if noisy:
            assert device is not None and placed.physical is not None
            small = compact_target(device, placed.physical)
            native = placed_native(placed, None)
            native = scheduled(native, small, decoupled=placed.decoupled)
            options["noise_model"] = _noise(small, None if self.dense else self._read_errors())
            if self.dense:
                options["method"] = "density_matrix"
        else:
            gates = tuple(_bound(placed.circuit.gates))
            native = to_qiskit(replace(placed.circuit, gates=gates))
        self.simulator = AerSimulator(**options)
        if self.dense:
            native.save_probabilities(list(self.read), label="read")
        else:
            native = with_measurements(native, self.read)
        self.circuit = native

    def _read_errors(self) -> dict[int, tuple[float, float]]:
        return dict(zip(self.read, self.errors or (), strict=False))

    def probabilities(self, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K, 2^q) of what is read."""
        found = np.stack([data["read"] for data in self._run(bindings, shots=1)])
        found = found.clip(min=0)
        found /= found.sum(1, keepdims=True)
        return found if self.errors is None else with_errors(found, self.errors)

    def counts(self, bindings: NDArray[np.float64], shots: int, seed: int) -> list[Row]:
        """Shot by shot."""
        rows = []
        for data in self._run(bindings, shots=shots, seed_simulator=seed):
            codes, weights = data["counts"].keys(), data["counts"].values()
            rows.append(
                Row(
                    codes=np.array([int(code, 16) for code in codes], np.int64),
                    weights=np.array(list(weights), np.float64),
                )
            )
        return rows

    def _run(self, bindings: NDArray[np.float64], **options: Any) -> list[Any]:
        """Aer's data for each binding."""
        parameters = self.circuit.parameters
        values = ordered(self.circuit, bindings)
        columns = {p: values[:, k].tolist() for k, p in enumerate(parameters)}
        job = self.simulator.run(
            self.circuit, parameter_binds=[columns] if columns else None, **options
        )
        result = job.result()
        if not result.success:
            raise RuntimeError(str(result.status))
        # A circuit without parameters has one binding, the empty one.
        return [result.data(k if columns else 0) for k in range(len(bindings))]


def _bound(gates: Iterable[Gate]) -> Iterator[Gate]:
    """Each gate that Aer gives no values to as its parts."""
    for gate in gates:
        if name_of(gate) in BOUND:
            yield gate
        else:
            yield from _bound(short_parts(gate))


def _noise(target: Any, reading: dict[int, tuple[float, float]] | None) -> Any:
    """Aer's model of a Target; read-out errors only where they are given."""
    from qiskit_aer.noise import NoiseModel, ReadoutError

    device = SimpleNamespace(
        version=2, target=target, operation_names=list(target.operation_names), dt=target.dt
    )
    model = NoiseModel.from_backend(device, readout_error=False)
    for qubit, (up, down) in (reading or {}).items():
        model.add_readout_error(ReadoutError([[1 - up, up], [down, 1 - down]]), [qubit])
    return model
