/* m3gnet_grad.c -- the ways back of the kernels of m3gnet.c to all that depends on where atoms are; src/potential/m3gnet_tape.c has
 * the order. */
#include <stdbool.h>

#include "args.h"
#include "basis.h"
#include "m3gnet_math.h"

/* s(x) (1 + x (1 - s(x))), the derivative of swish, from s = sigmoid(x). */
SH_BODY sh_real swish_slope(sh_real x, sh_real s)
{
    return s * (1 + x * (1 - s));
}

/* ---- radial functions ---- */

SH_BODY void m3gnet_radial_grad_body(int64_t e, const sh_m3gnet_radial_grad_args *a)
{
    const sh_real *grad = a->grad + e * a->cols;
    for (int64_t k = 0; k < a->n; k++) {
        const sh_real *row = a->matrix + k * a->cols;
        sh_real part[SH_STRIP] = {0}; /* as many sums, so that the loop vectorises */
        for (int64_t c = 0; c < a->cols; c += SH_STRIP)
            for (int i = 0; i < SH_STRIP; i++)
                part[i] += grad[c + i] * row[c + i];
        for (int half = SH_STRIP / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                part[i] += part[i + half];
        a->grad_radial[e * a->n + k] += part[0];
    }
}
SH_KERNEL_ROWS(m3gnet_radial_grad, sh_m3gnet_radial_grad_args)

SH_BODY void m3gnet_first_grad_body(int64_t e, int64_t first, const sh_m3gnet_first_grad_args *a)
{
    sh_real x[SH_STRIP];
    sh_of_strip(a->radial + e * a->n, a->matrix, a->n, a->cols, first, x);
    for (int i = 0; i < SH_STRIP; i++) {
        x[i] += a->bias[first + i];
        x[i] = a->grad_e[e * a->cols + first + i] * swish_slope(x[i], sh_sigmoid(x[i]));
    }
    for (int i = 0; i < SH_STRIP; i++)
        a->grad_x[e * a->cols + first + i] = x[i];
}
SH_KERNEL_STRIPS(m3gnet_first_grad, sh_m3gnet_first_grad_args, cols)

SH_BODY void m3gnet_edges_grad_body(int64_t e, const sh_m3gnet_edges_grad_args *a)
{
    double r = a->length[e], value[9], slope[9], sum = 0;
    double fade = a->grad_bessel ? sh_basis_fade(r, a->cutoff3) : 0;
    if (a->n_radial == 3) {
        sh_basis_smooth_slope(r, a->cutoff, slope);
        for (int i = 0; i < 3; i++)
            sum += (double)a->grad_radial[3 * e + i] * slope[i];
    }
    if (a->n_radial == 9 || fade != 0) sh_basis_bessel_slope(r, a->cutoff, slope);
    for (int i = 0; i < 9 && a->n_radial == 9; i++)
        sum += (double)a->grad_radial[9 * e + i] * slope[i];
    if (fade != 0) {
        double fade_slope = sh_basis_fade_slope(r, a->cutoff3);
        sh_basis_bessel(r, a->cutoff, value);
        for (int i = 0; i < 9; i++)
            sum += (double)a->grad_bessel[9 * e + i] * (slope[i] * fade + value[i] * fade_slope);
        sum += (double)a->grad_fade[e] * fade_slope;
    }
    a->slope[e] = sum;
}
SH_KERNEL_ROWS(m3gnet_edges_grad, sh_m3gnet_edges_grad_args)

/* ---- gated perceptrons ---- */

/* Of swish(x) sigmoid(y) f(z), f swish or nothing. */
SH_BODY void m3gnet_message_grad_body(int64_t e, int64_t first, const sh_m3gnet_message_grad_args *a)
{
    int64_t at = e * a->cols + first, from = a->to_target ? a->edges.dst[e] : a->edges.src[e];
    const sh_real *grad_y = a->grad_y + (a->to_sites ? from * a->cols + first : at), weight = a->to_sites ? a->weight[e] : 1;
    sh_real x[SH_STRIP], y[SH_STRIP], z[SH_STRIP], grad[SH_STRIP], p[SH_STRIP], q[SH_STRIP], r[SH_STRIP], inverse[SH_STRIP];
    sh_of_strip(a->radial + e * a->n, a->matrix, a->n, a->cols, first, z);
    for (int i = 0; i < SH_STRIP; i++) {
        x[i] = a->value[at + i] + a->bias[first + i];
        y[i] = a->gate[at + i] + a->bias[a->cols + first + i];
        grad[i] = weight * grad_y[i];
        r[i] = 1;
    }
    sh_inverse_sigmoids(x, p);
    sh_inverse_sigmoids(y, q);
    if (a->swish_radial) sh_inverse_sigmoids(z, r);
    for (int i = 0; i < SH_STRIP; i++)
        inverse[i] = 1 / (p[i] * q[i] * r[i]);
    for (int i = 0; i < SH_STRIP; i++) {
        sh_real of_x = q[i] * r[i] * inverse[i], of_y = p[i] * r[i] * inverse[i], of_z = p[i] * q[i] * inverse[i]; /* sigmoids */
        sh_real gated = grad[i] * of_y, factor = z[i] * of_z, swish = x[i] * of_x, by_z = swish_slope(z[i], of_z);
        factor = a->swish_radial ? factor : z[i];
        by_z = a->swish_radial ? by_z : (sh_real)1;
        x[i] = gated * factor * swish_slope(x[i], of_x);
        y[i] = gated * swish * factor * (1 - of_y);
        z[i] = gated * swish * by_z;
    }
    for (int i = 0; i < SH_STRIP; i++)
        a->grad_value[at + i] = x[i];
    for (int i = 0; i < SH_STRIP; i++)
        a->grad_gate[at + i] = y[i];
    for (int i = 0; i < SH_STRIP; i++)
        a->grad_factor[at + i] = z[i];
}
SH_KERNEL_STRIPS(m3gnet_message_grad, sh_m3gnet_message_grad_args, cols)

/* ---- three-body terms ---- */

/* sum (9) += matrix x of columns first .. of a strip, added up by halves. */
SH_BODY void add_strip_products(const sh_real *matrix, int64_t cols, int64_t first, const sh_real x[SH_STRIP], sh_real sum[9])
{
    for (int k = 0; k < 9; k++) {
        sh_real part[SH_STRIP];
        for (int i = 0; i < SH_STRIP; i++)
            part[i] = x[i] * matrix[k * cols + first + i];
        for (int half = SH_STRIP / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                part[i] += part[i + half];
        sum[k] += part[0];
    }
}

SH_BODY void m3gnet_three_body_grad_body(int64_t e, const sh_m3gnet_three_body_grad_args *a)
{
    sh_real sum[9] = {0}, x[SH_STRIP], y[SH_STRIP], p[SH_STRIP], q[SH_STRIP];
    for (int64_t first = 0; first < a->cols && a->fade[e] != 0; first += SH_STRIP) {
        const sh_real *grad = a->grad_e + e * a->cols + first;
        sh_of_strip(a->three + e * 9, a->value_matrix, 9, a->cols, first, x);
        sh_of_strip(a->three + e * 9, a->gate_matrix, 9, a->cols, first, y);
        sh_inverse_sigmoids(x, p);
        sh_inverse_sigmoids(y, q);
        for (int i = 0; i < SH_STRIP; i++) {
            sh_real inverse = 1 / (p[i] * q[i]), of_x = q[i] * inverse, of_y = p[i] * inverse, gated = grad[i] * of_y; /* sigmoids */
            y[i] = gated * x[i] * of_x * (1 - of_y);
            x[i] = gated * swish_slope(x[i], of_x);
        }
        add_strip_products(a->value_matrix, a->cols, first, x, sum);
        add_strip_products(a->gate_matrix, a->cols, first, y, sum);
    }
    for (int k = 0; k < 9; k++)
        a->grad_three[e * 9 + k] = sum[k];
}
SH_KERNEL_ROWS(m3gnet_three_body_grad, sh_m3gnet_three_body_grad_args)

/* What column q of edge e counts, and what its share of the sums is multiplied by: as in m3gnet_angles. */
SH_BODY void angle_parts(int64_t e, int64_t q, const sh_m3gnet_angles_grad_args *a, sh_real *weight, sh_real *factor)
{
    sh_real gated = a->bessel[e * 9 + q] * a->gate[(int64_t)a->edges.dst[e] * 9 + q];
    *weight = a->self ? a->fade[e] : gated;
    *factor = a->self ? gated : a->fade[e];
}

/* Directions of all members of a class: each has an even part of the gradient. */
SH_BODY void m3gnet_angle_sums_grad_body(int64_t s, int64_t q, const sh_m3gnet_angle_sums_grad_args *a)
{
    const sh_edges *g = &a->edges;
    sh_real *out = a->grad_sum + (s * 9 + q) * 7, sum[7] = {0, 0, 0, 0, 0, 0, 0};
    for (int64_t e = g->start[s]; e < g->start[s + 1] && a->fade[e] != 0; e++) {
        sh_real weight, factor;
        angle_parts(e, q, a, &weight, &factor);
        sh_real b = a->grad_three[e * 9 + q] * factor, even = b / (sh_real)g->count[e];
        if (q < 3) {
            sum[0] += SH_Y0 * b;
        } else if (q < 6) {
            for (int i = 0; i < 3; i++)
                sum[1 + i] += SH_Y1 * even * (sh_real)g->u[3 * e + i];
        } else {
            sum[0] -= SH_Y2 * b;
            for (int i = 0; i < 6; i++)
                sum[1 + i] += 3 * SH_Y2 * even * (sh_real)g->uu[6 * e + i];
        }
    }
    for (int i = 0; i < 7; i++)
        out[i] = sum[i];
}
SH_KERNEL_CELLS(m3gnet_angle_sums_grad, sh_m3gnet_angle_sums_grad_args, cols)

/* out += scale T u, T symmetric: xx yy zz yz xz xy. */
SH_BODY void add_turned(sh_real scale, const sh_real *t, const sh_real *u, sh_real *out)
{
    out[0] += scale * (t[0] * u[0] + t[5] * u[1] + t[4] * u[2]);
    out[1] += scale * (t[5] * u[0] + t[1] * u[1] + t[3] * u[2]);
    out[2] += scale * (t[4] * u[0] + t[3] * u[1] + t[2] * u[2]);
}

SH_BODY void m3gnet_angles_grad_body(int64_t e, const sh_m3gnet_angles_grad_args *a)
{
    const sh_edges *g = &a->edges;
    const sh_real *sums = a->sum + (int64_t)g->src[e] * 63, *grad_sums = a->grad_sum + (int64_t)g->src[e] * 63, *u = a->unit + e * 3;
    sh_real *grad_unit = a->grad_unit + e * 3, n = (sh_real)g->count[e], class_u[3], class_uu[6], of_fade = 0;
    if (a->fade[e] == 0) {
        for (int q = 0; q < 9; q++)
            a->grad_gate[e * 9 + q] = 0;
        return;
    }
    for (int i = 0; i < 3; i++)
        class_u[i] = (sh_real)g->u[3 * e + i];
    for (int i = 0; i < 6; i++) /* twice what stands for two elements of a symmetric matrix */
        class_uu[i] = (sh_real)g->uu[6 * e + i] * (i < 3 ? (sh_real)1 : (sh_real)2);
    for (int q = 0; q < 9; q++) {
        const sh_real *sum = sums + q * 7, *grad_sum = grad_sums + q * 7;
        sh_real weight, factor, angle, of_weight = n * grad_sum[0], grad = a->grad_three[e * 9 + q];
        angle_parts(e, q, a, &weight, &factor);
        sh_real b = grad * factor;
        if (q < 3) {
            angle = SH_Y0 * (sum[0] - weight);
            of_weight -= SH_Y0 * b;
        } else if (q < 6) {
            angle = SH_Y1 * (sh_along(u, sum + 1) - weight);
            of_weight += sh_along(class_u, grad_sum + 1) - SH_Y1 * b;
            for (int i = 0; i < 3; i++)
                grad_unit[i] += SH_Y1 * b * sum[1 + i] + n * weight * grad_sum[1 + i];
        } else {
            angle = SH_Y2 * (3 * sh_twice_along(u, sum + 1) - sum[0] - 2 * weight);
            for (int i = 0; i < 6; i++)
                of_weight += class_uu[i] * grad_sum[1 + i];
            of_weight -= 2 * SH_Y2 * b;
            add_turned(6 * SH_Y2 * b, sum + 1, u, grad_unit);
            add_turned(2 * n * weight, grad_sum + 1, u, grad_unit);
        }
        sh_real of_factor = grad * angle, of_gated = a->self ? of_factor : of_weight;
        of_fade += a->self ? of_weight : of_factor;
        a->grad_bessel[e * 9 + q] += of_gated * a->gate[(int64_t)g->dst[e] * 9 + q];
        a->grad_gate[e * 9 + q] = of_gated * a->bessel[e * 9 + q];
    }
    a->grad_fade[e] += of_fade;
}
SH_KERNEL_ROWS(m3gnet_angles_grad, sh_m3gnet_angles_grad_args)

SH_BODY void m3gnet_atom_gate_grad_body(int64_t s, int64_t c, const sh_m3gnet_atom_gate_grad_args *a)
{
    sh_real sum = 0;
    for (int64_t q = 0; q < a->n; q++) {
        sh_real gate = a->gate[s * a->n + q];
        sum += a->grad_gate[s * a->n + q] * gate * (1 - gate) * a->matrix[c * a->n + q];
    }
    a->grad_v[s * a->cols + c] += sum;
}
SH_KERNEL_CELLS(m3gnet_atom_gate_grad, sh_m3gnet_atom_gate_grad_args, cols)

/* ---- readout ---- */

SH_BODY void m3gnet_readout_grad_body(int64_t s, const sh_m3gnet_readout_grad_args *a)
{
    double x[2];
    sh_last_layer(a->value + s * a->n, a->gate + s * a->n, a->last, a->end, a->n, x);
    double open = 1 / (1 + exp(-x[1])), scale = a->std * a->mult[s];
    sh_real of_value = (sh_real)(scale * open), of_gate = (sh_real)(scale * x[0] * open * (1 - open));
    for (int64_t c = 0; c < a->n; c++) {
        a->grad_value[s * a->n + c] = of_value * a->last[c];
        a->grad_gate[s * a->n + c] = of_gate * a->last[a->n + c];
    }
}
SH_KERNEL_ROWS(m3gnet_readout_grad, sh_m3gnet_readout_grad_args)
