/* families.h -- how the crystals of a set spread over the six crystal families. */
#ifndef SH_METRICS_FAMILIES_H
#define SH_METRICS_FAMILIES_H

#include "crystal/group.h"

typedef struct {
    int64_t count[SH_N_FAMILY];
    int64_t n_known, n_unknown; /* crystals with a space group, and those without, which are left out */
    double index;     /* Shannon-Wiener, base 2: -sum p log2 p; 0 where n_known is 0 */
    double effective; /* 2^index: as many families, equally frequent, would have this index */
} sh_families;

/* sg_number (n): 1..230; anything else counts as unknown. */
void sh_families_of(const int32_t *sg_number, int64_t n, sh_families *out);

#endif
