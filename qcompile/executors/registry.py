"""Executors by name: qcompile's own, and those of other packages.

A package names its executors in the entry-point group `qcompile.executors`: a subclass of
`Executor`, or an instance, whose name is the entry point's.
"""

from __future__ import annotations

from qcompile.executors.executor import Executor
from qcompile.ir.executor_names import BUILT_IN
from qcompile.ir.extensions import OnDemand, Table
from qcompile.ir.plan import Evaluation
from qcompile.ir.target import CalibratedNoise, Target


def executor_of(evaluation: Evaluation) -> Executor:
    """The executor that an evaluation is for."""
    return EXECUTORS[evaluation.kind]


def own_executors() -> tuple[Executor, ...]:
    """qcompile's own, which are weighed wherever they can run.

    Those of other packages run what a target gives to them by name: a choice that depends on what
    is installed would differ from machine to machine.
    """
    return tuple(executor for executor in EXECUTORS.built_in.values() if executor.weighed)


def noisy_executors(target: Target) -> tuple[Executor, ...]:
    """Those of qcompile's own that simulate the target's noise; without noise those that know none.

    An executor for a device's noise is asked under such noise alone.
    """
    own = tuple(EXECUTORS.built_in.values())
    if isinstance(target.noise, CalibratedNoise):
        return tuple(executor for executor in own if executor.simulates_device)
    noisy = target.noise is not None
    return tuple(e for e in own if e.weighed and e.simulates_noise == noisy)


def _made(kind: object) -> Executor:
    assert isinstance(kind, type) and issubclass(kind, Executor)
    return kind()


def _defect(executor: Executor) -> str | None:
    return None if isinstance(executor.name, str) else "its `name` is no text"


EXECUTORS: Table[Executor] = Table(
    "qcompile.executors",
    Executor,  # type: ignore[type-abstract]
    OnDemand(BUILT_IN, _made),
    _defect,
)
