/* What travels from the threads that post to the writer: one allocation a record, holding copies
 * of everything it speaks of. */
#ifndef TIDEWATT_STORE_RECORD_H
#define TIDEWATT_STORE_RECORD_H

#include <stddef.h>

#include "controller/core/cycle.h"

enum record_kind {
    RECORD_IMAGE,
    RECORD_TICK,
    RECORD_PLAN,
    RECORD_EXTENSION,
    RECORD_JOB,
    RECORD_EVENT,
    RECORD_WRITE,
    RECORD_MODE,
    RECORD_SCORES,
    RECORD_STANDINGS,
    RECORD_HISTORY,
    RECORD_BLOCK,
};

struct record {
    enum record_kind kind;
    bool durable;  /* on the disk itself, not only handed to the system, before anything follows */
    int64_t at_ms; /* site time */
    size_t size;   /* bytes of the allocation */
};

struct reading {
    double value; /* NAN: none */
    int64_t age_ms;
    int32_t point;
    int16_t reason;
    int8_t quality;
    bool dated; /* age_ms is known */
};

struct record_image {
    struct record head;
    int32_t count;
    struct reading readings[];
};

/* A forecast as the ledger keeps it: every step of the near hours, then one an hour for two days,
 * then one in six hours; the first issue of an hour keeps one an hour to the end. */
enum {
    NEAR_STEPS = 24,
    HOURLY_STEPS = 192, /* of the whole: until here */
    THIN_STEPS = NEAR_STEPS + (FORECAST_STEPS - NEAR_STEPS) / 4
};
struct thin_forecast {
    enum forecast_series series;
    int64_t issue_ms, start_ms;
    int32_t steps; /* before thinning */
    int32_t count;
    char model[LIMIT_NAME];
    enum reason reason;
    struct {
        int64_t start_ms;
        float value[QUANTILES];
    } step[THIN_STEPS];
};
#define RECORD_FORECASTS_SIZE (FORECAST_SERIES * sizeof(struct thin_forecast))

struct record_tick { /* the arrays lie behind it, in the same allocation */
    struct record head;
    int32_t decision_count, interval_count, account_count, forecast_count;
    int32_t hour_count, day_count, verdict_count;
    struct pue *hours, *days;
    struct verdict_change *verdicts;
    struct decision *decisions;
    struct energy_interval *intervals;
    int64_t *raw_milliwh; /* by interval */
    struct account *accounts;
    struct thin_forecast *forecasts;
};

/* Some of a plan's jobs; the arrays lie behind the record. */
struct plan_extract {
    int64_t issue_ms;
    int32_t first, count; /* position of the first in the plan */
    int32_t slot_count;
    struct plan_job *jobs;
    uint16_t *why;    /* [job * slot_count + slot]; NULL: not kept */
    int64_t *slot_ms; /* start of each slot */
};

struct record_plan {
    struct record head;
    struct plan plan; /* without its jobs; its arrays lie behind it */
    struct plan_extract jobs;
};

struct record_extension { /* of a plan that is in the ledger already */
    struct record head;
    int32_t late_jobs; /* of the whole plan */
    struct plan_extract jobs;
};

struct record_job {
    struct record head;
    struct job job;
    enum reason reason;
};

struct record_event {
    struct record head;
    struct cycle_event event;
};

struct record_write {
    struct record head;
    int32_t point;
    double value;
    enum reason outcome;
};

struct record_mode {
    struct record head;
    enum subsystem subsystem;
    enum mode mode;
    char asker[LIMIT_NAME];
};

struct record_scores {
    struct record head;
    int32_t count;
    struct forecast_score scores[];
};

struct record_standings {
    struct record head;
    int32_t count;
    struct forecast_standing rows[];
};

struct record_history {
    struct record head;
    enum forecast_series series;
    int64_t step_ms;
    double value;
};

struct record_block {   /* of what a feed brought: only as many values as it has */
    struct record head; /* when it was received */
    int32_t position, track, step_ms, count;
    int32_t value_count; /* 0 where nothing was taken */
    enum block_kind kind;
    enum reason verdict;
    char source[LIMIT_NAME];
    int64_t issue_ms, start_ms;
    float value[];
};

/* Each returns a record for free(), or NULL when memory is out. */
void *record_create(enum record_kind kind, bool durable, int64_t at_ms, size_t size);
struct record *record_tick(int64_t now_ms, const struct tick_output *output, bool with_forecasts);
struct record *record_plan(const struct plan *plan); /* of one site */
struct record *record_block(int64_t now_ms, int32_t position, const struct forecast_block *block,
                            enum reason verdict);
struct record *record_extension(const struct plan *plan, int32_t first);
/* The readings that differ from `seen` (by point index), which is not changed: source time or
 * verdict is new. NULL with *ret_empty when there are none. */
struct seen {
    int64_t source_ms;
    int16_t reason;
    int8_t quality;
    bool known;
};
struct record *record_image(const struct image *image, const struct seen *seen, bool *ret_empty);

#endif
