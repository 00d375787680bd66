/* See modbus_server.h. Frames are collected here, because modbus_receive would block on half a
 * request; libmodbus then checks and answers whole ones. */
#include "tools/twin/modbus_server.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/base/log.h"

enum {
    CLIENTS_MOST = 128,
    BACKLOG = 8,
    HEADER = 6, /* bytes before those that the length field counts */
    FRAME_MOST = 260,
    READ_HOLDING = 3,
    READ_INPUT = 4,
    WRITE_ONE = 6,
    WRITE_SEVERAL = 16,
};

struct client {
    int fd;
    int device;
    size_t length;
    uint8_t bytes[FRAME_MOST];
};

struct slave {
    modbus_t *modbus;
    int listener; /* -1: none */
    modbus_mapping_t *mapping;
    struct registers registers;
};

struct modbus_server {
    struct modbus_server_hooks hooks;
    struct slave slaves[TWIN_DEVICES];
    struct client clients[CLIENTS_MOST];
    int client_count;
};

static uint16_t word_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Start and end */

static int listen_on(struct slave *slave, uint16_t port, struct error *error)
{
    slave->modbus = modbus_new_tcp("127.0.0.1", port);
    if (slave->modbus == NULL)
        return error_set(error, ERROR_SYSTEM, "libmodbus: %s", modbus_strerror(errno));
    /* libmodbus sleeps that long after some refusals */
    modbus_set_response_timeout(slave->modbus, 0, 1);
    slave->listener = modbus_tcp_listen(slave->modbus, BACKLOG);
    if (slave->listener < 0)
        return error_set(error, ERROR_SYSTEM,
                         "cannot listen on 127.0.0.1:%u: %s; choose others with --base-port", port,
                         strerror(errno));
    return 0;
}

static int slave_init(struct slave *slave, const struct profile *profile, uint16_t port,
                      struct error *error)
{
    struct registers *registers = &slave->registers;

    registers_init(registers, profile);
    slave->mapping = modbus_mapping_new_start_address(
        0, 0, 0, 0, (unsigned)registers->start[TABLE_HOLDING],
        (unsigned)registers->count[TABLE_HOLDING], (unsigned)registers->start[TABLE_INPUT],
        (unsigned)registers->count[TABLE_INPUT]);
    if (slave->mapping == NULL)
        return error_set(error, ERROR_SYSTEM, "out of memory for registers");
    registers->words[TABLE_HOLDING] = slave->mapping->tab_registers;
    registers->words[TABLE_INPUT] = slave->mapping->tab_input_registers;
    return listen_on(slave, port, error);
}

int modbus_server_create(uint16_t base_port, const struct profile *const profiles[TWIN_DEVICES],
                         const struct modbus_server_hooks *hooks, struct modbus_server **ret_server,
                         struct error *error)
{
    struct modbus_server *server = calloc(1, sizeof(*server));
    int result = 0;

    if (server == NULL)
        return error_set(error, ERROR_SYSTEM, "out of memory for the Modbus server");
    server->hooks = *hooks;
    for (int i = 0; i < TWIN_DEVICES; i++)
        server->slaves[i].listener = -1;
    for (int i = 0; result == 0 && i < TWIN_DEVICES; i++)
        result = slave_init(&server->slaves[i], profiles[i], (uint16_t)(base_port + 1 + i), error);
    if (result < 0)
        modbus_server_destroy(server);
    else
        *ret_server = server;
    return result;
}

void modbus_server_destroy(struct modbus_server *server)
{
    if (server == NULL)
        return;
    for (int i = 0; i < server->client_count; i++)
        close(server->clients[i].fd);
    for (int i = 0; i < TWIN_DEVICES; i++) {
        if (server->slaves[i].listener >= 0)
            close(server->slaves[i].listener);
        modbus_mapping_free(server->slaves[i].mapping);
        modbus_free(server->slaves[i].modbus);
    }
    free(server);
}

/* Answering */

/* Length of the whole frame once the header is there; 0: not yet; negative: no Modbus. */
static int frame_length(const struct client *client)
{
    int rest;

    if (client->length < HEADER)
        return 0;
    rest = word_at(client->bytes + 4);
    if (word_at(client->bytes + 2) != 0 || rest < 2 || rest > FRAME_MOST - HEADER)
        return -1;
    return HEADER + rest;
}

/* The request after the MBAP header. */
struct request {
    int function, address, count, length;
    uint16_t words[MODBUS_MAX_WRITE_REGISTERS];
};

/* False when the frame's length does not fit its function. */
static bool parse_request(const uint8_t *frame, int length, struct request *request)
{
    const uint8_t *pdu = frame + HEADER + 1;

    request->function = pdu[0];
    request->length = length - HEADER - 1;
    if (request->function != READ_HOLDING && request->function != READ_INPUT &&
        request->function != WRITE_ONE && request->function != WRITE_SEVERAL)
        return true;
    if (request->length < 5)
        return false;
    request->address = word_at(pdu + 1);
    request->count = request->function == WRITE_ONE ? 1 : word_at(pdu + 3);
    request->words[0] = word_at(pdu + 3);
    if (request->function != WRITE_SEVERAL)
        return request->length == 5;
    if (request->count < 1 || request->count > MODBUS_MAX_WRITE_REGISTERS ||
        request->length != 6 + 2 * request->count || pdu[5] != 2 * request->count)
        return false;
    for (int i = 0; i < request->count; i++)
        request->words[i] = word_at(pdu + 6 + 2 * i);
    return true;
}

/* 0: libmodbus may answer; else the exception to answer with. */
static int refusal(const struct registers *registers, const uint8_t *frame,
                   const struct request *request)
{
    if (frame[HEADER] != TWIN_UNIT)
        return MODBUS_EXCEPTION_GATEWAY_TARGET;
    switch (request->function) {
    case READ_HOLDING:
    case READ_INPUT:
        if (request->count < 1 || request->count > registers->profile->max_registers)
            return MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE;
        return 0;
    case WRITE_ONE:
    case WRITE_SEVERAL:
        return registers_check_write(registers, request->address, request->count, request->words);
    default:
        return MODBUS_EXCEPTION_ILLEGAL_FUNCTION;
    }
}

static void tell_written(struct modbus_server *server, int device, const struct request *request)
{
    const struct registers *registers = &server->slaves[device].registers;
    double value;

    for (int row = 0; row < registers->profile->row_count; row++)
        if (registers_written(registers, row, request->address, request->count, &value))
            server->hooks.written(server->hooks.context, device,
                                  registers->profile->rows[row].point, value);
}

/* False: the connection is of no more use. */
static bool answer(struct modbus_server *server, struct client *client, int length)
{
    struct slave *slave = &server->slaves[client->device];
    struct request request = {0};
    int exception;

    if (server->hooks.silent(server->hooks.context, client->device))
        return true;
    if (!parse_request(client->bytes, length, &request))
        return false;
    modbus_set_socket(slave->modbus, client->fd);
    exception = refusal(&slave->registers, client->bytes, &request);
    if (exception != 0)
        return modbus_reply_exception(slave->modbus, client->bytes, (unsigned)exception) >= 0;
    server->hooks.refresh(server->hooks.context, client->device, &slave->registers);
    if (modbus_reply(slave->modbus, client->bytes, length, slave->mapping) < 0)
        return false;
    if (request.function == WRITE_ONE || request.function == WRITE_SEVERAL)
        tell_written(server, client->device, &request);
    return true;
}

static bool answer_all(struct modbus_server *server, struct client *client)
{
    int length;

    while ((length = frame_length(client)) > 0 && client->length >= (size_t)length) {
        if (!answer(server, client, length))
            return false;
        client->length -= (size_t)length;
        memmove(client->bytes, client->bytes + length, client->length);
    }
    return length >= 0;
}

static bool serve(struct modbus_server *server, struct client *client)
{
    ssize_t got = recv(client->fd, client->bytes + client->length,
                       sizeof(client->bytes) - client->length, MSG_DONTWAIT);

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    client->length += (size_t)got;
    return got > 0 && answer_all(server, client);
}

static void admit(struct modbus_server *server, int device)
{
    int fd = accept4(server->slaves[device].listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (server->client_count == CLIENTS_MOST) {
        log_warning("%s: refused a client, %d are connected", twin_devices[device].name,
                    CLIENTS_MOST);
        close(fd);
        return;
    }
    server->clients[server->client_count++] = (struct client){.fd = fd, .device = device};
}

void modbus_server_run(struct modbus_server *server, int timeout_ms)
{
    struct pollfd polled[TWIN_DEVICES + CLIENTS_MOST];
    int clients = server->client_count;

    for (int i = 0; i < TWIN_DEVICES; i++)
        polled[i] = (struct pollfd){.fd = server->slaves[i].listener, .events = POLLIN};
    for (int i = 0; i < clients; i++)
        polled[TWIN_DEVICES + i] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
    if (poll(polled, (nfds_t)(TWIN_DEVICES + clients), timeout_ms) <= 0)
        return;
    /* backwards: the last client takes the place of one that leaves */
    for (int i = clients - 1; i >= 0; i--) {
        if (polled[TWIN_DEVICES + i].revents == 0 || serve(server, &server->clients[i]))
            continue;
        close(server->clients[i].fd);
        server->clients[i] = server->clients[--server->client_count];
    }
    for (int i = 0; i < TWIN_DEVICES; i++)
        if (polled[i].revents != 0)
            admit(server, i);
}
