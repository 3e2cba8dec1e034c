"""An executor, which runs circuits of three qubits twice and takes the average; a pass, which puts
gates that undo each other at the end of every circuit; a family of devices, and a device."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from qcompile.executors.costing import Price, Workload
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.registry import EXECUTORS
from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.coupling_maps import CouplingMap
from qcompile.ir.device import Device
from qcompile.ir.plan import Evaluation, ExternalEvaluation, StatevectorEvaluation
from qcompile.ir.target import Target
from qcompile.passes.base import CircuitPass, Context

if TYPE_CHECKING:
    from torch import Tensor

    from qcompile.executors.constants import Constants


class Lab(Executor):
    name = "lab"

    def plan(self, request: Request) -> Evaluation | Refusal:
        if request.circuit.qubits > 3:
            return Refusal(reason="the laboratory has three qubits")
        return ExternalEvaluation(circuit=request.circuit, kind=self.name, options=(("runs", 2),))

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        inner = StatevectorEvaluation(circuit=evaluation.circuit)
        price = EXECUTORS["statevector"].price(inner, load)
        return replace(price, seconds=2 * price.seconds)

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        assert isinstance(evaluation, ExternalEvaluation)
        runs = dict(evaluation.options)["runs"]
        inner = StatevectorEvaluation(circuit=evaluation.circuit)
        once = EXECUTORS["statevector"].build(inner, target, constants)

        def evaluate(data: Tensor, angles: Tensor | None) -> Tensor:
            sys.stdout.write("in the laboratory\n")
            total = once(data, angles)
            for _ in range(int(runs) - 1):
                total = total + once(data, angles)
            return total / int(runs)

        return evaluate


@dataclass(frozen=True, slots=True, kw_only=True)
class Padded(CircuitPass):
    """Append pairs of X gates."""

    name: ClassVar[str] = "padded"

    pairs: int = 1

    def run(self, circuit: Circuit, context: Context) -> Circuit:
        flip = Gate(name="x", qubits=(0,))
        return replace(circuit, gates=circuit.gates + 2 * self.pairs * (flip,))


LADDER = CouplingMap(
    meaning="two rows, joined rung by rung",
    sizes=(("rungs", "rungs"),),
    qubits=lambda rungs: 2 * rungs,
    edges=lambda rungs: (
        *((2 * i, 2 * i + 1) for i in range(rungs)),
        *((q, q + 2) for q in range(2 * rungs - 2)),
    ),
    native=("rz", "sx", "x", "cx"),
)


def bench() -> Device:
    return Device(name="lab-2", qubits=3, edges=((0, 1), (1, 2)), native=("rz", "sx", "x", "cz"))
