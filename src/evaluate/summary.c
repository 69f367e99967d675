#include "evaluate/summary.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "io/fields.h"

void sh_summary_destroy(sh_summary **s)
{
    if (*s) sh_free((*s)->run);
    sh_free(*s);
    *s = NULL;
}

const sh_figure *sh_summary_find(const sh_summary *s, const char *section, const char *key)
{
    for (int i = 0; i < s->n_section; i++) {
        int last = i + 1 < s->n_section ? s->section[i + 1].first : s->n_figure;
        if (strcmp(s->section[i].key, section)) continue;
        for (int k = s->section[i].first; k < last; k++)
            if (!strcmp(s->figure[k].key, key)) return &s->figure[k];
    }
    return NULL;
}

static void fill(char *out, size_t size, const char *format, va_list list)
{
    vsnprintf(out, size, format, list);
}

void sh_summary_section(sh_summary *s, const char *key, const char *title, const char *note, ...)
{
    va_list list;
    SH_ASSERT(s->n_section < SH_MAX_SECTION);
    sh_section *x = &s->section[s->n_section++];
    x->first = s->n_figure;
    snprintf(x->key, sizeof x->key, "%s", key);
    snprintf(x->title, sizeof x->title, "%s", title);
    va_start(list, note);
    fill(x->note, sizeof x->note, note, list);
    va_end(list);
}

static sh_figure *next_figure(sh_summary *s, sh_figure_kind kind, const char *key, const char *label)
{
    SH_ASSERT(s->n_figure < SH_MAX_FIGURE);
    sh_figure *f = &s->figure[s->n_figure++];
    *f = (sh_figure){.kind = kind, .value = NAN};
    snprintf(f->key, sizeof f->key, "%s", key);
    snprintf(f->label, sizeof f->label, "%s", label);
    return f;
}

#define FILL(figure, format)                                                                       \
    do {                                                                                           \
        va_list list_;                                                                             \
        va_start(list_, format);                                                                   \
        fill((figure)->text, sizeof(figure)->text, format, list_);                                 \
        va_end(list_);                                                                             \
    } while (0)

void sh_summary_value(sh_summary *s, const char *key, const char *label, double value, const char *unit, const char *note, ...)
{
    sh_figure *f = next_figure(s, isfinite(value) ? SH_FIGURE_VALUE : SH_FIGURE_ABSENT, key, label);
    f->value = value;
    snprintf(f->unit, sizeof f->unit, "%s", unit);
    FILL(f, note);
}

void sh_summary_count(sh_summary *s, const char *key, const char *label, int64_t count, const char *note, ...)
{
    sh_figure *f = next_figure(s, SH_FIGURE_COUNT, key, label);
    f->value = (double)count;
    FILL(f, note);
}

void sh_summary_rate(sh_summary *s, const char *key, const char *label, int64_t hits, int64_t n, const char *note, ...)
{
    sh_figure *f = next_figure(s, n > 0 ? SH_FIGURE_RATE : SH_FIGURE_ABSENT, key, label);
    f->rate = sh_rate_of(hits, n);
    f->value = f->rate.rate;
    FILL(f, note);
}

void sh_summary_text(sh_summary *s, const char *key, const char *label, const char *text, ...)
{
    sh_figure *f = next_figure(s, SH_FIGURE_TEXT, key, label);
    FILL(f, text);
}

void sh_summary_absent(sh_summary *s, const char *key, const char *label, const char *why, ...)
{
    sh_figure *f = next_figure(s, SH_FIGURE_ABSENT, key, label);
    FILL(f, why);
}

/* ---- the screen ---- */

static void print_figure(const sh_figure *f, FILE *out)
{
    char value[32], what[1200] = "";
    switch (f->kind) {
    case SH_FIGURE_TEXT:
        fprintf(out, "  %-34s %s\n", f->label, f->text);
        return;
    case SH_FIGURE_ABSENT:
        snprintf(value, sizeof value, "-");
        snprintf(what, sizeof what, f->text[0] ? "(%s)" : "%s", f->text);
        break;
    case SH_FIGURE_COUNT:
        snprintf(value, sizeof value, "%.0f", f->value);
        snprintf(what, sizeof what, "%s", f->text);
        break;
    case SH_FIGURE_VALUE:
        snprintf(value, sizeof value, fabs(f->value) >= 1e5 ? "%.5g" : "%.4f", f->value);
        snprintf(what, sizeof what, f->unit[0] && f->text[0] ? "%s; %s" : "%s%s", f->unit, f->text);
        break;
    case SH_FIGURE_RATE:
        snprintf(value, sizeof value, "%.4f", f->value);
        snprintf(what, sizeof what, f->text[0] ? "%lld of %lld, 95 %%: %.4f to %.4f; %s" : "%lld of %lld, 95 %%: %.4f to %.4f%s",
                 (long long)f->rate.hits, (long long)f->rate.n, f->rate.low, f->rate.high, f->text);
        break;
    }
    fprintf(out, "  %-34s %10s  %s\n", f->label, value, what);
}

void sh_summary_print(const sh_summary *s, FILE *out)
{
    for (int i = 0; i < s->n_section; i++) {
        const sh_section *x = &s->section[i];
        int last = i + 1 < s->n_section ? s->section[i + 1].first : s->n_figure;
        fprintf(out, x->note[0] ? "%s%s: %s\n" : "%s%s%s\n", i ? "\n" : "", x->title, x->note);
        for (int k = x->first; k < last; k++)
            print_figure(&s->figure[k], out);
    }
}

/* ---- JSON ---- */

static void member(FILE *out, const char *name, const char *text)
{
    if (!text[0]) return;
    fprintf(out, ", \"%s\": ", name);
    sh_json_text(out, text);
}

static void json_figure(const sh_figure *f, FILE *out)
{
    sh_json_text(out, f->key);
    fputs(": {", out);
    if (f->kind == SH_FIGURE_TEXT) {
        fputs("\"text\": ", out);
        sh_json_text(out, f->text);
        fputs("}", out);
        return;
    }
    fputs("\"value\": ", out);
    sh_json_number(out, f->kind == SH_FIGURE_ABSENT ? NAN : f->value);
    if (f->kind == SH_FIGURE_RATE) {
        fprintf(out, ", \"hits\": %lld, \"of\": %lld, \"low\": ", (long long)f->rate.hits, (long long)f->rate.n);
        sh_json_number(out, f->rate.low);
        fputs(", \"high\": ", out);
        sh_json_number(out, f->rate.high);
    }
    member(out, "unit", f->unit);
    member(out, f->kind == SH_FIGURE_ABSENT ? "reason" : "of_what", f->text);
    fputs("}", out);
}

void sh_summary_json(const sh_summary *s, FILE *out)
{
    fputs("{\n  \"format\": \"shaft evaluation\",\n  \"format_version\": 2", out);
    if (s->run) fprintf(out, ",\n  \"run\": %s", s->run);
    for (int i = 0; i < s->n_section; i++) {
        const sh_section *x = &s->section[i];
        int last = i + 1 < s->n_section ? s->section[i + 1].first : s->n_figure;
        fputs(",\n  ", out);
        sh_json_text(out, x->key);
        fputs(": {\n    \"title\": ", out);
        sh_json_text(out, x->title);
        if (x->note[0]) {
            fputs(",\n    \"note\": ", out);
            sh_json_text(out, x->note);
        }
        for (int k = x->first; k < last; k++) {
            fputs(",\n    ", out);
            json_figure(&s->figure[k], out);
        }
        fputs("\n  }", out);
    }
    fputs("\n}\n", out);
}
