/* args_potential.h -- the arguments of the kernels of pretrained models; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_POTENTIAL_H
#define SH_KERNEL_ARGS_POTENTIAL_H

#include <stdint.h>

#include "base/real.h"

/* The edges of a quotient graph that a model sees: those within its own cut-off, of the crystals that are wanted. Arrays of
 * crystal/graph.h, or copies of a part of them. */
typedef struct {
    int64_t n;
    int64_t *start;              /* (S+1) */
    int32_t *src, *dst;          /* (E) */
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
 * P(r) goes to three; without, w = P(r), the share times bessel. cols 9. */
typedef struct {
    sh_edges edges;
    const sh_real *bessel, *fade, *unit; /* (E,9), (E), (E,3) */
    const sh_real *gate;                 /* (S,9) or NULL */
    sh_real *sum;                        /* (S,9,7) */
    sh_real *three;                      /* (E,9); may be bessel */
    int64_t cols;
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
