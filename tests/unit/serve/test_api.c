/* Requests and replies of the local interface, without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "controller/base/utc.h"
#include "controller/serve/api.h"

static struct {
    struct snapshot snapshot;
    struct plan plan;
    struct problem_slot frame[4];
    struct plan_slot slots[4];
    struct plan_job plan_jobs[1];
    uint16_t why[4];
    bool has_plan;
    struct job jobs[2];
    struct job_request submitted;
    int64_t cancelled;
    enum subsystem subsystem;
    enum mode mode;
    char asker[LIMIT_NAME];
    int verdict;
    const char *error;
    const char *broker;
    int sparkplug_nodes;
} fake;

static const struct snapshot *fake_snapshot(void *context)
{
    (void)context;
    return &fake.snapshot;
}

static const struct plan *fake_plan(void *context)
{
    (void)context;
    return fake.has_plan ? &fake.plan : NULL;
}

static int fake_jobs(void *context, const struct job **ret_jobs)
{
    (void)context;
    *ret_jobs = fake.jobs;
    return 2;
}

static int fake_devices(void *context, struct api_device *ret_devices, int most)
{
    (void)context;
    assert_true(most >= 1);
    ret_devices[0] = (struct api_device){.name = "battery",
                                         .role = "battery",
                                         .link = "down",
                                         .reason = REASON_TIMEOUT,
                                         .points = 4,
                                         .bad_points = 3,
                                         .absent_points = 1,
                                         .worst = QUALITY_MISSING,
                                         .worst_reason = REASON_TIMEOUT};
    return 1;
}

static void fake_totals(void *context, struct api_totals *ret_totals)
{
    (void)context;
    ret_totals->store_written = 42;
    snprintf(ret_totals->broker_host, sizeof(ret_totals->broker_host), "%s", fake.broker);
    snprintf(ret_totals->broker_link, sizeof(ret_totals->broker_link), "down");
    snprintf(ret_totals->broker_cause, sizeof(ret_totals->broker_cause), "refused");
    ret_totals->broker_malformed = 3;
    ret_totals->broker_takeovers = 1;
    ret_totals->sparkplug_nodes = fake.sparkplug_nodes;
    ret_totals->sparkplug_gaps = 2;
}

static void fake_point(void *context, int32_t point, struct api_point *ret_point)
{
    (void)context;
    *ret_point = (struct api_point){.name = "power_set_w",
                                    .unit = "W",
                                    .value = point == 0 ? (double)NAN : 5e3,
                                    .quality = point == 0 ? QUALITY_BAD : QUALITY_GOOD,
                                    .reason = point == 0 ? REASON_FROZEN : REASON_FRESH,
                                    .source_ms = point == 0 ? 0 : fake.snapshot.now_ms - 1500,
                                    .counter_reason = point == 0 ? REASON_COUNTER_RESET : 0,
                                    .counter_ms = fake.snapshot.now_ms,
                                    .writable = point == 1,
                                    .set_value = 6e3,
                                    .set_outcome = REASON_WRITE_REFUSED,
                                    .writes = 12,
                                    .lifetime = 100000};
}

static int judge(const char *asker, struct error *error)
{
    snprintf(fake.asker, sizeof(fake.asker), "%s", asker);
    if (fake.error)
        error_set(error, 0, "%s", fake.error);
    return fake.verdict;
}

static int fake_submit(void *context, const struct job_request *request, int64_t *ret_id,
                       struct error *error)
{
    (void)context;
    fake.submitted = *request;
    *ret_id = 7;
    return judge(request->owner, error);
}

static int fake_cancel(void *context, int64_t id, const char *asker, struct error *error)
{
    (void)context;
    fake.cancelled = id;
    return judge(asker, error);
}

static int fake_mode(void *context, enum subsystem subsystem, enum mode mode, const char *asker,
                     struct error *error)
{
    (void)context;
    fake.subsystem = subsystem;
    fake.mode = mode;
    return judge(asker, error);
}

static const struct api_core core = {
    .snapshot = fake_snapshot,
    .plan = fake_plan,
    .jobs = fake_jobs,
    .devices = fake_devices,
    .point = fake_point,
    .totals = fake_totals,
    .submit = fake_submit,
    .cancel = fake_cancel,
    .set_mode = fake_mode,
    .site = "hall",
    .currency = "EUR",
    .version = "1.2.3",
    .speed = 1,
};

static json_t *ask_of(const struct api_core *whom, const char *line)
{
    char *reply = api_answer(whom, "olga", line);
    json_t *root;

    assert_non_null(reply);
    assert_int_equal(strcspn(reply, "\n") + 1, strlen(reply)); /* one line */
    root = json_loads(reply, 0, NULL);
    assert_non_null(root);
    free(reply);
    return root;
}

static json_t *ask(const char *line)
{
    return ask_of(&core, line);
}

static const json_t *at(const json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);

    if (!value)
        fail_msg("the reply lacks %s", key);
    return value;
}

static const char *string_at(const json_t *root, const char *key)
{
    assert_true(json_is_string(at(root, key)));
    return json_string_value(at(root, key));
}

static int reset(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.broker = "";
    fake.snapshot = (struct snapshot){.now_ms = 1781481600000,
                                      .import_w = 812000,
                                      .export_w = NAN,
                                      .soc_pct = NAN,
                                      .threshold_w = NAN,
                                      .tank_soc_pct = NAN,
                                      .tank_heat_w = NAN,
                                      .import_limit_w = INFINITY,
                                      .last_hour = {.value = 1.21, .category = 2},
                                      .today = {.quality = QUALITY_MISSING, .value = 99}};
    fake.jobs[0] = (struct job){.id = 7,
                                .name = "train",
                                .state = JOB_RUNNING,
                                .power_w = 6500,
                                .deadline_ms = JOB_NO_DEADLINE,
                                .feeder = 1,
                                .work_ms = HOUR_MS,
                                .updated_ms = 1781481600000};
    fake.jobs[1] = (struct job){.id = 8, .name = "done", .state = JOB_COMPLETED, .feeder = -1};
    return 0;
}

static void status_says_null_for_the_unknown(void **state)
{
    json_t *root = ask("{\"do\":\"status\"}");
    const json_t *power = at(root, "power"), *pue = at(root, "pue");

    (void)state;
    assert_true(json_is_true(at(root, "ok")));
    assert_string_equal(string_at(root, "now"), "2026-06-15T00:00:00Z");
    assert_true(json_number_value(at(power, "import_w")) == 812000);
    assert_true(json_is_null(at(power, "export_w")));
    assert_true(json_is_null(at(root, "soc_pct")));
    assert_true(json_is_null(at(root, "import_limit_w")));
    assert_true(json_is_null(at(root, "threshold_w")));
    assert_true(json_is_null(at(root, "tank")));
    assert_true(json_is_null(at(root, "plan")));
    assert_true(json_number_value(at(at(pue, "last_hour"), "value")) == 1.21);
    assert_true(json_is_null(at(at(pue, "today"), "value")));
    assert_string_equal(string_at(at(root, "modes"), "battery"), "observe");
    json_decref(root);
}

static void status_shows_threshold_and_tank_where_there_are_some(void **state)
{
    json_t *root;

    (void)state;
    fake.snapshot.threshold_w = 9e5;
    fake.snapshot.tank_soc_pct = 40;
    root = ask("{\"do\":\"status\"}");
    assert_true(json_number_value(at(root, "threshold_w")) == 9e5);
    assert_true(json_number_value(at(at(root, "tank"), "soc_pct")) == 40);
    assert_true(json_is_null(at(at(root, "tank"), "heat_w")));
    json_decref(root);
}

static void status_lists_devices_with_their_reason(void **state)
{
    json_t *root = ask("{\"do\":\"status\"}");
    const json_t *device = json_array_get(at(root, "devices"), 0);

    (void)state;
    assert_string_equal(string_at(device, "reason"), "timeout");
    assert_true(json_is_null(at(device, "round_trip_ms")));
    assert_int_equal(json_integer_value(at(device, "good_points")), 0);
    assert_int_equal(json_integer_value(at(device, "bad_points")), 3);
    assert_int_equal(json_integer_value(at(device, "absent_points")), 1);
    assert_string_equal(string_at(device, "worst"), "missing");
    assert_string_equal(string_at(device, "worst_reason"), "timeout");
    assert_int_equal(json_integer_value(at(at(root, "store"), "written")), 42);
    json_decref(root);
}

static void status_speaks_of_the_broker_when_there_is_one(void **state)
{
    json_t *root = ask("{\"do\":\"status\"}");

    (void)state;
    assert_true(json_is_null(at(root, "broker")));
    json_decref(root);
    fake.broker = "192.0.2.1";
    root = ask("{\"do\":\"status\"}");
    assert_string_equal(string_at(at(root, "broker"), "host"), "192.0.2.1");
    assert_string_equal(string_at(at(root, "broker"), "link"), "down");
    assert_string_equal(string_at(at(root, "broker"), "cause"), "refused");
    assert_int_equal(json_integer_value(at(at(root, "broker"), "malformed")), 3);
    assert_int_equal(json_integer_value(at(at(root, "broker"), "takeovers")), 1);
    assert_true(json_is_null(at(at(root, "broker"), "sparkplug")));
    json_decref(root);
    fake.sparkplug_nodes = 4;
    root = ask("{\"do\":\"status\"}");
    assert_int_equal(json_integer_value(at(at(at(root, "broker"), "sparkplug"), "gaps")), 2);
    json_decref(root);
}

static void points_say_what_is_known_and_why(void **state)
{
    struct topology *topology = topology_create();
    const struct point kinds[] = {{.kind = POINT_POWER}, {.kind = POINT_POWER_SET}};
    struct api_core with_topology = core;
    const json_t *points, *set;
    json_t *root;

    (void)state;
    topology_add_device(topology, "battery", ROLE_BATTERY, -1, 1000, NULL);
    topology_add_point(topology, &kinds[0], NULL);
    topology_add_point(topology, &kinds[1], NULL);
    with_topology.topology = topology;
    root = ask_of(&with_topology, "{\"do\":\"points\",\"device\":\"battery\"}");
    points = at(root, "points");
    assert_int_equal(json_array_size(points), 2);
    assert_true(json_is_null(at(json_array_get(points, 0), "value")));
    assert_true(json_is_null(at(json_array_get(points, 0), "age_ms")));
    assert_true(json_is_null(at(json_array_get(points, 0), "set")));
    assert_string_equal(string_at(json_array_get(points, 0), "reason"), "frozen");
    assert_string_equal(string_at(at(json_array_get(points, 0), "counter"), "reason"),
                        "counter_reset");
    assert_true(json_is_null(at(json_array_get(points, 1), "counter")));
    assert_true(json_number_value(at(json_array_get(points, 1), "value")) == 5e3);
    assert_int_equal(json_integer_value(at(json_array_get(points, 1), "age_ms")), 1500);
    set = at(json_array_get(points, 1), "set");
    assert_string_equal(string_at(set, "outcome"), "write_refused");
    assert_int_equal(json_integer_value(at(set, "writes")), 12);
    json_decref(root);
    root = ask_of(&with_topology, "{\"do\":\"points\",\"device\":\"bttery\"}");
    assert_true(json_is_false(at(root, "ok")));
    assert_non_null(strstr(string_at(root, "error"), "bttery"));
    json_decref(root);
    topology_destroy(topology);
}

/* Four slots of an hour; job 7 waits for two, then runs at level 1 to the end of the third. */
static void make_plan(void)
{
    const int64_t start_ms = fake.snapshot.now_ms;

    fake.has_plan = true;
    for (int i = 0; i < 4; i++)
        fake.frame[i] = (struct problem_slot){
            .start_ms = start_ms + i * HOUR_MS, .length_ms = HOUR_MS, .price_import_per_mwh = 81.5};
    fake.slots[0] = (struct plan_slot){
        .charge_w = 100, .battery_reason = REASON_ARBITRAGE, .breach_w = 5, .it_jobs_w = {10, 20}};
    fake.plan_jobs[0] =
        (struct plan_job){.id = 7,
                          .run_count = 1,
                          .group = 1,
                          .runs = {{start_ms + 2 * HOUR_MS, start_ms + 3 * HOUR_MS, 1}},
                          .finish_ms = INT64_MAX,
                          .reason = REASON_CHEAPER_LATER};
    memcpy(fake.why, (uint16_t[]){REASON_CHEAPER_LATER, REASON_CHEAPER_LATER, REASON_DEADLINE, 0},
           sizeof(fake.why));
    fake.plan = (struct plan){.id = 3,
                              .status = PLAN_COMPLETE,
                              .sites = {{.frame = fake.frame,
                                         .slots = fake.slots,
                                         .groups = {{.feeder = 0}, {.feeder = 0}},
                                         .feeder_count = 1,
                                         .group_count = 2}},
                              .site_count = 1,
                              .slot_count = 4,
                              .jobs = fake.plan_jobs,
                              .why = fake.why,
                              .job_count = 1};
}

static void plan_shows_slots_and_jobs(void **state)
{
    json_t *root;
    const json_t *plan, *site, *slot, *job;

    (void)state;
    make_plan();
    root = ask("{\"do\":\"plan\"}");
    plan = at(root, "plan");
    assert_int_equal(json_array_size(at(plan, "sites")), 1);
    site = json_array_get(at(plan, "sites"), 0);
    assert_string_equal(string_at(site, "name"), "hall");
    assert_int_equal(json_array_size(at(site, "slots")), 4);
    slot = json_array_get(at(site, "slots"), 0);
    job = json_array_get(at(plan, "jobs"), 0);
    assert_string_equal(string_at(plan, "status"), "complete");
    assert_true(json_number_value(at(slot, "it_jobs_w")) == 30);
    assert_true(json_number_value(at(slot, "price_per_mwh")) == 81.5);
    assert_true(json_number_value(at(slot, "breach_w")) == 5);
    assert_string_equal(string_at(job, "reason"), "cheaper_later");
    assert_int_equal(json_integer_value(at(job, "group")), 1); /* no topology: no names */
    assert_int_equal(json_integer_value(at(job, "feeder")), 0);
    assert_true(json_is_null(at(job, "finish")));
    assert_string_equal(string_at(json_array_get(at(job, "runs"), 0), "end"),
                        "2026-06-15T03:00:00Z");
    assert_int_equal(json_integer_value(at(json_array_get(at(job, "runs"), 0), "level")), 1);
    json_decref(root);
    root = ask("{\"do\":\"jobs\"}");
    job = json_array_get(at(root, "jobs"), 0);
    assert_string_equal(string_at(at(job, "planned"), "start"), "2026-06-15T02:00:00Z");
    assert_int_equal(json_integer_value(at(at(job, "planned"), "level")), 1);
    json_decref(root);
}

/* What a site does not have is null, never 0. */
static void plan_shows_cooling_where_there_is_some(void **state)
{
    const json_t *site, *slot;
    json_t *root;

    (void)state;
    make_plan();
    root = ask("{\"do\":\"plan\"}");
    site = json_array_get(at(at(root, "plan"), "sites"), 0);
    slot = json_array_get(at(site, "slots"), 1);
    assert_true(json_is_true(at(site, "battery")));
    assert_true(json_is_false(at(site, "cooling")) && json_is_false(at(site, "tank")));
    assert_true(json_is_null(at(slot, "chiller_heat_w")) && json_is_null(at(slot, "tank_wh")));
    json_decref(root);
    fake.slots[1] = (struct plan_slot){.chiller_heat_w = 700,
                                       .tank_charge_w = 50,
                                       .tank_end_wh = 900,
                                       .tank_reason = REASON_ARBITRAGE};
    root = ask("{\"do\":\"plan\"}");
    site = json_array_get(at(at(root, "plan"), "sites"), 0);
    slot = json_array_get(at(site, "slots"), 1);
    assert_true(json_is_true(at(site, "cooling")) && json_is_true(at(site, "tank")));
    assert_true(json_number_value(at(slot, "chiller_heat_w")) == 700);
    assert_true(json_number_value(at(slot, "tank_heat_w")) == -50);
    assert_true(json_number_value(at(slot, "tank_wh")) == 900);
    assert_string_equal(string_at(slot, "tank_reason"), "arbitrage");
    json_decref(root);
}

static void breaches_name_their_place(void **state)
{
    struct topology *topology = topology_create();
    struct api_core with_topology = core;
    const json_t *breaches;
    json_t *root;

    (void)state;
    topology_add_feeder(topology, "feeder-a", 1e5, NULL);
    topology_add_group(topology, "rack-1", 0, 5e4, NULL);
    topology_add_group(topology, "rack-2", 0, 5e4, NULL);
    with_topology.topology = topology;
    make_plan();
    fake.slots[0].feeder_breach_w[0] = 11;
    fake.slots[0].group_breach_w[1] = 22;
    root = ask_of(&with_topology, "{\"do\":\"plan\"}");
    breaches = at(json_array_get(at(json_array_get(at(at(root, "plan"), "sites"), 0), "slots"), 0),
                  "breaches");
    assert_int_equal(json_object_size(breaches), 2);
    assert_true(json_number_value(at(breaches, "feeder-a")) == 11);
    assert_true(json_number_value(at(breaches, "rack-2")) == 22);
    assert_string_equal(string_at(json_array_get(at(at(root, "plan"), "jobs"), 0), "group"),
                        "rack-2");
    json_decref(root);
    topology_destroy(topology);
}

static void a_planned_job_says_why_at_each_time(void **state)
{
    const json_t *why, *stretch;
    json_t *root;

    (void)state;
    root = ask("{\"do\":\"plan\",\"job\":7}"); /* there is no plan */
    assert_string_equal(string_at(root, "reason"), "unknown_job");
    json_decref(root);
    make_plan();
    root = ask("{\"do\":\"plan\",\"job\":7}");
    assert_int_equal(json_integer_value(at(at(root, "plan"), "id")), 3);
    why = at(at(root, "job"), "why");
    assert_int_equal(json_array_size(why), 2); /* of the last hour there is nothing to say */
    stretch = json_array_get(why, 0);
    assert_string_equal(string_at(stretch, "start"), "2026-06-15T00:00:00Z");
    assert_string_equal(string_at(stretch, "end"), "2026-06-15T02:00:00Z");
    assert_string_equal(string_at(stretch, "reason"), "cheaper_later");
    assert_true(json_is_false(at(stretch, "runs")) && json_is_null(at(stretch, "level")));
    stretch = json_array_get(why, 1);
    assert_string_equal(string_at(stretch, "end"), "2026-06-15T03:00:00Z");
    assert_true(json_is_true(at(stretch, "runs")));
    assert_int_equal(json_integer_value(at(stretch, "level")), 1);
    json_decref(root);
    fake.plan.why = NULL; /* reasons are not kept */
    root = ask("{\"do\":\"plan\",\"job\":7}");
    assert_true(json_is_null(at(at(root, "job"), "why")));
    json_decref(root);
    root = ask("{\"do\":\"plan\",\"job\":8}");
    assert_non_null(strstr(string_at(root, "error"), "job 8"));
    json_decref(root);
}

static void jobs_show_level_and_group(void **state)
{
    const json_t *job;
    json_t *root;

    (void)state;
    fake.jobs[0].levels[0] = (struct job_level){6500, 1, 8};
    fake.jobs[0].levels[1] = (struct job_level){4500, 0.85, 8};
    fake.jobs[0].level_count = 2;
    fake.jobs[0].level = fake.jobs[0].level_asked = 1;
    fake.jobs[0].group = 2;
    root = ask("{\"do\":\"jobs\"}");
    job = json_array_get(at(root, "jobs"), 0);
    assert_int_equal(json_integer_value(at(job, "level")), 1);
    assert_true(json_is_null(at(job, "level_asked")));
    assert_true(json_number_value(at(job, "power_w")) == 4500);
    assert_true(json_number_value(at(job, "full_power_w")) == 6500);
    assert_true(json_number_value(at(json_array_get(at(job, "levels"), 1), "speed")) == 0.85);
    assert_int_equal(json_integer_value(at(job, "group")), 2);
    json_decref(root);
    fake.jobs[0].level_asked = 0;
    root = ask("{\"do\":\"jobs\"}");
    job = json_array_get(at(root, "jobs"), 0);
    assert_true(json_is_integer(at(job, "level_asked")));
    json_decref(root);
}

static void jobs_hide_the_ended_unless_asked(void **state)
{
    json_t *root = ask("{\"do\":\"jobs\"}");

    (void)state;
    assert_int_equal(json_array_size(at(root, "jobs")), 1);
    assert_true(json_is_null(at(json_array_get(at(root, "jobs"), 0), "deadline")));
    json_decref(root);
    root = ask("{\"do\":\"jobs\",\"all\":true}");
    assert_int_equal(json_array_size(at(root, "jobs")), 2);
    json_decref(root);
}

static void submit_passes_the_request_and_the_asker(void **state)
{
    json_t *root = ask("{\"do\":\"submit\",\"power_w\":6500,\"work_ms\":14400000,"
                       "\"deadline\":\"2026-11-22T06:00Z\",\"class\":\"scavenger\","
                       "\"can_suspend\":false,\"checkpoint\":\"save\","
                       "\"command\":[\"/bin/echo\",\"\",\"a b\"]}");
    const struct job_request *job = &fake.submitted;

    (void)state;
    assert_true(json_is_true(at(root, "ok")));
    assert_int_equal(json_integer_value(at(root, "id")), 7);
    json_decref(root);
    assert_string_equal(job->owner, "olga");
    assert_string_equal(job->name, "echo");
    assert_string_equal(job->checkpoint, "save");
    assert_int_equal(job->job_class, JOB_SCAVENGER);
    assert_true(job->power_w == 6500 && job->work_ms == 4 * HOUR_MS && !job->can_suspend);
    assert_int_equal(job->deadline_ms, 1795327200000);
    assert_int_equal(job->argc, 3);
    assert_int_equal(job->command_length, 15);
    assert_memory_equal(job->command, "/bin/echo\0\0a b", 15);
}

static void submit_takes_levels_and_accelerators(void **state)
{
    struct topology *topology = topology_create();
    struct api_core with_topology = core;
    const struct job_request *job = &fake.submitted;
    json_t *root;

    (void)state;
    topology_add_feeder(topology, "feeder-a", 1e5, NULL);
    topology_add_accelerators(topology, 0, "a100", 8, NULL);
    topology_add_accelerators(topology, 0, "h100", 8, NULL);
    with_topology.topology = topology;
    root = ask_of(&with_topology,
                  "{\"do\":\"submit\",\"power_w\":6500,\"work_ms\":1000,\"command\":[\"a\"],"
                  "\"accelerators\":8,\"accelerator_classes\":[\"h100\"],\"restart_ms\":500,"
                  "\"level_command\":\"cap\",\"levels\":[{\"power_w\":4500,\"speed\":0.85},"
                  "{\"power_w\":2500,\"speed\":0.5,\"accelerators\":4}]}");
    assert_true(json_is_true(at(root, "ok")));
    json_decref(root);
    assert_int_equal(job->level_count, 3);
    assert_true(job->levels[0].power_w == 6500 && job->levels[0].speed == 1);
    assert_true(job->levels[1].speed == 0.85 && job->levels[1].accelerators == 8);
    assert_true(job->levels[2].power_w == 2500 && job->levels[2].accelerators == 4);
    assert_int_equal(job->accelerator_classes, 2);
    assert_int_equal(job->restart_ms, 500);
    assert_string_equal(job->level_command, "cap");
    root = ask_of(&with_topology,
                  "{\"do\":\"submit\",\"power_w\":6500,\"work_ms\":1000,\"command\":[\"a\"],"
                  "\"accelerators\":8,\"accelerator_classes\":[\"b200\"]}");
    assert_non_null(strstr(string_at(root, "error"), "\"b200\"; it has a100, h100"));
    json_decref(root);
    root = ask("{\"do\":\"submit\",\"power_w\":6500,\"work_ms\":1000,\"command\":[\"a\"]}");
    json_decref(root);
    assert_int_equal(job->level_count, 1); /* as it is, and nothing else */
    assert_int_equal(job->levels[0].accelerators, 0);
    topology_destroy(topology);
}

static void refused_requests_say_what_to_change(void **state)
{
    static const struct {
        const char *line, *names;
    } cases[] = {
        {"", "JSON"},
        {"[]", "\"do\""},
        {"{\"do\":\"fly\"}", "\"do\""},
        {"{\"do\":7}", "\"do\""},
        {"{\"do\":\"status\",\"al\":true}", "\"al\""},
        {"{\"do\":\"jobs\",\"all\":1}", "\"all\""},
        {"{\"do\":\"cancel\"}", "\"id\""},
        {"{\"do\":\"cancel\",\"id\":-4}", "\"id\""},
        {"{\"do\":\"mode\",\"subsystem\":\"sun\",\"mode\":\"control\"}", "\"subsystem\""},
        {"{\"do\":\"mode\",\"subsystem\":\"jobs\",\"mode\":\"auto\"}", "\"mode\""},
        {"{\"do\":\"submit\",\"work_ms\":1,\"command\":[\"a\"]}", "\"power_w\""},
        {"{\"do\":\"submit\",\"power_w\":-1,\"work_ms\":1,\"command\":[\"a\"]}", "\"power_w\""},
        {"{\"do\":\"submit\",\"power_w\":\"6kW\",\"work_ms\":1,\"command\":[\"a\"]}",
         "\"power_w\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":0,\"command\":[\"a\"]}", "\"work_ms\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1}", "\"command\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[]}", "\"command\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"\"]}", "\"command\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[1]}", "\"command\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"deadline\":\"soon\"}",
         "\"deadline\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"release\":\"2026-11-22T06:00Z\",\"deadline\":\"2026-11-22T06:00Z\"}",
         "after \"release\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"name\":\"a\\u001b[2J\"}",
         "\"name\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"directory\":\"tmp\"}",
         "\"directory\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"class\":\"vip\"}",
         "\"class\""},
        {"{\"do\":\"plan\",\"job\":\"7\"}", "\"job\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],\"levels\":7}",
         "\"levels\""},
        {"{\"do\":\"submit\",\"power_w\":9,\"work_ms\":1,\"command\":[\"a\"],"
         "\"levels\":[{\"power_w\":5,\"speed\":0.9},{\"power_w\":4}]}",
         "\"levels\", entry 2: \"speed\""},
        {"{\"do\":\"submit\",\"power_w\":9,\"work_ms\":1,\"command\":[\"a\"],"
         "\"level_command\":\"x\",\"levels\":[{\"power_w\":10,\"speed\":0.9}]}",
         "not below"}, /* what does not fit together is told too */
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"accelerators\":-1}",
         "\"accelerators\""},
        {"{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"],"
         "\"accelerators\":1,\"accelerator_classes\":[\"h100\"]}",
         "no accelerators"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *root = ask(cases[i].line);

        assert_true(json_is_false(at(root, "ok")));
        assert_string_equal(string_at(root, "reason"), "invalid");
        if (!strstr(string_at(root, "error"), cases[i].names))
            fail_msg("%s: %s", cases[i].line, string_at(root, "error"));
        json_decref(root);
    }
    assert_int_equal(fake.submitted.argc, 0);
}

static void the_core_has_the_last_word(void **state)
{
    json_t *root;

    (void)state;
    fake.verdict = REASON_UNKNOWN_JOB;
    root = ask("{\"do\":\"cancel\",\"id\":9}");
    assert_true(json_is_false(at(root, "ok")));
    assert_string_equal(string_at(root, "reason"), "unknown_job");
    assert_string_equal(string_at(root, "error"), reason_text(REASON_UNKNOWN_JOB));
    json_decref(root);
    assert_int_equal(fake.cancelled, 9);
    assert_string_equal(fake.asker, "olga");

    fake.verdict = ERROR_SYSTEM;
    fake.error = "the disk is full";
    root = ask("{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"a\"]}");
    assert_string_equal(string_at(root, "error"), "the disk is full");
    json_decref(root);

    fake.verdict = REASON_ACCEPTED;
    root = ask("{\"do\":\"mode\",\"subsystem\":\"cooling\",\"mode\":\"control\"}");
    assert_true(json_is_true(at(root, "ok")));
    json_decref(root);
    assert_int_equal(fake.subsystem, SUBSYSTEM_COOLING);
    assert_int_equal(fake.mode, MODE_CONTROL);
}

static void too_long_a_command_is_refused(void **state)
{
    char *line = malloc(3 * LIMIT_JOB_COMMAND);
    char word[LIMIT_JOB_COMMAND + 1];
    json_t *root;

    (void)state;
    memset(word, 'x', sizeof(word));
    word[LIMIT_JOB_COMMAND - 2] = '\0';
    sprintf(line, "{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"%s\",\"\"]}",
            word);
    root = ask(line);
    assert_true(json_is_true(at(root, "ok"))); /* fits to the byte */
    json_decref(root);
    assert_int_equal(fake.submitted.command_length, LIMIT_JOB_COMMAND);
    sprintf(line, "{\"do\":\"submit\",\"power_w\":1,\"work_ms\":1,\"command\":[\"%s\",\"y\"]}",
            word);
    root = ask(line);
    assert_true(json_is_false(at(root, "ok")));
    json_decref(root);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(status_says_null_for_the_unknown, reset),
        cmocka_unit_test_setup(status_shows_threshold_and_tank_where_there_are_some, reset),
        cmocka_unit_test_setup(status_lists_devices_with_their_reason, reset),
        cmocka_unit_test_setup(status_speaks_of_the_broker_when_there_is_one, reset),
        cmocka_unit_test_setup(points_say_what_is_known_and_why, reset),
        cmocka_unit_test_setup(plan_shows_slots_and_jobs, reset),
        cmocka_unit_test_setup(plan_shows_cooling_where_there_is_some, reset),
        cmocka_unit_test_setup(breaches_name_their_place, reset),
        cmocka_unit_test_setup(a_planned_job_says_why_at_each_time, reset),
        cmocka_unit_test_setup(jobs_show_level_and_group, reset),
        cmocka_unit_test_setup(submit_takes_levels_and_accelerators, reset),
        cmocka_unit_test_setup(jobs_hide_the_ended_unless_asked, reset),
        cmocka_unit_test_setup(submit_passes_the_request_and_the_asker, reset),
        cmocka_unit_test_setup(refused_requests_say_what_to_change, reset),
        cmocka_unit_test_setup(the_core_has_the_last_word, reset),
        cmocka_unit_test_setup(too_long_a_command_is_refused, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
