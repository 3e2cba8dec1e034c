// One thread's memory, and a block of tokens in it: a token for each lane.
#pragma once

#include <bit>
#include <cmath>

#include "call.hpp"

namespace qcompile {
namespace {

// The same for the scale of a state, as for `LEAST_COSINE`.
template <class T> constexpr T LEAST_SCALE = sizeof(T) == 4 ? T(0x1p-56) : T(0x1p-400);

// What waves of data are worth to be kept for the way back.
constexpr std::size_t KEPT_BYTES = 1 << 15;

template <class T, int C> class Worker {
    static constexpr int L = LANES<T>;
    using Lane = T[L];

  public:
    Worker(const Call<T, C> &call, bool backward)
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
        std::size_t varying = 0;
        for (const auto &turns : call.turns)
            varying += !turns.constant;
        keeps_ = backward && varying * sizeof(Waves<T>) <= KEPT_BYTES;
        waves_ = std::vector<Waves<T>>(keeps_ ? varying : 1);
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
        kept_ = 0;
        std::fill_n(scale_.get(), L, T(1));
        const T *data = call_.data + first * program_.width;
        for (std::size_t e = 0; e < data_; ++e) {
            alignas(64) double half[L] = {};
            for (const auto &[index, factor] : program_.data[e].terms) {
                const T *from = data + index;
                for (std::int64_t l = 0; l < tokens; ++l)
                    half[l] += 0.5 * factor * double(from[l * program_.width]);
            }
            waves<T, L>(half, &cosine_[e * L], &sine_[e * L]);
            if (!call_.phases_of_data)
                continue;
            for (int l = 0; l < L; ++l)
                half_[e * L + l] = T(half[l] - TWO_PI * std::nearbyint(half[l] / TWO_PI));
        }
        return tokens;
    }

    void turns_of(const Angle &angle, T *cosine, T *sine) const {
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
    const Waves<T> &fill(std::size_t index) {
        const auto &turns = call_.turns[index];
        if (turns.constant)
            return turns.waves;
        const auto &rotations = program_.passes[index].rotations;
        auto &waves = waves_[keeps_ ? kept_++ : 0];
        for (std::size_t k = 0; k < rotations.size(); ++k) {
            turns_of(rotations[turns.order[k]].angle, waves.cosine[k], waves.sine[k][0]);
            waves.complete(int(k));
        }
        return waves;
    }

    // The same on the way back.
    const Waves<T> &refill(std::size_t index) {
        return keeps_ && !call_.turns[index].constant ? waves_[--kept_] : fill(index);
    }

    // Before rotations. The state is `scale_` times what is stored, the adjoint too.
    void shrink(const Pass &pass, const Waves<T> &waves, bool backward) {
        alignas(64) T next[L];
        std::copy_n(waves.cosine[0], L, next);
        for (std::size_t k = 1; k < pass.rotations.size(); ++k)
#pragma omp simd
            for (int l = 0; l < L; ++l)
                next[l] *= waves.cosine[k][l];
        if (small(next))
            rescale(backward);
#pragma omp simd
        for (int l = 0; l < L; ++l)
            next_[l] = scale_[l] * next[l];
    }

    // Before squares of the state are taken.
    void keep_in_range(bool backward) {
        alignas(64) T one[L];
        std::fill_n(one, L, T(1));
        if (small(one))
            rescale(backward);
    }

    bool small(const T *factor) const {
        T least = 1;
#pragma omp simd reduction(min : least)
        for (int l = 0; l < L; ++l) {
            const T size = std::fabs(scale_[l] * factor[l]);
            least = size < least ? size : least;
        }
        return least < LEAST_SCALE<T>;
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
        if (angle.data >= 0)
            add(&slope_of_data_[angle.data * L], slope, sign);
        if (angle.shared >= 0)
            add(&slope_of_shared_[angle.shared * L], slope, sign);
    }

    static void add(T *sum, const T *slope, T sign) {
#pragma omp simd
        for (int l = 0; l < L; ++l)
            sum[l] += sign * slope[l];
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
    void back_to_amplitudes(T *gradient);

    // What is read, and the adjoint that it starts: worker_readout.hpp.
    void population(Row r, T *value) const;
    void read();
    template <class Take> void each_pair(const Pauli &string, Take &&take) const;
    void start_adjoint();
    void weigh(Row r, const T *weight);

    const Call<T, C> &call_;
    const Program &program_;
    Row rows_;
    std::size_t data_, shared_;
    std::int64_t first_ = 0, tokens_ = 0;
    Buffer<T> state_, cosine_, sine_, half_, vectors_, values_, sums_;
    Buffer<T> norm_, scale_of_data_, root_, scale_, next_;
    Buffer<T> adjoint_, slope_of_data_, slope_of_shared_, slopes_of_vectors_, tables_;
    std::vector<double> row_sums_;
    std::vector<Waves<T>> waves_; // of the passes with data, or of one
    std::size_t kept_ = 0;        // of them, in a block
    bool keeps_;
};

} // namespace
} // namespace qcompile
