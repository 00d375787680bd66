/* Which Modbus devices share a wire: a serial bus by its name, a TCP connection by its address.
 * Devices that name the same one take turns on it. */
#include "controller/core/config_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MODBUS_PORT = 502,
    RTU_UNIT_MOST = 247, /* above are reserved; 0 speaks to all and is answered by none */
};

static const char *const FRAMINGS[] = {"tcp", "rtu", NULL};
static const char *const PARITIES[] = {"none", "even", "odd", NULL};

/* ---- buses ---- */

static bool is_baud(int64_t baud)
{
    static const int BAUDS[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
    for (size_t i = 0; i < sizeof BAUDS / sizeof *BAUDS; i++)
        if (BAUDS[i] == baud)
            return true;
    return false;
}

static int find_bus(const struct config *config, const char *name)
{
    for (int i = 0; i < config->bus_count; i++)
        if (strcmp(config->buses[i].name, name) == 0)
            return i;
    return -1;
}

static void read_bus(struct conf_node *node, struct config *config)
{
    struct config_bus bus = {.wire = -1};
    const char *name = conf_string_required(node, "name");
    const char *path = conf_string_required(node, "device");
    bus.serial.baud = (int)conf_integer(node, "baud", 19200, 1200, 115200);
    bus.serial.parity = (enum serial_parity)conf_choice(node, "parity", PARITIES, PARITY_EVEN);
    bus.serial.stop_bits = (int)conf_integer(node, "stop_bits", 1, 1, 2);
    if (!is_baud(bus.serial.baud))
        conf_error(node, "baud %d: use 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200",
                   bus.serial.baud);
    if (!name || !path)
        return;
    if (strlen(name) >= sizeof bus.name || strlen(path) >= sizeof bus.serial.path) {
        conf_error(node, "name or device is too long: at most %zu and %zu bytes",
                   sizeof bus.name - 1, sizeof bus.serial.path - 1);
        return;
    }
    for (int i = 0; i < config->bus_count; i++) {
        if (strcmp(config->buses[i].serial.path, path) == 0)
            conf_error(node, "device \"%s\" is already that of bus \"%s\": name each line once",
                       path, config->buses[i].name);
    }
    if (find_bus(config, name) >= 0)
        conf_error(node, "bus \"%s\" is there twice: give each its own name", name);
    snprintf(bus.name, sizeof bus.name, "%s", name);
    snprintf(bus.serial.path, sizeof bus.serial.path, "%s", path);
    config->buses[config->bus_count++] = bus;
}

void config_read_buses(struct conf_node *top, struct config *config)
{
    struct conf_node *list = conf_list(top, "buses", false);
    if (conf_length(list) > LIMIT_BUSES) {
        conf_error(list, "more than %d buses", LIMIT_BUSES);
        return;
    }
    for (size_t i = 0; i < conf_length(list); i++)
        read_bus(conf_item(list, i), config);
}

/* ---- wires ---- */

static int add_wire(struct config *config, const struct modbus_wire *wire)
{
    config->modbus_wires[config->wire_count] = *wire; /* at most one a device */
    return config->wire_count++;
}

static int wire_of_bus(struct conf_node *node, struct config *config, const char *name)
{
    if (conf_has(node, "address") || conf_has(node, "framing"))
        conf_error(node, "a device on a bus has no address or framing: remove them, or bus");
    int b = find_bus(config, name);
    if (b < 0) {
        conf_error(node, "no bus \"%s\": declare it under buses, with its serial device", name);
        return -1;
    }
    struct config_bus *bus = &config->buses[b];
    if (bus->wire < 0)
        bus->wire =
            add_wire(config, &(struct modbus_wire){.is_serial = true, .serial = bus->serial});
    return bus->wire;
}

/* "host:port" or "[v6]:port"; the port may be left out. A bare IPv6 literal has no port. */
static bool split_address(const char *text, char *ret_host, size_t size, uint16_t *ret_port)
{
    const char *host = text, *end = text + strlen(text), *port = NULL;
    const char *colon = strchr(text, ':');
    if (*text == '[') {
        host = text + 1;
        const char *close = strchr(host, ']');
        if (!close || (close[1] != '\0' && close[1] != ':'))
            return false;
        port = close[1] == ':' ? close + 2 : NULL;
        end = close;
    } else if (colon && !strchr(colon + 1, ':')) {
        end = colon;
        port = colon + 1;
    }
    char *rest = NULL;
    long number = port ? strtol(port, &rest, 10) : MODBUS_PORT;
    if (end == host || (size_t)(end - host) >= size || (port && (*rest || rest == port)) ||
        number < 1 || number > 65535)
        return false;
    memcpy(ret_host, host, (size_t)(end - host));
    ret_host[end - host] = '\0';
    *ret_port = (uint16_t)number;
    return true;
}

static int wire_of_address(struct conf_node *node, struct config *config, const char *address)
{
    struct modbus_wire wire = {0};
    struct modbus_stream_config *stream = &wire.stream;
    stream->framing = (enum modbus_framing)conf_choice(node, "framing", FRAMINGS, FRAMING_TCP);
    if (!split_address(address, stream->host, sizeof stream->host, &stream->port)) {
        conf_error(node, "address \"%s\": write HOST:PORT or [IPv6]:PORT, e.g. 192.0.2.7:502",
                   address);
        return -1;
    }
    for (int i = 0; i < config->wire_count; i++) {
        const struct modbus_stream_config *other = &config->modbus_wires[i].stream;
        if (config->modbus_wires[i].is_serial || other->port != stream->port ||
            strcmp(other->host, stream->host) != 0)
            continue;
        if (other->framing != stream->framing)
            conf_error(node,
                       "framing differs from that of another device at %s: all that share an "
                       "address share one connection; make it the same",
                       address);
        return i;
    }
    return add_wire(config, &wire);
}

static bool uses_rtu(const struct modbus_wire *wire)
{
    return wire->is_serial || wire->stream.framing == FRAMING_RTU;
}

static void check_unit(struct conf_node *node, const struct config *config,
                       const struct modbus_device *device)
{
    const struct modbus_wire *wire = &config->modbus_wires[device->wire];
    bool given = conf_has(node, "unit");
    if (wire->is_serial && !given)
        conf_error(node, "unit is missing: on a bus each device has a unit number, 1 to %d",
                   RTU_UNIT_MOST);
    else if (uses_rtu(wire) && (device->unit < 1 || device->unit > RTU_UNIT_MOST))
        conf_error(node, "unit %d: in RTU frames it is 1 to %d", device->unit, RTU_UNIT_MOST);
    /* One unit may be several devices, each with a profile of its own: an inverter, its battery and
     * its meter. */
    for (int i = 0; i < config->modbus_count; i++) {
        const struct modbus_device *other = &config->modbus_devices[i];
        if (other->wire != device->wire || other->unit != device->unit || !device->profile ||
            other->profile != device->profile)
            continue;
        conf_error(
            node, "unit %d%s is already that of device \"%s\" with the same profile and %s: %s",
            device->unit, given ? "" : " (the default)",
            config->topology->devices[other->device].name, wire->is_serial ? "bus" : "address",
            "give each device its own unit, or another address");
        return;
    }
}

void config_read_wire(struct conf_node *node, struct config *config, struct modbus_device *device)
{
    const char *bus = conf_string(node, "bus", "");
    device->unit = (uint8_t)conf_integer(node, "unit", 1, 0, 255);
    if (*bus) {
        device->wire = wire_of_bus(node, config, bus);
    } else {
        const char *address = conf_string_required(node, "address");
        device->wire = address ? wire_of_address(node, config, address) : -1;
    }
    if (device->wire >= 0)
        check_unit(node, config, device);
}
