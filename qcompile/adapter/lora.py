"""Linear adapters as plain LoRA, and how far from the update it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.low_rank import remaining, singular_values
from qcompile.adapter.merge_obstacles import part_obstacle
from qcompile.adapter.samples import Samples, samples_of
from qcompile.artifact.lora_folder import write_lora_folder
from qcompile.backends.simulator.merging import NOT_LINEAR
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.arguments import check_path, wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NotForAModel, NotMergeable
from qcompile.diagnostics.messages.peft import (
    ErrorOutOfRange,
    RankOutOfRange,
)
from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST, MERGING_HOSTS, not_a_linear_map

DEFAULT_RANK = 8

LEAST_ERROR = 1e-6
"""Factors in float32 cannot promise less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLora:
    """The factors of each module and what they keep of the update."""

    factors: Mapping[str, tuple[Tensor, Tensor]]
    """Module → A (r, in_features), B (out_features, r), float32; the update ΔW is B A."""
    kept: Mapping[str, float]
    """Module → share of the update's energy, its squared Frobenius norm; 1 for no update."""
    errors: Mapping[str, float]
    """Module → ‖ΔW − B A‖ / ‖ΔW‖ in the Frobenius norm, as measured; 0 for no update."""
    output_errors: Mapping[str, float] = field(default_factory=dict)
    """Module → ‖(ΔW − B A) x‖ / ‖ΔW x‖ over the samples; empty without them."""
    base_model: str | None = None
    """Name or path of the base model, for the programs that load it by the adapter's folder."""
    task_type: str | None = None
    """peft's name of the task, such as CAUSAL_LM."""
    embeddings: frozenset[str] = frozenset()
    """The modules that are embeddings."""

    @property
    def energy(self) -> float:
        """The smallest share that any module keeps."""
        return min(self.kept.values())

    @property
    def error(self) -> float:
        """The largest error of any module."""
        return max(self.errors.values())

    def save(self, path: str | Path) -> None:
        """Write a folder for `PeftModel.from_pretrained`, vLLM and llama.cpp's converter.

        All modules get the largest rank, the factors of the others end in zeros: only for one rank
        do these programs agree about the scale.

        Raises:
            UsageError: QA0013, QA0014, QA6013.
        """
        if "\0" in check_path("PlainLora.save", "path", path):
            expected = "a path without null characters"
            raise wrong_argument("PlainLora.save", "path", path, expected)
        write_lora_folder(
            path,
            self.factors,
            embeddings=self.embeddings,
            base_model=self.base_model,
            task_type=self.task_type,
        )


def lora_of(
    adapter: CompiledAdapter,
    rank: int | float | None = None,
    *,
    error: float | None = None,
    samples: Samples | None = None,
    base_model: str | None = None,
    task_type: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> PlainLora:
    """The best approximation of a linear adapter by LoRA, in the Frobenius norm.

    Args:
        adapter: Updates that are linear in x; several of one module are added.
        rank: A rank, or the share of the energy to keep, up to 1.0; 8 without `error`.
        error: Each module takes the smallest rank with ‖ΔW − B A‖ / ‖ΔW‖ at most this.
        samples: Inputs for which the error of the outputs is measured.
        base_model: Name or path of the base model, for the folder.
        task_type: peft's name of the task, for the folder.
        progress: Called with the name of each module as its turn comes.

    Raises:
        AdapterError: QA6006, QA6009, QA6205, QA6221, QA6222.
        UsageError: QA6013.
    """
    check_compiled("lora_of", adapter)
    parts: dict[str, list[AdapterModule]] = {}
    for site, part in adapter.parts():
        if not site.module:
            raise AdapterError(NotForAModel(adapter=site.adapter))
        parts.setdefault(site.module, []).append(part)
    return lora_of_parts(
        parts,
        rank,
        error=error,
        samples=samples,
        base_model=base_model,
        task_type=task_type,
        progress=progress,
    )


def lora_of_parts(
    parts: Mapping[str, list[AdapterModule]],
    rank: int | float | None = None,
    *,
    error: float | None = None,
    samples: Samples | None = None,
    base_model: str | None = None,
    task_type: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> PlainLora:
    """The same for the parts of each module.

    Raises:
        AdapterError: QA6006, QA6205, QA6221, QA6222.
        UsageError: QA6013.
    """
    if rank is not None and error is not None:
        raise wrong_argument("lora_of", "error", error, "left out where `rank` is given")
    rank = DEFAULT_RANK if rank is None else rank
    if not _is_rank(rank):
        raise AdapterError(RankOutOfRange(rank=repr(rank)))
    if error is not None and not _is_error(error):
        raise AdapterError(ErrorOutOfRange(error=repr(error)))
    problems = [
        NotMergeable(adapter=part.plan.adapter, module=module, reason=reason)
        for module, found in parts.items()
        for part in found
        if (reason := _obstacle(part)) is not None
    ]
    if problems:
        raise AdapterError(*few(problems))
    inputs = samples_of(parts, samples)
    factors, kept, errors, output_errors = {}, {}, {}, {}
    for number, (module, found) in enumerate(parts.items(), 1):
        if progress is not None:
            progress(f"factorise {module} ({number} of {len(parts)})")
        delta = torch.stack([part.merge_weight().cpu() for part in found]).sum(0)
        a, b, kept[module] = _factorise(delta, rank, error)
        factors[module] = (a, b)
        missing = delta.double() - b.double() @ a.double()
        errors[module] = _share(missing, delta)
        if module in inputs:
            x = inputs[module]
            output_errors[module] = _share(_mapped(x, missing), _mapped(x, delta.double()))
    return PlainLora(
        factors=factors,
        kept=kept,
        errors=errors,
        output_errors=output_errors,
        base_model=base_model,
        task_type=task_type,
        embeddings=frozenset(
            module for module, found in parts.items() if found[0].plan.host == EMBEDDING_HOST
        ),
    )


def _mapped(x: Tensor, matrix: Tensor) -> Tensor:
    """matrix · x; of token ids (rows,) its columns."""
    return matrix.T[x] if x.dim() == 1 else x @ matrix.T


def _is_rank(rank: object) -> bool:
    if isinstance(rank, bool):
        return False
    return (isinstance(rank, int) and rank >= 1) or (isinstance(rank, float) and 0 < rank <= 1)


def _is_error(error: object) -> bool:
    return isinstance(error, float) and LEAST_ERROR <= error < 1


def _obstacle(part: AdapterModule) -> str | None:
    if part.plan.host == CONVOLUTION_HOST:
        return "its module is a convolution, and the adapter does not say the shape of its kernel"
    if part.plan.host not in MERGING_HOSTS:
        return not_a_linear_map(part.plan.host)
    obstacle = part_obstacle(part)
    if obstacle is not None:
        return obstacle
    if not part.plan.linear:
        return NOT_LINEAR
    if part.plan.mode == "replace":
        return "it replaces the module's output instead of adding to it"
    if part.plan.uses_output:
        return "it reads the module's output, which the factors of LoRA do not"
    if part.plan.uses_base:
        return "it computes with the module's weight, which the factors of LoRA do not"
    return None


def _factorise(
    delta: Tensor, rank: int | float, error: float | None
) -> tuple[Tensor, Tensor, float]:
    """A, B and the kept energy of the truncated singular value decomposition (Eckart, Young)."""
    u, s, vh = singular_values(delta)
    left = remaining(s)
    if error is not None:
        count = 1 + int((left > error).sum())
    elif isinstance(rank, int):
        count = min(rank, len(s))
    else:
        count = min(len(s), 1 + int((1 - left.square() < rank).sum()))
    root = s[:count].sqrt()
    a = root.unsqueeze(1) * vh[:count]
    b = u[:, :count] * root
    return a.float().contiguous(), b.float().contiguous(), 1 - float(left[count - 1]) ** 2


def _share(missing: Tensor, whole: Tensor) -> float:
    norm = float(torch.linalg.vector_norm(whole.double()))
    return float(torch.linalg.vector_norm(missing)) / norm if norm > 0 else 0.0
