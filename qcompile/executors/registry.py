"""Executors by name: qcompile's own, and those of other packages.

A package names its executors in the entry-point group `qcompile.executors`: a subclass of
`Executor`, or an instance, whose name is the entry point's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from qcompile.executors.executor import Executor
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.extensions import Table
from qcompile.ir.plan import Evaluation


class _OnDemand(Mapping[str, Executor]):
    """qcompile's own, imported when they are asked for."""

    def __getitem__(self, name: str) -> Executor:
        return _own(BUILT_IN[name])

    def __contains__(self, name: object) -> bool:
        return name in BUILT_IN

    def __iter__(self) -> Iterator[str]:
        return iter(BUILT_IN)

    def __len__(self) -> int:
        return len(BUILT_IN)


@cache
def _own(place: str) -> Executor:
    module, _, attribute = place.partition(":")
    executor = getattr(import_module(module), attribute)()
    assert isinstance(executor, Executor)
    return executor


def executor_of(evaluation: Evaluation) -> Executor:
    """The executor that an evaluation is for."""
    return EXECUTORS[evaluation.kind]


def own_executors() -> tuple[Executor, ...]:
    """qcompile's own, which are weighed wherever they can run.

    Those of other packages run what a target gives to them by name: a choice that depends on what
    is installed would differ from machine to machine.
    """
    return tuple(EXECUTORS.built_in.values())


def _defect(executor: Executor) -> str | None:
    return None if isinstance(executor.name, str) else "its `name` is no text"


EXECUTORS: Table[Executor] = Table(
    "qcompile.executors",
    Executor,  # type: ignore[type-abstract]
    _OnDemand(),
    _defect,
)
