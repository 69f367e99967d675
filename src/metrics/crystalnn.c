#include "metrics/crystalnn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell.h"

/* Constants of the published program. Å where lengths. */
static const double FIRST_RADIUS = 7, ENEG_WEIGHT = 3, ENEG_RANGE = 3.3, FULL_WITHIN = 0.5, NONE_BEYOND = 1;

/* A cell as the search wants it: the shortest basis, in which few shifts reach far enough. */
typedef struct {
    const sh_cell *cell;
    double basis[9], to_basis[9], inverse[3];
    double longest_diagonal;
} search;

static search search_create(const sh_cell *cell)
{
    search s = {.cell = cell};
    const double *l = cell->lattice;
    double longest = 0;
    sh_shortest_basis(l, s.basis, s.to_basis);
    sh_inverse_heights(s.basis, s.inverse);
    for (int k = 0; k < 4; k++) {
        const double signs[3] = {k == 1 ? -1 : 1, k == 2 ? -1 : 1, k == 3 ? -1 : 1};
        longest = fmax(longest, sh_square_length(l, signs));
    }
    s.longest_diagonal = sqrt(longest);
    return s;
}

typedef struct {
    double f[3], lo[3], hi[3];
} box;

/* Shifts of atom `a` that may lie within the radius of `site`. */
static box box_of(const search *s, int64_t site, int64_t a, double radius)
{
    box b;
    double x[2][3];
    for (int i = 0; i < 3; i++) {
        x[0][i] = s->cell->frac[3 * a + i] - floor(s->cell->frac[3 * a + i]);
        x[1][i] = s->cell->frac[3 * site + i] - floor(s->cell->frac[3 * site + i]);
    }
    sh_difference(s->to_basis, x[0], x[1], b.f);
    for (int i = 0; i < 3; i++) {
        double reach = radius * s->inverse[i] + SH_FRAC_ROUNDING;
        b.lo[i] = ceil(-reach - b.f[i]);
        b.hi[i] = floor(reach - b.f[i]);
    }
    return b;
}

/* All images within the radius, the site itself left out, unsorted; NULL where they may be more than SH_CRYSTALNN_IMAGES. */
static sh_neighbour *find_neighbours(const search *s, int64_t site, double radius, sh_arena *arena, int64_t *n_found)
{
    const double *l = s->basis;
    double room = 0, limit2 = radius * radius;
    int64_t n = 0;
    for (int64_t a = 0; a < s->cell->n_atom; a++) {
        box b = box_of(s, site, a, radius);
        room += fmax(0.0, b.hi[0] - b.lo[0] + 1) * fmax(0.0, b.hi[1] - b.lo[1] + 1) * fmax(0.0, b.hi[2] - b.lo[2] + 1);
    }
    if (!(room <= SH_CRYSTALNN_IMAGES)) return NULL;
    sh_neighbour *found = SH_PUSH(arena, sh_neighbour, room + 1);
    for (int64_t a = 0; a < s->cell->n_atom; a++) {
        box b = box_of(s, site, a, radius);
        for (double n0 = b.lo[0]; n0 <= b.hi[0]; n0++)
            for (double n1 = b.lo[1]; n1 <= b.hi[1]; n1++)
                for (double n2 = b.lo[2]; n2 <= b.hi[2]; n2++) {
                    const double g[3] = {b.f[0] + n0, b.f[1] + n1, b.f[2] + n2};
                    sh_neighbour *x = &found[n];
                    x->atom = (int32_t)a;
                    for (int k = 0; k < 3; k++)
                        x->vec[k] = g[0] * l[k] + g[1] * l[3 + k] + g[2] * l[6 + k];
                    x->square = sh_dot3(x->vec, x->vec);
                    n += x->square <= limit2 && x->square > SH_COINCIDENT2;
                }
    }
    *n_found = n;
    return found;
}

static double radii(const sh_tables *t, const sh_cell *cell, int64_t a, int64_t b)
{
    return t->covalent_radius[cell->z[a]] + t->covalent_radius[cell->z[b]];
}

static bool may_be_bonded(const sh_tables *t, const sh_cell *cell, int64_t site, const sh_neighbour *list, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (sqrt(list[i].square) < radii(t, cell, site, list[i].atom) + NONE_BEYOND) return true;
    return false;
}

/* The Voronoi cell among all images within 7 Å, or further where these do not bound it. A site with no neighbour near enough to have a
 * weight has no faces: nothing of it would be asked. The diagonals of the cell bound every Voronoi cell. */
static sh_metric_reason voronoi_of_site(const sh_tables *t, const search *s, int64_t site, sh_arena *arena, sh_crystalnn_site *out)
{
    sh_voronoi v;
    double radius = FIRST_RADIUS;
    for (;;) {
        int64_t n;
        out->around = find_neighbours(s, site, radius, arena, &n);
        if (!out->around) return SH_METRIC_IMAGES;
        if (radius == FIRST_RADIUS && !may_be_bonded(t, s->cell, site, out->around, n)) return SH_METRIC_OK;
        if (sh_voronoi_of(out->around, n, radius, arena, &v)) break;
        if (radius >= s->longest_diagonal + 0.01) return SH_METRIC_IMAGES;
        radius = fmin(2 * radius, s->longest_diagonal + 0.011);
    }
    out->n_face = v.n_face;
    out->face = v.face;
    return SH_METRIC_OK;
}

/* Solid angle relative to the largest, solid angle over area, difference of electronegativities. */
static double weight_of_face(const sh_tables *t, int32_t z1, int32_t z2, const sh_voronoi_face *f, double largest_angle)
{
    double w = f->solid_angle / largest_angle * (f->solid_angle / f->area), apart = fabs(t->pauling[z1] - t->pauling[z2]);
    return isnan(apart) ? w : w * (1 + ENEG_WEIGHT * sqrt(apart / ENEG_RANGE));
}

static double cut_by_distance(double distance, double bond)
{
    if (distance <= bond + FULL_WITHIN) return 1;
    if (distance >= bond + NONE_BEYOND) return 0;
    return 0.5 * (1 + cos(SH_PI * (distance - bond - FULL_WITHIN) / (NONE_BEYOND - FULL_WITHIN)));
}

/* The nearest multiple of 0.001 to the number as it is in binary, as printing rounds. */
static double round_to_thousandths(double x)
{
    double scaled = 1000 * x, below = floor(scaled);
    if (fabs(scaled - below - 0.5) > 1e-9) return floor(scaled + 0.5) / 1000;
    char text[64];
    snprintf(text, sizeof text, "%.3f", x);
    return strtod(text, NULL);
}

typedef struct {
    double weight, square;
    int32_t neighbour;
} ranked;

static int by_weight(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->weight != q->weight) return p->weight > q->weight ? -1 : 1;
    if (p->square != q->square) return p->square < q->square ? -1 : 1;
    return (p->neighbour < q->neighbour) - (p->neighbour > q->neighbour); /* later in the list is nearer */
}

static void weigh_neighbours(const sh_tables *t, const sh_cell *cell, int64_t site, sh_arena *arena, sh_crystalnn_site *out)
{
    ranked *list = SH_PUSH(arena, ranked, out->n_face);
    double angle = 0, largest = 0;
    for (int64_t i = 0; i < out->n_face; i++)
        angle = fmax(angle, out->face[i].solid_angle);
    for (int64_t i = 0; i < out->n_face; i++) {
        const sh_neighbour *x = &out->around[out->face[i].neighbour];
        list[i] = (ranked){weight_of_face(t, cell->z[site], cell->z[x->atom], &out->face[i], angle), x->square,
                           out->face[i].neighbour};
        largest = fmax(largest, list[i].weight);
    }
    for (int64_t i = 0; i < out->n_face; i++) {
        int32_t atom = out->around[list[i].neighbour].atom;
        list[i].weight *= largest > 0 ? cut_by_distance(sqrt(list[i].square), radii(t, cell, site, atom)) / largest : 0;
    }
    qsort(list, (size_t)out->n_face, sizeof *list, by_weight);
    out->neighbour = SH_PUSH(arena, sh_neighbour, out->n_face);
    out->weight = SH_PUSH(arena, double, out->n_face);
    for (int64_t i = 0; i < out->n_face; i++) {
        double w = round_to_thousandths(list[i].weight);
        if (!(w > 0)) break;
        out->neighbour[out->n_neighbour] = out->around[list[i].neighbour];
        out->weight[out->n_neighbour++] = w;
    }
}

/* Area of a quarter of the unit disc between its middle and x. */
static double disc(double x)
{
    return 0.5 * (x * sqrt(fmax(0.0, 1 - x * x)) + asin(fmin(1.0, x)));
}

/* Where coordination number n begins in the fingerprint. */
static int place_of(int n)
{
    int at = 0;
    for (int k = 1; k < n; k++)
        at += 1 + sh_order_count(k);
    return at;
}

static void fill_fingerprint(sh_crystalnn_site *s)
{
    double u[SH_ORDER_SHAPED][3];
    for (int32_t i = 0; i < s->n_neighbour && i < SH_ORDER_SHAPED; i++)
        for (int k = 0; k < 3; k++)
            u[i][k] = s->neighbour[i].vec[k] / sqrt(s->neighbour[i].square);
    for (int32_t n = 1; n <= s->n_neighbour && n <= SH_ORDER_MOST; n++) {
        double here = s->weight[n - 1], next = n < s->n_neighbour ? s->weight[n] : 0;
        if (here == next) continue; /* equal weights come in together */
        double w = s->number[n] = 4 / SH_PI * (disc(here) - disc(next)), order[SH_ORDER_PER_COUNT];
        int at = place_of(n);
        s->fingerprint[at] = w;
        if (n > SH_ORDER_SHAPED) continue;
        sh_order_of((const double(*)[3])u, n, order);
        for (int k = 0; k < sh_order_count(n); k++)
            s->fingerprint[at + 1 + k] = w * order[k];
    }
}

static sh_metric_reason look_at_site(const sh_tables *t, const search *s, int64_t site, sh_arena *arena, sh_crystalnn_site *out)
{
    *out = (sh_crystalnn_site){.n_neighbour = 0};
    sh_metric_reason reason = voronoi_of_site(t, s, site, arena, out);
    if (reason != SH_METRIC_OK) return reason;
    weigh_neighbours(t, s->cell, site, arena, out);
    fill_fingerprint(out);
    return SH_METRIC_OK;
}

sh_metric_reason sh_crystalnn_site_of(const sh_tables *tables, const sh_cell *cell, int64_t site, sh_arena *arena,
                                      sh_crystalnn_site *out)
{
    search s = search_create(cell);
    return look_at_site(tables, &s, site, arena, out);
}

static sh_metric_reason check(const sh_tables *t, const sh_cell *cell)
{
    sh_distances d;
    if (!sh_distances_of(cell, &d) || !(d.volume >= SH_SMALLEST_CELL)) return SH_METRIC_CELL;
    for (int64_t a = 0; a < cell->n_atom; a++)
        if (cell->z[a] < 1 || cell->z[a] > SH_MAX_Z || isnan(t->covalent_radius[cell->z[a]])) return SH_METRIC_ELEMENT;
    return d.nearest >= SH_SHORTEST_PAIR ? SH_METRIC_OK : SH_METRIC_CLOSE;
}

sh_metric_reason sh_crystalnn(const sh_tables *tables, const sh_cell *cell, sh_arena *scratch, double *out)
{
    double sum[SH_CRYSTALNN_SIZE] = {0};
    sh_metric_reason reason = check(tables, cell);
    if (reason != SH_METRIC_OK) return reason;
    search s = search_create(cell);
    for (int64_t site = 0; site < cell->n_atom; site++) {
        sh_arena_mark mark = sh_arena_get_mark(scratch);
        sh_crystalnn_site one;
        reason = look_at_site(tables, &s, site, scratch, &one);
        sh_arena_release(scratch, mark);
        if (reason != SH_METRIC_OK) return reason;
        for (int i = 0; i < SH_CRYSTALNN_SIZE; i++)
            sum[i] += one.fingerprint[i];
    }
    for (int i = 0; i < SH_CRYSTALNN_SIZE; i++)
        out[i] = sum[i] / (double)cell->n_atom;
    return SH_METRIC_OK;
}

void sh_crystalnn_name(int i, char *name)
{
    for (int n = 1; n <= SH_ORDER_MOST; n++) {
        int k = i - place_of(n);
        if (k == 0) snprintf(name, 48, "wt CN_%d", n);
        if (k > 0 && k <= sh_order_count(n)) snprintf(name, 48, "%s CN_%d", sh_order_name(n, k - 1), n);
    }
}
