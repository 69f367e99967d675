#include "evaluate/each.h"

#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <string.h>

#include "composition.h"
#include "metrics/matcher.h"
#include "relax/relax.h"

enum { CHUNK = SH_LARGEST_PIECE };

/* ---- one structure ---- */

static void look_at_composition(const sh_evaluation_tools *t, const sh_cell *cell, double *composition, sh_evaluation_row *row)
{
    int32_t z[SH_MAX_Z];
    int64_t count[SH_MAX_Z];
    sh_composition c = {.z = z, .count = count};
    if (sh_composition_of_atoms(cell->n_atom, cell->z, &c)) row->magpie_missing = sh_magpie(t->magpie, c.n_kind, z, count, composition);
}

static void keep_verdict(const sh_verdict *v, sh_evaluation_row *row)
{
    row->n_kind = v->n_kind;
    row->structure_valid = v->structure;
    row->composition_valid = v->composition;
    row->valid = v->structure && v->composition;
    row->own_images = v->own_images;
    row->bonds = v->bonds;
    row->near = v->near;
    row->bond_missing = v->bond_missing;
    row->metric_reason = (int32_t)v->reason;
    row->formula = v->formula;
    row->volume = v->distances.volume;
    row->density = v->density;
    row->nearest_pair = v->distances.nearest;
    row->bond_score = v->bond_score;
    row->bond_score_text = v->bond_score_text;
}

static void match_pair(const sh_cell *raw, const sh_cell *relaxed, sh_arena *scratch, sh_evaluation_row *row)
{
    const struct {
        const sh_match_opts *opts;
        int32_t *fit;
        double *rms;
    } kinds[] = {{&sh_match_authors, &row->match_authors, &row->rms_authors},
                 {&sh_match_cdvae, &row->match_cdvae, &row->rms_cdvae},
                 {&sh_match_default, &row->match_default, &row->rms_default}};
    enum { N = sizeof kinds / sizeof *kinds };
    sh_reduced a, b;
    sh_match match;
    bool matched;
    for (int k = 0; k < N; k++)
        *kinds[k].fit = 0;
    row->composition_kept = sh_cell_formula(raw) == sh_cell_formula(relaxed);
    row->rmsd = sh_match_rmsd(raw, relaxed, scratch, &matched);
    row->rmsd_matched = matched;
    if (!sh_reduced_create(raw, scratch, &a) || !sh_reduced_create(relaxed, scratch, &b)) return;
    for (int k = 0; k < N; k++) {
        sh_match_pair(&a, &b, kinds[k].opts, false, scratch, &match);
        *kinds[k].fit = match.fit;
        *kinds[k].rms = match.rms;
    }
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

/* *above and *separation stay NaN where there is no energy, or the hull does not reach the composition. */
static void above_hull(const sh_evaluation_tools *t, const sh_cell *cell, double e_total, double e_form, sh_arena *scratch, double *above,
                       double *separation)
{
    double energy = t->hull_energy == SH_ENERGY_TOTAL ? e_total / (double)cell->n_atom : e_form;
    sh_hull_result result;
    sh_phase phase;
    if (!t->hull || !isfinite(energy)) return;
    if (sh_phase_create(cell->z, NULL, cell->n_atom, energy, &phase) != SH_OK) {
        sh_error_clear();
        return;
    }
    sh_hull_energy(t->hull, &phase, scratch, &result);
    if (!result.feasible) return;
    *above = result.above;
    *separation = sh_hull_phase_separation(t->hull, &phase, scratch);
}

static void look_at_hull(const sh_evaluation_tools *t, const sh_evaluation_inputs *in, int64_t i, sh_arena *scratch, sh_evaluation_row *row)
{
    sh_cell cell = sh_cell_list_at(&in->raw, i);
    above_hull(t, &cell, row->e_total, row->e_form, scratch, &row->e_above_hull, &row->separation);
    if (!in->has_relaxed) return;
    cell = sh_cell_list_at(&in->relaxed, i);
    above_hull(t, &cell, row->e_total_relaxed, row->e_form_relaxed, scratch, &row->e_above_hull_relaxed, &row->separation_relaxed);
}

/* ---- a piece of the list ---- */

struct sh_evaluator {
    const sh_evaluation_tools *tools;
    const sh_evaluation_inputs *in;
    int n_thread;
    sh_arena *arena, **scratch; /* of the judges; (n_thread) of the rest */
    judged judged;
};

sh_evaluator *sh_evaluator_create(const sh_evaluation_tools *tools, const sh_evaluation_inputs *in)
{
    sh_evaluator *e = SH_NEW(sh_evaluator, 1);
    e->tools = tools;
    e->in = in;
    e->n_thread = omp_get_max_threads();
    e->arena = sh_arena_create(1 << 20);
    e->scratch = SH_NEW(sh_arena *, e->n_thread);
    for (int k = 0; k < e->n_thread; k++)
        e->scratch[k] = sh_arena_create(1 << 16);
    return e;
}

void sh_evaluator_destroy(sh_evaluator **evaluator)
{
    sh_evaluator *e = *evaluator;
    for (int k = 0; k < e->n_thread; k++)
        sh_arena_destroy(&e->scratch[k]);
    sh_free(e->scratch);
    sh_arena_destroy(&e->arena);
    sh_free(e);
    *evaluator = NULL;
}

void sh_evaluate_piece(sh_evaluator *e, int64_t first, int64_t n, sh_evaluation_row *row, double *structure, double *composition)
{
    SH_ASSERT(n <= SH_LARGEST_PIECE);
#pragma omp parallel for schedule(dynamic) num_threads(e->n_thread)
    for (int64_t i = 0; i < n; i++) {
        sh_arena *mine = e->scratch[omp_get_thread_num()];
        sh_arena_reset(mine);
        look_at(e->tools, e->in, first + i, mine, structure + i * SH_CRYSTALNN_SIZE, composition + i * SH_MAGPIE_SIZE, &row[i]);
    }
    ask_about_chunk(e->tools, e->in, first, n, row, &e->judged, e->arena);
    ask_for_gaps(e->tools, e->in, first, n, row, &e->judged, e->arena);
#pragma omp parallel for schedule(dynamic) num_threads(e->n_thread)
    for (int64_t i = 0; i < n; i++) {
        sh_arena *mine = e->scratch[omp_get_thread_num()];
        sh_arena_reset(mine);
        look_at_hull(e->tools, e->in, first + i, mine, &row[i]);
    }
}

void sh_evaluate_energies(sh_evaluator *e, int64_t first, int64_t n, double *e_form)
{
    judged *x = &e->judged;
    x->n = 0;
    SH_ASSERT(n <= SH_LARGEST_PIECE);
    for (int64_t i = 0; i < n; i++) {
        sh_cell cell = sh_cell_list_at(&e->in->raw, first + i);
        sh_distances distances;
        e_form[i] = NAN;
        if (cell.n_atom == 0 || !sh_distances_of(&cell, &distances)) continue;
        if (sh_judge_can(e->tools->judge, &cell, &distances) != SH_JUDGED) continue;
        x->cell[x->n] = cell;
        x->row[x->n++] = i;
    }
    ask(e->tools, x, e->arena);
    for (int64_t k = 0; k < x->n; k++)
        e_form[x->row[k]] = x->e_form[k];
}
