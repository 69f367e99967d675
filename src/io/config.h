/* config.h -- the configuration of a run, from YAML.
 *
 * One table in config.c (key, type, default, bounds, help) is the source of parsing, of `--set key=value`, of the printed
 * configuration and of the list of keys. Whatever is wrong is refused with file, line, key and what to do: unknown keys,
 * keys given twice, values of another type, numbers that are none from their first to their last character. */
#ifndef SH_IO_CONFIG_H
#define SH_IO_CONFIG_H

#include <stdio.h>

#include "base/status.h"
#include "crystal/group.h"
#include "gflownet/options.h"
#include "reward/reward.h"
#include "train/options.h"

/* Flat, without pointers: ranks other than 0 get a copy of the bytes. */
typedef struct {
    sh_constraints constraints;
    sh_policy_options policy;
    sh_reward_options reward;
    char reward_model[SH_PATH_SIZE];    /* name of the model that gives formation energies, or a path */
    char bond_table[SH_PATH_SIZE];       /* mp, paper, or the path of a CSV */
    sh_train_options train;
    sh_run_options run;
} sh_config;

/* Reads the file, then the settings (each "key=value", taking precedence), and checks as sh_config_check does. */
sh_status sh_config_read(const char *path, const char *const *settings, int n_setting, const sh_groups *groups,
                         sh_config *out);
/* The same from memory; `name` stands for the file in messages. */
sh_status sh_config_parse(const char *name, const char *text, size_t size, const char *const *settings, int n_setting,
                          const sh_groups *groups, sh_config *out);

/* Combinations that cannot work, with the reason. Groups in which every crystal would have more than max_atoms atoms are
 * named in a warning, and refused where no other group is allowed. `groups` NULL leaves that out. */
sh_status sh_config_check(const sh_config *config, const sh_groups *groups);

/* All keys with their values, as YAML that parses back to the same; the caller frees (sh_free). Without run.directory for
 * what must not depend on where it ran. */
char *sh_config_text(const sh_config *config, bool with_directory);

/* "train.batch: 256 in the checkpoint, 128 now; ..." of the keys that a resumed run may not change and that differ; NULL
 * where there are none. The caller frees. */
char *sh_config_differences(const sh_config *before, const sh_config *now);

/* The list of keys with defaults, bounds and meaning. */
void sh_config_help(FILE *out);

#endif
