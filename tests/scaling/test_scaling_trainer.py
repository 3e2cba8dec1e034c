"""transformers' Trainer in two processes trains what it trains in one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.scaling import trainer_worker
from tests.scaling.launch import TIMEOUT, torchrun


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT)
# peft asks transformers under a name that transformers 6 will drop.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")
@pytest.mark.filterwarnings("ignore:.*pin_memory")
def test_trainer_in_two_processes_is_the_trainer_in_one(tmp_path: Path) -> None:
    torchrun(str(trainer_worker.__file__), str(tmp_path))
    left, right = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    before = trainer_worker.models()
    # As many sequences a step as the two have together.
    for kind, wanted in trainer_worker.train(tmp_path / "one", rows=4).items():
        start = dict(before[kind].named_parameters())
        assert left[kind].keys() == right[kind].keys() == wanted.keys()
        for name, value in wanted.items():
            assert torch.equal(left[kind][name], right[kind][name])
            assert not torch.equal(value, start[name])
            torch.testing.assert_close(left[kind][name], value, rtol=1e-4, atol=1e-6)
