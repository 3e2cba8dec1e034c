"""Two processes under torchrun compute the gradients of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainers.runs import MODELS, Tokens

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
def test_gradients_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
        # A machine's own name need not lead back to it.
        "--local-addr=127.0.0.1",
        *(str(ROOT / "tests" / "trainers" / "ddp_worker.py"), str(tmp_path)),
    ]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        printed, _ = process.communicate(timeout=150)
    finally:
        # torchrun ends its workers when it is asked to end.
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode == 0, printed.decode()
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    ids = Tokens().ids[:8]
    for kind, make in MODELS.items():
        model = make().eval()
        model(input_ids=ids, labels=ids).loss.backward()
        wanted = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
        assert any(bool(gradient.any()) for gradient in wanted.values() if gradient is not None)
        for gradients in found:
            assert gradients[kind].keys() == wanted.keys()
            for name, gradient in wanted.items():
                torch.testing.assert_close(gradients[kind][name], gradient, rtol=1e-5, atol=1e-7)
