#include "evaluate/each.h"

#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <string.h>

#include "metrics/matcher.h"
#include "relax/relax.h"

enum { CHUNK = 256 };

void sh_evaluation_share_create(const sh_evaluation_inputs *in, int rank, int size, sh_evaluation_share *out)
{
    *out = (sh_evaluation_share){0};
    sh_cell_list_slice(&in->raw, rank, size, &out->first, &out->n);
    out->row = SH_NEW(sh_evaluation_row, out->n);
    out->structure = SH_NEW(double, out->n * SH_CRYSTALNN_SIZE);
    out->composition = SH_NEW(double, out->n * SH_MAGPIE_SIZE);
}

void sh_evaluation_share_destroy(sh_evaluation_share *share)
{
    sh_free(share->row);
    sh_free(share->structure);
    sh_free(share->composition);
    *share = (sh_evaluation_share){0};
}

/* ---- one structure ---- */

static void look_at_composition(const sh_evaluation_tools *t, const sh_cell *cell, double *composition, sh_evaluation_row *row)
{
    int32_t z[SH_MAX_Z + 1];
    int64_t count[SH_MAX_Z + 1] = {0};
    int32_t n = 0;
    for (int64_t a = 0; a < cell->n_atom; a++)
        if (cell->z[a] >= 1 && cell->z[a] <= SH_MAX_Z) count[cell->z[a]]++;
    for (int32_t k = 1; k <= SH_MAX_Z; k++)
        if (count[k]) {
            z[n] = k;
            count[n++] = count[k];
        }
    if (n) row->magpie_missing = sh_magpie(t->magpie, n, z, count, composition);
}

static void keep_verdict(const sh_verdict *v, sh_evaluation_row *row)
{
    row->n_kind = v->n_kind;
    row->structure_valid = v->structure;
    row->composition_valid = v->composition;
    row->valid = v->structure && v->composition;
    row->own_images = v->own_images;
    row->bonds = v->bonds;
    row->metric_reason = (int32_t)v->reason;
    row->formula = v->formula;
    row->volume = v->distances.volume;
    row->density = v->density;
    row->nearest_pair = v->distances.nearest;
    row->bond_score = v->bond_score;
}

static void match_pair(const sh_cell *raw, const sh_cell *relaxed, sh_arena *scratch, sh_evaluation_row *row)
{
    sh_reduced a, b;
    sh_match match;
    row->match_authors = row->match_default = 0;
    if (!sh_reduced_create(raw, scratch, &a) || !sh_reduced_create(relaxed, scratch, &b)) return;
    sh_match_pair(&a, &b, &sh_match_authors, false, scratch, &match);
    row->match_authors = match.fit;
    row->rms_authors = match.rms;
    sh_match_pair(&a, &b, &sh_match_default, false, scratch, &match);
    row->match_default = match.fit;
    row->rms_default = match.rms;
}

static void look_at_relaxed(const sh_evaluation_tools *t, const sh_cell *raw, const sh_symmetry *before, const sh_cell *relaxed,
                            sh_arena *scratch, sh_evaluation_row *row)
{
    sh_distances distances = {.volume = NAN};
    row->relaxed = relaxed->n_atom > 0;
    row->relaxed_energy_reason = SH_JUDGED_CELL;
    if (!row->relaxed) return;
    if (sh_distances_of(relaxed, &distances)) row->relaxed_energy_reason = (int32_t)sh_judge_can(t->judge, relaxed, &distances);
    sh_symmetry after = sh_symmetry_of(relaxed, t->symprec);
    row->group_relaxed = after.number;
    row->group_change = (int32_t)sh_symmetry_compare(before, &after);
    if (row->group > 0) row->group_kept = row->group == row->group_relaxed;
    match_pair(raw, relaxed, scratch, row);
}

static void look_at(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t i, sh_arena *scratch, double *structure,
                    double *composition, sh_evaluation_row *row)
{
    sh_cell cell = sh_cell_list_at(&in->raw, i);
    sh_verdict verdict;
    *row = sh_evaluation_row_empty();
    row->n_atom = cell.n_atom;
    row->reward = in->reward[i];
    row->sampled_group = in->sampled_group[i] ? in->sampled_group[i] : SH_UNKNOWN;
    row->relaxation = in->relaxation[i];
    row->fingerprint_reason = SH_METRIC_CELL;
    row->energy_reason = row->gap_reason = row->relaxed_energy_reason = SH_JUDGED_CELL;
    row->metric_reason = SH_METRIC_CELL;
    if (cell.n_atom == 0) return;
    sh_verdict_of(t->tables, &cell, scratch, &verdict);
    keep_verdict(&verdict, row);
    sh_symmetry symmetry = sh_symmetry_of(&cell, t->symprec);
    row->group = symmetry.number;
    row->fingerprint_reason = (int32_t)(verdict.structure ? sh_crystalnn(t->tables, &cell, scratch, structure) : verdict.reason);
    look_at_composition(t, &cell, composition, row);
    row->energy_reason = (int32_t)sh_judge_can(t->judge, &cell, &verdict.distances);
    row->gap_reason = (int32_t)sh_judge_can(t->gap_judge, &cell, &verdict.distances);
    if (!in->has_relaxed) return;
    sh_cell relaxed = sh_cell_list_at(&in->relaxed, i);
    look_at_relaxed(t, &cell, &symmetry, &relaxed, scratch, row);
}

/* ---- energies ---- */

/* The cells of a list whose rows can be judged, and which rows they are. */
typedef struct {
    int64_t n, row[CHUNK];
    sh_cell cell[CHUNK];
    double e_total[CHUNK], e_form[CHUNK];
} judged;

/* Those of the n rows whose reason, the integer at `reason` in a row, says that they can be judged. */
static void choose(const sh_cell_list *cells, int64_t first, const sh_evaluation_row *row, int64_t n, size_t reason, judged *x)
{
    x->n = 0;
    for (int64_t i = 0; i < n; i++) {
        if (*(const int32_t *)((const char *)&row[i] + reason) != SH_JUDGED) continue;
        x->cell[x->n] = sh_cell_list_at(cells, first + i);
        x->row[x->n++] = i;
    }
}

static void ask(const sh_evaluation_tools *t, judged *x, sh_arena *arena)
{
    for (int64_t k = 0; k < x->n; k++)
        x->e_total[k] = x->e_form[k] = NAN;
    if (x->n) sh_judge_energies(t->judge, x->cell, x->n, arena, x->e_total, x->e_form);
}

static int32_t reason_after(double e_total, double e_form)
{
    return isfinite(e_total) || isfinite(e_form) ? SH_JUDGED : SH_JUDGED_NOT_FINITE;
}

static void ask_about_chunk(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t first, int64_t n, sh_evaluation_row *row,
                            judged *x, sh_arena *arena)
{
    choose(&in->raw, first, row, n, offsetof(sh_evaluation_row, energy_reason), x);
    ask(t, x, arena);
    for (int64_t k = 0; k < x->n; k++) {
        sh_evaluation_row *r = &row[x->row[k]];
        r->e_total = x->e_total[k];
        r->e_form = x->e_form[k];
        r->energy_reason = reason_after(r->e_total, r->e_form);
    }
    if (!in->has_relaxed) return;
    choose(&in->relaxed, first, row, n, offsetof(sh_evaluation_row, relaxed_energy_reason), x);
    ask(t, x, arena);
    for (int64_t k = 0; k < x->n; k++) {
        sh_evaluation_row *r = &row[x->row[k]];
        r->e_total_relaxed = x->e_total[k];
        r->e_form_relaxed = x->e_form[k];
        r->relaxed_energy_reason = reason_after(r->e_total_relaxed, r->e_form_relaxed);
    }
}

static void ask_for_gaps(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t first, int64_t n, sh_evaluation_row *row,
                         judged *x, sh_arena *arena)
{
    choose(&in->raw, first, row, n, offsetof(sh_evaluation_row, gap_reason), x);
    if (x->n) sh_judge_gaps(t->gap_judge, x->cell, x->n, arena, x->e_total);
    for (int64_t k = 0; k < x->n; k++) {
        sh_evaluation_row *r = &row[x->row[k]];
        r->band_gap = x->e_total[k];
        if (!isfinite(r->band_gap)) r->gap_reason = SH_JUDGED_NOT_FINITE;
    }
}

static double above_hull(const sh_evaluation_tools *t, const sh_cell *cell, double e_total, double e_form, sh_arena *scratch)
{
    double energy = t->hull_energy == SH_ENERGY_TOTAL ? e_total / (double)cell->n_atom : e_form;
    sh_hull_result result;
    sh_phase phase;
    if (!t->hull || !isfinite(energy)) return NAN;
    if (sh_phase_create(cell->z, NULL, cell->n_atom, energy, &phase) != SH_OK) {
        sh_error_clear();
        return NAN;
    }
    sh_hull_energy(t->hull, &phase, scratch, &result);
    return result.feasible ? result.above : NAN;
}

static void look_at_hull(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t i, sh_arena *scratch, sh_evaluation_row *row)
{
    sh_cell cell = sh_cell_list_at(&in->raw, i);
    row->e_above_hull = above_hull(t, &cell, row->e_total, row->e_form, scratch);
    if (!in->has_relaxed) return;
    cell = sh_cell_list_at(&in->relaxed, i);
    row->e_above_hull_relaxed = above_hull(t, &cell, row->e_total_relaxed, row->e_form_relaxed, scratch);
}

/* ---- all of them ---- */

static sh_arena **create_scratch(int n)
{
    sh_arena **scratch = SH_NEW(sh_arena *, n);
    for (int k = 0; k < n; k++)
        scratch[k] = sh_arena_create(1 << 16);
    return scratch;
}

static void destroy_scratch(sh_arena **scratch, int n)
{
    for (int k = 0; k < n; k++)
        sh_arena_destroy(&scratch[k]);
    sh_free(scratch);
}

void sh_evaluate_each(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, sh_evaluation_share *s, sh_progress *progress)
{
    int n_thread = omp_get_max_threads();
    sh_arena *arena = sh_arena_create(1 << 20), **scratch = create_scratch(n_thread);
    judged *x = SH_NEW(judged, 1);
    for (int64_t first = 0; first < s->n; first += CHUNK) {
        int64_t n = s->n - first < CHUNK ? s->n - first : CHUNK;
        sh_evaluation_row *row = s->row + first;
#pragma omp parallel for schedule(dynamic) num_threads(n_thread)
        for (int64_t i = 0; i < n; i++) {
            sh_arena *mine = scratch[omp_get_thread_num()];
            sh_arena_reset(mine);
            look_at(t, in, s->first + first + i, mine, s->structure + (first + i) * SH_CRYSTALNN_SIZE,
                    s->composition + (first + i) * SH_MAGPIE_SIZE, &row[i]);
        }
        ask_about_chunk(t, in, s->first + first, n, row, x, arena);
        ask_for_gaps(t, in, s->first + first, n, row, x, arena);
#pragma omp parallel for schedule(dynamic) num_threads(n_thread)
        for (int64_t i = 0; i < n; i++) {
            sh_arena *mine = scratch[omp_get_thread_num()];
            sh_arena_reset(mine);
            look_at_hull(t, in, s->first + first + i, mine, &row[i]);
        }
        sh_progress_update(progress, first + n, NULL);
    }
    sh_free(x);
    destroy_scratch(scratch, n_thread);
    sh_arena_destroy(&arena);
}

void sh_evaluate_energies(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t first, int64_t n, double *e_form,
                          sh_progress *progress)
{
    sh_arena *arena = sh_arena_create(1 << 20);
    judged *x = SH_NEW(judged, 1);
    for (int64_t done = 0; done < n; done += CHUNK) {
        x->n = 0;
        for (int64_t i = done; i < n && i < done + CHUNK; i++) {
            sh_cell cell = sh_cell_list_at(&in->raw, first + i);
            sh_distances distances;
            e_form[i] = NAN;
            if (cell.n_atom == 0 || !sh_distances_of(&cell, &distances) || sh_judge_can(t->judge, &cell, &distances) != SH_JUDGED) continue;
            x->cell[x->n] = cell;
            x->row[x->n++] = i;
        }
        ask(t, x, arena);
        for (int64_t k = 0; k < x->n; k++)
            e_form[x->row[k]] = x->e_form[k];
        sh_progress_update(progress, done + CHUNK < n ? done + CHUNK : n, NULL);
    }
    sh_free(x);
    sh_arena_destroy(&arena);
}
