/* args_potential.h -- the arguments of the kernels of pretrained models; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_POTENTIAL_H
#define SH_KERNEL_ARGS_POTENTIAL_H

#include <stdint.h>

#include "base/real.h"
#include "crystal/crystal.h"

/* The edges of a quotient graph that a model sees: those within its own cut-off, of the crystals that are wanted. Arrays of
 * crystal/graph.h, or copies of a part of them. */
typedef struct {
    int64_t n;
    int64_t *start;              /* (S+1) */
    int32_t *src, *dst;          /* (E) */
    int32_t *atom;               /* (E) of the crystals */
    double *count, *length;      /* (E), (E) Å */
    double *vec, *u, *uu;        /* (E,3), (E,3), (E,6) */
    int64_t *in_start, *in_edge; /* (S+2), (E) the edges that end at a site, ascending */
} sh_edges;

/* mark[list[k]] = 1, but for -1. */
typedef struct {
    const int64_t *list;
    uint8_t *mark;
} sh_mark_args;

/* y[i] = x[i]. */
typedef struct {
    const double *x;
    sh_real *y;
} sh_to_real_args;

/* How many edges of a site are shorter than the cut-off, none where its crystal is not wanted; one item a site. */
typedef struct {
    const int64_t *start;        /* (S+1) of the graph */
    const double *length;        /* ascending within a site */
    const int32_t *site_crystal; /* (S) */
    const uint8_t *wanted;       /* (C) or NULL: all */
    double limit2;               /* Å^2 */
    int64_t *count;              /* (S) */
} sh_edges_count_args;

/* The first edges of each site, as many as `to` has room for; one item an edge of `from`. Lists by end are left alone. */
typedef struct {
    sh_edges from, to;
} sh_edges_copy_args;

enum { SH_Z_ROWS = 119 }; /* of tables by atomic number, 0 among them */

/* Elements of the sites, and which of them a model knows. */
typedef struct {
    const int64_t *site_start; /* (C+1) */
    const int32_t *z;          /* (S) */
    const int32_t *row;        /* (SH_Z_ROWS) of the model's table by atomic number, -1: none */
} sh_elements;

/* x[s,:] = table[row[z[s]],:], 0 for an element without a row. Cells. */
typedef struct {
    sh_elements elements;
    const sh_real *table;
    sh_real *x; /* (S,cols) */
    int64_t cols;
} sh_element_rows_args;

/* ---- M3GNet, see src/potential/m3gnet_batch.c ---- */

/* What depends on an edge's geometry alone; one item an edge. The four at the end are NULL without three-body terms. */
typedef struct {
    sh_edges edges;
    const double *mult;      /* (S) */
    double cutoff, cutoff3;  /* Å; cutoff3 of three-body terms */
    int32_t n_radial;        /* 3 or 9 */
    int32_t to_target;
    sh_real *radial;         /* (E,n_radial) */
    sh_real *weight;         /* (E) of its message to the site that gets it */
    sh_real *fade;           /* (E) P(r), 0 from cutoff3 on */
    sh_real *bessel, *unit;  /* (E,9) B(r) P(r), (E,3); not written where P(r) is 0 */
} sh_m3gnet_edges_args;

/* e[i,:] = swish(radial[i,:] matrix + bias). Cells. */
typedef struct {
    const sh_real *radial, *matrix, *bias; /* (E,n), (n,cols), (cols) */
    sh_real *e;                            /* (E,cols) */
    int64_t n, cols;
} sh_m3gnet_first_args;

/* gate[s,q] = sigmoid(v[s,:] matrix + bias). Cells, cols 9. */
typedef struct {
    const sh_real *v, *matrix, *bias; /* (S,n), (n,cols), (cols) */
    sh_real *gate;                    /* (S,cols) */
    int64_t n, cols;
} sh_m3gnet_atom_gate_args;

/* Three-body sums s_e by way of sums over the edges of a site, docs/equations.md: first the sums, one item a site and column;
 * then each edge's share, itself taken out, one item an edge and column. With gate, w = bessel gate of the end, the share times
 * P(r) goes to three; without, w = P(r), the share times bessel. With `self` w = P(r) and the gate goes with the share. cols 9. */
typedef struct {
    sh_edges edges;
    const sh_real *bessel, *fade, *unit; /* (E,9), (E), (E,3) */
    const sh_real *gate;                 /* (S,9) or NULL */
    sh_real *sum;                        /* (S,9,7) */
    sh_real *three;                      /* (E,9); may be bessel */
    int64_t cols;
    int32_t self;
} sh_m3gnet_angle_sums_args, sh_m3gnet_angles_args;

/* e[i,:] += swish(s value) sigmoid(s gate), s = three[i,:], times the gate of the edge's end where there is one. Cells. */
typedef struct {
    const sh_real *three, *fade;                /* (E,9), (E) */
    const sh_real *atom_gate;                   /* (S,9) or NULL */
    const int32_t *dst;
    const sh_real *value_matrix, *gate_matrix;  /* (9,cols) */
    sh_real *e;                                 /* (E,cols) */
    int64_t cols;
} sh_m3gnet_three_body_args;

/* The end of the first layer of a gated perceptron, both branches from one product x (R,2 cols), value | gate:
 * swish(x + bias + p_src[src] + p_dst[dst]) into two arrays. p_src and p_dst NULL: none. Cells. */
typedef struct {
    const sh_real *x, *bias;       /* (R,2 cols), (2 cols) */
    const sh_real *p_src, *p_dst;  /* (S,2 cols) */
    const int32_t *src, *dst;      /* (R) */
    sh_real *value, *gate;         /* (R,cols) */
    int64_t cols;
} sh_gated_first_args;

/* The end of a gated perceptron, m[i,:] = swish(value + bias) sigmoid(gate + bias) times f(radial[i,:] matrix), f swish or
 * nothing: added to the edge's row, or times weight to the row of the site where it starts or ends. Cells: edges, or sites. */
typedef struct {
    sh_edges edges;
    const sh_real *value, *gate, *bias; /* (E,cols), (E,cols), (2 cols) value | gate */
    const sh_real *radial, *matrix;     /* (E,n), (n,cols) */
    const sh_real *weight;              /* (E) */
    sh_real *y;                         /* (E,cols) or (S,cols) */
    int64_t n, cols;
    int32_t swish_radial, to_target;
} sh_m3gnet_to_edges_args, sh_m3gnet_to_sites_args;

/* Readout of an atom: the last layer of a gated perceptron, open value times sigmoid; one item a site. */
typedef struct {
    const sh_real *value, *gate, *last, *end; /* (S,n), (S,n), (2 n) value | gate, (2) */
    double *raw;                              /* (S) */
    int64_t n;
} sh_m3gnet_readout_args;

/* value[i] = std sum m raw + mean + sum m reference[row[z]] of crystal i = wanted[k], NaN where an
 * element has no row; one item k. */
typedef struct {
    const int64_t *wanted; /* NULL: i = k; -1: none */
    sh_elements elements;
    const double *mult, *raw, *reference;
    double std, mean;
    double *value; /* (C) */
} sh_sum_sites_args;

/* ---- derivatives of M3GNet, see src/potential/m3gnet_tape.c ---- */

/* grad_radial[e,k] += grad[e,:] . matrix[k,:]; one item an edge. */
typedef struct {
    const sh_real *grad, *matrix; /* (E,cols), (n,cols) */
    sh_real *grad_radial;         /* (E,n) */
    int64_t n, cols;
} sh_m3gnet_radial_grad_args;

/* grad_x = grad_e swish'(x), x = radial matrix + bias, overwritten. Cells. */
typedef struct {
    const sh_real *radial, *matrix, *bias, *grad_e; /* (E,n), (n,cols), (cols), (E,cols) */
    sh_real *grad_x;                                /* (E,cols) */
    int64_t n, cols;
} sh_m3gnet_first_grad_args;

/* Of messages m3gnet_to_edges or, with to_sites, m3gnet_to_sites, overwritten: to the two branches before bias and activation, and to
 * the product of radial functions and matrix. Cells, edges. */
typedef struct {
    sh_edges edges;
    const sh_real *value, *gate, *bias, *radial, *matrix, *weight; /* as there */
    const sh_real *grad_y;                                         /* (E,cols) or (S,cols) */
    sh_real *grad_value, *grad_gate, *grad_factor;                 /* (E,cols) */
    int64_t n, cols;
    int32_t swish_radial, to_target, to_sites;
} sh_m3gnet_message_grad_args;

/* grad_three of m3gnet_three_body without its gate, overwritten; one item an edge. */
typedef struct {
    const sh_real *three, *fade, *value_matrix, *gate_matrix, *grad_e; /* (E,9), (E), (9,cols), (9,cols), (E,cols) */
    sh_real *grad_three;                                               /* (E,9) */
    int64_t cols;
} sh_m3gnet_three_body_grad_args;

/* Of the three-body sums: first to the sums of a site, grad_sum, one item a site and column (cols 9); then to what edges have, +=, and
 * grad_gate by edge, overwritten; one item an edge. grad_unit is that of one edge alone, times the number of edges of the crystal that
 * the class stands for; docs/equations.md. */
typedef struct {
    sh_edges edges;
    const sh_real *bessel, *fade, *unit, *gate, *sum, *grad_three;
    sh_real *grad_sum;                                        /* (S,9,7) */
    sh_real *grad_bessel, *grad_fade, *grad_unit, *grad_gate; /* (E,9), (E), (E,3), (E,9) */
    int64_t cols;
    int32_t self;
} sh_m3gnet_angle_sums_grad_args, sh_m3gnet_angles_grad_args;

/* grad_v[s,c] += sum of grad_gate gate (1 - gate) matrix. Cells. */
typedef struct {
    const sh_real *gate, *grad_gate, *matrix; /* (S,n), (S,n), (cols,n) */
    sh_real *grad_v;                          /* (S,cols) */
    int64_t n, cols;
} sh_m3gnet_atom_gate_grad_args;

/* Of std sum of m raw to the branches of the readout, overwritten; one item a site. */
typedef struct {
    const sh_real *value, *gate, *last, *end; /* as in m3gnet_readout */
    const double *mult;                       /* (S) */
    double std;
    sh_real *grad_value, *grad_gate; /* (S,n) */
    int64_t n;
} sh_m3gnet_readout_grad_args;

/* slope[e] = dE/dr of the edge's length, by way of its radial functions and, where these are not NULL, those of the three-body terms; one
 * item an edge. */
typedef struct {
    const double *length;                                  /* (E) */
    double cutoff, cutoff3;
    int32_t n_radial;
    const sh_real *grad_radial, *grad_bessel, *grad_fade; /* (E,n_radial), (E,9), (E) */
    double *slope;                                         /* (E) */
} sh_m3gnet_edges_grad_args;

/* ---- models with one value for a crystal ---- */

/* share[e] = mult[e] / sum of mult over the edges that end where e does; one item a site. */
typedef struct {
    sh_edges edges;
    const sh_real *mult; /* (E) */
    sh_real *share;      /* (E) */
} sh_end_shares_args;

/* value[i] = std (x[i,:] . last + end) + mean of crystal i = wanted[k], NaN where an element has no row; one item k. */
typedef struct {
    const int64_t *wanted;          /* NULL: i = k; -1: none */
    sh_elements elements;
    const sh_real *x, *last, *end;  /* (C,n), (n), (1) */
    double std, mean;
    double *value; /* (C) */
    int64_t n;
} sh_crystal_value_args;

/* grad_x[i,c] = n_atom std last[c] of crystal i = wanted[k], overwritten. Cells. */
typedef struct {
    const int64_t *wanted;     /* NULL: i = k */
    const int64_t *site_start; /* (C+1) */
    const double *mult;        /* (S) */
    const sh_real *last;       /* (cols) */
    double std;
    sh_real *grad_x; /* (C,cols) */
    int64_t cols;
} sh_crystal_value_grad_args;

/* value[i] *= atoms of crystal i = wanted[k]; one item k. */
typedef struct {
    const int64_t *wanted; /* NULL: i = k */
    const int64_t *site_start;
    const double *mult;
    double *value; /* (C) */
} sh_cell_value_args;

/* slope[r] = sum of grad_y[r,k] d/dx exp(-width (x - centre[k])^2), y as gaussians made it; one item a row. */
typedef struct {
    const double *x;
    const sh_real *centre, *y, *grad_y; /* (cols), (R,cols), (R,cols) */
    double *slope;                      /* (R) */
    int64_t cols;
    double width;
} sh_gaussians_grad_args;

/* ---- forces and stress, see src/potential/forces.c ---- */

/* gradient[e,:] = dE/dd of the edge's vector: slope along it, and across it what turns it; one item an edge. */
typedef struct {
    const double *vec, *slope; /* (E,3) Å, (E) */
    const sh_real *turn;       /* (E,3) dE by unit vector, or NULL */
    double *gradient;          /* (E,3) */
} sh_edge_gradient_args;

/* Of gradients of edges to a site's force, and its part of dE/d eps, in fractional coordinates; one item a site. Then the stress, one
 * item k. NaN where the crystal's energy is not a number. */
typedef struct {
    sh_crystals crystals;
    sh_edges edges;
    const double *gradient; /* (E,3) */
    const double *energy;   /* (C) */
    const int64_t *wanted;  /* NULL: i = k */
    const uint8_t *mark;    /* (C) which are wanted, or NULL */
    double *virial;         /* (S,9) sum of (fractional vector)^T (gradient by it) */
    double *force;          /* (S,3) */
    double *stress;         /* (C,9) */
} sh_site_forces_args, sh_crystal_stress_args;

/* Forces of all atoms of a site; one item a site. */
typedef struct {
    sh_crystals crystals;
    const double *force; /* (S,3) */
    double *atom_force;  /* (A,3) */
} sh_atom_forces_args;

/* ---- formation energies ---- */

/* By atomic number: eV an atom, and Pauling's electronegativities; NaN and 0 where nothing is known. */
typedef struct {
    double energy[SH_Z_ROWS], fitted[SH_Z_ROWS], plus_u[SH_Z_ROWS], electronegativity[SH_Z_ROWS];
} sh_reference_table;

/* e_form (eV/atom) of crystal i = wanted[k] from e_total (eV a cell), src/potential/references.h; NaN where the table does not
 * know an element. given: e_total holds formation energies already, which move, and it becomes NaN. One item k. */
typedef struct {
    const sh_reference_table *table; /* NULL: none, and e_form becomes NaN */
    const int64_t *wanted;           /* NULL: i = k; -1: none */
    int32_t given;
    const double *lattice, *atom_frac; /* of the crystals */
    const int64_t *site_start, *atom_start;
    const int32_t *site_z;
    double cutoff; /* of their graph, at least 2 Å */
    const int64_t *edge_start;
    const int32_t *edge_dst;
    const double *edge_count, *edge_dist;
    double *e_total, *e_form; /* (C) */
} sh_formation_args;

#endif
