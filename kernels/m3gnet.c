/* m3gnet.c -- M3GNet on a batch of quotient graphs, all but the dense products; src/potential/m3gnet_batch.c has the order. */
#include <stdbool.h>

#include "args.h"
#include "basis.h"
#include "m3gnet_math.h"

SH_BODY int32_t element_row(int64_t s, const sh_elements *a)
{
    return a->z[s] >= 0 && a->z[s] < SH_Z_ROWS ? a->row[a->z[s]] : -1;
}

/* Not by way of NaN in features: an exponential made of bits does not promise to keep it. */
SH_BODY bool knows_all(int64_t crystal, const sh_elements *a)
{
    for (int64_t s = a->site_start[crystal]; s < a->site_start[crystal + 1]; s++)
        if (element_row(s, a) < 0) return false;
    return true;
}

SH_BODY void element_rows_body(int64_t s, int64_t c, const sh_element_rows_args *a)
{
    int32_t row = element_row(s, &a->elements);
    a->x[s * a->cols + c] = row >= 0 ? a->table[row * a->cols + c] : (sh_real)0;
}
SH_KERNEL_CELLS(element_rows, sh_element_rows_args, cols)

SH_BODY void m3gnet_edges_body(int64_t e, const sh_m3gnet_edges_args *a)
{
    double d = a->edges.length[e], bessel[9], smooth[3], count = a->edges.count[e];
    double fade = a->fade ? sh_basis_fade(d, a->cutoff3) : 0;
    if (a->n_radial == 3) sh_basis_smooth(d, a->cutoff, smooth);
    if (a->n_radial == 9 || fade != 0) sh_basis_bessel(d, a->cutoff, bessel);
    for (int i = 0; i < a->n_radial; i++)
        a->radial[e * a->n_radial + i] = (sh_real)(a->n_radial == 3 ? smooth[i] : bessel[i]);
    /* the copies of the edge spread evenly over the atoms of the target's orbit */
    a->weight[e] = (sh_real)(a->to_target ? count * a->mult[a->edges.src[e]] / a->mult[a->edges.dst[e]] : count);
    if (!a->fade) return;
    a->fade[e] = (sh_real)fade;
    if (fade == 0) return;
    for (int i = 0; i < 9; i++)
        a->bessel[e * 9 + i] = (sh_real)(bessel[i] * fade);
    for (int i = 0; i < 3; i++)
        a->unit[e * 3 + i] = (sh_real)(a->edges.vec[3 * e + i] / d);
}
SH_KERNEL_ROWS(m3gnet_edges, sh_m3gnet_edges_args)

SH_BODY void m3gnet_first_body(int64_t e, int64_t first, const sh_m3gnet_first_args *a)
{
    sh_real x[SH_STRIP];
    sh_of_strip(a->radial + e * a->n, a->matrix, a->n, a->cols, first, x);
    for (int i = 0; i < SH_STRIP; i++) {
        x[i] += a->bias[first + i];
        x[i] *= sh_sigmoid(x[i]);
    }
    for (int i = 0; i < SH_STRIP; i++)
        a->e[e * a->cols + first + i] = x[i];
}
SH_KERNEL_STRIPS(m3gnet_first, sh_m3gnet_first_args, cols)

/* ---- three-body terms ---- */

SH_BODY void m3gnet_atom_gate_body(int64_t s, int64_t q, const sh_m3gnet_atom_gate_args *a)
{
    a->gate[s * a->cols + q] = sh_sigmoid(a->bias[q] + sh_of_column(a->v + s * a->n, a->matrix, a->n, a->cols, q));
}
SH_KERNEL_CELLS(m3gnet_atom_gate, sh_m3gnet_atom_gate_args, cols)

/* What edge e counts in column q. */
SH_BODY sh_real angle_weight(int64_t e, int64_t q, const sh_m3gnet_angles_args *a)
{
    return a->gate && !a->self ? a->bessel[e * 9 + q] * a->gate[(int64_t)a->edges.dst[e] * 9 + q] : a->fade[e];
}

/* What its share of the sums is multiplied by. */
SH_BODY sh_real angle_factor(int64_t e, int64_t q, const sh_m3gnet_angles_args *a)
{
    if (a->gate && !a->self) return a->fade[e];
    return a->bessel[e * 9 + q] * (a->gate ? a->gate[(int64_t)a->edges.dst[e] * 9 + q] : (sh_real)1);
}

/* sum of n w; and for l = 1, 2 of w u or w u u^T behind it. Edges are sorted by length: those that have faded come last. */
SH_BODY void m3gnet_angle_sums_body(int64_t s, int64_t q, const sh_m3gnet_angle_sums_args *a)
{
    const sh_edges *g = &a->edges;
    sh_real *out = a->sum + (s * 9 + q) * 7, sum[7] = {0, 0, 0, 0, 0, 0, 0};
    for (int64_t e = g->start[s]; e < g->start[s + 1] && a->fade[e] != 0; e++) {
        sh_real w = angle_weight(e, q, a);
        sum[0] += (sh_real)g->count[e] * w;
        if (q >= 6) {
            for (int i = 0; i < 6; i++)
                sum[1 + i] += w * (sh_real)g->uu[6 * e + i];
        } else if (q >= 3) {
            for (int i = 0; i < 3; i++)
                sum[1 + i] += w * (sh_real)g->u[3 * e + i];
        }
    }
    for (int i = 0; i < 7; i++)
        out[i] = sum[i];
}
SH_KERNEL_CELLS(m3gnet_angle_sums, sh_m3gnet_angle_sums_args, cols)

SH_BODY void m3gnet_angles_body(int64_t e, int64_t q, const sh_m3gnet_angles_args *a)
{
    const sh_real *sum = a->sum + ((int64_t)a->edges.src[e] * 9 + q) * 7, *unit = a->unit + e * 3;
    sh_real *out = a->three + e * 9 + q, angle;
    if (a->fade[e] == 0) {
        *out = 0;
        return;
    }
    sh_real w = angle_weight(e, q, a);
    if (q < 3)
        angle = SH_Y0 * (sum[0] - w);
    else if (q < 6)
        angle = SH_Y1 * (sh_along(unit, sum + 1) - w);
    else
        angle = SH_Y2 * (3 * sh_twice_along(unit, sum + 1) - sum[0] - 2 * w);
    *out = angle * angle_factor(e, q, a);
}
SH_KERNEL_CELLS(m3gnet_angles, sh_m3gnet_angles_args, cols)

SH_BODY void m3gnet_three_body_body(int64_t e, int64_t first, const sh_m3gnet_three_body_args *a)
{
    const sh_real *gate = a->atom_gate ? a->atom_gate + (int64_t)a->dst[e] * 9 : NULL;
    sh_real three[9], of_value[SH_STRIP], of_gate[SH_STRIP], p[SH_STRIP], q[SH_STRIP];
    if (a->fade[e] == 0) return;
    for (int k = 0; k < 9; k++)
        three[k] = a->three[e * 9 + k] * (gate ? gate[k] : (sh_real)1);
    sh_of_strip(three, a->value_matrix, 9, a->cols, first, of_value);
    sh_of_strip(three, a->gate_matrix, 9, a->cols, first, of_gate);
    sh_inverse_sigmoids(of_value, p);
    sh_inverse_sigmoids(of_gate, q);
    for (int i = 0; i < SH_STRIP; i++)
        of_value[i] /= p[i] * q[i];
    for (int i = 0; i < SH_STRIP; i++)
        a->e[e * a->cols + first + i] += of_value[i];
}
SH_KERNEL_STRIPS(m3gnet_three_body, sh_m3gnet_three_body_args, cols)

/* ---- gated perceptrons ---- */

SH_BODY void gated_first_body(int64_t r, int64_t c, const sh_gated_first_args *a)
{
    int64_t width = 2 * a->cols, both[2] = {c, c + a->cols};
    sh_real x[2];
    for (int i = 0; i < 2; i++) {
        x[i] = a->x[r * width + both[i]] + a->bias[both[i]];
        if (a->p_src) x[i] += a->p_src[a->src[r] * width + both[i]] + a->p_dst[a->dst[r] * width + both[i]];
    }
    sh_two_swish(&x[0], &x[1]);
    a->value[r * a->cols + c] = x[0];
    a->gate[r * a->cols + c] = x[1];
}
SH_KERNEL_CELLS(gated_first, sh_gated_first_args, cols)

/* y += weight times the message of edge e. */
SH_BODY void add_message(int64_t e, int64_t first, const sh_m3gnet_to_edges_args *a, sh_real weight, sh_real y[SH_STRIP])
{
    const sh_real *value = a->value + e * a->cols + first, *gate = a->gate + e * a->cols + first, *bias = a->bias + first;
    sh_real x[SH_STRIP], z[SH_STRIP], p[SH_STRIP], q[SH_STRIP];
    sh_of_strip(a->radial + e * a->n, a->matrix, a->n, a->cols, first, z);
    for (int i = 0; i < SH_STRIP; i++) {
        x[i] = value[i] + bias[i];
        q[i] = gate[i] + bias[a->cols + i];
    }
    sh_inverse_sigmoids(x, p);
    sh_inverse_sigmoids(q, q);
    for (int i = 0; i < SH_STRIP; i++) {
        p[i] *= q[i];
        x[i] *= z[i] * weight;
    }
    if (a->swish_radial) {
        sh_inverse_sigmoids(z, q);
        for (int i = 0; i < SH_STRIP; i++)
            p[i] *= q[i];
    }
    for (int i = 0; i < SH_STRIP; i++)
        y[i] += x[i] / p[i];
}

SH_BODY void m3gnet_to_edges_body(int64_t e, int64_t first, const sh_m3gnet_to_edges_args *a)
{
    sh_real *y = a->y + e * a->cols + first, sum[SH_STRIP];
    for (int i = 0; i < SH_STRIP; i++)
        sum[i] = y[i];
    add_message(e, first, a, 1, sum);
    for (int i = 0; i < SH_STRIP; i++)
        y[i] = sum[i];
}
SH_KERNEL_STRIPS(m3gnet_to_edges, sh_m3gnet_to_edges_args, cols)

SH_BODY void m3gnet_to_sites_body(int64_t s, int64_t first, const sh_m3gnet_to_sites_args *a)
{
    const int64_t *start = a->to_target ? a->edges.in_start : a->edges.start;
    sh_real *y = a->y + s * a->cols + first, sum[SH_STRIP];
    for (int i = 0; i < SH_STRIP; i++)
        sum[i] = y[i];
    for (int64_t k = start[s]; k < start[s + 1]; k++) {
        int64_t e = a->to_target ? a->edges.in_edge[k] : k;
        add_message(e, first, a, a->weight[e], sum);
    }
    for (int i = 0; i < SH_STRIP; i++)
        y[i] = sum[i];
}
SH_KERNEL_STRIPS(m3gnet_to_sites, sh_m3gnet_to_sites_args, cols)

/* ---- readout ---- */

SH_BODY void m3gnet_readout_body(int64_t s, const sh_m3gnet_readout_args *a)
{
    double x[2];
    sh_last_layer(a->value + s * a->n, a->gate + s * a->n, a->last, a->end, a->n, x);
    a->raw[s] = x[0] / (1 + exp(-x[1]));
}
SH_KERNEL_ROWS(m3gnet_readout, sh_m3gnet_readout_args)

SH_BODY void sum_sites_body(int64_t k, const sh_sum_sites_args *a)
{
    int64_t i = a->wanted ? a->wanted[k] : k;
    double raw = 0, references = 0;
    if (i < 0) return;
    a->value[i] = NAN;
    if (!knows_all(i, &a->elements)) return;
    for (int64_t s = a->elements.site_start[i]; s < a->elements.site_start[i + 1]; s++) {
        raw += a->mult[s] * a->raw[s];
        references += a->mult[s] * a->reference[element_row(s, &a->elements)];
    }
    a->value[i] = a->std * raw + a->mean + references;
}
SH_KERNEL_ROWS(sum_sites, sh_sum_sites_args)

SH_BODY void crystal_value_body(int64_t k, const sh_crystal_value_args *a)
{
    int64_t i = a->wanted ? a->wanted[k] : k;
    double sum = (double)*a->end;
    if (i < 0) return;
    for (int64_t c = 0; c < a->n; c++)
        sum += (double)a->x[i * a->n + c] * (double)a->last[c];
    a->value[i] = knows_all(i, &a->elements) ? a->std * sum + a->mean : NAN;
}
SH_KERNEL_ROWS(crystal_value, sh_crystal_value_args)
