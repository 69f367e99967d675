/* Metrics: means of formation energies that one broken crystal does not rule, empty fields where there is no number. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "base/memory.h"
#include "train/coordinator.h"

static char folder[] = "/tmp/shaft-metrics-XXXXXX", path[64];
static sh_config config;

static const double NONE = NAN;

/* A worker that has told nothing before tells of these. */
static void tell(sh_coordinator_state *c, const sh_records *shard)
{
    int64_t bytes;
    sh_findings *findings = sh_findings_create(config.constraints.max_sites, 1);
    sh_findings_begin(findings);
    sh_findings_add(findings, c->replay, shard);
    const char *message = sh_findings_message(findings, &bytes);
    sh_heard_begin(&c->pending);
    sh_heard_add(&c->pending, message, bytes);
    sh_heard_end(&c->pending, &c->modes);
    sh_findings_destroy(&findings);
    c->has_pending = true;
}

/* One iteration of crystals with these energies. */
static void absorb(sh_coordinator_state *c, int64_t iteration, int n, const double *e_form)
{
    sh_records shard;
    sh_records_create(&shard, config.constraints.max_sites, 1);
    sh_records_resize(&shard, n);
    for (int i = 0; i < n; i++) {
        sh_record *r = sh_record_at(&shard, i);
        r->traj = (uint64_t)(iteration * n + i);
        r->n_step = 1;
        r->step[0].sg_number = 1 + i;
        r->result = (sh_reward_result){.reward = 0.5, .e_form = e_form[i], .n_site = 1, .n_atom = 1};
        r->result.reason = isnan(e_form[i]) ? SH_REASON_GUARD_DENSITY : SH_REASON_NONE;
    }
    tell(c, &shard);
    sh_records_destroy(&shard);
    c->pending_report = (sh_report){.sums = {.square_fresh = 4.0 * n, .n_fresh = n}, .log_z = 1.5};
    sh_coordinator_absorb(c, iteration);
    assert_ok(sh_coordinator_metrics(c));
}

/* The field of the last row under this column. */
static const char *field(const char *column)
{
    static char text[2][2048];
    char line[2048];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text[0], sizeof text[0], f));
    while (fgets(line, sizeof line, f))
        memcpy(text[1], line, sizeof line);
    fclose(f);
    char *head = text[0], *value = text[1];
    for (;;) {
        size_t n = strcspn(head, ",\n"), m = strcspn(value, ",\n");
        if (n == strlen(column) && !strncmp(head, column, n)) {
            value[m] = '\0';
            return value;
        }
        assert_true(head[n] == ',' && value[m] == ',');
        head += n + 1;
        value += m + 1;
    }
}

static void test_energies(void **state)
{
    (void)state;
    sh_coordinator_state c;
    sh_coordinator_create(&config, &c);
    assert_ok(sh_coordinator_open_metrics(&c, folder, -1));
    absorb(&c, 0, 5, (const double[]){-1, 900, NONE, -30, 2});
    assert_string_equal(field("e_form_mean"), "0.25");  /* (-1 + 10 - 10 + 2) / 4 */
    assert_string_equal(field("e_form_median"), "0.5"); /* of -30, -1, 2, 900 */
    assert_string_equal(field("e_form_known"), "4");
    assert_string_equal(field("e_form_negative"), "0.5");
    assert_string_equal(field("n_guard_density"), "1");
    assert_non_null(strstr(c.line, "E_f  0.250 "));
    absorb(&c, 1, 3, (const double[]){-3, NONE, -0.5});
    assert_string_equal(field("e_form_median"), "-1.75");
    absorb(&c, 2, 3, (const double[]){7, -2, -0.5});
    assert_string_equal(field("e_form_median"), "-0.5");
    assert_string_equal(field("trajectories"), "11");
    sh_coordinator_destroy(&c);
}

static void test_no_number(void **state)
{
    (void)state;
    sh_coordinator_state c;
    sh_coordinator_create(&config, &c);
    assert_ok(sh_coordinator_open_metrics(&c, folder, -1));
    absorb(&c, 0, 2, (const double[]){NONE, NONE});
    const char *empty[] = {"loss_replay", "log_z_estimate", "e_form_mean", "e_form_median", "e_form_negative"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(field(empty[i]), "");
    assert_string_equal(field("loss"), "4");
    assert_string_equal(field("e_form_known"), "0");
    assert_null(strstr(c.line, "nan"));
    assert_non_null(strstr(c.line, "log Z   1.500 (      -)"));
    assert_non_null(strstr(c.line, "E_f      - "));
    sh_coordinator_destroy(&c);
}

/* Two crystals of one composition, and on the way one of a composition that was told in the iteration before by a worker that has
 * forgotten it, as after a restart: what is kept for a checkpoint has neither twice. */
static void test_modes_told_twice(void **state)
{
    (void)state;
    static const uint64_t formula[2][3] = {{7, 3, 7}, {3, 9, 9}}, told[2][2] = {{3, 7}, {9}};
    static const int64_t n_told[2] = {2, 1};
    sh_coordinator_state c;
    sh_records shard;
    sh_coordinator_create(&config, &c);
    assert_ok(sh_coordinator_open_metrics(&c, folder, -1));
    sh_records_create(&shard, config.constraints.max_sites, 1);
    sh_records_resize(&shard, 3);
    for (int64_t iteration = 0; iteration < 2; iteration++) {
        for (int64_t i = 0; i < 3; i++) {
            sh_record *r = sh_record_at(&shard, i);
            r->traj = (uint64_t)(3 * iteration + i);
            r->n_step = 1;
            r->formula = formula[iteration][i];
            r->result = (sh_reward_result){.reward = 0.5, .e_form = -1, .min_dist = 1, .n_atom = 1, .valid = 1, .bond_valid = 1};
        }
        tell(&c, &shard);
        assert_int_equal(c.pending.modes.n, n_told[iteration]);
        assert_memory_equal(c.pending.modes.value, told[iteration], (size_t)n_told[iteration] * sizeof(uint64_t));
        sh_coordinator_absorb(&c, iteration);
    }
    assert_ok(sh_coordinator_metrics(&c));
    assert_string_equal(field("modes"), "3");
    sh_records_destroy(&shard);
    sh_coordinator_destroy(&c);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    return sh_alloc_live() == 0 ? 0 : -1;
}

int main(void)
{
    const char text[] = "elements: [Li]\n";
    if (sh_config_parse("test", text, sizeof text - 1, NULL, 0, NULL, &config) != SH_OK || !mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/metrics.csv", folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_energies), cmocka_unit_test(test_no_number),
                                       cmocka_unit_test(test_modes_told_twice)};
    return cmocka_run_group_tests(tests, NULL, teardown);
}
