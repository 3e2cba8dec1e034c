"""QA4xxx: passes, limits, memory, devices and routing."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message("QA4001", "unknown pass `{name}`")
class UnknownPass(Message):
    """
    The pipeline names a pass that qcompile does not have. Passes are separated by commas; options
    follow in braces.

    Erroneous:  qcompile adapter.qa --passes "light-cones,find-path"
    Corrected:  qcompile adapter.qa --passes "light-cone,find-paths"
    """

    name: str
    candidates: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        return (f"passes are: {', '.join(self.known)}",) if self.known else ()


@message("QA4002", "pass `{name}` has no option `{option}`")
class UnknownPassOption(Message):
    """The braces behind a pass in the pipeline set its options by name. This pass has no option of
    this name.

    Erroneous:  --passes "find-paths{repeat=8}"
    Corrected:  --passes "find-paths{repeats=8}"
    """

    name: str
    option: str
    candidates: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        if not self.known:
            return (f"`{self.name}` has no options",)
        return (f"options of `{self.name}`: {', '.join(self.known)}",)


@message("QA4003", "option `{option}` of pass `{name}` is {expected}, not `{value}`")
class BadPassOption(Message):
    """
    Options of passes are whole numbers, real numbers, `true` and `false`, or words, each option of
    one type, some within limits.

    Erroneous:  --passes "find-paths{repeats=many}"
    Corrected:  --passes "find-paths{repeats=8}"
    """

    name: str
    option: str
    value: str
    expected: str


@message(
    "QA4004",
    "pass `{name}` works on the {level} and cannot follow `{after}`",
    help="first the program and its circuits, then circuits of a device, then the plan",
)
class PassOutOfOrder(Message):
    """Passes on the program and on its circuits come first; then circuits are brought to a device,
    where the target is one; then the program becomes a plan, and passes on the plan follow. A plan
    has no way back to a program.

    Erroneous:  --passes "find-paths,light-cone"
    Corrected:  --passes "light-cone,find-paths"
    """

    name: str
    after: str
    level: str


@message("QA4005", "the pipeline is malformed at character {position}: {reason}")
class BadPipeline(Message):
    """A pipeline is a list of passes separated by commas; a pass may have options in braces, as
    name=value separated by commas. Characters are counted from 1.

    Erroneous:  --passes "find-paths{repeats=8"
    Corrected:  --passes "find-paths{repeats=8}"
    """

    position: int
    reason: str


@message(
    "QA4006",
    "trainable tensor `{tensor}` of `{adapter}` is left out: it has no influence",
    severity="warning",
    help="use the value that it belongs to, or remove it",
)
class UnusedTensor(Message):
    """Nothing that the update is computed from reads this tensor, so that its gradient would always
    be zero. It is neither stored nor counted.

    Erroneous:  h = linear(x, to: 8)
                g = linear(x, to: 8)
                update linear(h, to: out_features)
    Corrected:  h = linear(x, to: 8)
                update linear(h, to: out_features)
    """

    tensor: str
    adapter: str


@message(
    "QA4007",
    "evaluator `{evaluator}` cannot run the circuit of `{adapter}`: {reason}",
    help="leave `evaluator` out, and the compiler chooses one that can",
)
class EvaluatorImpossible(Message):
    """A target may force the way in which circuits are simulated. `dense` builds unitaries of 4^n
    entries; `network` needs a circuit that starts in |0…0⟩ and reads expectation values; noise
    needs `density`, or `transfer` where it is that of a device, and these are for noise and small
    circuits only.

    Erroneous:  target wide { evaluator: dense }        for a circuit on 20 qubits
    Corrected:  target wide { evaluator: auto }
    """

    evaluator: str
    adapter: str
    reason: str


@message(
    "QA4008",
    "one token of `{adapter}` would take {needed}, more than the limit of {limit}",
    label="needs {needed}",
)
class PlanTooLarge(Message):
    """
    Before anything is allocated, the memory of one training step of one module is estimated: what
    is built once per step, and what every token keeps for the backward pass. Even with a single
    token a step the estimate of the best way that was found is above the limit.

    Erroneous:  q = circuit(40 qubits) { encode angle(h, gate: ry) repeat 8 { ry cz ring } … }
    Corrected:  q = circuit(12 qubits) { encode angle(h, gate: ry) repeat 2 { ry cz ring } … }
    """

    adapter: str
    needed: str
    limit: str
    largest: str
    advice: tuple[str, ...] = ()

    def helps(self) -> tuple[str, ...]:
        return self.advice

    def notes(self) -> tuple[str, ...]:
        return (f"most of it is {self.largest}",)


@message(
    "QA4009",
    "a tensor network of `{adapter}` cannot be contracted: {reason}",
    help="use fewer sites with larger modes",
)
class NetworkTooManyIndices(Message):
    """Every contraction of two tensors is one einsum, whose indices are single letters, 52 at most.
    An MPO with so many sites that no order of contractions keeps below that is refused.

    Erroneous:  a = mpo(x, to: 256, sites: 60, bond: 2)
    Corrected:  a = mpo(x, to: 256, sites: 4, bond: 2)
    """

    adapter: str
    reason: str


@message(
    "QA4010",
    "a step of {tokens} tokens through `{adapter}` would take {needed}; {fitting} tokens fit"
    " in {limit}",
    severity="warning",
    help="train with smaller batches, or use fewer qubits or layers",
)
class FewerTokensFit(Message):
    """
    The memory of a training step of one module grows with the number of its tokens, because every
    token keeps what the backward pass needs. For the number of tokens that the plan is weighed
    for, the estimate is above the limit; for the number that is named it is below.

    Erroneous:  q = circuit(16 qubits) { repeat 16 { encode angle(h, gate: ry) ry cz ring } … }
    Corrected:  q = circuit(10 qubits) { repeat 4 { encode angle(h, gate: ry) ry cz ring } … }
    """

    adapter: str
    tokens: int
    needed: str
    limit: str
    fitting: int
    largest: str

    def notes(self) -> tuple[str, ...]:
        return (f"most of it is {self.largest}",)


@message(
    "QA4011",
    "trainable tensor `{tensor}` of `{adapter}` never learns: its gradient is zero",
    severity="warning",
    help="measure or combine what depends on it, or remove it",
)
class IdleTensor(Message):
    """The tensor is read, but the result is the same whatever its values: it turns qubits by gates
    that the read-out cannot see, or only a `step` follows it. It keeps its place among the
    parameters, with a gradient of zero.

    Erroneous:  w = vector(2)
                q = circuit(2 qubits) { h; rxx(w[0]) all; measure x }
    Corrected:  w = vector(2)
                q = circuit(2 qubits) { h; rzz(w[0]) all; measure x }
    """

    tensor: str
    adapter: str


@message(
    "QA4012",
    "a step of {tokens} tokens through all {modules} modules would take {needed}, more than"
    " the limit of {limit}",
    severity="warning",
)
class StepTooLarge(Message):
    """Each module fits by itself, but a training step keeps what the backward passes of all modules
    need, besides the trainable tensors, their gradients and the optimiser's two values for each.
    `qcompile report` shows the parts. Fewer tokens a step, with gradient accumulation, need less;
    so does activation checkpointing, which keeps the parts of one block at a time.

    Erroneous:  adapter qtha(rank: int = 8) { attach "*" … }            for 160 modules
    Corrected:  adapter qtha(rank: int = 8) { attach "*.q_proj" … }     or fewer tokens a step
    """

    modules: int
    tokens: int
    needed: str
    limit: str
    activations: str
    fitting: int

    def helps(self) -> tuple[str, ...]:
        fewer = (
            f"train with at most {self.fitting} tokens a step"
            if self.fitting
            else "attach to fewer modules, or use a smaller adapter"
        )
        return (
            fewer,
            "use activation checkpointing, or raise `--memory-limit` if the machine has more",
        )

    def notes(self) -> tuple[str, ...]:
        return (f"{self.activations} of it are kept for the backward pass",)


@message(
    "QA4101",
    "{count} of {total} trainable angles of `{adapter}` lie outside the light cone of what its"
    " circuit measures: their gradient is exactly zero",
    severity="warning",
    help=(
        "measure more qubits, entangle them, or leave these gates out; they are parameters that"
        " never train"
    ),
)
class AnglesOutsideLightCone(Message):
    """Going backwards from the measured qubits, a gate matters only if it acts on a qubit that is
    measured or that a later gate connects with one. All other gates cancel in the expectation
    value. They are removed, which costs nothing; but their angles are stored and counted without
    ever having an effect.

    Erroneous:  circuit(4 qubits) { ry; measure z on 0 }
    Corrected:  circuit(4 qubits) { ry; measure z }
    """

    adapter: str
    count: int
    total: int


@message(
    "QA4102",
    "{count} of {total} trainable angles of `{adapter}` commute with what its circuit measures:"
    " their gradient is exactly zero",
    severity="warning",
    help=(
        "put a gate that does not commute behind them, measure another Pauli letter, or use fewer"
        " angles in the last layer (`ry` instead of `rot`)"
    ),
)
class AnglesCommuteIntoMeasurement(Message):
    """
    A rotation about Z directly before a measurement of Z turns nothing that is measured. The same
    holds for any gate that commutes with all later gates and all observables, such as the last of
    the three angles of a `rot` before a ring of CNOTs and a measurement of Z. These gates are
    removed; their angles are parameters that never train.

    Erroneous:  circuit(4 qubits) { ry; rz; measure z }
    Corrected:  circuit(4 qubits) { h; rz; ry; measure z }
    """

    adapter: str
    count: int
    total: int


@message(
    "QA4103",
    "{count} of {total} trainable angles of `{adapter}` act on qubits that are still |0⟩: their"
    " gradient is exactly zero",
    severity="warning",
    help="put an encoding or a gate such as `h` or `ry` in front of them, or leave them out",
)
class AnglesActOnZeroState(Message):
    """A diagonal gate on a qubit in the state |0⟩ is only a phase, and a control on such a qubit
    never fires. Such gates at the start of a circuit are removed; their angles are parameters that
    never train. In the first layer of a circuit without an encoding in front of it this is the
    first of the three angles of every `rot`.

    Erroneous:  circuit(2 qubits) { rz; ry; measure z }
    Corrected:  circuit(2 qubits) { h; rz; ry; measure z }
    """

    adapter: str
    count: int
    total: int
