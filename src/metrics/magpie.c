#include "metrics/magpie.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/memory.h"

static const char *const header = "z,Number,MendeleevNumber,AtomicWeight,MeltingT,Column,Row,CovalentRadius,Electronegativity,"
                                  "NsValence,NpValence,NdValence,NfValence,NValence,NsUnfilled,NpUnfilled,NdUnfilled,NfUnfilled,"
                                  "NUnfilled,GSvolume_pa,GSbandgap,GSmagmom,SpaceGroupNumber";

static sh_status read_properties(sh_csv *csv, void *tables)
{
    sh_magpie_tables *t = tables;
    bool more;
    int z;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, SH_MAX_Z, &z));
        for (int p = 0; p < SH_MAGPIE_PROPERTIES; p++)
            SH_TRY(sh_csv_number(csv, 1 + p, NAN, &t->property[z][p]));
    }
}

static sh_status read_scale(sh_csv *csv, void *tables)
{
    sh_magpie_tables *t = tables;
    bool more;
    for (int i = 0;; i++) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more && i == SH_MAGPIE_SIZE) return SH_OK;
        if (!more || i == SH_MAGPIE_SIZE)
            return SH_FAIL(SH_EINPUT, "%s:%d: there must be %d features", csv->path, csv->line, SH_MAGPIE_SIZE);
        SH_TRY(sh_csv_number(csv, 2, NAN, &t->mean[i]));
        SH_TRY(sh_csv_number(csv, 3, NAN, &t->std[i]));
        if (!(isfinite(t->mean[i]) && t->std[i] > 0))
            return SH_FAIL(SH_EINPUT, "%s:%d: a mean and a positive standard deviation are wanted", csv->path, csv->line);
    }
}

sh_status sh_magpie_create(const char *folder, sh_magpie_tables **out)
{
    char path[4096];
    sh_magpie_tables *t = SH_NEW(sh_magpie_tables, 1);
    *out = NULL;
    for (int z = 0; z <= SH_MAX_Z; z++)
        for (int p = 0; p < SH_MAGPIE_PROPERTIES; p++)
            t->property[z][p] = NAN;
    snprintf(path, sizeof path, "%s/magpie.csv", folder);
    sh_status status = sh_csv_read(path, header, read_properties, t);
    snprintf(path, sizeof path, "%s/magpie_scale.csv", folder);
    if (status == SH_OK) status = sh_csv_read(path, "property,statistic,mean,std", read_scale, t);
    if (status != SH_OK) {
        sh_magpie_destroy(&t);
        return status;
    }
    *out = t;
    return SH_OK;
}

void sh_magpie_destroy(sh_magpie_tables **tables)
{
    sh_free(*tables);
    *tables = NULL;
}

/* Of one property. The most frequent element: the smallest value where several are as frequent. */
static void statistics(const sh_magpie_tables *t, int p, int32_t n_kind, const int32_t *z, const int64_t *count, double out[6])
{
    double lo = INFINITY, hi = -INFINITY, sum = 0, weight = 0, away = 0, mode = INFINITY;
    int64_t most = 0;
    for (int32_t k = 0; k < n_kind; k++) {
        double value = t->property[z[k]][p];
        lo = value < lo ? value : lo;
        hi = value > hi ? value : hi;
        sum += (double)count[k] * value;
        weight += (double)count[k];
        most = count[k] > most ? count[k] : most;
    }
    double mean = sum / weight;
    for (int32_t k = 0; k < n_kind; k++) {
        double value = t->property[z[k]][p];
        away += (double)count[k] * fabs(value - mean);
        if ((double)(most - count[k]) > 1e-5 * (double)most + 1e-8) continue;
        if (isnan(value) || value < mode) mode = value; /* NaN stays: nothing is below it */
    }
    if (isnan(mean)) lo = hi = NAN;
    const double all[6] = {lo, hi, hi - lo, mean, away / weight, mode};
    memcpy(out, all, sizeof all);
}

int sh_magpie(const sh_magpie_tables *tables, int32_t n_kind, const int32_t *z, const int64_t *count, double *out)
{
    int n_unknown = 0;
    for (int i = 0; i < SH_MAGPIE_SIZE; i++)
        out[i] = NAN;
    for (int32_t k = 0; k < n_kind; k++)
        if (z[k] < 1 || z[k] > SH_MAX_Z) return SH_MAGPIE_SIZE;
    for (int p = 0; p < SH_MAGPIE_PROPERTIES && n_kind > 0; p++)
        statistics(tables, p, n_kind, z, count, out + SH_MAGPIE_STATISTICS * p);
    for (int i = 0; i < SH_MAGPIE_SIZE; i++)
        n_unknown += isnan(out[i]) != 0;
    return n_unknown;
}

void sh_magpie_scale(const sh_magpie_tables *t, const double *fingerprint, double *out)
{
    for (int i = 0; i < SH_MAGPIE_SIZE; i++)
        out[i] = isnan(fingerprint[i]) ? 0 : (fingerprint[i] - t->mean[i]) / t->std[i];
}
