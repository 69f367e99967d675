/* select.c -- some crystals of a batch. */
#include "args.h"
#include "kernel.h"

SH_BODY void select_count_body(int64_t i, const sh_select_count_args *a)
{
    const sh_crystals *c = &a->from;
    a->n_site[i] = a->n_atom[i] = a->n_stab[i] = 0;
    if (a->index[i] < 0) return;
    int64_t first = c->site_start[a->index[i]], last = c->site_start[a->index[i] + 1];
    a->n_site[i] = last - first;
    a->n_atom[i] = c->atom_start[last] - c->atom_start[first];
    a->n_stab[i] = c->stab_start[last] - c->stab_start[first];
}
SH_KERNEL_ROWS(select_count, sh_select_count_args)

SH_BODY void select_write_body(int64_t i, const sh_select_write_args *a)
{
    const sh_crystals *from = &a->from, *to = &a->out;
    int64_t site = to->site_start[i], atom = a->atom_start[i], stab = a->stab_start[i];
    if (i == to->n_crystal) {
        to->atom_start[site] = atom;
        to->stab_start[site] = stab;
        return;
    }
    /* none of what there is no room for */
    int64_t n_site = to->site_start[i + 1] - site, n_atom = a->atom_start[i + 1] - atom, n_stab = a->stab_start[i + 1] - stab;
    to->sg_number[i] = 0;
    for (int k = 0; k < 9; k++)
        to->lattice[9 * i + k] = k % 4 == 0; /* of no crystal: a cell, for whom that matters */
    if (a->index[i] < 0) return;
    int64_t first = from->site_start[a->index[i]];
    const double *frac = from->atom_frac + 3 * from->atom_start[first];
    const int8_t *atom_rot = from->atom_rot + 9 * from->atom_start[first];
    const int8_t *rot = from->stab_rot + 9 * from->stab_start[first];
    for (int k = 0; k < 9; k++)
        to->lattice[9 * i + k] = from->lattice[9 * a->index[i] + k];
    to->sg_number[i] = from->sg_number[a->index[i]];
    for (int64_t s = 0; s < n_site; s++) {
        to->site_crystal[site + s] = (int32_t)i;
        to->site_z[site + s] = from->site_z[first + s];
        to->atom_start[site + s] = atom + (n_atom ? from->atom_start[first + s] - from->atom_start[first] : 0);
        to->stab_start[site + s] = stab + (n_stab ? from->stab_start[first + s] - from->stab_start[first] : 0);
    }
    for (int64_t k = 0; k < 3 * n_atom; k++)
        to->atom_frac[3 * atom + k] = frac[k];
    for (int64_t k = 0; k < 9 * n_atom; k++)
        to->atom_rot[9 * atom + k] = atom_rot[k];
    for (int64_t k = 0; k < 9 * n_stab; k++)
        to->stab_rot[9 * stab + k] = rot[k];
}
SH_KERNEL_ROWS(select_write, sh_select_write_args)

/* Room for sites beyond those that were counted: sites without atoms. */
SH_BODY void select_blank_body(int64_t s, const sh_select_blank_args *a)
{
    int64_t n = a->out.n_crystal;
    if (s <= a->out.site_start[n]) return;
    a->out.atom_start[s] = a->atom_start[n];
    a->out.stab_start[s] = a->stab_start[n];
}
SH_KERNEL(select_blank, sh_select_blank_args)
