/* What makes a job elastic, in its spool files: levels, accelerators, restarts. All of it may be
 * absent, as in the files of jobs from before there was such a thing. */
#include "drivers/batch_spool_levels.h"

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

int spool_levels_from_json(const json_t *json, struct job *job)
{
    const json_t *levels = json_object_get(json, "levels");
    size_t count = json_array_size(levels);
    if (count > LIMIT_LEVELS)
        return ERROR_INVALID;
    for (size_t l = 0; l < count; l++)
        if (read_level(json_array_get(levels, l), &job->levels[l]) < 0)
            return ERROR_INVALID;
    job->level_count = (int32_t)count;
    job->accelerator_classes =
        (uint32_t)json_integer_value(json_object_get(json, "accelerator_classes"));
    job->restart_ms = json_integer_value(json_object_get(json, "restart_ms"));
    return job->restart_ms < 0 ? ERROR_INVALID : 0;
}

void spool_level_state_from_json(const json_t *json, struct job *job)
{
    const json_t *group = json_object_get(json, "group");
    int64_t place = json_is_integer(group) ? json_integer_value(group) : -1;
    int64_t level = json_integer_value(json_object_get(json, "level"));
    int64_t restarts = json_integer_value(json_object_get(json, "restarts"));
    job->group = place >= 0 && place < LIMIT_GROUPS ? (int32_t)place : -1;
    job->level = level >= 0 && level < LIMIT_LEVELS ? job_valid_level(job, (int32_t)level) : 0;
    job->level_asked = job->level_before = job->level;
    job->level_ms = json_integer_value(json_object_get(json, "level_ms"));
    job->restarts = restarts > 0 && restarts < INT32_MAX ? (int32_t)restarts : 0;
}
