// One thread's memory, and a block of tokens in it: a token for each lane.
#pragma once

#include <bit>
#include <cmath>

#include "call.hpp"

namespace qcompile {
namespace {

// What half an angle's cosine and the scale of a state are kept above, so that squares of what three
// rotations make of a state stay within the range of T.
template <class T> constexpr T LEAST_COSINE = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-53);
template <class T> constexpr T LEAST_SCALE = sizeof(T) == 4 ? T(0x1p-56) : T(0x1p-400);

template <class T, int C> class Worker {
    static constexpr int L = LANES<T>;
    using Lane = T[L];

  public:
    Worker(const Call<T> &call, bool backward)
        : call_(call), program_(call.program), rows_(program_.rows()),
          data_(program_.data.size()), shared_(program_.shared.size()),
          state_(buffer<T>(numbers<C>(rows_) * L)), cosine_(buffer<T>(data_ * L)),
          sine_(buffer<T>(data_ * L)), half_(buffer<T>(data_ * L)),
          vectors_(buffer<T>(std::size_t(program_.bits) * 4 * L)),
          values_(buffer<T>(std::size_t(program_.outputs) * L)), norm_(buffer<T>(L)),
          scale_of_data_(buffer<T>(L)), root_(buffer<T>(L)), scale_(buffer<T>(L)),
          next_(buffer<T>(L)) {
        std::size_t widest = std::max<std::size_t>(LARGEST_BLOCK, std::size_t(call.read.size()));
        for (const auto &phases : call.phases)
            widest = std::max(widest, phases.sources.size());
        sums_ = buffer<T>(widest * L);
        if (backward) {
            adjoint_ = buffer<T>(numbers<C>(rows_) * L);
            slope_of_data_ = buffer<T>(data_ * L);
            slope_of_shared_ = buffer<T>(shared_ * L);
            slopes_of_vectors_ = buffer<T>(std::size_t(program_.bits) * 4 * L);
            tables_ = buffer<T>(std::size_t(call.tables) * rows_ * L);
            row_sums_.resize(rows_);
        }
        for (const auto &pass : program_.passes) {
            one_.emplace_back();
            two_.emplace_back();
            three_.emplace_back();
            switch (pass.rotations.size()) {
            case 1: one_.back().emplace_back(program_, pass); break;
            case 2: two_.back().emplace_back(program_, pass); break;
            case 3: three_.back().emplace_back(program_, pass); break;
            default: break;
            }
            order_.push_back(pass.rotations.size() == 3   ? three_.back()[0].order
                             : pass.rotations.size() == 2 ? two_.back()[0].order
                             : pass.rotations.size() == 1 ? one_.back()[0].order
                                                          : nullptr);
        }
    }

    void values(std::int64_t first, T *out) {
        const auto tokens = begin(first);
        forward();
        read();
        for (int l = 0; l < tokens; ++l) {
            const T square = scale_[l] * scale_[l];
            for (std::int64_t k = 0; k < program_.outputs; ++k)
                out[(first + l) * program_.outputs + k] = square * values_[k * L + l];
        }
    }

    // Before the blocks of a chunk.
    void clear() {
        std::fill_n(slope_of_shared_.get(), shared_ * L, T(0));
        std::fill_n(tables_.get(), std::size_t(call_.tables) * rows_ * L, T(0));
    }

    void gradients(std::int64_t first, const T *weights, T *of_data) {
        const auto tokens = begin(first);
        forward();
        for (std::int64_t k = 0; k < program_.outputs; ++k)
            for (int l = 0; l < L; ++l)
                values_[k * L + l] = l < tokens ? weights[(first + l) * program_.outputs + k] : T(0);
        std::fill_n(slope_of_data_.get(), data_ * L, T(0));
        start_adjoint();
        for (auto index = program_.passes.size(); index-- > 0;)
            undo(index);
        T *gradient = of_data + first * program_.width;
        std::fill_n(gradient, tokens * program_.width, T(0));
        if (program_.amplitudes) {
            rescale(true);
            back_to_amplitudes(gradient);
        } else if (!program_.steps.empty()) {
            back_to_steps();
        }
        for (std::size_t e = 0; e < data_; ++e)
            for (const auto &[index, factor] : program_.data[e].terms)
                for (int l = 0; l < tokens; ++l)
                    gradient[l * program_.width + index] += T(factor) * slope_of_data_[e * L + l];
    }

    // After the blocks of a chunk: what it adds to the gradient of each shared angle.
    void collect(double *of_shared) {
        for (std::size_t e = 0; e < shared_; ++e) {
            double sum = 0;
            for (int l = 0; l < L; ++l)
                sum += double(slope_of_shared_[e * L + l]);
            of_shared[e] = sum;
        }
        for (std::size_t index = 0; index < program_.passes.size(); ++index) {
            const int table = call_.phases[index].table;
            if (table < 0)
                continue;
            for (Row r = 0; r < rows_; ++r) {
                double sum = 0;
                for (int l = 0; l < L; ++l)
                    sum += double(tables_[(std::size_t(table) * rows_ + r) * L + l]);
                row_sums_[r] = sum;
            }
            walsh_hadamard(row_sums_.data(), rows_);
            for (const auto &phase : program_.passes[index].phases)
                if (phase.angle.shared >= 0) {
                    const double slope = row_sums_[phase.z];
                    of_shared[phase.angle.shared] += phase.angle.negative ? -slope : slope;
                }
        }
    }

  private:
    T *row(const Buffer<T> &state, Row r) const { return state.get() + place<C>(r) * L; }

    // Half the data's angles of a block, with their sines and cosines; lanes beyond the batch are 0.
    std::int64_t begin(std::int64_t first) {
        const auto tokens = std::min<std::int64_t>(L, call_.batch - first);
        first_ = first;
        tokens_ = tokens;
        std::fill_n(scale_.get(), L, T(1));
        for (std::size_t e = 0; e < data_; ++e) {
            alignas(64) double half[L];
            for (int l = 0; l < L; ++l) {
                double sum = 0;
                if (l < tokens)
                    for (const auto &[index, factor] : program_.data[e].terms)
                        sum += factor * double(call_.data[(first + l) * program_.width + index]);
                half[l] = 0.5 * sum;
            }
            waves<T, L>(half, &cosine_[e * L], &sine_[e * L]);
            for (int l = 0; l < L; ++l)
                half_[e * L + l] = T(half[l] - TWO_PI * std::nearbyint(half[l] / TWO_PI));
        }
        return tokens;
    }

    void turns(const Angle &angle, T *cosine, T *sine) const {
        if (angle.data < 0) {
            const T c = angle.shared < 0 ? T(1) : call_.cosine[angle.shared];
            const T s = angle.shared < 0 ? T(0) : call_.sine[angle.shared];
            std::fill_n(cosine, L, c);
            std::fill_n(sine, L, s);
            return;
        }
        const T *c = &cosine_[angle.data * L], *s = &sine_[angle.data * L];
        if (angle.shared < 0) {
            std::copy_n(c, L, cosine);
            std::copy_n(s, L, sine);
            return;
        }
        const T c0 = call_.cosine[angle.shared], s0 = call_.sine[angle.shared];
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            cosine[l] = c0 * c[l] - s0 * s[l];
            sine[l] = c0 * s[l] + s0 * c[l];
        }
    }

    // A rotation on all rows takes its tangent; its cosine goes into the scale of the state.
    void fill(const Pass &pass, const int *order, Waves<T> &waves) const {
        for (std::size_t k = 0; k < pass.rotations.size(); ++k) {
            T *cosine = waves.cosine[k], *sine = waves.sine[k][0];
            turns(pass.rotations[order[k]].angle, cosine, sine);
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                waves.sine[k][1][l] = -sine[l];
                const T least = std::copysign(LEAST_COSINE<T>, cosine[l]);
                cosine[l] = std::fabs(cosine[l]) < LEAST_COSINE<T> ? least : cosine[l];
                const T tangent = sine[l] / cosine[l];
                waves.tangent[k][0][l] = tangent;
                waves.tangent[k][1][l] = -tangent;
            }
        }
    }

    // Before rotations. The state is `scale_` times what is stored, the adjoint too.
    void shrink(const Pass &pass, const Waves<T> &waves, bool backward) {
        alignas(64) T next[L];
        for (int l = 0; l < L; ++l) {
            next[l] = waves.cosine[0][l];
            for (std::size_t k = 1; k < pass.rotations.size(); ++k)
                next[l] *= waves.cosine[k][l];
        }
        bool small = false;
        for (int l = 0; l < L; ++l)
            small |= std::fabs(scale_[l] * next[l]) < LEAST_SCALE<T>;
        if (small)
            rescale(backward);
        for (int l = 0; l < L; ++l)
            next_[l] = scale_[l] * next[l];
    }

    // Before squares of the state are taken.
    void keep_in_range(bool backward) {
        bool small = false;
        for (int l = 0; l < L; ++l)
            small |= std::fabs(scale_[l]) < LEAST_SCALE<T>;
        if (small)
            rescale(backward);
    }

    void rescale(bool backward) {
        multiply(state_.get());
        if (backward)
            multiply(adjoint_.get());
        std::fill_n(scale_.get(), L, T(1));
    }

    void multiply(T *numbers_of_rows) const {
        for (std::size_t at = 0; at < numbers<C>(rows_); ++at)
#pragma omp simd
            for (int l = 0; l < L; ++l)
                numbers_of_rows[at * L + l] *= scale_[l];
    }

    void add_slope(const Angle &angle, const T *slope, T sign) {
        for (int l = 0; l < L; ++l) {
            if (angle.data >= 0)
                slope_of_data_[angle.data * L + l] += sign * slope[l];
            if (angle.shared >= 0)
                slope_of_shared_[angle.shared * L + l] += sign * slope[l];
        }
    }

    // On the state, forward and back: worker_passes.hpp.
    void forward();
    template <class Take> void turn_by_data(const Phases<T> &phases, Take &&take);
    void undo(std::size_t index);
    void weigh_slope(const Angle &angle, T *slope, const T *factor);
    void unphase(const Phases<T> &phases);

    // What circuits start in, and the way back to its data: worker_start.hpp.
    // The planes of rotations about X, Y, Z in (re 0, im 0, re 1, im 1): as in `Cube`.
    static constexpr int PLANES[3][2][2] = {{{3, 0}, {1, 2}}, {{0, 2}, {1, 3}}, {{1, 0}, {2, 3}}};
    void product(bool keep);
    void turn_vector(const Step &step, T *vector, bool back) const;
    void back_to_steps();
    void amplitudes();
    template <class Take> void in_tiles(Take &&take) const;
    void back_to_amplitudes(T *gradient);

    // What is read, and the adjoint that it starts: worker_readout.hpp.
    void population(Row r, T *value) const;
    void read();
    template <class Take> void each_pair(const Pauli &string, Take &&take) const;
    void start_adjoint();
    void weigh(Row r, const T *weight);

    const Call<T> &call_;
    const Program &program_;
    Row rows_;
    std::size_t data_, shared_;
    std::int64_t first_ = 0, tokens_ = 0;
    Buffer<T> state_, cosine_, sine_, half_, vectors_, values_, sums_;
    Buffer<T> norm_, scale_of_data_, root_, scale_, next_;
    Buffer<T> adjoint_, slope_of_data_, slope_of_shared_, slopes_of_vectors_, tables_;
    std::vector<double> row_sums_;
    std::vector<std::vector<Cube<C, 1>>> one_;
    std::vector<std::vector<Cube<C, 2>>> two_;
    std::vector<std::vector<Cube<C, 3>>> three_;
    std::vector<const int *> order_; // of the rotations of each pass
};

} // namespace
} // namespace qcompile
