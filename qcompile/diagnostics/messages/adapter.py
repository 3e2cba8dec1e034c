"""QA6xxx: attaching, detaching, merging and running adapters."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA6001",
    "the model has no module `{module}`, which adapter `{adapter}` is for",
    help="compile the adapter for this model: `--model` with its config.json",
)
class ModuleMissing(ModuleMessage):
    """An adapter is compiled for the named modules of one model. Nothing was attached.

    Erroneous:  attach(bert, load("llama_adapter.pt"))
    Corrected:  attach(llama, load("llama_adapter.pt"))
    """

    adapter: str
    candidates: tuple[str, ...] = ()


@message(
    "QA6002",
    "module `{module}` is {found}, but the adapter was compiled for {expected}",
    help="compile the adapter again with this model's configuration",
)
class ModuleSizeMismatch(ModuleMessage):
    """
    The sizes of the module in the model differ from those in the configuration that the adapter was
    compiled for. Nothing was attached.

    Erroneous:  an adapter for Qwen2-7B attached to Qwen2-1.5B
    Corrected:  qcompile adapter.qa --model qwen2-1.5b/config.json
    """

    found: str
    expected: str


@message(
    "QA6003",
    "module `{module}` is a `{kind}`, and the adapter is for a module of another kind",
    help="compile it for this model; docs/language.md lists the kinds of modules",
)
class ModuleKindUnsupported(ModuleMessage):
    """An adapter is compiled for linear maps, embeddings, convolutions, norms or blocks of linear
    maps, each with the name that it has in the model.

    Erroneous:  attach(model, adapter)       (where `mlp` was a block and is a linear map here)
    Corrected:  attach(model, qcompile.compile("adapter.qa", model=model))
    """

    kind: str


@message(
    "QA6004",
    "module `{module}` already has an adapter named `{adapter}`",
    help="detach it first, or give the adapter another name in its file",
)
class AlreadyAttached(ModuleMessage):
    """One module can have several adapters, but each needs its own name.

    Erroneous:  attach(model, adapter); attach(model, load("adapter.pt"))
    Corrected:  attach(model, adapter); detach(model); attach(model, load("adapter.pt"))
    """

    adapter: str


@message("QA6005", "the model has no qcompile adapter")
class NothingAttached(Message):
    """`detach`, `disabled`, `merge` and `attached` work on a model that `attach` was called on. An
    adapter inside peft is reached by peft's own methods.

    Erroneous:  merge(model)
    Corrected:  attach(model, adapter); merge(model)
    """

    inside_peft: bool = False

    def helps(self) -> tuple[str, ...]:
        if not self.inside_peft:
            return ()
        return ("peft has put adapters into it: `model.disable_adapter()`, `merge_and_unload()`",)


@message("QA6006", "adapter `{adapter}` on `{module}` cannot be merged: {reason}")
class NotMergeable(ModuleMessage):
    """Merging adds the update to the frozen weight, which is exact where the update is a linear map
    of the input and of the module's own output: LoRA, an MPO, sums of them. A constant goes into
    the bias, where there is one, and factors of the elements of a norm's output go into its weight.
    A circuit read-out, an activation or a product of branches is a different function of every
    input, so no single weight stands for it. A weight that is quantised, has no values or belongs
    to another module as well takes no update, and neither does one that is computed from other
    tensors (parametrizations, pruning masks) or is not the whole map of its module. An adapter with
    NaN, or a result beyond the range of the weight's dtype, is refused as well. Nothing was
    changed.

    Erroneous:  merge(model)      with the adapter of examples/qtha.qa
    Corrected:  merge(model)      with the adapter of examples/mpo.qa
    """

    adapter: str
    reason: str

    def helps(self) -> tuple[str, ...]:
        if "quantised" in self.reason:
            return (
                "keep it attached, or leave this module out of the adapter's `attach`",
                "or load base and adapter without quantisation, and merge there",
            )
        if "finite" in self.reason:
            return ("look for what went wrong in training, which `check_finite` can name",)
        if self.reason.startswith(("the weight", "the bias")):
            return ("keep it attached, or leave this module out of the adapter's `attach`",)
        if self.reason.startswith("it replaces"):
            return ("write `update` instead of `replace`",)
        if self.reason.startswith("it reads"):
            return ("merge it into the model instead, which knows the module's weight",)
        return (
            "keep it attached, or use an adapter without circuit, activation and product branches",
            (
                "a linear surrogate of circuits may be near enough: `qcompile convert trained.pt"
                " linear.pt --to surrogate --error 0.05 --data x.npz`"
            ),
        )


@message("QA6007", "the adapter has no part for module `{module}`")
class NoSuchSite(Message):
    """A compiled adapter has one part for each module that it attaches to.

    Erroneous:  adapter["model.layers.0.q_proj"]
    Corrected:  adapter["model.layers.0.self_attn.q_proj"]
    """

    module: str
    candidates: tuple[str, ...] = ()


@message(
    "QA6008",
    "this adapter is for {count} modules and cannot be called by itself",
    help=(
        "attach it to the model: `qcompile.attach(model, adapter)`, or call one part: "
        '`adapter["{first}"](x)`, on the command line `--module {first}`'
    ),
)
class SeveralSites(Message):
    """An adapter that was compiled for one `shape` is a module to call. One that was compiled for a
    model has a part for each attached module; which one is meant is not clear.

    Erroneous:  adapter(x)
    Corrected:  adapter["model.layers.0.self_attn.q_proj"](x)
    """

    count: int
    first: str


@message(
    "QA6009",
    "adapter `{adapter}` was compiled for a `shape`, not for a model",
    help=(
        "use `attach` in its file and compile with a model configuration, or call the "
        "adapter yourself"
    ),
)
class NotForAModel(Message):
    """`shape` makes a module to be placed by hand. `qcompile.attach` needs to know the
    names of the modules.

    Erroneous:  adapter lora() { shape 128 -> 128; ... }
    Corrected:  adapter lora() { attach "*.q_proj"; ... }
    """

    adapter: str


@message("QA6010", "the adapter takes inputs of width {expected}, not {found}")
class WrongWidth(Message):
    """The last axis of the input must have the size that the adapter was compiled for.

    Erroneous:  adapter(torch.zeros(2, 64))     compiled for `shape 128 -> 128`
    Corrected:  adapter(torch.zeros(2, 128))
    """

    expected: int
    found: str


@message(
    "QA6021",
    "adapter `{adapter}` reads `y`, the output of its module, and got none",
    help="give it as the second argument: `adapter(x, base(x))`",
)
class OutputMissing(Message):
    """`y` in an adapter's file is what the frozen module gives by itself. Attached adapters get it
    from their module; one that is called by hand, or asked for its merged weight, must be given
    the output or the weight.

    Erroneous:  adapter(x)
    Corrected:  adapter(x, linear(x))
    """

    adapter: str


@message(
    "QA6022",
    "the module's output has the shape {found}, expected {expected}",
    help="give the output that belongs to this input, before any adapter",
)
class WrongOutput(Message):
    """
    The output of the module has the leading axes of its input, and `out_features` elements for each
    token.

    Erroneous:  adapter(x, linear(x[:1]))
    Corrected:  adapter(x, linear(x))
    """

    expected: tuple[int, ...]
    found: tuple[int, ...]


@message(
    "QA6023",
    "adapter `{adapter}` computes with its module, and got none",
    help="give the frozen module: `adapter(x, base=module)`, `circuit.data(x, base=module)`",
)
class BaseMissing(Message):
    """`base(v)`, `W` and `base_bias` in an adapter's file are the frozen module, its weight and its
    bias. Attached adapters have their module; one that is called by hand, or asked for its merged
    weight, must be given the module, or its weight.

    Erroneous:  adapter(x)
    Corrected:  adapter(x, base=linear)
    """

    adapter: str


@message(
    "QA6024",
    "adapter `{adapter}` reads the weight of `{module}`: {reason}",
    help="load the model without quantisation, or write the adapter with `base(v)` instead of `W`",
)
class WeightNotReadable(Message):
    """`W` in an adapter's file is the frozen weight as numbers, out_features rows of in_features.
    Quantised modules do not hold it, and a sharded one holds a part. `base(v)` runs the module as
    it is and needs no weight.

    Erroneous:  qcompile.attach(model_in_4_bits, "dora.pt")
    Corrected:  qcompile.attach(model, "dora.pt")
    """

    adapter: str
    module: str
    reason: str


@message(
    "QA6031",
    "{tensor} of adapter `{adapter}`{place} is not finite: {broken} of {size} elements",
    help="lower the learning rate, clip the gradients, or look for NaN in the data",
)
class NotFinite(Message):
    """NaN and infinities spread: once a parameter holds one, every later output does. The check is
    `qcompile.adapter.training.check_finite(model)`; the callback for transformers' Trainer makes it
    at each step that is logged. Go on from the last checkpoint.

    Erroneous:  TrainingArguments(learning_rate=10.0)
    Corrected:  TrainingArguments(learning_rate=1e-3, max_grad_norm=1.0)
    """

    tensor: str
    adapter: str
    place: str
    """` on` and the module, or nothing."""
    broken: int
    size: int


@message(
    "QA6032",
    "no tensor of the trained adapter fits: {reason}",
    help="tensors are found by the names of module, adapter and tensor, as state_dict has them",
)
class NothingCarried(Message):
    """An adapter can start from a trained one whose tensors have the same names, and shapes that
    are the same, or become the new ones by padding or by cutting bonds. Here nothing would be left
    of the training.

    Erroneous:  qcompile mpo.qa --from lora.pt
    Corrected:  qcompile lora.qa -D rank=16 --from lora.pt
    """

    reason: str
