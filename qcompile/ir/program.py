"""Program: the hybrid graph for concrete sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qcompile.ir.added_later import ADDED_LATER
from qcompile.ir.circuit import Circuit
from qcompile.ir.hosts import LINEAR_HOST, PARAMETER_HOSTS
from qcompile.ir.node import Needed, ProgramNode
from qcompile.ir.ops.base import BASE_NODES
from qcompile.ir.ops.ends import OutputNode
from qcompile.ir.orthogonal import needed_angles
from qcompile.ir.spec import Mode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Training
from qcompile.ir.verification import require
from qcompile.ir.verify_circuit import verify_circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitNode(ProgramNode):
    """A quantum circuit; its data are the operands, concatenated."""

    READS = ("operands",)
    TENSORS = ("angles",)
    FAMILY = "circuit"

    operands: tuple[int, ...]
    circuit: Circuit
    angles: int | None
    """Index of the tensor (angle_count,); None where nothing is trainable."""
    width: int

    def verify(self, widths: Sequence[int]) -> Needed:
        circuit = self.circuit
        verify_circuit(circuit)
        fits = sum(widths) == circuit.data_width
        require(fits, "its data are not as wide as the circuit's")
        require(self.width == circuit.outputs, "it is not as wide as the circuit's read-out")
        return needed_angles(circuit.angle_count, self.angles)

    @property
    def label(self) -> str:
        return f"circuit {self.circuit.qubits} qubits {len(self.circuit.gates)} gates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An adapter for modules of one size. Node 0 is the input; operands precede their users.

    The result is (…, out_features). Of a prefix it is a table of keys and values side by side,
    (tokens, 2 · out_features).
    """

    adapter: str
    in_features: int
    out_features: int
    mode: Mode
    nodes: tuple[ProgramNode, ...]
    result: int
    tensors: tuple[TensorSpec, ...]
    parameters: tuple[tuple[str, bool | int | float | str], ...]
    """The spec's parameters with their values at these sizes."""
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
    def uses_output(self) -> bool:
        """Whether it reads `y`, the adapted module's own output."""
        return any(isinstance(node, OutputNode) for node in self.nodes)

    @property
    def uses_base(self) -> bool:
        """Whether it computes with the adapted module: `base(v)`, its weight or bias."""
        return any(isinstance(node, BASE_NODES) for node in self.nodes)
