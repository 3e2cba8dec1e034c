"""The sampler of qiskit-ibm-runtime and its options, as the installed version has them."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.services import BadRuntimeOption
from qcompile.services.runtime_options import OWN

RANDOMIZATIONS = 32
LEAST_SHOTS = 64
"""What `auto` means: as many shots of each as give so many random choices, and no fewer."""


def sampler_type() -> Any:
    """The class that hands in PUBs: since 0.50 the one that prepares jobs on this side, in whose
    favour SamplerV2 is deprecated."""
    try:
        from qiskit_ibm_runtime.executor_sampler import Sampler
    except ImportError:
        from qiskit_ibm_runtime import SamplerV2

        return SamplerV2
    return Sampler


def sampler_options() -> Any:
    """The options of a sampler, as they are before any is given."""
    try:
        from qiskit_ibm_runtime.options_models.sampler import SamplerOptions
    except ImportError:
        from qiskit_ibm_runtime.options import SamplerOptions
    return SamplerOptions()


def refuse_options(given: Mapping[str, Any]) -> None:
    """Whatever the sampler would not take, or what would make its results no counts of `shots`.

    Raises:
        UsageError: QA7122.
    """
    from pydantic import ValidationError

    for name in given:
        if name in OWN:
            raise _bad(name, f"it is set by {OWN[name]}")
    options = sampler_options()
    try:
        options.update(**given)
    except ValidationError as error:
        first = error.errors()[0]
        # Between the names of options stand those of classes.
        name = ".".join(str(part) for part in first["loc"] if str(part).islower())
        raise _bad(_path(given, name), str(first["msg"])) from None
    if _of(given, "execution").get("meas_type", "classified") != "classified":
        raise _bad("execution.meas_type", "values are made of counts, which are `classified`")
    twirling = _of(given, "twirling")
    if _fixed(twirling, "num_randomizations") and _fixed(twirling, "shots_per_randomization"):
        raise _bad("twirling.shots_per_randomization", "with `num_randomizations` it sets `shots`")


def whole_shots(given: Mapping[str, Any], shots: int) -> int:
    """The shots that the sampler reads where so many are asked for: as many for each of its random
    choices, which are at least so many in all."""
    twirling = _of(given, "twirling")
    if not (twirling.get("enable_gates") or twirling.get("enable_measure")):
        return shots
    choices = _fixed(twirling, "num_randomizations")
    each = _fixed(twirling, "shots_per_randomization")
    if choices is not None:
        return choices * ceil(shots / choices)
    each = each or max(LEAST_SHOTS, ceil(shots / RANDOMIZATIONS))
    return each * ceil(shots / each)


def measures_twirled(given: Mapping[str, Any]) -> bool:
    """Whether half of the shots are read with 0 and 1 exchanged."""
    return bool(_of(given, "twirling").get("enable_measure"))


def _of(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, Mapping) else {}


def _fixed(twirling: Mapping[str, Any], name: str) -> int | None:
    found = twirling.get(name, "auto")
    return None if found == "auto" else int(found)


def _path(given: Mapping[str, Any], name: str) -> str:
    """The name with that of the group before it, where the error names the option alone."""
    groups = [group for group in given if name in _of(given, group)]
    return f"{groups[0]}.{name}" if groups and "." not in name else name


def _bad(name: str, reason: str) -> UsageError:
    return UsageError(BadRuntimeOption(option=name, reason=reason))
