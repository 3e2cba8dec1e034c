"""Circuits run in the kernels for GPUs, on the CPU: a plugin of pytest for `test_gpu_kernels`.

`TRITON_INTERPRET=1` has to be set when Python starts. Operators get the implementation of GPUs,
evaluators the program for it.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

from qcompile.executors.fused import operators
from qcompile.executors.fused.build import FusedEvaluator

_OVERRIDES = torch.library.Library("qcompile", "IMPL")  # type: ignore[no-untyped-call]


def _code(self: FusedEvaluator, data: Tensor) -> tuple[Tensor, list[int]] | None:
    if data.device.type != "cpu":
        return None
    return self.gpu_code.on(data), self.launch.numbers()


def pytest_configure(config: pytest.Config) -> None:
    with warnings.catch_warnings():
        # torch warns that there was another one.
        warnings.simplefilter("ignore")
        for name, run in (
            ("fused_values", operators._values_on_gpu),
            ("fused_values_traced", operators._values_on_gpu),
            ("fused_gradients", operators._gradients_on_gpu),
        ):
            _OVERRIDES.impl(name, run, "CPU", allow_override=True)  # type: ignore[no-untyped-call]
    FusedEvaluator._code = _code  # type: ignore[method-assign]
