"""A signed file with a crafted plan is refused before anything is allocated, or it is sound."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.artifact.write import artifact_bytes
from qcompile.diagnostics.errors import ArtifactError

SOURCE = """qa 1

adapter both(rank: int = 2) {
    shape 8 -> 6
    h = linear(mpo(x, to: 4, sites: 2, bond: 2), to: rank)
    q = circuit(rank qubits) {
        repeat 2 {
            encode angle(h, gate: ry)
            crz ring
            ry
        }
        measure z
    }
    update 0.5 * linear(tanh(q + h), to: out_features, init: zero)
}
"""


@pytest.fixture(scope="module")
def compiled() -> CompiledAdapter:
    return qcompile.compile(SOURCE)


@pytest.fixture(scope="module")
def contents(compiled: CompiledAdapter) -> dict[str, Any]:
    data = artifact_bytes(compiled.manifest, compiled.stored_state())
    loaded: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
    return loaded


def signed(contents: dict[str, Any], manifest: str) -> bytes:
    """The file with another manifest and the digest that belongs to it."""
    digest = hashlib.sha256(manifest.encode()).hexdigest()
    buffer = io.BytesIO()
    torch.save({**contents, "manifest": manifest, "manifest_sha256": digest}, buffer)
    return buffer.getvalue()


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    started = time.process_time()
    with pytest.raises(ArtifactError) as caught:
        qcompile.load(path)
    assert time.process_time() - started < 5
    assert str(caught.value)
    return caught.value.diagnostics[0].code


def evaluation(manifest: dict[str, Any]) -> Any:
    nodes = manifest["planned"]["plans"][0]["nodes"]
    (found,) = [node for node in nodes if node["@type"] == "EvaluationNode"]
    return found["evaluation"]


def set_qubits(manifest: dict[str, Any], qubits: int) -> None:
    evaluation(manifest)["circuit"]["qubits"] = qubits


def in_torch(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with what takes the place of the compiled library."""
    found = evaluation(manifest)
    assert found["@type"] == "FusedEvaluation"
    eager = found.pop("eager")
    found.clear()
    found.update(eager)
    return manifest


def plan(manifest: dict[str, Any]) -> Any:
    return manifest["planned"]["plans"][0]


CRAFTED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "60 qubits": (lambda m: set_qubits(in_torch(m), 60), "QA5010"),
    "a billion qubits": (lambda m: set_qubits(in_torch(m), 10**9), "QA5010"),
    "60 fused qubits": (lambda m: set_qubits(m, 60), "QA5007"),
    "fused gates without end": (
        lambda m: evaluation(m)["circuit"].update(gates=evaluation(m)["circuit"]["gates"] * 1000),
        "QA5007",
    ),
    "another circuit in torch": (
        lambda m: evaluation(m)["eager"]["circuit"].update(angle_count=99),
        "QA5007",
    ),
    "fused in place of torch": (
        lambda m: evaluation(m).update(eager=json.loads(json.dumps(evaluation(m)))),
        "QA5007",
    ),
    "a huge tensor": (lambda m: plan(m)["tensors"][0].update(shape=[10**12]), "QA5007"),
    "wide zeros": (
        lambda m: plan(m)["nodes"].append({"@type": "ZeroNode", "width": 10**13}),
        "QA5010",
    ),
    "no nodes": (lambda m: plan(m).update(nodes=[]), "QA5007"),
    "an operand from nowhere": (
        lambda m: plan(m)["nodes"].append(
            {"@type": "ScaleNode", "operand": 99, "factor": 1.0, "width": 1}
        ),
        "QA5007",
    ),
    "no plans": (lambda m: m["planned"].update(plans=[]), "QA5007"),
    "no sites": (lambda m: m["planned"].update(sites=[]), "QA5007"),
    "the same site twice": (
        lambda m: m["planned"].update(sites=2 * m["planned"]["sites"]),
        "QA5007",
    ),
    "a site without a plan": (lambda m: m["planned"]["sites"][0].update(unit=1), "QA5007"),
    "a site before the first": (lambda m: m["planned"]["sites"][0].update(unit=-1), "QA5007"),
    "a bad name": (lambda m: m["planned"]["sites"][0].update(adapter="a.b"), "QA5007"),
    "an empty step": (lambda m: m["planned"]["sites"][0].update(module="a..b"), "QA5007"),
    "an unknown class": (lambda m: plan(m)["nodes"][0].update({"@type": "System"}), "QA5007"),
    "an unknown field": (lambda m: m.update(more=1), "QA5007"),
    "a missing field": (lambda m: m.pop("planned"), "QA5007"),
    "text for a number": (lambda m: m.update(tokens="1"), "QA5007"),
    "a number for a truth": (lambda m: plan(m).update(linear=1), "QA5007"),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_crafted_plan_is_refused(case: str, contents: dict[str, Any], tmp_path: Path) -> None:
    change, code = CRAFTED[case]
    manifest = json.loads(contents["manifest"])
    change(manifest)
    assert refused(tmp_path / "a.pt", signed(contents, json.dumps(manifest))) == code


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{" * 100_000, "[" * 100_000, '{"a":' * 5000, "NaN", "1" * 10_000, "{}",
     '{"planned": 1, "planned": 2}', '"\\ud800"'],
)  # fmt: skip
def test_malformed_manifest_is_refused(text: str, contents: dict[str, Any], tmp_path: Path) -> None:
    assert refused(tmp_path / "a.pt", signed(contents, text)) == "QA5007"


def test_deep_nest_inside_is_refused(contents: dict[str, Any], tmp_path: Path) -> None:
    start = contents["manifest"].replace('"tokens":2048', '"tokens":' + "[" * 900 + "]" * 900)
    assert start != contents["manifest"]
    assert refused(tmp_path / "a.pt", signed(contents, start)) == "QA5007"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        inside = [leaf for k, item in enumerate(value) for leaf in leaves(item, (*path, k))]
        return [path, *inside]
    return [path]


def mutate(manifest: dict[str, Any], chance: random.Random) -> None:
    path = chance.choice([leaf for leaf in leaves(manifest) if leaf])
    place: Any = manifest
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    if isinstance(old, list):
        choices: list[Any] = [old[1:], old + old[:1], old[::-1], []]
    elif isinstance(old, bool):
        choices = [not old]
    elif isinstance(old, int):
        choices = [old + 1, old - 1, 0, -1, 10**6, 2**62, 2**127]
    elif isinstance(old, float):
        choices = [0.0, -old, 1e300, 1e-300]
    elif isinstance(old, str):
        choices = ["", "x", "DensityEvaluation", "network", "abc,cd->abd", "ry", "probabilities"]
    else:
        choices = [0, "x", []]
    place[path[-1]] = chance.choice(choices)


@settings(max_examples=400)
@given(seed=st.integers(0, 2**40), count=st.integers(1, 3))
def test_mutated_plan_is_refused_or_runs(
    seed: int,
    count: int,
    contents: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    chance = random.Random(seed)
    manifest = json.loads(contents["manifest"])
    for _ in range(count):
        mutate(manifest, chance)
    path = tmp_path_factory.getbasetemp() / "mutated_plan.pt"
    path.write_bytes(signed(contents, json.dumps(manifest)))
    try:
        adapter = qcompile.load(path)
    except ArtifactError:
        return
    site = adapter.sites[0]
    part = adapter.part(site)
    assert part(torch.zeros(2, part.plan.in_features)).shape == (2, part.plan.out_features)


def test_initial_values_are_not_drawn_on_loading(
    compiled: CompiledAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.save(tmp_path / "a.pt")
    before = copy.deepcopy(compiled.state_dict())

    def refuse(*_: object) -> None:
        raise AssertionError("a tensor was drawn")

    monkeypatch.setattr("qcompile.backends.simulator.module.initial_value", refuse)
    again = qcompile.load(tmp_path / "a.pt")
    assert all(torch.equal(tensor, before[name]) for name, tensor in again.state_dict().items())
