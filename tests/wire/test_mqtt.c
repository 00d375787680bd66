/* The MQTT edge against a real mosquitto broker and mosquitto's own clients as the other side: what
 * it does when all goes well, and who it talks to. Faults are in test_mqtt_faults.c. */
#include "tests/wire/mqtt_site.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "drivers/mqtt_heartbeat.h"

/* ---- values in --------------------------------------------------------- */

static void values_arrive_with_their_source_time(void **state)
{
    static struct site site;
    struct device_health device;

    (void)state;
    open_connected(&site);
    assert_int_equal(site.link_reason, REASON_FRESH);
    assert_int_equal(health(&site).protocol, 5);
    say_until_heard(&site, TOPIC_DSX, "{\"value\":20.5,\"timestamp\":" T0_TEXT ",\"quality\":1}",
                    DSX_KELVIN);
    assert_int_equal(site.last[DSX].quality, QUALITY_GOOD);
    assert_true(site.last[DSX].value == 20.5);
    assert_int_equal(site.last[DSX].source_ms, T0);
    assert_true(site.last[DSX].receive_ms > T0);
    assert_true(site.last[DSX_KELVIN].value == 20.5 + 273.15); /* one topic, two points */
    assert_int_equal(site.count[DSX_KILO], 0);
    say_until_heard(&site, TOPIC_KILO, "{\"value\":1.25,\"timestamp\":" T0_TEXT ",\"quality\":1}",
                    DSX_KILO);
    assert_true(site.last[DSX_KILO].value == 1250.0);
    assert_true(driver_health(site.driver, 0, &device));
    assert_int_equal(device.link, LINK_UP);
    assert_true(device.replies >= 3);
    assert_false(driver_health(site.driver, 1, &device));
    close_site(&site);
}

static void one_payload_has_several_points(void **state)
{
    static struct site site;

    (void)state;
    open_connected(&site);
    say_until_heard(&site, TOPIC_JSON, "{\"power\":{\"total\":5,\"l1\":2},\"at\":" T0_TEXT "}",
                    JSON_PLAIN);
    assert_true(site.last[JSON_TIMED].value == 5 && site.last[JSON_PLAIN].value == 2);
    assert_int_equal(site.last[JSON_TIMED].source_ms, T0);
    assert_int_equal(site.last[JSON_PLAIN].source_ms, site.last[JSON_PLAIN].receive_ms);
    say_until_heard(&site, TOPIC_PLAIN, " 12.5\n", PLAIN);
    assert_int_equal(site.last[PLAIN].quality, QUALITY_GOOD);
    assert_true(site.last[PLAIN].value == 12.5);
    close_site(&site);
}

static void raw_messages_are_handed_on(void **state)
{
    static struct site site;
    struct mqtt_config config = plain_config();

    (void)state;
    strcpy(config.raw[0], "BMS/v1/PUB/Metadata/#");
    strcpy(config.raw[1], "grid/command");
    say("BMS/v1/PUB/Metadata/CDU/x", "stored", true);
    open_site(&site, &config);
    run_until(&site, site.raw == 1);
    assert_string_equal(site.raw_topic, "BMS/v1/PUB/Metadata/CDU/x");
    assert_string_equal(site.raw_payload, "stored");
    assert_true(site.raw_retained);
    say("grid/other", "not ours", false);
    say("grid/command", "", false);
    run_until(&site, site.raw == 2);
    assert_string_equal(site.raw_topic, "grid/command");
    assert_string_equal(site.raw_payload, "");
    assert_false(site.raw_retained);
    say("BMS/v1/PUB/Metadata/CDU/x", "", true);
    close_site(&site);
}

static void sparkplug_metric_is_a_point(void **state)
{
    struct sparkplug_text payload;
    static struct site site;

    (void)state;
    open_connected(&site);
    payload = sparkplug_payload(0, 1, true, NAN, T0);
    say_bytes("spBv1.0/plant/NBIRTH/edge", payload.bytes, payload.length, false);
    payload = sparkplug_payload(1, -1, true, 17.5, T0);
    say_bytes("spBv1.0/plant/DBIRTH/edge/meter", payload.bytes, payload.length, false);
    run_until(&site, site.good[SPARKPLUG] == 1);
    assert_true(site.last[SPARKPLUG].value == 17.5);
    assert_int_equal(site.last[SPARKPLUG].source_ms, T0);
    payload = sparkplug_payload(2, -1, false, 18.5, T0 + 1000);
    say_bytes("spBv1.0/plant/DDATA/edge/meter", payload.bytes, payload.length, false);
    run_until(&site, site.good[SPARKPLUG] == 2);
    assert_true(site.last[SPARKPLUG].value == 18.5);
    run_until(&site, health(&site).sparkplug.born == 1);
    close_site(&site);
}

/* ---- set-points and heartbeats ----------------------------------------- */

/* The number in the next line, which is a DSX value on this topic. */
static double heard_number(FILE *file, const char *topic)
{
    char line[512], wanted[LIMIT_TOPIC + 16];
    char *number;

    snprintf(wanted, sizeof(wanted), "%s {\"value\":", topic);
    assert_non_null(fgets(line, sizeof(line), file));
    number = strstr(line, wanted);
    if (!number)
        fail_msg("%s instead of %s", line, wanted);
    assert_non_null(strstr(line, ",\"quality\":1}"));
    return atof(number + strlen(wanted));
}

/* What a listener heard, after the mark. */
static FILE *open_heard(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[128];

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    return file;
}

static void say_setpoint(struct site *site, double value)
{
    char payload[96];

    snprintf(payload, sizeof(payload), "{\"value\":%g,\"timestamp\":%lld,\"quality\":1}", value,
             (long long)clock_now_ms(&site->clock));
    say(TOPIC_SETPOINT, payload, false);
}

static void setpoint_is_confirmed_by_what_is_read_back(void **state)
{
    const char *output = path_of("heard");
    static struct site site;
    struct error error;
    pid_t listener;
    FILE *heard;

    (void)state;
    open_connected(&site);
    listener = listen_to(TOPIC_WRITE, 1, output);
    say_setpoint(&site, 19.5); /* it has that value already: no answer to what comes */
    run_until(&site, site.good[SETPOINT] == 1);
    assert_int_equal(driver_write(site.driver, SETPOINT, 19.5, &error), 0);
    assert_int_equal(finish(listener), 0);
    heard = open_heard(output);
    assert_true(heard_number(heard, TOPIC_WRITE) == 19.5);
    fclose(heard);
    assert_int_equal(site.written, REASON_NONE);
    say_setpoint(&site, 19.52);
    run_until(&site, site.written != REASON_NONE);
    assert_int_equal(site.written, REASON_WRITE_CONFIRMED);
    assert_int_equal(site.written_point, SETPOINT);
    assert_true(site.written_value == 19.5);

    assert_int_equal(driver_write(site.driver, SETPOINT, 23, &error), 0);
    site.written = REASON_NONE;
    say_setpoint(&site, 19.5);
    run_until(&site, site.written != REASON_NONE);
    assert_int_equal(site.written, REASON_WRITE_NOT_HELD);

    site.written = REASON_NONE;
    assert_int_equal(driver_write(site.driver, SETPOINT, 23, &error), 0);
    run_until(&site, site.written != REASON_NONE);
    assert_int_equal(site.written, REASON_WRITE_UNANSWERED);

    assert_int_equal(driver_write(site.driver, DSX, 1, &error), ERROR_INVALID);
    assert_int_equal(driver_write(site.driver, SETPOINT, NAN, &error), ERROR_INVALID);
    close_site(&site);
}

#define HEARTBEAT "BMS/v1/PUB/Metadata/System/Heartbeat"
#define OBJECT(point, id)                                                                          \
    "{\"objectType\":\"System\",\"pointType\":\"Heartbeat" point "\",\"objectName\":\"" id         \
    "\",\"objectId\":\"" id "\""

static void heartbeats_go_both_ways(void **state)
{
    static const char *const metadata[][2] = {
        {HEARTBEAT "TimestampBms/bms", OBJECT("TimestampBms", "BMS") "}"},
        {HEARTBEAT "TimestampIntegration/tw1",
         OBJECT("TimestampIntegration", "TW1") ",\"integration\":\"TW1\"}"},
        {HEARTBEAT "TimestampIntegration/other",
         OBJECT("TimestampIntegration", "TW2") ",\"integration\":\"TW2\"}"},
        {HEARTBEAT "EchoIntegration/tw1",
         OBJECT("EchoIntegration", "BMS") ",\"integration\":\"TW1\"}"},
    };
    struct mqtt_config config = plain_config();
    const char *output = path_of("heard");
    static struct site site;
    pid_t listener;
    double said;
    FILE *heard;

    (void)state;
    strcpy(config.integration, "TW1");
    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++)
        say(metadata[i][0], metadata[i][1], true);
    listener = listen_to("BMS/v1/TW1/Value/System/#", 2, output);
    open_site(&site, &config);
    expect_recovery(&site);
    say("BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms",
        "{\"value\":1743620423017,\"timestamp\":" T0_TEXT ",\"quality\":1}", false);
    run_until(&site, waitpid(listener, NULL, WNOHANG) == listener);
    heard = open_heard(output);
    said = heard_number(heard, "BMS/v1/TW1/Value/System/HeartbeatTimestampIntegration/tw1");
    assert_true(heard_number(heard, "BMS/v1/TW1/Value/System/HeartbeatEchoIntegration/tw1") ==
                1743620423017.0);
    fclose(heard);
    assert_true(fabs(said - (double)clock_now_ms(&site.clock)) < 120000);
    assert_false(health(&site).bms_silent);
    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]); i++)
        say(metadata[i][0], "", true);
    close_site(&site);
}

static void say_value(double value, int64_t source_ms)
{
    char payload[96];

    snprintf(payload, sizeof(payload), "{\"value\":%g,\"timestamp\":%lld,\"quality\":1}", value,
             (long long)source_ms);
    say(TOPIC_DSX, payload, false);
}

/* Silence is told after what came before it, and what is heard again is the newest, not the last
 * to arrive: the checks of values go by the order. */
static void silence_keeps_the_order_of_values(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;
    uint64_t messages;
    int64_t stalled_ms;
    int good, count;

    (void)state;
    strcpy(config.integration, "TW1");
    open_site(&site, &config);
    say_until_heard(&site, TOPIC_DSX, "{\"value\":20,\"timestamp\":" T0_TEXT ",\"quality\":1}",
                    DSX);
    messages = health(&site).messages;
    say_value(20.5, T0 + 1);
    while (health(&site).messages == messages)
        usleep(1000);
    usleep((HEARTBEAT_SILENCE_MS + 1000) * 1000); /* the control thread is held up */
    stalled_ms = clock_now_ms(&site.clock);
    run_until(&site, health(&site).bms_silent && site.last[DSX].source_ms > T0);
    assert_int_equal(site.last[DSX].reason, REASON_SOURCE_DEAD);
    assert_true(site.last[DSX].receive_ms >= stalled_ms);

    good = site.good[DSX];
    count = site.count[DSX];
    say_value(21, T0 + 10);
    say_value(22, T0 + 5); /* was overtaken on its way */
    run_until(&site, site.count[DSX] == count + 2);
    assert_int_equal(site.last[DSX].quality, QUALITY_BAD);
    say("BMS/v1/PUB/Value/System/HeartbeatTimestampBms/bms",
        "{\"value\":1,\"timestamp\":" T0_TEXT ",\"quality\":1}", false);
    run_until(&site, site.good[DSX] > good);
    assert_true(site.last[DSX].value == 21);
    assert_int_equal(site.last[DSX].source_ms, T0 + 10);
    close_site(&site);
}

/* ---- who we are, whom we trust ----------------------------------------- */

static void tls_checks_the_name_and_shows_our_certificate(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;

    (void)state;
    strcpy(config.host, "localhost");
    config.port = ports[TLS];
    config.security.tls = true;
    strcpy(config.security.ca_file, path_of("ca.crt"));
    open_site(&site, &config);
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);

    config.port = ports[TLS_MUTUAL];
    strcpy(config.security.cert_file, path_of("client.crt"));
    strcpy(config.security.key_file, path_of("client.key"));
    open_site(&site, &config);
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

static void password_comes_from_a_file(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;

    (void)state;
    config.port = ports[PASSWORD];
    strcpy(config.username, "tester");
    write_file("secret", "right\n", 6);
    strcpy(config.password_file, path_of("secret"));
    open_site(&site, &config);
    run_until(&site, site.link == LINK_UP);
    close_site(&site);
}

static void wrong_options_are_refused_in_words(void **state)
{
    struct mqtt_config base = plain_config();
    const struct {
        const char *ca, *cert, *key, *password_file, *raw, *words;
    } cases[] = {
        {"none.crt", "", "", "", "", "ca_file"},
        {"extension", "", "", "", "", "ca_file"},
        {"ca.crt", "client.crt", "", "", "", "key_file"},
        {"ca.crt", "client.crt", "good.key", "", "", "key values mismatch"},
        {"ca.crt", "none.crt", "client.key", "", "", "No such file"},
        {"ca.crt", "", "", "none", "", "password_file"},
        {"ca.crt", "", "", "empty", "", "password_file"},
        {"ca.crt", "", "", "", "a/#/b", "no topic filter"},
    };
    const struct driver_sink sink = {0};
    static struct topology topology;
    struct clock clock;
    struct driver *driver;
    struct error error;
    uv_loop_t loop;

    (void)state;
    clock_init_real(&clock);
    uv_loop_init(&loop);
    write_file("empty", "\n", 1);
    base.security.tls = true;
    strcpy(base.username, "tester");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mqtt_config config = base;

        strcpy(config.security.ca_file, path_of(cases[i].ca));
        if (cases[i].cert[0])
            strcpy(config.security.cert_file, path_of(cases[i].cert));
        if (cases[i].key[0])
            strcpy(config.security.key_file, path_of(cases[i].key));
        if (cases[i].password_file[0])
            strcpy(config.password_file, path_of(cases[i].password_file));
        strcpy(config.raw[0], cases[i].raw);
        assert_true(
            mqtt_create(&loop, &clock, &topology, &config, NULL, 0, &sink, &driver, &error) < 0);
        if (!strstr(error.text, cases[i].words))
            fail_msg("case %zu: %s", i, error.text);
    }
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- publications ------------------------------------------------------ */

static void unreachable_broker_does_not_hold_anybody_up(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;
    struct error error;

    (void)state;
    config.port = free_port();
    open_site(&site, &config);
    run_until(&site, site.link == LINK_DOWN);
    assert_int_equal(site.downs, 1);
    assert_int_equal(mqtt_publish(site.driver, "a", "1", 0, true), 0);
    assert_int_equal(mqtt_publish(site.driver, "a/#", "1", 0, true), ERROR_INVALID);
    /* A set-point is never kept for later. */
    assert_int_equal(driver_write(site.driver, SETPOINT, 20, &error), 0);
    assert_int_equal(site.written, REASON_WRITE_FAILED);
    close_site(&site);
}

/* A broker that accepts and hangs must not let memory grow, nor any message be doubled. */
static void hung_broker_gets_every_message_once(void **state)
{
    enum { MESSAGES = 1000 };
    static bool heard[MESSAGES];
    static struct site site;
    char output[160], line[128], payload[16];
    int total = 0, number;
    uint64_t before;
    pid_t listener;
    FILE *file;

    (void)state;
    memset(heard, 0, sizeof(heard));
    open_connected(&site);
    before = health(&site).published;
    snprintf(output, sizeof(output), "%s/heard", folder);
    listener = listen_to("count", MESSAGES, output);
    kill(broker, SIGSTOP);
    for (int i = 0; i < MESSAGES; i++) {
        snprintf(payload, sizeof(payload), "%d", i);
        assert_int_equal(mqtt_publish(site.driver, "count", payload, 1, false), 0);
    }
    kill(broker, SIGCONT);
    assert_int_equal(finish(listener), 0);
    file = fopen(output, "r");
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "count %d", &number) != 1)
            continue;
        assert_true(number >= 0 && number < MESSAGES && !heard[number]);
        heard[number] = true;
        total++;
    }
    fclose(file);
    unlink(output);
    assert_int_equal(total, MESSAGES);
    run_until(&site, health(&site).published == before + MESSAGES);
    assert_int_equal(health(&site).publications_dropped, 0);
    close_site(&site);
}

static void presence_is_published_and_withdrawn(void **state)
{
    static struct site site;
    char output[160];
    pid_t listener;

    (void)state;
    say(WILL, "", true);
    snprintf(output, sizeof(output), "%s/heard", folder);
    listener = listen_to(WILL, 2, output);
    open_connected(&site);
    close_site(&site);
    assert_int_equal(finish(listener), 0);
    expect_lines(output, "mark here\n" WILL " online\n" WILL " offline\n");
}

static void orderly_end_hands_over_what_waits(void **state)
{
    enum { MESSAGES = 10 * LIMIT_IN_FLIGHT };
    static struct site site;
    char output[160];
    pid_t listener;

    (void)state;
    snprintf(output, sizeof(output), "%s/heard", folder);
    listener = listen_to("count", MESSAGES, output);
    open_connected(&site);
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(mqtt_publish(site.driver, "count", "last words", 1, false), 0);
    close_site(&site);
    assert_int_equal(finish(listener), 0); /* it ends well only when it has heard them all */
    unlink(output);
}

static void sudden_death_leaves_the_will(void **state)
{
    char output[160];
    pid_t listener, child;

    (void)state;
    say(WILL, "", true);
    snprintf(output, sizeof(output), "%s/heard", folder);
    listener = listen_to(WILL, 2, output);
    child = fork();
    if (child == 0) {
        static struct site site;

        open_connected(&site);
        raise(SIGKILL);
    }
    finish(child);
    assert_int_equal(finish(listener), 0);
    expect_lines(output, "mark here\n" WILL " online\n" WILL " offline\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_with_their_source_time),
        cmocka_unit_test(one_payload_has_several_points),
        cmocka_unit_test(raw_messages_are_handed_on),
        cmocka_unit_test(sparkplug_metric_is_a_point),
        cmocka_unit_test(setpoint_is_confirmed_by_what_is_read_back),
        cmocka_unit_test(heartbeats_go_both_ways),
        cmocka_unit_test(silence_keeps_the_order_of_values),
        cmocka_unit_test(tls_checks_the_name_and_shows_our_certificate),
        cmocka_unit_test(password_comes_from_a_file),
        cmocka_unit_test(wrong_options_are_refused_in_words),
        cmocka_unit_test(unreachable_broker_does_not_hold_anybody_up),
        cmocka_unit_test(hung_broker_gets_every_message_once),
        cmocka_unit_test(presence_is_published_and_withdrawn),
        cmocka_unit_test(orderly_end_hands_over_what_waits),
        cmocka_unit_test(sudden_death_leaves_the_will),
    };

    return cmocka_run_group_tests(tests, site_set_up, site_tear_down);
}
