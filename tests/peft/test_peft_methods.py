"""The specs of peft's methods beside peft's own code: the same tensors give the same outputs,
gradients, counts and merged weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft.tuners.boft import layer as boft_layer
from peft.tuners.c3a.utils import get_circulant_fast
from torch import Tensor, nn

import qcompile
from qcompile.adapter.merge import merge
from qcompile.ir.ops.scatter import Draw, drawn_places

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS, OUTPUTS, RANK = 12, 8, 4


class One(nn.Module):
    """One linear map."""

    def __init__(self, narrow: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        sizes = (INPUTS, OUTPUTS) if narrow else (OUTPUTS, INPUTS)
        self.proj = nn.Linear(*sizes, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.proj(x)
        return result


@dataclass(frozen=True, kw_only=True)
class Tied:
    """One of our tensors as a view of one of peft's, plus what does not depend on it."""

    theirs: Tensor
    view: Callable[[Tensor], Tensor] = lambda tensor: tensor
    offset: Callable[[Tensor], Tensor] = torch.zeros_like
    slope: float = 1.0
    """Our gradient over the view of theirs, where the view takes one number from several."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """An example with peft's configuration of the same."""

    example: str
    config: Callable[[], peft.PeftConfig]
    tied: Callable[[Any, str], Iterator[tuple[str, Tied]]]
    """(peft's layer, the adapter's name) → our tensors by their names."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    weight: Callable[[Any], Tensor] | None = None
    """The update of peft's layer, where peft's backward is not the derivative of its forward."""
    adapter: str | None = None
    """The adapter of an example that has several."""
    redundant: Callable[[Any], int] = lambda _: 0
    """Numbers that peft stores twice."""
    narrow: bool = True
    """The map has fewer outputs than inputs; else the other way round."""


def vera(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a.weight", Tied(theirs=layer.vera_A[name])
    rest = INPUTS - OUTPUTS
    yield (
        "b.weight",
        Tied(theirs=layer.vera_B[name], view=lambda b: nn.functional.pad(b, (0, 0, 0, rest))),
    )
    yield "d", Tied(theirs=layer.vera_lambda_d[name])
    yield "s", Tied(theirs=layer.vera_lambda_b[name])


def dora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a", Tied(theirs=layer.lora_A[name].weight)
    yield "b", Tied(theirs=layer.lora_B[name].weight)
    lengths = layer.base_layer.weight.detach().norm(dim=1)
    magnitude = layer.lora_magnitude_vector[name].weight
    yield "m", Tied(theirs=magnitude, offset=lambda m: -lengths)


def hira(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a", Tied(theirs=layer.hira_A[name])
    yield "b", Tied(theirs=layer.hira_B[name])


def ia3(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "l", Tied(theirs=layer.ia3_l[name], view=torch.flatten)


def oft(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    # peft multiplies rows by its matrix from the right.
    yield "turned.skew", Tied(theirs=layer.oft_R[name].weight, view=torch.neg)


def loha(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    for number in "12":
        yield f"b{number}", Tied(theirs=getattr(layer, f"hada_w{number}_a")[name])
        yield f"a{number}", Tied(theirs=getattr(layer, f"hada_w{number}_b")[name])


def hra(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "turned.rows", Tied(theirs=layer.hra_u[name], view=torch.t)


def hra_orthogonal(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "u", Tied(theirs=layer.hra_u[name], view=torch.t)


def c3a(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "c.rows", Tied(theirs=layer.c3a_kernel[name])


def circulants(layer: Any) -> Tensor:
    result: Tensor = get_circulant_fast(layer.c3a_kernel["default"])  # type: ignore[no-untyped-call]
    return result / INPUTS


def lokr(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "c", Tied(theirs=layer.lokr_w1[name])
    yield "b", Tied(theirs=layer.lokr_w2_a[name])
    yield "a", Tied(theirs=layer.lokr_w2_b[name])


def miss(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "d.weight", Tied(theirs=layer.miss_block[name], view=torch.t)


def delora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a", Tied(theirs=layer.delora_A[name])
    yield "b", Tied(theirs=layer.delora_B[name])
    yield "l", Tied(theirs=layer.delora_lambda[name])


def adalora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a.weight", Tied(theirs=layer.lora_A[name])
    yield "b.weight", Tied(theirs=layer.lora_B[name])
    yield "e", Tied(theirs=layer.lora_E[name], view=torch.flatten)


def drawn(count: int, seed: int, draw: Draw = "torch") -> Tensor:
    """Our places as rows and columns."""
    found = torch.tensor(drawn_places(INPUTS * OUTPUTS, count, seed, draw))
    return torch.stack((found // INPUTS, found % INPUTS))


def shira(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    values = layer.shira_weight[name]
    layer.shira_indices[name] = drawn(values.numel(), 5, "sha256").to(torch.int)
    yield "v", Tied(theirs=values)


def fourierft(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    spectrum = layer.fourierft_spectrum[name]
    layer.indices[name] = drawn(spectrum.numel(), 5)
    yield "c", Tied(theirs=spectrum)


def waveft(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    spectrum = layer.waveft_spectrum[name]
    layer.waveft_indices[name] = drawn(spectrum.numel(), 5)
    yield "c", Tied(theirs=spectrum)


def lora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "a.weight", Tied(theirs=layer.lora_A[name].weight)
    yield "b.weight", Tied(theirs=layer.lora_B[name].weight)


def boft(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    blocks = layer.boft_R[name]
    size = blocks.shape[-1]
    rows, columns = torch.triu_indices(size, size, 1)

    def above(number: int) -> Callable[[Tensor], Tensor]:
        # peft multiplies rows by its matrices from the right.
        return lambda r: (0.5 * (r.mT - r))[number][:, rows, columns]

    for number, prefix in enumerate("ab"):
        yield f"{prefix}.turned.skew", Tied(theirs=blocks, view=above(number), slope=2.0)
    yield "s", Tied(theirs=layer.boft_s[name], view=torch.flatten)


def road(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "theta", Tied(theirs=layer.road_theta[name])
    yield "alpha", Tied(theirs=layer.road_alpha[name])


def randlora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    bases = layer.num_bases
    yield "whole_a", Tied(theirs=layer.randlora_A[name], view=lambda a: a[:, 0])
    yield "whole_b", Tied(theirs=layer.randlora_B[name], view=lambda b: b.flatten(1))
    yield "gamma", Tied(theirs=layer.randlora_gamma[name])
    yield "lambda", Tied(theirs=layer.randlora_lambda[name], view=torch.flatten)
    for one, count in (("each", bases), ("all", RANK)):
        yield one, Tied(theirs=torch.ones(count, 1))


def vblora(layer: Any, name: str) -> Iterator[tuple[str, Tied]]:
    yield "bank", Tied(theirs=layer.vblora_vector_bank[name])
    yield "for_a", Tied(theirs=layer.vblora_logits_A[name], view=lambda t: t.flatten(0, 1))
    yield "for_b", Tied(theirs=layer.vblora_logits_B[name], view=lambda t: t.flatten(0, 1))


@pytest.fixture
def butterflies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let peft take several butterfly factors, for which it wants a CUDA extension."""

    class Blocks:
        @staticmethod
        def apply(blocks: Tensor) -> Tensor:
            diagonals = [torch.block_diag(*factor) for factor in blocks]  # type: ignore[no-untyped-call]
            return torch.stack(diagonals)

    monkeypatch.setattr(boft_layer, "get_fbd_cuda", lambda: True)
    monkeypatch.setattr(boft_layer, "FastBlockDiag", Blocks)


TARGETS = ["proj"]

METHODS = (
    Method(
        example="lora",
        config=lambda: peft.LoraConfig(r=RANK, lora_alpha=8, target_modules=TARGETS),
        tied=lora,
        parameters={"rank": RANK},
    ),
    Method(
        example="dora",
        config=lambda: peft.LoraConfig(r=RANK, lora_alpha=8, target_modules=TARGETS, use_dora=True),
        tied=dora,
        parameters={"rank": RANK},
    ),
    Method(
        example="hira",
        config=lambda: peft.HiraConfig(r=RANK, target_modules=TARGETS),
        tied=hira,
        parameters={"rank": RANK},
    ),
    Method(
        example="ia3",
        config=lambda: peft.IA3Config(target_modules=TARGETS, feedforward_modules=[]),
        tied=ia3,
        adapter="ia3",
    ),
    Method(
        example="ia3",
        config=lambda: peft.IA3Config(target_modules=TARGETS, feedforward_modules=TARGETS),
        tied=ia3,
        adapter="ia3_feedforward",
    ),
    Method(
        example="oft",
        config=lambda: peft.OFTConfig(
            r=0, oft_block_size=RANK, target_modules=TARGETS, use_cayley_neumann=False
        ),
        tied=oft,
        parameters={"size": RANK},
    ),
    Method(
        example="loha",
        config=lambda: peft.LoHaConfig(r=RANK, alpha=8, target_modules=TARGETS),
        tied=loha,
        parameters={"rank": RANK, "alpha": 8},
    ),
    Method(
        example="hra",
        config=lambda: peft.HRAConfig(r=RANK, target_modules=TARGETS),
        tied=hra,
        parameters={"rank": RANK},
    ),
    Method(
        example="hra_orthogonal",
        config=lambda: peft.HRAConfig(
            r=RANK, apply_GS=True, init_weights=False, target_modules=TARGETS
        ),
        tied=hra_orthogonal,
        parameters={"rank": RANK},
    ),
    Method(
        example="c3a",
        config=lambda: peft.C3AConfig(block_size=RANK, target_modules=TARGETS),
        tied=c3a,
        parameters={"size": RANK},
        weight=circulants,
    ),
    Method(
        example="lokr",
        config=lambda: peft.LoKrConfig(r=1, alpha=8, target_modules=TARGETS, decompose_factor=2),
        tied=lokr,
        parameters={"rank": 1, "alpha": 8, "factor": 2},
    ),
    Method(
        example="miss",
        config=lambda: peft.MissConfig(r=RANK, target_modules=TARGETS),
        tied=miss,
        parameters={"rank": RANK},
    ),
    Method(
        example="rslora",
        config=lambda: peft.LoraConfig(
            r=RANK, lora_alpha=8, target_modules=TARGETS, use_rslora=True
        ),
        tied=lora,
        parameters={"rank": RANK},
    ),
    Method(
        example="adalora",
        config=lambda: peft.AdaLoraConfig(
            init_r=RANK, lora_alpha=8, target_modules=TARGETS, total_step=10
        ),
        tied=adalora,
        parameters={"rank": RANK, "alpha": 8},
    ),
    Method(
        example="delora",
        config=lambda: peft.DeloraConfig(r=RANK, target_modules=TARGETS),
        tied=delora,
        parameters={"rank": RANK},
    ),
    Method(
        example="shira",
        config=lambda: peft.ShiraConfig(r=RANK, target_modules=TARGETS),
        tied=shira,
        parameters={"rank": RANK, "seed": 5},
    ),
    Method(
        example="fourierft",
        config=lambda: peft.FourierFTConfig(n_frequency=20, scaling=1, target_modules=TARGETS),
        tied=fourierft,
        parameters={"coefficients": 20, "scale": 1, "seed": 5},
    ),
    Method(
        example="waveft",
        config=lambda: peft.WaveFTConfig(n_frequency=20, scaling=2, target_modules=TARGETS),
        tied=waveft,
        parameters={"rank": 1, "scale": 2, "seed": 5},
    ),
    Method(
        example="boft",
        config=lambda: peft.BOFTConfig(
            boft_block_size=2, boft_n_butterfly_factor=2, target_modules=TARGETS
        ),
        tied=boft,
        parameters={"size": 2},
        redundant=lambda layer: layer.boft_R["default"].numel() * 3 // 4,
    ),
    Method(
        example="road",
        config=lambda: peft.RoadConfig(variant="road_1", group_size=4, target_modules=TARGETS),
        tied=road,
        parameters={"size": 4},
    ),
    Method(
        example="randlora",
        config=lambda: peft.RandLoraConfig(r=RANK, randlora_alpha=8, target_modules=TARGETS),
        tied=randlora,
        parameters={"rank": RANK, "alpha": 8, "small": OUTPUTS, "large": INPUTS},
        adapter="randlora",
        narrow=False,
    ),
    Method(
        example="randlora",
        config=lambda: peft.RandLoraConfig(r=RANK, randlora_alpha=8, target_modules=TARGETS),
        tied=randlora,
        parameters={"rank": RANK, "alpha": 8, "small": OUTPUTS, "large": INPUTS},
        adapter="randlora_narrow",
    ),
    Method(
        example="vblora",
        config=lambda: peft.VBLoRAConfig(
            r=RANK, num_vectors=5, vector_length=2, topk=2, target_modules=TARGETS
        ),
        tied=vblora,
        parameters={"rank": RANK, "vectors": 5, "size": 2},
    ),
    Method(
        example="vera",
        config=lambda: peft.VeraConfig(r=RANK, target_modules=TARGETS, projection_prng_key=1),
        tied=vera,
        parameters={"rank": RANK, "width": INPUTS},
    ),
)


def ours(method: Method) -> tuple[One, qcompile.CompiledAdapter]:
    """The model with the example's adapter on its map, in float64."""
    text = (EXAMPLES / f"{method.example}.qa").read_text("utf-8")
    text = re.sub(r"^ *attach .*$", '    attach "proj"', text, flags=re.M)
    text = re.sub(r"^model .*$", "", text, flags=re.M)
    if method.adapter is not None:
        head, *adapters = re.split(r"^(?=adapter )", text, flags=re.M)
        own = [it for it in adapters if it.startswith(f"adapter {method.adapter}(")]
        text = head + own[0]
    model = One(method.narrow)
    adapter = qcompile.compile(text, model=model, parameters=dict(method.parameters)).double()
    return model, adapter


def theirs(method: Method) -> tuple[Any, Any]:
    """peft's model, and its layer."""
    model: Any = peft.get_peft_model(One(method.narrow), method.config()).double()
    layer = model.base_model.model.proj
    torch.manual_seed(1)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if ".ranknum." in key:
                # AdaLoRA's count of ranks, which peft keeps among the parameters.
                parameter.requires_grad_(False)
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model, layer


@pytest.mark.usefixtures("butterflies")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")
@pytest.mark.parametrize("method", METHODS, ids=[it.adapter or it.example for it in METHODS])
def test_method(method: Method) -> None:
    other, layer = theirs(method)
    model, adapter = ours(method)
    part = adapter["proj"]
    tied = dict(method.tied(layer, "default"))
    assert tied.keys() == dict(part.named_parameters()).keys()
    with torch.no_grad():
        for name, tie in tied.items():
            mine = part.get_parameter(name)
            given = tie.view(tie.theirs.detach()) + tie.offset(tie.view(tie.theirs.detach()))
            assert given.shape == mine.shape, name
            mine.copy_(given)
    qcompile.attach(model, adapter)
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trainable) == sum(
        p.numel() for p in other.parameters() if p.requires_grad
    ) - method.redundant(layer)
    x = torch.randn(5, model.proj.in_features, dtype=torch.float64, requires_grad=True)
    same = x.detach().clone().requires_grad_()
    found, expected = model(x), other(same)
    if method.weight is not None:
        plain = nn.functional.linear(same, method.weight(layer))
        torch.testing.assert_close(layer.base_layer(same) + plain, expected)
        expected = layer.base_layer(same) + plain
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    weights = torch.randn_like(found)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-6, atol=1e-6)
    for name, tie in tied.items():
        mine = part.get_parameter(name)
        assert mine.requires_grad == tie.theirs.requires_grad, name
        if mine.requires_grad:
            assert tie.theirs.grad is not None
            torch.testing.assert_close(
                mine.grad,
                tie.slope * tie.view(tie.theirs.grad),
                rtol=1e-6,
                atol=1e-6,
                msg=name,
            )
    merged: Any = merge(model)
    wanted = other.merge_and_unload()
    torch.testing.assert_close(merged.proj.weight, wanted.proj.weight, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(merged.proj.bias, wanted.proj.bias, rtol=1e-6, atol=1e-6)
