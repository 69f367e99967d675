#include "io/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crystal/lattice.h"
#include "io/files.h"
#include "io/h5.h"

enum { FORMAT_VERSION = 1 };
static const char format_name[] = "shaft reference";

const char *const sh_energy_name[SH_N_ENERGY] = {"none", "formation", "total"};

/* Room for n + 1 items. */
static void *grown(void *items, int64_t n, int64_t *capacity, size_t size)
{
    if (n < *capacity) return items;
    *capacity = n < 64 ? 128 : 2 * n;
    return sh_realloc(items, (size_t)*capacity * size);
}

static void add_name(sh_names *names, const char *name)
{
    size_t size = strlen(name ? name : "") + 1;
    names->start = grown(names->start, names->n, &names->capacity, sizeof *names->start);
    if (names->used + (int64_t)size > names->room) {
        names->room = 2 * (names->used + (int64_t)size) + 1024;
        names->text = sh_realloc(names->text, (size_t)names->room);
    }
    memcpy(names->text + names->used, name ? name : "", size);
    names->start[names->n++] = names->used;
    names->used += (int64_t)size;
}

static void names_destroy(sh_names *names)
{
    sh_free(names->text);
    sh_free(names->start);
    *names = (sh_names){0};
}

void sh_reference_start(sh_reference *r)
{
    *r = (sh_reference){.energies_of = sh_strdup(""), .attribution = sh_strdup(""), .atom_start = SH_NEW(int64_t, 1)};
}

void sh_reference_destroy(sh_reference *r)
{
    sh_free(r->energies_of);
    sh_free(r->attribution);
    sh_free(r->phase);
    sh_free(r->lattice);
    sh_free(r->energy_per_atom);
    sh_free(r->atom_start);
    sh_free(r->z);
    sh_free(r->frac);
    names_destroy(&r->phase_id);
    names_destroy(&r->structure_id);
    *r = (sh_reference){0};
}

void sh_reference_add_phase(sh_reference *r, const sh_phase *phase, const char *id)
{
    r->phase = grown(r->phase, r->n_phase, &r->phase_capacity, sizeof *r->phase);
    r->phase[r->n_phase++] = *phase;
    add_name(&r->phase_id, id);
}

void sh_reference_add_structure(sh_reference *r, const double lattice[9], int64_t n_atom, const int32_t *z, const double *frac,
                                double energy_per_atom, const char *id)
{
    if (r->n_structure == r->structure_capacity) {
        r->structure_capacity = 2 * r->n_structure + 128;
        r->lattice = sh_realloc(r->lattice, (size_t)r->structure_capacity * 9 * sizeof *r->lattice);
        r->energy_per_atom = sh_realloc(r->energy_per_atom, (size_t)r->structure_capacity * sizeof *r->energy_per_atom);
        r->atom_start = sh_realloc(r->atom_start, (size_t)(r->structure_capacity + 1) * sizeof *r->atom_start);
    }
    if (r->n_atom + n_atom > r->atom_capacity) {
        r->atom_capacity = 2 * (r->n_atom + n_atom) + 1024;
        r->z = sh_realloc(r->z, (size_t)r->atom_capacity * sizeof *r->z);
        r->frac = sh_realloc(r->frac, (size_t)r->atom_capacity * 3 * sizeof *r->frac);
    }
    memcpy(r->lattice + 9 * r->n_structure, lattice, 9 * sizeof *lattice);
    memcpy(r->z + r->n_atom, z, (size_t)n_atom * sizeof *z);
    memcpy(r->frac + 3 * r->n_atom, frac, (size_t)n_atom * 3 * sizeof *frac);
    r->energy_per_atom[r->n_structure] = energy_per_atom;
    r->n_atom += n_atom;
    r->atom_start[++r->n_structure] = r->n_atom;
    add_name(&r->structure_id, id);
}

typedef struct {
    const sh_phase *phase;
    int64_t index;
} sorted_phase;

static int by_composition(const void *a, const void *b)
{
    const sorted_phase *p = a, *q = b;
    int order = sh_phase_compare(p->phase, q->phase);
    if (!order) order = (p->phase->energy > q->phase->energy) - (p->phase->energy < q->phase->energy);
    return order ? order : (p->index > q->index) - (p->index < q->index);
}

void sh_reference_finish(sh_reference *r)
{
    sorted_phase *sorted = SH_NEW(sorted_phase, r->n_phase);
    for (int64_t i = 0; i < r->n_phase; i++)
        sorted[i] = (sorted_phase){&r->phase[i], i};
    qsort(sorted, (size_t)r->n_phase, sizeof *sorted, by_composition);
    sh_reference lowest = {0};
    for (int64_t i = 0; i < r->n_phase; i++)
        if (i == 0 || sh_phase_compare(sorted[i - 1].phase, sorted[i].phase))
            sh_reference_add_phase(&lowest, sorted[i].phase, r->phase_id.text + r->phase_id.start[sorted[i].index]);
    sh_free(sorted);
    sh_free(r->phase);
    names_destroy(&r->phase_id);
    r->phase = lowest.phase;
    r->n_phase = lowest.n_phase;
    r->phase_capacity = lowest.phase_capacity;
    r->phase_id = lowest.phase_id;
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static sh_status write_vector(hid_t file, const char *name, hid_t type, int64_t n, const void *data)
{
    hsize_t dims[1] = {(hsize_t)n};
    return sh_h5_write(file, name, type, 1, dims, data);
}

static sh_status write_rows(hid_t file, const char *name, int64_t n, int columns, const double *data)
{
    hsize_t dims[2] = {(hsize_t)n, (hsize_t)columns};
    return sh_h5_write(file, name, H5T_NATIVE_DOUBLE, 2, dims, data);
}

static sh_status write_names(hid_t file, const char *name, const sh_names *names)
{
    return write_vector(file, name, H5T_NATIVE_CHAR, names->used, names->text);
}

static sh_status write_phases(hid_t file, const sh_reference *r)
{
    int64_t n_part = 0, n = r->n_phase, *start = SH_NEW(int64_t, n + 1);
    for (int64_t i = 0; i < n; i++)
        start[i + 1] = n_part += r->phase[i].n_kind;
    uint8_t *z = SH_NEW(uint8_t, n_part);
    int64_t *count = SH_NEW(int64_t, n_part);
    double *energy = SH_NEW(double, n);
    for (int64_t i = 0; i < n; i++) {
        energy[i] = r->phase[i].energy;
        for (int k = 0; k < r->phase[i].n_kind; k++) {
            z[start[i] + k] = (uint8_t)r->phase[i].z[k];
            count[start[i] + k] = r->phase[i].count[k];
        }
    }
    sh_status status = write_vector(file, "phase/start", H5T_NATIVE_INT64, n + 1, start);
    if (status == SH_OK) status = write_vector(file, "phase/z", H5T_NATIVE_UINT8, n_part, z);
    if (status == SH_OK) status = write_vector(file, "phase/count", H5T_NATIVE_INT64, n_part, count);
    if (status == SH_OK) status = write_vector(file, "phase/energy", H5T_NATIVE_DOUBLE, n, energy);
    if (status == SH_OK) status = write_names(file, "phase/id", &r->phase_id);
    sh_free(start);
    sh_free(z);
    sh_free(count);
    sh_free(energy);
    return status;
}

static sh_status write_structures(hid_t file, const sh_reference *r)
{
    uint8_t *z = SH_NEW(uint8_t, r->n_atom);
    for (int64_t a = 0; a < r->n_atom; a++)
        z[a] = (uint8_t)r->z[a];
    sh_status status = write_vector(file, "structure/atom_start", H5T_NATIVE_INT64, r->n_structure + 1, r->atom_start);
    if (status == SH_OK) status = write_rows(file, "structure/lattice", r->n_structure, 9, r->lattice);
    if (status == SH_OK) status = write_vector(file, "structure/energy", H5T_NATIVE_DOUBLE, r->n_structure, r->energy_per_atom);
    if (status == SH_OK) status = write_vector(file, "structure/z", H5T_NATIVE_UINT8, r->n_atom, z);
    if (status == SH_OK) status = write_rows(file, "structure/frac", r->n_atom, 3, r->frac);
    if (status == SH_OK) status = write_names(file, "structure/id", &r->structure_id);
    sh_free(z);
    return status;
}

static sh_status write_all(hid_t file, const sh_reference *r)
{
    int64_t version = FORMAT_VERSION;
    SH_TRY(sh_h5_write_text(file, "/", "format", format_name));
    SH_TRY(sh_h5_write_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version));
    SH_TRY(sh_h5_write_text(file, "/", "attribution", r->attribution));
    SH_TRY(sh_h5_write_text(file, "/", "energy", sh_energy_name[r->energy]));
    SH_TRY(sh_h5_write_text(file, "/", "energies_of", r->energies_of));
    SH_TRY(write_phases(file, r));
    return write_structures(file, r);
}

sh_status sh_reference_write(const sh_reference *r, const char *path)
{
    char part[4096];
    sh_h5_file file;
    sh_file_part(path, part, sizeof part);
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = write_all(file.id, r);
    if (status == SH_OK) status = sh_h5_finish(&file, part);
    sh_h5_drop(&file);
    return status == SH_OK ? sh_file_publish(path) : status;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

/* A whole vector of numbers; *n comes out, or is what it must be where it is not negative. The caller frees. */
static sh_status read_vector(hid_t file, const char *name, hid_t type, int columns, int64_t *n, void **data)
{
    hsize_t dims[4];
    int rank, want = columns > 1 ? 2 : 1;
    *data = NULL;
    SH_TRY(sh_h5_dims(file, name, &rank, dims));
    if (rank != want || (want == 2 && dims[1] != (hsize_t)columns) || (*n >= 0 && dims[0] != (hsize_t)*n))
        return SH_FAIL(SH_EIO, "dataset '%s' has another shape than it should", name);
    *n = (int64_t)dims[0];
    *data = sh_calloc((size_t)(*n * columns) + 1, H5Tget_size(type));
    sh_status status = sh_h5_read(file, name, type, rank, dims, *data);
    if (status == SH_OK) return SH_OK;
    sh_free(*data);
    *data = NULL;
    return status;
}

/* 0 = start[0] <= start[1] <= ... <= start[n] = total. */
static sh_status check_starts(const char *name, const int64_t *start, int64_t n, int64_t total)
{
    bool good = start[0] == 0 && start[n] == total;
    for (int64_t i = 0; i < n; i++)
        good = good && start[i] <= start[i + 1];
    return good ? SH_OK : SH_FAIL(SH_EIO, "dataset '%s' does not fit the others", name);
}

static sh_status read_names(hid_t file, const char *name, int64_t n, sh_names *names)
{
    void *text = NULL;
    int64_t used = -1, at = 0;
    SH_TRY(read_vector(file, name, H5T_NATIVE_CHAR, 1, &used, &text));
    const char *c = text;
    for (int64_t i = 0; i < n; i++) {
        if (at >= used) break;
        add_name(names, c + at); /* a NUL follows the text in memory */
        at += (int64_t)strlen(c + at) + 1;
    }
    sh_free(text);
    return names->n == n && at == used ? SH_OK : SH_FAIL(SH_EIO, "dataset '%s' has not %lld names", name, (long long)n);
}

typedef struct {
    void *start, *z, *count, *energy;
} phase_columns;

static sh_status read_phase_columns(hid_t file, phase_columns *c, sh_reference *r)
{
    int64_t n_start = -1, n_part = -1;
    SH_TRY(read_vector(file, "phase/start", H5T_NATIVE_INT64, 1, &n_start, &c->start));
    SH_TRY(read_vector(file, "phase/z", H5T_NATIVE_UINT8, 1, &n_part, &c->z));
    SH_TRY(read_vector(file, "phase/count", H5T_NATIVE_INT64, 1, &n_part, &c->count));
    if (n_start < 1) return SH_FAIL(SH_EIO, "dataset 'phase/start' is empty");
    int64_t n = n_start - 1;
    SH_TRY(read_vector(file, "phase/energy", H5T_NATIVE_DOUBLE, 1, &n, &c->energy));
    SH_TRY(check_starts("phase/start", c->start, n, n_part));
    const int64_t *start = c->start, *count = c->count;
    const uint8_t *z = c->z;
    for (int64_t i = 0; i < n; i++) {
        sh_phase phase;
        int32_t kinds[SH_PHASE_MAX_KIND];
        int64_t n_kind = start[i + 1] - start[i];
        double energy = ((const double *)c->energy)[i];
        bool good = n_kind >= 1 && n_kind <= SH_PHASE_MAX_KIND && isfinite(energy);
        for (int64_t k = 0; k < n_kind && good; k++) {
            kinds[k] = z[start[i] + k];
            good = kinds[k] >= 1 && kinds[k] <= 118 && count[start[i] + k] >= 1 && count[start[i] + k] <= INT64_C(1000000000000000);
        }
        if (!good) return SH_FAIL(SH_EIO, "phase %lld is no composition with an energy", (long long)i);
        SH_TRY(sh_phase_create(kinds, count + start[i], n_kind, energy, &phase));
        sh_reference_add_phase(r, &phase, NULL);
    }
    names_destroy(&r->phase_id);
    return read_names(file, "phase/id", n, &r->phase_id);
}

static sh_status read_phases(hid_t file, sh_reference *r)
{
    phase_columns c = {0};
    sh_status status = read_phase_columns(file, &c, r);
    sh_free(c.start);
    sh_free(c.z);
    sh_free(c.count);
    sh_free(c.energy);
    return status;
}

static sh_status check_structures(const sh_reference *r)
{
    double inverse[9];
    SH_TRY(check_starts("structure/atom_start", r->atom_start, r->n_structure, r->n_atom));
    for (int64_t i = 0; i < r->n_structure; i++) {
        int64_t n_atom = r->atom_start[i + 1] - r->atom_start[i];
        if (n_atom < 1 || n_atom > SH_MAX_STRUCTURE_ATOM || !sh_lattice_invert(r->lattice + 9 * i, inverse) ||
            !sh_lattice_short(r->lattice + 9 * i))
            return SH_FAIL(SH_EIO, "structure %lld is no crystal", (long long)i);
    }
    for (int64_t a = 0; a < r->n_atom; a++)
        if (r->z[a] < 1 || r->z[a] > 118) return SH_FAIL(SH_EIO, "atom %lld has no element", (long long)a);
    for (int64_t i = 0; i < 3 * r->n_atom; i++)
        if (!(r->frac[i] >= 0 && r->frac[i] < 1)) return SH_FAIL(SH_EIO, "atom %lld is outside its cell", (long long)(i / 3));
    return SH_OK;
}

static sh_status read_structures(hid_t file, sh_reference *r)
{
    int64_t n_start = -1, n_atom = -1;
    sh_free(r->atom_start);
    r->atom_start = NULL;
    SH_TRY(read_vector(file, "structure/atom_start", H5T_NATIVE_INT64, 1, &n_start, (void **)&r->atom_start));
    if (n_start < 1) return SH_FAIL(SH_EIO, "dataset 'structure/atom_start' is empty");
    int64_t n = n_start - 1;
    SH_TRY(read_vector(file, "structure/lattice", H5T_NATIVE_DOUBLE, 9, &n, (void **)&r->lattice));
    SH_TRY(read_vector(file, "structure/energy", H5T_NATIVE_DOUBLE, 1, &n, (void **)&r->energy_per_atom));
    SH_TRY(read_vector(file, "structure/z", H5T_NATIVE_INT32, 1, &n_atom, (void **)&r->z));
    SH_TRY(read_vector(file, "structure/frac", H5T_NATIVE_DOUBLE, 3, &n_atom, (void **)&r->frac));
    r->n_structure = r->structure_capacity = n;
    r->n_atom = r->atom_capacity = n_atom;
    SH_TRY(check_structures(r));
    return read_names(file, "structure/id", n, &r->structure_id);
}

static sh_status read_head(hid_t file, const char *path, sh_reference *r)
{
    char *format = NULL, *energy = NULL;
    int64_t version = 0;
    bool right = sh_h5_read_text(file, "/", "format", &format) == SH_OK && !strcmp(format, format_name);
    sh_free(format);
    if (!right) {
        sh_error_clear();
        SH_FAIL(SH_EINPUT, "'%s' is no file of reference data", path);
        return sh_error_hint(SH_EINPUT, "shaft reference build makes one from crystals or a table of energies");
    }
    SH_TRY(sh_h5_read_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version));
    if (version != FORMAT_VERSION) {
        SH_FAIL(SH_EINPUT, "'%s' has format version %lld, this program reads %d", path, (long long)version, FORMAT_VERSION);
        return sh_error_hint(SH_EINPUT, "build it again with shaft reference build");
    }
    sh_free(r->attribution);
    r->attribution = NULL;
    SH_TRY(sh_h5_read_text(file, "/", "attribution", &r->attribution));
    SH_TRY(sh_h5_read_text(file, "/", "energy", &energy));
    int kind = 0;
    while (kind < SH_N_ENERGY && strcmp(energy, sh_energy_name[kind]))
        kind++;
    sh_free(energy);
    if (kind == SH_N_ENERGY) return SH_FAIL(SH_EIO, "the attribute 'energy' is none of none, formation, total");
    r->energy = (sh_energy_kind)kind;
    char *whose;
    if (sh_h5_read_text(file, "/", "energies_of", &whose) == SH_OK) {
        sh_free(r->energies_of);
        r->energies_of = whose;
    }
    sh_error_clear(); /* files made before it was asked for do not have it */
    return SH_OK;
}

sh_status sh_reference_read(const char *path, sh_reference *r)
{
    hid_t file;
    sh_reference_start(r);
    sh_status status = sh_h5_open(path, &file);
    if (status != SH_OK) sh_error_hint(status, "shaft reference build makes a file of reference data from crystals or a table of energies");
    if (status == SH_OK) {
        status = read_head(file, path, r);
        if (status == SH_OK) status = read_phases(file, r);
        if (status == SH_OK) status = read_structures(file, r);
        H5Fclose(file);
        if (status != SH_OK) sh_error_note(status, "while reading '%s'", path);
    }
    if (status != SH_OK) sh_reference_destroy(r);
    return status;
}

/* --- use ------------------------------------------------------------------------------------------------------------- */

sh_cell *sh_reference_cells(const sh_reference *r)
{
    sh_cell *cells = SH_NEW(sh_cell, r->n_structure);
    for (int64_t i = 0; i < r->n_structure; i++) {
        int64_t from = r->atom_start[i];
        cells[i] = (sh_cell){.lattice = r->lattice + 9 * i, .n_atom = r->atom_start[i + 1] - from, .z = r->z + from,
                             .frac = r->frac + 3 * from};
    }
    return cells;
}
