"""QA7xxx: configurations of models."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message, did_you_mean

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""`owner/name`, as models are called on a hub."""

FOLDER = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNotFound(Message):
    """No configuration at the path."""

    code: ClassVar[str] = "QA7001"
    title: ClassVar[str] = "there is no model configuration at `{path}`"
    label: ClassVar[str] = "names no file"
    explanation: ClassVar[str] = """
    Sizes are read from a transformers configuration: a `config.json`, or a folder that holds one.
    A path in the file is relative to the file; a path after `--model` to the current folder.
    Weights are never read, and nothing is downloaded: the name of a model on a hub is no path.
    `AutoConfig.from_pretrained(name).save_pretrained(folder)` writes the configuration alone.

    Erroneous:  model "Qwen/Qwen2-7B"
    Corrected:  model "models/qwen2-7b/config.json"
    """

    path: str

    def helps(self) -> tuple[str, ...]:
        general = "name a config.json or the folder that holds one"
        if HUB_NAME.fullmatch(self.path) is None:
            return (general,)
        save = f'AutoConfig.from_pretrained("{self.path}").save_pretrained("{FOLDER}")'
        return (
            general,
            f"nothing is downloaded; where the hub can be reached, `{save}` writes `{FOLDER}`",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfigMalformed(Message):
    """The configuration is not usable JSON."""

    code: ClassVar[str] = "QA7002"
    title: ClassVar[str] = "model configuration `{path}` cannot be used: {reason}"
    label: ClassVar[str] = "read from here"
    explanation: ClassVar[str] = """
    The configuration must be a JSON object as transformers writes it, with a `model_type`.

    Erroneous:  {"hidden_size": 128}
    Corrected:  {"model_type": "llama", "hidden_size": 128, ...}
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTypeUnknown(Message):
    """transformers does not know the model type."""

    code: ClassVar[str] = "QA7003"
    title: ClassVar[str] = (
        "model type `{model_type}` of `{path}` is unknown to transformers {version}"
    )
    explanation: ClassVar[str] = """
    The `model_type` of the configuration names no architecture of the installed transformers.
    Models that bring their own code are not executed.

    Erroneous:  "model_type": "lama"
    Corrected:  "model_type": "llama"
    """

    path: str
    model_type: str
    version: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTooLarge(Message):
    """A size of the configuration is absurd."""

    code: ClassVar[str] = "QA7004"
    title: ClassVar[str] = "`{field}` is {value} in `{path}`, more than the limit of {limit}"
    explanation: ClassVar[str] = """
    The model is built without weights to learn the names and sizes of its modules. A configuration
    with more layers or experts than any model has would take forever, so it is refused.

    Erroneous:  "num_hidden_layers": 1000000000
    Corrected:  "num_hidden_layers": 28
    """

    path: str
    field: str
    value: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNotBuilt(Message):
    """transformers refused the configuration."""

    code: ClassVar[str] = "QA7005"
    title: ClassVar[str] = "the model of `{path}` cannot be built: {reason}"
    explanation: ClassVar[str] = """
    transformers raised an error while it built the model from the configuration, without weights.
    Often two sizes contradict each other.

    Erroneous:  "hidden_size": 130, "num_attention_heads": 4
    Corrected:  "hidden_size": 128, "num_attention_heads": 4
    """

    path: str
    reason: str
