/* The backtest on small series that the test writes itself: what must hold whatever the data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <unistd.h>

#include "controller/base/utc.h"
#include "tools/backtest/backtest.h"
#include "tools/backtest/report.h"
#include "tools/cli.h"

enum { HOURS = 24 * 12, JOBS = 30 };
static const int64_t START_MS = INT64_C(1609459200000); /* 2021-01-01 */

static char folder[] = "/tmp/tidewatt-backtest-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[8][LIMIT_PATH];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, LIMIT_PATH, "%s/%s", folder, name);
    return path;
}

static FILE *create(const char *name)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    return file;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = create(name);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

/* A day's wave and some noise; hour `gap` is left empty. */
static void write_grid(const char *name, int gap)
{
    FILE *file = create(name);
    uint64_t random = 3;
    fputs("time_utc,carbon_direct_g_per_kwh,carbon_lifecycle_g_per_kwh,solar_mw,wind_mw\n", file);
    for (int h = 0; h < HOURS; h++) {
        char at[UTC_TEXT], carbon[32] = "";
        random = random * 6364136223846793005u + 1442695040888963407u;
        double noise = (double)(random >> 40) / (1 << 24), day = 2 * M_PI * h / 24;
        if (h != gap)
            snprintf(carbon, sizeof carbon, "%.2f", 250 + 120 * cos(day) + 60 * noise);
        fprintf(file, "%s,%s,%.1f,%.1f,%.1f\n", utc_format(START_MS + h * (int64_t)HOUR_MS, at),
                carbon, 300.0, fmax(0, -900 * cos(day)), 400 + 300 * sin(day / 3) * noise);
    }
    assert_int_equal(fclose(file), 0);
}

static void write_jobs(const char *name)
{
    FILE *file = create(name);
    uint64_t random = 11;
    fputs("arrival_s,length_s,cpus\n", file);
    for (int j = 0; j < JOBS; j++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        fprintf(file, "%d,%d,%d\n", j * 4001 + 17, 1000 + (int)(random >> 33) % 20000, 1 + j % 3);
    }
    assert_int_equal(fclose(file), 0);
}

/* `more` goes into the group backtest, `rest` after it. */
static void write_site(const char *name, const char *more, const char *rest)
{
    FILE *file = create(name);
    fprintf(
        file,
        "site: { name = \"small\"; currency = \"EUR\"; };\n"
        "backtest: { hourly_slots = true; %s };\n"
        "prices: { carbon = \"80 /t\"; delay = \"0 /MWh\"; churn = 0.0; change_gain = 0.0; };\n"
        "plan: { every = \"1 h\"; valid = \"6 h\"; deadline_margin = \"0 s\"; };\n"
        "forecast: { every = \"1 h\"; };\n"
        "limits: { import = \"10 MW\"; import_fail_safe = \"10 MW\"; job_min_run = \"0 s\"; "
        "job_min_stop = \"0 s\"; };\n"
        "plant: { fixed = \"%s\"; overhead_ratio = \"20 %%\"; };\n"
        "profiles = \"%s\";\n"
        "feeders: ( { name = \"A\"; limit = \"1 MW\"; }, { name = \"B\"; limit = \"1 MW\"; } );\n"
        "%s\n"
        "devices: ( { name = \"utility\"; role = \"utility\"; profile = \"twin-utility-meter\"; "
        "address = \"127.0.0.1:15001\"; },\n"
        "  { name = \"battery\"; role = \"battery\"; profile = \"twin-battery\"; "
        "address = \"127.0.0.1:15013\"; } );\n",
        more, "0 kW", PROFILE_FOLDER, rest);
    assert_int_equal(fclose(file), 0);
}

static const char battery[] =
    "battery: { device = \"battery\"; capacity = \"400 kWh\"; reserve = \"0 %\"; soc_max = \"100 "
    "%\"; charge_max = \"200 kW\"; discharge_max = \"200 kW\"; charge_efficiency = \"97 %\"; "
    "discharge_efficiency = \"96 %\"; wear = \"0 /MWh\"; ramp = \"4 MW/s\"; deadband = \"0 kW\"; "
    "};";

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    write_grid("grid.csv", -1);
    write_jobs("jobs.csv");
    write_site("jobs.cfg", "cpu_power = \"10 kW\";", "");
    write_site("whole.cfg", "cpu_power = \"10 kW\"; interruptible = false;", "");
    write_site("storage.cfg",
               "load = \"100 kW\"; pv_share = \"40 %\"; wind_share = \"20 %\"; step = \"15 min\";",
               battery);
    write_site("charged.cfg", "load = \"100 kW\"; soc = \"100 %\"; step = \"15 min\";", battery);
    write_site("both.cfg", "cpu_power = \"10 kW\"; load = \"100 kW\";", "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[LIMIT_PATH];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void note(void *context, const char *text)
{
    (void)context;
    print_message("%s\n", text);
}

/* ---- runs ---- */

struct fixture {
    struct backtest backtest;
    struct result results[POLICIES];
};

static struct fixture *open_run(const char *site, const char *jobs, enum outlook_kind outlook)
{
    struct error error = {""};
    struct fixture *run = calloc(1, sizeof *run);
    assert_non_null(run);
    struct backtest *backtest = &run->backtest;
    const struct input_paths paths = {.grid = path_of("grid.csv"),
                                      .jobs = jobs ? path_of(jobs) : NULL};
    assert_int_equal(backtest_site_load(path_of(site), &backtest->site, note, NULL, &error), 0);
    assert_int_equal(inputs_load(&paths, &backtest->site, &backtest->inputs, &error), 0);
    backtest->outlook = outlook;
    backtest->from_ms[0] = START_MS + 4 * (int64_t)DAY_MS;
    backtest->window_count = 1;
    return run;
}

static void add_policy(struct fixture *run, enum policy policy)
{
    run->backtest.policies[run->backtest.policy_count++] = policy;
}

static void go(struct fixture *run)
{
    struct error error = {""};
    if (backtest_check(&run->backtest, &error) < 0 ||
        backtest_run(&run->backtest, run->results, &error) < 0)
        fail_msg("%s", error.text);
}

static void close_run(struct fixture *run)
{
    inputs_finish(&run->backtest.inputs);
    backtest_site_finish(&run->backtest.site);
    free(run);
}

/* What each job costs at once, to the second, and at best: the cheapest seconds of its window. */
static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static void reference(const struct fixture *run, double *ret_at_once_g, double *ret_best_g)
{
    const struct inputs *inputs = &run->backtest.inputs;
    double *second = malloc(60 * 3600 * sizeof *second);
    assert_non_null(second);
    *ret_at_once_g = *ret_best_g = 0;
    for (int32_t j = 0; j < inputs->job_count; j++) {
        const struct trace_job *job = &inputs->jobs[j];
        int64_t release_ms = run->backtest.from_ms[0] + job->arrival_ms;
        int length_s = (int)(job->length_ms / 1000);
        int window_s = length_s + (int)(job->wait_ms / 1000);
        double kw = job->cpus * 10 * 1.2, sum[2] = {0, 0};
        for (int s = 0; s < window_s; s++)
            second[s] = track_at(&inputs->carbon, release_ms + s * (int64_t)1000);
        for (int s = 0; s < length_s; s++)
            sum[0] += second[s];
        qsort(second, (size_t)window_s, sizeof *second, by_value);
        for (int s = 0; s < length_s; s++)
            sum[1] += second[s];
        *ret_at_once_g += sum[0] / 3600 * kw;
        *ret_best_g += sum[1] / 3600 * kw;
    }
    free(second);
}

static void assert_near(double value, double expected, double share)
{
    if (fabs(value - expected) > share * fabs(expected))
        fail_msg("%.9g is not %.9g", value, expected);
}

/* Every second of every job at its own carbon: nothing is lost between arrivals, ends and ticks,
 * though none of them is on a clock's mark. */
static void test_jobs_to_the_second(void **state)
{
    (void)state;
    double at_once_g, best_g;
    struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_SUSPEND_RESUME);
    add_policy(run, POLICY_TIDEWATT);
    add_policy(run, POLICY_ORACLE);
    go(run);
    reference(run, &at_once_g, &best_g);
    assert_near(run->results[0].carbon_g, at_once_g, 1e-9);
    assert_near(run->results[1].carbon_g, best_g, 1e-6);
    assert_near(run->results[2].carbon_g, best_g, 2e-3);
    assert_near(run->results[3].carbon_g, best_g, 2e-3);
    assert_true(run->results[3].bound <= run->results[3].objective * (1 + 1e-9));
    for (int p = 0; p < 4; p++) {
        assert_near(run->results[p].import_wh, run->results[0].import_wh, 1e-9);
        assert_int_equal(run->results[p].done, JOBS);
        assert_int_equal(run->results[p].missed, 0);
        assert_int_equal(run->results[p].rejected, 0);
        assert_near(run->results[p].facility_wh, 1.2 * run->results[p].it_wh, 1e-9);
    }
    assert_true(run->results[0].wait_ms == 0);
    close_run(run);
}

/* Each rule runs all work, in time, for no more carbon than at once with the future known. */
static void test_all_rules(void **state)
{
    (void)state;
    struct fixture *run = open_run("whole.cfg", "jobs.csv", OUTLOOK_PERFECT);
    for (int p = 0; p <= POLICY_SURPLUS; p++)
        add_policy(run, (enum policy)p);
    go(run);
    for (int p = 0; p <= POLICY_SURPLUS; p++) {
        const struct result *result = &run->results[p];
        assert_int_equal(result->policy, p);
        assert_int_equal(result->done, JOBS);
        assert_int_equal(result->missed, 0);
        assert_int_equal(result->suspensions, 0);
        assert_near(result->import_wh, run->results[0].import_wh, 1e-9);
        assert_true(result->carbon_g <= run->results[0].carbon_g * (1 + 1e-9));
    }
    close_run(run);
}

/* With less room than jobs want, no moment is above it, and no deadline is missed that the oracle
 * meets. */
static void test_capacity(void **state)
{
    (void)state;
    struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
    struct topology *topology = run->backtest.site.config->topology;
    topology->feeders[0].limit_w = 50e3;
    topology->feeders[1].limit_w = 30e3;
    /* The optimum knows the jobs that are to come; we keep room for them. */
    run->backtest.site.config->values.deadline_margin_ms = HOUR_MS;
    add_policy(run, POLICY_TIDEWATT);
    add_policy(run, POLICY_ORACLE);
    go(run);
    assert_int_equal(run->results[0].done, JOBS);
    assert_int_equal(run->results[1].missed, 0);
    assert_int_equal(run->results[0].missed, 0);
    assert_true(run->results[0].peak_it_w <= 80e3 + 1e-6);
    close_run(run);
}

/* Two windows are the sum of each. */
static void test_windows_add_up(void **state)
{
    (void)state;
    double carbon_g = 0;
    const int64_t from_ms[2] = {START_MS + DAY_MS, START_MS + 7 * (int64_t)DAY_MS};
    for (int w = 0; w < 3; w++) {
        struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERSISTENCE);
        add_policy(run, POLICY_LOWEST_SLOT);
        run->backtest.window_count = w < 2 ? 1 : 2;
        memcpy(run->backtest.from_ms, w < 2 ? &from_ms[w] : from_ms,
               (size_t)run->backtest.window_count * sizeof *from_ms);
        go(run);
        if (w == 2)
            assert_near(run->results[0].carbon_g, carbon_g, 1e-9);
        carbon_g += run->results[0].carbon_g;
        close_run(run);
    }
}

/* ---- storage ---- */

static void test_storage(void **state)
{
    (void)state;
    struct fixture *run = open_run("storage.cfg", NULL, OUTLOOK_PERFECT);
    run->backtest.from_ms[0] = START_MS;
    run->backtest.to_ms = START_MS + 10 * (int64_t)DAY_MS;
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_SURPLUS);
    add_policy(run, POLICY_TIDEWATT);
    add_policy(run, POLICY_ORACLE);
    go(run);
    for (int p = 0; p < 4; p++) {
        const struct result *r = &run->results[p];
        assert_near(r->facility_wh, 10 * 24 * 120e3, 1e-9);
        double in_wh = r->import_wh + r->green_wh + r->discharge_wh;
        assert_near(in_wh, r->facility_wh + r->charge_wh, 1e-9);
        assert_true(r->cell_wh <= r->charge_wh * 0.97 + 1e-3);
        assert_int_equal(r->rejected, 0);
        assert_true(r->export_wh == 0);
    }
    assert_near(run->results[0].green_wh + run->results[0].spilled_wh, 0.6 * 10 * 24 * 120e3, 1e-9);
    assert_true(run->results[0].charge_wh == 0);
    assert_true(run->results[1].carbon_g < run->results[0].carbon_g);
    assert_true(run->results[2].carbon_g < run->results[1].carbon_g);
    /* The cycle values what is stored at the end, the oracle empties the battery. */
    double saved_g = run->results[0].carbon_g - run->results[2].carbon_g;
    double most_g = run->results[0].carbon_g - run->results[3].carbon_g;
    assert_true(saved_g <= most_g * (1 + 1e-6) && saved_g > 0.9 * most_g);
    close_run(run);
}

static void test_own_forecast(void **state)
{
    (void)state;
    struct fixture *run = open_run("storage.cfg", NULL, OUTLOOK_MODEL);
    run->backtest.to_ms = run->backtest.from_ms[0] + 2 * (int64_t)DAY_MS;
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_TIDEWATT);
    go(run);
    assert_true(run->results[1].carbon_g < run->results[0].carbon_g);
    close_run(run);
}

static double surplus_carbon_g(enum outlook_kind outlook)
{
    struct fixture *run = open_run("storage.cfg", NULL, outlook);
    run->backtest.to_ms = run->backtest.from_ms[0] + 2 * (int64_t)DAY_MS;
    add_policy(run, POLICY_SURPLUS);
    go(run);
    double carbon_g = run->results[0].carbon_g;
    close_run(run);
    return carbon_g;
}

/* What looks at nothing but the hour under way does the same whatever is believed of the next. */
static void test_new_hour_acts_at_once(void **state)
{
    (void)state;
    assert_near(surplus_carbon_g(OUTLOOK_MODEL), surplus_carbon_g(OUTLOOK_PERFECT), 1e-9);
}

/* ---- windows that end before the work does ---- */

/* A table of the results in memory, owned by the caller. */
static char *print_results(const struct fixture *run)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    report_table(run->results, run->backtest.policy_count, &run->backtest.site, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* The oracle knows no job that comes after the window, and its hours end with it; what is late or
 * not done leaves no bound to claim, and unequal work no ratio. */
static void test_cut_window(void **state)
{
    (void)state;
    static const int64_t LENGTH_MS = 10 * (int64_t)HOUR_MS + 20 * (int64_t)MINUTE_MS;
    struct fixture *run = open_run("both.cfg", "jobs.csv", OUTLOOK_PERFECT);
    run->backtest.to_ms = run->backtest.from_ms[0] + LENGTH_MS;
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_SUSPEND_RESUME);
    add_policy(run, POLICY_ORACLE);
    go(run);
    const struct result *none = &run->results[0], *oracle = &run->results[2];
    assert_int_equal(none->jobs, 10);
    for (int p = 0; p < 3; p++) {
        const struct result *r = &run->results[p];
        assert_int_equal(r->jobs, none->jobs);
        double load_wh = 100e3 * (double)LENGTH_MS / HOUR_MS;
        assert_near(r->it_wh, r->job_wh + load_wh, 1e-9);
    }
    assert_true(run->results[1].job_wh < 0.9 * none->job_wh);
    assert_true(isnan(oracle->bound));
    char *table = print_results(run);
    assert_non_null(strstr(table, "work is not the same"));
    free(table);
    close_run(run);
}

/* Where all work is done in time there is a bound, but no quarter hours. */
static void test_whole_window(void **state)
{
    (void)state;
    struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_ORACLE);
    go(run);
    assert_true(run->results[1].bound > 0);
    assert_true(isnan(run->results[1].peak_import_w));
    char *table = print_results(run);
    assert_null(strstr(table, "work is not the same"));
    free(table);
    close_run(run);
}

/* Waiting and suspensions cost the planner something that is no part of the total. */
static void test_bound_is_of_the_total(void **state)
{
    (void)state;
    double bound[2];
    for (int i = 0; i < 2; i++) {
        struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
        if (i == 1)
            run->backtest.site.config->values.delay_per_mwh_h =
                run->backtest.site.config->values.churn = 1;
        add_policy(run, POLICY_ORACLE);
        go(run);
        bound[i] = run->results[0].bound;
        close_run(run);
    }
    assert_near(bound[1], bound[0], 1e-9);
}

/* What no file tells is unknown, not 0. */
static void test_unknown_is_not_zero(void **state)
{
    (void)state;
    struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
    add_policy(run, POLICY_NONE);
    go(run);
    assert_true(isnan(run->results[0].energy_cost));
    assert_true(run->results[0].carbon_g > 0 && run->results[0].objective > 0);
    char *table = print_results(run);
    assert_null(strstr(table, "0.00"));
    free(table);
    run->backtest.inputs.price = run->backtest.inputs.carbon;
    run->backtest.inputs.carbon = (struct track){.path = NULL};
    go(run);
    assert_true(isnan(run->results[0].carbon_g));
    assert_true(run->results[0].energy_cost > 0);
    assert_true(run->results[0].objective == run->results[0].energy_cost);
    close_run(run);
}

/* ---- databases ---- */

/* One row of the stock shell. */
static void ask(const char *path, const char *query, char *ret_line, size_t size)
{
    char command[3 * LIMIT_PATH];
    snprintf(command, sizeof command, "sqlite3 %s \"%s\"", path, query);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    assert_non_null(fgets(ret_line, (int)size, shell));
    assert_int_equal(pclose(shell), 0);
}

/* To the last quarter hour: accounts, days and the chain of the counters. */
static void assert_accounts(const char *path, const struct result *result, int64_t window_ms)
{
    char line[256];
    double import_wh = 0, carbon_g = 0, day_wh = 0;
    int quarters = 0, breaks = 0;
    ask(path,
        "SELECT count(*), sum(import_wh), sum(carbon_g), (SELECT count(*) FROM v_meter_chain), "
        "(SELECT sum(wh) FROM v_energy_day WHERE role = 'utility' AND kind = 'energy_import_wh') "
        "FROM account_15min",
        line, sizeof line);
    assert_int_equal(
        sscanf(line, "%d|%lf|%lf|%d|%lf", &quarters, &import_wh, &carbon_g, &breaks, &day_wh), 5);
    assert_int_equal(quarters, window_ms / QUARTER_MS);
    assert_int_equal(breaks, 0);
    assert_near(import_wh, result->import_wh, 1e-6);
    assert_near(day_wh, result->import_wh, 1e-6);
    assert_near(carbon_g, result->carbon_g, 1e-6);
}

/* The stock shell reads it; the accounts add up to what the run reports. */
static void test_database(void **state)
{
    (void)state;
    char path[LIMIT_PATH], line[256] = "";
    struct error error = {""};
    struct fixture *run = open_run("jobs.cfg", "jobs.csv", OUTLOOK_PERFECT);
    run->backtest.database = path_of("run.db");
    add_policy(run, POLICY_TIDEWATT);
    go(run);
    backtest_database_path(&run->backtest, POLICY_TIDEWATT, path, sizeof path);
    assert_string_equal(path, path_of("run-tidewatt.db"));
    ask(path,
        "SELECT count(*), (SELECT count(*) FROM plan), (SELECT count(*) FROM job_event) "
        "FROM decision",
        line, sizeof line);
    int decisions = 0, plans = 0, events = 0;
    assert_int_equal(sscanf(line, "%d|%d|%d", &decisions, &plans, &events), 3);
    assert_true(decisions >= JOBS && events >= 3 * JOBS);
    assert_int_equal(plans, run->results[0].plans);
    assert_accounts(path, &run->results[0], inputs_span_ms(&run->backtest.inputs));
    assert_true(backtest_check(&run->backtest, &error) < 0); /* before anything runs */
    assert_non_null(strstr(error.text, "exists"));
    assert_true(backtest_run(&run->backtest, run->results, &error) < 0);
    assert_non_null(strstr(error.text, "exists"));
    close_run(run);
}

static struct fixture *storage_run(const char *site, const char *database)
{
    struct fixture *run = open_run(site, NULL, OUTLOOK_PERFECT);
    run->backtest.to_ms = run->backtest.from_ms[0] + 2 * (int64_t)DAY_MS;
    run->backtest.database = path_of(database);
    add_policy(run, POLICY_TIDEWATT);
    return run;
}

/* A virtual register is written as often as the plan wants, in the first moment too. */
static void test_no_write_budget(void **state)
{
    (void)state;
    char line[64];
    struct fixture *run = storage_run("charged.cfg", "battery.db");
    go(run);
    ask(path_of("battery-tidewatt.db"),
        "SELECT count(*) FROM decision JOIN reason AS r ON r.reason = decision.reason "
        "WHERE r.name = 'limit_write_budget'",
        line, sizeof line);
    assert_string_equal(line, "0\n");
    close_run(run);
}

static int pages;

static int limit_pages(sqlite3 *db, const char **message, const struct sqlite3_api_routines *api)
{
    char sql[64];
    (void)message;
    (void)api;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %d", pages);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* A disk that fills up ends the run with the reason, and what was written is no database. */
static void test_full_disk(void **state)
{
    (void)state;
    char line[64];
    struct error error = {""};
    struct fixture *run = storage_run("storage.cfg", "full.db");
    ask(path_of("battery-tidewatt.db"), "PRAGMA page_count", line, sizeof line);
    pages = atoi(line) * 3 / 4;
    run->backtest.to_ms += 5 * (int64_t)DAY_MS;
    sqlite3_auto_extension((void (*)(void))limit_pages);
    int code = backtest_run(&run->backtest, run->results, &error);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    assert_true(code < 0);
    assert_non_null(strstr(error.text, "full"));
    assert_non_null(strstr(error.text, "make room"));
    assert_int_equal(access(path_of("full-tidewatt.db"), F_OK), -1);
    close_run(run);
}

static void test_stop(void **state)
{
    (void)state;
    struct error error = {""};
    atomic_bool stop = true;
    struct fixture *run = storage_run("storage.cfg", "stop.db");
    run->backtest.stop = &stop;
    assert_true(backtest_run(&run->backtest, run->results, &error) < 0);
    assert_non_null(strstr(error.text, "stopped"));
    assert_int_equal(access(path_of("stop-tidewatt.db"), F_OK), -1);
    run->backtest.policies[0] = POLICY_ORACLE;
    assert_true(backtest_run(&run->backtest, run->results, &error) < 0);
    close_run(run);
}

/* ---- bad input ---- */

static void refuse(const struct input_paths *paths, const char *site, const char *part)
{
    struct error error = {""};
    struct backtest *backtest = calloc(1, sizeof *backtest);
    assert_non_null(backtest);
    backtest->from_ms[0] = START_MS;
    backtest->window_count = 1;
    backtest->to_ms = START_MS + DAY_MS;
    int code = backtest_site_load(path_of(site), &backtest->site, note, NULL, &error);
    assert_int_equal(code, 0);
    code = inputs_load(paths, &backtest->site, &backtest->inputs, &error);
    if (code == 0)
        code = backtest_check(backtest, &error);
    assert_true(code < 0);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
    inputs_finish(&backtest->inputs);
    backtest_site_finish(&backtest->site);
    free(backtest);
}

static void refuse_jobs(const char *rows, const char *part)
{
    char text[256];
    snprintf(text, sizeof text, "arrival_s,length_s,cpus\n%s", rows);
    write_text("bad.csv", text);
    const struct input_paths paths = {.grid = path_of("grid.csv"), .jobs = path_of("bad.csv")};
    refuse(&paths, "jobs.cfg", part);
}

static void test_bad_jobs(void **state)
{
    (void)state;
    refuse_jobs("1,10,1\n5,0,1\n", "bad.csv:3: length_s is 0");
    refuse_jobs("-1,10,1\n", "bad.csv:2: arrival_s is -1");
    refuse_jobs("1,10,0\n", "bad.csv:2: cpus is 0");
    refuse_jobs("1,ten,1\n", "bad.csv:2: length_s is \"ten\"");
    refuse_jobs("1,nan,1\n", "bad.csv:2");
    refuse_jobs("1\n", "bad.csv:2");
    refuse_jobs("", "has no job");
}

static void test_bad_series(void **state)
{
    (void)state;
    write_grid("gap.csv", 7);
    const struct input_paths gap = {.grid = path_of("gap.csv")};
    refuse(&gap, "jobs.cfg", "2021-01-01T07:00:00Z");
    const struct input_paths none = {.jobs = path_of("jobs.csv")};
    refuse(&none, "jobs.cfg", "--grid");
    const struct input_paths absent = {.grid = path_of("absent.csv")};
    refuse(&absent, "jobs.cfg", "absent.csv: No such file");
    const struct input_paths other = {.grid = path_of("jobs.csv")};
    refuse(&other, "jobs.cfg",
           "no column is called time_utc; the file has arrival_s, length_s, cpus");
    write_text("late.csv", "time_utc,carbon_direct_g_per_kwh\n2021-01-01T12:00:00Z,1\n");
    const struct input_paths late = {.grid = path_of("late.csv")};
    refuse(&late, "jobs.cfg", "2021-01-01T00:00:00Z");
}

static void refuse_rows(const char *rows, const char *part)
{
    char text[512];
    snprintf(text, sizeof text, "time_utc,carbon_direct_g_per_kwh\n%s", rows);
    write_text("rows.csv", text);
    const struct input_paths paths = {.grid = path_of("rows.csv")};
    refuse(&paths, "jobs.cfg", part);
}

/* Not one row an hour, rising: said with the line, never put right on the quiet. */
static void test_bad_rows(void **state)
{
    (void)state;
    refuse_rows("2021-01-01T00:00:00Z,1\n2021-01-01T00:00:00Z,2\n", "rows.csv:3: 2021-01-01 "
                                                                    "00:00:00 is there twice");
    refuse_rows("2021-01-01T00:00:00Z,1\n2021-01-01T00:15:00Z,2\n", "rows.csv:3: 2021-01-01 "
                                                                    "00:15:00 is no full hour");
    refuse_rows("2021-01-01T00:30:00Z,1\n2021-01-01T01:30:00Z,2\n", "rows.csv:2: 2021-01-01 "
                                                                    "00:30:00 is no full hour");
    refuse_rows("2021-01-01T01:00:00Z,1\n2021-01-01T00:00:00Z,2\n", "rows.csv:3: 2021-01-01 "
                                                                    "00:00:00 comes after");
    refuse_rows("2021-01-01T00:00:00Z,\n2021-01-01T00:00:00Z,2\n", "rows.csv:3");
    refuse_rows("2021-01-01T00:00:00Z,-1\n", "rows.csv:2: carbon_direct_g_per_kwh is -1");
    refuse_rows("2021-01-01T00:00:00Z,1e300\n", "rows.csv:2: carbon_direct_g_per_kwh is 1e+300");
    refuse_rows("2021-01-01T00:00:00Z,1\n2999-01-01T00:00:00Z,1\n", "more than a century");
}

/* A queue is that of the length that was given; the grain moves a job into no other. */
static void test_queue_before_grain(void **state)
{
    (void)state;
    struct error error = {""};
    struct inputs inputs;
    const struct backtest_site site = {.short_ms = 2 * (int64_t)HOUR_MS,
                                       .wait_short_ms = 6 * (int64_t)HOUR_MS,
                                       .wait_long_ms = DAY_MS,
                                       .grain_ms = HOUR_MS};
    write_text("queue.csv", "arrival_s,length_s,cpus\n0,7000,1\n10,7300,1\n");
    const struct input_paths paths = {.grid = path_of("grid.csv"), .jobs = path_of("queue.csv")};
    assert_int_equal(inputs_load(&paths, &site, &inputs, &error), 0);
    assert_false(inputs.jobs[0].is_long);
    assert_true(inputs.jobs[1].is_long);
    assert_true(inputs.jobs[0].wait_ms == site.wait_short_ms);
    assert_true(inputs.short_mean_ms == 2 * (int64_t)HOUR_MS);
    assert_true(inputs.long_mean_ms == 3 * (int64_t)HOUR_MS);
    inputs_finish(&inputs);
}

/* A rule plans in one piece and no further than the horizon. */
static void test_job_beyond_horizon(void **state)
{
    (void)state;
    struct error error = {""};
    write_text("long.csv", "arrival_s,length_s,cpus\n0,3600,1\n10,180000,1\n");
    struct fixture *run = open_run("whole.cfg", "long.csv", OUTLOOK_PERFECT);
    run->backtest.from_ms[0] = START_MS;
    add_policy(run, POLICY_NONE);
    assert_true(backtest_check(&run->backtest, &error) < 0);
    assert_non_null(strstr(error.text, "long.csv:3: the job takes 50 h"));
    assert_non_null(strstr(error.text, "plan.horizon"));
    run->backtest.policies[0] = POLICY_TIDEWATT;
    assert_int_equal(backtest_check(&run->backtest, &error), 0);
    close_run(run);
}

static void collect(void *context, const char *text)
{
    char *all = context;
    snprintf(all + strlen(all), 1024 - strlen(all), "%s\n", text);
}

static void refuse_site(const char *more, const char *part)
{
    char all[1024] = "";
    struct backtest_site site;
    struct error error;
    write_site("bad.cfg", more, "");
    assert_true(backtest_site_load(path_of("bad.cfg"), &site, collect, all, &error) < 0);
    if (!strstr(all, part))
        fail_msg("\"%s\" does not say \"%s\"", all, part);
}

static void test_bad_site(void **state)
{
    (void)state;
    refuse_site("cpu_power = 5.0;", "cpu_power");
    refuse_site("cpu_powr = \"1 W\";", "did you mean 'cpu_power'");
    refuse_site("step = \"7 min\";", "step must divide");
    refuse_site("pv_share = \"25 %\";", "name it");
    refuse_site("carbon = \"green\";", "direct, lifecycle");
}

static void test_own_sites(void **state)
{
    (void)state;
    static const char *const names[] = {"jobs", "storage", "free-load", "year"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[LIMIT_PATH];
        struct error error;
        struct backtest_site site;
        snprintf(path, sizeof path, "%s/../sites/backtest-%s.cfg", PROFILE_FOLDER, names[i]);
        assert_int_equal(backtest_site_load(path, &site, note, NULL, &error), 0);
        backtest_site_finish(&site);
    }
}

/* A local clock in winter and summer, with the hour that it skips and the one it repeats. */
static void test_local_prices(void **state)
{
    (void)state;
    struct error error;
    struct backtest_site site = {.price_zone_ms = HOUR_MS, .price_summer = true};
    struct inputs inputs;
    FILE *file = create("price.csv");
    fputs("time_local,price_eur_per_mwh\n", file);
    int row = 0;
    for (int64_t at = START_MS; at < START_MS + 365 * (int64_t)DAY_MS; at += HOUR_MS, row++) {
        char text[UTC_TEXT];
        utc_format(at, text);
        fprintf(file, "%.10s %.8s,%d\n", text, text + 11, row);
    }
    assert_int_equal(fclose(file), 0);
    const struct input_paths paths = {.price = path_of("price.csv")};
    assert_int_equal(inputs_load(&paths, &site, &inputs, &error), 0);
    const struct {
        const char *utc;
        int day, local_hour;
    } cases[] = {{"2021-01-01T11:00:00Z", 0, 12},  {"2021-03-28T00:00:00Z", 86, 1},
                 {"2021-03-28T01:00:00Z", 86, 3},  {"2021-07-01T10:00:00Z", 181, 12},
                 {"2021-10-31T00:00:00Z", 303, 2}, {"2021-10-31T01:00:00Z", 303, 2},
                 {"2021-10-31T02:00:00Z", 303, 3}, {"2021-12-31T22:00:00Z", 364, 23}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t at_ms = 0;
        assert_int_equal(utc_parse(cases[i].utc, &at_ms, NULL), 0);
        assert_true(track_at(&inputs.price, at_ms) == cases[i].day * 24 + cases[i].local_hour);
    }
    assert_int_equal(inputs_check(&inputs, START_MS, START_MS + 364 * (int64_t)DAY_MS, &error), 0);
    inputs_finish(&inputs);

    site.price_zone_ms = 330 * (int64_t)MINUTE_MS; /* no hour of this clock is one of UTC */
    assert_true(inputs_load(&paths, &site, &inputs, &error) < 0);
    assert_non_null(strstr(error.text, "price_zone_min 330"));
}

/* A file that has the hour twice that its clock shows twice: each row is its own hour. */
static void test_local_prices_twice(void **state)
{
    (void)state;
    struct error error;
    const struct backtest_site site = {.price_zone_ms = HOUR_MS, .price_summer = true};
    struct inputs inputs;
    write_text("twice.csv", "time_local,price_eur_per_mwh\n2021-10-31 01:00:00,1\n"
                            "2021-10-31 02:00:00,2\n2021-10-31 02:00:00,3\n"
                            "2021-10-31 03:00:00,4\n");
    const struct input_paths paths = {.price = path_of("twice.csv")};
    assert_int_equal(inputs_load(&paths, &site, &inputs, &error), 0);
    int64_t at_ms = 0;
    assert_int_equal(utc_parse("2021-10-30T23:00:00Z", &at_ms, NULL), 0);
    for (int h = 0; h < 4; h++)
        assert_true(track_at(&inputs.price, at_ms + h * (int64_t)HOUR_MS) == h + 1);
    inputs_finish(&inputs);
}

/* ---- reference data ---- */

/* A month of Spain and the public trace: the rule that takes the cheapest slots comes to what an
 * independent calculation on a grid of 5 min gives, and the oracle to within 0.2 % of it. */
static void test_reference_month(void **state)
{
    (void)state;
    static const double BEST = 0.8945;
    struct error error = {""};
    const char *data = getenv("TIDEWATT_DATA");
    char grid[LIMIT_PATH], jobs[LIMIT_PATH];
    data = data ? data : SOURCE_ROOT "/../shared/data";
    snprintf(grid, sizeof grid, "%s/grid/ES.csv", data);
    snprintf(jobs, sizeof jobs, "%s/jobs/pai_1k.csv", data);
    if (access(grid, R_OK) < 0 || access(jobs, R_OK) < 0) {
        print_message("skipped: no %s; set TIDEWATT_DATA to the reference series\n", grid);
        return;
    }
    struct fixture *run = calloc(1, sizeof *run);
    assert_non_null(run);
    struct backtest *backtest = &run->backtest;
    const struct input_paths paths = {.grid = grid, .jobs = jobs};
    assert_int_equal(backtest_site_load(SOURCE_ROOT "/config/sites/backtest-jobs.cfg",
                                        &backtest->site, note, NULL, &error),
                     0);
    assert_int_equal(inputs_load(&paths, &backtest->site, &backtest->inputs, &error), 0);
    backtest->outlook = OUTLOOK_PERFECT;
    backtest->from_ms[0] = START_MS;
    backtest->window_count = 1;
    add_policy(run, POLICY_NONE);
    add_policy(run, POLICY_SUSPEND_RESUME);
    add_policy(run, POLICY_ORACLE);
    go(run);
    assert_near(run->results[1].carbon_g / run->results[0].carbon_g, BEST, 1e-4);
    assert_near(run->results[2].carbon_g / run->results[0].carbon_g, BEST, 2e-3);
    close_run(run);
}

/* ---- the command line ---- */

static int call(const char *more, const char *value)
{
    static const struct cli_command command = {"backtest", NULL, "", cli_backtest};
    char site[LIMIT_PATH], grid[LIMIT_PATH];
    snprintf(site, sizeof site, "--site=%s", path_of("jobs.cfg"));
    snprintf(grid, sizeof grid, "--grid=%s", path_of("grid.csv"));
    char name[64], second[LIMIT_PATH], from[] = "--from=2021-01-03", tool[] = "backtest";
    char jobs[LIMIT_PATH];
    snprintf(jobs, sizeof jobs, "--jobs=%s", path_of("jobs.csv"));
    snprintf(name, sizeof name, "%s", more);
    snprintf(second, sizeof second, "%s", value);
    char *argv[] = {tool, site, grid, from, name, second, jobs, NULL};
    return cli_backtest(&command, strcmp(value, "none") == 0 ? 6 : 7, argv);
}

static void test_command_line(void **state)
{
    (void)state;
    assert_int_equal(call("--policy", "none,best"), CLI_USAGE);
    assert_int_equal(call("--policy", "none,none"), CLI_USAGE);
    assert_int_equal(call("--forecast", "good"), CLI_USAGE);
    assert_int_equal(call("--windows", "2021-01-01"), CLI_USAGE);
    assert_int_equal(call("--to", "tomorrow"), CLI_USAGE);
    assert_int_equal(call("--to", "2021-01-02"), CLI_REFUSED);
    assert_int_equal(call("--to", "2022-01-02"), CLI_REFUSED);
    assert_int_equal(call("--place", "x"), CLI_USAGE);
    assert_int_equal(call("--csv", path_of("no/out.csv")), CLI_REFUSED);
    assert_int_equal(call("--database", path_of("no/run.db")), CLI_REFUSED);
    assert_int_equal(call("--policy", "none"), CLI_USAGE); /* neither --to nor --jobs */
}

/* Results that do not arrive are no success; what arrives is whole, in its place. */
static void test_results_arrive(void **state)
{
    (void)state;
    assert_int_equal(call("--csv", path_of("out.csv")), 0);
    assert_int_equal(access(path_of("out.csv"), F_OK), 0);
    assert_int_equal(access(path_of("out.csv.part"), F_OK), -1);
    assert_int_equal(call("--csv", "/dev/full"), CLI_REFUSED);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(kept >= 0 && full >= 0);
    dup2(full, STDOUT_FILENO);
    int code = call("--forecast", "perfect");
    dup2(kept, STDOUT_FILENO);
    clearerr(stdout);
    close(full);
    close(kept);
    assert_int_equal(code, CLI_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_to_the_second),
        cmocka_unit_test(test_all_rules),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_windows_add_up),
        cmocka_unit_test(test_storage),
        cmocka_unit_test(test_own_forecast),
        cmocka_unit_test(test_new_hour_acts_at_once),
        cmocka_unit_test(test_cut_window),
        cmocka_unit_test(test_whole_window),
        cmocka_unit_test(test_bound_is_of_the_total),
        cmocka_unit_test(test_unknown_is_not_zero),
        cmocka_unit_test(test_database),
        cmocka_unit_test(test_no_write_budget),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_bad_jobs),
        cmocka_unit_test(test_bad_series),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_queue_before_grain),
        cmocka_unit_test(test_job_beyond_horizon),
        cmocka_unit_test(test_bad_site),
        cmocka_unit_test(test_own_sites),
        cmocka_unit_test(test_reference_month),
        cmocka_unit_test(test_local_prices),
        cmocka_unit_test(test_local_prices_twice),
        cmocka_unit_test(test_command_line),
        cmocka_unit_test(test_results_arrive),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
