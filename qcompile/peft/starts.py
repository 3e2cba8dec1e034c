"""What the parts of a new adapter start from."""

from __future__ import annotations

from torch import nn

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.adapter.starts import waits_for_data, waits_for_weight
from qcompile.artifact.manifest import Manifest
from qcompile.backends.simulator.base import unreadable
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import WeightNotReadable
from qcompile.peft.layer import QCompileLayer


def take_tensors(part: AdapterModule, start: CompiledAdapter) -> None:
    """Give a part the values and dtypes of the tensors that an adapter has at its place."""
    given = next(
        other
        for site, other in start.parts()
        if (site.module, site.adapter) == (part.site, part.plan.adapter)
    )
    for tensor in part.plan.tensors:
        parameter = part.get_parameter(tensor.name)
        if parameter.device.type != "meta":
            value = given.get_parameter(tensor.name).detach()
            parameter.data = value.to(parameter.device, copy=True)


def check_stored_weights(target: nn.Module, parts: list[AdapterModule], site: str) -> None:
    """Raises AdapterError, QA6024, where a part reads a weight that is not there as numbers."""
    base = target.get_base_layer() if isinstance(target, QCompileLayer) else target
    for part in parts:
        read = part.plan.uses_weight or waits_for_weight(part)
        reason = unreadable(base) if read else None
        if reason is not None:
            name = part.plan.adapter
            raise AdapterError(WeightNotReadable(adapter=name, module=site, reason=reason))


def check_calibrated(manifest: Manifest, parts: list[AdapterModule], module: str) -> None:
    """Raises AdapterError, QA6131, where a new adapter starts from data."""
    sites = [site for site in manifest.planned.sites if site.module == module]
    for site, part in zip(sites, parts, strict=True):
        message = waits_for_data(site, part)
        if message is not None:
            raise AdapterError(message)
