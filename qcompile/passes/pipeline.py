"""The chain of passes from a Program to a Plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.planning import IdleTensor
from qcompile.ir.circuit import Circuit
from qcompile.ir.gradients import tensors_without_gradient
from qcompile.ir.orthogonal import UnitaryNode, circuit_of
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.verify_circuit import verify_circuit
from qcompile.ir.verify_plan import verify_plan
from qcompile.ir.verify_program import verify_program
from qcompile.passes.base import CircuitPass, Context, DevicePass, Pass, PlanPass, ProgramPass
from qcompile.passes.memory import refuse_oversized
from qcompile.passes.pipeline_text import check_order, format_passes, parse_passes
from qcompile.passes.schedule import schedule
from qcompile.passes.tensor.remove_dead import without_dead

Observer = Callable[[str, float, Program | Plan], None]
"""(name of the pass, seconds it took, its result)."""

_CIRCUITS = (
    "light-cone,decompose-rot,zero-state,cancel,fuse-rotations,commute-measurement,absorb-cliffords"
)
_AGAIN = "commute-measurement,light-cone,separate-data,fuse-rotations,compose-rot"
_GRAPH = "fold-constants,flatten-sums,common-subexpressions,remove-dead"

PRESETS: tuple[str, ...] = (
    "",
    (
        "fold-constants,remove-dead,light-cone,cancel,fuse-rotations,group-networks"
        ",find-paths{repeats=0},choose-evaluators{repeats=0}"
    ),
    f"{_GRAPH},{_CIRCUITS},{_AGAIN},group-networks,find-paths,choose-evaluators",
    (
        f"{_GRAPH},{_CIRCUITS},{_AGAIN},cancel,{_CIRCUITS},{_AGAIN},group-networks"
        ",find-paths{repeats=64},choose-evaluators{repeats=32}"
    ),
)
"""-O0 to -O3. Without passes a plan is still valid: every node for itself, gate by gate."""

_ABSORB = "absorb-swaps,absorb-tail"
_REWRITE = f"{_ABSORB},parallelise"
_ANEW = f"{_ABSORB},resynthesise,{_REWRITE}"
_FEW = "native-gates,place{searches=4},route"
_NATIVE = "move-to-vacant,native-gates"
_FINISH = f"{_NATIVE},relocate,restore-parities,native-gates"
_FINISH_JUDGED = f"{_NATIVE},relocate{{keep=3}},restore-parities,native-gates,judge"
_MANY = "{best=12,keep=3}"
_FINISH_MANY = (
    f"{_NATIVE},relocate{_MANY},restore-parities{{best=12}},native-gates,judge{{best=32}}"
)

ROUTING: tuple[str, ...] = (
    f"{_REWRITE},{_FEW},{_FINISH}",
    f"{_REWRITE},{_FEW},sabre{{keep=1}},{_FINISH}",
    f"{_ANEW},{_FEW},sabre,{_FINISH_JUDGED}",
    f"{_ANEW},native-gates,place,route,sabre{{seeds=20,keep=6}},transpile,{_FINISH_MANY}",
)
"""What brings circuits to a device, -O0 to -O3, unless a pipeline says otherwise."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Passes on the program and its circuits, then passes on the plan."""

    passes: tuple[Pass, ...]

    @classmethod
    def parse(cls, text: str) -> Pipeline:
        """Read `name{option=value,…},…`; the empty text is the reference lowering.

        Raises:
            UsageError: QA4001 to QA4005.
        """
        return cls(parse_passes(text))

    def __post_init__(self) -> None:
        collector = Collector()
        check_order(self.passes, collector)
        collector.raise_if_errors(UsageError)

    def __str__(self) -> str:
        return format_passes(self.passes)


def device_passes(pipeline: Pipeline, context: Context) -> tuple[DevicePass, ...]:
    """Those of the pipeline; where it names none, those of `ROUTING`; with less to do where a
    budget says so, and `validate` where it is asked for."""
    if context.device is None:
        return ()
    named = tuple(step for step in pipeline.passes if isinstance(step, DevicePass))
    steps = named or _routing(context.optimisation)
    if context.budget is not None:
        # Its passes are those of the stage, which programs for the simulator must not wait for.
        from qcompile.passes.device.budget import within_budget

        steps = within_budget(steps, context.budget)
    if context.validate == "none" or any(step.name == "validate" for step in steps):
        return steps
    choose = str(context.validate == "choose").lower()
    return (*steps, *_device_passes(f"validate{{choose={choose}}}"))


def _routing(level: int) -> tuple[DevicePass, ...]:
    return _device_passes(ROUTING[level])


def _device_passes(text: str) -> tuple[DevicePass, ...]:
    return tuple(step for step in parse_passes(text) if isinstance(step, DevicePass))


def preset(level: int) -> Pipeline:
    """The pipeline of `-O<level>`, 0 to 3."""
    return Pipeline.parse(PRESETS[level])


def run_pipeline(
    program: Program,
    pipeline: Pipeline,
    context: Context,
    *,
    verify: bool = False,
    observer: Observer | None = None,
) -> Plan:
    """Carry a program through the pipeline to a plan that fits in memory.

    `verify` checks the level's invariants and each pass's promise after it, and the values of
    routed circuits.

    Raises:
        CompileError: QA40xx, and what routing reports.
        VerificationError: A pass broke its promise; only with `verify`.
    """
    watch = _Watch(observer)
    context = replace(context, adapter=program.adapter, tokens=program.rows(context.tokens))
    # Whatever the level: how many parameters an adapter has does not depend on it.
    program = without_dead(program, context)
    _remark_idle(program, context)
    if verify:
        verify_program(program)
    for step in pipeline.passes:
        match step:
            case ProgramPass():
                before, program = program, step.run(program, context)
                watch.lap(step.name, program)
                if verify:
                    verify_program(program)
                    step.ensures(before, program, context)
            case CircuitPass():
                program = _on_circuits(step, program, context, verify)
                watch.lap(step.name, program)
            case DevicePass() | PlanPass():
                pass
    plan = schedule(program, device_passes(pipeline, context), context)
    watch.lap("schedule", plan)
    if verify:
        verify_plan(plan, context.device)
        _verify_routed(plan)
    for step in pipeline.passes:
        if isinstance(step, PlanPass):
            earlier, plan = plan, step.run(plan, context)
            watch.lap(step.name, plan)
            if verify:
                verify_plan(plan, context.device)
                step.ensures(earlier, plan, context)
    refuse_oversized(plan, context)
    return plan


def _remark_idle(program: Program, context: Context) -> None:
    """Angles apart: the passes on circuits say which of them have no influence."""
    angles = {node.angles for node in program.nodes if isinstance(node, CircuitNode)}
    for index in tensors_without_gradient(program):
        if index not in angles:
            name = program.tensors[index].name
            context.remark(IdleTensor(tensor=name, adapter=program.adapter, span=context.span))


def _verify_routed(plan: Plan) -> None:
    """The values of routed circuits; plan passes leave them alone."""
    for node in plan.nodes:
        if isinstance(node, EvaluationNode) and node.routed is not None:
            # Comparing takes pytket, which programs for the simulator must not wait for.
            from qcompile.passes.device.verify import verify_routed_values

            verify_routed_values(node.routed, node.evaluation.circuit)


def _on_circuits(step: CircuitPass, program: Program, context: Context, verify: bool) -> Program:
    """`step` on every circuit of the program, equal circuits once.

    Circuits of orthogonal matrices are left alone, unless the pass keeps their matrix.
    """

    @cache
    def run(circuit: Circuit) -> Circuit:
        result = step.run(circuit, context)
        if verify:
            verify_circuit(result)
            step.ensures(circuit, result, context)
        return result

    nodes = list(program.nodes)
    for index, node in enumerate(nodes):
        match node:
            case CircuitNode(circuit=circuit):
                nodes[index] = replace(node, circuit=run(circuit))
            case UnitaryNode(orthogonal=orthogonal) if step.keeps_matrix:
                blocks = tuple(
                    replace(block, gates=run(circuit_of(block, orthogonal.angle_count)).gates)
                    for block in orthogonal.blocks
                )
                nodes[index] = replace(node, orthogonal=replace(orthogonal, blocks=blocks))
            case _:
                pass
    return replace(program, nodes=tuple(nodes))


class _Watch:
    def __init__(self, observer: Observer | None) -> None:
        self._observer = observer
        self._start = time.perf_counter()

    def lap(self, name: str, result: Program | Plan) -> None:
        if self._observer is not None:
            self._observer(name, time.perf_counter() - self._start, result)
        self._start = time.perf_counter()
