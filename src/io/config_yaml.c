#include "io/config_yaml.h"

#include <stdio.h>
#include <string.h>

#include <yaml.h>

#include "base/memory.h"

enum { MAX_KEY = 256 };    /* bounds the depth too */
enum { MAX_KEYS = 1000 }; /* of a document: each is compared with those before it */

typedef struct {
    yaml_parser_t parser;
    const char *name;   /* of the file, or the setting */
    bool is_setting;
    int first;          /* values of this document start here */
    sh_yaml_values *out;
} reader;

static void place_of(const reader *r, size_t line, char *out, size_t size)
{
    if (r->is_setting)
        snprintf(out, size, "--set %s", r->name);
    else
        snprintf(out, size, "%s:%zu", r->name, line + 1);
}

static sh_status fail_at(const reader *r, size_t line, const char *what, const char *hint)
{
    char place[1200];
    place_of(r, line, place, sizeof place);
    sh_status status = SH_FAIL(SH_EINPUT, "%s: %s", place, what);
    return hint ? sh_error_hint(status, "%s", hint) : status;
}

static sh_status next_event(reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return SH_OK;
    const char *problem = r->parser.problem ? r->parser.problem : "this is not YAML";
    char what[512];
    if (r->parser.context)
        snprintf(what, sizeof what, "%s %s", problem, r->parser.context);
    else
        snprintf(what, sizeof what, "%s", problem);
    size_t line = r->parser.problem_mark.line;
    return fail_at(r, line, what,
                   strstr(problem, "cannot start any token") ? "indent with blanks, not with tabs, and quote a text that starts with %, @ or `"
                   : strstr(problem, "mapping values")       ? "a key and its value are written 'key: value'; check the indentation"
                                                             : NULL);
}

static sh_yaml_value *append(reader *r, const char *key, size_t line, sh_yaml_kind kind)
{
    sh_yaml_values *v = r->out;
    if (v->n == v->capacity) {
        v->capacity = v->capacity ? 2 * v->capacity : 64;
        v->value = sh_realloc(v->value, (size_t)v->capacity * sizeof *v->value);
    }
    char place[1200];
    place_of(r, line, place, sizeof place);
    v->value[v->n] = (sh_yaml_value){.key = sh_strdup(key), .place = sh_strdup(place), .kind = kind};
    return &v->value[v->n++];
}

static sh_status add_text(reader *r, sh_yaml_value *v, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return fail_at(r, event->start_mark.line, "a text holds a NUL character", NULL);
    v->text = sh_realloc(v->text, (size_t)(v->n + 1) * sizeof *v->text);
    v->quoted = sh_realloc(v->quoted, (size_t)(v->n + 1) * sizeof *v->quoted);
    v->text[v->n] = sh_strdup(text);
    v->quoted[v->n++] = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return SH_OK;
}

static sh_status read_list(reader *r, const char *key, size_t line)
{
    append(r, key, line, SH_YAML_LIST);
    int index = r->out->n - 1;
    for (;;) {
        yaml_event_t event;
        SH_TRY(next_event(r, &event));
        yaml_event_type_t type = event.type;
        size_t at = event.start_mark.line;
        sh_status status = SH_OK;
        if (type == YAML_SCALAR_EVENT) status = add_text(r, &r->out->value[index], &event);
        yaml_event_delete(&event);
        SH_TRY(status);
        if (type == YAML_SEQUENCE_END_EVENT) return SH_OK;
        if (type == YAML_SCALAR_EVENT) continue;
        char what[MAX_KEY + 64];
        snprintf(what, sizeof what, "%s: an item of a list must be a single word or number", key);
        return fail_at(r, at, what, NULL);
    }
}

static sh_status read_mapping(reader *r, const char *prefix);

/* The value of `key`; its first event is given. */
static sh_status read_value(reader *r, const char *key, size_t line, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        if (!event->data.scalar.length && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
            append(r, key, line, SH_YAML_NOTHING);
            return SH_OK;
        }
        return add_text(r, append(r, key, line, SH_YAML_SCALAR), event);
    case YAML_SEQUENCE_START_EVENT: return read_list(r, key, line);
    case YAML_MAPPING_START_EVENT:
        append(r, key, line, SH_YAML_SECTION);
        return read_mapping(r, key);
    default: return fail_at(r, line, "YAML aliases (*name) are not supported", "write the value out");
    }
}

static sh_status read_pair(reader *r, const char *prefix, const yaml_event_t *event)
{
    size_t line = event->start_mark.line;
    if (event->type != YAML_SCALAR_EVENT) return fail_at(r, line, "a key must be a single word", NULL);
    char key[MAX_KEY];
    int n = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", (const char *)event->data.scalar.value);
    if (n >= MAX_KEY) return fail_at(r, line, "a key is too long or too deep", NULL);
    if (r->out->n - r->first >= MAX_KEYS)
        return fail_at(r, line, "more keys than a configuration has", "'shaft info --config' lists all keys");
    for (int i = r->first; i < r->out->n; i++) {
        if (strcmp(r->out->value[i].key, key)) continue;
        char what[2 * MAX_KEY + 1300];
        snprintf(what, sizeof what, "%s: given twice, first at %s", key, r->out->value[i].place);
        return fail_at(r, line, what, "leave one of them");
    }
    yaml_event_t value;
    SH_TRY(next_event(r, &value));
    sh_status status = read_value(r, key, line, &value);
    yaml_event_delete(&value);
    return status;
}

/* After the start of the mapping, to its end. */
static sh_status read_mapping(reader *r, const char *prefix)
{
    for (;;) {
        yaml_event_t event;
        SH_TRY(next_event(r, &event));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return SH_OK;
        }
        sh_status status = read_pair(r, prefix, &event);
        yaml_event_delete(&event);
        SH_TRY(status);
    }
}

/* Stream and document starts, the first event of the content; *empty where there is none. */
static sh_status read_start(reader *r, yaml_event_t *event, bool *empty)
{
    *empty = false;
    for (;;) {
        SH_TRY(next_event(r, event));
        yaml_event_type_t type = event->type;
        if (type == YAML_STREAM_END_EVENT) {
            *empty = true;
            yaml_event_delete(event);
            return SH_OK;
        }
        if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT) return SH_OK;
        yaml_event_delete(event);
    }
}

static sh_status read_end(reader *r)
{
    for (;;) {
        yaml_event_t event;
        SH_TRY(next_event(r, &event));
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) return SH_OK;
        if (type != YAML_DOCUMENT_END_EVENT)
            return fail_at(r, line, "a second document starts here", "one file holds one configuration");
    }
}

/* key: NULL for a file, whose content must be keys; otherwise what the content is the value of. */
static sh_status read_document(reader *r, const char *key)
{
    yaml_event_t event;
    bool empty;
    SH_TRY(read_start(r, &event, &empty));
    if (empty) {
        if (key) append(r, key, 0, SH_YAML_NOTHING);
        return SH_OK;
    }
    sh_status status = SH_OK;
    if (key)
        status = read_value(r, key, 0, &event);
    else if (event.type == YAML_MAPPING_START_EVENT)
        status = read_mapping(r, "");
    else
        status = fail_at(r, event.start_mark.line, "the file does not hold 'key: value' lines", NULL);
    yaml_event_delete(&event);
    SH_TRY(status);
    return read_end(r);
}

static sh_status read_text(reader *r, const char *key, const char *text, size_t size)
{
    if (!yaml_parser_initialize(&r->parser)) return SH_FAIL(SH_EMEM, "the YAML parser does not start");
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, size);
    r->first = r->out->n;
    sh_status status = read_document(r, key);
    yaml_parser_delete(&r->parser);
    return status;
}

sh_status sh_yaml_read(const char *name, const char *text, size_t size, sh_yaml_values *out)
{
    reader r = {.name = name, .out = out};
    return read_text(&r, NULL, text, size);
}

sh_status sh_yaml_read_setting(const char *setting, sh_yaml_values *out)
{
    reader r = {.name = setting, .is_setting = true, .out = out};
    const char *equals = strchr(setting, '=');
    char key[MAX_KEY];
    if (!equals || equals == setting || equals - setting >= MAX_KEY)
        return fail_at(&r, 0, "a setting is written key=value", "for example --set train.batch=128");
    memcpy(key, setting, (size_t)(equals - setting));
    key[equals - setting] = '\0';
    return read_text(&r, key, equals + 1, strlen(equals + 1));
}

static void release_value(sh_yaml_value *v)
{
    for (int j = 0; j < v->n; j++)
        sh_free(v->text[j]);
    sh_free(v->text);
    sh_free(v->quoted);
    sh_free(v->key);
    sh_free(v->place);
}

void sh_yaml_append(sh_yaml_values *to, sh_yaml_values *from, const char *const *without)
{
    if (to->n + from->n > to->capacity) {
        to->capacity = to->n + from->n;
        to->value = sh_realloc(to->value, (size_t)to->capacity * sizeof *to->value);
    }
    for (int i = 0; i < from->n; i++) {
        bool left_out = false;
        for (const char *const *key = without; *key; key++)
            left_out = left_out || !strcmp(from->value[i].key, *key);
        if (left_out)
            release_value(&from->value[i]);
        else
            to->value[to->n++] = from->value[i];
    }
    sh_free(from->value);
    *from = (sh_yaml_values){0};
}

void sh_yaml_destroy(sh_yaml_values *values)
{
    for (int i = 0; i < values->n; i++)
        release_value(&values->value[i]);
    sh_free(values->value);
    *values = (sh_yaml_values){0};
}
