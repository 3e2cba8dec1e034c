"""Every fault of concrete sizes is reported with its code, and all of them at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from qcompile.diagnostics import Collector, Diagnostic
from qcompile.diagnostics.catalog import messages_of
from qcompile.diagnostics.errors import CompileError
from qcompile.ir.initialisation import Init
from qcompile.ir.scalar import Apply, Scalar, Variable
from qcompile.ir.spec import (
    Requirement,
    Spec,
    SpecConcat,
    SpecDropout,
    SpecInput,
    SpecNode,
    SpecSlice,
    SpecSum,
    SpecVector,
)
from qcompile.ir.spec_circuit import (
    AffineAngle,
    AllWires,
    CircuitItem,
    DataElement,
    EncodeAmplitude,
    EncodeAngle,
    GateLayer,
    ListedPairs,
    ListedWires,
    MeasureEach,
    MeasureProbabilities,
    PairPattern,
    Repeat,
    WireRange,
)
from qcompile.ir.target import Target
from qcompile.passes.lowering import lower
from qcompile.passes.memory import refuse_too_many_tensors
from qcompile.testing.known_specs import (
    IN,
    OUT,
    circuit,
    entangler,
    qtha_spec,
    rotations,
    spec_linear,
    spec_mpo,
    spec_number,
    spec_of,
    transformer,
)

SHAPE = (12, 4)


def diagnose(spec: Spec) -> tuple[bool, list[Diagnostic]]:
    collector = Collector()
    model = transformer(12, 4, 24, 2)
    lowered = lower(spec, model=model, devices={}, collector=collector)
    return lowered is not None, list(collector.diagnostics)


def of(*nodes: SpecNode) -> Spec:
    return spec_of(SpecInput(), *nodes, shape=SHAPE)


def apply(operator: str, *arguments: Scalar) -> Scalar:
    return Apply(operator=operator, arguments=arguments)


def quantum(*items: CircuitItem, qubits: int = 4) -> Spec:
    return of(circuit(spec_number(qubits), items, operands=(0,)))


def one_wire(wire: Scalar) -> CircuitItem:
    return GateLayer(gate="h", angles=(), wires=ListedWires(wires=(wire,)), pairs=None)


def shared_twice() -> Spec:
    left = replace(spec_linear(0, spec_number(3), "a"), share="key")
    right = replace(spec_linear(0, spec_number(4), "b"), share="key")
    return of(left, right)


def failing_requirement() -> Spec:
    spec = of(spec_linear(0, OUT, "a"))
    condition = apply("==", apply("%", IN, spec_number(5)), spec_number(0))
    body = replace(
        spec.adapters[0].bodies[0],
        requirements=(Requirement(condition=condition, message="divisible by 5"),),
    )
    return replace(spec, adapters=(replace(spec.adapters[0], bodies=(body,)),))


DEEP: CircuitItem = rotations("ry")
for _ in range(3):
    DEEP = Repeat(count=spec_number(10_000), items=(DEEP,))

EMPTY: CircuitItem = Repeat(count=spec_number(0), items=())
for _ in range(4):
    EMPTY = Repeat(count=spec_number(10_000), items=(EMPTY,))

ELEMENT = AffineAngle(
    constant=spec_number(0),
    terms=((spec_number(1), DataElement(operand=0, index=spec_number(12))),),
)

ERRORS: dict[str, list[Spec]] = {
    "QA3101": [of(spec_linear(0, apply("//", IN, apply("-", IN, IN)), "a"))],
    "QA3102": [
        of(spec_linear(0, apply("/", IN, spec_number(5)), "a")),
        of(SpecDropout(operand=0, probability=spec_number("half"))),
    ],
    "QA3103": [
        of(spec_linear(0, spec_number(0), "a")),
        of(spec_linear(0, spec_number(-3), "a")),
        of(spec_mpo(0, OUT, "m", sites=65)),
        of(spec_mpo(0, OUT, "m", sites=0)),
        of(spec_mpo(0, OUT, "m", bond=0)),
        of(SpecDropout(operand=0, probability=spec_number(1.0))),
        quantum(Repeat(count=spec_number(10_001), items=())),
        spec_of(SpecInput(), spec_linear(0, OUT, "a"), shape=(0, 4)),
        spec_of(SpecInput(), spec_linear(0, OUT, "a"), shape=(2**30, 4)),
    ],
    "QA3104": [failing_requirement()],
    "QA3105": [
        of(
            spec_linear(0, spec_number(3), "a"),
            spec_linear(0, spec_number(4), "b"),
            SpecSum(operands=(1, 2)),
        )
    ],
    "QA3106": [of(spec_linear(0, spec_number(3), "a"))],
    "QA3107": [
        of(SpecSlice(operand=0, start=spec_number(3), stop=spec_number(13))),
        of(SpecSlice(operand=0, start=spec_number(4), stop=spec_number(4))),
        of(SpecSlice(operand=0, start=spec_number(-1), stop=None)),
    ],
    "QA3108": [
        of(replace(spec_mpo(0, OUT, "m", sites=2), in_modes=(spec_number(3), spec_number(3))))
    ],
    "QA3109": [
        of(replace(spec_mpo(0, OUT, "m", sites=3), in_modes=(spec_number(3), spec_number(4)))),
        of(replace(spec_mpo(0, OUT, "m", sites=4), bonds=(spec_number(2), spec_number(2)))),
    ],
    "QA3111": [shared_twice()],
    "QA3112": [
        of(spec_linear(0, spec_number(2**24), "a"), spec_linear(1, spec_number(2**24), "b"))
    ],
    "QA3114": [
        of(spec_linear(0, spec_number(10**9), "a")),
        of(SpecVector(size=spec_number(2**25), init=Init(kind="zero"), name="v", share=None)),
        of(
            circuit(
                spec_number(30),
                (rotations("ry"),),
                measurements=(MeasureProbabilities(wires=AllWires()),),
            )
        ),
    ],
    "QA3115": [of(*(SpecConcat(operands=(0,)) for _ in range(10_001)))],
    "QA3201": [quantum(qubits=10**9), quantum(qubits=0)],
    "QA3202": [quantum(DEEP), quantum(EMPTY)],
    "QA3203": [
        quantum(one_wire(spec_number(4))),
        quantum(one_wire(spec_number(-1))),
        quantum(
            GateLayer(
                gate="h",
                angles=(),
                wires=WireRange(start=spec_number(0), stop=spec_number(10**9)),
                pairs=None,
            )
        ),
    ],
    "QA3204": [
        quantum(
            GateLayer(
                gate="h",
                angles=(),
                wires=ListedWires(wires=(spec_number(1), spec_number(1))),
                pairs=None,
            )
        )
    ],
    "QA3205": [
        quantum(entangler("cx", PairPattern(kind="ring", step=spec_number(8)), trainable=False)),
        quantum(
            GateLayer(
                gate="cx",
                angles=(),
                wires=None,
                pairs=ListedPairs(pairs=((spec_number(1), spec_number(1)),)),
            )
        ),
    ],
    "QA3206": [
        quantum(GateLayer(gate="ry", angles=(ELEMENT,), wires=AllWires(), pairs=None)),
    ],
    "QA3207": [quantum(EncodeAngle(operand=0, gate="ry", scale=spec_number(1), wires=AllWires()))],
    "QA3208": [quantum(EncodeAmplitude(operand=0, keep_norm=False), qubits=3)],
    "QA3210": [quantum(entangler("cz", PairPattern(kind="native"), trainable=False))],
    "QA3212": [
        of(
            circuit(
                spec_number(1),
                (rotations("ry"),),
                measurements=(MeasureEach(letter="Z", wires=AllWires(parity="odd")),),
            )
        )
    ],
}


@pytest.mark.parametrize(
    ("code", "spec"), [(code, spec) for code, specs in ERRORS.items() for spec in specs]
)
def test_error(code: str, spec: Spec) -> None:
    complete, found = diagnose(spec)
    assert not complete
    assert code in [diagnostic.code for diagnostic in found]
    assert all(diagnostic.severity == "error" for diagnostic in found)


def test_every_code_of_sizes_is_provoked_somewhere() -> None:
    codes = {message.code for name in ("lowering", "expansion") for message in messages_of(name)}
    elsewhere = {"QA3113", "QA3116", "QA3141", "QA3151", "QA3152", "QA3209", "QA3211", "QA3213"}
    assert codes == set(ERRORS) | elsewhere


def test_too_many_parameters_in_all_modules_together() -> None:
    spec = spec_of(
        SpecInput(),
        spec_mpo(0, OUT, "m", sites=3, bond=20_000),
        attach=("*",),
    )
    collector = Collector()
    model = transformer(12, 4, 24, 200)
    assert lower(spec, model=model, devices={}, collector=collector) is None
    assert [diagnostic.code for diagnostic in collector.diagnostics] == ["QA3113"]


@pytest.mark.parametrize(("share", "elements"), [(None, 4 * 12 * 5), ("common", 12 * 5)])
@pytest.mark.parametrize(("dtype", "item_bytes"), [("float32", 4), ("float64", 8)])
def test_tensors_of_all_modules_are_weighed_together(
    share: str | None, elements: int, dtype: Literal["float32", "float64"], item_bytes: int
) -> None:
    spec = spec_of(
        SpecInput(),
        replace(spec_linear(0, spec_number(5), "a"), share=share),
        spec_linear(1, OUT, "b"),
        attach=("*.q_proj",),
    )
    model = transformer(12, 12, 24, 4)
    lowered = lower(spec, model=model, devices={}, collector=Collector())
    assert lowered is not None and len(lowered.sites) == 4
    needed = 2 * item_bytes * (elements + 4 * 12 * 5)
    targets = {spec.adapters[0].name: Target(name="t", dtype=dtype)}
    refuse_too_many_tensors(lowered, targets, needed)
    with pytest.raises(CompileError) as caught:
        refuse_too_many_tensors(lowered, targets, needed - 1)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["QA3151"]


def test_a_network_larger_than_lora_is_a_warning() -> None:
    complete, found = diagnose(qtha_spec(1, 1, shape=(64, 64)))
    assert complete
    codes = [(diagnostic.code, diagnostic.severity) for diagnostic in found]
    assert ("QA3116", "warning") in codes
    assert "more than LoRA's 128 at rank 1" in found[-1].title


def test_an_empty_ring_is_a_warning() -> None:
    complete, found = diagnose(
        spec_of(
            SpecInput(),
            circuit(spec_number(1), (rotations("ry"), entangler("crz", PairPattern(kind="ring")))),
            shape=(1, 1),
        )
    )
    assert complete
    assert [(d.code, d.severity) for d in found] == [("QA3209", "warning")]


def test_faults_of_one_circuit_are_all_reported() -> None:
    _, found = diagnose(
        quantum(
            one_wire(spec_number(7)),
            EncodeAngle(operand=0, gate="ry", scale=spec_number(1), wires=AllWires()),
            entangler("cx", PairPattern(kind="native"), trainable=False),
        )
    )
    assert {d.code for d in found} == {"QA3203", "QA3207", "QA3210"}


def test_a_refused_value_is_not_reported_again_by_its_users() -> None:
    _, found = diagnose(
        of(spec_linear(0, spec_number(0), "a"), spec_linear(1, OUT, "b"), SpecSum(operands=(1, 2)))
    )
    assert [d.code for d in found] == ["QA3103"]


def test_a_fault_says_for_which_modules() -> None:
    sizes = apply("//", Variable(name="out_features"), apply("-", OUT, spec_number(4)))
    spec = spec_of(SpecInput(), spec_linear(0, sizes, "a"), attach=("*.{k,v}_proj",))
    _, found = diagnose(spec)
    assert found[0].notes == ("for modules of 12 -> 4, such as `model.layers.0.self_attn.k_proj`",)
