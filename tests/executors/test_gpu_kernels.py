"""The kernels for GPUs: run by Triton's interpreter on the CPU, and compiled for GPUs.

No GPU is needed. The properties are those of the compiled library, held by the same tests.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qcompile.executors.fused.gpu.available import triton_installed
from qcompile.executors.fused.gpu.encoding import Launch
from qcompile.executors.fused.gpu.launch import (
    BLOCK,
    REGISTERS,
    compiler_options,
    shared_bytes,
    tile_of,
)

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not triton_installed(), reason="Triton is not installed: the extra `cuda`"
)

PROPERTIES = "float64_agrees or float32_agrees"


def interpreted(*arguments: str) -> None:
    """Run tests in a process whose circuits run in interpreted kernels."""
    variables = {
        **os.environ,
        "TRITON_INTERPRET": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
    }
    asked = [sys.executable, "-m", "pytest", "-p", "interpreted_plugin", "-p", "no:xdist"]
    asked += ["-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        asked, cwd=ROOT, env=variables, text=True, check=False, stdout=subprocess.PIPE, stderr=None
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout


@pytest.mark.slow
def test_values_and_gradients_are_those_of_matrices() -> None:
    interpreted("tests/executors/test_fused_kernel.py", "-k", PROPERTIES)


@pytest.mark.slow
def test_tiles_starts_read_outs_and_transforms() -> None:
    interpreted("tests/executors/gpu_interpreted.py")


def compiled(name: str, launch: Launch, dtype: str, capability: int) -> Any:
    """A kernel for a GPU that need not be there."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    from qcompile.executors.fused.gpu import kernels

    kernel = getattr(kernels, name)
    tile = tile_of(launch)
    constants: dict[str, Any] = (
        {"BLOCK": BLOCK}
        if "BLOCK" in kernel.arg_names
        else {
            "BITS": launch.bits,
            "REAL": launch.real,
            "AMPLITUDES": launch.amplitudes,
            "OUTCOME_BITS": launch.outputs.bit_length() - 1 if launch.probabilities else -1,
            "TOKENS": tile.tokens,
        }
    )
    known = {"code": "*i64", "partial": "*fp64", **dict.fromkeys(kernels.SIZES, "i32")}
    signature = {
        argument: "constexpr" if argument in constants else known.get(argument, f"*{dtype}")
        for argument in kernel.arg_names
    }
    source = ASTSource(kernel, signature, constants, {})
    warps = BLOCK // 32 if "BLOCK" in constants else tile.warps
    return compile(
        source, target=GPUTarget("cuda", capability, 32), options=compiler_options(warps)
    )


def resources(cubin: bytes, folder: Path) -> tuple[int, int]:
    """Registers of a thread, and bytes of its stack."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    path = folder / "kernel.cubin"
    path.write_bytes(cubin)
    told = subprocess.run(
        [tool, "-res-usage", path], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", told)
    assert found is not None, told
    return int(found[1]), int(found[2])


def launch_with(bits: int, **fields: Any) -> Launch:
    usual = Launch(bits, False, False, False, data=4, shared=20, width=4, angles=20, outputs=4)
    return usual._replace(**fields)


AMPLITUDES = {"amplitudes": True, "probabilities": True, "outputs": 8}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "launch", "dtype", "capability"),
    [
        ("make_waves", launch_with(3), "fp32", 80),
        ("sum_partial", launch_with(3), "fp32", 90),
        ("run_values", launch_with(3), "fp32", 80),
        ("run_gradients", launch_with(3), "fp32", 90),
        ("run_gradients", launch_with(8), "fp32", 80),
        ("run_gradients", launch_with(8, real=True), "fp32", 90),
        ("run_gradients", launch_with(8, **AMPLITUDES), "fp64", 90),
        ("run_values", launch_with(8, **AMPLITUDES), "fp64", 80),
        ("run_gradients", launch_with(12), "fp32", 90),
    ],
)
def test_kernels_compile_for_gpus(
    name: str,
    launch: Launch,
    dtype: str,
    capability: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Up to 12 qubits in float32 states stay in registers; nothing is added atomically."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    found = compiled(name, launch, dtype, capability)
    registers, stack = resources(found.asm["cubin"], tmp_path)
    assert registers * 32 * found.metadata.num_warps <= REGISTERS
    if dtype == "fp32":
        assert stack <= 64, "registers spill"
    bytes_of = {"fp32": 4, "fp64": 8}[dtype]
    assert found.metadata.shared <= shared_bytes(launch, bytes_of)
    assert not re.search(r"\b(atom|red)\.", found.asm["ptx"])
