/* coverage.c -- how near the structures are to those of a reference set, and what of that set they reach; rows of all ranks. */
#include <math.h>
#include <string.h>

#include "evaluate/together.h"

/* Structures with both fingerprints: where they are in the whole set, and the numbers. */
typedef struct {
    int64_t n;
    double *index;       /* (n); doubles, which hold them exactly */
    double *structure;   /* (n,SH_CRYSTALNN_SIZE) */
    double *composition; /* (n,SH_MAGPIE_SIZE), scaled */
} prints;

static prints prints_of(const sh_magpie_tables *magpie, const sh_evaluation_share *s)
{
    prints p = {.index = SH_NEW(double, s->n),
                .structure = SH_NEW(double, s->n * SH_CRYSTALNN_SIZE),
                .composition = SH_NEW(double, s->n * SH_MAGPIE_SIZE)};
    for (int64_t i = 0; i < s->n; i++) {
        if (s->row[i].fingerprint_reason != SH_METRIC_OK || s->row[i].magpie_missing < 0) continue;
        memcpy(p.structure + p.n * SH_CRYSTALNN_SIZE, s->structure + i * SH_CRYSTALNN_SIZE, SH_CRYSTALNN_SIZE * sizeof(double));
        sh_magpie_scale(magpie, s->composition + i * SH_MAGPIE_SIZE, p.composition + p.n * SH_MAGPIE_SIZE);
        p.index[p.n++] = (double)(s->first + i);
    }
    return p;
}

static void release(prints *p)
{
    sh_free(p->index);
    sh_free(p->structure);
    sh_free(p->composition);
}

static prints gather(const sh_comm *comm, const prints *mine)
{
    prints all;
    int64_t n;
    all.index = sh_gather_doubles(comm, mine->index, mine->n, &all.n);
    all.structure = sh_gather_doubles(comm, mine->structure, mine->n * SH_CRYSTALNN_SIZE, &n);
    all.composition = sh_gather_doubles(comm, mine->composition, mine->n * SH_MAGPIE_SIZE, &n);
    return all;
}

/* From each of mine to the nearest of the reference. */
static int64_t precision(const sh_comm *comm, const prints *mine, const prints *reference, sh_evaluation_share *share, double cutoff_s,
                         double cutoff_c, sh_coverage *out)
{
    double *s = SH_NEW(double, mine->n), *c = SH_NEW(double, mine->n), *all_s, *all_c;
    int64_t *which = SH_NEW(int64_t, mine->n), n;
    sh_nearest_rows(mine->structure, mine->n, reference->structure, reference->n, SH_CRYSTALNN_SIZE, s, which);
    sh_nearest_rows(mine->composition, mine->n, reference->composition, reference->n, SH_MAGPIE_SIZE, c, NULL);
    for (int64_t k = 0; k < mine->n && reference->n; k++) {
        sh_evaluation_row *row = &share->row[(int64_t)mine->index[k] - share->first];
        row->nearest_reference = (int64_t)reference->index[which[k]];
        row->nearest_structure = s[k];
        row->nearest_composition = c[k];
    }
    all_s = sh_gather_doubles(comm, s, mine->n, &n);
    all_c = sh_gather_doubles(comm, c, mine->n, &n);
    int64_t near = sh_coverage_near(all_s, all_c, n, cutoff_s, cutoff_c, &out->amsd_precision, &out->amcd_precision);
    sh_free(s);
    sh_free(c);
    sh_free(which);
    sh_free(all_s);
    sh_free(all_c);
    return near;
}

/* From each of the reference to the nearest of any rank's. */
static int64_t recall(const sh_comm *comm, const prints *mine, const prints *reference, double cutoff_s, double cutoff_c, sh_coverage *out)
{
    int64_t n = reference->n;
    double *least = SH_NEW(double, 2 * n);
    sh_nearest_rows(reference->structure, n, mine->structure, mine->n, SH_CRYSTALNN_SIZE, least, NULL);
    sh_nearest_rows(reference->composition, n, mine->composition, mine->n, SH_MAGPIE_SIZE, least + n, NULL);
    MPI_Allreduce(MPI_IN_PLACE, least, (int)(2 * n), MPI_DOUBLE, MPI_MIN, comm->all);
    int64_t near = sh_coverage_near(least, least + n, n, cutoff_s, cutoff_c, &out->amsd_recall, &out->amcd_recall);
    sh_free(least);
    return near;
}

void sh_evaluate_coverage(const sh_comm *comm, const sh_magpie_tables *magpie, sh_evaluation_share *generated,
                          const sh_evaluation_share *reference, double cutoff_s, double cutoff_c, int64_t n_submitted,
                          sh_coverage_figures *out)
{
    prints mine = prints_of(magpie, generated), piece = prints_of(magpie, reference), all = gather(comm, &piece);
    *out = (sh_coverage_figures){.n_reference = all.n, .n_generated = mine.n};
    MPI_Allreduce(MPI_IN_PLACE, &out->n_generated, 1, MPI_INT64_T, MPI_SUM, comm->all);
    int64_t precise = precision(comm, &mine, &all, generated, cutoff_s, cutoff_c, &out->coverage);
    int64_t recalled = recall(comm, &mine, &all, cutoff_s, cutoff_c, &out->coverage);
    out->coverage.precision = n_submitted && all.n ? (double)precise / (double)n_submitted : NAN;
    out->coverage.recall = all.n ? (double)recalled / (double)all.n : NAN;
    release(&mine);
    release(&piece);
    release(&all);
}
