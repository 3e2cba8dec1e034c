"""Figures as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from qcompile.ir.device import RoutingCandidate
from qcompile.ir.plan import Candidate
from qcompile.report.figures import (
    DeviceDate,
    Figures,
    ModuleFigures,
    StepFigures,
    UnitaryFigures,
)

COLUMNS = (
    "module",
    "size",
    "parameters",
    "LoRA",
    "FLOPs/token fwd",
    "bwd",
    "LoRA fwd",
    "per step",
    "activations/token",
)


def report_text(figures: Figures) -> str:
    """Figures as tables; modules of equal figures share a line."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    groups = [list(group) for _, group in groupby(_sorted(figures.modules), key=_kind)]
    for group in groups:
        rows.append(_row(_names(group), group))
    rows.append(_total_row(figures))
    parts = [table_text(rows, left=(0, 1), ruled=(0, len(rows) - 2))]
    saving = 100.0 * (1 - figures.parameters / max(1, figures.lora.parameters))
    parts.append(
        f"{figures.parameters:,} trainable parameters;"
        f" LoRA of rank {figures.lora.rank} has {figures.lora.parameters:,}"
        f" ({abs(saving):.1f} % {'fewer' if saving >= 0 else 'more'} than LoRA)"
    )
    if figures.frozen_parameters:
        parts.append(f"{figures.frozen_parameters:,} frozen numbers")
    if figures.base_parameters:
        share = 100.0 * figures.parameters / figures.base_parameters
        parts.append(f"{share:.4f} % of the base model's {figures.base_parameters:,} parameters")
    for group in groups:
        parts.extend(_details(_names(group), group[0]))
    parts.append(_step(figures.step))
    parts.extend(f"device {device.name}, {_dated(device)}" for device in figures.devices)
    parts.append(f"passes: {figures.pipeline}")
    parts.append(f"costs weighed for {figures.tokens:,} tokens a step")
    return "\n".join(parts) + "\n"


def _dated(device: DeviceDate) -> str:
    return f"calibrated {device.calibrated}" if device.calibrated else "without a calibration date"


def _step(step: StepFigures) -> str:
    return (
        f"a step of {step.tokens:,} tokens:"
        f" {quantity(step.total_bytes, 'B')} besides the base model"
        f" ({quantity(step.activation_bytes, 'B')} kept for backward,"
        f" {quantity(step.parameter_bytes, 'B')} parameters,"
        f" {quantity(step.gradient_bytes, 'B')} gradients,"
        f" {quantity(step.optimiser_bytes, 'B')} AdamW)"
        + (
            ""
            if step.in_torch_bytes is None
            else f"; {quantity(step.in_torch_bytes, 'B')} where circuits run in torch"
        )
    )


def _kind(module: ModuleFigures) -> tuple[str, ...]:
    return (module.adapter, *(str(part) for part in _signature(module)))


def _signature(module: ModuleFigures) -> tuple[object, ...]:
    return (
        module.in_features,
        module.out_features,
        module.parameters,
        module.forward_flops_per_token,
        module.circuits,
        module.unitaries,
        module.paths,
        _last_name(module.module),
    )


def _last_name(module: str) -> str:
    """With what a number counts: `down_proj.*` of an expert's slice, `layers.*` of a layer."""
    above, _, last = module.rpartition(".")
    return f"{above.rpartition('.')[2]}.*" if last.isdigit() else last


def _sorted(modules: tuple[ModuleFigures, ...]) -> list[ModuleFigures]:
    return sorted(modules, key=_kind)


def _names(group: list[ModuleFigures]) -> str:
    first = group[0]
    if not first.module:
        return first.adapter
    if len(group) == 1:
        return f"{first.adapter} on {first.module}"
    return f"{first.adapter} on {len(group)} × {_last_name(first.module)}"


def _row(name: str, group: list[ModuleFigures]) -> tuple[str, ...]:
    first = group[0]
    times = len(group)
    return (
        name,
        f"{first.in_features} → {first.out_features}",
        f"{sum(m.parameters for m in group):,}",
        f"{sum(m.lora.parameters for m in group):,}",
        quantity(times * first.forward_flops_per_token),
        quantity(times * first.backward_flops_per_token),
        quantity(times * first.lora.forward_flops_per_token),
        quantity(times * first.flops_per_step),
        quantity(times * first.activation_bytes_per_token, "B"),
    )


def _total_row(figures: Figures) -> tuple[str, ...]:
    return (
        f"total, {len(figures.modules)} modules",
        "",
        f"{figures.parameters:,}",
        f"{figures.lora.parameters:,}",
        quantity(figures.forward_flops_per_token),
        quantity(figures.backward_flops_per_token),
        quantity(figures.lora.forward_flops_per_token),
        quantity(figures.flops_per_step),
        quantity(figures.activation_bytes_per_token, "B"),
    )


def _details(name: str, module: ModuleFigures) -> list[str]:
    lines = [f"{name}:"]
    for circuit in module.circuits:
        text = (
            f"  circuit of {circuit.qubits} qubits, {circuit.gates} gates"
            f" ({circuit.two_qubit_gates} on two qubits), depth {circuit.depth},"
            f" {circuit.parameters} angles → {circuit.outputs} values,"
            f" evaluator {circuit.evaluator}"
        )
        if circuit.device is not None:
            text += (
                f"; on {circuit.device}: {circuit.routed_two_qubit_gates} two-qubit gates,"
                f" depth {circuit.routed_depth}{_compared(circuit.routings)}"
            )
        lines.append(text)
        if circuit.surrogate_terms is not None and circuit.surrogate_flops_per_token is not None:
            lines.append(
                f"    exactly a polynomial of {circuit.surrogate_terms:,} terms:"
                f" {quantity(circuit.surrogate_flops_per_token)} FLOPs/token,"
                f" {quantity(circuit.flops_per_token)} as a circuit"
            )
        if circuit.lost is not None:
            lines.append(f"    bonds are cut: a state loses {circuit.lost:.2g} in an example")
        if len(circuit.candidates) > 1:
            weighed = [_candidate(candidate) for candidate in circuit.candidates]
            lines.extend(f"    {line}" for line in weighed)
    lines.extend(f"  {_unitary(unitary)}" for unitary in module.unitaries)
    lines.extend(f"  contraction {path}" for path in module.paths)
    if module.linear:
        lines.append("  linear: can be merged into the weight")
    elif module.merges:
        lines.append("  can be merged into weight and bias")
    return lines


def _compared(routings: Sequence[RoutingCandidate]) -> str:
    """How far the candidates were apart."""
    if len(routings) < 2:
        return ""
    counts = {routing.two_qubit_gates for routing in routings}
    spread = f" with {min(counts)} to {max(counts)}" if len(counts) > 1 else ""
    errors = [routing.error for routing in routings if routing.error is not None]
    predicted = f", predicted errors {min(errors):.2g} to {max(errors):.2g}" if errors else ""
    found = [routing.simulated for routing in routings if routing.simulated is not None]
    simulated = f", {len(found)} simulated: {min(found):.2g} to {max(found):.2g}" if found else ""
    return f", the best of {len(routings)} candidates{spread}{predicted}{simulated}"


def _candidate(candidate: Candidate) -> str:
    if candidate.seconds is None or candidate.bytes is None:
        return f"{candidate.executor}: {candidate.refusal}"
    time = f"{1000 * candidate.seconds:.3g} ms"
    return f"{candidate.executor}: {time} a step, {quantity(candidate.bytes, 'B')}"


def _unitary(unitary: UnitaryFigures) -> str:
    circuits = "circuit" if unitary.circuits == 1 else f"{unitary.circuits} circuits"
    when = "on every token" if unitary.columns is None else f"{unitary.columns} columns once a step"
    return (
        f"unitary of {unitary.size}: {circuits} of {unitary.qubits} qubits, {unitary.gates} gates"
        f" ({unitary.two_qubit_gates} on two qubits), depth {unitary.depth},"
        f" {unitary.parameters} angles, {when}"
    )


def table_text(
    rows: Sequence[Sequence[str]], *, left: Sequence[int] = (), ruled: Sequence[int] = (0,)
) -> str:
    """Cells in columns, those of `left` to the left, with a line after each row of `ruled`."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
        if number in ruled:
            lines.append("─" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def quantity(value: float, unit: str = "") -> str:
    """A count with three digits and a decimal prefix: 12.3 M."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}".rstrip()
