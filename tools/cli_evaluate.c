/* `tidewatt forecast --evaluate`: how good the controller's forecasts are on measured series. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/utc.h"
#include "tools/cli.h"
#include "tools/forecast/evaluate.h"
#include "tools/forecast/future.h"
#include "tools/forecast/report.h"

struct request {
    const char *carbon, *from, *to, *issue_hour, *latitude, *longitude, *series;
    bool evaluate, json, shift_future;
    struct evaluation_paths paths;
};

/* ---- options ---- */

static int read_number(const char *name, const char *text, double least, double most,
                       double *ret_value, struct error *error)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most))
        return error_set(error, ERROR_INVALID, "--%s: \"%s\" must be a number from %g to %g", name,
                         text, least, most);
    *ret_value = value;
    return 0;
}

static int read_carbon(struct request *request, struct error *error)
{
    request->paths.lifecycle = !strcmp(request->carbon, "lifecycle");
    if (request->paths.lifecycle || !strcmp(request->carbon, "direct"))
        return 0;
    return error_set(error, ERROR_INVALID,
                     "--carbon: there is no \"%s\"; choose direct or lifecycle", request->carbon);
}

static int read_place(const struct request *request, struct evaluation_request *evaluation,
                      struct error *error)
{
    if (read_number("latitude", request->latitude, -90, 90, &evaluation->site.latitude_deg, error) <
        0)
        return ERROR_INVALID;
    return read_number("longitude", request->longitude, -180, 180, &evaluation->site.longitude_deg,
                       error);
}

static int read_times(const struct request *request, struct evaluation_request *evaluation,
                      struct error *error)
{
    double hour = 0;
    if (cli_day(request->from, &evaluation->from_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--from");
    if (cli_day(request->to, &evaluation->to_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--to");
    if (read_number("issue-hour", request->issue_hour, 0, 23, &hour, error) < 0)
        return ERROR_INVALID;
    evaluation->issue_hour = (int32_t)hour;
    if (hour != evaluation->issue_hour)
        return error_set(error, ERROR_INVALID, "--issue-hour: \"%s\" is no whole hour",
                         request->issue_hour);
    return 0;
}

static const char *missing(const struct request *request)
{
    if (!request->paths.grid && !request->paths.price && !request->paths.weather)
        return "nothing to evaluate on: name --grid, --price or --weather";
    if (request->paths.peer && !request->paths.grid)
        return "--peer is compared with the carbon intensity of --grid: name that, too";
    return NULL;
}

static int read_all(struct request *request, struct evaluation_request *evaluation,
                    struct error *error)
{
    const char *lacks = missing(request);
    if (lacks)
        return error_set(error, ERROR_INVALID, "%s", lacks);
    if (read_carbon(request, error) < 0 || read_place(request, evaluation, error) < 0)
        return ERROR_INVALID;
    return read_times(request, evaluation, error);
}

/* ---- the series ---- */

static int choose_one(const char *name, const struct evaluation_inputs *inputs,
                      struct evaluation_request *evaluation, struct error *error)
{
    int32_t track = forecast_track_find(name);
    if (track < 0 || track >= FORECAST_SERIES || inputs->measured[track].hours == 0) {
        error_set(error, ERROR_INVALID, "--series: the files have no \"%s\"; they have", name);
        for (int id = 0; id < FORECAST_SERIES; id++)
            if (inputs->measured[id].hours > 0) {
                struct error before = *error;
                error_set(error, ERROR_INVALID, "%s %s", before.text,
                          forecast_series_name((enum forecast_series)id));
            }
        return ERROR_INVALID;
    }
    evaluation->series[track] = true;
    return 0;
}

static int choose_series(const char *list, const struct evaluation_inputs *inputs,
                         struct evaluation_request *evaluation, struct error *error)
{
    if (!list) {
        evaluation_choose_all(inputs, evaluation);
        return 0;
    }
    while (*list) {
        char word[LIMIT_NAME];
        size_t length = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        if (choose_one(word, inputs, evaluation, error) < 0)
            return ERROR_INVALID;
        list += length + (list[length] == ',');
    }
    return 0;
}

/* ---- the run ---- */

static int run(const struct request *request, struct evaluation_request *asked,
               struct evaluation_inputs *inputs, struct error *error)
{
    struct evaluation evaluation;
    if (choose_series(request->series, inputs, asked, error) < 0)
        return ERROR_INVALID;
    if (request->shift_future)
        return future_check(inputs, asked, stdout, error);
    if (evaluate(inputs, asked, &evaluation, error) < 0)
        return ERROR_INVALID;
    bool written = true;
    if (request->json)
        written = evaluation_print_json(&evaluation, inputs, asked, stdout);
    else
        evaluation_print(&evaluation, inputs, asked, stdout);
    if (written && fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return error_set(error, ERROR_SYSTEM, "the table could not be written: %s", strerror(errno));
}

int cli_evaluate(const struct cli_command *command, int argc, char **argv)
{
    struct request request = {.carbon = "direct",
                              .from = "2021-07-01",
                              .to = "2022-01-01",
                              .issue_hour = "0",
                              .latitude = "0",
                              .longitude = "0"};
    const struct cli_option options[] = {
        {"evaluate", CLI_FLAG, &request.evaluate, NULL, "what this help is about"},
        {"grid", CLI_TEXT, &request.paths.grid, "CSV",
         "carbon intensity and generation by the hour"},
        {"carbon", CLI_TEXT, &request.carbon, "KIND", "direct (else) or lifecycle"},
        {"weather", CLI_TEXT, &request.paths.weather, "CSV",
         "weather forecasts by issue_utc and lead_h"},
        {"price", CLI_TEXT, &request.paths.price, "CSV", "day-ahead prices, 24 rows a day"},
        {"peer", CLI_TEXT, &request.paths.peer, "CSV",
         "another one's forecasts of the carbon intensity"},
        {"from", CLI_TEXT, &request.from, "TIME", "first issue that counts (else 2021-07-01)"},
        {"to", CLI_TEXT, &request.to, "TIME", "end of the last forecast (else 2022-01-01)"},
        {"issue-hour", CLI_TEXT, &request.issue_hour, "HOUR", "of the daily issue, UTC (else 0)"},
        {"latitude", CLI_TEXT, &request.latitude, "DEGREES", "north; the sun of pv_w needs it"},
        {"longitude", CLI_TEXT, &request.longitude, "DEGREES", "east"},
        {"series", CLI_TEXT, &request.series, "NAME[,NAME...]",
         "of carbon_g_per_kwh, pv_w, wind_w, base_it_w, price_per_mwh, temp_outdoor_c (else all of "
         "the files but the last)"},
        {"shift-future", CLI_FLAG, &request.shift_future, NULL,
         "checks that nothing after an issue changes its forecast, instead of evaluating"},
        {"json", CLI_FLAG, &request.json, NULL, "for programs"},
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    struct error error = {""};
    struct evaluation_request asked = {0};
    struct evaluation_inputs inputs;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (read_all(&request, &asked, &error) < 0)
        return cli_usage(command, error.text);
    code = evaluation_inputs_load(&request.paths, &inputs, &error);
    if (code == 0)
        code = run(&request, &asked, &inputs, &error);
    evaluation_inputs_finish(&inputs);
    if (code == 0)
        return 0;
    fprintf(stderr, "tidewatt forecast: %s\n", error.text);
    return CLI_REFUSED;
}
