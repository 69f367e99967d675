/* h5_rows.c -- an HDF5 file of `shaft evaluate` as one object of JSON, for tests that compare it with the CSV and JSON of the same
 * evaluation: attributes, the summary, and a list a column. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/fields.h"
#include "io/h5.h"

static void fail(const char *what)
{
    fprintf(stderr, "h5_rows: %s: %s\n", what, sh_error_message());
    exit(1);
}

static void texts(hid_t dataset, hid_t type, hsize_t n)
{
    size_t size = H5Tget_size(type);
    char *all = sh_calloc((size_t)n, size), *one = sh_calloc(1, size + 1);
    if (n && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all) < 0) fail("texts");
    for (hsize_t i = 0; i < n; i++) {
        memcpy(one, all + i * size, size);
        if (i) fputs(", ", stdout);
        sh_json_text(stdout, one);
    }
    sh_free(all);
    sh_free(one);
}

static void numbers(hid_t dataset, hsize_t n)
{
    double *x = SH_NEW(double, (int64_t)n);
    if (n && H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) < 0) fail("numbers");
    for (hsize_t i = 0; i < n; i++) {
        if (i) fputs(", ", stdout);
        sh_json_number(stdout, x[i]);
    }
    sh_free(x);
}

/* The one-dimensional dataset as a list. */
static void list(hid_t file, const char *name)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (dataset < 0) fail(name);
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    hsize_t n = (hsize_t)H5Sget_simple_extent_npoints(space);
    putchar('[');
    if (H5Tget_class(type) == H5T_STRING)
        texts(dataset, type, n);
    else
        numbers(dataset, n);
    putchar(']');
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(dataset);
}

int main(int argc, char **argv)
{
    hid_t file;
    char *format;
    int64_t version;
    H5G_info_t info;
    if (argc != 2 || sh_h5_open(argv[1], &file) != SH_OK) fail("open");
    if (sh_h5_read_text(file, "/", "format", &format) != SH_OK) fail("format");
    if (sh_h5_read_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version) != SH_OK) fail("format_version");
    printf("{\"format\": ");
    sh_json_text(stdout, format);
    printf(", \"format_version\": %lld, \"summary\": ", (long long)version);
    list(file, "summary");
    printf(", \"rows\": {");
    hid_t rows = H5Gopen2(file, "rows", H5P_DEFAULT);
    if (rows < 0 || H5Gget_info(rows, &info) < 0) fail("rows");
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[128];
        H5Lget_name_by_idx(rows, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        if (i) printf(",\n");
        sh_json_text(stdout, name);
        printf(": ");
        list(rows, name);
    }
    printf("}}\n");
    H5Gclose(rows);
    H5Fclose(file);
    sh_free(format);
    return 0;
}
