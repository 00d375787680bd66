/* `tidewatt jobs`, `submit` and `cancel`: the life of a job as its owner sees it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/cli_table.h"

enum { CLOCK_TRIES = 30, CLOCK_PAUSE_MS = 100 };

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

/* Why it is as it is: for a waiting job the plan knows better than its last change. */
static const char *why(const json_t *job)
{
    const char *state = cli_word(get(job, "state"));
    const json_t *planned = get(job, "planned");

    if (json_is_object(planned) && (!strcmp(state, "queued") || !strcmp(state, "suspended")))
        return cli_word(get(planned, "reason_text"));
    return cli_word(get(job, "reason_text"));
}

static void add_job(struct cli_table *table, const json_t *job)
{
    const double work_ms = json_number_value(get(job, "work_ms"));
    const json_t *planned = get(job, "planned");
    char text[CLI_TEXT_ROOM];

    cli_cell(table, "%lld", (long long)json_integer_value(get(job, "id")));
    cli_cell(table, "%s", cli_word(get(job, "name")));
    cli_cell(table, "%s", cli_word(get(job, "owner")));
    cli_cell(table, "%s", cli_word(get(job, "class")));
    cli_cell(table, "%s", cli_word(get(job, "state")));
    cli_cell(table, "%s", cli_quantity(get(job, "power_w"), DIMENSION_POWER, text));
    cli_cell(table, "%s", cli_quantity(get(job, "work_ms"), DIMENSION_DURATION, text));
    if (work_ms > 0)
        cli_cell(table, "%.0f %%", 100 * json_number_value(get(job, "ran_ms")) / work_ms);
    else
        cli_cell(table, "–");
    cli_cell(table, "%s", cli_time(get(planned, "start"), text));
    cli_cell(table, "%s", cli_time(get(job, "deadline"), text));
    cli_cell(table, "%s", why(job));
}

static void print_jobs(const json_t *jobs)
{
    static const struct cli_column columns[] = {
        {"JOB", 'r'},      {"NAME", 'l'},     {"OWNER", 'l'}, {"CLASS", 'l'},
        {"STATE", 'l'},    {"POWER", 'r'},    {"WORK", 'r'},  {"DONE", 'r'},
        {"NEXT RUN", 'l'}, {"DEADLINE", 'l'}, {"WHY", 'l'},   {NULL, 0}};
    struct cli_table *table = cli_table_create(columns);
    const json_t *job;
    size_t i;

    json_array_foreach(jobs, i, job)
    {
        add_job(table, job);
    }
    cli_table_print(table, stdout);
    cli_table_destroy(table);
}

int cli_jobs(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    bool all = false;
    const struct cli_option options[] = {{"all", CLI_FLAG, &all, NULL, "show ended jobs too"},
                                         CLI_COMMON_OPTIONS(common),
                                         CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);
    json_t *reply;

    if (code != CLI_GO_ON)
        return code;
    reply = cli_ask(&common, json_pack("{s:s, s:b}", "do", "jobs", "all", all), &code);
    if (!reply)
        return code;
    if (!common.json && json_array_size(get(reply, "jobs")) == 0)
        puts(all ? "There are no jobs." : "No job waits or runs; --all shows ended ones.");
    else if (!common.json)
        print_jobs(get(reply, "jobs"));
    json_decref(reply);
    return 0;
}

/* ---- submit --------------------------------------------------------------------------------- */

struct submission {
    struct cli_common common;
    double power_w, work_ms, min_run_ms; /* 0: not given */
    struct cli_time release, deadline;
    const char *job_class, *name, *checkpoint, *directory;
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
                  is_utf8(job->directory);

    for (int i = 0; i < operands->rest_count; i++)
        result = result && is_utf8(operands->rest[i]);
    return result;
}

static json_t *build_request(const struct submission *job, const struct cli_operands *operands)
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
    return request;
}

static int submit(struct submission *job, const struct cli_operands *operands)
{
    int code = settle_times(job);
    json_t *reply;

    if (code != 0)
        return code;
    reply = cli_ask(&job->common, build_request(job, operands), &code);
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
    return submit(&job, &operands);
}

/* ---- cancel --------------------------------------------------------------------------------- */

int cli_cancel(const struct cli_command *command, int argc, char **argv)
{
    struct cli_common common = {0};
    const struct cli_option options[] = {CLI_COMMON_OPTIONS(common), CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    int code = cli_begin(command, options, argc, argv, 1, 1, &operands);
    char *end;
    long long id;
    json_t *reply;

    if (code != CLI_GO_ON)
        return code;
    errno = 0;
    id = strtoll(operands.words[0], &end, 10);
    if (*end || errno || id <= 0)
        return cli_usage(command, "ID is the number that submit printed, see: tidewatt jobs");
    reply = cli_ask(&common, json_pack("{s:s, s:I}", "do", "cancel", "id", (json_int_t)id), &code);
    if (!reply)
        return code;
    if (!common.json)
        printf("job %lld is being cancelled\n", id);
    json_decref(reply);
    return 0;
}
