"""QA5xxx: adapter.pt, reading and writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.message import Message, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactNotFound(Message):
    """No such file."""

    code: ClassVar[str] = "QA5001"
    title: ClassVar[str] = "there is no adapter at `{path}`"
    explanation: ClassVar[str] = """
    The path names no file.

    Erroneous:  qcompile.load("adaptor.pt")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactNotReadable(Message):
    """The system refused to read the file."""

    code: ClassVar[str] = "QA5002"
    title: ClassVar[str] = "adapter `{path}` cannot be read: {reason}"
    explanation: ClassVar[str] = """
    The file is there, but the operating system did not hand out its contents.

    Erroneous:  qcompile.load("build/")
    Corrected:  qcompile.load("build/adapter.pt")
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAnArchive(Message):
    """Not a file that torch.save wrote."""

    code: ClassVar[str] = "QA5003"
    title: ClassVar[str] = "`{path}` is not an adapter file: {reason}"
    help: ClassVar[str | None] = "adapters are written by `qcompile adapter.qa -o adapter.pt`"
    explanation: ClassVar[str] = """
    An adapter file is a zip archive as `torch.save` writes it, with stored (not compressed)
    records. The file is of another kind, cut off, or damaged. Nothing in it was executed.

    Erroneous:  qcompile.load("model.gguf")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsafeArchive(Message):
    """The archive asks for code to be run."""

    code: ClassVar[str] = "QA5004"
    title: ClassVar[str] = "`{path}` holds more than tensors and text: {reason}"
    help: ClassVar[str | None] = "do not open this file with anything that unpickles without checks"
    explanation: ClassVar[str] = """
    An adapter file holds strings, integers and tensors only. This file asks the reader to call a
    function or to build other objects, which no adapter needs and an attack would. It was refused
    before anything was executed.

    Erroneous:  torch.save(module, "adapter.pt")
    Corrected:  adapter.save("adapter.pt")
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignArchive(Message):
    """A torch file of something else."""

    code: ClassVar[str] = "QA5005"
    title: ClassVar[str] = "`{path}` is a torch file, but not an adapter of qcompile"
    explanation: ClassVar[str] = """
    The file was written by `torch.save`, but it lacks the entry `"format": "qcompile.adapter"`.
    Perhaps it is a state_dict: load that with `adapter.load_state_dict`.

    Erroneous:  qcompile.load("model_state_dict.pt")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    found: str

    def notes(self) -> tuple[str, ...]:
        return (f"it holds {self.found}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureVersion(Message):
    """Written by a newer qcompile."""

    code: ClassVar[str] = "QA5006"
    title: ClassVar[str] = (
        "`{path}` has format version {version}; this qcompile reads up to version {supported}"
    )
    help: ClassVar[str | None] = "install a newer qcompile"
    explanation: ClassVar[str] = """
    The layout of adapter files has a version. A newer layout is refused rather than guessed at.

    Erroneous:  an adapter of format version 2 read by a qcompile that knows version 1
    Corrected:  pip install --upgrade qcompile
    """

    path: str
    version: int
    supported: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestMalformed(Message):
    """The manifest does not describe an adapter."""

    code: ClassVar[str] = "QA5007"
    title: ClassVar[str] = "the manifest of `{path}` is malformed: {reason}"
    explanation: ClassVar[str] = """
    The manifest is JSON that describes the compiled adapter: source, plan, layout, versions. Here
    it lacks something, holds something unknown, or describes a plan that breaks an invariant.

    Erroneous:  an adapter file edited by hand
    Corrected:  compile the source again
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMismatch(Message):
    """Contents and digest differ."""

    code: ClassVar[str] = "QA5008"
    title: ClassVar[str] = "`{path}` is damaged: its {part} does not have the digest that it states"
    help: ClassVar[str | None] = "compile the source again, or take a backup"
    explanation: ClassVar[str] = """
    Every adapter file states the SHA-256 of its manifest and of its tensors. They differ here, so
    the file was changed after it was written, by a fault of a disk or by hand.

    Erroneous:  a file with a flipped bit
    Corrected:  the file as it was written
    """

    path: str
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorMismatch(Message):
    """A tensor is not what the plan says."""

    code: ClassVar[str] = "QA5009"
    title: ClassVar[str] = "`{path}`: tensor `{tensor}` {problem}"
    explanation: ClassVar[str] = """
    The tensors of an adapter file must be exactly those of its plan: the same names and shapes,
    dense, real, floating point.

    Erroneous:  a file whose tensor `a.core0` was left out or reshaped
    Corrected:  adapter.save("adapter.pt")
    """

    path: str
    tensor: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactTooLarge(Message):
    """The plan would need more memory than allowed."""

    code: ClassVar[str] = "QA5010"
    title: ClassVar[str] = "adapter `{adapter}` of `{path}` would not fit in memory"
    explanation: ClassVar[str] = """
    What the plan of a file takes for a single token is estimated before anything is allocated. More
    than 64 GiB is refused; the message that follows says what is so large.

    Erroneous:  a manifest that states a circuit of 60 qubits
    Corrected:  an adapter as the compiler wrote it
    """

    path: str
    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFolder(Message):
    """A folder of another adapter."""

    code: ClassVar[str] = "QA5011"
    title: ClassVar[str] = "folder `{path}` holds no adapter of qcompile: found {found}"
    help: ClassVar[str | None] = "other adapters are loaded by `PeftModel.from_pretrained`"
    explanation: ClassVar[str] = """
    The adapter_config.json of a folder that qcompile reads says `"peft_type": "QCOMPILE"` and holds
    the frozen plan. This one belongs to another method.

    Erroneous:  qcompile.load("lora-adapter/")
    Corrected:  PeftModel.from_pretrained(model, "lora-adapter/")
    """

    path: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramNotAdapter(Message):
    """A .pt2 file where an adapter is wanted."""

    code: ClassVar[str] = "QA5021"
    title: ClassVar[str] = "`{path}` is a program of torch.export, not an adapter"
    help: ClassVar[str | None] = (
        "load or convert the adapter.pt that it was made from; run a program by "
        "`torch.export.load(path).module()`"
    )
    explanation: ClassVar[str] = """
    A .pt2 file runs without qcompile, but holds neither the plan nor the source of the adapter:
    operations and tensors are all that is left. Nothing leads back from it.

    Erroneous:  qcompile convert adapter.pt2 adapter.safetensors
    Corrected:  qcompile convert adapter.pt adapter.safetensors
    """

    path: str
