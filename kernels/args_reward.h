/* args_reward.h -- the arguments of the kernels of the terms of the reward; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_REWARD_H
#define SH_KERNEL_ARGS_REWARD_H

#include <stdint.h>

#include "crystal/crystal.h"
#include "crystal/graph.h"
#include "gflownet/record.h"
#include "reward/options.h"
#include "reward/tables.h"

/* What needs no neighbours: counts, density, composition. Begins the results; one item a crystal. */
typedef struct {
    const sh_reward_rules *rules;
    const sh_tables *tables;
    sh_crystals crystals;
    int32_t *kind_z;           /* (S) scratch of composition.h, by the sites of a crystal */
    int64_t *kind_count;       /* (S) */
    uint64_t *charges;         /* scratch of validity.h for the batch */
    sh_reward_result *results; /* (C) */
    int32_t *left_out;         /* (C) 0: goes on to the graph; 1: no cell, or the floor and nobody asks for more */
    bool outside_guard;
} sh_reward_look_args;

/* A list of crystals in a room for all of them: the first start[1] stay, the rest become -1; one item a place. */
typedef struct {
    const int64_t *start;
    int64_t *list; /* (C) */
} sh_reward_list_args;

/* What the neighbours say: distances, bonds, guards. One item a crystal of those that went on: the k-th is index[k] of the
 * results, -1: none. */
typedef struct {
    const sh_reward_rules *rules;
    const sh_tables *tables;
    sh_crystals crystals;
    sh_graph graph;
    const int64_t *index; /* (C) */
    int64_t *next;        /* (S) scratch of bond.h */
    sh_reward_result *results;
    int32_t *no_energy;   /* (C) 0: the model of energies is to be asked */
    int32_t *is_floor;    /* (C) 1: it has the floor, and nothing more is asked */
    bool outside_guard;
} sh_reward_judge_args;

/* Predictions into the results, and the sum of the terms; one item a crystal, as above. */
typedef struct {
    const sh_reward_rules *rules;
    const int64_t *index;           /* (C) */
    const int32_t *no_energy;       /* (C) */
    const double *e_total, *e_form; /* (C) read where no_energy is 0; NULL: nobody asked */
    const double *gap, *score;      /* (C) of those without the floor: band gap, the user's score; each NULL where it is no term */
    sh_reward_result *results;
    bool outside_guard;
} sh_reward_sum_args;

/* The results into the records, with the hash of the formula where all its elements are ones; one item a record. */
typedef struct {
    sh_crystals crystals; /* of the records, in their order */
    int32_t *kind_z;      /* (S) scratch, as above */
    int64_t *kind_count;
    const sh_reward_result *results;
    sh_record_list records;
} sh_reward_record_args;

#endif
