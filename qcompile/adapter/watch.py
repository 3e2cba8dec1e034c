"""Whether the modules that have adapters are called at all.

Code that reads `module.weight` passes an adapter by, and nothing else tells. So the first forward
pass of a model is watched. Compiled code runs without Python and is not.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn

from qcompile.adapter.calls import Calls
from qcompile.artifact.peft_folder import ATTENTION, BESIDE, PARAMETERS
from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.interface import PartsNotCalled


def watch(model: nn.Module) -> None:
    """Look once, after the next forward pass; a copy of the model looks for itself."""
    unwatch(model)
    model.register_forward_hook(check_calls)


def unwatch(model: nn.Module) -> None:
    """Undo `watch`."""
    for number, hook in list(model._forward_hooks.items()):
        if hook is check_calls:
            model._forward_hooks.pop(number, None)


def check_calls(model: nn.Module, _args: Any, _output: Any) -> None:
    """A forward hook: warns of the parts that the pass did not reach (QA6012)."""
    if torch.compiler.is_compiling():
        return
    unwatch(model)
    missed = _never_called(model)
    if missed:
        first, *others = missed
        message = PartsNotCalled(module=first, others=tuple(others))
        warnings.warn(QCompileWarning(message), stacklevel=2)


def _never_called(model: nn.Module) -> list[str]:
    """Names of modules; of those that differ in numbers alone none was called."""
    compiled: set[str] = set()
    groups: dict[str, list[tuple[str, Calls]]] = {}
    for name, module in model.named_modules():
        above = name.rpartition(".")[0]
        if above in compiled or module._compiled_call_impl or "_orig_mod" in module._modules:
            compiled.add(name)
            continue
        calls = vars(module).get("calls")
        if isinstance(calls, Calls):
            inside = name.rpartition(".")[2] in (ATTENTION, BESIDE, PARAMETERS)
            shown = above if inside else name
            groups.setdefault(_without_numbers(name), []).append((shown, calls))
    missed = []
    for group in groups.values():
        if not any(calls.seen for _, calls in group):
            missed += [name for name, _ in group]
            # Said once, also where a wrapper around the model is watched as well.
            for _, calls in group:
                calls.seen = True
    return missed


def _without_numbers(name: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in name.split("."))
