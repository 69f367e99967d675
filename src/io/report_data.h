/* report_data.h -- what a report shows of a run, read from its folder: the columns of metrics.csv, the samples of its first
 * and last tenth as numbers, its best distinct crystals, its settings. What is not there stays empty. */
#ifndef SH_IO_REPORT_DATA_H
#define SH_IO_REPORT_DATA_H

#include "crystal/group.h"
#include "io/structure.h"
#include "reward/result.h"
#include "reward/tables.h"

typedef struct {
    int n_column;
    int64_t n_row;
    char **name;   /* (n_column) */
    double *value; /* (n_column, n_row); NaN where the field is empty */
} sh_report_metrics;

/* Numbers by the names in the header: columns may be added, left out and moved. There is a column `iteration`, ascending, and at
 * least one row; a last line without its end is being written, and none. */
sh_status sh_report_metrics_read(const char *path, sh_report_metrics *out);
void sh_report_metrics_destroy(sh_report_metrics *metrics);
const double *sh_report_column(const sh_report_metrics *metrics, const char *name); /* (n_row); NULL where there is none */

enum { SH_REPORT_SHOWN = 300 }; /* structures of a part that the map shows */

typedef enum {
    SH_REPORT_REWARD,
    SH_REPORT_E_FORM,
    SH_REPORT_DENSITY,
    SH_REPORT_BOND,
    SH_REPORT_N_VALUE
} sh_report_value;

/* The crystals of a range of iterations. */
typedef struct {
    int64_t first, last; /* first <= iteration < last */
    int64_t n;           /* crystals */
    int64_t n_value[SH_REPORT_N_VALUE], room[SH_REPORT_N_VALUE];
    double *value[SH_REPORT_N_VALUE]; /* (n_value) those that are known */
    int64_t family[SH_N_FAMILY], group[SH_N_GROUP]; /* crystals of each, as sampled */
    int64_t element[SH_MAX_Z + 1];                  /* by Z: crystals that hold the element */
    int64_t n_shown;
    sh_structure *shown; /* (n_shown) at most SH_REPORT_SHOWN of them, by a hash of the trajectory: as good as drawn at random, and
                            the same whenever the page is made */
} sh_report_part;

typedef struct {
    sh_structure structure;
    char formula[64];
    char symbol[16];  /* of the group found at 0.1 Å, as export has it; empty where there is none */
    int32_t group, sampled_group;
    char sites[128];  /* "Na a, Cl b": Wyckoff letters of the group found */
    uint64_t traj;
    sh_reward_result result;
} sh_report_crystal;

typedef struct {
    char *path;   /* as given, without slashes at its end */
    char *config; /* text of config.yaml, NULL where it is missing */
    sh_report_metrics metrics;
    int64_t n_sample;       /* crystals in RUN/samples; 0: nothing of what follows is there */
    char (*symbol)[16];     /* (SH_N_GROUP) of the space groups */
    sh_report_part part[2]; /* the first and the last tenth of the iterations that samples were kept of */
    int64_t n_crystal;
    sh_report_crystal *crystal; /* (n_crystal) the best distinct, best first */
} sh_report_run;

/* Segments are read one after the other: memory holds one of them and the best crystals. */
sh_status sh_report_run_read(const char *path, int64_t top, sh_report_run *out);
void sh_report_run_destroy(sh_report_run *run);

/* The next key of a configuration as shaft writes it: "train.replay.batch" and "64". `at` starts at the text and moves on; false
 * at its end. What does not fit is cut. */
typedef struct {
    const char *at;
    int depth;
    char parent[8][48];
    char key[192], value[256];
} sh_report_keys;
bool sh_report_keys_next(sh_report_keys *keys);

#endif
