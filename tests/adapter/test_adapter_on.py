"""Circuits of a compiled adapter on simulators and devices."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import qcompile
from qcompile.diagnostics.errors import AdapterError, QCompileError, UsageError
from qcompile.executors.measured.gradients import Gradient

SOURCE = """qa 1

target double { dtype: float64 }

adapter small() on double {
    shape 4 -> 3
    h = linear(x, to: 2)
    q = circuit(2 qubits) {
        encode angle(h, gate: ry)
        rot
        crx ring
        encode iqp(h)
        ry
        measure z
    }
    update linear(q, to: out_features)
}
"""
LOW = """qa 1

adapter low() {
    shape 4 -> 3
    update linear(x, to: out_features)
}
"""


@pytest.fixture(scope="module")
def compiled() -> qcompile.CompiledAdapter:
    return qcompile.compile(SOURCE)


@pytest.fixture
def adapter(compiled: qcompile.CompiledAdapter) -> qcompile.CompiledAdapter:
    return copy.deepcopy(compiled)


def results(adapter: qcompile.CompiledAdapter, rows: int = 2) -> list[Tensor]:
    """Values, the gradient of the input, and those of all parameters."""
    x = torch.linspace(-1, 1, 4 * rows, dtype=torch.float64).reshape(rows, 4).requires_grad_()
    adapter.zero_grad()
    values = adapter(x)
    torch.autograd.backward((values * torch.arange(3)).sum())
    gradients = [parameter.grad for parameter in adapter.parameters()]
    return [values.detach(), x.grad, *gradients]


def distance(first: list[Tensor], second: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))


def code_of(error: QCompileError) -> str:
    return error.diagnostics[0].code


def test_aer_gives_the_values_and_gradients_of_the_simulator(
    adapter: qcompile.CompiledAdapter,
) -> None:
    expected = results(adapter)
    assert adapter.on("aer") is adapter
    assert distance(results(adapter), expected) < 1e-9
    assert adapter.service is not None and adapter.service.tally.jobs == 2
    assert distance(results(adapter.on("simulator")), expected) == 0.0
    assert vars(adapter)["service"] is None


def test_a_device_has_noise_and_mitigation_takes_some_of_it_away(
    adapter: qcompile.CompiledAdapter,
) -> None:
    expected = results(adapter)
    noisy = distance(results(adapter.on("fake_manila")), expected)
    mitigated = distance(results(adapter.on("fake_manila", mitigate="readout")), expected)
    assert 1e-3 < mitigated < noisy < 0.5


def test_shots_are_counted_and_repeat_with_the_seed(adapter: qcompile.CompiledAdapter) -> None:
    first = results(adapter.on("aer", shots=64, seed=3))
    assert adapter.service is not None
    tally = adapter.service.tally
    assert tally.shots == 64 * tally.circuits and tally.jobs == 2
    assert distance(results(adapter.on("aer", shots=64, seed=3)), first) == 0.0
    assert distance(results(adapter.on("aer", shots=64, seed=4)), first) > 0.0


def test_spsa_takes_fewer_circuits(adapter: qcompile.CompiledAdapter) -> None:
    results(adapter.on("aer", gradient="spsa"))
    assert adapter.service is not None and adapter.service.tally.circuits == 2 + 2 * 2
    results(adapter.on("aer", gradient=Gradient(method="spsa", repeats=3)))
    assert adapter.service.tally.circuits <= 2 + 3 * 2 * 2


def test_training_through_values_alone_follows_training_in_torch(
    compiled: qcompile.CompiledAdapter,
) -> None:
    def trained(where: str) -> list[float]:
        adapter = copy.deepcopy(compiled).on(where)
        optimiser = torch.optim.Adam(adapter.parameters(), lr=0.1)
        x, y = torch.eye(4, dtype=torch.float64), torch.ones(4, 3, dtype=torch.float64)
        losses = []
        for _ in range(3):
            optimiser.zero_grad()
            loss = (adapter(x) - y).square().mean()
            torch.autograd.backward(loss)
            optimiser.step()
            losses.append(float(loss.detach()))
        return losses

    assert trained("aer") == pytest.approx(trained("simulator"), abs=1e-8)


def test_observables_of_several_bases_are_read_in_several_settings() -> None:
    adapter = qcompile.compile(SOURCE.replace("measure z", 'measure "X0", "Y1", "Z0 Z1"'))
    expected = results(adapter)
    assert distance(results(adapter.on("aer")), expected) < 1e-9
    # The settings of a circuit are parts of one job, one for the values and one for the gradient.
    assert adapter.service is not None and adapter.service.tally.jobs == 2
    adapter.on("fake_manila", mitigate="readout")
    assert distance(results(adapter), expected) < 0.3


def test_a_run_started_again_takes_the_results_over(
    adapter: qcompile.CompiledAdapter, tmp_path: Path
) -> None:
    ledger = tmp_path / "jobs.jsonl"
    first = results(adapter.on("aer", shots=50, ledger=ledger))
    again = results(adapter.on("aer", shots=50, ledger=ledger, seed=9))
    assert distance(first, again) == 0.0
    assert adapter.service is not None and adapter.service.tally.jobs == 0
    adapter.on("simulator")


def test_what_is_refused_changes_nothing(adapter: qcompile.CompiledAdapter, tmp_path: Path) -> None:
    adapter.on("aer", shots=10)
    service = adapter.service
    notes = tmp_path / "notes.txt"
    notes.write_text("notes\n")
    for where, more, code in (
        ("fake_turin", {}, "QA7101"),
        (3, {}, "QA7112"),
        ("aer", {"ledger": notes}, "QA7108"),
        ("aer", {"shots": 0}, "QA0009"),
        ("aer", {"mitigate": "everything"}, "QA0009"),
        ("aer", {"gradient": "differences"}, "QA0009"),
    ):
        with pytest.raises(UsageError) as caught:
            adapter.on(where, **more)
        assert code_of(caught.value) == code
        assert adapter.service is service
    with pytest.raises(UsageError) as several:
        adapter.on("simulator", shots=10, ledger=notes, batch=True)
    assert [found.code for found in several.value.diagnostics] == ["QA0052"] * 3
    assert adapter.service is service
    with pytest.raises(AdapterError) as refused:
        qcompile.compile(LOW).on("aer")
    assert code_of(refused.value) == "QA7103"


def test_a_limit_refuses_before_anything_runs(adapter: qcompile.CompiledAdapter) -> None:
    adapter.on("aer", shots=100, max_shots=150)
    with pytest.raises(AdapterError) as caught:
        results(adapter)
    assert code_of(caught.value) == "QA7106"
    assert adapter.service is not None and adapter.service.tally.jobs == 0


def test_a_connection_is_copied_and_never_pickled(
    adapter: qcompile.CompiledAdapter, tmp_path: Path
) -> None:
    adapter.on("aer")
    assert copy.deepcopy(adapter).service is adapter.service
    for stored in (adapter, adapter[""]):
        with pytest.raises(AdapterError) as caught:
            torch.save(stored, io.BytesIO())
        assert code_of(caught.value) == "QA7110"
        with pytest.raises(AdapterError):
            pickle.dumps(stored)
    adapter.save(tmp_path / "saved.pt")
    assert qcompile.load(tmp_path / "saved.pt").service is None
    adapter.export()
    assert adapter.service is not None


def test_amplitudes_run_with_their_gradients() -> None:
    adapter = qcompile.compile(SOURCE.replace("encode angle(h, gate: ry)", "encode amplitude(h)"))
    expected = results(adapter)
    for mine, theirs in zip(results(adapter.on("aer")), expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"shots": 100},
        {"shots": 100, "mitigate": ["readout", "zne"]},
        {"shots": 100, "mitigate": "twirling"},
        {"gradient": "spsa"},
    ],
    ids=["exact", "shots", "zne", "twirling", "spsa"],
)
def test_an_estimate_of_several_settings_is_what_a_step_takes(more: dict[str, Any]) -> None:
    text = SOURCE.replace("encode angle(h, gate: ry)", "encode amplitude(h)")
    adapter = qcompile.compile(text.replace("measure z", 'measure "X0", "Y1", "Z0 Z1"'))
    adapter.on("fake_manila", **more)
    asked, forward = adapter.estimate(2, training=True), adapter.estimate(2)
    results(adapter)
    assert adapter.service is not None and asked is not None and forward is not None
    tally = adapter.service.tally
    assert (asked.shots, asked.jobs) == (tally.shots, tally.jobs) and forward.jobs < asked.jobs
    # Random directions may agree.
    assert (
        asked.circuits >= tally.circuits if "gradient" in more else asked.circuits == tally.circuits
    )


def test_an_estimate_is_what_a_step_takes(adapter: qcompile.CompiledAdapter) -> None:
    assert adapter.estimate(4) is None
    for gradient in (Gradient(), Gradient(method="spsa", repeats=1)):
        adapter.on("fake_manila", shots=16, gradient=gradient)
        whole, forward = adapter.estimate(2, training=True), adapter.estimate(2)
        results(adapter)
        assert adapter.service is not None and whole is not None and forward is not None
        tally = adapter.service.tally
        assert (whole.circuits, whole.shots, whole.jobs) == (
            tally.circuits,
            tally.shots,
            tally.jobs,
        )
        assert forward.circuits == 2 and forward.jobs == 1
        # A read-out of this device takes about five microseconds.
        assert whole.seconds is not None and whole.shots * 1e-6 < whole.seconds < whole.shots * 1e-4
    adapter.on("aer")
    exact = adapter.estimate(2)
    assert exact is not None and exact.shots == 0 and exact.seconds is None


@pytest.mark.parametrize("device", ["fake_almaden", "fake_fractional"])
def test_devices_with_other_native_gates_run(
    adapter: qcompile.CompiledAdapter, device: str
) -> None:
    exact = results(adapter)
    noisy = results(adapter.on(device))
    assert 1e-4 < distance(exact[:1], noisy[:1]) < 0.3
