"""Which method of peft an adapter's plan is: the same tensors, and the same values of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.peft_methods.method import PeftForm, PeftMethod, PeftModule, Piece, Seen
from qcompile.driver.phases import compile_source
from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.hosts import EMBEDDING_HOST, LINEAR_HOST, READ_HOSTS, HostSizes
from qcompile.ir.network import ContractionNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.lookup import PickNode
from qcompile.ir.ops.scatter import ScatterNode

if TYPE_CHECKING:
    from torch import Tensor

    from qcompile.backends.simulator.module import AdapterModule
    from qcompile.ir.plan import Plan
    from qcompile.ir.tensor import TensorSpec

ROWS = 5
"""Random inputs on which two plans are compared."""
SAME = 1e-9
"""Difference of values, as a share of the largest, that is rounding in float64."""
MOST_PAIRINGS = 64
"""Ways to pair tensors of the same shapes that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A plan as one of a method."""

    form: PeftForm
    names: Mapping[str, str]
    """Tensor of the method's spec → tensor of the plan."""
    free: frozenset[str] = frozenset()
    """Entries of the configuration that say nothing of a module of this kind."""


def seen_of(plan: Plan) -> Seen:
    """What a plan shows of itself."""
    # Not the costs of a contraction.
    formulas = [it.network if isinstance(it, ContractionNode) else it for it in plan.nodes]
    numbers = [it for formula in formulas for it in _numbers(formula)]
    reals = dict.fromkeys([1.0, *(it for it in numbers if isinstance(it, float))])
    products = dict.fromkeys(a * b for a, b in combinations(reals, 2))
    seeds: dict[str, tuple[int, ...]] = {}
    for node in plan.nodes:
        if isinstance(node, ScatterNode):
            seeds[node.draw] = tuple(dict.fromkeys((*seeds.get(node.draw, ()), node.seed)))
    return Seen(
        host=plan.host,
        in_features=plan.in_features,
        out_features=plan.out_features,
        trained=tuple(it.shape for it in plan.tensors if not it.frozen),
        frozen=tuple(it.shape for it in plan.tensors if it.frozen),
        starts=tuple(it.init.kind for it in plan.tensors if it.frozen),
        reals=tuple(reals | products),
        integers=tuple(dict.fromkeys(it for it in numbers if isinstance(it, int))),
        seeds=seeds,
        places=tuple(it.places for it in plan.nodes if isinstance(it, PickNode)),
    )


def _numbers(value: object) -> Iterator[float | int]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
    elif dataclasses.is_dataclass(value):
        for entry in dataclasses.fields(value):
            yield from _numbers(getattr(value, entry.name))


def dropout_of(plan: Plan) -> float | None:
    """The probability of dropout of the input, 0 without one; None where there is another one."""
    found = {0.0}
    for node in plan.nodes:
        if isinstance(node, DropoutNode):
            if not isinstance(plan.nodes[node.operand], InputNode):
                return None
            found.add(node.probability)
    return max(found) if len(found) <= 2 else None


def recognised(part: AdapterModule, method: PeftMethod) -> list[Recognised]:
    """All forms of a method in which the plan of a part computes the same; likely ones first."""
    plan = part.plan
    probability = dropout_of(plan)
    if probability is None or (probability and method.dropout is None):
        return []
    if plan.host not in method.hosts or plan.mode == "prefix":
        return []
    if plan.uses_base and plan.host not in READ_HOSTS:
        return []
    # peft drops nothing of what an embedding looks up.
    free = frozenset({method.dropout or ""} if plan.host == EMBEDDING_HOST else ())
    if probability and free:
        return []
    compared: dict[str, Mapping[str, str] | None] = {}
    found = []
    for form in method.forms(seen_of(plan)):
        if method.dropout is not None and probability:
            form.config[method.dropout] = probability
        piece = traced(method, form, plan)
        if not _covers(plan, piece):
            continue
        if piece.body not in compared:
            compared[piece.body] = _pairing(part, piece)
        names = compared[piece.body]
        if names is not None:
            found.append(Recognised(form=form, names=names, free=free))
    return found


def traced(method: PeftMethod, form: PeftForm, plan: Plan) -> Piece:
    """What a method reads from tensors whose elements are numbered from 1, through all of them."""
    import torch

    tensors: dict[str, Tensor] = dict(form.given)
    first = 1
    for name, shape in form.shapes.items():
        size = math.prod(shape)
        tensors[name] = torch.arange(first, first + size, dtype=torch.float64).reshape(shape)
        first += size
    place = PeftModule(
        name="m",
        in_features=plan.in_features,
        out_features=plan.out_features,
        host=plan.host,
        norm=form.norm,
    )
    return (form.read or method.read)(form.config, place, tensors)


def _covers(plan: Plan, piece: Piece) -> bool:
    """Whether the plan has tensors of all the shapes."""
    shapes = [it.shape for it in plan.tensors]
    for tensor in piece.tensors.values():
        if tuple(tensor.shape) not in shapes:
            return False
        shapes.remove(tuple(tensor.shape))
    return True


def _pairing(part: AdapterModule, piece: Piece) -> Mapping[str, str] | None:
    """How the tensors of both pair so that they compute the same; None: they do not."""
    other = _compiled(piece, part.plan)
    if other is None:
        return None
    for names in islice(_pairings(part, other, piece), MOST_PAIRINGS):
        if _same(part, other, names):
            return names
    return None


def _compiled(piece: Piece, plan: Plan) -> AdapterModule | None:
    """The body of a piece for a module of the plan's sizes."""
    from qcompile.backends.simulator.module import build_module

    sizes = (plan.in_features, plan.out_features)
    linear = plan.host == LINEAR_HOST
    module = ModuleInfo(
        name="m",
        kind="Linear" if linear else "Norm",
        in_features=sizes[0] if linear else None,
        out_features=sizes[1] if linear else None,
        layer=None,
        host=None if linear else HostSizes(plan.host, *sizes, padding=plan.padding),
    )
    info = ModelInfo(architecture="", source="", digest="", modules=(module,), parameters=0)
    text = f'qa 1\nadapter a() {{\n    attach "m"\n{piece.body}\n}}\n'
    try:
        found = compile_source(Source("a.qa", text), Options(), model=info)
    except CompileError:
        return None
    return build_module(found.planned.plans[0], seed=0, site="m")


def _pairings(part: AdapterModule, other: AdapterModule, piece: Piece) -> Iterator[dict[str, str]]:
    """Bijections between the tensors of two plans, of like shapes and starts."""
    own, wanted = part.plan.tensors, other.plan.tensors
    if len(own) != len(wanted):
        return

    def rest(index: int, taken: dict[str, str]) -> Iterator[dict[str, str]]:
        if index == len(wanted):
            yield dict(taken)
            return
        spec = wanted[index]
        fits = [
            it.name
            for it in own
            if it.shape == spec.shape
            and it.frozen == spec.frozen
            and it.name not in taken.values()
            # What peft's file does not hold must come from the same place.
            and (
                spec.name in piece.tensors
                or (it.init == spec.init and (it.init.from_module or _drawn(part, it)))
            )
        ]
        for name in sorted(fits, key=lambda name: name != spec.name):
            yield from rest(index + 1, {**taken, spec.name: name})

    yield from rest(0, {})


def _drawn(part: AdapterModule, spec: TensorSpec) -> bool:
    """Whether a tensor is what its seed and name give, in whatever dtype it is now."""
    own = part.get_parameter(spec.name).detach().cpu()
    return bool((own == part.drawn(spec).to(own.dtype)).all())


def _ids(plan: Plan) -> Tensor:
    """Tokens that the plan names, a few others, and the one for padding."""
    import torch

    count = plan.in_features
    named = {it for node in plan.nodes for it in _numbers(node) if isinstance(it, int)}
    other = {0, 1, count // 3, count // 2, count - 1, plan.padding or 0}
    return torch.tensor(sorted(it for it in named | other if 0 <= it < count))


def _same(part: AdapterModule, other: AdapterModule, names: Mapping[str, str]) -> bool:
    """Whether both plans give the same for random tensors, inputs and weights."""
    import torch

    from qcompile.backends.simulator.module import build_module

    plan = part.plan
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mine = build_module(plan, seed=0, site="m").double()
    theirs = other.double()
    specs = {it.name: it for it in theirs.plan.tensors}
    with torch.no_grad():
        for name, own in names.items():
            constant = specs[name].frozen and not specs[name].init.from_module
            value = theirs.get_parameter(name)
            if not constant or specs[name].init.kind != "constant":
                value.copy_(0.5 * drawn(*value.shape))
            mine.get_parameter(own).copy_(value)
    x = _ids(plan) if plan.host == EMBEDDING_HOST else drawn(ROWS, plan.in_features)
    base = None
    y = drawn(len(x), plan.out_features)
    if plan.host in READ_HOSTS:
        base = torch.nn.Linear(plan.in_features, plan.out_features, dtype=torch.float64)
        base.requires_grad_(False)
        base.weight.copy_(drawn(*base.weight.shape) / plan.in_features**0.5)
        base.bias.copy_(drawn(plan.out_features))
        y = base(x)
    values = []
    for module in (mine, theirs):
        (found,) = module.values_at([module.plan.result], x, y, base)
        values.append(found + y if module.plan.mode == "add" else found.expand_as(y))
    scale = float(values[1].abs().max())
    return float((values[0] - values[1]).abs().max()) <= SAME * max(scale, 1e-3)
