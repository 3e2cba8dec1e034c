"""Complex matrices of single gates, (2,) * 2k or (B, 2, …) where their angles depend on data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from qcompile.executors.constants import Constants, ConstantTensor
from qcompile.executors.sweeps.operators import MixedAngles
from qcompile.ir.circuit import Affine, Gate
from qcompile.ir.factors import (
    MINUS_I_X,
    MINUS_I_Y,
    MINUS_I_Z,
    Matrix,
    one_qubit_factors,
)
from qcompile.ir.gates import GATES, GateName

Term = tuple[Tensor, Tensor, Tensor, Affine | None]
"""C, K, S of C + cos(t/2) K + sin(t/2) S, complex128, and t."""

LETTER = {"x": MINUS_I_X, "y": MINUS_I_Y, "z": MINUS_I_Z}

CONTROLLED: dict[str, GateName] = {"cx": "x", "cy": "y", "cz": "z", "ch": "h"}


class GateMatrices:
    """data (B, w) and angles → one complex tensor for each gate, up to a global phase."""

    def __init__(self, gates: Sequence[Gate], constants: Constants) -> None:
        self.gates = [GateMatrix(gate, constants) for gate in gates]

    def __call__(self, data: Tensor, angles: Tensor | None) -> list[Tensor]:
        return [gate(data, angles) for gate in self.gates]


class GateMatrix:
    """The product of one to three terms."""

    def __init__(self, gate: Gate, constants: Constants) -> None:
        self.qubits = GATES[gate.name].qubits
        self.from_data = any(angle.data for angle in gate.angles)
        self.terms = [
            (
                tuple(self._parts(table, constants) for table in (fixed, cosine, sine)),
                None if angle is None else MixedAngles([angle], constants),
                angle is not None and bool(angle.data),
            )
            for fixed, cosine, sine, angle in gate_terms(gate)
        ]

    def _parts(self, table: Tensor, constants: Constants) -> tuple[ConstantTensor, ConstantTensor]:
        return constants.real(table.real.clone()), constants.real(table.imag.clone())

    def __call__(self, data: Tensor, angles: Tensor | None) -> Tensor:
        product: Tensor | None = None
        for tables, mixed, from_data in self.terms:
            fixed, cosine, sine = (
                torch.complex(real.like(data), imaginary.like(data)) for real, imaginary in tables
            )
            matrix = fixed
            if mixed is not None:
                half = 0.5 * mixed(
                    data if from_data else data.new_zeros(1, data.shape[1]), angles
                ).reshape(-1, 1, 1)
                matrix = fixed + half.cos() * cosine + half.sin() * sine
                if not from_data:
                    matrix = matrix.squeeze(0)
            product = matrix if product is None else matrix @ product
        assert product is not None
        sides = (2,) * (2 * self.qubits)
        return product.reshape(-1, *sides) if self.from_data else product.reshape(sides)


def gate_terms(gate: Gate) -> list[Term]:
    """Terms of a gate, first acting first."""
    if GATES[gate.name].qubits == 1:
        return [
            (_dense(f.constant), _dense(f.cosine), _dense(f.sine), f.angle)
            for f in one_qubit_factors(gate)
        ]
    one, null = torch.eye(2, dtype=torch.complex128), torch.zeros(2, 2, dtype=torch.complex128)
    match gate.name:
        case "cx" | "cy" | "cz" | "ch":
            inner = one_qubit_factors(Gate(name=CONTROLLED[gate.name], qubits=(0,)))
            return [_fixed(_select(one, _dense(inner[0].constant)))]
        case "swap" | "iswap":
            i = 1 if gate.name == "swap" else 1j
            swap = [[1, 0, 0, 0], [0, 0, i, 0], [0, i, 0, 0], [0, 0, 0, 1]]
            return [_fixed(torch.tensor(swap, dtype=torch.complex128))]
        case "crx" | "cry" | "crz":
            turn = _dense(LETTER[gate.name[2]])
            return [(_select(one, null), _select(null, one), _select(null, turn), gate.angles[0])]
        case "cphase":
            last = torch.diag(torch.tensor([0, 0, 0, 1], dtype=torch.complex128))
            rest = torch.eye(4, dtype=torch.complex128) - last
            return [(rest, last, 1j * last, gate.angles[0].times(2.0))]
        case _:
            # (-i P)(-i Q) = -P Q.
            pair = torch.kron(_dense(LETTER[gate.name[1]]), _dense(LETTER[gate.name[2]]))
            identity = torch.eye(4, dtype=torch.complex128)
            return [(torch.zeros_like(pair), identity, 1j * pair, gate.angles[0])]


def _dense(matrix: Matrix) -> Tensor:
    return torch.tensor(matrix, dtype=torch.complex128, device="cpu").reshape(2, 2)


def _select(zero: Tensor, one: Tensor) -> Tensor:
    """`zero` on the second qubit where the first is |0⟩, else `one`."""
    null = torch.zeros_like(zero)
    return torch.cat((torch.cat((zero, null), 1), torch.cat((null, one), 1)))


def _fixed(matrix: Tensor) -> Term:
    null = torch.zeros_like(matrix)
    return matrix, null, null, None
