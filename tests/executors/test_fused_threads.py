"""Threads of the compiled library: they wait between calls, and processes can be forked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.fused.library import library
from qcompile.executors.registry import executor_of
from qcompile.ir.target import DEFAULT_TARGET
from tests.backends.simulator_plans import fused, uploading_circuit

pytestmark = pytest.mark.skipif(library() is None, reason="not built: `make library`")

TOKENS = 4096
"""Enough for several threads."""
STEPS = 8


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def step(seed: int = 0) -> tuple[Tensor, ...]:
    """Values and gradients in the library alone: torch's own threads do not outlive a fork."""
    circuit = uploading_circuit(4, 2)
    evaluation = fused(circuit)
    evaluator = executor_of(evaluation).build(evaluation, DEFAULT_TARGET, Constants())
    data = torch.arange(4.0 * TOKENS).sub(seed).reshape(TOKENS, 4).requires_grad_()
    angles = torch.arange(float(circuit.angle_count)).requires_grad_()
    values = evaluator(data, angles)
    return values.detach(), *torch.autograd.grad(values, (data, angles), torch.ones_like(values))


def threads_alive() -> int:
    """Of this process; 2 where that cannot be told."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 2


def equal(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_calls_of_several_threads_at_once() -> None:
    expected = [step(seed) for seed in range(STEPS)]
    with ThreadPoolExecutor(STEPS) as pool:
        for _ in range(3):
            for found, one in zip(pool.map(step, range(STEPS)), expected, strict=True):
                assert equal(found, one)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
# Python itself warns of a fork beside threads.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own() -> None:
    expected = step()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if equal(step(), expected) and threads_alive() > 1 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert equal(step(), expected)
