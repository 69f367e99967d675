#define _POSIX_C_SOURCE 200809L

#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum { PATH_SIZE = 4096 };

sh_status sh_folder_make(const char *path)
{
    char part[PATH_SIZE];
    if (snprintf(part, sizeof part, "%s", path) >= PATH_SIZE) return SH_FAIL(SH_EIO, "the path '%s' is too long", path);
    for (char *slash = strchr(part + 1, '/'); ; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = '\0';
        struct stat info;
        int failed = mkdir(part, 0777) ? errno : 0;
        if (failed && failed != EEXIST && stat(part, &info))
            return SH_FAIL(SH_EIO, "the folder '%s' cannot be made: %s", part, strerror(failed));
        if (!slash) break;
        *slash = '/';
    }
    struct stat info;
    if (stat(path, &info) || !S_ISDIR(info.st_mode)) return SH_FAIL(SH_EIO, "'%s' is not a folder", path);
    return SH_OK;
}

void sh_file_part(const char *path, char *part, size_t size)
{
    snprintf(part, size, "%s.part", path);
}

void sh_file_folder(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, size, ".");
    else
        snprintf(folder, size, "%.*s", (int)(slash == path ? 1 : slash - path), path);
}

sh_status sh_file_is_free(const char *path)
{
    struct stat there;
    if (stat(path, &there) || S_ISREG(there.st_mode)) return SH_OK;
    return SH_FAIL(SH_EINPUT, "'%s' is there and is no file, but %s", path,
                   S_ISDIR(there.st_mode) ? "a folder" : "a device, a pipe or a socket");
}

sh_status sh_file_probe(const char *path)
{
    char part[PATH_SIZE];
    SH_TRY(sh_file_is_free(path));
    sh_file_part(path, part, sizeof part);
    int fd = open(part, O_WRONLY | O_CREAT, 0666);
    if (fd < 0) return SH_FAIL(SH_EIO, "'%s' cannot be written: %s", path, strerror(errno));
    close(fd);
    unlink(part);
    return SH_OK;
}

bool sh_file_same(const char *a, const char *b)
{
    struct stat p, q;
    bool has_a = !stat(a, &p), has_b = !stat(b, &q);
    if (has_a != has_b) return false;
    if (!has_a) {
        char folder_a[PATH_SIZE], folder_b[PATH_SIZE];
        const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
        if (strcmp(slash_a ? slash_a + 1 : a, slash_b ? slash_b + 1 : b)) return false;
        sh_file_folder(a, folder_a, sizeof folder_a);
        sh_file_folder(b, folder_b, sizeof folder_b);
        if (stat(folder_a, &p) || stat(folder_b, &q)) return !strcmp(a, b);
    }
    return p.st_dev == q.st_dev && p.st_ino == q.st_ino;
}

static sh_status sync_path(const char *path, int flags)
{
    int fd = open(path, flags);
    if (fd < 0) return SH_FAIL(SH_EIO, "'%s' cannot be opened: %s", path, strerror(errno));
    int failed = fsync(fd) ? errno : 0;
    close(fd);
    if (failed && failed != EINVAL) /* some file systems do not sync folders */
        return SH_FAIL(SH_EIO, "'%s' does not get onto the disk: %s", path, strerror(failed));
    return SH_OK;
}

sh_status sh_file_sync(const char *path)
{
    return access(path, F_OK) ? SH_OK : sync_path(path, O_RDONLY);
}

sh_status sh_file_publish(const char *path)
{
    char part[PATH_SIZE], folder[PATH_SIZE];
    sh_file_part(path, part, sizeof part);
    SH_TRY(sync_path(part, O_RDONLY));
    if (rename(part, path)) return SH_FAIL(SH_EIO, "'%s' cannot be renamed to '%s': %s", part, path, strerror(errno));
    sh_file_folder(path, folder, sizeof folder);
    return sync_path(folder, O_RDONLY | O_DIRECTORY);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

sh_status sh_folder_visit(const char *path, sh_file_visit visit, void *user)
{
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT) return SH_OK;
    if (!folder) return SH_FAIL(SH_EIO, "the folder '%s' cannot be read: %s", path, strerror(errno));
    char **name = NULL;
    size_t n = 0;
    for (struct dirent *d; (d = readdir(folder));) {
        if (d->d_name[0] == '.') continue;
        name = sh_realloc(name, (n + 1) * sizeof *name);
        name[n++] = sh_strdup(d->d_name);
    }
    closedir(folder);
    if (n) qsort(name, n, sizeof *name, by_name);
    sh_status status = SH_OK;
    for (size_t i = 0; i < n; i++) {
        if (status == SH_OK) status = visit(path, name[i], user);
        sh_free(name[i]);
    }
    sh_free(name);
    return status;
}

static sh_status remove_part(const char *folder, const char *name, void *user)
{
    (void)user;
    char path[PATH_SIZE];
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 5, ".part")) return SH_OK;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return unlink(path) ? SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno)) : SH_OK;
}

sh_status sh_folder_clean(const char *path)
{
    return sh_folder_visit(path, remove_part, NULL);
}

/* Process and machine of who locks, as the file says: the kernel knows no process of another machine. */
static void write_holder(int fd)
{
    char host[256] = "", text[320];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), host);
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n || fsync(fd)) return; /* it locks without, too */
}

static sh_status held_by_another(int fd, const char *folder, const char *who)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[320], host[256] = "";
    long process = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    int known = sscanf(text, "%ld %255s", &process, host);
    if (!fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK && lock.l_pid > 0) process = lock.l_pid;
    if (process > 0)
        SH_FAIL(SH_EINPUT, "another %s, process %ld, works in '%s'", who, process, folder);
    else
        SH_FAIL(SH_EINPUT, "another %s works in '%s'", who, folder);
    if (known == 2) sh_error_hint(SH_EINPUT, "it was started on %s", host);
    return sh_error_hint(SH_EINPUT, "wait for its end, stop it, or choose another directory");
}

sh_status sh_folder_lock(const char *folder, const char *who, int *lock)
{
    char path[PATH_SIZE];
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (snprintf(path, sizeof path, "%s/lock", folder) >= PATH_SIZE) return SH_FAIL(SH_EIO, "the path '%s' is too long", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return SH_OK; /* who reads or makes the folder says more */
    if (fd < 0) return SH_FAIL(SH_EIO, "'%s' cannot be opened: %s", path, strerror(errno));
    if (!fcntl(fd, F_SETLK, &whole)) {
        write_holder(fd);
        *lock = fd;
        return SH_OK;
    }
    int error = errno, none[] = {ENOLCK, ENOSYS, ENOTSUP, EOPNOTSUPP}; /* of file systems without locks */
    sh_status status = SH_OK;
    if (error == EACCES || error == EAGAIN) {
        status = held_by_another(fd, folder, who);
    } else {
        bool passed = false;
        for (size_t i = 0; i < sizeof none / sizeof *none; i++)
            passed = passed || error == none[i];
        if (!passed) status = SH_FAIL(SH_EIO, "'%s' cannot be locked: %s", path, strerror(error));
    }
    close(fd);
    return status;
}

void sh_folder_unlock(int *lock)
{
    if (*lock < 0) return;
    int cleared = ftruncate(*lock, 0);
    (void)cleared;
    close(*lock);
    *lock = -1;
}
