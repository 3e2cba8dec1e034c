"""From the words of a command line to typed arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from qcompile.cli.option_table import AS_JSON, EMITTED, VERBS, options_of
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import DeviceNotNamed
from qcompile.diagnostics.messages.usage import (
    ConflictingOptions,
    MissingInput,
    MissingOptionValue,
    OptionWithoutEffect,
    UnexpectedArgument,
    UnexpectedOptionValue,
    UnknownCommand,
    UnknownEmit,
    UnknownOption,
    UnknownOptionValue,
    UnknownOutputSuffix,
)
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.limits import DEFAULT_MEMORY, DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.ir.target import MITIGATIONS, Copies, Validation

COMMANDS = {
    "compile": "run_compile",
    "check": "run_check",
    "fmt": "run_fmt",
    "report": "run_report",
    "convert": "run_convert",
    "run": "run_run",
    "targets": "run_targets",
    "explain": "run_explain",
    "version": "run_version",
    "list": "run_list",
}
"""Command → the module of `qcompile.cli` that runs it. `version` and `list` come from options."""

TARGET_ACTIONS = ("list", "show", "export")

MessageFormat = Literal["human", "short", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """A parsed command line."""

    command: str
    inputs: tuple[str, ...] = ()
    output: str | None = None
    model: str | None = None
    trained: str | None = None
    """`--from`: the adapter whose tensors are taken."""
    definitions: tuple[str, ...] = ()
    target: str | None = None
    control: bool = False
    optimisation: int = DEFAULT_OPTIMISATION
    passes: str | None = None
    print_after: tuple[str, ...] = ()
    time_passes: bool = False
    verify: bool = False
    validate: Validation = "none"
    budget: int | None = None
    evaluator: str | None = None
    emit: tuple[str, ...] = ()
    tokens: int = DEFAULT_TOKENS
    memory_limit: int = DEFAULT_MEMORY
    seed: int = 0
    format: Literal["text", "json"] = "text"
    message_format: MessageFormat = "human"
    colour: Literal["auto", "always", "never"] = "auto"
    warnings_are_errors: bool = False
    quiet: bool = False
    verbose: bool = False
    check_only: bool = False
    """`fmt --check`."""
    listing: Literal["passes", "targets"] | None = None
    to: Literal["adapter", "lora", "peft", "surrogate", "transformers"] = "adapter"
    rank: int | float | None = None
    error: float | None = None
    base: str | None = None
    """`convert --to lora`, `--to transformers`."""
    module: str | None = None
    """`convert` to a program, and circuits."""
    bind: tuple[str, ...] = ()
    """What becomes numbers in circuits: `angles`, or the path of a file with data."""
    approximate: bool = False
    """Bound circuits on a device."""
    on: str | None = None
    data: str | None = None
    shots: int | None = None
    mitigate: tuple[str, ...] | None = None
    ledger: str | None = None
    max_shots: int | None = None
    mode: Literal["job", "batch", "session"] = "job"
    max_seconds: int | None = None
    copies: Copies | None = None
    max_jobs: int | None = None


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Read a command line.

    Raises:
        UsageError: Everything that is wrong with it.
    """
    verb, rest = _verb(list(argv))
    options, plain = _split_at_dashes(rest)
    known, others = _parser(verb).parse_known_args(options)
    values = vars(known)
    if values["help"]:
        return Arguments(command="version", inputs=("help", verb))
    if values.get("version"):
        return Arguments(command="version", verbose=bool(values["verbose"]))
    if values.get("list_passes"):
        return Arguments(command="list", listing="passes")
    if values.get("list_targets"):
        return Arguments(command="list", listing="targets")
    problems: list[Message] = [_unknown(verb, text) for text in others if _is_option(text)]
    inputs = (*(text for text in others if not _is_option(text)), *plain)
    arguments = _Reader(verb, values, problems).read(inputs)
    if problems:
        raise UsageError(*problems)
    return arguments


def _verb(argv: list[str]) -> tuple[str, list[str]]:
    if argv and argv[0] in VERBS:
        return argv[0], argv[1:]
    return "compile", argv


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(_translate(message))


def _translate(message: str) -> Message:
    """A message of argparse as one of ours."""
    missing = re.match(r"argument (\S+?)(?:/\S+)*: expected (?:one|at least one) argument", message)
    if missing:
        return MissingOptionValue(option=missing[1])
    flag = re.match(r"argument (\S+?)(?:/\S+)*: ignored explicit argument '(.*)'", message)
    if flag:
        return UnexpectedOptionValue(option=flag[1], value=flag[2])
    return UnexpectedArgument(argument=message)


def _parser(verb: str) -> _Parser:
    parser = _Parser(prog="qcompile", add_help=False, allow_abbrev=False)
    for option in options_of(verb):
        destination = option.names[-1].lstrip("-").replace("-", "_")
        if option.metavar is None:
            parser.add_argument(*option.names, dest=destination, action="store_true")
        else:
            parser.add_argument(
                *option.names, dest=destination, action="append", metavar=option.metavar
            )
    return parser


def _split_at_dashes(argv: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and after `--`."""
    if "--" not in argv:
        return argv, []
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def _is_option(text: str) -> bool:
    return text.startswith("-") and text != "-"


def _unknown(verb: str, text: str) -> Message:
    name = text.partition("=")[0]
    known = tuple(name for option in options_of(verb) for name in option.names)
    return UnknownOption(option=name, candidates=nearest(name, known))


class _Reader:
    """Turns argparse's strings into typed values and collects what is wrong."""

    def __init__(self, verb: str, values: dict[str, object], problems: list[Message]) -> None:
        self._verb = verb
        self._values = values
        self._problems = problems

    def read(self, inputs: tuple[str, ...]) -> Arguments:
        if not inputs and self._verb not in ("explain", "targets"):
            self._problems.append(MissingInput())
        if self._verb == "compile":
            self._problems.extend(self._beyond_one_file(inputs))
        if self._verb == "convert":
            self._problems.extend([MissingInput()] * (len(inputs) == 1))
            self._problems.extend(UnexpectedArgument(argument=extra) for extra in inputs[2:])
        if self._verb == "targets":
            self._problems.extend(self._about_targets(inputs))
        if self._verb == "run":
            self._problems.extend(UnexpectedArgument(argument=extra) for extra in inputs[1:])
            for name, option in (("data", "--data"), ("output", "-o")):
                if not self._list(name):
                    self._problems.append(MissingOptionValue(option=option))
            if not self._list("on")[-1:] or not self._list("on")[-1].startswith("ibm_"):
                self._problems.extend(
                    OptionWithoutEffect(option=option, needed="`--on ibm_…`")
                    for name, option in (("mode", "--mode"), ("max_seconds", "--max-seconds"))
                    if self._list(name)
                )
        if self._verb == "report" and self._list("on"):
            self._problems.extend(UnexpectedArgument(argument=extra) for extra in inputs[1:])
        if self._verb == "report" and not self._list("on"):
            for name in ("shots", "mitigate", "max-shots", "max-jobs", "copies"):
                if self._list(name.replace("-", "_")):
                    message = OptionWithoutEffect(option=f"--{name}", needed="`--on`")
                    self._problems.append(message)
        if self._values.get("approximate") and not self._list("bind"):
            self._problems.append(OptionWithoutEffect(option="--approximate", needed="`--bind`"))
        optimise = self._one("optimise", "-O")
        passes = self._one("passes", "--passes")
        if optimise is not None and passes is not None:
            self._problems.append(ConflictingOptions(first="-O", second="--passes"))
        self._about_conversion()
        emit = tuple(_split(self._list("emit")))
        self._problems.extend(
            UnknownEmit(name=name, allowed=EMITTED, candidates=nearest(name, EMITTED))
            for name in emit
            if name not in EMITTED
        )
        as_json = self._verb == "compile" and self._one("format", "--format") == "json"
        if as_json and (len(emit) != 1 or emit[0] not in AS_JSON):
            needed = f"one of {', '.join(f'`--emit {name}`' for name in AS_JSON)}"
            self._problems.append(OptionWithoutEffect(option="--format json", needed=needed))
        defaults = Arguments(command=self._verb)
        return Arguments(
            command=self._verb,
            inputs=inputs,
            output=self._one("output", "-o"),
            model=self._one("model", "--model"),
            trained=self._one("from", "--from"),
            definitions=tuple(self._list("define")),
            target=self._one("target", "--target"),
            control=bool(self._values.get("control")),
            optimisation=int(self._choice(optimise, "-O", ("0", "1", "2", "3"), "2")),
            passes=passes,
            print_after=tuple(_split(self._list("print_after"))),
            time_passes=bool(self._values.get("time_passes")),
            verify=bool(self._values.get("verify")),
            validate=self._choice(  # type: ignore[arg-type]
                self._one("validate", "--validate"), "--validate", ("show", "choose"), "none"
            ),
            budget=self._count("budget"),
            evaluator=self._evaluator(),
            emit=emit,
            tokens=self._number("tokens", 1, 2**40, defaults.tokens),
            memory_limit=self._size("memory_limit", defaults.memory_limit),
            seed=self._number("seed", 0, 2**63 - 1, defaults.seed),
            format=self._choice(  # type: ignore[arg-type]
                self._one("format", "--format"), "--format", ("text", "json"), "text"
            ),
            message_format=self._choice(  # type: ignore[arg-type]
                self._one("message_format", "--message-format"),
                "--message-format",
                ("human", "short", "json"),
                "human",
            ),
            colour=self._choice(  # type: ignore[arg-type]
                self._one("color", "--color"), "--color", ("auto", "always", "never"), "auto"
            ),
            warnings_are_errors=self._choice(self._one("warnings", "-W"), "-W", ("error",), "")
            == "error",
            quiet=bool(self._values.get("quiet")),
            verbose=bool(self._values.get("verbose")),
            check_only=bool(self._values.get("check")),
            to=self._choice(  # type: ignore[arg-type]
                self._one("to", "--to"),
                "--to",
                ("adapter", "lora", "peft", "surrogate", "transformers"),
                "adapter",
            ),
            rank=self._rank(),
            error=self._error(),
            base=self._one("base", "--base"),
            on=self._one("on", "--on"),
            data=self._one("data", "--data"),
            shots=self._count("shots"),
            mitigate=self._mitigate(),
            ledger=self._one("ledger", "--ledger"),
            max_shots=self._count("max-shots"),
            max_jobs=self._count("max-jobs"),
            copies=self._copies(),
            mode=self._choice(  # type: ignore[arg-type]
                self._one("mode", "--mode"), "--mode", ("job", "batch", "session"), "job"
            ),
            max_seconds=self._count("max-seconds"),
            module=self._one("module", "--module"),
            bind=tuple(self._bind()),
            approximate=bool(self._values.get("approximate")),
        )

    def _mitigate(self) -> tuple[str, ...] | None:
        text = self._one("mitigate", "--mitigate")
        if text is None:
            return None
        names = tuple(_split([text]))
        for name in names if names != ("none",) else ():
            self._choice(name, "--mitigate", MITIGATIONS, "")
        return () if names == ("none",) else names

    def _copies(self) -> Copies | None:
        text = self._one("copies", "--copies")
        if text is None:
            return None
        match = re.fullmatch(r"(all|[1-9][0-9]{0,5})(?:,([0-9]{1,3}(?:\.[0-9]{1,6})?)%)?", text)
        if match is None:
            allowed = ("a number from 1", "all", "either with a tolerance, such as all,25%")
            self._problems.append(
                UnknownOptionValue(option="--copies", value=text, allowed=allowed)
            )
            return None
        most, share = match.groups()
        found = Copies(most=None if most == "all" else int(most))
        return found if share is None else replace(found, tolerance=float(share) / 100)

    def _bind(self) -> list[str]:
        found = self._list("bind")
        for value in found:
            if value != "angles" and not value.endswith((".npy", ".npz", ".pt")):
                allowed = ("angles", "a file .npy, .npz or .pt")
                self._problems.append(
                    UnknownOptionValue(
                        option="--bind",
                        value=value,
                        allowed=allowed,
                        candidates=nearest(value, ("angles",)),
                    )
                )
        return found

    def _about_targets(self, inputs: tuple[str, ...]) -> list[Message]:
        action, names = (inputs[0], inputs[1:]) if inputs else ("list", ())
        if action not in TARGET_ACTIONS:
            return [UnknownCommand(command=action, candidates=nearest(action, TARGET_ACTIONS))]
        wanted = int(action != "list")
        found: list[Message] = [UnexpectedArgument(argument=extra) for extra in names[wanted:]]
        if len(names) < wanted:
            found.append(DeviceNotNamed(action=action))
        output = self._one("output", "-o")
        if output is not None and action == "list":
            needed = "`targets show` or `targets export`"
            found.append(OptionWithoutEffect(option="-o", needed=needed))
        if output is not None and action == "show" and not output.endswith(".svg"):
            found.append(UnknownOutputSuffix(path=output, suffixes=(".svg",)))
        if self._list("format") and action == "export":
            needed = "`targets list` or `targets show`"
            found.append(OptionWithoutEffect(option="--format", needed=needed))
        return found

    def _beyond_one_file(self, inputs: tuple[str, ...]) -> list[Message]:
        near = nearest(inputs[0], VERBS) if len(inputs) > 1 else ()
        if near and not inputs[0].endswith(".qa"):
            return [UnknownCommand(command=inputs[0], candidates=near)]
        return [UnexpectedArgument(argument=extra) for extra in inputs[1:]]

    def _list(self, name: str) -> list[str]:
        value = self._values.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []

    def _one(self, name: str, option: str) -> str | None:
        """The last value wins, as with compilers."""
        values = self._list(name)
        return values[-1] if values else None

    def _choice(
        self, value: str | None, option: str, allowed: tuple[str, ...], default: str
    ) -> str:
        if value is None:
            return default
        if value not in allowed:
            self._problems.append(
                UnknownOptionValue(
                    option=option, value=value, allowed=allowed, candidates=nearest(value, allowed)
                )
            )
            return default
        return value

    def _evaluator(self) -> str | None:
        """One of qcompile's own, or of another package's."""
        name = self._one("evaluator", "--evaluator")
        if name is None:
            return None
        from qcompile.executors.registry import EXECUTORS

        allowed = ("auto", *EXECUTORS)
        return self._choice(name, "--evaluator", allowed, "auto")

    def _count(self, name: str) -> int | None:
        """A number from 1; None where the option is not given."""
        return self._number(name, 1, 2**53, 0) or None

    def _number(self, name: str, low: int, high: int, default: int) -> int:
        option = f"--{name}"
        text = self._one(name.replace("-", "_"), option)
        if text is None:
            return default
        digits = text.replace("_", "")
        if re.fullmatch(r"[0-9]{1,19}", digits) and low <= int(digits) <= high:
            return int(digits)
        allowed = (f"integers from {low} to {high}",)
        self._problems.append(UnknownOptionValue(option=option, value=text, allowed=allowed))
        return default

    def _about_conversion(self) -> None:
        to = self._one("to", "--to")
        if self._verb == "convert" and to != "lora":
            needed, both = "`--to lora`", "`--to lora` or `--to surrogate`"
            unused = [("rank", needed)]
            if to not in ("peft", "transformers"):
                unused.append(("base", "`--to lora`, `--to peft` or `--to transformers`"))
            if to != "surrogate":
                unused += [(name, both) for name in ("error", "data", "format")]
            self._problems.extend(
                OptionWithoutEffect(option=f"--{name}", needed=wanted)
                for name, wanted in unused
                if self._list(name)
            )
        if self._list("rank") and self._list("error"):
            self._problems.append(ConflictingOptions(first="--rank", second="--error"))

    def _rank(self) -> int | float | None:
        text = self._one("rank", "--rank")
        if text is None:
            return None
        if re.fullmatch(r"[1-9][0-9]{0,5}", text):
            return int(text)
        if re.fullmatch(r"0?\.[0-9]{1,12}|1\.0+", text) and float(text) > 0:
            return float(text)
        allowed = ("a rank such as 8", "a share such as 0.99")
        self._problems.append(UnknownOptionValue(option="--rank", value=text, allowed=allowed))
        return None

    def _error(self) -> float | None:
        text = self._one("error", "--error")
        if text is None:
            return None
        if re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,12}(e-?[0-9]{1,2})?", text) and float(text) < 1:
            return float(text)
        allowed = ("a number below 1 such as 1e-3",)
        self._problems.append(UnknownOptionValue(option="--error", value=text, allowed=allowed))
        return None

    def _size(self, name: str, default: int) -> int:
        option = "--memory-limit"
        text = self._one(name, option)
        if text is None:
            return default
        match = re.fullmatch(r"([0-9]{1,15})(?:\s*(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB))?", text)
        if match is None:
            allowed = ("sizes such as 512MiB or 8GiB",)
            self._problems.append(UnknownOptionValue(option=option, value=text, allowed=allowed))
            return default
        return int(match[1]) * _UNITS[match[2] or "B"]


_UNITS = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def _split(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
