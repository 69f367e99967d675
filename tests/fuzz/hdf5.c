/* The readers of weights, checkpoints and samples. The first byte chooses the reader (its low two bits) and what it is given:
 * the other bytes as they are, or (bit 2; bit 3: samples become crystals too) a whole HDF5 file that the other bytes describe. Metadata carry checksums, so changed
 * bytes end at the first of them; the description gets past: every attribute and dataset that the reader asks for, left out, of
 * another type, another shape, another length, a link or a group in its place. The seeds of that kind are bytes such as a plain
 * file takes (0: as it should be) with few of them changed. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <unistd.h>

#include "base/log.h"
#include "io/checkpoint.h"
#include "io/h5.h"
#include "io/sample_set.h"
#include "io/samples.h"
#include "io/weights_h5.h"

static char path[256];

static void remove_file(void)
{
    unlink(path);
}

static void begin(void)
{
    if (path[0]) return;
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/shaft-fuzz-XXXXXX", folder ? folder : "/tmp");
    int fd = mkstemp(path);
    PROMISE(fd >= 0);
    close(fd);
    atexit(remove_file);
    sh_log_setup(SH_LOG_QUIET, 1, 1);
    sh_h5_quiet();
}

/* ---- a file from a description ---- */

typedef struct {
    const uint8_t *p, *end;
} bytes;

/* 0 where no bytes are left: the rest of the file is as it should be. */
static uint8_t take(bytes *b)
{
    return b->p < b->end ? *b->p++ : 0;
}

static uint64_t take_number(bytes *b, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++)
        value = value << 8 | take(b);
    return value;
}

static hid_t other_type(uint8_t which)
{
    hid_t type, member;
    switch (which % 12) {
    case 0: return H5Tcopy(H5T_STD_I8LE);
    case 1: return H5Tcopy(H5T_STD_U64BE);
    case 2: return H5Tcopy(H5T_IEEE_F32BE);
    case 3: return H5Tcopy(H5T_IEEE_F64LE);
    case 4: return H5Tcopy(H5T_STD_U8LE);
    case 5: type = H5Tcopy(H5T_C_S1); H5Tset_size(type, 1 + which); return type;
    case 6: type = H5Tcopy(H5T_C_S1); H5Tset_size(type, H5T_VARIABLE); return type;
    case 7: return H5Tcreate(H5T_OPAQUE, 16);
    case 8:
        type = H5Tcreate(H5T_COMPOUND, 16);
        H5Tinsert(type, "a", 0, H5T_STD_I64LE);
        H5Tinsert(type, "b", 8, H5T_IEEE_F64LE);
        return type;
    case 9: return H5Tarray_create2(H5T_STD_I32LE, 2, (hsize_t[]){3, 5});
    case 10: type = H5Tenum_create(H5T_NATIVE_INT); H5Tenum_insert(type, "x", &(int){1}); return type;
    default:
        member = H5Tcopy(H5T_IEEE_F32LE);
        type = H5Tvlen_create(member);
        H5Tclose(member);
        return type;
    }
}

static hid_t other_space(bytes *b, hsize_t dims[4])
{
    uint8_t how = take(b);
    int rank = how % 5;
    if (how == 255) return H5Screate(H5S_NULL);
    for (int i = 0; i < rank; i++)
        dims[i] = how & 64 ? (hsize_t)take_number(b, 6) : take(b);
    return rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
}

static void fill(bytes *b, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = b->p < b->end ? *b->p++ : (uint8_t)(i * 7);
}

/* An attribute of n values; where nothing is changed it has those given. */
static void change_attr(hid_t file, bytes *b, uint8_t change, const char *name, hid_t type, int n, const void *value)
{
    static uint8_t data[1 << 16];
    hsize_t dims[4] = {(hsize_t)n};
    if (change == 1) return;
    hid_t t = change == 2 || change == 4 ? other_type(take(b)) : H5Tcopy(type);
    hid_t space = change == 3 || change == 4 ? other_space(b, dims) : n > 1 ? H5Screate_simple(1, dims, NULL) : H5Screate(H5S_SCALAR);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(t);
    bool small = true; /* HDF5 asks for the memory of an attribute when it is made */
    for (int i = 0; i < 4; i++)
        small = small && dims[i] < 100;
    hid_t attr = small ? H5Acreate2(file, name, t, space, H5P_DEFAULT, H5P_DEFAULT) : -1;
    bool plain = H5Tget_class(t) != H5T_VLEN && !(H5Tget_class(t) == H5T_STRING && H5Tis_variable_str(t) > 0);
    if (attr >= 0 && change == 0) {
        H5Awrite(attr, t, value);
    } else if (attr >= 0 && plain && points > 0 && (uint64_t)points <= sizeof data / size) {
        fill(b, data, (size_t)points * size);
        H5Awrite(attr, t, data);
    }
    if (attr >= 0) H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(t);
}

static void put_attr(hid_t file, bytes *b, const char *name, hid_t type, int n, const void *value)
{
    change_attr(file, b, take(b), name, type, n, value);
}

static void put_text(hid_t file, bytes *b, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, strlen(text) + 1);
    put_attr(file, b, name, type, 1, text);
    H5Tclose(type);
}

static void put_integer(hid_t file, bytes *b, const char *name, int64_t value)
{
    put_attr(file, b, name, H5T_STD_I64LE, 1, &value);
}

static void put_number(hid_t file, bytes *b, const char *name, double value)
{
    put_attr(file, b, name, H5T_IEEE_F64LE, 1, &value);
}

/* A dataset; data NULL: bytes of the description. */
static void change_set(hid_t file, bytes *b, uint8_t change, const char *name, hid_t type, int rank, const hsize_t *wanted,
                       const void *data)
{
    static uint8_t made[1 << 16];
    hsize_t dims[4] = {0};
    for (int i = 0; i < rank; i++)
        dims[i] = wanted[i];
    hid_t links = H5Pcreate(H5P_LINK_CREATE), plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    if (change == 5) H5Lcreate_soft("/nowhere", file, name, links, H5P_DEFAULT);
    if (change == 6) H5Lcreate_soft("/", file, name, links, H5P_DEFAULT);
    if (change == 7) H5Gclose(H5Gcreate2(file, name, links, H5P_DEFAULT, H5P_DEFAULT));
    if (change == 8) H5Lcreate_external("nowhere.h5", "/x", file, name, links, H5P_DEFAULT);
    if (change == 1 || (change >= 5 && change <= 8)) {
        H5Pclose(links);
        H5Pclose(plist);
        return;
    }
    hid_t t = change == 2 || change == 4 ? other_type(take(b)) : H5Tcopy(type);
    hid_t space = change == 3 || change == 4 ? other_space(b, dims) : H5Screate_simple(rank, dims, NULL);
    int n_dim = H5Sget_simple_extent_ndims(space);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    if (n_dim > 0 && points != 0) { /* chunks, so that a large one takes no room */
        hsize_t chunk[4];
        for (int i = 0; i < n_dim; i++)
            chunk[i] = dims[i] < 8 ? dims[i] : 8;
        H5Pset_chunk(plist, n_dim, chunk);
        if (change < 9) H5Pset_fletcher32(plist);
    }
    hid_t set = H5Dcreate2(file, name, t, space, links, plist, H5P_DEFAULT);
    size_t size = H5Tget_size(t);
    bool plain = H5Tget_class(t) != H5T_VLEN && !(H5Tget_class(t) == H5T_STRING && H5Tis_variable_str(t) > 0);
    if (set >= 0 && data && (change == 0 || change > 9)) {
        H5Dwrite(set, t, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    } else if (set >= 0 && plain && points > 0 && (uint64_t)points <= sizeof made / size) {
        fill(b, made, (size_t)points * size);
        H5Dwrite(set, t, H5S_ALL, H5S_ALL, H5P_DEFAULT, made);
    }
    if (set >= 0) H5Dclose(set);
    H5Sclose(space);
    H5Tclose(t);
    H5Pclose(links);
    H5Pclose(plist);
}

static void put_set(hid_t file, bytes *b, const char *name, hid_t type, int rank, const hsize_t *wanted, const void *data)
{
    change_set(file, b, take(b), name, type, rank, wanted, data);
}

static void put_weights(hid_t file, bytes *b)
{
    static const float kernel[6] = {1, 2, 3, 4, 5, 6};
    put_integer(file, b, "format", 1);
    put_text(file, b, "order", "[\"a/kernel\", \"a/bias\"]");
    put_attr(file, b, "element_numbers", H5T_STD_I32LE, 3, (int32_t[]){0, 1, 3});
    put_attr(file, b, "element_refs", H5T_IEEE_F64LE, 3, (double[]){0, -1, -2});
    put_set(file, b, "a/kernel", H5T_IEEE_F32LE, 2, (hsize_t[]){2, 3}, kernel);
    put_set(file, b, "a/bias", H5T_IEEE_F32LE, 1, (hsize_t[]){3}, kernel);
    static const char *const texts[] = {"model", "source", "basis", "aggregate", "threebody_from", "target"};
    for (int i = 0; i < 6; i++)
        put_text(file, b, texts[i], texts[i]);
    static const char *const numbers[] = {"cutoff", "threebody_cutoff", "mean", "std"};
    for (int i = 0; i < 4; i++)
        put_number(file, b, numbers[i], 2.5);
}

static void put_checkpoint(hid_t file, bytes *b)
{
    static const double data[6] = {1, 2, 3, 4, 5, 6};
    put_text(file, b, "format", "shaft checkpoint");
    put_integer(file, b, "format_version", 1);
    put_integer(file, b, "items", 5);
    put_set(file, b, "p/w", H5T_IEEE_F64LE, 2, (hsize_t[]){2, 3}, data);
    put_set(file, b, "empty", H5T_STD_U8LE, 2, (hsize_t[]){0, 3}, NULL);
    put_integer(file, b, "step", 7);
    put_number(file, b, "log_z", 0.5);
    put_text(file, b, "config", "elements: [Li]");
}

/* Two samples of NaCl in group 225 on Wyckoff positions, as they are written. */
static void write_samples(void)
{
    static const char text[] = "elements: [Na, Cl]\nconstraints: {max_sites: 2}\n";
    static sh_config config;
    sh_groups *groups;
    sh_records records;
    PROMISE(sh_groups_create(&groups) == SH_OK && sh_config_parse("text", text, strlen(text), NULL, 0, NULL, &config) == SH_OK);
    const sh_space space = sh_space_of(groups, &config.constraints, config.policy.sites, config.policy.merge_tol);
    sh_records_create(&records, 2, 2);
    sh_records_resize(&records, 2);
    for (int i = 0; i < 2; i++) {
        sh_record *r = sh_record_at(&records, i);
        r->traj = (uint64_t)i;
        r->n_step = 2;
        r->result = (sh_reward_result){.reward = 0.5, .min_dist = 2, .n_atom = 8, .n_site = 2};
        for (int k = 0; k < 2; k++)
            r->step[k] = (sh_step){.sg_number = 225, .elem_index = k, .wyckoff = k};
    }
    const sh_samples_layout layout = {.n_row = 2, .stride = 2, .block = 2, .n_block = 1};
    PROMISE(sh_samples_write(path, MPI_COMM_NULL, &space, text, &records, &layout) == SH_OK);
    sh_records_destroy(&records);
    sh_groups_destroy(&groups);
}

typedef struct {
    int n;
    char name[64][64];
} names;

static herr_t add_name(names *list, const char *name)
{
    PROMISE(list->n < 64 && strlen(name) < 64);
    strcpy(list->name[list->n++], name);
    return 0;
}

static herr_t add_attr(hid_t file, const char *name, const H5A_info_t *info, void *list)
{
    (void)file, (void)info;
    return add_name(list, name);
}

static herr_t add_link(hid_t file, const char *name, const H5L_info_t *info, void *list)
{
    (void)file, (void)info;
    return add_name(list, name);
}

/* What was written, with changes. */
static void put_samples(bytes *b)
{
    static uint8_t *good;
    static size_t size;
    static names attrs, sets;
    FILE *f;
    if (!good) {
        write_samples();
        PROMISE((f = fopen(path, "rb")) && fseek(f, 0, SEEK_END) == 0);
        size = (size_t)ftell(f);
        rewind(f);
        PROMISE((good = malloc(size)) && fread(good, 1, size, f) == size);
        fclose(f);
    }
    PROMISE((f = fopen(path, "wb")) && fwrite(good, 1, size, f) == size && fclose(f) == 0);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    hsize_t at = 0;
    PROMISE(file >= 0);
    attrs.n = sets.n = 0;
    H5Aiterate2(file, H5_INDEX_NAME, H5_ITER_INC, &at, add_attr, &attrs);
    H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, add_link, &sets);
    for (int i = 0; i < attrs.n; i++) {
        uint8_t change = take(b);
        if (!change) continue;
        hid_t attr = H5Aopen(file, attrs.name[i], H5P_DEFAULT), type = H5Aget_type(attr);
        H5Aclose(attr);
        H5Adelete(file, attrs.name[i]);
        change_attr(file, b, change, attrs.name[i], type, 1, NULL);
        H5Tclose(type);
    }
    for (int i = 0; i < sets.n; i++) {
        uint8_t change = take(b);
        if (!change) continue;
        hsize_t dims[4] = {0};
        hid_t set = H5Dopen2(file, sets.name[i], H5P_DEFAULT), type = H5Dget_type(set), space = H5Dget_space(set);
        int rank = H5Sget_simple_extent_dims(space, dims, NULL);
        H5Sclose(space);
        H5Dclose(set);
        H5Ldelete(file, sets.name[i], H5P_DEFAULT);
        change_set(file, b, change, sets.name[i], type, rank, dims, NULL);
        H5Tclose(type);
    }
    H5Fclose(file);
}

static void build(int reader, bytes b)
{
    sh_h5_file file;
    if (reader == 2) {
        put_samples(&b);
        return;
    }
    PROMISE(sh_h5_create(path, &file) == SH_OK);
    if (reader == 0) put_weights(file.id, &b);
    if (reader == 1) put_checkpoint(file.id, &b);
    PROMISE(sh_h5_finish(&file, path) == SH_OK);
}

/* ---- the readers ---- */

static bool read_weights(void)
{
    sh_weights *w;
    char digest[65];
    if (sh_weights_read(path, &w) != SH_OK) return false;
    sh_weights_sha256(w, digest);
    sh_weights_destroy(&w);
    return true;
}

static bool read_checkpoint(void)
{
    sh_checkpoint *c;
    const char *text;
    int64_t integer, dims[2] = {-1, -1};
    const void *data;
    if (sh_checkpoint_read(path, &c) != SH_OK) return false;
    if (sh_checkpoint_text(c, "config", &text) == SH_OK) PROMISE(strlen(text) < 1 << 20);
    sh_checkpoint_integer(c, "step", &integer);
    if (sh_checkpoint_array(c, "p/w", SH_ARRAY_F64, 2, dims, &data) == SH_OK) {
        double sum = 0; /* all of it is there */
        for (int64_t i = 0; i < dims[0] * dims[1]; i++)
            sum += ((const double *)data)[i];
        PROMISE(sum == sum || sum != sum);
    }
    sh_checkpoint_destroy(&c);
    sh_error_clear();
    return true;
}

/* `crystals`: to structures, which takes the table of groups and its time. */
static bool read_samples(bool crystals)
{
    sh_structures list = {0};
    sh_records records;
    char *text;
    if (!crystals) {
        if (sh_samples_read(path, &records, &text) != SH_OK) return false;
        sh_records_destroy(&records);
        sh_free(text);
        return true;
    }
    sh_structures_add_file(&list, path);
    sh_sample_set_collect(path, &list);
    PROMISE(list.n >= 1);
    bool all = true;
    for (int64_t i = 0; i < list.n; i++) {
        all = all && !list.item[i].error;
        if (list.item[i].error) check_message(list.item[i].error);
    }
    sh_structures_destroy(&list);
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    int reader = size ? data[0] % 4 : 3;
    if (reader == 3) return 0;
#ifdef SHAFT_FUZZ
    if (data[0] & 8) return 0; /* a second each */
#endif
    int64_t before = sh_alloc_live();
    if (data[0] & 4) {
        build(reader, (bytes){data + 1, data + size});
    } else {
        FILE *f = fopen(path, "wb");
        PROMISE(f && fwrite(data + 1, 1, size - 1, f) == size - 1 && fclose(f) == 0);
    }
    sh_error_clear();
    bool read = reader == 0 ? read_weights() : reader == 1 ? read_checkpoint() : read_samples(data[0] & 8);
    if (!read && !(data[0] & 8)) check_message(sh_error_message());
    if (!read && size == 1) fprintf(stderr, "%s\n", sh_error_message());
    /* what nobody has changed reads: otherwise this would test the first refusal only */
    PROMISE(read || size != 1 || !(data[0] & 4));
    sh_error_clear();
    PROMISE(sh_alloc_live() == before);
    return 0;
}
