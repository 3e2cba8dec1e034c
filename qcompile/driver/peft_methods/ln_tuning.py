"""LayerNorm tuning: weights and biases of norms, trained in the place of the model's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft_folders import BaseUnusable
from qcompile.driver.peft_methods.method import (
    Config,
    PeftForm,
    PeftHost,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    Unreadable,
    written_number,
)
from qcompile.models.norms import NormForm, norm_form

if TYPE_CHECKING:
    from torch import Tensor


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    weight = tensors.pop("ln_tuning_layers.weight")
    bias = tensors.pop("ln_tuning_layers.bias", None)
    norm = place.norm
    if norm is None:
        raise Unreadable("is of a module that is no norm of a known kind")
    function = "layer_norm" if norm.centred else "rms_norm"
    factor = f"({written_number(norm.offset)} + w)" if norm.offset else "w"
    lines = [
        f"w = vector(out_features, init: constant({written_number(1 - norm.offset)}))",
        f"v = {factor} * {function}(x, eps: {written_number(norm.eps)})",
    ]
    named = {"w": weight}
    if bias is None:
        lines.append("replace v")
    else:
        lines += ["b = vector(out_features, init: zero)", "replace v + b"]
        named["b"] = bias
    return Piece(body="\n    " + "\n    ".join(lines), tensors=named)


def _read_factors(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    """Factors of what the norm gives, `examples/ln_tuning.qa`."""
    body = """
    scale = vector(out_features, init: constant(1))
    replace scale * y"""
    return Piece(body=body, tensors={"scale": tensors.pop("ln_tuning_layers.weight")})


def _times_base(tensors: dict[str, Tensor], host: PeftHost) -> dict[str, Tensor]:
    """The weights and biases that norms with such factors have."""
    module = host.base.filled(host.name, "the weight")
    norm = norm_form(module)
    if norm is None:
        raise AdapterError(BaseUnusable(module=host.name, reason="it is no norm of a known kind"))
    scale = tensors["ln_tuning_layers.weight"]
    found = {}
    for key, own in module.named_parameters(recurse=False):
        offset = norm.offset if key == "weight" else 0.0
        value = scale.double() * (offset + own.detach().double().cpu()) - offset
        found[f"ln_tuning_layers.{key}"] = value.to(scale.dtype)
    return found


def _forms(seen: Seen) -> Iterator[PeftForm]:
    shapes = {"ln_tuning_layers.weight": (seen.out_features,)}
    if len(seen.trained) == 1:
        yield PeftForm(config={}, shapes=shapes, read=_read_factors, finish=_times_base)
    if len(seen.trained) == 2:
        shapes["ln_tuning_layers.bias"] = (seen.out_features,)
    for eps in seen.reals:
        for centred in (True, False):
            for offset in (0.0, 1.0):
                if 0 < eps < 1:
                    norm = NormForm(centred=centred, eps=eps, offset=offset)
                    yield PeftForm(config={}, shapes=shapes, norm=norm)


METHODS = {
    "LN_TUNING": PeftMethod(
        name="LayerNorm tuning",
        read=_read,
        forms=_forms,
        fields="",
        needs_model=True,
        hosts=("norm",),
    )
}
