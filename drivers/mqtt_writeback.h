/* Set-points that are published to a building-management system, and what becomes of them: the
 * outcome is what a later value of the point, or of its feedback point, says. Pure; the control
 * thread's. */
#ifndef TIDEWATT_DRIVERS_MQTT_WRITEBACK_H
#define TIDEWATT_DRIVERS_MQTT_WRITEBACK_H

#include <stdbool.h>

#include "drivers/mqtt.h"

struct writeback {
    const struct mqtt_point *point; /* how and where it is written */
    int32_t feedback;               /* the point whose values are the outcome */
    int64_t seen_source_ms;         /* source time of its newest value */
    bool pending, contradicted;
    double value;        /* the set-point on its way */
    int64_t written_ms;  /* site time */
    int64_t deadline_ms; /* real, monotonic */
};

struct writebacks {
    struct writeback *all; /* by point */
    int count, pending;
    bool *feeds_back; /* by point of the topology */
};

/* Where outcomes go, as in driver.h. */
typedef void writeback_outcome(void *context, int32_t point, double value, enum reason reason);

/* A point with a write topic. ERROR_INVALID: a format that cannot be written, or no feedback that
 * could differ from our own message. */
int writeback_check(const struct mqtt_point *point, struct error *error);

/* Points with a write topic; they stay the caller's. ERROR_INVALID: a format that cannot be
 * written, or no feedback that could differ from our own message. */
int writebacks_init(struct writebacks *writes, const struct mqtt_point *points, int count,
                    int32_t topology_points, struct error *error);
void writebacks_finish(struct writebacks *writes);

struct writeback *writebacks_find(struct writebacks *writes, int32_t point); /* NULL: read only */
/* The payload for a set-point in the base unit. ERROR_INVALID: it is not finite in the payload. */
int writeback_encode(const struct writeback *write, double value, int64_t now_ms, char *ret_payload,
                     size_t size, struct error *error);
/* It was published. The one before that is still unanswered is WRITE_REPLACED. */
void writeback_begin(struct writebacks *writes, struct writeback *write, double value,
                     int64_t now_ms, int64_t real_ms, writeback_outcome *outcome, void *context);

/* A value came: equal within the tolerance, newer than any before the write and not from before it
 * is WRITE_CONFIRMED. */
void writebacks_observe(struct writebacks *writes, const struct sample *sample,
                        writeback_outcome *outcome, void *context);
/* Out of time: WRITE_NOT_HELD when another value came since, else WRITE_UNANSWERED. */
void writebacks_expire(struct writebacks *writes, int64_t real_ms, writeback_outcome *outcome,
                       void *context);

/* {"value":..,"timestamp":..,"quality":1} */
void dsx_encode(double value, int64_t now_ms, char *ret_payload, size_t size);

#endif
