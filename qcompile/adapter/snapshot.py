"""All or nothing: what a model was before it was changed."""

from __future__ import annotations

from typing import Any

from torch import nn


class Snapshot:
    """Classes, attributes, children, hooks and gradient flags of all modules; no tensors.

    Takes references only, in time proportional to the number of modules.
    """

    def __init__(self, model: nn.Module) -> None:
        modules = list(model.modules())
        self._classes = [(module, type(module)) for module in modules]
        self._attributes = [(module, dict(vars(module))) for module in modules]
        self._tables: list[tuple[dict[Any, Any], dict[Any, Any]]] = [
            (table, dict(table))
            for module in modules
            for table in (
                module._modules,
                module._forward_hooks,
                module._forward_hooks_with_kwargs,
                module._forward_pre_hooks,
                module._forward_pre_hooks_with_kwargs,
            )
        ]
        self._flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]

    def restore(self) -> None:
        """Make the model what it was."""
        for module, kind in self._classes:
            if type(module) is not kind:
                module.__class__ = kind
        for module, attributes in self._attributes:
            own = vars(module)
            for name in [name for name in own if name not in attributes]:
                del own[name]
            own.update(attributes)
        for table, entries in self._tables:
            table.clear()
            table.update(entries)
        for parameter, flag in self._flags:
            parameter.requires_grad_(flag)
