// Values and gradients of a batch under a gate program, by adjoint differentiation: the way back
// undoes the passes on the state instead of keeping states (Jones and Gacon 2020, arXiv:2009.02823).
//
// A library for each instruction set is made of this one file.
#include "kernel.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include "pool.hpp"
#include "worker_passes.hpp"
#include "worker_readout.hpp"
#include "worker_start.hpp"

namespace qcompile {
namespace {

constexpr std::int64_t FEWEST_CHUNKS = 16, MOST_CHUNKS = 64, BLOCKS_OF_A_CHUNK = 8;
constexpr double WORK_OF_A_THREAD = 2e5; // numbers turned: what waking one is worth

template <class T> std::int64_t blocks_of(std::int64_t tokens) {
    return (tokens + LANES<T> - 1) / LANES<T>;
}

std::int64_t chunks_of(std::int64_t blocks) {
    return std::min(blocks, std::clamp(blocks / BLOCKS_OF_A_CHUNK, FEWEST_CHUNKS, MOST_CHUNKS));
}

// The tokens in chunks that do not depend on the threads; body(worker, chunk, first, last block).
template <class T, int C, class Body>
void in_chunks(const Call<T, C> &call, int threads, bool backward, Body &&body) {
    const auto blocks = blocks_of<T>(call.batch);
    const auto chunks = chunks_of(blocks);
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> failed{false};
    auto work = [&] {
        try {
            Worker<T, C> worker(call, backward);
            for (;;) {
                const auto chunk = next++;
                if (chunk >= chunks)
                    break;
                body(worker, chunk, blocks * chunk / chunks, blocks * (chunk + 1) / chunks);
            }
        } catch (...) {
            failed = true;
        }
    };
    double passes = 2;
    for (const auto &pass : call.program.passes)
        passes += double(std::max<std::size_t>(1, pass.rotations.size()));
    const double total = passes * call.program.rows() * C * double(call.batch);
    const auto useful = std::min<std::int64_t>(chunks, 1 + std::int64_t(total / WORK_OF_A_THREAD));
    Pool::run(std::min<std::int64_t>(threads, useful) - 1, work);
    if (failed)
        throw std::bad_alloc();
}

template <class T, int C>
void all_values(const Call<T, C> &call, T *out, int threads) {
    in_chunks<T, C>(call, threads, false,
                    [&](Worker<T, C> &worker, std::int64_t, std::int64_t first, std::int64_t last) {
                        for (auto block = first; block < last; ++block)
                            worker.values(block * LANES<T>, out);
                    });
}

template <class T, int C>
void all_gradients(const Call<T, C> &call, const T *weights, T *of_data, T *of_angles, int threads) {
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

// body(1) for a state that stays real, else body(2), with constants.
template <class Body> void with_parts(bool real, Body &&body) {
    real ? body(std::integral_constant<int, 1>()) : body(std::integral_constant<int, 2>());
}

template <class T>
int values(const Code &code, const Batch<T> &batch, T *out, int threads) {
    return guarded([&] {
        const auto program = Reader(code.code, code.codes).read();
        batch.check(program);
        with_parts(program.real, [&](auto parts) {
            const Call<T, parts> call(program, batch.data, batch.tokens, batch.angles);
            all_values(call, out, threads);
        });
    });
}

template <class T>
int gradients(const Code &code, const Batch<T> &batch, const T *weights, T *of_data, T *of_angles,
              int threads) {
    return guarded([&] {
        const auto program = Reader(code.code, code.codes).read();
        batch.check(program);
        with_parts(program.real, [&](auto parts) {
            const Call<T, parts> call(program, batch.data, batch.tokens, batch.angles);
            all_gradients(call, weights, of_data, of_angles, threads);
        });
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
