// What all blocks of a call share: waves of shared angles, tables of phases, which outputs read what.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <variant>
#include <vector>

#include "passes.hpp"

namespace qcompile {
namespace {

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

// A pass of rotations.
template <class T, int C> struct Turns {
    std::variant<std::monostate, Cube<C, 1>, Cube<C, 2>, Cube<C, 3>> cube; // none: a pass of phases
    const int *order = nullptr;                                           // of its rotations
    bool constant = true; // no angle is of data
    Waves<T> waves;       // if constant
};

template <class T, int C> struct Call {
    const Program &program;
    const T *data;
    const T *angles;
    std::int64_t batch;
    std::vector<double> half; // of the shared angles
    std::vector<T> cosine, sine;
    std::vector<Turns<T, C>> turns; // one for each pass
    std::vector<Phases<T>> phases;  // one for each pass, empty for rotations
    int tables = 0;
    bool phases_of_data = false;
    std::size_t leading_real = 0; // passes before which, and after which, the state is real
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
        turns.resize(p.passes.size());
        for (std::size_t index = 0; index < turns.size(); ++index) {
            prepare(p.passes[index], turns[index]);
            phases.push_back(tables_of(p.passes[index]));
        }
        const auto about_y = [](const auto &step) { return step.axis == 1; };
        if (std::all_of(p.steps.begin(), p.steps.end(), about_y))
            while (leading_real < p.passes.size() && stays_real(p.passes[leading_real]))
                ++leading_real;
        for (const auto &pass : phases)
            phases_of_data |= !pass.sources.empty();
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
    static bool stays_real(const Pass &pass) {
        return !pass.rotations.empty() && pass.rotations[0].condition == 0 &&
               std::all_of(pass.rotations.begin(), pass.rotations.end(), [](const auto &rotation) {
                   return parity(rotation.x & rotation.z) == 1;
               });
    }

    void prepare(const Pass &pass, Turns<T, C> &found) const {
        switch (pass.rotations.size()) {
        case 1: found.order = found.cube.template emplace<1>(program, pass).order; break;
        case 2: found.order = found.cube.template emplace<2>(program, pass).order; break;
        case 3: found.order = found.cube.template emplace<3>(program, pass).order; break;
        default: return;
        }
        for (const auto &rotation : pass.rotations)
            found.constant &= rotation.angle.data < 0;
        for (std::size_t k = 0; found.constant && k < pass.rotations.size(); ++k) {
            const auto shared = pass.rotations[found.order[k]].angle.shared;
            std::fill_n(found.waves.cosine[k], LANES<T>, shared < 0 ? T(1) : cosine[shared]);
            std::fill_n(found.waves.sine[k][0], LANES<T>, shared < 0 ? T(0) : sine[shared]);
            found.waves.complete(int(k));
        }
    }

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

} // namespace
} // namespace qcompile
