/* Rows of a plain CSV file: comma separated, a header line, no quotes. Errors name file and line.
 */
#ifndef TIDEWATT_TWIN_CSV_H
#define TIDEWATT_TWIN_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "controller/base/error.h"

enum { CSV_LINE = 1024, CSV_COLUMNS = 32 };

struct csv {
    const char *path; /* kept by the caller */
    FILE *file;
    int line;
    char text[CSV_LINE];
    char *columns[CSV_COLUMNS];
    int count;
    char header[CSV_LINE]; /* the names of the columns, as `columns` are of the row */
    char *names[CSV_COLUMNS];
    int name_count;
};

/* Opens the file and finds the named columns of its header. Close it also after an error. */
int csv_open(struct csv *csv, const char *path, const char *const *names, int count,
             int *ret_columns, struct error *error);
void csv_close(struct csv *csv);

/* 1: a row, 0: end of file, negative: error. */
int csv_row(struct csv *csv, struct error *error);

/* Of the row read last; "" where it is shorter. */
const char *csv_text(const struct csv *csv, int column);
int csv_number(const struct csv *csv, int column, double *ret_value, struct error *error);
/* "YYYY-MM-DDTHH:MM:SSZ"; a time without the Z is taken as if UTC. */
int csv_time(const struct csv *csv, int column, int64_t *ret_ms, struct error *error);

#endif
