"""Dataclasses that become such when the first of their kind is made."""

from __future__ import annotations

from _thread import allocate_lock
from dataclasses import dataclass, field
from typing import Self, dataclass_transform

_COMPLETING = allocate_lock()


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class LateDataclass:
    """Every subclass is a frozen, keyword-only dataclass.

    There are hundreds, most runs need few of them, and to make one takes half a millisecond.
    """

    def __new__(cls, *positional: object, **values: object) -> Self:
        cls.complete()
        return super().__new__(cls)

    @classmethod
    def complete(cls) -> None:
        """Make the class a dataclass, and those that it inherits from, if they are none yet."""
        if "__match_args__" in cls.__dict__:  # what `dataclass` sets last
            return
        with _COMPLETING:
            for kind in reversed(cls.__mro__[: cls.__mro__.index(LateDataclass)]):
                if "__match_args__" not in kind.__dict__:
                    dataclass(frozen=True, kw_only=True)(kind)
