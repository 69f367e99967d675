#include "io/models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/weights_h5.h"
#include "potential/references.h"
#include "potential/weights.h"
#include "relax/lennard_jones.h"

#define MATGL(folder)                                                                              \
    "shaft model import PATH, where PATH is the folder " folder                                    \
    " of pretrained_models in matgl's public repository (github.com/materialsvirtuallab/matgl) or of matgl's own cache, "  \
    "~/.cache/matgl"
#define LICENCE "; weights of the Materials Virtual Lab, BSD 3-clause"
#define CHEN_2019 "Chen, Ye, Zuo, Zheng, Ong, Chemistry of Materials 31, 3564 (2019)" LICENCE
#define CHEN_2021 "Chen, Zuo, Ye, Li, Ong, Nature Computational Science 1, 46 (2021)" LICENCE
#define CHEN_2022 "Chen and Ong, Nature Computational Science 2, 718 (2022)" LICENCE

const sh_model_info sh_known_models[] = {
    {.name = "m3gnet-efs",
     .source = "MP-2021.2.8-EFS",
     .data = "MPF.2021.2.8",
     .references = "references_m3gnet_efs.csv",
     .sha256 = "518cb41e9a29c0304fcc54a86670fb6767a6a177d490217fb375dc0bf05e2b07",
     .n_parameter = 227549,
     .predicts = "total energy, eV a cell; formation energy by references and the corrections of 2018",
     .origin = CHEN_2022,
     .obtain = "pip download --no-deps --no-binary m3gnet m3gnet==0.2.4 && shaft model import m3gnet-0.2.4.tar.gz"},
    {.name = "m3gnet-pes",
     .source = "M3GNet-MP-2021.2.8-PES",
     .data = "MPF.2021.2.8",
     .references = "references_m3gnet_pes.csv",
     .sha256 = "d48b6b9826cc7efcf10e35f0b18f1312a865dbaa873afbc55ba7013d2985a765",
     .n_parameter = 288157,
     .predicts = "total energy, eV a cell; formation energy by references and the corrections of 2018",
     .origin = CHEN_2022,
     .obtain = MATGL("M3GNet-MP-2021.2.8-PES"),
     .variants = "other, none"},
    {.name = "m3gnet-eform",
     .source = "M3GNet-MP-2018.6.1-Eform",
     .data = "MP.2018.6.1",
     .sha256 = "3e10b2561f527e93eef01f8a61412a136c44343e7885ea2de3b74c2247f5e891",
     .n_parameter = 391772,
     .predicts = "formation energy, eV/atom, of relaxed crystals",
     .origin = CHEN_2022,
     .obtain = MATGL("M3GNet-MP-2018.6.1-Eform"),
     .variants = "self, other"},
    {.name = "megnet-eform",
     .source = "MEGNet-MP-2018.6.1-Eform",
     .data = "MP.2018.6.1",
     .sha256 = "e63737eb1b46eb54804fa35377693befab864af5916eff03d129baf0556b148c",
     .n_parameter = 189521,
     .predicts = "formation energy, eV/atom, of relaxed crystals",
     .origin = CHEN_2019,
     .obtain = MATGL("MEGNet-MP-2018.6.1-Eform")},
    {.name = "megnet-gap",
     .source = "MEGNet-MP-2019.4.1-BandGap-mfi",
     .data = "MP.2019.4.1, several methods",
     .sha256 = "fee612de6edc611056a0309503cdba4feb176b3f6ac8cd71a8babec4499ec10d",
     .n_parameter = 190481,
     .predicts = "band gap, eV, as one of four methods gives it",
     .origin = CHEN_2021,
     .obtain = MATGL("MEGNet-MP-2019.4.1-BandGap-mfi"),
     .variants = "pbe, gllb-sc, hse, scan"},
    {.name = NULL}};

/* What a variant changes: where a three-body term takes length and end atom from, or which fidelity is predicted. */
static const struct {
    const char *model, *variant, *threebody_from;
    int64_t fidelity;
} variants[] = {{"m3gnet-pes", "other", "other", 0}, {"m3gnet-pes", "none", "none", 0},  {"m3gnet-eform", "self", "self", 0},
                {"m3gnet-eform", "other", "other", 0}, {"megnet-gap", "pbe", NULL, 0},     {"megnet-gap", "gllb-sc", NULL, 1},
                {"megnet-gap", "hse", NULL, 2},      {"megnet-gap", "scan", NULL, 3}};

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

/* "m3gnet-eform@other" is model "m3gnet-eform" and variant "other"; an @ inside a path is part of it. Returns the variant, or
 * NULL. */
static const char *split_name(const char *given, char *name, size_t size)
{
    const char *at = strrchr(given, '@');
    if (at && (strchr(at, '/') || strchr(at, '.'))) at = NULL;
    snprintf(name, size, "%.*s", at ? (int)(at - given) : (int)strlen(given), given);
    return at ? at + 1 : NULL;
}

static sh_status unknown_model(const char *name, const char *path)
{
    char known[1024] = "";
    size_t used = 0;
    for (const sh_model_info *m = sh_known_models; m->name; m++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", m->name);
    SH_FAIL(SH_EINPUT, "there is no model '%s': neither a known one nor '%s'", name, path);
    return sh_error_hint(SH_EINPUT, "known models: %s; a path to a weight file is taken too", known);
}

sh_status sh_model_path(const char *given, char *path, size_t size)
{
    char name[4096], folder[4096];
    split_name(given, name, sizeof name);
    const sh_model_info *info = sh_model_by_name(name);
    size_t length = strlen(name);
    if (strchr(name, '/') || (length > 3 && !strcmp(name + length - 3, ".h5"))) {
        snprintf(path, size, "%s", name);
        return exists(path) ? SH_OK : SH_FAIL(SH_EINPUT, "weight file '%s' is not there", name);
    }
    SH_TRY(sh_models_folder(folder, sizeof folder));
    snprintf(path, size, "%s/%s.h5", folder, name);
    if (exists(path)) return SH_OK;
    if (!info) return unknown_model(name, path);
    SH_FAIL(SH_EINPUT, "the weights of model '%s' are not at '%s'", name, path);
    return sh_error_hint(SH_EINPUT, "get them with: %s", info->obtain);
}

const sh_model_info *sh_model_identify(const char *given)
{
    char path[4096], name[4096];
    sh_weights *w = NULL;
    split_name(given, name, sizeof name);
    const sh_model_info *info = sh_model_by_name(name);
    if (sh_model_path(given, path, sizeof path) == SH_OK && sh_weights_read(path, &w) == SH_OK) {
        info = sh_model_by_source(w->source);
        sh_weights_destroy(&w);
    }
    sh_error_clear();
    return info;
}

bool sh_model_same(const char *a, const char *b)
{
    if (!strcmp(a, b)) return true;
    const sh_model_info *info = sh_model_identify(a);
    return info && info == sh_model_identify(b);
}

static sh_status choose_variant(const sh_model_info *info, const char *variant, sh_weights *w)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        if (strcmp(variants[i].model, info->name) || strcmp(variants[i].variant, variant)) continue;
        if (variants[i].threebody_from)
            snprintf(w->threebody_from, sizeof w->threebody_from, "%s", variants[i].threebody_from);
        w->fidelity = variants[i].fidelity;
        return SH_OK;
    }
    SH_FAIL(SH_EINPUT, "model '%s' has no variant '%s'", info->name, variant);
    return info->variants ? sh_error_hint(SH_EINPUT, "its variants: %s", info->variants)
                          : sh_error_hint(SH_EINPUT, "it has none: the name goes without @");
}

static sh_status load(const char *given, sh_model *m)
{
    char path[4096], name[4096], tables[4096], references[8192];
    const char *variant = split_name(given, name, sizeof name);
    SH_TRY(sh_model_path(given, path, sizeof path));
    SH_TRY(sh_weights_read(path, &m->weights));
    const sh_model_info *info = sh_model_by_source(m->weights->source);
    if (!info) return SH_FAIL(SH_EINPUT, "'%s' holds model '%s', which this version does not know", path, m->weights->source);
    if (variant) SH_TRY(choose_variant(info, variant, m->weights));
    if (info->references) {
        SH_TRY(sh_tables_folder(tables, sizeof tables));
        snprintf(references, sizeof references, "%s/%s", tables, info->references);
        SH_TRY(sh_references_create(references, &m->references));
    }
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

sh_status sh_energy_model_load(const char *name, sh_energy_model *out)
{
    *out = (sh_energy_model){0};
    if (strcmp(name, "lennard-jones")) return sh_model_load(name, &out->network);
    out->pair = &sh_lennard_jones;
    return SH_OK;
}

void sh_energy_model_release(sh_energy_model *model)
{
    sh_model_release(&model->network);
    *model = (sh_energy_model){0};
}
