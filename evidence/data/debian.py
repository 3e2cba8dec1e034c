"""Man pages out of Debian's packages, which apt downloads and nobody installs."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("man_packages.txt")
"""Packages with many pages, several for every section; about 100 MB in all."""

_PAGE = re.compile(r"(?:^|/)man(\d)/[^/]+\.\d\w*(\.gz)?$")


def packages() -> tuple[str, ...]:
    """The names in `LIST`."""
    return tuple(LIST.read_text("utf-8").split())


class PagesMissing(Exception):
    """The man pages cannot be had on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A man page."""

    section: str
    source: str
    """The source package that it was built from."""
    text: str


def download(packages: Sequence[str], folder: Path) -> None:
    """Fetch the packages' .deb files into a folder.

    Raises:
        PagesMissing: apt is not there or cannot download.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PagesMissing(
                f"task man_section needs Debian's man pages, and this machine has no `{tool}`;"
                " name a folder with man pages (`--pages`) or leave the task out (`--tasks`)"
            )
    folder.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "--quiet=2", "download", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        # The lists of packages may be missing or old.
        subprocess.run(["apt-get", "--quiet=2", "update"], capture_output=True)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise PagesMissing(
            f"task man_section needs Debian's man pages, and `apt-get download` failed: {reason};"
            " name a folder with man pages (`--pages`) or leave the task out (`--tasks`)"
        )


def pages_of_package(path: Path) -> Iterator[Page]:
    """The man pages in English of a .deb file; links to other pages are left out."""
    source = describe(path)[1]
    unpacking = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE)
    with unpacking, tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
        for member in archive:
            found = _PAGE.search(member.name.removeprefix("./usr/share/man"))
            if found is None or not member.isfile() or member.name.count("/") != 5:
                continue
            file = archive.extractfile(member)
            assert file is not None
            yield _page(found, source, file.read())


def describe(path: Path) -> tuple[str, str, str]:
    """Name, source package and version of a .deb file."""
    shown = subprocess.run(
        ["dpkg-deb", "--field", path, "Package", "Source", "Version"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    fields = dict(line.split(": ", 1) for line in shown.splitlines())
    name = fields["Package"]
    return name, fields.get("Source", name).split()[0], fields["Version"]


def pages_of_folder(folder: Path) -> Iterator[Page]:
    """Man pages of a folder: `<source>/…/man1/name.1`, packed with gzip or not.

    Raises:
        PagesMissing: There is no such folder.
    """
    if not folder.is_dir():
        raise PagesMissing(f"there is no folder {folder}")
    for path in sorted(folder.rglob("man*/*")):
        relative = path.relative_to(folder)
        found = _PAGE.search(relative.as_posix())
        if found is not None and path.is_file() and not path.is_symlink():
            yield _page(found, relative.parts[0], path.read_bytes())


def _page(found: re.Match[str], source: str, content: bytes) -> Page:
    if found.group(2):
        content = gzip.decompress(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return Page(section=found.group(1), source=source, text=text)
