"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch
import transformers

import qcompile


def machine_facts(device: torch.device, threads: int, processes: int) -> dict[str, str]:
    """Processor, versions, threads; nothing that names the machine."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "device": "cpu" if device.type == "cpu" else torch.cuda.get_device_name(device),
        "processes": str(processes),
        "threads of a process": str(threads),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "qcompile": qcompile.__version__,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
