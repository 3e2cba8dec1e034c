"""Saved folders say what they hold: damage is found by every way of loading, or changes nothing."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, get_peft_model

import qcompile
from qcompile.artifact.formats import read_adapter
from qcompile.artifact.peft_folder import CONFIG, WEIGHTS
from qcompile.diagnostics.errors import QCompileError, UsageError
from qcompile.peft import QCompileConfig, load
from tests.adapter.models import llama, logits
from tests.peft.specs import LORA, SHARED

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated")


def trained(spec: str = LORA, **settings: Any) -> Any:
    model = get_peft_model(llama(), QCompileConfig(spec=spec, **settings))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def by_peft(folder: Path) -> None:
    trained().save_pretrained(str(folder))


def by_transformers(folder: Path) -> None:
    model: Any = llama()
    model.add_adapter(QCompileConfig(spec=LORA))
    model.save_pretrained(str(folder))


def by_us(folder: Path) -> None:
    qcompile.compile(LORA, model=llama()).save(f"{folder}/")


WRITERS: dict[str, Callable[[Path], None]] = {
    "peft": by_peft,
    "transformers": by_transformers,
    "qcompile": by_us,
}


def loading(model: Any, folder: str) -> None:
    model.load_adapter(folder)


LOADERS: dict[str, Callable[[str], Any]] = {
    "load": lambda folder: load(llama(), folder),
    "peft": lambda folder: PeftModel.from_pretrained(llama(), folder),
    "transformers": lambda folder: loading(llama(), folder),
    "qcompile": qcompile.load,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, write in WRITERS.items():
        found[name] = tmp_path_factory.mktemp(name)
        write(found[name])
    return found


def flipped(folder: Path, name: str, place: int, copy: Path) -> str:
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    data = bytearray((copy / name).read_bytes())
    data[place] ^= 4
    (copy / name).write_bytes(data)
    return str(copy)


@pytest.mark.parametrize("writer", WRITERS)
def test_saved_folders_state_digests_and_load(folders: dict[str, Path], writer: str) -> None:
    stated = json.loads((folders[writer] / CONFIG).read_text())["digests"]
    assert set(stated) == {"settings", "tensors"}
    for call in LOADERS.values():
        call(str(folders[writer]))


# transformers itself reads the tensors, without asking peft or us.
@pytest.mark.parametrize("loader", sorted(set(LOADERS) - {"transformers"}))
@pytest.mark.parametrize("writer", WRITERS)
def test_a_flipped_bit_of_a_weight_is_found(
    folders: dict[str, Path], writer: str, loader: str, tmp_path: Path
) -> None:
    with pytest.raises(QCompileError, match=r"QA5008.*adapter_model.*state"):
        LOADERS[loader](flipped(folders[writer], WEIGHTS, -3, tmp_path))


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("word", ['\\"tokens\\":', "adapter lora"])
def test_a_flipped_bit_of_the_plan_is_found(
    folders: dict[str, Path], loader: str, word: str, tmp_path: Path
) -> None:
    text = (folders["qcompile"] / CONFIG).read_text()
    place = text.index(word) + len(word) - 4
    with pytest.raises(QCompileError, match=r"QA5008|QA5007"):
        LOADERS[loader](flipped(folders["qcompile"], CONFIG, place, tmp_path))


def test_every_flipped_bit_is_found_or_harmless(folders: dict[str, Path], tmp_path: Path) -> None:
    """Every 97th byte of both files; what still loads is the same adapter."""
    folder = folders["qcompile"]
    manifest, state = read_adapter(folder)
    found = 0
    for name in (CONFIG, WEIGHTS):
        for place in range(0, (folder / name).stat().st_size, 97):
            try:
                again, tensors = read_adapter(flipped(folder, name, place, tmp_path))
            except QCompileError:
                found += 1
                (tmp_path / name).write_bytes((folder / name).read_bytes())
                continue
            finally:
                (tmp_path / name).write_bytes((folder / name).read_bytes())
            assert again == manifest
            assert all(torch.equal(state[key], tensors[key]) for key in state)
    assert found > 50


def test_folders_without_digests_are_read(folders: dict[str, Path], tmp_path: Path) -> None:
    """As version 0.1 wrote them."""
    shutil.copytree(folders["peft"], tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / CONFIG).read_text())
    del config["digests"]
    (tmp_path / CONFIG).write_text(json.dumps(config))
    for call in LOADERS.values():
        call(str(tmp_path))


@pytest.mark.parametrize("digests", [3, ["a"], {"settings": 1}, {}, {"settings": "00"}])
def test_malformed_digests_are_refused(
    folders: dict[str, Path], digests: object, tmp_path: Path
) -> None:
    shutil.copytree(folders["peft"], tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, "digests": digests}))
    for call in LOADERS.values():
        with pytest.raises(QCompileError, match=r"QA500[78]"):
            call(str(tmp_path))


def test_what_is_loaded_and_trained_on_is_saved_with_new_digests(tmp_path: Path) -> None:
    trained(SHARED, modules_to_save=["lm_head"]).save_pretrained(str(tmp_path / "a"))
    model = load(llama(), tmp_path / "a", trainable=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    before = logits(model)
    # Over the old folder, and by the configuration's own method, which knows no tensors.
    model.save_pretrained(str(tmp_path / "a"))

    def again() -> torch.Tensor:
        base = llama()
        with torch.no_grad():
            for parameter in base.parameters():
                parameter.mul_(1.5)
        return logits(load(base, tmp_path / "a"))

    assert torch.equal(again(), before)
    model.peft_config["default"].save_pretrained(str(tmp_path / "a"))
    assert set(json.loads((tmp_path / "a" / CONFIG).read_text())["digests"]) == {"settings"}
    assert torch.equal(again(), before)


def test_files_of_the_user_stay_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    adapter = qcompile.compile(LORA, model=llama())
    adapter.save(f"{tmp_path}/")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md", CONFIG, WEIGHTS,
    ]  # fmt: skip


@pytest.mark.parametrize("failing", [WEIGHTS, CONFIG])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_folder_is_written_as_a_whole(
    failing: str, call: str, folders: dict[str, Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "old"
    shutil.copytree(folders["peft"], folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    number = {WEIGHTS: 1, CONFIG: 2}[failing]
    own = getattr(os, call)
    calls: list[object] = []

    def fail(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        return own(*arguments)

    adapter = qcompile.compile(LORA, model=llama())
    for place in (folder, tmp_path / "new"):
        calls.clear()
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(UsageError, match=r"QA0014.*No space left"):
                adapter.save(f"{place}/")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not (tmp_path / "new").exists()
    adapter.save(f"{folder}/")
    assert read_adapter(folder)[0] == adapter.manifest


@pytest.mark.timeout(60)
def test_pipes_in_the_place_of_files_are_not_waited_for(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    for name in (WEIGHTS, CONFIG):
        shutil.copytree(folders["peft"], tmp_path / name)
        (tmp_path / name / name).unlink()
        os.mkfifo(tmp_path / name / name)
        for loader in ("load", "qcompile"):
            with pytest.raises(QCompileError, match=r"QA5002.*no regular file"):
                LOADERS[loader](str(tmp_path / name))


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_peft_cannot_write_whole_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """As where the disk is full after the tensors are written."""
    folder = tmp_path / "made" / "a"
    if there:
        by_peft(folder)
        (folder / "notes.txt").write_text("mine", "utf-8")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    model = trained(SHARED)
    model.add_adapter("second", QCompileConfig(spec=LORA))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("qcompile.peft.config.complete_card", full)
        with pytest.raises(UsageError, match=r"QA0014[\s\S]*No space"):
            model.save_pretrained(str(folder))
    assert {f: f.read_bytes() for f in tmp_path.rglob("*") if f.is_file()} == before
    assert there or not list(tmp_path.iterdir())
    model.save_pretrained(folder)
    assert (folder / "notes.txt").exists() == there
    assert {f.name for f in folder.iterdir()} - {"notes.txt"} == {
        CONFIG,
        WEIGHTS,
        "README.md",
        "second",
    }
    load(llama(), str(folder))
    assert (folder / "second" / WEIGHTS).exists()


def test_the_card_of_a_folder_is_gone_on_with(tmp_path: Path) -> None:
    by_peft(tmp_path)
    card = tmp_path / "README.md"
    card.write_text(card.read_text("utf-8") + "\nOur own words.\n", "utf-8")
    by_peft(tmp_path)
    assert "Our own words." in card.read_text("utf-8")
