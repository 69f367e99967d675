/* flat_model.h -- a model from a file NAME.flat of flat_weights, for programs of the core alone. */
#ifndef SH_BENCHMARKS_FLAT_MODEL_H
#define SH_BENCHMARKS_FLAT_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "potential/potential.h"
#include "potential/references.h"
#include "potential/weights.h"

typedef struct {
    sh_weights *weights;
    sh_references *references; /* NULL: it has none */
    sh_potential *potential;
} model;

static inline bool is_flat(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && !strcmp(name + length - 5, ".flat");
}

/* A flat file DIR/m3gnet-efs.flat has the references configs/tables/references_m3gnet_efs.csv, if there are any. */
static inline sh_status load_flat(const char *path, model *m)
{
    char table[4096];
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    snprintf(table, sizeof table, SH_SOURCE_DIR "/configs/tables/references_%.*s.csv", (int)(strlen(name) - 5), name);
    for (char *at = strrchr(table, '/'); *at; at++)
        if (*at == '-') *at = '_';
    *m = (model){0};
    SH_TRY(sh_weights_read_flat(path, &m->weights));
    if (access(table, R_OK) == 0) SH_TRY(sh_references_create(table, &m->references));
    return sh_potential_create(m->weights, m->references, &m->potential);
}

static inline void release(model *m)
{
    sh_potential_destroy(&m->potential);
    sh_references_destroy(&m->references);
    sh_weights_destroy(&m->weights);
}

#endif
