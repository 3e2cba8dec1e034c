"""Every example compiles with the bare command, starts where it says, and trains alone."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

import qcompile
from qcompile.adapter.compiled import CompiledAdapter
from qcompile.cli import main
from qcompile.ir.hosts import EMBEDDING_HOST

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.qa"))
NAMES = {"lora", "qtha", "qaa", "mpo", "hybrid", "noisy_target"}

NOT_ZERO = {
    "hra": "equal reflections cancel up to rounding",
    "hra_orthogonal": "it reflects from the start",
    "qpa": "generated weights that are all zero would have no gradient",
    "corda": "the base less the start is the base up to rounding",
    "lora_ga": "the base less the start is the base up to rounding",
    "loftq": "it starts where the original model is, not its quantised base",
    "vblora": "the bank of vectors is small, not zero",
    "prefix_tuning": "a prefix takes a share of the attention, whatever it holds",
    "prefix_mlp": "a prefix takes a share of the attention, whatever it holds",
}
"""Examples whose untrained adapter changes the model, and why."""

FROM_DATA = r"init: (activation|covariance|gradient|residual)_"

pytestmark = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the compiled examples are."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture
def compiled(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """adapter.pt as the bare command makes it in the current folder, once for all tests."""
    found = folder / f"{path.stem}.pt"
    if not found.exists():
        monkeypatch.chdir(folder)
        assert main([str(path)]) == 0
    return found


def base(path: Path) -> torch.nn.Module:
    """The model that the file names, with random weights."""
    torch.manual_seed(0)
    name = re.findall(r'^model "(.*)"$', path.read_text("utf-8"), re.M)[0]
    config = AutoConfig.from_pretrained(EXAMPLES / name)
    masked = config.model_type == "roberta"
    model: torch.nn.Module = (AutoModelForMaskedLM if masked else AutoModelForCausalLM).from_config(
        config
    )
    return model


def started(compiled: Path, model: torch.nn.Module) -> CompiledAdapter:
    """The adapter, with data for what starts from data."""
    adapter = qcompile.load(compiled)
    if re.search(FROM_DATA, adapter.manifest.sources[0].text):
        ids = torch.arange(20).reshape(2, 10)
        original = copy.deepcopy(model)
        with torch.no_grad():
            for parameter in original.parameters():
                parameter.mul_(1.01)
        qcompile.calibrate(model, adapter, [{"input_ids": ids, "labels": ids}], original=original)
    return adapter


def test_sources_are_clean_and_canonical(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {file.stem for file in FILES} >= NAMES
    assert main(["check", str(path)]) == 0
    assert "error[" not in capsys.readouterr().err
    assert main(["fmt", "--check", str(path)]) == 0
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("# ") and "arXiv:" in first, "the first line names the paper"


def test_untrained_adapter_changes_nothing(path: Path, compiled: Path) -> None:
    if path.stem in NOT_ZERO:
        pytest.skip(NOT_ZERO[path.stem])
    model = base(path).eval()
    ids = torch.arange(24).reshape(2, 12)
    with torch.no_grad():
        before = model(input_ids=ids).logits
        qcompile.attach(model, started(compiled, model))
        after = model(input_ids=ids).logits
    assert torch.equal(before, after)
    (adapter,) = qcompile.attached(model)
    for site, part in adapter.parts():
        frozen = torch.nn.Linear(part.plan.in_features, part.plan.out_features)
        x = torch.randn(3, part.plan.in_features)
        y = frozen(x).detach()
        if part.plan.host == EMBEDDING_HOST:
            x = torch.arange(3)
        start = y if part.plan.mode == "replace" else torch.zeros_like(y)
        assert torch.equal(part(x, y, frozen), start), site.module


def test_training_changes_the_adapter_alone(path: Path, compiled: Path) -> None:
    model = base(path)
    qcompile.attach(model, started(compiled, model))
    (adapter,) = qcompile.attached(model)
    tensors = dict(adapter.named_parameters())
    for site, part in adapter.parts():
        for tensor in part.plan.tensors:
            if tensor.frozen:
                tensors.pop(f"{site.module}.{site.adapter}.{tensor.name}", None)
    own = {id(parameter) for parameter in tensors.values()}
    frozen = {
        name: value.detach().clone()
        for name, value in model.named_parameters()
        if id(value) not in own
    }
    start = {name: parameter.detach().clone() for name, parameter in tensors.items()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert {id(parameter) for parameter in trained} == own and frozen
    # Behind a map that is zero gradients are small at first; Adam does not mind.
    optimiser = torch.optim.Adam(trained, lr=0.01, eps=1e-30)
    ids = torch.arange(16).reshape(2, 8)
    for _ in range(2):  # maps before a zero one move from the second step on
        optimiser.zero_grad()
        loss = model(input_ids=ids, labels=ids).loss
        assert torch.isfinite(loss)
        loss.backward()
        optimiser.step()
    for name, value in model.named_parameters():
        if id(value) not in own:
            assert torch.equal(value, frozen[name]), name
    unmoved = [name for name, now in tensors.items() if torch.equal(now, start[name])]
    assert not unmoved


def test_loading_is_exact(compiled: Path, tmp_path: Path) -> None:
    adapter = qcompile.load(compiled)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn_like(parameter))
    adapter.save(tmp_path / "again.pt")
    again = qcompile.load(tmp_path / "again.pt").state_dict()
    assert again.keys() == adapter.state_dict().keys()
    for name, value in adapter.state_dict().items():
        assert torch.equal(value, again[name]), name
