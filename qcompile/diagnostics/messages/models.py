"""QA7xxx: configurations of models."""

from __future__ import annotations

import re

from qcompile.diagnostics.message import Message, message

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""`owner/name`, as models are called on a hub."""

FOLDER = "model"


@message("QA7001", "there is no model configuration at `{path}`", label="names no file")
class ModelNotFound(Message):
    """
    Sizes are read from a transformers configuration: a `config.json`, or a folder that holds one.
    A path in the file is relative to the file; a path after `--model` to the current folder.
    Weights are never read, and nothing is downloaded: the name of a model on a hub is not a path.
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


@message("QA7002", "model configuration `{path}` cannot be used: {reason}", label="read from here")
class ModelConfigMalformed(Message):
    """The configuration must be a JSON object as transformers writes it, with a `model_type`.

    Erroneous:  {"hidden_size": 128}
    Corrected:  {"model_type": "llama", "hidden_size": 128, ...}
    """

    path: str
    reason: str


@message("QA7003", "model type `{model_type}` of `{path}` is unknown to transformers {version}")
class ModelTypeUnknown(Message):
    """The `model_type` of the configuration names no architecture of the installed transformers.
    Models that bring their own code are not executed.

    Erroneous:  "model_type": "lama"
    Corrected:  "model_type": "llama"
    """

    path: str
    model_type: str
    version: str
    candidates: tuple[str, ...] = ()


@message("QA7004", "`{field}` is {value} in `{path}`, more than the limit of {limit}")
class ModelTooLarge(Message):
    """
    The model is built without weights to learn the names and sizes of its modules. A configuration
    with more layers or experts than any model has would take forever, so it is refused.

    Erroneous:  "num_hidden_layers": 1000000000
    Corrected:  "num_hidden_layers": 28
    """

    path: str
    field: str
    value: int
    limit: int


@message("QA7005", "the model of `{path}` cannot be built: {reason}")
class ModelNotBuilt(Message):
    """
    transformers raised an error while it built the model from the configuration, without weights.
    Often two sizes contradict each other.

    Erroneous:  "hidden_size": 130, "num_attention_heads": 4
    Corrected:  "hidden_size": 128, "num_attention_heads": 4
    """

    path: str
    reason: str
