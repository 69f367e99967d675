/* rng.h -- random numbers as a function of what they are for.
 *
 * Philox4x32-10 (Salmon et al., SC 2011; Random123) with key (seed) and counter (trajectory, step, draw): no
 * generator has a state to save, and no rank stands in the key, so a trajectory is the same wherever it is drawn. */
#ifndef SH_BASE_RNG_H
#define SH_BASE_RNG_H

#include <math.h>
#include <stdint.h>

#include <Random123/philox.h>

#include "base/real.h"

typedef struct {
    uint64_t seed, traj; /* traj: global number of the trajectory */
    uint32_t step;       /* step inside it */
} sh_rng;

/* Uniform in (0, 1), 53 bits, never 0 or 1. `draw` numbers the draws of a step; each gives two numbers. */
SH_BODY void sh_rng_u01x2(const sh_rng *r, uint32_t draw, double out[2])
{
    philox4x32_ctr_t counter = {{(uint32_t)r->traj, (uint32_t)(r->traj >> 32), r->step, draw}};
    philox4x32_key_t key = {{(uint32_t)r->seed, (uint32_t)(r->seed >> 32)}};
    philox4x32_ctr_t word = philox4x32(counter, key);
    for (int i = 0; i < 2; i++) {
        uint64_t bits = ((uint64_t)word.v[2 * i] << 32 | word.v[2 * i + 1]) >> 11;
        out[i] = ((double)bits + 0.5) * 0x1p-53;
    }
}

SH_BODY double sh_rng_u01(const sh_rng *r, uint32_t draw)
{
    double u[2];
    sh_rng_u01x2(r, draw, u);
    return u[0];
}

/* Two independent standard normal numbers (Box and Muller 1958). */
SH_BODY void sh_rng_normalx2(const sh_rng *r, uint32_t draw, double out[2])
{
    double u[2];
    sh_rng_u01x2(r, draw, u);
    double radius = sqrt(-2 * log(u[0])), angle = 2 * 3.14159265358979323846 * u[1];
    out[0] = radius * cos(angle);
    out[1] = radius * sin(angle);
}

#endif
