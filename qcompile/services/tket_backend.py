"""Back ends of pytket, of whatever vendor: circuits with numbers, one for each binding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from qcompile.executors.measured.service import Placed
from qcompile.ir.bind import bind_circuit
from qcompile.ir.device import Device
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.native import read_places
from qcompile.services.outcomes import Errors, Row
from qcompile.services.provider import Limits, Lost, Provider, Pub
from qcompile.services.side_by_side import bits_of, side_by_side
from qcompile.tket.to_pytket import to_pytket


class TketProvider(Provider):
    """Circuits that were routed for the back end run as they are; others, such as for back ends
    without couplings, are compiled by its own pass, at pytket's level 1.
    """

    def __init__(self, backend: Any, device: Device | None, name: str, *, seed: int) -> None:
        """Args:
        backend: A pytket Backend that gives counts.
        device: What circuits are routed for; its qubits are the nodes of the back end, sorted.
        name: What messages call it.
        seed: Of its shots, where it takes one.
        """
        self.backend = backend
        self.device = device
        self.name = name
        self.limits = Limits(bindings=100)
        self.seed = seed

    def submit(self, pubs: Sequence[Pub], tag: str) -> str:
        circuits = [
            self._circuit(placed, row.ravel())
            for pub in pubs
            for placed in (side_by_side(pub.copies),)
            for row in pub.bindings
        ]
        routed = pubs[0].copies[0].physical is not None
        if not routed or not all(map(self.backend.valid_circuit, circuits)):
            # What was routed is not made simpler: gates may be there for the sake of their noise.
            level = 0 if routed else 1
            circuits = self.backend.get_compiled_circuits(circuits, optimisation_level=level)
        self.seed += 1
        handles = self.backend.process_circuits(circuits, n_shots=pubs[0].shots, seed=self.seed)
        return json.dumps([str(handle) for handle in handles])

    def rows(self, job: str, pubs: Sequence[Pub], timeout: float) -> Sequence[Row | None]:
        from pytket.backends.backend_exceptions import CircuitNotRunError
        from pytket.backends.resulthandle import ResultHandle

        read = [bits for pub in pubs for bits in [bits_of(pub.copies)] * len(pub.bindings)]
        rows: list[Row | None] = []
        reason = ""
        for text, bits in zip(json.loads(job), read, strict=True):
            try:
                handle = ResultHandle.from_str(text)
                result = self.backend.get_result(handle, timeout=timeout)
                rows.extend(_row(result, own) for own in bits)
            except CircuitNotRunError as error:
                rows.extend([None] * len(bits))
                reason = str(error)
        if not any(rows):
            raise Lost(reason)
        return rows

    def read_errors(self, placed: Placed) -> Errors | None:
        if self.device is None or placed.physical is None or not self.device.readout_errors:
            return None
        return [self.device.readout_errors[qubit] for qubit in read_places(placed)]

    def _circuit(self, placed: Placed, row: Any) -> Any:
        bound = bind_circuit(placed.circuit, data=row)
        circuit = to_pytket(bound)
        read = measured_qubits(placed.circuit)
        bits = circuit.add_c_register("c", len(read))
        for bit, qubit in enumerate(read):
            circuit.Measure(circuit.qubits[qubit], bits[bit])
        if placed.physical is not None:
            nodes = sorted(self.backend.backend_info.architecture.nodes)
            places = [nodes[qubit] for qubit in placed.physical]
            circuit.rename_units(dict(zip(circuit.qubits, places, strict=True)))
        return circuit


def _row(result: Any, bits: Sequence[int]) -> Row:
    from pytket.circuit import Bit

    counts = result.get_counts([Bit("c", bit) for bit in bits])
    codes = [sum(value << bit for bit, value in enumerate(outcome)) for outcome in counts]
    return Row(codes=np.array(codes, np.int64), weights=np.array(list(counts.values()), np.float64))
