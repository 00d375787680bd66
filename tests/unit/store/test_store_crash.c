/* The controller is killed again and again while it writes: what is left is always a prefix of
 * what was posted, ticks are whole, and the next run goes on without a break in any meter. */
#include "tests/unit/store/fixture.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 12, METERS = 2 };

struct resumption {
    int64_t end_ms[METERS], end_milliwh[METERS];
    int meters, uncleans;
};

static void on_meter(void *context, int32_t point, int64_t end_ms, int64_t end_milliwh,
                     int64_t raw_milliwh)
{
    struct resumption *resumption = context;
    (void)point;
    (void)raw_milliwh;
    assert_true(resumption->meters < METERS);
    resumption->end_ms[resumption->meters] = end_ms;
    resumption->end_milliwh[resumption->meters++] = end_milliwh;
}

static void on_unclean(void *context, int64_t last_ms)
{
    struct resumption *resumption = context;
    (void)last_ms;
    resumption->uncleans++;
}

static struct resumption resume(struct store *store)
{
    struct resumption resumption = {{T0, T0}, {0, 0}, 0, 0};
    struct error error = {""};
    const struct store_recovery calls = {
        .meter = on_meter, .unclean = on_unclean, .context = &resumption};
    if (store_recover(store, INT64_MAX / 2, &calls, &error) != 0)
        fail_msg("%s", error.text);
    return resumption;
}

/* Tick n: one decision with value n, one interval of each meter, one account. */
static void post_tick(struct site *site, struct store *store, const int32_t *meters,
                      struct resumption *at)
{
    struct tick_output *output = &site->output;
    int64_t start_ms = at->end_ms[0], number = (start_ms - T0) / QUARTER_MS;
    output->interval_count = 0;
    output->decision_count = output->account_count = 1;
    for (int m = 0; m < METERS; m++) {
        int64_t end = at->end_milliwh[m] + number % 977 * (m + 1);
        add_interval(output, meters[m], start_ms, at->end_milliwh[m], end, QUALITY_GOOD);
        at->end_milliwh[m] = end;
        at->end_ms[m] = start_ms + QUARTER_MS;
    }
    output->decisions[0] =
        (struct decision){.at_ms = at->end_ms[0],
                          .mode = MODE_CONTROL,
                          .command = {.subsystem = SUBSYSTEM_BATTERY,
                                      .verb = VERB_SETPOINT,
                                      .value = (double)number,
                                      .point = point_of(site, "battery", POINT_POWER_SET),
                                      .asker = "planner"}};
    output->accounts[0] =
        (struct account){.start_ms = start_ms,
                         .end_ms = at->end_ms[0],
                         .pue = {.start_ms = start_ms, .end_ms = at->end_ms[0], .category = 1}};
    store_post_tick(store, at->end_ms[0], output);
    site->image.frozen_ms = at->end_ms[0];
    for (int p = 0; p < site->topology->point_count; p++)
        site->image.values[p].source_ms = at->end_ms[0];
    store_post_image(store, &site->image);
}

static void write_until_killed(struct site *site)
{
    struct store *store = NULL;
    if (store_open(&site->config, site->topology, &store, NULL) != 0)
        _exit(1);
    int32_t meters[METERS] = {point_of(site, "utility", POINT_ENERGY_IMPORT),
                              point_of(site, "ups", POINT_ENERGY_IMPORT)};
    struct resumption at = resume(store);
    for (;;) {
        post_tick(site, store, meters, &at);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

static void assert_prefix(const struct site *site)
{
    assert_sound(site);
    assert_ask(site, "SELECT count(*) FROM v_meter_chain", 0);
    assert_ask(site, "SELECT count(*) = coalesce(max(decision_id), 0) FROM decision", 1);
    assert_ask(site, "SELECT count(*) FROM decision WHERE value <> decision_id - 1", 0);
    assert_ask(site, "SELECT count(*) * 2 = (SELECT count(*) FROM energy_interval) FROM decision",
               1);
    assert_ask(site, "SELECT count(*) = (SELECT count(*) FROM account_15min) FROM decision", 1);
    assert_ask(site, "SELECT count(*) = (SELECT count(*) FROM pue) FROM decision", 1);
}

static void test_a_kill_leaves_a_prefix(void **state)
{
    (void)state;
    struct site site;
    uint32_t random = 20261121;
    site_begin(&site);
    double before = 0, after = 0;
    for (int round = 0; round < ROUNDS; round++) {
        pid_t child = fork();
        if (child == 0)
            write_until_killed(&site);
        int64_t ms = 30 + next_random(&random) % 900;
        nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
        int status;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));        /* it did not fail by itself */
        struct store *store = open_store(&site); /* finishes the migration, whatever was left */
        struct resumption at = resume(store);
        store_close(store);
        assert_prefix(&site);
        after = ask(&site, "SELECT count(*) FROM decision");
        assert_true(after >= before);
        if (after > before)
            assert_int_equal(at.uncleans, 1);
        before = after;
    }
    assert_true(after > 0);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_kill_leaves_a_prefix)};
    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
