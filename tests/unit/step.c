/* Sampling and the training step on a back-end with memory of its own, for policies of every kind. On the recording back-end: the same bits as on
 * the CPU where sizes are waited for, the same to rounding where they are planned; no look of the host at a device's memory (it would
 * end this program); no more launches, copies and waits than written here; and rooms too small for something are noticed. With the argument `cuda`, on a device: the same trajectories as on the CPU but for choices that rounding moves, and from the same
 * trajectories the same gradient to rounding. */
#include "device.h"

#include <math.h>
#include <omp.h>

#include "backend/recorder.h"
#include "gflownet/step.h"
#include "io/config.h"
#include "records.h"
#include "targets.h"

enum { BATCH = 12, STEPS = 3, DRAWN = 300 };

typedef struct {
    const char *name, *config;
    const char *settings[6];
    int n_setting;
    sh_recorder_counts most_drawn; /* of sampling; in the order of recorder.h: launches, copies in, their bytes, out, waits, clears */
    sh_recorder_counts most;       /* of one step: sampling, gradient, optimizer */
} policy_case;

static void read_config(const policy_case *c, sh_config *config)
{
    char path[512];
    const char *settings[8];
    int n = 0;
    for (; n < c->n_setting; n++)
        settings[n] = c->settings[n];
    settings[n++] = "reward.formation_energy.weight=0"; /* needs no weights */
    snprintf(path, sizeof path, "%s/configs/%s", SH_SOURCE_DIR, c->config);
    assert_ok(sh_config_read(path, settings, n, NULL, config));
}

/* How STEPS steps go: trajectories that are replayed beside BATCH fresh ones, those on one tape (0: all), by how much the numbers of
 * fresh ones go up, the rate; whether sizes are waited for. */
typedef struct {
    int64_t n_replay, slice, stride;
    double rate;
    bool waits;
} course;

/* The same numbers and a policy that hardly moves: shapes that the room has seen. In slices one has fresh and replayed ones. */
static const course steady = {.rate = 1e-6, .waits = true}, planned = {.rate = 1e-6},
                    sliced = {.n_replay = 7, .slice = 5, .stride = BATCH, .rate = 1e-3, .waits = true};

static void wait_for_sizes(sh_setup *s)
{
    sh_sizes_destroy(&s->draw_sizes);
    sh_sizes_destroy(&s->learn_sizes);
}

/* STEPS steps of training; counts of the last, where there is a recorder. Returns the parameters. */
static sh_real *train(const sh_config *config, const sh_backend *other, const course *k, sh_recorder_counts *counts, int64_t *n)
{
    sh_setup s;
    sh_records fresh, replay;
    double norm;
    assert_ok(sh_setup_create(config, &s));
    if (k->waits) wait_for_sizes(&s);
    sh_setup_use(&s, other);
    sh_records_create(&fresh, config->constraints.max_sites, 1);
    sh_records_create(&replay, config->constraints.max_sites, 1);
    for (int step = 0; step < STEPS; step++) {
        sh_step_sums sums;
        double target[BATCH], again[BATCH];
        if (counts) sh_recorder_clear();
        if (k->n_replay) draw_with_targets(&s, 1000, k->n_replay, &replay, again);
        draw_with_targets(&s, (uint64_t)(step * k->stride), BATCH, &fresh, target);
        sh_params_zero_grad(s.params);
        const sh_step_batch batch = {.fresh = &fresh, .target_fresh = target, .replay = &replay, .target_replay = again,
                                     .n_total = (double)(BATCH + k->n_replay), .slice = k->slice, .sizes = s.learn_sizes};
        sh_train_step(s.policy, s.be, &batch, s.arena, &sums);
        assert_true((sums.square_replay > 0) == (k->n_replay > 0));
        assert_ok(sh_adam_step(s.adam, k->rate, 10, &norm));
        if (counts) *counts = sh_recorder_read();
    }
    sh_setup_pull(&s);
    *n = sh_params_size(s.params);
    sh_real *values = SH_NEW(sh_real, *n);
    memcpy(values, sh_params_data(s.params)->host, (size_t)*n * sizeof *values);
    sh_setup_use(&s, sh_backend_cpu());
    sh_records_destroy(&fresh);
    sh_records_destroy(&replay);
    sh_setup_destroy(&s);
    return values;
}

/* DRAWN trajectories, half of them exploring; counts of drawing them again. */
static void draw(const sh_config *config, const sh_backend *other, bool waits, sh_records *records, sh_recorder_counts *counts)
{
    static const sh_exploration exploration = {.epsilon = 0.2, .widen = 1.3};
    sh_setup s;
    assert_ok(sh_setup_create(config, &s));
    if (waits) wait_for_sizes(&s);
    sh_setup_use(&s, other);
    sh_records_create(records, config->constraints.max_sites, 1);
    for (int again = 0; again < 4; again++) { /* sizes are counted in the first; the room grows and becomes one block */
        sh_workspace ws;
        sh_arena_reset(s.arena);
        if (counts) sh_recorder_clear();
        sh_workspace_begin(&ws, other, s.arena);
        sh_workspace_plan(&ws, s.draw_sizes);
        sh_sample(s.policy, &ws, 1, 0, DRAWN, &exploration, records);
        assert_true(sh_workspace_settle(&ws));
        if (counts) *counts = sh_recorder_read();
    }
    sh_setup_use(&s, sh_backend_cpu());
    sh_setup_destroy(&s);
}

static void print_counts(const char *name, const char *what, const sh_recorder_counts *c)
{
    print_message("%-9s %s: %lld launches, %lld clears, %lld copies in (%lld bytes), %lld out (%lld bytes), %lld waits\n", name, what,
                  (long long)c->launches, (long long)c->clears, (long long)c->copies_in, (long long)c->bytes_in,
                  (long long)c->copies_out, (long long)c->bytes_out, (long long)c->waits);
}

/* Bounds without slack: what a change costs shows here. */
static void within(const sh_recorder_counts *c, const sh_recorder_counts *most)
{
    assert_in_range(c->launches, 1, most->launches);
    assert_in_range(c->clears, 1, most->clears * (int64_t)sizeof(sh_real) / 4); /* one for so many bytes */
    assert_in_range(c->copies_in, 1, most->copies_in);
    assert_in_range(c->bytes_in, 1, most->bytes_in * (int64_t)sizeof(sh_real) / 4);
    assert_in_range(c->copies_out, 1, most->copies_out);
    assert_in_range(c->bytes_out, 1, most->bytes_out);
    assert_in_range(c->waits, 1, most->waits);
}

static void check_drawn(const policy_case *c)
{
    static sh_config config;
    sh_recorder_counts counts;
    sh_records here, there;
    read_config(c, &config);
    draw(&config, sh_backend_cpu(), true, &here, NULL);
    draw(&config, sh_recorder_open(), true, &there, NULL);
    sh_recorder_close();
    assert_memory_equal(here.data, there.data, DRAWN * here.stride);
    sh_records_destroy(&there);
    draw(&config, sh_recorder_open(), false, &there, &counts);
    sh_recorder_close();
    assert_in_range(count_moved(&here, &there), 0, sizeof(sh_real) == 4 ? DRAWN / 100 : 0);
    print_counts(c->name, "sampling", &counts);
    assert_int_equal(counts.blocks, 0);
    within(&counts, &c->most_drawn);
    sh_records_destroy(&here);
    sh_records_destroy(&there);
}

static void check(const policy_case *c)
{
    static sh_config config;
    sh_recorder_counts counts;
    int64_t n;
    read_config(c, &config);
    sh_real *here = train(&config, sh_backend_cpu(), &steady, NULL, &n);
    sh_real *there = train(&config, sh_recorder_open(), &steady, NULL, &n);
    sh_recorder_close();
    assert_memory_equal(here, there, (size_t)n * sizeof *here);
    sh_free(there);
    there = train(&config, sh_recorder_open(), &planned, &counts, &n);
    sh_recorder_close();
    print_counts(c->name, "step", &counts);
    assert_int_equal(counts.blocks, 0); /* nothing is allocated once a step has been done */
    within(&counts, &c->most);
    sh_free(here);
    sh_free(there);
}

/* The gradient of BATCH trajectories drawn on the CPU, computed by kernels of be. */
static sh_real *gradient(const sh_config *config, const sh_backend *other, int64_t *size)
{
    sh_setup s;
    sh_records fresh, replay;
    sh_step_sums sums;
    double target[BATCH];
    assert_ok(sh_setup_create(config, &s));
    sh_records_create(&fresh, config->constraints.max_sites, 1);
    sh_records_create(&replay, config->constraints.max_sites, 1);
    draw_with_targets(&s, 0, BATCH, &fresh, target);
    sh_setup_use(&s, other);
    const sh_step_batch batch = {.fresh = &fresh,
                                 .target_fresh = target,
                                 .replay = &replay,
                                 .target_replay = target,
                                 .n_total = BATCH,
                                 .sizes = s.learn_sizes};
    for (int again = 0; again < 2; again++) { /* counted, then planned */
        sh_params_zero_grad(s.params);
        sh_train_step(s.policy, s.be, &batch, s.arena, &sums);
    }
    assert_true(!other->room || (s.learn_sizes->is_planned && s.learn_sizes->n_again == 0));
    sh_mirror_pull(sh_params_grad(s.params));
    *size = sh_params_size(s.params);
    sh_real *grad = SH_NEW(sh_real, *size);
    memcpy(grad, sh_params_grad(s.params)->host, (size_t)*size * sizeof *grad);
    sh_setup_use(&s, sh_backend_cpu());
    sh_records_destroy(&fresh);
    sh_records_destroy(&replay);
    sh_setup_destroy(&s);
    return grad;
}

/* The gradient of n records in steps of at most `piece`, and each record's log P_F. */
static void in_pieces(sh_setup *s, sh_records *all, const double *target, int64_t piece, const double *mean, sh_real *grad,
                      double *log_pf)
{
    sh_records part, none;
    sh_records_create(&part, all->max_sites, 1);
    sh_records_create(&none, all->max_sites, 1);
    sh_params_zero_grad(s->params);
    for (int64_t first = 0; first < all->n; first += piece) {
        int64_t n = all->n - first < piece ? all->n - first : piece;
        sh_step_sums sums;
        sh_records_resize(&part, n);
        memcpy(part.data, sh_record_at(all, first), (size_t)n * all->stride);
        sh_arena_reset(s->arena);
        const sh_step_batch batch = {.fresh = &part,
                                     .target_fresh = target + first,
                                     .replay = &none,
                                     .target_replay = target,
                                     .n_total = (double)all->n,
                                     .mean = mean};
        sh_train_step(s->policy, s->be, &batch, s->arena, &sums);
        for (int64_t i = 0; i < n; i++)
            log_pf[first + i] = sh_record_at(&part, i)->log_pf;
    }
    memcpy(grad, sh_params_grad(s->params)->host, (size_t)sh_params_size(s->params) * sizeof *grad);
    sh_records_destroy(&part);
    sh_records_destroy(&none);
}

/* A batch of more than two slices has the gradient of its pieces, whatever the objective. */
static void test_slices(void **state)
{
    (void)state;
    enum { N = 2 * SH_STEP_SLICE + 76, PIECE = 300 };
    static const char *const objective[] = {"train.objective=tb", "train.objective=subtb", "train.objective=vargrad"};
    for (int k = 0; k < 3; k++) {
        static sh_config config;
        const policy_case c = {.config = "quickstart.yaml", .settings = {objective[k]}, .n_setting = 1};
        sh_setup s;
        sh_records all, none;
        double *target = SH_NEW(double, N), *log_pf[2] = {SH_NEW(double, N), SH_NEW(double, N)}, sum[2], mean = 0;
        read_config(&c, &config);
        assert_ok(sh_setup_create(&config, &s));
        int64_t n = sh_params_size(s.params);
        sh_real *grad[2] = {SH_NEW(sh_real, n), SH_NEW(sh_real, n)};
        sh_records_create(&all, config.constraints.max_sites, 1);
        sh_records_create(&none, config.constraints.max_sites, 1);
        draw_with_targets(&s, 0, N, &all, target);
        const sh_step_batch batch = {.fresh = &all, .target_fresh = target, .replay = &none, .target_replay = target, .n_total = N};
        sh_train_mean(s.policy, s.be, &batch, s.arena, sum);
        mean = sum[0] / sum[1];
        in_pieces(&s, &all, target, N, NULL, grad[0], log_pf[0]); /* the mean of VarGrad is its own */
        in_pieces(&s, &all, target, PIECE, &mean, grad[1], log_pf[1]);
        double difference = apart(grad[0], grad[1], n);
        print_message("%s: within %.2g\n", objective[k], difference);
        assert_true(difference < (sizeof(sh_real) == 4 ? 1e-5 : 1e-13));
        for (int64_t i = 0; i < N; i++)
            assert_near(log_pf[0][i], log_pf[1][i], 1e-4);
        for (int i = 0; i < 2; i++) {
            sh_free(grad[i]);
            sh_free(log_pf[i]);
        }
        sh_free(target);
        sh_records_destroy(&all);
        sh_records_destroy(&none);
        sh_setup_destroy(&s);
    }
}

/* Trajectories are the CPU's but for a few: a draw is a comparison, and rounding decides those that are within it of the bound. */
static void check_drawn_device(const policy_case *c)
{
    static sh_config config;
    sh_records here, there;
    read_config(c, &config);
    assert_ok(sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be));
    draw(&config, sh_backend_cpu(), true, &here, NULL);
    draw(&config, be, false, &there, NULL);
    sh_cuda_close();
    int n_moved = count_moved(&here, &there);
    print_message("%-9s %d of %d trajectories moved\n", c->name, n_moved, DRAWN);
    assert_in_range(n_moved, 0, sizeof(sh_real) == 4 ? DRAWN / 100 : 0);
    sh_records_destroy(&here);
    sh_records_destroy(&there);
}

/* The gradients, those there in planned passes. */
static void check_gradient(const policy_case *c, const sh_backend *other)
{
    static sh_config config;
    int64_t n;
    read_config(c, &config);
    sh_real *here = gradient(&config, sh_backend_cpu(), &n), *there = gradient(&config, other, &n);
    double difference = apart(here, there, n);
    print_message("%-9s gradient within %.2g\n", c->name, difference);
    assert_true(difference < (sizeof(sh_real) == 4 ? 1e-4 : 1e-11));
    sh_free(here);
    sh_free(there);
}

/* A size that is to have no room in the next slice. */
static void starve(void *context)
{
    sh_room_size *size = context;
    size->spare = -1000000;
}

/* The gradient in two slices, of which the second has no room for one size after the other, is that of slices with room for all. */
static void starve_gradient(sh_setup *s, sh_records *fresh, const double *target)
{
    sh_records none;
    sh_step_sums sums;
    sh_sizes *sizes = s->learn_sizes;
    const sh_mirror *grad = sh_params_grad(s->params);
    sh_real *whole = SH_NEW(sh_real, grad->n);
    int n_size = 0;
    sh_records_create(&none, fresh->max_sites, 1);
    sh_step_batch batch = {.fresh = fresh, .target_fresh = target, .replay = &none, .n_total = BATCH, .slice = BATCH / 2, .sizes = sizes};
    for (int i = -1; i < SH_SIZES_A_PART; i++) {
        batch.before_last = i < 0 ? NULL : starve;
        batch.context = &sizes->size[i < 0 ? 0 : i];
        if (i >= 0 && (!sizes->size[i].is_known || sizes->size[i].a_row == 0)) continue;
        int64_t n_again = sizes->n_again;
        sh_params_zero_grad(s->params);
        sh_arena_reset(s->arena);
        sh_train_step(s->policy, s->be, &batch, s->arena, &sums);
        sh_mirror_pull(grad);
        if (i < 0) memcpy(whole, grad->host, (size_t)grad->n * sizeof *whole);
        if (i >= 0) sizes->size[i].spare = 16;
        assert_true(i < 0 || sizes->n_again > n_again);
        assert_true(apart(whole, grad->host, grad->n) < (sizeof(sh_real) == 4 ? 1e-5 : 1e-12));
        n_size += i >= 0;
    }
    assert_in_range(n_size, 3, 4); /* atoms, their site groups, images, edges */
    sh_records_destroy(&none);
    sh_free(whole);
}

/* What sh_setup_draw and a step of training give, in passes of which one size after the other has no room: each is noticed, and the
 * pass is done again. */
static void check_no_room(const policy_case *c, const sh_backend *other)
{
    static const sh_exploration none = {.epsilon = 0, .widen = 1};
    static sh_config config;
    sh_setup s;
    sh_records here, there;
    double target[BATCH];
    int n_size = 0;
    read_config(c, &config);
    sh_records_create(&here, config.constraints.max_sites, 1);
    sh_records_create(&there, config.constraints.max_sites, 1);
    assert_ok(sh_setup_create(&config, &s));
    sh_setup_draw(&s, 1, 0, BATCH, &none, &here);
    sh_setup_use(&s, other);
    sh_sizes *sizes = s.draw_sizes;
    int64_t n_again;
    for (int i = 0; i < sizes->n_part * SH_SIZES_A_PART; i++) {
        sh_setup_draw(&s, 1, 0, BATCH, &none, &there);
        sh_room_size *size = &sizes->size[i];
        if (!size->is_known || size->a_row == 0) continue;
        starve(size);
        n_again = sizes->n_again;
        sh_setup_draw(&s, 1, 0, BATCH, &none, &there);
        size->spare = 16;
        assert_true(sizes->n_again > n_again);
        assert_in_range(count_moved(&here, &there), 0, sizeof(sh_real) == 4 ? 1 : 0);
        for (int64_t k = 0; k < BATCH; k++)
            if (!is_moved(sh_record_at(&here, k), sh_record_at(&there, k)))
                assert_int_equal(sh_record_at(&here, k)->result.reason, sh_record_at(&there, k)->result.reason);
        n_size++;
    }
    draw_with_targets(&s, 0, BATCH, &there, target);
    starve_gradient(&s, &there, target);
    print_message("%-9s %d sizes without room were noticed\n", c->name, n_size);
    assert_true(n_size > 10);
    sh_setup_use(&s, sh_backend_cpu());
    sh_records_destroy(&here);
    sh_records_destroy(&there);
    sh_setup_destroy(&s);
}

static void test_slices_there(void **state)
{
    (void)state;
    static const char *const objective[] = {"train.objective=tb", "train.objective=subtb", "train.objective=vargrad"};
    for (int k = 0; k < 3; k++) {
        static sh_config config;
        const policy_case c = {.config = "quickstart.yaml", .settings = {objective[k]}, .n_setting = 1};
        int64_t n;
        read_config(&c, &config);
        sh_real *here = train(&config, sh_backend_cpu(), &sliced, NULL, &n), *there = train(&config, sh_recorder_open(), &sliced, NULL, &n);
        sh_recorder_close();
        assert_memory_equal(here, there, (size_t)n * sizeof *here);
        sh_free(here);
        sh_free(there);
    }
}

static const policy_case cases[] = {
    {.name = "battery", .config = "battery.yaml", .most = {1036, 9, 7400, 7, 6272, 3, 54}, .most_drawn = {543, 4, 1430, 2, 130240, 2, 34}},
    {.name = "gcn", .config = "gcn.yaml", .most = {538, 5, 5800, 7, 6272, 3, 38}, .most_drawn = {258, 1, 230, 2, 130240, 2, 22}},
    {.name = "flat", .config = "flat.yaml", .most = {952, 9, 7400, 7, 6272, 3, 54}, .most_drawn = {510, 4, 1430, 2, 130240, 2, 34}},
    {.name = "paper", .config = "paper.yaml", .most = {1657, 12, 7400, 7, 5088, 3, 60}, .most_drawn = {336, 3, 1030, 2, 103712, 2, 21}},
    {.name = "subtb",
     .config = "battery.yaml",
     .settings = {"train.objective=subtb"},
     .n_setting = 1,
     .most = {1040, 9, 7400, 7, 6272, 3, 54},
     .most_drawn = {543, 4, 1430, 2, 130240, 2, 34}},
};

static void test_recorder(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_drawn(&cases[i]);
        check(&cases[i]);
        check_gradient(&cases[i], sh_recorder_open());
        sh_recorder_close();
        check_no_room(&cases[i], sh_recorder_open());
        sh_recorder_close();
    }
}

static void test_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_drawn_device(&cases[i]);
        assert_ok(sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be));
        check_gradient(&cases[i], be);
        check_no_room(&cases[i], be);
        sh_cuda_close();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest recorder[] = {cmocka_unit_test(test_recorder), cmocka_unit_test(test_slices),
                                             cmocka_unit_test(test_slices_there)}, device[] = {cmocka_unit_test(test_device)};
    omp_set_num_threads(1); /* batches so small that threads would only wait for each other */
    if (argc < 2 || strcmp(argv[1], "cuda")) return cmocka_run_group_tests(recorder, NULL, NULL);
    if (sh_cuda_look()->n_device) return cmocka_run_group_tests(device, NULL, NULL);
    print_message("skipped: %s\n", sh_cuda_look()->why);
    return 77;
}
