"""A compiled adapter: one torch module for each module of the model that it attaches to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from qcompile.adapter.notebook import adapter_html
from qcompile.adapter.training import after_step, regulariser
from qcompile.adapter.without_library import warn_without_library
from qcompile.artifact.atomic import write_atomically
from qcompile.artifact.formats import FOLDER, ONNX, PROGRAMS, kind_of, write_adapter
from qcompile.artifact.layout import state_name, trainable_parameters
from qcompile.artifact.manifest import Manifest
from qcompile.backends.simulator.module import AdapterModule, build_module
from qcompile.backends.simulator.sharded import gathered, is_sharded
from qcompile.diagnostics.arguments import check_path, check_type
from qcompile.diagnostics.errors import AdapterError
from qcompile.diagnostics.messages.adapter import NoSuchSite, SeveralSites
from qcompile.diagnostics.messages.scaling import ShardedTensor
from qcompile.diagnostics.nearest import nearest
from qcompile.executors.measured.gradients import Gradient, Method
from qcompile.ir.compilation import Site

if TYPE_CHECKING:
    from torch.export import ExportedProgram

    from qcompile.adapter.circuit_origin import CircuitOrigin
    from qcompile.adapter.circuits import AdapterCircuit
    from qcompile.ir.target import Copies
    from qcompile.services.estimate import ObservableError, RunEstimate
    from qcompile.services.jobs import JobService
    from qcompile.services.runtime_options import RuntimeOptions


class Folder(nn.Module):
    """A step of a dotted module name."""


class CompiledAdapter(nn.Module):
    """All parts of an adapter, with the manifest of their compilation.

    `adapter["model.layers.0.self_attn.q_proj"]` is the part for one module, a map
    (…, in_features) → (…, out_features), which also takes the module's own output,
    (…, out_features), where its plan reads that. An adapter compiled for a `shape` is called
    directly. Keys of the state_dict are `<module>.<adapter>.<tensor>`.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Build all parts with their initial tensors."""
        super().__init__()
        self.manifest = manifest
        self.service: JobService | None = None
        """What runs the circuits, see `on`; None: torch. Its `tally` counts."""
        planned = manifest.planned
        shared: dict[str, nn.Parameter] = {}
        built: dict[int, AdapterModule] = {}
        for site in planned.sites:
            if site.unit in built:
                part = built[site.unit].at(site.module)
            else:
                plan = planned.plans[site.unit]
                part = build_module(plan, seed=planned.seed, site=site.module)
                built[site.unit] = part
            for tensor in part.plan.tensors:
                if tensor.share is not None:
                    own = part.get_parameter(tensor.name)
                    _put(part, tensor.name, shared.setdefault(tensor.share, own))
            # register_module refuses names such as `train`.
            _folder(self, site.module)._modules[site.adapter] = part
        warn_without_library(manifest)

    @classmethod
    def from_state(cls, manifest: Manifest, state: Mapping[str, torch.Tensor]) -> CompiledAdapter:
        """Build all parts around the tensors of an adapter file, whose dtypes they take over.

        Frozen tensors that are not in it are drawn again.
        """
        with torch.device("meta"):
            adapter = cls(manifest)
        parameters: dict[str, nn.Parameter] = {}
        for site, part in adapter.parts():
            for tensor in part.plan.tensors:
                name = state_name(site, tensor)
                if name not in parameters:
                    value = state[name] if name in state else part.drawn(tensor)
                    parameters[name] = nn.Parameter(value, requires_grad=not tensor.frozen)
                _put(part, tensor.name, parameters[name])
        return adapter

    @property
    def sites(self) -> tuple[Site, ...]:
        """Where the parts belong, in the order of the model's modules."""
        return self.manifest.planned.sites

    def part(self, site: Site) -> AdapterModule:
        """The part for one site."""
        module = _folder(self, site.module)._modules[site.adapter]
        assert isinstance(module, AdapterModule)
        return module

    def parts(self) -> Iterator[tuple[Site, AdapterModule]]:
        """All sites with their parts."""
        for site in self.sites:
            yield site, self.part(site)

    def __getitem__(self, module: str) -> AdapterModule:
        """The part for the named module; the first one where several adapters share it.

        Raises:
            AdapterError: QA6007.
            UsageError: QA6013.
        """
        check_type("CompiledAdapter[…]", "module", module, str, "the name of a module")
        return self.part(sites_named(self.sites, module)[0])

    def only_part(self) -> AdapterModule:
        """The part of an adapter for one module.

        Raises:
            AdapterError: QA6008 where there are several.
        """
        if len(self.sites) != 1:
            message = SeveralSites(count=len(self.sites), first=self.sites[0].module)
            raise AdapterError(message)
        return self.part(self.sites[0])

    def forward(
        self,
        x: torch.Tensor,
        y: torch.Tensor | None = None,
        base: nn.Module | None = None,
    ) -> torch.Tensor:
        """The update (or replacement) for x, (…, in_features) → (…, out_features).

        Args:
            x: The module's input.
            y: The module's own output, (…, out_features), where the adapter reads it.
            base: The frozen module, where the adapter computes with it.

        Raises:
            AdapterError: QA6008 where there are several parts; QA6010, QA6021 to QA6024.
        """
        result: torch.Tensor = self.only_part()(x, y, base)
        return result

    def on(
        self,
        where: object = None,
        *,
        shots: int | None = None,
        mitigate: str | Sequence[str] | None = None,
        gradient: Method | Gradient = "shift",
        seed: int = 0,
        ledger: str | Path | None = None,
        max_shots: int | None = None,
        max_jobs: int | None = None,
        batch: bool = False,
        runtime: RuntimeOptions | None = None,
        copies: int | Copies | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> CompiledAdapter:
        """Let the circuits run elsewhere from now on, forward and backward; in place, as `to`.

        Tensor networks and everything else stay in torch. Gradients come from values alone: by
        the shift rules of the gates, for angles and for data. `docs/running.md` says what that
        takes.

        Args:
            where: `"simulator"` (torch, as the plan says), `"aer"` (Qiskit's simulator), the name
                of a calibrated device (`"fake_torino"`: routed for it, its noise simulated by Aer),
                or a file with one, that of a device of IBM Quantum (`"ibm_torino"`, by the saved
                account), a BackendV2 of Qiskit or a Backend of pytket; what else describes a
                device is simulated, too. None: as the targets say, with their shots,
                mitigation and copies unless others are given: on the device of `run: device`, else
                in torch.
            shots: Of each value; None: exact, where the service can.
            mitigate: A name or several: `readout` undoes the errors of reading by the device's
                calibration, `zne` extrapolates to no noise, `twirling` makes errors of two-qubit
                gates random, `decoupling` puts pulses where qubits wait; None or `none`: nothing.
            gradient: `shift`, `spsa`, or a `Gradient` with its settings.
            seed: Of simulated shots.
            ledger: A file of JSON lines in which every job and every result is kept. The same run
                started again takes over what is there.
            max_shots: The most that may be handed in from now on.
            max_jobs: The same, of jobs.
            batch: Of IBM Quantum: all jobs in one batch.
            runtime: Of IBM Quantum: batch or session, time of a job, further options.
            copies: Most copies of a circuit that run side by side on a device, on places where the
                predicted error is hardly greater; `Copies` has the tolerance. 1: none. None: as
                many as there is room for on devices of IBM Quantum, none elsewhere.
            progress: Told how far a call is.

        Returns:
            The adapter itself.

        Raises:
            AdapterError: QA7103, QA7107, QA7109, QA7115, QA7117 to QA7119, QA7124.
            CompileError: What routing reports.
            UsageError: QA0009, QA0011, QA0052, QA6013, QA7101, QA7102, QA7108, QA7111, QA7112,
                QA7122; nothing has changed.
        """
        from qcompile.adapter.run_options import run_options
        from qcompile.adapter.running import place_of, run_on

        if where is None:
            place = place_of(self.manifest.planned.plans)
            where = place.where
            shots = place.shots if shots is None else shots
            mitigate = place.mitigate if mitigate is None else mitigate
            copies = place.copies if copies is None else copies

        options = run_options(
            shots,
            mitigate,
            gradient,
            seed,
            ledger,
            max_shots,
            max_jobs,
            batch,
            runtime,
            copies,
            progress,
        )
        before = self.service
        held = None if before is None else before.ledger
        modules = tuple(self.parts())
        self.service = run_on(self.manifest, modules, where, options, held)
        if before is not None:
            before.provider.close()
        return self

    def estimate(self, tokens: int, *, training: bool = False) -> RunEstimate | None:
        """What a call with so many tokens takes at most where the circuits run; None: torch.

        Args:
            tokens: Rows of the input.
            training: With the backward pass, of all data and angles.

        Raises:
            UsageError: QA6013.
        """
        check_type("CompiledAdapter.estimate", "tokens", tokens, int, "a number of tokens")
        if self.service is None:
            return None
        from qcompile.adapter.running import estimate_of

        return estimate_of((part for _, part in self.parts()), self.service, tokens, training)

    def predicted_errors(self) -> tuple[ObservableError, ...]:
        """What the calibration of the device says of every measured value, once for each plan.

        None where circuits run without a device that has one.
        """
        if self.service is None:
            return ()
        from qcompile.adapter.running import errors_of

        return errors_of((part for _, part in self.parts()), self.service)

    def regulariser(self) -> torch.Tensor:
        """The penalties of the `train` clauses, summed over the modules: 0-dim, differentiable.

        A tensor that several modules share counts once. 0 where there are no penalties.
        """
        return regulariser(self)

    def proximal_step(self, strength: float = 1.0) -> None:
        """Apply the proximal operators of the `train` clauses in place; call it after each step.

        Args:
            strength: Multiplies every threshold, for a schedule of thresholds; 0 or more.
        """
        after_step(self, strength)

    def stored_state(self) -> dict[str, torch.Tensor]:
        """All tensors as adapter.pt names them: each once, shared ones under `shared.<key>`.

        Raises:
            AdapterError: QA6121 where a tensor is sharded.
        """
        found: dict[str, torch.Tensor] = {}
        for name, parameter in self._named_tensors():
            if is_sharded(parameter):
                raise AdapterError(ShardedTensor(tensor=name))
            found.setdefault(name, parameter.detach())
        return found

    def _left_out(self) -> set[str]:
        """Names of the tensors that a file need not hold: frozen ones that are drawn again, from
        their seed alone."""
        found: dict[str, bool] = {}
        for site, part in self.parts():
            for tensor in part.plan.tensors:
                name = state_name(site, tensor)
                if tensor.frozen and name not in found:
                    found[name] = tensor.init.file is None and part.drawn_again(tensor)
        return {name for name, again in found.items() if again}

    def gathered(self) -> CompiledAdapter:
        """A copy with whole tensors on the CPU, of an adapter that FSDP2 or ZeRO-3 has cut up.

        Every process must call it, and every one gets the copy; one of them saves it.
        """
        found: dict[str, torch.Tensor] = {}
        for name, parameter in self._named_tensors():
            if name not in found:
                found[name] = gathered(parameter).detach().to("cpu", copy=True)
        return CompiledAdapter.from_state(self.manifest, found)

    def _named_tensors(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Every parameter of every part with the name that adapter.pt gives it."""
        for site, part in self.parts():
            for tensor in part.plan.tensors:
                yield state_name(site, tensor), part.get_parameter(tensor.name)

    def save(self, path: str | Path, module: str | None = None) -> None:
        """Write the tensors as they are now; `qcompile.load` restores them exactly.

        The suffix decides the kind: .pt, .safetensors, a folder for peft (`adapter/`), or a program
        without qcompile, which `qcompile.load` does not read: .pt2 (see `export`) or .onnx (see
        `adapter.onnx_model`).

        Args:
            path: A file or folder.
            module: Of a program, the module whose first part alone is written.

        Raises:
            AdapterError: QA6007 for an unknown module, QA6121 where a tensor is sharded; QA6123 and
                QA6125 for programs.
            UsageError: QA0012 to QA0014, QA6013; a file that was there is unchanged.
        """
        check_path("CompiledAdapter.save", "path", path)
        kind = kind_of(path)
        if kind in PROGRAMS:
            write_atomically(path, self._program(module, kind))
            return
        state = self.stored_state()
        if kind_of(path) != FOLDER:
            # peft reads what is in the folder and draws nothing.
            state = {name: state[name] for name in state.keys() - self._left_out()}
        write_adapter(path, self.manifest, state)

    def export(self, module: str | None = None) -> ExportedProgram:
        """A program of torch.export, which runs without qcompile; see `adapter.exported`.

        Args:
            module: The name of a module of the model; its first part alone is exported.

        Raises:
            AdapterError: QA6007 for an unknown module, QA6121 for a sharded adapter, QA6123.
            UsageError: QA6013.
        """
        from qcompile.adapter.exported import exported

        return exported(*self._to_export(module))

    def _program(self, module: str | None, kind: str) -> bytes:
        if kind == ONNX:
            from qcompile.adapter.onnx_model import onnx_bytes

            return onnx_bytes(*self._to_export(module))
        from qcompile.adapter.exported import program_bytes

        return program_bytes(self.export(module))

    def _to_export(self, module: str | None) -> tuple[nn.Module, dict[str, AdapterModule]]:
        """A copy, and the parts of it by their names."""
        if module is not None:
            check_type("CompiledAdapter.export", "module", module, str, "the name of a module")
        self.stored_state()
        whole = copy.deepcopy(self).on("simulator").cpu().eval()
        if module is not None:
            return whole, {module: whole[module]}
        return whole, {f"{site.module}.{site.adapter}": part for site, part in whole.parts()}

    def circuits(
        self, module: str | None = None, *, target: object = None
    ) -> tuple[AdapterCircuit, ...]:
        """Every circuit of every module, for Qiskit, pytket and files; see `AdapterCircuit`.

        Args:
            module: The name of a module of the model; its circuits alone.
            target: A target of the source, or what describes a device as in `qcompile.compile`, to
                which the circuits are brought; None: they are on the one that they were compiled
                for, if any.

        Raises:
            AdapterError: QA6007 for an unknown module.
            CompileError: QA42xx, where a circuit cannot be brought to the device.
            UsageError: QA0021, QA4226, QA6013.
        """
        from qcompile.adapter.circuit_listing import circuits_of
        from qcompile.adapter.routing import Router

        sites = self.sites
        if module is not None:
            check_type("CompiledAdapter.circuits", "module", module, str, "the name of a module")
            sites = sites_named(sites, module)
        router = None
        if target is not None:
            router = Router.of_manifest(self.manifest, target)
        return tuple(circuits_of(self.circuit_origin(), sites, router))

    def circuit_origin(self) -> CircuitOrigin:
        """What circuits are asked about: this adapter as it is now, and as training goes on."""
        from qcompile.adapter.circuit_origin import CircuitOrigin

        return CircuitOrigin(manifest=self.manifest, part=self.part, angles=self._whole_tensor)

    def _whole_tensor(self, site: Site, tensor: int) -> torch.Tensor:
        name = self.part(site).plan.tensors[tensor].name
        parameter = self.part(site).get_parameter(name)
        if is_sharded(parameter):
            raise AdapterError(ShardedTensor(tensor=f"{site.module}.{name}"))
        return parameter.detach()

    def __repr__(self) -> str:
        # One line: a model's worth of parts is hundreds.
        return f"{type(self).__name__}({self.extra_repr()})"

    def _repr_html_(self) -> str:
        """What a notebook shows; see `qcompile.adapter.notebook`."""
        return adapter_html(self.manifest.planned)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] = ()
    ) -> dict[str, str]:
        """The same with the plain text for front ends that show no HTML."""
        bundle = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return {
            kind: text
            for kind, text in bundle.items()
            if (include is None or kind in include) and kind not in (exclude or ())
        }

    def extra_repr(self) -> str:
        planned = self.manifest.planned
        names = sorted(
            {
                f"{site.adapter} (control)" if planned.plans[site.unit].control else site.adapter
                for site in self.sites
            }
        )
        total = trainable_parameters(planned)
        return f"{', '.join(names)}: {len(self.sites)} parts, {total:,} parameters"


def sites_named(sites: tuple[Site, ...], module: str) -> tuple[Site, ...]:
    """Those for one module, of which there may be several.

    Raises:
        AdapterError: QA6007.
    """
    found = tuple(site for site in sites if site.module == module)
    if not found:
        names = tuple(dict.fromkeys(site.module for site in sites))
        raise AdapterError(NoSuchSite(module=module, candidates=nearest(module, names)))
    return found


def _folder(root: nn.Module, dotted: str) -> nn.Module:
    """The container at a dotted name, made where it is not there."""
    place = root
    for name in dotted.split(".") if dotted else ():
        inside = place._modules.get(name)
        if inside is None:
            inside = Folder()
            place._modules[name] = inside
        place = inside
    return place


def _put(part: AdapterModule, dotted: str, parameter: nn.Parameter) -> None:
    path, _, name = dotted.rpartition(".")
    part.get_submodule(path)._parameters[name] = parameter
