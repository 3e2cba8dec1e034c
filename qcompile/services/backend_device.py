"""What a BackendV2 of Qiskit says of its qubits and gates, as a device of ours."""

from __future__ import annotations

from typing import Any

from qcompile.backends.devices.measured import MeasuredDevice, working_device
from qcompile.ir.device import Device, NativeGate
from qcompile.ir.gates import GATES


def device_of_backend(backend: Any) -> Device | None:
    """The device; None where all qubits are coupled, so that nothing has to be routed.

    Read-out errors come from `properties()` where the back end has it, since a Target holds the
    mean of the two errors of a qubit alone.

    Raises:
        CompileError: QA4204 where no qubit works.
    """
    target = backend.target
    if target is None or target.num_qubits is None or target.build_coupling_map() is None:
        return None
    names = {kind.qiskit or name: name for name, kind in GATES.built_in.items()}
    gates = []
    for operation in target.operation_names:
        if operation not in names:
            continue
        for qubits, properties in target[operation].items():
            gates.append(
                NativeGate(
                    name=names[operation],
                    qubits=tuple(qubits),
                    error=getattr(properties, "error", None),
                    duration=getattr(properties, "duration", None),
                )
            )
    measure = target["measure"] if "measure" in target.operation_names else {}
    places = [measure.get((qubit,)) for qubit in range(target.num_qubits)]
    relaxation = target.qubit_properties or ()
    return working_device(
        MeasuredDevice(
            name=str(backend.name),
            qubits=target.num_qubits,
            gates=tuple(gates),
            readout_errors=_reading(backend, places),
            readout_durations=tuple(getattr(place, "duration", None) for place in places),
            relaxation=tuple((qubit.t1, qubit.t2) for qubit in relaxation),
            dt=target.dt,
        )
    )


def _reading(backend: Any, places: list[Any]) -> tuple[tuple[float, float] | None, ...]:
    """Per qubit (P(read 1 | is 0), P(read 0 | is 1)); None where it is as bad as guessing."""
    found: list[tuple[float, float] | None] = []
    try:
        qubits = backend.properties().qubits
    except Exception:
        # Not every back end has them.
        qubits = [()] * len(places)
    for entries, place in zip(qubits, places, strict=False):
        rates = {str(entry.name): float(entry.value) for entry in entries}
        error = getattr(place, "error", None)
        up = rates.get("prob_meas1_prep0", error)
        down = rates.get("prob_meas0_prep1", error)
        good = up is not None and down is not None and up >= 0 and down >= 0 and up + down < 1
        found.append((up, down) if good and up is not None and down is not None else None)
    return tuple(found)
