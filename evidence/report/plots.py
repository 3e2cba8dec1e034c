"""The figures of the page: the same results give the same bytes of SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evidence.results import Row, TaskResults
from evidence.statistics import all_finite, deviation, mean

COLOURS = {"reference": "tab:gray", "adapter": "tab:blue", "control": "tab:orange"}


def plot_names(task: TaskResults) -> list[tuple[str, str]]:
    """File names and what they show."""
    return [
        (f"{task.task}-score.svg", f"{task.score} of every method, mean and standard deviation"),
        (f"{task.task}-parameters.svg", f"{task.score} over trainable parameters"),
        (f"{task.task}-loss.svg", "training loss over the steps"),
        (f"{task.task}-costs.svg", "time and memory of a step"),
    ]


def draw(task: TaskResults, folder: Path) -> None:
    """Draw all figures of a task."""
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    # Ids in an SVG are random, and it carries the date, unless told otherwise.
    with mpl.rc_context({"svg.hashsalt": task.task, "svg.fonttype": "none"}):
        names = [name for name, _ in plot_names(task)]
        for name, drawing in zip(names, (_score, _parameters, _loss, _costs), strict=True):
            figure = _figure()
            drawing(task, figure)
            figure.savefig(folder / name, format="svg", metadata={"Date": None})


def _figure() -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(7.5, 4.8), layout="constrained")


def _drawable(task: TaskResults) -> list[Row]:
    return [row for row in task.rows if all_finite(row.figures["score"])]


def _name(row: Row) -> str:
    return row.name + (" =" if row.budget == "parameters" else "")


def _score(task: TaskResults, figure: Any) -> None:
    axes = figure.subplots()
    rows = sorted(
        _drawable(task),
        key=lambda row: mean(row.figures["score"]),
        reverse=not task.higher_is_better,
    )
    for place, row in enumerate(rows):
        values = row.figures["score"]
        error = deviation(values) if len(values) > 1 else 0.0
        axes.errorbar(
            mean(values), place, xerr=error, fmt="o", color=COLOURS[row.kind], markersize=4
        )
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows], fontsize=7)
    axes.set_xlabel(f"{task.score} (grey: references, orange: classical controls, =: LoRA's size)")
    axes.grid(alpha=0.2)


def _parameters(task: TaskResults, figure: Any) -> None:
    axes = figure.subplots()
    for row in _drawable(task):
        if row.parameters and row.kind != "reference":
            centre = mean(row.figures["score"])
            axes.plot(row.parameters, centre, "o", color=COLOURS[row.kind], markersize=4)
            axes.annotate(
                _name(row),
                (row.parameters, centre),
                fontsize=6,
                xytext=(3, 2),
                textcoords="offset points",
            )
    axes.set_xscale("log")
    axes.set_xlabel("trainable parameters")
    axes.set_ylabel(task.score)
    axes.grid(alpha=0.2)


def _loss(task: TaskResults, figure: Any) -> None:
    axes = figure.subplots()
    for row in _drawable(task):
        if row.curve and row.budget == "steps":
            stretch = task.steps / len(row.curve)
            steps = [stretch * (place + 0.5) for place in range(len(row.curve))]
            style = {"reference": "--", "adapter": "-", "control": ":"}[row.kind]
            axes.plot(steps, row.curve, style, linewidth=1, label=row.name)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss, nats")
    axes.grid(alpha=0.2)
    axes.legend(fontsize=6, ncols=2)


def _costs(task: TaskResults, figure: Any) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    rows = [row for row in task.rows if row.costs and row.budget == "steps"]
    places = range(len(rows))
    colours = [COLOURS[row.kind] for row in rows]
    left.barh(places, [row.costs.get("ratio") or 0.0 for row in rows], color=colours)
    left.set_yticks(places, [row.name for row in rows], fontsize=7)
    left.set_xlabel("time of a step ÷ LoRA's")
    right.barh(places, [(row.costs.get("saved") or 0.0) / 1e6 for row in rows], color=colours)
    right.set_xlabel("kept for the backward pass, MB")
