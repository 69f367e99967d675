/* Diversity of sets of structures against golden/metrics.json in the folder $SHAFT_TEST_DATA: mean distances and Vendi scores of
 * fingerprints that stand in the file, by all routes. Skipped without the variable: the structures are not ours to pass on. Run with 1, 2
 * and 3 ranks. */
#include "test.h"

#include "base/memory.h"
#include "comm/comm.h"
#include "json.h"
#include "metrics/gram.h"
#include "metrics/pairs.h"
#include "metrics/vendi.h"

static sh_comm *comm;
static sh_arena *arena;
static json *reference, *tables;

/* Fingerprints of the structures of a set, in its order: (n,d). */
static sh_rows fingerprints(const char *set, const char *name)
{
    const json *ids = json_get(reference, "sets", set, "ids", NULL);
    int d = json_get(reference, set, ids->first->text, "ref", name, NULL)->n;
    double *x = SH_NEW(double, ids->n * d), *at = x;
    for (const json *id = ids->first; id; id = id->next)
        for (const json *v = json_get(reference, set, id->text, "ref", name, NULL)->first; v; v = v->next)
            *at++ = v->number;
    assert_true(at == x + ids->n * d);
    return (sh_rows){x, ids->n, d};
}

/* Less the mean, divided by the deviation, of the tables. */
static sh_rows scaled(sh_rows rows)
{
    double *x = SH_NEW(double, rows.n * rows.d);
    const json *mean = json_get(tables, "comp_scaler", "mean", NULL)->first, *std = json_get(tables, "comp_scaler", "std", NULL)->first;
    for (int c = 0; c < rows.d; c++, mean = mean->next, std = std->next)
        for (int64_t i = 0; i < rows.n; i++)
            x[i * rows.d + c] = (rows.x[i * rows.d + c] - mean->number) / std->number;
    return (sh_rows){x, rows.n, rows.d};
}

static double want(const char *set, const char *key)
{
    return json_get(reference, "sets", set, key, NULL)->number;
}

static double want_score(const char *set, const char *key)
{
    return json_get(reference, "sets", set, "vendi", key, NULL)->number;
}

static void check_distance(const sh_rows *rows, double wanted)
{
    double got;
    assert_ok(sh_mean_distance(comm, rows, &got));
    assert_near(got, wanted, 1e-9 * wanted);
}

/* order_2, order_inf NULL: not in the file. The low-rank route leaves out 1e-9 of the trace here. */
static void check_scores(const sh_rows *rows, sh_similarity similarity, const char *set, const char *order_1, const char *order_2,
                         const char *order_inf)
{
    for (sh_vendi_route route = SH_VENDI_AUTO; route <= SH_VENDI_SPREAD; route++) {
        const sh_vendi_options options = {.similarity = similarity, .route = route, .tolerance = 1e-9};
        sh_vendi v;
        if (route == SH_VENDI_SPREAD && !sh_gram_available()) continue;
        if (route == SH_VENDI_MOMENTS && similarity.kind != SH_SIMILARITY_COSINE) continue;
        sh_arena_reset(arena);
        assert_ok(sh_vendi_compute(comm, rows, &options, arena, &v));
        assert_near(v.order_1, want_score(set, order_1), 1e-7 * v.order_1);
        if (order_2) assert_near(v.order_2, want_score(set, order_2), 1e-7 * v.order_2);
        if (order_inf) assert_near(v.order_inf, want_score(set, order_inf), 1e-7 * v.order_inf);
        if (similarity.kind == SH_SIMILARITY_COSINE) assert_int_equal(v.n, (int)want_score(set, "n_nonzero_fp"));
    }
    double got;
    assert_ok(sh_vendi_order_2(comm, rows, &similarity, &got));
    if (order_2) assert_near(got, want_score(set, order_2), 1e-9 * got);
}

/* This rank's part. */
static sh_rows part(sh_rows all)
{
    int64_t first = all.n * comm->rank / comm->size;
    return (sh_rows){all.x + first * all.d, all.n * (comm->rank + 1) / comm->size - first, all.d};
}

static void check_set(const char *set)
{
    const sh_rows all_structure = fingerprints(set, "crystalnn_mean"), all_composition = fingerprints(set, "magpie");
    const sh_rows all_even = scaled(all_composition);
    const sh_rows structure = part(all_structure), composition = part(all_composition), even = part(all_even);
    const sh_similarity cosine = {SH_SIMILARITY_COSINE, 0}, near = {SH_SIMILARITY_GAUSSIAN, 0.5}, wide = {SH_SIMILARITY_GAUSSIAN, 5};
    check_distance(&structure, want(set, "struct_diversity"));
    check_distance(&composition, want(set, "comp_diversity_raw"));
    check_distance(&even, want(set, "comp_diversity_scaled"));
    check_scores(&structure, cosine, set, "cosine_structfp_q1", "cosine_structfp_q2", "cosine_structfp_qinf");
    check_scores(&structure, near, set, "gauss_structfp_sigma0.5_q1", "gauss_structfp_sigma0.5_q2", NULL);
    check_scores(&even, wide, set, "gauss_scaledcomp_sigma5_q1", NULL, NULL);
    sh_free((void *)all_structure.x);
    sh_free((void *)all_composition.x);
    sh_free((void *)all_even.x);
}

static void test_prototypes(void **state)
{
    (void)state;
    check_set("prototypes");
}

static void test_sampled(void **state)
{
    (void)state;
    check_set("sampled");
}

static void test_relaxed(void **state)
{
    (void)state;
    check_set("dft");
}

int main(int argc, char **argv)
{
    reference = json_golden("metrics.json");
    if (!reference) return SH_TEST_SKIPPED;
    tables = json_golden("metrics_tables.json");
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    arena = sh_arena_create(1 << 16);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prototypes), cmocka_unit_test(test_sampled),
                                       cmocka_unit_test(test_relaxed)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&arena);
    sh_comm_destroy(&comm);
    json_free(reference);
    json_free(tables);
    return failed || sh_alloc_live() != 0;
}
