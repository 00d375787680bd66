/* Topic and payload of what Tidewatt publishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "controller/serve/publish.h"

static const struct topology topology = {.feeders = {{.name = "A"}}, .feeder_count = 1};

static void a_live_job_is_retained_state(void **state)
{
    const struct job job = {.id = 7,
                            .state = JOB_RUNNING,
                            .job_class = JOB_DEFERRABLE,
                            .power_w = 6500,
                            .feeder = 0,
                            .reason = REASON_PLANNED};
    struct publication said;

    (void)state;
    publish_job("hall", &topology, &job, 1781481600000, &said);
    assert_string_equal(said.topic, "tidewatt/hall/jobs/7");
    assert_string_equal(said.payload, "{\"id\":7,\"state\":\"running\",\"class\":\"deferrable\","
                                      "\"power_w\":6500.0,\"feeder\":\"A\",\"reason\":\"planned\","
                                      "\"timestamp\":1781481600000}");
    assert_true(said.retain && said.qos == 1);
}

static void an_ended_job_is_news_and_then_nothing(void **state)
{
    const struct job job = {.id = 7, .state = JOB_FAILED, .feeder = -1};
    struct publication said;
    json_t *root;

    (void)state;
    publish_job("hall", &topology, &job, 1, &said);
    assert_false(said.retain);
    root = json_loads(said.payload, 0, NULL);
    assert_true(json_is_null(json_object_get(root, "feeder")));
    json_decref(root);
    publish_job_clear("hall", 7, &said);
    assert_string_equal(said.topic, "tidewatt/hall/jobs/7");
    assert_string_equal(said.payload, "");
    assert_true(said.retain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_job_is_retained_state),
        cmocka_unit_test(an_ended_job_is_news_and_then_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
