"""What is priced is what runs: counts of a sweep program against instrumented execution."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings

from qcompile.executors.constants import Constants
from qcompile.executors.sweeps.assemble import Evaluation, sweep_program
from qcompile.executors.sweeps.build import SweepEvaluator
from qcompile.executors.sweeps.count import count
from qcompile.ir.circuit import Circuit
from qcompile.ir.plan import DensityEvaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET, NoiseModel
from qcompile.ir.work import Part
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_programs import qtha_circuit
from tests.backends.simulator_plans import dense, uploading_circuit
from tests.executors.counted import Counted, Kept

TOKENS = (5, 9)
NOISE = NoiseModel(one_qubit=0.01, two_qubit=0.02)


@dataclass(frozen=True)
class Run:
    """One call with so many tokens."""

    part: Part
    kept: int


def run(evaluation: Evaluation, tokens: int) -> Run:
    circuit = evaluation.circuit
    constants = Constants()
    evaluator = SweepEvaluator(sweep_program(evaluation, DEFAULT_TARGET), constants)
    data = torch.linspace(-1, 1, tokens * circuit.data_width).reshape(tokens, -1)
    angles = torch.linspace(-2, 2, circuit.angle_count) if circuit.angle_count else None
    with Counted() as counted:
        evaluator(data, angles)
    inputs = [tensor for tensor in (data, angles) if tensor is not None]
    kept = Kept(without=[*inputs, *(item.value for item in constants.items)])
    with kept.hooks:
        evaluator(data.requires_grad_(), None if angles is None else angles.requires_grad_())
    return Run(part=counted.part, kept=kept.total)


def check(evaluation: Evaluation) -> None:
    work = count(sweep_program(evaluation, DEFAULT_TARGET))
    for tokens in TOKENS:
        part = run(evaluation, tokens).part
        for name in ("products", "elementwise", "written"):
            predicted = getattr(work.once, name) + tokens * getattr(work.each, name)
            assert getattr(part, name) == predicted, name


@settings(max_examples=50)
@given(circuits(max_qubits=6, max_gates=14))
def test_sweeps_are_priced_as_they_run(circuit: Circuit) -> None:
    check(StatevectorEvaluation(circuit=circuit))
    check(dense(circuit))


@settings(max_examples=50)
@given(circuits(max_qubits=6, max_gates=14))
def test_tables_are_counted(circuit: Circuit) -> None:
    for evaluation in (StatevectorEvaluation(circuit=circuit), dense(circuit)):
        program = sweep_program(evaluation, DEFAULT_TARGET)
        constants = Constants()
        SweepEvaluator(program, constants)
        made = sum(item.value.numel() for item in constants.items)
        counted = count(program).tables
        assert made <= counted + 8 * circuit.outputs + 8 * circuit.data_width
        assert counted <= 1.5 * made + 200


@settings(max_examples=20)
@given(circuits(max_qubits=3, max_gates=10))
def test_density_matrices_are_priced_as_they_run(circuit: Circuit) -> None:
    check(DensityEvaluation(circuit=circuit, noise=NOISE))


@pytest.mark.parametrize(
    "evaluation",
    [
        StatevectorEvaluation(circuit=qtha_circuit(4, 4)),
        dense(qtha_circuit(4, 4)),
        StatevectorEvaluation(circuit=uploading_circuit(8, 3)),
        dense(uploading_circuit(6, 3)),
        StatevectorEvaluation(circuit=uploading_circuit(6, 2, "cx")),
        DensityEvaluation(circuit=qtha_circuit(3, 2), noise=NOISE),
    ],
    ids=lambda evaluation: f"{evaluation.kind}-{evaluation.circuit.qubits}",
)
def test_known_circuits_keep_what_is_predicted(evaluation: Evaluation) -> None:
    check(evaluation)
    work = count(sweep_program(evaluation, DEFAULT_TARGET))
    few, many = (run(evaluation, tokens).kept for tokens in TOKENS)
    each = (many - few) / (TOKENS[1] - TOKENS[0])
    assert work.each.kept == each
    found, predicted = (once + 256 * each for once in (few - TOKENS[0] * each, work.once.kept))
    assert predicted == pytest.approx(found, rel=0.1)
