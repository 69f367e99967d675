/* work.h -- all that an evaluation has in hand while it goes on; private to this folder. */
#ifndef SH_EVALUATE_WORK_H
#define SH_EVALUATE_WORK_H

#include "evaluate/evaluation.h"
#include "evaluate/together.h"

typedef struct {
    const sh_evaluation_options *options;
    sh_tables *tables;
    sh_magpie_tables *magpie;
    sh_judge judge, gap_judge;
    bool has_reference;
    sh_reference reference;
    sh_hull *hull;
    sh_evaluation_inputs in, reference_in;     /* the second empty without a reference set; likewise the others */
    sh_evaluation_share share, reference_share;
    sh_evaluation_row *rows, *reference_rows;  /* (n) */
    sh_diversity diversity, reference_diversity;
    sh_coverage_figures coverage;
    int64_t n_mode;
} sh_evaluation_work;

/* mode, stable and stable_unique_novel of the rows, n_mode. On rank 0, when all else of the rows is there. */
void sh_evaluate_verdicts(sh_evaluation_work *w);
/* How a structure is called: its name, or its file and place. The caller frees. */
char *sh_evaluation_name(const sh_structures *list, int64_t i);
/* The figures of all, from the rows. On rank 0. */
void sh_evaluate_figures(const sh_evaluation_work *w, sh_summary *s);

#endif
