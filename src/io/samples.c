#define _POSIX_C_SOURCE 200809L

#include "io/samples.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/files.h"
#include "io/h5.h"

enum { FORMAT = 1, PATH_SIZE = 4096, CHUNK_ROWS = 4096, BATCH = 1024 };

static const double shortest_pair = 0.5; /* Å; nothing closer is ever written */

bool sh_samples_may_write(const sh_reward_result *r, bool *overlap)
{
    bool no_distance = r->reason == SH_REASON_CELL || r->reason == SH_REASON_ATOMS; /* then none was computed */
    *overlap = r->reason == SH_REASON_COINCIDENT || r->reason == SH_REASON_GUARD_OVERLAP ||
               (!no_distance && r->min_dist < shortest_pair);
    bool refused = (r->reason != SH_REASON_NONE && r->reason <= SH_REASON_NOT_FINITE) || !isfinite(r->reward);
    return !*overlap && !refused;
}

/* The records that a file is to hold. */
typedef struct {
    const sh_records *records;
    int64_t n, *index, *iteration; /* (n) */
    int64_t n_overlap, n_refused;  /* held back */
} selection;

/* ---- the columns ---- */

typedef enum {
    FROM_RECORD,   /* a field of sh_record at `offset` */
    FROM_STEP,     /* a field of sh_step, for each of max_sites */
    FROM_LAYOUT,   /* the iteration */
    FROM_CRYSTAL   /* computed: not read back */
} source;

typedef enum { U64, I64, I32, F64 } number_type;

typedef enum { NO_CRYSTAL, GROUP, LATTICE, Z, FRAC, MULT } crystal_column;

typedef struct {
    const char *name;
    source from;
    number_type type;
    size_t offset;
    int count;              /* numbers a record, or a site of it */
    crystal_column crystal;
} column;

#define RECORD(field, type) FROM_RECORD, type, offsetof(sh_record, field), 1, NO_CRYSTAL
#define RESULT(field, type) FROM_RECORD, type, offsetof(sh_record, result.field), 1, NO_CRYSTAL
#define STEP(field, type, count) FROM_STEP, type, offsetof(sh_step, field), count, NO_CRYSTAL

static const column columns[] = {
    {"traj", RECORD(traj, U64)},
    {"iteration", FROM_LAYOUT, I64, 0, 1, NO_CRYSTAL},
    {"reward", RESULT(reward, F64)},
    {"term_formation_energy", RESULT(term[SH_TERM_ENERGY], F64)},
    {"term_bond", RESULT(term[SH_TERM_BOND], F64)},
    {"term_density", RESULT(term[SH_TERM_DENSITY], F64)},
    {"term_validity", RESULT(term[SH_TERM_VALIDITY], F64)},
    {"term_band_gap", RESULT(term[SH_TERM_GAP], F64)},
    {"term_plugin", RESULT(term[SH_TERM_PLUGIN], F64)},
    {"e_total", RESULT(e_total, F64)},
    {"e_form", RESULT(e_form, F64)},
    {"bond", RESULT(bond, F64)},
    {"density", RESULT(density, F64)},
    {"band_gap", RESULT(band_gap, F64)},
    {"min_dist", RESULT(min_dist, F64)},
    {"valid", RESULT(valid, I32)},
    {"bond_valid", RESULT(bond_valid, I32)},
    {"bond_missing", RESULT(bond_missing, I32)},
    {"reason", RESULT(reason, I32)},
    {"n_atom", RESULT(n_atom, I32)},
    {"n_site", RECORD(n_step, I32)},
    {"sg_number", FROM_CRYSTAL, I32, 0, 1, GROUP},
    {"lattice", FROM_CRYSTAL, F64, 0, 9, LATTICE},
    {"z", FROM_CRYSTAL, I32, 0, 1, Z},
    {"frac", FROM_CRYSTAL, F64, 0, 3, FRAC},
    {"mult", FROM_CRYSTAL, I32, 0, 1, MULT},
    {"log_pf", RECORD(log_pf, F64)},
    {"log_pb", RECORD(log_pb, F64)},
    {"formula", RECORD(formula, U64)},
    {"step_sg_number", STEP(sg_number, I32, 1)},
    {"step_elem_index", STEP(elem_index, I32, 1)},
    {"step_wyckoff", STEP(wyckoff, I32, 1)},
    {"step_y", STEP(y, F64, 6)},
    {"step_frac", STEP(frac, F64, 3)},
};

enum { N_COLUMN = sizeof columns / sizeof *columns };

static size_t size_of(number_type type)
{
    return type == I32 ? 4 : 8;
}

static hid_t memory_type(number_type type)
{
    return type == U64 ? H5T_NATIVE_UINT64 : type == I64 ? H5T_NATIVE_INT64 : type == I32 ? H5T_NATIVE_INT32 : H5T_NATIVE_DOUBLE;
}

static hid_t file_type(number_type type)
{
    return type == U64 ? H5T_STD_U64LE : type == I64 ? H5T_STD_I64LE : type == I32 ? H5T_STD_I32LE : H5T_IEEE_F64LE;
}

/* Shape of a column of n rows: (n), (n,3,3), (n,max_sites) or (n,max_sites,count). */
static int shape_of(const column *c, int64_t n, int32_t max_sites, hsize_t dims[3])
{
    int rank = 0;
    bool sites = c->from == FROM_STEP || c->crystal == Z || c->crystal == FRAC || c->crystal == MULT;
    dims[rank++] = (hsize_t)n;
    if (sites) dims[rank++] = (hsize_t)max_sites;
    if (c->crystal == LATTICE) dims[rank++] = 3;
    if (c->count > 1) dims[rank++] = (hsize_t)(c->crystal == LATTICE ? 3 : c->count);
    return rank;
}

static int64_t width_of(const column *c, int32_t max_sites)
{
    hsize_t dims[3];
    int64_t width = 1;
    int rank = shape_of(c, 1, max_sites, dims);
    for (int i = 1; i < rank; i++)
        width *= (int64_t)dims[i];
    return width;
}

/* Where the numbers of a column stand in memory: one place for writing and reading. `k`: step. */
static char *field_of(const column *c, const sh_records *records, int64_t i, int32_t k)
{
    sh_record *r = sh_record_at(records, i);
    return c->from == FROM_RECORD ? (char *)r + c->offset : (char *)&r->step[k] + c->offset;
}

static void gather_column(const column *c, const selection *s, char *out)
{
    size_t bytes = (size_t)c->count * size_of(c->type);
    int32_t n_step = c->from == FROM_STEP ? s->records->max_sites : 1;
    if (c->from == FROM_LAYOUT) {
        memcpy(out, s->iteration, (size_t)s->n * bytes);
        return;
    }
    for (int64_t i = 0; i < s->n; i++)
        for (int32_t k = 0; k < n_step; k++, out += bytes)
            memcpy(out, field_of(c, s->records, s->index[i], k), bytes);
}

static void scatter_column(const column *c, sh_records *records, int64_t first, const char *in)
{
    size_t bytes = (size_t)c->count * size_of(c->type);
    int32_t n_step = c->from == FROM_STEP ? records->max_sites : 1;
    for (int64_t i = first; i < records->n; i++)
        for (int32_t k = 0; k < n_step; k++, in += bytes)
            memcpy(field_of(c, records, i, k), in, bytes);
}

/* The crystals of all samples, as columns. */
typedef struct {
    int32_t *group, *z, *mult;
    double *lattice, *frac;
} crystal_columns;

static void make_crystals(const sh_space *space, const selection *s, crystal_columns *out)
{
    int64_t n = s->n, sites = s->records->max_sites;
    *out = (crystal_columns){SH_NEW(int32_t, n), SH_NEW(int32_t, n * sites), SH_NEW(int32_t, n * sites),
                             SH_NEW(double, 9 * n), SH_NEW(double, 3 * n * sites)};
    sh_arena *arena = sh_arena_create(1 << 20);
    const sh_space here = sh_space_of(space->groups, space->constraints, space->sites, space->merge_tol);
    const sh_record_list records = sh_records_list(s->records);
    for (int64_t start = 0; start < n; start += BATCH) {
        int64_t m = n - start < BATCH ? n - start : BATCH;
        sh_crystals crystals;
        sh_arena_reset(arena);
        sh_workspace ws = sh_workspace_host(arena);
        sh_finished_crystals(&here, &ws, &records, s->index + start, m, &crystals);
        for (int64_t i = 0; i < m; i++) {
            out->group[start + i] = crystals.sg_number[i];
            memcpy(out->lattice + 9 * (start + i), crystals.lattice + 9 * i, 9 * sizeof(double));
            for (int64_t site = crystals.site_start[i]; site < crystals.site_start[i + 1]; site++) {
                int64_t at = (start + i) * sites + site - crystals.site_start[i];
                out->z[at] = crystals.site_z[site];
                out->mult[at] = (int32_t)sh_site_mult(&crystals, site);
                memcpy(out->frac + 3 * at, crystals.atom_frac + 3 * crystals.atom_start[site], 3 * sizeof(double));
            }
        }
    }
    sh_arena_destroy(&arena);
}

static void release_crystals(crystal_columns *c)
{
    sh_free(c->group);
    sh_free(c->z);
    sh_free(c->mult);
    sh_free(c->lattice);
    sh_free(c->frac);
}

static const void *crystal_data(const crystal_columns *c, crystal_column which)
{
    const void *const data[] = {NULL, c->group, c->lattice, c->z, c->frac, c->mult};
    return data[which];
}

/* ---- writing ---- */

/* Who writes: a communicator, or this process alone. */
typedef struct {
    MPI_Comm comm;
    int rank, size;
} writers;

static writers writers_of(MPI_Comm comm)
{
    writers w = {.comm = comm, .size = 1};
    if (comm == MPI_COMM_NULL) return w;
    MPI_Comm_rank(comm, &w.rank);
    MPI_Comm_size(comm, &w.size);
    return w;
}

static bool all_well(const writers *w, sh_status status)
{
    int failed = status != SH_OK, any = failed;
    if (w->size > 1) MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, w->comm);
    return !any;
}

/* Rows of this rank in the file, as runs of adjacent ones. */
typedef struct {
    int64_t total, n_run;
    int64_t *start, *count; /* (n_run) */
} rows;

static selection select_records(const sh_records *records, const sh_samples_layout *layout)
{
    selection s = {.records = records, .index = SH_NEW(int64_t, records->n), .iteration = SH_NEW(int64_t, records->n)};
    for (int64_t i = 0; i < records->n; i++) {
        bool overlap, good = sh_samples_may_write(&sh_record_at(records, i)->result, &overlap);
        s.n_overlap += overlap;
        s.n_refused += !good && !overlap;
        if (!good) continue;
        s.iteration[s.n] = layout->iteration + i / layout->block;
        s.index[s.n++] = i;
    }
    return s;
}

static void release_selection(selection *s)
{
    sh_free(s->index);
    sh_free(s->iteration);
}

/* Among the records of all ranks. */
static int64_t place_of(const selection *s, int64_t i, const sh_samples_layout *layout)
{
    if (layout->traj) return (int64_t)(sh_record_at(s->records, s->index[i])->traj - layout->traj);
    return layout->first + s->index[i] / layout->block * layout->stride + s->index[i] % layout->block;
}

/* One byte a record of all ranks says whether it is written; the row is the number of those before it. */
static rows place_rows(const writers *w, const selection *s, const sh_samples_layout *layout)
{
    SH_ASSERT(layout->n_row < INT32_MAX);
    uint8_t *own = SH_NEW(uint8_t, layout->n_row), *all = w->size > 1 ? SH_NEW(uint8_t, layout->n_row) : own;
    for (int64_t i = 0; i < s->n; i++) {
        int64_t at = place_of(s, i, layout);
        SH_ASSERT(at < layout->n_row);
        own[at] = 1;
    }
    if (w->size > 1) MPI_Allreduce(own, all, (int)layout->n_row, MPI_UINT8_T, MPI_BOR, w->comm);
    rows r = {.start = SH_NEW(int64_t, s->n), .count = SH_NEW(int64_t, s->n)};
    for (int64_t at = 0; at < layout->n_row; at++) {
        if (own[at]) {
            bool goes_on = r.n_run && r.start[r.n_run - 1] + r.count[r.n_run - 1] == r.total;
            if (!goes_on) r.start[r.n_run++] = r.total;
            r.count[r.n_run - 1]++;
        }
        r.total += all[at];
    }
    if (all != own) sh_free(all);
    sh_free(own);
    return r;
}

/* With collectives in flight a disk that fills up would leave ranks waiting for each other: the room is looked for before, as if
 * nothing were compressed. */
static sh_status check_room(const char *path, const selection *s, const rows *r)
{
    const int64_t for_headers = 1 << 16;
    int64_t bytes = for_headers;
    char folder[PATH_SIZE];
    struct statvfs info;
    for (int i = 0; i < N_COLUMN; i++)
        bytes += r->total * width_of(&columns[i], s->records->max_sites) * (int64_t)size_of(columns[i].type);
    sh_file_folder(path, folder, sizeof folder);
    if (statvfs(folder, &info) || (double)info.f_bavail * (double)info.f_frsize >= (double)bytes) return SH_OK;
    return SH_FAIL(SH_EIO, "no space left on device: %lld kB are needed, %lld kB are free", (long long)(bytes / 1000),
                   (long long)((double)info.f_bavail * (double)info.f_frsize / 1000));
}

static sh_status create_file(const writers *w, const char *path, sh_h5_file *file)
{
    if (w->size == 1) return sh_h5_create(path, file);
    sh_h5_quiet();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), plist = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_obj_track_times(plist, false);
    H5Pset_fapl_mpio(access, w->comm, MPI_INFO_NULL);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_coll_metadata_write(access, true);
    file->id = H5Fcreate(path, H5F_ACC_TRUNC, plist, access);
    sh_status status = file->id < 0 ? sh_h5_fail("cannot create '%s'", path) : SH_OK; /* before the next call clears the reason */
    H5Pclose(plist);
    H5Pclose(access);
    return status;
}

static sh_status close_file(sh_h5_file *file, const char *path, sh_status status)
{
    if (file->image && status == SH_OK) return sh_h5_finish(file, path);
    bool closed = H5Fclose(file->id) >= 0;
    file->id = -1;
    sh_h5_drop(file);
    return closed ? SH_OK : sh_h5_fail("'%s' does not close", path);
}

/* Integers compress well, the digits of the others do not. */
static hid_t column_creation(const column *c, int rank, const hsize_t *dims)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[3] = {dims[0] < CHUNK_ROWS ? dims[0] : CHUNK_ROWS, rank > 1 ? dims[1] : 1, rank > 2 ? dims[2] : 1};
    H5Pset_obj_track_times(plist, false);
    if (!dims[0]) return plist;
    H5Pset_chunk(plist, rank, chunk);
    if (c->type != F64) {
        H5Pset_shuffle(plist);
        H5Pset_deflate(plist, 1);
    }
    H5Pset_fletcher32(plist);
    return plist;
}

static hid_t select_rows(const rows *r, int rank, const hsize_t *dims)
{
    hid_t space = H5Screate_simple(rank, dims, NULL);
    H5Sselect_none(space);
    for (int64_t i = 0; i < r->n_run; i++) {
        hsize_t start[3] = {(hsize_t)r->start[i], 0, 0}, count[3] = {(hsize_t)r->count[i], dims[1], dims[2]};
        H5Sselect_hyperslab(space, i ? H5S_SELECT_OR : H5S_SELECT_SET, start, NULL, count, NULL);
    }
    return space;
}

/* Collective: every rank goes through all calls, whatever fails. */
static sh_status write_column(hid_t file, const column *c, int32_t max_sites, const rows *r, int64_t n, hid_t transfer,
                              const void *data)
{
    hsize_t dims[3] = {0, 1, 1}, own[3] = {0, 1, 1};
    int rank = shape_of(c, r->total, max_sites, dims);
    shape_of(c, n, max_sites, own);
    hid_t plist = column_creation(c, rank, dims);
    hid_t everything = H5Screate_simple(rank, dims, NULL);
    hid_t set = H5Dcreate2(file, c->name, file_type(c->type), everything, H5P_DEFAULT, plist, H5P_DEFAULT);
    sh_status status = set < 0 ? sh_h5_fail("cannot make column '%s'", c->name) : SH_OK;
    if (set >= 0 && r->total) {
        hid_t selected = select_rows(r, rank, dims), memory = H5Screate_simple(rank, own, NULL);
        if (!n) H5Sselect_none(memory);
        if (H5Dwrite(set, memory_type(c->type), memory, selected, transfer, data) < 0)
            status = sh_h5_fail("cannot write column '%s'", c->name);
        H5Sclose(memory);
        H5Sclose(selected);
    }
    if (set >= 0 && H5Dclose(set) < 0 && status == SH_OK) status = sh_h5_fail("cannot write column '%s'", c->name);
    H5Sclose(everything);
    H5Pclose(plist);
    return status;
}

static sh_status write_head(hid_t file, const char *format, int32_t max_sites, const char *config)
{
    const int64_t version = FORMAT, sites = max_sites;
    char reasons[1024] = "", terms[256] = "";
    for (int i = 0; i < SH_N_REASON; i++) {
        size_t used = strlen(reasons);
        snprintf(reasons + used, sizeof reasons - used, "%s%d %s", i ? ", " : "", i, sh_reason_key((sh_reason)i));
    }
    for (int i = 0; i < SH_N_TERM; i++) {
        size_t used = strlen(terms);
        snprintf(terms + used, sizeof terms - used, "%s%s", i ? ", " : "", sh_term_key((sh_term)i));
    }
    SH_TRY(sh_h5_write_text(file, "/", "format", format));
    SH_TRY(sh_h5_write_attr(file, "/", "format_version", H5T_STD_I64LE, &version));
    SH_TRY(sh_h5_write_attr(file, "/", "max_sites", H5T_STD_I64LE, &sites));
    SH_TRY(sh_h5_write_text(file, "/", "reasons", reasons));
    SH_TRY(sh_h5_write_text(file, "/", "terms", terms));
    return sh_h5_write_text(file, "/", "config", config);
}

static void keep_first(sh_status *status, sh_status new_status)
{
    if (*status == SH_OK) *status = new_status;
}

/* How many crystals were held back: for two atoms too close, and for anything else. */
static const char *const held_back[2] = {"held_back_overlap", "held_back_other"};

static sh_status write_held_back(hid_t file, const int64_t n[2])
{
    for (int k = 0; k < 2; k++)
        SH_TRY(sh_h5_write_attr(file, "/", held_back[k], H5T_STD_I64LE, &n[k]));
    return SH_OK;
}

static sh_status write_origin(hid_t file, const sh_samples_origin *o)
{
    if (!o) return SH_OK;
    SH_TRY(sh_h5_write_text(file, "/", "job", o->job));
    SH_TRY(sh_h5_write_attr(file, "/", "checkpoint", H5T_STD_I64LE, &o->checkpoint));
    SH_TRY(sh_h5_write_attr(file, "/", "seed", H5T_STD_I64LE, &o->seed));
    return sh_h5_write_attr(file, "/", "number", H5T_STD_I64LE, &o->number);
}

/* On all ranks together. */
static sh_status write_counts(const writers *w, hid_t file, const selection *s)
{
    int64_t held[2] = {s->n_overlap, s->n_refused}, all[2] = {held[0], held[1]};
    if (w->size > 1) MPI_Allreduce(held, all, 2, MPI_INT64_T, MPI_SUM, w->comm);
    return write_held_back(file, all);
}

static sh_status write_columns(const writers *w, hid_t file, const sh_space *space, const selection *s, const rows *r)
{
    hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    int32_t max_sites = s->records->max_sites;
    if (w->size > 1) H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
    crystal_columns crystals;
    make_crystals(space, s, &crystals);
    sh_status status = SH_OK;
    for (int i = 0; i < N_COLUMN; i++) {
        const column *c = &columns[i];
        char *data = NULL;
        if (c->from != FROM_CRYSTAL) {
            data = sh_alloc((size_t)(s->n * width_of(c, max_sites)) * size_of(c->type));
            gather_column(c, s, data);
        }
        keep_first(&status,
                   write_column(file, c, max_sites, r, s->n, transfer, data ? data : crystal_data(&crystals, c->crystal)));
        sh_free(data);
    }
    release_crystals(&crystals);
    H5Pclose(transfer);
    return status;
}

sh_status sh_samples_write(const char *path, MPI_Comm comm, const sh_space *space, const char *config,
                           const sh_records *records, const sh_samples_layout *layout)
{
    SH_ASSERT(layout->block * layout->n_block == records->n);
    writers w = writers_of(comm);
    char part[PATH_SIZE];
    sh_h5_file file = {.id = -1};
    sh_file_part(path, part, sizeof part);
    selection s = select_records(records, layout);
    rows r = place_rows(&w, &s, layout);
    sh_status status = w.size > 1 && w.rank == 0 ? check_room(path, &s, &r) : SH_OK;
    if (all_well(&w, status)) status = create_file(&w, part, &file);
    if (all_well(&w, status)) {
        keep_first(&status, write_head(file.id, "shaft samples", records->max_sites, config));
        keep_first(&status, write_origin(file.id, layout->origin));
        keep_first(&status, write_counts(&w, file.id, &s));
        keep_first(&status, write_columns(&w, file.id, space, &s, &r));
    }
    sh_free(r.start);
    sh_free(r.count);
    release_selection(&s);
    if (file.id >= 0) keep_first(&status, close_file(&file, part, status));
    bool well = all_well(&w, status);
    if (w.rank == 0 && well) status = sh_file_publish(path);
    if (w.rank == 0 && !well) unlink(part);
    return status == SH_OK ? SH_OK : sh_error_note(status, "while writing samples '%s'", path);
}

/* ---- segments ---- */

typedef struct {
    sh_segment of;
    char *path;
} segment;

typedef struct {
    int64_t n;
    segment *item;
} segments;

void sh_segment_name(const sh_segment *s, char name[SH_SEGMENT_NAME])
{
    int end = snprintf(name, SH_SEGMENT_NAME, "%06lld-%06lld", (long long)s->first, (long long)s->last);
    if (s->n_part > 1) end += snprintf(name + end, (size_t)(SH_SEGMENT_NAME - end), "-%04dof%04d", s->part, s->n_part);
    snprintf(name + end, (size_t)(SH_SEGMENT_NAME - end), ".h5");
}

/* A number of `least` to `most` digits at *at, which moves behind it; -1 where there is none. */
static int64_t number_at(const char **at, size_t least, size_t most)
{
    size_t n = strspn(*at, "0123456789");
    if (n < least || n > most) return -1;
    int64_t value = strtoll(*at, NULL, 10);
    *at += n;
    return value;
}

bool sh_segment_parse(const char *name, sh_segment *s)
{
    const char *at = name;
    *s = (sh_segment){.n_part = 1};
    if ((s->first = number_at(&at, 6, 18)) < 0 || *at++ != '-' || (s->last = number_at(&at, 6, 18)) < 0) return false;
    if (*at == '-') {
        at++;
        s->part = (int32_t)number_at(&at, 4, 9);
        if (s->part < 0 || strncmp(at, "of", 2)) return false;
        at += 2;
        s->n_part = (int32_t)number_at(&at, 4, 9);
        if (s->n_part < 2 || s->part >= s->n_part) return false;
    }
    return !strcmp(at, ".h5");
}

static sh_status add_segment(const char *folder, const char *name, void *user)
{
    segments *s = user;
    segment one;
    char path[PATH_SIZE];
    if (!sh_segment_parse(name, &one.of)) return SH_OK;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    one.path = sh_strdup(path);
    s->item = sh_realloc(s->item, (size_t)(s->n + 1) * sizeof *s->item);
    s->item[s->n++] = one;
    return SH_OK;
}

static int by_iteration(const void *a, const void *b)
{
    const sh_segment *p = &((const segment *)a)->of, *q = &((const segment *)b)->of;
    return p->first != q->first ? (p->first > q->first) - (p->first < q->first) : (p->part > q->part) - (p->part < q->part);
}

static sh_status list_segments(const char *folder, segments *out)
{
    *out = (segments){0};
    sh_status status = sh_folder_visit(folder, add_segment, out);
    if (out->n) qsort(out->item, (size_t)out->n, sizeof *out->item, by_iteration);
    return status;
}

static void release_segments(segments *s)
{
    for (int64_t i = 0; i < s->n; i++)
        sh_free(s->item[i].path);
    sh_free(s->item);
}

static sh_status check_format(hid_t file, const char *wanted, int32_t *max_sites)
{
    char *format = NULL;
    int64_t version = 0, sites = 0;
    bool same = sh_h5_read_text(file, "/", "format", &format) == SH_OK && !strcmp(format, wanted);
    sh_free(format);
    if (!same) return SH_FAIL(SH_EINPUT, "this is no file of samples");
    SH_TRY(sh_h5_read_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version));
    if (version != FORMAT)
        return SH_FAIL(SH_EINPUT, "it has format %lld, which this version of shaft does not read", (long long)version);
    SH_TRY(sh_h5_read_attr(file, "/", "max_sites", H5T_NATIVE_INT64, &sites));
    if (sites < 1 || sites > SH_MAX_SITES) return SH_FAIL(SH_EINPUT, "%lld sites are out of range", (long long)sites);
    *max_sites = (int32_t)sites;
    return SH_OK;
}

/* Rows, sites and configuration of a segment; what was held back from it is added to `held`. */
static sh_status look_at(const char *path, int64_t *n, int32_t *max_sites, char **config, int64_t held[2])
{
    hid_t file;
    int rank;
    hsize_t dims[4];
    *config = NULL;
    SH_TRY(sh_h5_open(path, &file));
    sh_status status = check_format(file, "shaft samples", max_sites);
    if (status == SH_OK) status = sh_h5_dims(file, "traj", &rank, dims);
    if (status == SH_OK && rank != 1) status = SH_FAIL(SH_EINPUT, "column 'traj' has %d dimensions", rank);
    for (int k = 0; status == SH_OK && k < 2; k++) {
        int64_t more = 0;
        status = sh_h5_read_attr(file, "/", held_back[k], H5T_NATIVE_INT64, &more);
        held[k] += more;
    }
    if (status == SH_OK) status = sh_h5_read_text(file, "/", "config", config);
    *n = status == SH_OK ? (int64_t)dims[0] : 0;
    H5Fclose(file);
    return status == SH_OK ? SH_OK : sh_error_note(status, "while reading samples '%s'", path);
}

/* One column of the index: a virtual dataset over the segments, which lie in the same folder. */
static sh_status index_column(hid_t file, const column *c, int32_t max_sites, const segments *s, const int64_t *n, int64_t total)
{
    hsize_t dims[3] = {0, 1, 1};
    int rank = shape_of(c, total, max_sites, dims);
    hid_t space = H5Screate_simple(rank, dims, NULL), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, false);
    hsize_t at = 0;
    for (int64_t i = 0; i < s->n; i++) {
        hsize_t part[3] = {0, 1, 1}, start[3] = {at, 0, 0};
        if (!n[i]) continue;
        shape_of(c, n[i], max_sites, part);
        hid_t source_space = H5Screate_simple(rank, part, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, part, NULL);
        H5Pset_virtual(plist, space, strrchr(s->item[i].path, '/') + 1, c->name, source_space);
        H5Sclose(source_space);
        at += part[0];
    }
    H5Sselect_all(space);
    hid_t set = H5Dcreate2(file, c->name, file_type(c->type), space, H5P_DEFAULT, plist, H5P_DEFAULT);
    sh_status status = set < 0 ? sh_h5_fail("cannot make column '%s' of the index", c->name) : SH_OK;
    if (set >= 0) H5Dclose(set);
    H5Pclose(plist);
    H5Sclose(space);
    return status;
}

static sh_status write_index(const char *folder, const segments *s, const int64_t *n, int64_t total, int32_t max_sites,
                             const char *config, const int64_t held[2])
{
    char path[PATH_SIZE], part[PATH_SIZE + 8];
    sh_h5_file file;
    snprintf(path, sizeof path, "%s/index.h5", folder);
    sh_file_part(path, part, sizeof part);
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = write_head(file.id, "shaft samples index", max_sites, config);
    if (status == SH_OK) status = write_held_back(file.id, held);
    for (int i = 0; status == SH_OK && i < N_COLUMN; i++)
        status = index_column(file.id, &columns[i], max_sites, s, n, total);
    if (status == SH_OK) status = sh_h5_finish(&file, part);
    sh_h5_drop(&file);
    return status == SH_OK ? sh_file_publish(path) : status;
}

sh_status sh_samples_index(const char *folder)
{
    segments s;
    int64_t total = 0, held[2] = {0, 0};
    int32_t max_sites = 0;
    char *config = NULL;
    sh_status status = list_segments(folder, &s);
    int64_t *n = SH_NEW(int64_t, s.n);
    for (int64_t i = 0; status == SH_OK && i < s.n; i++) {
        int32_t sites = 0;
        char *text;
        status = look_at(s.item[i].path, &n[i], &sites, &text, held);
        if (status == SH_OK && i && sites != max_sites)
            status = SH_FAIL(SH_EINPUT, "'%s' has another number of sites than those before it", s.item[i].path);
        if (i == 0) {
            max_sites = sites;
            config = text;
        } else {
            sh_free(text);
        }
        total += n[i];
    }
    if (status == SH_OK && s.n) status = write_index(folder, &s, n, total, max_sites, config, held);
    if (status == SH_OK && !s.n) { /* an index of nothing */
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/index.h5", folder);
        if (unlink(path) && errno != ENOENT) status = SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno));
    }
    sh_free(config);
    sh_free(n);
    release_segments(&s);
    return status;
}

/* ---- reading ---- */

static sh_status read_column(hid_t file, const column *c, sh_records *records, int64_t first)
{
    hsize_t dims[3];
    int64_t n = records->n - first;
    int rank = shape_of(c, n, records->max_sites, dims);
    char *data = sh_alloc((size_t)(n * width_of(c, records->max_sites)) * size_of(c->type));
    sh_status status = sh_h5_read(file, c->name, memory_type(c->type), rank, dims, data);
    if (status == SH_OK) scatter_column(c, records, first, data);
    sh_free(data);
    return status;
}

/* What the rest of the program takes for granted. */
static sh_status check_records(const sh_records *records, int64_t first)
{
    for (int64_t i = first; i < records->n; i++) {
        sh_record *r = sh_record_at(records, i);
        bool good = r->n_step >= 1 && r->n_step <= records->max_sites && r->result.reason >= 0 && r->result.reason < SH_N_REASON;
        for (int32_t k = 0; good && k < r->n_step; k++) {
            const sh_step *step = &r->step[k];
            good = step->sg_number >= 1 && step->sg_number <= SH_N_GROUP && step->elem_index >= 0 &&
                   step->elem_index < SH_MAX_ELEMENTS;
        }
        if (!good)
            return SH_FAIL(SH_EINPUT, "row %lld has a number of sites, a space group, an element or a reason that does not exist",
                           (long long)(i - first));
        r->result.n_site = r->n_step;
    }
    return SH_OK;
}

static sh_status read_rows(const char *path, int64_t n, sh_records *records)
{
    hid_t file;
    int64_t first = records->n;
    SH_TRY(sh_h5_open(path, &file));
    sh_records_resize(records, first + n);
    sh_status status = SH_OK;
    for (int i = 0; status == SH_OK && i < N_COLUMN; i++)
        if (columns[i].from == FROM_RECORD || columns[i].from == FROM_STEP)
            status = read_column(file, &columns[i], records, first);
    H5Fclose(file);
    if (status == SH_OK) status = check_records(records, first);
    return status == SH_OK ? SH_OK : sh_error_note(status, "while reading samples '%s'", path);
}

static sh_status read_segments(const segments *list, sh_records *records, char **config)
{
    for (int64_t i = 0; i < list->n; i++) {
        const char *path = list->item[i].path;
        int64_t n, held[2] = {0, 0};
        int32_t max_sites;
        char *text;
        SH_TRY(look_at(path, &n, &max_sites, &text, held));
        if (i == 0) {
            *config = text;
            sh_records_create(records, max_sites, n);
        } else {
            sh_free(text);
        }
        if (max_sites != records->max_sites)
            return SH_FAIL(SH_EINPUT, "'%s' has another number of sites than the segments before it", path);
        SH_TRY(read_rows(path, n, records));
    }
    return SH_OK;
}

bool sh_samples_origin_read(const char *path, sh_samples_origin *o)
{
    hid_t file;
    int32_t max_sites;
    char *job = NULL;
    *o = (sh_samples_origin){0};
    sh_status status = sh_h5_open(path, &file);
    if (status == SH_OK) {
        status = check_format(file, "shaft samples", &max_sites);
        if (status == SH_OK) status = sh_h5_read_text(file, "/", "job", &job);
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "checkpoint", H5T_NATIVE_INT64, &o->checkpoint);
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "seed", H5T_NATIVE_INT64, &o->seed);
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "number", H5T_NATIVE_INT64, &o->number);
        H5Fclose(file);
    }
    if (status == SH_OK) snprintf(o->job, sizeof o->job, "%s", job);
    sh_free(job);
    sh_error_clear();
    return status == SH_OK;
}

/* The segments that a path stands for. */
static sh_status resolve(const char *path, segments *out)
{
    char folder[PATH_SIZE];
    struct stat info;
    *out = (segments){0};
    if (stat(path, &info)) return SH_FAIL(SH_EINPUT, "'%s' cannot be opened: %s", path, strerror(errno));
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    if (!S_ISDIR(info.st_mode) && strcmp(base, "index.h5")) {
        out->item = SH_NEW(segment, 1);
        out->item[out->n++] = (segment){.path = sh_strdup(path)};
        return SH_OK;
    }
    if (!S_ISDIR(info.st_mode)) {
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    } else {
        snprintf(folder, sizeof folder, "%s/samples", path);
        if (stat(folder, &info)) snprintf(folder, sizeof folder, "%s", path);
    }
    SH_TRY(list_segments(folder, out));
    if (out->n) return SH_OK;
    return sh_error_hint(SH_FAIL(SH_EINPUT, "there are no samples in '%s'", folder),
                         "samples are written at the first checkpoint, unless run.save_samples is false");
}

sh_status sh_samples_read(const char *path, sh_records *records, char **config)
{
    segments list;
    *records = (sh_records){0};
    *config = NULL;
    sh_status status = resolve(path, &list);
    if (status == SH_OK) status = read_segments(&list, records, config);
    release_segments(&list);
    if (status == SH_OK) sh_records_sort(records); /* parts of an interval lie behind each other, whoever wrote which */
    if (status == SH_OK) return SH_OK;
    if (records->data) sh_records_destroy(records);
    sh_free(*config);
    *config = NULL;
    return status;
}
