"""Bonds of tensor networks that get a smaller dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, MutableMapping
from dataclasses import dataclass

import torch
from torch import Tensor

from qcompile.ir.network import ContractionNode, TensorOperand, View
from qcompile.ir.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """An index that two tensors of a network share and sum over: (name, axis) of both."""

    ends: tuple[tuple[str, int], tuple[str, int]]
    extent: int
    wanted: int
    """Its dimension afterwards; 0 where the new tensors disagree about it."""

    def axis(self, name: str) -> int:
        return dict(self.ends)[name]

    def other(self, name: str) -> str:
        (one, _), (two, _) = self.ends
        return two if name == one else one


def cut_bonds(
    plan: Plan, values: MutableMapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> set[str]:
    """Bring the bonds of a plan that are larger than in `shapes` to the new dimension.

    Each keeps the largest singular values. In a network without cycles, such as an MPO, all
    other tensors are made isometries towards the bond first, so that no tensors of that size are
    nearer to the whole network, if that bond alone is cut (Schollwöck, arXiv:1008.3477, section
    4.5). Names of the tensors that have changed.
    """
    changed: set[str] = set()
    for node in _networks(plan):
        bonds = list(_bonds(plan, node, shapes))
        if any(0 < bond.wanted < bond.extent for bond in bonds):
            changed |= _cut_network(values, bonds)
    return changed


def _bonds(
    plan: Plan, node: ContractionNode, shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[Bond]:
    places: dict[int, list[tuple[str, int]]] = {}
    elsewhere = set(node.network.output)
    uses = Counter(index for other in plan.nodes for index in other.tensors)
    for operand in node.network.operands:
        spec = None
        if isinstance(operand, TensorOperand) and uses[operand.tensor] == 1:
            spec = plan.tensors[operand.tensor]
        axes = None if spec is None else _axes(operand.view, spec.shape)
        if spec is None or axes is None:
            elsewhere.update(operand.view.labels)
            continue
        for axis, label in zip(axes, operand.view.labels, strict=True):
            places.setdefault(label, []).append((spec.name, axis))
    for label, found in places.items():
        if label in elsewhere or len(found) != 2 or found[0][0] == found[1][0]:
            continue
        wanted = {_extent(shapes.get(name), axis) for name, axis in found}
        yield Bond(
            ends=(found[0], found[1]),
            extent=dict(node.network.sizes)[label],
            wanted=wanted.pop() if len(wanted) == 1 else 0,
        )


def _axes(view: View, shape: tuple[int, ...]) -> list[int] | None:
    """The axis of the tensor behind each mode; None where axes are padded, split or joined."""
    if view.padded != shape:
        return None
    if view.modes == shape:
        return list(range(len(shape)))
    wide = [axis for axis, extent in enumerate(shape) if extent > 1]
    return wide if view.modes == tuple(shape[axis] for axis in wide) else None


def _extent(shape: tuple[int, ...] | None, axis: int) -> int:
    return shape[axis] if shape is not None and axis < len(shape) else 0


def _cut_network(values: MutableMapping[str, Tensor], bonds: list[Bond]) -> set[str]:
    names = {name for bond in bonds for name, _ in bond.ends}
    found = {name: values[name].double() for name in names}
    for bond in bonds:
        if 0 < bond.wanted < bond.extent:
            for name, _ in bond.ends:
                _orthogonalise(found, bonds, name, bond, set())
            _cut(found, bond)
    for bond in bonds:
        for name, axis in bond.ends:
            extent = bond.wanted if 0 < bond.wanted < bond.extent else bond.extent
            found[name] = _with_extent(found[name], axis, extent)
    values.update(found)
    return names


def _orthogonalise(
    found: dict[str, Tensor], bonds: list[Bond], name: str, towards: Bond, seen: set[str]
) -> None:
    """Make everything behind `name` an isometry, with what is left over in `name` itself."""
    seen.add(name)
    for bond in bonds:
        if bond is towards or name not in dict(bond.ends) or bond.other(name) in seen:
            continue
        behind = bond.other(name)
        if behind in dict(towards.ends):
            continue
        _orthogonalise(found, bonds, behind, bond, seen)
        q, r = torch.linalg.qr(_matrix(found[behind], bond.axis(behind)))
        found[behind] = _tensor(q, found[behind], bond.axis(behind))
        rest = _matrix(found[name], bond.axis(name))
        found[name] = _tensor(rest @ r.T, found[name], bond.axis(name))


def _cut(found: dict[str, Tensor], bond: Bond) -> None:
    (one, i), (two, j) = bond.ends
    q_left, r_left = torch.linalg.qr(_matrix(found[one], i))
    q_right, r_right = torch.linalg.qr(_matrix(found[two], j))
    u, s, vh = torch.linalg.svd(r_left @ r_right.T, full_matrices=False)
    kept = min(bond.wanted, len(s))
    root = s[:kept].sqrt()
    found[one] = _tensor(q_left @ u[:, :kept] * root, found[one], i)
    found[two] = _tensor(q_right @ vh[:kept].T * root, found[two], j)


def _matrix(tensor: Tensor, axis: int) -> Tensor:
    """All other axes as rows."""
    return tensor.movedim(axis, -1).reshape(-1, tensor.shape[axis])


def _tensor(matrix: Tensor, like: Tensor, axis: int) -> Tensor:
    rows = like.movedim(axis, -1).shape[:-1]
    return matrix.reshape(*rows, matrix.shape[-1]).movedim(-1, axis)


def _with_extent(tensor: Tensor, axis: int, extent: int) -> Tensor:
    """With zeros where orthogonal columns were fewer."""
    missing = extent - tensor.shape[axis]
    shape = [missing if k == axis else size for k, size in enumerate(tensor.shape)]
    return torch.cat([tensor, tensor.new_zeros(shape)], axis) if missing > 0 else tensor


def factors_to_undo(old: Plan, new: Plan, names: Container[str]) -> Iterator[tuple[str, float]]:
    """For each network of such tensors one of them, and the old factor by the new, such as that of
    alpha / rank."""
    factors = {_names(new, node): node.network.factor for node in _networks(new)}
    for node in _networks(old):
        tensors = _names(old, node)
        factor = factors.get(tensors, 0.0)
        first = next((name for name in tensors if name in names), None)
        if first is not None and factor not in (0.0, node.network.factor):
            yield first, node.network.factor / factor


def _networks(plan: Plan) -> list[ContractionNode]:
    return [node for node in plan.nodes if isinstance(node, ContractionNode)]


def _names(plan: Plan, node: ContractionNode) -> tuple[str, ...]:
    return tuple(plan.tensors[index].name for index in node.network.tensors)
