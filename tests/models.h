/* models.h -- weight files of the models that tests want: from the folder $SHAFT_TEST_MODELS under the names their authors gave
 * them, or those that were imported. */
#ifndef SH_TEST_MODELS_H
#define SH_TEST_MODELS_H

#include "test.h"

#include <unistd.h>

#include "io/models.h"

/* What sh_model_load takes for "m3gnet-eform@other"; false where the weights are nowhere. */
static inline bool sh_test_model(const char *name, char *found, size_t size)
{
    char base[64], path[4096];
    const char *folder = getenv("SHAFT_TEST_MODELS"), *at = strchr(name, '@');
    snprintf(base, sizeof base, "%.*s", at ? (int)(at - name) : (int)strlen(name), name);
    const sh_model_info *info = sh_model_by_name(base);
    snprintf(found, size, "%s/%s.h5%s", folder ? folder : "", info->source, at ? at : "");
    snprintf(path, sizeof path, "%s/%s.h5", folder ? folder : "", info->source);
    if (folder && access(path, R_OK) == 0) return true;
    snprintf(found, size, "%s", name);
    bool imported = sh_model_path(base, path, sizeof path) == SH_OK;
    sh_error_clear();
    return imported;
}

#endif
