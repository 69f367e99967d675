#include "io/jsonl.h"

#include <math.h>
#include <string.h>

#include "crystal/lattice.h"

enum { MAX_DEPTH = 32 };

/* A place in a line. */
typedef struct {
    const sh_lines *lines;
    const char *start, *p, *end;
} cursor;

static sh_status broken(const cursor *c, const char *what)
{
    return SH_FAIL(SH_EINPUT, "%s:%lld:%lld: %s", c->lines->path, (long long)c->lines->line, (long long)(c->p - c->start + 1), what);
}

static char peek(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
    return c->p < c->end ? *c->p : '\0';
}

static sh_status expect(cursor *c, char wanted)
{
    char what[] = "' ' is missing here";
    what[1] = wanted;
    if (peek(c) != wanted) return broken(c, what);
    c->p++;
    return SH_OK;
}

/* Before each element of a list that ends with `close`: *more is false once it is closed. `first` is true before the first. */
static sh_status next_element(cursor *c, char close, bool *first, bool *more)
{
    *more = peek(c) != close;
    if (!*more)
        c->p++;
    else if (!*first)
        SH_TRY(expect(c, ','));
    *first = false;
    return SH_OK;
}

/* Escapes are left as they stand: no symbol, number or identifier has them. */
static sh_status read_string(cursor *c, sh_span *out)
{
    SH_TRY(expect(c, '"'));
    out->p = c->p;
    while (c->p < c->end && *c->p != '"')
        c->p += *c->p == '\\' && c->p + 1 < c->end ? 2 : 1;
    if (c->p >= c->end) return broken(c, "the line ends inside a string");
    out->n = (size_t)(c->p++ - out->p);
    return SH_OK;
}

static sh_status read_number(cursor *c, double *value)
{
    peek(c);
    sh_span number = {c->p, 0};
    while (number.p + number.n < c->end && strchr("+-.0123456789eE", number.p[number.n]) && number.p[number.n])
        number.n++;
    if (!sh_span_number(number, value)) return broken(c, "a number is expected here");
    c->p += number.n;
    return SH_OK;
}

static bool skip_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n)) return false;
    c->p += n;
    return true;
}

static sh_status skip_value(cursor *c, int depth)
{
    sh_span text;
    double number;
    char open = peek(c), close = open == '{' ? '}' : ']';
    if (depth > MAX_DEPTH) return broken(c, "lists inside each other, too many");
    if (open == '"') return read_string(c, &text);
    if (open != '{' && open != '[')
        return skip_word(c, "null") || skip_word(c, "true") || skip_word(c, "false") ? SH_OK : read_number(c, &number);
    c->p++;
    for (bool first = true, more = true; more;) {
        SH_TRY(next_element(c, close, &first, &more));
        if (!more) break;
        if (open == '{') {
            SH_TRY(read_string(c, &text));
            SH_TRY(expect(c, ':'));
        }
        SH_TRY(skip_value(c, depth + 1));
    }
    return SH_OK;
}

static sh_status read_optional_number(cursor *c, double *value)
{
    peek(c);
    return skip_word(c, "null") ? SH_OK : read_number(c, value);
}

/* Rows of three numbers; *n is how many, at most `room`. */
static sh_status read_rows(cursor *c, double *out, int64_t room, int64_t *n)
{
    *n = 0;
    SH_TRY(expect(c, '['));
    for (bool first = true, more = true; more;) {
        SH_TRY(next_element(c, ']', &first, &more));
        if (!more) break;
        if (*n == room) return broken(c, "more rows than there should be");
        SH_TRY(expect(c, '['));
        for (int k = 0; k < 3; k++) {
            if (k) SH_TRY(expect(c, ','));
            SH_TRY(read_number(c, &out[3 * *n + k]));
        }
        SH_TRY(expect(c, ']'));
        ++*n;
    }
    return SH_OK;
}

static sh_status read_species(cursor *c, int32_t *z, int64_t room, int64_t *n)
{
    *n = 0;
    SH_TRY(expect(c, '['));
    for (bool first = true, more = true; more;) {
        sh_span symbol;
        SH_TRY(next_element(c, ']', &first, &more));
        if (!more) break;
        if (*n == room) return broken(c, "more atoms than this program takes");
        SH_TRY(read_string(c, &symbol));
        z[*n] = sh_span_element(symbol);
        if (!z[*n]) return broken(c, "no element has the symbol before this");
        ++*n;
    }
    return SH_OK;
}

/* What is known of a record while its members are read. */
typedef struct {
    int64_t n_row, n_species, n_frac; /* -1: not there */
    int64_t room;
} members;

static sh_status read_member(cursor *c, sh_span key, members *m, sh_jsonl_record *out)
{
    sh_structure *s = &out->structure;
    if (sh_span_is(key, "lattice")) return read_rows(c, s->lattice, 3, &m->n_row);
    if (sh_span_is(key, "species")) return read_species(c, s->z, m->room, &m->n_species);
    if (sh_span_is(key, "frac")) return read_rows(c, s->frac, m->room, &m->n_frac);
    if (sh_span_is(key, "e_form")) return read_optional_number(c, &out->e_form);
    if (sh_span_is(key, "energy")) return read_optional_number(c, &out->energy);
    if (sh_span_is(key, "id") && peek(c) == '"' && !s->name) {
        sh_span id;
        SH_TRY(read_string(c, &id));
        s->name = sh_span_copy(id);
        return SH_OK;
    }
    return skip_value(c, 0);
}

static sh_status check_record(cursor *c, const members *m, sh_structure *s)
{
    double inverse[9];
    c->p = c->start;
    if (m->n_row != 3) return broken(c, m->n_row < 0 ? "the member \"lattice\" is missing" : "\"lattice\" has not three rows");
    if (m->n_species < 1) return broken(c, m->n_species < 0 ? "the member \"species\" is missing" : "\"species\" is empty");
    if (m->n_frac != m->n_species)
        return broken(c, m->n_frac < 0 ? "the member \"frac\" is missing" : "\"frac\" and \"species\" are of different length");
    if (!sh_lattice_invert(s->lattice, inverse) || !sh_lattice_short(s->lattice)) return broken(c, "the lattice is no cell");
    s->n_atom = m->n_species;
    for (int64_t i = 0; i < 3 * s->n_atom; i++)
        s->frac[i] = sh_wrap01(s->frac[i]);
    return SH_OK;
}

static sh_status read_record(cursor *c, sh_jsonl_record *out)
{
    members m = {.n_row = -1, .n_species = -1, .n_frac = -1};
    /* an atom takes more than four characters: its symbol in quotes, a comma, three numbers */
    m.room = (c->end - c->p) / 4 < SH_MAX_STRUCTURE_ATOM ? (c->end - c->p) / 4 : SH_MAX_STRUCTURE_ATOM;
    sh_structure_create(&out->structure, m.room);
    SH_TRY(expect(c, '{'));
    for (bool first = true, more = true; more;) {
        sh_span key;
        SH_TRY(next_element(c, '}', &first, &more));
        if (!more) break;
        SH_TRY(read_string(c, &key));
        SH_TRY(expect(c, ':'));
        SH_TRY(read_member(c, key, &m, out));
    }
    if (peek(c)) return broken(c, "something follows the record");
    return check_record(c, &m, &out->structure);
}

sh_status sh_jsonl_next(sh_lines *lines, bool *more, sh_jsonl_record *out)
{
    sh_span line = {0};
    *out = (sh_jsonl_record){.e_form = NAN, .energy = NAN};
    do
        *more = sh_lines_next(lines, &line);
    while (*more && sh_span_blank(line));
    if (!*more) return SH_OK;
    cursor c = {.lines = lines, .start = line.p, .p = line.p, .end = line.p + line.n};
    sh_status status = read_record(&c, out);
    if (status != SH_OK) {
        sh_structure_destroy(&out->structure);
        return sh_error_hint(status, "a line is {\"lattice\": [[..], [..], [..]], \"species\": [\"Na\", ..], \"frac\": [[..], ..], ...}");
    }
    /* what was room for more goes back: lists of structures are long */
    out->structure.z = sh_realloc(out->structure.z, (size_t)out->structure.n_atom * sizeof *out->structure.z);
    out->structure.frac = sh_realloc(out->structure.frac, (size_t)out->structure.n_atom * 3 * sizeof *out->structure.frac);
    return SH_OK;
}

void sh_jsonl_collect(const char *path, const char *text, size_t size, sh_structures *out)
{
    sh_lines lines;
    sh_lines_start(&lines, path, text, size);
    for (bool more = true; more;) {
        sh_jsonl_record record;
        if (sh_jsonl_next(&lines, &more, &record) != SH_OK) {
            sh_structures_add_error(out);
            more = true;
        } else if (more) {
            sh_structures_add(out, &record.structure);
        }
    }
}
