"""`noise: device` against Aer's density matrix with the device's own noise model."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.backends.simulator.module import AdapterModule
from qcompile.cli import main
from qcompile.ir.circuit import Expectations, Probabilities
from qcompile.ir.device_noise import GateNoise
from qcompile.ir.plan import EvaluationNode, TransferEvaluation
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_plan import verify_plan
from qcompile.qiskit.to_qiskit import to_qiskit

SOURCE = """qa 1
target hw {{ device: "{device}"; noise: device; dtype: float64 }}
adapter small() on hw {{
    shape {qubits} -> {outputs}
    q = circuit({qubits} qubits) {{
        encode angle(x, gate: ry)
        rz
        {entangler}
        ry
        encode angle(x, gate: rx)
        {entangler}
        ry
        measure {measure}
    }}
    update q
}}
"""


def compiled(device: str, qubits: int, entangler: str = "cx ring", measure: str = "z") -> Any:
    outputs = 2**qubits if measure == "probs" else qubits
    text = SOURCE.format(
        device=device, qubits=qubits, outputs=outputs, entangler=entangler, measure=measure
    )
    return qcompile.compile(text, seed=3)


def evaluation_of(part: AdapterModule) -> TransferEvaluation:
    (node,) = [node for node in part.plan.nodes if isinstance(node, EvaluationNode)]
    assert isinstance(node.evaluation, TransferEvaluation)
    return node.evaluation


def aer_values(evaluation: TransferEvaluation, backend: Any, data: Any, angles: Any) -> Any:
    """On the whole device, scheduled as late as possible, with Aer's own model of it.

    The model's errors of reading are means of both; those of the calibration take their place.
    """
    from qiskit import QuantumCircuit
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDelay
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel

    from qcompile.qiskit.parameters import parameter_values

    routed, readout = evaluation.routed, evaluation.noise.readout
    compact = to_qiskit(routed.circuit)
    wide = QuantumCircuit(backend.num_qubits)
    wide.compose(compact, qubits=list(routed.physical), inplace=True)
    schedule = PassManager(
        [ALAPScheduleAnalysis(target=backend.target), PadDelay(target=backend.target)]
    )
    read = routed.circuit.readout
    logical = (
        list(read.qubits)
        if isinstance(read, Probabilities)
        else sorted({qubit for pauli in read.paulis for qubit, _ in pauli.letters})
    )
    places = [routed.physical[qubit] for qubit in logical]
    model = NoiseModel.from_backend(backend)
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    rows: list[Any] = []
    for row in data:
        values = parameter_values(compact, row[None], angles)[0]
        bound = wide.assign_parameters(dict(zip(compact.parameters, values, strict=True)))
        native = schedule.run(bound)
        native.save_probabilities(places)
        weights = np.asarray(simulator.run(native).result().data()["probabilities"])
        # Bit k of an outcome is place k; the last axis is the first place.
        weights = weights.reshape((2,) * len(places))
        for axis, qubit in enumerate(reversed(logical)):
            up, down = readout[qubit]
            of_aer = model._local_readout_errors[routed.physical[qubit],].probabilities
            assert of_aer[0][1] == of_aer[1][0] == pytest.approx((up + down) / 2)
            confusion = np.array([[1 - up, down], [up, 1 - down]])
            weights = np.moveaxis(np.tensordot(confusion, weights, (1, axis)), 0, axis)
        weights = weights.transpose(range(len(places))[::-1])
        if isinstance(read, Probabilities):
            rows.append(weights.reshape(-1))
            continue
        assert isinstance(read, Expectations)
        outputs = []
        for pauli in read.paulis:
            signed = weights
            for qubit, letter in pauli.letters:
                assert letter == "Z"
                shape = [1] * len(places)
                shape[logical.index(qubit)] = 2
                signed = signed * np.array([1.0, -1.0]).reshape(shape)
            outputs.append(pauli.sign * signed.sum())
        rows.append(outputs)
    return np.array(rows)


@pytest.mark.parametrize(
    ("device", "name", "qubits", "entangler", "measure"),
    [
        ("fake_manila", "FakeManilaV2", 3, "cx ring", "z"),
        ("fake_manila", "FakeManilaV2", 3, "cx ring", "probs"),
        ("fake_jakarta", "FakeJakartaV2", 6, "cx line", "z"),
        ("fake_fractional", "FakeFractionalBackend", 4, "rzz line", "z"),
    ],
)
def test_values_are_those_of_aer(
    device: str, name: str, qubits: int, entangler: str, measure: str
) -> None:
    from qiskit_ibm_runtime import fake_provider

    adapter = compiled(device, qubits, entangler, measure)
    ((_, part),) = adapter.parts()
    x = torch.linspace(-1.5, 1.2, 2 * qubits, dtype=torch.float64).reshape(2, qubits)
    (angles,) = [parameter.detach().numpy() for parameter in part.parameters()]
    with torch.no_grad():
        found = adapter(x).numpy()
    backend = getattr(fake_provider, name)()
    expected = aer_values(evaluation_of(part), backend, x.numpy(), angles.reshape(-1))
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize(("device", "qubits"), [("fake_torino", 6), ("fake_sherbrooke", 4)])
def test_values_are_those_of_the_service(device: str, qubits: int) -> None:
    adapter = compiled(device, qubits)
    x = torch.linspace(-1.5, 1.2, 2 * qubits, dtype=torch.float64).reshape(2, qubits)
    with torch.no_grad():
        found = adapter(x)
        adapter.on(device, shots=None)
        expected = adapter(x)
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=0)


LOADS = """
import sys
import torch
import qcompile

adapter = qcompile.load(sys.argv[1])
x = torch.linspace(-1.5, 1.2, 3, dtype=torch.float64).reshape(1, 3)
print(adapter(x).tolist())
print([name for name in ("qiskit", "qiskit_ibm_runtime", "pytket") if name in sys.modules])
"""


def test_the_file_holds_all_that_it_needs(tmp_path: Path) -> None:
    adapter = compiled("fake_manila", 3)
    adapter.save(tmp_path / "small.pt")
    run = subprocess.run(
        [sys.executable, "-c", LOADS, str(tmp_path / "small.pt")],
        capture_output=True,
        text=True,
        check=True,
    )
    values, imported = run.stdout.splitlines()
    x = torch.linspace(-1.5, 1.2, 3, dtype=torch.float64).reshape(1, 3)
    assert ast.literal_eval(values) == adapter(x).tolist()
    assert imported == "[]"


def test_circuits_leave_without_the_simulated_noise() -> None:
    (circuit,) = compiled("fake_manila", 3).circuits()
    ((_, part),) = compiled("fake_manila", 3).parts()
    assert circuit.routed == evaluation_of(part).routed
    names = {instruction.operation.name for instruction in circuit.to_qiskit().data}
    assert names <= {"rz", "sx", "x", "cx", "measure", "barrier"}


@pytest.mark.parametrize(
    "changes",
    [
        {"readout": ((0.1, 0.2),)},
        {"readout": ((0.1, 1.2),) * 3},
        {"relaxation": ((-1.0, 1.0),) * 3},
        {"gates": (GateNoise(name="cz", qubits=(0, 1), duration=0.0, depolarising=0.1),)},
        {"gates": (GateNoise(name="sx", qubits=(0,), duration=0.0, depolarising=2.0),)},
    ],
)
def test_noise_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    ((_, part),) = compiled("fake_manila", 3).parts()
    plan = part.plan
    evaluation = evaluation_of(part)
    changed = replace(evaluation, noise=replace(evaluation.noise, **changes))
    nodes = tuple(
        replace(node, evaluation=changed) if isinstance(node, EvaluationNode) else node
        for node in plan.nodes
    )
    verify_plan(plan)
    with pytest.raises(VerificationError):
        verify_plan(replace(plan, nodes=nodes))


def test_report_says_what_it_costs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = SOURCE.format(
        device="fake_manila", qubits=3, outputs=3, entangler="cx line", measure="z"
    )
    (tmp_path / "a.qa").write_text(text, "utf-8")
    assert main(["report", str(tmp_path / "a.qa")]) == 0
    shown = capsys.readouterr().out
    assert "evaluator transfer; on fake_manila" in shown
    assert "transfer: " in shown and " ms a step" in shown
    assert "density: the target has noise, which only `transfer` simulates" in shown
