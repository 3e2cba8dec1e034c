"""What a simulation of the device's noise takes of the outputs, on few qubits.

A state is the vector of the expectation values of all Pauli strings on the qubits that take part,
each from its first gate to its last. Circuits with the same two-qubit gates are simulated together,
at several bindings each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qcompile.executors.transfer.channels import transfer
from qcompile.ir.circuit import Affine, Gate, Pauli, Readout
from qcompile.ir.device import VIRTUAL, Device
from qcompile.ir.device_noise import waits
from qcompile.ir.light_cone import observables
from qcompile.passes.device.noise_maps import NoiseMaps, noise_maps
from qcompile.passes.device.predict import UNDONE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Real = NDArray[Any]

SPREAD = 0.4
"""Standard deviation of the trained angles that are drawn: those of an adapter stay small."""

LETTERS = "IXYZ"


@dataclass(frozen=True, eq=False)
class Points:
    """Bindings at which circuits are compared."""

    data: Real
    """(points, data width)."""
    angles: Real
    """(points, angle count)."""

    def values(self, angle: Affine) -> Real:
        """(points,)."""
        import numpy as np

        found = np.full(len(self.data), angle.constant)
        for index, factor in angle.data:
            found += factor * self.data[:, index]
        for index, factor in angle.angles:
            found += factor * self.angles[:, index]
        return found


def drawn_points(data_width: int, angle_count: int, count: int, seed: int = 0) -> Points:
    """Data between -π/2 and π/2, trained angles around zero."""
    import numpy as np

    drawn = np.random.default_rng(seed)
    return Points(
        data=drawn.uniform(-np.pi / 2, np.pi / 2, (count, data_width)),
        angles=drawn.normal(0.0, SPREAD, (count, angle_count)),
    )


def simulated_errors(
    circuits: Sequence[tuple[Sequence[Gate], Readout]],
    device: Device,
    points: Points,
    *,
    mitigated: bool,
) -> list[float]:
    """Mean |noisy - ideal| over outputs and points, of circuits with the same outputs each.

    Args:
        circuits: Native gates on the device's qubits.
        mitigated: Errors of reading are undone, but for the share `UNDONE`.
    """
    import numpy as np

    alike: dict[Any, list[int]] = defaultdict(list)
    for index, (gates, readout) in enumerate(circuits):
        pairs = tuple((g.name, g.qubits) for g in gates if len(g.qubits) == 2)
        alike[pairs, tuple(p.letters for p in observables(readout))].append(index)
    ideal = output_values(circuits[:1], device, points, noisy=False)[0]
    errors = [0.0] * len(circuits)
    for members in alike.values():
        chosen = [circuits[index] for index in members]
        found = output_values(chosen, device, points, noisy=True, share=UNDONE if mitigated else 1)
        for index, values in zip(members, found, strict=True):
            errors[index] = float(np.abs(values - ideal).mean())
    return errors


def output_values(
    circuits: Sequence[tuple[Sequence[Gate], Readout]],
    device: Device,
    points: Points,
    *,
    noisy: bool,
    share: float = 1.0,
) -> Real:
    """(circuits, points, outputs) of circuits with the same two-qubit gates and strings.

    Args:
        noisy: Under the device's noise.
        share: Of the errors of reading that is left.
    """
    import numpy as np

    maps = noise_maps(device) if noisy else None
    steps = [_Steps(gates, maps, points) for gates, _ in circuits]
    strings = observables(circuits[0][1])
    signs = np.array([[p.sign for p in observables(readout)] for _, readout in circuits])
    state = _State(len(circuits) * len(points.data))
    single = {p.letters[0][0] for p in strings if len(p.letters) == 1}
    kept = {q for p in strings if len(p.letters) > 1 for q, _ in p.letters}
    pairs = steps[0].pairs
    last = {qubit: place for place, (qubits, _) in enumerate(pairs) for qubit in qubits}
    early: dict[int, dict[str, Real]] = {}
    for place, (qubits, _) in enumerate(pairs):
        matrices = np.concatenate([step.pairs[place][1] for step in steps])
        state.apply(matrices, qubits)
        for qubit in qubits:
            if last[qubit] == place and qubit not in kept:
                if qubit in single:
                    final = _final(steps, qubit, len(points.data))
                    early[qubit] = {
                        letter: state.value({qubit: row})
                        for letter in "XYZ"
                        if (row := _row(final, letter, qubit, device, share, noisy)) is not None
                    }
                state.drop(qubit)
    finals: dict[int, Real] = {}
    columns = []
    for pauli in strings:
        match pauli.letters:
            case ((qubit, letter),) if qubit in early:
                columns.append(early[qubit][letter])
            case letters:
                rows = {}
                for qubit, letter in letters:
                    if qubit not in finals:
                        finals[qubit] = _final(steps, qubit, len(points.data))
                    rows[qubit] = _row(finals[qubit], letter, qubit, device, share, noisy)
                columns.append(state.value(rows))
    values = np.stack(columns, -1).reshape(len(circuits), len(points.data), len(strings))
    signed: Real = values * signs[:, None, :]
    return signed


def _row(final: Real, letter: str, qubit: int, device: Device, share: float, noisy: bool) -> Real:
    """(batch, 4), what is read of a qubit in terms of its strings before the last gates on it.

    Both errors of reading count as their mean, as in qiskit-aer's model: whether a difference adds
    to what else is lost depends on signs that nobody knows yet.
    """
    row: Real = final[:, LETTERS.index(letter), :]
    if noisy and device.readout_errors:
        row = (1 - share * sum(device.readout_errors[qubit])) * row
    return row


def _final(steps: Sequence[_Steps], qubit: int, points: int) -> Real:
    """(batch, 4, 4), the last gates on a qubit."""
    import numpy as np

    eye = np.broadcast_to(np.eye(4), (points, 4, 4))
    return np.concatenate([step.waiting.get(qubit, eye) for step in steps])


class _Steps:
    """One circuit as matrices: one for each two-qubit gate with all that is before it."""

    def __init__(self, gates: Sequence[Gate], maps: NoiseMaps | None, points: Points) -> None:
        import numpy as np

        self.pairs: list[tuple[tuple[int, ...], Real]] = []
        """(qubits, (points, 16, 16))."""
        self.waiting: dict[int, Real] = {}
        """(points, 4, 4) of what follows the last two-qubit gate, by qubit."""
        count = len(points.data)
        idle = waits(gates, maps.seconds) if maps is not None else [()] * len(gates)
        eye = np.broadcast_to(np.eye(4), (count, 4, 4))
        for gate, gaps in zip(gates, idle, strict=True):
            matrix = _matrices(gate, points)
            noise = None if maps is None or gate.name in VIRTUAL else maps.after(gate)
            if noise is not None:
                matrix = noise @ matrix
            if len(gate.qubits) == 1:
                (qubit,) = gate.qubits
                before = self.waiting.get(qubit)
                self.waiting[qubit] = (
                    np.broadcast_to(matrix, (count, 4, 4)) if before is None else matrix @ before
                )
            else:
                first, second = (self.waiting.pop(qubit, eye) for qubit in gate.qubits)
                both = np.einsum("bij,bkl->bikjl", first, second).reshape(count, 16, 16)
                self.pairs.append((gate.qubits, matrix @ both))
            for qubit, seconds in gaps:
                assert maps is not None
                self.waiting[qubit] = maps.waiting(qubit, seconds) @ self.waiting.get(qubit, eye)


def _matrices(gate: Gate, points: Points) -> Real:
    """(points, 4^k, 4^k), or (4^k, 4^k) where no angle depends on the point."""
    import numpy as np

    if all(angle.is_constant for angle in gate.angles):
        return transfer(gate.name, tuple(angle.constant for angle in gate.angles))
    values = [points.values(angle) for angle in gate.angles]
    if gate.name in VIRTUAL:
        cosine, sine = np.cos(values[0]), np.sin(values[0])
        result = np.zeros((len(cosine), 4, 4))
        result[:, 0, 0] = result[:, 3, 3] = 1.0
        result[:, 1, 1] = result[:, 2, 2] = cosine
        result[:, 2, 1], result[:, 1, 2] = sine, -sine
        return result
    rows = zip(*(value.tolist() for value in values), strict=True)
    return np.stack([transfer(gate.name, row) for row in rows])


class _State:
    """(batch, 4^k) over the strings of the qubits that take part; the others are |0⟩ or gone."""

    def __init__(self, batch: int) -> None:
        import numpy as np

        self.batch = batch
        self.tensor: Any = np.ones((batch, 1), dtype=np.float32)
        self.qubits: list[int] = []
        """In the order of the axes, most significant first."""

    def apply(self, matrices: Real, qubits: tuple[int, ...]) -> None:
        """(batch, 16, 16), on two qubits."""
        import numpy as np

        for qubit in qubits:
            self._enter(qubit)
        self._to_front(qubits)
        self.tensor = np.matmul(
            matrices.astype(np.float32), self.tensor.reshape(self.batch, 16, -1)
        ).reshape(self.batch, -1)

    def drop(self, qubit: int) -> None:
        """Trace a qubit out."""
        self._to_front((qubit,))
        self.tensor = self.tensor.reshape(self.batch, 4, -1)[:, 0]
        self.qubits.remove(qubit)

    def value(self, rows: dict[int, Real]) -> Real:
        """(batch,), each qubit weighted by its row (batch, 4), the others traced out."""
        import numpy as np

        for qubit in rows:
            self._enter(qubit)
        result = self.tensor
        for qubit in self.qubits:
            parts = result.reshape(self.batch, 4, -1)
            weights = rows.get(qubit)
            result = parts[:, 0] if weights is None else np.einsum("bi,bir->br", weights, parts)
        found: Real = result.reshape(self.batch)
        return found

    def _enter(self, qubit: int) -> None:
        import numpy as np

        if qubit not in self.qubits:
            zero = np.array([1, 0, 0, 1], dtype=np.float32)
            self.tensor = (self.tensor[:, :, None] * zero).reshape(self.batch, -1)
            self.qubits.append(qubit)

    def _to_front(self, qubits: tuple[int, ...]) -> None:
        import numpy as np

        if tuple(self.qubits[: len(qubits)]) == qubits:
            return
        order = [*qubits, *(q for q in self.qubits if q not in qubits)]
        axes = [1 + self.qubits.index(qubit) for qubit in order]
        shaped = self.tensor.reshape(self.batch, *[4] * len(self.qubits))
        self.tensor = np.ascontiguousarray(shaped.transpose(0, *axes)).reshape(self.batch, -1)
        self.qubits = order


def peak_qubits(gates: Sequence[Gate], strings: Sequence[Pauli]) -> int:
    """How many qubits take part at a time, at most."""
    kept = {q for p in strings if len(p.letters) > 1 for q, _ in p.letters}
    pairs = [gate.qubits for gate in gates if len(gate.qubits) == 2]
    last = {qubit: place for place, qubits in enumerate(pairs) for qubit in qubits}
    present: set[int] = set()
    most = 0
    for place, qubits in enumerate(pairs):
        present.update(qubits)
        most = max(most, len(present))
        present -= {q for q in qubits if last[q] == place and q not in kept}
    return max(most, len(present | kept))
