/* sets.h -- what is said of a set of generated crystals: which are unique, which are known already, rates with their confidence
 * intervals, coverage of a reference set, distances of distributions, modes. docs/equations.md, "Sets of crystals". */
#ifndef SH_METRICS_SETS_H
#define SH_METRICS_SETS_H

#include "base/status.h"
#include "metrics/matcher.h"

/* --- crystals prepared for comparing --------------------------------------------------------------------------------- */

/* Reduced cells in buckets of one reduced formula and one number of atoms in the primitive cell: only inside one can
 * crystals match. What is no crystal (or has more than SH_REDUCED_MAX_ATOM atoms) is in none. */
typedef struct {
    int64_t n, n_bucket;
    const sh_reduced *item;       /* (n) n_atom 0: no crystal */
    const int64_t *bucket_start;  /* (n_bucket+1) */
    const int64_t *member;        /* indices of items, ascending inside a bucket; buckets in order of sh_reduced_compare */
} sh_crystal_set;

typedef struct sh_crystal_store sh_crystal_store; /* owns what a set points to */

/* Reduces each cell, in parallel; with `reduced` cells are taken as they are (they come from a file that holds them reduced).
 * What comes out does not depend on the number of threads. */
void sh_crystal_store_create(const sh_cell *cells, int64_t n, bool reduced, sh_crystal_store **out);
void sh_crystal_store_destroy(sh_crystal_store **store); /* leaves NULL */
const sh_crystal_set *sh_crystal_store_set(const sh_crystal_store *store);

/* Called now and then, by one thread at a time, with how many crystals are through; may be NULL. */
typedef void (*sh_sets_tick)(void *user, int64_t done);

/* same_as (n): the index of the first crystal before it, itself unique, that it fits; its own index where it is unique; -1
 * for what is no crystal. Arguments of the matcher: (new, earlier). Returns the number of unique ones. */
int64_t sh_sets_unique(const sh_crystal_set *set, const sh_match_opts *opts, sh_sets_tick tick, void *user, int64_t *same_as);

/* known_as (n): the index of the first crystal of the reference that it fits; -1 where there is none, -2 for what is no
 * crystal. Where `wanted` is given, those with wanted[i] false are not looked at and get -2. Returns the number of new ones. */
int64_t sh_sets_novel(const sh_crystal_set *set, const sh_crystal_set *reference, const sh_match_opts *opts, const bool *wanted,
                      sh_sets_tick tick, void *user, int64_t *known_as);

/* --- rates ------------------------------------------------------------------------------------------------------------ */

/* hits of n, and the interval that holds the true rate with 95 % (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)). */
typedef struct {
    int64_t hits, n;
    double rate, low, high; /* NaN, 0, 1 where n is 0 */
} sh_rate;

sh_rate sh_rate_of(int64_t hits, int64_t n);

/* One entry a crystal that was submitted; flags of those that could not be evaluated are false. */
typedef struct {
    bool evaluated; /* relaxed, and compared with the others and the reference */
    bool unique, novel;
    bool has_energy;
    double e_above_hull; /* eV/atom */
} sh_sun_case;

typedef struct {
    sh_rate evaluated;              /* of those submitted */
    sh_rate stable, unique, novel;  /* of those evaluated */
    sh_rate stable_unique_novel;    /* of those submitted */
    int64_t n_no_energy;            /* evaluated, but without an energy above the hull: counted as not stable */
} sh_sun;

/* Stable: e_above_hull <= limit (0.1 eV/atom in MatterGen); n_submitted >= n counts what is not in the list at all. */
void sh_sun_count(const sh_sun_case *cases, int64_t n, int64_t n_submitted, double limit, sh_sun *out);

/* --- coverage, distances ---------------------------------------------------------------------------------------------- */

/* least (n_a): the distance of each row of a to its nearest of b, d numbers a row, infinite where b is empty; which (n_a), if not NULL: the
 * first such row, -1 where b is empty. */
void sh_nearest_rows(const double *a, int64_t n_a, const double *b, int64_t n_b, int64_t d, double *least, int64_t *which);

typedef struct {
    double recall, precision;           /* COV-R, COV-P */
    double amsd_recall, amsd_precision; /* means of least structure distances */
    double amcd_recall, amcd_precision; /* of composition distances */
} sh_coverage;

/* Crystals with least distances s (n) and c (n) to others of which one is near in structure and one in composition; the means of the
 * distances, NaN of none. */
int64_t sh_coverage_near(const double *s, const double *c, int64_t n, double cutoff_s, double cutoff_c, double *mean_s, double *mean_c);

/* Earth mover's distance of two samples; sorts both. NaN where one is empty. */
double sh_wasserstein(double *a, int64_t n_a, double *b, int64_t n_b);

/* --- modes ------------------------------------------------------------------------------------------------------------ */

/* Distinct reduced compositions among the cells with passes[i]; first (n), if not NULL: whether it is the first of its
 * composition, so that its running sum is the number of modes found by then. */
int64_t sh_modes_count(const sh_cell *cells, const bool *passes, int64_t n, bool *first);

#endif
