#include "gflownet/sampler.h"

#include <math.h>
#include <string.h>

#include "dist.h"
#include "gflownet/dist_ops.h"
#include "gflownet/mask.h"

/* Which draw of a step serves which choice. */
enum { DRAW_STOP, DRAW_GROUP, DRAW_ELEMENT, DRAW_WYCKOFF, DRAW_LATTICE = 8, DRAW_POSITION = 24 };

typedef struct {
    const sh_policy *policy;
    const sh_space *space;
    sh_exploration exploration;
    uint64_t seed;
    sh_record **record; /* of the rows in hand */
    int32_t t;          /* step */
} sampler;

/* The numbers of a draw for these records. */
static sh_draw_numbers numbers_of(const sampler *s, sh_tape *tape, sh_record *const *record, int64_t n, uint32_t draw)
{
    uint64_t *traj = SH_PUSH(tape->ws->arena, uint64_t, n);
    for (int64_t i = 0; i < n; i++)
        traj[i] = record[i]->traj;
    return (sh_draw_numbers){.seed = s->seed,
                             .traj = SH_PUT(tape->ws, traj, n),
                             .step = (uint32_t)s->t,
                             .draw = draw,
                             .epsilon = s->exploration.epsilon,
                             .widen = s->exploration.widen};
}

/* A choice for each record in hand, mask (n, logits) or with mask_stride 0 one row for all; log P_F is added. */
static const sh_drawn_choice *choose(const sampler *s, sh_tape *tape, const sh_tensor *logits, const uint8_t *mask,
                                     int64_t mask_stride, uint32_t draw)
{
    int64_t n = logits->rows;
    sh_drawn_choice *out = SH_PUSH(tape->ws->room, sh_drawn_choice, n);
    const sh_draw_categorical_args args = {.logits = logits->data,
                                           .mask = SH_PUT(tape->ws, mask, mask_stride ? n * mask_stride : logits->cols),
                                           .mask_stride = mask_stride,
                                           .numbers = numbers_of(s, tape, s->record, n, draw),
                                           .out = out,
                                           .n = logits->cols};
    tape->ws->be->draw_categorical(&args, n);
    const sh_drawn_choice *drawn = SH_BRING(tape->ws, out, n);
    for (int64_t i = 0; i < n; i++)
        s->record[i]->log_pf += drawn[i].log_p;
    return drawn;
}

/* Stop or go on. Those that go on come first in s->record and `row`, those that stop are put into `stopped` and `stopped_row`;
 * the order is kept in both. Returns how many go on. logits NULL: all must stop. */
static int64_t decide_stop(sampler *s, sh_tape *tape, const sh_tensor *logits, int32_t *row, int64_t n, sh_record **stopped,
                           int32_t *stopped_row)
{
    int64_t n_go = 0, n_stop = 0;
    const sh_drawn_choice *drawn = NULL;
    if (logits) {
        uint8_t *mask = SH_PUSH(tape->ws->arena, uint8_t, 2 * n);
        uint8_t *element_mask = SH_PUSH(tape->ws->arena, uint8_t, s->space->constraints->n_element);
        for (int64_t i = 0; i < n; i++) {
            sh_partial partial = sh_partial_of(s->space, s->record[i], s->t);
            mask[2 * i] = sh_mask_elements(s->space, &partial, element_mask) > 0;
            mask[2 * i + 1] = sh_mask_stop(s->space, &partial);
            SH_ASSERT(mask[2 * i] || mask[2 * i + 1]);
        }
        drawn = choose(s, tape, logits, mask, 2, DRAW_STOP);
    }
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        if (!drawn || drawn[i].choice) {
            r->n_step = s->t;
            stopped[n_stop] = r;
            stopped_row[n_stop++] = row[i];
        } else {
            s->record[n_go] = r;
            row[n_go++] = row[i];
        }
    }
    return n_go;
}

static void draw_groups(const sampler *s, sh_tape *tape, const sh_tensor *logits, const uint8_t *allowed)
{
    const sh_drawn_choice *drawn = choose(s, tape, logits, allowed, 0, DRAW_GROUP);
    for (int64_t i = 0; i < logits->rows; i++)
        s->record[i]->step[s->t].sg_number = 1 + (int32_t)drawn[i].choice;
}

static unsigned free_of(const sh_record *r, int32_t t)
{
    return sh_family_free(sh_group_family(r->step[t].sg_number));
}

/* The lattices of step t of the records, h (n,H) with the group. */
static void draw_lattices(const sampler *s, sh_tape *tape, const sh_tensor *h, sh_record *const *record, int32_t t, int64_t n)
{
    sh_real *code = SH_PUSH(tape->ws->arena, sh_real, n * 6 * SH_LATTICE_CODE);
    uint8_t *active = SH_PUSH(tape->ws->arena, uint8_t, n);
    for (int d = 0; d < 6; d++) {
        bool any = false;
        for (int64_t i = 0; i < n; i++) {
            active[i] = free_of(record[i], t) >> d & 1;
            any = any || active[i];
            sh_lattice_code(&record[i]->step[t], d, code + i * 6 * SH_LATTICE_CODE);
        }
        if (!any) continue;
        sh_drawn_logit *out = SH_PUSH(tape->ws->room, sh_drawn_logit, n);
        const sh_draw_logit_normal_args args = {
            .raw = sh_policy_lattice(s->policy, tape, SH_FORWARD, h, SH_PUT(tape->ws, code, n * 6 * SH_LATTICE_CODE), d)->data,
            .active = SH_PUT(tape->ws, active, n),
            .numbers = numbers_of(s, tape, record, n, (uint32_t)(DRAW_LATTICE + 2 * d)),
            .out = out,
            .n = sh_policy_get_options(s->policy)->mixture};
        tape->ws->be->draw_logit_normal(&args, n);
        const sh_drawn_logit *drawn = SH_BRING(tape->ws, out, n);
        for (int64_t i = 0; i < n; i++) {
            if (!active[i]) continue;
            record[i]->step[t].y[d] = drawn[i].y;
            record[i]->log_pf += drawn[i].log_p;
        }
    }
}

static void draw_elements(const sampler *s, sh_tape *tape, const sh_tensor *logits)
{
    uint8_t *mask = SH_PUSH(tape->ws->arena, uint8_t, sh_size(logits));
    for (int64_t i = 0; i < logits->rows; i++) {
        sh_partial partial = sh_partial_of(s->space, s->record[i], s->t);
        partial.sg_number = s->record[i]->step[s->t].sg_number;
        sh_mask_elements(s->space, &partial, mask + i * logits->cols);
    }
    const sh_drawn_choice *drawn = choose(s, tape, logits, mask, logits->cols, DRAW_ELEMENT);
    for (int64_t i = 0; i < logits->rows; i++)
        s->record[i]->step[s->t].elem_index = (int32_t)drawn[i].choice;
}

static void draw_wyckoffs(const sampler *s, sh_tape *tape, const sh_tensor *logits)
{
    uint8_t *mask = SH_PUSH(tape->ws->arena, uint8_t, sh_size(logits));
    for (int64_t i = 0; i < logits->rows; i++) {
        const sh_step *step = &s->record[i]->step[s->t];
        sh_partial partial = sh_partial_of(s->space, s->record[i], s->t);
        partial.sg_number = step->sg_number;
        sh_mask_positions(s->space, &partial, step->elem_index, mask + i * SH_MAX_WYCKOFF);
    }
    const sh_drawn_choice *drawn = choose(s, tape, logits, mask, SH_MAX_WYCKOFF, DRAW_WYCKOFF);
    for (int64_t i = 0; i < logits->rows; i++)
        s->record[i]->step[s->t].wyckoff = (int32_t)drawn[i].choice;
}

/* Free parameters of the sites; dim (n). */
static void draw_positions(const sampler *s, sh_tape *tape, const sh_tensor *raw, const uint8_t *dim)
{
    int64_t n = raw->rows;
    sh_drawn_position *out = SH_PUSH(tape->ws->room, sh_drawn_position, n);
    const sh_draw_wrapped_args args = {.raw = raw->data,
                                       .dim = SH_PUT(tape->ws, dim, n),
                                       .numbers = numbers_of(s, tape, s->record, n, DRAW_POSITION),
                                       .out = out,
                                       .n = sh_policy_get_options(s->policy)->position_mixture};
    tape->ws->be->draw_wrapped(&args, n);
    const sh_drawn_position *drawn = SH_BRING(tape->ws, out, n);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        for (int j = 0; j < dim[i]; j++)
            r->step[s->t].frac[j] = drawn[i].x[j];
        if (dim[i]) r->log_pf += drawn[i].log_p;
    }
}

/* Everything of one step for those that go on, from their rows of the trunk. */
static void advance(sampler *s, sh_tape *tape, const sh_embedding *embedding, const int32_t *row, int64_t n,
                    const uint8_t *group_allowed)
{
    const sh_policy *p = s->policy;
    const sh_wyckoffs *w = s->space->groups->wyckoffs;
    int32_t *index = SH_PUSH(tape->ws->arena, int32_t, n);
    uint8_t *dim = SH_PUSH(tape->ws->arena, uint8_t, n);
    if (sh_policy_group_anew(p, s->t))
        draw_groups(s, tape, sh_policy_next_group(p, tape, embedding->trunk[SH_PF_HIGH], SH_PUT(tape->ws, row, n), n), group_allowed);
    else
        for (int64_t i = 0; i < n; i++)
            s->record[i]->step[s->t].sg_number = s->record[i]->step[s->t - 1].sg_number;
    for (int64_t i = 0; i < n; i++)
        index[i] = s->record[i]->step[s->t].sg_number - 1;
    const sh_tensor *h = sh_policy_rows(tape, embedding->trunk[SH_PF_LOW], SH_PUT(tape->ws, row, n), n);
    h = sh_policy_with_group(p, tape, SH_FORWARD, h, SH_PUT(tape->ws, index, n));
    if (sh_policy_lattice_each_step(p)) {
        sh_real *code = SH_PUSH(tape->ws->arena, sh_real, n * 6 * SH_LATTICE_CODE);
        draw_lattices(s, tape, h, s->record, s->t, n);
        for (int64_t i = 0; i < n; i++)
            sh_lattice_code(&s->record[i]->step[s->t], 6, code + i * 6 * SH_LATTICE_CODE);
        h = sh_policy_with_lattice(p, tape, h, SH_PUT(tape->ws, code, n * 6 * SH_LATTICE_CODE));
    }
    draw_elements(s, tape, sh_policy_element(p, tape, h));
    for (int64_t i = 0; i < n; i++)
        index[i] = s->space->constraints->element[s->record[i]->step[s->t].elem_index];
    h = sh_policy_with_element(p, tape, h, SH_PUT(tape->ws, index, n));
    if (s->space->sites == SH_SITES_WYCKOFF) {
        draw_wyckoffs(s, tape, sh_policy_wyckoff(p, tape, h));
        for (int64_t i = 0; i < n; i++) {
            const sh_step *step = &s->record[i]->step[s->t];
            index[i] = w->start[step->sg_number - 1] + step->wyckoff;
            dim[i] = (uint8_t)w->position[index[i]].dim;
        }
        h = sh_policy_with_wyckoff(p, tape, h, SH_PUT(tape->ws, index, n));
    } else {
        for (int64_t i = 0; i < n; i++) {
            s->record[i]->step[s->t].wyckoff = -1;
            dim[i] = 3;
        }
    }
    draw_positions(s, tape, sh_policy_position(p, tape, h), dim);
}

/* The lattice of those that stopped at s_t, where it is drawn last. */
static void finish(const sampler *s, sh_tape *tape, const sh_tensor *h_low, sh_record *const *record, int64_t n)
{
    int32_t *index = SH_PUSH(tape->ws->arena, int32_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = record[i]->step[s->t - 1].sg_number - 1;
    draw_lattices(s, tape, sh_policy_with_group(s->policy, tape, SH_FORWARD, h_low, SH_PUT(tape->ws, index, n)), record, s->t - 1, n);
}

void sh_sample(const sh_policy *policy, sh_workspace *ws, uint64_t seed, uint64_t first_traj, int64_t n,
               const sh_exploration *exploration, sh_records *records)
{
    sh_arena *arena = ws->arena;
    const sh_space *space = sh_policy_space(policy);
    bool lattice_last = !sh_policy_lattice_each_step(policy);
    sh_records_resize(records, 0);
    sh_records_resize(records, n);
    sampler s = {.policy = policy, .space = space, .exploration = *exploration, .seed = seed};
    s.record = SH_PUSH(arena, sh_record *, n);
    sh_record **stopped = SH_PUSH(arena, sh_record *, n);
    int32_t *t = SH_PUSH(arena, int32_t, n), *row = SH_PUSH(arena, int32_t, n), *stopped_row = SH_PUSH(arena, int32_t, n);
    uint8_t *group_allowed = SH_PUSH(arena, uint8_t, SH_N_GROUP);
    sh_mask_groups(space, group_allowed);
    for (int64_t i = 0; i < n; i++) {
        s.record[i] = sh_record_at(records, i);
        s.record[i]->traj = first_traj + (uint64_t)i;
    }
    for (s.t = 0; n > 0; s.t++) {
        bool full = s.t == space->constraints->max_sites; /* all must stop */
        if (full && !lattice_last) { /* and nobody needs to look at them */
            decide_stop(&s, NULL, NULL, row, n, stopped, stopped_row);
            return;
        }
        sh_tape tape;
        sh_tape_begin(&tape, ws, false);
        sh_workspace_mark mark = sh_workspace_get_mark(ws);
        sh_states states = {0};
        for (int64_t i = 0; i < n; i++) {
            t[i] = s.t;
            row[i] = s.t == 0 ? 0 : (int32_t)(1 + i); /* row 0 of a trunk is s_0 */
        }
        if (s.t > 0)
            sh_states_build(space, sh_policy_get_options(policy), (const sh_record *const *)s.record, t, n, ws, &states);
        sh_embedding embedding;
        sh_policy_embed(policy, &tape, &states, false, &embedding);
        const sh_tensor *logits = NULL;
        if (!full) logits = sh_policy_stop(policy, &tape, sh_policy_rows(&tape, embedding.trunk[SH_PF_HIGH], SH_PUT(ws, row, n), n));
        int64_t n_go = decide_stop(&s, &tape, logits, row, n, stopped, stopped_row), n_stop = n - n_go;
        if (lattice_last && n_stop)
            finish(&s, &tape, sh_policy_rows(&tape, embedding.trunk[SH_PF_LOW], SH_PUT(ws, stopped_row, n_stop), n_stop), stopped, n_stop);
        n = n_go;
        if (n > 0)
            advance(&s, &tape, &embedding, row, n, group_allowed);
        sh_workspace_release(ws, mark);
    }
}
