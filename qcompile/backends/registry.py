"""Back ends by name: what can turn a plan into something that runs.

Packages add their own under the entry-point group `qcompile.backends`; a name that is taken by a
built-in back end cannot be replaced.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from qcompile.ir.plan import EvaluationNode, Plan

GROUP = "qcompile.backends"
DEFAULT = "simulator"


@runtime_checkable
class Backend(Protocol):
    """Builds a callable (…, in_features) → (…, out_features) for one site of a plan."""

    @property
    def name(self) -> str: ...

    def refuses(self, plan: Plan) -> str | None:
        """Why this back end cannot run the plan; None where it can."""

    def build(self, plan: Plan, *, seed: int, site: str) -> object:
        """A torch module; its tensors start from a hash of seed, site and their names."""


class SimulatorBackend:
    """Exact or sampled simulation in torch, with gradients."""

    name = DEFAULT

    def refuses(self, plan: Plan) -> str | None:
        widest = max(
            (n.evaluation.circuit.qubits for n in plan.nodes if isinstance(n, EvaluationNode)),
            default=0,
        )
        return f"a circuit has {widest} qubits" if widest > MOST_QUBITS else None

    def build(self, plan: Plan, *, seed: int, site: str) -> object:
        from qcompile.backends.simulator.module import build_module

        return build_module(plan, seed=seed, site=site)


MOST_QUBITS = 62
"""Basis states are counted in 64-bit integers."""


def backend_names() -> tuple[str, ...]:
    """Sorted; entry points are listed, not imported."""
    return tuple(sorted({DEFAULT, *(point.name for point in entry_points(group=GROUP))}))


def find_backend(name: str = DEFAULT) -> Backend:
    """The back end of that name.

    Raises:
        LookupError: there is none, or its entry point is no `Backend`.
    """
    if name == DEFAULT:
        return SimulatorBackend()
    for point in entry_points(group=GROUP):
        if point.name == name:
            loaded = point.load()
            found = loaded() if isinstance(loaded, type) else loaded
            if not isinstance(found, Backend):
                raise LookupError(f"{point.value} is no back end")
            return found
    raise LookupError(f"no back end `{name}`; there are: {', '.join(backend_names())}")
