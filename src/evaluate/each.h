/* each.h -- what is said of each structure by itself, by the rank that has it. */
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

/* The structures [first, first + n) of the inputs. */
typedef struct {
    int64_t first, n;
    sh_evaluation_row *row; /* (n) */
    double *structure;      /* (n,SH_CRYSTALNN_SIZE) where row.fingerprint_reason is SH_METRIC_OK */
    double *composition;    /* (n,SH_MAGPIE_SIZE), not scaled, where row.magpie_missing >= 0; NaN: not known */
} sh_evaluation_share;

void sh_evaluation_share_create(const sh_evaluation_inputs *in, int rank, int size, sh_evaluation_share *out);
void sh_evaluation_share_destroy(sh_evaluation_share *share);

/* Rows and fingerprints of the share. `words` of the progress say where it is. */
void sh_evaluate_each(const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, sh_evaluation_share *share, sh_progress *progress);

/* Formation energies alone, of [first, first + n): e_form (n), NaN where there is none. */
void sh_evaluate_energies(const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, int64_t first, int64_t n, double *e_form,
                          sh_progress *progress);

#endif
