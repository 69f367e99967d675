#include "io/weights_h5.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "io/h5.h"

static sh_status text_field(hid_t file, const char *name, char *to, size_t size)
{
    char *text;
    SH_TRY(sh_h5_read_text(file, "/", name, &text));
    snprintf(to, size, "%s", text);
    sh_free(text);
    return SH_OK;
}

static sh_status read_tensor(hid_t file, const char *name, sh_weights *w)
{
    int rank;
    hsize_t dims[4] = {1, 1, 1, 1};
    SH_TRY(sh_h5_dims(file, name, &rank, dims));
    if (rank < 1 || rank > 2) return SH_FAIL(SH_EINPUT, "tensor '%s' has %d dimensions", name, rank);
    w->tensor = sh_realloc(w->tensor, (size_t)(w->n + 1) * sizeof *w->tensor);
    sh_weight *t = &w->tensor[w->n++];
    *t = (sh_weight){.name = sh_strdup(name),
                     .rows = rank == 1 ? 1 : (int64_t)dims[0],
                     .cols = (int64_t)(rank == 1 ? dims[0] : dims[1])};
    t->data = SH_NEW(float, t->rows * t->cols);
    return sh_h5_read(file, name, H5T_NATIVE_FLOAT, rank, dims, t->data);
}

/* `order` is a JSON list of plain names: ["a", "b", ...]. */
static sh_status read_tensors(hid_t file, char *order, sh_weights *w)
{
    for (char *at = strchr(order, '"'); at; at = strchr(at, '"')) {
        char *end = strchr(++at, '"');
        if (!end) return SH_FAIL(SH_EINPUT, "the attribute 'order' is cut off");
        *end = '\0';
        SH_TRY(read_tensor(file, at, w));
        at = end + 1;
    }
    return w->n ? SH_OK : SH_FAIL(SH_EINPUT, "the attribute 'order' names no tensor");
}

static sh_status read_file(hid_t file, sh_weights *w)
{
    char *order;
    int64_t format;
    SH_TRY(sh_h5_read_attr(file, "/", "format", H5T_NATIVE_INT64, &format));
    if (format != 1) return SH_FAIL(SH_EINPUT, "format %lld is not known to this version", (long long)format);
    SH_TRY(text_field(file, "model", w->model, sizeof w->model));
    SH_TRY(text_field(file, "source", w->source, sizeof w->source));
    SH_TRY(text_field(file, "basis", w->basis, sizeof w->basis));
    SH_TRY(text_field(file, "aggregate", w->aggregate, sizeof w->aggregate));
    SH_TRY(text_field(file, "threebody_from", w->threebody_from, sizeof w->threebody_from));
    SH_TRY(text_field(file, "target", w->target, sizeof w->target));
    SH_TRY(sh_h5_read_attr(file, "/", "cutoff", H5T_NATIVE_DOUBLE, &w->cutoff));
    SH_TRY(sh_h5_read_attr(file, "/", "threebody_cutoff", H5T_NATIVE_DOUBLE, &w->threebody_cutoff));
    SH_TRY(sh_h5_read_attr(file, "/", "mean", H5T_NATIVE_DOUBLE, &w->mean));
    SH_TRY(sh_h5_read_attr(file, "/", "std", H5T_NATIVE_DOUBLE, &w->std));
    if (!strcmp(w->target, "intensive")) {
        SH_TRY(sh_h5_read_attr(file, "/", "gauss_width", H5T_NATIVE_DOUBLE, &w->gauss_width));
        SH_TRY(sh_h5_read_attr(file, "/", "set2set_steps", H5T_NATIVE_INT64, &w->set2set_steps));
        SH_TRY(sh_h5_read_attr(file, "/", "set2set_layers", H5T_NATIVE_INT64, &w->set2set_layers));
        SH_TRY(sh_h5_read_attr(file, "/", "fidelities", H5T_NATIVE_INT64, &w->n_fidelity));
    }
    SH_TRY(sh_h5_attr_size(file, "/", "element_numbers", &w->n_row));
    if (w->n_row < 1 || w->n_row > 1000) return SH_FAIL(SH_EINPUT, "%lld element rows", (long long)w->n_row);
    int64_t n_ref;
    SH_TRY(sh_h5_attr_size(file, "/", "element_refs", &n_ref));
    if (n_ref != w->n_row) return SH_FAIL(SH_EINPUT, "element_numbers and element_refs differ in length");
    w->element_number = SH_NEW(int32_t, w->n_row);
    w->element_ref = SH_NEW(double, w->n_row);
    SH_TRY(sh_h5_read_attrs(file, "/", "element_numbers", H5T_NATIVE_INT32, w->n_row, w->element_number));
    SH_TRY(sh_h5_read_attrs(file, "/", "element_refs", H5T_NATIVE_DOUBLE, w->n_row, w->element_ref));
    SH_TRY(sh_h5_read_text(file, "/", "order", &order));
    sh_status status = read_tensors(file, order, w);
    sh_free(order);
    return status;
}

sh_status sh_weights_read(const char *path, sh_weights **out)
{
    static const char advice[] = "the file is damaged or none of weights: get it anew with `shaft model import`";
    hid_t file;
    *out = NULL;
    if (sh_h5_open(path, &file) != SH_OK) return sh_error_hint(SH_EIO, "%s", advice);
    sh_weights *w = SH_NEW(sh_weights, 1);
    sh_status status = read_file(file, w);
    H5Fclose(file);
    if (status != SH_OK) {
        sh_weights_destroy(&w);
        sh_error_note(status, "while reading weights '%s'", path);
        return status == SH_EIO ? sh_error_hint(status, "%s", advice) : status;
    }
    *out = w;
    return SH_OK;
}

void sh_weights_sha256(const sh_weights *w, char hex[65])
{
    sh_sha256 s;
    sh_sha256_begin(&s);
    for (int64_t i = 0; i < w->n; i++) {
        const sh_weight *t = &w->tensor[i];
        const int64_t shape[2] = {t->rows, t->cols};
        sh_sha256_add(&s, t->name, strlen(t->name) + 1);
        sh_sha256_add(&s, shape, sizeof shape);
        sh_sha256_add(&s, t->data, (size_t)(t->rows * t->cols) * sizeof *t->data);
    }
    sh_sha256_end(&s, hex);
}
