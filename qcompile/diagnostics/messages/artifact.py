"""QA5xxx: adapter.pt, reading and writing."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message("QA5001", "there is no adapter at `{path}`")
class ArtifactNotFound(Message):
    """The path names no file.

    Erroneous:  qcompile.load("adaptor.pt")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    candidates: tuple[str, ...] = ()


@message("QA5002", "adapter `{path}` cannot be read: {reason}")
class ArtifactNotReadable(Message):
    """The file is there, but the operating system did not hand out its contents.

    Erroneous:  qcompile.load("build/")
    Corrected:  qcompile.load("build/adapter.pt")
    """

    path: str
    reason: str


@message(
    "QA5003",
    "`{path}` is not an adapter file: {reason}",
    help="adapters are written by `qcompile adapter.qa -o adapter.pt`",
)
class NotAnArchive(Message):
    """An adapter file is a zip archive as `torch.save` writes it, with stored (not compressed)
    records. The file is of another kind, cut off, or damaged. Nothing in it was executed.

    Erroneous:  qcompile.load("model.gguf")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    reason: str


@message(
    "QA5004",
    "`{path}` holds more than tensors and text: {reason}",
    help="do not open this file with anything that unpickles without checks",
)
class UnsafeArchive(Message):
    """An adapter file holds strings, integers and tensors only. This file asks the reader to call a
    function or to build other objects, which no adapter needs and an attack would. It was refused
    before anything was executed.

    Erroneous:  torch.save(module, "adapter.pt")
    Corrected:  adapter.save("adapter.pt")
    """

    path: str
    reason: str


@message("QA5005", "`{path}` is a torch file, but not an adapter of qcompile")
class ForeignArchive(Message):
    """The file was written by `torch.save`, but it lacks the entry `"format": "qcompile.adapter"`.
    Perhaps it is a state_dict: load that with `adapter.load_state_dict`.

    Erroneous:  qcompile.load("model_state_dict.pt")
    Corrected:  qcompile.load("adapter.pt")
    """

    path: str
    found: str

    def notes(self) -> tuple[str, ...]:
        return (f"it holds {self.found}",)


@message(
    "QA5006",
    "`{path}` has format version {version}; this qcompile reads up to version {supported}",
    help="install a newer qcompile",
)
class FutureVersion(Message):
    """The layout of adapter files has a version. A newer layout is refused rather than guessed at.

    Erroneous:  an adapter of format version 2 read by a qcompile that knows version 1
    Corrected:  pip install --upgrade qcompile
    """

    path: str
    version: int
    supported: int


@message("QA5007", "the manifest of `{path}` is malformed: {reason}")
class ManifestMalformed(Message):
    """
    The manifest is JSON that describes the compiled adapter: source, plan, layout, versions. Here
    it lacks something, holds something unknown, or describes a plan that breaks an invariant.

    Erroneous:  an adapter file edited by hand
    Corrected:  compile the source again
    """

    path: str
    reason: str


@message(
    "QA5008",
    "`{path}` is damaged: its {part} does not have the digest that it states",
    help="compile the source again, or take a backup",
)
class DigestMismatch(Message):
    """
    Every adapter file states the SHA-256 of its manifest and of its tensors. They differ here, so
    the file was changed after it was written, by a fault of a disk or by hand.

    Erroneous:  a file with a flipped bit
    Corrected:  the file as it was written
    """

    path: str
    part: str


@message("QA5009", "`{path}`: tensor `{tensor}` {problem}")
class TensorMismatch(Message):
    """The tensors of an adapter file must be exactly those of its plan: the same names and shapes,
    dense, real, floating point.

    Erroneous:  a file whose tensor `a.core0` was left out or reshaped
    Corrected:  adapter.save("adapter.pt")
    """

    path: str
    tensor: str
    problem: str


@message("QA5010", "adapter `{adapter}` of `{path}` would not fit in memory")
class ArtifactTooLarge(Message):
    """
    What the plan of a file takes for a single token is estimated before anything is allocated. More
    than 64 GiB is refused; the message that follows says what is so large.

    Erroneous:  a manifest that states a circuit of 60 qubits
    Corrected:  an adapter as the compiler wrote it
    """

    path: str
    adapter: str


@message(
    "QA5011",
    "folder `{path}` holds no adapter of qcompile: found {found}",
    help=(
        "`qcompile convert {path} adapter.pt` reads many methods of peft; others are loaded by "
        "`PeftModel.from_pretrained`"
    ),
)
class ForeignFolder(Message):
    """
    The adapter_config.json of a folder that qcompile reads says `"peft_type": "QCOMPILE"` and holds
    the frozen plan. This one belongs to another method.

    Erroneous:  qcompile.load("lora-adapter/")
    Corrected:  PeftModel.from_pretrained(model, "lora-adapter/")
    """

    path: str
    found: str


@message(
    "QA5021",
    "`{path}` is a program, not an adapter",
    help=(
        "load or convert the adapter.pt that it was made from; a .pt2 file runs by "
        "`torch.export.load(path).module()`, a .onnx file by `onnxruntime.InferenceSession(path)`"
    ),
)
class ProgramNotAdapter(Message):
    """A .pt2 or .onnx file runs without qcompile, but holds neither the plan nor the source of the
    adapter: operations and tensors are all that is left. Nothing leads back from it.

    Erroneous:  qcompile convert adapter.pt2 adapter.safetensors
    Corrected:  qcompile convert adapter.pt adapter.safetensors
    """

    path: str
