/* The fault matrix of Modbus: every fault on every transport, while a read, a write or its
 * read-back is out. All cells of a moment run at once, in one master on one event loop, each
 * against its own line of the liar; that no line disturbs another is part of the proof.
 *
 * Of a cell must hold: the fault was met; only right values were accepted as good; what was told
 * instead is in the table; the device came back by itself; and the honest unit on the same wire
 * was never out for long. `--list` prints the cells; FAULTS_FILE gets a line for each result, from
 * which faults.py makes FAULTS.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "drivers/modbus_master.h"
#include "tests/wire/liar.h"

/* ---- the table ------------------------------------------------------------------------------- */

enum transport { OVER_TCP, OVER_GATEWAY, OVER_RTU_TCP, OVER_SERIAL, TRANSPORTS };

static const char *const TRANSPORT_NAMES[] = {"Modbus TCP", "TCP gateway, 2 units", "RTU over TCP",
                                              "RTU serial"};
static const char *const MOMENT_NAMES[] = {"read", "write", "read-back"};

/* What may be told, a letter each. Of reads: Fresh (nothing is missing), Timeout, Mismatch,
 * eXception, Disconnected; of writes: Confirmed, Unanswered, Refused, Not held, Wrong (failed). */
static const struct {
    char letter;
    enum reason reason;
} LETTERS[] = {
    {'F', REASON_FRESH},
    {'T', REASON_TIMEOUT},
    {'M', REASON_REPLY_MISMATCH},
    {'X', REASON_DEVICE_EXCEPTION},
    {'D', REASON_DISCONNECTED},
    {'C', REASON_WRITE_CONFIRMED},
    {'U', REASON_WRITE_UNANSWERED},
    {'R', REASON_WRITE_REFUSED},
    {'N', REASON_WRITE_NOT_HELD},
    {'W', REASON_WRITE_FAILED},
};

/* Frames of Modbus TCP, of RTU over TCP, and of RTU on a line; "": the fault does not exist there.
 */
struct expected {
    const char *over_tcp, *over_rtu_tcp, *on_line;
};

struct fault {
    const char *name;
    enum lie lie;
    int parameter;
    struct expected expected[LIAR_MOMENTS];
};

#define EXCEPTION(code, write, read_back)                                                          \
    {                                                                                              \
        "exception " #code, LIE_EXCEPTION, code,                                                   \
        {                                                                                          \
            {"X", "X", "X"}, {write, write, write},                                                \
            {                                                                                      \
                read_back, read_back, read_back                                                    \
            }                                                                                      \
        }                                                                                          \
    }

static const struct fault FAULTS[] = {
    {"none", LIE_NONE, 0, {{"F", "F", "F"}, {"C", "C", "C"}, {"", "", ""}}},
    {"late", LIE_LATE, 0, {{"T", "T", "T"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"overtaken", LIE_OVERTAKEN, 0, {{"F", "M", "F"}, {"C", "U", "C"}, {"C", "U", "C"}}},
    {"duplicate", LIE_DUPLICATE, 0, {{"F", "M", "M"}, {"C", "U", "U"}, {"C", "U", "U"}}},
    /* Harmless, unless the second one comes while something else is out. */
    {"repeated", LIE_REPEATED, 0, {{"F", "FM", "FM"}, {"C", "CU", "CU"}, {"C", "CU", "CU"}}},
    {"swapped transaction", LIE_TRANSACTION, 0, {{"M", "", ""}, {"U", "", ""}, {"U", "", ""}}},
    {"wrong unit", LIE_UNIT, 0, {{"M", "M", "MT"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"wrong function", LIE_FUNCTION, 0, {{"M", "M", "M"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"wrong protocol id", LIE_PROTOCOL, 0, {{"M", "", ""}, {"U", "", ""}, {"U", "", ""}}},
    {"wrong check sum", LIE_CHECK, 0, {{"", "M", "M"}, {"", "U", "U"}, {"", "U", "U"}}},
    {"length says more", LIE_LENGTH, 2, {{"M", "", ""}, {"U", "", ""}, {"U", "", ""}}},
    {"length says less", LIE_LENGTH, -2, {{"M", "", ""}, {"U", "", ""}, {"U", "", ""}}},
    {"byte count says more", LIE_BYTES, 2, {{"M", "M", "M"}, {"", "", ""}, {"U", "U", "U"}}},
    {"byte count says less", LIE_BYTES, -2, {{"M", "M", "M"}, {"", "", ""}, {"U", "U", "U"}}},
    {"short", LIE_COUNT, -1, {{"M", "M", "M"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"long", LIE_COUNT, 1, {{"M", "M", "M"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"split", LIE_SPLIT, 0, {{"F", "F", "F"}, {"C", "C", "C"}, {"C", "C", "C"}}},
    {"dripped", LIE_DRIP, 0, {{"T", "T", "T"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"truncated", LIE_CUT, 0, {{"T", "T", "T"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"reset", LIE_RESET, 0, {{"D", "D", "D"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"closed", LIE_CLOSE, 0, {{"D", "D", ""}, {"U", "U", ""}, {"U", "U", ""}}},
    {"half-open", LIE_HALF_OPEN, 0, {{"T", "T", ""}, {"U", "U", ""}, {"U", "U", ""}}},
    {"silence", LIE_SILENCE, 0, {{"T", "T", "T"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    EXCEPTION(1, "R", "U"),
    EXCEPTION(2, "R", "U"),
    EXCEPTION(3, "R", "U"),
    EXCEPTION(4, "R", "U"),
    EXCEPTION(5, "N", "C"), /* taken, it says; the register tells that it was not */
    EXCEPTION(6, "C", "C"), /* busy: asked again */
    EXCEPTION(7, "R", "U"),
    EXCEPTION(8, "R", "U"),
    EXCEPTION(9, "R", "U"),
    EXCEPTION(10, "RU", "U"), /* of a shared wire: the gateway speaks, not the unit */
    EXCEPTION(11, "RU", "U"),
    {"garbage", LIE_GARBAGE, 0, {{"M", "M", "M"}, {"U", "U", "U"}, {"U", "U", "U"}}},
    {"junk before", LIE_JUNK_BEFORE, 0, {{"M", "M", "F"}, {"U", "U", "C"}, {"U", "U", "C"}}},
    {"junk behind", LIE_JUNK_AFTER, 0, {{"M", "F", "F"}, {"U", "C", "C"}, {"C", "C", "C"}}},
    {"echo of another value", LIE_ECHO_VALUE, 0, {{"", "", ""}, {"U", "U", "U"}, {"", "", ""}}},
    {"echo of another address", LIE_ECHO_ADDRESS, 0, {{"", "", ""}, {"U", "U", "U"}, {"", "", ""}}},
    {"write not taken", LIE_NOT_TAKEN, 0, {{"", "", ""}, {"N", "N", "N"}, {"", "", ""}}},
};

enum { FAULT_COUNT = sizeof(FAULTS) / sizeof(FAULTS[0]) };

static const char *expected_of(const struct fault *fault, enum transport transport,
                               enum liar_moment moment)
{
    const struct expected *expected = &fault->expected[moment];
    switch (transport) {
    case OVER_TCP:
    case OVER_GATEWAY:
        return expected->over_tcp;
    case OVER_RTU_TCP:
        return expected->over_rtu_tcp;
    case OVER_SERIAL:
        return expected->on_line;
    case TRANSPORTS:
        break;
    }
    abort();
}

static enum liar_framing framing_of(enum transport transport)
{
    return transport == OVER_SERIAL    ? LIAR_SERIAL
           : transport == OVER_RTU_TCP ? LIAR_RTU_TCP
                                       : LIAR_TCP;
}

/* ---- the run --------------------------------------------------------------------------------- */

enum {
    TICK_MS = 200,
    TICKS_LEAST = 25,
    TICKS_MOST = 400, /* a hang ends the run */
    TIMEOUT_MS = 300,
    SPEED = 5,     /* of site time: refused registers are asked again after 5 s of it */
    SETTLED = 3,   /* good samples in a row */
    ROWS = 3,      /* points of the unit that lies, the last one a set-point */
    GAP_MOST = 15, /* ticks without a value of the honest unit */
    FIRST_VALUE = 1111,
    SECOND_VALUE = 2222,
};

static const uint16_t ADDRESSES[ROWS] = {10, 200, LIAR_SETPOINT};
enum { HONEST_ADDRESS = 20 };

struct seen {
    int good, rest, good_since_rest;
};

struct cell {
    const struct fault *fault;
    enum transport transport;
    enum liar_moment moment;
    const struct liar_line *line;
    int device, first_point; /* of the unit that lies */
    int honest_point;        /* -1: the wire is its own */
    enum { WRITE_NOT_YET, WRITE_OUT, WRITE_ENDED, WRITE_AGAIN, WRITE_CONFIRMED } write;
    enum reason written;            /* outcome of the write that meets the fault */
    uint64_t told;                  /* reasons of missing values, a bit each */
    int samples, wrong;             /* good samples, and those with a wrong value */
    int honest_gap, honest_silence; /* in ticks: the longest, and the present one */
    int honest_good;                /* at the last tick */
    bool recovered;
};

struct run {
    uv_loop_t loop;
    uv_timer_t tick;
    struct clock clock;
    struct topology *topology;
    struct driver *driver;
    struct liar liar;
    struct profile profiles[2]; /* of units that lie and that do not */
    struct modbus_wire wires[LIAR_LINES];
    struct modbus_device devices[2 * LIAR_LINES];
    struct cell cells[LIAR_LINES];
    struct cell *cell_of[ROWS * 2 * LIAR_LINES]; /* by point */
    struct seen seen[ROWS * 2 * LIAR_LINES];
    int count, device_count, ticks;
};

static struct run run;

static double value_at(uint16_t address)
{
    return (uint16_t)(3 * address + 1) * 65536.0 + (uint16_t)(3 * (address + 1) + 1);
}

static bool is_right(const struct cell *cell, int point, double value)
{
    if (point == cell->honest_point)
        return value == value_at(HONEST_ADDRESS);
    if (point - cell->first_point < ROWS - 1)
        return value == value_at(ADDRESSES[point - cell->first_point]);
    return value == 3 * LIAR_SETPOINT + 1 || value == FIRST_VALUE || value == SECOND_VALUE;
}

static void on_sample(void *context, const struct sample *sample)
{
    struct cell *cell = run.cell_of[sample->point];
    struct seen *seen = &run.seen[sample->point];
    (void)context;
    if (sample->quality == QUALITY_GOOD) {
        cell->samples++;
        cell->wrong += !is_right(cell, sample->point, sample->value);
        seen->good++;
        seen->good_since_rest++;
        return;
    }
    seen->rest++;
    seen->good_since_rest = 0;
    if (!cell->recovered && sample->point != cell->honest_point)
        cell->told |= UINT64_C(1) << sample->reason;
}

static void on_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context, (void)device, (void)link, (void)reason;
}

static void on_written(void *context, int32_t point, double value, enum reason reason)
{
    struct cell *cell = run.cell_of[point];
    (void)context;
    if (value == FIRST_VALUE) {
        cell->written = reason;
        cell->write = WRITE_ENDED;
    } else {
        cell->write = reason == REASON_WRITE_CONFIRMED ? WRITE_CONFIRMED : WRITE_ENDED;
    }
}

/* The last point is set first to a value that meets the fault, then to one that does not, until the
 * device has confirmed it. */
static void write_on(struct cell *cell)
{
    int point = cell->first_point + ROWS - 1;
    if (cell->write == WRITE_NOT_YET && run.seen[point].good >= SETTLED) {
        cell->write = WRITE_OUT;
        assert_int_equal(driver_write(run.driver, point, FIRST_VALUE, NULL), 0);
    } else if (cell->write == WRITE_ENDED) {
        cell->write = WRITE_AGAIN;
        assert_int_equal(driver_write(run.driver, point, SECOND_VALUE, NULL), 0);
    }
}

static bool is_settled(const struct cell *cell)
{
    int rows = cell->moment == LIAR_READ ? ROWS - 1 : ROWS;
    for (int i = 0; i < rows; i++)
        if (run.seen[cell->first_point + i].good_since_rest < SETTLED)
            return false;
    return cell->honest_point < 0 || run.seen[cell->honest_point].good_since_rest >= SETTLED;
}

static void look_at_honest(struct cell *cell)
{
    if (cell->honest_point < 0)
        return;
    int good = run.seen[cell->honest_point].good;
    cell->honest_silence = good > cell->honest_good ? 0 : cell->honest_silence + 1;
    cell->honest_good = good;
    if (good > 0 && cell->honest_silence > cell->honest_gap)
        cell->honest_gap = cell->honest_silence;
}

static bool look_at(struct cell *cell)
{
    look_at_honest(cell);
    if (cell->moment != LIAR_READ)
        write_on(cell);
    bool done = cell->moment == LIAR_READ || cell->write == WRITE_CONFIRMED;
    cell->recovered |= done && cell->line->met >= liar_meets(cell->line) && is_settled(cell);
    return cell->recovered;
}

static void on_tick(uv_timer_t *timer)
{
    bool all = true;
    (void)timer;
    run.ticks++;
    for (int i = 0; i < run.count; i++)
        all &= look_at(&run.cells[i]);
    if ((all && run.ticks >= TICKS_LEAST) || run.ticks >= TICKS_MOST)
        uv_stop(&run.loop);
    else
        driver_poll(run.driver, clock_now_ms(&run.clock));
}

/* ---- its making ------------------------------------------------------------------------------ */

static void add_row(struct profile *profile, enum point_kind kind, uint16_t address,
                    enum register_type type)
{
    profile->rows[profile->row_count++] = (struct profile_row){
        .point = kind,
        .address = address,
        .type = type,
        .factor = 1,
        .low = -HUGE_VAL,
        .high = HUGE_VAL,
    };
}

static void make_profiles(enum liar_moment moment)
{
    for (int i = 0; i < 2; i++)
        run.profiles[i] = (struct profile){.max_registers = 125, .reply_timeout_ms = TIMEOUT_MS};
    struct profile *liar = &run.profiles[0];
    add_row(liar, POINT_POWER, ADDRESSES[0], TYPE_U32);
    add_row(liar, POINT_VOLTAGE, ADDRESSES[1], TYPE_U32);
    add_row(&run.profiles[1], POINT_POWER, HONEST_ADDRESS, TYPE_U32);
    if (moment == LIAR_READ)
        return;
    add_row(liar, POINT_POWER_SET, ADDRESSES[2], TYPE_U16);
    liar->rows[ROWS - 1].write =
        (struct profile_write){.allowed = true, .function = 6, .low = 0, .high = 60000};
}

/* Returns its first point. */
static int add_device(struct cell *cell, const struct profile *profile, uint8_t unit)
{
    char name[LIMIT_NAME];
    int first = run.topology->point_count;
    struct modbus_device *device = &run.devices[run.device_count];
    snprintf(name, sizeof(name), "device-%d", run.device_count++);
    device->device = topology_add_device(run.topology, name, ROLE_NONE, -1, 1000, NULL);
    device->profile = profile;
    device->wire = run.count;
    device->unit = unit;
    for (int row = 0; row < profile->row_count; row++) {
        const struct point point = {.kind = profile->rows[row].point};
        run.cell_of[topology_add_point(run.topology, &point, NULL)] = cell;
    }
    return first;
}

static void make_wire(struct modbus_wire *wire, const struct liar_line *line)
{
    wire->is_serial = line->framing == LIAR_SERIAL;
    wire->stream.port = line->port;
    wire->stream.framing = line->framing == LIAR_TCP ? FRAMING_TCP : FRAMING_RTU;
    strcpy(wire->stream.host, "127.0.0.1");
    wire->serial = (struct modbus_serial_config){.baud = 115200, .stop_bits = 1};
    snprintf(wire->serial.path, sizeof(wire->serial.path), "%s", line->path);
}

static void add_cell(const struct fault *fault, enum transport transport, enum liar_moment moment)
{
    struct cell *cell = &run.cells[run.count];
    const struct liar_line *line =
        liar_add(&run.liar, fault->lie, fault->parameter, framing_of(transport), moment);
    *cell = (struct cell){.fault = fault,
                          .transport = transport,
                          .moment = moment,
                          .line = line,
                          .device = run.device_count,
                          .honest_point = -1};
    make_wire(&run.wires[run.count], line);
    cell->first_point = add_device(cell, &run.profiles[0], LIAR_UNIT);
    if (transport != OVER_TCP)
        cell->honest_point = add_device(cell, &run.profiles[1], LIAR_UNIT + 1);
    run.count++;
}

static void make_cells(enum liar_moment moment)
{
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        for (int transport = 0; transport < TRANSPORTS; transport++)
            if (expected_of(&FAULTS[fault], (enum transport)transport, moment)[0] != '\0')
                add_cell(&FAULTS[fault], (enum transport)transport, moment);
}

static void run_cells(void)
{
    const struct driver_sink sink = {on_sample, on_link, on_written, NULL};
    struct error error = {""};
    assert_int_equal(uv_loop_init(&run.loop), 0);
    uv_timer_init(&run.loop, &run.tick);
    if (modbus_master_create(&run.loop, &run.clock, run.topology, run.wires, run.count, run.devices,
                             run.device_count, &sink, &run.driver, &error) < 0)
        fail_msg("%s", error.text);
    uv_timer_start(&run.tick, on_tick, 0, TICK_MS);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    driver_destroy(run.driver);
    uv_close((uv_handle_t *)&run.tick, NULL);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&run.loop), 0);
}

/* Group set-up: the state is the moment. */
static int run_moment(enum liar_moment moment)
{
    memset(&run, 0, sizeof(run));
    run.topology = topology_create();
    assert_non_null(run.topology);
    int64_t now_ms = 1000 * (int64_t)time(NULL);
    assert_int_equal(clock_init_scaled(&run.clock, now_ms, now_ms, SPEED, NULL), 0);
    make_profiles(moment);
    liar_init(&run.liar);
    make_cells(moment);
    liar_start(&run.liar);
    run_cells();
    return 0;
}

static int run_reads(void **state)
{
    (void)state;
    return run_moment(LIAR_READ);
}

static int run_writes(void **state)
{
    (void)state;
    return run_moment(LIAR_WRITE);
}

static int run_read_backs(void **state)
{
    (void)state;
    return run_moment(LIAR_READ_BACK);
}

static int finish(void **state)
{
    (void)state;
    liar_stop(&run.liar);
    topology_destroy(run.topology);
    return 0;
}

/* ---- judgement ------------------------------------------------------------------------------- */

/* Reasons of samples are below the gap, those of writes behind it. */
enum {
    SAMPLE_REASONS = 40,
    WRITE_REASONS = 300,
    REASONS_END = WRITE_REASONS + 64 - SAMPLE_REASONS
};

static uint64_t bit_of(enum reason reason)
{
    int bit = (int)reason;
    bit -= bit < WRITE_REASONS ? 0 : WRITE_REASONS - SAMPLE_REASONS;
    assert_in_range(bit, 0, 63);
    return UINT64_C(1) << bit;
}

/* What was told of the fault, a bit each. */
static uint64_t verdicts_of(const struct cell *cell)
{
    if (cell->moment != LIAR_READ)
        return bit_of(cell->written);
    return cell->told == 0 ? bit_of(REASON_FRESH) : cell->told;
}

static uint64_t allowed_of(const struct cell *cell)
{
    const char *letters = expected_of(cell->fault, cell->transport, cell->moment);
    uint64_t allowed = 0;
    for (size_t i = 0; i < sizeof(LETTERS) / sizeof(LETTERS[0]); i++)
        if (strchr(letters, LETTERS[i].letter) != NULL)
            allowed |= bit_of(LETTERS[i].reason);
    return allowed;
}

/* The names of all verdicts, with commas. */
static void describe(uint64_t verdicts, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int reason = 0; reason < REASONS_END; reason++) {
        bool known = reason < SAMPLE_REASONS || reason >= WRITE_REASONS;
        if (known && (verdicts & bit_of((enum reason)reason)) != 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? "," : "",
                                     reason_name((enum reason)reason));
    }
}

static void record(const struct cell *cell, const char *verdict)
{
    const char *path = getenv("FAULTS_FILE");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "modbus\t%s\t%s\t%s\tverdict=%s\trecovered=%s\twrong=%d\tsamples=%d\tgap=%d\n",
            MOMENT_NAMES[cell->moment], cell->fault->name, TRANSPORT_NAMES[cell->transport],
            verdict, cell->recovered ? "yes" : "no", cell->wrong, cell->samples, cell->honest_gap);
    fclose(file);
}

static const struct cell *find_cell(const struct fault *fault, enum transport transport)
{
    for (int i = 0; i < run.count; i++)
        if (run.cells[i].fault == fault && run.cells[i].transport == transport)
            return &run.cells[i];
    fail_msg("no such cell");
    return NULL;
}

/* Nobody is disturbed by what others' wires do. */
static void check_undisturbed(const struct cell *cell)
{
    int points = cell->moment == LIAR_READ ? ROWS - 1 : ROWS;
    for (int i = 0; i < points; i++) {
        const struct seen *seen = &run.seen[cell->first_point + i];
        if (seen->rest > 0 || seen->good < run.ticks * 3 / 4)
            fail_msg("%d values missing, %d good ones in %d ticks", seen->rest, seen->good,
                     run.ticks);
    }
}

struct place {
    const struct fault *fault;
    enum transport transport;
};

static void is_got_over(void **state)
{
    const struct place *place = *state;
    const struct cell *cell = find_cell(place->fault, place->transport);
    uint64_t verdicts = verdicts_of(cell);
    char verdict[160];
    describe(verdicts, verdict, sizeof(verdict));
    record(cell, verdict);
    if (cell->wrong > 0)
        fail_msg("%d wrong values accepted", cell->wrong);
    if (cell->line->met < liar_meets(cell->line))
        fail_msg("met only %d times", cell->line->met);
    if (!cell->recovered)
        fail_msg("not got over in %d ticks", run.ticks);
    if ((verdicts & ~allowed_of(cell)) != 0)
        fail_msg("told as %s", verdict);
    if (cell->honest_gap > GAP_MOST)
        fail_msg("the honest unit was out for %d ticks", cell->honest_gap);
    if (cell->fault->lie == LIE_NONE)
        check_undisturbed(cell);
}

/* ---- the programme --------------------------------------------------------------------------- */

static struct place places[LIAR_MOMENTS][LIAR_LINES];
static struct CMUnitTest tests[LIAR_MOMENTS][LIAR_LINES];
static int test_counts[LIAR_MOMENTS];

static void add_test(enum liar_moment moment, const struct fault *fault, enum transport transport)
{
    static char names[LIAR_MOMENTS][LIAR_LINES][96];
    int place = test_counts[moment]++;
    char *name = names[moment][place];
    snprintf(name, sizeof(names[0][0]), "%s: %s: %s", MOMENT_NAMES[moment], fault->name,
             TRANSPORT_NAMES[transport]);
    places[moment][place] = (struct place){fault, transport};
    tests[moment][place] = (struct CMUnitTest){
        .name = name, .test_func = is_got_over, .initial_state = &places[moment][place]};
}

static void add_tests(enum liar_moment moment)
{
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        for (int transport = 0; transport < TRANSPORTS; transport++)
            if (expected_of(&FAULTS[fault], (enum transport)transport, moment)[0] != '\0')
                add_test(moment, &FAULTS[fault], (enum transport)transport);
}

static void list(void)
{
    for (int moment = 0; moment < LIAR_MOMENTS; moment++)
        for (int i = 0; i < test_counts[moment]; i++)
            printf("modbus\t%s\t%s\t%s\n", MOMENT_NAMES[moment], places[moment][i].fault->name,
                   TRANSPORT_NAMES[places[moment][i].transport]);
}

static int run_group(const char *name, enum liar_moment moment, CMFixtureFunction set_up)
{
    return _cmocka_run_group_tests(name, tests[moment], (size_t)test_counts[moment], set_up,
                                   finish);
}

int main(int argc, char **argv)
{
    for (int moment = 0; moment < LIAR_MOMENTS; moment++)
        add_tests((enum liar_moment)moment);
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    int failed = run_group("reads", LIAR_READ, run_reads);
    failed += run_group("writes", LIAR_WRITE, run_writes);
    failed += run_group("read-backs", LIAR_READ_BACK, run_read_backs);
    return failed > 0;
}
