/* cuda_module.h -- finds and opens the CUDA back-end at run time. It is libshaft_cuda.so: $SHAFT_CUDA_MODULE, else beside the program
 * or in the lib folder beside its own. Without the module, a driver or a device everything else works. */
#ifndef SH_BACKEND_CUDA_MODULE_H
#define SH_BACKEND_CUDA_MODULE_H

#include "backend/cuda.h"
#include "base/status.h"

typedef struct {
    int n_device;             /* 0: none can be used, and `why` says why */
    char why[SH_CUDA_TEXT];   /* "" where devices are */
    char path[4096];          /* of the module, "" where there is none */
    const sh_cuda_entry *entry;
} sh_cuda_state;

/* Looked for once; the same answer every time. */
const sh_cuda_state *sh_cuda_look(void);

/* The back-end on a device. SH_EINPUT where there is none. Errors of kernels later call `fatal`, which does not return. */
sh_status sh_cuda_open(const sh_cuda_options *options, const sh_backend **out);
void sh_cuda_close(void);

#endif
