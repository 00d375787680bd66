/* The serial bus on a real loop, over ptys: against pymodbus, against libmodbus' server, and
 * against a bus that lies in every way known. No wrong value is ever accepted, every bus is read
 * again, and no unit spoils another's turn for longer than its time-out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "drivers/modbus_serial.h"

enum {
    HANG_MS = 30000, /* ends a test that waits for what never comes */
    TIMEOUT_MS = 200,
    UNIT_ID = 7,
    DEAD_UNIT = 100,
    COUNT = 4,
    ILLEGAL_ADDRESS = 2,
    READS_LEAST = 12, /* of a bus that lies */
    READS_MOST = 150,
};

/* ---- peers ------------------------------------------------------------------------------- */

struct bus {
    pid_t pid;
    char path[256];
};

static void run_child(int output, const char *script, const char *const arguments[3])
{
    char path[4096];
    const char *folder = getenv("WIRE_FOLDER");

    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : "tests/wire", script);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    execl("/usr/bin/python3", "python3", path, arguments[0], arguments[1], arguments[2],
          (char *)NULL);
    perror("/usr/bin/python3");
    _exit(127);
}

/* A script that prints the path of its line. */
static struct bus bus_start(const char *script, const char *mode, const char *link)
{
    const char *const arguments[3] = {mode, link != NULL ? "--link" : NULL, link};
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct bus bus = {.pid = fork()};
    assert_true(bus.pid >= 0);
    if (bus.pid == 0)
        run_child(ends[1], script, arguments);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    assert_int_equal(fscanf(output, "%255s", bus.path), 1);
    fclose(output);
    return bus;
}

static void bus_stop(struct bus *bus)
{
    kill(bus->pid, SIGKILL);
    waitpid(bus->pid, NULL, 0);
}

/* ---- bench ------------------------------------------------------------------------------- */

struct bench {
    uv_loop_t loop;
    uv_timer_t hang;
    struct modbus_port *port;
    const char *mode;
    int ups, downs, ends; /* told so far */
    bool hung;
    enum reason down_reason;
    enum port_result result;
    uint16_t registers[125];
    uint8_t exception;
    int count; /* registers of the request in flight */
};

static void on_up(void *context)
{
    struct bench *bench = context;
    bench->ups++;
}

static void on_down(void *context, enum reason reason)
{
    struct bench *bench = context;
    bench->downs++;
    bench->down_reason = reason;
}

static void on_done(void *context, enum port_result result, const uint16_t *registers,
                    uint8_t exception)
{
    struct bench *bench = context;
    bench->ends++;
    bench->result = result;
    bench->exception = exception;
    assert_int_equal(registers != NULL, result == PORT_REPLY);
    if (registers != NULL)
        memcpy(bench->registers, registers, sizeof(registers[0]) * (size_t)bench->count);
}

static void on_hang(uv_timer_t *timer)
{
    ((struct bench *)timer->data)->hung = true;
}

static const struct port_events EVENTS = {on_up, on_down, on_done};

static struct modbus_serial_config line_of(const char *path)
{
    struct modbus_serial_config config = {.baud = 115200, .stop_bits = 1};
    snprintf(config.path, sizeof(config.path), "%s", path);
    return config;
}

static void bench_create(struct bench *bench, const struct modbus_serial_config *config)
{
    memset(bench, 0, sizeof(*bench));
    bench->mode = config->path;
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    uv_timer_init(&bench->loop, &bench->hang);
    bench->hang.data = bench;
    bench->port = modbus_serial_create(&bench->loop, config, &EVENTS, bench);
    assert_non_null(bench->port);
}

/* Until `*counter` has reached `least`. */
static void run_until(struct bench *bench, const int *counter, int least)
{
    uv_timer_start(&bench->hang, on_hang, HANG_MS, 0);
    while (*counter < least && !bench->hung)
        uv_run(&bench->loop, UV_RUN_ONCE);
    uv_timer_stop(&bench->hang);
    if (bench->hung)
        fail_msg("%s: hangs", bench->mode);
}

static void on_rest(uv_timer_t *timer)
{
    *(int *)timer->data = 1;
    uv_stop(timer->loop); /* or it would wait once more in this turn */
}

static void rest(struct bench *bench, uint64_t ms)
{
    uv_timer_t timer;
    int over = 0;
    uv_timer_init(&bench->loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_rest, ms, 0);
    run_until(bench, &over, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&bench->loop, UV_RUN_NOWAIT);
}

static void bench_open(struct bench *bench, const char *path)
{
    const struct modbus_serial_config config = line_of(path);
    bench_create(bench, &config);
    run_until(bench, &bench->ups, 1);
    assert_int_equal(bench->port->verbs->state(bench->port), PORT_UP);
}

static void bench_destroy(struct bench *bench)
{
    const int told = bench->ups + bench->downs + bench->ends;
    bench->port->verbs->destroy(bench->port);
    uv_close((uv_handle_t *)&bench->hang, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    assert_int_equal(told, bench->ups + bench->downs + bench->ends);
}

static struct port_request reading(uint8_t unit, uint8_t function, uint16_t address, uint16_t count)
{
    return (struct port_request){.unit = unit,
                                 .function = function,
                                 .address = address,
                                 .count = count,
                                 .timeout_ms = TIMEOUT_MS};
}

static void start_request(struct bench *bench, const struct port_request *request)
{
    bench->count = request->count;
    bench->port->verbs->request(bench->port, request);
}

static enum port_result ask(struct bench *bench, const struct port_request *request)
{
    const int before = bench->ends;
    start_request(bench, request);
    run_until(bench, &bench->ends, before + 1);
    assert_int_equal(bench->ends, before + 1);
    return bench->result;
}

static enum port_result read_registers(struct bench *bench, uint8_t unit, uint8_t function,
                                       uint16_t address, uint16_t count)
{
    const struct port_request request = reading(unit, function, address, count);
    return ask(bench, &request);
}

static enum port_result write_registers(struct bench *bench, uint8_t unit, uint8_t function,
                                        uint16_t address, uint16_t count, const uint16_t *values)
{
    struct port_request request = reading(unit, function, address, count);
    request.values = values;
    return ask(bench, &request);
}

/* Reads holding registers that follow the scheme. Each read asks for other registers, so that a
 * reply to another request shows. */
static enum port_result read_scheme(struct bench *bench, uint8_t unit, uint16_t address)
{
    enum port_result result = read_registers(bench, unit, 3, address, COUNT);
    for (int i = 0; i < COUNT && result == PORT_REPLY; i++)
        if (bench->registers[i] != (uint16_t)(3 * (address + i) + 1))
            fail_msg("%s: wrong value %04x accepted", bench->mode, bench->registers[i]);
    return result;
}

/* ---- independent peers ------------------------------------------------------------------- */

static void reads_and_writes_with_pymodbus(void **state)
{
    (void)state;
    struct bus bus = bus_start("pymodbus_rtu_server.py", NULL, NULL);
    const uint16_t one = 4711, three[] = {1, 0xFFFF, 333};
    struct bench bench;
    bench_open(&bench, bus.path);

    for (uint16_t i = 0; i < 20; i++) /* a dead unit between two living ones */
        for (uint8_t unit = 1; unit <= 2; unit++) {
            assert_int_equal(read_scheme(&bench, unit, 100 + i), PORT_REPLY);
            if (i % 10 == 0)
                assert_int_equal(read_registers(&bench, DEAD_UNIT, 3, i, 2), PORT_TIMEOUT);
        }
    assert_int_equal(read_registers(&bench, 2, 4, 500, 125), PORT_REPLY);
    for (uint16_t i = 0; i < 125; i++)
        assert_int_equal(bench.registers[i], 5 * (500 + i) + 2);
    assert_int_equal(read_registers(&bench, 1, 3, 1999, 2), PORT_EXCEPTION);
    assert_int_equal(bench.exception, ILLEGAL_ADDRESS);

    assert_int_equal(write_registers(&bench, 1, 6, 40, 1, &one), PORT_REPLY);
    assert_int_equal(write_registers(&bench, 1, 16, 41, 3, three), PORT_REPLY);
    assert_int_equal(write_registers(&bench, 1, 16, 1998, 3, three), PORT_EXCEPTION);
    assert_int_equal(read_registers(&bench, 1, 3, 40, 4), PORT_REPLY);
    assert_int_equal(bench.registers[0], one);
    assert_memory_equal(bench.registers + 1, three, sizeof(three));
    assert_int_equal(bench.port->verbs->strays(bench.port), 0);
    assert_int_equal(bench.downs, 0);
    bench_destroy(&bench);
    bus_stop(&bus);
}

/* libmodbus as the server, on the far end of a pty. */
struct server {
    pthread_t thread;
    int far, near, stop[2];
};

static void *serve(void *argument)
{
    struct server *server = argument;
    uint8_t request[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_t *modbus = modbus_new_rtu("unused", 115200, 'E', 8, 1);
    modbus_mapping_t *mapping = modbus_mapping_new(0, 0, 1000, 1000);
    struct pollfd fds[] = {{.fd = server->far, .events = POLLIN},
                           {.fd = server->stop[0], .events = POLLIN}};

    modbus_set_slave(modbus, UNIT_ID);
    modbus_set_socket(modbus, server->far);
    for (uint16_t i = 0; i < 1000; i++)
        mapping->tab_registers[i] = 3 * i + 1;
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        int length = modbus_receive(modbus, request);
        if (length > 0)
            modbus_reply(modbus, request, length, mapping);
    }
    modbus_mapping_free(mapping);
    modbus_free(modbus);
    return NULL;
}

static void reads_and_writes_with_libmodbus(void **state)
{
    (void)state;
    struct server server;
    struct termios raw;
    char path[256];
    const uint16_t five[] = {5, 4, 3, 2, 1};
    struct bench bench;

    cfmakeraw(memset(&raw, 0, sizeof(raw)));
    assert_int_equal(openpty(&server.far, &server.near, path, &raw, NULL), 0);
    assert_int_equal(pipe(server.stop), 0);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
    bench_open(&bench, path);
    for (uint16_t i = 0; i < 200; i++)
        assert_int_equal(read_scheme(&bench, UNIT_ID, 3 * i), PORT_REPLY);
    assert_int_equal(write_registers(&bench, UNIT_ID, 16, 900, 5, five), PORT_REPLY);
    assert_int_equal(write_registers(&bench, UNIT_ID, 6, 905, 1, five), PORT_REPLY);
    assert_int_equal(read_registers(&bench, UNIT_ID, 3, 900, 6), PORT_REPLY);
    assert_memory_equal(bench.registers, five, sizeof(five));
    assert_int_equal(bench.registers[5], 5);

    assert_int_equal(write(server.stop[1], "", 1), 1);
    pthread_join(server.thread, NULL);
    bench_destroy(&bench);
    close(server.stop[0]);
    close(server.stop[1]);
    close(server.far);
    close(server.near);
}

/* ---- the bus that lies ------------------------------------------------------------------- */

/* Both units of the bus meet the fault, the first time with the fourth read, which ends as
 * `expected`; then they are read as if nothing had been. */
static void check_fault(const char *mode, enum port_result expected, bool has_strays)
{
    struct bus bus = bus_start("rtu_fault_server.py", mode, NULL);
    struct bench bench;
    int undisturbed = 0;
    bench_open(&bench, bus.path);
    bench.mode = mode;
    for (uint16_t i = 0; i < READS_MOST && (i < READS_LEAST || undisturbed < READS_LEAST); i++) {
        enum port_result result = read_scheme(&bench, UNIT_ID + i % 2, 10 * i);
        undisturbed = result == PORT_REPLY ? undisturbed + 1 : 0;
        if (result != (i < 3 ? PORT_REPLY : expected) && i < 4)
            fail_msg("%s: read %d ends as %d", mode, i, result);
        rest(&bench, 40);
    }
    if (undisturbed < READS_LEAST)
        fail_msg("%s: is not got over", mode);
    if (has_strays && bench.port->verbs->strays(bench.port) == 0)
        fail_msg("%s: no strays counted", mode);
    assert_int_equal(bench.downs, 0);
    bench_destroy(&bench);
    bus_stop(&bus);
}

static void bears_harmless_oddities(void **state)
{
    (void)state;
    check_fault("healthy", PORT_REPLY, false);
    check_fault("split", PORT_REPLY, false);
    check_fault("junk-before", PORT_REPLY, false);
    check_fault("junk-after", PORT_REPLY, false);
    check_fault("noise", PORT_REPLY, false);
    check_fault("late-other", PORT_REPLY, true);
    check_fault("repeated", PORT_REPLY, true);
}

static void times_out(void **state)
{
    (void)state;
    check_fault("silence", PORT_TIMEOUT, false);
    check_fault("cut", PORT_TIMEOUT, false);
    check_fault("drip", PORT_TIMEOUT, true);
    check_fault("late", PORT_TIMEOUT, true);
    check_fault("late-deaf", PORT_TIMEOUT, true);
    check_fault("very-late", PORT_TIMEOUT, true);
}

static void refuses_mismatches(void **state)
{
    (void)state;
    check_fault("duplicate", PORT_MISMATCH, true);
    check_fault("unit", PORT_MISMATCH, true);
    check_fault("function", PORT_MISMATCH, true);
    check_fault("crc", PORT_MISMATCH, false);
    check_fault("count-more", PORT_MISMATCH, false);
    check_fault("count-less", PORT_MISMATCH, false);
    check_fault("short", PORT_MISMATCH, false);
    check_fault("long", PORT_MISMATCH, false);
    check_fault("garbage", PORT_MISMATCH, false);
}

static void reports_exceptions(void **state)
{
    (void)state;
    for (int code = 1; code <= 11; code++) {
        char mode[24];
        snprintf(mode, sizeof(mode), "exception-%d", code);
        struct bus bus = bus_start("rtu_fault_server.py", mode, NULL);
        struct bench bench;
        bench_open(&bench, bus.path);
        for (uint16_t i = 0; i < 8; i++) {
            bool faulty = i >= 3 && i < 6;
            assert_int_equal(read_scheme(&bench, UNIT_ID, i), faulty ? PORT_EXCEPTION : PORT_REPLY);
            assert_int_equal(bench.exception, faulty ? code : 0);
        }
        bench_destroy(&bench);
        bus_stop(&bus);
    }
}

static void verifies_echoes(void **state)
{
    (void)state;
    static const char *const MODES[] = {"echo", "echo-address"};
    for (int mode = 0; mode < 2; mode++)
        for (int function = 6; function <= 16; function += 10) {
            struct bus bus = bus_start("rtu_fault_server.py", MODES[mode], NULL);
            struct bench bench;
            bench_open(&bench, bus.path);
            for (uint16_t i = 0; i < 8; i++)
                assert_int_equal(write_registers(&bench, UNIT_ID, (uint8_t)function, 10 + i, 1, &i),
                                 i >= 3 && i < 6 ? PORT_MISMATCH : PORT_REPLY);
            bench_destroy(&bench);
            bus_stop(&bus);
        }
}

/* Random delays, many times the time-out, and losses: same unit, same function, same count. */
static void believes_nothing_wrong_in_storms(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 4; seed++) {
        char mode[24];
        snprintf(mode, sizeof(mode), "storm-%d", seed);
        struct bus bus = bus_start("rtu_fault_server.py", mode, NULL);
        struct bench bench;
        int replies = 0, timeouts = 0;
        bench_open(&bench, bus.path);
        bench.mode = mode;
        for (uint16_t i = 0; i < 150; i++) {
            struct port_request request = reading(UNIT_ID + i % 3 / 2, 3, 5 * i, COUNT);
            request.timeout_ms = 30;
            enum port_result result = ask(&bench, &request);
            replies += result == PORT_REPLY;
            timeouts += result == PORT_TIMEOUT;
            for (int r = 0; r < COUNT && result == PORT_REPLY; r++)
                if (bench.registers[r] != (uint16_t)(3 * (5 * i + r) + 1))
                    fail_msg("%s: wrong value accepted by read %d", mode, i);
        }
        assert_true(replies > 30 && timeouts > 10);
        bench_destroy(&bench);
        bus_stop(&bus);
    }
}

/* ---- the life of a line ------------------------------------------------------------------ */

static void make_link(char folder[], char link[], size_t size)
{
    assert_non_null(mkdtemp(folder));
    snprintf(link, size, "%s/line", folder);
}

/* The adapter is plugged in late, pulled out while a request is out, and plugged in again. */
static void opens_the_line_again(void **state)
{
    (void)state;
    char folder[] = "/tmp/serial.XXXXXX", link[64];
    make_link(folder, link, sizeof(link));
    const struct modbus_serial_config config = line_of(link);
    struct bench bench;
    bench_create(&bench, &config);
    run_until(&bench, &bench.downs, 2);
    assert_int_equal(bench.down_reason, REASON_DISCONNECTED);
    assert_int_not_equal(bench.port->verbs->state(bench.port), PORT_UP);
    assert_int_equal(bench.ups, 0);

    struct bus bus = bus_start("rtu_fault_server.py", "closed", link);
    run_until(&bench, &bench.ups, 1);
    for (uint16_t i = 0; i < 3; i++)
        assert_int_equal(read_scheme(&bench, UNIT_ID, i), PORT_REPLY);
    bench.port->verbs->proven(bench.port);
    for (uint8_t i = 0; i < 3; i++) { /* each time of another unit: none owes a reply */
        const int downs = bench.downs, ups = bench.ups;
        assert_int_equal(read_scheme(&bench, UNIT_ID + i, 9), PORT_LOST);
        run_until(&bench, &bench.downs, downs + 1);
        run_until(&bench, &bench.ups, ups + 1);
    }
    assert_int_equal(read_scheme(&bench, UNIT_ID, 9), PORT_REPLY);
    bench_destroy(&bench);
    bus_stop(&bus);
    unlink(link);
    rmdir(folder);
}

static void drops_the_line_in_mid_flight(void **state)
{
    (void)state;
    struct bus bus = bus_start("rtu_fault_server.py", "silence", NULL);
    struct bench bench;
    const struct port_request request = reading(DEAD_UNIT, 3, 1, 2);
    bench_open(&bench, bus.path);
    start_request(&bench, &request);
    rest(&bench, 20);
    bench.port->verbs->drop(bench.port);
    assert_int_equal(bench.port->verbs->state(bench.port), PORT_WAITING);
    run_until(&bench, &bench.ups, 2);
    assert_int_equal(bench.ends, 0);
    assert_int_equal(bench.downs, 0);
    assert_int_equal(read_scheme(&bench, UNIT_ID, 1), PORT_REPLY);
    bench_destroy(&bench);
    bus_stop(&bus);
}

static void is_destroyed_at_any_time(void **state)
{
    (void)state;
    struct bus bus = bus_start("rtu_fault_server.py", "silence", NULL);
    const struct port_request request = reading(DEAD_UNIT, 3, 1, 2);
    struct modbus_serial_config config = line_of(bus.path);
    struct bench bench;

    bench_create(&bench, &config); /* before it is up */
    bench_destroy(&bench);
    bench_open(&bench, bus.path); /* idle */
    bench_destroy(&bench);
    bench_open(&bench, bus.path); /* with a request out */
    start_request(&bench, &request);
    rest(&bench, 20);
    bench_destroy(&bench);
    bench_open(&bench, bus.path); /* with an end that was not told yet */
    start_request(&bench, &request);
    usleep(2 * TIMEOUT_MS * 1000);
    bench_destroy(&bench);
    bus_stop(&bus);
}

/* Two masters on a bus could not tell their answers apart. */
static void shares_no_line(void **state)
{
    (void)state;
    struct bus bus = bus_start("rtu_fault_server.py", "healthy", NULL);
    const struct modbus_serial_config config = line_of(bus.path);
    struct bench first, second;
    bench_open(&first, bus.path);
    bench_create(&second, &config);
    run_until(&second, &second.downs, 2);
    assert_int_equal(second.ups, 0);
    assert_int_equal(read_scheme(&first, UNIT_ID, 1), PORT_REPLY);
    bench_destroy(&first);
    run_until(&second, &second.ups, 1);
    bench_destroy(&second);
    bus_stop(&bus);
}

static void refuses_what_is_no_line(void **state)
{
    (void)state;
    struct bus bus = bus_start("rtu_fault_server.py", "healthy", NULL);
    struct modbus_serial_config configs[] = {line_of("/dev/null"), line_of("/tmp"),
                                             line_of(bus.path)};
    configs[2].baud = 12345;
    for (int i = 0; i < 3; i++) {
        struct bench bench;
        bench_create(&bench, &configs[i]);
        run_until(&bench, &bench.downs, 2);
        assert_int_equal(bench.ups, 0);
        bench_destroy(&bench);
    }
    bus_stop(&bus);
}

/* select() would abort. */
static void bears_large_descriptors(void **state)
{
    (void)state;
    enum { TAKEN = FD_SETSIZE + 16 };
    struct bus bus = bus_start("rtu_fault_server.py", "late", NULL);
    struct rlimit before, many;
    static int taken[TAKEN];
    struct bench bench;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    many = before;
    many.rlim_cur = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &many), 0);
    for (int i = 0; i < TAKEN; i++)
        taken[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(taken[TAKEN - 1] >= FD_SETSIZE);
    bench_open(&bench, bus.path);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(read_scheme(&bench, UNIT_ID, i), i < 3 ? PORT_REPLY : PORT_TIMEOUT);
    bench_destroy(&bench);
    for (int i = 0; i < TAKEN; i++)
        close(taken[i]);
    setrlimit(RLIMIT_NOFILE, &before);
    bus_stop(&bus);
}

/* 3.5 characters between frames: a slow line cannot be asked faster than that. */
static void keeps_silence_between_frames(void **state)
{
    (void)state;
    enum { READS = 10 };
    struct bus bus = bus_start("rtu_fault_server.py", "healthy", NULL);
    struct modbus_serial_config config = line_of(bus.path);
    struct bench bench;
    config.baud = 1200;
    bench_create(&bench, &config);
    run_until(&bench, &bench.ups, 1);
    uint64_t before_ns = uv_hrtime();
    for (uint16_t i = 0; i < READS; i++)
        assert_int_equal(read_scheme(&bench, UNIT_ID, i), PORT_REPLY);
    assert_true(uv_hrtime() - before_ns >= READS * (3.5 * 11 / 1200) * 1e9);
    bench_destroy(&bench);
    bus_stop(&bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_with_pymodbus),
        cmocka_unit_test(reads_and_writes_with_libmodbus),
        cmocka_unit_test(bears_harmless_oddities),
        cmocka_unit_test(times_out),
        cmocka_unit_test(refuses_mismatches),
        cmocka_unit_test(reports_exceptions),
        cmocka_unit_test(verifies_echoes),
        cmocka_unit_test(believes_nothing_wrong_in_storms),
        cmocka_unit_test(opens_the_line_again),
        cmocka_unit_test(drops_the_line_in_mid_flight),
        cmocka_unit_test(is_destroyed_at_any_time),
        cmocka_unit_test(shares_no_line),
        cmocka_unit_test(refuses_what_is_no_line),
        cmocka_unit_test(bears_large_descriptors),
        cmocka_unit_test(keeps_silence_between_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
