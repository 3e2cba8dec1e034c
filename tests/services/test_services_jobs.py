"""Jobs that are refused, dropped, late or incomplete, and runs that are killed at every step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qcompile.diagnostics.errors import AdapterError, QCompileError, UsageError
from qcompile.services.jobs import JobService
from qcompile.services.ledger import Ledger
from qcompile.services.outcomes import Row
from qcompile.services.provider import Limits, Lost
from qcompile.services.terms import Budget, Patience
from tests.services.faulty import Cloud, Faulty, Killed, expected, turned

BINDINGS = np.random.default_rng(3).uniform(-3, 3, (8, 2))
CHUNKS = 3
"""Jobs of three bindings each."""


class Naps:
    """Takes down how long it would have slept."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def service_of(provider: Faulty, ledger: Ledger | None = None, **more: object) -> JobService:
    patience = Patience(sleep=more.pop("sleep", Naps()), tries=3)  # type: ignore[arg-type]
    return JobService(provider=provider, ledger=ledger, patience=patience, **more)  # type: ignore[arg-type]


def code_of(error: QCompileError) -> str:
    return error.diagnostics[0].code


def test_bindings_are_chunked_and_keep_their_order() -> None:
    cloud = Cloud()
    service = service_of(Faulty(cloud))
    found = service.expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=1e-12)
    assert [len(pub.bindings) for pub in cloud.pubs] == [3, 3, 2]
    assert (service.tally.jobs, service.tally.circuits) == (3, 8)


@pytest.mark.parametrize("step", ["submit", "accepted", "rows", "ready"])
def test_a_step_that_fails_now_and_then_is_tried_again(step: str) -> None:
    cloud, naps = Cloud(), Naps()
    provider = Faulty(cloud)
    provider.steps[step] = [OSError("no network"), None, OSError("no network")]
    found = service_of(provider, sleep=naps).expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=1e-12)
    # What was accepted is never paid for again, even where the answer to `submit` was lost.
    assert cloud.circuits == len(BINDINGS)


@pytest.mark.parametrize("step", ["submit", "rows"])
def test_a_step_that_always_fails_is_a_message_after_growing_pauses(step: str) -> None:
    cloud, naps = Cloud(), Naps()
    provider = Faulty(cloud)
    provider.steps[step] = [OSError("no network")] * 100
    with pytest.raises(AdapterError, match="no network") as caught:
        service_of(provider, sleep=naps).expectations([(turned(), BINDINGS)])
    assert code_of(caught.value) == "QA7104"
    assert naps.seconds == [1.0, 2.0]
    assert len(cloud.jobs) == (0 if step == "submit" else CHUNKS)


def test_a_job_that_hangs_is_waited_for_again_and_not_handed_in_again(tmp_path: Path) -> None:
    cloud = Cloud()
    provider = Faulty(cloud)
    provider.steps["rows"] = [TimeoutError()] * 100
    ledger = Ledger(tmp_path / "jobs.jsonl")
    with pytest.raises(AdapterError, match="did not end within"):
        service_of(provider, ledger).expectations([(turned(), BINDINGS)])
    ledger.close()
    assert cloud.circuits == len(BINDINGS)
    # It answers late: the next run takes the results over.
    again = service_of(Faulty(cloud), Ledger(tmp_path / "jobs.jsonl"))
    np.testing.assert_allclose(again.expectations([(turned(), BINDINGS)])[0], expected(BINDINGS))
    assert cloud.circuits == len(BINDINGS) and again.tally.jobs == 0


def test_a_job_that_is_lost_is_handed_in_again() -> None:
    cloud = Cloud()
    provider = Faulty(cloud)
    provider.steps["rows"] = [None, Lost("gone")]
    found = service_of(provider).expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=1e-12)
    assert cloud.circuits == len(BINDINGS) + 3


def test_too_few_results_are_kept_and_the_rest_is_asked_for() -> None:
    cloud = Cloud()
    provider = Faulty(cloud)

    def first_only(rows: list[Row | None]) -> Sequence[Row | None]:
        return rows[:1]

    provider.change = first_only
    found = service_of(provider).expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=1e-12)

    def all_but_one(rows: list[Row | None]) -> Sequence[Row | None]:
        return [None, *rows[1:]] if len(rows) > 1 else rows

    provider.change, before = all_but_one, cloud.circuits
    service_of(provider).expectations([(turned(), -BINDINGS)])
    assert cloud.circuits == before + 8 + 3 + 1


@pytest.mark.parametrize(
    ("weights", "shots", "reason"),
    [
        ([0.5, 0.2], None, "add up to 0.7"),
        ([float("nan"), 1.0], None, "not a number"),
        ([1.5, -0.5], None, "negative"),
        ([50.0, 49.0], 100, "99 of 100 shots"),
        ([50.0, 51.0], 100, "101 of 100 shots"),
    ],
)
def test_what_is_no_result_is_never_a_value(
    weights: list[float], shots: int | None, reason: str
) -> None:
    provider = Faulty(Cloud())
    bad = Row(codes=np.array([0, 1]), weights=np.array(weights))
    provider.change = lambda rows: [bad] * len(rows)
    with pytest.raises(AdapterError, match=reason) as caught:
        service_of(provider, shots=shots).expectations([(turned(), BINDINGS)])
    assert code_of(caught.value) == "QA7105"


def test_results_of_nothing_that_was_asked_for_are_not_used() -> None:
    provider = Faulty(Cloud())
    provider.change = lambda rows: [*rows, rows[0]]
    with pytest.raises(AdapterError, match="3 results of 2 circuits") as caught:
        service_of(provider).expectations([(turned(), BINDINGS)])
    assert code_of(caught.value) == "QA7105"


@pytest.mark.parametrize("angle", [float("nan"), float("inf"), -float("inf")])
def test_angles_that_are_no_numbers_are_not_handed_in(angle: float, tmp_path: Path) -> None:
    cloud, path = Cloud(), tmp_path / "jobs.jsonl"
    bindings = BINDINGS.copy()
    bindings[2, 1] = angle
    service = service_of(Faulty(cloud), Ledger(path))
    empty = path.read_bytes()
    with pytest.raises(AdapterError, match="1 of 8 circuits") as caught:
        service.expectations([(turned(), bindings)])
    assert code_of(caught.value) == "QA7116"
    assert not cloud.jobs and path.read_bytes() == empty


def test_an_outcome_of_other_qubits_is_no_result() -> None:
    provider = Faulty(Cloud())
    bad = Row(codes=np.array([4]), weights=np.array([1.0]))
    provider.change = lambda rows: [bad] * len(rows)
    with pytest.raises(AdapterError, match="more than 2 bits"):
        service_of(provider).expectations([(turned(), BINDINGS)])


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("step", ["submit", "accepted", "rows", "ready"])
@pytest.mark.parametrize("at", range(CHUNKS))
def test_a_killed_run_goes_on_and_pays_for_nothing_twice(
    step: str, at: int, tagged: bool, tmp_path: Path
) -> None:
    path, cloud = tmp_path / "jobs.jsonl", Cloud()
    provider = Faulty(cloud, tagged=tagged)
    provider.steps[step] = [None] * at + [Killed()]
    ledger = Ledger(path)
    with pytest.raises(Killed):
        service_of(provider, ledger).expectations([(turned(), BINDINGS)])
    ledger.close()
    again = service_of(Faulty(cloud, tagged=tagged), Ledger(path))
    np.testing.assert_allclose(
        again.expectations([(turned(), BINDINGS)])[0], expected(BINDINGS), atol=1e-12
    )
    # Where the device keeps no tags, a job whose id was never heard of cannot be found.
    unheard = 0 if tagged or step != "accepted" else len(BINDINGS[3 * at : 3 * at + 3])
    assert cloud.circuits == len(BINDINGS) + unheard
    # A third run asks for nothing.
    assert again.ledger is not None
    again.ledger.close()
    third = service_of(Faulty(cloud), Ledger(path))
    np.testing.assert_allclose(third.expectations([(turned(), BINDINGS)])[0], expected(BINDINGS))
    assert third.tally.jobs == 0


def test_several_circuits_of_a_call_are_parts_of_jobs() -> None:
    cloud = Cloud()
    service = service_of(Faulty(cloud), shots=100)
    both, first = service.expectations([(turned(), BINDINGS[:4]), (turned(1), BINDINGS)])
    np.testing.assert_allclose(both, expected(BINDINGS[:4]), atol=0.4)
    np.testing.assert_allclose(first, expected(BINDINGS)[:, :1], atol=0.4)
    sizes = [[len(pub.bindings) for pub in pubs] for pubs in cloud.jobs.values()]
    # A job holds three bindings, of whatever circuits.
    assert sizes == [[3], [1, 2], [3], [3]]
    assert service.tally.circuits == 4 + 8 and service.tally.shots == 100 * 12


def test_jobs_hold_circuits_of_equal_shots_together() -> None:
    found = [
        [(size.circuit, size.bindings, size.shots) for size in job]
        for job in Limits(bindings=100).jobs([(2, 1, 13), (2, 1, 12), (2, 1, 13), (2, 1, 12)])
    ]
    assert found == [[(0, 2, 13), (2, 2, 13)], [(1, 2, 12), (3, 2, 12)]]


@pytest.mark.parametrize("step", ["submit", "accepted", "rows", "ready"])
@pytest.mark.parametrize("at", range(2))
def test_a_killed_call_of_several_circuits_pays_for_nothing_twice(
    step: str, at: int, tmp_path: Path
) -> None:
    path, cloud = tmp_path / "jobs.jsonl", Cloud()
    asked = [(turned(), BINDINGS[:3]), (turned(1), BINDINGS[:2]), (turned(1), -BINDINGS[:1])]
    provider = Faulty(cloud, bindings=4)
    provider.steps[step] = [None] * at + [Killed()]
    ledger = Ledger(path)
    with pytest.raises(Killed):
        service_of(provider, ledger).expectations(asked)
    ledger.close()
    again = service_of(Faulty(cloud, bindings=4), Ledger(path))
    for (placed, bindings), found in zip(asked, again.expectations(asked), strict=True):
        wanted = expected(bindings)[:, : placed.circuit.outputs]
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert cloud.circuits == 6


def test_a_line_that_was_torn_is_dropped(tmp_path: Path) -> None:
    path, cloud = tmp_path / "jobs.jsonl", Cloud()
    ledger = Ledger(path)
    service_of(Faulty(cloud), ledger).expectations([(turned(), BINDINGS)])
    ledger.close()
    whole = path.read_bytes()
    for cut in range(len(whole) - 200, len(whole), 37):
        path.write_bytes(whole[:cut])
        ledger = Ledger(path)
        again = service_of(Faulty(cloud), ledger)
        np.testing.assert_allclose(
            again.expectations([(turned(), BINDINGS)])[0], expected(BINDINGS)
        )
        ledger.close()
        # What was written after it can be read.
        Ledger(path).close()
    assert cloud.circuits == len(BINDINGS)


def test_the_ledger_is_lines_that_only_grow(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    ledger = Ledger(path)
    service = service_of(Faulty(Cloud(), bindings=8), ledger, shots=50)
    service.expectations([(turned(), BINDINGS)])
    before = path.read_bytes()
    service.expectations([(turned(), -BINDINGS)])
    assert path.read_bytes().startswith(before)
    lines = [json.loads(line) for line in before.splitlines()]
    assert [line.get("event") for line in lines] == [None, "planned", "submitted", "answered"]
    assert lines[1]["shots"] == 50 and len(lines[1]["keys"]) == 8


@pytest.mark.parametrize(
    "text", ["notes\n", '{"kind":"qcompile ledger","version":2}\n', '{"kind":"other"}\n', "[]\n"]
)
def test_another_file_is_no_ledger(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        Ledger(path)
    assert code_of(caught.value) == "QA7108"
    assert path.read_text() == text


def test_one_ledger_is_written_by_one_run(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    first = Ledger(path)
    with pytest.raises(UsageError, match="another process"):
        Ledger(path)
    first.close()
    Ledger(path).close()


@pytest.mark.parametrize("budget", [Budget(shots=1500), Budget(jobs=5)])
def test_a_limit_refuses_before_anything_is_handed_in(budget: Budget) -> None:
    cloud = Cloud()
    service = service_of(Faulty(cloud), shots=100, budget=budget)
    service.expectations([(turned(), BINDINGS)])
    jobs = len(cloud.jobs)
    with pytest.raises(AdapterError) as caught:
        service.expectations([(turned(), -BINDINGS)])
    assert code_of(caught.value) == "QA7106" and len(cloud.jobs) == jobs


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"shots": 300}, [[3, 3, 2]]),
        ({"shots": 250}, [[2, 2, 2, 2]]),
        ({"shots": 99}, [[1] * 8] * 2),
        # 34 shots, and twice 33, which share a job.
        ({"circuit_shots": 40}, [[3, 3, 2], [3, 3, 2], [1, 3, 3, 1]]),
        ({"shots": 60, "circuit_shots": 40}, [[1] * 8] * 3),
    ],
)
def test_no_job_takes_more_shots_than_it_may(
    limits: dict[str, int], asked: list[list[int]]
) -> None:
    cloud = Cloud()
    service = service_of(Faulty(cloud, limits=Limits(bindings=3, **limits)), shots=100)
    found = service.expectations([(turned(), BINDINGS)])[0]
    np.testing.assert_allclose(found, expected(BINDINGS), atol=0.5)
    sizes = [len(pub.bindings) for pub in cloud.pubs]
    assert sizes == [size for jobs in asked for size in jobs]
    assert service.tally.shots == 100 * len(BINDINGS)
    for pubs in cloud.jobs.values():
        (shots,) = {pub.shots for pub in pubs}
        assert shots is not None and shots <= limits.get("circuit_shots", 100)
        assert shots * sum(len(pub.bindings) for pub in pubs) <= limits.get("shots", 10**9)


def test_counts_of_a_circuit_that_was_split_are_added_up(tmp_path: Path) -> None:
    cloud = Cloud()
    provider = Faulty(cloud, limits=Limits(shots=60))
    jobs: list[int] = []

    def all_of_one(rows: list[Row | None]) -> Sequence[Row | None]:
        jobs.append(len(jobs))
        shots = sum(row.weights.sum() for row in rows if row is not None)
        return [Row(codes=np.array([len(jobs) - 1]), weights=np.array([shots]))]

    # 101 shots: 51 of the outcome 0 and 50 of the outcome 1.
    provider.change = all_of_one
    path = tmp_path / "jobs.jsonl"
    ledger = Ledger(path)
    found = service_of(provider, ledger, shots=101).expectations([(turned(), BINDINGS[:1])])[0]
    np.testing.assert_allclose(found, [[1 / 101, 1.0]])
    ledger.close()
    again = service_of(Faulty(cloud, limits=Limits(shots=60)), Ledger(path), shots=101)
    np.testing.assert_allclose(again.expectations([(turned(), BINDINGS[:1])])[0], found)
    assert again.tally.jobs == 0


def test_a_run_that_was_killed_between_the_parts_of_its_shots_goes_on(tmp_path: Path) -> None:
    path, cloud = tmp_path / "jobs.jsonl", Cloud()
    provider = Faulty(cloud, limits=Limits(shots=60))
    provider.steps["ready"] = [None, Killed()]
    ledger = Ledger(path)
    with pytest.raises(Killed):
        service_of(provider, ledger, shots=100).expectations([(turned(), BINDINGS)])
    ledger.close()
    again = service_of(Faulty(cloud, limits=Limits(shots=60)), Ledger(path), shots=100)
    again.expectations([(turned(), BINDINGS)])
    assert again.tally.jobs == 0 and cloud.circuits == 2 * len(BINDINGS)


def test_a_device_without_shots_is_a_message() -> None:
    provider = Faulty(Cloud())
    provider.exact = False
    with pytest.raises(AdapterError) as caught:
        service_of(provider)
    assert code_of(caught.value) == "QA7107"
    service_of(provider, shots=10)


def test_progress_is_told() -> None:
    told: list[str] = []
    service_of(Faulty(Cloud()), say=told.append).expectations([(turned(), BINDINGS)])
    assert told[0] == "cloud: 3 of 8 circuits" and told[-1] == "cloud: 8 of 8 circuits"
