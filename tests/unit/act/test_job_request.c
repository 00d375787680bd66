/* Each way in which a request does not fit together is refused with its remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controller/act/job_request.h"

static struct job_request elastic(void)
{
    struct job_request request = {.power_w = 6500,
                                  .levels = {{6500, 1, 8}, {4500, 0.85, 8}, {2500, 0.5, 4}},
                                  .level_count = 3,
                                  .accelerator_classes = 1,
                                  .restart_ms = 1000,
                                  .level_command = "cap",
                                  .checkpoint = "save"};
    return request;
}

static void refuses(const struct job_request *request, const char *part)
{
    struct error error = {0};
    assert_int_equal(job_request_check(request, &error), ERROR_INVALID);
    if (!strstr(error.text, part))
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
}

static void what_fits_is_taken(void **state)
{
    (void)state;
    struct error error;
    struct job_request request = elastic();
    assert_int_equal(job_request_check(&request, &error), 0);
    request.checkpoint[0] = '\0'; /* it still restarts when it shrinks */
    assert_int_equal(job_request_check(&request, &error), 0);
    const struct job_request plain = {.power_w = 1};
    assert_int_equal(job_request_check(&plain, &error), 0);
}

static void levels_fall_and_need_a_command(void **state)
{
    (void)state;
    struct job_request request = elastic();
    request.level_command[0] = '\0';
    refuses(&request, "level command");
    request = elastic();
    request.level_count = 1;
    refuses(&request, "without levels");
    request = elastic();
    request.levels[2].power_w = 4500;
    refuses(&request, "level 2");
    request = elastic();
    request.levels[1].speed = 0;
    refuses(&request, "speed");
    request.levels[1].speed = 1.1;
    refuses(&request, "speed");
    request = elastic();
    request.levels[2].speed = 0.9;
    refuses(&request, "level 2");
    request = elastic();
    request.levels[2].accelerators = 9;
    refuses(&request, "accelerators");
    request.levels[2].accelerators = 0;
    refuses(&request, "at least one");
    request = elastic();
    request.level_count = LIMIT_LEVELS + 1;
    refuses(&request, "at most");
}

static void accelerators_have_class_and_number(void **state)
{
    (void)state;
    struct job_request request = elastic();
    request.accelerator_classes = 0;
    refuses(&request, "class");
    const struct job_request none = {
        .levels = {{1000, 1, 0}}, .level_count = 1, .accelerator_classes = 2};
    refuses(&none, "how many");
}

static void a_restart_needs_a_checkpoint(void **state)
{
    (void)state;
    const struct job_request request = {.power_w = 1, .restart_ms = 5000};
    refuses(&request, "checkpoint");
    struct job_request negative = elastic();
    negative.restart_ms = -1;
    refuses(&negative, "negative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_taken),
        cmocka_unit_test(levels_fall_and_need_a_command),
        cmocka_unit_test(accelerators_have_class_and_number),
        cmocka_unit_test(a_restart_needs_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
