"""Whatever a file holds, reading it gives a diagnostic or the adapter, and executes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import pickletools
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qcompile.artifact import archive as archive_module
from qcompile.artifact import check as check_module
from qcompile.artifact.archive import Records
from qcompile.artifact.digest import state_digest
from qcompile.artifact.formats import read_adapter
from qcompile.artifact.index import MOST_OPERANDS, STEPS, STEPS_PER_TENSOR
from qcompile.artifact.read import read_artifact
from qcompile.artifact.safetensors_file import safetensors_bytes
from qcompile.diagnostics.errors import ArtifactError
from tests.artifact.hand_made import archive, good_bytes, manifest, records, state, with_index

GOOD = good_bytes()
SAVED = state()


def codes(path: Path, data: bytes) -> tuple[str, ...]:
    path.write_bytes(data)
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path)
    assert str(caught.value)
    return tuple(diagnostic.code for diagnostic in caught.value.diagnostics)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "adapter.pt"


def test_good_file_is_read_exactly(path: Path) -> None:
    path.write_bytes(GOOD)
    found, tensors = read_artifact(path)
    assert found == manifest()
    assert list(tensors) == list(SAVED)
    assert all(torch.equal(tensors[name], SAVED[name]) for name in SAVED)


class Canary:
    """Unpickling it leaves a file behind."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, (f"touch {self.target}",)


def programs(target: str) -> dict[str, bytes]:
    """Pickles that run a shell command, each by other instructions."""
    touch = f"touch {target}".encode()
    short = bytes([len(touch)]) + touch
    return {
        "reduce": b"cos\nsystem\n(X" + len(touch).to_bytes(4, "little") + touch + b"tR.",
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + short + b"\x85R.",
        "stack global by memo": (
            b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94"
            b"\x8c\x0btorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94"
            b"0000h\x01h\x00\x93\x8c" + short + b"\x85R."
        ),
        "stack global swapped": (
            b"\x80\x04\x8c\x02os\x940\x8c\x06system\x94"
            b"0h\x00h\x01\x8c\x0btorch._utils0\x8c\x12_rebuild_tensor_v20\x93\x8c"
            + short
            + b"\x85R."
        ),
        "inst": b"(S'touch " + target.encode() + b"'\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nX" + len(touch).to_bytes(4, "little") + touch + b"o.",
        "newobj": b"\x80\x02cos\nsystem\nX"
        + len(touch).to_bytes(4, "little")
        + touch
        + b"\x85\x81.",
        "build": (
            b"\x80\x02ccollections\nOrderedDict\n)R}X\x0c\x00\x00\x00__setstate__cos\nsystem\n"
            b"sbX" + len(touch).to_bytes(4, "little") + touch + b"b."
        ),
        "extension": b"\x80\x02\x82\x01)R.",
        "eval": b"c__builtin__\neval\n(X\x03\x00\x00\x001+1tR.",
        "getattr": b"c__builtin__\ngetattr\n(cos\npath\nX\x06\x00\x00\x00systemtR.",
        "dotted": b"\x80\x04ctorch\n_utils._rebuild_tensor_v2.__globals__\n.",
        "storage that is no storage": b"ctorch\nload.FloatStorage\n.",
    }


@pytest.mark.parametrize("case", programs("x"))
def test_hostile_index_is_refused_and_nothing_runs(case: str, path: Path) -> None:
    canary = path.with_name("canary")
    program = programs(str(canary))[case]
    found = codes(path, with_index(program))
    assert found[0] in {"QA5003", "QA5004"}
    assert not canary.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_refused(protocol: int, path: Path) -> None:
    canary = path.with_name("canary")
    hostile = {"format": "qcompile.adapter", "version": 1, "state": Canary(canary)}
    program = pickle.dumps(hostile, protocol=protocol)
    assert codes(path, with_index(program))[0] in {"QA5003", "QA5004"}
    assert codes(path, program) == ("QA5003",)
    assert not canary.exists()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def legacy() -> bytes:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


FOREIGN: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "QA5003"),
    "text": (lambda: b"qa 1\nadapter a {}\n", "QA5003"),
    "numpy archive": (npz, "QA5003"),
    "numpy array": (npy, "QA5003"),
    "legacy torch file": (legacy, "QA5003"),
    "other zip": (lambda: archive({"a/b.txt": b"x"}), "QA5003"),
    "empty zip": (lambda: archive({}), "QA5003"),
    "compressed": (lambda: archive(records(GOOD), zipfile.ZIP_DEFLATED), "QA5003"),
    "bomb": (lambda: archive({"archive/data.pkl": bytes(10**8)}, zipfile.ZIP_DEFLATED), "QA5003"),
    "unknown record": (lambda: archive({**records(GOOD), "archive/code/a.py": b""}), "QA5003"),
    "two folders": (lambda: archive({**records(GOOD), "other/data/9": b""}), "QA5003"),
    "big-endian": (lambda: archive({**records(GOOD), "archive/byteorder": b"big"}), "QA5003"),
    "state_dict": (lambda: saved(torch.nn.Linear(2, 2).state_dict()), "QA5005"),
    "checkpoint": (
        lambda: saved({"epoch": 3, "loss": [0.5, None], "optimizer": {0: {"lr": 1e-3}}}),
        "QA5005",
    ),
    "a tensor": (lambda: saved(torch.zeros(2)), "QA5005"),
    "a module": (lambda: saved(torch.nn.Linear(2, 2)), "QA5004"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_file_is_named_as_such(case: str, path: Path) -> None:
    make, code = FOREIGN[case]
    assert codes(path, make()) == (code,)


def test_doubled_record_is_refused(path: Path) -> None:
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("archive/data.pkl", b"\x80\x02}.")
    assert codes(path, buffer.getvalue()) == ("QA5003",)


def test_overlapping_records_are_refused(path: Path) -> None:
    """Many entries of the directory that point at one record would be read as many."""
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as target:
        target.writestr("archive/data.pkl", b"\x80\x02}." + bytes(1000))
        target.writestr("archive/data/0", bytes(1000))
    with zipfile.ZipFile(plain, "a") as target:
        first, second = target.infolist()
        for number in range(1, 50):
            copy = zipfile.ZipInfo(f"archive/data/{number}")
            copy.CRC, copy.file_size, copy.compress_size = second.CRC, 1000, 1000
            copy.header_offset = second.header_offset
            target.filelist.append(copy)
        target._didModify = True  # type: ignore[attr-defined]
    assert first.file_size == 1004
    with pytest.raises(ArtifactError, match="its records overlap"):
        Records("a.pt", plain)
    assert codes(path, plain.getvalue()) == ("QA5003",)


def test_an_index_larger_than_any_adapter_has_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(records(GOOD)["archive/data.pkl"])
    monkeypatch.setattr(archive_module, "LARGEST_INDEX", size)
    path.write_bytes(GOOD)
    read_artifact(path)
    monkeypatch.setattr(archive_module, "LARGEST_INDEX", size - 1)
    assert codes(path, GOOD) == ("QA5003",)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.double(),
        lambda t: t.bfloat16().view(torch.float16),
        lambda t: t + 1e-7,
        lambda t: t.reshape(1, 3),
        lambda t: t.flip(0),
    ],
)
def test_the_digest_holds_dtype_shape_and_every_bit(
    change: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    zeros = {"a": torch.zeros(3), "b": torch.tensor([0.25, 0.5, 0.75])}
    assert state_digest(zeros) == state_digest(dict(reversed(zeros.items())))
    assert state_digest(zeros) != state_digest({**zeros, "b": change(zeros["b"])})
    assert state_digest(zeros) != state_digest({"a": zeros["b"], "b": zeros["a"]})
    half = {"a": torch.zeros(3, dtype=torch.float16)}
    assert state_digest(half) != state_digest({"a": torch.zeros(3, dtype=torch.bfloat16)})


def contents() -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(io.BytesIO(GOOD), weights_only=True)
    return loaded


def test_torch_opens_the_file_as_plain_data() -> None:
    found = contents()
    assert found["format"] == "qcompile.adapter" and found["version"] == 1
    assert json.loads(found["manifest"])["planned"]["seed"] == 5
    assert all(torch.equal(found["state"][name], SAVED[name]) for name in SAVED)


STATES: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "missing": lambda s: s.pop("shared.common"),
    "too many": lambda s: s.update(more=torch.zeros(1)),
    "number for a name": lambda s: s.__setitem__(7, torch.zeros(1)),
    "no tensor": lambda s: s.update({"shared.common": 3}),
    "integers": lambda s: s.update({"shared.common": torch.zeros(3, dtype=torch.int64)}),
    "complex": lambda s: s.update({"shared.common": torch.zeros(3, dtype=torch.complex64)}),
    "another shape": lambda s: s.update({"shared.common": torch.zeros(4)}),
    "expanded": lambda s: s.update({"shared.common": torch.zeros(1).expand(3)}),
    "a view": lambda s: s.update({"shared.common": torch.zeros(5)[1:4]}),
    "strided": lambda s: s.update({"shared.common": torch.zeros(6)[::2]}),
    "huge claim": lambda s: s.update({"shared.common": torch.zeros(1).expand(10**12)}),
}


@pytest.mark.parametrize("case", STATES)
def test_wrong_tensors_are_refused(case: str, path: Path) -> None:
    changed = contents()
    STATES[case](changed["state"])
    assert codes(path, saved(changed)) == ("QA5009",)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["sparse", "quantised", "parameter"])
def test_unusual_tensors_are_refused(kind: str, path: Path) -> None:
    tensor: torch.Tensor
    if kind == "sparse":
        tensor = torch.eye(3).to_sparse()
    elif kind == "quantised":
        tensor = torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8)
    else:
        tensor = torch.nn.Parameter(torch.zeros(3))
    changed = contents()
    changed["state"]["shared.common"] = tensor
    assert codes(path, saved(changed)) == ("QA5004",)


FORMATS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "newer": (lambda c: c.update(version=2, more=1), "QA5006"),
    "much newer": (lambda c: c.update(version=10**300), "QA5006"),
    "no version": (lambda c: c.pop("version"), "QA5007"),
    "text as version": (lambda c: c.update(version="1"), "QA5007"),
    "truth as version": (lambda c: c.update(version=True), "QA5007"),
    "version 0": (lambda c: c.update(version=0), "QA5007"),
    "more entries": (lambda c: c.update(more=1), "QA5007"),
    "no manifest": (lambda c: c.pop("manifest"), "QA5007"),
    "manifest is no text": (lambda c: c.update(manifest={}), "QA5007"),
    "manifest changed": (lambda c: c.update(manifest=c["manifest"] + " "), "QA5008"),
    "digest is no text": (lambda c: c.update(state_sha256={}), "QA5008"),
    "state is no dictionary": (lambda c: c.update(state=[1]), "QA5007"),
    "state changed": (lambda c: c["state"]["shared.common"].add_(1), "QA5008"),
}


@pytest.mark.parametrize("case", FORMATS)
def test_wrong_format_is_refused(case: str, path: Path) -> None:
    change, code = FORMATS[case]
    changed = contents()
    change(changed)
    assert codes(path, saved(changed)) == (code,)


def test_missing_file_names_a_near_one(path: Path) -> None:
    path.write_bytes(GOOD)
    with pytest.raises(ArtifactError, match=r"did you mean `adapter.pt`") as caught:
        read_artifact(path.with_name("adaptor.pt"))
    assert caught.value.diagnostics[0].code == "QA5001"


@pytest.mark.parametrize("name", ["", "a\0b", "\udc80", "x" * 5000, "no/such/folder/a.pt"])
def test_impossible_paths_are_diagnostics(name: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_artifact(name)
    assert caught.value.diagnostics[0].code in {"QA5001", "QA5002"}


def test_folder_is_not_readable(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_artifact(tmp_path)
    assert caught.value.diagnostics[0].code == "QA5002"


@pytest.mark.timeout(60)
def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pt"
    os.mkfifo(pipe)
    for name in ("/dev/zero", pipe):
        with pytest.raises(ArtifactError) as caught:
            read_artifact(name)
        assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["QA5002"]


def check_damaged(path: Path, data: bytes) -> None:
    """Refused with a diagnostic, or, where the damage hit nothing that counts, read exactly."""
    path.write_bytes(data)
    try:
        found, tensors = read_artifact(path)
    except ArtifactError:
        pass
    else:
        assert found == manifest()
        assert all(torch.equal(tensors[name], SAVED[name]) for name in SAVED)


@settings(max_examples=400)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), min_size=1, max_size=4
    )
)
def test_flipped_bits_are_noticed(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(GOOD)
    for place, flip in changes:
        damaged[place] ^= flip
    check_damaged(tmp_path_factory.getbasetemp() / "flipped.pt", bytes(damaged))


def test_every_region_of_the_file_survives_damage(path: Path) -> None:
    chance = random.Random(1)
    for start in range(0, len(GOOD), 16):
        damaged = bytearray(GOOD)
        damaged[start : start + 16] = chance.randbytes(len(GOOD[start : start + 16]))
        check_damaged(path, bytes(damaged))


def test_every_cut_is_noticed(path: Path) -> None:
    for length in range(0, len(GOOD), 97):
        assert codes(path, GOOD[:length]) == ("QA5003",)


@settings(max_examples=300)
@given(data=st.binary(max_size=200))
def test_arbitrary_index_is_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "arbitrary.pt"
    assert codes(path, with_index(data))[0] in {"QA5003", "QA5004", "QA5005"}


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 6))
def test_mutated_index_is_refused_or_harmless(
    seed: int, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chance = random.Random(seed)
    program = bytearray(records(GOOD)["archive/data.pkl"])
    for _ in range(count):
        place = chance.randrange(len(program))
        choice = chance.randrange(3)
        if choice == 0:
            program[place] = chance.randrange(256)
        elif choice == 1:
            del program[place : place + chance.randrange(1, 9)]
        else:
            other = chance.randrange(len(program))
            program[place:place] = program[other : other + chance.randrange(1, 40)]
    check_damaged(tmp_path_factory.getbasetemp() / "mutated.pt", with_index(bytes(program)))


def test_deep_nests_do_not_crash(path: Path) -> None:
    deep = b"\x80\x02}X\x01\x00\x00\x00a)" + b"\x85" * 9_000 + b"s."
    assert codes(path, with_index(deep)) == ("QA5005",)
    itself = b"\x80\x02}q\x00X\x06\x00\x00\x00formath\x00s."
    assert codes(path, with_index(itself)) == ("QA5005",)
    as_key = b"\x80\x02})" + b"\x85" * 9_000 + b"K\x01s."
    assert codes(path, with_index(as_key)) == ("QA5003",)


@pytest.mark.parametrize("step", [b"(", b")", b"}", b"N", b"K\x01", b"]", b")\x85", b"q\x00"])
def test_few_instructions_of_an_endless_index_are_read(
    step: bytes, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = 0
    own = pickletools.genops

    def counted(program: bytes) -> Iterator[Any]:
        nonlocal seen
        for instruction in own(program):
            seen += 1
            yield instruction

    monkeypatch.setattr("qcompile.artifact.index.pickletools.genops", counted)
    assert codes(path, with_index(b"\x80\x02)" + step * 500_000 + b".")) == ("QA5003",)
    assert seen <= STEPS + STEPS_PER_TENSOR * len(records(GOOD))


@pytest.mark.parametrize("step", [b"(", b"N", b"}"])
def test_many_records_do_not_make_room_for_many_values(
    step: bytes, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record allows for a tensor's instructions, none for values that nothing takes."""
    seen = 0
    own = pickletools.genops

    def counted(program: bytes) -> Iterator[Any]:
        nonlocal seen
        for instruction in own(program):
            seen += 1
            yield instruction

    monkeypatch.setattr("qcompile.artifact.index.pickletools.genops", counted)
    crafted = {f"archive/data/{number}": b"" for number in range(2_000)}
    crafted["archive/data.pkl"] = b"\x80\x02)" + step * 200_000 + b"."
    assert codes(path, archive(crafted)) == ("QA5003",)
    assert seen <= MOST_OPERANDS + 3


def test_an_adapter_stays_far_below_the_limits(path: Path) -> None:
    program = records(GOOD)["archive/data.pkl"]
    assert sum(1 for _ in pickletools.genops(program)) < 50 + 45 * len(SAVED)


def test_huge_files_are_not_read_to_be_refused(path: Path) -> None:
    """A hole of a tebibyte, before an archive and as a tensor of one."""
    for name in (path, path.with_suffix(".safetensors")):
        with name.open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(ArtifactError, match="QA5003"):
            read_adapter(name)
    with path.open("wb") as file:
        file.truncate(2**40)
        file.seek(2**40)
        file.write(GOOD)
    # zipfile bears with what stands before an archive.
    assert read_artifact(path)[0] == manifest()
    head = json.dumps({"a": {"dtype": "U8", "shape": [2**40], "data_offsets": [0, 2**40]}})
    name = path.with_suffix(".safetensors")
    with name.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head.encode())
        file.truncate(8 + len(head) + 2**40)
    with pytest.raises(ArtifactError, match="QA5005"):
        read_adapter(name)


def refused(path: Path, data: bytes, code: str) -> None:
    path.write_bytes(data)
    with pytest.raises(ArtifactError) as caught:
        read_adapter(path)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def header(text: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text


MANY = b"[" + b"[]," * check_module.MOST_VALUES + b"[]]"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a":' + MANY + b"}", "QA5007"),
        (b'{"__metadata__":{"qcompile":"' + MANY + b'"}}', "QA5007"),
        (b"[" * 200_000, "QA5003"),
        (b'{"a":' * 200_000, "QA5003"),
        (b'{"a":{"shape":[' + b"9" * 5000 + b"]}}", "QA5003"),
        (b'{"a":{"shape":[' + b"9" * 4000 + b"]}}", "QA5005"),
        (b'{"a":{"shape":[-1]}}', "QA5005"),
        (b'{"a":3}', "QA5003"),
        (b'{"__metadata__":[1]}', "QA5003"),
        (b'{"__metadata__":{"qcompile":"' + b"[" * 200_000 + b'"}}', "QA5005"),
        (b"3", "QA5003"),
        (b"\xff", "QA5003"),
    ],
    ids=range(12),
)
def test_hostile_headers_are_refused(text: bytes, code: str, tmp_path: Path) -> None:
    refused(tmp_path / "a.safetensors", header(text), code)
    refused(tmp_path / "a.safetensors", header(text)[:-1], "QA5003")


def test_a_header_that_states_a_huge_length_is_not_read(tmp_path: Path) -> None:
    for length in (2**63, 2**40, 64 * 2**20 + 1, 10):
        refused(tmp_path / "a.safetensors", length.to_bytes(8, "little") + b"{}", "QA5003")


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b"9" * 5000, b'{"peft_type":"QCOMPILE","plan":' + b"9" * 5000 + b"}"]
)
def test_hostile_configurations_of_folders_are_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_bytes(text)
    with pytest.raises(ArtifactError, match="QA5011"):
        read_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_bytes(MANY)
    with pytest.raises(ArtifactError, match="QA5007"):
        read_adapter(tmp_path)


def test_manifests_of_many_values_are_refused(path: Path) -> None:
    changed = contents()
    changed["manifest"] = MANY.decode()
    changed["manifest_sha256"] = hashlib.sha256(MANY).hexdigest()
    path.write_bytes(saved(changed))
    with pytest.raises(ArtifactError, match=r"QA5007.*more than \d+ values"):
        read_artifact(path)


def test_every_flipped_bit_of_safetensors_is_noticed_or_harmless(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    good = safetensors_bytes(manifest(), SAVED)
    noticed = 0
    for place in range(0, len(good), 3):
        damaged = bytearray(good)
        damaged[place] ^= 1 << place % 8
        file.write_bytes(damaged)
        try:
            found, tensors = read_adapter(file)
        except ArtifactError:
            noticed += 1
        else:
            assert found == manifest()
            assert all(torch.equal(tensors[name], SAVED[name]) for name in SAVED)
    assert noticed > len(good) // 4
