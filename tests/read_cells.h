/* read_cells.h -- full cells from the text files of tests/data and benchmarks. */
#ifndef SH_TEST_READ_CELLS_H
#define SH_TEST_READ_CELLS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

typedef struct {
    char name[128];
    double lattice[9];
    int n;
    int32_t *z;
    double *frac; /* (n,3) */
    double value[2];
} test_cell;

/* A record each: name; lattice; number of atoms; Z and position of each; two numbers. Ends the program where the file is not
 * like that. */
static inline test_cell *read_cells(const char *path, int *n_cell)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "cannot open %s\n", path);
        exit(1);
    }
    char line[512];
    while (fgets(line, sizeof line, file) && line[0] == '#')
        continue;
    *n_cell = atoi(line);
    test_cell *cells = SH_NEW(test_cell, *n_cell);
    for (int i = 0; i < *n_cell; i++) {
        test_cell *c = &cells[i];
        int got = fgets(c->name, sizeof c->name, file) != NULL;
        c->name[strcspn(c->name, "\n")] = '\0';
        for (int k = 0; k < 9; k++)
            got += fscanf(file, "%lf", &c->lattice[k]);
        got += fscanf(file, "%d", &c->n);
        if (got != 11) {
            fprintf(stderr, "%s: record %d is broken\n", path, i);
            exit(1);
        }
        c->z = SH_NEW(int32_t, c->n);
        c->frac = SH_NEW(double, 3 * c->n);
        for (int k = 0; k < c->n; k++)
            got += fscanf(file, "%d %lf %lf %lf", &c->z[k], &c->frac[3 * k], &c->frac[3 * k + 1], &c->frac[3 * k + 2]);
        got += fscanf(file, "%lf %lf ", &c->value[0], &c->value[1]);
        if (got != 13 + 4 * c->n) {
            fprintf(stderr, "%s: record %d (%s) is broken\n", path, i, c->name);
            exit(1);
        }
    }
    fclose(file);
    return cells;
}

static inline void free_cells(test_cell *cells, int n)
{
    for (int i = 0; i < n; i++) {
        sh_free(cells[i].z);
        sh_free(cells[i].frac);
    }
    sh_free(cells);
}

#endif
