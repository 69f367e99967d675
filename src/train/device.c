#include "train/device.h"

#include <stdio.h>
#include <stdlib.h>

#include "backend/cuda_module.h"
#include "base/log.h"

static int my_rank, n_rank;

static void fatal(const char *message)
{
    fprintf(stderr, "shaft: rank %d of %d: %s\n", my_rank, n_rank, message);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, sh_status_exit_code(SH_ELIB));
    abort();
}

/* Index among the workers of the node, and how many there are. */
static void place_on_node(const sh_comm *c, int *index, int *count)
{
    MPI_Comm node;
    MPI_Comm_split_type(c->workers, MPI_COMM_TYPE_SHARED, c->worker, MPI_INFO_NULL, &node);
    MPI_Comm_rank(node, index);
    MPI_Comm_size(node, count);
    MPI_Comm_free(&node);
}

static sh_status open_device(const sh_comm *c, const sh_backend **be)
{
    int index, count, n_device = sh_cuda_look()->n_device;
    char text[SH_CUDA_TEXT];
    place_on_node(c, &index, &count);
    if (index == 0 && count > n_device)
        sh_log_warn("%d workers share %d device%s of this node; start as many ranks as there are devices, or one more", count, n_device,
                    n_device > 1 ? "s" : "");
    my_rank = c->rank;
    n_rank = c->size;
    SH_TRY(sh_cuda_open(&(sh_cuda_options){.device = index % n_device, .fatal = fatal}, be));
    sh_cuda_look()->entry->describe(index % n_device, text);
    sh_log_info("worker %d: device %d, %s", c->worker, index % n_device, text);
    return SH_OK;
}

sh_status sh_device_open(sh_comm *c, sh_device device, const sh_backend **be)
{
    *be = sh_backend_cpu();
    int mine = device == SH_DEVICE_CPU || (c->worker >= 0 && !sh_cuda_look()->n_device), without;
    if (device == SH_DEVICE_CPU) return SH_OK;
    MPI_Allreduce(&mine, &without, 1, MPI_INT, MPI_SUM, c->all);
    sh_status status = SH_OK;
    if (device == SH_DEVICE_CUDA && mine) {
        status = SH_FAIL(SH_EINPUT, "device: cuda, and there is no device to use: %s", sh_cuda_look()->why);
        sh_error_hint(status, "shaft info says what a rank sees; --device cpu does without");
    } else if (!without && c->worker >= 0) {
        status = open_device(c, be);
    } else if (without && without < c->n_worker) {
        sh_log_warn("%d of %d workers see no device: all use the CPU", without, c->n_worker);
    }
    return sh_comm_agree(c, status);
}

void sh_device_close(const sh_backend *be)
{
    if (be && be->room) sh_cuda_close();
}

sh_status sh_device_choose(sh_comm *c, sh_device device, sh_setup *s)
{
    const sh_backend *be;
    SH_TRY(sh_device_open(c, device, &be));
    if (!be->room) return SH_OK;
    sh_setup_use(s, be);
    sh_comm_join_group(c, be);
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
