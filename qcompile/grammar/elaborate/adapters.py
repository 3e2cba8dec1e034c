"""Adapters: one body for the parameters as they stand, one more for each set of overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from qcompile.diagnostics.messages.calls import ArgumentTwice, PositionalAfterNamed
from qcompile.diagnostics.messages.names import UnknownTarget, WrongKind
from qcompile.diagnostics.messages.parameters import (
    MissingValue,
    TooManyVariants,
    UnknownParameter,
)
from qcompile.diagnostics.messages.tables import NoWeightToStartFrom
from qcompile.diagnostics.messages.values import ResultWidth
from qcompile.diagnostics.source import Span
from qcompile.grammar.elaborate.attachments import (
    AttachPlacement,
    check_places,
    read_placements,
    read_shape,
)
from qcompile.grammar.elaborate.controls import check_control
from qcompile.grammar.elaborate.expect import as_declared
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.graph import GraphBuilder
from qcompile.grammar.elaborate.overrides import Override, find_override, read_override
from qcompile.grammar.elaborate.parameters import check_parameters, default_value, typed_parameters
from qcompile.grammar.elaborate.remarks import start_of_update, unused_names
from qcompile.grammar.elaborate.scope import KIND_WORDS, Definition, LocalName, Scope
from qcompile.grammar.elaborate.statements import run_body
from qcompile.grammar.syntax import AdapterItem, PortableName, PrefixStatement, ResultStatement
from qcompile.ir.operands import Operand, Typed
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.scalar import Scalar, ScalarValue
from qcompile.ir.spec import AdapterSpec, Attachment, Body, Mode, Shape

MAX_VARIANTS = 64

_MODES: dict[str, Mode] = {"update": "add", "replace": "replace", "prefix": "prefix"}

Variant = tuple[tuple[str, Scalar], ...]


def elaborate_adapter(
    frame: Frame, definition: Definition, overrides: Sequence[Override], target: str | None
) -> AdapterSpec | None:
    """Elaborate an adapter; None where it has errors."""
    return _Adapter(frame, definition, overrides).run(target)


class _Adapter:
    def __init__(self, frame: Frame, definition: Definition, overrides: Sequence[Override]) -> None:
        self.frame = frame
        self.session = frame.session
        self.definition = definition
        self.item = cast(AdapterItem, definition.item)
        self.name = self.item.name.text
        self.overrides = overrides
        self.missing: list[str] = []

    def run(self, default_target: str | None) -> AdapterSpec | None:
        before = self.session.errors
        item = self.item
        check_parameters(self.session, item.parameters, "in an adapter")
        target = self._target(default_target)
        base = self._scope({})
        inner = replace(self.frame, scope=base)
        check_places(inner, item)
        shape = read_shape(inner, item)
        placements = read_placements(inner, item)
        variants = [self._variant(inner, placement) for placement in placements]
        bodies = self._bodies(base, shape, variants)
        if self.session.errors > before or any(body is None for body in bodies.values()):
            return None
        order = list(bodies)
        found = tuple(body for body in bodies.values() if body is not None)
        check_control(self.session, item, found)
        unused_names(self.session, self._last, "adapter", self.name)
        body, result = found[0], item.body[-1]
        start_of_update(self.session, self.name, body.nodes, body.result, body.mode, result.span)
        attachments = tuple(
            Attachment(
                pattern=pattern.value,
                portable=isinstance(pattern, PortableName),
                layers=placement.layers,
                body=order.index(self._key(variant)),
                span=pattern.span,
            )
            for placement, variant in zip(placements, variants, strict=True)
            if variant is not None
            for pattern in placement.statement.patterns
        )
        return AdapterSpec(
            name=self.name,
            attachments=attachments,
            shape=shape,
            bodies=found,
            target=target,
            span=item.name.span,
        )

    def _target(self, default: str | None) -> str | None:
        name = self.item.target
        if name is None:
            return default
        found = self.definition.home.names.get(name.text)
        if found is not None and found.kind == "target":
            found.used = True
            return found.name
        if found is not None:
            kind = KIND_WORDS[found.kind]
            self.session.report(
                WrongKind(
                    span=name.span, name=name.text, kind=kind, wanted="a target", first=found.span
                )
            )
        elif not self.definition.home.incomplete:
            names = self.definition.home.names
            targets = (key for key, item in names.items() if item.kind == "target")
            near = self.session.nearest(name.text, targets)
            self.session.report(UnknownTarget(span=name.span, name=name.text, candidates=near))
        return None

    def _scope(self, given: dict[str, Typed]) -> Scope:
        """Return the scope of the parameters' values; `given` comes from `with`."""
        scope = Scope(file=self.definition.home)
        frame = replace(self.frame, scope=scope)
        self.missing = []
        for parameter in typed_parameters(self.item.parameters):
            name = parameter.name.text
            operand: Operand
            override = find_override(self.overrides, self.name, name)
            if name in given:
                operand = given[name]
            elif override is not None:
                operand = read_override(self.session, override, parameter)
                default_value(frame, parameter)
            elif parameter.default is not None:
                operand = default_value(frame, parameter)
            else:
                operand = None
                self.missing.append(name)
            scope.define(self.session, parameter.name, operand, "parameter")
        for parameter in self.item.parameters:
            if parameter.type is None and parameter.name.text not in scope.locals:
                poison = LocalName(operand=None, kind="parameter", span=parameter.span, used=True)
                scope.locals[parameter.name.text] = poison
        return scope

    def _variant(self, frame: Frame, placement: AttachPlacement) -> dict[str, Typed] | None:
        """Return the values that one `with` gives."""
        parameters = {item.name.text: item for item in typed_parameters(self.item.parameters)}
        given: dict[str, Typed] = {}
        places: dict[str, Span] = {}
        fine = True
        for argument in placement.statement.overrides:
            operand = frame.evaluate(argument.value)
            if argument.name is None:
                self.session.report(PositionalAfterNamed(span=argument.span))
                fine = False
                continue
            name = argument.name.text
            parameter = parameters.get(name)
            if parameter is None or parameter.type is None:
                near = self.session.nearest(name, parameters)
                where = f" in adapter `{self.name}`"
                self.session.report(
                    UnknownParameter(
                        span=argument.name.span, name=name, where=where, candidates=near
                    )
                )
                fine = False
                continue
            if name in places:
                self.session.report(
                    ArgumentTwice(span=argument.span, name=name, first=places[name])
                )
                fine = False
                continue
            places[name] = argument.span
            value = as_declared(self.session, operand, f"`{name}`", parameter.type.text)
            if value is None:
                fine = False
            else:
                given[name] = value
        return given if fine else None

    def _key(self, variant: dict[str, Typed]) -> Variant:
        return tuple((name, variant[name].scalar) for name in sorted(variant))

    def _bodies(
        self, base: Scope, shape: Shape | None, variants: list[dict[str, Typed] | None]
    ) -> dict[Variant, Body | None]:
        good = [variant for variant in variants if variant is not None]
        bodies: dict[Variant, Body | None] = {}
        missing = list(self.missing)
        only_with = bool(missing) and bool(good) and all(set(missing) <= set(v) for v in good)
        if missing and not only_with:
            for parameter in self.item.parameters:
                if parameter.name.text in missing:
                    name = parameter.name.text
                    self.session.report(
                        MissingValue(span=parameter.span, name=name, adapter=self.name)
                    )
        if not only_with:
            bodies[()] = self._body(base, shape)
        for placement_variant in good:
            key = self._key(placement_variant)
            if key in bodies:
                continue
            if len(bodies) > MAX_VARIANTS:
                self.session.report(
                    TooManyVariants(span=self.item.name.span, adapter=self.name, limit=MAX_VARIANTS)
                )
                break
            bodies[key] = self._body(self._scope(placement_variant), shape)
        return bodies

    def _body(self, scope: Scope, shape: Shape | None) -> Body | None:
        """Elaborate the statements for one set of parameters."""
        self._last = scope
        session, item = self.session, self.item
        before = session.errors
        sizes: dict[str, ScalarValue] = {}
        if shape is not None:
            sizes = {"in_features": shape.in_features, "out_features": shape.out_features}
        graph = GraphBuilder(session=session, sizes=sizes)
        parameters = tuple(
            (name, local.operand.constant if isinstance(local.operand, Typed) else None)
            for name, local in scope.locals.items()
        )
        graph.add(SpecInput(span=item.name.span), None, item.name.span)
        frame = replace(self.frame, scope=scope, graph=graph, input=0)
        result = run_body(
            frame, item.body, kind="adapter", name=self.name, prefix="", span=item.name.span
        )
        if result is None or session.errors > before:
            return None
        if shape is not None:
            for node in graph.nodes:
                started = node.from_module
                if started is not None and node.span is not None:
                    session.report(NoWeightToStartFrom(span=node.span, init=started.kind))
        width = graph.number(result.width)
        if shape is not None and width is not None and width != shape.out_features:
            session.report(ResultWidth(span=result.span, width=width, expected=shape.out_features))
        last = next(s for s in item.body if isinstance(s, (ResultStatement, PrefixStatement)))
        return Body(
            parameters=parameters,
            nodes=tuple(graph.nodes),
            result=result.node,
            mode=_MODES[last.kind],
            requirements=tuple(graph.requirements),
            training=tuple(graph.training),
            control=graph.control,
            span=item.span,
        )
