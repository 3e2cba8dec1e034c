"""Matrix product states: exact up to the bond, priced as they run, derivatives through cuts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from qcompile.diagnostics.errors import QCompileWarning
from qcompile.executors.constants import Constants
from qcompile.executors.costing import Workload
from qcompile.executors.mps.build import MpsEvaluator
from qcompile.executors.mps.count import count_mps
from qcompile.executors.mps.program import CutStep, mps_program
from qcompile.executors.network.price import network_evaluation
from qcompile.executors.registry import executor_of
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.plan import Evaluation, MpsEvaluation, StatevectorEvaluation
from qcompile.ir.target import DEFAULT_TARGET
from qcompile.testing.circuit_strategies import circuits
from tests.backends.simulator_plans import uploading_circuit
from tests.executors.counted import Counted, Kept

TOKENS = (5, 9)
FULL = 64
"""No bond of 12 qubits is wider."""


def evaluator(circuit: Circuit, bond: int) -> MpsEvaluator:
    return MpsEvaluator(mps_program(MpsEvaluation(circuit=circuit, bond=bond)), None, Constants())


def inputs(circuit: Circuit, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    data = torch.linspace(-1, 1.3, tokens * circuit.data_width, dtype=dtype)
    angles = torch.linspace(-2, 2.1, circuit.angle_count, dtype=dtype)
    found = data.reshape(tokens, circuit.data_width).requires_grad_()
    return found, angles.requires_grad_() if circuit.angle_count else None


def readable(circuit: Circuit) -> Circuit:
    """From |0…0⟩, with expectation values."""
    if not isinstance(circuit.readout, Expectations):
        last = circuit.qubits - 1
        strings = (
            Pauli(letters=((0, "X"),)),
            Pauli(letters=((last, "Y"),), sign=-1),
            Pauli(letters=tuple((q, "Y") for q in range(circuit.qubits))),
        )
        circuit = replace(circuit, readout=Expectations(paulis=strings))
    return replace(circuit, initial=ZeroState())


def assert_like_a_statevector(circuit: Circuit, bond: int) -> None:
    data, angles = inputs(circuit, 3, torch.float64)
    leaves = [leaf for leaf in (data, angles) if leaf is not None]
    results = []
    other: Evaluation = StatevectorEvaluation(circuit=circuit)
    for run in (
        evaluator(circuit, bond),
        executor_of(other).build(other, DEFAULT_TARGET, Constants()),
    ):
        values = run(data, angles)
        weights = torch.linspace(0.3, 1.1, values.numel(), dtype=torch.float64).reshape(
            values.shape
        )
        found: tuple[Tensor | None, ...] = (None,) * len(leaves)
        if values.requires_grad:
            found = torch.autograd.grad(values, leaves, weights, allow_unused=True)
        zero = [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]
        results.append([values, *zero])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=1e-10)


@settings(max_examples=40)
@given(circuits(max_qubits=5, max_gates=14))
def test_chains_with_full_bonds_are_exact(circuit: Circuit) -> None:
    circuit = readable(circuit)
    assert_like_a_statevector(circuit, FULL)
    assert not mps_program(MpsEvaluation(circuit=circuit, bond=FULL)).cuts


@pytest.mark.parametrize("pair", ["crz", "cry", "cx", "swap"])
def test_ends_of_the_chain_bound_its_bonds(pair: str) -> None:
    circuit = uploading_circuit(6, 3, pair)
    program = mps_program(MpsEvaluation(circuit=circuit, bond=8))
    assert not program.cuts and program.widest <= 8
    assert program.real == (pair != "crz")
    assert_like_a_statevector(circuit, 8)


@settings(max_examples=25)
@given(circuits(max_qubits=5, max_gates=14))
def test_chains_are_priced_as_they_run(circuit: Circuit) -> None:
    for bond in (1, 3, FULL):
        check(readable(circuit), bond)


@pytest.mark.parametrize("pair", ["crz", "cry", "cx"])
@pytest.mark.parametrize("bond", [2, 5, FULL])
def test_known_chains_are_priced_as_they_run(pair: str, bond: int) -> None:
    circuit = uploading_circuit(6, 2, pair)
    check(circuit, bond)
    work = count_mps(mps_program(MpsEvaluation(circuit=circuit, bond=bond)))
    few, many = (kept(circuit, bond, tokens) for tokens in TOKENS)
    assert work.each.kept == pytest.approx((many - few) / (TOKENS[1] - TOKENS[0]), rel=0.05)


def test_wide_chains_agree_with_networks() -> None:
    """No statevector has 30 qubits here."""
    gates = [turn("ry", q, data=True) for q in range(30)]
    gates += [turn("ry", q) for q in range(30)]
    gates += [Gate(name="cx", qubits=(q, q + 1), angles=()) for q in range(1, 29, 2)]
    gates += [turn("rx", q) for q in range(30)]
    gates += [Gate(name="cz", qubits=(q, q + 1), angles=()) for q in range(0, 29, 2)]
    gates += [turn("ry", q, data=True) for q in range(30)]
    joint = Pauli(letters=((3, "Z"), (17, "X"), (18, "Y")), sign=-1)
    strings = (Pauli(letters=((29, "Z"),)), joint)
    circuit = Circuit(
        qubits=30,
        data_width=30,
        angle_count=30,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=strings),
    )
    data, angles = inputs(circuit, 4, torch.float64)
    assert angles is not None
    results = []
    other = network_evaluation(circuit, Workload(tokens=4), repeats=1)
    assert other is not None
    for run in (
        evaluator(circuit, 4),
        executor_of(other).build(other, DEFAULT_TARGET, Constants()),
    ):
        values = run(data, angles)
        results.append([values, *torch.autograd.grad(values.square().sum(), (data, angles))])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-10, rtol=1e-8)


def turn(name: str, qubit: int, *, data: bool = False) -> Gate:
    place = ((qubit, 1.0),)
    angle = Affine(data=place) if data else Affine(angles=place)
    return Gate(name=name, qubits=(qubit,), angles=(angle,))


@pytest.mark.parametrize("pair", ["crz", "cry"])
def test_derivatives_pass_through_cuts(pair: str) -> None:
    circuit = uploading_circuit(6, 2, pair)
    run = evaluator(circuit, 4)
    assert any(isinstance(step, CutStep) for step in run.program.steps)
    run.warned = True
    data, angles = inputs(circuit, 2, torch.float64)
    assert angles is not None
    assert torch.autograd.gradcheck(run, (data, angles))


def test_less_is_lost_with_wider_bonds() -> None:
    circuit = uploading_circuit(7, 3)
    data, angles = inputs(circuit, 3, torch.float64)
    other: Evaluation = StatevectorEvaluation(circuit=circuit)
    exact = executor_of(other).build(other, DEFAULT_TARGET, Constants())(data, angles)
    lost, errors = [], []
    for bond in (2, 4, 6, 8):
        run = evaluator(circuit, bond)
        run.warned = True
        lost.append(run.lost(data, angles))
        errors.append(float((run(data, angles) - exact).detach().abs().max()))
    assert lost == sorted(lost, reverse=True) and lost[-1] == 0.0 and lost[0] > 1e-3
    assert errors[-1] < 1e-10
    assert all(error <= 2 * share**0.5 + 1e-10 for error, share in zip(errors, lost, strict=True))


def test_a_loss_that_shows_warns_once() -> None:
    circuit = uploading_circuit(6, 2)
    run = evaluator(circuit, 1)
    data, angles = inputs(circuit, 2, torch.float64)
    with pytest.warns(QCompileWarning, match="QA7211"):
        run(data, angles)
    run(data, angles)


def test_functions_of_torch_func_take_chains() -> None:
    circuit = uploading_circuit(5, 1)
    data, angles = inputs(circuit, 3, torch.float64)
    for bond in (2, FULL):
        run = evaluator(circuit, bond)
        run.warned = True
        rows = torch.func.vmap(lambda row, run=run: run(row[None], angles)[0])(data)
        torch.testing.assert_close(rows, run(data, angles))


def single(run: MpsEvaluator, constants: Constants) -> None:
    """Conversions of tables to the dtype of a call are not counted."""
    for item in constants.items:
        if item.value.is_floating_point():
            item.value = item.value.to(torch.float32)


def built(circuit: Circuit, bond: int) -> tuple[MpsEvaluator, Constants]:
    constants = Constants()
    evaluation = MpsEvaluation(circuit=circuit, bond=bond)
    run = MpsEvaluator(mps_program(evaluation), None, constants)
    single(run, constants)
    run.warned = True
    return run, constants


def check(circuit: Circuit, bond: int) -> None:
    work = count_mps(mps_program(MpsEvaluation(circuit=circuit, bond=bond)))
    run, _ = built(circuit, bond)
    for tokens in TOKENS:
        data, angles = inputs(circuit, tokens, torch.float32)
        with torch.no_grad(), Counted() as counted:
            run(data, angles)
        for name in ("products", "elementwise", "written"):
            predicted = getattr(work.once, name) + tokens * getattr(work.each, name)
            assert getattr(counted.part, name) == predicted, name


def kept(circuit: Circuit, bond: int, tokens: int) -> int:
    run, constants = built(circuit, bond)
    data, angles = inputs(circuit, tokens, torch.float32)
    assert angles is not None
    found = Kept(without=[data, angles, *(item.value for item in constants.items)])
    with found.hooks:
        run(data, angles)
    return found.total
