"""The probe of what has just been attached."""

from __future__ import annotations

from torch import nn

from qcompile.adapter.adapted import AdaptedModule
from qcompile.adapter.named import NamedParts
from qcompile.adapter.parameters import ParameterHolder
from qcompile.adapter.places import Place
from qcompile.adapter.probe import Probed, probe
from qcompile.adapter.selected import disabled
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError, few


def probe_places(model: nn.Module, places: list[Place], inputs: object) -> None:
    """Look at the places in one forward pass without numbers.

    Args:
        model: With the parts at their places.
        places: Those of the adapter that has just been attached.
        inputs: As `probe` takes them.

    Raises:
        AdapterError: QA6011.
    """
    holders = {id(part): module for module in model.modules() for part in _held(module)}
    probed = []
    for place in places:
        module, plan = place.module, place.part.plan
        if plan.mode != "prefix":
            base = module.base_layer if isinstance(module, AdaptedModule) else module
            probed.append(Probed(base, holders[id(place.part)], place.site.module, plan))
    with disabled(model):
        problems = probe(model, probed, inputs)
    if problems:
        raise AdapterError(*few(problems))


def _held(module: nn.Module) -> list[AdapterModule]:
    """The parts of which the module notes the calls."""
    if isinstance(module, NamedParts | ParameterHolder) and "calls" in vars(module):
        return module.parts()
    return []
