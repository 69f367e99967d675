/* args_policy.h -- the arguments of the kernels of states, masks and trajectories; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_POLICY_H
#define SH_KERNEL_ARGS_POLICY_H

#include <stdint.h>

#include "base/real.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

enum {
    SH_LATTICE_FEATURES = 11, /* of a state: lengths, cos and sin of angles, volume an atom, atoms */
    SH_SITE_FEATURES = 18     /* sin and cos of 2 pi k x, k = 1, 2, 3 */
};

/* Trajectories that a step is being drawn for: row r is about record[r] of the list, at s_t. */
typedef struct {
    sh_record_list records;
    const int64_t *record; /* (R) */
    int32_t t;
} sh_sample_rows;

SH_BODY sh_record *sh_row_record(const sh_sample_rows *rows, int64_t r)
{
    return sh_listed(&rows->records, rows->record[r]);
}

/* Draws from the policy, one row an item. The numbers are those of (seed, trajectory, step, draw), see base/rng.h; trajectories with
 * odd numbers explore. The policy's own log-probability, whatever was explored, is added to log_pf of the record. */
typedef struct {
    sh_sample_rows rows;
    uint64_t seed;
    uint32_t draw;
    double epsilon, widen; /* of those that explore: share of the uniform choice, factor on standard deviations */
} sh_draw;

/* From (1 - epsilon) softmax + epsilon uniform over the allowed, at least one. */
typedef struct {
    sh_draw draw;
    const sh_real *logits; /* (R,n) */
    const uint8_t *mask;   /* (R,n), or one row for all where mask_stride is 0 */
    int64_t mask_stride;
    int32_t *choice; /* (R) */
    int64_t n;
} sh_draw_categorical_args;

/* Lattice parameter d of a step of the record, where its group leaves it free: its logit, and its code as heads see it. */
typedef struct {
    sh_draw draw;
    const sh_real *raw; /* (R,3n) */
    int32_t step, d;
    sh_real *code; /* (R, 6 SH_LATTICE_CODE) */
    int32_t n;
} sh_draw_logit_normal_args;

/* Position of the site of step t on the torus of dim dimensions; rows with none are left alone. */
typedef struct {
    sh_draw draw;
    const sh_real *raw; /* (R,1+10n) */
    const uint8_t *dim;
    int32_t n;
} sh_draw_wrapped_args;

/* Trajectories begin: row i is record i, at s_0; one item a record. */
typedef struct {
    sh_record_list records;
    uint64_t first_traj;
    int64_t *record;  /* (R) */
    int32_t *row;     /* (R) of the trunk: 0, s_0 */
    int64_t *n_site;  /* (R) of the state that the step leads to */
} sh_sample_begin_args;

/* Rows in another order: row i is what was row list[i]; list NULL: as they were. One item a row. */
typedef struct {
    sh_sample_rows rows;
    const int64_t *list;
    int64_t *record;      /* (R) */
    int32_t *row;         /* (R) of the trunk: 1 + list[i] */
    int64_t *n_site;      /* (R) as above */
    int32_t *group_index; /* (R) of s_t */
} sh_sample_order_args;

/* Which of going on and stopping is allowed. */
typedef struct {
    sh_sample_rows rows;
    sh_rules rules;
    uint8_t *mask; /* (R,2) */
} sh_mask_stop_args;

/* What was chosen goes into the records, and says what may be chosen next; one item a row. choice (R). */
typedef struct {
    sh_sample_rows rows;
    sh_rules rules;
    const int32_t *choice; /* NULL: the group of the step before */
    int32_t *group_index;  /* (R) */
    uint8_t *mask;         /* (R,n_element) */
} sh_sample_group_args;

typedef struct {
    sh_sample_rows rows;
    sh_rules rules;
    const int32_t *choice;
    int32_t *z;    /* (R) atomic number */
    uint8_t *mask; /* (R,SH_MAX_WYCKOFF) where sites are on Wyckoff positions */
    uint8_t *dim;  /* (R) free parameters, of general sites */
} sh_sample_element_args;

typedef struct {
    sh_sample_rows rows;
    sh_rules rules;
    const int32_t *choice;
    int32_t *position; /* (R) counted over all groups */
    uint8_t *dim;      /* (R) */
} sh_sample_wyckoff_args;

/* States: state i is record[i] of the list after t[i] >= 1 steps. */
typedef struct {
    sh_record_list records;
    const int64_t *record, *t; /* (n) */
} sh_state_rows;

/* The last states of the records index[i] (NULL: i); one item a record. */
typedef struct {
    sh_record_list records;
    const int64_t *index;
    int64_t *record, *t; /* (n) */
} sh_finished_states_args;

/* What the crystals of states are made of (sh_descriptions); one item a state. */
typedef struct {
    sh_state_rows states;
    sh_rules rules;
    int32_t nominal; /* the lattice is not drawn yet: one of its family with 15 Å^3 an atom */
    const int64_t *site_start;
    int32_t *sg_number;
    double *lattice;
    int32_t *site_z, *site_wyckoff;
    double *site_frac;
} sh_describe_states_args;

/* What an encoder is shown of a state beside its graph; one item a state. */
typedef struct {
    const double *lattice; /* of the crystals, as all below */
    const int32_t *sg_number;
    const int64_t *site_start, *atom_start;
    sh_real *features;    /* (n,SH_LATTICE_FEATURES) */
    int32_t *group_index; /* (n) */
} sh_state_features_args;

/* And of a site; one item a site. */
typedef struct {
    sh_state_rows states;
    sh_rules rules;
    const int32_t *sg_number, *site_crystal;
    const int64_t *site_start, *atom_start;
    const double *atom_frac;
    int32_t *position; /* (S) */
    sh_real *features; /* (S,SH_SITE_FEATURES) */
} sh_site_features_args;

#endif
