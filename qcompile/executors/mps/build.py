"""A matrix product state in torch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from qcompile.diagnostics.errors import QCompileWarning
from qcompile.diagnostics.messages.library import StateCut
from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.mps.chain import ChainRun
from qcompile.executors.mps.eigenvectors import Eigenvectors
from qcompile.executors.mps.program import MatrixPlace, MpsProgram
from qcompile.executors.mps.tensors import TABLES, Table, Tensors
from qcompile.executors.network.matrices import GateMatrices
from qcompile.executors.shots import sample_signs

WORTH_A_WARNING = 1e-3
"""Of a state, lost in all cuts."""


class MpsEvaluator:
    """data (B, w) and angles (k,) or None → (B, outputs)."""

    def __init__(self, program: MpsProgram, shots: int | None, constants: Constants) -> None:
        self.program = program
        self.shots = shots
        self.matrices = GateMatrices(program.groups, constants)
        eye = torch.eye(2, dtype=torch.float64, device="cpu")
        values = {"signs": torch.tensor([1.0, -1.0], dtype=torch.float64, device="cpu")}
        self.tables: dict[Table, ConstantTensor] = {
            name: constants.real(values.get(name, eye).reshape(shape))
            for name, shape in TABLES.items()
        }
        self.flip = constants.real(values["signs"])
        self.warned = False

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        tensors = TorchTensors(self, data, angles)
        result = ChainRun(self.program, tensors).outputs().expand(data.shape[0], -1)
        if tensors.lost is not None:
            self._note(tensors.lost.amax())
        return result if self.shots is None else sample_signs(result, self.shots)

    def lost(self, data: Tensor, angles: Tensor | None) -> float:
        """What is cut off the states, the most of a token; between 0 and 1, or more in all."""
        with torch.no_grad():
            tensors = TorchTensors(self, data, angles)
            ChainRun(self.program, tensors).outputs()
        return 0.0 if tensors.lost is None else float(tensors.lost.amax())

    def _note(self, lost: Tensor) -> None:
        """Warn once of a loss that shows."""
        if self.warned or torch.compiler.is_compiling() or is_functorch_wrapped_tensor(lost):
            return
        share = float(lost.detach())
        if share > WORTH_A_WARNING:
            self.warned = True
            message = StateCut(
                qubits=self.program.qubits, bond=self.program.bond, lost=f"{share:.2g}"
            )
            warnings.warn(QCompileWarning(message), stacklevel=2)


class TorchTensors(Tensors[Tensor]):
    """Of one call."""

    def __init__(self, evaluator: MpsEvaluator, data: Tensor, angles: Tensor | None) -> None:
        self.evaluator = evaluator
        self.reference = data
        self.real = evaluator.program.real
        found = evaluator.matrices(data, angles)
        self.matrices = [m.real.contiguous() for m in found] if self.real else found
        self.lost: Tensor | None = None

    @property
    def dtype(self) -> torch.dtype:
        return self.reference.dtype if self.real else self.reference.dtype.to_complex()

    def matrix(self, place: MatrixPlace) -> Tensor:
        return self.matrices[place.group][place.position]

    def ground(self) -> Tensor:
        return self.identity(1, 1)

    def one(self) -> Tensor:
        return torch.ones(1, dtype=self.dtype, device=self.reference.device)

    def identity(self, left: int, right: int) -> Tensor:
        rows, columns = (2 * left, right) if right >= 2 * left else (left, 2 * right)
        eye = torch.eye(rows, columns, dtype=self.dtype, device=self.reference.device)
        return eye.view(1, left, 2, right)

    def column(self, matrix: Tensor) -> Tensor:
        return matrix[:, None, :, :1]

    def shape(self, tensor: Tensor) -> tuple[int, ...]:
        return tuple(tensor.shape[1:])

    def view(self, tensor: Tensor, *shape: int) -> Tensor:
        return tensor.view(tensor.shape[0], *shape)

    def each(self, matrix: Tensor, number: int) -> Tensor:
        return matrix.unsqueeze(1).expand(-1, number, -1, -1)

    def rows(self, matrices: Tensor, tensor: Tensor) -> Tensor:
        batch, number, size, columns = max(matrices.shape[0], tensor.shape[0]), *tensor.shape[1:]
        left = matrices.expand(batch, -1, -1, -1).reshape(batch * number, size, size)
        right = tensor.expand(batch, -1, -1, -1).reshape(batch * number, size, columns)
        return torch.bmm(left, right).view(batch, number, size, columns)

    def product(self, left: Tensor, right: Tensor) -> Tensor:
        batch = max(left.shape[0], right.shape[0])
        return torch.bmm(left.expand(batch, -1, -1), right.expand(batch, -1, -1))

    def conjugate(self, tensor: Tensor) -> Tensor:
        if self.real:
            return tensor
        flip = self.evaluator.flip.like(self.reference)
        return torch.view_as_complex(torch.view_as_real(tensor) * flip)

    def transpose(self, matrix: Tensor) -> Tensor:
        return matrix.transpose(1, 2)

    def spread(self, tensor: Tensor, table: Table) -> Tensor:
        return tensor * self.evaluator.tables[table].like(self.reference)

    def times(self, left: Tensor, right: Tensor) -> Tensor:
        return left * right

    def flip(self, tensor: Tensor, axis: int) -> Tensor:
        return tensor.flip(axis + 1)

    def pair(self, first: Tensor, second: Tensor, axis: int) -> Tensor:
        batch = max(first.shape[0], second.shape[0])
        both = [tensor.expand(batch, *(-1 for _ in tensor.shape[1:])) for tensor in (first, second)]
        return torch.stack(both, axis + 1)

    def total(self, tensor: Tensor) -> Tensor:
        return tensor.sum((1, 2))

    def kept(self, density: Tensor, keep: int) -> tuple[Tensor, Tensor]:
        vectors, values = Eigenvectors.apply(density, keep)  # type: ignore[no-untyped-call]
        cut = density.shape[1] - keep
        whole, rest = values.sum(1), values[:, cut:].sum(1)
        share = 1 - rest / whole
        self.lost = share if self.lost is None else self.lost + share
        shown = vectors[:, :, cut:].clone(memory_format=torch.contiguous_format)
        return shown, rest.rsqrt()

    def values(self, columns: Sequence[tuple[Tensor, int, bool]], norm: Tensor | None) -> Tensor:
        batch = max(value.shape[0] for value, _, _ in columns)
        parts = []
        for value, sign, imaginary in columns:
            part = value if self.real else value.imag if imaginary else value.real
            parts.append((-part if sign < 0 else part).expand(batch))
        stacked = torch.stack(parts, 1)
        if norm is None:
            return stacked
        return stacked / (norm if self.real else norm.real).view(-1, 1)
