"""All passes by name, imported when asked for.

A package names its passes in the entry-point group `qcompile.passes`: frozen dataclasses whose
fields have defaults, derived from the base of their level in `passes/base.py`.
"""

from __future__ import annotations

from typing import Any, get_args

from qcompile.ir.extensions import OnDemand, Table
from qcompile.passes.base import Pass

BUILT_IN = {
    "fold-constants": "qcompile.passes.tensor.fold_constants:FoldConstants",
    "flatten-sums": "qcompile.passes.tensor.flatten_sums:FlattenSums",
    "common-subexpressions": "qcompile.passes.tensor.common_subexpressions:CommonSubexpressions",
    "remove-dead": "qcompile.passes.tensor.remove_dead:RemoveDead",
    "group-networks": "qcompile.passes.tensor.group_networks:GroupNetworks",
    "light-cone": "qcompile.passes.circuit.light_cone:LightCone",
    "cancel": "qcompile.passes.circuit.cancel:Cancel",
    "fuse-rotations": "qcompile.passes.circuit.fuse_rotations:FuseRotations",
    "commute-measurement": "qcompile.passes.circuit.commute_measurement:CommuteMeasurement",
    "absorb-cliffords": "qcompile.passes.circuit.absorb_cliffords:AbsorbCliffords",
    "separate-data": "qcompile.passes.circuit.separate_data:SeparateData",
    "zero-state": "qcompile.passes.circuit.zero_state:TrimZeroState",
    "decompose-rot": "qcompile.passes.circuit.decompose_rot:DecomposeRot",
    "compose-rot": "qcompile.passes.circuit.compose_rot:ComposeRot",
    "absorb-swaps": "qcompile.passes.device.rewrite:AbsorbSwaps",
    "absorb-tail": "qcompile.passes.device.absorb_tail:AbsorbTail",
    "parallelise": "qcompile.passes.device.parallelise:Parallelise",
    "resynthesise": "qcompile.passes.device.resynthesise:Resynthesise",
    "native-gates": "qcompile.passes.device.rewrite:NativeGates",
    "place": "qcompile.passes.device.place:PlaceQubits",
    "route": "qcompile.passes.device.lexi_route:Route",
    "sabre": "qcompile.passes.device.sabre:Sabre",
    "transpile": "qcompile.passes.device.transpile:Transpile",
    "move-to-vacant": "qcompile.passes.device.rewrite:MoveToVacant",
    "relocate": "qcompile.passes.device.relocate:Relocate",
    "restore-parities": "qcompile.passes.device.restore_parities:RestoreParities",
    "judge": "qcompile.passes.device.judge:Judge",
    "validate": "qcompile.passes.device.validate:Validate",
    "find-paths": "qcompile.passes.tensor.find_paths:FindPaths",
    "choose-evaluators": "qcompile.passes.evaluators:ChooseEvaluators",
}
"""Which level a pass works on is its base class."""


def _is_pass(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, get_args(Pass))


def _own(kind: object) -> type[Pass]:
    assert isinstance(kind, type) and _is_pass(kind)
    return kind


def _defect(kind: type[Any]) -> str | None:
    if not _is_pass(kind):
        return f"{kind.__name__} is derived from none of the passes of qcompile.passes.base"
    missing = getattr(kind, "__abstractmethods__", ())
    return f"{kind.__name__} has no {', '.join(sorted(missing))}" if missing else None


PASSES: Table[type[Pass]] = Table("qcompile.passes", type, OnDemand(BUILT_IN, _own), _defect)
