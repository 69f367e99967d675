/* recorder.h -- a back-end for tests that stands where a device would: the kernels of the CPU on memory that the host cannot
 * touch outside them (reading or writing it there ends the program with a segmentation fault), and a count of what a device would be
 * asked to do. What runs on it would find all its arrays on a device; what it counts is the same on every machine. Copies and sums that
 * go on beside the kernels are done as late as they may be. */
#ifndef SH_BACKEND_RECORDER_H
#define SH_BACKEND_RECORDER_H

#include <stdbool.h>

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

/* What the launches of one kernel did since the counts were cleared. */
typedef struct {
    const char *name;       /* dense products: "dense", "dense_grad" */
    int64_t launches, items;
    int64_t device_launches; /* of the CUDA back-end for these: a layer is a product and what stands around it */
    int64_t read, written;  /* bytes of memory, whole pages; of launches while footprints are taken */
    double operations;      /* of dense products */
    double seconds;         /* on the CPU; of launches while no footprints are taken */
} sh_recorder_kernel;

const sh_backend *sh_recorder_open(void); /* one at a time; counts at zero */
void sh_recorder_close(void);             /* all its memory goes */
sh_recorder_counts sh_recorder_read(void);
void sh_recorder_clear(void);             /* counts to zero */

/* Kernels in the order of kernels/list.h, then layers, scans, sorts and clears. */
const sh_recorder_kernel *sh_recorder_kernels(int *n);
/* From here on every launch is watched for what it touches (footprint.h), which takes long; one thread alone may run kernels. */
void sh_recorder_take_footprints(bool yes);

/* Sums over processes by calls of a stand-in, which see the memory open. Before the back-end is used. */
void sh_recorder_use_group(const sh_group_calls *group);

#endif
