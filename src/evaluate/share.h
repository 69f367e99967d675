/* share.h -- the structures among the ranks: whoever has time takes the next piece of the list, and afterwards each rank has its share. */
#ifndef SH_EVALUATE_SHARE_H
#define SH_EVALUATE_SHARE_H

#include "evaluate/each.h"
#include "io/progress.h"

/* The structures [first, first + n) of the inputs, about as many atoms as every other rank has; as of sh_evaluate_piece. */
typedef struct {
    int64_t first, n;
    sh_evaluation_row *row; /* (n) */
    double *structure;      /* (n,SH_CRYSTALNN_SIZE) */
    double *composition;    /* (n,SH_MAGPIE_SIZE) */
} sh_evaluation_share;

/* Pieces depend on the number of structures alone: rows and fingerprints are the same, bit by bit, on any number of ranks. Collective. */
sh_status sh_evaluation_share_create(sh_comm *comm, const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, const char *what,
                                     bool quiet, sh_evaluation_share *out);
void sh_evaluation_share_destroy(sh_evaluation_share *share);

/* Formation energies of all of the inputs, on all ranks: e_form (n), NaN where there is none. Collective. */
sh_status sh_evaluation_share_energies(sh_comm *comm, const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, bool quiet,
                                       double *e_form);

#endif
