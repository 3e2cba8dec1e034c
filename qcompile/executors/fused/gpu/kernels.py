"""The kernels: values and gradients of a tile of tokens under a gate program.

The program is read from memory, so that one compilation serves all circuits of as many qubits.
Backward runs forward again and undoes it (Jones and Gacon 2020, arXiv:2009.02823).

Nothing is added atomically: a tile owns the gradients of its tokens, a chunk of tiles its row of
partial sums, which `sum_partial` adds in order.
"""

from __future__ import annotations

import triton
import triton.language as tl

from qcompile.executors.fused.gpu.state import (
    COMBINATION,
    FACTORS,
    HEADER,
    IMAGINARY,
    INDEX,
    INDEX_BITS,
    INVERSE,
    MASK,
    MASK_BITS,
    NEGATIVE,
    OFFSET,
    READS,
    RECORD,
    ROTATIONS,
    STRINGS,
    TERM,
    WIDTH,
    combinations_at,
    conditioned,
    evolved,
    normalised,
    number_of,
    parity_of,
    rows_from,
    string_applied,
    waves_of,
)

SIZES = (
    "tokens", "width", "outputs", "tiles", "chunks", "data_count", "shared_count", "combinations",
)  # fmt: skip
"""Compiled once, whatever they are."""


@triton.jit(do_not_specialize=SIZES)
def make_waves(
    code,
    data,
    angles,
    waves,
    shared_waves,
    tokens,
    width,
    data_count,
    shared_count,
    BLOCK: tl.constexpr,
):
    """Cosines and sines of half the combinations, in float64, stored in the dtype of `waves`.

    waves (2, data_count, tokens), shared_waves (2, shared_count), where 1 stands for no count;
    grid (blocks of tokens, combinations).
    """
    place = tl.program_id(1)
    at = code + combinations_at(code) + COMBINATION * place
    first, end = tl.load(at), tl.load(at + 1)
    token = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = token < tokens
    total = tl.zeros([BLOCK], tl.float64) + number_of(tl.load(at + 2))
    if place < data_count:
        for term in range(first, end, TERM):
            index, factor = tl.load(code + term), number_of(tl.load(code + term + 1))
            total += factor * tl.load(data + token * width + index, inside, 0.0).to(tl.float64)
        tl.store(waves + place.to(tl.int64) * tokens + token, tl.cos(0.5 * total), inside)
        sines = waves + (data_count + place).to(tl.int64) * tokens
        tl.store(sines + token, tl.sin(0.5 * total), inside)
    else:
        for term in range(first, end, TERM):
            index, factor = tl.load(code + term), number_of(tl.load(code + term + 1))
            total += factor * tl.load(angles + index).to(tl.float64)
        alone = token == 0
        to = shared_waves + place - data_count + 0 * token
        tl.store(to, tl.cos(0.5 * total), alone)
        tl.store(to + shared_count, tl.sin(0.5 * total), alone)


@triton.jit(do_not_specialize=SIZES)
def run_values(
    code,
    data,
    waves,
    shared_waves,
    out,
    tokens,
    width,
    outputs,
    BITS: tl.constexpr,
    REAL: tl.constexpr,
    AMPLITUDES: tl.constexpr,
    OUTCOME_BITS: tl.constexpr,
    data_count,
    shared_count,
    TOKENS: tl.constexpr,
):
    """out (tokens, outputs); OUTCOME_BITS is -1 where strings are read; grid (tiles,)."""
    token = tl.program_id(0).to(tl.int64) * TOKENS + tl.arange(0, TOKENS)
    inside = token < tokens
    rows = tl.arange(0, 1 << BITS)[:, None]
    re, im = evolved(
        code, data, waves, shared_waves, token, inside, rows, tokens, width,
        BITS, REAL, AMPLITUDES, data_count, shared_count, TOKENS,
    )  # fmt: skip
    if OUTCOME_BITS >= 0:
        population = re * re
        if not REAL:
            population += im * im
        at = code + tl.load(code + INVERSE)
        source = (rows * 0) + tl.load(at).to(tl.int32)
        for bit in range(BITS):
            source ^= ((rows >> bit) & 1) * tl.load(at + 1 + bit).to(tl.int32)
        sorted_rows = rows_from(population, source)
        found = tl.reshape(sorted_rows, [1 << OUTCOME_BITS, 1 << (BITS - OUTCOME_BITS), TOKENS])
        outcome = tl.arange(0, 1 << OUTCOME_BITS)[:, None]
        tl.store(out + token[None, :] * outputs + outcome, tl.sum(found, 1), inside[None, :])
    else:
        at = code + tl.load(code + STRINGS)
        for place in range(tl.load(code + READS).to(tl.int32)):
            string = tl.load(at + place)
            turned_re, turned_im = string_applied(re, im, string, rows, BITS, REAL)
            if REAL:
                # An imaginary string has no expectation in a real state.
                applies = 1 - ((string >> IMAGINARY) & 1).to(tl.int32)
                value = tl.sum(re * turned_re, 0) * applies.to(re.dtype)
            else:
                value = tl.sum(im * turned_re - re * turned_im, 0)
            tl.store(out + token * outputs + place, value, inside)


@triton.jit
def _weighted(
    code,
    re,
    im,
    weights,
    token,
    inside,
    rows,
    outputs,
    BITS: tl.constexpr,
    REAL: tl.constexpr,
    OUTCOME_BITS: tl.constexpr,
):
    """Σ_k weight_k P_k ψ."""
    at = code + tl.load(code + STRINGS)
    if OUTCOME_BITS >= 0:
        outcome = rows * 0
        for place in range(OUTCOME_BITS):
            string = tl.load(at + place)
            z = ((string >> MASK_BITS) & MASK).to(tl.int32)
            minus = ((string >> NEGATIVE) & 1).to(tl.int32)
            outcome = 2 * outcome + (parity_of(rows, z, BITS) ^ minus)
        weight = tl.load(weights + token[None, :] * outputs + outcome, inside[None, :], 0.0)
        by_re, by_im = weight * re, weight * im
    else:
        by_re, by_im = tl.zeros_like(re), tl.zeros_like(re)
        for place in range(tl.load(code + READS).to(tl.int32)):
            string = tl.load(at + place)
            weight = tl.load(weights + token * outputs + place, inside, 0.0)[None, :]
            turned_re, turned_im = string_applied(re, im, string, rows, BITS, REAL)
            if REAL:
                applies = 1 - ((string >> IMAGINARY) & 1).to(tl.int32)
                by_re += weight * applies.to(re.dtype) * turned_re
            else:
                by_re -= weight * turned_im
                by_im += weight * turned_re
    return by_re, by_im


@triton.jit
def _add_slope(
    code,
    angle,
    slope,
    of_data,
    partial,
    token,
    inside,
    width,
    chunk,
    chunks,
):
    """To the gradients of the tokens and to the partial sums of the chunk.

    Barriers, since another thread may hold the same place the next time.
    """
    data = (angle & INDEX) - 1
    shared = (angle >> INDEX_BITS) - 1
    combinations = code + combinations_at(code)
    if data >= 0:
        ends = combinations + COMBINATION * data
        for term in range(tl.load(ends), tl.load(ends + 1), TERM):
            index, factor = tl.load(code + term), number_of(tl.load(code + term + 1))
            at = of_data + token * width + index
            tl.store(at, tl.load(at, inside, 0.0) + factor.to(slope.dtype) * slope, inside)
            tl.debug_barrier()
    if shared >= 0:
        at = partial + shared * chunks + chunk
        tl.store(at, tl.load(at) + tl.sum(slope, 0).to(tl.float64))
        tl.debug_barrier()


@triton.jit(do_not_specialize=SIZES)
def run_gradients(
    code,
    data,
    waves,
    shared_waves,
    weights,
    of_data,
    partial,
    tokens,
    width,
    outputs,
    tiles,
    chunks,
    BITS: tl.constexpr,
    REAL: tl.constexpr,
    AMPLITUDES: tl.constexpr,
    OUTCOME_BITS: tl.constexpr,
    data_count,
    shared_count,
    TOKENS: tl.constexpr,
):
    """Adds to of_data (tokens, width) and partial (shared_count, chunks), which hold zeros.

    Grid (chunks,).
    """
    chunk = tl.program_id(0).to(tl.int64)
    rows = tl.arange(0, 1 << BITS)[:, None]
    for tile in range(tiles * chunk // chunks, tiles * (chunk + 1) // chunks):
        token = tile * TOKENS + tl.arange(0, TOKENS)
        inside = token < tokens
        re, im = evolved(
            code, data, waves, shared_waves, token, inside, rows, tokens, width,
            BITS, REAL, AMPLITUDES, data_count, shared_count, TOKENS,
        )  # fmt: skip
        by_re, by_im = _weighted(
            code, re, im, weights, token, inside, rows, outputs, BITS, REAL, OUTCOME_BITS
        )
        factors = tl.load(code + FACTORS).to(tl.int32)
        rotations = tl.load(code + ROTATIONS).to(tl.int32)
        for back in range(rotations):
            at = code + HEADER + RECORD * (factors + rotations - 1 - back)
            string, angle = tl.load(at), tl.load(at + 1)
            c, s = waves_of(
                angle, waves, shared_waves, token, inside, tokens, data_count, shared_count
            )
            applies = conditioned(string, rows, BITS)
            turned_re, turned_im = string_applied(re, im, string, rows, BITS, REAL)
            product = by_re * turned_re
            if not REAL:
                product += by_im * turned_im
            slope = tl.sum(tl.where(applies, product, 0.0), 0).to(re.dtype)
            c = tl.where(applies, c, 1.0).to(re.dtype)
            s = tl.where(applies, s, 0.0).to(re.dtype)
            re = c * re - s * turned_re
            if not REAL:
                im = c * im - s * turned_im
            turned_re, turned_im = string_applied(by_re, by_im, string, rows, BITS, REAL)
            by_re = c * by_re - s * turned_re
            if not REAL:
                by_im = c * by_im - s * turned_im
            _add_slope(code, angle, slope, of_data, partial, token, inside, width, chunk, chunks)
        # Factors of a product commute with each other: none is undone.
        for place in range(factors):
            at = code + HEADER + RECORD * place
            string, angle = tl.load(at), tl.load(at + 1)
            turned_re, turned_im = string_applied(re, im, string, rows, BITS, REAL)
            product = by_re * turned_re
            if not REAL:
                product += by_im * turned_im
            _add_slope(
                code, angle, tl.sum(product, 0), of_data, partial, token, inside, width,
                chunk, chunks,
            )  # fmt: skip
        if AMPLITUDES:
            # (g - u (u·g)) / ‖z‖ with g = 2 Re λ
            u, largest, root, nothing = normalised(code, data, token, inside, rows, width)
            inverse = tl.where(nothing, 0.0, 2.0 / root / largest)[None, :]
            gradient = (by_re - u * tl.sum(u * by_re, 0)[None, :]) * inverse
            length = tl.load(code + WIDTH).to(tl.int32)
            at = of_data + token[None, :] * width + tl.load(code + OFFSET) + rows
            held = inside[None, :] & (rows < length)
            tl.store(at, tl.load(at, held, 0.0) + gradient.to(re.dtype), held)


@triton.jit(do_not_specialize=SIZES)
def sum_partial(
    code,
    partial,
    of_angles,
    chunks,
    combinations,
    BLOCK: tl.constexpr,
):
    """of_angles (angles,) from partial (shared combinations, chunks), in order; grid (angles,)."""
    angle = tl.program_id(0)
    at = code + combinations_at(code) + COMBINATION * combinations + 2 * angle
    total = tl.zeros([BLOCK], tl.float64)
    for term in range(tl.load(at), tl.load(at + 1), TERM):
        index, factor = tl.load(code + term), number_of(tl.load(code + term + 1))
        for first in range(0, chunks, BLOCK):
            chunk = first + tl.arange(0, BLOCK)
            part = tl.load(partial + index * chunks + chunk, chunk < chunks, 0.0)
            total += factor * part
    tl.store(of_angles + angle, tl.sum(total, 0).to(of_angles.dtype.element_ty))
