/* The asking side of the local interface: one line there, one line back, within a bounded time. */
#include "controller/serve/api.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, FIRST_ROOM = 65536 };

static int64_t mono_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int explain_connect(const char *path, int code, struct error *error)
{
    if (code == ENOENT || code == ECONNREFUSED)
        return error_set(error, ERROR_UNREACHABLE,
                         "no daemon listens at %s: start tidewattd, or name its socket with "
                         "--socket or TIDEWATT_SOCKET",
                         path);
    if (code == EACCES)
        return error_set(error, ERROR_UNREACHABLE,
                         "%s: permission denied: join the group of the socket or ask its owner",
                         path);
    return error_set(error, ERROR_UNREACHABLE, "%s: connect: %s", path, strerror(code));
}

static int open_connection(const char *path, int *ret_fd, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, code;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, ERROR_INVALID, "%s: a socket path has at most %zu bytes", path,
                         sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_set(error, ERROR_SYSTEM, "socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        code = errno;
        close(fd);
        return explain_connect(path, code, error);
    }
    *ret_fd = fd;
    return 0;
}

static int wait_for(int fd, short events, int64_t until_ms, const char *path, struct error *error)
{
    struct pollfd entry = {.fd = fd, .events = events};
    int64_t left_ms = until_ms - mono_ms();
    int code = left_ms > 0 ? poll(&entry, 1, (int)left_ms) : 0;

    if (code < 0 && errno != EINTR)
        return error_set(error, ERROR_SYSTEM, "%s: poll: %s", path, strerror(errno));
    if (code == 0)
        return error_set(error, ERROR_UNREACHABLE, "the daemon at %s did not answer within %d s",
                         path, PATIENCE_MS / 1000);
    return 0;
}

static int send_line(int fd, const char *line, int64_t until_ms, const char *path,
                     struct error *error)
{
    const char *const parts[] = {line, "\n"};

    for (int i = 0; i < 2; i++) {
        size_t left = strlen(parts[i]);

        while (left > 0) {
            ssize_t sent = send(fd, parts[i] + strlen(parts[i]) - left, left, MSG_NOSIGNAL);

            if (sent > 0)
                left -= (size_t)sent;
            else if (errno == EPIPE)
                return 0; /* refused before it was read: the reply says why */
            else if (errno == EAGAIN && wait_for(fd, POLLOUT, until_ms, path, error) < 0)
                return ERROR_UNREACHABLE;
            else if (errno != EAGAIN && errno != EINTR)
                return error_set(error, ERROR_UNREACHABLE, "%s: send: %s", path, strerror(errno));
        }
    }
    return 0;
}

struct reply {
    char *text;
    size_t used, room;
};

static int make_room(struct reply *reply, const char *path, struct error *error)
{
    size_t room = reply->room ? reply->room * 2 : FIRST_ROOM;
    char *grown;

    if (reply->used + 1 < reply->room)
        return 0;
    if (room > LIMIT_REPLY_LINE)
        return error_set(error, ERROR_INVALID, "%s: the reply is longer than %d bytes", path,
                         LIMIT_REPLY_LINE);
    grown = realloc(reply->text, room);
    if (!grown)
        return error_set(error, ERROR_SYSTEM, "out of memory");
    reply->text = grown;
    reply->room = room;
    return 0;
}

static int receive_line(int fd, struct reply *reply, int64_t until_ms, const char *path,
                        struct error *error)
{
    for (;;) {
        ssize_t got;
        char *end;

        if (make_room(reply, path, error) < 0 || wait_for(fd, POLLIN, until_ms, path, error) < 0)
            return ERROR_UNREACHABLE;
        got = recv(fd, reply->text + reply->used, reply->room - reply->used - 1, 0);
        if (got == 0)
            return error_set(error, ERROR_UNREACHABLE,
                             "the daemon at %s closed the connection without a reply", path);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got < 0)
            return error_set(error, ERROR_UNREACHABLE, "%s: recv: %s", path, strerror(errno));
        end = memchr(reply->text + reply->used, '\n', (size_t)got);
        reply->used += (size_t)got;
        if (end) {
            *end = '\0';
            return 0;
        }
    }
}

int api_call(const char *path, const char *line, char **ret_reply, struct error *error)
{
    const int64_t until_ms = mono_ms() + PATIENCE_MS;
    struct reply reply = {0};
    int fd = -1, code;

    code = open_connection(path, &fd, error);
    if (code < 0)
        return code;
    code = send_line(fd, line, until_ms, path, error);
    if (code == 0)
        code = receive_line(fd, &reply, until_ms, path, error);
    close(fd);
    if (code < 0)
        free(reply.text);
    else
        *ret_reply = reply.text;
    return code;
}
