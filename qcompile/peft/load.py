"""Loading a saved adapter without knowing how peft does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from qcompile.artifact.peft_folder import CONFIG
from qcompile.artifact.read import read_bytes
from qcompile.diagnostics.arguments import check_path, check_type


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
        UsageError: QA6013.
    """
    from peft import PeftModel

    check_type("load", "model", model, nn.Module, "a model (`torch.nn.Module`)")
    # Nothing of it is read, but peft would wait for a pipe.
    read_bytes(str(Path(check_path("load", "folder", folder)) / CONFIG), 0)
    return PeftModel.from_pretrained(
        model,
        str(folder),
        adapter_name=adapter_name,
        is_trainable=trainable,
    )
