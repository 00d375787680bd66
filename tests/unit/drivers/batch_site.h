/* A local runner in a folder of its own, and what its tests ask of it. */
#ifndef TIDEWATT_TESTS_BATCH_SITE_H
#define TIDEWATT_TESTS_BATCH_SITE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/base/clock.h"
#include "controller/base/utc.h"
#include "drivers/batch_local.h"
#include "drivers/spool_file.h"

enum { PATIENCE_MS = 30000 };

static const int64_t epoch_ms = 1782000000000;

struct site {
    char folder[64];
    struct batch_local_config config;
    struct batch *batch;
    double speed;
    int64_t first_ms;
    struct job_note notes[LIMIT_JOB_NOTES]; /* of all polls */
    int note_count;
};

static inline void find_jobexec(char *ret_path)
{
    const char *given = getenv("TIDEWATT_JOBEXEC");
    char self[LIMIT_PATH - 64] = "";
    if (!given && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
        *strrchr(self, '/') = '\0';
    if (given)
        snprintf(ret_path, LIMIT_PATH, "%s", given);
    else
        snprintf(ret_path, LIMIT_PATH, "%s/../../controller/core/tidewatt-jobexec", self);
}

static inline int64_t site_now(const struct site *site)
{
    return epoch_ms + (int64_t)((double)(real_now_ms() - site->first_ms) * site->speed);
}

static inline void open_site(struct site *site)
{
    struct error error = {""};
    int r = batch_local_create(&site->config, &site->batch, &error);
    if (r < 0)
        fail_msg("%s", error.text);
}

static inline int setup(void **state)
{
    struct site *site = calloc(1, sizeof(*site));
    snprintf(site->folder, sizeof(site->folder), "/tmp/test_batch_XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    snprintf(site->config.spool, sizeof(site->config.spool), "%s/spool", site->folder);
    find_jobexec(site->config.jobexec);
    site->config.feeder_count = 2;
    site->config.feeder_limit_w[0] = 10000;
    site->config.feeder_limit_w[1] = 5000;
    site->speed = site->config.speed = 1;
    site->first_ms = real_now_ms();
    open_site(site);
    *state = site;
    return 0;
}

static inline void remove_tree(const char *path)
{
    char child[LIMIT_PATH];
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (unlink(child) < 0)
            remove_tree(child);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

/* What a failed test left running. */
static inline void kill_leftovers(struct site *site)
{
    const struct job *jobs;
    struct error error;
    int count = site->batch->verbs->jobs(site->batch, &jobs);
    for (int i = 0; i < count; i++) {
        char directory[128];
        struct spool_pid pid;
        snprintf(directory, sizeof(directory), "%s/spool/%" PRId64, site->folder, jobs[i].id);
        if (!job_state_ended(jobs[i].state) &&
            spool_read_pid(AT_FDCWD, directory, &pid, &error) == 0 && process_state(&pid) != 0)
            kill(-pid.pid, SIGKILL);
    }
}

static inline int teardown(void **state)
{
    struct site *site = *state;
    if (site->batch) {
        kill_leftovers(site);
        site->batch->verbs->destroy(site->batch);
    }
    remove_tree(site->folder);
    free(site);
    return 0;
}

static inline void reopen(struct site *site)
{
    site->batch->verbs->destroy(site->batch);
    open_site(site);
}

static inline struct job_request shell(const char *script)
{
    struct job_request request = {.name = "a job",
                                  .owner = "tester",
                                  .job_class = JOB_DEFERRABLE,
                                  .power_w = 4000,
                                  .work_ms = HOUR_MS,
                                  .deadline_ms = JOB_NO_DEADLINE,
                                  .can_suspend = true,
                                  .argc = 3};
    request.command_length =
        snprintf(request.command, sizeof(request.command), "sh%c-c%c%s", 0, 0, script) + 1;
    return request;
}

static inline int64_t submit(struct site *site, const struct job_request *request)
{
    struct error error = {""};
    int64_t id = 0;
    if (site->batch->verbs->submit(site->batch, request, site_now(site), &id, &error) < 0)
        fail_msg("%s", error.text);
    return id;
}

static inline int64_t submit_shell(struct site *site, const char *script)
{
    struct job_request request = shell(script);
    return submit(site, &request);
}

static inline int order(struct site *site, enum verb verb, int64_t id)
{
    struct error error = {""};
    struct command command = {
        .subsystem = SUBSYSTEM_JOBS, .verb = verb, .job_id = id, .reason = REASON_PLANNED};
    int r = site->batch->verbs->command(site->batch, &command, site_now(site), &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return r;
}

static inline void poll_site(struct site *site)
{
    site->note_count +=
        site->batch->verbs->poll(site->batch, site_now(site), site->notes + site->note_count,
                                 LIMIT_JOB_NOTES - site->note_count);
}

static inline const struct job *find(const struct site *site, int64_t id)
{
    const struct job *jobs;
    int count = site->batch->verbs->jobs(site->batch, &jobs);
    for (int i = 0; i < count; i++)
        if (jobs[i].id == id)
            return &jobs[i];
    return NULL;
}

static inline void nap(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static inline const struct job *await_state(struct site *site, int64_t id, enum job_state state)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        poll_site(site);
        const struct job *job = find(site, id);
        if (job && job->state == state)
            return job;
        nap(10);
    }
    const struct job *job = find(site, id);
    fail_msg("job %" PRId64 " is %s, not %s", id, job ? job_state_name(job->state) : "unknown",
             job_state_name(state));
    return NULL;
}

static inline void path_in(const struct site *site, int64_t id, const char *name, char *ret_path)
{
    snprintf(ret_path, LIMIT_PATH, "%s/spool/%" PRId64 "/%s", site->folder, id, name);
}

static inline void read_text(const char *path, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    size_t length = fread(ret_text, 1, size - 1, file);
    ret_text[length] = '\0';
    fclose(file);
}

static inline int count_lines(const char *path)
{
    char text[4096];
    int lines = 0;
    read_text(path, text, sizeof(text));
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    return lines;
}

static inline struct spool_pid pid_of(const struct site *site, int64_t id)
{
    char directory[LIMIT_PATH];
    struct spool_pid pid;
    struct error error;
    path_in(site, id, "", directory);
    assert_int_equal(spool_read_pid(AT_FDCWD, directory, &pid, &error), 0);
    return pid;
}

static inline bool noted(const struct site *site, int64_t id, enum job_input input,
                         enum reason reason)
{
    for (int i = 0; i < site->note_count; i++)
        if (site->notes[i].job.id == id && site->notes[i].input == input &&
            site->notes[i].reason == reason)
            return true;
    return false;
}

static inline void await_gone(pid_t group)
{
    for (int waited = 0; waited < PATIENCE_MS && kill(-group, 0) == 0; waited += 10)
        nap(10);
    assert_int_equal(kill(-group, 0), -1);
    assert_int_equal(errno, ESRCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
