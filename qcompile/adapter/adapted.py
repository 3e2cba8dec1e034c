"""A frozen linear map with adapters beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from qcompile.adapter.calls import Calls
from qcompile.adapter.named import NamedParts
from qcompile.adapter.rows import rows_of
from qcompile.adapter.switch import Standing, Switch
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.interface import HostCall
from qcompile.ir.hosts import EMBEDDING_HOST


class AdaptedModule(NamedParts):
    """`base_layer` and the adapters that add to, or replace, its output.

    Stands in for the base layer: `weight`, `bias`, `in_features` and `out_features` are its own.
    """

    _tied_weights_keys: ClassVar[dict[str, str]] = {"base_layer.weight": "base_layer.weight"}
    """transformers looks for it when it saves a model: a head may be tied to the embeddings."""

    base_layer: nn.Module

    def __init__(self, base_layer: nn.Module, switch: Switch) -> None:
        """`switch` is the model's."""
        super().__init__(switch, base_layer=base_layer)
        self.calls = Calls()
        self.train(base_layer.training)

    @property
    def weight(self) -> torch.Tensor:
        weight = self.base_layer.weight
        assert isinstance(weight, torch.Tensor)
        return weight

    @property
    def bias(self) -> Any:
        return self.base_layer.bias

    @property
    def in_features(self) -> Any:
        return self.base_layer.in_features

    @property
    def out_features(self) -> Any:
        return self.base_layer.out_features

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """As nn.Module; `weight` and `bias` are the base layer's, so that heads can be tied."""
        if name in ("weight", "bias"):
            self.base_layer.register_parameter(name, param)
        else:
            super().register_parameter(name, param)

    def own_keys(self, state: dict[str, Any], prefix: str) -> dict[str, Any]:
        """A state_dict with the base's tensors as they are named where nothing is attached."""
        inside = f"{prefix}base_layer."
        return {
            prefix + key.removeprefix(inside) if key.startswith(inside) else key: value
            for key, value in state.items()
        }

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # What `own_keys` gave, and a state_dict of the base, is read as well.
        for key in [key for key in state_dict if key.startswith(prefix)]:
            name = key.removeprefix(prefix)
            if not name.startswith(("base_layer.", "adapters.")):
                state_dict[f"{prefix}base_layer.{name}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The base layer's output, or the sum of the replacements, plus the updates.

        Adapters that read `y` see what the base layer gives, whatever other adapters do. The dtype
        is the base layer's; where that is not run, the input's.
        """
        self.calls.note()
        standing = self.switch.standing()
        if standing.frozen != self.switch.now().frozen:
            with self.trained_as_in(standing):
                return self._output(standing, x, *args, **kwargs)
        return self._output(standing, x, *args, **kwargs)

    def _output(self, standing: Standing, x: torch.Tensor, *args: Any, **kw: Any) -> torch.Tensor:
        if standing.rows is not None:
            rows = rows_of(standing.rows, x, standing.repeats)
            return mixed(self.parts, rows, x, self.base_layer(x, *args, **kw), self.base_layer)
        parts, weights = self.weighted(standing)
        base: torch.Tensor | None = None
        if runs_base(parts, weights):
            base = self.base_layer(x, *args, **kw)
        return combined(parts, x, base, self.base_layer, weights)


def runs_base(parts: Sequence[AdapterModule], weights: Sequence[float] = ()) -> bool:
    """Whether the base layer's output is added to, or read by a part."""
    adds = all(part.plan.mode == "add" for part in parts)
    blends = any(weight != 1 for weight in weights)
    return adds or blends or any(part.plan.uses_output for part in parts)


def combined(
    parts: Sequence[AdapterModule],
    x: torch.Tensor,
    base: torch.Tensor | None,
    module: torch.nn.Module,
    weights: Sequence[float] = (),
) -> torch.Tensor:
    """The output of a module with `parts`; `base` is what the frozen `module` gives for x.

    A weight multiplies the change that its part makes: the update, or, where a part alone replaces
    the output, its difference from `base`. Without weights all are 1.
    """
    adds = all(part.plan.mode == "add" for part in parts)
    output = base if adds else None
    if not parts and base is not None:
        return base
    if base is not None:
        _check_output(parts, x, base)
    dtype = x.dtype if base is None else base.dtype
    for number, part in enumerate(parts):
        value = part(x, base, module).to(dtype)
        weight = weights[number] if weights else 1.0
        if weight != 1:
            value = weight * value
            if part.plan.mode == "replace" and base is not None:
                value = value + (1 - weight) * base
        output = value if output is None else output + value
    assert output is not None
    return output


def _check_output(parts: Sequence[AdapterModule], x: torch.Tensor, base: object) -> None:
    """A module need not be the map that its sizes say.

    Raises:
        AdapterError: QA6018.
    """
    for part in parts:
        plan = part.plan
        tokens = x.shape if plan.host == EMBEDDING_HOST else x.shape[:-1]
        wanted = (*tokens, plan.out_features)
        if not isinstance(base, torch.Tensor):
            found = f"an output of type {type(base).__name__}, and not a tensor"
        elif base.shape != wanted:
            found = f"an output of shape {tuple(base.shape)}, and not {tuple(wanted)}"
        else:
            continue
        raise AdapterError(HostCall(module=part.site, adapter=plan.adapter, found=found))


def mixed(
    parts_of: Callable[[str], Sequence[AdapterModule]],
    rows: Mapping[str, list[int]],
    x: torch.Tensor,
    base: torch.Tensor,
    module: torch.nn.Module,
) -> torch.Tensor:
    """The output where each row goes through the parts of an adapter; other rows are the base's.

    Args:
        parts_of: The parts of an adapter here, by its name.
        rows: The rows of x, by the name of their adapter.
        x: (rows, …, in_features).
        base: (rows, …, out_features), what the frozen `module` gives for x.
        module: See `combined`.

    Raises:
        AdapterError: QA6018.
    """
    result = base.clone()
    for name, chosen in rows.items():
        parts = parts_of(name)
        if parts:
            index = torch.tensor(chosen, device=x.device)
            own = combined(parts, x.index_select(0, index), base.index_select(0, index), module)
            result = result.index_copy(0, index, own)
    return result
