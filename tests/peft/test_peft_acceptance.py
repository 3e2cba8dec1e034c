"""What peft asks of its own methods, of every adapter: one table, one list of tests."""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModel, AutoPeftModelForCausalLM, PeftModel, get_peft_model
from safetensors.torch import load_file

from qcompile.artifact.manifest import Manifest
from qcompile.cli import main
from qcompile.diagnostics.errors import AdapterError
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.peft import QCompileConfig, load, to_lora
from qcompile.peft.parts import PartsHolder
from tests.adapter.models import checkpoint_activations, same, snapshot
from tests.peft.models import IDS, base, logits, loss, train, trainable
from tests.peft.table import KINDS, ROWS, Row

# peft asks transformers under a name that transformers 6 will drop.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def holder(plan: Plan) -> str:
    """What stands between the module and its parts in the keys of saved tensors."""
    if plan.mode == "prefix":
        return ".attention_prefix"
    return "" if plan.host == "linear" else ".beside_output"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A row after a short training: what was measured, and a folder to load it from."""

    row: Row
    plan: str
    folder: str
    before: torch.Tensor
    """Outputs of the base."""
    untrained: torch.Tensor
    after: torch.Tensor
    frozen: dict[str, torch.Tensor]
    """All tensors of the base model before anything was done."""
    start: dict[str, torch.Tensor]
    trained: dict[str, torch.Tensor]
    model: Any
    """Trained; tests that change a model load their own."""

    def config(self, **settings: Any) -> QCompileConfig:
        """The adapter anew; its plan is the same, so that nothing is compiled twice."""
        plan = None if "seed" in settings else self.plan
        return QCompileConfig(
            spec=self.row.spec, parameters=self.row.parameters, plan=plan, **settings
        )

    def fresh(self, **settings: Any) -> Any:
        """An untrained adapter on the base."""
        return get_peft_model(base(self.row.model), self.config(**settings))

    def loaded(self, **settings: Any) -> Any:
        """The trained adapter from its folder."""
        return load(base(self.row.model), self.folder, **settings)

    @property
    def learning(self) -> set[str]:
        """The keys of the tensors that are trained: all but the frozen ones."""
        planned = self.manifest().planned
        still = {
            f".{site.module}{holder(planned.plans[site.unit])}.qcompile_core.default"
            f".{site.adapter}.{tensor.name}"
            for site in planned.sites
            for tensor in planned.plans[site.unit].tensors
            if tensor.frozen
        }
        return {key for key in self.start if not any(map(key.endswith, still))}

    def manifest(self) -> Manifest:
        manifest = self.config().manifest()
        assert manifest is not None
        return manifest


def trained(row: Row, folder: str) -> Subject:
    bare = base(row.model)
    before, frozen = logits(bare), snapshot(bare)
    model: Any = get_peft_model(bare, QCompileConfig(spec=row.spec, parameters=row.parameters))
    untrained, start = logits(model), snapshot_of(model)
    train(model)
    model.save_pretrained(folder)
    return Subject(
        row=row,
        plan=model.peft_config["default"].plan,
        folder=folder,
        before=before,
        untrained=untrained,
        after=logits(model),
        frozen=frozen,
        start=start,
        trained=snapshot_of(model),
        model=model,
    )


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Subject]:
    """The subject of a row; each is trained once."""

    @cache
    def subject_of(name: str) -> Subject:
        return trained(ROWS[name], str(tmp_path_factory.mktemp("saved")))

    return subject_of


def params(names: Iterable[str]) -> list[Any]:
    return [pytest.param(n, marks=[pytest.mark.slow] if ROWS[n].slow else []) for n in names]


@pytest.fixture(scope="module", params=params(ROWS))
def subject(request: pytest.FixtureRequest, subjects: Callable[[str], Subject]) -> Subject:
    return subjects(request.param)


one_of_each_kind = pytest.mark.parametrize(
    "subject", params(KINDS.values()), indirect=True, scope="module"
)
"""For what no formula of an adapter has a part in."""


def merges(plan: Plan) -> bool:
    return plan.merges and plan.mode != "prefix"


def kind_of(subject: Subject) -> str:
    """All that peft's code and the holders of parts can see of a plan."""
    planned = subject.manifest().planned
    plans = planned.plans
    tensors = [tensor for plan in plans for tensor in plan.tensors]
    nodes = [node for plan in plans for node in plan.nodes]
    seen = {
        "output": any(plan.uses_output for plan in plans),
        "base": any(plan.uses_base for plan in plans),
        "frozen": any(tensor.frozen for tensor in tensors),
        "shared": any(tensor.share is not None for tensor in tensors),
        "merged": all(merges(plan) for plan in plans),
        "circuits": any(isinstance(node, EvaluationNode) for node in nodes),
        "several": len({site.adapter for site in planned.sites}) > 1,
    }
    modes = "+".join(sorted({plan.mode for plan in plans}))
    hosts = "+".join(sorted({plan.host for plan in plans}))
    return " ".join([subject.row.model, modes, hosts, *(word for word in seen if seen[word])])


def test_one_row_of_its_kind_has_all_tests(subject: Subject) -> None:
    assert kind_of(subject) in KINDS


@one_of_each_kind
def test_a_row_is_of_the_kind_that_it_stands_for(subject: Subject) -> None:
    assert ROWS[KINDS[kind_of(subject)]] == subject.row


def snapshot_of(model: Any, adapter: str = "default") -> dict[str, torch.Tensor]:
    return {k: v for k, v in snapshot(model).items() if f".qcompile_core.{adapter}." in k}


def test_only_the_adapter_is_trained_and_all_of_it(subject: Subject) -> None:
    assert torch.equal(subject.untrained, subject.before) is subject.row.starts_at_zero
    assert not torch.equal(subject.after, subject.untrained)
    assert torch.isfinite(subject.after).all()
    names = set(trainable(subject.model))
    own = {k for k in subject.model.state_dict() if ".qcompile_core." in k}
    assert own == set(subject.start) == set(subject.trained)
    assert names == subject.learning
    moved = {k for k, v in subject.start.items() if not torch.equal(v, subject.trained[k])}
    assert moved == names
    still = {
        k.removeprefix("base_model.model.").replace(".base_layer.", "."): v
        for k, v in snapshot(subject.model).items()
        if k not in own
    }
    assert same(still, subject.frozen)


def test_bases_of_bfloat16_are_trained(subject: Subject) -> None:
    check_precision(subject, torch.bfloat16)


@one_of_each_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_bases_of_other_precisions_are_trained(subject: Subject, dtype: torch.dtype) -> None:
    check_precision(subject, dtype)


def check_precision(subject: Subject, dtype: torch.dtype) -> None:
    model = load(base(subject.row.model).to(dtype), subject.folder, trainable=True)
    assert same(snapshot_of(model), subject.trained)
    assert logits(model).dtype == dtype
    torch.testing.assert_close(logits(model).float(), subject.after, rtol=0.1, atol=0.1)
    check_gradients(model, nullcontext())


@one_of_each_kind
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_autocast_trains(subject: Subject, dtype: torch.dtype) -> None:
    check_gradients(subject.loaded(trainable=True), torch.autocast("cpu", dtype=dtype))


def check_gradients(model: Any, context: AbstractContextManager[Any]) -> None:
    with context:
        value = loss(model)
    value.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(value)
    for parameter in trainable(model).values():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
        assert parameter.grad.dtype == parameter.dtype


def test_disabled_is_the_base(subject: Subject) -> None:
    with subject.model.disable_adapter():
        assert torch.equal(logits(subject.model), subject.before)
    assert torch.equal(logits(subject.model), subject.after)


def test_saved_is_loaded_exactly(subject: Subject) -> None:
    stored = load_file(f"{subject.folder}/adapter_model.safetensors")
    planned = subject.manifest().planned
    assert set(stored) == {
        f"base_model.model.{site.module}{holder(planned.plans[site.unit])}.qcompile_core"
        f".{site.adapter}.{tensor.name}"
        for site in planned.sites
        for tensor in planned.plans[site.unit].tensors
    }
    assert same(
        dict(sorted(stored.items())),
        {k.replace(".default.", ".", 1): v for k, v in sorted(subject.trained.items())},
    )
    # The file of the spec is not needed again, and nothing is compiled.
    record = json.loads(Path(subject.folder, "adapter_config.json").read_text())
    assert "adapter " in record["spec"] and record["plan"] == subject.plan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qcompile.peft.freeze.compile_source", None)
        patch.setattr("qcompile.peft.config.read_source", None)
        for low in (False, True):
            model = PeftModel.from_pretrained(
                base(subject.row.model), subject.folder, low_cpu_mem_usage=low
            )
            assert same(snapshot_of(model), subject.trained)
            assert torch.equal(logits(model), subject.after)
            assert not trainable(model)
        model = subject.loaded(trainable=True)
        assert set(trainable(model)) == subject.learning


@one_of_each_kind
def test_the_folder_alone_finds_its_base(subject: Subject, tmp_path: Path) -> None:
    model = subject.loaded()
    base(subject.row.model).save_pretrained(tmp_path / "base")
    auto = AutoPeftModelForCausalLM if subject.row.model == "llama" else AutoPeftModel
    model.peft_config["default"].base_model_name_or_path = str(tmp_path / "base")
    model.save_pretrained(str(tmp_path / "adapter"))
    again = auto.from_pretrained(str(tmp_path / "adapter"))
    assert torch.equal(logits(again), subject.after)


def test_merging_is_exact_or_refused(subject: Subject) -> None:
    model = subject.loaded()
    weights = snapshot(model)
    if all(merges(plan) for plan in subject.manifest().planned.plans):
        for _ in range(2):
            model.merge_adapter()
            torch.testing.assert_close(logits(model), subject.after, rtol=1e-4, atol=1e-4)
            once = snapshot(model)
            with pytest.warns(UserWarning, match="already merged"):
                model.merge_adapter()
            assert same(snapshot(model), once)
            model.unmerge_adapter()
            assert same(snapshot(model), weights)
        merged = model.merge_and_unload(safe_merge=True)
        assert type(merged) is type(base(subject.row.model))
        assert snapshot(merged).keys() == subject.frozen.keys()
        torch.testing.assert_close(logits(merged), subject.after, rtol=1e-4, atol=1e-4)
        plans = subject.manifest().planned.plans
        kept = all(p.mode == "add" and p.linear for p in plans)
        if not kept or any(p.uses_output or p.uses_base for p in plans):
            with pytest.raises(AdapterError, match="QA6006"):
                to_lora(subject.model, rank=2)
        else:
            lora = to_lora(subject.model, rank=0.999999)
            assert 0.999999 <= lora.energy <= 1
    else:
        for refused in (
            model.merge_adapter,
            model.merge_and_unload,
            lambda: to_lora(model, rank=2),
        ):
            with pytest.raises(AdapterError, match="QA6006"):
                refused()
        assert same(snapshot(model), weights)
        assert torch.equal(logits(model), subject.after)
        plain = model.unload()
        assert same(snapshot(plain), subject.frozen)
        assert torch.equal(logits(plain), subject.before)


@one_of_each_kind
def test_a_second_adapter_comes_and_goes(subject: Subject) -> None:
    model = subject.loaded()
    model.add_adapter("other", subject.config(seed=5))
    assert torch.equal(logits(model), subject.after)
    model.set_adapter("other")
    other = {key.replace(".default.", ".other.") for key in subject.learning}
    assert set(trainable(model)) == other
    if subject.row.starts_at_zero:
        assert torch.equal(logits(model), subject.before)
    model.load_adapter(subject.folder, adapter_name="third")
    model.set_adapter("third")
    assert torch.equal(logits(model), subject.after)
    model.set_adapter("default")
    assert torch.equal(logits(model), subject.after)
    for name in ("other", "third"):
        model.delete_adapter(name)
    assert torch.equal(logits(model), subject.after)
    assert snapshot(model).keys() == snapshot(subject.model).keys()
    model.delete_adapter("default")
    assert not snapshot_of(model)
    assert torch.equal(logits(model.base_model.model), subject.before)


def test_copies_are_independent_and_equal(subject: Subject) -> None:
    stream = io.BytesIO()
    torch.save(subject.model, stream)
    stream.seek(0)
    copies = [copy.deepcopy(subject.model), torch.load(stream, weights_only=False)]
    for model in copies:
        assert torch.equal(logits(model), subject.after)
        assert set(trainable(model)) == subject.learning
        train(model, steps=1)
        assert not torch.equal(logits(model), subject.after)
    assert torch.equal(logits(subject.model), subject.after)
    config = subject.model.peft_config["default"]
    for again in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config)):
        assert again.to_dict() == config.to_dict()
        assert again.peft_type is config.peft_type


@one_of_each_kind
def test_activation_checkpointing_gives_the_same_gradients(subject: Subject) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = subject.loaded(trainable=True).train()
        model.enable_input_require_grads()
        if checkpointing:
            checkpoint_activations(model.base_model.model)
        loss(model).backward()  # type: ignore[no-untyped-call]
        gradients.append({k: p.grad for k, p in trainable(model).items() if p.grad is not None})
    assert set(gradients[0]) == subject.learning
    assert same(*gradients)


def test_generation_with_and_without_a_cache_is_the_same(subject: Subject) -> None:
    if subject.row.model != "llama":
        pytest.skip("an encoder does not generate")
    length = {"max_new_tokens": 4, "min_new_tokens": 4, "pad_token_id": 0}
    texts = []
    for cached in (False, True):
        torch.manual_seed(0)
        texts.append(
            subject.model.generate(input_ids=IDS, do_sample=False, use_cache=cached, **length)
        )
    assert texts[0].shape == (2, IDS.shape[1] + 4)
    assert torch.equal(*texts)


@one_of_each_kind
def test_other_modules_are_trained_and_saved(subject: Subject, tmp_path: Path) -> None:
    model = subject.fresh(modules_to_save=["lm_head"])
    before = snapshot(model)
    train(model, steps=2)
    changed = {k for k, v in snapshot(model).items() if not torch.equal(v, before[k])}
    assert any(".modules_to_save.default." in k for k in changed)
    assert all(".modules_to_save.default." in k or ".qcompile_core." in k for k in changed)
    model.save_pretrained(str(tmp_path))
    for low in (False, True):
        again = PeftModel.from_pretrained(
            base(subject.row.model), str(tmp_path), low_cpu_mem_usage=low
        )
        assert torch.equal(logits(again), logits(model))
    with model.disable_adapter():
        assert torch.equal(logits(model), subject.before)


def test_the_count_is_that_of_the_report(
    subject: Subject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base(subject.row.model).config.save_pretrained(tmp_path)
    file = tmp_path / "inline.qa"
    file.write_text(subject.row.spec)
    spec = str(file) if "\n" in subject.row.spec else subject.row.spec
    defined = [f"-D{name}={value}" for name, value in subject.row.parameters.items()]
    assert main(["report", spec, *defined, "--model", str(tmp_path), "--format", "json"]) == 0
    expected = json.loads(capsys.readouterr().out)["parameters"]
    assert subject.model.get_nb_trainable_parameters()[0] == expected
    subject.model.print_trainable_parameters()
    assert f"trainable params: {expected:,} " in capsys.readouterr().out


def test_layers_are_where_the_plan_says(subject: Subject) -> None:
    layers = [m for m in subject.model.modules() if isinstance(m, PartsHolder)]
    planned = subject.manifest().planned
    assert {layer.site for layer in layers} == {site.module for site in planned.sites}
    assert sum(len(layer.parts(["default"])) for layer in layers) == len(planned.sites)
