"""The compiled library under all that torch does with a module: it is used, and the numbers stay.

Each is compared with the same adapter in torch, in float64. Where there is no library both are the
same, and only that all of it works is left to see.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, jacfwd, jacrev, vmap
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.artifact.write import artifact_bytes
from qcompile.backends.simulator.module import AdapterModule
from qcompile.executors.fused import library as fused_library
from qcompile.executors.fused import operators
from qcompile.executors.fused.library import library
from qcompile.ir.plan import EvaluationNode

needs_library = pytest.mark.skipif(library() is None, reason="not built: `make library`")

SOURCE = """qa 1

target exact { dtype: float64 }

adapter a() {
    shape 3 -> 3
    q = circuit(3 qubits) {
        repeat 2 {
            encode angle(x, gate: ry)
            crz ring
            rx
        }
        measure z
    }
    update linear(q, to: 3)
}
"""


def compiled(target: str | None = "exact") -> CompiledAdapter:
    return qcompile.compile(SOURCE, target=target)


def part_of(adapter: CompiledAdapter) -> AdapterModule:
    ((_, part),) = adapter.parts()
    (node,) = (node for node in part.plan.nodes if isinstance(node, EvaluationNode))
    assert node.evaluation.kind == "fused"
    return part


def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_library, "library", lambda: None)


@pytest.fixture
def part() -> AdapterModule:
    return part_of(compiled())


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> AdapterModule:
    """The same adapter as it is where nothing was built."""
    with monkeypatch.context() as patched:
        without_library(patched)
        return part_of(compiled())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The library's calls, by name."""
    found: list[str] = []
    call = operators._call

    def counted(name: str, *arguments: Tensor) -> None:
        found.append(name)
        call(name, *arguments)

    monkeypatch.setattr(operators, "_call", counted)
    return found


def data(tokens: int = 5) -> Tensor:
    return torch.linspace(-2, 2, 3 * tokens, dtype=torch.float64).reshape(tokens, 3)


def step(module: Callable[[Tensor], Tensor], part: AdapterModule, x: Tensor) -> tuple[Tensor, ...]:
    """Values, then gradients by data and parameters."""
    leaf = x.detach().requires_grad_()
    values = module(leaf)
    weights = torch.linspace(-1, 2, values.numel(), dtype=values.dtype).reshape(values.shape)
    leaves = [leaf, *part.parameters()]
    return values.detach(), *torch.autograd.grad(values, leaves, weights)


def alike(
    found: tuple[Tensor, ...], expected: tuple[Tensor, ...], tolerance: float | None = None
) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=tolerance, rtol=tolerance)


@needs_library
def test_a_step_is_one_call_each_way(part: AdapterModule, calls: list[str]) -> None:
    step(part, part, data())
    assert calls == ["values", "gradients"]


def test_first_and_second_derivatives(part: AdapterModule) -> None:
    x = data(2).requires_grad_()
    assert torch.autograd.gradcheck(part, (x,))
    assert torch.autograd.gradgradcheck(part, (x,))
    names = [name for name, _ in part.named_parameters()]

    def by_parameters(*values: Tensor) -> Tensor:
        found: Tensor = functional_call(part, dict(zip(names, values, strict=True)), (x.detach(),))
        return found

    leaves = tuple(p.detach().clone().requires_grad_() for p in part.parameters())
    assert torch.autograd.gradcheck(by_parameters, leaves)
    assert torch.autograd.gradgradcheck(by_parameters, leaves)


# Forward-mode AD in torch 2.13 warns of its own script.
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("transform", [jacrev, jacfwd], ids=["jacrev", "jacfwd"])
def test_jacobians(transform: Callable[..., Callable[..., Tensor]], part: AdapterModule) -> None:
    x = data(2)
    expected = torch.autograd.functional.jacobian(part, x)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(transform(part)(x), expected)


def test_vmap_over_data_and_over_adapters(part: AdapterModule, eager: AdapterModule) -> None:
    x = torch.stack((data(), 2 * data()))
    expected = torch.stack([eager(x[0]), eager(x[1])])
    torch.testing.assert_close(vmap(part)(x), expected)
    gradients = vmap(torch.func.grad(lambda rows: part(rows).square().sum()))(x)
    each = [torch.func.grad(lambda rows: eager(rows).square().sum())(rows) for rows in x]
    torch.testing.assert_close(gradients, torch.stack(each))
    stacked = {name: torch.stack((p, p + 0.1)) for name, p in part.named_parameters()}
    found = vmap(lambda values: functional_call(part, values, (x[0],)))(stacked)
    torch.testing.assert_close(found[0], expected[0])


@pytest.mark.parametrize("tokens", [1, 5])
def test_traced_in_one_graph(tokens: int, part: AdapterModule, eager: AdapterModule) -> None:
    torch.compiler.reset()
    traced = torch.compile(part, fullgraph=True, backend="aot_eager")
    alike(step(traced, part, data(tokens)), step(eager, eager, data(tokens)))


def test_exported_programs_need_no_library(part: AdapterModule, eager: AdapterModule) -> None:
    tokens = torch.export.Dim("tokens", min=2)
    program = torch.export.export(part, (data(),), dynamic_shapes=({0: tokens},))
    assert "qcompile" not in str(program.graph)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    buffer.seek(0)
    again = torch.export.load(buffer).module()
    torch.testing.assert_close(again(data(7)), eager(data(7)))


def test_autocast_leaves_circuits_in_float32() -> None:
    part = part_of(compiled(None))
    x = data().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = step(part, part, x)
    alike(found, step(part, part, x), 0.05)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_dtypes(dtype: torch.dtype, eager: AdapterModule) -> None:
    part = part_of(compiled(None)).to(dtype)
    found = step(part, part, data().to(dtype))
    assert all(tensor.dtype == dtype for tensor in found)
    exact = tuple(tensor.to(dtype) for tensor in step(eager, eager, data()))
    alike(found, exact, 1e-5 if dtype == torch.float32 else 0.06)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoints(reentrant: bool, part: AdapterModule, eager: AdapterModule) -> None:
    x, y = data().requires_grad_(), data().requires_grad_()
    checkpoint(part, x, use_reentrant=reentrant).square().sum().backward()
    eager(y).square().sum().backward()
    assert x.grad is not None and y.grad is not None
    torch.testing.assert_close(x.grad, y.grad)
    same_gradients(part, eager)


def same_gradients(part: AdapterModule, eager: AdapterModule) -> None:
    for mine, theirs in zip(part.parameters(), eager.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_distributed_data_parallel(part: AdapterModule, eager: AdapterModule) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://localhost:{port}", rank=0, world_size=1
    )
    try:
        DistributedDataParallel(part)(data()).square().sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    eager(data()).square().sum().backward()
    same_gradients(part, eager)


def test_empty_batches_and_strides(part: AdapterModule, eager: AdapterModule) -> None:
    values, of_data, *of_parameters = step(part, part, data()[:0])
    assert values.shape == of_data.shape == (0, 3)
    assert not any(tensor.any() for tensor in of_parameters)
    turned = data(3).t()
    assert not turned.is_contiguous()
    alike(step(part, part, turned), step(eager, eager, turned.contiguous()))
    alike(step(part, part, data(6)[::2]), step(eager, eager, data(6)[::2].contiguous()))
    torch.testing.assert_close(part(data(6).reshape(2, 3, 3)), part(data(6)).reshape(2, 3, 3))


def test_files_do_not_depend_on_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = compiled()
    path = tmp_path / "a.pt"
    mine.save(path)
    expected = step(part_of(mine), part_of(mine), data())
    with monkeypatch.context() as patched:
        without_library(patched)
        theirs = compiled()
        assert artifact_bytes(theirs.manifest, theirs.stored_state()) == path.read_bytes()
        loaded = part_of(qcompile.load(path))
        alike(step(loaded, loaded, data()), expected)
    # And back, where there is one.
    again = part_of(qcompile.load(path))
    alike(step(again, again, data()), expected)


def test_libraries_that_do_not_load_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in fused_library.INSTRUCTIONS:
        (tmp_path / f"{name}.so").write_bytes(b"no library")
    monkeypatch.setattr(fused_library, "FOLDER", tmp_path)
    assert fused_library.library.__wrapped__() is None
