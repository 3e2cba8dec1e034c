"""Reading source files, and refusing what is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qcompile.diagnostics import UsageError
from qcompile.grammar.files import read_source, source_from_bytes


def codes(caught: pytest.ExceptionInfo[UsageError]) -> list[str]:
    return [diagnostic.code for diagnostic in caught.value.diagnostics]


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.qa"
    path.write_bytes("qa 1\r\n# é\n".encode())
    source = read_source(path)
    assert source.name == str(path)
    assert source.text == "qa 1\r\n# é\n"


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "qtha.qa").write_text("qa 1\n")
    with pytest.raises(UsageError) as caught:
        read_source(tmp_path / "qhta.qa")
    assert codes(caught) == ["QA0001"]
    assert "qtha.qa" in caught.value.diagnostics[0].helps[0]


@pytest.mark.parametrize("name", [".", "a\x00b"])
def test_what_is_no_file(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_source(name)
    assert codes(caught) == ["QA0002"]


@pytest.mark.timeout(60)
def test_what_has_no_end_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.qa")
    for name in (tmp_path / "pipe.qa", "/dev/zero", "/dev/null"):
        with pytest.raises(UsageError, match="no regular file") as caught:
            read_source(name)
        assert codes(caught) == ["QA0002"]
    assert read_source("/dev/null", pipes=True).text == ""
    with pytest.raises(UsageError) as caught:
        read_source("/dev/zero", pipes=True)
    assert codes(caught) == ["QA0004"]


@pytest.mark.parametrize(
    ("data", "offset"), [(b"qa 1\n\xff", 5), ("qa 1".encode("utf-16"), 0), (b"qa\x001", 2)]
)
def test_what_is_no_text(data: bytes, offset: int) -> None:
    with pytest.raises(UsageError) as caught:
        source_from_bytes("a.qa", data)
    assert codes(caught) == ["QA0003"]
    assert f"byte {offset} " in caught.value.diagnostics[0].title


def test_what_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "large.qa"
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(UsageError) as caught:
        read_source(path)
    assert codes(caught) == ["QA0004"]
    with pytest.raises(UsageError) as caught:
        source_from_bytes("<stdin>", b"#" * ((1 << 20) + 1))
    assert codes(caught) == ["QA0004"]
    path.write_bytes(b"#" * (1 << 20))
    assert len(read_source(path).text) == 1 << 20
