#include "metrics/matcher.h"

#include <math.h>
#include <string.h>

#include "cell.h"
#include "crystal/lattice.h"
#include "io/structure.h"
#include "metrics/assignment.h"
#include "metrics/matrix.h"

const sh_match_opts sh_match_default = {.ltol = 0.2, .stol = 0.3, .angle_tol = 5, .scale = true};
const sh_match_opts sh_match_cdvae = {.ltol = 0.3, .stol = 0.5, .angle_tol = 10, .scale = true};
const sh_match_opts sh_match_authors = {.ltol = 1, .stol = 1, .angle_tol = 10, .scale = true};
const sh_match_opts sh_match_mattergen = {.ltol = 0.5, .stol = 0.5, .angle_tol = 10, .supercell = true};

static const double max_vectors = 1e6; /* that one cell may have to be searched for: cells of an edge of 1000 Å by 3 by 3 have more */
static const double as_good_as_equal = 1e-5; /* an rms at which the search ends */

/* --- cells within tolerance ----------------------------------------------------------------------------------------- */

typedef struct {
    double m[3], v[3]; /* whole numbers, and the vector they stand for (Å) */
    double length;
} lattice_vector;

/* Vectors of `lattice` for one edge of the target, in the order of their numbers. */
typedef struct {
    lattice_vector *item;
    int64_t n;
} candidates;

/* For each edge of the target, the vectors v with 1/(1+ltol) < |v|/length < 1+ltol. False where there are too many. */
static bool find_candidates(const double lattice[9], const double target[6], double ltol, sh_arena *scratch, candidates out[3])
{
    double inverse_heights[3], longest = (1 + ltol) * fmax(target[0], fmax(target[1], target[2]));
    int64_t reach[3], capacity = 64, n = 0;
    sh_inverse_heights(lattice, inverse_heights);
    for (int k = 0; k < 3; k++)
        reach[k] = (int64_t)floor(longest * inverse_heights[k] + 1e-9);
    if (!((double)(2 * reach[0] + 1) * (double)(2 * reach[1] + 1) * (double)(2 * reach[2] + 1) <= max_vectors)) return false;
    lattice_vector *all = sh_alloc((size_t)capacity * sizeof *all);
    for (int64_t i = -reach[0]; i <= reach[0]; i++)
        for (int64_t j = -reach[1]; j <= reach[1]; j++)
            for (int64_t k = -reach[2]; k <= reach[2]; k++) {
                lattice_vector w = {.m = {(double)i, (double)j, (double)k}};
                sh_row_multiply(w.m, lattice, w.v);
                w.length = sqrt(sh_dot3(w.v, w.v));
                if (w.length == 0 || w.length > longest) continue;
                if (n == capacity) {
                    capacity *= 2;
                    all = sh_realloc(all, (size_t)capacity * sizeof *all);
                }
                all[n++] = w;
            }
    for (int q = 0; q < 3; q++) {
        out[q] = (candidates){.item = sh_arena_push(scratch, (size_t)n * sizeof *all)};
        for (int64_t i = 0; i < n; i++) {
            double ratio = all[i].length / target[q];
            if (ratio < 1 + ltol && ratio > 1 / (1 + ltol)) out[q].item[out[q].n++] = all[i];
        }
    }
    sh_free(all);
    return true;
}

/* |angle - wanted| < tolerance as an interval of cosines. */
typedef struct {
    double lo, hi;
} cosines;

static cosines cosines_near(double angle, double tolerance)
{
    double from = angle - tolerance, to = angle + tolerance;
    return (cosines){.lo = to > 180 ? -2 : cos(to * (SH_PI / 180)), .hi = from < 0 ? 2 : cos(from * (SH_PI / 180))};
}

static inline bool angle_fits(const lattice_vector *a, const lattice_vector *b, cosines range)
{
    double c = sh_dot3(a->v, b->v) / (a->length * b->length);
    return c > range.lo && c < range.hi;
}

/* --- one pair of crystals ------------------------------------------------------------------------------------------- */

/* The crystal X is brought into the cell of Y, whose atoms stay; both then have n atoms. Which of them is "one" and which
 * "two" of the description (two has the pivot, is shifted, and gives the rows of the assignment) is another matter: with
 * supercells X can be either. */
typedef struct {
    const sh_match_opts *opts;
    bool fit_only;
    const sh_reduced *x, *y;
    double x_lattice[9], y_lattice[9]; /* scaled */
    double y_parameters[6];
    int64_t repeat;            /* cells of X in one of Y */
    bool x_is_one;
    int64_t n;
    double *x_frac;            /* (n,3) of the repeated X in the cell at hand */
    const int32_t *z_one, *z_two;
    double *one, *two, *shifted; /* (n,3) one and two in the cell at hand; two + t, wrapped */
    double *one_lll, *two_lll; /* (n,3) wrapped, in the LLL basis of the mean cell */
    /* atoms by element: one_of[start[k] .. start[k+1]) and two_of likewise are of one element */
    int n_kind;
    int64_t start[119];
    int32_t *one_of, *two_of, *kind_two; /* (n) */
    int32_t pivot, *origin;    /* an atom of two; (n_origin) atoms of one that it may be put on */
    int64_t n_origin;
    double *cost;              /* (m,m), m the largest number of atoms of an element */
    int32_t *column;           /* (m) */
    double *w;                 /* (n,3) displacements, Å */
    sh_arena *scratch;
    sh_match *out;
    double best_rms, best_rms_max, best_max;
    bool done;
} search;

/* What depends on the cell at hand. */
typedef struct {
    double nu, tolerance[3];           /* (n_atom / V)^(1/3); of fractional coordinates */
    double lll[9], to_lll[9], lll_tolerance[3];
    double safe2;                      /* a vector shorter than this squared is the shortest image */
    bool has_lll;
    double lattice[9];
} mean_cell;

static void mean_cell_of(const double a[6], const double b[6], double lattice[9])
{
    double p[6];
    for (int i = 0; i < 6; i++)
        p[i] = (a[i] + b[i]) / 2;
    sh_lattice_matrix(p, lattice);
}

static void mean_cell_start(const search *s, const double aligned[9], mean_cell *m)
{
    double p[6], heights[3];
    sh_lattice_parameters(aligned, p);
    mean_cell_of(p, s->y_parameters, m->lattice);
    m->nu = cbrt((double)s->n / sh_inverse_heights(m->lattice, heights));
    for (int k = 0; k < 3; k++)
        m->tolerance[k] = 2 * s->opts->stol * heights[k] / m->nu;
    m->has_lll = false;
}

/* x (n,3) in the basis that `to` leads to, wrapped. */
static void to_basis(const double *x, int64_t n, const double to[9], double *y)
{
    for (int64_t a = 0; a < n; a++) {
        sh_row_multiply(x + 3 * a, to, y + 3 * a);
        for (int k = 0; k < 3; k++)
            y[3 * a + k] = sh_wrap01(y[3 * a + k]);
    }
}

/* Few cells get this far. False where the mean of the parameters is no cell. */
static bool mean_cell_lll(search *s, mean_cell *m)
{
    if (m->has_lll) return true;
    double inverse[9], heights[3];
    sh_lattice_lll(m->lattice, m->lll);
    if (!sh_lattice_invert(m->lll, inverse)) return false;
    sh_matrix_multiply(m->lattice, inverse, m->to_lll);
    for (int i = 0; i < 9; i++)
        m->to_lll[i] = rint(m->to_lll[i]);
    sh_inverse_heights(m->lll, heights);
    /* no lattice vector is shorter than the smallest height, and two images differ by one */
    double smallest = INFINITY;
    for (int k = 0; k < 3; k++) {
        m->lll_tolerance[k] = 2 * s->opts->stol * heights[k] / m->nu;
        smallest = fmin(smallest, 1 / heights[k]);
    }
    m->safe2 = smallest * smallest / 4 * (1 - 1e-9);
    to_basis(s->one, s->n, m->to_lll, s->one_lll);
    m->has_lll = true;
    return true;
}

/* Every atom of two, shifted, has one of its element within tolerance on each axis. */
static bool all_have_partners(const search *s, const double tolerance[3])
{
    for (int64_t i = 0; i < s->n; i++) {
        const double *a = s->shifted + 3 * i;
        int64_t j = s->start[s->kind_two[i]], end = s->start[s->kind_two[i] + 1];
        for (; j < end; j++) {
            const double *b = s->one + 3 * s->one_of[j];
            double d0 = fabs(a[0] - b[0]), d1 = fabs(a[1] - b[1]), d2 = fabs(a[2] - b[2]);
            if (fmin(d0, 1 - d0) <= tolerance[0] && fmin(d1, 1 - d1) <= tolerance[1] && fmin(d2, 1 - d2) <= tolerance[2]) break;
        }
        if (j == end) return false;
    }
    return true;
}

/* Shortest of the 27 images of b - a (wrapped, LLL basis): its squared length, Å^2, and itself; INFINITY where the pair is not
 * within tolerance on each axis. */
static double shortest_vector(const mean_cell *m, const double a[3], const double b[3], double w[3])
{
    const double *l = m->lll;
    double d[3], f[3], v[3];
    for (int k = 0; k < 3; k++) {
        d[k] = b[k] - a[k];
        f[k] = d[k] - rint(d[k]);
        if (fabs(f[k]) > m->lll_tolerance[k]) return INFINITY;
    }
    sh_row_multiply(f, l, w);
    double best = sh_dot3(w, w);
    if (best < m->safe2) return best;
    best = INFINITY;
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            for (int k = -1; k <= 1; k++) {
                for (int c = 0; c < 3; c++)
                    v[c] = (d[0] + i) * l[c] + (d[1] + j) * l[3 + c] + (d[2] + k) * l[6 + c];
                double length2 = sh_dot3(v, v);
                if (length2 < best) {
                    best = length2;
                    memcpy(w, v, sizeof v);
                }
            }
    return best;
}

/* The assignment of least squares, element by element; displacements into w. False where there is none. */
static bool assign(search *s, const mean_cell *m)
{
    for (int kind = 0; kind < s->n_kind; kind++) {
        const int32_t *one = s->one_of + s->start[kind], *two = s->two_of + s->start[kind];
        int64_t n = s->start[kind + 1] - s->start[kind];
        double w[3];
        for (int64_t i = 0; i < n; i++) {
            double least = INFINITY;
            for (int64_t j = 0; j < n; j++) {
                s->cost[n * i + j] = shortest_vector(m, s->two_lll + 3 * two[i], s->one_lll + 3 * one[j], w);
                least = fmin(least, s->cost[n * i + j]);
            }
            if (least == INFINITY) return false;
        }
        if (sh_assignment_solve(s->cost, n, s->scratch, s->column) == INFINITY) return false;
        for (int64_t i = 0; i < n; i++)
            shortest_vector(m, s->two_lll + 3 * two[i], s->one_lll + 3 * one[s->column[i]], s->w + 3 * two[i]);
    }
    return true;
}

/* Displacements less their mean. */
static void evaluate(search *s, double nu)
{
    double mean[3] = {0}, sum = 0, largest = 0;
    for (int64_t a = 0; a < s->n; a++)
        for (int k = 0; k < 3; k++)
            mean[k] += s->w[3 * a + k] / (double)s->n;
    for (int64_t a = 0; a < s->n; a++) {
        double d[3] = {s->w[3 * a] - mean[0], s->w[3 * a + 1] - mean[1], s->w[3 * a + 2] - mean[2]}, d2 = sh_dot3(d, d);
        sum += d2;
        largest = fmax(largest, d2);
    }
    double rms = nu * sqrt(sum / (double)s->n), max = nu * sqrt(largest);
    s->best_max = fmin(s->best_max, max);
    if (rms < s->best_rms) {
        s->best_rms = rms;
        s->best_rms_max = max;
    }
    s->done = (rms < as_good_as_equal && rms < s->opts->stol) || (s->fit_only && max < s->opts->stol);
}

/* Puts the pivot on each atom it may be put on. */
static void try_shifts(search *s, mean_cell *m)
{
    for (int64_t o = 0; o < s->n_origin && !s->done; o++) {
        double t[3];
        for (int k = 0; k < 3; k++)
            t[k] = s->one[3 * s->origin[o] + k] - s->two[3 * s->pivot + k];
        for (int64_t i = 0; i < 3 * s->n; i++)
            s->shifted[i] = sh_wrap01(s->two[i] + t[i % 3]);
        if (!all_have_partners(s, m->tolerance)) continue;
        if (!mean_cell_lll(s, m)) return;
        to_basis(s->shifted, s->n, m->to_lll, s->two_lll);
        if (assign(s, m)) evaluate(s, m->nu);
    }
}

/* X in the cell whose rows are the whole numbers m times its own: coordinates f m^-1, and those of its other lattice
 * points there. False where these are not `repeat`. */
static bool place_x(search *s, const double m[9])
{
    double inverse[9], det = sh_adjugate3(m, inverse);
    for (int i = 0; i < 9; i++)
        inverse[i] /= det;
    int64_t r = s->repeat, n_point = 0;
    double reach[3] = {0}, (*point)[3] = sh_arena_push(s->scratch, (size_t)r * sizeof *point);
    for (int k = 0; k < 3 && r > 1; k++)
        reach[k] = fabs(m[k]) + fabs(m[3 + k]) + fabs(m[6 + k]);
    for (double i = -reach[0]; i <= reach[0]; i++)
        for (double j = -reach[1]; j <= reach[1]; j++)
            for (double k = -reach[2]; k <= reach[2]; k++) {
                double p[3];
                bool inside = true;
                for (int c = 0; c < 3; c++) {
                    p[c] = i * inverse[c] + j * inverse[3 + c] + k * inverse[6 + c];
                    inside = inside && p[c] > -1e-8 && p[c] < 1 - 1e-8;
                }
                if (!inside) continue;
                if (n_point == r) return false;
                memcpy(point[n_point++], p, sizeof p);
            }
    if (n_point != r) return false;
    for (int64_t a = 0; a < s->x->n_atom; a++)
        for (int64_t q = 0; q < r; q++)
            for (int c = 0; c < 3; c++) {
                const double *f = s->x->frac + 3 * a;
                s->x_frac[3 * (r * a + q) + c] =
                    sh_wrap01(f[0] * inverse[c] + f[1] * inverse[3 + c] + f[2] * inverse[6 + c] + point[q][c]);
            }
    return true;
}

static void try_cell(search *s, const lattice_vector *a, const lattice_vector *b, const lattice_vector *c)
{
    double m[9], aligned[9];
    for (int k = 0; k < 3; k++) {
        m[k] = a->m[k];
        m[3 + k] = b->m[k];
        m[6 + k] = c->m[k];
        aligned[k] = a->v[k];
        aligned[3 + k] = b->v[k];
        aligned[6 + k] = c->v[k];
    }
    if (fabs(fabs(sh_matrix_determinant(m)) - (double)s->repeat) >= 0.5) return;
    s->out->n_lattice++;
    sh_arena_mark mark = sh_arena_get_mark(s->scratch);
    mean_cell mean;
    mean_cell_start(s, aligned, &mean);
    if (place_x(s, m)) try_shifts(s, &mean);
    sh_arena_release(s->scratch, mark);
}

static void try_cells(search *s)
{
    candidates c[3];
    if (!find_candidates(s->x_lattice, s->y_parameters, s->opts->ltol, s->scratch, c)) return;
    cosines alpha = cosines_near(s->y_parameters[3], s->opts->angle_tol), beta = cosines_near(s->y_parameters[4], s->opts->angle_tol),
            gamma = cosines_near(s->y_parameters[5], s->opts->angle_tol);
    const lattice_vector **third = sh_arena_push(s->scratch, (size_t)c[2].n * sizeof *third);
    for (int64_t i = 0; i < c[0].n && !s->done; i++) {
        int64_t n_third = 0;
        for (int64_t k = 0; k < c[2].n; k++)
            if (angle_fits(&c[0].item[i], &c[2].item[k], beta)) third[n_third++] = &c[2].item[k];
        for (int64_t j = 0; j < c[1].n && !s->done && n_third; j++) {
            if (!angle_fits(&c[0].item[i], &c[1].item[j], gamma)) continue;
            for (int64_t k = 0; k < n_third && !s->done; k++)
                if (angle_fits(&c[1].item[j], third[k], alpha)) try_cell(s, &c[0].item[i], &c[1].item[j], third[k]);
        }
    }
}

/* How often the smaller crystal is repeated, and which it is: whole numbers by rounding. */
static int64_t find_repeat(const sh_reduced *one, const sh_reduced *two, bool supercell, bool *x_is_one)
{
    double ratio = (double)two->n_atom / (double)one->n_atom;
    *x_is_one = true;
    if (!supercell) return 1;
    if (ratio >= 2.0 / 3) return (int64_t)rint(ratio);
    *x_is_one = false;
    return (int64_t)rint(1 / ratio);
}

/* Elements and their atoms in both; false where the counts differ. */
static bool group_atoms(search *s)
{
    int64_t count[2][119] = {{0}};
    int32_t kind_of[119];
    for (int64_t a = 0; a < s->n; a++) {
        count[0][s->z_one[a]]++;
        count[1][s->z_two[a]]++;
    }
    if (memcmp(count[0], count[1], sizeof count[0])) return false;
    s->n_kind = 0;
    s->start[0] = 0;
    for (int32_t z = 1; z < 119; z++) {
        if (!count[0][z]) continue;
        kind_of[z] = s->n_kind++;
        s->start[s->n_kind] = s->start[s->n_kind - 1] + count[0][z];
    }
    int64_t next[2][119];
    memcpy(next[0], s->start, sizeof next[0]);
    memcpy(next[1], s->start, sizeof next[1]);
    for (int32_t a = 0; a < s->n; a++) {
        s->kind_two[a] = kind_of[s->z_two[a]];
        s->one_of[next[0][kind_of[s->z_one[a]]]++] = a;
        s->two_of[next[1][s->kind_two[a]]++] = a;
    }
    return true;
}

/* The first atom of two with the fewest partners; of repeated atoms of one, one each is enough. */
static void choose_pivot(search *s)
{
    int64_t fewest = INT64_MAX;
    for (int32_t a = 0; a < s->n; a++) {
        int64_t n = s->start[s->kind_two[a] + 1] - s->start[s->kind_two[a]];
        if (n >= fewest) continue;
        fewest = n;
        s->pivot = a;
    }
    int64_t first = s->start[s->kind_two[s->pivot]], step = s->x_is_one ? s->repeat : 1;
    for (int64_t i = 0; i < fewest; i += step)
        s->origin[s->n_origin++] = s->one_of[first + i];
}

static int64_t largest_group(const search *s)
{
    int64_t m = 0;
    for (int k = 0; k < s->n_kind; k++)
        m = s->start[k + 1] - s->start[k] > m ? s->start[k + 1] - s->start[k] : m;
    return m;
}

static const int32_t *repeated(const sh_reduced *x, int64_t repeat, sh_arena *scratch)
{
    int32_t *z = SH_PUSH(scratch, int32_t, x->n_atom * repeat);
    for (int64_t a = 0; a < x->n_atom * repeat; a++)
        z[a] = x->z[a / repeat];
    return z;
}

static void push_arrays(search *s)
{
    int64_t n = s->n;
    s->x_frac = SH_PUSH(s->scratch, double, 3 * n);
    s->shifted = SH_PUSH(s->scratch, double, 3 * n);
    s->one_lll = SH_PUSH(s->scratch, double, 3 * n);
    s->two_lll = SH_PUSH(s->scratch, double, 3 * n);
    s->w = SH_PUSH(s->scratch, double, 3 * n);
    s->one_of = SH_PUSH(s->scratch, int32_t, n);
    s->two_of = SH_PUSH(s->scratch, int32_t, n);
    s->kind_two = SH_PUSH(s->scratch, int32_t, n);
    s->origin = SH_PUSH(s->scratch, int32_t, n);
    s->column = SH_PUSH(s->scratch, int32_t, n);
}

static void scaled(const double lattice[9], double factor, double out[9])
{
    for (int i = 0; i < 9; i++)
        out[i] = lattice[i] * factor;
}

void sh_match_pair(const sh_reduced *a, const sh_reduced *b, const sh_match_opts *opts, bool fit_only, sh_arena *scratch,
                   sh_match *out)
{
    *out = (sh_match){.rms = NAN, .max = NAN};
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    search s = {.opts = opts, .fit_only = fit_only, .scratch = scratch, .out = out,
                .best_rms = INFINITY, .best_rms_max = INFINITY, .best_max = INFINITY};
    s.repeat = find_repeat(a, b, opts->supercell, &s.x_is_one);
    double cells = s.x_is_one ? (double)s.repeat : 1 / (double)s.repeat; /* of a in one of b */
    double factor = opts->scale ? pow(b->volume / (a->volume * cells), 1.0 / 6) : 1;
    s.x = s.x_is_one ? a : b;
    s.y = s.x_is_one ? b : a;
    s.n = s.y->n_atom;
    if (s.x->n_atom * s.repeat == s.n) {
        scaled(s.x->lattice, s.x == a ? factor : 1 / factor, s.x_lattice);
        scaled(s.y->lattice, s.y == a ? factor : 1 / factor, s.y_lattice);
        sh_lattice_parameters(s.y_lattice, s.y_parameters);
        push_arrays(&s);
        const int32_t *z_x = repeated(s.x, s.repeat, scratch);
        s.z_one = s.x_is_one ? z_x : s.y->z;
        s.z_two = s.x_is_one ? s.y->z : z_x;
        s.one = s.x_is_one ? s.x_frac : s.y->frac;
        s.two = s.x_is_one ? s.y->frac : s.x_frac;
        if (group_atoms(&s)) {
            s.cost = SH_PUSH(scratch, double, largest_group(&s) * largest_group(&s));
            choose_pivot(&s);
            try_cells(&s);
        }
    }
    out->fit = s.best_max < opts->stol;
    out->has_rms = s.best_rms < opts->stol;
    if (out->has_rms) {
        out->rms = s.best_rms;
        out->max = s.best_rms_max;
    }
    sh_arena_release(scratch, mark);
}

double sh_match_rmsd(const sh_cell *a, const sh_cell *b, sh_arena *scratch, bool *matched)
{
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    sh_reduced ra, rb;
    sh_match match = {0};
    double rmsd = NAN;
    if (sh_reduced_create(a, scratch, &ra) && sh_reduced_create(b, scratch, &rb)) {
        double pa[6], pb[6], mean[9];
        sh_lattice_parameters(a->lattice, pa);
        sh_lattice_parameters(b->lattice, pb);
        mean_cell_of(pa, pb, mean);
        double nu = cbrt((double)a->n_atom / sh_lattice_volume(mean));
        sh_match_pair(&ra, &rb, &sh_match_mattergen, false, scratch, &match);
        rmsd = (match.has_rms ? match.rms : sh_match_mattergen.stol) / nu;
    }
    *matched = match.has_rms;
    sh_arena_release(scratch, mark);
    return rmsd;
}
