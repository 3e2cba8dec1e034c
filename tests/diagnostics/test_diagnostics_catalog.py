"""The catalogue names every message of the package, and each of them keeps the rules."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import fields
from string import Formatter

import pytest

from qcompile.diagnostics import Message, Severity, messages
from qcompile.diagnostics.catalog import MODULES, all_messages, messages_of

ALL = tuple(all_messages().values())
SEVERITIES: tuple[Severity, ...] = ("error", "warning")


def named(message: type[Message]) -> str:
    return message.code


def test_table_lists_exactly_the_modules_there_are() -> None:
    there = {module.name for module in pkgutil.iter_modules(messages.__path__)}
    assert sorted(name for name, _ in MODULES) == sorted(there)
    assert [prefix for _, prefix in MODULES] == sorted(prefix for _, prefix in MODULES)


def test_every_message_class_is_found_once() -> None:
    defined: list[type[Message]] = []
    for name, _ in MODULES:
        module = importlib.import_module(f"{messages.__name__}.{name}")
        for item in vars(module).values():
            if isinstance(item, type) and item.__module__ == module.__name__:
                if issubclass(item, Message):
                    defined.append(item)
    codes = [item.code for item in defined]
    assert len(codes) == len(set(codes)), "a code is used twice"
    assert list(all_messages()) == sorted(codes)


@pytest.mark.parametrize(("name", "prefix"), MODULES)
def test_codes_belong_to_the_phase_and_stand_in_order(name: str, prefix: str) -> None:
    codes = [message.code for message in messages_of(name)]
    assert all(re.fullmatch(r"QA\d{4}", code) and code.startswith(prefix) for code in codes)
    assert codes == sorted(codes)


@pytest.mark.parametrize("message", ALL, ids=named)
def test_message_keeps_the_rules(message: type[Message]) -> None:
    message.complete()
    assert message.severity in SEVERITIES
    assert message.explanation.strip()
    assert message.title[0] == message.title[0].lower()
    assert not message.title.endswith(".")
    names = {item.name for item in fields(message)}
    for template in (message.title, message.label, message.help or ""):
        used = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        assert {re.split(r"[.\[]", name)[0] for name in used} <= names
