/* replay.h -- the best trajectories so far, one for each crystal, and the order in which they are drawn.
 *
 * A crystal is known by group, sites' elements, number of atoms, energy, density and bond score (rounded): another path
 * to the same crystal replaces the one held only if its reward is higher. Records at the floor are not kept. When the
 * buffer is full the lowest rewards go. Kept sorted by reward, ties by trajectory id, so that what is drawn depends on
 * the records alone and not on the order in which ranks delivered them. */
#ifndef SH_TRAIN_REPLAY_H
#define SH_TRAIN_REPLAY_H

#include "gflownet/record.h"

typedef struct sh_replay sh_replay;

sh_replay *sh_replay_create(int32_t max_sites, int64_t capacity);
void sh_replay_destroy(sh_replay **replay);

const sh_records *sh_replay_records(const sh_replay *replay); /* all that is held, best first; borrowed */

/* Copies what is new or better. */
void sh_replay_merge(sh_replay *replay, const sh_records *records);

/* Appends n records to `out`: a share `uniform` of the draws over all that is held, the others over the best tenth; with
 * replacement. Random numbers are those of (seed, iteration). Nothing where the buffer is empty. */
void sh_replay_draw(const sh_replay *replay, uint64_t seed, uint64_t iteration, int64_t n, double uniform,
                    sh_records *out);

/* The identity that "one entry for each crystal" is about. */
uint64_t sh_record_key(const sh_record *record);

#endif
