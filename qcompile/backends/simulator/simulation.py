"""What a plan's nodes do, built once for all modules of the plan."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.backends.simulator.contraction import ContractionStep
from qcompile.backends.simulator.orthogonal import unitary_step
from qcompile.backends.simulator.steps import CallFrame, NodeStep, concatenate, node_step
from qcompile.executors.constants import Constants
from qcompile.executors.executor import Evaluator
from qcompile.executors.registry import executor_of
from qcompile.ir.gradients import tensors_without_gradient
from qcompile.ir.network import ContractionNode
from qcompile.ir.node import PlanNode
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.verify_plan import program_of_plan

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class ContractionNodeStep:
    """A tensor network."""

    contraction: ContractionStep

    def __call__(self, frame: CallFrame) -> Tensor:
        return self.contraction(frame.values, frame.tensors)


@dataclass(frozen=True, kw_only=True)
class CircuitStep:
    """A circuit."""

    operands: tuple[int, ...]
    angles: int | None
    evaluator: Evaluator

    def __call__(self, frame: CallFrame) -> Tensor:
        angles = None if self.angles is None else frame.tensors[self.angles]
        values = [frame.values[index] for index in self.operands]
        data = concatenate(*values) if values else frame.x.new_empty(0)
        if data.dim() == 1:
            return self.evaluator(data.unsqueeze(0), angles).squeeze(0)
        return self.evaluator(data, angles)


class Simulation:
    """The steps of a plan with their tables on one device.

    It keeps nothing of a call, so that all modules of the plan on that device share it.
    """

    def __init__(self, plan: Plan) -> None:
        """On the CPU."""
        self.plan = plan
        self.constants = Constants()
        self.idle = tensors_without_gradient(program_of_plan(plan))
        with CPU:
            self.steps = tuple(self._step(node) for node in plan.nodes)
        self._everywhere = {CPU: self}

    def on(self, device: torch.device) -> Simulation:
        """The one on `device`; on the meta device, where tables would be lost, this one."""
        if device.type == "meta":
            return self
        found = self._everywhere.get(device)
        if found is None:
            found = self._everywhere[device] = Simulation(self.plan)
            found.constants.move(device)
            found._everywhere = self._everywhere
        return found

    def _step(self, node: PlanNode) -> NodeStep:
        widths = [other.width for other in self.plan.nodes]
        match node:
            case ContractionNode():
                shapes = [spec.shape for spec in self.plan.tensors]
                return ContractionNodeStep(
                    contraction=ContractionStep(node, shapes, widths, self.constants)
                )
            case UnitaryNode():
                return unitary_step(node, self.constants)
            case EvaluationNode():
                executor = executor_of(node.evaluation)
                built = executor.build(node.evaluation, self.plan.target, self.constants)
                return CircuitStep(operands=node.operands, angles=node.angles, evaluator=built)
            case _:
                return node_step(node, widths, self.constants)
