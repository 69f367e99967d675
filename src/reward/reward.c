#include "reward/reward.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "crystal/graph.h"
#include "crystal/lattice.h"
#include "reward/terms.h"

struct sh_reward {
    sh_reward_options options;
    const sh_tables *tables;
    const sh_potential *potential;
    const sh_potential *gap_model; /* NULL where its term has no weight */
    const sh_plugin *plugin;       /* likewise */
};

static const double COINCIDENT_ANG = 0.1, ENERGY_CLAMP = 10, BOND_CUTOFF = 4;
static const double LONGEST_ANG = 1e6; /* of a cell: graphs are not made of longer ones */

/* ---- elements that something is known of ---- */

static bool has_mass(const sh_reward *r, int z)
{
    return isfinite(r->tables->mass[z]);
}

static bool in_model(const sh_reward *r, int z)
{
    return r->options.weight[SH_TERM_ENERGY] == 0 || sh_potential_knows(r->potential, z);
}

static bool in_gap_model(const sh_reward *r, int z)
{
    return !r->gap_model || sh_potential_knows(r->gap_model, z);
}

static bool in_bond_table(const sh_reward *r, int z)
{
    bool known = r->options.weight[SH_TERM_BOND] == 0;
    for (int other = 1; other <= SH_MAX_Z && !known; other++)
        known = !isnan(r->tables->bond_avg[z][other]);
    return known;
}

static bool in_validity(const sh_reward *r, int z)
{
    return r->options.weight[SH_TERM_VALIDITY] == 0 || r->tables->smact_known[z];
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
            missing[z] = r->options.wanted[z] && !known[z];
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
    *r = (sh_reward){.options = *options, .tables = tables, .potential = potential};
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
    if (r->options.weight[SH_TERM_GAP] > 0) r->gap_model = model;
    return check_elements(r);
}

void sh_reward_use_plugin(sh_reward *r, const sh_plugin *plugin)
{
    if (r->options.weight[SH_TERM_PLUGIN] > 0) r->plugin = plugin;
}

void sh_reward_destroy(sh_reward **reward)
{
    sh_free(*reward);
    *reward = NULL;
}

static bool model_knows(const sh_potential *model, const sh_crystals *c, int64_t i)
{
    for (int64_t s = c->site_start[i]; s < c->site_start[i + 1]; s++)
        if (!sh_potential_knows(model, c->site_z[s])) return false;
    return true;
}

/* What needs no neighbours: counts, density, composition. Returns whether the crystal goes on to the graph. */
static bool look_at_cell(const sh_reward *r, const sh_crystals *c, int64_t i, sh_reward_result *x)
{
    sh_composition composition;
    double volume = sh_lattice_volume(c->lattice + 9 * i);
    int64_t n_atom = c->atom_start[c->site_start[i + 1]] - c->atom_start[c->site_start[i]];
    *x = (sh_reward_result){.e_total = NAN,
                            .e_form = NAN,
                            .bond = NAN,
                            .band_gap = NAN,
                            .density = NAN,
                            .min_dist = NAN,
                            .n_atom = (int32_t)n_atom,
                            .n_site = (int32_t)(c->site_start[i + 1] - c->site_start[i]),
                            .reward = r->options.r_min};
    double square = 0;
    for (int k = 0; k < 9; k++)
        square += c->lattice[9 * i + k] * c->lattice[9 * i + k];
    /* a cell below 0.1 Å^3 is none */
    bool positions = isfinite(volume) && volume >= 0.1 && square < LONGEST_ANG * LONGEST_ANG && n_atom > 0;
    for (int64_t k = 3 * c->atom_start[c->site_start[i]]; positions && k < 3 * c->atom_start[c->site_start[i + 1]]; k++)
        positions = isfinite(c->atom_frac[k]);
    if (!positions) {
        x->reason = SH_REASON_CELL;
        return false;
    }
    if (!sh_composition_of(c, i, &composition)) {
        x->reason = SH_REASON_ELEMENT;
        return false;
    }
    x->density = sh_density(r->tables, &composition, volume);
    x->valid = sh_validity(r->tables, &composition);
    if (isnan(x->density)) x->reason = SH_REASON_ELEMENT;
    if (r->options.weight[SH_TERM_ENERGY] > 0 && !model_knows(r->potential, c, i)) x->reason = SH_REASON_ELEMENT;
    if (r->gap_model && !model_knows(r->gap_model, c, i)) x->reason = SH_REASON_ELEMENT;
    if (n_atom > r->options.max_atoms) x->reason = SH_REASON_ATOMS;
    return true;
}

static bool is_floor(int32_t reason)
{
    return reason != SH_REASON_NONE && reason <= SH_REASON_NOT_FINITE;
}

static int32_t guard_reason(const sh_reward_options *o, const sh_reward_result *x)
{
    if (x->min_dist < o->guard_distance) return SH_REASON_GUARD_OVERLAP;
    if (x->n_atom >= o->guard_atoms) return SH_REASON_GUARD_ATOMS;
    if (!(x->density >= o->guard_density[0] && x->density <= o->guard_density[1])) return SH_REASON_GUARD_DENSITY;
    return SH_REASON_NONE;
}

static void add_up(const sh_reward *r, sh_reward_result *x)
{
    const sh_reward_options *o = &r->options;
    double e = x->reason == SH_REASON_NONE ? fmax(-ENERGY_CLAMP, fmin(ENERGY_CLAMP, x->e_form)) : ENERGY_CLAMP;
    double z = (x->density - o->density_mean) / o->density_std;
    const double term[SH_N_TERM] = {exp(-e / 10), exp(-x->bond), exp(-0.5 * z * z), x->valid,
                                    sh_band_gap_term(x->band_gap, o->gap_target, o->gap_width),
                                    x->term[SH_TERM_PLUGIN]};
    double sum = 0;
    for (int k = 0; k < SH_N_TERM; k++) {
        if (o->weight[k] == 0) continue;
        x->term[k] = term[k];
        sum += o->weight[k] * term[k];
    }
    if (!isfinite(sum)) {
        x->reason = SH_REASON_NOT_FINITE;
        for (int k = 0; k < SH_N_TERM; k++)
            x->term[k] = 0;
        return;
    }
    x->reward = fmax(o->r_min, sum);
}

static void compute_gaps(const sh_reward *r, const sh_crystals *c, const sh_graph *g, const int64_t *index, sh_arena *arena,
                         sh_reward_result *results)
{
    int64_t *wanted = SH_PUSH(arena, int64_t, c->n_crystal), n_wanted = 0;
    double *gap = SH_PUSH(arena, double, c->n_crystal);
    for (int64_t k = 0; k < c->n_crystal; k++)
        if (!is_floor(results[index[k]].reason)) wanted[n_wanted++] = k;
    sh_potential_predict(r->gap_model, c, g, wanted, n_wanted, arena, gap);
    for (int64_t k = 0; k < n_wanted; k++)
        results[index[wanted[k]]].band_gap = gap[wanted[k]];
}

/* Crystals that have the floor are not shown to the user's function. */
static void ask_plugin(const sh_reward *r, const sh_crystals *c, const int64_t *index, sh_arena *arena, sh_reward_result *results)
{
    int64_t *shown = SH_PUSH(arena, int64_t, c->n_crystal), n_shown = 0;
    double *score = SH_PUSH(arena, double, c->n_crystal);
    sh_crystals some;
    for (int64_t k = 0; k < c->n_crystal; k++)
        if (!is_floor(results[index[k]].reason)) shown[n_shown++] = k;
    if (n_shown == 0) return;
    sh_crystals_select(c, shown, n_shown, arena, &some);
    sh_plugin_scores(r->plugin, &some, score);
    for (int64_t k = 0; k < n_shown; k++)
        results[index[shown[k]]].term[SH_TERM_PLUGIN] = score[k];
}

void sh_reward_evaluate(const sh_reward *r, const sh_crystals *crystals, bool outside_guard, sh_arena *arena,
                        sh_reward_result *results)
{
    const sh_reward_options *o = &r->options;
    sh_arena_mark mark = sh_arena_get_mark(arena);
    /* Only crystals that anything can be computed of have a graph; cells with hundreds of atoms never get that far, unless
     * somebody asks for figures of just those. */
    int64_t *index = SH_PUSH(arena, int64_t, crystals->n_crystal), n = 0;
    for (int64_t i = 0; i < crystals->n_crystal; i++) {
        bool cell = look_at_cell(r, crystals, i, &results[i]);
        if (cell && (outside_guard || !is_floor(results[i].reason))) index[n++] = i;
    }
    sh_crystals c;
    sh_graph g;
    double cutoff = BOND_CUTOFF;
    bool energies = r->potential && (o->weight[SH_TERM_ENERGY] > 0 || outside_guard);
    if (energies) cutoff = fmax(cutoff, sh_potential_cutoff(r->potential));
    SH_ASSERT((r->gap_model || o->weight[SH_TERM_GAP] == 0) && (r->plugin || o->weight[SH_TERM_PLUGIN] == 0));
    if (r->gap_model) cutoff = fmax(cutoff, sh_potential_cutoff(r->gap_model));
    sh_crystals_select(crystals, index, n, arena, &c);
    sh_graph_build(&c, &(sh_graph_opts){.cutoff = cutoff}, arena, &g);

    int64_t *wanted = SH_PUSH(arena, int64_t, n), n_wanted = 0;
    double *e_total = SH_PUSH(arena, double, n), *e_form = SH_PUSH(arena, double, n);
    for (int64_t k = 0; k < n; k++) {
        sh_reward_result *x = &results[index[k]];
        bool above_min;
        x->min_dist = g.min_dist[k];
        if (x->min_dist < COINCIDENT_ANG && x->reason == SH_REASON_NONE) x->reason = SH_REASON_COINCIDENT;
        x->bond = sh_bond_score(r->tables, &c, &g, k, arena, &above_min, &x->bond_missing);
        x->bond_valid = above_min;
        if (x->reason == SH_REASON_NONE) x->reason = guard_reason(o, x);
        bool compute = x->reason == SH_REASON_NONE || (outside_guard && x->min_dist > 0);
        if (energies && compute && model_knows(r->potential, &c, k)) wanted[n_wanted++] = k;
    }
    if (energies) sh_potential_evaluate(r->potential, &c, &g, wanted, n_wanted, arena, e_total, e_form);
    for (int64_t k = 0; k < n_wanted; k++) {
        sh_reward_result *x = &results[index[wanted[k]]];
        x->e_total = e_total[wanted[k]];
        x->e_form = e_form[wanted[k]];
        /* The term would be worth most just where atoms overlap so far that the potential makes anything of them. */
        if (x->reason != SH_REASON_NONE || !(x->e_form < o->guard_energy)) continue;
        x->reason = SH_REASON_GUARD_ENERGY;
        if (!outside_guard) x->e_total = x->e_form = NAN;
    }
    if (r->plugin) ask_plugin(r, &c, index, arena, results);
    if (r->gap_model) compute_gaps(r, &c, &g, index, arena, results);
    for (int64_t k = 0; k < n; k++)
        if (!is_floor(results[index[k]].reason)) add_up(r, &results[index[k]]);
    sh_arena_release(arena, mark);
}

double sh_reward_log_target(const sh_reward_options *o, const sh_reward_result *result)
{
    return fmax(o->beta * log(result->reward), o->log_floor);
}
