#include "train/setup.h"

#include <stdio.h>
#include <string.h>

static sh_status make_reward(const sh_config *config, bool energies, sh_setup *s)
{
    char folder[4096], bonds[8192];
    SH_TRY(sh_groups_create(&s->groups));
    SH_TRY(sh_tables_folder(folder, sizeof folder));
    if (!strcmp(config->bond_table, "mp") || !strcmp(config->bond_table, "paper"))
        snprintf(bonds, sizeof bonds, "%s/bonds_%s.csv", folder, config->bond_table);
    else
        snprintf(bonds, sizeof bonds, "%s", config->bond_table);
    SH_TRY(sh_tables_create(folder, bonds, &s->tables));
    if (energies || config->reward.weight[SH_TERM_ENERGY] > 0) SH_TRY(sh_model_load(config->reward_model, &s->model));
    SH_TRY(sh_reward_create(&config->reward, s->tables, s->model.potential, &s->reward));
    if (config->reward.weight[SH_TERM_GAP] > 0) {
        SH_TRY(sh_model_load(config->gap_model, &s->gap_model));
        SH_TRY(sh_reward_use_gap_model(s->reward, s->gap_model.potential));
    }
    if (config->reward.weight[SH_TERM_PLUGIN] > 0) {
        SH_TRY(sh_plugin_open(config->plugin_library, config->plugin_function, &s->plugin));
        sh_reward_use_plugin(s->reward, s->plugin);
    }
    return SH_OK;
}

sh_status sh_setup_reward(const sh_config *config, bool energies, sh_setup *out)
{
    *out = (sh_setup){.config = config, .be = sh_backend_cpu()};
    sh_status status = make_reward(config, energies, out);
    if (status != SH_OK) sh_setup_destroy(out);
    if (status == SH_OK) out->arena = sh_arena_create(1 << 20);
    return status;
}

static sh_status make_policy(const sh_config *config, sh_setup *s)
{
    s->space = sh_space_of(s->groups, &config->constraints, config->policy.sites, config->policy.merge_tol);
    s->params = sh_params_create();
    SH_TRY(sh_policy_create(&config->policy, &s->space, s->params, &s->policy));
    sh_params_commit(s->params, (uint64_t)config->run.seed);
    sh_policy_start_values(s->policy, config->train.log_z);
    s->adam = sh_adam_create(s->params);
    sh_adam_set_factor(s->adam, sh_policy_log_z(s->policy), config->train.lr_log_z / config->train.lr);
    if (config->run.deterministic) return SH_OK; /* products round by their shape, and rooms depend on passes before */
    if (!s->plugin) s->draw_sizes = sh_sizes_create(sh_fresh_parts(&config->constraints)); /* crystals come to the host for a plugin */
    s->learn_sizes = sh_sizes_create(1);
    return SH_OK;
}

sh_status sh_setup_create(const sh_config *config, sh_setup *out)
{
    SH_TRY(sh_setup_reward(config, false, out));
    sh_status status = make_policy(config, out);
    if (status != SH_OK) sh_setup_destroy(out);
    return status;
}

void sh_setup_use(sh_setup *s, const sh_backend *be)
{
    if (s->params) { /* more than the reward alone */
        sh_params_use(s->params, be);
        sh_adam_use(s->adam, be);
        sh_space_use(&s->space, be);
    }
    if (s->model.potential) sh_potential_use(s->model.potential, be);
    if (s->gap_model.potential) sh_potential_use(s->gap_model.potential, be);
    sh_reward_use(s->reward, be);
    s->be = be;
}

void sh_setup_pull(const sh_setup *s)
{
    sh_mirror_pull(sh_params_data(s->params));
    sh_mirror_pull(sh_adam_first(s->adam));
    sh_mirror_pull(sh_adam_second(s->adam));
}

void sh_setup_push(const sh_setup *s)
{
    sh_mirror_push(sh_params_data(s->params));
    sh_mirror_push(sh_adam_first(s->adam));
    sh_mirror_push(sh_adam_second(s->adam));
}

void sh_setup_destroy(sh_setup *s)
{
    sh_arena_destroy(&s->arena);
    sh_sizes_destroy(&s->draw_sizes);
    sh_sizes_destroy(&s->learn_sizes);
    sh_adam_destroy(&s->adam);
    sh_policy_destroy(&s->policy);
    sh_params_destroy(&s->params);
    if (s->space.groups) sh_space_use(&s->space, sh_backend_cpu());
    sh_reward_destroy(&s->reward);
    sh_model_release(&s->model);
    sh_model_release(&s->gap_model);
    sh_plugin_close(&s->plugin);
    sh_tables_destroy(&s->tables);
    sh_groups_destroy(&s->groups);
}

void sh_setup_draw(const sh_setup *s, uint64_t seed, uint64_t first_traj, int64_t n, const sh_exploration *exploration,
                   sh_records *records)
{
    const sh_drawing drawing = {.policy = s->policy, .reward = s->reward, .be = s->be, .arena = s->arena, .seconds = s->draw_seconds,
                                .sizes = s->draw_sizes};
    sh_draw_fresh(&drawing, seed, first_traj, n, exploration, records);
}
