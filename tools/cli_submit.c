/* `tidewatt submit`: a new job, as its owner describes it. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/cli_levels.h"

enum { CLOCK_TRIES = 30, CLOCK_PAUSE_MS = 100 };

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

struct submission {
    struct cli_common common;
    double power_w, work_ms, min_run_ms, restart_ms; /* 0: not given */
    struct cli_time release, deadline;
    const char *job_class, *name, *checkpoint, *directory, *level_command;
    struct cli_list levels, accelerators;
    bool can_suspend;
};

/* The site's clock may run apart from this machine's, so that the daemon is asked for it. One that
 * has only just started tells it from its first tick on. */
static int ask_time(const struct cli_common *common, int64_t *ret_now_ms)
{
    const struct cli_common quiet = {.socket = common->socket};
    const struct timespec pause = {.tv_nsec = CLOCK_PAUSE_MS * 1000000L};

    for (int i = 0; i < CLOCK_TRIES; i++) {
        int code = 0;
        json_t *status = cli_ask(&quiet, json_pack("{s:s}", "do", "status"), &code);

        if (!status)
            return code;
        *ret_now_ms = cli_time_ms(get(status, "now"));
        json_decref(status);
        if (*ret_now_ms != 0)
            return 0;
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "tidewatt: the daemon does not tell its time yet: try again later\n");
    return CLI_NO_DAEMON;
}

static int settle_times(struct submission *job)
{
    int64_t now_ms = 0;
    int code;

    if (!job->release.relative && !job->deadline.relative)
        return 0;
    code = ask_time(&job->common, &now_ms);
    if (code != 0)
        return code;
    if (job->release.relative)
        job->release.ms += now_ms;
    if (job->deadline.relative)
        job->deadline.ms += now_ms;
    return 0;
}

static void set_time(json_t *request, const char *key, const struct cli_time *time)
{
    char text[UTC_TEXT];

    if (time->given)
        json_object_set_new(request, key, json_string(utc_format(time->ms, text)));
}

static void set_text(json_t *request, const char *key, const char *text)
{
    if (text)
        json_object_set_new(request, key, json_string(text));
}

static bool is_utf8(const char *text)
{
    json_t *string = text ? json_string(text) : json_null();
    const bool result = string != NULL;

    json_decref(string);
    return result;
}

/* Requests are JSON: what cannot be said there must not be left out in silence. */
static bool can_be_said(const struct submission *job, const struct cli_operands *operands)
{
    bool result = is_utf8(job->job_class) && is_utf8(job->name) && is_utf8(job->checkpoint) &&
                  is_utf8(job->directory) && is_utf8(job->level_command) &&
                  is_utf8(job->accelerators.texts[0]);

    for (int i = 0; i < operands->rest_count; i++)
        result = result && is_utf8(operands->rest[i]);
    return result;
}

static int build_request(const struct submission *job, const struct cli_operands *operands,
                         json_t **ret_request, struct error *error)
{
    json_t *request = json_pack("{s:s, s:f, s:f, s:b}", "do", "submit", "power_w", job->power_w,
                                "work_ms", job->work_ms, "can_suspend", job->can_suspend);
    json_t *command = json_array();

    for (int i = 0; i < operands->rest_count; i++)
        json_array_append_new(command, json_string(operands->rest[i]));
    json_object_set_new(request, "command", command);
    set_text(request, "class", job->job_class);
    set_text(request, "name", job->name);
    set_text(request, "checkpoint", job->checkpoint);
    set_text(request, "directory", job->directory);
    set_time(request, "release", &job->release);
    set_time(request, "deadline", &job->deadline);
    if (job->min_run_ms > 0)
        json_object_set_new(request, "min_run_ms", json_real(job->min_run_ms));
    if (job->restart_ms > 0)
        json_object_set_new(request, "restart_ms", json_real(job->restart_ms));
    set_text(request, "level_command", job->level_command);
    int code = cli_levels(&job->levels, request, error);
    if (code == 0)
        code = cli_accelerators(&job->accelerators, request, error);
    if (code < 0)
        json_decref(request);
    else
        *ret_request = request;
    return code;
}

static int submit(const struct cli_command *command, struct submission *job,
                  const struct cli_operands *operands)
{
    int code = settle_times(job);
    json_t *request, *reply;
    struct error error;

    if (code != 0)
        return code;
    if (build_request(job, operands, &request, &error) < 0)
        return cli_usage(command, error.text);
    reply = cli_ask(&job->common, request, &code);
    if (!reply)
        return code;
    if (!job->common.json)
        printf("%lld\n", (long long)json_integer_value(get(reply, "id")));
    json_decref(reply);
    return 0;
}

int cli_submit(const struct cli_command *command, int argc, char **argv)
{
    struct submission job = {.can_suspend = true};
    const struct cli_option options[] = {
        {"power", CLI_POWER, &job.power_w, "POWER", "IT power while it runs, e.g. 6.5kW (needed)"},
        {"work", CLI_DURATION, &job.work_ms, "TIME", "running time it needs, e.g. 4h (needed)"},
        {"deadline", CLI_TIME, &job.deadline, "WHEN",
         "finish by then: 2026-11-22T06:00Z, or +8h from the site's time"},
        {"release", CLI_TIME, &job.release, "WHEN", "do not start before then"},
        {"class", CLI_TEXT, &job.job_class, "CLASS",
         "realtime, guaranteed, deferrable (default) or scavenger"},
        {"name", CLI_TEXT, &job.name, "NAME", "for the tables (default: the program's)"},
        {"min-run", CLI_DURATION, &job.min_run_ms, "TIME", "shortest stretch worth starting"},
        {"no-suspend", CLI_CLEAR, &job.can_suspend, NULL, "once started it runs to its end"},
        {"checkpoint", CLI_TEXT, &job.checkpoint, "COMMAND",
         "shell command that suspends it by checkpoint, instead of a signal"},
        {"restart", CLI_DURATION, &job.restart_ms, "TIME",
         "work that reading a checkpoint back takes each time"},
        {"level", CLI_LIST, &job.levels, "POWER=SPEED[:N]",
         "it can also run at less power, e.g. 4.5kW=85%, on N accelerators; falling, up to 3"},
        {"level-command", CLI_TEXT, &job.level_command, "COMMAND",
         "shell command that makes it run at $TIDEWATT_LEVEL (0: full), $TIDEWATT_POWER_W; also "
         "run "
         "after each start at a lower level than full"},
        {"accelerators", CLI_LIST, &job.accelerators, "CLASS[,CLASS]:N",
         "it needs N of any of these classes, e.g. h100,a100:8"},
        {"directory", CLI_TEXT, &job.directory, "PATH", "where it runs (default: here)"},
        CLI_COMMON_OPTIONS(job.common),
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, CLI_WORDS, &operands);
    char here[PATH_MAX];

    if (code != CLI_GO_ON)
        return code;
    if (!job.directory)
        job.directory = getcwd(here, sizeof(here));
    if (operands.count > 0 || operands.rest_count == 0)
        return cli_usage(command, "put the job's command after \"--\"");
    if (!(job.power_w > 0))
        return cli_usage(command, "--power is needed: the planner must know what the job draws");
    if (!(job.work_ms > 0))
        return cli_usage(command, "--work is needed: the planner must know how long it runs");
    if (!can_be_said(&job, &operands))
        return cli_usage(command, "the command, its folder and its options must be UTF-8 text");
    return submit(command, &job, &operands);
}
