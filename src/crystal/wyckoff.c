/* wyckoff.c -- positions as fixed sets, in whole numbers.
 *
 * Every point position lies on a grid of eighths (twelfths on hexagonal axes), and every line or plane of special points goes
 * through points of that grid. So with coordinates counted in grid steps all is exact: the stabiliser of a grid point is read
 * off the operations; those of its elements that also leave a direction alone are the stabiliser of the line through it.
 * A set is known by what is the same for all its points: a point by its coordinates, a line by its direction and the smallest
 * of its grid points, a plane by its normal and offset. The smallest image under the group stands for a whole position. */
#include "crystal/wyckoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "crystal/wyckoff_letters.h"

enum { N_GROUP = 230, MAX_ORDER = 192, MAX_STAB = 48, MAX_DIRECTION = 49, N_KEY = 6, MAX_GRID = 12 };

typedef struct {
    int32_t n, grid;
    int w[MAX_ORDER][9], t[MAX_ORDER][3]; /* t in grid steps */
    int32_t n_direction;
    int direction[MAX_DIRECTION][3]; /* whole vectors with entries -2..2 that an axis or a plane may have; short ones first */
} operations;

typedef struct {
    int32_t dim, n_stab, n_set;
    int key[N_KEY];     /* direction or normal, then point or offset, in grid steps */
    int point[3];       /* a grid point of it */
    int basis[3][3];    /* rows j < dim */
    int16_t stab[MAX_STAB];
} set;

static int mod(int a, int n)
{
    int r = a % n;
    return r < 0 ? r + n : r;
}

static int compare_keys(const int *a, const int *b)
{
    for (int i = 0; i < N_KEY; i++)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

static void image_of(const operations *o, int32_t op, const int p[3], int y[3])
{
    for (int i = 0; i < 3; i++)
        y[i] = mod(o->w[op][3 * i] * p[0] + o->w[op][3 * i + 1] * p[1] + o->w[op][3 * i + 2] * p[2] + o->t[op][i], o->grid);
}

static void rotate(const int *w, const int v[3], int y[3])
{
    for (int i = 0; i < 3; i++)
        y[i] = w[3 * i] * v[0] + w[3 * i + 1] * v[1] + w[3 * i + 2] * v[2];
}

/* v or -v: the first number that is not 0 positive. Returns the sign. */
static int orient(int v[3])
{
    int sign = v[0] ? v[0] : v[1] ? v[1] : v[2];
    for (int i = 0; sign < 0 && i < 3; i++)
        v[i] = -v[i];
    return sign < 0 ? -1 : 1;
}

static int gcd(int a, int b)
{
    a = abs(a);
    b = abs(b);
    while (b) {
        int r = a % b;
        a = b;
        b = r;
    }
    return a;
}

/* r W^-1 = r adj(W) det(W), W being of determinant 1 or -1. */
static void rotate_normal(const int *w, const int r[3], int y[3])
{
    int cofactor[9], det = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (i + 1) % 3, b = (i + 2) % 3, c = (j + 1) % 3, d = (j + 2) % 3;
            cofactor[3 * i + j] = w[3 * a + c] * w[3 * b + d] - w[3 * a + d] * w[3 * b + c];
        }
    for (int j = 0; j < 3; j++)
        det += w[j] * cofactor[j];
    for (int j = 0; j < 3; j++) /* W^-1 = cofactor^T / det */
        y[j] = det * (r[0] * cofactor[3 * j] + r[1] * cofactor[3 * j + 1] + r[2] * cofactor[3 * j + 2]);
}

/* The key of the set's image under an operation. */
static void image_key(const operations *o, int32_t op, const set *s, int key[N_KEY])
{
    memset(key, 0, N_KEY * sizeof *key);
    if (s->dim == 3) return;
    if (s->dim == 0) {
        image_of(o, op, s->key + 3, key + 3);
    } else if (s->dim == 1) {
        int p[3], least[3];
        rotate(o->w[op], s->key, key);
        orient(key);
        image_of(o, op, s->key + 3, p);
        memcpy(least, p, sizeof least);
        for (int k = 1; k < o->grid; k++) {
            for (int i = 0; i < 3; i++)
                p[i] = mod(p[i] + key[i], o->grid);
            bool less = p[0] != least[0] ? p[0] < least[0] : p[1] != least[1] ? p[1] < least[1] : p[2] < least[2];
            if (less) memcpy(least, p, sizeof least);
        }
        memcpy(key + 3, least, sizeof least);
    } else {
        rotate_normal(o->w[op], s->key, key);
        int offset = s->key[3];
        for (int i = 0; i < 3; i++)
            offset += key[i] * o->t[op][i];
        key[3] = mod(orient(key) * offset, o->grid);
    }
}

/* A number for each key of a dimension. */
static int32_t key_index(const set *s, const int key[N_KEY])
{
    int32_t index = s->dim;
    for (int i = 0; i < 3; i++) {
        SH_ASSERT(abs(key[i]) <= 2);
        index = 5 * index + key[i] + 2;
    }
    for (int i = 3; i < N_KEY; i++)
        index = MAX_GRID * index + key[i];
    return index;
}

/* The operations that leave every point of the set alone. */
static void find_stabiliser(const operations *o, set *s)
{
    s->n_stab = 0;
    for (int32_t op = 0; op < o->n; op++) {
        int y[3];
        image_of(o, op, s->point, y);
        bool still = !memcmp(y, s->point, sizeof y);
        for (int32_t j = 0; j < s->dim && still; j++) {
            rotate(o->w[op], s->basis[j], y);
            still = !memcmp(y, s->basis[j], sizeof y);
        }
        if (!still) continue;
        SH_ASSERT(s->n_stab < MAX_STAB);
        s->stab[s->n_stab++] = (int16_t)op;
    }
}

static int trace(const int *w)
{
    return w[0] + w[4] + w[8];
}

/* Dimension of what a group of operations leaves alone: the mean of the traces. */
static int fixed_dimension(const operations *o, const set *s)
{
    int sum = 0;
    for (int32_t k = 0; k < s->n_stab; k++)
        sum += trace(o->w[s->stab[k]]);
    return sum / s->n_stab;
}

/* Whether nothing but v is left alone by the rotations that leave v alone: else no line along v is special. */
static bool is_axis(const operations *o, const int v[3])
{
    int sum = 0, n = 0, y[3];
    for (int32_t op = 0; op < o->n; op++) {
        rotate(o->w[op], v, y);
        if (memcmp(y, v, sizeof y)) continue;
        sum += trace(o->w[op]);
        n++;
    }
    return sum == n;
}

static int dot(const int a[3], const int b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void grid_point(const operations *o, int k, int p[3])
{
    p[0] = k / (o->grid * o->grid);
    p[1] = k / o->grid % o->grid;
    p[2] = k % o->grid;
}

/* A point and a basis of the set that the key names. */
static void place(const operations *o, set *s)
{
    int n = 0, k = 0;
    memcpy(s->point, s->key + 3, sizeof s->point);
    memcpy(s->basis[0], s->key, sizeof s->basis[0]);
    if (s->dim == 3)
        for (int i = 0; i < 9; i++)
            s->basis[i / 3][i % 3] = i % 4 == 0;
    if (s->dim != 2) return;
    do {
        grid_point(o, k++, s->point);
    } while (mod(dot(s->key, s->point) - s->key[3], o->grid));
    for (int32_t d = 0; d < o->n_direction && n < 2; d++) {
        const int *b = s->basis[0], *c = o->direction[d];
        if (dot(c, s->key)) continue;
        if (n == 1) { /* primitive: the minors of the two rows have no common divisor */
            if (gcd(gcd(b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2]), b[0] * c[1] - b[1] * c[0]) != 1) continue;
        }
        memcpy(s->basis[n++], c, sizeof s->basis[0]);
    }
}

/* Sets found so far, and the keys of all their images, so that no set is looked at twice. */
typedef struct {
    int32_t n;
    set set[SH_MAX_WYCKOFF];
    uint8_t seen[4 * 125 * MAX_GRID * MAX_GRID * MAX_GRID];
} finds;

static bool is_new(const finds *f, const set *s)
{
    return !f->seen[key_index(s, s->key)];
}

/* The smallest image stands for the position. */
static void add(const operations *o, set *s, finds *f)
{
    int key[N_KEY], least[N_KEY];
    SH_ASSERT(f->n < SH_MAX_WYCKOFF);
    memcpy(least, s->key, sizeof least);
    s->n_set = 0;
    for (int32_t op = 0; op < o->n; op++) {
        image_key(o, op, s, key);
        uint8_t *seen = &f->seen[key_index(s, key)];
        s->n_set += !*seen;
        *seen = 1;
        if (compare_keys(key, least) < 0) memcpy(least, key, sizeof least);
    }
    memcpy(s->key, least, sizeof least);
    place(o, s);
    find_stabiliser(o, s);
    f->set[f->n++] = *s;
}

static void find_points_and_lines(const operations *o, finds *f)
{
    int n_point = o->grid * o->grid * o->grid;
    for (int32_t d = -1; d < o->n_direction; d++) { /* -1: points */
        if (d >= 0 && !is_axis(o, o->direction[d])) continue;
        for (int k = 0; k < n_point; k++) {
            set s = {.dim = d < 0 ? 0 : 1};
            grid_point(o, k, s.key + 3);
            if (d >= 0) {
                int own[N_KEY];
                memcpy(s.key, o->direction[d], sizeof o->direction[d]);
                image_key(o, 0, &s, own);
                if (compare_keys(own, s.key)) continue; /* another grid point of the same line */
            }
            if (!is_new(f, &s)) continue;
            place(o, &s);
            find_stabiliser(o, &s);
            if (fixed_dimension(o, &s) == s.dim) add(o, &s, f);
        }
    }
}

/* Mirrors, and glides that leave a plane alone after a lattice vector: W - 1 of rank one, its rows multiples of the normal. */
static void find_planes(const operations *o, finds *f)
{
    int n_point = o->grid * o->grid * o->grid;
    for (int32_t op = 1; op < o->n; op++) {
        const int *w = o->w[op];
        int normal[3] = {0, 0, 0}, y[3], p[3];
        if (trace(w) != 1) continue;
        for (int i = 0; i < 3 && !dot(normal, normal); i++)
            for (int j = 0; j < 3; j++)
                normal[j] = w[3 * i + j] - (i == j);
        if (!dot(normal, normal)) continue;
        int divisor = gcd(gcd(normal[0], normal[1]), normal[2]);
        for (int j = 0; j < 3; j++)
            normal[j] /= divisor;
        orient(normal);
        for (int k = 0; k < n_point; k++) {
            set s = {.dim = 2};
            grid_point(o, k, p);
            image_of(o, op, p, y);
            if (memcmp(y, p, sizeof y)) continue;
            memcpy(s.key, normal, sizeof normal);
            s.key[3] = mod(dot(normal, p), o->grid);
            if (!is_new(f, &s)) continue;
            place(o, &s);
            find_stabiliser(o, &s); /* of a fourfold axis or the like nothing but the identity is left */
            if (s.n_stab == 2) add(o, &s, f);
        }
    }
}

static int compare_sets(const void *a, const void *b)
{
    const set *x = a, *y = b;
    if (x->n_stab != y->n_stab) return x->n_stab > y->n_stab ? -1 : 1;
    if (x->dim != y->dim) return x->dim - y->dim;
    return compare_keys(x->key, y->key);
}

/* The operations that bring a point of the set to its atoms, told apart at a point that has nothing special. */
static int32_t find_cosets(const sh_group_operations *g, int sg_number, const sh_wyckoff *w, int16_t *coset)
{
    static const double generic[3] = {0.1382765, 0.3174921, 0.2287443};
    double x[3], atom[MAX_ORDER][3];
    int32_t n = 0, first = g->start[sg_number - 1];
    sh_wyckoff_point(w, generic, x);
    for (int32_t op = first; op < g->start[sg_number]; op++) {
        const int8_t *r = g->rot[op];
        double y[3];
        int32_t k = 0;
        for (int i = 0; i < 3; i++)
            y[i] = r[3 * i] * x[0] + r[3 * i + 1] * x[1] + r[3 * i + 2] * x[2] + g->trans[op][i];
        for (; k < n; k++) {
            double apart = 0;
            for (int i = 0; i < 3; i++)
                apart = fmax(apart, fabs(y[i] - atom[k][i] - floor(y[i] - atom[k][i] + 0.5)));
            if (apart < 1e-6) break;
        }
        if (k < n) continue;
        memcpy(atom[n], y, sizeof y);
        coset[n++] = (int16_t)(op - first);
    }
    return n;
}

/* Primitive vectors, the first entry that is not 0 positive. */
static void list_directions(operations *o)
{
    o->n_direction = 0;
    for (int square = 1; square <= 12; square++)
        for (int k = 0; k < 125; k++) {
            const int d[3] = {k / 25 - 2, k / 5 % 5 - 2, k % 5 - 2};
            int oriented[3] = {d[0], d[1], d[2]};
            orient(oriented);
            if (dot(d, d) != square || memcmp(oriented, d, sizeof d) || gcd(gcd(d[0], d[1]), d[2]) != 1) continue;
            SH_ASSERT(o->n_direction < MAX_DIRECTION);
            memcpy(o->direction[o->n_direction++], d, sizeof d);
        }
}

static void read_operations(const sh_group_operations *g, int sg_number, operations *o)
{
    int32_t first = g->start[sg_number - 1];
    o->n = g->start[sg_number] - first;
    o->grid = 8;
    for (int32_t op = 0; op < 3 * o->n; op++) { /* rows of one entry but on hexagonal axes */
        const int8_t *row = g->rot[first + op / 3] + 3 * (op % 3);
        if ((row[0] != 0) + (row[1] != 0) + (row[2] != 0) > 1) o->grid = MAX_GRID;
    }
    for (int32_t op = 0; op < o->n; op++) {
        for (int i = 0; i < 9; i++)
            o->w[op][i] = g->rot[first + op][i];
        for (int i = 0; i < 3; i++)
            o->t[op][i] = (int)lround(o->grid * g->trans[first + op][i]);
    }
}

/* All positions of a group, in the order of compare_sets. */
static void find_all(const operations *o, finds *f)
{
    set general = {.dim = 3};
    f->n = 0;
    memset(f->seen, 0, sizeof f->seen);
    find_points_and_lines(o, f);
    find_planes(o, f);
    add(o, &general, f);
    qsort(f->set, (size_t)f->n, sizeof *f->set, compare_sets);
}

/* Appends the stabiliser and the cosets of a set to w->op. False where the cosets are not as many as there are atoms. */
static bool write_position(const sh_group_operations *g, int sg_number, const operations *o, const set *s, sh_wyckoffs *w, sh_wyckoff *out)
{
    *out = (sh_wyckoff){.mult = o->n / s->n_stab, .dim = s->dim, .n_set = s->n_set, .n_stab = s->n_stab, .stab = w->n_op,
                        .coset = w->n_op + s->n_stab};
    for (int i = 0; i < 9; i++)
        out->basis[i / 3][i % 3] = (int8_t)s->basis[i / 3][i % 3];
    for (int i = 0; i < 3; i++)
        out->origin[i] = s->point[i] / (double)o->grid;
    w->op = sh_realloc(w->op, (size_t)(w->n_op + s->n_stab + MAX_ORDER) * sizeof *w->op);
    memcpy(w->op + out->stab, s->stab, (size_t)s->n_stab * sizeof *w->op);
    int32_t n = find_cosets(g, sg_number, out, w->op + out->coset);
    w->n_op += s->n_stab + n;
    return n == out->mult;
}

sh_status sh_wyckoffs_create(const sh_group_operations *g, sh_wyckoffs **out)
{
    sh_wyckoffs *w = SH_NEW(sh_wyckoffs, 1);
    operations *o = SH_NEW(operations, 1);
    finds *f = SH_NEW(finds, 1);
    bool right = true;
    int sg_number = 0;
    *out = NULL;
    list_directions(o);
    while (right && sg_number < N_GROUP) {
        int32_t first = w->start[sg_number];
        const char *letters = sh_wyckoff_letters[sg_number++];
        read_operations(g, sg_number, o);
        find_all(o, f);
        right = f->n == (int32_t)strlen(letters) && first + f->n <= SH_N_WYCKOFF;
        for (int32_t k = 0; right && k < f->n; k++) {
            int32_t at = letters[k] == 'A' ? 26 : letters[k] - 'a';
            right = write_position(g, sg_number, o, &f->set[k], w, &w->position[first + at]);
        }
        w->start[sg_number] = first + f->n;
    }
    sh_free(f);
    sh_free(o);
    *out = w;
    if (right) return SH_OK;
    sh_wyckoffs_destroy(out);
    return SH_FAIL(SH_ELIB, "the operations of space group %d do not give its Wyckoff positions", sg_number);
}

void sh_wyckoffs_destroy(sh_wyckoffs **wyckoffs)
{
    if (!*wyckoffs) return;
    sh_free((*wyckoffs)->op);
    sh_free(*wyckoffs);
    *wyckoffs = NULL;
}

char sh_wyckoff_letter(int32_t wyckoff)
{
    return (char)(wyckoff == 26 ? 'A' : 'a' + wyckoff);
}
