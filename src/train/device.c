#include "train/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda_module.h"
#include "base/log.h"
#include "base/memory.h"

static int my_rank, n_rank;

static void fatal(const char *message)
{
    fprintf(stderr, "shaft: rank %d of %d: %s\n", my_rank, n_rank, message);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, sh_status_exit_code(SH_ELIB));
    abort();
}

enum { MAX_SEEN = 16 };

/* Devices that a process sees, or the one that it uses. */
typedef struct {
    char id[MAX_SEEN][SH_CUDA_ID];
} device_list;

/* How many different devices the processes of `node` have in their lists. */
static int count_distinct(MPI_Comm node, const device_list *mine)
{
    int size, n = 0;
    MPI_Comm_size(node, &size);
    device_list *all = SH_NEW(device_list, size);
    MPI_Allgather(mine, sizeof *mine, MPI_CHAR, all, sizeof *all, MPI_CHAR, node);
    const char(*id)[SH_CUDA_ID] = (const char(*)[SH_CUDA_ID])all;
    for (int i = 0; i < size * MAX_SEEN; i++) {
        bool is_new = id[i][0];
        for (int j = 0; j < i && is_new; j++)
            is_new = strncmp(id[i], id[j], SH_CUDA_ID) != 0;
        n += is_new;
    }
    sh_free(all);
    return n;
}

bool sh_device_leaves_one_over(sh_comm *c, sh_device device)
{
    const sh_cuda_state *cuda = sh_cuda_look();
    device_list seen = {0};
    MPI_Comm node;
    int rank, distinct, devices;
    if (device == SH_DEVICE_CPU || c->size == 1) return false;
    for (int i = 0; i < cuda->n_device && i < MAX_SEEN; i++)
        cuda->entry->identify(i, seen.id[i]);
    MPI_Comm_split_type(c->all, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &rank);
    distinct = count_distinct(node, &seen);
    if (rank > 0) distinct = 0; /* one speaks for the node */
    MPI_Allreduce(&distinct, &devices, 1, MPI_INT, MPI_SUM, c->all);
    MPI_Comm_free(&node);
    return devices > 0 && c->size == devices + 1;
}

/* Opens the device of this worker. *has_own: no worker of the node shares one with another. */
static sh_status open_device(const sh_comm *c, const sh_backend **be, bool *has_own)
{
    const sh_cuda_state *cuda = sh_cuda_look();
    MPI_Comm node;
    int index, count;
    device_list used = {0};
    char text[SH_CUDA_TEXT];
    MPI_Comm_split_type(c->workers, MPI_COMM_TYPE_SHARED, c->worker, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, &index);
    MPI_Comm_size(node, &count);
    int device = index % cuda->n_device;
    cuda->entry->identify(device, used.id[0]);
    int distinct = count_distinct(node, &used);
    MPI_Comm_free(&node);
    *has_own = distinct == count;
    if (index == 0 && !*has_own)
        sh_log_warn("%d workers share %d device%s of this node; start as many ranks as there are devices, or one more that coordinates",
                    count, distinct, distinct > 1 ? "s" : "");
    my_rank = c->rank;
    n_rank = c->size;
    SH_TRY(sh_cuda_open(&(sh_cuda_options){.device = device, .fatal = fatal}, be));
    cuda->entry->describe(device, text);
    sh_log_info("worker %d: device %d, %s", c->worker, device, text);
    return SH_OK;
}

/* Which back-end; *has_own as above. */
static sh_status choose(sh_comm *c, sh_device device, const sh_backend **be, bool *has_own)
{
    *be = sh_backend_cpu();
    *has_own = false;
    int mine = device == SH_DEVICE_CPU || (c->worker >= 0 && !sh_cuda_look()->n_device), without;
    if (device == SH_DEVICE_CPU) return SH_OK;
    MPI_Allreduce(&mine, &without, 1, MPI_INT, MPI_SUM, c->all);
    sh_status status = SH_OK;
    if (device == SH_DEVICE_CUDA && mine) {
        status = SH_FAIL(SH_EINPUT, "device: cuda, and there is no device to use: %s", sh_cuda_look()->why);
        sh_error_hint(status, "shaft info says what a rank sees; --device cpu does without");
    } else if (!without && c->worker >= 0) {
        status = open_device(c, be, has_own);
    } else if (without && without < c->n_worker) {
        sh_log_warn("%d of %d workers see no device: all use the CPU", without, c->n_worker);
    }
    return sh_comm_agree(c, status);
}

sh_status sh_device_open(sh_comm *c, sh_device device, const sh_backend **be)
{
    bool has_own;
    return choose(c, device, be, &has_own);
}

void sh_device_close(const sh_backend *be)
{
    if (be && be->room) sh_cuda_close();
}

sh_status sh_device_choose(sh_comm *c, sh_device device, sh_setup *s)
{
    const sh_backend *be;
    bool has_own;
    SH_TRY(choose(c, device, &be, &has_own));
    if (!be->room) return SH_OK;
    sh_setup_use(s, be);
    int mine = has_own, all = 0;
    MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_MIN, c->workers);
    if (all) sh_comm_join_group(c, be); /* NCCL refuses two on one device: their sums go over the host */
    return SH_OK;
}

void sh_device_leave(sh_setup *s)
{
    if (!s->params || !s->be->room) return;
    const sh_backend *be = s->be;
    if (be->group.leave) be->group.leave();
    sh_setup_use(s, sh_backend_cpu());
    sh_device_close(be);
}
