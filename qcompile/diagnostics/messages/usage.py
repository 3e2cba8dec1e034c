"""QA0xxx: the command line and the files it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Severity
from qcompile.diagnostics.message import Message, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNotFound(Message):
    """A file named on the command line is not there."""

    code: ClassVar[str] = "QA0001"
    title: ClassVar[str] = "file `{path}` does not exist"
    explanation: ClassVar[str] = """
    The path on the command line names no file. Relative paths start at the current folder. A first
    argument that is none of the commands is taken for the file to compile.

    Erroneous:  qcompile exmaples/qtha.qa
    Corrected:  qcompile examples/qtha.qa
    """

    path: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNotReadable(Message):
    """The system refused to read a file."""

    code: ClassVar[str] = "QA0002"
    title: ClassVar[str] = "file `{path}` cannot be read: {reason}"
    explanation: ClassVar[str] = """
    The file is there, but the operating system did not hand out its contents: no permission, a
    folder or device instead of a file, or a fault of the disk.

    Erroneous:  qcompile examples/
    Corrected:  qcompile examples/qtha.qa
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUtf8(Message):
    """A source file is not text in UTF-8."""

    code: ClassVar[str] = "QA0003"
    title: ClassVar[str] = "file `{path}` is not UTF-8 text: byte {offset} is invalid"
    help: ClassVar[str | None] = "save the file as UTF-8; only `.qa` text files can be compiled"
    explanation: ClassVar[str] = """
    Source files are UTF-8. Files saved as UTF-16 or in an old 8-bit encoding, and binary files such
    as adapter.pt, are refused. Bytes are counted from 0.

    Erroneous:  qcompile check adapter.pt
    Corrected:  qcompile check adapter.qa

    To convert:  iconv -f LATIN1 -t UTF-8 old.qa > adapter.qa
    """

    path: str
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTooLarge(Message):
    """A source file is beyond the limit on size."""

    code: ClassVar[str] = "QA0004"
    title: ClassVar[str] = "file `{path}` has {size} bytes, more than the limit of {limit}"
    help: ClassVar[str | None] = (
        "describe the adapter with `repeat` and parameters instead of listing it"
    )
    explanation: ClassVar[str] = """
    A source file describes an adapter in some hundred lines. A file of megabytes is data by mistake
    or an attack, so it is refused before it is read.

    Erroneous:  qcompile check weights.qa        (40 MB)
    Corrected:  qcompile check adapter.qa
    """

    path: str
    size: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingInput(Message):
    """No source file was named."""

    code: ClassVar[str] = "QA0005"
    title: ClassVar[str] = "no source file was given"
    help: ClassVar[str | None] = "name a file, or `-` for the standard input"
    explanation: ClassVar[str] = """
    Every command that reads a source needs its path; `-` stands for the standard input.

    Erroneous:  qcompile -o adapter.pt
    Corrected:  qcompile adapter.qa -o adapter.pt
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedArgument(Message):
    """One argument too many."""

    code: ClassVar[str] = "QA0006"
    title: ClassVar[str] = "unexpected argument `{argument}`"
    explanation: ClassVar[str] = """
    The command takes fewer arguments than were given. Quote paths that contain spaces.

    Erroneous:  qcompile my adapter.qa
    Corrected:  qcompile "my adapter.qa"
    """

    argument: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOption(Message):
    """An option that the command does not have."""

    code: ClassVar[str] = "QA0007"
    title: ClassVar[str] = "unknown option `{option}`"
    explanation: ClassVar[str] = """
    The command has no option of this name. `qcompile COMMAND --help` lists all
    options of a command.

    Erroneous:  qcompile adapter.qa --optput adapter.pt
    Corrected:  qcompile adapter.qa --output adapter.pt
    """

    option: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingOptionValue(Message):
    """An option stands without its value."""

    code: ClassVar[str] = "QA0008"
    title: ClassVar[str] = "option `{option}` needs a value"
    explanation: ClassVar[str] = """
    The option takes a value, either as the next argument or after an equals sign.

    Erroneous:  qcompile adapter.qa -o
    Corrected:  qcompile adapter.qa -o adapter.pt
    """

    option: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOptionValue(Message):
    """An option has a value that it does not know."""

    code: ClassVar[str] = "QA0009"
    title: ClassVar[str] = "option `{option}` cannot be `{value}`"
    help: ClassVar[str | None] = "the possible values are: {allowed}"
    explanation: ClassVar[str] = """
    The option takes one of a fixed list of values, which the message shows.

    Erroneous:  qcompile adapter.qa --color sometimes
    Corrected:  qcompile adapter.qa --color auto
    """

    option: str
    value: str
    allowed: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedOptionValue(Message):
    """A flag was given a value."""

    code: ClassVar[str] = "QA0010"
    title: ClassVar[str] = "option `{option}` takes no value, but was given `{value}`"
    help: ClassVar[str | None] = "write `{option}` alone"
    explanation: ClassVar[str] = """
    The option is a flag: it stands alone.

    Erroneous:  qcompile adapter.qa --verify=yes
    Corrected:  qcompile adapter.qa --verify
    """

    option: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictingOptions(Message):
    """Two options exclude each other."""

    code: ClassVar[str] = "QA0011"
    title: ClassVar[str] = "`{first}` and `{second}` exclude each other"
    help: ClassVar[str | None] = "leave one of them out"
    explanation: ClassVar[str] = """
    The two options ask for different things, and neither is to win silently.

    Erroneous:  qcompile adapter.qa -O3 --passes fold-constants
    Corrected:  qcompile adapter.qa --passes fold-constants
    """

    first: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOutputSuffix(Message):
    """The suffix of the output names no known kind of file."""

    code: ClassVar[str] = "QA0012"
    title: ClassVar[str] = "output `{path}` has no known suffix"
    help: ClassVar[str | None] = "the known suffixes are: {suffixes}"
    explanation: ClassVar[str] = """
    The suffix of the output file decides what is written.

    Erroneous:  qcompile adapter.qa -o adapter.bin
    Corrected:  qcompile adapter.qa -o adapter.pt
    """

    path: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFolderMissing(Message):
    """The output would lie in a folder that does not exist."""

    code: ClassVar[str] = "QA0013"
    title: ClassVar[str] = "folder `{folder}` for the output `{path}` does not exist"
    help: ClassVar[str | None] = "create it with `mkdir -p {folder}` or choose another"
    explanation: ClassVar[str] = """
    The folder of the output file must exist already; a misspelt path would otherwise
    create folders.

    Erroneous:  qcompile adapter.qa -o biuld/adapter.pt
    Corrected:  mkdir -p build && qcompile adapter.qa -o build/adapter.pt
    """

    path: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputNotWritable(Message):
    """The system refused to write the output."""

    code: ClassVar[str] = "QA0014"
    title: ClassVar[str] = "output `{path}` cannot be written: {reason}"
    explanation: ClassVar[str] = """
    The operating system did not allow the file to be written: no permission, a full disk, or a
    folder of the same name. A file that was there before is unchanged.

    Erroneous:  qcompile adapter.qa -o /adapter.pt
    Corrected:  qcompile adapter.qa -o build/adapter.pt
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputIsInput(Message):
    """The output would overwrite an input."""

    code: ClassVar[str] = "QA0015"
    title: ClassVar[str] = "output `{path}` would overwrite the input `{read}`"
    help: ClassVar[str | None] = "choose another output file"
    explanation: ClassVar[str] = """
    Writing the output would destroy a file that is read, or that a source names: the source itself,
    what it imports, the model's configuration, an adapter to convert. Links and other ways to
    write a path make no difference.

    Erroneous:  qcompile adapter.qa --emit plan -o config.json     (it says `model "config.json"`)
    Corrected:  qcompile adapter.qa --emit plan -o plan.txt
    """

    path: str
    read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryOnStandardOutput(Message):
    """Only text goes to the standard output."""

    code: ClassVar[str] = "QA0016"
    title: ClassVar[str] = "a `{kind}` file is not text and cannot go to the standard output"
    help: ClassVar[str | None] = "name a file, or ask for a text with `--emit`"
    explanation: ClassVar[str] = """
    `-o -` prints the output, which is possible for text kinds only: circuits as OpenQASM or JSON
    and the levels that `--emit` shows.

    Erroneous:  qcompile adapter.qa -o -
    Corrected:  qcompile adapter.qa -o adapter.pt
    Corrected:  qcompile adapter.qa --emit plan -o -
    """

    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEmit(Message):
    """An unknown name after `--emit`."""

    code: ClassVar[str] = "QA0017"
    title: ClassVar[str] = "cannot emit `{name}`"
    help: ClassVar[str | None] = "what can be emitted: {allowed}"
    explanation: ClassVar[str] = """
    `--emit` takes a list of the levels of the compiler, separated by commas.

    Erroneous:  qcompile adapter.qa --emit programme
    Corrected:  qcompile adapter.qa --emit program
    """

    name: str
    allowed: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadDefinition(Message):
    """A `-D` that is not `name=value`."""

    code: ClassVar[str] = "QA0018"
    title: ClassVar[str] = "definition `{text}` is malformed: {reason}"
    help: ClassVar[str | None] = "write `-D name=value`"
    explanation: ClassVar[str] = """
    `-D` overrides a parameter of the adapter. Its value is an expression of the language without
    names: a number, a quantity, a string, a truth value, or arithmetic on them.

    Erroneous:  qcompile adapter.qa -D rank
    Corrected:  qcompile adapter.qa -D rank=4
    """

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateDefinition(Message):
    """The same parameter was set twice."""

    code: ClassVar[str] = "QA0019"
    title: ClassVar[str] = "parameter `{name}` is set twice by `-D`"
    help: ClassVar[str | None] = "keep one of the two"
    explanation: ClassVar[str] = """
    Each parameter is set at most once on the command line, so that no value is lost silently.

    Erroneous:  qcompile adapter.qa -D rank=4 -D rank=8
    Corrected:  qcompile adapter.qa -D rank=8
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCode(Message):
    """`explain` was asked for a code that does not exist."""

    code: ClassVar[str] = "QA0020"
    title: ClassVar[str] = "there is no message `{name}`"
    explanation: ClassVar[str] = """
    Codes look like QA2003: QA and four digits, of which the first names the phase.
    `qcompile explain` without a code lists all of them.

    Erroneous:  qcompile explain QA9999
    Corrected:  qcompile explain QA0020
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownTarget(Message):
    """`--target` names no target."""

    code: ClassVar[str] = "QA0021"
    title: ClassVar[str] = "unknown target `{name}`"
    explanation: ClassVar[str] = """
    `--target` takes the name of a target that the file declares, or of a device that qcompile
    knows.

    Erroneous:  qcompile adapter.qa --target fake_torono
    Corrected:  qcompile adapter.qa --target fake_torino
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates) or (
            "name a target of the file, or a device; `qcompile --list-targets` lists the devices",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCircuits(Message):
    """Circuits were asked for where there are none."""

    code: ClassVar[str] = "QA0022"
    title: ClassVar[str] = "there is no circuit to write to `{path}`"
    explanation: ClassVar[str] = """
    The adapter consists of linear maps and tensor networks alone, or its circuits vanished because
    nothing depends on them. OpenQASM and tket JSON hold circuits only.

    Erroneous:  qcompile examples/lora.qa -o lora.qasm
    Corrected:  qcompile examples/qtha.qa -o qtha.qasm
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingToCompile(Message):
    """A file without adapters."""

    code: ClassVar[str] = "QA0023"
    title: ClassVar[str] = "file `{path}` has no adapter to compile"
    help: ClassVar[str | None] = (
        "write an `adapter`, or name the file that imports this one; `qcompile check` takes both"
    )
    explanation: ClassVar[str] = """
    Constants, blocks, layers and targets are there for adapters to use, in the same file or in one
    that imports them. A file without an adapter can be checked, formatted and imported, but there
    is nothing in it to compile.

    Erroneous:  qcompile blocks.qa
    Corrected:  qcompile adapter.qa     (which says `import "blocks.qa"`)
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRefused(Message):
    """The system does not give what any program needs."""

    code: ClassVar[str] = "QA0024"
    title: ClassVar[str] = "the system refused what qcompile needs: {reason}"
    help: ClassVar[str | None] = (
        "look for a full disk, a deleted current folder, a folder for temporary files that nobody"
        " may write to, or limits on memory and open files"
    )
    explanation: ClassVar[str] = """
    Something outside of the command line and its files went wrong: no memory, no place for
    temporary files, a current folder that was deleted, too many open files. With
    QCOMPILE_TRACEBACK=1 in the environment the place in the program is shown as well.

    Erroneous:  TMPDIR=/none qcompile adapter.qa     (where /tmp and the current folder are full)
    Corrected:  TMPDIR=/scratch qcompile adapter.qa
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoControl(Message):
    """`--control` where no adapter has a circuit."""

    code: ClassVar[str] = "QA0041"
    title: ClassVar[str] = "there is no circuit that a control could replace"
    help: ClassVar[str | None] = "compile the file without `--control`"
    explanation: ClassVar[str] = """
    A control replaces each circuit by a classical map with as many parameters and leaves the rest
    as it is. Linear maps, tensor networks and `unitary` maps are not replaced.

    Erroneous:  qcompile examples/lora.qa --control
    Corrected:  qcompile examples/qtha.qa --control
    """

    adapters: tuple[str, ...]

    def notes(self) -> tuple[str, ...]:
        """Name what was looked at."""
        names = ", ".join(f"`{name}`" for name in self.adapters)
        return (f"adapters without circuits: {names}",) if names else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAsItIs(Message):
    """`--control` where some adapters of several have no circuit."""

    code: ClassVar[str] = "QA0042"
    severity: ClassVar[Severity] = "warning"
    title: ClassVar[str] = "adapter `{adapter}` has no circuit, so `--control` leaves it as it is"
    label: ClassVar[str] = "nothing to replace"
    explanation: ClassVar[str] = """
    `--control` is about all adapters of a file. Those without circuits are compiled as they stand,
    beside the controls of the others.

    Erroneous:  qcompile both.qa --control      (with an adapter of linear maps alone in it)
    Corrected:  qcompile quantum.qa --control   (where every adapter has a circuit)
    """

    adapter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAdapterFile(Message):
    """The suffix of an input names no kind of adapter."""

    code: ClassVar[str] = "QA0051"
    title: ClassVar[str] = "`{path}` has no suffix of an adapter"
    explanation: ClassVar[str] = """
    `convert` reads compiled adapters. A source is compiled first; circuits and printed levels do
    not lead back to an adapter.

    Erroneous:  qcompile convert adapter.qa adapter.safetensors
    Corrected:  qcompile adapter.qa -o adapter.safetensors
    """

    path: str
    suffixes: tuple[str, ...]

    def helps(self) -> tuple[str, ...]:
        listed = f"adapters are read from: {', '.join(self.suffixes)}"
        if self.path.endswith(".qa"):
            return ("compile it: `qcompile FILE -o PATH` writes every kind of adapter", listed)
        return (listed,)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionWithoutEffect(Message):
    """An option that means nothing beside the others."""

    code: ClassVar[str] = "QA0052"
    title: ClassVar[str] = "`{option}` means nothing without {needed}"
    help: ClassVar[str | None] = "leave it out, or add {needed}"
    explanation: ClassVar[str] = """
    The option belongs to one kind of output, and another was asked for. To ignore it would hide a
    mistake.

    Erroneous:  qcompile convert adapter.pt adapter.safetensors --rank 4
    Corrected:  qcompile convert adapter.pt lora/ --to lora --rank 4
    """

    option: str
    needed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCommand(Message):
    """The first of several words is nearly a command."""

    code: ClassVar[str] = "QA0061"
    title: ClassVar[str] = "unknown command `{command}`"
    explanation: ClassVar[str] = """
    Without a command in front the command line compiles one file. Here it starts with a word that
    is neither a `.qa` file nor a command, but nearly one.

    Erroneous:  qcompile reprot adapter.qa
    Corrected:  qcompile report adapter.qa
    """

    command: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)
