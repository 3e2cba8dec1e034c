"""tket JSON: pytket's own form of a circuit, and in it what pytket does not know.

`pytket.Circuit.from_dict` reads the file and passes over the entries that it does not know.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.devices import BadTketFile
from qcompile.ir.circuit import (
    AmplitudeState,
    Circuit,
    Expectations,
    InitialState,
    Pauli,
    Probabilities,
    Readout,
    ZeroState,
)
from qcompile.ir.device import RoutedCircuit
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_circuit import verify_circuit

if TYPE_CHECKING:
    from pytket.circuit import Qubit

FORMAT = "qcompile-circuit"
VERSION = 2
"""In version 1, which is read as well, pytket's form stood under `circuit`, on qubits `q`."""


def write_tket_json(circuit: Circuit | RoutedCircuit) -> str:
    """Return JSON that `pytket.Circuit.from_dict` reads; the same text for equal circuits.

    Angles in it are half-turns, affine in x<i> for data[i] and t<j> for angles[j]; `parameters`
    lists the symbols in use, data first. A routed circuit is on the device's `node[k]`. The unitary
    is equal up to a global phase.
    """
    from qcompile.tket.to_pytket import to_pytket

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    angles = [angle for gate in inner.gates for angle in gate.angles]
    data_used = sorted({i for angle in angles for i, _ in angle.data})
    angles_used = sorted({j for angle in angles for j, _ in angle.angles})
    content: dict[str, Any] = {
        **to_pytket(circuit).to_dict(),
        "format": FORMAT,
        "version": VERSION,
        "angle_unit": "half-turns",
        "global_phase": "dropped",
        "data_width": inner.data_width,
        "angle_count": inner.angle_count,
        "parameters": [f"x{i}" for i in data_used] + [f"t{j}" for j in angles_used],
        "initial": _initial_out(inner.initial),
        "readout": _readout_out(inner.readout),
        "device": None,
    }
    if isinstance(circuit, RoutedCircuit):
        content["device"] = {
            "name": circuit.device,
            "physical": list(circuit.physical),
            "initial_map": list(circuit.initial),
            "final_map": list(circuit.final),
        }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def read_tket_json(text: str) -> Circuit | RoutedCircuit:
    """Read what `write_tket_json` wrote.

    Gates that pytket lacks come back as the gates they were composed of, coefficients with
    fifteen digits. Raises CompileError for any other text.
    """
    from qcompile.tket.errors import TketConversionError

    try:
        found = _read(json.loads(text))
    except TketConversionError as error:
        raise CompileError(BadTketFile(reason=str(error))) from error
    except (VerificationError, ValueError) as error:
        raise CompileError(BadTketFile(reason=str(error))) from error
    except KeyError as error:
        raise CompileError(BadTketFile(reason=f"the entry {error} is missing")) from error
    except (TypeError, IndexError, AttributeError, RecursionError) as error:
        reason = f"its entries are not of the form that is expected ({error})"
        raise CompileError(BadTketFile(reason=reason)) from error
    except RuntimeError as error:  # pytket's own complaints
        raise CompileError(BadTketFile(reason=f"pytket: {error}")) from error
    return found


def _read(content: Any) -> Circuit | RoutedCircuit:
    from pytket.circuit import Circuit as TketCircuit
    from pytket.circuit import Qubit

    from qcompile.tket.from_pytket import gates_from_pytket

    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'"format" is not "{FORMAT}"')
    if content["version"] not in (1, VERSION):
        raise ValueError(f"version {content['version']} is not {VERSION}")
    old = content["version"] == 1
    tket = TketCircuit.from_dict(content["circuit"] if old else content)
    device = content["device"]
    numbering = None
    if device is not None and not old:
        numbering = _numbering([_whole(qubit) for qubit in device["physical"]])
    names = [Qubit(index) for index in range(tket.n_qubits)] if numbering is None else numbering
    if set(tket.qubits) != set(names):
        raise ValueError("its qubits are not q[0], q[1], …, or those of the device")
    circuit = Circuit(
        qubits=tket.n_qubits,
        data_width=_whole(content["data_width"]),
        angle_count=_whole(content["angle_count"]),
        initial=_initial_in(content["initial"]),
        gates=gates_from_pytket(tket, numbering),
        readout=_readout_in(content["readout"]),
    )
    verify_circuit(circuit)
    if device is None:
        return circuit
    physical, initial, final = (
        tuple(_whole(qubit) for qubit in device[key])
        for key in ("physical", "initial_map", "final_map")
    )
    if len(physical) != circuit.qubits or len(set(physical)) != len(physical):
        raise ValueError("the physical qubits do not match the circuit")
    for places in (initial, final):
        inside = all(place < circuit.qubits for place in places)
        if not inside or len(set(places)) != len(places) or len(places) != len(initial):
            raise ValueError("a map of qubits is no permutation")
    return RoutedCircuit(
        device=str(device["name"]),
        circuit=circuit,
        physical=physical,
        initial=initial,
        final=final,
    )


def _numbering(physical: list[int]) -> dict[Qubit, int]:
    """Our compact number of each of the device's qubits."""
    from pytket.circuit import Node

    return {Node(qubit): index for index, qubit in enumerate(physical)}


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no number of qubits, data or angles")
    return value


def _initial_out(initial: InitialState) -> Any:
    match initial:
        case ZeroState():
            return "zero"
        case AmplitudeState(offset=offset, width=width):
            return {"amplitudes": {"offset": offset, "width": width}}


def _initial_in(value: Any) -> InitialState:
    if value == "zero":
        return ZeroState()
    amplitudes = value["amplitudes"]
    return AmplitudeState(offset=_whole(amplitudes["offset"]), width=_whole(amplitudes["width"]))


def _readout_out(readout: Readout) -> Any:
    match readout:
        case Expectations(paulis=paulis):
            return {
                "expectations": [
                    {"sign": p.sign, "letters": [[q, letter] for q, letter in p.letters]}
                    for p in paulis
                ]
            }
        case Probabilities(qubits=qubits):
            return {"probabilities": list(qubits)}


def _readout_in(value: Any) -> Readout:
    if "probabilities" in value:
        return Probabilities(qubits=tuple(_whole(q) for q in value["probabilities"]))
    return Expectations(
        paulis=tuple(
            Pauli(
                letters=tuple((_whole(qubit), letter) for qubit, letter in entry["letters"]),
                sign=entry["sign"],
            )
            for entry in value["expectations"]
        )
    )
