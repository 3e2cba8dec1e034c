"""What the plugins import, as Axolotl 0.19 and LLaMA-Factory 0.9.5 have it.

Where a package is installed it is used itself. Else the few names that a plugin may rely on stand
in for it, with the signatures of its documented extension point.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@dataclass(frozen=True)
class Capabilities:
    name: str
    lora_like: bool = False
    relora: bool = False


class Plugin:
    def get_input_args(self) -> str | None:
        return None

    def get_adapter_capabilities(self) -> list[Capabilities]:
        return []

    def load_adapter(
        self, model: Any, cfg: Any, inference: bool = False, config_only: bool = False
    ) -> tuple[Any, Any] | None:
        return None

    def pre_model_load(self, cfg: Any) -> None:
        pass

    def add_callbacks_pre_trainer(self, cfg: Any, model: Any) -> list[Any]:
        return []


class NamedFunction:
    """`PeftPlugin("name").register()` keeps a function, `PeftPlugin("name")(…)` calls it."""

    kept: dict[str | None, Callable[..., Any]] = {}  # noqa: RUF012

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def register(self, method_name: str = "__call__") -> Callable[[Any], Any]:
        def keep(function: Any) -> Any:
            self.kept[self.name] = function
            return function

        return keep

    def __call__(self, model: Any, config: dict[str, Any], is_train: bool) -> Any:
        return self.kept[self.name](model, config, is_train)


STAND_INS: dict[str, dict[str, Any]] = {
    "axolotl.integrations.base": {"AdapterCapabilities": Capabilities, "BasePlugin": Plugin},
    "llamafactory.v1": {"launcher": SimpleNamespace(main=lambda: None)},
    "llamafactory.v1.plugins.model_plugins.peft": {"PeftPlugin": NamedFunction},
}


class Cfg(dict[str, Any]):
    """Axolotl's dictionary: attributes, None for what is not there, `to_dict` of inner ones."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name)
        return Inner(value) if isinstance(value, dict) else value


class Inner(dict[str, Any]):
    def to_dict(self) -> dict[str, Any]:
        return dict(self)


def plugin(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """The module `qcompile.plugins.<name>`, with the program that it is for or a stand-in."""
    for path, names in STAND_INS.items():
        program = path.partition(".")[0]
        # A stand-in has no place that `find_spec` could look up.
        if program in _made or find_spec(program) is None:
            _stand_in(monkeypatch, path, names)
    monkeypatch.delitem(sys.modules, f"qcompile.plugins.{name}", raising=False)
    return importlib.import_module(f"qcompile.plugins.{name}")


_made: set[str] = set()


def _stand_in(monkeypatch: pytest.MonkeyPatch, path: str, names: dict[str, Any]) -> None:
    parts = path.split(".")
    _made.add(parts[0])
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        if name not in sys.modules:
            module = ModuleType(name)
            module.__path__ = []
            monkeypatch.setitem(sys.modules, name, module)
    for key, value in names.items():
        monkeypatch.setattr(sys.modules[path], key, value, raising=False)
