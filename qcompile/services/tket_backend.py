"""Back ends of pytket, of whatever vendor: circuits with numbers, one for each binding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from qcompile.ir.bind import bind_circuit
from qcompile.qiskit.observables import measured_qubits
from qcompile.services.outcomes import Row
from qcompile.services.provider import JobRequest, Limits, Lost, Provider
from qcompile.tket.to_pytket import to_pytket


class TketProvider(Provider):
    """Circuits are compiled for the back end by its own pass, at pytket's level 1."""

    def __init__(self, backend: Any, name: str, *, seed: int) -> None:
        """Args:
        backend: A pytket Backend that gives counts.
        name: What messages call it.
        seed: Of its shots, where it takes one.
        """
        self.backend = backend
        self.name = name
        self.limits = Limits(bindings=100)
        self.seed = seed

    def submit(self, request: JobRequest, tag: str) -> str:
        circuits = [self._circuit(request, row) for row in request.bindings]
        compiled = self.backend.get_compiled_circuits(circuits, optimisation_level=1)
        self.seed += 1
        handles = self.backend.process_circuits(compiled, n_shots=request.shots, seed=self.seed)
        return json.dumps([str(handle) for handle in handles])

    def rows(self, job: str, request: JobRequest, timeout: float) -> Sequence[Row | None]:
        from pytket.backends.backend_exceptions import CircuitNotRunError
        from pytket.backends.resulthandle import ResultHandle

        width = len(measured_qubits(request.placed.circuit))
        try:
            handles = [ResultHandle.from_str(text) for text in json.loads(job)]
            return [
                _row(self.backend.get_result(handle, timeout=timeout), width) for handle in handles
            ]
        except CircuitNotRunError as error:
            raise Lost(str(error)) from None

    def _circuit(self, request: JobRequest, row: Any) -> Any:
        bound = bind_circuit(request.placed.circuit, data=row)
        circuit = to_pytket(bound)
        read = measured_qubits(request.placed.circuit)
        bits = circuit.add_c_register("c", len(read))
        for bit, qubit in enumerate(read):
            circuit.Measure(circuit.qubits[qubit], bits[bit])
        return circuit


def _row(result: Any, width: int) -> Row:
    from pytket.circuit import Bit

    counts = result.get_counts([Bit("c", bit) for bit in range(width)])
    codes = [sum(value << bit for bit, value in enumerate(outcome)) for outcome in counts]
    return Row(codes=np.array(codes, np.int64), weights=np.array(list(counts.values()), np.float64))
