"""The totals of several compilations, to be set side by side."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from qcompile.artifact.layout import state_name
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.plan import EvaluationNode, orthogonals
from qcompile.report.figures import CircuitFigures, Figures, UnitaryFigures

COMPARISON_VERSION = 1
"""Of the JSON form. Raised when a key changes its meaning or goes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigures:
    """One compilation. Counts are of all modules together; FLOPs count a multiply-add as two."""

    file: str
    """As it was named."""
    adapters: tuple[str, ...]
    control: bool
    """Classical maps are in the place of circuits."""
    modules: int
    parameters: int
    """Trainable; shared tensors once."""
    quantum_parameters: int
    """Those of them that are angles, of circuits or of orthogonal matrices made of circuits."""
    lora_rank: int
    lora_parameters: int
    """Of LoRA with that rank on the same modules."""
    share_of_lora: float
    """parameters / lora_parameters."""
    forward_flops_per_token: float
    backward_flops_per_token: float
    flops_per_step: float
    """Forward, of what is built once per step."""
    activation_bytes_per_token: int
    qubits: int
    gates: int
    depth: int
    """Each the largest of any circuit or orthogonal matrix; 0 without any."""
    evaluators: tuple[str, ...]


def compared(file: str, figures: Figures, planned: PlannedSet) -> ComparedFigures:
    """The totals of one compilation."""
    circuits = [circuit for module in figures.modules for circuit in module.circuits]
    quantum: list[CircuitFigures | UnitaryFigures] = [*circuits]
    quantum += [matrix for module in figures.modules for matrix in module.unitaries]
    lora = figures.lora
    return ComparedFigures(
        file=file,
        adapters=tuple(dict.fromkeys(site.adapter for site in planned.sites)),
        control=any(planned.plans[site.unit].control for site in planned.sites),
        modules=len(figures.modules),
        parameters=figures.parameters,
        quantum_parameters=quantum_parameters(planned),
        lora_rank=lora.rank,
        lora_parameters=lora.parameters,
        share_of_lora=figures.parameters / max(1, lora.parameters),
        forward_flops_per_token=figures.forward_flops_per_token,
        backward_flops_per_token=figures.backward_flops_per_token,
        flops_per_step=figures.flops_per_step,
        activation_bytes_per_token=figures.activation_bytes_per_token,
        qubits=_largest([part.qubits for part in quantum]),
        gates=_largest([part.gates for part in quantum]),
        depth=_largest([part.depth for part in quantum]),
        evaluators=_evaluators(circuits),
    )


def quantum_parameters(planned: PlannedSet) -> int:
    """Trainable angles of all circuits and orthogonal matrices, shared ones once."""
    sizes: dict[str, int] = {}
    for site in planned.sites:
        plan = planned.plans[site.unit]
        for node in plan.nodes:
            own = [node.angles] if isinstance(node, EvaluationNode) else []
            for index in (*own, *(matrix.angles for matrix in orthogonals(node))):
                if index is not None:
                    tensor = plan.tensors[index]
                    sizes[state_name(site, tensor)] = tensor.size
    return sum(sizes.values())


def comparison_json(rows: Sequence[ComparedFigures]) -> str:
    """One JSON object with a `schema_version`; keys of `specs` are the fields' names."""
    record = {
        "schema_version": COMPARISON_VERSION,
        "specs": [dataclasses.asdict(row) for row in rows],
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _largest(numbers: list[int]) -> int:
    return max(numbers, default=0)


def _evaluators(circuits: list[CircuitFigures]) -> tuple[str, ...]:
    return tuple(sorted({circuit.evaluator for circuit in circuits}))
