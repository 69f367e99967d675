/* export.h -- the best distinct crystals of a set of samples, one file each, with a table of what they are. */
#ifndef SH_IO_EXPORT_H
#define SH_IO_EXPORT_H

#include <stdio.h>

#include "gflownet/record.h"
#include "gflownet/state.h"
#include "io/structure.h"

typedef enum { SH_EXPORT_CIF, SH_EXPORT_POSCAR, SH_EXPORT_EXTXYZ } sh_export_format;

typedef struct {
    int64_t top;
    bool by_energy;  /* lowest formation energy first instead of highest reward */
    sh_export_format format;
    const char *reward_model; /* of the files; as in sh_structure */
    const char *folder; /* exists; NULL: nothing is written, the crystals are only chosen */
} sh_export_opts;

/* A crystal that was written. */
typedef struct {
    char formula[64];
    char file[128];        /* name inside the folder */
    int32_t found_group;   /* at 0.1 Å, 0 where spglib finds none */
    int32_t sampled_group;
    int64_t n_atom, n_copy; /* n_copy: samples that are the same crystal, this one left out, among those looked at */
    double volume;         /* Å^3 an atom */
    uint64_t traj;
    sh_reward_result result;
} sh_exported;

typedef struct {
    int64_t n;
    sh_exported *item;   /* (n) in the order of their rank */
    int64_t n_looked_at; /* samples in order of rank until `top` crystals were found */
    int64_t n_overlap;   /* of all samples: held back for a pair below 0.5 Å */
    int64_t n_refused;   /* of all samples: held back for another reason (no cell, too many atoms, unknown element) */
    int64_t n_no_energy; /* of all samples, by_energy: held back because the energy is unknown or outside the guard */
} sh_export_report;

/* Samples of one reduced formula, found group, energy within 0.05 eV/atom and volume an atom within 20 % are one crystal;
 * the best of them is written. Writes opts->folder/NNN_FORMULA_GROUP.EXT and summary.csv. */
sh_status sh_export_best(const sh_space *space, const sh_records *records, const sh_export_opts *opts,
                         sh_export_report *out);
void sh_export_report_destroy(sh_export_report *report);

/* Rank, formula, groups, atoms, density, energy, reward, file: a line each, aligned. */
void sh_export_print(const sh_export_report *report, const sh_groups *groups, FILE *out);

#endif
