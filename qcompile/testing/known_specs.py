"""Specs of published adapters, built by hand: what elaboration of their files must give."""

from __future__ import annotations

from qcompile.ir.compilation import ModelInfo, ModuleInfo
from qcompile.ir.gates import GateName
from qcompile.ir.initialisation import ZERO, Init
from qcompile.ir.ops.arithmetic import SpecScale, SpecSum
from qcompile.ir.ops.ends import SpecInput
from qcompile.ir.ops.linear import SpecLinear
from qcompile.ir.ops.mpo import SpecMpo
from qcompile.ir.scalar import Constant, Scalar, ScalarValue, Variable
from qcompile.ir.spec import AdapterSpec, Attachment, Body, Shape, Spec, SpecCircuitValue
from qcompile.ir.spec_circuit import (
    AllWires,
    CircuitItem,
    EncodeAmplitude,
    EncodeAngle,
    Fresh,
    GateLayer,
    MeasureEach,
    Measurement,
    PairPattern,
    Repeat,
    SpecCircuit,
)
from qcompile.ir.spec_node import SpecNode

KAIMING_UNIFORM = Init(kind="kaiming_uniform", arguments=(5.0**0.5,))
KAIMING_NORMAL = Init(kind="kaiming_normal", arguments=(0.0,))
ANGLES = Init(kind="uniform", arguments=(-3.141592653589793, 3.141592653589793))

IN = Variable(name="in_features")
OUT = Variable(name="out_features")


def spec_number(value: ScalarValue) -> Constant:
    """A constant."""
    return Constant(value=value)


def spec_of(
    *nodes: SpecNode,
    attach: tuple[str, ...] = (),
    shape: tuple[int, int] | None = None,
    parameters: tuple[tuple[str, ScalarValue | None], ...] = (),
    name: str = "adapter",
) -> Spec:
    """One adapter whose last node is the update; for a `shape`, or attached by patterns."""
    body = Body(
        parameters=parameters, nodes=nodes, result=len(nodes) - 1, mode="add", requirements=()
    )
    adapter = AdapterSpec(
        name=name,
        attachments=tuple(Attachment(pattern=p, layers=None, body=0) for p in attach),
        shape=None if shape is None else Shape(in_features=shape[0], out_features=shape[1]),
        bodies=(body,),
        target=None,
    )
    return Spec(adapters=(adapter,), targets=(), model=None)


def spec_linear(operand: int, to: Scalar, name: str, init: Init = KAIMING_UNIFORM) -> SpecLinear:
    """`linear(operand, to: to)` without bias."""
    return SpecLinear(operand=operand, to=to, bias=False, init=init, name=name, share=None)


def spec_mpo(
    operand: int,
    to: Scalar,
    name: str,
    *,
    sites: int = 4,
    bond: int = 8,
    init: Init = KAIMING_NORMAL,
) -> SpecMpo:
    """`mpo(operand, to: to, sites: sites, bond: bond)`"""
    return SpecMpo(
        operand=operand,
        to=to,
        sites=spec_number(sites),
        in_modes=None,
        out_modes=None,
        bonds=(spec_number(bond),),
        init=init,
        name=name,
        share=None,
    )


def circuit(
    qubits: Scalar,
    items: tuple[CircuitItem, ...],
    *,
    operands: tuple[int, ...] = (),
    measurements: tuple[Measurement, ...] = (MeasureEach(letter="Z", wires=AllWires()),),
    name: str = "q",
) -> SpecCircuitValue:
    """A circuit value; measures Z on every wire unless told otherwise."""
    inner = SpecCircuit(
        qubits=qubits, banks=(), items=items, measurements=measurements, init=ANGLES
    )
    return SpecCircuitValue(operands=operands, circuit=inner, name=name, share=None)


def rotations(gate: GateName) -> GateLayer:
    """One trainable gate on every wire."""
    return GateLayer(gate=gate, angles=Fresh(per_gate=True), wires=AllWires(), pairs=None)


def entangler(gate: GateName, pattern: PairPattern, trainable: bool = True) -> GateLayer:
    """A two-qubit gate on every pair of a pattern."""
    angles = Fresh(per_gate=True) if trainable else ()
    return GateLayer(gate=gate, angles=angles, wires=None, pairs=pattern)


def lora_spec(
    rank: int, attach: tuple[str, ...] = (), shape: tuple[int, int] | None = None
) -> Spec:
    """arXiv:2106.09685."""
    return spec_of(
        SpecInput(),
        spec_linear(0, spec_number(rank), "a"),
        spec_linear(1, OUT, "b", ZERO),
        SpecScale(operand=2, factor=spec_number(2.0)),
        attach=attach,
        shape=shape,
        parameters=(("rank", rank),),
        name="lora",
    )


def qtha_spec(
    rank: int,
    layers: int,
    attach: tuple[str, ...] = (),
    shape: tuple[int, int] | None = None,
) -> Spec:
    """arXiv:2503.12790, version 2, with a bus of 256 and bonds of 8."""
    r = spec_number(rank)
    ansatz = Repeat(
        count=spec_number(layers),
        items=(
            EncodeAngle(operand=0, gate="ry", scale=spec_number(1), wires=AllWires()),
            entangler("crz", PairPattern(kind="ring")),
            rotations("ry"),
            entangler("crz", PairPattern(kind="ring", reversed=True)),
            rotations("ry"),
        ),
    )
    return spec_of(
        SpecInput(),
        spec_mpo(0, spec_number(256), "a"),
        spec_linear(1, r, "h"),
        circuit(r, (ansatz,), operands=(2,)),
        spec_linear(3, r, "u.linear1"),
        spec_linear(2, r, "u.linear2"),
        SpecSum(operands=(4, 5)),
        spec_linear(6, spec_number(256), "update.linear1"),
        spec_mpo(7, OUT, "update.mpo1", init=ZERO),
        SpecScale(operand=8, factor=spec_number(2.0)),
        attach=attach,
        shape=shape,
        parameters=(("rank", rank), ("layers", layers)),
        name="qtha",
    )


def qaa_spec(qubits: int, layers: int, shape: tuple[int, int]) -> Spec:
    """arXiv:2509.16244, the circuit of methods with 3 · layers · qubits stored angles."""
    layer = Repeat(
        count=spec_number(layers),
        items=(
            rotations("ry"),
            rotations("rz"),
            entangler("cx", PairPattern(kind="ring"), trainable=False),
            rotations("ry"),
        ),
    )
    amplitude = EncodeAmplitude(operand=0, keep_norm=False)
    return spec_of(
        SpecInput(),
        circuit(spec_number(qubits), (amplitude, layer), operands=(0,)),
        spec_linear(1, OUT, "up", ZERO),
        shape=shape,
        name="qaa",
    )


def transformer(
    hidden: int, key_value: int, intermediate: int, layers: int, architecture: str = "qwen2"
) -> ModelInfo:
    """Names and sizes of a decoder's modules, as Llama and Qwen2 name them."""
    sizes: tuple[tuple[str, str, int | None, int | None], ...] = (
        ("self_attn", "Attention", None, None),
        ("self_attn.q_proj", "Linear", hidden, hidden),
        ("self_attn.k_proj", "Linear", hidden, key_value),
        ("self_attn.v_proj", "Linear", hidden, key_value),
        ("self_attn.o_proj", "Linear", hidden, hidden),
        ("mlp.gate_proj", "Linear", hidden, intermediate),
        ("mlp.up_proj", "Linear", hidden, intermediate),
        ("mlp.down_proj", "Linear", intermediate, hidden),
        ("input_layernorm", "RMSNorm", None, None),
    )
    modules = tuple(
        ModuleInfo(
            name=f"model.layers.{layer}.{name}",
            kind=kind,
            in_features=inp,
            out_features=out,
            layer=layer,
        )
        for layer in range(layers)
        for name, kind, inp, out in sizes
    )
    return ModelInfo(
        architecture=architecture,
        source=architecture,
        digest="0" * 64,
        modules=modules,
        parameters=1,
    )


QWEN2_7B = (3584, 512, 18944, 28)
"""Arguments of `transformer` for Qwen2-7B and DeepSeek-R1-Distill-Qwen-7B."""
LLAMA_3_8B = (4096, 1024, 14336, 32)
