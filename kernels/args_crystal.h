/* args_crystal.h -- the arguments of the kernels of orbits and quotient graphs; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_CRYSTAL_H
#define SH_KERNEL_ARGS_CRYSTAL_H

#include "crystal/graph.h"
#include "crystal/group_tables.h"

/* Crystals of descriptions: orbit.c. */
typedef struct {
    sh_group_tables tables;
    sh_descriptions described;
    sh_crystals crystals; /* what is made: its sites, then its atoms and site groups */
    double merge_tol;     /* Å */
    double *x;            /* (S,3) where the site was put */
    int16_t *stab;        /* (S,SH_MAX_STAB) operations that fix x, counted from the group's first */
    int64_t *n_stab, *n_atom; /* (S) */
} sh_orbit_sites_args, sh_orbit_project_args, sh_orbit_write_args;

/* The crystals index[0..n) of a batch, one item each: their sizes, then themselves, with an item more that ends the lists. Index -1
 * is none: no sites, a cell of 1 Å. Where there may be room for more sites than were counted, these are made empty: an item each, and
 * one more. */
typedef struct {
    sh_crystals from, out; /* site_start of `out` are the sums of n_site */
    const int64_t *index;                   /* (n) */
    int64_t *n_site, *n_atom, *n_stab;      /* (n) */
    const int64_t *atom_start, *stab_start; /* (n+1) sums of these */
} sh_select_count_args, sh_select_write_args, sh_select_blank_args;

/* A cell as the neighbour search wants it: the shortest basis of its lattice, in which few shifts reach far enough. */
typedef struct {
    double basis[9];    /* rows, Å */
    double to_basis[9]; /* frac in the given basis (row vector) times this is frac in the short one; whole numbers */
    double reach[3];    /* |frac_i| of every vector up to the cut-off */
    bool is_cell;       /* false: not finite, flat, or too small for its atoms; no edges, min_dist 0 */
} sh_search_cell;

/* An atom within the cut-off of a site's representative. */
typedef struct {
    double vec[3]; /* Å */
    int32_t dst, atom;
} sh_search_image;

typedef struct {
    double length; /* Å^2 while searching, then Å */
    int32_t image; /* of the site */
    int32_t place; /* of its class in the row */
} sh_search_key;

typedef struct {
    double dist;          /* mean of the members, Å */
    int32_t count, first; /* members; the first one's key */
    int32_t number;       /* in the order of the first members */
    int32_t place;        /* in the row, of the class whose number is this one's index */
} sh_search_class;

/* Quotient graphs: graph.c. Images, keys and classes of a site lie from image_start on, in room for as many images as there may
 * be; classes where a site has a group. */
typedef struct {
    sh_crystals crystals;
    sh_graph graph; /* what is made */
    double cutoff, limit2, shell, class_tol;
    int64_t max_neighbours;
    bool no_classes;
    sh_search_cell *cell;       /* (C) */
    int64_t *n_bound;           /* (S) images that there may be */
    const int64_t *image_start; /* (S+1) sums of these */
    sh_search_image *image;
    sh_search_key *key; /* ascending in length */
    sh_search_class *class_of;
    double *rotation;         /* (H,9) the site groups' of Cartesian row vectors */
    int64_t *n_kept, *n_edge; /* (S) images within the cut-off and the shells, their classes */
    double *site_min;         /* (S) Å, shortest distance, the cut-off at most */
} sh_graph_prepare_args, sh_graph_bound_args, sh_graph_find_args, sh_graph_min_dist_args, sh_graph_write_args;

#endif
