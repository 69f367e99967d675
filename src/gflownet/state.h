/* state.h -- states and crystals of trajectories. A state s_t (t >= 1) is the group and lattice chosen at step t-1 with the
 * sites of steps 0..t-1; it is never stored, but made from its record where it is needed. */
#ifndef SH_GFLOWNET_STATE_H
#define SH_GFLOWNET_STATE_H

#include "backend/workspace.h"
#include "crystal/crystal.h"
#include "crystal/graph.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

/* The states rows.record[i] after rows.t[i] steps, i < n; arrays and records are there, and so is the space. */
typedef struct {
    sh_state_rows rows;
    int64_t n, n_site; /* n_site: the sum of t */
} sh_state_list;

/* The crystals that the records index[i], i < n, became; NULL: i. All are there. */
void sh_finished_crystals(const sh_space *space, sh_workspace *ws, const sh_record_list *records, const int64_t *index, int64_t n,
                          sh_crystals *out);

/* The crystal that a record of the host became; arrays on the arena. The space is for the kernels of the CPU. */
void sh_record_crystal(const sh_space *space, const sh_record *record, sh_arena *arena, sh_crystals *out);

/* A batch of states as the encoder wants it, there. */
typedef struct {
    int64_t n;
    sh_crystals crystals;
    sh_graph graph;          /* 4 Å */
    sh_real *lattice;        /* (n, SH_LATTICE_FEATURES) */
    int32_t *group_index;    /* (n) sg_number - 1 */
    int32_t *site_position;  /* (S) Wyckoff position, counted over all groups; 0 for general sites */
    sh_real *site_features;  /* (S, SH_SITE_FEATURES) of the representative, or of a general site's point as sampled */
} sh_states;

/* With lattice: last, states have a cell of their family with 15 Å^3 an atom. */
void sh_states_build(const sh_space *space, const sh_policy_options *options, sh_workspace *ws, const sh_state_list *states,
                     sh_states *out);

#endif
