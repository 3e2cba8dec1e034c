// What circuits start in: a product of one vector for each bit, or amplitudes from data.
#pragma once

#include <limits>

#include "worker.hpp"

namespace qcompile {
namespace {

// One vector for each bit, then their product. For the way back the products of the first b bits
// are kept one behind the other, that of b from row 2^b - 1 on.
template <class T, int C>
inline void Worker<T, C>::product(bool keep) {
    const int bits = program_.bits;
    if (!keep) {
        std::fill_n(vectors_.get(), std::size_t(bits) * 4 * L, T(0));
        for (int b = 0; b < bits; ++b)
            std::fill_n(&vectors_[std::size_t(b) * 4 * L], L, T(1));
        for (const auto &step : program_.steps)
            turn_vector(step, &vectors_[std::size_t(step.bit) * 4 * L], false);
    }
    T *one = row(state_, 0);
    std::fill_n(one, C * L, T(0));
    std::fill_n(one, L, T(1));
    const int levels = keep ? bits - 1 : bits;
    for (int b = 0; b < levels; ++b) {
        const T *v = &vectors_[std::size_t(b) * 4 * L];
        const Row half = Row(1) << b;
        const Row from = keep ? half - 1 : 0, to = keep ? 2 * half - 1 : 0;
        for (Row r = 0; r < half; ++r) {
            // Rows may take the place of those that they are made of: the last is written first.
            const T *source = row(state_, from + r);
            T *low = row(state_, to + r), *high = row(state_, to + r + half);
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                if constexpr (C == 1) {
                    const T u = source[l];
                    high[l] = v[2 * L + l] * u;
                    low[l] = v[l] * u;
                } else {
                    const T re = source[l], im = source[L + l];
                    high[l] = v[2 * L + l] * re - v[3 * L + l] * im;
                    high[L + l] = v[2 * L + l] * im + v[3 * L + l] * re;
                    low[l] = v[l] * re - v[L + l] * im;
                    low[L + l] = v[l] * im + v[L + l] * re;
                }
            }
        }
    }
}

template <class T, int C>
inline void Worker<T, C>::turn_vector(const Step &step, T *vector, bool back) const {
    alignas(64) T cosine[L], sine[L];
    turns_of(step.angle, cosine, sine);
    const T direction = step.angle.negative != back ? T(-1) : T(1);
    for (const auto &plane : PLANES[step.axis]) {
        T *low = vector + plane[0] * L, *high = vector + plane[1] * L;
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            const T a = low[l], b = high[l], s = direction * sine[l];
            low[l] = cosine[l] * a - s * b;
            high[l] = cosine[l] * b + s * a;
        }
    }
}

template <class T, int C>
inline void Worker<T, C>::back_to_steps() {
    product(true);
    const int bits = program_.bits;
    std::fill_n(slopes_of_vectors_.get(), std::size_t(bits) * 4 * L, T(0));
    for (int b = bits - 1; b >= 0; --b) {
        const T *v = &vectors_[std::size_t(b) * 4 * L];
        T *slope = &slopes_of_vectors_[std::size_t(b) * 4 * L];
        const Row half = Row(1) << b;
        for (Row r = 0; r < half; ++r) {
            const T *u = row(state_, half - 1 + r);
            T *x = row(adjoint_, r), *y = row(adjoint_, r + half);
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                if constexpr (C == 1) {
                    slope[l] += u[l] * x[l];
                    slope[2 * L + l] += u[l] * y[l];
                    x[l] = v[l] * x[l] + v[2 * L + l] * y[l];
                } else {
                    const T re = u[l], im = u[L + l];
                    const T a = x[l], b = x[L + l], c = y[l], d = y[L + l];
                    slope[l] += re * a + im * b;
                    slope[L + l] += re * b - im * a;
                    slope[2 * L + l] += re * c + im * d;
                    slope[3 * L + l] += re * d - im * c;
                    x[l] = v[l] * a + v[L + l] * b + v[2 * L + l] * c + v[3 * L + l] * d;
                    x[L + l] = v[l] * b - v[L + l] * a + v[2 * L + l] * d - v[3 * L + l] * c;
                }
            }
        }
    }
    // The products were made anew: only the adjoint has the scale, and it is linear in that.
    for (int b = 0; b < 4 * bits; ++b) {
        T *slope = &slopes_of_vectors_[std::size_t(b) * L];
#pragma omp simd
        for (int l = 0; l < L; ++l)
            slope[l] *= scale_[l];
    }
    for (auto index = program_.steps.size(); index-- > 0;) {
        const auto &step = program_.steps[index];
        T *v = &vectors_[std::size_t(step.bit) * 4 * L];
        T *w = &slopes_of_vectors_[std::size_t(step.bit) * 4 * L];
        alignas(64) T sum[L] = {};
        for (const auto &plane : PLANES[step.axis]) {
            const T *a = v + plane[0] * L, *b = v + plane[1] * L;
            const T *x = w + plane[0] * L, *y = w + plane[1] * L;
#pragma omp simd
            for (int l = 0; l < L; ++l)
                sum[l] += y[l] * a[l] - x[l] * b[l];
        }
        add_slope(step.angle, sum, step.angle.negative ? T(-1) : T(1));
        turn_vector(step, v, true);
        turn_vector(step, w, true);
    }
}

// z / ‖z‖, after a power of two that brings the largest element near 1: squares of tiny and huge
// numbers would leave the range. z = 0, and no token, give the first row.
template <class T, int C>
inline void Worker<T, C>::amplitudes() {
    const T *z = call_.data + first_ * program_.width + program_.first;
    for (int l = 0; l < L; ++l) {
        norm_[l] = 0;
        if (l >= tokens_)
            continue;
        const T *from = z + l * program_.width;
        T largest = 0, total = 0, sum = 0;
#pragma omp simd reduction(max : largest) reduction(+ : total)
        for (std::int64_t k = 0; k < program_.length; ++k) {
            const T size = std::fabs(from[k]);
            largest = largest < size ? size : largest;
            total += size;
        }
        if (total == 0)
            continue;
        int exponent = 0;
        std::frexp(largest, &exponent);
        constexpr int most = std::numeric_limits<T>::max_exponent - 2;
        const T scale = std::ldexp(T(1), std::clamp(-exponent, -most, most));
#pragma omp simd reduction(+ : sum)
        for (std::int64_t k = 0; k < program_.length; ++k)
            sum += (from[k] * scale) * (from[k] * scale);
        const T root = std::sqrt(sum);
        norm_[l] = root / scale;
        scale_of_data_[l] = scale;
        root_[l] = 1 / root;
    }
    for (std::int64_t first = 0; first < std::int64_t(rows_); first += L) {
        alignas(64) T tile[L][L] = {};
        const auto count = std::min<std::int64_t>(L, program_.length - first);
        for (int l = 0; l < L; ++l) {
            if (norm_[l] == 0) {
                tile[l][0] = first == 0 ? T(1) : T(0);
                continue;
            }
            const T *from = z + l * program_.width + first;
            const T scale = scale_of_data_[l], root = root_[l];
#pragma omp simd
            for (std::int64_t k = 0; k < count; ++k)
                tile[l][k] = from[k] * scale * root;
        }
        transpose(tile);
        for (int k = 0; k < L && first + k < std::int64_t(rows_); ++k) {
            T *to = row(state_, Row(first + k));
            std::copy_n(tile[k], L, to);
            std::fill_n(to + L, (C - 1) * L, T(0));
        }
    }
}

// (g - u (u·g)) / ‖z‖ with g = 2 Re λ, u read from the state that all passes were undone on.
template <class T, int C>
inline void Worker<T, C>::back_to_amplitudes(T *gradient) {
    alignas(64) T product[L] = {}, inverse[L];
    for (std::int64_t k = 0; k < program_.length; ++k) {
        const T *u = row(state_, Row(k)), *g = row(adjoint_, Row(k));
#pragma omp simd
        for (int l = 0; l < L; ++l)
            product[l] += u[l] * g[l];
    }
    for (int l = 0; l < L; ++l)
        inverse[l] = norm_[l] == 0 ? 0 : 2 / norm_[l];
    for (std::int64_t first = 0; first < program_.length; first += L) {
        alignas(64) T tile[L][L] = {};
        const auto count = std::min<std::int64_t>(L, program_.length - first);
        for (std::int64_t k = 0; k < count; ++k) {
            const T *u = row(state_, Row(first + k)), *g = row(adjoint_, Row(first + k));
#pragma omp simd
            for (int l = 0; l < L; ++l)
                tile[k][l] = (g[l] - u[l] * product[l]) * inverse[l];
        }
        transpose(tile);
        for (std::int64_t l = 0; l < tokens_; ++l)
            if (norm_[l] != 0)
                std::copy_n(tile[l], count, gradient + l * program_.width + program_.first + first);
    }
}

} // namespace
} // namespace qcompile
