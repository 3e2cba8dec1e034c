"""`qcompile convert ADAPTER FOLDER --to lora`"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.peft_folder import base_of
from qcompile.cli.arguments import Arguments
from qcompile.cli.bound_data import SUFFIXES, read_samples
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownOptionValue
from qcompile.report.table import table_text

if TYPE_CHECKING:
    from qcompile.adapter.lora import PlainLora

SCHEMA_VERSION = 1


def check_samples(path: str | None) -> None:
    """Refuse a file whose suffix is none of arrays.

    Raises:
        UsageError: QA0051.
    """
    if path is not None and Path(path).suffix not in SUFFIXES:
        allowed = tuple(f"a file {suffix}" for suffix in SUFFIXES)
        raise UsageError(UnknownOptionValue(option="--data", value=path, allowed=allowed))


def write_lora(arguments: Arguments, terminal: Terminal) -> None:
    """Write the nearest plain LoRA, and print the rank and the error of each module."""
    from qcompile.adapter.load import load
    from qcompile.adapter.lora import lora_of

    source, output = arguments.inputs
    base, task = base_of(source) if os.path.isdir(source) else (None, None)
    with terminal.progress() as say:
        say(f"read {source}")
        adapter = load(source)
        lora = lora_of(
            adapter,
            arguments.rank,
            error=arguments.error,
            samples=None if arguments.data is None else read_samples(arguments.data),
            base_model=arguments.base or base or adapter.manifest.base_model,
            task_type=task or adapter.manifest.task_type,
            progress=say,
        )
        lora.save(output)
    terminal.out(_json(lora) if arguments.format == "json" else _table(lora))
    ranks = sorted({a.shape[0] for a, _ in lora.factors.values()})
    shown = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
    if all(bool((b == 0).all()) for _, b in lora.factors.values()):
        terminal.note(f"the update of `{source}` is zero in every module; is it trained?")
    worst = min(lora.kept, key=lambda module: lora.kept[module])
    terminal.note(
        f"wrote {output}: LoRA of rank {shown} for {len(lora.factors)} modules, which keeps"
        f" {100 * lora.energy:.4g} % of the update's energy or more (least: {worst})"
    )


def _table(lora: PlainLora) -> str:
    rows = [["module", "rank", "error", "error of outputs"]]
    for module, (a, _) in lora.factors.items():
        measured = lora.output_errors.get(module)
        shown = "" if measured is None else f"{measured:.2e}"
        rows.append([module, str(a.shape[0]), f"{lora.errors[module]:.2e}", shown])
    if not lora.output_errors:
        rows = [row[:-1] for row in rows]
    return table_text(rows, left=(0,)) + "\n"


def _json(lora: PlainLora) -> str:
    modules = [
        {
            "module": module,
            "rank": a.shape[0],
            "error": lora.errors[module],
            "output_error": lora.output_errors.get(module),
            "kept_energy": lora.kept[module],
        }
        for module, (a, _) in lora.factors.items()
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "modules": modules}, indent=2) + "\n"
