/* status.h -- how a function says that it failed.
 *
 * A function that can fail returns an sh_status. SH_FAIL writes a message for the user into a buffer of the
 * thread and returns the code; SH_TRY passes a failure on and adds one line of traceback; sh_error_note adds
 * what the caller knows ("while reading 'x'"), sh_error_hint what to do about it. Only main prints.
 * SH_ASSERT is for our own mistakes; it prints and aborts, in release builds too. */
#ifndef SH_BASE_STATUS_H
#define SH_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SH_OK = 0,
    SH_EINPUT, /* the user's mistake: a key, an argument, a file's content; exit code 2 */
    SH_EIO,    /* a file or a disk; exit code 1, like all that follow */
    SH_EMEM,   /* no memory */
    SH_ENUM,   /* a number that is not finite where it must be */
    SH_ELIB,   /* a library reported a failure */
    SH_ESTOP   /* not a failure: the run was asked to stop and can be resumed */
} sh_status;

#if defined(__GNUC__)
#define SH_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define SH_PRINTF(text, first)
#endif

sh_status sh_error_set(sh_status code, const char *file, int line, const char *function,
                       const char *format, ...) SH_PRINTF(5, 6);
sh_status sh_error_trace(sh_status code, const char *file, int line, const char *function);
sh_status sh_error_note(sh_status code, const char *format, ...) SH_PRINTF(2, 3);
sh_status sh_error_hint(sh_status code, const char *format, ...) SH_PRINTF(2, 3);

const char *sh_error_message(void); /* message, then notes; one line */
const char *sh_error_traceback(void);
const char *sh_error_hints(void);
void sh_error_clear(void);
int sh_status_exit_code(sh_status code);

/* For passing an error between ranks: the three texts as one block of this size. */
enum { SH_ERROR_SIZE = 8192 };
void sh_error_pack(char block[SH_ERROR_SIZE]);
void sh_error_unpack(const char block[SH_ERROR_SIZE]);

#if defined(__cplusplus)
#define SH_NORETURN [[noreturn]]
#else
#define SH_NORETURN _Noreturn
#endif
SH_NORETURN void sh_assert_failed(const char *file, int line, const char *function, const char *what);

#define SH_FAIL(code, ...) sh_error_set((code), __FILE__, __LINE__, __func__, __VA_ARGS__)

#define SH_TRY(call)                                                                               \
    do {                                                                                           \
        sh_status sh_try_status_ = (call);                                                         \
        if (sh_try_status_ != SH_OK)                                                               \
            return sh_error_trace(sh_try_status_, __FILE__, __LINE__, __func__);                   \
    } while (0)

/* Like SH_TRY, for functions with something to release: `goto label` with the code in `status`. */
#define SH_TRY_GOTO(status, label, call)                                                           \
    do {                                                                                           \
        (status) = (call);                                                                         \
        if ((status) != SH_OK) {                                                                   \
            sh_error_trace((status), __FILE__, __LINE__, __func__);                                \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#define SH_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : sh_assert_failed(__FILE__, __LINE__, __func__, #condition))

#endif
