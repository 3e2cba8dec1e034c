"""Why an update cannot be added to the weight of a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from qcompile.adapter.beside import change_output
from qcompile.adapter.merged import changes_bias
from qcompile.adapter.packed import PackedLinear
from qcompile.backends.simulator.merging import NOT_ELEMENTWISE, NOT_LINEAR
from qcompile.backends.simulator.module import AdapterModule
from qcompile.ir.hosts import NORM_HOST
from qcompile.models.convolutions import grouped, is_convolution
from qcompile.models.linear import is_conv1d, linear_sizes
from qcompile.models.norms import norm_form
from qcompile.models.weights import as_matrix

PROBES = 4
"""Random inputs on which a module of an unknown kind must be the map that its weight says."""


def merge_obstacle(part: AdapterModule, base_layer: nn.Module) -> str | None:
    """Why the update of `part` cannot be merged into a module; None where it can."""
    reason = part_obstacle(part)
    if reason is None:
        norm = part.plan.host == NORM_HOST
        reason = norm_obstacle(part, base_layer) if norm else base_obstacle(base_layer)
    if reason is None and changes_bias([part]):
        reason = bias_obstacle(base_layer)
    if reason is None and part.plan.adds_constant and getattr(base_layer, "bias", None) is None:
        reason = "it adds a constant, and the module has no bias"
    return reason


def part_obstacle(part: AdapterModule) -> str | None:
    """What is in the way in the adapter itself."""
    if not part.plan.merges:
        return NOT_ELEMENTWISE if part.plan.host == NORM_HOST else NOT_LINEAR
    parameters = [p.detach() for p in part.parameters() if p.device.type != "meta"]
    if not all(bool(torch.isfinite(tensor).all()) for tensor in parameters):
        return "its tensors hold NaN or infinite values"
    return None


def base_obstacle(base_layer: nn.Module) -> str | None:
    """What is in the way in the module: a weight that is not simply there, or not the whole map."""
    weight: object = getattr(base_layer, "weight", None)
    if not isinstance(weight, Tensor) or not weight.dtype.is_floating_point:
        return f"the weight is quantised ({getattr(weight, 'dtype', type(weight).__name__)})"
    computed = _computed(base_layer, "weight")
    if computed is not None:
        return computed
    # Quantisation packages keep their integers in subclasses, some of which say `float32`.
    if type(weight) not in (nn.Parameter, Tensor) or as_matrix(base_layer, weight).dim() != 2:
        return f"the weight is quantised ({type(weight).__name__})"
    values = _values_obstacle(weight)
    if values is not None:
        return values
    if isinstance(base_layer, nn.Embedding) or is_convolution(base_layer):
        return _changed_call(base_layer) or _rows_scaled(base_layer) or grouped(base_layer)
    if _is_plain(base_layer):
        return None
    sizes = linear_sizes(base_layer)
    if sizes is None or tuple(weight.shape) != (sizes if is_conv1d(base_layer) else sizes[::-1]):
        return f"the weight is not out_features × in_features of `{type(base_layer).__name__}`"
    return _probe(base_layer, weight)


def norm_obstacle(part: AdapterModule, norm: nn.Module) -> str | None:
    """What is in the way in a norm."""
    weight: object = getattr(norm, "weight", None)
    if type(weight) is not nn.Parameter or not weight.dtype.is_floating_point:
        return "the norm has no weight of plain numbers"
    reason = _computed(norm, "weight") or _values_obstacle(weight) or _changed_call(norm)
    if reason is not None:
        return reason
    if norm_form(norm) is None:
        return f"what a weight of `{type(norm).__name__}` does is not known"
    return NOT_ELEMENTWISE if part.elementwise() is None else None


def _values_obstacle(weight: Tensor) -> str | None:
    if weight.device.type == "meta":
        return "the weight has no values (meta device)"
    if weight.is_inference():
        return "the weight was made in inference mode and cannot change"
    if any(
        step == 0 and size > 1 for step, size in zip(weight.stride(), weight.shape, strict=True)
    ):
        return "the weight's elements share memory"
    return None


def _changed_call(base_layer: nn.Module) -> str | None:
    own = [hook for hook in base_layer._forward_hooks.values() if hook is not change_output]
    if "forward" in vars(base_layer) or own or base_layer._forward_pre_hooks:
        return "the weight is not all of the module, which has hooks or a forward of its own"
    return None


def _rows_scaled(base_layer: nn.Module) -> str | None:
    if getattr(base_layer, "max_norm", None) is None:
        return None
    return "the weight's rows are scaled to `max_norm` as they are looked up"


def bias_obstacle(base_layer: nn.Module) -> str | None:
    """The same of the bias, where the update changes it."""
    if not isinstance(getattr(base_layer, "bias", None), Tensor):
        return None
    return _computed(base_layer, "bias")


def not_finite(old: Tensor, new: Tensor) -> str | None:
    """Whether merging would put NaN or infinities where there were none."""
    if bool((new.isfinite() | ~old.isfinite()).all()):
        return None
    kind = str(new.dtype).removeprefix("torch.")
    return f"the merged weight would not be finite in {kind}"


class ParameterUses:
    """How many modules of a model hold each parameter, or its memory."""

    def __init__(self, model: nn.Module) -> None:
        self._count: Counter[object] = Counter(
            _memory(parameter)
            for module in model.modules()
            for parameter in module._parameters.values()
            if parameter is not None
        )

    def obstacle(self, base_layer: nn.Module, parts: Sequence[AdapterModule]) -> str | None:
        """Why weight and bias of a module are not its own."""
        if self.is_shared(_stored(base_layer, "weight")):
            return "the weight is shared with another module"
        if changes_bias(parts) and self.is_shared(_stored(base_layer, "bias")):
            return "the bias is shared with another module"
        return None

    def is_shared(self, tensor: object) -> bool:
        """Whether several modules hold a parameter."""
        return isinstance(tensor, nn.Parameter) and self._count[_memory(tensor)] > 1


def _stored(base_layer: nn.Module, name: str) -> object:
    """The parameter that holds a weight or a bias."""
    if isinstance(base_layer, PackedLinear):
        return base_layer.stored(name)
    return getattr(base_layer, name, None)


def _memory(parameter: nn.Parameter) -> object:
    # Subclasses and tensors without memory need not know an address.
    if type(parameter) is not nn.Parameter or parameter.device.type == "meta":
        return id(parameter)
    return (parameter.device, parameter.data_ptr()) if parameter.numel() else id(parameter)


def _computed(base_layer: nn.Module, name: str) -> str | None:
    """A parametrization, a pruning mask, a property: what is written to it is lost."""
    if isinstance(base_layer, PackedLinear):
        # A view; the parameter of its attention may be what is computed.
        (attention,) = base_layer.owner
        return _computed(attention, base_layer.stored_name(name))
    if name in base_layer._parameters or name in base_layer._buffers:
        return None
    others = [n for n, _ in base_layer.named_parameters() if n not in ("weight", "bias")]
    source = " and ".join(f"`{n}`" for n in others) or "other tensors"
    return f"the {name} is computed from {source}"


def _is_plain(base_layer: nn.Module) -> bool:
    """Whether forward is known to be W x + b."""
    hooks = (base_layer._forward_hooks, base_layer._forward_pre_hooks)
    if "forward" in vars(base_layer) or any(hooks):
        return False
    known = type(base_layer).__module__ == "transformers.pytorch_utils"
    return type(base_layer).forward is nn.Linear.forward or (known and is_conv1d(base_layer))


def _probe(base_layer: nn.Module, weight: Tensor) -> str | None:
    kind = type(base_layer).__name__
    matrix = as_matrix(base_layer, weight.detach())
    bias = getattr(base_layer, "bias", None)
    shift = bias.detach() if isinstance(bias, Tensor) else matrix.new_zeros(matrix.shape[0])
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(PROBES, matrix.shape[1], generator=generator, dtype=torch.float64)
    x = x.to(matrix.device, matrix.dtype)
    training = [module for module in base_layer.modules() if module.training]
    try:
        base_layer.eval()
        with torch.no_grad():
            found = base_layer(x)
    except Exception as error:
        # A module of the user's raises what it likes.
        return f"the weight is not all of `{kind}`, which fails alone ({type(error).__name__})"
    finally:
        for module in training:
            module.training = True
    exact, wide = matrix.double(), x.double()
    expected = wide @ exact.T + shift.double()
    scale = wide.abs() @ exact.abs().T + shift.double().abs()
    tolerance = 8 * torch.finfo(matrix.dtype).eps * scale
    if isinstance(found, Tensor) and found.shape == expected.shape:
        if bool(((found.double() - expected).abs() <= tolerance).all()):
            return None
    return f"the weight is not all of `{kind}`, whose output is not weight · x + bias"
