"""torch.func and torch.compile on whole adapters, with every evaluator and kind of circuit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import qcompile
from qcompile.adapter import CompiledAdapter

TEXT = """qa 1

target chosen {{ dtype: float64; evaluator: {evaluator}{noise} }}

adapter a() on chosen {{
    shape 5 -> 3
    h = mpo(x, to: 3, sites: 2, bond: 2)
    q = circuit(3 qubits) {{
        encode {encoding}
        rot
        crx ring
        iswap on (0, 2)
        encode angle(h, gate: rx, squash: tanh)
        ry
        measure {measured}
    }}
    update linear(q, to: out_features)
}}
"""
NOISE = "; noise: { one_qubit: 1pct, readout: 2pct }; mitigate: readout"
PAULIS = 'z, "X0 Y2"'
PROBABILITIES = "probs on [2, 0]"

CASES = {
    "dense": ("dense", "", "angle(h)", PAULIS),
    "dense amplitudes": ("dense", "", "amplitude(x)", PROBABILITIES),
    "statevector": ("statevector", "", "angle(h)", PROBABILITIES),
    "statevector amplitudes": ("statevector", "", "amplitude(x)", PAULIS),
    "fused": ("fused", "", "angle(h)", PAULIS),
    "fused amplitudes": ("fused", "", "amplitude(x)", PROBABILITIES),
    "network": ("network", "", "angle(h)", PAULIS),
    "density": ("density", "", "amplitude(x)", PROBABILITIES),
    "density with noise": ("density", NOISE, "angle(h)", PAULIS),
}


def adapter(case: str) -> CompiledAdapter:
    evaluator, noise, encoding, measured = CASES[case]
    measured = measured.replace("z, ", "z; measure ")
    text = TEXT.format(evaluator=evaluator, noise=noise, encoding=encoding, measured=measured)
    return qcompile.compile(text)


def inputs() -> Tensor:
    return torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


# Forward-mode derivatives load torch's own scripted decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("case", CASES)
def test_transforms_agree_with_autograd(case: str) -> None:
    module, x = adapter(case), inputs()
    state = {name: value.detach() for name, value in module.named_parameters()}

    def value(state: dict[str, Tensor], x: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(module, state, (x,))
        return result

    expected = module(x)
    torch.testing.assert_close(torch.func.vmap(module)(x), expected)
    two = {name: torch.stack((tensor, 2 * tensor)) for name, tensor in state.items()}
    models = torch.func.vmap(value, in_dims=(0, None))(two, x)
    torch.testing.assert_close(models[0], expected)
    doubled = {name: 2 * tensor for name, tensor in state.items()}
    torch.testing.assert_close(models[1], value(doubled, x))

    leaf = x[0].clone().requires_grad_()
    jacobian = torch.stack(
        [torch.autograd.grad(entry, leaf, retain_graph=True)[0] for entry in module(leaf).unbind()]
    )
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        found = transform(lambda row: value(state, row))(x[0])
        torch.testing.assert_close(found, jacobian)

    each = torch.func.vmap(
        torch.func.grad(lambda s, row: value(s, row).square().sum()), in_dims=(None, 0)
    )(state, x)
    module(x).square().sum().backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(each[name].sum(0), parameter.grad)


# The others are compiled in test_simulator_module.py.
@pytest.mark.parametrize(
    "case", ["statevector amplitudes", "density with noise", "fused", "fused amplitudes"]
)
def test_traced_whole(case: str) -> None:
    module, x = adapter(case), inputs()
    torch.compiler.reset()
    traced = torch.compile(module, fullgraph=True, backend="eager")
    torch.testing.assert_close(traced(x), module(x))
    traced(x).square().sum().backward()
    found = [parameter.grad for parameter in module.parameters()]
    module.zero_grad(set_to_none=True)
    module(x).square().sum().backward()
    for gradient, parameter in zip(found, module.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad)
