"""qcompile's public module, circuits in the compiled library."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn
from works import Work

import qcompile


def build(work: Work, angles: Tensor) -> tuple[nn.Module, Tensor]:
    logging.disable()
    adapter = qcompile.compile(work.source, tokens=work.batch)
    (parameter,) = adapter.parameters()
    with torch.no_grad():
        parameter.copy_(angles)
    return adapter, parameter
