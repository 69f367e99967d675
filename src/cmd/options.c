#define _POSIX_C_SOURCE 200809L

#include "cmd/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/collect.h"
#include "io/files.h"
#include "io/text.h"

sh_status sh_option_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *value)
{
    if (sh_span_integer(sh_span_of(text), value) && *value >= least && *value <= most) return SH_OK;
    return SH_FAIL(SH_EINPUT, "%s needs an integer from %lld to %lld, not '%s'", option, (long long)least, (long long)most, text);
}

sh_status sh_option_number(const char *option, const char *text, double least, double most, double *value)
{
    if (sh_span_number(sh_span_of(text), value) && *value >= least && *value <= most) return SH_OK;
    return SH_FAIL(SH_EINPUT, "%s needs a number from %g to %g, not '%s'", option, least, most, text);
}

/* Digits of a whole number, no more than nine; the text goes on behind them. */
static bool take_count(const char **text, double *count)
{
    const char *at = *text;
    *count = 0;
    while (isdigit((unsigned char)*at) && at - *text < 9)
        *count = 10 * *count + (*at++ - '0');
    bool any = at > *text;
    *text = at;
    return any;
}

/* 1h30m: units from long to short, each once; a lone number is of seconds. */
static bool with_units(const char *text, double *seconds)
{
    static const char units[] = "dhms";
    static const double length[] = {86400, 3600, 60, 1};
    int least = 0;
    double count;
    *seconds = 0;
    while (*text) {
        if (!take_count(&text, &count)) return false;
        if (!*text && least == 0) {
            *seconds = count;
            return true;
        }
        const char *unit = *text ? strchr(units + least, *text++) : NULL;
        if (!unit) return false;
        *seconds += count * length[unit - units];
        least = (int)(unit - units) + 1;
    }
    return least > 0;
}

/* [D-]H:MM:SS */
static bool with_colons(const char *text, double *seconds)
{
    double days = 0, part[3];
    const char *dash = strchr(text, '-');
    if (dash && (!take_count(&text, &days) || text++ != dash)) return false;
    for (int k = 0; k < 3; k++) {
        if (!take_count(&text, &part[k]) || (k > 0 && part[k] > 59) || *text != (k < 2 ? ':' : '\0')) return false;
        text += k < 2;
    }
    *seconds = 86400 * days + 3600 * part[0] + 60 * part[1] + part[2];
    return true;
}

sh_status sh_option_duration(const char *option, const char *text, double *seconds)
{
    *seconds = INFINITY;
    if (!strcmp(text, "none")) return SH_OK;
    if ((with_units(text, seconds) || with_colons(text, seconds)) && *seconds > 0) return SH_OK;
    return SH_FAIL(SH_EINPUT, "%s needs a length of time such as 3600, 90m, 1h30m or 1:30:00, or none, not '%s'", option, text);
}

sh_status sh_option_word(const char *option, const char *text, const char *const *words, int *which)
{
    char all[256] = "";
    for (int k = 0; words[k]; k++) {
        if (!strcmp(text, words[k])) {
            *which = k;
            return SH_OK;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", k ? ", " : "", words[k]);
    }
    return SH_FAIL(SH_EINPUT, "%s takes one of %s, not '%s'", option, all, text);
}

sh_status sh_option_device(const char *text, sh_device *device)
{
    static const char *const words[] = {[SH_DEVICE_AUTO] = "auto", [SH_DEVICE_CPU] = "cpu", [SH_DEVICE_CUDA] = "cuda", NULL};
    int which;
    SH_TRY(sh_option_word("--device", text, words, &which));
    *device = (sh_device)which;
    return SH_OK;
}

sh_status sh_option_inputs(const char *const *inputs, int n)
{
    for (int i = 0; i < n; i++)
        if (inputs[i] && access(inputs[i], F_OK)) return SH_FAIL(SH_EINPUT, "'%s' cannot be read: %s", inputs[i], strerror(errno));
    return SH_OK;
}

sh_status sh_option_output(const char *path, bool overwrite)
{
    if (overwrite || access(path, F_OK)) return sh_file_probe(path);
    SH_FAIL(SH_EINPUT, "'%s' is there already", path);
    return sh_error_hint(SH_EINPUT, "choose another file, or write it all the same with --overwrite");
}

sh_status sh_option_output_is_no_input(const char *path, const char *const *inputs, int n)
{
    char part[4200];
    sh_file_part(path, part, sizeof part);
    const char *const names[] = {path, part};
    for (int k = 0; k < 2; k++) {
        if (access(names[k], F_OK)) continue;
        for (int i = 0; i < n; i++) {
            if (!inputs[i] || !sh_collect_reads(&inputs[i], 1, names[k])) continue;
            SH_FAIL(SH_EINPUT, "'%s' is read, and would be overwritten", names[k]);
            return sh_error_hint(SH_EINPUT, "choose another file for the output");
        }
    }
    return SH_OK;
}
