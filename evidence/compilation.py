"""A method and a model → a compiled adapter on the task's modules, wherever the file puts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from torch import nn

from evidence.methods import Method, Value
from qcompile.adapter import CompiledAdapter
from qcompile.artifact.layout import layout, trainable_parameters
from qcompile.artifact.manifest import Manifest
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.grammar.files import read_source
from qcompile.ir.compilation import ModelInfo
from qcompile.ir.plan import EvaluationNode, orthogonals
from qcompile.ir.spec import AdapterSpec, Attachment, Spec
from qcompile.models.skeleton import describe_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where every adapter of a task sits."""

    model: ModelInfo
    linear: tuple[str, ...]
    """Names of the query and value maps."""
    attention: tuple[str, ...]
    """Names of the attention modules around them."""
    tokens: int
    """Of one step; costs are weighed for them."""

    @classmethod
    def of(cls, model: nn.Module, linear: Sequence[str], tokens: int) -> Places:
        """Of a model whose attention modules hold the named linear ones."""
        attention = dict.fromkeys(name.rpartition(".")[0] for name in linear)
        return cls(
            model=describe_model(model),
            linear=tuple(linear),
            attention=tuple(attention),
            tokens=tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A method in one size, compiled."""

    manifest: Manifest
    parameters: int
    """Trainable, shared ones once."""
    quantum: int
    """Of them the angles of circuits."""

    @property
    def digest(self) -> str:
        """Of the plan: what is executed, to the last contraction."""
        return dict(self.manifest.digests)["plan"]

    def build(self, seed: int) -> CompiledAdapter:
        """The adapter with the initial tensors of a seed."""
        planned = replace(self.manifest.planned, seed=seed)
        return CompiledAdapter(replace(self.manifest, planned=planned))


@cache
def _compiled(
    path: str,
    values: tuple[tuple[str, Value], ...],
    place: Literal["linear", "attention"],
    control: bool,
    places: Places,
) -> Shape:
    options = Options(
        parameters=values,
        tokens=places.tokens,
        control=control,
    )
    modules = places.linear if place == "linear" else places.attention
    compilation = compile_source(
        read_source(path),
        options,
        model=places.model,
        adjust=lambda spec: _placed(spec, modules),
    )
    manifest = compilation.manifest
    return Shape(
        manifest=manifest,
        parameters=trainable_parameters(manifest.planned),
        quantum=_angles(manifest),
    )


def compile_method(method: Method, values: Mapping[str, Value], places: Places) -> Shape:
    """Compile a method's file with values for its parameters.

    Raises:
        CompileError: With every error of the first phase that found any.
        UsageError: The file cannot be read.
    """
    ordered = tuple(sorted(values.items()))
    return _compiled(str(method.path), ordered, method.place, method.control, places)


def _placed(spec: Spec, modules: tuple[str, ...]) -> Spec:
    """The adapter of a file on exactly these modules, as its first attachment says it."""

    def moved(adapter: AdapterSpec) -> AdapterSpec:
        body = adapter.attachments[0].body if adapter.attachments else 0
        places = tuple(
            Attachment(pattern=name, layers=None, body=body, span=adapter.span) for name in modules
        )
        return replace(adapter, attachments=places, shape=None)

    return replace(spec, adapters=tuple(moved(adapter) for adapter in spec.adapters))


def _angles(manifest: Manifest) -> int:
    """Trainable parameters that are angles of circuits."""
    planned = manifest.planned
    total = 0
    for entry in layout(planned):
        plan = planned.plans[planned.sites[entry.site].unit]
        circuits = {n.angles for n in plan.nodes if isinstance(n, EvaluationNode)}
        matrices = {matrix.angles for n in plan.nodes for matrix in orthogonals(n)}
        if entry.tensor in circuits | matrices:
            size = 1
            for extent in entry.shape:
                size *= extent
            total += size
    return total
