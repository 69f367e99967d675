#include "gflownet/sampler.h"

#include "tensor/ops.h"

/* Which draw of a step serves which choice. */
enum { DRAW_STOP, DRAW_GROUP, DRAW_ELEMENT, DRAW_WYCKOFF, DRAW_LATTICE = 8, DRAW_POSITION = 24 };

typedef struct {
    const sh_policy *policy;
    sh_workspace *ws;
    sh_rules rules;
    sh_exploration exploration;
    uint64_t seed;
    const uint8_t *group_allowed; /* (230) there */
    /* Rows in hand: */
    int64_t n;
    sh_sample_rows rows;
    int64_t *next;        /* rows.record of another order */
    sh_real *kept;        /* (n,H) what the lattice is drawn from, where that is drawn last */
    int32_t *row;         /* of the trunk */
    int64_t *n_site;      /* of the states that the step leads to */
    int32_t *group_index; /* of their groups so far */
} sampler;

static sh_draw draw_of(const sampler *s, const sh_sample_rows *rows, uint32_t draw)
{
    return (sh_draw){
        .rows = *rows, .seed = s->seed, .draw = draw, .epsilon = s->exploration.epsilon, .widen = s->exploration.widen};
}

/* A choice for each row in hand, there; mask (n, logits) or with mask_stride 0 one row for all. */
static const int32_t *choose(const sampler *s, const sh_tensor *logits, const uint8_t *mask, int64_t mask_stride, uint32_t draw)
{
    const sh_draw_categorical_args args = {.draw = draw_of(s, &s->rows, draw),
                                           .logits = logits->data,
                                           .mask = mask,
                                           .mask_stride = mask_stride,
                                           .choice = SH_ROOM(s->ws, int32_t, logits->rows),
                                           .n = logits->cols};
    s->ws->be->draw_categorical(&args, logits->rows);
    return args.choice;
}

/* The first n rows in the order of `list`, NULL: as they stand. */
static void put_in_order(sampler *s, const int64_t *list, const int64_t *n_go, int64_t n)
{
    const sh_sample_order_args args = {.rows = s->rows,
                                       .list = list,
                                       .n_go = n_go,
                                       .record = s->next,
                                       .row = s->row,
                                       .n_site = s->n_site,
                                       .group_index = s->group_index};
    s->ws->be->sample_order(&args, n);
    s->next = (int64_t *)(uintptr_t)s->rows.record;
    s->rows.record = args.record;
    s->n = n;
}

/* Stop or go on at s_t, t >= 1. Those that go on stay in the rows, in their order. */
static void decide_stop(sampler *s, sh_tape *tape, const sh_tensor *trunk)
{
    int64_t n = s->n, *start = SH_ROOM(s->ws, int64_t, 3), *list = SH_ROOM(s->ws, int64_t, n);
    const sh_constraints *c = sh_policy_space(s->policy)->constraints;
    if (s->rows.t == c->max_sites || s->rows.t < c->min_sites) { /* all must stop, or nobody may */
        put_in_order(s, NULL, NULL, s->rows.t == c->max_sites ? 0 : n);
        return;
    }
    const sh_tensor *logits = sh_policy_stop(s->policy, tape, sh_rows_view(tape, trunk, 1, n));
    const sh_mask_stop_args args = {.rows = s->rows, .rules = s->rules, .mask = SH_ROOM(s->ws, uint8_t, 2 * n)};
    s->ws->be->mask_stop(&args, n);
    s->ws->be->sort_by_key(choose(s, logits, args.mask, 2, DRAW_STOP), n, 2, start, list);
    put_in_order(s, list, start + 1, sh_workspace_some(s->ws, start + 1, s->rows.records.n, n));
}

/* Lattices of the rows' records, h (R,H) with the group. Returns their code. */
static const sh_real *draw_lattices(const sampler *s, sh_tape *tape, const sh_tensor *h, const sh_sample_rows *rows)
{
    sh_real *code = SH_ROOM_ZERO(s->ws, sh_real, h->rows * 6 * SH_LATTICE_CODE);
    for (int d = 0; d < 6; d++) {
        if (!(sh_policy_free_parameters(s->policy) >> d & 1)) continue;
        const sh_draw_logit_normal_args args = {.draw = draw_of(s, rows, (uint32_t)(DRAW_LATTICE + 2 * d)),
                                                .raw = sh_policy_lattice(s->policy, tape, SH_FORWARD, h, code, d)->data,
                                                .d = d,
                                                .code = code,
                                                .n = sh_policy_get_options(s->policy)->mixture};
        s->ws->be->draw_logit_normal(&args, h->rows);
    }
    return code;
}

/* Everything of one step for those that go on, from their rows of the trunk. */
static void advance(const sampler *s, sh_tape *tape, const sh_embedding *embedding)
{
    const sh_policy *p = s->policy;
    const sh_backend *be = s->ws->be;
    int64_t n = s->n, n_element = sh_policy_space(p)->constraints->n_element;
    bool wyckoff = s->rules.sites == SH_SITES_WYCKOFF;
    const int32_t *group = NULL;
    if (sh_policy_group_anew(p, s->rows.t)) {
        const sh_tensor *logits = sh_policy_next_group(p, tape, embedding->trunk[SH_PF_HIGH], s->row, n);
        group = choose(s, logits, s->group_allowed, 0, DRAW_GROUP);
    }
    const sh_sample_group_args of_group = {.rows = s->rows,
                                           .rules = s->rules,
                                           .choice = group,
                                           .group_index = s->group_index,
                                           .mask = SH_ROOM(s->ws, uint8_t, n * n_element)};
    be->sample_group(&of_group, n);
    const sh_tensor *h = sh_policy_rows(tape, embedding->trunk[SH_PF_LOW], s->row, n);
    h = sh_policy_with_group(p, tape, SH_FORWARD, h, s->group_index);
    if (sh_policy_lattice_each_step(p)) h = sh_policy_with_lattice(p, tape, h, draw_lattices(s, tape, h, &s->rows));
    uint8_t *dim = SH_ROOM(s->ws, uint8_t, n);
    const sh_sample_element_args of_element = {
        .rows = s->rows,
        .rules = s->rules,
        .choice = choose(s, sh_policy_element(p, tape, h), of_group.mask, n_element, DRAW_ELEMENT),
        .z = SH_ROOM(s->ws, int32_t, n),
        .mask = SH_ROOM(s->ws, uint8_t, wyckoff ? n * SH_MAX_WYCKOFF : 0),
        .dim = dim};
    be->sample_element(&of_element, n);
    h = sh_policy_with_element(p, tape, h, of_element.z);
    if (wyckoff) {
        const sh_sample_wyckoff_args of_wyckoff = {
            .rows = s->rows,
            .rules = s->rules,
            .choice = choose(s, sh_policy_wyckoff(p, tape, h), of_element.mask, SH_MAX_WYCKOFF, DRAW_WYCKOFF),
            .position = SH_ROOM(s->ws, int32_t, n),
            .dim = dim};
        be->sample_wyckoff(&of_wyckoff, n);
        h = sh_policy_with_wyckoff(p, tape, h, of_wyckoff.position);
    }
    const sh_draw_wrapped_args of_position = {.draw = draw_of(s, &s->rows, DRAW_POSITION),
                                              .raw = sh_policy_position(p, tape, h)->data,
                                              .dim = dim,
                                              .n = sh_policy_get_options(p)->position_mixture};
    be->draw_wrapped(&of_position, n);
}

/* What the lattice will be drawn from if they stop at s_t. */
static void keep(const sampler *s, sh_tape *tape, const sh_tensor *trunk)
{
    const sh_tensor *h = sh_rows_view(tape, trunk, 1, s->n);
    const sh_sample_keep_args args = {.rows = s->rows, .x = h->data, .y = s->kept, .cols = h->cols};
    s->ws->be->sample_keep(&args, s->n);
}

/* The lattices of all, where they are drawn last. */
static void draw_last_lattices(const sampler *s)
{
    const sh_record_list *records = &s->rows.records;
    int64_t n = records->n;
    sh_tape tape;
    sh_tape_begin(&tape, s->ws, false);
    const sh_sample_end_args args = {
        .records = *records, .record = SH_ROOM(s->ws, int64_t, n), .group_index = SH_ROOM(s->ws, int32_t, n)};
    s->ws->be->sample_end(&args, n);
    const sh_tensor *h = sh_tape_constant(&tape, s->kept, n, SH_TRUNK);
    h = sh_policy_with_group(s->policy, &tape, SH_FORWARD, h, args.group_index);
    draw_lattices(s, &tape, h, &(sh_sample_rows){.records = *records, .record = args.record, .t = SH_T_END});
}

void sh_sample_there(const sh_policy *policy, sh_workspace *ws, uint64_t seed, uint64_t first_traj, const sh_exploration *exploration,
                     const sh_record_list *records)
{
    const sh_space *space = sh_policy_space(policy);
    int64_t n = records->n, *record = SH_ROOM(ws, int64_t, n);
    bool lattice_last = !sh_policy_lattice_each_step(policy), blanks = sh_workspace_is_planned(ws);
    sampler s = {.policy = policy,
                 .ws = ws,
                 .rules = sh_space_rules_there(space),
                 .exploration = *exploration,
                 .seed = seed,
                 .group_allowed = sh_policy_groups(policy, ws),
                 .n = n,
                 .rows = {.records = *records, .record = record},
                 .next = SH_ROOM(ws, int64_t, n),
                 .row = SH_ROOM(ws, int32_t, n),
                 .n_site = SH_ROOM(ws, int64_t, n),
                 .group_index = SH_ROOM(ws, int32_t, n)};
    const sh_sample_begin_args begin = {.records = *records,
                                        .first_traj = first_traj,
                                        .max_sites = space->constraints->max_sites,
                                        .record = record,
                                        .row = s.row,
                                        .n_site = s.n_site};
    if (lattice_last) s.kept = SH_ROOM(ws, sh_real, n * SH_TRUNK);
    ws->be->sample_begin(&begin, n + blanks);
    for (; s.n > 0; s.rows.t++) {
        if (s.rows.t == space->constraints->max_sites && !lattice_last) return; /* all stop, and nobody needs to look at them */
        sh_workspace_part(ws, s.rows.t);
        sh_workspace_mark mark = sh_workspace_get_mark(ws);
        sh_tape tape;
        sh_tape_begin(&tape, ws, false);
        sh_states states = {0};
        const sh_state_list list = {
            .rows = {.records = *records, .record = s.rows.record, .t = s.n_site}, .n = s.n, .n_site = s.n * s.rows.t};
        if (s.rows.t > 0) sh_states_build(space, sh_policy_get_options(policy), ws, &list, &states);
        sh_embedding embedding;
        sh_policy_embed(policy, &tape, &states, false, &embedding);
        if (s.rows.t > 0 && lattice_last) keep(&s, &tape, embedding.trunk[SH_PF_LOW]);
        if (s.rows.t > 0) decide_stop(&s, &tape, embedding.trunk[SH_PF_HIGH]);
        if (s.n > 0) advance(&s, &tape, &embedding);
        sh_workspace_release(ws, mark);
    }
    if (lattice_last) draw_last_lattices(&s);
}

void sh_sample(const sh_policy *policy, sh_workspace *ws, uint64_t seed, uint64_t first_traj, int64_t n,
               const sh_exploration *exploration, sh_records *records)
{
    sh_record_list there = sh_records_begin(ws, records, n);
    sh_sample_there(policy, ws, seed, first_traj, exploration, &there);
    sh_records_fetch(ws, &there, records);
    ws->be->wait();
}
