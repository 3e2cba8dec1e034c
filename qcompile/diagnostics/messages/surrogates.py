"""QA73xx: classical surrogates of circuits."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, ModuleMessage, message


@message(
    "QA7301",
    "adapter `{adapter}` has no circuits that a surrogate could replace",
    help="export it as it is, such as `adapter.pt2`; a linear one with `--to lora`",
)
class NothingToReplace(Message):
    """A surrogate puts classical nodes in the place of circuits that are simulated for every token.
    Tensor networks are classical as they are, and so are the orthogonal matrices of `unitary`,
    which are linear maps.

    Erroneous:  qcompile convert mpo.pt served.pt --to surrogate
    Corrected:  qcompile convert qtha.pt served.pt --to surrogate
    """

    adapter: str


@message("QA7302", "circuit `{circuit}` of `{adapter}` on `{module}` has no {wanted}: {reason}")
class SurrogateNotReached(ModuleMessage):
    """What a circuit gives is a polynomial in cosines and sines of its data. How many terms it has
    grows with the gates between data and measurement, and with how often data enter. Beyond some
    thousands it is cheaper to simulate the circuit. Fewer terms, or a fit to data, have an error.
    Nothing was written.

    Erroneous:  qcompile convert qtha.pt served.pt --to surrogate
    Corrected:  qcompile convert qtha.pt served.pt --to surrogate --error 0.05 --data x.npz
    """

    circuit: str
    adapter: str
    wanted: str
    reason: str
    fit: str | None = None

    def notes(self) -> tuple[str, ...]:
        return (*ModuleMessage.notes(self), *(() if self.fit is None else (self.fit,)))

    def helps(self) -> tuple[str, ...]:
        if self.fit is None:
            return ("allow an error, and give inputs to fit to: `--error 0.05 --data x.npz`",)
        return (
            "allow a larger error, or give more inputs",
            "or serve it with its circuits: `.pt2`",
        )


@message(
    "QA7303",
    "`{error}` cannot be the error of a surrogate",
    help="what may be missing of a value from -1 to 1: from 1e-9 to 1, such as 1e-2",
)
class BoundOutOfRange(Message):
    """The error is that of each value which a circuit gives: expectation values lie between -1 and
    1, probabilities between 0 and 1. Below 1e-9 is the rounding of exact polynomials.

    Erroneous:  surrogate_of(adapter, error=0.0)
    Corrected:  surrogate_of(adapter, error=1e-2)
    """

    error: str


@message(
    "QA7304",
    "`use_vllm` needs adapter `{adapter}` on `{module}` merged at every step: {reason}",
    help="train with `use_vllm=False`, or go on from a surrogate where a linear one is near enough:"
    " `qcompile convert trained.pt linear.pt --to surrogate --error 0.05 --data x.npz`",
)
class MergedAtEveryStep(ModuleMessage):
    """TRL's trainers with vLLM hand it the weights with the adapter merged into them, before each
    round of generation. An adapter with circuits or activations is no change of a weight. The
    trainer was not made, and vLLM was not started.

    Erroneous:  GRPOConfig(use_vllm=True)      with the adapter of examples/qtha.qa
    Corrected:  GRPOConfig(use_vllm=True)      with the adapter of examples/mpo.qa
    """

    adapter: str
    reason: str
