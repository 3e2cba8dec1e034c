"""docs/evidence.md and its figures."""

from __future__ import annotations

from pathlib import Path

from evidence.report.figures import table
from evidence.report.findings import findings, negative_control
from evidence.report.headlines import headline_rows
from evidence.report.plots import draw, plot_names
from evidence.report.tables import cost_table, score_tables
from evidence.results import Results, TaskResults

ABOUT = {
    "man_section": (
        "**man_section.** From the NAME line of a Debian man page to its section (1, 2, 3, 5, 7, 8),"
        " with the pretrained encoder all-MiniLM-L6-v2, mean pooling and a linear head. Seed *s*"
        " tests on fold *s* of five; no source package is in two folds, and a sixth part of the"
        " packages only chooses learning rates."
    ),
    "prose": (
        "**prose.** A tiny Llama that was pretrained on the sources of Python's standard library"
        " learns English, the texts of `pydoc_data.topics`. Lower is better. *Code forgotten* is"
        " what it loses, in bits per byte, on held-out code."
    ),
    "package": (
        "**package**, the negative control. From the first sentence of a docstring to the package"
        " that it stands in, with the names of the packages masked; split by file. The labels are"
        " noisy and the frozen encoder already knows what there is to know, so no adapter should"
        " win here."
    ),
}

PROTOCOL = """
Every method has the same steps, batches, order of data, head and initial head, and sits in the same
query and value maps (prefixes: in the attention around them). AdamW without weight decay, warm-up over
a twentieth of the steps, cosine decay, gradients clipped at 1, no dropout in the base. The learning
rate is the best of one grid by the validation loss with the first seed, for each method, shape and
task; the head's own rate is the best for the head alone, and the same for all. Layers below the
adapters are frozen for every method, so their output is computed once and kept. `full` trains every
weight of the layers that the adapters sit in.

*Parameters* are trainable ones without the head, *angles* those of them that are angles of circuits.
A `-control` is the same adapter with each circuit replaced by a classical map of as many parameters,
inputs and outputs. *Training loss* is the mean of the last 20 steps, in nats. Figures are means ±
standard deviations over seeds; differences are of pairs with the same seed, with a t interval. *Clearly*
means p < 0.05 after Holm's correction for all comparisons of that table. Time is the median of steps
that took turns with LoRA's in one process; *memory* is the growth of the process through building and
the first steps (on CUDA, of allocated memory); *saved* is what autograd keeps of one step, counted.
""".strip()

LIMITS = """
The models are small, the runs short, the data small; nothing here says how the methods compare on large
models. Circuits are simulated exactly. No quantum advantage is claimed.
""".strip()


def page(results: Results) -> str:
    """The whole page."""
    lines = [
        "# Evidence",
        "",
        "<!-- Written by `python -m evidence report` from docs/evidence/results.json. -->",
        "",
        (
            "All families of adapters on the same tasks, by one protocol. Everything on this page is"
            f" computed from `docs/evidence/results.json`, preset `{results.preset}`, which"
        ),
        "",
        "```sh",
        f"make evidence PRESET={results.preset}",
        "```",
        "",
        (
            "makes anew: it goes on where it was interrupted, and `python -m evidence run --help` shows"
            " what can be chosen."
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
