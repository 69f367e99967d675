/* graph.c -- the quotient graphs of a batch: prepare the cells; bound the number of neighbours of each site; find, sort and
 * classify them; write what is kept. Each is a function of one crystal or one site that writes only what is its own, so that the
 * bits depend neither on threads nor on the batch; the sizes come from the kernel before. */
#include "args.h"
#include "graph_search.h"
#include "kernel.h"

/* Å^3 an atom: below, two atoms are closer than 0.12 Å however they are packed (d^3 / sqrt 2 is the densest), and the lists
 * would have no end. */
static const double LEAST_VOLUME = 1e-3;

SH_BODY void graph_prepare_body(int64_t crystal, const sh_graph_prepare_args *a)
{
    const sh_crystals *c = &a->crystals;
    sh_search_cell *cell = &a->cell[crystal];
    double inverse[3];
    const double *l = c->lattice + 9 * crystal;
    int64_t first = graph_first_atom(c, crystal), last = graph_first_atom(c, crystal + 1);
    double square = sh_dot3(l, l) + sh_dot3(l + 3, l + 3) + sh_dot3(l + 6, l + 6), zero = 0;
    for (int64_t k = 3 * first; k < 3 * last; k++)
        zero += 0 * c->atom_frac[k]; /* NaN where a coordinate is not finite */
    cell->is_cell = sh_inverse_heights(l, inverse) >= LEAST_VOLUME * (double)(last - first) && square < SH_LONGEST * SH_LONGEST &&
                    zero == 0;
    if (!cell->is_cell) return;
    sh_shortest_basis(l, cell->basis, cell->to_basis);
    sh_inverse_heights(cell->basis, inverse);
    for (int i = 0; i < 3; i++)
        cell->reach[i] = sqrt(a->limit2) * inverse[i] + SH_FRAC_ROUNDING;
}
SH_KERNEL_ROWS(graph_prepare, sh_graph_prepare_args)

/* How many images lie in the boxes around the sphere: room for the row of site s. */
SH_BODY void graph_bound_body(int64_t s, const sh_graph_bound_args *a)
{
    const sh_crystals *c = &a->crystals;
    int64_t crystal = c->site_crystal[s], last = graph_first_atom(c, crystal + 1);
    const sh_search_cell *cell = &a->cell[crystal];
    const double *x = c->atom_frac + 3 * c->atom_start[s];
    double sum = 0; /* whole numbers: exact in any order */
    bool has_atom = c->atom_start[s] < c->atom_start[s + 1];
    if (has_atom && cell->is_cell) { /* with a little more than the search's reach: rounded otherwise, it must not find more */
#if !defined(__CUDACC__)
#pragma omp simd reduction(+ : sum)
#endif
        for (int64_t k = graph_first_atom(c, crystal); k < last; k++) {
            double f[3], box = 1;
            sh_difference(cell->to_basis, c->atom_frac + 3 * k, x, f);
            for (int i = 0; i < 3; i++)
                box *= floor(cell->reach[i] + SH_FRAC_ROUNDING - f[i]) - ceil(-cell->reach[i] - SH_FRAC_ROUNDING - f[i]) + 1;
            sum += box;
        }
    }
    a->n_bound[s] = (int64_t)sum;
    a->graph.site_mult[s] = (double)(c->atom_start[s + 1] - c->atom_start[s]);
}
SH_KERNEL_ROWS(graph_bound, sh_graph_bound_args)

/* All images within the cut-off of the representative of site s, unsorted. Returns their number. */
SH_BODY int64_t graph_images(int64_t s, const sh_graph_find_args *a, sh_search_image *image, sh_search_key *key)
{
    const sh_crystals *c = &a->crystals;
    int64_t crystal = c->site_crystal[s], n = 0;
    const sh_search_cell *cell = &a->cell[crystal];
    const double *l = cell->basis, *x = c->atom_frac + 3 * c->atom_start[s];
    double least2 = a->cutoff * a->cutoff;
    for (int64_t t = c->site_start[crystal]; t < c->site_start[crystal + 1]; t++)
        for (int64_t k = c->atom_start[t]; k < c->atom_start[t + 1]; k++) {
            double f[3], lo[3], hi[3];
            sh_difference(cell->to_basis, c->atom_frac + 3 * k, x, f);
            for (int i = 0; i < 3; i++) {
                lo[i] = ceil(-cell->reach[i] - f[i]);
                hi[i] = floor(cell->reach[i] - f[i]);
            }
            for (double n0 = lo[0]; n0 <= hi[0]; n0++) {
                double g0 = f[0] + n0, p0[3] = {g0 * l[0], g0 * l[1], g0 * l[2]};
                for (double n1 = lo[1]; n1 <= hi[1]; n1++) {
                    double g1 = f[1] + n1, p1[3] = {p0[0] + g1 * l[3], p0[1] + g1 * l[4], p0[2] + g1 * l[5]};
                    for (double n2 = lo[2]; n2 <= hi[2]; n2++) {
                        double g2 = f[2] + n2, v[3] = {p1[0] + g2 * l[6], p1[1] + g2 * l[7], p1[2] + g2 * l[8]};
                        double r2 = sh_dot3(v, v);
                        /* written always, kept if inside: half of the candidates are, which no processor can guess */
                        const sh_search_image at = {{v[0], v[1], v[2]}, (int32_t)t, (int32_t)k};
                        const sh_search_key by = {r2, (int32_t)n, 0};
                        image[n] = at;
                        key[n] = by;
                        n += r2 < a->limit2 && r2 > SH_COINCIDENT2;
                        bool itself = k == c->atom_start[s] && n0 == 0 && n1 == 0 && n2 == 0;
                        if (r2 < least2 && !itself) least2 = r2;
                    }
                }
            }
        }
    for (int64_t i = 0; i < n; i++)
        key[i].length = sqrt(key[i].length);
    a->site_min[s] = least2 < a->cutoff * a->cutoff ? sqrt(least2) : a->cutoff;
    return n;
}

/* Shell sort (gaps of Ciura 2001): in place, no memory, and rows are short. */
SH_BODY void graph_sort(const sh_search_image *image, sh_search_key *key, int64_t n)
{
    const int64_t gaps[] = {8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (int g = 0; g < 11; g++)
        for (int64_t i = gaps[g]; i < n; i++) {
            sh_search_key moving = key[i];
            int64_t j = i;
            for (; j >= gaps[g] && graph_before(image, &moving, &key[j - gaps[g]]); j -= gaps[g])
                key[j] = key[j - gaps[g]];
            key[j] = moving;
        }
}

/* Gathers the sorted images of a site into classes: those that its site group maps on each other. Members get the place of
 * their class in the row, which ascends in the mean length. Returns the number of classes. */
SH_BODY int64_t graph_classify(int64_t s, const sh_graph_find_args *a, const sh_search_image *image, sh_search_key *key,
                               int64_t n, sh_search_class *class_of)
{
    const sh_crystals *c = &a->crystals;
    int64_t n_stab = c->stab_start[s + 1] - c->stab_start[s];
    const double *l = c->lattice + 9 * c->site_crystal[s];
    double *rotation = a->rotation + 9 * c->stab_start[s], inverse[9], volume = sh_adjugate3(l, inverse);
    int32_t n_class = 0;
    for (int64_t h = 0; h < n_stab; h++)
        graph_rotation(l, inverse, volume, c->stab_rot + 9 * (c->stab_start[s] + h), rotation + 9 * h);
    for (int64_t i = 0; i < n; i++)
        key[i].place = -1;
    for (int64_t i = 0; i < n; i++) {
        if (key[i].place >= 0) continue;
        double sum = key[i].length;
        int32_t count = 1;
        key[i].place = n_class;
        for (int64_t h = 0; h < n_stab; h++) {
            int64_t j = graph_partner(image, key, n, i, rotation + 9 * h, a->class_tol);
            if (j < 0 || key[j].place >= 0) continue;
            key[j].place = n_class;
            sum += key[j].length;
            count++;
        }
        const sh_search_class found = {sum / count, count, (int32_t)i, n_class, n_class};
        class_of[n_class++] = found;
    }
    if (graph_order_classes(class_of, n_class)) return n_class;
    for (int64_t i = 0; i < n; i++)
        key[i].place = class_of[key[i].place].place;
    return n_class;
}

SH_BODY void graph_find_body(int64_t s, const sh_graph_find_args *a)
{
    sh_search_image *image = a->image + a->image_start[s];
    sh_search_key *key = a->key + a->image_start[s];
    a->site_min[s] = 0;
    a->n_kept[s] = a->n_edge[s] = 0;
    if (!a->cell[a->crystals.site_crystal[s]].is_cell) return;
    a->site_min[s] = a->cutoff;
    if (a->image_start[s] == a->image_start[s + 1]) return; /* no site, or no room */
    int64_t n = graph_images(s, a, image, key);
    graph_sort(image, key, n);
    n = a->n_kept[s] = graph_whole_shells(key, n, a->max_neighbours, a->shell);
    a->n_edge[s] = graph_has_classes(s, a) ? graph_classify(s, a, image, key, n, a->class_of + a->image_start[s]) : n;
}
#if !defined(__CUDACC__) /* on a device: graph_team.c */
SH_KERNEL_UNEVEN(graph_find, sh_graph_find_args)
#endif

SH_BODY void graph_min_dist_body(int64_t crystal, const sh_graph_min_dist_args *a)
{
    double least = a->cutoff;
    for (int64_t s = a->crystals.site_start[crystal]; s < a->crystals.site_start[crystal + 1]; s++)
        least = fmin(least, a->site_min[s]);
    a->graph.min_dist[crystal] = least;
}
SH_KERNEL_ROWS(graph_min_dist, sh_graph_min_dist_args)

SH_BODY void graph_write_body(int64_t s, const sh_graph_write_args *a)
{
    const sh_graph *g = &a->graph;
    const sh_search_image *image = a->image + a->image_start[s];
    const sh_search_key *key = a->key + a->image_start[s];
    bool classes = graph_has_classes(s, a);
    int64_t start = g->edge_start[s];
    if (start == g->edge_start[s + 1]) return;
    for (int64_t i = 0; i < a->n_edge[s]; i++) {
        int64_t e = start + i;
        const sh_search_class single = {key[i].length, 1, (int32_t)i, 0, 0};
        const sh_search_class *of = classes ? &a->class_of[a->image_start[s] + i] : &single;
        const sh_search_image *first = &image[key[of->first].image];
        g->edge_src[e] = (int32_t)s;
        g->edge_dst[e] = first->dst;
        g->edge_atom[e] = first->atom;
        g->edge_count[e] = of->count;
        g->edge_dist[e] = of->dist;
        for (int k = 0; k < 3; k++)
            g->edge_vec[3 * e + k] = first->vec[k];
        for (int k = 0; k < 3; k++)
            g->edge_u[3 * e + k] = 0;
        for (int k = 0; k < 6; k++)
            g->edge_uu[6 * e + k] = 0;
    }
    for (int64_t i = 0; i < a->n_kept[s]; i++) {
        int64_t e = start + (classes ? key[i].place : i);
        const double *v = image[key[i].image].vec, inverse = 1 / key[i].length;
        const double x = v[0] * inverse, y = v[1] * inverse, z = v[2] * inverse;
        double *u = g->edge_u + 3 * e, *uu = g->edge_uu + 6 * e;
        u[0] += x;
        u[1] += y;
        u[2] += z;
        uu[0] += x * x;
        uu[1] += y * y;
        uu[2] += z * z;
        uu[3] += y * z;
        uu[4] += x * z;
        uu[5] += x * y;
    }
}
SH_KERNEL_ROWS(graph_write, sh_graph_write_args)
