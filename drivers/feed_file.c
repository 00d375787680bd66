/* Files are looked at now and then, because notification does not work across file servers. A file
 * that changes is left alone until two looks find it the same: a half-written CSV looks whole. */
#include "drivers/feed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/utc.h"

static struct feed_mark mark_of(const struct stat *status)
{
    return (struct feed_mark){status->st_dev, status->st_ino, status->st_size,
                              status->st_mtim.tv_sec * INT64_C(1000000000) +
                                  status->st_mtim.tv_nsec};
}

static bool same(const struct feed_mark *a, const struct feed_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns;
}

static bool rests(const struct feed_mark *mark, int64_t rest_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    return now_ns - mark->modified_ns > rest_ms * 1000000;
}

static enum reason fail(enum reason reason, const char *path, const char *why,
                        struct error *ret_cause)
{
    error_set(ret_cause, 0, "%s: %s", path, why);
    return reason;
}

static enum reason read_all(struct feed_file *file, int descriptor, const char *path,
                            struct error *ret_cause)
{
    size_t size = (size_t)file->seen.size;
    char *bytes = realloc(file->bytes, size + 1);
    if (!bytes)
        return fail(REASON_FEED_UNREACHABLE, path, "out of memory", ret_cause);
    file->bytes = bytes;
    file->length = 0;
    while (file->length <= size) {
        ssize_t got = read(descriptor, bytes + file->length, size + 1 - file->length);
        if (got < 0 && errno != EINTR)
            return fail(REASON_FEED_UNREACHABLE, path, strerror(errno), ret_cause);
        if (got == 0)
            break;
        file->length += got > 0 ? (size_t)got : 0;
    }
    return REASON_NONE;
}

static enum reason take(struct feed_file *file, int descriptor, const char *path, int64_t rest_ms,
                        struct error *ret_cause)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0)
        return fail(REASON_FEED_UNREACHABLE, path, strerror(errno), ret_cause);
    if (!S_ISREG(status.st_mode))
        return fail(REASON_FEED_REFUSED, path, "it is no regular file", ret_cause);
    struct feed_mark before = file->seen;
    file->seen = mark_of(&status);
    if (same(&file->seen, &file->taken))
        return REASON_FEED_DUPLICATE;
    if (!same(&file->seen, &before) && !rests(&file->seen, rest_ms))
        return REASON_FEED_PARTIAL;
    if (status.st_size > LIMIT_FEED_BYTES)
        return fail(REASON_FEED_MALFORMED, path, "it is too long", ret_cause);
    enum reason reason = read_all(file, descriptor, path, ret_cause);
    if (reason != REASON_NONE || fstat(descriptor, &status) < 0)
        return reason;
    struct feed_mark after = mark_of(&status);
    if (!same(&file->seen, &after) || file->length != (size_t)after.size)
        return REASON_FEED_PARTIAL; /* it was written to meanwhile */
    file->taken = after;
    file->again = same(&after, &file->refused);
    file->modified_ms = after.modified_ns / 1000000;
    return REASON_NONE;
}

enum reason feed_file_look(struct feed_file *file, const char *path, int64_t rest_ms,
                           struct error *ret_cause)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fail(REASON_FEED_UNREACHABLE, path, strerror(errno), ret_cause);
    enum reason reason = take(file, descriptor, path, rest_ms, ret_cause);
    close(descriptor);
    return reason;
}

void feed_file_forget(struct feed_file *file)
{
    file->refused = file->taken;
    file->taken = (struct feed_mark){0};
}

void feed_file_finish(struct feed_file *file)
{
    free(file->bytes);
}
