/* job.json is written once, durably, before submit returns; state.json is rewritten at each change
 * without a sync, because the control thread must not wait for the disk: after a power failure
 * lock, pid and exit decide, and those are synced by the supervisor. */
#include "drivers/batch_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/batch_spool_levels.h"
#include "drivers/spool_file.h"

enum {
    JOB_TEXT = 96 * 1024, /* bytes of job.json: three commands, escaped, and the rest */
    STATE_TEXT = 4096,
    ID_TEXT = 24,
    ROOM_BELOW = 64, /* bytes of a path below the spool */
    LOCK_TRIES = 20, /* a killed predecessor's last fork may hold the lock for a moment */
};

static const struct timespec lock_pause = {.tv_nsec = 50 * 1000 * 1000};
static const char new_prefix[] = "new.";
static const char ended_name[] = "ended";

static int fail(const struct spool *spool, struct error *error, const char *what, const char *name)
{
    return error_set(error, ERROR_SYSTEM, "%s/%s: %s: %s", spool->path, name, what,
                     strerror(errno));
}

const char *spool_directory(int64_t id, char *buffer, size_t size)
{
    snprintf(buffer, size, "%" PRId64, id);
    return buffer;
}

/* The id that a directory's name stands for; 0: none. */
static int64_t parse_id(const char *name)
{
    char *end;
    if (name[0] < '1' || name[0] > '9')
        return 0;
    errno = 0;
    long long id = strtoll(name, &end, 10);
    return errno == 0 && *end == '\0' ? id : 0;
}

/* ---- opening ---- */

static DIR *open_directory(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *directory = fdopendir(fd);
    if (!directory)
        close(fd);
    return directory;
}

static int64_t highest_id(int at, const char *name)
{
    int64_t highest = 0;
    DIR *directory = open_directory(at, name);
    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        int64_t id = parse_id(entry->d_name);
        highest = id > highest ? id : highest;
    }
    closedir(directory);
    return highest;
}

static void read_next_id(struct spool *spool)
{
    char text[ID_TEXT];
    int64_t next = 0;
    if (spool_read(spool->fd, ".", "next-id", text, sizeof(text), NULL) == 0) {
        text[strcspn(text, "\n")] = '\0';
        next = parse_id(text);
    }
    int64_t highest = highest_id(spool->fd, ".");
    if (next == 0) { /* lost: ids of jobs that were kept are not used again either */
        int64_t ended = highest_id(spool->fd, ended_name);
        highest = ended > highest ? ended : highest;
    }
    spool->next_id = next > highest ? next : highest + 1;
}

static void remove_half_submitted(const struct spool *spool)
{
    static const char *const files[] = {"job.json.tmp", "job.json"};
    DIR *directory = open_directory(spool->fd, ".");
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strncmp(entry->d_name, new_prefix, sizeof(new_prefix) - 1) != 0)
            continue;
        char path[LIMIT_PATH];
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
            snprintf(path, sizeof(path), "%s/%s", entry->d_name, files[i]);
            unlinkat(spool->fd, path, 0);
        }
        unlinkat(spool->fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(directory);
}

static int take_lock(struct spool *spool, struct error *error)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = spool_lock(spool->fd, ".", error);
        if (fd >= 0) {
            spool->lock_fd = fd;
            return 0;
        }
        if (fd != SPOOL_HELD)
            return fd;
        nanosleep(&lock_pause, NULL);
    }
    return error_set(error, ERROR_INVALID,
                     "%s: in use by another controller; stop it or configure another spool",
                     spool->path);
}

static int open_root(struct spool *spool, const char *path, struct error *error)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_set(error, ERROR_SYSTEM,
                         "%s: cannot create the spool: %s; give this user the right to write there "
                         "or set another jobs.spool",
                         path, strerror(errno));
    spool->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *absolute = spool->fd < 0 ? NULL : realpath(path, NULL);
    int length = absolute ? snprintf(spool->path, sizeof(spool->path), "%s", absolute) : -1;
    free(absolute);
    if (length >= 0 && (size_t)length < sizeof(spool->path) - ROOM_BELOW)
        return 0;
    error_set(error, ERROR_SYSTEM, "%s: cannot open the spool: %s; set another jobs.spool", path,
              length < 0 ? strerror(errno) : "the path is too long");
    if (spool->fd >= 0)
        close(spool->fd);
    return ERROR_SYSTEM;
}

int spool_open(struct spool *spool, const char *path, struct error *error)
{
    memset(spool, 0, sizeof(*spool));
    spool->lock_fd = -1;
    int r = open_root(spool, path, error);
    if (r < 0)
        return r;
    r = take_lock(spool, error);
    if (r == 0 && mkdirat(spool->fd, ended_name, 0700) < 0 && errno != EEXIST)
        r = fail(spool, error, "cannot create", ended_name);
    if (r < 0) {
        spool_close(spool);
        return r;
    }
    remove_half_submitted(spool);
    read_next_id(spool);
    return 0;
}

void spool_close(struct spool *spool)
{
    if (spool->lock_fd >= 0)
        close(spool->lock_fd);
    close(spool->fd);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int spool_list(const struct spool *spool, int64_t *ret_ids, int most, struct error *error)
{
    int count = 0;
    DIR *directory = open_directory(spool->fd, ".");
    if (!directory)
        return fail(spool, error, "cannot list", "");
    for (struct dirent *entry; (entry = readdir(directory));) {
        int64_t id = parse_id(entry->d_name);
        if (id == 0)
            continue;
        if (count == most) {
            closedir(directory);
            return error_set(error, ERROR_FULL, "%s: more than %d jobs; move ended ones to %s/%s",
                             spool->path, most, spool->path, ended_name);
        }
        ret_ids[count++] = id;
    }
    closedir(directory);
    qsort(ret_ids, (size_t)count, sizeof(ret_ids[0]), compare_ids);
    return count;
}

/* ---- writing ---- */

static int write_json(const struct spool *spool, const char *directory, const char *name,
                      json_t *json, bool durable, struct error *error)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(json);
    if (!text)
        return error_set(error, ERROR_INVALID, "%s/%s/%s: a text is not valid UTF-8", spool->path,
                         directory, name);
    int r = spool_write(spool->fd, directory, name, text, strlen(text), durable, error);
    free(text);
    return r < 0 ? error_prefix(error, r, "%s", spool->path) : 0;
}

static json_t *command_words(const struct job_request *request)
{
    json_t *words = json_array();
    const char *word = request->command;
    for (int i = 0; i < request->argc; i++) {
        if (json_array_append_new(words, json_string(word)) < 0) {
            json_decref(words);
            return NULL;
        }
        word += strlen(word) + 1;
    }
    return words;
}

static json_t *job_to_json(const struct spool *spool, const struct job *job,
                           const struct job_request *request)
{
    json_t *deadline =
        job->deadline_ms == JOB_NO_DEADLINE ? json_null() : json_integer(job->deadline_ms);
    return json_pack(
        "{s:I, s:s, s:s, s:s, s:f, s:I, s:I, s:o, s:I, s:b, s:I, s:s, s:o, s:s, s:o, "
        "s:o, s:I, s:s}",
        "id", (json_int_t)job->id, "name", job->name, "owner", job->owner, "class",
        job_class_name(job->job_class), "power_w", job->power_w, "work_ms",
        (json_int_t)job->work_ms, "release_ms", (json_int_t)job->release_ms, "deadline_ms",
        deadline, "min_run_ms", (json_int_t)job->min_run_ms, "can_suspend", (int)job->can_suspend,
        "submitted_ms", (json_int_t)job->submitted_ms, "directory", request->directory, "command",
        command_words(request), "checkpoint", request->checkpoint, "levels",
        spool_levels_to_json(job), "accelerator_classes", spool_classes_to_json(spool, job),
        "restart_ms", (json_int_t)job->restart_ms, "level_command", request->level_command);
}

/* The directory appears under its id only when it is complete. */
static int publish(const struct spool *spool, const char *hidden, int64_t id, struct error *error)
{
    char directory[ID_TEXT];
    spool_directory(id, directory, sizeof(directory));
    if (renameat(spool->fd, hidden, spool->fd, directory) < 0)
        return fail(spool, error, "cannot rename to the job's id", hidden);
    if (fsync(spool->fd) < 0)
        return fail(spool, error, "cannot sync", directory);
    return 0;
}

int spool_submit(struct spool *spool, struct job *job, const struct job_request *request,
                 struct error *error)
{
    char hidden[sizeof(new_prefix) + ID_TEXT], text[ID_TEXT];
    int64_t id = spool->next_id;
    snprintf(hidden, sizeof(hidden), "%s%" PRId64, new_prefix, id);
    int length = snprintf(text, sizeof(text), "%" PRId64 "\n", id + 1);
    int r = spool_write(spool->fd, ".", "next-id", text, (size_t)length, false, error);
    if (r < 0)
        return error_prefix(error, r, "%s", spool->path);
    spool->next_id = id + 1;
    if (mkdirat(spool->fd, hidden, 0700) < 0)
        return fail(spool, error, "cannot create", hidden);
    job->id = id;
    r = write_json(spool, hidden, "job.json", job_to_json(spool, job, request), true, error);
    if (r == 0)
        r = publish(spool, hidden, id, error);
    if (r < 0)
        remove_half_submitted(spool);
    return r;
}

int spool_save(const struct spool *spool, const struct job *job, const char *group, bool durable,
               struct error *error)
{
    char directory[ID_TEXT];
    json_t *json = json_pack(
        "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:s, s:i, s:i, s:I, s:i}", "state",
        job_state_name(job->state), "reason", (int)job->reason, "ran_ms", (json_int_t)job->ran_ms,
        "updated_ms", (json_int_t)job->updated_ms, "state_ms", (json_int_t)job->state_ms,
        "started_ms", (json_int_t)job->started_ms, "ended_ms", (json_int_t)job->ended_ms,
        "suspensions", (int)job->suspensions, "exit_status", (int)job->exit_status, "group", group,
        "level", (int)job->level, "level_asked", (int)job->level_asked, "level_ms",
        (json_int_t)job->level_ms, "restarts", (int)job->restarts);
    spool_directory(job->id, directory, sizeof(directory));
    return write_json(spool, directory, "state.json", json, durable, error);
}

int spool_retire(const struct spool *spool, int64_t id, struct error *error)
{
    char directory[ID_TEXT], kept[sizeof(ended_name) + ID_TEXT];
    spool_directory(id, directory, sizeof(directory));
    snprintf(kept, sizeof(kept), "%s/%s", ended_name, directory);
    if (renameat(spool->fd, directory, spool->fd, kept) < 0)
        return fail(spool, error, "cannot move to ended", directory);
    return 0;
}

/* ---- reading ---- */

/* NULL and the result: SPOOL_ABSENT or an error that names the file. */
static json_t *read_json(const struct spool *spool, const char *directory, const char *name,
                         size_t most, int *ret_result, struct error *error)
{
    json_error_t cause;
    json_t *json = NULL;
    char *text = malloc(most);
    if (!text) {
        *ret_result = error_set(error, ERROR_SYSTEM, "out of memory");
        return NULL;
    }
    int r = spool_read(spool->fd, directory, name, text, most, error);
    if (r < 0)
        error_prefix(error, r, "%s", spool->path);
    if (r == 0 && !(json = json_loads(text, 0, &cause)))
        r = error_set(error, ERROR_INVALID, "%s/%s/%s:%d: %s", spool->path, directory, name,
                      cause.line, cause.text);
    free(text);
    *ret_result = r;
    return json;
}

static int damaged(const struct spool *spool, const char *directory, const char *name,
                   const char *what, struct error *error)
{
    return error_set(error, ERROR_INVALID, "%s/%s/%s: %s", spool->path, directory, name, what);
}

static int unpack_job(const struct spool *spool, const json_t *json, int64_t id,
                      struct spool_job *ret_job, const char **ret_cause)
{
    struct job *job = &ret_job->job;
    const char *name, *owner, *class_name, *checkpoint;
    const json_t *deadline;
    json_int_t stored_id, work, release, min_run, submitted;
    json_error_t cause;
    int can_suspend;
    if (json_unpack_ex((json_t *)json, &cause, 0,
                       "{s:I, s:s, s:s, s:s, s:F, s:I, s:I, s:o, s:I, s:b, s:I, s:s}", "id",
                       &stored_id, "name", &name, "owner", &owner, "class", &class_name, "power_w",
                       &job->power_w, "work_ms", &work, "release_ms", &release, "deadline_ms",
                       &deadline, "min_run_ms", &min_run, "can_suspend", &can_suspend,
                       "submitted_ms", &submitted, "checkpoint", &checkpoint) < 0) {
        *ret_cause = "a field is missing or has a wrong type";
        return ERROR_INVALID;
    }
    *ret_cause = "unknown class, or the id of another job";
    if (stored_id != id || job_class_find(class_name, &job->job_class) < 0)
        return ERROR_INVALID;
    snprintf(job->name, sizeof(job->name), "%s", name);
    snprintf(job->owner, sizeof(job->owner), "%s", owner);
    job->id = id;
    job->work_ms = work;
    job->release_ms = release;
    job->deadline_ms = json_is_null(deadline) ? JOB_NO_DEADLINE : json_integer_value(deadline);
    job->min_run_ms = min_run;
    job->can_suspend = can_suspend != 0;
    job->submitted_ms = job->updated_ms = job->state_ms = submitted;
    job->reason = REASON_SUBMITTED;
    job->feeder = job->group = -1;
    *ret_cause = "a level is wrong, or none of its classes of accelerators is configured any more";
    if (spool_levels_from_json(spool, json, ret_job) < 0)
        return ERROR_INVALID;
    ret_job->checkpoints = checkpoint[0] != '\0';
    return 0;
}

static bool known_reason(int number)
{
    enum reason reason;
    for (int i = 0; reason_catalogue(i, &reason); i++)
        if ((int)reason == number)
            return true;
    return false;
}

static int unpack_state(const json_t *json, struct spool_job *ret_job)
{
    struct job *job = &ret_job->job;
    const json_t *feeder = json_object_get(json, "feeder"); /* from before there were groups */
    const char *state_name;
    int reason, suspensions, exit_status;
    json_int_t ran, updated, state_ms, started, ended;
    if (json_unpack((json_t *)json, "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "state",
                    &state_name, "reason", &reason, "ran_ms", &ran, "updated_ms", &updated,
                    "state_ms", &state_ms, "started_ms", &started, "ended_ms", &ended,
                    "suspensions", &suspensions, "exit_status", &exit_status) < 0 ||
        job_state_find(state_name, &job->state) < 0 || !known_reason(reason))
        return ERROR_INVALID;
    job->reason = (enum reason)reason;
    int64_t number = json_is_integer(feeder) ? json_integer_value(feeder) : -1;
    job->feeder = number >= 0 && number < LIMIT_FEEDERS ? (int32_t)number : -1;
    job->ran_ms = ran;
    job->updated_ms = updated;
    job->state_ms = state_ms;
    job->started_ms = started;
    job->ended_ms = ended;
    job->suspensions = suspensions;
    job->exit_status = exit_status;
    spool_level_state_from_json(json, ret_job);
    return 0;
}

/* Absent (just submitted) or empty (a power failure) means: as submitted. */
static int load_state(const struct spool *spool, const char *directory, struct spool_job *ret_job,
                      struct error *error)
{
    int r;
    json_t *json = read_json(spool, directory, "state.json", STATE_TEXT, &r, error);
    if (!json)
        return r == SPOOL_ABSENT ? 0 : r;
    if (unpack_state(json, ret_job) < 0)
        r = damaged(spool, directory, "state.json", "a field is missing or wrong", error);
    json_decref(json);
    return r;
}

static json_t *read_job(const struct spool *spool, const char *directory, int *ret_result,
                        struct error *error)
{
    json_t *json = read_json(spool, directory, "job.json", JOB_TEXT, ret_result, error);
    if (!json && *ret_result == SPOOL_ABSENT)
        *ret_result = damaged(spool, directory, "job.json", "missing or empty", error);
    return json;
}

int spool_load(const struct spool *spool, int64_t id, struct spool_job *ret_job,
               struct error *error)
{
    char directory[ID_TEXT];
    int r;
    spool_directory(id, directory, sizeof(directory));
    json_t *json = read_job(spool, directory, &r, error);
    if (!json)
        return r;
    struct spool_job job = {.job = {.state = JOB_QUEUED}};
    const char *cause;
    if (unpack_job(spool, json, id, &job, &cause) < 0)
        r = damaged(spool, directory, "job.json", cause, error);
    json_decref(json);
    if (r == 0)
        r = load_state(spool, directory, &job, error);
    if (r < 0)
        return r;
    *ret_job = job;
    return 0;
}

static int unpack_command(const json_t *json, struct job_request *request)
{
    const char *directory, *checkpoint;
    const json_t *words;
    if (json_unpack((json_t *)json, "{s:s, s:o, s:s}", "directory", &directory, "command", &words,
                    "checkpoint", &checkpoint) < 0)
        return ERROR_INVALID;
    size_t argc = json_array_size(words), length = 0;
    if (argc < 1 || argc > LIMIT_JOB_ARGS)
        return ERROR_INVALID;
    for (size_t i = 0; i < argc; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        size_t size = word ? strlen(word) + 1 : sizeof(request->command) + 1;
        if (length + size > sizeof(request->command))
            return ERROR_INVALID;
        memcpy(request->command + length, word, size);
        length += size;
    }
    request->argc = (int)argc;
    request->command_length = (int)length;
    snprintf(request->directory, sizeof(request->directory), "%s", directory);
    snprintf(request->checkpoint, sizeof(request->checkpoint), "%s", checkpoint);
    const char *levels = json_string_value(json_object_get(json, "level_command"));
    snprintf(request->level_command, sizeof(request->level_command), "%s", levels ? levels : "");
    return 0;
}

int spool_load_command(const struct spool *spool, int64_t id, struct job_request *ret_request,
                       struct error *error)
{
    char directory[ID_TEXT];
    int r;
    spool_directory(id, directory, sizeof(directory));
    json_t *json = read_job(spool, directory, &r, error);
    if (!json)
        return r;
    memset(ret_request, 0, sizeof(*ret_request));
    if (unpack_command(json, ret_request) < 0)
        r = damaged(spool, directory, "job.json", "no usable command", error);
    json_decref(json);
    return r;
}
