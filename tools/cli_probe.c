/* `tidewatt probe`: tries a device before anything relies on it. It connects as the daemon would,
 * reads and shows registers beside what they mean; it never writes. */
#include "tools/cli_probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/base/log.h"

enum {
    MODBUS_TCP_PORT = 502,
    CONNECT_LEAST_MS = 3000,
    REPLY_MS = 2000,     /* where neither profile nor command line says */
    UNANSWERED_MOST = 3, /* in a row, of a device that has answered before */
    GATEWAY_NO_PATH = 0x0A,
    GATEWAY_NO_TARGET = 0x0B,
};

struct probe_options {
    const char *unit, *framing, *serial, *baud, *parity, *stop_bits, *profile;
    bool sunspec, json;
    double timeout_ms; /* 0: not given */
};

/* Reading */

static bool from_gateway(struct cli_read read)
{
    return read.result == PORT_EXCEPTION &&
           (read.exception == GATEWAY_NO_PATH || read.exception == GATEWAY_NO_TARGET);
}

/* By the device itself. */
static bool answered(struct cli_read read)
{
    return (read.result == PORT_REPLY || read.result == PORT_EXCEPTION) && !from_gateway(read);
}

struct cli_read cli_probe_read(struct cli_probe *probe, enum register_table table, uint16_t address,
                               uint16_t count, uint16_t *ret_registers)
{
    struct cli_read read = {.result = PORT_LOST};

    if (probe->given_up)
        return read;
    read.result = modbus_probe_read(probe->device, table == TABLE_HOLDING ? 3 : 4, address, count,
                                    ret_registers, &read.exception);
    if (answered(read)) {
        probe->heard = true;
        probe->unanswered = 0;
    } else if (!probe->heard || ++probe->unanswered == UNANSWERED_MOST) {
        probe->given_up = true;
        probe->last = read;
    }
    return read;
}

static const char *exception_name(uint8_t exception)
{
    static const char *const NAMES[] = {
        [1] = "illegal function",
        [2] = "illegal data address",
        [3] = "illegal data value",
        [4] = "device failure",
        [5] = "acknowledge",
        [6] = "device busy",
        [7] = "negative acknowledge",
        [8] = "memory parity error",
        [GATEWAY_NO_PATH] = "gateway has no path",
        [GATEWAY_NO_TARGET] = "gateway hears no answer",
    };
    const size_t count = sizeof(NAMES) / sizeof(NAMES[0]);

    return exception < count && NAMES[exception] ? NAMES[exception] : "unknown exception";
}

const char *cli_read_text(struct cli_read read, char buffer[CLI_TEXT_ROOM])
{
    switch (read.result) {
    case PORT_REPLY:
        return "";
    case PORT_EXCEPTION:
        snprintf(buffer, CLI_TEXT_ROOM, "%02X %s", read.exception, exception_name(read.exception));
        return buffer;
    case PORT_TIMEOUT:
        return "no answer";
    case PORT_MISMATCH:
        return "wrong answer";
    case PORT_LOST:
        return "no connection";
    }
    return "";
}

const char *cli_raw_text(const uint16_t *registers, int count, char buffer[CLI_RAW_ROOM])
{
    size_t used = 0;

    buffer[0] = '\0';
    for (int i = 0; i < count && used + 6 <= CLI_RAW_ROOM; i++)
        used += (size_t)snprintf(buffer + used, CLI_RAW_ROOM - used, "%s%04X", i ? " " : "",
                                 registers[i]);
    return buffer;
}

json_t *cli_raw_json(const uint16_t *registers, int count)
{
    json_t *list = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(registers[i]));
    return list;
}

void cli_probe_walk(struct cli_probe *probe, struct sunspec_walk *ret_walk)
{
    uint16_t address, count, registers[2];

    sunspec_walk_begin(ret_walk);
    while (!probe->given_up && sunspec_walk_next(ret_walk, &address, &count)) {
        struct cli_read read = cli_probe_read(probe, TABLE_HOLDING, address, count, registers);
        if (answered(read)) /* else it is asked again */
            sunspec_walk_take(ret_walk, read.result == PORT_REPLY ? registers : NULL);
    }
}

/* What is asked for */

static int parse_choice(const char *text, const char *const *names, const char *option,
                        int *ret_choice, struct error *error)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_choice = i;
            return 0;
        }
    }
    return error_set(error, ERROR_INVALID, "--%s is one of those in the help, not \"%s\"", option,
                     text);
}

static int parse_number(const char *text, const char *what, long least, long most, long *ret_number,
                        struct error *error)
{
    char *end;

    errno = 0;
    long number = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || number < least || number > most)
        return error_set(error, ERROR_INVALID, "%s is a number from %ld to %ld, not \"%s\"", what,
                         least, most, text);
    *ret_number = number;
    return 0;
}

/* "HOST", "HOST:PORT", "[2001:db8::1]:PORT" or a bare IPv6 address. */
static int parse_target(const char *text, struct modbus_stream_config *stream, struct error *error)
{
    const bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = bracketed ? strchr(host, ']') : strchr(host, ':');
    const char *port = NULL;
    long number = MODBUS_TCP_PORT;

    if (bracketed && !end)
        return error_set(error, ERROR_INVALID, "\"%s\" has no closing bracket", text);
    if (!bracketed && end && strchr(end + 1, ':'))
        end = NULL; /* several colons: an address, no port */
    size_t length = end ? (size_t)(end - host) : strlen(host);
    if (end && bracketed && end[1] != '\0' && end[1] != ':')
        return error_set(error, ERROR_INVALID, "\"%s\": a port follows as \":502\"", text);
    if (end && end[bracketed] == ':')
        port = end + bracketed + 1;
    if (length == 0 || length >= sizeof(stream->host))
        return error_set(error, ERROR_INVALID, "\"%s\" is no host of 1 to %zu letters", text,
                         sizeof(stream->host) - 1);
    if (port && parse_number(port, "the port", 1, 65535, &number, error) < 0)
        return ERROR_INVALID;
    memcpy(stream->host, host, length);
    stream->host[length] = '\0';
    stream->port = (uint16_t)number;
    return 0;
}

static int parse_serial(const struct probe_options *options, struct modbus_serial_config *serial,
                        struct error *error)
{
    static const char *const PARITIES[] = {"none", "even", "odd", NULL};
    long baud, stop_bits;
    int parity = PARITY_EVEN;

    if (strlen(options->serial) >= sizeof(serial->path))
        return error_set(error, ERROR_INVALID, "--serial: the path is too long");
    if (parse_number(options->baud, "--baud", 1200, 115200, &baud, error) < 0 ||
        parse_choice(options->parity, PARITIES, "parity", &parity, error) < 0 ||
        parse_number(options->stop_bits, "--stop-bits", 1, 2, &stop_bits, error) < 0)
        return ERROR_INVALID;
    strcpy(serial->path, options->serial);
    serial->baud = (int)baud;
    serial->parity = (enum serial_parity)parity;
    serial->stop_bits = (int)stop_bits;
    return 0;
}

static int parse_wire(const struct probe_options *options, const char *target,
                      struct modbus_wire *wire, struct error *error)
{
    static const char *const FRAMINGS[] = {"tcp", "rtu", NULL};
    int framing = FRAMING_TCP;

    if ((target != NULL) == (options->serial != NULL))
        return error_set(error, ERROR_INVALID, "give either a HOST or --serial PATH");
    wire->is_serial = options->serial != NULL;
    if (wire->is_serial)
        return parse_serial(options, &wire->serial, error);
    if (parse_choice(options->framing, FRAMINGS, "framing", &framing, error) < 0)
        return ERROR_INVALID;
    wire->stream.framing = (enum modbus_framing)framing;
    return parse_target(target, &wire->stream, error);
}

static int parse_config(const struct probe_options *options, const char *target,
                        struct modbus_probe_config *config, struct error *error)
{
    long unit = 0;

    if ((options->profile != NULL) == options->sunspec)
        return error_set(error, ERROR_INVALID, "give either --profile FILE or --sunspec");
    if (parse_number(options->unit, "--unit", 0, 255, &unit, error) < 0 ||
        parse_wire(options, target, &config->wire, error) < 0)
        return ERROR_INVALID;
    config->unit = (uint8_t)unit;
    return 0;
}

static void set_times(struct modbus_probe_config *config, const struct profile *profile,
                      double timeout_ms)
{
    config->reply_timeout_ms = timeout_ms > 0 ? (int64_t)timeout_ms : REPLY_MS;
    if (profile) {
        config->connect_delay_ms = profile->connect_delay_ms;
        config->inter_request_ms = profile->inter_request_ms;
        if (timeout_ms == 0)
            config->reply_timeout_ms = profile->reply_timeout_ms;
    }
    config->connect_timeout_ms =
        config->reply_timeout_ms > CONNECT_LEAST_MS ? config->reply_timeout_ms : CONNECT_LEAST_MS;
}

/* A device that does not answer */

static const char *remedy(const struct cli_probe *probe, const struct modbus_probe_config *config)
{
    const bool rtu = config->wire.stream.framing == FRAMING_RTU;

    if (from_gateway(probe->last))
        return "the gateway is there, but nobody answers it for this unit: check --unit and the "
               "bus behind it";
    if (config->wire.is_serial)
        return "check --unit, --baud, --parity, --stop-bits and the wiring";
    if (probe->last.result == PORT_TIMEOUT)
        return rtu ? "check --unit, or whether it speaks Modbus TCP (--framing tcp)"
                   : "check --unit, or whether it is a gateway for RTU frames (--framing rtu)";
    if (probe->last.result == PORT_MISMATCH)
        return rtu ? "what came is no Modbus RTU reply: try --framing tcp"
                   : "what came is no Modbus TCP reply: try --framing rtu, and check the port";
    return "it closes the connection when asked: it may serve one client at a time, or only known "
           "addresses";
}

static int say_unanswered(const struct cli_probe *probe, const struct modbus_probe_config *config)
{
    char text[CLI_TEXT_ROOM];

    fprintf(stderr, "tidewatt: unit %u%s: %s; %s\n", config->unit,
            probe->heard ? " has stopped answering" : "", cli_read_text(probe->last, text),
            remedy(probe, config));
    return CLI_NO_DAEMON;
}

/* The command */

static void note_profile(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "tidewatt: %s\n", text);
}

static int run(const struct probe_options *options, struct modbus_probe_config *config,
               const struct profile *profile)
{
    struct cli_probe probe = {.json = options->json};
    struct error error;

    log_set_level(LOG_LEVEL_ERROR); /* what is wrong is said here, once */
    set_times(config, profile, options->timeout_ms);
    if (modbus_probe_open(config, &probe.device, &error) < 0) {
        fprintf(stderr, "tidewatt: %s\n", error.text);
        return CLI_NO_DAEMON;
    }
    int code = profile ? cli_probe_profile(&probe, profile) : cli_probe_sunspec(&probe);
    modbus_probe_close(probe.device);
    return probe.given_up ? say_unanswered(&probe, config) : code;
}

static int run_profile(const struct probe_options *options, struct modbus_probe_config *config)
{
    static struct profile profile;
    struct error error;

    if (profile_load(options->profile, &profile, &error, note_profile, NULL) < 0)
        return CLI_REFUSED;
    return run(options, config, &profile);
}

int cli_probe(const struct cli_command *command, int argc, char **argv)
{
    struct probe_options asked = {
        .unit = "1", .framing = "tcp", .baud = "19200", .parity = "even", .stop_bits = "1"};
    const struct cli_option options[] = {
        {"profile", CLI_TEXT, &asked.profile, "FILE", "read the points of this device profile"},
        {"sunspec", CLI_FLAG, &asked.sunspec, NULL, "find out which SunSpec models it has"},
        {"unit", CLI_TEXT, &asked.unit, "N", "unit id (default 1)"},
        {"framing", CLI_TEXT, &asked.framing, "KIND",
         "tcp (default), or rtu behind a gateway that passes serial frames through"},
        {"serial", CLI_TEXT, &asked.serial, "PATH", "a serial line instead of HOST"},
        {"baud", CLI_TEXT, &asked.baud, "N", "of the serial line (default 19200)"},
        {"parity", CLI_TEXT, &asked.parity, "KIND", "none, even (default) or odd"},
        {"stop-bits", CLI_TEXT, &asked.stop_bits, "N", "1 (default) or 2"},
        {"timeout", CLI_DURATION, &asked.timeout_ms, "TIME",
         "for each reply (default: the profile's, else 2 s)"},
        {"json", CLI_FLAG, &asked.json, NULL, "print what was found for programs"},
        CLI_END_OF_OPTIONS};
    struct modbus_probe_config config = {0};
    struct cli_operands operands;
    struct error error;
    int code = cli_begin(command, options, argc, argv, 0, 1, &operands);

    if (code != CLI_GO_ON)
        return code;
    if (parse_config(&asked, operands.count ? operands.words[0] : NULL, &config, &error) < 0)
        return cli_usage(command, error.text);
    return asked.sunspec ? run(&asked, &config, NULL) : run_profile(&asked, &config);
}
