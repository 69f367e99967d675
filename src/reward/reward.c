#include "reward/reward.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backend/mirror.h"
#include "bond.h"
#include "crystal/graph.h"
#include "crystal/transfer.h"
#include "validity.h"

struct sh_reward {
    sh_reward_rules rules;
    const sh_tables *tables;
    const sh_potential *potential;
    const sh_potential *gap_model; /* NULL where its term has no weight */
    const sh_plugin *plugin;       /* likewise */
    const sh_backend *be;
    const sh_reward_rules *rules_there; /* the ones above, or a copy for the kernels of be */
    const sh_tables *tables_there;
};

/* ---- elements that something is known of ---- */

static bool has_mass(const sh_reward *r, int z)
{
    return isfinite(r->tables->mass[z]);
}

static bool in_model(const sh_reward *r, int z)
{
    return r->rules.options.weight[SH_TERM_ENERGY] == 0 || sh_potential_knows(r->potential, z);
}

static bool in_gap_model(const sh_reward *r, int z)
{
    return !r->gap_model || sh_potential_knows(r->gap_model, z);
}

static bool in_bond_table(const sh_reward *r, int z)
{
    bool known = r->rules.options.weight[SH_TERM_BOND] == 0;
    for (int other = 1; other <= SH_MAX_Z && !known; other++)
        known = !isnan(r->tables->bond_avg[z][other]);
    return known;
}

static bool in_validity(const sh_reward *r, int z)
{
    return r->rules.options.weight[SH_TERM_VALIDITY] == 0 || r->tables->smact_known[z];
}

/* "H to Bi, Ac to Pu": elements of `chosen` in the order of the periodic table. */
static void list_elements(const bool chosen[SH_MAX_Z + 1], bool ranges, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int z = 1, last; z <= SH_MAX_Z && used < size; z = last + 1) {
        last = z;
        if (!chosen[z]) continue;
        while (ranges && last < SH_MAX_Z && chosen[last + 1])
            last++;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", sh_element_symbol(z));
        if (last > z && used < size) used += (size_t)snprintf(out + used, size - used, " to %s", sh_element_symbol(last));
    }
}

static sh_status check_elements(const sh_reward *r)
{
    static const struct {
        bool (*knows)(const sh_reward *, int z);
        const char *name;
    } source[] = {{has_mass, "the table of atomic masses"},
                  {in_model, "reward.formation_energy.model"},
                  {in_gap_model, "reward.band_gap.model"},
                  {in_bond_table, "reward.bond.table"},
                  {in_validity, "the table of oxidation states (reward.validity)"}};
    for (size_t i = 0; i < sizeof source / sizeof *source; i++) {
        bool known[SH_MAX_Z + 1] = {false}, missing[SH_MAX_Z + 1] = {false}, any = false;
        char text[1024];
        for (int z = 1; z <= SH_MAX_Z; z++) {
            known[z] = source[i].knows(r, z);
            missing[z] = r->rules.options.wanted[z] && !known[z];
            any = any || missing[z];
        }
        if (!any) continue;
        list_elements(missing, false, text, sizeof text);
        SH_FAIL(SH_EINPUT, "elements: %s: %s does not know %s", text, source[i].name, strchr(text, ',') ? "these" : "this one");
        list_elements(known, true, text, sizeof text);
        return sh_error_hint(SH_EINPUT, i ? "these would do: %s; or set the weight of that term to 0" : "these would do: %s", text);
    }
    return SH_OK;
}

/* ---- where kernels read it ---- */

static void give_back(sh_reward *r)
{
    sh_constant_give(r->be, r->rules_there);
    sh_constant_give(r->be, r->tables_there);
}

void sh_reward_use(sh_reward *r, const sh_backend *be)
{
    for (int z = 1; z <= SH_MAX_Z; z++) {
        r->rules.in_model[z] = r->potential && sh_potential_knows(r->potential, z);
        r->rules.in_gap_model[z] = r->gap_model && sh_potential_knows(r->gap_model, z);
    }
    give_back(r);
    r->be = be;
    r->rules_there = sh_constant_there(be, &r->rules, sizeof r->rules);
    r->tables_there = sh_constant_there(be, r->tables, sizeof *r->tables);
}

/* ---- creation ---- */

sh_status sh_reward_create(const sh_reward_options *options, const sh_tables *tables, const sh_potential *potential,
                           sh_reward **out)
{
    *out = NULL;
    if (options->weight[SH_TERM_ENERGY] > 0 && !potential)
        return SH_FAIL(SH_EINPUT, "reward.formation_energy has a weight but no model");
    if (potential && sh_potential_quantity(potential) == SH_BAND_GAP) {
        SH_FAIL(SH_EINPUT, "reward.formation_energy.model predicts band gaps, not energies");
        return sh_error_hint(SH_EINPUT, "'shaft model list' says what each model predicts");
    }
    sh_reward *r = SH_NEW(sh_reward, 1);
    *r = (sh_reward){.rules.options = *options, .tables = tables, .potential = potential, .be = sh_backend_cpu()};
    sh_reward_use(r, r->be);
    sh_status status = check_elements(r);
    if (status == SH_OK)
        *out = r;
    else
        sh_reward_destroy(&r);
    return status;
}

sh_status sh_reward_use_gap_model(sh_reward *r, const sh_potential *model)
{
    if (sh_potential_quantity(model) != SH_BAND_GAP) {
        SH_FAIL(SH_EINPUT, "reward.band_gap.model predicts energies, not band gaps");
        return sh_error_hint(SH_EINPUT, "'shaft model list' says what each model predicts");
    }
    if (r->rules.options.weight[SH_TERM_GAP] > 0) r->gap_model = model;
    sh_reward_use(r, r->be);
    return check_elements(r);
}

void sh_reward_use_plugin(sh_reward *r, const sh_plugin *plugin)
{
    if (r->rules.options.weight[SH_TERM_PLUGIN] > 0) r->plugin = plugin;
}

void sh_reward_destroy(sh_reward **reward)
{
    if (*reward) give_back(*reward);
    sh_free(*reward);
    *reward = NULL;
}

/* ---- evaluation ---- */

/* The items i < n with left_out[i] == 0, ascending: `list` is there. Returns how many; where passes are planned n, and -1 fills the
 * list: crystals without sites cost nothing. */
static int64_t list_chosen(sh_workspace *ws, const int32_t *left_out, int64_t n, const int64_t **list)
{
    int64_t *start = SH_ROOM(ws, int64_t, 3), *items = SH_ROOM(ws, int64_t, n);
    ws->be->sort_by_key(left_out, n, 2, start, items);
    *list = items;
    if (!ws->sizes) return sh_workspace_count(ws, &start[1]);
    ws->be->reward_list(&(sh_reward_list_args){start, items}, n);
    return n;
}

/* (C) there; zero for crystals that are not in the list. The user's function is the host's: crystals and list come to it, its
 * scores go back; and no blanks, so sizes are not to be planned. */
static const double *ask_plugin(const sh_reward *r, sh_workspace *ws, const sh_crystals *c, const int64_t *shown, int64_t n_shown)
{
    sh_crystals some, here;
    SH_ASSERT(!ws->sizes);
    sh_crystals_select(ws, c, shown, n_shown, &some);
    sh_crystals_bring(ws, &some, &here);
    shown = SH_BRING(ws, shown, n_shown);
    double *score = SH_PUSH(ws->arena, double, n_shown), *of_all = SH_PUSH_ZERO(ws->arena, double, c->n_crystal);
    sh_plugin_scores(r->plugin, &here, score);
    for (int64_t k = 0; k < n_shown; k++)
        of_all[shown[k]] = score[k];
    return SH_PUT(ws, of_all, c->n_crystal);
}

void sh_reward_evaluate(const sh_reward *r, sh_workspace *ws, const sh_crystals *crystals, bool outside_guard,
                        sh_reward_result *results)
{
    const sh_reward_options *o = &r->rules.options;
    const sh_backend *be = ws->be;
    int64_t n_all = crystals->n_crystal;
    bool energies = r->potential && (o->weight[SH_TERM_ENERGY] > 0 || outside_guard);
    SH_ASSERT(r->be == be);
    SH_ASSERT((r->gap_model || o->weight[SH_TERM_GAP] == 0) && (r->plugin || o->weight[SH_TERM_PLUGIN] == 0));
    sh_workspace_mark mark = sh_workspace_get_mark(ws);
    /* Only crystals that anything can be computed of have a graph; cells with hundreds of atoms never get that far, unless
     * somebody asks for figures of just those. */
    int32_t *left_out = SH_ROOM(ws, int32_t, n_all);
    const sh_reward_look_args look = {.rules = r->rules_there,
                                      .tables = r->tables_there,
                                      .crystals = *crystals,
                                      .kind_z = SH_ROOM(ws, int32_t, crystals->n_site),
                                      .kind_count = SH_ROOM(ws, int64_t, crystals->n_site),
                                      .charges = SH_ROOM(ws, uint64_t, sh_charges_room(crystals->n_atom, n_all)),
                                      .results = results,
                                      .left_out = left_out,
                                      .outside_guard = outside_guard};
    be->reward_look(&look, n_all);
    const int64_t *index;
    int64_t n = list_chosen(ws, left_out, n_all, &index);
    sh_crystals c;
    sh_graph g;
    double cutoff = SH_BOND_CUTOFF;
    if (energies) cutoff = fmax(cutoff, sh_potential_cutoff(r->potential));
    if (r->gap_model) cutoff = fmax(cutoff, sh_potential_cutoff(r->gap_model));
    sh_crystals_select(ws, crystals, index, n, &c);
    sh_graph_build(ws, &c, &(sh_graph_opts){.cutoff = cutoff}, &g);

    int32_t *no_energy = SH_ROOM(ws, int32_t, n), *is_floor = SH_ROOM(ws, int32_t, n);
    const sh_reward_judge_args judge = {.rules = r->rules_there,
                                        .tables = r->tables_there,
                                        .crystals = c,
                                        .graph = g,
                                        .index = index,
                                        .next = SH_ROOM(ws, int64_t, c.n_site),
                                        .results = results,
                                        .no_energy = no_energy,
                                        .is_floor = is_floor,
                                        .outside_guard = outside_guard};
    be->reward_judge(&judge, n);
    sh_reward_sum_args sum = {.rules = r->rules_there,
                              .index = index,
                              .no_energy = no_energy,
                              .results = results,
                              .outside_guard = outside_guard};
    if (energies) {
        const int64_t *wanted;
        int64_t n_wanted = list_chosen(ws, no_energy, n, &wanted);
        double *e_total = SH_ROOM(ws, double, n), *e_form = SH_ROOM(ws, double, n);
        sh_potential_evaluate(r->potential, ws, &c, &g, wanted, n_wanted, e_total, e_form);
        sum.e_total = e_total;
        sum.e_form = e_form;
    }
    if (r->plugin || r->gap_model) {
        const int64_t *judged;
        int64_t n_judged = list_chosen(ws, is_floor, n, &judged);
        if (r->plugin && n_judged > 0) sum.score = ask_plugin(r, ws, &c, judged, n_judged);
        if (r->gap_model) {
            double *gap = SH_ROOM(ws, double, n);
            sh_potential_predict(r->gap_model, ws, &c, &g, judged, n_judged, gap);
            sum.gap = gap;
        }
    }
    be->reward_sum(&sum, n);
    sh_workspace_release(ws, mark);
}

double sh_reward_log_target(const sh_reward_options *o, const sh_reward_result *result)
{
    return fmax(o->beta * log(result->reward), o->log_floor);
}
