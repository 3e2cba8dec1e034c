"""Plan: what will be executed, frozen: contraction paths, evaluators, layout, costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.circuit import Circuit, Gate
from qcompile.ir.device import RoutedCircuit, RoutingCandidate
from qcompile.ir.device_noise import DeviceNoise
from qcompile.ir.hosts import AFFINE_HOSTS, LINEAR_HOST, NORM_HOST, PARAMETER_HOSTS
from qcompile.ir.network import ContractionNode, frames_of
from qcompile.ir.node import PlanNode, dependence_of
from qcompile.ir.ops.base import BASE_NODES, WeightNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.orthogonal import OrthogonalFrame, UnitaryNode
from qcompile.ir.spec import Mode
from qcompile.ir.target import NoiseModel, Target
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class HoistedBlock:
    """Gates without data; their unitary is built once a call and applied by one GEMM."""

    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLayer:
    """Gates that depend on data (or are cheaper one by one), applied to every token's state."""

    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseEvaluation:
    """Statevector in which everything between encodings is one hoisted dense unitary."""

    circuit: Circuit
    """Its gates are those of the segments, in order."""
    segments: tuple[HoistedBlock | DataLayer, ...]
    kind: Literal["dense"] = "dense"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatevectorEvaluation:
    """Gate by gate on the statevector; matrices of data-free gates are built once per call."""

    circuit: Circuit
    kind: Literal["statevector"] = "statevector"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjointEvaluation:
    """A statevector whose gates are undone on the way back: one state of each token is kept."""

    circuit: Circuit
    sweeps: DenseEvaluation | StatevectorEvaluation
    """What is done forward, of the same circuit."""
    kind: Literal["adjoint"] = "adjoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservableNetwork:
    """⟨0| U† P U |0⟩ as a tensor network over the light cone of one Pauli string.

    Only the gates of the cone are in it. Operands in order: for each gate its tensor, then for
    each gate its conjugate, then the observable's letters; every wire starts and ends in |0⟩
    vectors, which come last. The labels and the order are those that
    `qcompile.ir.circuit_network.observable_operands` gives for (circuit, output).
    """

    output: int
    """Which Pauli string of the circuit's read-out."""
    path: tuple[tuple[int, int], ...]
    """Pairwise contractions on positions of the working list, results appended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkEvaluation:
    """Each expectation value by contracting its own network, batch index included."""

    circuit: Circuit
    """ZeroState and Expectations only."""
    networks: tuple[ObservableNetwork, ...]
    kind: Literal["network"] = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class MpsEvaluation:
    """A matrix product state: one tensor a qubit, exact while bonds stay within a limit."""

    circuit: Circuit
    """ZeroState and Expectations only."""
    bond: int
    """The largest bond dimension; what is wider is cut."""
    kind: Literal["mps"] = "mps"


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityEvaluation:
    """Density matrix, for noise: gates on ket and bra, depolarising after each gate."""

    circuit: Circuit
    noise: NoiseModel
    kind: Literal["density"] = "density"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvaluation:
    """The routed circuit under its device's noise, by Pauli transfer matrices."""

    circuit: Circuit
    routed: RoutedCircuit
    """What is evaluated: the node's own."""
    noise: DeviceNoise
    kind: Literal["transfer"] = "transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEvaluation:
    """By an executor of another package, which knows what its options mean."""

    circuit: Circuit
    kind: str
    """The executor's name."""
    options: tuple[tuple[str, bool | int | float | str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedEvaluation:
    """All gates of a token in one call of a compiled library, forward and adjoint backward."""

    circuit: Circuit
    eager: (
        DenseEvaluation
        | StatevectorEvaluation
        | NetworkEvaluation
        | AdjointEvaluation
        | MpsEvaluation
    )
    """The same circuit in torch: where there is no library, off the CPU, in exported programs, and
    for derivatives beyond the first."""
    kind: Literal["fused"] = "fused"


Evaluation = (
    DenseEvaluation
    | StatevectorEvaluation
    | NetworkEvaluation
    | DensityEvaluation
    | TransferEvaluation
    | FusedEvaluation
    | MpsEvaluation
    | AdjointEvaluation
    | ExternalEvaluation
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitCost:
    """Estimates for a circuit under its evaluator."""

    flops_per_token: float
    """Forward."""
    flops_hoisted: float
    """Forward, once per call."""
    activations_per_token: int
    """Real elements saved for backward."""
    gates: int
    two_qubit_gates: int
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one executor would take for a circuit, or why it does not run it.

    Figures have three digits: they are there to be compared.
    """

    executor: str
    seconds: float | None
    """Of a step, forward and backward, on the machine that costs are weighed for."""
    bytes: float | None
    """Memory of that step."""
    refusal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationNode(PlanNode):
    """A circuit with its chosen evaluator. The data are the operands, concatenated."""

    READS = ("operands",)
    TENSORS = ("angles",)
    FAMILY = "circuit"

    operands: tuple[int, ...]
    angles: int | None
    evaluation: Evaluation
    routed: RoutedCircuit | None
    """Native circuit on the target's device, where there is one."""
    cost: CircuitCost
    width: int
    candidates: tuple[Candidate, ...] = field(default=(), metadata=ADDED_LATER)
    """All executors that were weighed, the chosen one among them."""
    routings: tuple[RoutingCandidate, ...] = field(default=(), metadata=ADDED_LATER)
    """All that were compared before `routed` was chosen."""

    @property
    def label(self) -> str:
        circuit = self.evaluation.circuit
        return f"{self.evaluation.kind} {circuit.qubits} qubits {len(circuit.gates)} gates"


def orthogonals(node: PlanNode) -> tuple[OrthogonalFrame | UnitaryNode, ...]:
    """The orthogonal matrices of circuits that a node applies, each once."""
    match node:
        case UnitaryNode():
            return (node,)
        case ContractionNode(network=network):
            return frames_of(network)
        case _:
            return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Totals of a plan; a multiply-add counts as two FLOPs."""

    parameters: int
    forward_flops_per_token: float
    backward_flops_per_token: float
    """With gradients for the input and all parameters."""
    hoisted_flops: float
    """Forward, once per call, whatever the number of tokens."""
    activation_elements_per_token: int
    """Saved for backward, in elements of the compute dtype."""
    peak_hoisted_elements: int
    """The largest tensor built once per call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An executable adapter for modules of one size."""

    adapter: str
    in_features: int
    out_features: int
    mode: Mode
    nodes: tuple[PlanNode, ...]
    result: int
    tensors: tuple[TensorSpec, ...]
    parameters: tuple[tuple[str, bool | int | float | str], ...]
    target: Target
    costs: Costs
    linear: bool
    """The update is a linear map of x and y, so that it can be merged into the weight."""
    training: tuple[Training, ...] = ()
    control: bool = False
    """Classical maps with as many parameters are in the place of circuits."""
    host: str = field(default=LINEAR_HOST, metadata=ADDED_LATER)
    """What kind of module it is for, see `qcompile.ir.hosts`."""
    padding: int | None = field(default=None, metadata=ADDED_LATER)
    """Of an embedding: the token for which x is zero."""
    slices: int = field(default=1, metadata=ADDED_LATER)
    """Of a parameter, which all change alike."""

    def rows(self, tokens: int) -> int:
        """How many inputs it computes for in a step of so many tokens.

        What is added to a parameter is a matrix, whatever the tokens: its columns are the values
        for unit vectors.
        """
        return self.in_features if self.host in PARAMETER_HOSTS else tokens

    @property
    def changed_elements(self) -> int:
        """Of the changed parameter, which the backward pass keeps beside the frozen one."""
        if self.host not in PARAMETER_HOSTS:
            return 0
        return self.slices * self.in_features * self.out_features

    @property
    def merges(self) -> bool:
        """Whether it can be merged into the weight and the bias of its module.

        The elements of a norm's are factors and shifts of its output alone.
        """
        if self.linear or not self.nodes:
            return self.linear
        found = dependence_of(self.nodes, self.result)
        if self.host == NORM_HOST:
            return found != "other" and not self._reads_input()
        return found != "other" and self.host in AFFINE_HOSTS

    @property
    def adds_constant(self) -> bool:
        """Whether the result need not be zero where x and y are."""
        return dependence_of(self.nodes, self.result) not in ("zero", "linear")

    def _reads_input(self) -> bool:
        needed = {self.result}
        for index in range(self.result, -1, -1):
            if index in needed:
                needed.update(self.nodes[index].inputs)
        return any(isinstance(self.nodes[index], InputNode) for index in needed)

    @property
    def uses_output(self) -> bool:
        """Whether it reads `y`, the adapted module's own output."""
        return any(isinstance(node, OutputNode) for node in self.nodes)

    @property
    def uses_base(self) -> bool:
        """Whether it computes with the adapted module: `base(v)`, its weight or bias."""
        return any(isinstance(node, BASE_NODES) for node in self.nodes)

    @property
    def reads_module(self) -> bool:
        """Whether x and its own tensors are not all that it needs."""
        return self.uses_output or self.uses_base

    @property
    def uses_weight(self) -> bool:
        """Whether it reads the weight of the adapted module."""
        return any(isinstance(node, WeightNode) for node in self.nodes)
