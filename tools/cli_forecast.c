/* `tidewatt forecast`: what is believed, what was believed and came, and how good that was. It
 * reads the ledger: beside the running daemon, which says where it is, or without one (--db). */
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/cli_forecast_ask.h"
#include "tools/cli_forecast_show.h"

struct request {
    struct cli_common common;
    const char *db, *series_name, *at, *about;
    bool history, scores;
    int32_t series; /* -1: all */
    int64_t newest_ms, at_ms, about_ms;
};

/* ---- asking ---- */

/* "At 14:00" is the whole minute: the issue of 14:00 was made some ms after it. */
static int64_t said_until_ms(const struct request *request)
{
    bool minute = request->at && request->at_ms % MINUTE_MS == 0;
    return minute ? request->at_ms + MINUTE_MS - 1 : request->at_ms;
}

static json_t *ask_all(const struct request *request, struct belief *belief, struct error *error)
{
    json_t *all = json_array();
    for (int s = 0; s < FORECAST_SERIES; s++) {
        if (request->series >= 0 && request->series != s)
            continue;
        enum forecast_series series = (enum forecast_series)s;
        json_t *object = request->about
                             ? forecast_ask_moment(belief, series, said_until_ms(request),
                                                   request->about_ms, error)
                             : forecast_ask_series(belief, series, said_until_ms(request),
                                                   request->at_ms - QUARTER_MS, INT64_MAX, error);
        if (!object) {
            json_decref(all);
            return NULL;
        }
        json_array_append_new(all, object);
    }
    return all;
}

static json_t *ask(const struct request *request, struct belief *belief, struct error *error)
{
    if (request->scores)
        return forecast_ask_scores(belief, request->series, error);
    json_t *all = ask_all(request, belief, error);
    char at[UTC_TEXT];
    return all ? json_pack("{s:s, s:o}", "at", utc_format(request->at_ms, at), "forecasts", all)
               : NULL;
}

static void print(const struct request *request, const json_t *answer)
{
    const json_t *all = json_object_get(answer, "forecasts");
    if (request->scores)
        forecast_show_scores(answer);
    else if (request->about)
        forecast_show_moment(all, request->at_ms, request->about_ms);
    else if (request->series >= 0)
        forecast_show_series(json_array_get(all, 0));
    else
        forecast_show_now(all, request->at_ms);
}

/* "14:00" is the last time before `reference`, or with `ahead` the first one from it on. */
static int parse_time(const char *text, int64_t reference_ms, bool ahead, int64_t *ret_ms,
                      struct error *error)
{
    char rest;
    int hour, minute;
    if (strlen(text) != 5 || sscanf(text, "%2d:%2d%c", &hour, &minute, &rest) != 2)
        return utc_parse(text, ret_ms, error);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return error_set(error, ERROR_INVALID, "\"%s\" is no time of day", text);
    int64_t ms =
        utc_floor(reference_ms, DAY_MS) + hour * (int64_t)HOUR_MS + minute * (int64_t)MINUTE_MS;
    if (ahead && ms < reference_ms)
        ms += DAY_MS;
    if (!ahead && ms > reference_ms)
        ms -= DAY_MS;
    *ret_ms = ms;
    return 0;
}

static int settle_times(struct request *request, struct belief *belief, struct error *error)
{
    if (request->scores)
        return 0;
    if (forecast_newest(belief, &request->newest_ms, error) < 0)
        return ERROR_INVALID;
    request->at_ms = request->newest_ms;
    if (request->at &&
        parse_time(request->at, request->newest_ms, false, &request->at_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--at");
    if (request->about &&
        parse_time(request->about, request->at_ms, true, &request->about_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--about");
    return 0;
}

static int answer(struct request *request, const char *path)
{
    struct belief *belief = NULL;
    struct error error = {""};
    json_t *object = NULL;
    if (belief_open(path, &belief, &error) == 0 && settle_times(request, belief, &error) == 0)
        object = ask(request, belief, &error);
    if (!object)
        fprintf(stderr, "tidewatt: %s\n", error.text);
    else if (request->common.json)
        json_dumpf(object, stdout, JSON_COMPACT), putchar('\n');
    else
        print(request, object);
    belief_close(belief);
    json_decref(object);
    return object ? 0 : CLI_REFUSED;
}

/* The daemon knows where its ledger is. */
static int find_ledger(const struct request *request, char path[LIMIT_PATH])
{
    const struct cli_common quiet = {.socket = request->common.socket};
    int code = CLI_GO_ON;
    if (request->db) {
        snprintf(path, LIMIT_PATH, "%s", request->db);
        return code;
    }
    json_t *status = cli_ask(&quiet, json_pack("{s:s}", "do", "status"), &code);
    const char *known =
        json_string_value(json_object_get(json_object_get(status, "store"), "path"));
    if (code == CLI_NO_DAEMON)
        fprintf(stderr, "Without a daemon, name its ledger: tidewatt forecast --db FILE\n");
    if (known)
        snprintf(path, LIMIT_PATH, "%s", known);
    json_decref(status);
    return code;
}

static int check(const struct cli_command *command, const struct cli_operands *operands,
                 struct request *request)
{
    struct error error;
    if (operands->count == 1 && strcmp(operands->words[0], "now") != 0)
        return cli_usage(command, "the only word it takes is \"now\": try --series, --history or "
                                  "--scores");
    if (request->history && !request->at)
        return cli_usage(command, "--history asks what was believed --at a time: 14:00, or "
                                  "2026-11-22T14:00Z");
    if (!request->history && (request->at || request->about))
        return cli_usage(command, "--at and --about belong to --history");
    if (request->history && !request->about && !request->series_name)
        return cli_usage(command, "--history --at TIME goes on with --about TIME, --series NAME or "
                                  "both");
    request->series = request->series_name ? forecast_track_find(request->series_name) : -1;
    if (!request->series_name || (request->series >= 0 && request->series < FORECAST_SERIES))
        return CLI_GO_ON;
    int length =
        snprintf(error.text, sizeof error.text, "unknown series \"%.40s\":", request->series_name);
    for (int s = 0; s < FORECAST_SERIES; s++)
        length += snprintf(error.text + length, sizeof error.text - (size_t)length, " %s",
                           forecast_series_name((enum forecast_series)s));
    return cli_usage(command, error.text);
}

static bool is_evaluation(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--evaluate") == 0)
            return true;
    }
    return false;
}

int cli_forecast(const struct cli_command *command, int argc, char **argv)
{
    struct request request = {.series = -1};
    bool evaluate = false;
    const struct cli_option options[] = {
        {"series", CLI_TEXT, &request.series_name, "NAME", "one series, step by step to 96 h"},
        {"history", CLI_FLAG, &request.history, NULL, "what was believed, and what came"},
        {"at", CLI_TEXT, &request.at, "TIME", "with --history: believed then (14:00 is UTC)"},
        {"about", CLI_TEXT, &request.about, "TIME",
         "with --history: about that time only, beside what providers said"},
        {"scores", CLI_FLAG, &request.scores, NULL, "errors by series and lead, and the models"},
        {"evaluate", CLI_FLAG, &evaluate, NULL,
         "a rolling-origin evaluation over files (--evaluate --help)"},
        {"db", CLI_TEXT, &request.db, "FILE", "this ledger, with or without a daemon"},
        CLI_COMMON_OPTIONS(request.common),
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    char path[LIMIT_PATH];
    if (is_evaluation(argc, argv))
        return cli_evaluate(command, argc, argv);
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);
    if (code == CLI_GO_ON)
        code = check(command, &operands, &request);
    if (code == CLI_GO_ON)
        code = find_ledger(&request, path);
    return code == CLI_GO_ON ? answer(&request, path) : code;
}
