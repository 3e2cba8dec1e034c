"""Parameters under dotted names that the user chose, whatever nn.Module calls its own methods."""

from __future__ import annotations

from torch import nn


class ParameterTree(nn.Module):
    """Nested containers; `state_dict` keys are the dotted names."""

    def add_tensor(self, dotted: str, parameter: nn.Parameter) -> tuple[ParameterTree, str]:
        """Register a parameter; returns its container and last name."""
        place: ParameterTree = self
        *path, name = dotted.split(".")
        for part in path:
            inside = place._modules.get(part)
            if not isinstance(inside, ParameterTree):
                inside = ParameterTree()
                # register_module refuses names such as `train`.
                place._modules[part] = inside
            place = inside
        place._parameters[name] = parameter
        return place, name

    def get_submodule(self, target: str) -> nn.Module:
        """As in nn.Module, for any name."""
        place: nn.Module = self
        for part in target.split(".") if target else ():
            inside = place._modules.get(part)
            if inside is None:
                raise AttributeError(f"no submodule {target!r}")
            place = inside
        return place

    def get_parameter(self, target: str) -> nn.Parameter:
        """As in nn.Module, for any name."""
        path, _, name = target.rpartition(".")
        parameter = self.get_submodule(path)._parameters.get(name)
        if not isinstance(parameter, nn.Parameter):
            raise AttributeError(f"no parameter {target!r}")
        return parameter
