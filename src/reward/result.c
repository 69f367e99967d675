#include "reward/result.h"

const char *sh_reason_text(sh_reason reason)
{
    static const char *const text[SH_N_REASON] = {
        "",
        "the lattice is no valid cell",
        "more atoms than constraints.max_atoms",
        "two atoms closer than 0.1 Å",
        "an element that the model or a table does not know",
        "a number that is not finite",
        "outside the guard: density",
        "outside the guard: number of atoms",
        "outside the guard: two atoms closer than guard.distance",
        "outside the guard: an energy below guard.energy",
    };
    return text[reason];
}

const char *sh_reason_key(sh_reason reason)
{
    static const char *const key[SH_N_REASON] = {"none",       "cell",          "max_atoms",   "coincident",   "element",
                                                 "not_finite", "guard_density", "guard_atoms", "guard_overlap",
                                                 "guard_energy"};
    return key[reason];
}

const char *sh_term_key(sh_term term)
{
    static const char *const key[SH_N_TERM] = {"formation_energy", "bond", "density", "validity", "band_gap", "plugin"};
    return key[term];
}
