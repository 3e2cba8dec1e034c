"""Circuit values: an expanded circuit, its data, its trainable angles, its read-outs."""

from __future__ import annotations

from qcompile.diagnostics.messages.expansion import TooManyQubits
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import Device
from qcompile.ir.limits import MAX_QUBITS
from qcompile.ir.ops.arithmetic import MultiplyNode
from qcompile.ir.ops.circuit_data import NormNode
from qcompile.ir.ops.widths import ConcatNode
from qcompile.ir.program import CircuitNode
from qcompile.ir.spec import SpecCircuitValue
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.lowering.angles import AngleLayout, segments_of
from qcompile.passes.lowering.control import Replaced, circuit_data, lower_control
from qcompile.passes.lowering.data import CircuitData
from qcompile.passes.lowering.expansion import Expansion
from qcompile.passes.lowering.graph import Graph
from qcompile.passes.lowering.items import expand
from qcompile.passes.lowering.readout import readouts
from qcompile.passes.lowering.report import Refused
from qcompile.passes.lowering.sizing import Sizing


def lower_circuit(
    node: SpecCircuitValue,
    operands: tuple[int, ...],
    graph: Graph,
    sizing: Sizing,
    device: Device | None,
) -> int:
    """Index of the node that holds the read-out; raises `Refused` with every fault reported."""
    spec = node.circuit
    qubits = sizing.integer(spec.qubits, "the number of qubits", spec.span or node.span)
    if not 1 <= qubits <= MAX_QUBITS:
        span = spec.qubits.span or spec.span or node.span
        sizing.report.refuse(TooManyQubits(qubits=qubits, limit=MAX_QUBITS, span=span))
    data = CircuitData(widths=tuple(graph.width(operand) for operand in operands))
    angles = AngleLayout(init=spec.init)
    for bank in spec.banks:
        angles.declare(bank, sizing)
    expansion = Expansion(
        qubits=qubits,
        device=device,
        data=data,
        angles=angles,
        banks=spec.banks,
        report=sizing.report,
    )
    expand(expansion, spec.items, sizing)
    measured = readouts(spec.measurements, qubits, sizing)
    if expansion.failed:
        raise Refused
    inputs = data.nodes(operands, graph, node.span)
    parts = expansion.circuits(measured)
    if graph.control:
        replaced = Replaced(
            data=circuit_data(parts[0], inputs, graph),
            outputs=sum(part.outputs for part in parts),
            parameters=angles.count,
            latent=qubits,
            name=node.name,
            share=node.share,
            span=node.span,
        )
        result = lower_control(replaced, graph)
    else:
        result = _read_outs(node, parts, inputs, angles, graph)
    if expansion.norm_of is not None:
        norm = graph.append(NormNode(operand=operands[expansion.norm_of]), node.span)
        width = graph.width(result)
        result = graph.append(MultiplyNode(operands=(result, norm), width=width), node.span)
    return result


def _read_outs(
    node: SpecCircuitValue,
    circuits: tuple[Circuit, ...],
    inputs: tuple[int, ...],
    angles: AngleLayout,
    graph: Graph,
) -> int:
    """The circuits, which differ in what is measured, side by side, on the same angles."""
    tensor = None
    if angles.count:
        layout = TensorSpec(
            name=f"{node.name}.angles",
            shape=(angles.count,),
            init=node.circuit.init,
            share=None if node.share is None else f"{node.share}.angles",
            segments=segments_of([angles]),
        )
        tensor = graph.layout.add(layout, node.span)
    parts = []
    for circuit in circuits:
        value = CircuitNode(operands=inputs, circuit=circuit, angles=tensor, width=circuit.outputs)
        parts.append(graph.append(value, node.span))
    if len(parts) == 1:
        return parts[0]
    total = sum(graph.width(part) for part in parts)
    return graph.append(ConcatNode(operands=tuple(parts), width=total), node.span)
