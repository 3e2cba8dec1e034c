"""The invariants of a Spec."""

from __future__ import annotations

from qcompile.ir.initialisation import INIT_ARGUMENTS, Init
from qcompile.ir.ops.ends import SpecInput, SpecOutput
from qcompile.ir.scalar import MODEL_SIZES, MODULE_FACTS, Apply, Constant, Scalar, variables
from qcompile.ir.spec import AdapterSpec, Body, Spec, SpecCircuitValue, SpecUnitary
from qcompile.ir.target import CalibratedNoise, CouplingDevice, NoiseModel, Target
from qcompile.ir.training import SpecPenalty
from qcompile.ir.verification import VerificationError, require
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
    if isinstance(noise, NoiseModel):
        for probability in (noise.one_qubit, noise.two_qubit, *noise.readout):
            require(0 <= probability <= 1, f"target {target.name}: no probability: {probability}")
    if isinstance(noise, CalibratedNoise):
        require(target.device is not None, f"target {target.name}: noise of no device")
    require(target.shots is None or target.shots >= 1, f"target {target.name}: no shots")
    if isinstance(target.device, CouplingDevice):
        edges = target.device.edges
        fine = all(0 <= a < b < target.device.qubits for a, b in edges)
        require(fine, f"target {target.name}: an edge leaves the device")
        require(edges == tuple(sorted(set(edges))), f"target {target.name}: edges unsorted")


def _verify_adapter(adapter: AdapterSpec) -> None:
    where = f"adapter {adapter.name}"
    placed = (adapter.shape is not None) != bool(adapter.attachments)
    require(placed, f"{where}: needs either a shape or attachments")
    require(bool(adapter.bodies), f"{where}: no body")
    for attachment in adapter.attachments:
        known = 0 <= attachment.body < len(adapter.bodies)
        require(known, f"{where}: no body {attachment.body}")
        if attachment.layers is not None:
            start, stop = attachment.layers
            require(0 <= start < stop, f"{where}: empty layers {attachment.layers}")
    for body in adapter.bodies:
        _verify_body(where, body)


def _verify_body(where: str, body: Body) -> None:
    require(0 <= body.result < len(body.nodes), f"{where}: no node {body.result}")
    names = [name for node in body.nodes if (name := node.tensors_name) is not None]
    _unique(f"{where}: tensor", names)
    inputs = outputs = 0
    for index, node in enumerate(body.nodes):
        here = f"{where}: node {index}"
        precede = all(0 <= operand < index for operand in node.inputs)
        require(precede, f"{here}: an operand does not precede it")
        inputs += isinstance(node, SpecInput)
        outputs += isinstance(node, SpecOutput)
        for scalar in node.scalars:
            closed(here, scalar, frozenset())
        for init in node.inits:
            verify_init(here, init)
        try:
            node.verify()
        except VerificationError as error:
            raise VerificationError(f"{here}: {error}") from None
        if isinstance(node, SpecCircuitValue):
            verify_spec_circuit(here, node.circuit, len(node.operands))
        if isinstance(node, SpecUnitary):
            verify_spec_unitary(here, node.banks, node.items, node.init)
    require(inputs <= 1, f"{where}: two inputs")
    require(outputs <= 1, f"{where}: `y` is read by two nodes")
    for requirement in body.requirements:
        closed(where, requirement.condition, frozenset())
    if body.control is not None:
        closed(where, body.control, frozenset())
    for term in body.training:
        here = f"{where}: `{term.kind}`"
        require(0 <= term.operand < len(body.nodes), f"{here}: no node {term.operand}")
        trained = body.nodes[term.operand].tensors_name is not None
        require(trained, f"{here}: node {term.operand} has no tensors")
        number = term.factor if isinstance(term, SpecPenalty) else term.threshold
        closed(here, number, frozenset())


def verify_init(where: str, init: Init) -> None:
    """Check that an initialisation has all its arguments."""
    wanted = len(INIT_ARGUMENTS[init.kind])
    require(len(init.arguments) == wanted, f"{where}: {init.kind} needs {wanted} arguments")


def closed(where: str, scalar: Scalar, bound: frozenset[str]) -> None:
    """Check that a scalar mentions nothing but the module's sizes and `bound`, and is folded."""
    free = variables(scalar) - {*MODEL_SIZES, *MODULE_FACTS} - bound
    require(not free, f"{where}: unbound {sorted(free)}")
    if isinstance(scalar, Apply):
        constant = all(isinstance(item, Constant) for item in scalar.arguments)
        require(not constant, f"{where}: `{scalar.operator}` of constants is not folded")
