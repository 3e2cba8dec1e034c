"""What replaces each circuit: a polynomial, a fit, or numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from qcompile.adapter.surrogates.fit import LEAST_ROWS, Fit, fitted
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.surrogates import (
    SurrogateNotReached,
)
from qcompile.executors.polynomials.basis import Polynomial
from qcompile.executors.polynomials.circuits import polynomial_of
from qcompile.executors.polynomials.propagate import TooManyTerms
from qcompile.ir.compilation import Site
from qcompile.ir.node import domains
from qcompile.ir.ops.base import BASE_NODES
from qcompile.ir.ops.ends import OutputNode
from qcompile.ir.plan import EvaluationNode, ExternalEvaluation, Plan
from qcompile.ir.plan_circuits import circuits_of_plan
from qcompile.passes.surrogates import (
    FixedValues,
    LinearMap,
    Replacement,
    terms_of,
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


@dataclass(eq=False)
class ReplacementSearch:
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
        dtype: type[np.floating[Any]] = np.float64 if computes_in_double(part) else np.float32
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


def computes_in_double(part: AdapterModule) -> bool:
    kinds = {parameter.dtype for parameter in part.parameters()}
    return part.plan.target.dtype == "float64" or torch.float64 in kinds
