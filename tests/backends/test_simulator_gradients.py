"""Every parameter takes part in the gradient, at every level, whatever has become of its use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.planning import IdleTensor
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.arithmetic import MultiplyNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.tensor import TensorSpec
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.circuit_strategies import seeds
from qcompile.testing.program_strategies import programs
from qcompile.testing.reference import base_output
from tests.backends.test_simulator_programs import base_module, module_of

LEVELS = (0, 1, 2, 3)


def gradients(program: Program, level: int, seed: int) -> dict[str, Tensor]:
    part = module_of(program, level, seed)
    drawn = np.random.default_rng(seed)
    x = torch.tensor(drawn.standard_normal((2, program.in_features)))
    if program.mode == "prefix":
        result = torch.cat(part.prefix(), 1)
    else:
        output = torch.tensor(base_output(x.numpy(), program.out_features))
        result = part(x, output, base_module(program))
    weights = torch.linspace(0.5, 1.5, result.numel(), dtype=result.dtype).reshape(result.shape)
    parameters = dict(part.named_parameters())
    if parameters:
        torch.autograd.backward((result * weights).sum())
    found = {}
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        found[name] = parameter.grad
    return found


@settings(max_examples=60)
@given(program=programs(max_nodes=10, prefixes=True), seed=seeds)
def test_every_parameter_has_the_same_gradient_at_every_level(program: Program, seed: int) -> None:
    reference = gradients(program, 0, seed)
    for level in LEVELS[1:]:
        found = gradients(program, level, seed)
        # Constant folding may show that a tensor has no influence; it is left out with a warning.
        for name in reference.keys() - found.keys():
            assert not reference[name].any(), name
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, reference[name], rtol=1e-7, atol=1e-7)


def program_of(*nodes: VectorNode | CircuitNode | ActivationNode | MultiplyNode) -> Program:
    return Program(
        adapter="a",
        in_features=2,
        out_features=2,
        mode="add",
        nodes=(InputNode(width=2), *nodes),
        result=len(nodes),
        tensors=(TensorSpec(name="w", shape=(2,), init=ZERO),),
        parameters=(),
    )


def unseen() -> Program:
    """The vector turns about X between |+⟩ states, and X is measured."""
    angle = (Affine(data=((0, 1.0),)),)
    circuit = Circuit(
        qubits=2,
        data_width=2,
        angle_count=0,
        initial=ZeroState(),
        gates=(
            Gate(name="h", qubits=(0,)),
            Gate(name="h", qubits=(1,)),
            Gate(name="rxx", qubits=(0, 1), angles=angle),
        ),
        readout=Expectations(
            paulis=(Pauli(letters=((0, "X"),)), Pauli(letters=((1, "X"),))),
        ),
    )
    return program_of(
        VectorNode(tensor=0, width=2),
        CircuitNode(operands=(1,), circuit=circuit, angles=None, width=2),
    )


def stepped() -> Program:
    return program_of(
        VectorNode(tensor=0, width=2),
        ActivationNode(operand=1, kind="step", width=2),
        MultiplyNode(operands=(0, 2), width=2),
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("program", [unseen(), stepped()], ids=["unseen", "stepped"])
def test_a_tensor_without_influence_is_named_and_has_a_gradient(
    program: Program, level: int
) -> None:
    remarks: list[Message] = []
    plan = run_pipeline(program, preset(level), Context(remark=remarks.append), verify=True)
    assert [m.tensor for m in remarks if isinstance(m, IdleTensor)] == ["w"]
    assert [spec.name for spec in plan.tensors] == ["w"]
    assert not gradients(program, level, seed=0)["w"].any()
