/* Configuration: values and defaults, each error's text, the printed form parses back to the same bytes. */
#define _POSIX_C_SOURCE 200809L

#include "test.h"

#include <dirent.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/config.h"

static sh_groups *groups;

static sh_status parse(const char *text, sh_config *c)
{
    return sh_config_parse("a/run.yaml", text, strlen(text), NULL, 0, groups, c);
}

static sh_status parse_set(const char *setting, sh_config *c)
{
    const char *text = "elements: [Li, Cl]\ntrain: {batch: 5}\n";
    return sh_config_parse("a/run.yaml", text, strlen(text), &setting, 1, groups, c);
}

static void test_defaults(void **state)
{
    (void)state;
    sh_config c;
    assert_ok(parse("elements: [Li, N, Y]\n", &c)); /* N and Y: no booleans here */
    assert_int_equal(c.constraints.n_element, 3);
    assert_int_equal(c.constraints.element[1], 7);
    assert_int_equal(c.constraints.element[2], 39);
    assert_false(c.constraints.has_one_of);
    assert_int_equal(c.constraints.max_sites, 3);
    for (int g = 0; g < SH_N_GROUP; g++)
        assert_true(c.constraints.group_allowed[g]);
    assert_near(c.constraints.cell.length[0], 2.4, 0);
    assert_near(c.constraints.cell.angle[1], 130, 0);
    assert_true(c.policy.shared_encoder);
    assert_int_equal(c.policy.mixture, 8);
    assert_int_equal(c.policy.neighbours, 0);
    assert_int_equal(c.policy.sites, SH_SITES_WYCKOFF);
    assert_int_equal(c.policy.group, SH_ONCE);
    assert_int_equal(c.policy.lattice, SH_LATTICE_LAST);
    assert_int_equal(c.policy.heads, SH_HEADS_SEQUENTIAL);
    const double weight[SH_N_TERM] = {0.2, 0.5, 0.2, 0.1};
    for (int i = 0; i < SH_N_TERM; i++)
        assert_near(c.reward.weight[i], weight[i], 0);
    assert_near(c.reward.beta, 8, 0);
    assert_near(c.reward.r_min, 1e-5, 0);
    assert_near(c.reward.log_floor, -30, 0);
    assert_near(c.reward.guard_density[1], 5, 0);
    assert_int_equal(c.reward.guard_atoms, 100);
    assert_int_equal(c.reward.max_atoms, 200);
    assert_string_equal(c.reward_model, "m3gnet-efs");
    assert_string_equal(c.bond_table, "mp");
    assert_int_equal(c.train.iterations, 5000);
    assert_int_equal(c.train.explore_decay, -1);
    assert_int_equal(c.train.explore_until, 2500);
    assert_near(c.train.lr, 1e-3, 0);
    assert_int_equal(c.run.seed, 1);
    assert_true(c.run.save_samples);
    assert_string_equal(c.run.directory, "runs/run");
}

static const char full[] = "# a comment\n"
                           "elements: [Be, Li, O, S]\n"
                           "constraints:\n"
                           "  one_of: [Li, Be]\n"
                           "  max_elements: 2\n"
                           "  min_sites: 2\n"
                           "  max_sites: 4\n"
                           "  max_atoms: 1e2\n"
                           "  space_groups: [1, 3-5, \"225\", 195-196]\n"
                           "lattice: {length: [3, 12.5], angle: [85, 120]}\n"
                           "policy: {encoders: separate, neighbours: 12, group: once, merge_tol: 0.1, position_mixture: 2}\n"
                           "reward:\n"
                           "  beta: 4.5\n"
                           "  formation_energy:\n"
                           "    weight: 0.3333333333333333\n"
                           "    model: 'my model.h5'\n"
                           "    guard: {density: [0.5, 23], atoms: 150, distance: 0.75}\n"
                           "  bond: {table: paper}\n"
                           "train: {iterations: 1e4, exploration: {decay: 100}, replay: {capacity: 0, batch: 0}}\n"
                           "run: {directory: \"a \\\"b\\\"\", coordinator: dedicated, save_samples: false, seed: 77}\n";

static void test_values(void **state)
{
    (void)state;
    sh_config c;
    assert_ok(parse(full, &c));
    assert_true(c.constraints.has_one_of);
    assert_true(c.constraints.one_of[0] && c.constraints.one_of[1] && !c.constraints.one_of[2]);
    assert_int_equal(c.constraints.max_atoms, 100);
    int n = 0;
    for (int g = 0; g < SH_N_GROUP; g++)
        n += c.constraints.group_allowed[g];
    assert_int_equal(n, 7);
    assert_true(c.constraints.group_allowed[0] && c.constraints.group_allowed[4] && c.constraints.group_allowed[224] &&
                c.constraints.group_allowed[195]);
    assert_near(c.constraints.cell.length[1], 12.5, 0);
    assert_false(c.policy.shared_encoder);
    assert_int_equal(c.policy.neighbours, 12);
    assert_int_equal(c.policy.group, SH_ONCE);
    assert_near(c.reward.weight[SH_TERM_ENERGY], 0.3333333333333333, 0);
    assert_string_equal(c.reward_model, "my model.h5");
    assert_int_equal(c.train.iterations, 10000);
    assert_int_equal(c.train.explore_decay, 100);
    assert_int_equal(c.train.explore_until, 100);
    assert_string_equal(c.run.directory, "a \"b\"");
    assert_int_equal(c.run.coordinator, SH_COORDINATOR_DEDICATED);
    assert_false(c.run.save_samples);
    assert_ok(parse_set("train.batch=7", &c));
    assert_int_equal(c.train.batch, 7);
    assert_ok(parse_set("constraints.one_of=[Li]", &c));
    assert_true(c.constraints.one_of[0] && !c.constraints.one_of[1]);
    assert_ok(parse_set("reward.bond={weight: 0.25}", &c));
    assert_near(c.reward.weight[SH_TERM_BOND], 0.25, 0);
}

static void test_printed_parses_back(void **state)
{
    (void)state;
    const char *texts[] = {full, "elements: [Li]\nreward: {beta: 0.1, density: {std: 1.7976931348623}}\n"};
    for (int i = 0; i < 2; i++) {
        sh_config c, again;
        assert_ok(parse(texts[i], &c));
        char *text = sh_config_text(&c, true);
        assert_ok(parse(text, &again));
        assert_memory_equal(&c, &again, sizeof c);
        assert_null(sh_config_differences(&c, &again));
        char *bare = sh_config_text(&c, false);
        assert_null(strstr(bare, "directory"));
        again.train.batch = 3;
        again.train.iterations = 9; /* may change when a run goes on */
        char *differ = sh_config_differences(&c, &again);
        assert_string_equal(differ, "train.batch: 256 before, 3 now");
        sh_free(differ);
        sh_free(bare);
        sh_free(text);
    }
}

/* What a checkpoint says of `auto` holds for the run that goes on from it with more iterations; a number of the user's own
 * is compared. */
static void test_auto_is_inherited(void **state)
{
    (void)state;
    sh_config first, before, now;
    assert_ok(parse_set("train.iterations=12", &first));
    char *given = sh_config_text(&first, true), *stored = sh_config_text(&first, false);
    assert_non_null(strstr(given, "decay: auto"));
    assert_non_null(strstr(stored, "decay: 6"));
    assert_ok(parse(stored, &before));
    assert_ok(parse_set("train.iterations=20", &now));
    assert_int_equal(now.train.explore_until, 10);
    sh_config_inherit(&before, &now);
    assert_int_equal(now.train.explore_until, 6);
    assert_null(sh_config_differences(&before, &now));
    assert_ok(parse_set("train.exploration.decay=10", &now));
    sh_config_inherit(&before, &now);
    char *differ = sh_config_differences(&before, &now);
    assert_string_equal(differ, "train.exploration.decay: 6 before, 10 now");
    sh_free(differ);
    sh_free(stored);
    sh_free(given);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"elements: [Li]\nconstraints:\n  max_sitess: 3\n", "a/run.yaml:3: constraints.max_sitess: there is no such key",
         "did you mean 'constraints.max_sites'?"},
        {"elements: [Li]\nmax_atoms: 3\n", "a/run.yaml:2: max_atoms: there is no such key",
         "did you mean 'constraints.max_atoms'?"},
        {"elements: [Li]\nrewards:\n  beta: 3\n", "a/run.yaml:2: rewards: there is no such key", "did you mean 'reward'?"},
        {"elements: [Li]\nflavour: 3\n", "a/run.yaml:2: flavour: there is no such key", "shaft train --help-config"},
        {"elements: [Li]\ntrain:\n  batch:\n    size: 3\n", "a/run.yaml:4: train.batch.size: 'train.batch' is a value", ""},
        {"elements: [Li]\ntrain.batch.size: 3\n", "a/run.yaml:2: train.batch.size: 'train.batch' is a value", ""},
        {"elements: [Li]\ntrain: 3\n", "a/run.yaml:2: train: is a section", ""},
        {"elements: [Li]\ntrain:\n  batch: 3x\n", "a/run.yaml:3: train.batch: wants a whole number, not '3x'", ""},
        {"elements: [Li]\ntrain:\n  batch: 1.5\n", "wants a whole number, not '1.5'", ""},
        {"elements: [Li]\ntrain:\n  batch: 0x10\n", "wants a whole number, not '0x10'", ""},
        {"elements: [Li]\ntrain:\n  batch: \"3\"\n", "wants a whole number, not the quoted text '3'", ""},
        {"elements: [Li]\ntrain:\n  batch: [3]\n", "a/run.yaml:3: train.batch: wants one value, not a list", ""},
        {"elements: [Li]\ntrain:\n  batch: -2\n", "train.batch: -2 is outside 1 to 10000000", ""},
        {"elements: [Li]\ntrain:\n  batch:\n", "a/run.yaml:3: train.batch: has no value", "default, 256"},
        {"elements: [Li]\npolicy: {neighbours: some}\n", "wants a whole number or 'all', not 'some'", ""},
        {"elements: [Li]\ntrain: {lr: 1e-3s}\n", "train.lr: wants a number, not '1e-3s'", ""},
        {"elements: [Li]\ntrain: {lr: nan}\n", "wants a number, not 'nan'", ""},
        {"elements: [Li]\ntrain: {lr: 1e999}\n", "wants a number", ""},
        {"elements: [Li]\nrun: {seed: 99999999999999999999}\n", "run.seed: wants a whole number", ""},
        {"elements: [Li]\nrun: {save_samples: yes}\n", "wants true or false, not 'yes'", ""},
        {"elements: [Li]\nrun: {directory: \"\"}\n", "run.directory: must not be empty", ""},
        {"elements: [Li]\nrun: {directory: \"a\\nb\"}\n", "run.directory: holds a control character", ""},
        {"elements: [Li]\npolicy: {group: sometimes}\n", "'sometimes' is not one of: each_step, once", ""},
        {"elements: [Li]\npolicy: {sites: wyckoff, group: each_step}\n", "policy: sites: wyckoff needs group: once", ""},
        {"elements: [Li]\npolicy: {sites: general}\n", "policy: lattice: last needs sites: wyckoff", ""},
        {"elements: [Li]\ntrain: {batch: 3}\nrun: {seed: 1}\ntrain: {lr: 1}\n",
         "a/run.yaml:4: train: given twice, first at a/run.yaml:2", ""},
        {"elements: [Li]\ntrain: {batch: 3, batch: 4}\n", "train.batch: given twice", ""},
        {"elements: [Li, Xx]\n", "a/run.yaml:1: elements: 'Xx' is not the symbol", ""},
        {"elements: [LI]\n", "'LI' is not the symbol", "did you mean 'Li'?"},
        {"elements: [Li, Li]\n", "elements: Li stands there twice", ""},
        {"elements: []\n", "elements: the list is empty", ""},
        {"elements: [[Li]]\n", "an item of a list must be a single word", ""},
        {"train: {batch: 3}\n", "a/run.yaml: elements: this key must be given", "[Li, Na, Cl]"},
        {"", "elements: this key must be given", ""},
        {"elements: [Li]\nconstraints: {one_of: [Na]}\n", "constraints.one_of: Na is not among 'elements'", "add it there"},
        {"elements: [Li]\nconstraints: {one_of: []}\n", "constraints.one_of: the list is empty", ""},
        {"elements: [Li]\nconstraints: {min_sites: 3, max_sites: 2}\n", "min_sites: 3 is more than constraints.max_sites, 2",
         ""},
        {"elements: [Li]\nconstraints: {max_elements: 0}\n", "max_elements: 0 is outside 1 to 118", ""},
        {"elements: [Li]\nconstraints: {space_groups: []}\n", "no group is allowed", ""},
        {"elements: [Li]\nconstraints: {space_groups: [231]}\n", "'231': space groups have the numbers 1 to 230", ""},
        {"elements: [Li]\nconstraints: {space_groups: [5-3]}\n", "'5-3': space groups have", ""},
        {"elements: [Li]\nconstraints: {space_groups: [Fm-3m]}\n", "not 'Fm-3m'", ""},
        {"elements: [Li]\nconstraints: {space_groups: 230, max_atoms: 12}\n", "12 atoms are too few", "raise"},
        {"elements: [Li]\nlattice: {length: [5, 3]}\n", "lattice.length: [5, 3]: the smaller number comes first", ""},
        {"elements: [Li]\nlattice: {length: 5}\n", "lattice.length: wants two numbers", ""},
        {"elements: [Li]\nlattice: {angle: [50, 130]}\n", "allows angles that make no cell", ""},
        {"elements: [Li]\nreward: {formation_energy: {weight: 0}, bond: {weight: 0}, density: {weight: 0}, validity: {weight: 0}}\n",
         "all weights are 0", ""},
        {"elements: [Li]\ntrain: {replay: {capacity: 0}}\n", "train.replay.capacity: 0 leaves nothing", ""},
        {"elements: [Li]\n\ttrain: 3\n", "a/run.yaml:2: found character that cannot start any token", "not with tabs"},
        {"elements: [Li\n", "a/run.yaml:2:", ""},
        {"- Li\n", "does not hold 'key: value'", ""},
        {"elements: &e [Li]\nconstraints: {one_of: *e}\n", "aliases", "write the value out"},
        {"elements: [Li]\n---\nelements: [Na]\n", "a/run.yaml:2: a second document", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sh_config c;
        sh_error_clear();
        sh_status got = parse(cases[i].text, &c);
        if (got != SH_EINPUT || !strstr(sh_error_message(), cases[i].message) || !strstr(sh_error_hints(), cases[i].hint)) {
            print_error("%s-> %d '%s' hint '%s'\nwanted '%s' hint '%s'\n", cases[i].text, (int)got, sh_error_message(),
                        sh_error_hints(), cases[i].message, cases[i].hint);
            fail();
        }
    }
    sh_config c;
    assert_fails(parse_set("train.batch", &c), SH_EINPUT, "--set train.batch: a setting is written key=value");
    assert_fails(parse_set("train.bach=3", &c), SH_EINPUT, "--set train.bach=3: train.bach: there is no such key");
    assert_fails(parse_set("train.batch=3x", &c), SH_EINPUT, "wants a whole number, not '3x'");
    assert_fails(parse_set("train.batch=", &c), SH_EINPUT, "has no value");
    assert_fails(sh_config_read("/nowhere/x.yaml", NULL, 0, groups, &c), SH_EINPUT, "/nowhere/x.yaml");
}

/* Every file that users are pointed to is read without complaint, from the folder it is installed from. */
static void test_shipped_files(void **state)
{
    (void)state;
    DIR *folder = opendir(SH_SOURCE_DIR "/configs");
    assert_non_null(folder);
    int n = 0;
    for (struct dirent *d; (d = readdir(folder));) {
        size_t length = strlen(d->d_name);
        if (length < 5 || strcmp(d->d_name + length - 5, ".yaml")) continue;
        char path[1024];
        snprintf(path, sizeof path, SH_SOURCE_DIR "/configs/%s", d->d_name);
        sh_config c;
        assert_ok(sh_config_read(path, NULL, 0, groups, &c));
        n++;
    }
    closedir(folder);
    assert_true(n >= 2);
}

/* The list of keys names every key that the printed configuration has. */
static void test_help_is_complete(void **state)
{
    (void)state;
    static char text[65536];
    FILE *f = tmpfile();
    assert_non_null(f);
    sh_config_help(f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "reward.formation_energy.guard.density: [1.5, 5]"));
    assert_non_null(strstr(text, "elements: (must be given)"));
    assert_non_null(strstr(text, "one of each_step, once"));
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* A file based on another, that on a third: the nearest value counts, sections mix by key, lists are replaced. */
static void test_base(void **state)
{
    (void)state;
    char folder[] = "/tmp/shaft-config-XXXXXX", path[3][64], missing[64];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++)
        snprintf(path[i], sizeof path[i], "%s/%c.yaml", folder, "abc"[i]);
    write_text(path[0], "elements: [Li, O]\ntrain: {batch: 3, lr: 0.5}\nreward: {beta: 2}\nrun: {directory: elsewhere, seed: 9}\n");
    write_text(path[1], "base: a.yaml\ntrain: {batch: 5}\nreward: {bond: {weight: 0}}\n");
    write_text(path[2], "base: b.yaml\nelements: [Na]\n");
    sh_config c;
    const char *const settings[] = {"train.lr=0.25"};
    assert_ok(sh_config_read(path[2], settings, 1, groups, &c));
    assert_int_equal(c.constraints.n_element, 1);
    assert_int_equal(c.constraints.element[0], 11);
    assert_int_equal(c.train.batch, 5);
    assert_near(c.train.lr, 0.25, 0);
    assert_near(c.reward.beta, 2, 0);
    assert_near(c.reward.weight[SH_TERM_BOND], 0, 0);
    assert_string_equal(c.run.directory, "runs/c"); /* not that of the other file */
    assert_int_equal(c.run.seed, 9);
    write_text(path[0], "elements: [Li]\nbase: c.yaml\n");
    assert_fails(sh_config_read(path[2], NULL, 0, groups, &c), SH_EINPUT, "more than 8 files are based on each other");
    write_text(path[0], "elements: [Li]\nbase: nowhere.yaml\n");
    snprintf(missing, sizeof missing, "%s/nowhere.yaml", folder);
    assert_fails(sh_config_read(path[2], NULL, 0, groups, &c), SH_EINPUT, missing);
    write_text(path[0], "elements: [Li]\nbase: [b.yaml, c.yaml]\n");
    assert_fails(sh_config_read(path[2], NULL, 0, groups, &c), SH_EINPUT, "base: wants the name of one file");
    write_text(path[0], "elements: [Li]\ntrain: {bach: 3}\n");
    assert_fails(sh_config_read(path[2], NULL, 0, groups, &c), SH_EINPUT, "a.yaml:2: train.bach");
    sh_error_clear();
    for (int i = 0; i < 3; i++)
        remove(path[i]);
    rmdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    sh_groups_destroy(&groups);
    return sh_alloc_live() == 0 ? 0 : -1;
}

int main(void)
{
    if (sh_groups_create(&groups) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),          cmocka_unit_test(test_values), cmocka_unit_test(test_printed_parses_back),
        cmocka_unit_test(test_auto_is_inherited), cmocka_unit_test(test_errors), cmocka_unit_test(test_shipped_files),
        cmocka_unit_test(test_help_is_complete), cmocka_unit_test(test_base)};
    return cmocka_run_group_tests(tests, NULL, teardown);
}
