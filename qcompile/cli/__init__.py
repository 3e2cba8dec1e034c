"""The command line: arguments → options → driver → text and exit code."""

from __future__ import annotations

from qcompile.cli.entry import main

__all__ = ["main"]
