"""The circuits of an adapter, one by one: what leaves it for simulators and devices elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qcompile.adapter.circuit_origin import CircuitOrigin
from qcompile.adapter.routing import Router, predicted
from qcompile.artifact.atomic import write_together
from qcompile.artifact.layout import state_name
from qcompile.backends.export.formats import AnyCircuit, CircuitFormat, format_of
from qcompile.backends.export.manifest import (
    MANIFEST,
    BoundRow,
    CircuitUse,
    circuit_manifest,
    manifest_text,
)
from qcompile.diagnostics.arguments import check_path
from qcompile.diagnostics.errors import AdapterError, CompileError
from qcompile.diagnostics.messages.devices import NotApproximated, StateNotExportable
from qcompile.diagnostics.messages.export import (
    AnglesNotFinite,
    DataNotBound,
    FormatNeedsBinding,
    InputNeeded,
)
from qcompile.ir.bind import bind_circuit, bind_routed
from qcompile.ir.circuit import AmplitudeState, Circuit
from qcompile.ir.compilation import Site
from qcompile.ir.device import Device, RoutedCircuit
from qcompile.ir.hosts import EMBEDDING_HOST
from qcompile.ir.node import domains
from qcompile.ir.plan import Evaluation, EvaluationNode, Plan, StatevectorEvaluation
from qcompile.ir.plan_circuits import PlanCircuit
from qcompile.ir.target import Target

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import ArrayLike, NDArray
    from pytket.circuit import Circuit as TketCircuit
    from pytket.utils.operators import QubitPauliOperator
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class AdapterCircuit:
    """A circuit of one module: logical, on a device where there is one, with what was trained.

    Its parameters are the data, x[0], x[1], …, and the trainable angles, t[0], t[1], …, radians all
    of them. Trained values are read from the adapter when they are asked for.
    """

    place: PlanCircuit
    """Its name, its node in the plan, and where its data come from."""
    site: Site
    logical: Circuit
    routed: RoutedCircuit | None
    """In native gates of `device`, where there is one."""
    device: Device | None
    origin: CircuitOrigin
    router: Router | None = None
    """Brings circuits to `device` that come about by binding."""
    angles_bound: bool = False
    row: BoundRow | None = None
    """The data that were bound."""
    deviation: float | None = None
    """After `approximated`, by how much an output can differ from that of the exact circuit."""

    @property
    def module(self) -> str:
        """Dotted name of the module of the model; empty for an adapter for a `shape`."""
        return self.site.module

    @property
    def adapter(self) -> str:
        return self.site.adapter

    @property
    def name(self) -> str:
        """Of the value in the source, such as `q`."""
        return self.place.name

    @property
    def circuit(self) -> AnyCircuit:
        """On the device, if there is one."""
        return self.logical if self.routed is None else self.routed

    @property
    def _compact(self) -> Circuit:
        return self.logical if self.routed is None else self.routed.circuit

    @property
    def device_width(self) -> int | None:
        """Qubits of the device that the circuit is on."""
        return None if self.routed is None or self.device is None else self.device.qubits

    @property
    def angles(self) -> NDArray[float64]:
        """Trained values of t, (angle_count,); none where they are bound or there are none."""
        import numpy as np

        if self.place.angles is None or self.angles_bound:
            return np.zeros(0)
        tensor = self.origin.angles(self.site, self.place.angles)
        # A copy: the adapter may be trained further.
        return np.array(tensor.detach().double().cpu().reshape(-1).numpy())

    @property
    def tensor(self) -> str | None:
        """Name of the tensor of the angles in the adapter's state: t[j] is its element j."""
        if self.place.angles is None:
            return None
        return state_name(self.site, self._plan.tensors[self.place.angles])

    @property
    def _plan(self) -> Plan:
        return self.origin.manifest.planned.plans[self.site.unit]

    def data(
        self,
        x: Tensor | None = None,
        y: Tensor | None = None,
        base: nn.Module | None = None,
    ) -> NDArray[float64]:
        """The values of x[0], x[1], … for inputs of the module: (B, data_width).

        The adapter's own steps up to the circuit compute them, in float64, without dropout;
        whatever squashes the data is applied.

        Args:
            x: The module's input, (…, in_features), of B tokens, or their ids (…); it can be left
                out where the data do not depend on it.
            y: The module's own output, (…, out_features), where the adapter reads that.
            base: The frozen module, where the data come from `base(v)`, `W` or `base_bias`.

        Raises:
            AdapterError: QA4225 without an input; QA6010, QA6014, QA6021 to QA6024.
        """
        import numpy as np

        if self.place.kind == "unitary" or not self.place.sources:
            return np.zeros((1, 0))
        node = self._plan.nodes[self.place.node]
        assert isinstance(node, EvaluationNode)
        where = domains(self._plan.nodes)
        if x is None and any(where[operand].kind == "tokens" for operand in node.operands):
            raise AdapterError(InputNeeded(adapter=self.adapter))
        if x is not None and self._plan.host == EMBEDDING_HOST and bool((x == x.round()).all()):
            # Files of numbers are read as float64.
            x = x.long()
        values = self.origin.part(self.site).values_at(node.operands, x, y, base)
        rows = max(value.shape[0] if value.dim() == 2 else 1 for value in values)
        wide = [value.reshape(-1, value.shape[-1]).expand(rows, -1).cpu() for value in values]
        return np.concatenate([value.numpy() for value in wide], axis=1)

    def values(self, data: ArrayLike | None = None) -> NDArray[float64]:
        """What the simulator says, exact and without noise, float64: (B, outputs).

        Args:
            data: (B, data_width), or (data_width,) for one row; left out where there are none.
        """
        import numpy as np
        import torch

        from qcompile.executors.constants import Constants
        from qcompile.executors.registry import executor_of

        rows = self._rows(data)
        evaluation = self._evaluation()
        run = executor_of(evaluation).build(
            evaluation, Target(name="exact", dtype="float64"), Constants()
        )
        angles = torch.from_numpy(self.angles) if len(self.angles) else None
        with torch.no_grad():
            result = run(torch.from_numpy(np.ascontiguousarray(rows)), angles)
        found: NDArray[float64] = result.numpy()
        return found

    def _evaluation(self) -> Evaluation:
        node = self._plan.nodes[self.place.node]
        if isinstance(node, EvaluationNode) and node.evaluation.circuit == self.logical:
            if node.evaluation.kind in ("dense", "network"):
                return node.evaluation
        return StatevectorEvaluation(circuit=self.logical)

    def bind(self, data: ArrayLike | None = None, *, row: int = 0) -> AdapterCircuit:
        """The same with the trained angles as numbers, and with one row of data if it is given.

        An amplitude-encoded state becomes gates, which are routed where there is a device.

        Args:
            data: (data_width,).
            row: What manifests call the row.

        Raises:
            AdapterError: QA4222 where trained angles are not finite.
            CompileError: QA4221 for data of another shape, or not finite; what routing reports.
        """
        angles = self.angles
        values = None if data is None else self._row(data)
        for angle in angles:
            if not math.isfinite(angle):
                raise AdapterError(AnglesNotFinite(tensor=self.tensor or self.name))
        bound = replace(
            self,
            angles_bound=True,
            row=self.row if values is None else BoundRow(row=row, values=tuple(map(float, values))),
        )
        logical, routed = self.logical, self.routed
        if values is not None and isinstance(logical.initial, AmplitudeState):
            from qcompile.qiskit.prepare import prepared

            logical = prepared(logical, values)
            routed = None if self.router is None else self.router.route(logical)
        return replace(
            bound,
            logical=bind_circuit(logical, data=values, angles=angles),
            routed=None if routed is None else bind_routed(routed, data=values, angles=angles),
        )

    def approximated(self) -> AdapterCircuit:
        """The same with fewer two-qubit gates on its device, not exact; `deviation` has the bound.

        Where all angles of a block of gates on two qubits are numbers, gates are left out as long
        as that loses less than they do by the calibration. Bind data and angles first.

        Raises:
            CompileError: QA4270 where it is on no device.
        """
        from qcompile.passes.device.approximate import approximated

        if self.routed is None or self.device is None:
            raise CompileError(NotApproximated(circuit=self.name))
        found = approximated(self.routed, self.device)
        return replace(self, routed=found.routed, deviation=found.bound)

    def _row(self, data: ArrayLike) -> NDArray[float64]:
        rows = self._rows(data)
        if len(rows) != 1:
            raise self._refused(f"one row is bound at a time, and {len(rows)} were given")
        first: NDArray[float64] = rows[0]
        return first

    def _rows(self, data: ArrayLike | None) -> NDArray[float64]:
        import numpy as np
        import torch

        width = self.logical.data_width
        if data is None and width == 0:
            return np.zeros((1, 0))
        if isinstance(data, torch.Tensor):
            data = data.detach().cpu()
        try:
            rows = np.atleast_2d(np.asarray(data, dtype=np.float64))
        except (TypeError, ValueError):
            raise self._refused("they are no numbers") from None
        if rows.ndim != 2 or rows.shape[1] != width:
            shape = "no data" if data is None else f"an array of shape {rows.shape}"
            raise self._refused(f"{shape}, where the circuit `{self.name}` takes (rows, {width})")
        if not np.isfinite(rows).all():
            raise self._refused("they hold NaN or infinities")
        return rows

    def _refused(self, reason: str) -> CompileError:
        width, inputs = self.logical.data_width, self._plan.in_features
        advice = (
            f"give finite numbers (rows, {width}), or the module's inputs (rows, {inputs}) under"
            " the name `x`"
        )
        return CompileError(DataNotBound(reason=reason, advice=advice))

    def to_qiskit(self, *, bound: bool = False, compact: bool = False) -> QuantumCircuit:
        """As a QuantumCircuit; parameters are elements of two ParameterVectors, x and t.

        Args:
            bound: The trained angles are numbers.
            compact: Of a circuit on a device: on its own qubits 0, 1, … instead of the device's.

        Raises:
            CompileError: QA4208 for an amplitude-encoded state; bind data first.
        """
        from qcompile.qiskit.to_qiskit import to_qiskit

        if bound and not self.angles_bound:
            return self.bind().to_qiskit(compact=compact)
        if isinstance(self.logical.initial, AmplitudeState):
            raise CompileError(StateNotExportable(format="a Qiskit circuit"))
        return to_qiskit(self.circuit, width=None if compact else self.device_width)

    def observables(self, *, compact: bool = False) -> list[SparsePauliOp]:
        """Of each output, on the qubits of `to_qiskit`."""
        from qcompile.qiskit.observables import sparse_observables

        return sparse_observables(self.circuit, width=None if compact else self.device_width)

    def parameter_values(
        self, native: QuantumCircuit, data: ArrayLike | None = None
    ) -> NDArray[float64]:
        """(B, len(native.parameters)) for B rows of data, in the order of `native.parameters`.

        Args:
            native: What `to_qiskit` gave, also after passes of Qiskit.
            data: As for `values`.
        """
        from qcompile.qiskit.parameters import parameter_values

        return parameter_values(native, self._rows(data), self.angles)

    def estimator_pub(
        self, data: ArrayLike | None = None, *, compact: bool = False
    ) -> tuple[QuantumCircuit, list[list[SparsePauliOp]], NDArray[float64]]:
        """A PUB for Qiskit's EstimatorV2, whose `evs` are (outputs, B)."""
        native = self.to_qiskit(compact=compact)
        operators = [[operator] for operator in self.observables(compact=compact)]
        return native, operators, self.parameter_values(native, data)

    def to_pytket(self, *, bound: bool = False, compact: bool = False) -> TketCircuit:
        """As a pytket circuit with symbols x0, t0, … in radians; on a device's `node[k]`.

        Args:
            bound: The trained angles are numbers.
            compact: Of a circuit on a device: on q[0], q[1], … instead, as simulators ask for.

        Raises:
            CompileError: QA4208 for an amplitude-encoded state; bind data first.
        """
        from qcompile.tket.to_pytket import to_pytket

        if bound and not self.angles_bound:
            return self.bind().to_pytket(compact=compact)
        if isinstance(self.logical.initial, AmplitudeState):
            raise CompileError(StateNotExportable(format="a pytket circuit"))
        return to_pytket(self._compact if compact else self.circuit)

    def pauli_operators(self, *, compact: bool = False) -> list[QubitPauliOperator]:
        """Of each output, on the qubits of `to_pytket`."""
        from qcompile.tket.operators import pauli_operators

        return pauli_operators(self._compact if compact else self.circuit)

    def use(self) -> CircuitUse:
        """What a manifest says of the place of the circuit in the adapter."""
        unbound = replace(self, angles_bound=False)
        return CircuitUse(
            module=self.module,
            adapter=self.adapter,
            circuit=self.name,
            kind=self.place.kind,
            node=self.place.node,
            tensor=self.tensor,
            angles=tuple(map(float, unbound.angles)),
            sources=self.place.sources,
            offset=self.place.offset,
            size=self.place.size,
        )

    def manifest(self, suffix: str = ".qpy") -> dict[str, Any]:
        """What stands beside a file of this circuit, as values of JSON; see docs/export.md.

        Args:
            suffix: The kind of file, which decides the names of parameters and qubits.

        Raises:
            UsageError: QA0012.
        """
        return self._manifest(format_of(suffix), (self,))

    def _manifest(
        self,
        form: CircuitFormat,
        uses: Sequence[AdapterCircuit],
        file: str | None = None,
        contents: bytes | None = None,
    ) -> dict[str, Any]:
        device = self.device if self.routed is not None else None
        figures = None
        if self.routed is not None and device is not None:
            figures = predicted(self.routed, device)
        manifest = self.origin.manifest
        return circuit_manifest(
            self.circuit,
            form,
            uses=[circuit.use() for circuit in uses],
            device=device,
            figures=figures,
            angles_bound=self.angles_bound,
            row=self.row,
            deviation=self.deviation,
            record={"digests": dict(manifest.digests), "versions": dict(manifest.versions)},
            file=file,
            contents=contents,
        )

    def written(
        self, path: str | Path, uses: Sequence[AdapterCircuit] = ()
    ) -> tuple[bytes, dict[str, Any]]:
        """The contents of a file, and its manifest.

        Args:
            path: Its suffix says the kind.
            uses: Circuits of other modules that are the same as files, this one among them.

        Raises:
            CompileError: QA4208, QA4220, QA4223.
            UsageError: QA0012.
        """
        form = format_of(path)
        self._refuse_unwritable(form)
        contents = form.write(self.circuit, self.device_width)
        return contents, self._manifest(form, uses or (self,), Path(path).name, contents)

    def save(self, path: str | Path) -> None:
        """Write the circuit, and beside it its manifest, `PATH.manifest.json`.

        The suffix decides the kind: .qasm .qasm2 .qpy .json .qir.

        Raises:
            CompileError: QA4208, QA4220, QA4223.
            UsageError: QA0012 to QA0014, QA6013; files that were there are unchanged.
        """
        name = check_path("AdapterCircuit.save", "path", path)
        contents, manifest = self.written(name)
        write_together({name: contents, name + MANIFEST: manifest_text(manifest)})

    def _refuse_unwritable(self, form: CircuitFormat) -> None:
        """Raise CompileError, QA4208 or QA4220, for what the format cannot hold."""
        circuit = self.logical
        if isinstance(circuit.initial, AmplitudeState) and not form.states:
            raise CompileError(StateNotExportable(format=form.name, file=f"c{form.suffix}"))
        if form.symbolic:
            return
        angles = [angle for gate in circuit.gates for angle in gate.angles]
        data = any(angle.data for angle in angles)
        if data or any(angle.angles for angle in angles):
            where = f"`{self.name}` of `{self.module or self.adapter}`"
            symbols = "data" if data else "trained angles"
            advice = "`--bind data.npy`" if data else "`--bind angles`"
            raise CompileError(
                FormatNeedsBinding(format=form.name, circuit=where, symbols=symbols, advice=advice)
            )

    def __repr__(self) -> str:
        where = f" of {self.module}" if self.module else ""
        device = "" if self.routed is None else f" on {self.routed.device}"
        inner = self._compact
        return (
            f"<circuit {self.adapter}.{self.name}{where}{device}: {self.logical.qubits} qubits,"
            f" {len(inner.gates)} gates, {inner.data_width} data, {inner.angle_count} angles>"
        )
