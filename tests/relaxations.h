/* relaxations.h -- relaxing a list of cells in tests, with traces and results kept. */
#ifndef SH_TEST_RELAXATIONS_H
#define SH_TEST_RELAXATIONS_H

#include "test.h"

#include "base/memory.h"
#include "relax/lennard_jones.h"
#include "relax/relax.h"

enum { TRACE_MAX = 1024 };

typedef struct {
    sh_relax_result result; /* frac: kept here */
    int n_trace;
    double (*trace)[3]; /* energy, largest row, volume */
} relaxed;

typedef struct {
    const sh_cell *cells;
    int64_t n, given, n_done, most_in_hand;
    relaxed *out;
} relaxing;

static inline bool relaxing_next(void *user, int64_t n_in_hand, sh_relax_job *job)
{
    relaxing *r = user;
    r->most_in_hand = n_in_hand > r->most_in_hand ? n_in_hand : r->most_in_hand;
    if (r->given == r->n) return false;
    *job = (sh_relax_job){.id = r->given, .cell = r->cells[r->given]};
    r->given++;
    return true;
}

static inline void relaxing_done(void *user, const sh_relax_result *result)
{
    relaxing *r = user;
    relaxed *out = &r->out[result->id];
    double *frac = SH_NEW(double, 3 * result->n_atom);
    memcpy(frac, result->frac, (size_t)(3 * result->n_atom) * sizeof *frac);
    out->result = *result;
    out->result.frac = frac;
    r->n_done++;
}

static inline void relaxing_trace(void *user, int64_t id, int64_t n_step, double energy, double force_max, double volume)
{
    relaxed *out = &((relaxing *)user)->out[id];
    assert_int_equal(n_step, out->n_trace);
    assert_true(out->n_trace < TRACE_MAX);
    double *row = out->trace[out->n_trace++];
    row[0] = energy;
    row[1] = force_max;
    row[2] = volume;
}

/* Free with free_relaxed. */
static inline relaxed *relax_all(const sh_relax_model *model, const sh_relax_opts *opts, const sh_cell *cells, int64_t n)
{
    relaxing r = {.cells = cells, .n = n, .out = SH_NEW(relaxed, n)};
    for (int64_t i = 0; i < n; i++)
        r.out[i].trace = sh_calloc(TRACE_MAX, sizeof *r.out[i].trace);
    const sh_relax_source source = {.user = &r, .next = relaxing_next, .done = relaxing_done, .trace = relaxing_trace};
    sh_relax_run(model, opts, &source);
    assert_int_equal(r.n_done, n);
    assert_true(r.most_in_hand < opts->batch);
    return r.out;
}

static inline void free_relaxed(relaxed *list, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        sh_free((void *)list[i].result.frac);
        sh_free(list[i].trace);
    }
    sh_free(list);
}

#endif
