/* The local runner with real processes: starts once, suspends, cancels, and survives kill -9 of
 * the daemon at any moment without losing or doubling a job. */
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

enum { PATIENCE_MS = 30000, CRASHES = 12, CRASH_JOBS = 4 };

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

/* ---- helpers ---- */

static void find_jobexec(char *ret_path)
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

static int64_t site_now(const struct site *site)
{
    return epoch_ms + (int64_t)((double)(real_now_ms() - site->first_ms) * site->speed);
}

static void open_site(struct site *site)
{
    struct error error = {""};
    int r = batch_local_create(&site->config, &site->batch, &error);
    if (r < 0)
        fail_msg("%s", error.text);
}

static int setup(void **state)
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

static void remove_tree(const char *path)
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
static void kill_leftovers(struct site *site)
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

static int teardown(void **state)
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

static void reopen(struct site *site)
{
    site->batch->verbs->destroy(site->batch);
    open_site(site);
}

static struct job_request shell(const char *script)
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

static int64_t submit(struct site *site, const struct job_request *request)
{
    struct error error = {""};
    int64_t id = 0;
    if (site->batch->verbs->submit(site->batch, request, site_now(site), &id, &error) < 0)
        fail_msg("%s", error.text);
    return id;
}

static int64_t submit_shell(struct site *site, const char *script)
{
    struct job_request request = shell(script);
    return submit(site, &request);
}

static int order(struct site *site, enum verb verb, int64_t id)
{
    struct error error = {""};
    struct command command = {
        .subsystem = SUBSYSTEM_JOBS, .verb = verb, .job_id = id, .reason = REASON_PLANNED};
    int r = site->batch->verbs->command(site->batch, &command, site_now(site), &error);
    if (r < 0)
        fail_msg("%s", error.text);
    return r;
}

static void poll_site(struct site *site)
{
    site->note_count +=
        site->batch->verbs->poll(site->batch, site_now(site), site->notes + site->note_count,
                                 LIMIT_JOB_NOTES - site->note_count);
}

static const struct job *find(const struct site *site, int64_t id)
{
    const struct job *jobs;
    int count = site->batch->verbs->jobs(site->batch, &jobs);
    for (int i = 0; i < count; i++)
        if (jobs[i].id == id)
            return &jobs[i];
    return NULL;
}

static void nap(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static const struct job *await_state(struct site *site, int64_t id, enum job_state state)
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

static void path_in(const struct site *site, int64_t id, const char *name, char *ret_path)
{
    snprintf(ret_path, LIMIT_PATH, "%s/spool/%" PRId64 "/%s", site->folder, id, name);
}

static void read_text(const char *path, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    size_t length = fread(ret_text, 1, size - 1, file);
    ret_text[length] = '\0';
    fclose(file);
}

static int count_lines(const char *path)
{
    char text[4096];
    int lines = 0;
    read_text(path, text, sizeof(text));
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    return lines;
}

static struct spool_pid pid_of(const struct site *site, int64_t id)
{
    char directory[LIMIT_PATH];
    struct spool_pid pid;
    struct error error;
    path_in(site, id, "", directory);
    assert_int_equal(spool_read_pid(AT_FDCWD, directory, &pid, &error), 0);
    return pid;
}

static bool noted(const struct site *site, int64_t id, enum job_input input, enum reason reason)
{
    for (int i = 0; i < site->note_count; i++)
        if (site->notes[i].job.id == id && site->notes[i].input == input &&
            site->notes[i].reason == reason)
            return true;
    return false;
}

static void await_gone(pid_t group)
{
    for (int waited = 0; waited < PATIENCE_MS && kill(-group, 0) == 0; waited += 10)
        nap(10);
    assert_int_equal(kill(-group, 0), -1);
    assert_int_equal(errno, ESRCH);
}

/* ---- tests ---- */

static void test_runs_a_command(void **state)
{
    struct site *site = *state;
    char path[LIMIT_PATH], text[4096];
    int64_t id = submit_shell(
        site, "echo \"$TIDEWATT_JOB_ID $TIDEWATT_SPEED $TIDEWATT_OUTPUT\"; echo oops >&2; exit 3");
    assert_int_equal(find(site, id)->state, JOB_QUEUED);
    assert_int_equal(order(site, VERB_JOB_START, id), 0);
    assert_int_equal(order(site, VERB_JOB_START, id), 0); /* idempotent */
    const struct job *job = await_state(site, id, JOB_FAILED);
    assert_int_equal(job->exit_status, 3);
    assert_int_equal(job->reason, REASON_EXITED_NONZERO);
    assert_int_equal(job->feeder, 0);
    assert_true(job->started_ms >= job->submitted_ms && job->ended_ms >= job->started_ms);
    path_in(site, id, "output", path);
    read_text(path, text, sizeof(text));
    char expected[4096];
    snprintf(expected, sizeof(expected), "%" PRId64 " 1 %s\noops\n", id, path);
    assert_string_equal(text, expected);
    assert_true(noted(site, id, JOB_INPUT_START, REASON_PLANNED));
    assert_true(noted(site, id, JOB_INPUT_RUNS, REASON_PLANNED));
    assert_true(noted(site, id, JOB_INPUT_EXIT_BAD, REASON_EXITED_NONZERO));
}

static void test_reports_what_cannot_start(void **state)
{
    struct site *site = *state;
    struct job_request request = shell("");
    request.argc = 1;
    request.command_length =
        snprintf(request.command, sizeof(request.command), "/no/such/program") + 1;
    int64_t id = submit(site, &request);
    assert_int_equal(order(site, VERB_JOB_START, id), 0);
    assert_int_equal(await_state(site, id, JOB_FAILED)->reason, REASON_START_FAILED);
    char path[LIMIT_PATH], text[4096];
    path_in(site, id, "output", path);
    read_text(path, text, sizeof(text));
    assert_non_null(strstr(text, "/no/such/program"));
}

static void test_refuses(void **state)
{
    struct site *site = *state;
    struct error error;
    int64_t id = 0;
    assert_int_equal(order(site, VERB_JOB_START, 99), REASON_UNKNOWN_JOB);
    struct job_request request = shell("true");
    request.power_w = 20000; /* the runner's own policy could never start it */
    site->batch->verbs->hold(site->batch, false);
    assert_int_equal(site->batch->verbs->submit(site->batch, &request, site_now(site), &id, &error),
                     ERROR_INVALID);
    site->batch->verbs->hold(site->batch, true);
    request = shell("true");
    request.argc = 4; /* more than there are */
    assert_int_equal(site->batch->verbs->submit(site->batch, &request, site_now(site), &id, &error),
                     ERROR_INVALID);
    id = submit_shell(site, "true");
    assert_int_equal(order(site, VERB_JOB_SUSPEND, id), REASON_WRONG_STATE);
    assert_int_equal(order(site, VERB_JOB_CANCEL, id), 0);
    assert_int_equal(find(site, id)->state, JOB_CANCELLED);
    assert_int_equal(order(site, VERB_JOB_START, id), REASON_WRONG_STATE);
}

static void test_suspend_really_stops(void **state)
{
    struct site *site = *state;
    char script[512], ticks[128];
    snprintf(ticks, sizeof(ticks), "%s/ticks", site->folder);
    snprintf(script, sizeof(script), "while :; do echo x >> %s; sleep 0.02; done", ticks);
    int64_t id = submit_shell(site, script);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    order(site, VERB_JOB_SUSPEND, id);
    await_state(site, id, JOB_SUSPENDED);
    struct spool_pid pid = pid_of(site, id);
    assert_int_equal(process_state(&pid), 'T');
    nap(100); /* a sleep that was about to end cannot write a line any more */
    int before = count_lines(ticks);
    nap(300);
    assert_int_equal(count_lines(ticks), before);
    order(site, VERB_JOB_RESUME, id);
    const struct job *job = await_state(site, id, JOB_RUNNING);
    assert_int_equal(job->suspensions, 1);
    for (int waited = 0; waited < PATIENCE_MS && count_lines(ticks) == before; waited += 10)
        nap(10);
    assert_true(count_lines(ticks) > before);
    order(site, VERB_JOB_CANCEL, id);
    await_state(site, id, JOB_CANCELLED);
    await_gone(pid.pid);
}

static void test_cancel_leaves_no_orphans(void **state)
{
    struct site *site = *state;
    int64_t id = submit_shell(site, "sleep 1000 & sleep 1000 & sh -c 'sleep 1000' & wait");
    int64_t ended = submit_shell(site, "sleep 1000 & exit 0");
    order(site, VERB_JOB_START, id);
    order(site, VERB_JOB_START, ended);
    await_state(site, id, JOB_RUNNING);
    struct spool_pid pid = pid_of(site, id);
    order(site, VERB_JOB_SUSPEND, id);
    await_state(site, id, JOB_SUSPENDED);
    order(site, VERB_JOB_CANCEL, id);
    assert_int_equal(await_state(site, id, JOB_CANCELLED)->reason, REASON_CANCELLED);
    await_gone(pid.pid);
    await_state(site, ended, JOB_COMPLETED);
    await_gone(pid_of(site, ended).pid);
}

static void test_checkpoint(void **state)
{
    struct site *site = *state;
    char runs[128], script[600];
    snprintf(runs, sizeof(runs), "%s/runs", site->folder);
    snprintf(script, sizeof(script),
             "echo run >> %s; trap 'exit 85' USR1; [ $(wc -l < %s) = 2 ] && exit 0; "
             "while :; do sleep 0.02; done",
             runs, runs);
    struct job_request request = shell(script);
    snprintf(request.checkpoint, sizeof(request.checkpoint), "kill -USR1 $TIDEWATT_PID");
    int64_t id = submit(site, &request);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    for (int waited = 0; waited < PATIENCE_MS && count_lines(runs) == 0; waited += 10)
        nap(10);
    nap(200); /* the trap is set after the line is written */
    order(site, VERB_JOB_SUSPEND, id);
    await_state(site, id, JOB_SUSPENDED);
    reopen(site);
    poll_site(site);
    assert_int_equal(find(site, id)->state, JOB_SUSPENDED);
    order(site, VERB_JOB_RESUME, id);
    assert_int_equal(await_state(site, id, JOB_COMPLETED)->suspensions, 1);
    assert_int_equal(count_lines(runs), 2);
}

static void test_failed_checkpoint_keeps_running(void **state)
{
    struct site *site = *state;
    struct error error;
    struct job_request request = shell("sleep 1000");
    snprintf(request.checkpoint, sizeof(request.checkpoint), "exit 1");
    int64_t id = submit(site, &request);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    order(site, VERB_JOB_SUSPEND, id);
    await_state(site, id, JOB_RUNNING);
    assert_true(batch_local_trouble(site->batch, &error));
    assert_non_null(strstr(error.text, "checkpoint"));
    order(site, VERB_JOB_CANCEL, id);
    await_state(site, id, JOB_CANCELLED);
}

static void test_adopts_after_restart(void **state)
{
    struct site *site = *state;
    int64_t running = submit_shell(site, "sleep 1000");
    int64_t stopped = submit_shell(site, "sleep 1000");
    int64_t waiting = submit_shell(site, "true");
    order(site, VERB_JOB_START, running);
    order(site, VERB_JOB_START, stopped);
    await_state(site, running, JOB_RUNNING);
    await_state(site, stopped, JOB_RUNNING);
    order(site, VERB_JOB_SUSPEND, stopped);
    int64_t stopped_ran_ms = await_state(site, stopped, JOB_SUSPENDED)->ran_ms;
    int64_t started_ms = find(site, running)->started_ms;
    site->batch->verbs->destroy(site->batch);
    nap(200);
    open_site(site);
    poll_site(site);
    assert_int_equal(find(site, running)->state, JOB_RUNNING);
    assert_int_equal(find(site, stopped)->state, JOB_SUSPENDED);
    assert_int_equal(find(site, waiting)->state, JOB_QUEUED);
    assert_true(noted(site, running, JOB_INPUT_RUNS, REASON_ADOPTED));
    assert_true(noted(site, stopped, JOB_INPUT_STOPPED, REASON_ADOPTED));
    int64_t now_ms = site_now(site);
    assert_int_equal(job_ran_ms(find(site, running), now_ms), now_ms - started_ms);
    assert_int_equal(job_ran_ms(find(site, stopped), now_ms), stopped_ran_ms);
    order(site, VERB_JOB_CANCEL, running);
    order(site, VERB_JOB_CANCEL, stopped);
    await_state(site, running, JOB_CANCELLED);
    await_state(site, stopped, JOB_CANCELLED);
}

static void test_end_while_no_daemon_runs(void **state)
{
    struct site *site = *state;
    site->speed = site->config.speed = 100;
    reopen(site);
    int64_t id = submit_shell(site, "sleep 0.3; exit 7");
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    site->batch->verbs->destroy(site->batch);
    nap(1000);
    open_site(site);
    const struct job *job = await_state(site, id, JOB_FAILED);
    assert_int_equal(job->exit_status, 7);
    /* It ended when it ended, not when it was noticed: 0.3 s real are 30 s of site time. */
    assert_in_range(job->ended_ms - job->started_ms, 30000, 70000);
    assert_int_equal(job->ran_ms, job->ended_ms - job->started_ms);
}

static void test_lost_supervisor(void **state)
{
    struct site *site = *state;
    int64_t id = submit_shell(site, "sleep 1000");
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    struct spool_pid pid = pid_of(site, id);
    char path[64], line[512];
    int parent = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid.pid);
    read_text(path, line, sizeof(line));
    assert_int_equal(sscanf(strrchr(line, ')'), ") %*c %d", &parent), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(await_state(site, id, JOB_LOST)->reason, REASON_VANISHED);
    await_gone(pid.pid); /* nothing runs unseen */
    reopen(site);
    poll_site(site);
    assert_int_equal(find(site, id)->state, JOB_LOST);
}

static void test_damaged_job_is_left_alone(void **state)
{
    struct site *site = *state;
    struct error error;
    char path[LIMIT_PATH];
    int64_t damaged = submit_shell(site, "true"), good = submit_shell(site, "true");
    path_in(site, damaged, "job.json", path);
    FILE *file = fopen(path, "w");
    fputs("{ \"id\": 1,\n \"na", file);
    fclose(file);
    reopen(site);
    assert_true(batch_local_trouble(site->batch, &error));
    assert_non_null(strstr(error.text, path));
    assert_false(batch_local_trouble(site->batch, &error));
    assert_null(find(site, damaged));
    order(site, VERB_JOB_START, good);
    await_state(site, good, JOB_COMPLETED);
    assert_true(submit_shell(site, "true") > good);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_one_runner_a_spool(void **state)
{
    struct site *site = *state;
    struct batch *other = NULL;
    struct error error;
    assert_int_equal(batch_local_create(&site->config, &other, &error), ERROR_INVALID);
    assert_non_null(strstr(error.text, site->config.spool));
    assert_null(other);
}

static void test_own_policy(void **state)
{
    struct site *site = *state;
    int64_t ids[5];
    for (int i = 0; i < 5; i++) /* 4 kW each: two on feeder 0, one on feeder 1 */
        ids[i] = submit_shell(site, i == 0 ? "sleep 0.5" : "sleep 1000");
    poll_site(site);
    assert_int_equal(find(site, ids[0])->state, JOB_QUEUED); /* held */
    site->batch->verbs->hold(site->batch, false);
    await_state(site, ids[2], JOB_RUNNING);
    assert_int_equal(find(site, ids[1])->feeder, 0);
    assert_int_equal(find(site, ids[2])->feeder, 1);
    assert_int_equal(find(site, ids[4])->state, JOB_QUEUED);
    assert_true(noted(site, ids[0], JOB_INPUT_START, REASON_BATCH_POLICY));
    await_state(site, ids[3], JOB_RUNNING); /* once the first has ended */
    assert_int_equal(find(site, ids[3])->feeder, 0);
    site->batch->verbs->hold(site->batch, true);
    for (int i = 1; i < 5; i++)
        order(site, VERB_JOB_CANCEL, ids[i]);
    for (int i = 1; i < 5; i++)
        await_state(site, ids[i], JOB_CANCELLED);
}

/* ---- levels and groups ---- */

static struct job_request elastic(const char *script, const char *level_command)
{
    struct job_request request = shell(script);
    request.levels[0] = (struct job_level){4000, 1, 0};
    request.levels[1] = (struct job_level){2500, 0.7, 0};
    request.level_count = 2;
    snprintf(request.level_command, sizeof(request.level_command), "%s", level_command);
    return request;
}

static int order_level(struct site *site, enum verb verb, int64_t id, int32_t level)
{
    struct error error = {""};
    struct command command = {.subsystem = SUBSYSTEM_JOBS,
                              .verb = verb,
                              .job_id = id,
                              .level = level,
                              .reason = REASON_PLANNED};
    return site->batch->verbs->command(site->batch, &command, site_now(site), &error);
}

static void await_settled(struct site *site, int64_t id)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        poll_site(site);
        if (find(site, id)->level == find(site, id)->level_asked)
            return;
        nap(10);
    }
    fail_msg("the level of job %" PRId64 " is still being changed", id);
}

static void await_output(struct site *site, int64_t id, const char *expected)
{
    char path[LIMIT_PATH], text[256];
    path_in(site, id, "output", path);
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        read_text(path, text, sizeof(text));
        if (strcmp(text, expected) == 0)
            return;
        nap(10);
    }
    assert_string_equal(text, expected);
}

static void test_the_level_command_changes_the_level(void **state)
{
    struct site *site = *state;
    struct job_request request = elastic("echo at $TIDEWATT_LEVEL; exec sleep 1000",
                                         "echo to $TIDEWATT_LEVEL $TIDEWATT_POWER_W");
    int64_t id = submit(site, &request);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), REASON_WRONG_STATE);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    await_output(site, id, "at 0\n");
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 2), REASON_WRONG_STATE);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), 0);
    assert_int_equal(find(site, id)->level, 0);                    /* asked, not reached */
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), 0); /* idempotent */
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 1);
    assert_true(job_power_w(find(site, id)) == 2500);
    await_output(site, id, "at 0\nto 1 2500\n");
    reopen(site); /* what was reached is known to the next daemon */
    poll_site(site);
    assert_int_equal(find(site, id)->level, 1);
    assert_int_equal(find(site, id)->level_count, 2);
    order(site, VERB_JOB_CANCEL, id);
    await_state(site, id, JOB_CANCELLED);
}

static void test_a_failing_level_command_changes_nothing(void **state)
{
    struct site *site = *state;
    struct error trouble = {""};
    struct job_request request = elastic("exec sleep 1000", "exit 3");
    int64_t id = submit(site, &request);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), 0);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 0);
    assert_true(batch_local_trouble(site->batch, &trouble));
    assert_non_null(strstr(trouble.text, "level command"));
    order(site, VERB_JOB_CANCEL, id);
    await_state(site, id, JOB_CANCELLED);
}

static void test_a_job_starts_at_its_level(void **state)
{
    struct site *site = *state;
    struct job_request request = elastic("echo at $TIDEWATT_LEVEL $TIDEWATT_POWER_W", "true");
    int64_t id = submit(site, &request);
    order_level(site, VERB_JOB_START, id, 1);
    await_state(site, id, JOB_COMPLETED);
    await_output(site, id, "at 1 2500\n");
}

static void test_own_policy_keeps_groups_and_accelerators(void **state)
{
    struct site *site = *state;
    site->config.group_count = 2; /* both of feeder 0: 10 kW */
    site->config.groups[0] = (struct rack_group){.limit_w = 5000, .accelerators = {8}};
    site->config.groups[1] = (struct rack_group){.limit_w = 9000, .accelerators = {0, 8}};
    reopen(site);
    int64_t ids[3];
    for (int i = 0; i < 3; i++) {
        struct job_request request = shell("exec sleep 1000");
        request.levels[0] = (struct job_level){4000, 1, 8};
        request.level_count = 1;
        request.accelerator_classes = i == 0 ? 2 : 3; /* the first knows one class only */
        ids[i] = submit(site, &request);
    }
    site->batch->verbs->hold(site->batch, false);
    await_state(site, ids[1], JOB_RUNNING);
    assert_int_equal(find(site, ids[0])->group, 1);
    assert_int_equal(find(site, ids[1])->group, 0);
    poll_site(site);
    assert_int_equal(find(site, ids[2])->state, JOB_QUEUED); /* 12 kW, and no accelerators */
    site->batch->verbs->hold(site->batch, true);
    for (int i = 0; i < 3; i++)
        order(site, VERB_JOB_CANCEL, ids[i]);
    for (int i = 0; i < 3; i++)
        await_state(site, ids[i], JOB_CANCELLED);
}

static void test_ended_jobs_leave_after_a_day(void **state)
{
    struct site *site = *state;
    char path[LIMIT_PATH];
    int64_t id = submit_shell(site, "echo kept");
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_COMPLETED);
    struct job_note note;
    site->batch->verbs->poll(site->batch, site_now(site) + DAY_MS - MINUTE_MS, &note, 1);
    assert_non_null(find(site, id));
    site->batch->verbs->poll(site->batch, site_now(site) + DAY_MS + MINUTE_MS, &note, 1);
    assert_null(find(site, id));
    snprintf(path, sizeof(path), "%s/spool/ended/%" PRId64 "/output", site->folder, id);
    assert_int_equal(access(path, F_OK), 0);
    assert_true(submit_shell(site, "true") > id);
}

/* ---- crashes ---- */

/* The daemon's life until it is killed: submits, starts, polls. Tells each id that it was given. */
static _Noreturn void live_until_killed(struct site *site, int tell)
{
    char script[512];
    struct error error;
    if (batch_local_create(&site->config, &site->batch, &error) < 0)
        _exit(3);
    snprintf(script, sizeof(script), "echo $TIDEWATT_JOB_ID >> %s/ran; sleep 0.05; exit 5",
             site->folder);
    struct job_request request = shell(script);
    request.power_w = 1;
    for (int i = 0; i < CRASH_JOBS; i++) {
        int64_t id;
        if (site->batch->verbs->submit(site->batch, &request, site_now(site), &id, &error) < 0 ||
            write(tell, &id, sizeof(id)) != sizeof(id))
            _exit(4);
        struct command start = {.verb = VERB_JOB_START, .job_id = id, .reason = REASON_PLANNED};
        if (site->batch->verbs->command(site->batch, &start, site_now(site), &error) < 0)
            _exit(5);
        struct job_note notes[8];
        site->batch->verbs->poll(site->batch, site_now(site), notes, 8);
    }
    for (;;) {
        struct job_note notes[8];
        site->batch->verbs->poll(site->batch, site_now(site), notes, 8);
        nap(1);
    }
}

static int collect_ids(int from, int64_t *ret_ids, int most)
{
    int count = 0;
    while (count < most && read(from, &ret_ids[count], sizeof(ret_ids[0])) == sizeof(ret_ids[0]))
        count++;
    return count;
}

static int times_run(const struct site *site, int64_t id)
{
    char path[LIMIT_PATH], text[16384], line[32];
    int times = 0;
    snprintf(path, sizeof(path), "%s/ran", site->folder);
    read_text(path, text, sizeof(text));
    snprintf(line, sizeof(line), "%" PRId64, id);
    for (char *word = strtok(text, "\n"); word; word = strtok(NULL, "\n"))
        times += strcmp(word, line) == 0;
    return times;
}

static void crash_once(struct site *site, int after_us, int64_t *ids, int *count)
{
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t daemon = fork();
    assert_true(daemon >= 0);
    if (daemon == 0) {
        close(tell[0]);
        live_until_killed(site, fcntl(tell[1], F_DUPFD_CLOEXEC, 10));
    }
    close(tell[1]);
    usleep((useconds_t)after_us);
    kill(daemon, SIGKILL);
    int status;
    waitpid(daemon, &status, 0);
    assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
    *count += collect_ids(tell[0], ids + *count, CRASH_JOBS);
    close(tell[0]);
}

static void finish_all(struct site *site)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
        const struct job *jobs;
        int open = 0;
        poll_site(site);
        site->note_count = 0;
        int count = site->batch->verbs->jobs(site->batch, &jobs);
        int64_t queued[LIMIT_JOBS];
        int queued_count = 0;
        for (int i = 0; i < count; i++) {
            open += !job_state_ended(jobs[i].state);
            if (jobs[i].state == JOB_QUEUED)
                queued[queued_count++] = jobs[i].id;
        }
        if (open == 0)
            return;
        for (int i = 0; i < queued_count; i++)
            order(site, VERB_JOB_START, queued[i]);
        nap(10);
    }
    fail_msg("jobs are still open");
}

static void test_kill_at_any_moment(void **state)
{
    struct site *site = *state;
    int64_t ids[CRASHES * CRASH_JOBS];
    int count = 0;
    srand(20261121);
    site->batch->verbs->destroy(site->batch);
    site->batch = NULL;
    for (int i = 0; i < CRASHES; i++)
        crash_once(site, 1000 + rand() % 80000, ids, &count);
    open_site(site);
    finish_all(site);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const struct job *job = find(site, ids[i]);
        if (!job)
            fail_msg("job %" PRId64 " was lost", ids[i]);
        assert_int_equal(job->state, JOB_FAILED);
        assert_int_equal(job->exit_status, 5);
        assert_int_equal(times_run(site, ids[i]), 1);
        for (int j = 0; j < i; j++)
            assert_true(ids[j] != ids[i]);
    }
    const struct job *jobs;
    int known = site->batch->verbs->jobs(site->batch, &jobs);
    for (int i = 0; i < known; i++) /* also those whose submit was cut before it could tell */
        assert_int_equal(times_run(site, jobs[i].id), 1);
    struct error error;
    if (batch_local_trouble(site->batch, &error))
        fail_msg("%s", error.text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_runs_a_command),
        TEST(test_reports_what_cannot_start),
        TEST(test_refuses),
        TEST(test_suspend_really_stops),
        TEST(test_cancel_leaves_no_orphans),
        TEST(test_checkpoint),
        TEST(test_failed_checkpoint_keeps_running),
        TEST(test_adopts_after_restart),
        TEST(test_end_while_no_daemon_runs),
        TEST(test_lost_supervisor),
        TEST(test_damaged_job_is_left_alone),
        TEST(test_one_runner_a_spool),
        TEST(test_own_policy),
        TEST(test_the_level_command_changes_the_level),
        TEST(test_a_failing_level_command_changes_nothing),
        TEST(test_a_job_starts_at_its_level),
        TEST(test_own_policy_keeps_groups_and_accelerators),
        TEST(test_ended_jobs_leave_after_a_day),
        TEST(test_kill_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
