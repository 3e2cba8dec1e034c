"""A tensor of a file, .safetensors or .npy, for others to start from. Nothing in it is executed."""

from __future__ import annotations

import ast
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import BinaryIO

from qcompile.diagnostics.reading import open_regular
from qcompile.ir.limits import MAX_TENSOR

LARGEST_HEADER = 64 * 2**20
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Kinds of numbers, as safetensors names them."""
_OF_NUMPY = {"<f8": "F64", "<f4": "F32", "<f2": "F16"}
_NUMPY = b"\x93NUMPY"


class FileTensorError(ValueError):
    """Why there is no such tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTensor:
    """A tensor of a file, as a source names it."""

    path: str
    """As written, relative to the source."""
    name: str
    """In the file; empty for the only tensor of a .npy."""
    shape: tuple[int, ...]
    kind: str
    """A key of `ITEM_BYTES`."""
    digest: str
    """sha256 of its numbers."""
    where: str = field(default="", compare=False, repr=False)
    """The path to open, known while the source is compiled; nothing that a file says."""

    @property
    def shown(self) -> str:
        """As a source has it."""
        texts = (self.path, self.name) if self.name else (self.path,)
        return f"file({', '.join(json.dumps(text, ensure_ascii=False) for text in texts)})"


def read_file_tensor(where: str, name: str, *, path: str = "") -> tuple[FileTensor, bytes]:
    """A tensor and its numbers, little-endian, the last axis varying fastest.

    Raises:
        FileTensorError: There is no such tensor, or it is not of real floating-point numbers.
    """
    try:
        with open_regular(where) as file:
            start = file.read(8)
            if start[:6] == _NUMPY:
                shape, kind, begin, end = _in_numpy(file, start, name)
            else:
                shape, kind, begin, end = _in_safetensors(file, start, name)
            file.seek(begin)
            numbers = file.read(end - begin)
    except OSError as error:
        raise FileTensorError(error.strerror or type(error).__name__) from None
    except FileTensorError:
        raise
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError):
        raise FileTensorError("it is neither .safetensors nor .npy, or damaged") from None
    if len(numbers) != end - begin:
        raise FileTensorError("it is cut off")
    found = FileTensor(
        path=path or where,
        name=name,
        shape=shape,
        kind=kind,
        digest=hashlib.sha256(numbers).hexdigest(),
        where=where,
    )
    return found, numbers


Place = tuple[tuple[int, ...], str, int, int]
"""Shape, kind, and the first and last byte in the file."""


def _in_safetensors(file: BinaryIO, start: bytes, name: str) -> Place:
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > LARGEST_HEADER:
        raise ValueError
    entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    if name not in entries:
        names = ", ".join(f"`{known}`" for known in sorted(entries)[:4]) or "none"
        wanted = f"has no tensor `{name}`, but" if name else "has several; name one, such as"
        raise FileTensorError(f"it {wanted} {names}")
    entry = entries[name]
    begin, end = map(int, entry["data_offsets"])
    shape, kind = _shape(entry["shape"]), str(entry["dtype"])
    if kind not in ITEM_BYTES:
        raise FileTensorError(f"`{name}` is of {kind}, not of real floating-point numbers")
    if begin < 0 or end - begin != ITEM_BYTES[kind] * math.prod(shape):
        raise ValueError
    return shape, kind, 8 + length + begin, 8 + length + end


def _in_numpy(file: BinaryIO, start: bytes, name: str) -> Place:
    if name:
        raise FileTensorError("a .npy has one tensor, without a name")
    size = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(size), "little")
    if length > LARGEST_HEADER:
        raise ValueError
    header = ast.literal_eval(file.read(length).decode("latin-1").strip())
    shape, kind = _shape(header["shape"]), _OF_NUMPY.get(header["descr"])
    if kind is None:
        raise FileTensorError(f"it is of {header['descr']}, not of real floating-point numbers")
    if header["fortran_order"]:
        raise FileTensorError("its first axis varies fastest; save `numpy.ascontiguousarray` of it")
    begin = 8 + size + length
    return shape, kind, begin, begin + ITEM_BYTES[kind] * math.prod(shape)


def _shape(given: object) -> tuple[int, ...]:
    if not isinstance(given, (list, tuple)):
        raise TypeError
    shape = tuple(given)
    if not all(isinstance(size, int) and size >= 1 for size in shape):
        raise ValueError
    if math.prod(shape) > MAX_TENSOR:
        raise FileTensorError(f"it has more than {MAX_TENSOR} numbers")
    return shape
