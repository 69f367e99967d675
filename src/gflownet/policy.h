/* policy.h -- the networks of the two-level policy, forward (P_F) and backward (P_B).
 *
 * A state is embedded (trunk, (n,H)) from its crystal graph (MEGNet), its lattice and its group; the first state has a
 * learned row of its own. Heads read the trunk, and each sees the choices made before it in the step: the embedding of
 * the group is added for the lattice, features of the lattice parameters before it for each parameter and of all of
 * them for the element, the embedding of the element for the Wyckoff position, and that of the position for its free
 * parameters. Independent heads, which see the group alone, and those of the flat baseline, which see the state alone, cannot
 * learn a target on {(A, a), (B, b)}: what they do not see is not added.
 *
 * With `shared_encoder` one encoder pass serves all heads; otherwise high and low level, forward and backward each have
 * their own (the paper's four networks). */
#ifndef SH_GFLOWNET_POLICY_H
#define SH_GFLOWNET_POLICY_H

#include "gflownet/state.h"
#include "nn/params.h"
#include "step_cell.h"
#include "tensor/tape.h"

typedef enum { SH_PF_HIGH, SH_PF_LOW, SH_PB_HIGH, SH_PB_LOW, SH_N_ROLE } sh_role;
typedef enum { SH_FORWARD, SH_BACKWARD, SH_N_DIRECTION } sh_direction;

typedef struct sh_policy sh_policy;

/* Registers the policy's tensors, "log_z" among them, with `params`; params and space are borrowed. After sh_params_commit call
 * sh_policy_start_values once: it spreads the mixtures so that the untrained policy covers cells and torus evenly. */
sh_status sh_policy_create(const sh_policy_options *options, const sh_space *space, sh_params *params, sh_policy **out);
void sh_policy_start_values(sh_policy *policy, double log_z);
void sh_policy_destroy(sh_policy **policy);

const sh_policy_options *sh_policy_get_options(const sh_policy *policy);
const sh_space *sh_policy_space(const sh_policy *policy);
sh_params *sh_policy_params(const sh_policy *policy);
/* Groups that may be chosen, (230) there; and lattice parameters that one of them leaves free, a bit each. */
const uint8_t *sh_policy_groups(const sh_policy *policy, sh_workspace *ws);
unsigned sh_policy_free_parameters(const sh_policy *policy);
sh_tensor *sh_policy_log_z(const sh_policy *policy); /* (1,1) */
double sh_policy_log_z_value(const sh_policy *policy); /* for the host; waits for the kernels before */
/* Whether every step draws a lattice; whether that from s_t draws a group; whether a backward step has more to choose than which
 * site came last. */
bool sh_policy_lattice_each_step(const sh_policy *policy);
bool sh_policy_group_anew(const sh_policy *policy, int32_t t);
bool sh_policy_learns_backward(const sh_policy *policy);

enum { SH_TRUNK = 64 }; /* H */

/* Trunk rows of one role for a batch: row 0 is s_0, row 1 + i is state i. Roles that share an encoder share the pass:
 * the result for all four. */
typedef struct {
    const sh_tensor *trunk[SH_N_ROLE]; /* (1 + n, H) */
} sh_embedding;
void sh_policy_embed(const sh_policy *policy, sh_tape *tape, const sh_states *states, bool backward_too,
                     sh_embedding *out);

/* Rows of a trunk. */
const sh_tensor *sh_policy_rows(sh_tape *tape, const sh_tensor *trunk, const int32_t *row, int64_t n);

/* (R,1): log flow of a state, for SubTB; NULL without. */
const sh_tensor *sh_policy_flow(const sh_policy *policy, sh_tape *tape, const sh_tensor *h);
/* Logits (R,2) of going on and of stopping. */
const sh_tensor *sh_policy_stop(const sh_policy *policy, sh_tape *tape, const sh_tensor *h);
/* Logits (R,230) of the next (forward) or, with group: each_step, the previous (backward) group. Backward, h has the removed
 * element added. */
const sh_tensor *sh_policy_group(const sh_policy *policy, sh_tape *tape, sh_direction direction, const sh_tensor *h);
/* Logits (n,230) of the next group for states that choose one: row (n) of the trunk. With group: once that is s_0 alone (row 0),
 * which goes through the head once. */
const sh_tensor *sh_policy_next_group(const sh_policy *policy, sh_tape *tape, const sh_tensor *trunk, const int32_t *row, int64_t n);
/* h + embedding of the element of the site that is taken away; z (R). */
const sh_tensor *sh_policy_without(const sh_policy *policy, sh_tape *tape, sh_role role, const sh_tensor *h,
                                   const int32_t *z);
/* h + embedding of the chosen group; group_index (R). */
const sh_tensor *sh_policy_with_group(const sh_policy *policy, sh_tape *tape, sh_direction direction,
                                      const sh_tensor *h, const int32_t *group_index);
/* Raw mixture (R,3K) of lattice parameter d; code (R, 6 SH_LATTICE_CODE) holds the parameters before d, zeros else. */
const sh_tensor *sh_policy_lattice(const sh_policy *policy, sh_tape *tape, sh_direction direction, const sh_tensor *h,
                                   const sh_real *code, int d);
/* h + what the lattice is; code of all free parameters. */
const sh_tensor *sh_policy_with_lattice(const sh_policy *policy, sh_tape *tape, const sh_tensor *h, const sh_real *code);
/* Logits (R, n_element). */
const sh_tensor *sh_policy_element(const sh_policy *policy, sh_tape *tape, const sh_tensor *h);
/* h + embedding of the chosen element. */
const sh_tensor *sh_policy_with_element(const sh_policy *policy, sh_tape *tape, const sh_tensor *h, const int32_t *z);
/* Logits (R, SH_MAX_WYCKOFF) of the positions of the group. */
const sh_tensor *sh_policy_wyckoff(const sh_policy *policy, sh_tape *tape, const sh_tensor *h);
/* h + embedding of the chosen position, counted over all groups. */
const sh_tensor *sh_policy_with_wyckoff(const sh_policy *policy, sh_tape *tape, const sh_tensor *h,
                                        const int32_t *position);
/* Raw wrapped mixture (R, 1 + 10 n). */
const sh_tensor *sh_policy_position(const sh_policy *policy, sh_tape *tape, const sh_tensor *h);

#endif
