/* Tables for people: columns as wide as they need, numbers to the right, terminal-safe text. */
#ifndef TIDEWATT_TOOLS_CLI_TABLE_H
#define TIDEWATT_TOOLS_CLI_TABLE_H

#include <stdio.h>

enum { CLI_COLUMNS = 16 };

struct cli_column {
    const char *title; /* NULL ends the list */
    char side;         /* 'l' or 'r' */
};

struct cli_table;

struct cli_table *cli_table_create(const struct cli_column *columns);
void cli_table_destroy(struct cli_table *table);
/* The next cell, row by row. */
void cli_cell(struct cli_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_table_print(const struct cli_table *table, FILE *out);

#endif
