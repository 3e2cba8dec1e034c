"""QA605x: several adapters on one model, by their names."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message


@message(
    "QA6051",
    "the model has an adapter named `{name}` already",
    help='take it off first, `qcompile.detach(model, "{name}")`, or give the new one another name',
)
class AttachmentTaken(Message):
    """
    The names of attached adapters tell them apart in `set_adapter`, `disabled`, `detach` and
    `merge`. An adapter that was attached without a name has that of its file.

    Erroneous:  attach(model, "french.pt", name="a"); attach(model, "german.pt", name="a")
    Corrected:  attach(model, "french.pt", name="french"); attach(model, "german.pt", name="german")
    """

    name: str


@message("QA6053", "the model has no adapter named `{name}`")
class AttachmentUnknown(Message):
    """
    An adapter has the name that `attach` was given, or else that of its file. Nothing was changed.

    Erroneous:  attach(model, "french.pt", name="french"); set_adapter(model, "fench")
    Corrected:  attach(model, "french.pt", name="french"); set_adapter(model, "french")
    """

    name: str
    present: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        there = ", ".join(f"`{name}`" for name in self.present)
        return (*did_you_mean(self.candidates), f"attached are {there}")


@message(
    "QA6055",
    "this adapter is attached to the model already, as `{name}`",
    help="load it again, or attach `copy.deepcopy(adapter)`, which has tensors of its own",
)
class AttachedTwice(Message):
    """
    One adapter object has its tensors once, so that a second name for it would train and change
    with the first.

    Erroneous:  attach(model, adapter, name="a"); attach(model, adapter, name="b")
    Corrected:  attach(model, adapter, name="a"); attach(model, copy.deepcopy(adapter), name="b")
    """

    name: str


@message("QA6057", "adapter `{name}` cannot have the weight {weight}: {reason}")
class WeightUnusable(Message):
    """
    The weight of an adapter multiplies the change that it makes to the output of each of its
    modules: 0.5 makes half of it. A prefix changes no output by a sum. Where two adapters replace
    the output of one module, what each of them changes is not defined.

    Erroneous:  set_adapter(model, {"prefix": 0.5})
    Corrected:  set_adapter(model, {"prefix": 1.0, "lora": 0.5})
    """

    name: str
    weight: float
    reason: str


@message(
    "QA6059",
    "`from_pretrained` will read the base model from `{folder}`, and no adapters",
    severity="warning",
    help=(
        'save each by itself, `qcompile.attached(model, name).save("adapter.pt")`, and attach it '
        "to what `from_pretrained` gives"
    ),
)
class SavedWithoutAdapters(Message):
    """
    transformers' `save_pretrained` writes the base under its own names. The tensors of attached
    adapters stand beside them, so that a Trainer can resume from the folder with a model that has
    the same adapters attached; without them `from_pretrained` knows nothing of these tensors.

    Erroneous:  model = AutoModelForCausalLM.from_pretrained("out")
    Corrected:  model = AutoModelForCausalLM.from_pretrained("out"); attach(model, "adapter.pt")
    """

    folder: str
