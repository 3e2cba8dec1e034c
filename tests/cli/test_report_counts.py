"""`qcompile report` gives the published parameter counts, module by module and in total."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
QTHA = str(EXAMPLES / "qtha.qa")
QWEN = str(EXAMPLES / "models" / "qwen2-7b" / "config.json")

TABLE = {
    4: (1_261_568, 572_544, 569_856),
    6: (1_892_352, 636_608, 629_888),
    8: (2_523_136, 703_360, 690_816),
    10: (3_153_920, 772_800, 752_640),
    16: (5_046_272, 997_248, 943_488),
}
"""Rank → LoRA, QTHA with as many layers, QTHA with one: q and v of Qwen2-7B's 28 layers
(arXiv:2503.12790)."""


def report(run: Run, *argv: str) -> dict[str, Any]:
    found = run("report", *argv, "--format", "json")
    assert found.code == 0, found.err
    record: dict[str, Any] = json.loads(found.out)
    return record


@pytest.mark.parametrize("layers", ["rank", "one"])
@pytest.mark.parametrize("rank", TABLE)
def test_qtha_on_qwen2(run: Run, rank: int, layers: str) -> None:
    lora, full, single = TABLE[rank]
    options = () if layers == "rank" else ("-D", "layers=1")
    record = report(run, QTHA, "-D", f"rank={rank}", *options, "--model", QWEN)
    assert record["parameters"] == (full if layers == "rank" else single)
    assert record["lora"]["parameters"] == lora and record["lora"]["rank"] == rank
    assert record["base_parameters"] == 7_615_616_512
    assert len(record["modules"]) == 56
    assert sum(module["parameters"] for module in record["modules"]) == record["parameters"]
    depth = rank if layers == "rank" else 1
    for module in record["modules"]:
        (circuit,) = module["circuits"]
        assert circuit["qubits"] == circuit["outputs"] == rank
        assert circuit["parameters"] == 4 * rank * depth


def test_one_layer_of_each_size(run: Run) -> None:
    record = report(run, QTHA, "-D", "rank=4", "--model", QWEN)
    sizes = {(m["in_features"], m["out_features"], m["parameters"]) for m in record["modules"]}
    assert sizes == {(3584, 3584, 11_296), (3584, 512, 9_152)}


SEVEN = "*.{self_attn.{q,k,v,o}_proj,mlp.{gate,up,down}_proj}"


def test_qtha_on_all_seven_linear_maps(run: Run, folder: Path) -> None:
    text = Path(QTHA).read_text().replace("*.self_attn.{q,v}_proj", SEVEN)
    (folder / "seven.qa").write_text(text)
    record = report(run, "seven.qa", "-D", "rank=8", "--model", QWEN)
    assert len(record["modules"]) == 7 * 28
    assert record["parameters"] == 2_632_448
    assert record["lora"]["parameters"] == 20_185_088


LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
}


def test_qtha_on_llama(run: Run, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(LLAMA))
    record = report(run, QTHA, "-D", "rank=8", "--model", str(folder))
    assert record["parameters"] == 839_680
    assert record["lora"]["parameters"] == 3_407_872
    assert record["base_parameters"] == 8_030_261_248


@pytest.mark.parametrize("rank", TABLE)
def test_lora_counts_as_itself(run: Run, rank: int) -> None:
    record = report(run, str(EXAMPLES / "lora.qa"), "-D", f"rank={rank}", "--model", QWEN)
    assert record["parameters"] == record["lora"]["parameters"] == TABLE[rank][0]


@pytest.mark.parametrize(("layers", "stored"), [(1, 12), (2, 24), (3, 36)])
def test_qaa_stores_three_angles_a_wire_and_layer(
    run: Run, folder: Path, layers: int, stored: int
) -> None:
    (folder / "qaa.qa").write_text(
        "qa 1\nadapter qaa(layers: int = 1) {\n    shape 16 -> 16\n"
        "    q = circuit(4 qubits) {\n        encode amplitude(x)\n        repeat layers {\n"
        "            ry\n            rz\n            cx ring\n            ry\n        }\n"
        "        measure z\n    }\n    update linear(q, to: out_features, init: zero)\n}\n"
    )
    record = report(run, "qaa.qa", "-D", f"layers={layers}")
    (circuit,) = record["modules"][0]["circuits"]
    assert circuit["parameters"] == stored and circuit["qubits"] == 4
    assert record["parameters"] == stored + 4 * 16
    # RY at the end of a layer and RY at the start of the next are one rotation.
    fused = report(run, "qaa.qa", "-D", f"layers={layers}", "--passes", "fuse-rotations")
    (circuit,) = fused["modules"][0]["circuits"]
    assert circuit["gates"] - circuit["two_qubit_gates"] == 4 * (2 * layers + 1)


def test_text_shows_the_same_totals(run: Run) -> None:
    found = run("report", QTHA, "-D", "rank=4", "-D", "layers=1", "--model", QWEN)
    assert found.code == 0
    assert "569,856 trainable parameters; LoRA of rank 4 has 1,261,568 (54.8 % fewer" in found.out
    assert "qtha on 28 × q_proj" in found.out and "3584 → 512" in found.out
    assert "0.0075 % of the base model's 7,615,616,512 parameters" in found.out
