/* cif.c -- reading CIF.
 *
 * A block is cut into tokens, tokens into items (a tag with its values; a loop's columns share their rows), and the items
 * of interest make the structure. Nothing is guessed: what is missing, given twice, or not a number is an error with its
 * line; after an error reading goes on at the next data block. Names of the newer dictionary (_cell.length_a) are the same
 * as those of the older (_cell_length_a). */
#include "io/cif.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crystal/lattice.h"
#include "io/symop.h"
#include "io/text.h"

/* Images of a site closer than this are one atom: coordinates of special positions are rounded in files. */
static const double merge_tolerance = 0.01; /* Å */

typedef enum { TOKEN_END, TOKEN_DATA, TOKEN_LOOP, TOKEN_TAG, TOKEN_VALUE } token_kind;

typedef struct {
    token_kind kind;
    bool quoted;
    sh_span text; /* without quotes; of a data block its name */
    int64_t line;
} token;

typedef struct {
    const char *path, *p, *start, *end;
    const char *data; /* where the last token began if it opens a data block, else NULL */
    int64_t line;
} scanner;

typedef struct {
    sh_span tag;
    int64_t line;
    int64_t first, stride, rows; /* value r is token first + r * stride */
} item;

typedef struct {
    const char *path;
    sh_span name;
    int64_t line;
    token *value;
    int64_t n_value, value_capacity;
    item *items;
    int64_t n_item, item_capacity;
} block;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_end_of_line(char c)
{
    return c == '\n' || c == '\r';
}

/* Steps over one character and counts lines; \r\n is one end of line. */
static void step(scanner *s)
{
    if (*s->p == '\n' || (*s->p == '\r' && !(s->p + 1 < s->end && s->p[1] == '\n'))) s->line++;
    s->p++;
}

static bool at_line_start(const scanner *s)
{
    return s->p == s->start || is_end_of_line(s->p[-1]);
}

static sh_status scan_semicolon_text(scanner *s, token *t)
{
    *t = (token){.kind = TOKEN_VALUE, .quoted = true, .line = s->line};
    step(s);
    const char *first = s->p;
    while (s->p < s->end && !(*s->p == ';' && at_line_start(s)))
        step(s);
    if (s->p == s->end) {
        SH_FAIL(SH_EINPUT, "%s:%lld: the text that begins here with ';' has no end", s->path, (long long)t->line);
        return sh_error_hint(SH_EINPUT, "close it with a line that begins with ';'");
    }
    t->text = (sh_span){first, (size_t)(s->p - first)};
    while (t->text.n && is_end_of_line(t->text.p[t->text.n - 1]))
        t->text.n--;
    step(s);
    return SH_OK;
}

static sh_status scan_quoted(scanner *s, token *t)
{
    char quote = *s->p;
    *t = (token){.kind = TOKEN_VALUE, .quoted = true, .line = s->line};
    const char *first = ++s->p;
    /* a quote ends the text only before a blank: 'a dog's life' is one value */
    while (s->p < s->end && !is_end_of_line(*s->p) && !(*s->p == quote && (s->p + 1 == s->end || is_blank(s->p[1]))))
        s->p++;
    if (s->p == s->end || *s->p != quote)
        return SH_FAIL(SH_EINPUT, "%s:%lld: the quote %c is not closed on its line", s->path, (long long)t->line, quote);
    t->text = (sh_span){first, (size_t)(s->p - first)};
    s->p++;
    return SH_OK;
}

static sh_status scan_token(scanner *s, token *t)
{
    while (s->p < s->end && (is_blank(*s->p) || *s->p == '#')) {
        if (*s->p == '#')
            while (s->p < s->end && !is_end_of_line(*s->p))
                s->p++;
        else
            step(s);
    }
    *t = (token){.kind = TOKEN_END, .line = s->line};
    s->data = NULL;
    if (s->p == s->end) return SH_OK;
    if (*s->p == ';' && at_line_start(s)) return scan_semicolon_text(s, t);
    if (*s->p == '\'' || *s->p == '"') return scan_quoted(s, t);
    const char *first = s->p;
    while (s->p < s->end && !is_blank(*s->p)) {
        if (!*s->p) {
            SH_FAIL(SH_EINPUT, "%s:%lld: a zero byte: this is not a text file", s->path, (long long)s->line);
            return sh_error_hint(SH_EINPUT, "save the file as plain text (UTF-8)");
        }
        s->p++;
    }
    t->text = (sh_span){first, (size_t)(s->p - first)};
    t->kind = TOKEN_VALUE;
    if (*first == '_') {
        t->kind = TOKEN_TAG;
    } else if (sh_span_starts_nocase(t->text, "data_")) {
        t->kind = TOKEN_DATA;
        s->data = first;
        t->text.p += 5;
        t->text.n -= 5;
    } else if (sh_span_is_nocase(t->text, "loop_")) {
        t->kind = TOKEN_LOOP;
    } else if (sh_span_starts_nocase(t->text, "save_") || sh_span_is_nocase(t->text, "global_") ||
               sh_span_is_nocase(t->text, "stop_")) {
        return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' belongs to dictionaries, not to a structure's CIF", s->path,
                       (long long)t->line, SH_SHOW(t->text));
    }
    return SH_OK;
}

/* To the next line that opens a data block; the last token may have been its first. */
static void skip_to_data(scanner *s)
{
    if (s->data) {
        s->p = s->data;
        return;
    }
    while (s->p < s->end) {
        if (at_line_start(s) && sh_span_starts_nocase((sh_span){s->p, (size_t)(s->end - s->p)}, "data_")) return;
        step(s);
    }
}

static int64_t add_value(block *b, const token *t)
{
    if (b->n_value == b->value_capacity) {
        b->value_capacity = b->value_capacity ? 2 * b->value_capacity : 256;
        b->value = sh_realloc(b->value, (size_t)b->value_capacity * sizeof *b->value);
    }
    b->value[b->n_value] = *t;
    return b->n_value++;
}

static item *add_item(block *b, const token *tag)
{
    if (b->n_item == b->item_capacity) {
        b->item_capacity = b->item_capacity ? 2 * b->item_capacity : 64;
        b->items = sh_realloc(b->items, (size_t)b->item_capacity * sizeof *b->items);
    }
    b->items[b->n_item] = (item){.tag = tag->text, .line = tag->line, .first = b->n_value, .stride = 1};
    return &b->items[b->n_item++];
}

/* Reads to the end of the block; *next is the token that ended it. */
static sh_status scan_block(scanner *s, block *b, token *next)
{
    token t;
    SH_TRY(scan_token(s, &t));
    while (t.kind == TOKEN_TAG || t.kind == TOKEN_LOOP) {
        if (t.kind == TOKEN_TAG) {
            item *single = add_item(b, &t);
            token tag = t;
            SH_TRY(scan_token(s, &t));
            if (t.kind != TOKEN_VALUE)
                return SH_FAIL(SH_EINPUT, "%s:%lld: %s has no value", b->path, (long long)tag.line, SH_SHOW(tag.text));
            single->rows = 1;
            add_value(b, &t);
            SH_TRY(scan_token(s, &t));
            continue;
        }
        int64_t loop_line = t.line, first_item = b->n_item, first_value = b->n_value;
        SH_TRY(scan_token(s, &t));
        while (t.kind == TOKEN_TAG) {
            add_item(b, &t);
            SH_TRY(scan_token(s, &t));
        }
        while (t.kind == TOKEN_VALUE) {
            add_value(b, &t);
            SH_TRY(scan_token(s, &t));
        }
        int64_t columns = b->n_item - first_item, values = b->n_value - first_value;
        if (!columns) return SH_FAIL(SH_EINPUT, "%s:%lld: loop_ has no names", b->path, (long long)loop_line);
        if (values % columns) {
            SH_FAIL(SH_EINPUT, "%s:%lld: the loop of %lld columns that begins here has %lld values: %lld are missing",
                    b->path, (long long)loop_line, (long long)columns, (long long)values,
                    (long long)(columns - values % columns));
            return sh_error_hint(SH_EINPUT, "look for a row that is too short, or a text with blanks but no quotes");
        }
        for (int64_t c = 0; c < columns; c++) {
            b->items[first_item + c].first = first_value + c;
            b->items[first_item + c].stride = columns;
            b->items[first_item + c].rows = values / columns;
        }
    }
    if (t.kind == TOKEN_VALUE)
        return SH_FAIL(SH_EINPUT, "%s:%lld: the value '%s' belongs to no name", b->path, (long long)t.line,
                       SH_SHOW(t.text));
    *next = t;
    return SH_OK;
}

/* Tags are equal but for case, and '.' stands where '_' does in the newer dictionary. */
static bool tag_is(sh_span tag, const char *name)
{
    if (tag.n != strlen(name)) return false;
    for (size_t i = 0; i < tag.n; i++) {
        char a = tag.p[i] == '.' ? '_' : tag.p[i], c = name[i];
        if (a >= 'A' && a <= 'Z') a = (char)(a - 'A' + 'a');
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (a != c) return false;
    }
    return true;
}

/* NULL where the block has none of it. */
static sh_status find(const block *b, const char *name, const item **out)
{
    *out = NULL;
    for (int64_t i = 0; i < b->n_item; i++) {
        if (!tag_is(b->items[i].tag, name)) continue;
        if (*out)
            return SH_FAIL(SH_EINPUT, "%s:%lld: %s was given before, at line %lld", b->path,
                           (long long)b->items[i].line, name, (long long)(*out)->line);
        *out = &b->items[i];
    }
    return SH_OK;
}

static const token *value_of(const block *b, const item *column, int64_t row)
{
    return &b->value[column->first + row * column->stride];
}

static bool is_unknown(const token *t)
{
    return !t->quoted && (sh_span_is(t->text, "?") || sh_span_is(t->text, "."));
}

/* 5.64(2) is 5.64: the digits in brackets are the standard uncertainty. */
static bool number_with_uncertainty(sh_span s, double *value)
{
    if (s.n && s.p[s.n - 1] == ')') {
        size_t open = s.n;
        while (open > 0 && s.p[open - 1] != '(')
            open--;
        if (open == 0 || open == s.n - 1) return false;
        for (size_t i = open; i < s.n - 1; i++)
            if (s.p[i] < '0' || s.p[i] > '9') return false;
        s.n = open - 1;
    }
    return sh_span_number(s, value);
}

static sh_status read_number(const block *b, const item *column, int64_t row, const char *name, double *value)
{
    const token *t = value_of(b, column, row);
    if (is_unknown(t)) return SH_FAIL(SH_EINPUT, "%s:%lld: %s is unknown ('%s')", b->path, (long long)t->line, name,
                                      SH_SHOW(t->text));
    if (!number_with_uncertainty(t->text, value))
        return SH_FAIL(SH_EINPUT, "%s:%lld: %s is '%s', not a number", b->path, (long long)t->line, name,
                       SH_SHOW(t->text));
    return SH_OK;
}

/* The value of a tag that is no loop, or an empty span. */
static sh_status read_text(const block *b, const char *name, sh_span *value)
{
    const item *found;
    *value = (sh_span){"", 0};
    SH_TRY(find(b, name, &found));
    if (found && found->rows == 1 && !is_unknown(value_of(b, found, 0))) *value = value_of(b, found, 0)->text;
    return SH_OK;
}

static sh_status read_integer(const block *b, const char *name, int64_t *value)
{
    sh_span text;
    SH_TRY(read_text(b, name, &text));
    *value = 0;
    if (text.n && !sh_span_integer(text, value))
        return SH_FAIL(SH_EINPUT, "%s: data block '%s': %s is '%s', not a whole number", b->path, SH_SHOW(b->name),
                       name, SH_SHOW(text));
    return SH_OK;
}

static sh_status read_cell(const block *b, double lattice[9])
{
    static const char *const names[6] = {"_cell_length_a",    "_cell_length_b",   "_cell_length_c",
                                         "_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma"};
    double p[6];
    int64_t line = b->line;
    for (int i = 0; i < 6; i++) {
        const item *found;
        SH_TRY(find(b, names[i], &found));
        if (!found || found->rows != 1)
            return SH_FAIL(SH_EINPUT, "%s:%lld: data block '%s' has no %s", b->path, (long long)b->line,
                           SH_SHOW(b->name), names[i]);
        SH_TRY(read_number(b, found, 0, names[i], &p[i]));
        line = found->line;
        bool fits = i < 3 ? p[i] > 0 && p[i] <= SH_MAX_CELL_LENGTH : p[i] > 0 && p[i] < 180;
        if (!fits)
            return SH_FAIL(SH_EINPUT, "%s:%lld: %s is %g, not %s", b->path, (long long)line, names[i], p[i],
                           i < 3 ? "a length in Å" : "an angle between 0 and 180 degrees");
    }
    sh_lattice_matrix(p, lattice);
    double inverse[9];
    char flat[96];
    snprintf(flat, sizeof flat, "no cell has the angles %g, %g, %g", p[3], p[4], p[5]);
    if (!sh_lattice_invert(lattice, inverse)) return sh_lattice_fail(b->path, line, lattice, flat);
    return SH_OK;
}

/* Puts file and block before the message of somebody who does not know them. */
static sh_status put_place(sh_status status, const block *b)
{
    char message[1024], hints[1024];
    snprintf(message, sizeof message, "%s", sh_error_message());
    snprintf(hints, sizeof hints, "%s", sh_error_hints());
    SH_FAIL(status, "%s: data block '%s': %s", b->path, SH_SHOW(b->name), message);
    return hints[0] ? sh_error_hint(status, "%s", hints) : status;
}

/* The operations of the block; none at all where it says nothing of symmetry (P1). */
static sh_status read_operations(const block *b, const double lattice[9], sh_symops *ops)
{
    static const char *const names[] = {"_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"};
    ops->n = 0;
    for (int n = 0; n < 2; n++) {
        const item *column;
        SH_TRY(find(b, names[n], &column));
        if (!column || (column->rows == 1 && is_unknown(value_of(b, column, 0)))) continue;
        if (column->rows > SH_MAX_SYMOP)
            return SH_FAIL(SH_EINPUT, "%s:%lld: %lld symmetry operations; no more than %d are read", b->path,
                           (long long)column->line, (long long)column->rows, SH_MAX_SYMOP);
        for (int64_t r = 0; r < column->rows; r++) {
            const token *t = value_of(b, column, r);
            if (!sh_symop_parse(t->text, ops->rot[ops->n], ops->trans[ops->n])) {
                SH_FAIL(SH_EINPUT, "%s:%lld: '%s' is not a symmetry operation", b->path, (long long)t->line,
                        SH_SHOW(t->text));
                return sh_error_hint(SH_EINPUT, "write it as 'x,-y+1/2,z'");
            }
            ops->n++;
        }
        int bad;
        if (!sh_symops_fit(ops, lattice, 0.02, &bad)) {
            const token *t = value_of(b, column, bad);
            SH_FAIL(SH_EINPUT, "%s:%lld: the cell does not have the symmetry '%s'", b->path, (long long)t->line,
                    SH_SHOW(t->text));
            return sh_error_hint(SH_EINPUT, "check the cell lengths and angles, or the operations");
        }
        if (ops->n) return SH_OK;
    }
    static const char *const hall_names[] = {"_space_group_name_Hall", "_symmetry_space_group_name_Hall"};
    static const char *const hm_names[] = {"_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M",
                                           "_space_group_name_H-M", "_space_group_name_H-M_ref"};
    static const char *const number_names[] = {"_space_group_IT_number", "_symmetry_Int_Tables_number",
                                               "_symmetry_IT_number"};
    sh_span hall = {"", 0}, hm = {"", 0};
    int64_t number = 0;
    for (size_t i = 0; i < sizeof hall_names / sizeof *hall_names && !hall.n; i++)
        SH_TRY(read_text(b, hall_names[i], &hall));
    for (size_t i = 0; i < sizeof hm_names / sizeof *hm_names && !hm.n; i++)
        SH_TRY(read_text(b, hm_names[i], &hm));
    for (size_t i = 0; i < sizeof number_names / sizeof *number_names && !number; i++)
        SH_TRY(read_integer(b, number_names[i], &number));
    if (!hall.n && !hm.n && !number) return SH_OK;
    int hall_number;
    sh_status status = sh_setting_find(hall, hm, number, lattice, &hall_number);
    if (status != SH_OK) return put_place(status, b);
    return sh_symops_of_hall(hall_number, ops);
}

/* "Na", "Na1+", "O2-", "NA+": letters, then a charge. */
static int element_of_type(sh_span s)
{
    size_t letters = 0;
    while (letters < s.n && ((s.p[letters] | 0x20) >= 'a' && (s.p[letters] | 0x20) <= 'z'))
        letters++;
    for (size_t i = letters; i < s.n; i++)
        if (!strchr("0123456789+-", s.p[i]) || !s.p[i]) return 0;
    return sh_span_element((sh_span){s.p, letters});
}

/* "Na1", "OW1" (W is no part of an element), "CA1": could be calcium or carbon, so 0. */
static int element_of_label(sh_span s, bool *ambiguous)
{
    *ambiguous = false;
    int one = s.n ? sh_span_element((sh_span){s.p, 1}) : 0;
    bool two_letters = s.n > 1 && (s.p[1] | 0x20) >= 'a' && (s.p[1] | 0x20) <= 'z';
    int two = two_letters ? sh_span_element((sh_span){s.p, 2}) : 0;
    if (two && one && s.p[1] < 'a') {
        *ambiguous = true;
        return 0;
    }
    return two ? two : one;
}

typedef struct {
    const item *label, *type, *frac[3], *occupancy, *disorder, *calc;
} site_columns;

static sh_status find_sites(const block *b, site_columns *c)
{
    static const char *const axis[3] = {"_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"};
    SH_TRY(find(b, "_atom_site_label", &c->label));
    SH_TRY(find(b, "_atom_site_type_symbol", &c->type));
    SH_TRY(find(b, "_atom_site_occupancy", &c->occupancy));
    SH_TRY(find(b, "_atom_site_disorder_group", &c->disorder));
    SH_TRY(find(b, "_atom_site_calc_flag", &c->calc));
    for (int k = 0; k < 3; k++) {
        SH_TRY(find(b, axis[k], &c->frac[k]));
        if (c->frac[k]) continue;
        const item *cartesian;
        SH_TRY(find(b, "_atom_site_Cartn_x", &cartesian));
        SH_FAIL(SH_EINPUT, "%s:%lld: data block '%s' has no %s", b->path, (long long)b->line, SH_SHOW(b->name), axis[k]);
        return cartesian ? sh_error_hint(SH_EINPUT, "Cartesian coordinates are not read: convert them to fractional ones")
                         : SH_EINPUT;
    }
    if (!c->type && !c->label)
        return SH_FAIL(SH_EINPUT, "%s:%lld: the atom sites have neither _atom_site_type_symbol nor _atom_site_label",
                       b->path, (long long)c->frac[0]->line);
    const item *all[] = {c->label, c->type, c->frac[1], c->frac[2], c->occupancy, c->disorder, c->calc};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && all[i]->rows != c->frac[0]->rows)
            return SH_FAIL(SH_EINPUT, "%s:%lld: %s is not in the same loop as _atom_site_fract_x", b->path,
                           (long long)all[i]->line, SH_SHOW(all[i]->tag));
    if (!c->frac[0]->rows)
        return SH_FAIL(SH_EINPUT, "%s:%lld: the loop of atom sites has no rows", b->path, (long long)c->frac[0]->line);
    return SH_OK;
}

static sh_status check_site(const block *b, const site_columns *c, int64_t row, sh_span name)
{
    int64_t line = value_of(b, c->frac[0], row)->line;
    if (c->occupancy && !is_unknown(value_of(b, c->occupancy, row))) {
        double occupancy;
        SH_TRY(read_number(b, c->occupancy, row, "_atom_site_occupancy", &occupancy));
        if (!(fabs(occupancy - 1) < 1e-3)) {
            SH_FAIL(SH_EINPUT, "%s:%lld: site '%s' has occupancy %g: disordered structures have no energy here", b->path,
                    (long long)line, SH_SHOW(name), occupancy);
            return sh_error_hint(SH_EINPUT, "make an ordered cell of it first");
        }
    }
    if (c->disorder) {
        const token *t = value_of(b, c->disorder, row);
        if (!is_unknown(t) && !sh_span_is(t->text, "0")) {
            SH_FAIL(SH_EINPUT, "%s:%lld: site '%s' belongs to disorder group '%s'", b->path, (long long)line,
                    SH_SHOW(name), SH_SHOW(t->text));
            return sh_error_hint(SH_EINPUT, "make an ordered cell of it first");
        }
    }
    return SH_OK;
}

static sh_status read_element(const block *b, const site_columns *c, int64_t row, int32_t *z)
{
    if (c->type && !is_unknown(value_of(b, c->type, row))) {
        const token *t = value_of(b, c->type, row);
        *z = element_of_type(t->text);
        if (*z) return SH_OK;
        return SH_FAIL(SH_EINPUT, "%s:%lld: _atom_site_type_symbol '%s' is not an element", b->path, (long long)t->line,
                       SH_SHOW(t->text));
    }
    if (!c->label || is_unknown(value_of(b, c->label, row)))
        return SH_FAIL(SH_EINPUT, "%s:%lld: an atom site without an element", b->path,
                       (long long)value_of(b, c->frac[0], row)->line);
    const token *t = value_of(b, c->label, row);
    bool ambiguous;
    *z = element_of_label(t->text, &ambiguous);
    if (*z) return SH_OK;
    SH_FAIL(SH_EINPUT, "%s:%lld: the label '%s' %s", b->path, (long long)t->line, SH_SHOW(t->text),
            ambiguous ? "could be two elements" : "does not begin with an element");
    return sh_error_hint(SH_EINPUT, "give _atom_site_type_symbol");
}

static sh_status read_atoms(const block *b, const sh_symops *ops, sh_structure *s)
{
    site_columns c;
    SH_TRY(find_sites(b, &c));
    double images[SH_MAX_SYMOP + 1][3];
    int64_t capacity = 0;
    for (int64_t r = 0; r < c.frac[0]->rows; r++) {
        if (c.calc && sh_span_is_nocase(value_of(b, c.calc, r)->text, "dum")) continue; /* a dummy, no atom */
        sh_span name = c.label ? value_of(b, c.label, r)->text : value_of(b, c.type, r)->text;
        int32_t z;
        double x[3];
        SH_TRY(read_element(b, &c, r, &z));
        SH_TRY(check_site(b, &c, r, name));
        for (int k = 0; k < 3; k++) {
            static const char *const axis[3] = {"_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z"};
            SH_TRY(read_number(b, c.frac[k], r, axis[k], &x[k]));
            if (!(fabs(x[k]) < 1e3))
                return SH_FAIL(SH_EINPUT, "%s:%lld: %s of site '%s' is %g, not a fraction of the cell", b->path,
                               (long long)value_of(b, c.frac[k], r)->line, axis[k], SH_SHOW(name), x[k]);
        }
        sh_site_settle(ops, s->lattice, merge_tolerance, x);
        int n = sh_site_expand(ops, s->lattice, merge_tolerance, x, images);
        if (s->n_atom + n > SH_MAX_STRUCTURE_ATOM)
            return SH_FAIL(SH_EINPUT, "%s:%lld: the cell has more than %d atoms", b->path,
                           (long long)value_of(b, c.frac[0], r)->line, SH_MAX_STRUCTURE_ATOM);
        if (s->n_atom + n > capacity) {
            capacity = 2 * (s->n_atom + n);
            s->z = sh_realloc(s->z, (size_t)capacity * sizeof *s->z);
            s->frac = sh_realloc(s->frac, (size_t)capacity * 3 * sizeof *s->frac);
        }
        memcpy(s->frac + 3 * s->n_atom, images, (size_t)n * sizeof *images);
        for (int i = 0; i < n; i++)
            s->z[s->n_atom + i] = z;
        s->n_atom += n;
    }
    if (!s->n_atom)
        return SH_FAIL(SH_EINPUT, "%s:%lld: data block '%s' has no atoms", b->path, (long long)b->line, SH_SHOW(b->name));
    return SH_OK;
}

/* The reward that a sample was drawn with, and by whose energies. */
static sh_status read_reward(const block *b, sh_structure *s)
{
    sh_span reward, model;
    SH_TRY(read_text(b, "_shaft_reward", &reward));
    SH_TRY(read_text(b, "_shaft_reward_model", &model));
    if (reward.n && !sh_span_number(reward, &s->reward))
        return SH_FAIL(SH_EINPUT, "%s: data block '%s': _shaft_reward is '%s', not a number", b->path, SH_SHOW(b->name), SH_SHOW(reward));
    if (model.n) s->reward_model = sh_span_copy(model);
    return SH_OK;
}

static sh_status read_structure(const block *b, sh_structure *s)
{
    sh_symops ops;
    int64_t sampled;
    SH_TRY(read_cell(b, s->lattice));
    SH_TRY(read_operations(b, s->lattice, &ops));
    SH_TRY(read_atoms(b, &ops, s));
    SH_TRY(read_integer(b, "_shaft_sampled_space_group_number", &sampled));
    s->sampled_group = sampled >= 1 && sampled <= 230 ? (int32_t)sampled : 0;
    SH_TRY(read_reward(b, s));
    s->name = sh_span_copy(b->name);
    return SH_OK;
}

/* Blocks of text or of reflections say nothing of a structure and are passed over. */
static bool has_structure(const block *b)
{
    for (int64_t i = 0; i < b->n_item; i++)
        if (tag_is(b->items[i].tag, "_cell_length_a") || tag_is(b->items[i].tag, "_atom_site_fract_x") ||
            tag_is(b->items[i].tag, "_atom_site_label"))
            return true;
    return false;
}

void sh_cif_parse(const char *path, const char *text, size_t size, sh_structures *out)
{
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        size -= 3;
    }
    scanner s = {.path = path, .p = text, .start = text, .end = text + size, .line = 1};
    block b = {.path = path};
    int64_t before = out->n;
    token next;
    sh_status status = scan_token(&s, &next);
    if (status == SH_OK && next.kind != TOKEN_DATA && next.kind != TOKEN_END)
        status = SH_FAIL(SH_EINPUT, "%s:%lld: a CIF begins with 'data_', not with '%s'", path, (long long)next.line,
                         SH_SHOW(next.text));
    for (;;) {
        if (status != SH_OK) { /* in the text itself: go on where a block begins */
            sh_structures_add_error(out);
            skip_to_data(&s);
            status = scan_token(&s, &next);
            continue;
        }
        if (next.kind != TOKEN_DATA) break;
        b.name = next.text;
        b.line = next.line;
        b.n_value = b.n_item = 0;
        status = scan_block(&s, &b, &next);
        if (status != SH_OK || !has_structure(&b)) continue;
        sh_structure read = {0};
        if (read_structure(&b, &read) == SH_OK) {
            sh_structures_add(out, &read);
        } else {
            sh_structure_destroy(&read);
            sh_structures_add_error(out);
        }
    }
    if (out->n == before) {
        SH_FAIL(SH_EINPUT, "%s: no data block with a cell and atom sites", path);
        sh_structures_add_error(out);
    }
    sh_free(b.value);
    sh_free(b.items);
}
