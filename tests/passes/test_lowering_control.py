"""A control has exactly as many parameters as what it replaces, and all of them do something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.diagnostics import Collector, Source, UsageError
from qcompile.driver.control import has_circuits, with_control
from qcompile.driver.targets import devices_of, targets_of
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.ir.compilation import LoweredSet, ModelInfo
from qcompile.ir.ops.circuit_data import NormaliseNode, NormNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.spec import Spec
from qcompile.ir.text import text_of
from qcompile.ir.verify_program import verify_program
from qcompile.ir.verify_spec import verify_spec
from qcompile.passes.lowering import lower
from qcompile.passes.lowering.control_shape import control_shape
from qcompile.passes.lowering.totals import parameter_count
from qcompile.testing.circuit_texts import LAYERS, Surroundings, circuit_sources
from qcompile.testing.reference import Array, evaluate_program, random_tensors

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(path for path in EXAMPLES.rglob("*.qa") if path.name != "parts.qa")


def spec_of(text: str) -> Spec:
    collector = Collector()
    spec = load_spec(Source("text.qa", text), (), collector)
    assert spec is not None, collector.diagnostics
    return spec


def lowered(spec: Spec, model: ModelInfo | None = None) -> LoweredSet:
    collector = Collector()
    devices = devices_of(targets_of(spec))
    result = lower(spec, model=model, devices=devices, collector=collector)
    assert result is not None, collector.diagnostics
    for program in result.programs:
        verify_program(program)
    return result


def control_of(spec: Spec) -> Spec:
    controlled = with_control(spec, Collector())
    verify_spec(controlled)
    return controlled


def control_program(text: str) -> Program:
    (program,) = lowered(control_of(spec_of(text))).programs
    return program


def circuit(body: str, *, size: int = 8, width: int = 4, options: str = "") -> str:
    return f"""qa 1
adapter c() {{
    shape {size} -> {width}
    q = circuit(4 qubits{options}) {{
        {body}
    }}
    replace q
}}
"""


@given(
    data=st.integers(0, 5000),
    outputs=st.integers(1, 300),
    parameters=st.integers(0, 20000),
    latent=st.integers(1, 12),
)
@settings(max_examples=500)
def test_every_number_of_parameters_is_met_exactly(
    data: int, outputs: int, parameters: int, latent: int
) -> None:
    shape = control_shape(data=data, outputs=outputs, parameters=parameters, latent=latent)
    assert shape.parameters == parameters
    width = shape.folded or data or shape.latent
    sizes = [a for a, _ in shape.dense] + [outputs] if shape.dense else [width]
    assert sizes[0] == width and sizes[-1] == outputs
    assert all(b == a for (_, b), a in zip(shape.dense, sizes[1:], strict=False))
    assert 0 <= shape.gains <= width
    layers = sizes[1:] or sizes
    assert all(0 <= bias <= size for bias, size in zip(shape.biases, layers, strict=True))


@pytest.mark.parametrize("rank", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("layers", [2, 3, 4])
def test_square_controls_are_those_of_qtha(rank: int, layers: int) -> None:
    shape = control_shape(data=rank, outputs=rank, parameters=layers * rank**2, latent=rank)
    assert shape.dense == ((rank, rank),) * layers
    assert shape.biases == (0,) * layers and shape.folded is None and not shape.gains


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_examples_and_their_controls_have_equally_many_parameters(path: Path) -> None:
    from qcompile.models.skeleton import read_model

    collector = Collector()
    spec = load_spec(read_source(str(path)), (), collector)
    assert spec is not None, collector.diagnostics
    if not any(has_circuits(adapter) for adapter in spec.adapters):
        with pytest.raises(UsageError, match="no circuit that a control"):
            with_control(spec, collector)
        return
    model = None if spec.model is None else read_model(spec.model.path)
    before, after = lowered(spec, model), lowered(control_of(spec), model)
    assert parameter_count(before) == parameter_count(after)
    assert before.sites == after.sites
    assert any(isinstance(node, CircuitNode) for p in before.programs for node in p.nodes)
    assert not any(isinstance(node, CircuitNode) for p in after.programs for node in p.nodes)
    for old, new in zip(before.programs, after.programs, strict=True):
        assert sum(t.size for t in old.tensors) == sum(t.size for t in new.tensors)
        assert new.control and not old.control
        kept = {t.name: t for t in new.tensors}
        angles = {n.angles for n in old.nodes if isinstance(n, CircuitNode)}
        for index, tensor in enumerate(old.tensors):
            assert index in angles or kept[tensor.name] == tensor


@st.composite
def circuits(draw: st.DrawFn) -> str:
    """An adapter that is one circuit, at most 4 qubits wide."""
    size = draw(st.integers(1, 9))
    widths, lines = {"x": size}, []

    def narrow(name: str, width: int) -> str:
        new = f"v{len(widths)}"
        widths[new] = width
        lines.append(f"{new} = linear({name}, to: {width})")
        return new

    around = Surroundings(widths=widths, layers=True, narrow=narrow)
    text, width = circuit_sources(draw, "x", around)
    body = "\n".join(f"    {line}" for line in lines)
    return (
        f"qa 1\n{LAYERS}\nadapter c(rank: int = 2) {{\n    shape {size} -> {width}\n{body}\n"
        f"    q = {text}\n    replace q\n}}\n"
    )


@given(circuits(), st.integers(0, 2**31))
@settings(max_examples=60)
def test_random_circuits(text: str, seed: int) -> None:
    spec = spec_of(text)
    (old,), (new,) = lowered(spec).programs, lowered(control_of(spec)).programs
    assert sum(t.size for t in old.tensors) == sum(t.size for t in new.tensors)
    assert old.out_features == new.out_features
    x = np.random.default_rng(seed).normal(size=(40, new.in_features))
    tensors = random_tensors(new, seed, scale=0.8)
    outputs = evaluate_program(new, x, tensors)
    assert outputs.shape == (40, new.out_features) and np.isfinite(outputs).all()
    for index, spec_ in enumerate(new.tensors):
        if not spec_.name.startswith("q."):
            continue
        for place in np.ndindex(spec_.shape):
            moved = {key: value.copy() for key, value in tensors.items()}
            moved[index][place] += 0.25
            assert not np.array_equal(evaluate_program(new, x, moved), outputs), spec_.name


def test_several_read_outs_have_one_control() -> None:
    program = control_program(
        circuit(
            "encode angle(x[0:4]); ry; cx ring; rz; measure z; measure probs on [0, 1]", width=8
        )
    )
    assert sum(t.size for t in program.tensors) == 8
    assert program.nodes[program.result].width == 8


def silu(a: Array) -> Array:
    return np.asarray(a / (1 + np.exp(-a)))


def test_the_control_of_qtha_is_four_layers_with_silu() -> None:
    text = circuit(
        "repeat 4 { encode angle(x); crz ring; ry; crz ring reversed; ry }\nmeasure z", size=4
    )
    program = control_program(text)
    tensors = random_tensors(program)
    x = np.random.default_rng(0).normal(size=(5, 4))
    expected = x
    for index, name in enumerate(f"q.layer{k}.weight" for k in range(1, 5)):
        assert program.tensors[index].name == name
        expected = silu(expected @ tensors[index].T)
    np.testing.assert_allclose(evaluate_program(program, x, tensors), expected)


def test_amplitudes_lose_their_norm_and_get_it_back() -> None:
    body = "encode amplitude(x, norm: {}); ry; measure z"
    x = np.random.default_rng(0).normal(size=(3, 16))
    outputs = {}
    for norm in ("drop", "keep"):
        program = control_program(circuit(body.format(norm), size=16))
        assert sum(isinstance(node, NormaliseNode) for node in program.nodes) == 1
        assert any(isinstance(node, NormNode) for node in program.nodes) == (norm == "keep")
        tensors = random_tensors(program)
        once, twice = (evaluate_program(program, k * x, tensors) for k in (1, 2))
        np.testing.assert_allclose(twice, once if norm == "drop" else 2 * once)
        outputs[norm] = once
    sizes = np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(outputs["keep"], sizes * outputs["drop"])


def test_amplitudes_that_are_angles_too_stay_beside_them() -> None:
    body = "encode amplitude(h); encode angle(h); ry; measure z"
    program = control_program(
        circuit(body).replace("q = circuit", "h = linear(x, to: 4)\n    q = circuit")
    )
    assert sum(t.size for t in program.tensors if t.name.startswith("q.")) == 4
    tensors = random_tensors(program)
    x = np.random.default_rng(0).normal(size=(3, 8))
    once, twice = (evaluate_program(program, k * x, tensors) for k in (1, 2))
    assert not np.allclose(once, twice)


def test_a_generator_has_a_trainable_vector_in_place_of_data() -> None:
    program = control_program(circuit("repeat 9 { ry; cx ring }\nmeasure z"))
    assert program.tensors[0].name == "q.latent" and program.tensors[0].shape == (4,)
    assert sum(t.size for t in program.tensors) == 36
    tensors = random_tensors(program)
    first, second = (
        evaluate_program(program, np.random.default_rng(k).normal(size=(2, 8)), tensors)
        for k in (0, 1)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("body", ["encode angle(x[0:4]); cx ring; measure z", "h; measure x"])
def test_circuits_without_angles_become_fixed_maps(body: str) -> None:
    program = control_program(circuit(body))
    assert not program.tensors and program.control
    x = np.random.default_rng(0).normal(size=(3, 8))
    expected = np.cos(x[:, :4]) if "encode" in body else np.ones((3, 4))
    np.testing.assert_allclose(evaluate_program(program, x, {}), expected)


SHARED = """qa 1
adapter pair() {
    shape 8 -> 4
    p = circuit(4 qubits, share: "s") { encode angle(x[0:4]); ry; measure z }
    q = circuit(4 qubits, share: "s") { encode angle(x[4:8]); ry; measure z }
    replace p + q
}
"""


def test_shared_angles_are_shared_tensors() -> None:
    spec = spec_of(SHARED)
    (program,) = lowered(control_of(spec)).programs
    assert {t.share for t in program.tensors} == {"s.bias"}
    assert parameter_count(lowered(control_of(spec))) == parameter_count(lowered(spec)) == 4


def test_train_clauses_are_about_the_tensors_of_the_control() -> None:
    text = circuit("encode angle(x[0:4]); repeat 8 { ry }\nmeasure z")
    text = text.replace("    replace q", "    train { regularise 0.1 * l2(q) }\n    replace q")
    program = control_program(text)
    (penalty,) = program.training
    assert penalty.tensors == tuple(range(len(program.tensors))) and len(penalty.tensors) == 2


CHOICE = """qa 1
adapter c(classical: bool = true) {{
    attach "*.q_proj" with (classical: {})
    attach "*_proj"
    control if {}
    h = linear(x, to: 4)
    q = circuit(4 qubits) {{ encode angle(h); ry; measure z }}
    update linear(q, to: out_features, init: zero)
}}
"""


def test_the_language_chooses_controls_module_by_module() -> None:
    from qcompile.models.skeleton import read_model

    model = read_model(str(EXAMPLES / "models" / "tiny-llama"))
    for first, condition, expected in (
        ("false", "classical", {"q_proj": False}),
        ("true", "classical and in_features > out_features", {"q_proj": False, "v_proj": True}),
        ("true", "in_features < out_features", {"up_proj": True, "v_proj": False}),
    ):
        found = lowered(spec_of(CHOICE.format(first, condition)), model)
        for site in found.sites:
            program = found.programs[site.unit]
            assert program.control != any(isinstance(n, CircuitNode) for n in program.nodes)
            tail = site.module.rpartition(".")[2]
            if tail in expected:
                assert program.control == expected[tail], (condition, tail)


def test_a_bare_line_is_the_flag() -> None:
    text = circuit("encode angle(x[0:4]); ry; measure z")
    written = text.replace("    q = circuit", "    control\n    q = circuit")
    assert spec_of(written) == control_of(spec_of(text))
    assert "control if true" in text_of(spec_of(written))
    assert ", control\n" in text_of(lowered(spec_of(written)))


def test_adapters_without_circuits_are_left_with_a_warning() -> None:
    collector = Collector()
    plain = "adapter p() { shape 8 -> 4; update linear(x, to: 4, init: zero) }\n"
    spec = spec_of(circuit("encode angle(x[0:4]); ry; measure z") + plain)
    controlled = with_control(spec, collector)
    assert [d.code for d in collector.diagnostics] == ["QA0042"]
    assert controlled.adapters[1] == spec.adapters[1]
    assert [p.control for p in lowered(controlled).programs] == [True, False]
