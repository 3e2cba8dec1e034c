"""An adapter written down by hand, so that files can be tested without the compiler."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import torch

from qcompile.artifact.manifest import Manifest, SourceText
from qcompile.artifact.write import artifact_bytes
from qcompile.ir.compilation import PlannedSet, Site
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.node import PlainNode
from qcompile.ir.ops.arithmetic import AddNode, ScaleNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import BiasNode
from qcompile.ir.plan import Costs, Plan
from qcompile.ir.target import DEFAULT_TARGET
from qcompile.ir.tensor import TensorSpec

NODES: tuple[PlainNode, ...] = (
    InputNode(width=3),
    BiasNode(operand=0, tensor=0, width=3),
    BiasNode(operand=1, tensor=1, width=3),
    ScaleNode(operand=2, factor=0.5, width=3),
    AddNode(operands=(3, 0), width=3),
)


def plan(nodes: tuple[PlainNode, ...] = NODES) -> Plan:
    """0.5 · (x + own + common) + x."""
    normal = Init(kind="normal", arguments=(1.0, 0.0))
    return Plan(
        adapter="shifted",
        in_features=3,
        out_features=3,
        mode="add",
        nodes=nodes,
        result=len(nodes) - 1,
        tensors=(
            TensorSpec(name="own.value", shape=(3,), init=normal),
            TensorSpec(name="common.value", shape=(3,), init=ZERO, share="common"),
        ),
        parameters=(("rank", 4), ("label", "größe")),
        target=DEFAULT_TARGET,
        costs=Costs(
            parameters=6,
            forward_flops_per_token=9.0,
            backward_flops_per_token=9.0,
            hoisted_flops=0.0,
            activation_elements_per_token=0,
            peak_hoisted_elements=0,
        ),
        linear=False,
    )


def manifest(
    plans: tuple[Plan, ...] | None = None, sites: tuple[Site, ...] | None = None
) -> Manifest:
    return Manifest(
        sources=(SourceText(name="shifted.qa", text="qa 1\n# größe\n"),),
        definitions=("rank=4",),
        pipeline="",
        tokens=16,
        model=None,
        devices=(),
        digests=(("plan", "0" * 64),),
        versions=(("qcompile", "0.1.0"),),
        planned=PlannedSet(
            plans=plans or (plan(),),
            sites=sites
            or tuple(Site(module=f"layers.{k}.up", adapter="shifted", unit=0) for k in range(2)),
            seed=5,
        ),
    )


def state(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    names = ("layers.0.up.shifted.own.value", "shared.common", "layers.1.up.shifted.own.value")
    return {name: torch.randn(3, generator=generator).to(dtype) for name in names}


def good_bytes() -> bytes:
    return artifact_bytes(manifest(), state())


def records(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(contents: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as target:
        for name, content in contents.items():
            target.writestr(name, content)
    return buffer.getvalue()


def with_index(program: bytes) -> bytes:
    """A file of torch.save whose index is `program`."""
    return archive({**records(good_bytes()), "archive/data.pkl": program})
