"""Which auto classes of transformers give the class that a configuration names."""

from __future__ import annotations

from typing import Any


def auto_classes(model_type: object, architecture: str | None) -> tuple[str, ...]:
    """Names of the auto classes that make an `architecture` of a model of this type.

    Args:
        model_type: As config.json has it.
        architecture: The class; without one, the causal language model of the type.
    """
    from transformers.models.auto import modeling_auto

    if not isinstance(model_type, str):
        return ()
    if architecture is None:
        found = modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type)
        return ("AutoModelForCausalLM",) if found else ()
    names = []
    for name in sorted(vars(modeling_auto)):
        kind = getattr(modeling_auto, name)
        if not name.startswith("AutoModel") or not hasattr(kind, "_model_mapping"):
            continue
        # One class, or several from which the configuration chooses.
        made = kind._model_mapping._model_mapping.get(model_type)
        if architecture in ((made,) if isinstance(made, str) else made or ()):
            names.append(name)
    return tuple(names)


def class_of(architecture: str | None) -> Any:
    """transformers' class of this name, its causal language models for None; None for no model."""
    import transformers

    if architecture is None:
        return transformers.AutoModelForCausalLM
    kind = getattr(transformers, architecture, None)
    if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
        return kind
    return None
