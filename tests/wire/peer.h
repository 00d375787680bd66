/* Peer programs of the wire tests: started with a pipe, found by the port they print. */
#ifndef TIDEWATT_TESTS_WIRE_PEER_H
#define TIDEWATT_TESTS_WIRE_PEER_H

#include <stdint.h>
#include <sys/types.h>

struct peer {
    pid_t pid;
    uint16_t port;
};

/* Runs a script of this folder with the system's Python and two arguments (NULL: none); returns
 * when it has printed its port. The peer dies with us. Fails the test when it does not start. */
struct peer peer_start(const char *script, const char *argument, const char *argument2);
/* The same for any other program, found as the shell would. */
struct peer peer_run(const char *program, const char *argument);
void peer_stop(struct peer *peer);

#endif
