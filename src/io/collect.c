#include "io/collect.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/cif.h"
#include "io/extxyz.h"
#include "io/files.h"
#include "io/gzip.h"
#include "io/jsonl.h"
#include "io/poscar.h"
#include "io/text.h"

enum { MAX_DEPTH = 16 }; /* of folders in folders: links can make them endless */

/* What is done with the files that are found. */
typedef struct {
    sh_hdf5_reader hdf5;
    sh_structures *out;  /* they are read into it; NULL: they are compared with this file */
    const char *sought;
    bool found;
} walk;

static bool ends_nocase(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && sh_span_is_nocase((sh_span){path + n - m, m}, end);
}

static sh_format format_of_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (ends_nocase(path, ".cif")) return SH_FORMAT_CIF;
    if (ends_nocase(path, ".vasp") || ends_nocase(path, ".poscar") || ends_nocase(path, ".contcar"))
        return SH_FORMAT_POSCAR;
    if (ends_nocase(path, ".xyz") || ends_nocase(path, ".extxyz")) return SH_FORMAT_EXTXYZ;
    if (ends_nocase(path, ".jsonl") || ends_nocase(path, ".jsonl.gz")) return SH_FORMAT_JSONL;
    if (ends_nocase(path, ".h5") || ends_nocase(path, ".hdf5")) return SH_FORMAT_HDF5;
    if (!strncmp(name, "POSCAR", 6) || !strncmp(name, "CONTCAR", 7)) return SH_FORMAT_POSCAR;
    return SH_FORMAT_UNKNOWN;
}

/* Without a telling name: "data_" first is CIF; a lone count and then Lattice= is extended XYZ; a number alone on the
 * second line and three on the third is a POSCAR. */
static sh_format format_of_text(const char *text, size_t size)
{
    sh_lines lines;
    sh_span line[3], word, rest;
    sh_lines_start(&lines, "", text, size);
    int n = 0;
    while (sh_lines_next(&lines, &line[n])) {
        rest = line[n];
        bool some = sh_span_word(&rest, &word);
        if (n == 0 && some && sh_span_starts_nocase(word, "data_")) return SH_FORMAT_CIF;
        if (n == 0 && some && word.p[0] == '#') continue;
        if (++n == 3) break;
    }
    int64_t count;
    double number;
    if (n >= 1) {
        rest = line[0];
        if (n >= 2 && sh_span_word(&rest, &word) && sh_span_integer(word, &count) && sh_span_blank(rest))
            for (size_t i = 0; i + 8 <= line[1].n; i++)
                if (sh_span_starts_nocase((sh_span){line[1].p + i, line[1].n - i}, "lattice=")) return SH_FORMAT_EXTXYZ;
    }
    if (n == 3) {
        rest = line[1];
        if (!sh_span_word(&rest, &word) || !sh_span_number(word, &number)) return SH_FORMAT_UNKNOWN;
        rest = line[2];
        for (int k = 0; k < 3; k++)
            if (!sh_span_word(&rest, &word) || !sh_span_number(word, &number)) return SH_FORMAT_UNKNOWN;
        return SH_FORMAT_POSCAR;
    }
    return SH_FORMAT_UNKNOWN;
}

sh_format sh_format_of(const char *path, const char *text, size_t size)
{
    if (text && size >= 8 && !memcmp(text, "\x89HDF\r\n\x1a\n", 8)) return SH_FORMAT_HDF5;
    sh_format format = format_of_name(path);
    return format == SH_FORMAT_UNKNOWN && text ? format_of_text(text, size) : format;
}

static bool is_hdf5(const char *path)
{
    char head[8] = "";
    struct stat info;
    if (stat(path, &info) || !S_ISREG(info.st_mode)) return false; /* opening a pipe would wait for ever */
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    size_t got = fread(head, 1, sizeof head, f);
    fclose(f);
    return sh_format_of("", head, got) == SH_FORMAT_HDF5;
}

/* JSON lines, which may be compressed. */
static void collect_lines(const char *path, sh_structures *out)
{
    char *text;
    size_t size;
    if (sh_gzip_read(path, &text, &size) != SH_OK) {
        sh_structures_add_error(out);
        return;
    }
    sh_jsonl_collect(path, text, size, out);
    sh_free(text);
}

static void read_file(const char *path, sh_hdf5_reader hdf5, sh_structures *out)
{
    sh_structures_add_file(out, path);
    if (is_hdf5(path) && hdf5) {
        hdf5(path, out);
        return;
    }
    if (format_of_name(path) == SH_FORMAT_JSONL) {
        collect_lines(path, out);
        return;
    }
    char *text;
    size_t size;
    if (sh_text_read(path, &text, &size) != SH_OK) {
        sh_structures_add_error(out);
        return;
    }
    switch (sh_format_of(path, text, size)) {
    case SH_FORMAT_CIF:
        sh_cif_parse(path, text, size, out);
        break;
    case SH_FORMAT_POSCAR:
        sh_poscar_parse(path, text, size, out);
        break;
    case SH_FORMAT_EXTXYZ:
        sh_extxyz_parse(path, text, size, out);
        break;
    case SH_FORMAT_HDF5:
        SH_FAIL(SH_EINPUT, "%s: %s", path,
                size >= 8 && text[0] == '\x89' ? "HDF5 files are not read here" : "not an HDF5 file, whatever its name");
        sh_structures_add_error(out);
        break;
    case SH_FORMAT_JSONL: /* by its name alone */
    case SH_FORMAT_UNKNOWN:
        SH_FAIL(SH_EINPUT, "%s: no format that is known here", path);
        sh_error_hint(SH_EINPUT, "CIF, POSCAR and extended XYZ are read; name the file .cif, .vasp or .extxyz if it is "
                                 "one of them");
        sh_structures_add_error(out);
        break;
    }
    sh_free(text);
}

static void collect_file(const char *path, walk *w)
{
    if (w->out)
        read_file(path, w->hdf5, w->out);
    else
        w->found = w->found || sh_file_same(path, w->sought);
}

/* A folder from which nothing comes; the error is set. */
static void collect_error(const char *path, walk *w)
{
    if (!w->out) return;
    sh_structures_add_file(w->out, path);
    sh_structures_add_error(w->out);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folder of a run keeps samples in parts, and checkpoints beside them: its index stands for all of it. */
static bool collect_run(const char *folder, walk *w)
{
    static const char *const places[] = {"/samples/index.h5", "/index.h5"};
    for (int i = 0; i < 2 && w->hdf5; i++) {
        size_t size = strlen(folder) + 32;
        char *path = sh_alloc(size);
        snprintf(path, size, "%s%s", folder, places[i]);
        bool found = is_hdf5(path);
        if (found) collect_file(path, w);
        sh_free(path);
        if (found) return true;
    }
    return false;
}

/* Files of the folder with a structure's name; returns how many were read. */
static int64_t collect_folder(const char *path, int depth, walk *w)
{
    if (collect_run(path, w)) return 1;
    DIR *folder = depth < MAX_DEPTH ? opendir(path) : NULL;
    if (!folder) {
        SH_FAIL(SH_EIO, "%s: cannot be opened: %s", path,
                depth < MAX_DEPTH ? strerror(errno) : "too many folders inside each other");
        collect_error(path, w);
        return 1;
    }
    char **name = NULL;
    int64_t n = 0, capacity = 0, n_read = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        if (n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            name = sh_realloc(name, (size_t)capacity * sizeof *name);
        }
        name[n++] = sh_strdup(entry->d_name);
    }
    closedir(folder);
    if (n) qsort(name, (size_t)n, sizeof *name, by_name);
    for (int64_t i = 0; i < n; i++) {
        size_t size = strlen(path) + strlen(name[i]) + 2;
        char *full = sh_alloc(size);
        snprintf(full, size, "%s%s%s", path, path[0] && path[strlen(path) - 1] == '/' ? "" : "/", name[i]);
        struct stat info;
        if (!stat(full, &info) && S_ISDIR(info.st_mode)) {
            n_read += collect_folder(full, depth + 1, w);
        } else if (format_of_name(full) != SH_FORMAT_UNKNOWN) {
            collect_file(full, w);
            n_read++;
        }
        sh_free(full);
        sh_free(name[i]);
    }
    sh_free(name);
    return n_read;
}

static void collect_all(const char *const *paths, int n_path, walk *w)
{
    for (int i = 0; i < n_path; i++) {
        struct stat info;
        if (stat(paths[i], &info) || !S_ISDIR(info.st_mode)) {
            collect_file(paths[i], w);
        } else if (!collect_folder(paths[i], 0, w)) {
            SH_FAIL(SH_EINPUT, "%s: a folder without structure files", paths[i]);
            sh_error_hint(SH_EINPUT, "files in it are known by their names: .cif, .vasp, .extxyz, .xyz, .h5, .jsonl, POSCAR*");
            collect_error(paths[i], w);
        }
    }
}

void sh_collect(const char *const *paths, int n_path, sh_hdf5_reader hdf5, sh_structures *out)
{
    walk w = {.hdf5 = hdf5, .out = out};
    collect_all(paths, n_path, &w);
}

static void no_reader(const char *path, sh_structures *out)
{
    (void)path;
    (void)out;
}

bool sh_collect_reads(const char *const *paths, int n_path, const char *file)
{
    walk w = {.hdf5 = no_reader, .sought = file};
    collect_all(paths, n_path, &w);
    return w.found;
}
