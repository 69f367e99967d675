/* wyckoff.h -- the Wyckoff positions of a group, derived from its operations.
 *
 * The points with one site symmetry form sets x = origin + sum_j f_j basis_j (mod 1), f in [0,1)^dim: points, lines, planes, or
 * all of space. The sets that the group maps on each other are one position; one of them represents it. Every orbit of the
 * position meets the representative set, and f uniform on [0,1)^dim is uniform on it. 1731 positions in all. */
#ifndef SH_CRYSTAL_WYCKOFF_H
#define SH_CRYSTAL_WYCKOFF_H

#include <math.h>
#include <stdint.h>

#include "base/real.h"
#include "base/status.h"

enum { SH_N_WYCKOFF = 1731, SH_MAX_WYCKOFF = 27 };

typedef struct {
    int32_t mult;       /* atoms of the conventional cell */
    int32_t dim;        /* free parameters, 0..3 */
    int32_t n_set;      /* images of the representative set in the cell */
    double origin[3];
    int8_t basis[3][3]; /* rows j < dim; a primitive basis of the whole vectors along the set */
    int32_t n_stab;     /* order of the site symmetry group, mult n_stab = |G| */
    int32_t stab;       /* its operations: op[stab], ..., counted from the group's first; the identity first */
    int32_t coset;      /* one operation for each atom: op[coset], ... (mult), the identity first */
} sh_wyckoff;

typedef struct sh_wyckoffs {
    int32_t start[231];               /* positions of sg_number g: start[g-1] <= i < start[g], in the order of their letters */
    sh_wyckoff position[SH_N_WYCKOFF];
    int32_t n_op;
    int16_t *op; /* (n_op) stabilisers and cosets of all */
} sh_wyckoffs;

/* The operations of all groups: those of sg_number g are start[g-1] <= i < start[g], the identity first. */
typedef struct {
    const int32_t *start;       /* (231) */
    const int8_t (*rot)[9];     /* W, row-major */
    const double (*trans)[3];   /* w */
} sh_group_operations;

/* SH_ELIB where the operations do not give the positions of International Tables A. */
sh_status sh_wyckoffs_create(const sh_group_operations *groups, sh_wyckoffs **out);
void sh_wyckoffs_destroy(sh_wyckoffs **wyckoffs);

/* 0 'a', ..., 25 'z', 26 'A' (the 27th of Pmmm). */
char sh_wyckoff_letter(int32_t wyckoff);

/* Atoms of the smallest orbit of a group. */
static inline int32_t sh_wyckoff_min_mult(const sh_wyckoffs *wyckoffs, int sg_number)
{
    return wyckoffs->position[wyckoffs->start[sg_number - 1]].mult;
}

/* The point of the representative set, coordinates in [0,1). */
SH_BODY void sh_wyckoff_point(const sh_wyckoff *position, const double *f, double x[3])
{
    for (int i = 0; i < 3; i++) {
        double sum = position->origin[i];
        for (int32_t j = 0; j < position->dim; j++)
            sum += f[j] * position->basis[j][i];
        sum -= floor(sum);
        x[i] = sum < 1 ? sum : 0;
    }
}

#endif
