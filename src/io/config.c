/* config.c -- the table of keys and what is made of it: values from text, text from values, the list of keys.
 *
 * libyaml's events are read directly (config_yaml.c): docs/decisions/ says why no schema library stands between. */
#define _POSIX_C_SOURCE 200809L /* open_memstream */

#include "io/config.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "crystal/wyckoff.h"
#include "gflownet/record.h"
#include "io/config_yaml.h"
#include "io/text.h"
#include "mask.h"

typedef enum {
    TYPE_INTEGER,
    TYPE_NUMBER,
    TYPE_SWITCH,   /* true or false */
    TYPE_TEXT,
    TYPE_CHOICE,   /* one of a few words, stored as its index */
    TYPE_RANGE,    /* [lo, hi], two numbers */
    TYPE_ELEMENTS, /* constraints.element */
    TYPE_ONE_OF,   /* constraints.one_of, or `any` */
    TYPE_GROUPS    /* constraints.group_allowed */
} value_type;

typedef struct {
    const char *key;
    value_type type;
    size_t offset, size;     /* of the field in sh_config */
    const char *fallback;    /* default as YAML; NULL: must be given */
    double lo, hi;           /* bounds of a number, both allowed */
    const char *word;        /* a word that may stand for the number `word_value` */
    double word_value;
    const char *choice[4];   /* by index */
    const char *missing;     /* a choice that is refused, with this reason after its name */
    const char *help;
    bool fixed;              /* a resumed run may not change it: it would be another run */
} entry;

#define FIELD(member) .offset = offsetof(sh_config, member), .size = sizeof(((sh_config *)0)->member)
#define INTEGER(member, low, high) .type = TYPE_INTEGER, FIELD(member), .lo = (low), .hi = (high)
#define NUMBER(member, low, high) .type = TYPE_NUMBER, FIELD(member), .lo = (low), .hi = (high)
#define RANGE(member, low, high) .type = TYPE_RANGE, FIELD(member), .lo = (low), .hi = (high)
#define CHOICE(member, ...) .type = TYPE_CHOICE, FIELD(member), .choice = {__VA_ARGS__}
#define SWITCH(member) .type = TYPE_SWITCH, FIELD(member)
#define TEXT(member) .type = TYPE_TEXT, FIELD(member)
#define WORD(name, value) .word = (name), .word_value = (value)

static const double most = 1e12; /* of counts: far from any overflow */

static const entry table[] = {
    {"elements", .type = TYPE_ELEMENTS, .fixed = true,
     .help = "elements the crystals may consist of, for example [Li, Na, Cl]"},

    {"constraints.one_of", .type = TYPE_ONE_OF, .fallback = "any", .fixed = true,
     .help = "every crystal holds at least one of these elements"},
    {"constraints.max_elements", INTEGER(constraints.max_elements, 1, SH_MAX_ELEMENTS), .fallback = "3", .fixed = true,
     .help = "kinds of elements in a crystal"},
    {"constraints.min_sites", INTEGER(constraints.min_sites, 1, SH_MAX_SITES), .fallback = "1", .fixed = true,
     .help = "symmetry-distinct atoms, at least"},
    {"constraints.max_sites", INTEGER(constraints.max_sites, 1, SH_MAX_SITES), .fallback = "3", .fixed = true,
     .help = "symmetry-distinct atoms, at most: steps of a trajectory"},
    {"constraints.max_atoms", INTEGER(constraints.max_atoms, 1, 100000), .fallback = "200", .fixed = true,
     .help = "atoms of the conventional cell; crystals with more have the floor reward and are not written"},
    {"constraints.space_groups", .type = TYPE_GROUPS, .fallback = "all", .fixed = true,
     .help = "all, or numbers and ranges: [1, 2, 195-230]"},

    {"lattice.length", RANGE(constraints.cell.length, 0.5, 200), .fallback = "[2.4, 15]", .fixed = true,
     .help = "Angstrom, bounds of a, b and c"},
    {"lattice.angle", RANGE(constraints.cell.angle, 1, 179), .fallback = "[80, 130]", .fixed = true,
     .help = "degree, bounds of angles that the crystal family leaves free"},

    {"policy.encoder", CHOICE(policy.encoder, "megnet", "gcn"), .fallback = "megnet", .fixed = true,
     .help = "network that embeds a state"},
    {"policy.encoders", CHOICE(policy.shared_encoder, "separate", "shared"), .fallback = "shared", .fixed = true,
     .help = "one encoder pass for all heads, or a network each for both levels and directions"},
    {"policy.mixture", INTEGER(policy.mixture, 1, SH_MAX_MIXTURE), .fallback = "8", .fixed = true,
     .help = "components of a lattice parameter's density"},
    {"policy.position_mixture", INTEGER(policy.position_mixture, 1, SH_MAX_MIXTURE), .fallback = "1", .fixed = true,
     .help = "components of a position's density"},
    {"policy.neighbours", INTEGER(policy.neighbours, 1, 10000), WORD("all", 0), .fallback = "all", .fixed = true,
     .help = "neighbours the policy sees within 4 Angstrom: all, or whole shells until this many"},
    {"policy.heads", CHOICE(policy.heads, "sequential", "independent", "flat"), .fallback = "sequential", .fixed = true,
     .help = "what a choice sees of those before it in the step: all, the group alone, or nothing (a policy of one level)"},
    {"policy.sites", CHOICE(policy.sites, "general", "wyckoff"), .fallback = "wyckoff", .fixed = true,
     .help = "a site is a Wyckoff position with its free parameters, or any point, put onto a special position near it"},
    {"policy.group", CHOICE(policy.group, "each_step", "once"), .fallback = "once", .fixed = true,
     .help = "the space group is chosen with the first site only, or anew with each (sites: general alone)"},
    {"policy.lattice", CHOICE(policy.lattice, "each_step", "last"), .fallback = "last", .fixed = true,
     .help = "the lattice is drawn after the last site, or anew with each"},
    {"policy.merge_tol", NUMBER(policy.merge_tol, 0.001, 0.45), .fallback = "0.3", .fixed = true,
     .help = "Angstrom; with sites: general, a site this near to a special position is put onto it"},

    {"reward.beta", NUMBER(reward.beta, 1e-6, 1000), .fallback = "8", .fixed = true,
     .help = "crystals are sampled in proportion to reward^beta"},
    {"reward.r_min", NUMBER(reward.r_min, 1e-30, 1), .fallback = "1e-5", .fixed = true, .help = "smallest reward"},
    {"reward.log_floor", NUMBER(reward.log_floor, -1e4, 0), .fallback = "-30", .fixed = true,
     .help = "smallest beta log(reward): keeps hopeless crystals from ruling the gradient"},
    {"reward.formation_energy.weight", NUMBER(reward.weight[SH_TERM_ENERGY], 0, 1000), .fallback = "0.2", .fixed = true,
     .help = "weight of exp(-E_f / 10), E_f in eV/atom; 0 switches the term off"},
    {"reward.formation_energy.model", TEXT(reward_model), .fallback = "m3gnet-efs", .fixed = true,
     .help = "model that predicts energies: a name from `shaft model list`, with a variant m3gnet-eform@other, or a file"},
    {"reward.formation_energy.guard.density", RANGE(reward.guard_density, 0, 100), .fallback = "[1.5, 5]", .fixed = true,
     .help = "g/cm^3; outside, E_f counts as +10"},
    {"reward.formation_energy.guard.atoms", INTEGER(reward.guard_atoms, 1, 1000000), .fallback = "100", .fixed = true,
     .help = "with this many atoms or more, E_f counts as +10"},
    {"reward.formation_energy.guard.distance", NUMBER(reward.guard_distance, 0, 10), .fallback = "0.5", .fixed = true,
     .help = "Angstrom; with two atoms closer than this, E_f counts as +10"},
    {"reward.formation_energy.guard.energy", NUMBER(reward.guard_energy, -1e6, 0), .fallback = "-5", .fixed = true,
     .help = "eV/atom; an E_f below is the potential's error (no known crystal has one below -4.5) and counts as +10"},
    {"reward.bond.weight", NUMBER(reward.weight[SH_TERM_BOND], 0, 1000), .fallback = "0.5", .fixed = true,
     .help = "weight of exp(-B), B the bond preference score; 0 switches the term off"},
    {"reward.bond.table", TEXT(bond_table), .fallback = "mp", .fixed = true,
     .help = "bond lengths: mp (Materials Project cells), paper (the published table), or a CSV z1,z2,d_min,d_avg"},
    {"reward.density.weight", NUMBER(reward.weight[SH_TERM_DENSITY], 0, 1000), .fallback = "0.2", .fixed = true,
     .help = "weight of the density term; 0 switches it off"},
    {"reward.density.mean", NUMBER(reward.density_mean, 0, 100), .fallback = "3", .fixed = true,
     .help = "g/cm^3, the density wanted"},
    {"reward.density.std", NUMBER(reward.density_std, 1e-3, 100), .fallback = "1", .fixed = true,
     .help = "g/cm^3, how far from it is still good"},
    {"reward.validity.weight", NUMBER(reward.weight[SH_TERM_VALIDITY], 0, 1000), .fallback = "0.1", .fixed = true,
     .help = "weight of a composition whose charges can balance; 0 switches the term off"},

    {"reward.band_gap.weight", NUMBER(reward.weight[SH_TERM_GAP], 0, 1000), .fallback = "0", .fixed = true,
     .help = "weight of the term of a wanted band gap; 0 switches it off"},
    {"reward.band_gap.model", TEXT(gap_model), .fallback = "megnet-gap", .fixed = true,
     .help = "model that predicts band gaps, as PBE gives them; megnet-gap@hse and others: shaft model --help"},
    {"reward.band_gap.target", NUMBER(reward.gap_target, 0, 100), .fallback = "0", .fixed = true,
     .help = "eV, the gap wanted; 0: metals"},
    {"reward.band_gap.width", NUMBER(reward.gap_width, 1e-3, 100), .fallback = "0.5", .fixed = true,
     .help = "eV, how far from it is still good"},
    {"reward.plugin.weight", NUMBER(reward.weight[SH_TERM_PLUGIN], 0, 1000), .fallback = "0", .fixed = true,
     .help = "weight of a term of your own, from a shared library; 0 switches it off"},
    {"reward.plugin.library", TEXT(plugin_library), .fallback = "none", .fixed = true,
     .help = "the library, from where shaft is started or with /; shaft/plugin.h says how to make one"},
    {"reward.plugin.function", TEXT(plugin_function), .fallback = "shaft_term", .fixed = true,
     .help = "name of the function in it"},

    {"train.iterations", INTEGER(train.iterations, 1, most), .fallback = "5000", .help = "training steps"},
    {"train.batch", INTEGER(train.batch, 1, 1e7), .fallback = "256", .fixed = true,
     .help = "fresh trajectories an iteration, on all ranks together"},
    {"train.slice", INTEGER(train.slice, 1, 1e7), WORD("auto", 0), .fallback = "auto",
     .help = "trajectories differentiated at a time: fewer take less memory, a device a good megabyte each; auto: 512, on a device 8192"},
    {"train.objective", CHOICE(policy.objective, "tb", "subtb", "vargrad"), .fallback = "tb", .fixed = true,
     .help = "trajectory balance, sub-trajectory balance, or trajectory balance with the batch's own log Z"},
    {"train.lambda", NUMBER(policy.lambda, 1e-3, 10), .fallback = "0.9", .fixed = true,
     .help = "of subtb: weight lambda^d for sub-trajectories of d steps"},
    {"train.lr", NUMBER(train.lr, 1e-12, 10), .fallback = "1e-3", .fixed = true, .help = "learning rate of Adam"},
    {"train.lr_log_z", NUMBER(train.lr_log_z, 0, 100), .fallback = "0.1", .fixed = true,
     .help = "learning rate of log Z"},
    {"train.log_z", NUMBER(train.log_z, -1e6, 1e6), .fallback = "0", .fixed = true, .help = "value log Z starts from"},
    {"train.clip", NUMBER(train.clip, 0, 1e12), .fallback = "10", .fixed = true,
     .help = "largest norm of the gradient; 0 does not clip"},
    {"train.exploration.epsilon", NUMBER(train.explore_epsilon, 0, 1), .fallback = "0.1", .fixed = true,
     .help = "share of uniform choices at the start"},
    {"train.exploration.widen", NUMBER(train.explore_widen, 1, 100), .fallback = "1.5", .fixed = true,
     .help = "factor on the widths of continuous choices at the start"},
    {"train.exploration.decay", INTEGER(train.explore_decay, 0, most), WORD("auto", -1), .fallback = "auto",
     .fixed = true,
     .help = "iterations over which exploration falls to none; auto: half the run as first started; 0: no exploration"},
    {"train.replay.capacity", INTEGER(train.replay_capacity, 0, 1e9), .fallback = "10000", .fixed = true,
     .help = "crystals that the replay buffer holds"},
    {"train.replay.batch", INTEGER(train.replay_batch, 0, 1e7), .fallback = "256", .fixed = true,
     .help = "replayed trajectories an iteration, on top of the fresh ones; 0 switches replay off"},
    {"train.replay.uniform", NUMBER(train.replay_uniform, 0, 1), .fallback = "0.5", .fixed = true,
     .help = "share of them drawn over the whole buffer; the rest over its best tenth"},

    {"run.seed", INTEGER(run.seed, 0, 9007199254740992.0), .fallback = "1", .fixed = true,
     .help = "of all random numbers"},
    {"run.directory", TEXT(run.directory), .fallback = "auto",
     .help = "where results go; auto: runs/NAME for a file NAME.yaml"},
    {"run.checkpoint_every", INTEGER(run.checkpoint_every, 1, most), .fallback = "200",
     .help = "iterations between checkpoints"},
    {"run.keep_checkpoints", INTEGER(run.keep_checkpoints, 1, 1000000), .fallback = "3",
     .help = "checkpoints that are kept, the newest"},
    {"run.deterministic", SWITCH(run.deterministic), .fallback = "false", .fixed = true,
     .help = "the same bits on any number of ranks, somewhat slower; without it, on the same number"},
    {"run.shards", INTEGER(run.shards, 1, 4096), .fallback = "12", .fixed = true,
     .help = "with run.deterministic: parts of a batch that are worked on by themselves, at least one a worker"},
    {"run.save_samples", SWITCH(run.save_samples), .fallback = "true",
     .help = "write the sampled crystals to DIRECTORY/samples"},
    {"run.device", CHOICE(run.device, "auto", "cpu", "cuda"), .fallback = "cpu",
     .help = "where the work of a step is done: the processor, a GPU for every worker, or a GPU if there is one"},
    {"run.coordinator", CHOICE(run.coordinator, "auto", "dedicated", "shared"), .fallback = "auto",
     .help = "rank 0 only coordinates (dedicated), works too (shared), or as fits the devices (auto)"},
};

enum { N_ENTRY = sizeof table / sizeof *table };

/* ---- names ---- */

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static bool below(const char *key, const char *section)
{
    size_t n = strlen(section);
    return !strncmp(key, section, n) && key[n] == '.';
}

static const entry *find(const char *key)
{
    for (int i = 0; i < N_ENTRY; i++)
        if (!strcmp(table[i].key, key)) return &table[i];
    return NULL;
}

static bool is_section(const char *key)
{
    for (int i = 0; i < N_ENTRY; i++)
        if (below(table[i].key, key)) return true;
    return false;
}

/* The key or section nearest to what was written: as a whole, or with its last part in the wrong place. */
static bool nearest(const char *written, char *out, size_t size)
{
    size_t best = SIZE_MAX;
    for (int i = 0; i < N_ENTRY; i++) {
        char key[256];
        snprintf(key, sizeof key, "%s", table[i].key);
        for (char *end = key + strlen(key); end; end = strrchr(key, '.')) { /* the key, then the sections it is in */
            *end = '\0';
            size_t whole = sh_text_distance(written, key), part = sh_text_distance(last_part(written), last_part(key)) + 1;
            size_t distance = whole < part ? whole : part;
            if (distance >= best) continue;
            best = distance;
            snprintf(out, size, "%s", key);
        }
    }
    size_t length = strlen(last_part(written));
    return best <= (length < 6 ? 2 : length / 3 + 1);
}

static sh_status fail_unknown(const sh_yaml_value *v)
{
    char near[256];
    const char *dot = strrchr(v->key, '.');
    for (; dot; dot = NULL) { /* train.batch.size: the value train.batch has no keys */
        char above[256];
        snprintf(above, sizeof above, "%.*s", (int)(dot - v->key), v->key);
        if (find(above))
            return SH_FAIL(SH_EINPUT, "%s: %s: '%s' is a value and has no keys under it", v->place, v->key, above);
    }
    sh_status status = SH_FAIL(SH_EINPUT, "%s: %s: there is no such key", v->place, v->key);
    if (nearest(v->key, near, sizeof near)) return sh_error_hint(status, "did you mean '%s'?", near);
    return sh_error_hint(status, "'shaft train --help-config' lists all keys");
}

/* ---- values from text ---- */

#define BAD(v, format, ...) SH_FAIL(SH_EINPUT, "%s: %s: " format, (v)->place, (v)->key, __VA_ARGS__)
#define SHOWN(text) SH_SHOW(sh_span_of(text))

/* Digits, sign, point and exponent only, to the last character: strtod alone would take "3x", "0x10" and "nan". */
static bool to_number(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789+-.eE")]) return false;
    *value = strtod(text, &end);
    return !*end && isfinite(*value);
}

/* 12, and 1e4 or 3.0 too where that is a whole number. */
static bool to_integer(const char *text, int64_t *value)
{
    char *end;
    double number;
    if (!to_number(text, &number)) return false;
    if (text[strcspn(text, ".eE")]) {
        if (fabs(number) > 0x1p53 || number != floor(number)) return false;
        *value = (int64_t)number;
        return true;
    }
    errno = 0;
    *value = strtoll(text, &end, 10);
    return !*end && !errno;
}

static void store(const entry *e, sh_config *c, const void *value, size_t size)
{
    SH_ASSERT(e->size == size);
    memcpy((char *)c + e->offset, value, size);
}

static void store_integer(const entry *e, sh_config *c, int64_t value)
{
    int32_t narrow = (int32_t)value;
    bool flag = value != 0;
    if (e->size == sizeof value)
        store(e, c, &value, sizeof value);
    else if (e->size == sizeof narrow)
        store(e, c, &narrow, sizeof narrow);
    else
        store(e, c, &flag, sizeof flag);
}

static int64_t load_integer(const entry *e, const sh_config *c)
{
    const char *field = (const char *)c + e->offset;
    int64_t wide = 0;
    int32_t narrow = 0;
    bool flag = false;
    if (e->size == sizeof wide) {
        memcpy(&wide, field, sizeof wide);
        return wide;
    }
    if (e->size == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    }
    memcpy(&flag, field, sizeof flag);
    return flag;
}

static sh_status check_bounds(const sh_yaml_value *v, const entry *e, double value)
{
    if (value < e->lo || value > e->hi)
        return BAD(v, "%.15g is outside %.15g to %.15g%s%s", value, e->lo, e->hi, e->word ? ", or " : "", e->word ? e->word : "");
    return SH_OK;
}

static sh_status set_integer(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    int64_t value;
    if (e->word && !strcmp(v->text[0], e->word)) {
        store_integer(e, c, (int64_t)e->word_value);
        return SH_OK;
    }
    if (v->quoted[0] || !to_integer(v->text[0], &value))
        return BAD(v, "wants a whole number%s%s%s, not %s'%s'", e->word ? " or '" : "", e->word ? e->word : "",
                   e->word ? "'" : "", v->quoted[0] ? "the quoted text " : "", SHOWN(v->text[0]));
    SH_TRY(check_bounds(v, e, (double)value));
    store_integer(e, c, value);
    return SH_OK;
}

static sh_status set_number(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    double value;
    if (v->quoted[0] || !to_number(v->text[0], &value))
        return BAD(v, "wants a number, not %s'%s'", v->quoted[0] ? "the quoted text " : "", SHOWN(v->text[0]));
    SH_TRY(check_bounds(v, e, value));
    store(e, c, &value, sizeof value);
    return SH_OK;
}

static sh_status set_switch(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    bool value = !strcmp(v->text[0], "true");
    if (v->quoted[0] || (!value && strcmp(v->text[0], "false")))
        return BAD(v, "wants true or false, not '%s'", SHOWN(v->text[0]));
    store(e, c, &value, sizeof value);
    return SH_OK;
}

static sh_status set_text(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    const char *text = v->text[0];
    if (!*text) return BAD(v, "must not be empty%s", "");
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127) return BAD(v, "holds a control character%s", "");
    if (strlen(text) >= e->size) return BAD(v, "is longer than %zu bytes", e->size - 1);
    char *field = (char *)c + e->offset;
    memset(field, 0, e->size);
    memcpy(field, text, strlen(text));
    return SH_OK;
}

static void list_choices(const entry *e, char *out, size_t size)
{
    out[0] = '\0';
    for (int i = 0; i < 4 && e->choice[i]; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", i ? ", " : "", e->choice[i]);
    }
}

static sh_status set_choice(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    for (int i = 0; i < 4 && e->choice[i]; i++) {
        size_t n = strlen(e->choice[i]);
        if (strcmp(v->text[0], e->choice[i])) continue;
        if (e->missing && !strncmp(e->missing, e->choice[i], n) && e->missing[n] == ' ') return BAD(v, "%s", e->missing);
        store_integer(e, c, i);
        return SH_OK;
    }
    char choices[128];
    list_choices(e, choices, sizeof choices);
    return BAD(v, "'%s' is not one of: %s", SHOWN(v->text[0]), choices);
}

static sh_status set_range(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    double value[2];
    if (v->kind != SH_YAML_LIST || v->n != 2) return BAD(v, "wants two numbers, written [%g, %g]", e->lo, e->hi);
    for (int i = 0; i < 2; i++) {
        if (v->quoted[i] || !to_number(v->text[i], &value[i]))
            return BAD(v, "wants two numbers, not '%s'", SHOWN(v->text[i]));
        SH_TRY(check_bounds(v, e, value[i]));
    }
    if (!(value[0] < value[1])) return BAD(v, "[%g, %g]: the smaller number comes first", value[0], value[1]);
    store(e, c, value, sizeof value);
    return SH_OK;
}

static sh_status element_of(const sh_yaml_value *v, int i, int32_t *z)
{
    *z = sh_element_number(v->text[i]);
    if (*z) return SH_OK;
    sh_status status = BAD(v, "'%s' is not the symbol of an element", SHOWN(v->text[i]));
    int guess = sh_span_element(sh_span_of(v->text[i]));
    return guess ? sh_error_hint(status, "did you mean '%s'?", sh_element_symbol(guess)) : status;
}

static sh_status set_elements(const sh_yaml_value *v, sh_config *c)
{
    sh_constraints *k = &c->constraints;
    if (!v->n) return BAD(v, "the list is empty; name the elements to build from, for example [Li, Cl]%s", "");
    k->n_element = 0;
    for (int i = 0; i < v->n; i++) {
        int32_t z;
        SH_TRY(element_of(v, i, &z));
        for (int j = 0; j < k->n_element; j++)
            if (k->element[j] == z) return BAD(v, "%s stands there twice", v->text[i]);
        k->element[k->n_element++] = z;
    }
    return SH_OK;
}

static sh_status set_one_of(const sh_yaml_value *v, sh_config *c)
{
    sh_constraints *k = &c->constraints;
    memset(k->one_of, 0, sizeof k->one_of);
    k->has_one_of = false;
    if (v->kind == SH_YAML_SCALAR && !strcmp(v->text[0], "any")) return SH_OK;
    if (!v->n)
        return BAD(v, "the list is empty, so no crystal could be built; leave the key out to ask for no element%s", "");
    for (int i = 0; i < v->n; i++) {
        int32_t z, j = 0;
        SH_TRY(element_of(v, i, &z));
        while (j < k->n_element && k->element[j] != z)
            j++;
        if (j == k->n_element)
            return sh_error_hint(BAD(v, "%s is not among 'elements'", v->text[i]), "add it there or take it out here");
        k->one_of[j] = true;
    }
    k->has_one_of = true;
    return SH_OK;
}

static sh_status set_groups(const sh_yaml_value *v, sh_config *c)
{
    bool *allowed = c->constraints.group_allowed;
    memset(allowed, 0, sizeof c->constraints.group_allowed);
    if (!v->n) return BAD(v, "no group is allowed; write all, or numbers as in [1, 2, 195-230]%s", "");
    for (int i = 0; i < v->n; i++) {
        const char *text = v->text[i];
        int64_t first, last;
        if (!strcmp(text, "all")) {
            memset(allowed, true, sizeof c->constraints.group_allowed);
            continue;
        }
        char low[16];
        const char *dash = strchr(text + (*text == '-'), '-');
        snprintf(low, sizeof low, "%.*s", dash ? (int)(dash - text) : (int)strlen(text), text);
        bool good = to_integer(low, &first) && to_integer(dash ? dash + 1 : low, &last);
        if (!good) return BAD(v, "wants all, numbers or ranges as in [1, 2, 195-230], not '%s'", SHOWN(text));
        if (first < 1 || last > SH_N_GROUP || first > last)
            return BAD(v, "'%s': space groups have the numbers 1 to 230, the smaller one first", SHOWN(text));
        for (int64_t g = first; g <= last; g++)
            allowed[g - 1] = true;
    }
    return SH_OK;
}

static sh_status set_value(const sh_yaml_value *v, const entry *e, sh_config *c)
{
    bool takes_list = e->type >= TYPE_RANGE;
    if (v->kind == SH_YAML_NOTHING)
        return sh_error_hint(BAD(v, "has no value%s", ""), "leave the key out for the default, %s",
                             e->fallback ? e->fallback : "which this key does not have");
    if (v->kind == SH_YAML_SECTION) return BAD(v, "is a value and has no keys under it%s", "");
    if (v->kind == SH_YAML_LIST && !takes_list) return BAD(v, "wants one value, not a list%s", "");
    switch (e->type) {
    case TYPE_INTEGER: return set_integer(v, e, c);
    case TYPE_NUMBER: return set_number(v, e, c);
    case TYPE_SWITCH: return set_switch(v, e, c);
    case TYPE_TEXT: return set_text(v, e, c);
    case TYPE_CHOICE: return set_choice(v, e, c);
    case TYPE_RANGE: return set_range(v, e, c);
    case TYPE_ELEMENTS: return set_elements(v, c);
    case TYPE_ONE_OF: return set_one_of(v, c);
    case TYPE_GROUPS: return set_groups(v, c);
    }
    return SH_OK;
}

/* Every key is one of the table, every section holds some. */
static sh_status check_keys(const sh_yaml_values *values)
{
    for (int i = 0; i < values->n; i++) {
        const sh_yaml_value *v = &values->value[i];
        if (find(v->key)) continue;
        if (!is_section(v->key)) return fail_unknown(v);
        if (v->kind != SH_YAML_SECTION && v->kind != SH_YAML_NOTHING)
            return sh_error_hint(BAD(v, "is a section: it takes keys under it, not a value%s", ""),
                                 "'shaft train --help-config' lists all keys");
    }
    return SH_OK;
}

/* The last one given: --set stands after the file. */
static const sh_yaml_value *value_of(const sh_yaml_values *values, const char *key)
{
    for (int i = values->n - 1; i >= 0; i--)
        if (!strcmp(values->value[i].key, key)) return &values->value[i];
    return NULL;
}

static sh_status set_fallback(const entry *e, const char *name, sh_config *c)
{
    if (!e->fallback)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "%s: %s: this key must be given", name, e->key), "%s", e->help);
    sh_yaml_values values = {0};
    char setting[256];
    snprintf(setting, sizeof setting, "%s=%s", e->key, e->fallback);
    sh_status status = sh_yaml_read_setting(setting, &values);
    if (status == SH_OK) status = set_value(&values.value[0], e, c);
    sh_yaml_destroy(&values);
    return status;
}

static sh_status set_all(const char *name, const sh_yaml_values *values, sh_config *c)
{
    SH_TRY(check_keys(values));
    for (int i = 0; i < N_ENTRY; i++) {
        const sh_yaml_value *v = value_of(values, table[i].key);
        SH_TRY(v ? set_value(v, &table[i], c) : set_fallback(&table[i], name, c));
    }
    return SH_OK;
}

/* What `auto` stands for, and what two modules need to know. */
static void resolve(const char *name, sh_config *c)
{
    c->train.explore_until = c->train.explore_decay < 0 ? c->train.iterations / 2 : c->train.explore_decay;
    c->reward.max_atoms = c->constraints.max_atoms;
    for (int i = 0; i < c->constraints.n_element; i++)
        c->reward.wanted[c->constraints.element[i]] = true;
    if (strcmp(c->run.directory, "auto")) return;
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
    snprintf(c->run.directory, sizeof c->run.directory, "runs/%.*s", dot && dot > base ? (int)(dot - base) : 200, base);
}

/* The values of a file behind those of the file it is based on: the last of a key counts. */
static sh_status read_values(const char *name, const char *text, size_t size, int depth, sh_yaml_values *values)
{
    enum { MOST = 8 };
    sh_yaml_values own = {0};
    sh_status status = sh_yaml_read(name, text, size, &own);
    int at = own.n - 1;
    while (status == SH_OK && at >= 0 && strcmp(own.value[at].key, "base"))
        at--;
    const sh_yaml_value *base = at >= 0 ? &own.value[at] : NULL;
    if (status == SH_OK && base && base->kind != SH_YAML_SCALAR)
        status = SH_FAIL(SH_EINPUT, "%s: base: wants the name of one file", base->place);
    if (status == SH_OK && base && depth == MOST)
        status = SH_FAIL(SH_EINPUT, "%s: base: more than %d files are based on each other; does one name itself?", base->place, MOST);
    if (status == SH_OK && base) { /* beside the file that names it */
        char path[SH_PATH_SIZE], *below;
        size_t n;
        const char *slash = strrchr(name, '/');
        int folder = slash && base->text[0][0] != '/' ? (int)(slash - name + 1) : 0;
        snprintf(path, sizeof path, "%.*s%s", folder, name, base->text[0]);
        if (sh_text_read(path, &below, &n) != SH_OK) {
            sh_error_note(SH_EINPUT, "named by %s: base", base->place);
            status = SH_EINPUT;
        } else {
            status = read_values(path, below, n, depth + 1, values);
            sh_free(below);
        }
    }
    /* each file has a folder of its own: that of another is not inherited */
    static const char *const without[] = {"base", "run.directory", NULL}, *const own_without[] = {"base", NULL};
    if (status == SH_OK) sh_yaml_append(values, &own, depth ? without : own_without);
    sh_yaml_destroy(&own);
    return status;
}

sh_status sh_config_parse(const char *name, const char *text, size_t size, const char *const *settings, int n_setting,
                          const sh_groups *groups, sh_config *out)
{
    memset(out, 0, sizeof *out); /* padding too: the bytes are sent and compared */
    sh_yaml_values values = {0};
    sh_status status = read_values(name, text, size, 0, &values);
    for (int i = 0; status == SH_OK && i < n_setting; i++)
        status = sh_yaml_read_setting(settings[i], &values);
    if (status == SH_OK) status = set_all(name, &values, out);
    sh_yaml_destroy(&values);
    SH_TRY(status);
    resolve(name, out);
    status = sh_config_check(out, groups);
    return status == SH_OK ? SH_OK : sh_error_note(status, "in '%s'", name);
}

sh_status sh_config_read(const char *path, const char *const *settings, int n_setting, const sh_groups *groups,
                         sh_config *out)
{
    char *text;
    size_t size;
    if (sh_text_read(path, &text, &size) != SH_OK) return SH_EINPUT; /* a name mistyped is no failure of a disk */
    sh_status status = sh_config_parse(path, text, size, settings, n_setting, groups, out);
    sh_free(text);
    return status;
}

/* ---- combinations ---- */

/* Every crystal has at least min_sites sites, and each at least the smallest orbit of the group. On Wyckoff positions a group in
 * which they do not fit is not chosen; general sites find out by their reward. */
static sh_status check_orbits(const sh_config *c, const sh_groups *groups)
{
    enum { LARGEST_ORBIT = 192 };
    const sh_constraints *k = &c->constraints;
    char names[512] = "";
    int n_allowed = 0, n_large = 0;
    uint8_t fits[SH_N_GROUP];
    const sh_space space = sh_space_of(groups, k, c->policy.sites, 0);
    const sh_rules rules = sh_space_rules(&space);
    if (c->policy.sites == SH_SITES_WYCKOFF && sh_mask_groups(&rules, fits) == 0)
        return sh_error_hint(SH_FAIL(SH_EINPUT,
                                     "constraints.max_atoms: %d atoms are too few for %d site%s in every allowed space group",
                                     k->max_atoms, k->min_sites, k->min_sites > 1 ? "s" : ""),
                             "raise constraints.max_atoms or allow other constraints.space_groups");
    if (c->policy.sites == SH_SITES_WYCKOFF || (int64_t)LARGEST_ORBIT * k->min_sites <= k->max_atoms) return SH_OK;
    for (int g = 1; g <= SH_N_GROUP; g++) {
        if (!k->group_allowed[g - 1]) continue;
        n_allowed++;
        if ((int64_t)k->min_sites * sh_wyckoff_min_mult(groups->wyckoffs, g) <= k->max_atoms) continue;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%d (%s)", n_large++ ? ", " : "", g, groups->symbol[g - 1]);
    }
    if (n_large == n_allowed)
        return sh_error_hint(SH_FAIL(SH_EINPUT,
                                     "constraints.max_atoms: %d atoms are too few: in every allowed space group %d site%s have more",
                                     k->max_atoms, k->min_sites, k->min_sites > 1 ? "s" : " can only"),
                             "raise constraints.max_atoms or allow other constraints.space_groups");
    if (n_large)
        sh_log_warn("constraints.max_atoms: %d atoms are too few for any crystal in these of the allowed space groups: %s", k->max_atoms,
                    names);
    return SH_OK;
}

static sh_status check_constraints(const sh_constraints *k)
{
    int n_one_of = 0, n_group = 0;
    if (k->n_element < 1) return SH_FAIL(SH_EINPUT, "elements: the list is empty");
    if (k->max_elements < 1) return SH_FAIL(SH_EINPUT, "constraints.max_elements: %d must be at least 1", k->max_elements);
    if (k->min_sites < 1) return SH_FAIL(SH_EINPUT, "constraints.min_sites: %d must be at least 1", k->min_sites);
    if (k->max_sites > SH_MAX_SITES)
        return SH_FAIL(SH_EINPUT, "constraints.max_sites: %d must be at most %d", k->max_sites, SH_MAX_SITES);
    if (k->min_sites > k->max_sites)
        return SH_FAIL(SH_EINPUT, "constraints.min_sites: %d is more than constraints.max_sites, %d", k->min_sites, k->max_sites);
    if (k->min_sites > k->max_atoms)
        return SH_FAIL(SH_EINPUT, "constraints.max_atoms: %d atoms cannot make up constraints.min_sites, %d sites", k->max_atoms,
                       k->min_sites);
    for (int i = 0; i < k->n_element; i++)
        n_one_of += k->one_of[i];
    for (int i = k->n_element; i < SH_MAX_ELEMENTS; i++)
        if (k->one_of[i]) return SH_FAIL(SH_EINPUT, "constraints.one_of: holds an element that is not among 'elements'");
    if (k->has_one_of && !n_one_of) return SH_FAIL(SH_EINPUT, "constraints.one_of: the list is empty");
    for (int g = 0; g < SH_N_GROUP; g++)
        n_group += k->group_allowed[g];
    if (!n_group) return SH_FAIL(SH_EINPUT, "constraints.space_groups: no group is allowed");
    return SH_OK;
}

sh_status sh_config_check(const sh_config *c, const sh_groups *groups)
{
    const sh_reward_options *r = &c->reward;
    const sh_train_options *t = &c->train;
    double sum = 0;
    SH_TRY(check_constraints(&c->constraints));
    SH_TRY(sh_cell_bounds_check(&c->constraints.cell));
    for (int i = 0; i < SH_N_TERM; i++)
        sum += r->weight[i];
    if (!(sum > 0))
        return SH_FAIL(SH_EINPUT, "reward: all weights are 0, so every crystal would have the same reward");
    if (r->r_min > sum)
        return SH_FAIL(SH_EINPUT, "reward.r_min: %g is above the largest reward, %g, the sum of the weights", r->r_min, sum);
    if (t->replay_batch && !t->replay_capacity)
        return SH_FAIL(SH_EINPUT, "train.replay.capacity: 0 leaves nothing to draw train.replay.batch, %lld, from",
                       (long long)t->replay_batch);
    int64_t enter = t->batch < t->replay_capacity ? t->batch : t->replay_capacity;
    if (enter > INT32_MAX / 2 / (int64_t)sh_record_stride(c->constraints.max_sites))
        return SH_FAIL(SH_EINPUT,
                       "train.batch, train.replay.capacity: %lld records may enter the replay in one iteration, more than a message holds; "
                       "lower one of them", (long long)enter);
    if (c->policy.objective == SH_VARGRAD && t->batch < 2)
        return SH_FAIL(SH_EINPUT, "train.batch: 1 is too few for train.objective: vargrad, which compares the trajectories of a batch");
    const char *conflict = sh_policy_options_conflict(&c->policy);
    if (conflict) return SH_FAIL(SH_EINPUT, "policy: %s", conflict);
    if (groups) SH_TRY(check_orbits(c, groups));
    return SH_OK;
}

/* ---- text from values ---- */

/* The shortest decimal that is the same double again. */
static void print_number(FILE *out, double value)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void print_text(FILE *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    if (!text[strspn(text, plain)] && text[0] != '-') {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_elements(FILE *out, const sh_constraints *k, bool only_one_of)
{
    const char *comma = "";
    if (only_one_of && !k->has_one_of) {
        fputs("any", out);
        return;
    }
    fputc('[', out);
    for (int i = 0; i < k->n_element; i++) {
        if (only_one_of && !k->one_of[i]) continue;
        fprintf(out, "%s%s", comma, sh_element_symbol(k->element[i]));
        comma = ", ";
    }
    fputc(']', out);
}

static void print_groups(FILE *out, const bool *allowed)
{
    const char *comma = "";
    int n = 0;
    for (int g = 0; g < SH_N_GROUP; g++)
        n += allowed[g];
    if (n == SH_N_GROUP) {
        fputs("all", out);
        return;
    }
    fputc('[', out);
    for (int g = 1; g <= SH_N_GROUP; g++) {
        if (!allowed[g - 1]) continue;
        int last = g;
        while (last < SH_N_GROUP && allowed[last])
            last++;
        fprintf(out, last > g ? "%s%d-%d" : "%s%d", comma, g, last);
        comma = ", ";
        g = last;
    }
    fputc(']', out);
}

static void print_value(FILE *out, const entry *e, const sh_config *c)
{
    const char *field = (const char *)c + e->offset;
    double number[2];
    switch (e->type) {
    case TYPE_INTEGER: {
        int64_t value = load_integer(e, c);
        if (e->word && value == (int64_t)e->word_value)
            fputs(e->word, out);
        else
            fprintf(out, "%lld", (long long)value);
        break;
    }
    case TYPE_NUMBER:
        memcpy(number, field, sizeof *number);
        print_number(out, *number);
        break;
    case TYPE_SWITCH: fputs(load_integer(e, c) ? "true" : "false", out); break;
    case TYPE_TEXT: print_text(out, field); break;
    case TYPE_CHOICE: fputs(e->choice[load_integer(e, c)], out); break;
    case TYPE_RANGE:
        memcpy(number, field, sizeof number);
        fputc('[', out);
        print_number(out, number[0]);
        fputs(", ", out);
        print_number(out, number[1]);
        fputc(']', out);
        break;
    case TYPE_ELEMENTS: print_elements(out, &c->constraints, false); break;
    case TYPE_ONE_OF: print_elements(out, &c->constraints, true); break;
    case TYPE_GROUPS: print_groups(out, c->constraints.group_allowed); break;
    }
}

/* Opens the sections of `key` that `before` is not in, each on a line of its own; returns the depth. */
static int print_sections(FILE *out, const char *key, const char *before)
{
    int depth = 0;
    const char *part = key;
    for (const char *dot; (dot = strchr(part, '.')); part = dot + 1, depth++) {
        size_t n = (size_t)(dot - key);
        if (before && !strncmp(key, before, n) && before[n] == '.') continue;
        fprintf(out, "%*s%.*s:\n", 2 * depth, "", (int)(dot - part), part);
    }
    return depth;
}

/* The stream's memory as one of ours. */
static char *take_text(FILE *out, char **text)
{
    SH_ASSERT(fclose(out) == 0);
    char *copy = sh_strdup(*text);
    free(*text);
    return copy;
}

/* With the numbers that `auto` stands for. */
static sh_config resolved(const sh_config *c)
{
    sh_config copy = *c;
    copy.train.explore_decay = c->train.explore_until;
    return copy;
}

void sh_config_inherit(const sh_config *before, sh_config *now)
{
    if (now->train.explore_decay < 0) now->train.explore_until = before->train.explore_until;
}

char *sh_config_text(const sh_config *c, bool as_given)
{
    char *text;
    size_t size;
    sh_config shown = as_given ? *c : resolved(c);
    FILE *out = open_memstream(&text, &size);
    SH_ASSERT(out);
    const char *before = NULL;
    for (int i = 0; i < N_ENTRY; i++) {
        if (!as_given && (!strcmp(table[i].key, "run.directory") || !strcmp(table[i].key, "run.coordinator") ||
                            !strcmp(table[i].key, "run.device"))) continue;
        int depth = print_sections(out, table[i].key, before);
        fprintf(out, "%*s%s: ", 2 * depth, "", last_part(table[i].key));
        print_value(out, &table[i], &shown);
        fputc('\n', out);
        before = table[i].key;
    }
    return take_text(out, &text);
}

static char *value_text(const entry *e, const sh_config *c)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    SH_ASSERT(out);
    print_value(out, e, c);
    return take_text(out, &text);
}

char *sh_config_differences(const sh_config *before, const sh_config *now)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    SH_ASSERT(out);
    bool any = false;
    sh_config then = resolved(before), here = resolved(now);
    for (int i = 0; i < N_ENTRY; i++) {
        if (!table[i].fixed) continue;
        char *a = value_text(&table[i], &then), *b = value_text(&table[i], &here);
        if (strcmp(a, b)) fprintf(out, "%s%s: %s before, %s now", any ? "; " : "", table[i].key, a, b);
        any |= strcmp(a, b) != 0;
        sh_free(a);
        sh_free(b);
    }
    char *all = take_text(out, &text);
    if (any) return all;
    sh_free(all);
    return NULL;
}

static void print_type(FILE *out, const entry *e)
{
    char choices[128];
    switch (e->type) {
    case TYPE_INTEGER:
        fprintf(out, "whole number");
        if (e->word) fprintf(out, " or %s", e->word);
        break;
    case TYPE_NUMBER: fputs("number", out); break;
    case TYPE_SWITCH: fputs("true or false", out); break;
    case TYPE_TEXT: fputs("text", out); break;
    case TYPE_CHOICE:
        list_choices(e, choices, sizeof choices);
        fprintf(out, "one of %s", choices);
        break;
    case TYPE_RANGE: fputs("[lo, hi]", out); break;
    case TYPE_ELEMENTS: fputs("symbols", out); break;
    case TYPE_ONE_OF: fputs("symbols or any", out); break;
    case TYPE_GROUPS: fputs("numbers and ranges, or all", out); break;
    }
    bool bounded = e->type == TYPE_INTEGER || e->type == TYPE_NUMBER || e->type == TYPE_RANGE;
    if (bounded && e->hi < most) fprintf(out, ", %g to %g", e->lo, e->hi);
    if (bounded && e->hi >= most) fprintf(out, ", at least %g", e->lo);
}

void sh_config_help(FILE *out)
{
    fputs("Keys of a configuration file, with their defaults. On the command line: --set train.batch=128\n\n"
          "base: FILE\n    another configuration, beside this one, whose values hold where this one says nothing\n", out);
    for (int i = 0; i < N_ENTRY; i++) {
        const entry *e = &table[i];
        fprintf(out, "%s: %s\n    %s\n    (", e->key, e->fallback ? e->fallback : "(must be given)", e->help);
        print_type(out, e);
        fputs(e->fixed ? ")\n" : "; may change when a run is resumed)\n", out);
    }
}
