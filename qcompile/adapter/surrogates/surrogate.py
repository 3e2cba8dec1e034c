"""Adapters whose circuits have become classical nodes, and how far from the circuits they are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from qcompile.adapter.arguments import check_compiled
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.samples import Samples, samples_of
from qcompile.adapter.surrogates.fit import LEAST_ROWS, Fit, fitted, held_out
from qcompile.artifact.layout import state_name
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.surrogates import (
    BoundOutOfRange,
    NothingToReplace,
    SurrogateNotReached,
)
from qcompile.executors.polynomials.basis import Polynomial
from qcompile.executors.polynomials.circuits import polynomial_of
from qcompile.executors.polynomials.propagate import TooManyTerms
from qcompile.ir.compilation import LoweredSet, PlannedSet, Site
from qcompile.ir.node import domains
from qcompile.ir.ops.base import BASE_NODES
from qcompile.ir.ops.ends import OutputNode
from qcompile.ir.plan import EvaluationNode, ExternalEvaluation, Plan
from qcompile.ir.plan_circuits import circuits_of_plan
from qcompile.ir.program import Program
from qcompile.ir.target import Target
from qcompile.ir.text import digest
from qcompile.ir.verify_plan import program_of_plan
from qcompile.passes.base import Context
from qcompile.passes.pipeline import Pipeline, run_pipeline
from qcompile.passes.surrogates import (
    FixedValues,
    LinearMap,
    Replacement,
    form_of,
    tensor_of,
    terms_of,
    without_circuits,
)

EXACT = 1e-9
"""Bounds up to this are rounding errors."""

Method = Literal["constant", "exact", "truncated", "fitted", "linear fit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSurrogate:
    """What stands in the place of one circuit."""

    module: str
    adapter: str
    circuit: str
    """Its name, as `q`."""
    method: Method
    """`constant`: its data do not depend on the input."""
    terms: int
    error: float
    """Of any value that is read: a bound for all data; of a fit the largest that was seen on data
    held out."""
    rms: float | None = None
    """Of a fit: the root mean square on the same data."""


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
    work = _Work(error=error)
    sites = [(site, part) for site, part in exact.parts()]
    for number, (site, part) in enumerate(sites, 1):
        if progress is not None:
            progress(
                f"replace circuits of {site.module or site.adapter} ({number} of {len(sites)})"
            )
        work.add(site, part, inputs.get(site.module))
    if work.problems:
        raise AdapterError(*few(work.problems))
    result = _rebuilt(adapter, exact, work.replacements)
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


@dataclass(eq=False)
class _Work:
    """All sites in turn."""

    error: float | None
    replacements: dict[Site, dict[int, Replacement]] = field(default_factory=dict)
    circuits: list[CircuitSurrogate] = field(default_factory=list)
    problems: list[Message] = field(default_factory=list)
    refused: dict[tuple[int, int], str] = field(default_factory=dict)
    """Why a circuit of a unit, by its node, has no polynomial within the limits."""

    def add(self, site: Site, part: AdapterModule, inputs: Tensor | None) -> None:
        """Find what replaces the circuits of a part."""
        own = self.replacements.setdefault(site, {})
        where = domains(part.plan.nodes)
        for circuit in circuits_of_plan(part.plan):
            node = part.plan.nodes[circuit.node]
            if not isinstance(node, EvaluationNode):
                continue
            record = CircuitSurrogate(
                module=site.module,
                adapter=site.adapter,
                circuit=circuit.name,
                method="constant",
                terms=0,
                error=0.0,
            )
            if where[circuit.node].kind != "tokens":
                (values,) = part.values_at([circuit.node], None)
                own[circuit.node] = FixedValues(values.numpy())
                self.circuits.append(record)
                continue
            obstacle = _no_data(part.plan, circuit.node, inputs)
            fit = None
            if inputs is not None and obstacle is None:
                fit = self._fit(part, circuit.node, inputs)
            polynomial = None
            if fit is None or not isinstance(fit.replacement, LinearMap) or not self._meets(fit):
                polynomial = self._polynomial(
                    site, part, circuit.node, node, quick=inputs is not None
                )
            if polynomial is not None and (
                fit is None or not self._meets(fit) or polynomial.terms <= terms_of(fit.replacement)
            ):
                own[circuit.node] = polynomial
                method: Method = "exact" if polynomial.bound <= EXACT else "truncated"
                record = replace(
                    record, method=method, terms=polynomial.terms, error=polynomial.bound
                )
            elif fit is not None and (self._meets(fit) or self.error is None):
                own[circuit.node] = fit.replacement
                record = replace(
                    record,
                    method="linear fit" if isinstance(fit.replacement, LinearMap) else "fitted",
                    terms=terms_of(fit.replacement),
                    error=fit.error,
                    rms=fit.rms,
                )
            else:
                if fit is not None:
                    obstacle = f"the best fit has an error of {fit.error:.2g} on data held out"
                reason = self.refused[site.unit, circuit.node]
                self._fail(site, circuit.name, reason, obstacle)
                continue
            self.circuits.append(record)

    def _meets(self, fit: Fit) -> bool:
        return self.error is not None and fit.error <= self.error

    def _fit(self, part: AdapterModule, index: int, inputs: Tensor) -> Fit:
        node = part.plan.nodes[index]
        assert isinstance(node, EvaluationNode)
        data, values = _calibration(part, index, inputs)
        dtype: type[np.floating[Any]] = np.float64 if _double(part) else np.float32
        return fitted(node.evaluation.circuit, data, values, self.error, dtype)

    def _polynomial(
        self, site: Site, part: AdapterModule, index: int, node: EvaluationNode, quick: bool
    ) -> Polynomial | None:
        """One with a bound that is small enough; None where there is none, and `refused` says why.

        Circuits of one form have equally many terms, so that a second one is not tried.
        """
        key = site.unit, index
        if key in self.refused:
            return None
        evaluation, target = node.evaluation, part.plan.target
        if isinstance(evaluation, ExternalEvaluation) and target.noise is not None:
            self.refused[key] = (
                f"executor `{evaluation.kind}` simulates its noise in a way of its own"
            )
            return None
        angles = np.zeros(0)
        if node.angles is not None:
            name = part.plan.tensors[node.angles].name
            angles = part.get_parameter(name).detach().double().numpy()
        budget = self.error or 0.0
        try:
            found = polynomial_of(
                evaluation,
                target,
                angles,
                budget=budget,
                give_up="at once" if quick else "after a string",
            )
        except TooManyTerms as reason:
            self.refused[key] = str(reason)
            return None
        if found.bound <= (self.error or EXACT):
            return found
        if found.bound < 1:
            reached = f"an error of {found.bound:.2g}"
        else:
            reached = "errors as large as the values"
        self.refused[key] = f"{found.terms:,} terms leave {reached}"
        return None

    def _fail(self, site: Site, circuit: str, reason: str, fit: str | None) -> None:
        self.problems.append(
            SurrogateNotReached(
                circuit=circuit,
                adapter=site.adapter,
                module=site.module or "(no module)",
                wanted="exact surrogate"
                if self.error is None
                else f"surrogate within {self.error:g}",
                reason=reason,
                fit=fit,
            )
        )


def _no_data(plan: Plan, index: int, inputs: Tensor | None) -> str | None:
    """Why no fit can be made."""
    if inputs is None:
        return None
    if len(inputs) < LEAST_ROWS:
        return f"a fit needs {LEAST_ROWS} rows of inputs, and there are {len(inputs)}"
    needed = {index}
    for k in reversed(range(index + 1)):
        if k in needed:
            needed.update(plan.nodes[k].inputs)
    if any(isinstance(plan.nodes[k], (OutputNode, *BASE_NODES)) for k in needed):
        return "no fit can be made, since its data depend on the module's output or weight"
    return None


def _calibration(part: AdapterModule, index: int, inputs: Tensor) -> tuple[Any, Any]:
    """(rows, data_width) and (rows, outputs) of a circuit, float64."""
    node = part.plan.nodes[index]
    *operands, values = part.values_at([*node.inputs, index], inputs)
    rows = len(inputs)
    spread = [value.expand(rows, -1) for value in operands]
    return torch.cat(spread, -1).numpy(), values.numpy()


def _double(part: AdapterModule) -> bool:
    kinds = {parameter.dtype for parameter in part.parameters()}
    return part.plan.target.dtype == "float64" or torch.float64 in kinds


def _rebuilt(
    adapter: CompiledAdapter,
    exact: CompiledAdapter,
    replacements: Mapping[Site, Mapping[int, Replacement]],
) -> CompiledAdapter:
    """The adapter of these replacements; parts of the same form share a plan."""
    manifest, planned = adapter.manifest, adapter.manifest.planned
    pipeline = Pipeline.parse(manifest.pipeline)
    units: dict[Hashable, int] = {}
    programs: list[Program] = []
    plans: list[Plan] = []
    sites: list[Site] = []
    state: dict[str, Tensor] = {}
    known = adapter.stored_state()
    for site, part in exact.parts():
        plan, found = planned.plans[site.unit], replacements[site]
        key = (site.unit, tuple(sorted((index, form_of(r)) for index, r in found.items())))
        program, names = without_circuits(plan, found) if found else (program_of_plan(plan), {})
        if key not in units:
            units[key] = len(plans)
            programs.append(program)
            context = Context(target=_classical(plan.target), tokens=manifest.tokens)
            plans.append(run_pipeline(program, pipeline, context) if found else plan)
        sites.append(replace(site, unit=units[key]))
        values = {name: tensor_of(found[index]) for index, name in names.items()}
        dtype = torch.float64 if _double(part) else torch.float32
        for tensor in plans[units[key]].tensors:
            name = state_name(site, tensor)
            new = values.get(tensor.name)
            state[name] = (
                known[name] if new is None else torch.tensor(np.ascontiguousarray(new), dtype=dtype)
            )
    lowered = LoweredSet(programs=tuple(programs), sites=tuple(sites))
    classical = PlannedSet(plans=tuple(plans), sites=tuple(sites), seed=planned.seed)
    digests = dict(manifest.digests) | {"program": digest(lowered), "plan": digest(classical)}
    smaller = replace(manifest, planned=classical, devices=(), digests=tuple(digests.items()))
    result = CompiledAdapter.from_state(smaller, state)
    first = next(adapter.parameters(), None)
    return result.to(None if first is None else first.device).train(adapter.training)


def _classical(target: Target) -> Target:
    """What a target says of computing without circuits."""
    return Target(name=target.name, dtype=target.dtype, span=target.span, places=target.places)


def _output_error(parts: list[tuple[AdapterModule, AdapterModule]], x: Tensor) -> float:
    with torch.no_grad():
        whole = torch.stack([part(x) for part, _ in parts]).sum(0)
        found = torch.stack([part(x) for _, part in parts]).sum(0)
    norm = float(torch.linalg.vector_norm(whole))
    return float(torch.linalg.vector_norm(whole - found)) / norm if norm > 0 else 0.0
