"""What a call of an adapter's module is given, checked against its plan."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import OutputMissing, WrongOutput, WrongWidth
from qcompile.diagnostics.messages.embeddings import InputNoTokens
from qcompile.diagnostics.messages.interface import InputNotReal
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the module's input x and its base module's output y have to be."""

    adapter: str
    in_features: int
    out_features: int
    tokens: bool
    """x is ids."""
    output: bool
    """y is read."""

    @classmethod
    def of(cls, plan: Plan) -> Inputs:
        return cls(
            adapter=plan.adapter,
            in_features=plan.in_features,
            out_features=plan.out_features,
            tokens=plan.host == EMBEDDING_HOST,
            output=plan.uses_output,
        )

    def checked(self, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x as rows (B, in_features), or ids (B,); y where it is read.

        Raises:
            AdapterError: QA6010, QA6014, QA6021, QA6022, QA6064.
        """
        if self.tokens:
            self._refuse_no_tokens(x)
            return x.reshape(-1), self._output(x, y)
        self._refuse_not_real(x)
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            found = str(x.shape[-1]) if x.dim() else "none, a single number"
            raise AdapterError(WrongWidth(expected=self.in_features, found=found))
        flat = x if x.dim() == 2 else x.reshape(-1, self.in_features)
        return flat, self._output(x, y)

    def leading(self, x: Tensor) -> tuple[int, ...]:
        """The axes of x over tokens."""
        return tuple(x.shape if self.tokens else x.shape[:-1])

    def _output(self, x: Tensor, y: Tensor | None) -> Tensor | None:
        if not self.output:
            return None
        if y is None:
            raise AdapterError(OutputMissing(adapter=self.adapter))
        self._refuse_not_real(y)
        expected = (*self.leading(x), self.out_features)
        if y.shape != expected:
            found = tuple(y.shape)
            raise AdapterError(WrongOutput(expected=expected, found=found))
        return y

    def _refuse_not_real(self, x: object) -> None:
        # The result takes the input's dtype: integers would round it, bool would hide it.
        if isinstance(x, Tensor) and x.dtype.is_floating_point:
            return
        raise AdapterError(InputNotReal(adapter=self.adapter, found=_kind(x)))

    def _refuse_no_tokens(self, x: object) -> None:
        if isinstance(x, Tensor):
            dtype = x.dtype
            if not (dtype.is_floating_point or dtype.is_complex or dtype == torch.bool):
                return
        raise AdapterError(InputNoTokens(adapter=self.adapter, found=_kind(x)))


def _kind(x: object) -> str:
    if not isinstance(x, Tensor):
        return f"`{type(x).__name__}`"
    return str(x.dtype).removeprefix("torch.")
