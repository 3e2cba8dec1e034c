"""Inputs of modules, for what is measured over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.peft import SamplesUnusable
from qcompile.ir.hosts import EMBEDDING_HOST

Samples = Tensor | Mapping[str, Tensor]
"""Inputs (…, in_features) of every module, or of each by its name; of embeddings ids (…)."""


def samples_of(
    parts: Mapping[str, Sequence[AdapterModule]], samples: Samples | None
) -> dict[str, Tensor]:
    """Rows (rows, in_features) in float64, or token ids (rows,), for each module with samples."""
    if samples is None:
        return {}
    given = dict(samples) if isinstance(samples, Mapping) else dict.fromkeys(parts, samples)
    problems = [
        SamplesUnusable(reason=f"the adapter has no module `{name}`")
        for name in given
        if name not in parts
    ]
    found = {}
    for module, x in given.items():
        if module not in parts:
            continue
        width = parts[module][0].plan.in_features
        if parts[module][0].plan.host == EMBEDDING_HOST:
            reason = _no_ids(x, width)
            if reason is None:
                found[module] = x.detach().cpu().long().reshape(-1)
            else:
                reason = f"`{module}` takes token ids below {width}, not {reason}"
                problems.append(SamplesUnusable(reason=reason))
        elif not isinstance(x, Tensor) or x.dim() == 0 or x.shape[-1] != width or x.numel() == 0:
            shape = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            reason = f"`{module}` takes inputs (…, {width}), not {shape}"
            problems.append(SamplesUnusable(reason=reason))
        elif not bool(torch.isfinite(x).all()):
            reason = f"the inputs of `{module}` hold NaN or infinite values"
            problems.append(SamplesUnusable(reason=reason))
        else:
            found[module] = x.detach().cpu().double().reshape(-1, width)
    if problems:
        raise AdapterError(*few(problems))
    return found


def _no_ids(x: object, tokens: int) -> str | None:
    """What is given where it is not the ids of so many tokens."""
    if not isinstance(x, Tensor):
        return type(x).__name__
    # Files of numbers are read as float64.
    whole = not x.dtype.is_complex and x.dtype != torch.bool and bool((x == x.round()).all())
    if not whole or x.numel() == 0:
        return f"{str(x.dtype).removeprefix('torch.')} of shape {tuple(x.shape)}"
    outside = int(x.min()) < 0 or int(x.max()) >= tokens
    return f"ids from {int(x.min())} to {int(x.max())}" if outside else None
