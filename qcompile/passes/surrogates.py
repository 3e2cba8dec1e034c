"""A plan's program with classical nodes where its circuits were."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from qcompile.executors.polynomials.basis import Frequencies, Polynomial, Real
from qcompile.ir.initialisation import ZERO
from qcompile.ir.node import ProgramNode, domains
from qcompile.ir.ops.arithmetic import ScaleNode, ShiftNode
from qcompile.ir.ops.circuit_data import NormaliseNode, PairProductNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.ops.tables import TableNode, VectorNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode, ZeroNode
from qcompile.ir.plan import EvaluationNode, Plan
from qcompile.ir.plan_circuits import circuits_of_plan
from qcompile.ir.program import Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verify_plan import program_of_plan
from qcompile.passes.base import Context
from qcompile.passes.tensor.remove_dead import without_dead


@dataclass(frozen=True, eq=False)
class FixedValues:
    """The values of a circuit whose data do not depend on the input: (width,), or a table."""

    values: Real


@dataclass(frozen=True, eq=False)
class LinearMap:
    """(outputs, data_width): its product with the data."""

    matrix: Real


Replacement = FixedValues | LinearMap | Polynomial


def form_of(replacement: Replacement) -> Hashable:
    """What two of them must share to be the same nodes, with tensors of their own."""
    match replacement:
        case FixedValues(values=values):
            return tuple(values.shape)
        case LinearMap(matrix=matrix):
            return "linear", matrix.shape
        case Polynomial():
            products = replacement.products
            shape = (len(replacement.coefficients), *products.shape)
            return replacement.frequencies, replacement.amplitudes, shape, products.tobytes()


def tensor_of(replacement: Replacement) -> Real:
    """What its tensor holds."""
    match replacement:
        case FixedValues(values=values):
            return values
        case LinearMap(matrix=matrix):
            return matrix
        case Polynomial():
            return replacement.coefficients


def terms_of(replacement: Replacement) -> int:
    """Columns of its tensor: values per token that are summed."""
    return 0 if isinstance(replacement, FixedValues) else int(tensor_of(replacement).shape[1])


def without_circuits(
    plan: Plan, replacements: Mapping[int, Replacement]
) -> tuple[Program, Mapping[int, str]]:
    """The program, and the name of each replacement's tensor, by the index of the circuit's node.

    A replacement without terms has no tensor.
    """
    names = _names(plan)
    graph = _Graph([], list(plan.tensors))
    new: list[int] = []
    for index, node in enumerate(program_of_plan(plan).nodes):
        old = plan.nodes[index]
        if isinstance(old, EvaluationNode):
            operands = [new[operand] for operand in old.operands]
            new.append(graph.put(replacements[index], operands, old.width, names[index]))
        else:
            new.append(graph.append(node.reading(new.__getitem__)))
    program = Program(
        adapter=plan.adapter,
        in_features=plan.in_features,
        out_features=plan.out_features,
        mode=plan.mode,
        nodes=tuple(graph.nodes),
        result=new[plan.result],
        tensors=tuple(graph.tensors),
        parameters=plan.parameters,
        training=plan.training,
        control=plan.control,
    )
    program = without_dead(program, Context())
    left = {tensor.name for tensor in program.tensors}
    return program, {index: name for index, name in names.items() if name in left}


def flops_of(polynomial: Polynomial) -> float:
    """Of its nodes in the place of a circuit, for each token; a multiply-add counts as two."""
    graph = _Graph([InputNode(width=len(polynomial.frequencies))], [])
    outputs = len(polynomial.coefficients)
    graph.put(polynomial, [0], outputs, "coefficients")
    widths = [node.width for node in graph.nodes]
    return sum(
        2.0 * outputs * polynomial.terms
        if isinstance(node, LinearNode)
        else node.work([widths[operand] for operand in node.inputs]).each
        for node, domain in zip(graph.nodes, domains(graph.nodes), strict=True)
        if domain.kind == "tokens"
    )


def _names(plan: Plan) -> dict[int, str]:
    """Of new tensors, none of which there is already."""
    taken = {tensor.name for tensor in plan.tensors}
    found: dict[int, str] = {}
    for circuit in circuits_of_plan(plan):
        if circuit.kind == "circuit":
            name = f"{circuit.name.replace('-', '_')}.coefficients"
            while name in taken:
                name = f"{name}_"
            taken.add(name)
            found[circuit.node] = name
    return found


@dataclass(eq=False)
class _Graph:
    nodes: list[ProgramNode]
    tensors: list[TensorSpec]

    def append(self, node: ProgramNode) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def put(self, replacement: Replacement, operands: Sequence[int], width: int, name: str) -> int:
        shape = tuple(tensor_of(replacement).shape)
        match replacement:
            case FixedValues() if len(shape) == 1:
                return self.append(VectorNode(tensor=self._tensor(name, shape), width=width))
            case FixedValues():
                tensor = self._tensor(name, shape)
                return self.append(TableNode(tensor=tensor, rows=shape[0], width=width))
            case LinearMap():
                features = self._concat(operands)
            case Polynomial(terms=0):
                return self.append(ZeroNode(width=width))
            case Polynomial():
                features = self._products(replacement, self._concat(operands))
        tensor = self._tensor(name, shape)
        return self.append(LinearNode(operand=features, tensor=tensor, width=width))

    def _tensor(self, name: str, shape: tuple[int, ...]) -> int:
        self.tensors.append(TensorSpec(name=name, shape=shape, init=ZERO))
        return len(self.tensors) - 1

    def _concat(self, parts: Sequence[int]) -> int:
        if len(parts) == 1:
            return parts[0]
        width = sum(self.nodes[part].width for part in parts)
        return self.append(ConcatNode(operands=tuple(parts), width=width))

    def _slice(self, operand: int, start: int, width: int) -> int:
        if width == self.nodes[operand].width:
            return operand
        return self.append(SliceNode(operand=operand, start=start, width=width))

    def _products(self, polynomial: Polynomial, data: int) -> int:
        """All products of a polynomial, side by side."""
        factors, places = self._factors(polynomial, data)
        wanted = [
            tuple(places[column, number] for column, number in enumerate(row) if number)
            for row in polynomial.products.tolist()
        ]
        # Products of up to 2^k factors are made of those of up to 2^(k-1), each of them once.
        levels = [wanted]
        for _ in range((max(map(len, wanted)) - 1).bit_length() - 1):
            halves = (half for product in levels[-1] for half in _halves(product))
            levels.append(list(dict.fromkeys(halves)))
        level: dict[tuple[int, ...], int] = {(place,): place for place in places.values()}
        level[()] = 0
        for products in reversed(levels):
            split = map(_halves, products)
            pairs = tuple((level[first], level[second]) for first, second in split)
            node = PairProductNode(operand=factors, pairs=pairs, width=len(pairs))
            factors = self.append(node)
            level = {product: place for place, product in enumerate(products)}
        return factors

    def _factors(self, polynomial: Polynomial, data: int) -> tuple[int, dict[tuple[int, int], int]]:
        """1 and all factors, side by side; the place of each by (column, number)."""
        used = {
            (column, number)
            for column in range(polynomial.products.shape[1])
            for number in set(polynomial.products[:, column].tolist()) - {0}
        }
        zero = self.append(ZeroNode(width=1))
        parts = [self.append(ShiftNode(operand=zero, offset=1.0, width=1))]
        places: dict[tuple[int, int], int] = {}
        length = 1
        waves = sorted(f for f in used if f[0] < len(polynomial.frequencies))
        if waves:
            start, end = waves[0][0], waves[-1][0] + 1
            angles = self._slice(data, start, end - start)
            known = Frequencies()
            kinds: dict[tuple[int, bool], list[tuple[int, int]]] = {}
            for column, number in waves:
                place = known.place(polynomial.frequencies[column][(number - 1) // 2])
                kinds.setdefault((place, number % 2 == 0), []).append((column, number))
            for (place, sine), owners in kinds.items():
                phases = self._scaled(angles, known.values[place])
                wave = ActivationNode(
                    operand=phases, kind="sin" if sine else "cos", width=end - start
                )
                parts.append(self.append(wave))
                places |= {owner: length + owner[0] - start for owner in owners}
                length += end - start
        squares = sorted(f for f in used if f[0] >= len(polynomial.frequencies))
        if squares and polynomial.amplitudes is not None:
            offset, width = polynomial.amplitudes
            amplitudes = self._slice(data, offset, width)
            amplitudes = self.append(NormaliseNode(operand=amplitudes, width=width))
            amplitudes = self._scaled(amplitudes, 1 / sqrt(width))
            pairs = tuple(polynomial.pairs[number - 1] for _, number in squares)
            node = PairProductNode(operand=amplitudes, pairs=pairs, width=len(pairs))
            parts.append(self.append(node))
            places |= {owner: length + k for k, owner in enumerate(squares)}
        return self._concat(parts), places

    def _scaled(self, operand: int, factor: float) -> int:
        if factor == 1.0:
            return operand
        width = self.nodes[operand].width
        return self.append(ScaleNode(operand=operand, factor=factor, width=width))


def _halves(product: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    middle = (len(product) + 1) // 2
    return product[:middle], product[middle:]
