"""The polynomial of a circuit's read-out, exact or with a bound on what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from qcompile.executors.polynomials.basis import Frequencies, Polynomial, Real, Whole, merged_rows
from qcompile.executors.polynomials.propagate import ROUNDING, StringTerms, TooManyTerms, propagate
from qcompile.executors.transfer.elements import Element, device_elements, gate_elements
from qcompile.executors.transfer.program import Fixed
from qcompile.ir.circuit import Affine, AmplitudeState, Circuit, Gate, InitialState
from qcompile.ir.pauli_sums import pauli_sums
from qcompile.ir.plan import Evaluation, TransferEvaluation
from qcompile.ir.target import NoiseModel, Target

MOST_STRINGS = 2**16
"""StringTerms at any time while a string is carried back."""

MOST_TERMS = 2**13
"""Of a polynomial: beyond, a simulator is the cheaper way."""

GiveUp = Literal["never", "at once", "after a string"]

Rows = tuple[Whole, Real]
"""Products and their coefficients."""


def polynomial_of(
    evaluation: Evaluation,
    target: Target,
    angles: Real,
    *,
    budget: float = 0.0,
    strings: int = MOST_STRINGS,
    terms: int = MOST_TERMS,
    give_up: GiveUp = "never",
) -> Polynomial:
    """What the circuit's values are, as its executor computes them without shots.

    Where there are more strings or terms than allowed, the smallest are left out, and `bounds` say
    what that can change: at most `budget` where they fit.

    Args:
        evaluation: Of qcompile's own executors, or one of another package without noise.
        target: Has the noise.
        angles: (angle_count,), the trainable ones.
        budget: What may be left out of any output.
        strings: The most terms while a string is carried back.
        terms: The most terms of the result.
        give_up: When the budget does not suffice while strings are carried back: at once, or when
            it is known what the limit leaves of one string.

    Raises:
        TooManyTerms: Given up, or the circuit is beyond any limit.
    """
    circuit, elements = _elements(evaluation, target, angles)
    frequencies = [Frequencies() for _ in range(circuit.data_width)]
    start = _Start(circuit)
    found: dict[object, tuple[Rows, float]] = {}
    outputs: list[tuple[Rows, float]] = []
    for total in pauli_sums(circuit.readout):
        weight = sum(abs(factor) for factor, _ in total)
        parts, dropped = [], 0.0
        for factor, string in total:
            if string not in found:
                carried = propagate(
                    elements,
                    string,
                    circuit.qubits,
                    frequencies,
                    # Half is for the sum of all strings.
                    budget=0.5 * budget / weight,
                    limit=strings,
                    from_zero=start.is_zero,
                    strict=give_up == "at once",
                )
                lost = weight * carried.dropped
                if give_up == "after a string" and lost > max(budget, ROUNDING * strings):
                    left = f"an error of {lost:.2g}" if lost < 1 else "errors as large as values"
                    raise TooManyTerms(f"{strings:,} terms on the way leave {left}")
                found[string] = start.rows(carried), carried.dropped
            (products, coefficients), left_out = found[string]
            parts.append((products, factor * coefficients))
            dropped += abs(factor) * left_out
        outputs.append((_sum(parts), dropped))
    products, coefficients = _table(outputs)
    bounds = np.array([dropped for _, dropped in outputs])
    whole = Polynomial(
        frequencies=tuple(tuple(known.values) for known in frequencies),
        amplitudes=start.amplitudes,
        pairs=tuple(start.pairs),
        products=products,
        coefficients=coefficients,
        bounds=bounds,
    )
    return truncated(whole, budget, terms)


def truncated(polynomial: Polynomial, budget: float, limit: int) -> Polynomial:
    """Without the products that matter least, see `polynomial_of`."""
    sizes = np.abs(polynomial.coefficients).max(0, initial=0.0)
    order = np.argsort(sizes, kind="stable")
    # (terms, outputs): what is lost by leaving out so many.
    lost = np.cumsum(np.abs(polynomial.coefficients[:, order]), axis=1).T + polynomial.bounds
    count = int((lost <= budget).all(1).sum())
    count = max(count, int((sizes < ROUNDING).sum()), len(order) - limit)
    if count == 0:
        return polynomial
    kept = np.sort(order[count:])
    return replace(
        polynomial,
        products=polynomial.products[kept],
        coefficients=polynomial.coefficients[:, kept],
        bounds=lost[count - 1],
    )


def _elements(
    evaluation: Evaluation, target: Target, angles: Real
) -> tuple[Circuit, list[Element]]:
    """The circuit that is run, with its trainable angles known, and all that happens in it."""
    if isinstance(evaluation, TransferEvaluation):
        circuit = _bound(evaluation.routed.circuit, angles)
        elements = list(device_elements(circuit, evaluation.noise))
        readout = evaluation.noise.readout
    else:
        circuit = _bound(evaluation.circuit, angles)
        noise = target.noise if isinstance(target.noise, NoiseModel) else NoiseModel()
        elements = [e for gate in circuit.gates for e in _noisy(gate, noise)]
        readout = (noise.readout,) * circuit.qubits
    if target.mitigate == "none":
        elements += _readings(readout)
    return circuit, elements


def _bound(circuit: Circuit, angles: Real) -> Circuit:
    values = tuple(Affine(constant=float(angle)) for angle in angles)
    gates = tuple(
        replace(gate, angles=tuple(angle.substitute(values) for angle in gate.angles))
        for gate in circuit.gates
    )
    return replace(circuit, gates=gates, angle_count=0)


def _noisy(gate: Gate, noise: NoiseModel) -> Iterator[Element]:
    yield from gate_elements(gate)
    size = len(gate.qubits)
    probability = noise.one_qubit if size == 1 else noise.two_qubit
    if probability:
        kept = np.array([1.0, *[1.0 - probability] * (4**size - 1)])
        yield Element(gate.qubits, Fixed(matrix=np.diag(kept)))


def _readings(readout: tuple[tuple[float, float], ...]) -> Iterator[Element]:
    """Whatever letter is read: its mean shrinks, and moves where the two errors differ."""
    for qubit, (up, down) in enumerate(readout):
        if up or down:
            matrix = np.diag([1.0, *[1.0 - up - down] * 3])
            matrix[1:, 0] = down - up
            yield Element((qubit,), Fixed(matrix=matrix))


class _Start:
    """The initial state: what a string is there."""

    def __init__(self, circuit: Circuit) -> None:
        initial: InitialState = circuit.initial
        self.qubits = circuit.qubits
        self.amplitudes: tuple[int, int] | None = None
        self.pairs: list[tuple[int, int]] = []
        if isinstance(initial, AmplitudeState):
            self.amplitudes = initial.offset, initial.width
            count = initial.width * (initial.width + 1) // 2
            if count > MOST_STRINGS:
                raise TooManyTerms(f"its amplitudes have {count:,} products")
            self.pairs = [(i, j) for i in range(initial.width) for j in range(i, initial.width)]

    @property
    def is_zero(self) -> bool:
        return self.amplitudes is None

    def rows(self, terms: StringTerms) -> Rows:
        """Products with their coefficients."""
        if self.amplitudes is None:
            return merged_rows(terms.products, terms.coefficients)
        rows, coefficients = [], []
        for letters, product, coefficient in zip(
            terms.letters, terms.products, terms.coefficients, strict=True
        ):
            for number, value in self._forms(letters):
                rows.append(np.append(product, np.int32(number)))
                coefficients.append(coefficient * value)
        shape = (len(rows), terms.products.shape[1] + 1)
        return merged_rows(np.array(rows, dtype=np.int32).reshape(shape), np.array(coefficients))

    def _forms(self, letters: Whole) -> Iterator[tuple[int, float]]:
        """⟨u|P|u⟩ as a sum over pairs of amplitudes: (number of the pair, or 0 for 1; factor).

        Where all amplitudes are 0 the state is |0…0⟩: what it gives is taken out of the squares,
        which then add up to 1, or to 0.
        """
        assert self.amplitudes is not None
        _, width = self.amplitudes
        numbers = {pair: k for k, pair in enumerate(self.pairs, 1)}
        flips = _mask(letters, (1, 2), self.qubits)
        signs = _mask(letters, (2, 3), self.qubits)
        ys = int((letters == 2).sum())
        if ys % 2:
            return
        at_zero = 1.0 if flips == 0 else 0.0
        if at_zero:
            yield 0, at_zero
        for i in range(width):
            j = i ^ flips
            if i <= j < width:
                # Y |b⟩ = i (-1)^b |1 - b⟩.
                value = (-1.0) ** ((i & signs).bit_count() + ys // 2)
                value = value - at_zero if i == j else 2.0 * value
                if value:
                    yield numbers[i, j], value


def _mask(letters: Whole, chosen: tuple[int, ...], qubits: int) -> int:
    return sum(1 << (qubits - 1 - q) for q in range(qubits) if int(letters[q]) in chosen)


def _sum(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([products for products, _ in parts])
    return merged_rows(rows, np.concatenate([coefficients for _, coefficients in parts]))


def _table(outputs: list[tuple[Rows, float]]) -> Rows:
    """The products of all outputs, (terms, factors), with coefficients (outputs, terms)."""
    rows = np.concatenate([products for (products, _), _ in outputs])
    owners = np.repeat(np.arange(len(outputs)), [len(products) for (products, _), _ in outputs])
    unique, place = np.unique(rows, axis=0, return_inverse=True)
    coefficients = np.zeros((len(outputs), len(unique)))
    values = np.concatenate([found for (_, found), _ in outputs])
    np.add.at(coefficients, (owners, place.reshape(-1)), values)
    return unique, coefficients
