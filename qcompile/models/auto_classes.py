"""Which auto classes of transformers give the class that a configuration names."""

from __future__ import annotations

from typing import Any

_OF_TASKS = {
    "CAUSAL_LM": "AutoModelForCausalLM",
    "QUESTION_ANS": "AutoModelForQuestionAnswering",
    "SEQ_2_SEQ_LM": "AutoModelForSeq2SeqLM",
    "SEQ_CLS": "AutoModelForSequenceClassification",
    "TOKEN_CLS": "AutoModelForTokenClassification",
}


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


def class_for_task(model_type: object, task: str | None, architecture: str | None) -> str | None:
    """The class of a model of this type that has the head of a task of peft, such as SEQ_CLS.

    Args:
        model_type: As config.json has it.
        task: peft's `task_type`.
        architecture: What is kept where it has such a head, or where the task has none.
    """
    from transformers.models.auto import modeling_auto

    if task not in _OF_TASKS or not isinstance(model_type, str):
        return architecture
    kind = getattr(modeling_auto, _OF_TASKS[task])
    made = kind._model_mapping._model_mapping.get(model_type)
    classes = (made,) if isinstance(made, str) else made or ()
    return architecture if not classes or architecture in classes else str(classes[0])


def class_of(architecture: str | None) -> Any:
    """transformers' class of this name, its causal language models for None; None for no model."""
    import transformers

    if architecture is None:
        return transformers.AutoModelForCausalLM
    kind = getattr(transformers, architecture, None)
    if isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel):
        return kind
    return None
