"""Adapters that are one orthogonal matrix, in float64, beside dense matrices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import Compilation
from qcompile.ir.gates import GATES
from qcompile.ir.program import Program
from qcompile.testing.reference import evaluate_program
from tests.compiled import compilation

Array = NDArray[np.float64]

REAL = tuple(name for name, kind in GATES.items() if kind.real)

TWO_DESIGN = """
layer two_design(depth: int) {
    ry
    repeat depth {
        cz brickwork even
        ry brickwork even
        cz brickwork odd
        ry brickwork odd
    }
}
"""


def text(update: str, inputs: int, outputs: int, *before: str) -> str:
    """A file with one adapter of float64."""
    lines = "\n    ".join((f"shape {inputs} -> {outputs}", *before, f"update {update}"))
    adapter = f"adapter a() {{\n    {lines}\n}}\n"
    return f"qa 1\n{TWO_DESIGN}\n{adapter}\ntarget exact {{ dtype: float64 }}\n"


def compiled(source: str, *, level: int = 2, tokens: int = 64) -> Compilation:
    options = Options(optimisation=level, tokens=tokens, verify=True)
    return compilation(Source("unitary.qa", source), options)


def module_of(compilation: Compilation) -> CompiledAdapter:
    return CompiledAdapter(compilation.manifest).eval()


def matrix(module: CompiledAdapter) -> Array:
    """The map as a dense (out, in) matrix, from the forward pass on unit vectors."""
    ((_, part),) = module.parts()
    with torch.no_grad():
        return np.asarray(part(torch.eye(part.plan.in_features, dtype=torch.float64)).T)


def expected(program: Program, tensors: Mapping[str, Array]) -> Array:
    """The same from the oracle."""
    values = {index: tensors[tensor.name] for index, tensor in enumerate(program.tensors)}
    return evaluate_program(program, np.eye(program.in_features), values).T


def tensors_of(module: CompiledAdapter) -> dict[str, Array]:
    ((_, part),) = module.parts()
    return {name: np.asarray(value.detach()) for name, value in part.named_parameters()}
