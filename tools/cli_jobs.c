/* `tidewatt jobs` and `cancel`: the life of a job as its owner sees it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/cli_table.h"

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

/* Where it is, or nothing while it is not placed. */
static void place_cell(struct cli_table *table, const json_t *place)
{
    if (json_is_integer(place))
        cli_cell(table, "%lld", (long long)json_integer_value(place));
    else
        cli_cell(table, "%s", cli_word(place));
}

/* "0", or "0 > 1" on the way to another; nothing for a job that has only one. */
static void level_cell(struct cli_table *table, const json_t *job)
{
    const long long level = json_integer_value(get(job, "level"));
    const json_t *asked = get(job, "level_asked");

    if (json_array_size(get(job, "levels")) < 2)
        cli_cell(table, "–");
    else if (json_is_integer(asked))
        cli_cell(table, "%lld > %lld", level, (long long)json_integer_value(asked));
    else
        cli_cell(table, "%lld", level);
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
    place_cell(table, get(job, "group"));
    level_cell(table, job);
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
        {"JOB", 'r'},      {"NAME", 'l'},     {"OWNER", 'l'}, {"CLASS", 'l'}, {"STATE", 'l'},
        {"GROUP", 'l'},    {"LEVEL", 'r'},    {"POWER", 'r'}, {"WORK", 'r'},  {"DONE", 'r'},
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
