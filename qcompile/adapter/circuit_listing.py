"""All circuits of an adapter, or of some of its modules."""

from __future__ import annotations

from collections.abc import Iterator

from qcompile.adapter.circuit_origin import CircuitOrigin
from qcompile.adapter.circuits import AdapterCircuit
from qcompile.adapter.routing import Router
from qcompile.ir.compilation import Site
from qcompile.ir.plan_circuits import circuits_of_plan


def circuits_of(
    origin: CircuitOrigin, sites: tuple[Site, ...], router: Router | None = None
) -> Iterator[AdapterCircuit]:
    """The circuits of some modules, in the order of modules and of nodes.

    Args:
        origin: The adapter.
        sites: Which modules.
        router: Brings the circuits to a device; None: they are on the one that they were compiled
            for, if any.
    """
    planned = origin.manifest.planned
    found = {unit: circuits_of_plan(planned.plans[unit]) for unit in {site.unit for site in sites}}
    for site in sites:
        own = Router.of_plan(origin.manifest, planned.plans[site.unit])
        # What was compiled for the same device and target stays.
        again = router is not None and (
            own is None or (own.target, own.device) != (router.target, router.device)
        )
        here = router if again else own
        for place in found[site.unit]:
            routed = place.routed
            if here is not None and again and place.kind == "circuit":
                routed = here.route(place.circuit)
            yield AdapterCircuit(
                place=place,
                site=site,
                logical=place.circuit,
                routed=routed,
                device=None if here is None or place.kind == "unitary" else here.device,
                origin=origin,
                router=here if place.kind == "circuit" else None,
            )
