"""Updates of modules that stay: embeddings, convolutions, norms, and whole blocks.

The module stays where it is, so that names, attributes and tied weights stay as well. A hook after
its forward puts the adapters' result into the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qcompile.adapter.adapted import combined, mixed
from qcompile.adapter.calls import Calls
from qcompile.adapter.hooks import take_hook
from qcompile.adapter.named import NamedParts
from qcompile.adapter.patches import channels_first, channels_last, patches
from qcompile.adapter.rows import rows_of
from qcompile.adapter.switch import Standing, Switch
from qcompile.artifact.peft_folder import BESIDE
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.interface import HostCall
from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST


class BesideHolder(nn.Module):
    """What changes the output of one module."""

    def __init__(self, parameters: Iterable[str], site: str) -> None:
        """`parameters` are the names of the parameters of the module's forward, in order."""
        super().__init__()
        self.names = tuple(parameters)
        self.site = site
        self.calls = Calls()

    def forward(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
    ) -> Any:
        """The output of the module as it should be: a tensor, or a tuple that begins with one.

        Raises:
            AdapterError: QA6018.
        """
        raise NotImplementedError

    def changed(
        self,
        module: nn.Module,
        parts: Sequence[AdapterModule],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        output: Any,
        change: Callable[[Tensor, Tensor], Tensor],
    ) -> Any:
        """The output with a change of its tensor, (…, out_features).

        Args:
            module: The one whose output it is.
            parts: What the input and the output have to fit.
            args: The arguments of the module, the first of which is its input, (…, in_features).
            kwargs: Those by name.
            output: What the module gives by itself.
            change: Of the input and that tensor.

        Raises:
            AdapterError: QA6018.
        """
        x: Any = args[0] if args else kwargs.get(self.names[0] if self.names else "")
        y: Any = output[0] if isinstance(output, tuple | list) and output else output
        convolution = parts[0].plan.host == CONVOLUTION_HOST and isinstance(x, Tensor)
        if convolution:
            x, y = patches(module, x), channels_last(module, y)
        for part in parts:
            self._check(part, x, y)
        value = change(x, y)
        if convolution:
            value = channels_first(module, value)
        return value if isinstance(output, Tensor) else _with_first(output, value)

    def _check(self, part: AdapterModule, x: Any, y: Any) -> None:
        found = ""
        wanted = [("an input", x, part.plan.in_features), ("an output", y, part.plan.out_features)]
        if part.plan.host == EMBEDDING_HOST:
            # The module itself refuses what are no ids.
            del wanted[0]
            x = x.unsqueeze(-1) if isinstance(x, Tensor) else x
        for what, value, width in wanted:
            if not isinstance(value, Tensor):
                found = found or f"{what} of type {type(value).__name__}, and not a tensor"
            elif value.dim() == 0 or value.shape[-1] != width:
                found = found or f"{what} of shape {tuple(value.shape)}, not {width} wide"
        if not found and x.shape[:-1] != y.shape[:-1]:
            found = f"an input of shape {tuple(x.shape)} for an output of {tuple(y.shape)}"
        if found:
            adapter = part.plan.adapter
            raise AdapterError(HostCall(module=self.site, adapter=adapter, found=found))


class Beside(BesideHolder, NamedParts):
    """The parts of attached adapters, in the order of attachment."""

    def __init__(self, parameters: Iterable[str], site: str, switch: Switch) -> None:
        """As `BesideHolder`; `switch` is the model's."""
        NamedParts.__init__(self, switch)
        self.names = tuple(parameters)
        self.site = site
        self.calls = Calls()

    def forward(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
    ) -> Any:
        self.calls.note()
        standing = self.switch.standing()
        if standing.frozen != self.switch.now().frozen:
            with self.trained_as_in(standing):
                return self._output(standing, module, args, kwargs, output)
        return self._output(standing, module, args, kwargs, output)

    def _output(
        self,
        standing: Standing,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        output: Any,
    ) -> Any:
        rows = standing.rows
        if rows is not None:
            parts = [part for name in dict.fromkeys(rows) for part in self.parts(name)]

            def by_row(x: Tensor, y: Tensor) -> Tensor:
                return mixed(self.parts, rows_of(rows, x, standing.repeats), x, y, module)

            return self.changed(module, parts, args, kwargs, output, by_row) if parts else output
        parts, weights = self.weighted(standing)

        def by_weight(x: Tensor, y: Tensor) -> Tensor:
            return combined(parts, x, y, module, weights)

        return self.changed(module, parts, args, kwargs, output, by_weight) if parts else output


def change_output(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
) -> Any:
    """A forward hook: the output of a module, with its adapters."""
    holder = module._modules.get(BESIDE)
    return output if holder is None else holder(module, args, kwargs, output)


def _with_first(output: Any, value: torch.Tensor) -> Any:
    if hasattr(output, "_fields"):
        return output._replace(**{output._fields[0]: value})
    return type(output)((value, *output[1:]))


def beside_of(module: nn.Module) -> Beside | None:
    """The attached parts of a module that is no linear map."""
    found = module._modules.get(BESIDE)
    return found if isinstance(found, Beside) else None


def put_beside(module: nn.Module, holder: BesideHolder) -> None:
    """Let a holder change the output of a module."""
    holder.train(module.training)
    module.add_module(BESIDE, holder)
    module.register_forward_hook(change_output, with_kwargs=True)


def take_from_beside(module: nn.Module) -> None:
    """Undo `put_beside`; works on a copy of the module as well, and where the holder is gone."""
    module._modules.pop(BESIDE, None)
    take_hook(change_output, module._forward_hooks, module._forward_hooks_with_kwargs)
