"""Start values from a few batches, or from the weights before they were quantised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.arguments import check_compiled, check_model
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.originals import originals_of
from qcompile.adapter.packed import open_attention
from qcompile.adapter.places import Place, find_places
from qcompile.adapter.snapshot import Snapshot
from qcompile.adapter.starts import put_starts, waiting, weight_of
from qcompile.adapter.statistics import GradientSum, InputDirections, InputProducts
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.calibration import CalibrationFailed, NothingToCalibrate
from qcompile.ir.tensor import TensorSpec

Loss = Callable[[Any, Any], Tensor]
"""(what the model returns, the batch) → a number"""


def calibrate(
    model: nn.Module,
    adapter: CompiledAdapter,
    batches: Iterable[object] = (),
    *,
    loss: Loss | None = None,
    original: nn.Module | str | Path | None = None,
) -> CompiledAdapter:
    """Give the tensors of an adapter that start from data their values, before it is attached.

    Each batch goes through the model once, in evaluation mode: a mapping by name, a tuple or a list
    by position, a tensor alone. Tokens that `attention_mask` leaves out do not count. Gradients
    are taken where `gradient_rows` or `gradient_columns` need them. The model is not changed, and
    nothing is after an error.

    Args:
        model: The model that the adapter was compiled for, with or without other adapters.
        adapter: As `qcompile.compile` gave it, or loaded.
        batches: A few, on any device.
        loss: For gradients; by default the `loss` of what the model returns.
        original: For `residual_rows` and `residual_columns`: the model before its weights were
            quantised, or a folder or a file of safetensors with them.

    Returns:
        The adapter itself.

    Raises:
        AdapterError: QA6133, QA6135, QA6137, and QA6001 to QA6004, QA6011, QA6024 as `attach`.
        UsageError: QA6013.
    """
    check_model("calibrate", model)
    check_compiled("calibrate", adapter)
    before = Snapshot(model)
    try:
        open_attention(model, [site.module for site in adapter.sites])
        return _calibrated(model, adapter, batches, loss, original)
    finally:
        before.restore()


def _calibrated(
    model: nn.Module,
    adapter: CompiledAdapter,
    batches: Iterable[object],
    loss: Loss | None,
    original: nn.Module | str | Path | None,
) -> CompiledAdapter:
    """With hooks at the modules of the model, and its gradient flags changed."""
    subjects = [
        Subject(place, tensors)
        for place in find_places(model, adapter, flat=False)
        if (
            tensors := tuple(t for t in waiting(place.part) if t.init.start not in (None, "weight"))
        )
    ]
    if not subjects:
        raise AdapterError(NothingToCalibrate(reason=_nothing(adapter)))
    if any(subject.statistics for subject in subjects):
        _observe(model, subjects, batches, loss)
    residuals = originals_of([s.place for s in subjects if "residual" in s.starts], original)
    known = [subject.known(residuals) for subject in subjects]
    for subject, values in zip(subjects, known, strict=True):
        put_starts(subject.place.part, subject.tensors, values)
    return adapter


def _nothing(adapter: CompiledAdapter) -> str:
    own = [t for _, part in adapter.parts() for t in part.plan.tensors if t.init.from_module]
    if any(tensor.init.start != "weight" for tensor in own):
        return "all its tensors have their values"
    return "none of its tensors starts from data"


@dataclass
class Subject:
    """A part with tensors that wait for data, and what is learned of its module."""

    place: Place
    tensors: tuple[TensorSpec, ...]
    statistics: dict[str, InputProducts | InputDirections | GradientSum] = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = {}
        for start in sorted(self.starts - {"residual"}):
            if start == "covariance":
                self.statistics[start] = InputProducts()
            elif start == "activation":
                rows = (t.shape[0] for t in self.tensors if t.init.start == start)
                self.statistics[start] = InputDirections(max(rows))
            else:
                self.statistics[start] = GradientSum()

    @property
    def starts(self) -> set[str]:
        """What the tensors wait for."""
        return {str(tensor.init.start) for tensor in self.tensors}

    @property
    def module(self) -> nn.Module:
        module = self.place.module
        return module.base_layer if isinstance(module, AdaptedModule) else module

    def see(self, x: Tensor, output: Tensor, mask: Tensor | None) -> Tensor:
        """Learn from a call of the module; the output, from which a gradient will come."""
        kept = None if mask is None or mask.shape != x.shape[:-1] else mask.bool().reshape(-1)
        rows = _rows(x)
        for statistic in self.statistics.values():
            if isinstance(statistic, GradientSum):
                output = self._wait(statistic, rows, output)
                continue
            own = rows if kept is None else rows[kept.to(rows.device)]
            if len(own):
                statistic.add(own)
        return output

    def _wait(self, statistic: GradientSum, rows: Tensor, output: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return output  # Reentrant checkpointing comes again.
        if not output.requires_grad:
            # Nothing before it has parameters; a copy, since it may be changed in place.
            output = output.requires_grad_().clone()
        output.register_hook(  # type: ignore[no-untyped-call, unused-ignore]
            lambda gradient: statistic.add(rows, _rows(gradient))
        )
        return output

    def known(self, residuals: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `put_starts` needs.

        Raises:
            AdapterError: QA6135.
        """
        found = {name: statistic.value() for name, statistic in self.statistics.items()}
        if "residual" in self.starts:
            found["residual"] = residuals[self.place.site.module]
        if "covariance" in found:
            found["weight"] = weight_of(self.module, self.place.part)
        return found


def _rows(value: Tensor) -> Tensor:
    value = value.detach().reshape(-1, value.shape[-1])
    return value.to(torch.promote_types(value.dtype, torch.float32))


def _observe(
    model: nn.Module, subjects: list[Subject], batches: Iterable[object], loss: Loss | None
) -> None:
    """Let the batches go through the model, whose hooks and flags are restored by the caller.

    Raises:
        AdapterError: QA6135.
    """
    gradients = any("gradient" in subject.statistics for subject in subjects)
    first = next(model.parameters(), None)
    device = torch.device("cpu") if first is None else first.device
    mask: list[Tensor | None] = [None]
    count = 0
    model.eval()
    if gradients:
        model.requires_grad_(False)
    for subject in subjects:
        subject.module.register_forward_hook(
            lambda _, inputs, output, own=subject: own.see(inputs[0], output, mask[0])
        )
    for batch in batches:
        count += 1
        moved = _moved(batch, device)
        own = moved.get("attention_mask") if isinstance(moved, Mapping) else None
        mask[0] = own if isinstance(own, Tensor) else None
        with torch.set_grad_enabled(gradients):
            output = _run(model, moved)
            if gradients:
                torch.autograd.backward(_loss(output, moved, loss))
    if not count:
        raise AdapterError(CalibrationFailed(reason="there are no batches"))
    for subject in subjects:
        reason = _lack(subject)
        if reason is not None:
            raise AdapterError(CalibrationFailed(reason=reason))


def _lack(subject: Subject) -> str | None:
    """Why there are no start values after all batches."""
    module = subject.place.site.module
    for name, statistic in subject.statistics.items():
        if isinstance(statistic, InputDirections):
            wanted = max(t.shape[0] for t in subject.tensors if t.init.start == name)
            if statistic.tokens < wanted:
                return f"`{module}` saw {statistic.tokens} tokens, fewer than its {wanted} rows"
        elif statistic.empty:
            return f"no batch reached `{module}`"
        if not bool(torch.isfinite(statistic.value()).all()):
            return f"what `{module}` saw is not finite, or has too few directions"
    return None


def _moved(batch: object, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {name: _moved(value, device) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(_moved(value, device) for value in batch)
    return batch


def _run(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    if isinstance(batch, tuple):
        return model(*batch)
    if isinstance(batch, Tensor):
        return model(batch)
    kind = type(batch).__name__
    raise AdapterError(CalibrationFailed(reason=f"a batch is a `{kind}`, no tensors"))


def _loss(output: Any, batch: Any, loss: Loss | None) -> Tensor:
    found = getattr(output, "loss", None) if loss is None else loss(output, batch)
    if not isinstance(found, Tensor):
        what = "the model returns none; its batches may lack `labels`"
        what = what if loss is None else f"`loss` returns a `{type(found).__name__}`, no tensor"
        raise AdapterError(CalibrationFailed(reason=f"gradients need a loss, and {what}"))
    if found.numel() != 1 or not found.requires_grad:
        reason = "the loss is no single number that depends on the modules"
        raise AdapterError(CalibrationFailed(reason=reason))
    return found.sum()
