"""No module of the package imports itself through others, inside functions neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import qcompile

PACKAGE = Path(qcompile.__file__).parent


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules, or names in them, of every import statement, those for type checkers included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def graph(known: dict[str, Path]) -> dict[str, set[str]]:
    edges = {}
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {item if item in known else item.rpartition(".")[0] for item in imported(tree)}
        edges[name] = (found & set(known)) - {name}
    return edges


def test_no_module_imports_itself_through_others() -> None:
    edges = graph(modules())
    assert "qcompile.ir.plan" in edges["qcompile.ir.compilation"]
    TopologicalSorter(edges).prepare()  # raises CycleError, which names the modules
