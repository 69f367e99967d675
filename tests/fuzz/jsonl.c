/* JSON lines from any bytes, and what the matcher does with the crystals in them. */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include "io/jsonl.h"
#include "metrics/matcher.h"

/* A crystal of a few atoms is reduced, and fits itself unless its cell is a thread. */
static void check_matching(const sh_structure *s)
{
    sh_arena *arena = sh_arena_create(1 << 12);
    sh_cell cell = {.lattice = s->lattice, .n_atom = s->n_atom, .z = s->z, .frac = s->frac};
    sh_reduced r;
    sh_match match;
    PROMISE(sh_reduced_create(&cell, arena, &r));
    PROMISE(r.n_atom >= 1 && r.n_atom <= s->n_atom && s->n_atom % r.n_atom == 0);
    sh_match_pair(&r, &r, &sh_match_default, false, arena, &match);
    PROMISE(match.fit ? match.has_rms : match.n_lattice == 0);
    sh_arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sh_structures list = {0};
    sh_structures_add_file(&list, "in");
    sh_jsonl_collect("in", (const char *)data, size, &list);
    if (list.n) check_structures(&list); /* no lines, no records */
    for (int64_t i = 0; i < list.n && i < 4; i++)
        if (!list.item[i].error && list.item[i].n_atom <= 16) check_matching(&list.item[i]);
    sh_structures_destroy(&list);
    PROMISE(sh_alloc_live() == 0);
    return 0;
}
