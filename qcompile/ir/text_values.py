"""Short text forms of scalars, initialisations and small values."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass

from qcompile.ir.file_tensor import FileTensor
from qcompile.ir.hosts import LINEAR_HOST
from qcompile.ir.initialisation import Init
from qcompile.ir.scalar import Apply, Constant, Variable
from qcompile.ir.tensor import TensorSpec

_INFIX = frozenset(
    ("+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "and", "or")
)


def inline(value: object) -> str:
    """One line, whatever the value; spans and other fields outside equality are left out."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            return f"[{', '.join(map(inline, value))}]"
        case Constant(value=constant):
            return inline(constant)
        case Variable(name=name):
            return name
        case Apply():
            return _apply(value)
        case Init(file=FileTensor() as file):
            return file.shown
        case Init(kind=kind, arguments=arguments):
            return f"{kind}({', '.join(map(repr, arguments))})" if arguments else kind
        case _ if is_dataclass(value):
            inner = (
                f"{f.name}={inline(getattr(value, f.name))}" for f in fields(value) if f.compare
            )
            return f"{type(value).__name__}({', '.join(inner)})"
        case _:
            return str(value)


def _apply(value: Apply) -> str:
    arguments = [inline(argument) for argument in value.arguments]
    if value.operator in _INFIX and len(arguments) == 2:
        return f"({arguments[0]} {value.operator} {arguments[1]})"
    if value.operator == "if" and len(arguments) == 3:
        return f"({arguments[1]} if {arguments[0]} else {arguments[2]})"
    name = {"neg": "-", "not": "not "}.get(value.operator)
    if name is not None:
        return f"({name}{arguments[0]})"
    return f"{value.operator}({', '.join(arguments)})"


def tensor_line(index: int, tensor: TensorSpec) -> str:
    """A tensor of a layout: `@3 h.weight[8, 256] kaiming_uniform(2.23)`."""
    parts = [f"@{index} {tensor_name(tensor)}"]
    if tensor.segments:
        parts += [f"{length} of {inline(init)}" for length, init in tensor.segments]
    else:
        parts.append(inline(tensor.init))
    if tensor.fan_in is not None:
        parts.append(f"fan_in={tensor.fan_in}")
    if tensor.share is not None:
        parts.append(f"share={inline(tensor.share)}")
    if tensor.frozen:
        parts.append("frozen")
    return " ".join(parts)


def tensor_name(tensor: TensorSpec) -> str:
    """`h.weight[8, 256]`"""
    return f"{tensor.name}[{', '.join(map(str, tensor.shape))}]"


def parameter_text(parameters: tuple[tuple[str, object], ...]) -> str:
    """`rank=4, alpha=8`"""
    return ", ".join(f"{name}={inline(value)}" for name, value in parameters)


def host_text(host: str, padding: int | None) -> str:
    """What a header says of the kind of module: nothing of a linear map."""
    if host == LINEAR_HOST:
        return ""
    return f", {host}" + ("" if padding is None else f" padding {padding}")
