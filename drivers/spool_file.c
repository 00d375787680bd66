/* Kept free of any library, because the supervisor of every running job carries it. */
#include "drivers/spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/limits.h"

enum { STAT_TEXT = 1024, RECORD_TEXT = 160 };

static const char *const end_words[] = {
    [SPOOL_EXITED] = "exited",
    [SPOOL_SIGNALLED] = "signal",
    [SPOOL_NOT_STARTED] = "not-started",
};

static int fail(struct error *error, const char *what, const char *directory, const char *name)
{
    bool below = strcmp(directory, ".") != 0;
    return error_set(error, ERROR_SYSTEM, "%s%s%s: %s: %s%s", below ? directory : "",
                     below ? "/" : "", name, what, strerror(errno),
                     errno == ENOSPC ? ": free space on this disk" : "");
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

static int sync_directory(int at, const char *directory)
{
    int fd = openat(at, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    close(fd);
    return r;
}

static int write_file(int at, const char *path, const char *text, size_t length, bool durable)
{
    int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int r = write_all(fd, text, length);
    if (r == 0 && durable)
        r = fsync(fd);
    return close(fd) < 0 ? -1 : r;
}

int spool_write(int at, const char *directory, const char *name, const char *text, size_t length,
                bool durable, struct error *error)
{
    char path[LIMIT_PATH], temporary[LIMIT_PATH + 8];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (write_file(at, temporary, text, length, durable) < 0)
        return fail(error, "cannot write", directory, name);
    if (renameat(at, temporary, at, path) < 0)
        return fail(error, "cannot rename", directory, name);
    if (durable && sync_directory(at, directory) < 0)
        return fail(error, "cannot sync the directory", directory, name);
    return 0;
}

static ssize_t read_all(int fd, char *ret_text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, ret_text + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

int spool_read(int at, const char *directory, const char *name, char *ret_text, size_t size,
               struct error *error)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return SPOOL_ABSENT;
    if (fd < 0)
        return fail(error, "cannot open", directory, name);
    ssize_t length = read_all(fd, ret_text, size);
    close(fd);
    if (length < 0)
        return fail(error, "cannot read", directory, name);
    if ((size_t)length >= size)
        return error_set(error, ERROR_INVALID, "%s/%s: longer than %zu bytes", directory, name,
                         size - 1);
    ret_text[length] = '\0';
    return length == 0 ? SPOOL_ABSENT : 0;
}

int spool_write_pid(int at, const char *directory, const struct spool_pid *pid, struct error *error)
{
    char text[RECORD_TEXT];
    int length = snprintf(text, sizeof(text), "%d %" PRIu64 " %" PRId64 " %s\n", (int)pid->pid,
                          pid->start_ticks, pid->at_ms, pid->boot);
    return spool_write(at, directory, "pid", text, (size_t)length, true, error);
}

int spool_read_pid(int at, const char *directory, struct spool_pid *ret_pid, struct error *error)
{
    char text[RECORD_TEXT];
    int r = spool_read(at, directory, "pid", text, sizeof(text), error);
    if (r != 0)
        return r;
    struct spool_pid pid;
    int value;
    if (sscanf(text, "%d %" SCNu64 " %" SCNd64 " %39s", &value, &pid.start_ticks, &pid.at_ms,
               pid.boot) != 4 ||
        value <= 1)
        return error_set(error, ERROR_INVALID, "%s/pid: not a process record", directory);
    pid.pid = value;
    *ret_pid = pid;
    return 0;
}

int spool_write_exit(int at, const char *directory, const struct spool_exit *ending,
                     struct error *error)
{
    char text[RECORD_TEXT];
    int length = snprintf(text, sizeof(text), "%s %d %" PRId64 "\n", end_words[ending->end],
                          ending->value, ending->at_ms);
    return spool_write(at, directory, "exit", text, (size_t)length, true, error);
}

int spool_read_exit(int at, const char *directory, struct spool_exit *ret_exit, struct error *error)
{
    char text[RECORD_TEXT], word[16];
    int r = spool_read(at, directory, "exit", text, sizeof(text), error);
    if (r != 0)
        return r;
    struct spool_exit ending;
    if (sscanf(text, "%15s %d %" SCNd64, word, &ending.value, &ending.at_ms) == 3)
        for (int i = SPOOL_EXITED; i <= SPOOL_NOT_STARTED; i++)
            if (strcmp(word, end_words[i]) == 0) {
                ending.end = (enum spool_end)i;
                *ret_exit = ending;
                return 0;
            }
    return error_set(error, ERROR_INVALID, "%s/exit: not an exit record", directory);
}

int spool_lock(int at, const char *directory, struct error *error)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/lock", directory);
    int fd = openat(at, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, "cannot open", directory, "lock");
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    bool held = errno == EWOULDBLOCK;
    if (!held)
        fail(error, "cannot lock", directory, "lock");
    close(fd);
    return held ? SPOOL_HELD : ERROR_SYSTEM;
}

/* ---- /proc ---- */

static bool read_stat(pid_t pid, char *ret_state, uint64_t *ret_start_ticks)
{
    char path[64], text[STAT_TEXT];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read_all(fd, text, sizeof(text) - 1);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    const char *field = strrchr(text, ')'); /* the name may hold anything, also ')' */
    if (!field || sscanf(field + 1, " %c", ret_state) != 1)
        return false;
    for (int skipped = 0; field && skipped < 20; skipped++)
        field = strchr(field + 1, ' ');
    return field && sscanf(field, " %" SCNu64, ret_start_ticks) == 1;
}

static void read_boot(char ret_boot[40])
{
    if (spool_read(AT_FDCWD, "/proc/sys/kernel/random", "boot_id", ret_boot, 40, NULL) != 0)
        snprintf(ret_boot, 40, "unknown");
    ret_boot[strcspn(ret_boot, "\n")] = '\0';
}

bool process_identify(pid_t pid, struct spool_pid *ret_pid)
{
    struct spool_pid found = {.pid = pid, .at_ms = real_now_ms()};
    char state;
    if (!read_stat(pid, &state, &found.start_ticks))
        return false;
    read_boot(found.boot);
    *ret_pid = found;
    return true;
}

char process_state(const struct spool_pid *pid)
{
    char state, boot[40];
    uint64_t start_ticks;
    if (!read_stat(pid->pid, &state, &start_ticks) || start_ticks != pid->start_ticks)
        return 0;
    read_boot(boot);
    return strcmp(boot, pid->boot) == 0 ? state : 0;
}

int64_t real_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
