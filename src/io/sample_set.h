/* sample_set.h -- samples with what is needed to make crystals of them: the configuration they were drawn under. */
#ifndef SH_IO_SAMPLE_SET_H
#define SH_IO_SAMPLE_SET_H

#include "gflownet/state.h"
#include "io/config.h"
#include "io/structure.h"

typedef struct {
    sh_config config;
    sh_groups *groups;
    sh_space space; /* points into this struct: it must not be copied */
    sh_records records;
} sh_sample_set;

/* A samples file, an index, or the folder of a run. All numbers of the records are finite, their elements among those of
 * the configuration and their Wyckoff positions among those of the group afterwards. On failure there is nothing to destroy. */
sh_status sh_sample_set_read(const char *path, sh_sample_set *out);
/* The records of another file of the same run instead of those held. On failure the set is as it was,
 * or without records. */
sh_status sh_sample_set_replace(sh_sample_set *set, const char *path);
void sh_sample_set_destroy(sh_sample_set *set);

/* Whose formation energy the reward of a configuration has; SH_NO_REWARD_MODEL of one that has none. */
const char *sh_reward_model_of(const sh_config *config);

/* The samples as structures; for sh_collect. */
void sh_sample_set_collect(const char *path, sh_structures *out);

#endif
