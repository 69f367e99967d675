/* forces.c -- from derivatives by the length and direction of edges to forces on sites and stress; docs/equations.md. */
#include <stdbool.h>

#include "args.h"
#include "cell.h"
#include "kernel.h"

SH_BODY double atoms_of(int64_t crystal, const int64_t *site_start, const double *mult)
{
    double n = 0;
    for (int64_t s = site_start[crystal]; s < site_start[crystal + 1]; s++)
        n += mult[s];
    return n;
}

SH_BODY void cell_value_body(int64_t k, const sh_cell_value_args *a)
{
    int64_t i = a->wanted ? a->wanted[k] : k;
    a->value[i] *= atoms_of(i, a->site_start, a->mult);
}
SH_KERNEL_ROWS(cell_value, sh_cell_value_args)

SH_BODY void crystal_value_grad_body(int64_t k, int64_t c, const sh_crystal_value_grad_args *a)
{
    int64_t i = a->wanted ? a->wanted[k] : k;
    a->grad_x[i * a->cols + c] = (sh_real)(a->std * atoms_of(i, a->site_start, a->mult) * (double)a->last[c]);
}
SH_KERNEL_CELLS(crystal_value_grad, sh_crystal_value_grad_args, cols)

SH_BODY void gaussians_grad_body(int64_t r, const sh_gaussians_grad_args *a)
{
    double sum = 0;
    for (int64_t k = 0; k < a->cols; k++)
        sum += (double)(a->grad_y[r * a->cols + k] * a->y[r * a->cols + k]) * (a->x[r] - (double)a->centre[k]);
    a->slope[r] = -2 * a->width * sum;
}
SH_KERNEL_ROWS(gaussians_grad, sh_gaussians_grad_args)

SH_BODY void edge_gradient_body(int64_t e, const sh_edge_gradient_args *a)
{
    const double *d = a->vec + 3 * e, r = sqrt(sh_dot3(d, d));
    double *out = a->gradient + 3 * e, along = a->slope[e];
    if (a->turn)
        for (int i = 0; i < 3; i++)
            along -= (double)a->turn[3 * e + i] * d[i] / (r * r); /* what of it would only change the length */
    for (int i = 0; i < 3; i++)
        out[i] = along * d[i] / r + (a->turn ? (double)a->turn[3 * e + i] / r : 0);
}
SH_KERNEL_ROWS(edge_gradient, sh_edge_gradient_args)

/* Rows times the transpose of the lattice, or its inverse. */
SH_BODY void to_fractional_gradient(const double *lattice, const double x[3], double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = sh_dot3(x, lattice + 3 * i);
}

/* Columns of the inverse of the lattice as rows: inverse[3 i + k] = (L^-1)_ki. */
SH_BODY double reciprocal(const double *l, double inverse[9])
{
    double adjugate[9], volume = sh_adjugate3(l, adjugate);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            inverse[3 * i + k] = adjugate[3 * k + i] / volume;
    return fabs(volume);
}

/* out += x W of a row x. */
SH_BODY void add_row_times(const double x[3], const int8_t *w, double out[3])
{
    for (int j = 0; j < 3; j++)
        out[j] += x[0] * w[j] + x[1] * w[3 + j] + x[2] * w[6 + j];
}

/* out += W X W^-1. W is whole with determinant 1 or -1, and so is its inverse. */
SH_BODY void add_conjugate(const double x[9], const int8_t *w, double out[9])
{
    double inverse[9], part[9], det = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int i1 = (i + 1) % 3, i2 = (i + 2) % 3, k1 = (k + 1) % 3, k2 = (k + 2) % 3;
            inverse[3 * k + i] = w[3 * i1 + k1] * w[3 * i2 + k2] - w[3 * i1 + k2] * w[3 * i2 + k1];
        }
    for (int k = 0; k < 3; k++)
        det += w[k] * inverse[3 * k];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            part[3 * i + j] = w[3 * i] * x[j] + w[3 * i + 1] * x[3 + j] + w[3 * i + 2] * x[6 + j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[3 * i + j] +=
                (part[3 * i] * inverse[j] + part[3 * i + 1] * inverse[3 + j] + part[3 * i + 2] * inverse[6 + j]) * det;
}

/* x (9) = mean of W x W^-1 over n rotations. */
SH_BODY void average_over(const int8_t *rotations, int64_t n, double x[9])
{
    double sum[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    for (int64_t h = 0; h < n; h++)
        add_conjugate(x, rotations + 9 * h, sum);
    for (int i = 0; i < 9; i++)
        x[i] = sum[i] / (double)n;
}

/* Of the edges that start at the site: sum of (fractional vector)^T (gradient by it), over all atoms of the orbit; and of these and the
 * edges that end there, brought back by the operation that made their end, the gradient by the representative. */
SH_BODY void site_forces_body(int64_t s, const sh_site_forces_args *a)
{
    const sh_crystals *c = &a->crystals;
    const sh_edges *g = &a->edges;
    int64_t crystal = c->site_crystal[s], n_stab = c->stab_start[s + 1] - c->stab_start[s], mult = sh_site_mult(c, s);
    const int8_t *stab = c->stab_rot + 9 * c->stab_start[s];
    const double *l = c->lattice + 9 * crystal;
    double inverse[9], gradient[3] = {0, 0, 0}, fixed[3] = {0, 0, 0}, virial[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
    if (a->mark && !a->mark[crystal]) return;
    reciprocal(l, inverse);
    for (int64_t e = g->start[s]; e < g->start[s + 1]; e++) {
        double f[3], p[3];
        to_fractional_gradient(l, a->gradient + 3 * e, p);
        to_fractional_gradient(inverse, g->vec + 3 * e, f);
        for (int i = 0; i < 3; i++) {
            gradient[i] -= p[i];
            for (int j = 0; j < 3; j++)
                virial[3 * i + j] += f[i] * p[j];
        }
    }
    for (int64_t k = g->in_start[s]; k < g->in_start[s + 1]; k++) {
        int64_t e = g->in_edge[k];
        double p[3];
        to_fractional_gradient(l, a->gradient + 3 * e, p);
        add_row_times(p, c->atom_rot + 9 * (int64_t)g->atom[e], gradient);
    }
    for (int64_t h = 0; h < n_stab; h++)
        add_row_times(gradient, stab + 9 * h, fixed);
    average_over(stab, n_stab, virial);
    average_over(c->atom_rot + 9 * c->atom_start[s], mult, virial);
    bool known = !isnan(a->energy[crystal]);
    for (int i = 0; i < 3; i++) {
        double sum = fixed[0] * inverse[i] + fixed[1] * inverse[3 + i] + fixed[2] * inverse[6 + i];
        a->force[3 * s + i] = known ? -sum / (double)(n_stab * mult) : (double)NAN;
    }
    for (int i = 0; i < 9; i++)
        a->virial[9 * s + i] = virial[i];
}
SH_KERNEL_ROWS(site_forces, sh_site_forces_args)

SH_BODY void crystal_stress_body(int64_t k, const sh_crystal_stress_args *a)
{
    const sh_crystals *c = &a->crystals;
    int64_t crystal = a->wanted ? a->wanted[k] : k;
    const double *l = c->lattice + 9 * crystal;
    double inverse[9], sum[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0}, half[9], full[9], volume = reciprocal(l, inverse);
    bool known = !isnan(a->energy[crystal]);
    for (int64_t s = c->site_start[crystal]; s < c->site_start[crystal + 1]; s++)
        for (int i = 0; i < 9; i++)
            sum[i] += a->virial[9 * s + i];
    for (int i = 0; i < 3; i++) /* L^T X L^-T */
        for (int j = 0; j < 3; j++)
            half[3 * i + j] = l[i] * sum[j] + l[3 + i] * sum[3 + j] + l[6 + i] * sum[6 + j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            full[3 * i + j] = half[3 * i] * inverse[j] + half[3 * i + 1] * inverse[3 + j] + half[3 * i + 2] * inverse[6 + j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            a->stress[9 * crystal + 3 * i + j] = known ? (full[3 * i + j] + full[3 * j + i]) / (2 * volume) : (double)NAN;
}
SH_KERNEL_ROWS(crystal_stress, sh_crystal_stress_args)

/* With R = L^-1 W^T L the force of the representative, a row, becomes F R = F L^T W^-1 L^-T. */
SH_BODY void atom_forces_body(int64_t s, const sh_atom_forces_args *a)
{
    const sh_crystals *c = &a->crystals;
    const double *l = c->lattice + 9 * (int64_t)c->site_crystal[s];
    double inverse[9], along[3];
    reciprocal(l, inverse);
    for (int i = 0; i < 3; i++) /* F L^-1 */
        along[i] = sh_dot3(a->force + 3 * s, inverse + 3 * i);
    for (int64_t k = c->atom_start[s]; k < c->atom_start[s + 1]; k++) {
        const int8_t *w = c->atom_rot + 9 * k;
        double f[3];
        for (int i = 0; i < 3; i++) /* times W^T */
            f[i] = along[0] * w[3 * i] + along[1] * w[3 * i + 1] + along[2] * w[3 * i + 2];
        for (int i = 0; i < 3; i++)
            a->atom_force[3 * k + i] = f[0] * l[i] + f[1] * l[3 + i] + f[2] * l[6 + i];
    }
}
SH_KERNEL_ROWS(atom_forces, sh_atom_forces_args)
