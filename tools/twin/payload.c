/* tidewatt-payload: a job for demonstrations. It "computes" for a given site running time by
 * sleeping through it in small steps, so that hundreds run on one machine, and it can be
 * suspended by signal or by checkpoint like a real training job. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/base/clock.h"
#include "controller/base/utc.h"
#include "tools/twin/options.h"

enum {
    STEP_MS = 40,              /* real */
    STOPPED_STEP_MOST_MS = 50, /* counted of a step in which the job was stopped */
    STEP_MOST_MS = 1000,       /* counted of any other: a busy machine is no standstill, a
                                  suspended one is */
    CHECKPOINTED = 85,         /* exit status: stopped by checkpoint, start me again */
    REPORTS = 10,
};

struct payload {
    int64_t work_ms, exit_status;
    double speed, done_ms; /* site time */
    const char *checkpoint_path;
};

static volatile sig_atomic_t checkpoint_asked, was_stopped;

static void on_checkpoint(int signal_number)
{
    (void)signal_number;
    checkpoint_asked = 1;
}

static void on_continue(int signal_number)
{
    (void)signal_number;
    was_stopped = 1;
}

static int write_progress(const char *path, double done_ms)
{
    FILE *file = fopen(path, "we");
    bool written;

    if (file == NULL)
        return -1;
    written = fprintf(file, "%.0f\n", done_ms) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    return fclose(file) == 0 && written ? 0 : -1;
}

/* Whole or not at all: the old progress stays until the new one is on disk. */
static int save(const struct payload *payload, struct error *error)
{
    char path[LIMIT_PATH];

    if (payload->checkpoint_path == NULL)
        return 0;
    snprintf(path, sizeof(path), "%s.new", payload->checkpoint_path);
    if (write_progress(path, payload->done_ms) == 0 && rename(path, payload->checkpoint_path) == 0)
        return 0;
    return error_set(error, ERROR_SYSTEM, "--checkpoint %s: %s", payload->checkpoint_path,
                     strerror(errno));
}

static int resume(struct payload *payload, struct error *error)
{
    FILE *file = payload->checkpoint_path == NULL ? NULL : fopen(payload->checkpoint_path, "re");
    int read;

    if (file == NULL)
        return 0;
    read = fscanf(file, "%lf", &payload->done_ms);
    fclose(file);
    if (read != 1 || payload->done_ms < 0)
        return error_set(error, ERROR_INVALID, "--checkpoint %s: holds no progress; remove it",
                         payload->checkpoint_path);
    return 0;
}

/* Real time to count for a step that took `real_ms`. */
static double counted_ms(double real_ms)
{
    double most_ms = was_stopped ? STOPPED_STEP_MOST_MS : STEP_MOST_MS;

    was_stopped = 0;
    return real_ms < most_ms ? real_ms : most_ms;
}

static void report(const struct payload *payload, int *reported)
{
    int tenth = (int)(REPORTS * payload->done_ms / (double)payload->work_ms);

    if (tenth == *reported)
        return;
    *reported = tenth;
    printf("%3d %% of the work is done\n", 100 * (tenth < REPORTS ? tenth : REPORTS) / REPORTS);
    fflush(stdout);
}

/* Until the work is done or a checkpoint is asked for. */
static void work(struct payload *payload)
{
    const struct timespec pause = {.tv_nsec = STEP_MS * 1000000L};
    int64_t before_ns = clock_mono_ns();
    int reported = -1;

    while (payload->done_ms < (double)payload->work_ms && !checkpoint_asked) {
        int64_t now_ns;

        report(payload, &reported);
        nanosleep(&pause, NULL);
        now_ns = clock_mono_ns();
        payload->done_ms += counted_ms((double)(now_ns - before_ns) / 1e6) * payload->speed;
        before_ns = now_ns;
    }
    report(payload, &reported);
}

static int read_options(struct payload *payload, int argc, char **argv, struct error *error)
{
    const struct option_row table[] = {
        {"work", OPTION_DURATION, "TIME", "site running time it needs, e.g. 4h", &payload->work_ms,
         1, 3650.0 * DAY_MS},
        {"speed", OPTION_NUMBER, "FACTOR", "site seconds a real second ($TIDEWATT_SPEED, else 1)",
         &payload->speed, 1e-3, 1e5},
        {"checkpoint", OPTION_TEXT, "FILE", "on SIGUSR2 saves its progress there and exits 85",
         &payload->checkpoint_path, 0, 0},
        {"exit", OPTION_INTEGER, "STATUS", "exit status at the end (0)", &payload->exit_status, 0,
         255},
        {0},
    };
    const char *speed = getenv("TIDEWATT_SPEED");
    int result;

    if (speed != NULL)
        payload->speed = strtod(speed, NULL);
    result = options_parse(table, "tidewatt-payload", "A job that only takes its time.", argc, argv,
                           error);
    if (result == 0 && payload->work_ms == 0)
        return error_set(error, ERROR_INVALID, "--work is missing: say how long, e.g. --work 4h");
    if (result == 0 && !(payload->speed > 0))
        return error_set(error, ERROR_INVALID, "TIDEWATT_SPEED=%s: must be above 0", speed);
    return result;
}

int main(int argc, char **argv)
{
    struct payload payload = {.speed = 1};
    const struct sigaction checkpointing = {.sa_handler = on_checkpoint};
    const struct sigaction continuing = {.sa_handler = on_continue};
    struct error error;
    int result = read_options(&payload, argc, argv, &error);

    if (result == OPTIONS_HELP_SHOWN)
        return EXIT_SUCCESS;
    sigaction(SIGUSR2, &checkpointing, NULL);
    sigaction(SIGCONT, &continuing, NULL);
    if (result == 0)
        result = resume(&payload, &error);
    if (result == 0) {
        work(&payload);
        result = checkpoint_asked ? save(&payload, &error) : 0;
    }
    if (result < 0) {
        fprintf(stderr, "tidewatt-payload: %s\n", error.text);
        return EXIT_FAILURE;
    }
    if (checkpoint_asked && payload.done_ms < (double)payload.work_ms)
        return CHECKPOINTED;
    if (payload.checkpoint_path != NULL)
        unlink(payload.checkpoint_path);
    return (int)payload.exit_status;
}
