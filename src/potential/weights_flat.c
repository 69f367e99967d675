/* weights_flat.c -- weights as one run of bytes, of this kind of machine: for where there is no HDF5. What is written and what is
 * read is one list, passed through in both directions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "potential/weights.h"

enum { MOST_ROWS = 1000, MOST_TENSORS = 10000, MOST_NAME = 1000, MOST_NUMBERS = 1 << 26 };

typedef struct {
    FILE *file;
    bool write, whole;
} stream;

/* After the first that fails nothing is moved any more. */
static void move(stream *s, void *data, size_t bytes)
{
    if (s->whole) s->whole = bytes == (s->write ? fwrite(data, 1, bytes, s->file) : fread(data, 1, bytes, s->file));
}

/* A size, zero where it cannot be one. */
static int64_t move_size(stream *s, int64_t *size, int64_t most)
{
    move(s, size, sizeof *size);
    s->whole = s->whole && *size >= 0 && *size <= most;
    if (!s->whole) *size = 0;
    return *size;
}

/* An array that reading makes; where it lies. */
static void *move_array(stream *s, void *data, size_t bytes)
{
    void *at = s->write ? data : sh_calloc(1, bytes);
    move(s, at, bytes);
    return at;
}

static void move_tensor(stream *s, sh_weight *t)
{
    int64_t length = s->write ? (int64_t)strlen(t->name) + 1 : 0, name = move_size(s, &length, MOST_NAME);
    t->name = move_array(s, t->name, (size_t)(name ? name : 1));
    s->whole = s->whole && name > 0 && t->name[name - 1] == '\0';
    move_size(s, &t->rows, MOST_NUMBERS);
    move_size(s, &t->cols, MOST_NUMBERS);
    if (t->rows * t->cols > MOST_NUMBERS) s->whole = false;
    t->data = move_array(s, t->data, s->whole ? (size_t)(t->rows * t->cols) * sizeof *t->data : 0);
}

static void move_all(stream *s, sh_weights *w)
{
    static const char expected[8] = "shaftw1";
    char magic[8];
    memcpy(magic, expected, sizeof magic);
    move(s, magic, sizeof magic);
    s->whole = s->whole && !memcmp(magic, expected, sizeof magic);
    char *const text[] = {w->model, w->source, w->basis, w->aggregate, w->threebody_from, w->target};
    const size_t size[] = {sizeof w->model,     sizeof w->source,         sizeof w->basis,
                           sizeof w->aggregate, sizeof w->threebody_from, sizeof w->target};
    for (int i = 0; i < 6; i++) {
        move(s, text[i], size[i]);
        s->whole = s->whole && memchr(text[i], '\0', size[i]);
    }
    double *const number[] = {&w->cutoff, &w->threebody_cutoff, &w->mean, &w->std, &w->gauss_width};
    for (int i = 0; i < 5; i++)
        move(s, number[i], sizeof *number[i]);
    int64_t *const count[] = {&w->set2set_steps, &w->set2set_layers, &w->n_fidelity, &w->fidelity};
    for (int i = 0; i < 4; i++)
        move(s, count[i], sizeof *count[i]);
    move_size(s, &w->n_row, MOST_ROWS);
    w->element_number = move_array(s, w->element_number, (size_t)w->n_row * sizeof *w->element_number);
    w->element_ref = move_array(s, w->element_ref, (size_t)w->n_row * sizeof *w->element_ref);
    move_size(s, &w->n, MOST_TENSORS);
    if (!s->write) w->tensor = SH_NEW(sh_weight, w->n);
    for (int64_t i = 0; i < w->n; i++)
        move_tensor(s, &w->tensor[i]);
}

sh_status sh_weights_write_flat(const sh_weights *w, const char *path)
{
    stream s = {.file = fopen(path, "wb"), .write = true, .whole = true};
    sh_weights same = *w; /* nothing of it is changed */
    if (!s.file) return SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    move_all(&s, &same);
    if (fclose(s.file)) s.whole = false;
    return s.whole ? SH_OK : SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
}

sh_status sh_weights_read_flat(const char *path, sh_weights **out)
{
    stream s = {.file = fopen(path, "rb"), .whole = true};
    *out = NULL;
    if (!s.file) return SH_FAIL(SH_EIO, "cannot open '%s': %s", path, strerror(errno));
    sh_weights *w = SH_NEW(sh_weights, 1);
    move_all(&s, w);
    s.whole = s.whole && fgetc(s.file) == EOF;
    fclose(s.file);
    if (!s.whole) {
        sh_weights_destroy(&w);
        return SH_FAIL(SH_EINPUT, "'%s' holds no flat weights, or not all of them", path);
    }
    *out = w;
    return SH_OK;
}
