/* recorder.h -- a back-end for tests that stands where a device would: the kernels of the CPU on memory that the host cannot
 * touch outside them (reading or writing it there ends the program with a segmentation fault), and a count of what a device would be
 * asked to do. What runs on it would find all its arrays on a device; what it counts is the same on every machine. Copies and sums that
 * go on beside the kernels are done as late as they may be. */
#ifndef SH_BACKEND_RECORDER_H
#define SH_BACKEND_RECORDER_H

#include "backend/backend.h"

typedef struct {
    int64_t launches;            /* kernels and layers; nothing is launched for no items */
    int64_t copies_in, bytes_in; /* from the host */
    int64_t copies_out, bytes_out;
    int64_t waits;               /* of the host for the device: every copy out is one, what is fetched is none */
    int64_t clears;
    int64_t sums;                /* over processes */
    int64_t blocks;              /* memory taken */
} sh_recorder_counts;

const sh_backend *sh_recorder_open(void); /* one at a time; counts at zero */
void sh_recorder_close(void);             /* all its memory goes */
sh_recorder_counts sh_recorder_read(void);
void sh_recorder_clear(void);             /* counts to zero */

/* Sums over processes by calls of a stand-in, which see the memory open. Before the back-end is used. */
void sh_recorder_use_group(const sh_group_calls *group);

#endif
