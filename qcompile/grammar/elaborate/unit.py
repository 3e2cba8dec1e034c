"""A compilation unit: the main file with everything it imports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.messages.imports import EmptyPath, SeveralModels
from qcompile.diagnostics.messages.names import UnusedDefinition
from qcompile.diagnostics.messages.types import WrongType
from qcompile.diagnostics.source import Source
from qcompile.grammar.elaborate.adapters import elaborate_adapter
from qcompile.grammar.elaborate.blocks import check_block
from qcompile.grammar.elaborate.cycles import report_cycles
from qcompile.grammar.elaborate.evaluate import evaluate
from qcompile.grammar.elaborate.frame import Frame
from qcompile.grammar.elaborate.gate_items import read_gate
from qcompile.grammar.elaborate.imports import Loader, resolve
from qcompile.grammar.elaborate.layer_check import check_layer
from qcompile.grammar.elaborate.overrides import Override, check_overrides
from qcompile.grammar.elaborate.scope import Definition, FileScope, Scope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.elaborate.targets import read_target
from qcompile.grammar.syntax import AdapterItem, File, GateItem, LetItem, ModelItem, TargetItem
from qcompile.ir.operands import Typed
from qcompile.ir.spec import AdapterSpec, ModelReference, Spec
from qcompile.ir.target import Target


def elaborate(
    file: File,
    *,
    overrides: Sequence[Override] = (),
    read: Callable[[str], Source],
    collector: Collector,
) -> Spec | None:
    """Return what a file means: names resolved, defaults filled, parameters evaluated.

    Args:
        file: The main file.
        overrides: Values of parameters, as after `-D`.
        read: Reads an imported file by its path; raises UsageError where it cannot.
        collector: Takes all errors and warnings of the phase.

    Returns:
        The spec, or None if there was an error.
    """
    session = Session(collector=collector, read=read)
    loader = Loader(session=session)
    main = loader.load_main(file)
    for scope, loaded in loader.order:
        _constants(session, scope, loaded)
    _reusable(session, loader)
    targets = _targets(session, main, file)
    adapters = _adapters(session, main, file, overrides)
    model = _model(session, file)
    if session.errors:
        return None
    if adapters:
        _unused(session, main)
    return Spec(adapters=adapters, targets=targets, model=model)


def _frame(session: Session, scope: FileScope, *, sizes: bool) -> Frame:
    return Frame(
        session=session, scope=Scope(file=scope), evaluator=evaluate, graph=None, sizes=sizes
    )


def _constants(session: Session, scope: FileScope, file: File) -> None:
    frame = _frame(session, scope, sizes=False)
    for item in file.items:
        if not isinstance(item, LetItem | GateItem):
            continue
        definition = scope.own[item.name.text]
        if definition.item is not item:
            continue
        if isinstance(item, GateItem):
            definition.matrix = read_gate(frame, item)
            definition.ready = True
            continue
        operand = frame.evaluate(item.value)
        if operand is not None and not isinstance(operand, Typed):
            session.report(
                WrongType(
                    span=item.value.span,
                    what="a constant",
                    expected="a number, a truth value or a text",
                    found=operand.word,
                )
            )
            operand = None
        definition.operand = operand
        definition.ready = True


def _reusable(session: Session, loader: Loader) -> None:
    """Check every block and layer by itself."""
    reusable: list[Definition] = [
        definition
        for scope, _ in loader.order
        for definition in scope.own.values()
        if definition.kind in ("block", "layer")
    ]
    report_cycles(session, reusable)
    for definition in reusable:
        frame = _frame(session, definition.home, sizes=True)
        circular = definition.broken
        if definition.kind == "block":
            check_block(session, definition, frame)
        else:
            check_layer(session, definition, frame)
        definition.broken = definition.broken or circular


def _targets(session: Session, main: FileScope, file: File) -> tuple[Target, ...]:
    found: list[Target] = []
    definitions = list(main.own.values())
    used = {
        item.target.text for item in file.items if isinstance(item, AdapterItem) and item.target
    }
    # An imported target belongs to the unit where an adapter names it.
    definitions += [
        definition
        for name, definition in main.names.items()
        if definition.home is not main and name in used
    ]
    for definition in definitions:
        if isinstance(definition.item, TargetItem):
            frame = _frame(session, definition.home, sizes=False)
            target = read_target(frame, definition.item)
            if target is not None:
                found.append(target)
    return tuple(found)


def _adapters(
    session: Session, main: FileScope, file: File, overrides: Sequence[Override]
) -> tuple[AdapterSpec, ...]:
    items = [item for item in file.items if isinstance(item, AdapterItem)]
    check_overrides(session, overrides, items)
    targets = [name for name, item in main.own.items() if item.kind == "target"]
    default = targets[0] if len(targets) == 1 else None
    found: list[AdapterSpec] = []
    for definition in main.own.values():
        if definition.kind == "adapter":
            frame = _frame(session, main, sizes=True)
            adapter = elaborate_adapter(frame, definition, overrides, default)
            if adapter is not None:
                found.append(adapter)
    return tuple(found)


def _model(session: Session, file: File) -> ModelReference | None:
    first: ModelItem | None = None
    for item in file.items:
        if not isinstance(item, ModelItem):
            continue
        if not item.path.value:
            session.report(EmptyPath(span=item.path.span))
        elif first is not None:
            session.report(SeveralModels(span=item.span, first=first.span))
        else:
            first = item
    if first is None:
        return None
    return ModelReference(path=resolve(file.source, first.path.value), span=first.path.span)


def _unused(session: Session, main: FileScope) -> None:
    for name, definition in main.own.items():
        if definition.kind in ("constant", "block", "layer", "gate") and not definition.used:
            session.report(UnusedDefinition(span=definition.span, kind=definition.kind, name=name))
