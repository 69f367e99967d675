/* fixture.h -- a GFlowNet with a target that can be integrated by hand, and the loop that trains it. */
#ifndef SH_TEST_FIXTURE_H
#define SH_TEST_FIXTURE_H

#include "test.h"

#include "gflownet/sampler.h"
#include "nn/adam.h"
#include "gflownet/step.h"

/* log of the target R^beta of a finished trajectory. */
typedef double (*log_target_fn)(const sh_record *record, const void *context);

typedef struct {
    sh_groups *groups;
    sh_constraints constraints;
    sh_space space;
    sh_params *params;
    sh_policy *policy;
    sh_adam *adam;
    sh_arena *arena;
    sh_records records;
    uint64_t next_traj;
} fixture;

static inline sh_constraints fixture_constraints(const int32_t *element, int32_t n_element, const int32_t *group,
                                                 int32_t n_group, int32_t min_sites, int32_t max_sites)
{
    sh_constraints c = {.n_element = n_element,
                        .max_elements = n_element,
                        .min_sites = min_sites,
                        .max_sites = max_sites,
                        .max_atoms = 100000,
                        .cell = {.length = {4, 15}, .angle = {80, 130}}};
    for (int32_t i = 0; i < n_element; i++)
        c.element[i] = element[i];
    for (int32_t i = 0; i < n_group; i++)
        c.group_allowed[group[i] - 1] = true;
    return c;
}

static inline sh_policy_options fixture_options(int32_t mixture)
{
    return (sh_policy_options){.shared_encoder = true,
                               .mixture = mixture,
                               .position_mixture = 1,
                               .neighbours = 4,
                               .sites = SH_SITES_GENERAL,
                               .group = SH_EACH_STEP,
                               .merge_tol = 0.3};
}

static inline void fixture_create(fixture *f, const sh_constraints *constraints, const sh_policy_options *options)
{
    *f = (fixture){.constraints = *constraints};
    assert_ok(sh_groups_create(&f->groups));
    f->space = sh_space_of(f->groups, &f->constraints, options->sites, options->merge_tol);
    f->params = sh_params_create();
    assert_ok(sh_policy_create(options, &f->space, f->params, &f->policy));
    sh_params_commit(f->params, 1);
    sh_policy_start_values(f->policy, 0);
    f->adam = sh_adam_create(f->params);
    sh_adam_set_factor(f->adam, sh_policy_log_z(f->policy), 100);
    f->arena = sh_arena_create(1 << 24);
    sh_records_create(&f->records, constraints->max_sites, 64);
}

static inline void fixture_destroy(fixture *f)
{
    sh_records_destroy(&f->records);
    sh_arena_destroy(&f->arena);
    sh_adam_destroy(&f->adam);
    sh_policy_destroy(&f->policy);
    sh_params_destroy(&f->params);
    sh_groups_destroy(&f->groups);
}

/* n fresh trajectories of the policy itself into f->records. */
static inline void fixture_sample(fixture *f, int64_t n)
{
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    sh_arena_reset(f->arena);
    sh_workspace ws = sh_workspace_host(f->arena);
    sh_sample(f->policy, &ws, 1, f->next_traj, n, &none, &f->records);
    f->next_traj += (uint64_t)n;
}

/* Trains on policy, the learning rate falling linearly to a hundredth; the first half explores. Returns the mean
 * squared residual of the last tenth. */
static inline double fixture_train(fixture *f, int iterations, int64_t batch, double lr, log_target_fn log_target,
                                   const void *context)
{
    double tail = 0;
    int n_tail = 0;
    sh_records no_replay;
    sh_records_create(&no_replay, f->constraints.max_sites, 1);
    for (int i = 0; i < iterations; i++) {
        double done = (double)i / iterations, left = fmax(0, 1 - 2 * done);
        const sh_exploration exploration = {.epsilon = 0.2 * left, .widen = 1 + 0.5 * left};
        sh_arena_reset(f->arena);
        sh_workspace ws = sh_workspace_host(f->arena);
        sh_sample(f->policy, &ws, 1, f->next_traj, batch, &exploration, &f->records);
        f->next_traj += (uint64_t)batch;
        double *target = SH_PUSH(f->arena, double, batch);
        for (int64_t k = 0; k < batch; k++)
            target[k] = log_target(sh_record_at(&f->records, k), context);
        sh_params_zero_grad(f->params);
        sh_step_sums sums;
        const sh_step_batch step = {.fresh = &f->records,
                                    .target_fresh = target,
                                    .replay = &no_replay,
                                    .n_total = (double)batch,
                                    .explored = left > 0};
        sh_train_step(f->policy, sh_backend_cpu(), &step, f->arena, &sums);
        double norm;
        assert_ok(sh_adam_step(f->adam, lr * (1 - 0.99 * done), 10, &norm));
        if (10 * i >= 9 * iterations) {
            tail += sums.square_fresh / sums.n_fresh;
            n_tail++;
        }
    }
    sh_records_destroy(&no_replay);
    return tail / n_tail;
}

static inline double fixture_log_z(const fixture *f)
{
    return (double)sh_policy_log_z(f->policy)->data[0];
}

/* log LN(u; m, s) at u = 1 / (1 + exp(-y)): a density in u. Of tails in y like the policy's own, so that weights target / policy
 * have a variance. */
static inline double logit_normal(double y, double m, double s)
{
    double z = (y - m) / s, u = 1 / (1 + exp(-y));
    return -0.5 * z * z - log(s) - 0.5 * log(2 * SH_PI) - log(u) - log1p(-u);
}

/* The unbiased estimate of Z and its standard error, from n samples of the policy. */
static inline double fixture_z(fixture *f, int64_t n, log_target_fn log_target, const void *context, double *error)
{
    double sum = 0, square = 0;
    enum { CHUNK = 500 };
    for (int64_t done = 0; done < n; done += CHUNK) {
        fixture_sample(f, CHUNK);
        double target[CHUNK], log_pf[CHUNK], log_pb[CHUNK], residual[CHUNK];
        for (int64_t k = 0; k < CHUNK; k++)
            target[k] = log_target(sh_record_at(&f->records, k), context);
        sh_tape tape;
        sh_workspace ws = sh_workspace_host(f->arena);
        sh_tape_begin(&tape, &ws, false);
        const sh_record_list records = sh_records_there(&ws, &f->records, NULL, 0, CHUNK);
        sh_objective(f->policy, &tape, &records, target, 1, &(sh_balance){log_pf, log_pb, residual, NULL});
        for (int64_t k = 0; k < CHUNK; k++) {
            assert_near(log_pf[k], sh_record_at(&f->records, k)->log_pf, 2e-4); /* the sampler and the objective mean the same policy */
            double w = exp(target[k] + log_pb[k] - log_pf[k]);
            sum += w;
            square += w * w;
        }
    }
    double mean = sum / (double)n;
    *error = sqrt((square / (double)n - mean * mean) / (double)n);
    return mean;
}

/* The estimate is exact within its error, and that is small. */
static inline void check_z(fixture *f, int64_t n, log_target_fn log_target, const void *context, double exact)
{
    double error, z = fixture_z(f, n, log_target, context, &error);
    print_message("Z %.4f +- %.4f, exact %.4f\n", z, error, exact);
    assert_true(error < 0.007 * exact);
    assert_near(z, exact, 4 * error);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Kolmogorov and Smirnov: largest difference between the samples' distribution function and cdf. Sorts x. */
static inline double kolmogorov_smirnov(double *x, int64_t n, double (*cdf)(double))
{
    double most = 0;
    qsort(x, (size_t)n, sizeof *x, compare_doubles);
    for (int64_t i = 0; i < n; i++) {
        double c = cdf(x[i]);
        most = fmax(most, fmax(fabs((double)(i + 1) / (double)n - c), fabs((double)i / (double)n - c)));
    }
    return most;
}

#endif
