"""Examples as folders of peft's own methods: peft computes the same from them, and they are read
again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from torch import Tensor

import qcompile
from qcompile.cli import main
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.driver.to_peft import write_peft_method

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type:UserWarning"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"
IDS = torch.tensor([[5, 9, 2, 3, 17, 8], [1, 2, 3, 30, 5, 6]])


@dataclass(frozen=True, kw_only=True)
class Case:
    """An example, and what folder it becomes."""

    kind: str
    parameters: Mapping[str, int | float] = field(default_factory=dict)
    values: bool = False
    """The base's weights are part of the folder's tensors."""
    near: float = 1e-9
    double: bool = True


SIZED = {"rank": 4}

CASES = {
    "lora": Case(kind="LORA", parameters=SIZED),
    "lora_embedding": Case(kind="LORA", parameters=SIZED),
    "dora": Case(kind="LORA", parameters=SIZED, values=True),
    "ln_tuning": Case(kind="LN_TUNING", values=True, near=1e-5),
    "psoft": Case(kind="PSOFT", parameters=SIZED, near=1e-4, double=False),
    "fourierft": Case(kind="FOURIERFT", parameters={"coefficients": 9, "scale": 20}, near=1e-5),
    "waveft": Case(kind="WAVEFT", parameters={"rank": 1, "scale": 2}),
    "shira": Case(kind="SHIRA", parameters={"rank": 1, "seed": 5}),
    "trainable_tokens": Case(kind="TRAINABLE_TOKENS", values=True),
    "randlora": Case(kind="RANDLORA", parameters={"rank": 4, "small": 16, "large": 16}),
}


def llama() -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=24, vocab_size=40, pad_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).double().eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The base model as transformers saves it."""
    path = str(tmp_path_factory.mktemp("base"))
    llama().save_pretrained(path)
    return path


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.eval()(input_ids=IDS).logits
    return found


def moved(adapter: qcompile.CompiledAdapter) -> qcompile.CompiledAdapter:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in adapter.double().parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(0.1 * noise)
    return adapter


def stated(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(path) / "adapter_config.json").read_text())
    return found


@pytest.mark.parametrize("name", CASES)
def test_examples_are_methods_of_peft(name: str, folder: str, tmp_path: Path) -> None:
    case = CASES[name]
    text = re.sub(r"^model .*$", "", (EXAMPLES / f"{name}.qa").read_text("utf-8"), flags=re.M)
    model, dtype = llama(), torch.float64
    adapter = moved(qcompile.compile(text, model=model, parameters=dict(case.parameters)))
    before = logits(model)
    expected = logits(qcompile.attach(model, adapter))
    assert not torch.allclose(expected, before, atol=1e-3)
    source, written = f"{tmp_path}/adapter.pt", f"{tmp_path}/written"
    if not case.double:
        # peft decomposes no weights in float64.
        adapter, dtype = adapter.float(), torch.float32
    adapter.save(source)
    convert = ["convert", source, written, "--to", "peft"]
    if case.values:
        assert main(convert) == 1
        convert += ["--model", folder]
    assert main(convert) == 0
    assert stated(written)["peft_type"] == case.kind
    base = llama().to(dtype)
    theirs: Any = peft.PeftModel.from_pretrained(base, written, autocast_adapter_dtype=False)
    torch.testing.assert_close(logits(theirs), expected.to(dtype), atol=case.near, rtol=case.near)
    read = adapter_from_peft(written, model=folder)
    again = logits(qcompile.attach(llama().to(dtype), read))
    torch.testing.assert_close(again, expected.to(dtype), atol=case.near, rtol=case.near)
    # From here on it is a folder's spec, and nothing more is relative to the base.
    back = f"{tmp_path}/back"
    write_peft_method(read, back, model=folder if case.kind == "TRAINABLE_TOKENS" else None)
    first, second = (adapter_from_peft(it, model=folder).state_dict() for it in (written, back))
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert torch.equal(value.nan_to_num(), second[key].nan_to_num()), key
