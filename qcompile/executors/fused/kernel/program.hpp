// A gate program as the library reads it: an array of integers, numbers among them by their bits.
//
// Written by qcompile/executors/fused/encoding.py. Whatever the array holds, nothing outside it is
// read, and every index is within its bounds afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace qcompile {

constexpr std::int64_t FORMAT = 1;
constexpr int FEWEST_BITS = 3;   // rows are taken by eights
constexpr int MOST_BITS = 14;    // two states of a thread fit in its cache
constexpr int LARGEST_BLOCK = 3; // rotations in one pass

using Row = std::uint32_t; // a basis state; as a mask, a set of its bits

// Half of it turns the state: the sum of a combination of the token's data and one for all tokens.
struct Angle {
    std::int64_t data, shared; // -1: none
    bool negative;
};

// exp(-i angle P / 2) on the rows of odd (or even) parity under `condition`, on all rows where it is 0.
// P has X on the bits of x alone, Z on those of z alone, Y on those of both.
struct Rotation {
    Row x, z, condition;
    bool odd;
    Angle angle;
};

struct Phase {
    Row z;
    Angle angle;
};

// Rotations in their order, or phases, which commute.
struct Pass {
    std::vector<Rotation> rotations;
    std::vector<Phase> phases;
};

// A rotation of one bit before all passes; axis 0, 1, 2: X, Y, Z.
struct Step {
    int bit, axis;
    Angle angle;
};

struct Pauli {
    Row x, z;
    bool negative;
};

struct Combination {
    double constant = 0;
    std::vector<std::pair<std::int64_t, double>> terms;
};

struct Program {
    int bits;
    bool real;
    std::int64_t width, angles, outputs; // of a token's data; trainable; values
    bool amplitudes;
    std::int64_t first, length; // the amplitudes among the data
    std::vector<Combination> data, shared;
    std::vector<Step> steps;
    std::vector<Pass> passes;
    bool probabilities;
    std::vector<Pauli> read; // strings, or the bits of an outcome, most significant first

    Row rows() const { return Row(1) << bits; }
};

class Reader {
  public:
    Reader(const std::int64_t *code, std::int64_t codes) : code_(code), codes_(codes) {}

    Program read() {
        Program program;
        within(FORMAT, FORMAT);
        program.bits = int(within(FEWEST_BITS, MOST_BITS));
        rows_ = program.rows();
        program.real = flag();
        program.width = within(0, LARGE);
        program.angles = within(0, LARGE);
        program.outputs = within(0, LARGE);
        program.amplitudes = flag();
        program.first = within(0, program.width);
        program.length = within(0, program.width - program.first);
        require(program.length <= std::int64_t(rows_));
        program.data = combinations(program.width, false);
        program.shared = combinations(program.angles, true);
        data_ = std::int64_t(program.data.size());
        shared_ = std::int64_t(program.shared.size());
        for (auto left = size(); left > 0; --left) {
            Step step;
            step.bit = int(within(0, program.bits - 1));
            step.axis = int(within(0, 2));
            step.angle = angle();
            require(!program.real || step.axis == 1);
            require(!program.amplitudes);
            program.steps.push_back(step);
        }
        for (auto left = size(); left > 0; --left)
            program.passes.push_back(flag() ? phases(program.real) : rotations(program.real));
        program.probabilities = flag();
        for (auto left = size(); left > 0; --left)
            program.read.push_back(pauli(program));
        const auto values = std::int64_t(program.read.size());
        require(values <= (program.probabilities ? program.bits : LARGE));
        require(program.outputs == (program.probabilities ? std::int64_t(1) << values : values));
        require(at_ == codes_);
        return program;
    }

  private:
    static constexpr std::int64_t LARGE = std::int64_t(1) << 31;

    static void require(bool condition) {
        if (!condition)
            throw std::invalid_argument("no gate program");
    }

    std::int64_t within(std::int64_t low, std::int64_t high) {
        require(at_ < codes_);
        const std::int64_t value = code_[at_++];
        require(low <= value && value <= high);
        return value;
    }

    double number() {
        require(at_ < codes_);
        double value;
        std::memcpy(&value, code_ + at_++, sizeof value);
        return value;
    }

    bool flag() { return within(0, 1) != 0; }
    std::int64_t size() { return within(0, codes_); }
    Row mask() { return Row(within(0, rows_ - 1)); }

    std::vector<Combination> combinations(std::int64_t inputs, bool constant) {
        std::vector<Combination> found;
        for (auto left = size(); left > 0; --left) {
            Combination combination;
            if (constant)
                combination.constant = number();
            for (auto terms = size(); terms > 0; --terms) {
                const auto index = within(0, inputs - 1);
                combination.terms.emplace_back(index, number());
            }
            found.push_back(std::move(combination));
        }
        return found;
    }

    Angle angle() {
        Angle found;
        found.data = within(-1, data_ - 1);
        found.shared = within(-1, shared_ - 1);
        found.negative = flag();
        return found;
    }

    // Rotations of one pass move rows independently of each other and commute; a condition stands alone.
    Pass rotations(bool real) {
        Pass pass;
        std::vector<Row> reduced;
        for (auto left = within(1, LARGEST_BLOCK); left > 0; --left) {
            Rotation rotation;
            rotation.x = mask();
            rotation.z = mask();
            rotation.condition = mask();
            rotation.odd = flag();
            rotation.angle = angle();
            Row rest = rotation.x;
            for (Row other : reduced)
                rest = rest < (rest ^ other) ? rest : rest ^ other;
            require(rest != 0);
            reduced.push_back(rest);
            require(!real || count(rotation.x & rotation.z) % 2 == 1);
            require(count(rotation.x & rotation.condition) % 2 == 0);
            require(rotation.condition == 0 || (pass.rotations.empty() && left == 1));
            for (const Rotation &other : pass.rotations)
                require((count(rotation.x & other.z) + count(rotation.z & other.x)) % 2 == 0);
            pass.rotations.push_back(rotation);
        }
        return pass;
    }

    Pass phases(bool real) {
        Pass pass;
        require(!real);
        for (auto left = size(); left > 0; --left) {
            Phase phase;
            phase.z = mask();
            phase.angle = angle();
            // One of data and one for all are two phases.
            require((phase.angle.data < 0) != (phase.angle.shared < 0));
            pass.phases.push_back(phase);
        }
        return pass;
    }

    Pauli pauli(const Program &program) {
        Pauli found;
        found.x = mask();
        found.z = mask();
        found.negative = flag();
        require(!program.probabilities || found.x == 0);
        return found;
    }

    static int count(Row mask) {
        int found = 0;
        for (; mask != 0; mask &= mask - 1)
            ++found;
        return found;
    }

    const std::int64_t *code_;
    std::int64_t codes_;
    std::int64_t at_ = 0, data_ = 0, shared_ = 0;
    Row rows_ = 1;
};

} // namespace qcompile
