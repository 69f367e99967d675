/* structures.h -- comparing structures in tests. */
#ifndef SH_TEST_STRUCTURES_H
#define SH_TEST_STRUCTURES_H

#include "test.h"

#include "crystal/lattice.h"
#include "io/structure.h"
#include "io/symop.h"

/* The same atoms as a set, at the same fractional positions within `tolerance` (Å), in a cell of the same lengths and
 * angles; the first that has no partner is printed. */
static inline bool same_atoms(const sh_structure *a, const sh_structure *b, double tolerance)
{
    double p[6], q[6];
    sh_lattice_parameters(a->lattice, p);
    sh_lattice_parameters(b->lattice, q);
    for (int i = 0; i < 6; i++)
        if (fabs(p[i] - q[i]) > tolerance * (i < 3 ? 1 : 20)) {
            print_error("cell parameter %d: %.12g and %.12g\n", i, p[i], q[i]);
            return false;
        }
    if (a->n_atom != b->n_atom) {
        print_error("%lld and %lld atoms\n", (long long)a->n_atom, (long long)b->n_atom);
        return false;
    }
    bool *used = calloc((size_t)b->n_atom + 1, sizeof *used);
    int64_t n = 0;
    for (int64_t i = 0; i < a->n_atom; i++) {
        int64_t j = 0;
        while (j < b->n_atom && (used[j] || a->z[i] != b->z[j] ||
                                 sh_near_distance(a->lattice, a->frac + 3 * i, b->frac + 3 * j) > tolerance))
            j++;
        if (j == b->n_atom) {
            print_error("atom %lld (Z %d) at %.10f %.10f %.10f has no partner\n", (long long)i, a->z[i],
                        a->frac[3 * i], a->frac[3 * i + 1], a->frac[3 * i + 2]);
            break;
        }
        used[j] = true;
        n++;
    }
    free(used);
    return n == a->n_atom;
}

/* Counts of the distances below `cutoff` by pair of elements and length, as a sorted list of (Z Z length) per atom of the
 * cell: equal for two descriptions of one crystal. Returns the number of entries, divided by the atoms of the cell. */
typedef struct {
    int32_t z[2];
    double length;
} pair_length;

static inline int compare_pairs(const void *a, const void *b)
{
    const pair_length *p = a, *q = b;
    if (p->z[0] != q->z[0]) return p->z[0] < q->z[0] ? -1 : 1;
    if (p->z[1] != q->z[1]) return p->z[1] < q->z[1] ? -1 : 1;
    return (p->length > q->length) - (p->length < q->length);
}

static inline int64_t pair_lengths(const sh_structure *s, double cutoff, pair_length **out)
{
    int64_t n = 0, capacity = 1024;
    pair_length *list = malloc((size_t)capacity * sizeof *list);
    double inverse[9];
    int reach[3];
    sh_lattice_invert(s->lattice, inverse);
    for (int k = 0; k < 3; k++)
        reach[k] = 1 + (int)(cutoff * sqrt(inverse[k] * inverse[k] + inverse[3 + k] * inverse[3 + k] +
                                           inverse[6 + k] * inverse[6 + k]) + 1);
    for (int64_t i = 0; i < s->n_atom; i++)
        for (int64_t j = 0; j < s->n_atom; j++)
            for (int a = -reach[0]; a <= reach[0]; a++)
                for (int b = -reach[1]; b <= reach[1]; b++)
                    for (int c = -reach[2]; c <= reach[2]; c++) {
                        double f[3] = {s->frac[3 * j] + a - s->frac[3 * i], s->frac[3 * j + 1] + b - s->frac[3 * i + 1],
                                       s->frac[3 * j + 2] + c - s->frac[3 * i + 2]}, r2 = 0;
                        for (int k = 0; k < 3; k++) {
                            double x = f[0] * s->lattice[k] + f[1] * s->lattice[3 + k] + f[2] * s->lattice[6 + k];
                            r2 += x * x;
                        }
                        if (r2 > cutoff * cutoff || r2 < 1e-6) continue;
                        if (n == capacity) list = realloc(list, (size_t)(capacity *= 2) * sizeof *list);
                        list[n++] = (pair_length){{s->z[i], s->z[j]}, sqrt(r2)};
                    }
    qsort(list, (size_t)n, sizeof *list, compare_pairs);
    *out = list;
    return n;
}

/* All distances up to about `cutoff` agree within `tolerance`; cells of different size are compared an atom. */
static inline bool same_distances(const sh_structure *a, const sh_structure *b, double cutoff, double tolerance)
{
    pair_length *p, *q;
    int64_t n = pair_lengths(a, cutoff, &p), m = pair_lengths(b, cutoff, &q);
    bool same = n * b->n_atom == m * a->n_atom;
    if (!same)
        print_error("%lld distances of %lld atoms, %lld of %lld\n", (long long)n, (long long)a->n_atom, (long long)m,
                    (long long)b->n_atom);
    for (int64_t i = 0; same && i < n; i++) {
        const pair_length *other = &q[i * m / n];
        if (p[i].z[0] != other->z[0] || p[i].z[1] != other->z[1] || fabs(p[i].length - other->length) > tolerance) {
            print_error("distance %lld: Z %d %d %.12g and Z %d %d %.12g\n", (long long)i, p[i].z[0], p[i].z[1],
                        p[i].length, other->z[0], other->z[1], other->length);
            same = false;
        }
    }
    free(p);
    free(q);
    return same;
}

#endif
