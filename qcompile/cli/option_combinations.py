"""Which options and inputs of a command line go together."""

from __future__ import annotations

from qcompile.cli.option_table import AS_JSON, EMITTED, VERBS
from qcompile.cli.option_values import OptionValues, comma_separated
from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.devices import DeviceNotNamed
from qcompile.diagnostics.messages.usage import (
    ConflictingOptions,
    MissingInput,
    MissingOptionValue,
    OptionWithoutEffect,
    UnexpectedArgument,
    UnknownCommand,
    UnknownEmit,
    UnknownOutputSuffix,
)
from qcompile.diagnostics.nearest import nearest

TARGET_ACTIONS = ("list", "show", "export")


def combination_problems(
    verb: str, inputs: tuple[str, ...], options: OptionValues
) -> list[Message]:
    """What is wrong with a command line whatever the values of its options are."""
    found: list[Message] = []
    if not inputs and verb not in ("explain", "targets"):
        found.append(MissingInput())
    if verb == "compile":
        found += _beyond_one_file(inputs)
    if verb == "convert":
        found += [MissingInput()] * (len(inputs) == 1)
        found += [UnexpectedArgument(argument=extra) for extra in inputs[2:]]
    if verb == "targets":
        found += _about_targets(inputs, options)
    if verb == "run":
        found += _about_run(inputs, options)
    if verb == "report":
        found += _about_report(inputs, options)
    if options.flag("approximate") and not options.given("bind"):
        found.append(OptionWithoutEffect(option="--approximate", needed="`--bind`"))
    if options.one("optimise") is not None and options.one("passes") is not None:
        found.append(ConflictingOptions(first="-O", second="--passes"))
    found += _about_conversion(verb, options)
    return found + _about_emitted(verb, options)


def _beyond_one_file(inputs: tuple[str, ...]) -> list[Message]:
    near = nearest(inputs[0], VERBS) if len(inputs) > 1 else ()
    if near and not inputs[0].endswith(".qa"):
        return [UnknownCommand(command=inputs[0], candidates=near)]
    return [UnexpectedArgument(argument=extra) for extra in inputs[1:]]


def _about_targets(inputs: tuple[str, ...], options: OptionValues) -> list[Message]:
    action, names = (inputs[0], inputs[1:]) if inputs else ("list", ())
    if action not in TARGET_ACTIONS:
        return [UnknownCommand(command=action, candidates=nearest(action, TARGET_ACTIONS))]
    wanted = int(action != "list")
    found: list[Message] = [UnexpectedArgument(argument=extra) for extra in names[wanted:]]
    if len(names) < wanted:
        found.append(DeviceNotNamed(action=action))
    output = options.one("output")
    if output is not None and action == "list":
        needed = "`targets show` or `targets export`"
        found.append(OptionWithoutEffect(option="-o", needed=needed))
    if output is not None and action == "show" and not output.endswith(".svg"):
        found.append(UnknownOutputSuffix(path=output, suffixes=(".svg",)))
    if options.given("format") and action == "export":
        needed = "`targets list` or `targets show`"
        found.append(OptionWithoutEffect(option="--format", needed=needed))
    return found


def _about_run(inputs: tuple[str, ...], options: OptionValues) -> list[Message]:
    found: list[Message] = [UnexpectedArgument(argument=extra) for extra in inputs[1:]]
    for name, option in (("data", "--data"), ("output", "-o")):
        if not options.given(name):
            found.append(MissingOptionValue(option=option))
    if not (options.one("on") or "").startswith("ibm_"):
        found += [
            OptionWithoutEffect(option=option, needed="`--on ibm_…`")
            for name, option in (("mode", "--mode"), ("max_seconds", "--max-seconds"))
            if options.given(name)
        ]
    return found


def _about_report(inputs: tuple[str, ...], options: OptionValues) -> list[Message]:
    if options.given("on"):
        return [UnexpectedArgument(argument=extra) for extra in inputs[1:]]
    return [
        OptionWithoutEffect(option=f"--{name}", needed="`--on`")
        for name in ("shots", "mitigate", "max-shots", "max-jobs", "copies")
        if options.given(name.replace("-", "_"))
    ]


def _about_conversion(verb: str, options: OptionValues) -> list[Message]:
    found: list[Message] = []
    to = options.one("to")
    if verb == "convert" and to != "lora":
        needed, both = "`--to lora`", "`--to lora` or `--to surrogate`"
        unused = [("rank", needed)]
        if to not in ("peft", "transformers"):
            unused.append(("base", "`--to lora`, `--to peft` or `--to transformers`"))
        if to != "surrogate":
            unused += [(name, both) for name in ("error", "data", "format")]
        found += [
            OptionWithoutEffect(option=f"--{name}", needed=wanted)
            for name, wanted in unused
            if options.given(name)
        ]
    if options.given("rank") and options.given("error"):
        found.append(ConflictingOptions(first="--rank", second="--error"))
    return found


def _about_emitted(verb: str, options: OptionValues) -> list[Message]:
    emit = comma_separated(options.given("emit"))
    found: list[Message] = [
        UnknownEmit(name=name, allowed=EMITTED, candidates=nearest(name, EMITTED))
        for name in emit
        if name not in EMITTED
    ]
    as_json = verb == "compile" and options.one("format") == "json"
    if as_json and (len(emit) != 1 or emit[0] not in AS_JSON):
        needed = f"one of {', '.join(f'`--emit {name}`' for name in AS_JSON)}"
        found.append(OptionWithoutEffect(option="--format json", needed=needed))
    return found
