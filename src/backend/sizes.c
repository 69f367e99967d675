#include "backend/sizes.h"

#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"

static const double LESS = 0.98; /* by so much a pass the memory of large ones fades */
enum { MANY = 20 };              /* passes done again that are worth a word */

sh_sizes *sh_sizes_create(int n_part)
{
    sh_sizes *s = SH_NEW(sh_sizes, 1);
    s->n_part = n_part;
    s->size = SH_NEW(sh_room_size, (int64_t)n_part * SH_SIZES_A_PART);
    for (int i = 0; i < n_part * SH_SIZES_A_PART; i++)
        s->size[i].spare = 16;
    return s;
}

void sh_sizes_destroy(sh_sizes **sizes)
{
    if (!*sizes) return;
    sh_free((*sizes)->size);
    sh_free(*sizes);
    *sizes = NULL;
}

static int n_size(const sh_sizes *s)
{
    return s->n_part * SH_SIZES_A_PART;
}

void sh_sizes_begin(sh_sizes *s)
{
    bool any = false;
    s->at = s->part = 0;
    s->seen = NULL;
    for (int i = 0; i < n_size(s); i++) {
        s->size[i].is_planned = false;
        any = any || s->size[i].is_known;
    }
    s->is_planned = any;
}

static sh_room_size *next(sh_sizes *s)
{
    SH_ASSERT(s->at < (s->part + 1) * SH_SIZES_A_PART);
    return &s->size[s->at++];
}

/* The room stays as it was where it suffices: memory that is asked for in other pieces every time would have to grow. */
int64_t sh_sizes_plan(sh_sizes *s, int64_t rows)
{
    sh_room_size *size = next(s);
    if (!s->is_planned || !size->is_known) {
        s->at--;
        return -1;
    }
    double expected = size->a_row * (double)rows;
    int64_t least = (int64_t)(1.04 * expected + 2 * sqrt(expected)) + size->spare;
    int64_t enough = (int64_t)(1.12 * expected + 4 * sqrt(expected)) + 2 * size->spare;
    bool stays = size->rows == rows && size->room >= least && size->room <= 2 * enough;
    if (!stays) size->room = enough > 1 ? enough : 1;
    size->rows = rows;
    size->is_planned = true;
    return size->room;
}

static void learn(sh_room_size *size, int64_t rows, int64_t count)
{
    double a_row = rows ? (double)count / (double)rows : 0;
    size->a_row = fmax(a_row, LESS * size->a_row);
    size->is_known = true;
}

void sh_sizes_counted(sh_sizes *s, int64_t rows, int64_t count)
{
    learn(next(s), rows, count);
}

bool sh_sizes_settle(sh_sizes *s, const int64_t *seen)
{
    bool fits = true;
    for (int i = 0; i < n_size(s); i++) {
        const sh_room_size *size = &s->size[i];
        fits = fits && !(size->is_planned && seen[i] > size->room);
    }
    for (int i = 0; i < n_size(s); i++) {
        sh_room_size *size = &s->size[i];
        if (size->is_planned && fits) learn(size, size->rows, seen[i]);
        if (!fits) size->is_known = false; /* what came after the first that did not fit means nothing */
    }
    s->n_pass++;
    s->n_again += !fits;
    if (!fits && s->n_again == MANY && s->n_pass < 10 * MANY)
        sh_log_warn("%lld of %lld steps on the device had no room for something and were done again, at half the speed: what is drawn "
                    "changes quickly, or batches are small; a larger train.batch helps",
                    (long long)s->n_again, (long long)s->n_pass);
    return fits;
}
