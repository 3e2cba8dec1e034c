"""Updates that are added to parameters: the weights of all experts of a layer, and of routers.

The module stays where it is. While its forward runs, its attribute is the changed parameter; the
parameter itself keeps its name, its values and its place in the state_dict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from qcompile.adapter.calls import Calls
from qcompile.adapter.hooks import take_hook
from qcompile.adapter.named import NamedParts
from qcompile.adapter.switch import Switch
from qcompile.artifact.peft_folder import PARAMETERS
from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.hosts import target_name
from qcompile.models.parameters import is_transposed

_UNITS: WeakValueDictionary[tuple[int, torch.dtype, torch.device], Tensor] = WeakValueDictionary()
"""Unit matrices that a backward pass still needs: one for all parts of a width."""

Weighted = Iterable[tuple[AdapterModule, float]]


class ParameterTurn:
    """Lets one thread at a time change the parameters of a module; no part of copies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    def take(self) -> None:
        # A call that was interrupted has left it to this thread.
        if not self.is_mine():
            self._lock.acquire()
            self._owner = threading.get_ident()

    def is_mine(self) -> bool:
        """Whether this thread has it."""
        return self._owner == threading.get_ident()

    def give(self) -> None:
        """Let others have it."""
        self._owner = None
        self._lock.release()

    def __reduce__(self) -> tuple[type[ParameterTurn], tuple[()]]:
        return ParameterTurn, ()


Held = TypeVar("Held", bound=nn.Module)


class TargetParts(Protocol):
    """What holds the parts at a parameter, or at a slice of it."""

    parameter: str
    expert: int | None

    def changing(self, stack: ExitStack) -> list[tuple[AdapterModule, float]]:
        """The parts that are on, with what multiplies their matrices; then `stack` is left."""


class ParameterTarget(NamedParts):
    """The parts of attached adapters at a parameter, or at a slice of it."""

    def __init__(self, switch: Switch, parameter: str, expert: int | None) -> None:
        super().__init__(switch)
        self.parameter = parameter
        self.expert = expert

    def changing(self, stack: ExitStack) -> list[tuple[AdapterModule, float]]:
        standing = self.switch.standing()
        if standing.frozen != self.switch.now().frozen:
            stack.enter_context(self.trained_as_in(standing))
        parts, weights = self.weighted(standing)
        return list(zip(parts, weights, strict=True))


class ParameterHolder(nn.Module):
    """All targets of one module."""

    def __init__(self, transposed: bool) -> None:
        """`transposed`: experts are kept as (experts, in, out)."""
        super().__init__()
        self.transposed = transposed
        self.calls = Calls()
        self.turn = ParameterTurn()

    def targets(self) -> list[Any]:
        return list(self.children())

    def parts(self) -> list[AdapterModule]:
        """Of all targets."""
        return [part for target in self.targets() for part in target.parts()]

    def forward(self, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
        """Changed parameters by name, of all where an adapter is on."""
        changes: dict[str, list[tuple[int | None, Tensor]]] = {}
        for target in self.targets():
            with ExitStack() as stack:
                parts = target.changing(stack)
                if parts:
                    weight = parameters[target.parameter]
                    change = self.laid_out(weight, matrix(parts)).to(weight.dtype)
                    changes.setdefault(target.parameter, []).append((target.expert, change))
        return {name: added(parameters[name], found) for name, found in changes.items()}

    def laid_out(self, weight: Tensor, change: Tensor) -> Tensor:
        """(out_features, in_features) as the parameter keeps it."""
        return change.T if self.transposed and weight.dim() == 3 else change


def matrix(parts: Weighted) -> Tensor:
    """The sum of the updates as matrices (out_features, in_features), differentiable."""
    total: Tensor | None = None
    for part, weight in parts:
        found = part.matrix(_unit)
        found = found if weight == 1 else weight * found
        total = found if total is None else total + found
    assert total is not None
    return total


def _unit(width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    key = (width, dtype, device)
    found = None if torch.compiler.is_compiling() else _UNITS.get(key)
    if found is None:
        found = torch.eye(width, dtype=dtype, device=device)
        if not torch.compiler.is_compiling():
            _UNITS[key] = found
    return found


def added(weight: Tensor, changes: Sequence[tuple[int | None, Tensor]]) -> Tensor:
    """The parameter with a matrix added to each of its slices (None), and others to single ones."""
    result = weight
    for expert, change in changes:
        if expert is None:
            result = result + change
    own = [(expert, change) for expert, change in changes if expert is not None]
    if not own:
        return result
    # `index_add` would keep the changes until the backward pass.
    slices = list(result.unbind(0))
    for expert, change in own:
        slices[expert] = slices[expert] + change
    return torch.stack(slices)


def change_parameters(module: nn.Module, _args: Any) -> None:
    """A hook before forward: from now on the attributes are the changed parameters."""
    holder = module._modules.get(PARAMETERS)
    if not isinstance(holder, ParameterHolder):
        return
    holder.calls.note()
    holder.turn.take()
    try:
        # Of a replica of DataParallel, they are attributes already.
        held = {t.parameter: getattr(module, t.parameter) for t in holder.targets()}
        for name, value in holder(held).items():
            vars(module)[name] = value
    except BaseException:
        change_back(module, None, None)
        raise


def change_back(module: nn.Module, _args: Any, _output: Any) -> None:
    """A hook after forward, also where that fails."""
    holder = module._modules.get(PARAMETERS)
    if isinstance(holder, ParameterHolder) and holder.turn.is_mine():
        for target in holder.targets():
            if target.parameter in module._parameters:
                vars(module).pop(target.parameter, None)
        holder.turn.give()


def parameters_of(module: nn.Module) -> ParameterHolder | None:
    """What holds the parts at the parameters of a module."""
    found = module._modules.get(PARAMETERS)
    return found if isinstance(found, ParameterHolder) else None


def put_at_parameters(module: nn.Module, holder: ParameterHolder) -> None:
    """Let a holder change the parameters of a module."""
    holder.train(module.training)
    module.add_module(PARAMETERS, holder)
    module.register_forward_pre_hook(change_parameters)
    module.register_forward_hook(change_back, always_call=True)


def take_from_parameters(module: nn.Module) -> None:
    """Undo `put_at_parameters`; works on a copy of the module as well."""
    module._modules.pop(PARAMETERS, None)
    take_hook(change_parameters, module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs)
    for number in [n for n, hook in module._forward_hooks.items() if hook is change_back]:
        module._forward_hooks_always_called.pop(number, None)
    take_hook(change_back, module._forward_hooks, module._forward_hooks_with_kwargs)


def target_at(
    module: nn.Module, switch: Switch, parameter: str, expert: int | None
) -> ParameterTarget:
    """What holds the parts there, or a new one that holds them now."""
    return held_at(
        module,
        target_name(parameter, expert),
        ParameterTarget,
        lambda: ParameterTarget(switch, parameter, expert),
    )


def held_at(module: nn.Module, name: str, kind: type[Held], make: Callable[[], Held]) -> Held:
    """The target of that name at the parameters of a module, or a new one that stands there now."""
    holder = parameters_of(module)
    if holder is None:
        holder = ParameterHolder(is_transposed(module))
        put_at_parameters(module, holder)
    found = holder._modules.get(name)
    if not isinstance(found, kind):
        found = make()
        found.train(holder.training)
        holder.add_module(name, found)
    return found


def take_off_parameters(module: nn.Module, names: Iterable[str]) -> None:
    """Take the parts of these adapters off a module."""
    holder = parameters_of(module)
    if holder is None:
        return
    for name, target in list(holder.named_children()):
        if isinstance(target, ParameterTarget):
            target.take_off(list(names))
            if not target.owners:
                del holder._modules[name]
    if not holder._modules:
        take_from_parameters(module)


def named_parts_at_parameters(module: nn.Module) -> list[tuple[str, AdapterModule]]:
    """The parts at the parameters of a module with the names under which they are attached."""
    holder = parameters_of(module)
    targets = [] if holder is None else holder.targets()
    return [
        found for it in targets if isinstance(it, ParameterTarget) for found in it.named_parts()
    ]
