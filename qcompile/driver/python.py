"""`qcompile.compile`: the compiler for a Python program."""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from qcompile.diagnostics.arguments import check_path, check_type, wrong_argument
from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownOptionValue
from qcompile.diagnostics.source import Source
from qcompile.driver.effect import warn_of_effect
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.grammar.files import read_source
from qcompile.ir.device import Device
from qcompile.ir.limits import DEFAULT_OPTIMISATION, DEFAULT_TOKENS
from qcompile.ir.scalar import ScalarValue

if TYPE_CHECKING:
    from torch import nn

    from qcompile.adapter import CompiledAdapter


def compile(
    spec: str | Path,
    *,
    model: str | Path | nn.Module | None = None,
    parameters: Mapping[str, bool | int | float | str] | None = None,
    target: object = None,
    control: bool = False,
    optimisation: int = DEFAULT_OPTIMISATION,
    tokens: int = DEFAULT_TOKENS,
    seed: int = 0,
) -> CompiledAdapter:
    """Compile a spec to a torch module.

    Args:
        spec: A path, or the text itself (which starts with its version line, `qa 1`).
        model: A config.json, a folder with one, or a model; overrides the file's `model` line.
        parameters: Values of the adapters' parameters, as with `-D`.
        target: A target of the file, or whatever describes a device: its name, the path of a JSON
            file, a coupling map such as `grid(3, 4)`, a `BackendV2` or `Target` of Qiskit, a
            `Backend` or `BackendInfo` of pytket, a `Device`.
        control: Compile the classical control: every circuit is replaced by a classical map with
            as many parameters, inputs and outputs.
        optimisation: 0 to 3.
        tokens: Tokens of a step, the batch for which costs are weighed.
        seed: Of the initial tensors.

    Warns of what has no effect: linear maps that a pattern reaches and that cannot have an adapter
    (QA6016), tensors that the result does not depend on (QA4006, QA4011), adapters with nothing to
    train (QA2160). Warns of a device's calibration that is old (QA4245).

    Raises:
        CompileError: With every error of the first phase that found any.
        UsageError: The file cannot be read, or an argument is none of the possible ones.
    """
    from qcompile.adapter import CompiledAdapter

    check_type("compile", "spec", spec, (str, os.PathLike), "a path, or the text of a source,")
    chosen = _target(target)
    check_type("compile", "control", control, bool, "True or False")
    path = _model_path(model)
    options = Options(
        parameters=_parameters(parameters),
        model=path,
        target=chosen,
        control=control,
        optimisation=_integer("optimisation", optimisation, 0, 3),
        tokens=_integer("tokens", tokens, 1, 2**40),
        seed=_integer("seed", seed, 0, 2**63 - 1),
    )
    given = None
    if model is not None and path is None:
        from qcompile.models.skeleton import describe_model

        given = describe_model(cast("nn.Module", model))
    compilation = compile_source(_source(spec), options, model=given)
    warn_of_effect(compilation)
    return CompiledAdapter(compilation.manifest)


def _model_path(model: object) -> str | None:
    """The path of a configuration; None for a model, and without any."""
    if model is None:
        return None
    if isinstance(model, (str, os.PathLike)):
        return check_path("compile", "model", model)
    from torch import nn

    from qcompile.adapter import CompiledAdapter

    expected = "a model, or the path of its config.json,"
    check_type("compile", "model", model, nn.Module, expected)
    if isinstance(model, CompiledAdapter):
        raise wrong_argument("compile", "model", model, expected)
    return None


def _target(target: object) -> str | Device | None:
    if target is None or isinstance(target, str):
        return target
    from qcompile.backends.devices.anything import DESCRIPTIONS, device_of

    device = device_of(target)
    if device is None:
        raise wrong_argument("compile", "target", target, DESCRIPTIONS)
    return device


def _parameters(parameters: object) -> tuple[tuple[str, ScalarValue], ...]:
    expected = "names with numbers, truth values or texts"
    if parameters is None:
        return ()
    check_type("compile", "parameters", parameters, Mapping, f"a dictionary of {expected}")
    assert isinstance(parameters, Mapping)
    for name, value in parameters.items():
        if not isinstance(name, str) or not isinstance(value, (Real, str)):
            wrong = name if not isinstance(name, str) else value
            raise wrong_argument("compile", "parameters", wrong, f"a dictionary of {expected}")
    return tuple((name, _scalar(value)) for name, value in parameters.items())


def _scalar(value: Any) -> ScalarValue:
    """Numbers of numpy count as well."""
    if isinstance(value, (bool, str)):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _source(spec: str | Path) -> Source:
    if isinstance(spec, str) and ("\n" in spec or spec.lstrip().startswith("qa ")):
        return Source("<text>", spec)
    return read_source(check_path("compile", "spec", spec))


def _integer(name: str, value: object, low: int, high: int) -> int:
    allowed = (f"integers from {low} to {high}",)
    # Integers of numpy and torch count as well.
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        with contextlib.suppress(TypeError):
            found = operator.index(value)
            if low <= found <= high:
                return found
    shown = str(value) if isinstance(value, (int, float, str)) else type(value).__name__
    raise UsageError(UnknownOptionValue(option=name, value=shown, allowed=allowed))
