/* graph_search.h -- the neighbours of one site: what the search by one thread (graph.c) and by a team (graph_team.c) share. */
#ifndef SH_KERNEL_GRAPH_SEARCH_H
#define SH_KERNEL_GRAPH_SEARCH_H

#include "args.h"
#include "cell.h"

SH_BODY int64_t graph_first_atom(const sh_crystals *c, int64_t crystal)
{
    return c->atom_start[c->site_start[crystal]];
}

SH_BODY bool graph_before(const sh_search_image *image, const sh_search_key *a, const sh_search_key *b)
{
    if (a->length != b->length) return a->length < b->length;
    const sh_search_image *p = &image[a->image], *q = &image[b->image];
    if (p->dst != q->dst) return p->dst < q->dst;
    for (int i = 0; i < 3; i++)
        if (p->vec[i] != q->vec[i]) return p->vec[i] < q->vec[i];
    return false;
}

/* How many of the sorted images stay: whole shells until at least max_neighbours atoms are in. */
SH_BODY int64_t graph_whole_shells(const sh_search_key *key, int64_t n, int64_t max_neighbours, double shell)
{
    if (max_neighbours <= 0 || n <= max_neighbours) return n;
    int64_t kept = max_neighbours;
    while (kept < n && key[kept].length - key[kept - 1].length < shell)
        kept++;
    return kept;
}

/* Operation w of a site group as a rotation of Cartesian row vectors, R = L^-1 W^T L; inverse and volume of
 * sh_adjugate3, r (9). */
SH_BODY void graph_rotation(const double *l, const double *inverse, double volume, const int8_t *w, double *r)
{
    for (int i = 0; i < 3; i++) {
        double row[3];
        for (int j = 0; j < 3; j++) /* row i of L^-1 W^T */
            row[j] = (inverse[3 * i] * w[3 * j] + inverse[3 * i + 1] * w[3 * j + 1] +
                      inverse[3 * i + 2] * w[3 * j + 2]) / volume;
        for (int j = 0; j < 3; j++)
            r[3 * i + j] = row[0] * l[j] + row[1] * l[3 + j] + row[2] * l[6 + j];
    }
}

/* y = v R */
SH_BODY void graph_turn(const double *r, const double *v, double *y)
{
    for (int k = 0; k < 3; k++)
        y[k] = v[0] * r[k] + v[1] * r[3 + k] + v[2] * r[6 + k];
}

/* The one of the sorted images that image i is turned to; -1 where it stays, or goes to one before it: members that come before are
 * in a class already, so only those after are looked at, of nearly its length. */
SH_BODY int64_t graph_partner(const sh_search_image *image, const sh_search_key *key, int64_t n, int64_t i, const double *rotation,
                              double class_tol)
{
    const sh_search_image *rep = &image[key[i].image];
    double y[3], tol2 = class_tol * class_tol;
    graph_turn(rotation, rep->vec, y);
    const double still[3] = {y[0] - rep->vec[0], y[1] - rep->vec[1], y[2] - rep->vec[2]};
    if (sh_dot3(still, still) < tol2) return -1;
    for (int64_t j = i + 1; j < n && key[j].length - key[i].length < 2 * class_tol; j++) {
        const sh_search_image *other = &image[key[j].image];
        const double d[3] = {other->vec[0] - y[0], other->vec[1] - y[1], other->vec[2] - y[2]};
        if (sh_dot3(d, d) < tol2 && other->dst == rep->dst) return j;
    }
    return -1;
}

/* Puts the classes in the order of their means, which may be another than that of their first members; nearly sorted, so insertion.
 * Returns whether they were. */
SH_BODY bool graph_order_classes(sh_search_class *class_of, int32_t n_class)
{
    bool in_order = true;
    for (int32_t i = 1; i < n_class; i++) {
        sh_search_class moving = class_of[i];
        int32_t j = i;
        for (; j > 0 && moving.dist < class_of[j - 1].dist; j--)
            class_of[j] = class_of[j - 1];
        class_of[j] = moving;
        in_order = in_order && j == i;
    }
    for (int32_t i = 0; i < n_class && !in_order; i++)
        class_of[class_of[i].number].place = i;
    return in_order;
}

SH_BODY bool graph_has_classes(int64_t s, const sh_graph_find_args *a)
{
    return !a->no_classes && a->crystals.stab_start[s + 1] - a->crystals.stab_start[s] > 1;
}

#endif
