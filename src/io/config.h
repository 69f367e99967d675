/* config.h -- the configuration of a run, from YAML.
 *
 * One table in config.c (key, type, default, bounds, help) is the source of parsing, of `--set key=value`, of the printed
 * configuration and of the list of keys. Whatever is wrong is refused with file, line, key and what to do: unknown keys,
 * keys given twice, values of another type, numbers that are none from their first to their last character. */
#ifndef SH_IO_CONFIG_H
#define SH_IO_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "crystal/group.h"
#include "gflownet/options.h"
#include "reward/reward.h"

enum { SH_PATH_SIZE = 1024 };

/* How a run trains. */
typedef struct {
    int64_t iterations;
    int64_t batch;         /* fresh trajectories an iteration, on all workers together */
    int64_t slice;         /* trajectories on one tape; 0: as suits the device */
    double lr, lr_log_z;   /* of Adam */
    double log_z;          /* value log Z starts from */
    double clip;           /* largest norm of the gradient; 0: not clipped */
    double explore_epsilon;/* share of the uniform choice at the start */
    double explore_widen;  /* factor on continuous widths at the start, >= 1 */
    int64_t explore_decay; /* iterations over which both fall linearly to none; 0: none at all; -1: auto */
    int64_t explore_until; /* the same where auto has become a number: half the run as it was first started */
    int64_t replay_capacity;
    int64_t replay_batch;  /* replayed trajectories an iteration, on top of the fresh ones */
    double replay_uniform; /* share of the draws that is uniform over the buffer */
} sh_train_options;

typedef enum { SH_DEVICE_AUTO, SH_DEVICE_CPU, SH_DEVICE_CUDA } sh_device;
typedef enum { SH_COORDINATOR_AUTO, SH_COORDINATOR_DEDICATED, SH_COORDINATOR_SHARED } sh_coordinator;

/* What a run keeps, and where. */
typedef struct {
    int64_t seed;
    int64_t checkpoint_every; /* iterations */
    int64_t keep_checkpoints;
    sh_coordinator coordinator;
    sh_device device;
    bool deterministic;       /* the same bits on any number of ranks */
    int64_t shards;           /* then: parts of a batch */
    bool save_samples;
    char directory[SH_PATH_SIZE];
} sh_run_options;

/* Flat, without pointers: ranks other than 0 get a copy of the bytes. */
typedef struct {
    sh_constraints constraints;
    sh_policy_options policy;
    sh_reward_options reward;
    char reward_model[SH_PATH_SIZE];    /* name of the model that gives formation energies, or a path */
    char gap_model[SH_PATH_SIZE];       /* likewise of the one that gives band gaps */
    char plugin_library[SH_PATH_SIZE];  /* of the user's own term */
    char plugin_function[128];          /* its name in the library */
    char bond_table[SH_PATH_SIZE];       /* mp, paper, or the path of a CSV */
    sh_train_options train;
    sh_run_options run;
} sh_config;

/* Reads the file, then the settings (each "key=value", taking precedence), and checks as sh_config_check does. */
sh_status sh_config_read(const char *path, const char *const *settings, int n_setting, const sh_groups *groups,
                         sh_config *out);
/* The same from memory; `name` stands for the file in messages. `base: FILE` takes the values of another file, found beside this
 * one, where this one has none, but for run.directory. */
sh_status sh_config_parse(const char *name, const char *text, size_t size, const char *const *settings, int n_setting,
                          const sh_groups *groups, sh_config *out);

/* Combinations that cannot work, with the reason. Groups in which every crystal would have more than max_atoms atoms are
 * named in a warning, and refused where no other group is allowed. `groups` NULL leaves that out. */
sh_status sh_config_check(const sh_config *config, const sh_groups *groups);

/* All keys with their values, as YAML that parses back to the same; the caller frees (sh_free). `as_given`: for the user,
 * who may start another run from it. Otherwise for a file of this run that must not depend on where it ran: without
 * run.directory, run.coordinator and run.device, and with the number that `auto` stands for. */
char *sh_config_text(const sh_config *config, bool as_given);

/* A run goes on: what is `auto` keeps the number it had `before`, whatever else has changed. */
void sh_config_inherit(const sh_config *before, sh_config *now);

/* "train.batch: 256 in the checkpoint, 128 now; ..." of the keys that a resumed run may not change and that differ; NULL
 * where there are none. The caller frees. */
char *sh_config_differences(const sh_config *before, const sh_config *now);

/* The list of keys with defaults, bounds and meaning. */
void sh_config_help(FILE *out);

#endif
