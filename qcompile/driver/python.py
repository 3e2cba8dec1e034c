"""`qcompile.compile`: the compiler for a Python program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from qcompile.diagnostics.errors import UsageError
from qcompile.diagnostics.messages.usage import UnknownOptionValue
from qcompile.diagnostics.source import Source
from qcompile.driver.options import Options
from qcompile.driver.phases import compile_source
from qcompile.grammar.files import read_source

if TYPE_CHECKING:
    from torch import nn

    from qcompile.adapter import CompiledAdapter


def compile(
    spec: str | Path,
    *,
    model: str | Path | nn.Module | None = None,
    parameters: Mapping[str, bool | int | float | str] | None = None,
    target: str | None = None,
    control: bool = False,
    optimisation: int = 2,
    tokens: int = 2048,
    seed: int = 0,
) -> CompiledAdapter:
    """Compile a spec to a torch module.

    Args:
        spec: A path, or the text itself (which starts with its version line, `qa 1`).
        model: A config.json, a folder with one, or a model; overrides the file's `model` line.
        parameters: Values of the adapters' parameters, as with `-D`.
        target: A target of the file, or the name of a device.
        control: Compile the classical control: every circuit is replaced by a classical map with
            as many parameters, inputs and outputs.
        optimisation: 0 to 3.
        tokens: Tokens of a step, the batch for which costs are weighed.
        seed: Of the initial tensors.

    Raises:
        CompileError: With every error of the first phase that found any.
        UsageError: The file cannot be read, or an argument is none of the possible ones.
    """
    from qcompile.adapter import CompiledAdapter

    _check_range("optimisation", optimisation, 0, 3)
    _check_range("tokens", tokens, 1, 2**40)
    _check_range("seed", seed, 0, 2**63 - 1)
    options = Options(
        definitions=tuple(
            f"{name}={_literal(value)}" for name, value in (parameters or {}).items()
        ),
        model=str(model) if isinstance(model, (str, Path)) else None,
        target=target,
        control=control,
        optimisation=optimisation,
        tokens=tokens,
        seed=seed,
    )
    given = None
    if model is not None and not isinstance(model, (str, Path)):
        from qcompile.models.skeleton import describe_model

        given = describe_model(model)
    compilation = compile_source(_source(spec), options, model=given)
    return CompiledAdapter(compilation.manifest)


def _source(spec: str | Path) -> Source:
    if isinstance(spec, str) and ("\n" in spec or spec.lstrip().startswith("qa ")):
        return Source("<text>", spec)
    return read_source(str(spec))


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not low <= value <= high:
        allowed = (f"integers from {low} to {high}",)
        raise UsageError(UnknownOptionValue(option=name, value=str(value), allowed=allowed))


def _literal(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
