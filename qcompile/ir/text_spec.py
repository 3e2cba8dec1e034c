"""The text form of a Spec."""

from __future__ import annotations

from dataclasses import fields
from typing import assert_never

from qcompile.ir.spec import AdapterSpec, Body, Spec, SpecCircuitValue, SpecUnitary
from qcompile.ir.spec_circuit import (
    Bank,
    Choose,
    CircuitItem,
    ForEach,
    Repeat,
    SpecAdjoint,
    SpecCircuit,
)
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.text_values import inline, parameter_text
from qcompile.ir.training import SpecPenalty, SpecProximal


def spec_lines(spec: Spec) -> list[str]:
    """Model, targets, then every adapter with all its bodies."""
    lines = [] if spec.model is None else [f"model {inline(spec.model.path)}"]
    lines += [f"target {inline(target)}" for target in spec.targets]
    for adapter in spec.adapters:
        lines += _adapter_lines(adapter)
    return lines


def _adapter_lines(adapter: AdapterSpec) -> list[str]:
    on = "" if adapter.target is None else f" on {adapter.target}"
    lines = [f"adapter {adapter.name}{on}"]
    if adapter.shape is not None:
        lines.append(f"  shape {adapter.shape.in_features} -> {adapter.shape.out_features}")
    for attachment in adapter.attachments:
        layers = ""
        if attachment.layers is not None:
            layers = f" layers {attachment.layers[0]}..{attachment.layers[1]}"
        pattern = attachment.pattern if attachment.portable else inline(attachment.pattern)
        lines.append(f"  attach {pattern}{layers} body {attachment.body}")
    for index, body in enumerate(adapter.bodies):
        lines.append(f"  body {index} {parameter_text(body.parameters)}".rstrip())
        lines += [f"    {line}" for line in _body_lines(body)]
    return lines


def _body_lines(body: Body) -> list[str]:
    lines = []
    for requirement in body.requirements:
        message = "" if requirement.message is None else f", {inline(requirement.message)}"
        lines.append(f"require {inline(requirement.condition)}{message}")
    if body.control is not None:
        lines.append(f"control if {inline(body.control)}")
    for index, node in enumerate(body.nodes):
        head, *rest = _node_lines(node)
        lines += [f"%{index} = {head}", *rest]
    verb = "update" if body.mode == "add" else body.mode
    lines.append(f"{verb} %{body.result}")
    for term in body.training:
        match term:
            case SpecPenalty(kind=kind, operand=operand, factor=factor):
                lines.append(f"regularise {inline(factor)} * {kind}(%{operand})")
            case SpecProximal(kind=kind, operand=operand, threshold=threshold):
                lines.append(f"proximal {kind}(%{operand}, {inline(threshold)})")
            case _:
                assert_never(term)
    return lines


def _node_lines(node: SpecNode) -> list[str]:
    parts = [type(node).__name__.removeprefix("Spec").removesuffix("Value").lower()]
    # The operands, what is the node's own, what it shares with others.
    own = type(node).__annotations__
    for item in sorted(fields(node), key=lambda f: (f.name != "operand", f.name not in own)):
        value = getattr(node, item.name)
        if item.name == "operand":
            parts.append(f"%{value}")
        elif item.name == "operands":
            parts += [f"%{operand}" for operand in value]
        elif (
            item.name in ("banks", "items")
            or isinstance(value, SpecCircuit)
            or (item.metadata.get("added_later") and value == item.default)
        ):
            continue
        elif item.compare and value is not None:
            parts.append(f"{item.name}={inline(value)}")
    line = " ".join(parts)
    if isinstance(node, SpecCircuitValue):
        return [f"{line} {{", *(f"  {inner}" for inner in _circuit_lines(node.circuit)), "}"]
    if isinstance(node, SpecUnitary):
        return [f"{line} {{", *(f"  {inner}" for inner in _gate_lines(node.banks, node.items)), "}"]
    return [line]


def _circuit_lines(circuit: SpecCircuit) -> list[str]:
    lines = [f"qubits {inline(circuit.qubits)} init {inline(circuit.init)}"]
    lines += _gate_lines(circuit.banks, circuit.items)
    return lines + [inline(measurement) for measurement in circuit.measurements]


def _gate_lines(banks: tuple[Bank, ...], items: tuple[CircuitItem, ...]) -> list[str]:
    lines = [f"angles {bank.name}[{inline(bank.size)}] init {inline(bank.init)}" for bank in banks]
    for item in items:
        lines += _item_lines(item)
    return lines


def _item_lines(item: CircuitItem) -> list[str]:
    match item:
        case Repeat(count=count, items=items):
            head = f"repeat {inline(count)}"
        case ForEach(variable=variable, start=start, stop=stop, items=items):
            head = f"for {variable} in {inline(start)}..{inline(stop)}"
        case SpecAdjoint(items=items):
            head = "adjoint"
        case Choose(condition=condition, items=items, otherwise=otherwise):
            lines = [f"if {inline(condition)} {{", *_inside(items)]
            return [*lines, "} else {", *_inside(otherwise), "}"] if otherwise else [*lines, "}"]
        case _:
            return [inline(item)]
    return [f"{head} {{", *_inside(items), "}"]


def _inside(items: tuple[CircuitItem, ...]) -> list[str]:
    return [f"  {line}" for item in items for line in _item_lines(item)]
