/* See jobs.h; the contract of topic and payload is in schema/mqtt/README.md. */
#include "tools/twin/jobs.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/plant/job.h"

static const double JOB_POWER_MOST_W = 1e6; /* of the whole hall */

static int topic_id(const char *topic, int64_t *ret_id, struct error *error)
{
    const char *last = strrchr(topic, '/');
    char *end = NULL;
    long long id = last == NULL ? 0 : strtoll(last + 1, &end, 10);

    if (id <= 0 || *end != '\0')
        return error_set(error, ERROR_INVALID, "%s: the topic ends in no job number", topic);
    *ret_id = id;
    return 0;
}

/* The job's entry; a new one when there is room, else NULL. */
static struct drawing_job *entry(struct jobs *jobs, int64_t id)
{
    for (int i = 0; i < jobs->count; i++)
        if (jobs->table[i].id == id)
            return &jobs->table[i];
    return jobs->count < LIMIT_JOBS ? &jobs->table[jobs->count++] : NULL;
}

static void forget(struct jobs *jobs, int64_t id)
{
    for (int i = 0; i < jobs->count; i++)
        if (jobs->table[i].id == id) {
            jobs->table[i] = jobs->table[--jobs->count];
            return;
        }
}

static int feeder_index(const char *name)
{
    if (name == NULL || name[0] == '\0' || name[1] != '\0')
        return -1;
    if (name[0] == 'A' || name[0] == 'a')
        return 0;
    return name[0] == 'B' || name[0] == 'b' ? 1 : -1;
}

static int apply_state(struct jobs *jobs, const struct drawing_job *job, const char *state_name,
                       struct error *error)
{
    struct drawing_job *slot;
    enum job_state state;

    if (state_name == NULL || job_state_find(state_name, &state) < 0)
        return error_set(error, ERROR_INVALID, "\"state\" is missing or unknown");
    if (!job_state_draws_power(state)) {
        forget(jobs, job->id);
        return 0;
    }
    if (!(job->power_w >= 0 && job->power_w <= JOB_POWER_MOST_W))
        return error_set(error, ERROR_INVALID, "\"power_w\" is no number from 0 to %g",
                         JOB_POWER_MOST_W);
    slot = entry(jobs, job->id);
    if (slot == NULL)
        return error_set(error, ERROR_FULL, "more than %d jobs draw power", LIMIT_JOBS);
    *slot = *job;
    return 0;
}

static int apply_object(struct jobs *jobs, int64_t id, const json_t *object, struct error *error)
{
    const json_t *power = json_object_get(object, "power_w");
    struct drawing_job job = {
        .id = id,
        .power_w = json_is_number(power) ? json_number_value(power) : -1,
        .feeder = feeder_index(json_string_value(json_object_get(object, "feeder"))),
    };

    return apply_state(jobs, &job, json_string_value(json_object_get(object, "state")), error);
}

int jobs_apply(struct jobs *jobs, const char *topic, const char *payload, size_t length,
               struct error *error)
{
    json_error_t where;
    json_t *object;
    int64_t id = 0;
    int result = topic_id(topic, &id, error);

    if (result < 0)
        return result;
    if (length == 0) {
        forget(jobs, id);
        return 0;
    }
    object = json_loadb(payload, length, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object))
        result = error_set(error, ERROR_INVALID, "the payload is no JSON object");
    else
        result = apply_object(jobs, id, object, error);
    json_decref(object);
    return result < 0 ? error_prefix(error, result, "%s", topic) : 0;
}

void jobs_rack_power(const struct jobs *jobs, double ret_rack_w[PLANT_RACKS])
{
    memset(ret_rack_w, 0, PLANT_RACKS * sizeof(*ret_rack_w));
    for (int i = 0; i < jobs->count; i++) {
        const struct drawing_job *job = &jobs->table[i];
        int first = job->feeder < 0 ? 0 : job->feeder * PLANT_RACKS_PER_FEEDER;
        int racks = job->feeder < 0 ? PLANT_RACKS : PLANT_RACKS_PER_FEEDER;

        for (int rack = first; rack < first + racks; rack++)
            ret_rack_w[rack] += job->power_w / racks;
    }
}
