/* flat_weights.c -- the weights of a model as one run of bytes, for machines without HDF5 (benchmarks/gpu.sh).
 *
 *     flat_weights MODEL FILE      MODEL a name of `shaft model list`, or a weight file */
#include <stdio.h>

#include "io/models.h"
#include "io/weights_h5.h"
#include "potential/weights.h"

static sh_status convert(const char *model, const char *to)
{
    char path[4096];
    sh_weights *weights;
    SH_TRY(sh_model_path(model, path, sizeof path));
    SH_TRY(sh_weights_read(path, &weights));
    sh_status status = sh_weights_write_flat(weights, to);
    sh_weights_destroy(&weights);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: flat_weights MODEL FILE\n");
        return 2;
    }
    if (convert(argv[1], argv[2]) == SH_OK) return 0;
    fprintf(stderr, "%s\n  hint: %s\n", sh_error_message(), sh_error_hints());
    return 1;
}
