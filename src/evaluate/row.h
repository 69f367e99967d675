/* row.h -- what the evaluation says of one structure, and the columns it is written in. */
#ifndef SH_EVALUATE_ROW_H
#define SH_EVALUATE_ROW_H

#include <hdf5.h>
#include <stdio.h>

#include "base/status.h"

enum { SH_NOT_RELAXED = -1, SH_OTHER_ELEMENTS = -2, SH_UNKNOWN = -1 };

/* Plain data, which ranks exchange as bytes. Numbers that are not known are NaN, integers -1. */
typedef struct {
    /* raw, by itself */
    int64_t n_atom;
    int32_t n_kind;
    int32_t structure_valid, composition_valid, valid; /* 1 or 0 */
    int32_t own_images, bonds, near; /* near: no two atoms of the cell beyond SH_FARTHEST_PAIR */
    int32_t bond_missing;       /* kinds of pairs without a number in the bond table: no part of the scores */
    int32_t metric_reason;      /* sh_metric_reason of the verdict */
    int32_t fingerprint_reason; /* sh_metric_reason of the structure's fingerprint */
    int32_t magpie_missing;     /* numbers of the composition's fingerprint that are not known; -1: no composition */
    int32_t group, sampled_group;
    int32_t energy_reason, gap_reason; /* sh_judged */
    uint64_t formula;           /* hash of the reduced composition */
    double volume, density, nearest_pair, bond_score, bond_score_text, reward;
    double e_total, e_form, band_gap, e_above_hull; /* eV a cell, eV/atom, eV, eV/atom */
    double separation;          /* eV/atom, phase separation energy */
    /* relaxed */
    int32_t relaxation;         /* sh_relax_verdict; SH_RELAX_N_VERDICT: relaxed by somebody else; SH_NOT_RELAXED: no partner;
                                 * SH_OTHER_ELEMENTS: none, as what has its name is of other elements */
    int32_t relaxed;            /* 1: there is a relaxed structure */
    int32_t relaxed_energy_reason;
    int32_t composition_kept;   /* 0: it has another reduced composition, and matches nothing */
    int32_t group_relaxed, group_kept;
    int32_t group_change;       /* sh_symmetry_change, of what is relaxed */
    int32_t match_authors, match_cdvae, match_default;
    double rms_authors, rms_cdvae, rms_default; /* in units of (V / n_atom)^(1/3) */
    int32_t rmsd_matched;       /* 0: rmsd stands for no match */
    double rmsd;                /* Å, sh_match_rmsd */
    double e_total_relaxed, e_form_relaxed, e_above_hull_relaxed, separation_relaxed;
    /* among the others */
    int32_t mode, new_mode, unique, novel, stable, sun; /* new_mode: the first mode of its composition */
    int32_t new_formula;        /* its reduced composition is not in the reference */
    int64_t same_as;            /* row of the first structure it matches, its own where it is unique */
    int64_t known_as;           /* structure of the reference it matches; -1: none */
    int64_t nearest_reference;  /* crystal of the reference set with the nearest structure fingerprint */
    double nearest_structure, nearest_composition; /* distances of fingerprints to the reference set */
    double map[2];              /* first two principal components of the structure fingerprints */
} sh_evaluation_row;

/* Everything unknown. */
sh_evaluation_row sh_evaluation_row_empty(void);

/* Texts that go with the rows, on rank 0. */
typedef struct {
    int64_t n;
    const sh_evaluation_row *row;
    char **file, **name, **formula, **reason, **known_as, **nearest_reference; /* (n) */
    char **decomposition; /* (n) the mixture of known phases of the lowest energy, of the relaxed structure where there is one */
    int64_t *index; /* (n) place in the file, from 1 */
} sh_evaluation_rows;

void sh_evaluation_rows_csv(const sh_evaluation_rows *rows, FILE *out);
/* Datasets in the group /rows. */
sh_status sh_evaluation_rows_hdf5(const sh_evaluation_rows *rows, hid_t file);

#endif
