#include "gflownet/objective.h"

#include <math.h>

#include "gflownet/dist_ops.h"
#include "gflownet/mask.h"
#include "tensor/ops.h"

/* Which rows of the batch each log-probability is about. Rows stand in the order of (record, t), so that a record's
 * rows are a segment. */
typedef struct {
    int64_t n_state, n_decision, n_go, n_back;
    const sh_record **state_record; /* (n_state) */
    int32_t *state_t;               /* (n_state) */
    /* stop or go on, at s_0 .. s_n */
    int32_t *decision_row; /* (D) row of the trunk: 0 for s_0, 1 + state */
    int32_t *decision;     /* (D) 0 go on, 1 stop, -1 forced */
    int64_t *decision_start; /* (n+1) */
    /* forward steps */
    int32_t *go_row;  /* (G) */
    int64_t *go_start; /* (n+1) */
    const sh_step **go_step;
    bool *go_first;          /* (G) t = 0 */
    uint8_t *element_mask;   /* (G, n_element) */
    /* backward steps s_{t+1} -> s_t, t >= 1 */
    int32_t *back_row;    /* (B) row of s_{t+1} */
    int64_t *back_start;  /* (n+1) */
    const sh_step **back_step; /* the step that made s_t: its group and lattice are what is asked for */
    int32_t *back_removed;     /* (B) atomic number of the site taken away */
} plan;

static void plan_rows(const sh_policy *p, sh_arena *arena, const sh_record *const *record, int64_t n, plan *out)
{
    const sh_constraints *c = sh_policy_space(p)->constraints;
    bool each_step = sh_policy_get_options(p)->group == SH_EACH_STEP;
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++)
        most += record[i]->n_step + 1;
    *out = (plan){
        .state_record = SH_PUSH(arena, const sh_record *, most), .state_t = SH_PUSH(arena, int32_t, most),
        .decision_row = SH_PUSH(arena, int32_t, most),           .decision = SH_PUSH(arena, int32_t, most),
        .decision_start = SH_PUSH(arena, int64_t, n + 1),        .go_row = SH_PUSH(arena, int32_t, most),
        .go_start = SH_PUSH(arena, int64_t, n + 1),              .go_step = SH_PUSH(arena, const sh_step *, most),
        .go_first = SH_PUSH(arena, bool, most),                  .element_mask = SH_PUSH(arena, uint8_t, most * c->n_element),
        .back_row = SH_PUSH(arena, int32_t, most),               .back_start = SH_PUSH(arena, int64_t, n + 1),
        .back_step = SH_PUSH(arena, const sh_step *, most),      .back_removed = SH_PUSH(arena, int32_t, most)};
    uint8_t *none = SH_PUSH(arena, uint8_t, c->n_element);
    for (int64_t i = 0; i < n; i++) {
        const sh_record *r = record[i];
        out->decision_start[i] = out->n_decision;
        out->go_start[i] = out->n_go;
        out->back_start[i] = out->n_back;
        sh_partial partial = sh_partial_empty(c);
        for (int32_t t = 0; t <= r->n_step; t++) {
            bool last = t == r->n_step;
            uint8_t *mask = last ? none : out->element_mask + out->n_go * c->n_element;
            bool may_go = sh_mask_elements(c, &partial, mask) > 0, may_stop = sh_mask_stop(c, &partial);
            SH_ASSERT(last ? may_stop : may_go);
            bool back = each_step && t >= 2; /* s_t is where a backward step starts that has something to learn */
            int32_t row = 0;
            if (t > 0 && (!last || may_go || back)) {
                row = (int32_t)(1 + out->n_state);
                out->state_record[out->n_state] = r;
                out->state_t[out->n_state++] = t;
            }
            if (back) {
                out->back_row[out->n_back] = row;
                out->back_step[out->n_back] = &r->step[t - 2];
                out->back_removed[out->n_back++] = c->element[r->step[t - 1].elem_index];
            }
            if (may_go && may_stop) {
                out->decision_row[out->n_decision] = row;
                out->decision[out->n_decision++] = last;
            }
            if (last) break;
            out->go_row[out->n_go] = row;
            out->go_first[out->n_go] = t == 0;
            out->go_step[out->n_go++] = &r->step[t];
            partial = sh_partial_add(c, &partial, r->step[t].elem_index);
        }
    }
    out->decision_start[n] = out->n_decision;
    out->go_start[n] = out->n_go;
    out->back_start[n] = out->n_back;
}

/* Log-density of the group and of the free lattice parameters of `step` (R), given trunk rows of the two levels. active
 * NULL: all rows. Leaves in *seen the low rows with the group added. */
static const sh_tensor *log_prob_group_lattice(const sh_policy *p, sh_tape *tape, sh_direction direction,
                                               const sh_tensor *high, const sh_tensor *low,
                                               const sh_step *const *step, const bool *active, const sh_tensor **seen)
{
    int64_t n = low->rows;
    const sh_constraints *c = sh_policy_space(p)->constraints;
    uint8_t *allowed = SH_PUSH(tape->arena, uint8_t, SH_N_GROUP);
    for (int g = 0; g < SH_N_GROUP; g++)
        allowed[g] = c->group_allowed[g];
    int32_t *index = SH_PUSH(tape->arena, int32_t, n), *choice = SH_PUSH(tape->arena, int32_t, n);
    unsigned any_free = 0;
    for (int64_t i = 0; i < n; i++) {
        index[i] = step[i]->sg_number - 1;
        choice[i] = !active || active[i] ? index[i] : -1;
        if (choice[i] >= 0) any_free |= sh_family_free(sh_group_family(step[i]->sg_number));
    }
    const sh_tensor *sum =
        sh_log_prob_categorical(tape, sh_policy_group(p, tape, direction, high), allowed, 0, choice);
    const sh_tensor *h = *seen = sh_policy_with_group(p, tape, direction, low, index);
    for (int d = 0; d < 6; d++) {
        if (!(any_free >> d & 1)) continue;
        sh_real *code = SH_PUSH(tape->arena, sh_real, n * 6 * SH_LATTICE_CODE);
        double *y = SH_PUSH(tape->arena, double, n);
        uint8_t *free_here = SH_PUSH(tape->arena, uint8_t, n);
        for (int64_t i = 0; i < n; i++) {
            sh_lattice_code(step[i], d, code + i * 6 * SH_LATTICE_CODE);
            y[i] = step[i]->y[d];
            free_here[i] = choice[i] >= 0 && (sh_family_free(sh_group_family(step[i]->sg_number)) >> d & 1);
        }
        const sh_tensor *raw = sh_policy_lattice(p, tape, direction, h, code, d);
        sum = sh_sum(tape, sum, sh_log_prob_logit_normal(tape, raw, y, free_here));
    }
    return sum;
}

/* (G,1): all that a forward step chooses. */
static const sh_tensor *log_prob_steps(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows)
{
    const sh_constraints *c = sh_policy_space(p)->constraints;
    int64_t n = rows->n_go;
    const sh_tensor *high = sh_policy_rows(tape, e->trunk[SH_PF_HIGH], rows->go_row, n);
    const sh_tensor *low = sh_policy_rows(tape, e->trunk[SH_PF_LOW], rows->go_row, n);
    const bool *anew = sh_policy_get_options(p)->group == SH_EACH_STEP ? NULL : rows->go_first;
    const sh_tensor *h = NULL;
    const sh_tensor *sum = log_prob_group_lattice(p, tape, SH_FORWARD, high, low, rows->go_step, anew, &h);
    sh_real *code = SH_PUSH(tape->arena, sh_real, n * 6 * SH_LATTICE_CODE);
    int32_t *element = SH_PUSH(tape->arena, int32_t, n), *z = SH_PUSH(tape->arena, int32_t, n);
    double *x = SH_PUSH(tape->arena, double, 3 * n);
    uint8_t *active = SH_PUSH(tape->arena, uint8_t, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_step *step = rows->go_step[i];
        sh_lattice_code(step, 6, code + i * 6 * SH_LATTICE_CODE);
        element[i] = step->elem_index;
        z[i] = c->element[step->elem_index];
        active[i] = 1;
        for (int j = 0; j < 3; j++)
            x[3 * i + j] = step->frac[j];
    }
    h = sh_policy_with_lattice(p, tape, h, code);
    sum = sh_sum(tape, sum, sh_log_prob_categorical(tape, sh_policy_element(p, tape, h), rows->element_mask,
                                                    c->n_element, element));
    h = sh_policy_with_element(p, tape, h, z);
    return sh_sum(tape, sum, sh_log_prob_wrapped(tape, sh_policy_position(p, tape, h), x, active));
}

static const sh_tensor *log_prob_backward(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows)
{
    int64_t n = rows->n_back;
    const sh_tensor *high = sh_policy_rows(tape, e->trunk[SH_PB_HIGH], rows->back_row, n);
    const sh_tensor *low = sh_policy_rows(tape, e->trunk[SH_PB_LOW], rows->back_row, n);
    high = sh_policy_without(p, tape, SH_PB_HIGH, high, rows->back_removed);
    low = sh_policy_without(p, tape, SH_PB_LOW, low, rows->back_removed);
    const sh_tensor *h = NULL;
    return log_prob_group_lattice(p, tape, SH_BACKWARD, high, low, rows->back_step, NULL, &h);
}

sh_tensor *sh_objective(const sh_policy *p, sh_tape *tape, const sh_record *const *record, int64_t n,
                        const double *target, double scale, const sh_balance *out)
{
    sh_arena *arena = tape->arena;
    plan rows;
    plan_rows(p, arena, record, n, &rows);
    sh_states states = {0};
    if (rows.n_state)
        sh_states_build(sh_policy_space(p), sh_policy_get_options(p)->neighbours, rows.state_record, rows.state_t,
                        rows.n_state, arena, &states);
    sh_embedding e;
    sh_policy_embed(p, tape, &states, rows.n_back > 0, &e);

    const sh_tensor *log_pf = sh_segment_sum(tape, log_prob_steps(p, tape, &e, &rows), rows.go_start, n, NULL);
    if (rows.n_decision) {
        const sh_tensor *h = sh_policy_rows(tape, e.trunk[SH_PF_HIGH], rows.decision_row, rows.n_decision);
        const sh_tensor *stop =
            sh_log_prob_categorical(tape, sh_policy_stop(p, tape, h), NULL, 0, rows.decision);
        log_pf = sh_sum(tape, log_pf, sh_segment_sum(tape, stop, rows.decision_start, n, NULL));
    }
    const sh_tensor *log_pb =
        rows.n_back ? sh_segment_sum(tape, log_prob_backward(p, tape, &e, &rows), rows.back_start, n, NULL)
                    : sh_tape_constant(tape, SH_PUSH_ZERO(arena, sh_real, n), n, 1);

    /* The order of the sites, 1/n!, has nothing to learn: it goes with the target. */
    double *shifted = SH_PUSH(arena, double, n);
    for (int64_t i = 0; i < n; i++)
        shifted[i] = target[i] - lgamma(record[i]->n_step + 1.0);
    sh_tensor *loss =
        sh_trajectory_balance(tape, sh_policy_log_z(p), log_pf, log_pb, shifted, scale, out->residual);
    for (int64_t i = 0; i < n; i++) {
        out->log_pf[i] = (double)log_pf->data[i];
        out->log_pb[i] = (double)log_pb->data[i] - lgamma(record[i]->n_step + 1.0);
    }
    return loss;
}
