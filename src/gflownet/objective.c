#include "gflownet/objective.h"

#include <math.h>
#include <string.h>

#include "gflownet/dist_ops.h"
#include "mask.h"
#include "tensor/ops.h"

/* Which rows of the batch each log-probability is about. Rows stand in the order of (record, t), so that a record's
 * rows are a segment. */
typedef struct {
    int64_t n_state, n_decision, n_group, n_go, n_back;
    int64_t *start;        /* (n+1) transitions of each record: one from each of s_0 .. s_n */
    double *log_pb;        /* (T) of the order: the site of a step came last, one of t + 1 */
    int32_t *row;          /* (T) trunk row of the state a transition starts from */
    const sh_record **state_record; /* (n_state) */
    int32_t *state_t;               /* (n_state) */
    /* stop or go on, at s_0 .. s_n */
    int32_t *decision_row;   /* (D) row of the trunk: 0 for s_0, 1 + state */
    int32_t *decision;       /* (D) 0 go on, 1 stop */
    int32_t *decision_at;    /* (D) its transition */
    /* forward steps that choose a group */
    int32_t *group_row, *group_at;
    const sh_step **group_step;
    /* forward steps */
    int32_t *go_row; /* (G) */
    int32_t *go_at;
    const sh_step **go_step;
    uint8_t *element_mask;  /* (G, n_element) */
    uint8_t *position_mask; /* (G, SH_MAX_WYCKOFF), where sites are on Wyckoff positions */
    /* backward steps s_{t+1} -> s_t, t >= 1 */
    int32_t *back_row; /* (B) row of s_{t+1} */
    int32_t *back_at;
    const sh_step **back_step; /* the step that made s_t: its group and lattice are what is asked for */
    int32_t *back_removed;     /* (B) atomic number of the site taken away */
    /* lattice: last, drawn at s_n */
    int32_t *end_row, *end_at; /* (n) */
    const sh_step **end_step; /* (n) the last step, which holds the lattice */
} plan;

static void plan_rows(const sh_policy *p, sh_arena *arena, const sh_record *const *record, int64_t n, plan *out)
{
    const sh_space *space = sh_policy_space(p);
    const sh_constraints *c = space->constraints;
    const sh_rules rules = sh_space_rules(space);
    bool learns_backward = sh_policy_learns_backward(p), lattice_last = !sh_policy_lattice_each_step(p);
    bool wyckoff = space->sites == SH_SITES_WYCKOFF;
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++)
        most += record[i]->n_step + 1;
    *out = (plan){
        .start = SH_PUSH(arena, int64_t, n + 1),                 .log_pb = SH_PUSH(arena, double, most),
        .row = SH_PUSH(arena, int32_t, most),
        .state_record = SH_PUSH(arena, const sh_record *, most), .state_t = SH_PUSH(arena, int32_t, most),
        .decision_row = SH_PUSH(arena, int32_t, most),           .decision = SH_PUSH(arena, int32_t, most),
        .decision_at = SH_PUSH(arena, int32_t, most),            .go_row = SH_PUSH(arena, int32_t, most),
        .go_at = SH_PUSH(arena, int32_t, most),                  .go_step = SH_PUSH(arena, const sh_step *, most),
        .group_row = SH_PUSH(arena, int32_t, most),              .group_at = SH_PUSH(arena, int32_t, most),
        .group_step = SH_PUSH(arena, const sh_step *, most),     .element_mask = SH_PUSH(arena, uint8_t, most * c->n_element),
        .position_mask = wyckoff ? SH_PUSH(arena, uint8_t, most * SH_MAX_WYCKOFF) : NULL,
        .back_row = SH_PUSH(arena, int32_t, most),               .back_at = SH_PUSH(arena, int32_t, most),
        .back_step = SH_PUSH(arena, const sh_step *, most),      .back_removed = SH_PUSH(arena, int32_t, most),
        .end_row = SH_PUSH(arena, int32_t, n),                   .end_at = SH_PUSH(arena, int32_t, n),
        .end_step = SH_PUSH(arena, const sh_step *, n)};
    bool flows = sh_policy_get_options(p)->objective == SH_SUBTB;
    int32_t at = 0; /* transition */
    uint8_t *none = SH_PUSH(arena, uint8_t, c->n_element);
    for (int64_t i = 0; i < n; i++) {
        const sh_record *r = record[i];
        out->start[i] = at;
        sh_partial partial = sh_partial_empty(&rules);
        for (int32_t t = 0; t <= r->n_step; t++, at++) {
            bool last = t == r->n_step;
            uint8_t *mask = last ? none : out->element_mask + out->n_go * c->n_element;
            if (wyckoff && !last) partial.sg_number = r->step[t].sg_number; /* known when the element is chosen */
            bool may_go = sh_mask_elements(&rules, &partial, mask) > 0, may_stop = sh_mask_stop(&rules, &partial);
            SH_ASSERT(last ? may_stop : may_go);
            bool back = learns_backward && t >= 2; /* s_t is where a backward step starts that has something to learn */
            int32_t row = 0;
            if (t > 0 && (!last || may_go || back || lattice_last || flows)) {
                row = (int32_t)(1 + out->n_state);
                out->state_record[out->n_state] = r;
                out->state_t[out->n_state++] = t;
            }
            out->row[at] = row;
            out->log_pb[at] = last ? 0 : -log(t + 1.0);
            if (back) {
                out->back_at[out->n_back] = at - 1; /* of the transition that led here */
                out->back_row[out->n_back] = row;
                out->back_step[out->n_back] = &r->step[t - 2];
                out->back_removed[out->n_back++] = c->element[r->step[t - 1].elem_index];
            }
            if (may_go && may_stop) {
                out->decision_at[out->n_decision] = at;
                out->decision_row[out->n_decision] = row;
                out->decision[out->n_decision++] = last;
            }
            if (last) {
                out->end_row[i] = row;
                out->end_at[i] = at;
                out->end_step[i] = &r->step[t - 1];
                continue;
            }
            if (wyckoff)
                sh_mask_positions(&rules, &partial, r->step[t].elem_index, out->position_mask + out->n_go * SH_MAX_WYCKOFF);
            if (sh_policy_group_anew(p, t)) {
                out->group_at[out->n_group] = at;
                out->group_row[out->n_group] = row;
                out->group_step[out->n_group++] = &r->step[t];
            }
            out->go_at[out->n_go] = at;
            out->go_row[out->n_go] = row;
            out->go_step[out->n_go++] = &r->step[t];
            partial = sh_partial_add(&rules, &partial, &r->step[t]);
        }
    }
    out->start[n] = at;
}

static const int32_t *group_indices(sh_tape *tape, const sh_step *const *step, int64_t n)
{
    int32_t *index = SH_PUSH(tape->ws->arena, int32_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = step[i]->sg_number - 1;
    return SH_PUT(tape->ws, index, n);
}

/* (R,1): log-probability of the groups of `step`, from their logits. */
static const sh_tensor *log_prob_groups(const sh_policy *p, sh_tape *tape, const sh_tensor *logits, const sh_step *const *step)
{
    uint8_t *allowed = SH_PUSH(tape->ws->arena, uint8_t, SH_N_GROUP);
    const sh_rules rules = sh_space_rules(sh_policy_space(p));
    sh_mask_groups(&rules, allowed);
    return sh_log_prob_categorical(tape, logits, SH_PUT(tape->ws, allowed, SH_N_GROUP), 0, group_indices(tape, step, logits->rows));
}

/* (R,1): log-density of the free lattice parameters of `step`, h with the group. NULL where none is free. */
static const sh_tensor *log_prob_lattice(const sh_policy *p, sh_tape *tape, sh_direction direction, const sh_tensor *h,
                                         const sh_step *const *step)
{
    int64_t n = h->rows;
    const sh_tensor *sum = NULL;
    for (int d = 0; d < 6; d++) {
        sh_real *code = SH_PUSH(tape->ws->arena, sh_real, n * 6 * SH_LATTICE_CODE);
        double *y = SH_PUSH(tape->ws->arena, double, n);
        uint8_t *free_here = SH_PUSH(tape->ws->arena, uint8_t, n), any = 0;
        for (int64_t i = 0; i < n; i++) {
            sh_lattice_code(step[i], d, code + i * 6 * SH_LATTICE_CODE);
            y[i] = step[i]->y[d];
            any |= free_here[i] = sh_family_free(sh_group_family(step[i]->sg_number)) >> d & 1;
        }
        if (!any) continue;
        const sh_tensor *raw = sh_policy_lattice(p, tape, direction, h, SH_PUT(tape->ws, code, n * 6 * SH_LATTICE_CODE), d);
        const sh_tensor *density = sh_log_prob_logit_normal(tape, raw, SH_PUT(tape->ws, y, n), SH_PUT(tape->ws, free_here, n));
        sum = sum ? sh_sum(tape, sum, density) : density;
    }
    return sum;
}

/* (G,1): all that a forward step chooses but the group. */
static const sh_tensor *log_prob_steps(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows)
{
    const sh_space *space = sh_policy_space(p);
    const sh_constraints *c = space->constraints;
    const sh_wyckoffs *w = space->groups->wyckoffs;
    bool wyckoff = space->sites == SH_SITES_WYCKOFF;
    int64_t n = rows->n_go;
    const sh_tensor *low = sh_policy_rows(tape, e->trunk[SH_PF_LOW], SH_PUT(tape->ws, rows->go_row, n), n), *sum = NULL;
    const sh_tensor *h = sh_policy_with_group(p, tape, SH_FORWARD, low, group_indices(tape, rows->go_step, n));
    int32_t *element = SH_PUSH(tape->ws->arena, int32_t, n), *z = SH_PUSH(tape->ws->arena, int32_t, n);
    int32_t *choice = SH_PUSH(tape->ws->arena, int32_t, n), *position = SH_PUSH(tape->ws->arena, int32_t, n);
    double *x = SH_PUSH(tape->ws->arena, double, 3 * n);
    uint8_t *dim = SH_PUSH(tape->ws->arena, uint8_t, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_step *step = rows->go_step[i];
        element[i] = step->elem_index;
        z[i] = c->element[step->elem_index];
        choice[i] = step->wyckoff;
        position[i] = wyckoff ? w->start[step->sg_number - 1] + step->wyckoff : 0;
        dim[i] = wyckoff ? (uint8_t)w->position[position[i]].dim : 3;
        for (int j = 0; j < 3; j++)
            x[3 * i + j] = step->frac[j];
    }
    if (sh_policy_lattice_each_step(p)) {
        sh_real *code = SH_PUSH(tape->ws->arena, sh_real, n * 6 * SH_LATTICE_CODE);
        sum = log_prob_lattice(p, tape, SH_FORWARD, h, rows->go_step);
        for (int64_t i = 0; i < n; i++)
            sh_lattice_code(rows->go_step[i], 6, code + i * 6 * SH_LATTICE_CODE);
        h = sh_policy_with_lattice(p, tape, h, SH_PUT(tape->ws, code, n * 6 * SH_LATTICE_CODE));
    }
    const sh_tensor *of_element =
        sh_log_prob_categorical(tape, sh_policy_element(p, tape, h), SH_PUT(tape->ws, rows->element_mask, n * c->n_element), c->n_element,
                                SH_PUT(tape->ws, element, n));
    sum = sum ? sh_sum(tape, sum, of_element) : of_element;
    h = sh_policy_with_element(p, tape, h, SH_PUT(tape->ws, z, n));
    if (wyckoff) {
        sum = sh_sum(tape, sum, sh_log_prob_categorical(tape, sh_policy_wyckoff(p, tape, h), SH_PUT(tape->ws, rows->position_mask, n * SH_MAX_WYCKOFF),
                                                        SH_MAX_WYCKOFF, SH_PUT(tape->ws, choice, n)));
        h = sh_policy_with_wyckoff(p, tape, h, SH_PUT(tape->ws, position, n));
    }
    return sh_sum(tape, sum, sh_log_prob_wrapped(tape, sh_policy_position(p, tape, h), SH_PUT(tape->ws, x, 3 * n), SH_PUT(tape->ws, dim, n)));
}

static const sh_tensor *log_prob_backward(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows)
{
    int64_t n = rows->n_back;
    const sh_tensor *sum = NULL;
    const sh_tensor *h = sh_policy_rows(tape, e->trunk[SH_PB_LOW], SH_PUT(tape->ws, rows->back_row, n), n);
    h = sh_policy_without(p, tape, SH_PB_LOW, h, SH_PUT(tape->ws, rows->back_removed, n));
    if (sh_policy_get_options(p)->group == SH_EACH_STEP) {
        const sh_tensor *high = sh_policy_rows(tape, e->trunk[SH_PB_HIGH], SH_PUT(tape->ws, rows->back_row, n), n);
        high = sh_policy_without(p, tape, SH_PB_HIGH, high, SH_PUT(tape->ws, rows->back_removed, n));
        sum = log_prob_groups(p, tape, sh_policy_group(p, tape, SH_BACKWARD, high), rows->back_step);
        h = sh_policy_with_group(p, tape, SH_BACKWARD, h, group_indices(tape, rows->back_step, n));
    }
    if (!sh_policy_lattice_each_step(p)) return sum;
    const sh_tensor *lattice = log_prob_lattice(p, tape, SH_BACKWARD, h, rows->back_step);
    return sum ? sh_sum(tape, sum, lattice) : lattice;
}

/* (n,1): the lattice where it is drawn last. */
static const sh_tensor *log_prob_end(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows, int64_t n)
{
    const sh_tensor *low = sh_policy_rows(tape, e->trunk[SH_PF_LOW], SH_PUT(tape->ws, rows->end_row, n), n);
    const sh_tensor *h = sh_policy_with_group(p, tape, SH_FORWARD, low, group_indices(tape, rows->end_step, n));
    return log_prob_lattice(p, tape, SH_FORWARD, h, rows->end_step);
}

sh_tensor *sh_objective(const sh_policy *p, sh_tape *tape, const sh_record *const *record, int64_t n,
                        const double *target, double scale, const sh_balance *out)
{
    sh_arena *arena = tape->ws->arena;
    plan rows;
    plan_rows(p, arena, record, n, &rows);
    sh_states states = {0};
    int64_t *state_record = SH_PUSH(arena, int64_t, rows.n_state), *state_t = SH_PUSH(arena, int64_t, rows.n_state);
    size_t stride = sh_record_stride(sh_policy_space(p)->constraints->max_sites);
    char *block = SH_PUSH(arena, char, (size_t)rows.n_state * stride);
    sh_state_list list = {.n = rows.n_state};
    for (int64_t i = 0; i < rows.n_state; i++) {
        memcpy(block + (size_t)i * stride, rows.state_record[i], stride);
        state_record[i] = i;
        list.n_site += state_t[i] = rows.state_t[i];
    }
    list.rows = (sh_state_rows){
        .records = {.first = (char *)(uintptr_t)SH_PUT(tape->ws, block, (size_t)rows.n_state * stride), .n_first = rows.n_state,
                    .n = rows.n_state, .stride = (int64_t)stride},
        .record = SH_PUT(tape->ws, state_record, rows.n_state),
        .t = SH_PUT(tape->ws, state_t, rows.n_state)};
    if (rows.n_state) sh_states_build(sh_policy_space(p), sh_policy_get_options(p), tape->ws, &list, &states);
    sh_embedding e;
    sh_policy_embed(p, tape, &states, rows.n_back > 0, &e);

    sh_balance_args args = {.kind = sh_policy_get_options(p)->objective,
                            .lambda = sh_policy_get_options(p)->lambda,
                            .scale = scale,
                            .n = n,
                            .start = rows.start,
                            .log_pb = rows.log_pb,
                            .target = target,
                            .log_z = sh_policy_log_z(p)};
    const sh_tensor *group = sh_policy_next_group(p, tape, e.trunk[SH_PF_HIGH], SH_PUT(tape->ws, rows.group_row, rows.n_group), rows.n_group);
    args.part[args.n_part++] = (sh_balance_part){log_prob_groups(p, tape, group, rows.group_step), rows.group_at, false};
    args.part[args.n_part++] = (sh_balance_part){log_prob_steps(p, tape, &e, &rows), rows.go_at, false};
    if (rows.n_decision) {
        const sh_tensor *h = sh_policy_rows(tape, e.trunk[SH_PF_HIGH], SH_PUT(tape->ws, rows.decision_row, rows.n_decision), rows.n_decision);
        const sh_tensor *stop = sh_log_prob_categorical(tape, sh_policy_stop(p, tape, h), NULL, 0, SH_PUT(tape->ws, rows.decision, rows.n_decision));
        args.part[args.n_part++] = (sh_balance_part){stop, rows.decision_at, false};
    }
    if (!sh_policy_lattice_each_step(p))
        args.part[args.n_part++] = (sh_balance_part){log_prob_end(p, tape, &e, &rows, n), rows.end_at, false};
    if (rows.n_back) args.part[args.n_part++] = (sh_balance_part){log_prob_backward(p, tape, &e, &rows), rows.back_at, true};
    if (args.kind == SH_SUBTB) {
        args.flow = sh_policy_flow(p, tape, e.trunk[SH_PF_HIGH]);
        args.flow_row = rows.row;
    }
    return sh_balance_loss(tape, &args, out);
}
