/* fuzz.h -- what the fuzzing targets share. Each is a function of arbitrary bytes: under libFuzzer (preset `fuzz`) it is fed
 * what the fuzzer invents, in every other build the files of seeds/ and found/ (replay.c). Besides what the sanitizers see,
 * it ends the program where a reader breaks a promise. */
#ifndef SH_TEST_FUZZ_H
#define SH_TEST_FUZZ_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crystal/lattice.h"
#include "io/structure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A message is one line of text that a terminal can show. */
static inline void check_message(const char *message)
{
    PROMISE(message[0]);
    for (const char *p = message; *p; p++)
        PROMISE((unsigned char)*p >= 32 && *p != 127);
}

/* Something came out, and each of it is a structure that the rest of the program can take, or a reason. */
static inline void check_structures(const sh_structures *list)
{
    PROMISE(list->n >= 1);
    for (int64_t i = 0; i < list->n; i++) {
        const sh_structure *s = &list->item[i];
        double inverse[9];
        if (s->error) {
            check_message(s->error);
            PROMISE(s->n_atom == 0);
            continue;
        }
        PROMISE(s->n_atom >= 1 && s->n_atom <= SH_MAX_STRUCTURE_ATOM && sh_lattice_invert(s->lattice, inverse));
        for (int64_t a = 0; a < s->n_atom; a++) {
            PROMISE(s->z[a] >= 1 && s->z[a] <= 118);
            for (int k = 0; k < 3; k++)
                PROMISE(s->frac[3 * a + k] >= 0 && s->frac[3 * a + k] < 1);
        }
    }
}

typedef void (*parse_function)(const char *path, const char *text, size_t size, sh_structures *out);
typedef sh_status (*write_function)(FILE *out, const sh_structure *s);

/* Read; then each structure written and read again: the same cell and the same atoms come out. */
static inline void check_parse(parse_function parse, write_function write, const uint8_t *data, size_t size)
{
    sh_structures list = {0};
    sh_structures_add_file(&list, "in");
    parse("in", (const char *)data, size, &list);
    check_structures(&list);
    for (int64_t i = 0; i < list.n && i < 4; i++) {
        const sh_structure *s = &list.item[i];
        if (s->error || s->n_atom > 200) continue;
        static char text[1 << 16];
        sh_structures again = {0};
        FILE *f = fmemopen(text, sizeof text, "w");
        PROMISE(f && write(f, s) == SH_OK);
        size_t length = (size_t)ftell(f);
        fclose(f);
        sh_structures_add_file(&again, "out");
        parse("out", text, length, &again);
        PROMISE(again.n == 1);
        const sh_structure *t = &again.item[0];
        if (t->error) fprintf(stderr, "%s\n", t->error);
        PROMISE(!t->error && t->n_atom == s->n_atom);
        int64_t count[119] = {0};
        for (int64_t a = 0; a < s->n_atom; a++)
            count[s->z[a]]++, count[t->z[a]]--;
        for (int z = 1; z <= 118; z++)
            PROMISE(count[z] == 0);
        sh_structures_destroy(&again);
    }
    sh_structures_destroy(&list);
    PROMISE(sh_alloc_live() == 0);
}

#endif
