"""The compiled library: plain shared libraries of one source, one for each instruction set.

All else stands in pyproject.toml. Without a compiler the package installs all the same.
"""

from __future__ import annotations

import os
import platform
import sys

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

FOLDER = "qcompile/executors/fused"
INCLUDED = [
    *("kernel.cpp", "kernel.hpp", "call.hpp", "lanes.hpp", "passes.hpp", "pool.hpp", "program.hpp"),
    *("worker.hpp", "worker_passes.hpp", "worker_readout.hpp", "worker_start.hpp"),
]
X86 = {
    "avx2": ["-mavx2", "-mfma", "-mpopcnt", "-mbmi", "-mbmi2"],
    "avx512": [
        *("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mpopcnt"),
        *("-mbmi", "-mbmi2", "-mprefer-vector-width=512"),
    ],
}


class BuildLibraries(build_ext):
    """ctypes loads what is built: no modules of Python, and so of no version of Python either."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def get_ext_filename(self, fullname: str) -> str:
        return os.path.join(*fullname.split(".")) + (".dll" if sys.platform == "win32" else ".so")

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return list(ext.export_symbols)


class Wheel(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


def extension(name: str, flags: list[str]) -> Extension:
    if sys.platform == "win32":
        options, links = ["/std:c++20", "/O2", "/EHsc"], []
    else:
        options = ["-std=c++20", "-O3", "-g0", "-fopenmp-simd", "-fvisibility=hidden", "-pthread"]
        options += flags
        links = ["-pthread"]
    return Extension(
        f"qcompile.executors.fused.kernel.{name}",
        [f"{FOLDER}/kernel/{name}.cpp"],
        depends=[f"{FOLDER}/kernel/{file}" for file in INCLUDED],
        extra_compile_args=options,
        extra_link_args=links,
        language="c++",
        optional=True,
    )


several = sys.platform != "win32" and platform.machine().lower() in ("x86_64", "amd64")
# A processor of that family without AVX2 runs circuits in torch.
sets = X86 if several else {"base": []}
setup(
    ext_modules=[extension(name, flags) for name, flags in sets.items()],
    cmdclass={"build_ext": BuildLibraries, "bdist_wheel": Wheel},
)
