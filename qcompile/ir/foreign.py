"""What a compilation takes from other packages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from qcompile.ir.circuit import Gate
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.gates import GATES, GateName


def foreign_gates(planned: PlannedSet) -> tuple[GateName, ...]:
    """Names of the gates that are not of qcompile itself, sorted."""
    return tuple(sorted({gate.name for gate in _gates(planned)} - set(GATES.built_in)))


def foreign_packages(planned: PlannedSet) -> tuple[tuple[str, str], ...]:
    """(package, version) of those that offer these gates."""
    offered = (GATES.package(name) for name in foreign_gates(planned))
    return tuple(sorted({package for package in offered if package is not None}))


def _gates(value: object) -> Iterator[Gate]:
    if isinstance(value, Gate):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _gates(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _gates(getattr(value, field.name))
