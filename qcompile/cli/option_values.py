"""What each option of a command line says, as typed values."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from qcompile.diagnostics.message import Message
from qcompile.diagnostics.messages.usage import UnknownOptionValue
from qcompile.diagnostics.nearest import nearest
from qcompile.ir.target import MITIGATIONS, Copies

Word = TypeVar("Word", bound=str)


class OptionValues:
    """Turns argparse's strings into typed values and collects what is wrong."""

    def __init__(self, values: dict[str, object], problems: list[Message]) -> None:
        self._values = values
        self._problems = problems

    def flag(self, name: str) -> bool:
        return bool(self._values.get(name))

    def given(self, name: str) -> list[str]:
        value = self._values.get(name)
        return [str(item) for item in value] if isinstance(value, list) else []

    def one(self, name: str) -> str | None:
        """The last value wins, as with compilers."""
        values = self.given(name)
        return values[-1] if values else None

    def choice(
        self, name: str, allowed: tuple[Word, ...], default: Word, option: str | None = None
    ) -> Word:
        """`option` is how it is written where that is not `--name`."""
        value = self.one(name)
        if value is None:
            return default
        return self._allowed(value, option or f"--{name.replace('_', '-')}", allowed, default)

    def _allowed(self, value: str, option: str, allowed: tuple[Word, ...], default: Word) -> Word:
        for word in allowed:
            if word == value:
                return word
        candidates = nearest(value, allowed)
        self._problems.append(
            UnknownOptionValue(option=option, value=value, allowed=allowed, candidates=candidates)
        )
        return default

    def count(self, name: str) -> int | None:
        """A number from 1; None where the option is not given."""
        return self.number(name, 1, 2**53, 0) or None

    def number(self, name: str, low: int, high: int, default: int) -> int:
        option = f"--{name}"
        text = self.one(name.replace("-", "_"))
        if text is None:
            return default
        digits = text.replace("_", "")
        if re.fullmatch(r"[0-9]{1,19}", digits) and low <= int(digits) <= high:
            return int(digits)
        allowed = (f"integers from {low} to {high}",)
        self._problems.append(UnknownOptionValue(option=option, value=text, allowed=allowed))
        return default

    def size(self, name: str, default: int) -> int:
        option = "--memory-limit"
        text = self.one(name)
        if text is None:
            return default
        match = re.fullmatch(r"([0-9]{1,15})(?:\s*(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB))?", text)
        if match is None:
            allowed = ("sizes such as 512MiB or 8GiB",)
            self._problems.append(UnknownOptionValue(option=option, value=text, allowed=allowed))
            return default
        return int(match[1]) * _UNITS[match[2] or "B"]

    def evaluator(self) -> str | None:
        """One of qcompile's own, or of another package's."""
        name = self.one("evaluator")
        if name is None:
            return None
        from qcompile.executors.registry import EXECUTORS

        allowed = ("auto", *EXECUTORS)
        return self._allowed(name, "--evaluator", allowed, "auto")

    def mitigate(self) -> tuple[str, ...] | None:
        text = self.one("mitigate")
        if text is None:
            return None
        names = tuple(comma_separated([text]))
        for name in names if names != ("none",) else ():
            self._allowed(name, "--mitigate", MITIGATIONS, "")
        return () if names == ("none",) else names

    def copies(self) -> Copies | None:
        text = self.one("copies")
        if text is None:
            return None
        match = re.fullmatch(r"(all|[1-9][0-9]{0,5})(?:,([0-9]{1,3}(?:\.[0-9]{1,6})?)%)?", text)
        if match is None:
            allowed = ("a number from 1", "all", "either with a tolerance, such as all,25%")
            self._problems.append(
                UnknownOptionValue(option="--copies", value=text, allowed=allowed)
            )
            return None
        most, share = match.groups()
        found = Copies(most=None if most == "all" else int(most))
        return found if share is None else replace(found, tolerance=float(share) / 100)

    def bind(self) -> list[str]:
        found = self.given("bind")
        for value in found:
            if value != "angles" and not value.endswith((".npy", ".npz", ".pt")):
                allowed = ("angles", "a file .npy, .npz or .pt")
                self._problems.append(
                    UnknownOptionValue(
                        option="--bind",
                        value=value,
                        allowed=allowed,
                        candidates=nearest(value, ("angles",)),
                    )
                )
        return found

    def rank(self) -> int | float | None:
        text = self.one("rank")
        if text is None:
            return None
        if re.fullmatch(r"[1-9][0-9]{0,5}", text):
            return int(text)
        if re.fullmatch(r"0?\.[0-9]{1,12}|1\.0+", text) and float(text) > 0:
            return float(text)
        allowed = ("a rank such as 8", "a share such as 0.99")
        self._problems.append(UnknownOptionValue(option="--rank", value=text, allowed=allowed))
        return None

    def error(self) -> float | None:
        text = self.one("error")
        if text is None:
            return None
        if re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,12}(e-?[0-9]{1,2})?", text) and float(text) < 1:
            return float(text)
        allowed = ("a number below 1 such as 1e-3",)
        self._problems.append(UnknownOptionValue(option="--error", value=text, allowed=allowed))
        return None


_UNITS = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def comma_separated(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
