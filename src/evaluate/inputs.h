/* inputs.h -- the structures that are evaluated, with their relaxed partners and the rewards they were drawn with. */
#ifndef SH_EVALUATE_INPUTS_H
#define SH_EVALUATE_INPUTS_H

#include "evaluate/cells.h"

/* What gave the rewards that the structures were drawn with. */
typedef struct {
    int64_t n, n_unknown; /* readable structures; of which it is not known */
    int64_t n_model;
    char **model;         /* (n_model) each once, as the configurations name them; "": a reward without formation energy */
    int64_t *count;       /* (n_model) structures */
} sh_rewarded;

typedef struct {
    int64_t n;               /* structures, those included that could not be read */
    sh_cell_list raw;        /* on all ranks; without atoms: not readable */
    bool has_relaxed;
    sh_cell_list relaxed;    /* (n) on all ranks; without atoms: no partner, or it could not be relaxed */
    int32_t *relaxation;     /* (n) sh_evaluation_row.relaxation */
    double *reward;          /* (n) of samples; NaN where there is none */
    int32_t *sampled_group;  /* (n) 0 where there is none */
    int64_t n_all;           /* before a choice of the best */
    /* On rank 0. */
    sh_structures list;      /* all that was read */
    int64_t *place;          /* (n) in the list */
    sh_rewarded rewarded;
    char *relaxed_model;     /* that relaxed the partners; NULL likewise */
    char *relaxed_how;       /* in words; NULL likewise */
} sh_evaluation_inputs;

/* Reads all, on rank 0, and hands it on. Structures of a file of `shaft relax` come with their partners; those of others find theirs in
 * `relaxed` (NULL: none is looked for): a file of `shaft relax` that has the structure, bit for bit, as a raw one, or a folder or file of
 * structures with the same file name (without what is behind its last dot), place in it and elements: a relaxation that merges atoms
 * changes the composition. SH_EINPUT where no structure can be read, or none has a partner of its own composition. Collective. */
sh_status sh_evaluation_inputs_read(sh_comm *comm, const char *const *paths, int n_path, const char *relaxed, sh_evaluation_inputs *out);
void sh_evaluation_inputs_destroy(sh_evaluation_inputs *in);

/* Keeps the `top` with the largest value (n), in that order; of equal ones the first. Those with NaN never. On all ranks alike. */
void sh_evaluation_inputs_keep_best(sh_evaluation_inputs *in, const double *value, int64_t top);

#endif
