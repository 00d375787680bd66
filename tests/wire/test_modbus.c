/* The Modbus master on a real loop against peers that we did not write (pymodbus, mbpoll,
 * libmodbus, jsmodbus), and the lives of devices and connections. Faults are test_fault_matrix.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "drivers/modbus_master.h"
#include "tests/wire/peer.h"

enum {
    TICK_MS = 50,
    TICKS_MOST = 600, /* a hang ends the test */
    POINTS_MOST = 64,
    UNIT_ID = 7,
};

/* What came out of the driver about one point. */
struct seen {
    int good, rest; /* samples */
    int by_reason[400];
    double value;
    enum reason written;
    double written_value;
    int writes;
};

struct bench {
    uv_loop_t loop;
    uv_timer_t tick;
    struct clock clock;
    struct topology *topology;
    struct driver *driver;
    struct profile profiles[5];
    struct modbus_device devices[5];
    struct modbus_wire wires[5];
    int count, wire_count;
    struct seen seen[POINTS_MOST];
    int ups[5], downs[5];
    int ticks;
    bool (*done)(const struct bench *bench);
    bool (*plausible)(const struct bench *bench, int32_t point, double value);
    const char *mode;
    enum modbus_framing framing;
};

static void on_sample(void *context, const struct sample *sample)
{
    struct bench *bench = context;
    struct seen *seen = &bench->seen[sample->point];
    seen->by_reason[sample->reason]++;
    if (sample->quality != QUALITY_GOOD) {
        assert_true(isnan(sample->value));
        seen->rest++;
        return;
    }
    assert_int_equal(sample->reason, REASON_FRESH);
    assert_true(sample->source_ms > 0 && sample->source_ms == sample->receive_ms);
    if (bench->plausible != NULL && !bench->plausible(bench, sample->point, sample->value))
        fail_msg("%s: wrong value %g accepted", bench->mode, sample->value);
    seen->good++;
    seen->value = sample->value;
}

static void on_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    struct bench *bench = context;
    (void)reason;
    assert_int_not_equal(link, LINK_CONNECTING);
    if (link == LINK_UP)
        bench->ups[device]++;
    else
        bench->downs[device]++;
}

static void on_written(void *context, int32_t point, double value, enum reason reason)
{
    struct seen *seen = &((struct bench *)context)->seen[point];
    seen->writes++;
    seen->written = reason;
    seen->written_value = value;
}

static void on_tick(uv_timer_t *timer)
{
    struct bench *bench = timer->data;
    bench->ticks++;
    if (bench->done(bench) || bench->ticks >= TICKS_MOST)
        uv_stop(&bench->loop);
    else
        driver_poll(bench->driver, clock_now_ms(&bench->clock));
}

static void bench_init(struct bench *bench, const char *mode)
{
    memset(bench, 0, sizeof(*bench));
    bench->mode = mode;
    clock_init_real(&bench->clock);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    uv_timer_init(&bench->loop, &bench->tick);
    bench->tick.data = bench;
    bench->topology = topology_create();
    assert_non_null(bench->topology);
}

/* A device on the wire added last, with an empty profile to be filled with bench_row. */
static struct profile *bench_unit(struct bench *bench, uint8_t unit)
{
    char name[LIMIT_NAME];
    struct profile *profile = &bench->profiles[bench->count];
    struct modbus_device *device = &bench->devices[bench->count];
    snprintf(name, sizeof(name), "device-%d", bench->count++);
    profile->max_registers = 125;
    profile->fill_holes = 8;
    profile->reply_timeout_ms = 250;
    device->device = topology_add_device(bench->topology, name, ROLE_NONE, -1, 1000, NULL);
    device->profile = profile;
    device->wire = bench->wire_count - 1;
    device->unit = unit;
    return profile;
}

static struct modbus_stream_config *bench_wire(struct bench *bench, const char *host, uint16_t port)
{
    struct modbus_stream_config *stream = &bench->wires[bench->wire_count++].stream;
    stream->port = port;
    stream->framing = bench->framing;
    snprintf(stream->host, sizeof(stream->host), "%s", host);
    return stream;
}

/* A device on a wire of its own. */
static struct profile *bench_device(struct bench *bench, const char *host, uint16_t port)
{
    bench_wire(bench, host, port);
    return bench_unit(bench, UNIT_ID);
}

/* A row of the device added last; returns its point. */
static int bench_row(struct bench *bench, enum point_kind kind, uint16_t address,
                     enum register_type type)
{
    struct profile *profile = &bench->profiles[bench->count - 1];
    profile->rows[profile->row_count++] = (struct profile_row){
        .point = kind,
        .address = address,
        .type = type,
        .factor = 1,
        .low = -HUGE_VAL,
        .high = HUGE_VAL,
    };
    const struct point point = {.device = bench->count - 1, .kind = kind};
    return topology_add_point(bench->topology, &point, NULL);
}

static struct profile_row *last_row(struct bench *bench)
{
    struct profile *profile = &bench->profiles[bench->count - 1];
    return &profile->rows[profile->row_count - 1];
}

static int bench_setpoint(struct bench *bench, enum point_kind kind, uint16_t address,
                          enum register_type type, int function)
{
    int point = bench_row(bench, kind, address, type);
    struct profile_row *row = last_row(bench);
    row->write.allowed = true;
    row->write.low = -100000;
    row->write.high = 100000;
    row->write.function = function;
    return point;
}

static int bench_try(struct bench *bench, struct error *error)
{
    const struct driver_sink sink = {on_sample, on_link, on_written, bench};
    return modbus_master_create(&bench->loop, &bench->clock, bench->topology, bench->wires,
                                bench->wire_count, bench->devices, bench->count, &sink,
                                &bench->driver, error);
}

static void bench_create(struct bench *bench)
{
    struct error error = {""};
    if (bench_try(bench, &error) < 0)
        fail_msg("%s", error.text);
}

static void bench_run(struct bench *bench, bool (*done)(const struct bench *bench))
{
    bench->done = done;
    bench->ticks = 0;
    uv_timer_start(&bench->tick, on_tick, 0, TICK_MS);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&bench->tick);
    if (bench->ticks >= TICKS_MOST)
        fail_msg("%s: not done after %d ticks", bench->mode, bench->ticks);
}

static void bench_finish(struct bench *bench)
{
    driver_destroy(bench->driver);
    uv_close((uv_handle_t *)&bench->tick, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    topology_destroy(bench->topology);
}

static struct device_health health_of(const struct bench *bench, int device)
{
    struct device_health health;
    assert_true(driver_health(bench->driver, device, &health));
    return health;
}

static bool all_good(const struct bench *bench)
{
    for (int i = 0; i < bench->topology->point_count; i++)
        if (bench->seen[i].good < 3)
            return false;
    return true;
}

/* Against pymodbus */

static const double VALUES[] = {
    54321,  -12345,     3000000000.0, -2000000000.0, 4503599627370499.0, -4503599627370501.0,
    1234.5, -98765.4321};

static void reads_every_type_and_order(void **state)
{
    (void)state;
    static const enum point_kind KINDS[] = {POINT_POWER, POINT_VOLTAGE, POINT_CURRENT,
                                            POINT_LOAD,  POINT_SOC,     POINT_FLOW,
                                            POINT_STATE, POINT_ALARMS};
    struct peer peer = peer_start("pymodbus_server.py", NULL, NULL);
    struct bench bench;
    bench_init(&bench, "types");
    for (int order = 0; order < 4; order++) {
        bench_device(&bench, "127.0.0.1", peer.port);
        for (int type = 0; type < 8; type++) {
            bench_row(&bench, KINDS[type], (uint16_t)(100 + 40 * order + 4 * type),
                      (enum register_type)type);
            last_row(&bench)->order = (enum word_order)order;
            last_row(&bench)->table = order % 2 ? TABLE_INPUT : TABLE_HOLDING;
        }
    }
    bench_create(&bench);
    bench_run(&bench, all_good);
    for (int i = 0; i < 32; i++) {
        assert_true(bench.seen[i].value == VALUES[i % 8]);
        assert_int_equal(bench.seen[i].rest, 0);
    }
    struct device_health health = health_of(&bench, 2);
    assert_int_equal(health.link, LINK_UP);
    assert_int_equal(health.replies, bench.seen[16].good); /* eight rows in one read */
    assert_true(health.round_trip_ms > 0);
    assert_int_equal(bench.ups[2], 1);
    assert_int_equal(bench.downs[2], 0);
    bench_finish(&bench);
    peer_stop(&peer);
}

/* What mbpoll reads from holding registers `address`.. as `type` ("4:int", "4"). */
static long mbpoll_reads(uint16_t port, int address, const char *type)
{
    char command[256], line[256];
    long value = -1;
    bool found = false;
    snprintf(command, sizeof(command),
             "mbpoll -m tcp -p %u -a %d -0 -r %d -t %s -B -c 1 -1 127.0.0.1", port, UNIT_ID,
             address, type);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    while (fgets(line, sizeof(line), output) != NULL)
        if (line[0] == '[') {
            value = strtol(strchr(line, ':') + 1, NULL, 10);
            found = true;
        }
    assert_int_equal(pclose(output), 0);
    assert_true(found);
    return value;
}

static bool three_written(const struct bench *bench)
{
    return bench->seen[0].writes == 1 && bench->seen[1].writes == 1 && bench->seen[2].writes == 1;
}

static bool both_written(const struct bench *bench)
{
    return bench->seen[2].writes == 1 && bench->seen[3].writes == 1;
}

static bool one_tick(const struct bench *bench)
{
    return bench->ticks > 1;
}

static void writes_and_reads_back(void **state)
{
    (void)state;
    struct peer peer = peer_start("pymodbus_server.py", NULL, NULL);
    struct bench bench;
    bench_init(&bench, "writes");
    bench_device(&bench, "localhost", peer.port);
    bench_setpoint(&bench, POINT_POWER_SET, 20, TYPE_I32, 16);
    bench_setpoint(&bench, POINT_POWER_SET_REVERT, 22, TYPE_U16, 6);
    /* Keeps its value, though it confirms the write: only the read-back tells. */
    bench_setpoint(&bench, POINT_TEMP_SUPPLY_SET, 24, TYPE_U16, 16);
    bench_create(&bench);
    struct error error = {""};
    assert_int_equal(driver_write(bench.driver, 0, 111, &error), 0);
    assert_int_equal(driver_write(bench.driver, 1, 600, &error), 0);
    assert_int_equal(driver_write(bench.driver, 0, -5000, &error), 0); /* the newest wins */
    assert_int_equal(driver_write(bench.driver, 2, 18, &error), 0);
    assert_int_equal(driver_write(bench.driver, 0, 1e6, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "device-0"));
    assert_int_equal(driver_write(bench.driver, 3, 1, &error), ERROR_INVALID);
    bench_run(&bench, three_written);

    assert_int_equal(bench.seen[0].written, REASON_WRITE_CONFIRMED);
    assert_true(bench.seen[0].written_value == -5000);
    assert_int_equal(bench.seen[1].written, REASON_WRITE_CONFIRMED);
    assert_int_equal(bench.seen[2].written, REASON_WRITE_NOT_HELD);
    assert_int_equal(health_of(&bench, 0).writes, 3);
    assert_int_equal(mbpoll_reads(peer.port, 20, "4:int"), -5000);
    assert_int_equal(mbpoll_reads(peer.port, 22, "4"), 600);
    assert_int_equal(mbpoll_reads(peer.port, 24, "4"), 5);
    bench_run(&bench, all_good);
    assert_true(bench.seen[0].value == -5000); /* set-points are read with the rest */
    bench_finish(&bench);
    peer_stop(&peer);
}

/* Against libmodbus and jsmodbus: register a holds 3 a + 1 until it is written */

static void check_peer(const char *name, uint16_t port)
{
    struct bench bench;
    bench_init(&bench, name);
    bench_device(&bench, "127.0.0.1", port);
    bench_row(&bench, POINT_POWER, 10, TYPE_U16);
    bench_row(&bench, POINT_VOLTAGE, 600, TYPE_U32);
    last_row(&bench)->table = TABLE_INPUT;
    bench_setpoint(&bench, POINT_POWER_SET, 300, TYPE_U16, 6);
    bench_setpoint(&bench, POINT_POWER_SET_REVERT, 302, TYPE_I32, 16);
    bench_create(&bench);
    bench_run(&bench, all_good);
    assert_true(bench.seen[0].value == 31);
    assert_true(bench.seen[1].value == 1801 * 65536.0 + 1804);
    assert_true(bench.seen[2].value == 901);
    assert_int_equal(driver_write(bench.driver, 2, 4711, NULL), 0);
    assert_int_equal(driver_write(bench.driver, 3, -70000, NULL), 0);
    bench_run(&bench, both_written);
    assert_int_equal(bench.seen[2].written, REASON_WRITE_CONFIRMED);
    assert_int_equal(bench.seen[3].written, REASON_WRITE_CONFIRMED);
    assert_true(bench.seen[2].value == 4711 && bench.seen[3].value == -70000);
    assert_int_equal(health_of(&bench, 0).mismatches, 0);
    assert_int_equal(health_of(&bench, 0).timeouts, 0);
    bench_finish(&bench);
}

/* libmodbus as the server of one connection. */
static void *serve_with_libmodbus(void *listener)
{
    enum { REGISTERS = 1000 };
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_t *modbus = modbus_new_tcp("127.0.0.1", 1502);
    modbus_mapping_t *mapping = modbus_mapping_new(0, 0, REGISTERS, REGISTERS);
    for (int i = 0; i < REGISTERS; i++)
        mapping->tab_registers[i] = mapping->tab_input_registers[i] = (uint16_t)(3 * i + 1);
    int connection = accept(*(int *)listener, NULL, NULL);
    modbus_set_socket(modbus, connection);
    for (int length = 0; length >= 0; length = modbus_receive(modbus, request))
        if (length > 0)
            modbus_reply(modbus, request, length, mapping);
    close(connection);
    modbus_mapping_free(mapping);
    modbus_free(modbus);
    return NULL;
}

static void reads_and_writes_with_libmodbus(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve_with_libmodbus, &listener), 0);
    check_peer("libmodbus", ntohs(address.sin_port));
    pthread_join(thread, NULL);
    close(listener);
}

static void reads_and_writes_with_jsmodbus(void **state)
{
    (void)state;
    char script[4096];
    const char *folder = getenv("WIRE_NODE");
    if (folder == NULL || system("command -v node >/dev/null") != 0) {
        puts("jsmodbus is skipped: run `tools/setup node FOLDER` and set WIRE_NODE to FOLDER");
        skip();
    }
    snprintf(script, sizeof(script), "%s/jsmodbus_server.js", folder);
    struct peer peer = peer_run("node", script);
    check_peer("jsmodbus", peer.port);
    peer_stop(&peer);
}

static bool illegal_seen(const struct bench *bench)
{
    return bench->seen[0].good >= 3 && bench->seen[1].rest >= 1 && bench->seen[2].good >= 10;
}

static void splits_around_illegal_addresses(void **state)
{
    (void)state;
    struct peer peer = peer_start("pymodbus_server.py", NULL, NULL);
    struct bench bench;
    bench_init(&bench, "illegal");
    bench_device(&bench, "127.0.0.1", peer.port);
    bench_row(&bench, POINT_POWER, 300, TYPE_U16);
    bench_row(&bench, POINT_VOLTAGE, 305, TYPE_U16); /* not there */
    bench_row(&bench, POINT_CURRENT, 310, TYPE_U16);
    bench_create(&bench);
    bench_run(&bench, illegal_seen);
    assert_true(bench.seen[0].value == 300);
    assert_true(bench.seen[2].value == 310);
    assert_int_equal(bench.seen[0].rest, 0);
    assert_int_equal(bench.seen[2].rest, 0);
    assert_int_equal(bench.seen[1].good, 0);
    assert_int_equal(bench.seen[1].rest, bench.seen[1].by_reason[REASON_DEVICE_EXCEPTION]);
    struct device_health health = health_of(&bench, 0);
    assert_int_equal(health.exceptions, 3); /* split twice, remembered; then asked rarely */
    bench_finish(&bench);
    peer_stop(&peer);
}

/* RTU frames over TCP: a gateway that passes bytes through, late ones also to the next connection
 */

static const uint16_t ADDRESSES[] = {10, 14, 200, 204};

static bool storm_plausible(const struct bench *bench, int32_t point, double value)
{
    (void)bench;
    return value == 3 * ADDRESSES[point] + 1;
}

static bool read_for_long(const struct bench *bench)
{
    return bench->ticks > 150;
}

/* Replies late by any time or lost, without end. */
static void rtu_storms_bring_no_wrong_value(void **state)
{
    (void)state;
    static const char *const MODES[] = {"storm-1", "storm-2", "storm-3", "storm-4"};
    for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++) {
        struct peer peer = peer_start("rtu_fault_server.py", MODES[i], "--tcp");
        struct bench bench;
        bench_init(&bench, MODES[i]);
        bench.framing = FRAMING_RTU;
        bench.plausible = storm_plausible;
        bench_device(&bench, "127.0.0.1", peer.port)->reply_timeout_ms = 60;
        for (int row = 0; row < 4; row++)
            bench_row(&bench, (enum point_kind)row, ADDRESSES[row], TYPE_U16);
        bench_create(&bench);
        bench_run(&bench, read_for_long);
        assert_true(bench.seen[0].good > 5 && bench.seen[0].rest > 0);
        bench_finish(&bench);
        peer_stop(&peer);
    }
}

/* Several units behind one address */

static bool units_read(const struct bench *bench)
{
    return bench->seen[0].good >= 100 && bench->seen[2].good >= 100;
}

static void check_shared(const char *server, const char *argument, enum modbus_framing framing)
{
    struct peer peer = peer_start(server, "healthy", argument);
    struct bench bench;
    bench_init(&bench, "shared");
    bench.framing = framing;
    bench_wire(&bench, "127.0.0.1", peer.port);
    for (int i = 0; i < 3; i++) { /* the one in the middle is dead */
        bench_unit(&bench, (uint8_t)(i == 1 ? 150 : UNIT_ID + i));
        bench_row(&bench, POINT_POWER, (uint16_t)(10 + i), TYPE_U16);
    }
    bench_create(&bench);
    bench_run(&bench, units_read);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(bench.seen[i].good > 0, i != 1);
        assert_int_equal(bench.downs[i], i == 1);
        assert_int_equal(health_of(&bench, i).reconnects, 0);
    }
    assert_int_equal(bench.seen[0].rest, 0);
    assert_int_equal(bench.seen[2].rest, 0);
    assert_true(bench.seen[0].value == 31 && bench.seen[2].value == 37);
    assert_in_range(health_of(&bench, 1).timeouts, 2, 7);
    assert_int_equal(health_of(&bench, 1).reason, REASON_TIMEOUT);
    bench_finish(&bench);
    peer_stop(&peer);
}

static void a_dead_unit_stops_no_other(void **state)
{
    (void)state;
    check_shared("scheme_server.py", NULL, FRAMING_TCP);
    check_shared("rtu_fault_server.py", "--tcp", FRAMING_RTU);
}

/* The life of a device */

static bool second_refused(const struct bench *bench)
{
    return bench->seen[0].good >= 3 && bench->seen[1].by_reason[REASON_IDENTITY_MISMATCH] >= 3;
}

static void believes_nothing_of_another_device(void **state)
{
    (void)state;
    struct peer peer = peer_start("scheme_server.py", "healthy", NULL);
    struct bench bench;
    bench_init(&bench, "identity");
    for (int i = 0; i < 2; i++) {
        struct profile *profile = bench_device(&bench, "127.0.0.1", peer.port);
        profile->identity_count = 1;
        profile->identities[0] =
            (struct profile_identity){.address = 100, .count = 1, .number = i == 0 ? 301 : 302};
        bench_row(&bench, POINT_POWER, 20, TYPE_U16);
    }
    bench_create(&bench);
    bench_run(&bench, second_refused);
    assert_int_equal(bench.seen[1].good, 0);
    assert_int_equal(bench.ups[1], 0);
    assert_int_equal(health_of(&bench, 1).link, LINK_DOWN);
    assert_int_equal(health_of(&bench, 1).reason, REASON_IDENTITY_MISMATCH);
    assert_int_equal(bench.ups[0], 1);
    bench_finish(&bench);
    peer_stop(&peer);
}

static bool first_written(const struct bench *bench)
{
    return bench->seen[0].writes == 1;
}

/* Register 43691 of the bus holds 2, the exponent. */
static void writes_with_the_scale_of_the_device(void **state)
{
    (void)state;
    struct peer peer = peer_start("rtu_fault_server.py", "healthy", "--tcp");
    struct bench bench;
    bench_init(&bench, "scale");
    bench.framing = FRAMING_RTU;
    bench_device(&bench, "127.0.0.1", peer.port);
    bench_setpoint(&bench, POINT_POWER_SET, 43690, TYPE_U16, 16);
    last_row(&bench)->scaled = true;
    last_row(&bench)->scale_address = 43691;
    bench_create(&bench);
    assert_int_equal(driver_write(bench.driver, 0, 2500, NULL), 0);
    bench_run(&bench, first_written);
    assert_int_equal(bench.seen[0].written, REASON_WRITE_CONFIRMED);
    assert_true(bench.seen[0].value == 2500);
    bench_finish(&bench);
    peer_stop(&peer);
}

/* The life of a connection */

static bool missed_thrice(const struct bench *bench)
{
    return bench->seen[0].rest >= 3;
}

static bool answered_twice(const struct bench *bench)
{
    return bench->seen[0].good >= 2;
}

static void reaches_devices_over_ipv6(void **state)
{
    (void)state;
    struct peer peer = peer_start("scheme_server.py", "healthy", "::1");
    struct bench bench;
    bench_init(&bench, "ipv6");
    bench_device(&bench, "::1", peer.port);
    bench_row(&bench, POINT_POWER, 20, TYPE_U16);
    bench_create(&bench);
    bench_run(&bench, answered_twice);
    bench_finish(&bench);
    peer_stop(&peer);
}

/* A port where nobody listens yet; a set-point is refused at once, not kept for later. */
static void waits_for_a_device_to_appear(void **state)
{
    (void)state;
    struct bench bench;
    struct peer peer = peer_start("scheme_server.py", "healthy", NULL);
    char port[8];
    snprintf(port, sizeof(port), "%u", peer.port);
    peer_stop(&peer);

    bench_init(&bench, "appearing");
    bench_device(&bench, "127.0.0.1", peer.port);
    bench_setpoint(&bench, POINT_POWER_SET, 20, TYPE_U16, 6);
    bench_create(&bench);
    bench_run(&bench, missed_thrice);
    assert_int_equal(bench.seen[0].rest, bench.seen[0].by_reason[REASON_DISCONNECTED]);
    assert_int_equal(bench.downs[0], 1);
    while (health_of(&bench, 0).link != LINK_DOWN)
        uv_run(&bench.loop, UV_RUN_ONCE);
    assert_int_equal(driver_write(bench.driver, 0, 5, NULL), 0);
    assert_int_equal(bench.seen[0].written, REASON_WRITE_FAILED);

    peer = peer_start("scheme_server.py", "healthy", port);
    bench_run(&bench, answered_twice);
    assert_int_equal(bench.ups[0], 1);
    assert_int_equal(bench.seen[0].writes, 1);
    bench_finish(&bench);
    peer_stop(&peer);
}

static void survives_an_unknown_name(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench, "unknown name");
    bench_device(&bench, "no-such-host.invalid", 502);
    bench_row(&bench, POINT_POWER, 20, TYPE_U16);
    bench_create(&bench);
    bench_run(&bench, missed_thrice);
    assert_int_equal(bench.seen[0].good, 0);
    bench_finish(&bench);
}

static void refuses_a_device_without_host(void **state)
{
    (void)state;
    struct bench bench;
    struct error error;
    bench_init(&bench, "no host");
    bench_device(&bench, "127.0.0.1", 502);
    bench_device(&bench, "", 502);
    assert_int_equal(bench_try(&bench, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, "wire 1"));
    uv_close((uv_handle_t *)&bench.tick, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench.loop), 0);
    topology_destroy(bench.topology);
}

/* With requests and writes in flight everywhere, nothing leaks and nobody is called any more. */
static void destroys_in_mid_flight(void **state)
{
    (void)state;
    struct peer peer = peer_start("scheme_server.py", "silence", NULL);
    struct bench bench;
    bench_init(&bench, "destroy");
    for (int i = 0; i < 3; i++) {
        bench_device(&bench, i == 2 ? "localhost" : "127.0.0.1", peer.port);
        bench_setpoint(&bench, POINT_POWER_SET, 20, TYPE_U16, 6);
    }
    bench_create(&bench);
    bench_run(&bench, one_tick);
    driver_poll(bench.driver, clock_now_ms(&bench.clock));
    driver_write(bench.driver, 1, 5, NULL);
    bench_finish(&bench);
    assert_int_equal(bench.seen[1].writes, 0);
    peer_stop(&peer);
}

/* The pause between two requests: never more than one request in it. */
static void rests_between_requests(void **state)
{
    (void)state;
    struct peer peer = peer_start("scheme_server.py", "healthy", NULL);
    struct bench bench;
    bench_init(&bench, "rest");
    bench_device(&bench, "127.0.0.1", peer.port)->inter_request_ms = 40;
    bench_row(&bench, POINT_POWER, 20, TYPE_U16);
    bench_row(&bench, POINT_VOLTAGE, 200, TYPE_U16);
    bench_create(&bench);
    uint64_t before_ns = uv_hrtime();
    bench_run(&bench, all_good);
    uint64_t took_ms = (uv_hrtime() - before_ns) / 1000000;
    assert_true(took_ms >= (health_of(&bench, 0).requests - 1) * 39);
    assert_true(health_of(&bench, 0).overruns > 0); /* a round takes 80 ms, a tick 50 ms */
    bench_finish(&bench);
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_type_and_order),
        cmocka_unit_test(writes_and_reads_back),
        cmocka_unit_test(reads_and_writes_with_libmodbus),
        cmocka_unit_test(reads_and_writes_with_jsmodbus),
        cmocka_unit_test(splits_around_illegal_addresses),
        cmocka_unit_test(rtu_storms_bring_no_wrong_value),
        cmocka_unit_test(a_dead_unit_stops_no_other),
        cmocka_unit_test(believes_nothing_of_another_device),
        cmocka_unit_test(writes_with_the_scale_of_the_device),
        cmocka_unit_test(reaches_devices_over_ipv6),
        cmocka_unit_test(waits_for_a_device_to_appear),
        cmocka_unit_test(survives_an_unknown_name),
        cmocka_unit_test(refuses_a_device_without_host),
        cmocka_unit_test(destroys_in_mid_flight),
        cmocka_unit_test(rests_between_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
