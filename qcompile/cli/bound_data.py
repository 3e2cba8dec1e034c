"""What `--bind FILE` and `--data FILE` read."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.diagnostics.errors import CompileError, UsageError
from qcompile.diagnostics.messages.export import DataNotBound
from qcompile.diagnostics.messages.usage import FileNotReadable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from qcompile.adapter.circuits import AdapterCircuit

SUFFIXES = (".npy", ".npz", ".pt")

EXPECTED = "one array of numbers (rows, width), or an `x` and perhaps a `y` of a module"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundData:
    """Data of circuits, or inputs of modules."""

    data: NDArray[Any] | None = None
    """(rows, data_width)."""
    x: Tensor | None = None
    """(…, in_features)."""
    y: Tensor | None = None

    def rows(self, circuit: AdapterCircuit) -> NDArray[Any] | None:
        """The data of a circuit, (rows, data_width); None where it has none.

        Raises:
            AdapterError: QA6010 and the like for inputs of another width.
        """
        if circuit.logical.data_width == 0:
            return None
        return self.data if self.data is not None else circuit.data(self.x, self.y)


def read_data(path: str) -> BoundData:
    """Read an array, or `x` and `y` of a .npz file or of a dictionary that torch saved.

    Nothing in the file is executed.

    Raises:
        UsageError: QA0002 where it cannot be read.
        CompileError: QA4221 where it holds something else.
    """
    found = _contents(path)
    if isinstance(found, dict):
        return _inputs(path, found)
    numbers = _numbers(path, found)
    if numbers.dim() not in (1, 2):
        raise _refused(f"`{path}` holds an array of {numbers.dim()} axes")
    return BoundData(data=numbers.reshape(-1, numbers.shape[-1]).numpy())


def read_samples(path: str) -> Tensor | dict[str, Tensor]:
    """Read an array, or arrays by name, in the same ways.

    Raises:
        UsageError: QA0002 where it cannot be read.
        CompileError: QA4221 where it holds something else.
    """
    found = _contents(path)
    if isinstance(found, dict):
        return {str(name): _numbers(path, value) for name, value in found.items()}
    return _numbers(path, found)


def _contents(path: str) -> Any:
    try:
        with open(path, "rb"):
            pass
        if os.path.isdir(path):
            raise IsADirectoryError(0, "it is a folder")
        found = _torch(path) if Path(path).suffix == ".pt" else _numpy(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(FileNotReadable(path=path, reason=reason)) from None
    except (ValueError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile) as error:
        reason = f"`{path}` does not hold arrays: {' '.join(str(error).split())[:200]}"
        raise _refused(reason) from None
    return found


def _torch(path: str) -> Any:
    import pickle

    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError("it is no file of tensors alone") from None


def _numpy(path: str) -> Any:
    import numpy as np

    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        return {name: found[name] for name in found.files}


def _inputs(path: str, found: dict[str, Any]) -> BoundData:
    if "x" not in found or not set(found) <= {"x", "y"}:
        names = ", ".join(f"`{name}`" for name in list(found)[:5]) or "nothing"
        raise _refused(f"`{path}` holds {names}")
    named = {name: _numbers(path, value) for name, value in found.items()}
    return BoundData(x=named["x"], y=named.get("y"))


def _numbers(path: str, value: Any) -> Tensor:
    import numpy as np
    import torch

    whole: Tensor | None
    if isinstance(value, torch.Tensor):
        value = value.detach().to("cpu")
        real = value.dtype.is_floating_point or value.dtype in (torch.int64, torch.int32)
        whole = value.double() if real and not value.is_sparse else None
    else:
        kind = value.dtype.kind if isinstance(value, np.ndarray) else ""
        whole = torch.from_numpy(value.astype(np.float64)) if kind and kind in "fiu" else None
    if whole is None:
        raise _refused(f"`{path}` holds what is no array of real numbers")
    if whole.numel() == 0:
        raise _refused(f"`{path}` holds an array without elements")
    if not bool(whole.isfinite().all()):
        raise _refused(f"`{path}` holds NaN or infinities")
    return whole


def _refused(reason: str) -> CompileError:
    return CompileError(DataNotBound(reason=reason, advice=f"give {EXPECTED}"))
