"""Encoders and decoders for type hints, built once each."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from qcompile.ir.codec_error import CodecError
from qcompile.ir.node import PlanNode, ProgramNode
from qcompile.ir.registry import node_of, node_tag
from qcompile.ir.spec_node import SpecNode

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

TAG = "@type"
LARGEST_INTEGER = 2**127


class Codec(ABC):
    """Both directions for one hint."""

    @abstractmethod
    def encode(self, value: Any) -> Json:
        """JSON form; raises `CodecError` where the value does not fit the hint."""

    @abstractmethod
    def decode(self, data: object) -> object:
        """Value; raises `CodecError` where the data do not fit the hint."""

    @abstractmethod
    def takes(self, value: object) -> bool:
        """Whether the value is of this kind at the top, to choose among a union."""

    @abstractmethod
    def reads(self, data: object) -> bool:
        """Whether the data are of this kind at the top, to choose among a union."""


def codec(hint: Any) -> Codec:
    """The codec of a hint; `TypeError` for hints that no level of the compiler uses."""
    return _codec(hint)


@cache
def _codec(hint: Any) -> Codec:
    origin = get_origin(hint)
    if hint in (bool, int, float, str, NoneType):
        return _Scalar(hint)
    if origin is Literal:
        return _Literal(get_args(hint))
    if origin is tuple:
        return _Tuple(get_args(hint))
    if origin in (Union, UnionType):
        return _Union(get_args(hint))
    if hint in (ProgramNode, PlanNode, SpecNode):
        return _Open(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _Dataclass(hint)
    raise TypeError(f"{hint!r} has no JSON form")


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case list() | tuple():
            return "an array"
        case str():
            return f'"{value[:40]}"'
        case _:
            return f"{type(value).__name__} {str(value)[:40]}"


@dataclass(frozen=True)
class _Scalar(Codec):
    kind: type

    def encode(self, value: Any) -> Json:
        if self.kind is float and type(value) is int:
            value = self._checked(float(value) if abs(value) < LARGEST_INTEGER else value)
        return self._checked(value)

    def decode(self, data: object) -> object:
        return self._checked(data)

    def takes(self, value: object) -> bool:
        return type(value) is self.kind

    def reads(self, data: object) -> bool:
        return type(data) is self.kind

    def _checked(self, value: Any) -> Json:
        if type(value) is not self.kind:
            expected = "null" if self.kind is NoneType else self.kind.__name__
            raise CodecError("", f"expected {expected}, found {_named(value)}")
        match value:
            case float() if not math.isfinite(value):
                raise CodecError("", f"{value} is not a finite number")
            case int() if abs(value) >= LARGEST_INTEGER:
                raise CodecError("", "the integer is too large")
            case str() if not value.isascii():
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise CodecError("", "the text is not valid Unicode") from None
        checked: Json = value
        return checked


@dataclass(frozen=True)
class _Literal(Codec):
    values: tuple[Any, ...]

    def encode(self, value: Any) -> Json:
        return self._checked(value)

    def decode(self, data: object) -> object:
        return self._checked(data)

    def takes(self, value: object) -> bool:
        return any(type(value) is type(known) and value == known for known in self.values)

    def reads(self, data: object) -> bool:
        return self.takes(data)

    def _checked(self, value: Any) -> Json:
        if not self.takes(value):
            raise CodecError("", f"{_named(value)} is not among {list(self.values)}")
        checked: Json = value
        return checked


@dataclass(frozen=True)
class _Tuple(Codec):
    arguments: tuple[Any, ...]

    @cached_property
    def _repeated(self) -> Codec | None:
        if len(self.arguments) == 2 and self.arguments[1] is Ellipsis:
            return codec(self.arguments[0])
        return None

    @cached_property
    def _fixed(self) -> tuple[Codec, ...]:
        return tuple(codec(argument) for argument in self.arguments if argument != ())

    def encode(self, value: Any) -> Json:
        if type(value) is not tuple:
            raise CodecError("", f"expected a tuple, found {_named(value)}")
        return [self._each(k, c, item, True) for k, (c, item) in enumerate(self._paired(value))]

    def decode(self, data: object) -> object:
        if type(data) is not list:
            raise CodecError("", f"expected an array, found {_named(data)}")
        items = self._paired(data)
        return tuple(self._each(k, c, item, False) for k, (c, item) in enumerate(items))

    def takes(self, value: object) -> bool:
        return type(value) is tuple

    def reads(self, data: object) -> bool:
        return type(data) is list

    def _paired(self, items: Any) -> list[tuple[Codec, Any]]:
        if self._repeated is not None:
            return [(self._repeated, item) for item in items]
        if len(items) != len(self._fixed):
            raise CodecError("", f"expected {len(self._fixed)} items, found {len(items)}")
        return list(zip(self._fixed, items, strict=True))

    def _each(self, index: int, of: Codec, item: Any, encoding: bool) -> Any:
        try:
            return of.encode(item) if encoding else of.decode(item)
        except CodecError as error:
            raise error.within(f"[{index}]") from None


@dataclass(frozen=True)
class _Union(Codec):
    arguments: tuple[Any, ...]

    @cached_property
    def _members(self) -> tuple[Codec, ...]:
        return tuple(codec(argument) for argument in self.arguments)

    @cached_property
    def _by_tag(self) -> dict[str, _Dataclass]:
        """The dataclasses among the members, by name; empty where there is at most one."""
        classes = [member for member in self._members if isinstance(member, _Dataclass)]
        return {c.cls.__name__: c for c in classes} if len(classes) > 1 else {}

    @cached_property
    def _first(self) -> _Dataclass | None:
        """The one that stood alone in files of older versions, and has no tag."""
        return next((c for c in self._by_tag.values() if getattr(c.cls, "UNTAGGED", False)), None)

    def encode(self, value: Any) -> Json:
        for member in self._members:
            if member.takes(value):
                if isinstance(member, _Dataclass) and self._by_tag and member != self._first:
                    return {TAG: member.cls.__name__, **member.encode(value)}
                return member.encode(value)
        raise CodecError("", f"{_named(value)} is none of the kinds allowed here")

    def decode(self, data: object) -> object:
        if isinstance(data, dict) and self._by_tag:
            if TAG not in data and self._first is not None:
                return self._first.decode(data)
            tag = data.get(TAG)
            if not isinstance(tag, str) or tag not in self._by_tag:
                raise CodecError(TAG, f"{_named(tag)} is not among {sorted(self._by_tag)}")
            rest = {key: item for key, item in data.items() if key != TAG}
            return self._by_tag[tag].decode(rest)
        for member in self._members:
            if member.reads(data):
                return member.decode(data)
        raise CodecError("", f"{_named(data)} is none of the kinds allowed here")

    def takes(self, value: object) -> bool:
        return any(member.takes(value) for member in self._members)

    def reads(self, data: object) -> bool:
        return any(member.reads(data) for member in self._members)


@dataclass(frozen=True)
class _Open(Codec):
    """The nodes of a level, whichever operations there are."""

    base: type

    def encode(self, value: Any) -> Json:
        if not isinstance(value, self.base):
            raise CodecError("", f"{_named(value)} is none of the kinds allowed here")
        member = codec(type(value))
        assert isinstance(member, _Dataclass)
        return {TAG: node_tag(type(value)), **member.encode(value)}

    def decode(self, data: object) -> object:
        if not isinstance(data, dict):
            raise CodecError("", f"{_named(data)} is none of the kinds allowed here")
        tag = data.get(TAG)
        cls = node_of(tag) if isinstance(tag, str) else None
        if cls is None or not issubclass(cls, self.base):
            raise CodecError(TAG, f"{_named(tag)} is no {self.base.__name__}")
        member = codec(cls)
        return member.decode({key: item for key, item in data.items() if key != TAG})

    def takes(self, value: object) -> bool:
        return isinstance(value, self.base)

    def reads(self, data: object) -> bool:
        return isinstance(data, dict)


@dataclass(frozen=True)
class _Dataclass(Codec):
    cls: type

    @cached_property
    def _fields(self) -> dict[str, Codec]:
        hints = get_type_hints(self.cls)
        return {f.name: codec(hints[f.name]) for f in fields(self.cls) if f.compare}

    @cached_property
    def _required(self) -> set[str]:
        return {f.name for f in fields(self.cls) if f.compare and not f.metadata.get("added_later")}

    def encode(self, value: Any) -> dict[str, Json]:
        if type(value) is not self.cls:
            raise CodecError("", f"expected a {self.cls.__name__}, found {_named(value)}")
        encoded: dict[str, Json] = {}
        for name, of in self._fields.items():
            try:
                encoded[name] = of.encode(getattr(value, name))
            except CodecError as error:
                raise error.within(name) from None
        return encoded

    def decode(self, data: object) -> object:
        if type(data) is not dict:
            raise CodecError("", f"expected a {self.cls.__name__}, found {_named(data)}")
        if not self._required <= data.keys() <= self._fields.keys():
            self._refuse_keys(data)
        arguments = {}
        for name, of in self._fields.items():
            if name not in data:
                continue
            try:
                arguments[name] = of.decode(data[name])
            except CodecError as error:
                raise error.within(name) from None
        return self.cls(**arguments)

    def takes(self, value: object) -> bool:
        return type(value) is self.cls

    def reads(self, data: object) -> bool:
        return type(data) is dict

    def _refuse_keys(self, data: dict[Any, Any]) -> None:
        for key in data:
            if key not in self._fields:
                raise CodecError("", f"a {self.cls.__name__} has no {_named(key)}")
        missing = ", ".join(name for name in self._fields if name in self._required - data.keys())
        raise CodecError("", f"a {self.cls.__name__} without {missing}")
