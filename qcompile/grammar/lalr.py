"""An LALR parser over tables that lark made of the grammar and that `tables.json` keeps.

To make them takes lark 0.2 s, several times what a parse takes. They are made anew where the
grammar is not the one that they were made of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast
from zlib import crc32

from qcompile.grammar.builder import Builder
from qcompile.grammar.lexeme import Lexeme

HERE = Path(__file__).parent
GRAMMAR = HERE / "adapter.lark"
TABLES = HERE / "tables.json"

Pick = int | None | list[int]
"""A child of a rule by its place, an absent optional symbol, or all children of a repetition."""


class Rule(NamedTuple):
    """How symbols become one."""

    origin: str
    size: int
    """Symbols on the right-hand side."""
    callback: str
    """The method of `Builder`; empty for a repetition, whose value is the list of its children."""
    single: bool
    """A single child stands for itself."""
    picks: list[Pick] | None
    """The children of the callback where they are not the symbols."""

    def reduce(self, builder: Builder, symbols: list[Any]) -> Any:
        children = symbols if self.picks is None else _picked(self.picks, symbols)
        if self.single and len(children) == 1:
            return children[0]
        return getattr(builder, self.callback)(children) if self.callback else children


class ParseTables(NamedTuple):
    """States are numbered from 0, the start; in the last one the text has been accepted."""

    crc: int
    """Of the text of the grammar."""
    rules: list[Rule]
    states: list[dict[str, int]]
    """Of a symbol, the state to go to, or -1 - n for a reduction by rule n."""


@dataclass(slots=True)
class Parser:
    """A parser in the middle of a text; it builds nothing without a `builder`."""

    states: list[int] = field(default_factory=lambda: [0])
    values: list[Any] = field(default_factory=list)
    builder: Builder | None = field(default_factory=Builder)

    def feed(self, kind: str, lexeme: Lexeme | None = None) -> bool:
        """Take a lexeme and return whether the grammar allows it.

        Reductions come before that is known, so states and values change in any case.
        """
        tables, states, values, builder = load_tables(), self.states, self.values, self.builder
        accepted = len(tables.states) - 1
        while states[-1] != accepted:
            action = tables.states[states[-1]].get(kind)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                values.append(lexeme)
                return True
            rule = tables.rules[-1 - action]
            kept = len(values) - rule.size
            symbols = values[kept:]
            del values[kept:], states[len(states) - rule.size :]
            values.append(None if builder is None else rule.reduce(builder, symbols))
            states.append(tables.states[states[-1]][rule.origin])
        return True

    def accepts(self) -> frozenset[str]:
        """Return the terminals that may come next."""

        def accepted(kind: str) -> bool:
            return Parser(list(self.states), list(self.values), None).feed(kind)

        return frozenset(
            filter(accepted, filter(str.isupper, load_tables().states[self.states[-1]]))
        )


@cache
def load_tables() -> ParseTables:
    """Return the tables of the grammar."""
    grammar = GRAMMAR.read_text(encoding="utf-8")
    if TABLES.exists():
        crc, rules, states = json.loads(TABLES.read_bytes())
        if crc == crc32(grammar.encode()):
            return ParseTables(crc, [Rule(*rule) for rule in rules], states)
    return make(grammar)


def make(grammar: str) -> ParseTables:
    """Have lark make the tables of a grammar."""
    from lark import Lark
    from lark.lexer import Lexer
    from lark.parsers.lalr_analysis import Shift

    class NoLexer(Lexer):
        """Lexemes are fed to the parser."""

        def __init__(self, lexer_conf: Any) -> None: ...

        def lex(self, *_: Any) -> Any:
            raise NotImplementedError

    lark = Lark(
        grammar, parser="lalr", lexer=NoLexer, keep_all_tokens=True, maybe_placeholders=True
    )
    conf: Any = lark.parse_interactive("").parser_state.parse_conf
    places = {rule: place for place, rule in enumerate(lark.rules)}
    # Lark's numbers of states differ from run to run.
    numbers: dict[Any, int] = {}
    waiting = [conf.start_state]
    while waiting:
        state = waiting.pop()
        if state not in numbers and state != conf.end_state:
            numbers[state] = len(numbers)
            row = sorted(conf.states[state].items(), reverse=True)
            waiting += [argument for _, (action, argument) in row if action is Shift]
    numbers[conf.end_state] = len(numbers)
    return ParseTables(
        crc32(grammar.encode()),
        [_rule(rule) for rule in lark.rules],
        [
            {
                symbol: numbers[argument] if action is Shift else -1 - places[argument]
                for symbol, (action, argument) in sorted(conf.states[state].items())
            }
            for state in numbers
        ],
    )


def text(tables: ParseTables) -> str:
    """Return what `tables.json` holds, a rule or a state a line."""

    def lines(rows: Iterable[Any]) -> str:
        dump = cast("Callable[[Any], str]", json.JSONEncoder(separators=(",", ":")).encode)
        return "[\n" + ",\n".join(map(dump, rows)) + "\n]"

    return f"[{tables.crc},\n{lines(tables.rules)},\n{lines(tables.states)}]\n"


def _rule(rule: Any) -> Rule:
    """Return a rule of lark with the positions of its children."""
    name, symbols = rule.origin.name, rule.expansion
    picks: list[Pick] = []
    place = 0
    for absent in rule.options.empty_indices or [False] * len(symbols):
        if absent:
            picks.append(None)
            continue
        symbol = symbols[place]
        repeated = not symbol.is_term and symbol.name.startswith("_")
        picks.append([place] if repeated else place)
        place += 1
    return Rule(
        origin=name,
        size=len(symbols),
        callback="" if name.startswith("_") else rule.alias or name,
        single=rule.options.expand1 and not rule.alias,
        picks=None if picks == list(range(len(symbols))) else picks,
    )


def _picked(picks: list[Pick], symbols: list[Any]) -> list[Any]:
    children: list[Any] = []
    for pick in picks:
        if isinstance(pick, list):
            # A repetition is its own first child: it grows in place.
            children = children + symbols[pick[0]] if children else symbols[pick[0]]
        else:
            children.append(None if pick is None else symbols[pick])
    return children
