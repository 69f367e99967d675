#include "evaluate/judge.h"

#include <math.h>
#include <string.h>

#include "crystal/reduce.h"
#include "crystal/transfer.h"

enum { BATCH_ATOMS = 4096 };

const char *sh_judged_text(sh_judged judged)
{
    static const char *const texts[] = {"", "no model was asked for", "no cell", "two atoms closer than 0.5 Å, or one and its image",
                                        "an element that the model does not know", "the model gave no number"};
    return texts[judged];
}

sh_status sh_judge_create(const char *name, bool gaps, const sh_backend *be, sh_judge *out)
{
    *out = (sh_judge){.be = sh_backend_cpu()};
    SH_TRY(gaps ? sh_model_load(name, &out->model.network) : sh_energy_model_load(name, &out->model));
    if (out->model.pair) return SH_OK;
    if ((sh_potential_quantity(out->model.network.potential) == SH_BAND_GAP) == gaps) {
        sh_potential_use(out->model.network.potential, be);
        out->be = be;
        return SH_OK;
    }
    sh_judge_destroy(out);
    SH_FAIL(SH_EINPUT, gaps ? "--gap-model: '%s' predicts energies, not band gaps" : "--model: '%s' predicts band gaps, not energies",
            name);
    return sh_error_hint(SH_EINPUT, "'shaft model list' says what each model predicts");
}

void sh_judge_destroy(sh_judge *judge)
{
    if (judge->model.network.potential) sh_potential_use(judge->model.network.potential, sh_backend_cpu());
    sh_energy_model_release(&judge->model);
    *judge = (sh_judge){0};
}

static bool knows(const sh_judge *judge, int z)
{
    return judge->model.pair ? judge->model.pair->knows(judge->model.pair->self, z) : sh_potential_knows(judge->model.network.potential, z);
}

sh_judged sh_judge_can(const sh_judge *judge, const sh_cell *cell, const sh_distances *d)
{
    if (!judge->model.pair && !judge->model.network.potential) return SH_JUDGED_NO_MODEL;
    if (cell->n_atom == 0 || !isfinite(d->volume) || !(d->volume >= SH_SMALLEST_CELL)) return SH_JUDGED_CELL;
    if (!(d->nearest >= SH_SHORTEST_PAIR) || !(d->shortest >= SH_SHORTEST_PAIR)) return SH_JUDGED_CLOSE;
    for (int64_t a = 0; a < cell->n_atom; a++)
        if (cell->z[a] < 1 || cell->z[a] > SH_MAX_Z || !knows(judge, cell->z[a])) return SH_JUDGED_ELEMENT;
    return SH_JUDGED;
}

static int64_t batch_end(const sh_cell *cells, int64_t n, int64_t first)
{
    int64_t last = first, atoms = 0;
    while (last < n && (last == first || atoms + cells[last].n_atom <= BATCH_ATOMS))
        atoms += cells[last++].n_atom;
    return last;
}

static void pair_energies(const sh_judge *judge, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, double *e_total, double *e_form)
{
    const sh_relax_values values = {.energy = e_total,
                                    .e_form = e_form,
                                    .force = SH_PUSH(ws->arena, double, 3 * c->n_site),
                                    .stress = SH_PUSH(ws->arena, double, 9 * c->n_crystal)};
    judge->model.pair->evaluate(judge->model.pair->self, ws, c, g, &values);
}

/* By the network. e_form NULL: of a model of gaps, whose predictions are the values. Crystals and graph are there, values the host's. */
static void ask_network(const sh_judge *judge, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, double *value, double *e_form)
{
    int64_t n = c->n_crystal;
    double *there = SH_ROOM(ws, double, n), *form_there = SH_ROOM(ws, double, n);
    if (e_form)
        sh_potential_evaluate(judge->model.network.potential, ws, c, g, NULL, n, there, form_there);
    else
        sh_potential_predict(judge->model.network.potential, ws, c, g, NULL, n, there);
    memcpy(value, SH_BRING(ws, there, n), (size_t)n * sizeof *value);
    if (e_form) memcpy(e_form, SH_BRING(ws, form_there, n), (size_t)n * sizeof *e_form);
}

static void evaluate(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *value, double *e_form)
{
    double cutoff = judge->model.pair ? judge->model.pair->cutoff : sh_potential_cutoff(judge->model.network.potential);
    for (int64_t first = 0, last; first < n; first = last) {
        sh_crystals c, there;
        sh_graph g;
        sh_workspace ws;
        last = batch_end(cells, n, first);
        sh_arena_reset(arena);
        sh_workspace_begin(&ws, judge->be, arena);
        sh_crystals_reduce(cells + first, last - first, 1e-3, false, arena, &c);
        sh_crystals_put(&ws, &c, &there);
        sh_graph_build(&ws, &there, &(sh_graph_opts){.cutoff = cutoff}, &g);
        if (judge->model.pair)
            pair_energies(judge, &ws, &there, &g, value + first, e_form + first);
        else
            ask_network(judge, &ws, &there, &g, value + first, e_form ? e_form + first : NULL);
    }
}

void sh_judge_energies(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *e_total, double *e_form)
{
    evaluate(judge, cells, n, arena, e_total, e_form);
}

void sh_judge_gaps(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *gap)
{
    evaluate(judge, cells, n, arena, gap, NULL);
}
