"""Cayley maps in torch, against the formula written out in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.backends.ops.cayley import cayley, places, rotate
from qcompile.testing.ops.cayley import cayley_matrix

SIZES = [(2, 2), (8, 4), (12, 3), (21, 7), (30, 2), (34, 17), (36, 4), (44, 4), (64, 32)]
"""(width, block), with one block, with numbers of blocks that 16 rows hold and do not."""


def matrices(
    width: int, block: int, dtype: torch.dtype = torch.float64, scale: float = 1
) -> Tensor:
    shape = (width // block, block * (block - 1) // 2)
    skew = scale * torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return cayley(skew, torch.tensor(places(block)), block)


@pytest.mark.parametrize(("width", "block"), SIZES)
def test_every_block_is_orthogonal_with_determinant_one(width: int, block: int) -> None:
    for scale in (1e-8, 1.0, 1e3):
        found = matrices(width, block, scale=scale)
        unit = torch.eye(block, dtype=torch.float64).expand_as(found)
        torch.testing.assert_close(found @ found.mT, unit, atol=1e-11, rtol=0)
        ones = torch.ones(width // block, dtype=torch.float64)
        torch.testing.assert_close(torch.linalg.det(found), ones, atol=1e-11, rtol=0)


@pytest.mark.parametrize(("width", "block"), SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zeros_are_exactly_the_identity(width: int, block: int, dtype: torch.dtype) -> None:
    found = matrices(width, block, dtype, scale=0.0)
    assert torch.equal(found, torch.eye(block, dtype=dtype).expand_as(found))
    value = torch.randn(50, width, dtype=dtype) * 10.0 ** torch.randint(-30, 30, (50, 1))
    assert torch.equal(rotate(value, found), value)


@pytest.mark.parametrize("powers", [0, 1, 2, 5])
@pytest.mark.parametrize(("width", "block"), SIZES)
def test_values_agree_with_the_formula(width: int, block: int, powers: int) -> None:
    generator = np.random.default_rng(3)
    skew = generator.normal(size=(width // block, block * (block - 1) // 2))
    skew *= 0.1 if powers else 1.0
    value = generator.normal(size=(2, 3, width))
    found = cayley(torch.from_numpy(skew), torch.tensor(places(block)), block, powers)
    expected = value @ cayley_matrix(skew, block, powers).T
    rotated = rotate(torch.from_numpy(value), found).numpy()
    np.testing.assert_allclose(rotated, expected, atol=1e-12, rtol=0)
    assert rotate(torch.from_numpy(value[0, 0]), found).shape == (width,)


def adapter(body: str = "replace cayley(y, block: 3)", double: bool = True) -> CompiledAdapter:
    target = "target exact { dtype: float64 }\n" if double else ""
    text = f"qa 1\nadapter a() {{\nshape 4 -> 6\n{body}\n}}\n{target}"
    found = qcompile.compile(text)
    with torch.no_grad():
        for index, parameter in enumerate(found.parameters()):
            generator = torch.Generator().manual_seed(index)
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return found


def inputs(*leading: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(9)
    return (
        torch.randn(*leading, 4, dtype=dtype, generator=generator),
        torch.randn(*leading, 6, dtype=dtype, generator=generator),
    )


def test_norms_are_kept() -> None:
    x, y = inputs(5)
    torch.testing.assert_close(adapter()(x, y).norm(dim=-1), y.norm(dim=-1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("leading", [(), (0,), (3,), (2, 0), (2, 1, 3)])
def test_any_leading_axes(leading: tuple[int, ...]) -> None:
    module, (x, y) = adapter(), inputs(*leading)
    result = module(x, y)
    assert result.shape == (*leading, 6)
    result.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_gradcheck() -> None:
    module = adapter("replace cayley(y, block: 2) * linear(x, to: 6) + cayley(y, block: 3)")
    named = dict(module.named_parameters())
    x, y = (value.requires_grad_() for value in inputs(2))

    def value(x: Tensor, y: Tensor, *tensors: Tensor) -> Tensor:
        given = dict(zip(named, tensors, strict=True))
        result: Tensor = torch.func.functional_call(module, given, (x, y))
        return result

    assert torch.autograd.gradcheck(value, (x, y, *named.values()))
    assert torch.autograd.gradgradcheck(value, (x, y, *named.values()))


# Forward-mode derivatives load torch's own scripted decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_functional_transforms_agree_with_autograd() -> None:
    module, (x, y) = adapter(), inputs(3)
    named = {name: parameter.detach() for name, parameter in module.named_parameters()}

    def value(tensors: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(module, tensors, (x, y))
        return result

    rows = torch.func.vmap(value, in_dims=(None, 0, 0))(named, x, y)
    torch.testing.assert_close(rows, module(x, y))
    (jacobian,) = torch.func.jacrev(value)(named, x, y).values()
    (forward,) = torch.func.jacfwd(value)(named, x, y).values()
    torch.testing.assert_close(jacobian, forward)
    (key,) = named
    total = torch.autograd.grad(module(x, y).sum(), module.get_parameter(key))[0]
    torch.testing.assert_close(jacobian.sum((0, 1)), total)
    members = {key: torch.stack([named[key], 2 * named[key]])}
    several = torch.func.vmap(value, in_dims=(0, None, None))(members, x, y)
    torch.testing.assert_close(several[0], module(x, y))


def test_compiles_without_graph_breaks() -> None:
    module, (x, y) = adapter(double=False), inputs(5, dtype=torch.float32)
    graph = torch.compile(module, fullgraph=True, backend="aot_eager")
    found = graph(x, y)
    torch.testing.assert_close(found, module(x, y))
    found.square().sum().backward()
    first = [parameter.grad for parameter in module.parameters()]
    assert all(gradient is not None and bool(gradient.any()) for gradient in first)


@pytest.mark.parametrize("block", [2, 4, 64])
def test_matrices_are_built_once_for_all_tokens(block: int) -> None:
    """Solving once for each token would need as many matrices as tokens."""
    text = f"qa 1\nadapter a() {{\nshape 64 -> 64\nreplace cayley(x, block: {block})\n}}\n"
    module = qcompile.compile(text)
    sizes: list[int] = []

    def note(value: Tensor) -> Tensor:
        sizes.append(value.numel())
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        module(torch.randn(1000, 64))
    tokens = [size for size in sizes if size > 64 * max(block, 16)]
    assert tokens and all(size == 64_000 for size in tokens)


def test_start_values_are_those_of_the_file() -> None:
    body = "replace cayley(y, block: 4, init: normal(0.2))"
    module = qcompile.compile(f"qa 1\nadapter a() {{\nshape 8 -> 4096\n{body}\n}}\n")
    (skew,) = module.parameters()
    assert skew.shape == (1024, 6)
    assert math.isclose(float(skew.detach().std()), 0.2, rel_tol=0.05)
