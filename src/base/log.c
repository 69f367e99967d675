#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    sh_log_level level;
    int rank, size;
} settings = {SH_LOG_INFO, 0, 1};

void sh_log_setup(sh_log_level level, int rank, int size)
{
    settings.level = level;
    settings.rank = rank;
    settings.size = size;
}

SH_PRINTF(2, 0)
static void print(const char *head, const char *format, va_list arguments)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "%s%s\n", head, line); /* one call a line: lines of several ranks do not mix */
}

void sh_log_info(const char *format, ...)
{
    if (settings.rank != 0 || settings.level < SH_LOG_INFO) return;
    va_list arguments;
    va_start(arguments, format);
    print("", format, arguments);
    va_end(arguments);
}

void sh_log_debug(const char *format, ...)
{
    if (settings.rank != 0 || settings.level < SH_LOG_DEBUG) return;
    va_list arguments;
    va_start(arguments, format);
    print("", format, arguments);
    va_end(arguments);
}

void sh_log_warn(const char *format, ...)
{
    char head[64];
    if (settings.size > 1)
        snprintf(head, sizeof head, "shaft: warning from rank %d: ", settings.rank);
    else
        snprintf(head, sizeof head, "shaft: warning: ");
    va_list arguments;
    va_start(arguments, format);
    print(head, format, arguments);
    va_end(arguments);
}
