/* What makes a job elastic, in its spool files: levels, accelerators, restarts. All of it may be
 * absent, as in the files of jobs from before there was such a thing. */
#include "drivers/batch_spool_levels.h"

#include <stdio.h>
#include <string.h>

json_t *spool_levels_to_json(const struct job *job)
{
    json_t *levels = json_array();
    for (int32_t l = 0; l < job->level_count; l++) {
        const struct job_level *level = &job->levels[l];
        json_array_append_new(levels,
                              json_pack("{s:f, s:f, s:i}", "power_w", level->power_w, "speed",
                                        level->speed, "accelerators", (int)level->accelerators));
    }
    return levels;
}

json_t *spool_classes_to_json(const struct spool *spool, const struct job *job)
{
    json_t *names = json_array();
    for (int32_t c = 0; c < spool->class_count; c++)
        if (job->accelerator_classes & (UINT32_C(1) << c))
            json_array_append_new(names, json_string(spool->classes[c]));
    return names;
}

static uint32_t class_bit(const struct spool *spool, const char *name)
{
    for (int32_t c = 0; c < spool->class_count; c++)
        if (strcmp(spool->classes[c], name) == 0)
            return UINT32_C(1) << c;
    return 0;
}

/* A job that knows none of the site's classes still needs accelerators: it gets the bit of one that
 * no group has, for 0 would let it run anywhere. */
static int read_classes(const struct spool *spool, const json_t *names, struct spool_job *ret_job)
{
    struct job *job = &ret_job->job;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        uint32_t bit = name ? class_bit(spool, name) : 0;
        if (!name)
            return ERROR_INVALID;
        if (bit == 0 && !*ret_job->unknown_class)
            snprintf(ret_job->unknown_class, LIMIT_NAME, "%s", name);
        job->accelerator_classes |= bit;
    }
    if (*ret_job->unknown_class && job->accelerator_classes == 0) {
        if (spool->class_count == LIMIT_ACCELERATORS)
            return ERROR_INVALID;
        job->accelerator_classes = UINT32_C(1) << spool->class_count;
    }
    return 0;
}

static int read_level(const json_t *json, struct job_level *ret_level)
{
    struct job_level level = {0};
    int accelerators;
    if (json_unpack((json_t *)json, "{s:F, s:F, s:i}", "power_w", &level.power_w, "speed",
                    &level.speed, "accelerators", &accelerators) < 0)
        return ERROR_INVALID;
    level.accelerators = accelerators;
    if (!(level.power_w > 0) || !(level.speed > 0) || level.speed > 1 || accelerators < 0)
        return ERROR_INVALID;
    *ret_level = level;
    return 0;
}

int spool_levels_from_json(const struct spool *spool, const json_t *json, struct spool_job *ret_job)
{
    struct job *job = &ret_job->job;
    const json_t *levels = json_object_get(json, "levels");
    size_t count = json_array_size(levels);
    if (count > LIMIT_LEVELS)
        return ERROR_INVALID;
    for (size_t l = 0; l < count; l++)
        if (read_level(json_array_get(levels, l), &job->levels[l]) < 0)
            return ERROR_INVALID;
    job->level_count = (int32_t)count;
    const json_t *classes = json_object_get(json, "accelerator_classes");
    if (json_is_integer(classes)) /* from before they were names */
        job->accelerator_classes =
            (uint32_t)json_integer_value(classes) & ((UINT32_C(1) << LIMIT_ACCELERATORS) - 1);
    else if (read_classes(spool, classes, ret_job) < 0)
        return ERROR_INVALID;
    job->restart_ms = json_integer_value(json_object_get(json, "restart_ms"));
    return job->restart_ms < 0 ? ERROR_INVALID : 0;
}

/* A number is from before groups were kept by name. */
static void read_group(const json_t *group, struct spool_job *ret_job)
{
    int64_t number = json_is_integer(group) ? json_integer_value(group) : -1;
    const char *name = json_string_value(group);
    ret_job->job.group = number >= 0 && number < LIMIT_GROUPS ? (int32_t)number : -1;
    snprintf(ret_job->group, sizeof(ret_job->group), "%s", name ? name : "");
}

static int32_t read_number_of_level(const json_t *json, const char *key, const struct job *job)
{
    int64_t level = json_integer_value(json_object_get(json, key));
    return level >= 0 && level < LIMIT_LEVELS ? job_valid_level(job, (int32_t)level) : 0;
}

void spool_level_state_from_json(const json_t *json, struct spool_job *ret_job)
{
    struct job *job = &ret_job->job;
    int64_t restarts = json_integer_value(json_object_get(json, "restarts"));
    bool asked = job->state == JOB_RUNNING && json_object_get(json, "level_asked");
    read_group(json_object_get(json, "group"), ret_job);
    job->level = job->level_before = read_number_of_level(json, "level", job);
    job->level_asked = asked ? read_number_of_level(json, "level_asked", job) : job->level;
    job->level_ms = json_integer_value(json_object_get(json, "level_ms"));
    job->restarts = restarts > 0 && restarts < INT32_MAX ? (int32_t)restarts : 0;
}
