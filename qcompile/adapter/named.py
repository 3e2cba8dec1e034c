"""The parts of attached adapters at one module of a model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import nn

from qcompile.adapter.switch import FixedSwitch, Standing, Switch
from qcompile.backends.simulator.module import AdapterModule


class AdapterParts(nn.Module):
    """The parts of one module by the names of their adapters, whatever those are."""

    def requires_grad_(self, requires_grad: bool = True) -> AdapterParts:
        """As nn.Module; frozen tensors stay without gradients."""
        for part in self.children():
            part.requires_grad_(requires_grad)
        return self


class NamedParts(nn.Module):
    """What holds the parts of all attached adapters at one module.

    In the state_dict a part is `adapters.<adapter of the file>`, and
    `adapters.<name>.<adapter of the file>` where `attach` was given a name.
    """

    holds_parts: ClassVar[bool] = True

    def __init__(self, switch: Switch, **first: nn.Module) -> None:
        """`switch` is the model's; the modules stand before the adapters in the state_dict."""
        super().__init__()
        for name, module in first.items():
            self.add_module(name, module)
        self.adapters = AdapterParts()
        self.owners: dict[str, str] = {}
        """Of the children of `adapters`, the name under which they are attached."""
        self.switch: Switch | FixedSwitch = switch

    def put(self, name: str, part: AdapterModule, *, given: bool) -> None:
        """Add a part of the adapter of this name, which was given to `attach` or comes of it."""
        # ModuleDict and register_module refuse names such as `train`.
        place, key = self.adapters._modules, part.plan.adapter
        if given:
            inside = place.setdefault(name, AdapterParts())
            assert inside is not None
            inside._modules[key] = part
            key = name
        else:
            place[key] = part
        # Another dictionary, so that whoever keeps the old one can go back to it.
        self.owners = {**self.owners, key: name}

    def take_off(self, names: Collection[str]) -> None:
        """Remove the parts of these adapters."""
        gone = [key for key, owner in self.owners.items() if owner in names]
        for key in gone:
            del self.adapters._modules[key]
        self.owners = {key: owner for key, owner in self.owners.items() if key not in gone}

    def named_parts(self) -> list[tuple[str, AdapterModule]]:
        """All parts with the names under which they are attached, in the order of attachment."""
        found = []
        for key, owner in self.owners.items():
            child = self.adapters._modules[key]
            parts = child._modules.values() if isinstance(child, AdapterParts) else (child,)
            found += [(owner, part) for part in parts if isinstance(part, AdapterModule)]
        return found

    def parts(self, name: str | None = None) -> list[AdapterModule]:
        """All parts, or those of one adapter."""
        return [part for owner, part in self.named_parts() if name in (None, owner)]

    def weighted(self, standing: Standing) -> tuple[list[AdapterModule], list[float]]:
        """The parts that are on, and their weights."""
        if not standing.weights:
            return [], []
        weights = dict(standing.weights)
        on = [(part, weights[name]) for name, part in self.named_parts() if name in weights]
        return [part for part, _ in on], [weight for _, weight in on]

    @contextmanager
    def trained_as_in(self, standing: Standing) -> Iterator[None]:
        """Inside, a recomputation freezes what was frozen in its forward pass, and nothing else.

        With more or fewer parameters to train it would save other tensors than torch expects.
        """
        frozen = self.switch.now().frozen
        changed = [
            (part, name not in standing.frozen, [(p, p.requires_grad) for p in part.parameters()])
            for name, part in self.named_parts()
            if (name in standing.frozen) != (name in frozen)
        ]
        try:
            for part, trained, _ in changed:
                part.requires_grad_(trained)
            yield
        finally:
            for _, _, flags in changed:
                for parameter, flag in flags:
                    parameter.requires_grad_(flag)

    def _replicate_for_data_parallel(self) -> Any:
        replica: Any = super()._replicate_for_data_parallel()  # type: ignore[no-untyped-call]
        replica.switch = self.switch.here()
        return replica
