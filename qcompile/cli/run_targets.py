"""`qcompile targets`, `targets show NAME [-o map.svg]`, `targets export NAME -o FILE`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.atomic import check_output, write_atomically
from qcompile.cli.arguments import Arguments
from qcompile.cli.outputs import refuse_inputs
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import CompileError
from qcompile.ir.target import NamedDevice

if TYPE_CHECKING:
    from qcompile.backends.devices.summary import DeviceSummary, Spread


def run(arguments: Arguments, terminal: Terminal) -> int:
    """List the devices, print the figures of one, or write one as a file."""
    match arguments.inputs:
        case ("show", name):
            _show(name, arguments, terminal)
        case ("export", name):
            _export(name, arguments.output, terminal)
        case _:
            _list(arguments, terminal)
    return 0


def _list(arguments: Arguments, terminal: Terminal) -> None:
    from qcompile.backends.devices import list_devices, load_device
    from qcompile.backends.devices.summary import summary_of

    names = list_devices()
    rows: list[dict[str, object]] = []
    for name in names:
        try:
            found = summary_of(load_device(NamedDevice(name=name)))
        except CompileError as error:
            rows.append({"name": name, "unusable": error.diagnostics[0].title})
            continue
        rows.append(
            {
                "name": name,
                "qubits": found.qubits,
                "couplings": found.couplings,
                "coupling_error": _median(found.coupling_error),
                "readout_error": _median(found.readout_error),
                "calibrated": found.calibrated,
                "gates": [gate.name for gate in found.gates],
            }
        )
    terminal.out(_json(rows) if arguments.format == "json" else _listed(rows))


HEAD = ("device", "qubits", "couplings", "2q error", "read-out", "calibrated", "gates")


def _listed(rows: list[dict[str, object]]) -> str:
    """A line for each device, with medians of its errors, then those that cannot be used."""
    from qcompile.report.table import table_text

    cells = [_cells(row) for row in rows if "unusable" not in row]
    text = table_text([HEAD, *cells], left=(0, 5, 6)) + "\n" if cells else ""
    unusable = [f"{row['name']}: {row['unusable']}\n" for row in rows if "unusable" in row]
    return text + ("\nunusable:\n" + "".join(unusable) if unusable else "")


def _cells(row: dict[str, object]) -> tuple[str, ...]:
    gates = row["gates"]
    return (
        *(str(row[key]) for key in ("name", "qubits", "couplings")),
        *(_short(row[key]) for key in ("coupling_error", "readout_error")),
        str(row["calibrated"] or "")[:10],
        " ".join(map(str, gates)) if isinstance(gates, list) else "",
    )


def _short(error: object) -> str:
    return f"{error:.2g}" if isinstance(error, float) else ""


def _median(figures: Spread | None) -> float | None:
    return None if figures is None else figures.median


def _show(name: str, arguments: Arguments, terminal: Terminal) -> None:
    from qcompile.backends.devices import load_device
    from qcompile.backends.devices.choice import choice_of
    from qcompile.backends.devices.summary import summary_of

    device = load_device(choice_of(name))
    found = summary_of(device)
    if arguments.output is not None:
        from qcompile.backends.devices.picture import device_svg

        check_output(arguments.output)
        write_atomically(arguments.output, device_svg(device).encode())
        terminal.note(f"wrote {arguments.output}")
    if arguments.format == "json":
        from dataclasses import asdict

        terminal.out(_json(asdict(found)))
    else:
        terminal.out(_text(found))


def _json(data: object) -> str:
    import json

    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _text(found: DeviceSummary) -> str:
    date = f", calibrated {found.calibrated}" if found.calibrated else ""
    lines = [f"{found.name}: {found.qubits} qubits, {found.couplings} couplings{date}"]
    lines.append(f"{'':18}{'places':>6}  least     median    greatest")
    for gate in found.gates:
        lines.append(_row(f"{gate.name} error", gate.error, str(gate.places)))
        lines.append(_row(f"{gate.name} seconds", gate.duration, ""))
    for label, figures in (
        ("read-out error", found.readout_error),
        ("read-out seconds", found.readout_duration),
        ("T1 seconds", found.t1),
        ("T2 seconds", found.t2),
    ):
        lines.append(_row(label, figures, ""))
    return "\n".join(lines) + "\n"


def _row(label: str, figures: Spread | None, places: str) -> str:
    head = f"{label:18}{places:>6}  "
    if figures is None:
        return f"{head}unknown"
    values = (figures.least, figures.median, figures.greatest)
    return head + "  ".join(f"{value:<8.3g}" for value in values).rstrip()


def _export(name: str, output: str | None, terminal: Terminal) -> None:
    from qcompile.backends.devices import load_device
    from qcompile.backends.devices.choice import choice_of
    from qcompile.backends.devices.files import device_text

    choice = choice_of(name)
    if output is not None and isinstance(choice, NamedDevice) and choice.file is not None:
        refuse_inputs(output, (output,), (Path(choice.file),))
    text = device_text(load_device(choice))
    if output is None:
        terminal.out(text)
        return
    check_output(output)
    write_atomically(output, text.encode())
    terminal.note(f"wrote {output}")
