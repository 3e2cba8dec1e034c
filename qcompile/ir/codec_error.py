"""Why data are not the JSON form of a value."""

from __future__ import annotations


class CodecError(ValueError):
    """`path` leads from the root to the fault: `plans[0].nodes[3].width`; empty for the root."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason

    def within(self, step: str) -> CodecError:
        """The same fault, seen from one level further out; `step` is `name` or `[index]`."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        return CodecError(f"{step}{dot}{self.path}", self.reason)
