"""Arguments of a tiny forward pass of a transformers model."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

TOKENS = 2
SAMPLES = 4000
"""Of a sound wave."""

Arguments = dict[str, Any]


def tiny_inputs(model: torch.nn.Module) -> Iterator[Arguments]:
    """Arguments by name to try one after the other: the main input, then all inputs that are known.

    Nothing for what is no model of transformers, or takes inputs that are not known here. All are
    on the CPU.
    """
    config = getattr(model, "config", None)
    main = getattr(model, "main_input_name", None)
    if config is None or not isinstance(main, str):
        return
    taken = inspect.signature(model.forward).parameters
    # A forward that hands all arguments on takes the main input as well.
    names = {*taken, *(main for it in taken.values() if it.kind is it.VAR_KEYWORD)}
    known = {name: value for name, value in _known(model, config).items() if name in names}
    settings = {name: False for name in ("use_cache",) if name in taken}
    if main in known:
        decoder = {"decoder_input_ids"} if getattr(config, "is_encoder_decoder", False) else set()
        first = {name: known[name] for name in known if name in {main, *decoder}}
        yield first | settings
        if len(known) > len(first):
            yield known | settings


def _known(model: torch.nn.Module, config: Any) -> Arguments:
    import torch

    ids = torch.ones(1, TOKENS, dtype=torch.long)
    found: Arguments = {"input_ids": ids, "decoder_input_ids": ids}
    vision = getattr(config, "vision_config", config)
    height, width = _two(getattr(vision, "image_size", None))
    if height and width:
        channels = getattr(vision, "num_channels", None) or 3
        found["pixel_values"] = torch.zeros(1, channels, height, width)
    bins = getattr(config, "num_mel_bins", None)
    frames = getattr(config, "max_source_positions", None)
    if isinstance(bins, int) and isinstance(frames, int):
        # Whisper takes windows of one length, twice as many as its encoder has positions.
        found["input_features"] = torch.zeros(1, bins, 2 * frames)
    found["input_values"] = torch.zeros(1, SAMPLES)
    dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    return {
        name: value.to(dtype) if value.is_floating_point() else value
        for name, value in found.items()
    }


def _two(size: object) -> tuple[int, int]:
    """Height and width; 0 where they are not known."""
    if isinstance(size, Mapping):
        size = (size.get("height"), size.get("width"))
    sides = (size, size) if isinstance(size, int) else size
    if isinstance(sides, list | tuple) and len(sides) == 2:
        height, width = sides
        if isinstance(height, int) and isinstance(width, int):
            return height, width
    return 0, 0
