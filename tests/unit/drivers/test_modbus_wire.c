/* Devices on one wire, against a port that is played here: turns, silences, prologue and set-points
 * in virtual time, to the millisecond and without a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/modbus_pdu.h"
#include "drivers/modbus_wire.h"

enum {
    UNITS_MOST = 6,
    POINTS_MOST = 40,
    REGISTERS = 400,
    TICK_MS = 1000,
    REPLY_MS = 5,
    TIMEOUT_MS = 500,
};

static const int64_t MS_NS = 1000000;

/* One device behind the port. */
struct played {
    bool silent;
    uint8_t exception; /* to every request; 0: none */
    int write_exception;
    int write_busy; /* writes that are answered so before one is taken */
    int read_exception;
    int hold_back_ms; /* until a written register shows its value; negative: never */
    uint16_t registers[REGISTERS];
    uint16_t coming[REGISTERS];
    int64_t shown_ms[REGISTERS]; /* when `coming` is shown; 0: nothing is coming */
    int asked, writes;
    int64_t first_ms, last_ms, longest_pause_ms; /* of its requests */
    uint16_t last_written;
};

/* What the sink heard of one point. */
struct seen {
    int good, missing, written;
    int sent; /* of the outcomes: all but WRITE_FAILED */
    enum reason reason, outcome;
    double value;
};

struct bench {
    struct modbus_port port; /* first: what the wire holds */
    enum port_state state;
    struct wire wire;
    struct modbus_unit units[UNITS_MOST];
    struct modbus_unit *turns[UNITS_MOST];
    struct profile profile;
    struct poll_tables tables;
    struct driver_sink sink;
    struct played played[UNITS_MOST];
    struct seen seen[POINTS_MOST];
    int links[UNITS_MOST], downs[UNITS_MOST];
    enum reason down_reason[UNITS_MOST];
    int64_t now_ms, tick_ms, due_ms; /* due: of the answer to what is out */
    bool out;
    struct port_request request;
    uint16_t values[MODBUS_WRITE_MOST];
    int drops, order_length;
    uint8_t order[4096]; /* units in the order of their requests */
};

static struct moment moment_of(const struct bench *bench)
{
    return (struct moment){bench->now_ms * MS_NS, bench->now_ms};
}

/* The port */

static enum port_state port_state(const struct modbus_port *port)
{
    return ((const struct bench *)port)->state;
}

static void port_request(struct modbus_port *port, const struct port_request *request)
{
    struct bench *bench = (struct bench *)port;
    struct played *played = &bench->played[request->unit];
    assert_int_equal(bench->state, PORT_UP);
    assert_false(bench->out);
    bench->out = true;
    bench->request = *request;
    if (request->values != NULL)
        memcpy(bench->values, request->values, 2u * request->count);
    bench->due_ms = bench->now_ms + (played->silent ? request->timeout_ms : REPLY_MS);
    if (bench->order_length < (int)sizeof(bench->order))
        bench->order[bench->order_length++] = request->unit;
    if (played->asked++ == 0)
        played->first_ms = bench->now_ms;
    else if (bench->now_ms - played->last_ms > played->longest_pause_ms)
        played->longest_pause_ms = bench->now_ms - played->last_ms;
    played->last_ms = bench->now_ms;
}

static void port_drop(struct modbus_port *port)
{
    struct bench *bench = (struct bench *)port;
    assert_false(bench->out);
    assert_int_equal(bench->state, PORT_UP);
    bench->drops++;
    bench->state = PORT_WAITING;
}

static void port_proven(struct modbus_port *port)
{
    (void)port;
}

static const struct port_verbs VERBS = {
    .state = port_state, .request = port_request, .drop = port_drop, .proven = port_proven};

static void write_registers(struct bench *bench, struct played *played)
{
    played->writes++;
    played->last_written = bench->values[0];
    for (int i = 0; i < bench->request.count && played->hold_back_ms >= 0; i++) {
        played->coming[bench->request.address + i] = bench->values[i];
        played->shown_ms[bench->request.address + i] = bench->now_ms + played->hold_back_ms;
    }
}

static void answer(struct bench *bench)
{
    struct played *played = &bench->played[bench->request.unit];
    bool writes = bench->request.values != NULL;
    int exception = writes ? played->write_exception : played->read_exception;
    if (played->exception != 0)
        exception = played->exception;
    else if (writes && played->write_busy > 0 && played->write_busy-- > 0)
        exception = MODBUS_DEVICE_BUSY;
    else if (bench->request.address + bench->request.count > REGISTERS)
        exception = MODBUS_ILLEGAL_ADDRESS;
    bench->out = false;
    if (played->silent) {
        wire_done(&bench->wire, moment_of(bench), PORT_TIMEOUT, NULL, 0);
    } else if (exception != 0) {
        if (writes && exception == MODBUS_ACKNOWLEDGE)
            write_registers(bench, played);
        wire_done(&bench->wire, moment_of(bench), PORT_EXCEPTION, NULL, (uint8_t)exception);
    } else {
        if (writes)
            write_registers(bench, played);
        for (int i = 0; i < REGISTERS; i++)
            if (played->shown_ms[i] != 0 && played->shown_ms[i] <= bench->now_ms) {
                played->registers[i] = played->coming[i];
                played->shown_ms[i] = 0;
            }
        wire_done(&bench->wire, moment_of(bench), PORT_REPLY,
                  writes ? NULL : played->registers + bench->request.address, 0);
    }
}

/* The sink */

static void on_sample(void *context, const struct sample *sample)
{
    struct bench *bench = context;
    struct seen *seen = &bench->seen[sample->point];
    assert_int_equal(sample->receive_ms, bench->now_ms);
    seen->reason = sample->reason;
    seen->good += sample->quality == QUALITY_GOOD;
    seen->missing += sample->quality == QUALITY_MISSING;
    seen->value = sample->value;
}

static void on_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    struct bench *bench = context;
    bench->links[device] += link == LINK_UP;
    bench->downs[device] += link == LINK_DOWN;
    if (link == LINK_DOWN)
        bench->down_reason[device] = reason;
}

static void on_written(void *context, int32_t point, double value, enum reason reason)
{
    struct bench *bench = context;
    (void)value;
    bench->seen[point].written++;
    bench->seen[point].sent += reason != REASON_WRITE_FAILED;
    bench->seen[point].outcome = reason;
}

/* The bench */

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    bench->port.verbs = &VERBS;
    bench->state = PORT_CONNECTING;
    bench->now_ms = bench->tick_ms = 1000000;
    bench->wire.port = &bench->port;
    bench->wire.units = bench->turns;
    bench->sink = (struct driver_sink){on_sample, on_link, on_written, bench};
    bench->profile.max_registers = 125;
    bench->profile.reply_timeout_ms = TIMEOUT_MS;
}

static struct profile_row *bench_row(struct bench *bench, uint16_t address)
{
    struct profile_row *row = &bench->profile.rows[bench->profile.row_count++];
    *row = (struct profile_row){.point = (enum point_kind)bench->profile.row_count,
                                .address = address,
                                .factor = 1,
                                .low = -HUGE_VAL,
                                .high = HUGE_VAL};
    return row;
}

static struct profile_row *bench_setpoint(struct bench *bench, uint16_t address)
{
    struct profile_row *row = bench_row(bench, address);
    row->write = (struct profile_write){.allowed = true, .function = 6, .low = -1e6, .high = 1e6};
    return row;
}

/* So many devices of the profile, which is complete by now; the address of each is its index. */
static void bench_units(struct bench *bench, int count)
{
    for (int i = 0; i < count; i++) {
        struct modbus_unit *unit = &bench->units[i];
        struct error error;
        assert_int_equal(unit_init(unit, "unit", i, i * bench->profile.row_count, (uint8_t)i,
                                   &bench->profile, &bench->tables, &bench->sink, &error),
                         0);
        bench->turns[i] = unit;
        for (int r = 0; r < REGISTERS; r++)
            bench->played[i].registers[r] = (uint16_t)(1000 * i + r);
    }
    bench->wire.count = count;
}

static void bench_up(struct bench *bench)
{
    bench->state = PORT_UP;
    wire_up(&bench->wire, moment_of(bench));
}

static void tick(struct bench *bench)
{
    for (int i = 0; i < bench->wire.count; i++)
        unit_poll(bench->turns[i], moment_of(bench), wire_reachable(&bench->wire));
    wire_advance(&bench->wire, moment_of(bench));
    bench->tick_ms += TICK_MS;
}

static void bench_run(struct bench *bench, int64_t for_ms)
{
    int64_t end_ms = bench->now_ms + for_ms;
    for (;;) {
        int64_t next_ns = wire_next_ns(&bench->wire);
        int64_t next_ms = bench->tick_ms;
        if (bench->out && bench->due_ms < next_ms)
            next_ms = bench->due_ms;
        if (next_ns != INT64_MAX && (next_ns + MS_NS - 1) / MS_NS < next_ms)
            next_ms = (next_ns + MS_NS - 1) / MS_NS;
        if (next_ms >= end_ms) {
            bench->now_ms = end_ms;
            return;
        }
        if (next_ms > bench->now_ms)
            bench->now_ms = next_ms;
        if (bench->out && bench->due_ms <= bench->now_ms)
            answer(bench);
        else if (bench->tick_ms <= bench->now_ms)
            tick(bench);
        else
            wire_advance(&bench->wire, moment_of(bench));
    }
}

static void bench_write(struct bench *bench, int unit, int row, double value)
{
    struct error error = {""};
    if (unit_write(&bench->units[unit], moment_of(bench), row, value, wire_reachable(&bench->wire),
                   &error) < 0)
        fail_msg("%s", error.text);
    wire_advance(&bench->wire, moment_of(bench));
}

static void bench_finish(struct bench *bench)
{
    for (int i = 0; i < bench->wire.count; i++)
        unit_finish(&bench->units[i]);
    assert_null(bench->tables.first);
}

/* Turns and silences */

static void devices_take_turns(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_row(&bench, 0);
    bench_row(&bench, 200);
    bench_units(&bench, 3);
    bench_up(&bench);
    bench_run(&bench, TICK_MS / 2);
    static const uint8_t ORDER[] = {1, 2, 0, 1, 2, 0};
    assert_int_equal(bench.order_length, sizeof(ORDER));
    assert_memory_equal(bench.order, ORDER, sizeof(ORDER));
    for (int i = 0; i < 6; i++)
        assert_true(bench.seen[i].value == 1000 * (i / 2) + 200 * (i % 2));
    bench_finish(&bench);
}

/* It costs the others one time-out a pause, and the pauses grow. */
static void a_dead_device_costs_the_others_little(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_row(&bench, 0);
    bench_row(&bench, 200);
    bench_units(&bench, 4);
    bench.played[2].silent = true;
    bench_up(&bench);
    bench_run(&bench, 300 * TICK_MS);
    assert_int_equal(bench.drops, 0);
    assert_in_range(bench.played[2].asked, 12, 20); /* 8 until 30 s are reached, then one in 30 s */
    assert_in_range(bench.played[2].longest_pause_ms, 22500, 38500 + TICK_MS);
    assert_int_equal(bench.downs[2], 1);
    assert_int_equal(bench.down_reason[2], REASON_TIMEOUT);
    assert_int_equal(bench.seen[4].good, 0);
    assert_int_equal(bench.seen[4].reason, REASON_TIMEOUT);
    for (int i = 0; i < 8; i++)
        if (i / 2 != 2)
            assert_in_range(bench.seen[i].good, 299, 301);
    for (int i = 0; i < 4; i++)
        assert_int_equal(bench.downs[i], i == 2);

    bench.played[2].silent = false;
    bench_run(&bench, 40 * TICK_MS);
    assert_int_equal(bench.links[2], 1);
    assert_true(bench.seen[4].good > 0);
    bench_finish(&bench);
}

static void a_silent_only_device_gets_a_new_connection(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_row(&bench, 0);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, 3 * TICK_MS);
    bench.played[0].silent = true;
    bench_run(&bench, 2 * TICK_MS);
    assert_int_equal(bench.drops, 1);
    assert_int_equal(bench.down_reason[0], REASON_TIMEOUT);
    bench_finish(&bench);
}

/* A serial line is not opened again for it. */
static void a_line_is_kept(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench.wire.keeps = true;
    bench_row(&bench, 0);
    bench_units(&bench, 1);
    bench.played[0].silent = true;
    bench_up(&bench);
    bench_run(&bench, 100 * TICK_MS);
    assert_int_equal(bench.drops, 0);
    assert_in_range(bench.played[0].asked, 6, 12);
    bench_finish(&bench);
}

/* All had answered, and none does any more: that is the connection. */
static void a_connection_that_carries_nothing_is_given_up(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_row(&bench, 0);
    bench_units(&bench, 3);
    bench_up(&bench);
    bench_run(&bench, 3 * TICK_MS);
    for (int i = 0; i < 3; i++)
        bench.played[i].silent = true;
    bench_run(&bench, 4 * TICK_MS);
    assert_int_equal(bench.drops, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench.downs[i], 1);

    for (int i = 0; i < 3; i++)
        bench.played[i].silent = false;
    bench_up(&bench);
    bench_run(&bench, 10 * TICK_MS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench.links[i], 2);
    bench_finish(&bench);
}

static void a_gateway_that_cannot_reach_a_device_sets_it_aside(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_row(&bench, 0);
    bench_units(&bench, 2);
    bench.played[0].exception = 11;
    bench_up(&bench);
    bench_run(&bench, 100 * TICK_MS);
    assert_int_equal(bench.drops, 0);
    assert_in_range(bench.played[0].asked, 6, 12);
    assert_int_equal(bench.links[0], 0);
    assert_int_equal(bench.down_reason[0], REASON_DEVICE_EXCEPTION);
    assert_in_range(bench.seen[1].good, 99, 101);
    bench_finish(&bench);
}

static void pauses_are_kept(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench.profile.connect_delay_ms = 700;
    bench.profile.inter_request_ms = 30;
    bench_row(&bench, 0);
    bench_row(&bench, 200);
    bench_units(&bench, 1);
    bench_up(&bench);
    int64_t up_ms = bench.now_ms;
    bench_run(&bench, 3 * TICK_MS);
    assert_int_equal(bench.played[0].first_ms, up_ms + 700);
    assert_int_equal(bench.played[0].asked, 6);
    assert_int_equal(bench.played[0].last_ms, up_ms + 2 * TICK_MS + REPLY_MS + 30);
    bench_finish(&bench);
}

/* The prologue */

static void nothing_is_believed_of_another_device(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench.profile.identity_count = 1;
    bench.profile.identities[0] =
        (struct profile_identity){.address = 50, .count = 1, .number = 50};
    bench_row(&bench, 0);
    bench_row(&bench, 200);
    bench_units(&bench, 2); /* register 50 of the second says 1050 */
    bench_up(&bench);
    bench_run(&bench, 100 * TICK_MS);
    assert_in_range(bench.seen[0].good, 99, 101);
    for (int point = 2; point < 4; point++) {
        assert_int_equal(bench.seen[point].good, 0);
        assert_int_equal(bench.seen[point].reason, REASON_IDENTITY_MISMATCH);
    }
    assert_int_equal(bench.links[1], 0);
    assert_int_equal(bench.down_reason[1], REASON_IDENTITY_MISMATCH);
    assert_in_range(bench.played[1].asked, 6, 12); /* with growing pauses */

    bench.played[1].registers[50] = 50;
    bench_run(&bench, 40 * TICK_MS);
    assert_int_equal(bench.links[1], 1);
    assert_true(bench.seen[2].good > 0);
    bench_finish(&bench);
}

static void the_identity_is_asked_again_after_a_reconnect(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench.profile.identity_count = 1;
    bench.profile.identities[0] =
        (struct profile_identity){.address = 50, .count = 1, .number = 50};
    bench_row(&bench, 0);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, 3 * TICK_MS);
    int good = bench.seen[0].good;
    assert_true(good > 0);
    bench.state = PORT_WAITING;
    wire_down(&bench.wire, moment_of(&bench), REASON_DISCONNECTED);
    bench.played[0].registers[50] = 7;
    bench_up(&bench);
    bench_run(&bench, 3 * TICK_MS);
    assert_int_equal(bench.seen[0].good, good);
    bench_finish(&bench);
}

/* Set-points */

static void confirms_what_reads_back(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench_write(&bench, 0, 0, 4711);
    bench_run(&bench, TICK_MS / 2);
    assert_int_equal(bench.seen[0].written, 1);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    assert_true(bench.seen[0].value == 4711);
    bench_finish(&bench);
}

/* A register that shows the new value late is given its time, and no more. */
static void waits_for_a_register_to_settle(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10)->write.settle_ms = 2000;
    bench_row(&bench, 200);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].hold_back_ms = 1500;
    bench_write(&bench, 0, 0, 4711);
    bench_run(&bench, 1400);
    assert_int_equal(bench.seen[0].written, 0);
    assert_int_equal(bench.seen[1].good, 3); /* other registers are read meanwhile */
    bench_run(&bench, 400);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);

    bench.played[0].hold_back_ms = 5000;
    bench_write(&bench, 0, 0, 4712);
    bench_run(&bench, 1900);
    assert_int_equal(bench.seen[0].written, 1);
    bench_run(&bench, 300);
    assert_int_equal(bench.seen[0].written, 2);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_NOT_HELD);
    bench_finish(&bench);
}

/* The newest value counts; the one before was in the register all the same. */
static void a_newer_value_replaces_one_that_settles(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10)->write.settle_ms = 2000;
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].hold_back_ms = 600;
    bench_write(&bench, 0, 0, 1);
    bench_run(&bench, 300);
    bench_write(&bench, 0, 0, 2);
    assert_int_equal(bench.seen[0].written, 1);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_REPLACED);
    bench_run(&bench, 2 * TICK_MS);
    assert_int_equal(bench.seen[0].written, 2);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    assert_int_equal(bench.played[0].last_written, 2);
    bench_finish(&bench);
}

/* Every write that a register has had is told, so that its life is known. */
static void no_write_goes_uncounted(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10)->write.settle_ms = 2000;
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].hold_back_ms = 1500;
    for (int i = 0; i < 60; i++) {
        bench_write(&bench, 0, 0, i);
        bench_run(&bench, i % 4 * 333);
    }
    bench_run(&bench, 5 * TICK_MS);
    assert_true(bench.played[0].writes > 40);
    assert_int_equal(bench.seen[0].written, bench.played[0].writes);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    bench_finish(&bench);
}

/* A read-back that was out when the newer value came ends the older one's wait. */
static void a_newer_value_does_not_wait_for_the_older_to_settle(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10)->write.settle_ms = 60000;
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].hold_back_ms = 50000;
    bench_write(&bench, 0, 0, 1);
    bench_run(&bench, REPLY_MS + 2);
    assert_true(bench.out && bench.request.values == NULL);
    bench.played[0].hold_back_ms = 0;
    bench_write(&bench, 0, 0, 2);
    bench_run(&bench, 100);
    assert_int_equal(bench.seen[0].written, 2);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    bench_finish(&bench);
}

/* A SunSpec device at register 0: `model` begins at register 2. */
static void offer_model(struct bench *bench, uint16_t model, uint16_t length)
{
    uint16_t *registers = bench->played[0].registers;
    registers[0] = 0x5375;
    registers[1] = 0x6E53;
    registers[2] = model;
    registers[3] = length;
    registers[4 + length] = 0xFFFF;
    registers[5 + length] = 0;
}

enum { WSET = 2 + 24, WSET_SF = 2 + 55 };

/* The set-point is in a row that has no address before the models are known. */
static void bench_sunspec(struct bench *bench, uint16_t model)
{
    bench_init(bench);
    bench->profile.sunspec = true;
    struct profile_row *row = bench_setpoint(bench, 0);
    row->point = POINT_POWER_SET;
    row->sunspec_count = 1;
    row->sunspec[0] = (struct profile_sunspec){704, "WSet"};
    bench_row(bench, 200);
    bench_units(bench, 1);
    offer_model(bench, model, 65);
    bench->played[0].registers[WSET] = bench->played[0].registers[WSET + 1] = 0;
    bench->played[0].registers[WSET_SF] = 1;
}

/* Whenever it comes: before the wire is up, before the models are known, before they are known
 * anew, it goes where the device has it, in the device's scale, or nowhere. */
static void no_setpoint_leaves_before_its_register_is_known(void **unused)
{
    (void)unused;
    for (int when = 0; when < 40; when++) {
        struct bench bench;
        bench_sunspec(&bench, 704);
        bench.now_ms++;
        if (when == 0)
            bench_write(&bench, 0, 0, 5000);
        bench_up(&bench);
        bench_run(&bench, when);
        if (when > 0)
            bench_write(&bench, 0, 0, 5000);
        bench_run(&bench, TICK_MS);
        assert_int_equal(bench.played[0].writes, 1);
        assert_int_equal(bench.played[0].registers[0], 0x5375);
        assert_int_equal(bench.played[0].registers[WSET + 1], 500);
        assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
        assert_true(bench.seen[0].value == 5000);

        bench.state = PORT_WAITING; /* it comes back as another */
        wire_down(&bench.wire, moment_of(&bench), REASON_DISCONNECTED);
        offer_model(&bench, 803, 65);
        bench_up(&bench);
        bench_run(&bench, when);
        bench_write(&bench, 0, 0, 7000);
        bench_run(&bench, TICK_MS);
        assert_int_equal(bench.played[0].writes, 1);
        assert_int_equal(bench.seen[0].outcome, REASON_WRITE_FAILED);
        assert_int_equal(bench.seen[0].written, 2);
        bench_finish(&bench);
    }
}

static void no_setpoint_reaches_another_device(void **unused)
{
    (void)unused;
    for (int when = 0; when < 20; when++) {
        struct bench bench;
        bench_init(&bench);
        bench.profile.identity_count = 1;
        bench.profile.identities[0] =
            (struct profile_identity){.address = 50, .count = 1, .number = 7};
        bench_setpoint(&bench, 10);
        bench_units(&bench, 1);
        bench_up(&bench);
        bench_run(&bench, when);
        bench_write(&bench, 0, 0, 5);
        bench_run(&bench, 3 * TICK_MS);
        bench_write(&bench, 0, 0, 6);
        assert_int_equal(bench.played[0].writes, 0);
        assert_int_equal(bench.seen[0].written, 2);
        assert_int_equal(bench.seen[0].outcome, REASON_WRITE_FAILED);
        assert_int_equal(bench.seen[0].sent, 0);
        bench_finish(&bench);
    }
}

/* Accepted, and it takes long: only the register tells. */
static void an_acknowledged_write_is_read_back(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].write_exception = MODBUS_ACKNOWLEDGE;
    bench.played[0].hold_back_ms = 3000;
    bench_write(&bench, 0, 0, 5);
    bench_run(&bench, 2900);
    assert_int_equal(bench.seen[0].written, 0);
    bench_run(&bench, 300);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    bench.played[0].hold_back_ms = -1;
    bench_write(&bench, 0, 0, 6);
    bench_run(&bench, LIMIT_ACKNOWLEDGED_MS + 500);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_NOT_HELD);
    assert_int_equal(bench.seen[0].written, 2);
    bench_finish(&bench);
}

/* It is asked again for a while, and not for ever. */
static void a_busy_device_is_written_again(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10);
    bench_row(&bench, 200);
    bench_units(&bench, 1);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].write_busy = 3;
    bench_write(&bench, 0, 0, 5);
    bench_run(&bench, 2 * TICK_MS);
    assert_int_equal(bench.seen[0].written, 1);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    assert_int_equal(bench.played[0].writes, 1);
    bench.played[0].write_busy = 1000;
    bench_write(&bench, 0, 0, 6);
    bench_run(&bench, 10 * TICK_MS);
    assert_int_equal(bench.seen[0].written, 2);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_REFUSED);
    assert_int_equal(bench.played[0].write_busy, 1000 - LIMIT_BUSY_TRIES);
    bench.played[0].write_busy = 0;
    bench.played[0].read_exception = MODBUS_DEVICE_BUSY; /* written, and not to be read */
    bench_write(&bench, 0, 0, 7);
    bench_run(&bench, 10 * TICK_MS);
    assert_int_equal(bench.seen[0].written, 3);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_UNANSWERED);
    bench_finish(&bench);
}

/* Being busy says nothing about a block's registers: it stays whole and is due every round. */
static void a_busy_device_is_read_next_round(void **unused)
{
    (void)unused;
    for (uint8_t exception = 5; exception <= 6; exception++) {
        struct bench bench;
        bench_init(&bench);
        bench_row(&bench, 10);
        bench_row(&bench, 11);
        bench_row(&bench, 200)->every_ms = 3600000; /* is not put off by it */
        bench_units(&bench, 1);
        bench.played[0].exception = exception;
        bench_up(&bench);
        bench_run(&bench, 3 * TICK_MS);
        bench.played[0].exception = 0;
        bench_run(&bench, 2 * TICK_MS);
        assert_int_equal(bench.seen[2].good, 1);
        bench.played[0].exception = exception;
        int asked = bench.played[0].asked, good = bench.seen[1].good;
        bench_run(&bench, 10 * TICK_MS);
        assert_in_range(bench.played[0].asked - asked, 10, 11);
        assert_int_equal(bench.seen[1].reason, REASON_DEVICE_EXCEPTION);
        assert_int_equal(bench.downs[0], 0);
        bench.played[0].exception = 0;
        asked = bench.played[0].asked;
        bench_run(&bench, 10 * TICK_MS);
        assert_in_range(bench.played[0].asked - asked, 10, 11);
        assert_in_range(bench.seen[1].good - good, 10, 11);
        bench_finish(&bench);
    }
}

static void encodes_with_the_scale_that_the_device_has(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    struct profile_row *row = bench_setpoint(&bench, 10);
    row->scaled = true;
    row->scale_address = 14;
    bench_units(&bench, 1);
    bench.played[0].registers[14] = 2;
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench_write(&bench, 0, 0, 250000); /* fits the register by its scale only */
    bench_run(&bench, TICK_MS / 2);
    assert_int_equal(bench.played[0].last_written, 2500);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_CONFIRMED);
    assert_true(bench.seen[0].value == 250000);

    bench.played[0].registers[14] = 0; /* now it does not fit */
    bench_write(&bench, 0, 0, 250000);
    bench_run(&bench, TICK_MS / 2);
    assert_int_equal(bench.played[0].writes, 1);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_FAILED);
    bench_finish(&bench);
}

static void tells_how_a_write_failed(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10);
    bench_units(&bench, 2);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].write_exception = 3;
    bench_write(&bench, 0, 0, 5);
    bench_run(&bench, TICK_MS / 4);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_REFUSED);

    bench.played[0].write_exception = 0;
    bench.played[0].hold_back_ms = -1;
    bench_write(&bench, 0, 0, 5);
    bench_run(&bench, TICK_MS / 4);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_NOT_HELD);

    bench.played[0].silent = true;
    bench_write(&bench, 0, 0, 5);
    bench_run(&bench, TICK_MS);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_UNANSWERED);
    bench_write(&bench, 0, 0, 5); /* left alone now: told at once */
    assert_int_equal(bench.seen[0].written, 4);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_FAILED);
    bench_finish(&bench);
}

/* Of several that wait only one was sent. */
static void what_never_left_is_told_so(void **unused)
{
    (void)unused;
    struct bench bench;
    bench_init(&bench);
    bench_setpoint(&bench, 10);
    bench_setpoint(&bench, 12);
    struct profile_row *scaled = bench_setpoint(&bench, 14);
    scaled->scaled = true;
    scaled->scale_address = 15;
    bench_units(&bench, 2);
    bench_up(&bench);
    bench_run(&bench, TICK_MS);
    bench.played[0].silent = true;
    bench_write(&bench, 0, 0, 5);
    bench_write(&bench, 0, 1, 5);
    bench_write(&bench, 0, 2, 5);
    bench_run(&bench, TICK_MS);
    assert_int_equal(bench.seen[0].outcome, REASON_WRITE_UNANSWERED);
    assert_int_equal(bench.seen[1].outcome, REASON_WRITE_FAILED);
    assert_int_equal(bench.seen[2].outcome, REASON_WRITE_FAILED);

    bench.played[0].silent = false;
    bench_run(&bench, 30 * TICK_MS);
    bench.played[0].silent = true;
    bench_write(&bench, 0, 2, 5); /* its scale is asked for, and that is all */
    bench_run(&bench, TICK_MS);
    assert_int_equal(bench.seen[2].written, 2);
    assert_int_equal(bench.seen[2].outcome, REASON_WRITE_FAILED);
    bench_finish(&bench);
}

/* Whatever fails, a set-point has one outcome, every write that a register has had is among them,
 * and what reads GOOD is what the register holds. */
static void random_faults_leave_one_outcome_a_write(void **unused)
{
    (void)unused;
    srand(3);
    for (int run = 0; run < 200; run++) {
        static struct bench bench;
        int written = 0;
        bench_init(&bench);
        bench_setpoint(&bench, 10)->write.settle_ms = rand() % 2 * 700;
        bench_row(&bench, 11);
        bench_row(&bench, 200)->every_ms = 5000;
        bench.profile.inter_request_ms = rand() % 20;
        bench_units(&bench, 1 + rand() % UNITS_MOST);
        bench_up(&bench);
        for (int step = 0; step < 100; step++) {
            struct played *played = &bench.played[rand() % bench.wire.count];
            played->silent = rand() % 4 == 0;
            played->exception = (uint8_t)(rand() % 8 == 0 ? 1 + rand() % 11 : 0);
            played->write_exception = rand() % 8 == 0 ? 3 + rand() % 3 : 0;
            played->write_busy = rand() % 8 == 0 ? rand() % 20 : 0;
            if (bench.state == PORT_WAITING)
                bench_up(&bench);
            if (rand() % 3 == 0) {
                bench_write(&bench, rand() % bench.wire.count, 0, rand() % 1000);
                written++;
            }
            bench_run(&bench, rand() % 900);
        }
        for (int i = 0; i < bench.wire.count; i++) /* what is left is told by the end */
            bench.played[i].silent = true;
        bench_run(&bench, 60 * TICK_MS);
        int outcomes = 0;
        for (int i = 0; i < bench.wire.count; i++) {
            outcomes += bench.seen[3 * i].written;
            assert_true(bench.seen[3 * i].sent >= bench.played[i].writes);
            assert_int_equal(bench.units[i].queued, 0);
            if (bench.seen[3 * i + 1].good > 0 && !isnan(bench.seen[3 * i + 1].value))
                assert_true(bench.seen[3 * i + 1].value == 1000 * i + 11);
        }
        assert_true(outcomes <= written);
        bench_finish(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_take_turns),
        cmocka_unit_test(a_dead_device_costs_the_others_little),
        cmocka_unit_test(a_silent_only_device_gets_a_new_connection),
        cmocka_unit_test(a_line_is_kept),
        cmocka_unit_test(a_connection_that_carries_nothing_is_given_up),
        cmocka_unit_test(a_gateway_that_cannot_reach_a_device_sets_it_aside),
        cmocka_unit_test(pauses_are_kept),
        cmocka_unit_test(nothing_is_believed_of_another_device),
        cmocka_unit_test(the_identity_is_asked_again_after_a_reconnect),
        cmocka_unit_test(confirms_what_reads_back),
        cmocka_unit_test(waits_for_a_register_to_settle),
        cmocka_unit_test(a_newer_value_replaces_one_that_settles),
        cmocka_unit_test(no_write_goes_uncounted),
        cmocka_unit_test(a_newer_value_does_not_wait_for_the_older_to_settle),
        cmocka_unit_test(no_setpoint_leaves_before_its_register_is_known),
        cmocka_unit_test(no_setpoint_reaches_another_device),
        cmocka_unit_test(an_acknowledged_write_is_read_back),
        cmocka_unit_test(a_busy_device_is_written_again),
        cmocka_unit_test(a_busy_device_is_read_next_round),
        cmocka_unit_test(encodes_with_the_scale_that_the_device_has),
        cmocka_unit_test(tells_how_a_write_failed),
        cmocka_unit_test(what_never_left_is_told_so),
        cmocka_unit_test(random_faults_leave_one_outcome_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
