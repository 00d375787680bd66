/* What `tidewatt plan`, `jobs` and `status` print of a daemon's reply. The daemon is a child that
 * answers one request with the real rendering of a made-up site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/serve/api.h"
#include "tools/cli.h"

enum { SLOTS = 4, OUTPUT = 8192 };

static struct {
    struct topology *topology;
    struct snapshot snapshot;
    struct plan plan;
    struct problem_slot frame[SLOTS];
    struct plan_slot slots[SLOTS];
    struct plan_job plan_jobs[2];
    uint16_t why[2 * SLOTS];
    struct job job;
    bool has_plan;
    char folder[64], socket[LIMIT_PATH];
} site;

static const struct snapshot *answer_snapshot(void *context)
{
    (void)context;
    return &site.snapshot;
}

static const struct plan *answer_plan(void *context)
{
    (void)context;
    return site.has_plan ? &site.plan : NULL;
}

static int answer_jobs(void *context, const struct job **ret_jobs)
{
    (void)context;
    *ret_jobs = &site.job;
    return 1;
}

static int answer_devices(void *context, struct api_device *ret_devices, int most)
{
    (void)context;
    (void)ret_devices;
    (void)most;
    return 0;
}

static void answer_totals(void *context, struct api_totals *ret_totals)
{
    (void)context;
    (void)ret_totals;
}

/* ---- one daemon, one request ---- */

static void serve_once(int listener)
{
    const struct api_core core = {.snapshot = answer_snapshot,
                                  .plan = answer_plan,
                                  .jobs = answer_jobs,
                                  .devices = answer_devices,
                                  .totals = answer_totals,
                                  .topology = site.topology,
                                  .site = "hall",
                                  .currency = "EUR",
                                  .version = "1",
                                  .speed = 1};
    char line[1024] = "";
    int client = accept(listener, NULL, NULL);
    for (size_t used = 0; used < sizeof(line) - 1 && !strchr(line, '\n');) {
        ssize_t got = read(client, line + used, sizeof(line) - 1 - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    char *reply = api_answer(&core, "olga", line);
    for (size_t done = 0, length = strlen(reply); done < length;) {
        ssize_t put = write(client, reply + done, length - done);
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    free(reply);
    close(client);
    close(listener);
}

static pid_t start_daemon(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", site.socket);
    unlink(site.socket);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        serve_once(listener);
        _exit(0);
    }
    close(listener);
    return child;
}

typedef int (*cli_run)(const struct cli_command *command, int argc, char **argv);

/* Runs a command; returns its exit code and what it printed. */
static int run(cli_run command_run, const char *option, const char *value, char output[OUTPUT])
{
    const struct cli_command command = {.name = "test", .run = command_run};
    char words[5][LIMIT_PATH] = {"test", "--socket"};
    char *argv[6] = {words[0], words[1], words[2], words[3], words[4], NULL};
    int argc = 3;
    snprintf(words[2], sizeof(words[2]), "%s", site.socket);
    if (option)
        snprintf(words[argc++], sizeof(words[0]), "%s", option);
    if (value)
        snprintf(words[argc++], sizeof(words[0]), "%s", value);
    argv[argc] = NULL;
    fflush(stdout);
    pid_t daemon = start_daemon();
    FILE *file = tmpfile();
    int terminal = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    int code = command_run(&command, argc, argv);
    fflush(stdout);
    dup2(terminal, STDOUT_FILENO);
    close(terminal);
    rewind(file);
    size_t used = fread(output, 1, OUTPUT - 1, file);
    output[used] = '\0';
    fclose(file);
    assert_int_equal(waitpid(daemon, NULL, 0), daemon);
    return code;
}

/* ---- the site ---- */

static void make_plan(void)
{
    const int64_t start_ms = site.snapshot.now_ms;
    site.has_plan = true;
    for (int i = 0; i < SLOTS; i++) {
        site.frame[i] =
            (struct problem_slot){.start_ms = start_ms + i * HOUR_MS, .length_ms = HOUR_MS};
        site.slots[i] = (struct plan_slot){.import_w = 5e5, .it_jobs_w = {1000, 2000}};
    }
    site.plan_jobs[0] =
        (struct plan_job){.id = 7,
                          .group = 1,
                          .run_count = 2,
                          .runs = {{start_ms + 2 * HOUR_MS, start_ms + 3 * HOUR_MS, 1},
                                   {start_ms + 3 * HOUR_MS, start_ms + 4 * HOUR_MS, 0}},
                          .finish_ms = start_ms + 4 * HOUR_MS,
                          .reason = REASON_GREENER_LATER};
    site.plan_jobs[1] = (struct plan_job){
        .id = 9, .group = -1, .late = true, .finish_ms = INT64_MAX, .reason = REASON_FEEDER_FULL};
    const uint16_t why[] = {REASON_GREENER_LATER, REASON_GREENER_LATER, REASON_CHEAPEST_NOW,
                            REASON_CHEAPEST_NOW};
    memcpy(site.why, why, sizeof(why));
    site.plan = (struct plan){.id = 3,
                              .issue_ms = start_ms,
                              .status = PLAN_BREACHING,
                              .sites = {{.frame = site.frame,
                                         .slots = site.slots,
                                         .feeder_count = 1,
                                         .groups = {{.feeder = 0}, {.feeder = 0}},
                                         .group_count = 2}},
                              .site_count = 1,
                              .slot_count = SLOTS,
                              .jobs = site.plan_jobs,
                              .job_count = 2,
                              .why = site.why};
}

static int begin(void **state)
{
    (void)state;
    memset(&site, 0, sizeof(site));
    strcpy(site.folder, "/tmp/tidewatt-cli-XXXXXX");
    assert_non_null(mkdtemp(site.folder));
    snprintf(site.socket, sizeof(site.socket), "%s/socket", site.folder);
    site.topology = topology_create();
    topology_add_feeder(site.topology, "feeder-a", 1e5, NULL);
    topology_add_group(site.topology, "rack-1", 0, 5e4, NULL);
    topology_add_group(site.topology, "rack-2", 0, 5e4, NULL);
    site.snapshot = (struct snapshot){.now_ms = 1781481600000, /* 2026-06-15T00:00:00Z */
                                      .threshold_w = NAN,
                                      .tank_soc_pct = NAN,
                                      .tank_heat_w = NAN};
    site.job = (struct job){.id = 7,
                            .name = "train",
                            .state = JOB_RUNNING,
                            .power_w = 6500,
                            .feeder = 0,
                            .group = 1,
                            .deadline_ms = JOB_NO_DEADLINE};
    return 0;
}

static int end(void **state)
{
    (void)state;
    topology_destroy(site.topology);
    unlink(site.socket);
    return rmdir(site.folder);
}

/* ---- tests ---- */

/* On one line, in this order. */
static void assert_line(const char *output, const char *first, const char *second,
                        const char *third)
{
    for (const char *line = output; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t length = strcspn(line, "\n");
        const char *at = strstr(line, first);
        at = at ? strstr(at, second) : NULL;
        at = at ? strstr(at, third) : NULL;
        if (at && at < line + length)
            return;
    }
    fail_msg("no line with \"%s\", \"%s\", \"%s\" in:\n%s", first, second, third, output);
}

static void plan_shows_jobs_with_place_and_reason(void **state)
{
    char output[OUTPUT];
    (void)state;
    make_plan();
    assert_int_equal(run(cli_plan, NULL, NULL, output), 0);
    assert_line(output, "plan #3", "breaching", "issued 06-15 00:00");
    assert_line(output, "rack-2", "06-15 02:00 – 06-15 03:00 at level 1, 06-15 03:00",
                "greener_later");
    assert_line(output, "9", "not inside the horizon", "feeder_full");
    assert_line(output, "06-15 01:00", "500 kW", "3 kW"); /* import, jobs of both groups */
    assert_null(strstr(output, "BATTERY"));
    assert_null(strstr(output, "TANK"));
    assert_null(strstr(output, "above its limit"));
    site.has_plan = false;
    assert_int_equal(run(cli_plan, NULL, NULL, output), 0);
    assert_non_null(strstr(output, "no plan"));
}

static void plan_shows_what_the_site_has_and_what_breaks(void **state)
{
    char output[OUTPUT];
    (void)state;
    make_plan();
    site.slots[1].chiller_heat_w = 7e5;
    site.slots[1].tank_discharge_w = 1e5;
    site.slots[1].tank_end_wh = 9e5;
    site.slots[1].tank_reason = REASON_PEAK_SHAVING;
    site.slots[2].breach_w = 2e4;
    site.slots[2].group_breach_w[1] = 3e3;
    assert_int_equal(run(cli_plan, NULL, NULL, output), 0);
    assert_line(output, "CHILLER", "TANK", "TANK WHY");
    assert_line(output, "700 kW", "100 kW", "900 kWh");
    assert_line(output, "900 kWh", "peak_shaving", "");
    assert_line(output, "06-15 02:00:", "import above its limit by 20 kW",
                "rack-2 above its limit by 3 kW");
    assert_null(strstr(output, "BATTERY"));
}

static void plan_of_a_job_says_why_for_each_time(void **state)
{
    char output[OUTPUT];
    (void)state;
    make_plan();
    assert_int_equal(run(cli_plan, "--job", "7", output), 0);
    assert_line(output, "job 7 on rack-2", "finishes 06-15 04:00", "greener later");
    assert_line(output, "06-15 00:00  06-15 02:00", "waits", "greener_later");
    assert_line(output, "06-15 02:00  06-15 03:00", "runs at level 1", "cheapest_now");
    assert_line(output, "06-15 03:00  06-15 04:00", "runs  ", "cheapest_now");
    site.plan_jobs[0].runs[1].end_ms -= 20 * MINUTE_MS; /* inside the slot */
    assert_int_equal(run(cli_plan, "--job", "7", output), 0);
    assert_line(output, "06-15 03:00  06-15 03:40", "runs  ", "cheapest_now");
    assert_int_equal(run(cli_plan, "--job", "9", output), 0);
    assert_line(output, "job 9 does not run inside the horizon", "LATE", "");
    assert_non_null(strstr(output, "no reasons by time"));
    assert_int_equal(run(cli_plan, "--job", "8", output), CLI_REFUSED);
    assert_string_equal(output, "");
}

static void jobs_show_group_and_level(void **state)
{
    char output[OUTPUT];
    (void)state;
    assert_int_equal(run(cli_jobs, NULL, NULL, output), 0);
    assert_line(output, "STATE", "GROUP", "LEVEL");
    assert_line(output, "running", "rack-2  ", "    –"); /* it has only one */
    site.job.levels[0] = (struct job_level){6500, 1, 0};
    site.job.levels[1] = (struct job_level){4500, 0.8, 0};
    site.job.level_count = 2;
    site.job.level_asked = 1;
    assert_int_equal(run(cli_jobs, NULL, NULL, output), 0);
    assert_line(output, "rack-2", "0 > 1", "6.5 kW");
    site.job.level = 1;
    assert_int_equal(run(cli_jobs, NULL, NULL, output), 0);
    assert_line(output, "rack-2", " 1 ", "4.5 kW");
}

static void status_shows_the_capacity(void **state)
{
    char output[OUTPUT];
    (void)state;
    site.snapshot.peak_import_w = 8e5;
    assert_int_equal(run(cli_status, NULL, NULL, output), 0);
    assert_null(strstr(output, "threshold"));
    assert_null(strstr(output, "tank "));
    site.snapshot.threshold_w = 9e5;
    site.snapshot.tank_soc_pct = 40;
    site.snapshot.tank_heat_w = -5e4;
    assert_int_equal(run(cli_status, NULL, NULL, output), 0);
    assert_line(output, "capacity", "threshold 900 kW, peak of the billing period 800 kW", "held");
    assert_line(output, "tank", "cold 40.0 %", "charged by 50 kW");
    site.snapshot.peak_import_w = 9.5e5;
    assert_int_equal(run(cli_status, NULL, NULL, output), 0);
    assert_line(output, "capacity", "950 kW", "EXCEEDED");
    site.snapshot.peak_import_w = NAN;
    assert_int_equal(run(cli_status, NULL, NULL, output), 0);
    assert_line(output, "capacity", "peak of the billing period –\n", "");
    assert_null(strstr(output, "held"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plan_shows_jobs_with_place_and_reason, begin, end),
        cmocka_unit_test_setup_teardown(plan_shows_what_the_site_has_and_what_breaks, begin, end),
        cmocka_unit_test_setup_teardown(plan_of_a_job_says_why_for_each_time, begin, end),
        cmocka_unit_test_setup_teardown(jobs_show_group_and_level, begin, end),
        cmocka_unit_test_setup_teardown(status_shows_the_capacity, begin, end),
    };
    return cmocka_run_group_tests_name("cli_plan", tests, NULL, NULL);
}
