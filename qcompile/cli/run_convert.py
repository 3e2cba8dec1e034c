"""`qcompile convert FROM TO`"""

from __future__ import annotations

from pathlib import Path

from qcompile.artifact.formats import names_folder, read_adapter, write_adapter
from qcompile.cli.arguments import Arguments
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownOutputSuffix

SUFFIXES = (".pt", ".safetensors")


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Write an adapter as another kind of file, with the same tensors, or as plain LoRA."""
    source, output = arguments.inputs
    if arguments.to == "lora":
        return _to_lora(source, output, arguments.rank, terminal)
    if not names_folder(output) and Path(output).suffix not in SUFFIXES:
        raise UsageError(UnknownOutputSuffix(path=output, suffixes=(*SUFFIXES, "a folder/")))
    with terminal.progress() as say:
        say(f"read {source}")
        manifest, state = read_adapter(source)
        say(f"write {output}")
        write_adapter(output, manifest, state)
    terminal.note(f"wrote {output}")
    return 0


def _to_lora(source: str, output: str, rank: int | float, terminal: Terminal) -> int:
    from qcompile.adapter.load import load
    from qcompile.adapter.lora import lora_of

    if Path(output).suffix in SUFFIXES:
        raise UsageError(UnknownOutputSuffix(path=output, suffixes=("a folder/",)))
    with terminal.progress() as say:
        say(f"read {source}")
        adapter = load(source)
        lora = lora_of(adapter, rank, progress=say)
        lora.save(output)
    ranks = sorted({a.shape[0] for a, _ in lora.factors.values()})
    shown = f"{ranks[0]}" if len(ranks) == 1 else f"{ranks[0]} to {ranks[-1]}"
    worst = min(lora.kept, key=lambda module: lora.kept[module])
    terminal.note(
        f"wrote {output}: LoRA of rank {shown} for {len(lora.factors)} modules, which keeps"
        f" {100 * lora.energy:.4g} % of the update's energy or more (least: {worst})"
    )
    return 0
