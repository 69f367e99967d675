/* worker.h -- a worker of the task of configs/battery.yaml with a new policy, made from the core alone: neither YAML nor HDF5. */
#ifndef SH_BENCHMARKS_WORKER_H
#define SH_BENCHMARKS_WORKER_H

#include <stdlib.h>

#include "../tests/reward_options.h"
#include "backend/recorder.h"
#include "flat_model.h"
#include "gflownet/fresh.h"
#include "gflownet/step.h"
#include "nn/adam.h"
#include "timing.h"

/* Sampling is timed alone too, beside the step; drawing is sampling and rewards. */
enum { SAMPLE, DRAW, GRADIENT, ADAM, WHOLE, N_PART };
static const char *const part_name[N_PART] = {"(sampling)", "drawing", "gradient", "optimizer", "whole step"};

typedef struct {
    sh_groups *groups;
    sh_tables *tables;
    model model;
    sh_reward_options rules;
    sh_reward *reward;
    sh_constraints constraints;
    sh_space space;
    sh_params *params;
    sh_policy *policy;
    sh_adam *adam;
    const sh_backend *be;
    sh_arena *arena;
    sh_sizes *sample_sizes, *draw_sizes, *learn_sizes;
    sh_records fresh, replay;
} worker;

static inline sh_status worker_reward(worker *w, const char *weights)
{
    if (weights) SH_TRY(load_flat(weights, &w->model));
    SH_TRY(sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &w->tables));
    w->rules = reward_options();
    if (!weights) w->rules.weight[SH_TERM_ENERGY] = 0;
    return sh_reward_create(&w->rules, w->tables, w->model.potential, &w->reward);
}

/* weights: a flat file of a model of energies; NULL: the reward does without. */
static inline sh_status worker_create(const char *weights, worker *w)
{
    static const int32_t element[] = {4, 5, 6, 7, 8, 14, 15, 16, 17, 3, 11, 19};
    static const sh_policy_options options = {.shared_encoder = true,
                                              .mixture = 8,
                                              .position_mixture = 1,
                                              .neighbours = 12,
                                              .sites = SH_SITES_WYCKOFF,
                                              .group = SH_ONCE,
                                              .lattice = SH_LATTICE_LAST,
                                              .lambda = 0.9,
                                              .merge_tol = 0.3};
    sh_constraints *c = &w->constraints;
    *w = (worker){.be = sh_backend_cpu(),
                  .constraints = {.n_element = 12,
                                  .has_one_of = true,
                                  .max_elements = 3,
                                  .min_sites = 1,
                                  .max_sites = 3,
                                  .max_atoms = 200,
                                  .cell = {.length = {2.4, 15}, .angle = {80, 130}}}};
    for (int i = 0; i < 12; i++) {
        c->element[i] = element[i];
        c->one_of[i] = i >= 9;
    }
    for (int g = 0; g < SH_N_GROUP; g++)
        c->group_allowed[g] = true;
    SH_TRY(sh_groups_create(&w->groups));
    SH_TRY(worker_reward(w, weights));
    w->space = sh_space_of(w->groups, c, options.sites, options.merge_tol);
    w->params = sh_params_create();
    SH_TRY(sh_policy_create(&options, &w->space, w->params, &w->policy));
    sh_params_commit(w->params, 1);
    sh_policy_start_values(w->policy, 0);
    w->adam = sh_adam_create(w->params);
    w->arena = sh_arena_create(1 << 24);
    w->sample_sizes = sh_sizes_create(sh_fresh_parts(c));
    w->draw_sizes = sh_sizes_create(sh_fresh_parts(c));
    w->learn_sizes = sh_sizes_create(1);
    sh_records_create(&w->fresh, c->max_sites, 1);
    sh_records_create(&w->replay, c->max_sites, 1);
    return SH_OK;
}

static inline void worker_destroy(worker *w)
{
    sh_records_destroy(&w->fresh);
    sh_records_destroy(&w->replay);
    sh_sizes_destroy(&w->sample_sizes);
    sh_sizes_destroy(&w->draw_sizes);
    sh_sizes_destroy(&w->learn_sizes);
    sh_arena_destroy(&w->arena);
    sh_adam_destroy(&w->adam);
    sh_policy_destroy(&w->policy);
    sh_params_destroy(&w->params);
    sh_reward_destroy(&w->reward);
    sh_tables_destroy(&w->tables);
    release(&w->model);
    sh_groups_destroy(&w->groups);
}

static inline void worker_use(worker *w, const sh_backend *back_end)
{
    sh_params_use(w->params, back_end);
    sh_adam_use(w->adam, back_end);
    sh_space_use(&w->space, back_end);
    if (w->model.potential) sh_potential_use(w->model.potential, back_end);
    sh_reward_use(w->reward, back_end);
    w->be = back_end;
}

static const sh_exploration none = {.epsilon = 0, .widen = 1};

/* n new trajectories from `first` on, without rewards. */
static inline void worker_sample(worker *w, uint64_t first, int64_t n)
{
    sh_workspace ws;
    do {
        sh_arena_reset(w->arena);
        sh_workspace_begin(&ws, w->be, w->arena);
        sh_workspace_plan(&ws, w->sample_sizes);
        sh_sample(w->policy, &ws, 1, first, n, &none, &w->fresh);
    } while (!sh_workspace_settle(&ws));
}

/* With rewards. */
static inline void worker_draw(worker *w, uint64_t first, int64_t n)
{
    const sh_drawing drawing = {.policy = w->policy, .reward = w->reward, .be = w->be, .arena = w->arena, .sizes = w->draw_sizes};
    sh_draw_fresh(&drawing, 1, first, n, &none, &w->fresh);
}

/* The gradient of what was drawn and of the same again as the replay. */
static inline void worker_learn(worker *w)
{
    sh_step_sums sums;
    int64_t n = w->fresh.n;
    sh_records_resize(&w->replay, n);
    memcpy(w->replay.data, w->fresh.data, (size_t)n * w->fresh.stride);
    sh_arena_reset(w->arena);
    double *target = SH_PUSH(w->arena, double, n);
    for (int64_t i = 0; i < n; i++)
        target[i] = sh_reward_log_target(&w->rules, &sh_record_at(&w->fresh, i)->result);
    sh_params_zero_grad(w->params);
    const sh_step_batch batch = {.fresh = &w->fresh,
                                 .target_fresh = target,
                                 .replay = &w->replay,
                                 .target_replay = target,
                                 .n_total = 2 * (double)n,
                                 .sizes = w->learn_sizes};
    sh_train_step(w->policy, w->be, &batch, w->arena, &sums);
}

/* One step of n new trajectories and as many replayed ones. A rate so small that all repeats see one policy. */
static inline sh_status worker_step(worker *w, uint64_t first, int64_t n, double seconds[N_PART])
{
    double norm, before = now(), start, drawn, learnt;
    worker_sample(w, first, n);
    w->be->wait();
    start = now();
    worker_draw(w, first, n);
    drawn = now();
    worker_learn(w);
    w->be->wait();
    learnt = now();
    SH_TRY(sh_adam_step(w->adam, 1e-12, 10, &norm));
    w->be->wait();
    seconds[SAMPLE] = start - before;
    seconds[DRAW] = drawn - start;
    seconds[GRADIENT] = learnt - drawn;
    seconds[ADAM] = now() - learnt;
    seconds[WHOLE] = now() - start;
    return SH_OK;
}

/* What a step of n asks for by kernel, on the recording back-end: k (returned number); SH_NEW. One thread alone may run kernels. The
 * step that is counted follows two that are not; footprints are of one more. */
static inline sh_status worker_count(worker *w, int64_t n, sh_recorder_kernel **out, int *n_kernel)
{
    double norm;
    worker_use(w, sh_recorder_open());
    for (int i = 0; i < 4; i++) {
        sh_recorder_take_footprints(i == 3);
        sh_recorder_clear();
        worker_draw(w, 0, n);
        worker_learn(w);
        SH_TRY(sh_adam_step(w->adam, 1e-12, 10, &norm));
        const sh_recorder_kernel *kernel = sh_recorder_kernels(n_kernel);
        if (i == 2) *out = memcpy(SH_NEW(sh_recorder_kernel, *n_kernel), kernel, (size_t)*n_kernel * sizeof *kernel);
        for (int k = 0; k < *n_kernel && i == 3; k++) {
            (*out)[k].read = kernel[k].read;
            (*out)[k].written = kernel[k].written;
        }
    }
    worker_use(w, sh_backend_cpu());
    sh_recorder_close();
    return SH_OK;
}

#endif
