"""`qcompile FILE -o PATH`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qcompile.artifact.atomic import check_output, descriptor_of, write_atomically
from qcompile.artifact.formats import FOLDER, PROGRAMS, names_folder
from qcompile.artifact.layout import frozen_parameters, trainable_parameters
from qcompile.artifact.peft_folder import check_folder
from qcompile.cli.arguments import Arguments
from qcompile.cli.circuit_output import SUFFIXES as CIRCUIT_SUFFIXES
from qcompile.cli.circuit_output import (
    CircuitRequest,
    check_circuit_output,
    data_files,
    holds_circuits,
    refuse_without_circuits,
    write_circuits,
)
from qcompile.cli.emit import EARLY, emit, emit_early
from qcompile.cli.options import driver_options, run_driver
from qcompile.cli.outputs import files_of, refuse_inputs
from qcompile.cli.sources import read
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import (
    BinaryOnStandardOutput,
    OptionWithoutEffect,
    UnknownOutputSuffix,
)
from qcompile.driver.inputs import inputs_of
from qcompile.driver.phases import Compilation

CIRCUITS = "circuits"

SUFFIXES = {
    ".pt": None,
    ".safetensors": None,
    **dict.fromkeys(PROGRAMS),
    **dict.fromkeys(CIRCUIT_SUFFIXES, CIRCUITS),
    ".dot": "dot",
    ".txt": "plan",
}
"""Suffix of the output → what is emitted to it; None: the adapter."""


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Compile, then write the adapter or print what `--emit` asks for.

    Everything about the output that can be known beforehand is checked before compilation.
    """
    source = read(arguments.inputs[0])
    output = _output(arguments)
    inputs: tuple[Path, ...] = ()
    if output is not None:
        trained = () if arguments.trained is None else files_of(arguments.trained)
        inputs = (
            *inputs_of(source, driver_options(arguments)),
            *data_files(arguments.bind),
            *trained,
        )
        refuse_inputs(output, files_of(output), inputs)
    wanted = tuple(dict.fromkeys(arguments.emit))
    texts = {name: emit_early(name, source, arguments) for name in wanted if name in EARLY}
    writes_adapter = output is not None and (
        not wanted or names_folder(output) or SUFFIXES.get(Path(output).suffix, "") is None
    )
    if writes_adapter or len(texts) < len(wanted):
        compilation = run_driver(arguments, source, terminal)
        texts |= {
            name: emit(name, compilation, arguments.format) for name in wanted if name not in EARLY
        }
    text = "".join(texts[name] for name in wanted)
    kind = "" if output is None or names_folder(output) else SUFFIXES.get(Path(output).suffix, "")
    if arguments.trained is not None and not (writes_adapter and kind in ("", None)):
        needed = "an adapter as the output"
        raise UsageError(OptionWithoutEffect(option="--from", needed=needed))
    if not writes_adapter:
        _write_text(output, text, terminal)
        return 0
    terminal.out(text)
    assert output is not None
    if holds_circuits(output):
        from qcompile.adapter.circuit_origin import origin_of

        request = CircuitRequest(
            output=output,
            module=arguments.module,
            target=None,
            bind=arguments.bind,
            approximate=arguments.approximate,
            inputs=inputs,
        )
        write_circuits(origin_of(compilation.manifest), request, terminal)
        return 0
    kind = None if names_folder(output) else SUFFIXES[Path(output).suffix]
    if kind is not None:
        _write_text(output, emit(kind, compilation), terminal)
        return 0
    with terminal.progress() as say:
        carried = _write_adapter(output, compilation, arguments.trained, say)
    terminal.note(_summary(output, compilation))
    if carried:
        terminal.note(carried)
    return 0


def _output(arguments: Arguments) -> str | None:
    """Where to write; None for the standard output."""
    source = arguments.inputs[0]
    path = arguments.output
    if path == "-":
        if not arguments.emit:
            raise UsageError(BinaryOnStandardOutput(kind=".pt"))
        return None
    if path is None:
        refuse_without_circuits(False, arguments)
        if arguments.emit:
            return None
        path = "stdin.pt" if source == "-" else f"{Path(source).stem}.pt"
    if not arguments.emit and not names_folder(path) and Path(path).suffix not in SUFFIXES:
        raise UsageError(UnknownOutputSuffix(path=path, suffixes=(*SUFFIXES, FOLDER)))
    if arguments.emit and descriptor_of(path) == 1:
        return None
    circuits = holds_circuits(path) and (names_folder(path) or not arguments.emit)
    refuse_without_circuits(circuits, arguments)
    if circuits:
        check_circuit_output(path)
    elif names_folder(path):
        check_folder(path)
    else:
        check_output(path)
    return path


def _write_text(output: str | None, text: str, terminal: Terminal) -> None:
    if output is None:
        terminal.out(text)
    else:
        write_atomically(output, text.encode())
        terminal.note(f"wrote {output}")


def _write_adapter(
    path: str, compilation: Compilation, trained: str | None, say: Callable[[str], None]
) -> str:
    """Write the adapter; what was carried over from a trained one."""
    say(f"start the tensors of {len(compilation.planned.sites)} modules")
    from qcompile.adapter import CompiledAdapter, warm_start

    adapter = CompiledAdapter(compilation.manifest)
    carried = ""
    if trained is not None:
        say(f"read {trained}")
        carried = warm_start(adapter, trained).text()
    say(f"write {path}")
    adapter.save(path)
    return carried


def _summary(path: str, compilation: Compilation) -> str:
    planned = compilation.planned
    count = trainable_parameters(planned)
    text = f"wrote {path}: {count:,} trainable parameters"
    frozen = frozen_parameters(planned)
    if frozen:
        text += f" and {frozen:,} frozen ones"
    modules = [site for site in planned.sites if site.module]
    if modules:
        text += f" for {len(modules)} modules"
    if compilation.model is not None and compilation.model.parameters:
        share = 100.0 * count / compilation.model.parameters
        text += f" ({share:.3g} % of the model's {compilation.model.parameters:,})"
    return text
