/* evaluation.h -- everything that is measured of a set of generated crystals, by all ranks together: what is said of each (rows), and of
 * all (summary). docs/equations.md defines the quantities, docs/running.md says how they are read. */
#ifndef SH_EVALUATE_EVALUATION_H
#define SH_EVALUATE_EVALUATION_H

#include "backend/backend.h"
#include "comm/comm.h"
#include "evaluate/row.h"
#include "evaluate/summary.h"

typedef struct {
    const char *program;             /* its name and version */
    const char *const *paths;
    int n_path;
    const char *model, *gap_model;   /* NULL: no energies, no gaps */
    const sh_backend *be;            /* that these work on; borrowed */
    const char *reference;           /* file of `shaft reference build`; NULL: no hull, no novelty */
    const char *reference_set;       /* structures; NULL: no coverage */
    const char *relaxed;             /* NULL: partners only of inputs that are relaxations */
    int64_t top;                     /* 0: all */
    bool by_energy;                  /* the best by the lowest formation energy instead of the reward */
    double stable;                   /* eV/atom above the hull */
    double symprec;                  /* Å, of space groups */
    double cutoff_structure, cutoff_composition; /* of coverage */
    bool far_bond;                   /* modes have no two atoms beyond SH_FARTHEST_PAIR */
    bool every_score;                /* Vendi scores of any order of large sets too */
    bool quiet;                      /* no progress */
} sh_evaluation_options;

typedef struct {
    sh_evaluation_rows rows; /* on rank 0; so is the summary */
    sh_summary *summary;
} sh_evaluation;

/* Collective; all ranks leave with the same status. */
sh_status sh_evaluate(sh_comm *comm, const sh_evaluation_options *options, sh_evaluation *out);
void sh_evaluation_destroy(sh_evaluation *evaluation);

#endif
