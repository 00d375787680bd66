/* How single values are said in replies: unknown is null, times are ISO 8601. For the files that
 * render. */
#ifndef TIDEWATT_SERVE_API_LEAF_H
#define TIDEWATT_SERVE_API_LEAF_H

#include <math.h>

#include <jansson.h>

#include "controller/base/reason.h"
#include "controller/base/utc.h"
#include "controller/serve/api.h"

static inline json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static inline json_t *number_if(bool known, double value)
{
    return known ? number(value) : json_null();
}

/* Names came in as checked text; one that was damaged since must not take the reply with it. */
static inline json_t *text(const char *value)
{
    json_t *result = json_string(value);

    return result ? result : json_string("(not UTF-8)");
}

static inline json_t *when(int64_t ms)
{
    char buffer[UTC_TEXT];

    return ms > 0 && ms < INT64_MAX ? json_string(utc_format(ms, buffer)) : json_null();
}

static inline void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static inline void set_integer(json_t *object, const char *key, int64_t value)
{
    set(object, key, json_integer(value));
}

static inline void set_number(json_t *object, const char *key, double value)
{
    set(object, key, number(value));
}

static inline const char *plan_status_name(enum plan_status status)
{
    switch (status) {
    case PLAN_NONE:
        return "none";
    case PLAN_COMPLETE:
        return "complete";
    case PLAN_BREACHING:
        return "breaching";
    }
    return "none";
}

/* The reason's name, and what it says. */
static inline void set_reason(json_t *object, enum reason reason)
{
    set(object, "reason", text(reason_name(reason)));
    set(object, "reason_text", text(reason_text(reason)));
}

static inline json_t *feeder_label(const struct api_core *core, int32_t feeder)
{
    if (feeder < 0)
        return json_null();
    if (core->topology && feeder < core->topology->feeder_count)
        return text(core->topology->feeders[feeder].name);
    return json_integer(feeder);
}

/* Only the groups of this site, the first of a plan, have names here. */
static inline json_t *group_label(const struct api_core *core, int32_t site, int32_t group)
{
    if (group < 0)
        return json_null();
    if (core->topology && site == 0 && group < core->topology->group_count)
        return text(core->topology->groups[group].name);
    return json_integer(group);
}

/* -1: there is no plan, or it does not know the job. */
static inline int32_t planned_index(const struct plan *plan, int64_t id)
{
    for (int32_t i = 0; plan && i < plan->job_count; i++) {
        if (plan->jobs[i].id == id)
            return i;
    }
    return -1;
}

#endif
