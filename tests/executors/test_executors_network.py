"""Networks are priced as they run: counts of a program against instrumented execution."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from qcompile.executors.constants import Constants
from qcompile.executors.costing import Workload
from qcompile.executors.network.build import NetworkEvaluator
from qcompile.executors.network.count import count_network
from qcompile.executors.network.price import network_evaluation, network_price
from qcompile.executors.network.program import network_program
from qcompile.ir.circuit import Circuit, Expectations, Pauli, ZeroState
from qcompile.ir.plan import NetworkEvaluation
from qcompile.ir.work import Part
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_programs import qtha_circuit
from tests.backends.simulator_plans import network, uploading_circuit
from tests.executors.counted import Counted, Kept

TOKENS = (5, 9)


def run(evaluation: NetworkEvaluation, tokens: int) -> Part:
    """One call with so many tokens."""
    circuit = evaluation.circuit
    constants = Constants()
    evaluator = NetworkEvaluator(network_program(evaluation), None, constants)
    for item in constants.items:
        # Conversions of tables to the dtype of a call are not counted.
        if item.value.is_floating_point():
            item.value = item.value.to(torch.float32)
    data = torch.linspace(-1, 1, tokens * circuit.data_width).reshape(tokens, -1)
    angles = torch.linspace(-2, 2, circuit.angle_count) if circuit.angle_count else None
    with Counted() as counted:
        evaluator(data, angles)
    inputs = [tensor for tensor in (data, angles) if tensor is not None]
    kept = Kept(without=[*inputs, *(item.value for item in constants.items)])
    with kept.hooks:
        evaluator(data.requires_grad_(), None if angles is None else angles.requires_grad_())
    part: Part = counted.part
    part.kept = kept.total
    return part


def check(evaluation: NetworkEvaluation) -> None:
    work = count_network(network_program(evaluation))
    for tokens in TOKENS:
        part = run(evaluation, tokens)
        for name in ("products", "elementwise", "written", "kept"):
            predicted = getattr(work.once, name) + tokens * getattr(work.each, name)
            assert getattr(part, name) == predicted, name


@settings(max_examples=40)
@given(circuits(max_qubits=4, max_gates=10))
def test_networks_are_priced_as_they_run(circuit: Circuit) -> None:
    if not isinstance(circuit.readout, Expectations):
        strings = (Pauli(letters=((0, "X"),)), Pauli(letters=((circuit.qubits - 1, "Z"),), sign=-1))
        circuit = replace(circuit, readout=Expectations(paulis=strings))
    circuit = replace(circuit, initial=ZeroState())
    check(network(circuit))
    searched = network_evaluation(circuit, Workload(tokens=7), repeats=1)
    assert searched is not None
    check(searched)


@pytest.mark.parametrize(
    "circuit",
    [qtha_circuit(4, 2), uploading_circuit(6, 1), uploading_circuit(4, 2, "cx")],
    ids=["qtha", "crz", "cx"],
)
def test_known_circuits_are_priced_as_they_run(circuit: Circuit) -> None:
    load = Workload(tokens=16)
    evaluation = network_evaluation(circuit, load, repeats=1)
    assert evaluation is not None
    check(evaluation)
    few, many = (run(evaluation, tokens).kept for tokens in TOKENS)
    cost = network_price(evaluation, load).cost
    assert cost.activations_per_token == (many - few) / (TOKENS[1] - TOKENS[0])


def test_tables_are_counted() -> None:
    evaluation = network(uploading_circuit(4, 2))
    constants = Constants()
    NetworkEvaluator(network_program(evaluation), None, constants)
    made = sum(item.value.numel() for item in constants.items)
    assert count_network(network_program(evaluation)).tables == pytest.approx(made, rel=0.1)
