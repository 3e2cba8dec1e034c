"""What the functions of the Python interface are given."""

from __future__ import annotations

import os
from pathlib import Path

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.interface import WrongArgument


def check_type(
    function: str,
    argument: str,
    value: object,
    kinds: type | tuple[type, ...],
    expected: str,
    help: str = "",
) -> None:
    """Refuse an argument of another type.

    Raises:
        UsageError: QA6013.
    """
    if not isinstance(value, kinds):
        raise wrong_argument(function, argument, value, expected, help)


def check_path(function: str, argument: str, value: object) -> str:
    """The path as text.

    Raises:
        UsageError: QA6013.
    """
    check_type(function, argument, value, (str, os.PathLike), "a path")
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else ""
    if not isinstance(path, str):
        raise wrong_argument(function, argument, path, "a path of text")
    return path


def wrong_argument(
    function: str, argument: str, value: object, expected: str, help: str = ""
) -> UsageError:
    """The error to raise for an argument."""
    return UsageError(
        WrongArgument(
            function=function,
            argument=argument,
            expected=expected,
            found=described(value),
            advice=help,
        )
    )


def described(value: object) -> str:
    """A value as messages name it: by its text where that is short, else by its type."""
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    if value is None or isinstance(value, (bool, int, float, str, bytes, Path)):
        return f"`{value!r}`"
    return f"a `{type(value).__name__}`"
