/* One request line in, one reply line out: what is asked, whether it is well formed, and whom it
 * concerns. A request is a proposal; the core decides and answers with a reason. Pure. */
#include "controller/serve/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "controller/base/utc.h"
#include "controller/serve/api_render.h"
#include "controller/serve/api_submit.h"

static json_t *refusal(enum reason reason, const char *text)
{
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "reason", reason_name(reason), "error", text);
}

/* The core's verdict: negative error, positive reason or 0 for accepted. NULL: accepted. */
static json_t *verdict(int code, const struct error *error)
{
    if (code == 0 || code == REASON_ACCEPTED)
        return NULL;
    if (code < 0)
        return refusal(REASON_INVALID, error->text);
    return refusal((enum reason)code,
                   error->text[0] ? error->text : reason_text((enum reason)code));
}

/* ---- fields of a request -------------------------------------------------------------------- */

int api_wrong(struct error *error, const char *key, const char *wanted)
{
    return error_set(error, ERROR_INVALID, "\"%s\" must be %s", key, wanted);
}

int api_read_text(const json_t *request, const char *key, char *ret_text, size_t size,
                  struct error *error)
{
    const json_t *value = json_object_get(request, key);

    if (!value)
        return 0;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return api_wrong(error, key, "text");
    if (json_string_length(value) >= size)
        return error_set(error, ERROR_INVALID, "\"%s\" has %zu bytes; the most is %zu", key,
                         json_string_length(value), size - 1);
    memcpy(ret_text, json_string_value(value), json_string_length(value) + 1);
    return 0;
}

int api_read_flag(const json_t *request, const char *key, bool *ret_flag, struct error *error)
{
    const json_t *value = json_object_get(request, key);

    if (value && !json_is_boolean(value))
        return api_wrong(error, key, "true or false");
    if (value)
        *ret_flag = json_is_true(value);
    return 0;
}

/* ---- requests ------------------------------------------------------------------------------- */

static json_t *do_status(const struct api_core *core, const char *asker, const json_t *request)
{
    (void)asker;
    (void)request;
    return render_status(core);
}

static json_t *do_points(const struct api_core *core, const char *asker, const json_t *request)
{
    char name[LIMIT_NAME] = "";
    struct error error;
    int32_t device;

    (void)asker;
    if (api_read_text(request, "device", name, sizeof(name), &error) < 0)
        return refusal(REASON_INVALID, error.text);
    device = core->topology ? topology_find_device(core->topology, name) : -1;
    if (device < 0) {
        error_set(&error, 0, "no device \"%s\": {\"do\":\"status\"} lists them", name);
        return refusal(REASON_INVALID, error.text);
    }
    return render_points(core, device);
}

/* Of one job: why it runs or waits at each time. */
static json_t *do_plan(const struct api_core *core, const char *asker, const json_t *request)
{
    const json_t *job = json_object_get(request, "job");
    struct error error;
    bool known;
    json_t *reply;

    (void)asker;
    if (!job)
        return render_plan(core);
    if (!json_is_integer(job) || json_integer_value(job) <= 0)
        return refusal(REASON_INVALID, "\"job\" must be the number of a job");
    reply = render_plan_of_job(core, json_integer_value(job), &known);
    if (known)
        return reply;
    error_set(&error, 0,
              "the plan in force knows no job %lld: it has ended, or came after the plan",
              (long long)json_integer_value(job));
    return refusal(REASON_UNKNOWN_JOB, error.text);
}

static json_t *do_jobs(const struct api_core *core, const char *asker, const json_t *request)
{
    bool all = false;
    struct error error;

    (void)asker;
    if (api_read_flag(request, "all", &all, &error) < 0)
        return refusal(REASON_INVALID, error.text);
    return render_jobs(core, all);
}

static json_t *do_version(const struct api_core *core, const char *asker, const json_t *request)
{
    (void)asker;
    (void)request;
    return json_pack("{s:b, s:s}", "ok", 1, "version", core->version);
}

/* A deadline in the past is a slip of the pen; one that is hard to meet is the planner's matter. */
static int check_deadline(const struct api_core *core, const struct job_request *job,
                          struct error *error)
{
    const int64_t now_ms = core->snapshot(core->context)->now_ms;
    char deadline[UTC_TEXT], now[UTC_TEXT];

    if (job->deadline_ms > now_ms)
        return 0;
    return error_set(error, ERROR_INVALID, "\"deadline\" %s has passed: the site's clock shows %s",
                     utc_format(job->deadline_ms, deadline), utc_format(now_ms, now));
}

static json_t *do_submit(const struct api_core *core, const char *asker, const json_t *request)
{
    struct error error = {""};
    int64_t id = 0;
    json_t *reply;
    struct job_request *job = calloc(1, sizeof(*job));

    if (!job)
        return NULL;
    job->deadline_ms = JOB_NO_DEADLINE;
    job->can_suspend = true;
    snprintf(job->owner, sizeof(job->owner), "%s", asker);
    if (api_read_job(core->topology, request, job, &error) < 0 ||
        check_deadline(core, job, &error) < 0)
        reply = refusal(REASON_INVALID, error.text);
    else
        reply = verdict(core->submit(core->context, job, &id, &error), &error);
    free(job);
    if (reply)
        return reply;
    return json_pack("{s:b, s:s, s:I}", "ok", 1, "reason", reason_name(REASON_ACCEPTED), "id",
                     (json_int_t)id);
}

static json_t *accepted(void)
{
    return json_pack("{s:b, s:s}", "ok", 1, "reason", reason_name(REASON_ACCEPTED));
}

static json_t *do_cancel(const struct api_core *core, const char *asker, const json_t *request)
{
    const json_t *id = json_object_get(request, "id");
    struct error error = {""};
    json_t *reply;

    if (!json_is_integer(id) || json_integer_value(id) <= 0)
        return refusal(REASON_INVALID, "\"id\" must be the number of a job");
    reply = verdict(core->cancel(core->context, json_integer_value(id), asker, &error), &error);
    return reply ? reply : accepted();
}

static json_t *do_mode(const struct api_core *core, const char *asker, const json_t *request)
{
    char subsystem_text[LIMIT_NAME] = "", mode_text[LIMIT_NAME] = "";
    struct error error = {""};
    enum subsystem subsystem;
    enum mode mode;
    json_t *reply;

    if (api_read_text(request, "subsystem", subsystem_text, sizeof(subsystem_text), &error) < 0 ||
        api_read_text(request, "mode", mode_text, sizeof(mode_text), &error) < 0)
        return refusal(REASON_INVALID, error.text);
    if (subsystem_find(subsystem_text, &subsystem) < 0)
        return refusal(REASON_INVALID, "\"subsystem\" must be jobs, battery or cooling");
    if (mode_find(mode_text, &mode) < 0)
        return refusal(REASON_INVALID, "\"mode\" must be observe, advise or control");
    reply = verdict(core->set_mode(core->context, subsystem, mode, asker, &error), &error);
    return reply ? reply : accepted();
}

struct request_kind {
    const char *name;
    json_t *(*answer)(const struct api_core *core, const char *asker, const json_t *request);
    const char *keys[20]; /* allowed beside "do", NULL-terminated */
};

static const struct request_kind kinds[] = {
    {"status", do_status, {NULL}},
    {"points", do_points, {"device", NULL}},
    {"plan", do_plan, {"job", NULL}},
    {"jobs", do_jobs, {"all", NULL}},
    {"submit",
     do_submit,
     {"name", "class", "power_w", "work_ms", "min_run_ms", "release", "deadline", "can_suspend",
      "directory", "checkpoint", "command", "levels", "level_command", "restart_ms", "accelerators",
      "accelerator_classes", NULL}},
    {"cancel", do_cancel, {"id", NULL}},
    {"mode", do_mode, {"subsystem", "mode", NULL}},
    {"version", do_version, {NULL}},
};

static bool key_allowed(const struct request_kind *kind, const char *key)
{
    if (!strcmp(key, "do"))
        return true;
    for (int i = 0; kind->keys[i]; i++) {
        if (!strcmp(kind->keys[i], key))
            return true;
    }
    return false;
}

static const char *strange_key(const struct request_kind *kind, json_t *request)
{
    const char *key;
    json_t *value;

    json_object_foreach(request, key, value)
    {
        if (!key_allowed(kind, key))
            return key;
    }
    return NULL;
}

static const struct request_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    }
    return NULL;
}

static json_t *answer(const struct api_core *core, const char *asker, json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "do"));
    const struct request_kind *kind = name ? find_kind(name) : NULL;
    const char *strange = kind ? strange_key(kind, request) : NULL;
    struct error error;

    if (!kind)
        return refusal(REASON_INVALID, "\"do\" must be status, points, plan, jobs, submit, cancel, "
                                       "mode or version");
    if (strange) {
        error_set(&error, 0, "\"%s\" is not a key of \"%s\"", strange, name);
        return refusal(REASON_INVALID, error.text);
    }
    return kind->answer(core, asker, request);
}

static char *as_line(json_t *reply)
{
    char *text = reply ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    size_t length;
    char *line;

    json_decref(reply);
    if (!text)
        return strdup("{\"ok\":false,\"reason\":\"full\",\"error\":\"out of memory\"}\n");
    length = strlen(text);
    line = realloc(text, length + 2);
    if (!line) {
        free(text);
        return NULL;
    }
    memcpy(line + length, "\n", 2);
    return line;
}

char *api_answer(const struct api_core *core, const char *asker, const char *line)
{
    json_error_t why;
    struct error error;
    json_t *request = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    json_t *reply;

    if (request) {
        reply = answer(core, asker, request);
    } else {
        error_set(&error, 0, "the request is no JSON object: byte %d: %s", why.position, why.text);
        reply = refusal(REASON_INVALID, error.text);
    }
    json_decref(request);
    return as_line(reply);
}
