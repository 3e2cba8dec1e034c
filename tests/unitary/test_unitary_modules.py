"""Modules with `unitary`: gradients, batches, tracing, choices by cost, text forms."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qcompile.adapter import CompiledAdapter
from qcompile.cli import main
from qcompile.diagnostics.errors import CompileError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.codec import decode, encode
from qcompile.ir.network import ContractionNode, frames_of
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.spec import SpecUnitary
from qcompile.ir.spec_circuit import AllWires, EncodeAngle
from qcompile.ir.text import text_of
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_program import verify_program
from qcompile.ir.verify_spec import verify_spec
from qcompile.testing.known_specs import ANGLES, rotations, spec_number, spec_of
from tests.unitary.matrices import compiled, module_of, text

BOTH = pytest.mark.parametrize("tokens", [1, 4096], ids=["per token", "hoisted"])
RANK = """unitary(v * s, to: out_features) { ry; cry ring; h on 1 }"""
BEFORE = (
    "s = vector(3)",
    "v = unitary(x, to: 3, adjoint: true) { angles t[2]; ry(t[0] - t[1]) on 0; ry; cz ring; ry }",
)


def low_rank(tokens: int, inputs: int = 12, outputs: int = 8) -> CompiledAdapter:
    return module_of(compiled(text(RANK, inputs, outputs, *BEFORE), tokens=tokens))


@BOTH
def test_gradcheck(tokens: int) -> None:
    module = low_rank(tokens)
    ((_, part),) = module.parts()
    names = [name for name, _ in part.named_parameters()]

    def value(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        state = dict(zip(names, parameters, strict=True))
        found: torch.Tensor = torch.func.functional_call(part, state, (x,))
        return found

    x = torch.randn(2, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    leaves = [p.detach().clone().requires_grad_() for _, p in part.named_parameters()]
    assert torch.autograd.gradcheck(value, (x.requires_grad_(), *leaves))


@BOTH
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_whole(tokens: int, backend: str) -> None:
    ((_, part),) = low_rank(tokens).parts()
    torch.compiler.reset()
    fast = torch.compile(part, fullgraph=True, backend=backend)
    x = torch.randn(5, 12, dtype=torch.float64)
    found = []
    for run in (part, fast):
        part.zero_grad()
        result = run(x)
        torch.autograd.backward(result.square().sum())
        found.append([result.detach(), *(p.grad for p in part.parameters())])
    for plain, traced in zip(*found, strict=True):
        torch.testing.assert_close(plain, traced, rtol=0, atol=1e-12)


@BOTH
def test_any_leading_dimensions_copies_and_vmap(tokens: int) -> None:
    ((_, part),) = low_rank(tokens).parts()
    x = torch.randn(2, 3, 4, 12, dtype=torch.float64)
    expected = part(x.reshape(-1, 12)).reshape(2, 3, 4, 8)
    torch.testing.assert_close(part(x), expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(part(x[0, 0, 0]), expected[0, 0, 0], rtol=0, atol=1e-13)
    assert part(x[:0]).shape == (0, 3, 4, 8)
    assert torch.equal(copy.deepcopy(part)(x), part(x))
    assert torch.equal(pickle.loads(pickle.dumps(part))(x), part(x))
    state = {name: p.detach() for name, p in part.named_parameters()}
    one = torch.func.vmap(lambda row: torch.func.functional_call(part, state, (row,)), in_dims=0)
    torch.testing.assert_close(one(x[0, 0]), expected[0, 0], rtol=0, atol=1e-13)


@BOTH
def test_float32_stays_close(tokens: int) -> None:
    single = text(RANK, 12, 8, *BEFORE).replace("float64", "float32")
    module = module_of(compiled(single, tokens=tokens))
    double = low_rank(tokens)
    double.load_state_dict({k: v.double() for k, v in module.state_dict().items()})
    x = torch.randn(4, 12)
    ((_, part),), ((_, exact),) = module.parts(), double.parts()
    assert part(x).dtype == torch.float32
    torch.testing.assert_close(part(x).double(), exact(x.double()), rtol=0, atol=1e-6)


@BOTH
def test_start_does_not_touch_the_random_state(tokens: int) -> None:
    before = torch.get_rng_state()
    one, other = low_rank(tokens), low_rank(tokens)
    assert torch.equal(torch.get_rng_state(), before)
    for (name, left), (_, right) in zip(
        one.state_dict().items(), other.state_dict().items(), strict=True
    ):
        assert torch.equal(left, right), name


def kinds(plan: Plan) -> list[str]:
    return [type(node).__name__ for node in plan.nodes]


def test_hoisted_or_per_token_by_cost() -> None:
    """Four columns are built once; a matrix of 4096 costs more than its gates on 64 tokens."""
    narrow = text("unitary(x, to: out_features) { two_design(depth: 1) }", 4096, 4)
    (plan,) = compiled(narrow, tokens=64).planned.plans
    (node,) = (n for n in plan.nodes if isinstance(n, ContractionNode))
    (frame,) = frames_of(node.network)
    assert frame.columns == 4 and frame.adjoint
    wide = text("unitary(x, to: out_features) { two_design(depth: 1) }", 4096, 4096)
    (plan,) = compiled(wide, tokens=64).planned.plans
    assert kinds(plan) == ["InputNode", "UnitaryNode"]


def test_value_without_data_is_one_column() -> None:
    source = text(
        "unitary(s, to: out_features) { two_design(depth: 1) } + x", 64, 64, "s = vector(64)"
    )
    (plan,) = compiled(source, tokens=4096).planned.plans
    assert "UnitaryNode" in kinds(plan)
    assert plan.costs.hoisted_flops > 0
    assert plan.costs.forward_flops_per_token == 64


def test_chain_is_one_network_with_its_neighbours() -> None:
    (plan,) = compiled(text(RANK, 12, 8, *BEFORE), tokens=4096).planned.plans
    assert kinds(plan) == ["InputNode", "ContractionNode"]
    assert plan.linear


def test_frames_follow_padded_operators() -> None:
    """An MPO whose modes pad its width, before and after a unitary."""
    before = ("a = mpo(x, to: 7, in_modes: [3, 5], out_modes: [2, 4], bond: 2)",
              "b = unitary(a, to: 5) { two_design(depth: 1) }")  # fmt: skip
    update = "mpo(b, to: 9, in_modes: [2, 3], out_modes: [3, 3], bond: 2)"
    modules = [
        module_of(compiled(text(update, 13, 9, *before), level=level, tokens=tokens))
        for level, tokens in ((0, 1), (2, 4096), (3, 4096))
    ]
    x = torch.randn(3, 13, dtype=torch.float64)
    results = [next(part for _, part in module.parts())(x) for module in modules]
    for result in results[1:]:
        torch.testing.assert_close(result, results[0], rtol=0, atol=1e-13)


@BOTH
def test_angles_that_cancel_keep_a_gradient(tokens: int) -> None:
    """A parameter without a gradient would stop distributed training."""
    update = "unitary(x, to: 8) { angles t[1]; ry(t[0]) on 0; ry(-t[0]) on 0 }"
    module = module_of(compiled(text(update, 8, 8), tokens=tokens))
    ((_, part),) = module.parts()
    torch.autograd.backward(part(torch.randn(2, 8, dtype=torch.float64)).sum())
    gradient = part.get_parameter("update.angles").grad
    assert gradient is not None and torch.count_nonzero(gradient) == 0


def test_banks_start_apart_in_both_circuits() -> None:
    update = "unitary(x, to: 6, init: zero) { angles t[2] init constant(0.5); ry(t[1]) on 0; ry }"
    (program,) = compiled(text(update, 6, 6), level=0).lowered.programs
    (angles,) = program.tensors
    assert angles.shape == (8,)
    assert [length for length, _ in angles.segments] == [2, 2, 2, 2]
    ((_, part),) = module_of(compiled(text(update, 6, 6), level=0)).parts()
    start = np.asarray(part.get_parameter("update.angles").detach())
    np.testing.assert_array_equal(start, [0.5, 0.5, 0, 0, 0.5, 0.5, 0, 0])


def test_shared_angles_are_one_tensor() -> None:
    shared = (
        'unitary(unitary(x, to: 8, share: "u") { ry }, to: 8, adjoint: true, share: "u") { ry }'
    )
    module = module_of(compiled(text(shared, 8, 8)))
    ((_, part),) = module.parts()
    assert sum(p.numel() for p in part.parameters()) == 3
    torch.testing.assert_close(
        part.merge_weight(), torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-14
    )


def test_noise_and_shots_leave_it_exact() -> None:
    plain = text("unitary(x, to: 8) { ry; cz ring }", 8, 8)
    noisy = plain.replace("dtype: float64", "dtype: float64; shots: 10; noise: { one_qubit: 1pct }")
    results = []
    for source in (plain, noisy):
        ((_, part),) = module_of(compiled(source)).parts()
        results.append(part(torch.eye(8, dtype=torch.float64)))
    assert torch.equal(*results)


def test_too_much_memory_is_refused_with_advice() -> None:
    source = text("unitary(x, to: out_features) { two_design(depth: 40) }", 2**20, 2**20)
    with pytest.raises(CompileError, match="the gates of a `unitary` of 1048576 on 1 column"):
        compile_source(Source("big.qa", source), Options(tokens=1, memory_limit=2**20))


@BOTH
def test_levels_survive_their_codec_and_print(tokens: int) -> None:
    compilation = compiled(text(RANK, 12, 8, *BEFORE), tokens=tokens)
    (program,), (plan,) = compilation.lowered.programs, compilation.planned.plans
    assert decode(Program, encode(program)) == program
    assert decode(Plan, encode(plan)) == plan
    printed = text_of(plan)
    assert printed == text_of(decode(Plan, encode(plan)))
    assert "block 4:12 of 3 qubits" in printed and "cry(t[3]) 0 1" in printed


def test_verifier_refuses_other_gates_and_places() -> None:
    (program,) = compiled(text("unitary(x, to: 8) { ry }", 8, 8), level=0).lowered.programs
    node = program.nodes[1]
    assert isinstance(node, UnitaryNode)
    (block,) = node.orthogonal.blocks
    verify_program(program)
    complex_gate = Gate(name="rz", qubits=(0,), angles=(Affine(constant=0.1),))
    on_data = Gate(name="ry", qubits=(0,), angles=(Affine(data=((0, 1.0),)),))
    for bad in (
        replace(block, gates=(complex_gate,)),
        replace(block, gates=(on_data,)),
        replace(block, offset=1),
        replace(block, offset=-1),
        replace(block, qubits=4),
    ):
        orthogonal = replace(node.orthogonal, blocks=(bad,))
        broken = replace(program, nodes=(program.nodes[0], replace(node, orthogonal=orthogonal)))
        with pytest.raises(VerificationError):
            verify_program(broken)


def test_spec_verifier_refuses_other_gates_and_data() -> None:
    spec = SpecUnitary(
        operand=0,
        to=spec_number(4),
        adjoint=False,
        banks=(),
        items=(rotations("ry"),),
        init=ANGLES,
        name="u",
        share=None,
    )
    verify_spec(spec_of(SpecInput(), spec, shape=(4, 4)))
    encoding = EncodeAngle(operand=0, gate="ry", scale=spec_number(1), wires=AllWires())
    for bad in (rotations("rx"), encoding):
        broken = spec_of(SpecInput(), replace(spec, items=(bad,)), shape=(4, 4))
        with pytest.raises(VerificationError):
            verify_spec(broken)


@pytest.mark.parametrize("form", ["circuit", "qasm", "qasm2", "tket", "dot", "program", "plan"])
def test_every_form_shows_its_gates(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unitary.qa"
    path.write_text(text(RANK, 12, 8, *BEFORE), "utf-8")
    assert main([str(path), "--emit", form, "-O0"]) == 0
    shown = capsys.readouterr().out
    if form == "dot":
        assert "unitary of 12 transposed" in shown and "unitary of 8\\n8" in shown
    elif form == "tket":
        assert shown.count('"angle_unit"') == 3
    else:
        # OpenQASM 2 has no `cry`: each of the three becomes two `cz`.
        assert shown.count("cz") == (12 if form == "qasm2" else 6) and "ry" in shown
