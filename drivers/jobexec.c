/* tidewatt-jobexec: the supervisor of one running job. It outlives the daemon, so that the end of
 * a command is recorded even while no daemon runs.
 *
 *   tidewatt-jobexec DIRECTORY JOB_ID SPEED WORKING_DIRECTORY COMMAND [ARGUMENT...]
 *
 * Descriptor 3 is the job's lock, held as long as we live. The order is what makes a job run once:
 * the child waits; its identity is on disk; only then it may execute the command. Without a pid
 * file the command certainly did not run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/spool_file.h"

enum { ARG_DIRECTORY = 1, ARG_JOB_ID, ARG_SPEED, ARG_WORKING_DIRECTORY, ARG_COMMAND };
enum { STATUS_CANNOT_TELL = 126, STATUS_CANNOT_RUN = 127 };

static const int outlived[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT};
enum { OUTLIVED = sizeof(outlived) / sizeof(outlived[0]) };

static void set_signals(void (*handler)(int))
{
    for (int i = 0; i < OUTLIVED; i++)
        signal(outlived[i], handler);
}

static void set_environment(char **argv)
{
    static const char *const of_the_daemon[] = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC",
                                                "LISTEN_FDS",    "LISTEN_PID",   "LISTEN_FDNAMES"};
    for (size_t i = 0; i < sizeof(of_the_daemon) / sizeof(of_the_daemon[0]); i++)
        unsetenv(of_the_daemon[i]);
    char output[LIMIT_PATH];
    snprintf(output, sizeof(output), "%s/output", argv[ARG_DIRECTORY]);
    setenv("TIDEWATT_JOB_ID", argv[ARG_JOB_ID], 1);
    setenv("TIDEWATT_SPEED", argv[ARG_SPEED], 1);
    setenv("TIDEWATT_OUTPUT", output, 1);
}

/* The child: waits for the word to go (an end of file means that the supervisor died). */
static _Noreturn void become_command(char **argv, int go, int failed)
{
    char word;
    setpgid(0, 0);
    if (read(go, &word, 1) != 1)
        _exit(STATUS_CANNOT_RUN);
    set_signals(SIG_DFL);
    set_environment(argv);
    if (chdir(argv[ARG_WORKING_DIRECTORY]) == 0)
        execvp(argv[ARG_COMMAND], &argv[ARG_COMMAND]);
    int cause = errno;
    fprintf(stderr, "tidewatt: cannot run '%s' in '%s': %s\n", argv[ARG_COMMAND],
            argv[ARG_WORKING_DIRECTORY], strerror(cause));
    _exit(write(failed, &cause, sizeof(cause)) < 0 ? STATUS_CANNOT_TELL : STATUS_CANNOT_RUN);
}

/* 0 when the command was executed, else the cause. */
static int release_child(int go, int failed)
{
    int cause;
    if (write(go, "g", 1) != 1)
        return errno;
    close(go);
    ssize_t got;
    do
        got = read(failed, &cause, sizeof(cause));
    while (got < 0 && errno == EINTR);
    return got == sizeof(cause) ? cause : 0;
}

/* A full disk must not turn an end into a loss: the lock stays held until it is written. */
static void record_exit(const char *directory, const struct spool_exit *ending)
{
    struct error error;
    while (spool_write_exit(AT_FDCWD, directory, ending, &error) < 0) {
        fprintf(stderr, "tidewatt: %s\n", error.text);
        sleep(1);
    }
}

/* The zombie keeps its pid (and group) from being used again until the end is on disk. */
static void await_end(pid_t child, int cause, struct spool_exit *ret_ending)
{
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    kill(-child, SIGKILL);
    ret_ending->at_ms = real_now_ms();
    ret_ending->end = info.si_code == CLD_EXITED ? SPOOL_EXITED : SPOOL_SIGNALLED;
    ret_ending->value = info.si_status;
    if (cause != 0) {
        ret_ending->end = SPOOL_NOT_STARTED;
        ret_ending->value = cause;
    }
}

static int supervise(char **argv, pid_t child, int go, int failed)
{
    struct error error;
    struct spool_pid identity;
    struct spool_exit ending;
    setpgid(child, child);
    if (!process_identify(child, &identity) ||
        spool_write_pid(AT_FDCWD, argv[ARG_DIRECTORY], &identity, &error) < 0) {
        close(go);
        return STATUS_CANNOT_RUN;
    }
    int cause = release_child(go, failed);
    await_end(child, cause, &ending);
    record_exit(argv[ARG_DIRECTORY], &ending);
    waitpid(child, NULL, 0);
    return 0;
}

int main(int argc, char **argv)
{
    int go[2], failed[2];
    if (argc <= ARG_COMMAND || fcntl(SPOOL_LOCK_FD, F_SETFD, FD_CLOEXEC) < 0) {
        fprintf(stderr, "tidewatt-jobexec is started by tidewattd for each job\n");
        return 2;
    }
    set_signals(SIG_IGN);
    close_range(SPOOL_LOCK_FD + 1, ~0U, 0);
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
        return STATUS_CANNOT_RUN;
    pid_t child = fork();
    if (child < 0)
        return STATUS_CANNOT_RUN;
    if (child == 0) {
        close(go[1]);
        become_command(argv, go[0], failed[1]);
    }
    close(go[0]);
    close(failed[1]);
    return supervise(argv, child, go[1], failed[0]);
}
