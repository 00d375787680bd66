/* What the files of feed documents share: from places in a document to points, from points to
 * blocks. */
#ifndef TIDEWATT_DRIVERS_FEED_PRIVATE_H
#define TIDEWATT_DRIVERS_FEED_PRIVATE_H

#include "drivers/feed_document.h"

/* One value with its time, in the order of the document. */
struct feed_point {
    int64_t issue_ms;
    int64_t step_ms; /* 0: by the distance of the times */
    int64_t at_ms;
    struct feed_moment moment; /* how the time was written */
    int32_t order;             /* place in the document */
    double value;              /* unit of the track; NAN: none */
};

struct feed_points {
    struct feed_point *items;
    int count, room;
    int left_out;       /* ... because of `cause` */
    struct error cause; /* the first one */
};

int feed_points_add(struct feed_points *points, const struct feed_point *point,
                    struct error *error);
/* A value that is there and says nothing clear. */
void feed_points_doubt(struct feed_points *points, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What a text says; NAN with a doubt where that is no number, NAN without where it is empty. */
double feed_points_number(struct feed_points *points, const char *text);

/* feed_json.c, feed_csv.c: all points of one track. ERROR_INVALID: the document is not of the form.
 * `issue_ms` counts where the document has no issue time. */
int feed_json_points(const struct feed_track *track, const json_t *root, int64_t issue_ms,
                     struct feed_points *points, struct error *error);
int feed_csv_points(const struct feed_track *track, const char *text, size_t length,
                    int64_t issue_ms, struct feed_points *points, struct error *error);

/* feed_blocks.c: settles local times, sorts, and emits the means of even steps. Returns the number
 * of usable values. */
int feed_points_blocks(struct feed_points *points, const struct feed_track *track,
                       const char *source, feed_emit emit, void *context);

#endif
