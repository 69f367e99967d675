#include "metrics/hull.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- phases ---------------------------------------------------------------------------------------------------------- */

/* Sorted by elements, so that those of one set of elements stand together. */
struct sh_hull {
    int64_t n;
    sh_phase *phase;
};

static int by_composition(const void *a, const void *b)
{
    const sh_phase *p = a, *q = b;
    int order = sh_phase_compare(p, q);
    return order ? order : (p->energy > q->energy) - (p->energy < q->energy);
}

sh_status sh_hull_create(const sh_phase *phases, int64_t n, bool add_elements, sh_hull **out)
{
    *out = NULL;
    bool present[119] = {false};
    for (int64_t i = 0; i < n; i++) {
        char formula[64];
        sh_phase_formula(&phases[i], formula, sizeof formula);
        if (!isfinite(phases[i].energy)) return SH_FAIL(SH_ENUM, "the energy of %s is not a finite number", formula);
        for (int k = 0; k < phases[i].n_kind; k++)
            present[phases[i].z[k]] = true;
    }
    sh_hull *h = SH_NEW(sh_hull, 1);
    h->phase = SH_NEW(sh_phase, n + 118);
    if (n) memcpy(h->phase, phases, (size_t)n * sizeof *phases);
    for (int32_t z = 1; z <= 118 && add_elements; z++)
        if (present[z]) h->phase[n++] = (sh_phase){.n_kind = 1, .z = {z}, .count = {1}};
    qsort(h->phase, (size_t)n, sizeof *h->phase, by_composition);
    for (int64_t i = 0; i < n; i++)
        if (!h->n || sh_phase_compare(&h->phase[h->n - 1], &h->phase[i])) h->phase[h->n++] = h->phase[i];
    *out = h;
    return SH_OK;
}

void sh_hull_destroy(sh_hull **hull)
{
    if (!*hull) return;
    sh_free((*hull)->phase);
    sh_free(*hull);
    *hull = NULL;
}

int64_t sh_hull_size(const sh_hull *h)
{
    return h->n;
}

const sh_phase *sh_hull_phase(const sh_hull *h, int64_t i)
{
    SH_ASSERT(i >= 0 && i < h->n);
    return &h->phase[i];
}

/* The first phase that is not before one of these elements. */
static int64_t first_of(const sh_hull *h, const sh_phase *elements)
{
    int64_t lo = 0, hi = h->n;
    while (lo < hi) {
        int64_t middle = (lo + hi) / 2;
        if (sh_phase_compare_elements(&h->phase[middle], elements) < 0) lo = middle + 1;
        else hi = middle;
    }
    return lo;
}

sh_status sh_hull_of_reference(const sh_reference *r, sh_hull **out)
{
    *out = NULL;
    if (r->energy == SH_ENERGY_NONE || r->n_phase == 0) {
        SH_FAIL(SH_EINPUT, "the reference data have no energies");
        return sh_error_hint(SH_EINPUT, "build them from a table formula,e_form or from structures with energies");
    }
    return sh_hull_create(r->phase, r->n_phase, r->energy == SH_ENERGY_FORMATION, out);
}

/* --- the linear program ---------------------------------------------------------------------------------------------- */

/* min sum_j x_j e_j, x >= 0, sum_j x_j a_j = b, a_j the atomic fractions of d elements. Columns j < n are phases; column n + i
 * is a made-up element i, which starts the search where element i has no phase, and must be gone at its end. */
typedef struct {
    int d;
    int64_t n;
    const int64_t *phase; /* (n) */
    const double *a, *e;  /* (n,d), (n) */
    const double *b;      /* (d) */
    int64_t *basis;       /* (d) columns */
    double *inverse;      /* (d,d) of the basis, whose columns are a */
    double *x, *y, *u;    /* (d) amounts, potentials, a column in the basis */
} program;

static const double smallest_gain = 1e-12, smallest_pivot = 1e-11, smallest_amount = 1e-8, infeasible_above = 1e-9;

static void column(const program *p, int64_t j, double *a)
{
    for (int i = 0; i < p->d; i++)
        a[i] = j < p->n ? p->a[p->d * j + i] : i == j - p->n;
}

/* The first search has cost 1 for what is made up and none else; the second the energies. */
static double cost_of(const program *p, int64_t j, bool first)
{
    if (j >= p->n) return first ? 1 : 0;
    return first ? 0 : p->e[j];
}

static void solve_basis(program *p, bool first)
{
    for (int i = 0; i < p->d; i++) {
        p->x[i] = p->y[i] = 0;
        for (int k = 0; k < p->d; k++) {
            p->x[i] += p->inverse[p->d * i + k] * p->b[k];
            p->y[i] += cost_of(p, p->basis[k], first) * p->inverse[p->d * k + i];
        }
    }
}

/* The inverse from the basis itself, so that rounding does not add up over pivots: Gauss and Jordan, largest pivot. */
static void invert_basis(program *p)
{
    int d = p->d;
    double m[SH_PHASE_MAX_KIND][2 * SH_PHASE_MAX_KIND];
    for (int k = 0; k < d; k++) {
        column(p, p->basis[k], p->u);
        for (int i = 0; i < d; i++) {
            m[i][k] = p->u[i];
            m[i][d + k] = i == k;
        }
    }
    for (int k = 0; k < d; k++) {
        int best = k;
        for (int i = k + 1; i < d; i++)
            if (fabs(m[i][k]) > fabs(m[best][k])) best = i;
        for (int c = 0; c < 2 * d; c++) {
            double t = m[k][c];
            m[k][c] = m[best][c];
            m[best][c] = t;
        }
        double pivot = m[k][k];
        for (int c = 0; c < 2 * d; c++)
            m[k][c] /= pivot;
        for (int i = 0; i < d; i++) {
            double factor = m[i][k];
            if (i == k || factor == 0) continue;
            for (int c = 0; c < 2 * d; c++)
                m[i][c] -= factor * m[k][c];
        }
    }
    for (int i = 0; i < d; i++)
        for (int k = 0; k < d; k++)
            p->inverse[d * i + k] = m[i][d + k];
}

/* u = inverse * a_j. */
static void in_basis(const program *p, int64_t j, double *u)
{
    double a[SH_PHASE_MAX_KIND];
    column(p, j, a);
    for (int i = 0; i < p->d; i++) {
        u[i] = 0;
        for (int k = 0; k < p->d; k++)
            u[i] += p->inverse[p->d * i + k] * a[k];
    }
}

static double reduced_cost(const program *p, int64_t j, bool first)
{
    double c = cost_of(p, j, first);
    for (int i = 0; i < p->d; i++)
        c -= p->y[i] * p->a[p->d * j + i];
    return c;
}

/* The column that gains most; after `bland`, the first that gains anything, with which the search cannot go in circles. */
static int64_t entering(const program *p, bool first, bool bland)
{
    double best = -smallest_gain;
    int64_t enter = -1;
    for (int64_t j = 0; j < p->n; j++) {
        double c = reduced_cost(p, j, first);
        if (c >= best) continue;
        best = c;
        enter = j;
        if (bland) break;
    }
    return enter;
}

/* The row whose amount is used up first; of equals the one with the lowest column. Made-up elements that stay at 0 in the
 * second search leave as soon as they would change. */
static int leaving(const program *p, bool first)
{
    int leave = -1;
    double least = INFINITY;
    for (int i = 0; i < p->d; i++) {
        bool made_up = !first && p->basis[i] >= p->n;
        double u = made_up ? fabs(p->u[i]) : p->u[i];
        if (!(u > smallest_pivot)) continue;
        double ratio = made_up ? 0 : fmax(p->x[i], 0) / u;
        if (ratio < least - 1e-14 || (ratio <= least + 1e-14 && leave >= 0 && p->basis[i] < p->basis[leave])) {
            least = fmin(least, ratio);
            leave = i;
        }
    }
    return leave;
}

static void simplex(program *p, bool first)
{
    int degenerate = 0;
    for (int64_t round = 0; round < 100000; round++) {
        invert_basis(p);
        solve_basis(p, first);
        int64_t enter = entering(p, first, degenerate > 0);
        if (enter < 0) return;
        in_basis(p, enter, p->u);
        int leave = leaving(p, first);
        if (leave < 0) return; /* amounts are bounded: rounding alone can say so */
        degenerate = p->x[leave] > 1e-12 ? 0 : degenerate + 1;
        p->basis[leave] = enter;
    }
}

/* What is made up and stands in the basis at 0 gives way to any phase that can take its place. */
static void drive_out(program *p)
{
    for (int i = 0; i < p->d; i++) {
        if (p->basis[i] < p->n) continue;
        invert_basis(p);
        for (int64_t j = 0; j < p->n; j++) {
            in_basis(p, j, p->u);
            if (fabs(p->u[i]) <= 1e-7) continue;
            p->basis[i] = j;
            break;
        }
    }
}

/* True with basis, amounts and potentials of the least energy; false where no amounts give b. */
static bool solve(program *p)
{
    bool made_up = false;
    for (int i = 0; i < p->d; i++) {
        p->basis[i] = p->n + i;
        for (int64_t j = 0; j < p->n; j++) /* compositions differ: one phase at most is element i */
            if (p->a[p->d * j + i] == 1) p->basis[i] = j;
        made_up = made_up || p->basis[i] >= p->n;
    }
    if (made_up) {
        simplex(p, true);
        double rest = 0;
        for (int i = 0; i < p->d; i++)
            if (p->basis[i] >= p->n) rest += fabs(p->x[i]);
        if (rest > infeasible_above) return false;
        drive_out(p);
    }
    simplex(p, false);
    return true;
}

/* Phases of the query's elements and of each subset of them, those of its own composition left out on demand. */
static int64_t collect(const sh_hull *h, const sh_phase *query, bool without_same, int64_t *phase)
{
    int64_t n = 0;
    for (unsigned set = 1; set < 1u << query->n_kind; set++) {
        sh_phase subset = {0};
        for (int k = 0; k < query->n_kind; k++)
            if (set >> k & 1) subset.z[subset.n_kind++] = query->z[k];
        for (int64_t i = first_of(h, &subset); i < h->n && !sh_phase_compare_elements(&h->phase[i], &subset); i++) {
            if (without_same && !sh_phase_compare(&h->phase[i], query)) continue;
            if (phase) phase[n] = i;
            n++;
        }
    }
    return n;
}

static void fractions(const sh_phase *phase, const sh_phase *query, double *a)
{
    double n = (double)sh_phase_atoms(phase);
    for (int i = 0, k = 0; i < query->n_kind; i++) {
        bool has = k < phase->n_kind && phase->z[k] == query->z[i];
        a[i] = has ? (double)phase->count[k] / n : 0;
        k += has;
    }
}

static void report(const program *p, sh_hull_result *out)
{
    for (int i = 0; i < p->d; i++) {
        out->potential[i] = p->y[i];
        if (p->basis[i] >= p->n) continue;
        out->hull_energy += p->x[i] * p->e[p->basis[i]];
        if (p->x[i] <= smallest_amount) continue;
        int at = out->n_phase++;
        for (; at > 0 && out->amount[at - 1] < p->x[i]; at--) {
            out->amount[at] = out->amount[at - 1];
            out->phase[at] = out->phase[at - 1];
        }
        out->amount[at] = p->x[i];
        out->phase[at] = p->phase[p->basis[i]];
    }
}

static void energy_of(const sh_hull *h, const sh_phase *query, bool without_same, sh_arena *scratch, sh_hull_result *out)
{
    *out = (sh_hull_result){.feasible = false, .above = NAN};
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    int d = query->n_kind;
    int64_t n = collect(h, query, without_same, NULL), *phase = SH_PUSH(scratch, int64_t, n);
    double *a = SH_PUSH(scratch, double, n * d), *e = SH_PUSH(scratch, double, n), *b = SH_PUSH(scratch, double, 4 * d);
    collect(h, query, without_same, phase);
    for (int64_t j = 0; j < n; j++) {
        fractions(&h->phase[phase[j]], query, a + d * j);
        e[j] = h->phase[phase[j]].energy;
    }
    fractions(query, query, b);
    program p = {.d = d, .n = n, .phase = phase, .a = a, .e = e, .b = b, .x = b + d, .y = b + 2 * d, .u = b + 3 * d,
                 .basis = SH_PUSH(scratch, int64_t, d), .inverse = SH_PUSH(scratch, double, d * d)};
    out->feasible = solve(&p);
    if (out->feasible) {
        report(&p, out);
        out->above = query->energy - out->hull_energy;
    }
    sh_arena_release(scratch, mark);
}

void sh_hull_energy(const sh_hull *h, const sh_phase *query, sh_arena *scratch, sh_hull_result *out)
{
    energy_of(h, query, false, scratch, out);
}

double sh_hull_phase_separation(const sh_hull *h, const sh_phase *query, sh_arena *scratch)
{
    sh_hull_result result;
    energy_of(h, query, query->n_kind > 1, scratch, &result);
    return result.above;
}
