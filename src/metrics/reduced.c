#include "metrics/reduced.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gcd.h"
#include "base/hash.h"
#include "cell.h"
#include "crystal/lattice.h"
#include "io/structure.h"
#include "metrics/matrix.h"
#include "reward/tables.h"

static const double merge_tolerance = 0.25; /* Å, of the primitive cell: pymatgen's StructureMatcher */

/* --- lattices ------------------------------------------------------------------------------------------------------- */

/* b* of each vector and mu[i][j] = b_i . b*_j / |b*_j|^2. */
static void gram_schmidt(const double b[9], double mu[3][3], double norm2[3])
{
    double star[9];
    memcpy(star, b, sizeof star);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < i; j++) {
            mu[i][j] = sh_dot3(b + 3 * i, star + 3 * j) / norm2[j];
            for (int c = 0; c < 3; c++)
                star[3 * i + c] -= mu[i][j] * star[3 * j + c];
        }
        norm2[i] = sh_dot3(star + 3 * i, star + 3 * i);
    }
}

static void swap_rows(double b[9], int i, int j)
{
    for (int c = 0; c < 3; c++) {
        double t = b[3 * i + c];
        b[3 * i + c] = b[3 * j + c];
        b[3 * j + c] = t;
    }
}

void sh_lattice_lll(const double lattice[9], double b[9])
{
    memcpy(b, lattice, 9 * sizeof *b);
    double mu[3][3], norm2[3];
    int k = 1;
    for (int round = 0; k < 3 && round < 1000; round++) {
        for (int j = k - 1; j >= 0; j--) {
            gram_schmidt(b, mu, norm2);
            double q = rint(mu[k][j]);
            for (int c = 0; c < 3 && q != 0; c++)
                b[3 * k + c] -= q * b[3 * j + c];
        }
        gram_schmidt(b, mu, norm2);
        if (norm2[k] >= (0.75 - mu[k][k - 1] * mu[k][k - 1]) * norm2[k - 1]) {
            k++;
        } else {
            swap_rows(b, k - 1, k);
            k = k > 1 ? k - 1 : 1;
        }
    }
}

static void negate_rows(double b[9], bool first, bool second, bool third)
{
    const bool negate[3] = {first, second, third};
    for (int i = 0; i < 9; i++)
        if (negate[i / 3]) b[i] = -b[i];
}

static void exchange(double b[9], int i, int j)
{
    swap_rows(b, i, j);
    negate_rows(b, true, true, true);
}

/* row i += sign * row j */
static void add_row(double b[9], int i, int j, double sign)
{
    for (int c = 0; c < 3; c++)
        b[3 * i + c] += sign * b[3 * j + c];
}

static int sign_within(double x, double e)
{
    return fabs(x) < e ? 0 : x < 0 ? -1 : 1;
}

/* Angles to all acute or to none acute, by turning vectors round. */
static void normalise_signs(double b[9], double e)
{
    int s[3];
    for (int i = 0; i < 3; i++)
        s[i] = sign_within(2 * sh_dot3(b + 3 * ((i + 1) % 3), b + 3 * ((i + 2) % 3)), e);
    bool negate[3];
    int wrong = s[0] * s[1] * s[2] == 1 ? -1 : 1, parity = 0;
    for (int i = 0; i < 3; i++) {
        negate[i] = s[i] == wrong;
        parity ^= negate[i];
    }
    if (wrong == 1 && parity) negate[s[2] == 0 ? 2 : s[1] == 0 ? 1 : 0] = true;
    negate_rows(b, negate[0], negate[1], negate[2]);
}

/* One pass over the conditions; false where all hold. The letters are those of the papers: A, B, C squared lengths, E, N, Y
 * (xi, eta, zeta) twice the products. */
static bool niggli_step(double b[9], double e)
{
    double A = sh_dot3(b, b), B = sh_dot3(b + 3, b + 3), C = sh_dot3(b + 6, b + 6);
    double E = 2 * sh_dot3(b + 3, b + 6), N = 2 * sh_dot3(b, b + 6), Y = 2 * sh_dot3(b, b + 3);
    if (A > B + e || (fabs(A - B) < e && fabs(E) > fabs(N) + e)) {
        exchange(b, 0, 1);
        double t = A;
        A = B;
        B = t;
        t = E;
        E = N;
        N = t;
    }
    if (B > C + e || (fabs(B - C) < e && fabs(N) > fabs(Y) + e)) {
        exchange(b, 1, 2);
        return true;
    }
    normalise_signs(b, e);
    E = 2 * sh_dot3(b + 3, b + 6);
    N = 2 * sh_dot3(b, b + 6);
    Y = 2 * sh_dot3(b, b + 3);
    if (fabs(E) > B + e || (fabs(E - B) < e && 2 * N < Y - e) || (fabs(E + B) < e && Y < -e)) {
        add_row(b, 2, 1, E > 0 ? -1 : 1);
        return true;
    }
    if (fabs(N) > A + e || (fabs(A - N) < e && 2 * E < Y - e) || (fabs(A + N) < e && Y < -e)) {
        add_row(b, 2, 0, N > 0 ? -1 : 1);
        return true;
    }
    if (fabs(Y) > A + e || (fabs(A - Y) < e && 2 * E < N - e) || (fabs(A + Y) < e && N < -e)) {
        add_row(b, 1, 0, Y > 0 ? -1 : 1);
        return true;
    }
    double sum = E + N + Y + A + B;
    if (sum < -e || (fabs(sum) < e && Y + 2 * (A + N) > e)) {
        add_row(b, 2, 0, 1);
        add_row(b, 2, 1, 1);
        return true;
    }
    return false;
}

void sh_lattice_niggli(const double lattice[9], double basis[9])
{
    double e = 1e-5 * cbrt(sh_lattice_volume(lattice));
    sh_lattice_lll(lattice, basis);
    for (int round = 0; round < 100 && niggli_step(basis, e); round++)
        continue;
    if (sh_matrix_determinant(basis) < 0) negate_rows(basis, true, true, true);
}

/* --- cells ---------------------------------------------------------------------------------------------------------- */

/* A cell that changes on the way; z and frac have room for the atoms it began with. */
typedef struct {
    double lattice[9];
    int64_t n;
    int32_t *z;
    double *frac;
} working_cell;

/* The same points in another basis, wrapped. */
static void change_basis(working_cell *c, const double basis[9])
{
    double inverse[9], to[9];
    sh_lattice_invert(basis, inverse);
    sh_matrix_multiply(c->lattice, inverse, to);
    for (int64_t a = 0; a < c->n; a++) {
        double *x = c->frac + 3 * a, y[3];
        sh_row_multiply(x, to, y);
        for (int k = 0; k < 3; k++)
            x[k] = sh_wrap01(y[k]);
    }
    memcpy(c->lattice, basis, sizeof c->lattice);
}

static void make_niggli(working_cell *c)
{
    double basis[9];
    sh_lattice_niggli(c->lattice, basis);
    change_basis(c, basis);
}

/* Sites by element, in the alphabetical order of the symbols; sites of one element in the cell's order. */
typedef struct {
    int n;
    int64_t start[119];
    int32_t *site; /* (n_atom) */
} site_groups;

static void group_sites(const working_cell *c, site_groups *g)
{
    int64_t count[119] = {0};
    int32_t order[118];
    g->n = 0;
    for (int64_t a = 0; a < c->n; a++)
        count[c->z[a]]++;
    for (int32_t z = 1; z < 119; z++) {
        if (!count[z]) continue;
        int at = g->n++;
        for (; at > 0 && strcmp(sh_element_symbol(order[at - 1]), sh_element_symbol(z)) > 0; at--)
            order[at] = order[at - 1];
        order[at] = z;
    }
    int64_t n = 0;
    for (int k = 0; k < g->n; k++) {
        g->start[k] = n;
        for (int64_t a = 0; a < c->n; a++)
            if (c->z[a] == order[k]) g->site[n++] = (int32_t)a;
    }
    g->start[g->n] = n;
}

/* |a - b| < bound on every axis, whole numbers left out. */
static inline bool near_on_axes(const double a[3], const double b[3], const double bound[3])
{
    for (int k = 0; k < 3; k++) {
        double d = a[k] - b[k];
        d -= rint(d);
        if (!(fabs(d) < bound[k])) return false;
    }
    return true;
}

/* Differences to the first site of the smallest group that take every site near one of its element, on all axes. Returns
 * their number; `v` has room for that group. */
static int64_t find_translations(const working_cell *c, const site_groups *g, const double h2[3], double (*v)[3])
{
    int order[118], smallest = 0;
    for (int k = 0; k < g->n; k++) {
        if (g->start[k + 1] - g->start[k] < g->start[smallest + 1] - g->start[smallest]) smallest = k;
        int at = k;
        for (; at > 0 && g->start[order[at - 1] + 1] - g->start[order[at - 1]] > g->start[k + 1] - g->start[k]; at--)
            order[at] = order[at - 1];
        order[at] = k;
    }
    int64_t first = g->start[smallest], size = g->start[smallest + 1] - first, n = 0;
    const double *zero = c->frac + 3 * g->site[first];
    for (int64_t i = 0; i < size; i++) {
        const double *x = c->frac + 3 * g->site[first + i];
        double t[3] = {x[0] - zero[0], x[1] - zero[1], x[2] - zero[2]};
        bool good = true;
        for (int o = 0; o < g->n && good; o++) {
            int64_t from = g->start[order[o]], to = g->start[order[o] + 1];
            for (int64_t a = from; a < to && good; a++) {
                const double *f = c->frac + 3 * g->site[a];
                double image[3] = {f[0] + t[0], f[1] + t[1], f[2] + t[2]};
                int64_t b = from;
                while (b < to && !near_on_axes(image, c->frac + 3 * g->site[b], h2))
                    b++;
                good = b < to;
            }
        }
        if (good) memcpy(v[n++], t, sizeof t);
    }
    return n;
}

/* A sublattice's inverse: the new lattice is inverse * L, new coordinates are f * m. */
typedef struct {
    int64_t det;
    double m[9], inverse[9];
} hermite_form;

static hermite_form hermite(int64_t a, int64_t b, int64_t c, int64_t e, int64_t f, int64_t g)
{
    double A = (double)a, B = (double)b, C = (double)c, E = (double)e, F = (double)f, G = (double)g;
    return (hermite_form){.det = a * e * g,
                          .m = {A, B, C, 0, E, F, 0, 0, G},
                          .inverse = {1 / A, -B / (A * E), (B * F - C * E) / (A * E * G), 0, 1 / E, -F / (E * G), 0, 0, 1 / G}};
}

static bool rows_are_translations(const double inverse[9], double (*v)[3], int64_t n, const double h[3])
{
    for (int i = 2; i >= 0; i--) {
        int64_t k = 0;
        while (k < n && !near_on_axes(inverse + 3 * i, v[k], h))
            k++;
        if (k == n) return false;
    }
    return true;
}

/* Folds the cell by `form` where every site has exactly the copies it should have: *c is then the new cell. */
static bool fold(working_cell *c, const site_groups *g, const hermite_form *form, const double h2[3], sh_arena *scratch)
{
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    int64_t n = c->n, n_copy = form->det, n_new = 0;
    double lattice[9], bound[3];
    sh_matrix_multiply(form->inverse, c->lattice, lattice);
    for (int i = 0; i < 3; i++)
        bound[i] = merge_tolerance / sqrt(sh_dot3(lattice + 3 * i, lattice + 3 * i));
    double *x = SH_PUSH(scratch, double, 3 * n), *merged = SH_PUSH(scratch, double, 3 * n);
    int32_t *z = SH_PUSH(scratch, int32_t, n), *link = SH_PUSH(scratch, int32_t, n * n_copy);
    for (int64_t a = 0; a < n; a++)
        sh_row_multiply(c->frac + 3 * a, form->m, x + 3 * a);
    bool good = true;
    for (int group = 0; group < g->n && good; group++) {
        int64_t from = g->start[group], size = g->start[group + 1] - from;
        const int32_t *site = g->site + from;
        for (int64_t i = 0; i < size && good; i++) {
            int64_t n_link = 0;
            for (int64_t j = 0; j < size && n_link <= n_copy; j++) {
                bool same_place = near_on_axes(x + 3 * site[i], x + 3 * site[j], bound);
                if (!same_place || (i != j && near_on_axes(c->frac + 3 * site[i], c->frac + 3 * site[j], h2))) continue;
                if (n_link < n_copy) link[n_copy * i + n_link] = (int32_t)j;
                n_link++;
            }
            good = n_link == n_copy;
        }
        for (int64_t i = 0; i < size && good; i++) {
            const int32_t *mine = link + n_copy * i;
            for (int64_t k = 0; k < n_copy && good; k++)
                good = !memcmp(mine, link + n_copy * mine[k], (size_t)n_copy * sizeof *mine);
            if (!good || mine[0] != i) continue;
            double *mean = merged + 3 * n_new;
            z[n_new++] = c->z[site[i]];
            memcpy(mean, x + 3 * site[i], 3 * sizeof *mean);
            for (int64_t k = 1; k < n_copy; k++)
                for (int axis = 0; axis < 3; axis++) {
                    double d = x[3 * site[mine[k]] + axis] - mean[axis];
                    mean[axis] += (d - rint(d)) / (double)(k + 1);
                }
        }
    }
    if (good) {
        memcpy(c->lattice, lattice, sizeof lattice);
        memcpy(c->z, z, (size_t)n_new * sizeof *z);
        for (int64_t i = 0; i < 3 * n_new; i++)
            c->frac[i] = sh_wrap01(merged[i]);
        c->n = n_new;
    }
    sh_arena_release(scratch, mark);
    return good;
}

static int64_t gcd_of_groups(const site_groups *g)
{
    int64_t gcd = 0;
    for (int k = 0; k < g->n; k++)
        gcd = sh_gcd(gcd, g->start[k + 1] - g->start[k]);
    return gcd;
}

/* The first sublattice, by ascending number of copies, that the sites agree to. */
static bool try_forms(working_cell *c, const site_groups *g, int64_t gcd, double (*v)[3], int64_t n_v, const double h[3],
                      sh_arena *scratch)
{
    const double h2[3] = {2 * h[0], 2 * h[1], 2 * h[2]};
    for (int64_t det = 2; det <= gcd; det++) {
        if (gcd % det) continue;
        for (int64_t a = 1; a <= det; a++) {
            if (det % a) continue;
            for (int64_t e = 1; e <= det / a; e++) {
                if (det / a % e) continue;
                for (int64_t i = 0; i < a * a * e; i++) {
                    hermite_form form = hermite(a, i / e / a, i / e % a, e, i % e, det / a / e);
                    if (rows_are_translations(form.inverse, v, n_v, h) && fold(c, g, &form, h2, scratch)) return true;
                }
            }
        }
    }
    return false;
}

/* One step towards the primitive cell; false where the cell is primitive. */
static bool make_smaller(working_cell *c, sh_arena *scratch)
{
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    site_groups g = {.site = SH_PUSH(scratch, int32_t, c->n)};
    group_sites(c, &g);
    int64_t gcd = gcd_of_groups(&g);
    bool smaller = false;
    if (gcd > 1) {
        double h[3], h2[3];
        for (int i = 0; i < 3; i++) {
            h[i] = merge_tolerance / sqrt(sh_dot3(c->lattice + 3 * i, c->lattice + 3 * i));
            h2[i] = 2 * h[i];
        }
        double(*v)[3] = sh_arena_push(scratch, (size_t)c->n * sizeof *v);
        int64_t n_v = find_translations(c, &g, h2, v);
        smaller = try_forms(c, &g, gcd, v, n_v, h, scratch);
    }
    sh_arena_release(scratch, mark);
    return smaller;
}

static bool is_crystal(const sh_cell *cell)
{
    double inverse[9];
    if (cell->n_atom < 1 || cell->n_atom > SH_REDUCED_MAX_ATOM || !sh_lattice_invert(cell->lattice, inverse) ||
        !sh_lattice_short(cell->lattice))
        return false;
    for (int64_t a = 0; a < cell->n_atom; a++)
        if (cell->z[a] < 1 || cell->z[a] > 118) return false;
    for (int64_t i = 0; i < 3 * cell->n_atom; i++)
        if (!(fabs(cell->frac[i]) < 1e6)) return false;
    return true;
}

static int ascending(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void fill_composition(sh_reduced *r)
{
    memcpy(r->z_sorted, r->z, (size_t)r->n_atom * sizeof *r->z);
    qsort(r->z_sorted, (size_t)r->n_atom, sizeof *r->z_sorted, ascending);
    r->key = SH_HASH_START;
    for (int64_t a = 0; a < r->n_atom; a++)
        r->key = sh_hash_add(r->key, (uint64_t)r->z_sorted[a]);
}

static bool start(const sh_cell *cell, sh_arena *arena, working_cell *c)
{
    if (!is_crystal(cell)) return false;
    *c = (working_cell){.n = cell->n_atom, .z = SH_PUSH(arena, int32_t, cell->n_atom), .frac = SH_PUSH(arena, double, 3 * cell->n_atom)};
    memcpy(c->lattice, cell->lattice, sizeof c->lattice);
    memcpy(c->z, cell->z, (size_t)c->n * sizeof *c->z);
    for (int64_t i = 0; i < 3 * c->n; i++)
        c->frac[i] = sh_wrap01(cell->frac[i]);
    return true;
}

static void finish(const working_cell *c, int32_t *z_sorted, sh_reduced *out)
{
    *out = (sh_reduced){.volume = sh_lattice_volume(c->lattice), .n_atom = c->n, .z = c->z, .frac = c->frac, .z_sorted = z_sorted};
    memcpy(out->lattice, c->lattice, sizeof out->lattice);
    fill_composition(out);
}

bool sh_reduced_create(const sh_cell *cell, sh_arena *arena, sh_reduced *out)
{
    working_cell c;
    *out = (sh_reduced){0};
    if (!start(cell, arena, &c)) return false;
    int32_t *z_sorted = SH_PUSH(arena, int32_t, c.n);
    make_niggli(&c);
    if (make_smaller(&c, arena)) {
        while (make_smaller(&c, arena))
            continue;
        make_niggli(&c);
    }
    finish(&c, z_sorted, out);
    return true;
}

bool sh_reduced_restore(const sh_cell *cell, sh_arena *arena, sh_reduced *out)
{
    working_cell c;
    *out = (sh_reduced){0};
    if (!start(cell, arena, &c)) return false;
    finish(&c, SH_PUSH(arena, int32_t, c.n), out);
    return true;
}

int sh_reduced_compare(const sh_reduced *a, const sh_reduced *b)
{
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    if (a->n_atom != b->n_atom) return a->n_atom < b->n_atom ? -1 : 1;
    return memcmp(a->z_sorted, b->z_sorted, (size_t)a->n_atom * sizeof *a->z_sorted);
}
