/* `tidewatt backtest`: what a site would have done, by several policies side by side. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/log.h"
#include "controller/base/utc.h"
#include "tools/backtest/backtest.h"
#include "tools/backtest/report.h"
#include "tools/cli.h"

struct request {
    const char *site, *place, *policies, *forecast, *from, *to, *windows, *csv, *database;
    double capacity_w;
    bool whole_jobs;
    struct input_paths paths;
};

static void note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

/* "2021-01-01" or a full time. */
static int read_time(const char *text, int64_t *ret_ms, struct error *error)
{
    char full[UTC_TEXT];
    if (strlen(text) == strlen("2021-01-01")) {
        snprintf(full, sizeof full, "%sT00:00:00Z", text);
        text = full;
    }
    return utc_parse(text, ret_ms, error);
}

/* The next word of a comma-separated list; false: there is none. */
static bool next_word(const char **rest, char *ret_word, size_t size)
{
    if (!*rest)
        return false;
    size_t length = strcspn(*rest, ",");
    snprintf(ret_word, size, "%.*s", (int)length, *rest);
    *rest = (*rest)[length] ? *rest + length + 1 : NULL;
    return true;
}

static int read_policies(const char *list, struct backtest *backtest, struct error *error)
{
    char word[LIMIT_NAME];
    while (next_word(&list, word, sizeof word)) {
        enum policy policy;
        if (policy_find(word, &policy) < 0)
            return error_set(error, ERROR_INVALID,
                             "--policy: there is no \"%s\"; choose from none, lowest-slot, "
                             "lowest-window, carbon-time, suspend-resume, threshold, surplus, "
                             "tidewatt, oracle",
                             word);
        for (int p = 0; p < backtest->policy_count; p++)
            if (backtest->policies[p] == policy)
                return error_set(error, ERROR_INVALID, "--policy: %s is named twice", word);
        backtest->policies[backtest->policy_count++] = policy;
    }
    return 0;
}

static int read_forecast(const char *name, struct backtest *backtest, struct error *error)
{
    for (int k = 0; outlook_names[k]; k++) {
        if (strcmp(name, outlook_names[k]) != 0)
            continue;
        backtest->outlook = (enum outlook_kind)k;
        return 0;
    }
    return error_set(error, ERROR_INVALID,
                     "--forecast: there is no \"%s\"; choose model, persistence or perfect", name);
}

static int read_windows(const struct request *request, struct backtest *backtest,
                        struct error *error)
{
    const char *list = request->windows ? request->windows : request->from;
    char word[LIMIT_NAME];
    while (next_word(&list, word, sizeof word)) {
        if (backtest->window_count == BACKTEST_WINDOWS)
            return error_set(error, ERROR_INVALID, "--windows: at most %d", BACKTEST_WINDOWS);
        if (read_time(word, &backtest->from_ms[backtest->window_count++], error) < 0)
            return error_prefix(error, ERROR_INVALID, request->windows ? "--windows" : "--from");
    }
    if (request->to && read_time(request->to, &backtest->to_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--to");
    return 0;
}

static const char *missing(const struct request *request)
{
    if (!request->site)
        return "--site is missing: name the site's configuration";
    if (!request->from && !request->windows)
        return "--from is missing: name the first day, as in 2021-01-01";
    if (request->from && request->windows)
        return "--from and --windows exclude each other";
    if (request->windows && request->to)
        return "--windows end with the last deadline of --jobs: leave --to out";
    return NULL;
}

static int read_all(const struct request *request, struct backtest *backtest, struct error *error)
{
    const char *lacks = missing(request);
    if (lacks)
        return error_set(error, ERROR_INVALID, "%s", lacks);
    if (read_policies(request->policies, backtest, error) < 0 ||
        read_forecast(request->forecast, backtest, error) < 0)
        return ERROR_INVALID;
    backtest->database = request->database;
    return read_windows(request, backtest, error);
}

static void set_capacity(struct config *config, double capacity_w)
{
    for (int32_t f = 0; capacity_w > 0 && f < config->topology->feeder_count; f++)
        config->topology->feeders[f].limit_w = capacity_w;
}

/* "52.1,5.3": where the sun of the forecast shines. */
static int set_place(struct config *config, const char *place, struct error *error)
{
    double latitude_deg, longitude_deg;
    int length = 0;
    if (!place)
        return 0;
    if (sscanf(place, "%lf,%lf%n", &latitude_deg, &longitude_deg, &length) != 2 ||
        place[length] != '\0' || !(fabs(latitude_deg) <= 90) || !(fabs(longitude_deg) <= 180))
        return error_set(error, ERROR_INVALID,
                         "--place: \"%s\" is no place: give degrees north and east as 52.1,5.3",
                         place);
    config->values.latitude_deg = latitude_deg;
    config->values.longitude_deg = longitude_deg;
    return 0;
}

static int write_csv(const char *path, const struct backtest *backtest,
                     const struct result *results, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_set(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    report_csv(results, backtest->policy_count, &backtest->site, file);
    if (fclose(file) != 0)
        return error_set(error, ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    return 0;
}

static int run(const struct request *request, struct backtest *backtest, struct error *error)
{
    struct result results[POLICIES];
    int code = backtest_check(backtest, error);
    if (code == 0)
        code = backtest_run(backtest, results, error);
    if (code < 0)
        return code;
    report_table(results, backtest->policy_count, &backtest->site, stdout);
    return request->csv ? write_csv(request->csv, backtest, results, error) : 0;
}

static int load_and_run(const struct request *request, struct backtest *backtest,
                        struct error *error)
{
    int code = backtest_site_load(request->site, &backtest->site, note, NULL, error);
    if (code < 0)
        return code;
    set_capacity(backtest->site.config, request->capacity_w);
    if (request->whole_jobs)
        backtest->site.interruptible = false;
    code = set_place(backtest->site.config, request->place, error);
    if (code == 0)
        code = inputs_load(&request->paths, &backtest->site, &backtest->inputs, error);
    if (code == 0)
        code = run(request, backtest, error);
    inputs_finish(&backtest->inputs);
    backtest_site_finish(&backtest->site);
    return code;
}

int cli_backtest(const struct cli_command *command, int argc, char **argv)
{
    struct request request = {.policies = "none,tidewatt", .forecast = "model"};
    const struct cli_option options[] = {
        {"site", CLI_TEXT, &request.site, "FILE", "configuration with a group backtest"},
        {"place", CLI_TEXT, &request.place, "LAT,LON",
         "degrees north and east of the series, instead of the configured ones"},
        {"grid", CLI_TEXT, &request.paths.grid, "CSV",
         "carbon intensity and generation by the hour, time_utc"},
        {"price", CLI_TEXT, &request.paths.price, "CSV",
         "price_eur_per_mwh by the hour, time_utc or time_local"},
        {"weather", CLI_TEXT, &request.paths.weather, "CSV", "forecasts with issue_utc and lead_h"},
        {"jobs", CLI_TEXT, &request.paths.jobs, "CSV",
         "arrival_s (from the window's start), length_s, cpus"},
        {"from", CLI_TEXT, &request.from, "TIME", "start, as 2021-01-01 or a full UTC time"},
        {"to", CLI_TEXT, &request.to, "TIME", "end (else when the last deadline has passed)"},
        {"windows", CLI_TEXT, &request.windows, "TIME[,TIME...]",
         "several starts instead of --from; the sums count"},
        {"policy", CLI_TEXT, &request.policies, "NAME[,NAME...]",
         "none, lowest-slot, lowest-window, carbon-time, suspend-resume, threshold, surplus, "
         "tidewatt, oracle (else none,tidewatt)"},
        {"forecast", CLI_TEXT, &request.forecast, "KIND", "model (else), persistence or perfect"},
        {"capacity", CLI_POWER, &request.capacity_w, "POWER",
         "limit of each feeder instead of the configured one"},
        {"whole-jobs", CLI_FLAG, &request.whole_jobs, NULL, "jobs run in one piece"},
        {"csv", CLI_TEXT, &request.csv, "FILE", "results for programs"},
        {"database", CLI_TEXT, &request.database, "FILE",
         "a ledger a policy: run.db gives run-tidewatt.db"},
        CLI_END_OF_OPTIONS};
    struct cli_operands operands;
    struct error error = {""};
    struct backtest *backtest;
    int code = cli_begin(command, options, argc, argv, 0, 0, &operands);

    if (code != CLI_GO_ON)
        return code;
    backtest = calloc(1, sizeof *backtest);
    if (!backtest || read_all(&request, backtest, &error) < 0) {
        free(backtest);
        return cli_usage(command, backtest ? error.text : "out of memory");
    }
    log_set_level(LOG_LEVEL_WARNING);
    code = load_and_run(&request, backtest, &error);
    free(backtest);
    if (code == 0)
        return 0;
    fprintf(stderr, "tidewatt backtest: %s\n", error.text);
    return CLI_REFUSED;
}
