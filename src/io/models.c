#include "io/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/weights_h5.h"
#include "potential/references.h"
#include "potential/weights.h"

const sh_model_info sh_known_models[] = {
    {.name = "m3gnet-efs",
     .source = "MP-2021.2.8-EFS",
     .references = "references_m3gnet_efs.csv",
     .sha256 = "518cb41e9a29c0304fcc54a86670fb6767a6a177d490217fb375dc0bf05e2b07",
     .n_parameter = 227549,
     .predicts = "total energy, eV a cell; formation energy by references and the corrections of 2018",
     .origin = "Chen and Ong, Nature Computational Science 2, 718 (2022); weights of the Materials Virtual Lab, BSD 3-clause",
     .obtain = "pip download --no-deps --no-binary m3gnet m3gnet==0.2.4 && shaft model import m3gnet-0.2.4.tar.gz"},
    {.name = NULL}};

const sh_model_info *sh_model_by_name(const char *name)
{
    for (const sh_model_info *m = sh_known_models; m->name; m++)
        if (!strcmp(m->name, name)) return m;
    return NULL;
}

const sh_model_info *sh_model_by_source(const char *source)
{
    for (const sh_model_info *m = sh_known_models; m->name; m++)
        if (!strcmp(m->source, source)) return m;
    return NULL;
}

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

sh_status sh_tables_folder(char *path, size_t size)
{
    const char *data = getenv("SHAFT_DATA");
    const char *const candidates[] = {data, SHAFT_INSTALL_CONFIGS, SHAFT_SOURCE_CONFIGS};
    for (int i = 0; i < 3; i++) {
        if (!candidates[i]) continue;
        snprintf(path, size, "%s/tables", candidates[i]);
        if (exists(path)) return SH_OK;
        if (i == 0) break; /* said, and not there: do not take another one silently */
    }
    SH_FAIL(SH_EINPUT, "the folder of data tables '%s' is not there", path);
    return sh_error_hint(SH_EINPUT, "set SHAFT_DATA to the folder 'configs' of the sources, or to share/shaft of the installation");
}

sh_status sh_models_folder(char *path, size_t size)
{
    const char *models = getenv("SHAFT_MODELS"), *home = getenv("HOME");
    if (models && models[0]) {
        snprintf(path, size, "%s", models);
        return SH_OK;
    }
    if (!home || !home[0]) return SH_FAIL(SH_EINPUT, "neither SHAFT_MODELS nor HOME is set: where are the model files?");
    snprintf(path, size, "%s/.local/share/shaft/models", home);
    return SH_OK;
}

sh_status sh_model_path(const char *name, char *path, size_t size)
{
    const sh_model_info *info = sh_model_by_name(name);
    size_t length = strlen(name);
    if (strchr(name, '/') || (length > 3 && !strcmp(name + length - 3, ".h5"))) {
        snprintf(path, size, "%s", name);
        return exists(path) ? SH_OK : SH_FAIL(SH_EINPUT, "weight file '%s' is not there", name);
    }
    char folder[4096];
    SH_TRY(sh_models_folder(folder, sizeof folder));
    snprintf(path, size, "%s/%s.h5", folder, name);
    if (exists(path)) return SH_OK;
    if (info) {
        SH_FAIL(SH_EINPUT, "the weights of model '%s' are not at '%s'", name, path);
        return sh_error_hint(SH_EINPUT, "get them with: %s", info->obtain);
    }
    SH_FAIL(SH_EINPUT, "there is no model '%s': neither a known one nor '%s'", name, path);
    return sh_error_hint(SH_EINPUT, "known models: m3gnet-efs; a path to a weight file is taken too");
}

static sh_status load(const char *name, sh_model *m)
{
    char path[4096], tables[4096], references[8192];
    SH_TRY(sh_model_path(name, path, sizeof path));
    SH_TRY(sh_weights_read(path, &m->weights));
    const sh_model_info *info = sh_model_by_source(m->weights->source);
    if (!info) return SH_FAIL(SH_EINPUT, "'%s' holds model '%s', which this version does not know", path, m->weights->source);
    SH_TRY(sh_tables_folder(tables, sizeof tables));
    snprintf(references, sizeof references, "%s/%s", tables, info->references);
    SH_TRY(sh_references_create(references, &m->references));
    return sh_potential_create(m->weights, m->references, &m->potential);
}

sh_status sh_model_load(const char *name, sh_model *out)
{
    *out = (sh_model){0};
    sh_status status = load(name, out);
    if (status != SH_OK) sh_model_release(out);
    return status;
}

void sh_model_release(sh_model *m)
{
    sh_potential_destroy(&m->potential);
    sh_references_destroy(&m->references);
    sh_weights_destroy(&m->weights);
}
