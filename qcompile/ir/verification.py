"""The exception of all verifiers."""

from __future__ import annotations


class VerificationError(Exception):
    """A level's invariant or a pass's contract does not hold: a defect of the compiler."""


def require(condition: bool, otherwise: str) -> None:
    """Raise `VerificationError` with the reason `otherwise` unless the condition holds."""
    if not condition:
        raise VerificationError(otherwise)
