"""Adapters that are added to parameters: of experts, all in one, and of routers."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA6401",
    "adapter `{adapter}` cannot be added to a parameter: {reason}",
    help=(
        "experts and routers take updates that are linear in `x` alone; others go to a whole "
        "block, such as `*.mlp`"
    ),
)
class NotAMatrix(Message):
    """The weights of all experts of a layer are one parameter, which no module applies to an input.
    What an adapter changes there is the parameter: a matrix is added to it, or to the slice of one
    expert. So the update has to be linear in `x`, without dropout, and reads neither `y` nor the
    module.

    Erroneous:  attach experts
                update linear(tanh(linear(x, to: 4)), to: out_features, init: zero)
    Corrected:  attach experts
                update linear(linear(x, to: 4), to: out_features, init: zero)
    """

    adapter: str
    reason: str
