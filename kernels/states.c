/* states.c -- states and crystals of records: what they are made of, and what an encoder is shown of them beside the graph. */
#include "args.h"
#include "kernel.h"
#include "step_cell.h"

SH_BODY void finished_states_body(int64_t i, const sh_finished_states_args *a)
{
    a->record[i] = a->index ? a->index[i] : i;
    a->t[i] = sh_listed(&a->records, a->record[i])->n_step;
}
SH_KERNEL_ROWS(finished_states, sh_finished_states_args)

SH_BODY void describe_states_body(int64_t i, const sh_describe_states_args *a)
{
    const sh_record *record = sh_listed(&a->states.records, a->states.record[i]);
    int64_t t = a->states.t[i];
    const sh_step *last = &record->step[t - 1];
    int32_t n_atom = 0;
    bool has_room = a->site_start[i] < a->site_start[i + 1];
    for (int64_t k = 0; k < t && has_room; k++) {
        const sh_step *step = &record->step[k];
        int64_t site = a->site_start[i] + k;
        a->site_z[site] = a->rules.constraints->element[step->elem_index];
        a->site_wyckoff[site] = step->wyckoff;
        for (int j = 0; j < 3; j++)
            a->site_frac[3 * site + j] = step->frac[j];
        if (a->nominal) n_atom += a->rules.wyckoff[a->rules.wyckoff_start[last->sg_number - 1] + step->wyckoff].mult;
    }
    a->sg_number[i] = last->sg_number;
    if (a->states.record[i] >= a->states.records.n) { /* blank: far from everything */
        for (int k = 0; k < 9; k++)
            a->lattice[9 * i + k] = k % 4 == 0 ? 100 : 0;
    } else if (a->nominal)
        sh_nominal_lattice(last->sg_number, n_atom, a->lattice + 9 * i);
    else
        sh_step_lattice(&a->rules.constraints->cell, last, a->lattice + 9 * i);
}
SH_KERNEL_ROWS(describe_states, sh_describe_states_args)

/* Numbers of order 1 that say how large and how full the cell is. */
SH_BODY void state_features_body(int64_t i, const sh_state_features_args *a)
{
    double p[6];
    sh_real *out = a->features + i * SH_LATTICE_FEATURES;
    sh_lattice_parameters(a->lattice + 9 * i, p);
    int64_t n_atom = a->atom_start[a->site_start[i + 1]] - a->atom_start[a->site_start[i]];
    for (int d = 0; d < 3; d++) {
        double angle = p[3 + d] * (SH_PI / 180);
        out[d] = (sh_real)((p[d] - 8) / 4);
        out[3 + d] = (sh_real)cos(angle);
        out[6 + d] = (sh_real)(sin(angle) - 1);
    }
    out[9] = (sh_real)(log(sh_lattice_volume(a->lattice + 9 * i) / (15 * (double)n_atom))); /* 15 Å^3: a usual solid */
    out[10] = (sh_real)((log((double)n_atom) - 2) / 2);
    a->group_index[i] = a->sg_number[i] - 1;
}
SH_KERNEL_ROWS(state_features, sh_state_features_args)

SH_BODY void site_features_body(int64_t site, const sh_site_features_args *a)
{
    int64_t i = a->site_crystal[site];
    const sh_step *step = &sh_listed(&a->states.records, a->states.record[i])->step[site - a->site_start[i]];
    bool wyckoff = a->rules.sites == SH_SITES_WYCKOFF;
    /* A general site's coordinate as sampled, not the projected one: with another group it may be put elsewhere. */
    const double *x = wyckoff ? a->atom_frac + 3 * a->atom_start[site] : step->frac;
    sh_real *f = a->features + site * SH_SITE_FEATURES;
    a->position[site] = wyckoff ? a->rules.wyckoff_start[a->sg_number[i] - 1] + step->wyckoff : 0;
    for (int j = 0; j < 9; j++) {
        double phase = 2 * SH_PI * (j / 3 + 1) * x[j % 3];
        *f++ = (sh_real)sin(phase);
        *f++ = (sh_real)cos(phase);
    }
}
SH_KERNEL_ROWS(site_features, sh_site_features_args)
