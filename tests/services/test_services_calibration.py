"""Snapshots of calibrations: kept, compared with what is there, and their age."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

import qcompile
from qcompile.backends.devices import device_of, device_text
from qcompile.backends.devices.age import calibration_time, old_calibration, same_calibration
from qcompile.diagnostics import CompileError, QCompileWarning
from qcompile.ir.device import Device
from qcompile.services import open as services
from tests.services.faulty import Cloud, Faulty

SPEC = """qa 1

target hw { device: "DEVICE" }

adapter low() on hw {
    shape 4 -> 4
    h = linear(x, to: 2)
    q = circuit(2 qubits) { encode angle(h, gate: ry); cx all; ry; measure z }
    update linear(q, to: out_features)
}
"""
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qcompile.backends.devices.age.utc_now", lambda: NOW)
    monkeypatch.setattr("qcompile.services.freshness.utc_now", lambda: NOW)


def manila(**changes: object) -> Device:
    found = device_of("fake_manila")
    assert found is not None
    return replace(found, **changes)  # type: ignore[arg-type]


def warned(action: object) -> list[str]:
    """Codes of our warnings."""
    assert callable(action)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    found = [item.message for item in caught]
    assert all(isinstance(item, QCompileWarning) for item in found)
    return [d.code for item in found if isinstance(item, QCompileWarning) for d in item.diagnostics]


@pytest.mark.parametrize(
    ("date", "days"),
    [
        ("2026-05-20T11:00:00+00:00", None),
        ("2026-05-12T13:00:00+00:00", None),
        ("2026-05-12T11:00:00+00:00", 8),
        # The zone counts: these are one hour to both sides of eight days.
        ("2026-05-12T13:00:00-02:00", None),
        ("2026-05-12T13:00:00+02:00", 8),
        ("2026-05-01", 19),
        ("2027-01-01", None),
        (None, None),
    ],
)
def test_age_is_counted_in_days(date: str | None, days: int | None) -> None:
    found = old_calibration(manila(name="lab", calibrated=date), NOW)
    assert (None if found is None else found.days) == days


def test_calibrations_are_the_same_by_their_time() -> None:
    one = manila(calibrated="2026-05-12T13:00:00+02:00")
    assert same_calibration(one, manila(calibrated="2026-05-12T11:00:00Z", dt=None))
    assert not same_calibration(one, manila(calibrated="2026-05-12T13:00:00Z"))
    assert same_calibration(manila(calibrated=None), manila(calibrated=None))
    assert not same_calibration(manila(calibrated=None), one)
    assert calibration_time(manila(calibrated="yesterday")) is None


def test_compiling_for_a_file_with_an_old_calibration_warns(tmp_path: Path) -> None:
    (tmp_path / "a.qa").write_text(SPEC.replace("DEVICE", "lab.json"), "utf-8")
    for date, expected in (("2026-05-01", ["QA4245"]), ("2026-05-19", [])):
        text = device_text(manila(name="lab", calibrated=date))
        (tmp_path / "lab.json").write_text(text, "utf-8")
        assert warned(lambda: qcompile.compile(tmp_path / "a.qa")) == expected
    old = manila(name="lab", calibrated="2026-01-01")
    assert warned(lambda: qcompile.compile(SPEC, target=old)) == ["QA4245"]


def test_snapshots_of_packages_are_never_old() -> None:
    assert warned(lambda: qcompile.compile(SPEC.replace("DEVICE", "fake_manila"))) == []


def test_a_snapshot_is_kept_in_the_file_and_simulated_by_name(tmp_path: Path) -> None:
    changed = manila(calibrated="2020-01-01", readout_errors=((0.2, 0.3),) * 5)
    adapter = qcompile.compile(SPEC, target=changed)
    adapter.save(tmp_path / "a.pt")
    loaded = qcompile.load(tmp_path / "a.pt")
    assert loaded.manifest.devices == (changed,)
    # The one that is installed has another date.
    assert warned(lambda: loaded.on("fake_manila")) == ["QA4244"]
    assert loaded.service is not None and loaded.service.device == changed
    assert warned(lambda: loaded.on(changed)) == []
    same = qcompile.compile(SPEC, target=manila())
    assert warned(lambda: same.on("fake_manila")) == []


def test_a_warning_that_is_an_error_changes_nothing() -> None:
    adapter = qcompile.compile(SPEC, target=manila(calibrated="2020-01-01"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(QCompileWarning):
            adapter.on("fake_manila")
    assert adapter.service is None
    assert placed(adapter) == set()


def test_circuits_stay_where_they_still_run_and_are_routed_anew_where_not() -> None:
    adapter = qcompile.compile(SPEC, target=manila(calibrated="2026-05-01"))
    (circuit,) = adapter.circuits()
    assert circuit.routed is not None
    used = set(circuit.routed.physical)
    newer = manila(calibrated="2026-05-10", dt=None)
    assert warned(lambda: adapter.on(newer)) == ["QA4244"]
    assert placed(adapter) == {circuit.routed.physical}
    # Whatever the circuits were on is gone.
    gates = tuple(gate for gate in newer.gates if not used & set(gate.qubits))
    edges = tuple(edge for edge in newer.edges if not used & set(edge))
    errors = tuple(item for item in newer.gate_errors if not used & set(item[0]))
    gone = replace(newer, gates=gates, edges=edges, gate_errors=errors)
    with pytest.warns(QCompileWarning, match="routed anew"):
        adapter.on(gone)
    (places,) = placed(adapter)
    assert places is not None
    assert not used & set(places)
    assert adapter(torch.zeros(1, 4)).shape == (1, 4)


def placed(adapter: qcompile.CompiledAdapter) -> set[tuple[int, ...] | None]:
    from qcompile.executors.measured.evaluator import MeasuredEvaluator

    return {
        part.physical
        for _, module in adapter.parts()
        for evaluator in module.circuit_evaluators()
        if isinstance(evaluator, MeasuredEvaluator)
        for part in evaluator.parts
    }


def test_running_on_a_device_with_an_old_calibration_warns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Far(Faulty):
        remote = True

    device = manila(name="ibm_manila", calibrated="2026-05-01")
    opened = services.Opened(provider=Far(Cloud()), device=device)
    monkeypatch.setattr(services, "_ibm", lambda where, batch: opened)
    adapter = qcompile.compile(SPEC, target=manila())
    assert warned(lambda: adapter.on("ibm_manila")) == ["QA4245"]


def test_two_devices_of_one_name_are_refused_with_both_sources(tmp_path: Path) -> None:
    second = SPEC.replace("qa 1", "").replace("low()", "high()").replace("hw", "lab")
    both = SPEC.replace("DEVICE", "fake_manila") + second.replace("DEVICE", "mine.json")
    (tmp_path / "a.qa").write_text(both, "utf-8")
    (tmp_path / "mine.json").write_text(device_text(manila()), "utf-8")
    assert len(qcompile.compile(tmp_path / "a.qa").manifest.devices) == 2
    (tmp_path / "mine.json").write_text(device_text(manila(dt=1e-9)), "utf-8")
    with pytest.raises(CompileError) as caught:
        qcompile.compile(tmp_path / "a.qa")
    (found,) = caught.value.diagnostics
    assert found.code == "QA4243" and len(found.secondary) == 1
    assert "target `hw`" in found.title and "`mine.json` of target `lab`" in found.title
