"""Where an adapter goes: `attach` with patterns, layers and overrides, or `shape`."""

from __future__ import annotations

from dataclasses import dataclass

from qcompile.diagnostics.messages.attachment import UnknownPortable
from qcompile.diagnostics.messages.bodies import BadPattern, NoPlace, PatternRepeated, TwoPlaces
from qcompile.diagnostics.messages.types import ReversedRange
from qcompile.diagnostics.nearest import nearest
from qcompile.grammar.elaborate.expect import known_integer
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.inside import within
from qcompile.grammar.syntax import (
    AdapterItem,
    AttachStatement,
    PortableName,
    RangeExpr,
    ShapeStatement,
    StringLiteral,
)
from qcompile.ir.globs import GlobError, parse_glob
from qcompile.ir.limits import MAX_WIDTH
from qcompile.ir.portable import all_portables, parse_portable
from qcompile.ir.spec import Shape

MAX_LAYERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPlacement:
    """One `attach` that is well formed."""

    statement: AttachStatement
    layers: tuple[int, int] | None


def check_places(frame: Frame, item: AdapterItem) -> None:
    """Report an adapter with no place, or with places of both kinds."""
    places = [s for s in item.body if isinstance(s, (AttachStatement, ShapeStatement))]
    if not places:
        frame.report(NoPlace(span=item.name.span, adapter=item.name.text))
        return
    first = places[0]
    for place in places[1:]:
        if isinstance(first, ShapeStatement) or isinstance(place, ShapeStatement):
            one = "attach" if isinstance(place, AttachStatement) else "shape"
            other = "attach" if isinstance(first, AttachStatement) else "shape"
            frame.report(TwoPlaces(span=place.span, one=one, other=other, first=first.span))
            break


def read_shape(frame: Frame, item: AdapterItem) -> Shape | None:
    """Return the adapter's `shape`, if it has one."""
    for statement in item.body:
        if isinstance(statement, ShapeStatement):
            sizes = [
                known_integer(frame, expr, what, low=1, high=MAX_WIDTH)
                for expr, what in (
                    (statement.in_features, "the input's width"),
                    (statement.out_features, "the output's width"),
                )
            ]
            if sizes[0] is None or sizes[1] is None:
                return None
            return Shape(in_features=sizes[0], out_features=sizes[1], span=statement.span)
    return None


def read_placements(frame: Frame, item: AdapterItem) -> tuple[AttachPlacement, ...]:
    """Check every `attach` and return those that are well formed, in order."""
    found: list[AttachPlacement] = []
    seen: dict[tuple[str, tuple[int, int] | None], AttachStatement] = {}
    for statement in item.body:
        if not isinstance(statement, AttachStatement):
            continue
        layers = None
        fine = True
        if statement.layers is not None:
            layers = read_layers(frame, statement.layers)
            fine = layers is not None
        for pattern in statement.patterns:
            if not _is_well_formed(frame, pattern):
                fine = False
                continue
            earlier = seen.get((pattern.value, layers)) or seen.get((pattern.value, None))
            if earlier is not None and fine:
                frame.report(
                    PatternRepeated(span=pattern.span, pattern=pattern.value, first=earlier.span)
                )
            seen.setdefault((pattern.value, layers), statement)
        if fine:
            found.append(AttachPlacement(statement=statement, layers=layers))
    return tuple(found)


def _is_well_formed(frame: Frame, pattern: StringLiteral | PortableName) -> bool:
    """Report a pattern that is not."""
    if isinstance(pattern, PortableName):
        if parse_portable(pattern.value) is not None:
            return True
        known = all_portables()
        near = nearest(pattern.value, known)
        message = UnknownPortable(
            span=pattern.span, word=pattern.value, known=known, candidates=near
        )
        frame.report(message)
        return False
    try:
        parse_glob(pattern.value)
    except GlobError as fault:
        span = within(pattern, fault.offset, fault.offset + 1)
        frame.report(BadPattern(span=span, reason=fault.reason))
        return False
    return True


def read_layers(frame: Frame, expr: RangeExpr) -> tuple[int, int] | None:
    """Return a half-open range of layer numbers."""
    start = known_integer(frame, expr.start, "a layer number", low=0, high=MAX_LAYERS)
    stop = known_integer(frame, expr.stop, "a layer number", low=0, high=MAX_LAYERS)
    if start is None or stop is None:
        return None
    if stop < start or stop == start:
        frame.report(ReversedRange(span=expr.span, start=start, stop=stop))
        return None
    return start, stop
