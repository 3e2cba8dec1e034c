"""Warns where circuits would run in torch, for want of the compiled library or of Triton."""

from __future__ import annotations

import warnings

import torch

from qcompile.artifact.manifest import Manifest
from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.library import MoreWithoutLibrary
from qcompile.executors.fused.gpu.available import triton_installed
from qcompile.executors.fused.library import library
from qcompile.ir.limits import DEFAULT_MEMORY
from qcompile.passes.in_torch import in_torch
from qcompile.passes.memory import human_bytes, step_memory


def warn_without_library(manifest: Manifest) -> None:
    """Warn of a step that fits with the library and takes more than the usual limit in torch."""
    if library() is not None or (triton_installed() and torch.cuda.is_available()):
        return
    usual = step_memory(manifest.planned, manifest.tokens).total
    needed = step_memory(in_torch(manifest.planned), manifest.tokens).total
    if usual <= DEFAULT_MEMORY < needed:
        message = MoreWithoutLibrary(
            tokens=manifest.tokens, needed=human_bytes(needed), usual=human_bytes(usual)
        )
        warnings.warn(QCompileWarning(message), stacklevel=3)
