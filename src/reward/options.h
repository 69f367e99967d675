/* options.h -- what the reward depends on; plain data that kernels read too. */
#ifndef SH_REWARD_OPTIONS_H
#define SH_REWARD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "reward/result.h"
#include "reward/tables.h"

typedef struct {
    double weight[SH_N_TERM]; /* 0 switches a term off */
    double beta;              /* exponent: the target is R^beta */
    double r_min;             /* floor, 1e-5 */
    double log_floor;         /* beta log R is floored here, -30 */
    double density_mean, density_std; /* g/cm^3 */
    double gap_target, gap_width; /* eV */
    double guard_density[2];  /* g/cm^3; outside, E_f counts as +10 */
    int32_t guard_atoms;      /* fewer than this many */
    double guard_distance;    /* Å, 0.5 */
    double guard_energy;      /* eV/atom; below, no E_f is believed */
    int32_t max_atoms;        /* of constraints: more have the floor */
    bool wanted[SH_MAX_Z + 1]; /* by atomic number: crystals will hold these elements; none: nothing is known of that */
} sh_reward_options;

/* What kernels read beside the tables. */
typedef struct {
    sh_reward_options options;
    bool in_model[SH_MAX_Z + 1];     /* by atomic number: the model of energies knows this element; none where there is none */
    bool in_gap_model[SH_MAX_Z + 1]; /* likewise the one of band gaps */
} sh_reward_rules;

#endif
