/* When a feed counts as lost and as back, and that each is told once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "drivers/feed_watch.h"

static struct feed_watch watch;
static enum feed_turn turn;
static struct error text;

static bool turns(int64_t now_ms)
{
    return feed_watch_turn(&watch, now_ms, &turn, &text);
}

static void news(int64_t now_ms)
{
    const struct feed_health seen = {.issue_ms = now_ms};
    feed_watch_news(&watch, &seen, now_ms);
}

static int start(void **state)
{
    (void)state;
    feed_watch_init(&watch, HOUR_MS, 0);
    return 0;
}

static void one_failure_is_tried_again_in_silence(void **state)
{
    (void)state;
    const struct error cause = {"status 500"};
    feed_watch_failed(&watch, REASON_FEED_UNREACHABLE, &cause);
    assert_false(turns(1));
    assert_true(watch.health.alive && watch.health.reason == REASON_FEED_UNREACHABLE);
    feed_watch_failed(&watch, REASON_FEED_UNREACHABLE, &cause);
    assert_true(turns(2));
    assert_int_equal(turn, FEED_TURN_LOST);
    assert_non_null(strstr(text.text, "status 500"));
    feed_watch_failed(&watch, REASON_FEED_UNREACHABLE, &cause);
    assert_false(turns(3));
    feed_watch_unchanged(&watch); /* it answers, with nothing new */
    assert_true(turns(4));
    assert_int_equal(turn, FEED_TURN_BACK);
    assert_int_equal(watch.health.reason, REASON_NONE);
    assert_string_equal(watch.health.cause.text, "");
}

static void silence_ends_by_news_alone(void **state)
{
    (void)state;
    news(MINUTE_MS);
    assert_false(turns(MINUTE_MS + HOUR_MS - 1));
    feed_watch_unchanged(&watch);
    assert_true(turns(MINUTE_MS + HOUR_MS));
    assert_int_equal(turn, FEED_TURN_LOST);
    assert_int_equal(watch.health.reason, REASON_FEED_SILENT);
    feed_watch_unchanged(&watch);
    assert_false(turns(3 * HOUR_MS));
    news(3 * HOUR_MS);
    assert_true(turns(3 * HOUR_MS));
    assert_int_equal(turn, FEED_TURN_BACK);
    assert_int_equal(watch.health.reason, REASON_NONE);
    assert_int_equal(watch.health.issue_ms, 3 * HOUR_MS);
    assert_false(turns(3 * HOUR_MS));
}

static void disputes_are_told_once_a_document(void **state)
{
    (void)state;
    news(1);
    feed_watch_judged(&watch, REASON_FEED_CONTRADICTORY);
    feed_watch_judged(&watch, REASON_FEED_CONTRADICTORY);
    assert_true(turns(2));
    assert_int_equal(turn, FEED_TURN_DISPUTED);
    assert_false(turns(3));
    news(4);
    assert_false(turns(5));
    feed_watch_judged(&watch, REASON_FEED_CONTRADICTORY);
    assert_true(turns(6));
}

static void a_feed_of_which_nothing_is_usable_is_lost(void **state)
{
    (void)state;
    news(1);
    feed_watch_judged(&watch, REASON_FEED_INVALID);
    feed_watch_judged(&watch, REASON_FEED_LATE); /* another track is sound */
    assert_false(turns(1));
    assert_int_equal(watch.health.reason, REASON_FEED_INVALID);
    news(2);
    feed_watch_judged(&watch, REASON_FEED_INVALID);
    assert_true(turns(2));
    assert_int_equal(turn, FEED_TURN_LOST);
    news(3);
    assert_false(turns(3)); /* not judged yet */
    feed_watch_judged(&watch, REASON_NONE);
    assert_true(turns(3));
    assert_int_equal(turn, FEED_TURN_BACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_failure_is_tried_again_in_silence, start),
        cmocka_unit_test_setup(silence_ends_by_news_alone, start),
        cmocka_unit_test_setup(disputes_are_told_once_a_document, start),
        cmocka_unit_test_setup(a_feed_of_which_nothing_is_usable_is_lost, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
