"""Back ends by name and by entry point."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
import torch

from qcompile.backends import registry
from qcompile.ir.plan import Plan
from tests.backends.simulator_plans import hybrid_plan


class Doubling:
    """A back end of somebody else."""

    name = "doubling"

    def refuses(self, plan: Plan) -> str | None:
        return None

    def build(self, plan: Plan, *, seed: int, site: str) -> object:
        return torch.nn.Linear(plan.in_features, plan.out_features)


def install(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint(name="doubling", value=value, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])


def test_default_is_the_simulator() -> None:
    backend = registry.find_backend()
    assert backend.name == "simulator"
    assert backend.refuses(hybrid_plan()) is None
    built = backend.build(hybrid_plan(), seed=0, site="m")
    assert isinstance(built, torch.nn.Module)


def test_entry_points_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"{__name__}:Doubling")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Doubling)
    assert registry.backend_names() == ("doubling", "simulator")
    assert isinstance(registry.find_backend("doubling"), Doubling)


def test_wrong_names_and_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="there are: simulator"):
        registry.find_backend("abacus")
    install(monkeypatch, "math:pi")
    with pytest.raises(LookupError, match="is no back end"):
        registry.find_backend("doubling")


def test_listing_does_not_import_torch() -> None:
    code = (
        "import sys; from qcompile.backends.registry import backend_names; backend_names();"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
