/* replay.h -- the best trajectories so far, one for each crystal, and the order in which they are drawn.
 *
 * A crystal is known by group, sites' elements, number of atoms, energy, density and bond score (rounded): another path
 * to the same crystal replaces the one held only if its reward is higher. Records at the floor are not kept. When the
 * buffer is full the lowest rewards go. Kept sorted by reward, ties by trajectory id, so that what is drawn depends on
 * the records alone and not on the order in which ranks delivered them. */
#ifndef SH_TRAIN_REPLAY_H
#define SH_TRAIN_REPLAY_H

#include <stdbool.h>

#include "gflownet/record.h"

typedef struct sh_replay sh_replay;

sh_replay *sh_replay_create(int32_t max_sites, int64_t capacity);
void sh_replay_destroy(sh_replay **replay);

int64_t sh_replay_count(const sh_replay *replay);
const sh_records *sh_replay_records(sh_replay *replay); /* all that is held, best first; a copy, borrowed until the next merge */

/* Copies what is new or better. taken (NULL: nobody asks): what came in is appended, best first. Merging that alone into another buffer
 * of the same contents makes the two equal again. */
void sh_replay_merge(sh_replay *replay, const sh_records *records, sh_records *taken);
/* Whether a record alone would come in. What a buffer does not want, it does not want later either. */
bool sh_replay_wants(const sh_replay *replay, const sh_record *record);

/* The draws first .. first + n - 1 of an iteration, appended to `out`: a share `uniform` of the draws over all that is held, the others
 * over the best tenth; with replacement. Random numbers are those of (seed, iteration). Nothing where the buffer is empty. */
void sh_replay_draw(const sh_replay *replay, uint64_t seed, uint64_t iteration, int64_t first, int64_t n, double uniform,
                    sh_records *out);

/* The identity that "one entry for each crystal" is about. */
uint64_t sh_record_key(const sh_record *record);

#endif
