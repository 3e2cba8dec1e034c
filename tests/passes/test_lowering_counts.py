"""Published parameter counts, from specs built by hand."""

from __future__ import annotations

import pytest

from qcompile.diagnostics import Collector
from qcompile.ir.compilation import LoweredSet, ModelInfo
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.spec import Spec
from qcompile.ir.verify_program import verify_program
from qcompile.passes.lowering import lower
from qcompile.passes.lowering.totals import parameter_count
from qcompile.testing.known_specs import (
    LLAMA_3_8B,
    QWEN2_7B,
    lora_spec,
    qaa_spec,
    qtha_spec,
    transformer,
)

Q_AND_V = ("*.self_attn.{q,v}_proj",)
ALL_LINEAR = ("*_proj",)


def lowered(spec: Spec, model: ModelInfo | None = None) -> LoweredSet:
    collector = Collector()
    result = lower(spec, model=model, devices={}, collector=collector)
    assert collector.diagnostics == ()
    assert result is not None
    for program in result.programs:
        verify_program(program)
    return result


@pytest.mark.parametrize(
    ("rank", "lora", "deep", "shallow"),
    [
        (4, 1_261_568, 572_544, 569_856),
        (6, 1_892_352, 636_608, 629_888),
        (8, 2_523_136, 703_360, 690_816),
        (10, 3_153_920, 772_800, 752_640),
        (16, 5_046_272, 997_248, 943_488),
    ],
)
def test_qwen2_7b_q_and_v(rank: int, lora: int, deep: int, shallow: int) -> None:
    model = transformer(*QWEN2_7B)
    assert parameter_count(lowered(lora_spec(rank, Q_AND_V), model)) == lora
    assert parameter_count(lowered(qtha_spec(rank, rank, Q_AND_V), model)) == deep
    assert parameter_count(lowered(qtha_spec(rank, 1, Q_AND_V), model)) == shallow


def test_all_seven_linears_and_llama() -> None:
    qwen, llama = transformer(*QWEN2_7B), transformer(*LLAMA_3_8B)
    assert parameter_count(lowered(lora_spec(8, ALL_LINEAR), qwen)) == 20_185_088
    assert parameter_count(lowered(qtha_spec(8, 8, ALL_LINEAR), qwen)) == 2_632_448
    assert parameter_count(lowered(lora_spec(8, Q_AND_V), llama)) == 3_407_872
    assert parameter_count(lowered(qtha_spec(8, 8, Q_AND_V), llama)) == 839_680


def test_one_layer_by_part() -> None:
    result = lowered(qtha_spec(4, 4, shape=(3584, 3584)))
    (program,) = result.programs
    sizes: dict[str, int] = {}
    for tensor in program.tensors:
        part = tensor.name.rpartition(".")[0]
        sizes[part] = sizes.get(part, 0) + tensor.size
    assert sizes == {
        "a": 4576,
        "h": 1024,
        "q": 64,
        "u.linear1": 16,
        "u.linear2": 16,
        "update.linear1": 1024,
        "update.mpo1": 4576,
    }
    assert sum(sizes.values()) == 11_296
    assert parameter_count(lowered(qtha_spec(4, 4, shape=(3584, 512)))) == 9_152


def test_sites_share_one_program_for_each_size() -> None:
    result = lowered(qtha_spec(8, 8, Q_AND_V), transformer(*QWEN2_7B))
    assert [(p.in_features, p.out_features) for p in result.programs] == [(3584, 3584), (3584, 512)]
    assert len(result.sites) == 56
    assert [site.unit for site in result.sites] == [0, 1] * 28
    assert result.sites[3].module == "model.layers.1.self_attn.v_proj"


def test_mpo_cores_have_the_published_shapes() -> None:
    (program,) = lowered(qtha_spec(8, 8, shape=(3584, 512))).programs
    first = next(node for node in program.nodes if isinstance(node, MpoNode))
    assert first.in_modes == (8, 8, 8, 7) and first.out_modes == (4, 4, 4, 4)
    cores = [program.tensors[core] for core in first.cores]
    assert [core.shape for core in cores] == [
        (1, 4, 8, 8),
        (8, 4, 8, 8),
        (8, 4, 8, 8),
        (8, 4, 7, 1),
    ]
    assert [core.fan_in for core in cores] == [8, 64, 64, 56]
    last = [node for node in program.nodes if isinstance(node, MpoNode)][-1]
    kinds = [program.tensors[core].init.kind for core in last.cores]
    assert kinds == ["kaiming_normal", "kaiming_normal", "kaiming_normal", "zero"]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_qaa_angles(layers: int) -> None:
    (program,) = lowered(qaa_spec(4, layers, (16, 8))).programs
    angles = next(tensor for tensor in program.tensors if tensor.name == "q.angles")
    assert angles.size == 3 * layers * 4
