"""Models and adapters that functions are given."""

from __future__ import annotations

from torch import nn

from qcompile.adapter.compiled import CompiledAdapter
from qcompile.diagnostics.arguments import check_type, wrong_argument


def check_model(function: str, model: object) -> None:
    """Refuse what is no model to attach to.

    Raises:
        UsageError: QA6013.
    """
    expected = "a model (`torch.nn.Module`)"
    help = "load the model first" if isinstance(model, str) else ""
    check_type(function, "model", model, nn.Module, expected, help)
    if isinstance(model, CompiledAdapter):
        help = "the model comes first: `attach(model, adapter)`" if function == "attach" else ""
        raise wrong_argument(function, "model", model, expected, help)


def check_compiled(function: str, adapter: object) -> None:
    """Refuse what is no compiled adapter.

    Raises:
        UsageError: QA6013.
    """
    expected = "a compiled adapter"
    help = "`qcompile.load` reads one from a file" if isinstance(adapter, str) else ""
    check_type(function, "adapter", adapter, CompiledAdapter, expected, help)
