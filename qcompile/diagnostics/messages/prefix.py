"""QA604x: prefixes at run time."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA6041",
    "adapter `{adapter}` is a prefix, which is not called with an input",
    help="attach it to a model, or take its keys and values from `prefix()`",
)
class PrefixCalled(Message):
    """A prefix is a pair of trained keys and values that stand before those of an attention module.
    It has no input.

    Erroneous:  adapter(x)
    Corrected:  keys, values = adapter.part(adapter.sites[0]).prefix()
    """

    adapter: str


@message(
    "QA6042",
    "adapter `{adapter}` is not a prefix: it has no keys and values",
    help="call it with an input, (…, in_features)",
)
class NoPrefix(Message):
    """Only an adapter that ends in `prefix keys, values` has a prefix.

    Erroneous:  qcompile.compile("examples/lora.qa", model=model).part(site).prefix()
    Corrected:  qcompile.compile("examples/prefix_tuning.qa", model=model).part(site).prefix()
    """

    adapter: str


@message("QA6043", "a prefix cannot be attached to attention `{kind}`: {reason}")
class AttentionUnsupported(Message):
    """A prefix enters through the cache of keys and values, and its columns are added to the
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


@message(
    "QA6044",
    "module `{module}` is a `{kind}`, and a prefix attaches to self-attention",
    help="compile the adapter for this model: `--model` with its config.json",
)
class NotAttention(ModuleMessage):
    """
    The prefix was compiled for an attention module of this name, and the model has something else
    there. Nothing was attached.

    Erroneous:  attach(other_model, load("prefix.pt"))
    Corrected:  attach(llama, load("prefix.pt"))
    """

    kind: str
