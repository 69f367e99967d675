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

/* Trajectories that a step is being drawn for: row r is about record[r] of the list, at s_t. Where there may be room for more rows
 * than there are trajectories, the rest are blank: about the record behind the last (sh_records_begin), to which nobody writes. */
typedef struct {
    sh_record_list records;
    const int64_t *record; /* (R) */
    int32_t t;             /* SH_T_END: every record after its last step */
} sh_sample_rows;

enum { SH_T_END = -1 };

SH_BODY bool sh_row_is_blank(const sh_sample_rows *rows, int64_t r)
{
    return rows->record[r] >= rows->records.n;
}

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

/* From (1 - epsilon) softmax + epsilon uniform over the allowed, at least one. A blank row gets the last. */
typedef struct {
    sh_draw draw;
    const sh_real *logits; /* (R,n) */
    const uint8_t *mask;   /* (R,n), or one row for all where mask_stride is 0 */
    int64_t mask_stride;
    int32_t *choice; /* (R) */
    int64_t n;
} sh_draw_categorical_args;

/* Lattice parameter d of step t of the record, or of its last, where its group leaves it free: its logit, and its code as heads see
 * it. */
typedef struct {
    sh_draw draw;
    const sh_real *raw; /* (R,3n) */
    int32_t d;
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

/* Trajectories begin: row i is record i, at s_0; one item a record, and one for the record of blank rows if there are such: the group
 * P1 in all steps. */
typedef struct {
    sh_record_list records;
    uint64_t first_traj;
    int32_t max_sites;
    int64_t *record;  /* (R) */
    int32_t *row;     /* (R) of the trunk: 0, s_0 */
    int64_t *n_site;  /* (R) of the state that the step leads to */
} sh_sample_begin_args;

/* y[record,:] = x[r,:]: what is kept of a trajectory for its end. Cells. */
typedef struct {
    sh_sample_rows rows;
    const sh_real *x;
    sh_real *y; /* (n,cols) */
    int64_t cols;
} sh_sample_keep_args;

/* Every record, after its last step: row i is record i; one item a record. */
typedef struct {
    sh_record_list records;
    int64_t *record;      /* (n) */
    int32_t *group_index; /* (n) */
} sh_sample_end_args;

/* Rows in another order: row i is what was row list[i], from *n_go on blank; list NULL: as they were. One item a row. */
typedef struct {
    sh_sample_rows rows;
    const int64_t *list, *n_go;
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

/* The rows of an objective (gflownet/objective.c), one item a record i of n. Its transitions, from s_0 .. s_n, are k = start[i] + t;
 * its steps, and also its states s_1 .. s_n, have the rows q = k - i, and in a trunk that begins with s_0 the state s_t has row q too. */
typedef struct {
    sh_record_list records;
    sh_rules rules;
    int64_t n;
    const int64_t *start;    /* (n+1) */
    int32_t group_each_step, learns_backward, lattice_last;
    double *log_pb;          /* (T) of the order: the site of a step came last, one of t + 1 */
    int32_t *trunk_row;      /* (T) of the state a transition starts from */
    /* which row of each part is a transition's, -1: none; all (T) */
    int32_t *decision_row, *group_row, *step_row, *back_row, *end_row;
    int32_t *decision;       /* (S) stop or go on, of s_1 .. s_n: 0 go on, 1 stop, -1 where only one is allowed */
    int64_t *state_record;   /* (S) */
    int64_t *state_t;        /* (S) */
    int64_t *step_record;    /* (S) */
    int64_t *step_t;         /* (S) */
    int32_t *step_trunk;     /* (S) row of the trunk of the state it starts from */
    uint8_t *element_mask;   /* (S, n_element) */
    uint8_t *position_mask;  /* (S, SH_MAX_WYCKOFF) or NULL */
    /* backward steps s_(t+1) -> s_t, t >= 1, where there is something to learn; B = S - n */
    int64_t *back_record;    /* (B) */
    int64_t *back_t;         /* (B) the step that made s_t: its group and lattice are what is asked for */
    int32_t *back_trunk;     /* (B) row of the trunk of s_(t+1) */
    int32_t *back_removed;   /* (B) atomic number of the site taken away */
    /* last steps: of the lattice with lattice: last, of the group with group: once */
    int64_t *end_record;     /* (n) */
    int64_t *end_t;          /* (n) */
    int32_t *end_trunk;      /* (n) */
} sh_objective_rows_args;

/* Transitions of each record: one item a record. */
typedef struct {
    sh_record_list records;
    int64_t *count; /* (n) */
} sh_transitions_args;

/* What steps (record[r], t[r]) chose, as the heads and densities want it; one item a row r of n. Any of the arrays may be NULL. */
typedef struct {
    sh_record_list records;
    sh_rules rules;
    int64_t n;
    const int64_t *record; /* (R) */
    const int64_t *t;      /* (R) */
    int32_t *group;        /* (R) sg_number - 1 */
    int32_t *element, *z;  /* (R) index in the list of elements; atomic number */
    int32_t *wyckoff;      /* (R) of the group */
    int32_t *position;     /* (R) counted over all groups; 0 for general sites */
    uint8_t *dim;          /* (R) free parameters of the position */
    double *x;             /* (R,3) */
    sh_real *code;         /* (7,R,6 SH_LATTICE_CODE): of the parameters before d, in block d; of all in block 6 */
    double *y;             /* (6,R) logits of lattice parameters */
    uint8_t *is_free;      /* (6,R) */
} sh_chosen_args;

/* The objectives (gflownet/balance.h). Transitions k of trajectory i are start[i] <= k < start[i+1]; log-probabilities come in parts,
 * each a column with a row for some of the transitions. */
enum { SH_MAX_PARTS = 5 };

typedef struct {
    const sh_real *log_p; /* (R) */
    sh_real *grad;        /* (R) or NULL */
    const int32_t *row;   /* (T) of a transition, -1: it has none */
    int32_t backward;     /* it belongs to log P_B */
} sh_balance_column;

/* In this order: sums (one item a trajectory); mean, for VarGrad (one item); terms (one item a trajectory); total (one item); and on
 * the way back slopes (one item a trajectory). */
typedef struct {
    int32_t kind, n_part; /* sh_objective_kind */
    double lambda, scale;
    int64_t n;
    const int64_t *start;  /* (n+1) */
    const double *log_pb;  /* (T) what is known of log P_B: the order of the sites */
    const double *target;  /* (n) */
    const sh_real *log_z;  /* (1) */
    sh_real *grad_log_z;   /* (1) or NULL */
    const sh_real *flow;   /* (F), SubTB alone */
    sh_real *grad_flow;    /* (F) or NULL */
    const int32_t *flow_row;           /* (T) of the state a transition starts from */
    sh_balance_column part[SH_MAX_PARTS];
    double *forward, *backward, *residual; /* (n) log P_F, log P_B, log Z + log P_F - target - log P_B */
    double *ratio;                         /* (T) log P_F - log P_B */
    double *slope, *slope_flow;            /* (T) of the loss by these, and by the flow a transition starts from */
    double *loss, *slope_log_z;            /* (n) */
    double *mean;                          /* (1) VarGrad's */
    double *sum_log_z;                     /* (1) */
    sh_real *value;                        /* (1) the loss */
    const sh_real *grad;                   /* (1) of the loss */
} sh_balance_sums_args, sh_balance_mean_args, sh_balance_terms_args, sh_balance_total_args, sh_balance_slopes_args;

#endif
