// The C interface: values and gradients of a batch under a gate program.
//
// Every call reads and checks the program, so that no arrays can lead out of bounds.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "program.hpp"

#if defined(_WIN32)
#define QCOMPILE_EXPORT extern "C" __declspec(dllexport)
#else
#define QCOMPILE_EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace qcompile {

enum Outcome : int { DONE = 0, NO_PROGRAM = 1, NO_MEMORY = 2 };

struct Code {
    const std::int64_t *code;
    std::int64_t codes;
};

// data (tokens, width), angles (count,), results (tokens, outputs), contiguous.
template <class T> struct Batch {
    const T *data;
    std::int64_t tokens, width;
    const T *angles;
    std::int64_t count, outputs;

    void check(const Program &program) const {
        if (tokens < 0 || width != program.width || count != program.angles ||
            outputs != program.outputs)
            throw std::invalid_argument("another batch than the program's");
    }
};

} // namespace qcompile
