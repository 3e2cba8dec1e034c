"""Aer's values: exact, by shots, and under the noise of a device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from qcompile.backends.devices import load_device
from qcompile.diagnostics.errors import AdapterError
from qcompile.executors.measured.program import measured_program
from qcompile.executors.measured.service import Placed
from qcompile.executors.measured.settings import settings as measurement_settings
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities, ZeroState
from qcompile.ir.device import Device
from qcompile.ir.gates import GATE_NAMES, GATES, GateName
from qcompile.ir.target import NamedDevice
from qcompile.services import aer
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.target import compact_target
from qcompile.testing.circuit_strategies import circuits, seeds
from tests.executors.exact_service import ExactService

EXACT = JobService(provider=AerProvider("aer"))


@settings(max_examples=40)
@given(circuit=circuits(amplitude=False, max_qubits=3), seed=seeds)
def test_exact_values_are_those_of_the_simulator(circuit: Circuit, seed: int) -> None:
    for setting in measurement_settings(circuit):
        program = measured_program(setting.circuit)
        placed = Placed(circuit=program.circuit)
        drawn = np.random.default_rng(seed)
        bindings = drawn.uniform(-3, 3, (2, len(program.slots)))
        found = EXACT.expectations([(placed, bindings)])[0]
        expected = ExactService().values(placed, bindings)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("name", GATE_NAMES)
def test_every_gate_gets_its_values(name: GateName) -> None:
    kind = GATES[name]
    turns: list[tuple[GateName, int]] = [("ry", 0), ("ry", 1), ("rz", 0), ("rz", 1)]
    mixing = tuple(
        Gate(name=turn, qubits=(qubit,), angles=(Affine(constant=0.4 + k),))
        for k, (turn, qubit) in enumerate(turns)
    )
    angles = tuple(Affine(data=((place, 1.0),)) for place in range(kind.angles))
    gate = Gate(name=name, qubits=tuple(range(kind.qubits)), angles=angles)
    placed = Placed(
        circuit=Circuit(
            qubits=2,
            data_width=kind.angles,
            angle_count=0,
            initial=ZeroState(),
            gates=(*mixing, gate, *mixing),
            readout=Probabilities(qubits=(1, 0)),
        )
    )
    bindings = np.linspace(-1.0, 2.0, 3 * kind.angles).reshape(3, kind.angles)
    found = EXACT.expectations([(placed, bindings)])[0]
    np.testing.assert_allclose(found, ExactService().values(placed, bindings), atol=1e-12)


@pytest.fixture(scope="module")
def manila() -> Device:
    return load_device(NamedDevice(name="fake_manila"))


NATIVE = Placed(
    circuit=Circuit(
        qubits=3,
        data_width=2,
        angle_count=0,
        initial=ZeroState(),
        gates=(
            Gate(name="sx", qubits=(0,)),
            Gate(name="rz", qubits=(0,), angles=(Affine(data=((0, 1.0),)),)),
            Gate(name="sx", qubits=(0,)),
            Gate(name="cx", qubits=(0, 1)),
            Gate(name="sx", qubits=(1,)),
            Gate(name="rz", qubits=(1,), angles=(Affine(data=((1, 1.0),)),)),
            Gate(name="sx", qubits=(1,)),
            Gate(name="cx", qubits=(1, 2)),
        ),
        readout=Expectations(
            paulis=(
                Pauli(letters=((0, "Z"),)),
                Pauli(letters=((0, "Z"), (2, "Z")), sign=-1),
                Pauli(letters=()),
            )
        ),
    ),
    physical=(1, 2, 3),
)
TURNS = np.array([[0.3, 1.2], [-2.0, 0.4]])


def whole_device(placed: Placed, bindings: NDArray[np.float64]) -> NDArray[np.float64]:
    """⟨Z⟩ by Aer on all qubits of the device, as its own documentation has it."""
    from qiskit import QuantumCircuit
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = FakeManilaV2()
    backend.set_options()
    simulator = AerSimulator(
        method="density_matrix", noise_model=NoiseModel.from_backend(backend, readout_error=False)
    )
    schedule = PassManager(
        [ALAPScheduleAnalysis(target=backend.target), PadDelay(target=backend.target)]
    )
    found = []
    for row in bindings:
        circuit = QuantumCircuit(5)
        for gate in placed.circuit.gates:
            assert placed.physical is not None
            angles = [row[angle.data[0][0]] for angle in gate.angles]
            qubits = [placed.physical[qubit] for qubit in gate.qubits]
            getattr(circuit, gate.name)(*angles, *qubits)
        circuit = schedule.run(circuit)
        circuit.save_probabilities([1, 3], label="read")
        result = simulator.run(circuit).result().data()["read"]
        flips = [backend.properties().qubits[qubit] for qubit in (1, 3)]
        letters = []
        for values in flips:
            rates = {entry.name: entry.value for entry in values}
            up, down = rates["prob_meas1_prep0"], rates["prob_meas0_prep1"]
            letters.append(np.array([1 - 2 * up, -1 + 2 * down]))
        both = result.reshape(2, 2)
        found.append([both.sum(0) @ letters[0], -(letters[1] @ both @ letters[0]), 1.0])
    return np.array(found)


def test_noise_on_the_qubits_in_use_is_that_of_the_whole_device(manila: Device) -> None:
    service = JobService(provider=AerProvider("fake_manila", manila))
    found = service.expectations([(NATIVE, TURNS)])[0]
    np.testing.assert_allclose(found, whole_device(NATIVE, TURNS), atol=1e-9)


def test_the_inverse_of_read_out_errors_is_exact(manila: Device) -> None:
    noisy = JobService(provider=AerProvider("fake_manila", manila), mitigate=True)
    perfect = replace(manila, readout_errors=((0.0, 0.0),) * 5)
    expected = JobService(provider=AerProvider("fake_manila", perfect)).expectations(
        [(NATIVE, TURNS)]
    )[0]
    np.testing.assert_allclose(noisy.expectations([(NATIVE, TURNS)])[0], expected, atol=1e-12)
    outcomes = replace(
        NATIVE, circuit=replace(NATIVE.circuit, readout=Probabilities(qubits=(2, 0)))
    )
    expected = JobService(provider=AerProvider("x", perfect)).expectations([(outcomes, TURNS)])[0]
    np.testing.assert_allclose(noisy.expectations([(outcomes, TURNS)])[0], expected, atol=1e-12)


@pytest.mark.parametrize("mitigate", [False, True])
def test_shots_are_unbiased(manila: Device, mitigate: bool) -> None:
    exact = JobService(provider=AerProvider("fake_manila", manila), mitigate=mitigate)
    expected = exact.expectations([(NATIVE, TURNS)])[0]
    found = []
    for seed in (0, 1):
        service = JobService(
            provider=AerProvider("fake_manila", manila, seed=seed), mitigate=mitigate, shots=1000
        )
        found += [service.expectations([(NATIVE, TURNS)])[0] for _ in range(10)]
    # 20,000 shots in all: a standard error below 0.01.
    np.testing.assert_allclose(np.mean(found, 0), expected, atol=0.04)
    assert np.std(found, 0)[:, 0].max() > 0.02


def test_a_seed_repeats_the_shots(manila: Device) -> None:
    first, second, other = (
        JobService(provider=AerProvider("x", manila, seed=seed), shots=100).expectations(
            [(NATIVE, TURNS)]
        )[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_many_qubits_are_sampled_shot_by_shot(
    manila: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = JobService(provider=AerProvider("fake_manila", manila)).expectations([(NATIVE, TURNS)])[
        0
    ]
    monkeypatch.setattr(aer, "DENSITY", 2)
    provider = AerProvider("fake_manila", manila)
    found = JobService(provider=provider, shots=2000).expectations([(NATIVE, TURNS)])[0]
    np.testing.assert_allclose(found, exact, atol=0.1)
    with pytest.raises(AdapterError, match="simulated on 2 at most"):
        JobService(provider=provider).expectations([(NATIVE, TURNS)])


def test_an_ideal_simulator_has_no_read_out_errors_to_undo() -> None:
    service = JobService(provider=AerProvider("aer"), mitigate=True)
    with pytest.raises(AdapterError) as caught:
        service.expectations([(replace(NATIVE, physical=None), TURNS)])
    assert caught.value.diagnostics[0].code == "QA7109"


def test_a_target_has_the_figures_of_the_qubits_in_use(manila: Device) -> None:
    target = compact_target(manila, (3, 1, 2))
    assert target.num_qubits == 3 and target.dt == manila.dt
    for name, places in (("cx", ((2, 0), (1, 2))), ("sx", ((0,), (1,)))):
        for place in places:
            gate = next(
                gate
                for gate in manila.gates
                if gate.name == name and gate.qubits == tuple((3, 1, 2)[q] for q in place)
            )
            assert target[name][place].error == gate.error
            assert target[name][place].duration == gate.duration
    assert (0, 1) not in target["cx"]
    assert target.qubit_properties[0].t1 == manila.relaxation[3][0]
