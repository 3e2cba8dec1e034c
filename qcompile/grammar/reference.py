"""The tables of the language reference, made from the tables that drive the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qcompile.grammar.functions import (
    CIRCUIT,
    COPIES_FIELDS,
    DEVICES,
    ENCODINGS,
    INITIALISATIONS,
    NOISE_FIELDS,
    PENALTIES,
    PROXIMALS,
    SCALARS,
    TARGET_FIELDS,
    UNITARY,
    TargetField,
)
from qcompile.grammar.numbers import UNITS
from qcompile.ir.gates import GATES
from qcompile.ir.patterns import PATTERNS
from qcompile.ir.portable import GROUPS, PARTS
from qcompile.ir.registry import operations
from qcompile.ir.signature import Family, Function, OptionKind

_KIND_WORDS: dict[OptionKind, str] = {"vector": "value"}


def tables() -> dict[str, str]:
    """Return Markdown tables by the name that marks their place in `docs/language.md`."""
    return {
        "trainable": _functions("trainable"),
        "structure": _functions("structure"),
        "tables": _functions("table"),
        "activations": _functions("activation"),
        "scalar-functions": _functions("scalar"),
        "options": _options(
            [item for item in (*_callable(), CIRCUIT, UNITARY) if len(item.options) > 1]
        ),
        "encodings": _options(ENCODINGS.values()),
        "encoding-meanings": _listed(ENCODINGS.values()),
        "initialisations": _listed(INITIALISATIONS.values()),
        "penalties": _listed(PENALTIES.values()),
        "proximals": _listed(PROXIMALS.values()),
        "devices": _listed(DEVICES.values()),
        "target-fields": _fields(TARGET_FIELDS),
        "noise-fields": _fields(NOISE_FIELDS),
        "copies-fields": _fields(COPIES_FIELDS),
        "gates": _gates(),
        "patterns": _patterns(),
        "portables": _portables(),
        "units": _rows(("unit", "factor"), ((f"`{k}`", f"{v:g}") for k, v in UNITS.items())),
    }


def _callable() -> Iterator[Function]:
    yield from operations().built_in.values()
    yield from SCALARS.values()


def filled(document: str) -> str:
    """Return a document with the tables between its marks made anew.

    A place is marked by `<!-- table NAME -->` and `<!-- end -->` on lines of their own.
    """
    for name, table in tables().items():
        opening, closing = f"<!-- table {name} -->\n", "<!-- end -->"
        if opening not in document:
            continue
        before, _, rest = document.partition(opening)
        _, _, after = rest.partition(closing)
        document = f"{before}{opening}{table}{closing}{after}"
    return document


def _functions(family: Family) -> str:
    return _listed(item for item in _callable() if item.family == family)


def _listed(functions: Iterable[Function]) -> str:
    found = list(functions)
    if any(item.width for item in found):
        return _rows(
            ("form", "meaning", "width"),
            ((f"`{item.signature}`", item.meaning, item.width) for item in found),
        )
    return _rows(("form", "meaning"), ((f"`{item.signature}`", item.meaning) for item in found))


def _options(functions: Iterable[Function]) -> str:
    rows = []
    for function in functions:
        for option in function.options:
            default = "—" if option.default is None else f"`{option.default}`"
            if option.required:
                default = "required"
            choices = f" ({', '.join(option.choices)})" if option.choices else ""
            bounds = "" if option.low is None else f", from {option.low:g}"
            if option.high is not None and option.high < 10**6:
                bounds += f" to {option.high:g}"
            rows.append(
                (
                    f"`{function.name}`",
                    f"`{option.name}`",
                    _KIND_WORDS.get(option.kind, option.kind) + bounds + choices,
                    default,
                    option.meaning,
                )
            )
    return _rows(("function", "argument", "type", "default", "meaning"), rows)


def _fields(fields: Iterable[TargetField]) -> str:
    return _rows(
        ("field", "values", "default", "meaning"),
        ((f"`{item.name}`", item.values, item.default, item.meaning) for item in fields),
    )


def _gates() -> str:
    return _rows(
        ("gate", "qubits", "angles", "real", "meaning"),
        (
            (
                f"`{name}`",
                str(kind.qubits),
                str(kind.angles),
                "yes" if kind.real else "",
                kind.meaning,
            )
            for name, kind in GATES.built_in.items()
        ),
    )


def _patterns() -> str:
    rows = [(f"`{name}`", row.meaning) for name, row in PATTERNS.built_in.items()]
    return _rows(("pattern", "pairs of n qubits"), [*rows, ("`pairs [(a, b), …]`", "as listed")])


def _portables() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in GROUPS.items()]
    for group, parts in PARTS.items():
        rows += [(f"`{group}.{part}`", meaning) for part, meaning in parts.items()]
    return _rows(("word", "modules"), rows)


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [_row(head), _row(tuple("---" for _ in head)), *map(_row, rows)]
    return "".join(f"{line}\n" for line in lines)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
