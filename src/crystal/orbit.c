#include "crystal/orbit.h"

#include <math.h>

enum { MAX_STAB = 48, MAX_AVERAGES = 40 };

static const double SAME_ANG = 1e-5; /* an operation maps a point to itself within this */

/* image - x, the lattice shift that makes it short taken out. Rounding finds the nearest image of displacements shorter
 * than half of the cell's smallest height; `wide` cells look at the neighbours too. */
static void displacement(const int8_t *rot, const double *trans, const double *x, const double *lattice, int wide,
                         double d[3], double *length2)
{
    double best[3] = {0, 0, 0}, least = 1e300, f[3];
    for (int i = 0; i < 3; i++) {
        f[i] = rot[3 * i] * x[0] + rot[3 * i + 1] * x[1] + rot[3 * i + 2] * x[2] + trans[i] - x[i];
        f[i] -= floor(f[i] + 0.5);
    }
    for (int n = 0; n < (wide ? 27 : 1); n++) {
        double g[3] = {f[0], f[1], f[2]};
        if (wide) {
            g[0] += n / 9 - 1;
            g[1] += n / 3 % 3 - 1;
            g[2] += n % 3 - 1;
        }
        double square = 0;
        for (int k = 0; k < 3; k++) {
            double c = g[0] * lattice[k] + g[1] * lattice[3 + k] + g[2] * lattice[6 + k];
            square += c * c;
        }
        if (square >= least) continue;
        least = square;
        for (int i = 0; i < 3; i++)
            best[i] = g[i];
    }
    for (int i = 0; i < 3; i++)
        d[i] = best[i];
    *length2 = least;
}

/* The largest tol / height of the cell: above 1/2, rounding is not enough. */
static int is_wide(const double *l, double tol)
{
    double volume = fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) +
                         l[2] * (l[3] * l[7] - l[4] * l[6]));
    for (int i = 0; i < 3; i++) {
        const double *b = l + 3 * ((i + 1) % 3), *c = l + 3 * ((i + 2) % 3);
        double n[3] = {b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]};
        if (tol * sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) > 0.5 * volume) return 1;
    }
    return 0;
}

/* x <- mean of its images within tol, until it is fixed; then its site group. Returns the size of that. */
static int32_t project(const sh_groups *g, int32_t sg_number, const double *lattice, double tol, double x[3],
                       int16_t stab[MAX_STAB])
{
    int32_t first = g->op_start[sg_number - 1], last = g->op_start[sg_number], n_stab = 0;
    int wide = is_wide(lattice, tol);
    for (int pass = 0; pass < MAX_AVERAGES; pass++) {
        double sum[3] = {0, 0, 0}, n = 0, moved = 0;
        for (int32_t op = first; op < last; op++) {
            double d[3], length2;
            displacement(g->rot[op], g->trans[op], x, lattice, wide, d, &length2);
            if (length2 >= tol * tol) continue;
            n++;
            for (int i = 0; i < 3; i++)
                sum[i] += d[i];
        }
        for (int i = 0; i < 3; i++) {
            x[i] += sum[i] / n;
            moved = fmax(moved, fabs(sum[i] / n));
        }
        if (moved < 1e-13) break;
    }
    for (int exact = 0; exact < 2; exact++) { /* once more over the group found: exact to rounding */
        double sum[3] = {0, 0, 0};
        n_stab = 0;
        for (int32_t op = first; op < last && n_stab < MAX_STAB; op++) {
            double d[3], length2;
            displacement(g->rot[op], g->trans[op], x, lattice, wide, d, &length2);
            if (length2 >= SAME_ANG * SAME_ANG) continue;
            stab[n_stab++] = (int16_t)(op - first);
            for (int i = 0; i < 3; i++)
                sum[i] += d[i];
        }
        for (int i = 0; i < 3 && !exact; i++)
            x[i] += sum[i] / n_stab;
    }
    for (int i = 0; i < 3; i++) {
        x[i] -= floor(x[i]);
        if (x[i] >= 1) x[i] = 0;
    }
    return n_stab;
}

/* The images of x, one for each coset of its site group: those that no earlier operation gave. atom NULL: only counts. */
static int64_t images(const sh_groups *g, int32_t sg_number, const double x[3], bool general, double *atom)
{
    int32_t first = g->op_start[sg_number - 1], last = g->op_start[sg_number];
    double kept[192][3];
    int64_t n = 0;
    if (general && !atom) return last - first;
    for (int32_t op = first; op < last; op++) {
        const int8_t *w = g->rot[op];
        double y[3];
        bool is_new = true;
        for (int i = 0; i < 3; i++) {
            y[i] = w[3 * i] * x[0] + w[3 * i + 1] * x[1] + w[3 * i + 2] * x[2] + g->trans[op][i];
            y[i] -= floor(y[i]);
            if (y[i] >= 1) y[i] = 0;
        }
        for (int64_t k = 0; k < n && is_new && !general; k++) {
            double apart = 0;
            for (int i = 0; i < 3; i++) {
                double f = y[i] - kept[k][i];
                apart = fmax(apart, fabs(f - floor(f + 0.5)));
            }
            is_new = apart > 1e-6;
        }
        if (!is_new) continue;
        for (int i = 0; i < 3; i++) {
            kept[n][i] = y[i];
            if (atom) atom[3 * n + i] = n == 0 ? x[i] : y[i];
        }
        n++;
    }
    return n;
}

void sh_crystals_make(const sh_groups *g, const sh_descriptions *d, double merge_tol, sh_arena *arena, sh_crystals *out)
{
    int64_t n_crystal = d->n_crystal, n_site = d->n_site;
    *out = (sh_crystals){.n_crystal = n_crystal,
                         .n_site = n_site,
                         .lattice = SH_PUSH(arena, double, 9 * n_crystal),
                         .sg_number = SH_PUSH(arena, int32_t, n_crystal),
                         .site_start = SH_PUSH(arena, int64_t, n_crystal + 1),
                         .site_crystal = SH_PUSH(arena, int32_t, n_site),
                         .site_z = SH_PUSH(arena, int32_t, n_site),
                         .atom_start = SH_PUSH(arena, int64_t, n_site + 1),
                         .stab_start = SH_PUSH(arena, int64_t, n_site + 1),
                         .position_tolerance = SAME_ANG};
    out->site_start[0] = 0;
    for (int64_t c = 0; c < n_crystal; c++) {
        out->sg_number[c] = d->sg_number[c];
        out->site_start[c + 1] = d->site_start[c + 1];
        for (int k = 0; k < 9; k++)
            out->lattice[9 * c + k] = d->lattice[9 * c + k];
        for (int64_t s = d->site_start[c]; s < d->site_start[c + 1]; s++) {
            out->site_crystal[s] = (int32_t)c;
            out->site_z[s] = d->site_z[s];
        }
    }
    double *x = SH_PUSH(arena, double, 3 * n_site);
    int16_t(*stab)[MAX_STAB] = sh_arena_push(arena, (size_t)n_site * sizeof *stab);
    out->atom_start[0] = out->stab_start[0] = 0;
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++) {
        int64_t c = out->site_crystal[s];
        for (int i = 0; i < 3; i++)
            x[3 * s + i] = d->site_frac[3 * s + i];
        int32_t n_stab = project(g, out->sg_number[c], out->lattice + 9 * c, merge_tol, x + 3 * s, stab[s]);
        out->stab_start[s + 1] = n_stab;
        out->atom_start[s + 1] = images(g, out->sg_number[c], x + 3 * s, n_stab == 1, NULL);
    }
    for (int64_t s = 0; s < n_site; s++) {
        out->stab_start[s + 1] += out->stab_start[s];
        out->atom_start[s + 1] += out->atom_start[s];
    }
    out->n_atom = out->atom_start[n_site];
    out->n_stab = out->stab_start[n_site];
    out->atom_frac = SH_PUSH(arena, double, 3 * out->n_atom);
    out->stab_rot = SH_PUSH(arena, int8_t, 9 * out->n_stab);
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++) {
        int32_t sg_number = out->sg_number[out->site_crystal[s]];
        int64_t n_stab = out->stab_start[s + 1] - out->stab_start[s];
        images(g, sg_number, x + 3 * s, n_stab == 1, out->atom_frac + 3 * out->atom_start[s]);
        for (int64_t k = 0; k < n_stab; k++)
            for (int i = 0; i < 9; i++)
                out->stab_rot[9 * (out->stab_start[s] + k) + i] = g->rot[g->op_start[sg_number - 1] + stab[s][k]][i];
    }
}

int32_t sh_group_min_multiplicity(const sh_groups *g, int sg_number)
{
    /* Points of highest site symmetry have such coordinates in every standard setting. */
    static const double value[] = {0,       1.0 / 8, 1.0 / 6, 1.0 / 4, 1.0 / 3, 3.0 / 8,
                                   1.0 / 2, 5.0 / 8, 2.0 / 3, 3.0 / 4, 5.0 / 6, 7.0 / 8};
    enum { N = sizeof value / sizeof *value };
    int32_t first = g->op_start[sg_number - 1], last = g->op_start[sg_number], most = 1;
    for (int p = 0; p < N * N * N; p++) {
        const double x[3] = {value[p / (N * N)], value[p / N % N], value[p % N]};
        int32_t n = 0;
        for (int32_t op = first; op < last; op++) {
            double apart = 0;
            for (int i = 0; i < 3; i++) {
                const int8_t *w = g->rot[op] + 3 * i;
                double f = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + g->trans[op][i] - x[i];
                apart = fmax(apart, fabs(f - floor(f + 0.5)));
            }
            n += apart < 1e-9;
        }
        most = n > most ? n : most;
    }
    return (last - first) / most;
}
