"""Reading pages and docstrings; folds that share no source."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.data.debian import PagesMissing, packages, pages_of_folder
from evidence.data.docstrings import first_sentences
from evidence.data.labelled import FOLDS, Example, Labelled, distinct, parts_of
from evidence.data.man_pages import man_sections
from evidence.data.naive_bayes import NaiveBayes
from evidence.data.roff import name_line


@pytest.mark.parametrize(
    ("page", "line"),
    [
        (
            ".TH ip 7\n.SH NAME\nip \\- Linux IPv4 protocol\n.SH SYNOPSIS\n",
            "ip - Linux IPv4 protocol",
        ),
        ('.SH "NAME"\n\\fBa\\fR, b \\-\\- two\n.br\nlines\n', "a, b - two lines"),
        (".SH NAME\n.B stat\n\\- file status\n", "stat - file status"),
        (
            ".Sh NAME\n.Nm cat ,\n.Nm tac\n.Nd join files\n.Sh OTHER\n.Nd no\n",
            "cat, tac - join files",
        ),
        (".SH NAME\nC\\*(C+ \\- it\\(aqs \\s-1BIG\\s0 \\f(CWcode\\fP\n", "C - it's BIG code"),
        ('\'\\" t\n.\\" comment\n.SH NAME\n.\\" hidden\nx \\- y\n', "x - y"),
        (".SH NAME\nno description\n", None),
        (".so man3/other.3\n", None),
        (".SH SYNOPSIS\na \\- b\n", None),
    ],
)
def test_name_lines(page: str, line: str | None) -> None:
    assert name_line(page) == line


def test_pages_of_a_folder(tmp_path: Path) -> None:
    page = b".SH NAME\nname \\- caf\xe9\n"
    for path, content in {
        "alpha/man1/name.1": page,
        "alpha/man3/other.3ssl.gz": gzip.compress(page),
        "beta/share/man/man8/x.8": page,
        "beta/man1/notes.txt": page,
        "beta/cat1/name.1": page,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / "alpha/man1/link.1").symlink_to("name.1")
    found = {(page.source, page.section): page.text for page in pages_of_folder(tmp_path)}
    assert found.keys() == {("alpha", "1"), ("alpha", "3"), ("beta", "8")}
    assert "café" in found["alpha", "1"], "pages that are not UTF-8 are Latin-1"
    data = man_sections(tmp_path, tmp_path)
    assert {(e.text, data.classes[e.label]) for e in data.examples} == set(), "one text, two labels"


def test_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(PagesMissing, match="no folder"):
        list(pages_of_folder(tmp_path / "none"))


def test_without_apt_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PagesMissing, match="no `apt-get`; name a folder"):
        man_sections(tmp_path, None)


def test_packages_are_named_once_and_in_order() -> None:
    assert list(packages()) == sorted(set(packages())) and len(packages()) > 60


def test_first_sentences_are_masked() -> None:
    source = '''"""A module of numpy that does much. More."""

def f():
    """Too short."""

class A:
    async def g(self):
        """Return the
        SciPy result of this one! And more."""
'''
    assert list(first_sentences(source)) == [
        "A module of package that does much.",
        "Return the package result of this one!",
    ]
    assert list(first_sentences("def (:")) == []


examples = st.lists(
    st.builds(
        Example,
        text=st.text("ab ", min_size=1, max_size=6),
        label=st.integers(0, 2),
        source=st.sampled_from([f"s{number}" for number in range(9)]),
    ),
    min_size=1,
    max_size=60,
)


@given(examples)
def test_folds_share_no_source_and_cover_everything(found: list[Example]) -> None:
    data = Labelled(classes=("x", "y", "z"), examples=tuple(found))
    tested: list[int] = []
    for fold in range(FOLDS):
        split = data.split(fold)
        assert split.validation == data.split(0).validation
        parts = [
            {found[index].source for index in part}
            for part in (split.learn, split.validation, split.test)
        ]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        assert sorted((*split.learn, *split.validation, *split.test)) == list(range(len(found)))
        tested += split.test
    assert len(tested) == len(set(tested)), "no text is tested twice"
    assert Labelled.from_json(data.to_json()) == data


@given(examples, st.randoms(use_true_random=False))
def test_distinct_depends_on_texts_alone(found: list[Example], random: object) -> None:
    kept = distinct(found, 5, 2)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [e.text for e in distinct(shuffled, 5, 2)] == [e.text for e in kept]
    normal = [" ".join(e.text.split()) for e in kept]
    assert len(set(normal)) == len(normal)
    for one in kept:
        labels = {e.label for e in found if e.text.split() == one.text.split()}
        assert labels == {one.label}
    assert all(count <= 5 for count in Counter(e.label for e in kept).values())
    assert all(count <= 2 for count in Counter((e.label, e.source) for e in kept).values())


def test_parts_share_every_class() -> None:
    found = tuple(
        Example(text=f"{source}-{number}", label=number % 3, source=str(source))
        for source in range(24)
        for number in range(6)
    )
    parts = parts_of(found)
    counts = Counter((parts[e.source], e.label) for e in found)
    assert set(counts.values()) == {8}


def test_naive_bayes_on_counted_words() -> None:
    # log P: class 0 has 2/3 of the texts; "red" 2 of 4 words there and 0 of 2 in class 1.
    bayes = NaiveBayes(["red hat", "red cap", "blue sea"], [0, 0, 1], 2)
    assert bayes.predict("a red thing") == 0
    assert bayes.predict("Blue, blue!") == 1
    assert bayes.predict("unknown words") == 0, "the more frequent class"
    assert bayes.accuracy(["red", "sea"], [0, 0]) == 0.5
