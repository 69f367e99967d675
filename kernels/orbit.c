/* orbit.c -- sites to atoms: project and count, then write. Each is a function of one site that writes only what is its own, so
 * that the result depends neither on threads nor on the batch. */
#include "args.h"
#include "cell.h"
#include "kernel.h"

#define SH_MAX_AVERAGES 40
/* Fractional coordinates of one position differ by rounding only, SH_EXACT at most; those of two positions by more than
 * SH_CLEAR. Between these nothing may lie, so that cosets can be told by position. */
#define SH_EXACT 1e-12
#define SH_CLEAR 1e-9

/* Crystals and their sites as described; one item a crystal, and one after the last that ends site_start. */
SH_BODY void orbit_sites_body(int64_t c, const sh_orbit_sites_args *a)
{
    const sh_descriptions *d = &a->described;
    const sh_crystals *out = &a->crystals;
    out->site_start[c] = d->site_start[c];
    if (c == d->n_crystal) return;
    out->sg_number[c] = d->sg_number[c];
    for (int k = 0; k < 9; k++)
        out->lattice[9 * c + k] = d->lattice[9 * c + k];
    for (int64_t s = d->site_start[c]; s < d->site_start[c + 1]; s++) {
        out->site_crystal[s] = (int32_t)c;
        out->site_z[s] = d->site_z[s];
    }
}
SH_KERNEL_ROWS(orbit_sites, sh_orbit_sites_args)

/* What displacements shorter than `tol` need: lattice shifts to try around the rounded one, 0 where the shortest is the
 * rounded one for certain (tol below half of every height of the cell: nearly always). */
SH_BODY void orbit_shifts(const double *lattice, double tol, int reach[3])
{
    double inverse[3];
    sh_inverse_heights(lattice, inverse);
    for (int i = 0; i < 3; i++)
        reach[i] = (int)fmin(3.0, floor(tol * inverse[i] + 0.5));
}

/* The shortest image - x, and its length squared (Å^2). */
SH_BODY double orbit_displacement(const int8_t *rot, const double *trans, const double *x, const double *lattice,
                                  const int reach[3], double d[3])
{
    for (int i = 0; i < 3; i++) {
        d[i] = rot[3 * i] * x[0] + rot[3 * i + 1] * x[1] + rot[3 * i + 2] * x[2] + trans[i] - x[i];
        d[i] -= floor(d[i] + 0.5);
    }
    double least = sh_square_length(lattice, d);
    if (!(reach[0] | reach[1] | reach[2])) return least;
    const double f[3] = {d[0], d[1], d[2]};
    for (int n0 = -reach[0]; n0 <= reach[0]; n0++)
        for (int n1 = -reach[1]; n1 <= reach[1]; n1++)
            for (int n2 = -reach[2]; n2 <= reach[2]; n2++) {
                const double g[3] = {f[0] + n0, f[1] + n1, f[2] + n2};
                double square = sh_square_length(lattice, g);
                if (square >= least) continue;
                least = square;
                for (int i = 0; i < 3; i++)
                    d[i] = g[i];
            }
    return least;
}

/* x <- mean of its images within tol. Returns how many these are; *moved is the largest change of a coordinate. */
SH_BODY int32_t orbit_average(const sh_group_tables *g, int32_t sg_number, const double *lattice, double tol, const int reach[3],
                              double x[3], double *moved)
{
    double sum[3] = {0, 0, 0};
    int32_t n = 1; /* the identity, displacement 0, comes first */
    for (int32_t op = g->op_start[sg_number - 1] + 1; op < g->op_start[sg_number]; op++) {
        double d[3];
        if (orbit_displacement(g->rot + 9 * op, g->trans + 3 * op, x, lattice, reach, d) >= tol * tol) continue;
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

/* Largest difference of a coordinate, whole lattice vectors left out. */
SH_BODY double orbit_apart(const double a[3], const double b[3])
{
    double most = 0;
    for (int i = 0; i < 3; i++) {
        double f = a[i] - b[i];
        most = fmax(most, fabs(f - floor(f + 0.5)));
    }
    return most;
}

SH_BODY void orbit_image(const sh_group_tables *g, int32_t op, const double x[3], double y[3])
{
    const int8_t *w = g->rot + 9 * op;
    const double *t = g->trans + 3 * op;
    for (int i = 0; i < 3; i++)
        y[i] = sh_wrap01(w[3 * i] * x[0] + w[3 * i + 1] * x[1] + w[3 * i + 2] * x[2] + t[i]);
}

SH_BODY void orbit_rotation(const sh_group_tables *g, int32_t op, int8_t rot[9])
{
    for (int i = 0; i < 9; i++)
        rot[i] = g->rot[9 * op + i];
}

/* NULL for a site that is just a point. */
SH_BODY const sh_wyckoff *orbit_position(int64_t s, int32_t sg_number, const sh_orbit_project_args *a)
{
    const int32_t *wyckoff = a->described.site_wyckoff;
    return wyckoff && wyckoff[s] >= 0 ? &a->tables.wyckoff[a->tables.wyckoff_start[sg_number - 1] + wyckoff[s]] : NULL;
}

/* Puts the site where it belongs, finds its site group, counts its atoms. */
SH_BODY void orbit_project_body(int64_t s, const sh_orbit_project_args *a)
{
    const sh_group_tables *g = &a->tables;
    a->n_stab[s] = a->n_atom[s] = 0;
    if (s >= a->crystals.site_start[a->crystals.n_crystal]) return; /* room, no site */
    int64_t crystal = a->crystals.site_crystal[s];
    int32_t sg_number = a->crystals.sg_number[crystal], first = g->op_start[sg_number - 1];
    const sh_wyckoff *position = orbit_position(s, sg_number, a);
    int16_t *stab = a->stab + SH_MAX_STAB * s;
    const double *sampled = a->described.site_frac + 3 * s;
    if (position) {
        sh_wyckoff_point(position, sampled, a->x + 3 * s);
        for (int32_t k = 0; k < position->n_stab; k++)
            stab[k] = g->wyckoff_op[position->stab + k];
        a->n_stab[s] = position->n_stab;
        a->n_atom[s] = position->mult;
        return;
    }
    int32_t n_op = g->op_start[sg_number] - first, n_near = 0, n_stab = 0;
    const double *lattice = a->crystals.lattice + 9 * crystal;
    double *x = a->x + 3 * s, tol = fmax(a->merge_tol, SH_SAME_ANG), moved = 1;
    int reach[3];
    orbit_shifts(lattice, tol, reach);
    for (int i = 0; i < 3; i++)
        x[i] = sampled[i];
    for (int pass = 0; pass < SH_MAX_AVERAGES && moved > 1e-13; pass++)
        n_near = orbit_average(g, sg_number, lattice, tol, reach, x, &moved);
    if (n_near > 1) /* once more over the group found: exact to rounding */
        orbit_average(g, sg_number, lattice, SH_SAME_ANG, reach, x, &moved);
    for (int i = 0; i < 3; i++)
        x[i] = sh_wrap01(x[i]);
    stab[n_stab++] = 0;
    for (int32_t op = 1; op < n_op && n_near > 1; op++) {
        double y[3];
        orbit_image(g, first + op, x, y);
        double d = orbit_apart(x, y);
        if (d > SH_CLEAR) continue;
        if (d > SH_EXACT || n_stab == SH_MAX_STAB) { /* the near images were no group and the mean found no place: general */
            n_stab = 1;
            break;
        }
        stab[n_stab++] = (int16_t)op;
    }
    a->n_stab[s] = n_stab;
    a->n_atom[s] = n_op / n_stab;
}
SH_KERNEL_ROWS(orbit_project, sh_orbit_project_args)

/* Writes one image for each coset of the site group, that of its first operation, and the site group. */
SH_BODY void orbit_write_body(int64_t s, const sh_orbit_write_args *a)
{
    const sh_group_tables *g = &a->tables;
    const sh_crystals *c = &a->crystals;
    if (c->atom_start[s] == c->atom_start[s + 1]) return; /* no site, or no room */
    int32_t sg_number = c->sg_number[c->site_crystal[s]], first = g->op_start[sg_number - 1], last = g->op_start[sg_number];
    int64_t n_atom = a->n_atom[s], n_stab = a->n_stab[s], n = 1;
    double *atom = c->atom_frac + 3 * c->atom_start[s];
    int8_t *atom_rot = c->atom_rot + 9 * c->atom_start[s], *rot = c->stab_rot + 9 * c->stab_start[s];
    for (int64_t k = 0; k < c->stab_start[s + 1] - c->stab_start[s]; k++)
        orbit_rotation(g, first + a->stab[SH_MAX_STAB * s + k], rot + 9 * k);
    for (int i = 0; i < 3; i++)
        atom[i] = a->x[3 * s + i];
    orbit_rotation(g, first, atom_rot);
    const sh_wyckoff *position = orbit_position(s, sg_number, a);
    for (; position && n < n_atom; n++) {
        int32_t op = first + g->wyckoff_op[position->coset + n];
        orbit_image(g, op, atom, atom + 3 * n);
        orbit_rotation(g, op, atom_rot + 9 * n);
    }
    for (int32_t op = first + 1; op < last && n < n_atom; op++) {
        double y[3];
        bool is_new = true;
        orbit_image(g, op, atom, y);
        for (int64_t k = 0; k < n && is_new && n_stab > 1; k++)
            is_new = orbit_apart(atom + 3 * k, y) > 0.1 * SH_CLEAR; /* an operation stretches differences, by less than 10 */
        if (!is_new) continue;
        for (int i = 0; i < 3; i++)
            atom[3 * n + i] = y[i];
        orbit_rotation(g, op, atom_rot + 9 * n);
        n++;
    }
}
SH_KERNEL_ROWS(orbit_write, sh_orbit_write_args)
