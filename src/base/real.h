/* real.h -- the number type of the networks: float, or double in the preset f64, where gradient checks
 * and golden tests hold tight limits. Crystals are always double: in float an edge and its reverse could
 * fall on different sides of a cut-off. */
#ifndef SH_BASE_REAL_H
#define SH_BASE_REAL_H

#include <stdint.h>

#ifdef SH_F64
typedef double sh_real;
#else
typedef float sh_real;
#endif

/* A function of both processors, where nvcc compiles it. */
#if defined(__CUDACC__)
#define SH_BODY static __host__ __device__ inline
#else
#define SH_BODY static inline
#endif

#define SH_PI 3.14159265358979323846

#endif
