"""QA1xxx: reading, lexing and parsing a source text, and the limits on its size."""

from __future__ import annotations

from qcompile.diagnostics.diagnostic import Label
from qcompile.diagnostics.message import Message, message
from qcompile.diagnostics.source import Span


@message("QA1001", "expected {expected}, found {found}", label="unexpected")
class Unexpected(Message):
    """What is written does not follow the grammar of the language at the marked place. The message
    lists what could stand there instead.

    Erroneous:  h = linear(x, to: )
    Corrected:  h = linear(x, to: rank)
    """

    expected: str
    found: str
    advice: str = ""

    def helps(self) -> tuple[str, ...]:
        return (self.advice,) if self.advice else ()


@message("QA1002", "unexpected character `{character}` ({name})", label="not part of the language")
class UnexpectedCharacter(Message):
    """Outside strings and comments a text consists of ASCII names, numbers and the signs of the
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


@message(
    "QA1003",
    "this string has no closing quote",
    label="the line ends inside the string",
    help='close it with `"`; a string cannot go over several lines',
)
class UnterminatedString(Message):
    """
    A string starts and ends with a double quote on the same line. A quote inside it is written \\".

    Erroneous:  attach "*.q_proj
    Corrected:  attach "*.q_proj"
    """


@message(
    "QA1004",
    "unknown escape `{escape}`",
    help='the escapes are `\\"`, `\\\\`, `\\n` and `\\t`; a backslash itself is `\\\\`',
)
class UnknownEscape(Message):
    """
    Inside a string a backslash starts an escape: \\" for a quote, \\\\ for a backslash, \\n for a
    new line, \\t for a tab. There are no others.

    Erroneous:  model "configs\\qwen2"
    Corrected:  model "configs/qwen2"
    """

    escape: str


@message("QA1005", "{name} inside a string", label="here", help="write a tab as `\\t`")
class ControlInString(Message):
    """Control characters cannot be seen, so a string must not hold them as they are.

    Erroneous:  require rank > 0, "rank	must be positive"      (a tab after rank)
    Corrected:  require rank > 0, "rank\\tmust be positive"
    """

    name: str


@message("QA1006", "malformed number `{text}`", label="{reason}")
class MalformedNumber(Message):
    """
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


@message("QA1007", "unknown unit `{unit}`", label="not a unit", help="the units are: {units}")
class UnknownUnit(Message):
    """
    A unit follows its number without a space: pct (per cent), ppm, deg, rad, mrad, ns, us, ms, s.
    Multiplication needs its sign, and a name cannot start with a digit.

    Erroneous:  readout: 2percent        h = linear(x, to: 2rank)
    Corrected:  readout: 2pct            h = linear(x, to: 2 * rank)
    """

    unit: str
    units: tuple[str, ...]
    candidates: tuple[str, ...] = ()


@message("QA1008", "a number of {digits} digits is more than the limit of {limit}")
class NumberTooLong(Message):
    """No size or angle needs so many digits; a longer literal is a mistake.

    Erroneous:  bus: int = 1000000000000000000000000000000000000000000000000000
    Corrected:  bus: int = 1000
    """

    digits: int
    limit: int


@message("QA1009", "number `{text}` is too large", label="beyond 1.8e308")
class NumberOutOfRange(Message):
    """Real numbers are IEEE double precision; the largest is about 1.8e308.

    Erroneous:  alpha: real = 1e999
    Corrected:  alpha: real = 1e9
    """

    text: str


@message(
    "QA1010",
    "name `{name}` has characters other than ASCII letters, digits and `_`",
    label="not a name of the language",
)
class NameNotAscii(Message):
    """Names become names of parameters in saved files, so they consist of the letters a-z and A-Z,
    digits and underscores, and do not start with a digit. Comments and strings may hold anything.

    Erroneous:  adapter x(θ: real = 0.1) { … }
    Corrected:  adapter x(theta: real = 0.1) { … }
    """

    name: str


@message("QA1011", "a name of {length} characters is longer than the limit of {limit}")
class NameTooLong(Message):
    """Names appear in messages, reports and saved files and have at most 200 characters.

    Erroneous:  let aaaaaaaa…aaaaaaaa = 1        (300 letters)
    Corrected:  let a = 1
    """

    length: int
    limit: int


@message(
    "QA1012",
    "`{word}` is reserved for a later version of the language",
    label="reserved",
    help="if it is meant as a name, choose another, such as `{word}_`",
)
class ReservedWord(Message):
    """
    The words observable and channel mean nothing in version 1 of the language. They are kept free
    for what later versions will be able to say.

    Erroneous:  channel = linear(x, to: 8)
    Corrected:  head = linear(x, to: 8)
    """

    word: str


@message(
    "QA1013",
    "`{word}` is a keyword and cannot be a name",
    label="expected a name",
    help="choose another name, such as `{word}_`",
)
class KeywordAsName(Message):
    """Keywords such as `target`, `shape` or `measure` cannot name a value, a parameter or an item.

    Erroneous:  target = linear(x, to: 8)
    Corrected:  goal = linear(x, to: 8)
    """

    word: str


@message(
    "QA1015",
    "the file does not start with its version",
    label="expected `qa 1`",
    help="make `qa 1` the first line",
)
class MissingVersion(Message):
    """The first statement of a file says which version of the language it is written in, so that
    it keeps its meaning when the language grows. Only comments may stand before it.

    Erroneous:  adapter lora(rank: int = 8) { … }

    Corrected:  qa 1

                adapter lora(rank: int = 8) { … }
    """


@message(
    "QA1016", "the language has no version {version} here", label="this qcompile reads version 1"
)
class UnknownVersion(Message):
    """This compiler reads version 1 of the language. A file that asks for a later one needs a newer
    qcompile; versions are whole numbers.

    Erroneous:  qa 7
    Corrected:  qa 1
    """

    version: str
    newer: bool

    def helps(self) -> tuple[str, ...]:
        return ("this file needs a newer qcompile" if self.newer else "write `qa 1`",)


@message(
    "QA1017",
    "the version stands in the middle of the file",
    label="only the first statement can be `qa`",
    help="remove this line; `qa 1` stands once, at the start of the file",
)
class MisplacedVersion(Message):
    """`qa 1` is the first statement of a file and stands there only.

    Erroneous:  qa 1
                let bus = 256
                qa 1

    Corrected:  qa 1
                let bus = 256
    """


@message("QA1018", "`{opener}` is never closed", label="opened here")
class Unclosed(Message):
    """Every `(`, `[` and `{` needs its partner. The message marks the opening bracket and the place
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


@message(
    "QA1019",
    "`{closer}` closes nothing",
    label="no `{opener}` is open here",
    help="remove it, or add the `{opener}` that is missing before it",
)
class UnmatchedCloser(Message):
    """A closing bracket needs an opening one of its kind before it.

    Erroneous:  h = linear(x, to: 8))
    Corrected:  h = linear(x, to: 8)
    """

    closer: str
    opener: str


@message("QA1020", "`{opener}` is closed by `{closer}`", label="expected `{expected}`")
class WrongCloser(Message):
    """A bracket is closed by its own partner: `(` by `)`, `[` by `]`, `{` by `}`.

    Erroneous:  h = linear(x, to: 8]
    Corrected:  h = linear(x, to: 8)
    """

    opener: str
    closer: str
    expected: str
    opened: Span

    def secondary(self) -> tuple[Label, ...]:
        return (Label(self.opened, "opened here"),)


@message(
    "QA1021",
    "`=` where `:` belongs",
    label="expected `:`",
    help="{place} is written `{name}: value`",
)
class EqualsForColon(Message):
    """
    Arguments and the fields of targets are written with a colon; `=` binds a name in a statement of
    its own.

    Erroneous:  h = linear(x, to = 8)        target t { shots = 4096 }
    Corrected:  h = linear(x, to: 8)         target t { shots: 4096 }
    """

    name: str
    place: str


@message(
    "QA1022",
    "`:` where `=` belongs",
    label="expected `=`",
    help="a statement binds a name by `{name} = value`",
)
class ColonForEquals(Message):
    """A statement binds a name with `=`; the colon stands in arguments, parameters and fields.

    Erroneous:  h: linear(x, to: 8)
    Corrected:  h = linear(x, to: 8)
    """

    name: str


@message(
    "QA1023",
    "`=` does not compare",
    label="expected `==`",
    help="write `==` to ask whether two values are equal",
)
class EqualsForComparison(Message):
    """`=` binds a name to a value; `==` compares two values.

    Erroneous:  require rank % 2 = 0
    Corrected:  require rank % 2 == 0
    """


@message(
    "QA1024",
    "`{sign}` is not an operator of the language",
    label="unknown operator",
    help="write `{ours}`",
)
class ForeignOperator(Message):
    """Logic is written `and`, `or`, `not`; powers `**`; differences `!=`; ranges `0..4`.

    Erroneous:  require rank > 0 && rank < 64        bus: int = 2 ^ 8
    Corrected:  require rank > 0 and rank < 64       bus: int = 2 ** 8
    """

    sign: str
    ours: str


@message(
    "QA1025",
    "comparisons cannot be chained",
    label="a second comparison",
    help="join two comparisons: `a < b and b < c`",
)
class ChainedComparison(Message):
    """A comparison gives a truth value, which cannot be compared with a number.

    Erroneous:  require 0 < rank < 64
    Corrected:  require 0 < rank and rank < 64
    """


@message(
    "QA1026",
    "the word `qubits` is missing after the size of the circuit",
    label="expected `qubits` before this",
    help="write `circuit(4 qubits) {{ … }}`",
)
class MissingQubits(Message):
    """The first thing between the parentheses of a circuit is its number of qubits, with the word.

    Erroneous:  q = circuit(4) { ry; measure z }
    Corrected:  q = circuit(4 qubits) { ry; measure z }
    """


@message("QA1027", "expected a new line or `;` before {found}", label="starts another statement")
class MissingSeparator(Message):
    """Statements end at the end of the line. Several on one line need `;` between them.

    Erroneous:  layer brick() { ry on 0 cz line }
    Corrected:  layer brick() { ry on 0; cz line }
    """

    found: str


@message("QA1028", "expected `,` before {found}", label="starts another item")
class MissingComma(Message):
    """
    Parameters, arguments and the items of lists are separated by commas, at the ends of lines too.

    Erroneous:  a = mpo(x, to: bus
                        sites: 4, bond: 8)
    Corrected:  a = mpo(x, to: bus,
                        sites: 4, bond: 8)
    """

    found: str


@message(
    "QA1029",
    "parameter `{name}` has a default value but no type",
    label="expected `:` and a type",
    help="write `{name}: int = …`; the types are int, real, bool and text",
)
class MissingType(Message):
    """A parameter is written with its type: int, real, bool or text.

    Erroneous:  adapter lora(rank = 8) { … }
    Corrected:  adapter lora(rank: int = 8) { … }
    """

    name: str


@message("QA1030", "`{word}` cannot stand {here}", label="it belongs {home}")
class StatementNotHere(Message):
    """
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


@message("QA1031", "the text has {size} bytes, more than the limit of {limit}")
class TextTooLarge(Message):
    """An adapter is described in some hundred lines. A text of more than a mebibyte is refused.

    Erroneous:  ry(0.1) on 0          (a million such lines)
    Corrected:  repeat 1000 { ry }
    """

    size: int
    limit: int


@message(
    "QA1032",
    "the text has more than {limit} words and signs",
    label="the limit is reached here",
    help="use `repeat`, `for`, layers and blocks instead of listing",
)
class TooManyTokens(Message):
    """A description of an adapter is short; one of hundreds of thousands of words is generated, and
    what generates it can use `repeat` and `for`.

    Erroneous:  ry on 0; ry on 1; …        (fifty thousand gates)
    Corrected:  for i in 0..n { ry on i }
    """

    limit: int


@message(
    "QA1033",
    "nested more than {limit} levels deep",
    label="the limit is passed here",
    help="bind parts of the expression to names",
)
class NestedTooDeep(Message):
    """
    Brackets, blocks and the operators of one expression may be inside each other up to 100 levels.
    Each operator of a long sum counts as a level.

    Erroneous:  u = ((((…))))
    Corrected:  a = …
                u = a + b
    """

    limit: int
