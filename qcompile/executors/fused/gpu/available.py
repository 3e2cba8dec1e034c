"""Whether Triton is installed, and what a GPU must have."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

LEAST_CAPABILITY = (8, 0)
"""Of NVIDIA's GPUs: what the kernels are compiled for in the tests, and newer ones."""


@cache
def triton_installed() -> bool:
    """Without importing it."""
    return find_spec("triton") is not None


def triton_description() -> str:
    """For `qcompile --version -v`, without loading anything."""
    if not triton_installed():
        return "Triton not installed, circuits run in torch on a GPU"
    try:
        number = f" {version('triton')}"
    except PackageNotFoundError:
        # Builds of torch may bring it under another name.
        number = ""
    return f"Triton{number} installed, circuits run in its kernels on an NVIDIA GPU"


@cache
def gpu_runs(index: int, shared_bytes: int) -> bool:
    """Whether the kernels run on this GPU, with so much shared memory for each program."""
    import torch

    if torch.version.hip is not None:
        return False
    properties = torch.cuda.get_device_properties(index)
    capability = (properties.major, properties.minor)
    # Up to 48 KiB are there without being asked for.
    most = getattr(properties, "shared_memory_per_block_optin", 48 * 1024)
    return capability >= LEAST_CAPABILITY and shared_bytes <= most
