"""The relatives of QTHA, and LoTR: counts, values by hand, zero at the start."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.diagnostics import Collector
from qcompile.driver.options import Options
from qcompile.grammar.elaborate import Override
from qcompile.grammar.files import read_source
from qcompile.grammar.frontend import load_spec
from qcompile.passes.lowering import lower
from qcompile.passes.lowering.totals import parameter_count
from qcompile.testing.known_specs import QWEN2_7B, transformer
from tests.adapter.models import llama, trained
from tests.compiled import compilation

EXAMPLES = Path(__file__).parents[2] / "examples"
RELATIVES = EXAMPLES / "relatives"
NAMES = sorted(path.stem for path in RELATIVES.glob("*.qa") if path.stem != "parts")

FOUR_SITES = {256: (4, 4, 4, 4), 512: (8, 4, 4, 4), 3584: (8, 8, 8, 7)}
"""The modes of the published table."""


def mpo(inputs: int, outputs: int, bond: int = 8) -> int:
    chain = (1, bond, bond, bond, 1)
    modes = zip(FOUR_SITES[outputs], FOUR_SITES[inputs], strict=True)
    return sum(chain[k] * o * i * chain[k + 1] for k, (o, i) in enumerate(modes))


def networks(i: int, o: int) -> int:
    return mpo(i, 256) + mpo(256, o)


COUNTS: dict[str, Callable[[int, int, int], int]] = {
    "a": lambda i, o, r: networks(i, o),
    "b": lambda i, o, r: r * i + r * r + o * r,
    "ab": lambda i, o, r: networks(i, o) + 512 * r + r * r,
    "c": lambda i, o, r: r * i + 4 * r * r + r * r + o * r,
    "bc": lambda i, o, r: r * i + 4 * r * r + 2 * r * r + o * r,
    "bd": lambda i, o, r: r * i + 2 * r * r + 2 * r * r + o * r,
    "be": lambda i, o, r: r * i + 3 * r * r + 2 * r * r + o * r,
    "bf": lambda i, o, r: r * i + 4 * r * r + 2 * r * r + o * r,
    "qtha_v1": lambda i, o, r: networks(i, o) + 512 * r + 2 * r * r + 4 * r * r,
}
"""One module of i → o; circuits have as many layers as qubits."""


def counted(name: str, rank: int) -> int:
    collector = Collector()
    overrides = [] if name == "a" else [Override.parse(f"rank={rank}")]
    source = read_source(str(RELATIVES / f"{name}.qa"))
    spec = load_spec(source, overrides, collector, read=read_source)
    assert spec is not None
    model = transformer(*QWEN2_7B)
    lowered = lower(spec, model=model, devices={}, collector=collector)
    assert lowered is not None and collector.diagnostics == ()
    return parameter_count(lowered)


def test_every_relative_has_a_formula() -> None:
    assert sorted(COUNTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rank", [4, 8])
def test_counts_on_qwen2_7b(name: str, rank: int) -> None:
    formula = COUNTS[name]
    expected = 28 * (formula(3584, 3584, rank) + formula(3584, 512, rank))
    assert counted(name, rank) == expected


def test_product_and_sum_have_the_published_counts() -> None:
    assert [counted("qtha_v1", rank) for rank in (4, 8)] == [572_544, 703_360]


def test_control_of_four_layers_matches_the_circuit() -> None:
    assert counted("bf", 8) == counted("bc", 8)


@pytest.mark.parametrize("name", NAMES)
def test_bare_command_compiles_and_nothing_changes_at_the_start(name: str) -> None:
    path = RELATIVES / f"{name}.qa"
    found = compilation(read_source(str(path)), Options())
    assert {item.code for item in found.warnings} <= {"QA3116"}
    adapter = CompiledAdapter(found.manifest).eval()
    x = torch.randn(3, 128, generator=torch.Generator().manual_seed(0))
    for _, part in adapter.parts():
        assert torch.equal(part(x), torch.zeros(3, part.plan.out_features))


def test_lotr_has_the_published_count_and_shares_its_outer_factors() -> None:
    found = compilation(read_source(str(EXAMPLES / "lotr.qa")), Options())
    assert found.warnings == () and len(found.planned.sites) == 24
    adapter = CompiledAdapter(found.manifest).eval()
    assert sum(parameter.numel() for parameter in adapter.parameters()) == 3_168
    assert 2 * 768 * 2 + 24 * 2 * 2 == 3_168
    assert all(".attention.self." in site.module for site in adapter.sites)
    first, *others = (part for _, part in adapter.parts())
    for part in others:
        for name in ("r.weight", "update.weight"):
            assert part.get_parameter(name) is first.get_parameter(name)
        assert part.get_parameter("m.weight") is not first.get_parameter("m.weight")
    x = torch.randn(2, 768, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first(x), torch.zeros(2, 768))
    trained(adapter)
    left, middle, right = (
        first.get_parameter(name).detach().double()
        for name in ("update.weight", "m.weight", "r.weight")
    )
    expected = x.double() @ (left @ middle @ right).T
    torch.testing.assert_close(first(x).double(), expected, rtol=1e-5, atol=1e-6)


def silu(value: np.ndarray) -> np.ndarray:
    result: np.ndarray = value / (1 + np.exp(-value))
    return result


@pytest.mark.parametrize(("name", "depth"), [("bd", 2), ("be", 3), ("bf", 4)])
def test_controls_by_hand(name: str, depth: int) -> None:
    weights, update, x = _small(name, rank=3)
    h = weights["h.weight"] @ x
    value = h
    for layer in range(1, depth + 1):
        value = silu(weights[f"d{layer}.return.linear1.weight"] @ value)
    u = weights["u.linear1.weight"] @ value + weights["u.linear2.weight"] @ h
    np.testing.assert_allclose(update, 2 * weights["update.linear1.weight"] @ u, atol=1e-12)


def test_product_of_branches_by_hand() -> None:
    weights, update, x = _small("qtha_v1", rank=3, layers=2, bus=16, bond=2)
    h = weights["h.weight"] @ (_dense(weights, "a.return") @ x)
    q = _quantum(h, weights["q.q.angles"].reshape(2, 4, 3))
    u = (weights["u.linear1.weight"] @ q) * (weights["u.linear2.weight"] @ h)
    up = weights["up.weight"] @ u
    expected = 2 * _dense(weights, "update.out_of1.return") @ up
    np.testing.assert_allclose(update, expected, atol=1e-12)


def _small(name: str, **parameters: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Tensors of the first module in float64, and its update for one x."""
    adapter = qcompile.compile(RELATIVES / f"{name}.qa", model=llama(), parameters=parameters)
    part = trained(adapter.double()).eval().part(adapter.sites[0])
    x = torch.linspace(-1, 2, 32, dtype=torch.float64)
    update = part(x.unsqueeze(0)).squeeze(0).detach().numpy()
    weights = {key: value.detach().numpy() for key, value in part.named_parameters()}
    return weights, update, x.numpy()


def _dense(weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    """The matrix of a matrix product operator whose modes fill its widths."""
    cores = [weights[f"{name}.core{k}"] for k in range(4)]
    whole = np.einsum("aoib,bpjc,cqkd,drle->opqrijkl", *cores)
    outputs = math.prod(core.shape[1] for core in cores)
    result: np.ndarray = whole.reshape(outputs, -1)
    return result


def _quantum(data: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """⟨Z⟩ of the re-uploading circuit, with matrices of the whole register."""
    n = len(data)
    size = 2**n

    def bit(state: int, wire: int) -> int:
        return state >> (n - 1 - wire) & 1

    def ry(wire: int, angle: float) -> np.ndarray:
        c, s = math.cos(angle / 2), math.sin(angle / 2)
        matrix: np.ndarray = np.eye(1)
        for place in range(n):
            matrix = np.kron(matrix, [[c, -s], [s, c]] if place == wire else np.eye(2))
        return matrix

    def crz(control: int, target: int, angle: float) -> np.ndarray:
        signs = [bit(k, control) * (2 * bit(k, target) - 1) for k in range(size)]
        return np.diag(np.exp(0.5j * angle * np.array(signs)))

    state = np.eye(size, dtype=complex)[0]
    for forward, middle, backward, last in angles:
        for wire in range(n):
            state = ry(wire, data[wire]) @ state
        for wire in range(n):
            state = crz(wire, (wire + 1) % n, forward[wire]) @ state
        for wire in range(n):
            state = ry(wire, middle[wire]) @ state
        for wire in range(n):
            state = crz(wire, (wire - 1) % n, backward[wire]) @ state
        for wire in range(n):
            state = ry(wire, last[wire]) @ state
    weights = np.abs(state) ** 2
    return np.array([sum(weights[k] * (1 - 2 * bit(k, w)) for k in range(size)) for w in range(n)])
