"""The executor of circuits under their device's noise."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qcompile.executors.costing import Price, Workload, price
from qcompile.executors.executor import Evaluator, Executor, Refusal, Request
from qcompile.executors.transfer.assemble import transfer_program
from qcompile.executors.transfer.count import count_transfer
from qcompile.ir.device_noise import noise_on
from qcompile.ir.plan import Evaluation, TransferEvaluation
from qcompile.ir.target import DEFAULT_TARGET, CalibratedNoise, Target
from qcompile.ir.work import Work

if TYPE_CHECKING:
    from qcompile.executors.constants import Constants


class Transfer(Executor):
    """The routed circuit with its device's noise, on the values of all Pauli strings."""

    name = "transfer"
    weighed = False
    simulates_device = True

    def plan(self, request: Request) -> Evaluation | Refusal:
        if not isinstance(request.target.noise, CalibratedNoise):
            return Refusal(reason="it is for `noise: device`, which the target does not have")
        if request.routed is None or request.device is None:
            return Refusal(reason="it is for routed circuits, and this one is not routed")
        return TransferEvaluation(
            circuit=request.circuit,
            routed=request.routed,
            noise=noise_on(request.device, request.routed),
        )

    def price(self, evaluation: Evaluation, load: Workload) -> Price:
        assert isinstance(evaluation, TransferEvaluation)
        return price(evaluation.circuit, _work(evaluation), load)

    def build(self, evaluation: Evaluation, target: Target, constants: Constants) -> Evaluator:
        from qcompile.executors.transfer.build import TransferEvaluator

        assert isinstance(evaluation, TransferEvaluation)
        return TransferEvaluator(transfer_program(evaluation, target), constants)


@lru_cache(maxsize=256)
def _work(evaluation: TransferEvaluation) -> Work:
    return count_transfer(transfer_program(evaluation, DEFAULT_TARGET))
