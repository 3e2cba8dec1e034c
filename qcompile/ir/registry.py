"""The operations of the language: the files of `qcompile.ir.ops`, and those of other packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from qcompile.ir.codec_error import CodecError
from qcompile.ir.extensions import Table
from qcompile.ir.node import Node, PlainNode, ProgramNode
from qcompile.ir.operation import Operation
from qcompile.ir.spec_node import SpecNode

_PACKAGE = "qcompile.ir.ops"


class OperationMissing(Exception):
    """A file needs an operation that no installed package offers."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no installed package offers the operation `{name}`")
        self.name = name


@cache
def builtin_modules() -> tuple[ModuleType, ...]:
    """The files of `qcompile.ir.ops`, imported, by name."""
    names = sorted(module.name for module in iter_modules(import_module(_PACKAGE).__path__))
    return tuple(import_module(f"{_PACKAGE}.{name}") for name in names)


@cache
def operations() -> Table[Operation]:
    """By name; other packages add to them by the entry points `qcompile.operations`."""
    return Table("qcompile.operations", Operation, _BuiltIn(), _defect)


class _BuiltIn(Mapping[str, Operation]):
    """Those of qcompile itself. An operation that has the name of its file is found without the
    other files: `check` must not wait for them."""

    def __getitem__(self, name: str) -> Operation:
        if find_spec(f"{_PACKAGE}.{name}") is not None:
            found = _rows(import_module(f"{_PACKAGE}.{name}")).get(name)
            if found is not None:
                return found
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def _all(self) -> dict[str, Operation]:
        return {name: row for module in builtin_modules() for name, row in _rows(module).items()}


def _rows(module: ModuleType) -> dict[str, Operation]:
    return {row.name: row for row in getattr(module, "OPERATIONS", ())}


def _defect(row: Operation) -> str | None:
    """What is wrong with an operation of another package."""
    families = ("trainable", "activation", "structure", "table")
    if row.family not in families:
        return f"its family is `{row.family}`, not one of {', '.join(families)}"
    for cls in row.nodes:
        if not is_dataclass(cls) or not issubclass(cls, (SpecNode, ProgramNode)):
            return f"{cls.__name__} is no dataclass that derives from SpecNode or ProgramNode"
        if issubclass(cls, PlainNode) and cls.TORCH is None:
            return f"{cls.__name__}.TORCH does not name the module of its torch"
    for base in (SpecNode, ProgramNode):
        if not any(issubclass(cls, base) for cls in row.nodes):
            return f"none of its nodes derives from {base.__name__}"
    return None


def node_tag(cls: type) -> str:
    """The name under which files know a node: `LinearNode`, `householder:HouseholderNode`."""
    if node_classes().get(cls.__name__) is cls:
        return cls.__name__
    offered = (name for name in operations() if name not in operations().built_in)
    owner = next((name for name in offered if cls in operations()[name].nodes), None)
    if owner is None:
        raise CodecError("", f"{cls.__name__} is the node of no operation")
    return f"{owner}:{cls.__name__}"


def node_of(tag: str) -> type | None:
    """The node that files know under this name; None: there is none.

    Raises:
        OperationMissing: no installed package offers its operation.
        ExtensionError: one offers it, and it cannot be used.
    """
    owner, colon, name = tag.rpartition(":")
    if not colon:
        return node_classes().get(tag)
    if owner not in operations():
        raise OperationMissing(owner)
    return next((cls for cls in operations()[owner].nodes if cls.__name__ == name), None)


@cache
def node_classes() -> dict[str, type]:
    """The nodes of qcompile itself, by name."""
    others = ("qcompile.ir.network", "qcompile.ir.orthogonal")
    levels = ("qcompile.ir.program", "qcompile.ir.plan", "qcompile.ir.spec")
    modules = (*builtin_modules(), *map(import_module, (*others, *levels)))
    return {cls.__name__: cls for module in modules for cls in _nodes(module)}


def _nodes(module: ModuleType) -> Iterator[type]:
    """The nodes that a module defines."""
    for value in vars(module).values():
        if isinstance(value, type) and value.__module__ == module.__name__:
            if issubclass(value, (Node, SpecNode)) and is_dataclass(value):
                yield value
