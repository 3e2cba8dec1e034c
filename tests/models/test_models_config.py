"""Configurations are read for names and sizes alone, and absurd ones are refused at once."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from qcompile.diagnostics.errors import CompileError
from qcompile.ir.compilation import ModelInfo
from qcompile.models.config import config_digest, read_config, without_code
from qcompile.models.linear import linear_sizes
from qcompile.models.skeleton import describe_model, read_model

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 64,
}


def write(folder: Path, config: object) -> str:
    path = folder / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return str(path)


def code(path: str) -> str:
    with pytest.raises(CompileError) as caught:
        read_model(path)
    (found,) = caught.value.diagnostics
    assert str(caught.value)
    return found.code


def test_sizes_of_a_llama(tmp_path: Path) -> None:
    found = read_model(write(tmp_path, LLAMA))
    assert found == ModelInfo(
        architecture="LlamaForCausalLM",
        source=str(tmp_path / "config.json"),
        digest=config_digest(LLAMA),
        modules=found.modules,
        parameters=found.parameters,
    )
    sizes = {m.name: (m.in_features, m.out_features, m.layer) for m in found.modules}
    assert sizes["model.layers.1.self_attn.v_proj"] == (32, 16, 1)
    assert sizes["model.layers.0.mlp.down_proj"] == (48, 32, 0)
    assert sizes["model.embed_tokens"] == (None, None, None)
    assert sizes["lm_head"] == (32, 64, None)
    per_layer = 32 * (32 + 16 + 16 + 32) + 3 * 32 * 48 + 2 * 32
    assert found.parameters == 2 * per_layer + 2 * 64 * 32 + 32


def test_live_model_is_described_alike(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(**{k: v for k, v in LLAMA.items() if k != "model_type"})
    model = transformers.LlamaForCausalLM(config)
    live, read = describe_model(model), read_model(write(tmp_path, LLAMA))
    assert live.modules == read.modules and live.parameters == read.parameters
    assert live.architecture == read.architecture


def test_plain_module_is_described() -> None:
    found = describe_model(nn.Sequential(nn.Linear(3, 5), nn.Bilinear(5, 5, 2)))
    assert [(m.name, m.in_features, m.out_features) for m in found.modules] == [
        ("0", 3, 5),
        ("1", None, None),
    ]


def test_conv1d_is_a_linear_map_with_swapped_storage() -> None:
    from transformers.pytorch_utils import Conv1D

    assert linear_sizes(Conv1D(7, 3)) == (3, 7)


ABSURD: dict[str, dict[str, Any]] = {
    "layers": {"num_hidden_layers": 10**9},
    "few too many layers": {"num_hidden_layers": 1025},
    "n_layer": {"model_type": "gpt2", "n_layer": 10**9},
    "n_layers": {"model_type": "distilbert", "n_layers": 10**5},
    "num_layers": {"model_type": "t5", "num_layers": 10**9},
    "decoder layers": {"model_type": "bart", "decoder_layers": 10**6},
    "nested": {"model_type": "llava", "text_config": {"num_hidden_layers": 10**9}},
    "lists": {"model_type": "swin", "depths": [2, 10**6]},
    "float": {"num_hidden_layers": 1e9},
    "infinite": {"num_hidden_layers": float("inf")},
    "negative": {"num_hidden_layers": -(10**9)},
    "vocabulary": {"vocab_size": 10**12},
    "width": {"hidden_size": 2**40},
    "experts": {"model_type": "mixtral", "num_local_experts": 10**7},
    "unknown field": {"some_number": 10**30},
    "no float holds it": {"hidden_size": 10**400},
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_size_is_refused_at_once(case: str, tmp_path: Path) -> None:
    path = write(tmp_path, {**LLAMA, **ABSURD[case]})
    assert code(path) == "QA7004"


def test_growing_model_is_stopped_whatever_the_field(tmp_path: Path) -> None:
    # No list of names is complete: a long list of small stages has no large number in it.
    config = {"model_type": "resnet", "depths": [1000] * 40, "hidden_sizes": [8] * 40}
    assert code(write(tmp_path, config)) == "QA7005"
    model = nn.Sequential(nn.Linear(2, 2))
    assert isinstance(model[0], nn.Linear), "the guard is gone afterwards"


MALFORMED: dict[str, str] = {
    "empty": "",
    "text": "hello",
    "number": "3",
    "list": "[]",
    "no type": "{}",
    "type is a number": '{"model_type": 3}',
    "deep": '{"a":' * 100_000,
    "deep and closed": '{"a":' * 900 + "1" + "}" * 900,
    "huge number": '{"model_type": "llama", "a": ' + "9" * 10_000 + "}",
    "not UTF-8": "",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_file_is_named(case: str, tmp_path: Path) -> None:
    path = write(tmp_path, MALFORMED[case])
    if case == "not UTF-8":
        Path(path).write_bytes(b'{"model_type": "\xff"}')
    assert code(path) == "QA7002"


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    assert code(str(tmp_path / "none.json")) == "QA7001"
    assert code(str(tmp_path)) == "QA7001"
    assert code("a\0b") in {"QA7001", "QA7002"}
    assert code("x" * 5000) in {"QA7001", "QA7002"}
    assert code("/dev/zero") == "QA7002"
    assert code("Qwen/Qwen2-7B") == "QA7001"


def test_large_file_is_not_read(tmp_path: Path) -> None:
    assert code(write(tmp_path, " " * (2**20 + 1))) == "QA7002"


def test_unknown_type_names_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match="did you mean `llama`") as caught:
        read_model(write(tmp_path, {**LLAMA, "model_type": "lllama"}))
    assert caught.value.diagnostics[0].code == "QA7003"


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 0},
        {"num_attention_heads": 0},
        {"num_attention_heads": "many"},
        {"hidden_act": "no such function"},
        {"architectures": ["GPT2LMHeadModel"]},
        {"rope_parameters": {"rope_type": "none such"}},
        {"pad_token_id": 99},
    ],
)
def test_contradictions_are_said_in_one_line(change: dict[str, Any], tmp_path: Path) -> None:
    assert code(write(tmp_path, {**LLAMA, **change})) == "QA7005"


@pytest.mark.parametrize("architectures", [None, [], ["LlamaModelOfMine"], [3], "x", ["logging"]])
def test_unknown_architecture_falls_back_to_the_language_model(
    architectures: object, tmp_path: Path
) -> None:
    found = read_model(write(tmp_path, {**LLAMA, "architectures": architectures}))
    assert found.architecture == "LlamaForCausalLM"


def test_code_of_the_model_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    canary = tmp_path / "canary"
    (tmp_path / "modeling_mine.py").write_text(f"open({str(canary)!r}, 'w')\n")
    found = read_model(
        write(
            tmp_path,
            {
                **LLAMA,
                "auto_map": {
                    "AutoConfig": "modeling_mine.Config",
                    "AutoModelForCausalLM": "modeling_mine.Model",
                },
                "_name_or_path": "someone/else",
                "attn_implementation": "someone/kernel",
                "_attn_implementation": "someone/kernel",
                "experts_implementation": "someone/kernel",
                "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True},
                "use_kernels": True,
                "torch_dtype": "no_such_type",
            },
        )
    )
    assert found.architecture == "LlamaForCausalLM"
    assert not canary.exists()


def test_foreign_fields_are_dropped_at_every_depth() -> None:
    config: dict[str, object] = {
        "a": {"attn_implementation": "x", "b": 1},
        "auto_map": {},
        "dtype": "x",
    }
    assert without_code(config) == {"a": {"b": 1}}


def test_no_weights_are_made(tmp_path: Path) -> None:
    wide = {**LLAMA, "hidden_size": 8192, "intermediate_size": 2**20, "num_hidden_layers": 80}
    wide.update(num_attention_heads=64, num_key_value_heads=8, vocab_size=2**17)
    started = time.process_time()
    found = read_model(write(tmp_path, wide))
    assert found.parameters > 10**12
    assert time.process_time() - started < 60
    torch.manual_seed(0)
    before = torch.rand(1)
    torch.manual_seed(0)
    read_model(write(tmp_path, LLAMA))
    assert torch.equal(torch.rand(1), before), "the user's random state is not touched"


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_anything_else(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "config.json"
    path.write_bytes(data)
    with pytest.raises(CompileError):
        read_config(str(path))


def test_digest_does_not_depend_on_the_order_of_fields() -> None:
    assert config_digest(LLAMA) == config_digest(dict(reversed(LLAMA.items())))
    assert config_digest(LLAMA) != config_digest({**LLAMA, "vocab_size": 65})
