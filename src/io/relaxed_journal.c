/* relaxed_journal.c -- relaxations in a journal (io/journal.h): a row each, its positions behind it. */
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "cell.h"
#include "io/relaxed.h"

sh_status sh_relaxed_journal_add(sh_journal *journal, const sh_relaxed_row *row, const double *frac)
{
    return sh_journal_add(journal, row, sizeof *row, frac, (size_t)(3 * row->n_atom) * sizeof *frac);
}

typedef struct {
    sh_relaxed *relaxed;
    bool *done;
} reading;

/* Why a row is not at rest; "" of one that is. */
static void say_why(const sh_relaxed_row *row, char *text, size_t size)
{
    text[0] = '\0';
    if (row->verdict == SH_RELAX_CONVERGED) return;
    int n = snprintf(text, size, "%s", sh_relax_verdict_text((sh_relax_verdict)row->verdict));
    if (row->verdict == SH_RELAX_STEPS)
        snprintf(text + n, size - (size_t)n, ": largest force %.3g after %d moves", row->force_max, (int)row->n_step);
}

/* Whether the bytes are a row of these structures. */
static bool fits(const sh_relaxed *x, const char *data, size_t size, sh_relaxed_row *row)
{
    if (size < sizeof *row) return false;
    memcpy(row, data, sizeof *row);
    return row->id >= 0 && row->id < x->n && row->n_atom == x->atom_start[row->id + 1] - x->atom_start[row->id] &&
           size == sizeof *row + (size_t)(3 * row->n_atom) * sizeof(double) && row->verdict >= 0 && row->verdict < SH_RELAX_N_VERDICT &&
           row->group_change >= 0 && row->group_change < SH_N_SYMMETRY_CHANGE;
}

static sh_status take_row(void *user, const char *data, size_t size)
{
    const reading *r = user;
    sh_relaxed *x = r->relaxed;
    sh_relaxed_row row;
    char text[128];
    if (!fits(x, data, size, &row)) return SH_FAIL(SH_EINPUT, "a row does not fit the structures");
    const int64_t i = row.id;
    memcpy(x->frac[1] + 3 * x->atom_start[i], data + sizeof row, size - sizeof row);
    memcpy(x->lattice[1] + 9 * i, row.lattice, sizeof row.lattice);
    for (int k = 0; k < 2; k++) {
        x->energy[k][i] = row.energy[k];
        x->e_form[k][i] = row.e_form[k];
        x->group[k][i] = row.group[k];
    }
    say_why(&row, text, sizeof text);
    sh_free(x->message[i]);
    x->message[i] = sh_strdup(text);
    x->group_change[i] = row.group_change;
    x->verdict[i] = row.verdict;
    x->n_step[i] = row.n_step;
    x->n_site[i] = row.n_site;
    x->force_max[i] = row.force_max;
    for (int k = 0; k < 6; k++)
        x->stress[6 * i + k] = row.stress[k] * SH_GPA;
    x->shift_max[i] = row.shift_max;
    x->shift_rms[i] = row.shift_rms;
    x->volume_ratio[i] = sh_lattice_volume(row.lattice) / sh_lattice_volume(x->lattice[0] + 9 * i);
    r->done[i] = true;
    return SH_OK;
}

sh_status sh_relaxed_journal_read(const char *folder, const char *job, sh_relaxed *relaxed, bool *done)
{
    return sh_journal_read(folder, job, 0, 1, take_row, &(reading){.relaxed = relaxed, .done = done});
}
