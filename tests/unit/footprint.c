/* What the recorder says of launches: the memory they touch, to pages, and the operations and launches of layers. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "test.h"

#include <sys/mman.h>

#include "backend/footprint.h"
#include "backend/recorder.h"

enum { PAGE = 4096, PAGES = 16 };

static void test_pages(void **state)
{
    (void)state;
    volatile char *region = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(region != MAP_FAILED);
    for (int round = 0; round < 2; round++) {
        sh_footprint_begin((void *)(uintptr_t)region, PAGES * PAGE);
        for (int i = 0; i < 3 * PAGE; i++)
            (void)region[i]; /* pages 0 to 2 */
        region[5 * PAGE] = 1;
        region[5 * PAGE + 7] = 2;
        region[9 * PAGE - 1] = (char)(region[8 * PAGE] + 1); /* read, then written */
        sh_footprint f = sh_footprint_end();
        assert_int_equal(f.read, 4 * PAGE);
        assert_int_equal(f.written, 2 * PAGE);
    }
    munmap((void *)(uintptr_t)region, PAGES * PAGE);
}

static const sh_recorder_kernel *find(const char *name)
{
    int n;
    const sh_recorder_kernel *kernel = sh_recorder_kernels(&n);
    for (int k = 0; k < n; k++)
        if (!strcmp(kernel[k].name, name)) return &kernel[k];
    fail_msg("no kernel %s", name);
    return NULL;
}

static void test_kernels(void **state)
{
    (void)state;
    enum { N = 100000, ROWS = 500, K = 24, COLS = 32 };
    const sh_backend *be = sh_recorder_open();
    const int64_t bytes = N * (int64_t)sizeof(sh_real);
    sh_real *a = be->memory->take(N * sizeof *a), *b = be->memory->take(N * sizeof *b), *y = be->memory->take(N * sizeof *y);
    be->clear(a, N * sizeof *a);
    be->clear(b, N * sizeof *b);
    sh_recorder_clear();
    sh_recorder_take_footprints(true);
    for (int i = 0; i < 2; i++)
        be->add(&(sh_add_args){.a = a, .b = b, .y = y}, N);
    const sh_dense_args bare = {.input = a, .w = b, .k = K, .out = {.pre = y, .y = y, .cols = COLS, .kind = -1}};
    sh_dense_args biased = bare;
    biased.out.bias = b;
    be->dense(&bare, ROWS);
    be->dense(&biased, ROWS);
    sh_recorder_take_footprints(false);
    const sh_recorder_kernel *add = find("add"), *dense = find("dense");
    assert_int_equal(add->launches, 2);
    assert_int_equal(add->items, 2 * N);
    assert_in_range(add->read, 2 * 2 * bytes, 2 * 2 * (bytes + 2 * PAGE));
    assert_in_range(add->written, 2 * bytes, 2 * (bytes + 2 * PAGE));
    assert_true(add->operations == 0 && add->device_launches == 2);
    assert_true(dense->operations == 2 * 2.0 * ROWS * K * COLS);
    assert_int_equal(dense->device_launches, 3); /* products, and a bias */
    be->memory->give(a);
    be->memory->give(b);
    be->memory->give(y);
    sh_recorder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages), cmocka_unit_test(test_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
