"""Inputs of modules, for what is measured over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.peft import SamplesUnusable

Samples = Tensor | Mapping[str, Tensor]
"""Inputs (…, in_features) of every module, or of each by its name."""


def samples_of(
    parts: Mapping[str, Sequence[AdapterModule]], samples: Samples | None
) -> dict[str, Tensor]:
    """Rows (rows, in_features) in float64 for each module that has samples."""
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
        if not isinstance(x, Tensor) or x.dim() == 0 or x.shape[-1] != width or x.numel() == 0:
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
