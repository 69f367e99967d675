/* json.h -- reads a JSON file of reference data into a tree; ends the program where the file is not like that. Escapes in strings
 * are kept as they stand, which no name here has. */
#ifndef SH_TEST_JSON_H
#define SH_TEST_JSON_H

#include "test.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct json {
    char type;     /* { [ " 0 (a number), t, f or n */
    double number; /* also 1 for true, 0 for false */
    char *text;    /* of a string */
    char *key;     /* where it is a member of an object */
    int n;         /* members or elements */
    struct json *first, *next;
} json;

static inline void json_broken(const char *at)
{
    fprintf(stderr, "broken JSON before '%.40s'\n", at);
    exit(1);
}

static inline char json_peek(char **at)
{
    while (isspace((unsigned char)**at))
        ++*at;
    return **at;
}

static inline char *json_string(char **at)
{
    char *from = *at + 1, *to = from;
    while (*to && *to != '"')
        to += *to == '\\' && to[1] ? 2 : 1;
    if (!*to) json_broken(*at);
    *at = to + 1;
    char *text = calloc((size_t)(to - from) + 1, 1);
    memcpy(text, from, (size_t)(to - from));
    return text;
}

static inline json *json_value(char **at)
{
    json *v = calloc(1, sizeof *v), **tail = &v->first;
    char c = json_peek(at), *from = *at;
    v->type = c;
    if (c == '{' || c == '[') {
        char end = c == '{' ? '}' : ']';
        ++*at;
        for (bool more = json_peek(at) != end; more; v->n++) {
            char *key = NULL;
            if (c == '{') {
                if (json_peek(at) != '"') json_broken(*at);
                key = json_string(at);
                if (json_peek(at) != ':') json_broken(*at);
                ++*at;
            }
            *tail = json_value(at);
            (*tail)->key = key;
            tail = &(*tail)->next;
            more = json_peek(at) == ',';
            *at += more;
        }
        if (json_peek(at) != end) json_broken(*at);
        ++*at;
    } else if (c == '"') {
        v->text = json_string(at);
    } else if (!strncmp(from, "true", 4) || !strncmp(from, "null", 4)) {
        v->number = c == 't';
        *at += 4;
    } else if (!strncmp(from, "false", 5)) {
        *at += 5;
    } else {
        v->type = '0';
        v->number = strtod(from, at);
        if (*at == from) json_broken(from);
    }
    return v;
}

static inline void json_free(json *v)
{
    while (v) {
        json *next = v->next;
        json_free(v->first);
        free(v->text);
        free(v->key);
        free(v);
        v = next;
    }
}

static inline json *json_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END)) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    size_t size = (size_t)ftell(f);
    char *text = calloc(size + 1, 1), *at = text;
    rewind(f);
    if (fread(text, 1, size, f) != size) json_broken("the file's end");
    fclose(f);
    json *v = json_value(&at);
    if (json_peek(&at)) json_broken(at);
    free(text);
    return v;
}

/* A file of the folder golden of $SHAFT_TEST_DATA; where that is not set NULL, and it is said that the test is skipped. */
static inline json *json_golden(const char *file)
{
    char path[4096];
    if (!sh_test_data()) {
        printf("skipped: SHAFT_TEST_DATA is not set\n");
        return NULL;
    }
    snprintf(path, sizeof path, "%s/golden/%s", sh_test_data(), file);
    return json_read(path);
}

/* A member that must be there, also of an object in it: json_get(r, "ref", "bond", NULL). */
static inline json *json_get(const json *v, ...)
{
    va_list keys;
    va_start(keys, v);
    json *at = NULL;
    for (const char *key; (key = va_arg(keys, const char *)); v = at) {
        at = v->first;
        while (at && (!at->key || strcmp(at->key, key)))
            at = at->next;
        if (!at) {
            fprintf(stderr, "there is no member '%s'\n", key);
            exit(1);
        }
    }
    va_end(keys);
    return at;
}

#endif
