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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_wait_while_writes_fail),
        cmocka_unit_test(test_a_full_disk_refuses_at_last_and_says_so),
        cmocka_unit_test(test_a_reader_with_the_lock_only_delays),
        cmocka_unit_test(test_closing_gives_up_in_the_end),
    };
    return cmocka_run_group_tests_name("store_full", tests, NULL, NULL);
}
