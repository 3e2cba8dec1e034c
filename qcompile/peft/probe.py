"""The probe of `qcompile.attach`, of what peft has injected."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn

from qcompile.adapter.parameters import parameters_of
from qcompile.adapter.probe import Probed, probe
from qcompile.adapter.watch import unwatch
from qcompile.diagnostics.errors import AdapterError, few
from qcompile.peft.layer import QCompileLayer
from qcompile.peft.parameters import QCompileTarget, has_targets
from qcompile.peft.parts import PartsHolder


def probe_layers(model: nn.Module, adapter_name: str) -> None:
    """See `qcompile.adapter.probe`.

    Raises:
        AdapterError: QA6011.
    """
    unwatch(model)
    layers = [layer for layer in model.modules() if isinstance(layer, QCompileLayer)]
    probed = [
        Probed(layer.get_base_layer(), layer, layer.site, part.plan)
        for layer in layers
        for part in layer.parts([adapter_name])
    ]
    for module in model.modules():
        holder = parameters_of(module)
        if holder is not None and has_targets(module):
            probed += [
                Probed(module, holder, part.site, part.plan)
                for target in holder.children()
                if isinstance(target, QCompileTarget)
                for part in target.parts([adapter_name])
            ]
    with _base_alone(model):
        problems = probe(model, probed)
    if problems:
        raise AdapterError(*few(problems))


@contextlib.contextmanager
def _base_alone(model: nn.Module) -> Iterator[None]:
    """Inside, no part is run; what is merged stays so."""
    holders = [layer for layer in model.modules() if isinstance(layer, PartsHolder)]
    before = [(holder, holder._disable_adapters) for holder in holders if not holder.merged]
    try:
        for holder, _ in before:
            holder._disable_adapters = True
        yield
    finally:
        for holder, flag in before:
            holder._disable_adapters = flag
