// Values and gradients of a batch under a gate program, by adjoint differentiation: the way back
// undoes the passes on the state instead of keeping states (Jones and Gacon 2020, arXiv:2009.02823).
//
// A library for each instruction set is made of this one file.
#include "kernel.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <system_error>
#include <thread>

#include "passes.hpp"

namespace qcompile {
namespace {

constexpr std::int64_t FEWEST_CHUNKS = 16, MOST_CHUNKS = 64, BLOCKS_OF_A_CHUNK = 8;
constexpr double WORK_OF_A_THREAD = 2e5; // numbers turned: what starting one is worth
// What half an angle's cosine and the scale of a state are kept above, so that squares of what three
// rotations make of a state stay within the range of T.
template <class T> constexpr T LEAST_COSINE = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-53);
template <class T> constexpr T LEAST_SCALE = sizeof(T) == 4 ? T(0x1p-56) : T(0x1p-400);
constexpr double TWO_PI = 6.283185307179586476925;

template <class T> struct Release {
    void operator()(T *memory) const { ::operator delete(memory, std::align_val_t(64)); }
};
template <class T> using Buffer = std::unique_ptr<T[], Release<T>>;

template <class T> Buffer<T> buffer(std::size_t count) {
    const auto bytes = std::max<std::size_t>(1, count) * sizeof(T);
    return Buffer<T>(static_cast<T *>(::operator new(bytes, std::align_val_t(64))));
}

// Sums of products of the rows' signs: out[z] = Σ_r (-1)^{r·z} in[r].
void walsh_hadamard(double *values, Row rows) {
    for (Row half = 1; half < rows; half *= 2)
        for (Row start = 0; start < rows; start += 2 * half)
            for (Row r = start; r < start + half; ++r) {
                const double a = values[r], b = values[r + half];
                values[r] = a + b;
                values[r + half] = a - b;
            }
}

// A pass of phases: one e^{iφ} for each row where no angle is of data.
template <class T> struct Phases {
    std::vector<T> cosine, sine;       // of the shared part, without data
    std::vector<T> base;               // its φ, beside data
    Parities<T> of_data;
    std::vector<std::int64_t> sources; // of the data's angles
    int table = -1;                    // among those that collect gradients of shared angles
};

template <class T> struct Call {
    const Program &program;
    const T *data;
    const T *angles;
    std::int64_t batch;
    std::vector<double> half; // of the shared angles
    std::vector<T> cosine, sine;
    std::vector<Phases<T>> phases; // one for each pass, empty for rotations
    int tables = 0;
    Parities<T> read;
    std::vector<int> diagonal, crossing; // strings by whether they exchange rows
    std::vector<std::int64_t> outcome;   // of each row

    Call(const Program &p, const T *x, std::int64_t tokens, const T *t)
        : program(p), data(x), angles(t), batch(tokens) {
        for (const auto &combination : p.shared) {
            double sum = combination.constant;
            for (const auto &[index, factor] : combination.terms)
                sum += factor * double(angles[index]);
            half.push_back(0.5 * sum);
            T c, s;
            waves<T, 1>(&half.back(), &c, &s);
            cosine.push_back(c);
            sine.push_back(s);
        }
        for (const auto &pass : p.passes)
            phases.push_back(tables_of(pass));
        if (p.probabilities) {
            for (Row r = 0; r < p.rows(); ++r) {
                std::int64_t found = 0;
                for (const auto &bit : p.read)
                    found = 2 * found + (parity(r & bit.z) ^ Row(bit.negative));
                outcome.push_back(found);
            }
        } else {
            for (int k = 0; k < int(p.read.size()); ++k) {
                const auto &string = p.read[k];
                (string.x == 0 ? diagonal : crossing).push_back(k);
                if (string.x == 0)
                    read.add(string.z, string.negative);
            }
        }
    }

  private:
    Phases<T> tables_of(const Pass &pass) {
        Phases<T> found;
        const Row rows = program.rows();
        std::vector<double> sums;
        for (const auto &phase : pass.phases) {
            if (phase.angle.data >= 0) {
                // exp(-i t Z / 2)
                found.of_data.add(phase.z, !phase.angle.negative);
                found.sources.push_back(phase.angle.data);
            } else {
                sums.resize(rows);
                const double value = half[phase.angle.shared];
                sums[phase.z] += phase.angle.negative ? value : -value;
            }
        }
        if (pass.phases.empty())
            return found;
        if (!sums.empty()) {
            walsh_hadamard(sums.data(), rows);
            found.table = tables++;
        } else if (found.sources.empty()) {
            return found;
        }
        sums.resize(rows);
        if (found.sources.empty()) {
            found.cosine.resize(rows);
            found.sine.resize(rows);
            Row r = 0;
            for (; r + 8 <= rows; r += 8)
                waves<T, 8>(&sums[r], &found.cosine[r], &found.sine[r]);
        } else {
            for (double sum : sums)
                found.base.push_back(T(std::remainder(sum, TWO_PI)));
        }
        return found;
    }
};

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
          values_(buffer<T>(std::size_t(program_.outputs) * L)), norm_(buffer<T>(L)), scale_of_data_(buffer<T>(L)), root_(buffer<T>(L)), scale_(buffer<T>(L)), next_(buffer<T>(L)) {
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
        }
        else if (!program_.steps.empty()) {
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

    void forward() {
        if (program_.amplitudes)
            amplitudes();
        else
            product(false);
        for (std::size_t index = 0; index < program_.passes.size(); ++index) {
            const auto &pass = program_.passes[index];
            if (!pass.rotations.empty()) {
                Waves<T> waves;
                const int *order = order_[index];
            fill(pass, order, waves);
                if (pass.rotations[0].condition != 0) {
                    rotate_some<T, C>(one_[index][0], waves, state_.get());
                    continue;
                }
                shrink(pass, waves, false);
                switch (pass.rotations.size()) {
                case 1: rotate<T, C, 1>(one_[index][0], waves, state_.get()); break;
                case 2: rotate<T, C, 2>(two_[index][0], waves, state_.get()); break;
                default: rotate<T, C, 3>(three_[index][0], waves, state_.get()); break;
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
    template <class Take> void turn_by_data(const Phases<T> &phases, Take &&take) {
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

    void undo(std::size_t index) {
        const auto &pass = program_.passes[index];
        if (!pass.rotations.empty()) {
            Waves<T> waves;
            const int *order = order_[index];
            fill(pass, order, waves);
            alignas(64) T slope[LARGEST_BLOCK][L] = {};
            alignas(64) T factor[L];
            if (pass.rotations[0].condition != 0) {
                keep_in_range(true);
                std::copy_n(scale_.get(), L, factor);
                unrotate_some<T, C>(one_[index][0], waves, state_.get(), adjoint_.get(), slope[0]);
                weigh_slope(pass.rotations[0].angle, slope[0], factor);
                return;
            }
            shrink(pass, waves, true);
            std::copy_n(scale_.get(), L, factor);
            switch (pass.rotations.size()) {
            case 1:
                unrotate<T, C, 1>(one_[index][0], waves, state_.get(), adjoint_.get(), slope);
                break;
            case 2:
                unrotate<T, C, 2>(two_[index][0], waves, state_.get(), adjoint_.get(), slope);
                break;
            default:
                unrotate<T, C, 3>(three_[index][0], waves, state_.get(), adjoint_.get(), slope);
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
    void weigh_slope(const Angle &angle, T *slope, const T *factor) {
        for (int l = 0; l < L; ++l)
            slope[l] = slope[l] * factor[l] * factor[l];
        add_slope(angle, slope, T(1));
    }

    void unphase(const Phases<T> &phases) {
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

    // The planes of rotations about X, Y, Z in (re 0, im 0, re 1, im 1): as in `Cube`.
    static constexpr int PLANES[3][2][2] = {{{3, 0}, {1, 2}}, {{0, 2}, {1, 3}}, {{1, 0}, {2, 3}}};

    // One vector for each bit, then their product. For the way back the products of the first b bits
    // are kept one behind the other, that of b from row 2^b - 1 on.
    void product(bool keep) {
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

    void turn_vector(const Step &step, T *vector, bool back) const {
        alignas(64) T cosine[L], sine[L];
        turns(step.angle, cosine, sine);
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

    void back_to_steps() {
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
        for (int b = 0; b < 4 * bits; ++b)
            for (int l = 0; l < L; ++l)
                slopes_of_vectors_[std::size_t(b) * L + l] *= scale_[l];
        for (auto index = program_.steps.size(); index-- > 0;) {
            const auto &step = program_.steps[index];
            T *v = &vectors_[std::size_t(step.bit) * 4 * L];
            T *w = &slopes_of_vectors_[std::size_t(step.bit) * 4 * L];
            alignas(64) T sum[L] = {};
            for (const auto &plane : PLANES[step.axis])
                for (int l = 0; l < L; ++l)
                    sum[l] += w[plane[1] * L + l] * v[plane[0] * L + l] -
                              w[plane[0] * L + l] * v[plane[1] * L + l];
            add_slope(step.angle, sum, step.angle.negative ? T(-1) : T(1));
            turn_vector(step, v, true);
            turn_vector(step, w, true);
        }
    }

    // z / ‖z‖, after a power of two that brings the largest element near 1: squares of tiny and huge
    // numbers would leave the range. z = 0 gives the first row.
    void amplitudes() {
        std::fill_n(state_.get(), numbers<C>(rows_) * L, T(0));
        const T *z = call_.data + first_ * program_.width + program_.first;
        for (int l = 0; l < L; ++l) {
            if (l >= tokens_) {
                row(state_, 0)[l] = 1;
                norm_[l] = 0;
                continue;
            }
            const T *from = z + l * program_.width;
            T largest = 0, total = 0, sum = 0;
#pragma omp simd reduction(max : largest) reduction(+ : total)
            for (std::int64_t k = 0; k < program_.length; ++k) {
                const T size = std::fabs(from[k]);
                largest = largest < size ? size : largest;
                total += size;
            }
            if (total == 0) {
                row(state_, 0)[l] = 1;
                norm_[l] = 0;
                continue;
            }
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
        in_tiles([&](int l, std::int64_t k) {
            row(state_, Row(k))[l] = z[l * program_.width + k] * scale_of_data_[l] * root_[l];
        });
    }

    // take(lane, amplitude): a few rows at a time, since lanes are far apart in the data, and rows in
    // the state.
    template <class Take> void in_tiles(Take &&take) const {
        constexpr std::int64_t TILE = 32;
        for (std::int64_t first = 0; first < program_.length; first += TILE)
            for (int l = 0; l < tokens_; ++l)
                for (auto k = first; norm_[l] != 0 && k < std::min(first + TILE, program_.length); ++k)
                    take(l, k);
    }

    // (g - u (u·g)) / ‖z‖ with g = 2 Re λ, u read from the state that all passes were undone on.
    void back_to_amplitudes(T *gradient) {
        alignas(64) T product[L] = {}, inverse[L];
        for (std::int64_t k = 0; k < program_.length; ++k) {
            const T *u = row(state_, Row(k)), *g = row(adjoint_, Row(k));
#pragma omp simd
            for (int l = 0; l < L; ++l)
                product[l] += u[l] * g[l];
        }
        for (int l = 0; l < L; ++l)
            inverse[l] = norm_[l] == 0 ? 0 : 2 / norm_[l];
        in_tiles([&](int l, std::int64_t k) {
            const T u = row(state_, Row(k))[l], g = row(adjoint_, Row(k))[l];
            gradient[l * program_.width + program_.first + k] = (g - u * product[l]) * inverse[l];
        });
    }

    void population(Row r, T *value) const {
        const T *psi = row(state_, r);
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            value[l] = psi[l] * psi[l];
            if constexpr (C == 2)
                value[l] += psi[L + l] * psi[L + l];
        }
    }

    void read() {
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
    template <class Take> void each_pair(const Pauli &string, Take &&take) const {
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
    void start_adjoint() {
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

    void weigh(Row r, const T *weight) {
        const T *psi = row(state_, r);
        T *to = row(adjoint_, r);
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            to[l] = weight[l] * psi[l];
            if constexpr (C == 2)
                to[L + l] = weight[l] * psi[L + l];
        }
    }

    const Call<T> &call_;
    const Program &program_;
    Row rows_;
    std::size_t data_, shared_;
    std::int64_t first_ = 0, tokens_ = 0;
    Buffer<T> state_, cosine_, sine_, half_, vectors_, values_, norm_, scale_of_data_, root_, scale_, next_, sums_;
    Buffer<T> adjoint_, slope_of_data_, slope_of_shared_, slopes_of_vectors_, tables_;
    std::vector<double> row_sums_;
    std::vector<std::vector<Cube<C, 1>>> one_;
    std::vector<std::vector<Cube<C, 2>>> two_;
    std::vector<std::vector<Cube<C, 3>>> three_;
    std::vector<const int *> order_; // of the rotations of each pass
};

template <class T> std::int64_t blocks_of(std::int64_t tokens) {
    return (tokens + LANES<T> - 1) / LANES<T>;
}

std::int64_t chunks_of(std::int64_t blocks) {
    return std::min(blocks, std::clamp(blocks / BLOCKS_OF_A_CHUNK, FEWEST_CHUNKS, MOST_CHUNKS));
}

// The tokens in chunks that do not depend on the threads; body(worker, chunk, first, last block).
template <class T, int C, class Body>
void in_chunks(const Call<T> &call, int threads, bool backward, Body &&body) {
    const auto blocks = blocks_of<T>(call.batch);
    const auto chunks = chunks_of(blocks);
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
        try {
            Worker<T, C> worker(call, backward);
            for (;;) {
                const auto chunk = next++;
                if (chunk >= chunks)
                    break;
                body(worker, chunk, blocks * chunk / chunks, blocks * (chunk + 1) / chunks);
            }
        } catch (const std::bad_alloc &) {
            failed = true;
        }
    };
    double passes = 2;
    for (const auto &pass : call.program.passes)
        passes += double(std::max<std::size_t>(1, pass.rotations.size()));
    const double total = passes * call.program.rows() * C * double(call.batch);
    const auto useful = std::min<std::int64_t>(chunks, 1 + std::int64_t(total / WORK_OF_A_THREAD));
    std::vector<std::thread> others;
    try {
        for (std::int64_t k = 1; k < std::min<std::int64_t>(threads, useful); ++k)
            others.emplace_back(work);
    } catch (const std::system_error &) {
        // Those that could be started, and this one, do all of it.
    }
    work();
    for (auto &thread : others)
        thread.join();
    if (failed)
        throw std::bad_alloc();
}

template <class T, int C>
void all_values(const Call<T> &call, T *out, int threads) {
    in_chunks<T, C>(call, threads, false,
                    [&](Worker<T, C> &worker, std::int64_t, std::int64_t first, std::int64_t last) {
                        for (auto block = first; block < last; ++block)
                            worker.values(block * LANES<T>, out);
                    });
}

template <class T, int C>
void all_gradients(const Call<T> &call, const T *weights, T *of_data, T *of_angles, int threads) {
    const auto shared = call.program.shared.size();
    const auto chunks = chunks_of(blocks_of<T>(call.batch));
    std::vector<double> partial(std::size_t(chunks) * shared);
    in_chunks<T, C>(
        call, threads, true,
        [&](Worker<T, C> &worker, std::int64_t chunk, std::int64_t first, std::int64_t last) {
            worker.clear();
            for (auto block = first; block < last; ++block)
                worker.gradients(block * LANES<T>, weights, of_data);
            worker.collect(partial.data() + std::size_t(chunk) * shared);
        });
    std::vector<double> sums(std::size_t(call.program.angles));
    for (std::size_t e = 0; e < shared; ++e) {
        double slope = 0;
        for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
            slope += partial[std::size_t(chunk) * shared + e];
        for (const auto &[index, factor] : call.program.shared[e].terms)
            sums[index] += factor * slope;
    }
    for (std::size_t k = 0; k < sums.size(); ++k)
        of_angles[k] = T(sums[k]);
}

template <class Body> int guarded(Body &&body) {
    try {
        body();
        return DONE;
    } catch (const std::bad_alloc &) {
        return NO_MEMORY;
    } catch (...) {
        return NO_PROGRAM;
    }
}

template <class T>
int values(const Code &code, const Batch<T> &batch, T *out, int threads) {
    return guarded([&] {
        const auto program = Reader(code.code, code.codes).read();
        batch.check(program);
        const Call<T> call(program, batch.data, batch.tokens, batch.angles);
        program.real ? all_values<T, 1>(call, out, threads) : all_values<T, 2>(call, out, threads);
    });
}

template <class T>
int gradients(const Code &code, const Batch<T> &batch, const T *weights, T *of_data, T *of_angles,
              int threads) {
    return guarded([&] {
        const auto program = Reader(code.code, code.codes).read();
        batch.check(program);
        const Call<T> call(program, batch.data, batch.tokens, batch.angles);
        if (program.real)
            all_gradients<T, 1>(call, weights, of_data, of_angles, threads);
        else
            all_gradients<T, 2>(call, weights, of_data, of_angles, threads);
    });
}

} // namespace
} // namespace qcompile

#define QCOMPILE_ENTRIES(SUFFIX, T)                                                                \
    QCOMPILE_EXPORT int fused_values_##SUFFIX(                                                     \
        const std::int64_t *code, std::int64_t codes,                                              \
        const T *data, std::int64_t tokens, std::int64_t width, const T *angles,                   \
        std::int64_t angle_count, T *out, std::int64_t outputs, int threads) {                     \
        return qcompile::values<T>({code, codes},                                                  \
                                   {data, tokens, width, angles, angle_count, outputs}, out,       \
                                   threads);                                                       \
    }                                                                                              \
    QCOMPILE_EXPORT int fused_gradients_##SUFFIX(                                                  \
        const std::int64_t *code, std::int64_t codes,                                              \
        const T *data, std::int64_t tokens, std::int64_t width, const T *angles,                   \
        std::int64_t angle_count, const T *weights, std::int64_t outputs, T *of_data,              \
        T *of_angles, int threads) {                                                               \
        return qcompile::gradients<T>({code, codes},                                               \
                                      {data, tokens, width, angles, angle_count, outputs},         \
                                      weights, of_data, of_angles, threads);                       \
    }

QCOMPILE_ENTRIES(float32, float)
QCOMPILE_ENTRIES(float64, double)
