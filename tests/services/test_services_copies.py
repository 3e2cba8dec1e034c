"""Copies of a circuit side by side on one device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime.fake_provider import FakeManilaV2

import qcompile
from qcompile.backends.devices import device_of, load_device
from qcompile.cli import main
from qcompile.cli.command_line import parse_arguments
from qcompile.diagnostics.errors import AdapterError, CompileError, UsageError
from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities, ZeroState
from qcompile.ir.device import Device, gates_of
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.target import Copies, NamedDevice
from qcompile.passes.device.copies import places_of_copies
from qcompile.passes.device.predict import predicted_error
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.open import open_provider
from qcompile.services.provider import Limits, Pub
from qcompile.services.qiskit_backend import BackendProvider
from qcompile.services.runtime import RuntimeProvider
from qcompile.services.side_by_side import bits_of, side_by_side
from qcompile.services.terms import Budget, Patience
from tests.services.faulty import Cloud, Faulty, Killed, expected, turned

SOURCE = """qa 1

target double { dtype: float64 }

adapter small() on double {
    shape 3 -> 2
    h = linear(x, to: 2)
    q = circuit(2 qubits) {
        encode angle(h, gate: ry)
        rot
        cz line
        ry
        measure z
    }
    update linear(q, to: out_features)
}
"""


def rotated(count: int) -> Circuit:
    """On two qubits in native gates, with `count` slots."""
    turns = [Affine(data=((slot, 1.0),)) for slot in range(count)]
    gates = []
    for slot, turn in enumerate(turns):
        qubit = slot % 2
        gates += [
            Gate(name="sx", qubits=(qubit,)),
            Gate(name="rz", qubits=(qubit,), angles=(turn,)),
            Gate(name="sx", qubits=(qubit,)),
        ]
    gates.append(Gate(name="cx", qubits=(0, 1)))
    strings = (Pauli(letters=((0, "Z"),)), Pauli(letters=((0, "Z"), (1, "Z")), sign=-1))
    return Circuit(
        qubits=2,
        data_width=count,
        angle_count=0,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=strings),
    )


BINDINGS = np.random.default_rng(5).uniform(-3, 3, (7, 2))
THREE = replace(turned(), physical=(0, 1), elsewhere=((3, 4), (6, 7)))
MANILA = Placed(circuit=rotated(2), physical=(0, 1), elsewhere=((3, 4),))


def manila() -> Device:
    return load_device(NamedDevice(name="fake_manila"))


def results(adapter: qcompile.CompiledAdapter) -> list[torch.Tensor]:
    x = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3).requires_grad_()
    adapter.zero_grad()
    values = adapter(x)
    torch.autograd.backward((values * torch.arange(2)).sum())
    assert x.grad is not None
    return [values.detach(), x.grad, *(p.grad for p in adapter.parameters() if p.grad is not None)]


def test_copies_without_noise_give_values_and_gradients_of_the_circuit_alone() -> None:
    adapter = qcompile.compile(SOURCE)
    exact = results(adapter)
    alone = results(adapter.on("grid(4, 5)"))
    beside = results(adapter.on("grid(4, 5)", copies=4))
    found = adapter.estimate(5)
    assert found is not None and found.copies > 1
    for first, second, third in zip(exact, alone, beside, strict=True):
        torch.testing.assert_close(second, third, rtol=0.0, atol=1e-9)
        torch.testing.assert_close(first, third, rtol=0.0, atol=1e-9)


def test_copies_under_noise_give_what_each_gives_alone_at_its_place() -> None:
    for mitigate in (False, True):
        service = JobService(provider=AerProvider("fake_manila", manila()), mitigate=mitigate)
        found = service.expectations([(MANILA, BINDINGS)])[0]
        assert service.tally.jobs == 1
        for number, row in enumerate(BINDINGS):
            alone = MANILA.copies[number % 2]
            own = service.expectations([(alone, row[None])])[0][0]
            np.testing.assert_allclose(found[number], own, rtol=0.0, atol=1e-9)
        first, second = (service.expectations([(copy, BINDINGS)])[0] for copy in MANILA.copies)
        assert np.abs(first - second).max() > 1e-4


@pytest.mark.parametrize("probabilities", [False, True])
def test_the_circuit_that_is_handed_in_is_its_copies(probabilities: bool) -> None:
    """The native circuit as a whole, simulated by Aer under the device's noise."""
    placed = MANILA
    if probabilities:
        circuit = replace(placed.circuit, readout=Probabilities(qubits=(1, 0)))
        placed = replace(placed, circuit=circuit)
    backend = FakeManilaV2()
    simulator = AerSimulator(
        method="density_matrix", noise_model=NoiseModel.from_backend(backend, readout_error=False)
    )
    provider = BackendProvider(backend, device_of(backend), seed=0)

    def distribution(copies: tuple[Placed, ...], row: NDArray[np.float64]) -> Any:
        pub = Pub(copies=copies, bindings=row.reshape(1, len(copies), -1), shots=1)
        native, bindings, _ = provider._pub(pub)
        measured = {
            native.find_bit(step.clbits[0]).index: native.find_bit(step.qubits[0]).index
            for step in native.data
            if step.operation.name == "measure"
        }
        native = native.remove_final_measurements(inplace=False).assign_parameters(bindings[0])
        native.save_probabilities([measured[bit] for bit in range(len(measured))])
        return simulator.run(native).result().data(0)["probabilities"]

    for rows in (BINDINGS[:2], BINDINGS[2:4]):
        whole = distribution(placed.copies, rows).reshape(4, 4)
        own = bits_of(placed.copies)
        assert sorted(own[0]) == [0, 1] and sorted(own[1]) == [2, 3]
        for copy, row in enumerate(rows):
            alone = distribution((placed.copies[copy],), row)
            marginal = whole.sum(copy)
            if own[copy] != sorted(own[copy]):
                marginal = marginal.reshape(2, 2).T.ravel()
            # Aer rounds its channels.
            np.testing.assert_allclose(marginal, alone, rtol=0.0, atol=1e-8)


def test_a_back_end_runs_copies_in_one_circuit() -> None:
    opened = open_provider(FakeManilaV2())
    exact = JobService(provider=AerProvider("fake_manila", manila())).expectations(
        [(MANILA, BINDINGS)]
    )[0]
    service = JobService(provider=opened.provider, shots=4000)
    np.testing.assert_allclose(service.expectations([(MANILA, BINDINGS)])[0], exact, atol=0.1)
    assert (service.tally.jobs, service.tally.circuits) == (1, 7)
    assert service.tally.shots == 4 * 4000


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_back_end_of_pytket_runs_copies_in_one_circuit() -> None:
    from pytket.extensions.qiskit.backends.aer import AerBackend

    opened = open_provider(AerBackend(noise_model=NoiseModel.from_backend(FakeManilaV2())))
    ideal = JobService(provider=AerProvider("aer")).expectations([(MANILA, BINDINGS)])[0]
    service = JobService(provider=opened.provider, shots=4000, mitigate=True)
    np.testing.assert_allclose(service.expectations([(MANILA, BINDINGS)])[0], ideal, atol=0.2)
    assert service.tally.shots == 4 * 4000


def test_many_copies_read_more_bits_than_a_number_has() -> None:
    places = tuple((3 * k, 3 * k + 1) for k in range(40))
    copies = Placed(circuit=rotated(2), physical=places[0], elsewhere=places[1:]).copies
    whole = side_by_side(copies)
    assert whole.circuit.outputs == 80 and len(whole.physical or ()) == 80
    assert bits_of(copies)[-1] == [78, 79]


def service_of(provider: Faulty, ledger: Ledger | None = None, **more: Any) -> JobService:
    patience = Patience(sleep=lambda seconds: None, tries=3)
    return JobService(provider=provider, ledger=ledger, patience=patience, **more)


def test_jobs_hold_copies_and_leave_few_places_empty() -> None:
    cloud = Cloud()
    service = service_of(Faulty(cloud, limits=Limits(bindings=2)), shots=50)
    found = service.expectations([(THREE, BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.6)
    assert [pub.bindings.shape[:2] for pub in cloud.pubs] == [(2, 3), (1, 1)]
    assert service.tally.circuits == 7 and service.tally.shots == 3 * 50
    with pytest.raises(AdapterError, match="takes 200 shots, and 199"):
        service_of(Faulty(Cloud()), shots=50, budget=Budget(shots=199)).expectations(
            [(THREE, np.random.default_rng(1).normal(size=(10, 2)))]
        )


def test_results_that_are_missing_are_asked_for_at_any_place() -> None:
    cloud = Cloud()
    provider = Faulty(cloud)
    provider.change = lambda rows: [None, *rows[1:-1]] if len(rows) > 2 else rows
    np.testing.assert_allclose(
        service_of(provider).expectations([(THREE, BINDINGS)])[0], expected(BINDINGS), atol=1e-12
    )


@pytest.mark.parametrize("step", ["submit", "accepted", "rows", "ready"])
@pytest.mark.parametrize("at", range(2))
def test_a_killed_run_knows_its_copies(step: str, at: int, tmp_path: Path) -> None:
    path, cloud = tmp_path / "jobs.jsonl", Cloud()
    limits = Limits(bindings=2)
    provider = Faulty(cloud, limits=limits)
    provider.steps[step] = [None] * at + [Killed()]
    ledger = Ledger(path)
    with pytest.raises(Killed):
        service_of(provider, ledger).expectations([(THREE, BINDINGS)])
    ledger.close()
    again = service_of(Faulty(cloud, limits=limits), Ledger(path))
    np.testing.assert_allclose(
        again.expectations([(THREE, BINDINGS)])[0], expected(BINDINGS), atol=1e-12
    )
    assert cloud.circuits == len(BINDINGS)
    assert again.ledger is not None
    again.ledger.close()
    # In another order, and with fewer of the copies: what is paid for is found all the same.
    third = service_of(Faulty(cloud), Ledger(path))
    fewer = replace(THREE, elsewhere=THREE.elsewhere[::-1])
    third.expectations([(fewer, BINDINGS[::-1])])
    assert third.tally.jobs == 0


@pytest.mark.parametrize("name", ["fake_torino", "fake_sherbrooke"])
def test_places_have_room_between_them_and_lose_hardly_more(name: str) -> None:
    adapter = qcompile.compile(SOURCE, target=name)
    (plan,) = adapter.manifest.planned.plans
    (routed,) = (node.routed for node in plan.nodes if isinstance(node, EvaluationNode))
    assert routed is not None
    device = load_device(NamedDevice(name=name))
    copies = Copies(tolerance=0.5)
    places = places_of_copies(routed.circuit, routed.physical, device, copies, mitigated=False)
    assert len(places) > 1

    def error(place: tuple[int, ...]) -> float:
        circuit = routed.circuit
        return predicted_error(
            circuit.gates, circuit.readout, device, mitigated=False, physical=place
        )

    assert all(error(place) <= 1.5 * error(routed.physical) for place in places)
    assert list(map(error, places)) == sorted(map(error, places))
    near = {frozenset(pair) for pair in device.edges}
    every = (routed.physical, *places)
    for index, first in enumerate(every):
        for second in every[:index]:
            assert not set(first) & set(second)
            assert not any(frozenset((a, b)) in near for a in first for b in second)
    present = gates_of(device)
    for place in every:
        for gate in routed.circuit.gates:
            assert (gate.name, tuple(place[qubit] for qubit in gate.qubits)) in present
    few = places_of_copies(
        routed.circuit, routed.physical, device, replace(copies, most=2), mitigated=False
    )
    assert len(few) == 1


def test_copies_are_made_by_themselves_where_time_is_paid_for() -> None:
    assert RuntimeProvider.bills_time and not AerProvider.bills_time
    adapter = qcompile.compile(SOURCE, target="fake_torino")
    for copies, least, most in ((None, 1, 1), (1, 1, 1), (3, 2, 3), (Copies(tolerance=1), 3, 50)):
        adapter.on("fake_torino", shots=100, copies=copies)
        found = adapter.estimate(200)
        assert found is not None and least <= found.copies <= most
    with pytest.raises(UsageError):
        adapter.on("fake_torino", shots=100, copies=0)


@pytest.mark.parametrize(
    ("written", "copies"),
    [
        ("3", Copies(most=3)),
        ("all", Copies()),
        ("{ tolerance: 25pct }", Copies(tolerance=0.25)),
        ("{ most: 2, tolerance: 1.5 }", Copies(most=2, tolerance=1.5)),
    ],
)
def test_a_target_says_how_many_copies(written: str, copies: Copies) -> None:
    fields = f'device: "fake_torino"; run: device; shots: 100; copies: {written}'
    source = SOURCE.replace("dtype: float64", fields)
    adapter = qcompile.compile(source)
    (plan,) = adapter.manifest.planned.plans
    assert plan.target.copies == copies
    asked = adapter.on().estimate(200)
    assert asked is not None and asked.copies > 1
    again = adapter.on("fake_torino", shots=100, copies=copies).estimate(200)
    assert asked == again
    alone = adapter.on(copies=1).estimate(200)
    assert alone is not None and alone.copies == 1


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        ("4", Copies(most=4)),
        ("all", Copies()),
        ("all,25%", Copies(tolerance=0.25)),
        ("8,12.5%", Copies(most=8, tolerance=0.125)),
        ("0", None),
        ("every", None),
        ("all,25", None),
    ],
)
def test_the_command_line_says_how_many_copies(text: str, copies: Copies | None) -> None:
    asked = ["report", "a.pt", "--on", "fake_torino", "--copies", text]
    if copies is not None:
        assert parse_arguments(asked).copies == copies
        return
    with pytest.raises(UsageError) as caught:
        parse_arguments(asked)
    assert caught.value.diagnostics[0].code == "QA0009"


@pytest.mark.parametrize(
    ("written", "code"),
    [("0", "QA2105"), ("{ most: 2.5 }", "QA2103"), ("{ tolerance: -1 }", "QA2105")],
)
def test_copies_that_cannot_be_are_refused(written: str, code: str) -> None:
    source = SOURCE.replace("dtype: float64", f'device: "fake_torino"; copies: {written}')
    with pytest.raises(CompileError) as caught:
        qcompile.compile(source)
    assert caught.value.diagnostics[0].code == code


def test_copies_without_a_device_are_said_to_have_no_effect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "small.qa"
    path.write_text(SOURCE.replace("dtype: float64", "copies: 2"))
    assert main(["check", str(path)]) == 0
    assert "QA7120" in (told := capsys.readouterr().err) and "`copies`" in told
