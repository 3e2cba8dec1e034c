"""What the fields of a configuration may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from peft import PeftConfig

from qcompile.diagnostics.errors import AdapterError, few
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.peft import SettingInvalid
from qcompile.diagnostics.messages.peft_folders import CompiledAlready


def check_settings(config: PeftConfig) -> None:
    """Refuse values of a QCompileConfig of another type or outside their range, all at once.

    Raises:
        AdapterError: QA6211.
    """
    problems: list[Message] = []
    for name, (fits, expected) in _FIELDS.items():
        value = getattr(config, name)
        if not fits(value):
            problems.append(SettingInvalid(name=name, expected=expected, found=repr(value)))
    for name in ("target_modules", "exclude_modules"):
        pattern = getattr(config, name)
        if isinstance(pattern, str) and (fault := _fault(pattern)) is not None:
            expected = f"a regular expression ({fault})"
            problems.append(SettingInvalid(name=name, expected=expected, found=repr(pattern)))
    if config.layers_pattern and config.layers_to_transform is None:
        expected = "set together with `layers_to_transform`"
        found = repr(config.layers_pattern)
        problems.append(SettingInvalid(name="layers_pattern", expected=expected, found=found))
    if problems:
        raise AdapterError(*few(problems))


def check_beside_adapter(config: PeftConfig) -> None:
    """Refuse settings of compiling and choosing beside an adapter that is compiled.

    Raises:
        AdapterError: QA6234.
    """
    defaults = {field.name: field.default for field in fields(config)}
    found = [
        CompiledAlready(name=name)
        for name in _OF_COMPILING
        if (value := getattr(config, name)) != defaults[name] and value not in ({}, [], ())
    ]
    if found:
        raise AdapterError(*few(found))


_OF_COMPILING = (
    *("parameters", "target", "control", "optimisation", "tokens", "seed"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
)


def _fault(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _names(value: object) -> bool:
    return isinstance(value, list | set | tuple) and all(isinstance(item, str) for item in value)


def _numbers(value: object) -> bool:
    return _whole(value) or (isinstance(value, list | tuple | range) and all(map(_whole, value)))


def _values(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(item, bool | int | float | str)
        for key, item in value.items()
    )


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _text(value: object) -> bool:
    return isinstance(value, str)


_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "parameters": (_values, "a dictionary of names and numbers, truth values or texts"),
    "target": (_or_none(_text), "a name"),
    "control": (lambda v: isinstance(v, bool), "True or False"),
    "optimisation": (lambda v: _whole(v) and 0 <= v <= 3, "a whole number from 0 to 3"),
    "tokens": (lambda v: _whole(v) and v >= 1, "a whole number of at least 1"),
    "seed": (_whole, "a whole number"),
    "target_modules": (
        _or_none(lambda v: _text(v) or _names(v)),
        "a list of names, or a regular expression",
    ),
    "exclude_modules": (
        _or_none(lambda v: _text(v) or _names(v)),
        "a list of names, or a regular expression",
    ),
    "layers_to_transform": (_or_none(_numbers), "a number or a list of numbers"),
    "layers_pattern": (_or_none(lambda v: _text(v) or _names(v)), "a name or a list of names"),
    "modules_to_save": (_or_none(_names), "a list of names"),
    "plan": (_or_none(_text), "the text that was saved"),
}
