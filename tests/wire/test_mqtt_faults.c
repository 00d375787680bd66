/* The fault matrix of the MQTT edge: one fault, one test. In each, what is wrong says LIE, which
 * the harness never accepts as a good value; the verdict must be the one in the table; and when the
 * fault is over, a good value is taken again. Tests are named "mqtt: fault", for the table in the
 * docs. */
#include "tests/wire/mqtt_site.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "controller/plant/image.h"

/* ---- payloads ---------------------------------------------------------- */

struct payload_fault {
    const char *name;
    int point;
    const char *topic, *payload;
    size_t length; /* 0: up to the NUL */
    enum quality quality;
    enum reason reason;
    const char *sound; /* what is accepted before and afterwards, as 5 */
};

#define DSX_SOUND "{\"value\":5,\"timestamp\":" T0_TEXT ",\"quality\":1}"
#define JSON_SOUND "{\"power\":{\"total\":5,\"l1\":5},\"at\":" T0_TEXT "}"
#define OF_DSX(name, payload, quality, reason)                                                     \
    {                                                                                              \
        "dsx: " name, DSX, TOPIC_DSX, payload, 0, quality, reason, DSX_SOUND                       \
    }
#define OF_JSON(name, payload, quality, reason)                                                    \
    {                                                                                              \
        "json: " name, JSON_TIMED, TOPIC_JSON, payload, 0, quality, reason, JSON_SOUND             \
    }
#define OF_PLAIN(name, payload, quality, reason)                                                   \
    {                                                                                              \
        "plain: " name, PLAIN, TOPIC_PLAIN, payload, 0, quality, reason, "5"                       \
    }

static const struct payload_fault payload_faults[] = {
    OF_DSX("wrong type", "{\"value\":\"666\",\"timestamp\":" T0_TEXT ",\"quality\":1}", QUALITY_BAD,
           REASON_MALFORMED),
    OF_DSX("NaN", "{\"value\":NaN,\"timestamp\":" T0_TEXT ",\"quality\":1}", QUALITY_BAD,
           REASON_MALFORMED),
    OF_DSX("infinite", "{\"value\":1e999,\"timestamp\":" T0_TEXT ",\"quality\":1}", QUALITY_BAD,
           REASON_MALFORMED),
    OF_DSX("duplicate key", "{\"value\":5,\"value\":666,\"timestamp\":" T0_TEXT ",\"quality\":1}",
           QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("absent timestamp", "{\"value\":666,\"quality\":1}", QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("seconds for milliseconds", "{\"value\":666,\"timestamp\":1743620423,\"quality\":1}",
           QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("cut short", "{\"value\":666,\"timest", QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("two documents", DSX_SOUND "{\"value\":666}", QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("garbage", "\xff\xfe{]\"\x01", QUALITY_BAD, REASON_MALFORMED),
    {"dsx: NUL inside", DSX, TOPIC_DSX,
     "{\"value\":\0"
     "666,\"timestamp\":1,\"quality\":1}",
     38, QUALITY_BAD, REASON_MALFORMED, DSX_SOUND},
    OF_DSX("empty", "", QUALITY_BAD, REASON_MALFORMED),
    OF_DSX("null", "{\"value\":null,\"timestamp\":" T0_TEXT ",\"quality\":1}", QUALITY_MISSING,
           REASON_SOURCE_SAYS_BAD),
    OF_DSX("quality not good", "{\"value\":666,\"timestamp\":" T0_TEXT ",\"quality\":0}",
           QUALITY_BAD, REASON_SOURCE_SAYS_BAD),
    OF_JSON("absent key", "{\"power\":{\"other\":666},\"at\":" T0_TEXT "}", QUALITY_BAD,
            REASON_MALFORMED),
    OF_JSON("wrong type", "{\"power\":{\"total\":[666]},\"at\":" T0_TEXT "}", QUALITY_BAD,
            REASON_MALFORMED),
    OF_JSON("number in quotes", "{\"power\":{\"total\":\"666\"},\"at\":" T0_TEXT "}", QUALITY_BAD,
            REASON_MALFORMED),
    OF_JSON("wrong time", "{\"power\":{\"total\":666},\"at\":\"noon\"}", QUALITY_BAD,
            REASON_MALFORMED),
    OF_JSON("duplicate key", "{\"power\":{\"total\":5,\"total\":666},\"at\":" T0_TEXT "}",
            QUALITY_BAD, REASON_MALFORMED),
    OF_JSON("deeply nested", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            QUALITY_BAD, REASON_MALFORMED),
    OF_JSON("NaN", "{\"power\":{\"total\":NaN},\"at\":" T0_TEXT "}", QUALITY_BAD, REASON_MALFORMED),
    OF_PLAIN("no number", "hot 666", QUALITY_BAD, REASON_MALFORMED),
    OF_PLAIN("decimal comma", "666,0", QUALITY_BAD, REASON_MALFORMED),
    OF_PLAIN("hexadecimal", "0x29a", QUALITY_BAD, REASON_MALFORMED),
    OF_PLAIN("wrong unit", "666 MW", QUALITY_BAD, REASON_MALFORMED),
    OF_PLAIN("NaN", "nan", QUALITY_BAD, REASON_NOT_FINITE),
    OF_PLAIN("infinite", "-inf", QUALITY_BAD, REASON_NOT_FINITE),
};

enum { PAYLOAD_FAULTS = sizeof(payload_faults) / sizeof(payload_faults[0]) };

static void expect_sound(struct site *site, const struct payload_fault *fault)
{
    const int before = site->good[fault->point];

    say_until_heard(site, fault->topic, fault->sound, fault->point);
    run_until(site, site->good[fault->point] > before);
    assert_true(site->last[fault->point].value == 5);
}

static void payload_is_refused(void **state)
{
    const struct payload_fault *fault = *state;
    static struct site site;
    struct error last;
    uint64_t malformed;
    int count;

    open_connected(&site);
    expect_sound(&site, fault);
    malformed = mqtt_malformed(site.driver, &last);
    count = site.count[fault->point];
    say_bytes(fault->topic, fault->payload, fault->length ? fault->length : strlen(fault->payload),
              false);
    run_until(&site, site.count[fault->point] > count);
    assert_int_equal(site.last[fault->point].quality, fault->quality);
    assert_int_equal(site.last[fault->point].reason, fault->reason);
    if (fault->reason == REASON_MALFORMED) {
        assert_true(mqtt_malformed(site.driver, &last) > malformed);
        assert_non_null(strstr(last.text, fault->topic));
    }
    expect_sound(&site, fault);
    close_site(&site);
}

/* ---- messages ---------------------------------------------------------- */

static void stale_retained_with_time(void **state)
{
    static struct site site;

    (void)state;
    say(TOPIC_KILO, "{\"value\":7,\"timestamp\":" T0_TEXT ",\"quality\":1}", true);
    open_connected(&site);
    run_until(&site, site.count[DSX_KILO] > 0);
    assert_int_equal(site.last[DSX_KILO].source_ms, T0); /* its age is the image's to judge */
    say(TOPIC_KILO, "", true);
    close_site(&site);
}

static void stale_retained_without_time(void **state)
{
    static struct site site;

    (void)state;
    say(TOPIC_PLAIN, "666", true);
    say(TOPIC_JSON, "{\"power\":{\"l1\":666}}", true);
    open_connected(&site);
    run_until(&site, site.count[PLAIN] > 0 && site.count[JSON_PLAIN] > 0);
    assert_int_equal(site.last[PLAIN].quality, QUALITY_BAD);
    assert_int_equal(site.last[PLAIN].reason, REASON_RETAINED);
    assert_int_equal(site.last[JSON_PLAIN].reason, REASON_RETAINED);
    say_until_heard(&site, TOPIC_PLAIN, "5", PLAIN);
    assert_int_equal(site.last[PLAIN].quality, QUALITY_GOOD);
    say(TOPIC_PLAIN, "", true);
    say(TOPIC_JSON, "", true);
    close_site(&site);
}

/* Each value comes with its own time, by which the image knows the older one. */
static void out_of_order(void **state)
{
    static struct site site;
    struct image image;
    struct error error;
    double value;

    (void)state;
    open_connected(&site);
    for (int i = 0; i < POINTS; i++)
        site.points[i].high = 1e9;
    assert_int_equal(image_init(&image, &site.topology, &error), 0);
    say_until_heard(&site, TOPIC_KILO, "{\"value\":9,\"timestamp\":1743620425000,\"quality\":1}",
                    DSX_KILO);
    image_apply(&image, &site.last[DSX_KILO]);
    say_until_heard(&site, TOPIC_KILO, "{\"value\":8,\"timestamp\":1743620424000,\"quality\":1}",
                    DSX_KILO);
    assert_int_equal(site.last[DSX_KILO].source_ms, 1743620424000);
    assert_int_equal(image_apply(&image, &site.last[DSX_KILO]), REASON_TOO_OLD);
    assert_true(image_value(&image, DSX_KILO, &value) && value == 9000);
    image_finish(&image);
    close_site(&site);
}

static void say_huge(size_t length)
{
    char *payload = malloc(length);

    memset(payload, '[', length);
    say_bytes(TOPIC_DSX, payload, length, false);
    free(payload);
}

static void huge_payload(void **state)
{
    static struct site site;
    struct error last;

    (void)state;
    open_connected(&site);
    say_huge(100000);
    run_until(&site, site.last[DSX].reason == REASON_MALFORMED);
    mqtt_malformed(site.driver, &last);
    assert_non_null(strstr(last.text, "100000 bytes"));
    expect_recovery(&site);
    assert_int_equal(health(&site).connects, 1);
    close_site(&site);
}

/* More than we said that we take: the broker keeps it to itself. */
static void monstrous_payload(void **state)
{
    static struct site site;
    uint64_t messages;

    (void)state;
    open_connected(&site);
    messages = health(&site).messages;
    say_huge(16 << 20);
    say_until_heard(&site, TOPIC_PLAIN, "5", PLAIN);
    assert_int_equal(health(&site).messages, messages + 1);
    assert_int_equal(health(&site).malformed, 0);
    expect_recovery(&site);
    assert_int_equal(health(&site).connects, 1);
    close_site(&site);
}

/* The control thread stands still: the newest of each point survives, the rest is counted. */
static void overload(void **state)
{
    enum { MESSAGES = 40000 };
    char command[512];
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    static struct site site;
    uint64_t before;
    FILE *file;

    (void)state;
    file = fopen(path_of("lines"), "w");
    for (int i = 1; i < MESSAGES; i++)
        fprintf(file, "%d\n", i == LIE ? LIE + 1 : i);
    fprintf(file, "%d\n", MESSAGES);
    fclose(file);
    snprintf(command, sizeof(command), "mosquitto_pub -h 127.0.0.1 -p %u -t %s -l < %s",
             ports[OPEN], TOPIC_PLAIN, path_of("lines"));
    open_connected(&site);
    before = health(&site).messages;
    say(TOPIC_KILO, DSX_SOUND, false);
    assert_int_equal(finish(run(arguments, NULL)), 0);
    for (int waited = 0; health(&site).messages < before + 1 + MESSAGES; waited++) {
        assert_true(waited < PATIENCE_MS);
        usleep(1000);
    }
    assert_true(health(&site).samples_dropped >= MESSAGES - LIMIT_SAMPLE_QUEUE - POINTS);
    run_until(&site, site.last[PLAIN].value == MESSAGES);
    assert_true(site.last[DSX_KILO].value == 5000); /* came first, and was not pushed out */
    assert_int_equal(site.overloads, 1);            /* where values are missing */
    assert_int_equal((uint64_t)site.count[PLAIN] + health(&site).samples_dropped, MESSAGES);
    expect_recovery(&site);
    close_site(&site);
}

/* ---- Sparkplug --------------------------------------------------------- */

static void say_sparkplug(const char *type_and_node, struct sparkplug_text payload)
{
    char topic[LIMIT_TOPIC];

    snprintf(topic, sizeof(topic), "spBv1.0/plant/%s", type_and_node);
    say_bytes(topic, payload.bytes, payload.length, false);
}

static void be_born(struct site *site, int bd_seq)
{
    const int before = site->good[SPARKPLUG];

    say_sparkplug("NBIRTH/edge", sparkplug_payload(0, bd_seq, true, NAN, T0));
    say_sparkplug("DBIRTH/edge/meter", sparkplug_payload(1, -1, true, 5, T0));
    run_until(site, site->good[SPARKPLUG] > before);
    assert_true(site->last[SPARKPLUG].value == 5);
}

enum { BD_SEQ = 3 };

enum spoil { INTACT, GARBAGE, OTHER_ALIAS, INFINITE };

struct sparkplug_fault {
    const char *name, *topic;
    int seq, bd_seq;
    enum spoil spoil;
    enum reason reason;
};

static const struct sparkplug_fault sparkplug_faults[] = {
    {"sparkplug: sequence gap", "DDATA/edge/meter", 5, -1, INTACT, REASON_SEQUENCE_GAP},
    {"sparkplug: repeated message", "DDATA/edge/meter", 1, -1, INTACT, REASON_SEQUENCE_GAP},
    {"sparkplug: garbage", "DDATA/edge/meter", 2, -1, GARBAGE, REASON_SEQUENCE_GAP},
    {"sparkplug: node death", "NDEATH/edge", -1, BD_SEQ, INTACT, REASON_SOURCE_DEAD},
    {"sparkplug: device death", "DDEATH/edge/meter", 2, -1, INTACT, REASON_SOURCE_DEAD},
    {"sparkplug: unknown alias", "DDATA/edge/meter", 2, -1, OTHER_ALIAS, REASON_SEQUENCE_GAP},
    {"sparkplug: infinite", "DDATA/edge/meter", 2, -1, INFINITE, REASON_NOT_FINITE},
};

enum { SPARKPLUG_FAULTS = sizeof(sparkplug_faults) / sizeof(sparkplug_faults[0]) };

/* The only metric is known by its alias, 7. */
static void change_alias(struct sparkplug_text *payload)
{
    const uint8_t alias[] = {2 << 3, 7};
    uint8_t *place = memmem(payload->bytes, payload->length, alias, sizeof(alias));

    assert_non_null(place);
    place[1] = 9;
}

static struct sparkplug_text spoilt_payload(const struct sparkplug_fault *fault)
{
    const double value = fault->bd_seq >= 0 ? NAN : fault->spoil == INFINITE ? INFINITY : LIE;
    struct sparkplug_text payload = sparkplug_payload(fault->seq, fault->bd_seq, false, value, T0);

    if (fault->spoil == GARBAGE)
        memset(payload.bytes, 0xff, payload.length);
    if (fault->spoil == OTHER_ALIAS)
        change_alias(&payload);
    return payload;
}

static void session_ends_and_begins_again(void **state)
{
    const struct sparkplug_fault *fault = *state;
    static struct site site;

    open_connected(&site);
    be_born(&site, BD_SEQ);
    say_sparkplug(fault->topic, spoilt_payload(fault));
    run_until(&site, site.last[SPARKPLUG].quality == QUALITY_BAD);
    assert_int_equal(site.last[SPARKPLUG].reason, fault->reason);
    be_born(&site, BD_SEQ + 1);
    close_site(&site);
}

static void lost_message_asks_for_rebirth(void **state)
{
    const char *output = path_of("heard");
    static struct site site;
    char text[256] = "";
    pid_t listener;
    FILE *file;

    (void)state;
    listener = listen_to("spBv1.0/plant/NCMD/edge", 1, output);
    open_connected(&site); /* asks where it knows of no birth */
    run_until(&site, waitpid(listener, NULL, WNOHANG) == listener);
    file = fopen(output, "r");
    assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "Node Control/Rebirth"));
    be_born(&site, BD_SEQ);
    close_site(&site);
}

static void data_after_death(void **state)
{
    static struct site site;

    (void)state;
    open_connected(&site);
    be_born(&site, BD_SEQ);
    say_sparkplug("NDEATH/edge", sparkplug_payload(-1, BD_SEQ, false, NAN, T0));
    say_sparkplug("DDATA/edge/meter", sparkplug_payload(2, -1, false, LIE, T0));
    run_until(&site, site.last[SPARKPLUG].reason == REASON_SOURCE_DEAD);
    expect_recovery(&site); /* another point's value, said after it: it was heard */
    assert_int_equal(site.last[SPARKPLUG].quality, QUALITY_BAD);
    be_born(&site, BD_SEQ + 1);
    close_site(&site);
}

static void will_overtaken_by_rebirth(void **state)
{
    static struct site site;

    (void)state;
    open_connected(&site);
    be_born(&site, BD_SEQ);
    say_sparkplug("NDEATH/edge", sparkplug_payload(-1, BD_SEQ - 1, false, NAN, T0));
    say_sparkplug("DDATA/edge/meter", sparkplug_payload(2, -1, false, 6, T0 + 1));
    run_until(&site, site.good[SPARKPLUG] == 2);
    assert_true(site.last[SPARKPLUG].value == 6);
    close_site(&site);
}

/* ---- connections ------------------------------------------------------- */

static void broker_restart(void **state)
{
    const char *output = path_of("heard");
    static struct site site;

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
    expect_recovery(&site);
    finish(listen_to("tidewatt/test/jobs/+", 1, output));
    expect_lines(output, "mark here\ntidewatt/test/jobs/1 second\n");
    close_site(&site);
}

/* Its socket stays open and nothing comes: only the keepalive can tell. */
static void half_open_broker(void **state)
{
    static struct site site;

    (void)state;
    open_connected(&site);
    kill(broker, SIGSTOP);
    run_until(&site, site.link == LINK_DOWN);
    assert_non_null(strstr(health(&site).cause.text, "has not answered"));
    kill(broker, SIGCONT);
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

static void session_takeover(void **state)
{
    char port[8];
    const char *const arguments[] = {"mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-i",
                                     "test",          "-t", "x",         NULL};
    static struct site site;
    pid_t rival;

    (void)state;
    snprintf(port, sizeof(port), "%u", ports[OPEN]);
    open_connected(&site);
    rival = run(arguments, NULL);
    run_until(&site, health(&site).takeovers > 0);
    run_until(&site, strstr(health(&site).cause.text, "another client") != NULL);
    kill(rival, SIGKILL);
    finish(rival);
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

static void expect_refused(struct site *site, const char *words)
{
    run_until(site, site->link == LINK_DOWN);
    if (!strstr(health(site).cause.text, words))
        fail_msg("%s", health(site).cause.text);
    assert_int_equal(site->ups, 0);
}

static void bad_credentials(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;

    (void)state;
    config.port = ports[PASSWORD];
    strcpy(config.username, "tester");
    write_file("secret", "wrong-secret\n", 13);
    strcpy(config.password_file, path_of("secret"));
    open_site(&site, &config);
    expect_refused(&site, "password");
    assert_null(strstr(health(&site).cause.text, "wrong-secret"));
    write_file("secret", "right\n", 6); /* changed without a restart */
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

static struct mqtt_config tls_config(enum listener listener, const char *authority)
{
    struct mqtt_config config = plain_config();

    strcpy(config.host, "localhost");
    config.port = ports[listener];
    config.security.tls = true;
    strcpy(config.security.ca_file, path_of(authority));
    return config;
}

static void copy_file(const char *from, const char *to)
{
    char bytes[16384];
    FILE *file = fopen(path_of(from), "r");
    size_t length = fread(bytes, 1, sizeof(bytes), file);

    fclose(file);
    write_file(to, bytes, length);
}

/* The authority is put right while we run. */
static void tls_wrong_ca(void **state)
{
    static struct site site;
    struct mqtt_config config;

    (void)state;
    copy_file("stranger.crt", "trusted.crt");
    config = tls_config(TLS, "trusted.crt");
    open_site(&site, &config);
    expect_refused(&site, "ca_file");
    copy_file("ca.crt", "trusted.crt");
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

/* The broker gets a sound certificate while we run. */
static void tls_bad_certificate(enum listener listener, const char *name, const char *words)
{
    struct mqtt_config config = tls_config(listener, "ca.crt");
    char certificate[64], key[64];
    static struct site site;

    snprintf(certificate, sizeof(certificate), "%s.crt", name);
    snprintf(key, sizeof(key), "%s.key", name);
    open_site(&site, &config);
    expect_refused(&site, words);
    kill_broker();
    copy_file("good.crt", certificate);
    copy_file("good.key", key);
    start_broker();
    run_until(&site, site.link == LINK_UP);
    expect_recovery(&site);
    close_site(&site);
}

static void tls_wrong_host(void **state)
{
    (void)state;
    tls_bad_certificate(TLS_ELSEWHERE, "elsewhere", "mqtt.host");
}

static void tls_expired_certificate(void **state)
{
    (void)state;
    tls_bad_certificate(TLS_EXPIRED, "expired", "has expired");
}

static void tls_client_certificate_missing(void **state)
{
    struct mqtt_config config = tls_config(TLS_MUTUAL, "ca.crt");
    static struct site site;

    (void)state;
    open_site(&site, &config);
    expect_refused(&site, "TLS");
    close_site(&site);
}

static void plain_text_to_tls_port(void **state)
{
    struct mqtt_config config = plain_config();
    static struct site site;

    (void)state;
    config.port = ports[TLS];
    open_site(&site, &config);
    expect_refused(&site, "");
    close_site(&site);
}

/* A broker of few words: what it sends to a CONNECT of MQTT 5 and to one of MQTT 3.1.1; after the
 * first it hangs up. */
struct words {
    uint8_t bytes[16];
    size_t length;
};

static void serve_client(int client, const struct words *to_five, const struct words *to_older)
{
    uint8_t packet[256];
    const bool five = recv(client, packet, sizeof(packet), 0) > 8 && packet[8] == 5;
    const struct words *words = five ? to_five : to_older;

    send(client, words->bytes, words->length, MSG_NOSIGNAL);
    while (!five && recv(client, packet, sizeof(packet), 0) > 0)
        ;
    close(client);
}

static pid_t start_terse_broker(uint16_t *ret_port, struct words to_five, struct words to_older)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(address);
    pid_t pid;

    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    listen(server, 4);
    pid = fork();
    if (pid == 0)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0)
        serve_client(accept(server, NULL, NULL), &to_five, &to_older);
    close(server);
    return pid;
}

static const struct words consent = {{0x20, 2, 0, 0}, 4}; /* CONNACK of MQTT 3.1.1 */

static void expect_old_protocol(struct words to_five)
{
    struct mqtt_config config = plain_config();
    static struct site site;
    pid_t old = start_terse_broker(&config.port, to_five, consent);

    config.will_topic[0] = '\0';
    open_site(&site, &config);
    run_until(&site, site.link == LINK_UP);
    assert_int_equal(health(&site).protocol, 4);
    close_site(&site);
    kill(old, SIGKILL);
    finish(old);
}

static void old_broker_refuses(void **state)
{
    (void)state;
    expect_old_protocol((struct words){{0x20, 2, 0, 1}, 4});
}

static void old_broker_hangs_up(void **state)
{
    (void)state;
    expect_old_protocol((struct words){{0}, 0});
}

/* CONNACK, then DISCONNECT with the reason 142. */
static void takeover_in_words(void **state)
{
    const struct words words = {{0x20, 3, 0, 0, 0, 0xe0, 1, 142}, 8};
    struct mqtt_config config = plain_config();
    static struct site site;
    pid_t terse = start_terse_broker(&config.port, words, consent);

    (void)state;
    config.will_topic[0] = '\0';
    open_site(&site, &config);
    run_until(&site, health(&site).takeovers > 0);
    run_until(&site, strstr(health(&site).cause.text, "client id \"test\"") != NULL);
    close_site(&site);
    kill(terse, SIGKILL);
    finish(terse);
}

/* ---- the table --------------------------------------------------------- */

static const struct {
    const char *name;
    CMUnitTestFunction function;
    const char *verdict; /* for the docs */
} faults[] = {
    {"stale retained, with time", stale_retained_with_time, "keeps its source time"},
    {"stale retained, without time", stale_retained_without_time, "retained"},
    {"out of order", out_of_order, "too_old"},
    {"huge payload", huge_payload, "malformed"},
    {"monstrous payload", monstrous_payload, "kept away by the broker"},
    {"overload", overload, "overload"},
    {"sparkplug: no birth known", lost_message_asks_for_rebirth, "rebirth asked for"},
    {"sparkplug: data after death", data_after_death, "source_dead"},
    {"sparkplug: will overtaken by rebirth", will_overtaken_by_rebirth, "will ignored"},
    {"broker restart", broker_restart, "disconnected"},
    {"half-open broker", half_open_broker, "disconnected"},
    {"session takeover", session_takeover, "disconnected"},
    {"session takeover, in the broker's words", takeover_in_words, "disconnected"},
    {"bad credentials", bad_credentials, "not connected"},
    {"TLS: wrong authority", tls_wrong_ca, "not connected"},
    {"TLS: wrong host", tls_wrong_host, "not connected"},
    {"TLS: expired certificate", tls_expired_certificate, "not connected"},
    {"TLS: client certificate missing", tls_client_certificate_missing, "not connected"},
    {"plain text to a TLS port", plain_text_to_tls_port, "not connected"},
    {"old broker refuses MQTT 5", old_broker_refuses, "connects with 3.1.1"},
    {"old broker hangs up on MQTT 5", old_broker_hangs_up, "connects with 3.1.1"},
};

enum {
    FAULTS = sizeof(faults) / sizeof(faults[0]),
    TESTS = PAYLOAD_FAULTS + SPARKPLUG_FAULTS + FAULTS,
};

static struct CMUnitTest tests[TESTS];

static void add_test(const char *name, CMUnitTestFunction function, const void *fault)
{
    static char names[TESTS][80];
    static int count;

    snprintf(names[count], sizeof(names[count]), "mqtt: %s", name);
    tests[count] = (struct CMUnitTest){
        .name = names[count], .test_func = function, .initial_state = (void *)fault};
    count++;
}

/* What faults.py makes the table in the docs of. */
static void list_faults(void)
{
    for (int i = 0; i < PAYLOAD_FAULTS; i++)
        printf("mqtt\t%s\tverdict=%s\n", payload_faults[i].name,
               reason_name(payload_faults[i].reason));
    for (int i = 0; i < SPARKPLUG_FAULTS; i++)
        printf("mqtt\t%s\tverdict=%s\n", sparkplug_faults[i].name,
               reason_name(sparkplug_faults[i].reason));
    for (int i = 0; i < FAULTS; i++)
        printf("mqtt\t%s\tverdict=%s\n", faults[i].name, faults[i].verdict);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list_faults();
        return 0;
    }
    for (int i = 0; i < PAYLOAD_FAULTS; i++)
        add_test(payload_faults[i].name, payload_is_refused, &payload_faults[i]);
    for (int i = 0; i < SPARKPLUG_FAULTS; i++)
        add_test(sparkplug_faults[i].name, session_ends_and_begins_again, &sparkplug_faults[i]);
    for (int i = 0; i < FAULTS; i++)
        add_test(faults[i].name, faults[i].function, NULL);
    return cmocka_run_group_tests(tests, site_set_up, site_tear_down);
}
