/* Extended XYZ from any bytes. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include "io/extxyz.h"

static sh_status write_one(FILE *out, const sh_structure *s)
{
    return sh_extxyz_write(out, s, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse(sh_extxyz_parse, write_one, data, size);
    return 0;
}
