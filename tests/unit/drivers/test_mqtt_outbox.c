/* The outbox of the MQTT edge: what waits for the broker, in which order, and what gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/error.h"
#include "drivers/mqtt_outbox.h"

static void expect_next(struct outbox *outbox, const char *topic, const char *payload)
{
    struct outbox_message *message = outbox_take(outbox);

    assert_non_null(message);
    assert_string_equal(message->topic, topic);
    assert_string_equal(message->payload, payload);
    free(message);
}

static void outbox_keeps_the_newest_retained_in_order(void **state)
{
    struct outbox outbox;

    (void)state;
    outbox_init(&outbox);
    assert_int_equal(outbox_put(&outbox, "a", "1", 1, true), 0);
    assert_int_equal(outbox_put(&outbox, "b", "2", 0, false), 0);
    assert_int_equal(outbox_put(&outbox, "b", "3", 0, false), 0);
    assert_int_equal(outbox_put(&outbox, "a", "4", 1, true), 0);
    assert_int_equal(outbox.length, 3);
    expect_next(&outbox, "b", "2");
    expect_next(&outbox, "b", "3");
    expect_next(&outbox, "a", "4");
    assert_null(outbox_take(&outbox));
    assert_int_equal(outbox_put(&outbox, "c", "5", 0, true), 0);
    expect_next(&outbox, "c", "5");
    assert_int_equal(outbox.dropped, 0);
    outbox_finish(&outbox);
}

static void outbox_drops_what_would_be_old_news(void **state)
{
    struct outbox outbox;

    (void)state;
    outbox_init(&outbox);
    outbox_put(&outbox, "a", "1", 1, false);
    outbox_put(&outbox, "b", "2", 1, true);
    outbox_put(&outbox, "c", "3", 1, false);
    outbox_drop_transient(&outbox);
    assert_int_equal(outbox.dropped, 2);
    outbox_put(&outbox, "d", "4", 1, false);
    expect_next(&outbox, "b", "2");
    expect_next(&outbox, "d", "4");
    outbox_finish(&outbox);
}

static void outbox_refuses_beyond_its_bounds(void **state)
{
    static char longest[LIMIT_PAYLOAD + 2], topic[LIMIT_TOPIC + 1];
    struct outbox outbox;
    char name[16];

    (void)state;
    outbox_init(&outbox);
    memset(longest, 'x', LIMIT_PAYLOAD + 1);
    memset(topic, 't', LIMIT_TOPIC);
    assert_int_equal(outbox_put(&outbox, "a", longest, 0, false), ERROR_INVALID);
    assert_int_equal(outbox_put(&outbox, topic, "1", 0, false), ERROR_INVALID);
    for (int i = 0; i < LIMIT_OUTBOX; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(outbox_put(&outbox, name, "1", 1, true), 0);
    }
    assert_int_equal(outbox_put(&outbox, "one more", "1", 1, true), ERROR_FULL);
    assert_int_equal(outbox_put(&outbox, "t17", "2", 1, true), 0);
    assert_int_equal(outbox.dropped, 3);
    assert_int_equal(outbox.length, LIMIT_OUTBOX);
    outbox_finish(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outbox_keeps_the_newest_retained_in_order),
        cmocka_unit_test(outbox_drops_what_would_be_old_news),
        cmocka_unit_test(outbox_refuses_beyond_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
