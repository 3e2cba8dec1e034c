"""Taking a hook off a module without its handle, which a copy of the module does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def take_hook(
    hook: Callable[..., Any],
    hooks: dict[int, Callable[..., Any]],
    with_kwargs: dict[int, bool],
) -> None:
    """Remove `hook` from the hooks of a module and from its table of those with kwargs."""
    for number, found in list(hooks.items()):
        if found is hook:
            del hooks[number]
            with_kwargs.pop(number, None)
