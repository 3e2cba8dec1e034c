"""QA62xx: adapters inside peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsMatchNothing(Message):
    """target_modules and its relatives leave no module."""

    code: ClassVar[str] = "QA6201"
    title: ClassVar[str] = "no linear map of the model is chosen by {choice}"
    explanation: ClassVar[str] = """
    `target_modules` of a QCompileConfig replaces the patterns of the spec's `attach` lines, and
    `exclude_modules` and `layers_to_transform` narrow them down. Nothing remains here, so nothing
    was attached.

    Erroneous:  QCompileConfig(spec="adapter.qa", target_modules=["qury"])
    Corrected:  QCompileConfig(spec="adapter.qa", target_modules=["query"])
    """

    choice: str
    present: tuple[str, ...] = ()
    """Last names of the linear maps that are there."""
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)

    def notes(self) -> tuple[str, ...]:
        shown = ", ".join(self.present[:12])
        return (f"the linear maps of the model end in {shown}",) if shown else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterNameTaken(Message):
    """peft would confuse the adapter's name with a part of a tensor's name."""

    code: ClassVar[str] = "QA6202"
    title: ClassVar[str] = "an adapter of peft cannot be named `{name}` here"
    help: ClassVar[str | None] = "give it another `adapter_name`, such as `default`"
    explanation: ClassVar[str] = """
    peft finds the tensors of an adapter by its name between dots, so that a name which is also a
    part of a tensor's name, as that of a module of the model, of an adapter of the spec or of a
    value in it, would lose tensors when saving.

    Erroneous:  get_peft_model(model, config, adapter_name="lora")     with `adapter lora()` inside
    Corrected:  get_peft_model(model, config, adapter_name="default")
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedBatchRefused(Message):
    """One batch for several adapters, where that cannot be."""

    code: ClassVar[str] = "QA6203"
    title: ClassVar[str] = "rows of this batch cannot go to different adapters: {reason}"
    explanation: ClassVar[str] = """
    peft's argument `adapter_names` of a call sends each row of a batch to the adapter of its name,
    or to none for `__base__`. It needs a model of `get_peft_model` in evaluation, adapters that are
    not merged, one name for each row, and no prefix.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecNotGiven(Message):
    """A configuration without a spec."""

    code: ClassVar[str] = "QA6204"
    title: ClassVar[str] = "a QCompileConfig needs a `spec`: the path of a .qa file, or its text"
    explanation: ClassVar[str] = """
    The spec says what the adapter is. In a saved adapter its text is part of adapter_config.json.

    Erroneous:  QCompileConfig(target_modules=["q_proj"])
    Corrected:  QCompileConfig(spec="adapter.qa", target_modules=["q_proj"])
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOutOfRange(Message):
    """No rank for LoRA."""

    code: ClassVar[str] = "QA6205"
    title: ClassVar[str] = "`{rank}` is no rank for LoRA"
    help: ClassVar[str | None] = (
        "a positive integer, or a share of the energy to keep, more than 0 and at most 1.0"
    )
    explanation: ClassVar[str] = """
    An integer is the rank of every module. A number with a decimal point is the share of the
    update's squared singular values to keep; each module takes the smallest rank that does.

    Erroneous:  to_lora(model, rank=0)
    Corrected:  to_lora(model, rank=8) or to_lora(model, rank=0.99)
    """

    rank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInvalid(Message):
    """A field of the configuration has a value that it cannot have."""

    code: ClassVar[str] = "QA6211"
    title: ClassVar[str] = "`{name}` of a QCompileConfig must be {expected}, not {found}"
    explanation: ClassVar[str] = """
    The fields of a configuration are checked when it is made, before any model is touched. The
    parameters of the spec go into `parameters`, by their names.

    Erroneous:  QCompileConfig(spec="adapter.qa", modules_to_save="lm_head")
    Corrected:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_head"])
    """

    name: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModuleMissing(Message):
    """modules_to_save names what is not there."""

    code: ClassVar[str] = "QA6212"
    title: ClassVar[str] = "the model has no module `{module}`, which `modules_to_save` names"
    explanation: ClassVar[str] = """
    `modules_to_save` lists modules that are trained and saved in full beside the adapter, by the
    last parts of their names. One that is not there would be left out without a word, and its
    training with it. Nothing was attached.

    Erroneous:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_haed"])
    Corrected:  QCompileConfig(spec="adapter.qa", modules_to_save=["lm_head"])
    """

    module: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationInUse(Message):
    """The plan in a configuration is for another model."""

    code: ClassVar[str] = "QA6213"
    title: ClassVar[str] = "this QCompileConfig was compiled for another model"
    help: ClassVar[str | None] = "make one for each model, from the same `spec`"
    explanation: ClassVar[str] = """
    The first use of a configuration compiles it for the modules of that model, and the result is
    what is saved. Models with the same modules can share it; for another one, as one with more
    layers, it would leave modules without an adapter.

    Erroneous:  get_peft_model(small, config); get_peft_model(large, config)
    Corrected:  get_peft_model(small, config); get_peft_model(large, other_config)
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterUnknown(Message):
    """A name that no adapter of the model has."""

    code: ClassVar[str] = "QA6219"
    title: ClassVar[str] = "the model has no adapter of peft named `{name}`"
    explanation: ClassVar[str] = """
    The adapters of a model of peft are those that `get_peft_model`, `add_adapter` and
    `load_adapter` have put there. To activate or to merge one that is not there would leave the
    base model alone. Nothing was changed.

    Erroneous:  model.merge_adapter(["defualt"])
    Corrected:  model.merge_adapter(["default"])
    """

    name: str
    present: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)

    def notes(self) -> tuple[str, ...]:
        return (f"the model has {', '.join(self.present)}",) if self.present else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDiffers(Message):
    """Tensors of another adapter are loaded under the name of one that is there."""

    code: ClassVar[str] = "QA6220"
    title: ClassVar[str] = "the folder holds another adapter than `{name}`, which the model has"
    help: ClassVar[str | None] = "load it under a name of its own"
    explanation: ClassVar[str] = """
    peft would put the tensors of the folder into the adapter of that name and keep how that one
    computes: other parameters, such as another `alpha`, give other values from the same tensors.

    Erroneous:  model.load_adapter("alpha_3", adapter_name="default")
    Corrected:  model.load_adapter("alpha_3", adapter_name="alpha_3")
    """

    name: str
