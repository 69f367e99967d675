#include "io/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "reward/tables.h"

static const int64_t max_file_bytes = 1 << 30;

sh_status sh_text_read(const char *path, char **text, size_t *size)
{
    *text = NULL;
    *size = 0;
    struct stat info;
    if (stat(path, &info)) return SH_FAIL(SH_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return SH_FAIL(SH_EIO, "%s: not a regular file", path);
    if (info.st_size > max_file_bytes) {
        SH_FAIL(SH_EINPUT, "%s: %lld MB is more than this program reads at once", path,
                (long long)(info.st_size / 1000000));
        return sh_error_hint(SH_EINPUT, "split the file");
    }
    FILE *f = fopen(path, "rb");
    if (!f) return SH_FAIL(SH_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    size_t room = (size_t)info.st_size;
    char *buffer = sh_alloc(room + 1);
    size_t got = fread(buffer, 1, room, f);
    int failed = ferror(f);
    fclose(f);
    if (failed) {
        sh_free(buffer);
        return SH_FAIL(SH_EIO, "%s: cannot be read: %s", path, strerror(errno));
    }
    buffer[got] = '\0';
    *text = buffer;
    *size = got;
    return SH_OK;
}

void sh_lines_start(sh_lines *lines, const char *path, const char *text, size_t size)
{
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        size -= 3;
    }
    *lines = (sh_lines){.path = path, .p = text, .end = text + size};
}

bool sh_lines_next(sh_lines *lines, sh_span *line)
{
    if (lines->p == lines->end) return false;
    const char *start = lines->p, *p = start;
    while (p < lines->end && *p != '\n' && *p != '\r')
        p++;
    *line = (sh_span){start, (size_t)(p - start)};
    if (p < lines->end) p += p[0] == '\r' && p + 1 < lines->end && p[1] == '\n' ? 2 : 1;
    lines->p = p;
    lines->line++;
    return true;
}

sh_span sh_span_of(const char *text)
{
    return (sh_span){text, strlen(text)};
}

bool sh_span_word(sh_span *rest, sh_span *word)
{
    while (rest->n && (*rest->p == ' ' || *rest->p == '\t'))
        rest->p++, rest->n--;
    word->p = rest->p;
    while (rest->n && *rest->p != ' ' && *rest->p != '\t')
        rest->p++, rest->n--;
    word->n = (size_t)(rest->p - word->p);
    return word->n > 0;
}

bool sh_span_blank(sh_span s)
{
    sh_span word;
    return !sh_span_word(&s, &word);
}

bool sh_span_is(sh_span s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool sh_span_starts_nocase(sh_span s, const char *text)
{
    size_t n = strlen(text);
    if (s.n < n) return false;
    for (size_t i = 0; i < n; i++)
        if (lower(s.p[i]) != lower(text[i])) return false;
    return true;
}

bool sh_span_is_nocase(sh_span s, const char *text)
{
    return s.n == strlen(text) && sh_span_starts_nocase(s, text);
}

char *sh_span_copy(sh_span s)
{
    char *copy = sh_alloc(s.n + 1);
    if (s.n) memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

/* strtod reads more than numbers (nan, inf, hexadecimal): only what a decimal number is made of gets there. The
 * program never calls setlocale, so the decimal sign is a point. */
bool sh_span_number(sh_span s, double *value)
{
    char text[64];
    if (!s.n || s.n >= sizeof text) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = lower(s.p[i]);
        if (c == 'd') c = 'e';
        if (!((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e')) return false;
        text[i] = c;
    }
    text[s.n] = '\0';
    char *end;
    double number = strtod(text, &end);
    if (end != text + s.n || !isfinite(number)) return false;
    *value = number;
    return true;
}

bool sh_span_integer(sh_span s, int64_t *value)
{
    bool negative = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) s.p++, s.n--;
    if (!s.n || s.n > 18) return false; /* 18 digits always fit */
    int64_t number = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        number = 10 * number + (s.p[i] - '0');
    }
    *value = negative ? -number : number;
    return true;
}

int sh_span_element(sh_span s)
{
    if (s.n < 1 || s.n > 2) return 0;
    char symbol[3] = {lower(s.p[0]), s.n == 2 ? lower(s.p[1]) : '\0', '\0'};
    if (symbol[0] < 'a' || symbol[0] > 'z') return 0;
    symbol[0] = (char)(symbol[0] - 'a' + 'A');
    if (!symbol[1] && (symbol[0] == 'D' || symbol[0] == 'T')) return 1;
    return sh_element_number(symbol);
}

const char *sh_span_show(sh_span s, sh_shown *buffer)
{
    size_t n = s.n > 40 ? 40 : s.n;
    for (size_t i = 0; i < n; i++)
        buffer->text[i] = (char)(s.p[i] >= 32 && s.p[i] < 127 ? s.p[i] : '?');
    strcpy(buffer->text + n, s.n > 40 ? "..." : "");
    return buffer->text;
}

size_t sh_text_distance(const char *a, const char *b)
{
    enum { MOST = 256 };
    size_t row[MOST + 1], n = strlen(b);
    if (n > MOST) return MOST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replaced = corner + (*a != b[j - 1]);
            corner = row[j];
            size_t least = row[j - 1] < row[j] ? row[j - 1] + 1 : row[j] + 1;
            row[j] = replaced < least ? replaced : least;
        }
    }
    return row[n];
}
