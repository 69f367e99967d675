#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_SIZE = 4096, TRACE_SIZE = 2048, HINT_SIZE = SH_ERROR_SIZE - MESSAGE_SIZE - TRACE_SIZE };

static _Thread_local struct {
    char message[MESSAGE_SIZE];
    char trace[TRACE_SIZE];
    char hint[HINT_SIZE];
} error_text;

/* Appends to a buffer, cutting what does not fit. Names out of files come this way: what a terminal would obey becomes '?'. */
SH_PRINTF(3, 0)
static void append(char *buffer, size_t size, const char *format, va_list arguments)
{
    size_t used = strlen(buffer);
    if (used + 1 < size) vsnprintf(buffer + used, size - used, format, arguments);
    for (char *p = buffer + used; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) *p = '?';
}

static void append_place(const char *file, int line, const char *function)
{
    const char *source = strstr(file, "src/"); /* the path inside the project says enough */
    size_t used = strlen(error_text.trace);
    snprintf(error_text.trace + used, sizeof error_text.trace - used, "%s%s:%d %s", used ? ", " : "",
             source ? source : file, line, function);
}

sh_status sh_error_set(sh_status code, const char *file, int line, const char *function,
                       const char *format, ...)
{
    sh_error_clear();
    va_list arguments;
    va_start(arguments, format);
    append(error_text.message, sizeof error_text.message, format, arguments);
    va_end(arguments);
    append_place(file, line, function);
    return code;
}

sh_status sh_error_trace(sh_status code, const char *file, int line, const char *function)
{
    append_place(file, line, function);
    return code;
}

sh_status sh_error_note(sh_status code, const char *format, ...)
{
    size_t used = strlen(error_text.message);
    if (used && used + 2 < sizeof error_text.message) strcat(error_text.message, ", ");
    va_list arguments;
    va_start(arguments, format);
    append(error_text.message, sizeof error_text.message, format, arguments);
    va_end(arguments);
    return code;
}

sh_status sh_error_hint(sh_status code, const char *format, ...)
{
    size_t used = strlen(error_text.hint);
    if (used && used + 2 < sizeof error_text.hint) strcat(error_text.hint, "; ");
    va_list arguments;
    va_start(arguments, format);
    append(error_text.hint, sizeof error_text.hint, format, arguments);
    va_end(arguments);
    return code;
}

const char *sh_error_message(void)
{
    return error_text.message;
}

const char *sh_error_traceback(void)
{
    return error_text.trace;
}

const char *sh_error_hints(void)
{
    return error_text.hint;
}

void sh_error_clear(void)
{
    error_text.message[0] = error_text.trace[0] = error_text.hint[0] = '\0';
}

int sh_status_exit_code(sh_status code)
{
    return code == SH_OK ? 0 : code == SH_EINPUT ? 2 : code == SH_ESTOP ? 85 : 1;
}

void sh_error_pack(char block[SH_ERROR_SIZE])
{
    memset(block, 0, SH_ERROR_SIZE);
    memcpy(block, error_text.message, MESSAGE_SIZE);
    memcpy(block + MESSAGE_SIZE, error_text.trace, TRACE_SIZE);
    memcpy(block + MESSAGE_SIZE + TRACE_SIZE, error_text.hint, HINT_SIZE);
}

void sh_error_unpack(const char block[SH_ERROR_SIZE])
{
    memcpy(error_text.message, block, MESSAGE_SIZE);
    memcpy(error_text.trace, block + MESSAGE_SIZE, TRACE_SIZE);
    memcpy(error_text.hint, block + MESSAGE_SIZE + TRACE_SIZE, HINT_SIZE);
    error_text.message[MESSAGE_SIZE - 1] = error_text.trace[TRACE_SIZE - 1] = error_text.hint[HINT_SIZE - 1] = '\0';
}

void sh_assert_failed(const char *file, int line, const char *function, const char *what)
{
    fprintf(stderr, "shaft: internal error at %s:%d %s: %s does not hold; please report this\n", file, line,
            function, what);
    fflush(stderr);
    abort();
}
