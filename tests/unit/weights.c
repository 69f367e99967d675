/* Weight files: what is read, that damage is seen, and that messages name the file and what is wrong in it. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "io/h5.h"
#include "io/models.h"
#include "io/weights_h5.h"
#include "potential/potential.h"

static char path[] = "/tmp/shaft-weights-XXXXXX";

enum { N_KERNEL = 4096 };

/* A file with two tensors, less what is named in `without`. */
static void write_file(const char *without, const char *order)
{
    sh_h5_file created;
    static float kernel[N_KERNEL], bias[3] = {1, 2, 3};
    for (int i = 0; i < N_KERNEL; i++)
        kernel[i] = (float)i;
    assert_ok(sh_h5_create(path, &created));
    hid_t file = created.id;
    assert_ok(sh_h5_write(file, "layer/kernel", H5T_NATIVE_FLOAT, 2, (hsize_t[]){64, N_KERNEL / 64}, kernel));
    assert_ok(sh_h5_write(file, "layer/bias", H5T_NATIVE_FLOAT, 1, (hsize_t[]){3}, bias));
    int64_t format = 1;
    double number = 2.5;
    static const char *const texts[] = {"model", "source", "basis", "aggregate", "threebody_from", "target"};
    assert_ok(sh_h5_write_attr(file, "/", "format", H5T_NATIVE_INT64, &format));
    for (int i = 0; i < 6; i++)
        if (strcmp(without, texts[i])) assert_ok(sh_h5_write_text(file, "/", texts[i], texts[i]));
    assert_ok(sh_h5_write_text(file, "/", "order", order));
    static const char *const numbers[] = {"cutoff", "threebody_cutoff", "mean", "std"};
    for (int i = 0; i < 4; i++)
        assert_ok(sh_h5_write_attr(file, "/", numbers[i], H5T_NATIVE_DOUBLE, &number));
    hid_t space = H5Screate_simple(1, (hsize_t[]){2}, NULL);
    hid_t z = H5Acreate2(file, "element_numbers", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
    hid_t ref = H5Acreate2(file, "element_refs", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(z, H5T_NATIVE_INT32, (int32_t[]){0, 1}) >= 0);
    assert_true(H5Awrite(ref, H5T_NATIVE_DOUBLE, (double[]){0, -3.5}) >= 0);
    H5Aclose(z);
    H5Aclose(ref);
    H5Sclose(space);
    assert_ok(sh_h5_finish(&created, path));
}

#define ORDER "[\"layer/kernel\", \"layer/bias\"]"

static void test_reading(void **state)
{
    (void)state;
    sh_weights *w;
    const float *data;
    write_file("", ORDER);
    assert_ok(sh_weights_read(path, &w));
    assert_int_equal(w->n, 2);
    assert_string_equal(w->source, "source");
    assert_near(w->cutoff, 2.5, 0);
    assert_int_equal(w->element_number[1], 1);
    assert_near(w->element_ref[1], -3.5, 0);
    assert_ok(sh_weights_get(w, "layer/kernel", 64, N_KERNEL / 64, &data));
    assert_near(data[N_KERNEL - 1], N_KERNEL - 1, 0);
    assert_ok(sh_weights_get(w, "layer/bias", 1, 3, &data));
    assert_fails(sh_weights_get(w, "layer/bias", 3, 1, &data), SH_EINPUT, "'layer/bias' has shape 1 x 3, not 3 x 1");
    assert_fails(sh_weights_get(w, "layer/gate", 3, 1, &data), SH_EINPUT, "'layer/gate' is not in the weight file");
    sh_potential *potential;
    assert_fails(sh_potential_create(w, NULL, &potential), SH_EINPUT, "model 'model' is no M3GNet");
    assert_null(potential);
    char before[65], after[65];
    sh_weights_sha256(w, before);
    w->tensor[1].data[2] = nextafterf(3, 4);
    sh_weights_sha256(w, after);
    assert_string_not_equal(before, after);
    sh_weights_destroy(&w);
}

/* The same as a flat file; cut off anywhere, or with anything behind, it is refused. */
static void test_flat(void **state)
{
    (void)state;
    sh_weights *w, *flat;
    char before[65], after[65];
    write_file("", ORDER);
    assert_ok(sh_weights_read(path, &w));
    w->n_fidelity = 3;
    w->gauss_width = 0.5;
    assert_ok(sh_weights_write_flat(w, path));
    assert_ok(sh_weights_read_flat(path, &flat));
    sh_weights_sha256(w, before);
    sh_weights_sha256(flat, after);
    assert_string_equal(before, after);
    assert_string_equal(flat->threebody_from, w->threebody_from);
    assert_near(flat->mean, w->mean, 0);
    assert_near(flat->gauss_width, 0.5, 0);
    assert_int_equal(flat->n_fidelity, 3);
    assert_int_equal(flat->n_row, w->n_row);
    assert_memory_equal(flat->element_number, w->element_number, (size_t)w->n_row * sizeof *w->element_number);
    assert_memory_equal(flat->element_ref, w->element_ref, (size_t)w->n_row * sizeof *w->element_ref);
    sh_weights_destroy(&w);
    sh_weights_destroy(&flat);
    int64_t live = sh_alloc_live();
    FILE *f = fopen(path, "ab");
    assert_int_equal(fputc('x', f), 'x');
    fclose(f);
    assert_fails(sh_weights_read_flat(path, &flat), SH_EINPUT, path);
    f = fopen(path, "rb");
    fseek(f, 0, SEEK_END);
    long size = ftell(f) - 1;
    fclose(f);
    while ((size = size > 700 ? size - 701 : size - 1) >= 0) {
        assert_int_equal(truncate(path, size), 0);
        assert_fails(sh_weights_read_flat(path, &flat), SH_EINPUT, "not all of them");
        assert_null(flat);
    }
    assert_fails(sh_weights_read_flat("/nowhere/w.flat", &flat), SH_EIO, "/nowhere/w.flat");
    sh_error_clear();
    assert_int_equal(sh_alloc_live(), live);
}

static void test_damage(void **state)
{
    (void)state;
    sh_weights *w;
    assert_fails(sh_weights_read("/nowhere/w.h5", &w), SH_EIO, "/nowhere/w.h5");
    assert_null(w);
    write_file("", "[\"layer/kernel\", \"layer/gate\"]");
    assert_fails(sh_weights_read(path, &w), SH_EIO, "layer/gate");
    assert_non_null(strstr(sh_error_message(), path));
    write_file("source", ORDER);
    assert_fails(sh_weights_read(path, &w), SH_EIO, "'source'");
    write_file("", "[\"layer/ke");
    assert_fails(sh_weights_read(path, &w), SH_EINPUT, "'order' is cut off");
    write_file("", "[]");
    assert_fails(sh_weights_read(path, &w), SH_EINPUT, "'order' names no tensor");

    /* One bit in the middle of the kernel's values: Fletcher-32 sees it. */
    write_file("", ORDER);
    FILE *f = fopen(path, "r+b");
    static unsigned char bytes[1 << 17];
    size_t n = fread(bytes, 1, sizeof bytes, f), at = 0;
    float wanted[4] = {2000, 2001, 2002, 2003};
    while (at + sizeof wanted <= n && memcmp(bytes + at, wanted, sizeof wanted))
        at++;
    assert_true(at + sizeof wanted <= n);
    fseek(f, (long)at, SEEK_SET);
    fputc(bytes[at] ^ 4, f);
    fclose(f);
    assert_fails(sh_weights_read(path, &w), SH_EIO, "layer/kernel");
    assert_non_null(strstr(sh_error_message(), path));
    assert_non_null(strstr(sh_error_message(), "checksum"));
    assert_null(w);

    f = fopen(path, "wb");
    fputs("no HDF5", f);
    fclose(f);
    assert_fails(sh_weights_read(path, &w), SH_EIO, path);
}

static void test_finding(void **state)
{
    (void)state;
    char found[4096];
    setenv("SHAFT_MODELS", "/nowhere/models", 1);
    assert_fails(sh_model_path("m3gnet-efs", found, sizeof found), SH_EINPUT, "'/nowhere/models/m3gnet-efs.h5'");
    assert_non_null(strstr(sh_error_hints(), "shaft model import"));
    assert_non_null(strstr(sh_error_hints(), "pip download"));
    sh_error_clear();
    assert_fails(sh_model_path("chgnet", found, sizeof found), SH_EINPUT,
                 "no model 'chgnet': neither a known one nor '/nowhere/models/chgnet.h5'");
    assert_non_null(strstr(sh_error_hints(), "m3gnet-efs"));
    assert_fails(sh_model_path("/nowhere/my.h5", found, sizeof found), SH_EINPUT, "/nowhere/my.h5");
    write_file("", ORDER);
    assert_ok(sh_model_path(path, found, sizeof found));
    assert_string_equal(found, path);
    sh_model model;
    assert_fails(sh_model_load(path, &model), SH_EINPUT, "which this version does not know");
}

int main(void)
{
    close(mkstemp(path));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_flat), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_finding)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(path);
    return failed;
}
