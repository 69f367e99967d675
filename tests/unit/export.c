#define _POSIX_C_SOURCE 200809L
#include "structures.h"

#include <unistd.h>

#include "crystal/dataset.h"
#include "io/collect.h"
#include "io/export.h"
#include "io/sample_set.h"
#include "io/samples.h"
#include "io/text.h"

static double logit_of(double value, double lo, double hi)
{
    double u = (value - lo) / (hi - lo);
    return log(u / (1 - u));
}

/* A cubic sample of two sites; elem_index 0 is Na, 1 is Cl. */
static void add(sh_records *records, uint64_t traj, int group, double a, const double x[2][3], double reward,
                double e_form)
{
    sh_records_resize(records, records->n + 1);
    sh_record *r = sh_record_at(records, records->n - 1);
    r->traj = traj;
    r->n_step = 2;
    for (int t = 0; t < 2; t++) {
        r->step[t].sg_number = group;
        r->step[t].elem_index = t;
        r->step[t].wyckoff = -1;
        r->step[t].y[0] = logit_of(a, 2.4, 15);
        memcpy(r->step[t].frac, x[t], sizeof r->step[t].frac);
    }
    r->result.reward = reward;
    r->result.e_form = e_form;
    r->result.min_dist = 2.5;
    r->result.density = 2;
}

static const double salt[2][3] = {{0, 0, 0}, {0.5, 0.5, 0.5}}, blende[2][3] = {{0, 0, 0}, {0.25, 0.25, 0.25}},
                    close_pair[2][3] = {{0, 0, 0}, {0.03, 0.03, 0.03}};

static void test_pick(void **state)
{
    (void)state;
    sh_groups *groups;
    assert_ok(sh_groups_create(&groups));
    sh_constraints constraints = {.n_element = 2, .element = {11, 17}, .max_elements = 2, .min_sites = 1, .max_sites = 3,
                                  .max_atoms = 200, .cell = {{2.4, 15}, {80, 130}}};
    sh_space space = sh_space_of(groups, &constraints, SH_SITES_GENERAL, 0.3);
    sh_records records;
    sh_records_create(&records, 3, 4);
    add(&records, 1, 225, 5.64, salt, 0.8, -2.0);
    add(&records, 2, 225, 5.65, salt, 0.9, -2.0005);  /* the same crystal, and better */
    add(&records, 3, 221, 5.64 / 2, salt, 0.7, -1.0); /* CsCl */
    add(&records, 4, 216, 5.9, blende, 0.85, -2.1);
    add(&records, 5, 216, 5.9, close_pair, 0.99, -9); /* its record claims 2.5 Å */
    add(&records, 6, 225, 5.9, salt, 0.2, -1.9);      /* larger: another crystal */
    add(&records, 7, 225, 5.7, salt, 0.3, -1.9);
    sh_record_at(&records, 6)->result.min_dist = 0.3;
    add(&records, 8, 225, 5.7, salt, 0.3, -1.9);
    sh_record_at(&records, 7)->result.reason = SH_REASON_ATOMS;
    add(&records, 9, 216, 5.64, salt, 0.75, -2.0);    /* sampled in a group of lower symmetry */

    char folder[] = "/tmp/shaft_export_XXXXXX", path[128], command[64];
    assert_non_null(mkdtemp(folder));
    sh_export_report report;
    sh_export_opts opts = {.top = 10, .folder = folder};
    assert_ok(sh_export_best(&space, &records, &opts, &report));
    assert_int_equal(report.n, 4);
    assert_int_equal(report.n_overlap, 2);
    assert_int_equal(report.n_refused, 1);
    static const char *const files[] = {"001_NaCl_225.cif", "002_NaCl_216.cif", "003_NaCl_221.cif", "004_NaCl_225.cif"};
    static const int traj[] = {2, 4, 3, 6}, copies[] = {2, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(report.item[i].file, files[i]);
        assert_int_equal(report.item[i].traj, traj[i]);
        assert_int_equal(report.item[i].n_copy, copies[i]);
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        const char *name = path;
        sh_structures list = {0};
        sh_collect(&name, 1, NULL, &list);
        assert_ok(sh_structures_check(&list));
        sh_cell cell = {list.item[0].lattice, list.item[0].n_atom, list.item[0].z, list.item[0].frac};
        assert_int_equal(sh_space_group_number(&cell, 1e-3), report.item[i].found_group);
        assert_int_equal(list.item[0].sampled_group, report.item[i].sampled_group);
        sh_structures_destroy(&list);
    }
    char *text;
    size_t size;
    snprintf(path, sizeof path, "%s/summary.csv", folder);
    assert_ok(sh_text_read(path, &text, &size));
    assert_non_null(strstr(text, "\n1,NaCl,Fm-3m,225,225,8,2,"));
    assert_non_null(strstr(text, ",2,2,001_NaCl_225.cif\n"));
    sh_free(text);
    {
        char *table;
        FILE *f = open_memstream(&table, &size);
        sh_export_print(&report, groups, f);
        fclose(f);
        assert_non_null(strstr(table, "   1  NaCl     Fm-3m (225)         225      8    2.000    -2.0005   0.90000  001_"));
        free(table);
    }
    sh_export_report_destroy(&report);

    opts = (sh_export_opts){.top = 2, .by_energy = true, .format = SH_EXPORT_POSCAR, .folder = folder};
    assert_ok(sh_export_best(&space, &records, &opts, &report));
    assert_int_equal(report.n, 2);
    assert_int_equal(report.item[0].traj, 4);
    assert_int_equal(report.item[1].traj, 2);
    sh_export_report_destroy(&report);
    opts.format = SH_EXPORT_EXTXYZ;
    assert_ok(sh_export_best(&space, &records, &opts, &report));
    sh_export_report_destroy(&report);
    const char *all = folder;
    sh_structures list = {0};
    sh_collect(&all, 1, NULL, &list);
    assert_ok(sh_structures_check(&list));
    assert_int_equal(list.n, 8);
    sh_structures_destroy(&list);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);

    opts.folder = "/nowhere";
    assert_fails(sh_export_best(&space, &records, &opts, &report), SH_EIO, "cannot write '/nowhere/001_NaCl_216.extxyz'");
    sh_records_destroy(&records);
    sh_groups_destroy(&groups);
    assert_int_equal(sh_alloc_live(), 0);
}

static sh_status write_samples(const char *path, const sh_records *records)
{
    static const char yaml[] = "elements: [Na, Cl]\nlattice: {length: [2.4, 15]}\nreward: {formation_energy: {weight: 0}}\n"
                               "policy: {sites: general, lattice: each_step}\nrun: {directory: none}\n";
    sh_sample_set *set = SH_NEW(sh_sample_set, 1);
    assert_ok(sh_config_parse("test", yaml, strlen(yaml), NULL, 0, NULL, &set->config));
    assert_ok(sh_groups_create(&set->groups));
    set->space = sh_space_of(set->groups, &set->config.constraints, set->config.policy.sites, set->config.policy.merge_tol);
    char *config = sh_config_text(&set->config, true);
    const sh_samples_layout layout = {.n_row = records->n, .stride = records->n, .block = records->n, .n_block = 1};
    sh_status status = sh_samples_write(path, MPI_COMM_NULL, &set->space, config, records, &layout);
    sh_free(config);
    sh_sample_set_destroy(set);
    sh_free(set);
    return status;
}

/* Samples are read back with their configuration, as structures too; a run's folder is read through its index alone. */
static void test_sample_set(void **state)
{
    (void)state;
    char folder[] = "/tmp/shaft_set_XXXXXX", path[128], command[160];
    assert_non_null(mkdtemp(folder));
    sh_records records;
    sh_records_create(&records, 2, 4);
    add(&records, 7, 225, 5.64, salt, 0.8, -2.0);
    add(&records, 8, 216, 5.4, blende, 0.9, -1.0);
    snprintf(command, sizeof command, "mkdir -p %s/run/samples %s/run/checkpoints", folder, folder);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/run/samples/000000-000001.h5", folder);
    assert_ok(write_samples(path, &records));
    snprintf(path, sizeof path, "%s/run/samples", folder);
    assert_ok(sh_samples_index(path));
    snprintf(path, sizeof path, "%s/run", folder);

    sh_sample_set *set = SH_NEW(sh_sample_set, 1);
    assert_ok(sh_sample_set_read(path, set));
    assert_int_equal(set->records.n, 2);
    assert_int_equal(set->space.constraints->element[1], 17);
    assert_near(sh_record_at(&set->records, 1)->result.e_form, -1, 0);
    sh_sample_set_destroy(set);

    const char *name = folder;
    sh_structures list = {0};
    sh_collect(&name, 1, sh_sample_set_collect, &list);
    assert_ok(sh_structures_check(&list));
    assert_int_equal(list.n, 2);
    assert_int_equal(list.item[0].n_atom, 8);
    assert_int_equal(list.item[1].sampled_group, 216);
    assert_string_equal(list.item[1].name, "trajectory 8");
    assert_near(list.item[1].reward, 0.9, 0);
    assert_string_equal(list.item[1].reward_model, SH_NO_REWARD_MODEL);
    assert_near(list.item[0].lattice[0], 5.64, 1e-12);
    sh_structures_destroy(&list);

    /* rows that would lead outside the tables */
    sh_record_at(&records, 1)->step[1].y[0] = NAN;
    snprintf(path, sizeof path, "%s/bad.h5", folder);
    assert_ok(write_samples(path, &records));
    assert_fails(sh_sample_set_read(path, set), SH_EINPUT, "row 1 has a lattice or a position that is no number");
    name = path;
    sh_collect(&name, 1, sh_sample_set_collect, &list);
    assert_int_equal(list.n, 1);
    assert_non_null(strstr(list.item[0].error, "bad.h5"));
    sh_structures_destroy(&list);

    sh_free(set);
    sh_records_destroy(&records);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(sh_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pick), cmocka_unit_test(test_sample_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
