/* See peer.h. */
#include "tools/forecast/peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/twin/csv.h"

static const double SAME = 1e-3; /* share by which rounding may set an actual apart */

static int add(struct peer *peer, const struct peer_row *row, struct error *error)
{
    if (peer->count == peer->room) {
        int32_t room = peer->room > 0 ? 2 * peer->room : 4096;
        struct peer_row *rows = realloc(peer->rows, (size_t)room * sizeof *peer->rows);
        if (!rows)
            return error_set(error, ERROR_SYSTEM, "out of memory for the forecasts of %s",
                             peer->name);
        peer->rows = rows;
        peer->room = room;
    }
    peer->rows[peer->count++] = *row;
    return 0;
}

static int by_issue_and_time(const void *one, const void *other)
{
    const struct peer_row *a = one, *b = other;
    if (a->issue_ms != b->issue_ms)
        return a->issue_ms < b->issue_ms ? -1 : 1;
    return (a->at_ms > b->at_ms) - (a->at_ms < b->at_ms);
}

bool peer_at(const struct peer *peer, int64_t issue_ms, int64_t at_ms, double *ret_forecast)
{
    struct peer_row key = {issue_ms, at_ms, 0};
    if (peer->count == 0)
        return false;
    const struct peer_row *row =
        bsearch(&key, peer->rows, (size_t)peer->count, sizeof *peer->rows, by_issue_and_time);
    if (row)
        *ret_forecast = row->forecast;
    return row != NULL;
}

/* ---- a file of its own ---- */

enum { ISSUE, LEAD, TIME, ACTUAL, FORECAST, COLUMNS };

/* The names of actual and forecast go on with a unit. */
static int find_columns(struct csv *csv, const char *path, int columns[COLUMNS],
                        struct error *error)
{
    static const char *const names[] = {"issue_utc", "lead_h", "time_utc"};
    int result = csv_open(csv, path, names, ACTUAL, columns, error);
    if (result < 0)
        return result;
    columns[ACTUAL] = columns[FORECAST] = -1;
    for (int i = 0; i < csv->name_count; i++) {
        if (!strncmp(csv->names[i], "actual", strlen("actual")))
            columns[ACTUAL] = i;
        if (!strncmp(csv->names[i], "forecast", strlen("forecast")))
            columns[FORECAST] = i;
    }
    if (columns[ACTUAL] >= 0 && columns[FORECAST] >= 0)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "%s:1: no column is called %s...; a peer's file has issue_utc, lead_h, "
                     "time_utc, actual and forecast",
                     path, columns[ACTUAL] < 0 ? "actual" : "forecast");
}

static int take_row(const struct csv *csv, const int *columns, const struct track *measured,
                    struct peer *peer, struct error *error)
{
    struct peer_row row;
    double lead_h, actual;
    if (csv_time(csv, columns[ISSUE], &row.issue_ms, error) < 0 ||
        csv_number(csv, columns[LEAD], &lead_h, error) < 0 ||
        csv_time(csv, columns[TIME], &row.at_ms, error) < 0 ||
        csv_number(csv, columns[ACTUAL], &actual, error) < 0 ||
        csv_number(csv, columns[FORECAST], &row.forecast, error) < 0)
        return ERROR_INVALID;
    if ((double)(row.at_ms - row.issue_ms) != lead_h * HOUR_MS)
        return error_set(error, ERROR_INVALID,
                         "%s:%d: time_utc is not lead_h hours after issue_utc: correct the row",
                         csv->path, csv->line);
    double came = track_at(measured, row.at_ms);
    if (fabs(came - actual) <= SAME * fabs(came))
        return add(peer, &row, error);
    peer->disputed++;
    return 0;
}

static void name_after(struct peer *peer, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    snprintf(peer->name, sizeof peer->name, "%.*s", (int)strcspn(base, "."), base);
}

static int put_in_order(struct peer *peer, const char *path, struct error *error)
{
    char issue[UTC_TEXT], at[UTC_TEXT];
    qsort(peer->rows, (size_t)peer->count, sizeof *peer->rows, by_issue_and_time);
    for (int32_t i = 1; i < peer->count; i++)
        if (by_issue_and_time(&peer->rows[i - 1], &peer->rows[i]) == 0)
            return error_set(error, ERROR_INVALID,
                             "%s: the issue %s speaks twice of %s: take one of the rows out", path,
                             utc_format(peer->rows[i].issue_ms, issue),
                             utc_format(peer->rows[i].at_ms, at));
    return 0;
}

int peer_load(struct peer *ret_peer, const char *path, const struct track *measured,
              struct error *error)
{
    struct csv csv;
    int columns[COLUMNS];
    *ret_peer = (struct peer){.rows = NULL};
    name_after(ret_peer, path);
    int result = find_columns(&csv, path, columns, error);
    while (result == 0 && (result = csv_row(&csv, error)) > 0)
        result = take_row(&csv, columns, measured, ret_peer, error);
    csv_close(&csv);
    if (result == 0 && ret_peer->count == 0)
        return error_set(error, ERROR_INVALID,
                         "%s: none of its %d rows has an actual that is in %s of %s: is it of "
                         "another region, or of the other carbon column?",
                         path, ret_peer->disputed, measured->column, measured->path);
    return result == 0 ? put_in_order(ret_peer, path, error) : result;
}

/* ---- a column beside the series ---- */

int peer_load_day_ahead(struct peer *ret_peer, const char *path, const char *column,
                        const char *name, const char *note, struct error *error)
{
    static const struct track_clock plain = {0, false};
    struct track track;
    *ret_peer = (struct peer){.note = note};
    snprintf(ret_peer->name, sizeof ret_peer->name, "%s", name);
    int result = track_load_price(&track, path, column, &plain, error);
    for (int32_t i = 0; i < track.hours && result == 0; i++) {
        int64_t at_ms = track.start_ms + i * (int64_t)HOUR_MS;
        if (!isnan(track.value[i]))
            result =
                add(ret_peer, &(struct peer_row){utc_floor(at_ms, DAY_MS), at_ms, track.value[i]},
                    error);
    }
    track_finish(&track);
    return result;
}

void peer_finish(struct peer *peer)
{
    free(peer->rows);
    *peer = (struct peer){.rows = NULL};
}
