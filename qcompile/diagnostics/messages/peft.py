"""QA62xx: adapters inside peft."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message


@message("QA6201", "no linear map of the model is chosen by {choice}")
class TargetsMatchNothing(Message):
    """`target_modules` of a QCompileConfig replaces the patterns of the spec's `attach` lines, and
    `exclude_modules` and `layers_to_transform` narrow them down. Nothing remains here, so nothing
    was attached.

    Erroneous:  QCompileConfig(spec="adapter.qa", target_modules=["qury"])
    Corrected:  QCompileConfig(spec="adapter.qa", target_modules=["query"])
    """

    choice: str
    present: tuple[str, ...] = ()
    """Last names of the linear maps that are there."""
    place: str = "of the model"
    """Where they are there."""
    candidates: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        shown = ", ".join(self.present[:12])
        return (f"the linear maps {self.place} end in {shown}",) if shown else ()


@message(
    "QA6202",
    "an adapter of peft cannot be named `{name}` here",
    help="give it another `adapter_name`, such as `default`",
)
class AdapterNameTaken(Message):
    """peft finds the tensors of an adapter by its name between dots, so that a name which is also a
    part of a tensor's name, as that of a module of the model, of an adapter of the spec or of a
    value in it, would lose tensors when saving.

    Erroneous:  get_peft_model(model, config, adapter_name="lora")     with `adapter lora()` inside
    Corrected:  get_peft_model(model, config, adapter_name="default")
    """

    name: str


@message("QA6203", "rows of this batch cannot go to different adapters: {reason}")
class MixedBatchRefused(Message):
    """
    `qcompile.mixed_batch`, and peft's argument `adapter_names` of a call, send each row of a batch
    to the adapter of its name, or to none for `__base__`. That takes one name for each row, first
    axes that are the rows, and no prefix; inside peft a model of `get_peft_model` in evaluation,
    and adapters that are not merged.

    Erroneous:  model(**batch, adapter_names=["a", "nope"])
    Corrected:  model(**batch, adapter_names=["a", "__base__"])
    """

    reason: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return (
            *did_you_mean(self.candidates),
            "or call `set_adapter` and run a batch for each adapter",
        )


@message("QA6204", "a QCompileConfig needs a `spec`: the path of a .qa file, or its text")
class SpecNotGiven(Message):
    """
    The spec says what the adapter is. In a saved adapter its text is part of adapter_config.json.

    Erroneous:  QCompileConfig(target_modules=["q_proj"])
    Corrected:  QCompileConfig(spec="adapter.qa", target_modules=["q_proj"])
    """


@message(
    "QA6205",
    "`{rank}` cannot be the rank of a LoRA",
    help="a positive integer, or a share of the energy to keep, more than 0 and at most 1.0",
)
class RankOutOfRange(Message):
    """An integer is the rank of every module. A number with a decimal point is the share of the
    update's squared singular values to keep; each module takes the smallest rank that does.

    Erroneous:  to_lora(model, rank=0)
    Corrected:  to_lora(model, rank=8) or to_lora(model, rank=0.99)
    """

    rank: str


@message("QA6211", "`{name}` of a QCompileConfig must be {expected}, not {found}")
class SettingInvalid(Message):
    """The fields of a configuration are checked when it is made, before any model is touched. The
    parameters of the spec go into `parameters`, by their names.

    Erroneous:  QCompileConfig(spec="adapter.qa", modules_to_save="lm_head")
    Corrected:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_head"])
    """

    name: str
    expected: str
    found: str


@message("QA6212", "the model has no module `{module}`, which `modules_to_save` names")
class SavedModuleMissing(Message):
    """`modules_to_save` lists modules that are trained and saved in full beside the adapter, by the
    last parts of their names. One that is not there would be left out without a word, and its
    training with it. Nothing was attached.

    Erroneous:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_haed"])
    Corrected:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_head"])
    """

    module: str
    candidates: tuple[str, ...] = ()


@message(
    "QA6213",
    "this QCompileConfig was compiled for another model",
    help="make one for each model, from the same `spec`",
)
class ConfigurationInUse(Message):
    """The first use of a configuration compiles it for the modules of that model, and the result is
    what is saved. Models with the same modules can share it; for another one, as one with more
    layers, it would leave modules without an adapter.

    Erroneous:  get_peft_model(small, config); get_peft_model(large, config)
    Corrected:  get_peft_model(small, config); get_peft_model(large, other_config)
    """


@message("QA6219", "the model has no adapter of peft named `{name}`")
class AdapterUnknown(Message):
    """The adapters of a model of peft are those that `get_peft_model`, `add_adapter` and
    `load_adapter` have put there. To activate or to merge one that is not there would leave the
    base model alone. Nothing was changed.

    Erroneous:  model.merge_adapter(["defualt"])
    Corrected:  model.merge_adapter(["default"])
    """

    name: str
    present: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return (f"the model has {', '.join(self.present)}",) if self.present else ()


@message(
    "QA6220",
    "the folder holds another adapter than `{name}`, which the model has",
    help="load it under a name of its own",
)
class PlanDiffers(Message):
    """peft would put the tensors of the folder into the adapter of that name and keep how that one
    computes: other parameters, such as another `alpha`, give other values from the same tensors.

    Erroneous:  model.load_adapter("alpha_3", adapter_name="default")
    Corrected:  model.load_adapter("alpha_3", adapter_name="alpha_3")
    """

    name: str


@message(
    "QA6221",
    "`{error}` cannot be the error of a LoRA",
    help="a share of the update's norm, at least 1e-6 and less than 1, such as 1e-3",
)
class ErrorOutOfRange(Message):
    """The error is ‖ΔW − B A‖ / ‖ΔW‖ of each module, in the Frobenius norm. An error of 1 is that
    of no adapter at all, and factors in float32 cannot promise less than 1e-6.

    Erroneous:  lora_of(adapter, error=0.0)
    Corrected:  lora_of(adapter, error=1e-3)
    """

    error: str


@message(
    "QA6222",
    "the error of the outputs cannot be measured: {reason}",
    help="give inputs (…, in_features), one array for all modules or each module's by its name",
)
class SamplesUnusable(Message):
    """Samples are inputs of the modules that the adapter is attached to, as a forward pass of the
    model gives them. One array serves where all modules have inputs of the same width.

    Erroneous:  lora_of(adapter, error=1e-3, samples={"q_proj": x})
    Corrected:  lora_of(adapter, error=1e-3, samples={"model.layers.0.self_attn.q_proj": x})
    """

    reason: str


@message(
    "QA6223", "folder `{path}` holds an adapter of peft's method {kind}, which is not converted"
)
class MethodNotRead(Message):
    """
    `qcompile convert` reads folders of those methods of peft for which there is a spec that
    computes the same from the same tensors.

    Erroneous:  qcompile convert prompt_tuning/ adapter.pt
    Corrected:  qcompile convert lora/ adapter.pt
    """

    path: str
    kind: str
    known: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return (f"these are: {', '.join(self.known)}",)


@message("QA6225", "folder `{path}`: `{field}: {value}` of {method} is not converted")
class FieldNotRead(Message):
    """
    The adapter_config.json has a setting that may change what the adapter computes, and for which
    there is no spec. Without it the adapter would be another one.

    Erroneous:  "bias": "all"
    Corrected:  "bias": "none"
    """

    path: str
    field: str
    value: str
    method: str
    allowed: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        if self.field == "save_projection":
            return ("save it again with `save_projection=True`, so that A and B are in the folder",)
        if self.field == "save_only_topk_weights":
            return ("save it again with `save_only_topk_weights=False`, with all logits",)
        if self.field == "init_lora_weights" and self.value == '"loftq"':
            return (
                "set `init_lora_weights` to true where the base is the one that LoftQ quantised",
            )
        if self.allowed:
            return (f"converted where it is {' or '.join(self.allowed)}",)
        return ("load it by `PeftModel.from_pretrained`",)


@message(
    "QA6227",
    "the tensors in folder `{path}` do not say the sizes of `{module}`",
    help="name the base model's configuration: `--model config.json`",
)
class BaseSizesUnknown(Message):
    """
    Some methods have tensors at one side of a module only, such as IA³'s vectors, or at places of
    the weight. The sizes come from the configuration of the base model then.

    Erroneous:  qcompile convert ia3/ adapter.pt
    Corrected:  qcompile convert ia3/ adapter.pt --model llama/config.json
    """

    path: str
    module: str


@message(
    "QA6229",
    "adapters of a QCompileConfig are not combined into a new one by `add_weighted_adapter`",
    help=(
        "`model.base_model.set_adapter([…])` adds their updates; `qcompile.attach(model, adapter, "
        "name=…)` and `qcompile.set_adapter` give them weights"
    ),
)
class CombinationRefused(Message):
    """
    peft combines LoRA's matrices. An adapter here is whatever its spec says, and the weighted sum
    of two is in general no adapter of either spec. Weights of attached adapters multiply the
    changes that they make, of any kind; linear ones can be merged with their weights.

    Erroneous:  model.add_weighted_adapter(["a", "b"], [0.7, 0.3], "both")
    Corrected:  attach(base, "a.pt", name="a"); attach(base, "b.pt", name="b")
                set_adapter(base, {"a": 0.7, "b": 0.3})
    """


@message("QA6231", "adapter `{adapter}` cannot be written as a method of peft: {reason}")
class NoMethodOfPeft(Message):
    """
    `--to peft` writes the folder of peft's own method that an adapter is, whatever the spec calls
    it: of tensors of the same shapes the method must compute the same. All modules of a folder have
    one method, and one value of each setting that peft has no patterns for.

    Erroneous:  qcompile convert qtha.pt folder/ --to peft
    Corrected:  qcompile convert dora.pt folder/ --to peft
    """

    adapter: str
    reason: str
    linear: bool = False

    def helps(self) -> tuple[str, ...]:
        if self.linear:
            return ("`--to lora` writes the nearest plain LoRA, which peft reads",)
        return ("a folder with `qcompile convert` alone is read after `import qcompile.peft`",)
