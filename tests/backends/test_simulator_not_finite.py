"""What is not a number stays visible: NaN in a token's data gives NaN in its result, no other's."""

from __future__ import annotations

import itertools

import pytest
import torch

import qcompile
from qcompile.backends.ops.circuit_data import norm, normalise
from qcompile.backends.ops.elementwise import elementwise
from qcompile.executors.shots import sample_distribution, sample_signs
from qcompile.ir.ops.elementwise import ELEMENTWISE

ENCODINGS = {
    "angle": "encode angle(h)",
    "squashed": "encode angle(h, gate: rx, squash: tanh, scale: pi)",
    "amplitude": "encode amplitude(h)",
    "norm": "encode amplitude(h, norm: keep)",
    "basis": "encode basis(h)",
    "iqp": "encode iqp(h)",
    "uploaded": "repeat 2 { encode angle(h); crz ring }",
}
READ_OUTS = {"z": "measure z", "probs": "measure probs"}
VALUES = (float("nan"), float("inf"), float("-inf"))


def text(encoding: str, measure: str = "measure z", target: str = "") -> str:
    return f"""qa 1
adapter a() {{
    shape 3 -> {8 if "probs" in measure else 3}
    h = 1 * x
    q = circuit(3 qubits) {{
        {encoding}
        ry
        cx ring
        ry
        {measure}
    }}
    replace q
}}
target t {{ dtype: float64; {target} }}
"""


def rows(value: float, dtype: torch.dtype) -> torch.Tensor:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), dtype=dtype)
    x[1, 2] = value
    return x


def assert_visible(source: str, dtype: torch.dtype, value: float, *, control: bool = False) -> None:
    adapter = qcompile.compile(source, control=control).to(dtype)
    with torch.no_grad():
        # Basis encoding and tanh see the sign of an infinity alone.
        bounded = "basis" in source or "tanh" in source
        if not (bounded and value in VALUES[1:]):
            result = adapter(rows(value, dtype))
            assert not bool(torch.isfinite(result[1]).all()), result[1]
            assert bool(torch.isfinite(result[[0, 2, 3]]).all())
        healthy = adapter(rows(0.5, dtype))
        assert bool(torch.isfinite(healthy).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_encodings(encoding: str, dtype: torch.dtype) -> None:
    for measure, value in itertools.product(READ_OUTS.values(), VALUES):
        assert_visible(text(ENCODINGS[encoding], measure), dtype, value)


@pytest.mark.parametrize("evaluator", ["dense", "statevector", "network", "density"])
@pytest.mark.parametrize("encoding", ["angle", "basis", "iqp"])
def test_all_evaluators(encoding: str, evaluator: str) -> None:
    source = text(ENCODINGS[encoding], target=f"evaluator: {evaluator}")
    assert_visible(source, torch.float64, float("nan"))


@pytest.mark.parametrize("measure", READ_OUTS.values())
@pytest.mark.parametrize("encoding", ["angle", "amplitude"])
def test_shots(encoding: str, measure: str) -> None:
    source = text(ENCODINGS[encoding], measure, target="shots: 100")
    assert_visible(source, torch.float64, float("nan"))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_controls(encoding: str) -> None:
    for value in VALUES:
        assert_visible(text(ENCODINGS[encoding]), torch.float64, value, control=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_elementwise_functions(dtype: torch.dtype) -> None:
    value = torch.tensor([[1.0, float("nan"), 0.5]], dtype=dtype)
    for kind in tuple(ELEMENTWISE):
        found = elementwise(kind)(value)
        assert torch.isnan(found).tolist() == [[False, True, False]], kind
    assert bool(torch.isnan(norm(value)).all())
    assert bool(torch.isnan(normalise(value)).all())


def test_steps_have_no_gradient_even_beside_nan() -> None:
    value = torch.tensor([1.0, float("nan"), -1.0], requires_grad=True)
    found = elementwise("step")(value)
    assert found.tolist()[::2] == [1.0, 0.0] and not found.requires_grad


def test_samples_of_nothing_are_nan() -> None:
    values = torch.tensor([0.5, float("nan")])
    assert torch.isnan(sample_signs(values, 10)).tolist() == [False, True]
    columns = torch.tensor([[0.5, float("nan")], [0.5, 0.5]])
    found = sample_distribution(columns, 10)
    assert not bool(torch.isnan(found[:, 0]).any()) and bool(torch.isnan(found[0, 1]))
