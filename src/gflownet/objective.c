#include "gflownet/objective.h"

#include "gflownet/dist_ops.h"
#include "tensor/ops.h"

/* Steps of records, as rows of heads; arrays are there. */
typedef struct {
    int64_t n;
    int64_t *record, *t;
    int32_t *trunk; /* the row of the trunk that a step is chosen from */
} step_rows;

/* Rows stand in the order of (record, t); what is what: sh_objective_rows_args. */
typedef struct {
    int64_t n, n_transition;
    sh_objective_rows_args a;
    step_rows steps, back, end;
} plan;

static step_rows make_rows(sh_workspace *ws, int64_t n)
{
    return (step_rows){n, SH_ROOM(ws, int64_t, n), SH_ROOM(ws, int64_t, n), SH_ROOM(ws, int32_t, n)};
}

static void plan_rows(const sh_policy *p, sh_workspace *ws, const sh_record_list *records, plan *out)
{
    const sh_space *space = sh_policy_space(p);
    int64_t n = records->n, n_step = records->n_step, n_transition = n_step + n;
    bool learns_backward = sh_policy_learns_backward(p), wyckoff = space->sites == SH_SITES_WYCKOFF;
    int64_t n_back = learns_backward ? n_step - n : 0;
    int64_t *count = SH_ROOM(ws, int64_t, n), *start = SH_ROOM(ws, int64_t, n + 1);
    const sh_transitions_args transitions = {.records = *records, .count = count};
    ws->be->transitions(&transitions, n);
    ws->be->offsets(count, n, start);
    *out = (plan){.n = n,
                  .n_transition = n_transition,
                  .steps = make_rows(ws, n_step),
                  .back = make_rows(ws, n_back),
                  .end = make_rows(ws, n)};
    out->a = (sh_objective_rows_args){.records = *records,
                                      .rules = sh_space_rules_there(space),
                                      .n = n,
                                      .start = start,
                                      .group_each_step = sh_policy_group_anew(p, 1),
                                      .learns_backward = learns_backward,
                                      .lattice_last = !sh_policy_lattice_each_step(p),
                                      .log_pb = SH_ROOM(ws, double, n_transition),
                                      .trunk_row = SH_ROOM(ws, int32_t, n_transition),
                                      .decision_row = SH_ROOM(ws, int32_t, n_transition),
                                      .group_row = SH_ROOM(ws, int32_t, n_transition),
                                      .step_row = SH_ROOM(ws, int32_t, n_transition),
                                      .back_row = SH_ROOM(ws, int32_t, n_transition),
                                      .end_row = SH_ROOM(ws, int32_t, n_transition),
                                      .decision = SH_ROOM(ws, int32_t, n_step),
                                      .state_record = SH_ROOM(ws, int64_t, n_step),
                                      .state_t = SH_ROOM(ws, int64_t, n_step),
                                      .step_record = out->steps.record,
                                      .step_t = out->steps.t,
                                      .step_trunk = out->steps.trunk,
                                      .element_mask = SH_ROOM(ws, uint8_t, n_step * space->constraints->n_element),
                                      .position_mask = wyckoff ? SH_ROOM(ws, uint8_t, n_step * SH_MAX_WYCKOFF) : NULL,
                                      .back_record = out->back.record,
                                      .back_t = out->back.t,
                                      .back_trunk = out->back.trunk,
                                      .back_removed = SH_ROOM(ws, int32_t, n_back),
                                      .end_record = out->end.record,
                                      .end_t = out->end.t,
                                      .end_trunk = out->end.trunk};
    ws->be->objective_rows(&out->a, n);
}

/* The groups of the steps, and their lattices where asked; the rest of what steps chose where `whole`. */
static sh_chosen_args chosen_of(const sh_policy *p, sh_workspace *ws, const plan *rows, const step_rows *steps, bool lattice, bool whole)
{
    int64_t n = steps->n;
    sh_chosen_args c = {.records = rows->a.records,
                        .rules = sh_space_rules_there(sh_policy_space(p)),
                        .n = n,
                        .record = steps->record,
                        .t = steps->t,
                        .group = SH_ROOM(ws, int32_t, n)};
    if (lattice) {
        c.code = SH_ROOM(ws, sh_real, 7 * n * 6 * SH_LATTICE_CODE);
        c.y = SH_ROOM(ws, double, 6 * n);
        c.is_free = SH_ROOM(ws, uint8_t, 6 * n);
    }
    if (whole) {
        c.element = SH_ROOM(ws, int32_t, n);
        c.z = SH_ROOM(ws, int32_t, n);
        c.wyckoff = SH_ROOM(ws, int32_t, n);
        c.position = SH_ROOM(ws, int32_t, n);
        c.dim = SH_ROOM(ws, uint8_t, n);
        c.x = SH_ROOM(ws, double, 3 * n);
    }
    ws->be->chosen(&c, n);
    return c;
}

static const sh_real *code_of(const sh_chosen_args *c, int before)
{
    return c->code + before * c->n * 6 * SH_LATTICE_CODE;
}

/* (R,1): log-probability of groups, from their logits. */
static const sh_tensor *log_prob_groups(const sh_policy *p, sh_tape *tape, const sh_tensor *logits, const int32_t *group)
{
    return sh_log_prob_categorical(tape, logits, sh_policy_groups(p, tape->ws), 0, group);
}

/* (R,1): log-density of the free lattice parameters, h with the group. NULL where no allowed group has any. */
static const sh_tensor *log_prob_lattice(const sh_policy *p, sh_tape *tape, sh_direction direction, const sh_tensor *h,
                                         const sh_chosen_args *c)
{
    const sh_tensor *sum = NULL;
    const unsigned some = sh_policy_free_parameters(p);
    for (int d = 0; d < 6; d++) {
        if (!(some >> d & 1)) continue;
        const sh_tensor *raw = sh_policy_lattice(p, tape, direction, h, code_of(c, d), d);
        const sh_tensor *density = sh_log_prob_logit_normal(tape, raw, c->y + d * c->n, c->is_free + d * c->n);
        sum = sum ? sh_sum(tape, sum, density) : density;
    }
    return sum;
}

/* (S,1): all that a forward step chooses but the group. */
static const sh_tensor *log_prob_steps(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows, const sh_chosen_args *c)
{
    const sh_space *space = sh_policy_space(p);
    const sh_tensor *sum = NULL, *h = sh_policy_rows(tape, e->trunk[SH_PF_LOW], rows->steps.trunk, rows->steps.n);
    h = sh_policy_with_group(p, tape, SH_FORWARD, h, c->group);
    if (sh_policy_lattice_each_step(p)) {
        sum = log_prob_lattice(p, tape, SH_FORWARD, h, c);
        h = sh_policy_with_lattice(p, tape, h, code_of(c, 6));
    }
    const sh_tensor *of_element = sh_log_prob_categorical(tape, sh_policy_element(p, tape, h), rows->a.element_mask,
                                                          space->constraints->n_element, c->element);
    sum = sum ? sh_sum(tape, sum, of_element) : of_element;
    h = sh_policy_with_element(p, tape, h, c->z);
    if (space->sites == SH_SITES_WYCKOFF) {
        sum = sh_sum(tape, sum, sh_log_prob_categorical(tape, sh_policy_wyckoff(p, tape, h), rows->a.position_mask,
                                                        SH_MAX_WYCKOFF, c->wyckoff));
        h = sh_policy_with_wyckoff(p, tape, h, c->position);
    }
    return sh_sum(tape, sum, sh_log_prob_wrapped(tape, sh_policy_position(p, tape, h), c->x, c->dim));
}

static const sh_tensor *log_prob_backward(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows)
{
    const step_rows *back = &rows->back;
    bool lattice = sh_policy_lattice_each_step(p);
    const sh_chosen_args c = chosen_of(p, tape->ws, rows, back, lattice, false);
    const sh_tensor *sum = NULL;
    const sh_tensor *h = sh_policy_rows(tape, e->trunk[SH_PB_LOW], back->trunk, back->n);
    h = sh_policy_without(p, tape, SH_PB_LOW, h, rows->a.back_removed);
    if (sh_policy_get_options(p)->group == SH_EACH_STEP) {
        const sh_tensor *high = sh_policy_rows(tape, e->trunk[SH_PB_HIGH], back->trunk, back->n);
        high = sh_policy_without(p, tape, SH_PB_HIGH, high, rows->a.back_removed);
        sum = log_prob_groups(p, tape, sh_policy_group(p, tape, SH_BACKWARD, high), c.group);
        h = sh_policy_with_group(p, tape, SH_BACKWARD, h, c.group);
    }
    if (!lattice) return sum;
    const sh_tensor *of_lattice = log_prob_lattice(p, tape, SH_BACKWARD, h, &c);
    return sum && of_lattice ? sh_sum(tape, sum, of_lattice) : sum ? sum : of_lattice;
}

/* (n,1): the lattice where it is drawn last. */
static const sh_tensor *log_prob_end(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows, const sh_chosen_args *c)
{
    const sh_tensor *low = sh_policy_rows(tape, e->trunk[SH_PF_LOW], rows->end.trunk, rows->end.n);
    return log_prob_lattice(p, tape, SH_FORWARD, sh_policy_with_group(p, tape, SH_FORWARD, low, c->group), c);
}

/* The groups of forward steps: (S,1), or with group: once (n,1), from s_0. */
static const sh_tensor *log_prob_next_groups(const sh_policy *p, sh_tape *tape, const sh_embedding *e, const plan *rows,
                                             const sh_chosen_args *steps, const sh_chosen_args *ends)
{
    bool each = sh_policy_group_anew(p, 1);
    int64_t n = each ? rows->steps.n : rows->n;
    const int32_t *from = each ? rows->steps.trunk : SH_ROOM_ZERO(tape->ws, int32_t, n);
    return log_prob_groups(p, tape, sh_policy_next_group(p, tape, e->trunk[SH_PF_HIGH], from, n), each ? steps->group : ends->group);
}

static void add_part(sh_balance_args *args, const sh_tensor *log_p, const int32_t *row, bool backward)
{
    if (log_p) args->part[args->n_part++] = (sh_balance_part){log_p, row, backward};
}

sh_tensor *sh_objective(const sh_policy *p, sh_tape *tape, const sh_record_list *records, const double *target, double scale,
                        const sh_balance *out)
{
    plan rows;
    sh_states states;
    sh_embedding e;
    const sh_policy_options *options = sh_policy_get_options(p);
    plan_rows(p, tape->ws, records, &rows);
    const sh_state_list list = {
        .rows = {.records = *records, .record = rows.a.state_record, .t = rows.a.state_t}, .n = records->n_step, .n_site = records->n_site};
    sh_states_build(sh_policy_space(p), options, tape->ws, &list, &states);
    sh_policy_embed(p, tape, &states, rows.back.n > 0, &e);

    sh_balance_args args = {.kind = options->objective,
                            .lambda = options->lambda,
                            .scale = scale,
                            .n = rows.n,
                            .n_transition = rows.n_transition,
                            .start = rows.a.start,
                            .log_pb = rows.a.log_pb,
                            .target = target,
                            .log_z = sh_policy_log_z(p)};
    const sh_chosen_args steps = chosen_of(p, tape->ws, &rows, &rows.steps, sh_policy_lattice_each_step(p), true);
    sh_chosen_args ends = {0}; /* read where something is drawn once */
    if (rows.a.lattice_last || !rows.a.group_each_step) ends = chosen_of(p, tape->ws, &rows, &rows.end, rows.a.lattice_last, false);
    add_part(&args, log_prob_next_groups(p, tape, &e, &rows, &steps, &ends), rows.a.group_row, false);
    add_part(&args, log_prob_steps(p, tape, &e, &rows, &steps), rows.a.step_row, false);
    const sh_tensor *h = sh_rows_view(tape, e.trunk[SH_PF_HIGH], 1, records->n_step); /* s_0 never stops */
    add_part(&args, sh_log_prob_categorical(tape, sh_policy_stop(p, tape, h), NULL, 0, rows.a.decision), rows.a.decision_row, false);
    if (rows.a.lattice_last) add_part(&args, log_prob_end(p, tape, &e, &rows, &ends), rows.a.end_row, false);
    if (rows.back.n) add_part(&args, log_prob_backward(p, tape, &e, &rows), rows.a.back_row, true);
    if (args.kind == SH_SUBTB) {
        args.flow = sh_policy_flow(p, tape, e.trunk[SH_PF_HIGH]);
        args.flow_row = rows.a.trunk_row;
    }
    return sh_balance_loss(tape, &args, out);
}
