/* mirror.h -- an array of a run that kernels and the host take turns with: parameters, moments of the optimizer. It starts on the
 * host; with a back-end that has memory of its own it lies there too, and whoever changed one side says so. */
#ifndef SH_BACKEND_MIRROR_H
#define SH_BACKEND_MIRROR_H

#include "backend/backend.h"

typedef struct {
    sh_real *host;  /* (n) */
    sh_real *there; /* (n) for kernels: host, or its twin in the back-end's memory */
    int64_t n;
    const sh_backend *be;
} sh_mirror;

void sh_mirror_create(int64_t n, sh_mirror *out);           /* zeros, on the host */
void sh_mirror_use(sh_mirror *mirror, const sh_backend *be); /* from now on kernels of be read it; takes the host's numbers along */
void sh_mirror_pull(const sh_mirror *mirror);               /* the host sees what kernels wrote */
void sh_mirror_push(const sh_mirror *mirror);               /* kernels see what the host wrote */
void sh_mirror_clear(const sh_mirror *mirror);              /* to zero for kernels; the host's side is not looked after */
void sh_mirror_release(sh_mirror *mirror);

/* An array of the host that nobody writes to, as kernels read it for as long as a run lasts: itself, or on a back-end with memory of its
 * own a copy, which is given back to the same back-end. */
const void *sh_constant_there(const sh_backend *be, const void *array, size_t bytes);
void sh_constant_give(const sh_backend *be, const void *there); /* NULL is fine */

#endif
