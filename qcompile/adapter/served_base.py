"""The base of a folder for transformers: its class, its configuration and its head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.serving import BaseNotServable
from qcompile.models.auto_classes import auto_classes, class_for_task
from qcompile.models.config import read_config
from qcompile.models.skeleton import model_on_meta

BASE = "qcompile_base"
"""The entry of config.json with the base: a path, `./…` for one inside the folder, or a name."""
WEIGHTS = ("model*.safetensors*", "pytorch_model*.bin*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBase:
    """What is known of a base without its weights."""

    config: dict[str, object]
    kinds: tuple[str, ...]
    """The auto classes of transformers that give its class."""
    model: nn.Module
    """On the meta device."""


def served_base(base: Path, task: str | None, modules: Mapping[str, Tensor]) -> ServedBase:
    """The base with the head for which the modules were saved.

    Args:
        base: A folder with config.json and weights.
        task: peft's name of the task, which says the class where modules were saved.
        modules: What was saved beside the adapter, by names in the model.

    Raises:
        AdapterError: QA7305.
        CompileError: QA7001 to QA7005.
    """
    _, config = read_config(str(base))
    model_type, architecture = config.get("model_type"), first_architecture(config)
    if BASE in config:
        raise _refused(base, "it is such a folder itself; name its base")
    if not base.is_dir() or not any(next(base.glob(it), None) for it in WEIGHTS):
        raise _refused(base, "there are no weights beside its config.json")
    if modules:
        architecture = class_for_task(model_type, task, architecture)
        config = {**config, "architectures": [architecture]}
    kinds = auto_classes(model_type, architecture)
    if not kinds:
        wanted = architecture or "a causal language model"
        reason = f"no auto class of transformers gives {wanted} for the type {model_type}"
        raise _refused(base, reason)
    model = model_on_meta(str(base), config)
    problems = _misfits(model, modules)
    labels = {modules[name].shape[0] for name in problems if modules[name].dim()}
    if problems and len(labels) == 1:
        (count,) = labels
        names = {str(number): f"LABEL_{number}" for number in range(count)}
        numbers = {name: int(number) for number, name in names.items()}
        config = {**config, "id2label": names, "label2id": numbers}
        model = model_on_meta(str(base), config)
        problems = _misfits(model, modules)
    if problems:
        reason = f"{problems[0]}, saved beside the adapter, is no tensor of its {architecture}"
        raise _refused(base, reason)
    return ServedBase(config=config, kinds=kinds, model=model)


def first_architecture(config: Mapping[str, object]) -> str | None:
    """The class of the model: what `architectures` names first."""
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else None


def _misfits(model: nn.Module, modules: Mapping[str, Tensor]) -> list[str]:
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    return [name for name, tensor in modules.items() if shapes.get(name) != tensor.shape]


def _refused(base: Path, reason: str) -> AdapterError:
    return AdapterError(BaseNotServable(base=str(base), reason=reason))
