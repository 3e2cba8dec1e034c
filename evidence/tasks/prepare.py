"""From a task's settings to the prepared task."""

from __future__ import annotations

from pathlib import Path

import torch

from evidence.presets import ClassificationPreset, ProsePreset, TaskPreset
from evidence.tasks.task import Task


def prepare(preset: TaskPreset, folder: Path, pages: Path | None, device: torch.device) -> Task:
    """Read or make the data, load or train the base model.

    Raises:
        PagesMissing: The man pages cannot be had.
        EncoderMissing: The pretrained encoder cannot be had.
    """
    match preset:
        case ProsePreset():
            from evidence.tasks.prose import Prose, ProseSettings

            settings = ProseSettings(
                batch=preset.batch,
                context=preset.context,
                windows=preset.windows,
                quick=preset.quick,
            )
            return Prose(settings, folder, device)
        case ClassificationPreset():
            from evidence.data.docstrings import docstring_packages
            from evidence.data.man_pages import man_sections
            from evidence.tasks.classification import Classification, ClassificationSettings
            from evidence.tasks.encoder import minilm, random_encoder

            if preset.task == "man_section":
                data = man_sections(folder, pages)
            else:
                data = docstring_packages(folder)
            texts = [example.text for example in data.examples]
            encoder = minilm() if preset.encoder == "minilm" else random_encoder(texts)
            sizes = ClassificationSettings(
                batch=preset.batch,
                layers=preset.layers,
                longest=preset.longest,
                judged=preset.judged,
            )
            # The random encoder is another one for other texts: nothing worth keeping.
            kept = folder if preset.encoder == "minilm" else None
            return Classification(preset.task, data, encoder, sizes, device, kept)
