"""Circuits of an adapter as files: what `-o` and `convert` share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.atomic import check_output, write_in_folder, write_together
from qcompile.artifact.formats import names_folder
from qcompile.artifact.peft_folder import check_folder
from qcompile.cli.arguments import Arguments
from qcompile.cli.outputs import refuse_inputs
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.errors import CompileError, UsageError
from qcompile.diagnostics.messages.devices import StateNotRouted, UnitaryNotRouted
from qcompile.diagnostics.messages.export import TooManyCircuits
from qcompile.diagnostics.messages.usage import NoCircuits, OptionWithoutEffect

if TYPE_CHECKING:
    from qcompile.adapter.circuit_origin import CircuitOrigin
    from qcompile.adapter.circuits import AdapterCircuit

SUFFIXES = (".qasm", ".qasm2", ".qpy", ".json", ".qir")
"""Of the kinds of files; those of `qcompile.backends.export.formats`."""

ANGLES = "angles"
"""What `--bind` calls the trained values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitRequest:
    """Which circuits to write, where, and how bound."""

    output: str
    module: str | None
    target: str | None
    bind: tuple[str, ...]
    approximate: bool
    inputs: tuple[Path, ...]
    """Files that must stay."""


def holds_circuits(path: str) -> bool:
    """Whether a path is one of circuits: a file, or a folder such as `circuits.qpy/`."""
    return Path(path).suffix in SUFFIXES


def check_circuit_output(path: str) -> None:
    """What can be known of the output before there is anything to write.

    Raises:
        UsageError: QA0013, QA0014.
    """
    if names_folder(path):
        check_folder(path, ("manifest.json",))
    else:
        check_output(path)
        check_output(f"{path}.manifest.json")


def refuse_without_circuits(circuits: bool, arguments: Arguments) -> None:
    """Options that are about circuits alone, where none are written.

    Raises:
        UsageError: QA0052.
    """
    given = {"--bind": bool(arguments.bind)}
    if arguments.command == "compile":
        given["--module"] = arguments.module is not None
    else:
        given["--target"] = arguments.target is not None
    for option, is_given in given.items():
        if is_given and not circuits:
            needed = f"an output of circuits, {' '.join(SUFFIXES)}"
            raise UsageError(OptionWithoutEffect(option=option, needed=needed))


def data_files(bind: Iterable[str]) -> tuple[Path, ...]:
    """The files that `--bind` names."""
    return tuple(Path(value) for value in bind if value != ANGLES)


def write_circuits(origin: CircuitOrigin, request: CircuitRequest, terminal: Terminal) -> None:
    """Write the circuits and their manifests, all or none.

    Raises:
        QCompileError: What `qcompile.adapter.circuits` reports; QA0015, QA0022, QA4224.
    """
    circuits = _chosen(origin, request, terminal)
    if not circuits:
        raise UsageError(NoCircuits(path=request.output))
    with terminal.progress() as say:
        if request.bind:
            circuits = _bound(circuits, request.bind, say)
        if request.approximate:
            say("approximate circuits")
            circuits = [c.approximated() if c.place.kind == "circuit" else c for c in circuits]
        _remark(circuits, request, terminal)
        say(f"write {request.output}")
        written = _write(circuits, request)
    for path in written:
        terminal.note(f"wrote {path}")


def _chosen(
    origin: CircuitOrigin, request: CircuitRequest, terminal: Terminal
) -> list[AdapterCircuit]:
    from qcompile.adapter.circuit_listing import circuits_of
    from qcompile.adapter.compiled import sites_named
    from qcompile.adapter.routing import Router

    sites = origin.manifest.planned.sites
    if request.module is not None:
        sites = sites_named(sites, request.module)
    collector = Collector()
    router = None
    if request.target is not None:
        router = Router.of_manifest(origin.manifest, request.target, collector.add)
    with terminal.progress() as say:
        if router is not None:
            say(f"bring circuits to {router.device.name}")
        found = list(circuits_of(origin, sites, router))
    terminal.diagnostics(collector.diagnostics)
    return found


def _bound(
    circuits: list[AdapterCircuit], bind: tuple[str, ...], say: Callable[[str], None]
) -> list[AdapterCircuit]:
    from qcompile.adapter.circuit_files import MOST_FILES
    from qcompile.cli.bound_data import read_data

    files = data_files(bind)
    if not files:
        return [circuit.bind() for circuit in circuits]
    data = read_data(str(files[-1]))
    rows = [data.rows(circuit) for circuit in circuits]
    count = sum(1 if found is None else len(found) for found in rows)
    if count > MOST_FILES:
        raise CompileError(TooManyCircuits(count=count, limit=MOST_FILES))
    bound: list[AdapterCircuit] = []
    for circuit, found in zip(circuits, rows, strict=True):
        for row, values in enumerate([None] if found is None else found):
            say(f"bind circuits ({len(bound) + 1} of {count})")
            bound.append(circuit.bind(values, row=row))
    return bound


def _remark(circuits: list[AdapterCircuit], request: CircuitRequest, terminal: Terminal) -> None:
    """Circuits that are not on the device that was asked for."""
    if request.target is None:
        return
    collector = Collector()
    for circuit in circuits:
        device = circuit.router.device.name if circuit.router is not None else request.target
        if circuit.place.kind == "unitary":
            collector.add(UnitaryNotRouted(device=device))
            break
    if any(c.routed is None and c.place.kind == "circuit" for c in circuits):
        collector.add(StateNotRouted(device=request.target))
    terminal.diagnostics(collector.diagnostics)


def _write(circuits: list[AdapterCircuit], request: CircuitRequest) -> tuple[str, ...]:
    from qcompile.adapter.circuit_files import files_of_circuits, folder_of_circuits
    from qcompile.backends.export.manifest import MANIFEST

    output = request.output
    if names_folder(output):
        contents = folder_of_circuits(circuits, output)
        refuse_inputs(output, (Path(output) / name for name in contents), request.inputs)
        write_in_folder(output, contents)
        return (output,)
    files = files_of_circuits(circuits, output)
    refuse_inputs(output, files, request.inputs)
    write_together(files)
    return tuple(str(path) for path in files if not str(path).endswith(MANIFEST))
