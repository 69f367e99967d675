/* graph_team.c -- graph_find on a device: a team searches the neighbours of a site. The same images, keys and classes as those of
 * graph.c, to the order of images. */
#include "args.h"
#include "graph_search.h"
#include "kernel.h"
#include "team.h"

/* Boxes of as many atoms as there are lanes. */
typedef struct {
    double frac[SH_TEAM_LANES][3], low[SH_TEAM_LANES][3]; /* the atom in the short basis, the first shift of its box */
    int64_t side[SH_TEAM_LANES][2];                       /* shifts along the second and third vector */
    int64_t first[SH_TEAM_LANES + 1];                     /* candidates of the boxes before */
    int64_t count[SH_TEAM_LANES];
    double least2[SH_TEAM_LANES];
    int64_t partner[SH_MAX_STAB];
    bool in_order;
} graph_shared;

/* The boxes of atoms k .. k + n - 1 around x. */
SH_TEAM_BODY void team_boxes(const sh_graph_find_args *a, const sh_search_cell *cell, const double *x, int64_t k, int64_t n, sh_team team,
                        graph_shared *shared)
{
    int64_t candidates = 0;
    if (team.lane < n) {
        double *f = shared->frac[team.lane], *low = shared->low[team.lane], side[3];
        sh_difference(cell->to_basis, a->crystals.atom_frac + 3 * (k + team.lane), x, f);
        for (int i = 0; i < 3; i++) {
            low[i] = ceil(-cell->reach[i] - f[i]);
            side[i] = fmax(0.0, floor(cell->reach[i] - f[i]) - low[i] + 1);
        }
        candidates = (int64_t)(side[0] * side[1] * side[2]);
        shared->side[team.lane][0] = (int64_t)side[1];
        shared->side[team.lane][1] = (int64_t)side[2];
    }
    sh_team_count sum = sh_team_sum(team, candidates, shared->count);
    shared->first[team.lane] = sum.before;
    if (team.lane == 0) shared->first[team.lanes] = sum.all;
    SH_TEAM_MEET();
}

/* The images of site s within the cut-off; their number. */
SH_TEAM_BODY int64_t team_images(int64_t s, const sh_graph_find_args *a, sh_search_image *image, sh_search_key *key, sh_team team,
                            graph_shared *shared)
{
    const sh_crystals *c = &a->crystals;
    int64_t crystal = c->site_crystal[s], own = c->atom_start[s], t = c->site_start[crystal], n = 0;
    int64_t begin = graph_first_atom(c, crystal), end = graph_first_atom(c, crystal + 1);
    const sh_search_cell *cell = &a->cell[crystal];
    const double *l = cell->basis;
    double cutoff2 = a->cutoff * a->cutoff, least2 = cutoff2;
    for (int64_t k = begin; k < end; k += team.lanes) {
        team_boxes(a, cell, c->atom_frac + 3 * own, k, end - k, team, shared);
        int box = 0; /* candidates of a lane ascend, and so do their boxes and sites */
        for (int64_t base = 0; base < shared->first[team.lanes]; base += team.lanes) {
            int64_t at = base + team.lane;
            double v[3] = {0, 0, 0}, r2 = 0;
            bool inside = false;
            if (at < shared->first[team.lanes]) {
                while (at >= shared->first[box + 1])
                    box++;
                int64_t in_box = at - shared->first[box], row = in_box / shared->side[box][1];
                double shift[3] = {(double)(row / shared->side[box][0]), (double)(row % shared->side[box][0]),
                                   (double)(in_box % shared->side[box][1])};
                double g[3];
                bool itself = k + box == own;
                for (int i = 0; i < 3; i++) {
                    shift[i] += shared->low[box][i];
                    g[i] = shared->frac[box][i] + shift[i];
                    itself = itself && shift[i] == 0;
                }
                for (int i = 0; i < 3; i++)
                    v[i] = g[0] * l[i] + g[1] * l[3 + i] + g[2] * l[6 + i];
                r2 = sh_dot3(v, v);
                inside = r2 < a->limit2 && r2 > SH_COINCIDENT2;
                if (r2 < least2 && !itself) least2 = r2;
            }
            sh_team_count place = sh_team_sum(team, inside, shared->count);
            if (inside) {
                while (k + box >= c->atom_start[t + 1])
                    t++;
                const sh_search_image found = {{v[0], v[1], v[2]}, (int32_t)t, (int32_t)(k + box)};
                const sh_search_key by = {sqrt(r2), (int32_t)(n + place.before), 0};
                image[n + place.before] = found;
                key[n + place.before] = by;
            }
            n += place.all;
        }
        SH_TEAM_MEET();
    }
    shared->least2[team.lane] = least2;
    SH_TEAM_MEET();
    for (int i = 0; i < team.lanes; i++)
        least2 = fmin(least2, shared->least2[i]);
    if (team.lane == 0) a->site_min[s] = least2 < cutoff2 ? sqrt(least2) : a->cutoff;
    return n;
}

/* Exchanges keys i < j that stand the wrong way round. What would lie beyond the last one is larger than all. */
SH_BODY void team_exchange(const sh_search_image *image, sh_search_key *key, int64_t i, int64_t j, int64_t n)
{
    if (j >= n || !graph_before(image, &key[j], &key[i])) return;
    const sh_search_key moving = key[i];
    key[i] = key[j];
    key[j] = moving;
}

/* Bitonic merges (Batcher 1968) whose first step looks at the second half from its end, so that all exchanges are one way. */
SH_TEAM_BODY void team_sort(const sh_search_image *image, sh_search_key *key, int64_t n, sh_team team)
{
    for (int64_t half = 1; half < n; half *= 2) {
        for (int64_t p = team.lane; p / half * 2 * half < n; p += team.lanes) {
            int64_t block = p / half * 2 * half, i = p % half;
            team_exchange(image, key, block + i, block + 2 * half - 1 - i, n);
        }
        SH_TEAM_MEET();
        for (int64_t step = half / 2; step > 0; step /= 2) {
            for (int64_t p = team.lane; p / step * 2 * step < n; p += team.lanes) {
                int64_t i = p / step * 2 * step + p % step;
                team_exchange(image, key, i, i + step, n);
            }
            SH_TEAM_MEET();
        }
    }
}

/* Class `number`, of image i and those that it is turned to. */
SH_BODY void team_new_class(sh_search_key *key, int64_t i, int64_t n_stab, const int64_t *partner, int32_t number,
                            sh_search_class *class_of)
{
    double sum = key[i].length;
    int32_t count = 1;
    key[i].place = number;
    for (int64_t h = 0; h < n_stab; h++) {
        int64_t j = partner[h];
        if (j < 0 || key[j].place >= 0) continue;
        key[j].place = number;
        sum += key[j].length;
        count++;
    }
    const sh_search_class found = {sum / count, count, (int32_t)i, number, number};
    class_of[number] = found;
}

/* As graph_classify: the lanes share the site group's operations. */
SH_TEAM_BODY int64_t team_classify(int64_t s, const sh_graph_find_args *a, const sh_search_image *image, sh_search_key *key, int64_t n,
                              sh_search_class *class_of, sh_team team, graph_shared *shared)
{
    const sh_crystals *c = &a->crystals;
    int64_t first = c->stab_start[s], n_stab = c->stab_start[s + 1] - first;
    const double *l = c->lattice + 9 * c->site_crystal[s];
    double *rotation = a->rotation + 9 * first, inverse[9], volume = sh_adjugate3(l, inverse);
    int32_t n_class = 0;
    for (int64_t h = team.lane; h < n_stab; h += team.lanes)
        graph_rotation(l, inverse, volume, c->stab_rot + 9 * (first + h), rotation + 9 * h);
    for (int64_t i = team.lane; i < n; i += team.lanes)
        key[i].place = -1;
    SH_TEAM_MEET();
    for (int64_t i = 0; i < n; i++) {
        if (key[i].place >= 0) continue;
        for (int64_t h = team.lane; h < n_stab; h += team.lanes)
            shared->partner[h] = graph_partner(image, key, n, i, rotation + 9 * h, a->class_tol);
        SH_TEAM_MEET();
        if (team.lane == 0) team_new_class(key, i, n_stab, shared->partner, n_class, class_of);
        n_class++;
        SH_TEAM_MEET();
    }
    if (team.lane == 0) shared->in_order = graph_order_classes(class_of, n_class);
    SH_TEAM_MEET();
    for (int64_t i = team.lane; i < n && !shared->in_order; i += team.lanes)
        key[i].place = class_of[key[i].place].place;
    return n_class;
}

SH_TEAM_BODY void graph_find_body(int64_t s, const sh_graph_find_args *a, sh_team team, graph_shared *shared)
{
    sh_search_image *image = a->image + a->image_start[s];
    sh_search_key *key = a->key + a->image_start[s];
    bool is_cell = a->cell[a->crystals.site_crystal[s]].is_cell;
    int64_t n = 0, n_class = 0;
    if (is_cell && a->image_start[s] < a->image_start[s + 1]) {
        n = team_images(s, a, image, key, team, shared);
        SH_TEAM_MEET();
        team_sort(image, key, n, team);
        n_class = n = graph_whole_shells(key, n, a->max_neighbours, a->shell);
        if (graph_has_classes(s, a)) n_class = team_classify(s, a, image, key, n, a->class_of + a->image_start[s], team, shared);
    } else if (team.lane == 0) {
        a->site_min[s] = is_cell ? a->cutoff : 0;
    }
    if (team.lane > 0) return;
    a->n_kept[s] = n;
    a->n_edge[s] = n_class;
}
SH_TEAM_KERNEL(graph_find, sh_graph_find_args, graph_shared)
