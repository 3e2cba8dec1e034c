"""Programs of published layers, built by hand: LoRA (arXiv:2106.09685), QTHA (arXiv:2503.12790)."""

from __future__ import annotations

import math

from qcompile.ir.circuit import Affine, Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode, ScaleNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import LinearNode
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.tensor import TensorSpec

KAIMING = Init(kind="kaiming_uniform", arguments=(5.0**0.5,))


def lora(in_features: int, out_features: int, rank: int) -> Program:
    """(2) B A x: `rank` (in + out) parameters."""
    return Program(
        adapter="lora",
        in_features=in_features,
        out_features=out_features,
        mode="add",
        nodes=(
            InputNode(width=in_features),
            LinearNode(operand=0, tensor=0, width=rank),
            LinearNode(operand=1, tensor=1, width=out_features),
            ScaleNode(operand=2, factor=2.0, width=out_features),
        ),
        result=3,
        tensors=(
            TensorSpec(name="a.weight", shape=(rank, in_features), init=KAIMING),
            TensorSpec(name="b.weight", shape=(out_features, rank), init=ZERO),
        ),
        parameters=(("rank", rank),),
    )


def mpo_layer(modes_in: tuple[int, ...], modes_out: tuple[int, ...], bond: int) -> Program:
    """One MPO with the same bond everywhere."""
    width_in, width_out = math.prod(modes_in), math.prod(modes_out)
    tensors: list[TensorSpec] = []
    node = _mpo(tensors, "w", 0, modes_in, modes_out, bond, width_out)
    return Program(
        adapter="mpo",
        in_features=width_in,
        out_features=width_out,
        mode="add",
        nodes=(InputNode(width=width_in), node),
        result=1,
        tensors=tuple(tensors),
        parameters=(),
    )


def qtha(
    in_modes: tuple[int, ...] = (8, 8, 8, 7),
    out_modes: tuple[int, ...] = (8, 8, 8, 7),
    bus_modes: tuple[int, ...] = (4, 4, 4, 4),
    *,
    rank: int = 4,
    layers: int = 4,
    bond: int = 8,
) -> Program:
    """MPO_B MLP_B (QW QNN(h) + CW h), h = MLP_A MPO_A x."""
    width_in, width_out, bus = math.prod(in_modes), math.prod(out_modes), math.prod(bus_modes)
    tensors: list[TensorSpec] = []

    def weight(name: str, rows: int, columns: int) -> int:
        tensors.append(TensorSpec(name=f"{name}.weight", shape=(rows, columns), init=KAIMING))
        return len(tensors) - 1

    nodes: list[ProgramNode] = [InputNode(width=width_in)]
    nodes.append(_mpo(tensors, "a", 0, in_modes, bus_modes, bond, bus))
    nodes.append(LinearNode(operand=1, tensor=weight("h", rank, bus), width=rank))
    circuit = qtha_circuit(rank, layers)
    tensors.append(TensorSpec(name="q.angles", shape=(circuit.angle_count,), init=KAIMING))
    nodes.append(CircuitNode(operands=(2,), circuit=circuit, angles=len(tensors) - 1, width=rank))
    nodes.append(LinearNode(operand=3, tensor=weight("qw", rank, rank), width=rank))
    nodes.append(LinearNode(operand=2, tensor=weight("cw", rank, rank), width=rank))
    nodes.append(AddNode(operands=(4, 5), width=rank))
    nodes.append(LinearNode(operand=6, tensor=weight("u", bus, rank), width=bus))
    nodes.append(_mpo(tensors, "b", 7, bus_modes, out_modes, bond, width_out))
    nodes.append(ScaleNode(operand=8, factor=2.0, width=width_out))
    return Program(
        adapter="qtha",
        in_features=width_in,
        out_features=width_out,
        mode="add",
        nodes=tuple(nodes),
        result=9,
        tensors=tuple(tensors),
        parameters=(("rank", rank),),
    )


def qtha_circuit(qubits: int, layers: int) -> Circuit:
    """`layers` times: RY(h_i), CRZ ring, RY, reversed CRZ ring, RY; ⟨Z_i⟩ on every qubit."""
    gates: list[Gate] = []
    used = 0

    def fresh() -> tuple[Affine]:
        nonlocal used
        used += 1
        return (Affine(angles=((used - 1, 1.0),)),)

    for _ in range(layers):
        for i in range(qubits):
            gates.append(Gate(name="ry", qubits=(i,), angles=(Affine(data=((i, 1.0),)),)))
        for step in (1, -1):
            for i in range(qubits):
                gates.append(Gate(name="crz", qubits=(i, (i + step) % qubits), angles=fresh()))
            for i in range(qubits):
                gates.append(Gate(name="ry", qubits=(i,), angles=fresh()))
    return Circuit(
        qubits=qubits,
        data_width=qubits,
        angle_count=used,
        initial=ZeroState(),
        gates=tuple(gates),
        readout=Expectations(paulis=tuple(Pauli(letters=((i, "Z"),)) for i in range(qubits))),
    )


def _mpo(
    tensors: list[TensorSpec],
    name: str,
    operand: int,
    in_modes: tuple[int, ...],
    out_modes: tuple[int, ...],
    bond: int,
    width: int,
) -> MpoNode:
    bonds = (bond,) * (len(in_modes) - 1)
    chain = (1, *bonds, 1)
    first = len(tensors)
    for site, (inp, out) in enumerate(zip(in_modes, out_modes, strict=True)):
        shape = (chain[site], out, inp, chain[site + 1])
        tensors.append(TensorSpec(name=f"{name}.core{site}", shape=shape, init=KAIMING))
    return MpoNode(
        operand=operand,
        cores=tuple(range(first, len(tensors))),
        in_modes=in_modes,
        out_modes=out_modes,
        bonds=bonds,
        width=width,
    )
