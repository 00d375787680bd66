/* A full disk and a full queue: nothing waits, nothing is lost unseen, and the ledger goes on by
 * itself when there is room again. */
#include "tests/unit/store/fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void wait_for(struct store *store, bool full, uint64_t written)
{
    struct store_health health;
    for (int i = 0; i < 3000; i++) {
        store_health(store, &health);
        if (health.full == full && health.written >= written)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("full %d written %llu: %s", health.full, (unsigned long long)health.written,
             health.last.text);
}

static bool post_number(struct store *store, int number)
{
    struct cycle_event event = {.kind = EVENT_DEVICE_LOST, .subject = "test"};
    snprintf(event.text, sizeof event.text, "%d", number);
    return store_post_event(store, T0 + number, &event);
}

/* Every number once and in order. */
static void assert_numbers(const struct site *site, int count)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) = %d AND max(CAST(text AS INTEGER)) = %d FROM event"
             " WHERE subject = 'test'",
             count, count - 1);
    assert_ask(site, sql, 1);
    assert_ask(site,
               "SELECT count(*) FROM (SELECT CAST(text AS INTEGER) - lag(CAST(text AS INTEGER))"
               " OVER (ORDER BY event_id) AS step FROM event WHERE subject = 'test')"
               " WHERE step <> 1",
               0);
}

/* Failed writes: no file of this process may grow any more. */
static void set_file_limit(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_records_wait_while_writes_fail(void **state)
{
    (void)state;
    struct site site;
    struct store_health health;
    signal(SIGXFSZ, SIG_IGN);
    site_begin(&site);
    struct store *store = open_store(&site);
    post_number(store, 0);
    wait_for(store, false, 1);
    set_file_limit(4096);
    for (int i = 1; i < 2000; i++)
        assert_true(post_number(store, i));
    wait_for(store, true, 1);
    store_health(store, &health);
    assert_true(health.retried > 0);
    assert_int_equal(health.refused, 0);
    assert_true(health.last.text[0] != '\0');
    set_file_limit(RLIM_INFINITY);
    wait_for(store, false, 2000);
    store_close(store);
    assert_numbers(&site, 2000);
    assert_sound(&site);
    site_end(&site);
}

/* SQLITE_FULL proper: the writer's connection may use so many pages and no more. */
static sqlite3 *limited;

static int limit_pages(sqlite3 *db, const char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    limited = db;
    return SQLITE_OK;
}

static void test_a_full_disk_refuses_at_last_and_says_so(void **state)
{
    (void)state;
    struct site site;
    struct store_health health;
    site_begin(&site);
    sqlite3_auto_extension((void (*)(void))limit_pages);
    struct store *store = open_store(&site);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    sqlite3 *db = limited;
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
    int posted = 0;
    while (post_number(store, posted))
        posted++;
    wait_for(store, true, 0);
    store_health(store, &health);
    assert_non_null(strstr(health.last.text, "full"));
    assert_true(health.refused > 0);
    assert_true(health.waiting < LIMIT_STORE_QUEUE);
    uint64_t refused = health.refused;
    sqlite3_exec(db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
    wait_for(store, false, (uint64_t)posted);
    assert_true(post_number(store, posted)); /* room again */
    wait_for(store, false, (uint64_t)posted + 1);
    store_health(store, &health);
    assert_int_equal(health.refused, refused);
    store_close(store);
    assert_numbers(&site, posted + 1);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT sum(CAST(text AS INTEGER)) FROM event WHERE kind = %d",
             EVENT_QUEUE_OVERFLOW);
    assert_ask(&site, sql, (double)refused);
    site_end(&site);
}

/* What can be done without gives way at half of the room; what nobody can make again has the rest,
 * and finds it empty. */
static bool post_reading(struct site *site, struct store *store, int64_t number)
{
    for (int32_t p = 0; p < site->topology->point_count; p++)
        site->image.values[p].source_ms = T0 + number;
    site->image.frozen_ms = T0 + number;
    return store_post_image(store, &site->image);
}

static bool post_energy(struct site *site, struct store *store, int64_t quarter)
{
    site->output.interval_count = 0;
    add_interval(&site->output, point_of(site, "utility", POINT_ENERGY_IMPORT),
                 T0 + quarter * QUARTER_MS, quarter * 1000, (quarter + 1) * 1000, QUALITY_GOOD);
    site->output.decision_count = 1;
    site->output.decisions[0] = (struct decision){.at_ms = T0, .command.point = -1};
    return store_post_tick(store, T0 + quarter * QUARTER_MS, &site->output);
}

static void assert_all_that_counts(const struct site *site, int count)
{
    assert_ask(site, "SELECT count(*) FROM energy_interval", count);
    assert_ask(site, "SELECT count(*) FROM decision", count);
    assert_ask(site, "SELECT count(*) FROM job_event", count);
    assert_ask(site, "SELECT count(*) FROM v_meter_chain", 0);
    assert_ask(site, "SELECT count(*) FROM forecast_issue", 0);
}

static void test_readings_leave_room_for_what_counts(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct site site;
    struct store_health health;
    site_begin(&site);
    sqlite3_auto_extension((void (*)(void))limit_pages);
    struct store *store = open_store(&site);
    sqlite3_cancel_auto_extension((void (*)(void))limit_pages);
    sqlite3 *db = limited;
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
    int64_t readings = 0, scores = 0;
    while (post_reading(&site, store, readings))
        readings++;
    wait_for(store, true, 0);
    const struct forecast_score score = {.series = SERIES_PV};
    while (store_post_scores(store, T0, &score, 1))
        scores++;
    site.output.forecasts_issued = true; /* goes without, the rest is taken */
    struct job job = {.id = 1, .feeder = -1, .state = JOB_RUNNING};
    for (int i = 0; i < COUNT; i++) {
        assert_true(post_energy(&site, store, i));
        assert_true(store_post_job(store, &job, REASON_RUN_NOW, T0 + i));
    }
    store_health(store, &health);
    assert_true(health.refused > COUNT);
    sqlite3_exec(db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
    wait_for(store, false, (uint64_t)(readings + scores) + 2 * COUNT);
    store_close(store);
    assert_all_that_counts(&site, COUNT);
    site_end(&site);
}

/* Small records use up the entries before the bytes. */
static void test_half_of_the_entries_is_kept_too(void **state)
{
    (void)state;
    struct site site;
    struct store_health health;
    const struct forecast_score score = {.series = SERIES_PV};
    int posted = 0;
    site_begin(&site);
    struct store *store = open_store(&site);
    set_file_limit(4096);
    while (store_post_scores(store, T0, &score, 1))
        posted++;
    store_health(store, &health);
    assert_in_range(health.waiting, 1, LIMIT_STORE_QUEUE / 2);
    assert_true(post_number(store, 0));
    set_file_limit(RLIM_INFINITY);
    wait_for(store, false, (uint64_t)posted + 1);
    store_close(store);
    assert_numbers(&site, 1);
    site_end(&site);
}

static void test_a_reader_with_the_lock_only_delays(void **state)
{
    (void)state;
    struct site site;
    struct store_health health;
    sqlite3 *other;
    site_begin(&site);
    struct store *store = open_store(&site);
    assert_int_equal(sqlite3_open(site.config.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 100; i++)
        assert_true(post_number(store, i));
    do {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        store_health(store, &health);
    } while (health.retried == 0);
    assert_false(health.full);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    store_close(store);
    assert_numbers(&site, 100);
    site_end(&site);
}

/* A disk that stays full must not hold up the end of the program. */
static void test_closing_gives_up_in_the_end(void **state)
{
    (void)state;
    struct site site;
    site_begin(&site);
    struct store *store = open_store(&site);
    post_number(store, 0);
    wait_for(store, false, 1);
    set_file_limit(4096);
    post_number(store, 1);
    store_close(store);
    set_file_limit(RLIM_INFINITY);
    assert_ask(&site, "SELECT count(*) FROM event", 1);
    assert_sound(&site);
    site_end(&site);
}

/* A backtest is faster than any disk: it waits, and nothing is refused. */
static void test_the_patient_lose_nothing(void **state)
{
    (void)state;
    struct site site;
    struct error error;
    struct store_health health;
    site_begin(&site);
    site.config.patient = true;
    struct store *store = open_store(&site);
    enum { MANY = LIMIT_STORE_QUEUE / 2 + 5000 }; /* more than spare records may fill */
    const struct forecast_score score = {.series = SERIES_PV, .count = 1};
    for (int i = 0; i < MANY; i++)
        assert_true(store_post_scores(store, T0 + i, &score, 1));
    assert_int_equal(store_flush(store, &error), 0);
    store_health(store, &health);
    assert_int_equal(health.written, MANY);
    assert_int_equal(health.refused, 0);
    assert_ask(&site, "SELECT count(*) FROM forecast_score", MANY); /* before it is closed */
    assert_int_equal(store_flush(store, &error), 0);                /* nothing to wait for */
    store_close(store);
    assert_sound(&site);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_wait_while_writes_fail),
        cmocka_unit_test(test_a_full_disk_refuses_at_last_and_says_so),
        cmocka_unit_test(test_readings_leave_room_for_what_counts),
        cmocka_unit_test(test_half_of_the_entries_is_kept_too),
        cmocka_unit_test(test_a_reader_with_the_lock_only_delays),
        cmocka_unit_test(test_closing_gives_up_in_the_end),
        cmocka_unit_test(test_the_patient_lose_nothing),
    };
    return cmocka_run_group_tests_name("store_full", tests, NULL, NULL);
}
