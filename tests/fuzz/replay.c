/* replay.c -- a fuzzing target over files, without a fuzzer: the arguments are files, and folders of files. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static int n_file;

static void run_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); /* of this size and no more: a step beyond it is seen */
    PROMISE(f && data && fread(data, 1, size, f) == size);
    fclose(f);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    n_file++;
}

static void run_path(const char *path)
{
    struct stat info;
    PROMISE(stat(path, &info) == 0);
    if (!S_ISDIR(info.st_mode)) {
        run_file(path, (size_t)info.st_size);
        return;
    }
    DIR *folder = opendir(path);
    PROMISE(folder);
    for (struct dirent *d; (d = readdir(folder));) {
        char below[4096];
        if (d->d_name[0] == '.') continue;
        snprintf(below, sizeof below, "%s/%s", path, d->d_name);
        run_path(below);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    return n_file ? 0 : 1;
}
