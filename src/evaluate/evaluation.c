#include "evaluate/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "evaluate/run.h"
#include "evaluate/work.h"
#include "io/relaxed.h"

/* ---- what it is done with ---- */

static sh_status load_tables(sh_evaluation_work *w)
{
    char folder[4096], bonds[4200];
    SH_TRY(sh_tables_folder(folder, sizeof folder));
    snprintf(bonds, sizeof bonds, "%s/bonds_paper.csv", folder);
    SH_TRY(sh_tables_create(folder, bonds, &w->tables));
    return sh_magpie_create(folder, &w->magpie);
}

/* Energies above a hull mean something only where both sides are of one potential. Formation energies of no model, such as a table's,
 * may be of the level that the judge has learned. */
static void warn_of_other_energies(const char *judge, const sh_reference *r)
{
    bool total = r->energy == SH_ENERGY_TOTAL, said = r->energies_of[0] != '\0';
    if (!judge || r->energy == SH_ENERGY_NONE || (!total && !said)) return;
    if (!said)
        sh_log_warn("the reference has total energies and does not say whose: those above the hull mean something only if they are "
                    "those of %s (shaft reference build --energies-of)", judge);
    else if (!sh_model_same(judge, r->energies_of) && (total || sh_model_identify(r->energies_of)))
        sh_log_warn("%s energies of %s are compared with the reference's, which are those of %s: energies above the hull are off by "
                    "what the two differ", sh_energy_name[r->energy], judge, r->energies_of);
}

static sh_status load_reference(const sh_comm *comm, sh_evaluation_work *w)
{
    if (!w->options->reference) return SH_OK;
    SH_TRY(sh_reference_read(w->options->reference, &w->reference));
    w->has_reference = true;
    if (comm->rank == 0) warn_of_other_energies(w->options->model, &w->reference);
    return w->reference.n_phase ? sh_hull_of_reference(&w->reference, &w->hull) : SH_OK;
}

static sh_status load(const sh_comm *comm, sh_evaluation_work *w)
{
    SH_TRY(load_tables(w));
    if (w->options->model) SH_TRY(sh_judge_create(w->options->model, false, w->options->be, &w->judge));
    if (w->options->gap_model) SH_TRY(sh_judge_create(w->options->gap_model, true, w->options->be, &w->gap_judge));
    return load_reference(comm, w);
}

static void release(sh_evaluation_work *w)
{
    sh_hull_destroy(&w->hull);
    if (w->has_reference) sh_reference_destroy(&w->reference);
    sh_judge_destroy(&w->judge);
    sh_judge_destroy(&w->gap_judge);
    if (w->magpie) sh_magpie_destroy(&w->magpie);
    sh_tables_destroy(&w->tables);
    sh_evaluation_inputs_destroy(&w->in);
    sh_evaluation_inputs_destroy(&w->reference_in);
    sh_evaluation_share_destroy(&w->share);
    sh_evaluation_share_destroy(&w->reference_share);
    sh_free(w->rows);
    sh_free(w->reference_rows);
}

/* ---- the best ---- */

static sh_status by_energy(sh_comm *comm, const sh_evaluation_tools *tools, sh_evaluation_work *w, double *value)
{
    SH_TRY(sh_evaluation_share_energies(comm, tools, &w->in, w->options->quiet, value));
    for (int64_t i = 0; i < w->in.n; i++)
        value[i] = -value[i];
    return SH_OK;
}

static sh_status choose(sh_comm *comm, const sh_evaluation_tools *tools, sh_evaluation_work *w)
{
    int64_t n_known = 0;
    if (!w->options->top) return SH_OK;
    double *value = SH_NEW(double, w->in.n);
    sh_status status = SH_OK;
    if (w->options->by_energy)
        status = by_energy(comm, tools, w, value);
    else
        memcpy(value, w->in.reward, (size_t)w->in.n * sizeof *value);
    if (status != SH_OK) {
        sh_free(value);
        return status;
    }
    for (int64_t i = 0; i < w->in.n; i++)
        n_known += !isnan(value[i]);
    if (n_known == 0 && comm->rank == 0) {
        status = w->options->by_energy ? SH_FAIL(SH_EINPUT, "--by energy: the model gives no formation energy of any structure")
                                       : SH_FAIL(SH_EINPUT, "--by reward: none of the inputs says its reward");
        sh_error_hint(status, w->options->by_energy ? "choose another --model" : "samples of a run do; others can be chosen --by energy");
    } else if (n_known) {
        sh_evaluation_inputs_keep_best(&w->in, value, w->options->top);
    }
    sh_free(value);
    return sh_comm_agree(comm, status);
}

/* ---- the work ---- */

static sh_status look_at_reference(sh_comm *comm, const sh_evaluation_tools *tools, sh_evaluation_work *w)
{
    const sh_evaluation_options *o = w->options;
    sh_evaluation_tools some = *tools;
    static const sh_judge nobody;
    if (!o->reference_set) return SH_OK;
    some.hull = NULL;
    some.gap_judge = &nobody;
    sh_status status = sh_evaluation_inputs_read(comm, &o->reference_set, 1, NULL, &w->reference_in);
    if (status != SH_OK && sh_error_message()[0]) sh_error_note(status, "while reading the reference set '%s'", o->reference_set);
    SH_TRY(status);
    w->reference_in.has_relaxed = false;
    SH_TRY(sh_evaluation_share_create(comm, &some, &w->reference_in, "reference set", o->quiet, &w->reference_share));
    SH_TRY(sh_evaluate_diversity(comm, w->magpie, w->options->every_score, &w->reference_share, &w->reference_diversity));
    sh_evaluate_coverage(comm, w->magpie, &w->share, &w->reference_share, o->cutoff_structure, o->cutoff_composition, w->in.n,
                         &w->coverage);
    w->reference_rows = SH_NEW(sh_evaluation_row, w->reference_in.n);
    sh_gather_evaluation_rows(comm, &w->reference_share, w->reference_rows);
    return SH_OK;
}

static void compare(sh_comm *comm, sh_evaluation_work *w)
{
    sh_progress progress;
    sh_progress_begin(&progress, "comparing", "crystals", 0, w->in.n, 1, w->options->quiet || comm->rank > 0);
    sh_evaluate_identity(comm, &w->in, w->has_reference ? &w->reference : NULL, &progress, w->rows);
    sh_progress_end(&progress, w->in.n, NULL);
}

static sh_status measure(sh_comm *comm, sh_evaluation_work *w)
{
    const sh_evaluation_options *o = w->options;
    const sh_evaluation_tools tools = {.tables = w->tables,
                                       .magpie = w->magpie,
                                       .judge = &w->judge,
                                       .gap_judge = &w->gap_judge,
                                       .hull = w->hull,
                                       .hull_energy = w->reference.energy,
                                       .symprec = o->symprec};
    SH_TRY(sh_evaluation_inputs_read(comm, o->paths, o->n_path, o->relaxed, &w->in));
    SH_TRY(choose(comm, &tools, w));
    SH_TRY(sh_evaluation_share_create(comm, &tools, &w->in, "evaluating", o->quiet, &w->share));
    SH_TRY(sh_evaluate_diversity(comm, w->magpie, w->options->every_score, &w->share, &w->diversity));
    SH_TRY(look_at_reference(comm, &tools, w));
    w->rows = SH_NEW(sh_evaluation_row, w->in.n);
    sh_gather_evaluation_rows(comm, &w->share, w->rows);
    compare(comm, w);
    return SH_OK;
}

/* ---- texts of the rows ---- */

char *sh_evaluation_name(const sh_structures *list, int64_t i)
{
    char text[512];
    const sh_structure *s = &list->item[i];
    const char *path = sh_structures_path(list, i), *slash = strrchr(path, '/');
    if (s->name && s->name[0] && !strchr(s->name, ' '))
        snprintf(text, sizeof text, "%s", s->name);
    else /* none, or a line of remarks */
        snprintf(text, sizeof text, "%s:%lld", slash ? slash + 1 : path, (long long)s->index);
    return sh_strdup(text);
}

static void add_reason(char *out, size_t size, const char *what, const char *why)
{
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s%s%s", used ? "; " : "", what, what[0] ? ": " : "", why);
}

static const char no_hull_text[] = "the reference does not reach this composition, or has energies of another kind";

/* What is missing of the relaxed structure. */
static void add_relaxed_reasons(const sh_evaluation_work *w, const sh_evaluation_row *row, char *text, size_t size)
{
    if (row->relaxation == SH_NOT_RELAXED) add_reason(text, size, "", "no relaxed structure belongs to it");
    if (row->relaxation == SH_OTHER_ELEMENTS) add_reason(text, size, "", "the structure of its name among the relaxed has other elements");
    if (row->composition_kept == 0) add_reason(text, size, "relaxed", "another composition, which matches nothing");
    if (row->relaxation >= SH_RELAX_STEPS && row->relaxation < SH_RELAX_N_VERDICT)
        add_reason(text, size, "relaxation", sh_relax_verdict_text((sh_relax_verdict)row->relaxation));
    if (!w->options->model || row->relaxed != 1) return;
    if (row->relaxed_energy_reason != SH_JUDGED)
        add_reason(text, size, "relaxed: no energy", sh_judged_text((sh_judged)row->relaxed_energy_reason));
    else if (w->hull && isnan(row->e_above_hull_relaxed))
        add_reason(text, size, "relaxed: no energy above hull", no_hull_text);
}

/* Everything that is missing of a structure, and why. */
static char *reason_of(const sh_evaluation_work *w, const sh_structure *s, const sh_evaluation_row *row)
{
    char text[2048] = "";
    if (s->error) return sh_strdup(s->error);
    if (row->metric_reason != SH_METRIC_OK) add_reason(text, sizeof text, "", sh_metric_reason_text((sh_metric_reason)row->metric_reason));
    if (row->fingerprint_reason != SH_METRIC_OK && row->fingerprint_reason != row->metric_reason)
        add_reason(text, sizeof text, "no fingerprint", sh_metric_reason_text((sh_metric_reason)row->fingerprint_reason));
    if (w->options->model && row->energy_reason != SH_JUDGED)
        add_reason(text, sizeof text, "no energy", sh_judged_text((sh_judged)row->energy_reason));
    else if (w->options->model && w->hull && isnan(row->e_above_hull))
        add_reason(text, sizeof text, "no energy above hull", no_hull_text);
    if (w->options->gap_model && row->gap_reason != SH_JUDGED)
        add_reason(text, sizeof text, "no band gap", sh_judged_text((sh_judged)row->gap_reason));
    if (row->magpie_missing)
        add_reason(text, sizeof text, "composition",
                   row->magpie_missing < 0 ? "no fingerprint" : "some numbers of its fingerprint are not known");
    if (w->in.has_relaxed) add_relaxed_reasons(w, row, text, sizeof text);
    return sh_strdup(text);
}

/* What it would fall apart into; "" without an energy above the hull. */
static char *decomposition_of(const sh_evaluation_work *w, int64_t i, sh_arena *scratch)
{
    const sh_evaluation_row *row = &w->rows[i];
    const sh_cell cell = sh_cell_list_at(w->in.has_relaxed ? &w->in.relaxed : &w->in.raw, i);
    char text[1024] = "";
    sh_hull_result mixture;
    sh_phase phase;
    if (isnan(w->in.has_relaxed ? row->e_above_hull_relaxed : row->e_above_hull)) return sh_strdup("");
    SH_ASSERT(sh_phase_create(cell.z, NULL, cell.n_atom, 0, &phase) == SH_OK); /* it has an energy above the hull */
    sh_hull_energy(w->hull, &phase, scratch, &mixture);
    for (int k = 0; k < mixture.n_phase; k++) {
        char formula[128];
        size_t used = strlen(text);
        sh_phase_formula(sh_hull_phase(w->hull, mixture.phase[k]), formula, sizeof formula);
        snprintf(text + used, sizeof text - used, "%s%.4f %s", k ? " + " : "", mixture.amount[k], formula);
    }
    return sh_strdup(text);
}

static void make_texts(const sh_evaluation_work *w, sh_evaluation_rows *r)
{
    const sh_names *known = &w->reference.structure_id;
    sh_arena *scratch = sh_arena_create(1 << 16);
    for (int64_t i = 0; i < r->n; i++) {
        const sh_structure *s = &w->in.list.item[w->in.place[i]];
        const sh_evaluation_row *row = &w->rows[i];
        char formula[256] = "";
        int64_t units;
        if (!s->error) sh_structure_formula(s, formula, sizeof formula, &units);
        r->file[i] = sh_strdup(sh_structures_path(&w->in.list, w->in.place[i]));
        r->index[i] = s->index;
        r->name[i] = sh_strdup(s->name ? s->name : "");
        r->formula[i] = sh_strdup(formula);
        r->reason[i] = reason_of(w, s, row);
        r->decomposition[i] = decomposition_of(w, i, scratch);
        r->known_as[i] = sh_strdup(row->known_as >= 0 ? known->text + known->start[row->known_as] : "");
        bool has_nearest = row->nearest_reference >= 0;
        r->nearest_reference[i] = has_nearest ? sh_evaluation_name(&w->reference_in.list, row->nearest_reference) : sh_strdup("");
    }
    sh_arena_destroy(&scratch);
}

static void conclude(sh_evaluation_work *w, sh_evaluation *out)
{
    int64_t n = w->in.n;
    sh_evaluate_verdicts(w);
    out->summary = SH_NEW(sh_summary, 1);
    sh_evaluate_figures(w, out->summary);
    out->summary->run = sh_evaluation_run(w);
    out->rows = (sh_evaluation_rows){.n = n,
                                     .row = w->rows,
                                     .file = SH_NEW(char *, n),
                                     .name = SH_NEW(char *, n),
                                     .formula = SH_NEW(char *, n),
                                     .reason = SH_NEW(char *, n),
                                     .known_as = SH_NEW(char *, n),
                                     .nearest_reference = SH_NEW(char *, n),
                                     .decomposition = SH_NEW(char *, n),
                                     .index = SH_NEW(int64_t, n)};
    make_texts(w, &out->rows);
    w->rows = NULL; /* they are the result's now */
}

sh_status sh_evaluate(sh_comm *comm, const sh_evaluation_options *options, sh_evaluation *out)
{
    sh_evaluation_work *w = SH_NEW(sh_evaluation_work, 1);
    *out = (sh_evaluation){0};
    w->options = options;
    sh_status status = sh_comm_agree(comm, load(comm, w));
    if (status == SH_OK) status = sh_comm_agree(comm, measure(comm, w));
    if (status == SH_OK && comm->rank == 0) conclude(w, out);
    release(w);
    sh_free(w);
    return status;
}

static void release_texts(char **text, int64_t n)
{
    for (int64_t i = 0; text && i < n; i++)
        sh_free(text[i]);
    sh_free(text);
}

void sh_evaluation_destroy(sh_evaluation *e)
{
    sh_evaluation_rows *r = &e->rows;
    release_texts(r->file, r->n);
    release_texts(r->name, r->n);
    release_texts(r->formula, r->n);
    release_texts(r->reason, r->n);
    release_texts(r->known_as, r->n);
    release_texts(r->nearest_reference, r->n);
    release_texts(r->decomposition, r->n);
    sh_free(r->index);
    sh_free((void *)(uintptr_t)r->row);
    sh_summary_destroy(&e->summary);
    *e = (sh_evaluation){0};
}
