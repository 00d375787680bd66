/* A mosquitto broker, mosquitto's own clients and the MQTT edge under test, for the tests of it. */
#ifndef TIDEWATT_TESTS_WIRE_MQTT_SITE_H
#define TIDEWATT_TESTS_WIRE_MQTT_SITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "drivers/mqtt.h"

/* The points of the site; all of device 0. */
enum {
    DSX,        /* TOPIC_DSX as it is */
    DSX_KELVIN, /* TOPIC_DSX again, other unit */
    DSX_KILO,   /* TOPIC_KILO, times 1000 */
    JSON_TIMED, /* TOPIC_JSON /power/total with its time at /at */
    JSON_PLAIN, /* TOPIC_JSON /power/l1 without time */
    PLAIN,      /* TOPIC_PLAIN, a number as text */
    SPARKPLUG,  /* metric "Power" of plant/edge/meter */
    SETPOINT,   /* TOPIC_SETPOINT, written to TOPIC_WRITE */
    POINTS,
};

#define TOPIC_DSX "BMS/v1/PUB/Value/CDU/LiquidTemperature/hall/cdu1"
#define TOPIC_KILO "BMS/v1/PUB/Value/System/Power/hall/fans"
#define TOPIC_JSON "site/meter/1"
#define TOPIC_PLAIN "site/plain"
#define TOPIC_SETPOINT "BMS/v1/PUB/Value/CDU/LiquidTemperatureSp/hall/cdu1"
#define TOPIC_WRITE "BMS/v1/TW1/Value/CDU/LiquidTemperatureSpRequest/hall/cdu1"
#define WILL "tidewatt/test/status"
#define T0 1743620423000 /* a source time, in text: */
#define T0_TEXT "1743620423000"

/* What no payload may ever make of a point: lies say it, and take_sample fails on it. */
enum { LIE = 666 };

enum { PATIENCE_MS = 30000 };

extern char folder[64]; /* of this test program's files */
extern pid_t broker;
/* Listeners: anonymous; with passwords (tester/right); TLS by the name localhost; TLS by another
 * name; TLS with an expired certificate; TLS that asks for our certificate. */
enum listener { OPEN, PASSWORD, TLS, TLS_ELSEWHERE, TLS_EXPIRED, TLS_MUTUAL, LISTENERS };
extern uint16_t ports[LISTENERS];

int site_set_up(void **state); /* group set-up and tear-down */
int site_tear_down(void **state);

uint16_t free_port(void);
/* Runs a program; its output to a file, or nowhere. It ends with us. */
pid_t run(const char *const *arguments, const char *output);
int finish(pid_t pid); /* its exit status */
void start_broker(void);
void kill_broker(void);
/* A file in the folder; the path is good until the eighth next call. */
const char *path_of(const char *name);
void write_file(const char *name, const void *bytes, size_t length);
void say(const char *topic, const char *payload, bool retain);
void say_bytes(const char *topic, const void *bytes, size_t length, bool retain);
/* Starts a listener to `count` messages, which has subscribed when this returns. */
pid_t listen_to(const char *topic, int count, const char *output);
/* The lines of a file are these; it is removed. */
void expect_lines(const char *path, const char *wanted);

struct site {
    uv_loop_t loop;
    struct clock clock;
    struct topology topology;
    struct device devices[2];
    struct point points[POINTS];
    struct driver *driver;
    struct sample last[POINTS];
    int count[POINTS], good[POINTS], overloads;
    enum link_state link;
    enum reason link_reason;
    int ups, downs;
    int32_t written_point;
    double written_value;
    enum reason written; /* outcome of the last write; NONE: none came */
    int raw;
    char raw_topic[LIMIT_TOPIC], raw_payload[LIMIT_PAYLOAD + 1];
    bool raw_retained;
};

/* An anonymous connection to the broker by address, without options. */
struct mqtt_config plain_config(void);
void open_site(struct site *site, const struct mqtt_config *config);
void open_connected(struct site *site); /* with plain_config, and subscribed */
void close_site(struct site *site);
void step(struct site *site); /* a turn of the event loop and a moment's rest */
struct mqtt_health health(const struct site *site);
/* Says it until it is heard: subscriptions follow the link by a moment. */
void say_until_heard(struct site *site, const char *topic, const char *payload, int point);
/* A good value of point DSX is taken. */
void expect_recovery(struct site *site);

#define run_until(site, condition)                                                                 \
    do {                                                                                           \
        for (int waited = 0; !(condition); waited += 2) {                                          \
            if (waited > PATIENCE_MS)                                                              \
                fail_msg("never came: %s (%s)", #condition, health(site).cause.text);              \
            step(site);                                                                            \
        }                                                                                          \
    } while (0)

/* A Sparkplug B payload written by hand: the metrics "Power" (double) and "bdSeq". */
struct sparkplug_text {
    uint8_t bytes[256];
    size_t length;
};
/* seq -1: without one (NDEATH). birth: "Power" with name and alias 7, else by alias alone; value
 * NAN: without "Power". bd_seq -1: without "bdSeq". */
struct sparkplug_text sparkplug_payload(int seq, int bd_seq, bool birth, double value,
                                        uint64_t time_ms);

#endif
