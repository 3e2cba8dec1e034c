"""The whole compiler, from a text to torch modules in float64, beside the oracle of programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import Compilation
from qcompile.ir.program import Program
from qcompile.testing.reference import base_output, evaluate_program, random_tensors
from tests.compiled import compilation

Array = NDArray[np.float64]

EVALUATORS = ("auto", "dense", "statevector", "network", "density", "fused", "adjoint", "mps")
TARGETS = "\n".join(
    f"target by_{kind} {{ dtype: float64; evaluator: {kind} }}" for kind in EVALUATORS
)
OPTIONS = Options(target="by_auto", tokens=64, verify=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One way to compile a text."""

    label: str
    compilation: Compilation
    module: CompiledAdapter

    def __call__(self, x: Tensor) -> Tensor:
        """The update for x, beside the frozen module of the oracle."""
        result: Tensor = self.module(x, base(x, self.compilation.planned.plans[0].out_features))
        return result


def base(x: Tensor, out_features: int) -> Tensor:
    """`base_output`, with gradients."""
    unit = np.eye(x.shape[-1])
    return x @ torch.from_numpy(base_output(unit, out_features)).to(x)


def build(text: str, label: str, options: Options) -> Built:
    found = compilation(Source("generated.qa", f"{text}\n{TARGETS}\n"), options)
    module = CompiledAdapter(found.manifest).eval()
    return Built(label=label, compilation=found, module=module)


def build_all(text: str, *, levels: tuple[int, ...] = (0, 1, 2, 3)) -> list[Built]:
    """At every level, and with every evaluator that can run the adapter's circuits."""
    found = [build(text, f"-O{level}", replace(OPTIONS, optimisation=level)) for level in levels]
    if "circuit(" not in text:
        return found
    for kind in EVALUATORS[1:]:
        try:
            found.append(build(text, kind, replace(OPTIONS, target=f"by_{kind}")))
        except CompileError as error:
            # Networks and chains neither encode amplitudes nor read probabilities.
            if kind not in ("network", "mps") or {it.code for it in error.diagnostics} != {
                "QA4007"
            }:
                raise
    return found


def shared_tensors(program: Program, seed: int) -> dict[str, Array]:
    """Random values by name; tensors of one key are the same."""
    values = random_tensors(program, seed)
    by_key: dict[str, Array] = {}
    return {
        tensor.name: values[index]
        if tensor.share is None
        else by_key.setdefault(tensor.share, values[index])
        for index, tensor in enumerate(program.tensors)
    }


def fill(built: Built, values: Mapping[str, Array]) -> dict[str, torch.nn.Parameter]:
    """Give the only part these values; its parameters by name, those without influence too."""
    (part,) = (part for _, part in built.module.parts())
    parameters = {tensor.name: part.get_parameter(tensor.name) for tensor in part.plan.tensors}
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(values[name]))
    return parameters


def oracle(program: Program, x: Array, values: Mapping[str, Array]) -> Array:
    tensors = {index: values[tensor.name] for index, tensor in enumerate(program.tensors)}
    return evaluate_program(program, x, tensors)


def inputs(width: int, seed: int, rows: int = 3) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, width))


def gradients(built: Built, values: Mapping[str, Array], x: Tensor) -> dict[str, Tensor]:
    """Of a fixed weighting of the outputs, for the input and every tensor."""
    parameters = fill(built, values)
    leaf = x.clone().requires_grad_()
    result = built(leaf)
    weights = torch.linspace(-1.0, 2.0, result.numel(), dtype=torch.float64)
    total = (result * weights.reshape(result.shape)).sum()
    wanted = [leaf, *dict.fromkeys(parameters.values())]
    if not total.requires_grad:
        return {}
    found = torch.autograd.grad(total, wanted, allow_unused=True)
    by_id = {
        id(leaf): torch.zeros_like(leaf) if g is None else g
        for leaf, g in zip(wanted, found, strict=True)
    }
    named = {name: by_id[id(parameter)] for name, parameter in parameters.items()}
    return {"x": by_id[id(leaf)], **named}


def close(found: Tensor | Array, expected: Tensor | Array, label: str, tolerance: float) -> None:
    """Within `tolerance` of the largest element."""
    # A vector alone is a view of its parameter.
    a, b = (np.asarray(v.detach() if isinstance(v, Tensor) else v) for v in (found, expected))
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    np.testing.assert_allclose(a / scale, b / scale, atol=tolerance, rtol=0, err_msg=label)


def starts_at_zero(text: str) -> bool:
    return re.search(r"update .*init: zero\)\n", text) is not None
