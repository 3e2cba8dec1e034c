"""Lowering has limits of its own, whatever the front end has let through."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from qcompile.diagnostics import Collector, Diagnostic
from qcompile.diagnostics.errors import CompileError
from qcompile.ir.ops.arithmetic import SpecSum
from qcompile.ir.ops.dropout import SpecDropout
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.ops.widths import SpecConcat
from qcompile.ir.spec import Spec
from qcompile.ir.spec_circuit import (
    AllWires,
    CircuitItem,
    MeasureProbabilities,
    Repeat,
)
from qcompile.ir.spec_node import SpecNode
from qcompile.ir.target import Target
from qcompile.passes.lowering import lower
from qcompile.passes.memory import refuse_too_many_tensors
from qcompile.testing.known_specs import (
    OUT,
    circuit,
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


def quantum(*items: CircuitItem, qubits: int = 4) -> Spec:
    return of(circuit(spec_number(qubits), items, operands=(0,)))


DEEP: CircuitItem = rotations("ry")
for _ in range(3):
    DEEP = Repeat(count=spec_number(10_000), items=(DEEP,))

EMPTY: CircuitItem = Repeat(count=spec_number(0), items=())
for _ in range(4):
    EMPTY = Repeat(count=spec_number(10_000), items=(EMPTY,))

# What no source says, or what the front end would have refused: lowering does not rely on it.
REFUSED: dict[str, list[Spec]] = {
    "QA3102": [of(SpecDropout(operand=0, probability=spec_number("half")))],
    "QA3103": [
        spec_of(SpecInput(), spec_linear(0, OUT, "a"), shape=(0, 4)),
        spec_of(SpecInput(), spec_linear(0, OUT, "a"), shape=(2**30, 4)),
    ],
    "QA3109": [
        of(replace(spec_mpo(0, OUT, "m", sites=3), in_modes=(spec_number(3), spec_number(4)))),
        of(replace(spec_mpo(0, OUT, "m", sites=4), bonds=(spec_number(2), spec_number(2)))),
    ],
    "QA3112": [
        of(spec_linear(0, spec_number(2**24), "a"), spec_linear(1, spec_number(2**24), "b"))
    ],
    "QA3114": [
        of(spec_linear(0, spec_number(10**9), "a")),
        of(
            circuit(
                spec_number(30),
                (rotations("ry"),),
                measurements=(MeasureProbabilities(wires=AllWires()),),
            )
        ),
    ],
    "QA3115": [of(*(SpecConcat(operands=(0,)) for _ in range(10_001)))],
    "QA3202": [quantum(DEEP), quantum(EMPTY)],
}


@pytest.mark.parametrize(
    ("code", "spec"), [(code, spec) for code, specs in REFUSED.items() for spec in specs]
)
def test_lowering_refuses_by_itself(code: str, spec: Spec) -> None:
    complete, found = diagnose(spec)
    assert not complete
    assert code in [diagnostic.code for diagnostic in found]
    assert all(diagnostic.severity == "error" for diagnostic in found)


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


def test_a_refused_value_is_not_reported_again_by_its_users() -> None:
    _, found = diagnose(
        of(spec_linear(0, spec_number(0), "a"), spec_linear(1, OUT, "b"), SpecSum(operands=(1, 2)))
    )
    assert [d.code for d in found] == ["QA3103"]
