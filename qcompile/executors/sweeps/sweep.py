"""Operations on states (…): real tensors (rows, parts, 2^n, B).

Parts: 1 for a real state, 2 for real and imaginary. Rows: circuits run side by side (1 for tokens).
The batch comes last, so that one gate works on contiguous runs of tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qcompile.executors.sweeps.rotate import rotate_state


def sweep_phases(state: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Times exp(iφ): cosine and sine (rows, 2^n, B or 1) of φ."""
    if state.shape[1] == 1:
        return torch.cat((state * cosine.unsqueeze(1), state * sine.unsqueeze(1)), 1)
    return rotate_state(_for_batch(state, cosine.shape[-1]), cosine, sine)


def _for_batch(state: Tensor, batch: int) -> Tensor:
    """A state that is the same for all tokens, for each of them."""
    if batch == 1 or state.shape[-1] == batch:
        return state
    return state.expand(-1, -1, -1, batch)


def sweep_block(state: Tensor, block: Tensor, left: int) -> Tensor:
    """One matrix (rows, parts, K, K) on neighbouring qubits, 2^k = `left` qubits' states before."""
    rows, parts, dimension, batch = state.shape
    size = block.shape[-1]
    right = dimension // (left * size) * batch
    if block.shape[1] == 1:
        spread = state.reshape(rows, parts, left, size, right)
        return torch.matmul(block.unsqueeze(1), spread).reshape(state.shape)
    if left == 1 and parts == 2:
        joint = state.reshape(rows, 2 * size, right)
        return torch.matmul(joint_matrix(block), joint).reshape(state.shape)
    real, imaginary = (
        matrix.unsqueeze(1).expand(rows, left, size, size).reshape(-1, size, size)
        for matrix in block.unbind(1)
    )
    a = state[:, 0].reshape(-1, size, right)
    first, second = torch.bmm(real, a), torch.bmm(imaginary, a)
    if parts == 2:
        b = state[:, 1].reshape(-1, size, right)
        first = torch.baddbmm(first, imaginary, b, alpha=-1)
        second = torch.baddbmm(second, real, b)
    shape = (rows, dimension, batch)
    return torch.stack((first.reshape(shape), second.reshape(shape)), 1)


def joint_matrix(matrix: Tensor) -> Tensor:
    """(rows, 2, K, K) real and imaginary → (rows, 2K, 2K) on stacked real and imaginary parts."""
    real, imaginary = matrix.unbind(1)
    top = torch.cat((real, -imaginary), 2)
    return torch.cat((top, torch.cat((imaginary, real), 2)), 1)


def sweep_unitary(state: Tensor, unitary: Tensor) -> Tensor:
    """A whole unitary (parts, 2^n, 2^n) on states (1, parts, 2^n, B): one matrix product."""
    _, parts, dimension, batch = state.shape
    if unitary.shape[0] == 1:
        return torch.matmul(unitary.unsqueeze(0), state)
    if parts == 1:
        matrix = unitary.reshape(2 * dimension, dimension)
    else:
        matrix = joint_matrix(unitary.unsqueeze(0)).squeeze(0)
    return (matrix @ state.reshape(parts * dimension, batch)).reshape(1, 2, dimension, batch)


def sweep_turn(state: Tensor, cosine: Tensor, sine: Tensor, left: int) -> Tensor:
    """RY with half-angle cosine (B,) and sine (B,) of each token, on one qubit."""
    state = _for_batch(state, cosine.shape[0])
    rows, parts, dimension, batch = state.shape
    right = dimension // (2 * left)
    # A turn in the plane of |0⟩ and |1⟩ is a phase in the plane of real and imaginary part.
    pairs = state.reshape(rows * parts * left, 2, right, batch)
    spread = (rows * parts * left, right, batch)
    return rotate_state(pairs, cosine.expand(spread), sine.expand(spread)).reshape(state.shape)


def sweep_matrix(state: Tensor, matrix: Tensor, qubits: tuple[int, ...], total: int) -> Tensor:
    """A real matrix (2^k, 2^k) on any qubits, first the most significant."""
    rows, parts, _, batch = state.shape
    axes = tuple(2 + qubit for qubit in qubits)
    places = tuple(range(len(qubits)))
    spread = state.reshape(rows, parts, *(2 for _ in range(total)), batch).movedim(axes, places)
    result = matrix @ spread.reshape(matrix.shape[1], -1)
    back = result.reshape(spread.shape).movedim(places, axes)
    return back.reshape(state.shape).contiguous()
