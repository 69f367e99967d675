#define _POSIX_C_SOURCE 200809L

#include "io/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "io/files.h"
#include "io/text.h"

enum { PATH_SIZE = 4096, SUM = 32, HEAD = 14 + 64 + 1, FILE_SIZE = 1 << 28, MAX_FILES = 1000000 }; /* beyond FILE_SIZE the next file is begun */
static const char head[] = "shaft journal ";
static const double SYNC_PAUSE_S = 5;

struct sh_journal {
    int fd, part, n_part;
    int64_t written; /* bytes of this file */
    double synced;
    char folder[PATH_SIZE - 32], job[65], path[PATH_SIZE];
    char *buffer;
    size_t capacity;
};

static sh_status append(sh_journal *j, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(j->fd, data + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return SH_FAIL(SH_EIO, "cannot write '%s': %s", j->path, strerror(n < 0 ? errno : EIO));
        at += (size_t)n;
        j->written += n;
    }
    return SH_OK;
}

/* The next file: the first of this process's numbers that none has taken. */
static sh_status begin_file(sh_journal *j)
{
    char line[HEAD + 1];
    j->written = 0;
    for (int k = j->part; k < MAX_FILES; k += j->n_part) {
        snprintf(j->path, sizeof j->path, "%s/%06d.rows", j->folder, k);
        j->fd = open(j->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
        if (j->fd >= 0 || errno != EEXIST) break;
    }
    if (j->fd < 0) return SH_FAIL(SH_EIO, "cannot create '%s': %s", j->path, strerror(errno));
    snprintf(line, sizeof line, "%s%-64s\n", head, j->job);
    return append(j, line, HEAD);
}

static sh_status sync_file(sh_journal *j)
{
    j->synced = sh_clock_s();
    return fdatasync(j->fd) && errno != EINVAL ? SH_FAIL(SH_EIO, "'%s' does not get onto the disk: %s", j->path, strerror(errno)) : SH_OK;
}

sh_status sh_journal_create(const char *folder, const char *job, int part, int n_part, sh_journal **out)
{
    *out = NULL;
    SH_TRY(sh_folder_make(folder));
    sh_journal *j = SH_NEW(sh_journal, 1);
    snprintf(j->folder, sizeof j->folder, "%s", folder);
    snprintf(j->job, sizeof j->job, "%s", job);
    j->part = part;
    j->n_part = n_part;
    j->synced = sh_clock_s();
    sh_status status = begin_file(j);
    if (status != SH_OK) {
        if (j->fd >= 0) close(j->fd);
        sh_free(j);
        return status;
    }
    *out = j;
    return SH_OK;
}

static void sum_of(const char *data, size_t size, char hex[65])
{
    sh_sha256 s;
    sh_sha256_begin(&s);
    sh_sha256_add(&s, data, size);
    sh_sha256_end(&s, hex);
}

sh_status sh_journal_add(sh_journal *j, const void *head_of_row, size_t n_head, const void *rest, size_t n_rest)
{
    uint64_t size = n_head + n_rest;
    char hex[65];
    if (sizeof size + size + SUM > j->capacity) {
        j->capacity = 2 * (sizeof size + size + SUM);
        j->buffer = sh_realloc(j->buffer, j->capacity);
    }
    char *at = j->buffer + sizeof size;
    memcpy(j->buffer, &size, sizeof size);
    memcpy(at, head_of_row, n_head);
    if (n_rest) memcpy(at + n_head, rest, n_rest);
    sum_of(at, size, hex);
    memcpy(at + size, hex, SUM);
    SH_TRY(append(j, j->buffer, sizeof size + size + SUM));
    if (sh_clock_s() - j->synced >= SYNC_PAUSE_S || j->written > FILE_SIZE) SH_TRY(sync_file(j));
    if (j->written <= FILE_SIZE) return SH_OK;
    close(j->fd);
    return begin_file(j);
}

sh_status sh_journal_close(sh_journal **journal)
{
    sh_journal *j = *journal;
    if (!j) return SH_OK;
    sh_status status = j->fd < 0 ? SH_OK : close(j->fd) ? SH_FAIL(SH_EIO, "cannot write '%s': %s", j->path, strerror(errno)) : SH_OK;
    sh_free(j->buffer);
    sh_free(j);
    *journal = NULL;
    return status;
}

/* ---- reading ---- */

typedef struct {
    const char *job;
    sh_journal_row take;
    void *user;
    int part, n_part;
    int64_t seen; /* files */
} reading;

static sh_status read_rows(const reading *r, const char *text, size_t size)
{
    char expected[HEAD + 1], hex[65];
    snprintf(expected, sizeof expected, "%s%-64s\n", head, r->job);
    if (size < HEAD) return SH_OK; /* killed in its first moment */
    if (memcmp(text, expected, HEAD)) return SH_FAIL(SH_EINPUT, "it is of another command, or of other files");
    for (size_t at = HEAD; size - at > sizeof(uint64_t);) {
        uint64_t length;
        memcpy(&length, text + at, sizeof length);
        at += sizeof length;
        if (length > size || size - at < length + SUM) break;
        sum_of(text + at, length, hex);
        if (memcmp(text + at + length, hex, SUM)) break;
        SH_TRY(r->take(r->user, text + at, length));
        at += length + SUM;
    }
    return SH_OK;
}

static bool is_rows(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && !strcmp(name + n - 5, ".rows");
}

static sh_status read_file(const char *folder, const char *name, void *user)
{
    reading *r = user;
    char path[PATH_SIZE], *text;
    size_t size;
    if (!is_rows(name) || r->seen++ % r->n_part != r->part) return SH_OK;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    SH_TRY(sh_text_read(path, &text, &size));
    sh_status status = read_rows(r, text, size);
    sh_free(text);
    return status == SH_OK ? SH_OK : sh_error_note(status, "while reading '%s'", path);
}

sh_status sh_journal_read(const char *folder, const char *job, int part, int n_part, sh_journal_row take, void *user)
{
    reading r = {.job = job, .take = take, .user = user, .part = part, .n_part = n_part};
    return sh_folder_visit(folder, read_file, &r);
}

static sh_status remove_file(const char *folder, const char *name, void *user)
{
    char path[PATH_SIZE];
    const bool *with_lock = user;
    if (!is_rows(name) && !(*with_lock && !strcmp(name, "lock"))) return SH_OK;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return unlink(path) ? SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno)) : SH_OK;
}

sh_status sh_journal_clear(const char *folder)
{
    bool with_lock = false;
    return sh_folder_visit(folder, remove_file, &with_lock);
}

sh_status sh_journal_open(const char *folder, const char *who, const char *output, bool anew, int *lock)
{
    SH_TRY(sh_folder_make(folder));
    SH_TRY(sh_folder_lock(folder, who, lock));
    if (!anew) return SH_OK;
    if (!access(output, F_OK) && unlink(output)) return SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", output, strerror(errno));
    return sh_journal_clear(folder);
}

sh_status sh_journal_remove(const char *folder)
{
    bool with_lock = true;
    SH_TRY(sh_folder_visit(folder, remove_file, &with_lock));
    if (rmdir(folder) && errno != ENOENT) return SH_FAIL(SH_EIO, "the folder '%s' cannot be removed: %s", folder, strerror(errno));
    return SH_OK;
}
