/* What one Modbus TCP read costs the controller, beside other clients of the same devices in turn:
 * bare sockets on epoll that send the very same requests and check nothing, libmodbus and bare
 * sockets that wait for each reply, and collectd's modbus plugin. The devices are a child process
 * that answers at once, or DELAY_MS after each request.
 *
 *   bench_modbus [SECONDS [DEVICES [DELAY_MS]]]      seconds for each of the clients */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "tools/bench/bench_devices.h"
#include "tools/bench/bench_peers.h"

enum { TURNS = 9 };

/* What the project sets itself: of the bare epoll client's throughput. */
static const double LEAST_SHARE = 0.8;

/* ---- the controller's driver ---- */

struct master {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct driver *driver;
    const struct task *task;
    int64_t samples, rounds, now_ms;
    bool warm;
    struct stopwatch watch;
    struct figures figures;
};

static void take_sample(void *context, const struct sample *sample)
{
    struct master *master = context;
    master->samples += sample->quality == QUALITY_GOOD;
}

static void take_link(void *context, int32_t device, enum link_state link, enum reason reason)
{
    (void)context, (void)device;
    if (link == LINK_DOWN) {
        fprintf(stderr, "bench_modbus: a device was lost: %s\n", reason_text(reason));
        exit(1);
    }
}

/* A round follows the round before it at once; the driver is never asked while one runs. */
static void next_round(uv_prepare_t *prepare)
{
    struct master *master = prepare->data;
    const int64_t reads = (int64_t)master->task->devices * BLOCKS;
    if (master->samples < reads * ROWS)
        return;
    master->samples = 0;
    master->rounds++;
    if (!master->warm && master->rounds == WARM_UP_ROUNDS) {
        master->warm = true;
        master->rounds = 0;
        stopwatch_start(&master->watch, master->task->run_ns);
    }
    if (master->warm && stopwatch_over(&master->watch)) {
        master->figures = stopwatch_read(&master->watch, master->rounds * reads);
        uv_stop(&master->loop);
        return;
    }
    master->now_ms += 1000;
    driver_poll(master->driver, master->now_ms);
}

static struct figures run_driver(const struct task *task)
{
    struct bench_site site;
    struct master master = {.now_ms = 1000, .task = task};
    struct clock clock;
    struct error error;
    struct driver_sink sink = {take_sample, take_link, ignore_written, &master};
    site_init(&site, task->devices, 0, BLOCKS, task->port);
    clock_init_real(&clock);
    uv_loop_init(&master.loop);
    if (modbus_master_create(&master.loop, &clock, site.topology, site.wires, site.count,
                             site.devices, site.count, &sink, &master.driver, &error) < 0)
        die(error.text);
    uv_prepare_init(&master.loop, &master.prepare);
    master.prepare.data = &master;
    uv_prepare_start(&master.prepare, next_round);
    driver_poll(master.driver, master.now_ms);
    uv_run(&master.loop, UV_RUN_DEFAULT);
    driver_destroy(master.driver);
    uv_close((uv_handle_t *)&master.prepare, NULL);
    uv_run(&master.loop, UV_RUN_DEFAULT);
    uv_loop_close(&master.loop);
    site_finish(&site);
    return master.figures;
}

/* ---- report ---- */

struct client {
    const char *name;
    struct figures (*run)(const struct task *task);
    struct figures turns[TURNS];
};

enum { DRIVER, EPOLL, LIBMODBUS, BARE, COLLECTD, CLIENTS };

static double rate(const struct figures *f)
{
    return (double)f->reads / f->wall_us * 1e6;
}

static double cost_us(const struct figures *f)
{
    return f->cpu_us / (double)f->reads;
}

static double memory_mib(const struct figures *f)
{
    return f->resident_mib;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double middle(double values[TURNS])
{
    qsort(values, TURNS, sizeof *values, compare);
    return values[TURNS / 2];
}

/* Other programs come and go: the clients take turns, and the middle of their turns counts. */
static double median(const struct client *client, double (*of)(const struct figures *))
{
    double values[TURNS];
    for (int i = 0; i < TURNS; i++)
        values[i] = of(&client->turns[i]);
    return middle(values);
}

/* Turns that follow each other meet the same machine: the middle of their ratios. */
static void print_share(const struct client *own, const struct client *peer)
{
    double shares[TURNS];
    for (int i = 0; i < TURNS; i++)
        shares[i] = rate(&own->turns[i]) / rate(&peer->turns[i]);
    double share = middle(shares);
    char value[40], least[40];
    snprintf(value, sizeof value, "%.2f", share);
    snprintf(least, sizeof least, "target %.2g", LEAST_SHARE);
    print_row("throughput, of the bare epoll client's", value, least, share / LEAST_SHARE);
    printf("of the bare epoll client's throughput, turn by turn: %.2f to %.2f\n", shares[0],
           shares[TURNS - 1]);
}

static void print_beside(const char *figure, const char *name, int decimals, const char *unit,
                         double own, double peer)
{
    char label[64], value[40], beside[40];
    snprintf(label, sizeof label, "%s, beside %s", figure, name);
    snprintf(value, sizeof value, "%.*f %s", decimals, own, unit);
    snprintf(beside, sizeof beside, "%.*f %s", decimals, peer, unit);
    print_row(label, value, beside, own / peer);
}

static void print_against(const struct client *own, const struct client *peer)
{
    print_beside("throughput", peer->name, 0, "reads/s", median(own, rate), median(peer, rate));
    print_beside("processor", peer->name, 1, "us a read", median(own, cost_us),
                 median(peer, cost_us));
}

/* A wide range says that the machine, not the client, made the figure. */
static void print_range(const struct client *client)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < TURNS; i++) {
        least = fmin(least, cost_us(&client->turns[i]));
        most = fmax(most, cost_us(&client->turns[i]));
    }
    printf("%s: %.1f to %.1f us a read over the turns\n", client->name, least, most);
}

static void report(const struct client clients[CLIENTS], const struct task *task, double delay_ms)
{
    print_share(&clients[DRIVER], &clients[EPOLL]);
    for (int c = DRIVER + 1; c < CLIENTS; c++)
        print_against(&clients[DRIVER], &clients[c]);
    print_beside("values", clients[COLLECTD].name, 0, "values/s",
                 median(&clients[DRIVER], rate) * ROWS, median(&clients[COLLECTD], rate));
    printf("%d devices of %d blocks of %d registers, answering after %g ms; median of %d turns\n",
           task->devices, BLOCKS, 2 * ROWS, delay_ms, TURNS);
    printf("a read brings the driver %d values of 2 registers, collectd one; collectd: 5 threads "
           "that block, no plugin that writes, %.1f MiB resident\n",
           ROWS, median(&clients[COLLECTD], memory_mib));
    for (int c = 0; c < CLIENTS; c++)
        print_range(&clients[c]);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3, delay_ms = argc > 3 ? atof(argv[3]) : 0;
    struct task task = {.devices = argc > 2 ? atoi(argv[2]) : 50,
                        .run_ns = (int64_t)(seconds / TURNS * 1e9)};
    if (!(seconds > 0) || task.devices < 1 || task.devices > LIMIT_DEVICES || !(delay_ms >= 0) ||
        delay_ms >= REPLY_TIMEOUT_MS) {
        fprintf(stderr, "usage: bench_modbus [SECONDS [DEVICES [DELAY_MS]]]\n");
        return 2;
    }
    static struct client clients[CLIENTS] = {
        [DRIVER] = {"driver", run_driver},          [EPOLL] = {"bare epoll", run_epoll},
        [LIBMODBUS] = {"libmodbus", run_libmodbus}, [BARE] = {"bare blocking", run_bare},
        [COLLECTD] = {"collectd", run_collectd},
    };
    pid_t devices = start_devices(task.devices, (int64_t)(delay_ms * 1e6), &task.port);
    for (int turn = 0; turn < TURNS; turn++)
        for (int c = 0; c < CLIENTS; c++)
            clients[c].turns[turn] = clients[c].run(&task);
    stop_devices(devices);
    report(clients, &task, delay_ms);
    return 0;
}
