/* Opens wires, carries their events and the clock to modbus_wire.c, and is the driver that the
 * controller holds. One alarm serves every pause of every device. */
#include "drivers/modbus_master.h"

#include <assert.h>
#include <stdlib.h>

#include <uv.h>

#include "drivers/alarm.h"
#include "drivers/modbus_wire.h"

enum { CONNECT_LEAST_MS = 1000 };

/* A wire with the way back to its master, for the events of its port. */
struct line {
    struct wire wire;
    struct master *master;
};

struct master {
    struct driver driver; /* first: what callers hold */
    const struct clock *clock;
    const struct topology *topology;
    struct driver_sink sink;
    struct poll_tables tables;
    struct alarm alarm;
    struct line *lines;
    int line_count;
    struct modbus_unit *units;
    struct modbus_unit **turns; /* the units by wire */
    int unit_count;
    struct place {                /* by topology device */
        struct modbus_unit *unit; /* NULL: not ours */
        struct line *line;
    } * places;
};

static struct moment now_of(const struct master *master)
{
    return (struct moment){(int64_t)uv_hrtime(), clock_now_ms(master->clock)};
}

/* Sees to it that the wire is looked at again when a pause of it is over. */
static void rest(struct line *line)
{
    int64_t next_ns = wire_next_ns(&line->wire);
    if (next_ns != INT64_MAX)
        alarm_set(&line->master->alarm, next_ns);
}

static void on_alarm(struct alarm *alarm, int64_t now_ns)
{
    struct master *master = alarm->context;
    const struct moment now = {now_ns, clock_now_ms(master->clock)};
    for (int i = 0; i < master->line_count; i++) {
        wire_advance(&master->lines[i].wire, now);
        rest(&master->lines[i]);
    }
}

/* What ports tell */

static void on_up(void *context)
{
    struct line *line = context;
    wire_up(&line->wire, now_of(line->master));
    rest(line);
}

static void on_down(void *context, enum reason reason)
{
    struct line *line = context;
    wire_down(&line->wire, now_of(line->master), reason);
}

static void on_done(void *context, enum port_result result, const uint16_t *registers,
                    uint8_t exception)
{
    struct line *line = context;
    wire_done(&line->wire, now_of(line->master), result, registers, exception);
    rest(line);
}

static const struct port_events PORT_EVENTS = {on_up, on_down, on_done};

/* Verbs */

static void master_poll(struct driver *driver, int64_t now_ms)
{
    struct master *master = (struct master *)driver;
    for (int i = 0; i < master->line_count; i++) {
        struct line *line = &master->lines[i];
        const struct moment now = {(int64_t)uv_hrtime(), now_ms};
        for (int u = 0; u < line->wire.count; u++)
            unit_poll(line->wire.units[u], now, wire_reachable(&line->wire));
        wire_advance(&line->wire, now);
        rest(line);
    }
}

static const struct place *place_of(const struct master *master, int32_t device)
{
    bool known = device >= 0 && device < master->topology->device_count;
    return known && master->places[device].unit != NULL ? &master->places[device] : NULL;
}

static int master_write(struct driver *driver, int32_t point, double value, struct error *error)
{
    struct master *master = (struct master *)driver;
    const struct topology *topology = master->topology;
    bool known = point >= 0 && point < topology->point_count;
    const struct place *place = known ? place_of(master, topology->points[point].device) : NULL;
    if (place == NULL)
        return error_set(error, ERROR_INVALID, "point %d is of no Modbus device", point);
    struct wire *wire = &place->line->wire;
    const struct moment now = now_of(master);
    int result = unit_write(place->unit, now, point - place->unit->first_point, value,
                            wire_reachable(wire), error);
    wire_advance(wire, now);
    rest(place->line);
    return result;
}

static bool master_health(const struct driver *driver, int32_t device,
                          struct device_health *ret_health)
{
    const struct master *master = (const struct master *)driver;
    const struct place *place = place_of(master, device);
    if (place == NULL)
        return false;
    const struct wire *wire = &place->line->wire;
    struct device_health health = place->unit->health;
    bool waits = !wire_reachable(wire) || place->unit->aside_ns > (int64_t)uv_hrtime();
    if (health.link != LINK_UP && !waits)
        health.link = LINK_CONNECTING;
    if (wire->count == 1) /* on a shared wire nobody knows whose late reply it was */
        health.mismatches += wire->port->verbs->strays(wire->port);
    *ret_health = health;
    return true;
}

static void on_alarm_closed(uv_handle_t *handle)
{
    struct master *master = handle->data;
    for (int i = 0; i < master->unit_count; i++)
        unit_finish(&master->units[i]);
    free(master->units);
    free(master->turns);
    free(master->lines);
    free(master->places);
    free(master);
}

static void master_destroy(struct driver *driver)
{
    struct master *master = (struct master *)driver;
    for (int i = 0; i < master->line_count; i++)
        master->lines[i].wire.port->verbs->destroy(master->lines[i].wire.port);
    alarm_close(&master->alarm, on_alarm_closed, master);
}

static const struct driver_verbs VERBS = {
    .name = "modbus",
    .poll = master_poll,
    .write = master_write,
    .health = master_health,
    .destroy = master_destroy,
};

/* Creation */

static int add_unit(struct master *master, const struct modbus_device *config, struct line *line,
                    struct error *error)
{
    const struct device *device = &master->topology->devices[config->device];
    struct modbus_unit *unit = &master->units[master->unit_count++];
    assert(device->point_count == config->profile->row_count);
    line->wire.units[line->wire.count++] = unit;
    master->places[config->device] = (struct place){unit, line};
    return unit_init(unit, device->name, config->device, device->first_point, config->unit,
                     config->profile, &master->tables, &master->sink, error);
}

/* The wire's units, in the order of the devices. Takes its part of `turns`. */
static int add_units(struct master *master, struct line *line, int wire,
                     const struct modbus_device *devices, int count, int64_t *ret_timeout_ms,
                     struct error *error)
{
    line->wire.units = master->turns + master->unit_count;
    *ret_timeout_ms = CONNECT_LEAST_MS;
    for (int i = 0; i < count; i++) {
        if (devices[i].wire != wire)
            continue;
        int result = add_unit(master, &devices[i], line, error);
        if (result < 0)
            return result;
        if (devices[i].profile->reply_timeout_ms > *ret_timeout_ms)
            *ret_timeout_ms = devices[i].profile->reply_timeout_ms;
    }
    return 0;
}

static struct modbus_port *open_port(uv_loop_t *loop, const struct modbus_wire *config,
                                     uint32_t seed, int64_t timeout_ms, struct line *line)
{
    if (config->is_serial) {
        struct modbus_serial_config serial = config->serial;
        serial.seed = seed;
        return modbus_serial_create(loop, &serial, &PORT_EVENTS, line);
    }
    struct modbus_stream_config stream = config->stream;
    stream.seed = seed;
    stream.connect_timeout_ms = timeout_ms;
    return modbus_stream_create(loop, &stream, &PORT_EVENTS, line);
}

static int add_line(struct master *master, uv_loop_t *loop, const struct modbus_wire *config,
                    int wire, const struct modbus_device *devices, int count, struct error *error)
{
    struct line *line = &master->lines[master->line_count];
    int64_t timeout_ms;
    if (!config->is_serial && (config->stream.host[0] == '\0' || config->stream.port == 0))
        return error_set(error, ERROR_INVALID, "Modbus wire %d: needs a host and a port", wire);
    line->master = master;
    line->wire.keeps = config->is_serial;
    int result = add_units(master, line, wire, devices, count, &timeout_ms, error);
    if (result < 0)
        return result;
    uint32_t seed = 0x9e3779b9u * (uint32_t)(wire + 1) | 1;
    line->wire.port = open_port(loop, config, seed, timeout_ms, line);
    if (line->wire.port == NULL)
        return error_set(error, ERROR_SYSTEM, "Modbus wire %d: out of memory", wire);
    master->line_count++;
    return 0;
}

static struct master *allocate(const struct topology *topology, int wire_count, int count)
{
    struct master *master = calloc(1, sizeof(*master));
    if (master == NULL)
        return NULL;
    master->lines = calloc((size_t)wire_count + 1, sizeof(*master->lines));
    master->units = calloc((size_t)count + 1, sizeof(*master->units));
    master->turns = calloc((size_t)count + 1, sizeof(*master->turns));
    master->places = calloc((size_t)topology->device_count + 1, sizeof(*master->places));
    if (master->lines == NULL || master->units == NULL || master->turns == NULL ||
        master->places == NULL) {
        free(master->lines);
        free(master->units);
        free(master->turns);
        free(master->places);
        free(master);
        return NULL;
    }
    return master;
}

int modbus_master_create(uv_loop_t *loop, const struct clock *clock,
                         const struct topology *topology, const struct modbus_wire *wires,
                         int wire_count, const struct modbus_device *devices, int count,
                         const struct driver_sink *sink, struct driver **ret_driver,
                         struct error *error)
{
    struct master *master = allocate(topology, wire_count, count);
    if (master == NULL)
        return error_set(error, ERROR_SYSTEM, "Modbus master: out of memory");
    master->driver.verbs = &VERBS;
    master->clock = clock;
    master->topology = topology;
    master->sink = *sink;
    alarm_init(&master->alarm, loop, on_alarm, master);
    for (int i = 0; i < wire_count; i++) {
        int result = add_line(master, loop, &wires[i], i, devices, count, error);
        if (result < 0) {
            master_destroy(&master->driver);
            return result;
        }
    }
    *ret_driver = &master->driver;
    return 0;
}
