"""Exceptions survive pickling and copying and print as people read them."""

from __future__ import annotations

import copy
import pickle

import pytest

from qcompile.diagnostics import (
    AdapterError,
    ArtifactError,
    CompileError,
    QCompileError,
    Source,
    Span,
    UsageError,
)
from qcompile.diagnostics.messages.internal import InternalError
from qcompile.diagnostics.render_human import render_human

ALL = (QCompileError, CompileError, ArtifactError, AdapterError, UsageError)
MESSAGE = InternalError(kind="K", detail="d", span=Span(Source("a.qa", "xyz\n"), 1, 2))


@pytest.mark.parametrize("kind", ALL)
def test_pickle_and_copy(kind: type[QCompileError]) -> None:
    error = kind(MESSAGE, MESSAGE.diagnostic())
    assert error.diagnostics == (MESSAGE.diagnostic(),) * 2
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(twin) is kind
        assert twin.diagnostics == error.diagnostics
        assert str(twin) == str(error)


@pytest.mark.parametrize("kind", ALL)
def test_each_is_a_value_error(kind: type[QCompileError]) -> None:
    assert issubclass(kind, ValueError)
    assert kind.exit_code == (2 if kind is UsageError else 1)


def test_text_is_the_rendering_without_colour() -> None:
    assert str(CompileError(MESSAGE)) + "\n" == render_human([MESSAGE.diagnostic()])
