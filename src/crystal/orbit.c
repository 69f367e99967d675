/* orbit.c -- sites to atoms, in two passes over the sites: project and count, then write. Each is a function of one site
 * that writes only what is its own, so that the result depends neither on threads nor on the batch. */
#include "crystal/orbit.h"

#include <math.h>

#include "cell.h"
#include "crystal/wyckoff.h"

enum { MAX_STAB = 48, MAX_AVERAGES = 40 };

static const double SAME_ANG = 1e-5;   /* an operation maps a point to itself within this: it is meant to */
/* Fractional coordinates of one position differ by rounding only, EXACT at most; those of two positions by more than
 * CLEAR. Between these nothing may lie, so that cosets can be told by position. */
static const double EXACT = 1e-12, CLEAR = 1e-9;

typedef struct {
    const sh_groups *groups;
    const sh_crystals *crystals;
    double merge_tol;
    const double *sampled;     /* (S,3) */
    const int32_t *wyckoff;    /* (S) or NULL */
    double *x;                 /* (S,3) projected */
    int16_t (*stab)[MAX_STAB]; /* (S) operations that fix x, counted from the group's first */
    int64_t *n_stab, *n_atom;  /* (S) */
} orbit_args;

/* What displacements shorter than `tol` need: lattice shifts to try around the rounded one, 0 where the shortest is the
 * rounded one for certain (tol below half of every height of the cell: nearly always). */
static void shifts_to_try(const double *l, double tol, int reach[3])
{
    double inverse[3];
    sh_inverse_heights(l, inverse);
    for (int i = 0; i < 3; i++)
        reach[i] = (int)fmin(3.0, floor(tol * inverse[i] + 0.5));
}

static double square_length(const double *l, const double f[3])
{
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        double c = f[0] * l[k] + f[1] * l[3 + k] + f[2] * l[6 + k];
        sum += c * c;
    }
    return sum;
}

/* The shortest image - x, and its length squared (Å^2). */
static double displacement(const int8_t *rot, const double *trans, const double *x, const double *lattice,
                           const int reach[3], double d[3])
{
    for (int i = 0; i < 3; i++) {
        d[i] = rot[3 * i] * x[0] + rot[3 * i + 1] * x[1] + rot[3 * i + 2] * x[2] + trans[i] - x[i];
        d[i] -= floor(d[i] + 0.5);
    }
    double least = square_length(lattice, d);
    if (!(reach[0] | reach[1] | reach[2])) return least;
    const double f[3] = {d[0], d[1], d[2]};
    for (int n0 = -reach[0]; n0 <= reach[0]; n0++)
        for (int n1 = -reach[1]; n1 <= reach[1]; n1++)
            for (int n2 = -reach[2]; n2 <= reach[2]; n2++) {
                const double g[3] = {f[0] + n0, f[1] + n1, f[2] + n2};
                double square = square_length(lattice, g);
                if (square >= least) continue;
                least = square;
                for (int i = 0; i < 3; i++)
                    d[i] = g[i];
            }
    return least;
}

/* x <- mean of its images within tol. Returns how many these are; *moved is the largest change of a coordinate. */
static int32_t average(const sh_groups *g, int32_t sg_number, const double *lattice, double tol, const int reach[3],
                       double x[3], double *moved)
{
    double sum[3] = {0, 0, 0};
    int32_t n = 1; /* the identity, displacement 0, comes first */
    for (int32_t op = g->op_start[sg_number - 1] + 1; op < g->op_start[sg_number]; op++) {
        double d[3];
        if (displacement(g->rot[op], g->trans[op], x, lattice, reach, d) >= tol * tol) continue;
        n++;
        for (int i = 0; i < 3; i++)
            sum[i] += d[i];
    }
    *moved = 0;
    for (int i = 0; i < 3; i++) {
        x[i] += sum[i] / n;
        *moved = fmax(*moved, fabs(sum[i] / n));
    }
    return n;
}

static double wrap(double x)
{
    x -= floor(x);
    return x < 1 ? x : 0;
}

/* Largest difference of a coordinate, whole lattice vectors left out. */
static double apart(const double a[3], const double b[3])
{
    double most = 0;
    for (int i = 0; i < 3; i++) {
        double f = a[i] - b[i];
        most = fmax(most, fabs(f - floor(f + 0.5)));
    }
    return most;
}

static void image(const sh_groups *g, int32_t op, const double x[3], double y[3])
{
    const int8_t *w = g->rot[op];
    for (int i = 0; i < 3; i++)
        y[i] = wrap(w[3 * i] * x[0] + w[3 * i + 1] * x[1] + w[3 * i + 2] * x[2] + g->trans[op][i]);
}

/* NULL for a site that is just a point. */
static const sh_wyckoff *position_of(int64_t s, const orbit_args *a)
{
    if (!a->wyckoff || a->wyckoff[s] < 0) return NULL;
    const sh_wyckoffs *w = a->groups->wyckoffs;
    int32_t sg_number = a->crystals->sg_number[a->crystals->site_crystal[s]];
    return &w->position[w->start[sg_number - 1] + a->wyckoff[s]];
}

/* Puts the site where it belongs, finds its site group, counts its atoms. */
static void orbit_project(int64_t s, const orbit_args *a)
{
    const sh_wyckoff *position = position_of(s, a);
    if (position) {
        sh_wyckoff_point(position, a->sampled + 3 * s, a->x + 3 * s);
        for (int32_t k = 0; k < position->n_stab; k++)
            a->stab[s][k] = a->groups->wyckoffs->op[position->stab + k];
        a->n_stab[s] = position->n_stab;
        a->n_atom[s] = position->mult;
        return;
    }
    int64_t crystal = a->crystals->site_crystal[s];
    int32_t sg_number = a->crystals->sg_number[crystal], first = a->groups->op_start[sg_number - 1];
    int32_t n_op = a->groups->op_start[sg_number] - first, n_near = 0, n_stab = 0;
    const double *lattice = a->crystals->lattice + 9 * crystal;
    double *x = a->x + 3 * s, tol = fmax(a->merge_tol, SAME_ANG), moved = 1;
    int reach[3];
    shifts_to_try(lattice, tol, reach);
    for (int i = 0; i < 3; i++)
        x[i] = a->sampled[3 * s + i];
    for (int pass = 0; pass < MAX_AVERAGES && moved > 1e-13; pass++)
        n_near = average(a->groups, sg_number, lattice, tol, reach, x, &moved);
    if (n_near > 1) /* once more over the group found: exact to rounding */
        average(a->groups, sg_number, lattice, SAME_ANG, reach, x, &moved);
    for (int i = 0; i < 3; i++)
        x[i] = wrap(x[i]);
    a->stab[s][n_stab++] = 0;
    for (int32_t op = 1; op < n_op && n_near > 1; op++) {
        double y[3];
        image(a->groups, first + op, x, y);
        double d = apart(x, y);
        if (d > CLEAR) continue;
        if (d > EXACT || n_stab == MAX_STAB) { /* the near images were no group and the mean found no place: general */
            n_stab = 1;
            break;
        }
        a->stab[s][n_stab++] = (int16_t)op;
    }
    a->n_stab[s] = n_stab;
    a->n_atom[s] = n_op / n_stab;
}

/* Writes one image for each coset of the site group, that of its first operation, and the site group. */
static void orbit_write(int64_t s, const orbit_args *a)
{
    int32_t sg_number = a->crystals->sg_number[a->crystals->site_crystal[s]], first = a->groups->op_start[sg_number - 1];
    int64_t n_atom = a->n_atom[s], n = 1;
    double *atom = a->crystals->atom_frac + 3 * a->crystals->atom_start[s];
    int8_t *rot = a->crystals->stab_rot + 9 * a->crystals->stab_start[s];
    for (int64_t k = 0; k < a->n_stab[s]; k++)
        for (int i = 0; i < 9; i++)
            rot[9 * k + i] = a->groups->rot[first + a->stab[s][k]][i];
    for (int i = 0; i < 3; i++)
        atom[i] = a->x[3 * s + i];
    const sh_wyckoff *position = position_of(s, a);
    for (; position && n < n_atom; n++)
        image(a->groups, first + a->groups->wyckoffs->op[position->coset + n], atom, atom + 3 * n);
    for (int32_t op = first + 1; n < n_atom; op++) {
        double y[3];
        bool is_new = true;
        SH_ASSERT(op < a->groups->op_start[sg_number]);
        image(a->groups, op, atom, y);
        for (int64_t k = 0; k < n && is_new && a->n_stab[s] > 1; k++)
            is_new = apart(atom + 3 * k, y) > 0.1 * CLEAR; /* an operation stretches differences, by less than 10 */
        if (!is_new) continue;
        for (int i = 0; i < 3; i++)
            atom[3 * n + i] = y[i];
        n++;
    }
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
    orbit_args args = {.groups = g,
                       .crystals = out,
                       .merge_tol = merge_tol,
                       .sampled = d->site_frac,
                       .wyckoff = d->site_wyckoff,
                       .x = SH_PUSH(arena, double, 3 * n_site),
                       .stab = sh_arena_push(arena, (size_t)n_site * sizeof *args.stab),
                       .n_stab = SH_PUSH(arena, int64_t, n_site),
                       .n_atom = SH_PUSH(arena, int64_t, n_site)};
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        orbit_project(s, &args);
    out->atom_start[0] = out->stab_start[0] = 0;
    for (int64_t s = 0; s < n_site; s++) {
        out->stab_start[s + 1] = out->stab_start[s] + args.n_stab[s];
        out->atom_start[s + 1] = out->atom_start[s] + args.n_atom[s];
    }
    out->n_atom = out->atom_start[n_site];
    out->n_stab = out->stab_start[n_site];
    out->atom_frac = SH_PUSH(arena, double, 3 * out->n_atom);
    out->stab_rot = SH_PUSH(arena, int8_t, 9 * out->n_stab);
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        orbit_write(s, &args);
}
