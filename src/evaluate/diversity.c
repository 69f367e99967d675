/* diversity.c -- mean distances, Vendi scores and the map of fingerprints. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "evaluate/together.h"
#include "metrics/components.h"
#include "metrics/pairs.h"
#include "metrics/vendi.h"

enum { LARGE = 5000 }; /* beyond, the eigenvalues of a kernel matrix take minutes to hours */

/* Fingerprints of a share without gaps. */
typedef struct {
    int64_t n;
    int d;
    int64_t *index; /* (n) in the share */
    double *x;      /* (n,d) */
} packed;

typedef enum { STRUCTURE, COMPOSITION, SCALED } what;

static bool has(const sh_evaluation_row *row, what w)
{
    if (row->fingerprint_reason != SH_METRIC_OK) return false;
    return w == STRUCTURE || (w == COMPOSITION ? row->magpie_missing == 0 : row->magpie_missing >= 0);
}

static packed pack(const sh_magpie_tables *magpie, const sh_evaluation_share *s, what w)
{
    packed p = {.d = w == STRUCTURE ? (int)SH_CRYSTALNN_SIZE : (int)SH_MAGPIE_SIZE, .index = SH_NEW(int64_t, s->n)};
    const double *from = w == STRUCTURE ? s->structure : s->composition;
    p.x = SH_NEW(double, s->n * p.d);
    for (int64_t i = 0; i < s->n; i++) {
        double *to = p.x + p.n * p.d;
        if (!has(&s->row[i], w)) continue;
        if (w == SCALED)
            sh_magpie_scale(magpie, from + i * p.d, to);
        else
            memcpy(to, from + i * p.d, (size_t)p.d * sizeof *to);
        p.index[p.n++] = i;
    }
    return p;
}

static void unpack(packed *p)
{
    sh_free(p->index);
    sh_free(p->x);
}

static sh_rows rows_of(const packed *p)
{
    return (sh_rows){p->x, p->n, p->d};
}

static int64_t total(const sh_comm *comm, int64_t mine)
{
    MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_INT64_T, MPI_SUM, comm->all);
    return mine;
}

/* Too many rows for this machine is no reason to lose all the rest. */
static sh_status score(sh_comm *comm, const packed *p, sh_similarity similarity, sh_vendi_figure *out)
{
    const sh_vendi_options options = {.similarity = similarity};
    const sh_rows rows = rows_of(p);
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_vendi v = {0};
    sh_status status = sh_vendi_compute(comm, &rows, &options, arena, &v);
    out->order_1 = out->order_2 = out->order_inf = NAN;
    if (status == SH_OK && v.n > 0) {
        out->order_1 = v.order_1;
        out->order_2 = v.order_2;
        out->order_inf = v.order_inf;
    }
    out->n = v.n;
    snprintf(out->how, sizeof out->how, "%s", status == SH_OK ? (v.n ? v.how : "no fingerprints") : sh_error_message());
    if (status == SH_EMEM) {
        sh_error_clear();
        status = SH_OK;
    }
    sh_arena_destroy(&arena);
    return status;
}

/* Order 2 needs no eigenvalues. */
static sh_status score_of_large(sh_comm *comm, const packed *p, sh_similarity similarity, sh_vendi_figure *out)
{
    const sh_rows rows = rows_of(p);
    out->order_1 = out->order_inf = NAN;
    out->n = total(comm, p->n);
    snprintf(out->how, sizeof out->how, "not asked for of more than %d (--every-score)", LARGE);
    return sh_vendi_order_2(comm, &rows, &similarity, &out->order_2);
}

static sh_status all_scores(sh_comm *comm, const packed *structure, const packed *scaled, bool every_score, sh_diversity *out)
{
    const struct {
        const char *key, *label;
        const packed *rows;
        sh_similarity similarity;
    } kernels[SH_N_VENDI] = {
        {"cosine_structure", "cosine, structures", structure, {.kind = SH_SIMILARITY_COSINE}},
        {"gaussian_structure", "Gaussian 0.5, structures", structure, {.kind = SH_SIMILARITY_GAUSSIAN, .sigma = 0.5}},
        {"gaussian_composition", "Gaussian 5, compositions", scaled, {.kind = SH_SIMILARITY_GAUSSIAN, .sigma = 5}},
    };
    for (int k = 0; k < SH_N_VENDI; k++) {
        out->vendi[k].key = kernels[k].key;
        out->vendi[k].label = kernels[k].label;
        bool large = kernels[k].similarity.kind == SH_SIMILARITY_GAUSSIAN && out->n > LARGE;
        if (large && every_score) sh_log_info("Vendi score, %s, of %lld: may take long", kernels[k].label, (long long)out->n);
        SH_TRY((large && !every_score ? score_of_large : score)(comm, kernels[k].rows, kernels[k].similarity, &out->vendi[k]));
    }
    return SH_OK;
}

static sh_status draw_map(sh_comm *comm, const packed *structure, sh_evaluation_share *share, sh_diversity *out)
{
    sh_components components;
    const sh_rows rows = rows_of(structure);
    out->map_share = NAN;
    if (out->n < 3) return SH_OK;
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_status status = sh_components_create(comm, &rows, 2, arena, &components);
    if (status == SH_OK && components.total > 0) {
        double *map = SH_NEW(double, 2 * structure->n);
        sh_components_project(&components, &rows, map);
        for (int64_t k = 0; k < structure->n; k++)
            memcpy(share->row[structure->index[k]].map, map + 2 * k, 2 * sizeof *map);
        out->map_share = (components.variance[0] + components.variance[1]) / components.total;
        sh_free(map);
    }
    sh_arena_destroy(&arena);
    return status;
}

static sh_status measure(sh_comm *comm, const packed *structure, const packed *composition, const packed *scaled,
                         bool every_score, sh_evaluation_share *share, sh_diversity *out)
{
    const sh_rows rows[3] = {rows_of(structure), rows_of(composition), rows_of(scaled)};
    SH_TRY(sh_mean_distance(comm, &rows[0], &out->structure));
    SH_TRY(sh_mean_distance(comm, &rows[1], &out->composition));
    SH_TRY(sh_mean_distance(comm, &rows[2], &out->composition_scaled));
    SH_TRY(all_scores(comm, structure, scaled, every_score, out));
    return draw_map(comm, structure, share, out);
}

sh_status sh_evaluate_diversity(sh_comm *comm, const sh_magpie_tables *magpie, bool every_score, sh_evaluation_share *share,
                                sh_diversity *out)
{
    packed structure = pack(magpie, share, STRUCTURE), composition = pack(magpie, share, COMPOSITION), scaled = pack(magpie, share, SCALED);
    *out = (sh_diversity){.n = total(comm, structure.n), .n_composition = total(comm, composition.n), .n_scaled = total(comm, scaled.n)};
    sh_status status = measure(comm, &structure, &composition, &scaled, every_score, share, out);
    unpack(&structure);
    unpack(&composition);
    unpack(&scaled);
    return status;
}
