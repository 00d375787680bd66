/* The local runner's elastic jobs and their places: levels that are changed by a command, also when
 * the daemon dies in the midst of it, and rack groups and classes that the configuration moves. */
#include "tests/unit/drivers/batch_site.h"

static void name_classes(struct site *site, const char *first, const char *second)
{
    snprintf(site->config.accelerators[0], LIMIT_NAME, "%s", first);
    snprintf(site->config.accelerators[1], LIMIT_NAME, "%s", second);
    site->config.accelerator_count = 2;
}

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

static void cancel(struct site *site, int64_t id)
{
    order(site, VERB_JOB_CANCEL, id);
    await_state(site, id, JOB_CANCELLED);
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
    cancel(site, id);
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
    cancel(site, id);
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
    site->config.groups[0] =
        (struct rack_group){.name = "A1", .limit_w = 5000, .accelerators = {8}};
    site->config.groups[1] =
        (struct rack_group){.name = "A2", .limit_w = 9000, .accelerators = {0, 8}};
    name_classes(site, "h100", "a100");
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

/* ---- a start at a level ---- */

static struct job_request shrinking(const char *script, const char *level_command)
{
    struct job_request request = elastic(script, level_command);
    request.levels[0].accelerators = 8;
    request.levels[1].accelerators = 4;
    request.accelerator_classes = 1;
    return request;
}

/* One that ignores its environment draws all its power until the command has capped it. */
static void test_a_start_at_a_level_runs_the_level_command(void **state)
{
    struct site *site = *state;
    name_classes(site, "h100", "a100");
    reopen(site);
    struct job_request request =
        shrinking("echo at $TIDEWATT_LEVEL; exec sleep 1000", "echo to $TIDEWATT_LEVEL");
    int64_t id = submit(site, &request);
    order_level(site, VERB_JOB_START, id, 1);
    const struct job *job = await_state(site, id, JOB_RUNNING);
    assert_int_equal(job->level, 0);
    assert_int_equal(job->level_asked, 1);
    reopen(site); /* and the next daemon knows it */
    poll_site(site);
    assert_int_equal(find(site, id)->level_asked, 1);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 1);
    cancel(site, id);
}

static void test_a_start_at_a_level_reads_nothing_back(void **state)
{
    struct site *site = *state;
    name_classes(site, "h100", "a100");
    reopen(site);
    struct job_request request = shrinking(
        "echo at $TIDEWATT_LEVEL; exec sleep 1000",
        "until grep -q at $TIDEWATT_OUTPUT; do sleep 0.01; done; echo to $TIDEWATT_LEVEL");
    int64_t id = submit(site, &request);
    order_level(site, VERB_JOB_START, id, 1);
    await_state(site, id, JOB_RUNNING);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 1);
    assert_int_equal(find(site, id)->restarts, 0);
    await_output(site, id, "at 1\nto 1\n");
    cancel(site, id);
}

static void test_an_opening_cut_short_is_over(void **state)
{
    struct site *site = *state;
    name_classes(site, "h100", "a100");
    reopen(site);
    struct job_request request = shrinking("exec sleep 1000", "true");
    int64_t id = submit(site, &request);
    order_level(site, VERB_JOB_START, id, 1);
    await_state(site, id, JOB_RUNNING);
    order(site, VERB_JOB_SUSPEND, id);
    assert_int_equal(await_state(site, id, JOB_SUSPENDED)->level, 0);
    order(site, VERB_JOB_RESUME, id);
    await_state(site, id, JOB_RUNNING);
    for (int waited = 0; waited < PATIENCE_MS && order_level(site, VERB_JOB_LEVEL, id, 1) != 0;
         waited += 10) { /* until the old command has ended */
        nap(10);
        poll_site(site);
    }
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 1);
    assert_int_equal(find(site, id)->restarts, 2); /* the resumption, and the change */
    cancel(site, id);
}

static void test_a_start_that_cannot_be_capped_counts_in_full(void **state)
{
    struct site *site = *state;
    struct error trouble = {""};
    struct job_request request = elastic("exec sleep 1000", "exit 3");
    int64_t id = submit(site, &request);
    order_level(site, VERB_JOB_START, id, 1);
    await_state(site, id, JOB_RUNNING);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 0);
    assert_true(job_power_w(find(site, id)) == 4000);
    assert_true(batch_local_trouble(site->batch, &trouble));
    assert_non_null(strstr(trouble.text, "level command"));
    cancel(site, id);
}

/* ---- a change cut short ---- */

static void run_capped(struct site *site, int64_t id)
{
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), 0);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 1);
}

/* The daemon's life until it is killed: right after it asked a job to grow. */
static _Noreturn void live_until_raise(struct site *site)
{
    struct job_request request = elastic("exec sleep 1000", "echo to $TIDEWATT_LEVEL");
    open_site(site);
    int64_t id = submit(site, &request);
    run_capped(site, id);
    order_level(site, VERB_JOB_LEVEL, id, 0);
    kill(getpid(), SIGKILL);
    _exit(3);
}

static void test_a_raise_outlives_the_daemon(void **state)
{
    struct site *site = *state;
    const int64_t id = 1;
    int status;
    site->batch->verbs->destroy(site->batch);
    site->batch = NULL;
    pid_t daemon = fork();
    assert_true(daemon >= 0);
    if (daemon == 0)
        live_until_raise(site);
    waitpid(daemon, &status, 0);
    assert_true(WIFSIGNALED(status));
    open_site(site);
    assert_int_equal(find(site, id)->level, 1);
    assert_int_equal(find(site, id)->level_asked, 0); /* counted as the larger */
    poll_site(site);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 0);
    await_output(site, id, "to 1\nto 0\nto 0\n"); /* the second is ours */
    cancel(site, id);
}

/* It has grown under the former daemon, and cannot grow twice. */
static void test_a_raise_in_doubt_counts_in_full(void **state)
{
    struct site *site = *state;
    struct error trouble = {""};
    char grown[128], script[256];
    snprintf(grown, sizeof(grown), "%s/grown", site->folder);
    snprintf(script, sizeof(script), "[ $TIDEWATT_LEVEL = 1 ] || mkdir %s", grown);
    struct job_request request = elastic("exec sleep 1000", script);
    int64_t id = submit(site, &request);
    run_capped(site, id);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 0), 0);
    for (int waited = 0; waited < PATIENCE_MS && access(grown, F_OK) < 0; waited += 10)
        nap(10);
    reopen(site);
    poll_site(site);
    await_settled(site, id);
    assert_int_equal(find(site, id)->level, 0);
    assert_true(batch_local_trouble(site->batch, &trouble));
    assert_non_null(strstr(trouble.text, "counts as of level 0"));
    cancel(site, id);
}

static void test_a_raise_cut_by_a_suspension_counts_in_full(void **state)
{
    struct site *site = *state;
    struct job_request request = elastic("exec sleep 1000", "true");
    int64_t id = submit(site, &request);
    run_capped(site, id);
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 0), 0);
    order(site, VERB_JOB_SUSPEND, id);
    assert_int_equal(await_state(site, id, JOB_SUSPENDED)->level, 0);
    cancel(site, id);
}

/* One helper at a time: the level command gives way to the checkpoint. */
static void test_a_checkpoint_ends_a_level_command(void **state)
{
    struct site *site = *state;
    char pid_path[128], text[256];
    snprintf(pid_path, sizeof(pid_path), "%s/pid", site->folder);
    snprintf(text, sizeof(text), "echo $$ > %s; exec sleep 1000", pid_path);
    struct job_request request = elastic("trap 'exit 85' USR1; echo ready; "
                                         "while :; do sleep 0.02; done",
                                         text);
    snprintf(request.checkpoint, sizeof(request.checkpoint), "kill -USR1 $TIDEWATT_PID");
    int64_t id = submit(site, &request);
    order(site, VERB_JOB_START, id);
    await_state(site, id, JOB_RUNNING);
    await_output(site, id, "ready\n");
    assert_int_equal(order_level(site, VERB_JOB_LEVEL, id, 1), 0);
    for (int waited = 0; waited < PATIENCE_MS && count_lines(pid_path) == 0; waited += 10)
        nap(10);
    read_text(pid_path, text, sizeof(text));
    order(site, VERB_JOB_SUSPEND, id);
    await_state(site, id, JOB_SUSPENDED);
    assert_int_equal(kill(atoi(text), 0), -1); /* gone, and waited for */
    cancel(site, id);
}

/* ---- an edited configuration ---- */

static void name_groups(struct site *site, const char *first, const char *second)
{
    site->config.group_count = 2;
    site->config.groups[0] = (struct rack_group){.limit_w = 5000, .accelerators = {8, 8}};
    site->config.groups[1] = site->config.groups[0];
    snprintf(site->config.groups[0].name, LIMIT_NAME, "%s", first);
    snprintf(site->config.groups[1].name, LIMIT_NAME, "%s", second);
    site->config.groups[1].feeder = 1;
    name_classes(site, "h100", "a100");
    reopen(site);
}

static int64_t run_on(struct site *site, int32_t group)
{
    struct error error = {""};
    struct job_request request = shell("exec sleep 1000");
    request.levels[0] = (struct job_level){4000, 1, 8};
    request.level_count = 1;
    request.accelerator_classes = 2;
    int64_t id = submit(site, &request);
    struct command start = {
        .verb = VERB_JOB_START, .job_id = id, .group = group, .reason = REASON_PLANNED};
    assert_int_equal(site->batch->verbs->command(site->batch, &start, site_now(site), &error), 0);
    await_state(site, id, JOB_RUNNING);
    return id;
}

static void test_names_hold_places_and_classes(void **state)
{
    struct site *site = *state;
    struct error trouble;
    name_groups(site, "A1", "A2");
    int64_t id = run_on(site, 1);
    name_groups(site, "A2", "A1");
    name_classes(site, "a100", "h100");
    reopen(site);
    assert_int_equal(find(site, id)->group, 0);
    assert_int_equal(find(site, id)->feeder, 0);
    assert_int_equal(find(site, id)->accelerator_classes, 1);
    assert_false(batch_local_trouble(site->batch, &trouble));
    cancel(site, id);
}

static void test_a_lost_group_is_told_and_may_come_back(void **state)
{
    struct site *site = *state;
    struct error trouble = {""};
    name_groups(site, "A1", "A2");
    int64_t id = run_on(site, 1);
    name_groups(site, "A1", "B");
    assert_int_equal(find(site, id)->group, -1);
    assert_int_equal(find(site, id)->feeder, -1);
    assert_true(batch_local_trouble(site->batch, &trouble));
    assert_non_null(strstr(trouble.text, "job 1"));
    assert_non_null(strstr(trouble.text, "\"A2\""));
    poll_site(site);
    order(site, VERB_JOB_SUSPEND, id); /* what is saved meanwhile does not forget it */
    await_state(site, id, JOB_SUSPENDED);
    name_groups(site, "A2", "A1");
    assert_int_equal(find(site, id)->group, 0);
    assert_false(batch_local_trouble(site->batch, &trouble));
    cancel(site, id);
}

static void test_a_lost_class_is_refused(void **state)
{
    struct site *site = *state;
    struct error trouble = {""};
    name_groups(site, "A1", "A2");
    int64_t id = run_on(site, 1);
    name_classes(site, "h100", "b200");
    reopen(site);
    assert_int_equal(find(site, id)->accelerator_classes, 4); /* of none, not any */
    assert_true(batch_local_trouble(site->batch, &trouble));
    assert_non_null(strstr(trouble.text, "\"a100\""));
    cancel(site, id);
}

/* Replaces what stands from the key up to the end by a number. */
static void make_number(const struct site *site, int64_t id, const char *file, const char *key,
                        const char *end, int number)
{
    char path[LIMIT_PATH], text[4096], name[64];
    path_in(site, id, file, path);
    read_text(path, text, sizeof(text));
    snprintf(name, sizeof(name), "\"%s\": ", key);
    char *from = strstr(text, name);
    assert_non_null(from);
    char *rest = strstr(from + strlen(name), end);
    assert_non_null(rest);
    FILE *out = fopen(path, "w");
    fprintf(out, "%.*s%s%d%s", (int)(from - text), text, name, number, rest + strlen(end));
    fclose(out);
}

static void test_numbers_of_old_files_are_read(void **state)
{
    struct site *site = *state;
    struct error trouble;
    name_groups(site, "A1", "A2");
    int64_t id = run_on(site, 0);
    make_number(site, id, "state.json", "group", "\"A1\"", 1);
    make_number(site, id, "job.json", "accelerator_classes", "]", 3);
    reopen(site);
    assert_int_equal(find(site, id)->group, 1);
    assert_int_equal(find(site, id)->feeder, 1);
    assert_int_equal(find(site, id)->accelerator_classes, 3);
    assert_false(batch_local_trouble(site->batch, &trouble));
    cancel(site, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_level_command_changes_the_level),
        TEST(test_a_failing_level_command_changes_nothing),
        TEST(test_a_job_starts_at_its_level),
        TEST(test_own_policy_keeps_groups_and_accelerators),
        TEST(test_a_start_at_a_level_runs_the_level_command),
        TEST(test_a_start_at_a_level_reads_nothing_back),
        TEST(test_an_opening_cut_short_is_over),
        TEST(test_a_start_that_cannot_be_capped_counts_in_full),
        TEST(test_a_raise_outlives_the_daemon),
        TEST(test_a_raise_in_doubt_counts_in_full),
        TEST(test_a_raise_cut_by_a_suspension_counts_in_full),
        TEST(test_a_checkpoint_ends_a_level_command),
        TEST(test_names_hold_places_and_classes),
        TEST(test_a_lost_group_is_told_and_may_come_back),
        TEST(test_a_lost_class_is_refused),
        TEST(test_numbers_of_old_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
