/* A configuration from any bytes: what is accepted prints as YAML that reads back as the same; what is not has a message. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include "base/log.h"
#include "io/config.h"

static sh_groups *groups;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sh_config first, again;
    if (!groups) {
        PROMISE(sh_groups_create(&groups) == SH_OK);
        sh_log_setup(SH_LOG_QUIET, 1, 1);
    }
    int64_t before = sh_alloc_live();
    if (sh_config_parse("in.yaml", (const char *)data, size, NULL, 0, groups, &first) == SH_OK) {
        char *text = sh_config_text(&first, true);
        sh_status status = sh_config_parse("in.yaml", text, strlen(text), NULL, 0, groups, &again);
        if (status != SH_OK) fprintf(stderr, "%s\n%s", sh_error_message(), text);
        PROMISE(status == SH_OK && !memcmp(&first, &again, sizeof first));
        sh_free(text);
    } else {
        check_message(sh_error_message());
    }
    sh_error_clear();
    PROMISE(sh_alloc_live() == before);
    return 0;
}
