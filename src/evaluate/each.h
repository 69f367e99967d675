/* each.h -- what is said of each structure by itself, by the rank that has taken it. */
#ifndef SH_EVALUATE_EACH_H
#define SH_EVALUATE_EACH_H

#include "evaluate/inputs.h"
#include "evaluate/judge.h"
#include "evaluate/row.h"
#include "io/progress.h"
#include "io/reference.h"
#include "metrics/crystalnn.h"
#include "metrics/hull.h"
#include "metrics/magpie.h"

/* What it is said with; borrowed. */
typedef struct {
    const sh_tables *tables;
    const sh_magpie_tables *magpie;
    const sh_judge *judge, *gap_judge; /* empty ones: nothing is asked */
    const sh_hull *hull;               /* NULL: no energies above it */
    sh_energy_kind hull_energy;
    double symprec;
} sh_evaluation_tools;

/* Works through pieces of the inputs; borrows both. */
typedef struct sh_evaluator sh_evaluator;
sh_evaluator *sh_evaluator_create(const sh_evaluation_tools *tools, const sh_evaluation_inputs *in);
void sh_evaluator_destroy(sh_evaluator **evaluator);

enum { SH_LARGEST_PIECE = 256 }; /* structures of one call */

/* All of the structures [first, first + n): row (n); structure (n,SH_CRYSTALNN_SIZE) where row.fingerprint_reason is SH_METRIC_OK;
 * composition (n,SH_MAGPIE_SIZE), not scaled, where row.magpie_missing >= 0, NaN: not known. Some models' energies depend, in their last
 * digits, on which structures share a call. */
void sh_evaluate_piece(sh_evaluator *evaluator, int64_t first, int64_t n, sh_evaluation_row *row, double *structure, double *composition);

/* Formation energies alone: e_form (n), NaN where there is none. */
void sh_evaluate_energies(sh_evaluator *evaluator, int64_t first, int64_t n, double *e_form);

#endif
