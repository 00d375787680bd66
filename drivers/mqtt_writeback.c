/* Set-points over MQTT and their outcomes; see mqtt_writeback.h. */
#include "drivers/mqtt_writeback.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SOURCE_CLOCK_MS = 5000, /* the source's clock may be so much behind ours */
    NUMBER = 32,            /* bytes of a number as text */
};

/* ---- creation ---------------------------------------------------------- */

int writeback_check(const struct mqtt_point *point, struct error *error)
{
    const enum mqtt_format format = point->mapping.format;

    if (format != MQTT_DSX && format != MQTT_PLAIN)
        return error_set(error, ERROR_INVALID,
                         "mqtt: %s cannot be written in the format %s: only dsx and plain can",
                         point->write.topic, mqtt_format_name(format));
    if (!point->write.has_feedback &&
        (!point->topic[0] || !strcmp(point->topic, point->write.topic)))
        return error_set(error, ERROR_INVALID,
                         "mqtt: what is written to %s would confirm itself: give a feedback point",
                         point->write.topic);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct writeback *left = a, *right = b;

    return (left->point->point > right->point->point) - (left->point->point < right->point->point);
}

int writebacks_init(struct writebacks *writes, const struct mqtt_point *points, int count,
                    int32_t topology_points, struct error *error)
{
    int writable = 0;

    for (int i = 0; i < count; i++)
        writable += points[i].write.topic[0] != '\0';
    *writes = (struct writebacks){0};
    writes->all = calloc((size_t)writable + 1, sizeof(*writes->all));
    writes->feeds_back = calloc((size_t)topology_points + 1, sizeof(*writes->feeds_back));
    if (!writes->all || !writes->feeds_back)
        return error_set(error, ERROR_SYSTEM, "mqtt: out of memory");
    for (int i = 0; i < count; i++) {
        const struct mqtt_point *point = &points[i];
        int32_t feedback = point->write.has_feedback ? point->write.feedback : point->point;

        if (!point->write.topic[0])
            continue;
        if (writeback_check(point, error) < 0)
            return ERROR_INVALID;
        writes->all[writes->count++] = (struct writeback){.point = point, .feedback = feedback};
        writes->feeds_back[feedback] = true;
    }
    qsort(writes->all, (size_t)writes->count, sizeof(*writes->all), compare);
    return 0;
}

void writebacks_finish(struct writebacks *writes)
{
    free(writes->all);
    free(writes->feeds_back);
    *writes = (struct writebacks){0};
}

struct writeback *writebacks_find(struct writebacks *writes, int32_t point)
{
    const struct mqtt_point wanted = {.point = point};
    const struct writeback key = {.point = &wanted};

    return bsearch(&key, writes->all, (size_t)writes->count, sizeof(key), compare);
}

/* ---- payloads ---------------------------------------------------------- */

/* As many digits as survive a change of unit: 12.3456 kW, not 12.345600000000001. */
static void print_number(double value, char *ret_text)
{
    snprintf(ret_text, NUMBER, "%.15g", value);
}

void dsx_encode(double value, int64_t now_ms, char *ret_payload, size_t size)
{
    char number[NUMBER];

    print_number(value, number);
    snprintf(ret_payload, size, "{\"value\":%s,\"timestamp\":%" PRId64 ",\"quality\":1}", number,
             now_ms);
}

int writeback_encode(const struct writeback *write, double value, int64_t now_ms, char *ret_payload,
                     size_t size, struct error *error)
{
    const struct mqtt_mapping *mapping = &write->point->mapping;
    const double sent = (value - mapping->offset) / mapping->factor;
    char number[NUMBER];

    if (!isfinite(sent))
        return error_set(error, ERROR_INVALID, "%s: %g is no set-point", write->point->write.topic,
                         value);
    if (mapping->format == MQTT_DSX) {
        dsx_encode(sent, now_ms, ret_payload, size);
    } else {
        print_number(sent, number);
        snprintf(ret_payload, size, "%s%s%s", number, mapping->suffix[0] ? " " : "",
                 mapping->suffix);
    }
    return 0;
}

/* ---- outcomes ---------------------------------------------------------- */

static void end(struct writebacks *writes, struct writeback *write, enum reason reason,
                writeback_outcome *outcome, void *context)
{
    write->pending = false;
    writes->pending--;
    outcome(context, write->point->point, write->value, reason);
}

void writeback_begin(struct writebacks *writes, struct writeback *write, double value,
                     int64_t now_ms, int64_t real_ms, writeback_outcome *outcome, void *context)
{
    const int patience_ms = write->point->write.answer_ms;

    if (write->pending)
        end(writes, write, REASON_WRITE_REPLACED, outcome, context);
    writes->pending++;
    write->pending = true;
    write->contradicted = false;
    write->value = value;
    write->written_ms = now_ms;
    write->deadline_ms = real_ms + (patience_ms > 0 ? patience_ms : MQTT_ANSWER_MS);
}

static bool answers(const struct writeback *write, const struct sample *sample)
{
    return write->pending && sample->quality == QUALITY_GOOD &&
           sample->source_ms > write->seen_source_ms &&
           sample->source_ms >= write->written_ms - SOURCE_CLOCK_MS;
}

static void observe(struct writebacks *writes, struct writeback *write, const struct sample *sample,
                    writeback_outcome *outcome, void *context)
{
    const double slack = fmax(write->point->write.tolerance, 1e-9 * fabs(write->value));
    const bool answered = answers(write, sample);

    if (sample->quality == QUALITY_GOOD && sample->source_ms > write->seen_source_ms)
        write->seen_source_ms = sample->source_ms;
    if (answered && fabs(sample->value - write->value) <= slack)
        end(writes, write, REASON_WRITE_CONFIRMED, outcome, context);
    else if (answered)
        write->contradicted = true;
}

void writebacks_observe(struct writebacks *writes, const struct sample *sample,
                        writeback_outcome *outcome, void *context)
{
    if (!writes->feeds_back[sample->point])
        return;
    for (int i = 0; i < writes->count; i++) {
        if (writes->all[i].feedback == sample->point)
            observe(writes, &writes->all[i], sample, outcome, context);
    }
}

void writebacks_expire(struct writebacks *writes, int64_t real_ms, writeback_outcome *outcome,
                       void *context)
{
    for (int i = 0; i < writes->count && writes->pending > 0; i++) {
        struct writeback *write = &writes->all[i];

        if (write->pending && real_ms >= write->deadline_ms)
            end(writes, write,
                write->contradicted ? REASON_WRITE_NOT_HELD : REASON_WRITE_UNANSWERED, outcome,
                context);
    }
}
