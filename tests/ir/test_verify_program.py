"""The verifier accepts every random program and refuses broken ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from qcompile.ir.circuit import Circuit, Expectations, Gate, Pauli, ZeroState
from qcompile.ir.initialisation import ZERO
from qcompile.ir.network import DataOperand, NetworkNode, TensorOperand, View
from qcompile.ir.node import ProgramNode
from qcompile.ir.ops.arithmetic import AddNode, MultiplyNode, ScaleNode
from qcompile.ir.ops.circuit_data import NormaliseNode, NormNode, PairProductNode
from qcompile.ir.ops.dropout import DropoutNode
from qcompile.ir.ops.elementwise import ActivationNode
from qcompile.ir.ops.ends import InputNode
from qcompile.ir.ops.linear import BiasNode, LinearNode
from qcompile.ir.ops.mpo import MpoNode
from qcompile.ir.ops.tables import VectorNode
from qcompile.ir.ops.widths import ConcatNode, SliceNode
from qcompile.ir.program import CircuitNode, Program
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_program import verify_program
from qcompile.testing.program_strategies import programs


@settings(max_examples=200)
@given(programs())
def test_random_programs_are_well_formed(program: Program) -> None:
    verify_program(program)


def tensor(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, shape=shape, init=ZERO)


def program_of(
    *nodes: ProgramNode, tensors: tuple[TensorSpec, ...] = (), inp: int = 4, out: int = 4
) -> Program:
    return Program(
        adapter="a",
        in_features=inp,
        out_features=out,
        mode="add",
        nodes=(InputNode(width=4), *nodes),
        result=len(nodes),
        tensors=tensors,
        parameters=(),
    )


CIRCUIT = Circuit(
    qubits=2,
    data_width=4,
    angle_count=0,
    initial=ZeroState(),
    gates=(),
    readout=Expectations(paulis=(Pauli(letters=((0, "Z"),)),) * 4),
)
VIEW = View(padded=(4,), modes=(2, 2), labels=(1, 2))
NETWORK = NetworkNode(
    operands=(DataOperand(node=0, view=VIEW),),
    output=(2, 1),
    sizes=((1, 2), (2, 2)),
    factor=1.0,
    width=4,
)
MPO = MpoNode(operand=0, cores=(0, 1), in_modes=(2, 2), out_modes=(2, 2), bonds=(3,), width=4)
CORES = (tensor("c0", 1, 2, 2, 3), tensor("c1", 3, 2, 2, 1))

GOOD = {
    "circuit": program_of(CircuitNode(operands=(0,), circuit=CIRCUIT, angles=None, width=4)),
    "network": program_of(NETWORK),
    "mpo": program_of(MPO, tensors=CORES),
    "linear": program_of(LinearNode(operand=0, tensor=0, width=4), tensors=(tensor("w", 4, 4),)),
}

BAD = {
    "no nodes": replace(program_of(), nodes=()),
    "input width": program_of(inp=3),
    "result width": program_of(out=3),
    "result out of range": replace(program_of(), result=7),
    "second input": program_of(InputNode(width=4)),
    "own operand": program_of(ScaleNode(operand=1, factor=1.0, width=4)),
    "later operand": program_of(
        ScaleNode(operand=2, factor=1.0, width=4), ScaleNode(operand=0, factor=1.0, width=4)
    ),
    "negative operand": program_of(ScaleNode(operand=-1, factor=1.0, width=4)),
    "scale width": program_of(ScaleNode(operand=0, factor=1.0, width=3), out=3),
    "factor": program_of(ScaleNode(operand=0, factor=float("nan"), width=4)),
    "add widths": program_of(
        SliceNode(operand=0, start=0, width=2), AddNode(operands=(0, 1), width=4)
    ),
    "add of one": program_of(AddNode(operands=(0,), width=4)),
    "multiply widths": program_of(
        SliceNode(operand=0, start=0, width=2), MultiplyNode(operands=(0, 1), width=4)
    ),
    "multiply of ones": program_of(NormNode(operand=0), MultiplyNode(operands=(1, 1), width=4)),
    "concat": program_of(ConcatNode(operands=(0, 0), width=7), out=7),
    "slice": program_of(SliceNode(operand=0, start=2, width=3), out=3),
    "activation": program_of(ActivationNode(operand=0, kind="relu", width=5), out=5),
    "dropout": program_of(DropoutNode(operand=0, probability=1.0, width=4)),
    "norm": program_of(NormNode(operand=0, width=3), out=3),
    "pair range": program_of(PairProductNode(operand=0, pairs=((0, 4),), width=1), out=1),
    "pair count": program_of(PairProductNode(operand=0, pairs=((0, 1),), width=2), out=2),
    "normalise": program_of(NormaliseNode(operand=0, width=3), out=3),
    "no tensor": program_of(VectorNode(tensor=0, width=4)),
    "tensor shape": program_of(VectorNode(tensor=0, width=4), tensors=(tensor("v", 5),)),
    "bias shape": program_of(BiasNode(operand=0, tensor=0, width=4), tensors=(tensor("b", 4, 1),)),
    "weight transposed": program_of(
        LinearNode(operand=0, tensor=0, width=3), tensors=(tensor("w", 4, 3),), out=3
    ),
    "unused tensor": program_of(tensors=(tensor("w", 4),)),
    "same name": program_of(
        VectorNode(tensor=0, width=4),
        VectorNode(tensor=1, width=4),
        tensors=(tensor("v", 4), tensor("v", 4)),
    ),
    "same share": program_of(
        VectorNode(tensor=0, width=4),
        VectorNode(tensor=1, width=4),
        tensors=tuple(replace(tensor(name, 4), share="k") for name in "vw"),
    ),
    "empty tensor": program_of(tensors=(tensor("w", 0),)),
    "segments": program_of(
        VectorNode(tensor=0, width=4), tensors=(replace(tensor("v", 4), segments=((3, ZERO),)),)
    ),
    "mpo modes": program_of(replace(MPO, in_modes=(2, 1)), tensors=CORES),
    "mpo bonds": program_of(replace(MPO, bonds=()), tensors=CORES),
    "mpo core": program_of(MPO, tensors=CORES[::-1]),
    "mpo width": program_of(replace(MPO, width=5), tensors=CORES, out=5),
    "circuit data": program_of(CircuitNode(operands=(), circuit=CIRCUIT, angles=None, width=4)),
    "circuit width": program_of(
        CircuitNode(operands=(0,), circuit=CIRCUIT, angles=None, width=3), out=3
    ),
    "circuit angles": program_of(
        CircuitNode(operands=(0,), circuit=replace(CIRCUIT, angle_count=2), angles=None, width=4)
    ),
    "circuit itself": program_of(
        CircuitNode(
            operands=(0,),
            circuit=replace(CIRCUIT, gates=(Gate(name="h", qubits=(5,)),)),
            angles=None,
            width=4,
        )
    ),
    "network output": program_of(replace(NETWORK, output=(3,))),
    "network repeats": program_of(replace(NETWORK, output=(1, 1))),
    "network width": program_of(replace(NETWORK, width=5), out=5),
    "network sizes": program_of(replace(NETWORK, sizes=((1, 2), (2, 2), (3, 2)))),
    "network order": program_of(replace(NETWORK, sizes=((2, 2), (1, 2)))),
    "network mode": program_of(replace(NETWORK, sizes=((1, 2), (2, 3)))),
    "network view": program_of(
        replace(NETWORK, operands=(DataOperand(node=0, view=replace(VIEW, padded=(3,))),))
    ),
    "network tensor": program_of(
        replace(NETWORK, operands=(*NETWORK.operands, TensorOperand(tensor=0, view=VIEW)))
    ),
}


@pytest.mark.parametrize("program", GOOD.values(), ids=GOOD)
def test_good(program: Program) -> None:
    verify_program(program)


@pytest.mark.parametrize("program", BAD.values(), ids=BAD)
def test_bad(program: Program) -> None:
    with pytest.raises(VerificationError):
        verify_program(program)
