"""docs/evidence.md and its figures."""

from __future__ import annotations

from pathlib import Path

from evidence.report.figures import table
from evidence.report.findings import findings, negative_control
from evidence.report.headlines import headline_rows
from evidence.report.plots import draw, plot_names
from evidence.report.tables import cost_table, score_tables
from evidence.report.words import ABOUT, LIMITS, PROTOCOL
from evidence.results import Results, TaskResults


def page(results: Results) -> str:
    """The whole page."""
    lines = [
        "# Evidence",
        "",
        "<!-- Written by `python -m evidence report` from docs/evidence/results.json. -->",
        "",
        (
            "All families of adapters on the same tasks, by one protocol. Everything on this page"
            f" is computed from `docs/evidence/results.json`, preset `{results.preset}`, which"
        ),
        "",
        "```sh",
        f"make evidence PRESET={results.preset}",
        "```",
        "",
        (
            "makes anew: it goes on where it was interrupted, and `python -m evidence run --help`"
            " shows what can be chosen."
        ),
        "",
        "## What the numbers carry",
        "",
    ]
    for task in results.tasks:
        lines += [f"On {task.task} ({task.score}):", "", *findings(task), ""]
        if task.task == "package":
            lines[-1:] = [f"- {negative_control(task)}", ""]
    lines += [LIMITS, "", "## Headline claims of the papers", ""]
    lines += table(["claim", "here", "why", "command"], headline_rows(results), words=4)
    lines += ["", "## Protocol", "", PROTOCOL, "", "## Tasks"]
    for task in results.tasks:
        lines += _task(task)
    lines += [
        "",
        "## Machine",
        "",
        *table(["fact", "value"], [*map(list, results.machine.items())], words=2),
    ]
    return "\n".join(lines) + "\n"


def write_page(results: Results, docs: Path) -> None:
    """Results, figures and page, below `docs`."""
    folder = docs / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    for task in results.tasks:
        draw(task, folder)
    (folder / "results.json").write_text(results.to_json(), "utf-8")
    (docs / "evidence.md").write_text(page(results), "utf-8")


def _task(task: TaskResults) -> list[str]:
    rates = ", ".join(f"{rate:g}" for rate in task.rates)
    full = ", ".join(f"{rate:g}" for rate in task.full_rates)
    facts = {
        **task.facts,
        "steps": str(task.steps),
        "batch": str(task.batch),
        "seeds": ", ".join(str(seed) for seed in task.seeds),
        "rates": f"{rates} (full: {full})",
        "head's rate": "–" if task.head_rate is None else f"{task.head_rate:g}",
    }
    lines = ["", f"### {task.task}", "", ABOUT[task.task], ""]
    lines += table(["fact", "value"], [*map(list, facts.items())], words=2)
    lines += score_tables(task)
    lines += cost_table(task)
    for name, words in plot_names(task):
        lines += ["", f"![{task.task}: {words}](evidence/{name})"]
    return lines
