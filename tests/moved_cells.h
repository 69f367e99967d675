/* moved_cells.h -- the same crystal described in another way: turned, shifted, its atoms in another order, repeated, on other axes.
 * Every function returns a new cell; the caller releases z and frac (free_moved). */
#ifndef SH_TEST_MOVED_CELLS_H
#define SH_TEST_MOVED_CELLS_H

#include "crystal/dataset.h"
#include "crystals.h"
#include "read_cells.h"

static inline sh_cell cell_view(const test_cell *c)
{
    return (sh_cell){.lattice = c->lattice, .n_atom = c->n, .z = c->z, .frac = c->frac};
}

/* Na and Cl, `apart` Å along a, in a box; z (2) and frac (6) are the caller's. */
static inline test_cell two_atoms(double a, double b, double c, double apart, int32_t *z, double *frac)
{
    test_cell cell = {.lattice = {a, 0, 0, 0, b, 0, 0, 0, c}, .n = 2, .z = z, .frac = frac};
    for (int k = 0; k < 6; k++)
        frac[k] = 0;
    frac[3] = apart / a;
    z[0] = 11;
    z[1] = 17;
    return cell;
}

static inline void free_moved(test_cell *c)
{
    sh_free(c->z);
    sh_free(c->frac);
}

static inline test_cell cell_copy(const test_cell *from, int copies)
{
    test_cell c = *from;
    c.n = from->n * copies;
    c.z = SH_NEW(int32_t, c.n);
    c.frac = SH_NEW(double, 3 * c.n);
    for (int k = 0; k < copies; k++) {
        memcpy(c.z + k * from->n, from->z, (size_t)from->n * sizeof *c.z);
        memcpy(c.frac + 3 * k * from->n, from->frac, 3 * (size_t)from->n * sizeof *c.frac);
    }
    return c;
}

/* By a random rotation, or with `mirror` by one and a reflection: Gram and Schmidt on random vectors. */
static inline test_cell cell_turned(const test_cell *from, bool mirror, test_random *r)
{
    test_cell c = cell_copy(from, 1);
    double q[3][3];
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            q[i][k] = test_u01(r) - 0.5;
        for (int j = 0; j < i; j++) {
            double along = sh_dot3(q[i], q[j]);
            for (int k = 0; k < 3; k++)
                q[i][k] -= along * q[j][k];
        }
        double length = sqrt(sh_dot3(q[i], q[i]));
        for (int k = 0; k < 3; k++)
            q[i][k] /= length;
    }
    const double *flat = q[0];
    double det = flat[0] * (flat[4] * flat[8] - flat[5] * flat[7]) - flat[1] * (flat[3] * flat[8] - flat[5] * flat[6]) +
                 flat[2] * (flat[3] * flat[7] - flat[4] * flat[6]);
    for (int k = 0; k < 3 && (det < 0) != mirror; k++)
        q[2][k] = -q[2][k];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            c.lattice[3 * i + k] = sh_dot3(from->lattice + 3 * i, q[k]);
    return c;
}

static inline test_cell cell_shifted(const test_cell *from, test_random *r)
{
    test_cell c = cell_copy(from, 1);
    for (int k = 0; k < 3; k++) {
        double by = 4 * test_u01(r) - 2;
        for (int i = 0; i < c.n; i++)
            c.frac[3 * i + k] += by + floor(3 * test_u01(r));
    }
    return c;
}

static inline test_cell cell_shuffled(const test_cell *from, test_random *r)
{
    test_cell c = cell_copy(from, 1);
    for (int i = c.n - 1; i > 0; i--) {
        int j = (int)((i + 1) * test_u01(r));
        int32_t z = c.z[i];
        c.z[i] = c.z[j];
        c.z[j] = z;
        for (int k = 0; k < 3; k++) {
            double x = c.frac[3 * i + k];
            c.frac[3 * i + k] = c.frac[3 * j + k];
            c.frac[3 * j + k] = x;
        }
    }
    return c;
}

/* times[i] cells along each axis. */
static inline test_cell cell_repeated(const test_cell *from, const int times[3])
{
    test_cell c = cell_copy(from, times[0] * times[1] * times[2]);
    for (int i = 0; i < 9; i++)
        c.lattice[i] *= times[i / 3];
    for (int i = 0; i < c.n; i++) {
        int copy = i / from->n;
        const int at[3] = {copy % times[0], copy / times[0] % times[1], copy / times[0] / times[1]};
        for (int k = 0; k < 3; k++)
            c.frac[3 * i + k] = (c.frac[3 * i + k] + at[k]) / times[k];
    }
    return c;
}

/* On the axes a + 2b, b - 3c, c: the same lattice. */
static inline test_cell cell_on_other_axes(const test_cell *from)
{
    test_cell c = cell_copy(from, 1);
    for (int k = 0; k < 3; k++) {
        c.lattice[k] += 2 * from->lattice[3 + k];
        c.lattice[3 + k] -= 3 * from->lattice[6 + k];
    }
    for (int i = 0; i < c.n; i++) {
        double *x = c.frac + 3 * i;
        x[1] -= 2 * x[0];
        x[2] += 3 * x[1];
    }
    return c;
}

#endif
