/* Column layout for the command-line tool; see cli_table.h. */
#include "tools/cli_table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

struct cli_table {
    struct cli_column columns[CLI_COLUMNS];
    int column_count, cell_count, room;
    char **cells;
};

static void *must(void *memory)
{
    if (!memory)
        abort(); /* a short-lived tool: there is nothing to save */
    return memory;
}

struct cli_table *cli_table_create(const struct cli_column *columns)
{
    struct cli_table *table = must(calloc(1, sizeof(*table)));

    for (; columns->title; columns++) {
        assert(table->column_count < CLI_COLUMNS);
        table->columns[table->column_count++] = *columns;
    }
    return table;
}

void cli_table_destroy(struct cli_table *table)
{
    for (int i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

void cli_cell(struct cli_table *table, const char *format, ...)
{
    va_list arguments;
    char *text;

    if (table->cell_count == table->room) {
        table->room = table->room ? 2 * table->room : 64;
        table->cells = must(realloc(table->cells, (size_t)table->room * sizeof(*table->cells)));
    }
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort();
    va_end(arguments);
    for (char *c = text; *c; c++) { /* names come from others: no control of the terminal */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    table->cells[table->cell_count++] = text;
}

/* Characters, not bytes: all but UTF-8 continuation bytes. */
static int width(const char *text)
{
    int count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void print_cell(const char *text, char side, int wanted, int last, FILE *out)
{
    const int padding = wanted - width(text);

    if (side == 'r')
        fprintf(out, "%*s%s", padding, "", text);
    else
        fprintf(out, "%s%*s", text, last ? 0 : padding, "");
    fputs(last ? "\n" : "  ", out);
}

void cli_table_print(const struct cli_table *table, FILE *out)
{
    const int columns = table->column_count;
    int widths[CLI_COLUMNS];

    assert(table->cell_count % columns == 0);
    for (int i = 0; i < columns; i++)
        widths[i] = width(table->columns[i].title);
    for (int i = 0; i < table->cell_count; i++) {
        if (width(table->cells[i]) > widths[i % columns])
            widths[i % columns] = width(table->cells[i]);
    }
    for (int i = 0; i < columns; i++)
        print_cell(table->columns[i].title, table->columns[i].side, widths[i], i == columns - 1,
                   out);
    for (int i = 0; i < table->cell_count; i++)
        print_cell(table->cells[i], table->columns[i % columns].side, widths[i % columns],
                   i % columns == columns - 1, out);
}
