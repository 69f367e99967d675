#include "relax/moving.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"
#include "cell.h"
#include "crystal/lattice.h"
#include "crystal/reduce.h"
#include "relax/strain.h"

static const int8_t identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
static const double EXACT_ANG = 1e-7; /* Å: atoms and their images agree so well after the symmetrisation */

/* R = H^T W H^-T: the operation on Cartesian columns. */
static void cartesian(const double lattice[9], const double inverse[9], const int8_t w[9], double r[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double sum = 0;
            for (int k = 0; k < 3; k++)
                for (int m = 0; m < 3; m++)
                    sum += lattice[3 * k + i] * w[3 * k + m] * inverse[3 * j + m];
            r[3 * i + j] = sum;
        }
}

/* H C^(1/2) with C = mean R^T R: the R of the new lattice are rotations, and C^(1/2) is nearly 1. */
static void symmetrise_lattice(const sh_operations *o, double lattice[9], double inverse[9])
{
    double c[9] = {0}, root[9], before[9];
    for (int64_t op = 0; op < o->n_op; op++) {
        double r[9];
        cartesian(lattice, inverse, o->rot + 9 * op, r);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                c[3 * i + j] += (r[i] * r[j] + r[3 + i] * r[3 + j] + r[6 + i] * r[6 + j]) / (double)o->n_op;
    }
    sh_strain_sqrt(c, root);
    memcpy(before, lattice, sizeof before);
    sh_product3(before, root, lattice);
    sh_lattice_invert(lattice, inverse);
}

/* The image of x that is nearest to `to`. */
static void image_near(const int8_t w[9], const double trans[3], const double x[3], const double to[3], double y[3])
{
    for (int k = 0; k < 3; k++) {
        y[k] = w[3 * k] * x[0] + w[3 * k + 1] * x[1] + w[3 * k + 2] * x[2] + trans[k];
        y[k] -= rint(y[k] - to[k]);
    }
}

/* Sites in the order of their first atoms, atoms of a site in the order of the cell. from (A) is the first atom of each. */
static void number_sites(const sh_cell *cell, const sh_operations *o, int32_t *from, sh_moving *m)
{
    int64_t n = cell->n_atom;
    for (int64_t a = 0; a < n; a++)
        from[a] = -1;
    for (int64_t a = 0; a < n; a++) {
        if (from[a] >= 0) continue;
        for (int64_t op = 0; op < o->n_op; op++)
            from[o->image[op * n + a]] = (int32_t)a;
    }
    for (int64_t a = 0; a < n; a++)
        m->n_site += from[a] == a;
    m->site_z = SH_NEW(int32_t, m->n_site);
    m->atom_start = SH_NEW(int64_t, m->n_site + 1);
    int64_t site = 0, k = 0;
    for (int64_t rep = 0; rep < n; rep++) {
        if (from[rep] != rep) continue;
        m->site_z[site] = cell->z[rep];
        for (int64_t a = rep; a < n; a++)
            if (from[a] == rep) m->atom[k++] = (int32_t)a;
        m->atom_start[++site] = k;
    }
}

/* The first atom of a site goes to the mean of the images of all its atoms, the others to its images. */
static void place_site(const sh_cell *cell, const sh_operations *o, int64_t site, sh_moving *m)
{
    int64_t n = cell->n_atom, first = m->atom_start[site], last = m->atom_start[site + 1];
    int32_t rep = m->atom[first];
    double *mean = m->frac + 3 * first;
    const double *given = cell->frac + 3 * rep;
    for (int64_t k = first; k < last; k++)
        for (int64_t op = 0; op < o->n_op; op++) {
            double y[3];
            if (o->image[op * n + m->atom[k]] != rep) continue;
            image_near(o->rot + 9 * op, o->trans + 3 * op, cell->frac + 3 * m->atom[k], given, y);
            for (int c = 0; c < 3; c++)
                mean[c] += (y[c] - given[c]) / (double)o->n_op;
        }
    for (int c = 0; c < 3; c++)
        mean[c] += given[c];
    memcpy(m->atom_rot + 9 * first, identity, 9);
    for (int64_t k = first + 1; k < last; k++) {
        int64_t op = 0;
        while (o->image[op * n + rep] != m->atom[k])
            op++;
        memcpy(m->atom_rot + 9 * k, o->rot + 9 * op, 9);
        image_near(o->rot + 9 * op, o->trans + 3 * op, mean, cell->frac + 3 * m->atom[k], m->frac + 3 * k);
    }
}

/* Every operation takes every atom to within EXACT_ANG of the one it should. */
static bool is_exact(const sh_operations *o, const sh_moving *m)
{
    int64_t n = m->n_atom;
    bool exact = true;
    int64_t *at = SH_NEW(int64_t, n);
    for (int64_t k = 0; k < n; k++)
        at[m->atom[k]] = k;
    for (int64_t op = 0; op < o->n_op && exact; op++)
        for (int64_t k = 0; k < n && exact; k++) {
            double y[3], d[3];
            const double *to = m->frac + 3 * at[o->image[op * n + m->atom[k]]];
            image_near(o->rot + 9 * op, o->trans + 3 * op, m->frac + 3 * k, to, y);
            for (int c = 0; c < 3; c++)
                d[c] = y[c] - to[c];
            exact = sh_square_length(m->lattice, d) < EXACT_ANG * EXACT_ANG;
        }
    sh_free(at);
    return exact;
}

/* Site groups, and the means of their Cartesian rotations: what is left of a vector. */
static void find_site_groups(const sh_operations *o, sh_moving *m)
{
    int64_t n = m->n_atom;
    m->stab_start = SH_NEW(int64_t, m->n_site + 1);
    m->site_project = SH_NEW(double, 9 * m->n_site);
    m->stab_rot = SH_NEW(int8_t, 9 * m->n_site * o->n_op);
    for (int64_t s = 0; s < m->n_site; s++) {
        int32_t rep = m->atom[m->atom_start[s]];
        double *p = m->site_project + 9 * s;
        for (int64_t op = 0; op < o->n_op; op++) {
            double r[9];
            if (o->image[op * n + rep] != rep) continue;
            memcpy(m->stab_rot + 9 * m->n_stab++, o->rot + 9 * op, 9);
            cartesian(m->lattice, m->inverse, o->rot + 9 * op, r);
            for (int c = 0; c < 9; c++)
                p[c] += r[c];
        }
        m->stab_start[s + 1] = m->n_stab;
        for (int c = 0; c < 9; c++)
            p[c] /= (double)(m->n_stab - m->stab_start[s]);
    }
}

/* mean of R T R^T over the operations, as a matrix on the nine numbers of T. */
static void find_strain_projection(const sh_operations *o, sh_moving *m)
{
    m->strain_project = SH_NEW(double, 81);
    for (int64_t op = 0; op < o->n_op; op++) {
        double r[9];
        cartesian(m->lattice, m->inverse, o->rot + 9 * op, r);
        for (int ij = 0; ij < 9; ij++)
            for (int kl = 0; kl < 9; kl++)
                m->strain_project[9 * ij + kl] += r[ij / 3 * 3 + kl / 3] * r[ij % 3 * 3 + kl % 3] / (double)o->n_op;
    }
}

/* False where the symmetry does not come out exact. */
static bool build(const sh_cell *cell, const sh_operations *o, bool symmetric, sh_moving *m)
{
    int64_t n = cell->n_atom;
    int32_t *from = SH_NEW(int32_t, n);
    *m = (sh_moving){.n_atom = n,
                     .symmetric = symmetric,
                     .atom = SH_NEW(int32_t, n),
                     .frac = SH_NEW(double, 3 * n),
                     .atom_rot = SH_NEW(int8_t, 9 * n)};
    memcpy(m->lattice, cell->lattice, sizeof m->lattice);
    bool good = sh_lattice_invert(m->lattice, m->inverse);
    if (good && symmetric) symmetrise_lattice(o, m->lattice, m->inverse);
    number_sites(cell, o, from, m);
    for (int64_t s = 0; s < m->n_site; s++)
        place_site(cell, o, s, m);
    sh_free(from);
    if (!good || (symmetric && !is_exact(o, m))) return false;
    find_site_groups(o, m);
    if (symmetric) find_strain_projection(o, m);
    return true;
}

bool sh_moving_create(const sh_cell *cell, double symprec, bool p1, sh_moving *out)
{
    sh_operations o;
    *out = (sh_moving){0};
    double inverse[9];
    if (!sh_lattice_invert(cell->lattice, inverse)) return false;
    bool symmetric = sh_operations_find(cell, symprec, p1, &o), good = build(cell, &o, symmetric, out);
    sh_operations_release(&o);
    if (good || !symmetric) return good;
    sh_moving_release(out);
    return sh_moving_create(cell, symprec, true, out);
}

void sh_moving_release(sh_moving *m)
{
    sh_free(m->site_z);
    sh_free(m->atom_start);
    sh_free(m->stab_start);
    sh_free(m->stab_rot);
    sh_free(m->atom);
    sh_free(m->frac);
    sh_free(m->atom_rot);
    sh_free(m->site_project);
    sh_free(m->strain_project);
    *m = (sh_moving){0};
}

/* The first n normal numbers of a stream. */
static double *normal_numbers(uint64_t seed, uint64_t id, uint32_t step, int64_t n)
{
    const sh_rng rng = {.seed = seed, .traj = id, .step = step};
    double *x = SH_NEW(double, n + 1);
    for (int64_t i = 0; i < n; i += 2)
        sh_rng_normalx2(&rng, (uint32_t)(i / 2), x + i);
    return x;
}

void sh_moving_shake(sh_moving *m, double amount, bool cell, uint64_t seed, uint64_t id)
{
    SH_ASSERT(!m->symmetric);
    double *x = normal_numbers(seed, id, 0, 3 * m->n_atom), *e = normal_numbers(seed, id, 1, 6), before[9], f[9];
    for (int64_t a = 0; a < m->n_atom; a++)
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++)
                m->frac[3 * a + k] += amount * x[3 * a + i] * m->inverse[3 * i + k];
    if (cell) {
        double size = amount / cbrt(sh_lattice_volume(m->lattice));
        const double u[9] = {size * e[0], size * e[5], size * e[4], size * e[5], size * e[1], size * e[3], size * e[4], size * e[3],
                             size * e[2]};
        sh_strain_exp(u, f);
        memcpy(before, m->lattice, sizeof before);
        sh_product3(before, f, m->lattice);
        sh_lattice_invert(m->lattice, m->inverse);
    }
    sh_free(x);
    sh_free(e);
}
