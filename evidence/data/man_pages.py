"""Task man_section: from the NAME line of a man page to its section."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from evidence.data.debian import (
    Page,
    describe,
    download,
    packages,
    pages_of_folder,
    pages_of_package,
)
from evidence.data.labelled import Example, Labelled, distinct
from evidence.data.roff import name_line

SECTIONS = ("1", "2", "3", "5", "7", "8")
MOST = 800
"""Examples of one section."""
MOST_OF_SOURCE = 120
"""Examples of one section out of one source package."""


def man_sections(folder: Path, pages: Path | None) -> Labelled:
    """The examples, from the cache in `folder` or built anew.

    Args:
        folder: Keeps downloaded packages and the finished examples.
        pages: Take man pages from here, `<source>/man1/name.1`, instead of Debian's packages.

    Raises:
        PagesMissing: They cannot be had.
    """
    if pages is not None:
        return examples_of(pages_of_folder(pages), origin=(str(pages.name),))
    names = packages()
    wanted = hashlib.sha256(repr((names, MOST, MOST_OF_SOURCE)).encode()).hexdigest()[:12]
    kept = folder / f"man_section-{wanted}.json"
    if kept.exists():
        return Labelled.from_json(kept.read_text("utf-8"))
    debs = folder / "debs"
    present = {path.name.split("_")[0] for path in debs.glob("*.deb")}
    missing = [name for name in names if name not in present]
    if missing:
        download(missing, debs)
    files = [path for path in sorted(debs.glob("*.deb")) if path.name.split("_")[0] in names]
    origin = tuple(f"{name} {version}" for name, _, version in map(describe, files))
    data = examples_of((page for path in files for page in pages_of_package(path)), origin=origin)
    data.save(kept)
    return data


def examples_of(pages: Iterator[Page], origin: tuple[str, ...]) -> Labelled:
    """The NAME lines of pages in the six sections."""
    found = []
    for page in pages:
        if page.section not in SECTIONS or page.text.startswith(".so "):
            continue
        line = name_line(page.text)
        if line is not None:
            label = SECTIONS.index(page.section)
            found.append(Example(text=line, label=label, source=page.source))
    examples = distinct(found, MOST, MOST_OF_SOURCE)
    return Labelled(classes=SECTIONS, examples=examples, origin=origin)
