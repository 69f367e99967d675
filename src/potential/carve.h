/* carve.h -- rows of one piece of memory: with memory NULL the sizes are counted, otherwise pointers are handed out, so that one
 * list of SH_CARVE lines serves both. */
#ifndef SH_POTENTIAL_CARVE_H
#define SH_POTENTIAL_CARVE_H

#include <stddef.h>

typedef struct {
    char *memory; /* aligned to 64 bytes, or NULL */
    size_t used;
} sh_carver;

static inline void *sh_carve(sh_carver *c, size_t bytes)
{
    void *at = c->memory ? c->memory + c->used : NULL;
    c->used += (bytes + 63) & ~(size_t)63;
    return at;
}

#define SH_CARVE(carver, type, n) ((type *)sh_carve((carver), (size_t)(n) * sizeof(type)))

#endif
