"""QIR, the base profile: circuits with all angles bound."""

from __future__ import annotations

from qcompile.backends.export.standard_gates import in_library, require_zero_state
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.messages.export import FormatNeedsPackage
from qcompile.ir.circuit import Circuit, Expectations, Gate, Probabilities
from qcompile.ir.device import RoutedCircuit

QIS = {
    **{name: name for name in ("x", "y", "z", "h", "s", "t", "rx", "ry", "rz", "cx", "cz")},
    "sdg": "s_adj",
    "tdg": "t_adj",
}
"""Our gates → those of the base profile's instruction set, as pyqir calls them."""

TO_Z = {"X": ("h",), "Y": ("sdg", "h"), "Z": ()}
"""What turns a letter's basis into the one that is measured."""


def write_qir(circuit: Circuit | RoutedCircuit, *, width: int | None = None) -> bytes:
    """Return the bitcode of a program of the base profile, for a circuit without parameters.

    What `measured_letters` says is measured at the end, each qubit in the basis of its letter; the
    bits are recorded in the order of its qubits, labelled b0, b1, ….

    Raises CompileError for an amplitude-encoded state, or without the package pyqir, ValueError for
    a circuit with parameters.
    """
    try:
        import pyqir
        from pyqir import qis, rt
    except ImportError:
        raise CompileError(FormatNeedsPackage(format="QIR", package="pyqir")) from None

    inner = circuit.circuit if isinstance(circuit, RoutedCircuit) else circuit
    require_zero_state(inner, "QIR")
    if any(not angle.is_constant for gate in inner.gates for angle in gate.angles):
        raise ValueError("the circuit has parameters")
    letters = measured_letters(inner) or {}
    turns = tuple(
        Gate(name=name, qubits=(qubit,))
        for qubit, letter in letters.items()
        for name in TO_Z[letter]
    )
    places = circuit.physical if isinstance(circuit, RoutedCircuit) else tuple(range(inner.qubits))
    context = pyqir.Context()
    module = pyqir.Module(context, "circuit")
    size = inner.qubits if width is None else width
    entry = pyqir.entry_point(module, "main", size, len(letters), "base_profile", "labeled")
    builder = pyqir.Builder(context)
    builder.insert_at_end(pyqir.BasicBlock(context, "entry", entry))
    for gate in in_library((*inner.gates, *turns), QIS):
        qubits = [pyqir.qubit(context, places[qubit]) for qubit in gate.qubits]
        values = [angle.constant for angle in gate.angles]
        getattr(qis, QIS[gate.name])(builder, *values, *qubits)
    results = [pyqir.result(context, bit) for bit in range(len(letters))]
    for qubit, result in zip(letters, results, strict=True):
        qis.mz(builder, pyqir.qubit(context, places[qubit]), result)
    for bit, result in enumerate(results):
        label = pyqir.global_byte_string(module, f"b{bit}".encode())
        rt.result_record_output(builder, result, label)
    builder.ret(None)
    bitcode: bytes = module.bitcode
    return bitcode


def measured_letters(circuit: Circuit) -> dict[int, str] | None:
    """The basis in which each qubit that is read is measured, sorted by qubit.

    None where the read-out asks for two bases of one qubit, so that one run cannot answer.
    """
    found: dict[int, str] = {}
    match circuit.readout:
        case Probabilities(qubits=qubits):
            found = dict.fromkeys(qubits, "Z")
        case Expectations(paulis=paulis):
            for qubit, letter in (pair for pauli in paulis for pair in pauli.letters):
                if found.setdefault(qubit, letter) != letter:
                    return None
    return dict(sorted(found.items()))
