/* test.h -- what every test includes. cmocka wants these headers before its own. */
#ifndef SH_TEST_H
#define SH_TEST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"

/* |got - want| <= tolerance, both numbers printed where not. */
#define assert_near(got, want, tolerance)                                                          \
    do {                                                                                           \
        double got_ = (double)(got), want_ = (double)(want), tolerance_ = (double)(tolerance);     \
        if (!(fabs(got_ - want_) <= tolerance_)) {                                                 \
            print_error("%s = %.17g, wanted %.17g within %.3g\n", #got, got_, want_, tolerance_);  \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* The call succeeds; its message is printed where it does not. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != SH_OK) {                                                                     \
            print_error("%s: %s\n", #call, sh_error_message());                                    \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* The call fails with this code and a message that contains `text`. */
#define assert_fails(call, code, text)                                                             \
    do {                                                                                           \
        sh_status got_status_ = (call);                                                            \
        if (got_status_ != (code) || !strstr(sh_error_message(), (text))) {                        \
            print_error("%s: status %d, message '%s', wanted %d and '%s'\n", #call,                \
                        (int)got_status_, sh_error_message(), (int)(code), (text));                \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* Reference data that is not part of the project is read from the folder $SHAFT_TEST_DATA; a test that needs it ends
 * with this code, reported as skipped, where the variable is not set. */
enum { SH_TEST_SKIPPED = 77 };

static inline const char *sh_test_data(void)
{
    return getenv("SHAFT_TEST_DATA");
}

#endif
