"""All passes by name, imported when asked for."""

from __future__ import annotations

from importlib import import_module

from qcompile.passes.base import CircuitPass, Pass, PlanPass, ProgramPass

PASSES: dict[str, tuple[str, str]] = {
    "fold-constants": ("qcompile.passes.tensor.fold_constants", "FoldConstants"),
    "flatten-sums": ("qcompile.passes.tensor.flatten_sums", "FlattenSums"),
    "common-subexpressions": (
        "qcompile.passes.tensor.common_subexpressions",
        "CommonSubexpressions",
    ),
    "remove-dead": ("qcompile.passes.tensor.remove_dead", "RemoveDead"),
    "group-networks": ("qcompile.passes.tensor.group_networks", "GroupNetworks"),
    "light-cone": ("qcompile.passes.circuit.light_cone", "LightCone"),
    "cancel": ("qcompile.passes.circuit.cancel", "Cancel"),
    "fuse-rotations": ("qcompile.passes.circuit.fuse_rotations", "FuseRotations"),
    "commute-measurement": ("qcompile.passes.circuit.commute_measurement", "CommuteMeasurement"),
    "absorb-cliffords": ("qcompile.passes.circuit.absorb_cliffords", "AbsorbCliffords"),
    "separate-data": ("qcompile.passes.circuit.separate_data", "SeparateData"),
    "zero-state": ("qcompile.passes.circuit.zero_state", "TrimZeroState"),
    "decompose-rot": ("qcompile.passes.circuit.decompose_rot", "DecomposeRot"),
    "compose-rot": ("qcompile.passes.circuit.compose_rot", "ComposeRot"),
    "find-paths": ("qcompile.passes.tensor.find_paths", "FindPaths"),
    "choose-evaluators": ("qcompile.passes.evaluators", "ChooseEvaluators"),
}
"""Name → (module, class). Which level a pass works on is its base class."""


def load_pass(name: str) -> type[Pass]:
    """The class of a pass; raises `KeyError` for an unknown name."""
    module, attribute = PASSES[name]
    found = getattr(import_module(module), attribute)
    if not (isinstance(found, type) and issubclass(found, ProgramPass | CircuitPass | PlanPass)):
        raise TypeError(f"{module}.{attribute} is no pass")
    return found
