/* models.h -- the pretrained models this program knows, where their files are, and loading one. */
#ifndef SH_IO_MODELS_H
#define SH_IO_MODELS_H

#include <stddef.h>
#include <stdint.h>

#include "potential/potential.h"
#include "relax/model.h"

typedef struct {
    const char *name;       /* what a configuration says: "m3gnet-efs" */
    const char *source;     /* root attribute `source` of its weight file */
    const char *references; /* file under the tables' folder; NULL: the model predicts no total energies */
    const char *sha256;     /* over its tensors, sh_weights_sha256 */
    int64_t n_parameter;
    const char *predicts, *origin, *obtain;
    const char *data;       /* what it was trained on: equal texts, equal data */
    const char *variants;   /* "self, other": what may follow its name after an @; NULL: nothing */
} sh_model_info;

extern const sh_model_info sh_known_models[]; /* ends with a NULL name */
const sh_model_info *sh_model_by_name(const char *name);     /* NULL: not known */
const sh_model_info *sh_model_by_source(const char *source); /* likewise */

/* Folders: data tables ($SHAFT_DATA/tables, else the installed ones, else those of the sources) and weight files
 * ($SHAFT_MODELS, else ~/.local/share/shaft/models). */
sh_status sh_tables_folder(char *path, size_t size);
sh_status sh_models_folder(char *path, size_t size);

/* The file of a model by name: one of the known ones, or the name it was imported under; a path to a weight file is taken too.
 * What follows an @ at the end is a variant of the model and plays no part in this. SH_EINPUT where there is none, with how to
 * get it. */
sh_status sh_model_path(const char *name, char *path, size_t size);

/* Which of the known models a name or path stands for: by what the weight file itself says, and where there is none by the name. NULL where
 * that cannot be told. */
const sh_model_info *sh_model_identify(const char *name);

/* Whether two names or paths stand for one model: the same word, or the same weights; variants are not told apart. */
bool sh_model_same(const char *a, const char *b);

/* Weights, references and the potential made of them; destroy in one go. */
typedef struct {
    sh_weights *weights;
    sh_references *references;
    sh_potential *potential;
} sh_model;

/* "m3gnet-eform", or with a variant "m3gnet-eform@other"; docs/formats.md. */
sh_status sh_model_load(const char *name, sh_model *out);
void sh_model_release(sh_model *model);

/* What gives energies: one of the above, or "lennard-jones", which needs no weights. */
typedef struct {
    sh_model network;           /* empty where `pair` is given */
    const sh_relax_model *pair; /* NULL: the network */
} sh_energy_model;

sh_status sh_energy_model_load(const char *name, sh_energy_model *out);
void sh_energy_model_release(sh_energy_model *model);

#endif
