"""The folder of a plain LoRA in the code of vLLM and of llama.cpp that reads it.

Neither is among the tools of development: `make readers` makes an environment with both and runs
these tests, which other runs leave out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qcompile
from qcompile.adapter.lora import PlainLora, lora_of
from tests.adapter.models import llama

CONVERTER = os.environ.get("LLAMA_CPP", "")
"""A folder of llama.cpp's source."""

MODULES = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

SOURCE = """qa 1

adapter change() {
    attach linear
    update mpo(x, to: out_features, sites: 2, bond: 2) + 0.1 * linear(x, to: out_features)
}
"""


@pytest.fixture
def lora(tmp_path: Path) -> PlainLora:
    """Of different ranks, with its folder `lora` and that of the base's configuration, `base`."""
    base: Any = llama()
    base.config.architectures = ["LlamaForCausalLM"]
    base.config.save_pretrained(str(tmp_path / "base"))
    adapter = qcompile.compile(SOURCE, model=base)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    found = lora_of(adapter, error=0.5, base_model=str(tmp_path / "base"), task_type="CAUSAL_LM")
    assert len({a.shape[0] for a, _ in found.factors.values()}) > 1
    found.save(tmp_path / "lora")
    return found


@pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed; `make readers`")
@pytest.mark.filterwarnings("ignore")
def test_vllm_reads_the_updates(
    lora: PlainLora, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.config.lora import LoRAConfig
    from vllm.lora import lora_model
    from vllm.lora.peft_helper import PEFTHelper

    folder = str(tmp_path / "lora")
    helper = PEFTHelper.from_local_dir(folder, None)
    helper.validate_legal(LoRAConfig(max_lora_rank=64, max_loras=1))
    # Memory for transfers to a GPU, which is not needed here.
    monkeypatch.setattr(lora_model, "PIN_MEMORY", False)
    model = lora_model.LoRAModel.from_local_checkpoint(
        folder, MODULES, helper, lora_model_id=1, device="cpu", dtype=torch.float32
    )
    assert set(model.loras) == set(lora.factors)
    for module, (a, b) in lora.factors.items():
        read = model.loras[module].optimize()
        assert read.scaling == 1
        torch.testing.assert_close(read.lora_b @ read.lora_a, b @ a)


GGUF = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def rotary(rows: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """llama.cpp rotates neighbouring elements of a head, transformers those of its two halves."""
    halves = rows.reshape(heads, 2, -1, rows.shape[-1])
    return halves.swapaxes(1, 2).reshape(rows.shape)


@pytest.mark.skipif(not CONVERTER, reason="LLAMA_CPP names no source of llama.cpp; `make readers`")
@pytest.mark.filterwarnings("ignore")
def test_llama_cpp_converts_the_updates(lora: PlainLora, tmp_path: Path) -> None:
    import gguf

    script, out = Path(CONVERTER) / "convert_lora_to_gguf.py", tmp_path / "lora.gguf"
    # Without --base it takes the name in the folder, which must be one of a hub.
    base = ["--base", str(tmp_path / "base")]
    call = [sys.executable, str(script), str(tmp_path / "lora"), "--outfile", str(out), *base]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    reader = gguf.GGUFReader(out)
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    stored = {tensor.name: tensor.data for tensor in reader.tensors}
    assert len(stored) == 2 * len(lora.factors)
    for module, (a, b) in lora.factors.items():
        _, _, layer, name = module.split(".", 3)
        key = f"blk.{layer}.{GGUF[name]}.weight"
        read_a, read_b = stored[f"{key}.lora_a"], stored[f"{key}.lora_b"]
        # llama-adapter.h: alpha by the rank of the module's own tensors.
        update = read_b @ read_a * (alpha / read_b.shape[1])
        expected = (b @ a).numpy()
        heads = {"attn_q": 4, "attn_k": 2}.get(GGUF[name])
        expected = expected if heads is None else rotary(expected, heads)
        np.testing.assert_allclose(update, expected, rtol=1e-5, atol=1e-6)
