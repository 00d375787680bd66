/* Values taken in over MQTT from a mosquitto broker: what it costs the controller, beside a bare
 * libmosquitto client of the same messages that looks at nothing; and what is left when the control
 * thread stalls for two seconds.
 *
 *   bench_mqtt [SECONDS [VALUES_PER_S [TOPICS [VALUES_A_MESSAGE]]]]
 *
 * With one value a message the form is that of the DSX contract, else JSON by pointers. */
#include <math.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "drivers/mqtt.h"
#include "tools/bench/bench.h"
#include "tools/bench/bench_broker.h"

enum {
    STALL_MS = 2000,
    STALL_BEFORE_END_MS = 1500, /* the publisher ends while the control thread stands still */
    TURN_US = 1000,             /* rest between turns of the event loop */
};

static const double MEMORY_LIMIT_MIB = 16; /* more than before the first message */

struct figures {
    double offered, taken, shed; /* values */
    double seconds, cpu_us;
    double before_mib, peak_mib, after_mib;
    int stale; /* points whose last value is not the newest that was sent */
};

/* ---- our edge ---- */

struct edge {
    uv_loop_t loop;
    struct driver *driver;
    struct topology topology;
    struct device device;
    struct mqtt_point *points;
    double *last; /* by point */
    int64_t taken;
};

static void take_sample(void *context, const struct sample *sample)
{
    struct edge *edge = context;
    if (sample->quality != QUALITY_GOOD)
        return;
    edge->taken++;
    edge->last[sample->point] = sample->value;
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context, (void)device, (void)link, (void)reason;
}

static void fill_points(struct edge *edge, int count, int values)
{
    edge->device = (struct device){.point_count = count};
    edge->topology = (struct topology){.devices = &edge->device,
                                       .device_count = 1,
                                       .points = calloc((size_t)count, sizeof(struct point)),
                                       .point_count = count};
    edge->points = calloc((size_t)count, sizeof *edge->points);
    edge->last = calloc((size_t)count, sizeof *edge->last);
    for (int i = 0; i < count; i++) {
        struct mqtt_point *point = &edge->points[i];
        point->point = i;
        snprintf(point->topic, sizeof point->topic, "site/%d", i / values);
        mqtt_mapping_init(&point->mapping, values == 1 ? MQTT_DSX : MQTT_JSON);
        if (values == 1)
            continue;
        snprintf(point->mapping.value, sizeof point->mapping.value, "/v%d", i % values);
        snprintf(point->mapping.time, sizeof point->mapping.time, "/at");
    }
}

static void edge_open(struct edge *edge, uint16_t port, const struct load *load)
{
    const struct driver_sink sink = {.sample = take_sample, .link = take_link, .context = edge};
    struct mqtt_config config = {.host = "127.0.0.1", .port = port, .keepalive_s = 60};
    int count = load->topics * load->values;
    static struct clock clock;
    struct error error;
    *edge = (struct edge){0};
    fill_points(edge, count, load->values);
    clock_init_real(&clock);
    uv_loop_init(&edge->loop);
    if (mqtt_create(&edge->loop, &clock, &edge->topology, &config, edge->points, count, &sink,
                    &edge->driver, &error) < 0)
        die(error.text);
}

static void edge_close(struct edge *edge)
{
    driver_destroy(edge->driver);
    uv_run(&edge->loop, UV_RUN_DEFAULT);
    uv_loop_close(&edge->loop);
    free(edge->topology.points);
    free(edge->points);
    free(edge->last);
}

/* Of message n value i is n + i; the last message of a topic is known by the number of all. */
static int count_stale(const struct edge *edge, const struct load *load, int64_t messages)
{
    int stale = 0;
    for (int topic = 0; topic < load->topics; topic++) {
        int64_t last = (messages - 1 - topic) / load->topics * load->topics + topic;
        for (int i = 0; i < load->values; i++)
            stale += edge->last[topic * load->values + i] != (double)(last + i);
    }
    return stale;
}

static struct figures measure_edge(uint16_t port, const struct load *load, bool stalls)
{
    struct edge edge;
    struct figures figures = {0};
    struct mqtt_health health;
    int64_t messages;
    edge_open(&edge, port, load);
    peak_restart();
    figures.before_mib = resident_mib();
    figures.cpu_us = -cpu_us();
    const int64_t stall_ns = mono_ns() + (SETTLE_S + load->seconds) * INT64_C(1000000000) -
                             STALL_BEFORE_END_MS * INT64_C(1000000);
    struct publisher publisher = publisher_start(port, load);
    while (!publisher_done(&publisher)) {
        bool stall = stalls && mono_ns() >= stall_ns;
        stalls = stalls && !stall;
        uv_run(&edge.loop, UV_RUN_NOWAIT);
        usleep(stall ? STALL_MS * 1000 : TURN_US);
    }
    uv_run(&edge.loop, UV_RUN_NOWAIT);
    figures.cpu_us += cpu_us();
    figures.peak_mib = peak_mib();
    figures.after_mib = resident_mib();
    publisher_finish(&publisher, &messages, &figures.seconds);
    mqtt_health(edge.driver, &health);
    figures.offered = (double)messages * load->values;
    figures.taken = (double)edge.taken;
    figures.shed = (double)health.samples_dropped;
    figures.stale = count_stale(&edge, load, messages);
    edge_close(&edge);
    return figures;
}

static struct figures measure_steady(uint16_t port, const struct load *load)
{
    return measure_edge(port, load, false);
}

static struct figures measure_stalled(uint16_t port, const struct load *load)
{
    return measure_edge(port, load, true);
}

/* ---- the bare client ---- */

static void count_message(struct mosquitto *client, void *context,
                          const struct mosquitto_message *message)
{
    (void)client, (void)message;
    ++*(double *)context;
}

static struct figures measure_bare(uint16_t port, const struct load *load)
{
    struct figures figures = {.cpu_us = -cpu_us()};
    double taken = 0;
    int64_t messages;
    struct mosquitto *client = mosquitto_new(NULL, true, &taken);
    mosquitto_message_callback_set(client, count_message);
    if (mosquitto_connect(client, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
        die("connect");
    mosquitto_subscribe(client, NULL, "site/#", 1);
    struct publisher publisher = publisher_start(port, load);
    while (!publisher_done(&publisher))
        mosquitto_loop(client, 10, 1);
    figures.cpu_us += cpu_us();
    publisher_finish(&publisher, &messages, &figures.seconds);
    figures.offered = (double)messages * load->values;
    figures.taken = taken * load->values;
    mosquitto_destroy(client);
    return figures;
}

/* In a process of its own, so that no measurement finds the memory of the one before. */
static struct figures run_apart(struct figures (*measure)(uint16_t port, const struct load *load),
                                uint16_t port, const struct load *load)
{
    struct figures figures;
    int ends[2];
    if (pipe(ends) < 0)
        die("pipe");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        mosquitto_lib_init();
        figures = measure(port, load);
        _exit(write(ends[1], &figures, sizeof figures) != sizeof figures);
    }
    close(ends[1]);
    if (read(ends[0], &figures, sizeof figures) != sizeof figures)
        die("a measurement failed");
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return figures;
}

/* ---- report ---- */

static void print_figure(const char *figure, double value, const char *unit)
{
    char text[40];
    snprintf(text, sizeof text, "%.*f %s", value == floor(value) ? 0 : 2, value, unit);
    print_row(figure, text, NULL, NAN);
}

static void print_none(const char *figure, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.0f", value);
    print_row(figure, text, "limit 0", value);
}

static void print_memory(const char *figure, const struct figures *figures)
{
    char text[40], beside[40];
    double more_mib = figures->peak_mib - figures->before_mib;
    snprintf(text, sizeof text, "%.2f MiB", more_mib);
    snprintf(beside, sizeof beside, "limit %g MiB", MEMORY_LIMIT_MIB);
    print_row(figure, text, beside, more_mib / MEMORY_LIMIT_MIB);
    printf("%s: %.2f MiB before the first message, %.2f at the peak, %.2f afterwards\n", figure,
           figures->before_mib, figures->peak_mib, figures->after_mib);
}

static void report_steady(const struct figures *edge, const struct figures *bare,
                          const struct load *load)
{
    char text[40], beside[40];
    snprintf(text, sizeof text, "%.0f values/s", edge->taken / edge->seconds);
    snprintf(beside, sizeof beside, "target %d", load->values_per_s);
    /* The publisher ends with its last slice, a moment late. */
    print_row("taken in", text, beside,
              round(edge->taken / edge->seconds / load->values_per_s * 100) / 100);
    print_none("neither taken nor shed", edge->offered - edge->taken - edge->shed);
    print_none("shed", edge->shed);
    snprintf(text, sizeof text, "%.2f us a value", edge->cpu_us / edge->taken);
    snprintf(beside, sizeof beside, "%.2f us a value", bare->cpu_us / bare->taken);
    print_row("processor, beside bare client", text, beside,
              edge->cpu_us / edge->taken / (bare->cpu_us / bare->taken));
    print_figure("processor", edge->cpu_us / edge->seconds / 1e4, "% of a core");
    print_memory("more memory, at its peak", edge);
    printf("%.0f values offered in %.1f s over %d topics, %d a message; bare client: %.0f of %.0f "
           "taken\n",
           edge->offered, edge->seconds, load->topics, load->values, bare->taken, bare->offered);
}

static void report_overload(const struct figures *stall)
{
    print_figure("offered, with a stall of 2 s", stall->offered, "values");
    print_figure("taken, with a stall", stall->taken, "values");
    print_figure("shed and counted, with a stall", stall->shed, "values");
    print_none("neither taken nor shed, with a stall",
               fabs(stall->offered - stall->taken - stall->shed));
    print_none("points without their newest value", stall->stale);
    print_memory("more memory, at its peak, with a stall", stall);
}

int main(int argc, char **argv)
{
    struct load load = {.seconds = argc > 1 ? atoi(argv[1]) : 5,
                        .values_per_s = argc > 2 ? atoi(argv[2]) : 100000,
                        .topics = argc > 3 ? atoi(argv[3]) : 10000,
                        .values = argc > 4 ? atoi(argv[4]) : 1};
    uint16_t port;
    if (argc > 5 || load.seconds < 2 || load.values_per_s < 1 || load.topics < 1 ||
        load.values < 1 || load.values > VALUES_MOST || load.topics > LIMIT_POINTS / load.values) {
        fprintf(stderr, "usage: bench_mqtt [SECONDS [VALUES_PER_S [TOPICS [VALUES_A_MESSAGE]]]], "
                        "at least 2 seconds\n");
        return 2;
    }
    pid_t broker = broker_start(&port);
    struct figures edge = run_apart(measure_steady, port, &load);
    struct figures bare = run_apart(measure_bare, port, &load);
    struct figures stall = run_apart(measure_stalled, port, &load);
    broker_stop(broker);
    report_steady(&edge, &bare, &load);
    report_overload(&stall);
    return 0;
}
