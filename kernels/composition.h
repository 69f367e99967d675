/* composition.h -- the elements of a crystal and how many atoms there are of each. */
#ifndef SH_KERNEL_COMPOSITION_H
#define SH_KERNEL_COMPOSITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/real.h"
#include "crystal/crystal.h"
#include "reward/tables.h"

typedef struct {
    int32_t n_kind;
    int32_t *z;     /* (n_kind) ascending */
    int64_t *count; /* (n_kind) atoms in the cell */
} sh_composition;

/* `count` more atoms of element z. */
SH_BODY void sh_composition_add(sh_composition *c, int32_t z, int64_t count)
{
    int32_t at = 0;
    while (at < c->n_kind && c->z[at] < z)
        at++;
    if (at == c->n_kind || c->z[at] != z) {
        for (int32_t k = c->n_kind++; k > at; k--) {
            c->z[k] = c->z[k - 1];
            c->count[k] = c->count[k - 1];
        }
        c->z[at] = z;
        c->count[at] = 0;
    }
    c->count[at] += count;
}

/* Of a list of atoms; false where one has no atomic number of the periodic table. z and count have room for as many kinds as there are
 * atoms, or SH_MAX_Z. */
SH_BODY bool sh_composition_of_atoms(int64_t n_atom, const int32_t *z, sh_composition *out)
{
    out->n_kind = 0;
    for (int64_t a = 0; a < n_atom; a++) {
        if (z[a] < 1 || z[a] > SH_MAX_Z) return false;
        sh_composition_add(out, z[a], 1);
    }
    return true;
}

/* False where a site has no atomic number of the periodic table. z and count have room for as many kinds as the crystal has
 * sites. */
SH_BODY bool sh_composition_of(const sh_crystals *c, int64_t crystal, sh_composition *out)
{
    out->n_kind = 0;
    for (int64_t s = c->site_start[crystal]; s < c->site_start[crystal + 1]; s++) {
        int32_t z = c->site_z[s];
        if (z < 1 || z > SH_MAX_Z) return false;
        sh_composition_add(out, z, sh_site_mult(c, s));
    }
    return true;
}

/* Counts by their greatest common divisor. */
SH_BODY void sh_composition_reduce(sh_composition *c)
{
    int64_t divisor = 0;
    for (int32_t k = 0; k < c->n_kind; k++)
        for (int64_t a = c->count[k]; a;) { /* Euclid */
            int64_t rest = divisor % a;
            divisor = a;
            a = rest;
        }
    for (int32_t k = 0; k < c->n_kind; k++)
        c->count[k] /= divisor;
}

/* An order of compositions: by elements, then counts; 0 where they are equal. */
SH_BODY int sh_composition_compare(const sh_composition *a, const sh_composition *b)
{
    int32_t n = a->n_kind < b->n_kind ? a->n_kind : b->n_kind;
    for (int32_t k = 0; k < n; k++)
        if (a->z[k] != b->z[k]) return a->z[k] < b->z[k] ? -1 : 1;
    if (a->n_kind != b->n_kind) return a->n_kind < b->n_kind ? -1 : 1;
    for (int32_t k = 0; k < n; k++)
        if (a->count[k] != b->count[k]) return a->count[k] < b->count[k] ? -1 : 1;
    return 0;
}

/* A hash of a reduced composition. */
SH_BODY uint64_t sh_composition_key(const sh_composition *reduced)
{
    uint64_t hash = SH_HASH_START;
    for (int32_t k = 0; k < reduced->n_kind; k++)
        hash = sh_hash_mix(sh_hash_mix(hash, (uint64_t)reduced->z[k]), (uint64_t)reduced->count[k]);
    return hash;
}

/* g/cm^3; NaN where a mass is unknown. */
SH_BODY double sh_density(const sh_tables *t, const sh_composition *c, double volume)
{
    double mass = 0;
    for (int32_t k = 0; k < c->n_kind; k++)
        mass += (double)c->count[k] * t->mass[c->z[k]];
    return 1.66053906660 * mass / volume; /* amu/Å^3 in g/cm^3 */
}

#endif
