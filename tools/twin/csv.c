/* See csv.h. */
#include "tools/twin/csv.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"

int csv_row(struct csv *csv, struct error *error)
{
    char *rest = csv->text;

    if (fgets(csv->text, sizeof(csv->text), csv->file) == NULL)
        return ferror(csv->file) ? error_set(error, ERROR_SYSTEM, "%s: %m", csv->path) : 0;
    csv->line++;
    csv->text[strcspn(csv->text, "\r\n")] = '\0';
    for (csv->count = 0; csv->count < CSV_COLUMNS && rest != NULL; csv->count++)
        csv->columns[csv->count] = strsep(&rest, ",");
    return 1;
}

/* The row that was read is the header. */
static void keep_names(struct csv *csv)
{
    memcpy(csv->header, csv->text, sizeof(csv->header));
    for (int i = 0; i < csv->count; i++)
        csv->names[i] = csv->header + (csv->columns[i] - csv->text);
    csv->name_count = csv->count;
}

static int refuse_header(const struct csv *csv, const char *name, struct error *error)
{
    char all[LIMIT_ERROR_TEXT / 2] = "";
    size_t length = 0;

    for (int i = 0; i < csv->name_count && length < sizeof(all); i++)
        length += (size_t)snprintf(all + length, sizeof(all) - length, "%s%s", i > 0 ? ", " : "",
                                   csv->names[i]);
    return error_set(error, ERROR_INVALID, "%s:1: no column is called %s; the file has %s",
                     csv->path, name, all);
}

int csv_open(struct csv *csv, const char *path, const char *const *names, int count,
             int *ret_columns, struct error *error)
{
    *csv = (struct csv){.path = path, .file = fopen(path, "re")};
    if (csv->file == NULL)
        return error_set(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    int result = csv_row(csv, error);
    if (result < 0)
        return result;
    if (result == 0)
        return error_set(error, ERROR_INVALID, "%s: is empty, a CSV header was expected", path);
    keep_names(csv);
    for (int i = 0; i < count; i++) {
        ret_columns[i] = -1;
        for (int column = 0; column < csv->count; column++)
            if (strcmp(csv->columns[column], names[i]) == 0)
                ret_columns[i] = column;
        if (ret_columns[i] < 0)
            return refuse_header(csv, names[i], error);
    }
    return 0;
}

void csv_close(struct csv *csv)
{
    if (csv->file != NULL)
        fclose(csv->file);
}

const char *csv_text(const struct csv *csv, int column)
{
    return column < csv->count ? csv->columns[column] : "";
}

int csv_number(const struct csv *csv, int column, double *ret_value, struct error *error)
{
    const char *text = csv_text(csv, column);
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !isfinite(value))
        return error_set(error, ERROR_INVALID, "%s:%d: %s is \"%s\", no number", csv->path,
                         csv->line, csv->names[column], text);
    *ret_value = value;
    return 0;
}

int csv_time(const struct csv *csv, int column, int64_t *ret_ms, struct error *error)
{
    char text[LIMIT_NAME];
    const char *given = csv_text(csv, column);
    size_t length = strlen(given);
    bool zoned = length > 0 && given[length - 1] == 'Z';

    snprintf(text, sizeof(text), "%s%s", given, zoned ? "" : "Z");
    if (utc_parse(text, ret_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "%s:%d", csv->path, csv->line);
    return 0;
}
