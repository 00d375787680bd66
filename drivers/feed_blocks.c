/* Points of one track into blocks of means on the quarter-hour grid.
 *
 * A series has one distance between its times; where a time is missing, its value is missing. Means
 * of whole quarter hours pass as they are; all else is averaged over quarter hours, of which each
 * must be covered wholly. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "drivers/feed_private.h"

enum { GAP_MOST = 32 }; /* missing values in a row that a block bridges */

/* Points of one issue with one distance, in the order of time. */
struct series {
    const struct feed_point *points;
    int count;
    int64_t step_ms;
    enum feed_values values;
    int cursor; /* earlier points end before what is asked for next */
};

struct writer {
    feed_emit emit;
    void *context;
    struct forecast_block block;
    int values, missing; /* usable ones of all blocks; at the end of this one */
};

/* ---- local times ---- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_clock(const void *left, const void *right)
{
    const struct feed_point *a = left, *b = right;
    int issue = compare(a->issue_ms, b->issue_ms);
    int at = compare(a->moment.utc_ms[0], b->moment.utc_ms[0]);
    return issue ? issue : at ? at : compare(a->order, b->order);
}

static int by_time(const void *left, const void *right)
{
    const struct feed_point *a = left, *b = right;
    int issue = compare(a->issue_ms, b->issue_ms), step = compare(a->step_ms, b->step_ms);
    int at = compare(a->at_ms, b->at_ms);
    return issue ? issue : step ? step : at ? at : compare(a->order, b->order);
}

static bool same_clock(const struct feed_point *a, const struct feed_point *b)
{
    return a->issue_ms == b->issue_ms && a->moment.count == 2 && b->moment.count == 2 &&
           a->moment.utc_ms[0] == b->moment.utc_ms[0];
}

static void leave_out(struct feed_points *points, struct feed_point *point, const char *why)
{
    char at[UTC_TEXT];
    feed_points_doubt(points, "%s: %s", utc_format(point->moment.utc_ms[0], at), why);
    point->moment.count = 0;
}

/* In autumn clocks show an hour twice: of two values the earlier in time comes first, of a single
 * one it cannot be told which hour is meant. */
static void settle_clocks(struct feed_points *points)
{
    struct feed_point *items = points->items;
    qsort(items, (size_t)points->count, sizeof *items, by_clock);
    bool falling = points->count > 0 && items[0].order > items[points->count - 1].order;
    for (int i = 0; i < points->count; i++) {
        struct feed_point *point = &items[i];
        point->at_ms = point->moment.utc_ms[0];
        if (i + 1 < points->count && same_clock(point, &items[i + 1])) {
            point->at_ms = point->moment.utc_ms[falling];
            items[i + 1].at_ms = point->moment.utc_ms[!falling];
            i++;
        } else if (point->moment.count == 2) {
            leave_out(points, point, "clocks show this local time twice, the document has it once");
        }
    }
}

/* Points without a time go. */
static void drop_timeless(struct feed_points *points)
{
    int kept = 0;
    for (int i = 0; i < points->count; i++)
        if (points->items[i].moment.count > 0)
            points->items[kept++] = points->items[i];
    points->count = kept;
}

/* ---- one series ---- */

/* A time that comes twice with two values says nothing. */
static int merge_equal(struct feed_points *points, struct feed_point *items, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        struct feed_point *last = kept > 0 ? &items[kept - 1] : NULL;
        if (!last || last->at_ms != items[i].at_ms) {
            items[kept++] = items[i];
        } else if (isnan(last->value)) {
            last->value = items[i].value;
        } else if (!isnan(items[i].value) && last->value != items[i].value) {
            leave_out(points, &items[i], "it comes twice, with two values");
            last->value = (double)NAN;
        }
    }
    return kept;
}

/* The distance of the times, or what is wrong with it. */
static const char *find_step(const struct feed_track *track, const struct feed_point *items,
                             int count, int64_t *ret_step_ms)
{
    int64_t least_ms = INT64_MAX, step_ms = items->step_ms ? items->step_ms : track->step_ms;
    for (int i = 1; i < count; i++)
        least_ms = least_ms < items[i].at_ms - items[i - 1].at_ms
                       ? least_ms
                       : items[i].at_ms - items[i - 1].at_ms;
    if (step_ms == 0 && count < 2)
        return "one value alone, its step is not known: set step";
    if (step_ms > least_ms)
        return "times are closer than their step";
    step_ms = step_ms ? step_ms : least_ms;
    for (int i = 1; i < count; i++)
        if (track->step_ms == 0 && (items[i].at_ms - items[i - 1].at_ms) % step_ms != 0)
            return "times are not evenly spaced: set step";
    if (step_ms > DAY_MS)
        return "times are more than a day apart: set step";
    *ret_step_ms = step_ms;
    return NULL;
}

static int64_t start_of(const struct series *series, int i)
{
    return series->points[i].at_ms - (series->values == FEED_MEAN_BEFORE ? series->step_ms : 0);
}

/* Value at a time within the point's step; NAN: not known. */
static double value_at(const struct series *series, int i, int64_t at_ms)
{
    const struct feed_point *point = &series->points[i];
    if (series->values != FEED_INSTANT)
        return point->value;
    if (i + 1 == series->count || point[1].at_ms - point->at_ms != series->step_ms)
        return (double)NAN;
    double share = (double)(at_ms - point->at_ms) / (double)series->step_ms;
    return point->value + share * (point[1].value - point->value);
}

/* NAN unless all of [from, to) is known. */
static double mean_of(struct series *series, int64_t from_ms, int64_t to_ms)
{
    double sum = 0;
    int64_t covered_ms = 0;
    while (series->cursor < series->count &&
           start_of(series, series->cursor) + series->step_ms <= from_ms)
        series->cursor++;
    for (int i = series->cursor; i < series->count && start_of(series, i) < to_ms; i++) {
        int64_t start_ms = start_of(series, i), end_ms = start_ms + series->step_ms;
        int64_t low_ms = start_ms > from_ms ? start_ms : from_ms;
        int64_t high_ms = end_ms < to_ms ? end_ms : to_ms;
        /* The mean of what changes evenly is its value in the middle. */
        sum += value_at(series, i, (low_ms + high_ms) / 2) * (double)(high_ms - low_ms);
        covered_ms += high_ms - low_ms;
    }
    return covered_ms == to_ms - from_ms ? sum / (double)covered_ms : (double)NAN;
}

static bool fits_grid(const struct series *series)
{
    bool fits = series->values != FEED_INSTANT && series->step_ms % QUARTER_MS == 0;
    for (int i = 0; fits && i < series->count; i++)
        fits = start_of(series, i) % QUARTER_MS == 0 &&
               (start_of(series, i) - start_of(series, 0)) % series->step_ms == 0;
    return fits;
}

/* ---- writing ---- */

static void flush(struct writer *writer)
{
    struct forecast_block *block = &writer->block;
    block->count -= writer->missing;
    writer->values += block->count;
    if (block->count > 0)
        writer->emit(writer->context, block);
    block->count = writer->missing = 0;
}

static void put(struct writer *writer, int64_t at_ms, double value)
{
    struct forecast_block *block = &writer->block;
    if (isnan(value) && block->count == 0)
        return;
    if (block->count == 0)
        block->start_ms = at_ms;
    block->value[block->count++] = (float)value;
    writer->missing = isnan(value) ? writer->missing + 1 : 0;
    if (block->count == LIMIT_BLOCK || writer->missing == GAP_MOST)
        flush(writer);
}

static void write_series(struct series *series, struct writer *writer)
{
    const int64_t step_ms = fits_grid(series) ? series->step_ms : QUARTER_MS;
    const int64_t end_ms = start_of(series, series->count - 1) + series->step_ms;
    int64_t at_ms = utc_floor(start_of(series, 0), QUARTER_MS);
    writer->block.step_ms = (int32_t)step_ms;
    for (; at_ms < end_ms; at_ms += step_ms) {
        double value = mean_of(series, at_ms, at_ms + step_ms);
        put(writer, at_ms, isfinite((float)value) ? value : (double)NAN);
        /* Nothing begun: over a long gap in one leap. */
        if (writer->block.count == 0 && series->cursor < series->count &&
            start_of(series, series->cursor) > at_ms + step_ms)
            at_ms += (start_of(series, series->cursor) - at_ms - step_ms) / step_ms * step_ms;
    }
    flush(writer);
}

static void write_group(struct feed_points *points, const struct feed_track *track,
                        struct feed_point *items, int count, struct writer *writer)
{
    struct series series = {
        .points = items, .count = merge_equal(points, items, count), .values = track->values};
    const char *wrong = find_step(track, items, series.count, &series.step_ms);
    writer->block.issue_ms = items->issue_ms;
    if (wrong)
        leave_out(points, items, wrong);
    else
        write_series(&series, writer);
}

int feed_points_blocks(struct feed_points *points, const struct feed_track *track,
                       const char *source, feed_emit emit, void *context)
{
    struct writer writer = {emit, context, {.track = track->track, .kind = track->kind}, 0, 0};
    const struct feed_point *items = points->items;
    int next;
    if (points->count == 0)
        return 0;
    snprintf(writer.block.source, sizeof writer.block.source, "%s", source);
    settle_clocks(points);
    drop_timeless(points);
    qsort(points->items, (size_t)points->count, sizeof *points->items, by_time);
    for (int first = 0; first < points->count; first = next) {
        for (next = first + 1; next < points->count &&
                               items[next].step_ms == items[first].step_ms &&
                               items[next].issue_ms == items[first].issue_ms;)
            next++;
        write_group(points, track, &points->items[first], next - first, &writer);
    }
    return writer.values;
}
