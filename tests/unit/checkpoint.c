/* Checkpoints: what is put comes out, equal contents are equal bytes, damage is found and the one before taken. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/checkpoint.h"
#include "io/files.h"
#include "io/text.h"

static char root[64];

static const char *under(const char *name)
{
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, 256, "%s/%s", root, name);
    return p;
}

enum { N = 700, M = 37 };
static float weights[N * M];
static uint8_t bytes[1000];

static sh_checkpoint *example(int64_t step)
{
    sh_checkpoint *c = sh_checkpoint_create();
    for (int i = 0; i < N * M; i++)
        weights[i] = (float)(i % 1013) + (float)step;
    for (int i = 0; i < 1000; i++)
        bytes[i] = (uint8_t)(i * 7 + step);
    sh_checkpoint_put(c, "params/w", SH_ARRAY_F32, 2, (int64_t[]){N, M}, weights);
    sh_checkpoint_put(c, "replay/records", SH_ARRAY_U8, 2, (int64_t[]){10, 100}, bytes);
    sh_checkpoint_put(c, "nothing", SH_ARRAY_F64, 2, (int64_t[]){0, 3}, NULL);
    sh_checkpoint_put_integer(c, "step", step);
    sh_checkpoint_put_number(c, "log_z", 1.0 / 3);
    sh_checkpoint_put_text(c, "config", "elements: [Li]\n# \xc3\x85\n");
    return c;
}

static sh_status write_example(const char *folder, int64_t step, int64_t keep)
{
    sh_checkpoint *c = example(step);
    sh_status status = sh_checkpoint_write(c, folder, step, keep);
    sh_checkpoint_destroy(&c);
    return status;
}

static void test_round_trip(void **state)
{
    (void)state;
    assert_ok(write_example(under("a/b"), 400, 3));
    sh_checkpoint *c;
    int64_t value, iteration;
    double number;
    const char *text;
    const void *data;
    assert_ok(sh_checkpoint_find(under("a/b"), true, &c, &iteration));
    assert_non_null(c);
    assert_int_equal(iteration, 400);
    static float got[N * M];
    assert_ok(sh_checkpoint_copy(c, "params/w", SH_ARRAY_F32, 2, (int64_t[]){N, M}, got));
    assert_memory_equal(got, weights, sizeof got);
    int64_t dims[2] = {-1, 100};
    assert_ok(sh_checkpoint_array(c, "replay/records", SH_ARRAY_U8, 2, dims, &data));
    assert_int_equal(dims[0], 10);
    assert_memory_equal(data, bytes, 1000);
    assert_ok(sh_checkpoint_copy(c, "nothing", SH_ARRAY_F64, 2, (int64_t[]){0, 3}, NULL));
    assert_ok(sh_checkpoint_integer(c, "step", &value));
    assert_int_equal(value, 400);
    assert_ok(sh_checkpoint_number(c, "log_z", &number));
    assert_near(number, 1.0 / 3, 0);
    assert_ok(sh_checkpoint_text(c, "config", &text));
    assert_string_equal(text, "elements: [Li]\n# \xc3\x85\n");
    assert_fails(sh_checkpoint_integer(c, "log_z", &value), SH_EIO, "'log_z' of the checkpoint is of another kind");
    assert_fails(sh_checkpoint_integer(c, "steps", &value), SH_EIO, "'steps' is missing");
    assert_fails(sh_checkpoint_copy(c, "params/w", SH_ARRAY_F64, 2, (int64_t[]){N, M}, got), SH_EIO, "holds f32, not f64");
    assert_fails(sh_checkpoint_copy(c, "params/w", SH_ARRAY_F32, 2, (int64_t[]){N, M + 1}, got), SH_EIO,
                 "has length 37 in dimension 2, not 38");
    sh_checkpoint_destroy(&c);
}

static void test_equal_contents_equal_bytes(void **state)
{
    (void)state;
    char *a, *b;
    size_t na, nb;
    assert_ok(write_example(under("c"), 7, 3));
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL); /* a time in the file would differ */
    assert_ok(write_example(under("other/d"), 7, 3));
    assert_ok(sh_text_read(under("c/000007.h5"), &a, &na));
    assert_ok(sh_text_read(under("other/d/000007.h5"), &b, &nb));
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    sh_free(a);
    sh_free(b);
}

static void test_only_the_newest_are_kept(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 5; i++)
        assert_ok(write_example(under("k"), 100 * i, 3));
    assert_int_not_equal(access(under("k/000200.h5"), F_OK), 0);
    assert_int_equal(access(under("k/000300.h5"), F_OK), 0);
    assert_int_equal(access(under("k/000500.h5"), F_OK), 0);
    assert_ok(write_example(under("k"), 1000000, 1)); /* seven digits: newer by number, not by name */
    assert_int_not_equal(access(under("k/000500.h5"), F_OK), 0);
    sh_checkpoint *c;
    int64_t iteration;
    assert_ok(sh_checkpoint_find(under("k"), true, &c, &iteration));
    assert_int_equal(iteration, 1000000);
    sh_checkpoint_destroy(&c);
}

static void put_file(const char *path, const char *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    fclose(f);
}

/* Truncated anywhere, or with a bit flipped anywhere: not read, or read with the very contents. */
static void test_damage(void **state)
{
    (void)state;
    char *whole;
    size_t n;
    assert_ok(write_example(under("e"), 100, 3));
    assert_ok(write_example(under("e"), 200, 3));
    const char *path = "e/000200.h5";
    assert_ok(sh_text_read(under(path), &whole, &n));
    int n_found = 0, n_tried = 0;
    size_t stride = n / 400 + 1;
    for (size_t at = 0; at < n; at += at < 3000 ? 7 : stride) {
        whole[at] ^= 16;
        put_file(under(path), whole, n);
        whole[at] ^= 16;
        sh_checkpoint *c = NULL;
        n_tried++;
        if (sh_checkpoint_read(under(path), &c) != SH_OK) {
            n_found++;
            continue;
        }
        float *got = malloc(sizeof weights);
        int64_t value;
        assert_ok(sh_checkpoint_copy(c, "params/w", SH_ARRAY_F32, 2, (int64_t[]){N, M}, got));
        assert_memory_equal(got, weights, sizeof weights);
        assert_ok(sh_checkpoint_integer(c, "step", &value));
        assert_int_equal(value, 200);
        free(got);
        sh_checkpoint_destroy(&c);
    }
    assert_true(n_found > n_tried / 2); /* the rest lies in space that holds nothing */
    for (size_t keep = 0; keep < n; keep += n / 20) {
        put_file(under(path), whole, keep);
        sh_checkpoint *c = NULL;
        assert_int_equal(sh_checkpoint_read(under(path), &c), SH_EIO);
        assert_null(c);
    }
    /* the newest is damaged, something half-written lies about: the one before is taken */
    put_file(under("e/000300.h5.part"), whole, 1000);
    put_file(under("e/notes.txt"), "mine", 4);
    sh_checkpoint *c;
    int64_t iteration;
    assert_ok(sh_checkpoint_find(under("e"), true, &c, &iteration));
    assert_int_equal(iteration, 100);
    sh_checkpoint_destroy(&c);
    assert_int_equal(access(under("e/000300.h5.part"), F_OK), 0); /* a run at work may be writing it */
    assert_ok(sh_folder_clean(under("e")));
    assert_int_not_equal(access(under("e/000300.h5.part"), F_OK), 0);
    assert_int_equal(access(under("e/notes.txt"), F_OK), 0);
    put_file(under("e/000100.h5"), "nothing", 7);
    assert_fails(sh_checkpoint_find(under("e"), true, &c, &iteration), SH_EIO, "none of the 2 checkpoints");
    assert_ok(sh_checkpoint_find(under("empty"), true, &c, &iteration));
    assert_null(c);
    sh_free(whole);
}

static void test_no_room(void **state)
{
    (void)state;
    put_file(under("plain"), "x", 1);
    assert_fails(write_example(under("plain/ck"), 1, 3), SH_EIO, "plain");
    assert_fails(write_example(under("plain"), 1, 3), SH_EIO, "is not a folder");
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command) == 0 && sh_alloc_live() == 0 ? 0 : -1;
}

int main(void)
{
    snprintf(root, sizeof root, "/tmp/shaft-checkpoint-XXXXXX");
    if (!mkdtemp(root)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_equal_contents_equal_bytes),
                                       cmocka_unit_test(test_only_the_newest_are_kept), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_no_room)};
    return cmocka_run_group_tests(tests, NULL, teardown);
}
