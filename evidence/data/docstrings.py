"""Task package: from the first sentence of a docstring to the package that it stands in."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from evidence.data.labelled import Example, Labelled, distinct

PACKAGES = ("hypothesis", "networkx", "numpy", "qiskit", "scipy", "sympy", "torch", "transformers")
"""All of them are dependencies, direct or not, with versions in constraints.txt."""
MOST = 450
"""Examples of one package."""
FILES = 200
"""Files of one package that are read."""


def docstring_packages(folder: Path) -> Labelled:
    """The examples, from the cache in `folder` or built anew."""
    origin = tuple(f"{name} {version(name)}" for name in PACKAGES)
    wanted = hashlib.sha256(repr((origin, MOST, FILES)).encode()).hexdigest()[:12]
    kept = folder / f"package-{wanted}.json"
    if kept.exists():
        return Labelled.from_json(kept.read_text("utf-8"))
    found = [
        Example(text=sentence, label=label, source=f"{name}/{path.name}")
        for label, name in enumerate(PACKAGES)
        for path in _files(name)
        for sentence in first_sentences(path.read_text("utf-8", errors="ignore"))
    ]
    data = Labelled(classes=PACKAGES, examples=distinct(found, MOST, 60), origin=origin)
    data.save(kept)
    return data


def first_sentences(source: str) -> Iterator[str]:
    """First sentences of a module's docstrings, without the packages' names."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = " ".join((ast.get_docstring(node) or "").split())
            sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
            masked = re.sub("|".join(PACKAGES), "package", sentence, flags=re.IGNORECASE)
            if 20 <= len(masked) <= 200:
                yield masked


def _files(name: str) -> list[Path]:
    spec = find_spec(name)
    assert spec is not None and spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    paths = [path for path in root.rglob("*.py") if "tests" not in path.parts]
    return sorted(paths, key=lambda path: _hash(path.relative_to(root).as_posix()))[:FILES]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
