#include "relax/relax.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/units.h"
#include "cell.h"
#include "crystal/transfer.h"
#include "relax/fire.h"
#include "relax/moving.h"
#include "relax/strain.h"

/* Limits of what is a structure: no solid comes near them, and neighbours stay countable. */
static const double SMALLEST_ANG3 = 1, LARGEST_ANG3 = 1e4; /* an atom */
static const double COINCIDENT_ANG = 0.01;

static const struct {
    const char *key, *text;
} verdicts[SH_RELAX_N_VERDICT] = {
    [SH_RELAX_CONVERGED] = {"converged", "converged"},
    [SH_RELAX_STEPS] = {"steps", "did not converge within the steps allowed"},
    [SH_RELAX_ELEMENT] = {"element", "has an element that the model does not know"},
    [SH_RELAX_CELL] = {"cell", "no cell: flat, or less than 1 or more than 10,000 Å^3 an atom"},
    [SH_RELAX_COINCIDENT] = {"coincident", "two atoms in one place"},
    [SH_RELAX_ISOLATED] = {"isolated", "no two atoms within the model's cut-off"},
    [SH_RELAX_NOT_FINITE] = {"not_finite", "the model gave no finite number"},
    [SH_RELAX_UNREADABLE] = {"unreadable", "could not be read"},
};

const char *sh_relax_verdict_key(sh_relax_verdict verdict)
{
    return verdicts[verdict].key;
}

const char *sh_relax_verdict_text(sh_relax_verdict verdict)
{
    return verdicts[verdict].text;
}

sh_relax_opts sh_relax_defaults(void)
{
    return (sh_relax_opts){
        .fmax = 0.1, .max_steps = 500, .stress_factor = SH_GPA * 0.01, .symprec = 1e-3, .batch = 32, .batch_sites = 512};
}

/* ---- a structure in hand ---- */

typedef struct {
    sh_relax_job job;
    sh_moving body;
    double lattice[9];   /* now */
    double strain[9];    /* U */
    double deform[9];    /* F = exp(U) */
    double *shift;       /* (S,3) in the undeformed cell, Å */
    int64_t n_row;       /* S, and three of the cell unless that is fixed */
    double *weight;      /* (n_row) atoms of a site; 1 */
    double *v, *force, *step; /* (n_row,3) */
    sh_fire fire;
    bool shake_due;      /* the structure given is to be evaluated before it is shaken */
    sh_relax_result result;
} mover;

static void mover_release(mover *m)
{
    sh_moving_release(&m->body);
    sh_free(m->shift);
    sh_free(m->weight);
    sh_free(m->v);
    sh_free(m->force);
    sh_free(m->step);
    *m = (mover){0};
}

/* The cell now. False where it is none. */
static bool place(mover *m)
{
    double heights[3];
    sh_strain_exp(m->strain, m->deform);
    sh_product3(m->body.lattice, m->deform, m->lattice);
    double volume = sh_inverse_heights(m->lattice, heights), an_atom = volume / (double)m->body.n_atom;
    m->result.volume[1] = volume;
    bool finite = isfinite(volume);
    for (int64_t i = 0; i < 3 * m->body.n_site; i++)
        finite = finite && isfinite(m->shift[i]);
    return finite && an_atom >= SMALLEST_ANG3 && an_atom <= LARGEST_ANG3;
}

static void allocate(mover *m, bool fixed_cell)
{
    int64_t n_site = m->body.n_site;
    m->n_row = fixed_cell ? n_site : n_site + 3;
    m->shift = SH_NEW(double, 3 * n_site);
    m->weight = SH_NEW(double, m->n_row);
    m->v = SH_NEW(double, 3 * m->n_row);
    m->force = SH_NEW(double, 3 * m->n_row);
    m->step = SH_NEW(double, 3 * m->n_row);
    for (int64_t i = 0; i < m->n_row; i++)
        m->weight[i] = i < n_site ? (double)(m->body.atom_start[i + 1] - m->body.atom_start[i]) : 1;
}

/* Whether it can be relaxed at all, and if so how it moves. */
static sh_relax_verdict begin(const sh_relax_model *model, const sh_relax_opts *o, const sh_relax_job *job, mover *m)
{
    *m = (mover){.job = *job, .fire = sh_fire_start(), .shake_due = o->shake > 0};
    m->result = (sh_relax_result){.id = job->id, .n_atom = job->cell.n_atom, .energy = {NAN, NAN}, .e_form = {NAN, NAN}, .force_max = NAN};
    m->result.volume[0] = m->result.volume[1] = sh_lattice_volume(job->cell.lattice);
    for (int i = 0; i < 6; i++)
        m->result.stress[i] = NAN;
    memcpy(m->lattice, job->cell.lattice, sizeof m->lattice);
    for (int64_t a = 0; a < job->cell.n_atom; a++)
        if (!model->knows(model->self, job->cell.z[a])) return SH_RELAX_ELEMENT;
    double an_atom = m->result.volume[0] / (double)job->cell.n_atom;
    bool finite = true;
    for (int64_t i = 0; i < 3 * job->cell.n_atom; i++)
        finite = finite && isfinite(job->cell.frac[i]);
    if (!finite || !(an_atom >= SMALLEST_ANG3 && an_atom <= LARGEST_ANG3)) return SH_RELAX_CELL;
    if (!sh_moving_create(&job->cell, o->symprec, o->p1, &m->body)) return SH_RELAX_CELL;
    m->result.n_site = m->body.n_site;
    allocate(m, o->fixed_cell);
    return place(m) ? SH_RELAX_CONVERGED : SH_RELAX_CELL;
}

/* Where atom k of the body is, in fractional coordinates: its own W on the displacement of its site. */
static void position(const mover *m, int64_t site, int64_t k, double x[3])
{
    const double *s = m->shift + 3 * site, *inverse = m->body.inverse;
    const int8_t *w = m->body.atom_rot + 9 * k;
    double d[3];
    for (int c = 0; c < 3; c++)
        d[c] = s[0] * inverse[c] + s[1] * inverse[3 + c] + s[2] * inverse[6 + c];
    for (int c = 0; c < 3; c++)
        x[c] = m->body.frac[3 * k + c] + w[3 * c] * d[0] + w[3 * c + 1] * d[1] + w[3 * c + 2] * d[2];
}

/* How far atoms are from where they were given, and the structure that is handed on. frac (N,3). Of what has no body the structure is
 * that given. */
static void finish(mover *m, sh_relax_verdict verdict, double *frac)
{
    const sh_cell *given = &m->job.cell;
    sh_relax_result *r = &m->result;
    int64_t n = given->n_atom;
    double mean[3] = {0}, middle[9], sum = 0;
    for (int64_t s = 0; s < m->body.n_site; s++)
        for (int64_t k = m->body.atom_start[s]; k < m->body.atom_start[s + 1]; k++)
            position(m, s, k, frac + 3 * m->body.atom[k]);
    if (!m->body.n_site) memcpy(frac, given->frac, (size_t)(3 * n) * sizeof *frac);
    for (int64_t i = 0; i < 3 * n; i++)
        mean[i % 3] += (frac[i] - given->frac[i]) / (double)n;
    for (int i = 0; i < 9; i++)
        middle[i] = 0.5 * (given->lattice[i] + m->lattice[i]);
    for (int64_t a = 0; a < n; a++) {
        double d[3];
        for (int c = 0; c < 3; c++)
            d[c] = frac[3 * a + c] - given->frac[3 * a + c] - mean[c];
        double d2 = sh_square_length(middle, d);
        r->shift_max = fmax(r->shift_max, sqrt(d2));
        sum += d2;
    }
    r->shift_rms = sqrt(sum / (double)n);
    if (!m->body.n_site) r->shift_max = r->shift_rms = NAN;
    for (int64_t i = 0; i < 3 * n; i++)
        frac[i] = sh_wrap01(frac[i]);
    memcpy(r->lattice, m->lattice, sizeof r->lattice);
    r->frac = frac;
    r->verdict = verdict;
}

/* ---- the batch as crystals ---- */

static void assemble(mover *const *movers, int64_t n, sh_arena *arena, sh_crystals *out)
{
    int64_t n_site = 0, n_atom = 0, n_stab = 0;
    for (int64_t i = 0; i < n; i++) {
        n_site += movers[i]->body.n_site;
        n_atom += movers[i]->body.n_atom;
        n_stab += movers[i]->body.n_stab;
    }
    sh_crystals_create(arena, n, n_site, n_atom, n_stab, SH_SAME_ANG, out);
    int64_t site = 0, atom = 0, stab = 0;
    for (int64_t i = 0; i < n; i++) {
        const mover *m = movers[i];
        const sh_moving *b = &m->body;
        memcpy(out->lattice + 9 * i, m->lattice, sizeof m->lattice);
        memcpy(out->site_z + site, b->site_z, (size_t)b->n_site * sizeof *b->site_z);
        memcpy(out->atom_rot + 9 * atom, b->atom_rot, (size_t)b->n_atom * 9);
        memcpy(out->stab_rot + 9 * stab, b->stab_rot, (size_t)b->n_stab * 9);
        for (int64_t s = 0; s < b->n_site; s++) {
            out->site_crystal[site + s] = (int32_t)i;
            out->atom_start[site + s + 1] = atom + b->atom_start[s + 1];
            out->stab_start[site + s + 1] = stab + b->stab_start[s + 1];
            for (int64_t k = b->atom_start[s]; k < b->atom_start[s + 1]; k++) {
                double x[3];
                position(m, s, k, x);
                for (int c = 0; c < 3; c++)
                    out->atom_frac[3 * (atom + k) + c] = sh_wrap01(x[c]);
            }
        }
        site += b->n_site;
        atom += b->n_atom;
        stab += b->n_stab;
        out->site_start[i + 1] = site;
    }
}

/* ---- a move ---- */

/* The generalised force of all rows from the model's, and its largest row. False where one is no number. */
static bool generalised_force(mover *m, const sh_relax_opts *o, const double *force, const double *stress)
{
    static const int voigt[6] = {0, 4, 8, 5, 2, 1};
    const sh_moving *b = &m->body;
    double virial[9], mean[9], volume = m->result.volume[1], largest = 0;
    bool finite = true;
    for (int ij = 0; ij < 9; ij++) {
        mean[ij] = b->strain_project ? 0 : 0.5 * (stress[ij] + stress[ij % 3 * 3 + ij / 3]);
        for (int kl = 0; b->strain_project && kl < 9; kl++)
            mean[ij] += b->strain_project[9 * ij + kl] * stress[kl];
    }
    for (int i = 0; i < 6; i++)
        m->result.stress[i] = mean[voigt[i]];
    for (int64_t s = 0; s < b->n_site; s++) {
        const double *p = b->site_project + 9 * s, *f = force + 3 * s;
        double kept[3];
        for (int c = 0; c < 3; c++)
            kept[c] = sh_dot3(p + 3 * c, f);
        for (int c = 0; c < 3; c++)
            m->force[3 * s + c] = kept[0] * m->deform[c] + kept[1] * m->deform[3 + c] + kept[2] * m->deform[6 + c];
    }
    for (int ij = 0; ij < 9; ij++)
        virial[ij] = -volume * o->stress_factor * (mean[ij] + (ij % 4 == 0 ? o->pressure : 0));
    if (!o->fixed_cell) sh_strain_force(m->strain, virial, m->force + 3 * b->n_site);
    for (int64_t i = 0; i < m->n_row; i++) {
        double length = sqrt(sh_dot3(m->force + 3 * i, m->force + 3 * i));
        finite = finite && isfinite(length);
        largest = fmax(largest, length);
    }
    m->result.force_max = finite ? largest : NAN;
    return finite;
}

/* A step, or with `sign` -1 back to where the last one began. */
static void move(mover *m, int sign)
{
    if (sign > 0) sh_fire_step(&m->fire, m->n_row, m->weight, m->force, m->v, m->step);
    for (int64_t i = 0; i < 3 * m->body.n_site; i++)
        m->shift[i] += sign * m->step[i];
    for (int i = 0; m->n_row > m->body.n_site && i < 9; i++)
        m->strain[i] += sign * m->step[3 * m->body.n_site + i];
    m->result.n_step += sign;
}

typedef struct {
    double energy, e_form, min_dist;
    bool has_edge;
    const double *force, *stress;
} evaluation;

/* What an evaluation means for a structure: SH_RELAX_N_VERDICT where it goes on, moved. */
static sh_relax_verdict advance(mover *m, const sh_relax_opts *o, const sh_relax_source *source, const evaluation *x)
{
    sh_relax_result *r = &m->result;
    bool first = isnan(r->energy[0]);
    r->energy[1] = r->e_form[1] = NAN;
    if (x->min_dist < COINCIDENT_ANG) return SH_RELAX_COINCIDENT;
    if (!x->has_edge) return SH_RELAX_ISOLATED;
    if (!isfinite(x->energy) || !generalised_force(m, o, x->force, x->stress)) return SH_RELAX_NOT_FINITE;
    r->energy[1] = x->energy;
    r->e_form[1] = x->e_form;
    if (first) {
        r->energy[0] = x->energy;
        r->e_form[0] = x->e_form;
    }
    if (m->shake_due) {
        sh_moving_shake(&m->body, o->shake, !o->fixed_cell, o->seed, (uint64_t)m->job.id);
        m->shake_due = false;
        return place(m) ? SH_RELAX_N_VERDICT : SH_RELAX_CELL;
    }
    if (source->trace) source->trace(source->user, r->id, r->n_step, x->energy, r->force_max, r->volume[1]);
    if (r->force_max < o->fmax) return SH_RELAX_CONVERGED;
    if (r->n_step >= o->max_steps) return SH_RELAX_STEPS;
    move(m, 1);
    if (place(m)) return SH_RELAX_N_VERDICT;
    move(m, -1);
    place(m);
    return SH_RELAX_CELL;
}

/* ---- the run ---- */

typedef struct {
    const sh_relax_model *model;
    const sh_relax_opts *opts;
    const sh_relax_source *source;
    mover **in_hand; /* (opts->batch) */
    int64_t n, n_site;
    sh_arena *arena; /* of a move */
    double *frac;    /* of a result */
    int64_t capacity;
} batch;

static void leave(batch *b, mover *m, sh_relax_verdict verdict)
{
    if (m->job.cell.n_atom > b->capacity) {
        b->capacity = m->job.cell.n_atom;
        b->frac = sh_realloc(b->frac, (size_t)(3 * b->capacity) * sizeof *b->frac);
    }
    finish(m, verdict, b->frac);
    b->source->done(b->source->user, &m->result);
    mover_release(m);
    sh_free(m);
}

static void fill(batch *b)
{
    sh_relax_job job;
    while (b->n < b->opts->batch && (b->n == 0 || b->n_site < b->opts->batch_sites) &&
           b->source->next(b->source->user, b->n, &job)) {
        mover *m = SH_NEW(mover, 1);
        sh_relax_verdict verdict = begin(b->model, b->opts, &job, m);
        if (verdict != SH_RELAX_CONVERGED) {
            leave(b, m, verdict);
            continue;
        }
        b->in_hand[b->n++] = m;
        b->n_site += m->body.n_site;
    }
}

/* Evaluates all in hand and moves them; who ends leaves. */
static void move_all(batch *b)
{
    sh_crystals c, there;
    sh_graph g;
    sh_workspace ws;
    sh_arena_reset(b->arena);
    sh_workspace_begin(&ws, b->model->be ? b->model->be : sh_backend_cpu(), b->arena);
    assemble(b->in_hand, b->n, b->arena, &c);
    sh_crystals_put(&ws, &c, &there);
    sh_graph_build(&ws, &there, &(sh_graph_opts){.cutoff = b->model->cutoff}, &g);
    const sh_relax_values values = {.energy = SH_PUSH(b->arena, double, c.n_crystal),
                                    .e_form = SH_PUSH(b->arena, double, c.n_crystal),
                                    .force = SH_PUSH(b->arena, double, 3 * c.n_site),
                                    .stress = SH_PUSH(b->arena, double, 9 * c.n_crystal)};
    b->model->evaluate(b->model->self, &ws, &there, &g, &values);
    const double *min_dist = SH_BRING(&ws, g.min_dist, c.n_crystal);
    const int64_t *edge_start = SH_BRING(&ws, g.edge_start, c.n_site + 1);
    int64_t n = b->n;
    b->n = b->n_site = 0;
    for (int64_t i = 0; i < n; i++) {
        mover *m = b->in_hand[i];
        int64_t site = c.site_start[i];
        const evaluation x = {.energy = values.energy[i],
                              .e_form = values.e_form[i],
                              .min_dist = min_dist[i],
                              .has_edge = edge_start[c.site_start[i + 1]] > edge_start[site],
                              .force = values.force + 3 * site,
                              .stress = values.stress + 9 * i};
        sh_relax_verdict verdict = advance(m, b->opts, b->source, &x);
        if (verdict != SH_RELAX_N_VERDICT) {
            leave(b, m, verdict);
            continue;
        }
        b->in_hand[b->n++] = m;
        b->n_site += m->body.n_site;
    }
}

void sh_relax_run(const sh_relax_model *model, const sh_relax_opts *opts, const sh_relax_source *source)
{
    SH_ASSERT(opts->batch > 0 && (opts->p1 || opts->shake == 0));
    batch b = {.model = model, .opts = opts, .source = source, .in_hand = SH_NEW(mover *, opts->batch), .arena = sh_arena_create(1 << 20)};
    for (fill(&b); b.n && !(source->stop && source->stop(source->user)); fill(&b))
        move_all(&b);
    for (int64_t i = 0; i < b.n; i++) { /* given up */
        mover_release(b.in_hand[i]);
        sh_free(b.in_hand[i]);
    }
    sh_arena_destroy(&b.arena);
    sh_free(b.in_hand);
    sh_free(b.frac);
}
