#define _POSIX_C_SOURCE 200809L

#include "io/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/files.h"
#include "io/h5.h"

enum { FORMAT = 1, PATH_SIZE = 4096, NAME_SIZE = 128, TEXT_MAX = 60000 };

typedef enum { ITEM_ARRAY, ITEM_INTEGER, ITEM_NUMBER, ITEM_TEXT } item_kind;

typedef struct {
    char name[NAME_SIZE];
    item_kind kind;
    sh_array_type type;
    int n_dim;
    int64_t dims[SH_ARRAY_MAX_DIM];
    const void *data; /* of an array: the caller's, or `owned` */
    void *owned;
    int64_t integer;
    double number;
    char *text;
} item;

struct sh_checkpoint {
    int64_t n, capacity;
    item *item;
};

static hid_t type_of(sh_array_type type)
{
    switch (type) {
    case SH_ARRAY_U8: return H5T_STD_U8LE;
    case SH_ARRAY_I32: return H5T_STD_I32LE;
    case SH_ARRAY_I64: return H5T_STD_I64LE;
    case SH_ARRAY_U64: return H5T_STD_U64LE;
    case SH_ARRAY_F32: return H5T_IEEE_F32LE;
    default: return H5T_IEEE_F64LE;
    }
}

static const char *const type_name[SH_N_ARRAY] = {"u8", "i32", "i64", "u64", "f32", "f64"};
static const size_t type_size[SH_N_ARRAY] = {1, 4, 8, 8, 4, 8};

static size_t array_bytes(const item *it)
{
    size_t bytes = type_size[it->type];
    for (int i = 0; i < it->n_dim; i++)
        bytes *= (size_t)it->dims[i];
    return bytes;
}

sh_checkpoint *sh_checkpoint_create(void)
{
    return SH_NEW(sh_checkpoint, 1);
}

void sh_checkpoint_destroy(sh_checkpoint **checkpoint)
{
    sh_checkpoint *c = *checkpoint;
    if (!c) return;
    for (int64_t i = 0; i < c->n; i++) {
        sh_free(c->item[i].owned);
        sh_free(c->item[i].text);
    }
    sh_free(c->item);
    sh_free(c);
    *checkpoint = NULL;
}

static item *look_up(const sh_checkpoint *c, const char *name)
{
    for (int64_t i = 0; i < c->n; i++)
        if (!strcmp(c->item[i].name, name)) return &c->item[i];
    return NULL;
}

static item *add(sh_checkpoint *c, const char *name, item_kind kind)
{
    SH_ASSERT(strlen(name) < NAME_SIZE && !look_up(c, name));
    if (c->n == c->capacity) {
        c->capacity = c->capacity ? 2 * c->capacity : 64;
        c->item = sh_realloc(c->item, (size_t)c->capacity * sizeof *c->item);
    }
    item *it = &c->item[c->n++];
    memset(it, 0, sizeof *it);
    it->kind = kind;
    snprintf(it->name, sizeof it->name, "%s", name);
    return it;
}

void sh_checkpoint_put(sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, const int64_t *dims,
                       const void *data)
{
    SH_ASSERT(n_dim >= 1 && n_dim <= SH_ARRAY_MAX_DIM);
    item *it = add(c, name, ITEM_ARRAY);
    it->type = type;
    it->n_dim = n_dim;
    memcpy(it->dims, dims, (size_t)n_dim * sizeof *dims);
    it->data = data;
}

void sh_checkpoint_put_integer(sh_checkpoint *c, const char *name, int64_t value)
{
    add(c, name, ITEM_INTEGER)->integer = value;
}

void sh_checkpoint_put_number(sh_checkpoint *c, const char *name, double value)
{
    add(c, name, ITEM_NUMBER)->number = value;
}

void sh_checkpoint_put_text(sh_checkpoint *c, const char *name, const char *text)
{
    SH_ASSERT(strlen(text) < TEXT_MAX); /* what the header of an object can hold */
    add(c, name, ITEM_TEXT)->text = sh_strdup(text);
}

void sh_checkpoint_own(sh_checkpoint *c)
{
    for (int64_t i = 0; i < c->n; i++) {
        item *it = &c->item[i];
        size_t bytes = it->kind == ITEM_ARRAY && !it->owned ? array_bytes(it) : 0;
        if (bytes) it->data = it->owned = memcpy(sh_alloc(bytes), it->data, bytes);
    }
}

/* ---- writing ---- */

static sh_status write_item(hid_t file, const item *it)
{
    hsize_t dims[SH_ARRAY_MAX_DIM];
    switch (it->kind) {
    case ITEM_INTEGER: return sh_h5_write_attr(file, "/", it->name, H5T_STD_I64LE, &it->integer);
    case ITEM_NUMBER: return sh_h5_write_attr(file, "/", it->name, H5T_IEEE_F64LE, &it->number);
    case ITEM_TEXT: return sh_h5_write_text(file, "/", it->name, it->text);
    case ITEM_ARRAY: break;
    }
    for (int i = 0; i < it->n_dim; i++)
        dims[i] = (hsize_t)it->dims[i];
    return sh_h5_write(file, it->name, type_of(it->type), it->n_dim, dims, it->data);
}

static sh_status write_items(hid_t file, const sh_checkpoint *c)
{
    const int64_t format = FORMAT, n = c->n;
    SH_TRY(sh_h5_write_text(file, "/", "format", "shaft checkpoint"));
    SH_TRY(sh_h5_write_attr(file, "/", "format_version", H5T_STD_I64LE, &format));
    SH_TRY(sh_h5_write_attr(file, "/", "items", H5T_STD_I64LE, &n));
    for (int64_t i = 0; i < c->n; i++)
        SH_TRY(write_item(file, &c->item[i]));
    return SH_OK;
}

static sh_status write_file(const char *path, const sh_checkpoint *c)
{
    char part[PATH_SIZE];
    sh_h5_file file;
    sh_file_part(path, part, sizeof part);
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = write_items(file.id, c);
    if (status == SH_OK) status = sh_h5_finish(&file, part);
    sh_h5_drop(&file);
    if (status == SH_OK) return sh_file_publish(path);
    unlink(part);
    return sh_error_note(status, "while writing '%s'", path);
}

static bool same_item(const item *a, const item *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case ITEM_INTEGER: return a->integer == b->integer;
    case ITEM_NUMBER: return !memcmp(&a->number, &b->number, sizeof a->number);
    case ITEM_TEXT: return !strcmp(a->text, b->text);
    case ITEM_ARRAY: break;
    }
    return a->type == b->type && a->n_dim == b->n_dim && !memcmp(a->dims, b->dims, (size_t)a->n_dim * sizeof *a->dims) &&
           (!array_bytes(a) || !memcmp(a->data, b->data, array_bytes(a)));
}

static sh_status verify(const char *path, const sh_checkpoint *c)
{
    sh_checkpoint *again;
    SH_TRY(sh_checkpoint_read(path, &again));
    sh_status status = SH_OK;
    for (int64_t i = 0; status == SH_OK && i < c->n; i++) {
        const item *other = look_up(again, c->item[i].name);
        if (!other || !same_item(&c->item[i], other))
            status = SH_FAIL(SH_EIO, "'%s' of checkpoint '%s' reads back changed: is the disk healthy?", c->item[i].name, path);
    }
    sh_checkpoint_destroy(&again);
    return status;
}

/* Iterations of the checkpoints in a folder, ascending. */
typedef struct {
    int64_t n, *iteration;
} listing;

/* 000400.h5 -> 400; -1 for another name. */
static int64_t iteration_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    if (digits < 6 || digits > 18 || strcmp(name + digits, ".h5")) return -1;
    return strtoll(name, NULL, 10);
}

static sh_status list_one(const char *folder, const char *name, void *user)
{
    (void)folder;
    listing *l = user;
    int64_t iteration = iteration_of(name);
    if (iteration < 0) return SH_OK;
    l->iteration = sh_realloc(l->iteration, (size_t)(l->n + 1) * sizeof *l->iteration);
    l->iteration[l->n++] = iteration;
    return SH_OK;
}

static int ascending(const void *a, const void *b)
{
    int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
    return (p > q) - (p < q);
}

static sh_status list_all(const char *folder, listing *l)
{
    *l = (listing){0};
    sh_status status = sh_folder_visit(folder, list_one, l);
    if (l->n) qsort(l->iteration, (size_t)l->n, sizeof *l->iteration, ascending);
    return status;
}

static void path_of(const char *folder, int64_t iteration, char *path, size_t size)
{
    snprintf(path, size, "%s/%06lld.h5", folder, (long long)iteration);
}

/* Those older than this one, but for keep - 1 of them. Newer ones, which a resumed run passed over, are not counted. */
static sh_status prune(const char *folder, int64_t iteration, int64_t keep)
{
    listing l;
    char path[PATH_SIZE];
    sh_status status = list_all(folder, &l);
    int64_t n_older = 0;
    while (n_older < l.n && l.iteration[n_older] < iteration)
        n_older++;
    for (int64_t i = 0; status == SH_OK && i < n_older - (keep - 1); i++) {
        path_of(folder, l.iteration[i], path, sizeof path);
        if (unlink(path) && errno != ENOENT) status = SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno));
    }
    sh_free(l.iteration);
    return status;
}

sh_status sh_checkpoint_write(const sh_checkpoint *c, const char *folder, int64_t iteration, int64_t keep)
{
    char path[PATH_SIZE];
    SH_TRY(sh_folder_make(folder));
    path_of(folder, iteration, path, sizeof path);
    SH_TRY(write_file(path, c));
    SH_TRY(verify(path, c));
    return prune(folder, iteration, keep);
}

/* ---- reading ---- */

static sh_status array_type(hid_t set, const char *name, sh_array_type *out)
{
    hid_t type = H5Dget_type(set);
    int found = SH_N_ARRAY;
    for (int t = 0; t < SH_N_ARRAY; t++)
        if (H5Tequal(type, type_of((sh_array_type)t)) > 0) found = t;
    H5Tclose(type);
    if (found == SH_N_ARRAY) return SH_FAIL(SH_EIO, "array '%s' has a type that is not known", name);
    *out = (sh_array_type)found;
    return SH_OK;
}

static sh_status read_array(hid_t file, const char *name, sh_checkpoint *c)
{
    if (strlen(name) >= NAME_SIZE || look_up(c, name)) return SH_FAIL(SH_EIO, "'%.40s...' is no name of an array", name);
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return sh_h5_fail("array '%s' cannot be opened", name);
    sh_array_type type = SH_ARRAY_U8;
    sh_status status = array_type(set, name, &type);
    H5Dclose(set);
    SH_TRY(status);
    int n_dim;
    hsize_t dims[4];
    SH_TRY(sh_h5_dims(file, name, &n_dim, dims));
    if (n_dim < 1) return SH_FAIL(SH_EIO, "array '%s' has no dimensions", name);
    item *it = add(c, name, ITEM_ARRAY);
    it->type = type;
    it->n_dim = n_dim;
    for (int i = 0; i < n_dim; i++)
        it->dims[i] = (int64_t)dims[i];
    it->data = it->owned = sh_alloc(array_bytes(it));
    return sh_h5_read(file, name, type_of(type), n_dim, dims, it->owned);
}

static sh_status read_attribute(hid_t file, const char *name, sh_checkpoint *c)
{
    if (strlen(name) >= NAME_SIZE || look_up(c, name)) return SH_FAIL(SH_EIO, "'%.40s...' is no name of an entry", name);
    hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
    if (attribute < 0) return sh_h5_fail("'%s' cannot be opened", name);
    hid_t type = H5Aget_type(attribute);
    H5T_class_t class = H5Tget_class(type);
    H5Tclose(type);
    H5Aclose(attribute);
    item *it = add(c, name, class == H5T_INTEGER ? ITEM_INTEGER : class == H5T_FLOAT ? ITEM_NUMBER : ITEM_TEXT);
    if (it->kind == ITEM_INTEGER) return sh_h5_read_attr(file, "/", name, H5T_NATIVE_INT64, &it->integer);
    if (it->kind == ITEM_NUMBER) return sh_h5_read_attr(file, "/", name, H5T_NATIVE_DOUBLE, &it->number);
    return sh_h5_read_text(file, "/", name, &it->text);
}

typedef struct {
    sh_checkpoint *c;
    sh_status status;
} visit_state;

static herr_t visit_object(hid_t file, const char *name, const H5O_info_t *info, void *user)
{
    visit_state *v = user;
    if (info->type == H5O_TYPE_DATASET) v->status = read_array(file, name, v->c);
    return v->status == SH_OK ? 0 : -1;
}

static herr_t visit_attribute(hid_t file, const char *name, const H5A_info_t *info, void *user)
{
    visit_state *v = user;
    (void)info;
    v->status = read_attribute(file, name, v->c);
    return v->status == SH_OK ? 0 : -1;
}

/* The three entries that write_items adds, checked and taken out again. */
static sh_status check_head(sh_checkpoint *c)
{
    const item *version = look_up(c, "format_version"), *items = look_up(c, "items");
    if (!version || !items) return SH_FAIL(SH_EIO, "this is no checkpoint of shaft");
    if (version->integer != FORMAT)
        return SH_FAIL(SH_EIO, "it has format %lld, which this version of shaft does not read", (long long)version->integer);
    if (items->integer != c->n - 3)
        return SH_FAIL(SH_EIO, "%lld of %lld entries are missing", (long long)(items->integer - (c->n - 3)),
                       (long long)items->integer);
    return SH_OK;
}

static sh_status read_items(hid_t file, sh_checkpoint *c)
{
    visit_state v = {c, SH_OK};
    hsize_t at = 0;
    herr_t attributes = H5Aiterate2(file, H5_INDEX_NAME, H5_ITER_INC, &at, visit_attribute, &v);
    if (v.status != SH_OK) return v.status;
    if (attributes < 0) return sh_h5_fail("its entries cannot be listed");
    const item *format = look_up(c, "format"); /* before its arrays: another file has others */
    if (!format || format->kind != ITEM_TEXT || strcmp(format->text, "shaft checkpoint"))
        return SH_FAIL(SH_EIO, "this is no checkpoint of shaft");
    herr_t arrays = H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit_object, &v, H5O_INFO_BASIC);
    if (v.status != SH_OK) return v.status;
    if (arrays < 0) return sh_h5_fail("its arrays cannot be listed");
    return check_head(c);
}

sh_status sh_checkpoint_read(const char *path, sh_checkpoint **out)
{
    hid_t file;
    *out = NULL;
    SH_TRY(sh_h5_open(path, &file));
    sh_checkpoint *c = sh_checkpoint_create();
    sh_status status = read_items(file, c);
    H5Fclose(file);
    if (status != SH_OK) {
        sh_checkpoint_destroy(&c);
        return sh_error_note(status, "while reading checkpoint '%s'", path);
    }
    *out = c;
    return SH_OK;
}

sh_status sh_checkpoint_find(const char *folder, bool warn, sh_checkpoint **out, int64_t *iteration)
{
    listing l;
    char path[PATH_SIZE];
    *out = NULL;
    sh_status status = list_all(folder, &l);
    int64_t i = l.n - 1;
    for (; status == SH_OK && i >= 0; i--) {
        path_of(folder, l.iteration[i], path, sizeof path);
        *iteration = l.iteration[i];
        if (sh_checkpoint_read(path, out) == SH_OK) break;
        if (warn) sh_log_warn("a checkpoint is skipped: %s", sh_error_message());
        sh_error_clear();
    }
    if (status == SH_OK && l.n && i < 0)
        status = sh_error_hint(SH_FAIL(SH_EIO, "none of the %lld checkpoints in '%s' can be read", (long long)l.n, folder),
                               "put a copy of one there, or start anew in another directory");
    sh_free(l.iteration);
    return status;
}

static sh_status need(const sh_checkpoint *c, const char *name, item_kind kind, const item **out)
{
    *out = look_up(c, name);
    if (!*out) return SH_FAIL(SH_EIO, "'%s' is missing in the checkpoint", name);
    if ((*out)->kind != kind) return SH_FAIL(SH_EIO, "'%s' of the checkpoint is of another kind", name);
    return SH_OK;
}

sh_status sh_checkpoint_array(const sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, int64_t *dims,
                              const void **data)
{
    const item *it;
    SH_TRY(need(c, name, ITEM_ARRAY, &it));
    if (it->type != type)
        return SH_FAIL(SH_EIO, "'%s' of the checkpoint holds %s, not %s", name, type_name[it->type], type_name[type]);
    if (it->n_dim != n_dim) return SH_FAIL(SH_EIO, "'%s' of the checkpoint has %d dimensions, not %d", name, it->n_dim, n_dim);
    for (int i = 0; i < n_dim; i++) {
        if (dims[i] >= 0 && dims[i] != it->dims[i])
            return SH_FAIL(SH_EIO, "'%s' of the checkpoint has length %lld in dimension %d, not %lld", name,
                           (long long)it->dims[i], i + 1, (long long)dims[i]);
        dims[i] = it->dims[i];
    }
    *data = it->data;
    return SH_OK;
}

sh_status sh_checkpoint_copy(const sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, const int64_t *dims,
                             void *data)
{
    int64_t wanted[SH_ARRAY_MAX_DIM];
    const void *from;
    memcpy(wanted, dims, (size_t)n_dim * sizeof *dims);
    SH_TRY(sh_checkpoint_array(c, name, type, n_dim, wanted, &from));
    const item *it = look_up(c, name);
    if (array_bytes(it)) memcpy(data, from, array_bytes(it));
    return SH_OK;
}

sh_status sh_checkpoint_integer(const sh_checkpoint *c, const char *name, int64_t *value)
{
    const item *it;
    SH_TRY(need(c, name, ITEM_INTEGER, &it));
    *value = it->integer;
    return SH_OK;
}

sh_status sh_checkpoint_number(const sh_checkpoint *c, const char *name, double *value)
{
    const item *it;
    SH_TRY(need(c, name, ITEM_NUMBER, &it));
    *value = it->number;
    return SH_OK;
}

sh_status sh_checkpoint_text(const sh_checkpoint *c, const char *name, const char **text)
{
    const item *it;
    SH_TRY(need(c, name, ITEM_TEXT, &it));
    *text = it->text;
    return SH_OK;
}
