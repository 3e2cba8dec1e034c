"""QA72xx: the compiled library that runs circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA7201",
    "without the compiled library, which is not installed here, a step of {tokens} tokens would"
    " take {needed} instead of {usual}",
    severity="warning",
    help=(
        "install qcompile where there is a compiler for C++, or from a wheel with the library; or"
        " train with fewer tokens a step"
    ),
)
class MoreWithoutLibrary(Message):
    """Circuits run in a compiled library, which keeps no states for the backward pass. Where it is
    not installed, they run in torch: with the same values, but slower and with more memory.
    `qcompile --version -v` says whether it is installed, `qcompile report` what a step takes with
    and without it.

    Erroneous:  qcompile.load("qtha.pt")      (without the library, 512 modules)
    Corrected:  pip install .                 (on a machine with a compiler), then load it again
    """

    tokens: int
    needed: str
    usual: str
