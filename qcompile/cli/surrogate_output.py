"""`qcompile convert ADAPTER PATH --to surrogate`"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from qcompile.cli.arguments import Arguments
from qcompile.cli.bound_data import read_samples
from qcompile.cli.terminal import Terminal
from qcompile.report.table import quantity, table_text

if TYPE_CHECKING:
    from qcompile.adapter.surrogates.surrogate import Surrogate

SCHEMA_VERSION = 1


def write_surrogate(arguments: Arguments, terminal: Terminal) -> None:
    """Write the adapter without circuits, and print what stands in the place of each."""
    from qcompile.adapter.load import load
    from qcompile.adapter.surrogates.surrogate import surrogate_of

    source, output = arguments.inputs
    with terminal.progress() as say:
        say(f"read {source}")
        found = surrogate_of(
            load(source),
            error=arguments.error,
            samples=None if arguments.data is None else read_samples(arguments.data),
            progress=say,
        )
        say(f"write {output}")
        found.adapter.save(output, arguments.module)
    terminal.out(_json(found) if arguments.format == "json" else _table(found))
    count = len(found.circuits)
    circuits = "1 circuit" if count == 1 else f"{count} circuits"
    note = f"wrote {output}: without {circuits}, errors up to {found.error:.2g}"
    if all(part.plan.linear for _, part in found.adapter.parts()):
        note += "; it is linear now: `--to lora` converts it, `merge` adds it to the weights"
    terminal.note(note)


def _table(found: Surrogate) -> str:
    rows = [["module", "circuit", "as", "terms", "error", "rms", "of outputs", "FLOPs/token"]]
    for circuit in found.circuits:
        before, after = found.flops[circuit.module, circuit.adapter]
        measured = found.output_errors.get(circuit.module)
        rows.append(
            [
                circuit.module or circuit.adapter,
                circuit.circuit,
                circuit.method,
                f"{circuit.terms:,}",
                "0" if circuit.method in ("constant", "exact") else f"{circuit.error:.2g}",
                "" if circuit.rms is None else f"{circuit.rms:.2g}",
                "" if measured is None else f"{measured:.2g}",
                f"{quantity(before)} → {quantity(after)}",
            ]
        )
    filled = [k for k in range(len(rows[0])) if any(row[k] for row in rows[1:])]
    return table_text([[row[k] for k in filled] for row in rows], left=(0, 1, 2)) + "\n"


def _json(found: Surrogate) -> str:
    circuits = [
        {
            **asdict(circuit),
            "output_error": found.output_errors.get(circuit.module),
            "flops_per_token": found.flops[circuit.module, circuit.adapter],
        }
        for circuit in found.circuits
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "circuits": circuits}, indent=2) + "\n"
