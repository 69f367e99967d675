/* crystals.h -- random crystals for tests: a cell of the group's family and sites at points of a given kind. */
#ifndef SH_TEST_CRYSTALS_H
#define SH_TEST_CRYSTALS_H

#include "backend/workspace.h"
#include "base/rng.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "test.h"

typedef struct {
    sh_rng rng;
    uint32_t draw;
} test_random;

static inline double test_u01(test_random *r)
{
    return sh_rng_u01(&r->rng, r->draw++);
}

static inline test_random test_random_create(uint64_t seed)
{
    return (test_random){.rng = {.seed = seed}};
}

static inline void random_lattice(int sg_number, double shortest, double longest, test_random *r, double lattice[9])
{
    sh_family family = sh_group_family(sg_number);
    sh_cell_bounds bounds = {{shortest, longest}, {80, 130}};
    double u[6], parameters[6];
    for (int i = 0; i < 6; i++)
        u[i] = test_u01(r);
    sh_lattice_from_u(family, &bounds, u, parameters);
    sh_lattice_matrix(parameters, lattice);
}

static inline void cart_of(const double lattice[9], const double frac[3], double cart[3])
{
    for (int k = 0; k < 3; k++)
        cart[k] = frac[0] * lattice[k] + frac[1] * lattice[3 + k] + frac[2] * lattice[6 + k];
}

static inline double length_of(const double lattice[9], const double frac[3])
{
    double v[3];
    cart_of(lattice, frac, v);
    return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

static inline void image_of(const sh_groups *g, int32_t op, const double x[3], double y[3])
{
    const int8_t *w = g->rot[op];
    for (int i = 0; i < 3; i++)
        y[i] = w[3 * i] * x[0] + w[3 * i + 1] * x[1] + w[3 * i + 2] * x[2] + g->trans[op][i];
}

/* Largest |a - b| of a coordinate, whole lattice vectors left out. */
static inline double torus_apart(const double a[3], const double b[3])
{
    double apart = 0;
    for (int i = 0; i < 3; i++) {
        double f = a[i] - b[i];
        apart = fmax(apart, fabs(f - floor(f + 0.5)));
    }
    return apart;
}

/* Number of operations that map x to itself. */
static inline int32_t fixing(const sh_groups *g, int sg_number, const double x[3])
{
    int32_t n = 0;
    for (int32_t op = g->op_start[sg_number - 1]; op < g->op_start[sg_number]; op++) {
        double y[3];
        image_of(g, op, x, y);
        n += torus_apart(x, y) < 1e-9;
    }
    return n;
}

/* A point of a site symmetry above 1: coordinates that are special somewhere, drawn until one is here; false for groups
 * where none is found (those without such points, as P2_1). */
static inline bool random_special_point(const sh_groups *g, int sg_number, test_random *r, double x[3])
{
    static const int part[] = {0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21};
    for (int tries = 0; tries < 400; tries++) {
        for (int i = 0; i < 3; i++)
            x[i] = test_u01(r) < 0.2 ? test_u01(r) : part[(int)(12 * test_u01(r))] / 24.0;
        if (fixing(g, sg_number, x) > 1) return true;
    }
    return false;
}

/* One description of `n_site` sites in group sg_number, the first `n_general` anywhere, the others special where the group
 * has such points. The arrays live on the arena. */
static inline sh_descriptions random_description(const sh_groups *g, int sg_number, int n_site, int n_general,
                                                 const double *lattice, test_random *r, sh_arena *arena)
{
    int32_t *number = SH_PUSH(arena, int32_t, 1), *z = SH_PUSH(arena, int32_t, n_site);
    double *l = SH_PUSH(arena, double, 9), *x = SH_PUSH(arena, double, 3 * n_site);
    int64_t *start = SH_PUSH(arena, int64_t, 2);
    *number = sg_number;
    memcpy(l, lattice, 9 * sizeof *l);
    start[0] = 0;
    start[1] = n_site;
    for (int i = 0; i < n_site; i++) {
        z[i] = 3 + i;
        if (i >= n_general && random_special_point(g, sg_number, r, x + 3 * i)) continue;
        for (int k = 0; k < 3; k++)
            x[3 * i + k] = test_u01(r);
    }
    return (sh_descriptions){.n_crystal = 1,
                             .n_site = n_site,
                             .sg_number = number,
                             .lattice = l,
                             .site_start = start,
                             .site_z = z,
                             .site_frac = x};
}

#endif
