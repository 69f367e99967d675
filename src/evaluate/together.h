/* together.h -- what is said of structures among each other, by all ranks: which are the same, which are known, how different they are, how
 * near to a reference set. */
#ifndef SH_EVALUATE_TOGETHER_H
#define SH_EVALUATE_TOGETHER_H

#include "evaluate/share.h"
#include "metrics/sets.h"

/* Of the relaxed structures where there are such, else the raw: row.same_as, unique, known_as, novel; -1 for what is no crystal. Each rank
 * takes some of the compositions, and all rows (in->n) are the same on all ranks afterwards. reference: NULL where novelty is not asked
 * for. Collective. */
void sh_evaluate_identity(const sh_comm *comm, const sh_evaluation_inputs *in, const sh_reference *reference, sh_progress *progress,
                          sh_evaluation_row *rows);

typedef struct {
    const char *key, *label;
    double order_1, order_2, order_inf;
    int64_t n;
    char how[160]; /* the route taken; why there are no scores where they are NaN */
} sh_vendi_figure;

enum { SH_N_VENDI = 3 };

/* Of the structures that have a fingerprint. */
typedef struct {
    int64_t n;             /* structures with one of the structure */
    int64_t n_composition; /* with one of the composition whose numbers are all known */
    int64_t n_scaled;      /* with one, unknown numbers being 0 */
    double structure, composition, composition_scaled; /* mean distances of pairs */
    sh_vendi_figure vendi[SH_N_VENDI];
    double map_share;      /* of the variance that the two components of the map have; NaN without a map */
} sh_diversity;

/* Also fills in row.map of the share. every_score: of large sets too those that need all eigenvalues of a kernel matrix. Collective. */
sh_status sh_evaluate_diversity(sh_comm *comm, const sh_magpie_tables *magpie, bool every_score, sh_evaluation_share *share,
                                sh_diversity *out);

typedef struct {
    int64_t n_generated, n_reference; /* with both fingerprints */
    sh_coverage coverage;             /* all NaN where n_reference is 0 */
} sh_coverage_figures;

/* Of two sets shared out likewise; n_submitted is the denominator of precision. Fills in row.nearest_reference, nearest_structure and
 * nearest_composition of the share. The same on all ranks. Collective. */
void sh_evaluate_coverage(const sh_comm *comm, const sh_magpie_tables *magpie, sh_evaluation_share *generated,
                          const sh_evaluation_share *reference, double cutoff_structure, double cutoff_composition, int64_t n_submitted,
                          sh_coverage_figures *out);

/* All rows, in their order, on all ranks: rows (n). Collective. */
void sh_gather_evaluation_rows(const sh_comm *comm, const sh_evaluation_share *share, sh_evaluation_row *rows);
/* Pieces of doubles from all ranks, one after the other, on all; the caller frees. Collective. */
double *sh_gather_doubles(const sh_comm *comm, const double *mine, int64_t n, int64_t *n_all);

#endif
