/* Feeds against a provider that fails in every way, and against files that others write. Only what
 * happened is asserted, never when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/utc.h"
#include "controller/forecast/forecast.h"
#include "drivers/feed.h"
#include "tests/wire/peer.h"

enum { PATIENCE_MS = 20000, BLOCKS = 64 };

static const char key[] = "s3cret+key/of=ours";

static struct peer server;
static struct clock site_clock;
static struct feed_config config;
static struct feeds *feeds;
static struct forecast_block blocks[BLOCKS];
static int block_count;
static struct feed_news told[BLOCKS];
static int told_count;
static char folder[] = "/tmp/tidewatt-feeds-XXXXXX";

/* ---- helpers ---- */

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void set_up(enum feed_way way)
{
    config = (struct feed_config){.name = "provider",
                                  .way = way,
                                  .every_ms = 60,
                                  .silent_after_ms = DAY_MS,
                                  .timeout_ms = 10000};
    config.mapping.count = 1;
    config.mapping.tracks[0] = (struct feed_track){.track = SERIES_CARBON,
                                                   .form = FEED_ROWS,
                                                   .rows = "/rows",
                                                   .time = "/t",
                                                   .value = "/v",
                                                   .issue = "/issue",
                                                   .factor = 1};
    block_count = told_count = 0;
}

static void set_url(const char *path)
{
    set_up(FEED_HTTP);
    snprintf(config.url, sizeof config.url, "http://127.0.0.1:%d/%s", server.port, path);
}

static void set_key(enum feed_key_in key_in, const char *name)
{
    write_file("key", key);
    config.key_in = key_in;
    snprintf(config.key_name, sizeof config.key_name, "%s", name);
    snprintf(config.key_file, sizeof config.key_file, "%s", in_folder("key"));
}

static void start(void)
{
    struct error error;
    if (feed_config_check(&config, &error) < 0 ||
        feeds_create(&site_clock, &config, 1, &feeds, &error) < 0)
        fail_msg("%s", error.text);
}

static void look(void)
{
    block_count += feeds_take(feeds, &blocks[block_count], BLOCKS - block_count);
    while (told_count < BLOCKS && feeds_news(feeds, clock_now_ms(&site_clock), &told[told_count]))
        told_count++;
}

static bool has_blocks(void)
{
    return block_count > 0;
}

static bool has_news(void)
{
    return told_count > 0;
}

static void until(bool (*condition)(void))
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 20) {
        look();
        if (condition())
            return;
        usleep(20000);
    }
    struct feed_health health;
    feeds_health(feeds, 0, &health);
    fail_msg("it did not come: %s %s", reason_name(health.reason), health.cause.text);
}

static struct feed_health health(void)
{
    struct feed_health now;
    feeds_health(feeds, 0, &now);
    return now;
}

static void stop(void)
{
    feeds_destroy(feeds);
    feeds = NULL;
}

/* What the server tells of itself, by another client. */
static const char *ask(const char *what)
{
    static char answer[8192];
    char command[256];
    snprintf(command, sizeof command, "curl -s http://127.0.0.1:%d/%s", server.port, what);
    FILE *output = popen(command, "r");
    answer[fread(answer, 1, sizeof answer - 1, output)] = '\0';
    pclose(output);
    return answer;
}

static bool asked_thrice(void)
{
    char what[256];
    snprintf(what, sizeof what, "count%s", strrchr(config.url, '/'));
    return atoi(ask(what)) >= 3;
}

static void expect_lost(enum reason reason, const char *text)
{
    start();
    until(has_news);
    assert_int_equal(told[0].turn, FEED_TURN_LOST);
    assert_int_equal(health().reason, reason);
    assert_false(health().alive);
    if (!strstr(told[0].text.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, told[0].text.text);
    assert_null(strstr(told[0].text.text, "127.0.0.1"));
    assert_null(strstr(told[0].text.text, key));
    until(has_news);
    assert_int_equal(told_count, 1); /* once */
    assert_int_equal(block_count, 0);
    stop();
}

/* ---- HTTP ---- */

static void a_document_comes_once(void **state)
{
    (void)state;
    set_url("good");
    start();
    until(has_blocks);
    until(asked_thrice);
    look();
    assert_int_equal(block_count, 1);
    assert_int_equal(blocks[0].track, SERIES_CARBON);
    assert_int_equal(blocks[0].count, 2);
    assert_string_equal(blocks[0].source, "provider");
    assert_true(health().alive && health().documents >= 2 && health().malformed == 0);
    assert_true(health().issue_ms == blocks[0].issue_ms && health().news_ms > 0);
    assert_int_equal(told_count, 0);
    stop();
}

static bool has_three_blocks(void)
{
    return block_count >= 3;
}

static void what_changes_comes_again_and_disputes_are_told_once(void **state)
{
    (void)state;
    set_url("other");
    start();
    until(has_three_blocks);
    assert_true(blocks[1].value[1] != blocks[2].value[1]);
    feeds_judged(feeds, &blocks[0], REASON_FEED_CONTRADICTORY);
    feeds_judged(feeds, &blocks[0], REASON_FEED_CONTRADICTORY);
    until(has_news);
    assert_int_equal(told[0].turn, FEED_TURN_DISPUTED);
    stop();
}

static void what_has_not_changed_is_not_sent_again(void **state)
{
    (void)state;
    static const char *const paths[] = {"etag", "modified"};
    for (int i = 0; i < 2; i++) {
        set_url(paths[i]);
        *config.mapping.tracks[0].issue = '\0';
        start();
        until(asked_thrice);
        look();
        assert_int_equal(block_count, 1);
        assert_int_equal(health().documents, 1);
        assert_true(health().alive);
        stop();
    }
    char issue[UTC_TEXT];
    assert_string_equal(utc_format(blocks[0].issue_ms, issue), "2026-11-22T05:00:00Z");
}

static void it_recovers(void **state)
{
    (void)state;
    set_url("recovers");
    start();
    until(has_blocks);
    until(has_news);
    for (int i = 0; i < 2 && told_count < 2; i++)
        until(has_news);
    assert_int_equal(told[0].turn, FEED_TURN_LOST);
    assert_non_null(strstr(told[0].text.text, "HTTP status 500"));
    assert_int_equal(told[told_count - 1].turn, FEED_TURN_BACK);
    assert_int_equal(told_count, 2);
    stop();
}

static void failures_have_their_reason(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum reason reason;
        const char *text;
        int timeout_ms;
    } cases[] = {
        {"nothing", REASON_FEED_REFUSED, "HTTP status 404", 10000},
        {"closed", REASON_FEED_REFUSED, "check the key", 10000},
        {"cut", REASON_FEED_UNREACHABLE, "", 10000},
        {"html", REASON_FEED_MALFORMED, "no JSON from line 1", 10000},
        {"slow", REASON_FEED_UNREACHABLE, "Timeout", 200},
        {"drips", REASON_FEED_UNREACHABLE, "Timeout", 200},
        {"huge", REASON_FEED_MALFORMED, "longer than", 10000},
        {"circle", REASON_FEED_REFUSED, "in a circle", 10000},
        {"file", REASON_FEED_REFUSED, "not the same or safer", 10000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_url(cases[i].path);
        config.timeout_ms = cases[i].timeout_ms;
        expect_lost(cases[i].reason, cases[i].text);
    }
    set_url("good");
    strcpy(config.url, "http://127.0.0.1:1/");
    expect_lost(REASON_FEED_UNREACHABLE, "connect");
}

static bool failed_once(void)
{
    return health().reason == REASON_FEED_REFUSED;
}

static void who_asks_us_to_wait_is_left_alone(void **state)
{
    (void)state;
    set_url("busy");
    start();
    until(failed_once);
    usleep(500000); /* eight times as long as it would wait by itself */
    assert_string_equal(ask("count/busy"), "1");
    stop();
}

static void redirects_are_followed_without_a_key_only(void **state)
{
    (void)state;
    set_url("once");
    start();
    until(has_blocks);
    stop();
    set_url("once");
    set_key(FEED_KEY_HEADER, "auth-token");
    expect_lost(REASON_FEED_REFUSED, "set url to the final address");
}

static void keys_go_where_they_belong_and_nowhere_else(void **state)
{
    (void)state;
    static const char *const paths[] = {"good", "closed", "echo", "html", "nothing"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        set_url(paths[i]);
        set_key(i == 3 ? FEED_KEY_QUERY : FEED_KEY_HEADER, i == 3 ? "api_key" : "auth-token");
        if (i > 0) {
            expect_lost(i == 2 || i == 3 ? REASON_FEED_MALFORMED : REASON_FEED_REFUSED, "");
            continue;
        }
        start();
        until(has_blocks);
        stop();
    }
    assert_non_null(strstr(ask("seen/good"), "auth-token: s3cret+key/of=ours"));
    assert_non_null(strstr(ask("seen/html"), "api_key=s3cret%2Bkey%2Fof%3Dours\n"));
    set_url("good");
    set_key(FEED_KEY_HEADER, "auth-token");
    unlink(in_folder("key"));
    expect_lost(REASON_FEED_REFUSED, "No such file");
}

static void certificates_are_checked(void **state)
{
    (void)state;
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 "
             "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null && "
             "cat c.pem k.pem > both.pem",
             folder);
    assert_int_equal(system(command), 0);
    struct peer plain = server;
    server = peer_start("feed_server.py", in_folder("both.pem"), NULL);
    set_url("good");
    snprintf(config.url, sizeof config.url, "https://127.0.0.1:%d/good", server.port);
    expect_lost(REASON_FEED_REFUSED, "certificate is not trusted");
    block_count = told_count = 0;
    snprintf(config.ca_file, sizeof config.ca_file, "%s", in_folder("c.pem"));
    start();
    until(has_blocks);
    stop();
    peer_stop(&server);
    server = plain;
}

/* ---- files ---- */

static const char document[] = "{\"issue\":\"2026-11-22T05:00:00Z\",\"rows\":["
                               "{\"t\":\"2026-11-22T06:00:00Z\",\"v\":%d},"
                               "{\"t\":\"2026-11-22T07:00:00Z\",\"v\":2}]}";

static void write_document(const char *name, int value, size_t most)
{
    char text[sizeof document + 16];
    snprintf(text, sizeof text, document, value);
    if (strlen(text) > most)
        text[most] = '\0';
    write_file(name, text);
}

static bool has_two_blocks(void)
{
    return block_count >= 2;
}

static void files_are_taken_when_they_are_whole(void **state)
{
    (void)state;
    char path[128];
    set_up(FEED_FILE);
    write_document("file.json", 1, 60); /* half of it */
    snprintf(config.path, sizeof config.path, "%s", in_folder("file.json"));
    start();
    until(has_news);
    assert_int_equal(told[0].turn, FEED_TURN_LOST);
    assert_non_null(strstr(told[0].text.text, "it is cut off"));
    assert_int_equal(block_count, 0);
    write_document("file.json", 1, 1000);
    until(has_blocks);
    assert_float_equal(blocks[0].value[0], 1, 0);
    write_document("new.json", 7, 1000);
    snprintf(path, sizeof path, "%s", in_folder("new.json"));
    assert_int_equal(rename(path, in_folder("file.json")), 0);
    until(has_two_blocks);
    assert_float_equal(blocks[1].value[0], 7, 0);
    assert_int_equal(told_count, 2); /* lost, and back */
    stop();
    set_up(FEED_FILE);
    snprintf(config.path, sizeof config.path, "%s", in_folder("absent"));
    expect_lost(REASON_FEED_UNREACHABLE, "No such file");
    snprintf(config.path, sizeof config.path, "%s", folder);
    block_count = told_count = 0;
    expect_lost(REASON_FEED_REFUSED, "no regular file");
}

static void silence_is_told(void **state)
{
    (void)state;
    set_up(FEED_FILE);
    config.silent_after_ms = 300;
    write_document("file.json", 1, 1000);
    snprintf(config.path, sizeof config.path, "%s", in_folder("file.json"));
    start();
    until(has_blocks);
    until(has_news);
    assert_int_equal(told[0].turn, FEED_TURN_LOST);
    assert_int_equal(health().reason, REASON_FEED_SILENT);
    stop();
}

/* ---- many blocks, messages ---- */

/* A tick is not to stand still while models are asked again about a year of hours. */
static void a_long_past_is_taken_in_parts(void **state)
{
    (void)state;
    static struct forecast_block taken[LIMIT_BLOCKS];
    enum { QUARTERS = 4 * LIMIT_MEASURED };
    set_up(FEED_FILE);
    config.mapping.tracks[0] = (struct feed_track){.track = SERIES_CARBON,
                                                   .kind = BLOCK_MEASURED,
                                                   .form = FEED_CSV,
                                                   .time = "t",
                                                   .value = "v",
                                                   .time_form = FEED_TIME_S,
                                                   .factor = 1};
    snprintf(config.path, sizeof config.path, "%s", in_folder("past.csv"));
    FILE *file = fopen(config.path, "w");
    fputs("t,v\n", file);
    for (int i = 0; i < QUARTERS; i++)
        fprintf(file, "%d,%d\n", 1500000300 + i * 900, i);
    fclose(file);
    start();
    int values = 0;
    for (int waited_ms = 0; values < QUARTERS && waited_ms < PATIENCE_MS; waited_ms += 20) {
        usleep(20000);
        int count = feeds_take(feeds, taken, LIMIT_BLOCKS);
        assert_in_range(count, 0, LIMIT_MEASURED / LIMIT_BLOCK);
        for (int i = 0; i < count; values += taken[i++].count)
            assert_float_equal(taken[i].value[0], values, 0);
    }
    assert_int_equal(values, QUARTERS);
    stop();
}

static void blocks_that_are_not_taken_wait(void **state)
{
    (void)state;
    static struct forecast_block taken[LIMIT_BLOCKS];
    enum { ISSUES = 2 * LIMIT_BLOCKS };
    set_up(FEED_FILE);
    config.mapping.tracks[0] = (struct feed_track){.track = SERIES_CARBON,
                                                   .form = FEED_CSV,
                                                   .issue = "i",
                                                   .time = "i",
                                                   .value = "v",
                                                   .time_form = FEED_TIME_S,
                                                   .step_ms = HOUR_MS,
                                                   .factor = 1};
    snprintf(config.path, sizeof config.path, "%s", in_folder("many.csv"));
    FILE *file = fopen(config.path, "w");
    fputs("i,v\n", file);
    for (int i = 0; i < ISSUES; i++)
        fprintf(file, "%d,%d\n", 1500000300 + i * 3600, i);
    fclose(file);
    start();
    int next = 0;
    for (int waited_ms = 0; next < ISSUES && waited_ms < PATIENCE_MS; waited_ms += 20) {
        usleep(20000);
        int count = feeds_take(feeds, taken, LIMIT_BLOCKS);
        for (int i = 0; i < count; i++)
            assert_float_equal(taken[i].value[0], next++, 0);
    }
    assert_int_equal(next, ISSUES);
    stop();
    start(); /* it ends although nobody takes them */
    usleep(100000);
    stop();
}

static void messages_are_documents_too(void **state)
{
    (void)state;
    char text[sizeof document + 16];
    set_up(FEED_MQTT);
    strcpy(config.topic, "forecast/carbon");
    start();
    int length = snprintf(text, sizeof text, document, 3);
    assert_false(feeds_message(feeds, "forecast/other", text, (size_t)length, false));
    assert_true(feeds_message(feeds, "forecast/carbon", "", 0, true)); /* cleared: no document */
    assert_true(feeds_message(feeds, "forecast/carbon", text, (size_t)length, true));
    until(has_blocks);
    assert_float_equal(blocks[0].value[0], 3, 0);
    assert_int_equal(health().documents, 1);
    assert_true(feeds_message(feeds, "forecast/carbon", text, 20, false));
    assert_true(feeds_message(feeds, "forecast/carbon", text, 20, false));
    until(has_news);
    assert_int_equal(health().malformed, 2);
    stop();
}

/* ---- set-up ---- */

static int group_start(void **state)
{
    (void)state;
    clock_init_real(&site_clock);
    server = peer_start("feed_server.py", NULL, NULL);
    return mkdtemp(folder) ? 0 : -1;
}

static int group_end(void **state)
{
    (void)state;
    char command[128];
    peer_stop(&server);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_comes_once),
        cmocka_unit_test(what_changes_comes_again_and_disputes_are_told_once),
        cmocka_unit_test(what_has_not_changed_is_not_sent_again),
        cmocka_unit_test(it_recovers),
        cmocka_unit_test(failures_have_their_reason),
        cmocka_unit_test(who_asks_us_to_wait_is_left_alone),
        cmocka_unit_test(redirects_are_followed_without_a_key_only),
        cmocka_unit_test(keys_go_where_they_belong_and_nowhere_else),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(files_are_taken_when_they_are_whole),
        cmocka_unit_test(silence_is_told),
        cmocka_unit_test(a_long_past_is_taken_in_parts),
        cmocka_unit_test(blocks_that_are_not_taken_wait),
        cmocka_unit_test(messages_are_documents_too),
    };
    return cmocka_run_group_tests(tests, group_start, group_end);
}
