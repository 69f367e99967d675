/* Every op on odd sizes against central differences. */
#include "gradient.h"

#include "gflownet/dist_ops.h"
#include "tensor/ops.h"

static void check(gradient_fn f, const void *context, int n_input, const int64_t (*shape)[2])
{
    sh_tensor *input[GRADIENT_MAX_INPUT];
    for (int k = 0; k < n_input; k++)
        input[k] = noise_tensor(shape[k][0], shape[k][1]);
    check_gradient(f, input, n_input, context, 0);
    for (int k = 0; k < n_input; k++) { /* every input takes part */
        double largest = 0;
        for (int64_t i = 0; i < sh_size(input[k]); i++)
            largest = fmax(largest, fabs((double)input[k]->grad[i]));
        assert_true(largest > 0);
    }
    for (int k = 0; k < n_input; k++)
        free_noise(input[k]);
}

static const sh_tensor *linear(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_linear(t, x[0], x[1], x[2]);
}

static const sh_tensor *linear_no_bias(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_linear(t, x[0], x[1], NULL);
}

static void test_linear(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows <= 7; rows += 3) {
        check(linear, NULL, 3, (const int64_t[][2]){{rows, 5}, {5, 3}, {1, 3}});
        check(linear_no_bias, NULL, 2, (const int64_t[][2]){{rows, 37}, {37, 11}});
    }
}

static const sh_tensor *dense(sh_tape *t, sh_tensor *const *x, const void *context)
{
    return sh_dense(t, x[0], x[1], x[2], *(const int *)context);
}

static const sh_tensor *activation(sh_tape *t, sh_tensor *const *x, const void *context)
{
    return sh_activation_op(t, x[0], (sh_activation) * (const int *)context);
}

static void test_dense_and_activations(void **state)
{
    (void)state;
    for (int kind = SH_OPEN; kind <= SH_SOFTPLUS2; kind++) {
        if (kind == SH_RELU) continue; /* has a kink: below */
        check(dense, &kind, 3, (const int64_t[][2]){{5, 7}, {7, 13}, {1, 13}});
        if (kind >= 0) check(activation, &kind, 1, (const int64_t[][2]){{11, 3}});
    }
    int relu = SH_RELU;
    sh_tensor *x = noise_tensor(13, 1);
    for (int i = 0; i < 13; i++) /* away from the kink */
        x->data[i] += (sh_real)(x->data[i] > 0 ? 0.1 : -0.1);
    check_gradient(activation, &x, 1, &relu, 0);
    free_noise(x);
}

static const sh_tensor *sum(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_sum(t, x[0], sh_sum(t, x[1], x[0])); /* a tensor used twice */
}

static const sh_tensor *concat(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_concat_cols(t, (const sh_tensor *[]){x[0], x[1], x[2]}, 3);
}

static const sh_tensor *concat_rows(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_concat_rows(t, x[0], x[1]);
}

static const sh_tensor *view(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_linear(t, x[0], sh_rows_view(t, x[1], 2, 3), NULL);
}

static void test_shapes(void **state)
{
    (void)state;
    check(sum, NULL, 2, (const int64_t[][2]){{7, 5}, {7, 5}});
    check(concat, NULL, 3, (const int64_t[][2]){{5, 1}, {5, 4}, {5, 3}});
    check(concat_rows, NULL, 2, (const int64_t[][2]){{1, 3}, {6, 3}});
    check(view, NULL, 2, (const int64_t[][2]){{4, 3}, {7, 5}});
}

static const int32_t INDEX[9] = {4, 0, 0, 2, 4, 4, 1, 0, 2}; /* row 3 is never read */

static const sh_tensor *gather(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    return sh_gather_rows(t, x[0], SH_PUT(t->ws, INDEX, 9), 9);
}

static const int64_t START[6] = {0, 2, 2, 3, 8, 11}; /* one segment is empty */
static const int32_t SEGMENT[11] = {0, 0, 2, 3, 3, 3, 3, 3, 4, 4, 4};

static const sh_tensor *segment_sum(sh_tape *t, sh_tensor *const *x, const void *context)
{
    const sh_real *weight = context;
    return sh_segment_sum(t, x[0], SH_PUT(t->ws, START, 6), SH_PUT(t->ws, SEGMENT, 11), 5, SH_PUT(t->ws, weight, 11));
}

static const sh_tensor *attend(sh_tape *t, sh_tensor *const *x, const void *context)
{
    const sh_real *m = context;
    return sh_attend(t, x[0], x[1], SH_PUT(t->ws, m, 11), SH_PUT(t->ws, START, 6));
}

static void test_segments(void **state)
{
    (void)state;
    sh_real weight[11];
    for (int i = 0; i < 11; i++)
        weight[i] = (sh_real)(1 + i % 4);
    check(gather, NULL, 1, (const int64_t[][2]){{5, 3}});
    check(segment_sum, NULL, 1, (const int64_t[][2]){{11, 3}});
    check(segment_sum, weight, 1, (const int64_t[][2]){{11, 3}});
    check(attend, weight, 2, (const int64_t[][2]){{11, 4}, {5, 4}});
}

/* Two crystals, three sites, seven edges. */
static const int32_t SRC[7] = {0, 0, 0, 1, 1, 2, 2}, DST[7] = {0, 1, 1, 0, 1, 2, 2}, CRYSTAL[7] = {0, 0, 0, 0, 0, 1, 1};
static const int64_t SRC_START[4] = {0, 3, 5, 7}, DST_START[4] = {0, 2, 5, 7}, DST_LIST[7] = {0, 3, 1, 2, 4, 5, 6},
                     CRYSTAL_START[3] = {0, 5, 7};

static const sh_tensor *edge_dense(sh_tape *t, sh_tensor *const *x, const void *context)
{
    const sh_edge_index index = {.n_edge = 7,
                                 .n_site = 3,
                                 .n_crystal = 2,
                                 .src = SH_PUT(t->ws, SRC, 7),
                                 .dst = SH_PUT(t->ws, DST, 7),
                                 .crystal = SH_PUT(t->ws, CRYSTAL, 7),
                                 .src_start = SH_PUT(t->ws, SRC_START, 4),
                                 .dst_start = SH_PUT(t->ws, DST_START, 4),
                                 .dst_list = SH_PUT(t->ws, DST_LIST, 7),
                                 .crystal_start = SH_PUT(t->ws, CRYSTAL_START, 3)};
    sh_edge_index *kept = SH_PUSH(t->ws->arena, sh_edge_index, 1); /* read again on the way back */
    *kept = index;
    return sh_edge_dense(t, x[0], x[1], x[2], x[3], x[4], kept, *(const int *)context);
}

static void test_edges(void **state)
{
    (void)state;
    for (int kind = SH_OPEN; kind <= SH_SOFTPLUS2; kind += SH_SOFTPLUS2 + 1)
        check(edge_dense, &kind, 5, (const int64_t[][2]){{7, 4}, {4, 5}, {3, 5}, {3, 5}, {2, 5}});
}

static const sh_tensor *lstm(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    sh_tensor *c1, *c2;
    sh_tensor *h1 = sh_lstm_cell(t, x[0], x[1], &c1), *h2 = sh_lstm_cell(t, x[2], c1, &c2);
    return sh_concat_cols(t, (const sh_tensor *[]){h1, h2, c2}, 3); /* through c as well as h */
}

static const sh_tensor *lstm_first(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)context;
    sh_tensor *c;
    return sh_lstm_cell(t, x[0], NULL, &c);
}

static void test_lstm(void **state)
{
    (void)state;
    check(lstm, NULL, 3, (const int64_t[][2]){{3, 20}, {3, 5}, {3, 20}});
    check(lstm_first, NULL, 1, (const int64_t[][2]){{3, 8}});
}

/* Ops on nothing give nothing, and touch nothing. */
static void test_empty(void **state)
{
    (void)state;
    const int64_t start[1] = {0};
    sh_arena *arena = sh_arena_create(1 << 12);
    sh_tape tape;
    sh_workspace ws;
    sh_workspace_begin(&ws, be, arena);
    sh_tape_begin(&tape, &ws, true);
    sh_tensor *x = noise_tensor(0, 4), *w = noise_tensor(4, 3), *b = noise_tensor(1, 3);
    const sh_tensor *y = sh_dense(&tape, x, w, b, SH_SWISH);
    assert_int_equal(y->rows, 0);
    y = sh_segment_sum(&tape, y, SH_PUT(&ws, start, 1), NULL, 0, NULL);
    for (const sh_tape_entry *e = tape.last; e; e = e->before)
        e->backward(&tape, e->saved);
    for (int i = 0; i < 12; i++)
        assert_true(w->grad[i] == 0);
    free_noise(x);
    free_noise(w);
    free_noise(b);
    sh_arena_destroy(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear), cmocka_unit_test(test_dense_and_activations), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_segments), cmocka_unit_test(test_edges), cmocka_unit_test(test_lstm),
        cmocka_unit_test(test_empty)};
    if (!device_open(argc, argv)) return 77;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_cuda_close();
    return failed;
}
