/* Metadata that comes while the process runs: what is a change, and how often it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/core/onboard.h"

enum { CALM = 10000, TELL = 600000 };

static char folder[64];
static struct config *config;
static struct onboard_watch *watch;

static void take(const char *topic, const char *payload, int64_t real_ms)
{
    onboard_watch_take(watch, topic, payload, strlen(payload), real_ms);
}

static void metadata_is_told_once_and_when_calm(void **state)
{
    (void)state;
    assert_false(onboard_watch_changed(watch, 1000000));
    take("m/1", "{}", 0);
    take("m/2", "{}", 5000);
    assert_false(onboard_watch_changed(watch, 5000 + CALM - 1));
    assert_true(onboard_watch_changed(watch, 5000 + CALM));
    assert_false(onboard_watch_changed(watch, 5000 + 2 * TELL));
}

static void what_is_said_again_is_no_change(void **state)
{
    (void)state;
    take("m/1", "{}", 0);
    take("m/2", "{\"a\":1}", 0);
    assert_true(onboard_watch_changed(watch, CALM));
    take("m/2", "{\"a\":1}", 2 * TELL);
    take("m/1", "{}", 2 * TELL);
    assert_false(onboard_watch_changed(watch, 3 * TELL));
    take("m/2", "{\"a\":2}", 3 * TELL);
    take("m/2", "{\"a\":1}", 3 * TELL); /* and back */
    assert_false(onboard_watch_changed(watch, 4 * TELL));
    take("m/2", "{\"a\":2}", 4 * TELL);
    assert_true(onboard_watch_changed(watch, 5 * TELL));
}

static void a_point_that_is_taken_away_is_a_change(void **state)
{
    (void)state;
    take("m/1", "{}", 0);
    take("m/2", "{}", 0);
    assert_true(onboard_watch_changed(watch, CALM));
    take("m/2", "", TELL);
    assert_false(onboard_watch_changed(watch, TELL + CALM - 1)); /* too soon after the last */
    assert_true(onboard_watch_changed(watch, TELL + CALM));
    take("m/1", "", 2 * TELL); /* as at the start, when nothing was described */
    assert_false(onboard_watch_changed(watch, 4 * TELL));
}

static void a_flood_is_borne(void **state)
{
    (void)state;
    char topic[32];
    for (int i = 0; i < LIMIT_DSX_POINTS + 1000; i++) {
        snprintf(topic, sizeof topic, "m/%d", i);
        take(topic, "{}", i);
    }
    assert_true(onboard_watch_changed(watch, 10 * TELL));
    take("m/beyond", "{}", 11 * TELL); /* no room, and so no news */
    assert_false(onboard_watch_changed(watch, 12 * TELL));
    take("m/0", "{\"a\":1}", 12 * TELL);
    assert_true(onboard_watch_changed(watch, 13 * TELL));
}

static int make(void **state)
{
    (void)state;
    struct error error;
    strcpy(folder, "/tmp/tidewatt-onboard-XXXXXX");
    config = calloc(1, sizeof *config);
    if (!config || !mkdtemp(folder))
        return -1;
    snprintf(config->store_path, sizeof config->store_path, "%s/tidewatt.db", folder);
    return onboard_watch_create(config, &watch, &error);
}

static int unmake(void **state)
{
    (void)state;
    onboard_watch_destroy(watch);
    free(config);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metadata_is_told_once_and_when_calm, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_said_again_is_no_change, make, unmake),
        cmocka_unit_test_setup_teardown(a_point_that_is_taken_away_is_a_change, make, unmake),
        cmocka_unit_test_setup_teardown(a_flood_is_borne, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
