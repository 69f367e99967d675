/* figures.c -- from rows to the figures of an evaluation. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "composition.h"
#include "evaluate/work.h"
#include "io/models.h"
#include "metrics/families.h"
#include "relax/relax.h"

/* ---- verdicts that need all the rest ---- */

static double final_above(const sh_evaluation_work *w, const sh_evaluation_row *row)
{
    return w->in.has_relaxed ? row->e_above_hull_relaxed : row->e_above_hull;
}

static void find_modes(sh_evaluation_work *w)
{
    int64_t n = w->in.n;
    bool *passes = SH_NEW(bool, n), *first = SH_NEW(bool, n);
    sh_cell *cells = SH_NEW(sh_cell, n);
    for (int64_t i = 0; i < n; i++) {
        sh_evaluation_row *row = &w->rows[i];
        cells[i] = sh_cell_list_at(&w->in.raw, i);
        if (isnan(row->e_form)) continue;
        const sh_verdict verdict = {.structure = row->structure_valid == 1,
                                    .composition = row->composition_valid == 1,
                                    .bonds = row->bonds == 1,
                                    .near = row->near == 1};
        passes[i] = sh_verdict_is_mode(&verdict, row->e_form, w->options->far_bond);
        row->mode = passes[i];
    }
    w->n_mode = sh_modes_count(cells, passes, n, first);
    for (int64_t i = 0; i < n; i++)
        if (w->rows[i].mode != SH_UNKNOWN) w->rows[i].new_mode = first[i];
    sh_free(passes);
    sh_free(first);
    sh_free(cells);
}

/* ---- formulas ---- */

static int by_key(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Keys of the compositions of a reference, sorted; the caller frees. */
static uint64_t *reference_formulas(const sh_reference *r, int64_t *n)
{
    sh_cell *cells = sh_reference_cells(r);
    uint64_t *key = SH_NEW(uint64_t, r->n_phase + r->n_structure);
    *n = 0;
    for (int64_t i = 0; i < r->n_phase; i++) {
        sh_phase p = r->phase[i];
        const sh_composition c = {.n_kind = p.n_kind, .z = p.z, .count = p.count};
        key[(*n)++] = sh_composition_key(&c);
    }
    for (int64_t i = 0; i < r->n_structure; i++)
        key[(*n)++] = sh_cell_formula(&cells[i]);
    if (*n) qsort(key, (size_t)*n, sizeof *key, by_key);
    sh_free(cells);
    return key;
}

static void find_formulas(sh_evaluation_work *w)
{
    int64_t n;
    if (!w->has_reference) return;
    uint64_t *known = reference_formulas(&w->reference, &n);
    for (int64_t i = 0; i < w->in.n; i++) {
        sh_evaluation_row *row = &w->rows[i];
        if (row->formula) row->new_formula = !n || !bsearch(&row->formula, known, (size_t)n, sizeof *known, by_key);
    }
    sh_free(known);
}

/* Different reduced compositions; with `new_only` of those that the reference does not have. */
static int64_t count_formulas(const sh_evaluation_work *w, bool new_only, int64_t *n_with)
{
    uint64_t *key = SH_NEW(uint64_t, w->in.n);
    int64_t n = 0, different = 0;
    for (int64_t i = 0; i < w->in.n; i++)
        if (w->rows[i].formula && (!new_only || w->rows[i].new_formula == 1)) key[n++] = w->rows[i].formula;
    if (n) qsort(key, (size_t)n, sizeof *key, by_key);
    for (int64_t k = 0; k < n; k++)
        different += k == 0 || key[k] != key[k - 1];
    sh_free(key);
    *n_with = n;
    return different;
}

void sh_evaluate_verdicts(sh_evaluation_work *w)
{
    find_modes(w);
    find_formulas(w);
    for (int64_t i = 0; i < w->in.n; i++) {
        sh_evaluation_row *row = &w->rows[i];
        double above = final_above(w, row);
        if (isfinite(above)) row->stable = above <= w->options->stable;
        if (!w->hull || row->unique == SH_UNKNOWN || row->novel == SH_UNKNOWN) continue;
        if (row->unique == 0 || row->novel == 0)
            row->sun = 0;
        else
            row->sun = row->stable; /* unknown where that is */
    }
}

/* ---- sums over rows ---- */

typedef enum {
    NONE, E_FORM, E_FORM_RELAXED, ABOVE, ABOVE_RELAXED, SEPARATION, SEPARATION_RELAXED, DENSITY, GAP, KINDS, BOND, BOND_TERM, BOND_TEXT, RMSD
} number;

static double number_of(const sh_evaluation_row *row, number which)
{
    switch (which) {
    case E_FORM: return row->e_form;
    case E_FORM_RELAXED: return row->e_form_relaxed;
    case ABOVE: return row->e_above_hull;
    case ABOVE_RELAXED: return row->e_above_hull_relaxed;
    case SEPARATION: return row->separation;
    case SEPARATION_RELAXED: return row->separation_relaxed;
    case BOND: return row->bond_score;
    case BOND_TERM: return exp(-row->bond_score);
    case BOND_TEXT: return row->bond_score_text;
    case RMSD: return row->rmsd;
    case DENSITY: return row->density;
    case GAP: return row->band_gap;
    case KINDS: return row->n_kind > 0 ? (double)row->n_kind : (double)NAN;
    case NONE: break;
    }
    return NAN;
}

typedef enum { ALL, STRUCTURE_VALID, VALID, WITH_FINGERPRINT } chosen;

static bool is_chosen(const sh_evaluation_row *row, chosen c)
{
    switch (c) {
    case STRUCTURE_VALID: return row->structure_valid == 1;
    case VALID: return row->valid == 1;
    case WITH_FINGERPRINT: return row->fingerprint_reason == SH_METRIC_OK;
    case ALL: break;
    }
    return true;
}

/* Known numbers of the rows that are chosen; the caller frees. */
static double *collect(const sh_evaluation_row *rows, int64_t n_row, number which, chosen c, int64_t *n)
{
    double *x = SH_NEW(double, n_row);
    *n = 0;
    for (int64_t i = 0; i < n_row; i++) {
        double value = number_of(&rows[i], which);
        if (is_chosen(&rows[i], c) && isfinite(value)) x[(*n)++] = value;
    }
    return x;
}

static double mean_of(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

static double mean(const sh_evaluation_row *rows, int64_t n_row, number which, chosen c, int64_t *n)
{
    double *x = collect(rows, n_row, which, c, n), value = mean_of(x, *n);
    sh_free(x);
    return value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static double median_of(double *x, int64_t n)
{
    if (!n) return NAN;
    qsort(x, (size_t)n, sizeof *x, ascending);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

static int64_t count_between(const double *x, int64_t n, double above, double to)
{
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++)
        k += x[i] > above && x[i] <= to;
    return k;
}

/* Rows in which an integer that is not unknown is 1; *n of those that know it. */
static int64_t hits_at(const sh_evaluation_work *w, size_t offset, int64_t *n)
{
    int64_t hits = 0;
    *n = 0;
    for (int64_t i = 0; i < w->in.n; i++) {
        int32_t x = *(const int32_t *)((const char *)&w->rows[i] + offset);
        *n += x != SH_UNKNOWN;
        hits += x == 1;
    }
    return hits;
}
#define AT(field) offsetof(sh_evaluation_row, field)
#define HITS(w, field, n) hits_at((w), AT(field), (n))

/* ---- sections ---- */

typedef enum { OTHER, SAME_DATA, SAME, NOT_KNOWN } kinship;

/* Of two models: the same weights under two names are one; a variant is the same network. */
static kinship related(const char *judge, const char *reward)
{
    const sh_model_info *a = sh_model_identify(judge), *b = sh_model_identify(reward);
    if (!strcmp(judge, reward) || (a && a == b)) return SAME;
    if (!b) return NOT_KNOWN;
    return a && !strcmp(a->data, b->data) ? SAME_DATA : OTHER;
}

static void add_name(char *names, size_t size, const char *name)
{
    size_t used = strlen(names);
    snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

/* The same of one structure is enough for NO; yes needs that all are known. */
static void independence(const sh_evaluation_work *w, sh_summary *s)
{
    const char *key = "independence", *label = "independent of the reward?", *judge = w->options->model;
    const sh_rewarded *r = &w->in.rewarded;
    char names[NOT_KNOWN + 1][512] = {"", "", "", ""};
    int64_t n_same = 0, n_unknown = r->n_unknown;
    if (!judge) {
        sh_summary_absent(s, key, label, "no --model: nothing judges energies");
        return;
    }
    for (int64_t k = 0; k < r->n_model; k++) {
        if (!r->model[k][0]) continue;
        kinship how = related(judge, r->model[k]);
        add_name(names[how], sizeof names[how], r->model[k]);
        if (how == SAME) n_same += r->count[k];
        if (how == NOT_KNOWN) n_unknown += r->count[k];
    }
    if (n_same)
        sh_summary_text(s, key, label,
                        "NO: %s gave the reward of the run as well, and is no independent judge of it (%lld of %lld structures)",
                        names[SAME], (long long)n_same, (long long)r->n);
    else if (n_unknown)
        sh_summary_text(s, key, label, "not known for %lld of %lld structures: %s%s", (long long)n_unknown, (long long)r->n,
                        names[NOT_KNOWN][0] ? "their reward was given by weights that are not there or not known, "
                                            : "they do not say what gave their reward",
                        names[NOT_KNOWN]);
    else if (names[SAME_DATA][0])
        sh_summary_text(s, key, label, "in part: the reward of the run was given by %s, another network, trained on the same data",
                        names[SAME_DATA]);
    else if (names[OTHER][0])
        sh_summary_text(s, key, label, "yes: the reward of the run was given by %s", names[OTHER]);
    else
        sh_summary_text(s, key, label, "yes: the reward of the run had no formation energy");
}

static void inputs(const sh_evaluation_work *w, sh_summary *s)
{
    const sh_evaluation_options *o = w->options;
    int64_t unreadable = 0, converged = 0, relaxed = 0, strange = 0, changed = 0;
    for (int64_t i = 0; i < w->in.n; i++) {
        unreadable += w->rows[i].n_atom == 0;
        relaxed += w->rows[i].relaxed == 1;
        converged += w->rows[i].relaxation == SH_RELAX_CONVERGED;
        strange += w->rows[i].relaxation == SH_OTHER_ELEMENTS;
        changed += w->rows[i].composition_kept == 0;
    }
    sh_summary_section(s, "inputs", "Inputs", "%s", "");
    sh_summary_count(s, "structures", "structures", w->in.n, "%s", o->top ? "the best of those given" : "all that were given");
    if (o->top)
        sh_summary_text(s, "choice", "choice", "the best %lld of %lld by %s", (long long)o->top, (long long)w->in.n_all,
                        o->by_energy ? "formation energy, lowest first" : "reward, as it was when they were drawn");
    sh_summary_count(s, "unreadable", "not readable", unreadable, "they count as not valid");
    if (w->in.has_relaxed) {
        sh_summary_count(s, "relaxed", "relaxed", relaxed, "have a relaxed structure");
        if (w->in.relaxed_model) sh_summary_count(s, "converged", "converged", converged, "of the relaxed");
        if (changed)
            sh_summary_count(s, "composition_changed", "composition changed", changed, "of the relaxed; they count as no match%s",
                             2 * changed > relaxed ? ". MOST: are these the relaxations of these structures?" : "");
        if (strange)
            sh_summary_count(s, "other_elements", "PARTNERS OF OTHER ELEMENTS", strange,
                             "have one of their name, which is left out: are these the relaxations of these structures?");
        sh_summary_text(s, "relaxed_with", "relaxed with", "%s%s%s", w->in.relaxed_model ? w->in.relaxed_model : "not known",
                        w->in.relaxed_how ? "; " : "", w->in.relaxed_how ? w->in.relaxed_how : "");
    } else {
        sh_summary_absent(s, "relaxed", "relaxed", "no --relaxed, and no file of shaft relax among the inputs");
    }
    if (o->model)
        sh_summary_text(s, "judge", "energies by", "%s", o->model);
    else
        sh_summary_absent(s, "judge", "energies by", "no --model");
    independence(w, s);
}

static void validity(const sh_evaluation_work *w, sh_summary *s)
{
    int64_t structure = 0, composition = 0, both = 0, images = 0, near = 0, computable = 0, n = w->in.n, n_density;
    for (int64_t i = 0; i < n; i++) {
        const sh_evaluation_row *row = &w->rows[i];
        structure += row->structure_valid;
        composition += row->composition_valid;
        both += row->valid;
        images += row->structure_valid && row->own_images == 1;
        near += row->near == 1;
        computable += row->valid && row->fingerprint_reason == SH_METRIC_OK;
    }
    sh_summary_section(s, "validity", "Validity", "of all structures, also those that could not be read");
    sh_summary_rate(s, "structure", "structure", structure, n, "no two atoms below 0.5 Å, at least 0.1 Å^3");
    sh_summary_rate(s, "composition", "composition", composition, n, "SMACT: charges balance, or an alloy");
    sh_summary_rate(s, "both", "both", both, n, "%s", "");
    sh_summary_rate(s, "both_fingerprint", "both, and fingerprint", computable, n, "CDVAE's validity");
    sh_summary_rate(s, "own_images", "structure, own images too", images, n, "stricter: an atom's own images count");
    sh_summary_rate(s, "far_bond", "far-bond test", near, n,
                    "no two atoms of the cell beyond 4 Å (nearest images); the paper's authors do not use it");
    double density = mean(w->rows, n, DENSITY, STRUCTURE_VALID, &n_density);
    sh_summary_value(s, "density", "density", density, "g/cm^3", "mean of %lld valid structures", (long long)n_density);
}

static void bonds(const sh_evaluation_work *w, sh_summary *s)
{
    int64_t n, n_text, n_bonds, missing = 0, apart = HITS(w, bonds, &n_bonds);
    double score = mean(w->rows, w->in.n, BOND, STRUCTURE_VALID, &n), term = mean(w->rows, w->in.n, BOND_TERM, STRUCTURE_VALID, &n);
    double text = mean(w->rows, w->in.n, BOND_TEXT, STRUCTURE_VALID, &n_text);
    for (int64_t i = 0; i < w->in.n; i++)
        missing += w->rows[i].bond_missing > 0;
    sh_summary_section(s, "bonds", "Bonds", "distances below 4 Å against the paper's table of pairs; of valid structures");
    sh_summary_value(s, "score", "bond score", score, "",
                     "mean of %lld: over kinds of pairs and distinct distances, as in the authors' program", (long long)n);
    sh_summary_value(s, "term", "  its term of the reward", term, "", "mean of exp(-score)");
    sh_summary_value(s, "score_text", "bond score, the paper's words", text, "", "mean of %lld: over all bonds", (long long)n_text);
    sh_summary_rate(s, "no_short", "no short bond", apart, n_bonds, "no distance below the least known of its pair; of all with a cell");
    sh_summary_count(s, "missing_pairs", "  with pairs not in the table", missing, "structures; these pairs are no part of their scores");
}

static void family_figures(sh_summary *s, const char *key, const char *label, const int32_t *group, int64_t n, const char *source)
{
    sh_families f;
    char name[64];
    sh_families_of(group, n, &f);
    if (f.n_known == 0) {
        sh_summary_absent(s, key, label, "no structure has a group: %s", source);
        return;
    }
    sh_summary_value(s, key, label, f.index, "", "base 2; groups %s; %lld structures, %lld without a group left out", source,
                     (long long)f.n_known, (long long)f.n_unknown);
    snprintf(name, sizeof name, "%s_effective", key);
    sh_summary_value(s, name, "  effective number of families", f.effective, "", "%s", "");
    for (int k = 0; k < SH_N_FAMILY; k++) {
        char word[64];
        snprintf(name, sizeof name, "%s_%s", key, sh_family_name((sh_family)k));
        snprintf(word, sizeof word, "  %s", sh_family_name((sh_family)k));
        sh_summary_count(s, name, word, f.count[k], "of %lld", (long long)f.n_known);
    }
}

static void diversity_figures(sh_summary *s, const sh_diversity *d)
{
    sh_summary_value(s, "structure", "structure diversity", d->n > 1 ? d->structure : NAN, "",
                     "mean distance of %lld structure fingerprints", (long long)d->n);
    sh_summary_value(s, "composition", "composition diversity", d->n_composition > 1 ? d->composition : NAN, "",
                     "mean distance of %lld composition fingerprints, not scaled", (long long)d->n_composition);
    sh_summary_value(s, "composition_scaled", "  scaled", d->n_scaled > 1 ? d->composition_scaled : NAN, "",
                     "mean distance of %lld composition fingerprints", (long long)d->n_scaled);
    for (int k = 0; k < SH_N_VENDI; k++) {
        const sh_vendi_figure *v = &d->vendi[k];
        char key[64], label[64];
        snprintf(key, sizeof key, "vendi_%s", v->key);
        snprintf(label, sizeof label, "Vendi, %s", v->label);
        sh_summary_value(s, key, label, v->order_1, "", "order 1 of %lld; %s", (long long)v->n, v->how);
        snprintf(key, sizeof key, "vendi_%s_2", v->key);
        sh_summary_value(s, key, "  order 2", v->order_2, "", "%s", "");
        snprintf(key, sizeof key, "vendi_%s_inf", v->key);
        sh_summary_value(s, key, "  order infinity", v->order_inf, "", "%s", "");
    }
}

static void diversity(const sh_evaluation_work *w, sh_summary *s)
{
    int32_t *found = SH_NEW(int32_t, w->in.n), *sampled = SH_NEW(int32_t, w->in.n), *relaxed = SH_NEW(int32_t, w->in.n);
    char source[64];
    for (int64_t i = 0; i < w->in.n; i++) {
        found[i] = w->rows[i].group;
        sampled[i] = w->in.sampled_group[i];
        relaxed[i] = w->rows[i].group_relaxed;
    }
    snprintf(source, sizeof source, "as spglib finds them at %g Å", w->options->symprec);
    sh_summary_section(s, "diversity", "Diversity", "%s", "");
    family_figures(s, "family_index", "crystal family index", found, w->in.n, source);
    family_figures(s, "family_index_sampled", "crystal family index, sampled", sampled, w->in.n, "as the policy chose them");
    if (w->in.has_relaxed) family_figures(s, "family_index_relaxed", "crystal family index, relaxed", relaxed, w->in.n, source);
    sh_free(found);
    sh_free(sampled);
    sh_free(relaxed);
    diversity_figures(s, &w->diversity);
    sh_summary_value(s, "map_variance", "map: share of variance", w->diversity.map_share, "",
                     isfinite(w->diversity.map_share) ? "columns map_1, map_2 of the rows" : "fewer than three different fingerprints");
}

static const double largest_energy = 10; /* eV/atom: energies beyond are of broken cells */

static int64_t count_beyond(const double *x, int64_t n)
{
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++)
        k += fabs(x[i]) > largest_energy;
    return k;
}

/* Each within [-10, 10], as in the reward; how many were beyond. */
static int64_t clamp(double *x, int64_t n)
{
    int64_t beyond = count_beyond(x, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = fmin(fmax(x[i], -largest_energy), largest_energy);
    return beyond;
}

/* Mean and share below 0; each energy within [-10, 10] as in the reward. */
static void formation(const sh_evaluation_work *w, sh_summary *s, number which, const char *suffix, const char *word)
{
    char key[64], label[64];
    int64_t n, below = 0;
    double *x = collect(w->rows, w->in.n, which, VALID, &n);
    for (int64_t i = 0; i < n; i++)
        below += x[i] < 0;
    int64_t clamped = clamp(x, n);
    snprintf(key, sizeof key, "mean_%s", suffix);
    snprintf(label, sizeof label, "formation energy, %s", word);
    if (n == 0) {
        sh_summary_absent(s, key, label, !w->options->model ? "no --model" : "%s has none of a valid structure", w->options->model);
    } else {
        sh_summary_value(s, key, label, mean_of(x, n), "eV/atom", "mean of %lld valid structures, %lld beyond +-10 eV/atom count as that",
                         (long long)n, (long long)clamped);
        snprintf(key, sizeof key, "below_zero_%s", suffix);
        sh_summary_rate(s, key, "  below zero", below, n, "of valid structures with an energy");
    }
    sh_free(x);
}

/* Why there is no energy above the hull; NULL where there may be one. */
static const char *no_hull(const sh_evaluation_work *w)
{
    if (!w->has_reference) return "no --reference";
    if (!w->hull) return "the reference file has no energies";
    return w->options->model ? NULL : "no --model";
}

/* Why no structure has an energy above the hull although there are a hull and a model. */
static const char *none_above_hull(const sh_evaluation_work *w, bool relaxed)
{
    int64_t n = 0, n_kind = 0;
    for (int64_t i = 0; i < w->in.n; i++) {
        const sh_evaluation_row *row = &w->rows[i];
        double total = relaxed ? row->e_total_relaxed : row->e_total, form = relaxed ? row->e_form_relaxed : row->e_form;
        n += isfinite(total) || isfinite(form);
        n_kind += isfinite(w->reference.energy == SH_ENERGY_TOTAL ? total : form);
    }
    if (n == 0) return "the model gives no energy of any structure";
    if (n_kind == 0)
        return w->reference.energy == SH_ENERGY_TOTAL ? "the reference has total energies, and the model gives none"
                                                      : "the reference has formation energies, and the model gives none";
    return "the reference reaches none of the compositions";
}

static void separation(const sh_evaluation_work *w, sh_summary *s, number which, const char *suffix)
{
    char key[64];
    int64_t n;
    double *x = collect(w->rows, w->in.n, which, ALL, &n);
    snprintf(key, sizeof key, "phase_separation_%s", suffix);
    sh_summary_value(s, key, "  phase separation energy", mean_of(x, n), "eV/atom",
                     n ? "mean of %lld: to the best mixture of other compositions; below 0: holds together" : "known of %lld structures",
                     (long long)n);
    sh_free(x);
}

static void above_hull(const sh_evaluation_work *w, sh_summary *s, number which, const char *suffix, const char *word)
{
    char key[64], label[64];
    int64_t n;
    snprintf(key, sizeof key, "above_hull_%s", suffix);
    snprintf(label, sizeof label, "energy above hull, %s", word);
    if (no_hull(w)) {
        sh_summary_absent(s, key, label, "%s", no_hull(w));
        return;
    }
    double *x = collect(w->rows, w->in.n, which, ALL, &n);
    if (n == 0) {
        sh_summary_absent(s, key, label, "%s", none_above_hull(w, which == ABOVE_RELAXED));
    } else {
        int64_t beyond = count_beyond(x, n);
        sh_summary_value(s, key, label, mean_of(x, n), "eV/atom",
                         beyond ? "mean of %lld structures with one; %lld beyond 10 eV/atom, of broken cells, decide it: see the median"
                                : "mean of %lld structures with one", (long long)n, (long long)beyond);
        snprintf(key, sizeof key, "above_hull_median_%s", suffix);
        sh_summary_value(s, key, "  median", median_of(x, n), "eV/atom", "%s", "");
        snprintf(key, sizeof key, "on_hull_%s", suffix);
        sh_summary_rate(s, key, "  at most 0", count_between(x, n, -INFINITY, 0), n, "on the hull or below");
        snprintf(key, sizeof key, "metastable_%s", suffix);
        sh_summary_rate(s, key, "  above 0, at most 0.05", count_between(x, n, 0, 0.05), n, "%s", "");
        snprintf(key, sizeof key, "stable_%s", suffix);
        sh_summary_rate(s, key, "  at most the threshold", count_between(x, n, -INFINITY, w->options->stable), n, "%g eV/atom",
                        w->options->stable);
        separation(w, s, which == ABOVE_RELAXED ? SEPARATION_RELAXED : SEPARATION, suffix);
    }
    sh_free(x);
}

static void energies(const sh_evaluation_work *w, sh_summary *s)
{
    int64_t n;
    const char *why = "no relaxed structures";
    sh_summary_section(s, "energy", "Energy", "%s%s", w->options->model ? "by " : "", w->options->model ? w->options->model : "");
    formation(w, s, E_FORM, "raw", "raw");
    if (w->in.has_relaxed)
        formation(w, s, E_FORM_RELAXED, "relaxed", "relaxed");
    else
        sh_summary_absent(s, "mean_relaxed", "formation energy, relaxed", "%s", why);
    above_hull(w, s, ABOVE, "raw", "raw");
    if (w->in.has_relaxed)
        above_hull(w, s, ABOVE_RELAXED, "relaxed", "relaxed");
    else
        sh_summary_absent(s, "above_hull_relaxed", "energy above hull, relaxed", "%s", why);
    if (w->has_reference)
        sh_summary_text(s, "hull", "hull", "%s: %s energies%s%s of %lld compositions%s%s", w->options->reference,
                        sh_energy_name[w->reference.energy], w->reference.energies_of[0] ? " by " : "", w->reference.energies_of,
                        (long long)w->reference.n_phase, w->reference.attribution[0] ? "; " : "",
                        w->reference.attribution);
    if (!w->options->gap_model) {
        sh_summary_absent(s, "band_gap", "band gap", "no --gap-model");
        return;
    }
    double gap = mean(w->rows, w->in.n, GAP, VALID, &n);
    sh_summary_value(s, "band_gap", "band gap", gap, "eV",
                     n ? "mean of %lld valid structures, by %s" : "known of %lld valid structures; by %s", (long long)n, w->options->gap_model);
}

typedef struct {
    const char *key, *label, *tolerances;
    size_t fit, rms; /* in a row */
} tolerance;

static void match(const sh_evaluation_work *w, sh_summary *s, const tolerance *t, int64_t n)
{
    char key[64], label[64];
    double sum = 0;
    int64_t fits = 0;
    for (int64_t i = 0; i < w->in.n; i++) {
        const char *row = (const char *)&w->rows[i];
        if (*(const int32_t *)(row + t->fit) != 1) continue;
        fits++;
        sum += *(const double *)(row + t->rms);
    }
    snprintf(key, sizeof key, "match_%s", t->key);
    snprintf(label, sizeof label, "match rate, %s tolerances", t->label);
    sh_summary_rate(s, key, label, fits, n, "%s; of those with a relaxed structure", t->tolerances);
    snprintf(key, sizeof key, "rms_%s", t->key);
    sh_summary_value(s, key, "  rms", fits ? sum / (double)fits : NAN, "",
                     fits ? "mean of %lld matches, in (V / n_atom)^(1/3)" : "of %lld matches", (long long)fits);
}

static void relaxation(const sh_evaluation_work *w, sh_summary *s)
{
    static const tolerance tolerances[] = {
        {"authors", "authors'", "1.0, 1.0, 10 degrees", AT(match_authors), AT(rms_authors)},
        {"cdvae", "CDVAE's", "0.3, 0.5, 10 degrees", AT(match_cdvae), AT(rms_cdvae)},
        {"default", "default", "0.2, 0.3, 5 degrees", AT(match_default), AT(rms_default)}};
    int64_t n = 0, n_group, n_rmsd, n_pair;
    for (int64_t i = 0; i < w->in.n; i++)
        n += w->rows[i].relaxed == 1;
    sh_summary_section(s, "relaxation", "Raw to relaxed", "%s", "");
    if (!w->in.has_relaxed) {
        sh_summary_absent(s, "match_authors", "match rate", "no relaxed structures");
        sh_summary_absent(s, "rms_authors", "rms", "no relaxed structures");
        sh_summary_absent(s, "group_kept", "group kept", "no relaxed structures");
        return;
    }
    for (size_t k = 0; k < sizeof tolerances / sizeof *tolerances; k++)
        match(w, s, &tolerances[k], n);
    double rmsd = mean(w->rows, w->in.n, RMSD, ALL, &n_rmsd);
    int64_t matched = HITS(w, rmsd_matched, &n_pair);
    sh_summary_value(s, "rmsd_mattergen", "RMSD, MatterGen's", rmsd, "Å",
                     "mean of %lld pairs; %lld match (0.5, 0.5, 10 degrees, no scaling, supercells), the others count as 0.5 (V / n_atom)"
                     "^(1/3)",
                     (long long)n_rmsd, (long long)matched);
    int64_t kept = HITS(w, group_kept, &n_group), change[SH_N_SYMMETRY_CHANGE] = {0};
    for (int64_t i = 0; i < w->in.n; i++)
        if (w->rows[i].relaxed == 1) change[w->rows[i].group_change]++;
    sh_summary_rate(s, "group_kept", "group kept", kept, n_group, "the same space group at %g Å before and after", w->options->symprec);
    sh_summary_text(s, "group_change", "  otherwise", "%lld higher, %lld lower, %lld another of the same order, %lld not determined",
                    (long long)change[SH_SYMMETRY_HIGHER], (long long)change[SH_SYMMETRY_LOWER], (long long)change[SH_SYMMETRY_OTHER],
                    (long long)change[SH_SYMMETRY_UNKNOWN]);
}

static void modes(const sh_evaluation_work *w, sh_summary *s)
{
    int64_t n_mode, n_with, passing = HITS(w, mode, &n_mode);
    const char *reason = w->options->model ? "it gives no formation energy of any" : "no --model";
    sh_summary_section(s, "modes", "Modes", "of the structures as given");
    if (n_mode)
        sh_summary_count(s, "modes", "unique modes", w->n_mode,
                         "different compositions of %lld that are valid, without short bonds%s, e_form < 0 by %s", (long long)passing,
                         w->options->far_bond ? ", without far ones" : "", w->options->model);
    else
        sh_summary_absent(s, "modes", "unique modes", "%s", reason);
    int64_t formulas = count_formulas(w, false, &n_with);
    sh_summary_count(s, "formulas", "formulas", formulas, "different reduced compositions of %lld structures", (long long)n_with);
    if (!w->has_reference) {
        sh_summary_absent(s, "new_formulas", "  not in the reference", "no --reference");
        return;
    }
    formulas = count_formulas(w, true, &n_with);
    sh_summary_count(s, "new_formulas", "  not in the reference", formulas, "of %lld structures; neither an energy nor a crystal in %s",
                     (long long)n_with, w->options->reference);
}

static void protocol(const sh_evaluation_work *w, sh_summary *s)
{
    char structures[256], energies_by[256];
    if (w->in.has_relaxed)
        snprintf(structures, sizeof structures, "relaxed structures (%s)",
                 w->in.relaxed_model ? w->in.relaxed_model : "by whom is not known");
    else
        snprintf(structures, sizeof structures, "structures as given, not relaxed");
    snprintf(energies_by, sizeof energies_by, "%s", w->options->model ? w->options->model : "nobody");
    sh_summary_text(s, "protocol", "protocol", "%s; energies by %s; stable: at most %g eV/atom above the hull", structures, energies_by,
                    w->options->stable);
    sh_summary_text(s, "protocol_matching", "", "unique, novel: no match (0.2, 0.3, 5 degrees) with one before it, with the reference");
    if (w->in.has_relaxed)
        sh_summary_text(s, "relaxation", "relaxation", "%s", w->in.relaxed_how ? w->in.relaxed_how : "how is not known");
    if (w->options->model)
        sh_summary_text(s, "potential", "potential of the energies", "%s", w->options->model);
    else
        sh_summary_absent(s, "potential", "potential of the energies", "no --model");
    sh_summary_value(s, "threshold", "threshold of stable", w->options->stable, "eV/atom", "above the hull of %s",
                     w->options->reference ? w->options->reference : "no reference");
}

/* Relaxations that ended with their steps used up, the first of them by name, and how many of them count as stable, unique and novel. */
static void not_converged(const sh_evaluation_work *w, sh_summary *s)
{
    enum { NAMED = 10 };
    char names[900] = "";
    int64_t n = 0, n_sun = 0;
    if (!w->in.has_relaxed) return;
    if (!w->in.relaxed_model) {
        sh_summary_absent(s, "not_converged", "not converged", "they were relaxed elsewhere, and how they ended is not known");
        return;
    }
    for (int64_t i = 0; i < w->in.n; i++) {
        if (w->rows[i].relaxation != SH_RELAX_STEPS) continue;
        n_sun += w->rows[i].sun == 1;
        if (n++ >= NAMED) continue;
        char *name = sh_evaluation_name(&w->in.list, w->in.place[i]);
        char short_name[80];
        snprintf(short_name, sizeof short_name, "%s", name);
        add_name(names, sizeof names, short_name);
        sh_free(name);
    }
    sh_summary_count(s, "not_converged", "not converged", n, "relaxations ended before the forces were small; they are judged as they are%s",
                     n > NAMED ? "; the first:" : "");
    if (n) sh_summary_text(s, "not_converged_names", "  which", n > NAMED ? "%s, ..." : "%s", names);
    sh_summary_count(s, "sun_not_converged", "  among the S.U.N.", n_sun, "of them are counted as stable, unique and novel");
}

static sh_sun count_sun(const sh_evaluation_work *w)
{
    int64_t n = w->in.n;
    sh_sun out;
    sh_sun_case *cases = SH_NEW(sh_sun_case, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_evaluation_row *row = &w->rows[i];
        double above = final_above(w, row);
        cases[i] = (sh_sun_case){.evaluated = row->unique != SH_UNKNOWN,
                                 .unique = row->unique == 1,
                                 .novel = row->novel == 1,
                                 .has_energy = isfinite(above),
                                 .e_above_hull = above};
    }
    sh_sun_count(cases, n, n, w->options->stable, &out);
    sh_free(cases);
    return out;
}

static void sun(const sh_evaluation_work *w, sh_summary *s)
{
    const sh_sun x = count_sun(w);
    int64_t n = w->in.n, compared = x.evaluated.hits, n_energy = compared - x.n_no_energy;
    sh_summary_section(s, "sun", "Stable, unique, novel", "%s", "");
    protocol(w, s);
    sh_summary_rate(s, "evaluated", "compared", compared, n, "of all structures");
    sh_summary_rate(s, "unique", "unique", x.unique.hits, compared, "of those compared");
    const char *no_novel = !w->has_reference ? "no --reference" : w->reference.n_structure ? NULL : "the reference file has no crystals";
    if (no_novel)
        sh_summary_absent(s, "novel", "novel", "%s", no_novel);
    else
        sh_summary_rate(s, "novel", "novel", x.novel.hits, compared, "of those compared, with %lld crystals of %s",
                        (long long)w->reference.n_structure, w->options->reference);
    const char *no_stable = no_hull(w) ? no_hull(w) : n_energy ? NULL : none_above_hull(w, w->in.has_relaxed);
    if (no_stable)
        sh_summary_absent(s, "stable", "stable", "%s", no_stable);
    else
        sh_summary_rate(s, "stable", "stable", x.stable.hits, compared, "of those compared; %lld have no energy above the hull and are not",
                        (long long)x.n_no_energy);
    if (no_stable || no_novel)
        sh_summary_absent(s, "stable_unique_novel", "S.U.N.", "%s", no_stable ? no_stable : no_novel);
    else
        sh_summary_rate(s, "stable_unique_novel", "S.U.N.", x.stable_unique_novel.hits, n,
                        "of all structures; %lld have no energy above the hull and are not", (long long)(n - n_energy));
    not_converged(w, s);
}

static void distance(const sh_evaluation_work *w, sh_summary *s, number which, const char *key, const char *label, const char *unit)
{
    int64_t n, m;
    double *x = collect(w->rows, w->in.n, which, WITH_FINGERPRINT, &n);
    double *y = collect(w->reference_rows, w->reference_in.n, which, WITH_FINGERPRINT, &m);
    char beyond[96] = "";
    if (which == E_FORM) {
        int64_t mine = clamp(x, n), theirs = clamp(y, m);
        snprintf(beyond, sizeof beyond, ", of which %lld and %lld beyond +-10 eV/atom count as that", (long long)mine,
                 (long long)theirs);
    }
    if (n && m)
        sh_summary_value(s, key, label, sh_wasserstein(x, n, y, m), unit, "%lld structures and %lld of the reference%s", (long long)n,
                         (long long)m, beyond);
    else
        sh_summary_absent(s, key, label, which == E_FORM && !w->options->model ? "no --model" : "known of %lld and %lld structures",
                          (long long)n, (long long)m);
    sh_free(x);
    sh_free(y);
}

/* none: why there is no distance, or NULL. */
static void least_distance(sh_summary *s, const char *key, const char *label, double value, const char *none, const char *note)
{
    if (none)
        sh_summary_absent(s, key, label, "%s", none);
    else
        sh_summary_value(s, key, label, value, "", "%s", note);
}

static void coverage(const sh_evaluation_work *w, sh_summary *s)
{
    const sh_coverage *c = &w->coverage.coverage;
    const char *none = w->coverage.n_reference == 0   ? "no structure of the reference set has both fingerprints"
                       : w->coverage.n_generated == 0 ? "no structure has both fingerprints"
                                                      : NULL;
    if (!w->options->reference_set) {
        sh_summary_section(s, "coverage", "Reference set", "%s", "");
        sh_summary_absent(s, "recall", "coverage, property distances", "no --reference-set");
        return;
    }
    sh_summary_section(s, "coverage", "Reference set", "%s: %lld structures, %lld with fingerprints", w->options->reference_set,
                       (long long)w->reference_in.n, (long long)w->coverage.n_reference);
    if (w->coverage.n_reference == 0) {
        sh_summary_absent(s, "recall", "COV-R", "%s", none);
        sh_summary_absent(s, "precision", "COV-P", "%s", none);
    } else {
        sh_summary_value(s, "recall", "COV-R", c->recall, "", "reference structures with one near: %g in structure, %g in composition",
                         w->options->cutoff_structure, w->options->cutoff_composition);
        sh_summary_value(s, "precision", "COV-P", c->precision, "", "of all %lld structures", (long long)w->in.n);
    }
    least_distance(s, "amsd_recall", "AMSD-R", c->amsd_recall, none, "mean least distance of structures");
    least_distance(s, "amsd_precision", "AMSD-P", c->amsd_precision, none, "");
    least_distance(s, "amcd_recall", "AMCD-R", c->amcd_recall, none, "mean least distance of compositions, scaled");
    least_distance(s, "amcd_precision", "AMCD-P", c->amcd_precision, none, "");
    distance(w, s, DENSITY, "w1_density", "W1, density", "g/cm^3");
    distance(w, s, KINDS, "w1_n_elements", "W1, number of elements", "");
    distance(w, s, E_FORM, "w1_e_form", "W1, formation energy, raw", "eV/atom");
    sh_summary_section(s, "reference_diversity", "Diversity of the reference set", "%s", "");
    diversity_figures(s, &w->reference_diversity);
}

void sh_evaluate_figures(const sh_evaluation_work *w, sh_summary *s)
{
    inputs(w, s);
    validity(w, s);
    bonds(w, s);
    diversity(w, s);
    energies(w, s);
    relaxation(w, s);
    modes(w, s);
    sun(w, s);
    coverage(w, s);
}
