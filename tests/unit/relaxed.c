/* Files and journals of relaxations: there and back, cut off at every byte, damaged, of another command. */
#define _XOPEN_SOURCE 700
#include "test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/units.h"
#include "io/collect.h"
#include "io/files.h"
#include "io/h5.h"
#include "io/relaxed.h"
#include "io/text.h"

static char folder[64];
static const char job[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static const char *in_folder(const char *name)
{
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

/* Three structures, the second of which could not be read. */
static sh_structures make_structures(void)
{
    sh_structures list = {0};
    sh_structures_add_file(&list, "a folder/first.xyz");
    for (int i = 0; i < 2; i++) {
        sh_structure s;
        sh_structure_create(&s, 2 + i);
        for (int k = 0; k < 9; k++)
            s.lattice[k] = k % 4 == 0 ? 4 + i + 0.1 * k : 0;
        for (int a = 0; a < 2 + i; a++) {
            s.z[a] = 11 + 6 * a;
            s.frac[3 * a] = 0.1 * a + 0.01 * i;
        }
        s.sampled_group = 225 * i;
        s.reward = 0.75 * i;
        if (i) s.reward_model = sh_strdup("m3gnet-efs");
        if (i) s.name = sh_strdup("the second");
        if (i) {
            sh_structures_add_file(&list, "b.cif");
            SH_FAIL(SH_EINPUT, "b.cif: line 3: nothing");
            sh_structures_add_error(&list);
        }
        sh_structures_add(&list, &s);
    }
    return list;
}

static sh_relaxed_row make_row(int64_t id, int64_t n_atom)
{
    sh_relaxed_row row;
    memset(&row, 0, sizeof row);
    row.id = id;
    row.n_atom = n_atom;
    row.verdict = id ? SH_RELAX_STEPS : SH_RELAX_CONVERGED;
    row.n_step = 7 + (int32_t)id;
    row.n_site = 1;
    row.group[0] = 225;
    row.group[1] = 221;
    row.group_change = id ? SH_SYMMETRY_LOWER : SH_SYMMETRY_HIGHER;
    row.energy[0] = -1.5;
    row.energy[1] = -2.5 - (double)id;
    row.e_form[0] = NAN;
    row.e_form[1] = 0.25;
    row.force_max = 0.05;
    for (int k = 0; k < 6; k++)
        row.stress[k] = 0.001 * k;
    row.shift_max = 0.2;
    row.shift_rms = 0.1;
    for (int k = 0; k < 9; k++)
        row.lattice[k] = k % 4 == 0 ? 5 : 0;
    return row;
}

static const double frac[9] = {0.5, 0.25, 0.125, 0.75, 0, 0, 0.1, 0.2, 0.3};

static void write_journal(void)
{
    sh_journal *j;
    sh_relaxed_row first = make_row(0, 2), second = make_row(2, 3);
    assert_ok(sh_journal_create(in_folder("x.journal"), job, 0, 1, &j));
    assert_ok(sh_relaxed_journal_add(j, &first, frac));
    assert_ok(sh_relaxed_journal_add(j, &second, frac));
    assert_ok(sh_journal_close(&j));
}

static void check_rows(const sh_relaxed *r)
{
    assert_int_equal(r->n, 3);
    assert_int_equal(r->verdict[0], SH_RELAX_CONVERGED);
    assert_int_equal(r->verdict[1], SH_RELAX_UNREADABLE);
    assert_int_equal(r->verdict[2], SH_RELAX_STEPS);
    assert_near(r->energy[1][2], -4.5, 0);
    assert_true(isnan(r->e_form[0][2]) && isnan(r->energy[1][1]));
    assert_near(r->stress[6 * 2 + 3], 0.003 * SH_GPA, 1e-12);
    assert_near(r->volume_ratio[0], 125 / (4 * 4.4 * 4.8), 1e-12);
    assert_memory_equal(r->frac[1] + 3 * r->atom_start[2], frac, sizeof frac);
    assert_int_equal(r->group[0][0], 225);
    assert_int_equal(r->group[1][0], 221);
    assert_int_equal(r->group_change[0], SH_SYMMETRY_HIGHER);
    assert_int_equal(r->group_change[1], SH_SYMMETRY_UNKNOWN);
    assert_int_equal(r->group_change[2], SH_SYMMETRY_LOWER);
    assert_string_equal(r->message[0], "");
    assert_string_equal(r->message[2], "did not converge within the steps allowed: largest force 0.05 after 9 moves");
    assert_int_equal(r->index[2], 2);
    assert_int_equal(r->file[2], 1);
    assert_string_equal(r->path[0], "a folder/first.xyz");
    assert_string_equal(r->name[0], "");
    assert_string_equal(r->name[2], "the second");
    assert_string_equal(r->message[1], "b.cif: line 3: nothing");
    assert_int_equal(r->sampled_group[2], 225);
    assert_near(r->reward[2], 0.75, 0);
    assert_true(isnan(r->reward[0]) && isnan(r->reward[1]));
    assert_string_equal(r->reward_model[2], "m3gnet-efs");
    assert_string_equal(r->reward_model[0], "");
}

static sh_relaxed_settings settings_of(void)
{
    sh_relaxed_settings s = {.model = "m3gnet-efs", .opts = sh_relax_defaults(), .symprec = 0.1};
    memcpy(s.job, job, sizeof s.job);
    return s;
}

static void test_there_and_back(void **state)
{
    (void)state;
    sh_structures raw = make_structures(), list = {0};
    sh_relaxed r, back;
    bool done[3] = {0};
    char found[65];
    sh_relaxed_settings settings = settings_of();
    write_journal();
    sh_relaxed_create(&raw, &r);
    assert_ok(sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done));
    assert_true(done[0] && !done[1] && done[2]);
    check_rows(&r);
    assert_ok(sh_relaxed_write(in_folder("x.h5"), &settings, &r));
    assert_ok(sh_relaxed_write(in_folder("y.h5"), &settings, &r));
    assert_ok(sh_relaxed_read(in_folder("x.h5"), &back));
    check_rows(&back);
    assert_memory_equal(back.frac[0], r.frac[0], (size_t)(3 * r.n_atom) * sizeof(double));
    assert_memory_equal(back.lattice[0], r.lattice[0], (size_t)(9 * r.n) * sizeof(double));
    sh_relaxed_job(in_folder("x.h5"), found);
    assert_string_equal(found, job);
    sh_relaxed_job(in_folder("nothing.h5"), found);
    assert_string_equal(found, "");
    char *a, *b;
    size_t n, m;
    assert_ok(sh_text_read(in_folder("x.h5"), &a, &n));
    assert_ok(sh_text_read(in_folder("y.h5"), &b, &m));
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    sh_free(a);
    sh_free(b);
    const char *path[1] = {in_folder("x.h5")};
    sh_collect(path, 1, sh_hdf5_collect, &list);
    assert_int_equal(list.n, 3);
    assert_null(list.item[0].error);
    assert_non_null(strstr(list.item[1].error, "line 3: nothing"));
    assert_int_equal(list.item[2].n_atom, 3);
    assert_memory_equal(list.item[2].frac, frac, sizeof frac);
    assert_near(list.item[2].lattice[4], 5, 0);
    assert_near(list.item[2].reward, 0.75, 0);
    assert_string_equal(list.item[2].reward_model, "m3gnet-efs");
    assert_near(list.item[0].reward, 0, 0);
    assert_null(list.item[0].reward_model);
    sh_structures_destroy(&list);
    sh_relaxed_destroy(&back);
    sh_relaxed_destroy(&r);
    sh_structures_destroy(&raw);
    assert_ok(sh_journal_remove(in_folder("x.journal")));
    assert_true(access(in_folder("x.journal"), F_OK) != 0);
}

static void test_cut_off(void **state)
{
    (void)state;
    sh_structures raw = make_structures();
    char *text;
    size_t size;
    write_journal();
    assert_ok(sh_text_read(in_folder("x.journal/000000.rows"), &text, &size));
    size_t row = 8 + sizeof(sh_relaxed_row) + 32, head = size - 2 * row - 48 - 72;
    for (size_t n = 0; n <= size + 40; n++) {
        /* cut off behind n bytes; beyond the end with zeros, as some file systems leave it */
        bool done[3] = {0};
        sh_relaxed r;
        sh_relaxed_create(&raw, &r);
        assert_int_equal(truncate(in_folder("x.journal/000000.rows"), (off_t)n), 0);
        assert_ok(sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done));
        assert_int_equal(done[0], n >= head + row + 48);
        assert_int_equal(done[2], n >= size);
        assert_int_equal(r.verdict[0] == SH_RELAX_CONVERGED, done[0]);
        sh_relaxed_destroy(&r);
        FILE *f = fopen(in_folder("x.journal/000000.rows"), "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, size, f), size);
        fclose(f);
    }
    for (size_t n = 0; n < size; n++) { /* one byte changed: refused or not taken */
        bool done[3] = {0};
        sh_relaxed r;
        sh_relaxed_create(&raw, &r);
        text[n] ^= 0x20;
        FILE *f = fopen(in_folder("x.journal/000000.rows"), "wb");
        assert_non_null(f);
        fwrite(text, 1, size, f);
        fclose(f);
        sh_status status = sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done);
        assert_int_equal(status, n < head ? SH_EINPUT : SH_OK);
        assert_false(done[2]);
        text[n] ^= 0x20;
        sh_relaxed_destroy(&r);
    }
    sh_error_clear();
    sh_free(text);
    sh_structures_destroy(&raw);
    assert_ok(sh_journal_remove(in_folder("x.journal")));
}

static void test_refused(void **state)
{
    (void)state;
    static const char other[65] = "other6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";
    sh_structures raw = make_structures();
    sh_relaxed r;
    bool done[3] = {0};
    sh_journal *j, *k;
    sh_relaxed_create(&raw, &r);
    assert_ok(sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done)); /* none is there */
    write_journal();
    assert_fails(sh_relaxed_journal_read(in_folder("x.journal"), other, &r, done), SH_EINPUT, "it is of another command");
    /* a second process has a file of its own; a row that fits no structure */
    assert_ok(sh_journal_create(in_folder("x.journal"), job, 0, 1, &j));
    assert_ok(sh_journal_create(in_folder("x.journal"), job, 0, 1, &k));
    sh_relaxed_row row = make_row(0, 3);
    assert_ok(sh_relaxed_journal_add(k, &row, frac));
    assert_ok(sh_journal_close(&j));
    assert_ok(sh_journal_close(&k));
    assert_fails(sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done), SH_EINPUT, "does not fit the structures");
    assert_non_null(strstr(sh_error_message(), "000002.rows"));
    assert_ok(sh_journal_clear(in_folder("x.journal")));
    memset(done, 0, sizeof done);
    assert_ok(sh_relaxed_journal_read(in_folder("x.journal"), job, &r, done));
    assert_false(done[0]);
    assert_ok(sh_journal_remove(in_folder("x.journal")));
    sh_relaxed_destroy(&r);
    sh_structures_destroy(&raw);
    sh_error_clear();
}

/* A file of relaxations in which one column is another: read, or refused with a message. */
static void test_damaged(void **state)
{
    (void)state;
    static const char *const names[] = {"atom_start", "z", "frac_raw", "frac_relaxed", "lattice_relaxed",
                                        "verdict", "file", "path", "name", "stress"};
    sh_structures raw = make_structures();
    sh_relaxed_settings settings = settings_of();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int how = 0; how < 3; how++) {
            sh_relaxed r, back;
            sh_relaxed_create(&raw, &r);
            r.verdict[0] = SH_RELAX_CONVERGED;
            assert_ok(sh_relaxed_write(in_folder("d.h5"), &settings, &r));
            hid_t file = H5Fopen(in_folder("d.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
            assert_true(file >= 0);
            H5Ldelete(file, names[i], H5P_DEFAULT);
            hsize_t dims[1] = {how == 1 ? 3 : 2};
            const double values[3] = {1e9, NAN, -7};
            if (how) assert_ok(sh_h5_write(file, names[i], H5T_NATIVE_DOUBLE, 1, dims, values));
            H5Fclose(file);
            sh_status status = sh_relaxed_read(in_folder("d.h5"), &back);
            assert_true(status != SH_OK);
            assert_non_null(strstr(sh_error_message(), "d.h5"));
            sh_error_clear();
            sh_relaxed_destroy(&r);
        }
    assert_fails(sh_relaxed_read(in_folder("nothing.h5"), &(sh_relaxed){0}), SH_EIO, "nothing.h5");
    sh_structures_destroy(&raw);
    sh_error_clear();
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/shaft-relaxed-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_cut_off),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_damaged)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command)) return 1;
    if (!failed && sh_alloc_live() != 0) {
        fprintf(stderr, "%lld pieces of memory were not released\n", (long long)sh_alloc_live());
        return 1;
    }
    return failed;
}
