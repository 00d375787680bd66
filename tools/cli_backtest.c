/* `tidewatt backtest`: what a site would have done, by several policies side by side. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/base/log.h"
#include "controller/base/utc.h"
#include "tools/backtest/backtest.h"
#include "tools/backtest/report.h"
#include "tools/cli.h"

enum { STOPPED = 128 + SIGINT }; /* exit code, as shells tell it */

struct request {
    const char *site, *place, *policies, *forecast, *from, *to, *windows, *csv, *database;
    double capacity_w;
    double latitude_deg, longitude_deg; /* of the place */
    bool whole_jobs;
    struct input_paths paths;
};

static void note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
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
        if (cli_day(word, &backtest->from_ms[backtest->window_count++], error) < 0)
            return error_prefix(error, ERROR_INVALID, request->windows ? "--windows" : "--from");
    }
    if (request->to && cli_day(request->to, &backtest->to_ms, error) < 0)
        return error_prefix(error, ERROR_INVALID, "--to");
    return 0;
}

/* "52.1,5.3": where the sun of the forecast shines. */
static int read_place(struct request *request, struct error *error)
{
    int length = 0;
    if (!request->place)
        return 0;
    if (sscanf(request->place, "%lf,%lf%n", &request->latitude_deg, &request->longitude_deg,
               &length) == 2 &&
        request->place[length] == '\0' && fabs(request->latitude_deg) <= 90 &&
        fabs(request->longitude_deg) <= 180)
        return 0;
    return error_set(error, ERROR_INVALID,
                     "--place: \"%s\" is no place: give degrees north and east as 52.1,5.3",
                     request->place);
}

static const char *missing(const struct request *request)
{
    if (!request->site)
        return "--site is missing: name the site's configuration";
    if (!request->from && !request->windows)
        return "--from is missing: name the first day, as in 2021-01-01";
    if (request->from && request->windows)
        return "--from and --windows exclude each other";
    if (request->windows && !request->paths.jobs)
        return "--windows end with the last deadline of --jobs: name them";
    if (request->from && !request->to && !request->paths.jobs)
        return "--to is missing: name the end, or --jobs, whose last deadline it is then";
    if (request->windows && request->to)
        return "--windows end with the last deadline of --jobs: leave --to out";
    return NULL;
}

static int read_all(struct request *request, struct backtest *backtest, struct error *error)
{
    const char *lacks = missing(request);
    if (lacks)
        return error_set(error, ERROR_INVALID, "%s", lacks);
    if (read_policies(request->policies, backtest, error) < 0 ||
        read_forecast(request->forecast, backtest, error) < 0 || read_place(request, error) < 0)
        return ERROR_INVALID;
    backtest->database = request->database;
    return read_windows(request, backtest, error);
}

static void set_capacity(struct config *config, double capacity_w)
{
    for (int32_t f = 0; capacity_w > 0 && f < config->topology->feeder_count; f++)
        config->topology->feeders[f].limit_w = capacity_w;
}

static void set_place(struct config *config, const struct request *request)
{
    if (!request->place)
        return;
    config->values.latitude_deg = request->latitude_deg;
    config->values.longitude_deg = request->longitude_deg;
}

/* ---- results for programs ---- */

/* Whole or not at all: written beside its place and moved there. What is no plain file, such as a
 * pipe, is written at once. */
struct csv_file {
    const char *path;
    char beside[LIMIT_PATH]; /* "": there is none */
    FILE *file;              /* NULL: not wanted */
};

static int csv_file_open(struct csv_file *csv, const char *path, struct error *error)
{
    struct stat status;
    *csv = (struct csv_file){.path = path};
    if (!path)
        return 0;
    if (stat(path, &status) < 0 || S_ISREG(status.st_mode))
        snprintf(csv->beside, sizeof csv->beside, "%s.part", path);
    csv->file = fopen(*csv->beside ? csv->beside : path, "we");
    return csv->file ? 0 : error_set(error, ERROR_SYSTEM, "--csv: %s: %s", path, strerror(errno));
}

/* Takes the place of the file when `code` is 0, leaves nothing otherwise. */
static int csv_file_close(struct csv_file *csv, int code, struct error *error)
{
    if (!csv->file)
        return code;
    bool written = !ferror(csv->file);
    written = fclose(csv->file) == 0 && written;
    if (code == 0 && (!written || (*csv->beside && rename(csv->beside, csv->path) < 0)))
        code = error_set(error, ERROR_SYSTEM, "--csv: %s: %s", csv->path, strerror(errno));
    if (code < 0 && *csv->beside)
        unlink(csv->beside);
    return code;
}

/* ---- the run ---- */

static atomic_bool stop;

static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&stop, true);
}

/* The second signal is not waited for. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int print_table(const struct backtest *backtest, const struct result *results,
                       struct error *error)
{
    report_table(results, backtest->policy_count, &backtest->site, stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return error_set(error, ERROR_SYSTEM, "the table could not be written: %s", strerror(errno));
}

static int run(const struct request *request, struct backtest *backtest, struct error *error)
{
    struct result results[POLICIES];
    struct csv_file csv;
    int code = backtest_check(backtest, error);
    if (code == 0)
        code = csv_file_open(&csv, request->csv, error);
    if (code < 0)
        return code;
    code = backtest_run(backtest, results, error);
    if (code == 0 && csv.file)
        report_csv(results, backtest->policy_count, &backtest->site, csv.file);
    code = csv_file_close(&csv, code, error);
    return code == 0 ? print_table(backtest, results, error) : code;
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
    backtest->stop = &stop;
    set_place(backtest->site.config, request);
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
    catch_signals();
    code = load_and_run(&request, backtest, &error);
    free(backtest);
    if (code == 0)
        return 0;
    fprintf(stderr, "tidewatt backtest: %s\n", error.text);
    return atomic_load(&stop) ? STOPPED : CLI_REFUSED;
}
