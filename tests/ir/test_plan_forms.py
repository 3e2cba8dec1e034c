"""Plans, as they come out of the whole compiler, in their text, DOT and JSON forms."""

from __future__ import annotations

import re

import pytest

from qcompile.diagnostics import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.ir.codec import canonical_json, decode_json
from qcompile.ir.compilation import PlannedSet
from qcompile.ir.dot import dot
from qcompile.ir.text import digest, text_of

QTHA = """\
qa 1
adapter qtha(rank: int = 3) {
    shape 12 -> 8
    h = linear(mpo(x, to: 16, sites: 2, bond: 2), to: rank)
    q = circuit(rank qubits) { encode angle(h); crz ring; ry; measure z }
    update linear(q, to: out_features, init: zero)
}
"""
NOISY = """\
qa 1
target lattice { device: grid(2, 2); noise: { one_qubit: 1pct }; shots: 100 }
adapter noisy() on lattice {
    shape 4 -> 2
    h = linear(x, to: 2)
    q = circuit(2 qubits) { encode angle(h); ry; cz line; rx; measure z }
    update linear(q, to: out_features, init: zero)
}
"""


def planned(text: str) -> PlannedSet:
    return compile_source(Source("adapter.qa", text), Options()).planned


@pytest.mark.parametrize("source", [QTHA, NOISY])
def test_plans_return_unchanged(source: str) -> None:
    found = planned(source)
    text = canonical_json(found)
    back = decode_json(PlannedSet, text)
    assert back == found
    assert canonical_json(back) == text
    assert digest(back) == digest(found)


@pytest.mark.parametrize("source", [QTHA, NOISY])
def test_text_has_every_node_with_its_details(source: str) -> None:
    found = planned(source)
    text = text_of(found)
    (plan,) = found.plans
    nodes = re.findall(r"^  %(\d+) = .* -> (\d+)$", text, re.MULTILINE)
    assert nodes == [(str(index), str(node.width)) for index, node in enumerate(plan.nodes)]
    assert f"  parameters {plan.costs.parameters}\n" in text
    assert text.startswith(f"seed {found.seed}\nunit 0\nplan {plan.adapter} ")


def test_native_circuit_and_noise_are_printed() -> None:
    text = text_of(planned(NOISY))
    assert "    on grid(2, 2): qubits " in text
    assert "    noise NoiseModel(one_qubit=0.01, " in text
    assert re.search(r"^      (sx|rz\(.*\)|cz) [0-3]", text, re.MULTILINE)


def test_dot_draws_the_plan() -> None:
    (plan,) = planned(QTHA).plans
    text = dot(plan)
    assert text.count(" -> n") >= len(plan.nodes) - 1
    assert "3 qubits" in text
