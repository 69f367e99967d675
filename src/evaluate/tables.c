/* tables.c -- the figures that the paper of the method has tables for (arXiv 2411.04323), laid out as such: a column a figure, a line a set,
 * the paper's own line below it where its numbers are known, and the protocol of each. The numbers of the paper are those of its whole
 * method on the battery task; where a range stands, it reports several and does not say for which set. What stands here is in the
 * summary already, and all else of the summary has no table in the paper. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "evaluate/summary.h"

enum { COLUMNS = 7, LINES = 4, NOTES = 6 };

typedef struct {
    const char *label;
    const char *section;        /* of its figures; NULL: a line of the paper's */
    const char *cell[COLUMNS];  /* keys of figures, or what the paper says; NULL: nothing */
} line;

typedef struct {
    const char *title;
    const char *head[COLUMNS][2]; /* two lines each */
    line lines[LINES];            /* up to the first without a label */
    const char *note[NOTES];      /* up to the first NULL; "@section/key": the text of that figure */
} table;

static const table tables[] = {
    {.title = "Validity",
     .head = {{"structures", ""}, {"structure", "valid"}, {"composition", "valid"}, {"both", ""}, {"and finger-", "print"}},
     .lines = {{"this set", "validity", {"@inputs/structures", "structure", "composition", "both", "both_fingerprint"}},
               {"the paper", NULL, {"-", "0.99", "1.00", "-", "-"}}},
     .note = {"Of all structures, those that could not be read included. Structure: no two atoms below 0.5 Å, at least 0.1 Å^3.",
              "Composition: SMACT, charges balance or an alloy. Both: of one and the same structure; the authors' program gives",
              "the structure validity for it."}},
    {.title = "Density and diversity",
     .head = {{"density", "g/cm^3"},
              {"crystal", "family"},
              {"of those", "sampled"},
              {"structure", "diversity"},
              {"composition", "diversity"},
              {"the same,", "scaled"}},
     .lines = {{"this set", "diversity",
                {"@validity/density", "family_index", "family_index_sampled", "structure", "composition", "composition_scaled"}},
               {"reference set", "reference_diversity", {NULL, NULL, NULL, "structure", "composition", "composition_scaled"}},
               {"the paper", NULL, {"-", "2.19-2.37", "-", "0.89", "147.80", "-"}}},
     .note = {"Density: of valid structures. Crystal family: Shannon-Wiener index to base 2. Diversity: mean distance of pairs",
              "of CrystalNN fingerprints (61 numbers), of Magpie fingerprints (132 numbers; the paper's are not scaled)."}},
    {.title = "Formation energy",
     .head = {{"E_f", "eV/atom"}, {"share", "below 0"}, {"band gap", "eV"}},
     .lines = {{"raw", "energy", {"mean_raw", "below_zero_raw", "band_gap"}},
               {"relaxed", "energy", {"mean_relaxed", "below_zero_relaxed", NULL}},
               {"the paper", NULL, {"-1.24", "0.995", "-"}}},
     .note = {"Of structures valid in both ways, each energy within [-10, 10] eV/atom. Energies by:", "@inputs/judge", "relaxed with:",
              "@inputs/relaxed_with"}},
    {.title = "Energy above the hull",
     .head = {{"E_hull", "eV/atom"}, {"at most", "0"}, {"above 0,", "to 0.05"}, {"to the", "threshold"}, {"phase", "separation"}},
     .lines = {{"raw", "energy", {"above_hull_raw", "on_hull_raw", "metastable_raw", "stable_raw", "phase_separation_raw"}},
               {"relaxed", "energy",
                {"above_hull_relaxed", "on_hull_relaxed", "metastable_relaxed", "stable_relaxed", "phase_separation_relaxed"}},
               {"the paper (DFT)", NULL, {"0.29", "0.07", "0.56", "-", "-"}}},
     .note = {"Of all that have one. Positive is above the hull; the paper's E_d has the other sign. Hull:", "@energy/hull"}},
    {.title = "Raw to relaxed",
     .head = {{"match", "rate"}, {"rms", ""}},
     .lines = {{"authors' tolerances", "relaxation", {"match_authors", "rms_authors"}},
               {"CDVAE's", "relaxation", {"match_cdvae", "rms_cdvae"}},
               {"default (pymatgen's)", "relaxation", {"match_default", "rms_default"}},
               {"the paper (authors')", NULL, {"0.82", "0.161"}}},
     .note = {"Of pairs of a structure and its relaxed one; one whose composition changed is no match. rms: mean of the matches, in",
              "(V / n_atom)^(1/3). Tolerances of length, site, angle: 1.0, 1.0, 10; 0.3, 0.5, 10; 0.2, 0.3, 5. Relaxed with:",
              "@inputs/relaxed_with"}},
    {.title = "Modes",
     .head = {{"unique", "modes"}, {"formulas", ""}, {"not in the", "reference"}},
     .lines = {{"this set", "modes", {"modes", "formulas", "new_formulas"}}, {"the paper (top 100)", NULL, {"-", "10", "0"}}},
     .note = {"Mode: valid in both ways, no distance below the least of its pair, E_f < 0, raw; one a reduced composition."}},
    {.title = "Crystal families (the classes of the paper's Table 9)",
     .head = {{"triclinic", ""}, {"monoclinic", ""}, {"orthorhombic", ""}, {"tetragonal", ""}, {"hexagonal", ""}, {"cubic", ""}},
     .lines = {{"found", "diversity",
                {"family_index_triclinic", "family_index_monoclinic", "family_index_orthorhombic", "family_index_tetragonal",
                 "family_index_hexagonal", "family_index_cubic"}},
               {"sampled", "diversity",
                {"family_index_sampled_triclinic", "family_index_sampled_monoclinic", "family_index_sampled_orthorhombic",
                 "family_index_sampled_tetragonal", "family_index_sampled_hexagonal", "family_index_sampled_cubic"}},
               {"found, relaxed", "diversity",
                {"family_index_relaxed_triclinic", "family_index_relaxed_monoclinic", "family_index_relaxed_orthorhombic",
                 "family_index_relaxed_tetragonal", "family_index_relaxed_hexagonal", "family_index_relaxed_cubic"}}},
     .note = {"Structures. Found by spglib; sampled: as the policy chose the group. Trigonal groups are hexagonal."}},
};

/* "key" of the section, or "@section/key". */
static const sh_figure *figure_of(const sh_summary *s, const char *section, const char *key)
{
    char other[48];
    const char *slash = strchr(key, '/');
    if (key[0] != '@') return sh_summary_find(s, section, key);
    snprintf(other, sizeof other, "%.*s", (int)(slash - key - 1), key + 1);
    return sh_summary_find(s, other, slash + 1);
}

static void print_cell(const sh_summary *s, const line *l, const char *key, FILE *out)
{
    char text[32] = "";
    if (key && !l->section)
        snprintf(text, sizeof text, "%s", key);
    else if (key) {
        const sh_figure *f = figure_of(s, l->section, key);
        if (!f || f->kind == SH_FIGURE_ABSENT || f->kind == SH_FIGURE_TEXT)
            snprintf(text, sizeof text, "-");
        else
            snprintf(text, sizeof text, f->kind == SH_FIGURE_COUNT ? "%.0f" : fabs(f->value) >= 1e4 ? "%.5g" : "%.3f", f->value);
    }
    fprintf(out, " %12s", text);
}

/* Whether any of its figures is there. */
static bool has_any(const sh_summary *s, const line *l)
{
    if (!l->section) return true;
    for (int c = 0; c < COLUMNS; c++) {
        if (!l->cell[c]) continue;
        const sh_figure *f = figure_of(s, l->section, l->cell[c]);
        if (f && f->kind != SH_FIGURE_ABSENT) return true;
    }
    return false;
}

static int columns_of(const table *t)
{
    int n = 0;
    while (n < COLUMNS && t->head[n][0])
        n++;
    return n;
}

static bool has_second_line(const table *t, int n)
{
    for (int c = 0; c < n; c++)
        if (t->head[c][1][0]) return true;
    return false;
}

static void print_notes(const sh_summary *s, const table *t, FILE *out)
{
    for (int k = 0; k < NOTES && t->note[k]; k++) {
        const char *text = t->note[k];
        if (text[0] != '@') {
            fprintf(out, "  %s\n", text);
            continue;
        }
        const sh_figure *f = figure_of(s, "", text);
        fprintf(out, !f ? "    none\n" : f->kind == SH_FIGURE_ABSENT ? "    none (%s)\n" : "    %s\n", f ? f->text : "");
    }
}

void sh_summary_tables(const sh_summary *s, FILE *out)
{
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
        const table *t = &tables[k];
        int n = columns_of(t);
        fprintf(out, "Table: %s\n", t->title);
        for (int row = 0; row < 2; row++) {
            if (row == 1 && !has_second_line(t, n)) continue;
            fprintf(out, "  %-22s", "");
            for (int c = 0; c < n; c++)
                fprintf(out, " %12s", t->head[c][row]);
            putc('\n', out);
        }
        for (int i = 0; i < LINES && t->lines[i].label; i++) {
            if (i > 0 && !has_any(s, &t->lines[i])) continue;
            fprintf(out, "  %-22s", t->lines[i].label);
            for (int c = 0; c < n; c++)
                print_cell(s, &t->lines[i], t->lines[i].cell[c], out);
            putc('\n', out);
        }
        print_notes(s, t, out);
        putc('\n', out);
    }
}
