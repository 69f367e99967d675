#define _POSIX_C_SOURCE 200809L

#include "io/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { TEXT_MAX = 1 << 24 }; /* of an attribute; no text of ours comes near */

void sh_h5_quiet(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* Walks from the innermost error outwards: the first one tells most. Of a system call that failed, "file write failed: time =
 * ..., error message = 'No space left on device', buf = ..." and much else, what the system said is enough. */
static herr_t first_reason(unsigned n, const H5E_error2_t *error, void *text)
{
    const char said[] = "error message = '", *reason = error->desc ? error->desc : "", *system = strstr(reason, said);
    if (n) return 0;
    if (system) reason = system + strlen(said);
    snprintf(text, 256, "%.*s", (int)(system ? strcspn(reason, "'") : strlen(reason)), reason);
    return 0;
}

sh_status sh_h5_fail(const char *format, ...)
{
    char message[1024], reason[256] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
    H5Eclear2(H5E_DEFAULT);
    return SH_FAIL(SH_EIO, "%s%s%s", message, reason[0] ? ": " : "", reason);
}

sh_status sh_h5_open(const char *path, hid_t *file)
{
    sh_h5_quiet();
    *file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    return *file < 0 ? sh_h5_fail("cannot open '%s' as an HDF5 file", path) : SH_OK;
}

/* The file of the core driver, kept when HDF5 lets go of it: only then all of it is there. */
struct sh_h5_image {
    char *data;
    size_t size; /* in steps of the driver */
};

static void *image_realloc(void *data, size_t size, H5FD_file_image_op_t op, void *user)
{
    sh_h5_image *image = user;
    (void)op;
    char *grown = realloc(data, size);
    if (grown) *image = (sh_h5_image){grown, size};
    return grown;
}

static herr_t image_free(void *data, H5FD_file_image_op_t op, void *user)
{
    const sh_h5_image *image = user;
    (void)op;
    if (data != image->data) free(data);
    return 0;
}

static void *user_copy(void *user)
{
    return user;
}

static herr_t user_free(void *user)
{
    (void)user;
    return 0;
}

sh_status sh_h5_create(const char *path, sh_h5_file *file)
{
    sh_h5_quiet();
    *file = (sh_h5_file){.id = -1, .image = SH_NEW(sh_h5_image, 1)};
    H5FD_file_image_callbacks_t callbacks = {.image_realloc = image_realloc, .image_free = image_free, .udata_copy = user_copy,
                                             .udata_free = user_free, .udata = file->image};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), plist = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_fapl_core(access, 1 << 20, false);
    H5Pset_file_image_callbacks(access, &callbacks);
    H5Pset_obj_track_times(plist, false); /* of the root group; no time stands in a file: equal contents are equal bytes */
    file->id = H5Fcreate(path, H5F_ACC_TRUNC, plist, access);
    sh_status status = file->id < 0 ? sh_h5_fail("cannot create '%s'", path) : SH_OK; /* before the next call clears the reason */
    H5Pclose(plist);
    H5Pclose(access);
    if (status != SH_OK) sh_h5_drop(file);
    return status;
}

void sh_h5_drop(sh_h5_file *file)
{
    if (file->id >= 0) H5Fclose(file->id);
    if (file->image) free(file->image->data);
    sh_free(file->image);
    *file = (sh_h5_file){.id = -1};
}

static sh_status write_all(const char *path, const char *data, size_t size)
{
    const size_t piece = 1 << 18;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) return SH_FAIL(SH_EIO, "cannot create '%s': %s", path, strerror(errno));
    int failed = 0;
    for (size_t at = 0; at < size && !failed;) {
        ssize_t n = pwrite(fd, data + at, size - at < piece ? size - at : piece, (off_t)at);
        if (n > 0) at += (size_t)n;
        else if (errno != EINTR) failed = errno;
    }
    if (close(fd) && !failed) failed = errno;
    return failed ? SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(failed)) : SH_OK;
}

/* The superblock (version 3, of H5F_LIBVER_V110) has the length of the file behind the signature, four bytes and two addresses. */
static size_t length_of_image(const sh_h5_image *image)
{
    enum { AT = 28 };
    size_t length = 0;
    for (int i = 7; image->size > AT + 8 && i >= 0; i--)
        length = length << 8 | (unsigned char)image->data[AT + i];
    return length <= image->size ? length : 0;
}

sh_status sh_h5_finish(sh_h5_file *file, const char *path)
{
    sh_status status = H5Fclose(file->id) < 0 ? sh_h5_fail("'%s' does not close", path) : SH_OK;
    file->id = -1;
    size_t length = length_of_image(file->image);
    if (status == SH_OK)
        status = length ? write_all(path, file->image->data, length) : SH_FAIL(SH_ELIB, "HDF5 left no file for '%s'", path);
    sh_h5_drop(file);
    return status;
}

static hid_t creation(int rank, const hsize_t *dims, hsize_t size)
{
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, false);
    hsize_t chunk[4], bytes = size;
    bool empty = rank == 0;
    for (int i = 0; i < rank; i++) {
        chunk[i] = dims[i];
        bytes *= dims[i] ? dims[i] : 1;
        empty = empty || dims[i] == 0;
    }
    if (empty) return plist;
    for (; bytes > 1 << 20 && chunk[0] > 1; bytes /= 2) /* chunks of about a megabyte, cut along the first axis */
        chunk[0] = (chunk[0] + 1) / 2;
    H5Pset_chunk(plist, rank, chunk);
    H5Pset_fletcher32(plist);
    return plist;
}

/* The groups that `name` is in. HDF5 could make them by itself, but would put the time into them. */
static sh_status make_groups(hid_t file, const char *name)
{
    char group[256];
    hid_t plist = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(plist, false);
    sh_status status = SH_OK;
    for (const char *slash = strchr(name, '/'); slash && status == SH_OK; slash = strchr(slash + 1, '/')) {
        snprintf(group, sizeof group, "%.*s", (int)(slash - name), name);
        if (slash == name || sh_h5_has(file, group)) continue;
        hid_t id = H5Gcreate2(file, group, H5P_DEFAULT, plist, H5P_DEFAULT);
        if (id < 0) status = sh_h5_fail("cannot make group '%s'", group);
        if (id >= 0) H5Gclose(id);
    }
    H5Pclose(plist);
    return status;
}

sh_status sh_h5_write(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, const void *data)
{
    sh_h5_quiet();
    SH_TRY(make_groups(file, name));
    hid_t space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t plist = creation(rank, dims, H5Tget_size(type));
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    bool failed = set < 0 || (H5Sget_simple_extent_npoints(space) > 0 &&
                              H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0);
    sh_status status = failed ? sh_h5_fail("cannot write dataset '%s'", name) : SH_OK;
    if (set >= 0 && H5Dclose(set) < 0 && status == SH_OK) status = sh_h5_fail("cannot write dataset '%s'", name);
    H5Pclose(plist);
    H5Sclose(space);
    return status;
}

/* A size that the file cannot hold is found before memory is asked for. Deflate makes at most 1032 bytes of one, and no chunk
 * that was never written stands for anything here. */
static sh_status check_size(hid_t set, const char *name, int rank, const hsize_t dims[4])
{
    const uint64_t most_from_one = 1032;
    hid_t file = H5Iget_file_id(set); /* what `set` was opened under may be a group */
    hsize_t in_file = 0, stored = H5Dget_storage_size(set);
    uint64_t bytes = 8; /* no type that is read is larger */
    bool empty = false, fits = true;
    H5Fget_filesize(file, &in_file);
    H5Fclose(file);
    uint64_t room = most_from_one * (stored < in_file ? stored : in_file);
    for (int i = 0; i < rank; i++)
        empty = empty || dims[i] == 0;
    for (int i = 0; !empty && fits && i < rank; i++) {
        fits = dims[i] <= room / bytes;
        bytes *= dims[i];
    }
    if (!fits) return SH_FAIL(SH_EIO, "dataset '%s' claims to be larger than the file", name);
    return SH_OK;
}

sh_status sh_h5_dims(hid_t file, const char *name, int *rank, hsize_t dims[4])
{
    sh_h5_quiet();
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return sh_h5_fail("dataset '%s' is missing", name);
    hid_t space = H5Dget_space(set);
    *rank = H5Sget_simple_extent_ndims(space);
    sh_status status = SH_OK;
    if (*rank < 0 || *rank > 4)
        status = SH_FAIL(SH_EIO, "dataset '%s' has %d dimensions", name, *rank);
    else if (H5Sget_simple_extent_dims(space, dims, NULL) < 0)
        status = sh_h5_fail("the shape of dataset '%s' cannot be read", name);
    else
        status = check_size(set, name, *rank, dims);
    H5Sclose(space);
    H5Dclose(set);
    return status;
}

sh_status sh_h5_read(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, void *data)
{
    int have;
    hsize_t extent[4];
    SH_TRY(sh_h5_dims(file, name, &have, extent));
    bool same = have == rank, empty = false;
    for (int i = 0; same && i < rank; i++) {
        same = extent[i] == dims[i];
        empty = empty || dims[i] == 0;
    }
    if (!same) return SH_FAIL(SH_EIO, "dataset '%s' has another shape than expected", name);
    if (empty) return SH_OK;
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0) return sh_h5_fail("cannot open dataset '%s'", name);
    herr_t read = H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    sh_status status = read < 0 ? sh_h5_fail("cannot read dataset '%s'", name) : SH_OK;
    H5Dclose(set);
    return status;
}

bool sh_h5_has(hid_t file, const char *name)
{
    return H5Lexists(file, name, H5P_DEFAULT) > 0;
}

sh_status sh_h5_write_attr(hid_t file, const char *object, const char *name, hid_t type, const void *value)
{
    sh_h5_quiet();
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attr = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    sh_status status = attr < 0 || H5Awrite(attr, type, value) < 0 ? sh_h5_fail("cannot write attribute '%s'", name) : SH_OK;
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    return status;
}

static int64_t length_of(hid_t attr)
{
    hid_t space = H5Aget_space(attr);
    int64_t n = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    return n;
}

sh_status sh_h5_read_attrs(hid_t file, const char *object, const char *name, hid_t type, int64_t n, void *values)
{
    sh_h5_quiet();
    hid_t attr = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0) return sh_h5_fail("attribute '%s' is missing", name);
    sh_status status = SH_OK;
    if (length_of(attr) != n)
        status = SH_FAIL(SH_EIO, "attribute '%s' has %lld values, not %lld", name, (long long)length_of(attr), (long long)n);
    else if (H5Aread(attr, type, values) < 0)
        status = sh_h5_fail("cannot read attribute '%s'", name);
    H5Aclose(attr);
    return status;
}

sh_status sh_h5_read_attr(hid_t file, const char *object, const char *name, hid_t type, void *value)
{
    return sh_h5_read_attrs(file, object, name, type, 1, value);
}

sh_status sh_h5_attr_size(hid_t file, const char *object, const char *name, int64_t *n)
{
    sh_h5_quiet();
    hid_t attr = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0) return sh_h5_fail("attribute '%s' is missing", name);
    *n = length_of(attr);
    H5Aclose(attr);
    return SH_OK;
}

sh_status sh_h5_write_text(hid_t file, const char *object, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    sh_status status = sh_h5_write_attr(file, object, name, type, text);
    H5Tclose(type);
    return status;
}

sh_status sh_h5_write_texts(hid_t file, const char *name, char *const *text, int64_t n)
{
    size_t longest = 1;
    for (int64_t i = 0; i < n; i++)
        longest = strlen(text[i]) > longest ? strlen(text[i]) : longest;
    longest = longest < SH_H5_TEXTS_MAX ? longest : SH_H5_TEXTS_MAX;
    char *all = sh_calloc((size_t)n * longest + 1, 1);
    for (int64_t i = 0; i < n; i++)
        memcpy(all + (size_t)i * longest, text[i], strnlen(text[i], longest));
    hid_t type = H5Tcopy(H5T_C_S1);
    hsize_t dims[1] = {(hsize_t)n};
    H5Tset_size(type, longest);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    sh_status status = sh_h5_write(file, name, type, 1, dims, all);
    H5Tclose(type);
    sh_free(all);
    return status;
}

sh_status sh_h5_read_text(hid_t file, const char *object, const char *name, char **text)
{
    sh_h5_quiet();
    *text = NULL;
    hid_t attr = H5Aopen_by_name(file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0) return sh_h5_fail("attribute '%s' is missing", name);
    hid_t stored = H5Aget_type(attr), type = H5Tcopy(H5T_C_S1);
    size_t size = H5Tget_size(stored);
    bool fixed = H5Tget_class(stored) == H5T_STRING && H5Tis_variable_str(stored) == 0;
    sh_status status = SH_OK;
    if (!fixed || length_of(attr) != 1 || size > TEXT_MAX) {
        status = SH_FAIL(SH_EIO, "attribute '%s' is no string of fixed length", name);
    } else {
        *text = SH_NEW(char, size + 1);
        H5Tset_size(type, size + 1);
        if (H5Aread(attr, type, *text) < 0) status = sh_h5_fail("cannot read attribute '%s'", name);
        (*text)[size] = '\0';
    }
    if (status != SH_OK) {
        sh_free(*text);
        *text = NULL;
    }
    H5Tclose(type);
    H5Tclose(stored);
    H5Aclose(attr);
    return status;
}
