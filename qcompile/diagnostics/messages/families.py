"""QA61xx: pruning adapters, and training them as their files say."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA6101",
    "adapter `{adapter}` on `{module}` cannot be pruned: {reason}",
    help=(
        "pruning is for updates of the form `linear(g * linear(x, …), …)` with a `vector` g, "
        "scaled by numbers, with dropout on x at most, and for prefixes"
    ),
)
class NotPrunable(ModuleMessage):
    """Where a gate g stands between two matrices, the rows and columns at which g is zero change
    nothing and can be deleted, which leaves LoRA of a smaller rank. A prefix is left without the
    network that makes it. Other adapters have no such structure. Nothing was changed.

    Erroneous:  prune(adapter)      (with the adapter of examples/qtha.qa)
    Corrected:  prune(adapter)      (with the adapter of examples/sora.qa)
    """

    adapter: str
    reason: str


@message(
    "QA6102",
    "penalties cannot be added to gradients that are scaled for float16",
    help="train in bfloat16, or set `max_grad_norm` above 0",
)
class ScaledGradients(Message):
    """
    Training in float16 scales the loss so that gradients do not vanish. They have their true size
    again before the optimiser's step only if they are clipped.

    Erroneous:  TrainingArguments(fp16=True, max_grad_norm=0)
    Corrected:  TrainingArguments(bf16=True)
    """
