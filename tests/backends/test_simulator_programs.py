"""Torch modules of random programs, of every kind of node, against the slow oracle in numpy."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qcompile.backends.simulator.module import AdapterModule, build_module
from qcompile.ir.program import Program
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.base import base_bias, base_weight
from qcompile.testing.program_strategies import programs
from qcompile.testing.reference import base_output, evaluate_program, random_tensors


def module_of(program: Program, level: int, seed: int) -> AdapterModule:
    """The module in float64, with the random tensors of the oracle."""
    plan = run_pipeline(program, preset(level), Context(), verify=True)
    values = random_tensors(program, seed)
    by_name = {spec.name: values[index] for index, spec in enumerate(program.tensors)}
    part = build_module(plan, seed=0, site="").double().eval()
    with torch.no_grad():
        for spec in plan.tensors:
            part.get_parameter(spec.name).copy_(torch.tensor(by_name[spec.name]))
    return part


def base_module(program: Program) -> nn.Linear:
    """The frozen module of the oracle, in float64."""
    module = nn.Linear(program.in_features, program.out_features, dtype=torch.float64)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(base_weight(program.in_features, program.out_features)))
        module.bias.copy_(torch.tensor(base_bias(program.out_features)))
    return module.requires_grad_(False)


@settings(max_examples=200)
@given(
    program=programs(max_nodes=10, prefixes=True),
    level=st.integers(0, 3),
    seed=st.integers(0, 99),
    batch=st.integers(1, 3),
)
def test_modules_of_random_programs(program: Program, level: int, seed: int, batch: int) -> None:
    x = np.random.default_rng(seed).standard_normal((batch, program.in_features))
    expected = evaluate_program(program, x, random_tensors(program, seed))
    part = module_of(program, level, seed)
    # Plans without tensors have no parameter that says float64.
    inputs = torch.tensor(x)
    single = not part.plan.tensors
    with torch.no_grad():
        if program.mode == "prefix":
            found = torch.cat(part.prefix(), 1)
        else:
            output = torch.tensor(base_output(x, program.out_features))
            found = part(inputs, output, base_module(program))
    tolerance = 1e-4 if single else 1e-9
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=tolerance, atol=tolerance)
