// What is done to a state: [row][real, imaginary][lane], a pad row after every 32 against rows that
// would share a set of the cache.
//
// A rotation by exp(-i θ P / 2) turns planes of two real numbers by θ/2: of the real parts of two
// rows, and of their imaginary parts, where P is imaginary; of the real part of one and the
// imaginary part of the other where P is real. `Cube` sorts the numbers of the 2^K rows that K
// rotations mix so that the planes of rotation k are the pairs that differ in bit k alone.
#pragma once

#include <bit>
#include <vector>

#include "lanes.hpp"
#include "program.hpp"

namespace qcompile {

inline Row parity(Row row) { return Row(std::popcount(row)) & 1; }

template <int C> constexpr std::size_t place(Row row) { return (std::size_t(row) + (row >> 5)) * C; }

// Numbers of a state of 2^bits rows with C parts.
template <int C> constexpr std::size_t numbers(Row rows) { return place<C>(rows - 1) + C; }

// P |r⟩ = ±(i) |r ^ x⟩, i where it is imaginary; the sign is that of row 0.
struct Signs {
    bool imaginary, negative;

    explicit Signs(Row x, Row z, bool minus) {
        const int ys = std::popcount(x & z);
        imaginary = ys % 2 == 1;
        negative = minus != (ys % 4 >= 2);
    }
};

template <int C, int K> struct Cube {
    static constexpr int N = C << K, P = N / 2;

    Row groups;
    int pivots[K];
    Row offset[N];
    int part[N];
    Row z[K];
    Row sign[K][P]; // 1: the plane turns backwards in the group of row 0
    Row condition;
    Row wanted;

    Cube(const Program &program, const Pass &pass) {
        groups = program.rows() >> K;
        Row basis[K];
        bool crossed[K];
        for (int k = 0; k < K; ++k) {
            const Rotation &rotation = pass.rotations[k];
            basis[k] = rotation.x;
            z[k] = rotation.z;
            crossed[k] = !Signs(rotation.x, rotation.z, false).imaginary;
        }
        condition = pass.rotations[0].condition;
        wanted = pass.rotations[0].odd ? 1 : 0;
        find_pivots(basis);
        for (int v = 0; v < N; ++v) {
            offset[v] = 0;
            Row cross = Row(v >> K);
            for (int k = 0; k < K; ++k)
                if (v >> k & 1) {
                    offset[v] ^= pass.rotations[k].x;
                    cross ^= crossed[k];
                }
            part[v] = int(cross);
        }
        for (int k = 0; k < K; ++k) {
            const Rotation &rotation = pass.rotations[k];
            const Signs signs(rotation.x, rotation.z, rotation.angle.negative);
            for (int p = 0; p < P; ++p) {
                const int low = first(p, k);
                sign[k][p] = Row(signs.negative) ^ parity(offset[low] & rotation.z) ^
                             Row(crossed[k] && part[low] == 0);
            }
        }
    }

    // The p-th number whose bit k is 0; its partner has bit k set.
    static constexpr int first(int p, int k) {
        return ((p >> k) << (k + 1)) | (p & ((1 << k) - 1));
    }

    // The first row of a group: 0 in all pivots.
    Row row(Row group) const {
        for (int k = 0; k < K; ++k) {
            const Row low = (Row(1) << pivots[k]) - 1;
            group = ((group & ~low) << 1) | (group & low);
        }
        return group;
    }

  private:
    // Bits, in rising order, of which every combination of the masks clears or sets a different set.
    void find_pivots(Row (&basis)[K]) {
        for (int k = 0; k < K; ++k) {
            pivots[k] = std::bit_width(basis[k]) - 1;
            for (int other = 0; other < K; ++other)
                if (other != k && (basis[other] >> pivots[k] & 1))
                    basis[other] ^= basis[k];
        }
        for (int k = 0; k < K; ++k)
            for (int other = k + 1; other < K; ++other)
                if (pivots[other] < pivots[k])
                    std::swap(pivots[k], pivots[other]);
    }
};

// cos and ±sin of half the angles of a pass, for each lane.
template <class T> struct Waves {
    alignas(64) T cosine[LARGEST_BLOCK][LANES<T>];
    alignas(64) T sine[LARGEST_BLOCK][2][LANES<T>];
};

template <class T> constexpr T SIGN[2] = {1, -1};

template <class T, int C, int K>
void rotate(const Cube<C, K> &cube, const Waves<T> &waves, T *state) {
    using Box = Cube<C, K>;
    for (Row group = 0; group < cube.groups; ++group) {
        const Row row = cube.row(group);
        if (K == 1 && cube.condition != 0 && parity(row & cube.condition) != cube.wanted)
            continue;
        T *at[Box::N];
        const T *sine[K][Box::P];
        for (int v = 0; v < Box::N; ++v)
            at[v] = state + (place<C>(row ^ cube.offset[v]) + cube.part[v]) * LANES<T>;
        for (int k = 0; k < K; ++k) {
            const Row odd = parity(row & cube.z[k]);
            for (int p = 0; p < Box::P; ++p)
                sine[k][p] = waves.sine[k][cube.sign[k][p] ^ odd];
        }
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            T value[Box::N];
            unroll<Box::N>([&](auto v) { value[v] = at[v][l]; });
            unroll<K>([&](auto k) {
                const T c = waves.cosine[k][l];
                unroll<Box::P>([&](auto p) {
                    constexpr int low = Box::first(p, k), high = low | (1 << k);
                    const T s = sine[k][p][l], a = value[low], b = value[high];
                    value[low] = c * a - s * b;
                    value[high] = c * b + s * a;
                });
            });
            unroll<Box::N>([&](auto v) { at[v][l] = value[v]; });
        }
    }
}

// Undoes the rotations on the state and on its adjoint, whose product with the derivative by each
// angle is added to `slope`.
template <class T, int C, int K>
void unrotate(const Cube<C, K> &cube, const Waves<T> &waves, T *state, T *adjoint,
              T (*slope)[LANES<T>]) {
    using Box = Cube<C, K>;
    for (Row group = 0; group < cube.groups; ++group) {
        const Row row = cube.row(group);
        if (K == 1 && cube.condition != 0 && parity(row & cube.condition) != cube.wanted)
            continue;
        std::size_t at[Box::N];
        const T *sine[K][Box::P];
        T sign[K][Box::P];
        for (int v = 0; v < Box::N; ++v)
            at[v] = (place<C>(row ^ cube.offset[v]) + cube.part[v]) * LANES<T>;
        for (int k = 0; k < K; ++k) {
            const Row odd = parity(row & cube.z[k]);
            for (int p = 0; p < Box::P; ++p) {
                const Row minus = cube.sign[k][p] ^ odd;
                sine[k][p] = waves.sine[k][minus];
                sign[k][p] = SIGN<T>[minus];
            }
        }
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            T value[Box::N], weight[Box::N];
            unroll<Box::N>([&](auto v) {
                value[v] = state[at[v] + l];
                weight[v] = adjoint[at[v] + l];
            });
            unroll<K>([&](auto reversed) {
                constexpr int k = K - 1 - reversed;
                const T c = waves.cosine[k][l];
                T sum = slope[k][l];
                unroll<Box::P>([&](auto p) {
                    constexpr int low = Box::first(p, k), high = low | (1 << k);
                    const T s = sine[k][p][l];
                    const T a = value[low], b = value[high], x = weight[low], y = weight[high];
                    sum += sign[k][p] * (y * a - x * b);
                    value[low] = c * a + s * b;
                    value[high] = c * b - s * a;
                    weight[low] = c * x + s * y;
                    weight[high] = c * y - s * x;
                });
                slope[k][l] = sum;
            });
            unroll<Box::N>([&](auto v) {
                state[at[v] + l] = value[v];
                adjoint[at[v] + l] = weight[v];
            });
        }
    }
}

// Sums over all rows with the signs of parities: rows by eights, whose sums and differences serve
// all masks.
template <class T> struct Parities {
    std::vector<Row> low, high;
    std::vector<bool> negative;

    void add(Row mask, bool minus) {
        low.push_back(mask & 7);
        high.push_back(mask >> 3);
        negative.push_back(minus);
    }

    int size() const { return int(low.size()); }

    // sums[j] += Σ_r ±value(r), value writing the lanes of one row.
    template <class Value> void collect(Row rows, T (*sums)[LANES<T>], Value &&value) const {
        alignas(64) T eight[8][LANES<T>];
        for (Row block = 0; block < rows / 8; ++block) {
            for (Row r = 0; r < 8; ++r)
                value(8 * block + r, eight[r]);
            transform(eight);
            for (int j = 0; j < size(); ++j) {
                const T sign = SIGN<T>[parity(block & high[j]) ^ Row(negative[j])];
                const T *part = eight[low[j]];
#pragma omp simd
                for (int l = 0; l < LANES<T>; ++l)
                    sums[j][l] += sign * part[l];
            }
        }
    }

    // take(r, Σ_j ±weights[j]) for every row.
    template <class Take> void spread(Row rows, const T (*weights)[LANES<T>], Take &&take) const {
        alignas(64) T eight[8][LANES<T>];
        for (Row block = 0; block < rows / 8; ++block) {
            for (Row r = 0; r < 8; ++r)
                for (int l = 0; l < LANES<T>; ++l)
                    eight[r][l] = 0;
            for (int j = 0; j < size(); ++j) {
                const T sign = SIGN<T>[parity(block & high[j]) ^ Row(negative[j])];
                T *part = eight[low[j]];
#pragma omp simd
                for (int l = 0; l < LANES<T>; ++l)
                    part[l] += sign * weights[j][l];
            }
            transform(eight);
            for (Row r = 0; r < 8; ++r)
                take(8 * block + r, eight[r]);
        }
    }

  private:
    static void transform(T (&eight)[8][LANES<T>]) {
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            T v[8];
            unroll<8>([&](auto r) { v[r] = eight[r][l]; });
            unroll<3>([&](auto bit) {
                unroll<4>([&](auto p) {
                    constexpr int a = Cube<1, 3>::first(p, bit), b = a | (1 << bit);
                    const T sum = v[a] + v[b], difference = v[a] - v[b];
                    v[a] = sum;
                    v[b] = difference;
                });
            });
            unroll<8>([&](auto r) { eight[r][l] = v[r]; });
        }
    }
};

// Times e^{iφ}, or e^{-iφ} for its inverse, with one φ for all lanes of a row.
template <class T>
inline void turn_row(T *row, T cosine, T sine) {
#pragma omp simd
    for (int l = 0; l < LANES<T>; ++l) {
        const T re = row[l], im = row[LANES<T> + l];
        row[l] = cosine * re - sine * im;
        row[LANES<T> + l] = cosine * im + sine * re;
    }
}

// With one φ for each lane.
template <class T>
inline void turn_row(T *row, const T *cosine, const T *sine, T direction) {
#pragma omp simd
    for (int l = 0; l < LANES<T>; ++l) {
        const T re = row[l], im = row[LANES<T> + l], s = direction * sine[l];
        row[l] = cosine[l] * re - s * im;
        row[LANES<T> + l] = cosine[l] * im + s * re;
    }
}

} // namespace qcompile
