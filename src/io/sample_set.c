#include "io/sample_set.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "crystal/wyckoff.h"
#include "io/samples.h"

static sh_status check_records(const sh_sample_set *set)
{
    const int32_t *start = set->groups->wyckoffs->start;
    for (int64_t i = 0; i < set->records.n; i++) {
        const sh_record *r = sh_record_at(&set->records, i);
        int32_t group = r->step[r->n_step - 1].sg_number - 1, n_position = start[group + 1] - start[group];
        for (int32_t t = 0; t < r->n_step; t++) {
            const sh_step *step = &r->step[t];
            bool finite = true;
            for (int k = 0; k < 6; k++)
                finite = finite && isfinite(step->y[k]);
            for (int k = 0; k < 3; k++)
                finite = finite && isfinite(step->frac[k]) && fabs(step->frac[k]) <= 1;
            if (!finite) return SH_FAIL(SH_EINPUT, "row %lld has a lattice or a position that is no number", (long long)i);
            if (step->elem_index >= set->config.constraints.n_element)
                return SH_FAIL(SH_EINPUT, "row %lld has an element that is not in the configuration", (long long)i);
            if (set->config.policy.sites == SH_SITES_WYCKOFF && (step->wyckoff < 0 || step->wyckoff >= n_position))
                return SH_FAIL(SH_EINPUT, "row %lld has a Wyckoff position that its space group lacks", (long long)i);
        }
    }
    return SH_OK;
}

sh_status sh_sample_set_read(const char *path, sh_sample_set *out)
{
    char *config;
    *out = (sh_sample_set){0};
    SH_TRY(sh_samples_read(path, &out->records, &config));
    sh_status status = sh_config_parse("the configuration kept with the samples", config, strlen(config), NULL, 0, NULL,
                                       &out->config);
    sh_free(config);
    if (status == SH_OK) status = sh_groups_create(&out->groups);
    if (status == SH_OK) status = check_records(out);
    if (status != SH_OK) {
        sh_sample_set_destroy(out);
        return sh_error_note(status, "while reading samples '%s'", path);
    }
    out->space = sh_space_of(out->groups, &out->config.constraints, out->config.policy.sites, out->config.policy.merge_tol);
    return SH_OK;
}

sh_status sh_sample_set_replace(sh_sample_set *set, const char *path)
{
    char *config;
    sh_records records;
    SH_TRY(sh_samples_read(path, &records, &config));
    sh_free(config);
    bool same = records.max_sites == set->records.max_sites;
    sh_records_destroy(&set->records);
    set->records = records;
    sh_status status = same ? check_records(set) : SH_FAIL(SH_EINPUT, "it has another number of sites than the file before");
    if (status == SH_OK) return SH_OK;
    sh_records_resize(&set->records, 0);
    return sh_error_note(status, "while reading samples '%s'", path);
}

void sh_sample_set_destroy(sh_sample_set *set)
{
    sh_groups_destroy(&set->groups);
    if (set->records.data) sh_records_destroy(&set->records);
    *set = (sh_sample_set){0};
}

const char *sh_reward_model_of(const sh_config *config)
{
    return config->reward.weight[SH_TERM_ENERGY] > 0 ? config->reward_model : SH_NO_REWARD_MODEL;
}

void sh_sample_set_collect(const char *path, sh_structures *out)
{
    sh_sample_set *set = sh_alloc(sizeof *set);
    if (sh_sample_set_read(path, set) != SH_OK) {
        sh_structures_add_error(out);
        sh_free(set);
        return;
    }
    if (!set->records.n) {
        SH_FAIL(SH_EINPUT, "%s: no samples in it", path);
        sh_structures_add_error(out);
    }
    sh_arena *arena = sh_arena_create(1 << 16);
    for (int64_t i = 0; i < set->records.n; i++) {
        const sh_record *record = sh_record_at(&set->records, i);
        sh_crystals crystal;
        sh_structure s;
        char name[48];
        sh_arena_reset(arena);
        sh_record_crystal(&set->space, record, arena, &crystal);
        sh_structure_from_crystal(&crystal, 0, &s);
        snprintf(name, sizeof name, "trajectory %llu", (unsigned long long)record->traj);
        s.name = sh_strdup(name);
        s.reward = record->result.reward;
        s.reward_model = sh_strdup(sh_reward_model_of(&set->config));
        sh_structures_add(out, &s);
    }
    sh_arena_destroy(&arena);
    sh_sample_set_destroy(set);
    sh_free(set);
}
