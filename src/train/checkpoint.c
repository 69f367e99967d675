#define _POSIX_C_SOURCE 200809L

#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/h5.h"

enum { FORMAT = 1, NAME_SIZE = SH_PATH_SIZE + 64 };

#ifdef SH_F64
#define REAL H5T_NATIVE_DOUBLE
#else
#define REAL H5T_NATIVE_FLOAT
#endif

static void folder_of(const char *directory, char *path)
{
    snprintf(path, NAME_SIZE, "%s/checkpoints", directory);
}

static void file_of(const char *directory, int64_t iteration, const char *tail, char *path)
{
    snprintf(path, NAME_SIZE, "%s/checkpoints/%06lld%s", directory, (long long)iteration, tail);
}

/* Iterations of the checkpoints in the folder, ascending; the caller frees. Leftovers of a writer that was killed go. */
static int64_t list(const char *directory, bool clean, int64_t **out)
{
    char folder[NAME_SIZE];
    folder_of(directory, folder);
    DIR *dir = opendir(folder);
    int64_t n = 0, *found = NULL;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        char *end, path[2 * NAME_SIZE];
        long long iteration = strtoll(entry->d_name, &end, 10);
        if (end == entry->d_name) continue;
        if (!strcmp(end, ".part") && clean) {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            remove(path);
        }
        if (strcmp(end, ".h5")) continue;
        found = sh_realloc(found, (size_t)(n + 1) * sizeof *found);
        int64_t at = n++;
        for (; at > 0 && found[at - 1] > iteration; at--)
            found[at] = found[at - 1];
        found[at] = iteration;
    }
    if (dir) closedir(dir);
    *out = found;
    return n;
}

bool sh_checkpoint_exists(const char *directory)
{
    int64_t *found, n = list(directory, false, &found);
    sh_free(found);
    return n > 0;
}

/* ---- writing ---- */

static sh_status write_records(hid_t file, const char *name, const sh_records *r)
{
    const hsize_t dims[2] = {(hsize_t)r->n, r->stride};
    return sh_h5_write(file, name, H5T_NATIVE_UINT8, 2, dims, r->data);
}

static sh_status write_state(hid_t file, const sh_setup *s, const sh_coordinator_state *c, int64_t iteration)
{
    const int64_t format = FORMAT, steps = sh_adam_steps(s->adam), max_sites = s->config->constraints.max_sites,
                  pending = c->has_pending, bytes = (int64_t)sizeof(sh_real);
    char *config = sh_config_text(s->config, false);
    sh_status status = sh_h5_write_text(file, "/", "config", config);
    sh_free(config);
    SH_TRY(status);
    SH_TRY(sh_h5_write_attr(file, "/", "format", H5T_NATIVE_INT64, &format));
    SH_TRY(sh_h5_write_attr(file, "/", "real_bytes", H5T_NATIVE_INT64, &bytes));
    SH_TRY(sh_h5_write_attr(file, "/", "iteration", H5T_NATIVE_INT64, &iteration));
    SH_TRY(sh_h5_write_attr(file, "/", "adam_steps", H5T_NATIVE_INT64, &steps));
    SH_TRY(sh_h5_write_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &max_sites));
    SH_TRY(sh_h5_write_attr(file, "/", "visited", H5T_NATIVE_INT64, &c->n_visited));
    SH_TRY(sh_h5_write_attr(file, "/", "best_reward", H5T_NATIVE_DOUBLE, &c->best_reward));
    SH_TRY(sh_h5_write_attr(file, "/", "has_pending", H5T_NATIVE_INT64, &pending));
    for (int64_t i = 0; i < sh_params_n_tensor(s->params); i++) {
        const sh_tensor *t = sh_params_tensor(s->params, i);
        const hsize_t dims[2] = {(hsize_t)t->rows, (hsize_t)t->cols};
        char name[256];
        snprintf(name, sizeof name, "parameters/%s", sh_params_name(s->params, i));
        SH_TRY(sh_h5_write(file, name, REAL, 2, dims, t->data));
    }
    const hsize_t size = (hsize_t)sh_params_size(s->params), modes = (hsize_t)c->n_mode, numbers = SH_REPORT_NUMBERS;
    SH_TRY(sh_h5_write(file, "adam/first", REAL, 1, &size, sh_adam_first(s->adam)));
    SH_TRY(sh_h5_write(file, "adam/second", REAL, 1, &size, sh_adam_second(s->adam)));
    SH_TRY(sh_h5_write(file, "modes", H5T_NATIVE_UINT64, 1, &modes, c->modes));
    SH_TRY(write_records(file, "replay/held", sh_replay_records(c->replay)));
    SH_TRY(write_records(file, "replay/next", &c->next_replay));
    SH_TRY(write_records(file, "pending/records", &c->pending));
    return sh_h5_write(file, "pending/report", H5T_NATIVE_DOUBLE, 1, &numbers, &c->pending_report);
}

/* The bytes of a file or the entries of a folder are on the disk when this returns. */
static sh_status sync_path(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fsync(fd)) {
        sh_status status = SH_FAIL(SH_EIO, "cannot flush '%s': %s", path, strerror(errno));
        if (fd >= 0) close(fd);
        return status;
    }
    close(fd);
    return SH_OK;
}

static sh_status verify(const char *path);

sh_status sh_checkpoint_write(const char *directory, const sh_setup *setup, const sh_coordinator_state *state,
                              int64_t iteration)
{
    char part[NAME_SIZE], path[NAME_SIZE], folder[NAME_SIZE];
    folder_of(directory, folder);
    if (mkdir(folder, 0777) && errno != EEXIST)
        return SH_FAIL(SH_EIO, "cannot make folder '%s': %s", folder, strerror(errno));
    file_of(directory, iteration, ".part", part);
    file_of(directory, iteration, ".h5", path);
    hid_t file;
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = write_state(file, setup, state, iteration);
    if (H5Fclose(file) < 0 && status == SH_OK) status = sh_h5_fail("cannot finish '%s'", part);
    if (status == SH_OK) status = sync_path(part);
    if (status == SH_OK) status = verify(part);
    if (status == SH_OK && rename(part, path)) status = SH_FAIL(SH_EIO, "cannot rename '%s': %s", part, strerror(errno));
    if (status != SH_OK) {
        remove(part);
        sh_error_note(status, "while writing checkpoint '%s'", path);
        return sh_error_hint(status, "is the disk full? What was written before is unharmed: --resume goes on from there");
    }
    SH_TRY(sync_path(folder));
    int64_t *found, n = list(directory, false, &found);
    for (int64_t i = 0; i < n - setup->config->run.keep_checkpoints; i++) {
        file_of(directory, found[i], ".h5", path);
        remove(path);
    }
    sh_free(found);
    return SH_OK;
}

/* ---- reading ---- */

static sh_status read_records(hid_t file, const char *name, size_t stride, sh_records *r)
{
    int rank;
    hsize_t dims[4];
    SH_TRY(sh_h5_dims(file, name, &rank, dims));
    if (rank != 2 || dims[1] != stride || dims[0] > 100000000)
        return SH_FAIL(SH_EINPUT, "dataset '%s' holds records of another size", name);
    sh_records_resize(r, (int64_t)dims[0]);
    return sh_h5_read(file, name, H5T_NATIVE_UINT8, 2, dims, r->data);
}

static sh_status read_parameters(hid_t file, const sh_setup *s)
{
    int64_t steps;
    for (int64_t i = 0; i < sh_params_n_tensor(s->params); i++) {
        sh_tensor *t = sh_params_tensor(s->params, i);
        const hsize_t dims[2] = {(hsize_t)t->rows, (hsize_t)t->cols};
        char name[256];
        snprintf(name, sizeof name, "parameters/%s", sh_params_name(s->params, i));
        SH_TRY(sh_h5_read(file, name, REAL, 2, dims, t->data));
    }
    const hsize_t size = (hsize_t)sh_params_size(s->params);
    SH_TRY(sh_h5_read(file, "adam/first", REAL, 1, &size, sh_adam_first(s->adam)));
    SH_TRY(sh_h5_read(file, "adam/second", REAL, 1, &size, sh_adam_second(s->adam)));
    SH_TRY(sh_h5_read_attr(file, "/", "adam_steps", H5T_NATIVE_INT64, &steps));
    sh_adam_set_steps(s->adam, steps);
    return SH_OK;
}

static sh_status read_state(hid_t file, sh_coordinator_state *c)
{
    int rank;
    int64_t pending;
    size_t stride = c->next_replay.stride;
    hsize_t dims[4];
    const hsize_t numbers = SH_REPORT_NUMBERS;
    sh_records held;
    SH_TRY(sh_h5_read_attr(file, "/", "visited", H5T_NATIVE_INT64, &c->n_visited));
    SH_TRY(sh_h5_read_attr(file, "/", "best_reward", H5T_NATIVE_DOUBLE, &c->best_reward));
    SH_TRY(sh_h5_read_attr(file, "/", "has_pending", H5T_NATIVE_INT64, &pending));
    c->has_pending = pending != 0;
    SH_TRY(sh_h5_dims(file, "modes", &rank, dims));
    if (rank != 1) return SH_FAIL(SH_EINPUT, "dataset 'modes' has %d dimensions", rank);
    c->n_mode = (int64_t)dims[0];
    c->modes = sh_realloc(c->modes, (size_t)c->n_mode * sizeof *c->modes);
    SH_TRY(sh_h5_read(file, "modes", H5T_NATIVE_UINT64, 1, dims, c->modes));
    SH_TRY(read_records(file, "replay/next", stride, &c->next_replay));
    SH_TRY(read_records(file, "pending/records", stride, &c->pending));
    SH_TRY(sh_h5_read(file, "pending/report", H5T_NATIVE_DOUBLE, 1, &numbers, &c->pending_report));
    sh_records_create(&held, c->next_replay.max_sites, 1);
    sh_status status = read_records(file, "replay/held", stride, &held);
    if (status == SH_OK) sh_replay_merge(c->replay, &held);
    sh_records_destroy(&held);
    return status;
}

static herr_t read_any(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
    (void)info;
    sh_status *status = context;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) {
        *status = sh_h5_fail("cannot open '%s'", name);
        return -1;
    }
    if (H5Iget_type(object) == H5I_DATASET) {
        hid_t type = H5Dget_type(object), space = H5Dget_space(object);
        hssize_t points = H5Sget_simple_extent_npoints(space);
        void *data = sh_alloc((size_t)(points > 0 ? points : 0) * H5Tget_size(type));
        if (points > 0 && H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
            *status = sh_h5_fail("dataset '%s' does not verify", name);
        sh_free(data);
        H5Sclose(space);
        H5Tclose(type);
    }
    H5Oclose(object);
    return *status == SH_OK ? 0 : -1;
}

/* Reads everything once: the checksums of all chunks are compared on the way. */
static sh_status verify(const char *path)
{
    hid_t file;
    int64_t format = 0;
    SH_TRY(sh_h5_open(path, &file));
    sh_status status = sh_h5_read_attr(file, "/", "format", H5T_NATIVE_INT64, &format);
    if (status == SH_OK && format != FORMAT)
        status = SH_FAIL(SH_EINPUT, "checkpoint format %lld is not known to this version", (long long)format);
    if (status == SH_OK) H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, read_any, &status);
    H5Fclose(file);
    return status == SH_OK ? SH_OK : sh_error_note(status, "in '%s'", path);
}

/* The newest that verifies, opened. */
static sh_status open_newest(const char *directory, bool clean, hid_t *file, int64_t *iteration)
{
    int64_t *found, n = list(directory, clean, &found);
    char path[NAME_SIZE];
    sh_status status = SH_OK;
    for (int64_t i = n - 1; i >= 0; i--) {
        file_of(directory, found[i], ".h5", path);
        status = verify(path);
        if (status == SH_OK) {
            *iteration = found[i];
            sh_free(found);
            return sh_h5_open(path, file);
        }
        sh_log_warn("checkpoint skipped: %s", sh_error_message());
    }
    sh_free(found);
    if (n == 0) return SH_FAIL(SH_EINPUT, "there is no checkpoint in '%s/checkpoints'", directory);
    return SH_FAIL(SH_EIO, "none of the %lld checkpoints in '%s/checkpoints' verifies", (long long)n, directory);
}

static sh_status check_kind(hid_t file)
{
    int64_t bytes;
    SH_TRY(sh_h5_read_attr(file, "/", "real_bytes", H5T_NATIVE_INT64, &bytes));
    if (bytes != (int64_t)sizeof(sh_real))
        return SH_FAIL(SH_EINPUT, "the checkpoint was written by a build with numbers of %lld bytes, this one has %d",
                       (long long)bytes, (int)sizeof(sh_real));
    return SH_OK;
}

sh_status sh_checkpoint_read(const char *directory, const sh_setup *setup, sh_coordinator_state *state,
                             int64_t *iteration)
{
    hid_t file;
    SH_TRY(open_newest(directory, state != NULL, &file, iteration));
    sh_status status = check_kind(file);
    if (status == SH_OK) status = read_parameters(file, setup);
    if (status == SH_OK && state) status = read_state(file, state);
    H5Fclose(file);
    return status == SH_OK ? SH_OK
                           : sh_error_note(status, "while reading checkpoint %06lld of '%s'", (long long)*iteration, directory);
}

sh_status sh_checkpoint_config(const char *directory, char **text)
{
    hid_t file;
    int64_t iteration;
    *text = NULL;
    SH_TRY(open_newest(directory, false, &file, &iteration));
    sh_status status = sh_h5_read_text(file, "/", "config", text);
    H5Fclose(file);
    return status;
}
