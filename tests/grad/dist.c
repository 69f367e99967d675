/* Densities of the policy: they integrate to 1, and their gradients equal central differences. */
#include "test.h"

#include "dist.h"
#include "gflownet/balance.h"
#include "gflownet/dist_ops.h"

#ifdef SH_F64
static const double STEP = 1e-5, LIMIT = 1e-6;
#else
static const double STEP = 1e-3, LIMIT = 5e-3;
#endif

static uint32_t lcg = 1;
static double noise(void) /* in (-1, 1) */
{
    lcg = lcg * 1664525u + 1013904223u;
    return (double)(lcg >> 8) / (1 << 23) - 1;
}

typedef double (*row_fn)(const sh_real *raw, int32_t n, const double *at, double *grad);

static double logit_normal_row(const sh_real *raw, int32_t n, const double *at, double *grad)
{
    return sh_logit_normal_log_prob(raw, n, at[0], grad);
}

static double wrapped1_row(const sh_real *raw, int32_t n, const double *at, double *grad)
{
    return sh_wrapped_log_prob(raw, n, 1, at, grad);
}

static double wrapped2_row(const sh_real *raw, int32_t n, const double *at, double *grad)
{
    return sh_wrapped_log_prob(raw, n, 2, at, grad);
}

static double wrapped3_row(const sh_real *raw, int32_t n, const double *at, double *grad)
{
    return sh_wrapped_log_prob(raw, n, 3, at, grad);
}

static void check_row(row_fn f, int64_t width, int32_t n, const double *at)
{
    sh_real raw[1 + SH_DIST_MAX_MIXTURE * SH_WRAPPED_STRIDE];
    double grad[1 + SH_DIST_MAX_MIXTURE * SH_WRAPPED_STRIDE];
    for (int64_t i = 0; i < width; i++)
        raw[i] = (sh_real)(1.2 * noise());
    f(raw, n, at, grad);
    for (int64_t i = 0; i < width; i++) {
        sh_real kept = raw[i];
        raw[i] = (sh_real)((double)kept + STEP);
        double above = f(raw, n, at, NULL), high = (double)raw[i];
        raw[i] = (sh_real)((double)kept - STEP);
        double slope = (above - f(raw, n, at, NULL)) / (high - (double)raw[i]);
        raw[i] = kept;
        assert_near(grad[i], slope, LIMIT * fmax(1, fabs(slope)));
    }
}

static void test_row_gradients(void **state)
{
    (void)state;
    for (int trial = 0; trial < 50; trial++) {
        double at[3] = {4 * noise(), 0, 0}, x[3];
        for (int i = 0; i < 3; i++)
            x[i] = 0.5 + 0.5 * noise();
        for (int32_t n = 1; n <= 5; n += 2) {
            check_row(logit_normal_row, 3 * n, n, at);
            check_row(wrapped1_row, 1 + 10 * n, n, x);
            check_row(wrapped2_row, 1 + 10 * n, n, x);
            check_row(wrapped3_row, 1 + 10 * n, n, x);
        }
    }
}

/* Integral over u by the midpoint rule in y: du = u (1-u) dy. */
static void test_logit_normal_is_normalised(void **state)
{
    (void)state;
    for (int trial = 0; trial < 20; trial++) {
        sh_real raw[12];
        for (int i = 0; i < 12; i++)
            raw[i] = (sh_real)(1.5 * noise());
        double sum = 0, h = 0.01;
        for (double y = -40; y < 40; y += h) {
            double u = 1 / (1 + exp(-y));
            sum += exp(sh_logit_normal_log_prob(raw, 4, y, NULL)) * u * (1 - u) * h;
        }
        assert_near(sum, 1, 1e-6);
    }
}

static void test_wrapped_is_normalised_and_periodic(void **state)
{
    (void)state;
    for (int trial = 0; trial < 5; trial++) {
        sh_real raw[21];
        for (int i = 0; i < 21; i++)
            raw[i] = (sh_real)noise();
        for (int k = 0; k < 2; k++) /* wide rows: 64 points an axis resolve them */
            raw[5 + 10 * k] = raw[7 + 10 * k] = raw[10 + 10 * k] = 1;
        enum { N = 64 };
        double inside[3] = {0.1, 0.999, 0.4}, outside[3] = {1.1, -0.001, 3.4};
        for (int32_t dim = 1, n = N; dim <= 3; dim++, n *= N) {
            double sum = 0;
            for (int32_t i = 0; i < n; i++) {
                double x[3] = {(i % N + 0.5) / N, (i / N % N + 0.5) / N, (i / (N * N) + 0.5) / N};
                sum += exp(sh_wrapped_log_prob(raw, 2, dim, x, NULL)) / n;
            }
            assert_near(sum, 1, 1e-4);
            assert_near(sh_wrapped_log_prob(raw, 2, dim, inside, NULL), sh_wrapped_log_prob(raw, 2, dim, outside, NULL), 1e-9);
        }
    }
}

/* The ops: loss = sum of weights times log-probabilities, against central differences of its value. */
enum { ROWS = 7, OPTIONS = 5, MIXTURE = 3 };
static const uint8_t MASK[ROWS * OPTIONS] = {1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1,
                                             1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1};
static const int32_t CHOICE[ROWS] = {2, 3, 2, 0, -1, 4, 2};
static const uint8_t ACTIVE[ROWS] = {1, 0, 1, 1, 1, 0, 1}, DIM[ROWS] = {3, 0, 1, 2, 3, 0, 1};

static double op_loss(sh_tape *tape, int which, const sh_tensor *raw, const double *at)
{
    const sh_tensor *y = which == 0   ? sh_log_prob_categorical(tape, raw, MASK, OPTIONS, CHOICE)
                         : which == 1 ? sh_log_prob_logit_normal(tape, raw, at, ACTIVE)
                                      : sh_log_prob_wrapped(tape, raw, at, DIM);
    /* each row is the one transition of a trajectory */
    double target[ROWS], nothing[ROWS] = {0};
    int64_t start[ROWS + 1];
    int32_t transition[ROWS];
    for (int i = 0; i <= ROWS; i++)
        start[i] = i;
    for (int i = 0; i < ROWS; i++) {
        target[i] = 0.3 * i;
        transition[i] = i;
    }
    sh_tensor log_z = {.data = (sh_real[]){(sh_real)0.7}, .rows = 1, .cols = 1};
    double log_pf[ROWS], log_pb[ROWS], residual[ROWS];
    const sh_balance_args args = {.kind = SH_TB, .scale = 0.5, .n = ROWS, .n_transition = ROWS, .start = start, .log_pb = nothing, .target = target,
                                  .n_part = 1, .part = {{y, transition, false}}, .log_z = &log_z};
    sh_tensor *loss = sh_balance_loss(tape, &args, &(sh_balance){log_pf, log_pb, residual, NULL});
    if (tape->recording) sh_tape_backward(tape, loss);
    return (double)loss->data[0];
}

static void test_op_gradients(void **state)
{
    (void)state;
    sh_arena *arena = sh_arena_create(1 << 16);
    for (int which = 0; which < 3; which++) {
        int64_t cols = which == 0 ? OPTIONS : which == 1 ? 3 * MIXTURE : 1 + 10 * MIXTURE;
        sh_real data[ROWS * 31], grad[ROWS * 31] = {0};
        double at[3 * ROWS];
        for (int64_t i = 0; i < ROWS * cols; i++)
            data[i] = (sh_real)noise();
        for (int i = 0; i < 3 * ROWS; i++)
            at[i] = 0.5 + 0.5 * noise();
        sh_tensor raw = {.data = data, .grad = grad, .rows = ROWS, .cols = cols};
        sh_tape tape;
        sh_arena_reset(arena);
        sh_workspace ws = sh_workspace_host(arena);
        sh_tape_begin(&tape, &ws, true);
        op_loss(&tape, which, &raw, at);
        raw.grad = NULL;
        double seen = 0;
        for (int64_t i = 0; i < ROWS * cols; i++) {
            sh_real kept = data[i];
            double step = 10 * STEP, value[2];
            for (int sign = 0; sign < 2; sign++) {
                data[i] = (sh_real)((double)kept + (sign ? -step : step));
                sh_arena_reset(arena);
                sh_workspace_begin(&ws, sh_backend_cpu(), arena);
                sh_tape_begin(&tape, &ws, false);
                value[sign] = op_loss(&tape, which, &raw, at);
            }
            data[i] = kept;
            double slope = (value[0] - value[1]) / (2 * step);
            assert_near(grad[i], slope, 20 * LIMIT * fmax(1, fabs(slope)));
            seen = fmax(seen, fabs(slope));
        }
        assert_true(seen > 0.1);
    }
    sh_arena_destroy(&arena);
}

/* The objectives, from their definitions: three trajectories of 2, 3 and 1 transitions, one of them with a backward part. */
enum { N_TRANSITION = 6 };
static const int64_t FIRST[4] = {0, 2, 5, 6};
static const int32_t ROW[N_TRANSITION] = {0, 1, 2, 3, 4, 5}, BACK_ROW[N_TRANSITION] = {0, -1, -1, 1, -1, -1},
                      FLOW_ROW[N_TRANSITION] = {0, 1, 0, 2, 3, 0};
static const double KNOWN[N_TRANSITION] = {-0.7, 0, -0.7, -1.1, 0, 0}, TARGET[3] = {-1, 0.5, -2.5};

static double objective_of(sh_tape *tape, sh_objective_kind kind, sh_tensor *const *x)
{
    const sh_balance_args args = {.kind = kind, .lambda = 0.8, .scale = 0.25, .n = 3, .n_transition = N_TRANSITION, .start = FIRST, .log_pb = KNOWN, .target = TARGET,
                                  .n_part = 2, .part = {{x[0], ROW, false}, {x[1], BACK_ROW, true}}, .log_z = x[2], .flow = x[3],
                                  .flow_row = FLOW_ROW};
    double log_pf[3], log_pb[3], residual[3];
    sh_tensor *loss = sh_balance_loss(tape, &args, &(sh_balance){log_pf, log_pb, residual, NULL});
    for (int i = 0; i < 3; i++)
        assert_near(residual[i], (double)x[2]->data[0] + log_pf[i] - log_pb[i] - TARGET[i], 1e-6);
    if (tape->recording) sh_tape_backward(tape, loss);
    return (double)loss->data[0];
}

/* Bracket of the sub-trajectory from state j to state k of trajectory i. */
static double bracket(const sh_real *const *x, int i, int j, int k)
{
    int64_t m = FIRST[i + 1] - FIRST[i];
    double value = j ? (double)x[3][FLOW_ROW[FIRST[i] + j]] : (double)x[2][0];
    value -= k == m ? TARGET[i] : (double)x[3][FLOW_ROW[FIRST[i] + k]];
    for (int64_t t = FIRST[i] + j; t < FIRST[i] + k; t++)
        value += (double)x[0][t] - KNOWN[t] - (t == 0 ? (double)x[1][0] : t == 3 ? (double)x[1][1] : 0);
    return value;
}

static double by_hand(sh_objective_kind kind, const sh_real *const *x)
{
    double loss = 0, mean = 0;
    for (int i = 0; i < 3; i++) {
        int m = (int)(FIRST[i + 1] - FIRST[i]);
        mean += bracket(x, i, 0, m) / 3;
        double total = 0, sum = 0;
        for (int j = 0; j < m; j++)
            for (int k = j + 1; k <= m; k++) {
                total += pow(0.8, k - j);
                sum += pow(0.8, k - j) * bracket(x, i, j, k) * bracket(x, i, j, k);
            }
        loss += kind == SH_SUBTB ? sum / total : bracket(x, i, 0, m) * bracket(x, i, 0, m);
    }
    if (kind == SH_VARGRAD) loss -= 3 * mean * mean;
    return 0.25 * loss;
}

static void test_objectives(void **state)
{
    (void)state;
    static const int64_t rows[4] = {N_TRANSITION, 2, 1, 4};
    sh_arena *arena = sh_arena_create(1 << 16);
    for (int kind = SH_TB; kind <= SH_VARGRAD; kind++) {
        sh_real data[4][N_TRANSITION], grad[4][N_TRANSITION] = {{0}};
        sh_tensor tensor[4], *x[4];
        const sh_real *value[4];
        for (int p = 0; p < 4; p++) {
            for (int64_t r = 0; r < rows[p]; r++)
                data[p][r] = (sh_real)noise();
            tensor[p] = (sh_tensor){.data = data[p], .grad = grad[p], .rows = rows[p], .cols = 1};
            x[p] = &tensor[p];
            value[p] = data[p];
        }
        sh_tape tape;
        sh_arena_reset(arena);
        sh_workspace ws = sh_workspace_host(arena);
        sh_tape_begin(&tape, &ws, true);
        assert_near(objective_of(&tape, (sh_objective_kind)kind, x), by_hand((sh_objective_kind)kind, value), 1e-5);
        for (int p = 0; p < 4; p++)
            for (int64_t r = 0; r < rows[p]; r++) {
                /* VarGrad moves log Z by the rule of trajectory balance: its own loss does not depend on it */
                sh_objective_kind of = kind == SH_VARGRAD && p == 2 ? SH_TB : (sh_objective_kind)kind;
                sh_real kept = data[p][r];
                data[p][r] = (sh_real)((double)kept + STEP);
                double above = by_hand(of, value), high = (double)data[p][r];
                data[p][r] = (sh_real)((double)kept - STEP);
                double slope = (above - by_hand(of, value)) / (high - (double)data[p][r]);
                data[p][r] = kept;
                assert_near(grad[p][r], slope, 10 * LIMIT * fmax(1, fabs(slope)));
            }
    }
    sh_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_gradients), cmocka_unit_test(test_logit_normal_is_normalised),
        cmocka_unit_test(test_wrapped_is_normalised_and_periodic), cmocka_unit_test(test_op_gradients),
        cmocka_unit_test(test_objectives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
