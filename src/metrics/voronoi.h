/* voronoi.h -- the Voronoi cell of a point: the part of space that is nearer to it than to any of its neighbours, and the faces of
 * that cell. A large cube is cut by the plane that halves the way to each neighbour, nearest first, until no further plane can reach
 * the cell. Own code: a library would bring an own adjacency, which nobody here asks for. */
#ifndef SH_METRICS_VORONOI_H
#define SH_METRICS_VORONOI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

/* Another point, seen from the one in the middle. */
typedef struct {
    double vec[3];  /* Å */
    double square;  /* Å^2, of the length */
    int32_t atom;   /* the caller's */
    int32_t serial; /* the place in the list as it was given: settles equal lengths */
} sh_neighbour;

typedef struct {
    int32_t neighbour;  /* in the list, as it is afterwards */
    int32_t n_vertex;
    double solid_angle; /* seen from the middle; those of all faces add up to 4 pi */
    double area;        /* Å^2, above 0 */
} sh_voronoi_face;

typedef struct {
    int64_t n_face;
    sh_voronoi_face *face; /* on the arena, in ascending distance of the neighbour */
} sh_voronoi;

/* The cell among n neighbours within `radius` (Å) of the middle, in any order: the list is sorted as far as it is needed. None may be
 * in the middle. False where the neighbours do not bound the cell, or only beyond 100 radii. Vertices nearer than 1e-12 radii to each
 * other are one, so that faces of degenerate cells (fcc) that have no area do not come out. */
bool sh_voronoi_of(sh_neighbour *neighbour, int64_t n, double radius, sh_arena *arena, sh_voronoi *out);

#endif
