/* device.h -- the back-end of a test: the CPU, or with the argument `cuda` a device, in memory that the host sees too, so that
 * the same test serves both. After what a device was asked for, be->wait() before the host looks. */
#ifndef SH_TEST_DEVICE_H
#define SH_TEST_DEVICE_H

#include "test.h"

#include <stdlib.h>

#include "backend/cuda_module.h"

static const sh_backend *be;

static _Noreturn void device_fatal(const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(1);
}

/* false: skip the test. */
static inline bool device_open(int argc, char **argv)
{
    be = sh_backend_cpu();
    if (argc < 2 || strcmp(argv[1], "cuda")) return true;
    if (!sh_cuda_look()->n_device) {
        print_message("skipped: %s\n", sh_cuda_look()->why);
        return false;
    }
    if (sh_cuda_open(&(sh_cuda_options){.managed = true, .fatal = device_fatal}, &be) != SH_OK) device_fatal(sh_error_message());
    return true;
}

/* Zeroed memory for kernels. */
static inline void *device_take(size_t bytes)
{
    return memset(be->memory->take(bytes), 0, bytes);
}

static inline void device_give(void *memory)
{
    be->memory->give(memory);
}

#endif
