/* footprint.h -- which pages of a region of memory a piece of work touches: what it cannot but move between memory and processor.
 * Every first touch of a page is a fault, so that work that is watched takes long. One region at a time; by one thread at a time. */
#ifndef SH_BACKEND_FOOTPRINT_H
#define SH_BACKEND_FOOTPRINT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t read, written; /* bytes, whole pages; a page that is first written and then read counts as written alone */
} sh_footprint;

/* The region (whole pages) is closed to reads and writes; from here on each of its pages opens when it is touched. */
void sh_footprint_begin(void *region, size_t bytes);
/* The region is closed again. */
sh_footprint sh_footprint_end(void);

#endif
