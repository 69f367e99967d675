/* result.h -- what the reward says of one crystal. */
#ifndef SH_REWARD_RESULT_H
#define SH_REWARD_RESULT_H

#include <stdint.h>

/* The terms of the reward, in the order they are stored and printed. */
typedef enum { SH_TERM_ENERGY, SH_TERM_BOND, SH_TERM_DENSITY, SH_TERM_VALIDITY, SH_TERM_GAP, SH_TERM_PLUGIN, SH_N_TERM } sh_term;

/* Why something could not be computed. Those up to SH_REASON_NOT_FINITE give the floor to the whole reward; the guard's
 * reasons only count the formation energy as +10 eV/atom in its term. */
typedef enum {
    SH_REASON_NONE,
    SH_REASON_CELL,          /* no valid cell */
    SH_REASON_ATOMS,         /* more than max_atoms */
    SH_REASON_COINCIDENT,    /* a pair below 0.1 Å */
    SH_REASON_ELEMENT,       /* an element that a table or the model does not know */
    SH_REASON_NOT_FINITE,    /* a number that is not finite */
    SH_REASON_GUARD_DENSITY, /* outside the guard's density */
    SH_REASON_GUARD_ATOMS,   /* at least the guard's number of atoms */
    SH_REASON_GUARD_OVERLAP, /* a pair below 0.5 Å */
    SH_REASON_GUARD_ENERGY,  /* an energy that no crystal has: the potential is out of its depth */
    SH_N_REASON
} sh_reason;

const char *sh_reason_text(sh_reason reason); /* "more atoms than constraints.max_atoms" */
const char *sh_reason_key(sh_reason reason);  /* "max_atoms", for column names */
const char *sh_term_key(sh_term term);        /* "formation_energy", the key of the configuration */

typedef struct {
    double reward;          /* R, at least r_min; 0 where nothing was computed */
    double term[SH_N_TERM]; /* S of each term: in [0,1], energy in [1/e,e], a user's own as it comes; 0 where switched off or not computed */
    double e_total;         /* eV a cell, the model's own value; NaN where it was not computed */
    double e_form;          /* eV/atom, the model's own value, not clamped; NaN likewise */
    double bond;            /* the score B of metrics.md section 3 (canonical), NaN likewise */
    double density;         /* g/cm^3 */
    double band_gap;        /* eV, the model's own value; NaN where it was not computed */
    double min_dist;        /* Å, own images included; the cut-off of the search where nothing is closer */
    int32_t n_atom;         /* atoms of the cell */
    int32_t n_site;
    int32_t valid;          /* composition validity, 1 or 0 */
    int32_t bond_valid;     /* 1: every distance is at least d_min of its pair in the bond table */
    int32_t reason;         /* sh_reason, the first that applies */
    int32_t bond_missing;   /* kinds of pairs within 4 Å that the bond table does not have: no part of `bond` */
} sh_reward_result;

#endif
