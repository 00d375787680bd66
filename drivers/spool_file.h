/* The small files by which the local runner and a job's supervisor tell each other, over crashes
 * of either, what became of a command; and what /proc says of a process. */
#ifndef TIDEWATT_DRIVERS_SPOOL_FILE_H
#define TIDEWATT_DRIVERS_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "controller/base/error.h"

enum { SPOOL_ABSENT = 1 }; /* positive result of the readers: there is no such file, or it is empty */
enum { SPOOL_LOCK_FD = 3 }; /* where a supervisor finds its job's lock */
enum { SPOOL_CHECKPOINTED = 85 }; /* exit status of a command that ended to be started again */

/* Identifies a process for good: a pid alone is used again. */
struct spool_pid {
    pid_t pid;              /* of the command, and its process group; 0: unknown */
    uint64_t start_ticks;   /* when the process started, in ticks since boot */
    char boot[40];          /* which boot */
    int64_t at_ms;          /* real UTC */
};

enum spool_end { SPOOL_EXITED, SPOOL_SIGNALLED, SPOOL_NOT_STARTED };

struct spool_exit {
    enum spool_end end;
    int value;              /* status, signal or errno */
    int64_t at_ms;          /* real UTC */
};

/* All paths are relative to `at` (a directory descriptor or AT_FDCWD): DIRECTORY/NAME. */

/* Replaces the file as a whole. `durable`: on the disk, also after a power failure. */
int spool_write(int at, const char *directory, const char *name, const char *text, size_t length,
                bool durable, struct error *error);
/* The whole file with a NUL at its end; ERROR_INVALID when it does not fit. */
int spool_read(int at, const char *directory, const char *name, char *ret_text, size_t size,
               struct error *error);

int spool_write_pid(int at, const char *directory, const struct spool_pid *pid,
                    struct error *error);
int spool_read_pid(int at, const char *directory, struct spool_pid *ret_pid, struct error *error);
int spool_write_exit(int at, const char *directory, const struct spool_exit *ending,
                     struct error *error);
int spool_read_exit(int at, const char *directory, struct spool_exit *ret_exit,
                    struct error *error);

/* Opens and takes the job's lock: the descriptor, SPOOL_HELD, or negative. */
enum { SPOOL_HELD = -100 };
int spool_lock(int at, const char *directory, struct error *error);

/* Fills in start ticks and boot of a live process; false: gone. */
bool process_identify(pid_t pid, struct spool_pid *ret_pid);
/* The state letter of /proc/PID/stat ('T': stopped), or 0 when this very process is gone. */
char process_state(const struct spool_pid *pid);

int64_t real_now_ms(void);

#endif
