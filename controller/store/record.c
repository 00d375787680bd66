/* Packs what the control thread knows into one block, quickly: the tick goes on at once. */
#include "controller/store/record.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"

/* ---- one block, cut into aligned pieces ---- */

enum { ALIGNMENT = 8 };

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Cuts the next piece off the block and fills it. */
static void *place(unsigned char **cursor, const void *source, size_t size)
{
    void *piece = *cursor;
    if (source && size > 0)
        memcpy(piece, source, size);
    *cursor += aligned(size);
    return piece;
}

void *record_create(enum record_kind kind, bool durable, int64_t at_ms, size_t size)
{
    struct record *record = malloc(size);
    if (record)
        *record = (struct record){.kind = kind, .durable = durable, .at_ms = at_ms, .size = size};
    return record;
}

/* ---- images ---- */

static bool is_new(const struct sample *sample, const struct seen *seen)
{
    return !seen->known || seen->source_ms != sample->source_ms ||
           seen->quality != (int8_t)sample->quality || seen->reason != (int16_t)sample->reason;
}

static struct reading read_sample(const struct sample *sample, int32_t point, int64_t now_ms)
{
    bool has_value = sample->quality == QUALITY_GOOD || sample->quality == QUALITY_ESTIMATED;
    return (struct reading){.value = has_value ? sample->value : (double)NAN,
                            .age_ms = now_ms - sample->source_ms,
                            .point = point,
                            .reason = (int16_t)sample->reason,
                            .quality = (int8_t)sample->quality,
                            .dated = sample->source_ms != 0};
}

struct record *record_image(const struct image *image, const struct seen *seen, bool *ret_empty)
{
    int32_t points = image->topology->point_count, count = 0;
    for (int32_t p = 0; p < points; p++)
        count += is_new(&image->values[p], &seen[p]);
    *ret_empty = count == 0;
    if (count == 0)
        return NULL;
    size_t size = sizeof(struct record_image) + (size_t)count * sizeof(struct reading);
    struct record_image *record = record_create(RECORD_IMAGE, false, image->frozen_ms, size);
    if (!record)
        return NULL;
    record->count = 0;
    for (int32_t p = 0; p < points; p++) {
        if (is_new(&image->values[p], &seen[p]))
            record->readings[record->count++] = read_sample(&image->values[p], p, image->frozen_ms);
    }
    return &record->head;
}

/* ---- ticks ---- */

static int64_t thin_step_ms(int32_t step, bool first_of_hour)
{
    if (step < NEAR_STEPS)
        return FORECAST_STEP_MS;
    return step < HOURLY_STEPS || first_of_hour ? HOUR_MS : 6 * HOUR_MS;
}

static void thin(struct thin_forecast *ret_thin, const struct forecast *forecast)
{
    *ret_thin = (struct thin_forecast){.series = forecast->series,
                                       .reason = forecast->reason,
                                       .issue_ms = forecast->issue_ms,
                                       .start_ms = forecast->start_ms,
                                       .steps = forecast->steps};
    memcpy(ret_thin->model, forecast->model, sizeof ret_thin->model);
    bool first_of_hour = forecast->issue_ms % HOUR_MS < FORECAST_STEP_MS;
    for (int32_t i = 0; i < forecast->steps; i++) {
        int64_t start_ms = forecast->start_ms + (int64_t)i * FORECAST_STEP_MS;
        if (start_ms % thin_step_ms(i, first_of_hour) != 0)
            continue;
        ret_thin->step[ret_thin->count].start_ms = start_ms;
        memcpy(ret_thin->step[ret_thin->count++].value, forecast->value[i],
               sizeof forecast->value[i]);
    }
}

static size_t tick_size(const struct tick_output *output, int32_t forecasts)
{
    return aligned(sizeof(struct record_tick)) +
           aligned((size_t)output->decision_count * sizeof *output->decisions) +
           aligned((size_t)output->interval_count * sizeof *output->intervals) +
           aligned((size_t)output->interval_count * sizeof *output->interval_raw_milliwh) +
           aligned((size_t)output->account_count * sizeof *output->accounts) +
           aligned((size_t)output->hour_count * sizeof *output->hours) +
           aligned((size_t)output->day_count * sizeof *output->days) +
           aligned((size_t)output->verdict_count * sizeof *output->verdicts) +
           (size_t)forecasts * aligned(sizeof(struct thin_forecast));
}

struct record *record_tick(int64_t now_ms, const struct tick_output *output, bool with_forecasts)
{
    int32_t forecasts = with_forecasts ? FORECAST_SERIES : 0;
    bool durable = output->decision_count + output->interval_count + output->account_count +
                       output->hour_count + output->day_count + forecasts >
                   0; /* verdicts alone can wait, like readings */
    struct record_tick *tick =
        record_create(RECORD_TICK, durable, now_ms, tick_size(output, forecasts));
    if (!tick)
        return NULL;
    tick->decision_count = output->decision_count;
    tick->interval_count = output->interval_count;
    tick->account_count = output->account_count;
    tick->forecast_count = forecasts;
    tick->hour_count = output->hour_count;
    tick->day_count = output->day_count;
    tick->verdict_count = output->verdict_count;
    unsigned char *cursor = (unsigned char *)tick + aligned(sizeof *tick);
    tick->decisions = place(&cursor, output->decisions,
                            (size_t)output->decision_count * sizeof *output->decisions);
    tick->intervals = place(&cursor, output->intervals,
                            (size_t)output->interval_count * sizeof *output->intervals);
    tick->raw_milliwh = place(&cursor, output->interval_raw_milliwh,
                              (size_t)output->interval_count * sizeof *tick->raw_milliwh);
    tick->accounts =
        place(&cursor, output->accounts, (size_t)output->account_count * sizeof *output->accounts);
    tick->hours = place(&cursor, output->hours, (size_t)output->hour_count * sizeof *output->hours);
    tick->days = place(&cursor, output->days, (size_t)output->day_count * sizeof *output->days);
    tick->verdicts =
        place(&cursor, output->verdicts, (size_t)output->verdict_count * sizeof *output->verdicts);
    tick->forecasts = place(&cursor, NULL, (size_t)forecasts * sizeof *tick->forecasts);
    for (int32_t f = 0; f < forecasts; f++)
        thin(&tick->forecasts[f], &output->forecasts[f]);
    return &tick->head;
}

/* ---- what feeds bring ---- */

struct record *record_block(int64_t now_ms, int32_t position, const struct forecast_block *block,
                            enum reason verdict)
{
    bool taken = verdict != REASON_FEED_DUPLICATE && verdict != REASON_FEED_INVALID;
    size_t values_size = taken ? (size_t)block->count * sizeof block->value[0] : 0;
    struct record_block *record =
        record_create(RECORD_BLOCK, false, now_ms, sizeof *record + values_size);
    if (!record)
        return NULL;
    record->position = position;
    record->track = block->track;
    record->kind = block->kind;
    record->verdict = verdict;
    record->issue_ms = block->issue_ms;
    record->start_ms = block->start_ms;
    record->step_ms = block->step_ms;
    record->count = block->count;
    record->value_count = taken ? block->count : 0;
    memcpy(record->source, block->source, sizeof record->source);
    memcpy(record->value, block->value, values_size);
    return &record->head;
}

/* ---- plans ---- */

static size_t extract_size(const struct plan *plan, int32_t first)
{
    size_t slots = (size_t)plan->slot_count, jobs = (size_t)(plan->job_count - first);
    return aligned(jobs * sizeof *plan->jobs) +
           aligned(plan->why ? jobs * slots * sizeof *plan->why : 0) +
           aligned(slots * sizeof(int64_t));
}

static void place_extract(unsigned char **cursor, const struct plan *plan, int32_t first,
                          struct plan_extract *ret_extract)
{
    size_t slots = (size_t)plan->slot_count, jobs = (size_t)(plan->job_count - first);
    *ret_extract = (struct plan_extract){.issue_ms = plan->issue_ms,
                                         .first = first,
                                         .count = plan->job_count - first,
                                         .slot_count = plan->slot_count};
    ret_extract->jobs = place(cursor, &plan->jobs[first], jobs * sizeof *plan->jobs);
    if (plan->why)
        ret_extract->why =
            place(cursor, &plan->why[(size_t)first * slots], jobs * slots * sizeof *plan->why);
    ret_extract->slot_ms = place(cursor, NULL, slots * sizeof *ret_extract->slot_ms);
    for (size_t s = 0; s < slots; s++)
        ret_extract->slot_ms[s] = plan->sites[0].frame[s].start_ms;
}

struct record *record_plan(const struct plan *plan)
{
    assert(plan->site_count == 1); /* a ledger belongs to one site */
    const struct plan_site *site = &plan->sites[0];
    size_t slots = (size_t)plan->slot_count;
    size_t frame_size = slots * sizeof *site->frame, slots_size = slots * sizeof *site->slots;
    size_t size = aligned(sizeof(struct record_plan)) + aligned(frame_size) + aligned(slots_size) +
                  extract_size(plan, 0);
    struct record_plan *record = record_create(RECORD_PLAN, true, plan->issue_ms, size);
    if (!record)
        return NULL;
    record->plan = *plan;
    unsigned char *cursor = (unsigned char *)record + aligned(sizeof *record);
    record->plan.sites[0].frame = place(&cursor, site->frame, frame_size);
    record->plan.sites[0].slots = place(&cursor, site->slots, slots_size);
    place_extract(&cursor, plan, 0, &record->jobs);
    record->plan.jobs = NULL;
    record->plan.why = NULL;
    record->plan.by_id = NULL;
    record->plan.admission = NULL;
    return &record->head;
}

/* Jobs may come every second: nothing of the plan but theirs. */
struct record *record_extension(const struct plan *plan, int32_t first)
{
    assert(plan->site_count == 1);
    size_t size = aligned(sizeof(struct record_extension)) + extract_size(plan, first);
    struct record_extension *record = record_create(RECORD_EXTENSION, true, plan->issue_ms, size);
    if (!record)
        return NULL;
    unsigned char *cursor = (unsigned char *)record + aligned(sizeof *record);
    record->late_jobs = plan->late_jobs;
    place_extract(&cursor, plan, first, &record->jobs);
    return &record->head;
}
