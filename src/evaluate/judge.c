#include "evaluate/judge.h"

#include <math.h>

#include "crystal/reduce.h"

enum { BATCH_ATOMS = 4096 };

const char *sh_judged_text(sh_judged judged)
{
    static const char *const texts[] = {"", "no model was asked for", "no cell", "two atoms closer than 0.5 Å, or one and its image",
                                        "an element that the model does not know", "the model gave no number"};
    return texts[judged];
}

sh_status sh_judge_create(const char *name, bool gaps, sh_judge *out)
{
    *out = (sh_judge){0};
    SH_TRY(gaps ? sh_model_load(name, &out->network) : sh_energy_model_load(name, out));
    if (out->pair || (sh_potential_quantity(out->network.potential) == SH_BAND_GAP) == gaps) return SH_OK;
    sh_judge_destroy(out);
    SH_FAIL(SH_EINPUT, gaps ? "--gap-model: '%s' predicts energies, not band gaps" : "--model: '%s' predicts band gaps, not energies",
            name);
    return sh_error_hint(SH_EINPUT, "'shaft model list' says what each model predicts");
}

void sh_judge_destroy(sh_judge *judge)
{
    sh_energy_model_release(judge);
}

static bool knows(const sh_judge *judge, int z)
{
    return judge->pair ? judge->pair->knows(judge->pair->self, z) : sh_potential_knows(judge->network.potential, z);
}

sh_judged sh_judge_can(const sh_judge *judge, const sh_cell *cell, const sh_distances *d)
{
    if (!judge->pair && !judge->network.potential) return SH_JUDGED_NO_MODEL;
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
    judge->pair->evaluate(judge->pair->self, ws, c, g, &values);
}

/* e_form NULL: of a model of gaps, whose predictions are the values. */
static void evaluate(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *value, double *e_form)
{
    double cutoff = judge->pair ? judge->pair->cutoff : sh_potential_cutoff(judge->network.potential);
    for (int64_t first = 0, last; first < n; first = last) {
        sh_crystals c;
        sh_graph g;
        last = batch_end(cells, n, first);
        sh_arena_reset(arena);
        sh_workspace ws = sh_workspace_host(arena);
        sh_crystals_reduce(cells + first, last - first, 1e-3, false, arena, &c);
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = cutoff}, &g);
        if (judge->pair)
            pair_energies(judge, &ws, &c, &g, value + first, e_form + first);
        else if (e_form)
            sh_potential_evaluate(judge->network.potential, &ws, &c, &g, NULL, c.n_crystal, value + first, e_form + first);
        else
            sh_potential_predict(judge->network.potential, &ws, &c, &g, NULL, c.n_crystal, value + first);
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
