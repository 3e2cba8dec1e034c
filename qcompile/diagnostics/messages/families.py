"""QA61xx: pruning adapters, and training them as their files say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message, ModuleMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPrunable(ModuleMessage):
    """The adapter is neither a gated low-rank update nor a prefix."""

    code: ClassVar[str] = "QA6101"
    title: ClassVar[str] = "adapter `{adapter}` on `{module}` cannot be pruned: {reason}"
    help: ClassVar[str | None] = (
        "pruning is for updates of the form `linear(g * linear(x, …), …)` with a `vector` g, "
        "scaled by numbers, with dropout on x at most, and for prefixes"
    )
    explanation: ClassVar[str] = """
    Where a gate g stands between two matrices, the rows and columns at which g is zero change
    nothing and can be deleted, which leaves LoRA of a smaller rank. A prefix is left without the
    network that makes it. Other adapters have no such structure. Nothing was changed.

    Erroneous:  prune(adapter)      (with the adapter of examples/qtha.qa)
    Corrected:  prune(adapter)      (with the adapter of examples/sora.qa)
    """

    adapter: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledGradients(Message):
    """Penalties cannot be added to gradients of an unknown scale."""

    code: ClassVar[str] = "QA6102"
    title: ClassVar[str] = "penalties cannot be added to gradients that are scaled for float16"
    help: ClassVar[str | None] = "train in bfloat16, or set `max_grad_norm` above 0"
    explanation: ClassVar[str] = """
    Training in float16 scales the loss so that gradients do not vanish. They have their true size
    again before the optimiser's step only if they are clipped.

    Erroneous:  TrainingArguments(fp16=True, max_grad_norm=0)
    Corrected:  TrainingArguments(bf16=True)
    """
