/* The MQTT edge against a real mosquitto broker and mosquitto's own clients as the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "controller/base/log.h"
#include "drivers/mqtt.h"

enum { POINTS = 3, PATIENCE_MS = 20000 };

#define TOPIC_A "BMS/v1/PUB/Value/CDU/LiquidTemperature/hall/cdu1"
#define TOPIC_B "BMS/v1/PUB/Value/System/Power/hall/fans"
#define WILL "tidewatt/test/status"

static char folder[64];
static char config_path[128];
static char port_text[8];
static uint16_t port;
static pid_t broker;

/* ---- other programs ------------------------------------------------------------------------ */

/* Whatever becomes of the test, its helpers end with it. */
static pid_t run(const char *const *arguments, const char *output)
{
    const pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open(output ? output : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static int finish(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return status;
}

static bool port_answers(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool result = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return result;
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void start_broker(void)
{
    const char *const arguments[] = {"/usr/sbin/mosquitto", "-c", config_path, NULL};

    broker = run(arguments, NULL);
    for (int waited = 0; !port_answers(); waited += 20) {
        assert_true(waited < PATIENCE_MS);
        usleep(20000);
    }
}

static void kill_broker(void)
{
    kill(broker, SIGKILL);
    finish(broker);
    broker = 0;
}

static void say(const char *topic, const char *payload, bool retain)
{
    const char *arguments[] = {"mosquitto_pub",
                               "-h",
                               "127.0.0.1",
                               "-p",
                               port_text,
                               "-q",
                               "1",
                               "-t",
                               topic,
                               "-m",
                               payload,
                               retain ? "-r" : NULL,
                               NULL};

    assert_int_equal(finish(run(arguments, NULL)), 0);
}

/* Starts a listener and waits until the broker has taken its subscription: the listener hears a
 * retained mark first. */
static pid_t listen_to(const char *topic, int count, const char *output)
{
    char count_text[16], first[32] = "";
    const char *const arguments[] = {
        "mosquitto_sub", "-h", "127.0.0.1", "-p", port_text, "-q", "1",     "-t", "mark", "-t",
        topic,           "-C", count_text,  "-W", "20",      "-F", "%t %p", NULL};
    pid_t pid;

    say("mark", "here", true);
    snprintf(count_text, sizeof(count_text), "%d", count + 1);
    pid = run(arguments, output);
    for (int waited = 0; strcmp(first, "mark here\n") != 0; waited += 20) {
        FILE *file = fopen(output, "r");

        assert_true(waited < PATIENCE_MS);
        usleep(20000);
        if (file && !fgets(first, sizeof(first), file))
            first[0] = '\0';
        if (file)
            fclose(file);
    }
    return pid;
}

/* ---- the driver under test ------------------------------------------------------------------ */

struct site {
    uv_loop_t loop;
    struct clock clock;
    struct topology topology;
    struct device devices[2];
    struct point points[POINTS];
    struct driver *driver;
    struct sample last[POINTS];
    int count[POINTS];
    enum link_state link;
    enum reason link_reason;
    int ups, downs;
};

static void take_sample(void *context, const struct sample *sample)
{
    struct site *site = context;

    site->last[sample->point] = *sample;
    site->count[sample->point]++;
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    struct site *site = context;

    assert_int_equal(device, 0); /* device 1 has no points over MQTT */
    site->link = link;
    site->link_reason = reason;
    site->ups += link == LINK_UP;
    site->downs += link == LINK_DOWN;
}

static void open_site(struct site *site)
{
    const struct mqtt_point points[POINTS] = {
        {.point = 2, .topic = TOPIC_B, .factor = 1000, .offset = 0},
        {.point = 0, .topic = TOPIC_A, .factor = 1, .offset = 0},
        {.point = 1, .topic = TOPIC_A, .factor = 1, .offset = 273.15},
    };
    const struct driver_sink sink = {.sample = take_sample, .link = take_link, .context = site};
    struct mqtt_config config = {.host = "127.0.0.1",
                                 .port = port,
                                 .client_id = "test",
                                 .keepalive_s = 5,
                                 .will_topic = WILL};
    struct error error;

    memset(site, 0, sizeof(*site));
    site->link = LINK_CONNECTING;
    site->topology = (struct topology){
        .devices = site->devices, .device_count = 2, .points = site->points, .point_count = POINTS};
    site->devices[0].point_count = POINTS;
    clock_init_real(&site->clock);
    assert_int_equal(uv_loop_init(&site->loop), 0);
    if (mqtt_create(&site->loop, &site->clock, &site->topology, &config, points, POINTS, &sink,
                    &site->driver, &error) < 0)
        fail_msg("%s", error.text);
}

static void close_site(struct site *site)
{
    driver_destroy(site->driver);
    while (uv_run(&site->loop, UV_RUN_DEFAULT))
        ;
    assert_int_equal(uv_loop_close(&site->loop), 0);
}

#define run_until(site, condition)                                                                 \
    do {                                                                                           \
        for (int waited = 0; !(condition); waited += 2) {                                          \
            if (waited > PATIENCE_MS)                                                              \
                fail_msg("never came: %s", #condition);                                            \
            uv_run(&(site)->loop, UV_RUN_NOWAIT);                                                  \
            driver_poll((site)->driver, clock_now_ms(&(site)->clock));                             \
            usleep(2000);                                                                          \
        }                                                                                          \
    } while (0)

static struct mqtt_health health(const struct site *site)
{
    struct mqtt_health result;

    mqtt_health(site->driver, &result);
    return result;
}

static void open_connected(struct site *site)
{
    open_site(site);
    run_until(site, site->link == LINK_UP);
}

/* Says it until it is heard: subscriptions follow the link by a moment. */
static void say_until_heard(struct site *site, const char *topic, const char *payload, int point)
{
    int before = site->count[point];

    say(topic, payload, false);
    for (int waited = 0; site->count[point] == before; waited += 10) {
        assert_true(waited < PATIENCE_MS);
        if (waited % 1000 == 990)
            say(topic, payload, false);
        uv_run(&site->loop, UV_RUN_NOWAIT);
        usleep(10000);
    }
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void values_arrive_with_their_source_time(void **state)
{
    static struct site site;
    struct device_health device;

    (void)state;
    open_connected(&site);
    assert_int_equal(site.link_reason, REASON_FRESH);
    say_until_heard(&site, TOPIC_A, "{\"value\":20.5,\"timestamp\":1743620423000,\"quality\":1}",
                    1);
    assert_int_equal(site.last[0].quality, QUALITY_GOOD);
    assert_true(site.last[0].value == 20.5);
    assert_int_equal(site.last[0].source_ms, 1743620423000);
    assert_true(site.last[0].receive_ms > 1743620423000);
    assert_true(site.last[1].value == 20.5 + 273.15); /* one topic, two points */
    assert_int_equal(site.count[2], 0);
    say_until_heard(&site, TOPIC_B, "{\"value\":1.25,\"timestamp\":1743620424000,\"quality\":1}",
                    2);
    assert_true(site.last[2].value == 1250.0);
    assert_true(driver_health(site.driver, 0, &device));
    assert_int_equal(device.link, LINK_UP);
    assert_true(device.replies >= 3);
    assert_false(driver_health(site.driver, 1, &device));
    close_site(&site);
}

static void retained_value_stays_as_old_as_it_is(void **state)
{
    static struct site site;

    (void)state;
    say(TOPIC_A, "{\"value\":7,\"timestamp\":1000,\"quality\":1}", true);
    open_connected(&site);
    run_until(&site, site.count[1] > 0);
    assert_int_equal(site.last[0].source_ms, 1000);
    assert_int_equal(site.last[0].quality, QUALITY_GOOD); /* its age is the image's to judge */
    close_site(&site);
    say(TOPIC_A, "", true);
}

static void bad_payloads_are_verdicts_that_name_the_topic(void **state)
{
    static const char *const bad[] = {
        "{\"value\":\"hot\",\"timestamp\":1743620423000,\"quality\":1}",
        "{\"value\":NaN,\"timestamp\":1743620423000,\"quality\":1}",
        "not JSON at all",
    };
    static struct site site;
    struct error last;

    (void)state;
    open_connected(&site);
    say_until_heard(&site, TOPIC_A, "{\"value\":1,\"timestamp\":1743620423000,\"quality\":1}", 1);
    for (size_t i = 0; i < 3; i++) {
        uint64_t before = mqtt_malformed(site.driver, &last);

        say_until_heard(&site, TOPIC_A, bad[i], 1);
        assert_int_equal(site.last[0].quality, QUALITY_BAD);
        assert_int_equal(site.last[0].reason, REASON_MALFORMED);
        assert_true(mqtt_malformed(site.driver, &last) > before);
        assert_non_null(strstr(last.text, TOPIC_A));
    }
    say_until_heard(&site, TOPIC_A, "{\"value\":null,\"timestamp\":1743620423000,\"quality\":1}",
                    1);
    assert_int_equal(site.last[0].quality, QUALITY_MISSING);
    say_until_heard(&site, TOPIC_A, "{\"value\":3,\"timestamp\":1743620423000,\"quality\":0}", 1);
    assert_int_equal(site.last[0].quality, QUALITY_BAD);
    assert_int_equal(site.last[0].reason, REASON_SOURCE_SAYS_BAD);
    say_until_heard(&site, TOPIC_A, "{\"value\":3,\"timestamp\":1743620423000,\"quality\":1}", 1);
    assert_int_equal(site.last[0].quality, QUALITY_GOOD);
    close_site(&site);
}

static void huge_payload_harms_nobody(void **state)
{
    char path[160];
    const char *const arguments[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p",
                                     port_text,       "-q", "1",         "-t",
                                     TOPIC_A,         "-f", path,        NULL};
    static struct site site;
    struct error last;
    FILE *file;

    (void)state;
    snprintf(path, sizeof(path), "%s/huge", folder);
    file = fopen(path, "w");
    for (int i = 0; i < 4 << 20; i++)
        fputc('[', file);
    fclose(file);
    open_connected(&site);
    say_until_heard(&site, TOPIC_A, "{\"value\":1,\"timestamp\":1743620423000,\"quality\":1}", 1);
    assert_int_equal(finish(run(arguments, NULL)), 0);
    run_until(&site, site.last[1].reason == REASON_MALFORMED);
    mqtt_malformed(site.driver, &last);
    assert_non_null(strstr(last.text, "4194304 bytes"));
    say_until_heard(&site, TOPIC_A, "{\"value\":1,\"timestamp\":1743620423000,\"quality\":1}", 1);
    close_site(&site);
    unlink(path);
}

static void broker_loss_is_reported_and_healed(void **state)
{
    static struct site site;
    char output[160], line[128];
    FILE *file;

    (void)state;
    open_connected(&site);
    kill_broker();
    run_until(&site, site.link == LINK_DOWN);
    assert_int_equal(site.link_reason, REASON_DISCONNECTED);
    assert_true(health(&site).cause.text[0]);
    /* While it is away: the newest retained message of a topic waits, others are old news. */
    assert_int_equal(mqtt_publish(site.driver, "tidewatt/test/jobs/1", "first", 1, true), 0);
    assert_int_equal(mqtt_publish(site.driver, "tidewatt/test/jobs/1", "second", 1, true), 0);
    assert_int_equal(mqtt_publish(site.driver, "tidewatt/test/jobs/1", "news", 1, false), 0);
    assert_int_equal(health(&site).publications_dropped, 1);
    start_broker();
    run_until(&site, site.link == LINK_UP);
    assert_int_equal(site.ups, 2);
    assert_int_equal(site.downs, 1);
    say_until_heard(&site, TOPIC_A, "{\"value\":5,\"timestamp\":1743620423000,\"quality\":1}", 1);
    snprintf(output, sizeof(output), "%s/heard", folder);
    finish(listen_to("tidewatt/test/jobs/+", 1, output));
    file = fopen(output, "r");
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, "tidewatt/test/jobs/1 second\n");
    fclose(file);
    unlink(output);
    close_site(&site);
}

static void unreachable_broker_does_not_hold_anybody_up(void **state)
{
    const uint16_t real_port = port;
    static struct site site;

    (void)state;
    port = free_port();
    open_site(&site);
    port = real_port;
    run_until(&site, site.link == LINK_DOWN);
    assert_int_equal(site.downs, 1);
    assert_int_equal(mqtt_publish(site.driver, "a", "1", 0, true), 0);
    assert_int_equal(mqtt_publish(site.driver, "a/#", "1", 0, true), ERROR_INVALID);
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
    pid_t listener;
    FILE *file;

    (void)state;
    memset(heard, 0, sizeof(heard));
    open_connected(&site);
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
    run_until(&site, health(&site).published == MESSAGES);
    assert_int_equal(health(&site).publications_dropped, 0);
    close_site(&site);
}

static void expect_lines(const char *path, const char *wanted)
{
    char text[256] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, wanted);
    unlink(path);
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

static int set_up(void **state)
{
    FILE *file;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(folder, sizeof(folder), "/tmp/tidewatt-mqtt-XXXXXX");
    assert_non_null(mkdtemp(folder));
    port = free_port();
    snprintf(port_text, sizeof(port_text), "%u", port);
    snprintf(config_path, sizeof(config_path), "%s/mosquitto.conf", folder);
    file = fopen(config_path, "w");
    fprintf(file,
            "listener %u 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "max_queued_messages 10000\n",
            port);
    if (getuid() == 0)
        fprintf(file, "user root\n");
    fclose(file);
    start_broker();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kill_broker();
    unlink(config_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_with_their_source_time),
        cmocka_unit_test(retained_value_stays_as_old_as_it_is),
        cmocka_unit_test(bad_payloads_are_verdicts_that_name_the_topic),
        cmocka_unit_test(huge_payload_harms_nobody),
        cmocka_unit_test(broker_loss_is_reported_and_healed),
        cmocka_unit_test(unreachable_broker_does_not_hold_anybody_up),
        cmocka_unit_test(hung_broker_gets_every_message_once),
        cmocka_unit_test(presence_is_published_and_withdrawn),
        cmocka_unit_test(orderly_end_hands_over_what_waits),
        cmocka_unit_test(sudden_death_leaves_the_will),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
