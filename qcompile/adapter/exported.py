"""A compiled adapter as a program of torch.export, which runs where qcompile is not installed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from qcompile.adapter.safe_names import rename_safely
from qcompile.backends.simulator.module import AdapterModule
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.scaling import NotExportable
from qcompile.diagnostics.quiet import quiet
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.plan import EvaluationNode

Arguments = tuple[Tensor, ...]
"""x, and the module's own output where a part reads it: (batch, sequence, width) each; token ids
(batch, sequence)."""


class Parts(nn.Module):
    """{part: its arguments} → {part: (batch, sequence, out_features)}.

    The arguments are a tuple of x, and of the module's own output where the part reads that. A part
    is called `<module>.<adapter>`. It stands at that place in the tree of modules, where the name
    is one that Python code may say, see `rename_safely`.
    """

    def __init__(self, tree: nn.Module, parts: Mapping[str, AdapterModule]) -> None:
        super().__init__()
        # Not as members, which would make a second place for each.
        self.parts = tuple(parts.items())
        # The tree of modules is the adapter's; its own forward is not wanted.
        self._modules.update(tree._modules)
        rename_safely(self)

    def places(self) -> tuple[str, ...]:
        """Where the parts stand."""
        found = {id(part): name for name, part in self.named_modules()}
        return tuple(found[id(part)] for _, part in self.parts)

    def forward(self, inputs: dict[str, Arguments]) -> dict[str, Tensor]:
        return {name: part(*inputs[name]) for name, part in self.parts}


def exported(tree: nn.Module, parts: Mapping[str, AdapterModule]) -> ExportedProgram:
    """The parts of an adapter as a program, for any batch and sequence.

    One part becomes (batch, sequence, in_features) → (batch, sequence, out_features), in the dtype
    of its tensors. The module's own output is a second argument where the part reads it. Several
    parts become one program from a dictionary of arguments to a dictionary of outputs, see `Parts`;
    `torch.export.unflatten` gives them back as modules to call one by one.

    Args:
        tree: Where the parts stand; in evaluation mode, on the CPU. Its names change.
        parts: By the names that they get.

    Raises:
        AdapterError: QA6123.
    """
    _check_exportable(list(parts.values()))
    if len(parts) == 1:
        (part,) = parts.values()
        rename_safely(part)
        example = _example(part)
        return _exported(part, example, _dynamic(example, ""), ())
    several = Parts(tree, parts)
    inputs = {name: _example(part) for name, part in several.parts}
    # Each part has sizes of its own, so that none refers to another's input.
    shapes = {
        name: _dynamic(example, f"_{number}")
        for number, (name, example) in enumerate(inputs.items())
    }
    return _exported(several, (inputs,), (shapes,), several.places())


def program_bytes(program: ExportedProgram) -> bytes:
    """The contents of a .pt2 file; the same for the same program, torch and options.

    Where in the source of qcompile a node comes from is left out: it names folders of this machine.
    """
    for inside in program.graph_module.modules():
        if isinstance(inside, torch.fx.GraphModule):
            for node in inside.graph.nodes:
                node.meta.pop("stack_trace", None)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _check_exportable(parts: list[AdapterModule]) -> None:
    """Prefixes are no functions of x; torch has no rule for the shapes of binomial samples."""
    for part in parts:
        sampled = any(isinstance(node, EvaluationNode) for node in part.plan.nodes)
        what = ""
        if part.plan.mode == "prefix":
            what = "is a prefix, which stands inside the model's attention"
        elif sampled and part.plan.target.shots is not None:
            what = "samples its circuits with `shots`"
        elif part.plan.uses_base:
            what = "computes with its module, which is not part of the program"
        if what:
            where = f" on `{part.site}`" if part.site else ""
            reason = f"adapter `{part.plan.adapter}`{where} {what}"
            raise AdapterError(NotExportable(reason=reason))


def _example(part: AdapterModule) -> Arguments:
    # Sizes of 1 would be taken for constants.
    dtype = next((parameter.dtype for parameter in part.parameters()), torch.float32)
    x = torch.zeros(2, 3, part.plan.in_features, dtype=dtype)
    if part.plan.host == EMBEDDING_HOST:
        x = torch.zeros(2, 3, dtype=torch.int64)
    if not part.plan.uses_output:
        return (x,)
    return x, torch.zeros(2, 3, part.plan.out_features, dtype=dtype)


def _dynamic(example: Arguments, suffix: str) -> tuple[dict[int, Any], ...]:
    sizes = {0: Dim(f"batch{suffix}", min=1), 1: Dim(f"sequence{suffix}", min=1)}
    return tuple(sizes for _ in example)


def _exported(
    module: nn.Module,
    arguments: tuple[Any, ...],
    shapes: tuple[Any, ...],
    signatures: tuple[str, ...],
) -> ExportedProgram:
    try:
        with quiet():
            return torch.export.export(
                module,
                arguments,
                dynamic_shapes=shapes,
                preserve_module_call_signature=signatures,
            )
    except Exception as error:
        # torch.export raises whatever its tracing runs into.
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise AdapterError(NotExportable(reason=reason)) from error
