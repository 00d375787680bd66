/* The peers and the harness of the MQTT tests; see mqtt_site.h. */
#include "tests/wire/mqtt_site.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "controller/base/log.h"

char folder[64];
pid_t broker;
uint16_t ports[LISTENERS];

/* ---- other programs ---------------------------------------------------- */

const char *path_of(const char *name)
{
    static char paths[8][160];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void write_file(const char *name, const void *bytes, size_t length)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

/* Whatever becomes of the test, its helpers end with it. */
pid_t run(const char *const *arguments, const char *output)
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

int finish(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return status;
}

static bool port_answers(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool result = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return result;
}

uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

void start_broker(void)
{
    const char *const arguments[] = {"/usr/sbin/mosquitto", "-c", path_of("mosquitto.conf"), NULL};

    broker = run(arguments, NULL);
    for (int waited = 0; !port_answers(ports[LISTENERS - 1]); waited += 20) {
        assert_true(waited < PATIENCE_MS);
        usleep(20000);
    }
}

void kill_broker(void)
{
    kill(broker, SIGKILL);
    finish(broker);
    broker = 0;
}

static void publish(const char *topic, const char *how, const char *what, bool retain)
{
    char port[8];
    const char *arguments[] = {
        "mosquitto_pub",      "-h", "127.0.0.1", "-p", port, "-q", "1", "-t", topic, how, what,
        retain ? "-r" : NULL, NULL};

    snprintf(port, sizeof(port), "%u", ports[OPEN]);
    assert_int_equal(finish(run(arguments, NULL)), 0);
}

void say(const char *topic, const char *payload, bool retain)
{
    publish(topic, "-m", payload, retain);
}

void say_bytes(const char *topic, const void *bytes, size_t length, bool retain)
{
    write_file("payload", bytes, length);
    publish(topic, "-f", path_of("payload"), retain);
}

/* The listener hears a retained mark first, which tells that the broker took its subscription. */
pid_t listen_to(const char *topic, int count, const char *output)
{
    char count_text[16], first[32] = "", port[8];
    const char *const arguments[] = {
        "mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-q", "1",     "-t", "mark", "-t",
        topic,           "-C", count_text,  "-W", "20", "-F", "%t %p", NULL};
    pid_t pid;

    snprintf(port, sizeof(port), "%u", ports[OPEN]);
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

void expect_lines(const char *path, const char *wanted)
{
    char text[1024] = "";
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, wanted);
    unlink(path);
}

/* ---- certificates ------------------------------------------------------ */

static void __attribute__((format(printf, 1, 2))) openssl(const char *format, ...)
{
    char words[512], command[640];
    const char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    va_list list;

    va_start(list, format);
    vsnprintf(words, sizeof(words), format, list);
    va_end(list);
    snprintf(command, sizeof(command), "cd %s && openssl %s", folder, words);
    if (finish(run(arguments, NULL)) != 0)
        fail_msg("failed: %s", command);
}

static void make_authority(const char *name)
{
    openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key "
            "-out %s.crt -days 2 -subj /CN=%s",
            name, name, name);
}

static void make_certificate(const char *name, const char *alternative, int days)
{
    char extension[128];

    snprintf(extension, sizeof(extension), "subjectAltName=%s\n", alternative);
    write_file("extension", extension, strlen(extension));
    openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.csr "
            "-subj /CN=%s",
            name, name, name);
    openssl("x509 -req -in %s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days %d "
            "-extfile extension -out %s.crt",
            name, days, name);
}

static void make_certificates(void)
{
    make_authority("ca");
    make_authority("stranger");
    make_certificate("good", "DNS:localhost", 2);
    make_certificate("elsewhere", "DNS:elsewhere.test", 2);
    make_certificate("expired", "DNS:localhost", -1);
    make_certificate("client", "DNS:tidewatt.test", 2);
}

/* ---- the broker -------------------------------------------------------- */

static void add_listener(FILE *file, enum listener listener, const char *certificate)
{
    ports[listener] = free_port();
    fprintf(file, "listener %u 127.0.0.1\n", ports[listener]);
    if (listener == PASSWORD)
        fprintf(file, "password_file %s\n", path_of("users"));
    fprintf(file, "allow_anonymous %s\n", listener == PASSWORD ? "false" : "true");
    if (!certificate)
        return;
    fprintf(file, "cafile %s/ca.crt\ncertfile %s/%s.crt\nkeyfile %s/%s.key\n", folder, folder,
            certificate, folder, certificate);
    if (listener == TLS_MUTUAL)
        fprintf(file, "require_certificate true\n");
}

int site_set_up(void **state)
{
    const char *const add_user[] = {"mosquitto_passwd", "-c", "-b", NULL, "tester", "right", NULL};
    const char *arguments[7];
    FILE *file;

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(folder, sizeof(folder), "/tmp/tidewatt-mqtt-XXXXXX");
    assert_non_null(mkdtemp(folder));
    make_certificates();
    memcpy(arguments, add_user, sizeof(add_user));
    arguments[3] = path_of("users");
    assert_int_equal(finish(run(arguments, NULL)), 0);
    file = fopen(path_of("mosquitto.conf"), "w");
    fprintf(file, "per_listener_settings true\npersistence false\nmax_queued_messages 100000\n%s",
            getuid() == 0 ? "user root\n" : "");
    add_listener(file, OPEN, NULL);
    add_listener(file, PASSWORD, NULL);
    add_listener(file, TLS, "good");
    add_listener(file, TLS_ELSEWHERE, "elsewhere");
    add_listener(file, TLS_EXPIRED, "expired");
    add_listener(file, TLS_MUTUAL, "good");
    fclose(file);
    start_broker();
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

int site_tear_down(void **state)
{
    (void)state;
    kill_broker();
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- the edge under test ----------------------------------------------- */

static void take_sample(void *context, const struct sample *sample)
{
    struct site *site = context;

    if (sample->quality == QUALITY_GOOD) {
        assert_true(sample->value != LIE && sample->value != LIE + 273.15 &&
                    sample->value != LIE * 1000.0);
        site->good[sample->point]++;
    }
    site->overloads += sample->reason == REASON_OVERLOAD;
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

static void take_outcome(void *context, int32_t point, double value, enum reason reason)
{
    struct site *site = context;

    site->written_point = point;
    site->written_value = value;
    site->written = reason;
}

static void take_raw(void *context, const char *topic, const void *payload, size_t length,
                     bool retained)
{
    struct site *site = context;

    assert_true(length < sizeof(site->raw_payload));
    memcpy(site->raw_payload, payload, length);
    site->raw_payload[length] = '\0';
    snprintf(site->raw_topic, sizeof(site->raw_topic), "%s", topic);
    site->raw_retained = retained;
    site->raw++;
}

struct mqtt_config plain_config(void)
{
    return (struct mqtt_config){.host = "127.0.0.1",
                                .port = ports[OPEN],
                                .client_id = "test",
                                .keepalive_s = 5,
                                .will_topic = WILL};
}

static void make_points(struct mqtt_point points[POINTS])
{
    memset(points, 0, POINTS * sizeof(*points));
    for (int i = 0; i < POINTS; i++) {
        points[i].point = i;
        mqtt_mapping_init(&points[i].mapping, MQTT_DSX);
    }
    strcpy(points[DSX].topic, TOPIC_DSX);
    strcpy(points[DSX_KELVIN].topic, TOPIC_DSX);
    points[DSX_KELVIN].mapping.offset = 273.15;
    strcpy(points[DSX_KILO].topic, TOPIC_KILO);
    points[DSX_KILO].mapping.factor = 1000;
    mqtt_mapping_init(&points[JSON_TIMED].mapping, MQTT_JSON);
    strcpy(points[JSON_TIMED].topic, TOPIC_JSON);
    strcpy(points[JSON_TIMED].mapping.value, "/power/total");
    strcpy(points[JSON_TIMED].mapping.time, "/at");
    mqtt_mapping_init(&points[JSON_PLAIN].mapping, MQTT_JSON);
    strcpy(points[JSON_PLAIN].topic, TOPIC_JSON);
    strcpy(points[JSON_PLAIN].mapping.value, "/power/l1");
    mqtt_mapping_init(&points[PLAIN].mapping, MQTT_PLAIN);
    strcpy(points[PLAIN].topic, TOPIC_PLAIN);
    mqtt_mapping_init(&points[SPARKPLUG].mapping, MQTT_SPARKPLUG);
    strcpy(points[SPARKPLUG].topic, "plant/edge/meter");
    strcpy(points[SPARKPLUG].mapping.metric, "Power");
    strcpy(points[SETPOINT].topic, TOPIC_SETPOINT);
    strcpy(points[SETPOINT].write.topic, TOPIC_WRITE);
    points[SETPOINT].write.tolerance = 0.05;
    points[SETPOINT].write.answer_ms = 1500;
}

void open_site(struct site *site, const struct mqtt_config *config)
{
    const struct driver_sink sink = {
        .sample = take_sample, .link = take_link, .written = take_outcome, .context = site};
    const struct mqtt_listener listener = {.message = take_raw, .context = site};
    struct mqtt_point points[POINTS];
    struct error error;

    memset(site, 0, sizeof(*site));
    site->link = LINK_CONNECTING;
    site->topology = (struct topology){
        .devices = site->devices, .device_count = 2, .points = site->points, .point_count = POINTS};
    site->devices[0].point_count = POINTS;
    clock_init_real(&site->clock);
    make_points(points);
    assert_int_equal(uv_loop_init(&site->loop), 0);
    if (mqtt_create(&site->loop, &site->clock, &site->topology, config, points, POINTS, &sink,
                    &site->driver, &error) < 0)
        fail_msg("%s", error.text);
    mqtt_listen(site->driver, &listener);
}

void close_site(struct site *site)
{
    driver_destroy(site->driver);
    while (uv_run(&site->loop, UV_RUN_DEFAULT))
        ;
    assert_int_equal(uv_loop_close(&site->loop), 0);
}

void step(struct site *site)
{
    uv_run(&site->loop, UV_RUN_NOWAIT);
    driver_poll(site->driver, clock_now_ms(&site->clock));
    usleep(2000);
}

struct mqtt_health health(const struct site *site)
{
    struct mqtt_health result;

    mqtt_health(site->driver, &result);
    return result;
}

void say_until_heard(struct site *site, const char *topic, const char *payload, int point)
{
    int before = site->count[point];

    say(topic, payload, false);
    for (int waited = 0; site->count[point] == before; waited += 2) {
        assert_true(waited < PATIENCE_MS);
        if (waited % 1000 == 998)
            say(topic, payload, false);
        step(site);
    }
}

void expect_recovery(struct site *site)
{
    const int before = site->good[DSX];
    char payload[96];

    for (int waited = 0; site->good[DSX] == before; waited++) {
        assert_true(waited < PATIENCE_MS / 1000);
        snprintf(payload, sizeof(payload), "{\"value\":21,\"timestamp\":%lld,\"quality\":1}",
                 (long long)clock_now_ms(&site->clock));
        say_until_heard(site, TOPIC_DSX, payload, DSX);
    }
    assert_true(site->last[DSX].value == 21);
}

void open_connected(struct site *site)
{
    struct mqtt_config config = plain_config();

    open_site(site, &config);
    run_until(site, site->link == LINK_UP);
    expect_recovery(site);
}

/* ---- Sparkplug --------------------------------------------------------- */

static void put_varint(struct sparkplug_text *text, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        text->bytes[text->length++] = (uint8_t)(value | 128);
    text->bytes[text->length++] = (uint8_t)value;
}

static void put_field(struct sparkplug_text *text, int number, uint64_t value)
{
    put_varint(text, (uint64_t)number << 3);
    put_varint(text, value);
}

static void put_bytes(struct sparkplug_text *text, int number, const void *bytes, size_t length)
{
    put_varint(text, (uint64_t)number << 3 | 2);
    put_varint(text, length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void put_power(struct sparkplug_text *payload, bool birth, double value, uint64_t time_ms)
{
    struct sparkplug_text metric = {.length = 0};

    if (birth)
        put_bytes(&metric, 1, "Power", 5);
    put_field(&metric, 2, 7);
    put_field(&metric, 3, time_ms);
    put_field(&metric, 4, 10); /* Double */
    put_varint(&metric, 13 << 3 | 1);
    memcpy(metric.bytes + metric.length, &value, sizeof(value));
    metric.length += sizeof(value);
    put_bytes(payload, 2, metric.bytes, metric.length);
}

static void put_bd_seq(struct sparkplug_text *payload, int bd_seq)
{
    struct sparkplug_text metric = {.length = 0};

    put_bytes(&metric, 1, "bdSeq", 5);
    put_field(&metric, 4, 8); /* UInt64 */
    put_field(&metric, 11, (uint64_t)bd_seq);
    put_bytes(payload, 2, metric.bytes, metric.length);
}

struct sparkplug_text sparkplug_payload(int seq, int bd_seq, bool birth, double value,
                                        uint64_t time_ms)
{
    struct sparkplug_text payload = {.length = 0};

    put_field(&payload, 1, time_ms);
    if (bd_seq >= 0)
        put_bd_seq(&payload, bd_seq);
    if (!isnan(value))
        put_power(&payload, birth, value, time_ms);
    if (seq >= 0)
        put_field(&payload, 3, (uint64_t)seq);
    return payload;
}
