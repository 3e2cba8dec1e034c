"""Tables that other packages extend: what qcompile has itself, and entry points of a group.

An entry point's name is the name in the language. It refers to the row, or to a callable without
arguments that returns it. Nothing is looked for before a name is met that the table lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.extensions import ExtensionClash, ExtensionFailed
from qcompile.diagnostics.source import Span

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Row = TypeVar("Row")


class ExtensionError(CompileError):
    """What another package offers cannot be used."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message

    def at(self, span: Span | None) -> Message:
        """The message, pointing at what named it."""
        return replace(self.message, span=span)


class OnDemand(Mapping[str, Row], Generic[Row]):
    """Rows by name, each imported when it is asked for."""

    def __init__(self, places: Mapping[str, str], read: Callable[[object], Row]) -> None:
        self.places = places
        """`module:attribute` by name."""
        self._read = read
        """The row that an attribute stands for."""
        self._loaded: dict[str, Row] = {}

    def __getitem__(self, name: str) -> Row:
        if name not in self._loaded:
            module, _, attribute = self.places[name].partition(":")
            self._loaded[name] = self._read(getattr(import_module(module), attribute))
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


class Table(Mapping[str, Row], Generic[Row]):
    """Rows by name; looking up a name raises ExtensionError where a package offers a bad row."""

    def __init__(
        self,
        group: str,
        kind: type[Row],
        built_in: Mapping[str, Row],
        defect: Callable[[Row], str | None],
        *,
        words: bool = True,
    ) -> None:
        """`words`: the names are words of the language."""
        self.group = group
        self.kind = kind
        self.built_in = built_in
        """The rows of qcompile itself."""
        self._defect = defect
        self._words = words
        self._loaded: dict[str, Row] = {}

    def __getitem__(self, name: str) -> Row:
        found = self.built_in.get(name) or self._loaded.get(name)
        if found is None:
            points = self._offered.get(name)
            if points is None:
                raise KeyError(name)
            found = self._loaded[name] = self._load(points)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or name in self._offered

    def __iter__(self) -> Iterator[str]:
        """Names; nothing of another package is imported."""
        yield from self.built_in
        yield from self._offered

    def __len__(self) -> int:
        return len(self.built_in) + len(self._offered)

    def failed(self, name: str, reason: str) -> ExtensionError:
        """The error that a row of another package brought about when it was used."""
        return self._failed(self._offered[name][0], reason)

    def package(self, name: str) -> tuple[str, str] | None:
        """(name, version) of the package that offers a row; None for those of qcompile."""
        for point in () if name in self.built_in else self._offered.get(name, ()):
            if point.dist is not None:
                return point.dist.name, point.dist.version
        return None

    @cached_property
    def _offered(self) -> dict[str, tuple[EntryPoint, ...]]:
        """By name, sorted; raises ExtensionError where one has a name of qcompile's own."""
        from importlib.metadata import entry_points

        found: dict[str, tuple[EntryPoint, ...]] = {}
        for point in sorted(entry_points(group=self.group), key=lambda p: (p.name, p.value)):
            if point.name in self.built_in:
                raise self._clash(point, "qcompile")
            found[point.name] = (*found.get(point.name, ()), point)
        return found

    def _load(self, points: tuple[EntryPoint, ...]) -> Row:
        point = points[0]
        if len(points) > 1:
            raise self._clash(point, f"`{points[1].value}`")
        try:
            found: object = point.load()
            if not isinstance(found, self.kind) and callable(found):
                found = found()
        except Exception as error:
            raise self._failed(point, f"{type(error).__name__}: {error}") from error
        if not isinstance(found, self.kind):
            wanted = f"{self.kind.__module__}.{self.kind.__name__}"
            raise self._failed(point, f"it is a {type(found).__name__}, not a {wanted}")
        word = point.name.isascii() and point.name.isidentifier() and point.name.islower()
        if self._words and not word:
            raise self._failed(point, "its name is not made of small letters, digits and `_`")
        try:
            reason = self._defect(found)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        if reason is not None:
            raise self._failed(point, reason)
        return found

    def _clash(self, point: EntryPoint, other: str) -> ExtensionError:
        return ExtensionError(
            ExtensionClash(name=point.name, group=self.group, entry=point.value, other=other)
        )

    def _failed(self, point: EntryPoint, reason: str) -> ExtensionError:
        return ExtensionError(
            ExtensionFailed(name=point.name, group=self.group, entry=point.value, reason=reason)
        )
