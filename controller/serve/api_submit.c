/* The request for a job, field by field: what each allows by itself. What fits together is the
 * matter of job_request_check. */
#include "controller/serve/api_submit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "controller/base/quantity.h"
#include "controller/base/utc.h"

enum { QUANTITY_TEXT = 32 };

static const double POWER_MOST_W = 1e9;
static const double WORK_MOST_MS = 366.0 * DAY_MS;

static int read_quantity(const json_t *request, const char *key, enum dimension dimension,
                         double most, double *ret_value, struct error *error)
{
    const json_t *value = json_object_get(request, key);
    double number = json_number_value(value);
    char given_text[QUANTITY_TEXT], most_text[QUANTITY_TEXT];

    if (!json_is_number(value))
        return api_wrong(error, key, "a number");
    if (!(number > 0) || number > most)
        return error_set(error, ERROR_INVALID, "\"%s\" is %s; it must be above 0 and at most %s",
                         key, quantity_format(number, dimension, given_text, QUANTITY_TEXT),
                         quantity_format(most, dimension, most_text, QUANTITY_TEXT));
    *ret_value = number;
    return 0;
}

static int read_duration(const json_t *request, const char *key, bool required, int64_t *ret_ms,
                         struct error *error)
{
    double value = 0;

    if (!required && !json_object_get(request, key))
        return 0;
    if (read_quantity(request, key, DIMENSION_DURATION, WORK_MOST_MS, &value, error) < 0)
        return ERROR_INVALID;
    *ret_ms = (int64_t)ceil(value);
    return 0;
}

static int read_time(const json_t *request, const char *key, int64_t *ret_ms, struct error *error)
{
    const json_t *value = json_object_get(request, key);

    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return api_wrong(error, key, "a time such as \"2026-11-22T06:00:00Z\"");
    if (utc_parse(json_string_value(value), ret_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "\"%s\"", key);
    return 0;
}

static int read_command(const json_t *request, struct job_request *ret_job, struct error *error)
{
    const json_t *words = json_object_get(request, "command");
    const size_t count = json_array_size(words);

    if (count < 1 || count > LIMIT_JOB_ARGS)
        return error_set(error, ERROR_INVALID, "\"command\" must be a list of 1 to %d words",
                         LIMIT_JOB_ARGS);
    for (size_t i = 0; i < count; i++) {
        const json_t *word = json_array_get(words, i);
        const char *text = json_string_value(word);
        size_t size = json_string_length(word) + 1;

        if (!text || strlen(text) + 1 != size || (i == 0 && size == 1))
            return api_wrong(error, "command", "a list of texts, the first a program");
        if ((size_t)ret_job->command_length + size > sizeof(ret_job->command))
            return error_set(error, ERROR_INVALID, "\"command\" has more than %zu bytes",
                             sizeof(ret_job->command));
        memcpy(ret_job->command + ret_job->command_length, text, size);
        ret_job->command_length += (int)size;
    }
    ret_job->argc = (int)count;
    return 0;
}

/* A name is shown on terminals: no control characters. Without one, the program's own. */
static int settle_name(struct job_request *job, struct error *error)
{
    if (!job->name[0]) {
        const char *slash = strrchr(job->command, '/');

        snprintf(job->name, sizeof(job->name), "%.*s", LIMIT_NAME - 1,
                 slash && slash[1] ? slash + 1 : job->command);
        for (char *c = job->name; *c; c++) {
            if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
                *c = '_';
        }
    }
    for (const char *c = job->name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return api_wrong(error, "name", "text without control characters");
    }
    return 0;
}

static int read_class(const json_t *request, enum job_class *ret_class, struct error *error)
{
    char name[LIMIT_NAME] = "deferrable";

    if (api_read_text(request, "class", name, sizeof(name), error) < 0)
        return ERROR_INVALID;
    if (job_class_find(name, ret_class) < 0)
        return api_wrong(error, "class", "realtime, guaranteed, deferrable or scavenger");
    return 0;
}

/* ---- levels and accelerators ---- */

static int read_count(const json_t *object, const char *key, int32_t *ret_count,
                      struct error *error)
{
    const json_t *value = json_object_get(object, key);

    if (!value)
        return 0;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > INT32_MAX)
        return api_wrong(error, key, "a whole number, at least 0");
    *ret_count = (int32_t)json_integer_value(value);
    return 0;
}

static int read_level(const json_t *entry, const struct job_level *full,
                      struct job_level *ret_level, struct error *error)
{
    const json_t *speed = json_object_get(entry, "speed");
    struct job_level level = {.accelerators = full->accelerators};

    if (!json_is_number(speed))
        return api_wrong(error, "speed", "a number");
    level.speed = json_number_value(speed);
    if (read_quantity(entry, "power_w", DIMENSION_POWER, POWER_MOST_W, &level.power_w, error) < 0 ||
        read_count(entry, "accelerators", &level.accelerators, error) < 0)
        return ERROR_INVALID;
    *ret_level = level;
    return 0;
}

/* Level 0 is the job as it is; the list has the others. */
static int read_levels(const json_t *request, struct job_request *ret_job, struct error *error)
{
    const json_t *list = json_object_get(request, "levels");

    ret_job->levels[0] = (struct job_level){.power_w = ret_job->power_w, .speed = 1};
    ret_job->level_count = 1;
    if (read_count(request, "accelerators", &ret_job->levels[0].accelerators, error) < 0)
        return ERROR_INVALID;
    if (list && (!json_is_array(list) || json_array_size(list) >= LIMIT_LEVELS))
        return error_set(error, ERROR_INVALID, "\"levels\" must be a list of at most %d",
                         LIMIT_LEVELS - 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (read_level(json_array_get(list, i), &ret_job->levels[0], &ret_job->levels[i + 1],
                       error) < 0)
            return error_prefix(error, ERROR_INVALID, "\"levels\", entry %zu", i + 1);
        ret_job->level_count++;
    }
    return 0;
}

static int strange_class(const struct topology *topology, const char *name, struct error *error)
{
    char known[LIMIT_ACCELERATORS * (LIMIT_NAME + 2)] = "";
    size_t used = 0;

    for (int32_t i = 0; topology && i < topology->accelerator_count; i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
                                 topology->accelerators[i]);
    return error_set(error, ERROR_INVALID,
                     "\"accelerator_classes\": this site has no \"%s\"; it has %s", name,
                     known[0] ? known : "no accelerators");
}

static int read_classes(const struct topology *topology, const json_t *request, uint32_t *ret_mask,
                        struct error *error)
{
    const json_t *list = json_object_get(request, "accelerator_classes");
    uint32_t mask = 0;

    if (list && !json_is_array(list))
        return api_wrong(error, "accelerator_classes", "a list of names");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        const int32_t found = topology && name ? topology_find_accelerator(topology, name) : -1;

        if (found < 0)
            return strange_class(topology, name ? name : "(no text)", error);
        mask |= 1u << found;
    }
    *ret_mask = mask;
    return 0;
}

/* ---- jobs ---- */

int api_read_job(const struct topology *topology, const json_t *request,
                 struct job_request *ret_job, struct error *error)
{
    double power_w = 0;

    if (api_read_text(request, "name", ret_job->name, sizeof(ret_job->name), error) < 0 ||
        read_class(request, &ret_job->job_class, error) < 0 ||
        read_quantity(request, "power_w", DIMENSION_POWER, POWER_MOST_W, &power_w, error) < 0 ||
        read_duration(request, "work_ms", true, &ret_job->work_ms, error) < 0 ||
        read_duration(request, "min_run_ms", false, &ret_job->min_run_ms, error) < 0 ||
        read_time(request, "release", &ret_job->release_ms, error) < 0 ||
        read_time(request, "deadline", &ret_job->deadline_ms, error) < 0 ||
        api_read_flag(request, "can_suspend", &ret_job->can_suspend, error) < 0 ||
        api_read_text(request, "directory", ret_job->directory, sizeof(ret_job->directory), error) <
            0 ||
        api_read_text(request, "checkpoint", ret_job->checkpoint, sizeof(ret_job->checkpoint),
                      error) < 0 ||
        api_read_text(request, "level_command", ret_job->level_command,
                      sizeof(ret_job->level_command), error) < 0 ||
        read_duration(request, "restart_ms", false, &ret_job->restart_ms, error) < 0 ||
        read_classes(topology, request, &ret_job->accelerator_classes, error) < 0 ||
        read_command(request, ret_job, error) < 0)
        return ERROR_INVALID;
    ret_job->power_w = power_w;
    if (read_levels(request, ret_job, error) < 0)
        return ERROR_INVALID;
    if (ret_job->directory[0] && ret_job->directory[0] != '/')
        return api_wrong(error, "directory", "an absolute path");
    if (ret_job->deadline_ms <= ret_job->release_ms)
        return error_set(error, ERROR_INVALID, "\"deadline\" must be after \"release\"");
    if (settle_name(ret_job, error) < 0)
        return ERROR_INVALID;
    return job_request_check(ret_job, error);
}
