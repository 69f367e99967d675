/* Samples: what is written by any number of ranks is the same, comes back as it was, and is one for h5py. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "io/config.h"
#include "io/files.h"
#include "io/samples.h"
#include "train/exchange.h"
#include "train/run_samples.h"

static sh_comm *comm;
static sh_groups *groups;
static char root[128];

static const char config_text[] = "elements: [Li, O, Cl]\nconstraints: {max_sites: 3}\n";
enum { SITES = 3, BATCH = 23 };

static const char *under(const char *name)
{
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 256, "%s/%s", root, name);
    return p;
}

/* A trajectory as a function of its number; every fifth one overlaps, every seventh has too many atoms. */
static void make_record(uint64_t traj, sh_record *r)
{
    sh_rng rng = {.seed = 5, .traj = traj};
    r->traj = traj;
    r->n_step = 1 + (int32_t)(sh_rng_u01(&rng, 0) * SITES);
    r->formula = traj * 0x9e3779b97f4a7c15u;
    r->log_pf = -sh_rng_u01(&rng, 1);
    r->log_pb = -2 * sh_rng_u01(&rng, 2);
    r->result = (sh_reward_result){.reward = sh_rng_u01(&rng, 3), .term = {0.1, 0.2, sh_rng_u01(&rng, 4), 1}, .e_total = NAN,
                                   .e_form = -sh_rng_u01(&rng, 5), .bond = 0.5, .density = 2, .min_dist = 2.5, .n_atom = 4,
                                   .n_site = r->n_step, .valid = 1, .bond_valid = (int32_t)(traj & 1), .bond_missing = (int32_t)(traj % 3)};
    if (traj % 5 == 0) r->result.min_dist = 0.4;
    if (traj % 7 == 0) r->result.reason = SH_REASON_ATOMS;
    for (int32_t k = 0; k < r->n_step; k++) {
        sh_step *step = &r->step[k];
        uint32_t draw = 10 + 20 * (uint32_t)k;
        step->sg_number = 1 + (int32_t)(sh_rng_u01(&rng, draw) * 230);
        step->elem_index = (int32_t)(sh_rng_u01(&rng, draw + 1) * 3);
        step->wyckoff = -1;
        for (uint32_t j = 0; j < 6; j++)
            step->y[j] = 4 * sh_rng_u01(&rng, draw + 2 + j) - 2;
        for (uint32_t j = 0; j < 3; j++)
            step->frac[j] = sh_rng_u01(&rng, draw + 8 + j);
    }
}

static sh_config config;
static sh_space space;

/* The records of this rank, or of all, of some iterations. */
static void make_records(sh_records *records, int64_t first, int64_t last, bool all)
{
    int64_t start = 0, n = BATCH;
    if (!all) sh_exchange_slice(comm, BATCH, &start, &n);
    sh_records_create(records, SITES, 1);
    sh_records_resize(records, (last - first) * n);
    for (int64_t i = 0; i < records->n; i++)
        make_record((uint64_t)((first + i / n) * BATCH + start + i % n), sh_record_at(records, i));
}

static sh_status write_segment(int64_t first, int64_t last)
{
    sh_records records;
    char path[256];
    int64_t start, n;
    make_records(&records, first, last, false);
    sh_exchange_slice(comm, BATCH, &start, &n);
    const sh_samples_layout layout = {
        .n_row = (last - first) * BATCH, .first = start, .stride = BATCH, .block = n, .n_block = last - first, .iteration = first};
    snprintf(path, sizeof path, "%s/samples/%06d-%06d.h5", root, (int)first, (int)last);
    sh_status status = sh_samples_write(path, comm->workers, &space, config_text, &records, &layout);
    sh_records_destroy(&records);
    SH_TRY(sh_comm_agree(comm, status));
    return comm->rank == 0 ? sh_samples_index(under("samples")) : SH_OK;
}

/* The rows are those of all records that may be written, as they were made. */
static bool equal_to_made(const sh_records *got, int64_t iterations)
{
    sh_records want;
    int64_t n = 0;
    bool same = true, overlap;
    make_records(&want, 0, iterations, true);
    for (int64_t i = 0; same && i < want.n; i++) {
        if (!sh_samples_may_write(&sh_record_at(&want, i)->result, &overlap)) continue;
        same = n < got->n && !memcmp(sh_record_at(got, n++), sh_record_at(&want, i), want.stride);
        if (!same) print_error("row %lld differs\n", (long long)n);
    }
    if (n != got->n) print_error("%lld rows, wanted %lld\n", (long long)got->n, (long long)n);
    sh_records_destroy(&want);
    return same && n == got->n;
}

static void test_what_is_held_back(void **state)
{
    (void)state;
    sh_records records;
    int n_overlap = 0, n_refused = 0;
    make_records(&records, 0, 5, true); /* trajectories 0..114 */
    for (int64_t i = 0; i < records.n; i++) {
        bool overlap, good = sh_samples_may_write(&sh_record_at(&records, i)->result, &overlap);
        n_overlap += overlap;
        n_refused += !good && !overlap;
    }
    assert_int_equal(n_refused, 17);
    assert_int_equal(n_overlap, 19); /* 23 multiples of 5 less the 4 that are also multiples of 7 */
    sh_records_destroy(&records);
    sh_reward_result far = {.reward = 1, .min_dist = 0.6, .reason = SH_REASON_GUARD_DENSITY};
    bool overlap;
    assert_true(sh_samples_may_write(&far, &overlap)); /* outside the guard is no reason to hold back */
    far.min_dist = 0.49;
    assert_false(sh_samples_may_write(&far, &overlap));
    assert_true(overlap);
}

static void test_segments(void **state)
{
    (void)state;
    if (comm->rank == 0) assert_ok(sh_folder_make(under("samples")));
    MPI_Barrier(comm->all);
    assert_ok(write_segment(0, 4));
    assert_ok(write_segment(4, 5));
    assert_ok(write_segment(5, 9));
    if (comm->rank) return;
    const char *paths[] = {"", "samples", "samples/index.h5"};
    for (int i = 0; i < 3; i++) {
        sh_records got;
        char *text;
        assert_ok(sh_samples_read(under(paths[i]), &got, &text));
        assert_true(equal_to_made(&got, 9));
        assert_string_equal(text, config_text);
        sh_records_destroy(&got);
        sh_free(text);
    }
}

/* h5py sees one set of columns, from any folder. */
static void test_h5py(void **state)
{
    (void)state;
    if (comm->rank) return;
    if (system("cd / && /usr/bin/python3 -c 'import h5py' 2>/dev/null")) return;
    char command[2048];
    snprintf(command, sizeof command,
             "cd / && /usr/bin/python3 -c '\nimport h5py, numpy as np\nf = h5py.File(\"%s/samples/index.h5\")\n"
             "it = f[\"iteration\"][:]\nassert len(it) > 100 and (np.diff(it) >= 0).all() and it[-1] == 8\n"
             "assert (np.diff(f[\"traj\"][:].astype(int)) > 0).all()\n"
             "z, m, x = f[\"z\"][:], f[\"mult\"][:], f[\"frac\"][:]\n"
             "assert z.shape == (len(it), 3) and ((z > 0).sum(1) == f[\"n_site\"][:]).all() and ((m > 0) == (z > 0)).all()\n"
             "assert x.shape == (len(it), 3, 3) and f[\"lattice\"].shape == (len(it), 3, 3)\n"
             "assert set(np.unique(z)) == {0, 3, 8, 17} and (np.linalg.det(f[\"lattice\"][:]) > 1).all()\n"
             "assert np.isnan(f[\"e_total\"][:]).all() and 0 < f[\"reward\"][:].min() < f[\"reward\"][:].max() < 1\n"
             "g = f[\"sg_number\"][:]\nlast = f[\"step_sg_number\"][:][np.arange(len(it)), f[\"n_site\"][:] - 1]\n"
             "assert (g == last).all() and f.attrs[\"max_sites\"] == 3 and b\"Li\" in f.attrs[\"config\"]\n"
             "held = [int(f.attrs[\"held_back_\" + k]) for k in (\"overlap\", \"other\")]\nall = range(9 * 23)\n"
             "assert held == [len([t for t in all if t %% 5 == 0 and t %% 7]), len([t for t in all if t %% 7 == 0])], held\n"
             "assert sum(held) + len(it) == len(all)\n'",
             root);
    assert_int_equal(system(command), 0);
}

/* A segment that goes takes its rows along, in the index too; without segments there is no index. */
static void test_index_follows(void **state)
{
    (void)state;
    if (comm->rank) return;
    sh_records got;
    char *text;
    assert_int_equal(unlink(under("samples/000005-000009.h5")), 0);
    assert_ok(sh_samples_index(under("samples")));
    assert_ok(sh_samples_read(root, &got, &text));
    assert_true(equal_to_made(&got, 5));
    sh_records_destroy(&got);
    sh_free(text);
    assert_int_equal(unlink(under("samples/000000-000004.h5")) | unlink(under("samples/000004-000005.h5")), 0);
    assert_ok(sh_samples_index(under("samples")));
    assert_int_not_equal(access(under("samples/index.h5"), F_OK), 0);
    assert_fails(sh_samples_read(root, &got, &text), SH_EINPUT, "there are no samples");
    assert_fails(sh_samples_read(under("nowhere"), &got, &text), SH_EINPUT, "nowhere");
}

/* Fewer rows than ranks, or none; a damaged byte is found. */
static void test_small_and_damaged(void **state)
{
    (void)state;
    sh_records s;
    char *text;
    bool last = comm->worker == comm->n_worker - 1;
    sh_records_create(&s, SITES, 1);
    assert_ok(sh_comm_agree(comm, sh_samples_write(under("none.h5"), comm->workers, &space, config_text, &s,
                                                   &(sh_samples_layout){.n_block = 1})));
    if (last) {
        sh_records_resize(&s, 1);
        make_record(3, sh_record_at(&s, 0));
    }
    assert_ok(sh_comm_agree(comm, sh_samples_write(under("one.h5"), comm->workers, &space, config_text, &s,
                                                   &(sh_samples_layout){.n_row = 1, .block = last, .n_block = 1})));
    sh_records_destroy(&s);
    if (comm->rank) return;
    assert_ok(sh_samples_read(under("none.h5"), &s, &text));
    assert_int_equal(s.n, 0);
    sh_records_destroy(&s);
    sh_free(text);
    assert_ok(sh_samples_read(under("one.h5"), &s, &text));
    assert_int_equal(s.n, 1);
    assert_int_equal(sh_record_at(&s, 0)->traj, 3);
    sh_free(text);
    double number = sh_record_at(&s, 0)->log_pf;
    sh_records_destroy(&s);
    FILE *f = fopen(under("one.h5"), "r+b");
    assert_non_null(f);
    static char data[1 << 20];
    size_t n = fread(data, 1, sizeof data, f), at = 0;
    while (at + 8 < n && memcmp(data + at, &number, 8))
        at++;
    assert_true(at + 8 < n);
    fseek(f, (long)at, SEEK_SET);
    fputc(data[at] ^ 1, f);
    fclose(f);
    assert_fails(sh_samples_read(under("one.h5"), &s, &text), SH_EIO, "cannot read dataset 'log_pf'");
    f = fopen(under("text.h5"), "w");
    fputs("no HDF5", f);
    fclose(f);
    assert_fails(sh_samples_read(under("text.h5"), &s, &text), SH_EIO, "text.h5");
}

/* ---- files beside the run ---- */

static sh_status count_files(const char *folder, const char *name, void *user)
{
    (void)folder;
    int *found = user; /* [0]: parts wanted, [1]: files of so many, [2]: all segments */
    sh_segment s;
    if (!sh_segment_parse(name, &s)) return SH_OK;
    found[1] += s.n_part == found[0];
    found[2]++;
    return SH_OK;
}

static void test_names(void **state)
{
    (void)state;
    if (comm->rank) return;
    static const char *const wrong[] = {"index.h5", "000000-000200.h5.part", "00000-000200.h5", "000000-000200-0002of0002.h5",
                                        "000000-000200-0000of0001.h5", "000000-000200-3of4.h5", "000000-000200-0000of0002"};
    char name[SH_SEGMENT_NAME];
    sh_segment s;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(sh_segment_parse(wrong[i], &s));
    sh_segment_name(&(sh_segment){200, 1234567, 0, 1}, name);
    assert_string_equal(name, "000200-1234567.h5");
    assert_true(sh_segment_parse(name, &s) && s.first == 200 && s.last == 1234567 && s.part == 0 && s.n_part == 1);
    sh_segment_name(&(sh_segment){0, 200, 3, 16}, name);
    assert_string_equal(name, "000000-000200-0003of0016.h5");
    assert_true(sh_segment_parse(name, &s) && s.first == 0 && s.last == 200 && s.part == 3 && s.n_part == 16);
}

/* Intervals of 3, 3 and 1 iterations, in files of at most file_bytes where there are workers enough: `n_part` an interval. */
static void write_beside(const char *folder, int64_t file_bytes, int n_part)
{
    const int64_t ends[] = {3, 6, 7};
    sh_records fresh;
    snprintf(config.run.directory, sizeof config.run.directory, "%s", under(folder));
    config.train.batch = BATCH;
    config.train.iterations = 100;
    config.run.checkpoint_every = 3;
    if (comm->rank == 0) assert_ok(sh_folder_make(under(folder)));
    sh_run_samples *s = sh_run_samples_create(comm, &config, &space, file_bytes);
    sh_writer *writer = sh_writer_create();
    assert_ok(sh_comm_agree(comm, sh_run_samples_begin(s, 0)));
    for (int64_t i = 0, k = 0; k < 3; i++) {
        if (comm->worker >= 0) {
            make_records(&fresh, i, i + 1, false);
            sh_run_samples_add(s, &fresh);
            sh_records_destroy(&fresh);
        }
        if (i + 1 < ends[k]) continue;
        assert_ok(sh_writer_wait(writer)); /* the file before, while records were added */
        sh_run_samples_hand_over(s, ends[k++], writer);
    }
    assert_ok(sh_comm_agree(comm, sh_writer_wait(writer)));
    if (comm->rank == 0) {
        char *text, samples[SH_PATH_SIZE + 16];
        sh_records got;
        int found[3] = {n_part, 0, 0};
        snprintf(samples, sizeof samples, "%s/samples", config.run.directory);
        assert_ok(sh_run_samples_index(s));
        assert_ok(sh_folder_visit(samples, count_files, found));
        assert_int_equal(found[1], 3 * n_part);
        assert_int_equal(found[2], 3 * n_part);
        assert_ok(sh_samples_read(config.run.directory, &got, &text));
        assert_true(equal_to_made(&got, 7));
        sh_records_destroy(&got);
        sh_free(text);
        assert_ok(sh_run_samples_begin(s, 6)); /* a checkpoint that knows two of the intervals */
        assert_ok(sh_samples_read(config.run.directory, &got, &text));
        assert_true(equal_to_made(&got, 6));
        sh_records_destroy(&got);
        sh_free(text);
    }
    MPI_Barrier(comm->all);
    sh_writer_destroy(&writer);
    sh_run_samples_destroy(&s);
}

static void write_all_ways(const char *kind)
{
    const int64_t interval = 3 * BATCH * (int64_t)sh_record_stride(SITES);
    char folder[3][32];
    for (int i = 0; i < 3; i++)
        snprintf(folder[i], sizeof folder[i], "%s%d", kind, i);
    write_beside(folder[0], 0, 1); /* few: one file */
    write_beside(folder[1], interval - 1, comm->n_worker < 2 ? 1 : 2);
    write_beside(folder[2], 1, comm->n_worker); /* many: a file a worker */
}

static void test_beside(void **state)
{
    (void)state;
    write_all_ways("all");
    if (comm->size == 1) return;
    assert_ok(sh_comm_set_workers(comm, true));
    write_all_ways("dedicated");
    assert_ok(sh_comm_set_workers(comm, false));
}

/* A file that cannot be written is said by who waits, once. */
static void test_beside_fails(void **state)
{
    (void)state;
    sh_records fresh;
    char folder[SH_PATH_SIZE + 16];
    snprintf(config.run.directory, sizeof config.run.directory, "%s", under("fails"));
    if (comm->rank == 0) assert_ok(sh_folder_make(under("fails")));
    sh_run_samples *s = sh_run_samples_create(comm, &config, &space, 1);
    sh_writer *writer = sh_writer_create();
    assert_ok(sh_comm_agree(comm, sh_run_samples_begin(s, 0)));
    snprintf(folder, sizeof folder, "%s/samples", config.run.directory);
    if (comm->rank == 0) assert_int_equal(rmdir(folder), 0);
    MPI_Barrier(comm->all);
    make_records(&fresh, 0, 1, false);
    sh_run_samples_add(s, &fresh);
    sh_records_destroy(&fresh);
    sh_run_samples_hand_over(s, 1, writer);
    while (sh_writer_look(writer) == SH_WRITER_BUSY)
        sched_yield();
    assert_int_equal(sh_writer_look(writer), SH_WRITER_FAILED);
    assert_fails(sh_writer_wait(writer), SH_EIO, "No such file or directory, while writing samples");
    assert_ok(sh_writer_wait(writer));
    assert_int_equal(sh_writer_look(writer), SH_WRITER_IDLE);
    sh_writer_destroy(&writer);
    sh_run_samples_destroy(&s);
}

/* A folder that cannot be made, known to one rank alone: all leave with its message. */
static void test_failure(void **state)
{
    (void)state;
    char kept[128];
    snprintf(kept, sizeof kept, "%s", root);
    snprintf(root, sizeof root, "%.100s/text.h5", kept);
    sh_status status = write_segment(0, 1);
    snprintf(root, sizeof root, "%s", kept);
    assert_int_equal(status, SH_EIO);
    if (comm->rank == 0) assert_non_null(strstr(sh_error_message(), "text.h5"));
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK || sh_groups_create(&groups) != SH_OK) return 1;
    snprintf(root, sizeof root, "/tmp/shaft-samples-XXXXXX");
    if (comm->rank == 0 && !mkdtemp(root)) return 1;
    if (sh_comm_bcast(comm, root, sizeof root, 0) != SH_OK) return 1;
    if (sh_config_parse("test", config_text, strlen(config_text), NULL, 0, NULL, &config) != SH_OK) return 1;
    space = sh_space_of(groups, &config.constraints, SH_SITES_GENERAL, 0.3);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_held_back), cmocka_unit_test(test_segments),
                                       cmocka_unit_test(test_h5py),              cmocka_unit_test(test_index_follows),
                                       cmocka_unit_test(test_small_and_damaged), cmocka_unit_test(test_failure),
                                       cmocka_unit_test(test_names),             cmocka_unit_test(test_beside),
                                       cmocka_unit_test(test_beside_fails)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_groups_destroy(&groups);
    MPI_Barrier(comm->all);
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (comm->rank == 0) failed |= system(command) != 0;
    sh_comm_destroy(&comm);
    return failed || sh_alloc_live() != 0;
}
