"""Zero-noise extrapolation and twirling, on circuits in native gates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.backends.devices import load_device
from qcompile.diagnostics.errors import AdapterError
from qcompile.executors.measured.service import Placed
from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, Probabilities
from qcompile.ir.target import NamedDevice
from qcompile.services.aer import AerProvider
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.provider import Limits
from qcompile.services.samplings import samplings
from qcompile.services.terms import Patience
from qcompile.services.twirl import twirled
from tests.services.faulty import Cloud, Faulty, Killed
from tests.services.test_services_aer import NATIVE, TURNS

IDEAL = JobService(provider=AerProvider("aer"))
READ_ALL = replace(NATIVE, circuit=replace(NATIVE.circuit, readout=Probabilities(qubits=(2, 0, 1))))
MORE = ("zne", "twirling")


def with_gate(name: str) -> Placed:
    """The circuit with other two-qubit gates, one of them turned round."""
    gates = tuple(
        replace(gate, name=name, qubits=gate.qubits[::-1] if index % 2 else gate.qubits)
        if len(gate.qubits) == 2
        else gate
        for index, gate in enumerate((*NATIVE.circuit.gates, *NATIVE.circuit.gates[2:]))
    )
    return replace(NATIVE, circuit=replace(NATIVE.circuit, gates=gates))


@pytest.mark.parametrize("mitigation", [("zne",), ("twirling",), MORE])
@pytest.mark.parametrize(
    "placed", [NATIVE, READ_ALL, with_gate("cz"), with_gate("ecr")], ids=["cx", "all", "cz", "ecr"]
)
def test_every_circuit_that_is_run_has_the_values_of_the_one_asked_for(
    placed: Placed, mitigation: tuple[str, ...]
) -> None:
    exact = IDEAL.expectations([(placed, TURNS)])[0]
    asked = samplings(placed, None, IDEAL.provider, mitigation)
    assert sum(sampling.weight for sampling in asked) == pytest.approx(1.0)
    assert len({sampling.placed.circuit for sampling in asked}) > len(asked) // 2
    for sampling in asked:
        found = IDEAL.expectations([(sampling.placed, TURNS)])[0]
        np.testing.assert_allclose(found, exact, atol=1e-12)


def test_twirls_add_no_pulses_and_share_the_shots() -> None:
    asked = samplings(NATIVE, 1003, IDEAL.provider, ("twirling",))
    assert sum(sampling.shots or 0 for sampling in asked) == 1003 and len(asked) == 8

    def pulses(circuit: Circuit) -> list[tuple[str, tuple[int, ...]]]:
        return [(gate.name, gate.qubits) for gate in circuit.gates if gate.name != "rz"]

    for sampling in asked:
        assert pulses(sampling.placed.circuit) == pulses(NATIVE.circuit)
    assert len(samplings(NATIVE, 3, IDEAL.provider, ("twirling",))) == 3
    assert len({str(sampling.about) for sampling in asked}) == 8


def test_coherent_errors_of_two_qubit_gates_are_averaged_out() -> None:
    """Over-rotations that add up become random, and lose in second order alone."""

    def over_rotated(circuit: Circuit) -> Circuit:
        error = Affine(constant=0.04)
        gates = [
            step
            for gate in circuit.gates
            for step in (
                gate,
                *(
                    [Gate(name="rzx", qubits=gate.qubits, angles=(error,))]
                    if len(gate.qubits) == 2
                    else []
                ),
            )
        ]
        return replace(circuit, gates=tuple(gates))

    turns = [Gate(name="sx", qubits=(qubit,)) for qubit in (0, 1) for _ in range(4)]
    gates = [Gate(name="cx", qubits=(0, 1)), *turns] * 6 + [Gate(name="sx", qubits=(1,))]
    string = Pauli(letters=((1, "Z"),))
    circuit = replace(NATIVE.circuit, gates=tuple(gates), readout=Expectations(paulis=(string,)))
    deep = replace(NATIVE, circuit=circuit)
    exact = IDEAL.expectations([(deep, TURNS)])[0]

    def error(circuits: list[Circuit]) -> float:
        found = [
            IDEAL.expectations([(replace(deep, circuit=over_rotated(circuit)), TURNS)])[0]
            for circuit in circuits
        ]
        return float(np.abs(np.mean(found, 0) - exact).max())

    many = [twirled(deep.circuit, number) for number in range(100)]
    assert error(many) < 0.2 * error([deep.circuit])


def test_extrapolation_takes_away_most_of_the_noise_of_gates() -> None:
    device = load_device(NamedDevice(name="fake_manila"))
    exact = IDEAL.expectations([(NATIVE, TURNS)])[0]

    def error(*mitigation: str) -> float:
        service = JobService(
            provider=AerProvider("fake_manila", device),
            mitigate=True,
            mitigation=mitigation,
            device=device,
        )
        return float(np.abs(service.expectations([(NATIVE, TURNS)])[0] - exact).mean())

    assert error("zne") < 0.3 * error()
    assert error("zne", "twirling") < 0.4 * error()


def test_shots_and_circuits_are_those_of_the_estimate() -> None:
    adapter = qcompile.compile(SOURCE, target="hw").on()
    assert adapter.service is not None and adapter.service.mitigate
    assert adapter.service.mitigation == MORE
    whole = adapter.estimate(2, training=True)
    torch.autograd.backward(adapter(torch.eye(2, requires_grad=True)).sum())
    tally = adapter.service.tally
    assert whole is not None
    assert (whole.circuits, whole.shots, whole.jobs) == (tally.circuits, tally.shots, tally.jobs)
    plain = adapter.on("fake_manila", shots=20, mitigate=["readout"]).service
    assert plain is not None and plain.mitigate and not plain.mitigation


SOURCE = """qa 1
target hw { device: "fake_manila"; run: device; shots: 24; mitigate: [zne, readout, twirling] }
adapter s() on hw {
    shape 2 -> 1
    q = circuit(2 qubits) { encode angle(x, gate: ry); cz line; ry; measure z }
    update linear(q, to: out_features)
}
"""


def test_what_cannot_be_mitigated_so_is_refused() -> None:
    with pytest.raises(AdapterError, match="routed for a device") as caught:
        JobService(provider=Faulty(Cloud()), mitigation=("zne",)).expectations([(NATIVE, TURNS)])
    assert caught.value.diagnostics[0].code == "QA7119"
    device = load_device(NamedDevice(name="fake_manila"))
    for gate, name in (("iswap", "zne"), ("iswap", "twirling")):
        service = JobService(provider=Faulty(Cloud()), mitigation=(name,), device=device)
        message = service.refusal(with_gate(gate))
        assert message is not None and gate in message.diagnostic().title


MANILA = load_device(NamedDevice(name="fake_manila"))
MANY = np.random.default_rng(2).uniform(-3, 3, (5, 2))


def mitigated(cloud: Cloud, path: Path, limits: Limits, **steps: Any) -> JobService:
    provider = Faulty(cloud, limits=limits)
    provider.steps = steps
    patience = Patience(sleep=lambda seconds: None, tries=3)
    return JobService(
        provider=provider,
        device=MANILA,
        mitigation=("zne",),
        ledger=Ledger(path),
        patience=patience,
        shots=30,
    )


def test_circuits_of_one_value_are_parts_of_one_job(tmp_path: Path) -> None:
    cloud = Cloud()
    service = mitigated(cloud, tmp_path / "jobs.jsonl", Limits(bindings=10))
    service.expectations([(NATIVE, MANY)])
    (pubs,) = cloud.jobs.values()
    gates = [len(pub.copies[0].circuit.gates) for pub in pubs]
    assert len(pubs) == 2 and gates[0] < gates[1]
    assert (service.tally.jobs, service.tally.circuits, service.tally.shots) == (1, 10, 300)
    # What does not fit is another job; shots in a job are equal.
    small = mitigated(Cloud(), tmp_path / "small.jsonl", Limits(bindings=7))
    small.expectations([(NATIVE, MANY)])
    assert small.tally.jobs == 2
    twirls = replace(small, mitigation=("twirling",), shots=81, ledger=None)
    sizes = list(Limits(bindings=50).jobs((5, 1, s.shots) for s in twirls.samplings(NATIVE)))
    assert [{size.shots for size in job} for job in sizes] == [{11}, {10}]


@pytest.mark.parametrize("step", ["submit", "accepted", "rows", "ready"])
@pytest.mark.parametrize("bindings", [10, 4])
def test_a_killed_run_knows_the_parts_of_its_jobs(step: str, bindings: int, tmp_path: Path) -> None:
    path, cloud, limits = tmp_path / "jobs.jsonl", Cloud(), Limits(bindings=bindings)
    first = mitigated(cloud, path, limits, **{step: [None] * (bindings == 4) + [Killed()]})
    with pytest.raises(Killed):
        first.expectations([(NATIVE, MANY)])
    first.close()
    again = mitigated(cloud, path, limits)
    found = again.expectations([(NATIVE, MANY)])[0]
    again.close()
    assert cloud.circuits == 2 * len(MANY)
    whole = mitigated(Cloud(), tmp_path / "other.jsonl", limits)
    np.testing.assert_allclose(found, whole.expectations([(NATIVE, MANY)])[0], atol=1.0)
    # A third run, whose jobs would be others, asks for nothing, and finds the same values.
    third = mitigated(cloud, path, Limits(bindings=3))
    np.testing.assert_array_equal(third.expectations([(NATIVE, MANY)])[0], found)
    assert third.tally.jobs == 0


def test_results_that_are_missing_of_one_part_are_asked_for_alone(tmp_path: Path) -> None:
    cloud = Cloud()
    service = mitigated(cloud, tmp_path / "jobs.jsonl", Limits(bindings=10))
    provider = service.provider
    assert isinstance(provider, Faulty)
    provider.change = lambda rows: [*rows[:6], None, *rows[7:]] if len(rows) > 1 else rows
    service.expectations([(NATIVE, MANY)])
    assert [len(pubs) for pubs in cloud.jobs.values()] == [2, 1]
    assert cloud.circuits == 11
