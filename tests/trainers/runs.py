"""Models, data and steps that every trainer is tested with."""

from __future__ import annotations

from typing import Any

import torch
from peft import get_peft_model
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch import nn
from transformers import PreTrainedTokenizerFast

import qcompile
from qcompile.peft import QCompileConfig
from tests.adapter.models import llama

ADAPTER = """qa 1

adapter small(rank: int = 3) {
    attach "*.self_attn.{q,v}_proj"
    h = linear(x, to: rank)
    q = circuit(rank qubits) {
        encode angle(h, gate: ry)
        cx ring
        ry
        measure z
    }
    update linear(dropout(q, 0.1), to: out_features, init: zero)
}
"""


TEXT = "the adapter learns a circuit and so does its tensor network of few cores"
WORDS = TEXT.split()


def tokenizer() -> Any:
    """One token for each word; made here, nothing is downloaded."""
    names = ["<pad>", "<s>", "</s>", "<unk>", *WORDS]
    model = WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>")
    words = Tokenizer(model)
    words.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
    )


class Tokens(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Random sequences, the same in every run."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.ids = torch.randint(3, 64, (24, 8), generator=generator)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.ids[index], "labels": self.ids[index]}


def attached_model() -> nn.Module:
    model = llama()
    return qcompile.attach(model, qcompile.compile(ADAPTER, model=model))


def peft_model() -> Any:
    return get_peft_model(llama(), QCompileConfig(spec=ADAPTER))


MODELS = {"attach": attached_model, "peft": peft_model}


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
