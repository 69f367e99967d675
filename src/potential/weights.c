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
