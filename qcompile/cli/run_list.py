"""`--list-passes` and `--list-targets`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from qcompile.cli.arguments import Arguments
from qcompile.cli.terminal import Terminal


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Print one name a line."""
    if arguments.listing == "passes":
        lines = _passes()
    else:
        from qcompile.backends.devices import list_devices

        lines = list(list_devices())
    terminal.out("".join(f"{line}\n" for line in lines))
    return 0


def _passes() -> list[str]:
    """Name, options with their defaults, and the first line of what is said about a pass."""
    from qcompile.ir.extensions import ExtensionError
    from qcompile.passes.pipeline_text import format_option
    from qcompile.passes.registry import PASSES

    rows = []
    for name in PASSES:
        try:
            kind: Any = PASSES[name]
        except ExtensionError as error:
            rows.append((name, error.message.diagnostic().title))
            continue
        options = ",".join(format_option(field.name, field.default) for field in fields(kind))
        shown = f"{name}{{{options}}}" if options else name
        about = (kind.__doc__ or "").strip().partition("\n")[0]
        rows.append((shown, about))
    width = max(len(shown) for shown, _ in rows)
    return [f"{shown:{width}}  {about}" for shown, about in rows]
