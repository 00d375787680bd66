/* Devices that take their time, some of them dead: how long after a tick all living ones are read,
 * beside libmodbus that reads them one after the other, and whether a tick is ever late.
 *
 *   bench_fleet [DEVICES [DEAD [DELAY_MS [TICKS [BLOCKS]]]]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "tools/bench/bench_devices.h"
#include "tools/bench/bench_peers.h"

enum {
    TICK_MS = 1000,
    WARM_UP_TICKS = 3,
    IDLE_TICKS = 5, /* of a loop without devices, to know what the machine does to a timer */
    SWEEPS = 3,
};

static const double READ_LIMIT_MS = 25, LATE_MS = 10;

static int device_count = 64, dead_count = 6, ticks = 20, blocks = 1;
static double delay_ms = 10;

struct fleet {
    uv_loop_t loop;
    uv_timer_t timer;
    struct clock clock;
    struct driver *driver; /* NULL: none, the loop idles */
    int ticked, ticks;     /* so far, and when it is over */
    int64_t first_ns;      /* when the timer was started: ticks have their times from there */
    int64_t polled_ns;
    int samples;             /* since the last poll */
    int whole;               /* rounds in which all living devices were read */
    double sum_ms, worst_ms; /* until they were */
    int late;                /* ticks */
    double worst_late_ms;
};

static void take_sample(void *context, const struct sample *sample)
{
    struct fleet *fleet = context;
    if (sample->quality != QUALITY_GOOD ||
        ++fleet->samples != (device_count - dead_count) * blocks * ROWS ||
        fleet->ticked <= WARM_UP_TICKS)
        return;
    double took_ms = (double)(mono_ns() - fleet->polled_ns) / 1e6;
    fleet->whole++;
    fleet->sum_ms += took_ms;
    fleet->worst_ms = fmax(fleet->worst_ms, took_ms);
}

static void judge_tick(struct fleet *fleet)
{
    double late_ms = (double)(fleet->polled_ns - fleet->first_ns) / 1e6 - TICK_MS * fleet->ticked;
    fleet->worst_late_ms = fmax(fleet->worst_late_ms, late_ms);
    fleet->late += late_ms > LATE_MS;
}

static void on_tick(uv_timer_t *timer)
{
    struct fleet *fleet = timer->data;
    fleet->polled_ns = mono_ns();
    fleet->ticked++;
    if (fleet->ticked > WARM_UP_TICKS)
        judge_tick(fleet);
    if (fleet->ticked > fleet->ticks) {
        uv_stop(&fleet->loop);
        return;
    }
    fleet->samples = 0;
    if (fleet->driver)
        driver_poll(fleet->driver, clock_now_ms(&fleet->clock));
    /* The next tick keeps to the grid, as in the daemon, however late this one was. */
    int64_t due_ns = fleet->first_ns + (fleet->ticked + 1) * TICK_MS * INT64_C(1000000);
    int64_t wait_ms = (due_ns - mono_ns() + 999999) / 1000000;
    uv_update_time(&fleet->loop);
    uv_timer_start(timer, on_tick, (uint64_t)(wait_ms > 0 ? wait_ms : 0), 0);
}

static void run_ticks(struct fleet *fleet, int count)
{
    fleet->ticks = WARM_UP_TICKS + count;
    uv_timer_init(&fleet->loop, &fleet->timer);
    fleet->timer.data = fleet;
    uv_update_time(&fleet->loop);
    fleet->first_ns = mono_ns();
    uv_timer_start(&fleet->timer, on_tick, TICK_MS, 0);
    uv_run(&fleet->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&fleet->timer, NULL);
}

static void measure(struct fleet *fleet, uint16_t port)
{
    struct bench_site site;
    struct driver_sink sink = {take_sample, ignore_link, ignore_written, fleet};
    struct error error;
    site_init(&site, device_count, dead_count, blocks, port);
    if (modbus_master_create(&fleet->loop, &fleet->clock, site.topology, site.wires, site.count,
                             site.devices, site.count, &sink, &fleet->driver, &error) < 0)
        die(error.text);
    run_ticks(fleet, ticks);
    driver_destroy(fleet->driver);
    uv_run(&fleet->loop, UV_RUN_DEFAULT);
    site_finish(&site);
}

static double measure_libmodbus_ms(uint16_t port)
{
    const struct task task = {.port = port, .devices = device_count};
    double best_ms = INFINITY;
    for (int i = 0; i < SWEEPS; i++)
        best_ms = fmin(best_ms, sweep_libmodbus_ms(&task, dead_count));
    return best_ms;
}

static void report(const struct fleet *fleet, const struct fleet *idle, double libmodbus_ms)
{
    char value[40], beside[40];
    snprintf(value, sizeof value, "%.1f ms", fleet->worst_ms);
    snprintf(beside, sizeof beside, "limit %g ms", READ_LIMIT_MS);
    print_row("all living ones read, worst", value, beside, fleet->worst_ms / READ_LIMIT_MS);
    double mean_ms = fleet->sum_ms / fleet->whole;
    snprintf(value, sizeof value, "%.1f ms", mean_ms);
    snprintf(beside, sizeof beside, "%.0f ms", libmodbus_ms);
    print_row("the same, mean, beside libmodbus", value, beside, mean_ms / libmodbus_ms);
    snprintf(value, sizeof value, "%d of %d", ticks - fleet->whole, ticks);
    print_row("rounds not read whole", value, "limit 0", ticks - fleet->whole);
    snprintf(value, sizeof value, "%d of %d", fleet->late, ticks);
    print_row("ticks late by over 10 ms", value, "limit 0", fleet->late);
    snprintf(value, sizeof value, "%.1f ms", fleet->worst_late_ms);
    snprintf(beside, sizeof beside, "%.1f ms", idle->worst_late_ms);
    print_row("tick late, worst, beside no devices", value, beside, NAN);
    printf("%d devices of %d blocks that answer after %g ms, %d of them silent for ever (time-out "
           "%d ms); a tick of %d ms; libmodbus: best of %d sweeps over one block each\n",
           device_count, blocks, delay_ms, dead_count, REPLY_TIMEOUT_MS, TICK_MS, SWEEPS);
}

static bool read_arguments(int argc, char **argv)
{
    device_count = argc > 1 ? atoi(argv[1]) : device_count;
    dead_count = argc > 2 ? atoi(argv[2]) : dead_count;
    delay_ms = argc > 3 ? atof(argv[3]) : delay_ms;
    ticks = argc > 4 ? atoi(argv[4]) : ticks;
    blocks = argc > 5 ? atoi(argv[5]) : blocks;
    return argc <= 6 && device_count >= 1 && device_count <= LIMIT_DEVICES && dead_count >= 0 &&
           dead_count < device_count && delay_ms >= 0 && delay_ms < REPLY_TIMEOUT_MS &&
           ticks >= 1 && blocks >= 1 && blocks <= BLOCKS;
}

int main(int argc, char **argv)
{
    static struct fleet fleet, idle;
    uint16_t port;
    if (!read_arguments(argc, argv)) {
        fprintf(stderr, "usage: bench_fleet [DEVICES [DEAD [DELAY_MS [TICKS [BLOCKS]]]]]\n");
        return 2;
    }
    pid_t devices = start_devices(device_count, (int64_t)(delay_ms * 1e6), &port);
    clock_init_real(&fleet.clock);
    uv_loop_init(&fleet.loop);
    uv_loop_init(&idle.loop);
    measure(&fleet, port);
    run_ticks(&idle, IDLE_TICKS);
    double libmodbus_ms = measure_libmodbus_ms(port);
    stop_devices(devices);
    uv_run(&idle.loop, UV_RUN_DEFAULT);
    uv_loop_close(&idle.loop);
    uv_loop_close(&fleet.loop);
    report(&fleet, &idle, libmodbus_ms);
    return 0;
}
