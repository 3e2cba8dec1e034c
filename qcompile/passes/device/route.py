"""Circuits onto devices: native gates, placed and routed by pytket.

Routing by LexiRoute (Cowtan et al. 2019, arXiv:1902.08091, as developed further in pytket). Each
angle travels through pytket as one symbol of its own, so that it comes back exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import (
    CircuitLargerThanDevice,
    DeviceNotSupported,
    NoErrorRates,
    StateNotRouted,
)
from qcompile.diagnostics.source import Span
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    Readout,
)
from qcompile.ir.decompose import Entangler
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.target import Objective
from qcompile.passes.device.native import couplings_among, region, usable_qubits
from qcompile.passes.device.native_gates import to_native
from qcompile.passes.device.place import Placement, placements
from qcompile.passes.device.score import rank
from qcompile.passes.device.swaps import absorb_swaps


def route(
    circuit: Circuit,
    device: Device,
    objective: Objective,
    *,
    remark: Callable[[Message], None],
    span: Span | None = None,
) -> RoutedCircuit | None:
    """Write a circuit in native gates on couplings of the device; the best of several placements.

    Gates rz, sx, x and one of cz, cx; angles stay affine; a global phase is dropped. None, with
    a remark, for a circuit whose initial state has no gates. `span` is what diagnostics point at.

    Raises CompileError where the circuit does not fit or the device lacks these gates.
    """
    if isinstance(circuit.initial, AmplitudeState):
        remark(StateNotRouted(device=device.name, span=span))
        return None
    usable = len(usable_qubits(device))
    if circuit.qubits > usable:
        raise CompileError(
            CircuitLargerThanDevice(
                qubits=circuit.qubits, device=device.name, usable=usable, span=span
            )
        )
    _require_native_gates(device, span)
    if objective == "fidelity" and not device.gate_errors:
        remark(NoErrorRates(device=device.name, span=span))
        objective = "gates"
    return _best(circuit, device, objective)


@lru_cache(maxsize=64)
def _best(circuit: Circuit, device: Device, objective: Objective) -> RoutedCircuit:
    """Pure, and asked for the same circuit once for every module of a model."""
    entangler: Entangler = "cx" if "cz" not in device.native and "cx" in device.native else "cz"
    kept, wires = absorb_swaps(circuit.gates, circuit.qubits)
    gates = to_native(kept, circuit.qubits, entangler)
    candidates = _candidates(gates, wires, circuit, device, entangler)
    return min(candidates, key=lambda routed: rank(routed, device, objective))


def _require_native_gates(device: Device, span: Span | None) -> None:
    native = set(device.native)
    if not {"rz", "sx", "x"} <= native or (device.qubits > 1 and not {"cz", "cx"} & native):
        raise CompileError(DeviceNotSupported(name=device.name, gates=device.native, span=span))


def _candidates(
    gates: tuple[Gate, ...],
    wires: tuple[int, ...],
    circuit: Circuit,
    device: Device,
    entangler: Entangler,
) -> list[RoutedCircuit]:
    if not any(len(gate.qubits) == 2 for gate in gates):
        where = region(device, circuit.qubits, "errors")
        return [_compact(_on(gates, where), where, where, wires, circuit, device)]
    from qcompile.tket.to_pytket import gates_to_pytket

    named, angles = _with_own_symbols(gates)
    source = gates_to_pytket(circuit.qubits, named)
    results = []
    for placement in placements(source, gates, device):
        routed, final = _routed(source, placement, device)
        restored = _with_angles(routed, angles)
        native = to_native(restored, device.qubits, entangler)
        results.append(_compact(native, placement[0], final, wires, circuit, device))
    return results


def _with_own_symbols(gates: tuple[Gate, ...]) -> tuple[tuple[Gate, ...], tuple[Affine, ...]]:
    """Replace the j-th angle of all gates by the plain trainable angle j."""
    angles: list[Affine] = []
    named: list[Gate] = []
    for gate in gates:
        symbols = tuple(
            Affine(angles=((len(angles) + offset, 1.0),)) for offset in range(len(gate.angles))
        )
        angles += gate.angles
        named.append(Gate(name=gate.name, qubits=gate.qubits, angles=symbols))
    return tuple(named), tuple(angles)


def _with_angles(gates: tuple[Gate, ...], angles: tuple[Affine, ...]) -> tuple[Gate, ...]:
    restored: list[Gate] = []
    for gate in gates:
        values = []
        for symbolic in gate.angles:
            value = Affine(constant=symbolic.constant)
            for index, factor in symbolic.angles:
                value = value.plus(angles[index].times(factor))
            values.append(value)
        restored.append(Gate(name=gate.name, qubits=gate.qubits, angles=tuple(values)))
    return tuple(restored)


def _routed(
    source: object, placement: Placement, device: Device
) -> tuple[tuple[Gate, ...], tuple[int, ...]]:
    """Gates on physical qubits, and the physical qubit on which each qubit ends."""
    from pytket.architecture import Architecture
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import Node, Qubit
    from pytket.passes import RoutingPass
    from pytket.placement import Placement as Placing
    from pytket.predicates import CompilationUnit

    from qcompile.tket.from_pytket import gates_from_pytket

    assert isinstance(source, TketCircuit)
    where, field = placement
    circuit = source.copy()
    Placing.place_with_map(
        circuit, {Qubit(index): Node(physical) for index, physical in enumerate(where)}
    )
    unit = CompilationUnit(circuit)
    RoutingPass(Architecture(list(couplings_among(device, field)))).apply(unit)
    numbering = {qubit: qubit.index[0] for qubit in unit.circuit.qubits}
    # Spare qubits that routing swaps in have entries of a register of their own, whose indices
    # are not those of the device.
    final = tuple(unit.final_map[Node(physical)].index[0] for physical in where)
    return gates_from_pytket(unit.circuit, numbering), final


def _compact(
    gates: tuple[Gate, ...],
    initial: tuple[int, ...],
    final: tuple[int, ...],
    wires: tuple[int, ...],
    circuit: Circuit,
    device: Device,
) -> RoutedCircuit:
    """Renumber the physical qubits in use, and read where the logical qubits end."""
    used = {*initial, *final, *(qubit for gate in gates for qubit in gate.qubits)}
    physical = tuple(sorted(used))
    number = {qubit: index for index, qubit in enumerate(physical)}
    ends = tuple(number[final[wire]] for wire in wires)
    return RoutedCircuit(
        device=device.name,
        circuit=Circuit(
            qubits=len(physical),
            data_width=circuit.data_width,
            angle_count=circuit.angle_count,
            initial=circuit.initial,
            gates=_on(gates, number),
            readout=_moved(circuit.readout, ends),
        ),
        physical=physical,
        initial=tuple(number[qubit] for qubit in initial),
        final=ends,
    )


def _on(gates: tuple[Gate, ...], place: Mapping[int, int] | Sequence[int]) -> tuple[Gate, ...]:
    return tuple(
        Gate(name=gate.name, qubits=tuple(place[q] for q in gate.qubits), angles=gate.angles)
        for gate in gates
    )


def _moved(readout: Readout, place: tuple[int, ...]) -> Readout:
    match readout:
        case Expectations(paulis=paulis):
            return Expectations(
                paulis=tuple(
                    Pauli(
                        letters=tuple(sorted((place[q], letter) for q, letter in pauli.letters)),
                        sign=pauli.sign,
                    )
                    for pauli in paulis
                )
            )
        case Probabilities(qubits=qubits):
            return Probabilities(qubits=tuple(place[qubit] for qubit in qubits))
