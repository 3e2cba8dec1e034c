"""A gate program in the library or in the kernels for GPUs, as an evaluator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.fused import library
from qcompile.executors.fused.encoding import encode_program
from qcompile.executors.fused.gpu.available import gpu_runs, triton_installed
from qcompile.executors.fused.gpu.encoding import encode_for_gpu, launch_of
from qcompile.executors.fused.gpu.launch import shared_bytes
from qcompile.executors.fused.operators import run, run_traced
from qcompile.executors.fused.program import FusedProgram, ReadOutcomes
from qcompile.executors.shots import sample_distribution, sample_signs
from qcompile.ir.target import Target

# torch.compile asks once instead of tracing it.
_gpu_runs = torch.compiler.assume_constant_result(gpu_runs)  # type: ignore[no-untyped-call]


class FusedEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs), in the dtype of `data`.

    In torch, by the evaluators that are given, where neither the library nor Triton can run it
    and where a program is exported.
    """

    def __init__(
        self,
        program: FusedProgram,
        in_torch: Evaluator,
        exact: Evaluator,
        target: Target,
        constants: Constants,
    ) -> None:
        """`exact` draws no shots; `in_torch` does where the target has some."""
        self.outputs = program.outputs
        self.reads_data = program.reads_data
        self.distribution = isinstance(program.read, ReadOutcomes)
        self.shots = target.shots
        self.in_torch = in_torch
        self.exact = exact
        self.code = constants.index(encode_program(program))
        self.gpu_code = constants.index(encode_for_gpu(program))
        self.launch = launch_of(program)
        self.compiled = library.library() is not None
        self.triton = triton_installed()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A pickled module may come to a machine without the library, or without Triton."""
        self.__dict__.update(state)
        self.compiled = library.library() is not None
        self.triton = triton_installed()

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        chosen = None if torch.compiler.is_exporting() else self._code(data)
        if chosen is None:
            return self.in_torch(data, angles)
        code, launch = chosen
        trained = data.new_empty(0) if angles is None else angles
        rows = data if self.reads_data else data[:1]
        if torch.compiler.is_compiling():
            found = run_traced(rows, trained, code, self.outputs, launch)
        else:
            found = run(rows, trained, code, self.outputs, launch, self._exactly)
        if self.shots is not None:
            found = self._sampled(found, self.shots)
        return found if self.reads_data else found.expand(data.shape[0], -1)

    def _code(self, data: Tensor) -> tuple[Tensor, list[int]] | None:
        """The program for the device of the data; None where it runs in torch."""
        device = data.device
        if device.type == "cpu" and self.compiled:
            return self.code.on(data), []
        if device.type == "cuda" and self.triton:
            if _gpu_runs(device.index or 0, shared_bytes(self.launch, data.element_size())):
                return self.gpu_code.on(data), self.launch.numbers()
        return None

    def _exactly(self, data: Tensor, angles: Tensor) -> Tensor:
        return self.exact(data, angles if angles.shape[0] else None)

    def _sampled(self, values: Tensor, shots: int) -> Tensor:
        if self.distribution:
            return sample_distribution(values.t(), shots).t()
        return sample_signs(values, shots)
