"""The index of a file of torch.save: a machine for the few instructions that data needs.

Python's own unpickler calls what a file names. This one knows dictionaries, lists, tuples,
strings, numbers and descriptions of tensors, and calls nothing.
"""

from __future__ import annotations

import itertools
import pickletools
from dataclasses import dataclass

from qcompile.diagnostics.errors import ArtifactError
from qcompile.diagnostics.messages.artifact import NotAnArchive, UnsafeArchive


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """A tensor as the index describes it; `record` holds its elements."""

    storage: str
    """torch's name of the element type: `FloatStorage`, `BFloat16Storage`, …"""
    record: str
    elements: int
    """Of the whole storage."""
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(frozen=True, slots=True)
class _Storage:
    kind: str
    record: str
    elements: int


class _Mark:
    """Stands on the stack where a list of operands begins."""


_TENSOR = _Global("torch._utils._rebuild_tensor_v2")
_DICTIONARY = _Global("collections.OrderedDict")

_CALLS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_PUT = {"BINPUT", "LONG_BINPUT"}
_GET = {"BINGET", "LONG_BINGET"}
_CONSTANTS: dict[str, object] = {"NEWTRUE": True, "NEWFALSE": False, "NONE": None}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


STEPS = 10_000
STEPS_PER_TENSOR = 64
"""Instructions that an index may have. torch.save writes some 35 for a tensor, and 50 beside."""

MOST_OPERANDS = 10_000
"""Values that may wait for an instruction. torch.save writes dictionaries by thousands of pairs."""


def read_index(path: str, program: bytes, tensors: int) -> object:
    """The value that a pickle describes, with a `StoredTensor` for each tensor.

    It may be nested deeply or hold itself, so it is not to be printed or compared.

    Args:
        path: For messages.
        program: The pickle.
        tensors: How many there are at most; bounds what is done for a crafted program.

    Raises:
        ArtifactError: QA5003 for a malformed program, QA5004 for one that asks for anything else
            than data.
    """
    try:
        return _Machine(path, STEPS + STEPS_PER_TENSOR * tensors).run(program)
    except ArtifactError:
        raise
    except Exception as error:
        # pickletools raises ValueError and others; a short stack, IndexError; a key, TypeError.
        reason = f"its index is malformed ({type(error).__name__})"
        raise ArtifactError(NotAnArchive(path=path, reason=reason)) from None


class _Machine:
    def __init__(self, path: str, steps: int) -> None:
        self._path = path
        self._steps = steps
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}

    def run(self, program: bytes) -> object:
        for opcode, argument, _ in itertools.islice(pickletools.genops(program), self._steps):
            if opcode.name == "STOP":
                (result,) = self._stack
                return result
            self._step(opcode.name, argument)
            if len(self._stack) > MOST_OPERANDS:
                break
        reason = "its index does not end where that of its tensors would"
        raise ArtifactError(NotAnArchive(path=self._path, reason=reason))

    def _step(self, name: str, argument: object) -> None:
        stack = self._stack
        if name == "BINUNICODE" or name in _NUMBERS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _PUT:
            assert isinstance(argument, int)
            self._memo[argument] = stack[-1]
        elif name in _GET:
            assert isinstance(argument, int)
            stack.append(self._memo[argument])
        elif name == "MARK":
            stack.append(_Mark())
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "EMPTY_TUPLE":
            stack.append(())
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "APPEND":
            self._append([stack.pop()])
        elif name == "APPENDS":
            self._append(self._to_mark())
        elif name == "TUPLE":
            stack.append(tuple(self._to_mark()))
        elif name in _TUPLES:
            stack.append(tuple([stack.pop() for _ in range(_TUPLES[name])][::-1]))
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            self._set([key, value])
        elif name == "SETITEMS":
            self._set(self._to_mark())
        elif name == "GLOBAL":
            self._global(str(argument).replace(" ", "."))
        elif name == "BINPERSID":
            self._storage(stack.pop())
        elif name == "REDUCE":
            operands, function = stack.pop(), stack.pop()
            stack.append(self._call(function, operands))
        elif name == "BUILD":
            # A state_dict carries remarks on versions as an attribute; they are dropped.
            state = stack.pop()
            if not isinstance(stack[-1], dict) or not isinstance(state, dict):
                raise self._refusal("builds an object")
        elif name in _CALLS:
            raise self._refusal(f"asks for a call ({name})")
        elif name != "PROTO":
            raise ValueError(name)

    def _to_mark(self) -> list[object]:
        items: list[object] = []
        while not isinstance(item := self._stack.pop(), _Mark):
            items.append(item)
        return items[::-1]

    def _append(self, items: list[object]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            raise ValueError("no list")
        target.extend(items)

    def _set(self, items: list[object]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("no dictionary")
        keys, values = items[::2], items[1::2]
        if not all(isinstance(key, (str, int)) for key in keys):
            raise ValueError("a key that is no name")
        target.update(zip(keys, values, strict=True))

    def _global(self, name: str) -> None:
        module, _, kind = name.rpartition(".")
        if _Global(name) not in (_TENSOR, _DICTIONARY):
            if module != "torch" or not kind.endswith("Storage"):
                raise self._refusal(f"asks for `{name}`")
        self._stack.append(_Global(name))

    def _storage(self, reference: object) -> None:
        match reference:
            case ("storage", _Global(name=name), str() as record, str(), int() as elements):
                kind = name.rpartition(".")[2]
                self._stack.append(_Storage(kind, f"data/{record}", elements))
            case _:
                raise ValueError("no storage")

    def _call(self, function: object, operands: object) -> object:
        match function, operands:
            case _Global() as wanted, () if wanted == _DICTIONARY:
                return {}
            case (
                _Global() as wanted,
                (_Storage() as storage, int() as offset, tuple() as shape, tuple() as stride, *_),
            ) if wanted == _TENSOR:
                if not all(isinstance(extent, int) for extent in (*shape, *stride)):
                    raise ValueError("no shape")
                return StoredTensor(
                    storage=storage.kind,
                    record=storage.record,
                    elements=storage.elements,
                    offset=offset,
                    shape=shape,
                    stride=stride,
                )
            case _:
                raise self._refusal("asks for a call of something else than a tensor")

    def _refusal(self, reason: str) -> ArtifactError:
        return ArtifactError(UnsafeArchive(path=self._path, reason=f"it {reason}"))
