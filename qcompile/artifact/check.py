"""Distrustful reading of a manifest, whatever file it stood in."""

from __future__ import annotations

import json
import os
from typing import Any

from qcompile.artifact.layout import state_name
from qcompile.artifact.manifest import Manifest
from qcompile.diagnostics.errors import ArtifactError, CompileError
from qcompile.diagnostics.messages.artifact import ArtifactTooLarge, ManifestMalformed
from qcompile.diagnostics.messages.extensions import ExtensionMissing
from qcompile.executors.registry import EXECUTORS
from qcompile.ir.codec import CodecError, decode_json
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.extensions import ExtensionError
from qcompile.ir.foreign import foreign_gates
from qcompile.ir.gates import GATES
from qcompile.ir.plan import EvaluationNode, ExternalEvaluation, Plan
from qcompile.ir.registry import OperationMissing
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.memory import refuse_oversized

MEMORY_LIMIT = 64 * 2**30
"""Bytes that a plan may take for a single token, on a machine that has them."""


MOST_VALUES = 2**21
"""Values in a JSON text. A short text of empty lists would take twenty times its size to read."""


def bounded_json(path: str, text: str | bytes) -> Any:
    """What a JSON text of unknown origin states.

    Raises:
        ArtifactError: QA5007: it has too many values; `path` names the file.
        ValueError: It is no JSON, or nested too deeply.
    """
    refuse_many_values(path, text)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def refuse_many_values(path: str, text: str | bytes) -> None:
    """Raises ArtifactError, QA5007, for a text that would take much memory as Python's values."""
    signs: tuple[Any, ...] = (",", "[", "{") if isinstance(text, str) else (b",", b"[", b"{")
    if sum(text.count(sign) for sign in signs) > MOST_VALUES:
        reason = f"it has more than {MOST_VALUES} values"
        raise ArtifactError(ManifestMalformed(path=path, reason=reason))


def checked_manifest(path: str, text: str) -> Manifest:
    """The manifest that a canonical JSON states, its plans verified.

    Raises:
        ArtifactError: QA5007, QA5010, QA8001 to QA8003; `path` names the file.
    """
    refuse_many_values(path, text)
    try:
        manifest = decode_json(Manifest, text)
        _check_sites(manifest.planned)
        _check_gates(path, manifest.planned)
        for plan in manifest.planned.plans:
            verify_plan(plan)
            _check_executors(path, plan)
            _check_memory(path, plan)
    except ArtifactError:
        raise
    except OperationMissing as error:
        message = ExtensionMissing(path=path, what="operation", name=error.name)
        raise ArtifactError(message) from None
    except ExtensionError as error:
        raise ArtifactError(error.message) from None
    except Exception as error:
        # A crafted plan may run a verifier into anything, a missing key or a deep recursion.
        reason = str(error)[:300] or type(error).__name__
        raise ArtifactError(ManifestMalformed(path=path, reason=reason)) from None
    return manifest


def _check_sites(planned: PlannedSet) -> None:
    places = [(site.module, site.adapter) for site in planned.sites]
    shapes: dict[str, tuple[int, ...]] = {}
    if not places:
        raise CodecError("planned.sites", "there is none")
    if len(set(places)) != len(places):
        raise CodecError("planned.sites", "two sites are the same")
    for index, site in enumerate(planned.sites):
        where = f"planned.sites[{index}]"
        if not 0 <= site.unit < len(planned.plans):
            raise CodecError(where, "it refers to no plan")
        if not site.adapter.isidentifier() or (site.module and "" in site.module.split(".")):
            raise CodecError(where, "it has a bad name")
        for tensor in planned.plans[site.unit].tensors:
            name = state_name(site, tensor)
            if shapes.setdefault(name, tensor.shape) != tensor.shape:
                raise CodecError(where, f"`{name}` has two shapes")


def _check_gates(path: str, planned: PlannedSet) -> None:
    """Raises ArtifactError, QA8003, where a gate of another package is not installed."""
    for name in foreign_gates(planned):
        if name not in GATES:
            raise ArtifactError(ExtensionMissing(path=path, what="gate", name=name))


def _check_executors(path: str, plan: Plan) -> None:
    """Raises ArtifactError, QA8003, where the executor of a circuit is not installed."""
    for node in plan.nodes:
        if isinstance(node, EvaluationNode) and isinstance(node.evaluation, ExternalEvaluation):
            name = node.evaluation.kind
            if name in EXECUTORS.built_in:
                raise CodecError("evaluation.kind", f"`{name}` is not of another package")
            if name not in EXECUTORS:
                raise ArtifactError(ExtensionMissing(path=path, what="executor", name=name))


def _limit() -> int:
    """No more than the machine has: a plan from elsewhere must not make it swap."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return MEMORY_LIMIT
    return min(MEMORY_LIMIT, installed) if installed > 0 else MEMORY_LIMIT


def _check_memory(path: str, plan: Plan) -> None:
    context = Context(target=plan.target, tokens=1, memory_limit=_limit())
    try:
        refuse_oversized(plan, context)
    except CompileError as error:
        message = ArtifactTooLarge(path=path, adapter=plan.adapter)
        raise ArtifactError(message, *error.diagnostics) from None
