"""Surrogates: classical nodes in the place of circuits, and what they keep of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.surrogates.surrogate import Surrogate, surrogate_of
from qcompile.diagnostics import AdapterError
from qcompile.ir.circuit import Circuit
from qcompile.ir.compilation import PlannedSet, Site
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.plan import EvaluationNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.target import Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_plan import verify_plan
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.report.figures import figures
from qcompile.report.table import report_text
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.known_programs import KAIMING
from tests.adapter.models import llama, logits, trained

EXAMPLES = Path(__file__).parents[2] / "examples"


def source(circuit: str, update: str = "linear(q, to: out_features)", target: str = "") -> str:
    """A circuit between two matrices, in float64."""
    return f"""qa 1
adapter a(rank: int = 3) {{
    shape 6 -> 5
    h = linear(x, to: rank)
    q = circuit(rank qubits) {{
{circuit}
    }}
    update {update}
}}
target t {{ dtype: float64; {target} }}
"""


UPLOADING = source(
    "repeat 2 { encode angle(h, gate: ry); crz ring; ry }; measure z",
    "linear(q, to: out_features) + linear(h, to: out_features)",
)
DEEP = source("repeat 5 { encode angle(h, gate: ry); crz ring; ry }; measure z", "resize(q, 5)")

NEARLY = source("rz; encode angle(h, gate: rx, scale: 0.05); measure y")
WIDE = source("repeat 4 { encode angle(h); crz ring; ry }; measure z").replace("int = 3", "int = 6")
LINEAR = "qa 1\nadapter a() {\n    shape 6 -> 5\n    update linear(x, to: 5)\n}\n"

BODIES = {
    "uploading": UPLOADING,
    "shared": source(
        "angles t[3]; for i in 0..3 { ry(t[i] + 0.5 * h[i]) on i; rz(h[0] - h[i]) on i }"
        "; cx ring; measure x"
    ),
    "iqp": source('encode iqp(h, pattern: ring); ry; measure "Z0 X1", "Y2"'),
    "amplitude": source(
        "encode amplitude(h); rx; cx ring; ry; encode angle(h) on 0..3; cz ring; ry; measure z"
    ),
    "probabilities": source(
        "encode angle(h, squash: tanh, scale: pi); cx ring; rx; measure probs on [2, 0]"
    ),
    "noise": source(
        "encode angle(h); cx ring; ry; measure z",
        target="noise: { one_qubit: 0.01, two_qubit: 0.02, readout: [0.03, 0.05] }",
    ),
    "mitigated": source(
        "encode angle(h); cx ring; ry; measure z",
        target="noise: { one_qubit: 0.01, two_qubit: 0.02, readout: [0.03, 0.05] }"
        "; mitigate: readout; shots: 100",
    ),
}


def compiled(text: str = UPLOADING, *, scale: float = 1.0, **options: Any) -> CompiledAdapter:
    """`scale`: of the angles, which are 0.1 or so."""
    adapter = trained(qcompile.compile(text, **options))
    with torch.no_grad():
        adapter.only_part().get_parameter("q.angles").mul_(scale)
    return adapter


def inputs(rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(rows, 6, dtype=torch.float64, generator=generator)


def difference(adapter: CompiledAdapter, found: Surrogate, x: Tensor) -> float:
    for _, part in found.adapter.parts():
        verify_plan(part.plan)
        assert not any(isinstance(node, EvaluationNode) for node in part.plan.nodes)
    with torch.no_grad():
        return float((adapter(x) - found.adapter(x)).abs().max())


@pytest.mark.parametrize("name", BODIES)
def test_exact_values_and_gradients(name: str) -> None:
    adapter = compiled(BODIES[name])
    before = {key: value.clone() for key, value in adapter.state_dict().items()}
    found = surrogate_of(adapter)
    (circuit,) = found.circuits
    assert (circuit.circuit, circuit.method, circuit.rms) == ("q", "exact", None)
    assert circuit.error < 1e-10
    # Shots have a mean.
    without_shots = compiled(BODIES[name].replace("; shots: 100", ""))
    x = inputs(7)
    x[0] = 0.0
    assert difference(without_shots, found, x) < 1e-9
    gradients = []
    for one in (without_shots, found.adapter):
        given = x[1:].clone().requires_grad_()
        one(given).square().sum().backward()
        gradients.append((given.grad, one.only_part().get_parameter("h.weight").grad))
    for old, new in zip(*gradients, strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=1e-9)
    assert all(torch.equal(before[key], value) for key, value in adapter.state_dict().items())


def alone(circuit: Circuit) -> CompiledAdapter:
    """Data in, values out, in float64."""
    angles = circuit.angle_count
    program = Program(
        adapter="a",
        in_features=circuit.data_width,
        out_features=circuit.outputs,
        mode="add",
        nodes=(
            InputNode(width=circuit.data_width),
            CircuitNode(
                operands=(0,), circuit=circuit, angles=0 if angles else None, width=circuit.outputs
            ),
        ),
        result=1,
        tensors=(TensorSpec(name="q.angles", shape=(angles,), init=KAIMING),) if angles else (),
        parameters=(),
    )
    context = Context(target=Target(name="t", dtype="float64"), tokens=8)
    plan = run_pipeline(program, preset(1), context)
    manifest = qcompile.compile(LINEAR).manifest
    site = Site(module="", adapter="a", unit=0)
    return CompiledAdapter(
        replace(manifest, planned=PlannedSet(plans=(plan,), sites=(site,), seed=1))
    )


@settings(max_examples=40, deadline=None)
@given(circuits(max_qubits=4, max_gates=12, data_width=3))
def test_any_circuit_keeps_its_values_and_gradients(circuit: Circuit) -> None:
    adapter = alone(circuit)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.linspace(-2, 2, len(parameter), dtype=torch.float64))
    found = surrogate_of(adapter).adapter
    results = []
    for one in (adapter, found):
        x = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.4, -0.7]], dtype=torch.float64)
        y = one(x.requires_grad_())
        weights = torch.linspace(0.5, 2.0, y.numel(), dtype=torch.float64).reshape(y.shape)
        total = (y * weights).sum()
        grad = torch.zeros_like(x)
        if total.requires_grad:
            (found_grad,) = torch.autograd.grad(total, x, allow_unused=True)
            grad = grad if found_grad is None else found_grad
        results.append((y.detach(), grad))
    for old, new in zip(*results, strict=True):
        torch.testing.assert_close(new, old, rtol=0, atol=1e-9)


@pytest.mark.parametrize("optimisation", [0, 1])
def test_any_plan_has_one(optimisation: int) -> None:
    adapter = compiled(optimisation=optimisation)
    assert difference(adapter, surrogate_of(adapter), inputs(7)) < 1e-9


def test_a_bound_holds_and_saves_terms() -> None:
    adapter = compiled(DEEP)
    terms = []
    for error in (0.3, 0.03):
        found = surrogate_of(adapter, error=error)
        (circuit,) = found.circuits
        assert circuit.method == "truncated"
        # The update is what is read.
        assert 0 < difference(adapter, found, inputs(200) * 4) <= circuit.error <= error
        terms.append(circuit.terms)
    assert terms[0] < terms[1]


def test_a_fit_states_what_new_data_show() -> None:
    adapter = compiled(DEEP, scale=10.0)
    x = 0.7 * inputs(2000)
    found = surrogate_of(adapter, error=0.05, samples=x)
    (circuit,) = found.circuits
    assert circuit.method == "fitted"
    assert circuit.rms is not None and circuit.rms < circuit.error <= 0.05
    held_out = x[1600:]
    assert difference(adapter, found, held_out) == pytest.approx(circuit.error, abs=1e-12)
    with torch.no_grad():
        whole, approximate = adapter(held_out), found.adapter(held_out)
    share = float((whole - approximate).norm() / whole.norm())
    assert found.output_errors == {"": pytest.approx(share, abs=1e-12)}
    again = surrogate_of(adapter, error=0.05, samples=x)
    assert again.circuits == found.circuits
    # Exact ones are exact, whatever the data.
    assert surrogate_of(compiled(), samples=x).circuits[0].method == "exact"


def test_amplitudes_are_fitted_by_their_products() -> None:
    text = BODIES["amplitude"].replace("linear(q, to: out_features)", "resize(q, 5)")
    adapter = compiled(text, scale=5.0)
    x = inputs(400)
    found = surrogate_of(adapter, error=0.3, samples=x)
    (circuit,) = found.circuits
    assert circuit.method == "fitted"
    assert difference(adapter, found, x[320:]) == pytest.approx(circuit.error, abs=1e-12)
    assert circuit.terms < surrogate_of(adapter).circuits[0].terms


def test_what_is_nearly_linear_becomes_linear() -> None:
    adapter = compiled(NEARLY)
    found = surrogate_of(adapter, error=1e-3, samples=inputs(100))
    (circuit,) = found.circuits
    assert (circuit.method, circuit.terms) == ("linear fit", 3)
    part = found.adapter.only_part()
    assert part.plan.linear
    weight = part.merge_weight()
    x = inputs(100)
    with torch.no_grad():
        assert float((adapter(x) - x @ weight.T).abs().max()) <= circuit.error


MODEL = """qa 1
adapter a(rank: int = 3) {
    attach "*.self_attn.{q,v}_proj"
    h = linear(x, to: rank)
    q = circuit(rank qubits) { encode angle(h); crz ring; ry; measure z }
    update linear(q, to: out_features)
}
"""


def test_a_surrogate_is_an_ordinary_adapter(tmp_path: Path) -> None:
    model = llama().eval()
    adapter = trained(qcompile.compile(MODEL, model=model)).eval()
    found = surrogate_of(adapter)
    assert [circuit.module for circuit in found.circuits] == [s.module for s in adapter.sites]
    # Modules of one size share a plan.
    assert len(found.adapter.manifest.planned.plans) == 2
    qcompile.attach(model, adapter)
    expected = logits(model)
    qcompile.detach(model)
    for name in ("a.pt", "a.safetensors", "a/"):
        found.adapter.save(f"{tmp_path}/{name}")
        loaded = qcompile.load(f"{tmp_path}/{name}")
        qcompile.attach(model, loaded)
        torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-5)
        qcompile.detach(model)
    module = adapter.sites[0].module
    program = found.adapter.export(module).module()
    x = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(program(x), adapter[module](x), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning")
def test_peft_takes_a_surrogate(tmp_path: Path) -> None:
    from peft import PeftModel

    import qcompile.peft

    model = llama().eval()
    adapter = trained(qcompile.compile(MODEL, model=model)).eval()
    surrogate_of(adapter).adapter.save(f"{tmp_path}/first/")
    qcompile.attach(model, adapter)
    expected = logits(model)
    for name, again in (("first", "second"), ("second", "third")):
        inside = PeftModel.from_pretrained(llama(), f"{tmp_path}/{name}").eval()
        torch.testing.assert_close(logits(inside), expected, rtol=1e-4, atol=1e-5)
        inside.save_pretrained(f"{tmp_path}/{again}")


def test_a_report_says_what_is_exact_and_cheap() -> None:
    text = source("encode angle(h); crz ring; ry; measure z", "resize(q, 5)")
    adapter = compiled(text)
    found = surrogate_of(adapter)
    (module,) = figures(adapter.manifest.planned, pipeline="", tokens=8).modules
    (circuit,) = module.circuits
    assert circuit.surrogate_terms == found.circuits[0].terms
    before, after = found.flops["", "a"]
    assert circuit.surrogate_flops_per_token is not None
    # Nothing else changes.
    saved = circuit.flops_per_token - circuit.surrogate_flops_per_token
    assert before - after == pytest.approx(saved)
    report = report_text(figures(adapter.manifest.planned, pipeline="", tokens=8))
    assert f"exactly a polynomial of {circuit.surrogate_terms} terms" in report
    for other in (WIDE, (EXAMPLES / "qpa.qa").read_text("utf-8")):
        planned = qcompile.compile(other, model=llama()).manifest.planned
        (circuit, *_) = figures(planned, pipeline="", tokens=8).modules[0].circuits
        assert circuit.surrogate_terms is None


def test_circuits_without_data_become_numbers() -> None:
    text = (EXAMPLES / "qpa.qa").read_text("utf-8")
    model = llama()
    adapter = trained(qcompile.compile(text, model=model, parameters={"chunk": 64}))
    found = surrogate_of(adapter)
    assert {(circuit.method, circuit.error) for circuit in found.circuits} == {("constant", 0.0)}
    x = torch.randn(4, 32, generator=torch.Generator().manual_seed(0))
    for site, part in adapter.parts():
        other = found.adapter.part(site)
        assert not any(isinstance(node, EvaluationNode) for node in other.plan.nodes)
        torch.testing.assert_close(other(x), part(x), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(AdapterError, match="QA7301"):
        surrogate_of(trained(qcompile.compile(LINEAR)))
    deep = compiled(WIDE, scale=10.0)
    with pytest.raises(AdapterError, match=r"QA7302(.|\n)*no exact(.|\n)*terms"):
        surrogate_of(deep)
    x = inputs(49)
    with pytest.raises(AdapterError, match=r"QA7302(.|\n)*needs 50 rows"):
        surrogate_of(deep, samples=x)
    with pytest.raises(AdapterError, match=r"QA7302(.|\n)*within 0.001(.|\n)*best fit"):
        surrogate_of(deep, error=1e-3, samples=inputs(60))
    with pytest.raises(AdapterError, match="QA7303"):
        surrogate_of(deep, error=0.0)
    with pytest.raises(AdapterError, match="QA6222"):
        surrogate_of(deep, samples=torch.ones(60, 5))
    with pytest.raises(AdapterError, match=r"QA6222(.|\n)*NaN"):
        surrogate_of(deep, samples=torch.full((60, 6), float("nan")))
    reading = compiled(WIDE.replace("linear(x,", "linear(y,"), scale=10.0)
    with pytest.raises(AdapterError, match=r"QA7302(.|\n)*module's output"):
        surrogate_of(reading, samples=inputs(60))
