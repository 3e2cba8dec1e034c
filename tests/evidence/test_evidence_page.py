"""The page: what its numbers are made of, and that the committed one is what its results give."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from evidence.report.comparisons import against, controlled, difference, verdicts
from evidence.report.figures import interval, listing, signed, spread, table
from evidence.report.findings import findings, negative_control
from evidence.report.headlines import headline_rows
from evidence.report.page import page, write_page
from evidence.report.plots import plot_names
from evidence.results import Kind, Results, Row, TaskResults
from evidence.statistics import Difference

DOCS = Path(__file__).parents[2] / "docs"
SEEDS = [0, 1, 2, 3, 4]
NOISE = [0.01, -0.01, 0.02, 0.0, -0.02]


def row(name: str, score: float, kind: Kind = "adapter", parameters: int = 100) -> Row:
    """A row whose scores lie around `score`, by an amount that the name decides."""
    turn = len(name) % 5
    values = [score + NOISE[(seed + turn) % 5] for seed in SEEDS]
    return Row(
        name=name,
        about="",
        kind=kind,
        budget="steps",
        values={"rank": 4},
        parameters=parameters,
        quantum=0,
        rate=0.01,
        rate_at_edge=name == "lora",
        seeds=list(SEEDS),
        figures={"score": values, "train_loss": [2 - value for value in values]},
        curve=[2.0, 1.0],
        costs={"ratio": 1.5, "seconds": 0.01, "memory": None, "saved": 2e6},
    )


def results(*rows: Row, higher_is_better: bool = True) -> Results:
    task = TaskResults(
        task="man_section",
        score="accuracy",
        higher_is_better=higher_is_better,
        facts={"examples": "10"},
        steps=50,
        batch=4,
        rates=[0.01],
        full_rates=[0.001],
        head_rate=0.01,
        seeds=SEEDS,
        rows=list(rows),
    )
    counts = {"parameters": 240.0, "lora": 1000.0, "model": 1e6}
    return Results(
        preset="small",
        machine={"processor": "one"},
        tasks=[task],
        published={"qtha": counts, "qaa": counts, "quantum_peft": counts},
    )


def test_findings_follow_the_numbers() -> None:
    rows = [
        row("head", 0.3, "reference"),
        row("bayes", 0.99, "reference"),
        row("lora", 0.5),
        row("better", 0.8),
        row("worse", 0.2),
        row("equal", 0.505),
        row("equal-control", 0.2, "control"),
    ]
    (task,) = results(*rows).tasks
    text = "\n".join(findings(task))
    assert "clearly ahead of LoRA: `better`;" in text
    assert "clearly behind LoRA: `worse` and `equal-control`;" in text
    assert "not told apart from LoRA: `equal`." in text
    assert "`equal` against its classical control" in text and "the circuit is better" in text
    assert "is not above it" in text
    assert "end of the grid for `lora`" in text
    assert "`lora`, `better` and `equal` came out ahead of the head alone" in negative_control(task)
    (task,) = results(*rows, higher_is_better=False).tasks
    assert "clearly ahead of LoRA: `worse` and `equal-control`;" in "\n".join(findings(task))


def test_many_comparisons_need_more() -> None:
    """A difference that one comparison would show does not stand among forty."""
    lora = row("lora", 0.5)
    other = row("other", 0.54)
    pairs = [(other, lora)]
    (alone,) = verdicts(pairs, "score", higher_is_better=True)
    among = verdicts([*pairs * 40], "score", higher_is_better=True)
    assert alone.clear and not among[0].clear


def test_differences_use_common_seeds_only() -> None:
    lora, other = row("lora", 0.5), row("other", 0.6)
    short = Row(
        **{
            **{name: getattr(other, name) for name in Row.__slots__},
            "seeds": [3, 1],
            "figures": {"score": [0.7, 0.9]},
        }
    )
    found = difference(short, lora, "score")
    assert found is not None and found.pairs == 2
    expected = ((0.7 - lora.figures["score"][3]) + (0.9 - lora.figures["score"][1])) / 2
    assert found.mean == pytest.approx(expected)
    assert difference(short, lora, "train_loss") is None
    (task,) = results(other).tasks
    assert against(task, "lora", "steps") == [] and controlled(task, "steps") == []


def test_headlines_are_reproduced_only_by_numbers() -> None:
    verdict = {claim: here for claim, here, _, _ in headline_rows(results(row("lora", 0.5)))}
    assert verdict["QTHA: 76 % fewer trainable parameters than LoRA"] == "reproduced"
    assert verdict["QTHA: test score up to 17 % above LoRA's"] == "not run"
    large = results(row("lora", 0.5), row("qtha", 0.9))
    rows = {claim: (here, why) for claim, here, why, _ in headline_rows(large)}
    here, why = rows["QTHA: test score up to 17 % above LoRA's"]
    assert here == "not reproduced", "its own shape may have more parameters than LoRA"
    assert "+80.0 % with 1.00 × its parameters" in why
    matched = Row(
        **{
            **{n: getattr(row("qtha", 0.9), n) for n in Row.__slots__},
            "budget": "parameters",
        }
    )
    lora = Row(
        **{
            **{n: getattr(row("lora", 0.5), n) for n in Row.__slots__},
            "budget": "parameters",
        }
    )
    rows = {claim: (here, why) for claim, here, why, _ in headline_rows(results(lora, matched))}
    assert rows["QTHA: test score up to 17 % above LoRA's"][0] == "reproduced"
    assert rows["QTHA: training loss up to 15 to 17 % below LoRA's"][0] == "reproduced"


def test_figures() -> None:
    assert spread([1.0, 2.0], 2) == "1.50 ± 0.71" and spread([1.0], 1) == "1.0"
    assert spread([1.0, math.inf], 2) == "diverged" and spread([], 2) == "–"
    assert signed(-0.0001, 2) == "0.00" and signed(-0.5, 1) == "−0.5" and signed(0.5, 1) == "+0.5"
    one = Difference(pairs=5, mean=0.1, low=-0.2, high=0.4, p=0.3)
    assert interval(one, 1) == "+0.1 [−0.2, +0.4]" and interval(None, 1) == "–"
    assert listing(["a", "b", "c"]) == "`a`, `b` and `c`" and listing([]) == ""
    assert table(["a", "b"], [["x", "1"]]) == ["| a | b |", "| --- | ---: |", "| x | 1 |"]


def test_results_survive_json() -> None:
    given = results(row("lora", 0.5))
    text = given.to_json()
    again = Results.from_json(text)
    assert again.to_json() == text and again.tasks[0].rows[0].seeds == SEEDS
    with pytest.raises(ValueError, match="schema 7"):
        Results.from_json(text.replace('"schema": 1', '"schema": 7'))


def test_written_page_and_plots_are_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    given = results(row("lora", 0.5), row("qtha", 0.6), row("head", 0.3, "reference"))
    contents = []
    for name in ("first", "second"):
        write_page(given, tmp_path / name)
        paths = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({path.relative_to(tmp_path / name): path.read_bytes() for path in paths})
    assert contents[0] == contents[1]
    named = {f"evidence/{name}" for name, _ in plot_names(given.tasks[0])}
    assert named < {path.as_posix() for path in contents[0]}


def test_the_committed_page_is_what_its_results_give() -> None:
    found = Results.from_json((DOCS / "evidence" / "results.json").read_text("utf-8"))
    assert (DOCS / "evidence.md").read_text("utf-8") == page(found)
    for task in found.tasks:
        for name, _ in plot_names(task):
            assert (DOCS / "evidence" / name).stat().st_size > 1000
