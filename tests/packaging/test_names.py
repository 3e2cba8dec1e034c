"""One name, one thing: no two public classes or functions of the package share a name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import qcompile

PACKAGE = Path(qcompile.__file__).parent

SHARED = {
    "load": "qcompile.load and qcompile.peft.load do the same for two kinds of models",
    "run": "what each command of the command line has",
}


def test_no_two_public_classes_or_functions_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for item in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(item, (ast.ClassDef, ast.FunctionDef)) and item.name[0] != "_":
                overload = any(ast.unparse(it) == "overload" for it in item.decorator_list)
                if not overload:
                    places[item.name].append(path.relative_to(PACKAGE).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1}.keys() == set(SHARED)
