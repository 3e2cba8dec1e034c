"""LoRA of the parameters of experts, peft's `target_parameters`: folders there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

import qcompile
from qcompile.cli import main
from qcompile.diagnostics.errors import QCompileError
from qcompile.driver.from_peft import adapter_from_peft
from qcompile.driver.to_peft import write_peft_method

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated"),
    # It looks for the keys among modules alone, and applies them to parameters.
    pytest.mark.filterwarnings("ignore:The following (rank|alpha)_pattern keys"),
]

EXPERTS = 3
PARAMETERS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj", "mlp.gate.weight"]
SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
    "intermediate_size": 12, "vocab_size": 40, "num_local_experts": EXPERTS,
    "num_experts_per_tok": 2,
}  # fmt: skip
IDS = torch.tensor([[5, 9, 2, 3, 17, 8], [1, 2, 3, 30, 5, 6]])


def mixtral() -> Any:
    torch.manual_seed(0)
    config = transformers.MixtralConfig(**SIZES, experts_implementation="eager")
    return transformers.MixtralForCausalLM(config).double().eval()


def gpt_oss() -> Any:
    """Its experts are (experts, in, out), which it says."""
    torch.manual_seed(0)
    config = transformers.GptOssConfig(
        **SIZES, head_dim=8, attn_implementation="eager", experts_implementation="eager"
    )
    return transformers.GptOssForCausalLM(config).double().eval()


MODELS = {"mixtral": mixtral, "gpt_oss": gpt_oss}


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.eval()(input_ids=IDS).logits
    return found


@pytest.fixture
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, Tensor]:
    """The base's configuration, peft's folder, and what peft computes."""
    name, parameters = request.param
    model = MODELS[name]()
    model.config.save_pretrained(str(tmp_path))
    config = peft.LoraConfig(
        r=2,
        lora_alpha=5,
        target_modules=["q_proj"],
        target_parameters=parameters,
        rank_pattern={"mlp.experts.down_proj": 3},
        alpha_pattern={"mlp.experts.down_proj": 4},
    )
    theirs: Any = peft.get_peft_model(model, config)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_((parameter + 0.2 * noise).to(parameter))
    folder = str(tmp_path / "theirs")
    theirs.save_pretrained(folder)
    return str(tmp_path / "config.json"), folder, logits(theirs)


@pytest.mark.parametrize(
    "saved",
    [("mixtral", PARAMETERS), ("mixtral", PARAMETERS[1:2]), ("gpt_oss", PARAMETERS[:2])],
    indirect=True,
    ids=["mixtral", "one_parameter", "transposed"],
)
def test_folders_there_and_back(
    saved: tuple[str, str, Tensor], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    config, folder, expected = saved
    build = MODELS["gpt_oss" if "transposed" in request.node.name else "mixtral"]
    with pytest.raises(QCompileError, match="QA6227"):
        adapter_from_peft(folder)
    output, back = str(tmp_path / "ours.pt"), str(tmp_path / "back")
    assert main(["convert", folder, output, "--model", config]) == 0
    adapter = qcompile.load(output)
    found = logits(qcompile.attach(build(), adapter))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(found, logits(build()), atol=1e-3)
    assert '"model.layers.*.mlp.experts.down_proj.*"' in adapter.manifest.sources[0].text
    assert main(["convert", output, back, "--to", "peft"]) == 1
    assert main(["convert", output, back, "--to", "peft", "--model", config]) == 0
    first, second = (load_file(f"{it}/adapter_model.safetensors") for it in (folder, back))
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    again = peft.PeftModel.from_pretrained(build(), back, autocast_adapter_dtype=False)
    torch.testing.assert_close(logits(again), expected, rtol=1e-6, atol=1e-6)


SPEC = """qa 1
adapter low() {{
    attach {where}
    a = linear(x, to: 2)
    update linear(a, to: out_features, init: zero)
}}
"""


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ('"*.experts.down_proj.0"', "expert 1 has none"),
        ('"*.experts.down_proj"', "changes all experts alike"),
    ],
)
def test_what_is_not_of_all_experts_is_refused(where: str, reason: str, tmp_path: Path) -> None:
    model = mixtral()
    adapter = qcompile.compile(SPEC.format(where=where), model=model)
    with pytest.raises(QCompileError, match=r"QA6231") as caught:
        write_peft_method(adapter, tmp_path / "folder", model=model)
    assert reason in " ".join(str(caught.value).split())
    assert not (tmp_path / "folder").exists()


@pytest.mark.parametrize("saved", [("mixtral", PARAMETERS)], indirect=True)
def test_factors_of_other_experts_are_refused(saved: tuple[str, str, Tensor]) -> None:
    config, folder, _ = saved
    path = Path(folder) / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(it for it in tensors if it.endswith("experts.lora_A.weight"))
    save_file({**tensors, name: tensors[name][:-1].contiguous()}, path)
    with pytest.raises(QCompileError, match=r"QA5009.*not those of 3 experts"):
        adapter_from_peft(folder, model=config)
