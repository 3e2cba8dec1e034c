"""QA0xxx: the command line and the files it names."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, did_you_mean, message


@message("QA0001", "file `{path}` does not exist")
class FileNotFound(Message):
    """
    The path on the command line names no file. Relative paths start at the current folder. A first
    argument that is none of the commands is taken for the file to compile.

    Erroneous:  qcompile exmaples/qtha.qa
    Corrected:  qcompile examples/qtha.qa
    """

    path: str
    candidates: tuple[str, ...] = ()


@message("QA0002", "file `{path}` cannot be read: {reason}")
class FileNotReadable(Message):
    """The file is there, but the operating system did not hand out its contents: no permission, a
    folder or device instead of a file, or a fault of the disk.

    Erroneous:  qcompile examples/
    Corrected:  qcompile examples/qtha.qa
    """

    path: str
    reason: str


@message(
    "QA0003",
    "file `{path}` is not UTF-8 text: byte {offset} is invalid",
    help="save the file as UTF-8; only `.qa` text files can be compiled",
)
class NotUtf8(Message):
    """
    Source files are UTF-8. Files saved as UTF-16 or in an old 8-bit encoding, and binary files such
    as adapter.pt, are refused. Bytes are counted from 0.

    Erroneous:  qcompile check adapter.pt
    Corrected:  qcompile check adapter.qa

    To convert:  iconv -f LATIN1 -t UTF-8 old.qa > adapter.qa
    """

    path: str
    offset: int


@message(
    "QA0004",
    "file `{path}` has {size} bytes, more than the limit of {limit}",
    help="describe the adapter with `repeat` and parameters instead of listing it",
)
class FileTooLarge(Message):
    """
    A source file describes an adapter in some hundred lines. A file of megabytes is data by mistake
    or an attack, so it is refused before it is read.

    Erroneous:  qcompile check weights.qa        (40 MB)
    Corrected:  qcompile check adapter.qa
    """

    path: str
    size: int
    limit: int


@message("QA0005", "no source file was given", help="name a file, or `-` for the standard input")
class MissingInput(Message):
    """Every command that reads a source needs its path; `-` stands for the standard input.

    Erroneous:  qcompile -o adapter.pt
    Corrected:  qcompile adapter.qa -o adapter.pt
    """


@message("QA0006", "unexpected argument `{argument}`")
class UnexpectedArgument(Message):
    """The command takes fewer arguments than were given. Quote paths that contain spaces.

    Erroneous:  qcompile my adapter.qa
    Corrected:  qcompile "my adapter.qa"
    """

    argument: str
    candidates: tuple[str, ...] = ()


@message("QA0007", "unknown option `{option}`")
class UnknownOption(Message):
    """The command has no option of this name. `qcompile COMMAND --help` lists all
    options of a command.

    Erroneous:  qcompile adapter.qa --optput adapter.pt
    Corrected:  qcompile adapter.qa --output adapter.pt
    """

    option: str
    candidates: tuple[str, ...] = ()


@message("QA0008", "option `{option}` needs a value")
class MissingOptionValue(Message):
    """The option takes a value, either as the next argument or after an equals sign.

    Erroneous:  qcompile adapter.qa -o
    Corrected:  qcompile adapter.qa -o adapter.pt
    """

    option: str


@message(
    "QA0009", "option `{option}` cannot be `{value}`", help="the possible values are: {allowed}"
)
class UnknownOptionValue(Message):
    """The option takes one of a fixed list of values, which the message shows.

    Erroneous:  qcompile adapter.qa --color sometimes
    Corrected:  qcompile adapter.qa --color auto
    """

    option: str
    value: str
    allowed: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@message(
    "QA0010",
    "option `{option}` takes no value, but was given `{value}`",
    help="write `{option}` alone",
)
class UnexpectedOptionValue(Message):
    """The option is a flag: it stands alone.

    Erroneous:  qcompile adapter.qa --verify=yes
    Corrected:  qcompile adapter.qa --verify
    """

    option: str
    value: str


@message("QA0011", "`{first}` and `{second}` exclude each other", help="leave one of them out")
class ConflictingOptions(Message):
    """The two options ask for different things, and neither may win silently.

    Erroneous:  qcompile adapter.qa -O3 --passes fold-constants
    Corrected:  qcompile adapter.qa --passes fold-constants
    """

    first: str
    second: str


@message("QA0012", "output `{path}` has no known suffix", help="the known suffixes are: {suffixes}")
class UnknownOutputSuffix(Message):
    """The suffix of the output file decides what is written.

    Erroneous:  qcompile adapter.qa -o adapter.bin
    Corrected:  qcompile adapter.qa -o adapter.pt
    """

    path: str
    suffixes: tuple[str, ...]


@message(
    "QA0013",
    "folder `{folder}` for the output `{path}` does not exist",
    help="create it with `mkdir -p {folder}` or choose another",
)
class OutputFolderMissing(Message):
    """The folder of the output file must exist already; a misspelt path would otherwise
    create folders.

    Erroneous:  qcompile adapter.qa -o biuld/adapter.pt
    Corrected:  mkdir -p build && qcompile adapter.qa -o build/adapter.pt
    """

    path: str
    folder: str


@message("QA0014", "output `{path}` cannot be written: {reason}")
class OutputNotWritable(Message):
    """The operating system did not allow the file to be written: no permission, a full disk, or a
    folder of the same name. A file that was there before is unchanged.

    Erroneous:  qcompile adapter.qa -o /adapter.pt
    Corrected:  qcompile adapter.qa -o build/adapter.pt
    """

    path: str
    reason: str


@message(
    "QA0015",
    "output `{path}` would overwrite the input `{read}`",
    help="choose another output file",
)
class OutputIsInput(Message):
    """
    Writing the output would destroy a file that is read, or that a source names: the source itself,
    what it imports, the model's configuration, an adapter to convert. Links and other ways to
    write a path make no difference.

    Erroneous:  qcompile adapter.qa --emit plan -o config.json     (it says `model "config.json"`)
    Corrected:  qcompile adapter.qa --emit plan -o plan.txt
    """

    path: str
    read: str


@message(
    "QA0016",
    "a `{kind}` file is not text and cannot go to the standard output",
    help="name a file, or ask for a text with `--emit`",
)
class BinaryOnStandardOutput(Message):
    """`-o -` prints the output, which is possible for text kinds only: circuits as OpenQASM or JSON
    and the levels that `--emit` shows.

    Erroneous:  qcompile adapter.qa -o -
    Corrected:  qcompile adapter.qa -o adapter.pt
    Corrected:  qcompile adapter.qa --emit plan -o -
    """

    kind: str


@message("QA0017", "cannot emit `{name}`", help="what can be emitted: {allowed}")
class UnknownEmit(Message):
    """`--emit` takes a list of the levels of the compiler, separated by commas.

    Erroneous:  qcompile adapter.qa --emit programme
    Corrected:  qcompile adapter.qa --emit program
    """

    name: str
    allowed: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@message("QA0018", "definition `{text}` is malformed: {reason}", help="write `-D name=value`")
class BadDefinition(Message):
    """`-D` overrides a parameter of the adapter. Its value is an expression of the language without
    names: a number, a quantity, a string, a truth value, or arithmetic on them.

    Erroneous:  qcompile adapter.qa -D rank
    Corrected:  qcompile adapter.qa -D rank=4
    """

    text: str
    reason: str


@message("QA0019", "parameter `{name}` is set twice by `-D`", help="keep one of the two")
class DuplicateDefinition(Message):
    """Each parameter is set at most once on the command line, so that no value is lost silently.

    Erroneous:  qcompile adapter.qa -D rank=4 -D rank=8
    Corrected:  qcompile adapter.qa -D rank=8
    """

    name: str


@message("QA0020", "there is no message `{name}`")
class UnknownCode(Message):
    """Codes look like QA2003: QA and four digits, of which the first names the phase.
    `qcompile explain` without a code lists all of them.

    Erroneous:  qcompile explain QA9999
    Corrected:  qcompile explain QA0020
    """

    name: str
    candidates: tuple[str, ...] = ()


@message("QA0021", "unknown target `{name}`")
class UnknownTargetOption(Message):
    """`--target` takes the name of a target that the file declares, or of a device that qcompile
    knows.

    Erroneous:  qcompile adapter.qa --target fake_torono
    Corrected:  qcompile adapter.qa --target fake_torino
    """

    name: str
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates) or (
            "name a target of the file, or a device; `qcompile targets` lists the devices",
        )


@message("QA0022", "there is no circuit to write to `{path}`")
class NoCircuits(Message):
    """
    The adapter consists of linear maps and tensor networks alone, or its circuits vanished because
    nothing depends on them. The files of this suffix hold circuits only.

    Erroneous:  qcompile examples/lora.qa -o lora.qasm
    Corrected:  qcompile examples/qtha.qa -o qtha.qasm
    """

    path: str


@message(
    "QA0023",
    "file `{path}` has no adapter to compile",
    help="write an `adapter`, or name the file that imports this one; `qcompile check` takes both",
)
class NothingToCompile(Message):
    """
    Constants, blocks, layers and targets are there for adapters to use, in the same file or in one
    that imports them. A file without an adapter can be checked, formatted and imported, but there
    is nothing in it to compile.

    Erroneous:  qcompile blocks.qa
    Corrected:  qcompile adapter.qa     (which says `import "blocks.qa"`)
    """

    path: str


@message(
    "QA0024",
    "the system refused what qcompile needs: {reason}",
    help=(
        "look for a full disk, a deleted current folder, a folder for temporary files that nobody"
        " may write to, or limits on memory and open files"
    ),
)
class SystemRefused(Message):
    """Something outside of the command line and its files went wrong: no memory, no place for
    temporary files, a current folder that was deleted, too many open files. With
    QCOMPILE_TRACEBACK=1 in the environment the place in the program is shown as well.

    Erroneous:  TMPDIR=/none qcompile adapter.qa     (where /tmp and the current folder are full)
    Corrected:  TMPDIR=/scratch qcompile adapter.qa
    """

    reason: str


@message(
    "QA0041",
    "there is no circuit that a control could replace",
    help="compile the file without `--control`",
)
class NoControl(Message):
    """
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


@message(
    "QA0042",
    "adapter `{adapter}` has no circuit, so `--control` leaves it as it is",
    severity="warning",
    label="nothing to replace",
)
class LeftAsItIs(Message):
    """
    `--control` is about all adapters of a file. Those without circuits are compiled as they stand,
    beside the controls of the others.

    Erroneous:  qcompile both.qa --control      (with an adapter of linear maps alone in it)
    Corrected:  qcompile quantum.qa --control   (where every adapter has a circuit)
    """

    adapter: str


@message("QA0051", "`{path}` has no suffix of an adapter")
class NoAdapterFile(Message):
    """`convert` reads compiled adapters. A source is compiled first; circuits and printed levels do
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


@message(
    "QA0052", "`{option}` has no effect without {needed}", help="leave it out, or add {needed}"
)
class OptionWithoutEffect(Message):
    """
    The option belongs to one kind of output, or to one of the places where circuits run, and
    another was asked for. To ignore it would hide a mistake.

    Erroneous:  qcompile convert adapter.pt adapter.safetensors --rank 4
    Corrected:  qcompile convert adapter.pt lora/ --to lora --rank 4
    """

    option: str
    needed: str


@message("QA0061", "unknown command `{command}`")
class UnknownCommand(Message):
    """
    Without a command in front the command line compiles one file. Here it starts with a word that
    is neither a `.qa` file nor a command, but nearly one.

    Erroneous:  qcompile reprot adapter.qa
    Corrected:  qcompile report adapter.qa
    """

    command: str
    candidates: tuple[str, ...] = ()
