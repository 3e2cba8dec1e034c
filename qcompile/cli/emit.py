"""What `--emit` prints: the levels of the compiler as text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

from qcompile.cli.arguments import Arguments
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.source import Source
from qcompile.driver.control import with_control
from qcompile.driver.options import read_definitions
from qcompile.driver.phases import Compilation
from qcompile.grammar.frontend import load_spec
from qcompile.grammar.parser import parse
from qcompile.ir.circuit import Circuit
from qcompile.ir.compilation import Site
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.plan import Plan
from qcompile.ir.plan_circuits import circuits_of_plan

Form = Literal["text", "json"]

EARLY = ("ast", "spec")
"""Levels that need no model."""


def emit(name: str, compilation: Compilation, form: Form = "text") -> str:
    """One of the names of `--emit` as text that ends in a newline."""
    match name:
        case "program":
            text = _level(compilation.lowered, form)
        case "plan":
            text = _level(compilation.planned, form)
        case "dot":
            from qcompile.ir.dot import dot

            text = "\n".join(dot(plan) for plan in compilation.planned.plans)
        case _:
            text = "\n".join(_circuits(name, compilation))
    return text if text.endswith("\n") else text + "\n"


def emit_early(name: str, source: Source, arguments: Arguments) -> str:
    """A level of `EARLY`.

    Raises:
        CompileError: The source has errors.
        UsageError: QA0018, QA0019, QA0041.
    """
    collector = Collector()
    if name == "ast":
        found: object = parse(source, collector)
    else:
        spec = load_spec(source, read_definitions(arguments.definitions), collector)
        found = with_control(spec, Collector()) if spec and arguments.control else spec
    collector.raise_if_errors()
    return _level(found, arguments.format)


def _level(value: object, form: Form) -> str:
    """For people, or as JSON that `qcompile.ir.codec.decode_json` reads back."""
    if form == "json":
        from qcompile.ir.codec import readable_json

        return readable_json(value)
    from qcompile.ir.text import text_of

    return text_of(value)


def _circuits(name: str, compilation: Compilation) -> list[str]:
    """Every distinct circuit, routed where the target is a device."""
    texts: dict[str, None] = {}
    widths = {device.name: device.qubits for device in compilation.manifest.devices}
    for site in compilation.planned.sites:
        plan = compilation.planned.plans[site.unit]
        for place in circuits_of_plan(plan):
            values = functools.partial(
                _first_angles, place.angles, plan, site, compilation.planned.seed
            )
            width = None if place.routed is None else widths[place.routed.device]
            texts[_circuit(name, place.circuit, place.routed, width, values)] = None
    return list(texts)


def _circuit(
    name: str,
    logical: Circuit,
    routed: RoutedCircuit | None,
    width: int | None,
    angles: Callable[[], list[float]],
) -> str:
    circuit = logical if routed is None else routed.circuit
    match name:
        case "qasm":
            from qcompile.backends.export import write_qasm3

            return write_qasm3(routed or circuit)
        case "qasm2":
            from qcompile.backends.export import write_qasm2

            # OpenQASM 2 has no symbols: the data are zero, the angles those of the start.
            data = (0.0,) * circuit.data_width
            return write_qasm2(routed or circuit, data, angles(), width=width)
        case "tket":
            from qcompile.backends.export import write_tket_json

            return write_tket_json(routed or circuit)
        case _:
            from qcompile.ir.circuit_text import circuit_text

            return circuit_text(circuit)


def _first_angles(angles: int | None, plan: Plan, site: Site, seed: int) -> list[float]:
    if angles is None:
        return []
    from qcompile.backends.simulator.initialise import initial_value, tensor_seed

    tensor = plan.tensors[angles]
    start = initial_value(tensor, tensor_seed(seed, site.module, plan.adapter, tensor))
    return [float(angle) for angle in start]
