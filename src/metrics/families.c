#include "metrics/families.h"

#include <math.h>

void sh_families_of(const int32_t *sg_number, int64_t n, sh_families *out)
{
    *out = (sh_families){.n_known = 0};
    for (int64_t i = 0; i < n; i++)
        if (sg_number[i] >= 1 && sg_number[i] <= SH_N_GROUP) {
            out->count[sh_group_family(sg_number[i])]++;
            out->n_known++;
        }
    out->n_unknown = n - out->n_known;
    for (int f = 0; f < SH_N_FAMILY; f++) {
        double p = (double)out->count[f] / (double)out->n_known;
        if (out->count[f]) out->index -= p * log2(p);
    }
    out->index = fmax(0.0, out->index); /* not -0 of a single family */
    out->effective = exp2(out->index);
}
