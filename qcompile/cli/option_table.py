"""Every option of every command in one table, which drives parsing, help and errors."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from qcompile.ir.limits import DEFAULT_TOKENS

VERBS = ("compile", "check", "fmt", "report", "convert", "run", "targets", "explain")

AS_JSON = ("spec", "program", "plan")
"""Levels that `--format json` writes so that they can be read back."""

EMITTED = ("ast", "spec", "program", "plan", "circuit", "qasm", "qasm2", "tket", "dot")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOption:
    """One option: its spellings, how it reads its value, its help."""

    names: tuple[str, ...]
    help: str
    commands: tuple[str, ...] = VERBS
    metavar: str | None = None
    """None: a flag."""
    many: bool = False


_COMPILING = ("compile", "report")
_READING = ("compile", "report", "check")

OPTIONS: tuple[CommandOption, ...] = (
    CommandOption(
        names=("-o", "--output"),
        metavar="PATH",
        commands=("compile", "run", "targets"),
        help="where to write; the suffix decides what: .pt .safetensors .pt2 .onnx, circuits .qasm"
        " .qasm2 .qpy .json .qir, .dot .txt, or a folder for peft with a slash at the end (default:"
        " the source's name with .pt); of run: .npy or .pt; of targets: .svg of"
        " `show`, .json of `export`",
    ),
    CommandOption(
        names=("--model",),
        metavar="PATH",
        commands=(*_COMPILING, "convert"),
        help="a transformers config.json, or the folder that holds one; of convert: of the base"
        " of a folder of peft's own method; its safetensors where values of the base are needed",
    ),
    CommandOption(
        names=("--from",),
        metavar="ADAPTER",
        commands=("compile",),
        help="start from the tensors of a trained adapter, of the same sizes, smaller or larger",
    ),
    CommandOption(
        names=("-D", "--define"),
        metavar="NAME=VALUE",
        many=True,
        commands=_READING,
        help="set a parameter; ADAPTER.NAME=VALUE for one adapter only",
    ),
    CommandOption(
        names=("--target",),
        metavar="NAME",
        commands=(*_COMPILING, "convert"),
        help="a target of the file, a device, a file with one, or a coupling map such as"
        ' "grid(2, 3)"; of convert: to which circuits are brought',
    ),
    CommandOption(
        names=("--control",),
        commands=_COMPILING,
        help="replace every circuit by a classical map with as many parameters; of a report: show"
        " both beside each other",
    ),
    CommandOption(
        names=("-O", "--optimise"),
        metavar="LEVEL",
        commands=_COMPILING,
        help="0 reference lowering, 1 fast passes, 2 all passes (default), 3 longer search",
    ),
    CommandOption(
        names=("--passes",),
        metavar="LIST",
        commands=_COMPILING,
        help="a pipeline of passes instead of the level's",
    ),
    CommandOption(
        names=("--print-after",),
        metavar="PASS|all",
        many=True,
        commands=_COMPILING,
        help="print the adapter after a pass, to the standard error",
    ),
    CommandOption(
        names=("--time-passes",),
        commands=_COMPILING,
        help="print the time of each phase and pass, to the standard error",
    ),
    CommandOption(
        names=("--verify",),
        commands=_COMPILING,
        help="check the invariants of every level, after each pass, and values of routed circuits",
    ),
    CommandOption(
        names=("--validate",),
        metavar="show|choose",
        commands=_COMPILING,
        help="simulate the device's noise for the best candidates of every circuit: show the errors"
        " in the report's figures, or choose by them",
    ),
    CommandOption(
        names=("--budget",),
        metavar="N",
        commands=_COMPILING,
        help="at most N searches of each circuit on its way to a device: placings, routings,"
        " simulations",
    ),
    CommandOption(
        names=("--emit",),
        metavar="LIST",
        many=True,
        commands=("compile",),
        help=f"print levels instead of writing an adapter: {', '.join(EMITTED)}",
    ),
    CommandOption(
        names=("--evaluator",),
        metavar="NAME",
        commands=_COMPILING,
        help="how circuits are run, whatever their target says, such as statevector or mps",
    ),
    CommandOption(
        names=("--tokens",),
        metavar="N",
        commands=_COMPILING,
        help=f"tokens of a training step, for which costs are weighed (default {DEFAULT_TOKENS})",
    ),
    CommandOption(
        names=("--memory-limit",),
        metavar="SIZE",
        commands=_COMPILING,
        help="memory that a step of one module, or all trainable tensors, may take, such as 8GiB"
        " (the default)",
    ),
    CommandOption(
        names=("--seed",),
        metavar="N",
        commands=(*_COMPILING, "run"),
        help="seed of the initial tensors, or of simulated shots (default 0)",
    ),
    CommandOption(
        names=("--on",),
        metavar="WHERE",
        commands=("run", "report"),
        help="where circuits run: simulator (torch), aer, a device such as fake_torino,"
        " torino.json or ibm_torino (default: as the targets say); of a report: what that takes,"
        " for `--tokens`",
    ),
    CommandOption(
        names=("--data",),
        metavar="FILE",
        commands=("convert", "run"),
        help="inputs (…, in_features): .npy, .pt, or .npz with an `x`, and a `y` where the"
        " adapter reads its module's output; of convert: for which errors of outputs are measured"
        " and surrogates are fitted, .npy for all modules, .npz or .pt for each by its name",
    ),
    CommandOption(
        names=("--shots",),
        metavar="N",
        commands=("run", "report"),
        help="of every value (default: exact, where that is possible)",
    ),
    CommandOption(
        names=("--mitigate",),
        metavar="LIST",
        commands=("run", "report"),
        help="readout (undoes errors of reading by the device's calibration), zne, twirling,"
        " decoupling, several of them with commas, or none",
    ),
    CommandOption(
        names=("--ledger",),
        metavar="PATH",
        commands=("run",),
        help="a file that keeps jobs and results: the same run again takes them over",
    ),
    CommandOption(
        names=("--max-shots",),
        metavar="N",
        commands=("run", "report"),
        help="hand in no more shots than these; of a report: fail where it takes more",
    ),
    CommandOption(
        names=("--max-jobs",),
        metavar="N",
        commands=("run", "report"),
        help="hand in no more jobs than these; of a report: fail where it takes more",
    ),
    CommandOption(
        names=("--mode",),
        metavar="job|batch|session",
        commands=("run",),
        help="how jobs are handed to IBM Quantum: each for itself (the default), all in a batch, or"
        " in a session, which is paid for while it waits",
    ),
    CommandOption(
        names=("--max-seconds",),
        metavar="N",
        commands=("run",),
        help="of IBM's device that a job may take; it is ended then",
    ),
    CommandOption(
        names=("--copies",),
        metavar="N|all[,SHARE%]",
        commands=("run", "report"),
        help="most copies of a circuit side by side on a device, and by how much the predicted"
        " error of a further place may be greater, such as all,25% (default: 1; on ibm_… all,10%)",
    ),
    CommandOption(
        names=("--format",),
        metavar="text|json",
        commands=("compile", "report", "check", "convert", "targets"),
        help="form of the result on the standard output; of `--emit` for spec, program and plan",
    ),
    CommandOption(
        names=("--check",), commands=("fmt",), help="write nothing; exit 1 if a file would change"
    ),
    CommandOption(
        names=("--module",),
        metavar="NAME",
        commands=("compile", "convert", "run"),
        help="circuits, or convert to .pt2 or .onnx, or run: one module alone, such as"
        " model.layers.0.self_attn.q_proj",
    ),
    CommandOption(
        names=("--bind",),
        metavar="angles|FILE",
        many=True,
        commands=("compile", "convert"),
        help="circuits with numbers: `angles` as they are trained; FILE.npy, .npz or .pt with data,"
        " one circuit for each row, angles bound as well",
    ),
    CommandOption(
        names=("--approximate",),
        commands=("compile", "convert"),
        help="bound circuits on a device with fewer two-qubit gates where that loses less than the"
        " gates do; manifests have the bound",
    ),
    CommandOption(
        names=("--to",),
        metavar="adapter|lora|peft|surrogate|transformers",
        commands=("convert",),
        help="`lora`: the nearest plain LoRA of a linear adapter, as a folder; `peft`: a folder of"
        " the method of peft that the adapter is; `surrogate`: the adapter with classical maps in"
        " the place of its circuits; `transformers`: a folder that"
        " loads as the base model with the adapter",
    ),
    CommandOption(
        names=("--rank",),
        metavar="R",
        commands=("convert",),
        help="rank of the LoRA (default 8), or the share of the update to keep, such as 0.99",
    ),
    CommandOption(
        names=("--error",),
        metavar="E",
        commands=("convert",),
        help="take the smallest ranks of the LoRA with ‖ΔW − B A‖ / ‖ΔW‖ at most E, such as 1e-3;"
        " of a surrogate: what may be missing of each value that a circuit gives",
    ),
    CommandOption(
        names=("--base",),
        metavar="NAME",
        commands=("convert",),
        help="name or path of the LoRA's base model, or the folder of the base that transformers is"
        " to load (default: that of the folder that is read)",
    ),
    CommandOption(
        names=("-W", "--warnings"),
        metavar="error",
        commands=_READING,
        help="`-W error` treats warnings as errors",
    ),
    CommandOption(
        names=("--message-format",),
        metavar="human|short|json",
        help="form of diagnostics on the standard error",
    ),
    CommandOption(names=("--color",), metavar="auto|always|never", help="colour of diagnostics"),
    CommandOption(names=("-q", "--quiet"), help="no progress, no summary"),
    CommandOption(
        names=("-v", "--verbose"),
        commands=("compile",),
        help="with --version: the versions of the libraries, too",
    ),
    CommandOption(names=("--list-passes",), commands=("compile",), help="list all passes and exit"),
    CommandOption(
        names=("--list-targets",), commands=("compile",), help="list all known devices and exit"
    ),
    CommandOption(
        names=("-V", "--version"), commands=("compile",), help="print the version and exit"
    ),
    CommandOption(names=("-h", "--help"), help="print this help and exit"),
)

_SUMMARY = {
    "compile": "compile a .qa file to a torch module: qcompile adapter.qa -o adapter.pt",
    "check": "find errors without compiling; needs neither torch nor a model",
    "fmt": "lay out .qa files in their canonical form",
    "report": "what adapters cost: parameters, FLOPs, memory, circuits; LoRA or each other beside",
    "convert": "write an adapter as another kind of file, or its circuits, by suffix",
    "run": "compute an adapter's output, its circuits on a simulator or a device",
    "targets": "list devices, show the figures of one and its map, or write one as a file",
    "explain": "explain the code of a message",
}


def help_text(verb: str) -> str:
    """The help of a command; of `compile`, of the program as a whole."""
    wide = max(len(_usage(option)) for option in options_of(verb))
    lines = [f"usage: qcompile {_synopsis(verb)}", "", _SUMMARY[verb]]
    if verb == "compile":
        lines += ["", "commands:"]
        lines += [f"  {name:10} {_SUMMARY[name]}" for name in VERBS]
        lines += ["  A file whose name is a command is written ./check"]
    lines += ["", "options:"]
    for option in options_of(verb):
        head = f"  {_usage(option):{wide}}  "
        after = " " * len(head)
        lines += textwrap.wrap(option.help, 100, initial_indent=head, subsequent_indent=after)
    return "\n".join(lines) + "\n"


def _synopsis(verb: str) -> str:
    return {
        "compile": "[compile] FILE [-o PATH] [options]",
        "check": "check FILE… [options]",
        "fmt": "fmt FILE… [--check]",
        "report": "report FILE… [options]",
        "convert": "convert FROM TO [options]",
        "run": "run ADAPTER [--on WHERE] --data x.npy -o y.npy [options]",
        "targets": "targets [list | show NAME | export NAME] [options]",
        "explain": "explain [CODE…]",
    }[verb]


def _usage(option: CommandOption) -> str:
    names = ", ".join(option.names)
    return f"{names} {option.metavar}" if option.metavar else names


def options_of(verb: str) -> tuple[CommandOption, ...]:
    """The options that a command takes."""
    return tuple(option for option in OPTIONS if verb in option.commands)
