#define _POSIX_C_SOURCE 200809L

#include "io/relaxed.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "crystal/lattice.h"
#include "io/files.h"
#include "io/h5.h"
#include "io/sample_set.h"

enum { FORMAT = 2, PATH_SIZE = 4096, LONGEST = 1 << 16 };
static const double MOST_TEXT = 4e9; /* bytes of a column of texts that is read: a damaged file may claim any length */
static const char format_name[] = "shaft relaxed";

/* ---- the columns ---- */

typedef enum { I32, I64, F64 } number_type;
typedef enum { ROWS, ROWS_AND_ONE, ATOMS } length;

typedef struct {
    const char *name;
    number_type type;
    length length;
    int width, rank; /* numbers an entry, and how many dimensions these are: 9 in 2 are 3 x 3 */
    size_t offset;   /* of the pointer in sh_relaxed */
} column;

#define AT(field) offsetof(sh_relaxed, field)
static const column columns[] = {
    {"atom_start", I64, ROWS_AND_ONE, 1, 0, AT(atom_start)},
    {"z", I32, ATOMS, 1, 0, AT(z)},
    {"frac_raw", F64, ATOMS, 3, 1, AT(frac[0])},
    {"frac_relaxed", F64, ATOMS, 3, 1, AT(frac[1])},
    {"lattice_raw", F64, ROWS, 9, 2, AT(lattice[0])},
    {"lattice_relaxed", F64, ROWS, 9, 2, AT(lattice[1])},
    {"e_total_raw", F64, ROWS, 1, 0, AT(energy[0])},
    {"e_total_relaxed", F64, ROWS, 1, 0, AT(energy[1])},
    {"e_form_raw", F64, ROWS, 1, 0, AT(e_form[0])},
    {"e_form_relaxed", F64, ROWS, 1, 0, AT(e_form[1])},
    {"group_raw", I32, ROWS, 1, 0, AT(group[0])},
    {"group_relaxed", I32, ROWS, 1, 0, AT(group[1])},
    {"group_change", I32, ROWS, 1, 0, AT(group_change)},
    {"verdict", I32, ROWS, 1, 0, AT(verdict)},
    {"n_step", I32, ROWS, 1, 0, AT(n_step)},
    {"n_site", I32, ROWS, 1, 0, AT(n_site)},
    {"force_max", F64, ROWS, 1, 0, AT(force_max)},
    {"stress", F64, ROWS, 6, 1, AT(stress)},
    {"shift_max", F64, ROWS, 1, 0, AT(shift_max)},
    {"shift_rms", F64, ROWS, 1, 0, AT(shift_rms)},
    {"volume_ratio", F64, ROWS, 1, 0, AT(volume_ratio)},
    {"sampled_group", I32, ROWS, 1, 0, AT(sampled_group)},
    {"reward", F64, ROWS, 1, 0, AT(reward)},
    {"file", I32, ROWS, 1, 0, AT(file)},
    {"index", I64, ROWS, 1, 0, AT(index)},
};
enum { N_COLUMN = sizeof columns / sizeof *columns };

static void **pointer_of(const sh_relaxed *r, const column *c)
{
    return (void **)((char *)(uintptr_t)r + c->offset);
}

static size_t size_of(number_type type)
{
    return type == I32 ? sizeof(int32_t) : sizeof(double);
}

static int64_t entries_of(const sh_relaxed *r, const column *c)
{
    return c->length == ATOMS ? r->n_atom : r->n + (c->length == ROWS_AND_ONE);
}

static int shape_of(const sh_relaxed *r, const column *c, hsize_t dims[3])
{
    dims[0] = (hsize_t)entries_of(r, c);
    dims[1] = (hsize_t)(c->rank == 2 ? 3 : c->width);
    dims[2] = 3;
    return 1 + c->rank;
}

static void allocate(sh_relaxed *r)
{
    for (int i = 0; i < N_COLUMN; i++)
        *pointer_of(r, &columns[i]) = sh_calloc((size_t)(entries_of(r, &columns[i]) * columns[i].width), size_of(columns[i].type));
    r->path = SH_NEW(char *, r->n_file);
    r->name = SH_NEW(char *, r->n);
    r->message = SH_NEW(char *, r->n);
    r->reward_model = SH_NEW(char *, r->n);
}

static void release_texts(char **text, int64_t n)
{
    for (int64_t i = 0; text && i < n; i++)
        sh_free(text[i]);
    sh_free(text);
}

void sh_relaxed_destroy(sh_relaxed *r)
{
    for (int i = 0; i < N_COLUMN; i++)
        sh_free(*pointer_of(r, &columns[i]));
    release_texts(r->path, r->n_file);
    release_texts(r->name, r->n);
    release_texts(r->message, r->n);
    release_texts(r->reward_model, r->n);
    *r = (sh_relaxed){0};
}

void sh_relaxed_create(const sh_structures *raw, sh_relaxed *out)
{
    *out = (sh_relaxed){.n = raw->n, .n_file = raw->n_file};
    for (int64_t i = 0; i < raw->n; i++)
        out->n_atom += raw->item[i].n_atom;
    allocate(out);
    for (int64_t i = 0; i < raw->n_file; i++)
        out->path[i] = sh_strdup(raw->file[i]);
    for (int64_t i = 0, a = 0; i < raw->n; i++) {
        const sh_structure *s = &raw->item[i];
        for (int k = 0; k < 2; k++) {
            memcpy(out->lattice[k] + 9 * i, s->lattice, sizeof s->lattice);
            if (s->n_atom) memcpy(out->frac[k] + 3 * a, s->frac, (size_t)(3 * s->n_atom) * sizeof *s->frac);
            out->energy[k][i] = out->e_form[k][i] = NAN;
        }
        if (s->n_atom) memcpy(out->z + a, s->z, (size_t)s->n_atom * sizeof *s->z);
        out->atom_start[i + 1] = a += s->n_atom;
        out->verdict[i] = SH_RELAX_UNREADABLE;
        out->force_max[i] = out->shift_max[i] = out->shift_rms[i] = out->volume_ratio[i] = NAN;
        for (int k = 0; k < 6; k++)
            out->stress[6 * i + k] = NAN;
        out->sampled_group[i] = s->sampled_group;
        out->reward[i] = s->reward > 0 ? s->reward : NAN;
        out->reward_model[i] = sh_strdup(s->reward_model ? s->reward_model : "");
        out->file[i] = s->file;
        out->index[i] = s->index;
        out->name[i] = sh_strdup(s->name ? s->name : "");
        out->message[i] = sh_strdup(s->error ? s->error : "");
    }
}

/* ---- writing ---- */

static hid_t type_of(number_type type)
{
    return type == I32 ? H5T_NATIVE_INT32 : type == I64 ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
}

static sh_status write_settings(hid_t file, const sh_relaxed_settings *s)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"fmax", s->opts.fmax},   {"pressure_GPa", s->opts.pressure * SH_GPA}, {"stress_factor", s->opts.stress_factor},
                   {"shake", s->opts.shake}, {"symmetry_symprec", s->opts.symprec},       {"symprec", s->symprec}};
    const struct {
        const char *name;
        int64_t value;
    } integers[] = {{"format_version", FORMAT}, {"max_steps", s->opts.max_steps}, {"fixed_cell", s->opts.fixed_cell},
                    {"seed", (int64_t)s->opts.seed}};
    char verdicts[512] = "", changes[128] = "";
    for (int v = 0; v < SH_RELAX_N_VERDICT; v++)
        snprintf(verdicts + strlen(verdicts), sizeof verdicts - strlen(verdicts), "%s%s", v ? "," : "",
                 sh_relax_verdict_key((sh_relax_verdict)v));
    for (int c = 0; c < SH_N_SYMMETRY_CHANGE; c++)
        snprintf(changes + strlen(changes), sizeof changes - strlen(changes), "%s%s", c ? "," : "",
                 sh_symmetry_change_key((sh_symmetry_change)c));
    SH_TRY(sh_h5_write_text(file, "/", "format", format_name));
    SH_TRY(sh_h5_write_text(file, "/", "job", s->job));
    SH_TRY(sh_h5_write_text(file, "/", "model", s->model));
    SH_TRY(sh_h5_write_text(file, "/", "symmetry", s->opts.p1 ? "free" : "keep"));
    SH_TRY(sh_h5_write_text(file, "/", "verdicts", verdicts));
    SH_TRY(sh_h5_write_text(file, "/", "group_changes", changes));
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        SH_TRY(sh_h5_write_attr(file, "/", integers[i].name, H5T_NATIVE_INT64, &integers[i].value));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        SH_TRY(sh_h5_write_attr(file, "/", numbers[i].name, H5T_NATIVE_DOUBLE, &numbers[i].value));
    return SH_OK;
}

static sh_status write_all(hid_t file, const sh_relaxed_settings *settings, const sh_relaxed *r)
{
    SH_TRY(write_settings(file, settings));
    for (int i = 0; i < N_COLUMN; i++) {
        hsize_t dims[3];
        int rank = shape_of(r, &columns[i], dims);
        SH_TRY(sh_h5_write(file, columns[i].name, type_of(columns[i].type), rank, dims, *pointer_of(r, &columns[i])));
    }
    SH_TRY(sh_h5_write_texts(file, "path", r->path, r->n_file));
    SH_TRY(sh_h5_write_texts(file, "name", r->name, r->n));
    SH_TRY(sh_h5_write_texts(file, "reward_model", r->reward_model, r->n));
    return sh_h5_write_texts(file, "message", r->message, r->n);
}

sh_status sh_relaxed_write(const char *path, const sh_relaxed_settings *settings, const sh_relaxed *relaxed)
{
    char part[PATH_SIZE + 8];
    sh_h5_file file;
    sh_file_part(path, part, sizeof part);
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = write_all(file.id, settings, relaxed);
    if (status == SH_OK) status = sh_h5_finish(&file, part);
    sh_h5_drop(&file);
    return status == SH_OK ? sh_file_publish(path) : status;
}

/* ---- reading ---- */

static sh_status read_texts(hid_t file, const char *name, char **text, int64_t n)
{
    hsize_t dims[4], expected[1] = {(hsize_t)n};
    int rank;
    SH_TRY(sh_h5_dims(file, name, &rank, dims));
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), type = H5Dget_type(set);
    size_t size = H5Tget_size(type);
    bool fixed = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && size < LONGEST &&
                 (double)n * (double)size < MOST_TEXT;
    H5Dclose(set);
    char *all = fixed ? sh_calloc((size_t)n * size + 1, 1) : NULL;
    sh_status status = fixed ? sh_h5_read(file, name, type, 1, expected, all)
                             : SH_FAIL(SH_EIO, "dataset '%s' has no strings of fixed length", name);
    for (int64_t i = 0; status == SH_OK && i < n; i++) {
        text[i] = sh_calloc(size + 1, 1);
        memcpy(text[i], all + (size_t)i * size, size);
    }
    H5Tclose(type);
    sh_free(all);
    return status;
}

/* What the rest of the program takes for granted. */
static sh_status check(const sh_relaxed *r)
{
    bool good = r->atom_start[0] == 0 && r->atom_start[r->n] == r->n_atom;
    for (int64_t i = 0; i < r->n && good; i++) {
        good = r->atom_start[i + 1] >= r->atom_start[i] && r->verdict[i] >= 0 && r->verdict[i] < SH_RELAX_N_VERDICT && r->file[i] >= 0 &&
               r->file[i] < r->n_file && r->group_change[i] >= 0 && r->group_change[i] < SH_N_SYMMETRY_CHANGE;
        for (int k = 0; k < 2 && r->verdict[i] <= SH_RELAX_STEPS; k++) {
            double inverse[9];
            good = good && sh_lattice_invert(r->lattice[k] + 9 * i, inverse);
        }
    }
    for (int64_t a = 0; a < r->n_atom && good; a++) {
        good = r->z[a] >= 1 && r->z[a] <= 118;
        for (int k = 0; k < 6; k++)
            good = good && isfinite(r->frac[k / 3][3 * a + k % 3]);
    }
    return good ? SH_OK : SH_FAIL(SH_EINPUT, "a row has a verdict, atoms or a cell that cannot be");
}

static sh_status read_all(hid_t file, sh_relaxed *out)
{
    hsize_t rows[4], atoms[4], files[4];
    int rank[3];
    int64_t version;
    char *format;
    SH_TRY(sh_h5_read_text(file, "/", "format", &format));
    bool known = !strcmp(format, format_name);
    sh_free(format);
    if (!known) return SH_FAIL(SH_EINPUT, "it holds no relaxed structures");
    SH_TRY(sh_h5_read_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version));
    if (version != FORMAT) {
        SH_FAIL(SH_EINPUT, "its format is version %lld, this program reads %d", (long long)version, FORMAT);
        return sh_error_hint(SH_EINPUT, "make it again with shaft relax --overwrite");
    }
    SH_TRY(sh_h5_dims(file, "verdict", &rank[0], rows));
    SH_TRY(sh_h5_dims(file, "z", &rank[1], atoms));
    SH_TRY(sh_h5_dims(file, "path", &rank[2], files));
    if (rank[0] != 1 || rank[1] != 1 || rank[2] != 1) return SH_FAIL(SH_EIO, "'verdict', 'z' and 'path' are lists");
    out->n = (int64_t)rows[0];
    out->n_atom = (int64_t)atoms[0];
    out->n_file = (int64_t)files[0];
    allocate(out);
    for (int i = 0; i < N_COLUMN; i++) {
        hsize_t dims[3];
        int n_dim = shape_of(out, &columns[i], dims);
        SH_TRY(sh_h5_read(file, columns[i].name, type_of(columns[i].type), n_dim, dims, *pointer_of(out, &columns[i])));
    }
    SH_TRY(read_texts(file, "path", out->path, out->n_file));
    SH_TRY(read_texts(file, "name", out->name, out->n));
    SH_TRY(read_texts(file, "message", out->message, out->n));
    SH_TRY(read_texts(file, "reward_model", out->reward_model, out->n));
    return check(out);
}

sh_status sh_relaxed_read(const char *path, sh_relaxed *out)
{
    hid_t file;
    *out = (sh_relaxed){0};
    SH_TRY(sh_h5_open(path, &file));
    sh_status status = read_all(file, out);
    H5Fclose(file);
    if (status == SH_OK) return SH_OK;
    sh_relaxed_destroy(out);
    return sh_error_note(status, "while reading '%s'", path);
}

/* One text of a file's root; NULL where it is not there, or the file is none. */
static char *root_text(const char *path, const char *name)
{
    hid_t file;
    char *text = NULL;
    if (sh_h5_open(path, &file) == SH_OK) {
        sh_status status = sh_h5_read_text(file, "/", name, &text);
        if (status != SH_OK) text = NULL;
        H5Fclose(file);
    }
    sh_error_clear();
    return text;
}

void sh_relaxed_job(const char *path, char job[65])
{
    char *text = root_text(path, "job");
    snprintf(job, 65, "%s", text ? text : "");
    sh_free(text);
}

void sh_relaxed_structure(const sh_relaxed *r, int64_t i, int which, sh_structure *out)
{
    int64_t first = r->atom_start[i], n = r->atom_start[i + 1] - first;
    sh_structure_create(out, n);
    memcpy(out->lattice, r->lattice[which] + 9 * i, sizeof out->lattice);
    memcpy(out->z, r->z + first, (size_t)n * sizeof *out->z);
    memcpy(out->frac, r->frac[which] + 3 * first, (size_t)(3 * n) * sizeof *out->frac);
    for (int64_t k = 0; k < 3 * n; k++)
        out->frac[k] = sh_wrap01(out->frac[k]);
    if (r->name[i][0]) out->name = sh_strdup(r->name[i]);
    out->sampled_group = r->sampled_group[i];
    out->reward = r->reward[i] > 0 ? r->reward[i] : 0;
    if (r->reward_model[i][0]) out->reward_model = sh_strdup(r->reward_model[i]);
}

static void collect_relaxed(const char *path, int which, sh_structures *out)
{
    sh_relaxed r;
    if (sh_relaxed_read(path, &r) != SH_OK) {
        sh_structures_add_error(out);
        return;
    }
    for (int64_t i = 0; i < r.n; i++) {
        if (which == 0 ? r.verdict[i] != SH_RELAX_UNREADABLE : r.verdict[i] <= SH_RELAX_STEPS) {
            sh_structure s;
            sh_relaxed_structure(&r, i, which, &s);
            sh_structures_add(out, &s);
            continue;
        }
        SH_FAIL(SH_EINPUT, "%s: row %lld was not relaxed: %s", path, (long long)i,
                r.message[i][0] ? r.message[i] : sh_relax_verdict_text((sh_relax_verdict)r.verdict[i]));
        sh_structures_add_error(out);
    }
    if (r.n == 0) {
        SH_FAIL(SH_EINPUT, "%s: no structures in it", path);
        sh_structures_add_error(out);
    }
    sh_relaxed_destroy(&r);
}

bool sh_relaxed_is(const char *path)
{
    char *format = root_text(path, "format");
    bool is = format && !strcmp(format, format_name);
    sh_free(format);
    return is;
}

char *sh_relaxed_model(const char *path)
{
    return root_text(path, "model");
}

char *sh_relaxed_protocol(const char *path)
{
    static const struct {
        const char *name, *format;
    } part[] = {{"fmax", ", fmax %g"}, {"pressure_GPa", ", %g GPa"}, {"shake", ", shaken by %g Å"}};
    char text[256] = "", *symmetry = root_text(path, "symmetry");
    int64_t steps = 0, fixed = 0;
    hid_t file;
    if (!symmetry) return NULL;
    snprintf(text, sizeof text, "symmetry %s", symmetry);
    sh_free(symmetry);
    sh_status status = sh_h5_open(path, &file);
    if (status == SH_OK) {
        for (int i = 0; i < 3 && status == SH_OK; i++) {
            double value = 0;
            status = sh_h5_read_attr(file, "/", part[i].name, H5T_NATIVE_DOUBLE, &value);
            if (value != 0) snprintf(text + strlen(text), sizeof text - strlen(text), part[i].format, value);
        }
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "max_steps", H5T_NATIVE_INT64, &steps);
        if (status == SH_OK) status = sh_h5_read_attr(file, "/", "fixed_cell", H5T_NATIVE_INT64, &fixed);
        snprintf(text + strlen(text), sizeof text - strlen(text), ", at most %lld moves%s", (long long)steps,
                 fixed ? ", fixed cell" : "");
        H5Fclose(file);
    }
    if (status != SH_OK) sh_error_clear();
    return sh_strdup(text);
}

static void collect(const char *path, int which, sh_structures *out)
{
    if (sh_relaxed_is(path))
        collect_relaxed(path, which, out);
    else
        sh_sample_set_collect(path, out);
}

void sh_hdf5_collect(const char *path, sh_structures *out)
{
    collect(path, 1, out);
}

void sh_hdf5_collect_raw(const char *path, sh_structures *out)
{
    collect(path, 0, out);
}
