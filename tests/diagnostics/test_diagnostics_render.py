"""The exact text of renderings, and that carets lie under what they mark."""

from __future__ import annotations

import json
import re
import unicodedata
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from qcompile.diagnostics import Diagnostic, Label, Source, Span
from qcompile.diagnostics.render_human import render_human
from qcompile.diagnostics.render_json import render_json
from qcompile.diagnostics.render_short import render_short

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def mark(text: str, part: str, label: str = "", name: str = "a.qa") -> Label:
    start = text.index(part)
    return Label(Span(Source(name, text), start, start + len(part)), label)


def error(
    primary: Label | None,
    *secondary: Label,
    helps: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    title: str = "unknown name `bnod`",
) -> Diagnostic:
    return Diagnostic(
        code="QA2001",
        severity="error",
        title=title,
        primary=primary,
        secondary=secondary,
        helps=helps,
        notes=notes,
    )


def check(diagnostic: Diagnostic, expected: str) -> None:
    assert render_human([diagnostic]) == dedent(expected).lstrip("\n")


def test_one_label_with_advice() -> None:
    text = "qa 1\nadapter a() {\n    a = mpo(x, bond: bnod)\n}\n"
    check(
        error(
            mark(text, "bnod", "not defined"),
            helps=("did you mean `bond`?", "first line\nsecond line"),
            notes=("names are case-sensitive",),
        ),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:3:22
          |
        3 |     a = mpo(x, bond: bnod)
          |                      ^^^^ not defined
          |
          = help: did you mean `bond`?
          = help: first line
                  second line
          = note: names are case-sensitive
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_labels_on_one_line_hang_from_their_marks() -> None:
    text = "a = mpo(x, bond: 2, bond: 3)"
    check(
        error(
            Label(mark(text, "bond: 3").span, "given again"),
            mark(text, "bond: 2", "given first"),
            mark(text, "mpo", "of this call"),
        ),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:1:21
          |
        1 | a = mpo(x, bond: 2, bond: 3)
          |     ---    -------  ^^^^^^^ given again
          |     |      |
          |     |      given first
          |     of this call
          |
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_label_inside_another_hangs() -> None:
    text = "u = a + b * c"
    check(
        error(mark(text, "b", "here"), mark(text, "a + b * c", "in this sum")),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:1:9
          |
        1 | u = a + b * c
          |     ----^----
          |     |   |
          |     |   here
          |     in this sum
          |
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_span_over_lines_marks_the_first_and_the_last() -> None:
    text = "\n".join(["x"] * 8 + ["q = circuit(4 qubits) {", "    ry", "    rz", "  }", ""])
    check(
        error(mark(text, text[text.index("circuit") : -1], "no `measure`")),
        """
        error[QA2001]: unknown name `bnod`
          --> a.qa:9:5
           |
         9 | q = circuit(4 qubits) {
           |     ^^^^^^^^^^^^^^^^^^^
        ...
        12 |   }
           |   ^ no `measure`
           |
           = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_span_that_ends_with_its_line_break_stays_on_the_line() -> None:
    text = "rank = 4\nbond = 8\n"
    rendered = render_human([error(mark(text, "rank = 4\n", "here"))])
    assert "1 | rank = 4\n  | ^^^^^^^^ here\n" in rendered
    assert "bond" not in rendered


def test_empty_span_at_the_end_of_the_file() -> None:
    text = "adapter a() {\n"
    check(
        error(Label(Span(Source("a.qa", text), len(text), len(text)), "expected `}`")),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:2:1
          |
        2 |
          | ^ expected `}`
          |
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_empty_file() -> None:
    rendered = render_human([error(Label(Span(Source("<stdin>", ""), 0, 0), "empty"))])
    assert " --> <stdin>:1:1\n  |\n1 |\n  | ^ empty\n" in rendered


def test_tabs_and_wide_and_combining_characters_keep_carets_aligned() -> None:
    text = '\t"世界" + e\u0301 + bnod'
    check(
        error(mark(text, "bnod", "here"), mark(text, '"世界"', "text")),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:1:14
          |
        1 |     "世界" + e\u0301 + bnod
          |     ------       ^^^^ here
          |     |
          |     text
          |
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_invisible_and_control_characters_are_escaped() -> None:
    text = "a\x1b[31m\u202eb"
    rendered = render_human([error(mark(text, "b", "here"), title="bad \x07\nname")])
    assert "error[QA2001]: bad \\x07\\x0aname\n" in rendered
    assert (
        "1 | a\\x1b[31m\\u202eb\n  |" + " " * (1 + len("a\\x1b[31m\\u202e")) + "^ here" in rendered
    )


def test_other_sources_get_their_own_place() -> None:
    check(
        error(mark("use b", "b", "here"), mark("block b() {}", "b()", "there", name="lib.qa")),
        """
        error[QA2001]: unknown name `bnod`
         --> a.qa:1:5
          |
        1 | use b
          |     ^ here
         ::: lib.qa:1:7
          |
        1 | block b() {}
          |       --- there
          |
          = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_without_a_place() -> None:
    check(
        error(None, title="file `b.qa` does not exist"),
        """
        error[QA2001]: file `b.qa` does not exist
         = note: run `qcompile explain QA2001` to learn more
        """,
    )


def test_long_lines_are_cut_around_the_mark() -> None:
    text = "a" * 50_000 + "bnod" + "c" * 50_000
    rendered = render_human([error(mark(text, "bnod", "here"))])
    line, carets = rendered.splitlines()[3:5]
    assert line.startswith("1 | ...a") and line.endswith("c...") and len(line) < 160
    assert carets.index("^^^^ here") == line.index("bnod")


def test_two_diagnostics_have_a_blank_line_between() -> None:
    one = render_human([error(None)])
    assert render_human([error(None)] * 2) == one + "\n" + one
    assert render_human([]) == ""


def test_colour_changes_no_character() -> None:
    text = "a = mpo(x, bond: 2, bond: 3)"
    diagnostic = error(mark(text, "bond: 3", "again"), mark(text, "x", "of"), helps=("try",))
    coloured = render_human([diagnostic], colour=True)
    assert "\x1b[1;31m" in coloured
    assert ANSI.sub("", coloured) == render_human([diagnostic])


def test_short_form() -> None:
    diagnostics = [error(mark("\n  x = bnod", "bnod")), error(None, title="no\nplace")]
    assert render_short(diagnostics) == (
        "a.qa:2:7: error[QA2001]: unknown name `bnod`\nerror[QA2001]: no\\x0aplace\n"
    )


def test_json_form() -> None:
    text = "世 = bnod\nb"
    diagnostic = error(
        mark(text, "bnod\nb", "here"), mark(text, "世"), helps=("try",), notes=("so",)
    )
    line, end = render_json([diagnostic]).split("\n")
    assert end == "" and line.isascii()
    record = json.loads(line)
    assert record.pop("rendered") == render_human([diagnostic])
    child: dict[str, object] = {"code": None, "spans": [], "children": [], "rendered": None}
    assert record == {
        "$message_type": "diagnostic",
        "message": "unknown name `bnod`",
        "code": {"code": "QA2001", "explanation": None},
        "level": "error",
        "spans": [
            {
                "file_name": "a.qa",
                "byte_start": 6,
                "byte_end": 12,
                "line_start": 1,
                "line_end": 2,
                "column_start": 5,
                "column_end": 2,
                "is_primary": True,
                "label": "here",
                "text": [
                    {"text": "世 = bnod", "highlight_start": 5, "highlight_end": 9},
                    {"text": "b", "highlight_start": 1, "highlight_end": 2},
                ],
            },
            {
                "file_name": "a.qa",
                "byte_start": 0,
                "byte_end": 3,
                "line_start": 1,
                "line_end": 1,
                "column_start": 1,
                "column_end": 2,
                "is_primary": False,
                "label": None,
                "text": [{"text": "世 = bnod", "highlight_start": 1, "highlight_end": 2}],
            },
        ],
        "children": [
            {"message": "try", "level": "help", **child},
            {"message": "so", "level": "note", **child},
        ],
    }


TEXTS = st.text(alphabet=st.one_of(st.sampled_from("ab {}\n\r\t世\u0301\u200d"), st.characters()))


@given(text=TEXTS, data=st.data())
def test_any_span_of_any_text_renders(text: str, data: st.DataObject) -> None:
    source = Source("a.qa", text)
    offsets = st.integers(0, len(text))
    spans = [Span(source, *sorted((data.draw(offsets), data.draw(offsets)))) for _ in range(3)]
    primary, *secondary = [Label(span, data.draw(st.text(max_size=5))) for span in spans]
    diagnostic = error(primary, *secondary, title=data.draw(st.text(max_size=9)))
    rendered = render_human([diagnostic])
    visible = [c for c in rendered if c not in "\n\u200c\u200d"]
    assert not [c for c in visible if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert "^" in rendered
    assert ANSI.sub("", render_human([diagnostic], colour=True)) == rendered
    assert len(render_short([diagnostic]).splitlines()) == 1
    (span, *_) = json.loads(render_json([diagnostic]))["spans"]
    encoded = text.encode("utf-8", "surrogatepass")[span["byte_start"] : span["byte_end"]]
    assert encoded.decode("utf-8", "surrogatepass") == primary.span.text


@given(
    before=st.text(alphabet="ab \t世e\u0301", max_size=20),
    after=st.text(alphabet="ab \t世", max_size=20),
)
def test_a_caret_lies_under_the_character_it_marks(before: str, after: str) -> None:
    text = f"{before}Q{after}"
    rendered = render_human([error(mark(text, "Q"))])
    line, carets = rendered.splitlines()[3:5]

    def cells(part: str) -> int:
        wide = sum(unicodedata.east_asian_width(c) == "W" for c in part)
        return len(part) + wide - sum(map(bool, map(unicodedata.combining, part)))

    assert cells(line[: line.index("Q")]) == carets.index("^")
    assert carets.count("^") == 1
