"""`python -m evidence run` compares all adapters, `… report` writes docs/evidence.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from evidence.available import Unavailable, choose
from evidence.presets import PRESETS, TASKS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.do(options)
    except Unavailable as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nevidence: interrupted; the same command goes on where it was", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="do what is left of a comparison, and sum it up")
    run.set_defaults(do=_run)
    run.add_argument("--preset", choices=PRESETS, default="small")
    run.add_argument("--tasks", nargs="+", choices=TASKS, help="these alone")
    run.add_argument("--only", nargs="+", metavar="METHOD", help="these and LoRA alone")
    run.add_argument("--processes", type=int, default=2, help="runs at the same time (2)")
    run.add_argument("--threads", type=int, default=1, help="of each process (1)")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 …")
    run.add_argument("--minutes", type=float, help="start no run later; go on another time")
    run.add_argument("--folder", type=Path, default=ROOT / "build" / "evidence")
    run.add_argument("--pages", type=Path, help="man pages, <source>/man1/…, instead of Debian's")

    report = commands.add_parser("report", help="write docs/evidence.md from results")
    report.set_defaults(do=_report)
    report.add_argument("--results", type=Path, help="new results; docs/evidence/results.json")
    report.add_argument("--docs", type=Path, default=DOCS)

    methods = commands.add_parser("methods", help="list the methods")
    methods.set_defaults(do=_methods)
    return parser


def _run(options: argparse.Namespace) -> int:
    import torch

    from evidence.comparison import plan, run_all
    from evidence.data.debian import PagesMissing
    from evidence.ledger import Ledger
    from evidence.machine import machine_facts
    from evidence.published import published_counts
    from evidence.summary import summarise
    from evidence.tasks.encoder import EncoderMissing
    from evidence.work import Setting, begin
    from qcompile.diagnostics import QCompileError

    preset = PRESETS[options.preset]
    methods = choose(options.only, preset)
    if options.tasks is not None:
        tasks = tuple(task for task in preset.tasks if task.task in options.tasks)
        preset = replace(preset, tasks=tasks)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    setting = Setting(
        folder=options.folder, pages=options.pages, device=device, threads=options.threads
    )
    begin(setting)
    try:
        comparison = plan(preset, methods, setting)
    except (PagesMissing, EncoderMissing, QCompileError) as error:
        raise Unavailable(str(error)) from None
    for name, task in comparison.tasks.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in task.facts.items()))
    ledger = Ledger(options.folder / "results.jsonl")
    complete = run_all(
        comparison, ledger, setting, processes=options.processes, minutes=options.minutes
    )
    machine = machine_facts(torch.device(device), options.threads, options.processes)
    results = summarise(comparison, ledger, machine, published_counts())
    summary = options.folder / f"{preset.name}.json"
    summary.write_text(results.to_json(), "utf-8")
    print(f"results: {summary}" + ("" if complete else " (not complete: run it again)"))
    return 0


def _report(options: argparse.Namespace) -> int:
    from evidence.report.page import write_page
    from evidence.results import Results

    kept = options.docs / "evidence" / "results.json"
    source = kept if options.results is None else options.results
    try:
        results = Results.from_json(source.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unavailable(f"{source}: {error}") from None
    write_page(results, options.docs)
    print(f"wrote {options.docs / 'evidence.md'}")
    return 0


def _methods(options: argparse.Namespace) -> int:
    from evidence.available import why_not
    from evidence.methods import ADAPTERS

    for method in ADAPTERS.values():
        reason = why_not(method)
        print(f"{method.name:22}{method.file:26}{method.about if reason is None else reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
