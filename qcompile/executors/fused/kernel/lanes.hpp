// Tokens side by side: LANES<T> of them are one cache line, and every inner loop runs over them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace qcompile {

template <class T> constexpr int LANES = 64 / sizeof(T);

template <class Body, int... I> inline void unrolled(Body &&body, std::integer_sequence<int, I...>) {
    (body(std::integral_constant<int, I>()), ...);
}

// body(0), …, body(N - 1) with constants.
template <int N, class Body> inline void unroll(Body &&body) {
    unrolled(body, std::make_integer_sequence<int, N>());
}

// Sine and cosine by reduction to [-π/4, π/4]; Cody and Waite 1980, coefficients of fdlibm.
// Branch-free, for |x| < 1e5.
inline void sine_cosine(double x, double &sine, double &cosine) {
    constexpr double to_integer = 6755399441055744.0; // 1.5 · 2^52
    const double quarters = (x * 0.63661977236758134308 + to_integer) - to_integer;
    double y = x - quarters * 1.57079632673412561417e+00;
    y -= quarters * 6.07710050630396597660e-11;
    y -= quarters * 2.02226624879595063154e-21;
    const double z = y * y;
    const double s =
        y + y * z *
                (-1.66666666666666324348e-01 +
                 z * (8.33333333332248946124e-03 +
                      z * (-1.98412698298579493134e-04 +
                           z * (2.75573137070700676789e-06 +
                                z * (-2.50507602534068634195e-08 +
                                     z * 1.58969099521155010221e-10)))));
    const double c =
        1 - 0.5 * z +
        z * z *
            (4.16666666666666019037e-02 +
             z * (-1.38888888888741095749e-03 +
                  z * (2.48015872894767294178e-05 +
                       z * (-2.75573143513906633035e-07 +
                            z * (2.08757232129817482790e-09 +
                                 z * -1.13596475577881948265e-11)))));
    const double turns = 0.25 * quarters;
    const double place = turns - ((turns + to_integer) - to_integer); // 0, ±1/4, ±1/2
    const bool odd = std::fabs(place) == 0.25;
    const double sign_of_sine = (place == -0.25 || std::fabs(place) == 0.5) ? -1 : 1;
    const double sign_of_cosine = place > 0 || place == -0.5 ? -1 : 1;
    sine = sign_of_sine * (odd ? c : s);
    cosine = sign_of_cosine * (odd ? s : c);
}

// The same, for |x| < 8192; coefficients of Cephes.
inline void sine_cosine(float x, float &sine, float &cosine) {
    constexpr float to_integer = 12582912.0f; // 1.5 · 2^23
    const float quarters = (x * 0.636619772f + to_integer) - to_integer;
    float y = x - quarters * 1.5703125f;
    y -= quarters * 4.837512969970703125e-4f;
    y -= quarters * 7.54978995489188216e-8f;
    const float z = y * y;
    const float s =
        y + y * z * (-1.6666654611e-1f + z * (8.3321608736e-3f - z * 1.9515295891e-4f));
    const float c = 1 - 0.5f * z +
                    z * z * (4.166664568298827e-2f +
                             z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
    const float turns = 0.25f * quarters;
    const float place = turns - ((turns + to_integer) - to_integer);
    const bool odd = std::fabs(place) == 0.25f;
    const float sign_of_sine = (place == -0.25f || std::fabs(place) == 0.5f) ? -1.0f : 1.0f;
    const float sign_of_cosine = place > 0 || place == -0.5f ? -1.0f : 1.0f;
    sine = sign_of_sine * (odd ? c : s);
    cosine = sign_of_cosine * (odd ? s : c);
}

constexpr double LARGE_ANGLE = 1e5;

// Of `half`, exactly as the standard library where it is large or not finite.
template <class T, int N>
inline void waves(const double *half, T *cosine, T *sine) {
    bool small = true;
    for (int l = 0; l < N; ++l)
        small &= std::fabs(half[l]) < LARGE_ANGLE;
    if (small) {
#pragma omp simd
        for (int l = 0; l < N; ++l) {
            double s, c;
            sine_cosine(half[l], s, c);
            sine[l] = T(s);
            cosine[l] = T(c);
        }
    } else {
        for (int l = 0; l < N; ++l) {
            sine[l] = T(std::sin(half[l]));
            cosine[l] = T(std::cos(half[l]));
        }
    }
}

// tile[a][b] becomes tile[b][a]. Rows of the upper half between those of the lower turn the bits of a
// number's place around by one; as many times as a row's index has bits, it is its column's.
template <class T, int N> inline void transpose(T (&tile)[N][N]) {
    alignas(64) T other[N][N];
    T(*from)[N] = tile, (*to)[N] = other;
    int swapped = 0;
    for (int bit = 1; bit < N; bit *= 2) {
        for (int half = 0; half < N / 2; ++half) {
            const T *low = from[half], *high = from[half + N / 2];
            T *pairs = to[2 * half];
#pragma omp simd
            for (int k = 0; k < N; ++k) {
                pairs[2 * k] = low[k];
                pairs[2 * k + 1] = high[k];
            }
        }
        std::swap(from, to);
        swapped ^= 1;
    }
    if (swapped)
        std::copy_n(&other[0][0], N * N, &tile[0][0]);
}

} // namespace qcompile
