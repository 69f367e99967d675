#include "potential/weights.h"

#include <string.h>

#include "base/memory.h"

void sh_weights_destroy(sh_weights **weights)
{
    sh_weights *w = *weights;
    if (!w) return;
    for (int64_t i = 0; i < w->n; i++) {
        sh_free(w->tensor[i].name);
        sh_free(w->tensor[i].data);
    }
    sh_free(w->tensor);
    sh_free(w->element_number);
    sh_free(w->element_ref);
    sh_free(w);
    *weights = NULL;
}

sh_status sh_weights_get(const sh_weights *w, const char *name, int64_t rows, int64_t cols, const float **data)
{
    for (int64_t i = 0; i < w->n; i++) {
        const sh_weight *t = &w->tensor[i];
        if (strcmp(t->name, name)) continue;
        if (t->rows != rows || t->cols != cols)
            return SH_FAIL(SH_EINPUT, "tensor '%s' has shape %lld x %lld, not %lld x %lld", name, (long long)t->rows,
                           (long long)t->cols, (long long)rows, (long long)cols);
        *data = t->data;
        return SH_OK;
    }
    return SH_FAIL(SH_EINPUT, "tensor '%s' is not in the weight file", name);
}

sh_status sh_weights_copy(const sh_weights *w, const char *name, int64_t rows, int64_t cols, bool transposed, sh_real *to)
{
    const float *data;
    SH_TRY(sh_weights_get(w, name, transposed ? cols : rows, transposed ? rows : cols, &data));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < cols; k++)
            to[i * cols + k] = (sh_real)data[transposed ? k * rows + i : i * cols + k];
    return SH_OK;
}

int64_t sh_weights_n_parameter(const sh_weights *w)
{
    static const char centres[] = ".centers";
    int64_t n = 0;
    for (int64_t i = 0; i < w->n; i++) {
        const char *name = w->tensor[i].name;
        size_t length = strlen(name), tail = sizeof centres - 1;
        if (length < tail || strcmp(name + length - tail, centres)) n += w->tensor[i].rows * w->tensor[i].cols;
    }
    return n;
}

sh_status sh_weights_rows(const sh_weights *w, int32_t row[SH_WEIGHTS_MAX_Z + 1])
{
    for (int z = 0; z <= SH_WEIGHTS_MAX_Z; z++)
        row[z] = -1;
    for (int32_t i = 0; i < (int32_t)w->n_row; i++) {
        int32_t z = w->element_number[i];
        if (z == 0) continue; /* not used */
        if (z < 0 || z > SH_WEIGHTS_MAX_Z || row[z] >= 0)
            return SH_FAIL(SH_EINPUT, "row %d of the element table is element %d: none, or there twice", (int)i, (int)z);
        row[z] = i;
    }
    return SH_OK;
}
