"""A folder that transformers loads as the base model with an adapter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import get_peft_model
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    BertForTokenClassification,
    BertModel,
    LlamaForSequenceClassification,
    dynamic_module_utils,
)

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.load import load_with_modules
from qcompile.adapter.served import write_served
from qcompile.cli import main
from qcompile.diagnostics.errors import QCompileError
from qcompile.peft import QCompileConfig
from tests.adapter.models import TOKENS, bert, circuit, compiled, llama, logits, same, t5, trained

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")

LOW = """qa 1

adapter low() {
    attach "*.q_proj"
    update linear(linear(x, to: 2), to: out_features, init: zero)
}
"""


@pytest.fixture(autouse=True)
def modules_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers copies the code of a model there before it runs it."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    model: Any = llama()
    model.save_pretrained(str(tmp_path / "base"))
    return tmp_path / "base"


def adapter_for(model: nn.Module) -> CompiledAdapter:
    return trained(compiled(model, ("q_proj", "lm_head"), circuit))


def loaded(folder: Path, **options: Any) -> Any:
    kind: Any = AutoModelForCausalLM
    return kind.from_pretrained(str(folder), trust_remote_code=True, **options)


def generated(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.generate(TOKENS, max_new_tokens=5, do_sample=False)
    return found


def classifier(kind: Any, base: Any, **settings: Any) -> nn.Module:
    torch.manual_seed(3)
    model: nn.Module = kind(type(base.config)(**{**base.config.to_dict(), **settings}))
    return model.eval()


KINDS: dict[str, tuple[Any, str]] = {
    "AutoModelForSequenceClassification": (
        lambda: classifier(LlamaForSequenceClassification, llama(), num_labels=3),
        "q_proj",
    ),
    "AutoModelForTokenClassification": (
        lambda: classifier(BertForTokenClassification, bert(), num_labels=5),
        "query",
    ),
    "AutoModel": (lambda: classifier(BertModel, bert()), "query"),
    "AutoModelForMaskedLM": (bert, "query"),
    "AutoModelForSeq2SeqLM": (t5, "wo"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind_load_by_their_auto_class(kind: str, tmp_path: Path) -> None:
    build, ending = KINDS[kind]
    expected = build()
    expected.save_pretrained(str(tmp_path / "base"))
    adapter = trained(compiled(expected, (ending,), circuit))
    write_served(adapter, tmp_path / "served", base=tmp_path / "base")
    model = getattr(transformers, kind).from_pretrained(
        str(tmp_path / "served"), trust_remote_code=True
    )

    def output(of: nn.Module) -> torch.Tensor:
        options = {"decoder_input_ids": TOKENS} if kind == "AutoModelForSeq2SeqLM" else {}
        with torch.no_grad():
            found: torch.Tensor = of(input_ids=TOKENS, **options)[0]
        return found

    plain = output(expected)
    qcompile.attach(expected, adapter)
    assert type(model) is type(expected)
    assert torch.equal(output(model), output(expected)) and not torch.equal(output(model), plain)
    # Another head than the base's is none of its kinds.
    other: Any = transformers.AutoModelForQuestionAnswering
    with pytest.raises(OSError, match="no file named"):
        other.from_pretrained(str(tmp_path / "served"), trust_remote_code=True)


@pytest.mark.parametrize("inside", [False, True])
def test_the_folder_is_the_model_with_the_adapter(base: Path, tmp_path: Path, inside: bool) -> None:
    expected = llama()
    adapter = adapter_for(expected)
    folder = tmp_path / "served"
    if inside:
        folder.mkdir()
        base = base.rename(folder / "base")
    write_served(adapter, folder, base=base)
    if inside:
        folder = folder.rename(tmp_path / "moved")
    model = loaded(folder)
    qcompile.attach(expected, adapter)
    plain = logits(llama())
    assert torch.equal(logits(model), logits(expected)) and not torch.equal(logits(model), plain)
    assert torch.equal(generated(model), generated(expected))
    assert not model.training and type(model) is type(expected)
    (again,) = qcompile.attached(model)
    assert same(again.state_dict(), adapter.state_dict())
    # A second time, from what was loaded; the class of transformers stays as it is.
    write_served(again, tmp_path / "second", base=folder / "base" if inside else base)
    assert torch.equal(logits(loaded(tmp_path / "second")), logits(expected))
    assert not hasattr(model.config, "auto_map") and not hasattr(model.config, "qcompile_base")


def test_options_are_those_of_the_base(base: Path, tmp_path: Path) -> None:
    write_served(adapter_for(llama()), tmp_path / "served", base=base)
    other = base.rename(tmp_path / "other")
    model, info = loaded(
        tmp_path / "served",
        qcompile_base=str(other),
        dtype=torch.bfloat16,
        use_cache=False,
        output_loading_info=True,
    )
    assert model.model.embed_tokens.weight.dtype == torch.bfloat16
    assert model.config.use_cache is False and not info["missing_keys"]


def test_nothing_runs_and_nothing_loads_without_consent(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    write_served(adapter_for(llama()), folder, base=base)
    ran = tmp_path / "ran"
    code = folder / "qcompile_model.py"
    code.write_text(f"open({str(ran)!r}, 'w').close()\n{code.read_text()}")
    kind: Any = AutoModelForCausalLM
    for options in ({}, {"trust_remote_code": False}):
        with pytest.raises(OSError, match="no file named"):
            kind.from_pretrained(str(folder), **options)
    assert not ran.exists()
    loaded(folder)
    assert ran.exists()


def test_bases_that_are_gone_or_others_are_messages(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    write_served(adapter_for(llama()), folder, base=base)
    wider: Any = llama(head_dim=16)
    wider.save_pretrained(str(tmp_path / "wider"))
    for name in ("nowhere", "wider"):
        with pytest.raises(QCompileError, match=f"QA7306.*{name}"):
            loaded(folder, qcompile_base=str(tmp_path / name))
    state = llama().state_dict()
    del state["model.norm.weight"]
    model: Any = llama()
    model.save_pretrained(str(tmp_path / "lacks"), state_dict=state)
    with pytest.raises(QCompileError, match=r"QA7306.*lack model\.norm\.weight"):
        loaded(folder, qcompile_base=str(tmp_path / "lacks"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "qcompile_base": 3}))
    with pytest.raises(QCompileError, match="QA7306"):
        loaded(folder)
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["Nonsense"]}))
    with pytest.raises(QCompileError, match=r"QA7306.*no model Nonsense"):
        loaded(folder)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "adapter.safetensors").unlink()
    with pytest.raises(QCompileError, match="QA5001"):
        loaded(folder)


def test_a_damaged_adapter_is_refused_as_ever(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "served"
    write_served(adapter_for(llama()), folder, base=base)
    file = folder / "adapter.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(QCompileError, match="QA5008"):
        loaded(folder)


def test_what_cannot_be_served_is_not_written(base: Path, tmp_path: Path) -> None:
    adapter = adapter_for(llama())
    adapter.save(tmp_path / "a.pt")
    out = tmp_path / "served"

    def fails(code: str, model: Path, folder: Path = out) -> None:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(QCompileError, match=code):
            write_served(adapter, folder, base=model)
        assert sorted(tmp_path.rglob("*")) == before

    bare: Any = llama().config
    bare.save_pretrained(str(tmp_path / "bare"))
    fails("QA7305.*no weights", tmp_path / "bare")
    fails("QA7305.*folder to write", base, base)
    fails("QA7001", tmp_path / "nowhere")
    named: Any = json.loads((base / "config.json").read_text())
    named["architectures"] = ["Nonsense"]
    (tmp_path / "named").mkdir()
    (tmp_path / "named" / "config.json").write_text(json.dumps(named))
    (tmp_path / "named" / "model.safetensors").write_bytes(b"")
    fails("QA7305.*no auto class of transformers gives Nonsense", tmp_path / "named")
    other: Any = llama(head_dim=16)
    other.save_pretrained(str(tmp_path / "other"))
    fails("QA600", tmp_path / "other")
    masked: Any = bert()
    masked.save_pretrained(str(tmp_path / "bert"))
    fails("QA600", tmp_path / "bert")
    adapter.save(f"{tmp_path}/peft/")
    fails("QA0014.*adapter_config", base, tmp_path / "peft")
    fails("QA0014.*model.safetensors", base, tmp_path / "bert")
    write_served(adapter, out, base=base)
    fails("QA7305.*such a folder", out, tmp_path / "more")


def test_the_command_does_the_same(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = llama()
    adapter_for(expected).save(tmp_path / "a.pt")
    (base / "tokenizer.json").write_text("{}")
    command = ["convert", f"{tmp_path}/a.pt", f"{tmp_path}/served", "--to", "transformers"]
    assert main(command) == 2 and "`--base` needs a value" in capsys.readouterr().err
    assert main([*command, "--base", str(base), "--rank", "2"]) == 2
    assert not (tmp_path / "served").exists()
    assert main([*command, "--base", str(base)]) == 0
    assert "trust_remote_code" in capsys.readouterr().err
    assert (tmp_path / "served" / "tokenizer.json").read_text() == "{}"
    qcompile.attach(expected, tmp_path / "a.pt")
    assert torch.equal(logits(loaded(tmp_path / "served")), logits(expected))


def test_a_head_that_peft_trained_is_served(base: Path, tmp_path: Path) -> None:
    """The base is a language model, as on a hub; the head of three labels is peft's to save."""
    auto: Any = transformers.AutoModelForSequenceClassification
    torch.manual_seed(4)
    config = QCompileConfig(spec=LOW, task_type="SEQ_CLS")
    expected: Any = get_peft_model(auto.from_pretrained(str(base), num_labels=3), config).eval()
    with torch.no_grad():
        for parameter in expected.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape))
    expected.save_pretrained(str(tmp_path / "peft"))
    folder = f"{tmp_path}/served"
    call = ["convert", f"{tmp_path}/peft", folder, "--to=transformers", "--base", str(base), "-q"]
    assert main(call) == 0
    model = auto.from_pretrained(folder, trust_remote_code=True)
    assert model.config.num_labels == 3 and not hasattr(model.config, "qcompile_modules")
    with torch.no_grad():
        assert torch.equal(model(input_ids=TOKENS).logits, expected(input_ids=TOKENS).logits)
    # Where a file of modules cannot go along, nothing is left out in silence.
    with pytest.raises(QCompileError, match=r"QA5009.*score\.weight"):
        qcompile.load(tmp_path / "peft")
    adapter, modules = load_with_modules(tmp_path / "peft")
    (name,) = modules
    for wrong in ({name: modules[name].T}, {"scores.weight": modules[name]}):
        with pytest.raises(QCompileError, match=f"QA7305.*{next(iter(wrong))}"):
            write_served(adapter, tmp_path / "other", base=base, modules=wrong, task="SEQ_CLS")
    (Path(folder) / "modules.safetensors").unlink()
    with pytest.raises(QCompileError, match=r"QA7306.*modules\.safetensors"):
        auto.from_pretrained(folder, trust_remote_code=True)
