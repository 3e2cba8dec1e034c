// The passes on the state, and how they are undone.
#pragma once

#include "worker.hpp"

namespace qcompile {
namespace {

template <class T, int C>
inline void Worker<T, C>::forward() {
    if (program_.amplitudes)
        amplitudes();
    else
        product(false);
    for (std::size_t index = 0; index < program_.passes.size(); ++index) {
        const auto &pass = program_.passes[index];
        if (!pass.rotations.empty()) {
            const auto &cube = call_.turns[index].cube;
            const Waves<T> &waves = fill(index);
            if (pass.rotations[0].condition != 0) {
                rotate_some<T, C>(std::get<1>(cube), waves, state_.get());
                continue;
            }
            shrink(pass, waves, false);
            const bool real = index < call_.leading_real;
            switch (pass.rotations.size()) {
            case 1: rotate<T, C, 1>(std::get<1>(cube), waves, state_.get(), real); break;
            case 2: rotate<T, C, 2>(std::get<2>(cube), waves, state_.get(), real); break;
            default: rotate<T, C, 3>(std::get<3>(cube), waves, state_.get(), real); break;
            }
            std::swap(scale_, next_);
        } else if constexpr (C == 2) {
            const auto &phases = call_.phases[index];
            if (!phases.sources.empty())
                turn_by_data(phases, [&](Row r, const T *c, const T *s) {
                    turn_row<T>(row(state_, r), c, s, T(1));
                });
            else if (phases.table >= 0)
                for (Row r = 0; r < rows_; ++r)
                    turn_row<T>(row(state_, r), phases.cosine[r], phases.sine[r]);
        }
    }
}

// take(row, cos φ, sin φ), each lane its own.
template <class T, int C>
template <class Take>
inline void Worker<T, C>::turn_by_data(const Phases<T> &phases, Take &&take) {
    auto *angles = reinterpret_cast<Lane *>(sums_.get());
    const int count = phases.of_data.size();
    for (int j = 0; j < count; ++j)
        std::copy_n(&half_[phases.sources[j] * L], L, angles[j]);
    const bool many = count > 1024;
    phases.of_data.spread(rows_, angles, [&](Row r, const T *sum) {
        alignas(64) T cosine[L], sine[L];
        const T base = phases.base[r];
        if (many) {
            for (int l = 0; l < L; ++l) {
                cosine[l] = T(std::cos(double(base + sum[l])));
                sine[l] = T(std::sin(double(base + sum[l])));
            }
        } else {
#pragma omp simd
            for (int l = 0; l < L; ++l)
                sine_cosine(base + sum[l], sine[l], cosine[l]);
        }
        take(r, cosine, sine);
    });
}

template <class T, int C>
inline void Worker<T, C>::undo(std::size_t index) {
    const auto &pass = program_.passes[index];
    if (!pass.rotations.empty()) {
        const auto &cube = call_.turns[index].cube;
        const int *order = call_.turns[index].order;
        const Waves<T> &waves = refill(index);
        alignas(64) T slope[LARGEST_BLOCK][L] = {};
        alignas(64) T factor[L];
        if (pass.rotations[0].condition != 0) {
            keep_in_range(true);
            std::copy_n(scale_.get(), L, factor);
            unrotate_some<T, C>(std::get<1>(cube), waves, state_.get(), adjoint_.get(), slope[0]);
            weigh_slope(pass.rotations[0].angle, slope[0], factor);
            return;
        }
        shrink(pass, waves, true);
        // The adjoint's imaginary parts turn like its real ones, and nothing reads them any more.
        const bool real = index < call_.leading_real;
        std::copy_n(scale_.get(), L, factor);
        switch (pass.rotations.size()) {
        case 1:
            unrotate<T, C, 1>(std::get<1>(cube), waves, state_.get(), adjoint_.get(), slope, real);
            break;
        case 2:
            unrotate<T, C, 2>(std::get<2>(cube), waves, state_.get(), adjoint_.get(), slope, real);
            break;
        default:
            unrotate<T, C, 3>(std::get<3>(cube), waves, state_.get(), adjoint_.get(), slope, real);
            break;
        }
        for (std::size_t k = pass.rotations.size(); k-- > 0;) {
            weigh_slope(pass.rotations[order[k]].angle, slope[k], factor);
            for (int l = 0; l < L; ++l)
                factor[l] *= waves.cosine[k][l];
        }
        std::swap(scale_, next_);
    } else if constexpr (C == 2) {
        unphase(call_.phases[index]);
    }
}

// The sign of an angle is in the planes of its rotation, and so in the slope.
template <class T, int C>
inline void Worker<T, C>::weigh_slope(const Angle &angle, T *slope, const T *factor) {
    for (int l = 0; l < L; ++l)
        slope[l] = slope[l] * factor[l] * factor[l];
    add_slope(angle, slope, T(1));
}

template <class T, int C>
inline void Worker<T, C>::unphase(const Phases<T> &phases) {
    keep_in_range(true);
    alignas(64) T square[L];
    for (int l = 0; l < L; ++l)
        square[l] = scale_[l] * scale_[l];
    if (phases.table >= 0) {
        T *table = tables_.get() + std::size_t(phases.table) * rows_ * L;
        const bool alone = phases.sources.empty();
        for (Row r = 0; r < rows_; ++r) {
            T *psi = row(state_, r), *weight = row(adjoint_, r);
            T *sum = table + std::size_t(r) * L;
            const T c = alone ? phases.cosine[r] : T(1), s = alone ? phases.sine[r] : T(0);
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                const T re = psi[l], im = psi[L + l], x = weight[l], y = weight[L + l];
                sum[l] += square[l] * (x * im - y * re);
                psi[l] = c * re + s * im;
                psi[L + l] = c * im - s * re;
                weight[l] = c * x + s * y;
                weight[L + l] = c * y - s * x;
            }
        }
    }
    if (phases.sources.empty())
        return;
    turn_by_data(phases, [&](Row r, const T *c, const T *s) {
        turn_row<T>(row(state_, r), c, s, T(-1));
        turn_row<T>(row(adjoint_, r), c, s, T(-1));
    });
    auto *slopes = reinterpret_cast<Lane *>(sums_.get());
    const int count = phases.of_data.size();
    std::fill_n(sums_.get(), std::size_t(count) * L, T(0));
    phases.of_data.collect(rows_, slopes, [&](Row r, T *value) {
        const T *psi = row(state_, r), *weight = row(adjoint_, r);
#pragma omp simd
        for (int l = 0; l < L; ++l)
            value[l] = weight[l] * psi[L + l] - weight[L + l] * psi[l];
    });
    // The signs of `of_data` are those of φ, which is minus half the angle.
    for (int j = 0; j < count; ++j)
        for (int l = 0; l < L; ++l)
            slope_of_data_[phases.sources[j] * L + l] -= square[l] * slopes[j][l];
}

} // namespace
} // namespace qcompile
