/* potentials.h -- pretrained models in tests: on the CPU fused, and by the kernels of the recording back-end and of a device. */
#ifndef SH_TEST_POTENTIALS_H
#define SH_TEST_POTENTIALS_H

#include "device.h"

#include "backend/recorder.h"
#include "crystal/transfer.h"
#include "potential/potential.h"

/* sh_potential_evaluate, or with e_form NULL sh_potential_predict, by kernels of `be`, of and to arrays of the host; values that
 * are not wanted go there and come back. */
static inline void potential_values(const sh_potential *p, sh_arena *arena, const sh_crystals *c, const sh_graph *g,
                                    const int64_t *wanted, int64_t n_wanted, double *value, double *e_form)
{
    sh_workspace ws;
    sh_crystals crystals;
    sh_graph graph;
    sh_workspace_begin(&ws, be, arena);
    sh_crystals_put(&ws, c, &crystals);
    sh_graph_put(&ws, g, &crystals, &graph);
    const int64_t *list = SH_PUT(&ws, wanted, n_wanted);
    double *out[2] = {value, e_form};
    for (int i = 0; i < 2; i++)
        out[i] = (double *)(uintptr_t)SH_PUT(&ws, out[i], c->n_crystal);
    if (e_form)
        sh_potential_evaluate(p, &ws, &crystals, &graph, list, n_wanted, out[0], out[1]);
    else
        sh_potential_predict(p, &ws, &crystals, &graph, list, n_wanted, out[0]);
    if (be->room) memcpy(value, SH_BRING(&ws, out[0], c->n_crystal), (size_t)c->n_crystal * sizeof *value);
    if (be->room && e_form) memcpy(e_form, SH_BRING(&ws, out[1], c->n_crystal), (size_t)c->n_crystal * sizeof *e_form);
}

/* `run` with be on the CPU and on the recorder, or with the argument `cuda` on a device. */
static inline int potentials_run(int argc, char **argv, int (*run)(void))
{
    if (argc > 1 && !strcmp(argv[1], "cuda")) {
        if (!sh_cuda_look()->n_device) {
            print_message("skipped: %s\n", sh_cuda_look()->why);
            return SH_TEST_SKIPPED;
        }
        if (sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be) != SH_OK) device_fatal(sh_error_message());
        int failed = run();
        sh_cuda_close();
        return failed;
    }
    be = sh_backend_cpu();
    int failed = run();
    if (failed == SH_TEST_SKIPPED) return failed;
    be = sh_recorder_open();
    print_message("by kernels, on the recorder:\n");
    failed += run();
    sh_recorder_close();
    return failed;
}

/* Bits do not depend on the batch: on a device they do, cuBLAS rounds by the number of rows. */
static inline bool potentials_keep_bits(void)
{
    return !strcmp(be->name, "cpu") || !strcmp(be->name, "recorder");
}

#endif
