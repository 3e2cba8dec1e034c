"""The invariants of a Spec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from qcompile.ir.initialisation import INIT_ARGUMENTS, Init
from qcompile.ir.scalar import MODEL_SIZES, Apply, Constant, Scalar, variables
from qcompile.ir.spec import (
    AdapterSpec,
    Body,
    Spec,
    SpecActivation,
    SpecApply,
    SpecBits,
    SpecCayley,
    SpecCircuitValue,
    SpecConcat,
    SpecDropout,
    SpecFlat,
    SpecInput,
    SpecLinear,
    SpecMpo,
    SpecNode,
    SpecOutput,
    SpecProduct,
    SpecResize,
    SpecRows,
    SpecScale,
    SpecShift,
    SpecSlice,
    SpecSum,
    SpecTable,
    SpecTensorGates,
    SpecUnitary,
    SpecVector,
)
from qcompile.ir.spec_operands import operands_of
from qcompile.ir.target import CouplingDevice, Target
from qcompile.ir.training import SpecPenalty
from qcompile.ir.verification import VerificationError
from qcompile.ir.verify_spec_circuit import verify_spec_circuit, verify_spec_unitary


def verify_spec(spec: Spec) -> None:
    """Check everything that a Spec promises.

    Raises:
        VerificationError: a name is unknown or used twice, an operand does not precede its node, a
            scalar mentions anything but the sizes of the module, an initialisation lacks
            arguments, or a circuit is not well formed.
    """
    targets = [target.name for target in spec.targets]
    _unique("target", targets)
    _unique("adapter", [adapter.name for adapter in spec.adapters])
    for target in spec.targets:
        _verify_target(target)
    for adapter in spec.adapters:
        if adapter.target is not None and adapter.target not in targets:
            raise VerificationError(f"adapter {adapter.name}: unknown target {adapter.target}")
        _verify_adapter(adapter)


def _unique(what: str, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise VerificationError(f"two {what}s of one name among {names}")


def _verify_target(target: Target) -> None:
    noise = target.noise
    if noise is not None:
        for probability in (noise.one_qubit, noise.two_qubit, *noise.readout):
            _require(0 <= probability <= 1, f"target {target.name}: no probability: {probability}")
    _require(target.shots is None or target.shots >= 1, f"target {target.name}: no shots")
    if isinstance(target.device, CouplingDevice):
        edges = target.device.edges
        fine = all(0 <= a < b < target.device.qubits for a, b in edges)
        _require(fine, f"target {target.name}: an edge leaves the device")
        _require(edges == tuple(sorted(set(edges))), f"target {target.name}: edges unsorted")


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise VerificationError(otherwise)


def _verify_adapter(adapter: AdapterSpec) -> None:
    where = f"adapter {adapter.name}"
    placed = (adapter.shape is not None) != bool(adapter.attachments)
    _require(placed, f"{where}: needs either a shape or attachments")
    _require(bool(adapter.bodies), f"{where}: no body")
    for attachment in adapter.attachments:
        known = 0 <= attachment.body < len(adapter.bodies)
        _require(known, f"{where}: no body {attachment.body}")
        if attachment.layers is not None:
            start, stop = attachment.layers
            _require(0 <= start < stop, f"{where}: empty layers {attachment.layers}")
    for body in adapter.bodies:
        _verify_body(where, body)


def _verify_body(where: str, body: Body) -> None:
    _require(0 <= body.result < len(body.nodes), f"{where}: no node {body.result}")
    names = [name for node in body.nodes if (name := _name(node)) is not None]
    _unique(f"{where}: tensor", names)
    inputs = outputs = 0
    for index, node in enumerate(body.nodes):
        here = f"{where}: node {index}"
        precede = all(0 <= operand < index for operand in operands_of(node))
        _require(precede, f"{here}: an operand does not precede it")
        inputs += isinstance(node, SpecInput)
        outputs += isinstance(node, SpecOutput)
        for scalar in scalars_of(node):
            closed(here, scalar, frozenset())
        for init in _inits(node):
            verify_init(here, init)
        if isinstance(node, (SpecSum, SpecProduct, SpecConcat)):
            _require(bool(node.operands), f"{here}: no operands")
        if isinstance(node, SpecMpo):
            given = node.sites is not None or node.in_modes is not None
            _require(given or node.out_modes is not None, f"{here}: neither sites nor modes")
            _require(bool(node.bonds), f"{here}: no bonds")
        if isinstance(node, SpecTensorGates):
            given = node.sites is not None or node.modes is not None
            _require(given, f"{here}: neither sites nor modes")
        if isinstance(node, SpecCircuitValue):
            verify_spec_circuit(here, node.circuit, len(node.operands))
        if isinstance(node, SpecUnitary):
            verify_spec_unitary(here, node.banks, node.items, node.init)
    _require(inputs <= 1, f"{where}: two inputs")
    _require(outputs <= 1, f"{where}: `y` is read by two nodes")
    for requirement in body.requirements:
        closed(where, requirement.condition, frozenset())
    if body.control is not None:
        closed(where, body.control, frozenset())
    for term in body.training:
        here = f"{where}: `{term.kind}`"
        _require(0 <= term.operand < len(body.nodes), f"{here}: no node {term.operand}")
        trained = _name(body.nodes[term.operand]) is not None
        _require(trained, f"{here}: node {term.operand} has no tensors")
        number = term.factor if isinstance(term, SpecPenalty) else term.threshold
        closed(here, number, frozenset())


def _name(node: SpecNode) -> str | None:
    match node:
        case (
            SpecLinear(name=name)
            | SpecMpo(name=name)
            | SpecTensorGates(name=name)
            | SpecCayley(name=name)
            | SpecVector(name=name)
            | SpecTable(name=name)
            | SpecCircuitValue(name=name)
            | SpecUnitary(name=name)
        ):
            return name
    return None


def _inits(node: SpecNode) -> Iterator[Init]:
    match node:
        case (
            SpecLinear(init=init)
            | SpecMpo(init=init)
            | SpecTensorGates(init=init)
            | SpecCayley(init=init)
            | SpecVector(init=init)
            | SpecTable(init=init)
        ):
            yield init


def verify_init(where: str, init: Init) -> None:
    """Check that an initialisation has all its arguments."""
    wanted = len(INIT_ARGUMENTS[init.kind])
    _require(len(init.arguments) == wanted, f"{where}: {init.kind} needs {wanted} arguments")


def closed(where: str, scalar: Scalar, bound: frozenset[str]) -> None:
    """Check that a scalar mentions nothing but the module's sizes and `bound`, and is folded."""
    free = variables(scalar) - set(MODEL_SIZES) - bound
    _require(not free, f"{where}: unbound {sorted(free)}")
    if isinstance(scalar, Apply):
        constant = all(isinstance(item, Constant) for item in scalar.arguments)
        _require(not constant, f"{where}: `{scalar.operator}` of constants is not folded")


def scalars_of(node: SpecNode) -> tuple[Scalar, ...]:
    """The scalars in a node, those of a circuit aside."""
    found: tuple[Scalar | None, ...]
    match node:
        case (
            SpecInput()
            | SpecOutput()
            | SpecSum()
            | SpecProduct()
            | SpecConcat()
            | SpecActivation()
            | SpecFlat()
        ):
            found = ()
        case SpecLinear(to=to) | SpecApply(to=to) | SpecUnitary(to=to) | SpecResize(to=to):
            found = (to,)
        case SpecTable(rows=rows, size=size):
            found = (rows, size)
        case SpecBits(digits=digits):
            found = (digits,)
        case SpecRows(count=count):
            found = (count,)
        case SpecMpo():
            modes = (*(node.in_modes or ()), *(node.out_modes or ()))
            found = (node.to, node.sites, *modes, *node.bonds)
        case SpecTensorGates(to=to, sites=sites):
            found = (to, sites, *(node.modes or ()))
        case SpecCayley(block=block):
            found = (block,)
        case SpecVector(size=size):
            found = (size,)
        case SpecScale(factor=factor):
            found = (factor,)
        case SpecShift(offset=offset):
            found = (offset,)
        case SpecSlice(start=start, stop=stop):
            found = (start, stop)
        case SpecDropout(probability=probability):
            found = (probability,)
        case SpecCircuitValue(circuit=circuit):
            found = (circuit.qubits,)
        case _:
            assert_never(node)
    return tuple(scalar for scalar in found if scalar is not None)
