/* The socket in front of api_answer, on the control thread's loop.
 *
 * One client can cost at most one buffer, one reply and some time: a line is answered before the
 * next one is read, and who neither asks nor reads for a while is dropped. */
#include "controller/serve/api.h"

#include <assert.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

enum { SILENCE_MS = 30000, BACKLOG = 16 };

struct client {
    struct api_server *server;
    uv_pipe_t pipe;
    uv_timer_t silence;
    uv_write_t write;
    int open_handles;
    bool closing;
    char asker[LIMIT_NAME];
    char *reply;
    size_t used, answered; /* bytes in `line`; of these already answered */
    char line[LIMIT_REQUEST_LINE];
};

struct api_server {
    struct api_core core;
    uv_pipe_t pipe;
    struct client *clients[LIMIT_CLIENTS];
    int holders; /* itself and its clients; the last one frees */
};

static void server_release(struct api_server *server)
{
    if (--server->holders == 0)
        free(server);
}

/* ---- one client ----------------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    if (--client->open_handles > 0)
        return;
    server_release(client->server);
    free(client->reply);
    free(client);
}

static void drop(struct client *client)
{
    if (client->closing)
        return;
    client->closing = true;
    for (int i = 0; i < LIMIT_CLIENTS; i++) {
        if (client->server->clients[i] == client)
            client->server->clients[i] = NULL;
    }
    uv_close((uv_handle_t *)&client->pipe, on_client_closed);
    uv_close((uv_handle_t *)&client->silence, on_client_closed);
}

static void on_silence(uv_timer_t *timer)
{
    drop(timer->data);
}

static void answer_next(struct client *client);

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;

    free(client->reply);
    client->reply = NULL;
    if (status < 0)
        drop(client);
    if (!client->closing)
        answer_next(client);
}

/* Sends a reply and takes ownership of it. */
static void send_reply(struct client *client, char *reply)
{
    uv_buf_t buffer;

    client->reply = reply;
    if (!reply) {
        drop(client);
        return;
    }
    buffer = uv_buf_init(reply, (unsigned)strlen(reply));
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buffer, 1, on_written) < 0) {
        drop(client);
    }
}

/* A last word that fits into any socket's buffer. */
static void refuse(struct client *client, const char *reply)
{
    const uv_buf_t buffer = uv_buf_init((char *)reply, (unsigned)strlen(reply));

    uv_try_write((uv_stream_t *)&client->pipe, &buffer, 1);
    drop(client);
}

static void allocate_rest(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct client *client = handle->data;

    (void)suggested;
    *ret_buffer =
        uv_buf_init(client->line + client->used, (unsigned)(sizeof(client->line) - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer);

/* Answers the first whole line, or reads on; while an answer is under way nothing is read. */
static void answer_next(struct client *client)
{
    char *start = client->line + client->answered;
    char *end = memchr(start, '\n', client->used - client->answered);

    uv_timer_start(&client->silence, on_silence, SILENCE_MS, 0);
    if (end) {
        *end = '\0';
        client->answered = (size_t)(end + 1 - client->line);
        uv_read_stop((uv_stream_t *)&client->pipe);
        send_reply(client, api_answer(&client->server->core, client->asker, start));
        return;
    }
    client->used -= client->answered;
    memmove(client->line, start, client->used);
    client->answered = 0;
    if (client->used == sizeof(client->line)) {
        refuse(client, "{\"ok\":false,\"reason\":\"invalid\","
                       "\"error\":\"the request line is too long\"}\n");
        return;
    }
    uv_read_start((uv_stream_t *)&client->pipe, allocate_rest, on_read);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct client *client = stream->data;

    (void)buffer;
    if (length < 0) {
        drop(client);
        return;
    }
    client->used += (size_t)length;
    if (length > 0)
        answer_next(client);
}

/* The user behind the socket. Only the local file is read: a directory service could make the
 * control thread wait. Others appear by their number. */
static void identify(uv_pipe_t *pipe, char ret_asker[LIMIT_NAME])
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    uv_os_fd_t fd = -1;
    struct passwd *entry;
    FILE *users;

    uv_fileno((uv_handle_t *)pipe, &fd);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
        snprintf(ret_asker, LIMIT_NAME, "unknown");
        return;
    }
    snprintf(ret_asker, LIMIT_NAME, "uid %u", peer.uid);
    users = fopen("/etc/passwd", "re");
    while (users && (entry = fgetpwent(users))) {
        if (entry->pw_uid == peer.uid) {
            snprintf(ret_asker, LIMIT_NAME, "%s", entry->pw_name);
            break;
        }
    }
    if (users)
        fclose(users);
}

static struct client *client_create(struct api_server *server)
{
    struct client *client = calloc(1, sizeof(*client));

    if (!client)
        return NULL;
    client->server = server;
    client->open_handles = 2;
    server->holders++;
    uv_pipe_init(server->pipe.loop, &client->pipe, 0);
    uv_timer_init(server->pipe.loop, &client->silence);
    client->pipe.data = client->silence.data = client;
    return client;
}

static bool seat(struct api_server *server, struct client *client)
{
    for (int i = 0; i < LIMIT_CLIENTS; i++) {
        if (!server->clients[i]) {
            server->clients[i] = client;
            return true;
        }
    }
    return false;
}

/* ---- the server ----------------------------------------------------------------------------- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct api_server *server = stream->data;
    struct client *client = status < 0 ? NULL : client_create(server);

    if (!client)
        return;
    if (uv_accept(stream, (uv_stream_t *)&client->pipe) < 0) {
        drop(client);
        return;
    }
    identify(&client->pipe, client->asker);
    if (seat(server, client))
        answer_next(client);
    else
        refuse(client, "{\"ok\":false,\"reason\":\"full\","
                       "\"error\":\"too many clients at once; try again in a moment\"}\n");
}

/* Nobody listens on an old daemon's socket: it may go. 0: the path is free now. */
static int clear_path(const char *path, const struct sockaddr_un *address, struct error *error)
{
    struct stat status;
    int fd, code;

    if (lstat(path, &status) < 0) {
        if (errno == ENOENT)
            return 0;
        return error_set(error, ERROR_SYSTEM, "socket %s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(status.st_mode))
        return error_set(error, ERROR_INVALID,
                         "socket %s: a file of this name exists and is no socket; remove it or "
                         "configure another path",
                         path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    code = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
    close(fd);
    if (code != ECONNREFUSED)
        return error_set(error, ERROR_INVALID,
                         "socket %s: another daemon listens there; stop it or configure another "
                         "path",
                         path);
    if (unlink(path) < 0)
        return error_set(error, ERROR_SYSTEM, "socket %s: unlink: %s", path, strerror(errno));
    return 0;
}

/* The mode is set between bind and listen: nobody can connect before it holds. */
static int open_socket(struct api_server *server, const char *path, unsigned mode,
                       struct error *error)
{
    int code = uv_pipe_bind(&server->pipe, path);

    if (code < 0)
        return error_set(error, ERROR_SYSTEM, "socket %s: bind: %s", path, uv_strerror(code));
    if (chmod(path, (mode_t)mode) < 0)
        return error_set(error, ERROR_SYSTEM, "socket %s: chmod: %s", path, strerror(errno));
    code = uv_listen((uv_stream_t *)&server->pipe, BACKLOG, on_connection);
    if (code < 0)
        return error_set(error, ERROR_SYSTEM, "socket %s: listen: %s", path, uv_strerror(code));
    return 0;
}

static void on_server_closed(uv_handle_t *handle)
{
    server_release(handle->data);
}

int api_server_create(struct uv_loop_s *loop, const char *path, unsigned mode,
                      const struct api_core *core, struct api_server **ret_server,
                      struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct api_server *server;
    int code;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, ERROR_INVALID,
                         "socket %s: the path is longer than %zu bytes; configure a shorter one",
                         path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    code = clear_path(path, &address, error);
    if (code < 0)
        return code;
    server = calloc(1, sizeof(*server));
    if (!server)
        return error_set(error, ERROR_SYSTEM, "socket %s: out of memory", path);
    server->core = *core;
    server->holders = 1;
    uv_pipe_init(loop, &server->pipe, 0);
    server->pipe.data = server;
    code = open_socket(server, path, mode, error);
    if (code < 0)
        api_server_destroy(server);
    else
        *ret_server = server;
    return code;
}

void api_server_destroy(struct api_server *server)
{
    for (int i = 0; i < LIMIT_CLIENTS; i++) {
        if (server->clients[i])
            drop(server->clients[i]);
    }
    uv_close((uv_handle_t *)&server->pipe, on_server_closed); /* removes the socket file */
}
