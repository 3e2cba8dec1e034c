"""All messages by code."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import MappingProxyType

from qcompile.diagnostics.message import Message

MODULES: tuple[tuple[str, str], ...] = (
    ("usage", "QA0"),
    ("syntax", "QA1"),
    ("names", "QA2"),
    ("imports", "QA2"),
    ("parameters", "QA2"),
    ("types", "QA2"),
    ("calls", "QA2"),
    ("values", "QA2"),
    ("bodies", "QA2"),
    ("training", "QA2"),
    ("circuits", "QA2"),
    ("wires", "QA2"),
    ("targets", "QA2"),
    ("tables", "QA2"),
    ("gates", "QA224"),
    ("unitary", "QA23"),
    ("controls", "QA23"),
    ("tensors", "QA232"),
    ("attachment", "QA3"),
    ("lowering", "QA3"),
    ("expansion", "QA3"),
    ("sizes_of_tables", "QA3"),
    ("sized_tensors", "QA313"),
    ("planning", "QA4"),
    ("devices", "QA42"),
    ("export", "QA422"),
    ("noise", "QA428"),
    ("artifact", "QA5"),
    ("adapter", "QA6"),
    ("interface", "QA60"),
    ("prefix", "QA60"),
    ("several", "QA605"),
    ("embeddings", "QA606"),
    ("families", "QA61"),
    ("scaling", "QA612"),
    ("calibration", "QA613"),
    ("peft", "QA62"),
    ("peft_folders", "QA623"),
    ("experts", "QA64"),
    ("models", "QA7"),
    ("services", "QA71"),
    ("library", "QA72"),
    ("surrogates", "QA73"),
    ("serving", "QA73"),
    ("plugins", "QA74"),
    ("extensions", "QA80"),
    ("internal", "QA9"),
)
"""The modules of `qcompile.diagnostics.messages` with the prefix of their codes."""


@cache
def all_messages() -> MappingProxyType[str, type[Message]]:
    """Return every message class by its code, in the order of the codes."""
    found: dict[str, type[Message]] = {}
    for name, _ in MODULES:
        found.update((message.code, message) for message in messages_of(name))
    return MappingProxyType(dict(sorted(found.items())))


def messages_of(name: str) -> tuple[type[Message], ...]:
    """Return the message classes that one module defines, in the order of its text."""
    module = import_module(f"qcompile.diagnostics.messages.{name}")
    return tuple(
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Message) and _is_defined_in(item, module)
    )


def _is_defined_in(item: type[Message], module: object) -> bool:
    return item.__module__ == getattr(module, "__name__", None) and hasattr(item, "code")
