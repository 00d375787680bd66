/* What all benchmarks need: clocks, memory, rows of figures. */
#include "tools/bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

double cpu_us(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e3;
}

static double status_mib(const char *key)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && kib < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = atol(line + strlen(key));
    if (kib < 0)
        die("/proc/self/status");
    fclose(file);
    return (double)kib / 1024;
}

double resident_mib(void)
{
    return status_mib("VmRSS:");
}

double peak_mib(void)
{
    return status_mib("VmHWM:");
}

void peak_restart(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file || fputs("5", file) < 0 || fclose(file) != 0)
        die("/proc/self/clear_refs");
}

void print_row(const char *figure, const char *value, const char *beside, double ratio)
{
    char text[32] = "-";
    if (!isnan(ratio))
        snprintf(text, sizeof text, "%.*f", ratio < 0.1 ? 4 : 2, ratio);
    printf("%-38s  %22s  %-20s  %s\n", figure, value, beside ? beside : "-", text);
}
