#define _GNU_SOURCE /* REG_ERR */
#include "backend/footprint.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/memory.h"
#include "base/status.h"

static const size_t PAGE = 4096;
enum { IS_READ = 1, IS_WRITTEN = 2 };

static struct {
    char *region;
    size_t bytes;
    uint8_t *touch; /* of each page */
    struct sigaction before;
    sh_footprint sum;
} watch;

/* Whether a fault was a write. Where the processor does not say, a page is read first and a write faults again. */
static bool is_write(const void *context)
{
#if defined(__x86_64__)
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
    (void)context;
    return false;
#endif
}

static void touched(int number, siginfo_t *info, void *context)
{
    (void)number;
    char *at = info->si_addr;
    if (at < watch.region || at >= watch.region + watch.bytes) { /* a fault of another kind: as without us */
        sigaction(SIGSEGV, &watch.before, NULL);
        return;
    }
    size_t page = (size_t)(at - watch.region) / PAGE;
    bool writes = is_write(context) || (watch.touch[page] & IS_READ);
    watch.touch[page] |= writes ? IS_WRITTEN : IS_READ;
    *(writes ? &watch.sum.written : &watch.sum.read) += (int64_t)PAGE;
    if (mprotect(watch.region + page * PAGE, PAGE, writes ? PROT_READ | PROT_WRITE : PROT_READ) != 0) abort();
}

void sh_footprint_begin(void *region, size_t bytes)
{
    SH_ASSERT(!watch.region && (uintptr_t)region % PAGE == 0);
    watch.region = region;
    watch.bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    watch.touch = SH_NEW(uint8_t, (int64_t)(watch.bytes / PAGE) + 1);
    memset(watch.touch, 0, watch.bytes / PAGE + 1);
    watch.sum = (sh_footprint){0, 0};
    struct sigaction action = {.sa_sigaction = touched, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    SH_ASSERT(mprotect(region, watch.bytes, PROT_NONE) == 0 && sigaction(SIGSEGV, &action, &watch.before) == 0);
}

sh_footprint sh_footprint_end(void)
{
    SH_ASSERT(watch.region && mprotect(watch.region, watch.bytes, PROT_NONE) == 0 && sigaction(SIGSEGV, &watch.before, NULL) == 0);
    sh_free(watch.touch);
    watch.region = NULL;
    return watch.sum;
}
