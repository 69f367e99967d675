#include "metrics/sets.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "composition.h"

/* --- crystals prepared for comparing --------------------------------------------------------------------------------- */

struct sh_crystal_store {
    sh_crystal_set set;
    int n_arena;
    sh_arena **arena; /* one a thread */
    sh_reduced *item;
    int64_t *bucket_start, *member;
};

static sh_arena **arenas_create(int n)
{
    sh_arena **arena = SH_NEW(sh_arena *, n);
    for (int i = 0; i < n; i++)
        arena[i] = sh_arena_create(1 << 16);
    return arena;
}

static void arenas_destroy(sh_arena **arena, int n)
{
    for (int i = 0; i < n; i++)
        sh_arena_destroy(&arena[i]);
    sh_free(arena);
}

typedef struct {
    const sh_reduced *item;
    int64_t index;
} sorted_item;

static int by_bucket(const void *a, const void *b)
{
    const sorted_item *p = a, *q = b;
    int order = sh_reduced_compare(p->item, q->item);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

static void fill_buckets(sh_crystal_store *s, int64_t n)
{
    sorted_item *sorted = SH_NEW(sorted_item, n);
    int64_t n_crystal = 0;
    for (int64_t i = 0; i < n; i++)
        if (s->item[i].n_atom) sorted[n_crystal++] = (sorted_item){&s->item[i], i};
    qsort(sorted, (size_t)n_crystal, sizeof *sorted, by_bucket);
    s->bucket_start = SH_NEW(int64_t, n_crystal + 1);
    s->member = SH_NEW(int64_t, n_crystal);
    int64_t n_bucket = 0;
    for (int64_t i = 0; i < n_crystal; i++) {
        s->member[i] = sorted[i].index;
        if (i == 0 || sh_reduced_compare(sorted[i - 1].item, sorted[i].item)) s->bucket_start[n_bucket++] = i;
    }
    s->bucket_start[n_bucket] = n_crystal;
    s->set = (sh_crystal_set){.n = n, .n_bucket = n_bucket, .item = s->item, .bucket_start = s->bucket_start, .member = s->member};
    sh_free(sorted);
}

void sh_crystal_store_create(const sh_cell *cells, int64_t n, bool reduced, sh_crystal_store **out)
{
    sh_crystal_store *s = SH_NEW(sh_crystal_store, 1);
    s->n_arena = omp_get_max_threads();
    s->arena = arenas_create(s->n_arena);
    s->item = SH_NEW(sh_reduced, n);
#pragma omp parallel for schedule(dynamic, 8) num_threads(s->n_arena)
    for (int64_t i = 0; i < n; i++) {
        sh_arena *arena = s->arena[omp_get_thread_num()];
        if (reduced)
            sh_reduced_restore(&cells[i], arena, &s->item[i]);
        else
            sh_reduced_create(&cells[i], arena, &s->item[i]);
    }
    fill_buckets(s, n);
    *out = s;
}

void sh_crystal_store_destroy(sh_crystal_store **store)
{
    sh_crystal_store *s = *store;
    if (!s) return;
    arenas_destroy(s->arena, s->n_arena);
    sh_free(s->item);
    sh_free(s->bucket_start);
    sh_free(s->member);
    sh_free(s);
    *store = NULL;
}

const sh_crystal_set *sh_crystal_store_set(const sh_crystal_store *store)
{
    return &store->set;
}

/* What threads share while they compare. */
typedef struct {
    const sh_match_opts *opts;
    int n_thread;
    sh_arena **scratch; /* one a thread */
    sh_sets_tick tick;
    void *user;
    int64_t done;
} comparing;

static void comparing_start(comparing *c, const sh_match_opts *opts, sh_sets_tick tick, void *user)
{
    *c = (comparing){.opts = opts, .n_thread = omp_get_max_threads(), .tick = tick, .user = user};
    c->scratch = arenas_create(c->n_thread);
}

static void comparing_end(comparing *c)
{
    arenas_destroy(c->scratch, c->n_thread);
}

static void advance(comparing *c, int64_t n)
{
    if (!c->tick) return;
#pragma omp critical(sh_sets_advance)
    c->tick(c->user, c->done += n);
}

/* The first of these items that `a` fits; -1 where it fits none. */
static int64_t first_fit(const comparing *c, const sh_reduced *a, const sh_reduced *items, const int64_t *index, int64_t n)
{
    sh_arena *scratch = c->scratch[omp_get_thread_num()];
    for (int64_t i = 0; i < n; i++) {
        sh_match match;
        sh_match_pair(a, &items[index[i]], c->opts, true, scratch, &match);
        if (match.fit) return index[i];
    }
    return -1;
}

enum {
    BLOCK = 256,       /* members of a large bucket that are compared with the unique ones at a time */
    LARGE_BUCKET = 512 /* from here on the threads share a bucket; below, each has its own */
};

/* One bucket by one thread; unique (bucket's size) is room for the unique ones. */
static void unique_in_bucket(comparing *c, const sh_crystal_set *set, int64_t bucket, int64_t *unique, int64_t *same_as)
{
    int64_t from = set->bucket_start[bucket], to = set->bucket_start[bucket + 1], n_unique = 0;
    for (int64_t i = from; i < to; i++) {
        int64_t m = set->member[i], fit = first_fit(c, &set->item[m], set->item, unique, n_unique);
        same_as[m] = fit < 0 ? m : fit;
        if (fit < 0) unique[n_unique++] = m;
    }
    advance(c, to - from);
}

/* The same by all threads: a block is compared with the unique ones before it in parallel, then, in order, with those
 * that the block itself brings. */
static void unique_in_large_bucket(comparing *c, const sh_crystal_set *set, int64_t bucket, int64_t *unique, int64_t *same_as)
{
    int64_t from = set->bucket_start[bucket], to = set->bucket_start[bucket + 1], n_unique = 0;
    for (int64_t start = from; start < to; start += BLOCK) {
        int64_t end = start + BLOCK < to ? start + BLOCK : to, before = n_unique;
#pragma omp parallel for schedule(dynamic) num_threads(c->n_thread)
        for (int64_t i = start; i < end; i++)
            same_as[set->member[i]] = first_fit(c, &set->item[set->member[i]], set->item, unique, before);
        for (int64_t i = start; i < end; i++) {
            int64_t m = set->member[i];
            if (same_as[m] >= 0) continue;
            int64_t fit = first_fit(c, &set->item[m], set->item, unique + before, n_unique - before);
            same_as[m] = fit < 0 ? m : fit;
            if (fit < 0) unique[n_unique++] = m;
        }
        advance(c, end - start);
    }
}

int64_t sh_sets_unique(const sh_crystal_set *set, const sh_match_opts *opts, sh_sets_tick tick, void *user, int64_t *same_as)
{
    comparing c;
    comparing_start(&c, opts, tick, user);
    for (int64_t i = 0; i < set->n; i++)
        same_as[i] = -1;
    int64_t *unique = SH_NEW(int64_t, set->bucket_start[set->n_bucket]);
    for (int64_t b = 0; b < set->n_bucket; b++)
        if (set->bucket_start[b + 1] - set->bucket_start[b] >= LARGE_BUCKET)
            unique_in_large_bucket(&c, set, b, unique + set->bucket_start[b], same_as);
#pragma omp parallel for schedule(dynamic) num_threads(c.n_thread)
    for (int64_t b = 0; b < set->n_bucket; b++)
        if (set->bucket_start[b + 1] - set->bucket_start[b] < LARGE_BUCKET)
            unique_in_bucket(&c, set, b, unique + set->bucket_start[b], same_as);
    int64_t n_unique = 0;
    for (int64_t i = 0; i < set->n; i++)
        n_unique += same_as[i] == i;
    sh_free(unique);
    comparing_end(&c);
    return n_unique;
}

/* The bucket of the reference that `a` would be in, by bisection; -1 where there is none. */
static int64_t find_bucket(const sh_crystal_set *set, const sh_reduced *a)
{
    int64_t lo = 0, hi = set->n_bucket;
    while (lo < hi) {
        int64_t middle = (lo + hi) / 2;
        int order = sh_reduced_compare(&set->item[set->member[set->bucket_start[middle]]], a);
        if (order == 0) return middle;
        if (order < 0) lo = middle + 1;
        else hi = middle;
    }
    return -1;
}

int64_t sh_sets_novel(const sh_crystal_set *set, const sh_crystal_set *reference, const sh_match_opts *opts, const bool *wanted,
                      sh_sets_tick tick, void *user, int64_t *known_as)
{
    comparing c;
    comparing_start(&c, opts, tick, user);
#pragma omp parallel for schedule(dynamic) num_threads(c.n_thread)
    for (int64_t i = 0; i < set->n; i++) {
        const sh_reduced *a = &set->item[i];
        known_as[i] = -2;
        if (a->n_atom && (!wanted || wanted[i])) {
            int64_t bucket = find_bucket(reference, a);
            known_as[i] = -1;
            if (bucket >= 0) {
                int64_t from = reference->bucket_start[bucket], to = reference->bucket_start[bucket + 1];
                known_as[i] = first_fit(&c, a, reference->item, reference->member + from, to - from);
            }
        }
        advance(&c, 1);
    }
    int64_t n_new = 0;
    for (int64_t i = 0; i < set->n; i++)
        n_new += known_as[i] == -1;
    comparing_end(&c);
    return n_new;
}

/* --- rates ------------------------------------------------------------------------------------------------------------ */

sh_rate sh_rate_of(int64_t hits, int64_t n)
{
    if (n <= 0) return (sh_rate){.hits = hits, .n = n, .rate = NAN, .low = 0, .high = 1};
    const double z = 1.9599639845400545; /* of the normal distribution, 95 % */
    double count = (double)n, p = (double)hits / count, middle = p + z * z / (2 * count);
    double half = z * sqrt(p * (1 - p) / count + z * z / (4 * count * count)), scale = 1 + z * z / count;
    /* at the ends the formula gives 0 and 1 but for rounding */
    return (sh_rate){.hits = hits, .n = n, .rate = p, .low = hits == 0 ? 0 : (middle - half) / scale,
                     .high = hits == n ? 1 : (middle + half) / scale};
}

void sh_sun_count(const sh_sun_case *cases, int64_t n, int64_t n_submitted, double limit, sh_sun *out)
{
    int64_t evaluated = 0, stable = 0, unique = 0, novel = 0, all = 0;
    *out = (sh_sun){0};
    SH_ASSERT(n_submitted >= n);
    for (int64_t i = 0; i < n; i++) {
        const sh_sun_case *c = &cases[i];
        if (!c->evaluated) continue;
        bool is_stable = c->has_energy && c->e_above_hull <= limit;
        evaluated++;
        stable += is_stable;
        unique += c->unique;
        novel += c->novel;
        all += is_stable && c->unique && c->novel;
        out->n_no_energy += !c->has_energy;
    }
    out->evaluated = sh_rate_of(evaluated, n_submitted);
    out->stable = sh_rate_of(stable, evaluated);
    out->unique = sh_rate_of(unique, evaluated);
    out->novel = sh_rate_of(novel, evaluated);
    out->stable_unique_novel = sh_rate_of(all, n_submitted);
}

/* --- coverage, distances ---------------------------------------------------------------------------------------------- */

void sh_nearest_rows(const double *a, int64_t n_a, const double *b, int64_t n_b, int64_t d, double *least, int64_t *which)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n_a; i++) {
        double best = INFINITY;
        int64_t nearest = -1;
        for (int64_t j = 0; j < n_b; j++) {
            double sum = 0;
            for (int64_t k = 0; k < d && sum < best; k++) {
                double x = a[d * i + k] - b[d * j + k];
                sum += x * x;
            }
            if (sum < best) {
                best = sum;
                nearest = j;
            }
        }
        least[i] = sqrt(best);
        if (which) which[i] = nearest;
    }
}

int64_t sh_coverage_near(const double *s, const double *c, int64_t n, double cutoff_s, double cutoff_c, double *mean_s, double *mean_c)
{
    int64_t near = 0;
    *mean_s = *mean_c = 0;
    for (int64_t i = 0; i < n; i++) { /* in their order: the bits depend on it */
        near += s[i] <= cutoff_s && c[i] <= cutoff_c;
        *mean_s += s[i];
        *mean_c += c[i];
    }
    *mean_s = n ? *mean_s / (double)n : NAN;
    *mean_c = n ? *mean_c / (double)n : NAN;
    return near;
}

/* Crystals of a that have some of b near. */
static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sh_wasserstein(double *a, int64_t n_a, double *b, int64_t n_b)
{
    if (n_a < 1 || n_b < 1) return NAN;
    qsort(a, (size_t)n_a, sizeof *a, ascending);
    qsort(b, (size_t)n_b, sizeof *b, ascending);
    /* the area between the two distribution functions, step by step through all values */
    double sum = 0, before = 0;
    for (int64_t i = 0, j = 0; i < n_a || j < n_b;) {
        bool from_a = j == n_b || (i < n_a && a[i] <= b[j]);
        double x = from_a ? a[i] : b[j];
        if (i + j > 0) sum += (x - before) * fabs((double)i / (double)n_a - (double)j / (double)n_b);
        before = x;
        i += from_a;
        j += !from_a;
    }
    return sum;
}

/* --- modes ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    int64_t index;
    sh_composition c; /* reduced */
} mode;

static int by_composition(const void *a, const void *b)
{
    const mode *p = a, *q = b;
    int order = sh_composition_compare(&p->c, &q->c);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

int64_t sh_modes_count(const sh_cell *cells, const bool *passes, int64_t n, bool *first)
{
    int64_t n_pass = 0, n_mode = 0;
    for (int64_t i = 0; i < n; i++) {
        n_pass += passes[i];
        if (first) first[i] = false;
    }
    mode *modes = SH_NEW(mode, n_pass);
    sh_arena *arena = sh_arena_create(1 << 16);
    n_pass = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!passes[i]) continue;
        mode *m = &modes[n_pass++];
        int64_t room = cells[i].n_atom < SH_MAX_Z ? cells[i].n_atom : SH_MAX_Z;
        *m = (mode){.index = i, .c = {.z = SH_PUSH(arena, int32_t, room), .count = SH_PUSH(arena, int64_t, room)}};
        SH_ASSERT(sh_composition_of_atoms(cells[i].n_atom, cells[i].z, &m->c)); /* what passes is valid */
        sh_composition_reduce(&m->c);
    }
    qsort(modes, (size_t)n_pass, sizeof *modes, by_composition);
    for (int64_t i = 0; i < n_pass; i++) {
        if (i > 0 && !sh_composition_compare(&modes[i - 1].c, &modes[i].c)) continue;
        n_mode++;
        if (first) first[modes[i].index] = true;
    }
    sh_free(modes);
    sh_arena_destroy(&arena);
    return n_mode;
}
