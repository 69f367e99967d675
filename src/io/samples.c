#define _POSIX_C_SOURCE 200809L

#include "io/samples.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "io/h5.h"

enum { FORMAT = 1, PATH_SIZE = 4096 };

/* A column: what of a record stands in it. Fields of the record lie at `offset`; with per_site, fields of a step at `offset`,
 * one a site; made columns are computed from the crystal and not read back. */
typedef struct {
    const char *name;
    char type; /* 'd' double, 'i' int32, 'u' uint64 */
    size_t offset;
    bool per_site, made;
    int width; /* numbers a row, or a site */
} column;

#define FIELD(name, type, member, width) {#name, type, offsetof(sh_record, member), false, false, width}
#define STEP(name, type, member, width) {#name, type, offsetof(sh_step, member), true, false, width}
static const column columns[] = {
    FIELD(traj, 'u', traj, 1),
    FIELD(n_site, 'i', n_step, 1),
    FIELD(formula, 'u', formula, 1),
    FIELD(reward, 'd', result.reward, 1),
    FIELD(term_formation_energy, 'd', result.term[SH_TERM_ENERGY], 1),
    FIELD(term_bond, 'd', result.term[SH_TERM_BOND], 1),
    FIELD(term_density, 'd', result.term[SH_TERM_DENSITY], 1),
    FIELD(term_validity, 'd', result.term[SH_TERM_VALIDITY], 1),
    FIELD(e_total, 'd', result.e_total, 1),
    FIELD(e_form, 'd', result.e_form, 1),
    FIELD(bond, 'd', result.bond, 1),
    FIELD(density, 'd', result.density, 1),
    FIELD(min_dist, 'd', result.min_dist, 1),
    FIELD(n_atom, 'i', result.n_atom, 1),
    FIELD(valid, 'i', result.valid, 1),
    FIELD(bond_valid, 'i', result.bond_valid, 1),
    FIELD(reason, 'i', result.reason, 1),
    FIELD(log_pf, 'd', log_pf, 1),
    FIELD(log_pb, 'd', log_pb, 1),
    {"sg_number", 'i', 0, false, true, 1},
    {"lattice", 'd', 0, false, true, 9},
    {"z", 'i', 0, true, true, 1},
    {"mult", 'i', 0, true, true, 1},
    {"frac", 'd', 0, true, true, 3},
    STEP(step_sg_number, 'i', sg_number, 1),
    STEP(step_elem_index, 'i', elem_index, 1),
    STEP(step_wyckoff, 'i', wyckoff, 1),
    STEP(step_y, 'd', y, 6),
    STEP(step_frac, 'd', frac, 3),
};
enum { N_COLUMN = sizeof columns / sizeof *columns };

static size_t size_of(char type)
{
    return type == 'i' ? sizeof(int32_t) : sizeof(double);
}

static hid_t type_of(char type)
{
    return type == 'i' ? H5T_NATIVE_INT32 : type == 'u' ? H5T_NATIVE_UINT64 : H5T_NATIVE_DOUBLE;
}

/* Bytes of one row of a column. */
static size_t row_bytes(const column *c, int32_t max_sites)
{
    return size_of(c->type) * (size_t)c->width * (c->per_site ? (size_t)max_sites : 1);
}

/* Dimensions after the first. */
static int row_dims(const column *c, int32_t max_sites, hsize_t dims[3])
{
    int n = 0;
    if (c->per_site) dims[n++] = (hsize_t)max_sites;
    if (c->width == 9) {
        dims[n++] = 3;
        dims[n++] = 3;
    } else if (c->width > 1) {
        dims[n++] = (hsize_t)c->width;
    }
    return n;
}

/* Copies a column out of the records, or into them. */
static void move(const column *c, const sh_records *records, char *buffer, bool out)
{
    size_t bytes = size_of(c->type) * (size_t)c->width;
    int32_t n_part = c->per_site ? records->max_sites : 1;
    for (int64_t i = 0; i < records->n; i++)
        for (int32_t k = 0; k < n_part; k++) {
            sh_record *r = sh_record_at(records, i);
            char *field = (c->per_site ? (char *)&r->step[k] : (char *)r) + c->offset;
            char *row = buffer + (size_t)i * row_bytes(c, records->max_sites) + (size_t)k * bytes;
            memcpy(out ? row : field, out ? field : row, bytes);
        }
}

/* The columns that come from the crystal. */
static void make(const column *c, const sh_crystals *crystals, const sh_records *records, char *buffer)
{
    memset(buffer, 0, (size_t)records->n * row_bytes(c, records->max_sites));
    int32_t *integers = (int32_t *)(void *)buffer;
    double *doubles = (double *)(void *)buffer;
    for (int64_t i = 0; i < records->n; i++) {
        if (!strcmp(c->name, "sg_number")) integers[i] = crystals->sg_number[i];
        if (!strcmp(c->name, "lattice")) memcpy(doubles + 9 * i, crystals->lattice + 9 * i, 9 * sizeof(double));
        for (int64_t s = crystals->site_start[i]; s < crystals->site_start[i + 1]; s++) {
            int64_t at = i * records->max_sites + s - crystals->site_start[i];
            if (!strcmp(c->name, "z")) integers[at] = crystals->site_z[s];
            if (!strcmp(c->name, "mult")) integers[at] = (int32_t)sh_site_mult(crystals, s);
            if (!strcmp(c->name, "frac"))
                memcpy(doubles + 3 * at, crystals->atom_frac + 3 * crystals->atom_start[s], 3 * sizeof(double));
        }
    }
}

static sh_status write_column(hid_t file, MPI_Comm comm, const column *c, int32_t max_sites,
                              const sh_samples_layout *layout, const char *buffer)
{
    hsize_t dims[4] = {(hsize_t)layout->n_row}, start[4] = {(hsize_t)layout->first}, stride[4], count[4], block[4],
            memory_dims[4], chunk[4];
    int rank = 1 + row_dims(c, max_sites, dims + 1);
    for (int i = 0; i < rank; i++) {
        memory_dims[i] = chunk[i] = dims[i];
        stride[i] = block[i] = dims[i];
        count[i] = 1;
        if (i) start[i] = 0;
    }
    stride[0] = (hsize_t)layout->stride;
    block[0] = (hsize_t)layout->block;
    count[0] = (hsize_t)layout->n_block;
    memory_dims[0] = block[0] * count[0];
    chunk[0] = dims[0] < 4096 ? dims[0] : 4096;
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE), transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_obj_track_times(plist, false);
    H5Pset_chunk(plist, rank, chunk);
    H5Pset_fletcher32(plist);
    if (comm != MPI_COMM_NULL) H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
    hid_t space = H5Screate_simple(rank, dims, NULL), memory = H5Screate_simple(rank, memory_dims, NULL);
    if (memory_dims[0] > 0) {
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, stride, count, block);
    } else {
        H5Sselect_none(space);
        H5Sselect_none(memory);
    }
    hid_t set = H5Dcreate2(file, c->name, type_of(c->type), space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool failed = set < 0 || H5Dwrite(set, type_of(c->type), memory, space, transfer, buffer) < 0;
    sh_status status = failed ? sh_h5_fail("cannot write dataset '%s'", c->name) : SH_OK;
    if (set >= 0) H5Dclose(set);
    H5Sclose(memory);
    H5Sclose(space);
    H5Pclose(transfer);
    H5Pclose(plist);
    return status;
}

static sh_status write_file(hid_t file, MPI_Comm comm, const sh_space *space, const char *config,
                            const sh_records *records, const sh_samples_layout *layout)
{
    const int64_t format = FORMAT, max_sites = records->max_sites;
    SH_TRY(sh_h5_write_attr(file, "/", "format", H5T_NATIVE_INT64, &format));
    SH_TRY(sh_h5_write_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &max_sites));
    SH_TRY(sh_h5_write_text(file, "/", "kind", "shaft samples"));
    SH_TRY(sh_h5_write_text(file, "/", "config", config));
    sh_arena *arena = sh_arena_create(1 << 16);
    const sh_record **record = SH_PUSH(arena, const sh_record *, records->n);
    int32_t *t = SH_PUSH(arena, int32_t, records->n);
    for (int64_t i = 0; i < records->n; i++) {
        record[i] = sh_record_at(records, i);
        t[i] = record[i]->n_step;
    }
    sh_crystals crystals;
    sh_states_crystals(space, record, t, records->n, arena, &crystals);
    sh_status status = SH_OK;
    for (int k = 0; k < N_COLUMN && status == SH_OK; k++) {
        char *buffer = sh_alloc((size_t)records->n * row_bytes(&columns[k], records->max_sites));
        if (columns[k].made)
            make(&columns[k], &crystals, records, buffer);
        else
            move(&columns[k], records, buffer, true);
        status = write_column(file, comm, &columns[k], records->max_sites, layout, buffer);
        sh_free(buffer);
    }
    sh_arena_destroy(&arena);
    return status;
}

sh_status sh_samples_write(const char *path, MPI_Comm comm, const sh_space *space, const char *config,
                           const sh_records *records, const sh_samples_layout *layout)
{
    char part[PATH_SIZE];
    int rank = 0;
    SH_ASSERT(layout->block * layout->n_block == records->n);
    snprintf(part, sizeof part, "%s.part", path);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    sh_h5_quiet();
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    if (comm != MPI_COMM_NULL) {
        MPI_Comm_rank(comm, &rank);
        H5Pset_fapl_mpio(access, comm, MPI_INFO_NULL);
    }
    hid_t file = H5Fcreate(part, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    if (file < 0) return sh_h5_fail("cannot create '%s'", part);
    sh_status status = write_file(file, comm, space, config, records, layout);
    if (H5Fclose(file) < 0 && status == SH_OK) status = sh_h5_fail("cannot finish '%s'", part);
    if (status == SH_OK && rank == 0 && rename(part, path))
        status = SH_FAIL(SH_EIO, "cannot rename '%s': %s", part, strerror(errno));
    return status == SH_OK ? SH_OK : sh_error_note(status, "while writing samples '%s'", path);
}

/* ---- the index ---- */

static int is_segment(const struct dirent *entry)
{
    long long from, to;
    int end = 0;
    return sscanf(entry->d_name, "%lld-%lld.h5%n", &from, &to, &end) == 2 && end > 0 && entry->d_name[end] == '\0';
}

typedef struct {
    int n;
    struct dirent **entry;
    hsize_t *rows, total;
    int64_t max_sites;
} segments;

static sh_status look_at(const char *folder, segments *s)
{
    char path[PATH_SIZE];
    s->rows = SH_NEW(hsize_t, s->n);
    for (int i = 0; i < s->n; i++) {
        hid_t file;
        int rank;
        hsize_t dims[4];
        snprintf(path, sizeof path, "%s/%s", folder, s->entry[i]->d_name);
        SH_TRY(sh_h5_open(path, &file));
        sh_status status = sh_h5_dims(file, "traj", &rank, dims);
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &s->max_sites);
        H5Fclose(file);
        if (status != SH_OK) return sh_error_note(status, "in '%s'", path);
        s->total += s->rows[i] = dims[0];
    }
    return SH_OK;
}

static sh_status virtual_column(hid_t file, const segments *s, const column *c)
{
    hsize_t dims[4] = {s->total}, start[4] = {0}, count[4];
    int rank = 1 + row_dims(c, (int32_t)s->max_sites, dims + 1);
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dims, NULL);
    H5Pset_obj_track_times(plist, false);
    memcpy(count, dims, sizeof count);
    for (int i = 0; i < s->n; i++) {
        count[0] = s->rows[i];
        hid_t source = H5Screate_simple(rank, count, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
        H5Pset_virtual(plist, space, s->entry[i]->d_name, c->name, source);
        H5Sclose(source);
        start[0] += s->rows[i];
    }
    H5Sselect_all(space);
    hid_t set = H5Dcreate2(file, c->name, type_of(c->type), space, H5P_DEFAULT, plist, H5P_DEFAULT);
    sh_status status = set < 0 ? sh_h5_fail("cannot make the virtual dataset '%s'", c->name) : SH_OK;
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    H5Pclose(plist);
    return status;
}

static sh_status write_index(const char *folder, const segments *s, const char *part)
{
    char first[PATH_SIZE], *config;
    hid_t file, segment;
    const int64_t format = FORMAT;
    snprintf(first, sizeof first, "%s/%s", folder, s->entry[0]->d_name);
    SH_TRY(sh_h5_open(first, &segment));
    sh_status status = sh_h5_read_text(segment, "/", "config", &config);
    H5Fclose(segment);
    SH_TRY(status);
    status = sh_h5_create(part, &file);
    if (status == SH_OK) {
        status = sh_h5_write_attr(file, "/", "format", H5T_NATIVE_INT64, &format);
        if (status == SH_OK) status = sh_h5_write_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &s->max_sites);
        if (status == SH_OK) status = sh_h5_write_text(file, "/", "kind", "shaft samples");
        if (status == SH_OK) status = sh_h5_write_text(file, "/", "config", config);
        for (int k = 0; k < N_COLUMN && status == SH_OK; k++)
            status = virtual_column(file, s, &columns[k]);
        if (H5Fclose(file) < 0 && status == SH_OK) status = sh_h5_fail("cannot finish '%s'", part);
    }
    sh_free(config);
    return status;
}

sh_status sh_samples_index(const char *folder)
{
    char path[PATH_SIZE], part[PATH_SIZE];
    segments s = {0};
    s.n = scandir(folder, &s.entry, is_segment, alphasort);
    if (s.n < 0) return SH_FAIL(SH_EIO, "cannot read folder '%s': %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%s/index.h5", folder);
    snprintf(part, sizeof part, "%s/index.part", folder);
    sh_status status = SH_OK;
    if (s.n > 0) {
        status = look_at(folder, &s);
        if (status == SH_OK) status = write_index(folder, &s, part);
        if (status == SH_OK && rename(part, path))
            status = SH_FAIL(SH_EIO, "cannot rename '%s': %s", part, strerror(errno));
    } else {
        remove(path);
    }
    for (int i = 0; i < s.n; i++)
        free(s.entry[i]);
    free(s.entry);
    sh_free(s.rows);
    return status;
}

/* ---- reading ---- */

static sh_status read_file(hid_t file, sh_records *records, char **config)
{
    int64_t format, max_sites;
    int rank;
    hsize_t dims[4];
    SH_TRY(sh_h5_read_attr(file, "/", "format", H5T_NATIVE_INT64, &format));
    if (format != FORMAT) return SH_FAIL(SH_EINPUT, "format %lld is not known to this version", (long long)format);
    SH_TRY(sh_h5_read_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &max_sites));
    SH_TRY(sh_h5_dims(file, "traj", &rank, dims));
    if (max_sites < 1 || max_sites > SH_MAX_SITES || rank != 1)
        return SH_FAIL(SH_EINPUT, "the sizes in the file make no sense");
    SH_TRY(sh_h5_read_text(file, "/", "config", config));
    sh_records_create(records, (int32_t)max_sites, (int64_t)dims[0] > 0 ? (int64_t)dims[0] : 1);
    sh_records_resize(records, (int64_t)dims[0]);
    for (int k = 0; k < N_COLUMN; k++) {
        const column *c = &columns[k];
        if (c->made) continue;
        hsize_t shape[4] = {dims[0]};
        int n = 1 + row_dims(c, (int32_t)max_sites, shape + 1);
        char *buffer = sh_alloc((size_t)dims[0] * row_bytes(c, (int32_t)max_sites));
        sh_status status = sh_h5_read(file, c->name, type_of(c->type), n, shape, buffer);
        if (status == SH_OK) move(c, records, buffer, false);
        sh_free(buffer);
        SH_TRY(status);
    }
    for (int64_t i = 0; i < records->n; i++) {
        sh_record *r = sh_record_at(records, i);
        r->result.n_site = r->n_step;
        if (r->n_step < 1 || r->n_step > max_sites)
            return SH_FAIL(SH_EINPUT, "row %lld has %d sites", (long long)i, r->n_step);
        for (int32_t t = 0; t < r->n_step; t++)
            if (r->step[t].sg_number < 1 || r->step[t].sg_number > SH_N_GROUP || r->step[t].elem_index < 0 ||
                r->step[t].elem_index >= SH_MAX_ELEMENTS)
                return SH_FAIL(SH_EINPUT, "row %lld has a space group or an element that does not exist", (long long)i);
    }
    return SH_OK;
}

sh_status sh_samples_read(const char *path, sh_records *records, char **config)
{
    char full[PATH_SIZE];
    struct stat info;
    hid_t file;
    *records = (sh_records){0};
    *config = NULL;
    snprintf(full, sizeof full, "%s", path);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(full, sizeof full, "%s/samples/index.h5", path);
        if (stat(full, &info)) {
            SH_FAIL(SH_EINPUT, "'%s' is no folder of a run with samples: '%s' is not there", path, full);
            return sh_error_hint(SH_EINPUT, "samples are written at the first checkpoint, unless run.save_samples is false");
        }
    }
    SH_TRY(sh_h5_open(full, &file));
    sh_status status = read_file(file, records, config);
    H5Fclose(file);
    if (status == SH_OK) return SH_OK;
    if (records->data) sh_records_destroy(records);
    sh_free(*config);
    *config = NULL;
    return sh_error_note(status, "while reading samples '%s'", full);
}

bool sh_samples_is(const char *path)
{
    hid_t file;
    char *kind = NULL;
    if (sh_h5_open(path, &file) != SH_OK) {
        sh_error_clear();
        return false;
    }
    bool is = sh_h5_read_text(file, "/", "kind", &kind) == SH_OK && !strcmp(kind, "shaft samples");
    sh_error_clear();
    sh_free(kind);
    H5Fclose(file);
    return is;
}
