#include "crystal/reduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "cell.h"

/* Atoms sorted by u = frac(k x), k whole numbers: an image can only be an atom with nearly its u, and k = (1, 7, 31)
 * gives the atoms of a crystal many different u. */
typedef struct {
    double u;
    int32_t atom;
} sorted_atom;

typedef struct {
    const sh_cell *cell;
    sorted_atom *sorted; /* (n_atom) */
    double tolerance;    /* Å */
    double width;        /* of u */
} atom_finder;

static const double finder_k[3] = {1, 7, 31};

static double finder_u(const double x[3])
{
    return sh_wrap01(finder_k[0] * x[0] + finder_k[1] * x[1] + finder_k[2] * x[2]);
}

static int by_u(const void *a, const void *b)
{
    double p = ((const sorted_atom *)a)->u, q = ((const sorted_atom *)b)->u;
    return (p > q) - (p < q);
}

static void finder_start(atom_finder *f, const sh_cell *cell, double tolerance)
{
    *f = (atom_finder){.cell = cell, .sorted = SH_NEW(sorted_atom, cell->n_atom), .tolerance = tolerance};
    for (int64_t a = 0; a < cell->n_atom; a++)
        f->sorted[a] = (sorted_atom){finder_u(cell->frac + 3 * a), (int32_t)a};
    qsort(f->sorted, (size_t)cell->n_atom, sizeof *f->sorted, by_u);
    /* |k df| <= |dr| |sum of k_i b_i|, b_i = a_j x a_k / V the reciprocal vectors */
    const double *l = cell->lattice;
    double sum[3] = {0}, volume = 0;
    for (int i = 0; i < 3; i++) {
        const double *v = l + 3 * ((i + 1) % 3), *w = l + 3 * ((i + 2) % 3);
        for (int c = 0; c < 3; c++) {
            double cross = v[(c + 1) % 3] * w[(c + 2) % 3] - v[(c + 2) % 3] * w[(c + 1) % 3];
            sum[c] += finder_k[i] * cross;
            if (i == 0) volume += l[c] * cross;
        }
    }
    f->width = tolerance * sqrt(sum[0] * sum[0] + sum[1] * sum[1] + sum[2] * sum[2]) / fabs(volume) + 1e-12;
}

static double distance(const double *l, const double a[3], const double b[3], double d[3])
{
    for (int k = 0; k < 3; k++) {
        d[k] = a[k] - b[k];
        d[k] -= rint(d[k]);
    }
    double r2 = 0;
    for (int k = 0; k < 3; k++) {
        double x = d[0] * l[k] + d[1] * l[3 + k] + d[2] * l[6 + k];
        r2 += x * x;
    }
    return sqrt(r2);
}

/* The one atom of this element within the tolerance of x; -1 where there is none, or more than one. */
static int32_t find_atom(const atom_finder *f, int32_t z, const double x[3])
{
    int64_t n = f->cell->n_atom, lo = 0, hi = n;
    double u = finder_u(x), from = f->width < 0.5 ? sh_wrap01(u - f->width) : 0;
    while (lo < hi) {
        int64_t middle = (lo + hi) / 2;
        if (f->sorted[middle].u < from) lo = middle + 1;
        else hi = middle;
    }
    int32_t found = -1;
    for (int64_t i = 0; i < n; i++) {
        const sorted_atom *s = &f->sorted[(lo + i) % n];
        if (f->width < 0.5 && sh_wrap01(s->u - from) > 2 * f->width) break;
        double d[3];
        if (f->cell->z[s->atom] != z || distance(f->cell->lattice, x, f->cell->frac + 3 * s->atom, d) > f->tolerance)
            continue;
        if (found >= 0) return -1;
        found = s->atom;
    }
    return found;
}

/* image[op * n + a]: where an operation takes an atom. False where it takes one nowhere, or two to one place. *mismatch
 * grows to the largest distance (Å) between images and atoms, the mean shift of the operation taken off: its translation
 * is spglib's and plays no part in what follows. */
static bool map_atoms(const atom_finder *f, const SpglibDataset *d, int32_t *image, double *mismatch)
{
    const sh_cell *cell = f->cell;
    int64_t n = cell->n_atom;
    bool *taken = SH_NEW(bool, n);
    double *shift = SH_NEW(double, 3 * n);
    bool good = true;
    for (int op = 0; op < d->n_operations && good; op++) {
        memset(taken, 0, (size_t)n);
        double mean[3] = {0}, zero[3] = {0}, rest[3];
        for (int64_t a = 0; a < n && good; a++) {
            const double *x = cell->frac + 3 * a;
            double y[3];
            for (int k = 0; k < 3; k++) {
                const int *w = d->rotations[op][k];
                y[k] = w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + d->translations[op][k];
            }
            int32_t to = find_atom(f, cell->z[a], y);
            good = to >= 0 && !taken[to];
            if (!good) break;
            taken[to] = true;
            image[op * n + a] = to;
            distance(cell->lattice, y, cell->frac + 3 * to, shift + 3 * a);
            for (int k = 0; k < 3; k++)
                mean[k] += shift[3 * a + k] / (double)n;
        }
        for (int64_t a = 0; a < n && good; a++) {
            for (int k = 0; k < 3; k++)
                shift[3 * a + k] -= mean[k];
            *mismatch = fmax(*mismatch, distance(cell->lattice, shift + 3 * a, zero, rest));
        }
    }
    sh_free(taken);
    sh_free(shift);
    return good;
}

typedef struct {
    int64_t n_site;
    int32_t *site_of;  /* (n_atom) */
    int32_t *rep;      /* (n_site) first atom */
    int8_t *atom_rot;  /* (n_atom,9) of an operation that takes the first atom there */
    int64_t n_stab;
    int64_t *stab_end; /* (n_site) */
    int8_t *stab_rot;  /* (n_stab,9) */
    int64_t capacity;
    double mismatch;   /* Å, largest between an image and its atom */
} reduction;

static void reduction_start(reduction *r, int64_t n_atom)
{
    *r = (reduction){.site_of = SH_NEW(int32_t, n_atom), .rep = SH_NEW(int32_t, n_atom),
                     .stab_end = SH_NEW(int64_t, n_atom), .atom_rot = SH_NEW(int8_t, 9 * n_atom)};
}

static void reduction_end(reduction *r)
{
    sh_free(r->site_of);
    sh_free(r->rep);
    sh_free(r->stab_end);
    sh_free(r->atom_rot);
    sh_free(r->stab_rot);
}

static void add_stab(reduction *r, const int8_t rot[9])
{
    if (r->n_stab == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 64;
        r->stab_rot = sh_realloc(r->stab_rot, (size_t)r->capacity * 9);
    }
    memcpy(r->stab_rot + 9 * r->n_stab++, rot, 9);
}

static const int8_t identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

static void reduce_to_p1(reduction *r, int64_t n_atom)
{
    r->n_site = n_atom;
    r->n_stab = 0;
    for (int64_t a = 0; a < n_atom; a++) {
        r->site_of[a] = r->rep[a] = (int32_t)a;
        memcpy(r->atom_rot + 9 * a, identity, 9);
        add_stab(r, identity);
        r->stab_end[a] = r->n_stab;
    }
}

/* Different rotations, the identity among them, every product one of them. */
static bool is_group(const int8_t *rot, int64_t n)
{
    bool has_identity = false;
    for (int64_t i = 0; i < n; i++) {
        has_identity = has_identity || !memcmp(rot + 9 * i, identity, 9);
        for (int64_t j = 0; j < n; j++) {
            int8_t product[9];
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < 3; b++) {
                    int sum = 0;
                    for (int k = 0; k < 3; k++)
                        sum += rot[9 * i + 3 * a + k] * rot[9 * j + 3 * k + b];
                    if (sum < -100 || sum > 100) return false;
                    product[3 * a + b] = (int8_t)sum;
                }
            if (i < j && !memcmp(rot + 9 * i, rot + 9 * j, 9)) return false;
            int64_t k = 0;
            while (k < n && memcmp(product, rot + 9 * k, 9))
                k++;
            if (k == n) return false;
        }
    }
    return has_identity;
}

/* Orbits and site groups from the images. False where they are not those of a group: overlapping orbits, orders that
 * are not the group's divided by the orbit's, site groups that are not closed. */
static bool find_orbits(const sh_cell *cell, const SpglibDataset *d, const int32_t *image, reduction *r)
{
    int64_t n = cell->n_atom;
    for (int64_t a = 0; a < n; a++)
        r->site_of[a] = -1;
    for (int64_t a = 0; a < n; a++) {
        if (r->site_of[a] >= 0) continue;
        int64_t before = r->n_stab, mult = 0;
        for (int op = 0; op < d->n_operations; op++) {
            int32_t to = image[op * n + a];
            int8_t rot[9];
            for (int k = 0; k < 9; k++) {
                int w = d->rotations[op][k / 3][k % 3];
                if (w < -100 || w > 100) return false;
                rot[k] = (int8_t)w;
            }
            if (to == a) add_stab(r, rot);
            if (r->site_of[to] == r->n_site) continue;
            if (r->site_of[to] >= 0) return false;
            r->site_of[to] = (int32_t)r->n_site;
            memcpy(r->atom_rot + 9 * to, rot, 9);
            mult++;
        }
        int64_t order = r->n_stab - before;
        if (r->site_of[a] != r->n_site || mult * order != d->n_operations) return false;
        if (!is_group(r->stab_rot + 9 * before, order)) return false;
        r->rep[r->n_site] = (int32_t)a;
        r->stab_end[r->n_site++] = r->n_stab;
    }
    return true;
}

/* Takes the images over. False where a rotation does not fit. */
static bool keep_operations(const SpglibDataset *d, int32_t **image, sh_operations *out)
{
    int64_t n = d->n_operations;
    for (int64_t k = 0; k < 9 * n; k++)
        if (abs(d->rotations[k / 9][k % 9 / 3][k % 3]) > 100) return false;
    *out = (sh_operations){.n_op = n, .rot = SH_NEW(int8_t, 9 * n), .trans = SH_NEW(double, 3 * n), .image = *image};
    *image = NULL;
    for (int64_t k = 0; k < 9 * n; k++)
        out->rot[k] = (int8_t)d->rotations[k / 9][k % 9 / 3][k % 3];
    for (int64_t k = 0; k < 3 * n; k++)
        out->trans[k] = d->translations[k / 3][k % 3];
    return true;
}

/* kept: where not NULL, what the operations are and do; to be released. */
static bool reduce_cell(const sh_cell *cell, double symprec, reduction *r, sh_operations *kept)
{
    SpglibDataset *d = sh_dataset_create(cell, symprec, 0);
    if (!d || d->n_operations < 1) {
        if (d) spg_free_dataset(d);
        return false;
    }
    atom_finder finder;
    /* spglib's operations are those of the idealised crystal; atoms within symprec of theirs can be twice that apart */
    finder_start(&finder, cell, 2 * symprec);
    int32_t *image = sh_alloc((size_t)d->n_operations * (size_t)cell->n_atom * sizeof *image);
    bool good = map_atoms(&finder, d, image, &r->mismatch) && find_orbits(cell, d, image, r);
    if (good && kept) good = keep_operations(d, &image, kept);
    sh_free(image);
    sh_free(finder.sorted);
    spg_free_dataset(d);
    return good;
}

static void identity_alone(int64_t n_atom, sh_operations *out)
{
    *out = (sh_operations){
        .n_op = 1, .rot = SH_NEW(int8_t, 9), .trans = SH_NEW(double, 3), .image = SH_NEW(int32_t, n_atom)};
    memcpy(out->rot, identity, sizeof identity);
    for (int64_t a = 0; a < n_atom; a++)
        out->image[a] = (int32_t)a;
}

bool sh_operations_find(const sh_cell *cell, double symprec, bool p1, sh_operations *out)
{
    reduction r;
    *out = (sh_operations){0};
    reduction_start(&r, cell->n_atom);
    bool found = !p1 && reduce_cell(cell, symprec, &r, out);
    reduction_end(&r);
    if (!found) identity_alone(cell->n_atom, out);
    return found;
}

void sh_operations_release(sh_operations *o)
{
    sh_free(o->rot);
    sh_free(o->trans);
    sh_free(o->image);
    *o = (sh_operations){0};
}

void sh_crystals_reduce(const sh_cell *cells, int64_t n_cell, double symprec, bool p1, sh_arena *arena,
                        sh_crystals *out)
{
    int64_t n_atom = 0, n_site = 0, n_stab = 0;
    double mismatch = 0;
    reduction *all = SH_NEW(reduction, n_cell);
    /* spglib takes 10 ms a cell and works on nothing but its arguments */
#pragma omp parallel for schedule(dynamic)
    for (int64_t c = 0; c < n_cell; c++) {
        reduction_start(&all[c], cells[c].n_atom);
        if (p1 || !reduce_cell(&cells[c], symprec, &all[c], NULL)) {
            all[c].n_site = 0;
            all[c].mismatch = 0;
            reduce_to_p1(&all[c], cells[c].n_atom);
        }
    }
    for (int64_t c = 0; c < n_cell; c++) {
        mismatch = fmax(mismatch, all[c].mismatch);
        n_atom += cells[c].n_atom;
        n_site += all[c].n_site;
        n_stab += all[c].n_stab;
    }
    sh_crystals_create(arena, n_cell, n_site, n_atom, n_stab, fmax(1e-5, 2 * mismatch), out);
    int64_t site = 0, atom = 0, stab = 0;
    for (int64_t c = 0; c < n_cell; c++) {
        const sh_cell *cell = &cells[c];
        reduction *r = &all[c];
        memcpy(out->lattice + 9 * c, cell->lattice, 9 * sizeof(double));
        if (r->n_stab) memcpy(out->stab_rot + 9 * stab, r->stab_rot, (size_t)r->n_stab * 9);
        int64_t first = atom, *next = SH_NEW(int64_t, r->n_site + 1);
        for (int64_t a = 0; a < cell->n_atom; a++)
            next[r->site_of[a] + 1]++;
        for (int64_t s = 0; s < r->n_site; s++) {
            next[s + 1] += next[s];
            out->site_crystal[site + s] = (int32_t)c;
            out->site_z[site + s] = cell->z[r->rep[s]];
            out->atom_start[site + s + 1] = first + next[s + 1];
            out->stab_start[site + s + 1] = stab + r->stab_end[s];
        }
        for (int64_t a = 0; a < cell->n_atom; a++) {
            int64_t to = first + next[r->site_of[a]]++;
            memcpy(out->atom_rot + 9 * to, r->atom_rot + 9 * a, 9);
            for (int k = 0; k < 3; k++)
                out->atom_frac[3 * to + k] = sh_wrap01(cell->frac[3 * a + k]);
        }
        sh_free(next);
        site += r->n_site;
        atom += cell->n_atom;
        stab += r->n_stab;
        out->site_start[c + 1] = site;
        reduction_end(r);
    }
    sh_free(all);
}
