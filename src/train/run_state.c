#include "train/run_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/files.h"
#include "reward/tables.h"

static void folder_of(const char *directory, char path[SH_PATH_SIZE + 16])
{
    snprintf(path, SH_PATH_SIZE + 16, "%s/checkpoints", directory);
}

static void parameter_name(const sh_setup *s, int64_t i, char name[256])
{
    snprintf(name, 256, "parameters/%s", sh_params_name(s->params, i));
}

static void put_records(sh_checkpoint *file, const char *name, const sh_records *r)
{
    const int64_t dims[2] = {r->n, (int64_t)r->stride};
    sh_checkpoint_put(file, name, SH_ARRAY_U8, 2, dims, r->data);
}

sh_checkpoint *sh_run_state_take(const sh_setup *s, const sh_coordinator_state *c, int64_t iteration)
{
    char *config = sh_config_text(s->config, false);
    sh_checkpoint *file = sh_checkpoint_create();
    sh_setup_pull(s);
    sh_checkpoint_put_text(file, "config", config);
    sh_free(config);
    sh_checkpoint_put_integer(file, "real_bytes", (int64_t)sizeof(sh_real));
    sh_checkpoint_put_integer(file, "iteration", iteration);
    sh_checkpoint_put_integer(file, "visited", c->n_visited);
    sh_checkpoint_put_number(file, "best_reward", c->best_reward);
    for (int64_t i = 0; i < sh_params_n_tensor(s->params); i++) {
        const sh_tensor *t = sh_params_tensor(s->params, i);
        const int64_t dims[2] = {t->rows, t->cols};
        char name[256];
        parameter_name(s, i, name);
        sh_checkpoint_put(file, name, SH_ARRAY_REAL, 2, dims, sh_params_values(s->params, t));
    }
    const int64_t size = sh_params_size(s->params), numbers = SH_REPORT_KEPT, tallied = sizeof(sh_tally) / sizeof(double);
    sh_checkpoint_put(file, "adam/first", SH_ARRAY_REAL, 1, &size, sh_adam_first(s->adam)->host);
    sh_checkpoint_put(file, "adam/second", SH_ARRAY_REAL, 1, &size, sh_adam_second(s->adam)->host);
    sh_checkpoint_put_integer(file, "adam/steps", sh_adam_steps(s->adam));
    sh_checkpoint_put(file, "modes", SH_ARRAY_U64, 1, &c->modes.n, c->modes.value);
    put_records(file, "replay/held", sh_replay_records(c->replay));
    sh_checkpoint_put_integer(file, "pending/there", c->has_pending);
    put_records(file, "pending/wanted", &c->pending.wanted);
    sh_checkpoint_put(file, "pending/modes", SH_ARRAY_U64, 1, &c->pending.modes.n, c->pending.modes.value);
    sh_checkpoint_put(file, "pending/tally", SH_ARRAY_F64, 1, &tallied, &c->pending.tally);
    sh_checkpoint_put_number(file, "pending/e_form_median", c->pending.e_form_median);
    sh_checkpoint_put(file, "pending/report", SH_ARRAY_F64, 1, &numbers, &c->pending_report);
    sh_checkpoint_own(file);
    return file;
}

sh_status sh_run_state_write(const sh_checkpoint *file, const sh_config *config, int64_t iteration)
{
    char folder[SH_PATH_SIZE + 16];
    folder_of(config->run.directory, folder);
    return sh_checkpoint_write(file, folder, iteration, config->run.keep_checkpoints);
}

static sh_status read_parameters(const sh_checkpoint *file, const sh_setup *s)
{
    int64_t steps, bytes, size = sh_params_size(s->params);
    SH_TRY(sh_checkpoint_integer(file, "real_bytes", &bytes));
    if (bytes != (int64_t)sizeof(sh_real))
        return SH_FAIL(SH_EINPUT, "the checkpoint was written by a build with numbers of %lld bytes, this one has %d",
                       (long long)bytes, (int)sizeof(sh_real));
    for (int64_t i = 0; i < sh_params_n_tensor(s->params); i++) {
        const sh_tensor *t = sh_params_tensor(s->params, i);
        const int64_t dims[2] = {t->rows, t->cols};
        char name[256];
        parameter_name(s, i, name);
        SH_TRY(sh_checkpoint_copy(file, name, SH_ARRAY_REAL, 2, dims, sh_params_values(s->params, t)));
    }
    SH_TRY(sh_checkpoint_copy(file, "adam/first", SH_ARRAY_REAL, 1, &size, sh_adam_first(s->adam)->host));
    SH_TRY(sh_checkpoint_copy(file, "adam/second", SH_ARRAY_REAL, 1, &size, sh_adam_second(s->adam)->host));
    SH_TRY(sh_checkpoint_integer(file, "adam/steps", &steps));
    sh_adam_set_steps(s->adam, steps);
    sh_setup_push(s);
    return SH_OK;
}

static sh_status read_records(const sh_checkpoint *file, const char *name, sh_records *r)
{
    int64_t dims[2] = {-1, (int64_t)r->stride};
    const void *data;
    SH_TRY(sh_checkpoint_array(file, name, SH_ARRAY_U8, 2, dims, &data));
    sh_records_resize(r, dims[0]);
    return sh_checkpoint_copy(file, name, SH_ARRAY_U8, 2, dims, r->data);
}

static sh_status read_numbers(const sh_checkpoint *file, const char *name, sh_number_set *set)
{
    int64_t n = -1;
    const void *data;
    SH_TRY(sh_checkpoint_array(file, name, SH_ARRAY_U64, 1, &n, &data));
    set->value = sh_realloc(set->value, (size_t)n * sizeof *set->value);
    set->n = n;
    return sh_checkpoint_copy(file, name, SH_ARRAY_U64, 1, &n, set->value);
}

static sh_status read_pending(const sh_checkpoint *file, sh_coordinator_state *c)
{
    int64_t there, numbers = SH_REPORT_KEPT, tallied = sizeof(sh_tally) / sizeof(double);
    SH_TRY(sh_checkpoint_integer(file, "pending/there", &there));
    c->has_pending = there != 0;
    SH_TRY(read_records(file, "pending/wanted", &c->pending.wanted));
    SH_TRY(read_numbers(file, "pending/modes", &c->pending.modes));
    SH_TRY(sh_checkpoint_copy(file, "pending/tally", SH_ARRAY_F64, 1, &tallied, &c->pending.tally));
    SH_TRY(sh_checkpoint_number(file, "pending/e_form_median", &c->pending.e_form_median));
    return sh_checkpoint_copy(file, "pending/report", SH_ARRAY_F64, 1, &numbers, &c->pending_report);
}

static sh_status read_state(const sh_checkpoint *file, sh_coordinator_state *c)
{
    sh_records held;
    SH_TRY(sh_checkpoint_integer(file, "visited", &c->n_visited));
    SH_TRY(sh_checkpoint_number(file, "best_reward", &c->best_reward));
    SH_TRY(read_numbers(file, "modes", &c->modes));
    sh_status status = read_pending(file, c);
    if (status != SH_OK)
        return sh_error_hint(status, "a run of an earlier version of shaft cannot be gone on with, but its policy can: "
                                     "--init, or shaft sample");
    sh_records_create(&held, c->came_in.max_sites, 1);
    status = read_records(file, "replay/held", &held);
    if (status == SH_OK) sh_replay_merge(c->replay, &held, NULL);
    sh_records_destroy(&held);
    return status;
}

static sh_status find(const char *directory, bool warn, sh_checkpoint **file, int64_t *iteration)
{
    char folder[SH_PATH_SIZE + 16];
    folder_of(directory, folder);
    return sh_checkpoint_find(folder, warn, file, iteration);
}

sh_status sh_run_state_clean(const char *directory)
{
    char folder[SH_PATH_SIZE + 16];
    folder_of(directory, folder);
    return sh_folder_clean(folder);
}

sh_status sh_run_state_read(const char *directory, const sh_setup *setup, sh_coordinator_state *state,
                            int64_t *iteration)
{
    sh_checkpoint *file;
    SH_TRY(find(directory, false, &file, iteration)); /* who wanted the configuration has been warned */
    if (!file) return SH_FAIL(SH_EINPUT, "there is no checkpoint in '%s/checkpoints'", directory);
    sh_status status = read_parameters(file, setup);
    if (status == SH_OK && state) status = read_state(file, state);
    sh_checkpoint_destroy(&file);
    return status == SH_OK ? SH_OK
                           : sh_error_note(status, "while reading checkpoint %06lld of '%s'", (long long)*iteration, directory);
}

/* The tensor's numbers of a checkpoint, by column where `column` (cols of the tensor; -1: not there) says which. */
static bool take_over(const sh_checkpoint *file, const char *name, const sh_tensor *t, const int32_t *column, sh_real *to)
{
    int64_t dims[2] = {t->rows, column ? -1 : t->cols};
    const void *data;
    if (sh_checkpoint_array(file, name, SH_ARRAY_REAL, 2, dims, &data) != SH_OK) {
        sh_error_clear(); /* not there, or of another shape */
        return false;
    }
    const sh_real *from = data;
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t c = 0; c < t->cols; c++)
            if (!column || column[c] >= 0) to[r * t->cols + c] = from[r * dims[1] + (column ? column[c] : c)];
    return true;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

static sh_status take_parameters(const sh_checkpoint *file, const sh_setup *s, int64_t *taken, int64_t *all)
{
    const char *text;
    sh_config *before = SH_NEW(sh_config, 1);
    int32_t column[SH_MAX_ELEMENTS];
    sh_status status = sh_checkpoint_text(file, "config", &text);
    if (status == SH_OK) status = sh_config_parse("the checkpoint", text, strlen(text), NULL, 0, NULL, before);
    const sh_constraints *now = &s->config->constraints, *then = &before->constraints;
    char anew[SH_MAX_ELEMENTS * 4] = "";
    for (int32_t i = 0; i < now->n_element; i++) {
        column[i] = -1;
        for (int32_t k = 0; k < then->n_element; k++)
            if (then->element[k] == now->element[i]) column[i] = k;
        size_t used = strlen(anew);
        if (column[i] < 0) snprintf(anew + used, sizeof anew - used, "%s%s", used ? ", " : "", sh_element_symbol(now->element[i]));
    }
    if (status == SH_OK && anew[0]) sh_log_info("not in the other run, so without start values: %s", anew);
    *taken = *all = 0;
    for (int64_t i = 0; status == SH_OK && i < sh_params_n_tensor(s->params); i++) {
        const sh_tensor *t = sh_params_tensor(s->params, i);
        char name[256];
        parameter_name(s, i, name);
        if (t == sh_policy_log_z(s->policy)) continue;
        bool by_element = ends_with(name, "pf.element.1.w") || ends_with(name, "pf.element.1.b");
        *taken += take_over(file, name, t, by_element ? column : NULL, sh_params_values(s->params, t));
        ++*all;
    }
    sh_free(before);
    sh_setup_push(s);
    if (status == SH_OK && !*taken)
        status = sh_error_hint(SH_FAIL(SH_EINPUT, "no tensor of the checkpoint fits this policy"),
                               "policy.* must be as in the run it comes from");
    return status;
}

sh_status sh_run_state_init(const char *path, const sh_setup *s, int64_t *taken, int64_t *all)
{
    sh_checkpoint *file = NULL;
    int64_t iteration;
    sh_status status = ends_with(path, ".h5") ? sh_checkpoint_read(path, &file) : find(path, true, &file, &iteration);
    if (status == SH_OK && !file) status = SH_FAIL(SH_EINPUT, "there is no checkpoint in '%s/checkpoints'", path);
    if (status == SH_EIO) status = SH_EINPUT; /* the file is the user's choice */
    if (status == SH_OK) status = take_parameters(file, s, taken, all);
    sh_checkpoint_destroy(&file);
    if (status == SH_OK) return SH_OK;
    sh_error_note(status, "start values (--init) from '%s'", path);
    return sh_error_hint(status, "name the folder of a run, or one of its checkpoints, RUN/checkpoints/NNNNNN.h5");
}

sh_status sh_run_state_config(const char *directory, char **text)
{
    sh_checkpoint *file;
    int64_t iteration;
    const char *stored;
    *text = NULL;
    SH_TRY(find(directory, true, &file, &iteration));
    if (!file) return SH_OK;
    sh_status status = sh_checkpoint_text(file, "config", &stored);
    if (status == SH_OK) *text = sh_strdup(stored);
    sh_checkpoint_destroy(&file);
    return status;
}
