"""Quantum-PEFT, arXiv:2503.05431: exact counts, zero at the start, merged, trained, saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

import qcompile
from qcompile.adapter import CompiledAdapter
from qcompile.adapter.lora import lora_of
from qcompile.cli import main
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from tests.adapter.models import llama, trained
from tests.unitary.matrices import compiled, text

EXAMPLE = Path(__file__).parents[2] / "examples" / "quantum_peft.qa"

ANGLES = {(8, 1): 7, (16, 2): 16, (32, 3): 29, (1024, 1): 28, (4096, 1): 34, (4096, 3): 78}
"""(N, L) → angles of one matrix, as published."""


def source(*changes: tuple[str, str]) -> Source:
    written = EXAMPLE.read_text("utf-8")
    for old, new in changes:
        assert old in written
        written = written.replace(old, new)
    return Source(str(EXAMPLE), written)


def square(width: int, outputs: int | None = None) -> Source:
    shape = f"shape {width} -> {outputs or width}"
    return source(('attach "*.self_attn.{q,v}_proj"', shape))


def adapter_of(model: torch.nn.Module) -> CompiledAdapter:
    return qcompile.compile(EXAMPLE, model=model, parameters={"layers": 2})


@pytest.mark.parametrize(("width", "layers"), ANGLES)
def test_angles_of_one_matrix(width: int, layers: int) -> None:
    update = f"unitary(x, to: out_features) {{ two_design(depth: {layers}) }}"
    (program,) = compiled(text(update, width, width), level=0).lowered.programs
    (angles,) = program.tensors
    assert angles.shape == (ANGLES[width, layers],)
    qubits = width.bit_length() - 1
    assert ANGLES[width, layers] == (2 * layers + 1) * qubits - 2 * layers


def test_report_of_a_square_layer_of_4096(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "square.qa"
    path.write_text(square(4096).text, "utf-8")
    assert main(["report", str(path), "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["parameters"] == 72 == 34 + 34 + 4
    (module,) = record["modules"]
    assert module["linear"]
    for unitary in module["unitaries"]:
        assert unitary == {
            "size": 4096,
            "qubits": 12,
            "circuits": 1,
            "gates": 34 + 11,
            "two_qubit_gates": 11,
            "depth": 5,
            "parameters": 34,
            "columns": 4,
        }
    assert len(module["unitaries"]) == 2


def test_two_circuits_where_the_width_is_no_power_of_two() -> None:
    found = compile_source(square(768, 100), Options())
    sizes = {tensor.name: tensor.size for tensor in found.planned.plans[0].tensors}
    # 9 and 6 qubits: 3 n - 2 angles, twice.
    assert sizes == {"scale": 4, "v.angles": 50, "update.angles": 32}


def test_update_is_u_lambda_v_transposed() -> None:
    """By hand: U and V from their own adapters with the same angles."""
    found = compile_source(square(12, 20), Options())
    ((_, part),) = trained(CompiledAdapter(found.manifest)).parts()
    weight = np.asarray(part.merge_weight())
    values = {name: np.asarray(p.detach(), np.float64) for name, p in part.named_parameters()}
    factors = []
    for width, name in ((20, "update.angles"), (12, "v.angles")):
        update = "unitary(x, to: out_features) { two_design(depth: 1) }"
        alone = CompiledAdapter(compiled(text(update, width, width)).manifest)
        ((_, single),) = alone.parts()
        with torch.no_grad():
            single.get_parameter("update.angles").copy_(torch.from_numpy(values[name]))
        factors.append(np.asarray(single.merge_weight())[:, :4])
    u, v = factors
    np.testing.assert_allclose(weight, u @ np.diag(values["scale"]) @ v.T, atol=1e-12)
    np.testing.assert_allclose(
        np.linalg.svd(weight, compute_uv=False)[:4], np.sort(np.abs(values["scale"]))[::-1]
    )


@pytest.mark.parametrize("level", range(4))
def test_zero_at_the_start_bit_for_bit(level: int) -> None:
    found = compile_source(square(48, 20), Options(optimisation=level))
    ((_, part),) = CompiledAdapter(found.manifest).parts()
    x = torch.randn(7, 48, generator=torch.Generator().manual_seed(0))
    assert torch.equal(part(x), torch.zeros(7, 20))
    assert torch.count_nonzero(part.merge_weight()) == 0


def test_merged_model_equals_attached_model() -> None:
    model = llama().double()
    ids = torch.arange(12).reshape(2, 6)
    adapter = trained(adapter_of(model)).double()
    qcompile.attach(model, adapter)
    expected = model(input_ids=ids).logits
    qcompile.merge(model)
    torch.testing.assert_close(model(input_ids=ids).logits, expected, rtol=0, atol=1e-12)


def test_plain_lora_of_its_rank_keeps_everything() -> None:
    adapter = trained(adapter_of(llama()))
    lora = lora_of(adapter, 4)
    assert lora.energy == pytest.approx(1.0, abs=1e-12)
    for site, part in adapter.parts():
        a, b = lora.factors[site.module]
        weight = part.merge_weight()
        torch.testing.assert_close((b @ a).double(), weight, rtol=0, atol=1e-6)


def test_pruning_refuses_it_with_a_reason() -> None:
    with pytest.raises(AdapterError, match="QA6101"):
        qcompile.prune(adapter_of(llama()))


def test_trains_saves_and_loads_exactly(tmp_path: Path) -> None:
    model = llama()
    ids = torch.randint(0, 64, (4, 12), generator=torch.Generator().manual_seed(3))
    adapter = adapter_of(model)
    qcompile.attach(model, adapter)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.05)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    for _, part in adapter.parts():
        assert all(parameter.grad is not None for parameter in part.parameters())
        assert torch.count_nonzero(part.get_parameter("scale")) == 4
    expected = model(input_ids=ids).logits
    adapter.save(tmp_path / "adapter.pt")
    other = llama()
    qcompile.attach(other, tmp_path / "adapter.pt")
    assert torch.equal(other(input_ids=ids).logits, expected)


def test_attached_model_is_traced_whole() -> None:
    model = llama()
    qcompile.attach(model, trained(adapter_of(model)))
    ids = torch.arange(12).reshape(2, 6)
    expected = model(input_ids=ids).logits
    found = torch.compile(model, backend="eager", fullgraph=True)(input_ids=ids).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_conv1d_of_gpt2_takes_it() -> None:
    """Widths 32 → 96, of which the larger is no power of two."""
    config = transformers.GPT2Config(
        vocab_size=64,
        n_embd=32,
        n_layer=1,
        n_head=4,
        n_positions=64,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    text_ = source(("*.self_attn.{q,v}_proj", "*.c_attn")).text
    qcompile.attach(model, qcompile.compile(text_, model=model))
    (adapter,) = qcompile.attached(model)
    ((_, part),) = adapter.parts()
    sizes = {name: p.numel() for name, p in part.named_parameters()}
    assert sizes == {"scale": 4, "v.angles": 13, "update.angles": 32}
