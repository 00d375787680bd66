/* collectd's modbus plugin as a client: a process with a configuration made for it, whose reads the
 * devices count. It has no plugin that writes values anywhere. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/bench_devices.h"
#include "tools/bench/bench_peers.h"

#define PROGRAM "/usr/sbin/collectd"
#define INTERVAL "0.0001" /* s: never the limit */

enum {
    READ_THREADS = 5,      /* collectd's default */
    WRITE_QUEUE = 10000,   /* values; without it they would pile up when reads outrun writes */
    START_MS = 10000,      /* for the first reads */
    START_STEP_US = 10000, /* between looks at them */
};

static void write_config(FILE *file, const struct task *task)
{
    fprintf(file,
            "Hostname \"bench\"\nFQDNLookup false\nBaseDir \"/tmp\"\nReadThreads %d\n"
            "WriteQueueLimitHigh %d\nWriteQueueLimitLow %d\nLoadPlugin modbus\n<Plugin modbus>\n",
            READ_THREADS, WRITE_QUEUE, WRITE_QUEUE);
    for (int block = 0; block < BLOCKS; block++)
        fprintf(file,
                "<Data \"b%d\">\nRegisterBase %d\nRegisterType Uint32\nType gauge\n"
                "Instance \"b%d\"\n</Data>\n",
                block, block * BLOCK_SPAN, block);
    for (int d = 0; d < task->devices; d++) {
        fprintf(file,
                "<Host \"m%d\">\nAddress \"127.0.0.1\"\nPort %u\nInterval " INTERVAL "\n"
                "<Slave 1>\nInstance \"m%d\"\n",
                d, task->port, d);
        for (int block = 0; block < BLOCKS; block++)
            fprintf(file, "Collect \"b%d\"\n", block);
        fprintf(file, "</Slave>\n</Host>\n");
    }
    fprintf(file, "</Plugin>\n");
}

static pid_t start(const char *config)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
        _exit(127);
    execl(PROGRAM, PROGRAM, "-f", "-C", config, (char *)NULL);
    _exit(127);
}

static void wait_for_reads(pid_t pid, int64_t most)
{
    for (int waited_us = 0; device_reads() < most; waited_us += START_STEP_US) {
        if (waited_us > START_MS * 1000 || waitpid(pid, NULL, WNOHANG) != 0)
            die(PROGRAM " does not read (tools/setup packages bench installs it)");
        usleep(START_STEP_US);
    }
}

/* The field of /proc/PID/`file` after `skip` blanks; counted behind the program's name in stat. */
static double process_figure(pid_t pid, const char *name, int skip)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file))
        die(path);
    fclose(file);
    const char *at = strrchr(text, ')') ? strrchr(text, ')') : text;
    for (; skip > 0; skip--)
        at = strchr(at, ' ') + 1;
    return atof(at);
}

static double process_cpu_us(pid_t pid)
{
    double ticks = process_figure(pid, "stat", 12) + process_figure(pid, "stat", 13);
    return ticks / (double)sysconf(_SC_CLK_TCK) * 1e6;
}

static struct figures measure(pid_t pid, int64_t run_ns)
{
    const struct timespec run = {.tv_sec = run_ns / 1000000000, .tv_nsec = run_ns % 1000000000};
    int64_t reads = device_reads(), start_ns = mono_ns();
    double cpu = process_cpu_us(pid);
    nanosleep(&run, NULL);
    return (struct figures){.reads = device_reads() - reads,
                            .wall_us = (double)(mono_ns() - start_ns) / 1e3,
                            .cpu_us = process_cpu_us(pid) - cpu,
                            .resident_mib = process_figure(pid, "statm", 1) *
                                            (double)sysconf(_SC_PAGESIZE) / 1048576};
}

struct figures run_collectd(const struct task *task)
{
    char path[] = "/tmp/bench-collectd-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        die(path);
    write_config(file, task);
    fclose(file);
    int64_t before = device_reads();
    pid_t pid = start(path);
    wait_for_reads(pid, before + (int64_t)WARM_UP_ROUNDS * task->devices * BLOCKS);
    struct figures figures = measure(pid, task->run_ns);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    unlink(path);
    return figures;
}
