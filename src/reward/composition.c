#include "reward/terms.h"

bool sh_composition_of(const sh_crystals *c, int64_t crystal, sh_composition *out)
{
    *out = (sh_composition){0};
    for (int64_t s = c->site_start[crystal]; s < c->site_start[crystal + 1]; s++) {
        int32_t z = c->site_z[s], at = 0;
        if (z < 1 || z > SH_MAX_Z) return false;
        while (at < out->n_kind && out->z[at] < z)
            at++;
        if (at == out->n_kind || out->z[at] != z) {
            for (int32_t k = out->n_kind++; k > at; k--) {
                out->z[k] = out->z[k - 1];
                out->count[k] = out->count[k - 1];
            }
            out->z[at] = z;
            out->count[at] = 0;
        }
        out->count[at] += sh_site_mult(c, s);
        out->n_atom += sh_site_mult(c, s);
    }
    return true;
}

void sh_composition_reduce(sh_composition *c)
{
    int64_t divisor = 0;
    for (int32_t k = 0; k < c->n_kind; k++)
        for (int64_t a = c->count[k]; a;) { /* Euclid */
            int64_t rest = divisor % a;
            divisor = a;
            a = rest;
        }
    c->n_atom = 0;
    for (int32_t k = 0; k < c->n_kind; k++)
        c->n_atom += c->count[k] /= divisor;
}

uint64_t sh_composition_key(const sh_composition *composition)
{
    sh_composition c = *composition;
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a by numbers, mixed */
    sh_composition_reduce(&c);
    for (int32_t k = 0; k < c.n_kind; k++) {
        hash = (hash ^ (uint64_t)c.z[k]) * 0x100000001b3u;
        hash ^= hash >> 29;
        hash = (hash ^ (uint64_t)c.count[k]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

double sh_density(const sh_tables *t, const sh_composition *c, double volume)
{
    double mass = 0;
    for (int32_t k = 0; k < c->n_kind; k++)
        mass += (double)c->count[k] * t->mass[c->z[k]];
    return 1.66053906660 * mass / volume; /* amu/Å^3 in g/cm^3 */
}
