"""QA72xx: how circuits run, in the compiled library and in torch."""

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
    """Circuits run in a compiled library, or on a GPU in Triton's kernels, and no states are kept
    for the backward pass. Where neither is installed, they run in torch: with the same values, but
    slower and with more memory. `qcompile --version -v` says what is installed, `qcompile report`
    what a step takes with and without it.

    Erroneous:  qcompile.load("qtha.pt")      (without the library, 512 modules)
    Corrected:  pip install .                 (on a machine with a compiler), then load it again
    """

    tokens: int
    needed: str
    usual: str


@message(
    "QA7211",
    "a circuit of {qubits} qubits lost {lost} of its state where bonds were cut to {bond}",
    severity="warning",
    help="raise `bond` of the target, or use fewer layers or entangling gates further apart",
)
class StateCut(Message):
    """A circuit runs as a matrix product state, whose bonds between qubits are cut where they would
    be wider than `bond` of the target. The outputs are those of the state that is left. What is
    lost, between 0 and 1, is the sum of what every cut takes from the weight of the state, the most
    of any token; values are wrong by about twice its
    square root at most. The first call that loses more
    than 0.001 warns, `qcompile report` has an example.

    Erroneous:  target wide { bond: 4 }
    Corrected:  target wide { bond: 64 }
    """

    qubits: int
    bond: int
    lost: str
