/* findings.h -- what a worker tells rank 0 of the records it drew: sums, kinds of crystals, and the few records that the replay wants.
 *
 * A record is hundreds of bytes and rank 0 has need of few: the others are told as sums, a shard at a time so that the rounding does
 * not depend on who has which. A worker knows the replay as it was an iteration ago, and what that does not want no later one will
 * (replay.h); it remembers which kinds of crystals it has told. So a message is a kilobyte once the replay is full of good crystals,
 * and rank 0 gets what it would have found itself. Messages are bytes as they lie in memory, as in exchange.h. */
#ifndef SH_TRAIN_FINDINGS_H
#define SH_TRAIN_FINDINGS_H

#include "train/replay.h"

/* Numbers that are there once each, ascending. */
typedef struct {
    uint64_t *value;
    int64_t n;
} sh_number_set;
void sh_number_set_destroy(sh_number_set *set);
/* Sorts and adds; what was new is left in numbers, ascending, and is as many as returned. */
int64_t sh_number_set_add(sh_number_set *set, uint64_t *numbers, int64_t n);

/* Sums over records, of the first shard, of a worker's, of all: sh_tally_add. */
typedef struct {
    double n, reward, best, term[SH_N_TERM];
    double e_form, n_e_form, negative; /* clamped to 10 eV/atom; how many had one; below zero */
    double valid, structure, sites, atoms;
    double reason[SH_N_REASON];
} sh_tally;
void sh_tally_add(sh_tally *sum, const sh_tally *more);

/* Formation energies of some records that stand for all of a shard, each for `weight` of them. */
typedef struct {
    double e_form, weight;
} sh_energy;
/* (n) sorts; NaN where there is none. */
double sh_energies_median(sh_energy *energy, int64_t n);

/* Whether a record is a mode (metrics, section 8): valid composition and structure, no distance below its pair's minimum, negative
 * formation energy. */
bool sh_record_is_mode(const sh_record *record);

/* ---- a worker's ---- */

typedef struct sh_findings sh_findings;

/* n_shard: of all workers. With few of them all energies are told, with many so many that rank 0 sorts some thousands. */
sh_findings *sh_findings_create(int32_t max_sites, int n_shard);
void sh_findings_destroy(sh_findings **findings);

void sh_findings_begin(sh_findings *findings);                                                           /* of an iteration */
void sh_findings_add(sh_findings *findings, const sh_replay *known, const sh_records *shard);            /* in the order of shards */
const char *sh_findings_message(const sh_findings *findings, int64_t *bytes);                            /* until the next begin */
int64_t sh_findings_most(int32_t max_sites, int n_shard, int64_t shards, int64_t n_record);               /* bytes of a message */

/* ---- rank 0's ---- */

/* What all messages of an iteration say together. */
typedef struct {
    sh_tally tally;
    double e_form_median;
    sh_number_set modes; /* that were not known */
    sh_records wanted;   /* in the order of trajectories, if messages come in the order of workers */
    sh_energy *energy;   /* (n_energy) until the median is taken */
    int64_t n_energy;
} sh_heard;

void sh_heard_create(int32_t max_sites, sh_heard *heard);
void sh_heard_destroy(sh_heard *heard);
void sh_heard_begin(sh_heard *heard);
void sh_heard_add(sh_heard *heard, const char *message, int64_t bytes);
void sh_heard_end(sh_heard *heard, const sh_number_set *known_modes);

#endif
