"""What the `train` clauses of attached adapters ask of a training loop.

    loss = with_regulariser(model(**batch).loss, model)
    loss.backward()
    optimiser.step()
    after_step(model)

`model` is any module that contains parts of adapters: a model after `attach`, or a compiled
adapter. Parameters that do not require gradients are left alone. A tensor that several modules
share counts once.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from qcompile.adapter.finite import check_finite
from qcompile.backends.simulator.module import AdapterModule
from qcompile.backends.simulator.sharded import is_partitioned
from qcompile.backends.simulator.training import apply_proximal, penalty
from qcompile.diagnostics.arguments import check_type, wrong_argument
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.scaling import PartitionedTensors
from qcompile.ir.training import Penalty, Proximal, Training

__all__ = ["after_step", "check_finite", "has_clauses", "regulariser", "with_regulariser"]


def regulariser(model: nn.Module) -> Tensor:
    """The sum of all penalties of the parts in `model`, 0-dim, differentiable; 0 without any.

    Raises:
        AdapterError: QA6125 where DeepSpeed's ZeRO-3 has put tensors elsewhere.
    """
    check_type("regulariser", "model", model, nn.Module, "a module with adapters in it")
    total: Tensor | None = None
    for term, tensors in _terms(model):
        if isinstance(term, Penalty):
            value = penalty(term, tensors)
            total = value if total is None else total + value.to(total.device)
    if total is None:
        first = next(model.parameters(), None)
        return torch.zeros((), device=None if first is None else first.device)
    return total


def with_regulariser(loss: Tensor, model: nn.Module) -> Tensor:
    """The loss and the penalties, in the loss's dtype and on its device."""
    return loss + regulariser(model).to(loss)


def after_step(model: nn.Module, strength: float = 1.0) -> None:
    """Apply the proximal operators; for every loop, once after each `optimiser.step()`.

    Args:
        model: See the module's description.
        strength: Multiplies every threshold, for a schedule of thresholds; 0 or more.

    Raises:
        AdapterError: QA6125.
        UsageError: QA6013.
    """
    check_type("after_step", "model", model, nn.Module, "a module with adapters in it")
    given: Any = strength
    if isinstance(given, bool) or not (isinstance(given, Real) and float(given) >= 0):
        raise wrong_argument("after_step", "strength", strength, "a number of at least 0")
    for term, tensors in _terms(model):
        if isinstance(term, Proximal):
            apply_proximal(term, tensors, strength)


def has_clauses(model: nn.Module) -> bool:
    """Whether a part in `model` has a `train` clause that acts on a trainable tensor."""
    return next(_terms(model), None) is not None


def _terms(model: nn.Module) -> Iterator[tuple[Training, tuple[nn.Parameter, ...]]]:
    """The terms on trainable tensors; those of one adapter on shared tensors once."""
    seen: set[tuple[str, int, tuple[int, ...]]] = set()
    for module in model.modules():
        if not isinstance(module, AdapterModule):
            continue
        for position, (term, tensors) in enumerate(module.terms()):
            if any(map(is_partitioned, tensors)):
                raise AdapterError(PartitionedTensors(adapter=module.plan.adapter))
            trained = tuple(tensor for tensor in tensors if tensor.requires_grad)
            key = (module.plan.adapter, position, tuple(map(id, tensors)))
            if trained and key not in seen:
                seen.add(key)
                yield term, trained
