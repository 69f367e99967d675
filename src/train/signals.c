#define _POSIX_C_SOURCE 200809L

#include "train/signals.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t caught;

static void remember(int number)
{
    if (caught == SIGINT && number == SIGINT) {
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
    caught = number;
}

void sh_signals_install(void)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART;
    for (int i = 0; i < 3; i++)
        sigaction(wanted[i], &action, NULL);
}

int sh_signals_caught(void)
{
    return caught;
}
