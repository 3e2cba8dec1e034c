"""What the numbers carry, in sentences that are computed from them."""

from __future__ import annotations

from evidence.methods import BUDGETS, Budget
from evidence.report.comparisons import Verdict, against, controlled, verdicts
from evidence.report.figures import interval, listing
from evidence.results import Row, TaskResults
from evidence.statistics import all_finite, mean

WORDS: dict[Budget, str] = {
    "steps": "In its own shape",
    "parameters": "With LoRA's number of parameters",
}


def findings(task: TaskResults) -> list[str]:
    """Bullet points of a task."""
    lines = []
    for budget in BUDGETS:
        lines += _against_lora(task, budget)
    for budget in BUDGETS:
        lines += _circuits(task, budget)
    lines += _baselines(task)
    lines += _edges(task)
    if not lines:
        lines = ["There are too few seeds to compare anything."]
    return [f"- {line}" for line in lines]


def negative_control(task: TaskResults) -> str:
    """Whether any adapter is ahead of the head alone where none should be."""
    pairs = against(task, "head", "steps")
    found = verdicts(pairs, "score", higher_is_better=task.higher_is_better)
    if not found:
        return "There are too few seeds to say anything."
    ahead = [verdict.row.name for verdict in found if verdict.clear and verdict.better]
    if ahead:
        return f"Here {listing(ahead)} came out ahead of the head alone: more than was expected."
    return "As expected, no adapter is clearly ahead of the head alone."


def _against_lora(task: TaskResults, budget: Budget) -> list[str]:
    found = verdicts(against(task, "lora", budget), "score", higher_is_better=task.higher_is_better)
    if not found:
        return []
    groups = (
        ("clearly ahead of LoRA", [v for v in found if v.clear and v.better]),
        ("clearly behind LoRA", [v for v in found if v.clear and not v.better]),
        ("not told apart from LoRA", [v for v in found if not v.clear]),
    )
    parts = [f"{words}: {_names(group)}" for words, group in groups]
    pairs = min(verdict.difference.pairs for verdict in found)
    return [f"{WORDS[budget]}, {pairs} pairs or more: {'; '.join(parts)}."]


def _names(group: list[Verdict]) -> str:
    return listing([verdict.row.name for verdict in group]) or "none"


def _circuits(task: TaskResults, budget: Budget) -> list[str]:
    found = verdicts(controlled(task, budget), "score", higher_is_better=task.higher_is_better)
    lines = []
    for verdict in found:
        if verdict.clear:
            words = "the circuit is better" if verdict.better else "the classical map is better"
        else:
            words = "no difference that stands"
        lines.append(
            f"`{verdict.row.name}` against its classical control, {_small(budget)}:"
            f" {interval(verdict.difference, 3)}, {words}."
        )
    return lines


def _small(budget: Budget) -> str:
    return WORDS[budget][0].lower() + WORDS[budget][1:]


def _baselines(task: TaskResults) -> list[str]:
    bayes = task.row("bayes", "steps")
    if bayes is None:
        return []
    trained = [row for row in task.rows if row.rate is not None]
    best = max(trained, key=_score, default=None)
    if best is None:
        return []
    words = "above" if _score(best) > _score(bayes) else "not above"
    return [
        (
            f"Naive Bayes on words reaches {_score(bayes):.3f}; the best row, `{best.name}`,"
            f" is {words} it with {_score(best):.3f}."
        )
    ]


def _score(row: Row) -> float:
    values = row.figures["score"]
    return mean(values) if all_finite(values) else float("-inf")


def _edges(task: TaskResults) -> list[str]:
    edge = [row for row in task.rows if row.rate_at_edge]
    if not edge:
        return []
    names = list(dict.fromkeys(row.name for row in edge))
    return [f"The best rate lies at an end of the grid for {listing(names)} (*)."]
