"""`qcompile run ADAPTER [--on WHERE] --data x.npy -o y.npy`"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.artifact.atomic import check_output, write_atomically
from qcompile.artifact.formats import READ, kind_of
from qcompile.cli.arguments import Arguments
from qcompile.cli.bound_data import SUFFIXES as DATA_SUFFIXES
from qcompile.cli.bound_data import read_data
from qcompile.cli.outputs import files_of, refuse_inputs
from qcompile.cli.remarks import shown_warnings
from qcompile.cli.terminal import Terminal
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import (
    NoAdapterFile,
    UnknownOptionValue,
    UnknownOutputSuffix,
)
from qcompile.ir.target import NamedDevice

if TYPE_CHECKING:
    from torch import Tensor

WRITTEN = (".npy", ".pt")


def run(arguments: Arguments, terminal: Terminal) -> int:
    """Compute an adapter's output for inputs from a file; nothing is trained."""
    (source,) = arguments.inputs
    output, data = arguments.output, arguments.data
    assert output is not None and data is not None
    if not os.path.isdir(source) and kind_of(source) not in READ:
        raise UsageError(NoAdapterFile(path=source, suffixes=READ))
    if Path(output).suffix not in WRITTEN:
        raise UsageError(UnknownOutputSuffix(path=output, suffixes=WRITTEN))
    if Path(data).suffix not in DATA_SUFFIXES:
        allowed = tuple(f"a file {suffix}" for suffix in DATA_SUFFIXES)
        raise UsageError(UnknownOptionValue(option="--data", value=data, allowed=allowed))
    check_output(output)
    named = NamedDevice.called(arguments.on or "").file
    read = (*files_of(source), Path(data), *(() if named is None else (Path(named),)))
    refuse_inputs(output, files_of(output), read)
    with shown_warnings(terminal), terminal.progress() as say:
        say(f"read {source}")
        import torch

        from qcompile.adapter.load import load
        from qcompile.services.runtime_options import RuntimeOptions

        adapter = load(source).eval()
        found = read_data(data)
        x, y = found.x, found.y
        if x is None:
            x = torch.from_numpy(found.data)
        part = adapter.only_part() if arguments.module is None else adapter[arguments.module]
        like = next((parameter.dtype for parameter in adapter.parameters()), torch.float32)
        say("route circuits")
        adapter.on(
            arguments.on,
            shots=arguments.shots,
            mitigate=arguments.mitigate,
            seed=arguments.seed,
            ledger=arguments.ledger,
            max_shots=arguments.max_shots,
            max_jobs=arguments.max_jobs,
            runtime=RuntimeOptions(mode=arguments.mode, max_seconds=arguments.max_seconds),
            copies=arguments.copies,
            progress=say,
        )
        with torch.no_grad():
            values = part(x.to(like), None if y is None else y.to(like))
        if adapter.service is not None:
            adapter.service.close()
        write_atomically(output, _bytes(values, Path(output).suffix))
    note = f"wrote {output}: {' × '.join(map(str, values.shape))} values"
    if adapter.service is not None:
        tally = adapter.service.tally
        note += f"; {adapter.service.name}: circuits {tally.circuits:,}, shots {tally.shots:,},"
        note += f" jobs {tally.jobs:,}"
    terminal.note(note)
    return 0


def _bytes(values: Tensor, suffix: str) -> bytes:
    import numpy as np
    import torch

    stream = io.BytesIO()
    if suffix == ".npy":
        np.save(stream, values.numpy())
    else:
        torch.save(values, stream)
    return stream.getvalue()
