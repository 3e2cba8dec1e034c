"""A forward pass without numbers shows whether modules with adapters take part as they should.

It runs on torch's fake tensors, which have shapes, dtypes and devices and no memory. The model is
given back as it was.
"""

from __future__ import annotations

import contextlib
import logging
import random
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map, tree_map_only

from qcompile.adapter.calls import Calls
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.interface import ModuleUnsuited
from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS, parameter_of
from qcompile.ir.plan import Plan
from qcompile.models.linear import linear_sizes
from qcompile.models.tiny_inputs import tiny_inputs

CHOSEN = "_experts_implementation_internal"
"""The attribute of a configuration of transformers with the implementation of experts."""

CONTAINERS = (list, dict, set)

LOG = logging.getLogger("qcompile")


@dataclass(frozen=True)
class Probed:
    """A module that has adapters."""

    module: nn.Module
    """The module of the model itself."""
    holder: nn.Module
    """What holds the adapters, and notes its calls."""
    site: str
    plan: Plan


class NotProbed(Exception):
    """Why a model is attached to without having been probed."""


def probe(
    model: nn.Module,
    places: Iterable[Probed],
    inputs: object = None,
) -> list[Message]:
    """What is wrong with the places of adapters, as one tiny forward pass shows it (QA6011).

    Nothing where the model cannot be run so: a note at debug level in the log says why.

    Args:
        model: With adapters, all of which are off in this thread.
        places: Those that have just been attached.
        inputs: Of the model: a tensor, a tuple or a list of arguments, or arguments by name; None:
            those that are known of models of transformers.
    """
    places = list(places)
    try:
        _refuse_unsafe(model)
        tries = (
            [_arguments(inputs)]
            if inputs is not None
            else [((), found) for found in tiny_inputs(model)]
        )
        if not tries:
            raise NotProbed("no inputs of it are known; `example_inputs` of `attach` has a place")
        pass_ = _first_that_works(model, places, tries)
    except NotProbed as reason:
        LOG.debug("%s is not probed before training: %s", type(model).__name__, reason)
        return []
    return [found for place in places if (found := _problem(place, pass_)) is not None]


def _arguments(inputs: object) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def _refuse_unsafe(model: nn.Module) -> None:
    """Code of others that acts when the model is called would meet tensors without numbers."""
    for name, module in model.named_modules():
        hooks = (*module._forward_hooks.values(), *module._forward_pre_hooks.values())
        for hook in hooks:
            if not str(getattr(hook, "__module__", "")).startswith("qcompile."):
                raise NotProbed(f"`{name}` has a hook of its own")
        if module._compiled_call_impl is not None or hasattr(module, "_orig_mod"):
            raise NotProbed(f"`{name}` is compiled")
        if "_hf_hook" in vars(module) or type(module).__module__.startswith("torch.nn.parallel"):
            raise NotProbed(f"`{name}` moves or gathers tensors when it is called")
    for name, parameter in model.named_parameters():
        if hasattr(parameter, "ds_id") or hasattr(parameter, "device_mesh"):
            raise NotProbed(f"`{name}` is sharded")


def _first_that_works(
    model: nn.Module,
    places: list[Probed],
    tries: list[tuple[tuple[Any, ...], dict[str, Any]]],
) -> Pass:
    for args, kwargs in tries:
        pass_ = Pass(model, places)
        try:
            with (
                _as_it_was(model),
                _without_quantised(model),
                _experts_by_shape(model),
                _quiet(),
                pass_.without_numbers() as given,
            ):
                model(*tree_map(given, args), **tree_map(given, kwargs))
                pass_.called = {
                    id(place.holder) for place in places if vars(place.holder)["calls"].seen
                }
        except MemoryError:
            raise
        except Exception as error:
            # A model raises what it likes: values decide where it goes on, an operation has no
            # form without numbers, other inputs are needed.
            reason = f"its forward pass fails ({type(error).__name__}: {str(error)[:200]})"
        else:
            return pass_
    raise NotProbed(reason)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's reports of operations without a fake form out of the log."""
    log = logging.getLogger("torch._subclasses.fake_tensor")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


@dataclass
class _Shapes:
    """Of the last input and output of a linear map; None: no tensor."""

    given: tuple[int, ...] | None
    found: tuple[int, ...] | None
    kind: str


class Pass(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, tensors have no numbers; notes which weights are read, and what the modules give."""

    def __init__(self, model: nn.Module, places: list[Probed]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model = model
        self.owners = _owners(model)
        self.read: set[int] = set()
        """`id` of weights."""
        self.called: set[int] = set()
        """`id` of what holds adapters."""
        self.shapes: dict[int, _Shapes] = {}
        """By `id` of a module."""
        self._watched = {id(place.module) for place in places}
        self._held = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
        self._fake: Any = None

    @contextlib.contextmanager
    def without_numbers(self) -> Iterator[Callable[[Any], Any]]:
        """Gives what makes an argument one without numbers, on the device of the model."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        device = next((p.device for p in self.model.parameters()), torch.device("cpu"))
        mode = self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        hook = register_module_forward_hook(self._note)
        try:
            with mode, self, torch.no_grad():
                yield lambda it: mode.from_tensor(it).to(device) if isinstance(it, Tensor) else it
        finally:
            hook.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = tree_map_only(Tensor, self._read, (args, kwargs or {}))
        return func(*args, **kwargs)

    def _read(self, tensor: Tensor) -> Tensor:
        self.read.add(id(tensor))
        # torch's own conversion leaves alone what is changed in place by a number.
        found: Tensor = self._fake.from_tensor(tensor) if id(tensor) in self._held else tensor
        return found

    def _note(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if id(module) in self._watched:
            given: Any = args[0] if args else None
            self.shapes[id(module)] = _Shapes(
                given=tuple(given.shape) if isinstance(given, Tensor) else None,
                found=tuple(output.shape) if isinstance(output, Tensor) else None,
                kind=type(output).__name__,
            )


@contextlib.contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Inside, the model evaluates and no module counts as called; afterwards all is as it was.

    That is attributes, lists and dictionaries in them, buffers, children, and generators of random
    numbers.
    """
    kept: list[tuple[Any, Any]] = []
    calls = []
    for module in model.modules():
        own = vars(module)
        kept += [(value, value.copy()) for value in own.values() if type(value) in CONTAINERS]
        kept.append((own, dict(own)))
        if isinstance(own.get("calls"), Calls):
            calls.append((own["calls"], own["calls"].seen))
    state = random.getstate()
    try:
        for module in model.modules():
            module.training = False
        for found, _ in calls:
            found.seen = False
        with torch.random.fork_rng(devices=()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(state)
        for container, before in kept:
            container.clear()
            container.extend(before) if isinstance(container, list) else container.update(before)
        for found, seen in calls:
            found.seen = seen


@contextlib.contextmanager
def _experts_by_shape(model: nn.Module) -> Iterator[None]:
    """Inside, experts of transformers' models run by products of batches, which have fake forms.

    The grouped kernel has none, and a loop over the experts that are hit depends on numbers.
    """
    configs = {id(it): it for module in model.modules() if (it := vars(module).get("config"))}
    before = [(it, vars(it)[CHOSEN]) for it in configs.values() if CHOSEN in _attributes(it)]
    try:
        for config, _ in before:
            vars(config)[CHOSEN] = "batched_mm"
        yield
    finally:
        for config, value in before:
            vars(config)[CHOSEN] = value


def _attributes(value: object) -> dict[str, Any]:
    return getattr(value, "__dict__", {})


@contextlib.contextmanager
def _without_quantised(model: nn.Module) -> Iterator[None]:
    """Inside, linear maps whose weights are no plain numbers give outputs of their widths."""
    replaced = []
    try:
        for module in model.modules():
            # What wraps a module has the sizes of what is in it.
            sizes = None if hasattr(module, "base_layer") else linear_sizes(module)
            if sizes is None or "forward" in vars(module):
                continue
            weight: Any = module.weight
            plain = isinstance(weight, Tensor) and weight.dtype.is_floating_point
            if not (plain and type(weight) in (nn.Parameter, Tensor)):
                vars(module)["forward"] = _stand_in(sizes[1])
                replaced.append(module)
        yield
    finally:
        for module in replaced:
            del vars(module)["forward"]


def _stand_in(width: int) -> Callable[..., Tensor]:
    return lambda x, *_, **__: x.new_empty((*x.shape[:-1], width))


def _owners(model: nn.Module) -> Counter[int]:
    """How many modules hold each parameter, by `id`."""
    return Counter(
        id(parameter)
        for module in model.modules()
        for parameter in module._parameters.values()
        if parameter is not None
    )


def _problem(place: Probed, pass_: Pass) -> Message | None:
    module, plan = place.module, place.plan
    reason = None
    if id(place.holder) not in pass_.called:
        # A head that is tied to the embeddings has a weight that is read elsewhere.
        own = [p for p in module._parameters.values() if p is not None and pass_.owners[id(p)] == 1]
        if any(id(parameter) in pass_.read for parameter in own):
            within = plan.host in PARAMETER_HOSTS
            name = parameter_of(place.site, plan.host)[0] if within else place.site
            parent = pass_.model.get_submodule(name.rpartition(".")[0])
            kind = type(parent).__name__
            reason = (
                f"`{kind}` reads its weight and never calls it, so the adapter would have no effect"
            )
    elif plan.host == LINEAR_HOST and id(module) in pass_.shapes:
        reason = _misshapen(plan, pass_.shapes[id(module)])
    if reason is None:
        return None
    return ModuleUnsuited(
        adapter=plan.adapter, module=place.site, kind=type(module).__name__, reason=reason
    )


def _misshapen(plan: Plan, shapes: _Shapes) -> str | None:
    """What is no map of the widths of the plan."""
    if shapes.found is None:
        return f"its output is of type {shapes.kind}, and not a tensor"
    wanted = (plan.in_features, plan.out_features)
    if shapes.given is None or (shapes.given[-1:], shapes.found[-1:]) == (wanted[:1], wanted[1:]):
        if shapes.given is None or shapes.given[:-1] == shapes.found[:-1]:
            return None
    return f"it makes {shapes.found} of {shapes.given}, and is no map {wanted[0]} → {wanted[1]}"
