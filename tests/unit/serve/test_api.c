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
    struct problem_slot frame[2];
    struct plan_slot slots[2];
    struct plan_job plan_jobs[1];
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
    assert_true(json_is_null(at(root, "plan")));
    assert_true(json_number_value(at(at(pue, "last_hour"), "value")) == 1.21);
    assert_true(json_is_null(at(at(pue, "today"), "value")));
    assert_string_equal(string_at(at(root, "modes"), "battery"), "observe");
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

static void plan_shows_slots_and_jobs(void **state)
{
    const int64_t start_ms = 1781481600000;
    json_t *root;
    const json_t *plan, *slot, *job;

    (void)state;
    fake.has_plan = true;
    fake.frame[0] = (struct problem_slot){.start_ms = start_ms, .price_import_per_mwh = 81.5};
    fake.slots[0] = (struct plan_slot){.charge_w = 100, .it_jobs_w = {10, 20}};
    fake.plan_jobs[0] = (struct plan_job){.id = 7,
                                          .run_count = 1,
                                          .feeder = 0,
                                          .runs = {{start_ms, start_ms + HOUR_MS}},
                                          .finish_ms = INT64_MAX,
                                          .reason = REASON_CHEAPER_LATER};
    fake.plan = (struct plan){.id = 3,
                              .status = PLAN_COMPLETE,
                              .frame = fake.frame,
                              .slots = fake.slots,
                              .slot_count = 1,
                              .jobs = fake.plan_jobs,
                              .job_count = 1};
    root = ask("{\"do\":\"plan\"}");
    plan = at(root, "plan");
    slot = json_array_get(at(plan, "slots"), 0);
    job = json_array_get(at(plan, "jobs"), 0);
    assert_string_equal(string_at(plan, "status"), "complete");
    assert_true(json_number_value(at(slot, "it_jobs_w")) == 30);
    assert_true(json_number_value(at(slot, "price_per_mwh")) == 81.5);
    assert_string_equal(string_at(job, "reason"), "cheaper_later");
    assert_true(json_is_null(at(job, "finish")));
    assert_string_equal(string_at(json_array_get(at(job, "runs"), 0), "end"),
                        "2026-06-15T01:00:00Z");
    json_decref(root);
    root = ask("{\"do\":\"jobs\"}");
    job = json_array_get(at(root, "jobs"), 0);
    assert_string_equal(string_at(at(job, "planned"), "start"), "2026-06-15T00:00:00Z");
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
        cmocka_unit_test_setup(status_lists_devices_with_their_reason, reset),
        cmocka_unit_test_setup(status_speaks_of_the_broker_when_there_is_one, reset),
        cmocka_unit_test_setup(points_say_what_is_known_and_why, reset),
        cmocka_unit_test_setup(plan_shows_slots_and_jobs, reset),
        cmocka_unit_test_setup(jobs_hide_the_ended_unless_asked, reset),
        cmocka_unit_test_setup(submit_passes_the_request_and_the_asker, reset),
        cmocka_unit_test_setup(refused_requests_say_what_to_change, reset),
        cmocka_unit_test_setup(the_core_has_the_last_word, reset),
        cmocka_unit_test_setup(too_long_a_command_is_refused, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
