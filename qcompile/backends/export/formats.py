"""The kinds of files that hold one circuit, by suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qcompile.backends.export.qasm2 import write_qasm2
from qcompile.backends.export.qasm3 import write_qasm3
from qcompile.backends.export.qir import write_qir
from qcompile.backends.export.qpy import write_qpy
from qcompile.backends.export.tket_json import write_tket_json
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownOutputSuffix
from qcompile.ir.circuit import Circuit
from qcompile.ir.device import RoutedCircuit

AnyCircuit = Circuit | RoutedCircuit


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitFormat:
    """How a circuit is written, and what names it has there."""

    suffix: str
    name: str
    """As messages say it."""
    key: str
    """As manifests say it."""
    write: Callable[[AnyCircuit, int | None], bytes]
    """(circuit, number of the device's qubits where it is routed) → the file."""
    symbolic: bool = True
    """Whether angles may be parameters."""
    states: bool = False
    """Whether an amplitude-encoded state may be data."""
    unit: Literal["radians", "half-turns"] = "radians"
    """Of angles in the file; parameters are radians in every format."""
    symbol: str = "{kind}{index}"
    """Of a parameter; `kind` is x for data, t for angles."""
    qubit: str = "q[{index}]"
    place: str = "q[{index}]"
    """Of a routed circuit's qubit."""


FORMATS: dict[str, CircuitFormat] = {
    row.suffix: row
    for row in (
        CircuitFormat(
            suffix=".qasm",
            name="OpenQASM 3",
            key="openqasm-3",
            write=lambda circuit, _: write_qasm3(circuit).encode(),
            place="${index}",
        ),
        CircuitFormat(
            suffix=".qasm2",
            name="OpenQASM 2",
            key="openqasm-2",
            write=lambda circuit, width: write_qasm2(circuit, width=width).encode(),
            symbolic=False,
        ),
        CircuitFormat(
            suffix=".qpy",
            name="QPY",
            key="qpy",
            write=lambda circuit, width: write_qpy(circuit, width=width),
            symbol="{kind}[{index}]",
        ),
        CircuitFormat(
            suffix=".json",
            name="tket JSON",
            key="tket-json",
            write=lambda circuit, _: write_tket_json(circuit).encode(),
            states=True,
            unit="half-turns",
            place="node[{index}]",
        ),
        CircuitFormat(
            suffix=".qir",
            name="QIR",
            key="qir-base",
            write=lambda circuit, width: write_qir(circuit, width=width),
            symbolic=False,
        ),
    )
}


def format_of(path: str | Path) -> CircuitFormat:
    """The format that the suffix of a path stands for; a suffix alone is one as well.

    Raises:
        UsageError: QA0012.
    """
    name = str(path)
    suffix = name if name in FORMATS else Path(name).suffix
    if suffix not in FORMATS:
        raise UsageError(UnknownOutputSuffix(path=name, suffixes=tuple(FORMATS)))
    return FORMATS[suffix]
