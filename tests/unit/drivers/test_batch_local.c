/* The local runner with real processes: starts once, suspends, cancels, and survives kill -9 of
 * the daemon at any moment without losing or doubling a job. */
#include "tests/unit/drivers/batch_site.h"

enum { CRASHES = 12, CRASH_JOBS = 4 };

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
        TEST(test_ended_jobs_leave_after_a_day),
        TEST(test_kill_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
