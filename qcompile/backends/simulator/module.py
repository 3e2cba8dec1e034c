"""A plan as a torch module."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from types import NoneType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from qcompile.backends.simulator import merging
from qcompile.backends.simulator.base import Base, ModuleBase
from qcompile.backends.simulator.initialise import initial_value, tensor_seed
from qcompile.backends.simulator.inputs import Inputs
from qcompile.backends.simulator.simulation import CPU, CircuitStep, Simulation
from qcompile.backends.simulator.steps import CallFrame
from qcompile.backends.simulator.tokens import Tokens, placeholder, tokens_of
from qcompile.backends.simulator.training import apply_proximal, penalty
from qcompile.backends.simulator.tree import ParameterTree
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import BaseMissing
from qcompile.diagnostics.messages.prefix import NoPrefix, PrefixCalled
from qcompile.executors.executor import Evaluator
from qcompile.ir.ops.base import BASE_NODES
from qcompile.ir.plan import EvaluationNode, Plan, orthogonals
from qcompile.ir.tensor import TensorSpec
from qcompile.ir.training import Penalty, Proximal, Training

ModuleT = TypeVar("ModuleT", bound="AdapterModule")


class AdapterModule(ParameterTree):
    """(…, in_features) → (…, out_features): the update, or the replacement where the plan says so.

    For an embedding the input is token ids (…), whole numbers; padding and scale are its module's.
    The base module's output is not in it; where `plan.uses_output` it is a second argument,
    (…, out_features). Computes in float32, or in float64 where the target, the parameters or that
    output are float64, also under autocast; the result has the dtype of that output, else the
    input's. Parameters are real and named as the plan's tensors. Dropout and shots draw from
    torch's generator.
    """

    def __init__(
        self, plan: Plan, *, seed: int, site: str, simulation: Simulation | None = None
    ) -> None:
        """`simulation` is that of another module of the plan, on the CPU."""
        super().__init__()
        self.plan = plan
        self.seed = seed
        self.site = site
        dtype = torch.float64 if plan.target.dtype == "float64" else torch.float32
        self._start_dtype = dtype
        self._double = plan.target.dtype == "float64"
        self._uses_base = plan.uses_base
        self._inputs = Inputs.of(plan)
        self._takes_tokens = self._inputs.tokens
        self._uses_output = self._inputs.output
        shared: dict[str, nn.Parameter] = {}
        places = []
        for spec in plan.tensors:
            parameter = shared.get(spec.share) if spec.share is not None else None
            if parameter is None:
                empty = torch.empty(spec.shape, dtype=dtype)
                parameter = nn.Parameter(empty, requires_grad=not spec.frozen)
            if spec.share is not None:
                shared[spec.share] = parameter
            places.append(self.add_tensor(spec.name, parameter))
        if shared:
            self.register_state_dict_post_hook(  # type: ignore[no-untyped-call]
                _write_shared_tensors_apart
            )
        self._places = tuple(places)
        self._simulation = Simulation(plan) if simulation is None else simulation
        self._evaluators: Mapping[int, Evaluator] | None = None
        self._steps = self._simulation.steps
        self.reset_parameters()

    def use_evaluators(self, evaluators: Mapping[int, Evaluator] | None) -> None:
        """Evaluate circuits by others than the plan's, by the index of their node.

        None: by those of the plan again.
        """
        self._evaluators = evaluators
        self._steps = tuple(
            replace(step, evaluator=evaluators[index])
            if evaluators is not None and isinstance(step, CircuitStep)
            else step
            for index, step in enumerate(self._simulation.steps)
        )

    def circuit_evaluators(self) -> tuple[Evaluator, ...]:
        """What evaluates each circuit now."""
        return tuple(step.evaluator for step in self._steps if isinstance(step, CircuitStep))

    def reset_parameters(self) -> None:
        """Start values: functions of seed, site, adapter and tensor name alone."""
        with torch.no_grad():
            for spec, (place, name) in zip(self.plan.tensors, self._places, strict=True):
                parameter = place._parameters[name]
                assert parameter is not None
                if parameter.device.type != "meta":
                    parameter.copy_(self._start(spec))

    def _start(self, spec: TensorSpec) -> Tensor:
        return initial_value(spec, tensor_seed(self.seed, self.site, self.plan.adapter, spec))

    def drawn(self, spec: TensorSpec) -> Tensor:
        """The start value of a tensor, on the CPU in the plan's dtype."""
        return self._start(spec).to(self._start_dtype)

    def drawn_again(self, spec: TensorSpec) -> bool:
        """Whether a tensor is exactly what its seed and name give."""
        own = self.get_parameter(spec.name).detach()
        return own.dtype == self._start_dtype and torch.equal(own.cpu(), self.drawn(spec))

    def requires_grad_(self, requires_grad: bool = True) -> AdapterModule:
        """As nn.Module; frozen tensors stay without gradients."""
        for spec in self.plan.tensors:
            self.get_parameter(spec.name).requires_grad_(requires_grad and not spec.frozen)
        return self

    def at(self, site: str) -> AdapterModule:
        """The same plan for another site, with the same steps."""
        return AdapterModule(
            self.plan, seed=self.seed, site=site, simulation=self._simulation.on(CPU)
        )

    def forward(self, x: Tensor, y: Tensor | None = None, base: nn.Module | None = None) -> Tensor:
        """As the class says; `y` and `base` are not looked at where the plan does not read them.

        Raises:
            AdapterError: QA6010 for an input of another width, QA6014 for one that is not real and
                floating-point, QA6064 for an embedding's that is not whole; QA6021 and QA6022 for a
                base module's output that is missing or has another shape; QA6023 for a base module
                that is missing, QA6024 for one whose weight cannot be read; QA6041 for a prefix,
                which has neither input nor output.
        """
        if self.plan.mode == "prefix":
            raise AdapterError(PrefixCalled(adapter=self.plan.adapter))
        flat, output = self._inputs.checked(x, y)
        frozen = self._base(base, x.dtype) if self._uses_base else None
        with _exact(x.device):
            tensors = self._tensors(output)
            dtype = self._dtype(tensors)
            rows = None if output is None else output.reshape(-1, output.shape[-1]).to(dtype)
            if self._takes_tokens:
                tokens = tokens_of(flat, dtype, base, self.plan.padding)
                like = placeholder(flat, dtype, self.plan.in_features)
                result, own = self._run(like, rows, tensors, frozen, tokens), dtype
            else:
                result, own = self._run(flat.to(dtype), rows, tensors, frozen), x.dtype
            if result.dim() == 1:
                result = result.expand(flat.shape[0], -1)
            result = result.to(own if output is None else output.dtype)
            # A view costs autograd as much as a small circuit.
            if flat is x and not self._takes_tokens:
                return result
            return result.reshape(*self._inputs.leading(x), self.plan.out_features)

    def values_at(
        self,
        nodes: Sequence[int],
        x: Tensor | None,
        y: Tensor | None = None,
        base: nn.Module | None = None,
    ) -> list[Tensor]:
        """Values of nodes of the plan for given inputs, float64, without dropout and gradients.

        Each is (B, width) for the B tokens of x, (rows, width) of a table, or (width,).

        Args:
            nodes: Indices.
            x: (…, in_features), of an embedding ids (…); None where no node depends on x or y, as
                in a prefix.
            y: (…, out_features) where the plan reads it.
            base: The frozen module, where the nodes depend on it.

        Raises:
            AdapterError: As `forward`, but for prefixes.
        """
        if x is None:
            like = self.zeros(1)
            flat, rows = like, like.new_zeros(1, self.plan.out_features)
        else:
            flat, given = self._inputs.checked(x, y)
            rows = flat if given is None else given.reshape(-1, given.shape[-1])
        ids = flat if self._takes_tokens and x is not None else None
        if ids is not None:
            flat = placeholder(ids, torch.float64, self.plan.in_features)
        parameters = [place._parameters[name] for place, name in self._places]
        tensors = [tensor.detach().double() for tensor in parameters if tensor is not None]
        output = rows.double() if self._uses_output else None
        frame = CallFrame(flat.double(), tensors, [], training=False, y=output)
        if ids is not None:
            frame.tokens = tokens_of(ids, torch.float64, base, self.plan.padding)
        needed = set(nodes)
        for index in reversed(range(1 + max(nodes, default=-1))):
            if index in needed:
                needed.update(self.plan.nodes[index].inputs)
        if any(isinstance(self.plan.nodes[index], BASE_NODES) for index in needed):
            frame.base = self._base(base, flat.dtype)
        with torch.no_grad(), _exact(flat.device):
            for index in range(1 + max(nodes, default=-1)):
                step = self._steps[index] if index in needed else None
                # Other circuits may run on a device, which takes its time.
                frame.values.append(flat.new_empty(0) if step is None else step(frame))
        return [frame.values[node] for node in nodes]

    def _base(self, base: nn.Module | None, dtype: torch.dtype) -> ModuleBase:
        """The frozen module, whose usual input has this dtype."""
        if base is None:
            raise AdapterError(BaseMissing(adapter=self.plan.adapter))
        return ModuleBase(base, dtype, self.plan.adapter, self.site)

    def prefix(self) -> tuple[Tensor, Tensor]:
        """Keys and values of a prefix, each (tokens, out_features) in the dtype of computation.

        Raises:
            AdapterError: QA6042 where the adapter is no prefix.
        """
        if self.plan.mode != "prefix":
            raise AdapterError(NoPrefix(adapter=self.plan.adapter))
        tensors = self._tensors()
        device = tensors[0].device if tensors else torch.device("cpu")
        with _exact(device):
            # Nothing in a prefix depends on the module's input and output.
            like = torch.zeros(1, 1, dtype=self._dtype(tensors), device=device)
            x, y = like.expand(1, self.plan.in_features), like.expand(1, self.plan.out_features)
            table = self._run(x, y, tensors)
        return table[:, : self.plan.out_features], table[:, self.plan.out_features :]

    def _tensors(self, output: Tensor | None = None) -> list[Tensor]:
        """All tensors in the dtype of computation, which `output` has a say in."""
        places = [place._parameters[name] for place, name in self._places]
        # Whoever turns the gradients of all parameters on does not mean frozen ones.
        found: list[Tensor] = [
            parameter.detach() if spec.frozen else parameter
            for spec, parameter in zip(self.plan.tensors, places, strict=True)
            if parameter is not None
        ]
        dtype = self._dtype(found if output is None else [*found, output])
        return [tensor.to(dtype) for tensor in found]

    def _dtype(self, tensors: Sequence[Tensor]) -> torch.dtype:
        double = self._double or any(tensor.dtype == torch.float64 for tensor in tensors)
        return torch.float64 if double else torch.float32

    def _run(
        self,
        x: Tensor,
        y: Tensor | None,
        tensors: list[Tensor],
        base: Base | None = None,
        tokens: Tokens | None = None,
    ) -> Tensor:
        """(B, in_features), and (B, out_features) where the plan reads y → the result as it is,
        (B, out_features) or (out_features,); of a prefix (tokens, 2 · out_features). All in one
        dtype."""
        frame = CallFrame(x, tensors, [], self.training, y, base, tokens)
        for step in self._steps:
            frame.values.append(step(frame))
        result = frame.values[self.plan.result]
        idle = self._simulation.idle
        if idle:
            # A parameter without a gradient stops distributed training.
            result = result + 0.0 * sum(tensors[index].sum() for index in idle)
        return result

    def matrix(self, unit: Callable[[int, torch.dtype, torch.device], Tensor]) -> Tensor:
        """The update as a matrix (out_features, in_features) in the dtype of computation.

        Differentiable, for plans that are linear in x alone. `unit` gives the unit matrix of a
        width.
        """
        tensors = self._tensors()
        device = tensors[0].device if tensors else torch.device("cpu")
        with _exact(device):
            x = unit(self.plan.in_features, self._dtype(tensors), device)
            return self._run(x, None, tensors).expand(len(x), -1).T

    def merge_weight(self, weight: Tensor | None = None) -> Tensor:
        """The update as a matrix (out_features, in_features), float64, without dropout.

        What does not depend on x and y is left out; `merge_bias` has it.

        Args:
            weight: The base module's own, (out_features, in_features); needed where the plan reads
                its output, because A y = A W x + A b, or the module itself.

        Raises:
            AdapterError: QA6006 where the update is not linear in x and y; QA6021 or QA6023 without
                the weight that it needs.
        """
        return merging.merge_weight(self, weight)

    def merge_bias(self, bias: Tensor, weight: Tensor | None = None) -> Tensor:
        """What the update adds to the base module's bias: A b + c, (out_features,), float64.

        A b is zero where the plan reads neither the module's output nor the module, whose weight it
        needs; c is the result for zeros.

        Raises:
            AdapterError: QA6006 where the update is not linear in x and y, constants aside.
        """
        return merging.merge_bias(self, bias, weight)

    def elementwise(self) -> tuple[Tensor, Tensor] | None:
        """a and c of an update a · y + c of a norm's output, (out_features,) each, float64.

        None where an element of the result depends on others.

        Raises:
            AdapterError: QA6006 where it depends on x, or is no such map of y.
        """
        return merging.merge_elementwise(self)

    def zeros(self, rows: int) -> Tensor:
        """Inputs of zeros (rows, in_features), float64, where the parameters are."""
        first = next(self.parameters(), None)
        device = torch.device("cpu") if first is None else first.device
        return torch.zeros(rows, self.plan.in_features, dtype=torch.float64, device=device)

    def exact_result(
        self,
        x: Tensor,
        y: Tensor | None = None,
        base: Base | None = None,
        tokens: Tokens | None = None,
    ) -> Tensor:
        """(B, in_features), float64 → (B, out_features), without dropout and gradients.

        Args:
            x: The module's input, or what stands for it beside tokens.
            y: (B, out_features); not looked at where the plan does not read it.
            base: Where the plan computes with the frozen module.
            tokens: Of an embedding.
        """
        training = self.training
        try:
            self.training = False
            with torch.no_grad():
                tensors = [
                    tensor.detach().to(torch.float64)
                    for tensor in (place._parameters[name] for place, name in self._places)
                    if tensor is not None
                ]
                given = y if self._uses_output else None
                return self._run(x, given, tensors, base, tokens).expand(len(x), -1)
        finally:
            self.training = training

    def terms(self) -> tuple[tuple[Training, tuple[nn.Parameter, ...]], ...]:
        """The terms of the plan's training with the parameters that they are about."""
        names = [spec.name for spec in self.plan.tensors]
        return tuple(
            (term, tuple(self.get_parameter(names[index]) for index in term.tensors))
            for term in self.plan.training
        )

    def regulariser(self) -> Tensor:
        """The sum of the penalties, 0-dim, differentiable; 0 where the plan has none."""
        first = next(self.parameters(), None)
        total = torch.zeros((), device=None if first is None else first.device)
        for term, tensors in self.terms():
            if isinstance(term, Penalty):
                total = total + penalty(term, tensors)
        return total

    def proximal_step(self, strength: float = 1.0) -> None:
        """Apply the proximal operators in place; `strength` multiplies their thresholds."""
        for term, tensors in self.terms():
            if isinstance(term, Proximal):
                apply_proximal(term, tensors, strength)

    def _apply(self: ModuleT, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ModuleT:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        first = next(self.parameters(), None)
        if first is not None:
            simulation = self._simulation.on(first.device)
            if simulation is not self._simulation:
                self._simulation = simulation
                self.use_evaluators(self._evaluators)
        return self

    def extra_repr(self) -> str:
        size = f"{self.plan.in_features} -> {self.plan.out_features}"
        total = sum(spec.size for spec in self.plan.tensors if not spec.frozen)
        kinds = [
            f"{node.evaluation.circuit.qubits} qubits ({node.evaluation.kind})"
            for node in self.plan.nodes
            if isinstance(node, EvaluationNode)
        ]
        kinds += [
            f"unitary of {matrix.orthogonal.size}"
            for node in self.plan.nodes
            for matrix in orthogonals(node)
        ]
        name = f"{self.plan.adapter} (control)" if self.plan.control else self.plan.adapter
        return ", ".join([name, size, f"{total:,} parameters", *kinds])


def _write_shared_tensors_apart(
    part: AdapterModule, state: dict[str, Any], prefix: str, _metadata: Any
) -> None:
    """Give every name of a shared tensor values of its own: safetensors refuses one storage twice.

    With `keep_vars` the parameters themselves are asked for, and stay.
    """
    for spec in part.plan.tensors:
        name = prefix + spec.name
        if spec.share is not None and not isinstance(state.get(name), (nn.Parameter, NoneType)):
            state[name] = state[name].clone()


def _exact(device: torch.device) -> AbstractContextManager[object]:
    """Without autocast, which would take half of each number's bits."""
    # The meta device knows no autocast.
    kind = "cpu" if device.type == "meta" else device.type
    if not torch.is_autocast_enabled(kind):
        return nullcontext()
    return torch.autocast(device_type=kind, enabled=False)


def build_module(plan: Plan, *, seed: int, site: str) -> AdapterModule:
    """The module of one site, initialised: `site` names it in the hash of the initialisation."""
    return AdapterModule(plan, seed=seed, site=site)
