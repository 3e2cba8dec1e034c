"""Which modules of a model an attachment chooses: by a glob over names, or by a portable word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qcompile.ir.compilation import ModuleInfo
from qcompile.ir.globs import parse_glob
from qcompile.ir.hosts import HOST_KINDS
from qcompile.ir.portable import parse_portable
from qcompile.ir.spec import Attachment


@dataclass(frozen=True, slots=True)
class ModuleChoice:
    """A pattern that is well formed."""

    text: str
    alternatives: tuple[str, ...]
    """What the braces of a glob, or the letters of a word, stand for."""
    matching: Callable[[ModuleInfo], tuple[int, ...]]
    """Indices of the alternatives that choose a module."""
    holds: Callable[[ModuleInfo], bool]
    """Whether it is about the experts that a module holds as slices of its parameters."""


def module_choice(attachment: Attachment) -> ModuleChoice:
    """What an attachment chooses, layers aside.

    Raises:
        GlobError: The pattern is malformed.
    """
    text = attachment.pattern
    word = parse_portable(text) if attachment.portable else None
    if word is not None:
        experts = text.partition(".")[0] in ("linear", "mlp")
        return ModuleChoice(
            text=text,
            alternatives=word.alternatives,
            matching=lambda module: word.matching(module.role),
            holds=lambda module: experts and bool(module.stacked),
        )
    glob = parse_glob(text)
    return ModuleChoice(
        text=text,
        alternatives=tuple(one for one, _ in glob.alternatives),
        matching=lambda module: glob.matching(module.name),
        holds=lambda module: any(glob.matches(f"{module.name}.{p}") for p in module.stacked),
    )


def hosts_of(choice: ModuleChoice, modules: Iterable[ModuleInfo]) -> list[ModuleInfo]:
    """The modules that an update takes: of each alternative those of the first kind that it has.

    So `*` is all linear maps, and `*.mlp` the feed-forward networks themselves.
    """
    order = list(HOST_KINDS)
    found = [
        (module, order.index(sizes.kind), choice.matching(module))
        for module in modules
        if (sizes := module.host_sizes) is not None
    ]
    first: dict[int, int] = {}
    for _, kind, alternatives in found:
        for k in alternatives:
            first[k] = min(kind, first.get(k, kind))
    return [module for module, kind, ks in found if any(first[k] == kind for k in ks)]
