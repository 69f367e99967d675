/* reward.c -- the reward of a crystal in steps: what its cell says, what the graph says, the sum with what models predict. */
#include "args.h"
#include "band_gap.h"
#include "bond.h"
#include "cell.h"
#include "composition.h"
#include "kernel.h"
#include "validity.h"

static const double COINCIDENT_ANG = 0.1, ENERGY_CLAMP = 10;

SH_BODY bool reward_is_floor(int32_t reason)
{
    return reason != SH_REASON_NONE && reason <= SH_REASON_NOT_FINITE;
}

SH_BODY bool reward_all_known(const bool *known, const sh_crystals *c, int64_t i)
{
    for (int64_t s = c->site_start[i]; s < c->site_start[i + 1]; s++)
        if (!known[c->site_z[s]]) return false;
    return true;
}

/* A cell below 0.1 Å^3 is none. */
SH_BODY bool reward_is_cell(const sh_crystals *c, int64_t i, double volume)
{
    int64_t first = c->atom_start[c->site_start[i]], last = c->atom_start[c->site_start[i + 1]];
    double square = 0;
    for (int k = 0; k < 9; k++)
        square += c->lattice[9 * i + k] * c->lattice[9 * i + k];
    if (!(isfinite(volume) && volume >= 0.1 && square < SH_LONGEST * SH_LONGEST && last > first)) return false;
    for (int64_t k = 3 * first; k < 3 * last; k++)
        if (!isfinite(c->atom_frac[k])) return false;
    return true;
}

/* Of crystal i, empty. */
SH_BODY sh_composition reward_kinds(const sh_crystals *c, int64_t i, int32_t *kind_z, int64_t *kind_count)
{
    sh_composition kinds;
    kinds.n_kind = 0;
    kinds.z = kind_z + c->site_start[i];
    kinds.count = kind_count + c->site_start[i];
    return kinds;
}

SH_BODY void reward_look_body(int64_t i, const sh_reward_look_args *a)
{
    const sh_reward_options *o = &a->rules->options;
    const sh_crystals *c = &a->crystals;
    sh_reward_result *x = &a->results[i];
    sh_composition composition = reward_kinds(c, i, a->kind_z, a->kind_count);
    double volume = sh_lattice_volume(c->lattice + 9 * i);
    int64_t before = c->atom_start[c->site_start[i]], n_atom = c->atom_start[c->site_start[i + 1]] - before;
    memset(x, 0, sizeof *x);
    x->e_total = x->e_form = x->bond = x->band_gap = x->density = x->min_dist = NAN;
    x->n_atom = (int32_t)n_atom;
    x->n_site = (int32_t)(c->site_start[i + 1] - c->site_start[i]);
    x->reward = o->r_min;
    a->left_out[i] = 1;
    if (!reward_is_cell(c, i, volume)) {
        x->reason = SH_REASON_CELL;
        return;
    }
    if (!sh_composition_of(c, i, &composition)) {
        x->reason = SH_REASON_ELEMENT;
        return;
    }
    x->density = sh_density(a->tables, &composition, volume);
    sh_composition_reduce(&composition);
    x->valid = sh_validity(a->tables, &composition, a->charges + sh_charges_room(before, i));
    if (isnan(x->density)) x->reason = SH_REASON_ELEMENT;
    if (o->weight[SH_TERM_ENERGY] > 0 && !reward_all_known(a->rules->in_model, c, i)) x->reason = SH_REASON_ELEMENT;
    if (o->weight[SH_TERM_GAP] > 0 && !reward_all_known(a->rules->in_gap_model, c, i)) x->reason = SH_REASON_ELEMENT;
    if (n_atom > o->max_atoms) x->reason = SH_REASON_ATOMS;
    a->left_out[i] = reward_is_floor(x->reason) && !a->outside_guard;
}
SH_KERNEL_ROWS(reward_look, sh_reward_look_args)

SH_BODY void reward_list_body(int64_t k, const sh_reward_list_args *a)
{
    if (k >= a->start[1]) a->list[k] = -1;
}
SH_KERNEL_ROWS(reward_list, sh_reward_list_args)

SH_BODY int32_t reward_guard(const sh_reward_options *o, const sh_reward_result *x)
{
    if (x->min_dist < o->guard_distance) return SH_REASON_GUARD_OVERLAP;
    if (x->n_atom >= o->guard_atoms) return SH_REASON_GUARD_ATOMS;
    if (!(x->density >= o->guard_density[0] && x->density <= o->guard_density[1])) return SH_REASON_GUARD_DENSITY;
    return SH_REASON_NONE;
}

SH_BODY void reward_judge_body(int64_t k, const sh_reward_judge_args *a)
{
    sh_reward_result *x = &a->results[a->index[k]];
    bool above_min;
    a->no_energy[k] = a->is_floor[k] = 1;
    if (a->index[k] < 0) return;
    x->min_dist = a->graph.min_dist[k];
    if (x->min_dist < COINCIDENT_ANG && x->reason == SH_REASON_NONE) x->reason = SH_REASON_COINCIDENT;
    x->bond = sh_bond_score(a->tables, &a->crystals, &a->graph, k, a->next, &above_min, &x->bond_missing);
    x->bond_valid = above_min;
    if (x->reason == SH_REASON_NONE) x->reason = reward_guard(&a->rules->options, x);
    bool compute = x->reason == SH_REASON_NONE || (a->outside_guard && x->min_dist > 0);
    a->no_energy[k] = !(compute && reward_all_known(a->rules->in_model, &a->crystals, k));
    a->is_floor[k] = reward_is_floor(x->reason);
}
SH_KERNEL_ROWS(reward_judge, sh_reward_judge_args)

SH_BODY void reward_add_up(const sh_reward_options *o, sh_reward_result *x)
{
    double e = x->reason == SH_REASON_NONE ? fmax(-ENERGY_CLAMP, fmin(ENERGY_CLAMP, x->e_form)) : ENERGY_CLAMP;
    double z = (x->density - o->density_mean) / o->density_std, sum = 0;
    const double term[SH_N_TERM] = {exp(-e / 10), exp(-x->bond), exp(-0.5 * z * z), (double)x->valid,
                                    sh_band_gap_term(x->band_gap, o->gap_target, o->gap_width), x->term[SH_TERM_PLUGIN]};
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

SH_BODY void reward_sum_body(int64_t k, const sh_reward_sum_args *a)
{
    const sh_reward_options *o = &a->rules->options;
    sh_reward_result *x = &a->results[a->index[k]];
    if (a->index[k] < 0) return;
    if (a->e_form && !a->no_energy[k]) {
        x->e_total = a->e_total[k];
        x->e_form = a->e_form[k];
        /* The term would be worth most just where atoms overlap so far that the potential makes anything of them. */
        if (x->reason == SH_REASON_NONE && x->e_form < o->guard_energy) {
            x->reason = SH_REASON_GUARD_ENERGY;
            if (!a->outside_guard) x->e_total = x->e_form = NAN;
        }
    }
    if (reward_is_floor(x->reason)) return;
    if (a->gap) x->band_gap = a->gap[k];
    if (a->score) x->term[SH_TERM_PLUGIN] = a->score[k];
    reward_add_up(o, x);
}
SH_KERNEL_ROWS(reward_sum, sh_reward_sum_args)

SH_BODY void reward_record_body(int64_t i, const sh_reward_record_args *a)
{
    sh_record *r = sh_listed(&a->records, i);
    sh_composition composition = reward_kinds(&a->crystals, i, a->kind_z, a->kind_count);
    r->result = a->results[i];
    if (r->result.n_atom == 0 || !sh_composition_of(&a->crystals, i, &composition)) return;
    sh_composition_reduce(&composition);
    r->formula = sh_composition_key(&composition);
}
SH_KERNEL_ROWS(reward_record, sh_reward_record_args)
