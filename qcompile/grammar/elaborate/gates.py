"""Layers of one gate: `ry`, `rot shared on 0..2`, `crz ring reversed`, `ry(theta[0]) on 0`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from qcompile.diagnostics.messages.circuits import (
    AngleCount,
    GateNeedsPairs,
    GateNeedsWires,
    NoSharing,
    UnknownGate,
)
from qcompile.diagnostics.messages.names import WrongKind
from qcompile.diagnostics.messages.unitary import GateNotReal
from qcompile.grammar.elaborate.angles import read_angle
from qcompile.grammar.elaborate.circuit_builder import CircuitBuilder
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.scope import KIND_WORDS
from qcompile.grammar.elaborate.wires import (
    one_pair,
    pair_count,
    read_half,
    read_pattern,
    read_wires,
)
from qcompile.grammar.syntax import ApplyStatement
from qcompile.grammar.vocabulary import NO_GATES
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.gates import GATES, GateName
from qcompile.ir.operands import Typed
from qcompile.ir.spec_circuit import (
    AffineAngle,
    Angles,
    CircuitItem,
    Fresh,
    GateLayer,
    Pairs,
    Wires,
)


def gate_layer(
    frame: Frame, builder: CircuitBuilder, statement: ApplyStatement
) -> CircuitItem | None:
    """Elaborate a gate along its wires or pairs."""
    name = statement.name.text
    try:
        kind = GATES.get(name)
    except ExtensionError as error:
        frame.report(error.at(statement.name.span))
        return None
    if kind is None:
        _unknown(frame, statement)
        return None
    gate = name
    angles = _angles(frame, builder, statement, gate)
    if builder.orthogonal and not kind.real:
        real = tuple(name for name, known in GATES.built_in.items() if known.real)
        frame.report(GateNotReal(span=statement.name.span, gate=gate, real=real))
    places = gate_places(frame, builder, statement, gate, kind.qubits)
    if places is None or angles is None:
        return None
    builder.untouched = builder.untouched and kind.keeps_zero
    return GateLayer(
        gate=gate, angles=angles, wires=places.wires, pairs=places.pairs, span=statement.span
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the gates of a layer act: on `wires`, or on `pairs`."""

    wires: Wires | None = None
    pairs: Pairs | None = None


def gate_places(
    frame: Frame, builder: CircuitBuilder, statement: ApplyStatement, gate: str, qubits: int
) -> Places | None:
    """Return the wires of a gate of one qubit, or the pairs of one of two, and count its gates."""
    if qubits == 1:
        clause = statement.pattern
        if clause is None:
            found = read_wires(frame, builder, statement.wires)
        elif clause.half is not None and statement.wires is None:
            found = read_half(frame, builder, clause)
        else:
            frame.report(GateNeedsWires(span=clause.span, gate=gate))
            return None
        if found is None:
            return None
        wires, count = found
        number = None if count is None else count.constant
        builder.count_gates(number if isinstance(number, int) else 1, statement.span)
        return Places(wires=wires)
    if statement.pattern is None and statement.wires is None:
        frame.report(GateNeedsPairs(span=statement.span, gate=gate))
        return None
    if statement.pattern is not None:
        pairs = read_pattern(frame, builder, statement.pattern)
        if statement.wires is not None:
            frame.report(GateNeedsPairs(span=statement.wires.span, gate=gate))
            return None
    else:
        assert statement.wires is not None
        pairs = one_pair(frame, builder, statement.wires, statement.span)
    if pairs is None:
        return None
    builder.count_gates(pair_count(builder, pairs), statement.span)
    return Places(pairs=pairs)


def _angles(
    frame: Frame, builder: CircuitBuilder, statement: ApplyStatement, gate: GateName
) -> Angles | None:
    wanted = GATES[gate].angles
    if statement.arguments is None:
        if wanted == 0:
            if statement.shared:
                frame.report(NoSharing(span=statement.span, gate=gate))
            return ()
        builder.trainable = True
        return Fresh(per_gate=not statement.shared)
    found: list[AffineAngle | None] = []
    for argument in statement.arguments:
        found.append(read_angle(frame, builder, argument.value))
    if statement.shared:
        frame.report(NoSharing(span=statement.span, gate=gate))
    named = next((item for item in statement.arguments if item.name is not None), None)
    if len(found) != wanted or named is not None:
        words = "no angle" if wanted == 0 else f"{wanted} angle{'s' * (wanted > 1)}"
        given = len(found)
        shown = f"{given} {'is' if given == 1 else 'are'}"
        if named is not None and named.name is not None:
            shown = f"option `{named.name.text}` is"
        frame.report(AngleCount(span=statement.span, gate=gate, expected=words, found=shown))
        return None
    good = tuple(angle for angle in found if angle is not None)
    return good if len(good) == wanted else None


def _unknown(frame: Frame, statement: ApplyStatement) -> None:
    name = statement.name.text
    scope = frame.scope
    definition, local = scope.file.names.get(name), scope.find(name)
    for argument in statement.arguments or ():
        frame.evaluate(argument.value)
    if definition is not None:
        definition.used = True
        frame.report(
            WrongKind(
                span=statement.name.span,
                name=name,
                kind=KIND_WORDS[definition.kind],
                wanted="a gate or a layer",
                first=definition.span,
            )
        )
        return
    if local is not None:
        local.used = True
        word = local.operand.word if isinstance(local.operand, Typed) else f"a {local.kind}"
        frame.report(
            WrongKind(
                span=statement.name.span,
                name=name,
                kind=word,
                wanted="a gate or a layer",
                first=local.span,
            )
        )
        return
    if scope.file.incomplete:
        return
    names = scope.file.names.items()
    layers = (key for key, item in names if item.kind in ("layer", "gate"))
    near = tuple(
        gate for gate, kind in GATES.built_in.items() if name.lower() in kind.aliases
    ) or frame.session.nearest(name, chain(GATES, layers))
    advice = NO_GATES.get(name.lower(), "")
    frame.report(UnknownGate(span=statement.name.span, name=name, candidates=near, advice=advice))
