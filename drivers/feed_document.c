/* Documents into blocks; see feed_document.h. Each track is judged by itself: one that is missing
 * does not cost the others. */
#include "drivers/feed_document.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "drivers/feed_private.h"
#include "drivers/text_scan.h"

enum { ISSUE_SKEW_MS = 10 * MINUTE_MS }; /* the source's clock may be ahead by so much */

/* ---- points ---- */

static bool is_usable(struct feed_points *points, const struct feed_point *point)
{
    if (point->moment.count == 0)
        feed_points_doubt(points, "a local time that clocks skip in spring");
    if (!isnan(point->value) && !isfinite((float)point->value))
        feed_points_doubt(points, "%g is beyond any value", point->value);
    return point->moment.count > 0;
}

int feed_points_add(struct feed_points *points, const struct feed_point *point, struct error *error)
{
    if (!is_usable(points, point))
        return 0;
    if (points->count == LIMIT_FEED_VALUES)
        return error_set(error, ERROR_INVALID, "a track has more than %d values",
                         LIMIT_FEED_VALUES);
    if (points->count == points->room) {
        int room = points->room ? 2 * points->room : 256;
        struct feed_point *items = realloc(points->items, (size_t)room * sizeof *items);
        if (!items)
            return error_set(error, ERROR_INVALID, "out of memory");
        points->items = items;
        points->room = room;
    }
    points->items[points->count++] = *point;
    return 0;
}

void feed_points_doubt(struct feed_points *points, const char *format, ...)
{
    va_list arguments;
    if (points->left_out++ > 0)
        return;
    va_start(arguments, format);
    vsnprintf(points->cause.text, sizeof points->cause.text, format, arguments);
    va_end(arguments);
}

double feed_points_number(struct feed_points *points, const char *text)
{
    size_t length = text_number_length(text);
    char quoted[TEXT_EXCERPT];
    if (length > 0 && !text[length])
        return strtod(text, NULL);
    if (*text)
        feed_points_doubt(points, "\"%s\" is no number", text_excerpt(text, strlen(text), quoted));
    return (double)NAN;
}

/* ---- a document ---- */

struct document {
    const char *source;
    const struct feed_arrival *arrival;
    json_t *root;
    struct error broken; /* why it is no JSON */
    feed_emit emit;
    void *context;
    struct feed_summary *summary;
};

static void note(struct document *document, const struct feed_track *track,
                 const struct error *cause)
{
    struct error *first = &document->summary->cause;
    if (!*first->text)
        error_set(first, 0, "%s: %s", forecast_track_name(track->track), cause->text);
}

/* Blocks pass through here for the summary. */
static void pass_on(void *context, const struct forecast_block *block)
{
    struct document *document = context;
    if (block->issue_ms > document->summary->issue_ms)
        document->summary->issue_ms = block->issue_ms;
    document->emit(document->context, block);
}

/* A document that does not say when it was made. */
static int guess_issue(const struct document *document, const struct feed_track *track,
                       int64_t *ret_ms, struct error *error)
{
    const struct feed_arrival *arrival = document->arrival;
    bool known = arrival->source_ms > 0 && arrival->source_ms <= arrival->now_ms;
    if (arrival->stored && !*track->issue && track->kind == BLOCK_FORECAST)
        return error_set(error, ERROR_INVALID,
                         "the broker had stored it, and it has no issue time: of unknown age");
    *ret_ms = known && track->kind != BLOCK_MEASURED ? arrival->source_ms : arrival->now_ms;
    return 0;
}

static int check_issues(const struct feed_points *points, int64_t now_ms, struct error *error)
{
    char issue[UTC_TEXT];
    for (int i = 0; i < points->count; i++)
        if (points->items[i].issue_ms > now_ms + ISSUE_SKEW_MS)
            return error_set(error, ERROR_INVALID,
                             "it was issued at %s, which is to come: check its time zone",
                             utc_format(points->items[i].issue_ms, issue));
    return 0;
}

static int read_points(struct document *document, const struct feed_track *track,
                       struct feed_points *points, struct error *error)
{
    const struct feed_arrival *arrival = document->arrival;
    int64_t issue_ms = arrival->now_ms;
    if (guess_issue(document, track, &issue_ms, error) < 0)
        return ERROR_INVALID;
    if (track->form == FEED_CSV)
        return feed_csv_points(track, arrival->bytes, arrival->length, issue_ms, points, error);
    if (!document->root) {
        *error = document->broken;
        return ERROR_INVALID;
    }
    return feed_json_points(track, document->root, issue_ms, points, error);
}

static void read_track(struct document *document, const struct feed_track *track)
{
    struct feed_points points = {0};
    struct error error = {""};
    int values = 0;
    if (read_points(document, track, &points, &error) < 0 ||
        check_issues(&points, document->arrival->now_ms, &error) < 0)
        note(document, track, &error);
    else
        values = feed_points_blocks(&points, track, document->source, pass_on, document);
    if (points.left_out > 0)
        note(document, track, &points.cause);
    if (values == 0) {
        error_set(&error, 0, "there is no value");
        note(document, track, &error);
    }
    document->summary->left_out += points.left_out;
    document->summary->values += values;
    document->summary->tracks += values > 0;
    free(points.items);
}

static bool needs_json(const struct feed_mapping *mapping)
{
    bool needed = false;
    for (int t = 0; t < mapping->count; t++)
        needed |= mapping->tracks[t].form != FEED_CSV;
    return needed;
}

/* The text is ours: the library's would quote the document. */
static void parse(struct document *document)
{
    json_error_t why;
    document->root = json_loadb(document->arrival->bytes, document->arrival->length,
                                JSON_REJECT_DUPLICATES, &why);
    if (!document->root)
        error_set(
            &document->broken, 0, "no JSON from line %d, byte %d on%s", why.line, why.position,
            json_error_code(&why) == json_error_premature_end_of_input ? ": it is cut off" : "");
}

void feed_document_read(const struct feed_mapping *mapping, const char *source,
                        const struct feed_arrival *arrival, feed_emit emit, void *context,
                        struct feed_summary *ret_summary)
{
    struct document document = {.source = source,
                                .arrival = arrival,
                                .emit = emit,
                                .context = context,
                                .summary = ret_summary};
    *ret_summary = (struct feed_summary){.reason = REASON_NONE};
    if (needs_json(mapping))
        parse(&document);
    for (int t = 0; t < mapping->count; t++)
        read_track(&document, &mapping->tracks[t]);
    if (ret_summary->tracks == 0)
        ret_summary->reason = REASON_FEED_MALFORMED;
    else if (*ret_summary->cause.text)
        ret_summary->reason = REASON_FEED_PARTIAL;
    json_decref(document.root);
}
