#include "potential/potential.h"

#include <math.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "potential/m3gnet.h"
#include "potential/references.h"

struct sh_potential {
    sh_m3gnet *m3gnet;
    const sh_references *references;
};

sh_status sh_potential_create(const sh_weights *weights, const sh_references *references, sh_potential **out)
{
    sh_potential *p = SH_NEW(sh_potential, 1);
    *out = NULL;
    p->references = references;
    sh_status status = sh_m3gnet_create(weights, &p->m3gnet);
    if (status != SH_OK) {
        sh_free(p);
        return status;
    }
    *out = p;
    return SH_OK;
}

void sh_potential_destroy(sh_potential **potential)
{
    if (!*potential) return;
    sh_m3gnet_destroy(&(*potential)->m3gnet);
    sh_free(*potential);
    *potential = NULL;
}

double sh_potential_cutoff(const sh_potential *p)
{
    return sh_m3gnet_cutoff(p->m3gnet);
}

bool sh_potential_knows(const sh_potential *p, int z)
{
    return sh_m3gnet_knows(p->m3gnet, z) && (!p->references || sh_references_knows(p->references, z));
}

static int n_threads(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

static int this_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

void sh_potential_evaluate(const sh_potential *p, const sh_crystals *c, const sh_graph *g, const int64_t *wanted,
                           int64_t n_wanted, sh_arena *arena, double *e_total, double *e_form)
{
    int64_t n = wanted ? n_wanted : c->n_crystal;
    sh_arena_mark mark = sh_arena_get_mark(arena);
    size_t most = 0;
    for (int64_t k = 0; k < n; k++) {
        size_t bytes = sh_m3gnet_scratch(g, wanted ? wanted[k] : k);
        most = bytes > most ? bytes : most;
    }
    char *scratch = sh_arena_push(arena, most * (size_t)n_threads());
    /* Which thread takes a crystal does not matter to its bits. */
#pragma omp parallel for schedule(dynamic, 1) if (n > 1)
    for (int64_t k = 0; k < n; k++) {
        int64_t i = wanted ? wanted[k] : k;
        e_total[i] = sh_m3gnet_energy(p->m3gnet, g, c->site_z, i, scratch + most * (size_t)this_thread(), NULL, NULL);
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t i = wanted ? wanted[k] : k;
        e_form[i] = p->references ? sh_references_formation(p->references, c, g, i, e_total[i], arena) : NAN;
    }
    sh_arena_release(arena, mark);
}
