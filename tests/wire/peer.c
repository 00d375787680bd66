/* Starts and stops peer programs. */
#include "tests/wire/peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(int output, const char *const *arguments)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    execvp(arguments[0], (char *const *)arguments);
    perror(arguments[0]);
    _exit(127);
}

static struct peer start(const char *const *arguments)
{
    int ends[2];
    int port = 0;
    if (pipe(ends) < 0)
        abort();
    struct peer peer = {.pid = fork()};
    if (peer.pid < 0)
        abort();
    if (peer.pid == 0)
        run_child(ends[1], arguments);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    if (output == NULL || fscanf(output, "%d", &port) != 1) {
        fprintf(stderr, "%s %s did not start\n", arguments[0], arguments[1]);
        abort();
    }
    fclose(output);
    peer.port = (uint16_t)port;
    return peer;
}

struct peer peer_start(const char *script, const char *argument, const char *argument2)
{
    char path[4096];
    const char *folder = getenv("WIRE_FOLDER");
    const char *const arguments[] = {"/usr/bin/python3", path, argument, argument2, NULL};
    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : "tests/wire", script);
    return start(arguments);
}

struct peer peer_run(const char *program, const char *argument)
{
    const char *const arguments[] = {program, argument, NULL};
    return start(arguments);
}

void peer_stop(struct peer *peer)
{
    if (peer->pid <= 0)
        return;
    kill(peer->pid, SIGKILL);
    waitpid(peer->pid, NULL, 0);
    peer->pid = 0;
}
