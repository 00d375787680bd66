/* posix_spawn instead of fork: the daemon has threads, and its address space need not be copied. */
#include "drivers/batch_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIXED_ARGS = 5, NUMBER_TEXT = 32, PATH_BELOW = LIMIT_PATH + 64, VARIABLE_TEXT = PATH_BELOW };

static const char program_name[] = "tidewatt-jobexec";

extern char **environ;

int batch_process_find(const char *configured, char ret_path[LIMIT_PATH], struct error *error)
{
    char path[LIMIT_PATH] = "";
    if (configured[0] != '\0') {
        snprintf(path, sizeof(path), "%s", configured);
    } else {
        ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(program_name) - 1);
        char *slash = length > 0 ? strrchr(path, '/') : NULL;
        if (slash)
            snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s", program_name);
    }
    if (access(path, X_OK) < 0)
        return error_set(error, ERROR_INVALID,
                         "%s: %s; install it beside the daemon or configure its path", path,
                         strerror(errno));
    memcpy(ret_path, path, sizeof(path));
    return 0;
}

/* A fresh start: default signals, nothing blocked, no terminal, output appended to the job's file.
 */
static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                   const char *output, short flags)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int r = posix_spawn_file_actions_init(actions);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(attributes);
    if (r != 0) {
        posix_spawn_file_actions_destroy(actions);
        return r;
    }
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setflags(attributes,
                             (short)(flags | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
    return 0;
}

static int spawn(char *const *argv, char *const *environment, const char *output, int lock_fd,
                 short flags, pid_t *ret_pid, struct error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r = prepare(&actions, &attributes, output, flags);
    if (r == 0) {
        if (lock_fd >= 0)
            r = posix_spawn_file_actions_adddup2(&actions, lock_fd, SPOOL_LOCK_FD);
        if (r == 0)
            r = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environment);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    if (r != 0)
        return error_set(error, ERROR_SYSTEM, "cannot start %s: %s", argv[0], strerror(r));
    return 0;
}

static void job_paths(const struct batch_process_config *config, int64_t id,
                      char ret_directory[PATH_BELOW], char ret_output[PATH_BELOW + 8])
{
    snprintf(ret_directory, PATH_BELOW, "%s/%" PRId64, config->spool->path, id);
    snprintf(ret_output, PATH_BELOW + 8, "%s/output", ret_directory);
}

/* Ours without what it says of levels, with the job's: its variables go first. */
enum { LEVEL_VARIABLES = 2, MOST_VARIABLES = 1024 };

static void level_variables(const struct job *job, char text[LEVEL_VARIABLES][VARIABLE_TEXT])
{
    snprintf(text[0], VARIABLE_TEXT, "TIDEWATT_LEVEL=%d", job->level_asked);
    snprintf(text[1], VARIABLE_TEXT, "TIDEWATT_POWER_W=%.0f",
             job_level_power_w(job, job->level_asked));
}

static void inherit(char *environment[MOST_VARIABLES + 1],
                    char text[LEVEL_VARIABLES][VARIABLE_TEXT])
{
    int count = 0;
    while (count < LEVEL_VARIABLES) {
        environment[count] = text[count];
        count++;
    }
    for (char **own = environ; *own && count < MOST_VARIABLES; own++)
        if (strncmp(*own, "TIDEWATT_LEVEL=", 15) != 0 &&
            strncmp(*own, "TIDEWATT_POWER_W=", 17) != 0)
            environment[count++] = *own;
    environment[count] = NULL;
}

int batch_process_start(const struct batch_process_config *config, const struct job *job,
                        const struct job_request *request, int lock_fd, pid_t *ret_supervisor,
                        struct error *error)
{
    int64_t id = job->id;
    char variables[LEVEL_VARIABLES][VARIABLE_TEXT];
    char *environment[MOST_VARIABLES + 1];
    char directory[PATH_BELOW], output[PATH_BELOW + 8], job_id[NUMBER_TEXT], speed[NUMBER_TEXT];
    char *argv[FIXED_ARGS + LIMIT_JOB_ARGS + 1];
    job_paths(config, id, directory, output);
    snprintf(job_id, sizeof(job_id), "%" PRId64, id);
    snprintf(speed, sizeof(speed), "%g", config->speed);
    int count = 0;
    argv[count++] = (char *)config->jobexec;
    argv[count++] = directory;
    argv[count++] = job_id;
    argv[count++] = speed;
    argv[count++] = request->directory[0] ? (char *)request->directory : directory;
    const char *word = request->command;
    for (int i = 0; i < request->argc; i++) {
        argv[count++] = (char *)word;
        word += strlen(word) + 1;
    }
    argv[count] = NULL;
    level_variables(job, variables);
    inherit(environment, variables);
    return spawn(argv, environment, output, lock_fd, POSIX_SPAWN_SETSID, ret_supervisor, error);
}

int batch_process_help(const struct batch_process_config *config, const struct job *job,
                       const char *text, pid_t command, pid_t *ret_helper, struct error *error)
{
    char directory[PATH_BELOW], output[PATH_BELOW + 8];
    char variables[5][VARIABLE_TEXT + 24], levels[LEVEL_VARIABLES][VARIABLE_TEXT];
    char *environment[] = {variables[0], variables[1], variables[2], variables[3],
                           variables[4], levels[0],    levels[1],    NULL};
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)text, NULL};
    const char *path = getenv("PATH");
    job_paths(config, job->id, directory, output);
    level_variables(job, levels);
    snprintf(variables[0], sizeof(variables[0]), "TIDEWATT_JOB_ID=%" PRId64, job->id);
    snprintf(variables[1], sizeof(variables[1]), "TIDEWATT_PID=%d", (int)command);
    snprintf(variables[2], sizeof(variables[2]), "TIDEWATT_SPEED=%g", config->speed);
    snprintf(variables[3], sizeof(variables[3]), "TIDEWATT_OUTPUT=%s", output);
    snprintf(variables[4], sizeof(variables[4]), "PATH=%s", path ? path : "/usr/bin:/bin");
    return spawn(argv, environment, output, -1, POSIX_SPAWN_SETPGROUP, ret_helper, error);
}

enum child batch_process_reap(pid_t child, int *ret_status)
{
    pid_t reaped = waitpid(child, ret_status, WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno == EINTR))
        return CHILD_RUNS;
    return reaped == child ? CHILD_ENDED : CHILD_UNKNOWN;
}

void batch_process_signal(const struct spool_pid *command, int signal_number)
{
    if (command->pid > 1 && process_state(command) != 0)
        kill(-command->pid, signal_number);
}
