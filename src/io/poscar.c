/* poscar.c -- comment; scale factor (one, three, or minus the volume); three lattice rows; symbols; counts; perhaps
 * "Selective dynamics"; "Direct" or "Cartesian"; positions. VASP 4 leaves the symbols out: they are then taken from the
 * comment if that is made of symbols, one a count, and asked for otherwise. */
#include "io/poscar.h"

#include <math.h>
#include <string.h>

#include "crystal/lattice.h"
#include "io/text.h"
#include "reward/tables.h"

enum { MAX_KIND = 1000 };

static sh_status want_line(sh_lines *lines, const char *what, sh_span *line)
{
    if (sh_lines_next(lines, line)) return SH_OK;
    return SH_FAIL(SH_EINPUT, "%s: the file ends after line %lld, before %s", lines->path, (long long)lines->line, what);
}

/* Three numbers at the start of a line; *rest is what follows. */
static sh_status want_vector(sh_lines *lines, const char *what, double v[3], sh_span *rest)
{
    sh_span word;
    SH_TRY(want_line(lines, what, rest));
    for (int k = 0; k < 3; k++) {
        if (!sh_span_word(rest, &word))
            return SH_FAIL(SH_EINPUT, "%s:%lld: %s has %d numbers, not 3", lines->path, (long long)lines->line, what, k);
        if (!sh_span_number(word, &v[k]))
            return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' in %s is not a number", lines->path, (long long)lines->line,
                           SH_SHOW(word), what);
    }
    return SH_OK;
}

static sh_status read_scale(sh_lines *lines, double scale[3])
{
    sh_span line, word;
    SH_TRY(want_line(lines, "the scale factor", &line));
    int n = 0;
    while (n < 3 && sh_span_word(&line, &word) && sh_span_number(word, &scale[n]))
        n++;
    if (n == 0) return SH_FAIL(SH_EINPUT, "%s:%lld: the second line of a POSCAR is a scale factor", lines->path,
                               (long long)lines->line);
    if (n != 3) scale[1] = scale[2] = scale[0];
    for (int k = 0; k < 3; k++)
        if (scale[k] == 0 || (n == 3 && scale[k] < 0))
            return SH_FAIL(SH_EINPUT, "%s:%lld: the scale factor %g makes no cell", lines->path, (long long)lines->line,
                           scale[k]);
    return SH_OK;
}

/* "Fe_pv", "Fe/0a1b2c": what follows names the potential. */
static int element_of_species(sh_span s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '_' && s.p[n] != '/')
        n++;
    return sh_span_element((sh_span){s.p, n});
}

typedef struct {
    int n;
    int32_t z[MAX_KIND];
    int64_t count[MAX_KIND];
} species;

static sh_status read_species(sh_lines *lines, sh_span comment, species *kinds)
{
    sh_span line, rest, word, symbols;
    int64_t count;
    SH_TRY(want_line(lines, "the species", &line));
    rest = line;
    bool has_symbols = sh_span_word(&rest, &word) && !sh_span_integer(word, &count);
    int64_t symbol_line = has_symbols ? lines->line : 1;
    symbols = has_symbols ? line : comment;
    if (has_symbols) SH_TRY(want_line(lines, "the counts of the species", &line));

    int64_t total = 0;
    kinds->n = 0;
    for (rest = line; sh_span_word(&rest, &word); kinds->n++) {
        if (kinds->n == MAX_KIND)
            return SH_FAIL(SH_EINPUT, "%s:%lld: more than %d species", lines->path, (long long)lines->line, MAX_KIND);
        if (!sh_span_integer(word, &count) || count < 0)
            return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' is not a number of atoms", lines->path, (long long)lines->line,
                           SH_SHOW(word));
        if (count > SH_MAX_STRUCTURE_ATOM || (total += count) > SH_MAX_STRUCTURE_ATOM)
            return SH_FAIL(SH_EINPUT, "%s:%lld: more than %d atoms", lines->path, (long long)lines->line,
                           SH_MAX_STRUCTURE_ATOM);
        kinds->count[kinds->n] = count;
    }
    if (!total) return SH_FAIL(SH_EINPUT, "%s:%lld: no atoms", lines->path, (long long)lines->line);

    int n = 0;
    bool known = true;
    for (rest = symbols; sh_span_word(&rest, &word); n++) {
        int32_t z = element_of_species(word);
        if (!z && has_symbols)
            return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' is not an element", lines->path, (long long)symbol_line,
                           SH_SHOW(word));
        known = known && z;
        if (n < kinds->n) kinds->z[n] = z;
    }
    if (has_symbols && n != kinds->n)
        return SH_FAIL(SH_EINPUT, "%s:%lld: %d counts for %d species", lines->path, (long long)lines->line, kinds->n, n);
    if (!has_symbols && (n != kinds->n || !known)) {
        SH_FAIL(SH_EINPUT, "%s:%lld: no line of element symbols before the counts (a VASP 4 file)", lines->path,
                (long long)lines->line);
        return sh_error_hint(SH_EINPUT, "insert a line such as 'Na Cl' before line %lld", (long long)lines->line);
    }
    return SH_OK;
}

static sh_status read_poscar(sh_lines *lines, sh_structure *s)
{
    sh_span comment, line, rest;
    double scale[3], inverse[9];
    SH_TRY(want_line(lines, "the comment", &comment));
    SH_TRY(read_scale(lines, scale));
    for (int i = 0; i < 3; i++)
        SH_TRY(want_vector(lines, "a lattice vector", s->lattice + 3 * i, &rest));
    double *l = s->lattice;
    if (scale[0] < 0) {
        double volume = fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) + l[1] * (l[5] * l[6] - l[3] * l[8]) +
                             l[2] * (l[3] * l[7] - l[4] * l[6]));
        scale[0] = scale[1] = scale[2] = cbrt(-scale[0] / volume);
    }
    for (int i = 0; i < 9; i++)
        l[i] *= scale[i % 3];
    if (!sh_lattice_invert(l, inverse))
        return sh_lattice_fail(lines->path, lines->line, l, "the three lattice vectors span no volume");
    if (!sh_lattice_short(l))
        return SH_FAIL(SH_EINPUT, "%s:%lld: a lattice vector is longer than %d Å", lines->path, (long long)lines->line,
                       SH_MAX_CELL_LENGTH);

    species kinds = {0};
    SH_TRY(read_species(lines, comment, &kinds));
    int64_t n_atom = 0;
    for (int k = 0; k < kinds.n; k++)
        n_atom += kinds.count[k];

    SH_TRY(want_line(lines, "'Direct' or 'Cartesian'", &line));
    if (line.n && (line.p[0] == 'S' || line.p[0] == 's')) SH_TRY(want_line(lines, "'Direct' or 'Cartesian'", &line));
    char mode = line.n ? (char)(line.p[0] | 0x20) : '\0';
    if (mode != 'd' && mode != 'c' && mode != 'k') {
        SH_FAIL(SH_EINPUT, "%s:%lld: '%s' stands where 'Direct' or 'Cartesian' is expected", lines->path,
                (long long)lines->line, SH_SHOW(line));
        return sh_error_hint(SH_EINPUT, "the line after the counts says in which coordinates the positions are");
    }

    /* A position takes at least six bytes: a count that the file cannot hold is found before memory is asked for. */
    if (n_atom > (lines->end - lines->p) / 6 + 1)
        return SH_FAIL(SH_EINPUT, "%s: %lld atoms are announced, but the file ends too early for them", lines->path,
                       (long long)n_atom);
    s->z = SH_NEW(int32_t, n_atom);
    s->frac = SH_NEW(double, 3 * n_atom);
    s->n_atom = n_atom;
    int64_t a = 0;
    for (int k = 0; k < kinds.n; k++)
        for (int64_t i = 0; i < kinds.count[k]; i++, a++) {
            double x[3];
            SH_TRY(want_vector(lines, "a position", x, &rest));
            s->z[a] = kinds.z[k];
            for (int c = 0; c < 3; c++) {
                double frac = x[c];
                if (mode != 'd')
                    frac = x[0] * scale[0] * inverse[c] + x[1] * scale[1] * inverse[3 + c] +
                           x[2] * scale[2] * inverse[6 + c];
                if (!(fabs(frac) < 1e3))
                    return SH_FAIL(SH_EINPUT, "%s:%lld: a position far outside the cell", lines->path,
                                   (long long)lines->line);
                s->frac[3 * a + c] = sh_wrap01(frac);
            }
        }
    s->name = sh_span_copy(comment);
    return SH_OK;
}

void sh_poscar_parse(const char *path, const char *text, size_t size, sh_structures *out)
{
    sh_lines lines;
    sh_structure s = {0};
    sh_lines_start(&lines, path, text, size);
    if (read_poscar(&lines, &s) == SH_OK) {
        sh_structures_add(out, &s);
    } else {
        sh_structure_destroy(&s);
        sh_structures_add_error(out);
    }
}

sh_status sh_poscar_write(FILE *f, const sh_structure *s, const char *comment)
{
    int32_t kind[SH_MAX_Z];
    int n_kind = 0;
    int64_t count[SH_MAX_Z + 1] = {0};
    for (int64_t i = 0; i < s->n_atom; i++)
        if (!count[s->z[i]]++) kind[n_kind++] = s->z[i];

    char formula[128];
    sh_structure_formula(s, formula, sizeof formula, NULL);
    fprintf(f, "%s\n1.0\n", comment ? comment : formula);
    for (int i = 0; i < 3; i++)
        fprintf(f, " %20.14f %20.14f %20.14f\n", s->lattice[3 * i], s->lattice[3 * i + 1], s->lattice[3 * i + 2]);
    for (int k = 0; k < n_kind; k++)
        fprintf(f, " %s", sh_element_symbol(kind[k]));
    fputc('\n', f);
    for (int k = 0; k < n_kind; k++)
        fprintf(f, " %lld", (long long)count[kind[k]]);
    fputs("\nDirect\n", f);
    for (int k = 0; k < n_kind; k++)
        for (int64_t i = 0; i < s->n_atom; i++)
            if (s->z[i] == kind[k])
                fprintf(f, " %.14f %.14f %.14f\n", s->frac[3 * i], s->frac[3 * i + 1], s->frac[3 * i + 2]);
    return ferror(f) ? SH_FAIL(SH_EIO, "cannot write a POSCAR") : SH_OK;
}
