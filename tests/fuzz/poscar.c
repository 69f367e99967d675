/* POSCAR from any bytes. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include "io/poscar.h"

static sh_status write_one(FILE *out, const sh_structure *s)
{
    return sh_poscar_write(out, s, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse(sh_poscar_parse, write_one, data, size);
    return 0;
}
