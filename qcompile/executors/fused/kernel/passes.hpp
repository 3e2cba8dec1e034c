// What is done to a state: [row][real, imaginary][lane], a pad row after every 32 against rows that
// would share a set of the cache.
//
// A rotation by exp(-i θ P / 2) turns planes of two real numbers by θ/2: of the real parts of two
// rows, and of their imaginary parts, where P is imaginary; of the real part of one and the
// imaginary part of the other where P is real. `Cube` sorts the numbers of the 2^K rows that K
// rotations mix so that the planes of rotation k are the pairs that differ in bit k alone.
#pragma once

#include <algorithm>
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

// For a plane of rotation k, the sign of its angle is (-1)^m, m a sum over the other rotations j of a
// pass of a bit m_kj = m_jk times bit j of its numbers. `links` of the pairs (k, j) have m_kj = 1: after
// sorting the rotations none, (0, 1), (0, 1) and (0, 2), or all.
constexpr bool linked(int links, int k, int j) {
    const int low = k < j ? k : j, high = k < j ? j : k;
    return low == 0 ? links >= high : links == 3;
}

// Groups of 2^K rows that the commuting rotations of a pass mix: of their numbers, C halves of 2^K that
// stay apart.
template <int C, int K> struct Cube {
    static constexpr int N = 1 << K, P = N / 2;
    static constexpr Row LOW = 32; // rows between two pad rows

    int order[K]; // rotations as they are done here
    int links = 0;
    Row high_groups, low_groups;
    Row offset[N];
    int part[C][N];
    Row z[K];
    Row condition;
    Row wanted;
    std::vector<std::uint32_t> at;      // of the low groups: where the numbers of each half are
    std::vector<std::uint8_t> parities; // of the low groups: of the rows under all z
    std::uint8_t minus[1 << K][C][K];   // signs by these parities

    Cube(const Program &program, const Pass &pass) {
        bool crossed[K];
        sort(pass);
        Row basis[K];
        for (int k = 0; k < K; ++k) {
            const Rotation &rotation = pass.rotations[order[k]];
            basis[k] = rotation.x;
            z[k] = rotation.z;
            crossed[k] = !Signs(rotation.x, rotation.z, false).imaginary;
        }
        condition = pass.rotations[0].condition;
        wanted = pass.rotations[0].odd ? 1 : 0;
        for (int v = 0; v < N; ++v) {
            offset[v] = 0;
            bool cross = false;
            for (int k = 0; k < K; ++k)
                if (v >> k & 1) {
                    offset[v] ^= basis[k];
                    cross ^= crossed[k];
                }
            for (int half = 0; half < C; ++half)
                part[half][v] = half ^ int(cross);
        }
        for (int parities_of_row = 0; parities_of_row < 1 << K; ++parities_of_row)
            for (int k = 0; k < K; ++k)
                for (int half = 0; half < C; ++half) {
                    const Rotation &rotation = pass.rotations[order[k]];
                    const Signs signs(rotation.x, rotation.z, rotation.angle.negative);
                    minus[parities_of_row][half][k] = std::uint8_t(
                        Row(signs.negative) ^ (Row(parities_of_row) >> k & 1) ^
                        Row(crossed[k] && half == 0));
                }
        find_pivots(basis);
        lay_out(program.rows());
    }

    // The p-th number whose bit k is 0; its partner has bit k set.
    static constexpr int first(int p, int k) {
        return ((p >> k) << (k + 1)) | (p & ((1 << k) - 1));
    }

    // Whether the p-th plane of rotation k turns the other way than that of p = 0 in its half.
    static constexpr bool turned(int links, int p, int k) {
        bool minus = false;
        for (int j = 0; j < K; ++j)
            minus ^= j != k && linked(links, k, j) && (first(p, k) >> j & 1);
        return minus;
    }

    Row low_row(Row group) const { return insert(group, low_pivots_, low_); }
    Row high_row(Row group) const { return insert(group, high_pivots_, high_) * low_size_; }

    std::uint8_t row_parities(Row row) const {
        Row found = 0;
        for (int k = 0; k < K; ++k)
            found |= parity(row & z[k]) << k;
        return std::uint8_t(found);
    }

  private:
    // The pairs of rotations of which one changes the sign of the other come to the front.
    void sort(const Pass &pass) {
        bool pair[K][K] = {};
        int count[K] = {};
        for (int k = 0; k < K; ++k) {
            order[k] = k;
            const Rotation &a = pass.rotations[k];
            for (int j = 0; j < K; ++j) {
                const Rotation &b = pass.rotations[j];
                const bool both = std::popcount(a.x & a.z) % 2 == 0 && std::popcount(b.x & b.z) % 2 == 0;
                pair[k][j] = j != k && (parity(b.x & a.z) != 0) != both;
                count[k] += pair[k][j];
                links += k < j && pair[k][j];
            }
        }
        if (K < 3)
            return;
        std::stable_sort(order, order + K, [&](int k, int j) { return count[k] > count[j]; });
    }

    // Bits, in rising order, of which every combination of the masks clears or sets a different set.
    void find_pivots(Row (&basis)[K]) {
        for (int k = 0; k < K; ++k) {
            pivots_[k] = std::bit_width(basis[k]) - 1;
            for (int other = 0; other < K; ++other)
                if (other != k && (basis[other] >> pivots_[k] & 1))
                    basis[other] ^= basis[k];
        }
        std::sort(pivots_, pivots_ + K);
    }

    // Groups are those of their first rows, 0 in all pivots: bits above and below are counted apart.
    void lay_out(Row rows) {
        low_size_ = std::min(rows, LOW);
        for (int k = 0; k < K; ++k) {
            if (Row(1) << pivots_[k] < low_size_)
                low_pivots_[low_++] = pivots_[k];
            else
                high_pivots_[high_++] = pivots_[k] - (std::bit_width(low_size_) - 1);
        }
        low_groups = low_size_ >> low_;
        high_groups = (rows / low_size_) >> high_;
        for (Row group = 0; group < low_groups; ++group) {
            const Row row = low_row(group);
            parities.push_back(row_parities(row));
            for (int half = 0; half < C; ++half)
                for (int v = 0; v < N; ++v)
                    at.push_back((row ^ (offset[v] & (LOW - 1))) * C + part[half][v]);
        }
    }

    static Row insert(Row group, const int *pivots, int count) {
        for (int k = 0; k < count; ++k) {
            const Row below = (Row(1) << pivots[k]) - 1;
            group = ((group & ~below) << 1) | (group & below);
        }
        return group;
    }

    int pivots_[K];
    int low_pivots_[K], high_pivots_[K];
    int low_ = 0, high_ = 0;
    Row low_size_;
};

// What half an angle's cosine is kept above, so that squares of what three rotations make of a state
// stay within the range of T.
template <class T> constexpr T LEAST_COSINE = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-53);

// cos, ±sin and ±tan of half the angles of a pass, for each lane.
template <class T> struct Waves {
    alignas(64) T cosine[LARGEST_BLOCK][LANES<T>];
    alignas(64) T sine[LARGEST_BLOCK][2][LANES<T>];
    alignas(64) T tangent[LARGEST_BLOCK][2][LANES<T>];

    // All else from cos and sin.
    void complete(int k) {
        T *c = cosine[k];
        const T *s = sine[k][0];
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            sine[k][1][l] = -s[l];
            const T least = std::copysign(LEAST_COSINE<T>, c[l]);
            c[l] = std::fabs(c[l]) < LEAST_COSINE<T> ? least : c[l];
            const T t = s[l] / c[l];
            tangent[k][0][l] = t;
            tangent[k][1][l] = -t;
        }
    }
};

template <class T> constexpr T SIGN[2] = {1, -1};

// The halves of all groups: `each(places of the numbers, signs of the rotations)`.
template <class T, int C, int K> struct Halves {
    using Box = Cube<C, K>;
    const Box &cube;
    std::size_t base[Box::N];
    std::uint8_t parities;

    explicit Halves(const Box &of) : cube(of) {}

    void to_high(Row high) {
        const Row row = cube.high_row(high);
        for (int v = 0; v < Box::N; ++v)
            base[v] = place<C>(row ^ (cube.offset[v] & ~(Box::LOW - 1))) * LANES<T>;
        parities = cube.row_parities(row);
    }

    // Where the numbers of a half are; the signs of its planes.
    const std::uint8_t *find(Row half, std::size_t (&at)[Box::N]) const {
        const std::uint32_t *lines = &cube.at[std::size_t(half) * Box::N];
        for (int v = 0; v < Box::N; ++v)
            at[v] = base[v] + std::size_t(lines[v]) * LANES<T>;
        return cube.minus[parities ^ cube.parities[half / C]][half % C];
    }
};

// All rotations of a pass, up to the product of their cosines: (a, b) → (a - t b, b + t a) with
// t = tan θ/2 takes half the work of a rotation.
template <class T, int C, int K, int LINKS, int STEP>
void rotate_linked(const Cube<C, K> &cube, const Waves<T> &waves, T *state) {
    using Box = Cube<C, K>;
    Halves<T, C, K> halves(cube);
    for (Row high = 0; high < cube.high_groups; ++high) {
        halves.to_high(high);
        for (Row half = 0; half < cube.low_groups * C; half += STEP) {
            std::size_t at[Box::N];
            const std::uint8_t *minus = halves.find(half, at);
            const T *tangent[K];
            for (int k = 0; k < K; ++k)
                tangent[k] = waves.tangent[k][minus[k]];
#pragma omp simd
            for (int l = 0; l < LANES<T>; ++l) {
                T value[Box::N];
                unroll<Box::N>([&](auto v) { value[v] = state[at[v] + l]; });
                unroll<K>([&](auto k) {
                    const T t = tangent[k][l];
                    unroll<Box::P>([&](auto p) {
                        constexpr int low = Box::first(p, k), high = low | (1 << k);
                        const T a = value[low], b = value[high];
                        if constexpr (Box::turned(LINKS, p, k)) {
                            value[low] = a + t * b;
                            value[high] = b - t * a;
                        } else {
                            value[low] = a - t * b;
                            value[high] = b + t * a;
                        }
                    });
                });
                unroll<Box::N>([&](auto v) { state[at[v] + l] = value[v]; });
            }
        }
    }
}

// Undoes the rotations on the state and on its adjoint, up to the same factor, and adds the product
// of the adjoint with the derivative of the state by each angle to `slope`.
template <class T, int C, int K, int LINKS, int STEP>
void unrotate_linked(const Cube<C, K> &cube, const Waves<T> &waves, T *state, T *adjoint,
                     T (*slope)[LANES<T>]) {
    using Box = Cube<C, K>;
    Halves<T, C, K> halves(cube);
    for (Row high = 0; high < cube.high_groups; ++high) {
        halves.to_high(high);
        for (Row half = 0; half < cube.low_groups * C; half += STEP) {
            std::size_t at[Box::N];
            const std::uint8_t *minus = halves.find(half, at);
            const T *tangent[K];
            T sign[K];
            for (int k = 0; k < K; ++k) {
                tangent[k] = waves.tangent[k][minus[k]];
                sign[k] = SIGN<T>[minus[k]];
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
                    const T t = tangent[k][l];
                    T sum = 0;
                    unroll<Box::P>([&](auto p) {
                        constexpr int low = Box::first(p, k), high = low | (1 << k);
                        const T a = value[low], b = value[high], x = weight[low], y = weight[high];
                        if constexpr (Box::turned(LINKS, p, k)) {
                            sum += x * b;
                            sum -= y * a;
                            value[low] = a - t * b;
                            value[high] = b + t * a;
                            weight[low] = x - t * y;
                            weight[high] = y + t * x;
                        } else {
                            sum += y * a;
                            sum -= x * b;
                            value[low] = a + t * b;
                            value[high] = b - t * a;
                            weight[low] = x + t * y;
                            weight[high] = y - t * x;
                        }
                    });
                    slope[k][l] += sign[k] * sum;
                });
                unroll<Box::N>([&](auto v) {
                    state[at[v] + l] = value[v];
                    adjoint[at[v] + l] = weight[v];
                });
            }
        }
    }
}

// take(LINKS, STEP) with constants. STEP: every half of a group, or the first alone where the imaginary
// parts of the state are 0.
template <int C, int K, class Take>
void with_links(const Cube<C, K> &cube, bool real, Take &&take) {
    const auto linked = [&](auto links) {
        if (real)
            take(links, std::integral_constant<int, C>());
        else
            take(links, std::integral_constant<int, 1>());
    };
    if constexpr (K >= 3) {
        if (cube.links == 3)
            return linked(std::integral_constant<int, 3>());
        if (cube.links == 2)
            return linked(std::integral_constant<int, 2>());
    }
    if constexpr (K >= 2) {
        if (cube.links == 1)
            return linked(std::integral_constant<int, 1>());
    }
    linked(std::integral_constant<int, 0>());
}

template <class T, int C, int K>
void rotate(const Cube<C, K> &cube, const Waves<T> &waves, T *state, bool real) {
    with_links(cube, real, [&](auto links, auto step) {
        rotate_linked<T, C, K, links, step>(cube, waves, state);
    });
}

template <class T, int C, int K>
void unrotate(const Cube<C, K> &cube, const Waves<T> &waves, T *state, T *adjoint,
              T (*slope)[LANES<T>], bool real) {
    with_links(cube, real, [&](auto links, auto step) {
        unrotate_linked<T, C, K, links, step>(cube, waves, state, adjoint, slope);
    });
}

// A rotation on the rows of one parity alone, and its inverse: exactly, since the others stay.
template <class T, int C, class Take>
inline void each_plane(const Cube<C, 1> &cube, Take &&take) {
    for (Row high = 0; high < cube.high_groups; ++high)
        for (Row group = 0; group < cube.low_groups; ++group) {
            const Row row = cube.high_row(high) | cube.low_row(group);
            if (parity(row & cube.condition) != cube.wanted)
                continue;
            const auto &minus = cube.minus[cube.row_parities(row)];
            for (int half = 0; half < C; ++half) {
                const auto at = [&](int v) {
                    return (place<C>(row ^ cube.offset[v]) + cube.part[half][v]) * LANES<T>;
                };
                take(at(0), at(1), minus[half][0]);
            }
        }
}

template <class T, int C>
void rotate_some(const Cube<C, 1> &cube, const Waves<T> &waves, T *state) {
    each_plane<T, C>(cube, [&](std::size_t at, std::size_t to, int minus) {
        const T *cosine = waves.cosine[0], *sine = waves.sine[0][minus];
        T *low = state + at, *high = state + to;
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            const T a = low[l], b = high[l];
            low[l] = cosine[l] * a - sine[l] * b;
            high[l] = cosine[l] * b + sine[l] * a;
        }
    });
}

template <class T, int C>
void unrotate_some(const Cube<C, 1> &cube, const Waves<T> &waves, T *state, T *adjoint, T *slope) {
    each_plane<T, C>(cube, [&](std::size_t low, std::size_t high, int minus) {
        const T *cosine = waves.cosine[0], *sine = waves.sine[0][minus];
        const T sign = SIGN<T>[minus];
#pragma omp simd
        for (int l = 0; l < LANES<T>; ++l) {
            const T a = state[low + l], b = state[high + l];
            const T x = adjoint[low + l], y = adjoint[high + l];
            const T c = cosine[l], s = sine[l];
            slope[l] += sign * (y * a - x * b);
            state[low + l] = c * a + s * b;
            state[high + l] = c * b - s * a;
            adjoint[low + l] = c * x + s * y;
            adjoint[high + l] = c * y - s * x;
        }
    });
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
