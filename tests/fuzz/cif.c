/* CIF from any bytes. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include "io/cif.h"

/* P1: what symmetry makes of a cell is not the reader's affair. */
static sh_status write_one(FILE *out, const sh_structure *s)
{
    return sh_cif_write(out, s, &(sh_cif_opts){.p1 = true}, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse(sh_cif_parse, write_one, data, size);
    return 0;
}
