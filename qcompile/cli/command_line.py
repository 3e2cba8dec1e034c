"""From the words of a command line to typed arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import NoReturn

from qcompile.cli.arguments import Arguments
from qcompile.cli.option_combinations import combination_problems
from qcompile.cli.option_table import VERBS, options_of
from qcompile.cli.option_values import OptionValues, comma_separated
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.usage import (
    MissingOptionValue,
    UnexpectedArgument,
    UnexpectedOptionValue,
    UnknownOption,
)
from qcompile.diagnostics.nearest import nearest


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
    given = OptionValues(values, problems)
    problems += combination_problems(verb, inputs, given)
    arguments = _arguments(verb, inputs, given)
    if problems:
        raise UsageError(*problems)
    return arguments


def _arguments(verb: str, inputs: tuple[str, ...], options: OptionValues) -> Arguments:
    defaults = Arguments(command=verb)
    return Arguments(
        command=verb,
        inputs=inputs,
        output=options.one("output"),
        model=options.one("model"),
        trained=options.one("from"),
        definitions=tuple(options.given("define")),
        target=options.one("target"),
        control=options.flag("control"),
        optimisation=int(options.choice("optimise", ("0", "1", "2", "3"), "2", "-O")),
        passes=options.one("passes"),
        print_after=tuple(comma_separated(options.given("print_after"))),
        time_passes=options.flag("time_passes"),
        verify=options.flag("verify"),
        validate=options.choice("validate", ("show", "choose"), "none"),
        budget=options.count("budget"),
        evaluator=options.evaluator(),
        emit=tuple(comma_separated(options.given("emit"))),
        tokens=options.number("tokens", 1, 2**40, defaults.tokens),
        memory_limit=options.size("memory_limit", defaults.memory_limit),
        seed=options.number("seed", 0, 2**63 - 1, defaults.seed),
        format=options.choice("format", ("text", "json"), "text"),
        message_format=options.choice(
            "message_format",
            ("human", "short", "json"),
            "human",
        ),
        colour=options.choice("color", ("auto", "always", "never"), "auto"),
        warnings_are_errors=options.choice("warnings", ("error",), "", "-W") == "error",
        quiet=options.flag("quiet"),
        verbose=options.flag("verbose"),
        check_only=options.flag("check"),
        to=options.choice(
            "to",
            ("adapter", "lora", "peft", "surrogate", "transformers"),
            "adapter",
        ),
        rank=options.rank(),
        error=options.error(),
        base=options.one("base"),
        on=options.one("on"),
        data=options.one("data"),
        shots=options.count("shots"),
        mitigate=options.mitigate(),
        ledger=options.one("ledger"),
        max_shots=options.count("max-shots"),
        max_jobs=options.count("max-jobs"),
        copies=options.copies(),
        mode=options.choice("mode", ("job", "batch", "session"), "job"),
        max_seconds=options.count("max-seconds"),
        module=options.one("module"),
        bind=tuple(options.bind()),
        approximate=options.flag("approximate"),
    )


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
