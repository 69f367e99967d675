#define _POSIX_C_SOURCE 200809L

#include "train/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/status.h"

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

static const char *last_words;
static int last_code;

static void leave(int number)
{
    (void)number;
    ssize_t written = last_words ? write(STDERR_FILENO, last_words, strlen(last_words)) : 0;
    (void)written;
    _exit(last_code);
}

void sh_signals_leave_at_once(const char *words)
{
    static const int wanted[] = {SIGTERM, SIGUSR1, SIGALRM};
    struct sigaction action;
    last_words = words;
    last_code = sh_status_exit_code(SH_ESTOP);
    memset(&action, 0, sizeof action);
    action.sa_handler = leave;
    for (int i = 0; i < 3; i++)
        sigaction(wanted[i], &action, NULL);
}

int sh_signals_caught(void)
{
    return caught;
}
