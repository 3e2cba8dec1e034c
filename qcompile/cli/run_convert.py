"""`qcompile convert FROM TO`"""

from __future__ import annotations

import os
from pathlib import Path

from qcompile.artifact.atomic import check_output
from qcompile.artifact.formats import (
    FOLDER,
    PROGRAMS,
    READ,
    WRITTEN,
    kind_of,
    names_folder,
    read_adapter,
    write_adapter,
)
from qcompile.artifact.layout import frozen_parameters
from qcompile.artifact.peft_folder import base_of, check_folder
from qcompile.cli.arguments import Arguments
from qcompile.cli.circuit_output import SUFFIXES as SUFFIXES_OF_CIRCUITS
from qcompile.cli.circuit_output import (
    CircuitRequest,
    check_circuit_output,
    data_files,
    holds_circuits,
    refuse_without_circuits,
    write_circuits,
)
from qcompile.cli.lora_output import check_samples, write_lora
from qcompile.cli.outputs import files_of, refuse_inputs
from qcompile.cli.run_compile import SUFFIXES
from qcompile.cli.surrogate_output import write_surrogate
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import (
    MissingOptionValue,
    NoAdapterFile,
    OptionWithoutEffect,
    UnknownOutputSuffix,
)


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Write an adapter as another kind of file, with the same tensors, or as one that is like it.

    What can be known of the two paths is checked before anything is read.
    """
    source, output = arguments.inputs
    _check_source(source)
    _check_output(source, output, arguments)
    if _from_peft(source, output, arguments):
        terminal.note(f"wrote {output}")
        return 0
    if arguments.to == "lora":
        write_lora(arguments, terminal)
        return 0
    if arguments.to == "surrogate":
        write_surrogate(arguments, terminal)
        return 0
    if arguments.to == "peft":
        _to_peft(source, output, arguments, terminal)
        return 0
    if arguments.to == "transformers":
        _to_transformers(source, output, arguments.base, terminal)
        return 0
    if holds_circuits(output):
        _to_circuits(source, arguments, terminal)
        return 0
    with terminal.progress() as say:
        say(f"read {source}")
        if kind_of(output) in PROGRAMS:
            from qcompile.adapter.load import load

            adapter = load(source)
            say(f"export {output}")
            adapter.save(output, arguments.module)
        else:
            manifest, state = read_adapter(source)
            say(f"write {output}")
            if frozen_parameters(manifest.planned):
                # Which of them a file holds depends on its kind.
                from qcompile.adapter.compiled import CompiledAdapter

                CompiledAdapter.from_state(manifest, state).save(output)
            else:
                write_adapter(output, manifest, state)
    terminal.note(f"wrote {output}")
    return 0


def _check_source(source: str) -> None:
    # A program has a message of its own when it is read.
    if not os.path.isdir(source) and kind_of(source) not in (*READ, *PROGRAMS):
        raise UsageError(NoAdapterFile(path=source, suffixes=READ))


def _check_output(source: str, output: str, arguments: Arguments) -> None:
    kind = kind_of(output)
    check_samples(arguments.data)
    folder = arguments.to in ("lora", "peft", "transformers")
    if folder:
        if kind in (*WRITTEN, *SUFFIXES) and kind != FOLDER:
            raise UsageError(UnknownOutputSuffix(path=output, suffixes=(FOLDER,)))
    elif arguments.to == "surrogate" and kind not in WRITTEN:
        raise UsageError(UnknownOutputSuffix(path=output, suffixes=WRITTEN))
    elif kind not in WRITTEN and not holds_circuits(output):
        raise UsageError(
            UnknownOutputSuffix(
                path=output, suffixes=(*WRITTEN[:-1], *SUFFIXES_OF_CIRCUITS, FOLDER)
            )
        )
    circuits = arguments.to == "adapter" and holds_circuits(output)
    refuse_without_circuits(circuits, arguments)
    if arguments.module is not None and kind not in PROGRAMS and not circuits:
        needed = f"an output with the suffix {' or '.join(PROGRAMS)}, or of circuits"
        raise UsageError(OptionWithoutEffect(option="--module", needed=needed))
    if circuits:
        check_circuit_output(output)
    elif arguments.to == "transformers":
        # What it may hold is known with the base.
        check_folder(output, ())
    elif names_folder(output) or folder:
        check_folder(output)
    else:
        check_output(output)
    data = () if arguments.data is None else (Path(arguments.data),)
    refuse_inputs(output, files_of(output), (*files_of(source), *data_files(arguments.bind), *data))


def _to_peft(source: str, output: str, arguments: Arguments, terminal: Terminal) -> None:
    from qcompile.adapter.load import load
    from qcompile.driver.to_peft import write_peft_method

    stated, task = base_of(source) if os.path.isdir(source) else (None, None)
    with terminal.progress() as say:
        say(f"read {source}")
        adapter = load(source)
        say(f"write {output}")
        name = write_peft_method(
            adapter,
            output,
            model=arguments.model,
            base_model=arguments.base or stated,
            task_type=task,
        )
    terminal.note(f"wrote {output}: {name} of peft, for {len(adapter.sites)} modules")


def _to_transformers(source: str, output: str, base: str | None, terminal: Terminal) -> None:
    from qcompile.adapter.load import load_with_modules
    from qcompile.adapter.served import WRITTEN as FILES
    from qcompile.adapter.served import write_served

    stated, task = base_of(source) if os.path.isdir(source) else (None, None)
    base = base or stated
    if base is None:
        raise UsageError(MissingOptionValue(option="--base"))
    refuse_inputs(output, (Path(output) / name for name in FILES), files_of(source))
    with terminal.progress() as say:
        say(f"read {source}")
        adapter, modules = load_with_modules(source)
        say(f"write {output}")
        write_served(adapter, output, base=base, modules=modules, task=task)
    terminal.note(f"wrote {output}: names its base, {base}; loads with trust_remote_code=True")


def _to_circuits(source: str, arguments: Arguments, terminal: Terminal) -> None:
    from qcompile.adapter.load import load

    with terminal.progress() as say:
        say(f"read {source}")
        adapter = load(source)
        request = CircuitRequest(
            output=arguments.inputs[1],
            module=arguments.module,
            target=arguments.target,
            bind=arguments.bind,
            approximate=arguments.approximate,
            inputs=(*files_of(source), *data_files(arguments.bind)),
        )
        write_circuits(adapter.circuit_origin(), request, terminal)


def _from_peft(source: str, output: str, arguments: Arguments) -> bool:
    """Whether the source was a folder of a method of peft's own, and is written."""
    from qcompile.driver.from_peft import adapter_from_peft, is_foreign

    foreign = arguments.to == "adapter" and not holds_circuits(output) and is_foreign(source)
    if arguments.model is not None and not foreign and arguments.to != "peft":
        needed = "a folder of a method of peft's own, to read it or to write it with `--to peft`"
        raise UsageError(OptionWithoutEffect(option="--model", needed=needed))
    if foreign:
        adapter_from_peft(source, model=arguments.model).save(output)
    return foreign
