"""The methods of peft that a spec computes to the last digit: one function a method.

Each takes the tensors of one module, as peft names them behind the module's name, and gives the
body of a spec with the tensors under the spec's names. What a function does not take is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from qcompile.ir.hosts import CONVOLUTION_HOST, EMBEDDING_HOST, LINEAR_HOST

if TYPE_CHECKING:
    from torch import Tensor

Config = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One module's part."""

    body: str
    """Statements of an adapter."""
    tensors: Mapping[str, Tensor]
    """By their names in the spec."""
    in_features: int | None = None
    out_features: int | None = None
    """None where the tensors do not say it."""
    host: ClassVar[str] = LINEAR_HOST
    """The kind of module, see `qcompile.ir.hosts`."""


class EmbeddingPiece(Piece):
    """That of an embedding."""

    host = EMBEDDING_HOST


class ConvolutionPiece(Piece):
    """That of a convolution."""

    host = CONVOLUTION_HOST


@dataclass(frozen=True, kw_only=True)
class PeftMethod:
    """A row of the table."""

    name: str
    read: Callable[[Config, str, dict[str, Tensor]], Piece]
    """(configuration, module, tensors; takes what it uses out of them) → part."""
    fields: frozenset[str]
    """Entries of the configuration that it knows, beside those of every method."""
    fixed: Mapping[str, tuple[Any, ...]]
    """Entries that must have one of these values, where they are there."""
    shared: tuple[str, ...] = ()
    """Tensors of the model and not of a module, which every module is given too."""


NOTHING: tuple[Any, ...] = (None, False, 0, 0.0, "none", "", [], {})


def _number(value: float) -> str:
    """As the language writes it."""
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


def _patterned(config: Config, name: str, patterns: str, module: str) -> float:
    """A number of one module, as peft's patterns say it."""
    for pattern, value in (config.get(patterns) or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return float(config[name])


def _dropped(config: Config, name: str) -> str:
    """The input, with dropout where the configuration has it."""
    probability = config.get(name) or 0.0
    return f"dropout(x, {_number(probability)})" if probability else "x"


def _lora(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    if "lora_embedding_A" in tensors:
        return _lora_embedding(config, module, tensors)
    a, b = tensors.pop("lora_A.weight"), tensors.pop("lora_B.weight")
    kind = Piece if a.dim() == 2 else ConvolutionPiece
    a, b = a.flatten(1), b.flatten(1)
    scale = _lora_scale(config, module, a.shape[0])
    rank, x = a.shape[0], _dropped(config, "lora_dropout")
    sizes = {"in_features": a.shape[1], "out_features": b.shape[0]}
    if not config.get("use_dora"):
        body = f"""
    a = linear({x}, to: {rank}, init: kaiming_uniform)
    b = linear(a, to: out_features, init: zero)
    update {_number(scale)} * b"""
        return kind(body=body, tensors={"a.weight": a, "b.weight": b}, **sizes)
    body = f"""
    a = table({rank}, in_features, init: kaiming_uniform)
    b = table(out_features, {rank}, init: zero)
    delta = {_number(scale)} * linear(b, to: in_features, weight: transpose(a))
    m = vector(out_features, init: constant(1))
    size = m / detach(flat(norm(W + delta)))
    low = linear(linear({x}, to: {rank}, weight: a), to: out_features, weight: b)
    update (size - 1) * (y - base_bias) + {_number(scale)} * (size * low)"""
    magnitude = tensors.pop("lora_magnitude_vector").flatten()
    return kind(body=body, tensors={"a": a, "b": b, "m": magnitude}, **sizes)


def _lora_scale(config: Config, module: str, rank: int) -> float:
    alpha = _patterned(config, "lora_alpha", "alpha_pattern", module)
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _lora_embedding(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    """peft has no dropout here. Rows of the base that it saves as well are left alone."""
    a, b = tensors.pop("lora_embedding_A"), tensors.pop("lora_embedding_B")
    body = f"""
    a = linear(x, to: {a.shape[0]}, init: zero)
    b = linear(a, to: out_features, init: normal)
    update {_number(_lora_scale(config, module, a.shape[0]))} * b"""
    named = {"a.weight": a, "b.weight": b}
    return EmbeddingPiece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _adalora(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    a, b, e = (tensors.pop(f"lora_{name}") for name in "ABE")
    rank, alpha = config["init_r"], config.get("lora_alpha") or config["init_r"]
    body = f"""
    a = linear({_dropped(config, "lora_dropout")}, to: {a.shape[0]}, init: normal(0.02))
    e = vector({a.shape[0]}, init: zero)
    b = linear(e * a, to: out_features, init: normal(0.02))
    update {_number(alpha / (rank + 1e-5))} * b"""
    named = {"a.weight": a, "b.weight": b, "e": e.flatten()}
    return Piece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _ia3(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    scale = tensors.pop("ia3_l")
    if scale.shape[0] == 1 and scale.shape[1] > 1:
        body = """
    l = vector(in_features, init: constant(1))
    replace base(l * x)"""
        return Piece(body=body, tensors={"l": scale.flatten()}, in_features=scale.shape[1])
    body = """
    l = vector(out_features, init: constant(1))
    replace l * y"""
    return Piece(body=body, tensors={"l": scale.flatten()}, out_features=scale.shape[0])


def _vera(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    a, b = tensors["vera_A"], tensors["vera_B"]
    d, s = tensors.pop("vera_lambda_d"), tensors.pop("vera_lambda_b")
    body = f"""
    v = resize({_dropped(config, "vera_dropout")}, {a.shape[1]})
    a = linear(v, to: {a.shape[0]}, init: kaiming_uniform(0), frozen: true, share: "vera.a")
    d = vector({a.shape[0]}, init: constant(0.1))
    b = linear(d * a, to: {b.shape[0]}, init: kaiming_uniform(0), frozen: true, share: "vera.b")
    s = vector(out_features, init: zero)
    update s * b[:out_features]"""
    named = {"a.weight": a, "b.weight": b, "d": d, "s": s}
    return Piece(body=body, tensors=named, out_features=s.shape[0])


def _hira(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    a, b = tensors.pop("hira_A"), tensors.pop("hira_B")
    body = f"""
    a = table({a.shape[0]}, in_features, init: kaiming_uniform)
    b = table(out_features, {a.shape[0]}, init: zero)
    delta = W * linear(b, to: in_features, weight: transpose(a))
    update linear({_dropped(config, "hira_dropout")}, to: out_features, weight: delta)"""
    named = {"a": a, "b": b}
    return Piece(body=body, tensors=named, in_features=a.shape[1], out_features=b.shape[0])


def _loha(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    named = {}
    for number in "12":
        named[f"b{number}"] = tensors.pop(f"hada_w{number}_a")
        named[f"a{number}"] = tensors.pop(f"hada_w{number}_b")
    rank = named["a1"].shape[0]
    scale = _patterned(config, "alpha", "alpha_pattern", module) / rank
    body = f"""
    a1 = table({rank}, in_features)
    b1 = table(out_features, {rank}, init: normal(0.1))
    a2 = table({rank}, in_features)
    b2 = table(out_features, {rank}, init: zero)
    one = linear(b1, to: in_features, weight: transpose(a1))
    two = linear(b2, to: in_features, weight: transpose(a2))
    update {_number(scale)} * linear(x, to: out_features, weight: one * two)"""
    sizes = {"in_features": named["a1"].shape[1], "out_features": named["b1"].shape[0]}
    return Piece(body=body, tensors=named, **sizes)


def _lokr(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    """Each factor is a table, or a product of two."""
    named, lines, shapes = {}, [], []
    for number, name in (("1", "c"), ("2", "d")):
        whole = tensors.pop(f"lokr_w{number}", None)
        if whole is not None:
            rows, columns = whole.shape
            lines.append(f"{name} = table({rows}, {columns}, init: kaiming_uniform)")
            named[name] = whole
        else:
            b, a = (tensors.pop(f"lokr_w{number}_{it}") for it in "ab")
            rows, columns = b.shape[0], a.shape[1]
            lines += [
                f"b{number} = table({rows}, {b.shape[1]}, init: kaiming_uniform)",
                f"a{number} = table({b.shape[1]}, {columns}, init: kaiming_uniform)",
                f"{name} = linear(b{number}, to: {columns}, weight: transpose(a{number}))",
            ]
            named |= {f"a{number}": a, f"b{number}": b}
        shapes.append((rows, columns))
    rank = _patterned(config, "r", "rank_pattern", module)
    scale = _patterned(config, "alpha", "alpha_pattern", module) / rank
    lines.append(f"update {_number(scale)} * linear(x, to: out_features, weight: kron(c, d))")
    (rows1, columns1), (rows2, columns2) = shapes
    return Piece(
        body="\n    " + "\n    ".join(lines),
        tensors=named,
        in_features=columns1 * columns2,
        out_features=rows1 * rows2,
    )


def _hra(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    u = tensors.pop("hra_u")
    body = f"""
    turned = reflections(x, count: {u.shape[1]})
    replace base(turned)"""
    return Piece(body=body, tensors={"turned.rows": u.T.contiguous()}, in_features=u.shape[0])


def _c3a(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    kernel = tensors.pop("c3a_kernel")
    rows, columns, size = kernel.shape
    body = f"""
    c = circulant(x, to: out_features, block: {size}, init: zero)
    update c / in_features"""
    sizes = {"in_features": columns * size, "out_features": rows * size}
    return Piece(body=body, tensors={"c.rows": kernel}, **sizes)


def _miss(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    block = tensors.pop("miss_block")
    body = f"""
    d = linear(fold(x, {block.shape[0]}), to: out_features, init: zero)
    update d"""
    named = {"d.weight": block.T.contiguous()}
    return Piece(body=body, tensors=named, out_features=block.shape[1])


def _oft(config: Config, module: str, tensors: dict[str, Tensor]) -> Piece:
    skew = tensors.pop("oft_R.weight")
    size = (1 + math.isqrt(1 + 8 * skew.shape[1])) // 2
    body = f"""
    turned = cayley(x, block: {size})
    replace base(turned)"""
    # peft multiplies rows by its matrix from the right.
    return Piece(body=body, tensors={"turned.skew": -skew}, in_features=skew.shape[0] * size)


def _method(
    name: str,
    read: Callable[[Config, str, dict[str, Tensor]], Piece],
    fields: str,
    *,
    shared: tuple[str, ...] = (),
    **fixed: tuple[Any, ...],
) -> PeftMethod:
    return PeftMethod(
        name=name, read=read, fields=frozenset(fields.split()), fixed=fixed, shared=shared
    )


METHODS_OF_PEFT: Mapping[str, PeftMethod] = {
    "LORA": _method(
        "LoRA, rsLoRA, DoRA",
        _lora,
        "r lora_alpha lora_dropout rank_pattern alpha_pattern use_rslora use_dora fan_in_fan_out"
        " runtime_config ephemeral_gpu_offload megatron_core qalora_group_size",
        init_lora_weights=(True, False, None, "gaussian", "orthogonal", "eva"),
    ),
    "ADALORA": _method(
        "AdaLoRA",
        _adalora,
        "r init_r target_r tinit tfinal deltaT beta1 beta2 orth_reg_weight total_step lora_alpha"
        " lora_dropout fan_in_fan_out runtime_config ephemeral_gpu_offload megatron_core"
        " qalora_group_size",
        init_lora_weights=(True, False, None),
    ),
    "IA3": _method("IA³", _ia3, "feedforward_modules fan_in_fan_out init_ia3_weights"),
    "VERA": _method(
        "VeRA",
        _vera,
        "r projection_prng_key vera_dropout d_initial fan_in_fan_out init_weights",
        shared=("vera_A", "vera_B"),
        save_projection=(True,),
    ),
    "HIRA": _method("HiRA", _hira, "r hira_dropout fan_in_fan_out init_weights rank_pattern"),
    "LOHA": _method("LoHa", _loha, "r alpha init_weights rank_pattern alpha_pattern"),
    "LOKR": _method(
        "LoKr",
        _lokr,
        "r alpha init_weights rank_pattern alpha_pattern decompose_both decompose_factor"
        " rank_dropout_scale",
    ),
    "HRA": _method("HRA", _hra, "r init_weights"),
    "C3A": _method("C3A", _c3a, "block_size block_size_pattern init_weights"),
    "MISS": _method("MiSS", _miss, "r mini_r", init_weights=(True, False, None)),
    "OFT": _method(
        "OFT",
        _oft,
        "r oft_block_size eps num_cayley_neumann_terms fan_in_fan_out init_weights",
        use_cayley_neumann=(False,),
    ),
}
"""By peft's name of the kind of adapter."""

COMMON_FIELDS = frozenset(
    {
        "auto_mapping",
        "base_model_name_or_path",
        "exclude_modules",
        "inference_mode",
        "layers_pattern",
        "layers_to_transform",
        "peft_type",
        "peft_version",
        "revision",
        "target_modules",
        "task_type",
    }
)
"""Entries that say nothing of what an adapter computes where its tensors are there."""
