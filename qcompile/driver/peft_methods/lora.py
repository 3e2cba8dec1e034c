"""LoRA, rsLoRA, DoRA; PiSSA and OLoRA, whose start is taken off the weight."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.peft_folders import BaseUnusable
from qcompile.driver.peft_methods import experts
from qcompile.driver.peft_methods.method import (
    Config,
    ConvolutionPiece,
    EmbeddingPiece,
    PeftForm,
    PeftHost,
    PeftMethod,
    PeftModule,
    Piece,
    Seen,
    dropped,
    entry,
    patterned,
    ranks,
    written_number,
)
from qcompile.ir.hosts import (
    CONVOLUTION_HOST,
    EMBEDDING_HOST,
    EXPERT_HOST,
    LINEAR_HOST,
    PARAMETER_HOSTS,
)
from qcompile.models.convolutions import is_convolution

if TYPE_CHECKING:
    from torch import Tensor

STARTS = {
    "pissa": ("principal_rows({scale})", "principal_columns({scale})"),
    "olora": ("qr_rows", "qr_columns"),
}
"""How A and B start, by `init_lora_weights`."""


def _read(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    if "lora_embedding_A" in tensors:
        return _read_embedding(config, place, tensors)
    a, b = tensors.pop("lora_A.weight"), tensors.pop("lora_B.weight")
    kind = Piece if a.dim() == 2 else ConvolutionPiece
    a, b = a.flatten(1), b.flatten(1)
    rank, scale = a.shape[0], _scale(config, place, a.shape[0])
    x = dropped(config, "lora_dropout")
    sizes = {"in_features": a.shape[1], "out_features": b.shape[0]}
    start = config.get("init_lora_weights")
    if start in STARTS:
        rows, columns = (init.format(scale=scale) for init in STARTS[start])
        body = f"""
    v = {x}
    a = linear(v, to: {rank}, init: {rows})
    b = linear(a, to: out_features, init: {columns})
    a0 = linear(x, to: {rank}, init: {rows}, frozen: true)
    b0 = linear(a0, to: out_features, init: {columns}, frozen: true)
    update {scale} * (b - b0)"""
        return kind(body=body, tensors={"a.weight": a, "b.weight": b}, **sizes)
    if not config.get("use_dora"):
        body = f"""
    a = linear({x}, to: {rank}, init: kaiming_uniform)
    b = linear(a, to: out_features, init: zero)
    update {scale} * b"""
        return kind(body=body, tensors={"a.weight": a, "b.weight": b}, **sizes)
    magnitude = tensors.pop("lora_magnitude_vector").flatten()
    body = _dora(rank, scale, x)
    return kind(body=body, tensors={"a": a, "b": b, "m": magnitude}, **sizes)


def _dora(rank: int, scale: str, x: str, size: str = "m") -> str:
    return f"""
    a = table({rank}, in_features, init: kaiming_uniform)
    b = table(out_features, {rank}, init: zero)
    delta = {scale} * linear(b, to: in_features, weight: transpose(a))
    m = vector(out_features, init: constant(1))
    size = {size} / detach(flat(norm(W + delta)))
    low = linear(linear({x}, to: {rank}, weight: a), to: out_features, weight: b)
    update (size - 1) * (y - base_bias) + {scale} * (size * low)"""


def _read_relative(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    """DoRA with `m` added to the lengths of W, `examples/dora.qa`."""
    piece = _read(config, place, tensors)
    rank = piece.tensors["a"].shape[0]
    x, scale = dropped(config, "lora_dropout"), _scale(config, place, rank)
    return replace(piece, body=_dora(rank, scale, x, "(flat(norm(W)) + m)"))


def _scale(config: Config, place: PeftModule, rank: int) -> str:
    # peft's patterns are for all experts of a parameter.
    name = place.name.rpartition(".")[0] if place.host == EXPERT_HOST else place.name
    alpha = patterned(config, "lora_alpha", "alpha_pattern", name)
    return written_number(alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))


def _read_embedding(config: Config, place: PeftModule, tensors: dict[str, Tensor]) -> Piece:
    """peft has no dropout here. Rows of the base that it saves as well are left alone."""
    a, b = tensors.pop("lora_embedding_A"), tensors.pop("lora_embedding_B")
    body = f"""
    a = linear(x, to: {a.shape[0]}, init: zero)
    b = linear(a, to: out_features, init: normal)
    update {_scale(config, place, a.shape[0])} * b"""
    named = {"a.weight": a, "b.weight": b}
    return EmbeddingPiece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _forms(seen: Seen) -> Iterator[PeftForm]:
    for rank in ranks(seen):
        shapes: dict[str, tuple[int, ...]] = {
            "lora_A.weight": (rank, seen.in_features),
            "lora_B.weight": (seen.out_features, rank),
        }
        for scale in seen.reals:
            kind: dict[str, Any] = {"r": rank, "lora_alpha": entry(scale * rank)}
            by_root = entry(scale * math.sqrt(rank))
            if isinstance(by_root, int) and not isinstance(kind["lora_alpha"], int):
                kind |= {"lora_alpha": by_root, "use_rslora": True}
            kernels = _as_kernels if seen.host == CONVOLUTION_HOST else None
            if seen.host == EMBEDDING_HOST:
                names = {"lora_embedding_A": shapes["lora_A.weight"]}
                names["lora_embedding_B"] = shapes["lora_B.weight"]
                yield PeftForm(config=kind, shapes=names, finish=_without_padding)
            elif seen.host in PARAMETER_HOSTS:
                if len(seen.trained) == 2 and not seen.frozen:
                    yield PeftForm(config=kind, shapes=shapes)
            elif len(seen.trained) == 2 and not seen.frozen:
                yield PeftForm(config=kind, shapes=shapes, finish=kernels)
            elif len(seen.trained) == 2:
                for name in STARTS:
                    if any(start.startswith(STARTS[name][0][:2]) for start in seen.starts):
                        yield PeftForm(config={**kind, "init_lora_weights": name}, shapes=shapes)
            else:
                lengths = shapes | {"lora_magnitude_vector": (seen.out_features,)}
                dora = {**kind, "use_dora": True}
                yield PeftForm(config=dora, shapes=lengths, finish=kernels)
                yield PeftForm(
                    config=dict(dora), shapes=lengths, read=_read_relative, finish=_with_lengths
                )


def _without_padding(tensors: dict[str, Tensor], host: PeftHost) -> dict[str, Tensor]:
    """peft keeps no row of padding away from zero, and no adapter here changes one."""
    if host.padding is not None:
        columns = tensors["lora_embedding_A"].clone()
        columns[:, host.padding] = 0
        tensors["lora_embedding_A"] = columns
    return tensors


def _as_kernels(tensors: dict[str, Tensor], host: PeftHost) -> dict[str, Tensor]:
    """Those of a convolution: A over the patch, B over one point."""
    module: Any = host.base.shaped(host.name, "the shape of the kernel")
    kernel = tuple(getattr(module, "kernel_size", ()))
    channels, left = divmod(tensors["lora_A.weight"].shape[1], math.prod(kernel))
    if not kernel or left:
        reason = f"it is no convolution over {tensors['lora_A.weight'].shape[1]} numbers"
        raise AdapterError(BaseUnusable(module=host.name, reason=reason))
    point = (1,) * len(kernel)
    shapes = {
        "lora_A.weight": (-1, channels, *kernel),
        "lora_B.weight": (*tensors["lora_B.weight"].shape, *point),
        "lora_magnitude_vector": (1, -1, *point),
    }
    return {name: tensor.reshape(shapes[name]) for name, tensor in tensors.items()}


def _with_lengths(tensors: dict[str, Tensor], host: PeftHost) -> dict[str, Tensor]:
    """DoRA's own lengths of the rows."""
    lengths = host.base.weight(host.name, "the weight").norm(dim=1)
    name = "lora_magnitude_vector"
    if len(lengths) != len(tensors[name]):
        reason = f"its weight has {len(lengths)} rows, not {len(tensors[name])}"
        raise AdapterError(BaseUnusable(module=host.name, reason=reason))
    tensors[name] = (tensors[name].double() + lengths).to(tensors[name].dtype)
    module = host.base.shaped(host.name, "the weight")
    return _as_kernels(tensors, host) if is_convolution(module) else tensors


METHODS = {
    "LORA": PeftMethod(
        name="LoRA, rsLoRA, DoRA, PiSSA, OLoRA",
        read=_read,
        forms=_forms,
        fields=(
            "r lora_alpha lora_dropout rank_pattern alpha_pattern use_rslora use_dora"
            " target_parameters fan_in_fan_out runtime_config ephemeral_gpu_offload megatron_core"
            " qalora_group_size"
        ),
        fixed={"init_lora_weights": (True, False, None, "gaussian", "orthogonal", "eva", *STARTS)},
        hosts=(LINEAR_HOST, EMBEDDING_HOST, CONVOLUTION_HOST, *sorted(PARAMETER_HOSTS)),
        settle=experts.join_experts,
        split=experts.split_experts,
        dropout="lora_dropout",
        patterns={"r": "rank_pattern", "lora_alpha": "alpha_pattern"},
    )
}
