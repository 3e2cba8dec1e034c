"""What the modules of a model are for, whatever their architecture calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qcompile.ir.portable import CONVOLUTION, EMBEDDING, HEAD, LINEAR, LINEAR_ROUTER
from qcompile.models.parameters import router_weight

if TYPE_CHECKING:
    import torch

HEADS = frozenset(
    {"lm_head", "score", "classifier", "qa_outputs", "embed_out", "cls", "classification_head",
     "pre_classifier", "vocab_projector", "vocab_transform", "generator_lm_head",
     "generator_predictions", "discriminator_predictions", "predictions"}
)  # fmt: skip
"""Parts of the names of transformers' heads."""

ATTENTION: dict[str, str] = {
    "q": "q_proj query q q_lin wq to_q query_proj linear_q q_attn q_a_proj q_b_proj Wq"
    " pos_query_proj",
    "k": "k_proj key k k_lin wk to_k key_proj linear_k Wk pos_key_proj",
    "v": "v_proj value v v_lin wv to_v value_proj linear_v Wv",
    "o": "o_proj out_proj o out_lin wo to_out dense c_proj proj linear_out out Wo",
    "qkv": "c_attn query_key_value qkv_proj Wqkv W_pack qkv in_proj qkv_layer"
    " in_proj_qkv in_proj_qkvz",
    "kv": "kv_proj kv to_kv kv_a_proj_with_mqa kv_a_proj kv_b_proj",
}
"""What a map of attention holds → names of such maps."""

FEED_FORWARD: dict[str, str] = {
    "up": "up_proj fc1 c_fc dense_h_to_4h lin1 wi wi_1 w3 fc_in linear1 linear_fc1 ffn up Wi",
    "gate": "gate_proj wi_0 w1",
    "gate_up": "gate_up_proj input_linear",
    "down": "down_proj fc2 c_proj dense_4h_to_h lin2 wo w2 fc_out linear2 linear_fc2 ffn_output"
    " output_linear down Wo",
}
"""The same of feed-forward networks."""

FEED_FORWARD_NAMES = ("mlp", "ffn", "feed_forward", "feedforward", "densereludense", "expert")
"""Parts of the names of feed-forward networks."""


def roles(model: torch.nn.Module, kinds: Mapping[str, str]) -> dict[str, str]:
    """Name of a module → its role (`qcompile.ir.portable`), where it has one.

    Args:
        model: Asked for its head.
        kinds: Name of a module → the kind that `qcompile.ir.hosts` has for it.
    """
    head = _output_embeddings(model)
    tokens = _input_embeddings(model)
    found: dict[str, str | None] = {}
    for name, kind in kinds.items():
        path = tuple(name.split("."))
        match kind:
            case "linear":
                module = model.get_submodule(name)
                found[name] = HEAD if module is head else linear_role(name)
                if found[name] == LINEAR_ROUTER and router_weight(name, module) is not None:
                    found[name] = LINEAR
            case "embedding":
                known = id(model.get_submodule(name)) in tokens or path[-1] in TOKEN_EMBEDDINGS
                found[name] = EMBEDDING if known else None
            case "convolution":
                found[name] = CONVOLUTION
            case "norm":
                found[name] = "norm" if HEADS.isdisjoint(path) else None
            case _:
                found[name] = _block_role(path)
    return {name: role for name, role in found.items() if role is not None}


def _block_role(path: tuple[str, ...]) -> str | None:
    """Of the outermost module of its kind in a layer, and of the layer itself."""
    *above, last = path
    if last.isdigit() and not any(part.isdigit() for part in above):
        return "residual"
    if not any(part.isdigit() for part in above):
        return None
    if _is_attention(last) and not any(map(_is_attention, above)):
        return "sublayer.attention"
    inner = last.lower() in FEED_FORWARD_BLOCKS
    return "sublayer.mlp" if inner and FEED_FORWARD_BLOCKS.isdisjoint(above) else None


def _is_attention(part: str) -> bool:
    return "att" in part.lower()


def linear_role(name: str) -> str:
    """The role of a linear map of this name that is not the head of the model itself."""
    path = tuple(name.split("."))
    *above, last = path
    if not HEADS.isdisjoint(path):
        return HEAD
    if not any(part.isdigit() for part in above):
        return LINEAR
    if any(map(_is_attention, above)):
        return _held("attention", ATTENTION, last)
    if last in ("gate", "router") or above[-1] == "router":
        return LINEAR_ROUTER
    if last == "dense" and above[-1] in _BERT:
        return f"mlp.{_BERT[above[-1]]}"
    found = _held("mlp", FEED_FORWARD, last)
    within = any(word in part.lower() for part in above for word in FEED_FORWARD_NAMES)
    return found if within or found != "mlp" else LINEAR


FEED_FORWARD_BLOCKS = frozenset(
    {"mlp", "ffn", "ff", "feed_forward", "feedforward", "densereludense", "block_sparse_moe"}
)
"""Names of whole feed-forward networks."""

_BERT = {"intermediate": "up", "output": "down"}
"""The modules of BERT's relatives around a map that is called `dense`."""


def _held(group: str, names: Mapping[str, str], last: str) -> str:
    found = next((held for held, listed in names.items() if last in listed.split()), None)
    return group if found is None else f"{group}.{found}"


TOKEN_EMBEDDINGS = frozenset(
    {"embed_tokens", "wte", "word_embeddings", "token_embedding", "tok_embeddings"}
)
"""Names of embeddings of tokens, for models that do not say which ones these are."""


def _input_embeddings(model: torch.nn.Module) -> set[int]:
    """`id` of what any model of transformers inside this one looks tokens up in."""
    found: set[int] = set()
    for module in model.modules():
        find = getattr(module, "get_input_embeddings", None)
        try:
            found.add(id(None if find is None else find()))
        except (AttributeError, NotImplementedError, TypeError):
            # Of a model without any.
            continue
    return found


def _output_embeddings(model: torch.nn.Module) -> Any:
    find = getattr(model, "get_output_embeddings", None)
    try:
        return None if find is None else find()
    except (AttributeError, NotImplementedError, TypeError):
        # Of a model without a head.
        return None
