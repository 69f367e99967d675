/* cuda.h -- between the program and libshaft_cuda.so, the module with everything that needs CUDA's libraries. The program opens
 * it with dlopen (cuda_module.h), so that it starts where there is no CUDA; both sides compile this header, and SH_CUDA_ABI tells them
 * apart where they were not built together. */
#ifndef SH_BACKEND_CUDA_H
#define SH_BACKEND_CUDA_H

#include <stdbool.h>
#include <stdio.h>

#include "backend/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Changes with the tables, the list of kernels and the width of numbers. */
#define SH_COUNT_KERNEL(kernel) +sizeof(sh_##kernel##_args)
#define SH_CUDA_ABI                                                                                \
    ((uint64_t)((sizeof(sh_backend) + sizeof(sh_cuda_entry)) << 32 | (0 SH_KERNEL_LIST(SH_COUNT_KERNEL)) << 8 | sizeof(sh_real)))

enum { SH_CUDA_TEXT = 512, SH_CUDA_ID = 40 };

typedef struct {
    int device;
    bool managed;                       /* its memory is such that the host sees it too, for tests */
    void (*fatal)(const char *message); /* called where a kernel or a copy fails; does not return */
} sh_cuda_options;

typedef struct {
    uint64_t abi;
    /* How many devices; below 0: why there are none, in text. */
    int (*count)(char text[SH_CUDA_TEXT]);
    /* Name, memory and kind of a device, for people. */
    void (*describe)(int device, char text[SH_CUDA_TEXT]);
    /* What tells it from all other devices, whoever sees which of them. */
    void (*identify)(int device, char id[SH_CUDA_ID]);
    /* The table, without its room; NULL and why in text. One at a time. */
    sh_backend *(*open)(const sh_cuda_options *options, char text[SH_CUDA_TEXT]);
    void (*close)(void);
} sh_cuda_entry;

/* What is said where a device has too little memory. */
static inline void sh_cuda_out_of_memory(char text[SH_CUDA_TEXT], int device, size_t bytes, size_t there, size_t in_all)
{
    snprintf(text, SH_CUDA_TEXT,
             "CUDA device %d: out of memory: %zu MiB asked for, %zu of %zu MiB are free; lower train.slice, train.batch or "
             "train.replay.batch (of shaft sample and relax: --batch), or give every worker a device of its own. Checkpoints are unharmed: "
             "--resume goes on from the last",
             device, bytes >> 20, there >> 20, in_all >> 20);
}

/* What dlsym looks for. */
const sh_cuda_entry *sh_cuda_module(void);

#ifdef __cplusplus
}
#endif

#endif
