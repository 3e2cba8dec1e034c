"""Terms of the training through all passes, and what the verifiers refuse of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.ir.codec import canonical_json, decode_json
from qcompile.ir.initialisation import ZERO
from qcompile.ir.ops.arithmetic import MultiplyNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.plan import Plan
from qcompile.ir.program import Program
from qcompile.ir.scalar import Constant, Variable
from qcompile.ir.spec import Body, Spec
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.text import text_of
from qcompile.ir.training import Penalty, Proximal, SpecPenalty, SpecProximal, Training
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_program import verify_program
from qcompile.ir.verify_spec import verify_spec
from qcompile.passes.base import Context
from qcompile.passes.pipeline import preset, run_pipeline
from qcompile.testing.program_strategies import programs
from tests.grammar.elaborated import adapter, codes_of, spec_of


def named(level: Program | Plan) -> list[tuple[str, float, list[str]]]:
    """Kind, number and names of the tensors of each term."""
    return [
        (
            term.kind,
            term.factor if isinstance(term, Penalty) else term.threshold,
            [level.tensors[index].name for index in term.tensors],
        )
        for term in level.training
    ]


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(0, 2))
def test_terms_follow_their_tensors(program: Program, level: int) -> None:
    plan = run_pipeline(program, preset(level), Context(), verify=True)
    left = {tensor.name for tensor in plan.tensors}
    expected = [
        (kind, number, [name for name in names if name in left])
        for kind, number, names in named(program)
    ]
    assert named(plan) == [term for term in expected if term[2]]
    assert decode_json(Plan, canonical_json(plan)) == plan
    assert decode_json(Program, canonical_json(program)) == program
    for text, value in ((text_of(plan), plan), (text_of(program), program)):
        lines = [line.split() for line in text.splitlines()]
        found = [line for line in lines if line[0] in ("regularise", "proximal")]
        assert len(found) == len(value.training)


PROGRAM = Program(
    adapter="a",
    in_features=4,
    out_features=4,
    mode="add",
    nodes=(
        InputNode(width=4),
        VectorNode(tensor=0, width=4),
        MultiplyNode(operands=(0, 1), width=4),
    ),
    result=2,
    tensors=(TensorSpec(name="g", shape=(4,), init=ZERO),),
    parameters=(),
)
GOOD: tuple[Training, ...] = (
    Penalty(kind="l1", tensors=(0,), factor=0.0),
    Proximal(kind="soft_threshold", tensors=(0,), threshold=0.5),
)


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        (Penalty(kind="l1", tensors=(), factor=1.0), "no tensor"),
        (Penalty(kind="l1", tensors=(0, 0), factor=1.0), "twice"),
        (Penalty(kind="l1", tensors=(1,), factor=1.0), "unknown"),
        (Penalty(kind="l1", tensors=(-1,), factor=1.0), "unknown"),
        (Penalty(kind="l2", tensors=(0,), factor=-1.0), "number"),
        (Proximal(kind="soft_threshold", tensors=(0,), threshold=float("inf")), "number"),
        (Proximal(kind="soft_threshold", tensors=(0,), threshold=float("nan")), "number"),
    ],
)
def test_verifier_of_programs_refuses(term: Training, reason: str) -> None:
    verify_program(replace(PROGRAM, training=GOOD))
    with pytest.raises(VerificationError, match=reason):
        verify_program(replace(PROGRAM, training=(*GOOD, term)))


TEXT = adapter(
    "g = vector(rank)\n"
    "train { regularise rank / 4 * mean_abs(g) * in_features; proximal soft_threshold(g, 1) }\n"
    "update linear(g * linear(x, to: rank), to: out_features, init: zero)"
)


def _body(spec: Spec) -> Body:
    return spec.adapters[0].bodies[0]


def test_elaboration_gives_terms_in_order() -> None:
    spec = spec_of(TEXT, "rank=2")
    penalty, proximal = _body(spec).training
    assert isinstance(penalty, SpecPenalty) and isinstance(proximal, SpecProximal)
    assert (penalty.kind, proximal.kind) == ("mean_abs", "soft_threshold")
    assert penalty.operand == proximal.operand == 1
    assert proximal.threshold == Constant(value=1)
    assert decode_json(Spec, canonical_json(spec)) == spec
    text = text_of(spec)
    assert "proximal soft_threshold(%1, 1)" in text and "* mean_abs(%1)" in text


@pytest.mark.parametrize(
    "change",
    [{"operand": 0}, {"operand": 99}, {"operand": -1}, {"factor": Variable(name="i")}],
)
def test_verifier_of_specs_refuses(change: dict[str, object]) -> None:
    spec = spec_of(TEXT)
    body = _body(spec)
    first, second = body.training
    bad = replace(body, training=(replace(first, **change), second))  # type: ignore[arg-type]
    adapters = (replace(spec.adapters[0], bodies=(bad,)),)
    with pytest.raises(VerificationError, match=r"mean_abs|unbound"):
        verify_spec(replace(spec, adapters=adapters))


def test_training_a_value_is_no_use_of_it() -> None:
    assert codes_of(TEXT) == []
    assert codes_of(TEXT.replace("g * linear", "linear")) == ["QA2011"]
