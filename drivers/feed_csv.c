/* Points out of CSV: a header that names the columns, then a row a time. Lines that are empty or
 * start with "#" are skipped; the separator is the one that the header has most of. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "drivers/feed_private.h"
#include "drivers/text_scan.h"

enum {
    CSV_LINE = 4096, /* bytes of a line, with the NUL */
    CSV_CELLS = 256,
};

struct csv {
    const char *at, *end;
    int number; /* of the line */
    char separator;
    char line[CSV_LINE];
    char *cells[CSV_CELLS];
    int cell_count;
};

struct columns {
    int time, value, issue, lead; /* -1: none */
    int count;
};

/* ---- lines and cells ---- */

/* 1: a line that says something; 0: the end. */
static int next_line(struct csv *csv, struct error *error)
{
    while (csv->at < csv->end) {
        const char *newline = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
        const char *stop = newline ? newline : csv->end;
        size_t length = (size_t)(stop - csv->at);
        csv->number++;
        if (length >= CSV_LINE || memchr(csv->at, '\0', length))
            return error_set(error, ERROR_INVALID, "line %d is longer than %d bytes or no text",
                             csv->number, CSV_LINE - 1);
        memcpy(csv->line, csv->at, length);
        csv->line[length] = '\0';
        csv->line[strcspn(csv->line, "\r")] = '\0';
        csv->at = newline ? newline + 1 : csv->end;
        if (csv->line[0] && csv->line[0] != '#')
            return 1;
    }
    return 0;
}

/* Takes the quotes off in place; returns what follows the cell. */
static char *unquote(char *cell)
{
    char *from = cell + 1, *to = cell;
    for (; *from && (*from != '"' || from[1] == '"'); *to++ = *from++)
        from += *from == '"';
    if (*from == '"')
        from++;
    *to = '\0';
    return from;
}

static char *trim(char *cell)
{
    cell += strspn(cell, " \t");
    for (size_t length = strlen(cell); length > 0 && strchr(" \t", cell[length - 1]); length--)
        cell[length - 1] = '\0';
    return cell;
}

static int split(struct csv *csv, struct error *error)
{
    char *at = csv->line;
    for (csv->cell_count = 0; at; csv->cell_count++) {
        if (csv->cell_count == CSV_CELLS)
            return error_set(error, ERROR_INVALID, "line %d has more than %d columns", csv->number,
                             CSV_CELLS);
        char *rest = *at == '"' ? unquote(at) : at;
        char *next = strchr(rest, csv->separator);
        if (next)
            *next++ = '\0';
        csv->cells[csv->cell_count] = csv->separator == '\t' ? at : trim(at);
        at = next;
    }
    return 0;
}

static int occurrences(const char *text, char wanted)
{
    int count = 0;
    for (; *text; text++)
        count += *text == wanted;
    return count;
}

static char find_separator(const char *header)
{
    char best = ',';
    for (const char *other = ";\t"; *other; other++)
        if (occurrences(header, *other) > occurrences(header, best))
            best = *other;
    return best;
}

/* ---- columns ---- */

static int find_column(const struct csv *csv, const char *name, int *ret_column,
                       struct error *error)
{
    *ret_column = -1;
    for (int i = 0; *name && i < csv->cell_count && *ret_column < 0; i++)
        if (strcmp(csv->cells[i], name) == 0)
            *ret_column = i;
    if (*name && *ret_column < 0)
        return error_set(error, ERROR_INVALID, "the header has no column \"%s\"", name);
    return 0;
}

static int read_header(struct csv *csv, const struct feed_track *track, struct columns *ret_columns,
                       struct error *error)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (csv->end - csv->at >= 3 && memcmp(csv->at, byte_order_mark, 3) == 0)
        csv->at += 3;
    int found = next_line(csv, error);
    if (found <= 0)
        return found < 0 ? found : error_set(error, ERROR_INVALID, "the document is empty");
    csv->separator = find_separator(csv->line);
    if (split(csv, error) < 0)
        return ERROR_INVALID;
    ret_columns->count = csv->cell_count;
    if (find_column(csv, track->time, &ret_columns->time, error) < 0 ||
        find_column(csv, track->value, &ret_columns->value, error) < 0 ||
        find_column(csv, track->issue, &ret_columns->issue, error) < 0 ||
        find_column(csv, track->lead, &ret_columns->lead, error) < 0)
        return ERROR_INVALID;
    return 0;
}

/* ---- rows ---- */

static int read_instant(const struct feed_track *track, const char *text, int64_t *ret_ms,
                        struct error *error)
{
    struct feed_moment moment;
    if (feed_time_text(text, track->time_form, track->zone, &moment, error) < 0)
        return ERROR_INVALID;
    if (moment.count != 1)
        return error_set(error, ERROR_INVALID,
                         "the issue time is a local one that clocks %s: it must have a zone",
                         moment.count ? "show twice" : "skip");
    *ret_ms = moment.utc_ms[0];
    return 0;
}

static int read_lead(const char *text, int64_t issue_ms, struct feed_moment *ret_moment,
                     struct error *error)
{
    size_t length = text_number_length(text);
    double lead_h = length > 0 && !text[length] ? strtod(text, NULL) : (double)NAN;
    if (!(fabs(lead_h) <= 24 * 366))
        return error_set(error, ERROR_INVALID, "the lead is no number of hours");
    *ret_moment = (struct feed_moment){{issue_ms + llround(lead_h * HOUR_MS), 0}, 1};
    return 0;
}

static int read_row(struct csv *csv, const struct feed_track *track, const struct columns *columns,
                    int64_t issue_ms, struct feed_points *points, struct error *error)
{
    struct feed_point point = {.issue_ms = issue_ms, .order = points->count};
    if (split(csv, error) < 0)
        return ERROR_INVALID;
    if (csv->cell_count != columns->count)
        return error_set(error, ERROR_INVALID, "it has %d columns, the header %d", csv->cell_count,
                         columns->count);
    if (columns->issue >= 0 &&
        read_instant(track, csv->cells[columns->issue], &point.issue_ms, error) < 0)
        return ERROR_INVALID;
    int result = columns->lead >= 0
                     ? read_lead(csv->cells[columns->lead], point.issue_ms, &point.moment, error)
                     : feed_time_text(csv->cells[columns->time], track->time_form, track->zone,
                                      &point.moment, error);
    if (result < 0)
        return result;
    point.value =
        feed_points_number(points, csv->cells[columns->value]) * track->factor + track->offset;
    return feed_points_add(points, &point, error);
}

int feed_csv_points(const struct feed_track *track, const char *text, size_t length,
                    int64_t issue_ms, struct feed_points *points, struct error *error)
{
    struct csv csv = {.at = text, .end = text + length};
    struct columns columns;
    int more;
    if (read_header(&csv, track, &columns, error) < 0)
        return ERROR_INVALID;
    while ((more = next_line(&csv, error)) > 0) {
        if (read_row(&csv, track, &columns, issue_ms, points, error) < 0)
            return error_prefix(error, ERROR_INVALID, "line %d", csv.number);
    }
    return more;
}
