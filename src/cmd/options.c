#include "cmd/options.h"

#include <stdio.h>
#include <string.h>

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
