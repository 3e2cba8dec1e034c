"""One adapter body at the sizes of one module."""

from __future__ import annotations

from dataclasses import dataclass, field

from qcompile.diagnostics.messages.lowering import RequirementFailedAtSize, ResultWidthAtSize
from qcompile.ir.device import Device
from qcompile.ir.hosts import LINEAR_HOST
from qcompile.ir.program import Program
from qcompile.ir.spec import AdapterSpec, Body, Mode, SpecCircuitValue, SpecUnitary
from qcompile.ir.spec_node import SpecNode
from qcompile.passes.lowering.circuits import lower_circuit
from qcompile.passes.lowering.facts import ModuleFacts
from qcompile.passes.lowering.graph import Controls, Graph
from qcompile.passes.lowering.layout import Layout, SharedTensors
from qcompile.passes.lowering.report import LoweringReport, Refused
from qcompile.passes.lowering.sizing import Sizing
from qcompile.passes.lowering.training import lower_training
from qcompile.passes.lowering.unitaries import lower_unitary

_RESULT_WORDS: dict[Mode, tuple[str, str]] = {
    "add": ("update", "output is"),
    "replace": ("replacement", "output is"),
    "prefix": ("prefix", "keys and values together are"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLowering:
    """What all bodies of a compilation have in common."""

    report: LoweringReport
    shared: SharedTensors = field(default_factory=dict)
    controls: Controls = field(default_factory=dict)

    def lower(
        self,
        adapter: AdapterSpec,
        body: Body,
        in_features: int,
        out_features: int,
        device: Device | None,
        facts: ModuleFacts,
        read: set[str],
        host: str = LINEAR_HOST,
        padding: int | None = None,
        slices: int = 1,
    ) -> Program | None:
        """The program; None after any error, each of which was reported.

        The names of the facts that it depends on are added to `read`.
        """
        report = self.report
        sizes = {"in_features": in_features, "out_features": out_features, **facts.values}
        sizing = Sizing(variables=sizes, report=report, facts=facts, read=read)
        layout = Layout(report=report, shared=self.shared)
        control = self._control(body, sizing)
        graph = Graph(
            adapter=adapter.name,
            in_features=in_features,
            out_features=out_features,
            layout=layout,
            sizing=sizing,
            host=host,
            control=bool(control),
            controls=self.controls,
        )
        met = self._check_requirements(body, sizing)
        known: list[int | None] = []
        owned: list[tuple[int, ...]] = []
        for node in body.nodes:
            before = len(layout.taken)
            try:
                known.append(lower_value(node, known, graph, sizing, device))
            except Refused:
                known.append(None)
            owned.append(tuple(dict.fromkeys(layout.taken[before:])))
        training = lower_training(body.training, owned, sizing)
        result = known[body.result]
        wanted = out_features * (2 if body.mode == "prefix" else 1)
        if result is not None and graph.width(result) != wanted:
            report.add(
                ResultWidthAtSize(
                    mode=_RESULT_WORDS[body.mode][0],
                    place=_RESULT_WORDS[body.mode][1],
                    width=graph.width(result),
                    out_features=wanted,
                    span=body.nodes[body.result].span or body.span or adapter.span,
                )
            )
            result = None
        if result is None or training is None or None in known or control is None or not met:
            return None
        return Program(
            adapter=adapter.name,
            in_features=in_features,
            out_features=out_features,
            mode=body.mode,
            nodes=tuple(graph.nodes),
            result=result,
            tensors=tuple(layout.tensors),
            parameters=tuple((n, value) for n, value in body.parameters if value is not None),
            training=training,
            control=control,
            host=host,
            padding=padding,
            slices=slices,
        )

    def _control(self, body: Body, sizing: Sizing) -> bool | None:
        """Whether this is a control; None where that cannot be said, which was reported."""
        if body.control is None:
            return False
        try:
            return bool(sizing.value(body.control, body.span))
        except Refused:
            return None

    def _check_requirements(self, body: Body, sizing: Sizing) -> bool:
        met = True
        for requirement in body.requirements:
            span = requirement.span
            try:
                holds = bool(sizing.value(requirement.condition, span))
            except Refused:
                met = False
                continue
            if not holds:
                message = requirement.message or "the condition is false"
                self.report.add(RequirementFailedAtSize(message=message, span=span))
                met = False
        return met


def lower_value(
    node: SpecNode,
    known: list[int | None],
    graph: Graph,
    sizing: Sizing,
    device: Device | None,
) -> int:
    """Index of the node that holds the value.

    `known[i]` is the program's node of spec node i, None where that was refused.

    Raises:
        Refused: the value has no meaning at these sizes; every reason was reported.
    """
    inputs: list[int] = []
    for operand in node.inputs:
        index = known[operand]
        if index is None:
            raise Refused
        inputs.append(index)
    match node:
        case SpecCircuitValue():
            return lower_circuit(node, tuple(inputs), graph, sizing, device)
        case SpecUnitary():
            return lower_unitary(node, inputs[0], graph, sizing, device)
        case _:
            return node.lower(tuple(inputs), graph)
