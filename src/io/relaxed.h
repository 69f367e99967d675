/* relaxed.h -- what relaxations leave, in HDF5: a row a structure, raw and relaxed; docs/formats.md lists the columns. And the journal
 * that results go to as they come, from which a command that was killed goes on. */
#ifndef SH_IO_RELAXED_H
#define SH_IO_RELAXED_H

#include "io/journal.h"
#include "io/structure.h"
#include "relax/relax.h"

/* Columns with a number a structure (n) unless it says otherwise; [0] raw, [1] relaxed. */
typedef struct {
    int64_t n, n_atom;       /* structures; atoms of all */
    int64_t n_file;
    int64_t *atom_start;     /* (n+1) */
    int32_t *z;              /* (n_atom) */
    double *frac[2];         /* (n_atom,3) */
    double *lattice[2];      /* (n,9) */
    double *energy[2];       /* eV a cell */
    double *e_form[2];       /* eV/atom */
    int32_t *group[2];       /* space group at `symprec`, 0: none is found */
    int32_t *group_change;   /* sh_symmetry_change from raw to relaxed; SH_SYMMETRY_UNKNOWN where nothing was relaxed */
    int32_t *verdict;        /* sh_relax_verdict */
    int32_t *n_step, *n_site;
    double *force_max;       /* eV/Å, eV */
    double *stress;          /* (n,6) GPa */
    double *shift_max, *shift_rms; /* Å */
    double *volume_ratio;    /* relaxed over raw */
    int32_t *sampled_group;
    double *reward;          /* of a sample, as it was when it was drawn; NaN where there is none */
    int32_t *file;           /* index into path */
    int64_t *index;          /* place in the file, from 1 */
    char **path;             /* (n_file) */
    char **name, **message;  /* "" where there is none; why it could not be read or relaxed, or is not at rest */
    char **reward_model;     /* as in sh_structure; "" where nobody said */
} sh_relaxed;

/* Rows for the structures as they are: their relaxed columns are those of SH_RELAX_UNREADABLE. */
void sh_relaxed_create(const sh_structures *raw, sh_relaxed *out);
void sh_relaxed_destroy(sh_relaxed *relaxed);

/* What was asked for, kept as attributes. */
typedef struct {
    char job[65];      /* SHA-256 over structures, weights and options: equal for the same command on the same files */
    const char *model;
    sh_relax_opts opts;
    double symprec;    /* Å, of the groups reported */
} sh_relaxed_settings;

/* The file is there when it is whole. It holds no time: equal results are equal bytes. */
sh_status sh_relaxed_write(const char *path, const sh_relaxed_settings *settings, const sh_relaxed *relaxed);
sh_status sh_relaxed_read(const char *path, sh_relaxed *out);
/* The attribute `job` of a file; "" where it is no such file. */
void sh_relaxed_job(const char *path, char job[65]);

/* Whether it is such a file, and the name of the model it was made with (sh_free; NULL where it is none). */
bool sh_relaxed_is(const char *path);
char *sh_relaxed_model(const char *path);
/* How: symmetry, fmax, pressure and the like in words, likewise. */
char *sh_relaxed_protocol(const char *path);

/* Row i as structures, [0] raw or [1] relaxed; an unreadable one is an error. */
void sh_relaxed_structure(const sh_relaxed *relaxed, int64_t i, int which, sh_structure *out);

/* For sh_collect: relaxed structures of such a file (of those that could not be relaxed an error each), or samples of a samples file. */
void sh_hdf5_collect(const char *path, sh_structures *out);
/* The same with the structures as they were before; errors are only those that could not be read. */
void sh_hdf5_collect_raw(const char *path, sh_structures *out);

/* ---- the journal ---- */

/* One relaxation: what is not known from the structure. */
typedef struct {
    int64_t id, n_atom;
    int32_t verdict, n_step, n_site, group[2], group_change;
    double energy[2], e_form[2], force_max, stress[6], shift_max, shift_rms, lattice[9];
} sh_relaxed_row;

/* frac (n_atom,3) follows the row. */
sh_status sh_relaxed_journal_add(sh_journal *journal, const sh_relaxed_row *row, const double *frac);
/* All rows of the journal. Rows with another number of atoms than the structure are refused. done (n): set where a row was read. */
sh_status sh_relaxed_journal_read(const char *folder, const char *job, sh_relaxed *relaxed, bool *done);

#endif
