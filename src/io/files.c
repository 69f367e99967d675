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

sh_status sh_file_probe(const char *path)
{
    char part[PATH_SIZE];
    sh_file_part(path, part, sizeof part);
    int fd = open(part, O_WRONLY | O_CREAT, 0666);
    if (fd < 0) return SH_FAIL(SH_EIO, "'%s' cannot be written: %s", path, strerror(errno));
    close(fd);
    unlink(part);
    return SH_OK;
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

sh_status sh_file_publish(const char *path)
{
    char part[PATH_SIZE], folder[PATH_SIZE];
    sh_file_part(path, part, sizeof part);
    SH_TRY(sync_path(part, O_RDONLY));
    if (rename(part, path)) return SH_FAIL(SH_EIO, "'%s' cannot be renamed to '%s': %s", part, path, strerror(errno));
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    return sync_path(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
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
