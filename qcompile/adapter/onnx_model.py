"""A compiled adapter as a model of ONNX, which runs where neither qcompile nor torch is."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from qcompile.adapter.exported import exported
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.export import FormatNeedsPackage
from qcompile.diagnostics.messages.scaling import NotExportable
from qcompile.diagnostics.quiet import quiet

_PACKAGES = ("onnx", "onnxscript")


def onnx_bytes(tree: nn.Module, parts: Mapping[str, AdapterModule]) -> bytes:
    """The contents of a .onnx file: what `exported` gives, for any batch and sequence.

    One part has the input `x`, (batch, sequence, in_features), `y`, the module's own output, where
    it reads that, and the output `update`, (batch, sequence, out_features). Of several parts each
    has these under `<module>.<adapter>.x` and so on. Numbers are the adapter's tensors' own.

    Args:
        tree: See `exported`.
        parts: By the names that they get.

    Raises:
        AdapterError: QA4223 without the packages onnx and onnxscript; QA6123.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise AdapterError(FormatNeedsPackage(format="ONNX", package=package))
    arguments = [
        (name, argument)
        for name, part in parts.items()
        for argument in (("x", "y") if part.plan.uses_output else ("x",))
    ]
    outputs = [(name, "update") for name in parts]
    several = len(parts) > 1
    program = exported(tree, parts)
    inputs = [_named(pair, several) for pair in arguments]
    try:
        # It prints what it does.
        with quiet(), redirect_stdout(io.StringIO()):
            found = torch.onnx.export(
                program,
                input_names=inputs,
                output_names=[_named(pair, several) for pair in outputs],
                dynamo=True,
                verbose=False,
            )
    except Exception as error:
        # The exporter raises whatever its translation runs into.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise AdapterError(NotExportable(reason=reason)) from error
    assert found is not None
    model = found.model_proto
    _name_sizes(model, list(parts))
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _named(pair: tuple[str, str], several: bool) -> str:
    part, argument = pair
    return f"{part}.{argument}" if several else argument


def _name_sizes(model: Any, parts: list[str]) -> None:
    """Call the free sizes `batch` and `sequence`, which torch numbers as it meets them."""
    names: dict[str, str] = {}
    for value in model.graph.input:
        part = value.name.rpartition(".")[0]
        suffix = f"_{parts.index(part)}" if part else ""
        for size, name in zip(
            value.type.tensor_type.shape.dim, ("batch", "sequence"), strict=False
        ):
            if size.dim_param:
                names.setdefault(size.dim_param, name + suffix)
    for group in (model.graph.input, model.graph.output, model.graph.value_info):
        for value in group:
            for size in value.type.tensor_type.shape.dim:
                if size.dim_param:
                    # Some are products of others.
                    size.dim_param = re.sub(
                        r"\w+", lambda found: names.get(found[0], found[0]), size.dim_param
                    )
    # Where in the source of qcompile and torch a node comes from: folders of this machine.
    for node in model.graph.node:
        del node.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
