/* state.h -- states and crystals of trajectories. A state s_t (t >= 1) is the group and lattice chosen at step t-1 with the
 * sites of steps 0..t-1; it is never stored, but made from its record where it is needed. */
#ifndef SH_GFLOWNET_STATE_H
#define SH_GFLOWNET_STATE_H

#include "base/memory.h"
#include "base/real.h"
#include "crystal/crystal.h"
#include "backend/workspace.h"
#include "crystal/graph.h"
#include "crystal/group.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

enum {
    SH_LATTICE_FEATURES = 11, /* of a state: lengths, cos and sin of angles, volume an atom, atoms */
    SH_SITE_FEATURES = 18     /* sin and cos of 2 pi k x, k = 1, 2, 3 */
};

/* Lattice of a step, rows in Å, from its logits. */
void sh_step_lattice(const sh_space *space, const sh_step *step, double lattice[9]);

/* The crystals of states (record[i], t[i]), i < n, each with t[i] >= 1 sites; arrays on the arena. */
void sh_states_crystals(const sh_space *space, const sh_record *const *record, const int32_t *t, int64_t n,
                        sh_arena *arena, sh_crystals *out);

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
void sh_states_build(const sh_space *space, const sh_policy_options *options, const sh_record *const *record,
                     const int32_t *t, int64_t n, sh_workspace *ws, sh_states *out);

#endif
