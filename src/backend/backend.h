/* backend.h -- where arrays live and loops run. A back-end is a table: one entry a kernel of kernels/list.h, taking
 * its arguments and the number of items, dense layers, and its memory. Callers write `be->add(&args, n)`. */
#ifndef SH_BACKEND_BACKEND_H
#define SH_BACKEND_BACKEND_H

#include <stdint.h>

#include "args.h"
#include "base/memory.h"
#include "list.h"

enum { SH_GROUP_ID = 128 };

/* Sums over processes that never leave the devices; all NULL where there are none. One process makes the id of a group and all
 * members join with it; a group's calls are collective. */
typedef struct {
    void (*make_id)(char id[SH_GROUP_ID]);
    void (*join)(const char id[SH_GROUP_ID], int rank, int size);
    /* In place, of what the kernels before leave; kernels after it go on beside it until `summed`. */
    void (*sum)(sh_real *data, int64_t n);
    void (*summed)(void); /* kernels after this come after the sums */
    void (*leave)(void);
} sh_group_calls;

typedef struct sh_backend {
    const char *name;
#define SH_BACKEND_ENTRY(kernel) void (*kernel)(const sh_##kernel##_args *args, int64_t n);
    SH_KERNEL_LIST(SH_BACKEND_ENTRY)
#undef SH_BACKEND_ENTRY
    /* Dense layers of n rows, forward and backward: args.h. */
    void (*dense)(const sh_dense_args *args, int64_t n);
    void (*dense_grad)(const sh_dense_grad_args *args, int64_t n);
    /* start (n+1): sums of the counts before. */
    void (*offsets)(const int64_t *count, int64_t n, int64_t *start);
    /* The items 0..n-1 by key: those of key k, ascending, are list[start[k]] ... list[start[k+1] - 1], k < n_key. All keys are such.
     * list (n), start (n_key+1). */
    void (*sort_by_key)(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list);
    /* Where what kernels read and write lies. `room` is for the step in hand, in memory that the host does not look at; NULL: that
     * memory is the host's. */
    const sh_memory_source *memory;
    sh_arena *room;
    void (*copy_in)(void *to, const void *from, size_t bytes);  /* from the host, which may write to `from` again at once */
    void (*copy_out)(void *to, const void *from, size_t bytes); /* to the host, when the kernels before are done */
    void (*fetch)(void *to, const void *from, size_t bytes);    /* the same, done by the next copy_out or wait */
    /* A copy from the host beside the kernels: `to` is read by kernels after `copied`, and no longer by those before. */
    void (*copy_ahead)(void *to, const void *from, size_t bytes);
    void (*copied)(void);
    void (*clear)(void *to, size_t bytes);                      /* to zero */
    void (*wait)(void);                                         /* for all that was asked for */
    sh_group_calls group;
} sh_backend;

const sh_backend *sh_backend_cpu(void);
void sh_backend_one_blas_thread(void); /* BLAS rounds by shape and by threads: for bits that do not depend on these */

#endif
