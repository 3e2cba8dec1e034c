"""QA604x: prefixes at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message, ModuleMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixCalled(Message):
    """A prefix called as if it were a map."""

    code: ClassVar[str] = "QA6041"
    title: ClassVar[str] = "adapter `{adapter}` is a prefix, which is not called with an input"
    help: ClassVar[str | None] = "attach it to a model, or take its keys and values from `prefix()`"
    explanation: ClassVar[str] = """
    A prefix is a pair of trained keys and values that stand before those of an attention module.
    It has no input.

    Erroneous:  adapter(x)
    Corrected:  keys, values = adapter.part(adapter.sites[0]).prefix()
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPrefix(Message):
    """Keys and values asked of an adapter that has none."""

    code: ClassVar[str] = "QA6042"
    title: ClassVar[str] = "adapter `{adapter}` is no prefix: it has no keys and values"
    help: ClassVar[str | None] = "call it with an input, (…, in_features)"
    explanation: ClassVar[str] = """
    Only an adapter that ends in `prefix keys, values` has a prefix.

    Erroneous:  qcompile.compile("examples/lora.qa", model=model).part(site).prefix()
    Corrected:  qcompile.compile("examples/prefix_tuning.qa", model=model).part(site).prefix()
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionUnsupported(Message):
    """Attention that gives a prefix no way in."""

    code: ClassVar[str] = "QA6043"
    title: ClassVar[str] = "a prefix cannot stand in attention `{kind}`: {reason}"
    explanation: ClassVar[str] = """
    A prefix enters through the cache of keys and values, and its columns are added to the
    attention mask. Masks in a form of their own, such as flex attention's, and attention modules
    whose keys have another width than their map, cannot take it.

    Erroneous:  model.set_attn_implementation("flex_attention")
                qcompile.attach(model, "prefix.pt")
    Corrected:  model.set_attn_implementation("sdpa")
                qcompile.attach(model, "prefix.pt")
    """

    kind: str
    reason: str
    foreign_mask: bool = False
    """The mask has a form of its own, which another implementation of attention has not."""

    def helps(self) -> tuple[str, ...]:
        if self.foreign_mask:
            return ('load the model with `attn_implementation="sdpa"` or `"eager"`',)
        return ("attach the prefix to other attention modules of this model",)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAttention(ModuleMessage):
    """A module that is no attention."""

    code: ClassVar[str] = "QA6044"
    title: ClassVar[str] = (
        "module `{module}` is a `{kind}`, and a prefix attaches to self-attention"
    )
    help: ClassVar[str | None] = (
        "compile the adapter for this model: `--model` with its config.json"
    )
    explanation: ClassVar[str] = """
    The prefix was compiled for an attention module of this name, and the model has something else
    there. Nothing was attached.

    Erroneous:  attach(other_model, load("prefix.pt"))
    Corrected:  attach(llama, load("prefix.pt"))
    """

    kind: str
