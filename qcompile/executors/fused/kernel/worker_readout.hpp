// Expectation values and probabilities of the state, and the adjoint that they start.
#pragma once

#include "worker.hpp"

namespace qcompile {
namespace {

template <class T, int C>
inline void Worker<T, C>::population(Row r, T *value) const {
    const T *psi = row(state_, r);
#pragma omp simd
    for (int l = 0; l < L; ++l) {
        value[l] = psi[l] * psi[l];
        if constexpr (C == 2)
            value[l] += psi[L + l] * psi[L + l];
    }
}

template <class T, int C>
inline void Worker<T, C>::read() {
    keep_in_range(false);
    std::fill_n(values_.get(), std::size_t(program_.outputs) * L, T(0));
    if (program_.probabilities) {
        for (Row r = 0; r < rows_; ++r) {
            alignas(64) T value[L];
            population(r, value);
            T *sum = &values_[call_.outcome[r] * L];
            for (int l = 0; l < L; ++l)
                sum[l] += value[l];
        }
        return;
    }
    auto *sums = reinterpret_cast<Lane *>(sums_.get());
    const int count = call_.read.size();
    std::fill_n(sums_.get(), std::size_t(count) * L, T(0));
    if (count > 0)
        call_.read.collect(rows_, sums, [&](Row r, T *value) { population(r, value); });
    for (int j = 0; j < count; ++j)
        std::copy_n(sums[j], L, &values_[std::size_t(call_.diagonal[j]) * L]);
    for (int k : call_.crossing) {
        T *sum = &values_[std::size_t(k) * L];
        each_pair(program_.read[k], [&](const T *x, const T *y, bool imaginary, T sign) {
            if (imaginary) {
                if constexpr (C == 2)
                    for (int l = 0; l < L; ++l)
                        sum[l] += 2 * sign * (y[L + l] * x[l] - y[l] * x[L + l]);
            } else {
                for (int l = 0; l < L; ++l) {
                    T product = y[l] * x[l];
                    if constexpr (C == 2)
                        product += y[L + l] * x[L + l];
                    sum[l] += 2 * sign * product;
                }
            }
        });
    }
}

// take(row, row ^ x, imaginary, sign) for each pair that the string exchanges.
template <class T, int C>
template <class Take>
inline void Worker<T, C>::each_pair(const Pauli &string, Take &&take) const {
    const Signs signs(string.x, string.z, string.negative);
    const Row top = std::bit_floor(string.x);
    for (Row r = 0; r < rows_; ++r) {
        if (r & top)
            continue;
        const T sign = SIGN<T>[parity(r & string.z) ^ Row(signs.negative)];
        take(row(state_, r), row(state_, r ^ string.x), signs.imaginary, sign);
    }
}

// λ = Σ_k weight_k P_k ψ.
template <class T, int C>
inline void Worker<T, C>::start_adjoint() {
    if (program_.probabilities) {
        for (Row r = 0; r < rows_; ++r)
            weigh(r, &values_[call_.outcome[r] * L]);
        return;
    }
    const int count = call_.read.size();
    auto *weights = reinterpret_cast<Lane *>(sums_.get());
    for (int j = 0; j < count; ++j)
        std::copy_n(&values_[std::size_t(call_.diagonal[j]) * L], L, weights[j]);
    if (count > 0)
        call_.read.spread(rows_, weights, [&](Row r, const T *weight) { weigh(r, weight); });
    else
        std::fill_n(adjoint_.get(), numbers<C>(rows_) * L, T(0));
    for (int k : call_.crossing) {
        const T *weight = &values_[std::size_t(k) * L];
        each_pair(program_.read[k], [&](const T *x, const T *y, bool imaginary, T sign) {
            T *to_x = adjoint_.get() + (x - state_.get());
            T *to_y = adjoint_.get() + (y - state_.get());
            for (int l = 0; l < L; ++l) {
                const T w = sign * weight[l];
                if (!imaginary) {
                    to_x[l] += w * y[l];
                    to_y[l] += w * x[l];
                    if constexpr (C == 2) {
                        to_x[L + l] += w * y[L + l];
                        to_y[L + l] += w * x[L + l];
                    }
                } else if constexpr (C == 2) {
                    // P x = i y, P y = -i x
                    to_y[l] -= w * x[L + l];
                    to_y[L + l] += w * x[l];
                    to_x[l] += w * y[L + l];
                    to_x[L + l] -= w * y[l];
                }
            }
        });
    }
}

template <class T, int C>
inline void Worker<T, C>::weigh(Row r, const T *weight) {
    const T *psi = row(state_, r);
    T *to = row(adjoint_, r);
#pragma omp simd
    for (int l = 0; l < L; ++l) {
        to[l] = weight[l] * psi[l];
        if constexpr (C == 2)
            to[L + l] = weight[l] * psi[L + l];
    }
}

} // namespace
} // namespace qcompile
