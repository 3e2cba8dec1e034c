"""Loading a saved adapter without knowing how peft does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from qcompile.artifact.peft_folder import CONFIG
from qcompile.artifact.read import read_bytes


def load(
    model: nn.Module, folder: str | Path, *, adapter_name: str = "default", trainable: bool = False
) -> Any:
    """A PeftModel around `model` with the adapter that `save_pretrained` wrote to a folder.

    Args:
        model: The base model that the adapter was trained on.
        folder: Holds adapter_config.json and adapter_model.safetensors.
        adapter_name: peft's name for it.
        trainable: To train on, rather than to use.

    Raises:
        ArtifactError: QA5001 to QA5011, for missing, extra or misshapen tensors too.
        AdapterError: QA6001 to QA6003: it is the adapter of another model; `model` is unchanged.
    """
    from peft import PeftModel

    # Nothing of it is read, but peft would wait for a pipe.
    read_bytes(str(Path(folder) / CONFIG), 0)
    return PeftModel.from_pretrained(
        model,
        str(folder),
        adapter_name=adapter_name,
        is_trainable=trainable,
    )
