"""Diagnostics: what went wrong, where, why, and what to do about it."""

from __future__ import annotations

from qcompile.diagnostics.collector import Collector
from qcompile.diagnostics.diagnostic import Diagnostic, Label, Severity
from qcompile.diagnostics.errors import (
    AdapterError,
    ArtifactError,
    CompileError,
    QCompileError,
    QCompileWarning,
    UsageError,
)
from qcompile.diagnostics.message import Message, did_you_mean
from qcompile.diagnostics.nearest import nearest
from qcompile.diagnostics.source import Source, Span

__all__ = [
    "AdapterError",
    "ArtifactError",
    "Collector",
    "CompileError",
    "Diagnostic",
    "Label",
    "Message",
    "QCompileError",
    "QCompileWarning",
    "Severity",
    "Source",
    "Span",
    "UsageError",
    "did_you_mean",
    "nearest",
]
