"""Hypothesis strategies: small random Programs that `verify_program` accepts.

Values stay moderate (powers are bounded, `exp` only follows a bounded function), so that two
evaluations in float64 can be compared closely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

from hypothesis import strategies as st

from qcompile.ir.domains import FREE, Domain
from qcompile.ir.initialisation import Init
from qcompile.ir.network import (
    DataOperand,
    NetworkNode,
    NetworkOperand,
    TensorOperand,
    View,
)
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import (
    AddNode,
    DivideNode,
    MultiplyNode,
    PowerNode,
    ScaleNode,
    ShiftNode,
)
from qcompile.ir.ops.base import BASE_NODES
from qcompile.ir.ops.circuit_data import FoldNode, NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.elementwise import ELEMENTWISE, ActivationNode
from qcompile.ir.ops.ends import InputNode, OutputNode
from qcompile.ir.ops.linear import ApplyNode, BiasNode, LinearNode, TableMapNode
from qcompile.ir.ops.tables import (
    BitsNode,
    FlatNode,
    RowsNode,
    TableNode,
    TransposeNode,
    VectorNode,
)
from qcompile.ir.ops.widths import BroadcastNode, ConcatNode, SliceNode, ZeroNode
from qcompile.ir.orthogonal import UnitaryNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.spec import Mode
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Penalty, PenaltyKind, Proximal, Training
from qcompile.testing import ops as oracles
from qcompile.testing.circuit_strategies import circuits
from qcompile.testing.growing import divisors, modes_of
from qcompile.testing.small_orthogonals import small_orthogonals

OPERATIONS = {
    found.name: import_module(f"{oracles.__name__}.{found.name}")
    for found in iter_modules(oracles.__path__)
    if found.name != "elementwise"
}
"""Each file has a `RANDOM_NODE`, which is linear in one operand unless it says `LINEAR = False`."""

LINEAR_KINDS = (
    "scale", "add", "concat", "slice", "fold", "linear", "unitary", "zero", "output", "broadcast",
    *(name for name, module in OPERATIONS.items() if getattr(module, "LINEAR", True)),
)  # fmt: skip
NODE_KINDS = (
    *dict.fromkeys((*LINEAR_KINDS, *OPERATIONS)), "vector", "multiply", "shift", "bias",
    "activation", "power", "dropout", "norm", "pairs", "normalise", "network", "circuit", "table",
    "bits", "rows", "flat", "apply", "divide", "transpose", "map",
)  # fmt: skip

LARGEST_DEGREE = 4
LARGEST_WIDTH = 12

_BOUNDED: tuple[str, ...] = ("tanh", "sigmoid", "sin", "cos")
_GROWING: tuple[str, ...] = (
    "relu", "gelu", "silu", "softplus", "leaky_relu", "abs", "detach", "step",
)  # fmt: skip
_OF_POSITIVE: tuple[str, ...] = ("sqrt", "log", "reciprocal")
_INITS = (
    Init(kind="zero"),
    Init(kind="normal", arguments=(0.5, 0.0)),
    Init(kind="uniform", arguments=(-1.0, 1.0)),
    Init(kind="kaiming_normal", arguments=(0.0,)),
)

FACTORS = st.sampled_from((-2.0, -1.0, -0.5, 0.25, 0.5, 1.0, 1.5, 3.0))


@st.composite
def programs(
    draw: st.DrawFn,
    *,
    kinds: tuple[str, ...] = NODE_KINDS,
    max_nodes: int = 8,
    max_width: int = 5,
    linear_only: bool = False,
    prefixes: bool = False,
) -> Program:
    """A Program of the given kinds of nodes; a last linear map brings it to `out_features`.

    `prefixes` makes a prefix of some programs that have a table. `linear_only` keeps to maps that
    are linear in x and y.
    """
    if linear_only:
        kinds = tuple(kind for kind in kinds if kind in LINEAR_KINDS)
    in_features = draw(st.integers(1, max_width))
    out_features = draw(st.integers(1, max_width))
    growth = _Growth(draw=draw, max_width=max_width, out_features=out_features)
    growth.append(InputNode(width=in_features), degree=1)
    for _ in range(draw(st.integers(0, max_nodes))):
        growth.grow(draw(st.sampled_from(kinds)))
    mode: Mode = draw(st.sampled_from(("add", "replace")))
    tables = [i for i, domain in enumerate(growth.domains) if domain.kind == "rows"]
    width = out_features
    reads_module = any(isinstance(node, BASE_NODES) for node in growth.nodes)
    as_prefix = prefixes and not reads_module and draw(st.booleans())
    if tables and as_prefix:
        mode, width = "prefix", 2 * out_features
    result = len(growth.nodes) - 1
    fits = (growth.domains[result].kind == "rows") == (mode == "prefix")
    if growth.nodes[result].width != width or not fits or draw(st.booleans()):
        others = [i for i in range(len(growth.nodes)) if i not in tables]
        operand = draw(st.sampled_from(tables if mode == "prefix" else others))
        result = growth.append(
            LinearNode(
                operand=operand,
                tensor=growth.tensor((width, growth.nodes[operand].width)),
                width=width,
            ),
            degree=growth.degrees[operand],
        )
    return Program(
        adapter="random",
        in_features=in_features,
        out_features=out_features,
        mode=mode,
        nodes=tuple(growth.nodes),
        result=result,
        tensors=tuple(growth.tensors),
        parameters=(("rank", 4),),
        training=tuple(_terms(draw, len(growth.tensors))),
    )


def _terms(draw: st.DrawFn, tensors: int) -> Iterator[Training]:
    """Penalties and proximal operators on some of the tensors."""
    for _ in range(draw(st.integers(0, 2)) if tensors else 0):
        indices = st.lists(st.integers(0, tensors - 1), min_size=1, max_size=3, unique=True)
        chosen, number = tuple(draw(indices)), draw(st.sampled_from((0.0, 0.5, 1e-3)))
        if draw(st.booleans()):
            kind = draw(st.sampled_from(get_args(PenaltyKind)))
            yield Penalty(kind=kind, tensors=chosen, factor=number)
        else:
            yield Proximal(kind="soft_threshold", tensors=chosen, threshold=number)


@dataclass
class _Growth:
    """A program under construction; `degrees` bound the polynomial growth of values."""

    draw: st.DrawFn
    max_width: int
    out_features: int
    nodes: list[ProgramNode] = field(default_factory=list)
    degrees: list[int] = field(default_factory=list)
    tensors: list[TensorSpec] = field(default_factory=list)
    domains: list[Domain] = field(default_factory=list)

    def append(self, node: ProgramNode, *, degree: int) -> int:
        self.domains.append(node.domain([self.domains[o] for o in node.inputs]))
        self.nodes.append(node)
        self.degrees.append(degree)
        return len(self.nodes) - 1

    def domain(self, index: int) -> Domain:
        return self.domains[index]

    @property
    def sizes(self) -> tuple[int, int]:
        return self.nodes[0].width, self.out_features

    def tensor(self, shape: tuple[int, ...]) -> int:
        init = self.draw(st.sampled_from(_INITS))
        self.tensors.append(TensorSpec(name=f"t{len(self.tensors)}", shape=shape, init=init))
        return len(self.tensors) - 1

    def pick(self) -> int:
        """A node, the recent ones more often."""
        last = len(self.nodes) - 1
        return self.draw(st.one_of(st.integers(max(0, last - 1), last), st.integers(0, last)))

    def pick_beside(self, first: int) -> int:
        """A node that can be computed with together with `first`."""
        return self.draw(st.sampled_from(self._beside(first)))

    def _beside(self, first: int) -> list[int]:
        wanted = (FREE, self.domains[first])
        return [index for index, domain in enumerate(self.domains) if domain in wanted]

    def grow(self, kind: str) -> None:
        """Append a node of this kind, where the values at hand allow one."""
        draw = self.draw
        operand = self.pick()
        width, degree = self.nodes[operand].width, self.degrees[operand]
        match kind:
            case "vector":
                self._vector(draw(st.integers(1, self.max_width)))
            case "zero":
                self.append(ZeroNode(width=width), degree=1)
            case "add":
                others = self._of_widths(operand, (width,))
                parts = (operand, *(draw(st.sampled_from(others)) for _ in range(self._few())))
                self.append(
                    AddNode(operands=parts, width=width),
                    degree=max(self.degrees[part] for part in parts),
                )
            case "multiply":
                others = self._of_widths(operand, (width, 1))
                parts = (operand, *(draw(st.sampled_from(others)) for _ in range(self._few())))
                total = sum(self.degrees[part] for part in parts)
                if total <= LARGEST_DEGREE:
                    self.append(MultiplyNode(operands=parts, width=width), degree=total)
            case "scale":
                self.append(
                    ScaleNode(operand=operand, factor=draw(FACTORS), width=width), degree=degree
                )
            case "shift":
                self.append(
                    ShiftNode(operand=operand, offset=draw(FACTORS), width=width), degree=degree
                )
            case "bias":
                self.append(
                    BiasNode(operand=operand, tensor=self.tensor((width,)), width=width),
                    degree=degree,
                )
            case "concat":
                parts = (operand, *(self.pick_beside(operand) for _ in range(self._few())))
                total = sum(self.nodes[part].width for part in parts)
                if total <= LARGEST_WIDTH:
                    self.append(
                        ConcatNode(operands=parts, width=total),
                        degree=max(self.degrees[part] for part in parts),
                    )
            case "slice":
                start = draw(st.integers(0, width - 1))
                size = draw(st.integers(1, width - start))
                self.append(SliceNode(operand=operand, start=start, width=size), degree=degree)
            case "activation":
                self._activation(operand)
            case "power":
                positive = self._positive(operand)
                exponent = draw(st.sampled_from((-2.0, -0.5, 0.0, 0.3, 3.0)))
                self.append(PowerNode(operand=positive, exponent=exponent, width=width), degree=1)
            case "divide":
                others = self._of_widths(operand, (width, 1))
                divisor = self._positive(draw(st.sampled_from(others)))
                self.append(
                    DivideNode(operand=operand, divisor=divisor, width=width), degree=degree
                )
            case "transpose":
                rows, size = draw(st.integers(1, 4)), draw(st.integers(1, self.max_width))
                table = TableNode(tensor=self.tensor((rows, size)), rows=rows, width=size)
                index = self.append(table, degree=1)
                self.append(TransposeNode(operand=index, rows=size, width=rows), degree=1)
            case "map":
                rows = draw(st.integers(1, self.max_width))
                table = TableNode(tensor=self.tensor((rows, width)), rows=rows, width=width)
                index = self.append(table, degree=1)
                if degree < LARGEST_DEGREE:
                    self.append(
                        TableMapNode(operand=operand, weight=index, width=rows),
                        degree=degree + 1,
                    )
            case "broadcast":
                first = SliceNode(operand=operand, start=draw(st.integers(0, width - 1)), width=1)
                operand = self.append(first, degree=degree)
                size = draw(st.integers(1, self.max_width))
                self.append(BroadcastNode(operand=operand, width=size), degree=degree)
            case "dropout":
                p = draw(st.sampled_from((0.0, 0.1, 0.5)))
                self.append(DropoutNode(operand=operand, probability=p, width=width), degree=degree)
            case "norm":
                groups = draw(st.sampled_from([1, *divisors(width)]))
                self.append(NormNode(operand=operand, width=groups), degree=degree)
            case "pairs":
                if 2 * degree <= LARGEST_DEGREE:
                    wire = st.integers(0, width - 1)
                    pairs = draw(st.lists(st.tuples(wire, wire), min_size=1, max_size=4))
                    self.append(
                        PairProductNode(operand=operand, pairs=tuple(pairs), width=len(pairs)),
                        degree=2 * degree,
                    )
            case "fold":
                size = draw(st.integers(1, self.max_width))
                self.append(FoldNode(operand=operand, width=size), degree=degree)
            case "normalise":
                # Near zero the rounding of two ways to compute it would have other directions.
                away = ShiftNode(operand=operand, offset=0.731, width=width)
                operand = self.append(away, degree=degree)
                self.append(NormaliseNode(operand=operand, width=width), degree=1)
            case "linear":
                size = draw(st.integers(1, self.max_width))
                weight = self.tensor((size, width))
                self.append(LinearNode(operand=operand, tensor=weight, width=size), degree=degree)
            case "unitary":
                self._unitary(operand)
            case "output":
                if not any(isinstance(node, OutputNode) for node in self.nodes):
                    self.append(OutputNode(width=self.out_features), degree=1)
            case "network":
                self._network(operand)
            case "circuit":
                self._circuit(operand)
            case "table":
                rows, size = draw(st.integers(1, 4)), draw(st.integers(1, self.max_width))
                tensor = self.tensor((rows, size))
                self.append(TableNode(tensor=tensor, rows=rows, width=size), degree=1)
            case "bits":
                self.append(BitsNode(width=draw(st.integers(1, 2))), degree=1)
            case "rows":
                if self.domains[operand] != FREE:
                    operand = self._vector(draw(st.integers(1, self.max_width)))
                width, degree = self.nodes[operand].width, self.degrees[operand]
                rows = draw(st.sampled_from([k for k in range(1, width + 1) if width % k == 0]))
                cut = RowsNode(operand=operand, rows=rows, width=width // rows)
                self.append(cut, degree=degree)
            case "flat":
                if self.domains[operand].kind != "rows":
                    operand = self.append(BitsNode(width=1), degree=1)
                width = self.domains[operand].rows * self.nodes[operand].width
                if width <= LARGEST_WIDTH:
                    flat = FlatNode(operand=operand, width=width)
                    self.append(flat, degree=self.degrees[operand])
            case "apply":
                self._apply(operand)
            case _:
                found = OPERATIONS[kind].RANDOM_NODE(self, operand, width)
                if found is not None:
                    self.append(found, degree=degree)

    def _apply(self, operand: int) -> None:
        width, degree = self.nodes[operand].width, self.degrees[operand]
        possible = [
            index
            for index, domain in enumerate(self.domains)
            if domain == FREE
            and self.nodes[index].width % width == 0
            and self.degrees[index] + degree <= LARGEST_DEGREE
        ]
        if not possible and degree < LARGEST_DEGREE:
            possible = [self._vector(width * self.draw(st.integers(1, 2)))]
        if possible:
            weight = self.draw(st.sampled_from(possible))
            to = self.nodes[weight].width // width
            self.append(
                ApplyNode(operand=operand, weight=weight, width=to),
                degree=degree + self.degrees[weight],
            )

    def _vector(self, size: int) -> int:
        return self.append(VectorNode(tensor=self.tensor((size,)), width=size), degree=1)

    def _few(self) -> int:
        return self.draw(st.integers(1, 2))

    def _of_widths(self, first: int, widths: tuple[int, ...]) -> list[int]:
        return [index for index in self._beside(first) if self.nodes[index].width in widths]

    def _activation(self, operand: int) -> None:
        width, degree = self.nodes[operand].width, self.degrees[operand]
        kind = self.draw(st.sampled_from(tuple(ELEMENTWISE)))
        if kind == "square" and 2 * degree > LARGEST_DEGREE:
            return
        if kind == "exp":
            operand = self._bounded(operand)
        if kind in _OF_POSITIVE:
            operand = self._positive(operand)
        grown = 2 * degree if kind == "square" else degree if kind in _GROWING else 1
        self.append(ActivationNode(operand=operand, kind=kind, width=width), degree=grown)

    def _bounded(self, operand: int) -> int:
        """Of absolute values up to 1."""
        kind = self.draw(st.sampled_from(_BOUNDED))
        width = self.nodes[operand].width
        return self.append(ActivationNode(operand=operand, kind=kind, width=width), degree=1)

    def _positive(self, operand: int) -> int:
        """From 1/e to e."""
        width = self.nodes[operand].width
        node = ActivationNode(operand=self._bounded(operand), kind="exp", width=width)
        return self.append(node, degree=1)

    def _unitary(self, operand: int) -> None:
        draw = self.draw
        width = self.nodes[operand].width
        to = draw(st.integers(1 if width > 1 else 2, max(2, self.max_width)))
        orthogonal = draw(small_orthogonals(max(width, to)))
        count = orthogonal.angle_count
        self.append(
            UnitaryNode(
                operand=operand,
                orthogonal=orthogonal,
                angles=self.tensor((count,)) if count else None,
                adjoint=draw(st.booleans()),
                width=to,
            ),
            degree=self.degrees[operand],
        )

    def _network(self, operand: int) -> None:
        draw = self.draw
        sizes: dict[int, int] = {}
        entries: list[NetworkOperand] = []

        def fresh(extent: int) -> int:
            sizes[len(sizes) + 1] = extent
            return len(sizes)

        data = [operand]
        if self.degrees[operand] == 1 and draw(st.booleans()):
            data += [i for i in (self.pick_beside(operand),) if self.degrees[i] == 1]
        for index in data:
            modes = draw(modes_of(self.nodes[index].width, draw(st.integers(1, 2))))
            labels = tuple(fresh(extent) for extent in modes)
            view = View(padded=(math.prod(modes),), modes=modes, labels=labels)
            entries.append(DataOperand(node=index, view=view))
        for _ in range(draw(st.integers(0, 3))):
            known = st.sampled_from(tuple(sizes))
            labels = tuple(draw(st.lists(known, min_size=1, max_size=2, unique=True)))
            if len(sizes) < 6 and draw(st.booleans()):
                labels = (*labels, fresh(draw(st.integers(1, 3))))
            modes = tuple(sizes[label] for label in labels)
            entries.append(self._viewed_tensor(modes, labels))
        shuffled = draw(st.permutations(tuple(sizes)))
        output = tuple(shuffled[: draw(st.integers(0, min(3, len(shuffled))))])
        full = math.prod(sizes[label] for label in output)
        self.append(
            NetworkNode(
                operands=tuple(entries),
                output=output,
                sizes=tuple(sorted(sizes.items())),
                factor=draw(FACTORS),
                width=draw(st.integers(1, min(full, LARGEST_WIDTH))),
            ),
            degree=sum(self.degrees[index] for index in data),
        )

    def _viewed_tensor(self, modes: tuple[int, ...], labels: tuple[int, ...]) -> TensorOperand:
        """A tensor of the modes' shape, or a flat one that is padded and reshaped to it."""
        draw = self.draw
        if draw(st.booleans()):
            return TensorOperand(
                tensor=self.tensor(modes), view=View(padded=modes, modes=modes, labels=labels)
            )
        full = math.prod(modes)
        tensor = self.tensor((draw(st.integers(1, full)),))
        return TensorOperand(tensor=tensor, view=View(padded=(full,), modes=modes, labels=labels))

    def _circuit(self, operand: int) -> None:
        draw = self.draw
        parts = draw(st.sampled_from(((), (operand,), (operand, self.pick_beside(operand)))))
        data_width = sum(self.nodes[part].width for part in parts)
        circuit = draw(circuits(max_qubits=3, max_gates=8, data_width=data_width))
        angles = self.tensor((circuit.angle_count,)) if circuit.angle_count else None
        self.append(
            CircuitNode(operands=parts, circuit=circuit, angles=angles, width=circuit.outputs),
            degree=1,
        )
