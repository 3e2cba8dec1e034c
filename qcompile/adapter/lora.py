"""Linear adapters as plain LoRA, with the share of the update that this keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.merge_obstacles import part_obstacle
from qcompile.artifact.lora_folder import write_lora_folder
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.arguments import check_path, wrong_argument
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.adapter import NotForAModel, NotMergeable
from qcompile.diagnostics.messages.peft import RankOutOfRange


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLora:
    """The factors of each module and what they keep of the update."""

    factors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    """Module → A (r, in_features), B (out_features, r), float32; the update is B A."""
    kept: Mapping[str, float]
    """Module → share of the update's energy, its squared Frobenius norm; 1 for no update."""

    @property
    def energy(self) -> float:
        """The smallest share that any module keeps."""
        return min(self.kept.values())

    def save(self, path: str | Path) -> None:
        """Write a folder for `PeftModel.from_pretrained`.

        Raises:
            UsageError: QA0013, QA0014, QA6013.
        """
        if "\0" in check_path("PlainLora.save", "path", path):
            expected = "a path without null characters"
            raise wrong_argument("PlainLora.save", "path", path, expected)
        write_lora_folder(path, self.factors)


def lora_of(
    adapter: CompiledAdapter, rank: int | float, *, progress: Callable[[str], None] | None = None
) -> PlainLora:
    """The best approximation of a linear adapter by LoRA, in the Frobenius norm.

    Args:
        adapter: Updates that are linear in x; several of one module are added.
        rank: A rank, or the share of the energy to keep, up to 1.0.
        progress: Called with the name of each module as its turn comes.

    Raises:
        AdapterError: QA6006, QA6009, QA6205.
        UsageError: QA6013.
    """
    check_compiled("lora_of", adapter)
    parts: dict[str, list[AdapterModule]] = {}
    for site, part in adapter.parts():
        if not site.module:
            raise AdapterError(NotForAModel(adapter=site.adapter))
        parts.setdefault(site.module, []).append(part)
    return lora_of_parts(parts, rank, progress=progress)


def lora_of_parts(
    parts: Mapping[str, list[AdapterModule]],
    rank: int | float,
    *,
    progress: Callable[[str], None] | None = None,
) -> PlainLora:
    """The same for the parts of each module.

    Raises:
        AdapterError: QA6006, QA6205.
    """
    if not _is_rank(rank):
        raise AdapterError(RankOutOfRange(rank=repr(rank)))
    problems = [
        NotMergeable(adapter=part.plan.adapter, module=module, reason=reason)
        for module, found in parts.items()
        for part in found
        if (reason := _obstacle(part)) is not None
    ]
    if problems:
        raise AdapterError(*few(problems))
    factors, kept = {}, {}
    for number, (module, found) in enumerate(parts.items(), 1):
        if progress is not None:
            progress(f"factorise {module} ({number} of {len(parts)})")
        delta = torch.stack([part.merge_weight().cpu() for part in found]).sum(0)
        a, b, kept[module] = _factorise(delta, rank)
        factors[module] = (a, b)
    return PlainLora(factors=factors, kept=kept)


def _is_rank(rank: object) -> bool:
    if isinstance(rank, bool):
        return False
    return (isinstance(rank, int) and rank >= 1) or (isinstance(rank, float) and 0 < rank <= 1)


def _obstacle(part: AdapterModule) -> str | None:
    obstacle = part_obstacle(part)
    if obstacle is not None:
        return obstacle
    if part.plan.mode == "replace":
        return "it replaces the module's output instead of adding to it"
    if part.plan.uses_output:
        return "it reads the module's output, which the factors of LoRA do not"
    if part.plan.uses_base:
        return "it computes with the module's weight, which the factors of LoRA do not"
    return None


def _factorise(delta: torch.Tensor, rank: int | float) -> tuple[torch.Tensor, torch.Tensor, float]:
    """A, B and the kept energy of the truncated singular value decomposition (Eckart, Young)."""
    u, s, vh = torch.linalg.svd(delta, full_matrices=False)
    energy = s.square().cumsum(0)
    total = float(energy[-1])
    if isinstance(rank, int):
        count = min(rank, len(s))
    else:
        count = min(len(s), int(torch.searchsorted(energy, rank * total)) + 1)
    share = float(energy[count - 1]) / total if total > 0 else 1.0
    root = s[:count].sqrt()
    a = root.unsqueeze(1) * vh[:count]
    b = u[:, :count] * root
    return a.float().contiguous(), b.float().contiguous(), share
