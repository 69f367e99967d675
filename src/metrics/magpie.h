/* magpie.h -- the composition fingerprint: six statistics of each of 22 properties of the elements, weighted by their share. Magpie:
 * L. Ward et al., npj Comput. Mater. 2, 16028 (2016), as matminer's preset and CDVAE take it. docs/equations.md has the formulas. */
#ifndef SH_METRICS_MAGPIE_H
#define SH_METRICS_MAGPIE_H

#include "base/status.h"
#include "reward/tables.h"

enum {
    SH_MAGPIE_PROPERTIES = 22,
    SH_MAGPIE_STATISTICS = 6, /* smallest, largest, range, mean, mean deviation, value of the most frequent element */
    SH_MAGPIE_SIZE = SH_MAGPIE_PROPERTIES * SH_MAGPIE_STATISTICS
};

typedef struct {
    double property[SH_MAX_Z + 1][SH_MAGPIE_PROPERTIES]; /* NaN where unknown */
    double mean[SH_MAGPIE_SIZE], std[SH_MAGPIE_SIZE];    /* of the scaled fingerprint */
} sh_magpie_tables;

/* `folder` holds magpie.csv and magpie_scale.csv. *out is NULL on error. */
sh_status sh_magpie_create(const char *folder, sh_magpie_tables **out);
void sh_magpie_destroy(sh_magpie_tables **tables);

/* Of n_kind different elements z with their counts, in any order and to any scale, into out (132): statistic s of property p at
 * 6 p + s. NaN where an element's property is unknown. Returns how many are NaN: such a composition is left out of sums of unscaled
 * distances. */
int sh_magpie(const sh_magpie_tables *tables, int32_t n_kind, const int32_t *z, const int64_t *count, double *out);

/* (fingerprint - mean) / std, and 0 for NaN, as CDVAE has it; out may be the fingerprint itself. */
void sh_magpie_scale(const sh_magpie_tables *tables, const double *fingerprint, double *out);

#endif
