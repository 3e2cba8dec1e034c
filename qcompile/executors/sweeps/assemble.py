"""From a circuit to its sweep program: gate by gate, with hoisted blocks, on density matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from qcompile.executors.sweeps.program import (
    AmplitudeStart,
    ExpectationRead,
    MitigatedRead,
    PermuteSweep,
    Phases,
    ProbabilityRead,
    ProductStart,
    Read,
    Start,
    Sweep,
    SweepProgram,
    UnitarySweep,
    ZeroStart,
    signature,
    sweeps_of,
)
from qcompile.executors.sweeps.read import read_of
from qcompile.executors.sweeps.stages import Stage, merge_into_stages, reads_data
from qcompile.ir.circuit import AmplitudeState, Circuit, Gate
from qcompile.ir.circuit_analysis import is_real, leading_encodings
from qcompile.ir.factors import Factor, append
from qcompile.ir.plan import (
    DataLayer,
    DenseEvaluation,
    DensityEvaluation,
    HoistedBlock,
    StatevectorEvaluation,
)
from qcompile.ir.primitives import (
    Depolarise,
    Primitive,
    conjugate,
    decompose,
    decompose_all,
    one_qubit_factors,
)
from qcompile.ir.target import NoiseModel, Target

Evaluation = StatevectorEvaluation | DenseEvaluation | DensityEvaluation


@dataclass(slots=True)
class Run:
    """Primitives applied to every token's state, or hoisted into one unitary."""

    hoisted: bool
    primitives: list[Primitive] = field(default_factory=list)


@lru_cache(maxsize=64)
def sweep_program(evaluation: Evaluation, target: Target) -> SweepProgram:
    """What is executed; shots and mitigation come from `target`, noise from the evaluation."""
    circuit = evaluation.circuit
    match evaluation:
        case StatevectorEvaluation():
            start, gates = _start(circuit, circuit.gates)
            runs = [Run(False, decompose_all(gates, real=is_real(circuit)))]
            return _program(circuit, start, runs, target)
        case DenseEvaluation(segments=segments):
            return _dense(circuit, list(segments), target)
        case DensityEvaluation(noise=noise):
            return _density(circuit, noise, target)


def _dense(
    circuit: Circuit, segments: list[HoistedBlock | DataLayer], target: Target
) -> SweepProgram:
    start, _ = _start(circuit, ())
    if segments and isinstance(segments[0], DataLayer):
        start, rest = _start(circuit, segments[0].gates)
        segments[0] = DataLayer(gates=tuple(rest))
    real = is_real(circuit)
    runs = [Run(isinstance(s, HoistedBlock), decompose_all(s.gates, real=real)) for s in segments]
    return _program(circuit, start, runs, target)


def _density(circuit: Circuit, noise: NoiseModel, target: Target) -> SweepProgram:
    """Kets on qubits 0 … n - 1 of the state, bras on n … 2n - 1."""
    primitives: list[Primitive] = []
    for gate in circuit.gates:
        ket = decompose(gate, real=False)
        primitives += [*ket, *(conjugate(primitive, circuit.qubits) for primitive in ket)]
        probability = noise.one_qubit if len(gate.qubits) == 1 else noise.two_qubit
        if probability:
            bras = tuple(qubit + circuit.qubits for qubit in gate.qubits)
            primitives.append(Depolarise(qubits=(*gate.qubits, *bras), probability=probability))
    start, _ = _start(circuit, ())
    return _program(circuit, start, [Run(False, primitives)], target, noise)


def _start(circuit: Circuit, gates: Sequence[Gate]) -> tuple[Start, Sequence[Gate]]:
    """The initial state, with encodings taken into it, and the gates that remain."""
    if isinstance(circuit.initial, AmplitudeState):
        return AmplitudeStart(initial=circuit.initial), gates
    first, rest = leading_encodings(gates)
    if not first:
        return ZeroStart(), gates
    chains: list[tuple[Factor, ...]] = [()] * circuit.qubits
    for gate in first:
        for factor in one_qubit_factors(gate):
            chains[gate.qubits[0]] = append(chains[gate.qubits[0]], factor)
    return ProductStart(chains=tuple(chains)), rest


def _program(
    circuit: Circuit,
    start: Start,
    runs: Sequence[Run],
    target: Target,
    noise: NoiseModel | None = None,
) -> SweepProgram:
    read, change, errors = read_of(circuit, target, noise)
    folded = _with_change(_fold_basis_changes(runs), change)
    parts = [(run.hoisted, list(sweeps_of(merge_into_stages(run.primitives)))) for run in folded]
    if parts and noise is None and _reads_populations(read):
        while parts[-1][1] and isinstance(parts[-1][1][-1], Phases):
            parts[-1][1].pop()
    if isinstance(start, ZeroStart) and parts and parts[0][0]:
        # One column of the first unitary is all that is needed.
        parts[0] = (False, parts[0][1])
    sweeps, groups = _grouped(parts)
    if noise is None and _reads_populations(read) and isinstance(read, ExpectationRead):
        sweeps, read = _absorb_permutations(sweeps, read)
    return SweepProgram(
        wires=circuit.qubits * (1 if noise is None else 2),
        density=noise is not None,
        start=start,
        sweeps=tuple(sweeps),
        groups=groups,
        read=read,
        errors=errors,
        shots=target.shots,
    )


def _reads_populations(read: Read) -> bool:
    """Whether the read-out sees nothing but the populations of the final state."""
    match read:
        case ProbabilityRead():
            return True
        case ExpectationRead(settings=settings):
            return len(settings) == 1
        case MitigatedRead():
            return False


def _absorb_permutations(
    sweeps: list[Sweep], read: ExpectationRead
) -> tuple[list[Sweep], ExpectationRead]:
    """Take exchanges of basis states at the end into the table of the observables."""
    permuted: list[PermuteSweep] = []
    while sweeps and isinstance(sweeps[-1], PermuteSweep | Phases):
        last = sweeps.pop()
        if isinstance(last, PermuteSweep):
            permuted.insert(0, last)
    (setting,) = read.settings
    return sweeps, ExpectationRead(settings=(replace(setting, permuted=tuple(permuted)),))


def _fold_basis_changes(runs: Sequence[Run]) -> list[Run]:
    """Move what precedes the first and follows the last use of data into hoisted neighbours."""
    result: list[Run] = []
    carried: list[Primitive] = []
    for position, run in enumerate(runs):
        if run.hoisted:
            _extend(result, Run(True, [*carried, *run.primitives]))
            carried = []
            continue
        stages = merge_into_stages(run.primitives)
        used = [index for index, stage in enumerate(stages) if reads_data(stage)]
        if result and result[-1].hoisted and used:
            result[-1].primitives.extend(_primitives(stages[: used[0]]))
            stages = stages[used[0] :]
            used = [index - used[0] for index in used]
        if position + 1 < len(runs) and runs[position + 1].hoisted and used:
            carried = _primitives(stages[used[-1] + 1 :])
            stages = stages[: used[-1] + 1]
        _extend(result, Run(False, _primitives(stages)))
    return [run for run in result if run.primitives]


def _extend(runs: list[Run], run: Run) -> None:
    if runs and runs[-1].hoisted == run.hoisted:
        runs[-1].primitives.extend(run.primitives)
    else:
        runs.append(run)


def _with_change(runs: list[Run], change: Sequence[Primitive]) -> list[Run]:
    if not runs:
        return [Run(False, list(change))]
    last = runs[-1]
    return [*runs[:-1], Run(last.hoisted, [*last.primitives, *change])]


def _primitives(stages: Sequence[Stage]) -> list[Primitive]:
    return [primitive for stage in stages for primitive in stage.primitives]


def _grouped(
    parts: Sequence[tuple[bool, Sequence[Sweep]]],
) -> tuple[list[Sweep], tuple[tuple[tuple[Sweep, ...], ...], ...]]:
    """The sweeps on tokens, and the unitaries among them by what can be built side by side."""
    alike: dict[tuple[object, ...], list[tuple[Sweep, ...]]] = {}
    sweeps: list[Sweep] = []
    for hoisted, run in parts:
        if hoisted and run:
            key = signature(run)
            members = alike.setdefault(key, [])
            sweeps.append(UnitarySweep(group=list(alike).index(key), position=len(members)))
            members.append(tuple(run))
        else:
            sweeps.extend(run)
    return sweeps, tuple(tuple(members) for members in alike.values())
