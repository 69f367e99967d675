/* gcd.h -- greatest common divisor. */
#ifndef SH_BASE_GCD_H
#define SH_BASE_GCD_H

#include <stdint.h>

/* Of numbers that are not negative; 0 and b give b. */
static inline int64_t sh_gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

#endif
