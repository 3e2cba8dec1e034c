"""Adapters whose circuits have become classical nodes, and how far from the circuits they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.samples import Samples, samples_of
from qcompile.adapter.surrogates.choose import EXACT, CircuitSurrogate, ReplacementSearch
from qcompile.adapter.surrogates.fit import held_out
from qcompile.adapter.surrogates.rebuild import rebuilt
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.messages.surrogates import (
    BoundOutOfRange,
    NothingToReplace,
)
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.plan import EvaluationNode, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogate:
    """An adapter without circuits, and what it keeps of the one with them."""

    adapter: CompiledAdapter
    circuits: tuple[CircuitSurrogate, ...]
    flops: Mapping[tuple[str, str], tuple[float, float]]
    """(module, adapter) → FLOPs of the forward pass for each token, with circuits and without."""
    output_errors: Mapping[str, float] = field(default_factory=dict)
    """Module → ‖u(x) − u'(x)‖ / ‖u(x)‖ of its updates over the samples, over those held out where
    there is a fit; empty without samples, and where the update needs more than x."""

    @property
    def error(self) -> float:
        """The largest of any circuit."""
        return max(circuit.error for circuit in self.circuits)


def surrogate_of(
    adapter: CompiledAdapter,
    *,
    error: float | None = None,
    samples: Samples | None = None,
    progress: Callable[[str], None] | None = None,
) -> Surrogate:
    """The adapter with classical nodes in the place of its circuits.

    A read-out is a polynomial in cosines and sines of the circuit's data (arXiv:2008.08605). It is
    taken exactly where it is small enough, else without its smallest terms, else as a fit.

    Args:
        adapter: Trained; it is unchanged, and its angles become fixed numbers.
        error: What may be missing of each value that is read, which is from -1 to 1. Without it
            only exact polynomials will do, or the best fit where there are samples.
        samples: Inputs for fits, and for the error of the updates.
        progress: Called with the name of each module as its turn comes.

    Raises:
        AdapterError: QA6222, QA7301, QA7302, QA7303.
        UsageError: QA6013.
    """
    check_compiled("surrogate_of", adapter)
    if error is not None and not is_error(error):
        raise AdapterError(BoundOutOfRange(error=repr(error)))
    planned = adapter.manifest.planned
    if not any(_circuit_nodes(plan) for plan in planned.plans):
        raise AdapterError(NothingToReplace(adapter=", ".join(_adapters(planned))))
    exact = _exact(adapter)
    parts: dict[str, list[AdapterModule]] = {}
    for site, part in exact.parts():
        parts.setdefault(site.module, []).append(part)
    inputs = samples_of(parts, samples)
    work = ReplacementSearch(error=error)
    sites = [(site, part) for site, part in exact.parts()]
    for number, (site, part) in enumerate(sites, 1):
        if progress is not None:
            progress(
                f"replace circuits of {site.module or site.adapter} ({number} of {len(sites)})"
            )
        work.add(site, part, inputs.get(site.module))
    if work.problems:
        raise AdapterError(*few(work.problems))
    result = rebuilt(adapter, exact, work.replacements)
    fits = {c.module for c in work.circuits if c.rms is not None}
    return Surrogate(
        adapter=result,
        circuits=tuple(work.circuits),
        flops={
            (site.module, site.adapter): (
                part.plan.costs.forward_flops_per_token,
                result.part(site).plan.costs.forward_flops_per_token,
            )
            for site, part in exact.parts()
        },
        output_errors={
            module: _output_error(
                [(part, result.part(s)) for s, part in exact.parts() if s.module == module],
                x[held_out(len(x))] if module in fits else x,
            )
            for module, x in inputs.items()
            if not any(
                part.plan.reads_module or part.plan.mode == "prefix" for part in parts[module]
            )
        },
    )


def is_error(error: object) -> bool:
    return isinstance(error, float) and EXACT <= error <= 1


def _adapters(planned: PlannedSet) -> Iterator[str]:
    yield from dict.fromkeys(site.adapter for site in planned.sites)


def _circuit_nodes(plan: Plan) -> list[int]:
    return [k for k, node in enumerate(plan.nodes) if isinstance(node, EvaluationNode)]


def _exact(adapter: CompiledAdapter) -> CompiledAdapter:
    """A copy that simulates its circuits without shots, on the CPU."""
    planned = adapter.manifest.planned
    plans = tuple(replace(p, target=replace(p.target, shots=None)) for p in planned.plans)
    manifest = replace(adapter.manifest, planned=replace(planned, plans=plans))
    return CompiledAdapter.from_state(manifest, adapter.stored_state()).eval()


def _output_error(parts: list[tuple[AdapterModule, AdapterModule]], x: Tensor) -> float:
    with torch.no_grad():
        whole = torch.stack([part(x) for part, _ in parts]).sum(0)
        found = torch.stack([part(x) for _, part in parts]).sum(0)
    norm = float(torch.linalg.vector_norm(whole))
    return float(torch.linalg.vector_norm(whole - found)) / norm if norm > 0 else 0.0
