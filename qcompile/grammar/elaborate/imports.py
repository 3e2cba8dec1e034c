"""Files: their definitions, and what they import."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.imports import (
    EmptyPath,
    ImportCycle,
    ImportedAdapter,
    ImportNotReadable,
    ImportUnknown,
    TooManyImports,
)
from qcompile.diagnostics.messages.names import BuiltinName, DefinedTwice, PredefinedName
from qcompile.diagnostics.source import Source, Span
from qcompile.grammar.elaborate.scope import PREDEFINED, Definition, DefinitionKind, FileScope
from qcompile.grammar.elaborate.session import Session
from qcompile.grammar.functions import SCALARS
from qcompile.grammar.parser import parse
from qcompile.grammar.syntax import (
    AdapterItem,
    BlockItem,
    File,
    GateItem,
    ImportItem,
    LayerItem,
    LetItem,
    ModelItem,
    Name,
    TargetItem,
)
from qcompile.ir.gates import GATES
from qcompile.ir.registry import operations

MAX_FILES = 64


@dataclass(slots=True, kw_only=True)
class Loader:
    """Reads the imported files, each once."""

    session: Session
    loaded: dict[str, FileScope | None] = field(default_factory=dict)
    """By path; None for a file that could not be read or parsed."""
    order: list[tuple[FileScope, File]] = field(default_factory=list)
    """Files in the order in which their constants are to be worked out."""
    _chain: list[str] = field(default_factory=list)

    def load_main(self, file: File) -> FileScope:
        return self._enter(file, os.path.normpath(file.source.name), is_main=True)

    def _enter(self, file: File, path: str, *, is_main: bool) -> FileScope:
        scope = FileScope(source=file.source, is_main=is_main)
        self.loaded[path] = scope
        self._chain.append(path)
        _define_all(self.session, scope, file)
        for item in file.items:
            if isinstance(item, ImportItem):
                self._import(scope, item)
        self._chain.pop()
        self.order.append((scope, file))
        return scope

    def _import(self, scope: FileScope, item: ImportItem) -> None:
        literal = item.path
        if not literal.value:
            self.session.report(EmptyPath(span=literal.span))
            scope.incomplete = True
            return
        path = resolve(scope.source, literal.value)
        if path in self._chain:
            steps = [*self._chain[self._chain.index(path) :], path]
            self.session.report(ImportCycle(span=literal.span, cycle=" → ".join(steps)))
            scope.incomplete = True
            return
        if path not in self.loaded:
            self._load(path, literal.value, literal.span)
        imported = self.loaded[path]
        if imported is None:
            scope.incomplete = True
            return
        self._take(scope, imported, item)

    def _load(self, path: str, written: str, span: Span) -> None:
        self.loaded[path] = None
        if len(self.loaded) > MAX_FILES + 1:
            self.session.report(TooManyImports(span=span, limit=MAX_FILES))
            return
        try:
            source = self.session.read(path)
        except UsageError as error:
            reason = error.diagnostics[0].title if error.diagnostics else "it cannot be read"
            self.session.report(ImportNotReadable(span=span, path=written, reason=reason))
            return
        file = parse(source, self.session.collector)
        if file is None:
            self.session.errors += 1
            return
        self._enter(file, path, is_main=False)

    def _take(self, scope: FileScope, imported: FileScope, item: ImportItem) -> None:
        if item.names is None:
            for text, definition in imported.own.items():
                if definition.kind != "adapter":
                    self._add(scope, text, definition, item.path.span)
            return
        for name, alias in item.names:
            found = imported.own.get(name.text)
            if found is None:
                if not imported.incomplete:
                    near = self.session.nearest(name.text, imported.own)
                    self.session.report(
                        ImportUnknown(
                            span=name.span, name=name.text, path=item.path.value, candidates=near
                        )
                    )
                scope.incomplete = True
            elif found.kind == "adapter":
                self.session.report(
                    ImportedAdapter(span=name.span, name=name.text, path=item.path.value)
                )
                scope.incomplete = True
            else:
                target = alias or name
                if alias is None or _allowed(self.session, alias, found.kind):
                    self._add(scope, target.text, found, target.span)

    def _add(self, scope: FileScope, name: str, definition: Definition, span: Span) -> None:
        present = scope.names.get(name)
        if present is definition:
            return
        if present is not None:
            self.session.report(DefinedTwice(span=span, name=name, first=scope.places[name]))
            return
        scope.names[name] = definition
        scope.places[name] = span


def resolve(source: Source, path: str) -> str:
    """Return a path relative to the folder of the file that says it."""
    return os.path.normpath(os.path.join(os.path.dirname(source.name), path))


def _define_all(session: Session, scope: FileScope, file: File) -> None:
    kinds: dict[type, DefinitionKind] = {
        LetItem: "constant",
        BlockItem: "block",
        LayerItem: "layer",
        GateItem: "gate",
        TargetItem: "target",
        AdapterItem: "adapter",
    }
    for item in file.items:
        if isinstance(item, ImportItem | ModelItem):
            continue
        kind = kinds[type(item)]
        name = item.name
        if name.text in scope.own:
            first = scope.own[name.text].span
            session.report(DefinedTwice(span=name.span, name=name.text, first=first))
            continue
        _allowed(session, name, kind)
        definition = Definition(name=name.text, kind=kind, item=item, home=scope, span=name.span)
        scope.own[name.text] = definition
        scope.names[name.text] = definition
        scope.places[name.text] = name.span


def _allowed(session: Session, name: Name, kind: DefinitionKind) -> bool:
    """Report a name that is taken by the language."""
    if kind == "block" and (name.text in SCALARS or name.text in operations().built_in):
        session.report(BuiltinName(span=name.span, name=name.text, kind="function"))
        return False
    if kind in ("layer", "gate") and name.text in GATES.built_in:
        session.report(BuiltinName(span=name.span, name=name.text, kind="gate"))
        return False
    if kind == "constant" and name.text in PREDEFINED:
        session.report(PredefinedName(span=name.span, name=name.text))
        return False
    return True
