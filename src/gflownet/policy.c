#include "gflownet/policy.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "crystal/wyckoff.h"
#include "dist.h"
#include "gflownet/dist_ops.h"
#include "mask.h"
#include "nn/gcn.h"
#include "nn/megnet.h"
#include "nn/mlp.h"
#include "tensor/ops.h"

enum {
    ELEMENT_WIDTH = 16,    /* of an element's embedding at a node, as in the published MEGNet */
    POSITION_WIDTH = 16,   /* of a Wyckoff position's */
    LATTICE_WIDTH = 32,
    GROUP_WIDTH = 32,
    N_ELEMENT_ROW = SH_MAX_ELEMENTS + 1 /* by atomic number; row 0 unused */
};

typedef struct {
    sh_tensor *element;  /* (119, ELEMENT_WIDTH) */
    sh_tensor *position; /* (1731, POSITION_WIDTH), NULL for general sites */
    sh_megnet *megnet;   /* one of the two makes a row of a crystal */
    sh_gcn *gcn;
    sh_mlp *lattice;
    sh_tensor *group;             /* (230, GROUP_WIDTH) */
    sh_tensor *trunk_w, *trunk_b; /* (graph + lattice + group, H), (1,H) */
    sh_tensor *start;             /* (1,H): the trunk row of s_0 */
} encoder;

/* The heads that exist in both directions. */
typedef struct {
    sh_mlp *group;
    sh_tensor *group_embedding; /* (230,H) */
    sh_tensor *lattice_w;       /* (6 SH_LATTICE_CODE, H) */
    sh_mlp *lattice[6];
} level_heads;

struct sh_policy {
    sh_policy_options options;
    const sh_space *space;
    sh_params *params;
    uint8_t group_allowed[SH_N_GROUP];
    unsigned some_free;
    int n_encoder;
    encoder encoders[SH_N_ROLE];
    level_heads heads[SH_N_DIRECTION];
    sh_mlp *stop, *flow, *element, *wyckoff, *position;
    sh_tensor *wyckoff_w;                        /* (POSITION_WIDTH, H): what the position's head sees of the Wyckoff position */
    sh_tensor *element_embedding;                /* (119,H) of the chosen element, for the position */
    sh_tensor *removed_embedding[SH_N_ROLE];     /* (119,H) of the element taken away, for the backward heads */
    sh_tensor *log_z;
};

static bool on_wyckoff(const sh_policy *p)
{
    return p->options.sites == SH_SITES_WYCKOFF;
}

static bool sequential(const sh_policy *p)
{
    return p->options.heads == SH_HEADS_SEQUENTIAL;
}

static int encoder_of(const sh_policy *p, sh_role role)
{
    return p->options.shared_encoder ? 0 : (int)role;
}

/* Whether a role has a choice to make; backward there may be none. */
static bool has_role(const sh_policy *p, sh_role role)
{
    if (role == SH_PB_HIGH) return p->options.group == SH_EACH_STEP;
    return role != SH_PB_LOW || sh_policy_learns_backward(p);
}

static void create_encoder(sh_policy *p, int index)
{
    static const char *const role_name[SH_N_ROLE] = {"pf_high", "pf_low", "pb_high", "pb_low"};
    const char *owner = p->options.shared_encoder ? "shared" : role_name[index];
    encoder *e = &p->encoders[index];
    char name[96];
    const int64_t sizes[] = {SH_LATTICE_FEATURES, LATTICE_WIDTH, LATTICE_WIDTH, LATTICE_WIDTH};
#define NAMED(what) (snprintf(name, sizeof name, "encoder.%s.%s", owner, what), name)
    e->element = sh_params_add(p->params, NAMED("element"), N_ELEMENT_ROW, ELEMENT_WIDTH, SH_INIT_NORMAL, 0.5);
    if (on_wyckoff(p))
        e->position = sh_params_add(p->params, NAMED("position"), SH_N_WYCKOFF, POSITION_WIDTH, SH_INIT_NORMAL, 0.5);
    int64_t node_in = ELEMENT_WIDTH + (on_wyckoff(p) ? POSITION_WIDTH : 0) + SH_SITE_FEATURES, graph_out = SH_MEGNET_OUT;
    if (p->options.encoder == SH_GCN) {
        e->gcn = sh_gcn_create(p->params, NAMED("gcn"), node_in);
        graph_out = SH_GCN_OUT;
    } else {
        e->megnet = sh_megnet_create(p->params, NAMED("megnet"), node_in);
    }
    e->lattice = sh_mlp_create(p->params, NAMED("lattice"), sizes, 4);
    e->group = sh_params_add(p->params, NAMED("group"), SH_N_GROUP, GROUP_WIDTH, SH_INIT_NORMAL, 0.5);
    e->trunk_w = sh_params_add(p->params, NAMED("trunk.w"), graph_out + LATTICE_WIDTH + GROUP_WIDTH, SH_TRUNK,
                               SH_INIT_UNIFORM_FAN_IN, 0);
    e->trunk_b = sh_params_add(p->params, NAMED("trunk.b"), 1, SH_TRUNK, SH_INIT_CONSTANT, 0);
    e->start = sh_params_add(p->params, NAMED("start"), 1, SH_TRUNK, SH_INIT_NORMAL, 0.5);
#undef NAMED
}

static void create_level_heads(sh_policy *p, sh_direction direction)
{
    const char *owner = direction == SH_FORWARD ? "pf" : "pb";
    level_heads *h = &p->heads[direction];
    char name[96];
    const int64_t group_sizes[] = {SH_TRUNK, SH_TRUNK, SH_N_GROUP};
    const int64_t lattice_sizes[] = {SH_TRUNK, SH_TRUNK, 3 * p->options.mixture};
#define NAMED(what) (snprintf(name, sizeof name, "%s.%s", owner, what), name)
    if (direction == SH_FORWARD || p->options.group == SH_EACH_STEP) {
        h->group = sh_mlp_create(p->params, NAMED("group"), group_sizes, 3);
        if (p->options.heads != SH_HEADS_FLAT)
            h->group_embedding = sh_params_add(p->params, NAMED("group_embedding"), SH_N_GROUP, SH_TRUNK, SH_INIT_NORMAL, 0.5);
    }
    if (sequential(p))
        h->lattice_w = sh_params_add(p->params, NAMED("lattice_code"), 6 * SH_LATTICE_CODE, SH_TRUNK,
                                     SH_INIT_UNIFORM_FAN_IN, 0);
    for (int d = 0; d < 6; d++) {
        snprintf(name, sizeof name, "%s.lattice%d", owner, d);
        h->lattice[d] = sh_mlp_create(p->params, name, lattice_sizes, 3);
    }
#undef NAMED
}

static void allow_groups(sh_policy *p)
{
    const sh_rules rules = sh_space_rules(p->space);
    sh_mask_groups(&rules, p->group_allowed);
    for (int g = 0; g < SH_N_GROUP; g++)
        if (p->group_allowed[g]) p->some_free |= sh_family_free(sh_group_family(g + 1));
}

sh_status sh_policy_create(const sh_policy_options *options, const sh_space *space, sh_params *params, sh_policy **out)
{
    *out = NULL;
    const char *conflict = sh_policy_options_conflict(options);
    if (conflict) return SH_FAIL(SH_EINPUT, "policy: %s", conflict);
    SH_ASSERT(options->mixture >= 1 && options->mixture <= SH_MAX_MIXTURE && SH_MAX_MIXTURE <= SH_DIST_MAX_MIXTURE);
    sh_policy *p = SH_NEW(sh_policy, 1);
    p->options = *options;
    p->space = space;
    p->params = params;
    allow_groups(p);
    p->n_encoder = options->shared_encoder ? 1 : SH_N_ROLE;
    for (int i = 0; i < p->n_encoder; i++)
        if (has_role(p, (sh_role)i)) create_encoder(p, i);
    create_level_heads(p, SH_FORWARD);
    if (sh_policy_learns_backward(p)) {
        create_level_heads(p, SH_BACKWARD);
        if (options->group == SH_EACH_STEP)
            p->removed_embedding[SH_PB_HIGH] =
                sh_params_add(params, "pb.removed_high", N_ELEMENT_ROW, SH_TRUNK, SH_INIT_NORMAL, 0.5);
        p->removed_embedding[SH_PB_LOW] =
            sh_params_add(params, "pb.removed_low", N_ELEMENT_ROW, SH_TRUNK, SH_INIT_NORMAL, 0.5);
    }
    const int64_t stop_sizes[] = {SH_TRUNK, SH_TRUNK, 2};
    const int64_t element_sizes[] = {SH_TRUNK, SH_TRUNK, space->constraints->n_element};
    const int64_t position_sizes[] = {SH_TRUNK, SH_TRUNK, 1 + SH_WRAPPED_STRIDE * options->position_mixture};
    p->stop = sh_mlp_create(params, "pf.stop", stop_sizes, 3);
    if (options->objective == SH_SUBTB) p->flow = sh_mlp_create(params, "pf.flow", (const int64_t[]){SH_TRUNK, SH_TRUNK, 1}, 3);
    p->element = sh_mlp_create(params, "pf.element", element_sizes, 3);
    if (sequential(p))
        p->element_embedding = sh_params_add(params, "pf.element_embedding", N_ELEMENT_ROW, SH_TRUNK, SH_INIT_NORMAL, 0.5);
    if (on_wyckoff(p)) {
        const int64_t wyckoff_sizes[] = {SH_TRUNK, SH_TRUNK, SH_MAX_WYCKOFF};
        p->wyckoff = sh_mlp_create(params, "pf.wyckoff", wyckoff_sizes, 3);
        if (sequential(p))
            p->wyckoff_w = sh_params_add(params, "pf.wyckoff_w", POSITION_WIDTH, SH_TRUNK, SH_INIT_UNIFORM_FAN_IN, 0);
    }
    p->position = sh_mlp_create(params, "pf.position", position_sizes, 3);
    p->log_z = sh_params_add(params, "log_z", 1, 1, SH_INIT_CONSTANT, 0);
    *out = p;
    return SH_OK;
}

/* Means at the quantiles of the logistic distribution, which is u uniform; one component alone is as wide as it. */
static void spread_lattice(const sh_mlp *head, int32_t k)
{
    sh_real *bias = sh_mlp_last_bias(head)->data;
    double scale = k == 1 ? 1.7 : 3.0 / sqrt((double)k); /* neighbours overlap */
    for (int32_t i = 0; i < k; i++) {
        double u = (i + 0.5) / k;
        bias[k + i] = (sh_real)log(u / (1 - u));
        bias[2 * k + i] = (sh_real)log(expm1(scale));
    }
}

void sh_policy_start_values(sh_policy *p, double log_z)
{
    p->log_z->data[0] = (sh_real)log_z;
    for (int direction = 0; direction < SH_N_DIRECTION; direction++)
        for (int d = 0; d < 6; d++)
            if (p->heads[direction].lattice[d]) spread_lattice(p->heads[direction].lattice[d], p->options.mixture);
    sh_real *bias = sh_mlp_last_bias(p->position)->data;
    for (int32_t k = 0; k < p->options.position_mixture; k++) {
        sh_real *component = bias + 1 + k * SH_WRAPPED_STRIDE;
        for (int32_t i = 0; i < 3; i++) /* an additive sequence spreads the means over the torus */
            component[1 + i] = (sh_real)fmod(0.25 + k * (i == 0 ? 0.819 : i == 1 ? 0.671 : 0.549), 1.0);
        component[4] = component[6] = component[9] = 1; /* diagonal: rows of norm 0.24 */
    }
}

void sh_policy_destroy(sh_policy **policy)
{
    sh_policy *p = *policy;
    if (!p) return;
    for (int i = 0; i < p->n_encoder; i++) {
        sh_megnet_destroy(&p->encoders[i].megnet);
        sh_gcn_destroy(&p->encoders[i].gcn);
        sh_mlp_destroy(&p->encoders[i].lattice);
    }
    for (int direction = 0; direction < SH_N_DIRECTION; direction++) {
        sh_mlp_destroy(&p->heads[direction].group);
        for (int d = 0; d < 6; d++)
            sh_mlp_destroy(&p->heads[direction].lattice[d]);
    }
    sh_mlp_destroy(&p->stop);
    sh_mlp_destroy(&p->flow);
    sh_mlp_destroy(&p->element);
    sh_mlp_destroy(&p->wyckoff);
    sh_mlp_destroy(&p->position);
    sh_free(p);
    *policy = NULL;
}

const sh_policy_options *sh_policy_get_options(const sh_policy *p)
{
    return &p->options;
}

const sh_space *sh_policy_space(const sh_policy *p)
{
    return p->space;
}

sh_params *sh_policy_params(const sh_policy *p)
{
    return p->params;
}

const uint8_t *sh_policy_groups(const sh_policy *p, sh_workspace *ws)
{
    return SH_PUT(ws, p->group_allowed, SH_N_GROUP);
}

unsigned sh_policy_free_parameters(const sh_policy *p)
{
    return p->some_free;
}

sh_tensor *sh_policy_log_z(const sh_policy *p)
{
    return p->log_z;
}

double sh_policy_log_z_value(const sh_policy *p)
{
    sh_real value;
    sh_params_data(p->params)->be->copy_out(&value, p->log_z->data, sizeof value);
    return (double)value;
}

static const sh_tensor *encode(const encoder *e, sh_tape *t, const sh_states *states)
{
    if (states->n == 0) return e->start;
    int64_t n_site = states->crystals.n_site;
    const sh_tensor *element = sh_gather_rows(t, e->element, states->crystals.site_z, n_site);
    const sh_tensor *frame = sh_tape_constant(t, states->site_features, n_site, SH_SITE_FEATURES);
    const sh_tensor *parts[3] = {element, frame, NULL};
    if (e->position) parts[2] = sh_gather_rows(t, e->position, states->site_position, n_site);
    const sh_tensor *node = sh_concat_cols(t, parts, e->position ? 3 : 2);
    const sh_tensor *graph =
        e->gcn ? sh_gcn_forward(t, e->gcn, &states->graph, node) : sh_megnet_forward(t, e->megnet, &states->graph, node);
    const sh_tensor *lattice_in = sh_tape_constant(t, states->lattice, states->n, SH_LATTICE_FEATURES);
    const sh_tensor *lattice = sh_mlp_forward(t, e->lattice, lattice_in, SH_ELU, true);
    const sh_tensor *group = sh_gather_rows(t, e->group, states->group_index, states->n);
    const sh_tensor *all = sh_concat_cols(t, (const sh_tensor *[]){graph, lattice, group}, 3);
    return sh_concat_rows(t, e->start, sh_linear(t, all, e->trunk_w, e->trunk_b));
}

void sh_policy_embed(const sh_policy *p, sh_tape *t, const sh_states *states, bool backward_too, sh_embedding *out)
{
    const sh_tensor *by_encoder[SH_N_ROLE] = {NULL};
    for (int role = 0; role < SH_N_ROLE; role++) {
        if (!has_role(p, (sh_role)role) || (role >= SH_PB_HIGH && !backward_too)) {
            out->trunk[role] = NULL;
            continue;
        }
        int e = encoder_of(p, (sh_role)role);
        if (!by_encoder[e]) by_encoder[e] = encode(&p->encoders[e], t, states);
        out->trunk[role] = by_encoder[e];
    }
}

const sh_tensor *sh_policy_rows(sh_tape *t, const sh_tensor *trunk, const int32_t *row, int64_t n)
{
    return sh_gather_rows(t, trunk, row, n);
}

const sh_tensor *sh_policy_flow(const sh_policy *p, sh_tape *t, const sh_tensor *h)
{
    return p->flow ? sh_mlp_forward(t, p->flow, h, SH_SWISH, false) : NULL;
}

const sh_tensor *sh_policy_stop(const sh_policy *p, sh_tape *t, const sh_tensor *h)
{
    return sh_mlp_forward(t, p->stop, h, SH_SWISH, false);
}

const sh_tensor *sh_policy_group(const sh_policy *p, sh_tape *t, sh_direction direction, const sh_tensor *h)
{
    return sh_mlp_forward(t, p->heads[direction].group, h, SH_SWISH, false);
}

const sh_tensor *sh_policy_next_group(const sh_policy *p, sh_tape *t, const sh_tensor *trunk, const int32_t *row, int64_t n)
{
    if (p->options.group == SH_EACH_STEP) return sh_policy_group(p, t, SH_FORWARD, sh_gather_rows(t, trunk, row, n));
    const sh_tensor *start = sh_policy_group(p, t, SH_FORWARD, sh_gather_rows(t, trunk, SH_ROOM_ZERO(t->ws, int32_t, 1), 1));
    return sh_gather_rows(t, start, row, n);
}

static const sh_tensor *add_embedding(sh_tape *t, const sh_tensor *h, const sh_tensor *table, const int32_t *row)
{
    return sh_sum(t, h, sh_gather_rows(t, table, row, h->rows));
}

const sh_tensor *sh_policy_without(const sh_policy *p, sh_tape *t, sh_role role, const sh_tensor *h, const int32_t *z)
{
    return add_embedding(t, h, p->removed_embedding[role], z);
}

const sh_tensor *sh_policy_with_group(const sh_policy *p, sh_tape *t, sh_direction direction, const sh_tensor *h,
                                      const int32_t *group_index)
{
    const sh_tensor *table = p->heads[direction].group_embedding;
    return table ? add_embedding(t, h, table, group_index) : h;
}

static const sh_tensor *add_lattice(sh_tape *t, const level_heads *heads, const sh_tensor *h, const sh_real *code)
{
    if (!heads->lattice_w) return h;
    const sh_tensor *x = sh_tape_constant(t, code, h->rows, 6 * SH_LATTICE_CODE);
    return sh_sum(t, h, sh_linear(t, x, heads->lattice_w, NULL));
}

const sh_tensor *sh_policy_lattice(const sh_policy *p, sh_tape *t, sh_direction direction, const sh_tensor *h,
                                   const sh_real *code, int d)
{
    const level_heads *heads = &p->heads[direction];
    const sh_tensor *seen = d == 0 ? h : add_lattice(t, heads, h, code);
    return sh_mlp_forward(t, heads->lattice[d], seen, SH_SWISH, false);
}

const sh_tensor *sh_policy_with_lattice(const sh_policy *p, sh_tape *t, const sh_tensor *h, const sh_real *code)
{
    return add_lattice(t, &p->heads[SH_FORWARD], h, code);
}

const sh_tensor *sh_policy_element(const sh_policy *p, sh_tape *t, const sh_tensor *h)
{
    return sh_mlp_forward(t, p->element, h, SH_SWISH, false);
}

const sh_tensor *sh_policy_with_element(const sh_policy *p, sh_tape *t, const sh_tensor *h, const int32_t *z)
{
    return p->element_embedding ? add_embedding(t, h, p->element_embedding, z) : h;
}

const sh_tensor *sh_policy_wyckoff(const sh_policy *p, sh_tape *t, const sh_tensor *h)
{
    return sh_mlp_forward(t, p->wyckoff, h, SH_SWISH, false);
}

const sh_tensor *sh_policy_with_wyckoff(const sh_policy *p, sh_tape *t, const sh_tensor *h, const int32_t *position)
{
    if (!p->wyckoff_w) return h;
    const sh_tensor *row = sh_gather_rows(t, p->encoders[encoder_of(p, SH_PF_LOW)].position, position, h->rows);
    return sh_sum(t, h, sh_linear(t, row, p->wyckoff_w, NULL));
}

bool sh_policy_lattice_each_step(const sh_policy *p)
{
    return p->options.lattice == SH_LATTICE_EACH_STEP;
}

bool sh_policy_group_anew(const sh_policy *p, int32_t t)
{
    return t == 0 || p->options.group == SH_EACH_STEP;
}

bool sh_policy_learns_backward(const sh_policy *p)
{
    return p->options.group == SH_EACH_STEP || p->options.lattice == SH_LATTICE_EACH_STEP;
}

const char *sh_policy_options_conflict(const sh_policy_options *o)
{
    if (o->sites == SH_SITES_WYCKOFF && o->group == SH_EACH_STEP)
        return "sites: wyckoff needs group: once (the positions of one group are not those of another)";
    if (o->lattice == SH_LATTICE_LAST && o->sites != SH_SITES_WYCKOFF)
        return "lattice: last needs sites: wyckoff (how many atoms a general site has depends on the cell); general sites have "
               "lattice: each_step";
    return NULL;
}

const sh_tensor *sh_policy_position(const sh_policy *p, sh_tape *t, const sh_tensor *h)
{
    return sh_mlp_forward(t, p->position, h, SH_SWISH, false);
}
