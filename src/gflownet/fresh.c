#include "gflownet/fresh.h"

#include "base/clock.h"

int sh_fresh_parts(const sh_constraints *constraints)
{
    return constraints->max_sites + 2; /* one a site, the lattice last, the rewards */
}

/* Adds what has passed since *at, when all of it is done. */
static void take_time(const sh_drawing *d, int part, double *at)
{
    if (!d->seconds) return;
    d->be->wait();
    double time = sh_clock_s();
    if (part >= 0) d->seconds[part] += time - *at;
    *at = time;
}

/* False: there was no room for something. */
static bool try_draw(const sh_drawing *d, uint64_t seed, uint64_t first_traj, int64_t n, const sh_exploration *exploration,
                     sh_records *records)
{
    const sh_space *space = sh_policy_space(d->policy);
    double at = 0;
    take_time(d, -1, &at);
    sh_arena_reset(d->arena);
    sh_workspace ws;
    sh_workspace_begin(&ws, d->be, d->arena);
    sh_workspace_plan(&ws, d->sizes);
    sh_record_list drawn = sh_records_begin(&ws, records, n);
    sh_sample_there(d->policy, &ws, seed, first_traj, exploration, &drawn);
    take_time(d, 0, &at);
    sh_workspace_part(&ws, sh_fresh_parts(space->constraints) - 1);
    sh_crystals crystals;
    sh_finished_crystals(space, &ws, &drawn, NULL, n, &crystals);
    sh_reward_result *results = SH_ROOM(&ws, sh_reward_result, n);
    sh_reward_evaluate(d->reward, &ws, &crystals, false, results);
    const sh_reward_record_args args = {.crystals = crystals,
                                        .kind_z = SH_ROOM(&ws, int32_t, crystals.n_site),
                                        .kind_count = SH_ROOM(&ws, int64_t, crystals.n_site),
                                        .results = results,
                                        .records = drawn};
    d->be->reward_record(&args, n);
    sh_records_fetch(&ws, &drawn, records);
    bool settled = sh_workspace_settle(&ws);
    take_time(d, 1, &at);
    return settled;
}

void sh_draw_fresh(const sh_drawing *drawing, uint64_t seed, uint64_t first_traj, int64_t n, const sh_exploration *exploration,
                   sh_records *records)
{
    while (!try_draw(drawing, seed, first_traj, n, exploration, records))
        continue;
}
