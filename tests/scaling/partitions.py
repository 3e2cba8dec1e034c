"""Parameters as DeepSpeed's ZeRO-3 leaves them: empty, but while they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from torch import nn


def partition(parameter: nn.Parameter) -> None:
    given: Any = parameter
    given.ds_shape = parameter.shape
    given.kept = parameter.data
    parameter.data = parameter.data.new_empty(0)


@contextmanager
def gathered_parameters(parameters: list[Any]) -> Iterator[None]:
    for parameter in parameters:
        parameter.data = parameter.kept
    yield
    for parameter in parameters:
        parameter.data = parameter.kept.new_empty(0)


def deepspeed() -> ModuleType:
    """What stands in for the package, with the one function that is called."""
    module = ModuleType("deepspeed")
    vars(module)["zero"] = SimpleNamespace(GatheredParameters=gathered_parameters)
    return module
