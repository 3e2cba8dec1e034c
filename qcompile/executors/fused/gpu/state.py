"""The state of a tile of tokens: how it starts and how rotations turn it.

A tile is [row, token], its real and its imaginary parts, and stays in registers from the start to
the read-out. `encoding.py` describes the array `code`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from qcompile.executors.fused.gpu import encoding

MASK_BITS = tl.constexpr(encoding.MASK_BITS)
MASK = tl.constexpr((1 << encoding.MASK_BITS) - 1)
ODD = tl.constexpr(encoding.ODD)
IMAGINARY = tl.constexpr(encoding.IMAGINARY)
NEGATIVE = tl.constexpr(encoding.NEGATIVE)
INDEX_BITS = tl.constexpr(encoding.INDEX_BITS)
INDEX = tl.constexpr((1 << encoding.INDEX_BITS) - 1)
HEADER = tl.constexpr(len(encoding.HEADER))
RECORD = tl.constexpr(encoding.RECORD)
COMBINATION = tl.constexpr(encoding.COMBINATION)
TERM = tl.constexpr(encoding.TERM)
PRODUCT = tl.constexpr(encoding.HEADER.index("product"))
OFFSET = tl.constexpr(encoding.HEADER.index("offset"))
WIDTH = tl.constexpr(encoding.HEADER.index("width"))
FACTORS = tl.constexpr(encoding.HEADER.index("factors"))
ROTATIONS = tl.constexpr(encoding.HEADER.index("rotations"))
STRINGS = tl.constexpr(encoding.HEADER.index("strings"))
READS = tl.constexpr(encoding.HEADER.index("reads"))
INVERSE = tl.constexpr(encoding.HEADER.index("inverse"))


@triton.jit
def number_of(word):
    """A float64 by its bits."""
    return word.to(tl.float64, bitcast=True)


@triton.jit
def parity_of(rows, mask, BITS: tl.constexpr):
    """Of the bits of `rows` under the mask, by a table of 16 in a constant."""
    left = rows & mask
    if BITS > 8:
        left = left ^ (left >> 8)
    if BITS > 4:
        left = left ^ (left >> 4)
    return (0x6996 >> (left & 15)) & 1


@triton.jit
def combinations_at(code):
    """Where the combinations are: after the rotations."""
    records = tl.load(code + FACTORS) + tl.load(code + ROTATIONS)
    return HEADER + RECORD * records


@triton.jit
def waves_of(
    angle,
    waves,
    shared_waves,
    token,
    inside,
    tokens,
    data_count,
    shared_count,
):
    """Cosine and sine of half an angle, [1, token]."""
    data = (angle & INDEX) - 1
    shared = (angle >> INDEX_BITS) - 1
    from_data = inside & (0 * token + data >= 0)
    c = tl.load(waves + data * tokens + token, from_data, 1.0)
    s = tl.load(waves + (data_count + data) * tokens + token, from_data, 0.0)
    at = shared_waves + tl.maximum(shared, 0)
    c0 = tl.where(shared >= 0, tl.load(at), 1.0).to(c.dtype)
    s0 = tl.where(shared >= 0, tl.load(at + shared_count), 0.0).to(c.dtype)
    return (c0 * c - s0 * s)[None, :], (c0 * s + s0 * c)[None, :]


@triton.jit
def rows_from(tile, index):
    """Row index[r, t] of each token t.

    Triton makes a gather along one axis of two of shuffles, as many as the square of the rows of a
    thread; one along the only axis goes through shared memory, once in and once out.
    """
    size: tl.constexpr = tile.shape[0] * tile.shape[1]
    place = index * tile.shape[1] + tl.arange(0, tile.shape[1])[None, :]
    found = tl.gather(tl.reshape(tile, [size]), tl.reshape(place, [size]), 0)
    return tl.reshape(found, tile.shape)


@triton.jit
def string_applied(re, im, string, rows, BITS: tl.constexpr, REAL: tl.constexpr):
    """-i P ψ; of a real state, which has no other, for an imaginary P."""
    x = (string & MASK).to(tl.int32)
    z = ((string >> MASK_BITS) & MASK).to(tl.int32)
    other_re, other_im = re, im
    if x != 0:
        other_re = rows_from(re, rows ^ x)
        if not REAL:
            other_im = rows_from(im, rows ^ x)
    minus = parity_of(rows, z, BITS) ^ ((string >> NEGATIVE) & 1).to(tl.int32)
    sign = (1 - 2 * minus).to(re.dtype)
    if REAL:
        return sign * other_re, sign * other_re
    imaginary = (string >> IMAGINARY) & 1
    turned_re = tl.where(imaginary != 0, other_re, other_im)
    turned_im = tl.where(imaginary != 0, other_im, -other_re)
    return sign * turned_re, sign * turned_im


@triton.jit
def conditioned(string, rows, BITS: tl.constexpr):
    """Whether rows are of the parity that a rotation asks for, [row, 1]."""
    condition = ((string >> (2 * MASK_BITS)) & MASK).to(tl.int32)
    return parity_of(rows, condition, BITS) == ((string >> ODD) & 1).to(tl.int32)


@triton.jit
def normalised(code, data, token, inside, rows, width):
    """z / ‖z‖, the largest |z| and the root of Σ (z / largest)²; the first row for z = 0."""
    length = tl.load(code + WIDTH).to(tl.int32)
    at = data + token[None, :] * width + tl.load(code + OFFSET) + rows
    z = tl.load(at, inside[None, :] & (rows < length), 0.0)
    nothing = tl.sum(tl.abs(z), 0) == 0
    largest = tl.where(nothing, 1.0, tl.max(tl.abs(z), 0)).to(z.dtype)
    scaled = z / largest[None, :]
    root = tl.where(nothing, 1.0, tl.sqrt(tl.sum(scaled * scaled, 0))).to(z.dtype)
    state = scaled / root[None, :]
    state = tl.where(nothing[None, :] & (rows == 0), 1.0, state).to(z.dtype)
    return state, largest, root, nothing


@triton.jit
def evolved(
    code,
    data,
    waves,
    shared_waves,
    token,
    inside,
    rows,
    tokens,
    width,
    BITS: tl.constexpr,
    REAL: tl.constexpr,
    AMPLITUDES: tl.constexpr,
    data_count,
    shared_count,
    TOKENS: tl.constexpr,
):
    """The state after all rotations, [row, token]."""
    kind = data.dtype.element_ty
    im = tl.zeros([1 << BITS, TOKENS], kind)
    factors = tl.load(code + FACTORS).to(tl.int32)
    if AMPLITUDES:
        re, _, _, _ = normalised(code, data, token, inside, rows, width)
    else:
        untouched = rows & ~tl.load(code + PRODUCT).to(tl.int32)
        re = tl.where(untouched == 0, 1.0, im).to(kind)
        for place in range(factors):
            at = code + HEADER + RECORD * place
            string, angle = tl.load(at), tl.load(at + 1)
            c, s = waves_of(
                angle, waves, shared_waves, token, inside, tokens, data_count, shared_count
            )
            bit = (string & MASK).to(tl.int32)
            minus = ((string >> NEGATIVE) & 1).to(tl.int32)
            imaginary = (string >> IMAGINARY) & 1
            # Of Y the row with the bit takes its parity from it.
            minus = minus ^ imaginary.to(tl.int32)
            s = s * (1 - 2 * minus).to(kind)
            low = (rows & bit) == 0
            if REAL:
                re = re * tl.where(low, c, s)
            else:
                turned_re = tl.where(imaginary != 0, re * s, im * s)
                turned_im = tl.where(imaginary != 0, im * s, -re * s)
                re = tl.where(low, re * c, turned_re)
                im = tl.where(low, im * c, turned_im)
    for place in range(factors, factors + tl.load(code + ROTATIONS).to(tl.int32)):
        at = code + HEADER + RECORD * place
        string, angle = tl.load(at), tl.load(at + 1)
        c, s = waves_of(angle, waves, shared_waves, token, inside, tokens, data_count, shared_count)
        turned_re, turned_im = string_applied(re, im, string, rows, BITS, REAL)
        applies = conditioned(string, rows, BITS)
        c, s = tl.where(applies, c, 1.0).to(kind), tl.where(applies, s, 0.0).to(kind)
        re = c * re + s * turned_re
        if not REAL:
            im = c * im + s * turned_im
    return re, im
