"""A budget of searches, the same on every machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qcompile.backends.devices import load_device
from qcompile.ir.target import NamedDevice, Target
from qcompile.passes.base import Context, DevicePass
from qcompile.passes.device.place import PlaceQubits
from qcompile.passes.device.route import Routed, route
from qcompile.passes.pipeline import Pipeline, device_passes, preset
from qcompile.passes.pipeline_text import format_passes
from qcompile.testing.circuit_strategies import sample_inputs
from qcompile.testing.dense_oracle import dense_outputs
from tests.passes.test_device_simulate import brick

DEVICE = load_device(NamedDevice(name="fake_manila"))
CONTEXT = Context(
    device=DEVICE,
    target=Target(name="t", device=NamedDevice(name="fake_manila"), optimise="fidelity"),
)
CIRCUIT = brick(2)
TIMES = {"sabre": 3, "transpile": 3}
OPTIONS = {
    "place": "searches",
    "sabre": "seeds",
    "transpile": "seeds",
    "relocate": "best",
    "restore-parities": "best",
    "judge": "best",
}


def steps(level: int, budget: int | None, text: str = "") -> tuple[DevicePass, ...]:
    pipeline = Pipeline.parse(text) if text else preset(level)
    return device_passes(pipeline, replace(CONTEXT, optimisation=level, budget=budget))


def searches(chosen: tuple[DevicePass, ...]) -> int:
    variants = 2 if any(step.name == "resynthesise" for step in chosen) else 1
    total = 0
    for step in chosen:
        if step.name in OPTIONS:
            each = variants if step.name in ("place", "sabre", "transpile") else 1
            total += getattr(step, OPTIONS[step.name]) * each * TIMES.get(step.name, 1)
    return total


@pytest.mark.parametrize("level", range(4))
def test_no_budget_is_exceeded_and_every_one_leaves_a_placing(level: int) -> None:
    whole = searches(steps(level, None))
    for budget in range(1, whole):
        chosen = steps(level, budget)
        assert searches(chosen) <= budget
        assert any(isinstance(step, PlaceQubits) for step in chosen)
        for step in chosen:
            if step.name in OPTIONS:
                assert getattr(step, OPTIONS[step.name]) >= 1
    assert steps(level, whole) == steps(level, None)


def test_the_whole_work_of_the_levels_is_what_the_page_says() -> None:
    assert (searches(steps(2, None)), searches(steps(3, None))) == (68, 218)


def test_all_passes_have_less_in_proportion() -> None:
    half = format_passes(steps(2, 34))
    assert "place{searches=2}" in half
    assert "sabre{seeds=3}" in half
    assert "judge{best=8}" in half


def test_passes_that_are_named_have_a_budget_too() -> None:
    (place, *_) = steps(2, 3, "place{searches=9},route,native-gates")
    assert place == PlaceQubits(searches=3)


@pytest.mark.parametrize("budget", [1, 2, 7, 20])
def test_what_is_compiled_within_a_budget_is_right(budget: int) -> None:
    found = routed(budget)
    data, angles = sample_inputs(CIRCUIT, 3)
    expected = dense_outputs(CIRCUIT, data, angles)
    assert dense_outputs(found.best.circuit, data, angles) == pytest.approx(expected, abs=1e-9)


def routed(budget: int | None) -> Routed:
    found = route(CIRCUIT, steps(2, budget), CONTEXT)
    assert found is not None
    return found


def test_a_small_budget_leaves_fewer_candidates() -> None:
    assert len(routed(1).candidates) == 1
    assert len(routed(10).candidates) < len(routed(None).candidates)
