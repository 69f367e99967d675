#define _POSIX_C_SOURCE 200809L

#include "evaluate/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/sha256.h"
#include "io/fields.h"
#include "io/relaxed.h"
#include "io/weights_h5.h"

enum { NAMED = 20 }; /* of paths; the hash says which structures they held */

/* A member: its name; what follows is its value. */
static void begin(FILE *out, int depth, const char *name, bool first)
{
    fprintf(out, "%s\n%*s", first ? "" : ",", 2 * depth, "");
    sh_json_text(out, name);
    fputs(": ", out);
}

static void text_or_null(FILE *out, const char *text)
{
    if (text)
        sh_json_text(out, text);
    else
        fputs("null", out);
}

/* SHA-256 over cells and atoms as they were read, in their order. */
static void hash_of(const sh_structures *list, char hex[65])
{
    sh_sha256 s;
    sh_sha256_begin(&s);
    for (int64_t i = 0; i < list->n; i++) {
        const sh_structure *x = &list->item[i];
        sh_sha256_add(&s, &x->n_atom, sizeof x->n_atom);
        if (x->error) continue;
        sh_sha256_add(&s, x->lattice, sizeof x->lattice);
        sh_sha256_add(&s, x->z, (size_t)x->n_atom * sizeof *x->z);
        sh_sha256_add(&s, x->frac, (size_t)(3 * x->n_atom) * sizeof *x->frac);
    }
    sh_sha256_end(&s, hex);
}

static void structures(FILE *out, const char *const *paths, int n_path, const sh_structures *list)
{
    char hex[65];
    hash_of(list, hex);
    fputs("{\"paths\": [", out);
    for (int k = 0; k < n_path && k < NAMED; k++) {
        if (k) fputs(", ", out);
        sh_json_text(out, paths[k]);
    }
    fprintf(out, "%s], \"files\": %d, \"structures\": %lld, \"sha256\": \"%s\"}", n_path > NAMED ? ", \"...\"" : "",
            (int)list->n_file, (long long)list->n, hex);
}

static void model(FILE *out, const char *name, const sh_judge *judge)
{
    char hex[65];
    if (!name) {
        fputs("null", out);
        return;
    }
    fputs("{\"name\": ", out);
    sh_json_text(out, name);
    fputs(", \"weights_sha256\": ", out);
    if (judge->model.network.weights) sh_weights_sha256(judge->model.network.weights, hex);
    text_or_null(out, judge->model.network.weights ? hex : NULL);
    fputs("}", out);
}

static void relaxed(FILE *out, const sh_evaluation_work *w)
{
    if (!w->in.has_relaxed) {
        fputs("null", out);
        return;
    }
    fputs("{\"path\": ", out); /* null: the inputs brought them along */
    text_or_null(out, w->options->relaxed);
    fputs(", \"model\": ", out);
    text_or_null(out, w->in.relaxed_model);
    fputs(", \"protocol\": ", out);
    text_or_null(out, w->in.relaxed_how);
    if (w->options->relaxed && sh_relaxed_is(w->options->relaxed)) {
        char job[65];
        sh_relaxed_job(w->options->relaxed, job);
        fprintf(out, ", \"job\": \"%s\"", job);
    }
    fputs("}", out);
}

static void reference(FILE *out, const sh_evaluation_work *w)
{
    char hex[65];
    if (!w->has_reference) {
        fputs("null", out);
        return;
    }
    fputs("{\"path\": ", out);
    sh_json_text(out, w->options->reference);
    fputs(", \"sha256\": ", out);
    text_or_null(out, sh_sha256_file(w->options->reference, hex) ? hex : NULL);
    fprintf(out, ", \"energies\": \"%s\", \"compositions\": %lld, \"crystals\": %lld, \"attribution\": ",
            sh_energy_name[w->reference.energy], (long long)w->reference.n_phase, (long long)w->reference.n_structure);
    sh_json_text(out, w->reference.attribution);
    fputs(", \"energies_of\": ", out);
    sh_json_text(out, w->reference.energies_of);
    fputs("}", out);
}

static void options(FILE *out, const sh_evaluation_options *o)
{
    const char *by = !o->top ? NULL : o->by_energy ? "energy" : "reward";
    fprintf(out, "{\"top\": %lld, \"by\": ", (long long)o->top);
    text_or_null(out, by);
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"stable", o->stable},
                   {"symprec", o->symprec},
                   {"cov_structure", o->cutoff_structure},
                   {"cov_composition", o->cutoff_composition}};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        fprintf(out, ", \"%s\": ", numbers[k].name);
        sh_json_number(out, numbers[k].value);
    }
    fprintf(out, ", \"far_bond\": %s, \"every_score\": %s}", o->far_bond ? "true" : "false", o->every_score ? "true" : "false");
}

char *sh_evaluation_run(const sh_evaluation_work *w)
{
    const sh_evaluation_options *o = w->options;
    char *stream = NULL, *text;
    size_t size = 0;
    FILE *out = open_memstream(&stream, &size);
    if (!out) return NULL;
    fputs("{", out);
    begin(out, 2, "program", true);
    sh_json_text(out, o->program);
    begin(out, 2, "inputs", false);
    structures(out, o->paths, o->n_path, &w->in.list);
    begin(out, 2, "relaxed", false);
    relaxed(out, w);
    begin(out, 2, "model", false);
    model(out, o->model, &w->judge);
    begin(out, 2, "gap_model", false);
    model(out, o->gap_model, &w->gap_judge);
    begin(out, 2, "reference", false);
    reference(out, w);
    begin(out, 2, "reference_set", false);
    if (o->reference_set)
        structures(out, &o->reference_set, 1, &w->reference_in.list);
    else
        fputs("null", out);
    begin(out, 2, "options", false);
    options(out, o);
    fputs("\n  }", out);
    fclose(out);
    text = sh_strdup(stream);
    free(stream); /* the stream's own, not counted */
    return text;
}
