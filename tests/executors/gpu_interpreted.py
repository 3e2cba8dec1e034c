"""What the kernels for GPUs do beyond one tile; run by `test_gpu_kernels`, with its plugin."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import hessian, vmap

from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.encoding import encode_program
from qcompile.executors.fused.gpu import kernels
from qcompile.executors.fused.gpu import launch as launching
from qcompile.executors.fused.gpu.encoding import encode_for_gpu, launch_of
from qcompile.executors.fused.library import library
from qcompile.executors.fused.operators import _gradients, _values
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import (
    Affine,
    AmplitudeState,
    Circuit,
    Expectations,
    Gate,
    Pauli,
    Probabilities,
    ZeroState,
)
from qcompile.ir.plan import StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET
from tests.backends.simulator_plans import evaluate, fused, uploading_circuit

Step = tuple[Tensor, Tensor, Tensor]


def inputs(circuit: Circuit, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    data = torch.randn(tokens, circuit.data_width, generator=generator, dtype=torch.float64)
    angles = torch.randn(circuit.angle_count, generator=generator, dtype=torch.float64)
    return data.to(dtype), angles.to(dtype)


def weights_of(tokens: int, outputs: int, dtype: torch.dtype) -> Tensor:
    return torch.linspace(-1, 2, tokens * outputs, dtype=dtype).reshape(tokens, outputs)


def on_gpu(circuit: Circuit, data: Tensor, angles: Tensor) -> Step:
    """Values and gradients, in kernels."""
    program = fused_program(circuit)
    code, launch = torch.tensor(encode_for_gpu(program)), launch_of(program)
    values = launching.launch_values(code, data, angles, program.outputs, launch)
    weights = weights_of(len(values), values.shape[1], data.dtype)
    return values, *launching.launch_gradients(code, data, angles, weights, launch)


def in_torch(circuit: Circuit, data: Tensor, angles: Tensor) -> Step:
    leaves = data.clone().requires_grad_(), angles.clone().requires_grad_()
    values = evaluate(StatevectorEvaluation(circuit=circuit), *leaves)
    weights = weights_of(len(values), values.shape[1], data.dtype)
    of_data, of_angles = torch.autograd.grad(values, leaves, weights)
    return values.detach(), of_data, of_angles


def alike(found: Step, expected: Step, tolerance: float) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=tolerance, rtol=tolerance)


def test_the_interpreter_runs_the_kernels() -> None:
    assert type(kernels.run_values).__name__ == "InterpretedFunction"


@pytest.mark.parametrize("chunks", [1, 2, 1024])
def test_tiles_in_chunks(chunks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last tile is not full, and chunks are not equally long."""
    monkeypatch.setattr(launching, "LEAST_NUMBERS", 16)
    monkeypatch.setattr(launching, "MOST_CHUNKS", chunks)
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 5, torch.float64)
    assert launching.tile_of(launch_of(fused_program(circuit))).tokens == 2
    found = on_gpu(circuit, data, angles)
    alike(found, in_torch(circuit, data, angles), 1e-10)
    # A token's values do not depend on the others.
    assert torch.equal(on_gpu(circuit, data[4:], angles)[0], found[0][4:])


@pytest.mark.skipif(library() is None, reason="not built: `make library`")
@pytest.mark.parametrize(("qubits", "dtype"), [(3, torch.float32), (9, torch.float64)])
def test_the_library_finds_the_same(qubits: int, dtype: torch.dtype) -> None:
    circuit = uploading_circuit(qubits, 1)
    data, angles = inputs(circuit, 3, dtype)
    program = fused_program(circuit)
    code = torch.tensor(encode_program(program))
    weights = weights_of(3, program.outputs, dtype)
    theirs = _values(code, data, angles, program.outputs)
    expected = theirs, *_gradients(code, data, angles, weights)
    alike(on_gpu(circuit, data, angles), expected, 2e-5 if dtype == torch.float32 else 1e-12)


@pytest.mark.parametrize("read", [(0, 2), (3, 1, 0, 2), ()])
def test_outcomes_of_some_qubits_of_amplitudes(read: tuple[int, ...]) -> None:
    """In any order, beside data that are angles."""
    base = uploading_circuit(4, 1)
    circuit = Circuit(
        qubits=4,
        data_width=17,
        angle_count=base.angle_count,
        initial=AmplitudeState(offset=2, width=13),
        gates=base.gates,
        readout=Probabilities(qubits=read)
        if read
        else Expectations(paulis=(Pauli(letters=((0, "X"), (2, "Y"))),)),
    )
    data, angles = inputs(circuit, 9, torch.float64)
    alike(on_gpu(circuit, data, angles), in_torch(circuit, data, angles), 1e-10)


def test_amplitudes_that_are_zero_tiny_or_huge() -> None:
    circuit = Circuit(
        qubits=3,
        data_width=8,
        angle_count=0,
        initial=AmplitudeState(offset=0, width=8),
        gates=(),
        readout=Probabilities(qubits=(0, 1, 2)),
    )
    data, angles = inputs(circuit, 4, torch.float32)
    data = data * torch.tensor([[0.0], [1e-30], [1e30], [1.0]])
    values, of_data, _ = on_gpu(circuit, data, angles)
    expected = data.double().square()
    expected[0, 0] = 1
    expected = expected / expected.sum(1, keepdim=True)
    torch.testing.assert_close(values.double(), expected, atol=1e-6, rtol=1e-6)
    assert not of_data[0].any() and of_data.isfinite().all()


REAL = Circuit(
    qubits=3,
    data_width=2,
    angle_count=2,
    initial=ZeroState(),
    gates=(
        Gate(name="ry", qubits=(0,), angles=(Affine(data=((0, 1.0),)),)),
        Gate(name="ry", qubits=(2,), angles=(Affine(data=((1, 0.5),), angles=((0, -1.0),)),)),
        Gate(name="cx", qubits=(0, 1)),
        Gate(name="cry", qubits=(1, 2), angles=(Affine(angles=((1, 2.0),)),)),
        Gate(name="ch", qubits=(2, 0)),
        Gate(name="ry", qubits=(1,), angles=(Affine(constant=0.3, data=((0, 1.0),)),)),
    ),
    readout=Expectations(
        paulis=tuple(
            Pauli(letters=letters) for letters in (((1, "Z"),), ((0, "X"), (2, "X")), ((0, "Y"),))
        )
    ),
)


def test_real_states() -> None:
    """Conditions, and a string without expectation among those read."""
    assert fused_program(REAL).real
    data, angles = inputs(REAL, 3, torch.float64)
    alike(on_gpu(REAL, data, angles), in_torch(REAL, data, angles), 1e-12)


# Forward-mode AD in torch 2.13 warns of its own script.
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_what_torch_does_with_functions() -> None:
    """Second derivatives, vmap, a trace, strides and empty batches go through the operators."""
    evaluation = fused(REAL)
    run = executor_of(evaluation).build(evaluation, DEFAULT_TARGET, Constants())
    eager = executor_of(evaluation.eager).build(evaluation.eager, DEFAULT_TARGET, Constants())
    data, angles = inputs(REAL, 4, torch.float64)

    def hessians(function: Evaluator) -> Tensor:
        by_both = hessian(lambda both: function(both[:2].reshape(1, 2), both[2:]).square().sum())
        found: Tensor = by_both(torch.cat((data[0], angles)))
        return found

    torch.testing.assert_close(hessians(run), hessians(eager))
    rows = data.reshape(2, 2, 2)
    by_vmap = vmap(run, in_dims=(0, None))(rows, angles)
    torch.testing.assert_close(by_vmap.reshape(4, 3), eager(data, angles))
    torch.testing.assert_close(run(data.t().contiguous().t(), angles), eager(data, angles))
    assert run(data[:0], angles).shape == (0, 3)
    torch.compiler.reset()
    traced = torch.compile(run.__call__, fullgraph=True, backend="aot_eager")
    leaves = data.requires_grad_(), angles.requires_grad_()
    found = torch.autograd.grad(traced(*leaves).square().sum(), leaves)
    expected = torch.autograd.grad(eager(*leaves).square().sum(), leaves)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_programs_for_the_cpu_and_other_sizes_are_refused() -> None:
    circuit = uploading_circuit(3, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    program = fused_program(circuit)
    code, launch = torch.tensor(encode_for_gpu(program)), launch_of(program).numbers()
    run = torch.ops.qcompile.fused_values
    for bad in (
        lambda: run(code, data, angles, 3),
        lambda: run(code, data[:, :2], angles, 3, launch),
        lambda: run(code, data, angles[:2], 3, launch),
        lambda: run(code, data, angles, 4, launch),
        lambda: run(code, data, angles.float(), 3, launch),
        lambda: run(code.int(), data, angles, 3, launch),
    ):
        with pytest.raises(RuntimeError, match=r"program|dtype"):
            bad()  # type: ignore[no-untyped-call]
