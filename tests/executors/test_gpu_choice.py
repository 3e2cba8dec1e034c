"""Which circuits run in the kernels for GPUs, decided without a GPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from qcompile.adapter import without_library
from qcompile.executors.constants import Constants
from qcompile.executors.fused import build
from qcompile.executors.fused.assemble import fused_program
from qcompile.executors.fused.build import FusedEvaluator
from qcompile.executors.fused.gpu import available
from qcompile.executors.fused.gpu.encoding import Launch, launch_of
from qcompile.executors.registry import executor_of
from qcompile.ir.target import DEFAULT_TARGET
from tests.backends.simulator_plans import fused, uploading_circuit


@pytest.mark.parametrize(
    ("major", "minor", "memory", "needed", "runs"),
    [
        (8, 0, 166912, 131072, True),
        (9, 0, 232448, 4096, True),
        # Too little shared memory for 14 qubits in float64; too old.
        (8, 6, 101376, 131072, False),
        (7, 5, 65536, 4096, False),
    ],
)
def test_what_a_gpu_must_have(
    major: int, minor: int, memory: int, needed: int, runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = SimpleNamespace(major=major, minor=minor, shared_memory_per_block_optin=memory)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: device)
    monkeypatch.setattr(torch.version, "hip", None)
    assert available.gpu_runs.__wrapped__(0, needed) is runs


@pytest.mark.parametrize("triton", [True, False])
@pytest.mark.parametrize("runs", [True, False])
def test_tensors_of_a_gpu(triton: bool, runs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the kernels where Triton is there and the device can; the operators take such tensors."""
    monkeypatch.setattr(build, "triton_installed", lambda: triton)
    monkeypatch.setattr(build, "_gpu_runs", lambda index, needed: runs)
    circuit = uploading_circuit(3, 1)
    evaluation = fused(circuit)
    plain = executor_of(evaluation.eager).build(evaluation.eager, DEFAULT_TARGET, Constants())
    evaluator = FusedEvaluator(fused_program(circuit), plain, plain, DEFAULT_TARGET, Constants())
    with FakeTensorMode(allow_non_fake_inputs=True):
        data = torch.empty(5, 3, device="cuda")
        angles = torch.empty(circuit.angle_count, device="cuda")
        chosen = evaluator._code(data)
        assert (chosen is not None) is (triton and runs)
        if chosen is not None:
            code, numbers = chosen
            assert Launch.of_numbers(numbers) == launch_of(fused_program(circuit))
            found = torch.ops.qcompile.fused_values(code, data, angles, 3, numbers)
            assert found.shape == (5, 3) and found.device.type == "cuda"


def test_kernels_are_registered_for_gpus() -> None:
    for name in ("fused_values", "fused_values_traced", "fused_gradients"):
        assert torch._C._dispatch_has_kernel_for_dispatch_key(f"qcompile::{name}", "CUDA")


@pytest.mark.parametrize(("triton", "gpu"), [(True, True), (True, False), (False, True)])
def test_no_warning_where_a_gpu_runs_circuits(
    triton: bool, gpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def counted(*arguments: object) -> SimpleNamespace:
        asked.append(True)
        return SimpleNamespace(total=0)

    monkeypatch.setattr(without_library, "library", lambda: None)
    monkeypatch.setattr(without_library, "triton_installed", lambda: triton)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(without_library, "step_memory", counted)
    monkeypatch.setattr(without_library, "in_torch", lambda planned: planned)
    manifest = SimpleNamespace(planned=None, tokens=1)
    without_library.warn_without_library(manifest)  # type: ignore[arg-type]
    assert bool(asked) is not (triton and gpu)
