/* See future.h. Forecasts are compared by a hash: they are too many to keep. */
#include "tools/forecast/future.h"

#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"

enum { ISSUES_MOST = 1 << 16 };

struct print {
    enum forecast_series series;
    int64_t issue_ms;
    uint64_t hash;
};

struct prints {
    int32_t count;
    struct print *print;
};

/* FNV-1a */
static uint64_t hash(const void *bytes, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        value = (value ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    return value;
}

static void take_print(void *context, const struct forecast *forecast)
{
    struct prints *prints = context;
    uint64_t value = 14695981039346656037u;
    if (prints->count == ISSUES_MOST)
        return;
    value = hash(&forecast->steps, sizeof forecast->steps, value);
    value = hash(forecast->model, strlen(forecast->model), value);
    value = hash(forecast->value, sizeof forecast->value[0] * (size_t)forecast->steps, value);
    prints->print[prints->count++] = (struct print){forecast->series, forecast->issue_ms, value};
}

static int walk(const struct evaluation_inputs *inputs, const struct evaluation_request *request,
                struct prints *prints, struct error *error)
{
    struct evaluation_request watched = *request;
    struct evaluation evaluation;
    watched.issued = take_print;
    watched.context = prints;
    prints->print = calloc(ISSUES_MOST, sizeof *prints->print);
    if (!prints->print)
        return error_set(error, ERROR_SYSTEM, "out of memory for the comparison");
    return evaluate(inputs, &watched, &evaluation, error);
}

static int compare(const struct prints *was, const struct prints *is, int64_t at_ms, FILE *out,
                   struct error *error)
{
    char text[UTC_TEXT], issue[UTC_TEXT];
    int32_t same = 0, other = 0;
    for (int32_t i = 0; i < was->count; i++) {
        const struct print *before = &was->print[i];
        bool differs = before->hash != is->print[i].hash;
        if (before->issue_ms > at_ms) {
            other += differs;
            continue;
        }
        if (differs)
            return error_set(error, ERROR_INVALID,
                             "the forecast of %s issued at %s changes with what comes after %s",
                             forecast_series_name(before->series),
                             utc_format(before->issue_ms, issue), utc_format(at_ms, text));
        same++;
    }
    if (other == 0)
        return error_set(error, ERROR_INVALID, "the other future changed no later forecast either");
    fprintf(out,
            "%d forecasts issued until %s are the same, bit for bit, whatever comes after; %d "
            "later ones changed.\n",
            same, utc_format(at_ms, text), other);
    return 0;
}

int future_check(struct evaluation_inputs *inputs, const struct evaluation_request *request,
                 FILE *out, struct error *error)
{
    struct prints was = {0}, is = {0};
    int64_t issue_offset_ms = request->issue_hour * (int64_t)HOUR_MS;
    int64_t last_ms = request->to_ms - FORECAST_STEPS * (int64_t)FORECAST_STEP_MS;
    int64_t at_ms = utc_floor((request->from_ms + last_ms) / 2, DAY_MS) + issue_offset_ms;
    int code = walk(inputs, request, &was, error);
    if (code == 0) {
        evaluation_inputs_shift(inputs, at_ms);
        code = walk(inputs, request, &is, error);
    }
    if (code == 0)
        code = compare(&was, &is, at_ms, out, error);
    free(was.print);
    free(is.print);
    return code;
}
