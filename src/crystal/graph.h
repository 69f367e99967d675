/* graph.h -- quotient graphs with edge classes (exact: see docs/equations.md).
 *
 * One node for each site. A directed edge e of site s is an atom (any atom of the crystal, any lattice shift, the
 * representative itself left out) with 0 < r < cutoff (r^2 < cutoff^2 + 1e-8 Å^2, in double) of the representative of
 * s. Edges of a site that its site group maps on each other have equal features and are kept once, with their number
 * `count`; they meet within ten times the crystals' position tolerance. Within a site edges are sorted by length (a class by
 * its mean), so that the graph of a smaller cut-off is a prefix of each row. Two atoms within 1e-8 Å of each other have no
 * edge, only a min_dist. A crystal that is no cell (not finite, flat, less than 1e-3 Å^3 an atom) has no edges and
 * min_dist 0. */
#ifndef SH_CRYSTAL_GRAPH_H
#define SH_CRYSTAL_GRAPH_H

#include <stdbool.h>

#include "crystal/crystal.h"

typedef struct {
    double cutoff;          /* Å */
    int64_t max_neighbours; /* 0: all; otherwise the nearest whole shells until at least that many atoms are in; a
                               shell is a set of lengths within 1e-6 Å (or the crystals' position tolerance) */
    bool no_classes;        /* one edge per atom, count 1: for tests */
} sh_graph_opts;

typedef struct {
    double cutoff; /* Å */
    int64_t n_crystal, n_site, n_edge;
    const int64_t *site_start;    /* (C+1) of the crystals, borrowed */
    const int32_t *site_crystal;  /* (S) borrowed */
    double *site_mult;   /* (S) */
    int64_t *edge_start; /* (S+1) */
    int32_t *edge_src;   /* (E) source site */
    int32_t *edge_dst;   /* (E) site of the far atom */
    int32_t *edge_atom;  /* (E) the far atom of the class's first member, of the crystals' atoms */
    double *edge_count;  /* (E) n_c, members of the class */
    double *edge_dist;   /* (E) Å, mean of the class; ascending within a site */
    double *edge_vec;    /* (E,3) Cartesian vector of the class's first member, Å */
    double *edge_u;      /* (E,3) sum over the class of unit vectors */
    double *edge_uu;     /* (E,6) sum over the class of u u^T: xx yy zz yz xz xy */
    int64_t *in_start;   /* (S+2) the transposed list: edges whose far atom belongs to site s, ascending */
    int64_t *in_edge;    /* (E) */
    double *min_dist;    /* (C) shortest distance between two atoms, an atom's own images and coincident atoms (0)
                            included; at least `cutoff` where nothing is closer than that */
} sh_graph;

struct sh_workspace;

/* Of crystals that are there, as its arrays will be; two sizes are asked for. */
void sh_graph_build(struct sh_workspace *ws, const sh_crystals *crystals, const sh_graph_opts *opts, sh_graph *out);

/* On the host: sites and edges of the crystals[0..n) of the graph. */
void sh_graph_count(const sh_graph *graph, const int64_t *crystals, int64_t n, int64_t *n_site, int64_t *n_edge);

#endif
