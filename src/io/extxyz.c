#include "io/extxyz.h"

#include <math.h>
#include <string.h>

#include "crystal/lattice.h"
#include "io/text.h"
#include "reward/tables.h"

enum { MAX_COLUMN = 256 };

typedef struct {
    int n_column;       /* words of an atom's line */
    int species, number; /* column of the symbol or of the atomic number, -1 */
    int pos;            /* first of three columns */
} columns;

/* Next key[=value] of the line; a value may stand in double or single quotes, or in braces. False at the end. */
static bool next_pair(sh_span *rest, sh_span *key, sh_span *value)
{
    while (rest->n && (*rest->p == ' ' || *rest->p == '\t'))
        rest->p++, rest->n--;
    key->p = rest->p;
    while (rest->n && *rest->p != '=' && *rest->p != ' ' && *rest->p != '\t')
        rest->p++, rest->n--;
    key->n = (size_t)(rest->p - key->p);
    *value = (sh_span){rest->p, 0};
    if (!rest->n || *rest->p != '=') return key->n > 0;
    rest->p++, rest->n--;
    char close = ' ';
    if (rest->n && (*rest->p == '"' || *rest->p == '\'' || *rest->p == '{')) {
        close = *rest->p == '{' ? '}' : *rest->p;
        rest->p++, rest->n--;
    }
    value->p = rest->p;
    while (rest->n && *rest->p != close && !(close == ' ' && *rest->p == '\t'))
        rest->p++, rest->n--;
    value->n = (size_t)(rest->p - value->p);
    if (rest->n) rest->p++, rest->n--;
    return true;
}

static sh_status read_lattice(const sh_lines *lines, sh_span value, double lattice[9])
{
    sh_span word;
    int n = 0;
    while (sh_span_word(&value, &word)) {
        if (n == 9 || !sh_span_number(word, &lattice[n]))
            return SH_FAIL(SH_EINPUT, "%s:%lld: Lattice is not nine numbers: '%s'", lines->path, (long long)lines->line,
                           SH_SHOW(word));
        n++;
    }
    if (n != 9)
        return SH_FAIL(SH_EINPUT, "%s:%lld: Lattice has %d numbers, not 9", lines->path, (long long)lines->line, n);
    return SH_OK;
}

static sh_status read_pbc(const sh_lines *lines, sh_span value)
{
    sh_span word, rest = value;
    while (sh_span_word(&rest, &word)) {
        if (sh_span_is_nocase(word, "T") || sh_span_is_nocase(word, "True") || sh_span_is(word, "1")) continue;
        return SH_FAIL(SH_EINPUT, "%s:%lld: pbc=\"%s\": only structures periodic in three directions are crystals",
                       lines->path, (long long)lines->line, SH_SHOW(value));
    }
    return SH_OK;
}

/* "species:S:1:pos:R:3:forces:R:3". */
static sh_status read_properties(const sh_lines *lines, sh_span value, columns *c)
{
    *c = (columns){.species = -1, .number = -1, .pos = -1};
    sh_span field[3];
    int n_field = 0;
    for (size_t i = 0, start = 0; i <= value.n; i++) {
        if (i < value.n && value.p[i] != ':') continue;
        field[n_field++] = (sh_span){value.p + start, i - start};
        start = i + 1;
        if (n_field < 3) continue;
        n_field = 0;
        int64_t width;
        if (!sh_span_integer(field[2], &width) || width < 1 || width > MAX_COLUMN || c->n_column + width > MAX_COLUMN)
            return SH_FAIL(SH_EINPUT, "%s:%lld: Properties: '%s' has no valid number of columns", lines->path,
                           (long long)lines->line, SH_SHOW(field[0]));
        if (sh_span_is_nocase(field[0], "species") && width == 1) c->species = c->n_column;
        if (sh_span_is(field[0], "Z") && width == 1) c->number = c->n_column;
        if ((sh_span_is_nocase(field[0], "pos") || sh_span_is_nocase(field[0], "positions")) && width == 3)
            c->pos = c->n_column;
        c->n_column += (int)width;
    }
    if (n_field)
        return SH_FAIL(SH_EINPUT, "%s:%lld: Properties is not made of name:type:columns", lines->path,
                       (long long)lines->line);
    if (c->pos < 0 || (c->species < 0 && c->number < 0))
        return SH_FAIL(SH_EINPUT, "%s:%lld: Properties lack %s", lines->path, (long long)lines->line,
                       c->pos < 0 ? "pos:R:3" : "species:S:1");
    return SH_OK;
}

static sh_status read_atom(const sh_lines *lines, sh_span line, const columns *c, int32_t *z, double x[3])
{
    sh_span word;
    for (int i = 0; i < c->n_column; i++) {
        if (!sh_span_word(&line, &word))
            return SH_FAIL(SH_EINPUT, "%s:%lld: %d columns where Properties have %d", lines->path,
                           (long long)lines->line, i, c->n_column);
        if (i == c->species) {
            *z = sh_span_element(word);
            if (!*z) return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' is not an element", lines->path, (long long)lines->line,
                                    SH_SHOW(word));
        }
        if (i == c->number && c->species < 0) {
            int64_t number;
            if (!sh_span_integer(word, &number) || number < 1 || number > SH_MAX_Z)
                return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' is not an atomic number", lines->path, (long long)lines->line,
                               SH_SHOW(word));
            *z = (int32_t)number;
        }
        if (i >= c->pos && i < c->pos + 3 && !sh_span_number(word, &x[i - c->pos]))
            return SH_FAIL(SH_EINPUT, "%s:%lld: the coordinate '%s' is not a number", lines->path,
                           (long long)lines->line, SH_SHOW(word));
    }
    if (!sh_span_blank(line))
        return SH_FAIL(SH_EINPUT, "%s:%lld: more columns than the %d of Properties", lines->path,
                       (long long)lines->line, c->n_column);
    return SH_OK;
}

/* The frame after its count; leaves `lines` somewhere inside the frame when it fails. */
static sh_status read_frame(sh_lines *lines, int64_t n_atom, sh_structure *s)
{
    sh_span line, key, value;
    columns c = {.n_column = 4, .species = 0, .number = -1, .pos = 1};
    bool has_lattice = false;
    double inverse[9];
    if (!sh_lines_next(lines, &line))
        return SH_FAIL(SH_EINPUT, "%s: the file ends after line %lld, before Lattice=\"...\"", lines->path,
                       (long long)lines->line);
    for (sh_span rest = line; next_pair(&rest, &key, &value);) {
        if (sh_span_is_nocase(key, "lattice")) {
            SH_TRY(read_lattice(lines, value, s->lattice));
            has_lattice = true;
        } else if (sh_span_is_nocase(key, "properties")) {
            SH_TRY(read_properties(lines, value, &c));
        } else if (sh_span_is_nocase(key, "pbc")) {
            SH_TRY(read_pbc(lines, value));
        } else if (sh_span_is(key, "shaft_sampled_space_group_number")) {
            int64_t group;
            if (sh_span_integer(value, &group) && group >= 1 && group <= 230) s->sampled_group = (int32_t)group;
        } else if (sh_span_is(key, "shaft_reward")) {
            if (!sh_span_number(value, &s->reward))
                return SH_FAIL(SH_EINPUT, "%s:%lld: shaft_reward is '%s', not a number", lines->path, (long long)lines->line,
                               SH_SHOW(value));
        } else if (sh_span_is(key, "shaft_reward_model") && value.n) {
            sh_free(s->reward_model);
            s->reward_model = sh_span_copy(value);
        }
    }
    if (!has_lattice) {
        SH_FAIL(SH_EINPUT, "%s:%lld: a frame without Lattice=\"...\": a molecule, or plain XYZ", lines->path,
                (long long)lines->line);
        return sh_error_hint(SH_EINPUT, "write Lattice=\"ax ay az bx by bz cx cy cz\" (Å) on that line");
    }
    if (!sh_lattice_invert(s->lattice, inverse))
        return sh_lattice_fail(lines->path, lines->line, s->lattice, "the vectors of Lattice span no volume");
    if (!sh_lattice_short(s->lattice))
        return SH_FAIL(SH_EINPUT, "%s:%lld: a vector of Lattice is longer than %d Å", lines->path, (long long)lines->line,
                       SH_MAX_CELL_LENGTH);
    s->name = sh_span_copy(line);
    s->z = SH_NEW(int32_t, n_atom);
    s->frac = SH_NEW(double, 3 * n_atom);
    s->n_atom = n_atom;
    for (int64_t i = 0; i < n_atom; i++) {
        double x[3];
        if (!sh_lines_next(lines, &line))
            return SH_FAIL(SH_EINPUT, "%s: the file ends after line %lld, with %lld of %lld atoms of its last frame",
                           lines->path, (long long)lines->line, (long long)i, (long long)n_atom);
        SH_TRY(read_atom(lines, line, &c, &s->z[i], x));
        for (int k = 0; k < 3; k++) {
            double frac = x[0] * inverse[k] + x[1] * inverse[3 + k] + x[2] * inverse[6 + k];
            if (!(fabs(frac) < 1e3))
                return SH_FAIL(SH_EINPUT, "%s:%lld: a position far outside the cell", lines->path,
                               (long long)lines->line);
            s->frac[3 * i + k] = sh_wrap01(frac);
        }
    }
    return SH_OK;
}

void sh_extxyz_parse(const char *path, const char *text, size_t size, sh_structures *out)
{
    sh_lines lines;
    sh_lines_start(&lines, path, text, size);
    int64_t before = out->n;
    sh_span line, word;
    while (sh_lines_next(&lines, &line)) {
        if (sh_span_blank(line)) continue; /* between frames, and at the end */
        sh_span rest = line;
        int64_t n_atom;
        if (!sh_span_word(&rest, &word) || !sh_span_integer(word, &n_atom) || n_atom < 1 || !sh_span_blank(rest)) {
            SH_FAIL(SH_EINPUT, "%s:%lld: '%s' stands where the number of atoms of a frame is expected", path,
                    (long long)lines.line, SH_SHOW(line));
            sh_structures_add_error(out);
            break; /* without the count there is no telling where the next frame begins */
        }
        /* an atom takes at least eight bytes */
        if (n_atom > SH_MAX_STRUCTURE_ATOM || n_atom > (lines.end - lines.p) / 8 + 1) {
            if (n_atom > SH_MAX_STRUCTURE_ATOM)
                SH_FAIL(SH_EINPUT, "%s:%lld: a frame of %lld atoms, more than %d", path, (long long)lines.line, (long long)n_atom,
                        SH_MAX_STRUCTURE_ATOM);
            else
                SH_FAIL(SH_EINPUT, "%s:%lld: a frame of %lld atoms, more than the file holds", path, (long long)lines.line,
                        (long long)n_atom);
            sh_structures_add_error(out);
            break;
        }
        int64_t last_line = lines.line + 1 + n_atom;
        sh_structure s = {0};
        if (read_frame(&lines, n_atom, &s) == SH_OK) {
            sh_structures_add(out, &s);
            continue;
        }
        sh_structure_destroy(&s);
        sh_structures_add_error(out);
        while (lines.line < last_line && sh_lines_next(&lines, &line)) {
        }
    }
    if (out->n == before) {
        SH_FAIL(SH_EINPUT, "%s: no frames", path);
        sh_structures_add_error(out);
    }
}

static void write_item(FILE *f, const sh_cif_item *item)
{
    const char *key = item->key + (item->key[0] == '_');
    fprintf(f, strpbrk(item->value, " \t") ? " %s=\"%s\"" : " %s=%s", key, item->value);
}

sh_status sh_extxyz_write(FILE *f, const sh_structure *s, const sh_cif_item *items, int n_item)
{
    sh_cif_origin origin;
    sh_cif_origin_of(s, &origin);
    fprintf(f, "%lld\nLattice=\"", (long long)s->n_atom);
    for (int i = 0; i < 9; i++)
        fprintf(f, "%s%.14g", i ? " " : "", s->lattice[i]);
    fputs("\" Properties=species:S:1:pos:R:3 pbc=\"T T T\"", f);
    for (int i = 0; i < origin.n; i++)
        write_item(f, &origin.item[i]);
    for (int i = 0; i < n_item; i++)
        write_item(f, &items[i]);
    fputc('\n', f);
    for (int64_t a = 0; a < s->n_atom; a++) {
        const double *x = s->frac + 3 * a, *l = s->lattice;
        fprintf(f, "%-2s", sh_element_symbol(s->z[a]));
        for (int k = 0; k < 3; k++)
            fprintf(f, " %18.12f", x[0] * l[k] + x[1] * l[3 + k] + x[2] * l[6 + k]);
        fputc('\n', f);
    }
    return ferror(f) ? SH_FAIL(SH_EIO, "cannot write extended XYZ") : SH_OK;
}
