"""The circuits of adapters, from Python: parameters, data, values, manifests."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.circuits import AdapterCircuit
from qcompile.backends.devices import load_device
from qcompile.diagnostics.errors import QCompileWarning
from qcompile.ir.circuit import Expectations
from qcompile.ir.device import Device
from qcompile.ir.target import CouplingDevice
from tests.export.readers import schema_errors, values_of
from tests.export.test_circuit_formats import LINE, SCHEMA

ROOT = Path(__file__).parents[2]

EDGES = ((0, 1), (1, 2), (2, 3))

SMALL = {
    "qtha": {"rank": 3, "layers": 2, "bus": 16, "bond": 2},
    "hybrid": {"rank": 3, "depth": 1},
    "noisy_target": {"rank": 3, "layers": 1},
    "quantum_peft": {},
}

SOURCE = """qa 1
target hw {{ device: line(5) }}
target simulator {{ dtype: float64 }}
adapter a() on {target} {{
    shape 6 -> 5
    h = linear(x, to: 3)
    q = circuit(3 qubits) {{
        {encode}
        ry
        crz ring
        rx
        {measure}
    }}
    update linear(q, to: out_features)
}}
"""
ENCODINGS = {
    "angle": "encode angle(h, gate: ry, squash: tanh, scale: pi)",
    "twice": "encode angle(h, gate: ry); ry; encode angle(h, gate: rz, squash: tanh)",
    "iqp": "encode iqp(h)",
    "basis": "encode basis(h)",
    "amplitude": "encode amplitude(x)",
    "none": "h",
}
MEASUREMENTS = {
    "z": "measure z",
    "paulis": 'measure "X0 Y2"; measure z',
    "p": "measure probs on 0..2",
}


def trained(source: str, **options: Any) -> CompiledAdapter:
    """With random tensors, float64."""
    with warnings.catch_warnings():
        # Not every read-out depends on every angle.
        warnings.simplefilter("ignore", QCompileWarning)
        adapter = qcompile.compile(source, **options).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return adapter


def source(encode: str = "angle", measure: str = "z", target: str = "simulator") -> str:
    return SOURCE.format(encode=ENCODINGS[encode], measure=MEASUREMENTS[measure], target=target)


def inputs(circuit: AdapterCircuit, rows: int = 2) -> torch.Tensor:
    width = circuit.origin.part(circuit.site).plan.in_features
    generator = torch.Generator().manual_seed(7)
    return torch.randn(rows, width, generator=generator, dtype=torch.float64)


def module_values(circuit: AdapterCircuit, x: torch.Tensor) -> np.ndarray:
    """What the module itself computes at the circuit's node."""
    (value,) = circuit.origin.part(circuit.site).values_at((circuit.place.node,), x)
    return value.numpy()


def check_files(circuit: AdapterCircuit, x: torch.Tensor, folder: Path, suffix: str) -> None:
    """The file's values, through its manifest alone, are the module's."""
    expected = module_values(circuit, x)
    data = circuit.data(x)
    np.testing.assert_allclose(circuit.values(data), expected, atol=1e-9)
    for row, values in enumerate(expected):
        bound = suffix in (".qasm2", ".qir") or "amplitude" in str(circuit.logical.initial).lower()
        path = folder / f"c{row}{suffix}"
        (circuit.bind(data[row], row=row) if bound else circuit).save(path)
        manifest = json.loads((folder / f"c{row}{suffix}.manifest.json").read_text("utf-8"))
        assert schema_errors(SCHEMA, manifest) == []
        found = values_of(path.read_bytes(), manifest, data=data[row])
        np.testing.assert_allclose(found, values, atol=1e-9)


@pytest.mark.parametrize("suffix", [".qasm", ".qasm2", ".qpy", ".json", ".qir"])
@pytest.mark.parametrize("name", ["qtha", "hybrid"])
def test_circuits_of_examples_keep_their_values(name: str, suffix: str, tmp_path: Path) -> None:
    adapter = trained(str(ROOT / f"examples/{name}.qa"), parameters=SMALL[name])
    circuit = adapter.circuits()[-1]
    check_files(circuit, inputs(circuit), tmp_path, suffix)


@pytest.mark.parametrize("name", ["qaa", "qpa"])
def test_circuits_of_further_examples_keep_their_values(name: str, tmp_path: Path) -> None:
    adapter = trained(str(ROOT / f"examples/{name}.qa"), parameters=SMALL.get(name))
    for number, circuit in enumerate(adapter.circuits(adapter.sites[0].module)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if circuit.place.sources and circuit.logical.data_width <= 16:
            check_files(circuit, inputs(circuit), folder, ".qasm")
        else:
            data = circuit.data(inputs(circuit))
            bound = circuit.bind(data[0] if circuit.logical.data_width else None)
            bound.save(folder / "c.qasm2")
            manifest = json.loads((folder / "c.qasm2.manifest.json").read_text("utf-8"))
            found = values_of((folder / "c.qasm2").read_bytes(), manifest)
            expected = module_values(circuit, inputs(circuit))
            np.testing.assert_allclose(found, expected.reshape(-1, len(found))[0], atol=1e-9)


@pytest.mark.parametrize("target", ["simulator", "hw"])
@pytest.mark.parametrize(
    ("encode", "measure"),
    [
        ("angle", "paulis"),
        ("twice", "p"),
        ("iqp", "z"),
        ("basis", "z"),
        ("amplitude", "paulis"),
        ("none", "p"),
    ],
)
def test_every_encoding_keeps_its_values(
    encode: str, measure: str, target: str, tmp_path: Path
) -> None:
    adapter = trained(source(encode, measure, target))
    for number, circuit in enumerate(adapter.circuits()):
        folder = tmp_path / str(number)
        folder.mkdir()
        if circuit.logical.data_width == 0:
            bound = circuit.bind()
            bound.save(folder / "c.qasm2")
            manifest = json.loads((folder / "c.qasm2.manifest.json").read_text("utf-8"))
            expected = module_values(circuit, inputs(circuit)).reshape(-1, circuit.logical.outputs)
            found = values_of((folder / "c.qasm2").read_bytes(), manifest)
            np.testing.assert_allclose(found, expected[0], atol=1e-9)
            continue
        for suffix in (".qasm", ".qir") if target == "hw" else (".qpy", ".json"):
            check_files(circuit, inputs(circuit), folder, suffix)


def test_a_device_may_be_chosen_afterwards(tmp_path: Path) -> None:
    adapter = trained(source())
    for choice in ("hw", LINE):
        assert isinstance(choice, (str, Device))
        (circuit,) = adapter.circuits(target=choice)
        assert circuit.routed is not None
        check_files(circuit, inputs(circuit), tmp_path, ".qasm")
    (plain,) = adapter.circuits()
    assert plain.routed is None


@pytest.mark.parametrize(
    "native",
    [("rz", "sx", "x", "ecr"), ("prx", "cz"), ("gpi", "gpi2", "ms"), ("rx", "rz", "rzz"), None],
    ids=str,
)
def test_devices_of_every_kind_keep_the_values(
    native: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """Without a native set the device has gates with directions, and a calibration."""
    from qiskit import qasm2, qasm3

    (circuit,) = trained(source("angle", "paulis")).circuits(
        target="fake_jakarta"
        if native is None
        else load_device(CouplingDevice(qubits=4, edges=EDGES, label="lab", native=native))
    )
    for suffix in (".qasm", ".qasm2", ".qpy", ".json", ".qir"):
        check_files(circuit, inputs(circuit, rows=1), tmp_path, suffix)
    assert circuit.device is not None
    for read, suffix in ((qasm3.loads, "qasm"), (qasm2.loads, "qasm2")):
        found = read((tmp_path / f"c0.{suffix}").read_text("utf-8"))
        assert {item.operation.name for item in found.data} <= set(circuit.device.native)


def test_what_was_compiled_for_a_target_stays() -> None:
    adapter = trained(source(target="hw"))
    (compiled,), (named,) = adapter.circuits(), adapter.circuits(target="hw")
    assert compiled.routed is named.routed is not None
    (other,) = adapter.circuits(target=LINE)
    assert other.device is LINE and other.routed is not compiled.routed


def test_data_sources_say_what_is_applied_already() -> None:
    (circuit,) = trained(source("twice")).circuits()
    data = circuit.manifest()["uses"][0]["data"]
    assert [item["squash"] for item in data] == [None] * 3 + ["tanh"] * 3
    assert [item["squash_applied"] for item in data] == [False] * 3 + [True] * 3
    first = data[0]["node"]
    assert [item["of"] for item in data[3:]] == [[{"node": first, "element": k}] for k in range(3)]
    x = inputs(circuit)
    values = circuit.data(x)
    np.testing.assert_allclose(values[:, 3:], np.tanh(values[:, :3]), atol=1e-12)
    (iqp,) = trained(source("iqp")).circuits()
    sources = iqp.manifest()["uses"][0]["data"]
    products = iqp.data(x)
    for index, item in enumerate(sources):
        if item["of"]:
            factors = [products[:, place["element"]] for place in item["of"]]
            np.testing.assert_allclose(products[:, index], factors[0] * factors[1], atol=1e-12)
    assert any(len(item["of"]) == 2 for item in sources)


def test_trained_values_are_read_when_asked_for() -> None:
    adapter = trained(source())
    (circuit,) = adapter.circuits()
    before = circuit.angles
    name = circuit.tensor
    assert name == "a.q.angles"
    with torch.no_grad():
        adapter.get_parameter(name).add_(1.0)
    np.testing.assert_allclose(circuit.angles, before + 1.0)
    assert circuit.manifest()["uses"][0]["angles"]["values"] == list(circuit.angles)


def test_qiskit_and_pytket_give_the_simulator_s_values() -> None:
    from pytket.circuit import Circuit as TketCircuit
    from qiskit.primitives import StatevectorEstimator

    adapter = trained(source("angle", "paulis"))
    for target in (None, "hw"):
        (circuit,) = adapter.circuits(target=target)
        data = circuit.data(inputs(circuit))
        expected = circuit.values(data)
        pub = circuit.estimator_pub(data)
        found = StatevectorEstimator().run([pub]).result()[0].data.evs.T
        np.testing.assert_allclose(found, expected, atol=1e-9)
        bound = circuit.bind(data[1])
        for compact in (False, True):
            native = bound.to_pytket(compact=compact)
            assert isinstance(native, TketCircuit) and not native.free_symbols()
            state, operators = native.get_statevector(), bound.pauli_operators(compact=compact)
            values = [o.state_expectation(state, native.qubits) for o in operators]
            np.testing.assert_allclose(np.real(values), expected[1], atol=1e-9)
            assert (native.qubits[0].reg_name == "q") == (target is None or compact)
        assert circuit.to_qiskit(bound=True).parameters != circuit.to_qiskit().parameters
        assert {str(s)[0] for s in circuit.to_pytket(bound=True).free_symbols()} == {"x"}


def test_data_may_come_from_the_frozen_module() -> None:
    text = (
        'qa 1\nadapter a() {\nattach "0"\nq = circuit(3 qubits) {\n'
        "encode angle(base(2 * x), squash: tanh); ry; cx ring; measure z\n}\n"
        "update linear(q, to: out_features)\n}\n"
    )
    model = torch.nn.Sequential(torch.nn.Linear(4, 3))
    adapter = qcompile.compile(text, model=model)
    (circuit,) = adapter.circuits()
    x = torch.randn(5, 4)
    data = circuit.data(x, base=model[0])
    torch.testing.assert_close(
        torch.from_numpy(data), torch.tanh(model[0](2 * x)).double(), rtol=1e-6, atol=1e-6
    )
    weight = adapter["0"].get_parameter("update.weight")
    found = torch.from_numpy(circuit.values(data)).float() @ weight.T
    torch.testing.assert_close(found, adapter["0"](x, base=model[0]), rtol=1e-5, atol=1e-6)
    with pytest.raises(qcompile.QCompileError, match=r"circuit\.data\(x, base=module\)"):
        circuit.data(x)


def test_unitaries_say_what_they_are() -> None:
    adapter = trained(str(ROOT / "examples/quantum_peft.qa"))
    circuit = adapter.circuits()[0]
    manifest = circuit.manifest()
    assert circuit.place.kind == "unitary" and circuit.data().shape == (1, 0)
    use = manifest["uses"][0]
    assert use["matrix"]["size"] >= 2 and use["data"] == []
    assert schema_errors(SCHEMA, manifest) == []
    # The squares of the first column.
    np.testing.assert_allclose(circuit.values().sum(), 1.0, atol=1e-9)


def test_every_module_has_its_own_circuit() -> None:
    adapter = trained(str(ROOT / "examples/qtha.qa"), parameters=SMALL["qtha"])
    circuits = adapter.circuits()
    assert len({circuit.tensor for circuit in circuits}) == len(circuits) == len(adapter.sites)
    module = circuits[1].module
    (own,) = adapter.circuits(module)
    assert own.module == module and own.name == "q"
    assert repr(own).startswith(f"<circuit qtha.q of {module}: 3 qubits")
    assert isinstance(own.logical.readout, Expectations)


def test_noise_and_shots_are_not_in_the_values() -> None:
    options = {"parameters": SMALL["noisy_target"]}
    circuit = trained(str(ROOT / "examples/noisy_target.qa"), **options).circuits()[0]
    data = circuit.data(inputs(circuit))
    from qiskit.primitives import StatevectorEstimator

    found = StatevectorEstimator().run([circuit.estimator_pub(data)]).result()[0].data.evs.T
    np.testing.assert_allclose(circuit.values(data), found, atol=1e-9)


def code_of(call: Any) -> str:
    with pytest.raises(qcompile.QCompileError) as caught:
        call()
    (found,) = caught.value.diagnostics
    return found.code


def test_what_cannot_be_is_a_message(tmp_path: Path) -> None:
    adapter = trained(source())
    (circuit,) = adapter.circuits()
    x = inputs(circuit)
    assert code_of(lambda: circuit.data()) == "QA4225"
    assert code_of(lambda: circuit.data(x[:, :3])) == "QA6010"
    assert code_of(lambda: circuit.bind(np.zeros(4))) == "QA4221"
    assert code_of(lambda: circuit.bind(np.zeros((2, 3)))) == "QA4221"
    assert code_of(lambda: circuit.bind(["a", "b", "c"])) == "QA4221"
    assert code_of(lambda: circuit.values(np.array([0.0, np.nan, 0.0]))) == "QA4221"
    assert code_of(lambda: circuit.values()) == "QA4221"
    assert code_of(lambda: circuit.save(tmp_path / "c.qasm2")) == "QA4220"
    assert code_of(lambda: circuit.bind().save(tmp_path / "c.qir")) == "QA4220"
    assert code_of(lambda: circuit.save(tmp_path / "c.cirq")) == "QA0012"
    assert code_of(lambda: circuit.manifest(".cirq")) == "QA0012"
    assert code_of(lambda: circuit.save(tmp_path / "nowhere" / "c.qasm")) == "QA0013"
    assert code_of(lambda: adapter.circuits("other")) == "QA6007"
    assert code_of(lambda: adapter.circuits(target="nowhere")) == "QA0021"
    assert code_of(lambda: adapter.circuits(target="simulator")) == "QA4226"
    assert code_of(lambda: adapter.circuits(target=3)) == "QA6013"
    (encoded,) = trained(source("amplitude")).circuits()
    assert code_of(encoded.to_qiskit) == code_of(encoded.to_pytket) == "QA4208"
    with torch.no_grad():
        adapter.get_parameter("a.q.angles").fill_(torch.nan)
    assert code_of(lambda: circuit.bind(np.zeros(3))) == "QA4222"
    values = circuit.manifest()["uses"][0]["angles"]["values"]
    assert set(values) == {None}
    assert list(tmp_path.iterdir()) == []
