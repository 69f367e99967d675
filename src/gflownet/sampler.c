#include "gflownet/sampler.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
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

static sh_rng record_rng(const sampler *s, const sh_record *r)
{
    return (sh_rng){.seed = s->seed, .traj = r->traj, .step = (uint32_t)s->t};
}

static double record_epsilon(const sampler *s, const sh_record *r)
{
    return sh_explores(&s->exploration, r->traj) ? s->exploration.epsilon : 0;
}

static double record_widen(const sampler *s, const sh_record *r)
{
    return sh_explores(&s->exploration, r->traj) ? s->exploration.widen : 1;
}

static sh_rng row_rng(const sampler *s, int64_t row)
{
    return record_rng(s, s->record[row]);
}

static double row_epsilon(const sampler *s, int64_t row)
{
    return record_epsilon(s, s->record[row]);
}

/* Draws from (1 - epsilon) softmax + epsilon uniform over the allowed; adds the policy's own log-probability. */
static int32_t choose(const sh_real *logits, const uint8_t *mask, int64_t n, double epsilon, double u, double *log_pf)
{
    double top = -1e300, sum = 0;
    int64_t n_allowed = 0, last = -1;
    for (int64_t k = 0; k < n; k++) {
        if (!mask[k]) continue;
        n_allowed++;
        if ((double)logits[k] > top) top = (double)logits[k];
    }
    for (int64_t k = 0; k < n; k++)
        if (mask[k]) sum += exp((double)logits[k] - top);
    double below = 0;
    for (int64_t k = 0; k < n; k++) {
        if (!mask[k]) continue;
        last = k;
        below += (1 - epsilon) * exp((double)logits[k] - top) / sum + epsilon / (double)n_allowed;
        if (u < below) break;
    }
    *log_pf += (double)logits[last] - top - log(sum);
    return (int32_t)last;
}

/* The component that u falls into. */
static int32_t choose_component(const double *weight, int32_t n, double u)
{
    int32_t k = 0;
    for (double below = weight[0]; k + 1 < n && u >= below; below += weight[k])
        k++;
    return k;
}

/* Logit of a lattice parameter. */
static double draw_logit(const sh_real *raw, int32_t n, const sh_rng *rng, uint32_t draw, double epsilon, double widen)
{
    double weight[SH_DIST_MAX_MIXTURE], u[2], z[2];
    sh_rng_u01x2(rng, draw, u);
    if (u[1] < epsilon) {
        double flat = u[1] / epsilon; /* uniform in (0,1), independent of u[0] */
        return log(flat) - log1p(-flat);
    }
    sh_mixture_weights(raw, 1, n, weight);
    int32_t k = choose_component(weight, n, u[0]);
    sh_rng_normalx2(rng, draw + 1, z);
    double y = (double)raw[n + k] + widen * sh_mixture_scale((double)raw[2 * n + k]) * z[0];
    return fmin(fmax(y, -30), 30); /* u stays inside (0,1) in double */
}

/* x (dim) on the torus. */
static void draw_position(const sh_real *raw, int32_t n, int32_t dim, const sh_rng *rng, double epsilon, double widen, double *x)
{
    double weight[SH_DIST_MAX_MIXTURE], u[2], z[4], flat[4];
    sh_rng_u01x2(rng, DRAW_POSITION, u);
    double eps = SH_EPS_MIN + (1 - SH_EPS_MIN) * sh_logistic((double)raw[0]);
    eps = 1 - (1 - eps) * (1 - epsilon);
    if (u[0] < eps) {
        sh_rng_u01x2(rng, DRAW_POSITION + 1, flat);
        sh_rng_u01x2(rng, DRAW_POSITION + 2, flat + 2);
        for (int32_t i = 0; i < dim; i++)
            x[i] = flat[i];
        return;
    }
    sh_mixture_weights(raw + 1, SH_WRAPPED_STRIDE, n, weight);
    const sh_real *component = raw + 1 + SH_WRAPPED_STRIDE * choose_component(weight, n, u[1]);
    sh_rng_normalx2(rng, DRAW_POSITION + 3, z);
    sh_rng_normalx2(rng, DRAW_POSITION + 4, z + 2);
    double c[6], v[6], norm[3];
    sh_wrapped_cholesky(component + 4, c, v, norm);
    for (int32_t i = 0; i < dim; i++) {
        double sum = (double)component[1 + i];
        for (int32_t j = 0; j <= i; j++)
            sum += widen * c[i * (i + 1) / 2 + j] * z[j];
        x[i] = sum - floor(sum);
        if (x[i] >= 1) x[i] = 0; /* -1e-17 rounds up to 1 */
    }
}

/* Stop or go on. Those that go on come first in s->record and `row`, those that stop are put into `stopped` and `stopped_row`;
 * the order is kept in both. Returns how many go on. logits NULL: all must stop. */
static int64_t decide_stop(sampler *s, const sh_real *logits, int32_t *row, int64_t n, sh_record **stopped, int32_t *stopped_row)
{
    int64_t n_go = 0, n_stop = 0;
    uint8_t *element_mask = SH_NEW(uint8_t, s->space->constraints->n_element);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        int32_t stop = 1;
        if (logits) {
            sh_partial partial = sh_partial_of(s->space, r, s->t);
            uint8_t mask[2];
            mask[0] = sh_mask_elements(s->space, &partial, element_mask) > 0;
            mask[1] = sh_mask_stop(s->space, &partial);
            SH_ASSERT(mask[0] || mask[1]);
            sh_rng rng = row_rng(s, i);
            stop = choose(logits + 2 * i, mask, 2, row_epsilon(s, i), sh_rng_u01(&rng, DRAW_STOP), &r->log_pf);
        }
        if (stop) {
            r->n_step = s->t;
            stopped[n_stop] = r;
            stopped_row[n_stop++] = row[i];
        } else {
            s->record[n_go] = r;
            row[n_go++] = row[i];
        }
    }
    sh_free(element_mask);
    return n_go;
}

static void draw_groups(const sampler *s, const sh_real *logits, int64_t n, const uint8_t *allowed)
{
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        sh_rng rng = row_rng(s, i);
        r->step[s->t].sg_number = 1 + choose(logits + SH_N_GROUP * i, allowed, SH_N_GROUP, row_epsilon(s, i),
                                             sh_rng_u01(&rng, DRAW_GROUP), &r->log_pf);
    }
}

static unsigned free_of(const sh_record *r, int32_t t)
{
    return sh_family_free(sh_group_family(r->step[t].sg_number));
}

/* The lattices of step t of the records, h (n,H) with the group. */
static void draw_lattices(const sampler *s, sh_tape *tape, const sh_tensor *h, sh_record *const *record, int32_t t, int64_t n)
{
    int32_t mixture = sh_policy_get_options(s->policy)->mixture;
    sh_real *code = SH_PUSH(tape->arena, sh_real, n * 6 * SH_LATTICE_CODE);
    for (int d = 0; d < 6; d++) {
        bool any = false;
        for (int64_t i = 0; i < n; i++) {
            any = any || (free_of(record[i], t) >> d & 1);
            sh_lattice_code(&record[i]->step[t], d, code + i * 6 * SH_LATTICE_CODE);
        }
        if (!any) continue;
        const sh_tensor *tensor = sh_policy_lattice(s->policy, tape, SH_FORWARD, h, code, d);
        const sh_real *raw = sh_tape_values(tape, tensor);
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n; i++) {
            sh_record *r = record[i];
            if (!(free_of(r, t) >> d & 1)) continue;
            sh_rng rng = record_rng(s, r);
            const sh_real *mine = raw + i * tensor->cols;
            double y = draw_logit(mine, mixture, &rng, (uint32_t)(DRAW_LATTICE + 2 * d), record_epsilon(s, r), record_widen(s, r));
            r->step[t].y[d] = y;
            r->log_pf += sh_logit_normal_log_prob(mine, mixture, y, NULL);
        }
    }
}

static void draw_elements(const sampler *s, const sh_real *logits, int64_t n)
{
    int64_t n_element = s->space->constraints->n_element;
    uint8_t *mask = SH_NEW(uint8_t, s->space->constraints->n_element);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        sh_partial partial = sh_partial_of(s->space, r, s->t);
        partial.sg_number = r->step[s->t].sg_number;
        sh_mask_elements(s->space, &partial, mask);
        sh_rng rng = row_rng(s, i);
        r->step[s->t].elem_index = choose(logits + i * n_element, mask, n_element, row_epsilon(s, i),
                                          sh_rng_u01(&rng, DRAW_ELEMENT), &r->log_pf);
    }
    sh_free(mask);
}

static void draw_wyckoffs(const sampler *s, const sh_real *logits, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        uint8_t mask[SH_MAX_WYCKOFF];
        sh_partial partial = sh_partial_of(s->space, r, s->t);
        partial.sg_number = r->step[s->t].sg_number;
        sh_mask_positions(s->space, &partial, r->step[s->t].elem_index, mask);
        sh_rng rng = row_rng(s, i);
        r->step[s->t].wyckoff = choose(logits + i * SH_MAX_WYCKOFF, mask, SH_MAX_WYCKOFF, row_epsilon(s, i),
                                       sh_rng_u01(&rng, DRAW_WYCKOFF), &r->log_pf);
    }
}

/* Free parameters of the sites; dim (n). */
static void draw_positions(const sampler *s, const sh_real *raw, const int32_t *dim, int64_t n)
{
    int64_t width = 1 + (int64_t)sh_policy_get_options(s->policy)->position_mixture * SH_WRAPPED_STRIDE;
    int32_t mixture = sh_policy_get_options(s->policy)->position_mixture;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = s->record[i];
        if (dim[i] == 0) continue;
        sh_rng rng = row_rng(s, i);
        const sh_real *mine = raw + i * width;
        draw_position(mine, mixture, dim[i], &rng, row_epsilon(s, i), record_widen(s, r), r->step[s->t].frac);
        r->log_pf += sh_wrapped_log_prob(mine, mixture, dim[i], r->step[s->t].frac, NULL);
    }
}

/* Everything of one step for those that go on, from their rows of the trunk. */
static void advance(sampler *s, sh_tape *tape, const sh_embedding *embedding, const int32_t *row, int64_t n,
                    const uint8_t *group_allowed)
{
    const sh_policy *p = s->policy;
    const sh_wyckoffs *w = s->space->groups->wyckoffs;
    int32_t *index = SH_PUSH(tape->arena, int32_t, n), *dim = SH_PUSH(tape->arena, int32_t, n);
    if (sh_policy_group_anew(p, s->t))
        draw_groups(s, sh_tape_values(tape, sh_policy_next_group(p, tape, embedding->trunk[SH_PF_HIGH], row, n)), n, group_allowed);
    else
        for (int64_t i = 0; i < n; i++)
            s->record[i]->step[s->t].sg_number = s->record[i]->step[s->t - 1].sg_number;
    for (int64_t i = 0; i < n; i++)
        index[i] = s->record[i]->step[s->t].sg_number - 1;
    const sh_tensor *h = sh_policy_rows(tape, embedding->trunk[SH_PF_LOW], row, n);
    h = sh_policy_with_group(p, tape, SH_FORWARD, h, index);
    if (sh_policy_lattice_each_step(p)) {
        sh_real *code = SH_PUSH(tape->arena, sh_real, n * 6 * SH_LATTICE_CODE);
        draw_lattices(s, tape, h, s->record, s->t, n);
        for (int64_t i = 0; i < n; i++)
            sh_lattice_code(&s->record[i]->step[s->t], 6, code + i * 6 * SH_LATTICE_CODE);
        h = sh_policy_with_lattice(p, tape, h, code);
    }
    draw_elements(s, sh_tape_values(tape, sh_policy_element(p, tape, h)), n);
    for (int64_t i = 0; i < n; i++)
        index[i] = s->space->constraints->element[s->record[i]->step[s->t].elem_index];
    h = sh_policy_with_element(p, tape, h, index);
    if (s->space->sites == SH_SITES_WYCKOFF) {
        draw_wyckoffs(s, sh_tape_values(tape, sh_policy_wyckoff(p, tape, h)), n);
        for (int64_t i = 0; i < n; i++) {
            const sh_step *step = &s->record[i]->step[s->t];
            index[i] = w->start[step->sg_number - 1] + step->wyckoff;
            dim[i] = w->position[index[i]].dim;
        }
        h = sh_policy_with_wyckoff(p, tape, h, index);
    } else {
        for (int64_t i = 0; i < n; i++) {
            s->record[i]->step[s->t].wyckoff = -1;
            dim[i] = 3;
        }
    }
    draw_positions(s, sh_tape_values(tape, sh_policy_position(p, tape, h)), dim, n);
}

/* The lattice of those that stopped at s_t, where it is drawn last. */
static void finish(const sampler *s, sh_tape *tape, const sh_tensor *h_low, sh_record *const *record, int64_t n)
{
    int32_t *index = SH_PUSH(tape->arena, int32_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = record[i]->step[s->t - 1].sg_number - 1;
    draw_lattices(s, tape, sh_policy_with_group(s->policy, tape, SH_FORWARD, h_low, index), record, s->t - 1, n);
}

void sh_sample(const sh_policy *policy, const sh_backend *be, uint64_t seed, uint64_t first_traj, int64_t n,
               const sh_exploration *exploration, sh_arena *arena, sh_records *records)
{
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
            decide_stop(&s, NULL, row, n, stopped, stopped_row);
            return;
        }
        sh_tape tape;
        sh_tape_begin(&tape, be, arena, false);
        sh_arena_mark mark = sh_arena_get_mark(arena);
        sh_states states = {0};
        for (int64_t i = 0; i < n; i++) {
            t[i] = s.t;
            row[i] = s.t == 0 ? 0 : (int32_t)(1 + i); /* row 0 of a trunk is s_0 */
        }
        if (s.t > 0)
            sh_states_build(space, sh_policy_get_options(policy), (const sh_record *const *)s.record, t, n, arena, &states);
        sh_embedding embedding;
        sh_policy_embed(policy, &tape, &states, false, &embedding);
        const sh_real *logits = NULL;
        if (!full)
            logits = sh_tape_values(&tape, sh_policy_stop(policy, &tape, sh_policy_rows(&tape, embedding.trunk[SH_PF_HIGH], row, n)));
        int64_t n_go = decide_stop(&s, logits, row, n, stopped, stopped_row), n_stop = n - n_go;
        if (lattice_last && n_stop)
            finish(&s, &tape, sh_policy_rows(&tape, embedding.trunk[SH_PF_LOW], stopped_row, n_stop), stopped, n_stop);
        n = n_go;
        if (n > 0)
            advance(&s, &tape, &embedding, row, n, group_allowed);
        sh_arena_release(arena, mark);
    }
}
