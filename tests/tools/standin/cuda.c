/* cuda.c -- a stand-in for libshaft_cuda.so: two devices, each the recording back-end, whose memory the host cannot touch. So the program
 * runs as it would on devices, from the command line to the checkpoint. SHAFT_STANDIN_MEMORY=BYTES: as much as a device gives out in all;
 * what is given back does not count. SHAFT_STANDIN_GROUPS: gradients are added by the code that calls NCCL, over a stand-in for it that wants each device once, and
 * how often is said at the end. */
#include <stdio.h>
#include <stdlib.h>

#include "backend/cuda.h"
#include "backend/cuda/collective.h"
#include "backend/recorder.h"

static struct {
    sh_cuda_options options;
    sh_backend table;
    const sh_memory_source *memory;
    size_t taken, most;
    bool has_group;
    int size; /* of the group */
} standin;

static int count(char text[SH_CUDA_TEXT])
{
    text[0] = '\0';
    return 2;
}

static void describe(int device, char text[SH_CUDA_TEXT])
{
    snprintf(text, SH_CUDA_TEXT, "stand-in %d", device);
}

static void identify(int device, char id[SH_CUDA_ID])
{
    snprintf(id, SH_CUDA_ID, "stand-in %d", device);
}

static void *take(size_t bytes)
{
    char text[SH_CUDA_TEXT];
    if (standin.taken + bytes > standin.most) {
        sh_cuda_out_of_memory(text, standin.options.device, bytes, standin.most - standin.taken, standin.most);
        standin.options.fatal(text);
    }
    standin.taken += bytes;
    return standin.memory->take(bytes);
}

static void give(void *memory)
{
    standin.memory->give(memory);
}

static void join(const char id[SH_GROUP_ID], int rank, int size)
{
    sh_real users[2] = {0, 0};
    standin.size = size;
    sh_collective_join(id, rank, size);
    users[standin.options.device] = 1;
    sh_collective_sum(users, 2, NULL);
    if (users[0] > 1 || users[1] > 1) standin.options.fatal("stand-in: a device is twice in the group"); /* NCCL refuses that too */
}

static void sum(sh_real *data, int64_t n)
{
    sh_collective_sum(data, n, NULL);
}

static void no_wait(void)
{
}

static void leave(void)
{
    fprintf(stderr, "stand-in: %lld sums over %d processes\n", (long long)sh_recorder_read().sums, standin.size);
    sh_collective_leave();
}

static sh_backend *open_backend(const sh_cuda_options *options, char text[SH_CUDA_TEXT])
{
    static const sh_memory_source limited = {take, give};
    const char *most = getenv("SHAFT_STANDIN_MEMORY");
    text[0] = '\0';
    standin.options = *options;
    standin.most = most ? (size_t)strtoull(most, NULL, 10) : (size_t)4 << 30;
    standin.taken = 0;
    standin.has_group = getenv("SHAFT_STANDIN_GROUPS");
    const sh_backend *recorder = sh_recorder_open();
    if (standin.has_group) {
        sh_collective_begin(options->fatal);
        sh_recorder_use_group(&(sh_group_calls){sh_collective_id, join, sum, no_wait, leave});
    }
    standin.table = *recorder;
    standin.memory = standin.table.memory;
    standin.table.memory = &limited;
    return &standin.table;
}

const sh_cuda_entry *sh_cuda_module(void)
{
    static const sh_cuda_entry entry = {SH_CUDA_ABI, count, describe, identify, open_backend, sh_recorder_close};
    return &entry;
}
