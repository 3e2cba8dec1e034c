"""QA1xxx: reading, lexing and parsing a source text, and the limits on its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected(Message):
    """A token that cannot stand where it does."""

    code: ClassVar[str] = "QA1001"
    title: ClassVar[str] = "expected {expected}, found {found}"
    label: ClassVar[str] = "unexpected"
    explanation: ClassVar[str] = """
    What is written does not follow the grammar of the language at the marked place. The message
    lists what could stand there instead.

    Erroneous:  h = linear(x, to: )
    Corrected:  h = linear(x, to: rank)
    """

    expected: str
    found: str
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        return (self.advice,) if self.advice else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedCharacter(Message):
    """A character that belongs to no token."""

    code: ClassVar[str] = "QA1002"
    title: ClassVar[str] = "unexpected character `{character}` ({name})"
    label: ClassVar[str] = "not part of the language"
    explanation: ClassVar[str] = """
    Outside strings and comments a text consists of ASCII names, numbers and the signs of the
    language. Characters copied from a document, such as curly quotes and non-breaking spaces, look
    right but are different characters.

    Erroneous:  attach “*.q_proj”
    Corrected:  attach "*.q_proj"
    """

    character: str
    name: str
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        return (self.advice,) if self.advice else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnterminatedString(Message):
    """A string without its closing quote."""

    code: ClassVar[str] = "QA1003"
    title: ClassVar[str] = "this string has no closing quote"
    label: ClassVar[str] = "the line ends inside the string"
    help: ClassVar[str | None] = 'close it with `"`; a string cannot go over several lines'
    explanation: ClassVar[str] = """
    A string starts and ends with a double quote on the same line. A quote inside it is written \\".

    Erroneous:  attach "*.q_proj
    Corrected:  attach "*.q_proj"
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEscape(Message):
    """A backslash before a character that needs none."""

    code: ClassVar[str] = "QA1004"
    title: ClassVar[str] = "unknown escape `{escape}`"
    help: ClassVar[str | None] = (
        'the escapes are `\\"`, `\\\\`, `\\n` and `\\t`; a backslash itself is `\\\\`'
    )
    explanation: ClassVar[str] = """
    Inside a string a backslash starts an escape: \\" for a quote, \\\\ for a backslash, \\n for a
    new line, \\t for a tab. There are no others.

    Erroneous:  model "configs\\qwen2"
    Corrected:  model "configs/qwen2"
    """

    escape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlInString(Message):
    """A tab or another control character inside a string."""

    code: ClassVar[str] = "QA1005"
    title: ClassVar[str] = "{name} inside a string"
    label: ClassVar[str] = "here"
    help: ClassVar[str | None] = "write a tab as `\\t`"
    explanation: ClassVar[str] = """
    Control characters cannot be seen, so a string must not hold them as they are.

    Erroneous:  require rank > 0, "rank	must be positive"      (a tab after rank)
    Corrected:  require rank > 0, "rank\\tmust be positive"
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedNumber(Message):
    """A number written in a way the language does not have."""

    code: ClassVar[str] = "QA1006"
    title: ClassVar[str] = "malformed number `{text}`"
    label: ClassVar[str] = "{reason}"
    explanation: ClassVar[str] = """
    A number has digits on both sides of its point, no leading zeros, and underscores only between
    digits.

    Erroneous:  .5   5.   007   1__000   100_
    Corrected:  0.5  5.0  7     1_000    100
    """

    text: str
    reason: str
    suggestion: str = ""

    def helps(self) -> tuple[str, ...]:
        return (f"write `{self.suggestion}`",) if self.suggestion else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownUnit(Message):
    """Letters after a number that are no unit."""

    code: ClassVar[str] = "QA1007"
    title: ClassVar[str] = "unknown unit `{unit}`"
    label: ClassVar[str] = "not a unit"
    help: ClassVar[str | None] = "the units are: {units}"
    explanation: ClassVar[str] = """
    A unit follows its number without a space: pct (per cent), ppm, deg, rad, mrad, ns, us, ms, s.
    Multiplication needs its sign, and a name cannot start with a digit.

    Erroneous:  readout: 2percent        h = linear(x, to: 2rank)
    Corrected:  readout: 2pct            h = linear(x, to: 2 * rank)
    """

    unit: str
    units: tuple[str, ...]
    candidates: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return did_you_mean(self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTooLong(Message):
    """More digits than any number here needs."""

    code: ClassVar[str] = "QA1008"
    title: ClassVar[str] = "a number of {digits} digits is more than the limit of {limit}"
    explanation: ClassVar[str] = """
    No size or angle needs so many digits; a longer literal is a mistake.

    Erroneous:  bus: int = 1000000000000000000000000000000000000000000000000000
    Corrected:  bus: int = 1000
    """

    digits: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberOutOfRange(Message):
    """A real number that overflows."""

    code: ClassVar[str] = "QA1009"
    title: ClassVar[str] = "number `{text}` is too large"
    label: ClassVar[str] = "beyond 1.8e308"
    explanation: ClassVar[str] = """
    Real numbers are IEEE double precision; the largest is about 1.8e308.

    Erroneous:  alpha: real = 1e999
    Corrected:  alpha: real = 1e9
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameNotAscii(Message):
    """A name with letters beyond ASCII."""

    code: ClassVar[str] = "QA1010"
    title: ClassVar[str] = "name `{name}` has characters other than ASCII letters, digits and `_`"
    label: ClassVar[str] = "not a name of the language"
    explanation: ClassVar[str] = """
    Names become names of parameters in saved files, so they consist of the letters a-z and A-Z,
    digits and underscores, and do not start with a digit. Comments and strings may hold anything.

    Erroneous:  adapter x(θ: real = 0.1) { … }
    Corrected:  adapter x(theta: real = 0.1) { … }
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTooLong(Message):
    """A name longer than the limit."""

    code: ClassVar[str] = "QA1011"
    title: ClassVar[str] = "a name of {length} characters is longer than the limit of {limit}"
    explanation: ClassVar[str] = """
    Names appear in messages, reports and saved files and have at most 200 characters.

    Erroneous:  let aaaaaaaa…aaaaaaaa = 1        (300 letters)
    Corrected:  let a = 1
    """

    length: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedWord(Message):
    """A word that a later version of the language will use."""

    code: ClassVar[str] = "QA1012"
    title: ClassVar[str] = "`{word}` is reserved for a later version of the language"
    label: ClassVar[str] = "reserved"
    help: ClassVar[str | None] = "if it is meant as a name, choose another, such as `{word}_`"
    explanation: ClassVar[str] = """
    The words observable and channel mean nothing in version 1 of the language. They are kept free
    for what later versions will be able to say.

    Erroneous:  channel = linear(x, to: 8)
    Corrected:  head = linear(x, to: 8)
    """

    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordAsName(Message):
    """A keyword where a name must stand."""

    code: ClassVar[str] = "QA1013"
    title: ClassVar[str] = "`{word}` is a keyword and cannot be a name"
    label: ClassVar[str] = "expected a name"
    help: ClassVar[str | None] = "choose another name, such as `{word}_`"
    explanation: ClassVar[str] = """
    Keywords such as `target`, `shape` or `measure` cannot name a value, a parameter or an item.

    Erroneous:  target = linear(x, to: 8)
    Corrected:  goal = linear(x, to: 8)
    """

    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteOrderMark(Message):
    """An invisible mark at the start of the text."""

    code: ClassVar[str] = "QA1014"
    title: ClassVar[str] = "the text starts with a byte order mark"
    label: ClassVar[str] = "an invisible character"
    help: ClassVar[str | None] = "save the file as UTF-8 without a byte order mark (BOM)"
    explanation: ClassVar[str] = """
    Some editors put the invisible character U+FEFF before the text. UTF-8 does not need it, and it
    keeps tools that compare bytes from recognising equal files.

    Erroneous:  <U+FEFF>qa 1
    Corrected:  qa 1

    To remove it:  sed -i '1s/^\\xEF\\xBB\\xBF//' adapter.qa
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingVersion(Message):
    """The first line is not `qa 1`."""

    code: ClassVar[str] = "QA1015"
    title: ClassVar[str] = "the file does not start with its version"
    label: ClassVar[str] = "expected `qa 1`"
    help: ClassVar[str | None] = "make `qa 1` the first line"
    explanation: ClassVar[str] = """
    The first statement of a file says which version of the language it is written in, so that
    it keeps its meaning when the language grows. Only comments may stand before it.

    Erroneous:  adapter lora(rank: int = 8) { … }

    Corrected:  qa 1

                adapter lora(rank: int = 8) { … }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownVersion(Message):
    """A version of the language that this compiler does not know."""

    code: ClassVar[str] = "QA1016"
    title: ClassVar[str] = "the language has no version {version} here"
    label: ClassVar[str] = "this qcompile reads version 1"
    explanation: ClassVar[str] = """
    This compiler reads version 1 of the language. A file that asks for a later one needs a newer
    qcompile; versions are whole numbers.

    Erroneous:  qa 7
    Corrected:  qa 1
    """

    version: str
    newer: bool

    def helps(self) -> tuple[str, ...]:
        return ("this file needs a newer qcompile" if self.newer else "write `qa 1`",)


@dataclass(frozen=True, slots=True, kw_only=True)
class MisplacedVersion(Message):
    """`qa 1` after the first statement."""

    code: ClassVar[str] = "QA1017"
    title: ClassVar[str] = "the version stands in the middle of the file"
    label: ClassVar[str] = "only the first statement can be `qa`"
    help: ClassVar[str | None] = "remove this line; `qa 1` stands once, at the start of the file"
    explanation: ClassVar[str] = """
    `qa 1` is the first statement of a file and stands there only.

    Erroneous:  qa 1
                let bus = 256
                qa 1

    Corrected:  qa 1
                let bus = 256
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclosed(Message):
    """A bracket that is opened and never closed."""

    code: ClassVar[str] = "QA1018"
    title: ClassVar[str] = "`{opener}` is never closed"
    label: ClassVar[str] = "opened here"
    explanation: ClassVar[str] = """
    Every `(`, `[` and `{` needs its partner. The message marks the opening bracket and the place
    where its partner is missing at the latest.

    Erroneous:  h = linear(x, to: 8
    Corrected:  h = linear(x, to: 8)
    """

    opener: str
    closer: str
    end: Span
    """Where the partner is missing; may be empty."""

    def secondary(self) -> tuple[Label, ...]:
        return (Label(self.end, f"expected `{self.closer}` here at the latest"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedCloser(Message):
    """A closing bracket that closes nothing."""

    code: ClassVar[str] = "QA1019"
    title: ClassVar[str] = "`{closer}` closes nothing"
    label: ClassVar[str] = "no `{opener}` is open here"
    help: ClassVar[str | None] = "remove it, or add the `{opener}` that is missing before it"
    explanation: ClassVar[str] = """
    A closing bracket needs an opening one of its kind before it.

    Erroneous:  h = linear(x, to: 8))
    Corrected:  h = linear(x, to: 8)
    """

    closer: str
    opener: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongCloser(Message):
    """A bracket closed by one of another kind."""

    code: ClassVar[str] = "QA1020"
    title: ClassVar[str] = "`{opener}` is closed by `{closer}`"
    label: ClassVar[str] = "expected `{expected}`"
    explanation: ClassVar[str] = """
    A bracket is closed by its own partner: `(` by `)`, `[` by `]`, `{` by `}`.

    Erroneous:  h = linear(x, to: 8]
    Corrected:  h = linear(x, to: 8)
    """

    opener: str
    closer: str
    expected: str
    opened: Span

    def secondary(self) -> tuple[Label, ...]:
        return (Label(self.opened, "opened here"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualsForColon(Message):
    """`=` between the name and the value of an argument."""

    code: ClassVar[str] = "QA1021"
    title: ClassVar[str] = "`=` where `:` belongs"
    label: ClassVar[str] = "expected `:`"
    help: ClassVar[str | None] = "{place} is written `{name}: value`"
    explanation: ClassVar[str] = """
    Arguments and the fields of targets are written with a colon; `=` binds a name in a statement of
    its own.

    Erroneous:  h = linear(x, to = 8)        target t { shots = 4096 }
    Corrected:  h = linear(x, to: 8)         target t { shots: 4096 }
    """

    name: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColonForEquals(Message):
    """`:` where a statement binds a name."""

    code: ClassVar[str] = "QA1022"
    title: ClassVar[str] = "`:` where `=` belongs"
    label: ClassVar[str] = "expected `=`"
    help: ClassVar[str | None] = "a statement binds a name by `{name} = value`"
    explanation: ClassVar[str] = """
    A statement binds a name with `=`; the colon stands in arguments, parameters and fields.

    Erroneous:  h: linear(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualsForComparison(Message):
    """`=` where two values are compared."""

    code: ClassVar[str] = "QA1023"
    title: ClassVar[str] = "`=` does not compare"
    label: ClassVar[str] = "expected `==`"
    help: ClassVar[str | None] = "write `==` to ask whether two values are equal"
    explanation: ClassVar[str] = """
    `=` binds a name to a value; `==` compares two values.

    Erroneous:  require rank % 2 = 0
    Corrected:  require rank % 2 == 0
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOperator(Message):
    """An operator of another language."""

    code: ClassVar[str] = "QA1024"
    title: ClassVar[str] = "`{sign}` is not an operator of the language"
    label: ClassVar[str] = "unknown operator"
    help: ClassVar[str | None] = "write `{ours}`"
    explanation: ClassVar[str] = """
    Logic is written `and`, `or`, `not`; powers `**`; differences `!=`; ranges `0..4`.

    Erroneous:  require rank > 0 && rank < 64        bus: int = 2 ^ 8
    Corrected:  require rank > 0 and rank < 64       bus: int = 2 ** 8
    """

    sign: str
    ours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedComparison(Message):
    """`a < b < c`."""

    code: ClassVar[str] = "QA1025"
    title: ClassVar[str] = "comparisons cannot be chained"
    label: ClassVar[str] = "a second comparison"
    help: ClassVar[str | None] = "join two comparisons: `a < b and b < c`"
    explanation: ClassVar[str] = """
    A comparison gives a truth value, which cannot be compared with a number.

    Erroneous:  require 0 < rank < 64
    Corrected:  require 0 < rank and rank < 64
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingQubits(Message):
    """A circuit without the word `qubits`."""

    code: ClassVar[str] = "QA1026"
    title: ClassVar[str] = "the word `qubits` is missing after the size of the circuit"
    label: ClassVar[str] = "expected `qubits` before this"
    help: ClassVar[str | None] = "write `circuit(4 qubits) {{ … }}`"
    explanation: ClassVar[str] = """
    The first thing between the parentheses of a circuit is its number of qubits, with the word.

    Erroneous:  q = circuit(4) { ry; measure z }
    Corrected:  q = circuit(4 qubits) { ry; measure z }
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSeparator(Message):
    """Two statements on a line with nothing between them."""

    code: ClassVar[str] = "QA1027"
    title: ClassVar[str] = "expected a new line or `;` before {found}"
    label: ClassVar[str] = "starts another statement"
    explanation: ClassVar[str] = """
    Statements end at the end of the line. Several on one line need `;` between them.

    Erroneous:  layer brick() { ry on 0 cz line }
    Corrected:  layer brick() { ry on 0; cz line }
    """

    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingComma(Message):
    """Two items of a list with nothing between them."""

    code: ClassVar[str] = "QA1028"
    title: ClassVar[str] = "expected `,` before {found}"
    label: ClassVar[str] = "starts another item"
    explanation: ClassVar[str] = """
    Parameters, arguments and the items of lists are separated by commas, at the ends of lines too.

    Erroneous:  a = mpo(x, to: bus
                        sites: 4, bond: 8)
    Corrected:  a = mpo(x, to: bus,
                        sites: 4, bond: 8)
    """

    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingType(Message):
    """A parameter with a default value and no type."""

    code: ClassVar[str] = "QA1029"
    title: ClassVar[str] = "parameter `{name}` has a default value but no type"
    label: ClassVar[str] = "expected `:` and a type"
    help: ClassVar[str | None] = "write `{name}: int = …`; the types are int, real, bool and text"
    explanation: ClassVar[str] = """
    A parameter is written with its type: int, real, bool or text.

    Erroneous:  adapter lora(rank = 8) { … }
    Corrected:  adapter lora(rank: int = 8) { … }
    """

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementNotHere(Message):
    """A statement in a place where it has no meaning."""

    code: ClassVar[str] = "QA1030"
    title: ClassVar[str] = "`{word}` cannot stand {here}"
    label: ClassVar[str] = "it belongs {home}"
    explanation: ClassVar[str] = """
    Each statement has its place: items such as `adapter`, `block`, `layer`, `target` and `let` at
    the top of a file; `attach`, `shape`, `update` and `replace` in an adapter; `return` in a block;
    `encode`, `repeat`, `for`, `angles` and `measure` in a circuit.

    Erroneous:  block mlp(x) { update gelu(x) }
    Corrected:  block mlp(x) { return gelu(x) }
    """

    word: str
    here: str
    home: str
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        return (self.advice,) if self.advice else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTooLarge(Message):
    """A text beyond the limit on size."""

    code: ClassVar[str] = "QA1031"
    title: ClassVar[str] = "the text has {size} bytes, more than the limit of {limit}"
    explanation: ClassVar[str] = """
    An adapter is described in some hundred lines. A text of more than a mebibyte is refused.

    Erroneous:  ry(0.1) on 0          (a million such lines)
    Corrected:  repeat 1000 { ry }
    """

    size: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyTokens(Message):
    """A text of too many words and signs."""

    code: ClassVar[str] = "QA1032"
    title: ClassVar[str] = "the text has more than {limit} words and signs"
    label: ClassVar[str] = "the limit is reached here"
    help: ClassVar[str | None] = "use `repeat`, `for`, layers and blocks instead of listing"
    explanation: ClassVar[str] = """
    A description of an adapter is short; one of hundreds of thousands of words is generated, and
    what generates it can use `repeat` and `for`.

    Erroneous:  ry on 0; ry on 1; …        (fifty thousand gates)
    Corrected:  for i in 0..n { ry on i }
    """

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedTooDeep(Message):
    """Brackets or operators inside each other beyond the limit."""

    code: ClassVar[str] = "QA1033"
    title: ClassVar[str] = "nested more than {limit} levels deep"
    label: ClassVar[str] = "the limit is passed here"
    help: ClassVar[str | None] = "bind parts of the expression to names"
    explanation: ClassVar[str] = """
    Brackets, blocks and the operators of one expression may be inside each other up to 100 levels.
    Each operator of a long sum counts as a level.

    Erroneous:  u = ((((…))))
    Corrected:  a = …
                u = a + b
    """

    limit: int
